"""Seeds against parameters: how much of an outcome's variance is chance, and how sure that is.

Knows values by draw and replicate. Must not know methods of sensitivity or what the draws vary.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.sensitivity.sample import Results, outputs, sample_of
from sim.errors import ScenarioError

__all__ = ["seed_share", "shares_of_variance"]

Array = NDArray[np.float64]
_SOURCES = ("parameters", "seed", "both")


def _mean_squares(values: Array) -> tuple[Array, Array, Array]:
    """Mean squares of draws, replicates and the rest; the last two axes are draw, replicate."""
    n, r = values.shape[-2:]
    draw, replicate = values.mean(axis=-1), values.mean(axis=-2)
    all_mean = values.mean(axis=(-2, -1))
    of_draws = r * ((draw - all_mean[..., None]) ** 2).sum(axis=-1) / (n - 1)
    of_replicates = n * ((replicate - all_mean[..., None]) ** 2).sum(axis=-1) / (r - 1)
    rest = values - draw[..., None] - replicate[..., None, :] + all_mean[..., None, None]
    of_rest = (rest**2).sum(axis=(-2, -1)) / ((n - 1) * (r - 1))
    return of_draws, of_replicates, of_rest


def _shares(of_draws: Array, of_replicates: Array, of_rest: Array, n: int, r: int) -> Array:
    """Shares of the three sources from mean squares; negative estimates are taken for none."""
    parts = np.stack(
        [
            np.maximum((of_draws - of_rest) / r, 0.0),
            np.maximum((of_replicates - of_rest) / n, 0.0),
            np.maximum(of_rest, 0.0),
        ]
    )
    total = parts.sum(axis=0)
    shares: Array = np.divide(parts, total, out=np.full_like(parts, np.nan), where=total > 0)
    return shares


def shares_of_variance(
    values: Array, *, block: int = 1, resamples: int = 1000, level: float = 0.95, seed: int = 1
) -> pd.DataFrame:
    """Shares of an outcome's variance: parameters, seed, and both together.

    Parameters
    ----------
    values : float64 (n_draws, n_replicates)
        Every draw under every seed; at least two of each.
    block : int
        Draws that belong together and are resampled together.
    resamples : int
        Draws of the interval.
    level : float
        Level of the interval.
    seed : int
        Seed of the interval's draws.

    Returns
    -------
    DataFrame
        `source` (parameters, seed, both), `share`, `low`, `high`; shares sum to 1.

    Notes
    -----
    Two-way analysis of variance with random effects and one value a cell,
    ``y = mean + draw + seed + rest``: E[MS_rest] = v_both, E[MS_seed] = v_both + n v_seed,
    E[MS_draw] = v_both + r v_draw. Seeds are few, so the interval is a generalized one: MS_seed is
    divided by draws of chi-square over its r - 1 degrees of freedom (seed effects are sums over
    people, close to normal), while MS_draw and MS_rest are resampled by blocks of draws (the
    parameters' effects are anything but normal). With two seeds it is wide, and rightly so.
    What is left of "both" includes what a single run rounds.

    References
    ----------
    Weerahandi S. Generalized confidence intervals. J Am Stat Assoc 1993.
    doi:10.1080/01621459.1993.10476355.
    Searle SR, Casella G, McCulloch CE. Variance components. 1992. doi:10.1002/9780470316856.
    """
    n, r = values.shape
    if n < 2 or r < 2:
        raise ScenarioError(
            "the share of the seed needs two draws and two replicates",
            where="replicates",
            value=r,
            allowed="≥ 2",
            remedy="Set `replicates: 2` or more in the design and run the sweep again.",
        )
    block = block if n % block == 0 and n // block > 1 else 1
    of_draws, of_replicates, of_rest = _mean_squares(values)
    found = _shares(of_draws, of_replicates, of_rest, n, r)
    rng = np.random.default_rng(seed)
    blocks = np.arange(n).reshape(-1, block)
    again = np.empty((3, resamples))
    for k in range(resamples):
        chosen = blocks[rng.integers(len(blocks), size=len(blocks))].ravel()
        draws_k, _, rest_k = _mean_squares(values[chosen])
        replicates_k = of_replicates * (r - 1) / rng.chisquare(r - 1)
        again[:, k] = _shares(draws_k, replicates_k, rest_k, n, r)
    tail = (1.0 - level) / 2.0
    low, high = np.nanquantile(again, [tail, 1.0 - tail], axis=1)
    return pd.DataFrame({"source": _SOURCES, "share": found, "low": low, "high": high})


def seed_share(
    results: Results,
    outcome: str,
    *,
    arm: str | None = None,
    minus: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """How much of an outcome's variance over a study is the parameters', how much the seed's.

    Parameters
    ----------
    results : Results
        Results of a sweep with two replicates or more.
    outcome, arm, minus, level : as in :func:`experiments.sensitivity.analyze`

    Returns
    -------
    DataFrame
        See :func:`shares_of_variance`.

    Raises
    ------
    ScenarioError
        If there is one replicate only.
    StoreError
        If runs are missing, there twice, reordered or not finite.
    """
    from experiments.sensitivity.indices import default_method

    sample = sample_of(results.design)
    first = str(results.design.arms[0]) if arm is None else arm
    values = outputs(results, sample, outcome, first, minus)
    method = default_method(sample)
    block = method.block(sample, bool(sample.options.get("calc_second_order", True)))
    return shares_of_variance(values, block=block, level=level, seed=1 + sample.seed)
