"""Lessons: every file is good, runs, and says only what its run shows."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dashboards.figures import words
from dashboards.lesson_words import claim_of, guess_of, scale_words
from experiments.lessons import (
    Goal,
    Lesson,
    direction,
    find,
    goal_met,
    lesson_ids,
    read,
    validate,
)
from sim.outcomes import OUTCOMES
from sim.record import Comparison
from sim.scenario import library_root

FOLDER = library_root() / "lessons"
IDS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
SHORT = "warm_up: 12, baseline: 12, reform: 24"


@cache
def lesson(name: str) -> Lesson:
    return read(FOLDER / f"{name}.yaml")


@cache
def lived(name: str) -> Comparison:
    """A lesson lived by so few people that only its form can be judged."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert SHORT in text
    return lesson(name).run(people=300, replicates=2, workers=1)


def test_the_library_teaches_the_six_ways_of_paying_in_order() -> None:
    assert lesson_ids()[:6] == (
        "fee-for-service",
        "capitation",
        "drg",
        "value-based",
        "global-budget",
        "points-pool",
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", IDS)
def test_every_lesson_of_the_library_is_without_a_mistake(name: str) -> None:
    assert [error.message for error in validate(FOLDER / f"{name}.yaml")] == []
    form = lesson(name).form
    assert form.predict.low < 0.0 < form.predict.high
    standing = lesson(name).standing()
    for lever in form.break_it.levers:
        assert lever.low <= standing[lever.path] <= lever.high, lever.path
    # A contract that needs no mending is no exercise.
    assert form.break_it.goals


@pytest.mark.slow
@pytest.mark.parametrize("name", IDS)
def test_a_lesson_claims_nothing_that_holds_without_its_run(name: str) -> None:
    for reading in lesson(name).form.explain:
        for lang in ("en", "zh"):
            branches = getattr(reading, lang)
            for text in (branches.higher, branches.lower, branches.unclear):
                bare = re.sub(r"\{[a-z]+\}", "", text)
                bare = re.sub(r"per 1?,?[01]+|30 days|30日", "", bare)
                # Every number of a sentence about results comes from results.
                assert not re.search(r"\d", bare), bare


@pytest.mark.slow
@pytest.mark.parametrize("name", IDS)
def test_every_lesson_runs_and_every_sentence_is_filled_by_its_run(name: str) -> None:
    one, record = lesson(name), lived(name)
    assert len(record.arms) == len(one.form.arms)
    for reading in one.form.explain:
        row = one.rows(record, reading.outcome)[reading.arm]
        assert math.isfinite(row["difference"])
        for lang in ("en", "zh"):
            claim = claim_of(reading, row, lang, "CNY")
            assert claim.direction == direction(row)
            assert not re.search(r"[{}]|nan|None", claim.text), claim.text
    predicted = one.rows(record, one.form.predict.outcome)[one.form.predict.arm]
    assert math.isfinite(guess_of(one.form.predict, 0.0, predicted).value)
    for goal in one.form.break_it.goals:
        assert goal_met(goal, one.rows(record, goal.outcome).get(one.form.break_it.arm))
    if one.form.course is not None:
        course = one.by_month(record)
        assert set(course["arm"]) == set(one.form.course.arms)
        assert sorted(course["month"].unique()) == list(range(1, 13))


@pytest.mark.slow
def test_an_attempt_to_break_a_lesson_changes_what_its_levers_change() -> None:
    one = lesson("capitation")
    path = "payment.0.contract.capitation.share_elsewhere"
    record = one.attempt(one.levers({path: 0.5}), people=300, replicates=2, workers=1)
    row = one.attempt_rows(record, "referrals_up")
    assert row is not None
    before = one.rows(lived("capitation"), "referrals_up")["shared"]
    assert row["baseline_mean"] == before["baseline_mean"]
    # Half of what members spend elsewhere instead of a tenth: a referral costs the practice more.
    assert row["arm_mean"] < before["arm_mean"]


def row(**values: float) -> dict[str, Any]:
    first = {"arm": "a", "outcome": "upcoded_share", "group": "all", "relative": math.nan}
    numbers = {"baseline_mean": 0.1, "arm_mean": 0.3, "difference": 0.2, "low": 0.1, "high": 0.3}
    return {**first, **numbers, **values}


def test_the_interval_chooses_the_sentence_and_the_numbers_are_the_results() -> None:
    reading = next(r for r in lesson("drg").form.explain if r.outcome == "length_of_stay_hospital")
    days = {"outcome": "length_of_stay_hospital", "baseline_mean": 9.47, "arm_mean": 8.5}
    clear = row(**days, difference=-0.97, low=-1.1, high=-0.84)
    claim = claim_of(reading, clear, "en", "CNY")
    assert claim.text.startswith(
        "The mean stay fell from 9.47 days to 8.50 days: about 0.97 days (0.84 to 1.1 days) "
        "shorter."
    )
    faint = row(**days, difference=-0.97, low=-2.1, high=0.2)
    assert claim_of(reading, faint, "en", "CNY").text == (
        "The mean stay shows no clear change (−2.1 to +0.20 days)."
    )
    assert claim_of(reading, faint, "zh", "CNY").text.startswith("平均住院日没有明确变化")


@pytest.mark.parametrize(
    ("wanted", "low", "high", "verdict"),
    [
        ("higher", 0.1, 0.2, "met"),
        ("higher", -0.1, 0.2, "unclear"),
        ("higher", -0.2, -0.1, "missed"),
        ("no_higher", -0.1, 0.2, "met"),
        ("no_higher", 0.1, 0.2, "missed"),
        ("no_lower", -0.2, -0.1, "missed"),
        ("lower", -0.2, -0.1, "met"),
    ],
)
def test_a_goal_is_judged_by_the_interval(
    wanted: Any, low: float, high: float, verdict: str
) -> None:
    goal = Goal(outcome="wait", wanted=wanted)
    assert goal_met(goal, row(low=low, high=high)) == verdict
    assert goal_met(goal, None) == "unclear"


def test_a_prediction_and_its_outcome_stand_on_one_scale() -> None:
    predict = lesson("global-budget").form.predict
    result = row(baseline_mean=2000.0, arm_mean=1800.0, difference=-200.0, low=-240.0, high=-160.0)
    found = guess_of(predict, -9.0, result)
    assert (found.value, found.low, found.high) == (-10.0, -12.0, -8.0)
    assert found.is_inside
    assert found.has_sign
    assert not guess_of(predict, 5.0, result).has_sign
    assert scale_words(-10.0, predict, "en", "CNY") == f"{words.MINUS}10%"


def test_levers_from_a_stranger_are_brought_to_their_range_or_left_out() -> None:
    one = lesson("drg")
    given = {"audit.sample": 99.0, "audit.fine": float("nan"), "audit.detection": True, "seed": 1}
    assert one.levers(given) == {"audit.sample": 0.5}
    assert one.levers({"audit.sample": 0.1234}) == {"audit.sample": pytest.approx(0.12)}


def _broken(tmp_path: Path, old: str, new: str) -> list[str]:
    text = (FOLDER / "drg.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return [error.message for error in validate(path)]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("order: 3", "ordre: 3", r"mine\.yaml:3:1: ordre"),
        ("outcome: upcoded_share", "outcome: upcoded", r"mine\.yaml:\d+:\d+: explain\.1\.outcome"),
        ("scenario: china-county-drg,", "scenario: china-county-dgr,", r"arms\.1\.scenario"),
        ("arm: case", "arm: cases", r"predict\.arm"),
        ("path: audit.sample", "path: audit.smaple", r"break_it\.levers\.0"),
        ("high: 0.5, step: 0.01", "high: 5.0, step: 0.01", r"break_it\.levers\.0"),
        ("{after}: {by} shorter", "{value}: {by} shorter", r"explain\.0\.en\.lower"),
        ("fell by {by}, to {after}.", "fell.", r"explain\.1\.en\.lower"),
        ("page: incentives", "page: incentive", r"links\.0\.page"),
        ("low: -5", "low: 5", r"predict\.high"),
        ("kind: lesson", "kind: lessons", r"mine\.yaml:2:"),
        ("people: 2000", "people: 2", r"setup\.people"),
    ],
)
def test_a_mistake_in_a_lesson_is_told_with_its_place(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    messages = _broken(tmp_path, old, new)
    assert messages
    assert re.search(told, messages[0]), messages[0]


@pytest.mark.parametrize("name", [None, 3, "", "../drg", "x" * 500, "nothing", ["drg"]])
def test_what_is_no_lesson_is_not_found(name: object) -> None:
    assert find(name) is None


@pytest.mark.slow
def test_outcomes_of_lessons_are_in_the_registry() -> None:
    for name in IDS:
        assert {r.outcome for r in lesson(name).form.explain} <= set(OUTCOMES)
