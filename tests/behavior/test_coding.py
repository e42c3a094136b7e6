"""Upcoding and documentation respond to what levels bring, and to review."""

import pytest

from sim.behavior import (
    coding,
)


def test_upcoding_is_gain_less_expected_fine_over_compliance_cost() -> None:
    assert coding.upcoding_share(1000.0, 0.1, 0.5, 1.0, 3000.0) == pytest.approx(0.3)
    assert coding.upcoding_share(1000.0, 0.1, 0.5, 1.0, 300.0) == 1.0


def test_upcoding_vanishes_where_levels_bring_nothing_or_fines_eat_the_gain() -> None:
    assert coding.upcoding_share(0.0, 0.1, 0.5, 1.0, 3000.0) == 0.0
    assert coding.upcoding_share(-200.0, 0.0, 0.5, 1.0, 3000.0) == 0.0
    assert coding.upcoding_share(1000.0, 0.5, 0.5, 3.0, 3000.0) == 0.0
    assert coding.upcoding_share(1000.0, 0.5, 0.5, 9.0, 3000.0) == 0.0


def test_documentation_falls_back_to_habit_where_levels_bring_nothing() -> None:
    assert coding.documentation_share(0.0, 500.0, 0.8) == 0.8
    assert coding.documentation_share(250.0, 500.0, 0.8) == pytest.approx(0.9)
    assert coding.documentation_share(900.0, 500.0, 0.8) == pytest.approx(1.0)
    assert coding.documentation_share(10.0, 0.0, 0.8) == pytest.approx(1.0)


def test_review_grows_with_deviation_from_peers_up_to_certainty() -> None:
    assert coding.perceived_review(0.05, 0.02, -3.0) == pytest.approx(1.0 - 0.95 * 0.98)
    assert coding.perceived_review(0.05, 0.02, 1.0) > coding.perceived_review(0.05, 0.02, 0.0)
    assert coding.perceived_review(0.05, 0.02, 30.0) == 1.0
