"""How a study lives: arms, draws of what is not known, replicates, and every run kept.

Knows scenarios, parameter ranges and a store of runs; must not know any question.

The same replicate is the same people in every arm and draw. Runs are lived draw by draw over all
arms, so that a study that is stopped has whole draws to answer from, and says how many.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.measurement import measured
from experiments.spread import spread
from sim.errors import DiskError, PayshiftError, RunError, StoreError
from sim.parameters import Parameter
from sim.record import code_version
from sim.runner import seed_of
from sim.scenario import Scenario, library_root, load

__all__ = ["REAL", "SMALL", "Arm", "Lived", "Plan", "Size", "live"]

Float64 = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]
Text = Mapping[str, str]


@dataclass(frozen=True)
class Size:
    """How large a study is lived: region, people, months, draws and replicates."""

    region: str
    people: int
    warm_up: int
    baseline: int
    reform: int
    draws: int
    replicates: int = 1


SMALL = Size("tiny", 300, 0, 12, 12, draws=3)
"""For tests: shows that a study can be lived, not what it finds."""
REAL = Size("china-county", 5_000, 0, 12, 24, draws=40)


@dataclass(frozen=True)
class Arm:
    """One payment, named; a level of a lever where a study moves one.

    Attributes
    ----------
    id : str
    title : mapping of 'en', 'zh' to str
    payment : str
        A payment of the library; empty for the region's own of today.
    settings : tuple of (path, value)
        What else differs.
    level : float
        Where the arm stands on the lever of the study, NaN where there is none.
    """

    id: str
    title: Text
    payment: str = ""
    settings: tuple[tuple[str, Any], ...] = ()
    level: float = math.nan

    def scenario(self, size: Size) -> Scenario:
        """Give the arm's scenario at a size."""
        return _scenario(size, self.payment, json.dumps(self.settings))


@lru_cache(maxsize=64)
def _scenario(size: Size, payment: str, settings: str) -> Scenario:
    found = (
        load(size.region)
        .with_population(size.people)
        .with_horizon(warm_up=size.warm_up, baseline=size.baseline, reform=size.reform)
    )
    if payment:
        found = found.with_payment(payment)
    pairs = [(path, value) for path, value in json.loads(settings)]
    return found.set_all(pairs) if pairs else found


@dataclass(frozen=True)
class Plan:
    """Everything a study lives.

    Attributes
    ----------
    arms : tuple of Arm
    uncertainties : tuple of str
        Parameters that are drawn over their ranges, a Latin hypercube.
    outcomes : tuple of str
        ``outcome`` or ``outcome@group``.
    size : Size
    seed : int
    """

    arms: tuple[Arm, ...]
    uncertainties: tuple[str, ...]
    outcomes: tuple[str, ...]
    size: Size
    seed: int = 20260101

    def parameters(self) -> dict[str, Parameter]:
        """Give the rows of the registry that are drawn."""
        known = self.arms[0].scenario(self.size).region().parameters
        return {name: known[name] for name in self.uncertainties}

    def points(self) -> pd.DataFrame:
        """Draw the parameters: one row per draw, in the parameters' own units."""
        from scipy.stats import qmc

        cube = qmc.LatinHypercube(len(self.uncertainties), rng=self.seed).random(self.size.draws)
        return pd.DataFrame(
            {
                name: _quantiles(row, cube[:, column])
                for column, (name, row) in enumerate(self.parameters().items())
            }
        )


def _quantiles(row: Parameter, u: Float64) -> Float64:
    """Turn shares of probability into values of a parameter's distribution."""
    if row.distribution == "loguniform":
        return np.asarray(row.low * (row.high / row.low) ** u)
    if row.distribution == "triangular":
        from scipy.stats import triang

        peak = (row.default - row.low) / (row.high - row.low)
        return np.asarray(triang.ppf(u, peak, row.low, row.high - row.low))
    return np.asarray(row.low + u * (row.high - row.low))


@dataclass(frozen=True)
class _Job:
    """One run, all a worker process needs."""

    arm: Arm
    size: Size
    parameters: tuple[tuple[str, float], ...]
    seed: int
    outcomes: tuple[str, ...]
    key: str = field(compare=False)


def _act(job: _Job) -> tuple[str, dict[str, float] | str]:
    """Do one run; a failure comes back as its reason, so that the others go on."""
    try:
        scenario = job.arm.scenario(job.size).with_parameters(dict(job.parameters))
        return job.key, measured(scenario, job.seed, job.outcomes, gaps=True)
    except PayshiftError as error:
        return job.key, error.message


class _Store:
    """Runs by key in SQLite, one writer; in memory without a path."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        with self._on_disk():
            self._file = sqlite3.connect(":memory:" if path is None else path)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS runs (key TEXT PRIMARY KEY, outcomes TEXT, "
                "reason TEXT, sha256 TEXT) WITHOUT ROWID"
            )

    @contextlib.contextmanager
    def _on_disk(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as reason:
            where = str(self.path or "memory")
            raise DiskError(f"the runs cannot be kept ({reason})", where=where) from None
        except sqlite3.DatabaseError as reason:
            raise StoreError(
                f"not a store of runs ({reason})",
                where=str(self.path),
                remedy="Name another folder, or remove the file.",
            ) from None

    def get(self, key: str) -> dict[str, float] | str | None:
        with self._on_disk():
            row = self._file.execute(
                "SELECT outcomes, reason, sha256 FROM runs WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        text, reason, digest = row
        if hashlib.sha256((text + reason).encode()).hexdigest() != digest:
            raise StoreError(
                "a run of the store is damaged",
                where=str(self.path),
                value=key,
                remedy="Remove the file; its runs will be made again.",
            )
        if reason:
            return str(reason)
        return {name: float.fromhex(value) for name, value in json.loads(text).items()}

    def put(self, key: str, found: dict[str, float] | str) -> None:
        is_failed = isinstance(found, str)
        text = "{}" if isinstance(found, str) else _exact(found)
        reason = str(found) if is_failed else ""
        digest = hashlib.sha256((text + reason).encode()).hexdigest()
        with self._on_disk(), self._file:
            self._file.execute(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)", (key, text, reason, digest)
            )

    def close(self) -> None:
        self._file.close()


def _exact(values: Mapping[str, float]) -> str:
    return json.dumps({name: float(value).hex() for name, value in values.items()}, sort_keys=True)


@dataclass(frozen=True)
class Lived:
    """What a plan gave, whole draws only.

    Attributes
    ----------
    plan : Plan
    points : DataFrame
        The draws that are whole, one row each; index is the number of the draw.
    values : mapping of outcome to float64, shape (arms, draws, replicates)
        Without outcomes that no run had a case of.
    n_planned : int
        Draws of the plan.
    failures : tuple of str
        Reasons of runs that failed, with arm and draw.
    """

    plan: Plan
    points: pd.DataFrame
    values: Mapping[str, Float64]
    n_planned: int
    failures: tuple[str, ...] = ()

    @property
    def n_draws(self) -> int:
        """Count the whole draws."""
        return len(self.points)

    @property
    def n_runs(self) -> int:
        """Count the runs of whole draws."""
        return self.n_draws * len(self.plan.arms) * self.plan.size.replicates

    @property
    def arms(self) -> list[str]:
        """Give the arms' ids in order."""
        return [arm.id for arm in self.plan.arms]

    def mean(self, outcome: str) -> Float64:
        """Give one number per arm and draw, replicates averaged: shape (arms, draws)."""
        return np.asarray(self.values[outcome].mean(axis=2))

    def means(self) -> dict[str, Float64]:
        """Give every outcome's :meth:`mean`."""
        return {name: self.mean(name) for name in self.values}

    def frame(self) -> pd.DataFrame:
        """Give every run as a row: arm, draw, replicate, parameters, outcomes."""
        n_arms, n_draws, n_reps = len(self.plan.arms), self.n_draws, self.plan.size.replicates
        index = pd.MultiIndex.from_product(
            [self.arms, list(self.points.index), range(n_reps)], names=["arm", "draw", "replicate"]
        )
        columns: dict[str, Any] = {
            name: np.tile(np.repeat(self.points[name].to_numpy(), n_reps), n_arms)
            for name in self.points
        }
        columns |= {name: table.reshape(-1) for name, table in self.values.items()}
        assert len(index) == n_arms * n_draws * n_reps
        return pd.DataFrame(columns, index=index).reset_index()


def live(
    plan: Plan,
    store: Path | None = None,
    *,
    workers: int = 1,
    minutes: float | None = None,
    progress: Progress | None = None,
) -> Lived:
    """Live a plan, or as much of it as the time allows, and give its whole draws.

    Parameters
    ----------
    plan : Plan
    store : Path, optional
        A file that keeps every run, for other studies and for going on later; in memory by default.
    workers : int
        Processes.
    minutes : float, optional
        After so long no new run is begun.
    progress : function of (done, total), optional

    Raises
    ------
    RunError
        If no draw was lived whole.
    StoreError, DiskError
        If the store is damaged or cannot be written.
    """
    kept = _Store(store)
    try:
        return _lived(plan, kept, workers, minutes, progress)
    finally:
        kept.close()


def _jobs(plan: Plan) -> list[_Job]:
    """List every run, draw by draw."""
    points = plan.points()
    code = code_version(library_root())
    shas = [arm.scenario(plan.size).sha256() for arm in plan.arms]
    jobs = []
    for draw in range(len(points)):
        parameters = tuple((name, float(points[name].iloc[draw])) for name in points)
        for replicate in range(plan.size.replicates):
            seed = seed_of(plan.seed, replicate)
            for arm, sha in zip(plan.arms, shas, strict=True):
                content = [sha, _exact(dict(parameters)), seed, sorted(plan.outcomes), code]
                key = hashlib.sha256(json.dumps(content).encode()).hexdigest()
                jobs.append(_Job(arm, plan.size, parameters, seed, plan.outcomes, key))
    return jobs


def _lived(
    plan: Plan,
    kept: _Store,
    workers: int,
    minutes: float | None,
    progress: Progress | None,
) -> Lived:
    jobs = _jobs(plan)
    found = {job.key: kept.get(job.key) for job in jobs}
    missing = [job for job in jobs if found[job.key] is None]
    done = len(jobs) - len(missing)
    stop = math.inf if minutes is None else time.monotonic() + 60.0 * minutes
    for key, given in spread(_act, missing, workers):
        kept.put(key, given)
        found[key] = given
        done += 1
        if progress is not None:
            progress(done, len(jobs))
        if time.monotonic() > stop:
            break  # what is still waiting is not begun
    return _whole(plan, jobs, found)


def _whole(
    plan: Plan, jobs: Sequence[_Job], found: Mapping[str, dict[str, float] | str | None]
) -> Lived:
    """Keep the draws in which every arm and replicate was measured."""
    size = plan.size
    n_arms, n_reps = len(plan.arms), size.replicates
    tables = {name: np.full((n_arms, size.draws, n_reps), math.nan) for name in plan.outcomes}
    failures: dict[str, None] = {}
    for number, job in enumerate(jobs):
        draw, rest = divmod(number, n_arms * n_reps)
        replicate, arm = divmod(rest, n_arms)
        given = found[job.key]
        if isinstance(given, str):
            failures[f"{job.arm.id}, draw {draw}: {given}"] = None
        elif given is not None:
            for name in plan.outcomes:
                tables[name][arm, draw, replicate] = given[name]
    # what no run has a case of is no part of this region and study
    tables = {name: table for name, table in tables.items() if np.isfinite(table).any()}
    gaps = [np.isfinite(table).all(axis=(0, 2)) for table in tables.values()]
    is_whole = np.all(gaps, axis=0) if gaps else np.zeros(size.draws, dtype=bool)
    if not is_whole.any():
        raise RunError(
            "no draw of the study was lived whole",
            where="study",
            value=next(iter(failures), "nothing was run"),
            remedy="Give it more time, or see the reason.",
        )
    return Lived(
        plan=plan,
        points=plan.points()[is_whole],
        values={name: table[:, is_whole] for name, table in tables.items()},
        n_planned=size.draws,
        failures=tuple(failures),
    )
