"""Rules that bend, seen by someone who does not yet know how the year will end.

A manager near the edge of a budget does not respond to the edge but to the chance of ending on
either side of it. With forecast error sigma z the marginal receipt of a rule R at mu is
``E[R(mu + sigma z) z] / sigma``.

Knows arrays of values on a fan of forecasts; must not know any payment model.

Notes
-----
On K equal-probability nodes the regression ``sum R_k z_k / (sigma sum z_k^2)`` equals, summed by
parts, a weighted mean of the K - 1 secant slopes between neighboring nodes, with weights
``(z_{k+1} - z_k) sum_{j>k} z_j / sum z^2``: exact for straight lines, right at kinks and notches.
Written so, slopes of nested rules multiply interval by interval, which a mean slope per rule would
not allow: one forecast error moves them all together.

At a notch the slope is that of 64 nodes: off by at most ``STEP_BOUND`` of the step over one
standard deviation (the highest slope is .40 of it). The bound is reached just beyond the outermost
node, 2.42 standard deviations away, from where a step is not seen; its chance is then below 1 in
128.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from statistics import NormalDist

import numpy as np

from sim.activity import Array

__all__ = ["N_NODES", "STEP_BOUND", "middles", "nodes", "over_score", "secants", "weights"]

N_NODES = 64
STEP_BOUND = 0.0215  # the normal density at the outermost node, 2.4176
_STEP = 1e-6
_FLAT = 1e-9  # share of a value below which two nodes are one point


@cache
def nodes(n_nodes: int = N_NODES) -> Array:
    """Give the middles of equally probable slices of the standard normal, shape (n_nodes,)."""
    normal = NormalDist()
    z = np.array([normal.inv_cdf((k + 0.5) / n_nodes) for k in range(n_nodes)])
    z.flags.writeable = False
    return z


@cache
def weights(n_nodes: int = N_NODES) -> Array:
    """Give the weight of each interval between neighboring nodes, shape (n_nodes - 1,), sum 1.

    Examples
    --------
    >>> bool(np.isclose(weights().sum(), 1.0))
    True
    """
    z = nodes(n_nodes)
    above = np.cumsum(z[::-1])[::-1][1:]
    w: Array = np.diff(z) * above / (z @ z)
    w.flags.writeable = False
    return w


def middles(values: Array) -> Array:
    """Give the value half-way between neighboring nodes, (n, K) to (n, K - 1)."""
    return 0.5 * (values[:, 1:] + values[:, :-1])


def secants(rule: Callable[[Array], Array], x: Array) -> Array:
    """Give the slope of a rule on every interval of a fan, shape (n, K - 1).

    Parameters
    ----------
    rule : callable
        The rule's payment for values of shape (n, k), element by element along axis 1.
    x : ndarray, shape (n, K)
        What the rule reads, on the fan.

    Notes
    -----
    Where the fan has no width (nothing forecast moves what the rule reads) the slope is a symmetric
    difference at the point, so that exactly on a kink it is the mean of both sides.
    """
    run = x[:, 1:] - x[:, :-1]
    paid = rule(x)
    rise = paid[:, 1:] - paid[:, :-1]
    # A row that rises everywhere is nowhere larger than at an end: most need no closer look.
    largest = np.maximum(np.maximum(x[:, -1], -x[:, 0]), 1.0)
    if run.min() > _FLAT * largest.max():
        return np.asarray(rise / run)
    rows = np.flatnonzero(~(run.min(axis=1) > _FLAT * largest))
    scale = np.maximum(np.abs(x[rows, :-1]), 1.0)
    flat = np.abs(run[rows]) <= _FLAT * scale
    if not flat.any():
        return np.asarray(rise / run)
    flat_rows = rows[flat.any(axis=1)]
    at = x[:, :-1]
    if (x[flat_rows] == x[flat_rows, :1]).all():
        # Whoever does nothing has a fan of one and the same point: once is enough.
        at = at[:, :1]
    step = _STEP * np.maximum(np.abs(at), 1.0)
    local = (rule(at + step) - rule(at - step)) / (2.0 * step)
    run[rows] = np.where(flat, 1.0, run[rows])
    found = rise / run
    found[rows] = np.where(flat, local[rows], found[rows])
    return np.asarray(found)


def over_score(rule: Callable[[Array], Array], score: Array, error: float) -> tuple[Array, Array]:
    """Give what a rule of a score is expected to pay, and its slope, when the score is uncertain.

    Parameters
    ----------
    rule : callable
        The rule for scores of shape (n, k), element by element along axis 1.
    score : ndarray, shape (n,)
        Scores.
    error : float
        Their standard deviation; 0 looks at the point.

    Returns
    -------
    tuple of ndarray, shape (n,)
        Expected payment and its slope in the score.

    Examples
    --------
    A step of 1 that is half a standard deviation away:

    >>> step = lambda s: np.where(s >= 0.9, 1.0, 0.0)
    >>> paid, slope = over_score(step, np.array([0.885]), 0.03)
    >>> round(float(paid[0]), 2), round(float(slope[0]), 1)
    (0.31, 12.0)
    """
    if error <= 0.0:
        at = score[:, None]
        local = (rule(at + _STEP) - rule(at - _STEP)) / (2.0 * _STEP)
        return rule(at)[:, 0], np.asarray(local[:, 0])
    x = score[:, None] + error * nodes()
    return np.asarray(rule(x).mean(axis=1)), np.asarray(secants(rule, x) @ weights())
