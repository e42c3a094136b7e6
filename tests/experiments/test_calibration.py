"""Calibration on models whose answer is known, and what a calibration file may not say."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from experiments.calibration import Problem, Range, Search, Target, calibrate, read_problem
from experiments.calibration.identifiability import (
    CHI_SQUARE,
    collinearity,
    local,
    profile,
    verdict,
)
from experiments.calibration.problem import Journal
from experiments.calibration.search import jacobian, least_squares
from sim.errors import DiskError, PayshiftError, RunError, ScenarioError, StoreError

AB = (Range("a", 0.0, 4.0), Range("b", 1.0, 100.0, is_log=True))


def _plane(parameters: Mapping[str, float], seed: int) -> dict[str, float]:
    """Two moments that tell both parameters apart."""
    a, b = parameters["a"], math.log10(parameters["b"])
    return {"sum": a + b, "difference": a - b}


def _ridge(parameters: Mapping[str, float], seed: int) -> dict[str, float]:
    """Two moments that see the product only."""
    together = parameters["a"] + math.log10(parameters["b"])
    return {"sum": together, "difference": 2.0 * together}


def _problem(measure=_plane, search: Search | None = None, **changes: object) -> Problem:
    # the truth: a = 1, b = 10
    aims = {"sum": 2.0, "difference": 0.0 if measure is _plane else 4.0}
    targets = tuple(Target(name, value, 0.1, "a made-up model") for name, value in aims.items())
    given: dict[str, object] = {
        "id": "known",
        "title": {"en": "known", "zh": "已知"},
        "ranges": AB,
        "targets": targets,
        "start": {"a": 3.0, "b": 50.0},
        "seed": 5,
        "replicates": 2,
        "measure": measure,
        "search": search or Search(method="least-squares", trials=60, profile_points=5),
    }
    return Problem(**(given | changes))  # fields are named above


def test_positions_and_values_are_inverse_to_each_other_on_both_scales() -> None:
    for each in AB:
        assert each.value(0.0) == each.low and each.value(1.0) == each.high
        for unit in (0.1, 0.5, 0.9):
            assert each.position(each.value(unit)) == pytest.approx(unit)
    assert AB[1].value(0.5) == pytest.approx(10.0)


def test_least_squares_finds_the_truth_of_a_model_with_a_known_answer() -> None:
    found = calibrate(_problem()).parameters.set_index("id")
    assert found.loc["a", "best"] == pytest.approx(1.0, abs=1e-3)
    assert found.loc["b", "best"] == pytest.approx(10.0, rel=1e-2)
    assert (found["verdict"] == "identified").all()


def test_the_interval_of_a_linear_model_is_that_of_the_chi_square() -> None:
    # misfits (a + log b - 2)/.1 and (a - log b)/.1: fixing a and fitting log b leaves a sum of
    # squares of 2 ((a - 1)/.1)², so that the 95 % interval is 1 ± .1 sqrt(3.84 / 2)
    found = calibrate(_problem(search=Search("least-squares", 60, profile_points=41)))
    row = found.parameters.set_index("id").loc["a"]
    half = 0.1 * math.sqrt(CHI_SQUARE / 2.0)
    assert row["interval_high"] == pytest.approx(1.0 + half, abs=0.02)
    assert row["interval_low"] == pytest.approx(1.0 - half, abs=0.02)
    # the standard error from the slopes: .1 / sqrt(2)
    assert row["se"] == pytest.approx(0.1 / math.sqrt(2.0), rel=1e-3)


def test_parameters_that_only_act_together_are_told_to_be_so() -> None:
    found = calibrate(_problem(_ridge))
    table = found.parameters.set_index("id")
    assert found.misfit_best == pytest.approx(0.0, abs=1e-3)
    # a + log b = 2 with log b between 0 and 2 leaves a anywhere from 0 to 2 of its 4, b anywhere
    assert table["verdict"].to_dict() == {"a": "only_above", "b": "not_identified"}
    assert table.loc["a", "partner"] == "b" and table.loc["b", "partner"] == "a"
    assert table["se"].isna().all()
    assert "do not pin down" in found.sentence["en"] and "不足以确定" in found.sentence["zh"]


def test_a_parameter_without_any_effect_is_not_identified() -> None:
    def only_a(parameters: Mapping[str, float], seed: int) -> dict[str, float]:
        return {"sum": parameters["a"], "difference": 0.0}

    targets = (Target("sum", 1.0, 0.1), Target("difference", 0.0, 0.1))
    table = calibrate(_problem(only_a, targets=targets)).parameters.set_index("id")
    assert table.loc["a", "verdict"] == "identified"
    assert table.loc["b", "verdict"] == "not_identified"
    assert table.loc["b", "effect"] == 0.0


def test_collinearity_is_one_for_independent_effects_and_infinite_for_the_same() -> None:
    assert collinearity(np.eye(3)) == pytest.approx(1.0)
    assert math.isinf(collinearity(np.ones((4, 2))))
    # two unit vectors at an angle t: the smallest eigenvalue is 1 - cos t
    t = 0.2
    slopes = np.array([[1.0, math.cos(t)], [0.0, math.sin(t)]])
    assert collinearity(slopes) == pytest.approx(1.0 / math.sqrt(1.0 - math.cos(t)))


def test_slopes_of_a_plane_are_exact_also_at_the_edge_of_the_range() -> None:
    def plane(u: np.ndarray) -> np.ndarray:
        return np.array([2.0 * u[0] - 3.0 * u[1], u[0]])

    for at in ([0.5, 0.5], [0.0, 1.0]):
        np.testing.assert_allclose(jacobian(plane, np.array(at)), [[2.0, -3.0], [1.0, 0.0]])


def test_a_fixed_parameter_stays_where_it_is_while_the_others_are_fitted() -> None:
    def plane(u: np.ndarray) -> np.ndarray:
        return np.array([u[0] + u[1] - 1.0])

    found = least_squares(plane, np.array([0.3, 0.1]), 20, np.array([False, True]))
    assert found[0] == 0.3
    assert found[1] == pytest.approx(0.7, abs=1e-4)


def test_a_profile_never_lies_below_the_least_misfit_and_touches_it() -> None:
    def bowl(u: np.ndarray) -> np.ndarray:
        return np.array([10.0 * (u[0] - 0.4), 10.0 * (u[1] - 0.6)])

    table = profile(bowl, np.array([0.4, 0.6]), ["a", "b"], 5, 5)
    assert table["rise"].min() == 0.0
    np.testing.assert_allclose(
        table["misfit"],
        100.0 * (table["position"] - np.where(table["id"] == "a", 0.4, 0.6)) ** 2,
        atol=1e-6,
    )
    assert verdict(table, "a")[0] == "identified"


def test_standard_errors_of_independent_slopes_are_their_inverses() -> None:
    def plane(u: np.ndarray) -> np.ndarray:
        return np.array([4.0 * u[0], 8.0 * u[1]])

    parameters, pairs = local(plane, np.array([0.5, 0.5]), ["a", "b"])
    np.testing.assert_allclose(parameters["se"], [0.25, 0.125])
    assert pairs["collinearity"].tolist() == [1.0]


# ------------------------------------------------------------------ the search and its stores


@pytest.mark.slow
def test_the_estimator_comes_closer_to_the_truth_than_where_it_started(tmp_path: Path) -> None:
    search = Search("tpe", trials=40, seed=3, profile_points=0)
    found = calibrate(_problem(search=search), tmp_path)
    assert found.misfit_best < 0.05 * found.misfit_start
    assert len(found.trials) >= 40


@pytest.mark.slow
def test_a_search_cut_short_and_resumed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    search = Search("tpe", trials=24, seed=3, profile_points=0)
    whole = calibrate(_problem(search=search), tmp_path / "whole")

    class CutError(Exception):
        pass

    def cut(done: int, total: int) -> None:
        if done == 17:
            raise CutError

    with pytest.raises(CutError):
        calibrate(_problem(search=search), tmp_path / "cut", cut)
    resumed = calibrate(_problem(search=search), tmp_path / "cut")
    assert resumed.trials.equals(whole.trials)
    # 17 of the 24 trials were lived before; the slopes at the end are the same runs in both
    assert resumed.runs == whole.runs - 17 * 2


def test_a_file_that_is_no_store_of_trials_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "trials.sqlite").write_text("a letter", encoding="utf-8")
    with pytest.raises(StoreError, match=r"not a store of trials.*remove trials\.sqlite"):
        calibrate(_problem(search=Search("tpe", trials=4, seed=3, profile_points=0)), tmp_path)


def test_nothing_is_lived_twice_when_a_finished_calibration_is_asked_again(tmp_path: Path) -> None:
    first = calibrate(_problem(), tmp_path)
    again = calibrate(_problem(), tmp_path)
    assert first.runs > 0 and again.runs == 0
    assert again.parameters.equals(first.parameters)


def test_other_targets_reuse_the_runs_and_other_replicates_do_not(tmp_path: Path) -> None:
    calibrate(_problem(), tmp_path)
    journal = Journal(
        _problem(targets=(Target("sum", 9.0, 1.0), Target("difference", 1.0, 1.0))),
        tmp_path / "runs.sqlite",
    )
    assert len(journal.all()[0]) > 10
    journal.close()
    journal = Journal(_problem(replicates=3), tmp_path / "runs.sqlite")
    assert len(journal.all()[0]) == 0
    journal.close()


def test_a_flipped_digit_in_the_journal_is_noticed(tmp_path: Path) -> None:
    problem = _problem()
    journal = Journal(problem, tmp_path / "runs.sqlite")
    journal.moments([0.5, 0.5])
    journal.close()
    with sqlite3.connect(tmp_path / "runs.sqlite") as file:
        file.execute("UPDATE evaluations SET moments = replace(moments, '0x1', '0x2')")
    file.close()
    journal = Journal(problem, tmp_path / "runs.sqlite")
    with pytest.raises(StoreError, match="damaged"):
        journal.moments([0.5, 0.5])
    journal.close()


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite").write_text("not a database, but long enough to look like one")
    with pytest.raises((StoreError, DiskError), match=r"runs\.sqlite"):
        Journal(_problem(), tmp_path / "runs.sqlite")


def test_a_moment_that_is_not_finite_stops_the_search_and_is_named() -> None:
    with pytest.raises(RunError, match="sum"):
        calibrate(_problem(lambda p, s: {"sum": math.nan, "difference": 0.0}))


# ------------------------------------------------------------------------------- the file

FILE = """\
schema: 1
kind: study
title: {en: "Beds and visits", zh: "住院与门诊"}
scenario: tiny
replicates: 1
months: baseline
calibrate:
  parameters:
    need_scale: {low: 1.5, high: 2.6}
    seek_constant: {}
  targets:
    - {outcome: visits_per_person, value: 6.0, tolerance: 0.3, source: nhc-2022}
    - {outcome: admissions_per_100, group: "income:1", value: 17, tolerance: 2, source: nhc-2022}
  search: {method: tpe, trials: 4}
  profile: {points: 0}
"""


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "beds.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_becomes_a_problem_with_the_registrys_ranges_where_it_says_none(
    tmp_path: Path,
) -> None:
    problem = read_problem(_written(tmp_path, FILE))
    assert problem.id == "beds"
    assert [(r.id, r.low, r.high) for r in problem.ranges] == [
        ("need_scale", 1.5, 2.6),
        ("seek_constant", -1.0, 4.0),
    ]
    assert problem.ranges[0].is_log and not problem.ranges[1].is_log
    assert [t.name for t in problem.targets] == ["visits_per_person", "admissions_per_100@income:1"]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("need_scale:", "need_scal:", 9, "Did you mean need_scale?"),
        ("low: 1.5, high: 2.6", "low: 1.5, high: 26", 9, "within 0.8 to 3"),
        ("low: 1.5", "low: 2.9", 9, "low < high"),
        ("seek_constant: {}", "seek_constant: {scale: log}", 10, "above zero"),
        ("visits_per_person", "visit_per_person", 12, "Did you mean visits_per_person?"),
        ('"income:1"', '"kind:practice"', 13, "not told apart by kind"),
        ("tolerance: 0.3", "tolerance: 0", 12, "above 0"),
        (", source: nhc-2022}\n    - ", "}\n    - ", 12, "source"),
        ("method: tpe", "method: tpi", 14, "tpe"),
        ("trials: 4", "trials: 4.5", 14, "trials"),
        ("scenario: tiny", "scenario: tinny", 4, "tiny"),
        ("replicates: 1", "replicates: .nan", 5, "finite"),
        ("replicates: 1", "repli: 1", 5, "replicates"),
        ("replicates: 1", "set: {horizon.base: 3}", 5, "baseline"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line_and_a_remedy(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    assert old in FILE
    with pytest.raises(PayshiftError) as told:
        read_problem(_written(tmp_path, FILE.replace(old, new, 1)))
    assert told.value.exit_code == 2
    assert f"beds.yaml:{line}" in told.value.message
    assert says in " ".join(each.message for each in told.value.all)


def test_all_mistakes_of_parameters_and_targets_come_at_once(tmp_path: Path) -> None:
    text = FILE.replace("need_scale", "nead").replace("visits_per_person", "vists")
    with pytest.raises(ScenarioError) as told:
        read_problem(_written(tmp_path, text))
    assert len(told.value.all) == 2


@pytest.mark.slow
def test_the_tiny_county_is_calibrated_from_a_file_and_goes_on_where_it_stopped(
    tmp_path: Path,
) -> None:
    problem = read_problem(_written(tmp_path, FILE))
    first = calibrate(problem, tmp_path / "store")
    again = calibrate(problem, tmp_path / "store")
    assert again.runs == 0
    assert first.misfit_best <= first.misfit_start
    assert first.targets["simulated"].notna().all()
