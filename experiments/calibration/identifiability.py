"""What the targets can tell: standard errors, collinearity and profiles of every parameter.

Knows misfits in tolerances at positions between 0 and 1; must not know the simulator.

If misfits in tolerances are taken for standard normal, the sum of their squares is a chi-square,
and a parameter is *identified* if fitting all others anew at either end of its range makes the sum
rise by more than 3.84 (Raue et al. 2009). Locally, the collinearity index of Brun et al. (2001)
says how well a change of one parameter can be undone by the others: above 10 to 15 it can.

References
----------
Raue A et al. Structural and practical identifiability analysis of partially observed dynamical
models by exploiting the profile likelihood. Bioinformatics 2009. doi:10.1093/bioinformatics/btp358
Brun R, Reichert P, Künsch HR. Practical identifiability analysis of large environmental simulation
models. Water Resour Res 2001. doi:10.1029/2000WR900350
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.calibration.search import jacobian, least_squares

__all__ = ["CHI_SQUARE", "collinearity", "local", "profile", "verdict"]

Float64 = npt.NDArray[np.float64]
Residuals = Callable[[Float64], Float64]
Verdict = Literal["identified", "only_above", "only_below", "not_identified"]
CHI_SQUARE = 3.841458820694124
"""Rise of the sum of squares that 95 % of one degree of freedom stay below."""
WIDE_STEP = 0.1


def collinearity(slopes: Float64) -> float:
    """Give the collinearity index of some parameters: 1 for independent, infinite for twins.

    Parameters
    ----------
    slopes : float64, shape (targets, parameters)

    Notes
    -----
    ``1 / sqrt(λ)``, λ the smallest eigenvalue of ``S'S``, S the slopes with columns of length 1.
    A parameter without any effect makes it infinite.

    Examples
    --------
    >>> collinearity(np.array([[1.0, 0.0], [0.0, 5.0]]))
    1.0
    >>> collinearity(np.array([[1.0, 2.0], [1.0, 2.0]]))
    inf
    """
    lengths = np.sqrt((slopes**2).sum(axis=0))
    if (lengths == 0.0).any():
        return math.inf
    unit = slopes / lengths
    least = float(np.linalg.eigvalsh(unit.T @ unit)[0])
    return 1.0 / math.sqrt(least) if least > 1e-12 else math.inf


def local(residuals: Residuals, at: Float64, names: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give standard errors at a point, and how far each pair of parameters can stand in.

    Parameters
    ----------
    residuals : function of positions (parameters,) to misfits (targets,)
    at : float64, shape (parameters,)
    names : list of str

    Returns
    -------
    parameters : DataFrame
        id, effect (length of the slopes: tolerances per range), se (share of the range, NaN where
        the targets tell nothing), collinearity (of all parameters together).
    pairs : DataFrame
        one, other, collinearity, correlation (of the two estimates).
    """
    slopes = jacobian(residuals, at, WIDE_STEP)
    information = slopes.T @ slopes
    with np.errstate(invalid="ignore", divide="ignore"):
        eigenvalues = np.linalg.eigvalsh(information)
        is_singular = eigenvalues[0] <= 1e-10 * max(float(eigenvalues[-1]), 1e-300)
        covariance = (
            np.full(information.shape, math.nan) if is_singular else np.linalg.inv(information)
        )
        errors = np.sqrt(np.diag(covariance))
    together = collinearity(slopes)
    parameters = pd.DataFrame(
        {
            "id": names,
            "effect": np.sqrt((slopes**2).sum(axis=0)),
            "se": errors,
            "collinearity": together,
        }
    )
    pairs = []
    for one, other in itertools.combinations(range(len(names)), 2):
        both = slopes[:, [one, other]]
        product = both.T @ both
        size = math.sqrt(product[0, 0] * product[1, 1])
        pairs.append(
            {
                "one": names[one],
                "other": names[other],
                "collinearity": collinearity(both),
                # the covariance of two estimates has the sign that turns their effects around
                "correlation": -product[0, 1] / size if size > 0.0 else math.nan,
            }
        )
    columns = ["one", "other", "collinearity", "correlation"]
    return parameters, pd.DataFrame(pairs, columns=columns)


def profile(
    residuals: Residuals, best: Float64, names: list[str], points: int, steps: int
) -> pd.DataFrame:
    """Fix one parameter after the other along its range and fit the others anew.

    Parameters
    ----------
    residuals : function of positions (parameters,) to misfits (targets,)
    best : float64, shape (parameters,)
        Where the search ended.
    names : list of str
    points : int
        Values per parameter, evenly from 0 to 1; the best one is added.
    steps : int
        Most steps of each fit.

    Returns
    -------
    DataFrame
        id, position (0 to 1), misfit (sum of squares), rise (above the least of all profiles).
        The least of the profiles, not of the search, is the yardstick: a profile that finds a
        better fit says that the search had not ended.
    """
    rows = []
    for index, name in enumerate(names):
        free = np.ones(best.size, dtype=bool)
        free[index] = False
        grid = np.union1d(np.linspace(0.0, 1.0, points), [best[index]])
        middle = int(np.searchsorted(grid, best[index]))
        # outward from the best point, each fit starting where its neighbor ended
        for part in (range(middle, grid.size), range(middle - 1, -1, -1)):
            point = best.copy()
            for place in part:
                point[index] = grid[place]
                stayed = float((residuals(point) ** 2).sum())
                moved = least_squares(residuals, point, steps, free)
                found = float((residuals(moved) ** 2).sum())
                if found <= stayed:
                    point = moved
                rows.append({"id": name, "position": grid[place], "misfit": min(found, stayed)})
    table = pd.DataFrame(rows).sort_values(["id", "position"], kind="stable", ignore_index=True)
    order = {name: number for number, name in enumerate(names)}
    table = table.sort_values("id", key=lambda c: c.map(order), kind="stable", ignore_index=True)
    return table.assign(rise=table["misfit"] - table["misfit"].min())


def _crossing(inside: tuple[float, float], outside: tuple[float, float]) -> float:
    """Find where a profile crosses the line between a point below it and one above."""
    (x0, y0), (x1, y1) = inside, outside
    return x0 + (CHI_SQUARE - y0) / (y1 - y0) * (x1 - x0)


def verdict(table: pd.DataFrame, name: str) -> tuple[Verdict, float, float]:
    """Say whether a profile closes on both sides, and where.

    Parameters
    ----------
    table : DataFrame
        What :func:`profile` gives.
    name : str
        A parameter.

    Returns
    -------
    verdict : {'identified', 'only_above', 'only_below', 'not_identified'}
        only_above: the targets rule out high values only.
    low, high : float
        Ends of the interval of 95 % as positions; the range's own end where it is open.

    Examples
    --------
    >>> bowl = pd.DataFrame({"id": "a", "position": [0.0, 0.5, 1.0], "rise": [9.0, 0.0, 9.0]})
    >>> verdict(bowl, "a")[0]
    'identified'
    """
    rows = table[table["id"] == name].sort_values("position")
    x = rows["position"].to_numpy(dtype=np.float64)
    y = rows["rise"].to_numpy(dtype=np.float64)
    below = np.flatnonzero(y <= CHI_SQUARE)
    if below.size == 0:  # the least is another profile's: this one was not fitted to its end
        below = np.array([int(np.argmin(y))])
        y = y - y[below[0]]
    first, last = int(below[0]), int(below[-1])
    is_closed_below, is_closed_above = first > 0, last < x.size - 1
    low = _crossing((x[first], y[first]), (x[first - 1], y[first - 1])) if is_closed_below else 0.0
    high = _crossing((x[last], y[last]), (x[last + 1], y[last + 1])) if is_closed_above else 1.0
    if is_closed_below and is_closed_above:
        return "identified", float(low), float(high)
    if is_closed_above:
        return "only_above", 0.0, float(high)
    if is_closed_below:
        return "only_below", float(low), 1.0
    return "not_identified", 0.0, 1.0
