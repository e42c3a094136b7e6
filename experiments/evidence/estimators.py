"""How a study turns months of a treated and an untreated world into one effect.

Knows series by month; must not know studies, scenarios or what is measured. Least squares is
written with numpy where it is what the regression of the paper comes to.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["before_after", "difference_in_differences", "interrupted_series"]

Float = npt.NDArray[np.float64]


def difference_in_differences(
    treated: Float, control: Float, start: int, first: int, last: int
) -> tuple[Float, Float]:
    """Change of the treated from before to after, less that of the control.

    Parameters
    ----------
    treated, control : ndarray, shape (n_seeds, n_months)
    start : int
        Month of the reform, counted from 0; the twelve months before it are the time before.
    first, last : int
        Months of the reform that are read, counted from 1, both included.

    Returns
    -------
    effect, level : ndarray, shape (n_seeds,)
        The effect in the series' unit, and what the treated would have had without it.

    Notes
    -----
    The coefficient of the interaction in the saturated regression of the four cells. Before the
    reform twin worlds are the same, so it is the difference after it.

    Examples
    --------
    >>> import numpy as np
    >>> before, after = np.full((1, 12), 10.0), np.full((1, 12), 12.0)
    >>> effect, level = difference_in_differences(
    ...     np.hstack([before, after]), np.hstack([before, before]), 12, 1, 12)
    >>> float(effect[0]), float(level[0])
    (2.0, 10.0)
    """
    was = slice(max(start - 12, 0), start)
    now = slice(start + first - 1, start + last)
    change = _mean(treated, now) - _mean(treated, was)
    counterfactual = _mean(treated, was) + _mean(control, now) - _mean(control, was)
    return change - (_mean(control, now) - _mean(control, was)), counterfactual


def before_after(
    treated: Float, control: Float, start: int, first: int, last: int
) -> tuple[Float, Float]:
    """Change of the treated from the twelve months before the reform, without a control.

    Parameters and results are those of :func:`difference_in_differences`; the control is not used.
    """
    del control
    was = slice(max(start - 12, 0), start)
    before = _mean(treated, was)
    return _mean(treated, slice(start + first - 1, start + last)) - before, before


def interrupted_series(
    treated: Float, control: Float, start: int, first: int, last: int
) -> tuple[Float, Float]:
    """Step and bend of the treated series at the reform, read over some of its months.

    Parameters and results are those of :func:`difference_in_differences`; the control is not used.

    Notes
    -----
    Ordinary least squares of ``y = a + b t + c after + d (t - start) after`` plus a constant for
    each month of the year (from two years before the reform on); the effect is the mean of
    ``c + d (t - start)`` over the months read.
    """
    del control
    n_months = treated.shape[1]
    time = np.arange(n_months, dtype=np.float64)
    after = (time >= start).astype(np.float64)
    columns = [np.ones(n_months), time, after, (time - start) * after]
    if start >= 24:
        columns += [(time % 12 == month).astype(np.float64) for month in range(1, 12)]
    design = np.stack(columns, axis=1)
    effects, levels = [], []
    read = np.arange(start + first - 1, start + last)
    for row in treated:
        is_known = np.isfinite(row)
        found, *_ = np.linalg.lstsq(design[is_known], row[is_known], rcond=None)
        effect = float((found[2] + found[3] * (time[read] - start)).mean())
        effects.append(effect)
        levels.append(float(np.nanmean(row[read])) - effect)
    return np.array(effects), np.array(levels)


def _mean(series: Float, months: slice) -> Float:
    """Mean over months that had cases."""
    found: Float = np.nanmean(series[:, months], axis=1)
    return found
