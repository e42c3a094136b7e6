"""Fronts of contracts on problems whose front is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from experiments.contract_design import Lever, Objective, at_worst, efficient, search_front
from sim.errors import StoreError

LEVERS = (Lever("x", 0.0, 1.0), Lever("idle", 0.0, 1.0))
OBJECTIVES = (
    Objective("fund_spending_per_person", "lower", "cost"),
    Objective("qaly", "higher", "quality"),
)


def _trade(terms: Mapping[str, float]) -> np.ndarray:
    """More of x costs more and heals more; idle only costs. Three draws that differ by a level."""
    draws = np.array([0.0, 0.1, 0.2])
    return np.array([terms["x"] + terms["idle"] + draws, terms["x"] - draws])


@given(arrays(np.float64, (8, 3), elements=st.floats(-100, 100)))
def test_no_contract_on_the_front_is_beaten_and_every_other_one_is(values: np.ndarray) -> None:
    is_on = efficient(values, ["lower", "lower", "lower"])
    assert is_on.any()
    for row, on in zip(values, is_on, strict=True):
        beaten = ((values <= row).all(axis=1) & (values < row).any(axis=1)).any()
        assert beaten == (not on)


def test_turning_an_objective_around_turns_its_front() -> None:
    values = [[1.0, 1.0], [2.0, 2.0], [3.0, 1.5]]
    assert efficient(values, ["lower", "higher"]).tolist() == [True, True, False]
    assert efficient(values, ["lower", "lower"]).tolist() == [True, False, False]


def test_the_worst_of_a_cost_is_its_high_end_and_of_health_its_low_end() -> None:
    draws = np.arange(11.0)
    assert at_worst(draws, "lower") == 9.0
    assert at_worst(draws, "higher") == pytest.approx(1.0)
    assert at_worst(draws, "lower", 1.0) == 10.0


def test_a_missing_objective_is_refused() -> None:
    with pytest.raises(StoreError, match="not finite"):
        efficient([[1.0, float("nan")]], ["lower", "lower"])


@pytest.mark.slow
def test_the_search_drops_what_only_costs_and_resumes_where_it_stopped(tmp_path: Path) -> None:
    whole = search_front(_trade, LEVERS, OBJECTIVES, trials=48, population=12)
    on = whole[whole["is_efficient"]]
    # on the true front idle is 0; a front found by chance would have .5 on average
    assert on["idle"].mean() < 0.5 * whole["idle"].mean()
    search_front(_trade, LEVERS, OBJECTIVES, trials=20, population=12, folder=tmp_path)
    resumed = search_front(_trade, LEVERS, OBJECTIVES, trials=48, population=12, folder=tmp_path)
    assert resumed.shape == whole.shape
    first = whole.head(12).drop(columns="is_efficient")
    assert resumed.head(12).drop(columns="is_efficient").equals(first)
