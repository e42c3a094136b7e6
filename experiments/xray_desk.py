"""Contracts under the X-ray one after another, the year before them lived only once.

Knows how to keep the eve of a reform and look at many policies from there; must not know pages or
words. A look costs a fraction of a second, so that a contract can be edited and seen to move.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from io import StringIO
from textwrap import dedent
from typing import Any, TypeVar

import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from sim.margins.break_even import Audience, Point, audiences, points
from sim.margins.curves import Curve, coding_curve, day_curve, severity_curve, year_of_margins
from sim.margins.direction import Direction, directions
from sim.margins.view import View, eve_for, eve_of, view_of
from sim.margins.weak_spots import Spot, weak_spots
from sim.scenario import Scenario, plain
from sim.world import World

__all__ = ["Desk", "Look", "contract_text"]

PEOPLE = 1_500
_EVES = 4
_LOOKS = 32
Made = TypeVar("Made")


class Look:
    """What one policy pays at the margin, beside the status quo; parts are worked out when asked.

    Attributes
    ----------
    scenario : Scenario
        As looked at.
    """

    def __init__(self, scenario: Scenario, before: View, after: View) -> None:
        self.scenario = scenario
        self._before = before
        self._after = after
        self._lock = threading.RLock()

    @cached_property
    def year(self) -> pd.DataFrame:
        """Margins by month; see :func:`sim.margins.curves.year_of_margins`."""
        with self._lock:
            return pd.DataFrame(year_of_margins(self._after))

    @cached_property
    def year_today(self) -> pd.DataFrame:
        """The same under the status quo."""
        with self._lock:
            return pd.DataFrame(year_of_margins(self._before))

    @cached_property
    def points(self) -> list[Point]:
        """Where incentives turn."""
        with self._lock:
            return points(self._after)

    @cached_property
    def spots(self) -> list[Spot]:
        """What is paid wrongly, the most money first."""
        with self._lock:
            return weak_spots(self._after)

    @cached_property
    def spots_today(self) -> list[Spot]:
        """What the status quo pays wrongly."""
        with self._lock:
            return weak_spots(self._before)

    @cached_property
    def directions(self) -> list[Direction]:
        """Which way every channel of behavior should move against the status quo."""
        with self._lock:
            return directions(self._before, self._after)

    @cached_property
    def audiences(self) -> list[Audience]:
        """Kinds of providers by payers with the same contract."""
        return audiences(self._after)

    def payers(self, audience: Audience) -> tuple[str, ...]:
        """Ids of an audience's payers."""
        return tuple(self._after.world.region.payers[y] for y in audience.payers)

    def groups(self, audience: Audience) -> list[int]:
        """Clinical groups with stays at these providers, the most frequent first."""
        stays = audience.pick(self._after.ground(self._after.mean).billed).sum(axis=(0, 1, 3))
        return [int(g) for g in (-stays).argsort(kind="stable") if stays[g] > 0.0]

    def day(self, audience: Audience) -> Curve | None:
        """See :func:`sim.margins.curves.day_curve`."""
        with self._lock:
            return day_curve(self._after, audience)

    def fine(self, audience: Audience) -> Curve | None:
        """See :func:`sim.margins.curves.coding_curve`."""
        with self._lock:
            return coding_curve(self._after, audience)

    def severity(self, audience: Audience, group: int) -> Curve | None:
        """See :func:`sim.margins.curves.severity_curve`."""
        with self._lock:
            return severity_curve(self._after, audience, group)


class Desk:
    """Keeps the last few eves and looks; safe for many threads.

    Parameters
    ----------
    people : int
        Most people whose year is lived; fewer is quicker and a little coarser.
    """

    def __init__(self, people: int = PEOPLE) -> None:
        self._people = people
        self._lock = threading.RLock()
        self._eves: OrderedDict[str, tuple[World, View]] = OrderedDict()
        self._looks: OrderedDict[str, Look] = OrderedDict()

    def look(self, scenario: Scenario) -> Look:
        """Put a scenario's policy under the X-ray.

        Raises
        ------
        ScenarioError, PaymentError
            If the policy cannot be carried out.
        """
        if scenario.population > self._people:
            scenario = scenario.with_population(self._people)
        key = f"{scenario.sha256()}:{scenario.seed}"
        with self._lock:
            return _kept(self._looks, key, _LOOKS, lambda: self._looked(scenario))

    def _looked(self, scenario: Scenario) -> Look:
        standing = scenario.status_quo()
        key = f"{standing.sha256()}:{scenario.seed}"

        def lived() -> tuple[World, View]:
            eve = eve_of(standing)
            before: Any = standing.before
            return eve, view_of(eve, before)

        eve, before = _kept(self._eves, key, _EVES, lived)
        after: Any = scenario.after
        return Look(scenario, before, view_of(eve_for(eve, scenario), after))


def _kept(shelf: OrderedDict[str, Made], key: str, most: int, make: Callable[[], Made]) -> Made:
    """Take what is on a shelf or put it there, the oldest making room."""
    if key in shelf:
        shelf.move_to_end(key)
    else:
        shelf[key] = make()
        while len(shelf) > most:
            shelf.popitem(last=False)
    return shelf[key]


def contract_text(scenario: Scenario) -> str:
    """A scenario's payment as YAML, as a reader may edit it.

    Examples
    --------
    >>> from sim.scenario import load
    >>> contract_text(load("tiny-drg")).splitlines()[0]
    '- payer: [resident-scheme, employee-scheme]'
    """
    node = scenario.tree.get("payment")
    assert node is not None
    writer = YAML(typ="rt", pure=True)
    writer.width = 100
    writer.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    writer.dump(_styled(plain(node)), out)
    # The list itself stands at the margin.
    return dedent(out.getvalue()).strip() + "\n"


def _styled(value: Any) -> Any:
    """Ordinary data with short lists of words on one line."""
    if isinstance(value, dict):
        return CommentedMap((key, _styled(entry)) for key, entry in value.items())
    if isinstance(value, list):
        found = CommentedSeq(_styled(entry) for entry in value)
        if all(isinstance(entry, (str, int, float)) for entry in value):
            found.fa.set_flow_style()
        return found
    return value
