"""Measure what the project promises about speed and memory, in one interleaved run.

::

    python -m tests.bench            # everything, about five minutes on two quiet cores
    python -m tests.bench --quick    # smaller sizes

Ratios come from runs in turn (A B A B ...), their medians first; the machine is named; results go
to ``tests/bench/results.json``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import sim
from sim.engine.kernels import Columns
from sim.model import HealthSystem
from sim.month import World, build_world, live, run_month, simulate
from sim.outlook import move_levers
from sim.region import Region
from sim.scenario import load

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


def world_of(name: str, people: int, months: int, seed: int = 1) -> World:
    """Return a world of a library scenario before its first month."""
    s = load(name)
    return build_world(
        s.region(),
        s.before,
        s.after,
        months_before=s.horizon.start,
        months=months,
        warm_up=s.horizon.warm_up,
        seed=seed,
        population=people,
    )


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - cpu


def engines(people: int, months: int, rounds: int) -> dict[str, float]:
    """Time a month per person in both engines, in turn, on the same people and months.

    The first two months are not timed: they settle providers and fill caches in both engines.
    """
    columnar, agents = [], []
    for turn in range(rounds):
        world = world_of("china-county", people, months + 2, seed=turn)
        model = HealthSystem(world_of("china-county", people, months + 2, seed=turn))
        for _ in range(2):
            run_month(world)
            model.step()
        fast = slow = 0.0
        for _ in range(months):
            fast += timed(lambda w=world: run_month(w))[1]
            slow += timed(model.step)[1]
        columnar.append(fast)
        agents.append(slow)
    ratios = [b / a for a, b in zip(columnar, agents, strict=True)]
    per = 1e9 / people / months
    return {
        "people": people,
        "months": months,
        "columnar_ns_per_person_month": statistics.median(columnar) * per,
        "agents_ns_per_person_month": statistics.median(agents) * per,
        "agents_over_columnar": statistics.median(ratios),
    }


def people_only(people: int, months: int) -> dict[str, float]:
    """Time the stages of people and the whole month apart, processor seconds."""
    world = world_of("china-county", people, 12)
    inside = []

    def watched(*args: object) -> object:
        start = time.process_time()
        out = live(*args)
        inside.append(time.process_time() - start)
        return out

    whole = [timed(lambda: run_month(world, watched))[1] for _ in range(months)]
    stages, total = statistics.median(inside[1:]), statistics.median(whole[1:])
    return {
        "people": people,
        "people_ns_per_person_month": stages / people * 1e9,
        "month_ms": total * 1e3,
        "organizations_and_books_ms": (total - stages) * 1e3,
    }


def growth(sizes: Sequence[int], months: int) -> dict[str, float]:
    """Time the stages of people at growing sizes, in turn; ns of processor a person and month."""
    worlds = {n: world_of("china-county", n, months + 2) for n in sizes}
    inside: dict[int, list[float]] = {n: [] for n in sizes}

    def watched(size: int) -> Callable[..., object]:
        def act(*args: object) -> object:
            start = time.process_time()
            out = live(*args)
            inside[size].append((time.process_time() - start) / size * 1e9)
            return out

        return act

    for _ in range(months):
        for n, world in worlds.items():
            run_month(world, watched(n))
    found = {str(n): statistics.median(times[1:]) for n, times in inside.items()}
    return {**found, "largest_over_smallest": found[str(sizes[-1])] / found[str(sizes[0])]}


def with_providers(region: Region, n: int) -> Region:
    """Return the region with its providers repeated until there are n, each in its place."""
    providers = region.providers
    old = len(providers.ids)
    rows = np.arange(n) % old

    def repeated(name: str, value: Any) -> Any:
        if isinstance(value, tuple) and len(value) == old:
            return tuple(
                f"{value[r]}-{k}" if name == "ids" else value[r] for k, r in enumerate(rows)
            )
        if isinstance(value, np.ndarray) and len(value) == old:
            return value[rows]
        return value

    def of(group: Any) -> dict[str, Any]:
        return {f.name: repeated(f.name, getattr(group, f.name)) for f in dataclasses.fields(group)}

    zones = dataclasses.replace(region.zones, travel_minutes=region.zones.travel_minutes[:, rows])
    new = type(providers)(**of(providers))
    beds = region.observation_beds[rows]
    return dataclasses.replace(region, providers=new, zones=zones, observation_beds=beds)


def organization_level(rounds: int) -> dict[str, float]:
    """Time incentives and levers of a month: 64 providers, every payer's contract nested."""
    s = load("china-county").with_payment(
        [
            {"payer": p, "providers": "all", "contract": NESTED}
            for p in ("resident-scheme", "employee-scheme")
        ]
    )
    region = with_providers(s.region(), 64)
    world = build_world(
        region,
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
    times = [timed(lambda: move_levers(world))[1] for _ in range(rounds)]
    return {"providers": len(world.setting.beds), "ms": statistics.median(times) * 1e3}


def memory(people: int) -> dict[str, float]:
    """Return bytes of state per person, and the growth of peak memory with people."""
    world = world_of("china-county", 1000, 1)
    state = sum(np.dtype(getattr(world.columns, c).dtype).itemsize for c in Columns._fields)
    script = (
        "import sys;sys.path.insert(0,'.');"
        "from tests.bench.__main__ import world_of;from sim.month import run_month;"
        "w=world_of('china-county',int(sys.argv[1]),3);run_month(w);run_month(w);run_month(w);"
        # Not ru_maxrss: it starts from the size of the process that forked this one.
        "status=open('/proc/self/status').read();"
        "print(int(status.split('VmHWM:')[1].split()[0])*1024)"
    )

    def peak(n: int) -> int:
        out = subprocess.run(
            [sys.executable, "-c", script, str(n)], capture_output=True, text=True, check=True
        )
        return int(out.stdout)

    small, large = peak(people // 10), peak(people)
    return {
        "state_bytes_per_person": state,
        "peak_bytes_per_person": (large - small) / (people - people // 10),
    }


def long_run(people: int) -> dict[str, float]:
    """Time one county run of five years."""
    world = world_of("china-county-drg", people, 60)
    wall, cpu = timed(lambda: simulate(world))
    return {"people": people, "months": 60, "wall_s": wall, "cpu_s": cpu}


def start(rounds: int) -> dict[str, float]:
    """Time `payshift run tiny` as a whole process, its sources and kernels compiled before."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    walls = []
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "sim", "run", "tiny"], env=kept, capture_output=True, check=True
        )
        walls.append(time.perf_counter() - begin)
    return {"median_s": statistics.median(walls[1:])}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurements, print them, keep them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--ten-million", action="store_true", help="growth to ten million people too; 2 GB"
    )
    given = parser.parse_args(arguments)
    more = (10_000_000,) if given.ten_million else ()
    quick = given.quick
    world_of("tiny", 300, 2)
    simulate(world_of("tiny", 300, 14))
    results = {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "payshift": sim.__version__,
            "load": os.getloadavg()[0],
        },
        "engines": engines(5000 if quick else 20_000, 3, 1 if quick else 3),
        "month": people_only(20_000 if quick else 100_000, 8),
        "growth": growth((10_000, 100_000) if quick else (10_000, 100_000, 1_000_000, *more), 4),
        "organization_level": organization_level(10 if quick else 40),
        "memory": memory(200_000 if quick else 1_000_000),
        "start_tiny": start(2 if quick else 5),
        "run_100k": long_run(20_000 if quick else 100_000),
        "peak_mb_of_this_process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    for name, value in results.items():
        print(f"{name}: {json.dumps(value)}", flush=True)
    path = Path(__file__).parent / "results.json"
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
