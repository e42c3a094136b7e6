"""Any experiment's payoffs are answered by the model's own rule, exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sim.behavior.altruism as rule
from experiments.evidence import laboratory
from experiments.evidence.laboratory import (
    Mixture,
    choice_probabilities,
    experiment_files,
    mean_quantity,
    nodes_of,
    read_experiment,
)
from experiments.laboratory import LUMP_SUM, Arm, response_shares
from sim.errors import ScenarioError

PAYOFFS = """schema: 1
kind: experiment
id: mine
title: {en: "Two services", zh: "两项服务"}
source: made up
quadratic_cost: 0.5
illnesses: [all]
benefits: {mild: [0, 3, 2], severe: [0, 1, 4]}
payments:
  fees: [{per_service: 2}]
  sum: [{lump_sum: 3}, {bonus: 1.5, within: 0}]
  mixed: [{of: fees, share: 0.5}, {of: sum, share: 0.5}]
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_harness_calls_the_rules_of_the_simulator_and_keeps_no_copy() -> None:
    assert laboratory.draw_quantity is rule.draw_quantity
    assert laboratory.best_quantity is rule.best_quantity
    assert laboratory.altruism is rule.altruism


def test_the_lump_sum_of_the_game_is_that_of_the_experiment() -> None:
    experiment = read_experiment("hennig-schmidt-2011")
    assert set(experiment.revenue["capitation"].ravel()) == {LUMP_SUM}


def test_payments_add_up_their_parts_by_hand(tmp_path: Path) -> None:
    experiment = read_experiment(_written(tmp_path, PAYOFFS))
    assert experiment.cost.tolist() == [0.0, 0.5, 2.0]
    assert experiment.revenue["fees"][0].tolist() == [[0, 2, 4], [0, 2, 4]]
    # The bonus is for the best quantity alone: one service for the mild, two for the severe.
    assert experiment.revenue["sum"][0].tolist() == [[3, 4.5, 3], [3, 3, 4.5]]
    assert experiment.revenue["mixed"][0].tolist() == [[1.5, 3.25, 3.5], [1.5, 2.5, 4.25]]
    assert experiment.profit("fees")[0, 0].tolist() == [0.0, 1.5, 2.0]


def test_probabilities_are_those_of_quantal_response(tmp_path: Path) -> None:
    # P(q) is proportional to exp(precision (profit + a benefit)).
    experiment = read_experiment(_written(tmp_path, PAYOFFS))
    found = choice_probabilities(experiment, "mixed", [0.0, 1.3], 0.8)
    for w, weight in enumerate((0.0, 1.3)):
        utility = experiment.profit("mixed")[0] + weight * experiment.benefit
        expected = np.exp(0.8 * utility)
        expected /= expected.sum(axis=1, keepdims=True)
        assert found[w, 0] == pytest.approx(expected, abs=1e-9)


def test_draws_over_an_even_grid_agree_with_the_exact_probabilities() -> None:
    experiment = read_experiment("hennig-schmidt-2011")
    exact = choice_probabilities(experiment, "fee_for_service", [1.3], 2.0)[0].mean(axis=(0, 1))
    assert response_shares(Arm.PER_SERVICE, 1.3, 2.0, 400) == pytest.approx(exact, abs=1 / 400)


def test_without_spread_a_mixture_is_two_kinds_of_physician() -> None:
    experiment = read_experiment("hennig-schmidt-2011")
    two = Mixture(0.1, 2.0, 0.0)
    # Exact values of the published payoffs: totals over fifteen patients of 135 and 97, 0 and 70.
    expected = {"fee_for_service": 0.1 * 9 + 0.9 * 97 / 15, "capitation": 0.9 * 70 / 15}
    for payment, value in expected.items():
        assert mean_quantity(experiment, payment, two).mean() == pytest.approx(value, rel=1e-12)


def test_the_weights_of_a_mixture_have_its_mean_and_its_share_of_the_selfish() -> None:
    weights, shares = nodes_of(Mixture(0.2, 2.0, 0.35), 400)
    assert shares.sum() == pytest.approx(1.0)
    assert shares[weights == 0.0].sum() == pytest.approx(0.2)
    assert weights[1:].mean() == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize("name", sorted(experiment_files()))
def test_every_experiment_of_the_package_is_answered(name: str) -> None:
    experiment = read_experiment(name)
    for payment in experiment.payments:
        mean = mean_quantity(experiment, payment, Mixture())
        assert mean.min() >= 0.0
        assert mean.max() <= experiment.benefit.shape[1] - 1


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("[{per_service: 2}]", "[{per_service: 2, lump_sum: 1}]", "one thing"),
        ("severe: [0, 1, 4]", "severe: [0, 1]", "unequal length"),
        ("{of: fees, share: 0.5}", "{of: fee, share: 0.5}", "no such payment above"),
        ("quadratic_cost: 0.5\n", "", "cost is given once"),
        ("{lump_sum: 3}", "{schedule: {all: [1, 2]}}", "a value for every quantity"),
    ],
)
def test_mistakes_in_payoffs_are_told_with_their_place(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    assert right in PAYOFFS
    with pytest.raises(ScenarioError, match=told) as caught:
        read_experiment(_written(tmp_path, PAYOFFS.replace(right, wrong)))
    assert "mine.yaml:" in caught.value.where
