"""Estimators of a reform's effect as they are taught, on panels of units by periods.

Knows outcomes, dates of adoption and standard errors; must not know where the numbers come from,
nor what is true. Regressions are those of statsmodels, optimization that of scipy.
"""

from __future__ import annotations

import functools
import importlib
import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from experiments.discovery import packages_needed

__all__ = [
    "NEVER",
    "Estimate",
    "EventStudy",
    "event_study",
    "group_time",
    "interrupted_series",
    "paired_change",
    "regression_discontinuity",
    "rule_of_thumb",
    "synthetic_control",
    "synthetic_weights",
    "two_way_fixed_effects",
]

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

NEVER: Final = 1_000_000
"""Period of adoption of a unit that never adopts."""
_LEVEL: Final = 0.975


class Estimate(NamedTuple):
    """An effect and its 95 % interval, in the outcome's unit."""

    effect: float
    low: float
    high: float


class EventStudy(NamedTuple):
    """Effects by event time, their mean over the first periods, and the test of the leads.

    Attributes
    ----------
    times : ndarray of int
        Event times of the coefficients; the reference is not among them.
    effects, low, high : ndarray
        One each.
    mean : Estimate
        Mean over event times 0 to ``last``.
    leads_p : float
        Probability of leads this far from zero, were all of them zero.
    """

    times: Int
    effects: Float
    low: Float
    high: Float
    mean: Estimate
    leads_p: float


@functools.cache
def _models() -> Any:
    """Load the regressions when the first one is wanted; they take seconds."""
    packages_needed("statsmodels")
    return importlib.import_module("statsmodels.regression.linear_model")


def _interval(effect: float, error: float, df: float) -> Estimate:
    half = float(stats.t.ppf(_LEVEL, df)) * error
    return Estimate(float(effect), float(effect - half), float(effect + half))


def _within(table: Float) -> Float:
    """Take unit and period means out of a full panel, shape (n_units, n_periods)."""
    centered: Float = (
        table - table.mean(axis=1, keepdims=True) - table.mean(axis=0, keepdims=True) + table.mean()
    )
    return centered


def _clustered(y: Float, regressors: list[Float]) -> Any:
    """Least squares with unit and period effects, standard errors clustered by unit.

    In a full panel both sets of effects are taken out by means (Frisch, Waugh and Lovell).
    """
    n_units, n_periods = y.shape
    design = np.stack([_within(one).ravel() for one in regressors], axis=1)
    groups = np.repeat(np.arange(n_units), n_periods)
    return (
        _models()
        .OLS(_within(y).ravel(), design)
        .fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    )


def two_way_fixed_effects(y: Float, start: Int) -> Estimate:
    """Give the coefficient of "treated now" beside effects of unit and period.

    Parameters
    ----------
    y : ndarray, shape (n_units, n_periods)
        A full panel.
    start : ndarray of int, shape (n_units,)
        Period of adoption, counted from 0; :data:`NEVER` for those that never adopt.

    Notes
    -----
    ``y_it = a_i + b_t + d D_it``, intervals from errors clustered by unit with Student's t on
    ``n_units - 1`` degrees of freedom. Where adoption is staggered and effects grow with time,
    units treated early serve as controls of later ones and ``d`` is no average of effects with
    positive weights (Goodman-Bacon 2021, https://doi.org/10.1016/j.jeconom.2021.03.014).
    """
    treated = (np.arange(y.shape[1]) >= start[:, np.newaxis]).astype(np.float64)
    found = _clustered(y, [treated])
    return _interval(found.params[0], found.bse[0], len(y) - 1)


def event_study(y: Float, start: Int, leads: int, last: int, reference: int = -1) -> EventStudy:
    """Give coefficients by time since adoption beside effects of unit and period.

    Parameters
    ----------
    y, start : ndarray
        As in :func:`two_way_fixed_effects`.
    leads : int
        Event times from ``-leads`` on have a coefficient each; earlier ones share the first.
    last : int
        Last event time of the mean; those after it share one coefficient that is not in the mean.
    reference : int
        Event time that effects are relative to.

    Notes
    -----
    The regression of :func:`two_way_fixed_effects` with one indicator for each event time. It has
    the same trouble with staggered adoption (Sun & Abraham 2021,
    https://doi.org/10.1016/j.jeconom.2020.09.006).
    """
    ever = (start < NEVER)[:, np.newaxis]
    since = np.arange(y.shape[1]) - start[:, np.newaxis]
    bounded = np.clip(since, -leads, last + 1)
    times = np.array([t for t in range(-leads, last + 2) if t != reference], dtype=np.int64)
    times = times[[bool(np.any(ever & (bounded == t))) for t in times]]
    found = _clustered(y, [(ever & (bounded == t)).astype(np.float64) for t in times])
    df = len(y) - 1
    half = stats.t.ppf(_LEVEL, df) * found.bse
    weight = np.where((times >= 0) & (times <= last), 1.0, 0.0)
    weight /= weight.sum()
    mean = _interval(weight @ found.params, np.sqrt(weight @ found.cov_params() @ weight), df)
    is_lead = times < 0
    leads_p = 1.0
    if is_lead.any():
        rows = np.eye(len(times))[is_lead]
        leads_p = float(found.wald_test(rows, scalar=True, use_f=True).pvalue)
    return EventStudy(times, found.params, found.params - half, found.params + half, mean, leads_p)


def group_time(y: Float, start: Int, anticipation: int = 0, base_periods: int = 1) -> Estimate:
    """Give the mean effect over all treated units and periods, cohort by cohort.

    Parameters
    ----------
    y, start : ndarray
        As in :func:`two_way_fixed_effects`; some units must never adopt.
    anticipation : int
        Periods before adoption that may already feel it.
    base_periods : int
        Clean periods before those that the change is measured from; one is the textbook's. More are
        less noisy and lean on parallel trends for longer.

    Notes
    -----
    For each cohort ``g`` and period ``t >= g`` the change since the base, less that of the units
    that never adopt: ATT(g, t) of Callaway & Sant'Anna (2021,
    https://doi.org/10.1016/j.jeconom.2020.12.001) without covariates. The mean weights every
    treated unit and period alike. All ATT of a cohort are means of each unit's own change, so the
    variance is that of means of independent units; degrees of freedom are Satterthwaite's.
    """
    control = start >= NEVER
    if control.sum() < 2:
        raise ValueError("at least two units must never adopt")
    cohorts = [int(g) for g in np.unique(start[~control])]
    n_periods = y.shape[1]
    cells = {g: float((start == g).sum() * (n_periods - g)) for g in cohorts}
    total = sum(cells.values())
    effect, pieces, counterfactual = 0.0, [], np.zeros(int(control.sum()))
    for g in cohorts:
        base = slice(g - anticipation - base_periods, g - anticipation)
        if base.start < 0 or g >= n_periods:
            raise ValueError(f"the cohort of period {g} has no base or no time after")
        change = y[:, g:].mean(axis=1) - y[:, base].mean(axis=1)
        mine, weight = change[start == g], cells[g] / total
        effect += weight * float(mine.mean() - change[control].mean())
        counterfactual += weight * change[control]
        if len(mine) > 1:
            pieces.append((weight**2 * float(mine.var(ddof=1)) / len(mine), len(mine) - 1))
    pieces.append(
        (float(counterfactual.var(ddof=1)) / len(counterfactual), len(counterfactual) - 1)
    )
    variance = sum(v for v, _ in pieces)
    bottom = sum(v**2 / n for v, n in pieces)
    df = variance**2 / bottom if bottom > 0.0 else float(len(y) - 1)
    return _interval(effect, float(np.sqrt(variance)), df)


def paired_change(first: Float, second: Float) -> Estimate:
    """Give the mean difference of two changes of the same units, by a paired t interval.

    Parameters
    ----------
    first, second : ndarray, shape (n_units,)
        Change of those under the reform and of their neighbors in the same unit.
    """
    gap = np.asarray(first - second, dtype=np.float64)
    error = float(gap.std(ddof=1)) / np.sqrt(len(gap))
    return _interval(float(gap.mean()), error, len(gap) - 1)


def interrupted_series(y: Float, start: int, lags: int = 3, season: int = 12) -> Estimate:
    """Give the mean distance, after the reform, from the trend before it.

    Parameters
    ----------
    y : ndarray, shape (n_periods,)
    start : int
        First period of the reform.
    lags : int
        Of the Newey-West errors.
    season : int
        Periods of a year, each with a constant of its own; 1 leaves seasons out.

    Notes
    -----
    ``y_t = a + b t + c after + d (t - start) after + season``; the effect is the mean of
    ``c + d (t - start)`` over the periods after.
    """
    n = len(y)
    time = np.arange(n, dtype=np.float64)
    after = (time >= start).astype(np.float64)
    columns = [np.ones(n), time, after, (time - start) * after]
    columns += [(time % season == k).astype(np.float64) for k in range(1, season)]
    found = (
        _models()
        .OLS(y, np.stack(columns, axis=1))
        .fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
    )
    weight = np.zeros(len(columns))
    weight[2], weight[3] = 1.0, float((time[start:] - start).mean())
    error = float(np.sqrt(weight @ found.cov_params() @ weight))
    return _interval(float(weight @ found.params), error, n - len(columns))


def regression_discontinuity(
    y: Float, running: Float, cut: float, bandwidth: float | None = None
) -> Estimate:
    """Give the jump of the outcome where the running variable passes the cut.

    Parameters
    ----------
    y, running : ndarray, shape (n_units,)
        Treated are those with ``running >= cut``.
    cut : float
    bandwidth : float, optional
        Half-width of the window; :func:`rule_of_thumb` if left out.

    Notes
    -----
    Local linear regression with a triangular kernel and a slope on each side; errors HC3. No
    correction for the bias of the line inside the window.
    """
    x = np.asarray(running, dtype=np.float64) - cut
    width = rule_of_thumb(running, cut) if bandwidth is None else bandwidth
    weight = np.maximum(1.0 - np.abs(x) / width, 0.0)
    near = weight > 0.0
    is_treated = (x >= 0.0).astype(np.float64)
    design = np.stack([np.ones(len(x)), is_treated, x, x * is_treated], axis=1)[near]
    found = _models().WLS(y[near], design, weights=weight[near]).fit(cov_type="HC3", use_t=True)
    return _interval(found.params[1], found.bse[1], int(near.sum()) - 4)


def rule_of_thumb(running: Float, cut: float) -> float:
    """Give a window's half-width: ``2.5 sd n^(-1/5)``, or what holds four values on each side.

    Raises
    ------
    ValueError
        If a side has fewer than four different values.
    """
    x = np.asarray(running, dtype=np.float64) - cut
    sides = np.unique(x[x >= 0.0]), np.unique(-x[x < 0.0])
    if min(map(len, sides)) < 4:
        raise ValueError("a line needs at least four different values on each side of the cut")
    widest = max(float(side[3]) for side in sides)
    rule = 2.5 * float(x.std(ddof=1)) / math.pow(len(x), 0.2)
    return max(rule, widest * (1.0 + 1e-6))


def synthetic_weights(target: Float, donors: Float) -> Float:
    """Give weights of donors, none negative, that sum to one and repeat the target best.

    Parameters
    ----------
    target : ndarray, shape (n_periods,)
    donors : ndarray, shape (n_donors, n_periods)

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[0.0, 1.0, 4.0], [2.0, 3.0, 0.0]])
    >>> np.round(synthetic_weights(0.25 * rows[0] + 0.75 * rows[1], rows), 3)
    array([0.25, 0.75])
    """
    n = len(donors)
    # Least squares over the simplex: a heavy row holds the sum of nonnegative weights at one.
    scale = max(float(np.abs(donors).max()), 1.0)
    heavy = 1e3 * scale
    design = np.vstack([donors.T, np.full(n, heavy)])
    found, _ = optimize.nnls(design, np.append(target, heavy))
    weights: Float = found / found.sum()
    return weights


def _gaps(y: Float, start: int, unit: int, others: Int) -> tuple[float, float]:
    """Mean gap to the synthetic unit after the reform, and its root mean square before."""
    level = y[:, :start].mean(axis=1, keepdims=True)
    shape = y - level
    weights = synthetic_weights(shape[unit, :start], shape[others, :start])
    gap = shape[unit] - weights @ shape[others]
    return float(gap[start:].mean()), float(np.sqrt((gap[:start] ** 2).mean()))


def synthetic_control(y: Float, start: int) -> Estimate:
    """Give the effect on the first unit, its twin being made of the others.

    Parameters
    ----------
    y : ndarray, shape (1 + n_donors, n_periods)
        The treated unit first.
    start : int
        First period of the reform.

    Notes
    -----
    Every unit is measured from its own mean before (Ferman & Pinto 2021,
    https://doi.org/10.3982/QE1596), so levels need not be matched. The interval is that of
    placebos: each donor in turn is taken for treated, and the 95th percentile of its distance, in
    proportion to how well each was fitted before, is the half-width (after Abadie, Diamond &
    Hainmueller 2010, https://doi.org/10.1198/jasa.2009.ap08746). With fewer than nineteen donors no
    placebo test can reject at 5 %, and the interval has no end.
    """
    units = np.arange(len(y))
    effect, fit = _gaps(y, start, 0, units[1:])
    if len(units) < 20:
        return Estimate(effect, float("-inf"), float("inf"))
    placebos = []
    for unit in units[1:]:
        others = units[(units != unit) & (units != 0)]
        gap, misfit = _gaps(y, start, int(unit), others)
        placebos.append(abs(gap) * fit / max(misfit, 1e-9))
    # So many placebos may lie beyond the interval that, with the treated unit, they are 5 % of all.
    beyond = int(np.floor(0.05 * len(units)))
    half = float(np.sort(placebos)[::-1][beyond - 1])
    return Estimate(effect, effect - half, effect + half)
