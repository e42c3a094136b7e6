"""Convergence: whether more runs would change the answer.

Knows how indices and their intervals move as a sample grows, and when that is enough. Must not
know figures or sentences.

References
----------
Sarrazin F, Pianosi F, Wagener T. Global sensitivity analysis of environmental models: convergence
and validation. Environ Model Softw 2016. doi:10.1016/j.envsoft.2016.02.005.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.sensitivity.indices import default_method, tables_of, varies
from experiments.sensitivity.methods import Method, Setting, hold_match, method_named
from experiments.sensitivity.sample import Results, Sample, outputs, sample_of
from sim.errors import ScenarioError

__all__ = ["Convergence", "converge", "sizes"]

TOLERANCE = 0.05


@dataclass(frozen=True)
class Convergence:
    """How an analysis settles as its sample grows.

    Attributes
    ----------
    table : DataFrame
        `n_draws`, `factor`, `label_en`, `label_zh`, `index`, `value`, `low`, `high`, of the index
        that is ranked.
    widest : float
        Half-width of the widest interval at the full sample, on the scale of `tolerance`.
    change : float
        Largest change of an index over the last doubling, same scale.
    tolerance : float
        Half a width that is enough: a share of variance or distance; for effects a share of the
        largest.
    is_enough : bool
        Both `widest` and `change` lie within the tolerance.
    n_needed : int
        Draws that would do, were widths to shrink with the root of their number.
    """

    table: pd.DataFrame
    widest: float
    change: float
    tolerance: float
    is_enough: bool
    n_needed: int


def sizes(method: Method, sample: Sample, steps: int = 6) -> list[int]:
    """Numbers of draws whose first part is a sample of its own, doubling up to all of them."""
    block = method.block(sample, bool(sample.options.get("calc_second_order", True)))
    whole = len(sample.points) // block
    least = max(8 if block > 1 else 32, method.least)
    found = [whole]
    while len(found) < steps and found[-1] // 2 >= least:
        found.append(found[-1] // 2)
    return [size * block for size in reversed(found)]


def converge(
    results: Results,
    outcome: str,
    *,
    arm: str | None = None,
    minus: str | None = None,
    method: str | None = None,
    tolerance: float = TOLERANCE,
    resamples: int = 100,
    level: float = 0.95,
) -> Convergence:
    """Analyze growing first parts of a sample and say whether the whole is large enough.

    Parameters
    ----------
    tolerance : float
        Half-width of an interval, and change over the last doubling, that are small enough.
    results, outcome, arm, minus, method, resamples, level
        As in :func:`experiments.sensitivity.analyze`.

    Raises
    ------
    ScenarioError
        If no first part of this sample is a sample (eFAST, one at a time, factorial designs).
    StoreError
        If runs are missing, there twice, reordered or not finite.
    """
    sample = sample_of(results.design)
    chosen = default_method(sample) if method is None else method_named(method)
    hold_match(chosen, sample, False)
    if chosen.growth == "none":
        raise ScenarioError(
            f"a sample for method {chosen.id} has no smaller sample inside it",
            where=f"design {sample.where}",
            allowed="sobol, morris, or a method that reads any sample",
            remedy="Compare two designs of different size instead.",
        )
    first = str(results.design.arms[0]) if arm is None else arm
    values = outputs(results, sample, outcome, first, minus)
    tables = []
    for size in sizes(chosen, sample):
        if not varies(values[:size].mean(axis=1)):
            continue
        estimate = chosen.estimate(Setting(sample, values, resamples, level, n_draws=size))
        table, _ = tables_of(estimate, chosen.columns(sample))
        table = table[table["index"] == chosen.index]
        tables.append(table.assign(n_draws=size))
    if not tables:
        raise ScenarioError(
            f"{outcome} is the same at every point: there is nothing to explain",
            where=f"arm {first}",
            remedy="Choose an outcome that the factors can move, or widen their ranges.",
        )
    grown = pd.concat(tables, ignore_index=True)
    last = tables[-1]
    scale = float(last["value"].abs().max()) if chosen.kind == "effect" else 1.0
    scale = scale if scale > 0 else 1.0
    half = (last["high"] - last["low"]).to_numpy(dtype=np.float64) / 2.0 / scale
    widest = float(np.max(half)) if np.isfinite(half).all() else math.inf
    if len(tables) > 1:
        before = tables[-2]["value"].to_numpy(dtype=np.float64)
        now = last["value"].to_numpy(dtype=np.float64)
        change = float(np.abs(now - before).max()) / scale
    else:
        change = math.inf
    worst = max(widest, change if math.isfinite(change) else widest)
    n_draws = len(sample.points)
    is_enough = widest <= tolerance and change <= tolerance
    needed = n_draws
    if not is_enough:
        factor = (worst / tolerance) ** 2 if math.isfinite(worst) else 2.0
        needed = math.ceil(n_draws * max(factor, 2.0))
    kept = ["n_draws", "factor", "label_en", "label_zh", "index", "value", "low", "high"]
    return Convergence(grown[kept], widest, change, tolerance, is_enough, needed)
