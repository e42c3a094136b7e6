"""What must not be analyzed is refused, with the run or the setting at fault and what to do."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments import sensitivity
from experiments.sensitivity.methods import METHODS
from experiments.sensitivity.study import read_study
from experiments.sweep.design import Factor
from sim.cli import main
from sim.errors import ScenarioError, StoreError
from tests.experiments.sensitivity.lived import Worked, cube, design, lived, worked


@pytest.fixture(scope="module")
def whole() -> Worked:
    return worked(design(cube(2), n=16, replicates=2), lambda x, r: x[:, 0] + 0.1 * r * x[:, 1])


def test_a_sample_of_another_method_is_refused_with_the_sampler_to_write() -> None:
    results = worked(design(cube(2), "latin_hypercube", 30), lambda x, _: x[:, 0])
    with pytest.raises(ScenarioError, match=r"sampler: \{name: sobol\}.*delta, pawn"):
        sensitivity.analyze(results, "y", method="sobol")
    with pytest.raises(ScenarioError, match="one_at_a_time"):
        sensitivity.analyze(results, "y", method="oat")


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 3, 8])
@pytest.mark.parametrize("name", METHODS)
def test_so_few_draws_give_a_table_or_a_refusal_of_our_own(name: str, n: int) -> None:
    # any other error, a warning of the library among them, is what must not reach a user
    for look in (sensitivity.analyze, sensitivity.converge):
        with contextlib.suppress(ScenarioError):
            results = worked(design(cube(2), METHODS[name].remedy_sampler, n), lambda x, _: x[:, 0])
            found = look(results, "y", method=name, resamples=5)
            assert len(found.table)


def test_an_expansion_takes_three_hundred_draws_and_grows_no_smaller_samples() -> None:
    few = worked(design(cube(2), "latin_hypercube", 60), lambda x, _: x[:, 0])
    with pytest.raises(ScenarioError, match=r"needs more draws.*300 or more.*pawn"):
        sensitivity.analyze(few, "y", method="enhanced_hdmr")
    enough = worked(design(cube(2), "latin_hypercube", 400), lambda x, _: x[:, 0])
    grown = sensitivity.converge(enough, "y", method="enhanced_hdmr", resamples=5)
    assert set(grown.table["n_draws"]) == {400}


def test_an_unknown_method_is_answered_with_all_methods(whole: Worked) -> None:
    with pytest.raises(ScenarioError, match="oat, morris, sobol, delta, pawn"):
        sensitivity.analyze(whole, "y", method="sobel")


def test_pairs_are_refused_without_their_runs() -> None:
    results = worked(design(cube(2), n=16, calc_second_order=False), lambda x, _: x[:, 0])
    with pytest.raises(ScenarioError, match="calc_second_order: true"):
        sensitivity.analyze(results, "y", second_order=True)
    sensitivity.analyze(results, "y")


def test_pairs_are_asked_of_sobol_only(whole: Worked) -> None:
    with pytest.raises(ScenarioError, match="no effects of pairs"):
        sensitivity.analyze(whole, "y", method="delta", second_order=True)


def test_groups_are_refused_where_a_method_would_misread_them() -> None:
    factors = (Factor("a", group="g"), Factor("b", group="g"), Factor("c"))
    results = worked(design(factors, "radial_sobol", 16), lambda x, _: x[:, 0])
    with pytest.raises(ScenarioError, match="groups"):
        sensitivity.analyze(results, "y", method="sobol_jansen")


def test_slopes_of_a_choice_are_refused_by_name() -> None:
    factors = (Factor("model", categories=("a", "b")), Factor("c"))
    results = worked(design(factors, "finite_diff", 16), lambda x, _: x[:, 1])
    with pytest.raises(ScenarioError, match="model"):
        sensitivity.analyze(results, "y", method="dgsm")


def test_a_run_that_is_not_a_number_is_named(whole: Worked) -> None:
    frame = whole.frame.copy()
    frame.loc[(frame["draw"] == 5) & (frame["replicate"] == 1), "y"] = np.nan
    with pytest.raises(StoreError, match="draw 5, replicate 1"):
        sensitivity.analyze(replace(whole, frame=frame), "y")


def test_a_missing_run_is_named(whole: Worked) -> None:
    frame = whole.frame.drop(whole.frame.index[7])
    with pytest.raises(StoreError, match=r"missing: arm today, draw 3, replicate 1.*--resume"):
        sensitivity.analyze(replace(whole, frame=frame), "y")


def test_a_run_that_is_there_twice_is_named(whole: Worked) -> None:
    twice = whole.frame.iloc[[4]]
    frame = np.concatenate([whole.frame.to_numpy(), twice.to_numpy()])
    doubled = type(whole.frame)(frame, columns=whole.frame.columns)
    with pytest.raises(StoreError, match=r"more than once: arm today, draw 2, replicate 0"):
        sensitivity.analyze(replace(whole, frame=doubled), "y")


def test_reordered_runs_are_named(whole: Worked) -> None:
    frame = whole.frame.copy()
    names = ["x1", "x2", "y"]
    rows = frame["draw"].isin([3, 4])
    frame.loc[rows, names] = frame.loc[rows, names].to_numpy()[::-1]
    with pytest.raises(StoreError, match=r"reordered.*draw 3, replicate 0"):
        sensitivity.analyze(replace(whole, frame=frame), "y")


def test_a_failed_run_in_the_store_is_named(tmp_path: Path) -> None:
    def model(parameters: dict[str, float], arm: str, seed: int) -> dict[str, float]:
        if parameters["x1"] > 0.97:
            raise ValueError("out of beds")
        return {"y": parameters["x1"]}

    results = lived(design(cube(2), n=16), tmp_path, model)
    with pytest.raises(StoreError, match="out of beds"):
        sensitivity.analyze(results, "y")


STUDY = """\
schema: 1
kind: study
title: {en: What decides, zh: 什么决定}
store: store.sqlite
sensitivity:
  outcomes: [y]
  method: sobol
"""


def test_a_study_is_held_to_its_store_with_line_and_column(tmp_path: Path) -> None:
    plan = replace(design(cube(2), n=4), outcomes=("y",))
    lived(plan, tmp_path, lambda parameters, arm, seed: {"y": parameters["x1"]})
    path = tmp_path / "s.yaml"
    path.write_text(STUDY, encoding="utf-8")
    assert read_study(path).outcomes == ("y",)
    wrong = STUDY.replace("[y]", "[y, yy]").replace("sobol", "sobo\n  arm: todai")
    path.write_text(wrong, encoding="utf-8")
    with pytest.raises(ScenarioError) as told:
        read_study(path)
    messages = [error.message for error in told.value.all]
    assert [m.partition("s.yaml:")[2].partition(" ")[0] for m in messages] == [
        "7:11:",
        "8:8:",
        "6:17:",
    ]
    assert "Did you mean sobol?" in messages[0] and "Did you mean today?" in messages[1]
    path.write_text(STUDY.replace("store.sqlite", "gone.sqlite"), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"s\.yaml:4:8: store: .*gone\.sqlite"):
        read_study(path)
    assert main(["validate", str(path)]) == 2


def test_an_outcome_that_never_moves_is_refused_instead_of_explained(whole: Worked) -> None:
    frame = whole.frame.assign(y=3.0)
    with pytest.raises(ScenarioError, match="nothing to explain"):
        sensitivity.analyze(replace(whole, frame=frame), "y")


def test_an_arm_that_is_not_there_is_refused_with_those_that_are(whole: Worked) -> None:
    with pytest.raises(ScenarioError, match="allowed: today"):
        sensitivity.analyze(whole, "y", arm="tomorrow")


def test_one_replicate_cannot_tell_the_seed_from_the_parameters() -> None:
    results = worked(design(cube(2), n=16), lambda x, _: x[:, 0])
    with pytest.raises(ScenarioError, match="replicates: 2"):
        sensitivity.seed_share(results, "y")


def test_a_sample_without_a_smaller_one_inside_has_no_convergence() -> None:
    results = worked(design(cube(2), "fast", 129), lambda x, _: x[:, 0])
    with pytest.raises(ScenarioError, match="no smaller sample"):
        sensitivity.converge(results, "y")


@pytest.mark.parametrize(("name", "value"), [("resamples", 1), ("level", 1.0), ("level", 0.0)])
def test_an_interval_that_cannot_be_is_refused(whole: Worked, name: str, value: float) -> None:
    with pytest.raises(ScenarioError, match=name):
        sensitivity.analyze(whole, "y", **{name: value})
