"""The same runs handed out by a sweep, by Mesa's `batch_run` and by the EMA workbench.

    python -m tests.bench.sweeping payshift --runs 448
    python -m tests.bench.sweeping dask --runs 448
    python -m tests.bench.sweeping ema --runs 56
    python -m tests.bench.sweeping mesa --runs 6

Runs are the first ones of one Sobol design of 3,584 (`tests.bench.small_county`). ``mesa`` lives
them with the agent engine, as a model class that `mesa.batch_run` builds, steps and collects; the
others live them on columns. Two worker processes each. Prints one line of JSON: seconds on the
clock, seconds inside runs, and what the outcomes were, so that all can be held equal.

What starting takes is paid once, however long a design is: a sweep tells when its first results
were stored and at what pace the others followed. The whole design takes what its first part took,
starting and ending in it, and the rest at that pace. Where a tool does not tell, the rest goes at
the ideal pace, runs back to back.

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
from typing import Any, NamedTuple

from sim.runner import seed_of
from tests.bench.small_county import OUTCOMES, TAKEN, SmallCounty, design

__all__ = ["WHOLE", "WORKERS", "Lived", "main", "told"]

WORKERS = 2
WHOLE = 3_584
SEED = seed_of(1, 0)


def points(runs: int) -> list[dict[str, Any]]:
    """Give the parameters of the first runs of the whole design."""
    whole = design()
    drawn = whole.points()
    assert len(drawn) == WHOLE
    return [dict(whole.parameters(point)) for point in drawn[:runs]]


class Lived(NamedTuple):
    """Some runs done by a tool.

    Attributes
    ----------
    wall : float
        Seconds on the clock from the call to its return.
    runs : list of dict
        Outcomes of each, and the seconds it took.
    version : str
        Of the tool.
    stored : list of (float, int)
        Seconds on the clock, and how many runs were stored by then; empty where it does not tell.
    """

    wall: float
    runs: list[dict[str, float]]
    version: str
    stored: list[tuple[float, int]]


def told(way: str, lived: Lived) -> dict[str, Any]:
    """Give what a tool took, for the runs it lived and for all of the design.

    ``overhead`` is clock x workers over the time inside runs, of the runs lived; ``whole_overhead``
    the same of all 3,584.
    """
    n = len(lived.runs)
    seconds = sorted(row["seconds"] for row in lived.runs)
    # The first run of a process may load what the others find loaded, and is no run.
    one = statistics.mean(seconds[:-WORKERS])
    first, pace = None, one / WORKERS
    if len(lived.stored) > 1:
        (first, before), (last, done) = lived.stored[0], lived.stored[-1]
        pace = (last - first) / (done - before)
    whole = lived.wall + (WHOLE - n) * pace
    return {
        "way": way,
        "version": lived.version,
        "runs": n,
        "wall_s": lived.wall,
        "first_s": first,
        "inside_s": one * n,
        "run_processor_s": statistics.median(row["processor_seconds"] for row in lived.runs),
        "overhead": lived.wall * WORKERS / (one * n),
        "whole_s": whole,
        "whole_overhead": whole * WORKERS / (one * WHOLE),
        "outcomes": [[row[name] for name in OUTCOMES] for row in lived.runs[:8]],
    }


def by_sweep(runs: int, executor: str) -> Lived:
    """Sweep them into a store."""
    from dataclasses import replace

    from experiments.sweep.design import Sampler
    from experiments.sweep.executors import Tally, sweep
    from experiments.sweep.results import Results

    whole = design()
    rows = [list(point) for point in whole.points()[:runs]]
    part = replace(whole, sampler=Sampler("given", options={"points": rows}), outcomes=())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.sqlite"
        stored: list[tuple[float, int]] = []
        started = time.perf_counter()

        def progress(tally: Tally) -> None:
            if tally.done:
                stored.append((time.perf_counter() - started, tally.done))

        sweep(part, path, SmallCounty(), executor, WORKERS, progress=progress)
        wall = time.perf_counter() - started
        frame = Results.of(path).frame
    found = frame[[*OUTCOMES, *TAKEN]].to_dict("records")
    name = "dask" if executor == "dask" else "payshift"
    return Lived(wall, found, f"{name} {importlib.metadata.version(name)}", stored)


def by_mesa(runs: int) -> Lived:
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
    return Lived(wall, found, f"mesa {mesa.__version__}", [])


def one(**parameters: Any) -> dict[str, float]:
    """Live one run for the EMA workbench."""
    return SmallCounty()(parameters, "drg", SEED)


def by_ema(runs: int) -> Lived:
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
    return Lived(wall, found, f"ema-workbench {importlib.metadata.version('ema-workbench')}", [])


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the runs one way and print what they took."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sweeping", description=__doc__)
    parser.add_argument("way", choices=("payshift", "dask", "ema", "mesa"))
    parser.add_argument("--runs", type=int, default=448)
    given = parser.parse_args(arguments)
    if given.way == "mesa":
        lived = by_mesa(given.runs)
    elif given.way == "ema":
        lived = by_ema(given.runs)
    else:
        lived = by_sweep(given.runs, "process" if given.way == "payshift" else "dask")
    print(json.dumps(told(given.way, lived)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
