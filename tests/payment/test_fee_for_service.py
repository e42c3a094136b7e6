"""Fees with caps on price and limits on volume, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.payment import build, gradient_of, next_year, resolve_neutral, spec_from
from sim.testing import examine, sample_context, sample_year
from tests.payment.years import contract, marginal, seen_through_the_forecast, year

LIMITED = {"fee_for_service": {"volume_limit": 15_000, "beyond_limit": 0.3}}


def visits(n: float) -> Any:
    return year(visits=[n, 0, 0])


@pytest.mark.parametrize(
    "terms",
    [
        {"price_cap": 0.9},
        {"multiplier": "neutral", "price_cap": 3.0, "components": {"drugs": 1.5}},
        {"volume_limit": "neutral", "allowance": 1.05},
        {"volume_limit": "neutral", "multiplier": "neutral", "limit_growth": 0.03},
    ],
)
def test_caps_and_limits_pass_the_common_exam(terms: dict[str, Any]) -> None:
    examine(lambda context: build({"fee_for_service": terms}, context))


def test_a_limit_written_as_a_sum_passes_the_common_exam() -> None:
    examine(lambda context: build(LIMITED, context), has_fixed_sums=True)


def test_no_price_is_above_its_cap() -> None:
    units = np.zeros((3, 4))
    units[0] = 1.0
    done = year(visits=[1, 0, 0], units=units)
    # Drugs at three times the list price of 10 are cut to 12; the others stay at 10, a visit at 15.
    spec = {"fee_for_service": {"price_cap": 1.2, "components": {"drugs": 3.0}}}
    assert contract(spec).revenue(done).tolist() == pytest.approx([15 + 12 + 3 * 10])


@pytest.mark.parametrize(("n", "paid"), [(800, 12_000), (1000, 15_000), (1200, 15_900)])
def test_beyond_the_limit_a_share_is_paid(n: float, paid: float) -> None:
    assert contract(LIMITED).revenue(visits(n)).tolist() == pytest.approx([paid])


@pytest.mark.parametrize("n", [800.0, 960.0, 1000.0, 1030.0, 1300.0])
def test_near_the_limit_a_visit_brings_its_price_by_the_chance_of_staying_below(n: float) -> None:
    model, done = contract(LIMITED), visits(n)
    slope = marginal(model, done, 0.05).visits[:, 0]
    np.testing.assert_allclose(slope, seen_through_the_forecast(model, done, 0.05) / n)
    assert 0.3 * 15 - 1e-9 <= slope[0] <= 15 + 1e-9
    if n == 1000:
        assert slope[0] == pytest.approx(0.65 * 15, abs=1e-6)
        assert gradient_of(model, done).visits[0, 0] == pytest.approx(0.65 * 15)


def test_a_neutral_limit_is_own_volume_times_the_allowance_and_grows() -> None:
    spec = {"fee_for_service": {"volume_limit": "neutral", "allowance": 1.1, "limit_growth": 0.1}}
    new = resolve_neutral(contract(spec), visits(1000), np.array([15_000.0]))
    assert spec_from(new)["fee_for_service"]["volume_limit"] == {
        "hospital-1": pytest.approx(16_500)
    }
    grown = next_year(new, [visits(1000)])
    assert spec_from(grown)["fee_for_service"]["volume_limit"] == {
        "hospital-1": pytest.approx(18_150)
    }


def test_a_neutral_multiplier_under_a_cap_earns_the_group_what_it_earned() -> None:
    one, base = sample_context(), sample_year()
    receipts = build("fee_for_service", one).revenue(base)
    spec = {"multiplier": "neutral", "price_cap": 1.2, "components": {"drugs": 2.0, "labor": 0.5}}
    new = resolve_neutral(build({"fee_for_service": spec}, one), base, receipts)
    assert float(new.revenue(base).sum()) == pytest.approx(float(receipts.sum()), rel=1e-9)
