"""Design files are read whole: every mistake with its place, and the library's designs are good."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.sweep.executors import Tally
from experiments.sweep.files import design_ids, read_sweep
from sim.cli import main
from sim.errors import ScenarioError

GOOD = """\
schema: 1
kind: sweep
title: {en: A, zh: 甲}
arms: [tiny-fee-for-service, {scenario: tiny-capitation, name: heads}]
set: {population: 200, horizon: {warm_up: 6, baseline: 6, reform: 6}}
factors:
  - altruism_scale
  - {name: audit.sample, low: 0.0, high: 0.2}
  - {name: payment, categories: [fee-for-service, drg]}
sampler: {name: latin_hypercube, n: 6}
replicates: 2
outcomes: [spending_per_person, "qaly@income:1"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "d.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_factor_takes_range_unit_and_labels_from_the_registry(tmp_path: Path) -> None:
    design = read_sweep(written(tmp_path, GOOD)).design
    scale, audit, payment = design.factors
    assert (scale.low, scale.high, scale.distribution) == (0.5, 2.0, "loguniform")
    assert scale.label_zh and scale.unit == "ratio"
    assert audit.name == "audit.sample" and payment.categories == ("fee-for-service", "drg")
    assert design.arms == ("tiny-fee-for-service", "heads")


@pytest.mark.parametrize("name", sorted(design_ids()))
def test_every_design_of_the_library_is_good(name: str) -> None:
    sweep = read_sweep(name)
    assert len(sweep.design.points()) > 0


def test_every_mistake_is_told_with_its_line_and_a_suggestion(tmp_path: Path) -> None:
    text = GOOD.replace("altruism_scale", "altruism_scal").replace("qaly@", "qualy@")
    with pytest.raises(ScenarioError) as told:
        read_sweep(written(tmp_path, text))
    messages = [error.message for error in told.value.all]
    assert any("d.yaml:7:5: factors.0" in m and "altruism_scale" in m for m in messages)
    assert any("d.yaml:12:" in m and "unknown outcome" in m and "qaly" in m for m in messages)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("high: 0.2", "high: 2.0", "factors.1"),
        ("replicates: 2", "replicate: 2", "Did you mean replicates"),
        ("latin_hypercube", "latin_hypercub", "unknown sampler"),
        ("tiny-capitation", "tiny-capitatio", "Did you mean tiny-capitation"),
        ("n: 6", "n: 6.5", "sampler.n"),
        ("[fee-for-service, drg]", "[fee-for-service, drgs]", "factors.2"),
    ],
)
def test_a_design_the_scenarios_cannot_take_is_refused(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    with pytest.raises(ScenarioError) as told:
        read_sweep(written(tmp_path, GOOD.replace(old, new)))
    assert what in " ".join(error.message for error in told.value.all)


@pytest.mark.slow
def test_the_command_says_how_many_runs_there_would_be_and_validates_designs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(written(tmp_path, GOOD))
    assert main(["sweep", path, "--dry-run"]) == 0
    assert "24 runs: 2 arms, 6 draws of 3 factors, 2 replicates" in capsys.readouterr().out
    assert main(["validate", path]) == 0
    written(tmp_path, GOOD.replace("drg]", "drgs]"))
    assert main(["validate", path]) == 2
    assert main(["sweep", path, "--shard", "3/2"]) == 2
    assert main(["verify", str(tmp_path / "no.sqlite")]) == 2
    capsys.readouterr()
    assert main(["verify", path]) == 4
    told = capsys.readouterr().err
    assert "not the store of a sweep" in told and "payshift verify" not in told


def test_the_time_left_follows_the_pace_of_late_and_not_the_start() -> None:
    tally = Tally(total=1000)
    tally.count(1, 300.0)  # five minutes went into compiling
    for number in range(1, 300):
        tally.count(1, 300.0 + number)
    assert tally.remaining_seconds == pytest.approx(700.0, rel=0.01)
