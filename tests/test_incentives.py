"""Incentives are differentiated out of contracts: exact cases, the chain rule, and its speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.activity import Activity, Array
from sim.incentives import IncentiveTerms, expected_receipts, marginal_receipts, outlook, xray
from sim.payment import (
    Outlook,
    PaymentContext,
    PaymentModel,
    build,
    gradient_of,
    gradient_through,
    resolve_neutral,
    rules_of,
    tariff_of,
)
from sim.payment._smoothing import nodes, secants, weights
from sim.testing import sample_context, sample_year
from tests.payment.cases import CASES, NESTED

CONTEXT, YEAR = sample_context(), sample_year()
LIST = build("fee_for_service", CONTEXT)
CLAIMS = LIST.revenue(YEAR)
MYOPIC = IncentiveTerms(discount=0.0)


def budget(position: float, **terms: Any) -> PaymentModel:
    """Give a budget such that claims at list price stand at a position relative to it."""
    limits = dict(zip(CONTEXT.provider_ids, (CLAIMS / position).tolist(), strict=True))
    return build({"global_budget": {"budget": limits, "of": "fee_for_service", **terms}}, CONTEXT)


def kept_of_a_fee(contract: PaymentModel, terms: IncentiveTerms = MYOPIC, **when: Any) -> Array:
    """Give the share of the list fee that one more primary visit brings."""
    return (
        marginal_receipts(contract, YEAR, terms=terms, **when).visits[:, 0]
        / CONTEXT.visit_fee[:, 0]
    )


# ---- leaves ----


def test_one_more_service_earns_its_fee_under_fee_for_service() -> None:
    m = marginal_receipts(LIST, YEAR)
    np.testing.assert_allclose(m.units, CONTEXT.unit_price, rtol=1e-12)
    np.testing.assert_allclose(m.visits, CONTEXT.visit_fee, rtol=1e-12)
    np.testing.assert_allclose(m.bed_days[:, :, 0], CONTEXT.day_price, rtol=1e-12)


def test_one_more_service_earns_nothing_under_capitation_and_a_member_earns_the_rate() -> None:
    contract = build({"capitation": {"rate": 1200, "share_elsewhere": 0.1}}, CONTEXT)
    m = marginal_receipts(contract, YEAR.with_fields(spent_elsewhere=0.0 * YEAR.spent_elsewhere))
    for name in ("visits", "units", "admissions", "bed_days"):
        assert not getattr(m, name).any()
    np.testing.assert_allclose(m.risk_months, 100.0)
    np.testing.assert_allclose(m.spent_elsewhere, -0.1)


def test_a_yuan_spent_elsewhere_costs_its_share_until_the_stop_loss() -> None:
    terms = {"rate": 1200, "share_elsewhere": 0.5, "stop_loss": 0.2}
    contract = build({"capitation": terms}, CONTEXT)
    limit = 0.2 * 100.0 * YEAR.risk_months / 0.5
    for position, cost in ((0.5, -0.5), (2.0, 0.0)):
        m = marginal_receipts(contract, YEAR.with_fields(spent_elsewhere=position * limit))
        np.testing.assert_allclose(m.spent_elsewhere, cost, atol=1e-12)
    at_kink = marginal_receipts(contract, YEAR.with_fields(spent_elsewhere=limit)).spent_elsewhere
    assert ((at_kink > -0.35) & (at_kink < -0.15)).all()
    # Beyond the stop a member brings less: the limit moves with the sum.
    far = marginal_receipts(contract, YEAR.with_fields(spent_elsewhere=2 * limit))
    np.testing.assert_allclose(far.risk_months, 100.0 * 0.8)


def test_one_more_covered_item_or_day_in_a_stay_earns_nothing_under_drg() -> None:
    m = marginal_receipts(build({"drg": {"base_rate": 8000}}, CONTEXT), YEAR)
    assert not m.units.any()
    assert not m.bed_days.any()
    assert not m.visits.any()
    expected = 8000 * CONTEXT.grade_coefficient[:, None, None] * CONTEXT.weights
    np.testing.assert_allclose(m.admissions[..., 0], expected)


# ---- budgets ----


@pytest.mark.parametrize(("position", "share"), [(0.5, 0.3), (2.0, 0.2)])
def test_far_from_the_edge_a_fee_brings_one_less_what_is_kept_or_borne(
    position: float, share: float
) -> None:
    contract = budget(position, surplus=[{"kept": 0.7}], overrun=[{"borne": 0.8}])
    np.testing.assert_allclose(kept_of_a_fee(contract), share, rtol=1e-9)


@pytest.mark.parametrize("position", [0.9, 0.95, 0.99, 1.0, 1.01, 1.05, 1.1])
def test_near_the_edge_a_fee_brings_something_in_between(position: float) -> None:
    contract = budget(position, surplus=[{"kept": 0.7}], overrun=[{"borne": 0.2}])
    share = kept_of_a_fee(contract)
    assert ((share > 0.3) & (share < 0.8)).all()


def test_under_a_hard_budget_a_fee_brings_nothing() -> None:
    for position in (0.7, 1.0, 1.4):
        np.testing.assert_allclose(kept_of_a_fee(budget(position)), 0.0, atol=1e-9)


def test_responses_around_the_edge_follow_the_normal_forecast() -> None:
    # Nothing kept, all borne: a fee counts with the chance of ending below the budget.
    contract = budget(0.95, surplus=[])
    chance = statistics.NormalDist(0.95, 0.95 * 0.08).cdf(1.0)
    np.testing.assert_allclose(kept_of_a_fee(contract), chance, atol=0.02)


def test_forecast_sharpens_toward_the_end_of_the_year() -> None:
    assert IncentiveTerms().error_left(1.0) == pytest.approx(0.08)
    assert IncentiveTerms().error_left(0.25) == pytest.approx(0.04)
    assert IncentiveTerms().error_left(0.0) == pytest.approx(0.01)


def test_managers_under_a_budget_look_at_the_year_so_far() -> None:
    contract = budget(0.9, surplus=[])
    ahead = YEAR.scaled(1.5)  # by September as much as the plan had for a year and a half
    calm = kept_of_a_fee(contract, share_of_year_left=0.25)
    squeezed = kept_of_a_fee(contract, share_of_year_left=0.25, to_date=ahead)
    assert (calm > 0.95).all()
    assert (squeezed < 0.05).all()
    # .2 x .9 + .8 x 1.35 = 1.26 of the budget; nothing changes for those who trust the projection
    trusting = replace(MYOPIC, weight_to_date=0.0)
    np.testing.assert_allclose(
        kept_of_a_fee(contract, trusting, share_of_year_left=0.25, to_date=ahead), calm
    )


@pytest.mark.parametrize("kappa", [1.0, 0.6])
@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("beta", [0.5, 0.855])
def test_ratchet_leaves_the_effective_share_of_a_surplus(
    kappa: float, rho: float, beta: float
) -> None:
    contract = budget(
        0.6, surplus=[{"kept": kappa}], rebasing={"weight_on_history": rho, "growth": 0.0}
    )
    terms = IncentiveTerms(discount=beta, retention=1.0)
    effective = kappa * (1 - beta) / (1 - beta * (1 - rho)) if rho else kappa
    np.testing.assert_allclose(1.0 - kept_of_a_fee(contract, terms), effective, rtol=1e-9)


def test_ratchet_equals_the_discounted_sum_of_later_budgets() -> None:
    beta, kappa, rho, growth = 0.8, 0.7, 0.25, 0.03
    contract = budget(
        0.6, surplus=[{"kept": kappa}], rebasing={"weight_on_history": rho, "growth": growth}
    )
    moved = YEAR.with_fields(visits=YEAR.visits + np.array([1.0, 0.0, 0.0]))

    def present_value(first: Activity) -> Array:
        now, paid, found = contract, first, np.zeros(5)
        for year in range(150):
            claims = paid.scaled((1 + growth) ** year) if year else paid
            found = found + beta**year * now.revenue(claims)
            now = now.renew([claims])
            paid = YEAR
        return found

    gained = present_value(moved) - present_value(YEAR)
    m = marginal_receipts(contract, YEAR, terms=IncentiveTerms(discount=beta, retention=1.0))
    np.testing.assert_allclose(m.visits[:, 0], gained, rtol=1e-6)


# ---- blends and scores ----


def test_a_blend_that_keeps_a_share_of_the_fee_keeps_that_share_of_the_incentive() -> None:
    mixed = build(
        {
            "blend": [
                {"weight": 0.3, "contract": "fee_for_service"},
                {"weight": 0.7, "contract": {"capitation": {"rate": 1200}}},
            ]
        },
        CONTEXT,
    )
    m = marginal_receipts(mixed, YEAR)
    np.testing.assert_allclose(m.units, 0.3 * CONTEXT.unit_price)
    np.testing.assert_allclose(m.risk_months, 70.0)


def test_one_more_controlled_patient_earns_under_a_score_and_nothing_without() -> None:
    scored = resolve_neutral(
        build({"value_based": {"benchmarks": "own", "of": "fee_for_service"}}, CONTEXT),
        YEAR,
        CLAIMS,
    )
    m = marginal_receipts(scored, YEAR)
    # at risk .1 x revenue x weight .4 x half of two outcome measures / (spread .1 x denominator)
    by_hand = 0.1 * CLAIMS * 0.4 * 0.5 / (0.1 * YEAR.quality_den[:, 0])
    np.testing.assert_allclose(m.quality_num[:, 0], by_hand, rtol=0.01)
    assert not marginal_receipts(LIST, YEAR).quality_num.any()
    assert (m.resource_cost < 0).all()
    assert (m.experience > 0).all()
    assert not m.quality_num[:, 4].any()


# ---- the chain rule against brute differences ----


def fan_width() -> tuple[Array, Array]:
    z = nodes()
    return z, weights()


def test_smoothing_is_the_regression_on_the_forecast_error() -> None:
    z, w = fan_width()
    sigma, mu = 0.3, 1.1
    x = (mu + sigma * z)[None, :]

    def notched(v: Array) -> Array:
        return np.where(v < 1.0, 0.5 * v, v + 2.0)

    by_formula = float(notched(x)[0] @ z) / (sigma * float(z @ z))
    assert float(secants(notched, x)[0] @ w) == pytest.approx(by_formula, rel=1e-12)


def test_smoothing_is_right_at_a_notch() -> None:
    z, w = fan_width()
    sigma = 0.08
    density = statistics.NormalDist().pdf(0.5) / sigma
    x = (1.0 + sigma * z)[None, :]
    slope = float(secants(lambda v: np.where(v < 1.0 + 0.5 * sigma, 0.0, 1.0), x)[0] @ w)
    assert slope == pytest.approx(density, rel=0.03)


def direction(rng: np.random.Generator, like: Activity) -> Activity:
    return like.with_fields(
        **{
            name: getattr(like, name) * rng.uniform(0.0, 1.0, getattr(like, name).shape)
            for name in Activity.fields()
        }
    )


def noise(year: Activity, steps: Array) -> Activity:
    moved = year.stretched(steps)
    return moved.with_fields(
        **{name: getattr(moved, name) - getattr(year, name) for name in Activity.fields()}
    )


def repeated(year: Activity, n: int) -> Activity:
    return year.with_fields(
        **{name: np.repeat(getattr(year, name), n, axis=0) for name in Activity.fields()}
    )


def context_of(n: int, one: PaymentContext) -> PaymentContext:
    return replace(
        one,
        provider_ids=tuple(f"p{j}" for j in range(n)),
        kinds=np.repeat(one.kinds, n),
        unit_price=np.repeat(one.unit_price, n, 0),
        visit_fee=np.repeat(one.visit_fee, n, 0),
        day_price=np.repeat(one.day_price, n, 0),
        grade_coefficient=np.repeat(one.grade_coefficient, n),
    )


def random_tree(
    rng: np.random.Generator, context: PaymentContext, year: Activity, depth: int
) -> Any:
    """Give a random contract with numbers, budgets near what its inside claims."""
    kind = int(rng.integers(3 if depth == 0 else 7))
    if kind == 0:
        return {"fee_for_service": {"multiplier": float(rng.uniform(0.5, 2.0))}}
    if kind == 1:
        return {"drg": {"base_rate": float(rng.uniform(1.0, 50.0))}}
    if kind == 2:
        rate = float(rng.uniform(1.0, 200.0))
        claim = float(year.spent_elsewhere[0] / (rate * year.risk_months[0] / 12.0))
        return {
            "capitation": {
                "rate": rate,
                "share_elsewhere": 0.5 if rng.random() < 0.5 else 0.0,
                "stop_loss": float(np.clip(0.5 * claim * rng.uniform(0.9, 1.1), 0.01, 1.0)),
            }
        }
    inside = random_tree(rng, context, year, depth - 1)
    if kind in (3, 4):
        claims = float(build(inside, context).revenue(year)[0])
        return {
            "global_budget": {
                "budget": claims * float(rng.uniform(0.85, 1.15)),
                "surplus": [{"to": float(rng.uniform(0.03, 0.2)), "kept": float(rng.random())}],
                "overrun": [{"to": float(rng.uniform(0.03, 0.2)), "borne": float(rng.random())}],
                "of": inside,
            }
        }
    if kind == 5:
        claims = float(build(inside, context).revenue(year)[0])
        ratio = float(year.resource_cost[0]) / max(claims, 1.0)
        return {
            "value_based": {
                "at_risk": 0.2,
                "reference": 0.0,
                "of": inside,
                "benchmarks": {
                    "chronic_control": 0.65,
                    "follow_up": 0.65,
                    "no_readmission": 0.6,
                    "experience": 0.75,
                    "cost": ratio * float(rng.uniform(0.9, 1.1)),
                },
            }
        }
    other = random_tree(rng, context, year, depth - 1)
    if rng.random() < 0.5:
        share = float(rng.uniform(0.1, 0.9))
        return {
            "blend": [
                {"weight": share, "contract": inside},
                {"weight": 1.0 - share, "contract": other},
            ]
        }
    return {
        "blend": [
            {"scope": {"setting": "inpatient"}, "contract": inside},
            {"scope": "rest", "contract": other},
        ]
    }


def brute_and_chain(
    make: Callable[[PaymentContext], PaymentModel],
    one: PaymentContext,
    year: Activity,
    towards: Activity,
    n_nodes: int = 2000,
) -> tuple[float, float, float]:
    """Give the slope of smoothed revenue in a direction: brute, chain rule, allowed difference."""
    z = nodes(n_nodes)
    many = make(context_of(n_nodes, one))
    centers = repeated(year, n_nodes)
    shaken = centers + noise(centers, 0.08 * z)
    h = 1e-5
    step = repeated(towards, n_nodes)
    up, down = many.revenue(shaken + step.scaled(h)), many.revenue(shaken + step.scaled(-h))
    brute = float((up - down).mean()) / (2 * h)
    seen = Outlook(year, year, np.array([0.08]))
    m = make(context_of(1, one))
    slopes = gradient_through(m, seen, seen.at_root)
    terms = [
        (np.broadcast_to(a, getattr(towards, k).shape) * getattr(towards, k)).sum()
        for k, a in slopes.items()
    ]
    # Sixty-four nodes end at 2.4 standard deviations: an edge in the tail is missed by up to about
    # a hundredth of the slope the tariff underneath would have on its steeper side.
    tariff = tariff_of(m)
    plain = max(
        sum(float(np.abs(getattr(slope, k) * getattr(towards, k)).sum()) for k in Activity.fields())
        for slope in (
            gradient_of(tariff, year + noise(year, np.array([0.08 * z]))) for z in (-3.0, 0.0, 3.0)
        )
    )
    return brute, float(np.sum(terms)), 0.02 * float(np.sum(np.abs(terms))) + 0.01 * plain


@pytest.mark.parametrize("case", CASES)
def test_chain_rule_equals_brute_differences_of_smoothed_revenue_for_every_model(
    case: str,
) -> None:
    one, base = sample_context(1), sample_year(1)
    model = resolve_neutral(
        build(CASES[case], one), base, CLAIMS[:1], build("fee_for_service", one)
    )
    year = sample_year(1, seed=8, size=0.97, rules=rules_of(model))
    spec = model.to_spec()

    def make(context: PaymentContext) -> PaymentModel:
        return build(_for_all(spec), context)

    brute, chain, allowed = brute_and_chain(
        make, one, year, direction(np.random.default_rng(5), year)
    )
    assert chain == pytest.approx(brute, abs=allowed + 1e-6)


def _for_all(spec: Any) -> Any:
    """Turn numbers by provider of the only provider into one number for all, its name into none."""
    if isinstance(spec, dict):
        if set(spec) == {"provider-1"}:
            return spec["provider-1"]
        return {k: _for_all(v) for k, v in spec.items() if v != ["provider-1"]}
    if isinstance(spec, list):
        return [_for_all(v) for v in spec]
    return spec


@pytest.mark.slow
def test_chain_rule_equals_brute_differences_on_two_hundred_random_trees() -> None:
    rng = np.random.default_rng(20260101)
    one = sample_context(1, 2)
    nested = 0
    for _ in range(200):
        year = sample_year(1, 2, seed=int(rng.integers(1 << 30)))
        spec = random_tree(rng, one, year, 3)
        nested += str(spec).count("global_budget") > 1

        def make(context: PaymentContext, spec: Any = spec) -> PaymentModel:
            return build(spec, context)

        brute, chain, allowed = brute_and_chain(make, one, year, direction(rng, year))
        assert chain == pytest.approx(brute, abs=allowed + 1e-6), spec
    assert nested >= 10


def test_a_stranger_without_gradient_gets_the_slopes_of_the_smoothed_revenue() -> None:
    inside = budget(1.0, surplus=[{"kept": 0.7}], overrun=[{"borne": 0.2}])

    class Stranger:
        reads = inside.reads

        def revenue(self, activity: Activity) -> Array:
            return inside.revenue(activity)

    stated = marginal_receipts(inside, YEAR, terms=MYOPIC)
    found = marginal_receipts(Stranger(), YEAR, terms=MYOPIC)
    np.testing.assert_allclose(found.visits, stated.visits, rtol=0.05)
    np.testing.assert_allclose(found.units, stated.units, rtol=0.05)


def test_expected_receipts_at_the_edge_of_a_hard_cap_fall_short_of_the_budget() -> None:
    contract = budget(1.0, surplus=[])
    expected = expected_receipts(contract, outlook(YEAR))
    # E[min(X, B)] = B (1 - sigma / sqrt(2 pi))
    np.testing.assert_allclose(expected, CLAIMS * (1 - 0.08 / np.sqrt(2 * np.pi)), rtol=1e-3)


# ---- the X-ray, and speed ----


def test_xray_names_what_each_contract_pays_for() -> None:
    def amount(spec: Any, id_: str) -> list[float]:
        rows = xray(build(spec, CONTEXT), YEAR)
        return [r.amount for r in rows if r.id == id_]

    np.testing.assert_allclose(amount("fee_for_service", "visit_primary"), CONTEXT.visit_fee[:, 0])
    assert not any(amount("fee_for_service", "level"))
    assert all(a > 0 for a in amount({"drg": {"base_rate": 8000}}, "level"))
    assert not any(amount({"drg": {"base_rate": 8000}}, "bed_day"))
    assert amount({"capitation": {"rate": 1200}}, "member") == pytest.approx([1200.0] * 5)


def test_xray_has_every_row_labeled_and_finite() -> None:
    rows = xray(LIST, Activity.zeros(5, 4))
    assert all(np.isfinite(r.amount) and r.label_en and r.label_zh and r.unit for r in rows)
    assert len({(r.provider, r.id) for r in rows}) == len(rows)


def test_marginal_receipts_of_a_nested_contract_take_at_most_three_milliseconds() -> None:
    context, year = sample_context(64, 32), sample_year(64, 32)
    before = build("fee_for_service", context)
    contract = resolve_neutral(build(NESTED, context), year, before.revenue(year), before)
    done = year.scaled(0.5)
    times = []
    for _ in range(40):
        start = time.process_time()
        marginal_receipts(contract, year, done, 0.5)
        times.append(time.process_time() - start)
    assert statistics.median(times) <= 0.003


def test_a_fan_without_width_has_the_slope_of_its_point_beside_fans_that_have_one() -> None:
    def rule(v: np.ndarray) -> np.ndarray:
        return np.maximum(v - 1.0, 0.0) * np.array([[1.0], [2.0], [3.0]])

    wide, point = 1.0 + 0.1 * nodes(), np.full(64, 1.0)
    found = secants(rule, np.stack((wide, point, point + 0.5)))
    assert found[1] == pytest.approx(1.0) and found[2] == pytest.approx(3.0)
    alone = secants(lambda v: np.maximum(v - 1.0, 0.0), wide[None])
    assert np.array_equal(found[0], alone[0])
