"""Count the work of a month on a small fixed case: what a slow machine cannot hide.

::

    python -m tests.bench.work            # what is counted now, beside the record
    python -m tests.bench.work --record   # after a change that is worth its work

Seconds tell a busy machine from an idle one; calls, bytes and blocks of memory are the same on
both. Counted on the county under payment by case, months 25 to 30 (the first half-year of the
reform), at 1,000 people and at 4,000: work that belongs to months is the same at both. Work that
belongs to people happens in compiled loops, which nothing can look into; so the same rules are run
as plain Python too, a month of 300 and of 600 people, and the lines of them that are executed
are counted: a line a person and month is what more people cost, a line a month what is left.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import sim
from sim.engine.kernels import Columns
from sim.month import run_month
from tests.bench.worlds import world_of

RECORD = Path(__file__).parent / "work.json"
_ROOT = Path(__file__).resolve().parents[2]
_SCENARIO, _BEFORE, _MONTHS = "china-county-drg", 25, 6


def _calls(act: Callable[[], object]) -> tuple[int, int]:
    """Count calls of Python functions and of functions in C while something is done."""
    seen = {"call": 0, "c_call": 0}

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event in seen:
            seen[event] += 1

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return seen["call"], seen["c_call"]


def _memory(act: Callable[[], object]) -> int:
    """Measure the most that is newly held at one moment while something is done, bytes."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


_ROOMS = ("engine", "behavior", "health", "randomness.py", "numerics.py", "benefits.py")


def _lines(people: int) -> int:
    """Count the lines of rules executed in the second month; the rules must be plain Python."""
    world = world_of("china-county", people, 3)
    run_month(world)
    package = Path(sim.__file__).resolve().parent
    rooms = tuple(str(package / room) for room in _ROOMS)
    seen = 0

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal seen
        seen += event == "line"
        return line

    def entered(frame: FrameType, event: str, argument: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(rooms) else None

    sys.settrace(entered)
    try:
        run_month(world)
    finally:
        sys.settrace(None)
    return seen


def rules() -> dict[str, float]:
    """Count the lines of rules a month and a person and month take, run as plain Python.

    Returns
    -------
    dict of str to float
        Lines for each further person and month, and lines of a month without people.
    """
    plain = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "tests.bench.work", "--lines"]
    out = subprocess.run(command, env=plain, cwd=_ROOT, capture_output=True, text=True, check=True)
    few, many = json.loads(out.stdout)
    a_person = (many - few) / 300
    return {"lines_a_person_month": a_person, "lines_a_month": few - 300 * a_person}


def counted() -> dict[str, float]:
    """Count the work of the case.

    Returns
    -------
    dict of str to float
        Calls a month at both sizes, the most memory a month newly holds (bytes), bytes of state a
        person, and what `rules` counts.
    """
    found: dict[str, float] = {}
    for people in (1_000, 4_000):
        world = world_of(_SCENARIO, people, _BEFORE + _MONTHS + 2)
        for _ in range(_BEFORE):
            run_month(world)
        python, c = _calls(lambda w=world: [run_month(w) for _ in range(_MONTHS)])
        found[f"python_calls_a_month_{people}"] = python / _MONTHS
        found[f"c_calls_a_month_{people}"] = c / _MONTHS
        found[f"peak_bytes_of_a_month_{people}"] = float(_memory(lambda w=world: run_month(w)))
        state = (getattr(world.columns, name).nbytes for name in Columns._fields)
        found[f"state_bytes_a_person_{people}"] = sum(state) / len(world.columns[0])
    return {**found, **rules()}


def main() -> int:
    """Print what is counted beside the record, or write the record."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.work", description=__doc__)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--lines", action="store_true", help="count lines in this very process")
    given = parser.parse_args()
    if given.lines:
        print(json.dumps([_lines(300), _lines(600)]))
        return 0
    found = counted()
    if given.record:
        RECORD.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    kept = json.loads(RECORD.read_text(encoding="utf-8"))
    for name, value in found.items():
        print(f"{name:32} {value:14,.1f}  record {kept[name]:14,.1f}  {value / kept[name]:.3f}")
    print(f"numpy {np.__version__}, python {sys.version.split()[0]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
