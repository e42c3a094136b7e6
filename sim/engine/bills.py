"""What a contact or a stay costs whom: one person's bill, for both engines.

Knows cost sharing by :mod:`sim.benefits`; must not know how care was decided, nor arrays of people.
"""

import numpy as np

from sim import benefits
from sim.behavior.choice import felt_payment
from sim.benefits import BenefitTable
from sim.engine.tables import READMITTED, Float, Int, PriceTable
from sim.numerics import compiled, inlined

entitlement = compiled(benefits.entitlement)
is_retired = compiled(benefits.is_retired)
outpatient_patient_share = compiled(benefits.outpatient_patient_share)
paid_out_after = compiled(benefits.paid_out_after)
inpatient_split = compiled(benefits.inpatient_split)
deductible_left = compiled(benefits.deductible_left)
within_maximum = compiled(benefits.within_maximum)
_expected_coinsurance = compiled(benefits.expected_coinsurance)


@compiled
def fill_expected_shares(expected: Float, mix: float, table: BenefitTable, out: Float) -> None:
    """Write the share of one more covered unit of currency that people expect to pay, in place.

    Parameters
    ----------
    expected : float64, shape (R,)
        Covered outpatient charges expected from now to the year's end, fen, by benefit package.
    mix : float
        Weight of the year-end price.
    table : BenefitTable
    out : float64, shape (R, 6, 2, 2, 3)
        By package, entitlement, cover used up (or deductible met), family doctor contract, kind of
        provider.
    """
    for r in range(out.shape[0]):
        deductible = table.annual_deductible[r]
        for entitled in range(out.shape[1]):
            for used in range(2):
                position = table.outpatient_cap[r, entitled] if used and deductible <= 0 else 0
                paid = deductible if used else 0
                for contract in range(2):
                    for tier in range(out.shape[4]):
                        out[r, entitled, used, contract, tier] = _expected_coinsurance(
                            r,
                            tier,
                            0 if tier == 0 else 1,
                            contract,
                            contract,
                            0,
                            entitled,
                            position,
                            0,
                            0,
                            expected[r],
                            mix,
                            table,
                            paid,
                        )


@compiled
def cover_used_up(
    paid_out_year: int, own_year: int, cover: int, entitled: int, used_up: Int, met: Int
) -> int:
    """Tell (0 or 1) whether a person's price has moved on: cover used up, or deductible met.

    No package has both an outpatient cap and an annual deductible, so one digit holds either.

    Parameters
    ----------
    paid_out_year : int
        What the fund has paid so far this year, fen.
    own_year : int
        What the person has paid so far this year, fen.
    cover, entitled : int
        Row of the person's benefit package, entitlement.
    used_up : int64, shape (R, 6)
        Fen that use up the cover.
    met : int64, shape (R,)
        Own payments that meet the annual deductible, fen; out of reach where there is none.
    """
    return 1 if paid_out_year >= used_up[cover, entitled] or own_year >= met[cover] else 0


@compiled
def covered_part(charge_fen: int, share: float) -> int:
    """Return the part of a charge that benefits cover at all, in whole fen."""
    return int(np.floor(charge_fen * share + 0.5))


@compiled
def outpatient_bill(
    charge_fen: int,
    share: float,
    cover: int,
    kind: int,
    has_contract: int,
    is_own: int,
    is_referred: int,
    entitled: int,
    paid_out_year: int,
    own_year: int,
    table: BenefitTable,
) -> tuple[int, int, int]:
    """Divide the charge of an outpatient contact.

    Parameters
    ----------
    charge_fen : int
    share : float
        Covered share of the provider's outpatient charges.
    cover, kind : int
        Row of the person's benefit package, the kind of provider.
    has_contract, is_own, is_referred : int
        0 or 1: has a family doctor contract, is at the own practice, was referred.
    entitled : int
        The person's entitlement.
    paid_out_year : int
        What the fund has paid for the person's outpatient care so far this year, fen.
    own_year : int
        What the person has paid so far this year, fen.
    table : BenefitTable

    Returns
    -------
    tuple of int
        Covered charge, the patient's share of it, and the position in the year afterwards, fen.
    """
    covered = covered_part(charge_fen, share)
    first = min(covered, deductible_left(cover, own_year, table))
    patient = first + outpatient_patient_share(
        covered - first,
        cover,
        kind,
        has_contract,
        is_own,
        is_referred,
        entitled,
        paid_out_year,
        table,
    )
    patient = within_maximum(patient, cover, own_year, table)
    return covered, patient, paid_out_after(covered, patient, cover, paid_out_year, table)


@compiled
def inpatient_bill(
    charge_fen: int,
    share: float,
    cover: int,
    kind: int,
    origin: int,
    flags: int,
    stays_year: int,
    own_covered_year: int,
    funded_year: int,
    own_year: int,
    is_poor: int,
    retired: int,
    table: BenefitTable,
) -> tuple[int, int, int, int]:
    """Divide the charge of a stay; sent on, readmitted or below the top tier counts as referred.

    Parameters
    ----------
    charge_fen : int
    share : float
        Covered share of the provider's inpatient charges.
    cover, kind : int
        Row of the person's benefit package, the kind of provider.
    origin : int
        Provider that sent the person, -1 for nobody.
    flags : int
        The open episode's flags at admission.
    stays_year, own_covered_year, funded_year : int
        This year so far: stays; own payments for covered inpatient care and what others have paid
        for all care, fen.
    own_year : int
        What the person has paid so far this year, fen.
    is_poor, retired : int
        0 or 1: entitled to medical assistance; of retirement age.
    table : BenefitTable

    Returns
    -------
    tuple of int
        Covered charge, the patient's share of it, medical assistance, and the year's own payments
        for covered inpatient care afterwards, fen.
    """
    covered = covered_part(charge_fen, share)
    is_referred = 0
    if origin >= 0 or (flags & READMITTED) != 0 or kind < 2:
        is_referred = 1
    first = min(covered, deductible_left(cover, own_year, table))
    patient, _basic, _serious, aid, own_covered = inpatient_split(
        covered - first,
        cover,
        kind,
        is_referred,
        stays_year,
        own_covered_year,
        funded_year,
        is_poor,
        table,
        retired,
    )
    patient = within_maximum(first + patient, cover, own_year, table)
    return covered, patient, aid, own_covered_year + own_covered


@compiled
def course_bill(
    charge_fen: int,
    share: float,
    cover: int,
    kind: int,
    own_covered_year: int,
    funded_year: int,
    own_year: int,
    is_poor: int,
    retired: int,
    table: BenefitTable,
) -> tuple[int, int, int, int]:
    """Divide the charge of outpatient sessions that the scheme pays as inpatient care.

    Nobody is referred month by month to sessions for life, so they count as referred; there is no
    deductible of a stay.

    Parameters
    ----------
    charge_fen : int
    share : float
        Covered share of the provider's outpatient charges.
    cover, kind, own_covered_year, funded_year, own_year, is_poor, retired, table
        As in :func:`inpatient_bill`.

    Returns
    -------
    tuple of int
        As :func:`inpatient_bill`.
    """
    covered = covered_part(charge_fen, share)
    first = min(covered, deductible_left(cover, own_year, table))
    patient, _basic, _serious, aid, own_covered = inpatient_split(
        covered - first,
        cover,
        kind,
        1,
        0,
        own_covered_year,
        funded_year,
        is_poor,
        table,
        retired,
        1,
    )
    patient = within_maximum(first + patient, cover, own_year, table)
    return covered, patient, aid, own_covered_year + own_covered


@inlined
def felt_price(
    cover: int,
    entitled: int,
    is_used_up: int,
    contract_there: int,
    p: int,
    account_fen: int,
    prices: PriceTable,
) -> float:
    """Return what the own payment of a contact of mean need weighs for a person.

    Parameters
    ----------
    cover, entitled, is_used_up, contract_there, p : int
        Axes of ``PriceTable.visit``.
    account_fen : int
        What is in the person's individual account; it pays no uncovered items.
    prices : PriceTable

    Returns
    -------
    float
        Currency.
    """
    return felt_payment(
        prices.visit[cover, entitled, is_used_up, contract_there, p],
        prices.uncovered[cover, p],
        account_fen * 0.01,
        prices.account_weight,
    )


@compiled
def own_share_of(own_fen: int, charge_fen: int) -> float:
    """Return what the patient pays of a charge, uncovered items included."""
    return own_fen / charge_fen if charge_fen > 0 else 0.0
