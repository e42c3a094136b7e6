"""One run, and the process that does runs for somebody else.

Knows a model as a callable, time and memory; must not know designs, stores, samplers or any
scenario: what a worker imports beyond this is the model's own doing.
"""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.errors import PayshiftError

__all__ = ["Finished", "Model", "Outcomes", "Task", "run_once"]

_LONGEST_REASON = 500


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
    except Exception as error:
        # A model is any callable: whatever it raises is that run's result, not the sweep's end.
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
