"""Cost reimbursement: shares and ceilings worked by hand, the ceiling seen through a forecast."""

from __future__ import annotations

import numpy as np
import pytest

from sim.month import run_month
from sim.outlook import practised_stay
from sim.payment import build, gradient_of, next_year, resolve_neutral
from sim.scenario import load
from sim.testing import examine
from tests.payment.years import contract, marginal, seen_through_the_forecast, year
from tests.worlds import world_of


@pytest.mark.parametrize("spec", [{"share": 0.9}, {"ceiling": 2e5}])
def test_numbers_in_the_file_pass_the_common_exam(spec: dict[str, float]) -> None:
    examine(lambda context: build({"cost_reimbursement": spec}, context), has_fixed_sums=True)


@pytest.mark.parametrize(
    ("terms", "paid"),
    [({}, 1000), ({"share": 0.8}, 800), ({"share": 1.05}, 1050), ({"ceiling": 900}, 900)],
)
def test_a_share_of_cost_is_paid_up_to_the_ceiling(terms: dict[str, float], paid: float) -> None:
    spec = {"cost_reimbursement": terms}
    assert contract(spec).revenue(year(resource_cost=1000)).tolist() == pytest.approx([paid])


def test_a_yuan_saved_is_a_yuan_lost_and_beyond_the_ceiling_a_yuan_kept() -> None:
    capped = contract({"cost_reimbursement": {"ceiling": 900}})
    assert gradient_of(capped, year(resource_cost=800)).resource_cost.tolist() == pytest.approx(
        [1.0]
    )
    assert gradient_of(capped, year(resource_cost=1000)).resource_cost.tolist() == [0.0]


@pytest.mark.parametrize("cost", [700.0, 880.0, 900.0, 940.0, 1200.0])
def test_near_the_ceiling_a_yuan_brings_the_chance_of_staying_below(cost: float) -> None:
    capped = contract({"cost_reimbursement": {"ceiling": 900}})
    done = year(resource_cost=cost)
    slope = marginal(capped, done, 0.05).resource_cost
    # Well past the ceiling the chance is nothing but rounding, which is the platform's own.
    expected = seen_through_the_forecast(capped, done, 0.05) / cost
    np.testing.assert_allclose(slope, expected, atol=1e-12)
    assert 0.0 <= slope[0] <= 1.0
    if cost == 900.0:
        assert slope[0] == pytest.approx(0.5, abs=1e-6)


def test_neutral_terms_are_the_group_s_share_and_each_provider_s_own_cost() -> None:
    both = year(2, resource_cost=[1000, 3000])
    spec = {"cost_reimbursement": {"share": "neutral", "ceiling": "neutral"}}
    new = resolve_neutral(contract(spec, n=2), both, np.array([1200.0, 3200.0]))
    assert new.revenue(both).tolist() == pytest.approx([1100, 3300])
    assert new.revenue(both.scaled(2.0)).tolist() == pytest.approx([1100, 3300])


def test_the_ceiling_grows() -> None:
    one = contract({"cost_reimbursement": {"ceiling": 900, "growth": 0.1}})
    done = year(resource_cost=1000)
    assert next_year(one, [done]).revenue(done).tolist() == pytest.approx([990])


@pytest.mark.parametrize(("share", "days"), [(1.0, 1.0), (1.2, None)])
def test_whoever_gets_back_what_a_day_costs_keeps_patients_as_long_as_they_need(
    share: float, days: float | None
) -> None:
    """A day paid back in full leaves nothing and costs nothing; one paid back with more, a gain."""
    hospitals = {"ids": [f"h{k}" for k in range(1, 7)]}
    contract = {"cost_reimbursement": {"share": share}}
    market = load("us-metro").with_payment(
        [{"payer": "medicare", "providers": hospitals, "contract": contract}]
    )
    world = world_of(market, population=300, parameters={"spillover": 0.0, "style_half_life": 0.0})
    for _ in range(14):
        run_month(world)
    kept = practised_stay(world)[world.region.providers.beds > 0.0][:, 0]
    assert kept.size
    if days is None:
        assert (kept > 1.0).all()
    else:
        np.testing.assert_allclose(kept, days, rtol=1e-9)
