"""What practices and hospitals have in common: rooms, beds, bills and books.

Knows how a provider deals with one patient; must not know a person's reasons, nor any contract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import mesa
import numpy as np

from sim.agents.this_month import ThisMonth
from sim.engine.bills import (
    course_bill,
    felt_price,
    inpatient_bill,
    outpatient_bill,
    own_share_of,
)
from sim.engine.counting import (
    claim_aftercare,
    claim_contact,
    claim_stay,
    count_aftercare,
    count_experience,
    count_member_spending,
    count_observation,
    count_stay,
    count_treatment,
    note_stay,
    observation_flags,
)
from sim.engine.kernels import request_bed, served_within_capacity
from sim.engine.person import (
    ADMIT,
    DEFER,
    NOTHING,
    OBSERVE,
    TRANSFER,
    admission,
    bed_priority,
    contact_outcome,
    goes_back_down,
    is_first_contact,
    observe,
    one_more,
    rest_of_stay,
    sessions,
    stay,
    treat,
    without_bed,
)
from sim.engine.tables import NEEDS_BED, NO_GROUP, SESSIONS, Int, Stay, Treatment
from sim.month import World
from sim.tallies import PersonTally, ProviderTally

if TYPE_CHECKING:
    from sim.agents.patient import Patient

NOBODY = -1
MIDDLING = 0.5
"""Severity rank of a contact that follows an illness already over."""


class Provider(mesa.Agent):
    """A practice or hospital: a view of its row of the world, and what it does to whom.

    What it has come to do (styles, efforts, its sense of a bed's worth) is in
    ``world.organizations``, moved once a month by :mod:`sim.engine.organization` for all providers
    together; the agent reads it through the month's tables.

    Parameters
    ----------
    model : HealthSystem
    row : int
        The provider's row in the world's tables.
    """

    def __init__(self, model: mesa.Model, row: int) -> None:
        super().__init__(model)
        self.row = row
        self.waiting_room: list[tuple[Patient, int]] = []
        self.bed_list: list[Patient] = []

    # --- who I am --------------------------------------------------------------------------------

    @property
    def world(self) -> World:
        """The world this provider is a row of."""
        return cast(World, self.model.world)

    @property
    def month(self) -> ThisMonth:
        """The month being lived."""
        return cast(ThisMonth, self.model.this_month)

    @property
    def id(self) -> str:
        """Name in the region's files and in the ledger."""
        return self.world.region.providers.ids[self.row]

    @property
    def name(self) -> str:
        """Name for people."""
        return self.world.region.providers.names_en[self.row]

    @property
    def kind(self) -> int:
        """0 practice, 1 secondary hospital, 2 tertiary hospital."""
        return int(self.world.region.providers.kind[self.row])

    @property
    def is_outside(self) -> bool:
        """Whether people leave the region to come here."""
        return bool(self.world.region.providers.outside[self.row])

    @property
    def beds(self) -> float:
        """Beds, at the size simulated."""
        return float(self.world.setting.beds[self.row])

    @property
    def altruism(self) -> float:
        """Weight on patients' health against money."""
        return float(self.world.setting.altruism[self.row])

    @property
    def money_weight(self) -> float:
        """Weight on money, which rises when income falls short of its target."""
        return float(self.world.organizations.money[self.row])

    @property
    def balance(self) -> int:
        """What the provider has earned less what it has paid since the start, fen."""
        return self.world.ledger.balance(self.id)

    def contract_with(self, payer: int) -> object:
        """Return the contract in force with a payer, None where there is none."""
        for agreement in self.world.agreements:
            if agreement.payer == payer and self.row in agreement.rows:
                return agreement.model
        return None

    def serves(self, group: int) -> bool:
        """Tell whether the provider treats a clinical group."""
        return bool(self.world.region.providers.scope[self.row, group])

    def tally(self, payer: int) -> Int:
        """Return the row in which this month counts what the provider does for a payer."""
        return cast(Int, self.month.tallies.provider[self.row, payer])

    def colleague(self, row: int) -> Provider:
        """Return another provider."""
        return cast(Provider, self.model.providers[row])

    # --- who comes -------------------------------------------------------------------------------

    def expect(self, patient: Patient, sent_by: int = NOBODY) -> None:
        """Give a person who wants to be seen this month a seat in the waiting room."""
        self.waiting_room.append((patient, sent_by))

    def keep_on_list(self, patient: Patient) -> None:
        """Have a person who waits for a bed decided upon again this month."""
        self.bed_list.append(patient)

    def turn_away_beyond_capacity(self) -> None:
        """Send home the least severe of those who came, as many as there is no time for."""
        room = self.waiting_room
        beyond = served_within_capacity(
            np.zeros(len(room), dtype=np.int16),
            np.array([patient.row for patient, _ in room], dtype=np.int32),
            np.array([patient.ep_rank for patient, _ in room], dtype=np.float32),
            self.month.contacts[self.row : self.row + 1],
        )
        for position in beyond:
            patient, _ = room[position]
            patient.forgo_care()
            self.tally(patient.scheme)[ProviderTally.TURNED_AWAY] += 1
        away = set(beyond.tolist())
        self.waiting_room = [seat for k, seat in enumerate(room) if k not in away]

    def see_patients(self) -> None:
        """Call everyone from the waiting room."""
        called, self.waiting_room = self.waiting_room, []
        for patient, sent_by in called:
            self.sees(patient, sent_by)

    def review_list(self) -> None:
        """Decide again on everyone who has waited another month for a bed."""
        waiting, self.bed_list = self.bed_list, []
        for patient in waiting:
            patient.wait_another_month()
            self.decides_on_bed(patient)

    def sees(self, patient: Patient, sent_by: int = NOBODY) -> None:
        """See a person in the consulting room."""
        self.treats(patient, sent_by)

    # --- outpatients -----------------------------------------------------------------------------

    def treats(self, patient: Patient, sent_by: int = NOBODY) -> Treatment:
        """Treat an outpatient: components, return visits, low-value care, perhaps a bed.

        Parameters
        ----------
        patient : Patient
            Ill, or here for follow-up.
        sent_by : int
            Row of the provider that referred the person, -1 for nobody.
        """
        tables = self.month.tables
        is_follow_up = not patient.is_ill
        group = patient.follow_group if is_follow_up else patient.ep_group
        rank = MIDDLING if is_follow_up else patient.ep_rank
        n_due = min(patient.follow_left, tables.member.follow_per_month) if is_follow_up else 0
        is_own = int(self.row == patient.practice)
        seen_at = patient.contract * is_own
        price = felt_price(
            patient.cover,
            patient.entitled,
            patient.has_used_up_cover,
            seen_at,
            self.row,
            patient.account,
            tables.price,
        )
        done = treat(
            self.row,
            int(self.kind > 0),
            patient.scheme,
            group,
            rank,
            n_due,
            float(price),
            patient.income,
            patient.uid,
            tables.keys,
            tables.treat,
        )
        reach_at_home = float(tables.treat.reach[patient.practice, group])
        is_first = is_first_contact(is_follow_up, patient.ep_flags, sent_by)
        own_share = self._bills_contact(
            patient,
            done,
            group,
            rank,
            sent_by,
            is_first,
            rank <= reach_at_home,
            patient.minutes_to(self.row),
        )
        outcome = contact_outcome(done.recovered, 0, own_share)
        count_experience(self.tally(patient.scheme), patient.tally, outcome)
        patient.remember(self.kind, outcome)
        patient.leave_outpatients(self.row, done, is_follow_up)
        if goes_back_down(
            self.kind,
            is_follow_up,
            patient.follow_left,
            patient.ep_group,
            patient.contract,
            rank,
            reach_at_home,
        ):
            patient.last_provider = patient.practice
            self.tally(patient.scheme)[ProviderTally.REFERRED_DOWN] += 1
            patient.tally[PersonTally.REFERRED_DOWN] += 1
        if not is_follow_up and self.beds > 0.0 and self.serves(group):
            self._considers_bed(patient, group)
        return done

    def _considers_bed(self, patient: Patient, group: int) -> None:
        """Decide on a bed after a contact, even for a case that outpatient care has settled."""
        is_settled = not patient.is_ill
        patient.ep_group = group
        if not self.decides_on_bed(patient) and is_settled:
            patient.ep_group = NO_GROUP

    def _bills_contact(
        self,
        patient: Patient,
        done: Treatment,
        group: int,
        rank: float,
        sent_by: int,
        is_first: bool,
        is_treatable_below: bool,
        minutes: float,
        flags: int = 0,
    ) -> float:
        """Divide the charge of a contact, enter it in all books, and return the patient's share."""
        tables, tallies = self.month.tables, self.month.tallies
        payer = patient.scheme
        is_own = self.row == patient.practice
        covered, owed, patient.paid_out_year = outpatient_bill(
            done.charge_fen,
            float(tables.price.covered[self.row, 0]),
            patient.cover,
            self.kind,
            patient.contract,
            int(is_own),
            int(sent_by != NOBODY),
            patient.entitled,
            patient.paid_out_year,
            patient.oop_year,
            tables.price.benefits,
        )
        uncovered = done.charge_fen - covered
        patient.pay_from_account(owed)
        patient.pay(done.charge_fen, owed + uncovered)
        patient.covered_out_year += covered
        count_treatment(
            self.tally(payer),
            patient.tally,
            done,
            self.kind,
            is_first,
            is_treatable_below,
            covered,
            owed,
            minutes,
        )
        count_member_spending(patient.own_practice.tally(payer), is_own, self.is_outside, covered)
        patient.add_to_episode(covered)
        tallies.visits_by_group[self.kind, group] += done.visits
        tallies.patient_money[self.row, payer, patient.fifth] += owed, uncovered
        claim_contact(
            self.month.claims,
            patient.uid,
            self.row,
            payer,
            self.kind,
            group,
            patient.ep_level,
            rank,
            done,
            covered,
            owed,
            sent_by,
            flags,
        )
        return own_share_of(owed + uncovered, done.charge_fen)

    def gives_sessions(self, patient: Patient) -> None:
        """Give an outpatient the month's sessions of a course for life; paid as inpatient care."""
        tables, tallies = self.month.tables, self.month.tallies
        payer = patient.scheme
        group = int(tables.member.sessions_group[patient.course - SESSIONS])
        done = sessions(
            self.row,
            payer,
            patient.course,
            patient.uid,
            tables.keys,
            tables.treat,
            tables.member,
        )
        covered, owed, aid, patient.own_covered_year = course_bill(
            done.charge_fen,
            float(tables.price.covered[self.row, 0]),
            patient.cover,
            self.kind,
            patient.own_covered_year,
            patient.spent_year - patient.oop_year,
            patient.oop_year,
            patient.is_poor,
            patient.of_retirement_age,
            tables.price.benefits,
        )
        uncovered = done.charge_fen - covered
        patient.pay_from_account(owed)
        patient.pay(done.charge_fen, owed + uncovered)
        patient.covered_in_year += covered
        count_treatment(
            self.tally(payer),
            patient.tally,
            done,
            self.kind,
            False,
            False,
            covered,
            owed,
            patient.minutes_to(self.row),
        )
        self.tally(payer)[ProviderTally.AID] += aid
        count_member_spending(
            patient.own_practice.tally(payer),
            self.row == patient.practice,
            self.is_outside,
            covered,
        )
        patient.add_to_episode(covered)
        tallies.visits_by_group[self.kind, group] += done.visits
        tallies.patient_money[self.row, payer, patient.fifth] += owed, uncovered
        claim_contact(
            self.month.claims,
            patient.uid,
            self.row,
            payer,
            self.kind,
            group,
            0,
            MIDDLING,
            done,
            covered,
            owed,
            NOBODY,
            0,
        )

    # --- beds ------------------------------------------------------------------------------------

    def decides_on_bed(self, patient: Patient) -> bool:
        """Admit, transfer, defer or refuse; tell whether a bed has been asked for.

        Admitting and transferring only ask for a bed: beds are given to all at once, by severity
        and months waited.
        """
        tables = self.month.tables
        answer = admission(
            self.row,
            patient.scheme,
            patient.ep_group,
            patient.ep_level,
            patient.ep_rank,
            patient.needs_bed,
            patient.wait_months,
            patient.uid,
            tables.keys,
            tables.admit,
        )
        books = self.tally(patient.scheme)
        is_urgent = not bool(tables.admit.elective[patient.ep_group])
        if answer == NOTHING:
            if is_urgent and bool(tables.admit.observes[self.row]):
                books[ProviderTally.RELEASED] += 1
            return False
        if answer == ADMIT:
            self._asks_for_bed(patient, sent_by=NOBODY)
            return True
        if answer == OBSERVE:
            request_bed(
                self.month.requests,
                patient.row,
                self.row + len(self.world.setting.beds),
                NOBODY,
                float(tables.admit.observe_days),
                bed_priority(not is_urgent, patient.ep_rank, patient.wait_months),
            )
            return True
        if answer == TRANSFER:
            above = self.colleague(int(tables.admit.up[self.row]))
            books[ProviderTally.TRANSFERRED] += 1
            above.tally(patient.scheme)[ProviderTally.RECEIVED] += 1
            patient.tally[PersonTally.REFERRED_UP] += 1
            above._asks_for_bed(patient, sent_by=self.row)
            return True
        if answer == DEFER:
            books[ProviderTally.DEFERRED] += 1
            patient.tally[PersonTally.DEFERRED] += 1
        else:
            books[ProviderTally.REFUSED] += 1
            patient.tally[PersonTally.REFUSED] += 1
        patient.join_list(self.row)
        return False

    def _asks_for_bed(self, patient: Patient, sent_by: int) -> None:
        table = self.month.tables.admit
        group = patient.ep_group
        request_bed(
            self.month.requests,
            patient.row,
            self.row,
            sent_by,
            float(table.days[group, patient.ep_level]),
            bed_priority(bool(table.elective[group]), patient.ep_rank, patient.wait_months),
        )

    def has_no_bed_for(self, patient: Patient, *, to_observe: bool = False) -> None:
        """Tell a person that all beds are taken; who needs one waits for it.

        A bed for observation that is taken says nothing of the load of the others.
        """
        if not to_observe:
            self.tally(patient.scheme)[ProviderTally.NO_BED] += 1
        if patient.needs_bed:
            patient.join_list(self.row)
        else:
            patient.ep_group = without_bed(patient.ep_group, patient.ep_flags)

    def keeps_under_observation(self, patient: Patient) -> None:
        """Observe a person in a bed without admitting, and let it end."""
        tables, group = self.month.tables, patient.ep_group
        seen = observe(
            self.row,
            patient.scheme,
            group,
            patient.ep_level,
            patient.ep_rank,
            patient.needs_bed,
            patient.uid,
            tables.keys,
            tables.treat,
            tables.stay,
        )
        # The way there was counted with the contact from which the case was kept.
        own_share = self._bills_contact(
            patient,
            seen.care,
            group,
            patient.ep_rank,
            NOBODY,
            False,
            False,
            0.0,
            observation_flags(patient.needs_bed),
        )
        books = self.tally(patient.scheme)
        count_observation(books, patient.tally, seen)
        outcome = contact_outcome(not seen.died, patient.wait_months, own_share)
        count_experience(books, patient.tally, outcome)
        if seen.died:
            patient.end_episode()
            patient.give_way_to_newborn()
        else:
            patient.remember(self.kind, outcome)
            patient.go_home(self.row, readmitted=seen.readmitted)

    def gives_bed(self, patient: Patient, sent_by: int = NOBODY) -> None:
        """Treat an inpatient from admission to discharge or death."""
        tables, tallies = self.month.tables, self.month.tallies
        payer, group, level = patient.scheme, patient.ep_group, patient.ep_level
        done = stay(
            self.row,
            payer,
            group,
            level,
            patient.ep_rank,
            patient.needs_bed,
            self.kind > 0 and patient.own_practice.has_beds_for(group),
            patient.is_senior,
            patient.uid,
            tables.keys,
            tables.stay,
        )
        patient.open_episode(self.row, group)
        covered, owed, aid = self._bills_days(patient, done, group, sent_by, patient.ep_flags)
        patient.stays_year = one_more(patient.stays_year)
        count_stay(
            self.tally(payer),
            patient.tally,
            done,
            self.kind,
            level,
            patient.ep_flags,
            bool(tables.member.elective[group]),
            patient.is_readmission,
            int(tables.member.avoidable_milli[group]),
            covered,
            owed,
            aid,
            patient.wait_months,
            patient.minutes_to(self.row),
        )
        tallies.billed[self.row, payer, group, done.billed] += done.bills
        tallies.true_level[self.row, payer, group, level] += 1
        tallies.days[self.row, payer, group] += done.days
        own_share = own_share_of(owed + done.charge_fen - covered, done.charge_fen)
        outcome = contact_outcome(not done.died, patient.wait_months, own_share)
        count_experience(self.tally(payer), patient.tally, outcome)
        claim_stay(
            self.month.claims,
            patient.uid,
            self.row,
            payer,
            group,
            level,
            patient.ep_rank,
            done,
            covered,
            owed,
            sent_by,
            patient.is_readmission,
            patient.needs_bed,
        )
        if done.rest > 0:
            patient.own_practice.takes_over(patient, group, done.rest, self.row)
        if done.after > 0:
            facility = self.colleague(int(tables.stay.after_at))
            facility.gives_aftercare(patient, group, done.after, self.row)
        if done.died:
            patient.end_episode()
            patient.give_way_to_newborn()
        else:
            patient.remember(self.kind, outcome)
            patient.leave_bed(self.row, done)

    def has_beds_for(self, group: int) -> bool:
        """Tell whether the provider has beds and treats a clinical group."""
        return self.beds > 0.0 and self.serves(group)

    def gives_aftercare(self, patient: Patient, group: int, days: int, sent_by: int) -> None:
        """Give a patient days after a hospital's stay, as a facility."""
        payer, done = patient.scheme, self._days_after_a_stay(patient, days)
        covered, owed, aid = self._bills_days(patient, done, group, sent_by, NEEDS_BED)
        count_aftercare(self.tally(payer), patient.tally, done, covered, owed, aid)
        claim_aftercare(
            self.month.claims,
            patient.uid,
            self.row,
            payer,
            group,
            done,
            covered,
            owed,
            sent_by,
        )

    def takes_over(self, patient: Patient, group: int, days: int, sent_by: int) -> None:
        """Give a member a bed for the last days of a hospital's stay."""
        tallies = self.month.tallies
        payer, done = patient.scheme, self._days_after_a_stay(patient, days)
        covered, owed, aid = self._bills_days(patient, done, group, sent_by, NEEDS_BED)
        patient.stays_year = one_more(patient.stays_year)
        books = self.tally(payer)
        count_stay(
            books,
            patient.tally,
            done,
            self.kind,
            0,
            NEEDS_BED,
            False,
            False,
            0,
            covered,
            owed,
            aid,
            0,
            patient.minutes_to(self.row),
        )
        books[ProviderTally.RECEIVED] += 1
        tallies.billed[self.row, payer, group, 0] += 1
        tallies.true_level[self.row, payer, group, 0] += 1
        tallies.days[self.row, payer, group] += done.days
        claim_stay(
            self.month.claims,
            patient.uid,
            self.row,
            payer,
            group,
            0,
            0.5,
            done,
            covered,
            owed,
            sent_by,
            False,
            True,
        )

    def _days_after_a_stay(self, patient: Patient, days: int) -> Stay:
        """Give what days in a bed here come to after a stay elsewhere."""
        table = self.month.tables.stay
        price, cost = float(table.day_price[self.row]), float(table.day_cost[self.row])
        return rest_of_stay(days, price, cost, float(table.price_level[patient.scheme]))

    def _bills_days(
        self, patient: Patient, done: Stay, group: int, sent_by: int, flags: int
    ) -> tuple[int, int, int]:
        """Divide the charge of days in a bed and enter it in the patient's books.

        Returns
        -------
        covered, owed, aid : int
            Fen of the charge that are covered, and of these the patient's and medical assistance's.
        """
        tables, tallies = self.month.tables, self.month.tallies
        payer = patient.scheme
        covered, owed, aid, patient.own_covered_year = inpatient_bill(
            done.charge_fen,
            float(tables.price.covered[self.row, 1]),
            patient.cover,
            self.kind,
            sent_by,
            flags,
            patient.stays_year,
            patient.own_covered_year,
            patient.spent_year - patient.oop_year,
            patient.oop_year,
            patient.is_poor,
            patient.of_retirement_age,
            tables.price.benefits,
        )
        uncovered = done.charge_fen - covered
        patient.pay(done.charge_fen, owed + uncovered)
        patient.covered_in_year += covered
        count_member_spending(
            patient.own_practice.tally(payer),
            self.row == patient.practice,
            self.is_outside,
            covered,
        )
        patient.add_to_episode(covered)
        note_stay(tallies.stays, self.row, payer, group, done, covered)
        tallies.patient_money[self.row, payer, patient.fifth] += owed, uncovered
        return covered, owed, aid
