"""Stores of sweeps in the one folder that a server may read, kept while somebody looks at them.

Knows the folder, its files and their results; must not know pages, figures or methods of analysis.
A store is asked for by its name in the folder's own list: no path comes from outside.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from dashboards.settings import Settings
from experiments.sweep.results import Results
from experiments.sweep.simulation import Simulation
from experiments.sweep.store import Row, Store
from sim.errors import PayshiftError
from sim.record import home
from sim.scenario import Scenario

__all__ = ["Card", "Opened", "Stores"]

MOST_LISTED = 100
_KEPT = 4
_ENDING = ".sqlite"
_MOST_FOUND = 100
Stamp = tuple[int, ...]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Card:
    """A store as the list shows it.

    Attributes
    ----------
    name : file in the folder
    title : by language
    runs : runs of its plan
    done : runs that are there
    """

    name: str
    title: Mapping[str, str]
    runs: int
    done: int


@dataclass(frozen=True)
class Opened:
    """The runs of a store, and what its scenarios say of them.

    Attributes
    ----------
    name : file in the folder
    stamp : changes whenever the file does
    results : its runs
    """

    name: str
    stamp: Stamp
    results: Results

    @cached_property
    def _scenarios(self) -> dict[str, Scenario]:
        """The arms, where the runs are the simulator's."""
        if not self.results.plan.model:
            return {}
        model = Simulation.from_json(self.results.plan.model)
        try:
            return {
                arm: Scenario.from_resolved(about, f"arm {arm}")
                for arm, about in model.arms.items()
            }
        except PayshiftError:
            return {}  # made by another version, whose scenarios are others

    @cached_property
    def titles(self) -> dict[str, dict[str, str]]:
        """Names of the arms by language; the arm's own name where its scenario is not known."""
        known = self._scenarios
        found: dict[str, dict[str, str]] = {}
        for arm in self.results.design.arms:
            title = dict(known[arm].title) if arm in known else {}
            found[arm] = {lang: str(title.get(lang) or arm) for lang in ("en", "zh")}
        return found

    @cached_property
    def months_before(self) -> int:
        """Months before the reform; 0 where that is not known."""
        for scenario in self._scenarios.values():
            return int(scenario.horizon.months - scenario.horizon.reform)
        return 0

    @cached_property
    def currency(self) -> str:
        """ISO code of the money."""
        for scenario in self._scenarios.values():
            return str(scenario.region().currency)
        return "CNY"

    @cached_property
    def states(self) -> dict[str, int]:
        """Runs by status: ``ok``, those of a failed run, ``missing`` and ``damaged``."""
        found = Counter(_state(row)[0] for row in self.results.rows)
        return dict(found.most_common())

    @cached_property
    def unfinished(self) -> pd.DataFrame:
        """Runs without outcomes: arm, draw, replicate, key, status, reason."""
        plan = self.results.plan
        rows = []
        for place, row in enumerate(self.results.rows):
            status, reason = _state(row)
            if status == "ok":
                continue
            run = plan.run(place)
            rows.append(
                {
                    "arm": plan.design.arms[run.arm],
                    "draw": run.draw,
                    "replicate": run.replicate,
                    "key": plan.key(run),
                    "status": status,
                    "reason": reason,
                }
            )
        columns = ["arm", "draw", "replicate", "key", "status", "reason"]
        return pd.DataFrame(rows, columns=columns)


def _state(row: Row | str | None) -> tuple[str, str]:
    if row is None:
        return "missing", ""
    if isinstance(row, str):
        return "damaged", row
    return row.status, row.reason


class Stores:
    """The stores of one server.

    Parameters
    ----------
    settings : names the folder, and how many runs a store may have to be read here
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._cards: dict[tuple[str, Stamp], Card | None] = {}
        self._opened: OrderedDict[tuple[str, Stamp], Opened] = OrderedDict()
        self._found: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        # SALib moves NumPy's global seed and the program's warnings: one analysis at a time.
        self._alone = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where stores are read from, and written to."""
        stated = self._settings.stores
        return Path(stated) if stated else home() / "sweeps"

    def names(self) -> list[str]:
        """Files of stores in the folder, the newest first."""
        try:
            files = [
                (path.stat().st_mtime_ns, path.name)
                for path in self.folder.iterdir()
                if path.suffix == _ENDING and path.is_file() and not path.is_symlink()
            ]
        except OSError:
            return []
        return [name for _, name in sorted(files, reverse=True)[:MOST_LISTED]]

    def cards(self) -> list[Card]:
        """Stores that can be read, the newest first."""
        found = [self._card(name) for name in self.names()]
        return [card for card in found if card is not None]

    def _card(self, name: str) -> Card | None:
        stamp = self._stamp(name)
        with self._lock:
            if (name, stamp) in self._cards:
                return self._cards[name, stamp]
        card: Card | None = None
        try:
            with Store.read(self.folder / name) as store:
                done = sum(store.counts().values())
                card = Card(name, dict(store.design.title), len(store.plan), done)
        except PayshiftError:
            card = None  # no store of ours, or of another version
        with self._lock:
            if len(self._cards) > 10 * MOST_LISTED:
                self._cards.clear()
            self._cards[name, stamp] = card
        return card

    def _stamp(self, name: str) -> Stamp:
        found: list[int] = []
        for path in (self.folder / name, self.folder / f"{name}-wal"):
            try:
                about = path.stat()
            except OSError:
                continue
            found += [about.st_mtime_ns, about.st_size]
        return tuple(found)

    def open(self, name: object) -> Opened | None:
        """The runs of a store by its name in the list; None where there is none of that name.

        Raises
        ------
        PayshiftError
            If it has more runs than this server reads, or is damaged.
        """
        if not isinstance(name, str) or name not in self.names():
            return None
        stamp = self._stamp(name)
        with self._lock:
            kept = self._opened.get((name, stamp))
            if kept is not None:
                self._opened.move_to_end((name, stamp))
                return kept
        with Store.read(self.folder / name) as store:
            self._settings.hold_runs(len(store.plan))
            opened = Opened(name, stamp, Results.of(store))
        with self._lock:
            self._opened[name, stamp] = opened
            while len(self._opened) > _KEPT:
                self._opened.popitem(last=False)
        return opened

    def analysis(self, name: tuple[Any, ...], make: Callable[[], Result]) -> Result:
        """What was found in a store, by all that decides it; asked for twice, it is made once."""

        def kept() -> Any:
            with self._lock:
                if name in self._found:
                    self._found.move_to_end(name)
                return self._found.get(name)

        found = kept()
        if found is None:
            with self._alone:
                found = kept()
                if found is None:
                    found = make()
                    with self._lock:
                        self._found[name] = found
                        while len(self._found) > _MOST_FOUND:
                            self._found.popitem(last=False)
        made: Result = found
        return made

    def design_of(self, name: str) -> str:
        """The design file a page made a store from, as text; empty where there is none."""
        if name not in self.names():
            return ""
        path = self.folder / f"{name.rpartition('-')[0]}.yaml"
        try:
            return path.read_text(encoding="utf-8") if name.startswith("page-") else ""
        except OSError:
            return ""

    def facts(self, opened: Opened) -> dict[str, Any]:
        """What a report says of where its numbers come from."""
        design = opened.results.design
        return {
            "store": opened.name,
            "runs": len(opened.results.plan),
            "sampler": design.sampler.name,
            "design": design.sha256(),
            "code": opened.results.plan.code_version,
        }
