"""A finding is replayed in twin worlds through the sweep's store, and goes on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.evidence import trial
from experiments.evidence.findings import read_finding
from experiments.evidence.replay import (
    baseline_figures,
    baseline_rows,
    laboratory_rows,
    policy_rows,
)
from experiments.sweep.store import Store
from sim.cli import app, main
from sim.scenario import load

TINY = """schema: 1
kind: finding
id: tiny
title: {en: "Tiny", zh: "微型"}
use: unseen
setting: {en: "Nowhere.", zh: "无。"}
source: {citation: "Made up", grade: recalled}
reform:
  estimator: difference-in-differences
  people: 200
  horizon: {warm_up: 0, baseline: 12, reform: 12}
  control: {scenario: tiny}
  treated: {scenario: %s}
targets:
  - id: visits
    label: {en: "Visits", zh: "门诊"}
    unit: "%%"
    published: 0
    band: [-1, 1]
    simulated: {reform: {outcome: visits_per_person, scale: percent}}
"""


def _written(folder: Path, treated: str) -> Path:
    path = folder / "finding.yaml"
    path.write_text(TINY % treated, encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_reform_that_changes_nothing_has_no_effect_to_the_last_bit(tmp_path: Path) -> None:
    # A placebo twin: both worlds are the status quo, with the same people and luck.
    finding = read_finding(_written(tmp_path, "tiny"))
    (row,) = policy_rows(finding, tmp_path, replicates=2, workers=1)
    assert (row.simulated, row.low, row.high) == (0.0, 0.0, 0.0)
    assert row.light == "hit"
    assert row.command == "payshift evidence policies tiny --replicates 2 --people 200"


@pytest.mark.slow
def test_what_was_lived_is_not_lived_again(tmp_path: Path) -> None:
    finding = read_finding(_written(tmp_path, "tiny-capitation"))
    first = policy_rows(finding, tmp_path, replicates=2, workers=1)
    (path,) = tmp_path.glob("*.sqlite")
    with Store.read(path) as store:
        before = [store.get(key) for key, _, _ in store.plan.runs()]
    assert repr(policy_rows(finding, tmp_path, replicates=2, workers=1)) == repr(first)
    with Store.read(path) as store:
        after = [store.get(key) for key, _, _ in store.plan.runs()]
    assert repr(after) == repr(before)  # seconds and tries of each run included


@pytest.mark.slow
def test_a_dearer_plan_never_raises_contacts_and_free_care_asks_nothing() -> None:
    lived = trial.InsuranceTrial(600)
    found = {plan: lived({}, plan, 5) for plan in trial.PLANS}
    assert found["free"]["visits"] >= found["coins95"]["visits"]
    assert found["free"]["any_use"] >= found["coins95"]["any_use"]
    for measures in found.values():
        assert measures["total"] == pytest.approx(measures["outpatient"] + measures["inpatient"])
        assert 0.0 <= measures["any_admission"] <= 1.0


def test_plans_set_what_patients_pay_in_every_tier() -> None:
    settings = dict(trial.plan_settings(0.95))
    assert settings["benefits.commercial.rate"] == {
        "primary": 0.05, "secondary": 0.05, "tertiary": 0.05,
    }  # fmt: skip
    assert settings["benefits.commercial.annual_deductible"] == 0.0
    assert settings["benefits.commercial.out_of_pocket_maximum"] == trial.CEILING


def test_a_fit_of_demand_starts_at_the_regions_own_point_and_comes_closer() -> None:
    points = trial.first_points(16)
    assert points[0] == trial.default_point()
    known = load("us-metro").region().parameters
    for point in points:
        for name, value in zip(trial.DEMAND, point, strict=True):
            assert known[name].low - 1e-9 <= value <= known[name].high + 1e-9
    # far from a made-up best point in the first turn, near it in a late one
    first = trial.DEMAND.index("price_mix")
    misfits = np.array([abs(point[first] - 0.3) for point in points])
    closer = trial.closer_points(points, misfits, 40, 3)
    spread = [np.std([point[first] for point in some]) for some in (points, closer)]
    assert spread[1] < spread[0]
    assert trial.closer_points(points, misfits, 40, 3) == closer


def test_baselines_and_the_laboratory_are_answered_without_a_run() -> None:
    of = [read_finding(f"c{i}") for i in (1, 3, 4, 5, 6, 7)]
    rows = [*laboratory_rows(of), *baseline_rows(of)]
    assert {row.id for row in rows} == {"C1", "C3", "C4", "C5", "C6", "C7"}
    assert all(row.light != "none" and row.command for row in rows)


def test_the_command_shows_the_record_as_rows_for_machines() -> None:
    result = CliRunner().invoke(app, ["evidence", "--show", "--json"])
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    wanted = {"id", "published", "simulated", "low", "high", "hit", "sign_ok"}
    assert all(wanted <= set(row) for row in rows)
    shown = CliRunner().invoke(app, ["evidence", "--show", "--lang", "zh"])
    assert "命中" in shown.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["policies", "C99"], "there is no such finding"),
        (["demand", "--choices", "x.csv"], "only the laboratory"),
        (["policies", "--fit"], "only demand"),
        (["laboratory", "--choices", "missing.csv"], "No such file"),
        (["--show", "--out", "missing"], "there is no record of evidence"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_message_and_exit_code_2(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", *words]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert told in lines[0]


def test_a_finding_that_cannot_be_replayed_tells_its_reason() -> None:
    result = CliRunner().invoke(app, ["evidence", "policies", "C8"])
    assert result.exit_code == 0
    assert "as a rule" in result.stdout


def test_a_number_of_a_baseline_asked_for_by_name_is_read_from_its_record() -> None:
    result = CliRunner().invoke(app, ["evidence", "policies", "C7", "--json"])
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert row["id"] == "C7"
    assert row["simulated"] == baseline_figures("us-metro")["readmission_65"][0]


def test_a_reason_that_numbers_of_a_finding_share_is_told_once() -> None:
    result = CliRunner().invoke(app, ["evidence", "policies", "C3"])
    assert result.exit_code == 0
    assert result.stdout.count("Too few stays are very dear") == 1
