"""A study as a file: which store is asked, about which outcomes, by which method.

Knows the form of such a file. Must not know how a store is filled or how a report is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from sim.scenario import Strict, Text, checked, read_tree

__all__ = ["Study", "read_study"]

Name = Annotated[str, Field(min_length=1, max_length=200)]


class SensitivityForm(Strict):
    """What is asked of the results."""

    outcomes: Annotated[list[Name], Field(max_length=50, default_factory=list)]
    method: Name | None = None
    arm: Name | None = None
    minus: Name | None = None
    second_order: bool = False
    resamples: Annotated[int, Field(ge=2, le=10_000)] = 100
    level: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.95
    tolerance: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    months_together: Annotated[int, Field(ge=1, le=60)] = 1


class StudyForm(Strict):
    """A whole file: ``kind: study`` with a block ``sensitivity``."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    kind: Literal["study"]
    title: Text
    description: Text | None = None
    store: Name
    sensitivity: SensitivityForm


@dataclass(frozen=True)
class Study:
    """A question put to the results of a sweep.

    Attributes
    ----------
    store : Path
        The sweep's store.
    title_en, title_zh : str
        The question.
    outcomes : tuple of str
        Ids; all that the sweep kept where it is empty.
    method, arm, minus : str or None
        As in :func:`experiments.sensitivity.analyze`.
    second_order : bool
        Whether pairs are asked.
    resamples : int
        Bootstrap resamples.
    level : float
        Level of the intervals.
    tolerance : float
        Half-width of an interval that is narrow enough.
    months_together : int
        Months averaged in the analysis by month.
    """

    store: Path
    title_en: str = "What decides the outcome?"
    title_zh: str = "什么决定结果？"
    outcomes: tuple[str, ...] = ()
    method: str | None = None
    arm: str | None = None
    minus: str | None = None
    second_order: bool = False
    resamples: int = 100
    level: float = 0.95
    tolerance: float = 0.05
    months_together: int = 1


def read_study(path: Path) -> Study:
    """Read a study's file; the store stands relative to it.

    Raises
    ------
    ScenarioError
        With file, line, column and field of every mistake.
    """
    form = checked(StudyForm, read_tree(path))
    title = form.title
    asked = form.sensitivity
    return Study(
        store=path.parent / form.store,
        title_en=title.en,
        title_zh=title.zh,
        outcomes=tuple(asked.outcomes),
        method=asked.method,
        arm=asked.arm,
        minus=asked.minus,
        second_order=asked.second_order,
        resamples=asked.resamples,
        level=asked.level,
        tolerance=asked.tolerance,
        months_together=asked.months_together,
    )
