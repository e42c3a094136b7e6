"""Measure what the project promises about speed and memory, and print it beside the promises.

::

    python -m tests.bench                  # all sections, some twelve minutes on two quiet cores
    python -m tests.bench engines sweep    # some of them; the others keep their figures
    python -m tests.bench --table          # what was measured, nothing measured anew

Ratios come from runs in turn (A B A B ...), their medians first. Each section says when and on what
machine, at which load, it was taken, in ``tests/bench/results.json``; a section that is run again
replaces its own figures alone.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pickle
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import sim
import sim.month
from sim.engine.kernels import Columns
from sim.eves import copied
from sim.month import live, run_month, simulate
from sim.scenario import load
from tests.bench.table import told
from tests.bench.worlds import timed, with_providers, world_of

RECORD = Path(__file__).parent / "results.json"
ROOT = Path(__file__).resolve().parents[2]

NESTED = {
    "global_budget": {
        "budget": "neutral",
        "surplus": [{"to": 0.1, "kept": 0.5}],
        "overrun": [{"to": 0.1, "borne": 0.5}],
        "of": {
            "blend": [
                {"scope": {"setting": "inpatient"}, "contract": {"drg": {"base_rate": "neutral"}}},
                {"scope": "rest", "contract": {"fee_for_service": {"schedule": "list"}}},
            ]
        },
    }
}


def _python(*words: str, env: Mapping[str, str] | None = None) -> str:
    """Run a Python program from the tree's folder and give what it printed."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    out = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**kept, **(env or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    return out.stdout


# --- columns against agents -------------------------------------------------------------------


def _in_turn(people: int, months: int, rounds: int, settle: int, copies: int = 1) -> dict[str, Any]:
    """Time a month per person in both engines, in turn, on the same people and months.

    The first months are not timed: they settle providers and fill caches in both engines. Columns
    live the same months in ``copies`` of their world, half of them before the agents do and half
    after, and the median counts: a month of half a second beside one of a minute is otherwise told
    by what else the machine did in it.
    """
    from sim.model import HealthSystem

    columnar, agents = [], []
    for turn in range(rounds):
        world = world_of("china-county", people, months + settle, seed=turn)
        model = HealthSystem(world_of("china-county", people, months + settle, seed=turn))
        for _ in range(settle):
            run_month(world)
            model.step()
        worlds = [*(copied(world) for _ in range(copies - 1)), world]
        fast, slow = [0.0] * copies, 0.0
        for _ in range(months):
            for number, place in enumerate(worlds):
                if number == copies // 2:
                    slow += timed(model.step)[1]
                fast[number] += timed(lambda w=place: run_month(w))[1]
        columnar.append(statistics.median(fast))
        agents.append(slow)
    ratios = [b / a for a, b in zip(columnar, agents, strict=True)]
    per = 1e9 / people / months
    return {
        "people": people,
        "months": months,
        "rounds": rounds,
        "columnar_ns": statistics.median(columnar) * per,
        "agents_ns": statistics.median(agents) * per,
        "ratio": statistics.median(ratios),
    }


def engines() -> dict[str, Any]:
    """Both engines at ten thousand and a hundred thousand people."""
    return {"10000": _in_turn(10_000, 3, 3, 2), "100000": _in_turn(100_000, 2, 2, 1)}


def million() -> dict[str, Any]:
    """Both engines at a million people: one month, in a process of their own for their memory."""
    code = (
        "import json;from tests.bench.__main__ import _in_turn;"
        "found=_in_turn(1_000_000,1,1,1,4);"
        "status=open('/proc/self/status').read();"
        "found['peak_mb']=int(status.split('VmHWM:')[1].split()[0])/1024;"
        "print(json.dumps(found))"
    )
    return dict(json.loads(_python("-c", code).splitlines()[-1]))


# --- the reference month ----------------------------------------------------------------------


def peers() -> dict[str, Any]:
    """The reference month in every tool."""
    from tests.bench.peers.__main__ import TOOLS, measured

    found, disagree = measured(tuple(TOOLS), 100_000, 5, 3)
    return {**found, "disagree": disagree}


def payment() -> dict[str, Any]:
    """Payment after people have lived against payment inside the loops, on the reference month.

    The full model has no version that pays inside its loops. What such a version could save at most
    is all that `pay` takes: the month over the month without it.
    """
    from tests.bench.peers.__main__ import measured

    names = ("payshift, paid inside the loops", "payshift, choice tables by zone")
    found, _ = measured(names, 100_000, 9, 30)
    month = parts(100_000, 8)
    whole = month["month_ms"]
    return {
        "reference_month_ratio": found["tools"][1]["ratio"],
        "full_model_at_most": whole / (whole - month["pay_ms"]),
        "tools": found["tools"],
    }


# --- parts of a month -------------------------------------------------------------------------


def parts(people: int, months: int) -> dict[str, Any]:
    """Time people, levers and money of a month apart, processor seconds; medians over months."""
    world = world_of("china-county", people, months + 2)
    inside: dict[str, list[float]] = {"people": [], "move_levers": [], "pay": []}

    def watched(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def timing(*words: Any) -> Any:
            start = time.process_time()
            out = act(*words)
            inside[name].append(time.process_time() - start)
            return out

        return timing

    before = {name: getattr(sim.month, name) for name in ("move_levers", "pay")}
    for name, act in before.items():
        setattr(sim.month, name, watched(name, act))
    try:
        whole = [timed(lambda: run_month(world, watched("people", live)))[1] for _ in range(months)]
    finally:
        for name, act in before.items():
            setattr(sim.month, name, act)
    median = {name: statistics.median(times[1:]) for name, times in inside.items()}
    total = statistics.median(whole[1:])
    return {
        "people": people,
        "month_ms": total * 1e3,
        "people_ms": median["people"] * 1e3,
        "levers_ms": median["move_levers"] * 1e3,
        "pay_ms": median["pay"] * 1e3,
        "people_ns_per_person_month": median["people"] / people * 1e9,
        "levers_share": median["move_levers"] / total,
        "all_but_people_share": 1.0 - median["people"] / total,
    }


def growth() -> dict[str, Any]:
    """Time a month at growing sizes, in turn; ns of processor a person, of people and in all."""
    sizes, months = (10_000, 100_000, 1_000_000, 10_000_000), 4
    worlds = {n: world_of("china-county", n, months + 2) for n in sizes}
    people: dict[int, list[float]] = {n: [] for n in sizes}
    whole: dict[int, list[float]] = {n: [] for n in sizes}

    def watched(size: int) -> Callable[..., object]:
        def act(*words: Any) -> object:
            start = time.process_time()
            out = live(*words)
            people[size].append((time.process_time() - start) / size * 1e9)
            return out

        return act

    for month in range(months):
        for n, world in worlds.items():
            # Small sizes pass in a blink: more of their months for one of the largest.
            again = 1 if n > 1_000_000 or month == 0 else 3
            for _ in range(again if world.month + again <= world.months else 1):
                act = watched(n)
                whole[n].append(timed(lambda w=world, a=act: run_month(w, a))[1] / n * 1e9)
    ns = {str(n): statistics.median(times[1:]) for n, times in people.items()}
    return {
        "people_ns": ns,
        "month_ns": {str(n): statistics.median(times[1:]) for n, times in whole.items()},
        "largest_over_smallest": ns[str(sizes[-1])] / ns[str(sizes[0])],
    }


def organizations() -> dict[str, Any]:
    """Time incentives and levers of a month in seven processes, and give the median.

    Where a process happens to lie in memory moves it by half and more: the same from its first to
    its last month, another in the next process (the same in all with addresses not randomized).
    """
    code = "import json;from tests.bench.__main__ import _organizations as a;print(json.dumps(a()))"
    found = [dict(json.loads(_python("-c", code).splitlines()[-1])) for _ in range(7)]
    each = sorted(one["ms"] for one in found)
    return {
        "providers": found[0]["providers"],
        "ms": statistics.median(each),
        "ms_each": each,
        "at_100000": parts(100_000, 8),
    }


def _organizations() -> dict[str, Any]:
    """Time incentives and levers of a month: 64 providers, every payer's contract nested."""
    s = load("china-county").with_payment(
        [
            {"payer": p, "providers": "all", "contract": NESTED}
            for p in ("resident-scheme", "employee-scheme")
        ]
    )
    region = s.region()
    rows = np.arange(64) % len(region.providers.ids)
    world = sim.month.build_world(
        with_providers(region, rows),
        s.before,
        s.after,
        months_before=s.horizon.start,
        months=40,
        warm_up=12,
        seed=1,
        population=2000,
    )
    for _ in range(30):
        run_month(world)
    times = [timed(lambda: sim.month.move_levers(world))[1] for _ in range(60)]
    return {
        "providers": len(world.setting.beds),
        "ms": statistics.median(times) * 1e3,
    }


# --- memory -----------------------------------------------------------------------------------


def memory() -> dict[str, Any]:
    """Return bytes of state per person, and how peak memory grows with people.

    In runs that keep no claims, and in runs that hold one month's claims at a time.
    """
    people = 1_000_000
    world = world_of("china-county", 1000, 1)
    state = sum(np.dtype(getattr(world.columns, c).dtype).itemsize for c in Columns._fields)
    code = (
        "import sys;"
        "from tests.bench.worlds import world_of;from sim.month import run_month;"
        "w=world_of('china-county',int(sys.argv[1]),3);w.with_claims=sys.argv[2]=='claims'\n"
        "for _ in range(3): w.claims.clear(); run_month(w)\n"
        # Not ru_maxrss: it starts from the size of the process that forked this one.
        "status=open('/proc/self/status').read();"
        "print(int(status.split('VmHWM:')[1].split()[0])*1024)"
    )

    def growth_with(kept: str) -> float:
        small, large = (int(_python("-c", code, str(n), kept)) for n in (people // 10, people))
        return (large - small) / (people - people // 10)

    return {
        "state_bytes_per_person": state,
        "peak_bytes_per_person": growth_with("nothing"),
        "peak_bytes_per_person_with_claims": growth_with("claims"),
    }


# --- starting ---------------------------------------------------------------------------------


def start() -> dict[str, Any]:
    """Time `payshift run tiny` as a whole process, compiled before, and a worker of a sweep."""
    warm, used = [], []
    for _ in range(6):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        warm.append(timed(lambda: _python("-m", "sim", "run", "tiny"))[0])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    bare = [timed(lambda: _python("-c", "pass"))[0] for _ in range(5)]
    with tempfile.TemporaryDirectory() as folder:
        blob = Path(folder) / "model"
        from experiments.sweep.files import read_sweep

        blob.write_bytes(pickle.dumps(read_sweep("county-sobol").model))
        code = (
            "import sys,time;start=time.perf_counter();"
            "from experiments.sweep.worker import serve;one=time.perf_counter();"
            "import pickle;model=pickle.load(open(sys.argv[1],'rb'));model.prepare();"
            "two=time.perf_counter();"
            "heavy=set('mesa SALib dash dask plotly pandas'.split())&set(sys.modules);"
            "import json;print(json.dumps([one-start,two-one,sorted(heavy)]))"
        )
        workers = [json.loads(_python("-c", code, str(blob))) for _ in range(4)][1:]
    return {
        "run_tiny_warm_s": statistics.median(warm[1:]),
        "run_tiny_warm_processor_s": statistics.median(used[1:]),
        "python_s": statistics.median(bare),
        "worker_import_s": statistics.median(w[0] for w in workers),
        "worker_model_s": statistics.median(w[1] for w in workers),
        "worker_imports_of_heavy_libraries": workers[0][2],
    }


def cold() -> dict[str, Any]:
    """Time the first `payshift run tiny` of a machine: every rule is compiled."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"NUMBA_CACHE_DIR": folder, "PAYSHIFT_HOME": folder}
        return {
            "run_tiny_cold_s": timed(lambda: _python("-m", "sim", "run", "tiny", env=env))[0],
            "run_tiny_again_s": timed(lambda: _python("-m", "sim", "run", "tiny", env=env))[0],
        }


# --- sweeps -----------------------------------------------------------------------------------

RUNS = {"payshift": 448, "mesa": 14, "ema": 112, "dask": 448}
TURNS = 7
"""Of ours and Mesa's: a hundred runs of Mesa, since turns differ by a tenth and more."""


def sweep() -> dict[str, Any]:
    """The same runs by a sweep, Mesa's batch runner, the EMA workbench and Dask."""

    def lived(way: str) -> dict[str, Any]:
        out = _python("-m", "tests.bench.sweeping", way, "--runs", str(RUNS[way]))
        told: dict[str, Any] = json.loads(out.splitlines()[-1])
        return told

    turns = [{way: lived(way) for way in ("payshift", "mesa")} for _ in range(TURNS)]
    found = {**turns[0], "ema": lived("ema"), "dask": lived("dask")}
    first = [tuple(row) for row in found["payshift"]["outcomes"]]
    for other in found.values():
        rows = [tuple(row) for row in other.pop("outcomes")]
        other["is_same"] = rows == first[: len(rows)]

    def ratio(of: str) -> list[float]:
        return [both["mesa"][of] / both["payshift"][of] for both in turns]

    found["turns"] = {"whole_s": ratio("whole_s"), "run_processor_s": ratio("run_processor_s")}
    found["mesa_over_payshift"] = statistics.median(ratio("whole_s"))
    found["processor_of_a_run"] = statistics.median(ratio("run_processor_s"))
    return found


def province() -> dict[str, Any]:
    """Counties of a province on one worker and on two, by processes and by Dask."""
    from tests.bench.province import measured

    return measured()


def long_run() -> dict[str, Any]:
    """Time one county of a hundred thousand people over five years."""
    world = world_of("china-county-drg", 100_000, 60)
    wall, cpu = timed(lambda: simulate(world))
    return {"people": 100_000, "months": 60, "wall_s": wall, "cpu_s": cpu}


SECTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "start": start,
    "engines": engines,
    "million": million,
    "peers": peers,
    "payment": payment,
    "organizations": organizations,
    "growth": growth,
    "memory": memory,
    "long_run": long_run,
    "sweep": sweep,
    "province": province,
    "cold": cold,
}


def machine() -> dict[str, Any]:
    """Say where and when a section is taken."""
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), "")
    return {
        "taken": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        "processor": model or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "payshift": sim.__version__,
        "load_before": round(os.getloadavg()[0], 2),
    }


def kept() -> dict[str, Any]:
    """Read what was measured before."""
    return dict(json.loads(RECORD.read_text(encoding="utf-8"))) if RECORD.exists() else {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run sections, keep each as it ends, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--table", action="store_true", help="measure nothing")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    names = [] if given.table else given.sections or list(SECTIONS)
    if names:
        # The cache of compiled rules is filled before anything is timed.
        simulate(world_of("tiny", 300, 14))
    for name in names:
        about, began = machine(), time.perf_counter()
        found = SECTIONS[name]()
        about["seconds"] = round(time.perf_counter() - began, 1)
        record = {**kept(), name: {"about": about, **found}}
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {about['seconds']} s, load {about['load_before']} before", flush=True)
    print(told(kept()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
