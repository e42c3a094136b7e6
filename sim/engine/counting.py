"""How a person's month is counted: one place for both engines.

Each function adds one event to rows of the integer tallies, in place. Knows the names of tallies;
must not know how an event came about.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.engine.tables import NEEDS_BED, Int, Observed, Stay, Treatment
from sim.numerics import compiled, inlined
from sim.tallies import PersonTally as P
from sim.tallies import ProviderTally as T

# Compiled code reads plain integers.
_VISITS, _FIRST, _RETURN = int(T.VISITS), int(T.FIRST_VISITS), int(T.RETURN_VISITS)
_UNITS_OUT, _UNITS_IN = int(T.UNITS_OUT_0), int(T.UNITS_IN_0)
_NEED_OUT, _NEED_IN = int(T.NEED_OUT_0), int(T.NEED_IN_0)
_ADMISSIONS, _DAYS, _NEED_DAYS = int(T.ADMISSIONS), int(T.BED_DAYS), int(T.NEED_DAYS)
_CHARGE_OUT, _CHARGE_IN = int(T.CHARGE_OUT), int(T.CHARGE_IN)
_COVERED_OUT, _COVERED_IN = int(T.COVERED_OUT), int(T.COVERED_IN)
_PATIENT_OUT, _PATIENT_IN = int(T.PATIENT_OUT), int(T.PATIENT_IN)
_UNCOVERED_OUT, _UNCOVERED_IN = int(T.UNCOVERED_OUT), int(T.UNCOVERED_IN)
_COST_OUT, _COST_IN = int(T.COST_OUT), int(T.COST_IN)
_LOW_VALUE, _OVER, _UNDER = int(T.LOW_VALUE), int(T.OVER_TREATED), int(T.UNDER_TREATED)
_READMISSIONS, _DEATHS, _DISCHARGES = int(T.READMISSIONS), int(T.DEATHS), int(T.DISCHARGES)
_UPCODED, _UNDERCODED = int(T.UPCODED), int(T.UNDERCODED)
_INAPPROPRIATE, _ELECTIVE = int(T.INAPPROPRIATE), int(T.ELECTIVE)
_AVOIDABLE, _SEVERITY = int(T.AVOIDABLE), int(T.SEVERITY)
_EXPERIENCE, _RATED, _LOSS = int(T.EXPERIENCE), int(T.CONTACTS_RATED), int(T.HEALTH_LOSS)
_ELSEWHERE, _HERE = int(T.SPENT_ELSEWHERE), int(T.SPENT_HERE)
_OUTSIDE = int(T.SPENT_OUTSIDE)
_WAITED, _AID = int(T.WAITED), int(T.AID)
_MEMBERS, _RISK = int(T.MEMBERS), int(T.RISK_MONTHS)
_CHRONIC, _CONTROLLED, _CONDITIONS = (
    int(T.CHRONIC_MEMBERS),
    int(T.CONTROLLED),
    int(T.CONDITIONS),
)
_PREVENTIVE = int(T.PREVENTIVE)
_MINOR, _MAJOR, _SPLIT = int(T.MINOR), int(T.MAJOR), int(T.SPLIT)
_SENT_DOWN, _POST_ACUTE = int(T.SENT_DOWN), int(T.POST_ACUTE_DAYS)
_REFERRED_DOWN, _P_REFERRED_DOWN = int(T.REFERRED_DOWN), int(P.REFERRED_DOWN)
_TO_FACILITY = int(T.TO_FACILITY)
_OBSERVED, _OBSERVED_DAYS = int(T.OBSERVED), int(T.OBSERVED_DAYS)
_MODE_ABOVE, _MODE_BELOW = int(T.MODE_ABOVE), int(T.MODE_BELOW)

_P_MONTHS, _P_SPENDING, _P_COVERED = int(P.PERSON_MONTHS), int(P.SPENDING), int(P.COVERED)
_P_PATIENT, _P_VISITS = int(P.PATIENT), int(P.VISITS_PRACTICE)
_P_FIRST, _P_FIRST_PRACTICE, _P_BYPASS = (
    int(P.FIRST_CONTACTS),
    int(P.FIRST_AT_PRACTICE),
    int(P.BYPASS),
)
_P_ADMISSIONS, _P_DAYS = int(P.ADMISSIONS_PRACTICE), int(P.BED_DAYS)
_P_NEED_BED, _P_NEED_AVOIDABLE = int(P.NEED_BED), int(P.NEED_BED_AVOIDABLE)
_P_GIVEN_AVOIDABLE = int(P.GIVEN_AVOIDABLE)
_P_EPISODES, _P_QALY = int(P.EPISODES), int(P.QALY)
_P_CONTROLLED, _P_CONDITIONS = int(P.CONTROLLED), int(P.CONDITIONS)
_P_ONSETS, _P_COMPLICATIONS = int(P.ONSETS), int(P.COMPLICATIONS)
_P_READMISSIONS, _P_DISCHARGES, _P_DEATHS = (
    int(P.READMISSIONS),
    int(P.DISCHARGES),
    int(P.DEATHS),
)
_P_WAITED, _P_TRAVEL = int(P.WAITED), int(P.TRAVEL)
_P_EXPERIENCE, _P_RATED = int(P.EXPERIENCE), int(P.CONTACTS_RATED)

OVER_TREATED = 1.1
UNDER_TREATED = 0.9


class Claims(NamedTuple):
    """A month's claims, one row a contact or stay; arrays of length 0 when nobody asked for them.

    Columns as in the exported table; ``used`` holds the number of rows written.
    """

    used: Int
    person_uid: npt.NDArray[np.uint64]
    provider: npt.NDArray[np.int16]
    payer: npt.NDArray[np.uint8]
    setting: npt.NDArray[np.uint8]
    group: npt.NDArray[np.uint8]
    mode: npt.NDArray[np.uint8]
    level_true: npt.NDArray[np.uint8]
    level_billed: npt.NDArray[np.uint8]
    severity: npt.NDArray[np.float32]
    need_milli: npt.NDArray[np.int32]
    units_milli: npt.NDArray[np.int32]
    days: npt.NDArray[np.int16]
    visits: npt.NDArray[np.int16]
    cost_fen: npt.NDArray[np.int32]
    charge_fen: npt.NDArray[np.int32]
    covered_fen: npt.NDArray[np.int32]
    uncovered_fen: npt.NDArray[np.int32]
    patient_fen: npt.NDArray[np.int32]
    referred_from: npt.NDArray[np.int16]
    flags: npt.NDArray[np.uint16]


class Stays(NamedTuple):
    """The month's stays, one row each, in any order; ``used`` holds the number of rows written.

    What a contract needs to sort them: billed level, days, whether the patient went on to another
    bed, and the covered charge in fen.
    """

    used: Int
    provider: npt.NDArray[np.int16]
    payer: npt.NDArray[np.uint8]
    group: npt.NDArray[np.uint8]
    level: npt.NDArray[np.uint8]
    mode: npt.NDArray[np.uint8]
    days: npt.NDArray[np.int16]
    moved: npt.NDArray[np.uint8]
    covered_fen: npt.NDArray[np.int32]


def new_stays(size: int) -> Stays:
    """Return room for ``size`` stays; rows not written take no memory."""
    return Stays(
        used=np.zeros(1, dtype=np.int64),
        provider=np.empty(size, dtype=np.int16),
        payer=np.empty(size, dtype=np.uint8),
        group=np.empty(size, dtype=np.uint8),
        level=np.empty(size, dtype=np.uint8),
        mode=np.empty(size, dtype=np.uint8),
        days=np.empty(size, dtype=np.int16),
        moved=np.empty(size, dtype=np.uint8),
        covered_fen=np.empty(size, dtype=np.int32),
    )


def trimmed(stays: Stays) -> Stays:
    """Return the rows written, in memory of their own."""
    used = int(stays.used[0])
    return Stays(
        used=stays.used,
        provider=stays.provider[:used].copy(),
        payer=stays.payer[:used].copy(),
        group=stays.group[:used].copy(),
        level=stays.level[:used].copy(),
        mode=stays.mode[:used].copy(),
        days=stays.days[:used].copy(),
        moved=stays.moved[:used].copy(),
        covered_fen=stays.covered_fen[:used].copy(),
    )


@compiled
def note_stay(
    stays: Stays, provider: int, payer: int, group: int, done: Stay, covered_fen: int
) -> None:
    """Enter a stay in the month's register as it is billed: at its billed level, whole or split."""
    for bill in range(done.bills):
        row = stays.used[0]
        stays.provider[row] = provider
        stays.payer[row] = payer
        stays.group[row] = group
        stays.level[row] = done.billed
        stays.mode[row] = done.mode
        stays.days[row] = part_of(done.days, bill, done.bills)
        # Of a stay billed as two, the second ends elsewhere.
        moves_on = done.rest > 0 or done.after > 0
        stays.moved[row] = 1 if moves_on and bill == done.bills - 1 else 0
        stays.covered_fen[row] = part_of(covered_fen, bill, done.bills)
        stays.used[0] = row + 1


@compiled
def part_of(total: int, bill: int, bills: int) -> int:
    """Return what one of a stay's bills has of a whole number; the parts add up to it."""
    if bills == 1:
        return total
    first = total // 2
    return first if bill == 0 else total - first


# Bits of a claim's ``flags``.
CLAIM_READMISSION, CLAIM_TRANSFER, CLAIM_SPLIT, CLAIM_LOW_VALUE, CLAIM_UNNEEDED = 1, 2, 4, 8, 32
CLAIM_OBSERVED, CLAIM_AFTERCARE = 64, 128


def new_claims(size: int) -> Claims:
    """Return room for ``size`` claims; rows not written take no memory."""
    return Claims(
        used=np.zeros(1, dtype=np.int64),
        person_uid=np.empty(size, dtype=np.uint64),
        provider=np.empty(size, dtype=np.int16),
        payer=np.empty(size, dtype=np.uint8),
        setting=np.empty(size, dtype=np.uint8),
        group=np.empty(size, dtype=np.uint8),
        mode=np.empty(size, dtype=np.uint8),
        level_true=np.empty(size, dtype=np.uint8),
        level_billed=np.empty(size, dtype=np.uint8),
        severity=np.empty(size, dtype=np.float32),
        need_milli=np.empty((size, 4), dtype=np.int32),
        units_milli=np.empty((size, 4), dtype=np.int32),
        days=np.empty(size, dtype=np.int16),
        visits=np.empty(size, dtype=np.int16),
        cost_fen=np.empty(size, dtype=np.int32),
        charge_fen=np.empty(size, dtype=np.int32),
        covered_fen=np.empty(size, dtype=np.int32),
        uncovered_fen=np.empty(size, dtype=np.int32),
        patient_fen=np.empty(size, dtype=np.int32),
        referred_from=np.empty(size, dtype=np.int16),
        flags=np.empty(size, dtype=np.uint16),
    )


@inlined
def _write(
    claims: Claims,
    uid: int,
    provider: int,
    payer: int,
    setting: int,
    group: int,
    level_true: int,
    level_billed: int,
    severity: float,
    needs: tuple[int, int, int, int],
    units: tuple[int, int, int, int],
    days: int,
    visits: int,
    cost_fen: int,
    charge_fen: int,
    covered_fen: int,
    patient_fen: int,
    referred_from: int,
    flags: int,
    mode: int,
) -> None:
    """Add one claim, if there is room for claims at all."""
    if claims.person_uid.shape[0] == 0:
        return
    row = claims.used[0]
    claims.person_uid[row] = np.uint64(uid)
    claims.provider[row] = provider
    claims.payer[row] = payer
    claims.setting[row] = setting
    claims.group[row] = group
    claims.level_true[row] = level_true
    claims.level_billed[row] = level_billed
    claims.severity[row] = severity
    for j in range(4):
        claims.need_milli[row, j] = needs[j]
        claims.units_milli[row, j] = units[j]
    claims.days[row] = days
    claims.visits[row] = visits
    claims.cost_fen[row] = cost_fen
    claims.charge_fen[row] = charge_fen
    claims.covered_fen[row] = covered_fen
    claims.uncovered_fen[row] = charge_fen - covered_fen
    claims.patient_fen[row] = patient_fen
    claims.referred_from[row] = referred_from
    claims.flags[row] = flags
    claims.mode[row] = mode
    claims.used[0] = row + 1


@inlined
def claim_contact(
    claims: Claims,
    uid: int,
    provider: int,
    payer: int,
    kind: int,
    group: int,
    level: int,
    severity: float,
    done: Treatment,
    covered_fen: int,
    patient_fen: int,
    sent_by: int,
    flags: int,
) -> None:
    """Write the claim of an outpatient contact with its return visits, at its true level."""
    _write(
        claims,
        uid,
        provider,
        payer,
        1 if kind > 0 else 0,
        group,
        level,
        level,
        severity,
        done.needs,
        done.units,
        0,
        done.visits,
        done.cost_fen,
        done.charge_fen,
        covered_fen,
        patient_fen,
        sent_by,
        flags | CLAIM_LOW_VALUE if done.low_value else flags,
        0,
    )


@inlined
def claim_aftercare(
    claims: Claims,
    uid: int,
    provider: int,
    payer: int,
    group: int,
    done: Stay,
    covered_fen: int,
    patient_fen: int,
    sent_by: int,
) -> None:
    """Write the claim of aftercare in a facility: days, at the lowest level."""
    _write(
        claims,
        uid,
        provider,
        payer,
        2,
        group,
        0,
        0,
        0.5,
        done.needs,
        done.units,
        done.days,
        0,
        done.cost_fen,
        done.charge_fen,
        covered_fen,
        patient_fen,
        sent_by,
        CLAIM_AFTERCARE,
        0,
    )


@compiled
def claim_stay(
    claims: Claims,
    uid: int,
    provider: int,
    payer: int,
    group: int,
    level: int,
    severity: float,
    done: Stay,
    covered_fen: int,
    patient_fen: int,
    sent_by: int,
    is_readmission: bool,
    is_needed: bool,
) -> None:
    """Write the claim of a stay."""
    flags = CLAIM_READMISSION if is_readmission else 0
    if sent_by >= 0:
        flags |= CLAIM_TRANSFER
    if not is_needed:
        flags |= CLAIM_UNNEEDED
    if done.bills > 1:
        flags |= CLAIM_SPLIT
    for bill in range(done.bills):
        n = done.bills
        _write(
            claims,
            uid,
            provider,
            payer,
            2,
            group,
            level,
            done.billed,
            severity,
            _parts_of(done.needs, bill, n),
            _parts_of(done.units, bill, n),
            part_of(done.days, bill, n),
            0,
            part_of(done.cost_fen, bill, n),
            part_of(done.charge_fen, bill, n),
            part_of(covered_fen, bill, n),
            part_of(patient_fen, bill, n),
            sent_by,
            flags,
            done.mode,
        )


@compiled
def _parts_of(units: tuple[int, int, int, int], bill: int, bills: int) -> tuple[int, int, int, int]:
    """Return what one of a stay's bills has of its components."""
    return (
        part_of(units[0], bill, bills),
        part_of(units[1], bill, bills),
        part_of(units[2], bill, bills),
        part_of(units[3], bill, bills),
    )


@inlined
def count_month(
    person: Int,
    member: Int,
    qaly_micro: int,
    n_conditions: int,
    n_controlled: int,
    risk_milli: int,
    had_preventive: bool,
) -> None:
    """Count a month lived by a person and by a member of a practice.

    Parameters
    ----------
    person, member : int64 rows
        Tallies of the person's cell and of the own practice for the person's payer.
    qaly_micro, n_conditions, n_controlled, risk_milli : int
    had_preventive : bool
        A chronic member had a preventive contact.
    """
    person[_P_MONTHS] += 1
    person[_P_QALY] += qaly_micro
    person[_P_CONDITIONS] += n_conditions
    person[_P_CONTROLLED] += n_controlled
    member[_MEMBERS] += 1
    member[_RISK] += risk_milli
    if n_conditions > 0:
        member[_CHRONIC] += 1
        member[_CONDITIONS] += n_conditions
        member[_CONTROLLED] += n_controlled
        if had_preventive:
            member[_PREVENTIVE] += 1


@compiled
def count_need(person: Int, events: int, avoidable_milli: int) -> None:
    """Count what the need stage reported: episodes, onsets, complications, needs for a bed."""
    if events & 1:
        person[_P_EPISODES] += 1
    if events & 2:
        person[_P_ONSETS] += 1
    if events & 4:
        person[_P_COMPLICATIONS] += 1
    if events & 8:
        person[_P_NEED_BED] += 1
        person[_P_NEED_AVOIDABLE] += avoidable_milli


@inlined
def count_treatment(
    provider: Int,
    person: Int,
    done: Treatment,
    kind: int,
    is_first: bool,
    is_treatable_below: bool,
    covered_fen: int,
    patient_fen: int,
    minutes: float,
) -> None:
    """Count an outpatient contact with its return visits.

    Parameters
    ----------
    provider, person : int64 rows
        Tallies of the provider for this payer and of the person's cell.
    done : Treatment
    kind : int
        Kind of provider, 0 practice.
    is_first : bool
        The first contact of an episode anywhere.
    is_treatable_below : bool
        The case was within a practice's reach.
    covered_fen, patient_fen : int
        Covered charge and the patient's share of it.
    minutes : float
        One-way travel time.
    """
    uncovered = done.charge_fen - covered_fen
    provider[_VISITS] += done.visits
    provider[_RETURN] += done.visits - 1
    for j in range(4):
        provider[_UNITS_OUT + j] += done.units[j]
        provider[_NEED_OUT + j] += done.needs[j]
    provider[_CHARGE_OUT] += done.charge_fen
    provider[_COVERED_OUT] += covered_fen
    provider[_PATIENT_OUT] += patient_fen
    provider[_UNCOVERED_OUT] += uncovered
    provider[_COST_OUT] += done.cost_fen
    provider[_LOSS] += done.loss_micro
    if done.low_value:
        provider[_LOW_VALUE] += 1
    if done.intensity > OVER_TREATED:
        provider[_OVER] += 1
    elif done.intensity < UNDER_TREATED:
        provider[_UNDER] += 1
    person[_P_SPENDING] += done.charge_fen
    person[_P_COVERED] += covered_fen
    person[_P_PATIENT] += patient_fen + uncovered
    person[_P_VISITS + kind] += done.visits
    person[_P_QALY] -= done.loss_micro
    person[_P_TRAVEL] += int(np.floor(2.0 * minutes * done.visits + 0.5))
    if is_first:
        provider[_FIRST] += 1
        person[_P_FIRST] += 1
        if kind == 0:
            person[_P_FIRST_PRACTICE] += 1
        elif is_treatable_below:
            person[_P_BYPASS] += 1


@compiled
def count_aftercare(
    provider: Int, person: Int, done: Stay, covered_fen: int, patient_fen: int, aid_fen: int
) -> None:
    """Count what aftercare in a facility came to: money, never a stay, a day or a discharge.

    The days are counted at the hospital that sent the patient.
    """
    uncovered = done.charge_fen - covered_fen
    provider[_CHARGE_IN] += done.charge_fen
    provider[_COVERED_IN] += covered_fen
    provider[_PATIENT_IN] += patient_fen
    provider[_AID] += aid_fen
    provider[_UNCOVERED_IN] += uncovered
    provider[_COST_IN] += done.cost_fen
    person[_P_SPENDING] += done.charge_fen
    person[_P_COVERED] += covered_fen
    person[_P_PATIENT] += patient_fen + uncovered


@inlined
def observation_flags(is_needed: bool) -> int:
    """Return what marks the claim of a case under observation, that needed a bed or did not."""
    return CLAIM_OBSERVED if is_needed else CLAIM_OBSERVED | CLAIM_UNNEEDED


@compiled
def count_observation(provider: Int, person: Int, seen: Observed) -> None:
    """Count a case under observation besides what its care counts as an outpatient contact.

    It is no stay: nobody counts it among admissions, discharges or readmissions.
    """
    provider[_OBSERVED] += 1
    provider[_OBSERVED_DAYS] += seen.days_milli
    if seen.died:
        person[_P_DEATHS] += 1


@compiled
def count_member_spending(home: Int, is_here: bool, is_outside: bool, covered_fen: int) -> None:
    """Count covered spending of a member at the own practice or elsewhere, outside the region."""
    if is_here:
        home[_HERE] += covered_fen
    else:
        home[_ELSEWHERE] += covered_fen
        if is_outside:
            home[_OUTSIDE] += covered_fen


@compiled
def count_experience(provider: Int, person: Int, outcome: float) -> None:
    """Count what a contact or stay felt like, in thousandths."""
    milli = int(np.floor(outcome * 1000.0 + 0.5))
    provider[_EXPERIENCE] += milli
    provider[_RATED] += 1
    person[_P_EXPERIENCE] += milli
    person[_P_RATED] += 1


@inlined
def count_stay(
    provider: Int,
    person: Int,
    done: Stay,
    kind: int,
    level: int,
    flags: int,
    is_elective: bool,
    is_readmission: bool,
    avoidable_milli: int,
    covered_fen: int,
    patient_fen: int,
    aid_fen: int,
    waited: int,
    minutes: float,
) -> None:
    """Count a stay.

    Parameters
    ----------
    provider, person : int64 rows
        Tallies of the provider for this payer and of the person's cell.
    done : Stay
    kind, level, flags : int
        Kind of provider, true level, the person's episode flags at admission.
    is_elective, is_readmission : bool
    avoidable_milli : int
        Ambulatory-care-sensitive share of the group, thousandths.
    covered_fen, patient_fen, aid_fen : int
        Covered charge, the patient's share of it, and what medical assistance pays.
    waited : int
        Months waited for the bed.
    minutes : float
        One-way travel time.
    """
    uncovered = done.charge_fen - covered_fen
    provider[_ADMISSIONS] += 1
    provider[_DAYS] += done.days
    provider[_NEED_DAYS] += done.needed_days
    for j in range(4):
        provider[_UNITS_IN + j] += done.units[j]
        provider[_NEED_IN + j] += done.needs[j]
    provider[_CHARGE_IN] += done.charge_fen
    provider[_COVERED_IN] += covered_fen
    provider[_PATIENT_IN] += patient_fen
    provider[_AID] += aid_fen
    provider[_UNCOVERED_IN] += uncovered
    provider[_COST_IN] += done.cost_fen
    provider[_LOSS] += done.loss_micro
    provider[_SEVERITY] += done.weight
    provider[_WAITED] += waited
    provider[_AVOIDABLE] += avoidable_milli
    if done.intensity > OVER_TREATED:
        provider[_OVER] += 1
    elif done.intensity < UNDER_TREATED:
        provider[_UNDER] += 1
    if done.billed > level:
        provider[_UPCODED] += 1
    elif done.billed < level:
        provider[_UNDERCODED] += 1
    if done.mode == 1:
        provider[_MINOR] += 1
    elif done.mode == 2:
        provider[_MAJOR] += 1
    if done.mode > done.indicated:
        provider[_MODE_ABOVE] += 1
    elif done.mode < done.indicated:
        provider[_MODE_BELOW] += 1
    provider[_SPLIT] += done.bills - 1
    if done.rest > 0:
        provider[_SENT_DOWN] += 1
        provider[_REFERRED_DOWN] += 1
        provider[_POST_ACUTE] += done.rest
        person[_P_REFERRED_DOWN] += 1
    if done.after > 0:
        provider[_TO_FACILITY] += 1
        provider[_POST_ACUTE] += done.after
    if (flags & NEEDS_BED) == 0:
        provider[_INAPPROPRIATE] += 1
    else:
        person[_P_GIVEN_AVOIDABLE] += avoidable_milli
    if is_elective:
        provider[_ELECTIVE] += 1
    if is_readmission:
        provider[_READMISSIONS] += 1
        person[_P_READMISSIONS] += 1
    if done.died:
        provider[_DEATHS] += 1
        person[_P_DEATHS] += 1
    provider[_DISCHARGES] += 1
    person[_P_DISCHARGES] += 1
    person[_P_SPENDING] += done.charge_fen
    person[_P_COVERED] += covered_fen
    person[_P_PATIENT] += patient_fen + uncovered
    person[_P_ADMISSIONS + kind] += 1
    person[_P_DAYS] += done.days
    person[_P_QALY] -= done.loss_micro
    person[_P_WAITED] += waited
    person[_P_TRAVEL] += int(np.floor(2.0 * minutes + 0.5))
