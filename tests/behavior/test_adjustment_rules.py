"""Three ways of adjusting: where theory says they end in the same place, and where they differ."""

import numpy as np
import pytest

from sim.behavior.adjustment import (
    adjust,
    learned_worth,
    pid_change,
    realized_utility,
    style_to_try,
)
from sim.behavior.intensity import optimal_quantity, stake


def controlled(goal: float, start: float, gains: tuple[float, float, float], months: int) -> float:
    lever = start
    before = before_last = goal - start
    for _ in range(months):
        gap = goal - lever
        lever += pid_change(gap, before, before_last, *gains)
        before, before_last = gap, before
    return lever


def test_a_controller_with_an_integral_gain_alone_is_best_response_with_inertia() -> None:
    kept = 1.0 - 2.0 ** (-1.0 / 4.0)
    lever = 0.2
    for months in range(1, 13):
        lever = adjust(lever, 1.0, 4.0)
        assert controlled(1.0, 0.2, (0.0, kept, 0.0), months) == pytest.approx(lever, rel=1e-9)


@pytest.mark.parametrize("gains", [(0.3, 0.16, 0.05), (0.0, 0.5, 0.0), (0.5, 0.1, 0.2)])
def test_a_controller_ends_where_best_response_ends(gains: tuple[float, float, float]) -> None:
    """An increment is nothing only where the gap stays nothing, whatever the gains."""
    assert controlled(1.3, 0.4, gains, 400) == pytest.approx(1.3, abs=1e-6)


def test_a_controller_answers_a_sudden_goal_more_than_inertia_does_in_the_first_month() -> None:
    """The gap jumps from 0 to 1: proportional and derivative gains answer the jump itself."""
    assert pid_change(1.0, 0.0, 0.0, 0.3, 0.16, 0.05) == pytest.approx(0.3 + 0.16 + 0.05)


def utility(q: float, margin: float, effort: float, at_stake: float) -> float:
    """Ellis and McGuire's utility of a quantity for a need of one unit."""
    return margin * q - 0.5 * effort * q * q - 0.5 * at_stake * (q - 1.0) ** 2


def test_trial_ends_at_the_style_nearest_to_the_best_response() -> None:
    """Utility is quadratic in quantity, so the best of a few styles is the one nearest the optimum.

    Receipts 130, cost 100, effort 5, health at stake 60: q = (30 + 60) / (5 + 60) = 1.385.
    """
    at_stake = stake(1.0, 30.0, 1.0, 1.0, 1.0)
    best = optimal_quantity(130.0, 100.0, 5.0, 1.0, 0.0, 0.0, 130.0, 1.0, at_stake)
    assert best == pytest.approx(90.0 / 65.0)
    styles = np.array([0.8, 1.0, 1.2, 1.4, 1.6])
    worth, times = np.zeros(5), np.zeros(5)
    chance = np.random.default_rng(1)
    practised = 1
    months = np.zeros(5)
    for month in range(2000):
        reward = utility(styles[practised], 30.0, 5.0, at_stake) + chance.normal(0.0, 1.0)
        times[practised] += 1.0
        worth[practised] = learned_worth(worth[practised], times[practised], reward, 0.0)
        untried = np.flatnonzero(times == 0.0)
        held = int(np.argmax(np.where(times > 0.0, worth, -np.inf)))
        found = style_to_try(held, len(untried), 5, 0.1, chance.random(), chance.random())
        practised = found if found >= 0 else int(untried[-1 - found])
        if month > 500:
            months[practised] += 1.0
    nearest = int(np.argmin(np.abs(styles - best)))
    assert int(np.argmax(months)) == nearest
    # Nine months of ten the best, the tenth any of five.
    assert months[nearest] / months.sum() == pytest.approx(0.92, abs=0.03)


def test_a_style_is_held_to_be_worth_the_mean_of_what_it_brought_until_memory_binds() -> None:
    worth = 0.0
    for times, reward in enumerate((4.0, 8.0, 3.0), start=1):
        worth = learned_worth(worth, float(times), reward, 0.1)
    assert worth == pytest.approx(5.0)
    assert learned_worth(5.0, 1000.0, 15.0, 0.1) == pytest.approx(6.0)


def test_what_a_month_came_to_weighs_money_effort_and_health_by_unit_of_need() -> None:
    """(1.5 x 400 - 100 - 2 x 80,000 x .001) / 1,000 = .34; losses are not weighed up."""
    assert realized_utility(400.0, 1.5, 2.0, 80_000.0, 0.001, 100.0, 1000.0) == pytest.approx(0.34)
    assert realized_utility(-400.0, 1.5, 0.0, 0.0, 0.0, 0.0, 1000.0) == pytest.approx(-0.4)
    assert realized_utility(400.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0) == 0.0
