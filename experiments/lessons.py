"""Lessons: one file each: a question, a prediction, a run, its reading, an attempt to break it.

Knows the form of a lesson, the scenarios it lives through and which of its sentences a result bears
out; must not know how a page shows it, and holds no result of its own: what a lesson claims is
chosen by the run at hand.

A lesson's file has ``kind: lesson``. Its arms are scenarios of the library, with settings if need
be; the first is the yardstick. Every sentence of its explanation is written three times, for a
higher, a lower and an unclear outcome, with fields that the run fills in.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import pandas as pd
from pydantic import Field

import sim
from sim.errors import PayshiftError, ScenarioError
from sim.outcomes import OUTCOMES
from sim.record import Comparison
from sim.runner import Progress
from sim.scenario import (
    Horizon,
    Node,
    Scenario,
    Strict,
    Text,
    checked,
    library_ids,
    library_root,
    read_tree,
    suggestion,
)

__all__ = [
    "FIELDS",
    "PAGES",
    "Goal",
    "Lesson",
    "Reading",
    "Verdict",
    "direction",
    "find",
    "goal_met",
    "lesson_ids",
    "read",
    "validate",
]

PAGES: Final = ("compare", "incentives", "uncertainty", "evidence", "lessons", "play", "library")
"""Pages a lesson may point to."""
FIELDS: Final = ("before", "after", "by", "interval")
"""What a sentence may ask of a result: both levels, the size of the change, its 95 % interval."""
Direction = Literal["higher", "lower", "unclear"]
Verdict = Literal["met", "missed", "unclear"]

_MOST_LINKS = 12
_YARDSTICK = "yardstick"

Name = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$", max_length=80)]
Sentence = Annotated[str, Field(min_length=1, max_length=1200)]


class Prose(Strict):
    """A longer text in both languages."""

    en: Annotated[str, Field(min_length=1, max_length=6000)]
    zh: Annotated[str, Field(min_length=1, max_length=6000)]


class Arm(Strict):
    """One scenario of a lesson, under a name of the lesson's own."""

    id: Name
    scenario: Name
    name: Annotated[Text | None, Field(description="{en, zh}; the scenario's title")] = None
    set: dict[str, Any] = Field(default_factory=dict, max_length=20, description="{path: value}")


class Setup(Strict):
    """How much is lived through: people, months and seeds."""

    people: Annotated[int, Field(ge=200, le=20_000, description="persons simulated")]
    replicates: Annotated[int, Field(ge=2, le=30, description="seeds")]
    horizon: Annotated[Horizon, Field(description="{warm_up, baseline, reform}, months")]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)]


class Predict(Strict):
    """What is guessed before the run: the change of one outcome in one arm."""

    arm: Name
    outcome: str
    question: Text
    scale: Annotated[
        Literal["percent", "points", "unit"],
        Field(description="percent of the yardstick, percentage points, or the outcome's unit"),
    ]
    low: Annotated[float, Field(ge=-1000.0, le=1000.0)]
    high: Annotated[float, Field(ge=-1000.0, le=1000.0)]
    step: Annotated[float, Field(gt=0.0, le=100.0)]


class Branches(Strict):
    """One sentence in one language, for each thing a run can show."""

    higher: Sentence
    lower: Sentence
    unclear: Sentence


class Reading(Strict):
    """What is said about one outcome of one arm, whichever way it turns out."""

    arm: Name
    outcome: str
    en: Branches
    zh: Branches


class Course(Strict):
    """An outcome shown by calendar month, for what happens within the year."""

    outcome: str
    arms: Annotated[list[Name], Field(min_length=1, max_length=4)]
    title: Text
    note: Text


class Lever(Strict):
    """One number of an arm that a reader may change."""

    path: Annotated[str, Field(min_length=1, max_length=200)]
    label: Text
    unit: Annotated[Literal["percent", "number"], Field(description="how the value is shown")]
    low: float
    high: float
    step: Annotated[float, Field(gt=0.0)]


class Goal(Strict):
    """What a broken contract would have to do, read against the yardstick."""

    outcome: str
    wanted: Annotated[
        Literal["higher", "lower", "no_higher", "no_lower"],
        Field(description="clearly higher or lower, or not clearly so"),
    ]


class BreakIt(Strict):
    """The last exercise: levers to move and goals to reach."""

    arm: Name
    task: Prose
    levers: Annotated[list[Lever], Field(min_length=1, max_length=4)]
    goals: Annotated[list[Goal], Field(min_length=1, max_length=4)]


class Link(Strict):
    """A page of the dashboard with its choices already made."""

    page: Annotated[str, Field(description=", ".join(PAGES))]
    label: Text
    fields: dict[str, str] = Field(default_factory=dict, max_length=20)


class Teacher(Strict):
    """Notes for whoever teaches the lesson."""

    minutes: Annotated[int, Field(ge=5, le=240)]
    notes: Prose
    discuss: Annotated[list[Text], Field(min_length=1, max_length=8)]


class LessonForm(Strict):
    """A lesson's file."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    kind: Literal["lesson"]
    order: Annotated[int, Field(ge=1, le=999, description="place in the list of lessons")] = 999
    title: Text
    idea: Annotated[Text, Field(description="one line for the list")]
    question: Prose
    arms: Annotated[list[Arm], Field(min_length=2, max_length=4)]
    setup: Setup
    predict: Predict
    explain: Annotated[list[Reading], Field(min_length=1, max_length=8)]
    course: Course | None = None
    theory: Annotated[Prose, Field(description="the economics, true whatever the run shows")]
    break_it: BreakIt
    links: list[Link] = Field(default_factory=list, max_length=_MOST_LINKS)
    sources: list[str] = Field(default_factory=list, max_length=20)
    teacher: Teacher


@dataclass(frozen=True)
class Lesson:
    """A lesson, checked in full.

    Attributes
    ----------
    id : str
        File stem.
    form : LessonForm
        What the file says.
    """

    id: str
    form: LessonForm

    @cached_property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The arms as scenarios, the yardstick first, with the lesson's people and months."""
        return tuple(self.scenario(arm) for arm in self.form.arms)

    def scenario(
        self, arm: Arm, people: int | None = None, levers: Mapping[str, float] | None = None
    ) -> Scenario:
        """One arm as a scenario.

        Parameters
        ----------
        arm : Arm
        people : int, optional
            Another number of people than the lesson's.
        levers : mapping of path to value, optional
            Set after the arm's own settings.

        Raises
        ------
        ScenarioError
            If the settings do not fit the scenario.
        """
        setup = self.form.setup
        found = (
            sim.load(arm.scenario)
            .with_population(people or setup.people)
            .with_horizon(**setup.horizon.model_dump())
            .with_seed(setup.seed)
        )
        settings = [*arm.set.items(), *(levers or {}).items()]
        return found.set_all(settings) if settings else found

    def arm(self, name: str) -> Arm:
        """The arm of a name.

        Raises
        ------
        KeyError
            If the lesson has none.
        """
        found = next((arm for arm in self.form.arms if arm.id == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def names(self, lang: str) -> dict[str, str]:
        """Every arm's name in one language."""
        return {
            arm.id: str(getattr(arm.name, lang)) if arm.name else scenario.title[lang]
            for arm, scenario in zip(self.form.arms, self.scenarios, strict=True)
        }

    def levers(self, values: Mapping[str, object]) -> dict[str, float]:
        """Levers as given by a stranger, each brought to its range and step; the rest is left out.

        Parameters
        ----------
        values : mapping of path to anything
        """
        found = {}
        for lever in self.form.break_it.levers:
            value = values.get(lever.path)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                continue
            if not np.isfinite(value):
                continue
            steps = round((float(value) - lever.low) / lever.step)
            found[lever.path] = float(
                np.clip(round(lever.low + steps * lever.step, 9), lever.low, lever.high)
            )
        return found

    def standing(self) -> dict[str, float]:
        """Where the levers stand in the lesson's own contract."""
        tree = self.scenario(self.arm(self.form.break_it.arm)).tree
        return {lever.path: _number_at(tree, lever.path) for lever in self.form.break_it.levers}

    def run(
        self,
        *,
        people: int | None = None,
        replicates: int | None = None,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> Comparison:
        """Live through all arms under the same people and luck."""
        arms = [self.scenario(arm, people) for arm in self.form.arms]
        return self._compare(arms, replicates, workers, progress)

    def attempt(
        self,
        levers: Mapping[str, float],
        *,
        people: int | None = None,
        replicates: int | None = None,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> Comparison:
        """Live through the yardstick and the contract to break, with levers moved."""
        arms = self.attempt_arms(levers, people)
        return self._compare(list(arms), replicates, workers, progress)

    def attempt_arms(
        self, levers: Mapping[str, float], people: int | None = None
    ) -> tuple[Scenario, Scenario]:
        """The yardstick and the contract to break, with levers moved."""
        first = self.scenario(self.form.arms[0], people)
        return first, self.scenario(self.arm(self.form.break_it.arm), people, levers)

    def _compare(
        self,
        arms: Sequence[Scenario],
        replicates: int | None,
        workers: int | None,
        progress: Progress | None,
    ) -> Comparison:
        return sim.compare(
            arms,
            replicates=replicates or self.form.setup.replicates,
            status_quo=False,
            workers=workers,
            progress=progress,
        )

    def rows(self, record: Comparison, outcome: str) -> dict[str, dict[str, Any]]:
        """Differences of an outcome from the yardstick, by the lesson's names of the arms.

        Parameters
        ----------
        record : Comparison
            Of :meth:`run`, or with the same arms in the same order.
        outcome : str

        Returns
        -------
        dict of str to dict
            Rows of :meth:`sim.record.Comparison.differences` for everybody.
        """
        return _rows(record, outcome, [arm.id for arm in self.form.arms])

    def attempt_rows(self, record: Comparison, outcome: str) -> dict[str, Any] | None:
        """The difference that an attempt makes to an outcome; None if it was not measured."""
        names = [self.form.arms[0].id, self.form.break_it.arm]
        return _rows(record, outcome, names).get(self.form.break_it.arm)

    def by_month(self, record: Comparison) -> pd.DataFrame:
        """The course of the year: mean outcome by arm and calendar month of the reform years.

        Returns
        -------
        DataFrame
            Columns ``arm`` (the lesson's names), ``month`` (1 to 12), ``value``; empty where the
            lesson shows no course.
        """
        course = self.form.course
        if course is None:
            return pd.DataFrame({"arm": [], "month": [], "value": []})
        frame = record.table("monthly")
        names = dict(zip(record.arms, [arm.id for arm in self.form.arms], strict=True))
        frame = frame[
            (frame["outcome"] == course.outcome)
            & (frame["group"] == "all")
            & (frame["month"] >= record.months_before)
        ]
        frame = pd.DataFrame(
            {
                "arm": frame["arm"].astype(str).map(names),
                "month": frame["month"] % 12 + 1,
                "value": frame["value"].astype(float),
            }
        )
        frame = frame[frame["arm"].isin(course.arms)]
        return frame.groupby(["arm", "month"], sort=True)["value"].mean().reset_index()

    def commands(self) -> tuple[str, str]:
        """The command lines that check the file and compare its arms."""
        setup = self.form.setup
        plain = " ".join(arm.scenario for arm in self.form.arms)
        months = setup.horizon
        settings = "".join(
            f" --set horizon.{name}={getattr(months, name)}"
            for name in ("warm_up", "baseline", "reform")
        )
        return (
            f"payshift validate scenarios/lessons/{self.id}.yaml",
            f"payshift compare {plain} --no-status-quo --population {setup.people} "
            f"--replicates {setup.replicates} --seed {setup.seed}{settings}",
        )


def _rows(record: Comparison, outcome: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    mine = dict(zip(record.arms, names, strict=True))
    frame = record.differences()
    frame = frame[(frame["outcome"] == outcome) & (frame["group"] == "all")]
    return {
        mine[str(row["arm"])]: {str(k): v for k, v in row.items()}
        for row in frame.to_dict("records")
    }


def direction(row: Mapping[str, Any]) -> Direction:
    """Which way an outcome went, by its paired interval.

    Examples
    --------
    >>> direction({"low": 0.2, "high": 0.4}), direction({"low": -0.1, "high": 0.4})
    ('higher', 'unclear')
    >>> direction({"low": float("nan"), "high": float("nan")})
    'unclear'
    """
    low, high = float(row["low"]), float(row["high"])
    if low > 0.0:
        return "higher"
    return "lower" if high < 0.0 else "unclear"


def goal_met(goal: Goal, row: Mapping[str, Any] | None) -> Verdict:
    """Whether a goal is reached, as far as the run can tell.

    A wish for "higher" is met by an interval above zero and missed by one below; a wish for "no
    higher" is missed only by an interval above zero, and met if the outcome fell or stands still.
    """
    if row is None or not np.isfinite(float(row["difference"])):
        return "unclear"
    found = direction(row)
    if goal.wanted in ("higher", "lower"):
        if found == goal.wanted:
            return "met"
        return "unclear" if found == "unclear" else "missed"
    bad = "higher" if goal.wanted == "no_higher" else "lower"
    return "missed" if found == bad else "met"


# --- files ----------------------------------------------------------------------------------------


def _folder() -> Path:
    return library_root() / "lessons"


def lesson_ids() -> tuple[str, ...]:
    """Ids of the library's lessons, in the order in which they are taught."""
    lessons = [_known(path) for path in sorted(_folder().glob("*.yaml"))]
    return tuple(lesson.id for lesson in sorted(lessons, key=lambda one: (one.form.order, one.id)))


def find(id: object) -> Lesson | None:
    """The lesson of an id that came from anywhere; None where there is none."""
    if not isinstance(id, str) or len(id) > 80:
        return None
    files = {path.stem: path for path in _folder().glob("*.yaml")}
    return _known(files[id]) if id in files else None


def _known(path: Path) -> Lesson:
    """A lesson of the library, read anew only when its file has changed."""
    state = path.stat()
    return _read_once(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=256)
def _read_once(path: Path, size: int, changed: int) -> Lesson:
    del size, changed
    return read(path, with_settings=False)


def read(path: str | Path, *, with_settings: bool = True) -> Lesson:
    """Read a lesson's file.

    Parameters
    ----------
    path : str or Path
    with_settings : bool
        Also put every arm's settings and every end of a lever into its scenario, which takes a
        second or more.

    Raises
    ------
    ScenarioError
        With file, line, column and field of every mistake: unknown keys, arms, outcomes, scenarios
        or paths, settings that do not fit, sentences with unknown fields.
    """
    path = Path(path)
    # How messages call a file of the library: from its root, wherever that is installed.
    name = (
        f"scenarios/lessons/{path.name}"
        if path.resolve().parent == _folder().resolve()
        else str(path)
    )
    tree = read_tree(path, name)
    form = checked(LessonForm, tree)
    lesson = Lesson(path.stem, form)
    problems = [*_name_problems(form, tree), *_text_problems(form, tree)]
    if not problems and with_settings:
        problems = _setting_problems(lesson, tree)
    if problems:
        first, *rest = problems
        first.also = tuple(rest)
        raise first
    return lesson


def validate(path: str | Path) -> list[PayshiftError]:
    """Every error of a lesson's file; an empty list means it is good."""
    try:
        read(path)
    except PayshiftError as error:
        return list(error.all)
    return []


def _at(tree: Node, path: str) -> str:
    """File, line, column and field of a value."""
    node: Node | None = tree
    last = tree
    for step in path.split("."):
        if node is None:
            break
        if isinstance(node.value, tuple):
            node = node.value[int(step)] if int(step) < len(node.value) else None
        else:
            node = node.get(step)
        last = node or last
    return f"{last.place}: {path}"


def _unknown(
    what: str, tree: Node, path: str, value: str, known: Sequence[str], see: str = ""
) -> ScenarioError:
    return ScenarioError(
        f"unknown {what}",
        where=_at(tree, path),
        value=value,
        allowed=see or ", ".join(known),
        remedy=suggestion(value, known),
    )


def _name_problems(form: LessonForm, tree: Node) -> list[PayshiftError]:
    """Names that stand for nothing: arms, scenarios, outcomes, pages; ranges upside down."""
    found: list[PayshiftError] = []
    scenarios, outcomes = library_ids(), tuple(OUTCOMES)
    arms = tuple(arm.id for arm in form.arms)
    for i, arm in enumerate(form.arms):
        if arm.scenario not in scenarios:
            see = "an id from: payshift list scenarios"
            found.append(
                _unknown("scenario", tree, f"arms.{i}.scenario", arm.scenario, scenarios, see)
            )
        if arm.id in arms[:i]:
            found.append(
                ScenarioError("two arms have one name", where=_at(tree, f"arms.{i}.id"), value=arm)
            )
    reforms = arms[1:]
    named = [("predict.arm", form.predict.arm), ("break_it.arm", form.break_it.arm)]
    named += [(f"explain.{i}.arm", one.arm) for i, one in enumerate(form.explain)]
    for path, name in named:
        if name not in reforms:
            found.append(_unknown("arm", tree, path, name, reforms))
    measured = [("predict.outcome", form.predict.outcome)]
    measured += [(f"explain.{i}.outcome", one.outcome) for i, one in enumerate(form.explain)]
    measured += [
        (f"break_it.goals.{i}.outcome", one.outcome) for i, one in enumerate(form.break_it.goals)
    ]
    if form.course is not None:
        measured.append(("course.outcome", form.course.outcome))
        for i, name in enumerate(form.course.arms):
            if name not in arms:
                found.append(_unknown("arm", tree, f"course.arms.{i}", name, arms))
    for path, name in measured:
        if name not in outcomes:
            see = "an id from: payshift list outcomes"
            found.append(_unknown("outcome", tree, path, name, outcomes, see))
    for i, link in enumerate(form.links):
        if link.page not in PAGES:
            found.append(_unknown("page", tree, f"links.{i}.page", link.page, PAGES))
    ranges = [("predict", form.predict.low, form.predict.high)]
    ranges += [
        (f"break_it.levers.{i}", lever.low, lever.high)
        for i, lever in enumerate(form.break_it.levers)
    ]
    for path, low, high in ranges:
        if not low < high:
            found.append(
                ScenarioError(
                    "the range is empty",
                    where=_at(tree, f"{path}.high"),
                    value=high,
                    allowed=f"more than low, which is {low:g}",
                )
            )
    return found


def _text_problems(form: LessonForm, tree: Node) -> list[PayshiftError]:
    """Sentences that ask for a field no result fills in."""
    found: list[PayshiftError] = []
    for i, reading in enumerate(form.explain):
        for lang in ("en", "zh"):
            for branch in ("higher", "lower", "unclear"):
                path = f"explain.{i}.{lang}.{branch}"
                text = getattr(getattr(reading, lang), branch)
                try:
                    asked = [name for _, name, _, _ in string.Formatter().parse(text) if name]
                    bare = [
                        n for _, n, spec, turn in string.Formatter().parse(text) if spec or turn
                    ]
                except ValueError as reason:
                    found.append(
                        ScenarioError(
                            f"not a sentence with fields: {reason}", where=_at(tree, path)
                        )
                    )
                    continue
                for name in asked:
                    if name not in FIELDS or bare:
                        found.append(
                            ScenarioError(
                                "unknown field in a sentence",
                                where=_at(tree, path),
                                value="{" + name + "}",
                                allowed=", ".join("{" + one + "}" for one in FIELDS),
                            )
                        )
                if branch != "unclear" and not set(asked) & {"after", "by"}:
                    found.append(
                        ScenarioError(
                            "a claim about a result needs its number",
                            where=_at(tree, path),
                            value=text,
                            allowed="a sentence with {after} or {by}",
                        )
                    )
    return found


def _setting_problems(lesson: Lesson, tree: Node) -> list[PayshiftError]:
    """Settings and levers that do not fit their scenarios."""
    found: list[PayshiftError] = []

    def tried(path: str, arm: Arm, levers: Mapping[str, float]) -> Scenario | None:
        try:
            return lesson.scenario(arm, levers=levers)
        except PayshiftError as error:
            found.append(
                ScenarioError(
                    error.what,
                    where=_at(tree, path),
                    value=error.value if error.has_value else arm.scenario,
                    allowed=error.allowed,
                    remedy=error.remedy,
                )
            )
            return None

    scenarios = [tried(f"arms.{i}", arm, {}) for i, arm in enumerate(lesson.form.arms)]
    regions = {one.region_id for one in scenarios if one is not None}
    if len(regions) > 1:
        found.append(
            ScenarioError(
                "the arms of a lesson need one region",
                where=_at(tree, "arms"),
                value=", ".join(sorted(regions)),
            )
        )
    if found:
        return found
    broken = lesson.arm(lesson.form.break_it.arm)
    for i, lever in enumerate(lesson.form.break_it.levers):
        for end in (lever.low, lever.high):
            end_scenario = tried(f"break_it.levers.{i}", broken, {lever.path: end})
            if end_scenario is None:
                break
        else:
            try:
                _number_at(lesson.scenario(broken).tree, lever.path)
            except ScenarioError as error:
                error.where = _at(tree, f"break_it.levers.{i}.path")
                found.append(error)
    return found


def _number_at(tree: Node, path: str) -> float:
    """The number at a dotted path of a scenario, its value where it has a unit."""
    node: Node | None = tree
    for step in path.split("."):
        if node is None:
            break
        if isinstance(node.value, tuple):
            place = int(step) if step.isdigit() else len(node.value)
            node = node.value[place] if place < len(node.value) else None
        else:
            node = node.get(step)
    if node is not None and isinstance(node.value, Mapping):
        node = node.get("value")
    value = None if node is None else node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ScenarioError(
            "the lever does not stand at a number in its arm",
            where=path,
            value=value,
            remedy="Give the arm a number there with set.",
        )
    return float(value)
