"""Satisfaction: this year's part, next year's coefficient, and what a better mean is worth."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from sim.payment import PaymentModel, build, next_year
from sim.payment._smoothing import STEP_BOUND
from sim.testing import examine, sample_context, sample_year
from tests.payment.smoothed import brute, chain

CONTEXT, YEAR = sample_context(), sample_year()
FEES = build("fee_for_service", CONTEXT).revenue(YEAR)
SEEN = YEAR.with_fields(experience=np.array([0.0, 0.72, 0.799, 0.81, 0.95]))


def contract(**terms: Any) -> PaymentModel:
    return build({"satisfaction": {"level": 1, "of": "fee_for_service", **terms}}, CONTEXT)


def test_next_years_coefficient_alone_passes_the_exam() -> None:
    examine(lambda context: build({"satisfaction": {"of": "capitation"}}, context))


def test_below_eighty_percent_next_year_pays_five_percent_less() -> None:
    now = contract()
    np.testing.assert_allclose(now.revenue(SEEN), FEES)
    later = next_year(now, [SEEN])
    np.testing.assert_allclose(later.revenue(SEEN) / FEES, [1, 0.95, 0.95, 1, 1])
    better = SEEN.with_fields(experience=np.full(5, 0.9))
    np.testing.assert_allclose(next_year(later, [SEEN, better]).revenue(SEEN), FEES)


def test_a_fifth_of_the_part_at_risk_rides_on_satisfaction() -> None:
    # 10 % at risk, a fifth of it: 2 % x the part of the full mark of .9 that was missed
    paid = contract(at_risk=0.1).revenue(SEEN) / FEES
    np.testing.assert_allclose(paid[1], 1 - 0.02 * (1 - 0.72 / 0.9))
    np.testing.assert_allclose(paid[[0, 4]], 1.0)


def test_satisfaction_near_the_threshold_is_worth_the_chance_of_next_years_cut() -> None:
    m = chain(contract(), SEEN, score_error=0.03, discount=0.8)
    # A cut of 5 % of the fees, discounted, times the density at the threshold: 2.7, .03, .33 and 5
    # standard deviations away.
    for j in (1, 2, 3, 4):
        away = (0.8 - float(SEEN.experience[j])) / 0.03
        step = 0.8 * 0.05 * float(FEES[j]) / 0.03
        by_hand = step * NormalDist().pdf(away)
        assert float(m.experience[j]) == pytest.approx(by_hand, abs=STEP_BOUND * step)
    assert float(m.experience[0]) == 0.0
    assert not chain(contract(), SEEN, score_error=0.03).experience.any()


def test_slope_equals_brute_differences() -> None:
    model = contract(at_risk=0.3, weight=0.5)
    m = chain(model, SEEN)
    for j in (1, 4):
        assert float(m.experience[j]) == pytest.approx(
            brute(model, SEEN, j, "experience", n_nodes=40), abs=1.0
        )
        assert float(m.visits[j, 0]) == pytest.approx(brute(model, SEEN, j, "visits", (0,), 40))
