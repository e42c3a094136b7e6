"""The search for parameters that meet the targets: Optuna's estimator, or least squares.

Knows positions between 0 and 1 and their misfit; must not know what the parameters mean.

Both go on where they stopped. A trial's generator is seeded by its number, so that a search cut
short and resumed proposes what an uninterrupted one would have; and the journal keeps every run,
so that a point is never lived twice.

References
----------
Bergstra J et al. Algorithms for hyper-parameter optimization. NeurIPS 2011.
Voglis C, Lagaris IE. A rectangular trust region dogleg approach for unconstrained and bound
constrained nonlinear optimization. WSEAS International Conference on Applied Mathematics 2004.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.calibration.problem import Journal, Problem
from sim.errors import StoreError

if TYPE_CHECKING:
    import optuna

__all__ = ["Progress", "jacobian", "least_squares", "search"]

Float64 = npt.NDArray[np.float64]
Residuals = Callable[[Float64], Float64]
Progress = Callable[[int, int], None]
STEP = 0.05
"""Half-width of a difference, as a share of a parameter's range: runs are counts of people, so a
much smaller step measures whose luck turned rather than the slope."""


def jacobian(residuals: Residuals, at: Float64, step: float = STEP) -> Float64:
    """Give the slopes of the misfits, by differences over wide steps inside the range.

    Parameters
    ----------
    residuals : function of positions (parameters,) to misfits (targets,)
    at : float64, shape (parameters,)
    step : float
        Half-width as a share of the range.

    Returns
    -------
    float64, shape (targets, parameters)
        Tolerances per range of the parameter.
    """
    columns = []
    for index in range(at.size):
        up, down = at.copy(), at.copy()
        up[index] = min(1.0, at[index] + step)
        down[index] = max(0.0, at[index] - step)
        columns.append((residuals(up) - residuals(down)) / (up[index] - down[index]))
    return np.array(columns).T


def least_squares(
    residuals: Residuals, start: Float64, steps: int, free: npt.NDArray[np.bool_] | None = None
) -> Float64:
    """Move free parameters from a start to the least sum of squared misfits within 0 to 1.

    Parameters
    ----------
    residuals : function of positions (parameters,) to misfits (targets,)
    start : float64, shape (parameters,)
    steps : int
        Most evaluations of the misfits, those for slopes not counted.
    free : bool, shape (parameters,), optional
        Which may move; all by default.
    """
    from scipy import optimize

    movable = np.ones(start.size, dtype=bool) if free is None else free
    if not movable.any():
        return start.copy()

    def whole(part: Float64) -> Float64:
        point = start.copy()
        point[movable] = part
        return point

    def misfits(part: Float64) -> Float64:
        return residuals(whole(part))

    def slopes(part: Float64) -> Float64:
        return jacobian(misfits, np.asarray(part))

    inside = np.clip(start[movable], 1e-9, 1.0 - 1e-9)  # scipy starts strictly between the bounds
    found = optimize.least_squares(
        misfits,
        inside,
        jac=slopes,
        bounds=(0.0, 1.0),
        method="dogbox",  # answers often lie at an end of a range, where trf crawls
        max_nfev=steps,
        xtol=1e-4,
        ftol=1e-4,
    )
    return whole(np.asarray(found.x, dtype=np.float64))


def _trial_seed(seed: int, number: int) -> int:
    digest = hashlib.sha256(f"{seed}:{number}".encode()).digest()
    return int.from_bytes(digest[:4], "little") % (2**31 - 1)


def _first_points(problem: Problem, n: int) -> Float64:
    """Give the points before the estimator has seen enough: today's, then a Latin hypercube."""
    from scipy.stats import qmc

    start = problem.positions(problem.start)[np.newaxis]
    if n < 2:
        return start
    cube = qmc.LatinHypercube(len(problem.ranges), rng=problem.search.seed).random(n - 1)
    return np.concatenate([start, cube])


def _tpe(journal: Journal, folder: Path | None, progress: Progress | None) -> None:
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    problem = journal.problem
    wanted = problem.search.trials
    names = [each.id for each in problem.ranges]
    space: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in names
    }
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = None if folder is None else f"sqlite:///{folder / 'trials.sqlite'}"
    # Targets decide a trial's value, so that other targets are another study in the same file.
    aims = repr([(t.name, t.value, t.tolerance) for t in problem.targets])
    name = hashlib.sha256(f"{problem.key()}:{names}:{aims}:{problem.search.seed}".encode())
    try:
        study = optuna.create_study(
            study_name=name.hexdigest()[:16], storage=storage, load_if_exists=True
        )
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as reason:
        # No SQLite file, another program's, or one of an Optuna that wrote other tables.
        raise StoreError(
            f"not a store of trials ({type(reason).__name__})",
            where=str(folder),
            remedy="Name another folder with --store, or remove trials.sqlite there.",
        ) from reason
    complete = (optuna.trial.TrialState.COMPLETE,)
    first = _first_points(problem, min(wanted, max(10, 2 * len(names))))
    finished = study.get_trials(deepcopy=False, states=complete)
    for trial in finished:
        journal.moments([trial.params[n] for n in names])
    done = len(finished)
    while done < wanted:
        if done < len(first):
            point = {n: float(u) for n, u in zip(names, first[done], strict=True)}
            value = journal.misfit([point[n] for n in names])
            study.add_trial(
                optuna.trial.create_trial(params=point, distributions=space, value=value)
            )
        else:
            study.sampler = optuna.samplers.TPESampler(
                seed=_trial_seed(problem.search.seed, done), n_startup_trials=len(first)
            )
            asked = study.ask(space)
            study.tell(asked, journal.misfit([asked.params[n] for n in names]))
        done += 1
        if progress is not None:
            progress(done, wanted)


def search(
    journal: Journal, folder: Path | None = None, progress: Progress | None = None
) -> Float64:
    """Search for the least misfit and give where it is.

    Parameters
    ----------
    journal : Journal
    folder : Path, optional
        Where Optuna keeps its trials; in memory by default.
    progress : function of (done, total), optional

    Returns
    -------
    float64, shape (parameters,)
        Positions between 0 and 1 of the best point lived.
    """
    problem = journal.problem
    if problem.search.method == "tpe":
        _tpe(journal, folder, progress)
    else:
        done = 0

        def residuals(point: Float64) -> Float64:
            nonlocal done
            found = journal.residuals(point)
            done += 1
            if progress is not None:
                progress(min(done, problem.search.trials), problem.search.trials)
            return found

        start = problem.positions(problem.start)
        each = 1 + 2 * len(problem.ranges)  # a step and its slopes
        least_squares(residuals, start, max(1, problem.search.trials // each))
    return journal.best
