"""Jobs: comparisons lived through in worker processes, one computation for all who ask the same.

Knows plans of runs, sweeps, their records and the limits of the server; must not know pages or
readers.

A comparison is named by the key of its record, and each of its runs by the key of its own: the same
records as the command line's, in the same folder. What is there is not run again, so a server that
was ended in the middle goes on where it stopped. Results arrive replicate by replicate, and the
first of them arm by arm, so that first numbers appear at once; where one run alone would take
longer than a reader waits, a sample of people is lived through before. First numbers go before
everything else and have a worker of their own beside those for whole runs: who asks second need
not wait for theirs until another's comparison is done. While nobody waits for anything, first
numbers are made of what somebody has chosen and may ask for.

Workers give way to the server, which answers and draws while they live through runs; and arms
whose months before the reform another arm has lived already take its world on the eve.

A sweep waits in the same queue. It is lived through in slices of some seconds, run by run into its
store, and stands at the end of the queue between two slices: a comparison asked for meanwhile need
not wait for the whole of it.
"""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dashboards.settings import Settings
from experiments.sweep.executors import OnDone, sweep
from experiments.sweep.files import read_sweep
from experiments.sweep.store import Plan as StorePlan
from experiments.sweep.store import Store
from experiments.sweep.worker import Model, Task, run_once
from sim import runner
from sim.errors import DiskError, PayshiftError, RunError, ScenarioError, StoreError
from sim.eves import Eves
from sim.record import Comparison, Record, home, records_folder
from sim.runner import Plan, RunTask
from sim.scenario import Scenario, load

__all__ = ["Jobs", "Progress", "SweepPlan"]

# A month costs the same whether 500 people live it or 5,000: first numbers come from whole runs
# where a run takes no longer than a reader waits, a second and a half at this many people x months.
AT_ONCE = 20_000 * 60
SAMPLE_PEOPLE = 5_000
SAMPLE_REPLICATES = 2
WARM = "china-county-drg"
_GIVE_WAY = 2
SLICE_SECONDS = 10.0
HOLD_SECONDS = 0.4  # no longer than the reader may want to know that the work was stopped
MORE, DONE = "more", "done"
_TRIES = 3
_KEPT_JOBS = 500
_KEPT_RESULTS = 24
_MOST_FORESEEN = 12
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a comparison is.

    Attributes
    ----------
    state : ``waiting``, ``running``, ``done``, ``failed``, ``stopped`` or ``unknown``
    done, total : runs of the comparison itself
    replicates, of : whole replicates of all arms that are there, and asked for
    stage : changes whenever there is a better result to show: ``""`` (none), ``arms-n`` (the first
        arms of a sample), ``sample-n``, ``part-n`` or ``whole``
    ahead : comparisons waiting before this one
    error : one message, if it failed
    """

    state: str
    done: int = 0
    total: int = 0
    replicates: int = 0
    of: int = 0
    stage: str = ""
    ahead: int = 0
    error: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("done", "failed", "stopped", "unknown")


@dataclass(frozen=True)
class SweepPlan:
    """A sweep to be made.

    Attributes
    ----------
    key : names it; another design or another code has another
    design : file of the design
    store : file of the store
    runs : how many
    """

    key: str
    design: Path
    store: Path
    runs: int


@dataclass
class _Run:
    """One run somebody waits for, or a sweep, and its state."""

    key: str
    task: RunTask | SweepPlan
    state: str = "waiting"
    tries: int = 0
    started: float = 0.0
    stop_file: Path | None = None
    is_first: bool = False  # somebody waits for first numbers by it


@dataclass
class _Wanted:
    """Something asked for: its runs, and who waits for them."""

    key: str
    holders: set[str]
    sample_runs: dict[tuple[str, int], str] = field(default_factory=dict)
    runs: dict[tuple[str, int], str] = field(default_factory=dict)
    state: str = "waiting"
    error: str = ""
    is_prepared: bool = False  # all its runs are known

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of all its runs."""
        return (*self.runs.values(), *self.sample_runs.values())

    @property
    def is_open(self) -> bool:
        """Whether somebody waits for it."""
        return self.state in ("waiting", "running")


@dataclass
class _Job(_Wanted):
    """One comparison and its sample."""

    plan: Plan = field(kw_only=True)
    sample: Plan | None = field(kw_only=True)
    command: str = field(kw_only=True)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class _Sweep(_Wanted):
    """One sweep."""

    plan: SweepPlan = field(kw_only=True)


class _StoppedError(Exception):
    """Nobody waits for the run any more."""


def _start_worker() -> None:
    """Leave Ctrl-C to the server, which ends its workers itself, and give way to it.

    Who waits for a page to be drawn should not wait for runs that nobody looks at yet.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_GIVE_WAY)


_EVES = Eves()  # of a worker process: whoever asks, equal months are lived once


def _live(task: RunTask, stop_file: str) -> str:
    """Live through one run in a worker process and keep its record; give its key."""

    def on_month(month: int) -> None:
        del month
        if os.path.exists(stop_file):
            raise _StoppedError

    record = runner.live_alone(task, on_month, _EVES.simulate)
    record.save()
    return record.key


class _Slice:
    """Runs of a sweep, one after the other, until time is up or nobody waits any more."""

    def __init__(self, stop_file: str) -> None:
        self.stop_file = stop_file

    def run(self, model: Model, tasks: Iterator[Task], on_done: OnDone) -> None:
        """Do tasks, each stored before the next is begun."""
        end = time.monotonic() + SLICE_SECONDS
        for task in tasks:
            on_done([run_once(model, task)])
            if os.path.exists(self.stop_file):
                raise _StoppedError
            if time.monotonic() > end:
                return


def _sweep(plan: SweepPlan, stop_file: str) -> str:
    """Go on with a sweep in a worker process; say whether there is more to do."""
    chosen = read_sweep(plan.design)
    tally = sweep(
        chosen.design,
        plan.store,
        chosen.model,
        _Slice(stop_file),
        resume=plan.store.is_file(),
        model_json=chosen.model.as_json(),
    )
    return MORE if tally.left else DONE


def _warm_up() -> Record:
    """Load rules and the county in a worker, so that the first reader does not wait for them."""
    scenario = load(WARM).with_population(200).with_horizon(warm_up=12, baseline=0, reform=12)
    made = runner.compare([scenario], replicates=2, workers=1)
    # What is loaded now stays until the end: to look through it for garbage costs 70 ms of a run.
    gc.collect()
    gc.freeze()
    return made


class Jobs:
    """The queue of one server.

    Parameters
    ----------
    settings : limits
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)
        self._jobs: OrderedDict[str, _Job | _Sweep] = OrderedDict()
        self._runs: dict[str, _Run] = {}
        self._quick: deque[str] = deque()  # runs of samples
        self._order: deque[str] = deque()
        self._foreseen: deque[str] = deque()  # runs that nobody has asked for yet
        self._unprepared: deque[_Job] = deque()
        self._active: dict[str, Future[str]] = {}
        self._results: OrderedDict[tuple[str, str], Comparison] = OrderedDict()
        self._pool: ProcessPoolExecutor | None = None
        self._waiting = 0  # readers whose question is held until there is news
        self._closed = threading.Event()
        self._folder = Path(tempfile.mkdtemp(prefix="payshift-jobs-"))
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    # --- what pages ask ---------------------------------------------------------------------

    def plan(self, scenarios: Sequence[Scenario], replicates: int) -> Plan:
        """Tell what a comparison would run, or why it will not be run here.

        Raises
        ------
        ScenarioError
            If arms do not fit together, or the work is more than this server takes on.
        """
        limits = self.settings
        if not 1 <= replicates <= limits.most_replicates:
            raise ScenarioError(
                "too many replicates for this server",
                where="replicates",
                value=replicates,
                allowed=f"1 to {limits.most_replicates}",
            )
        plan = runner.comparison_plan(scenarios, replicates=replicates)
        first = next(iter(plan.arms.values()))
        people, months = first.population, first.horizon.months
        if people > limits.most_people:
            raise ScenarioError(
                "too many people for this server",
                where="population",
                value=people,
                allowed=f"at most {limits.most_people:,}",
            )
        work = people * months * replicates * len(plan.arms)
        if work > limits.most_work:
            raise ScenarioError(
                "too much work for this server",
                where="people x months x runs",
                value=work,
                allowed=f"at most {limits.most_work:,}",
                remedy="Ask for fewer people, months, replicates or arms.",
            )
        return plan

    def submit(self, plan: Plan, command: str, holder: str = "") -> str:
        """Ask for a comparison; equal ones share one computation.

        Parameters
        ----------
        plan : from :meth:`plan`
        command : command line that makes the same record
        holder : name of who waits; `cancel` ends the work when the last one has gone

        Returns
        -------
        str
            Key of the comparison.

        Raises
        ------
        RunError
            If the queue is full.
        """
        key = plan.key
        with self._lock:
            if self._joins(key, holder) or (key not in self._jobs and _is_stored(key)):
                return key
            job = _Job(key, {holder}, plan=plan, sample=_sample_of(plan), command=command)
            self._enter(job)
            self._note(job)
            self._forget()
        if job.sample is not None:
            self._ask(job, job.sample, job.sample_runs, self._quick)
        else:
            self._ask(job, job.plan.first(1), job.runs, self._quick)
        with self._lock:
            # The many keys of its whole runs are worked out while first numbers are on their way.
            self._unprepared.append(job)
            self._news.notify_all()
        return key

    def _prepare(self) -> None:
        """Put the whole runs of what was asked for into the queue.

        Not while every worker makes first numbers: it would take the time of a page to be drawn.
        """
        while self._unprepared and not self._is_in_haste():
            job = self._unprepared.popleft()
            told = "a run failed"
            try:
                self._ask(job, job.plan, job.runs, self._order)
                job.is_prepared = True
                told = ""
            except PayshiftError as error:
                told = error.message
            finally:
                # Whatever stands in the way, who asked is told; else they would wait for ever.
                if told:
                    with self._lock:
                        job.state, job.error = "failed", told

    def _is_in_haste(self) -> bool:
        """Whether first numbers keep all workers busy."""
        with self._lock:
            runs = (self._runs.get(key) for key in self._active)
            busy = sum(run is not None and run.is_first for run in runs)
            return busy > self.settings.workers or (busy > 0 and bool(self._quick))

    def foresee(self, plan: Plan) -> None:
        """Live through the first numbers of what somebody may ask for, while there is time.

        Parameters
        ----------
        plan : from :meth:`plan`
        """
        if not self.settings.ahead:
            return
        tasks = {_key_of(task): task for task in (_sample_of(plan) or plan).first(1).tasks}
        with self._lock:
            new = [key for key in tasks if key not in self._runs and not _is_stored(key)]
            for key in new:
                self._runs[key] = _Run(key, tasks[key])
            self._foreseen.extendleft(reversed(new))
            while len(self._foreseen) > _MOST_FORESEEN:
                del self._runs[self._foreseen.pop()]
            self._news.notify_all()

    def _joins(self, key: str, holder: str) -> bool:
        """Let somebody wait for what is asked for already; false if nobody does or it failed."""
        job = self._jobs.get(key)
        if job is None or job.state in ("failed", "stopped"):
            return False
        job.holders.add(holder)
        return True

    def _enter(self, job: _Job | _Sweep) -> None:
        """Put something asked for at the end of the queue, or refuse it."""
        waiting = sum(job.is_open for job in self._jobs.values())
        if waiting >= self.settings.queue:
            raise RunError(
                "the queue is full",
                where="queue",
                value=waiting,
                allowed=f"at most {self.settings.queue}",
                remedy="Wait until a comparison is done.",
            )
        self._jobs[job.key] = job
        self._jobs.move_to_end(job.key)

    def plan_sweep(
        self, text: str, folder: Path, beside: Mapping[str, str] | None = None
    ) -> SweepPlan:
        """Tell what a design would run, or why it will not be run here; keep its file.

        Parameters
        ----------
        text : design file, made by a page
        folder : where its store will be
        beside : texts of the files that it names, by their name in the folder

        Raises
        ------
        ScenarioError
            If the design has a mistake, or the work is more than this server takes on.
        DiskError
            If the folder cannot be written to.
        """
        limits = self.settings
        name = f"page-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        design = folder / f"{name}.yaml"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path, content in (
                *((folder / other, told) for other, told in (beside or {}).items()),
                (design, text),
            ):
                part = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
                part.write_text(content, encoding="utf-8")
                part.replace(path)
        except OSError as reason:
            raise DiskError(
                f"the folder of sweeps cannot be written to ({reason.strerror})",
                where="sweep",
                remedy="The operator of this server decides on it: PAYSHIFT_DASHBOARD_STORES.",
            ) from None
        try:
            chosen = read_sweep(design)
            first = Scenario.from_resolved(next(iter(chosen.model.arms.values())), "arm")
            people, months = first.population, first.horizon.months
            plan = StorePlan(chosen.design, chosen.design.points(), chosen.model.code_version)
            runs = len(plan)
            limits.hold_runs(runs)
            if people > limits.most_people:
                raise ScenarioError(
                    "too many people for this server",
                    where="population",
                    value=people,
                    allowed=f"at most {limits.most_people:,}",
                )
            if people * months * runs > limits.most_work:
                raise ScenarioError(
                    "too much work for this server",
                    where="people x months x runs",
                    value=people * months * runs,
                    allowed=f"at most {limits.most_work:,}",
                    remedy="Ask for fewer people, months, factors or draws.",
                )
        except ScenarioError:
            design.unlink(missing_ok=True)
            raise
        told = f"{plan.sha256()}:{plan.code_version}:{folder}"
        key = hashlib.sha256(told.encode()).hexdigest()[:24]
        return SweepPlan(key, design, folder / f"{name}-{key[:8]}.sqlite", runs)

    def submit_sweep(self, plan: SweepPlan, holder: str = "") -> str:
        """Ask for a sweep; equal ones share one computation.

        Returns
        -------
        str
            Key of the sweep.

        Raises
        ------
        RunError
            If the queue is full.
        """
        key = plan.key
        with self._lock:
            if self._joins(key, holder):
                return key
            wanted = _Sweep(key, {holder}, plan=plan)
            self._enter(wanted)
            self._note_sweep(wanted)
            wanted.runs["sweep", 0] = key
            wanted.is_prepared = True
            run = self._runs.get(key)
            if run is None or run.state in ("failed", "stopped"):
                self._runs[key] = _Run(key, plan)
                self._order.append(key)
            self._forget()
            self._news.notify_all()
        return key

    def store_of(self, key: str) -> str:
        """The file that a sweep is stored in; empty where there is no such sweep."""
        with self._lock:
            job = self._jobs.get(key)
            return job.plan.store.name if isinstance(job, _Sweep) else ""

    def progress(self, key: str) -> Progress:
        """How far a comparison or sweep is; what a former server left unfinished goes on."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                if not _is_key(key):
                    return Progress("unknown")
                if _is_stored(key):
                    return Progress("done", 1, 1, 1, 1, "whole")
                job = self._resumed(key)
                if job is None:
                    return Progress("unknown")
            if isinstance(job, _Sweep):
                return self._sweep_progress(job)
            arms = list(job.plan.arms)
            whole = self._whole(job.runs, arms, len(job.plan.seeds))
            total = len(arms) * len(job.plan.seeds)
            done = sum(self._runs[run].state == "done" for run in job.runs.values())
            if job.state == "done":
                stage = "whole"
            elif whole:
                stage = f"part-{whole}"
            else:
                stage = self._early_stage(job)
            ahead = self._ahead(job)
            return Progress(
                job.state, done, total, whole, len(job.plan.seeds), stage, ahead, job.error
            )

    def awaited(self, key: str) -> Progress:
        """How far a comparison is, once first numbers that are being made are there.

        Waits a moment for them, so that a page hears at once and need not ask again and again;
        not where several wait already, for who only turns a page must find somebody who answers.
        """
        progress = self.progress(key)
        with self._lock:
            if self._waiting >= max(1, self.settings.threads // 4):
                return progress
            self._waiting += 1
        try:
            end = time.monotonic() + HOLD_SECONDS
            while progress.state == "running" and not progress.stage:
                with self._lock:
                    left = end - time.monotonic()
                    if left <= 0.0 or self._closed.is_set():
                        break
                    self._news.wait(left)
                progress = self.progress(key)
        finally:
            with self._lock:
                self._waiting -= 1
        return progress

    def _early_stage(self, job: _Job) -> str:
        """What can be shown before the first whole replicate."""
        arms = list(job.plan.arms)
        of_sample = self._whole(job.sample_runs, arms, SAMPLE_REPLICATES)
        if of_sample:
            return f"sample-{of_sample}"
        runs = job.sample_runs or job.runs
        ready = 0
        while ready < len(arms) and self._is_done(runs.get((arms[ready], 0))):
            ready += 1
        return f"arms-{ready}" if ready >= 2 else ""

    def _is_done(self, key: str | None) -> bool:
        return key is not None and self._runs[key].state == "done"

    def _ahead(self, job: _Wanted) -> int:
        """Number of what waits before it."""
        ahead = 0
        if job.state == "waiting":
            for other in self._jobs.values():
                if other is job:
                    break
                ahead += other.is_open
        return ahead

    def _sweep_progress(self, job: _Sweep) -> Progress:
        done = 0
        try:
            if job.plan.store.is_file():
                with Store.read(job.plan.store) as store:
                    done = sum(store.counts().values())
        except PayshiftError:
            done = 0  # its first rows are being written
        stage = "whole" if job.state == "done" else ""
        ahead = self._ahead(job)
        return Progress(job.state, done, job.plan.runs, 0, 0, stage, ahead, job.error)

    def result(self, key: str, stage: str) -> Comparison | None:
        """The comparison as far as a stage of its progress; None if it is not there.

        Raises
        ------
        StoreError
            If a record is damaged.
        """
        with self._lock:
            kept = self._results.get((key, stage))
            job = self._jobs.get(key)
        if kept is not None:
            return kept
        if not _is_key(key):
            return None
        if _is_stored(key):
            found = Record.load(records_folder() / key)
        elif not isinstance(job, _Job) or stage not in _stages(job):
            return None
        else:
            name, _, number = stage.partition("-")
            plan, runs = job.plan, job.runs
            if name in ("arms", "sample") and job.sample is not None:
                plan, runs = job.sample, job.sample_runs
            if name == "arms":
                arms = dict(list(plan.arms.items())[: int(number)])
                part = replace(plan.first(1), arms=arms)
            else:
                part = plan if stage == "whole" else plan.first(int(number))
            try:
                found = self._assembled(part, runs, job)
            except (KeyError, ScenarioError):
                return None
        if not isinstance(found, Comparison):
            return None
        with self._lock:
            self._results[key, stage] = found
            while len(self._results) > _KEPT_RESULTS:
                self._results.popitem(last=False)
        return found

    def cancel(self, key: str, holder: str) -> None:
        """Stop waiting for a comparison; its work ends when nobody else waits for it."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.is_open:
                return
            job.holders.discard(holder)
            if job.holders:
                return
            job.state = "stopped"
            _notes(key).unlink(missing_ok=True)
            self._drop_unwanted()
            self._news.notify_all()

    def warm(self) -> Record:
        """Make workers ready; comes back when one is, with a small comparison that it made."""
        pool = self._pool_now()
        with runner.hidden_main():
            made = [pool.submit(_warm_up) for _ in range(self.settings.workers + 1)]
        return made[0].result()

    def close(self) -> None:
        """End the workers at once; what is finished stays, the rest waits for the next server."""
        with self._lock:
            self._closed.set()
            self._news.notify_all()
        self._end_pool()
        self._thread.join(timeout=5)
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- bookkeeping ------------------------------------------------------------------------

    def _ask(
        self, job: _Job, plan: Plan, runs: dict[tuple[str, int], str], queue: deque[str]
    ) -> None:
        """Put the runs of a plan into a queue, unless somebody asked for them already."""
        tasks = plan.tasks
        keys = [_key_of(task) for task in tasks]  # takes its time, so nobody is kept waiting
        with self._lock:
            if not job.is_open:
                return
            for task, key in zip(tasks, keys, strict=True):
                runs[task.arm, task.replicate] = key
                run = self._runs.get(key)
                if run is None or run.state in ("failed", "stopped"):
                    run = self._runs[key] = _Run(key, task)
                    if _is_stored(key):
                        run.state = "done"
                    else:
                        queue.append(key)
                elif run.state == "waiting" and key in self._foreseen:
                    self._foreseen.remove(key)
                    queue.append(key)
            self._news.notify_all()

    def _whole(
        self, runs: Mapping[tuple[str, int], str], arms: Sequence[str], replicates: int
    ) -> int:
        """Number of first replicates of which every arm is done."""
        for number in range(replicates):
            for arm in arms:
                if not self._is_done(runs.get((arm, number))):
                    return number
        return replicates

    def _forget(self) -> None:
        """Let go of comparisons asked for long ago; their records stay on disk."""
        over = [key for key, job in self._jobs.items() if not job.is_open]
        for key in over[: max(0, len(self._jobs) - _KEPT_JOBS)]:
            del self._jobs[key]
        wanted = {run for job in self._jobs.values() for run in job.keys}
        kept = wanted | set(self._active) | set(self._foreseen)
        for key in [key for key in self._runs if key not in kept]:
            del self._runs[key]

    def _drop_unwanted(self) -> None:
        """Stop runs that no comparison waits for any more."""
        wanted = {key for job in self._jobs.values() if job.is_open for key in job.keys}
        for key, run in self._runs.items():
            if key in wanted or run.state not in ("waiting", "running"):
                continue
            if key in self._foreseen:
                continue
            if run.state == "running" and run.stop_file is not None:
                run.stop_file.touch()
            run.state = "stopped"
        for queue in (self._quick, self._order):
            kept = [key for key in queue if key in wanted]
            queue.clear()
            queue.extend(kept)

    def _assembled(self, plan: Plan, runs: Mapping[tuple[str, int], str], job: _Job) -> Record:
        tasks = plan.tasks
        results = {
            (task.arm, task.replicate): runner.done_of(
                Record.load(records_folder() / runs[task.arm, task.replicate]), task
            )
            for task in tasks
        }
        return runner.assembled(plan, results, job.started, job.command)

    # --- what outlives the server -----------------------------------------------------------

    def _note_sweep(self, job: _Sweep) -> None:
        plan = job.plan
        about = {"design": str(plan.design), "store": str(plan.store), "runs": plan.runs}
        self._write_note(job.key, {"sweep": about})

    def _note(self, job: _Job) -> None:
        note = {
            "arms": {name: scenario.resolved() for name, scenario in job.plan.arms.items()},
            "seeds": list(job.plan.seeds),
            "command": job.command,
        }
        self._write_note(job.key, note)

    def _write_note(self, key: str, note: Mapping[str, Any]) -> None:
        path = _notes(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(note, ensure_ascii=False), encoding="utf-8")
            part.replace(path)
        except OSError as reason:
            _log.warning("%s cannot be written: %s", path, reason)

    def _resumed(self, key: str) -> _Job | _Sweep | None:
        """Take up a comparison or sweep that a former server left unfinished."""
        try:
            note = json.loads(_notes(key).read_text(encoding="utf-8"))
            if "sweep" in note:
                about = note["sweep"]
                files = Path(about["design"]), Path(about["store"])
                self.submit_sweep(SweepPlan(key, *files, int(about["runs"])))
                return self._jobs.get(key)
            arms = {
                str(name): Scenario.from_resolved(about) for name, about in note["arms"].items()
            }
            plan = Plan(Comparison, arms, tuple(int(seed) for seed in note["seeds"]))
            command = str(note["command"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, PayshiftError):
            return None
        if plan.key != key:
            # Written by another version: its results would be others.
            return None
        try:
            self.submit(plan, command)
        except PayshiftError:
            return None
        return self._jobs.get(key)

    # --- work -------------------------------------------------------------------------------

    def _pool_now(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    max_workers=self.settings.workers + 1,  # one for first numbers
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_start_worker,
                )
            return self._pool

    def _end_pool(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()

    def _work(self) -> None:
        """Hand runs to free workers, and take in what they finished, until the server ends."""
        while True:
            try:
                with self._lock:
                    if self._closed.is_set():
                        return
                    self._finish_runs()
                    self._start_runs()
                    finished = self._finish_jobs()
                    self._news.notify_all()  # to those whose question is held
                self._prepare()
                for job in finished:
                    self._keep(job)
            # This is the one thread that serves all readers: a mistake of any kind would end it,
            # and all would wait for ever without a word. Troubles that can be foreseen are told
            # where they arise; this is logged with its trace, and the next turn goes on with the
            # others (tests/dashboards/test_jobs.py holds it).
            except Exception:  # no mistake of any kind may end the thread that serves all readers
                _log.exception("the queue stumbled")
            with self._lock:
                if self._closed.is_set():
                    return
                self._news.wait(timeout=0.25)

    def _next_queue(self) -> deque[str] | None:
        """Where the next run to be started waits, if a worker is free for it."""
        free = self.settings.workers - len(self._active)
        if self._quick and free > -1:
            return self._quick
        if free < 1:
            return None
        return self._order or self._foreseen or None

    def _start_runs(self) -> None:
        while (queue := self._next_queue()) is not None:
            key = queue.popleft()
            is_first = queue is self._quick
            run = self._runs.get(key)
            if run is None or run.state != "waiting":
                continue
            run.stop_file = self._folder / key
            run.stop_file.unlink(missing_ok=True)
            run.state, run.started = "running", time.monotonic()
            run.tries += 1
            run.is_first = is_first
            stop = str(run.stop_file)
            try:
                with runner.hidden_main():
                    if isinstance(run.task, SweepPlan):
                        future = self._pool_now().submit(_sweep, run.task, stop)
                    else:
                        future = self._pool_now().submit(_live, run.task, stop)
            except BrokenProcessPool:
                # A worker was killed since the last look: what it had comes back with its future.
                self._end_pool()
                self._again(run)
                return
            self._active[key] = future
            future.add_done_callback(self._tell)
            for job in self._jobs.values():
                if job.state == "waiting" and key in job.keys:
                    job.state = "running"

    def _tell(self, future: Future[str]) -> None:
        del future
        with self._lock:
            self._news.notify_all()

    def _finish_runs(self) -> None:
        is_broken = False
        late = 60.0 * self.settings.minutes
        for key, future in list(self._active.items()):
            run = self._runs.get(key)
            if not future.done():
                # One asked for again while it stops has not begun: it is waiting, and not late.
                if (
                    run is not None
                    and run.state == "running"
                    and time.monotonic() - run.started > late
                ):
                    self._fail(run, f"a run took more than {self.settings.minutes} minutes")
                    is_broken = True
                continue
            del self._active[key]
            if run is None:
                continue
            error = future.exception()
            if error is None and isinstance(run.task, SweepPlan) and future.result() == MORE:
                # to the end of the queue, so that others have their turn
                run.state, run.tries = "waiting" if self._is_wanted(key) else "stopped", 0
                if run.state == "waiting":
                    self._order.append(key)
            elif error is None:
                run.state = "done"
            elif isinstance(error, BrokenProcessPool):
                is_broken = True
                self._again(run)
            elif isinstance(error, _StoppedError):
                run.state = "stopped"
                if self._is_wanted(key):
                    # Somebody asked for it again while it was stopping.
                    run.state, run.tries = "waiting", 0
                    self._order.append(key)
            else:
                told = error.message if isinstance(error, PayshiftError) else "a run failed"
                if not isinstance(error, PayshiftError):
                    _log.error("a run failed", exc_info=error)
                self._fail(run, told)
        if is_broken:
            self._end_pool()
            for key in list(self._active):
                del self._active[key]
                if key in self._runs and self._runs[key].state == "running":
                    self._again(self._runs[key])

    def _again(self, run: _Run) -> None:
        if run.tries >= _TRIES:
            self._fail(run, "a worker ended before its run did; the machine may be out of memory")
            return
        run.state = "waiting"
        self._order.appendleft(run.key)

    def _is_wanted(self, key: str) -> bool:
        return any(job.is_open and key in job.keys for job in self._jobs.values())

    def _fail(self, run: _Run, message: str) -> None:
        run.state = "failed"
        for job in self._jobs.values():
            if job.is_open and run.key in job.keys:
                job.state, job.error = "failed", message
        self._drop_unwanted()

    def _finish_jobs(self) -> list[_Job | _Sweep]:
        return [
            job
            for job in self._jobs.values()
            if job.is_open and job.is_prepared
            if all(self._runs[key].state == "done" for key in job.runs.values())
        ]

    def _keep(self, job: _Job | _Sweep) -> None:
        """Put a finished comparison together and keep its record; a sweep has its store."""
        if isinstance(job, _Sweep):
            with self._lock:
                job.state = "done"
            _notes(job.key).unlink(missing_ok=True)
            return
        try:
            record = self._assembled(job.plan, job.runs, job)
            record.save()
        except (PayshiftError, KeyError, OSError) as reason:
            if isinstance(reason, StoreError):
                _log.warning("a run's record is damaged: %s", reason)
            with self._lock:
                job.state = "failed"
                job.error = str(reason)
            return
        with self._lock:
            job.state = "done"
            if isinstance(record, Comparison):
                self._results[job.key, "whole"] = record
        _notes(job.key).unlink(missing_ok=True)


def _stages(job: _Job) -> set[str]:
    return {
        "whole",
        *(f"part-{n}" for n in range(1, len(job.plan.seeds) + 1)),
        *(f"sample-{n}" for n in range(1, SAMPLE_REPLICATES + 1)),
        *(f"arms-{n}" for n in range(2, len(job.plan.arms) + 1)),
    }


def _sample_of(plan: Plan) -> Plan | None:
    """The same comparison with fewer people and seeds; None where its runs are quick themselves."""
    first = next(iter(plan.arms.values()))
    if first.population * first.horizon.months <= AT_ONCE:
        return None
    arms = {name: scenario.with_population(SAMPLE_PEOPLE) for name, scenario in plan.arms.items()}
    return Plan(plan.kind, arms, plan.seeds[:SAMPLE_REPLICATES], plan.engine, plan.keep)


def _key_of(task: RunTask) -> str:
    return runner.single_plan(task).key


def _is_key(key: str) -> bool:
    return 8 <= len(key) <= 64 and all(letter in "0123456789abcdef" for letter in key)


def _is_stored(key: str) -> bool:
    return (records_folder() / key / "run.json").is_file()


def _notes(key: str) -> Path:
    return home() / "jobs" / f"{key}.json"
