"""The lab: twin counties, studies of them, scores against the truth, and what a class is given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from experiments.evidence import teaching
from experiments.evidence.counties import COHORTS, COUNTS, MONTHS, Bank, CountyWorlds, counted
from experiments.evidence.ground_truth import (
    ANALYSES,
    cut_study,
    random_study,
    scores,
    selected_study,
)
from experiments.sweep.executors import sweep
from sim.cli import app, main
from sim.scenario import load


def _made_up(effect: float, trial: float, n: int = 30, noise: float = 0.02) -> Bank:
    """Counties whose charge per stay falls by known logs, in the trial year and after it."""
    luck = np.random.default_rng(2)
    shape = (4, n, 2, MONTHS)
    stays = np.full(shape, 20.0)
    level = luck.normal(9.0, 0.1, (n, 1, 1)) + luck.normal(0.0, noise, (n, 2, MONTHS))
    logs = np.broadcast_to(level, shape).copy()
    month = np.arange(MONTHS)
    for world, start in enumerate(COHORTS.values(), start=1):
        logs[world, :, 0] += np.where(
            month >= start + 12, effect, np.where(month >= start, trial, 0)
        )
    charges = stays * np.exp(logs)
    weight = stays * 1.0
    values = {"stays": stays, "charges": charges, "billed_weight": weight, "true_weight": weight}
    return Bank({name: values.get(name, stays) for name in COUNTS}, tuple(range(n)))


def _by_key(bank: Bank, studies: int = 25) -> dict[tuple[str, str], object]:
    return {(s.analysis, s.design): s for s in scores(bank, studies, 1)}


@pytest.mark.slow
def test_where_nothing_hinders_every_analysis_of_dates_by_lot_is_right() -> None:
    # One effect from the first month of the trial on, no growth, no spill-over, no coding.
    found = _by_key(_made_up(-0.10, -0.10))
    # A single county or series is noisier; the panel estimators dated at the trial are not.
    for name in ("twfe-trial", "group-time", "events-trial", "neighbors", "true-severity"):
        score = found[name, "random"]
        assert score.truth == pytest.approx(-10.0, abs=0.1)
        assert abs(score.bias) < 0.5, name
        assert score.coverage > 0.7
        assert score.power == 1.0


@pytest.mark.slow
def test_a_trial_year_in_the_base_takes_its_effect_away() -> None:
    found = _by_key(_made_up(-0.12, -0.04, noise=0.001))
    # -12 after payment; a base that holds the trial year gives -8.
    assert found["group-time-payment", "random"].bias == pytest.approx(4.0, abs=0.1)
    assert found["group-time", "random"].bias == pytest.approx(0.0, abs=0.1)
    assert found["events-payment", "random"].leads_rejected == 1.0


def test_studies_show_each_county_in_one_world_and_share_of_cohorts_is_kept() -> None:
    bank = _made_up(-0.1, -0.1)
    for draw in (random_study, selected_study):
        study = draw(bank, np.random.default_rng(4))
        assert np.bincount(study.cohort, minlength=4).tolist() == [12, 6, 6, 6]
        early = np.flatnonzero(study.cohort == 1)[0]
        assert (study.seen("charges")[early] == bank.counts["charges"][1, early, 0]).all()
        placebo = draw(bank, np.random.default_rng(4), True)
        assert (placebo.effects() == 0.0).all()
        assert (placebo.cohort == study.cohort).all()


def test_dear_counties_adopt_first_where_selection_rules() -> None:
    bank = _made_up(-0.1, -0.1)
    study = selected_study(bank, np.random.default_rng(4))
    for index, start in enumerate(COHORTS.values(), start=1):
        dear = bank.counts["charges"][0, :, 0, start - 3 : start].sum(axis=1)
        left = (study.cohort == 0) | (study.cohort > index)
        assert dear[study.cohort == index].mean() > dear[left].mean()


def test_the_cut_is_a_rule_of_the_running_variable_alone() -> None:
    cut = cut_study(_made_up(-0.1, -0.1), None)
    assert ((cut.running >= cut.cut).sum(), len(cut.running)) == (15, 30)
    assert cut.effect == pytest.approx(-10.0)


def test_every_analysis_has_words_in_both_languages() -> None:
    assert len({one.id for one in ANALYSES}) == len(ANALYSES)
    for one in ANALYSES:
        assert one.label.zh and one.lesson.zh and one.label.en and one.lesson.en


def test_stays_are_counted_by_month_and_scheme() -> None:
    stays = {
        "month": np.array([0, 0, 3]), "scheme": np.array([0, 1, 0]), "group": np.array([0, 1, 1]),
        "billed_level": np.array([1, 0, 2]), "true_level": np.array([0, 0, 2]),
        "days": np.array([4, 5, 6]), "charge": np.array([10.0, 20.0, 30.0]),
        "readmission": np.array([0, 1, 0]),
    }  # fmt: skip
    weights = np.array([[1.0, 2.0, 3.0], [0.5, 1.5, 2.5]])
    found = counted(stays, weights)
    assert found["charges@resident-scheme"][:4] == [10.0, 0.0, 0.0, 30.0]
    assert found["billed_weight@resident-scheme"][:4] == [2.0, 0.0, 0.0, 2.5]
    assert found["true_weight@resident-scheme"][:4] == [1.0, 0.0, 0.0, 2.5]
    assert found["upcoded@resident-scheme"][:4] == [1.0, 0.0, 0.0, 0.0]
    assert found["readmissions@employee-scheme"][0] == 1.0


@pytest.mark.slow
def test_twins_are_one_county_until_the_trial_run_begins(tmp_path: Path) -> None:
    worlds = CountyWorlds(400, str(tmp_path))
    without, late = (worlds.live(arm, 5) for arm in ("never", "late"))
    for name in without:
        before = [part[name][part["month"] < COHORTS["late"]] for part in (without, late)]
        assert np.array_equal(*before), name
    assert not np.array_equal(without["days"], late["days"])
    # Seeds are counties: they differ in need and prices, inside the ranges of the region.
    first, second = (worlds.scenario("never", seed).parameters for seed in (5, 6))
    assert first["need_scale"] != second["need_scale"]
    low, high = (load("china-county").region().parameters["need_scale"].__getattribute__(x)
                 for x in ("low", "high"))  # fmt: skip
    assert low <= first["need_scale"] <= high


def _made_up_stays(worlds: CountyWorlds, arm: str, seed: int) -> dict[str, np.ndarray]:
    """Stays of a county that no one had to live: ten a month, dearer where not reformed."""
    luck = np.random.default_rng(seed)
    n = 10 * MONTHS
    stays = {
        "person": luck.integers(0, 200, n).astype(np.uint64),
        "month": np.repeat(np.arange(MONTHS), 10),
        "scheme": (np.arange(n) % 5 == 0).astype(np.int8), "group": luck.integers(0, 10, n),
        "billed_level": luck.integers(0, 3, n), "true_level": luck.integers(0, 3, n),
        "days": luck.integers(1, 20, n), "charge": luck.lognormal(9.0, 0.5, n).round(2),
        "readmission": luck.integers(0, 2, n).astype(np.int8),
    }  # fmt: skip
    is_reformed = (stays["month"] >= COHORTS.get(arm, MONTHS)) & (stays["scheme"] == 0)
    return {**stays, "charge": np.where(is_reformed, 0.8, 1.0) * stays["charge"]}


@pytest.mark.slow
def test_a_lab_writes_what_a_class_needs_and_keeps_the_truth_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived: list[str] = []

    def live(worlds: CountyWorlds, arm: str, seed: int) -> dict[str, np.ndarray]:
        lived.append(arm)
        return _made_up_stays(worlds, arm, seed)

    def serially(design: Any, store: Any, worlds: Any, *how: Any, **more: Any) -> None:
        sweep(design, store, worlds, "serial", **more)

    monkeypatch.setattr(CountyWorlds, "live", live)
    monkeypatch.setattr(teaching, "sweep", serially)
    out = tmp_path / "lab"
    small = ["evidence", "lab", "--counties", "12", "--people", "200", "--studies", "2"]
    result = CliRunner().invoke(app, [*small, "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {row["analysis"] for row in found} == {one.id for one in ANALYSES}

    panel, truth = pd.read_csv(out / "panel.csv"), pd.read_csv(out / "truth" / "truth.csv")
    counties, stays = pd.read_csv(out / "counties.csv"), pd.read_parquet(out / "stays.parquet")
    assert len(panel) == len(truth) == 12 * 2 * MONTHS
    assert not {"true_weight", "upcoded"} & set(panel.columns)
    assert "true_level" not in stays.columns
    # The claims add up to the panel.
    keys = ["county", "scheme", "month"]
    summed = stays.groupby(keys)["charge"].sum()
    given = panel.set_index(keys)["charges"]
    assert summed.to_numpy() == pytest.approx(given[given > 0].sort_index().to_numpy(), abs=1e-3)
    # Counties that never adopt, and all before their trial run, are their own twins.
    before = panel.merge(counties[["county", "trial_month"]], on="county")
    same = before["trial_month"].isna() | (before["month"] < before["trial_month"])
    assert (panel["charges"][same] == truth["charges_without"][same]).all()
    assert (panel["charges"][~same] != truth["charges_without"][~same]).any()
    for name in ("README.md", "README.zh.md"):
        assert "evidence lab --counties 12" in (out / name).read_text("utf-8")
    answers = pd.read_csv(out / "truth" / "answers.csv")
    assert len(answers) == len(ANALYSES)

    assert len(lived) == 4 * 12
    # The table in Chinese comes from the worlds already lived.
    again = CliRunner().invoke(app, [*small, "--lang", "zh"])
    assert again.exit_code == 0, again.output
    assert "断点回归" in again.stdout
    assert len(lived) == 4 * 12


def test_too_few_people_are_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bank = _made_up(-0.1, -0.1)
    bank.counts["stays"][0, 0, 0, :3] = 0.0
    monkeypatch.setattr(teaching, "sweep", lambda *given, **more: None)
    monkeypatch.setattr(teaching, "bank_of", lambda results: bank)
    monkeypatch.setattr(teaching.Results, "of", lambda store: None)
    with pytest.raises(Exception, match="quarter without a stay") as caught:
        teaching.taught(tmp_path, teaching.Size(30, 300, 2), 1)
    assert "600" in str(caught.value)


def test_options_of_the_lab_are_refused_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "demand", "--quick"]) == 2
    assert "payshift evidence lab" in capsys.readouterr().err
