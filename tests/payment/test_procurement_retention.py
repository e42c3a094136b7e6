"""Retained procurement savings: the rule worked by hand, and what one more unit then costs."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np

from sim.activity import COMPONENTS, MEASURES, Activity
from sim.payment import PaymentModel, build, next_year
from sim.testing import sample_context
from tests.payment.smoothed import ERROR, chain

CONTEXT = sample_context()
DRUGS, CARE = COMPONENTS.index("drugs"), MEASURES.index("appropriate_care")
BASE = 1000.0


def contract(**terms: Any) -> PaymentModel:
    """Give the rule at a price of 10: 1,000 units a year, a fifth of them equivalents."""
    spec = {
        "price": 10.0,
        "base_units": BASE,
        "full_marks": {"appropriate_care": 0.8},
        "of": "fee_for_service",
        **terms,
    }
    return build({"procurement_retention": spec}, CONTEXT)


def year(used: list[float], care: float = 0.8) -> Activity:
    """Give five providers' drug units, in practice, and their share of appropriate care."""
    empty = Activity.zeros(5, 4)
    units, num, den = (
        np.zeros_like(a) for a in (empty.units, empty.quality_num, empty.quality_den)
    )
    units[:, 0, DRUGS] = used
    num[:, CARE], den[:, CARE] = 100.0 * care, 100.0
    return empty.with_fields(units=units, quality_num=num, quality_den=den)


USED = [800.0, 1000.0, 1100.0, 1350.0, 2000.0]
# saved: .7 x .2 x 1000 units x 10 x .5 x .7 = 490; a unit of excess: .2 x 10 x .7 = 1.4
LEFT = [490.0, 490.0, 490.0 - 140.0, 0.0, 0.0]


def due(model: PaymentModel, done: Activity) -> np.ndarray:
    """Give what next year's contract adds to the revenue inside."""
    idle = done.scaled(0.0)
    return np.asarray(next_year(model, [done]).revenue(idle))


def test_half_of_saving_less_excess_is_paid_next_year() -> None:
    done = year(USED)
    np.testing.assert_allclose(due(contract(), done), 0.5 * np.array(LEFT), atol=1e-9)
    fees = build("fee_for_service", CONTEXT).revenue(done)
    np.testing.assert_allclose(contract().revenue(done), fees)


def test_retention_rides_on_the_score() -> None:
    # .6 of appropriate care where .8 is the full mark: three quarters
    np.testing.assert_allclose(
        due(contract(), year(USED, care=0.6)), 0.75 * 0.5 * np.array(LEFT), atol=1e-9
    )


def test_one_more_unit_beyond_last_years_use_costs_next_years_retention() -> None:
    # A unit costs retention while use ends between 1,000 and 1,350, so its price is 1.4 x half x
    # the discount x the chance of that, under a forecast error of 8 % of use.
    done = year(USED)
    with_rule = chain(contract(), done, discount=0.8).units[:, 0, DRUGS]
    without = chain(contract(), done).units[:, 0, DRUGS]
    chance = [
        NormalDist(used, ERROR * used).cdf(1350.0) - NormalDist(used, ERROR * used).cdf(1000.0)
        for used in USED
    ]
    np.testing.assert_allclose(
        with_rule - without, -0.8 * 0.5 * 1.4 * np.array(chance), rtol=0, atol=0.01
    )


def test_a_percent_of_score_is_worth_a_percent_of_next_years_retention() -> None:
    # Below the full mark and seen exactly: retained share x saving / full mark / denominator.
    done = year([800.0] * 5, care=0.6)
    m = chain(contract(), done, discount=0.8)
    np.testing.assert_allclose(m.quality_num[:, CARE], 0.8 * 0.5 * 490.0 / 0.8 / 100.0, rtol=1e-3)


def test_last_years_use_is_that_of_base_activity_when_nothing_is_said() -> None:
    model = contract(base_units="neutral")
    base = year([BASE] * 5)
    fixed = model.resolved(base, np.zeros(5), None)
    np.testing.assert_allclose(due(fixed, year(USED)), 0.5 * np.array(LEFT), atol=1e-9)
