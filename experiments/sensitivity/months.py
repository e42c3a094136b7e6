"""Indices over time: what decides in the first months need not decide later.

Knows how to repeat an analysis month by month. Must not know what happens in a month.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.sensitivity.indices import default_method, tables_of, varies
from experiments.sensitivity.methods import Estimate, Setting, hold_match, method_named
from experiments.sensitivity.sample import Results, sample_of, series
from sim.errors import ScenarioError

__all__ = ["over_months"]


def over_months(
    results: Results,
    outcome: str,
    *,
    arm: str | None = None,
    minus: str | None = None,
    method: str | None = None,
    every: int = 1,
    resamples: int = 50,
    level: float = 0.95,
) -> pd.DataFrame:
    """The ranked index of every factor, month by month.

    Parameters
    ----------
    every : int
        Months taken together: an outcome is averaged over so many, which steadies rare events.
    results, outcome, arm, minus, method, resamples, level
        As in :func:`experiments.sensitivity.analyze`.

    Returns
    -------
    DataFrame
        `month` (first of the window, counted as the sweep recorded them), `factor`, `label_en`,
        `label_zh`, `index`, `value`, `low`, `high`, `spread` (standard deviation of the outcome
        over draws, its unit). Where the outcome is the same at every point, as a difference is
        before the reform, the index is not defined and stands as NaN.

    Raises
    ------
    StoreError
        If runs are missing, there twice or reordered.
    ScenarioError
        If a window of months has no value in some run.
    """
    sample = sample_of(results.design)
    chosen = default_method(sample) if method is None else method_named(method)
    hold_match(chosen, sample, False)
    first = str(results.design.arms[0]) if arm is None else arm
    values = series(results, sample, outcome, first, minus)
    columns = chosen.columns(sample)
    tables = []
    for month in range(0, values.shape[2] - every + 1, every):
        window = values[:, :, month : month + every]
        is_known = np.isfinite(window)
        if not is_known.any(axis=2).all():
            raise ScenarioError(
                f"{outcome} has no value in {int((~is_known.any(axis=2)).sum())} runs",
                where=f"month {month}",
                remedy="Take more months together, or an outcome that every month has.",
            )
        of_month = np.where(is_known, window, 0.0).sum(axis=2) / is_known.sum(axis=2)
        mean = of_month.mean(axis=1)
        if varies(mean):
            estimate = chosen.estimate(Setting(sample, of_month, resamples, level))
        else:
            nothing = np.full(len(columns), np.nan)
            estimate = Estimate({chosen.index: (nothing, nothing, nothing)})
        table, _ = tables_of(estimate, columns)
        table = table[table["index"] == chosen.index]
        tables.append(table.assign(month=month, spread=float(mean.std(ddof=1))))
    kept = ["month", "factor", "label_en", "label_zh", "index", "value", "low", "high", "spread"]
    return pd.concat(tables, ignore_index=True)[kept]
