"""The same runs handed out by a sweep, by Mesa's `batch_run` and by the EMA workbench.

    python -m tests.bench.sweeping payshift --runs 112
    python -m tests.bench.sweeping dask --runs 56
    python -m tests.bench.sweeping ema --runs 56
    python -m tests.bench.sweeping mesa --runs 6

Runs are the first ones of one Sobol design of 3,584 (`tests.bench.small_county`). ``mesa`` lives
them with the agent engine, as a model class that `mesa.batch_run` builds, steps and collects; the
others live them on columns. Two worker processes each. Prints one line of JSON: seconds on the
clock, seconds inside runs, and what the outcomes were, so that all can be held equal.

Each is a process of its own, for Mesa forces a way of starting processes on the whole program.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.runner import seed_of
from tests.bench.small_county import OUTCOMES, TAKEN, SmallCounty, design

__all__ = ["WHOLE", "WORKERS", "main"]

WORKERS = 2
WHOLE = 3_584
SEED = seed_of(1, 0)


def points(runs: int) -> list[dict[str, Any]]:
    """Give the parameters of the first runs of the whole design."""
    whole = design()
    drawn = whole.points()
    assert len(drawn) == WHOLE
    return [dict(whole.parameters(point)) for point in drawn[:runs]]


def by_sweep(runs: int, executor: str) -> tuple[float, list[dict[str, float]], str]:
    """Sweep them into a store."""
    from dataclasses import replace

    from experiments.sweep.design import Sampler
    from experiments.sweep.executors import sweep
    from experiments.sweep.results import Results

    whole = design()
    rows = [list(point) for point in whole.points()[:runs]]
    part = replace(whole, sampler=Sampler("given", options={"points": rows}), outcomes=())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.sqlite"
        started = time.perf_counter()
        sweep(part, path, SmallCounty(), executor, WORKERS)
        wall = time.perf_counter() - started
        frame = Results.of(path).frame
    found = frame[[*OUTCOMES, *TAKEN]].to_dict("records")
    name = "dask" if executor == "dask" else "payshift"
    return wall, found, f"{name} {importlib.metadata.version(name)}"


def by_mesa(runs: int) -> tuple[float, list[dict[str, float]], str]:
    """Let Mesa's batch runner build, step and collect them."""
    import mesa

    from tests.bench.mesa_county import MesaCounty

    drawn = points(runs)
    started = time.perf_counter()
    found = mesa.batch_run(
        MesaCounty,
        parameters={"draw": range(len(drawn))},
        number_processes=WORKERS,
        display_progress=False,
    )
    wall = time.perf_counter() - started
    found.sort(key=lambda row: row["draw"])
    return wall, found, f"mesa {mesa.__version__}"


def one(**parameters: Any) -> dict[str, float]:
    """Live one run for the EMA workbench."""
    return SmallCounty()(parameters, "drg", SEED)


def by_ema(runs: int) -> tuple[float, list[dict[str, float]], str]:
    """Let the EMA workbench's pool do them."""
    with warnings.catch_warnings():
        # It tells of every optional package that is not there.
        warnings.simplefilter("ignore")
        from ema_workbench import Model, MultiprocessingEvaluator, RealParameter, ScalarOutcome
        from ema_workbench import Scenario as Point

    drawn = points(runs)
    model = Model("county", function=one)
    model.uncertainties = [
        RealParameter(factor.name, factor.low, factor.high) for factor in design().factors
    ]
    model.outcomes = [ScalarOutcome(name) for name in (*OUTCOMES, *TAKEN)]
    named = [Point(str(i), **point) for i, point in enumerate(drawn)]
    started = time.perf_counter()
    with MultiprocessingEvaluator(model, n_processes=WORKERS) as evaluator:
        experiments, outcomes = evaluator.perform_experiments(scenarios=named)
    wall = time.perf_counter() - started
    order = experiments["scenario"].astype(int).to_numpy().argsort()
    found = [{name: float(outcomes[name][i]) for name in (*OUTCOMES, *TAKEN)} for i in order]
    return wall, found, f"ema-workbench {importlib.metadata.version('ema-workbench')}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the runs one way and print what they took."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sweeping", description=__doc__)
    parser.add_argument("way", choices=("payshift", "dask", "ema", "mesa"))
    parser.add_argument("--runs", type=int, default=112)
    given = parser.parse_args(arguments)
    if given.way == "mesa":
        wall, found, version = by_mesa(given.runs)
    elif given.way == "ema":
        wall, found, version = by_ema(given.runs)
    else:
        wall, found, version = by_sweep(
            given.runs, "process" if given.way == "payshift" else "dask"
        )
    # The median: the first run of a process loads what the others find loaded, and is no run.
    inside = statistics.median(row["seconds"] for row in found) * len(found)
    told = {
        "way": given.way,
        "version": version,
        "runs": len(found),
        "wall_s": wall,
        "inside_s": inside,
        "run_processor_s": statistics.median(row["processor_seconds"] for row in found),
        "overhead": wall * WORKERS / inside,
        # What it pays around its runs is paid once; the runs go on at the same pace.
        "whole_s": wall + (WHOLE - len(found)) * inside / len(found) / WORKERS,
        "outcomes": [[row[name] for name in OUTCOMES] for row in found[:8]],
    }
    print(json.dumps(told), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
