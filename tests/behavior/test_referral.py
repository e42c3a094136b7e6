"""Treat or refer: what the signal tells and what a referral costs."""

import math

import pytest

from sim.behavior import (
    referral,
)


def test_skill_sharpens_the_signal_and_a_useless_signal_is_ignored() -> None:
    assert referral.signal(2.0, 0.6, 2.0, 1.0) == pytest.approx(2.3)
    assert referral.expected_severity(3.0, 1.0, 1.0, 0.0, 1.0) == 3.0
    assert referral.expected_severity(3.0, 1.0, 1.0, 1.0, 1.0) == pytest.approx(2.0)
    assert referral.expected_severity(3.0, 1.0, 1.0, 1e9, 1.0) == pytest.approx(1.0)


def test_being_charged_for_spending_elsewhere_makes_referral_rarer() -> None:
    treat = referral.treat_utility(40.0, 1.0, 0.5, 1e5, 0.010, 0.2, 30.0, 0.1, 50.0, 5.0)
    assert treat == pytest.approx(40.0 + 0.5 * (1000.0 - 6.0) - 5.0 - 5.0)
    free = referral.refer_utility(0.0, 1.0, 0.5, 1e5, 0.011, 0.2, 80.0, 400.0, 0.0, 20.0)
    assert free == pytest.approx(0.5 * (1100.0 - 16.0 - 20.0))
    charged = referral.refer_utility(0.0, 1.0, 0.5, 1e5, 0.011, 0.2, 80.0, 400.0, -0.5, 20.0)
    assert charged == pytest.approx(free - 200.0)
    assert referral.prob_refer(treat, charged, 0.01, 0.0) < referral.prob_refer(
        treat, free, 0.01, 0.0
    )


def test_failure_in_primary_care_rises_with_severity_over_skill() -> None:
    assert referral.prob_failure(2.0, 2.0, 1.5, 0.0) == 0.5
    assert (
        referral.prob_failure(3.0, 2.0, 1.5, 0.0) > 0.5 > referral.prob_failure(1.0, 2.0, 1.5, 0.0)
    )


def test_with_equal_options_referral_follows_the_calibrated_constant_alone() -> None:
    assert referral.prob_refer(123.4, 123.4, 0.02, -2.0) == pytest.approx(
        1.0 / (1.0 + math.exp(2.0))
    )
