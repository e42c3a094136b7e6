"""Contract design: terms that nothing beats on cost, quality and equity, judged at their worst.

Knows levers, objectives and a function that lives a contract over draws; must not know contracts.

A contract is judged by what it brings in the bad end of the uncertain worlds (Ben-Tal & Nemirovski
2002): a front of means would offer contracts that shine in worlds that may not be ours. Search is
by NSGA-II (Deb et al. 2002) as Optuna has it, and goes on where it stopped.

References
----------
Ben-Tal A, Nemirovski A. Robust optimization: methodology and applications. Math Program 2002.
doi:10.1007/s101070100286
Deb K et al. A fast and elitist multiobjective genetic algorithm: NSGA-II. IEEE Trans Evol Comput
2002. doi:10.1109/4235.996017
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.errors import StoreError

__all__ = ["Lever", "Objective", "at_worst", "efficient", "search_front"]

Float64 = npt.NDArray[np.float64]
Evaluate = Callable[[Mapping[str, float]], Float64]
BAD_END = 0.9


@dataclass(frozen=True)
class Lever:
    """One term of a contract that may be set, with the range it may be set in."""

    id: str
    low: float
    high: float
    title_en: str = ""
    title_zh: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Objective:
    """One thing a good contract is good at."""

    outcome: str
    better: Literal["higher", "lower"]
    area: Literal["cost", "quality", "equity", "access"]


def at_worst(values: npt.ArrayLike, better: str, share: float = BAD_END) -> Float64:
    """Give the bad end of outcomes over draws: beyond it lies only the rest of the share.

    Parameters
    ----------
    values : array (..., draws)
    better : {'higher', 'lower'}
    share : float
        1 gives the very worst draw; .9 leaves out the worst tenth, which a few draws estimate
        better.

    Examples
    --------
    >>> [float(at_worst([1.0, 2.0, 3.0], better, 1.0)) for better in ("lower", "higher")]
    [3.0, 1.0]
    """
    table = np.asarray(values, dtype=np.float64)
    level = share if better == "lower" else 1.0 - share
    return np.asarray(np.quantile(table, level, axis=-1))


def efficient(values: npt.ArrayLike, better: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Say which contracts no other contract beats: at least as good in all, better in one.

    Parameters
    ----------
    values : array (contracts, objectives)
    better : sequence of {'higher', 'lower'}

    Returns
    -------
    bool, shape (contracts,)
        Equal contracts stay together.

    Examples
    --------
    >>> efficient([[1.0, 5.0], [2.0, 4.0], [2.0, 6.0]], ["lower", "lower"]).tolist()
    [True, True, False]
    """
    table = np.asarray(values, dtype=np.float64)
    if not np.isfinite(table).all():
        raise StoreError("an objective is missing or not finite", where="contract design")
    signs = np.array([1.0 if side == "lower" else -1.0 for side in better])
    cost = table * signs
    no_worse = (cost[:, np.newaxis] <= cost[np.newaxis]).all(axis=2)
    is_better = (cost[:, np.newaxis] < cost[np.newaxis]).any(axis=2)
    return np.asarray(~(no_worse & is_better).any(axis=0))


def search_front(
    evaluate: Evaluate,
    levers: Sequence[Lever],
    objectives: Sequence[Objective],
    *,
    trials: int,
    seed: int = 1,
    population: int = 16,
    share: float = BAD_END,
    folder: Path | None = None,
    content: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Search the terms of a contract for the front of what is best at its worst.

    Parameters
    ----------
    evaluate : function of lever values to float64, shape (objectives, draws)
        Lives one contract over the draws, the same draws and seeds for every contract.
    levers, objectives : sequences
    trials : int
        Contracts tried.
    seed : int
        Of the search.
    population : int
        Contracts in a generation.
    share : float
        See :func:`at_worst`.
    folder : Path, optional
        Where Optuna keeps its trials; in memory by default.
    content : str
        What else decides a run; another content begins anew in the same folder.
    progress : function of (done, total), optional

    Returns
    -------
    DataFrame
        One row per contract: levers, objectives at their worst, is_efficient.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name = hashlib.sha256(repr((levers, objectives, seed, population, share, content)).encode())
    study = optuna.create_study(
        study_name=name.hexdigest()[:16],
        storage=None if folder is None else f"sqlite:///{folder / 'front.sqlite'}",
        directions=["minimize" if o.better == "lower" else "maximize" for o in objectives],
        load_if_exists=True,
    )
    space: dict[str, optuna.distributions.BaseDistribution] = {
        lever.id: optuna.distributions.FloatDistribution(lever.low, lever.high) for lever in levers
    }
    complete = (optuna.trial.TrialState.COMPLETE,)
    done = len(study.get_trials(deepcopy=False, states=complete))
    while done < trials:
        # seeded by number, so that a search resumed proposes what an uninterrupted one would have
        digest = hashlib.sha256(f"{seed}:{done}".encode()).digest()
        study.sampler = optuna.samplers.NSGAIISampler(
            seed=int.from_bytes(digest[:4], "little") % (2**31 - 1), population_size=population
        )
        trial = study.ask(space)
        found = np.asarray(evaluate(dict(trial.params)), dtype=np.float64)
        worst = [
            float(at_worst(row, objective.better, share))
            for row, objective in zip(found, objectives, strict=True)
        ]
        if not all(math.isfinite(value) for value in worst):
            raise StoreError(
                "an objective is missing or not finite",
                where="contract design",
                value=dict(trial.params),
            )
        study.tell(trial, worst)
        done += 1
        if progress is not None:
            progress(done, trials)
    finished = study.get_trials(deepcopy=False, states=complete)[:trials]
    table = pd.DataFrame(
        [
            {
                **trial.params,
                **{o.outcome: v for o, v in zip(objectives, trial.values, strict=True)},
            }
            for trial in finished
        ]
    )
    values = table[[o.outcome for o in objectives]].to_numpy(dtype=np.float64)
    return table.assign(is_efficient=efficient(values, [o.better for o in objectives]))
