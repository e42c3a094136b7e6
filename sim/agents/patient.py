"""A person who ages, falls ill, seeks care and remembers how it went.

Knows one person's own life; must not know what care costs to give, nor how a provider decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import mesa
import numpy as np

from sim.agents.this_month import ThisMonth
from sim.engine.bills import cover_used_up, entitlement, is_retired
from sim.engine.counting import count_month, count_need
from sim.engine.kernels import cell_of, uid_of
from sim.engine.person import (
    after_stay,
    after_treatment,
    chronic_count,
    course_after_stay,
    entrant,
    is_unmet,
    leaves_list,
    months_on_list,
    need,
    one_more,
    payer_at_age,
    preventive_contact,
    seek,
    untreated_longer,
)
from sim.engine.tables import (
    LISTED,
    NEEDS_BED,
    NO_GROUP,
    PLANNED,
    READMITTED,
    SEEN,
    SENIOR,
    SESSIONS,
    Int,
    Stay,
    Treatment,
)
from sim.health.outcome import updated_experience
from sim.tallies import PersonTally, ProviderTally

if TYPE_CHECKING:
    from sim.agents.provider import Provider

NOBODY = -1
OLDEST = 100


def remembered(value: float) -> float:
    """Return a number as a person keeps it from month to month, in single precision."""
    return float(np.float32(value))


class Patient(mesa.Agent):
    """A person, or rather a place in the population that people fill one after the other.

    The attributes annotated below are the person's whole state and have the names and meanings of
    :class:`sim.population.People`: whole numbers are ``int``, the others ``float`` rounded to
    single precision whenever they are kept. A newborn takes the place of someone who died.

    Parameters
    ----------
    model : HealthSystem
    row : int
        The person's row in the world's columns, and place on every list of people.
    """

    age_months: int
    sex: int
    fifth: int
    income: float
    zone: int
    scheme: int
    is_poor: int
    practice: int
    contract: int
    cover: int
    chronic: int
    control: int
    frailty: float
    generation: int
    ep_group: int
    ep_level: int
    ep_rank: float
    ep_untreated: int
    ep_flags: int
    wait_provider: int
    wait_months: int
    follow_group: int
    follow_left: int
    course: int
    anchor: int
    anchor_left: int
    anchor_fen: int
    last_provider: int
    spent_year: int
    spent_last_year: int
    oop_year: int
    paid_out_year: int
    own_covered_year: int
    covered_out_year: int
    covered_in_year: int
    stays_year: int
    account: int
    experience_practice: float
    experience_secondary: float
    experience_tertiary: float

    def __init__(self, model: mesa.Model, row: int) -> None:
        super().__init__(model)
        self.row = row

    # --- who I am --------------------------------------------------------------------------------

    @property
    def month(self) -> ThisMonth:
        """The month being lived."""
        return cast(ThisMonth, self.model.this_month)

    @property
    def uid(self) -> int:
        """The identity that keys this person's draws: generation and place."""
        return uid_of(self.generation, self.row)

    @property
    def age(self) -> int:
        """Completed years of life."""
        return self.age_months // 12

    @property
    def own_practice(self) -> Provider:
        """The practice whose list the person is on."""
        return self.provider(self.practice)

    @property
    def is_ill(self) -> bool:
        """Whether an episode of illness is open."""
        return self.ep_group != NO_GROUP

    @property
    def needs_bed(self) -> bool:
        """Whether the open episode truly needs a bed."""
        return (self.ep_flags & NEEDS_BED) != 0

    @property
    def is_listed(self) -> bool:
        """Whether the person waits on a provider's list for a bed."""
        return (self.ep_flags & LISTED) != 0

    @property
    def is_readmission(self) -> bool:
        """Whether the open episode is a return within 30 days of a discharge."""
        return (self.ep_flags & READMITTED) != 0

    @property
    def has_cause_for_contact(self) -> bool:
        """Whether the person is ill or has follow-up to come."""
        return self.is_ill or self.follow_left > 0

    @property
    def n_conditions(self) -> int:
        """How many chronic conditions the person lives with."""
        return chronic_count(self.chronic)

    @property
    def is_senior(self) -> bool:
        """Whether the person is of an age at which the shares of the old hold."""
        return self.age >= SENIOR

    @property
    def of_retirement_age(self) -> int:
        """1 from the age of retirement, else 0."""
        return is_retired(self.age_months, self.sex)

    @property
    def has_sessions(self) -> bool:
        """Whether the person is on a course of sessions for life."""
        return self.course >= SESSIONS

    @property
    def entitled(self) -> int:
        """What the person's conditions entitle to as an outpatient."""
        listed_from = self.month.tables.member.listed_from
        return entitlement(
            self.chronic, self.frailty, self.scheme, self.of_retirement_age, listed_from
        )

    @property
    def has_used_up_cover(self) -> int:
        """1 if this year's outpatient cover is used up, else 0."""
        member = self.month.tables.member
        return cover_used_up(
            self.paid_out_year,
            self.oop_year,
            self.cover,
            self.entitled,
            member.used_up,
            member.deductible_met,
        )

    @property
    def tally(self) -> Int:
        """The row in which this month counts people like this one."""
        is_town = int(self.month.tables.member.is_town[self.zone])
        cell = cell_of(self.scheme, self.fifth, self.n_conditions, is_town)
        return cast(Int, self.month.tallies.person[cell])

    def provider(self, row: int) -> Provider:
        """Return the provider of a row."""
        return cast("Provider", self.model.providers[row])

    def minutes_to(self, provider: int) -> float:
        """Return the one-way travel time to a provider, minutes."""
        return float(self.month.tables.member.minutes[self.zone, provider])

    # --- need ------------------------------------------------------------------------------------

    def live(self) -> None:
        """Grow a month older: die, fall ill, get worse or better; be counted."""
        tables = self.month.tables
        member = tables.member
        payer = payer_at_age(
            self.scheme, self.age_months, int(member.senior_payer), int(member.senior_months)
        )
        if payer != self.scheme:
            self.scheme, self.cover, self.paid_out_year = payer, payer, 0
        alive, chronic, control, group, level, rank, untreated, flags, course, events, qaly = need(
            self.age_months,
            self.sex,
            self.chronic,
            self.control,
            self.frailty,
            self.ep_group,
            self.ep_level,
            self.ep_rank,
            self.ep_untreated,
            self.ep_flags,
            self.course,
            float(tables.member.prevention[self.practice]),
            self.uid,
            tables.keys,
            tables.need,
        )
        if self.anchor_left == 1 or not alive:
            self.end_episode()
        elif self.anchor_left > 1:
            self.anchor_left -= 1
        if not alive:
            self.tally[PersonTally.DEATHS] += 1
            self.give_way_to_newborn()
            return
        self.chronic, self.control = chronic, control
        self.ep_group, self.ep_level, self.ep_rank = group, level, remembered(rank)
        self.ep_untreated, self.ep_flags, self.course = untreated, flags, course
        if not self.is_listed:
            self.stop_waiting()
        self._be_counted(events, qaly)
        self.age_months += 1

    def _be_counted(self, events: int, qaly_micro: int) -> None:
        """Enter this month of life in the books of the county and of the own practice."""
        tables = self.month.tables
        member = tables.member
        has_preventive = self.n_conditions > 0 and preventive_contact(
            float(member.contact[self.practice]), self.uid, tables.keys
        )
        count_month(
            self.tally,
            self.own_practice.tally(self.scheme),
            qaly_micro,
            self.n_conditions,
            chronic_count(self.control & self.chronic),
            int(member.risk_milli[min(self.age, OLDEST), self.sex]),
            has_preventive,
        )
        if events != 0:
            avoidable = int(member.avoidable_milli[self.ep_group]) if self.is_ill else 0
            count_need(self.tally, events, avoidable)

    def give_way_to_newborn(self) -> None:
        """Leave the place to a newborn: same home, income and list, the payer of its age."""
        tables = self.month.tables
        self.tally[PersonTally.ACCOUNT_LEFT] += self.account
        self.account = 0
        self.generation += 1
        self.sex, frailty = entrant(self.uid, tables.keys, tables.member.frailty_sd)
        self.frailty = remembered(frailty)
        self.age_months = 0
        self.practice = int(tables.member.home_practice[self.zone])
        self.scheme = self.cover = int(tables.member.newborn_payer[self.scheme])
        self.chronic = self.control = 0
        self.ep_group, self.ep_level, self.ep_rank = NO_GROUP, 0, 0.0
        self.ep_untreated = self.ep_flags = 0
        self.stop_waiting()
        self.follow_group, self.follow_left = NO_GROUP, 0
        self.course = 0
        self.anchor, self.anchor_left, self.anchor_fen = NOBODY, 0, 0
        self.last_provider = NOBODY
        self.spent_year = self.spent_last_year = self.oop_year = 0
        self.paid_out_year = self.own_covered_year = self.stays_year = 0
        self.covered_out_year = self.covered_in_year = 0
        self.experience_practice = self.experience_secondary = self.experience_tertiary = 0.0

    # --- episodes that a contract counts ---------------------------------------------------------

    def open_episode(self, provider: int, group: int) -> None:
        """Make a stay the start of an episode, its provider the anchor, unless one is open."""
        months = int(self.month.tables.member.opens[provider, self.scheme, group])
        if months > 0 and self.anchor_left == 0:
            self.anchor, self.anchor_left, self.anchor_fen = provider, months, 0

    def add_to_episode(self, covered: int) -> None:
        """Add covered spending to the episode that is open, if one is, fen."""
        if self.anchor_left > 0:
            self.anchor_fen += covered

    def end_episode(self) -> None:
        """Have an open episode and what was spent in it counted at its anchor."""
        if self.anchor_left > 0:
            self.month.tallies.episodes[self.anchor, self.scheme] += 1, self.anchor_fen
            self.anchor, self.anchor_left, self.anchor_fen = NOBODY, 0, 0

    # --- seeking care ----------------------------------------------------------------------------

    def seek_care(self) -> None:
        """Keep a follow-up, wait on for a bed, or choose where to be seen, if anywhere."""
        if not self.is_ill:
            back = self.practice if self.last_provider == NOBODY else self.last_provider
            self.provider(back).expect(self)
            return
        if self.is_listed:
            if not self._gives_up_waiting():
                self.provider(self.wait_provider).keep_on_list(self)
                return
            self.ep_flags &= ~LISTED
            self.stop_waiting()
        chosen = self.choose_provider()
        if chosen == NOBODY:
            self.forgo_care()
        else:
            self.provider(chosen).expect(self)

    def choose_provider(self, sent_by: int = NOBODY) -> int:
        """Return the provider where the person wants to be seen, or -1 for no care this month.

        Parameters
        ----------
        sent_by : int
            The practice that has just sent the person to hospital, -1 for nobody.
        """
        tables = self.month.tables
        return seek(
            self.ep_group,
            self.ep_rank,
            self.cover,
            self.entitled,
            self.has_used_up_cover,
            self.contract,
            self.income,
            self.zone,
            self.practice,
            self.experience_practice,
            self.experience_secondary,
            self.experience_tertiary,
            self.account,
            sent_by,
            self.uid,
            tables.keys,
            tables.seek,
        )

    def forgo_care(self) -> None:
        """Go without care this month, by choice or because a provider is full."""
        self.tally[PersonTally.FOREGONE] += 1
        if self.is_ill:
            self.stay_untreated()

    def stay_untreated(self) -> None:
        """Carry the illness on without treatment, which may make it worse."""
        self.ep_untreated = untreated_longer(self.ep_untreated)

    def ignore_referral(self) -> None:
        """Go home from the practice instead of to a hospital."""
        self.ep_flags |= SEEN
        self.stay_untreated()

    def have_sessions(self) -> None:
        """Have this month's sessions of a course for life, where the home's people have them."""
        provider = int(self.month.tables.member.sessions_at[self.zone, self.course - SESSIONS])
        if provider != NOBODY:
            self.provider(provider).gives_sessions(self)

    # --- waiting for a bed -----------------------------------------------------------------------

    def _gives_up_waiting(self) -> bool:
        tables = self.month.tables
        return leaves_list(tables.member.leave_list, self.wait_months, self.uid, tables.keys)

    def join_list(self, provider: int) -> None:
        """Wait for a bed on a provider's list."""
        self.wait_months = months_on_list(
            self.ep_flags, self.wait_provider, self.wait_months, provider
        )
        self.ep_flags |= LISTED
        self.wait_provider = provider
        self.stay_untreated()

    def wait_another_month(self) -> None:
        """Wait on, or ask for a planned stay that has come due."""
        if self.ep_flags & PLANNED:
            self.ep_flags &= ~PLANNED
            return
        self.wait_months = one_more(self.wait_months)

    def stop_waiting(self) -> None:
        """Be on nobody's list."""
        self.wait_provider, self.wait_months = NOBODY, 0

    # --- after care ------------------------------------------------------------------------------

    def pay(self, charge: int, own: int) -> None:
        """Note a charge and what of it the person paid, fen."""
        self.spent_year += charge
        self.oop_year += own

    def pay_from_account(self, own: int) -> None:
        """Let the individual account pay what it can of an own share of outpatient care, fen."""
        paid = min(own, self.account)
        self.account -= paid
        self.tally[PersonTally.ACCOUNT_PAID] += paid

    def remember(self, kind: int, outcome: float) -> None:
        """Blend what a contact felt like into the experience of that kind of provider."""
        step = self.month.tables.member.experience_step
        name = ("experience_practice", "experience_secondary", "experience_tertiary")[kind]
        setattr(self, name, remembered(updated_experience(getattr(self, name), outcome, step)))

    def leave_outpatients(self, provider: int, done: Treatment, is_follow_up: bool) -> None:
        """Go home from a contact: cured, to come again, or still ill."""
        self.last_provider = provider
        (
            self.ep_group,
            self.ep_flags,
            self.ep_untreated,
            self.follow_group,
            self.follow_left,
        ) = after_treatment(
            self.ep_group,
            self.ep_flags,
            self.follow_group,
            self.follow_left,
            is_follow_up,
            done.recovered,
            done.visits,
            done.follow,
        )

    def leave_bed(self, provider: int, done: Stay) -> None:
        """Go home from a stay: recovered, or due back within a month."""
        self.course = course_after_stay(
            self.ep_group,
            self.needs_bed,
            self.ep_flags,
            self.course,
            self.uid,
            self.month.tables.keys,
            self.month.tables.member,
        )
        self.go_home(provider, readmitted=done.readmitted)

    def go_home(self, provider: int, *, readmitted: bool) -> None:
        """Leave a bed: recovered, due back within a month, or to a stay that is planned."""
        member = self.month.tables.member
        self.last_provider = provider
        self.stop_waiting()
        self.ep_untreated = 0
        group = self.ep_group
        self.ep_group, self.ep_flags, self.follow_group, self.follow_left = after_stay(
            group,
            self.needs_bed,
            readmitted,
            int(member.follow_after_stay[group]),
            self.follow_group,
            self.follow_left,
            self.course,
        )
        if self.is_listed:
            self.wait_provider = provider
        if self.needs_bed:
            self.tally[PersonTally.NEED_BED] += 1
            self.tally[PersonTally.NEED_BED_AVOIDABLE] += member.avoidable_milli[group]

    def close_month(self) -> None:
        """Be counted among those who end the month in need of a bed."""
        if not is_unmet(self.ep_group, self.ep_flags):
            return
        self.tally[PersonTally.UNMET_BED] += 1
        if self.is_listed:
            waiting = self.provider(self.wait_provider).tally(self.scheme)
            waiting[ProviderTally.WAITING] += 1
