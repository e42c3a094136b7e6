"""Jobs: comparisons lived through in worker processes, one computation for all who ask the same.

Knows plans of runs, their records and the limits of the server; must not know pages or readers.

A comparison is named by the key of its record, and each of its runs by the key of its own: the same
records as the command line's, in the same folder. What is there is not run again, so a server that
was ended in the middle goes on where it stopped. Results arrive replicate by replicate; a small
sample of people is lived through first, so that first numbers appear at once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dashboards.settings import Settings
from sim import runner
from sim.errors import PayshiftError, RunError, ScenarioError, StoreError
from sim.record import Comparison, Record, home, records_folder
from sim.runner import Plan, RunTask
from sim.scenario import Scenario, load

__all__ = ["Jobs", "Progress"]

SAMPLE_PEOPLE = 500
SAMPLE_REPLICATES = 2
_TRIES = 3
_KEPT_JOBS = 500
_KEPT_RESULTS = 24
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a comparison is.

    Attributes
    ----------
    state : ``waiting``, ``running``, ``done``, ``failed``, ``stopped`` or ``unknown``
    done, total : runs of the comparison itself
    replicates, of : whole replicates of all arms that are there, and asked for
    stage : changes whenever there is a better result to show: ``""`` (none), ``sample-n``,
        ``part-n`` or ``whole``
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


@dataclass
class _Run:
    """One run somebody waits for, and its state."""

    key: str
    task: RunTask
    state: str = "waiting"
    tries: int = 0
    started: float = 0.0
    stop_file: Path | None = None


@dataclass
class _Job:
    """One comparison, its sample, and who waits for it."""

    key: str
    plan: Plan
    sample: Plan | None
    command: str
    holders: set[str] = field(default_factory=set)
    sample_runs: dict[tuple[str, int], str] = field(default_factory=dict)
    runs: dict[tuple[str, int], str] = field(default_factory=dict)
    state: str = "waiting"
    error: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


class _StoppedError(Exception):
    """Nobody waits for the run any more."""


def _start_worker() -> None:
    """Leave Ctrl-C to the server, which ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _live(task: RunTask, stop_file: str) -> str:
    """Live through one run in a worker process and keep its record; give its key."""

    def on_month(month: int) -> None:
        del month
        if os.path.exists(stop_file):
            raise _StoppedError

    record = runner.live_alone(task, on_month)
    record.save()
    return record.key


def _warm_up() -> int:
    """Load compiled rules in a worker, so that the first reader does not wait for them."""
    scenario = load("tiny-drg").with_population(200).with_horizon(warm_up=12, baseline=0, reform=1)
    runner.run(scenario, workers=1)
    return os.getpid()


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
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._runs: dict[str, _Run] = {}
        self._order: deque[str] = deque()
        self._active: dict[str, Future[str]] = {}
        self._results: OrderedDict[tuple[str, str], Comparison] = OrderedDict()
        self._pool: ProcessPoolExecutor | None = None
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
            job = self._jobs.get(key)
            if job is not None and job.state not in ("failed", "stopped"):
                job.holders.add(holder)
                return key
            if job is None and _is_stored(key):
                return key
            waiting = sum(job.state in ("waiting", "running") for job in self._jobs.values())
            if waiting >= self.settings.queue:
                raise RunError(
                    "the queue is full",
                    where="queue",
                    value=waiting,
                    allowed=f"at most {self.settings.queue}",
                    remedy="Wait until a comparison is done.",
                )
            job = _Job(key, plan, _sample_of(plan), command, {holder})
            self._jobs[key] = job
            self._jobs.move_to_end(key)
            self._note(job)
            if job.sample is not None:
                self._ask(job.sample, job.sample_runs)
            self._ask(plan, job.runs)
            self._forget()
            self._news.notify_all()
        return key

    def progress(self, key: str) -> Progress:
        """How far a comparison is; one that a former server left unfinished goes on."""
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
            arms = list(job.plan.arms)
            whole = self._whole(job.runs, arms, len(job.plan.seeds))
            done = sum(self._runs[run].state == "done" for run in job.runs.values())
            if job.state == "done":
                stage = "whole"
            elif whole:
                stage = f"part-{whole}"
            else:
                of_sample = self._whole(job.sample_runs, arms, SAMPLE_REPLICATES)
                stage = f"sample-{of_sample}" if of_sample else ""
            ahead = 0
            if job.state == "waiting":
                for other in self._jobs.values():
                    if other is job:
                        break
                    ahead += other.state in ("waiting", "running")
            return Progress(
                job.state, done, len(job.runs), whole, len(job.plan.seeds), stage, ahead, job.error
            )

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
        elif job is None or stage not in _stages(job):
            return None
        else:
            name, _, number = stage.partition("-")
            plan, runs = (job.sample, job.sample_runs) if name == "sample" else (job.plan, job.runs)
            if plan is None:
                return None
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
            if job is None or job.state not in ("waiting", "running"):
                return
            job.holders.discard(holder)
            if job.holders:
                return
            job.state = "stopped"
            _notes(key).unlink(missing_ok=True)
            self._drop_unwanted()
            self._news.notify_all()

    def warm(self) -> None:
        """Make workers ready; comes back when one is."""
        self._pool_now().submit(_warm_up).result()
        for _ in range(self.settings.workers - 1):
            self._pool_now().submit(_warm_up)

    def close(self) -> None:
        """End the workers at once; what is finished stays, the rest waits for the next server."""
        with self._lock:
            self._closed.set()
            self._news.notify_all()
        self._end_pool()
        self._thread.join(timeout=5)
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                path.unlink()
            self._folder.rmdir()

    # --- bookkeeping ------------------------------------------------------------------------

    def _ask(self, plan: Plan, runs: dict[tuple[str, int], str]) -> None:
        for task in plan.tasks:
            key = runner.single_plan(task).key
            runs[task.arm, task.replicate] = key
            run = self._runs.get(key)
            if run is None or run.state in ("failed", "stopped"):
                run = self._runs[key] = _Run(key, task)
                if _is_stored(key):
                    run.state = "done"
                else:
                    self._order.append(key)

    def _whole(
        self, runs: Mapping[tuple[str, int], str], arms: Sequence[str], replicates: int
    ) -> int:
        """Number of first replicates of which every arm is done."""
        for number in range(replicates):
            for arm in arms:
                key = runs.get((arm, number))
                if key is None or self._runs[key].state != "done":
                    return number
        return replicates

    def _forget(self) -> None:
        """Let go of comparisons asked for long ago; their records stay on disk."""
        over = [key for key, job in self._jobs.items() if job.state not in ("waiting", "running")]
        for key in over[: max(0, len(self._jobs) - _KEPT_JOBS)]:
            del self._jobs[key]
        wanted = {
            run
            for job in self._jobs.values()
            for run in (*job.runs.values(), *job.sample_runs.values())
        }
        for key in [key for key in self._runs if key not in wanted and key not in self._active]:
            del self._runs[key]

    def _drop_unwanted(self) -> None:
        """Stop runs that no comparison waits for any more."""
        wanted = {
            key
            for job in self._jobs.values()
            if job.state in ("waiting", "running")
            for key in (*job.runs.values(), *job.sample_runs.values())
        }
        for key, run in self._runs.items():
            if key in wanted or run.state not in ("waiting", "running"):
                continue
            if run.state == "running" and run.stop_file is not None:
                run.stop_file.touch()
            run.state = "stopped"
        self._order = deque(key for key in self._order if key in wanted)

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

    def _note(self, job: _Job) -> None:
        note = {
            "arms": {name: scenario.resolved() for name, scenario in job.plan.arms.items()},
            "seeds": list(job.plan.seeds),
            "command": job.command,
        }
        path = _notes(job.key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(note, ensure_ascii=False), encoding="utf-8")
            part.replace(path)
        except OSError as reason:
            _log.warning("%s cannot be written: %s", path, reason)

    def _resumed(self, key: str) -> _Job | None:
        """Take up a comparison that a former server left unfinished."""
        try:
            note = json.loads(_notes(key).read_text(encoding="utf-8"))
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
                    max_workers=self.settings.workers,
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
            with self._lock:
                if self._closed.is_set():
                    return
                try:
                    self._finish_runs()
                    self._start_runs()
                    finished = self._finish_jobs()
                except Exception:  # one comparison's trouble must not end everybody's queue
                    _log.exception("the queue stumbled")
                    finished = []
            for job in finished:
                self._keep(job)
            with self._lock:
                if self._closed.is_set():
                    return
                self._news.wait(timeout=0.25)

    def _start_runs(self) -> None:
        while self._order and len(self._active) < self.settings.workers:
            key = self._order.popleft()
            run = self._runs.get(key)
            if run is None or run.state != "waiting":
                continue
            run.stop_file = self._folder / key
            run.stop_file.unlink(missing_ok=True)
            run.state, run.started = "running", time.monotonic()
            run.tries += 1
            with runner.hidden_main():
                future = self._pool_now().submit(_live, run.task, str(run.stop_file))
            self._active[key] = future
            future.add_done_callback(self._tell)
            for job in self._jobs.values():
                if job.state == "waiting" and (
                    key in job.runs.values() or key in job.sample_runs.values()
                ):
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
                if run is not None and time.monotonic() - run.started > late:
                    self._fail(run, f"a run took more than {self.settings.minutes} minutes")
                    is_broken = True
                continue
            del self._active[key]
            if run is None:
                continue
            error = future.exception()
            if error is None:
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
        return any(
            job.state in ("waiting", "running")
            and (key in job.runs.values() or key in job.sample_runs.values())
            for job in self._jobs.values()
        )

    def _fail(self, run: _Run, message: str) -> None:
        run.state = "failed"
        for job in self._jobs.values():
            if job.state in ("waiting", "running") and (
                run.key in job.runs.values() or run.key in job.sample_runs.values()
            ):
                job.state, job.error = "failed", message
        self._drop_unwanted()

    def _finish_jobs(self) -> list[_Job]:
        return [
            job
            for job in self._jobs.values()
            if job.state == "running" or job.state == "waiting"
            if all(self._runs[key].state == "done" for key in job.runs.values())
        ]

    def _keep(self, job: _Job) -> None:
        """Put a finished comparison together and keep its record."""
        try:
            record = self._assembled(job.plan, job.runs, job)
            record.save()
        except (PayshiftError, KeyError) as reason:
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
    }


def _sample_of(plan: Plan) -> Plan | None:
    """The same comparison with few people and seeds; None where it is small already."""
    first = next(iter(plan.arms.values()))
    if first.population < 2 * SAMPLE_PEOPLE:
        return None
    arms = {name: scenario.with_population(SAMPLE_PEOPLE) for name, scenario in plan.arms.items()}
    return Plan(plan.kind, arms, plan.seeds[:SAMPLE_REPLICATES], plan.engine, plan.keep)


def _is_key(key: str) -> bool:
    return 8 <= len(key) <= 64 and all(letter in "0123456789abcdef" for letter in key)


def _is_stored(key: str) -> bool:
    return (records_folder() / key / "run.json").is_file()


def _notes(key: str) -> Path:
    return home() / "jobs" / f"{key}.json"
