"""Return visits and low-value care follow margins, harm and the patient."""

import math

import pytest

from sim.behavior import (
    acceptance,
    low_value,
    return_visits,
)


def test_a_return_visit_is_asked_for_more_often_the_more_it_brings() -> None:
    def asked(margin: float) -> float:
        return return_visits.prob_ask_back(
            margin, 1.0, 0.4, 1e5, 0.0001, 0.2, 30.0, 0.0, 0.02, -0.5
        )

    assert asked(-10.0) < asked(0.0) < asked(25.0)
    assert asked(0.0) == pytest.approx(1.0 / (1.0 + math.exp(0.5 - 0.02 * 0.4 * 4.0)))


def test_low_value_care_falls_with_harm_and_rises_with_margin_and_wish() -> None:
    def given(margin: float, harm: float, wish: float) -> float:
        return low_value.prob_low_value(margin, 1.0, 0.4, 1e5, harm, wish, 0.1, 20.0, 0.05, 0.0)

    assert given(10.0, 0.001, 5.0) > given(0.0, 0.001, 5.0)
    assert given(10.0, 0.002, 5.0) < given(10.0, 0.001, 5.0)
    assert given(10.0, 0.001, 9.0) > given(10.0, 0.001, 5.0)


def test_patients_accept_less_the_dearer_and_farther_and_the_less_they_trust() -> None:
    base = (1.0, 100.0, 2000.0, 6.0, 3.0, 0.3, 0.5, 1.0)
    reference = acceptance.prob_accept(*base)
    assert reference == pytest.approx(1.0 / (1.0 + math.exp(-(1.0 - 0.3 - 0.9 + 0.5))))
    for position, direction in ((1, -1.0), (2, 1.0), (4, -1.0), (6, 1.0)):
        changed = list(base)
        changed[position] *= 1.2
        difference = acceptance.prob_accept(*changed) - reference
        assert math.copysign(1.0, difference) == direction
    assert low_value.prob_accept is return_visits.prob_accept is acceptance.prob_accept
