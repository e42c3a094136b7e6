"""Published findings are files of one form; their mistakes are told by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.evidence.findings import (
    FromReform,
    FromStays,
    finding_files,
    findings,
    read_finding,
    world,
)
from sim.errors import ScenarioError

FINDING = """schema: 1
kind: finding
id: mine
title: {en: "A fee and a lump sum", zh: "按服务与按人头"}
use: unseen
setting: {en: "A laboratory.", zh: "实验室。"}
source: {citation: "Somebody, 2030", grade: seen}
targets:
  - id: quantity
    label: {en: "Services", zh: "服务量"}
    published: 4
    band: [3, 5]
    simulated: {laboratory: {experiment: hennig-schmidt-2011, payment: capitation}}
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.slow
def test_every_calibration_target_is_a_finding_in_both_languages() -> None:
    found = findings()
    assert [each.id for each in found] == [f"C{i}" for i in range(1, 21)]
    assert [each.form for each in found] == [
        read_finding(each.id).form
        for each in found  # with their worlds
    ]
    for finding in found:
        for target in finding.targets:
            assert target.form.band[0] <= target.form.band[1]
            assert (target.way is None) == (target.form.missing is not None)
    assert {each.form.use for each in found[8:19]} <= {"unseen", "fit"}


def test_no_finding_has_a_parameter_of_its_own() -> None:
    # One set of parameters serves all studies of a region: a card sets published observables only.
    for finding in findings():
        reform = finding.form.reform
        if reform is None:
            continue
        paths = [*reform.card, *reform.treated.set, *reform.control.set]
        assert not [p for p in paths if p.split(".")[0] in ("parameters", "freeze", "seed")]
        assert all(
            target.way is None or isinstance(target.way, FromReform | FromStays)
            for target in finding.targets
        )


def test_a_finding_of_ones_own_is_read(tmp_path: Path) -> None:
    finding = read_finding(_written(tmp_path, FINDING))
    assert finding.id == "mine"
    assert finding.targets[0].form.published == 4


def test_the_findings_that_docs_give_as_examples_are_read() -> None:
    examples = sorted((Path(__file__).parents[3] / "docs" / "examples").glob("*.yaml"))
    assert examples
    known = {each.id for each in findings()}
    for path in examples:
        assert read_finding(str(path)).id not in known


@pytest.mark.parametrize(
    ("wrong", "right", "line", "told"),
    [
        ("band: [5, 3]", "band: [3, 5]", 12, "lower end comes first"),
        ("simulated: {trial: {measure: a, plan: b}, laboratory: {experiment: c, payment: d}}",
         "simulated: {laboratory: {experiment: hennig-schmidt-2011, payment: capitation}}",
         9, "simulated, in one way"),
        ("simulated: {reform: {outcome: qaly, scale: percent}}",
         "simulated: {laboratory: {experiment: hennig-schmidt-2011, payment: capitation}}",
         13, "replays no reform"),
        ("use: unknown", "use: unseen", 5, "fit"),
        ("grade: seen, author: me}", "grade: seen}", 7, "author"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, wrong: str, right: str, line: int, told: str
) -> None:
    assert right in FINDING
    with pytest.raises(ScenarioError) as caught:
        read_finding(_written(tmp_path, FINDING.replace(right, wrong)))
    assert f"mine.yaml:{line}:" in caught.value.where
    assert told in caught.value.message


def test_a_reform_must_be_of_known_outcomes_months_and_scenarios(tmp_path: Path) -> None:
    reform = """reform:
  estimator: difference-in-differences
  treated: {scenario: tiny-drgs}
  control: {scenario: tiny}
  horizon: {warm_up: 12, baseline: 12, reform: 12}
"""
    way = "simulated: {reform: {outcome: qalys, scale: percent, last_month: 13}}"
    text = FINDING.replace(
        "simulated: {laboratory: {experiment: hennig-schmidt-2011, payment: capitation}}", way
    )
    with pytest.raises(ScenarioError) as caught:
        read_finding(_written(tmp_path, text + reform))
    messages = " ".join(each.message for each in caught.value.all)
    assert "unknown outcome" in messages
    assert "not months of the reform" in messages
    assert "no such scenario" in messages


def test_an_unknown_id_is_told_with_those_there_are() -> None:
    with pytest.raises(ScenarioError, match="c11"):
        read_finding("C99")
    assert "c11" in finding_files()


@pytest.mark.slow
def test_a_finding_says_which_region_answers_it_and_what_models_it_is_about() -> None:
    by_id = {each.id: each for each in findings()}
    assert by_id["C13"].targets[0].region == "china-city"
    assert {t.region for t in by_id["C3"].targets} == {"us-metro", "china-county"}
    assert by_id["C1"].targets[0].region == ""
    for finding in by_id.values():
        reform = finding.form.reform
        if reform is None:
            continue
        # A model that a replayed finding is about is in one of its worlds.
        worlds = [str(world(reform, which, which).resolved()) for which in ("treated", "control")]
        for model in finding.form.models:
            assert any(f"'{model}'" in text for text in worlds), (finding.id, model)


def test_unknown_regions_and_models_are_told_by_line(tmp_path: Path) -> None:
    text = FINDING.replace("use: unseen", "use: unseen\nregion: us-metr\nmodels: [drgs]")
    with pytest.raises(ScenarioError) as caught:
        read_finding(_written(tmp_path, text))
    told = [str(each) for each in caught.value.all]
    assert any("us-metro" in each and "mine.yaml:6" in each for each in told)
    assert any("drg" in each and "mine.yaml:7" in each for each in told)
