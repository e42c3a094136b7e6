"""One patient, one practice, one illness: every number of a run worked out by hand.

A visit of the appropriate kind costs 100 CNY at list price: 40 drugs, 30 diagnostics,
20 procedures, 10 labor. Variable cost over list price is 1, .6, .9, 1.15. What health is at stake
weighs 24 list prices at the margin and effort weighs .05, so that at marginal receipts of f list
prices the practice gives (Ellis & McGuire 1986)::

    (f - cost ratio + 24) / (.05 + 24)

of what is appropriate. The patient has one visit a month, is insured by the resident scheme, has a
family doctor contract, and pays 40 % until the fund has paid 250 CNY in a year.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from sim.month import World, build_world, run_month
from sim.scenario import Scenario, load
from sim.tallies import ProviderTally as T

PRICE = np.array([40.0, 30.0, 20.0, 10.0])
COST_RATIO = np.array([1.0, 0.6, 0.9, 1.15])
AT_ONCE = {"style_half_life": 0.0, "income_elasticity": 0.0}
FFS: dict[str, Any] = {"fee_for_service": {}}


def ratio(fee: Any, stake: float = 24.0) -> np.ndarray:
    """Units given over units appropriate at marginal receipts of ``fee`` list prices."""
    return np.clip((fee - COST_RATIO + stake) / (0.05 + stake), 0.0, 2.0)


def assignment(contract: Mapping[str, Any]) -> list[dict[str, Any]]:
    payers = ["resident-scheme", "employee-scheme", "self-pay"]
    return [{"payer": payers, "providers": "all", "contract": contract}]


def run(
    contract: Mapping[str, Any] | None = None,
    months: int = 24,
    seed: int = 1,
    parameters: Mapping[str, float] | None = None,
    freeze: frozenset[str] = frozenset(),
    settings: Mapping[str, Any] | None = None,
) -> World:
    """A year at list prices, then the contract."""
    scenario: Scenario = load("one-to-one")
    if contract is not None:
        scenario = scenario.with_payment(assignment(contract))
    if settings:
        scenario = scenario.set_all(settings.items())
    before: Any = scenario.before
    after: Any = scenario.after
    world = build_world(
        scenario.region(),
        before,
        after,
        months_before=12,
        months=months,
        warm_up=0,
        seed=seed,
        population=1,
        parameters={**scenario.parameters, **(parameters or {})},
        freeze=freeze,
        claims=True,
    )
    while world.month < months:
        run_month(world)
    return world


def tally(world: World, column: T) -> list[int]:
    """A tally of the practice and the resident scheme, month by month."""
    return [int(month["provider"][0, 0, column]) for month in world.history]


def money(world: World, name: str) -> list[int]:
    return [int(month[name][0, 0]) for month in world.history]


def entries(world: World, month: int) -> dict[tuple[str, str, str], int]:
    book = world.ledger.entries()
    here = book["month"] == month
    return {
        (str(payer), str(payee), str(purpose)): int(amount)
        for payer, payee, purpose, amount in zip(
            *(book[name][here] for name in ("payer", "payee", "purpose", "amount")), strict=True
        )
    }


# One visit at list prices: units .998, 1.015, 1.002, .992 of what is appropriate, so the charge is
# 39.92 + 30.45 + 20.04 + 9.92 and the variable cost 39.92 + 18.27 + 18.036 + 11.408.
CHARGE, COST = 10033, 8763
# 60 % of it, until the fund has paid 250 CNY: four whole visits and 920 fen of the fifth.
FUND = [6020, 6020, 6020, 6020, 920, 0, 0, 0, 0, 0, 0, 0]


# --- fees at list price --------------------------------------------------------------------------


@pytest.mark.slow
def test_a_visit_is_charged_its_units_at_list_price_every_month() -> None:
    world = run()
    assert tally(world, T.VISITS) == [1] * 24
    expected = np.floor(ratio(1.0) * 1000.0 + 0.5)
    assert expected.tolist() == [998.0, 1015.0, 1002.0, 992.0]
    for j in range(4):
        assert tally(world, T(T.UNITS_OUT_0 + j)) == [int(expected[j])] * 24
        assert tally(world, T(T.NEED_OUT_0 + j)) == [1000] * 24
    assert tally(world, T.CHARGE_OUT) == [CHARGE] * 24
    assert tally(world, T.COST_OUT) == [COST] * 24
    assert tally(world, T.ADMISSIONS) == [0] * 24


def test_the_patient_pays_two_fifths_until_the_fund_has_paid_its_limit() -> None:
    world = run()
    assert tally(world, T.PATIENT_OUT) == [CHARGE - fund for fund in FUND] * 2
    assert money(world, "fund_paid") == FUND * 2
    assert money(world, "receipts") == [CHARGE] * 24


@pytest.mark.slow
def test_a_deductible_a_rate_and_a_cap_divide_the_bill_as_the_law_says() -> None:
    at = "benefits.resident-scheme"
    settings = {
        f"{at}.outpatient_deductible": 150,
        f"{at}.outpatient_rate.primary": 0.5,
        f"{at}.outpatient_cap": 300,
    }
    world = run(settings=settings)
    # The contract adds .05 to the rate. The first bill stays under the deductible; of the second
    # 4967 fen do; six are paid at 55 %; what is left of 300 CNY is 1696; then nothing.
    fund = [0, 2786, 5518, 5518, 5518, 5518, 5142, 0, 0, 0, 0, 0]
    assert sum(fund) == 30000
    assert money(world, "fund_paid")[12:] == fund
    assert tally(world, T.PATIENT_OUT)[12:] == [CHARGE - x for x in fund]
    assert money(world, "fund_paid")[:12] == FUND


def test_a_claim_says_what_the_month_says() -> None:
    world = run(months=12)
    for month, claims in enumerate(world.claims):
        assert claims["charge_fen"].tolist() == [CHARGE]
        assert claims["cost_fen"].tolist() == [COST]
        assert claims["patient_fen"].tolist() == [CHARGE - FUND[month]]
        assert claims["units_milli"].tolist() == [[998, 1015, 1002, 992]]
        assert claims["need_milli"].tolist() == [[1000, 1000, 1000, 1000]]


def test_the_ledger_holds_these_entries_and_no_others() -> None:
    world = run()
    # 990 CNY a member and year come in, 350 of them from the member; what is left of the practice's
    # income is fixed cost; administration is 1.2 % of what the fund pays, whole fen.
    for month in range(24):
        fund = FUND[month % 12]
        subsidy = int(8250 * (1.0 - 350.0 / 990.0))
        administration = int(fund * 0.012)
        kind = "settlement" if month % 12 == 11 else "care_payment"
        expected = {
            ("outside", "patients", "household_income"): CHARGE - fund,
            ("patients", "practice", "patient_covered"): CHARGE - fund,
            ("resident-scheme", "practice", kind): fund,
            ("practice", "outside", "supplies"): COST,
            ("practice", "outside", "fixed_cost"): CHARGE - COST,
            ("outside", "resident-scheme", "premium"): 8250 - subsidy,
            ("fiscal-authority", "resident-scheme", "premium_subsidy"): subsidy,
            ("fiscal-authority", "outside", "administration"): administration,
            ("outside", "fiscal-authority", "tax"): subsidy + administration,
        }
        found = entries(world, month)
        assert found == {place: amount for place, amount in expected.items() if amount > 0}
    assert world.ledger.balance("practice") == 0
    assert world.ledger.balance("patients") == 0
    assert world.ledger.balance("resident-scheme") == 24 * 8250 - 2 * 25000


@pytest.mark.slow
def test_nothing_is_left_to_chance() -> None:
    first = run(seed=1)
    for seed in (2, 99, 2**62):
        other = run(seed=seed)
        for column in (T.VISITS, T.UNITS_OUT_0, T.CHARGE_OUT, T.PATIENT_OUT, T.COST_OUT):
            assert tally(other, column) == tally(first, column)
        assert money(other, "fund_paid") == money(first, "fund_paid")
        mine, yours = first.ledger.entries(), other.ledger.entries()
        assert all(np.array_equal(mine[name], yours[name]) for name in mine)


# --- quantities ----------------------------------------------------------------------------------

CONTRACTS: dict[str, tuple[dict[str, Any], Any]] = {
    "list fees": (FFS, 1.0),
    "half fees": ({"fee_for_service": {"multiplier": 0.5}}, 0.5),
    "double fees": ({"fee_for_service": {"multiplier": 2.0}}, 2.0),
    "no fees": ({"fee_for_service": {"multiplier": 0.0}}, 0.0),
    "dear drugs": (
        {"fee_for_service": {"components": {"drugs": 1.5}}},
        np.array([1.5, 1.0, 1.0, 1.0]),
    ),
    "per member": ({"capitation": {"rate": 600.0}}, 0.0),
    "per member, neutral": ({"capitation": {"rate": "neutral"}}, 0.0),
    "per stay": ({"drg": {"base_rate": 6000.0}}, 0.0),
    "a quarter by item": (
        {
            "blend": [
                {"weight": 0.25, "contract": FFS},
                {"weight": 0.75, "contract": {"capitation": {"rate": 600.0}}},
            ]
        },
        0.25,
    ),
    "drugs by item, the rest per member": (
        {
            "blend": [
                {"scope": {"component": "drugs"}, "contract": FFS},
                {"scope": "rest", "contract": {"capitation": {"rate": 600.0}}},
            ]
        },
        np.array([1.0, 0.0, 0.0, 0.0]),
    ),
    "far below a budget, seven tenths of a surplus kept": (
        {
            "global_budget": {
                "budget": 1e6,
                "surplus": [{"kept": 0.7}],
                "overrun": [{"borne": 1.0}],
                "of": FFS,
            }
        },
        0.3,
    ),
    "far above a budget, two fifths of an overrun borne": (
        {
            "global_budget": {
                "budget": 1.0,
                "surplus": [{"kept": 1.0}],
                "overrun": [{"borne": 0.4}],
                "of": FFS,
            }
        },
        0.6,
    ),
    "a budget that neither keeps nor bears": (
        {
            "global_budget": {
                "budget": "neutral",
                "surplus": [{"kept": 0.0}],
                "overrun": [{"borne": 0.0}],
                "of": FFS,
            }
        },
        1.0,
    ),
    "a budget of half fees": (
        {
            "global_budget": {
                "budget": 1e6,
                "surplus": [{"kept": 0.2}],
                "overrun": [],
                "of": {"fee_for_service": {"multiplier": 0.5}},
            }
        },
        0.4,
    ),
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_style_is_the_optimum_at_the_contract_s_marginal_receipts(name: str) -> None:
    contract, fee = CONTRACTS[name]
    world = run(contract, months=14, parameters=AT_ONCE)
    np.testing.assert_allclose(world.marginals.out[0, 0], fee * PRICE, rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        world.organizations.style_out[0, 0, 0], ratio(fee), rtol=0, atol=1e-9
    )
    for j, share in enumerate(ratio(fee)):
        assert tally(world, T(T.UNITS_OUT_0 + j))[13] == int(np.floor(share * 1000.0 + 0.5))


@pytest.mark.parametrize(
    ("altruism", "fee", "expected"),
    [
        # a stake of .48 prices: none at a loss larger than that, else (f - c + .48) / .53
        (0.02, 0.0, [0.0, 0.0, 0.0, 0.0]),
        (0.02, 1.0, [0.48 / 0.53, 0.88 / 0.53, 0.58 / 0.53, 0.33 / 0.53]),
        # a fee of ten list prices asks for more than twice the need
        (0.02, 10.0, [2.0, 2.0, 2.0, 2.0]),
        # twice the stake halves the distance to what is appropriate
        (2.0, 0.0, [47.0 / 48.05, 47.4 / 48.05, 47.1 / 48.05, 46.85 / 48.05]),
    ],
)
def test_the_style_stays_between_nothing_and_twice_the_need(
    altruism: float, fee: float, expected: list[float]
) -> None:
    contract = {"fee_for_service": {"multiplier": fee}}
    world = run(contract, months=14, parameters={**AT_ONCE, "altruism_scale": altruism})
    style = world.organizations.style_out[0, 0, 0]
    np.testing.assert_allclose(style, expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(style, ratio(fee, 24.0 * altruism), rtol=0, atol=1e-9)


@pytest.mark.slow
def test_habits_close_half_the_gap_to_the_optimum_in_a_half_life() -> None:
    contract = {"capitation": {"rate": "neutral"}}
    scenario: Any = load("one-to-one").with_payment(assignment(contract))
    world = build_world(
        scenario.region(),
        scenario.before,
        scenario.after,
        months_before=12,
        months=36,
        warm_up=0,
        seed=1,
        population=1,
        parameters={"income_elasticity": 0.0, "style_half_life": 3.0},
    )
    while world.month < 12:
        run_month(world)
    start = world.organizations.style_out[0, 0, 0].copy()
    np.testing.assert_allclose(start, ratio(1.0), rtol=0, atol=1e-4)
    for month in range(1, 25):
        run_month(world)
        expected = ratio(0.0) + (start - ratio(0.0)) * 0.5 ** (month / 3.0)
        np.testing.assert_allclose(
            world.organizations.style_out[0, 0, 0], expected, rtol=0, atol=1e-9
        )


@pytest.mark.slow
def test_lost_income_makes_the_margins_that_are_left_weigh_more() -> None:
    contract = {"fee_for_service": {"multiplier": 0.8}}
    world = run(contract, months=24, parameters={"style_half_life": 0.0, "income_elasticity": 0.5})
    receipts = money(world, "receipts")
    assert receipts[:12] == [CHARGE] * 12
    # At the last decision the year behind held month 11 to month 22; the target is the first year.
    weight = (sum(receipts[11:23]) / sum(receipts[:12])) ** -0.5
    assert weight > 1.05
    margin = 0.8 - COST_RATIO
    felt = np.where(margin > 0.0, weight * margin, margin)
    expected = (felt + 24.0) / 24.05
    np.testing.assert_allclose(world.organizations.style_out[0, 0, 0], expected, rtol=0, atol=1e-9)


def test_a_frozen_style_does_not_move_with_the_contract() -> None:
    world = run(
        {"capitation": {"rate": 600.0}}, parameters=AT_ONCE, freeze=frozenset({"intensity"})
    )
    np.testing.assert_allclose(
        world.organizations.style_out[0, 0, 0], ratio(1.0), rtol=0, atol=1e-9
    )
    assert tally(world, T.CHARGE_OUT) == [CHARGE] * 24


# --- money under other contracts -----------------------------------------------------------------


@pytest.mark.slow
def test_half_fees_pay_half_and_patients_owe_by_list_price() -> None:
    world = run({"fee_for_service": {"multiplier": 0.5}}, parameters=AT_ONCE)
    # Units 977, 994, 981, 971 thousandths: 39.08 + 29.82 + 19.62 + 9.71 CNY at list price.
    assert tally(world, T.CHARGE_OUT)[12:] == [9823] * 12
    # The fund would pay 5894 of it; the contract allows 4911.5 in all, of which the patient's 3929
    # are the first part; when the patient pays everything, the contract's half is passed.
    own = [3929, 3929, 3929, 3929, 8399, *[9823] * 7]
    assert tally(world, T.PATIENT_OUT)[12:] == own
    so_far = 0
    paid = []
    for month in range(1, 13):
        so_far += own[month - 1]
        due = (58938 * month + 6) // 12
        paid.append(max(due - so_far, 0))
    assert money(world, "fund_paid")[12:] == [b - a for a, b in pairwise([0, *paid])]
    assert sum(money(world, "receipts")[12:]) == max(58938, sum(own))


@pytest.mark.slow
def test_a_payment_per_member_comes_back_when_patients_have_paid_more() -> None:
    world = run({"capitation": {"rate": 600.0, "risk": "none"}}, parameters=AT_ONCE)
    # Units 956, 973, 960, 950 thousandths: 38.24 + 29.19 + 19.20 + 9.50 CNY.
    assert tally(world, T.CHARGE_OUT)[12:] == [9613] * 12
    own = [3845, 3845, 3845, 3845, 7685, *[9613] * 7]
    assert tally(world, T.PATIENT_OUT)[12:] == own
    # 50 CNY a month are due: 11.55 of them from the fund while the patient pays 38.45. By the
    # fifth month 19.35 are left, in the sixth the patient has paid more than is due.
    assert money(world, "fund_paid")[12:] == [
        1155,
        1155,
        1155,
        1155,
        -2685,
        -1935,
        0,
        0,
        0,
        0,
        0,
        0,
    ]
    assert money(world, "receipts")[12:16] == [5000] * 4
    assert sum(money(world, "receipts")[12:]) == sum(own)
    back = entries(world, 17)
    assert back["practice", "resident-scheme", "care_payment_returned"] == 1935
    assert ("resident-scheme", "practice", "care_payment") not in back


@pytest.mark.parametrize("risk", ["none", "age-sex"])
def test_a_neutral_payment_per_member_is_what_the_visits_brought(risk: str) -> None:
    world = run({"capitation": {"rate": "neutral", "risk": risk}}, parameters=AT_ONCE)
    assert money(world, "receipts") == [CHARGE] * 24


def test_a_hard_budget_pays_its_sum_in_twelve_parts_whatever_is_claimed() -> None:
    contract = {
        "global_budget": {
            "budget": 1000.0,
            "surplus": [],
            "overrun": [{"borne": 1.0}],
            "of": FFS,
        }
    }
    world = run(contract, parameters=AT_ONCE, freeze=frozenset({"intensity"}))
    assert tally(world, T.CHARGE_OUT) == [CHARGE] * 24
    due = [(100000 * month + 6) // 12 for month in range(13)]
    assert money(world, "receipts")[12:] == [b - a for a, b in pairwise(due)]
    own = np.cumsum([CHARGE - fund for fund in FUND])
    assert np.cumsum(money(world, "fund_paid")[12:]).tolist() == (due[1:] - own).tolist()


def test_an_overrun_is_shared_as_the_bands_say() -> None:
    contract = {
        "global_budget": {
            "budget": 1000.0,
            "surplus": [],
            "overrun": [{"to": 0.1, "borne": 0.5}, {"borne": 0.9}],
            "of": FFS,
        }
    }
    world = run(contract, parameters=AT_ONCE, freeze=frozenset({"intensity"}))
    # Claims of 1203.96 CNY: half of the first 100 above the budget, a tenth of the next 103.96.
    assert sum(money(world, "receipts")[12:]) == 100000 + 5000 + 1040


def test_fees_neutral_to_fees_are_the_same_fees() -> None:
    world = run({"fee_for_service": {"multiplier": "neutral"}}, parameters=AT_ONCE)
    assert world.agreements[0].model.multiplier == pytest.approx(1.0, rel=1e-12)
    assert money(world, "receipts") == [CHARGE] * 24


@pytest.mark.slow
def test_a_payer_that_covers_nothing_leaves_every_bill_to_the_patient() -> None:
    world = run(settings={"benefits.resident-scheme": "none"})
    assert tally(world, T.PATIENT_OUT)[12:] == [CHARGE] * 12
    assert money(world, "fund_paid")[12:] == [0] * 12
    assert money(world, "receipts")[12:] == [CHARGE] * 12
