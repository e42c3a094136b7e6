"""A study as a file: which store is asked, about which outcomes, by which method.

Knows the form of such a file and what a store has. Must not know how a store is filled or how a
report is drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from experiments.sensitivity.methods import METHODS
from experiments.sweep.store import Store
from sim.errors import PayshiftError, ScenarioError
from sim.scenario import (
    Node,
    Strict,
    Text,
    checked,
    elsewhere,
    field_place,
    raise_all,
    read_tree,
    suggestion,
)

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


def _problems(asked: SensitivityForm, tree: Node, store: Path) -> Iterator[PayshiftError]:
    """Hold what is asked against the methods there are and the store's own arms and outcomes."""

    def missing(known: Collection[str], value: str, what: str, *steps: str | int) -> ScenarioError:
        return ScenarioError(
            what,
            where=field_place(tree, "sensitivity", *steps),
            value=value,
            allowed=", ".join(known),
            remedy=suggestion(value, known),
        )

    if asked.method is not None and asked.method not in METHODS:
        yield missing(METHODS, asked.method, "unknown method", "method")
    try:
        with Store.read(store) as opened:
            design = opened.design
    except ScenarioError as error:
        yield elsewhere(error, f"{field_place(tree, 'store')}: {error.where}")
        return
    for name in ("arm", "minus"):
        arm = getattr(asked, name)
        if arm is not None and arm not in design.arms:
            yield missing(design.arms, arm, "the sweep has no such arm", name)
    for place, outcome in enumerate(asked.outcomes):
        # a design that names no outcomes keeps whatever its model gives
        if design.outcomes and outcome not in design.outcomes:
            what = "the sweep did not keep this outcome"
            yield missing(design.outcomes, outcome, what, "outcomes", place)


def read_study(path: Path) -> Study:
    """Read a study's file and check it in full; the store stands relative to it.

    Raises
    ------
    ScenarioError
        With file, line, column and field of every mistake; what the store does not have is one.
    StoreError
        If the store is damaged.
    """
    tree = read_tree(path)
    form = checked(StudyForm, tree)
    title = form.title
    asked = form.sensitivity
    raise_all(list(_problems(asked, tree, path.parent / form.store)))
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
