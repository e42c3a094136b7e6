"""Cases worked by hand from each rule's text."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from sim.activity import MEASURES, Activity, Array
from sim.errors import PaymentError
from sim.payment import PaymentContext, PaymentModel, build, next_year

ONE = PaymentContext(
    provider_ids=("county-hospital",),
    kinds=np.array([1]),
    groups=("pneumonia", "stroke"),
    unit_price=np.full((1, 3, 4), 10.0),
    visit_fee=np.array([[15.0, 25.0, 0.0]]),
    day_price=np.array([[300.0, 400.0]]),
    weights=np.array([[0.5, 0.8, 1.2], [1.0, 1.5, 2.5]]),
    grade_coefficient=np.array([0.85]),
    tables={"county-fees.csv": np.full((3, 4), 20.0), "weights.csv": np.full((2, 3), 2.0)},
)


def year(**fields: Any) -> Activity:
    empty = Activity.zeros(1, 2)
    return empty.with_fields(
        **{
            name: np.asarray(value, dtype=float).reshape(getattr(empty, name).shape)
            for name, value in fields.items()
        }
    )


def contract(spec: Any) -> PaymentModel:
    return build(spec, ONE)


def pays(spec: Any, activity: Activity) -> float:
    return float(contract(spec).revenue(activity)[0])


def items(claims: float) -> Activity:
    """Give primary visits worth a sum at the list fee of 15."""
    return year(visits=[claims / 15.0, 0, 0])


def test_fees_times_quantities() -> None:
    # 100 x 15 + 40 x 25 visits, 30 units x 10, 5 days x 300
    units = np.zeros((3, 4))
    units[0, 1] = 30
    done = year(visits=[100, 40, 0], units=units, bed_days=[5, 0])
    assert pays("fee_for_service", done) == pytest.approx(1500 + 1000 + 300 + 1500)
    # diagnostics cut to 80 %, another schedule at 20 a unit
    cut = {"fee_for_service": {"components": {"diagnostics": 0.8}, "schedule": "county-fees.csv"}}
    assert pays(cut, done) == pytest.approx(1500 + 1000 + 30 * 20 * 0.8 + 1500)


def test_drg_pays_rate_times_weight_times_grade() -> None:
    stays = np.zeros((2, 3))
    stays[0, 0], stays[1, 2] = 10, 4
    done = year(admissions=stays, bed_days=[500, 500], units=np.full((3, 4), 9.0))
    # 8000 x .85 x (10 x .5 + 4 x 2.5)
    assert pays({"drg": {"base_rate": 8000}}, done) == pytest.approx(8000 * 0.85 * 15)
    named = {"drg": {"base_rate": 8000, "weights": "weights.csv"}}
    assert pays(named, done) == pytest.approx(8000 * 0.85 * 28)


def test_capitation_pays_members_and_deducts_a_share_of_spending_elsewhere_up_to_the_stop() -> None:
    done = year(member_months=12_000, risk_months=13_200, spent_elsewhere=100_000)
    heads = {"rate": 124, "risk": "none"}
    assert pays({"capitation": heads}, done) == pytest.approx(124_000)
    assert pays({"capitation": {"rate": 124}}, done) == pytest.approx(136_400)
    ill = year(member_months=12_000, risk_months=13_200, diagnosis_months=15_600)
    assert pays({"capitation": {"rate": 124, "risk": "diagnosis"}}, ill) == pytest.approx(161_200)
    half = {"capitation": {**heads, "share_elsewhere": 0.5}}
    assert pays(half, done) == pytest.approx(74_000)
    stopped = {"capitation": {**heads, "share_elsewhere": 0.5, "stop_loss": 0.1}}
    assert pays(stopped, done) == pytest.approx(124_000 - 12_400)


SHARED = {
    "budget": 1000,
    "surplus": [{"to": 0.10, "kept": 1.0}],
    "overrun": [{"to": 0.05, "borne": 1.0}, {"borne": 0.5}],
    "of": "fee_for_service",
}


@pytest.mark.parametrize(
    ("claims", "paid"),
    [
        (1000, 1000),  # on the budget
        (950, 1000),  # surplus of 5 %, kept
        (900, 1000),
        (800, 900),  # a tenth of the budget kept, the rest goes back
        (1040, 1000),  # overrun of 4 %, borne
        (1050, 1000),
        (1250, 1100),  # 50 borne, half of the other 200
    ],
)
def test_county_budget_keeps_a_tenth_and_bears_five_percent_then_half(
    claims: float, paid: float
) -> None:
    assert pays({"global_budget": SHARED}, items(claims)) == pytest.approx(paid)


@pytest.mark.parametrize(("claims", "paid"), [(850, 850), (1060, 1030), (1100, 1050), (1300, 1050)])
def test_soft_total_pays_half_of_an_overrun_up_to_ten_percent(claims: float, paid: float) -> None:
    soft = {
        "budget": 1000,
        "surplus": [],
        "overrun": [{"to": 0.1, "borne": 0.5}],
        "of": "fee_for_service",
    }
    assert pays({"global_budget": soft}, items(claims)) == pytest.approx(paid)


def test_budget_is_rebased_on_claims_and_grows() -> None:
    spec = {**SHARED, "rebasing": {"weight_on_history": 0.3, "growth": 0.05}}
    renewed = next_year(contract({"global_budget": spec}), [items(1200)])
    # (.7 x 1000 + .3 x 1200) x 1.05 = 1113
    assert float(renewed.revenue(items(1113))[0]) == pytest.approx(1113)
    assert float(renewed.revenue(items(1080))[0]) == pytest.approx(1113)


def quality(control: float, cost: float, experience: float = 0.7) -> Activity:
    num, den = np.zeros(len(MEASURES)), np.zeros(len(MEASURES))
    num[MEASURES.index("chronic_control")], den[MEASURES.index("chronic_control")] = control, 100
    return year(
        visits=[1000 / 15.0, 0, 0],
        resource_cost=cost,
        quality_num=num,
        quality_den=den,
        experience=experience,
    )


VALUE = {
    "of": "fee_for_service",
    "at_risk": 0.1,
    "reference": 0.0,
    "benchmarks": {"chronic_control": 0.6, "cost": 0.8, "experience": 0.7},
}


def score_of(activity: Activity) -> float:
    return (pays({"value_based": VALUE}, activity) / 1000.0 - 1.0) / 0.1


def test_score_on_every_benchmark_brings_no_bonus() -> None:
    assert score_of(quality(60, 800)) == pytest.approx(0.0, abs=1e-12)


def test_weights_of_missing_domains_are_scaled_up() -> None:
    # Outcome half-way to its full score; process has no denominator: weights .4 .2 .2 of .8.
    # Rounded corners move half a point by less than .005.
    assert score_of(quality(65, 800)) == pytest.approx(0.5 * 0.4 / 0.8, abs=0.005)


def test_cheaper_care_scores_on_cost_and_a_score_stops_at_one() -> None:
    assert score_of(quality(60, 720)) == pytest.approx(0.5 * 0.2 / 0.8, abs=0.005)
    assert score_of(quality(100, 800)) == pytest.approx(0.4 / 0.8, abs=0.005)
    assert score_of(quality(0, 800)) == pytest.approx(-0.4 / 0.8, abs=0.005)


def test_same_rate_of_volume_and_cost_leaves_the_score_alone() -> None:
    once = quality(63, 780)
    twice = once.with_fields(visits=2 * once.visits, resource_cost=2 * once.resource_cost)
    assert pays({"value_based": VALUE}, twice) == pytest.approx(
        2 * pays({"value_based": VALUE}, once)
    )


def blended(*parts: Any) -> PaymentModel:
    return contract({"blend": list(parts)})


def test_blend_by_weight_is_the_weighted_mean() -> None:
    done = year(visits=[100, 0, 0], risk_months=1200)
    mixed = blended(
        {"weight": 0.25, "contract": "fee_for_service"},
        {"weight": 0.75, "contract": {"capitation": {"rate": 100}}},
    )
    assert float(mixed.revenue(done)[0]) == pytest.approx(0.25 * 1500 + 0.75 * 10_000)


def test_first_part_that_names_an_item_has_it_and_rest_has_the_others() -> None:
    stays = np.zeros((2, 3))
    stays[0, 0] = 1
    done = year(
        visits=[10, 10, 0],
        units=np.ones((3, 4)),
        admissions=stays,
        bed_days=[7, 0],
        risk_months=120,
    )
    mixed = blended(
        {"scope": {"component": "drugs"}, "contract": "fee_for_service"},
        {"scope": "rest", "contract": {"fee_for_service": {"multiplier": 0.5}}},
        {"scope": {"setting": "inpatient"}, "contract": {"drg": {"base_rate": 8000}}},
    )
    drugs, stay, outpatient = 3 * 10.0, 8000 * 0.85 * 0.5, 0.5 * (150 + 250 + 2 * 3 * 10)
    assert float(mixed.revenue(done)[0]) == pytest.approx(drugs + stay + outpatient)


def test_scopes_of_one_tariff_add_up_to_the_tariff() -> None:
    rng = np.random.default_rng(3)
    done = year(visits=rng.random(3), units=rng.random((3, 4)), bed_days=rng.random(2))
    whole: Array = contract("fee_for_service").revenue(done)
    split = blended(
        {
            "scope": {"setting": "outpatient", "component": ["drugs", "labor"]},
            "contract": "fee_for_service",
        },
        {"scope": {"setting": ["inpatient", "primary"]}, "contract": "fee_for_service"},
        {"scope": "rest", "contract": "fee_for_service"},
    )
    np.testing.assert_allclose(split.revenue(done), whole)


def test_rates_are_updated_by_the_agreed_growth() -> None:
    stays = np.zeros((2, 3))
    stays[0, 0] = 10
    done = year(admissions=stays, risk_months=1200)
    for spec, first in (
        ({"drg": {"base_rate": 8000, "growth": 0.05}}, 8000 * 0.85 * 5),
        ({"capitation": {"rate": 100, "growth": {"value": 5, "unit": "percent/year"}}}, 10_000),
    ):
        renewed = next_year(contract(spec), [done])
        assert float(renewed.revenue(done)[0]) == pytest.approx(1.05 * first)


def test_a_term_out_of_range_is_refused_in_python_too() -> None:
    one = contract({"capitation": {"rate": 100}})
    with pytest.raises(PaymentError, match=r"out of range.*0 to 1 share"):
        dataclasses.replace(one, stop_loss=1.5)
