"""How much patients weigh for a provider, and choice by profit plus that weight.

Knows draws and the payoffs of options; must not know who the provider is.
"""

import numpy as np
from numpy.typing import NDArray

from sim.numerics import compiled, exp, normal_quantile

__all__ = ["altruism", "best_quantity", "draw_quantity"]


@compiled
def altruism(
    u_type: float, u_size: float, selfish_share: float, scale: float, log_sd: float
) -> float:
    """Return a provider's weight on the patient: nothing for a few, log-normal for the rest.

    Parameters
    ----------
    u_type : float
        Uniform draw (or stratum) that decides whether the provider is selfish.
    u_size : float
        Uniform draw (or stratum) of the weight among the others; the weight rises with it.
    selfish_share : float
        Share of providers with weight 0, in [0, 1].
    scale : float
        Mean weight among the others, >= 0 (calibrated).
    log_sd : float
        Standard deviation of the log weight among the others, >= 0.

    Returns
    -------
    float
        a >= 0.

    References
    ----------
    Godager, G., Wiesen, D. (2013). Profit or patients' health benefit? Exploring the heterogeneity
    in physician altruism. Journal of Health Economics 32, 1105-1116.
    https://doi.org/10.1016/j.jhealeco.2013.08.008
    """
    if u_type < selfish_share:
        return 0.0
    return scale * exp(log_sd * normal_quantile(u_size) - 0.5 * log_sd * log_sd)


@compiled
def best_quantity(
    profit: NDArray[np.float64], benefit: NDArray[np.float64], altruism: float
) -> int:
    """Return the quantity with the highest profit plus weighted benefit.

    Parameters
    ----------
    profit, benefit : ndarray of float64, shape (n,)
        The provider's profit and the patient's benefit at quantities 0, 1, …, n - 1, one currency.
    altruism : float
        Weight a on the benefit.

    Returns
    -------
    int
        The maximizer of ``profit + a benefit``; among equals (within 1e-9) the smallest quantity.
    """
    best = 0
    peak = float(profit[0]) + altruism * float(benefit[0])
    for quantity in range(1, profit.shape[0]):
        utility = float(profit[quantity]) + altruism * float(benefit[quantity])
        # Payoffs are decimal fractions: a tie on paper must not be broken by their last bit.
        if utility > peak + 1e-9:
            best = quantity
            peak = utility
    return best


@compiled
def draw_quantity(
    profit: NDArray[np.float64],
    benefit: NDArray[np.float64],
    altruism: float,
    precision: float,
    u: float,
) -> int:
    """Return a quantity drawn by quantal response to profit plus weighted benefit.

    Parameters
    ----------
    profit, benefit, altruism
        As in :func:`best_quantity`.
    precision : float
        Precision λ of choice, per currency; the larger, the closer to :func:`best_quantity`.
    u : float
        Uniform draw.

    Returns
    -------
    int
        Quantity with probability proportional to ``exp(λ (profit + a benefit))``.
    """
    n: int = profit.shape[0]
    peak = float(profit[0]) + altruism * float(benefit[0])
    for quantity in range(1, n):
        peak = max(peak, float(profit[quantity]) + altruism * float(benefit[quantity]))
    total = 0.0
    for quantity in range(n):
        utility = float(profit[quantity]) + altruism * float(benefit[quantity])
        total += exp(precision * (utility - peak))
    left = u * total
    for quantity in range(n - 1):
        utility = float(profit[quantity]) + altruism * float(benefit[quantity])
        left -= exp(precision * (utility - peak))
        if left < 0.0:
            return quantity
    return n - 1
