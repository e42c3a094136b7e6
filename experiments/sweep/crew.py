"""A crew of worker processes on this machine that outlives what its runs do to it.

Knows processes, time limits, memory limits and retries; must not know designs, stores or models.

Each worker is a plain process with a pipe. It dies when the crew's own process dies, whatever it
is doing. A worker that crashes, hangs or takes too much memory is replaced; the runs it had are
done again one at a time, so that the run at fault is known before it is given up.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.sweep.design import Limits
from experiments.sweep.worker import Finished, Model, Task, read_message, write_message
from sim.errors import RunError

__all__ = ["Crew", "cores", "packed"]

OnDone = Callable[[Sequence[Finished]], None]

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from experiments.sweep.worker import serve; serve(int(sys.argv[2]))"
)
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
_TICK = 0.2
_CHUNK_SECONDS = 0.5
_LONGEST_CHUNK = 500
_COMMIT_SECONDS = 0.25
_MOST_READY = 250  # results held before they are written, or fast runs would pile up in memory
_START_SECONDS = 1800.0
_MOST_STARTS_IN_VAIN = 3
_GRACE = 0.25


def cores() -> int:
    """Give the number of cores this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return max(1, os.cpu_count() or 1)


def packed(model: Model) -> bytes:
    """Pickle a model, functions of a script or notebook too where cloudpickle is installed."""
    try:
        import cloudpickle
    except ImportError:
        return pickle.dumps(model)
    found: bytes = cloudpickle.dumps(model)
    return found


class _Worker:
    """One process and what it has been given."""

    def __init__(self, blob: bytes, memory_mb: float | None, inbox: queue.SimpleQueue[Any]) -> None:
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, json.dumps(sys.path), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self.tasks: dict[int, Task] = {}
        self.is_ready = False
        self.is_alone = False
        self.since = time.monotonic()
        self.base_mb = 0.0
        self.stopped = ""
        self._thread = threading.Thread(target=self._listen, args=(inbox,), daemon=True)
        self._thread.start()
        self._send((blob, memory_mb))

    def _listen(self, inbox: queue.SimpleQueue[Any]) -> None:
        assert self.process.stdout is not None
        try:
            while True:
                inbox.put((self, read_message(self.process.stdout)))
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            inbox.put((self, None))

    def _send(self, message: object) -> None:
        assert self.process.stdin is not None
        # A worker that has just died is noticed by its other pipe.
        with contextlib.suppress(OSError, ValueError):
            write_message(self.process.stdin, message)

    def give(self, tasks: Sequence[Task]) -> None:
        if not self.tasks:
            self.since = time.monotonic()
        self.tasks.update({task.place: task for task in tasks})
        self._send(list(tasks))

    def memory_mb(self) -> float:
        """Give the memory the process holds now; 0 where the system does not say."""
        with contextlib.suppress(OSError, ValueError):
            for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    return float(line.split()[1]) / 1024.0
        return 0.0

    def end(self) -> None:
        """Kill the process and wait for it and for its listener."""
        self.process.kill()
        self.process.wait()
        self._thread.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def last_words(self) -> str:
        """Say how the process ended."""
        code = self.process.wait()
        if code >= 0:
            return f"the worker process ended with code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        return f"the worker process was ended by {name}"


class Crew:
    """Some workers with one model, for as many runs as wanted.

    Parameters
    ----------
    blob : bytes
        What `packed` gave.
    limits : Limits
    workers : int
    """

    def __init__(self, blob: bytes, limits: Limits, workers: int) -> None:
        self._blob = blob
        self._limits = limits
        self._n = workers
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._in_vain = 0
        self._mean = _CHUNK_SECONDS
        self._suspects: deque[Task] = deque()
        self._tries: dict[int, int] = {}
        self._ready: list[Finished] = []

    @property
    def processes(self) -> list[int]:
        """Give the ids of the worker processes."""
        return [worker.process.pid for worker in self._workers]

    def close(self) -> None:
        """End all workers."""
        while self._workers:
            self._workers.pop().end()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *rest: object) -> None:
        self.close()

    def work(self, tasks: Iterator[Task], on_done: OnDone) -> None:
        """Do every task; `on_done` is told of each once, in any order.

        Raises
        ------
        RunError
            If workers cannot be started at all.
        """
        waiting, is_last = iter(tasks), False
        told = time.monotonic()
        try:
            while True:
                is_last = self._hand_out(waiting, is_last)
                if is_last and not self._suspects and not any(w.tasks for w in self._workers):
                    break
                with contextlib.suppress(queue.Empty):
                    self._hear(*self._inbox.get(timeout=_TICK))
                    while len(self._ready) < _MOST_READY:
                        self._hear(*self._inbox.get_nowait())
                self._watch()
                is_due = time.monotonic() - told >= _COMMIT_SECONDS
                if self._ready and (is_due or len(self._ready) >= _MOST_READY):
                    told = time.monotonic()
                    self._tell(on_done)
        finally:
            # Also on the way out of an interruption: what was done is done.
            self._tell(on_done)

    def _tell(self, on_done: OnDone) -> None:
        ready, self._ready = self._ready, []
        if ready:
            on_done(ready)

    # -- giving work

    def _hand_out(self, waiting: Iterator[Task], is_last: bool) -> bool:
        """Keep every worker busy, with a little in advance; say whether all has been given out."""
        size = int(min(max(_CHUNK_SECONDS / max(self._mean, 1e-6), 1.0), _LONGEST_CHUNK))
        if is_last and not self._suspects:
            return True
        while len(self._workers) < self._n:
            worker = _Worker(self._blob, self._limits.memory_mb, self._inbox)
            self._workers.append(worker)
        for worker in self._workers:
            if not worker.is_ready or worker.is_alone or worker.stopped:
                continue
            if self._suspects:
                if not worker.tasks:
                    worker.is_alone = True
                    worker.give([self._suspects.popleft()])
                continue
            chunk: list[Task] = []
            while not is_last and len(worker.tasks) + len(chunk) < 2 * size:
                if not chunk and len(worker.tasks) > size:
                    break
                try:
                    chunk.append(next(waiting))
                except StopIteration:
                    is_last = True
                if len(chunk) >= size:
                    break
            if chunk:
                worker.give(chunk)
        return is_last

    # -- hearing of it

    def _hear(self, worker: _Worker, message: Any) -> None:
        if worker not in self._workers:
            return
        worker.since = time.monotonic()
        if message is None:
            self._lost(worker)
        elif isinstance(message, str):
            if message:
                raise RunError("a worker cannot load the model", where="sweep", value=message)
            worker.is_ready, self._in_vain = True, 0
            worker.base_mb = worker.memory_mb()
        else:
            for one in message:
                task = worker.tasks.pop(one.place)
                self._mean += 0.1 * (one.seconds - self._mean)
                if one.status == "memory":
                    self._blame(task, "memory", one.reason, one.peak_mb, worker.is_alone)
                else:
                    self._ready.append(one._replace(tries=self._tries.pop(one.place, 0) + 1))
            if not worker.tasks:
                worker.is_alone = False

    def _blame(self, task: Task, status: str, reason: str, mb: float, is_alone: bool) -> None:
        """Count a try against a run; give it up when it was alone and has had its tries."""
        tries = self._tries[task.place] = self._tries.get(task.place, 0) + 1
        if not is_alone or tries < self._limits.tries:
            self._suspects.append(task)
            return
        del self._tries[task.place]
        self._ready.append(Finished(task.place, status, reason, 0.0, mb, {}, {}, tries))

    def _lost(self, worker: _Worker) -> None:
        """Replace a worker that is gone; its runs are done again, each alone."""
        self._workers.remove(worker)
        status, _, reason = worker.stopped.partition(":")
        if not worker.stopped:
            status, reason = "crashed", worker.last_words()
        peak = worker.memory_mb()
        worker.end()
        if not worker.is_ready:
            self._in_vain += 1
            if self._in_vain >= _MOST_STARTS_IN_VAIN:
                raise RunError(
                    f"{self._in_vain} workers in a row ended before their first run ({reason})",
                    where="sweep",
                    remedy="The machine may be out of memory: lower --workers.",
                )
        for number, task in enumerate(worker.tasks.values()):
            if number == 0:
                self._blame(task, status, reason.strip(), peak, worker.is_alone)
            else:
                self._suspects.append(task)

    def _watch(self) -> None:
        """Stop workers that take too long or too much; their pipe tells of their end."""
        now = time.monotonic()
        for worker in self._workers:
            if worker.stopped or not (worker.tasks or not worker.is_ready):
                continue
            limit = self._limits.seconds if worker.is_ready else _START_SECONDS
            if limit is not None and now - worker.since > limit + _GRACE:
                worker.stopped = f"timeout: no result after {limit:g} seconds"
            most = self._limits.memory_mb
            if worker.is_ready and most is not None:
                held = worker.memory_mb() - worker.base_mb
                if held > most:
                    worker.stopped = f"memory: {held:,.0f} MB taken, {most:,.0f} allowed"
            if worker.stopped:
                worker.process.kill()
