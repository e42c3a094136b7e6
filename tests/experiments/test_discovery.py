"""Where failures lie, on spaces whose failing corner is known."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pandas as pd
import pytest

from experiments.discovery import Box, box_table, find_box, inside, packages_needed, sentence, tree
from sim.errors import RunError, ScenarioError

LABELS = {name: (f"Name of {name}", f"{name}的名称", "") for name in "abcd"}
RANGES = dict.fromkeys("abcd", (0.0, 1.0))


def _space(n: int = 600) -> tuple[pd.DataFrame, np.ndarray]:
    """Fail where a is above .7 and b below .4: 12 % of the unit cube."""
    generator = np.random.default_rng(3)
    points = pd.DataFrame(generator.random((n, 4)), columns=list("abcd"))
    failed = ((points["a"] > 0.7) & (points["b"] < 0.4)).to_numpy()
    return points, failed


@pytest.mark.slow
def test_the_failing_corner_is_found_in_its_two_conditions() -> None:
    points, failed = _space()
    box = find_box(points, failed)
    assert set(box.limits) == {"a", "b"}
    assert box.limits["a"][0] == pytest.approx(0.7, abs=0.06)
    assert box.limits["b"][1] == pytest.approx(0.4, abs=0.06)
    assert box.density > 0.8 and box.coverage > 0.8
    assert box.held_out_density > 0.6


@pytest.mark.slow
def test_failures_by_chance_are_no_denser_in_the_box_on_draws_it_was_not_found_from() -> None:
    points, _ = _space()
    failed = np.random.default_rng(9).random(len(points)) < 0.3
    box = find_box(points, failed)
    # 600 draws, some 100 of them inside: the standard error of the held-out share is about .05
    assert abs(box.held_out_density - box.base_rate) < 0.2


def test_a_tree_names_the_same_two_parameters() -> None:
    points, failed = _space()
    leaves = tree(points, failed)
    first = leaves.iloc[0]
    assert first["share_failing"] > 0.9
    assert "a >" in first["rule"] and "b <=" in first["rule"]
    assert leaves["n"].sum() == len(points)


@pytest.mark.parametrize("find", [find_box, tree])
def test_a_missing_package_is_named_with_how_to_get_it(
    find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ScenarioError, match=r"payshift\[sweep\]"):
        find(*_space())


def test_packages_that_are_there_are_not_asked_for() -> None:
    packages_needed("json", "math")


def test_too_few_failures_to_say_where_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.discovery.packages_needed", lambda *names: None)
    points, _ = _space(40)
    with pytest.raises(RunError, match="3 of 40 fail"):
        find_box(points, np.arange(40) < 3)


def test_a_draw_is_inside_only_if_every_condition_holds() -> None:
    points = pd.DataFrame({"a": [0.1, 0.1, 0.9], "b": [0.1, 0.9, 0.1]})
    assert inside(points, {"a": (0.0, 0.5), "b": (0.0, 0.5)}).tolist() == [True, False, False]
    assert inside(points, {}).all()


def test_the_sentence_gives_both_conditions_and_what_the_corner_holds() -> None:
    box = Box({"a": (0.7, 1.0), "b": (0.0, 0.4)}, 0.9, 0.8, 0.75, 0.2, 100, 22)
    said = sentence(box, box_table(box, RANGES, LABELS), {"en": "It fails", "zh": "失败"})
    assert said["en"] == (
        "It fails in 80 % of the draws where “name of a” is above 0.7 and “name of b” is below 0.4 "
        "(20 % overall, 75 % on draws it was not found from); that corner holds 90 % of all such "
        "draws."
    )
    assert "“a的名称”高于0.7且“b的名称”低于0.4" in said["zh"]


def test_where_no_corner_stands_out_the_sentence_says_so() -> None:
    box = Box({}, 1.0, 0.2, math.nan, 0.2, 100, 100)
    said = sentence(box, box_table(box, RANGES, LABELS), {"en": "It fails", "zh": "失败"})
    assert "no corner" in said["en"] and "没有哪一部分" in said["zh"]
