"""Levers solve their first-order condition; prevention pays whoever bears what it avoids."""

import math

import numpy as np
import pytest

from sim.behavior import (
    effort,
    prevention,
)


def test_effort_solves_its_first_order_condition() -> None:
    rng = np.random.default_rng(42)
    for _ in range(300):
        value, theta, cost = (
            10.0 ** rng.uniform(0, 6),
            rng.uniform(0.01, 0.5),
            10.0 ** rng.uniform(0, 4),
        )
        x = effort.optimal_effort(value, theta, cost)
        marginal = value * theta * math.exp(-x)
        if x > 0.0:
            assert marginal == pytest.approx(cost, rel=1e-9)
        else:
            assert marginal <= cost


def test_effort_is_nothing_without_value_and_complete_without_cost() -> None:
    assert effort.optimal_effort(-5.0, 0.2, 1.0) == 0.0
    assert effort.optimal_effort(0.0, 0.2, 0.0) == 0.0
    assert effort.effort_effect(effort.optimal_effort(5.0, 0.2, 0.0), 0.2) == pytest.approx(0.2)
    assert effort.effort_effect(0.0, 0.2) == 0.0


def test_demand_responds_most_where_the_choice_is_open() -> None:
    assert effort.demand_response(2.0, 0.5) == pytest.approx(0.5)
    assert effort.demand_response(2.0, 1.0) == 0.0
    h = 1e-6
    share = 1.0 / (1.0 + math.exp(-0.7))
    more = 1.0 / (1.0 + math.exp(-0.7 - 2.0 * h))
    assert effort.demand_response(2.0, share) == pytest.approx((more - share) / h, rel=1e-5)


def test_cost_reimbursement_removes_the_reward_for_cutting_cost() -> None:
    assert effort.value_of_cutting_cost(8e6, 1.0) == 0.0
    assert effort.value_of_cutting_cost(8e6, 0.0) == 8e6


def test_documenting_quality_gains_the_bonus_without_patients_or_health() -> None:
    both = effort.value_of_true_quality(200.0, 50.0, 3e4, 1.0, 0.4, 1e5, 0.5)
    assert both == pytest.approx(1e4 + 3e4 + 2e4)
    assert effort.value_of_measured_quality(3e4) == 3e4
    assert effort.value_of_measured_quality(-3e4) == 0.0


def test_prevention_pays_where_avoided_spending_counts_and_members_stay() -> None:
    common = (-0.5, 20.0, -900.0)
    paid_by_visit = prevention.value_of_control(*common, 0.0, 0.0, 0.0, 1e5, 0.02, 0.95, 0.9)
    responsible = prevention.value_of_control(*common, -1.0, 0.0, 0.0, 1e5, 0.02, 0.95, 0.9)
    leaving = prevention.value_of_control(*common, -1.0, 0.0, 0.0, 1e5, 0.02, 0.95, 0.0)
    assert paid_by_visit == pytest.approx(-10.0 / (1.0 - 0.855))
    assert responsible == pytest.approx(890.0 / (1.0 - 0.855))
    assert leaving == pytest.approx(890.0)
    assert prevention.prevention_effort(paid_by_visit, 300.0, 0.2, 500.0) == 0.0
    assert prevention.prevention_effort(responsible, 300.0, 0.2, 500.0) > 0.0
    assert effort.horizon_value(100.0, 0.95, 0.9) == pytest.approx(100.0 / 0.145)
