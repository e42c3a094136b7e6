"""Executors: the runs of a design, done here, in processes or on a cluster, into one store.

Knows the order of runs, retries and progress; must not know what a model computes or how results
are analyzed. There is one path: the same runs under the same keys, whoever does them.
"""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from experiments.sweep.crew import Crew, cores, packed
from experiments.sweep.design import Design, Limits
from experiments.sweep.store import Plan, Row, Store
from experiments.sweep.worker import Finished, Model, Task, run_once
from sim.errors import ScenarioError

__all__ = [
    "EXECUTORS",
    "Executor",
    "Failure",
    "Processes",
    "Serial",
    "Tally",
    "code_of",
    "store_named",
    "sweep",
]

_FAILURES_KEPT = 100
_COMMIT_SECONDS = 0.5
_PACE_RUNS = 50


@dataclass(frozen=True)
class Failure:
    """A run that gave no outcomes."""

    arm: str
    draw: int
    replicate: int
    key: str
    status: str
    reason: str


@dataclass
class Tally:
    """How far a sweep has come.

    Attributes
    ----------
    total : int
        Runs of the plan, or of this part of it.
    found : int
        Runs that were in the store already.
    done : int
        Runs stored since.
    failed : int
        Runs without outcomes, earlier ones among them.
    newly_failed : int
        Runs stored since without outcomes.
    failures : list of Failure
        The newest of them.
    seconds : float
        Time since the start.
    pace : float
        Seconds between two runs lately; 0 before the second batch.
    """

    total: int = 0
    found: int = 0
    done: int = 0
    failed: int = 0
    newly_failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    pace: float = 0.0

    @property
    def left(self) -> int:
        """Give the number of runs still to be done."""
        return self.total - self.found - self.done

    @property
    def remaining_seconds(self) -> float:
        """Estimate the time to the end from the pace of late; NaN before it is known.

        The time until the first results is left out: it is spent on starting workers.
        """
        return self.pace * self.left if self.pace else float("nan")

    def count(self, n_runs: int, seconds: float) -> None:
        """Count runs that were stored by a time since the start."""
        if self.done:
            newest = (seconds - self.seconds) / n_runs
            weight = max(n_runs / (n_runs + _PACE_RUNS), 1.0 / (self.done + 1.0))
            self.pace = newest if not self.pace else self.pace + weight * (newest - self.pace)
        self.done += n_runs
        self.seconds = seconds


Progress = Callable[[Tally], None]
OnDone = Callable[[Sequence[Finished]], None]


class Executor(Protocol):
    """Something that does runs: it takes tasks as it gets through them and hands results back."""

    def run(self, model: Model, tasks: Iterator[Task], on_done: OnDone) -> None:
        """Do every task; `on_done` is told of each exactly once, in any order."""
        ...


class Serial:
    """One run after the other in this process; nothing can stop a run that hangs."""

    def run(self, model: Model, tasks: Iterator[Task], on_done: OnDone) -> None:
        """Do every task; results are handed over twice a second."""
        ready: list[Finished] = []
        since = time.monotonic()
        try:
            for task in tasks:
                ready.append(run_once(model, task))
                if time.monotonic() - since >= _COMMIT_SECONDS:
                    on_done(ready)
                    ready, since = [], time.monotonic()
        finally:
            if ready:
                on_done(ready)


class Processes:
    """Runs spread over processes of this machine, each within its limits of time and memory.

    Parameters
    ----------
    limits : Limits
    workers : int, optional
        All cores if left out.
    """

    def __init__(self, limits: Limits, workers: int | None = None) -> None:
        self._limits = limits
        self._workers = workers or cores()

    def run(self, model: Model, tasks: Iterator[Task], on_done: OnDone) -> None:
        """Do every task; results are handed over a few times a second."""
        with Crew(packed(model), self._limits, self._workers) as crew:
            crew.work(tasks, on_done)


EXECUTORS = ("serial", "process", "dask")


def code_of(model: Model) -> str:
    """Give the version of a model's code: its own word for it, else the hash of its module."""
    stated = getattr(model, "code_version", None)
    if isinstance(stated, str):
        return stated
    where = inspect.unwrap(model) if inspect.isroutine(model) else type(model)
    name = f"{where.__module__}.{where.__qualname__}"
    try:
        source = Path(inspect.getfile(where)).read_bytes()
    except (OSError, TypeError):
        source = b""
    return hashlib.sha256(name.encode() + b"\0" + source).hexdigest()


def store_named(folder: Path, name: str, design: Design, model: Model) -> Path:
    """Name the store of runs that nobody chose a file for: another design or code has another.

    So what was lived is found again, and what other code lived stands in nobody's way.
    """
    of_both = f"{design.sha256()} {code_of(model)}"
    return folder / f"{name}-{hashlib.sha256(of_both.encode()).hexdigest()[:12]}.sqlite"


def _executor(
    name: str | Executor, design: Design, workers: int | None, scheduler: str | None
) -> Executor:
    if not isinstance(name, str):
        return name
    if name == "serial":
        return Serial()
    if name == "process":
        return Processes(design.limits, workers)
    if name == "dask":
        from experiments.sweep.cluster import Dask

        return Dask(design.limits, workers, scheduler)
    raise ScenarioError(
        "unknown executor", where="executor", value=name, allowed=", ".join(EXECUTORS)
    )


def sweep(
    design: Design,
    store: Path | str,
    model: Model,
    executor: str | Executor = "serial",
    workers: int | None = None,
    *,
    scheduler: str | None = None,
    shard: tuple[int, int] = (1, 1),
    resume: bool = False,
    accept_changes: bool = False,
    retry_failed: bool = False,
    shuffle: int | None = None,
    model_json: str = "",
    progress: Progress | None = None,
) -> Tally:
    """Do the runs of a design that are not yet in its store.

    Parameters
    ----------
    design : Design
    store : path
        File of the store; made if it is not there.
    model : callable
        ``model(parameters, arm, seed)`` gives outcomes by name, or `Outcomes`.
    executor : {'serial', 'process', 'dask'} or Executor
    workers : int, optional
        Processes; all cores if left out.
    scheduler : str, optional
        Address of a Dask scheduler; a cluster on this machine if left out.
    shard : (i, n)
        Only the i-th of n parts, counted from 1.
    resume : bool
        Go on with a store that is there.
    accept_changes : bool
        Go on although the design or the code is another.
    retry_failed : bool
        Do runs again that ended without outcomes.
    shuffle : int, optional
        Seed of a random order of execution, instead of the balanced one.
    model_json : str
        What `rerun` rebuilds the model from.
    progress : callable, optional
        Told the tally whenever results were stored.

    Returns
    -------
    Tally

    Raises
    ------
    ScenarioError, StoreError, DiskError
    """
    plan = Plan(design, design.points(), code_of(model), model_json, shard)
    doer = _executor(executor, design, workers, scheduler)
    opened = Store.resume(store, plan, accept_changes) if resume else Store.create(store, plan)
    with opened:
        if retry_failed:
            opened.remove_failed()
        return _fill(opened, plan, model, doer, shuffle, progress)


def _fill(
    store: Store,
    plan: Plan,
    model: Model,
    doer: Executor,
    shuffle: int | None,
    progress: Progress | None,
) -> Tally:
    """Do what is missing and store it as it comes."""
    design = plan.design
    tally = Tally()
    is_missing = np.zeros(len(plan), dtype=np.bool_)
    for index, (key, _, _) in enumerate(plan.runs()):
        status = store.status_of(key)
        tally.found += status != ""
        tally.failed += status not in ("", "ok")
        is_missing[index] = not status
    tally.total = len(plan)
    missing = np.flatnonzero(is_missing)
    if shuffle is not None:
        missing = np.random.default_rng(shuffle).permutation(missing)
    started = time.monotonic()

    def tasks() -> Iterator[Task]:
        for index in missing:
            run = plan.run(int(index))
            yield Task(int(index), plan.parameters(run), design.arms[run.arm], run.seed)

    def on_done(finished: Sequence[Finished]) -> None:
        rows = []
        for one in finished:
            run = plan.run(one.place)
            rows.append(
                Row(
                    plan.key(run),
                    run,
                    one.status,
                    one.tries,
                    one.reason,
                    one.seconds,
                    one.peak_mb,
                    one.summary,
                    one.monthly,
                )
            )
        store.add(rows)
        tally.count(len(rows), time.monotonic() - started)
        for row in rows:
            if row.status != "ok":
                tally.failed += 1
                tally.newly_failed += 1
                tally.failures.append(
                    Failure(
                        design.arms[row.run.arm],
                        row.run.draw,
                        row.run.replicate,
                        row.key,
                        row.status,
                        row.reason,
                    )
                )
                del tally.failures[:-_FAILURES_KEPT]
        if progress is not None:
            progress(tally)

    if progress is not None:
        progress(tally)
    if missing.size:
        doer.run(model, tasks(), on_done)
    tally.seconds = time.monotonic() - started
    return tally
