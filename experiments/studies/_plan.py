"""How a study lives: arms, draws of what is not known, replicates, and every run kept.

Knows scenarios, parameter ranges and a store of runs; must not know any question.

The same replicate is the same people in every arm and draw. Runs are lived draw by draw over all
arms, so that a study that is stopped has whole draws to answer from, and says how many.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.measurement import measured
from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.executors import OnDone, Tally, sweep
from experiments.sweep.results import Results
from experiments.sweep.store import ChangedError, Row
from experiments.sweep.worker import Model, Task, run_once
from sim.errors import RunError, ScenarioError, StoreError
from sim.parameters import Parameter
from sim.record import code_version
from sim.scenario import Scenario, library_root, load

__all__ = ["REAL", "SMALL", "Arm", "Lived", "Plan", "Size", "live", "read"]

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

    def arm_place(self, name: str) -> int:
        """Give the place of an arm in the order of the plan."""
        return [arm.id for arm in self.arms].index(name)

    def design(self) -> Design:
        """Give the sweep that lives the plan: a Latin hypercube, its arms by name."""
        return Design(
            arms=tuple(arm.id for arm in self.arms),
            factors=tuple(Factor.of(row) for row in self.parameters().values()),
            sampler=Sampler("latin_hypercube", self.size.draws, self.seed),
            replicates=self.size.replicates,
            seed=self.seed,
            outcomes=self.outcomes,
            settings={name: str(value) for name, value in asdict(self.size).items()},
            scenario_sha={arm.id: arm.scenario(self.size).sha256() for arm in self.arms},
        )

    def points(self) -> pd.DataFrame:
        """Draw the parameters: one row per draw, in the parameters' own units."""
        return pd.DataFrame(self.design().points(), columns=list(self.uncertainties))


@dataclass(frozen=True)
class _Model:
    """What a sweep calls: drawn parameters, an arm and a seed to outcomes.

    An outcome without a case is left out, so that a gap fails no run; whole draws are picked later.
    """

    plan: Plan
    code_version: str

    def __call__(self, parameters: Mapping[str, Any], arm: str, seed: int) -> dict[str, float]:
        """Live one run."""
        plan = self.plan
        chosen = next(each for each in plan.arms if each.id == arm)
        scenario = chosen.scenario(plan.size).with_parameters(dict(parameters))
        found = measured(scenario, seed, plan.outcomes, gaps=True)
        return {name: value for name, value in found.items() if math.isfinite(value)}


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
            str(name): np.tile(np.repeat(self.points[name].to_numpy(), n_reps), n_arms)
            for name in self.points
        }
        columns |= {name: table.reshape(-1) for name, table in self.values.items()}
        assert len(index) == n_arms * n_draws * n_reps
        return pd.DataFrame(columns, index=index).reset_index()


@dataclass(frozen=True)
class _UntilTime:
    """Runs one after the other until a time on the monotonic clock; nothing is begun after it."""

    stop: float

    def run(self, model: Model, tasks: Iterator[Task], on_done: OnDone) -> None:
        """Do tasks while there is time, each stored at once."""
        for task in tasks:
            if time.monotonic() > self.stop:
                return
            on_done([run_once(model, task)])


def live(
    plan: Plan,
    store: Path | None = None,
    *,
    executor: str = "serial",
    workers: int | None = None,
    minutes: float | None = None,
    progress: Progress | None = None,
) -> Lived:
    """Live a plan, or as much of it as the time allows, and give its whole draws.

    Parameters
    ----------
    plan : Plan
    store : Path, optional
        The sweep's store, for going on later and for other studies of the same plan; one that is
        thrown away by default.
    executor, workers
        As `experiments.sweep.executors.sweep` takes them.
    minutes : float, optional
        After so long no new run is begun; runs are then lived in this process.
    progress : function of (done, total), optional

    Raises
    ------
    RunError
        If no draw was lived whole.
    ScenarioError
        If the store is of another plan or of other code.
    StoreError, DiskError
        If the store is damaged or cannot be written.
    """
    if store is None:
        with tempfile.TemporaryDirectory() as folder:
            return live(
                plan,
                Path(folder) / "study.sqlite",
                executor=executor,
                workers=workers,
                minutes=minutes,
                progress=progress,
            )

    def told(tally: Tally) -> None:
        if progress is not None:
            progress(tally.found + tally.done, tally.total)

    model = _Model(plan, code_version(library_root()))
    until = None if minutes is None else _UntilTime(time.monotonic() + 60.0 * minutes)
    try:
        sweep(
            plan.design(),
            store,
            model,
            executor=until or executor,
            workers=workers,
            resume=store.exists(),
            progress=told,
        )
    except ChangedError as changed:
        # an answer rests on one plan and one code
        raise ScenarioError(
            changed.what,
            where=changed.where,
            remedy="Take another folder with --out, or remove this store.",
        ) from None
    return read(plan, store)


def read(plan: Plan, store: Path) -> Lived:
    """Read what a store has of a plan: the draws in which every arm was measured.

    Raises
    ------
    RunError
        If there is no such draw.
    StoreError
        If the store is damaged or of another plan.
    """
    results = Results.of(store)
    if results.design.sha256() != plan.design().sha256():
        raise StoreError(
            "the store holds the runs of another plan",
            where=str(store),
            remedy="Name another store, or remove this one.",
        )
    frame = results.frame
    size = plan.size
    places = [plan.arm_place(str(arm)) for arm in frame["arm"]]
    at = (places, frame["draw"].to_numpy(), frame["replicate"].to_numpy())
    tables = {}
    for name in plan.outcomes:
        table = np.full((len(plan.arms), size.draws, size.replicates), math.nan)
        table[at] = frame[name].to_numpy(dtype=np.float64)
        # what no run has a case of is no part of this region and study
        if np.isfinite(table).any():
            tables[name] = table
    gaps = [np.isfinite(table).all(axis=(0, 2)) for table in tables.values()]
    is_whole = np.all(gaps, axis=0) if gaps else np.zeros(size.draws, dtype=bool)
    failures = tuple(
        f"{row.run.arm}, draw {row.run.draw}: {row.reason}"
        if isinstance(row, Row)
        else f"damaged: {row}"
        for row in results.rows
        if row is not None and (isinstance(row, str) or row.status != "ok")
    )
    if not is_whole.any():
        raise RunError(
            "no draw of the study was lived whole",
            where=str(store),
            value=failures[0] if failures else "too few runs",
            remedy="Give it more time, or see the reason.",
        )
    return Lived(
        plan=plan,
        points=plan.points()[is_whole],
        values={name: table[:, is_whole] for name, table in tables.items()},
        n_planned=size.draws,
        failures=failures,
    )
