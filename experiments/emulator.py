"""An emulator: what a run would give, guessed from runs nearby, with an error it has earned.

Knows points and values; must not know where they come from. It is refused unless it predicts runs
that it was not shown: a guess nobody has checked must not stand in for the simulator.

References
----------
Kennedy MC, O'Hagan A. Bayesian calibration of computer models. J R Stat Soc B 2001.
doi:10.1111/1467-9868.00294
Marrel A et al. An efficient methodology for modeling complex computer codes with Gaussian
processes. Comput Stat Data Anal 2008. doi:10.1016/j.csda.2008.03.026
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.discovery import packages_needed
from sim.errors import RunError, ScenarioError

__all__ = ["Emulator", "fit_emulator", "refuse_poor"]

Float64 = npt.NDArray[np.float64]
FOLDS = 5
LEAST_POINTS = 10


def _regressor(n_inputs: int, seed: int) -> Any:
    """Make a Gaussian process with a length for every input and noise of its own."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    kernel = ConstantKernel(1.0, (1e-3, 1e3)) * Matern(
        np.ones(n_inputs), (0.05, 20.0), nu=2.5
    ) + WhiteKernel(0.1, (1e-8, 1e1))
    return GaussianProcessRegressor(
        kernel, normalize_y=True, n_restarts_optimizer=1, random_state=seed
    )


def _fitted(points: Float64, values: Float64, seed: int) -> Any:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # An input without effect drives its length to the bound, which is the right answer.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _regressor(points.shape[1], seed).fit(points, values)


class Emulator:
    """Gaussian processes, one per value, and how well they predict what they were not shown.

    Attributes
    ----------
    errors : DataFrame
        name, q2 (share of variance explained in cross-validation), rmse (unit of the value),
        covered (share of held-out values inside their interval of 95 %), n.
    """

    def __init__(self, processes: Sequence[Any], errors: pd.DataFrame) -> None:
        self._processes = tuple(processes)
        self.errors = errors

    def predict(self, points: npt.ArrayLike) -> tuple[Float64, Float64]:
        """Guess the values at points, with standard errors.

        Parameters
        ----------
        points : array (n, inputs)

        Returns
        -------
        mean, sd : float64, shape (n, values)
        """
        table = np.atleast_2d(np.asarray(points, dtype=np.float64))
        found = [process.predict(table, return_std=True) for process in self._processes]
        return np.array([m for m, _ in found]).T, np.array([s for _, s in found]).T


def fit_emulator(
    points: npt.ArrayLike, values: npt.ArrayLike, names: Sequence[str], seed: int = 1
) -> Emulator:
    """Fit an emulator and measure, by cross-validation in five folds, what it is worth.

    Parameters
    ----------
    points : array (n, inputs)
        Positions between 0 and 1.
    values : array (n, values)
    names : sequence of str
        What the values are.
    seed : int
        Of folds and restarts.

    Raises
    ------
    ScenarioError
        For fewer than ten points, or values that are not finite.
    """
    packages_needed("sklearn")
    from sklearn.model_selection import KFold

    x = np.asarray(points, dtype=np.float64)
    y = np.asarray(values, dtype=np.float64).reshape(x.shape[0], -1)
    if x.shape[0] < LEAST_POINTS:
        raise ScenarioError(
            "too few points for an emulator",
            where="emulator",
            value=x.shape[0],
            allowed=f"{LEAST_POINTS} or more",
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ScenarioError("points or values are not finite", where="emulator")
    folds = list(KFold(FOLDS, shuffle=True, random_state=seed).split(x))
    rows, processes = [], []
    for column, name in enumerate(names):
        held = y[:, column]
        mean, sd = np.empty(held.size), np.empty(held.size)
        for shown, hidden in folds:
            process = _fitted(x[shown], held[shown], seed)
            mean[hidden], sd[hidden] = process.predict(x[hidden], return_std=True)
        wrong = held - mean
        total = float(((held - held.mean()) ** 2).sum())
        rows.append(
            {
                "name": name,
                # a value that never varies is predicted without error, and explains nothing
                "q2": 1.0 - float((wrong**2).sum()) / total if total > 0.0 else 1.0,
                "rmse": float(np.sqrt((wrong**2).mean())),
                "covered": float((np.abs(wrong) <= 1.959964 * sd + 1e-12).mean()),
                "n": held.size,
            }
        )
        processes.append(_fitted(x, held, seed))
    return Emulator(processes, pd.DataFrame(rows))


def refuse_poor(emulator: Emulator, least_q2: float, where: str = "emulator") -> Emulator:
    """Hand on an emulator that explains enough of every value; refuse any other.

    Raises
    ------
    RunError
        Naming every value that is explained too poorly, and by how much.
    """
    poor = emulator.errors[emulator.errors["q2"] < least_q2]
    if len(poor):
        named = ", ".join(f"{row['name']} {row['q2']:.2f}" for _, row in poor.iterrows())
        raise RunError(
            f"the emulator is too poor to stand in for the simulator (cross-validated Q²: {named})",
            where=where,
            allowed=f"{least_q2:g} or more for every target",
            remedy="Give it more points or replicates, or profile on the simulator.",
        )
    return emulator
