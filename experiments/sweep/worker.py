"""One run, and the process that does runs for somebody else.

Knows a model as a callable, time and memory; must not know designs, stores, samplers or any
scenario: what a worker imports beyond this is the model's own doing.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import queue
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from sim.errors import PayshiftError

__all__ = [
    "Finished",
    "Model",
    "Outcomes",
    "Task",
    "read_message",
    "run_once",
    "serve",
    "write_message",
]

_LONGEST_REASON = 500
_FLUSH_SECONDS = 0.05
_LENGTH = struct.Struct("<Q")
_PR_SET_PDEATHSIG = 1


class Outcomes(NamedTuple):
    """What a model gives back when it has more than single numbers.

    Attributes
    ----------
    summary : mapping of str to float
        Outcomes of the run.
    monthly : mapping of str to sequence of float, shape (n_months,)
        Outcomes month by month.
    """

    summary: Mapping[str, float]
    monthly: Mapping[str, Any] = {}


Model = Callable[[Mapping[str, Any], str, int], "Mapping[str, float] | Outcomes"]
"""`model(parameters, arm, seed)`: the same arguments always give the same outcomes."""


class Task(NamedTuple):
    """One run to be done."""

    place: int
    parameters: Mapping[str, Any]
    arm: str
    seed: int


class Finished(NamedTuple):
    """How one run ended; see `experiments.sweep.store.Row`."""

    place: int
    status: str
    reason: str
    seconds: float
    peak_mb: float
    summary: Mapping[str, float]
    monthly: Mapping[str, Any]
    tries: int = 1


def run_once(model: Model, task: Task) -> Finished:
    """Do one run and say how it ended; only what stops the process itself gets through."""
    start_memory_watch()
    started = time.perf_counter()
    try:
        found = model(task.parameters, task.arm, task.seed)
        outcomes = found if isinstance(found, Outcomes) else Outcomes(found)
        summary = {str(name): float(value) for name, value in outcomes.summary.items()}
        monthly = {
            str(name): np.asarray(values, dtype=np.float64)
            for name, values in outcomes.monthly.items()
        }
        status, reason = "ok", ""
    except MemoryError as error:
        summary, monthly = {}, {}
        status, reason = "memory", f"the run asked for more memory than it may take ({error})"
    except PayshiftError as error:
        summary, monthly = {}, {}
        status, reason = "failed", error.message
    except Exception as error:  # a model is any callable: what it raises is its run's result
        summary, monthly = {}, {}
        status, reason = "failed", f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - started
    reason = " ".join(reason.split())[:_LONGEST_REASON]
    return Finished(task.place, status, reason, seconds, peak_mb(), summary, monthly)


# --- memory -----------------------------------------------------------------------------------


def start_memory_watch() -> None:
    """Forget the peak of earlier runs, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """Give the largest memory of this process since the watch began, in MB."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 1024.0
    try:
        import resource
    except ImportError:
        return math.nan
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024.0 * 1024.0 if sys.platform == "darwin" else 1024.0)


def _limit_memory(memory_mb: float | None) -> None:
    """Let allocations fail beyond a limit above what is held now, where the system can."""
    if memory_mb is None or sys.platform != "linux":
        return
    import resource

    held = 0.0
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            held = float(line.split()[1]) * 1024.0
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = int(held + memory_mb * 1024.0 * 1024.0)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


# --- the process ------------------------------------------------------------------------------


def write_message(stream: IO[bytes], message: object) -> None:
    """Send one message: its length, then its pickle."""
    raw = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(raw)) + raw)
    stream.flush()


def read_message(stream: IO[bytes]) -> Any:
    """Receive one message; EOFError when the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    raw = stream.read(length)
    if len(raw) < length:
        raise EOFError
    return pickle.loads(raw)


def _die_with(parent: int) -> None:
    """Ask the system to end this process when its parent is gone, whatever it is doing."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def serve(parent: int) -> None:
    """Do runs for the process that started this one, until it has no more or is gone.

    Messages come on standard input and go to standard output; whatever a model prints goes to
    standard error, so that it cannot garble them.

    Parameters
    ----------
    parent : int
        Process that started this one.
    """
    _die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        try:
            while True:
                inbox.put(read_message(requests))
        except (EOFError, OSError):
            os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    blob, memory_mb = inbox.get()
    try:
        model = pickle.loads(blob)
        prepare = getattr(model, "prepare", None)
        if prepare is not None:
            prepare()
        _limit_memory(memory_mb)
    except Exception as error:  # told to the coordinator, which ends the sweep
        write_message(replies, f"{type(error).__name__}: {error}")
        return
    write_message(replies, "")
    while True:
        _do(model, inbox.get(), replies)


def _do(model: Model, tasks: Sequence[Task], replies: IO[bytes]) -> None:
    """Do some runs; results of short ones go together, so that messages cost next to nothing."""
    ready: list[Finished] = []
    sent = time.monotonic()
    for task in tasks:
        ready.append(run_once(model, task))
        if time.monotonic() - sent >= _FLUSH_SECONDS:
            write_message(replies, ready)
            ready, sent = [], time.monotonic()
    if ready:
        write_message(replies, ready)
