"""How a province of counties scales from one worker to two, by processes and by Dask.

    python -m tests.bench.province

Lives the counties of ``experiments/designs/anhui.yaml`` under the first of its arms at a
two-hundredth of their residents, into a store each. Counties differ twentyfold in size, so that
the last one can keep a worker waiting; the largest is started first. Prints seconds, overhead and
what a run costs in bytes: of the task that goes out, of what comes back, and of the store.
"""

from __future__ import annotations

import json
import pickle
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.sweep.crew import packed
from experiments.sweep.executors import sweep
from experiments.sweep.files import read_sweep
from experiments.sweep.store import Plan, Store
from experiments.sweep.worker import Task, run_once

__all__ = ["measured"]

SHARE = 0.25


def measured() -> dict[str, Any]:
    """Live the province four times."""
    whole = read_sweep("anhui")
    counties = tuple(
        replace(
            county,
            settings={"population": max(1, round(SHARE * float(county.settings["population"])))},
        )
        for county in whole.design.counties
    )
    design = replace(whole.design, counties=counties, arms=whole.design.arms[:1])
    found: dict[str, Any] = {"runs": len(counties)}
    hashes = set()
    for executor in ("process", "dask"):
        walls = {}
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "p.sqlite"
                tally = sweep(design, path, whole.model, executor, workers)
                with Store.read(path) as store:
                    rows = [store.get(key) for key, _, _ in store.plan.runs()]
                    hashes.add(store.result_sha256())
                seconds = np.array([row.seconds for row in rows if row is not None])
                found["store_bytes_a_run"] = path.stat().st_size / len(rows)
            walls[workers] = tally.seconds
            found.setdefault(executor, {})[f"workers_{workers}"] = {
                "wall_s": tally.seconds,
                "inside_s": float(seconds.sum()),
                "overhead": tally.seconds * workers / float(seconds.sum()),
            }
        found[executor]["speed_up"] = walls[1] / walls[2]
    plan = Plan(design, design.points(), whole.model.code_version)
    run = plan.run(0)
    task = Task(0, plan.parameters(run), design.arms[run.arm], run.seed)
    found |= {
        "is_same": len(hashes) == 1,
        "model_bytes": len(packed(whole.model)),
        "task_bytes": len(pickle.dumps(task)),
        "result_bytes": len(pickle.dumps(run_once(whole.model, task))),
        "longest_run_s": float(seconds.max()),
        "mean_run_s": float(seconds.mean()),
    }
    return found


if __name__ == "__main__":
    print(json.dumps(measured(), indent=1))
