"""The columnar engine: loops over people, stage after stage.

Each kernel runs one stage for everyone who reaches it: all people in the first, an index list in
the later ones. What a person does is in ``person``, how it is counted in ``counting``; here are
only loads, stores and the order of stages. One thread: parallel work is across runs.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from sim.engine.bills import (
    course_bill,
    cover_used_up,
    entitlement,
    felt_price,
    inpatient_bill,
    is_retired,
    outpatient_bill,
    own_share_of,
)
from sim.engine.counting import (
    Claims,
    Stays,
    claim_aftercare,
    claim_contact,
    claim_stay,
    count_aftercare,
    count_experience,
    count_member_spending,
    count_month,
    count_need,
    count_observation,
    count_stay,
    count_treatment,
    note_stay,
    observation_flags,
)
from sim.engine.person import (
    ADMIT,
    DEFER,
    NOTHING,
    OBSERVE,
    TRANSFER,
    admission,
    after_stay,
    after_treatment,
    bed_priority,
    chronic_count,
    contact_outcome,
    course_after_stay,
    entrant,
    goes_back_down,
    is_first_contact,
    is_unmet,
    joins,
    leaves_list,
    months_on_list,
    need,
    observe,
    one_more,
    payer_at_age,
    preventive_contact,
    referral_contact,
    refers,
    rest_of_stay,
    seek,
    sessions,
    stay,
    treat,
    untreated_longer,
    without_bed,
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
    AdmitTable,
    Float,
    Int,
    Keys,
    MemberTable,
    NeedTable,
    PriceTable,
    ReferTable,
    SeekTable,
    Stay,
    StayTable,
    Treatment,
    TreatTable,
)
from sim.health.outcome import updated_experience
from sim.numerics import compiled, inlined
from sim.tallies import PersonTally, ProviderTally

# Widens a column's small integers; Numba sees NumPy's type, a type checker a plain integer.
whole = cast("Callable[[int], int]", np.int64)

_REFERRED_UP = int(ProviderTally.REFERRED_UP)
_RECEIVED = int(ProviderTally.RECEIVED)
_TRANSFERRED = int(ProviderTally.TRANSFERRED)
_REFUSED = int(ProviderTally.REFUSED)
_DEFERRED = int(ProviderTally.DEFERRED)
_NO_BED = int(ProviderTally.NO_BED)
_WAITING = int(ProviderTally.WAITING)
_TURNED_AWAY = int(ProviderTally.TURNED_AWAY)
_REFERRED_DOWN = int(ProviderTally.REFERRED_DOWN)
_RELEASED = int(ProviderTally.RELEASED)
_P_DEATHS = int(PersonTally.DEATHS)
_P_FOREGONE = int(PersonTally.FOREGONE)
_P_DEFERRED = int(PersonTally.DEFERRED)
_P_REFUSED = int(PersonTally.REFUSED)
_P_REFERRED_UP = int(PersonTally.REFERRED_UP)
_P_REFERRED_DOWN = int(PersonTally.REFERRED_DOWN)
_P_UNMET = int(PersonTally.UNMET_BED)
_P_NEED_BED = int(PersonTally.NEED_BED)
_P_NEED_AVOIDABLE = int(PersonTally.NEED_BED_AVOIDABLE)
_P_ACCOUNT_PAID = int(PersonTally.ACCOUNT_PAID)
_P_ACCOUNT_LEFT = int(PersonTally.ACCOUNT_LEFT)
_AID = int(ProviderTally.AID)

# What ``chosen`` says besides a provider's index.
NO_CARE = -1
ON_LIST = -2
TURNED_AWAY = -3
NOBODY = -1  # what ``origin`` says of someone whom no provider has sent


class Columns(NamedTuple):
    """People as columns, one row a person; float32 or small integers."""

    age_months: npt.NDArray[np.int16]
    sex: npt.NDArray[np.uint8]
    fifth: npt.NDArray[np.uint8]
    income: npt.NDArray[np.float32]
    zone: npt.NDArray[np.uint8]
    scheme: npt.NDArray[np.uint8]
    is_poor: npt.NDArray[np.uint8]
    practice: npt.NDArray[np.int16]
    contract: npt.NDArray[np.uint8]
    cover: npt.NDArray[np.uint8]
    chronic: npt.NDArray[np.uint16]
    control: npt.NDArray[np.uint16]
    frailty: npt.NDArray[np.float32]
    generation: npt.NDArray[np.uint16]
    ep_group: npt.NDArray[np.uint8]
    ep_level: npt.NDArray[np.uint8]
    ep_rank: npt.NDArray[np.float32]
    ep_untreated: npt.NDArray[np.uint8]
    ep_flags: npt.NDArray[np.uint8]
    wait_provider: npt.NDArray[np.int16]
    wait_months: npt.NDArray[np.uint8]
    follow_group: npt.NDArray[np.uint8]
    follow_left: npt.NDArray[np.uint8]
    course: npt.NDArray[np.uint8]
    anchor: npt.NDArray[np.int16]
    anchor_left: npt.NDArray[np.uint8]
    anchor_fen: npt.NDArray[np.int32]
    last_provider: npt.NDArray[np.int16]
    spent_year: npt.NDArray[np.int32]
    spent_last_year: npt.NDArray[np.int32]
    oop_year: npt.NDArray[np.int32]
    paid_out_year: npt.NDArray[np.int32]
    own_covered_year: npt.NDArray[np.int32]
    covered_out_year: npt.NDArray[np.int32]
    covered_in_year: npt.NDArray[np.int32]
    stays_year: npt.NDArray[np.uint8]
    account: npt.NDArray[np.int32]
    experience_practice: npt.NDArray[np.float32]
    experience_secondary: npt.NDArray[np.float32]
    experience_tertiary: npt.NDArray[np.float32]


class Tallies(NamedTuple):
    """One month's integer tallies; shapes as in :class:`sim.tallies.History` less the month.

    ``episodes`` (n, Y, 2) ended this month at their anchor: count and covered spending in fen;
    ``uncovered`` and ``documented`` (n,) are the month's levers; ``stays`` is the register of the
    month's stays, which contracts that sort them need.
    """

    provider: Int
    person: Int
    billed: Int
    true_level: Int
    days: Int
    visits_by_group: Int
    patient_money: Int
    episodes: Int
    uncovered: Float
    documented: Float
    stays: Stays


class Requests(NamedTuple):
    """Requests for a bed, one row each; ``used`` holds how many."""

    used: Int
    person: npt.NDArray[np.int32]
    provider: npt.NDArray[np.int16]
    origin: npt.NDArray[np.int16]
    days: Float
    priority: Float


@compiled
def uid_of(generation: int, slot: int) -> int:
    """Return the identity that keys a person's draws: generation and slot."""
    return (generation << 32) | slot


@compiled
def cell_of(payer: int, fifth: int, n_conditions: int, is_town: int) -> int:
    """Return the cell of a person, as :func:`sim.tallies.person_cell`."""
    health = n_conditions if n_conditions < 2 else 2
    return ((payer * 5 + fifth) * 3 + health) * 2 + is_town


@compiled
def cell_at(i: int, c: Columns, m: MemberTable) -> int:
    """Return the cell of the person in row i."""
    return cell_of(
        whole(c.scheme[i]),
        whole(c.fifth[i]),
        chronic_count(whole(c.chronic[i])),
        m.is_town[whole(c.zone[i])],
    )


@compiled
def entitled_at(i: int, c: Columns, m: MemberTable) -> int:
    """Return the outpatient entitlement of the person in row i."""
    payer = whole(c.scheme[i])
    retired = is_retired(whole(c.age_months[i]), whole(c.sex[i]))
    return entitlement(whole(c.chronic[i]), np.float64(c.frailty[i]), payer, retired, m.listed_from)


@inlined
def pay_from_account(i: int, own: int, c: Columns, m: MemberTable, t: Tallies) -> None:
    """Let an individual account pay what it can of an own share of covered outpatient care."""
    paid = min(own, whole(c.account[i]))
    if paid > 0:
        c.account[i] = whole(c.account[i]) - paid
        t.person[cell_at(i, c, m), _P_ACCOUNT_PAID] += paid


@inlined
def leave_account(i: int, c: Columns, m: MemberTable, t: Tallies) -> None:
    """Leave what is in the account of someone who died to the heirs."""
    if c.account[i] > 0:
        t.person[cell_at(i, c, m), _P_ACCOUNT_LEFT] += whole(c.account[i])
        c.account[i] = 0


@compiled
def start_life(i: int, c: Columns, keys: Keys, m: MemberTable) -> None:
    """Give the slot of someone who died to a newborn of the same place and household means."""
    generation = whole(c.generation[i]) + 1
    sex, frailty = entrant(uid_of(generation, i), keys, m.frailty_sd)
    zone = whole(c.zone[i])
    c.generation[i] = generation
    c.age_months[i] = 0
    c.sex[i] = sex
    c.frailty[i] = frailty
    c.practice[i] = m.home_practice[zone]
    c.scheme[i] = m.newborn_payer[whole(c.scheme[i])]
    c.cover[i] = c.scheme[i]
    c.chronic[i] = 0
    c.control[i] = 0
    c.ep_group[i] = NO_GROUP
    c.ep_level[i] = 0
    c.ep_rank[i] = 0.0
    c.ep_untreated[i] = 0
    c.ep_flags[i] = 0
    c.wait_provider[i] = -1
    c.wait_months[i] = 0
    c.follow_group[i] = NO_GROUP
    c.follow_left[i] = 0
    c.course[i] = 0
    c.anchor[i] = -1
    c.anchor_left[i] = 0
    c.anchor_fen[i] = 0
    c.last_provider[i] = -1
    c.spent_year[i] = 0
    c.spent_last_year[i] = 0
    c.oop_year[i] = 0
    c.paid_out_year[i] = 0
    c.own_covered_year[i] = 0
    c.covered_out_year[i] = 0
    c.covered_in_year[i] = 0
    c.stays_year[i] = 0
    c.experience_practice[i] = 0.0
    c.experience_secondary[i] = 0.0
    c.experience_tertiary[i] = 0.0


@compiled
def add_to_episode(i: int, c: Columns, covered: int) -> None:
    """Add covered spending on a person to the episode that is open, if one is."""
    if c.anchor_left[i] > 0:
        c.anchor_fen[i] = whole(c.anchor_fen[i]) + covered


@compiled
def open_episode(i: int, p: int, group: int, c: Columns, m: MemberTable) -> None:
    """Make a stay the start of an episode, its provider the anchor, unless one is open."""
    months = m.opens[p, whole(c.scheme[i]), group]
    if months > 0 and c.anchor_left[i] == 0:
        c.anchor[i] = p
        c.anchor_left[i] = months
        c.anchor_fen[i] = 0


@compiled
def end_episode(i: int, c: Columns, t: Tallies) -> None:
    """Count an open episode and what was spent in it at its anchor."""
    if c.anchor_left[i] > 0:
        anchor, payer = whole(c.anchor[i]), whole(c.scheme[i])
        t.episodes[anchor, payer, 0] += 1
        t.episodes[anchor, payer, 1] += whole(c.anchor_fen[i])
        c.anchor[i] = -1
        c.anchor_left[i] = 0
        c.anchor_fen[i] = 0


@compiled
def need_stage(
    c: Columns,
    keys: Keys,
    table: NeedTable,
    m: MemberTable,
    t: Tallies,
    active: npt.NDArray[np.int32],
) -> int:
    """Run need for everyone; write the rows of people with illness or follow-up to ``active``.

    Returns
    -------
    int
        How many rows of ``active`` are used.
    """
    n_active = 0
    for i in range(c.age_months.shape[0]):
        practice = whole(c.practice[i])
        uid = uid_of(whole(c.generation[i]), i)
        age_months = whole(c.age_months[i])
        payer = payer_at_age(whole(c.scheme[i]), age_months, m.senior_payer, m.senior_months)
        if payer != c.scheme[i]:
            c.scheme[i] = payer
            c.cover[i] = payer
            c.paid_out_year[i] = 0
        alive, chronic, control, group, level, rank, untreated, flags, course, events, micro = need(
            age_months,
            whole(c.sex[i]),
            whole(c.chronic[i]),
            whole(c.control[i]),
            np.float64(c.frailty[i]),
            whole(c.ep_group[i]),
            whole(c.ep_level[i]),
            np.float64(c.ep_rank[i]),
            whole(c.ep_untreated[i]),
            whole(c.ep_flags[i]),
            whole(c.course[i]),
            m.prevention[practice],
            uid,
            keys,
            table,
        )
        if c.anchor_left[i] == 1 or not alive:
            end_episode(i, c, t)
        elif c.anchor_left[i] > 1:
            c.anchor_left[i] = whole(c.anchor_left[i]) - 1
        if not alive:
            t.person[cell_at(i, c, m), _P_DEATHS] += 1
            leave_account(i, c, m, t)
            start_life(i, c, keys, m)
            continue
        c.chronic[i] = chronic
        c.control[i] = control
        c.ep_group[i] = group
        c.ep_level[i] = level
        c.ep_rank[i] = rank
        c.ep_untreated[i] = untreated
        c.ep_flags[i] = flags
        c.course[i] = course
        if (flags & LISTED) == 0:
            c.wait_provider[i] = -1
            c.wait_months[i] = 0
        conditions = chronic_count(chronic)
        cell = cell_of(
            whole(c.scheme[i]),
            whole(c.fifth[i]),
            conditions,
            m.is_town[whole(c.zone[i])],
        )
        preventive = False
        if conditions > 0:
            preventive = preventive_contact(m.contact[practice], uid, keys)
        age = age_months // 12
        count_month(
            t.person[cell],
            t.provider[practice, whole(c.scheme[i])],
            micro,
            conditions,
            chronic_count(control & chronic),
            m.risk_milli[min(age, 100), whole(c.sex[i])],
            preventive,
        )
        if events != 0 and group != NO_GROUP:
            count_need(t.person[cell], events, m.avoidable_milli[group])
        elif events != 0:
            count_need(t.person[cell], events, 0)
        c.age_months[i] = age_months + 1
        if group != NO_GROUP or c.follow_left[i] > 0:
            active[n_active] = i
            n_active += 1
    return n_active


@compiled
def seek_stage(
    c: Columns,
    keys: Keys,
    table: SeekTable,
    m: MemberTable,
    t: Tallies,
    active: npt.NDArray[np.int32],
    n_active: int,
    chosen: npt.NDArray[np.int16],
    origin: npt.NDArray[np.int16],
) -> None:
    """Let everyone on ``active`` choose where to be seen; write it to ``chosen``.

    ``origin`` says who sent the person: nobody yet, -1.
    """
    for a in range(n_active):
        i = whole(active[a])
        group = whole(c.ep_group[i])
        uid = uid_of(whole(c.generation[i]), i)
        if group == NO_GROUP:
            last = c.last_provider[i]
            chosen[a] = last if last >= 0 else c.practice[i]
            continue
        flags = whole(c.ep_flags[i])
        if flags & LISTED:
            if not leaves_list(m.leave_list, whole(c.wait_months[i]), uid, keys):
                chosen[a] = ON_LIST
                continue
            c.ep_flags[i] = flags & ~LISTED
            c.wait_provider[i] = -1
            c.wait_months[i] = 0
        cover = whole(c.cover[i])
        entitled = entitled_at(i, c, m)
        used_up = cover_used_up(
            whole(c.paid_out_year[i]),
            whole(c.oop_year[i]),
            cover,
            entitled,
            m.used_up,
            m.deductible_met,
        )
        k = seek(
            group,
            np.float64(c.ep_rank[i]),
            cover,
            entitled,
            used_up,
            whole(c.contract[i]),
            np.float64(c.income[i]),
            whole(c.zone[i]),
            whole(c.practice[i]),
            np.float64(c.experience_practice[i]),
            np.float64(c.experience_secondary[i]),
            np.float64(c.experience_tertiary[i]),
            whole(c.account[i]),
            whole(origin[a]),
            uid,
            keys,
            table,
        )
        chosen[a] = k
        if k < 0:
            t.person[cell_at(i, c, m), _P_FOREGONE] += 1
            c.ep_untreated[i] = untreated_longer(whole(c.ep_untreated[i]))


@inlined
def turn_away(c: Columns, m: MemberTable, t: Tallies, i: int, provider: int) -> None:
    """Count a contact beyond a provider's capacity; the illness goes untreated this month."""
    t.person[cell_at(i, c, m), _P_FOREGONE] += 1
    t.provider[provider, whole(c.scheme[i]), _TURNED_AWAY] += 1
    if c.ep_group[i] != NO_GROUP:
        c.ep_untreated[i] = untreated_longer(whole(c.ep_untreated[i]))


@compiled
def turn_away_all(
    c: Columns,
    m: MemberTable,
    t: Tallies,
    active: npt.NDArray[np.int32],
    positions: npt.NDArray[np.int64],
    chosen: npt.NDArray[np.int16],
) -> None:
    """Turn away the contacts at these positions of ``active``, and note it in ``chosen``."""
    for k in range(positions.shape[0]):
        position = positions[k]
        turn_away(c, m, t, whole(active[position]), whole(chosen[position]))
        chosen[position] = TURNED_AWAY


@compiled
def request_bed(
    requests: Requests, i: int, provider: int, origin: int, days: float, priority: float
) -> None:
    """Add a request for a bed."""
    row = requests.used[0]
    requests.person[row] = i
    requests.provider[row] = provider
    requests.origin[row] = origin
    requests.days[row] = days
    requests.priority[row] = priority
    requests.used[0] = row + 1


@compiled
def list_for_bed(c: Columns, i: int, provider: int) -> None:
    """Put a person who needs a bed and got none on a provider's list."""
    flags = whole(c.ep_flags[i])
    c.wait_months[i] = months_on_list(
        flags, whole(c.wait_provider[i]), whole(c.wait_months[i]), provider
    )
    c.ep_flags[i] = flags | LISTED
    c.wait_provider[i] = provider
    c.ep_untreated[i] = untreated_longer(whole(c.ep_untreated[i]))


@inlined
def ask_for_bed(
    i: int,
    p: int,
    c: Columns,
    keys: Keys,
    table: AdmitTable,
    m: MemberTable,
    t: Tallies,
    requests: Requests,
) -> None:
    """Let provider p decide on a bed for the person in row i, and act on the answer."""
    group = whole(c.ep_group[i])
    payer = whole(c.scheme[i])
    level = whole(c.ep_level[i])
    rank = np.float64(c.ep_rank[i])
    flags = whole(c.ep_flags[i])
    waited = whole(c.wait_months[i])
    needed = (flags & NEEDS_BED) != 0
    answer = admission(
        p,
        payer,
        group,
        level,
        rank,
        needed,
        waited,
        uid_of(whole(c.generation[i]), i),
        keys,
        table,
    )
    if answer == NOTHING:
        if table.observes[p] and not table.elective[group]:
            t.provider[p, payer, _RELEASED] += 1
        return
    priority = bed_priority(table.elective[group], rank, waited)
    days = table.days[group, level]
    if answer == ADMIT:
        request_bed(requests, i, p, -1, days, priority)
        return
    if answer == OBSERVE:
        # Beds for observation are counted behind those of all providers.
        place = p + table.up.shape[0]
        request_bed(requests, i, place, -1, table.observe_days, priority)
        return
    cell = cell_at(i, c, m)
    if answer == TRANSFER:
        t.provider[p, payer, _TRANSFERRED] += 1
        t.provider[table.up[p], payer, _RECEIVED] += 1
        t.person[cell, _P_REFERRED_UP] += 1
        request_bed(requests, i, table.up[p], p, days, priority)
        return
    if answer == DEFER:
        t.provider[p, payer, _DEFERRED] += 1
        t.person[cell, _P_DEFERRED] += 1
    else:
        t.provider[p, payer, _REFUSED] += 1
        t.person[cell, _P_REFUSED] += 1
    list_for_bed(c, i, p)


@compiled
def settle_experience(i: int, kind: int, outcome: float, c: Columns, weight: float) -> None:
    """Update a person's experience of a tier after a contact."""
    if kind == 0:
        c.experience_practice[i] = updated_experience(
            np.float64(c.experience_practice[i]), outcome, weight
        )
    elif kind == 1:
        c.experience_secondary[i] = updated_experience(
            np.float64(c.experience_secondary[i]), outcome, weight
        )
    else:
        c.experience_tertiary[i] = updated_experience(
            np.float64(c.experience_tertiary[i]), outcome, weight
        )


@inlined
def bill_contact(
    i: int,
    p: int,
    origin: int,
    group: int,
    rank: float,
    done: Treatment,
    is_first: bool,
    is_treatable_below: bool,
    minutes: float,
    flags: int,
    c: Columns,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    claims: Claims,
) -> float:
    """Divide the charge of a contact, enter it in all books, and return the patient's share."""
    payer = whole(c.scheme[i])
    kind = m.kind[p]
    practice = whole(c.practice[i])
    covered, patient, paid_out = outpatient_bill(
        done.charge_fen,
        prices.covered[p, 0],
        whole(c.cover[i]),
        kind,
        whole(c.contract[i]),
        1 if p == practice else 0,
        1 if origin >= 0 else 0,
        entitled_at(i, c, m),
        whole(c.paid_out_year[i]),
        whole(c.oop_year[i]),
        prices.benefits,
    )
    c.paid_out_year[i] = paid_out
    c.covered_out_year[i] = whole(c.covered_out_year[i]) + covered
    pay_from_account(i, patient, c, m, t)
    own = patient + done.charge_fen - covered
    c.spent_year[i] = whole(c.spent_year[i]) + done.charge_fen
    c.oop_year[i] = whole(c.oop_year[i]) + own
    count_treatment(
        t.provider[p, payer],
        t.person[cell_at(i, c, m)],
        done,
        kind,
        is_first,
        is_treatable_below,
        covered,
        patient,
        minutes,
    )
    count_member_spending(t.provider[practice, payer], p == practice, m.outside[p], covered)
    add_to_episode(i, c, covered)
    t.visits_by_group[kind, group] += done.visits
    fifth = whole(c.fifth[i])
    t.patient_money[p, payer, fifth, 0] += patient
    t.patient_money[p, payer, fifth, 1] += done.charge_fen - covered
    claim_contact(
        claims,
        uid_of(whole(c.generation[i]), i),
        p,
        payer,
        kind,
        group,
        whole(c.ep_level[i]),
        rank,
        done,
        covered,
        patient,
        origin,
        flags,
    )
    return own_share_of(own, done.charge_fen)


@inlined
def treat_person(
    i: int,
    p: int,
    origin: int,
    c: Columns,
    keys: Keys,
    treating: TreatTable,
    admitting: AdmitTable,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    requests: Requests,
    claims: Claims,
) -> None:
    """Treat the person in row i at provider p, who was sent by ``origin`` (-1: nobody)."""
    is_follow_up = c.ep_group[i] == NO_GROUP
    group = whole(c.follow_group[i]) if is_follow_up else whole(c.ep_group[i])
    payer = whole(c.scheme[i])
    kind = m.kind[p]
    setting = 0 if kind == 0 else 1
    rank = 0.5 if is_follow_up else np.float64(c.ep_rank[i])
    uid = uid_of(whole(c.generation[i]), i)
    practice = whole(c.practice[i])
    cover = whole(c.cover[i])
    entitled = entitled_at(i, c, m)
    used_up = cover_used_up(
        whole(c.paid_out_year[i]),
        whole(c.oop_year[i]),
        cover,
        entitled,
        m.used_up,
        m.deductible_met,
    )
    is_own = 1 if p == practice else 0
    contract = whole(c.contract[i])
    n_due = 0
    if is_follow_up:
        n_due = min(whole(c.follow_left[i]), m.follow_per_month)
    done = treat(
        p,
        setting,
        payer,
        group,
        rank,
        n_due,
        felt_price(cover, entitled, used_up, contract * is_own, p, whole(c.account[i]), prices),
        np.float64(c.income[i]),
        uid,
        keys,
        treating,
    )
    flags = whole(c.ep_flags[i])
    own_share = bill_contact(
        i,
        p,
        origin,
        group,
        rank,
        done,
        is_first_contact(is_follow_up, flags, origin),
        rank <= treating.reach[practice, group],
        m.minutes[whole(c.zone[i]), p],
        0,
        c,
        prices,
        m,
        t,
        claims,
    )
    cell = cell_at(i, c, m)
    outcome = contact_outcome(done.recovered, 0, own_share)
    count_experience(t.provider[p, payer], t.person[cell], outcome)
    settle_experience(i, kind, outcome, c, m.experience_step)
    c.last_provider[i] = p
    was_open = not is_follow_up
    new_group, new_flags, untreated, follow_group, follow_left = after_treatment(
        whole(c.ep_group[i]),
        flags,
        whole(c.follow_group[i]),
        whole(c.follow_left[i]),
        is_follow_up,
        done.recovered,
        done.visits,
        done.follow,
    )
    c.ep_group[i] = new_group
    c.ep_flags[i] = new_flags
    c.ep_untreated[i] = untreated
    c.follow_group[i] = follow_group
    c.follow_left[i] = follow_left
    if goes_back_down(
        kind, is_follow_up, follow_left, new_group, contract, rank, treating.reach[practice, group]
    ):
        c.last_provider[i] = practice
        t.provider[p, payer, _REFERRED_DOWN] += 1
        t.person[cell, _P_REFERRED_DOWN] += 1
    if was_open and m.beds[p] > 0.0 and m.serves[p, group]:
        if new_group != NO_GROUP:
            ask_for_bed(i, p, c, keys, admitting, m, t, requests)
        else:
            # A case that outpatient care would settle may still be offered a bed.
            c.ep_group[i] = group
            before = requests.used[0]
            ask_for_bed(i, p, c, keys, admitting, m, t, requests)
            if requests.used[0] == before:
                c.ep_group[i] = NO_GROUP


@compiled
def practice_stage(
    c: Columns,
    keys: Keys,
    seeking: SeekTable,
    referring: ReferTable,
    treating: TreatTable,
    admitting: AdmitTable,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    active: npt.NDArray[np.int32],
    n_active: int,
    chosen: npt.NDArray[np.int16],
    origin: npt.NDArray[np.int16],
    requests: Requests,
    claims: Claims,
) -> None:
    """Let practices treat or refer; a referred person who goes appears in ``chosen`` again.

    ``origin`` says who sent the person, -1 for nobody; a referral is written there.
    """
    for a in range(n_active):
        i = whole(active[a])
        p = whole(chosen[a])
        if p < 0 or m.kind[p] != 0:
            continue
        group = whole(c.ep_group[i])
        payer = whole(c.scheme[i])
        uid = uid_of(whole(c.generation[i]), i)
        if group != NO_GROUP and refers(
            p, payer, group, np.float64(c.ep_rank[i]), uid, keys, referring
        ):
            t.provider[p, payer, _REFERRED_UP] += 1
            t.person[cell_at(i, c, m), _P_REFERRED_UP] += 1
            cover = whole(c.cover[i])
            entitled = entitled_at(i, c, m)
            used_up = cover_used_up(
                whole(c.paid_out_year[i]),
                whole(c.oop_year[i]),
                cover,
                entitled,
                m.used_up,
                m.deductible_met,
            )
            k = seek(
                group,
                np.float64(c.ep_rank[i]),
                cover,
                entitled,
                used_up,
                whole(c.contract[i]),
                np.float64(c.income[i]),
                whole(c.zone[i]),
                whole(c.practice[i]),
                np.float64(c.experience_practice[i]),
                np.float64(c.experience_secondary[i]),
                np.float64(c.experience_tertiary[i]),
                whole(c.account[i]),
                p,
                uid,
                keys,
                seeking,
            )
            count_referral_visit(i, p, whole(origin[a]), c, prices, m, t, claims)
            if k >= 0:
                t.provider[k, payer, _RECEIVED] += 1
                chosen[a] = k
                origin[a] = p
            else:
                chosen[a] = NO_CARE
                c.ep_flags[i] = whole(c.ep_flags[i]) | SEEN
                c.ep_untreated[i] = untreated_longer(whole(c.ep_untreated[i]))
            continue
        sent_by = whole(origin[a])
        treat_person(i, p, sent_by, c, keys, treating, admitting, prices, m, t, requests, claims)


@inlined
def count_referral_visit(
    i: int,
    p: int,
    origin: int,
    c: Columns,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    claims: Claims,
) -> None:
    """Count the contact in which a practice refers: one visit with one unit of labor."""
    payer = whole(c.scheme[i])
    bill_contact(
        i,
        p,
        origin,
        whole(c.ep_group[i]),
        np.float64(c.ep_rank[i]),
        referral_contact(prices.consult_fen[payer, p], prices.consult_cost_fen[p]),
        is_first_contact(False, whole(c.ep_flags[i]), origin),
        False,
        m.minutes[whole(c.zone[i]), p],
        0,
        c,
        prices,
        m,
        t,
        claims,
    )


@compiled
def hospital_stage(
    c: Columns,
    keys: Keys,
    treating: TreatTable,
    admitting: AdmitTable,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    active: npt.NDArray[np.int32],
    n_active: int,
    chosen: npt.NDArray[np.int16],
    origin: npt.NDArray[np.int16],
    requests: Requests,
    claims: Claims,
) -> None:
    """Let hospitals see outpatients, referred or not, and decide again on their lists."""
    for a in range(n_active):
        i = whole(active[a])
        p = whole(chosen[a])
        if p == ON_LIST:
            flags = whole(c.ep_flags[i])
            if flags & PLANNED:
                c.ep_flags[i] = flags & ~PLANNED
            else:
                c.wait_months[i] = one_more(whole(c.wait_months[i]))
            ask_for_bed(i, whole(c.wait_provider[i]), c, keys, admitting, m, t, requests)
        elif p >= 0 and m.kind[p] > 0:
            treat_person(
                i,
                p,
                whole(origin[a]),
                c,
                keys,
                treating,
                admitting,
                prices,
                m,
                t,
                requests,
                claims,
            )


@compiled
def session_stage(
    c: Columns,
    keys: Keys,
    table: TreatTable,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    claims: Claims,
) -> None:
    """Give this month's sessions to everyone on a course of them."""
    for i in range(c.course.shape[0]):
        if c.course[i] < SESSIONS:
            continue
        course = whole(c.course[i])
        zone = whole(c.zone[i])
        p = m.sessions_at[zone, course - SESSIONS]
        if p < 0:
            continue
        payer = whole(c.scheme[i])
        uid = uid_of(whole(c.generation[i]), i)
        done = sessions(p, payer, course, uid, keys, table, m)
        kind = m.kind[p]
        covered, patient, aid, own_covered = course_bill(
            done.charge_fen,
            prices.covered[p, 0],
            whole(c.cover[i]),
            kind,
            whole(c.own_covered_year[i]),
            whole(c.spent_year[i]) - whole(c.oop_year[i]),
            whole(c.oop_year[i]),
            whole(c.is_poor[i]),
            is_retired(whole(c.age_months[i]), whole(c.sex[i])),
            prices.benefits,
        )
        c.own_covered_year[i] = own_covered
        c.covered_in_year[i] = whole(c.covered_in_year[i]) + covered
        pay_from_account(i, patient, c, m, t)
        uncovered = done.charge_fen - covered
        c.spent_year[i] = whole(c.spent_year[i]) + done.charge_fen
        c.oop_year[i] = whole(c.oop_year[i]) + patient + uncovered
        count_treatment(
            t.provider[p, payer],
            t.person[cell_at(i, c, m)],
            done,
            kind,
            False,
            False,
            covered,
            patient,
            m.minutes[zone, p],
        )
        t.provider[p, payer, _AID] += aid
        practice = whole(c.practice[i])
        count_member_spending(t.provider[practice, payer], p == practice, m.outside[p], covered)
        add_to_episode(i, c, covered)
        group = m.sessions_group[course - SESSIONS]
        t.visits_by_group[kind, group] += done.visits
        fifth = whole(c.fifth[i])
        t.patient_money[p, payer, fifth, 0] += patient
        t.patient_money[p, payer, fifth, 1] += uncovered
        claim_contact(claims, uid, p, payer, kind, group, 0, 0.5, done, covered, patient, -1, 0)


@inlined
def bill_days(
    i: int,
    p: int,
    sent_by: int,
    flags: int,
    group: int,
    done: Stay,
    c: Columns,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
) -> tuple[int, int, int]:
    """Divide the charge of days in a bed at provider p and enter it in the person's books.

    Returns
    -------
    covered, patient, aid : int
        Fen of the charge that are covered, and of these the patient's and medical assistance's.
    """
    payer = whole(c.scheme[i])
    covered, patient, aid, own_covered = inpatient_bill(
        done.charge_fen,
        prices.covered[p, 1],
        whole(c.cover[i]),
        m.kind[p],
        sent_by,
        flags,
        whole(c.stays_year[i]),
        whole(c.own_covered_year[i]),
        whole(c.spent_year[i]) - whole(c.oop_year[i]),
        whole(c.oop_year[i]),
        whole(c.is_poor[i]),
        is_retired(whole(c.age_months[i]), whole(c.sex[i])),
        prices.benefits,
    )
    c.own_covered_year[i] = own_covered
    c.covered_in_year[i] = whole(c.covered_in_year[i]) + covered
    uncovered = done.charge_fen - covered
    c.spent_year[i] = whole(c.spent_year[i]) + done.charge_fen
    c.oop_year[i] = whole(c.oop_year[i]) + patient + uncovered
    practice = whole(c.practice[i])
    count_member_spending(t.provider[practice, payer], p == practice, m.outside[p], covered)
    add_to_episode(i, c, covered)
    note_stay(t.stays, p, payer, group, done, covered)
    fifth = whole(c.fifth[i])
    t.patient_money[p, payer, fifth, 0] += patient
    t.patient_money[p, payer, fifth, 1] += uncovered
    return covered, patient, aid


@compiled
def spend_rest_at_home(
    i: int,
    sent_by: int,
    p: int,
    group: int,
    days: int,
    c: Columns,
    table: StayTable,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    claims: Claims,
) -> None:
    """Let the person in row i spend the last days of a stay in a bed at the own practice p."""
    payer = whole(c.scheme[i])
    done = rest_of_stay(days, table.day_price[p], table.day_cost[p], table.price_level[payer])
    covered, patient, aid = bill_days(i, p, sent_by, NEEDS_BED, group, done, c, prices, m, t)
    c.stays_year[i] = one_more(whole(c.stays_year[i]))
    count_stay(
        t.provider[p, payer],
        t.person[cell_at(i, c, m)],
        done,
        m.kind[p],
        0,
        NEEDS_BED,
        False,
        False,
        0,
        covered,
        patient,
        aid,
        0,
        m.minutes[whole(c.zone[i]), p],
    )
    t.provider[p, payer, _RECEIVED] += 1
    t.billed[p, payer, group, 0] += 1
    t.true_level[p, payer, group, 0] += 1
    t.days[p, payer, group] += done.days
    uid = uid_of(whole(c.generation[i]), i)
    claim_stay(claims, uid, p, payer, group, 0, 0.5, done, covered, patient, sent_by, False, True)


@compiled
def have_aftercare(
    i: int,
    sent_by: int,
    group: int,
    days: int,
    c: Columns,
    table: StayTable,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    claims: Claims,
) -> None:
    """Let the person in row i spend days after a stay at ``sent_by`` in a facility."""
    p = table.after_at
    payer = whole(c.scheme[i])
    done = rest_of_stay(days, table.day_price[p], table.day_cost[p], table.price_level[payer])
    covered, patient, aid = bill_days(i, p, sent_by, NEEDS_BED, group, done, c, prices, m, t)
    count_aftercare(t.provider[p, payer], t.person[cell_at(i, c, m)], done, covered, patient, aid)
    uid = uid_of(whole(c.generation[i]), i)
    claim_aftercare(claims, uid, p, payer, group, done, covered, patient, sent_by)


@inlined
def go_home(
    i: int,
    p: int,
    group: int,
    needed: bool,
    readmitted: bool,
    c: Columns,
    m: MemberTable,
    t: Tallies,
) -> None:
    """Let the person in row i leave a bed at p: recovered, due back, or for a planned stay."""
    c.last_provider[i] = p
    c.wait_provider[i] = -1
    c.wait_months[i] = 0
    c.ep_untreated[i] = 0
    new_group, new_flags, follow_group, follow_left = after_stay(
        group,
        needed,
        readmitted,
        m.follow_after_stay[group],
        whole(c.follow_group[i]),
        whole(c.follow_left[i]),
        whole(c.course[i]),
    )
    c.ep_group[i] = new_group
    c.ep_flags[i] = new_flags
    c.follow_group[i] = follow_group
    c.follow_left[i] = follow_left
    if new_flags & LISTED:
        c.wait_provider[i] = p
    if new_flags & NEEDS_BED:
        cell = cell_at(i, c, m)
        t.person[cell, _P_NEED_BED] += 1
        t.person[cell, _P_NEED_AVOIDABLE] += m.avoidable_milli[group]


@inlined
def observe_person(
    i: int,
    p: int,
    c: Columns,
    keys: Keys,
    table: StayTable,
    treating: TreatTable,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    claims: Claims,
) -> None:
    """Keep the person in row i under observation at provider p, and let it end."""
    payer = whole(c.scheme[i])
    group, level, flags = whole(c.ep_group[i]), whole(c.ep_level[i]), whole(c.ep_flags[i])
    rank = np.float64(c.ep_rank[i])
    needed = (flags & NEEDS_BED) != 0
    uid = uid_of(whole(c.generation[i]), i)
    seen = observe(p, payer, group, level, rank, needed, uid, keys, treating, table)
    # The way there was counted with the contact from which the case was kept.
    own_share = bill_contact(
        i,
        p,
        -1,
        group,
        rank,
        seen.care,
        False,
        False,
        0.0,
        observation_flags(needed),
        c,
        prices,
        m,
        t,
        claims,
    )
    cell = cell_at(i, c, m)
    count_observation(t.provider[p, payer], t.person[cell], seen)
    outcome = contact_outcome(not seen.died, whole(c.wait_months[i]), own_share)
    count_experience(t.provider[p, payer], t.person[cell], outcome)
    if seen.died:
        end_episode(i, c, t)
        leave_account(i, c, m, t)
        start_life(i, c, keys, m)
        return
    settle_experience(i, m.kind[p], outcome, c, m.experience_step)
    go_home(i, p, group, needed, seen.readmitted, c, m, t)


@compiled
def stay_stage(
    c: Columns,
    keys: Keys,
    table: StayTable,
    treating: TreatTable,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    requests: Requests,
    order: npt.NDArray[np.int64],
    granted: npt.NDArray[np.bool_],
    claims: Claims,
) -> None:
    """Treat everyone who got a bed; list everyone who needed one and did not.

    Parameters
    ----------
    order : int64, shape (requests,)
        Rows of ``requests`` in the order in which beds were given.
    granted : bool, shape (requests,)
        By row of ``requests``.
    """
    for position in range(order.shape[0]):
        row = order[position]
        i = whole(requests.person[row])
        p = whole(requests.provider[row])
        origin = whole(requests.origin[row])
        payer = whole(c.scheme[i])
        group = whole(c.ep_group[i])
        level = whole(c.ep_level[i])
        flags = whole(c.ep_flags[i])
        needed = (flags & NEEDS_BED) != 0
        is_observation = p >= m.kind.shape[0]
        if is_observation:
            p -= m.kind.shape[0]
        if not granted[row]:
            # A bed for observation that is taken says nothing of the load of the others.
            if not is_observation:
                t.provider[p, payer, _NO_BED] += 1
            if needed:
                list_for_bed(c, i, p)
            else:
                c.ep_group[i] = without_bed(group, flags)
            continue
        if is_observation:
            observe_person(i, p, c, keys, table, treating, prices, m, t, claims)
            continue
        uid = uid_of(whole(c.generation[i]), i)
        rank = np.float64(c.ep_rank[i])
        kind = m.kind[p]
        home = whole(c.practice[i])
        below = kind > 0 and m.beds[home] > 0.0 and m.serves[home, group]
        senior = whole(c.age_months[i]) >= 12 * SENIOR
        done = stay(p, payer, group, level, rank, needed, below, senior, uid, keys, table)
        open_episode(i, p, group, c, m)
        covered, patient, aid = bill_days(i, p, origin, flags, group, done, c, prices, m, t)
        c.stays_year[i] = one_more(whole(c.stays_year[i]))
        cell = cell_at(i, c, m)
        waited = whole(c.wait_months[i])
        readmission = (flags & READMITTED) != 0
        count_stay(
            t.provider[p, payer],
            t.person[cell],
            done,
            kind,
            level,
            flags,
            m.elective[group],
            readmission,
            m.avoidable_milli[group],
            covered,
            patient,
            aid,
            waited,
            m.minutes[whole(c.zone[i]), p],
        )
        t.billed[p, payer, group, done.billed] += done.bills
        t.true_level[p, payer, group, level] += 1
        t.days[p, payer, group] += done.days
        own = patient + done.charge_fen - covered
        outcome = contact_outcome(not done.died, waited, own_share_of(own, done.charge_fen))
        count_experience(t.provider[p, payer], t.person[cell], outcome)
        claim_stay(
            claims,
            uid,
            p,
            payer,
            group,
            level,
            rank,
            done,
            covered,
            patient,
            origin,
            readmission,
            needed,
        )
        if done.rest > 0:
            spend_rest_at_home(i, p, home, group, done.rest, c, table, prices, m, t, claims)
        if done.after > 0:
            have_aftercare(i, p, group, done.after, c, table, prices, m, t, claims)
        if done.died:
            end_episode(i, c, t)
            leave_account(i, c, m, t)
            start_life(i, c, keys, m)
            continue
        settle_experience(i, kind, outcome, c, m.experience_step)
        c.course[i] = course_after_stay(group, needed, flags, whole(c.course[i]), uid, keys, m)
        go_home(i, p, group, needed, done.readmitted, c, m, t)


@compiled
def closing_stage(
    c: Columns, m: MemberTable, t: Tallies, active: npt.NDArray[np.int32], n_active: int
) -> None:
    """Count who ends the month in need of a bed, and on whose list."""
    for a in range(n_active):
        i = whole(active[a])
        flags = whole(c.ep_flags[i])
        if not is_unmet(whole(c.ep_group[i]), flags):
            continue
        t.person[cell_at(i, c, m), _P_UNMET] += 1
        if flags & LISTED:
            t.provider[whole(c.wait_provider[i]), whole(c.scheme[i]), _WAITING] += 1


@compiled
def join_stage(
    c: Columns,
    keys: Keys,
    benefit: Float,
    fee: float,
    price_weight: float,
    experience_weight: float,
    chance: float,
    share: float,
    share_priority: float,
    reference: float,
) -> None:
    """Let the members whose contract is up decide again whether to sign one.

    Parameters
    ----------
    benefit : float64, shape (Y,)
        Yearly value of a contract by payer, currency.
    fee : float
        Yearly fee the person pays, currency.
    price_weight, experience_weight : float
    chance : float
        Share of people who think again this year.
    share, share_priority : float
        Baseline shares of all people and of priority groups with a contract.
    reference : float
        Experience of a practice at which the baseline holds.
    """
    for i in range(c.age_months.shape[0]):
        c.contract[i] = joins(
            whole(c.age_months[i]),
            whole(c.chronic[i]),
            whole(c.is_poor[i]),
            whole(c.contract[i]),
            benefit[whole(c.scheme[i])],
            fee,
            np.float64(c.income[i]),
            np.float64(c.experience_practice[i]),
            price_weight,
            experience_weight,
            chance,
            share,
            share_priority,
            reference,
            uid_of(whole(c.generation[i]), i),
            keys,
        )


# Handing a month's tables from Python to compiled code takes as long as a hundred contacts, so what
# comes between two decisions on capacity is one call.


@compiled
def first_contacts(
    c: Columns,
    keys: Keys,
    needs: NeedTable,
    seeking: SeekTable,
    m: MemberTable,
    t: Tallies,
    active: npt.NDArray[np.int32],
    chosen: npt.NDArray[np.int16],
    origin: npt.NDArray[np.int16],
) -> int:
    """Run need for everyone, and let those who are ill choose where to be seen first.

    Parameters
    ----------
    active, chosen, origin : shape (people,)
        Written: rows of people with illness or follow-up, what they chose, and that nobody has sent
        them.

    Returns
    -------
    int
        How many rows of them are used.
    """
    n_active = need_stage(c, keys, needs, m, t, active)
    for a in range(n_active):
        chosen[a] = NO_CARE
        origin[a] = NOBODY
    seek_stage(c, keys, seeking, m, t, active, n_active, chosen, origin)
    return n_active


@compiled
def care(
    c: Columns,
    keys: Keys,
    seeking: SeekTable,
    referring: ReferTable,
    treating: TreatTable,
    admitting: AdmitTable,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    active: npt.NDArray[np.int32],
    chosen: npt.NDArray[np.int16],
    origin: npt.NDArray[np.int16],
    requests: Requests,
    claims: Claims,
) -> None:
    """Let practices and then hospitals treat all who chose them, sessions for life included.

    Parameters
    ----------
    active, chosen, origin : shape (active,)
        Who, where, and who sent them.
    """
    n_active = active.shape[0]
    practice_stage(
        c,
        keys,
        seeking,
        referring,
        treating,
        admitting,
        prices,
        m,
        t,
        active,
        n_active,
        chosen,
        origin,
        requests,
        claims,
    )
    hospital_stage(
        c,
        keys,
        treating,
        admitting,
        prices,
        m,
        t,
        active,
        n_active,
        chosen,
        origin,
        requests,
        claims,
    )
    session_stage(c, keys, treating, prices, m, t, claims)


@compiled
def stays_and_end(
    c: Columns,
    keys: Keys,
    table: StayTable,
    treating: TreatTable,
    prices: PriceTable,
    m: MemberTable,
    t: Tallies,
    requests: Requests,
    order: npt.NDArray[np.int64],
    granted: npt.NDArray[np.bool_],
    active: npt.NDArray[np.int32],
    claims: Claims,
) -> None:
    """Treat everyone who got a bed, list those who did not, and close the month of the ill."""
    stay_stage(c, keys, table, treating, prices, m, t, requests, order, granted, claims)
    closing_stage(c, m, t, active, active.shape[0])


def grant_beds(
    provider: npt.NDArray[np.int16],
    person: npt.NDArray[np.int32],
    days: Float,
    priority: Float,
    capacity: Float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Give beds by severity and months waited until each provider's bed-days are used.

    Parameters
    ----------
    provider, person : shape (requests,)
    days, priority : float64, shape (requests,)
        Expected bed-days; higher priority comes first, ties by person.
    capacity : float64, shape (n,)
        Bed-days of the month.

    Returns
    -------
    order : int64, shape (requests,)
        Requests in the order of giving; the same whatever order they came in.
    granted : bool, shape (requests,)
    """
    order = np.lexsort((person, -priority, provider)).astype(np.int64)
    granted = np.zeros(len(order), dtype=np.bool_)
    if not len(order):
        return order, granted
    of = provider[order].astype(np.int64)
    used = np.cumsum(days[order])
    starts = np.searchsorted(of, np.arange(len(capacity)))
    before = np.concatenate(([0.0], used))[starts]
    granted[order] = used - before[of] <= capacity[of]
    return order, granted


def served_within_capacity(
    chosen: npt.NDArray[np.int16],
    person: npt.NDArray[np.int32],
    rank: npt.NDArray[np.float32],
    capacity: Float,
) -> npt.NDArray[np.int64]:
    """Tell which contacts are beyond a provider's capacity: the least severe, ties by person.

    Parameters
    ----------
    chosen : int16, shape (active,)
        Provider of each contact; negative where there is none.
    person : int32, shape (active,)
    rank : float32, shape (active,)
        Severity.
    capacity : float64, shape (n,)
        First contacts a month.

    Returns
    -------
    int64
        Positions of contacts turned away.
    """
    seen = chosen >= 0
    demand = np.bincount(chosen[seen], minlength=len(capacity))
    is_full = demand > np.floor(capacity)
    there = np.flatnonzero(seen & is_full[chosen])
    order = np.lexsort((person[there], -rank[there].astype(np.float64), chosen[there]))
    # Where each contact stands in its provider's line: contacts lie provider by provider.
    here = demand[is_full]
    line = np.arange(len(there)) - np.repeat(np.cumsum(here) - here, here)
    return there[order[line >= np.repeat(capacity[is_full].astype(np.int64), here)]]
