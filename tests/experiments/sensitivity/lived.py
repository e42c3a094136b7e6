"""Results for the tests: lived through the real sweep and store, or worked out in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.executors import sweep
from experiments.sweep.results import Results

Array = NDArray[np.float64]


def cube(count: int, low: float = 0.0, high: float = 1.0) -> tuple[Factor, ...]:
    return tuple(Factor(f"x{place}", low, high) for place in range(1, count + 1))


def design(
    factors: tuple[Factor, ...],
    sampler: str = "sobol",
    n: int = 64,
    *,
    replicates: int = 1,
    seed: int = 20260101,
    arms: tuple[str, ...] = ("today",),
    **options: object,
) -> Design:
    return Design(
        arms=arms,
        factors=factors,
        sampler=Sampler(sampler, n, seed, options),
        replicates=replicates,
        seed=seed,
    )


def lived(
    plan: Design,
    folder: Path,
    model: Callable[..., Mapping[str, float]],
    executor: str = "serial",
    scheduler: str | None = None,
) -> Results:
    """Through the real executor into a real store, and read back."""
    path = folder / ("store.sqlite" if executor == "serial" else f"{executor}.sqlite")
    sweep(plan, path, model, executor, 2, scheduler=scheduler)
    return Results.of(path)


@dataclass(frozen=True)
class Worked:
    """Results worked out in one go, for what needs many samples or has faults made on purpose."""

    design: Design
    frame: pd.DataFrame
    months: Array | None = None

    def outcome(self, arm: str, outcome: str, minus: str | None = None) -> Array:
        rows = self.frame[self.frame["arm"] == arm]
        values = rows[outcome].to_numpy(dtype=float)
        values = values[: len(values) // self.design.replicates * self.design.replicates]
        found = values.reshape(-1, self.design.replicates)
        return found if minus is None else found - self.outcome(minus, outcome)

    def series(self, arm: str, outcome: str) -> Array:
        assert self.months is not None
        return self.months


def worked(plan: Design, function: Callable[[Array, int], Array], **more: Array) -> Worked:
    """`function(points, replicate)` gives the outcome `y` at every point."""
    points = plan.points()
    tables = []
    for arm in plan.arms:
        for replicate in range(plan.replicates):
            table = pd.DataFrame(points, columns=[f.name for f in plan.factors])
            table["y"] = function(points, replicate)
            table["arm"], table["draw"], table["replicate"] = arm, np.arange(len(points)), replicate
            tables.append(table)
    frame = pd.concat(tables).sort_values(["arm", "draw", "replicate"], ignore_index=True)
    return Worked(plan, frame, **more)
