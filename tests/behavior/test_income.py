"""How money weighs: exact facts of the income effect and of diminishing sensitivity."""

import math

import numpy as np
import pytest

from sim.behavior import (
    income,
)


def test_the_income_weight_is_one_on_target_and_bounded() -> None:
    assert income.income_weight(5e6, 5e6, 0.7) == 1.0
    assert income.income_weight(1.0, 5e6, 2.0) == 2.0
    assert income.income_weight(5e12, 5e6, 2.0) == 0.5
    assert income.income_weight(4e6, 5e6, 0.1) == pytest.approx(0.8**-0.1, rel=1e-12)
    assert income.income_weight(4e6, 0.0, 0.1) == 1.0


def test_a_fee_cut_raises_the_weighted_margin_exactly_if_eta_sigma_exceeds_one() -> None:
    rng = np.random.default_rng(41)
    for _ in range(500):
        eta, sigma = rng.uniform(0.2, 2.0), rng.uniform(0.05, 1.0)
        if abs(eta * sigma - 1.0) < 0.01:
            continue
        revenue, fee, cut = 1e6, 100.0, 1e-4
        before = income.weighted_margin(fee, income.income_weight(revenue, 1e6, eta))
        less = revenue * (1.0 - sigma * cut)
        after = income.weighted_margin(fee * (1.0 - cut), income.income_weight(less, 1e6, eta))
        assert (after > before) == (eta * sigma > 1.0)


def test_the_income_effect_leaves_losses_alone_so_that_a_lump_cut_causes_no_stinting() -> None:
    assert income.weighted_margin(-30.0, 1.8) == -30.0
    assert income.weighted_margin(30.0, 1.8) == pytest.approx(54.0)
    assert income.weighted_receipts(100.0, 60.0, 1.5) == pytest.approx(120.0)
    assert income.weighted_receipts(0.0, 60.0, 1.5) == 0.0


def test_diminishing_sensitivity_is_neutral_at_the_reference_and_bounded_away_from_it() -> None:
    assert income.diminishing(80.0, 80.0, 12.0) == 80.0
    slope = (income.diminishing(80.001, 80.0, 12.0) - 80.0) / 0.001
    assert slope == pytest.approx(1.0, rel=1e-6)
    assert income.diminishing(68.0, 80.0, 12.0) == pytest.approx(80.0 - 12.0 * math.tanh(1.0))
    assert income.diminishing(-1e9, 80.0, 12.0) == pytest.approx(68.0)
    assert income.diminishing(0.0, 80.0, 0.0) == 80.0
