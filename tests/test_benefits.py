"""Cost sharing follows the rule texts, never passes a limit, and compiles to the same fen."""

from __future__ import annotations

import copy
import math
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from sim import benefits
from sim.benefits import (
    COUNTY_2022,
    LISTED,
    ORDINARY,
    REFERRED,
    RETIRED,
    TIERS,
    TRANSFERRED_FROM,
    TWO_DISEASES,
    UNREFERRED,
    Benefits,
    entitlement,
    expected_coinsurance,
    inpatient_patient_share,
    inpatient_split,
    is_retired,
    outpatient_patient_share,
    paid_out_after,
)
from sim.engine import bills
from sim.engine.bills import fill_expected_shares
from sim.errors import ScenarioError

PAYERS = ("resident-scheme", "employee-scheme", "self-pay")
RESIDENT, EMPLOYEE, SELF_PAY = 0, 1, 2
TABLE = Benefits.from_spec(COUNTY_2022, PAYERS, TIERS).table()

payers = st.integers(0, 2)
tiers = st.integers(0, 2)
flags = st.integers(0, 1)
referrals = st.integers(0, 4)
entitlements = st.integers(0, 5)
charges = st.integers(0, 60_000_000)


def changed(**fields: object) -> dict[str, Any]:
    """Copy the county's block and change fields of the resident scheme."""
    spec: dict[str, Any] = copy.deepcopy(dict(COUNTY_2022))
    spec["resident-scheme"].update(fields)
    return spec


def stay(
    covered: int,
    payer: int = RESIDENT,
    tier: int = 1,
    referral: int = REFERRED,
    stays: int = 0,
    own: int = 0,
    fund: int = 0,
    poor: int = 0,
) -> tuple[int, int, int, int, int]:
    """Split one stay, by default a resident's first at the county hospital."""
    return inpatient_split(covered, payer, tier, referral, stays, own, fund, poor, TABLE)


def visit(
    covered: int,
    payer: int = RESIDENT,
    tier: int = 0,
    contract: int = 0,
    own_practice: int = 0,
    referral: int = REFERRED,
    entitled: int = ORDINARY,
    position: int = 0,
) -> int:
    """Give the patient's share of one visit, by default a resident's at a practice."""
    return outpatient_patient_share(
        covered, payer, tier, contract, own_practice, referral, entitled, position, TABLE
    )


def test_block_in_the_module_docstring_is_the_status_quo_the_module_reads() -> None:
    text = (benefits.__doc__ or "").split("::\n\n", 1)[1].split("\n\nMeaning", 1)[0]
    block = YAML(typ="safe", pure=True).load(text)
    assert block["benefits"] == COUNTY_2022


@pytest.mark.parametrize(
    ("tier", "covered_yuan", "percent"), [(0, 2_082, 80.7), (1, 6_424, 72.7), (2, 11_745, 62.8)]
)
def test_resident_stays_are_paid_the_shares_of_the_county_check(
    tier: int, covered_yuan: int, percent: float
) -> None:
    covered = covered_yuan * 100
    patient, basic, serious, aid, own = stay(covered, tier=tier)
    assert round(100 * basic / covered, 1) == percent
    assert (serious, aid) == (0, 0)
    assert patient == own == covered - basic


def test_county_stay_is_worked_by_hand() -> None:
    # 6,424 covered, 400 deductible, 77.5 % of the rest.
    assert stay(642_400)[1] == 466_860
    # The second stay of the year halves the deductible: 77.5 % of 6,224.
    assert stay(642_400, stays=1)[1] == 482_360


def test_unreferred_care_at_the_tertiary_hospital_is_paid_fifteen_points_less() -> None:
    referred, alone = stay(1_000_000, tier=2), stay(1_000_000, tier=2, referral=UNREFERRED)
    assert referred[1] - alone[1] == round(0.15 * (1_000_000 - 90_000))
    assert stay(500_000, tier=1) == stay(500_000, tier=1, referral=UNREFERRED)


def test_transfer_up_pays_the_difference_of_deductibles_and_down_none() -> None:
    up = stay(1_000_000, tier=2, referral=TRANSFERRED_FROM + 1)
    assert up[1] == round(0.68 * (1_000_000 - (90_000 - 40_000)))
    down = stay(208_200, tier=0, referral=TRANSFERRED_FROM + 2)
    assert down[1] == round(0.87 * 208_200)


def test_serious_illness_cover_pays_above_the_threshold_only() -> None:
    # 100,000 covered at the tertiary hospital: own 900 + 32 % of 99,100 = 32,612;
    # 60 % of what is above 13,000 comes back: 11,767.20.
    patient, _, serious, aid, own = stay(10_000_000, tier=2)
    assert own == 3_261_200
    assert serious == 1_176_720
    assert aid == 0
    assert patient == 2_084_480


def test_poor_have_half_the_threshold_a_higher_rate_and_assistance() -> None:
    # Own 32,612; 65 % above 6,500 = 16,972.80; 70 % of the remaining 15,639.20 = 10,947.44.
    patient, _, serious, aid, _ = stay(10_000_000, tier=2, poor=1)
    assert serious == 1_697_280
    assert aid == 1_094_744
    assert patient == 469_176


def test_self_pay_pays_everything() -> None:
    assert visit(12_345, payer=SELF_PAY, contract=1, own_practice=1) == 12_345
    assert stay(987_654, payer=SELF_PAY, poor=1) == (987_654, 0, 0, 0, 987_654)


def test_family_doctor_contract_adds_five_points_at_the_practice_and_on_its_referral() -> None:
    assert visit(10_000) == 4_500
    assert visit(10_000, contract=1, own_practice=1, referral=UNREFERRED) == 4_000
    assert visit(10_000, tier=1, contract=1) == 6_500
    assert visit(10_000, tier=1, contract=1, referral=UNREFERRED) == 7_000
    # Nothing is added where the scheme covers no such visit.
    assert visit(10_000, tier=2, contract=1) == 10_000


def test_resident_outpatient_cap_ends_the_funds_payments() -> None:
    position, paid = 0, 0
    for _ in range(20):
        share = visit(5_000, position=position)
        paid += 5_000 - share
        position = paid_out_after(5_000, share, RESIDENT, position, TABLE)
        assert position == paid
    assert paid == 25_000
    assert visit(5_000, position=position) == 5_000
    # A diabetic's drugs have 300 yuan more, a cancer patient's visits a higher rate besides.
    assert visit(5_000, position=position, entitled=TWO_DISEASES) == 2_250
    assert visit(5_000, position=position, entitled=LISTED) == 1_750


def test_employees_outpatient_deductible_is_met_once_a_year() -> None:
    # Three visits of 120 yuan: 240 count first, then 60, and 65 % of the last 60 is paid.
    position = 0
    shares = []
    for _ in range(4):
        share = visit(12_000, payer=EMPLOYEE, position=position)
        shares.append(share)
        position = paid_out_after(12_000, share, EMPLOYEE, position, TABLE)
    assert shares == [12_000, 12_000, 12_000 - 3_900, 4_200]
    assert position == 3_900 + 7_800


def test_deductible_met_to_the_fen_leaves_the_next_visit_covered() -> None:
    position = paid_out_after(30_000, 30_000, EMPLOYEE, 0, TABLE)
    assert position == -30_000
    assert visit(10_000, payer=EMPLOYEE, position=position) == 3_500


def entitled(chronic: int, frailty: float = 0.0, retired: int = 0) -> int:
    """Give the entitlement where all heart disease, stroke and cancer is listed, and frail COPD."""
    never, always = np.inf, -np.inf
    row = [never, never, 0.7, always, always, never, always, never]
    return entitlement(chronic, frailty, 0, retired, np.array([row]))


def test_entitlement_follows_the_chronic_conditions() -> None:
    assert entitled(0) == ORDINARY
    assert entitled(0b1) == entitled(0b10) == TWO_DISEASES
    assert entitled(0b100) == ORDINARY
    assert entitled(0b1001) == entitled(0b100_0000) == LISTED


def test_a_condition_is_listed_in_its_severe_stage_alone() -> None:
    assert [entitled(0b100, frailty) for frailty in (0.69, 0.7, 2.0)] == [ORDINARY, LISTED, LISTED]
    # A condition one does not have opens nothing, however frail one is.
    assert entitled(0b1, 2.0) == TWO_DISEASES


def test_from_the_age_of_retirement_the_entitlement_is_that_of_the_retired() -> None:
    assert [is_retired(12 * age, 0) for age in (59, 60, 90)] == [0, 1, 1]
    assert [is_retired(12 * age, 1) for age in (54, 55, 90)] == [0, 1, 1]
    assert entitled(0b1000, retired=1) == LISTED + RETIRED


def test_the_retired_of_the_employee_scheme_are_paid_more_and_those_of_the_other_the_same() -> None:
    # 70 instead of 65 % at a practice; 100 yuan after the deductible is met.
    assert visit(10_000, payer=EMPLOYEE, position=1) == 3_500
    assert visit(10_000, payer=EMPLOYEE, position=1, entitled=ORDINARY + RETIRED) == 3_000
    assert visit(10_000, entitled=ORDINARY + RETIRED) == visit(10_000)
    # A county stay of 6,000 covered: 93 instead of 90 % of 5,500.
    arguments = (600_000, EMPLOYEE, 1, REFERRED, 0, 0, 0, 0, TABLE)
    assert inpatient_split(*arguments)[1] == 495_000
    assert inpatient_split(*arguments, 1)[1] == 511_500
    # Where nothing is paid, nothing is added.
    assert inpatient_split(600_000, SELF_PAY, 1, REFERRED, 0, 0, 0, 0, TABLE, 1)[1] == 0


def test_dialysis_is_paid_as_a_stay_without_deductible_up_to_serious_illness_cover() -> None:
    # 5,000 covered in a month: 77.5 % of it, where a stay would lose 400 first.
    assert inpatient_split(500_000, RESIDENT, 1, 1, 0, 0, 0, 0, TABLE, 0, 1)[:2] == (
        112_500,
        387_500,
    )
    own = fund = 0
    for _month in range(12):
        patient, basic, serious, aid, mine = inpatient_split(
            500_000, RESIDENT, 1, 1, 0, own, fund, 0, TABLE, 0, 1
        )
        own += mine
        fund += basic + serious + aid
    # The year's own covered share is 12 x 1,125 = 13,500: 500 above the threshold, 60 % of it paid.
    assert own == 1_350_000
    assert fund == 12 * 387_500 + 30_000
    assert (patient, serious) == (82_500, 30_000)


def test_assistance_reaches_the_poor_on_dialysis() -> None:
    patient, basic, serious, aid, own = inpatient_split(
        500_000, RESIDENT, 1, 1, 0, 0, 0, 1, TABLE, 0, 1
    )
    assert (basic, serious, own) == (387_500, 0, 112_500)
    assert aid == 78_750  # 70 % of the 1,125 left
    assert patient == 33_750


def test_a_list_of_special_diseases_left_out_is_heart_disease_stroke_and_cancer() -> None:
    spec = changed()
    del spec["resident-scheme"]["listed_share"]
    read = Benefits.from_spec(spec, PAYERS, TIERS)
    assert read.listed_share[RESIDENT].tolist() == [0, 0, 0, 1, 1, 0, 1, 0]
    assert read.retired_bonus.tolist() == [[0, 0], [0.05, 0.03], [0, 0]]


@given(charges, payers, tiers, flags, flags, referrals, entitlements, st.integers(-30_000, 800_000))
def test_outpatient_share_lies_within_the_charge_and_the_fund_within_its_cap(
    covered: int,
    payer: int,
    tier: int,
    contract: int,
    own_practice: int,
    referral: int,
    entitled: int,
    position: int,
) -> None:
    position = max(position, -int(TABLE.outpatient_deductible[payer]))
    arguments = (payer, tier, contract, own_practice, referral, entitled, position, TABLE)
    share = outpatient_patient_share(covered, *arguments)
    assert 0 <= share <= covered
    cap = int(TABLE.outpatient_cap[payer, entitled])
    after = paid_out_after(covered, share, payer, position, TABLE)
    assert after <= max(cap, position)
    assert after >= -int(TABLE.outpatient_deductible[payer])
    # One more fen of charge costs the patient none or one fen more.
    assert outpatient_patient_share(covered + 1, *arguments) - share in (0, 1)


@given(
    charges,
    payers,
    tiers,
    referrals,
    st.integers(0, 9),
    st.integers(0, 40_000_000),
    st.integers(0, 40_000_000),
    flags,
)
def test_inpatient_parts_add_to_the_charge_and_grow_with_it(
    covered: int, payer: int, tier: int, referral: int, stays: int, own: int, fund: int, poor: int
) -> None:
    arguments = (payer, tier, referral, stays, own, fund, poor, TABLE)
    parts = inpatient_split(covered, *arguments)
    assert all(part >= 0 for part in parts)
    assert sum(parts[:4]) == covered
    assert parts[4] == covered - parts[1]
    assert inpatient_patient_share(covered, *arguments) == parts[0]
    more = inpatient_split(covered + 1, *arguments)
    assert more[0] - parts[0] in (0, 1)
    worse = inpatient_split(covered, payer, tier, UNREFERRED, stays, own, fund, poor, TABLE)
    assert parts[1] >= worse[1] or referral == UNREFERRED


@given(st.lists(st.tuples(st.integers(0, 80_000_000), tiers), min_size=1, max_size=8), flags)
def test_no_limit_of_the_year_is_passed_however_stays_follow(
    stays: list[tuple[int, int]], poor: int
) -> None:
    own = fund = basic_year = serious_year = aid_year = patient_year = 0
    for number, (covered, tier) in enumerate(stays):
        patient, basic, serious, aid, own_stay = stay(
            covered, tier=tier, stays=number, own=own, fund=fund, poor=poor
        )
        own += own_stay
        fund += covered - patient
        basic_year += basic
        serious_year += serious
        aid_year += aid
        patient_year += patient
    assert basic_year <= 15_000_000
    assert serious_year <= int(TABLE.serious_cap[RESIDENT, poor])
    # Serious-illness cover and assistance depend on the year's own spending alone.
    threshold, rate = (650_000, 0.65) if poor else (1_300_000, 0.6)
    due = min(rate * max(0, own - threshold), float(TABLE.serious_cap[RESIDENT, poor]))
    assert serious_year == pytest.approx(due, abs=1)
    assert aid_year == pytest.approx(0.7 * poor * (own - serious_year), abs=1)
    assert patient_year == own - serious_year - aid_year


@given(charges, payers, tiers, st.integers(0, 5), st.integers(0, 9_000_000), flags)
def test_poverty_never_makes_a_stay_dearer(
    covered: int, payer: int, tier: int, stays: int, own: int, referral: int
) -> None:
    usual = inpatient_patient_share(covered, payer, tier, referral, stays, 0, 0, 0, TABLE)
    poor = inpatient_patient_share(covered, payer, tier, referral, stays, 0, 0, 1, TABLE)
    assert poor <= usual
    # Nor does having spent much before, as long as serious-illness cover is not used up.
    later, _, _, _, of_stay = inpatient_split(
        covered, payer, tier, referral, stays, own, 0, 0, TABLE
    )
    eligible = max(0, own + of_stay - int(TABLE.serious_threshold[payer, 0]))
    if eligible * int(TABLE.serious_rate[payer, 0]) < 1_000_000 * int(TABLE.serious_cap[payer, 0]):
        assert later <= usual + 1


def coinsurance(setting: int, mix: float, rest: float = 50_000.0, **more: int) -> float:
    """Give the price of one more yuan for a referred resident, at a practice or hospital."""
    place = {"payer": RESIDENT, "tier": min(setting, 1), "position": 0, "own": 0, "poor": 0, **more}
    return expected_coinsurance(
        place["payer"],
        place["tier"],
        setting,
        0,
        0,
        REFERRED,
        ORDINARY,
        place["position"],
        place["own"],
        place["poor"],
        rest,
        mix,
        TABLE,
    )


def test_spot_price_is_the_slope_of_what_the_patient_owes() -> None:
    assert coinsurance(0, 0.0) == pytest.approx(0.45)
    assert coinsurance(1, 0.0) == pytest.approx(0.7)
    assert coinsurance(2, 0.0) == pytest.approx(0.225)
    assert coinsurance(2, 0.0, own=1_300_000) == pytest.approx(0.225 * 0.4)
    assert coinsurance(2, 0.0, poor=1) == pytest.approx(0.225 * 0.3)
    assert coinsurance(0, 0.0, position=25_000) == 1.0
    assert coinsurance(0, 0.0, payer=EMPLOYEE) == 1.0
    assert coinsurance(0, 0.0, payer=EMPLOYEE, position=-30_000) == pytest.approx(0.35)
    assert coinsurance(2, 0.7, payer=SELF_PAY) == 1.0


def test_year_end_price_sees_the_deductible_end_and_the_cap_come() -> None:
    # Employee before the deductible: with much care to come the final price is near 35 %.
    assert coinsurance(0, 1.0, rest=1e5, payer=EMPLOYEE) < 0.8
    # Resident: the more care is expected, the surer the cap and the dearer the last yuan.
    prices = [coinsurance(0, 1.0, rest=rest) for rest in (1.0, 1e4, 1e5, 1e7)]
    assert prices == sorted(prices)
    assert prices[0] == pytest.approx(0.45, abs=1e-6)
    assert prices[-1] > 0.98
    # Hand-worked: m = 45,454.54..., cap reached after 25,000 / .55 = the same: P(X > C) = 1/4.
    assert coinsurance(0, 1.0, rest=25_000 / 0.55) == pytest.approx(1 - 0.55 * 0.75)
    # The price acted on is the mixture.
    half = coinsurance(0, 0.5, rest=1e5)
    assert half == pytest.approx((coinsurance(0, 0.0) + coinsurance(0, 1.0, rest=1e5)) / 2)


@given(
    st.tuples(
        payers,
        tiers,
        st.integers(0, 2),
        flags,
        flags,
        referrals,
        entitlements,
        st.integers(-30_000, 800_000),
        st.integers(0, 40_000_000),
        flags,
        st.floats(0, 1e9),
        st.floats(0, 1),
    )
)
def test_price_a_patient_acts_on_is_a_share(arguments: tuple[Any, ...]) -> None:
    price = expected_coinsurance(*arguments, TABLE)
    assert -1e-12 <= price <= 1 + 1e-12
    assert isinstance(price, float)


@pytest.mark.slow
def test_compiled_functions_give_the_same_fen_and_the_same_bits() -> None:
    pairs = [
        (function, numba.njit(function))
        for function in (
            outpatient_patient_share,
            paid_out_after,
            inpatient_split,
            expected_coinsurance,
            entitlement,
            is_retired,
        )
    ]
    generator = np.random.Generator(np.random.PCG64(1))
    for _ in range(300):
        payer, tier = (int(x) for x in generator.integers(0, 3, 2))
        referral, entitled = int(generator.integers(0, 5)), int(generator.integers(0, 6))
        listed_from = generator.normal(size=(3, 8))
        retired, free = (int(x) for x in generator.integers(0, 2, 2))
        contract, own_practice, poor = (int(x) for x in generator.integers(0, 2, 3))
        covered = int(generator.integers(0, 30_000_000))
        position = int(generator.integers(-30_000, 300_000))
        own, fund = (int(x) for x in generator.integers(0, 30_000_000, 2))
        where = (payer, tier)
        calls = {
            "outpatient_patient_share": (
                (covered, *where, contract, own_practice, referral, entitled, position, TABLE)
            ),
            "paid_out_after": (covered, covered // 2, payer, position, TABLE),
            "inpatient_split": (
                (covered, *where, referral, tier, own, fund, poor, TABLE, retired, free)
            ),
            "expected_coinsurance": (
                *where,
                int(generator.integers(0, 3)),
                contract,
                own_practice,
                referral,
                entitled,
                position,
                own,
                poor,
                float(covered),
                0.5,
                TABLE,
            ),
            "entitlement": (covered % 256, float(generator.normal()), payer, retired, listed_from),
            "is_retired": (covered % 1200, poor),
        }
        for plain, compiled in pairs:
            assert plain(*calls[plain.__name__]) == compiled(*calls[plain.__name__])


def test_expected_shares_of_all_packages_are_those_worked_out_one_by_one() -> None:
    expected, shares = np.array([0.0, 40_000.0, 900_000.0]), np.empty((3, 6, 2, 2, 3))
    fill_expected_shares(expected, 0.5, TABLE, shares)
    for place in np.ndindex(shares.shape):
        row, entitled, used, contract, tier = place
        owed = int(TABLE.annual_deductible[row])
        position = int(TABLE.outpatient_cap[row, entitled]) if used and not owed else 0
        assert shares[place] == expected_coinsurance(
            row,
            tier,
            min(tier, 1),
            contract,
            contract,
            0,
            entitled,
            position,
            0,
            0,
            expected[row],
            0.5,
            TABLE,
            owed * used,
        )


def test_numbers_may_carry_value_unit_and_source() -> None:
    spec = changed(
        outpatient_cap={"value": 250, "unit": "CNY/year", "low": 120, "high": 500, "source": "x"},
        contract_bonus={"value": 5, "unit": "percent"},
        annual_cap={"value": 150, "unit": "1000 CNY"},
    )
    read = Benefits.from_spec(spec, PAYERS)
    for one, other in zip(read.table(), TABLE, strict=True):
        np.testing.assert_array_equal(one, other)


def test_field_beside_the_payers_overrides_it_for_all_that_cover_something() -> None:
    spec = {**COUNTY_2022, "deductible": {"tertiary": {"value": 1500, "unit": "CNY"}}}
    read = Benefits.from_spec(spec, PAYERS)
    assert read.deductible.tolist() == [[150, 400, 1500], [200, 500, 1500], [0, 0, 0]]


def test_no_limit_is_written_none() -> None:
    read = Benefits.from_spec(changed(annual_cap="none"), PAYERS)
    assert math.isinf(read.annual_cap[0])
    parts = inpatient_split(400_000_000, 0, 1, 1, 0, 0, 0, 0, read.table())
    assert parts[1] == round(0.775 * (400_000_000 - 40_000))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({**COUNTY_2022, "residents-scheme": "none"}, "Did you mean `resident-scheme`"),
        (changed(deductable={}), "Did you mean `deductible`"),
        (
            changed(rate={"primary": 0.9, "secondary": 0.8}),
            "benefits.resident-scheme.rate.tertiary",
        ),
        (changed(contract_bonus=5), "a share from 0 to 1"),
        (changed(outpatient_cap=-1), "0 CNY or more"),
        (changed(outpatient_cap="much"), "a number"),
        (changed(outpatient_cap=True), "a number"),
        (changed(annual_cap={"value": 3, "unit": "days"}), "money"),
        (changed(assistance_rate=math.nan), "a share from 0 to 1"),
        ({"resident-scheme": "none", "employee-scheme": "none"}, "benefits.self-pay"),
        (dict.fromkeys(PAYERS, 3), "a mapping"),
    ],
)
def test_faulty_block_is_refused_with_the_place_and_what_is_allowed(
    spec: dict[str, Any], message: str
) -> None:
    with pytest.raises(ScenarioError, match=message):
        Benefits.from_spec(spec, PAYERS)


def test_missing_field_is_refused_and_not_guessed() -> None:
    spec = changed()
    del spec["resident-scheme"]["annual_cap"]
    with pytest.raises(ScenarioError, match=r"resident-scheme\.annual_cap"):
        Benefits.from_spec(spec, PAYERS)


def test_reading_a_block_changes_nothing_in_it() -> None:
    spec = changed(deductible={"primary": 1, "secondary": 2, "tertiary": 3})
    before = copy.deepcopy(spec)
    Benefits.from_spec(spec, PAYERS).table()
    assert spec == before


# --- annual deductible and out-of-pocket maximum -------------------------------------------------


def plan(rate: float, deductible: float, maximum: float | str) -> benefits.BenefitTable:
    """A plan with one coinsurance for all care, an annual deductible and a maximum."""
    tier = {"primary": rate, "secondary": rate, "tertiary": rate}
    none = {"primary": 0.0, "secondary": 0.0, "tertiary": 0.0}
    block = {
        **COUNTY_2022["employee-scheme"],
        "outpatient_rate": tier,
        "listed_rate": tier,
        "outpatient_deductible": 0,
        "outpatient_cap": "none",
        "deductible": none,
        "rate": tier,
        "unreferred_penalty": none,
        "annual_cap": "none",
        "annual_deductible": deductible,
        "out_of_pocket_maximum": maximum,
    }
    return Benefits.from_spec({"plan": block}, ("plan",), TIERS).table()


def own_part(charge: int, own_year: int, table: benefits.BenefitTable) -> int:
    return bills.outpatient_bill(charge, 1.0, 0, 0, 0, 0, 0, 0, 0, own_year, table)[1]


def test_a_year_under_an_annual_deductible_and_a_maximum_worked_by_hand() -> None:
    """Deductible 1,000, coinsurance .2, maximum 3,000; a visit, two stays and a visit."""
    table = plan(0.8, 1000, 3000)
    own = own_part(400_00, 0, table)
    assert own == 400_00
    stay_own = bills.inpatient_bill(5000_00, 1.0, 0, 1, -1, 0, 0, 0, 0, own, 0, 0, table)[1]
    assert stay_own == 600_00 + 880_00  # the rest of the deductible, then .2 of 4,400
    own += stay_own
    stay_own = bills.inpatient_bill(20000_00, 1.0, 0, 1, -1, 0, 1, own, 3520_00, own, 0, 0, table)[
        1
    ]
    assert stay_own == 3000_00 - own  # .2 of 20,000 would be 4,000
    assert own_part(500_00, 3000_00, table) == 0


def test_the_experiments_plans_end_at_their_maximum() -> None:
    """Coinsurance .95 up to 1,000 dollars a year, as in the RAND experiment."""
    table = plan(0.05, 0, 1000)
    assert own_part(100_00, 0, table) == 95_00
    assert own_part(2000_00, 95_00, table) == 905_00
    assert own_part(2000_00, 1000_00, table) == 0


def test_without_either_nothing_changes() -> None:
    assert own_part(123_45, 99_999_00, plan(0.8, 0, "none")) == 24_69


def test_the_price_acted_on_falls_when_the_deductible_is_met_and_to_nothing_at_the_maximum() -> (
    None
):
    table = plan(0.8, 1000, 3000)

    def price(own_year: int, expected: float) -> float:
        return expected_coinsurance(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, expected, 0.5, table, own_year)

    assert price(0, 0.0) == 1.0
    assert price(1000_00, 0.0) == pytest.approx(0.2)
    assert price(3000_00, 500_00.0) == 0.0
    # with charges of 1,000 expected, a quarter meet the deductible, few of them the maximum
    met, most = (1 / 2) ** 2, (1 / (1 + 1 + 2 / 0.2)) ** 2
    assert price(0, 1000_00.0) == pytest.approx(0.5 + 0.5 * (1 - 0.8 * met - 0.2 * most))
