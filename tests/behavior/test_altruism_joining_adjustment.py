"""The altruism mixture, lists and the pace of adjustment."""

import math

import numpy as np
import pytest

from sim.behavior import (
    adjustment,
    altruism,
    joining,
)


def test_altruism_is_a_mixture_of_a_selfish_few_and_a_log_normal_with_the_given_mean() -> None:
    """Mean over a grid of the quantile function; no chance involved."""
    assert altruism.altruism(0.099, 0.9, 0.1, 2.0, 0.5) == 0.0
    grid = ((np.arange(20_000) + 0.5) / 20_000).tolist()
    draws = np.array([altruism.altruism(0.5, u, 0.1, 2.0, 0.5) for u in grid])
    assert float(draws.mean()) == pytest.approx(2.0, rel=1e-3)
    assert float(np.log(draws).std()) == pytest.approx(0.5, rel=1e-3)
    assert np.all(np.diff(draws) > 0.0)


def test_people_join_for_benefits_and_near_by_and_after_good_experience() -> None:
    base = (-1.0, 200.0, 50.0, 2500.0, 5.0, 2.5, 0.4, 0.6, 1.5)
    reference = joining.prob_join(*base)
    for position, direction in ((1, 1.0), (2, -1.0), (5, -1.0), (7, 1.0)):
        changed = list(base)
        changed[position] *= 1.3
        assert math.copysign(1.0, joining.prob_join(*changed) - reference) == direction


def test_a_practice_that_bears_cost_discourages_the_costly_unless_complaints_are_dear() -> None:
    def discouraged(cost: float, complaint: float) -> float:
        return joining.prob_discourage(900.0, cost, 0.4, 1e5, 0.001, complaint, 0.002, -3.0)

    assert discouraged(4000.0, 100.0) > discouraged(500.0, 100.0)
    assert discouraged(4000.0, 3000.0) < discouraged(4000.0, 100.0)


def test_a_lever_closes_half_of_its_gap_in_its_half_life() -> None:
    lever = 0.2
    for _ in range(4):
        lever = adjustment.adjust(lever, 1.0, 4.0)
    assert lever == pytest.approx(0.6, rel=1e-9)
    assert adjustment.adjust(0.2, 1.0, 0.0) == 1.0
    assert adjustment.adjust(0.7, 0.7, 4.0) == 0.7


def test_half_of_a_practice_style_spills_over_between_payers() -> None:
    assert adjustment.blended_style(1.2, 1.0, 0.5) == pytest.approx(1.1)
    assert adjustment.blended_style(1.2, 1.0, 0.0) == 1.2
