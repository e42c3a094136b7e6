"""Indices: which factor moves an outcome, by how much, and how sure that is.

Knows samples, methods and verdicts. Must not know files, figures or sentences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.sensitivity.methods import (
    Estimate,
    Method,
    Setting,
    fitting,
    hold_match,
    method_named,
    one_at_a_time,
)
from experiments.sensitivity.sample import Column, Results, Sample, outputs, sample_of
from experiments.sensitivity.verdicts import verdicts
from sim.errors import ScenarioError

__all__ = ["Indices", "analyze", "default_method", "swings", "tables_of"]

Array = NDArray[np.float64]
_ENOUGH_TO_VARY = 1e-12


@dataclass(frozen=True)
class Indices:
    """One analysis of one outcome.

    Attributes
    ----------
    method, outcome, arm : str
        What was analyzed and how.
    minus : str or None
        The arm subtracted, run by run.
    n_draws, n_replicates : int
        Points and seeds.
    level : float
        Level of the intervals.
    index : str
        The index that verdicts are read from.
    kind : str
        variance, distance or effect.
    table : DataFrame
        `factor`, `label_en`, `label_zh`, `unit`, `index`, `value`, `low`, `high`.
    pairs : DataFrame
        `first`, `second`, `value`, `low`, `high`: effects of pairs beyond those of each alone;
        empty unless asked for.
    verdicts : DataFrame
        See :func:`experiments.sensitivity.verdicts.verdicts`.
    swings : DataFrame
        `factor`, `label_en`, `label_zh`, `unit`, `end` (low, high), `at`, `value`, `low`, `high`:
        how far the outcome lies from its mean (or reference) when the factor is at either end.
    notes : tuple of str
        Ids of what belongs beside the numbers: `floor` (what no influence shows), `one_replicate`
        (no interval), `singly` (groups taken apart), `indicative` (SALib warns of its intervals),
        `polynomial` (shares of a fitted polynomial).
    """

    method: str
    outcome: str
    arm: str
    minus: str | None
    n_draws: int
    n_replicates: int
    level: float
    index: str
    kind: str
    table: pd.DataFrame
    pairs: pd.DataFrame
    verdicts: pd.DataFrame
    swings: pd.DataFrame
    notes: tuple[str, ...] = ()

    def value(self, factor: str, index: str | None = None) -> float:
        """One index of one factor."""
        rows = self.table[
            (self.table["factor"] == factor) & (self.table["index"] == (index or self.index))
        ]
        return float(rows["value"].iloc[0])


def default_method(sample: Sample) -> Method:
    """The method that a sample was drawn for; delta for samples drawn for none."""
    for name in fitting(sample):
        method = method_named(name)
        if method.samplers:
            return method
    return method_named("delta")


def tables_of(estimate: Estimate, columns: tuple[Column, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Indices and pairs of an estimate as tables."""
    rows = [
        (c.id, c.label_en, c.label_zh, c.unit, index, value[i], low[i], high[i])
        for index, (value, low, high) in estimate.indices.items()
        for i, c in enumerate(columns)
    ]
    names = ["factor", "label_en", "label_zh", "unit", "index", "value", "low", "high"]
    pairs = []
    if estimate.pairs is not None:
        value, low, high = estimate.pairs
        pairs = [
            (columns[i].id, columns[j].id, value[i, j], low[i, j], high[i, j])
            for i in range(len(columns))
            for j in range(i + 1, len(columns))
        ]
    return (
        pd.DataFrame(rows, columns=names),
        pd.DataFrame(pairs, columns=["first", "second", "value", "low", "high"]),
    )


def varies(values: Array) -> bool:
    """Whether values differ by more than rounding."""
    spread = float(np.ptp(values))
    return spread > _ENOUGH_TO_VARY * max(1.0, float(np.abs(values).max(initial=0.0)))


def analyze(
    results: Results,
    outcome: str,
    *,
    arm: str | None = None,
    minus: str | None = None,
    method: str | None = None,
    second_order: bool = False,
    resamples: int = 100,
    level: float = 0.95,
) -> Indices:
    """Which factors move an outcome, by which share, with intervals.

    Parameters
    ----------
    results : Results
        Results of a sweep, complete.
    outcome : str
        Id of the outcome.
    arm : str, optional
        Arm whose outcome is analyzed; the first by default.
    minus : str, optional
        Arm to subtract under the same seed: the analysis is then of the reform's effect.
    method : str, optional
        Id in :data:`METHODS`; by default the one the sample was drawn for.
    second_order : bool
        Effects of pairs, by Sobol' only.
    resamples : int
        Bootstrap resamples behind the intervals; at least 2.
    level : float
        Level of the intervals, in (0, 1).

    Returns
    -------
    Indices
        Tables for reading, drawing and saving.

    Raises
    ------
    ScenarioError
        If the method cannot read the sample, or the outcome is the same in all runs.
    StoreError
        If runs are missing, there twice, reordered or not finite; they are named.
    """
    sample = sample_of(results.design)
    chosen = default_method(sample) if method is None else method_named(method)
    hold_match(chosen, sample, second_order)
    _hold_numbers(resamples, level)
    first = _arms(results)[0] if arm is None else arm
    values = outputs(results, sample, outcome, first, minus)
    if not varies(values.mean(axis=1)):
        raise ScenarioError(
            f"{outcome} is the same at every point: there is nothing to explain",
            where=f"arm {first}" + (f" minus {minus}" if minus else ""),
            value=float(values.flat[0]),
            remedy="Choose an outcome that the factors can move, or widen their ranges.",
        )
    setting = Setting(sample, values, resamples, level, second_order)
    estimate = chosen.estimate(setting)
    columns = chosen.columns(sample)
    table, pairs = tables_of(estimate, columns)
    singly = ("singly",) if sample.is_grouped and not chosen.knows_groups else ()
    return Indices(
        method=chosen.id,
        outcome=outcome,
        arm=first,
        minus=minus,
        n_draws=len(sample.points),
        n_replicates=values.shape[1],
        level=level,
        index=chosen.index,
        kind=chosen.kind,
        table=table,
        pairs=pairs,
        verdicts=verdicts(table, chosen.index, chosen.kind),
        swings=swings(setting, chosen),
        notes=(*estimate.notes, *singly),
    )


def _hold_numbers(resamples: int, level: float) -> None:
    if resamples < 2:
        raise ScenarioError(
            "too few resamples for an interval", where="resamples", value=resamples, allowed="≥ 2"
        )
    if not 0.0 < level < 1.0:
        raise ScenarioError(
            "a level of intervals lies between 0 and 1",
            where="level",
            value=level,
            allowed="0 < level < 1",
        )


def _arms(results: Results) -> list[str]:
    return [str(arm) for arm in results.design.arms]


def swings(setting: Setting, method: Method) -> pd.DataFrame:
    """How far the outcome lies from its mean when one factor is at either end of its range.

    Notes
    -----
    One factor at a time: the differences from the reference themselves. For any other sample: the
    mean of the outcome over the lowest and over the highest fifth of the factor (for a choice, its
    first and its last category) minus the mean over all, which averages over every other factor.
    Blocks of draws that belong together are resampled together.
    """
    names = ["factor", "label_en", "label_zh", "unit", "end", "at", "value", "low", "high"]
    sample = setting.sample
    rows: list[tuple[object, ...]] = []
    if method.id == "oat":
        estimate = method.estimate(setting)
        parts = one_at_a_time(sample)
        for end, step in (("low", 0), ("high", -1)):
            value, low, high = estimate.indices[end]
            for i, c in enumerate(sample.factors):
                at = float(sample.points[parts[i][step], i])
                rows.append(
                    (c.id, c.label_en, c.label_zh, c.unit, end, at, value[i], low[i], high[i])
                )
        return pd.DataFrame(rows, columns=names)
    x, y = sample.points, setting.y
    in_pairs = bool(sample.options.get("calc_second_order", True))
    block = method.block(sample, in_pairs) if len(y) % method.block(sample, in_pairs) == 0 else 1
    n_blocks = len(y) // block
    rng = np.random.default_rng(setting.seed)
    draws = rng.integers(n_blocks, size=(setting.resamples, n_blocks))
    weights = np.stack([np.bincount(d, minlength=n_blocks) for d in draws]).astype(np.float64)
    total, count = y.reshape(n_blocks, block).sum(axis=1), np.full(n_blocks, float(block))
    for i, c in enumerate(sample.factors):
        column = x[:, i]
        if sample.is_choice[i]:
            ends = {"low": column == 0, "high": column == sample.levels[i] - 1}
        else:
            cuts = np.quantile(column, [0.2, 0.8])
            ends = {"low": column <= cuts[0], "high": column >= cuts[1]}
        for end, inside in ends.items():
            if not inside.any():
                continue
            part = np.where(inside, y, 0.0).reshape(n_blocks, block).sum(axis=1)
            size = inside.astype(np.float64).reshape(n_blocks, block).sum(axis=1)
            value = part.sum() / size.sum() - y.mean()
            with np.errstate(invalid="ignore", divide="ignore"):
                again = (weights @ part) / (weights @ size) - (weights @ total) / (weights @ count)
            half = setting.z * float(np.nanstd(again, ddof=1))
            at = float(column[inside].mean())
            half = half if math.isfinite(half) else math.nan
            rows.append(
                (c.id, c.label_en, c.label_zh, c.unit, end, at, value, value - half, value + half)
            )
    return pd.DataFrame(rows, columns=names)
