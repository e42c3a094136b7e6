"""Many published numbers and one set of parameters, each study also predicted unseen.

Knows points between 0 and 1, values simulated there and bands; must not know any simulator, region
or study by name.

A surface stands in for the simulator between the points that were lived: a ridge regression on the
distance from the point that holds today's values, linear, with squares or with products, whichever
predicts best what it was not shown; with few points, a regression on few inputs. A value that no
surface predicts is held constant and named.
The fit is that of all studies together; leaving one out and fitting the others anew says what the
model tells of it unseen.

References
----------
Hoerl AE, Kennard RW. Ridge regression. Technometrics 1970. doi:10.1080/00401706.1970.10488634
Stone M. Cross-validatory choice and assessment of statistical predictions. J R Stat Soc B 1974.
doi:10.1111/j.2517-6161.1974.tb00994.x
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.stats import qmc

__all__ = ["Asked", "Problem", "Surface", "fitted", "left_out", "misses", "surface", "together"]

Float = npt.NDArray[np.float64]

FORMS: Final = ("none", "linear", "squares", "products")
"""What a surface may be made of; none: the value answers to no parameter."""
SPARSE: Final = "sparse"
"""Few inputs with their squares, where points are fewer than twice the inputs: most parameters then
move a value hardly at all, and a regression on all of them would see none."""
_MOST: Final = 5
_WORTH: Final = 0.8
"""An input is taken in if the error of leaving one point out falls to this share or below."""
LEAST_Q2: Final = 0.1
"""Share of the variance of runs not shown that a surface must explain to be used. Luck of single
runs cannot be explained, so that a good surface of a noisy value has a low share too."""
FOLDS: Final = 5
STARTS: Final = 6
SPREAD: Final = 0.5
"""Standard deviation of what is believed of a parameter before the fit, as a share of its range:
every value in the range is credible, its middle a little more."""
_STEP: Final = 1e-3
_PENALTIES: Final = np.logspace(-3, 3, 13)
_FIRM: Final = 0.3
"""Least penalty of a form with more than half as many terms as points, which weaker ones would let
pass through every point."""


# --- surfaces ------------------------------------------------------------------------------------


@cache
def _pairs(n: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Give every pair of inputs once."""
    first, second = np.triu_indices(n, 1)
    return first, second


def _terms(offsets: Float, form: str) -> Float:
    """Give the columns of a form at offsets from the origin, shape (n_points, n_terms).

    The columns of a form are the first of those of the next.
    """
    if form == "none":
        return np.empty((len(offsets), 0))
    columns = [offsets]
    if form in ("squares", "products", SPARSE):
        columns.append(offsets**2)
    if form == "products":
        first, second = _pairs(offsets.shape[1])
        columns.append(offsets[:, first] * offsets[:, second])
    return np.hstack(columns)


@dataclass(frozen=True)
class Surface:
    """What a value is between points, as its change from the origin.

    Attributes
    ----------
    form : str
        One of :data:`FORMS`, or :data:`SPARSE`.
    origin : ndarray, shape (n_inputs,)
    weights : ndarray, shape (n_terms,)
    q2 : float
        Share of variance explained among points that were not shown.
    rmse : float
        Error there, in the value's unit; luck of single runs is inside.
    n : int
        Points it was made from.
    """

    form: str
    origin: Float
    weights: Float
    q2: float
    rmse: float
    n: int

    def change(self, points: Float) -> Float:
        """Give the change from the origin, shape (n_points,)."""
        offsets = np.atleast_2d(points) - self.origin
        found: Float = _terms(offsets, self.form) @ self.weights
        return found


def together(surfaces: Sequence[Surface]) -> Callable[[Float], Float]:
    """Give what all surfaces of one origin say of a point, at once.

    Returns
    -------
    callable
        Points, shape (n_points, n_inputs), to changes, shape (n_points, n_surfaces).
    """
    origin = surfaces[0].origin
    every = _terms(np.zeros((1, len(origin))), FORMS[-1]).shape[1]
    weights = np.zeros((len(surfaces), every))
    for row, one in zip(weights, surfaces, strict=True):
        row[: len(one.weights)] = one.weights

    def change(points: Float) -> Float:
        found: Float = _terms(points - origin, FORMS[-1]) @ weights.T
        return found

    return change


def _ridge(terms: Float, values: Float) -> tuple[Float, float]:
    """Regress values on terms; the penalty is the one that predicts each point best without it.

    Returns
    -------
    weights, error
        Of the terms as given, and the mean square of the errors of leaving one point out.
    """
    if not terms.shape[1]:
        n = len(values)
        left = (values - values.mean()) * n / max(n - 1, 1)
        return np.empty(0), float((left**2).mean())
    center, scale = terms.mean(axis=0), terms.std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    left_side, sizes, right = np.linalg.svd((terms - center) / scale, full_matrices=False)
    mean = values.mean()
    along = left_side.T @ (values - mean)
    best: tuple[float, Float] = (np.inf, np.zeros(terms.shape[1]))
    least = _FIRM if 2 * terms.shape[1] > len(values) else 0.0
    for penalty in (len(values) * one for one in _PENALTIES if one >= least):
        shrunk = sizes**2 / (sizes**2 + penalty)
        guess = mean + left_side @ (shrunk * along)
        leverage = 1.0 / len(values) + (left_side**2 * shrunk).sum(axis=1)
        error = float((((values - guess) / np.maximum(1.0 - leverage, 1e-3)) ** 2).mean())
        if error < best[0]:
            with np.errstate(divide="ignore", invalid="ignore"):
                inverse = np.where(sizes > 1e-12, shrunk / sizes, 0.0)
            best = (error, right.T @ (inverse * along) / scale)
    return best[1], best[0]


def _left_one_out(terms: Float, values: Float) -> tuple[Float, float]:
    """Regress by least squares; the weights, and the mean square error of leaving one point out."""
    full = np.hstack([np.ones((len(values), 1)), terms])
    axes, weights_of = np.linalg.qr(full)
    weights = np.linalg.lstsq(weights_of, axes.T @ values, rcond=None)[0]
    leverage = (axes**2).sum(axis=1)
    wrong = (values - full @ weights) / np.maximum(1.0 - leverage, 1e-3)
    return weights[1:], float((wrong**2).mean())


def _sparse(offsets: Float, values: Float) -> tuple[str, Float]:
    """Take in one input after the other, straight or bent, as long as it is worth it.

    An input may be bent later; there are five such steps at most.
    """
    n = offsets.shape[1]
    terms = _terms(offsets, "squares")
    taken: list[int] = []
    weights, error = _left_one_out(terms[:, taken], values)
    for _ in range(_MOST):
        straight = [[i] for i in range(n) if i not in taken]
        bent = [[i, n + i] if i not in taken else [n + i] for i in range(n) if n + i not in taken]
        ways = [[*taken, *more] for more in (*straight, *bent)]
        found = [(_left_one_out(terms[:, way], values), way) for way in ways]
        (fresh, smaller), way = min(found, key=lambda each: each[0][1])
        if smaller > _WORTH * error:
            break
        taken, weights, error = way, fresh, smaller
    spread = np.zeros(2 * n)
    spread[taken] = weights
    return (SPARSE, spread) if taken else ("none", np.empty(0))


def _chosen(offsets: Float, values: Float) -> tuple[str, Float]:
    """Choose the form that predicts best what it was not shown."""
    if len(values) < 2 * offsets.shape[1]:
        return _sparse(offsets, values)
    found = [(form, *_ridge(_terms(offsets, form), values)) for form in FORMS]
    form, weights, _ = min(found, key=lambda each: each[2])
    return form, weights


def surface(points: Float, values: Float, origin: Float) -> Surface:
    """Make a surface and measure, by cross-validation in five parts, what it is worth.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_inputs)
        Between 0 and 1.
    values : ndarray, shape (n_points,)
        Points whose value is not finite are left out.
    origin : ndarray, shape (n_inputs,)

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 20)[:, None]
    >>> found = surface(x, 3.0 + 2.0 * x[:, 0], np.array([0.5]))
    >>> found.form, round(float(found.change(np.array([[1.0]]))[0]), 2)
    ('linear', 1.0)
    """
    is_known = np.isfinite(values)
    offsets, known = points[is_known] - origin, values[is_known]
    n = len(known)
    total = float(((known - known.mean()) ** 2).sum()) if n else 0.0
    if n < 2 * FOLDS or total <= 1e-24 * n * float(np.square(known).max()):
        return Surface("none", origin, np.empty(0), 0.0, 0.0, n)
    guess = np.empty(n)
    part = np.random.default_rng(1).permutation(n) % FOLDS
    for fold in range(FOLDS):
        shown, hidden = part != fold, part == fold
        form, weights = _chosen(offsets[shown], known[shown])
        mean = (known[shown] - _terms(offsets[shown], form) @ weights).mean()
        guess[hidden] = mean + _terms(offsets[hidden], form) @ weights
    wrong = known - guess
    q2 = 1.0 - float((wrong**2).sum()) / total
    rmse = float(np.sqrt((wrong**2).mean()))
    form, weights = _chosen(offsets, known)
    if q2 < LEAST_Q2:
        form, weights = "none", np.empty(0)
    return Surface(form, origin, weights, q2, rmse, n)


# --- the fit -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """One published number and the band in which it is hit.

    Attributes
    ----------
    name : str
    study : str
        What it is left out with; empty for what is never left out.
    low, high : float
    sign : int
        -1 or 1 where a sign alone is asked, of an effect that must stand out by `margin`; else 0.
    margin : float
        In the number's unit; of a sign only.
    """

    name: str
    study: str
    low: float
    high: float
    sign: int = 0
    margin: float = 1.0


def misses(asked: Sequence[Asked], values: Float) -> Float:
    """Give how far values are from where they should be.

    0 in the inner half of a band, 1 at its edge, and so on in quarters of its width; a sign alone
    costs nothing from its margin on.

    Parameters
    ----------
    asked : sequence of Asked
    values : ndarray, shape (…, n_asked)

    Examples
    --------
    >>> misses([Asked("a", "", 0.0, 4.0)], np.array([5.0])).tolist()
    [2.0]
    """
    low, high, sign, margin = (
        np.array([getattr(one, name) for one in asked])
        for name in ("low", "high", "sign", "margin")
    )
    away = (values - 0.5 * (low + high)) / (0.5 * (high - low))
    of_band = np.sign(away) * np.maximum(np.abs(away) - 0.5, 0.0) * 2.0
    of_sign = np.maximum(1.0 - sign * values / margin, 0.0)
    found: Float = np.where(sign != 0, of_sign, of_band)
    return found


@dataclass(frozen=True)
class Problem:
    """What is fitted to what.

    Attributes
    ----------
    asked : tuple of Asked
    predict : callable
        Points, shape (n_points, n_inputs), to the values of `asked`, shape (n_points, n_asked).
    origin : ndarray, shape (n_inputs,)
        Today's point, where searches begin.
    center : ndarray, shape (n_inputs,)
        What is believed before the fit.
    blind : ndarray, shape (n_inputs,)
        What is believed when a study is left out: nothing that the study may have taught.
    """

    asked: tuple[Asked, ...]
    predict: Callable[[Float], Float]
    origin: Float
    center: Float
    blind: Float

    @property
    def studies(self) -> tuple[str, ...]:
        """Studies that can be left out, in order."""
        return tuple(dict.fromkeys(one.study for one in self.asked if one.study))


def fitted(problem: Problem, without: str = "", seed: int = 1) -> Float:
    """Find the point that comes closest to everything asked, one study left out if named.

    Parameters
    ----------
    problem : Problem
    without : str
        A study whose numbers are not shown to the fit.
    seed : int
        Of the places where searches begin.

    Returns
    -------
    ndarray, shape (n_inputs,), 0 to 1

    Notes
    -----
    Minimizes ``2 sum log(1 + miss²) + sum ((x - center) / SPREAD)²``: twice the negative logarithm
    of Cauchy errors and a normal belief. Cauchy errors let a study that contradicts all the others
    be missed, where squares would sacrifice the others to it.
    """
    is_shown = np.array([not without or one.study != without for one in problem.asked])
    shown = [one for one, keep in zip(problem.asked, is_shown, strict=True) if keep]
    center = problem.blind if without else problem.center

    def residuals(points: Float) -> Float:
        away = misses(shown, problem.predict(points)[:, is_shown])
        pull = (points - center) / SPREAD
        return np.hstack([np.sign(away) * np.sqrt(2.0 * np.log1p(away**2)), pull])

    def slopes(point: Float) -> Float:
        step = np.where(point > 0.5, -_STEP, _STEP)
        moved = residuals(point + np.vstack([np.zeros(len(point)), np.diag(step)]))
        found: Float = ((moved[1:] - moved[0]) / step[:, None]).T
        return found

    def at(point: Float) -> Float:
        found: Float = residuals(point[None])[0]
        return found

    n = len(problem.origin)
    drawn = qmc.LatinHypercube(n, seed=np.random.default_rng(seed)).random(STARTS)
    # Searches begin around what is believed: corners far from everything are not worth the time.
    starts = [problem.origin, center]
    starts += [0.5 * (problem.origin + one) for one in drawn]
    found = [
        least_squares(
            at,
            np.clip(start, 1e-6, 1.0 - 1e-6),
            jac=slopes,
            bounds=(0.0, 1.0),
            ftol=1e-6,
            xtol=1e-5,
            max_nfev=60,
        )
        for start in starts
    ]
    best = min(found, key=lambda one: one.cost)
    return np.asarray(best.x, dtype=np.float64)


def left_out(problem: Problem) -> dict[str, Float]:
    """Fit once without each study; the point by study."""
    return {study: fitted(problem, study) for study in problem.studies}
