"""Which mixture of physicians an experiment shows, and how much of it its data can tell.

Knows mean quantities and single choices of an experiment, and mixtures that could have made them;
must not know how a choice is made.

Two means are two numbers; a mixture has four: the share of the selfish, mean and spread of the
others' altruism, and the precision of choice. :func:`profiles_of_means` fixes each in turn, fits
the others anew and says in which range the misfit stays below 3.84. :func:`profiles_of_choices`
does the same with the likelihood of every physician's choices, which do tell them apart.

References
----------
Godager, G., Wiesen, D. (2013). Profit or patients' health benefit? Exploring the heterogeneity in
physician altruism. Journal of Health Economics 32, 1105-1116.
https://doi.org/10.1016/j.jhealeco.2013.08.008
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import interpolate, optimize, stats

from experiments.evidence.laboratory import (
    Experiment,
    Mixture,
    choice_probabilities,
)
from sim.errors import ScenarioError

__all__ = [
    "RANGES",
    "THRESHOLD",
    "Choices",
    "Profile",
    "draw_choices",
    "fit",
    "misfit_of_choices",
    "misfit_of_means",
    "profiles",
    "read_choices",
]

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Misfit = Callable[[Float], float]

THRESHOLD: Final = 3.84
"""Rise of the misfit beyond which a value is outside the 95 % interval: chi-square, one number."""
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "selfish_share": (0.0, 0.5),
    "scale": (0.1, 8.0),
    "log_sd": (0.02, 1.2),
    "precision": (0.2, 50.0),
}
"""Where each number of a mixture may lie; scale and precision are searched in logs."""
_LOGS: Final = ("scale", "precision")
_WEIGHTS: Final = np.geomspace(0.02, 60.0, 60)
_PRECISIONS: Final = np.geomspace(0.2, 50.0, 17)
_STARTS: Final = 6
_HALVINGS: Final = 5
_FLOOR: Final = 1e-12


class Choices(NamedTuple):
    """What physicians chose.

    Attributes
    ----------
    payment : list of str, one for each physician
        Each physician chose under one payment.
    quantity : ndarray of int64, shape (n_physicians, n_illnesses, n_types)
    """

    payment: list[str]
    quantity: Int


@dataclass(frozen=True)
class Profile:
    """How the misfit answers to one number of the mixture, the others fitted anew.

    Attributes
    ----------
    name : str
    values, misfits : tuple of float
        Values tried and the least misfit at each.
    best : float
    low, high : float
        Ends of the values whose misfit is within :data:`THRESHOLD` of the best.
    verdict : {'identified', 'bounded above', 'bounded below', 'not identified'}
        By the sides on which the misfit rises beyond the threshold inside the range.
    """

    name: str
    values: tuple[float, ...]
    misfits: tuple[float, ...]
    best: float
    low: float
    high: float
    verdict: str


# --- tables of the rule, over weights and precisions --------------------------------------------


@cache
def _tables(experiment: Experiment) -> dict[str, Float]:
    """Give probabilities (precisions, weights with 0 first, illnesses, types, quantities)."""
    weights = np.concatenate([[0.0], _WEIGHTS])
    return {
        payment: np.array(
            [choice_probabilities(experiment, payment, weights, p) for p in _PRECISIONS]
        )
        for payment in experiment.payments
    }


def _spline(table: Float) -> interpolate.CubicSpline:
    """Read a table between its precisions, in logs."""
    return interpolate.CubicSpline(np.log(_PRECISIONS), table, axis=0)


def _shares(selfish_share: float, scale: float, log_sd: float) -> Float:
    """Give the shares of the table's weights that stand for a mixture, the selfish first."""
    middle = np.log(scale) - 0.5 * log_sd**2  # the mean weight is the scale
    edges = 0.5 * (np.log(_WEIGHTS[1:]) + np.log(_WEIGHTS[:-1]))
    below = stats.norm.cdf((edges - middle) / log_sd)
    others = np.diff(np.concatenate([[0.0], below, [1.0]]))
    return np.concatenate([[selfish_share], (1.0 - selfish_share) * others])


def _values(free: Float) -> tuple[float, float, float, float]:
    """Turn a point of the search into the four numbers."""
    share, scale, sd, precision = (float(x) for x in free)
    return share, float(np.exp(scale)), sd, float(np.exp(precision))


# --- misfits ------------------------------------------------------------------------------------


def misfit_of_means(
    experiment: Experiment, published: Mapping[str, float], tolerance: float
) -> Misfit:
    """Give the squared distance of mean quantities from published ones, in tolerances.

    Parameters
    ----------
    experiment : Experiment
    published : mapping of str to float
        Mean quantity under each payment.
    tolerance : float
        Standard error of a published mean, services per patient.
    """
    means = {}
    for payment, table in _tables(experiment).items():
        quantity = np.arange(table.shape[-1], dtype=np.float64)
        # (precisions, weights), smooth between the precisions of the table
        means[payment] = _spline((table @ quantity).mean(axis=(2, 3)))

    def misfit(free: Float) -> float:
        share, scale, sd, precision = _values(free)
        shares = _shares(share, scale, sd)
        return sum(
            ((float(means[name](np.log(precision)) @ shares) - value) / tolerance) ** 2
            for name, value in published.items()
        )

    return misfit


def misfit_of_choices(experiment: Experiment, choices: Choices) -> Misfit:
    """Give twice the negative log likelihood of physicians' choices.

    One physician's choices share one weight on the patient: the likelihood is of all of them
    together, over the mixture.
    """
    logs = []
    tables = _tables(experiment)
    illness, kind = np.indices(choices.quantity.shape[1:])
    for payment, chosen in zip(choices.payment, choices.quantity, strict=True):
        found = tables[payment][:, :, illness, kind, chosen]
        logs.append(np.log(np.maximum(found, _FLOOR)).sum(axis=(2, 3)))
    by_precision = _spline(np.moveaxis(np.array(logs), 1, 0))  # (precisions, physicians, weights)

    def misfit(free: Float) -> float:
        share, scale, sd, precision = _values(free)
        log_shares = np.log(np.maximum(_shares(share, scale, sd), 1e-300))
        terms = by_precision(np.log(precision)) + log_shares
        peak = terms.max(axis=1, keepdims=True)
        each = peak[:, 0] + np.log(np.exp(terms - peak).sum(axis=1))
        return -2.0 * float(each.sum())

    return misfit


# --- search -------------------------------------------------------------------------------------


def _bounds() -> Float:
    return np.array(
        [[np.log(x) for x in RANGES[n]] if n in _LOGS else list(RANGES[n]) for n in RANGES]
    )


def _least(
    misfit: Misfit, fixed: Mapping[int, float], starts: Sequence[Float]
) -> tuple[float, Float]:
    """Make a misfit small over what is not fixed."""
    bounds = _bounds()
    free = [i for i in range(len(bounds)) if i not in fixed]

    def whole(some: Float) -> Float:
        point = np.empty(len(bounds))
        point[free] = some
        for i, value in fixed.items():
            point[i] = value
        return point

    def objective(some: Float) -> float:
        return misfit(whole(some))

    best, where = np.inf, whole(bounds[free].mean(axis=1))
    for start in starts:
        given: npt.NDArray[np.float64] = np.asarray(start)[free]
        found = optimize.minimize(
            objective,
            given.tolist(),
            method="L-BFGS-B",
            bounds=[(float(a), float(b)) for a, b in bounds[free]],
        )
        if float(found.fun) < best:
            best, where = float(found.fun), whole(np.asarray(found.x))
    return best, where


def _starts(near: Float | None = None) -> list[Float]:
    """Give points that spread over the ranges, the same every time, and one near a known one."""
    bounds = _bounds()
    spread = stats.qmc.Sobol(len(bounds), scramble=False).random_base2(3)[1 : _STARTS + 1]
    points = [bounds[:, 0] + row * (bounds[:, 1] - bounds[:, 0]) for row in spread]
    return points if near is None else [near, points[0]]


def fit(misfit: Misfit) -> tuple[float, Mixture]:
    """Find the mixture with the least misfit.

    Returns
    -------
    float, Mixture
    """
    best, where = _least(misfit, {}, _starts())
    return best, Mixture(*_values(where))


def profiles(misfit: Misfit, points: int = 9) -> list[Profile]:
    """Fix each number of the mixture along its range, fit the others, and say what is known.

    Parameters
    ----------
    misfit : callable
        Of :func:`misfit_of_means` or :func:`misfit_of_choices`.
    points : int
        Values tried for each number.

    Returns
    -------
    list of Profile
        In the order of :data:`RANGES`.
    """
    least, where = _least(misfit, {}, _starts())
    bounds = _bounds()
    found = []
    for index, name in enumerate(RANGES):
        grid = np.unique(
            np.append(
                np.linspace(float(bounds[index, 0]), float(bounds[index, 1]), points), where[index]
            )
        )
        values = [_least(misfit, {index: float(x)}, _starts(where))[0] for x in grid]
        misfits = np.array(values)
        least_here = min(least, float(misfits.min()))
        inside = np.flatnonzero(misfits <= least_here + THRESHOLD)
        first, last = int(inside[0]), int(inside[-1])
        is_low, is_high = first > 0, last < len(grid) - 1
        ends = [float(grid[first]), float(grid[last])]
        for side, (is_inside, outside) in enumerate(((is_low, first - 1), (is_high, last + 1))):
            if is_inside:
                ends[side] = _crossing(
                    misfit, index, ends[side], float(grid[outside]), least_here, where
                )
        verdict = {
            (True, True): "identified",
            (True, False): "bounded below",
            (False, True): "bounded above",
            (False, False): "not identified",
        }[(is_low, is_high)]
        natural = np.exp(grid) if name in _LOGS else grid
        low, high = (float(np.exp(x)) if name in _LOGS else x for x in ends)
        found.append(
            Profile(
                name,
                tuple(float(x) for x in natural),
                tuple(float(x) - least_here for x in misfits),
                float(natural[int(misfits.argmin())]),
                low,
                high,
                verdict,
            )
        )
    return found


def _crossing(
    misfit: Misfit, index: int, inside: float, outside: float, least: float, near: Float
) -> float:
    """Find where the profile leaves the interval, by halving between two values."""
    for _ in range(_HALVINGS):
        middle = 0.5 * (inside + outside)
        if _least(misfit, {index: middle}, [near])[0] <= least + THRESHOLD:
            inside = middle
        else:
            outside = middle
    return 0.5 * (inside + outside)


# --- choices ------------------------------------------------------------------------------------


def draw_choices(
    experiment: Experiment, mixture: Mixture, physicians: Mapping[str, int], seed: int
) -> Choices:
    """Draw what physicians of a known mixture would choose, to learn what such data can tell.

    Parameters
    ----------
    experiment : Experiment
    mixture : Mixture
        With a finite precision.
    physicians : mapping of str to int
        How many choose under each payment.
    seed : int
    """
    random = np.random.default_rng(seed)
    payment, quantity = [], []
    for name, n in physicians.items():
        is_selfish = random.random(n) < mixture.selfish_share
        size = mixture.scale * np.exp(
            mixture.log_sd * random.standard_normal(n) - 0.5 * mixture.log_sd**2
        )
        each = choice_probabilities(
            experiment, name, np.where(is_selfish, 0.0, size), mixture.precision
        )
        above = random.random((*each.shape[:-1], 1)) > each.cumsum(axis=-1)[..., :-1]
        quantity.append(above.sum(axis=-1))
        payment += [name] * n
    return Choices(payment, np.concatenate(quantity).astype(np.int64))


def read_choices(path: Path, experiment: Experiment) -> Choices:
    """Read choices: a CSV with physician, payment, illness, type and quantity, a row for each.

    Raises
    ------
    ScenarioError
        For a column or value that is missing, unknown or given twice, with the line.
    """
    columns = ("physician", "payment", "illness", "type", "quantity")
    rows: dict[str, dict[tuple[int, int], int]] = {}
    payments: dict[str, str] = {}
    most = experiment.benefit.shape[1] - 1
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != columns:
                raise ScenarioError(
                    "not the columns of choices",
                    where=f"{path}:1",
                    value=", ".join(reader.fieldnames or ()),
                    allowed=", ".join(columns),
                )
            for line, row in enumerate(reader, start=2):
                place = f"{path}:{line}"
                for column, known in (
                    ("payment", experiment.payments),
                    ("illness", experiment.illnesses),
                    ("type", experiment.types),
                    ("quantity", [str(q) for q in range(most + 1)]),
                ):
                    if row[column] not in known:
                        raise ScenarioError(
                            f"unknown {column}",
                            where=place,
                            value=row[column],
                            allowed=", ".join(known),
                        )
                cell = (
                    experiment.illnesses.index(row["illness"]),
                    experiment.types.index(row["type"]),
                )
                mine = rows.setdefault(row["physician"], {})
                known_payment = payments.setdefault(row["physician"], row["payment"])
                if cell in mine or known_payment != row["payment"]:
                    raise ScenarioError(
                        "a physician chooses once for each patient, under one payment",
                        where=place,
                        value=row["physician"],
                        remedy="Give the physician another name under the other payment.",
                    )
                mine[cell] = int(row["quantity"])
    except OSError as error:
        raise ScenarioError(f"cannot be read ({error.strerror})", where=str(path)) from None
    except UnicodeDecodeError:
        raise ScenarioError("not UTF-8 text", where=str(path)) from None
    shape = (len(experiment.illnesses), len(experiment.types))
    short = [name for name, mine in rows.items() if len(mine) != shape[0] * shape[1]]
    if short or not rows:
        raise ScenarioError(
            "choices for some patients are missing",
            where=str(path),
            value=", ".join(short[:5]) or "no rows",
            allowed=f"{shape[0] * shape[1]} for every physician",
        )
    quantity = np.zeros((len(rows), *shape), dtype=np.int64)
    for index, mine in enumerate(rows.values()):
        for cell, value in mine.items():
            quantity[(index, *cell)] = value
    return Choices([payments[name] for name in rows], quantity)
