"""Results come back in the order of the points, or name the runs that stand in the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.executors import sweep
from experiments.sweep.results import Results
from experiments.sweep.store import Store
from experiments.sweep.worker import Outcomes
from sim.errors import ScenarioError, StoreError


def design(**more: Any) -> Design:
    return Design(
        arms=("one", "two"),
        factors=(Factor("a", 0.0, 1.0), Factor("b", categories=("x", "y"))),
        sampler=Sampler("sobol", 4, options={"calc_second_order": False}),
        replicates=2,
        outcomes=("y", "s"),
        monthly=("y",),
        **more,
    )


def model(parameters: Mapping[str, Any], arm: str, seed: int) -> Outcomes:
    level = parameters["a"] + (10.0 if arm == "two" else 0.0) + (parameters["b"] == "y") * 100.0
    return Outcomes({"y": level, "s": float(seed)}, {"y": [level, 2.0 * level, float("nan")]})


def test_outcomes_and_series_stand_where_their_points_stand(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    tally = sweep(design(), path, model, shuffle=5)
    results = Results.of(path)
    points = results.points
    assert tally.total == tally.done and tally.left == 0
    expected = points[:, 0] + 100.0 * points[:, 1]
    found = results.outcome("one", "y")
    assert found.shape == (len(points), 2)
    assert np.array_equal(found, np.stack([expected, expected], axis=1))
    assert np.allclose(results.outcome("two", "y", minus="one"), 10.0)
    series = results.series("two", "y")
    assert series.shape == (len(points), 2, 3)
    assert np.array_equal(series[:, :, 1], 2.0 * results.outcome("two", "y"))
    # One seed per replicate, whatever the arm and the draw.
    assert (results.outcome("one", "s") == results.outcome("two", "s")[0]).all()
    frame = results.frame
    assert list(frame["arm"][:2]) == ["one", "two"]
    assert set(frame["b"]) == {"x", "y"} and set(frame["status"]) == {"ok"}
    assert len(frame) == 2 * 2 * len(points)


def test_a_removed_a_damaged_and_a_failed_run_are_named(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"

    def broken(parameters: Mapping[str, Any], arm: str, seed: int) -> Mapping[str, float]:
        if arm == "two":
            raise ValueError("no such\ncounty")
        return {"y": float("nan") if parameters["b"] == "y" else 1.0, "s": 0.0}

    one = Design(arms=("one", "two"), factors=design().factors, sampler=Sampler("random", 6, 2))
    sweep(one, path, broken)
    with sqlite3.connect(path) as raw:
        raw.execute("DELETE FROM runs WHERE arm = 'one' AND draw = 0")
        raw.execute("UPDATE runs SET seconds = seconds + 1 WHERE arm = 'one' AND draw = 1")
    raw.close()
    with pytest.raises(StoreError) as told:
        Results.of(path).outcome("one", "s")
    assert "2 of 6 runs" in told.value.message
    assert "draw 0, replicate 0: missing" in told.value.message
    assert "draw 1, replicate 0: damaged" in told.value.message
    with pytest.raises(StoreError, match="not finite"):
        Results.of(path).outcome("one", "y")
    with pytest.raises(StoreError, match=r"6 of 6 .* failed .ValueError: no such county"):
        Results.of(path).outcome("two", "y")
    with Store.read(path) as store:
        named = [damage.message for damage in store.verify()]
    assert any(text.startswith("arm one, draw 0, replicate 0: missing") for text in named)
    assert any(text.startswith("arm one, draw 1, replicate 0: damaged") for text in named)
    with pytest.raises(ScenarioError, match="Did you mean one"):
        Results.of(path).outcome("on", "y")


def test_a_store_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="not the store of a sweep"):
        Results.of(path)
    with pytest.raises(ScenarioError, match="no such store"):
        Results.of(tmp_path / "nowhere.sqlite")


def test_a_longer_design_keeps_the_runs_it_shares_with_the_shorter(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    short = Design(arms=("m",), factors=(Factor("a"),), sampler=Sampler("sobol_sequence", 8))
    long = Design(arms=("m",), factors=(Factor("a"),), sampler=Sampler("sobol_sequence", 16))
    sweep(short, path, lambda p, arm, seed: {"y": p["a"]})
    with pytest.raises(ScenarioError, match="the design and the code changed"):
        sweep(long, path, model, resume=True)

    def same(parameters: Mapping[str, Any], arm: str, seed: int) -> Mapping[str, float]:
        return {"y": parameters["a"]}

    same.code_version = "1"
    other = tmp_path / "t.sqlite"
    sweep(short, other, same)
    tally = sweep(long, other, same, resume=True, accept_changes=True)
    assert (tally.found, tally.done) == (8, 8)
    assert Results.of(other).outcome("m", "y").shape == (16, 1)
