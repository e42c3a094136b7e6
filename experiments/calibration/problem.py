"""A calibration problem: what may move, what it is held to, and every run ever made for it.

Knows ranges, targets and a journal of runs; must not know how points are chosen. The model is any
function of (parameters, seed) that gives the moments, so that functions with a known answer go the
same way as the simulator.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sim.errors import DiskError, RunError, StoreError
from sim.record import code_version
from sim.runner import seed_of
from sim.scenario import library_root

__all__ = ["Journal", "Measure", "Problem", "Range", "Search", "Target"]

Float64 = npt.NDArray[np.float64]
Measure = Callable[[Mapping[str, float], int], Mapping[str, float]]


@dataclass(frozen=True)
class Range:
    """A parameter that may move between two ends, evenly on a linear or a log scale."""

    id: str
    low: float
    high: float
    is_log: bool = False
    unit: str = ""
    label_en: str = ""
    label_zh: str = ""

    def value(self, unit: float) -> float:
        """Turn a position between 0 and 1 into a value, exactly the ends at 0 and 1."""
        if unit <= 0.0:
            return self.low
        if unit >= 1.0:
            return self.high
        if self.is_log:
            return float(math.exp(math.log(self.low) + unit * math.log(self.high / self.low)))
        return self.low + unit * (self.high - self.low)

    def position(self, value: float) -> float:
        """Turn a value into its position between 0 and 1."""
        if self.is_log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share))

    def label(self, lang: str) -> str:
        """Give the label in a language, the id where there is none."""
        return (self.label_zh if lang == "zh" else self.label_en) or self.id


@dataclass(frozen=True)
class Target:
    """A published number, and the distance from it that counts as one unit of misfit."""

    name: str
    value: float
    tolerance: float
    source: str = ""


@dataclass(frozen=True)
class Search:
    """How a calibration goes about it.

    Attributes
    ----------
    method : {'tpe', 'least-squares'}
        Optuna's tree-structured Parzen estimator, or scipy's trust-region least squares.
    trials : int
        Points tried by tpe; most evaluations of the model by least-squares.
    seed : int
        Of the search, not of the runs.
    profile_points, profile_steps : int
        Values per parameter at which the others are fitted anew, and most steps of each fit.
    profile_on : {'simulator', 'emulator'}
    emulator_points : int or None
        Runs that an emulator is made from; None makes none.
    least_q2 : float
        Cross-validated share of variance that an emulator must explain, of every target.
    """

    method: Literal["tpe", "least-squares"] = "tpe"
    trials: int = 60
    seed: int = 1
    profile_points: int = 7
    profile_steps: int = 4
    profile_on: Literal["simulator", "emulator"] = "simulator"
    emulator_points: int | None = None
    least_q2: float = 0.8


@dataclass(frozen=True)
class Problem:
    """A calibration in full.

    Attributes
    ----------
    id : str
    title : mapping of 'en', 'zh' to str
    ranges : tuple of Range
    targets : tuple of Target
    start : mapping of parameter id to float
        Where the parameters stand today; the search begins there.
    seed, replicates : int
        Every point is run with the same seeds, so that points differ by their parameters only.
    search : Search
    content : mapping
        What else decides a run, for the journal's keys.
    measure : function of (parameters, seed) to moments by name
    """

    id: str
    title: Mapping[str, str]
    ranges: tuple[Range, ...]
    targets: tuple[Target, ...]
    start: Mapping[str, float]
    seed: int
    replicates: int
    measure: Measure = field(repr=False)
    search: Search = Search()
    content: Mapping[str, str] = field(default_factory=dict)

    def values(self, units: Sequence[float] | Float64) -> dict[str, float]:
        """Turn positions between 0 and 1 into parameters."""
        return {
            each.id: each.value(float(unit)) for each, unit in zip(self.ranges, units, strict=True)
        }

    def positions(self, values: Mapping[str, float]) -> Float64:
        """Turn parameters into positions between 0 and 1, shape (parameters,)."""
        return np.array([each.position(values[each.id]) for each in self.ranges])

    def residuals(self, moments: Float64) -> Float64:
        """Give misfits in tolerances, shape (targets,), of moments (replicates, targets)."""
        aims = np.array([t.value for t in self.targets])
        tolerances = np.array([t.tolerance for t in self.targets])
        return np.asarray((moments.mean(axis=0) - aims) / tolerances)

    def key(self) -> str:
        """Give one hash of all that decides a run, the code of the simulator included."""
        content = {
            "content": dict(self.content),
            "targets": [t.name for t in self.targets],
            "seed": self.seed,
            "replicates": self.replicates,
            "code": code_version(library_root()),
        }
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class Journal:
    """Every run of a calibration, kept in SQLite: a point is lived once, whoever asks.

    Parameters
    ----------
    problem : Problem
    path : Path or None
        The file; None keeps runs in memory only.

    Raises
    ------
    StoreError
        If the file is no journal.
    DiskError
        If it cannot be written.
    """

    def __init__(self, problem: Problem, path: Path | None = None) -> None:
        self.problem = problem
        self.path = path
        self.lived = 0
        self._best: tuple[float, tuple[float, ...]] | None = None
        self._key = problem.key()
        with self._on_disk():
            self._file = sqlite3.connect(":memory:" if path is None else path)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS evaluations (key TEXT PRIMARY KEY, problem TEXT, "
                "parameters TEXT, moments TEXT, sha256 TEXT) WITHOUT ROWID"
            )

    @contextlib.contextmanager
    def _on_disk(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as reason:
            where = str(self.path or "memory")
            if isinstance(reason, sqlite3.OperationalError):
                raise DiskError(f"the journal cannot be used ({reason})", where=where) from None
            raise StoreError(
                f"not a journal of runs ({reason})",
                where=where,
                remedy="Name another folder with --store, or remove the file.",
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def best(self) -> Float64:
        """Give the point of least misfit among those asked for since the journal was opened.

        Runs of earlier calls count only when they are asked for again, so that a calibration
        repeated on a full journal takes the same way.
        """
        if self._best is None:
            raise StoreError("no point was asked for yet", where=str(self.path or "memory"))
        return np.array(self._best[1])

    def moments(self, units: Sequence[float] | Float64) -> Float64:
        """Give the moments at a point, shape (replicates, targets); run it if it is new.

        Parameters
        ----------
        units : sequence of float
            Positions between 0 and 1.

        Raises
        ------
        RunError
            If the model gives a moment that is missing or not finite.
        """
        found = self._moments(units)
        misfit = float((self.problem.residuals(found) ** 2).sum())
        if self._best is None or misfit < self._best[0]:
            self._best = misfit, tuple(float(unit) for unit in units)
        return found

    def _moments(self, units: Sequence[float] | Float64) -> Float64:
        problem = self.problem
        values = problem.values(units)
        exact = json.dumps({name: value.hex() for name, value in values.items()}, sort_keys=True)
        key = hashlib.sha256(f"{self._key}:{exact}".encode()).hexdigest()
        with self._on_disk():
            row = self._file.execute(
                "SELECT moments, sha256 FROM evaluations WHERE key = ?", (key,)
            ).fetchone()
        if row is not None:
            if hashlib.sha256(row[0].encode()).hexdigest() != row[1]:
                raise StoreError(
                    "a row of the journal is damaged",
                    where=str(self.path),
                    value=key,
                    remedy="Remove the file; its runs will be made again.",
                )
            return np.array([[float.fromhex(cell) for cell in line] for line in json.loads(row[0])])
        found = np.empty((problem.replicates, len(problem.targets)))
        for replicate in range(problem.replicates):
            seed = seed_of(problem.seed, replicate)
            given = problem.measure(values, seed)
            for column, target in enumerate(problem.targets):
                cell = given.get(target.name, math.nan)
                if not math.isfinite(cell):
                    raise RunError(
                        f"the model gives no number for {target.name}",
                        where=f"{problem.id}, seed {seed}",
                        value=values,
                    )
                found[replicate, column] = cell
        text = json.dumps([[float(cell).hex() for cell in line] for line in found])
        with self._on_disk(), self._file:
            self._file.execute(
                "INSERT OR IGNORE INTO evaluations VALUES (?, ?, ?, ?, ?)",
                (key, self._key, exact, text, hashlib.sha256(text.encode()).hexdigest()),
            )
        self.lived += 1
        return found

    def residuals(self, units: Sequence[float] | Float64) -> Float64:
        """Give the misfits at a point in tolerances, shape (targets,)."""
        return self.problem.residuals(self.moments(units))

    def misfit(self, units: Sequence[float] | Float64) -> float:
        """Give the sum of squared misfits at a point, in squared tolerances."""
        return float((self.residuals(units) ** 2).sum())

    def all(self) -> tuple[Float64, Float64]:
        """Give every point kept for this problem and its mean moments, in order of their keys.

        Returns
        -------
        positions : float64, shape (points, parameters)
        moments : float64, shape (points, targets)
        """
        with self._on_disk():
            rows: list[tuple[str, str]] = self._file.execute(
                "SELECT parameters, moments FROM evaluations WHERE problem = ? ORDER BY key",
                (self._key,),
            ).fetchall()
        points, means = [], []
        for exact, text in rows:
            values: dict[str, Any] = json.loads(exact)
            if set(values) != {each.id for each in self.problem.ranges}:
                continue  # of an earlier file, with other parameters
            points.append(self.problem.positions({n: float.fromhex(v) for n, v in values.items()}))
            cells = [[float.fromhex(cell) for cell in line] for line in json.loads(text)]
            means.append(np.mean(cells, axis=0))
        n, p = len(self.problem.targets), len(self.problem.ranges)
        return np.array(points).reshape(-1, p), np.array(means).reshape(-1, n)
