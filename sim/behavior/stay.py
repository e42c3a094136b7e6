"""How long a patient is kept: quantal response over whole days.

Knows receipts and cost by day and the stay that is best for the patient; must not know whether a
day, a case or a year is paid.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sim.behavior.income import weighted_margin
from sim.numerics import compiled, exp

__all__ = ["draw_stay", "draw_stay_schedule", "optimal_stay", "stay_utility_day"]


@compiled
def _health_of_stay(days: float, stake_day: float, need_days: float) -> float:
    """Return the money weight of the health lost by leaving too early or too late, <= 0."""
    if need_days <= 0.0:
        return 0.0
    gap = days - need_days
    return -0.5 * stake_day / need_days * gap * gap


@compiled
def stay_utility_day(
    days: float,
    receipt_day: float,
    cost_day: float,
    omega: float,
    stake_day: float,
    need_days: float,
) -> float:
    """Return the provider's utility from a stay of so many days, up to a constant.

    Parameters
    ----------
    days : float
        Length of stay d.
    receipt_day : float
        Marginal total receipts m of one more bed-day, currency.
    cost_day : float
        Marginal cost k of a bed-day, the shadow price of the bed included when beds are short,
        currency.
    omega : float
        Weight on money ω; it scales margins above cost only.
    stake_day : float
        ``A = 2 a V h κ / d*``, currency per day (:func:`sim.behavior.intensity.stake`).
    need_days : float
        Stay d* that is best for the patient, days.

    Returns
    -------
    float
        ``ω (m - k) d - A (d - d*)^2 / (2 d*)``, currency.
    """
    margin = weighted_margin(receipt_day - cost_day, omega)
    return margin * days + _health_of_stay(days, stake_day, need_days)


@compiled
def optimal_stay(
    receipt_day: float,
    cost_day: float,
    omega: float,
    stake_day: float,
    need_days: float,
    longest: int,
) -> float:
    """Return the stay that maximizes utility when every day brings the same receipts.

    Parameters
    ----------
    receipt_day, cost_day, omega, stake_day, need_days : float
        As in :func:`stay_utility_day`.
    longest : int
        Longest stay considered, days.

    Returns
    -------
    float
        ``d* (ω (m - k) + A) / A`` clipped to [1, longest], days.
    """
    margin = weighted_margin(receipt_day - cost_day, omega)
    most = float(longest)
    if stake_day <= 0.0 or need_days <= 0.0:
        if margin > 0.0:
            return most
        return 1.0 if margin < 0.0 else min(max(need_days, 1.0), most)
    return min(max(need_days * (margin + stake_day) / stake_day, 1.0), most)


@compiled
def draw_stay(
    receipt_day: float,
    cost_day: float,
    omega: float,
    stake_day: float,
    need_days: float,
    precision: float,
    longest: int,
    u: float,
) -> int:
    """Return the days a patient is kept when every day brings the same receipts.

    Parameters
    ----------
    receipt_day, cost_day, omega, stake_day, need_days : float
        As in :func:`stay_utility_day`.
    precision : float
        Precision of choice, per currency.
    longest : int
        Longest stay considered, days, >= 1.
    u : float
        Uniform draw; the stay rises with it.

    Returns
    -------
    int
        Days in 1..longest, with probability proportional to ``exp(precision U(d))``. The most
        likely stay is the whole day nearest to :func:`optimal_stay`.
    """
    # The utility is concave and symmetric around its optimum: the nearest whole day is the peak.
    best = float(
        int(optimal_stay(receipt_day, cost_day, omega, stake_day, need_days, longest) + 0.5)
    )
    most = float(longest)
    peak = stay_utility_day(best, receipt_day, cost_day, omega, stake_day, need_days)
    # Days whose weight is below exp(-36) of the peak's are left out; they are most of the days.
    width = longest
    spread = precision * stake_day / need_days if need_days > 0.0 else 0.0
    if spread * most * most > 72.0:
        width = int(math.sqrt(72.0 / spread)) + 1
    first = max(int(best) - width, 1)
    last = min(int(best) + width, longest)
    total = 0.0
    for days in range(first, last + 1):
        utility = stay_utility_day(float(days), receipt_day, cost_day, omega, stake_day, need_days)
        total += exp(precision * (utility - peak))
    left = u * total
    for days in range(first, last):
        utility = stay_utility_day(float(days), receipt_day, cost_day, omega, stake_day, need_days)
        left -= exp(precision * (utility - peak))
        if left < 0.0:
            return days
    return last


@compiled
def draw_stay_schedule(
    cumulative_receipts: NDArray[np.float64],
    cost_day: float,
    omega: float,
    stake_day: float,
    need_days: float,
    precision: float,
    u: float,
) -> int:
    """Return the days a patient is kept under receipts that bend with the length of stay.

    Thresholds and bands make stays bunch: nothing here but the receipts knows about them.

    Parameters
    ----------
    cumulative_receipts : ndarray of float64, shape (longest,)
        Total receipts for a stay of 1, 2, … days, currency.
    cost_day, omega, stake_day, need_days, precision, u : float
        As in :func:`draw_stay`.

    Returns
    -------
    int
        Days in 1..longest.

    Notes
    -----
    The weight ω applies day by day to ``R(d) - R(d - 1) - k`` where that is positive, so constant
    steps give the same choice as :func:`draw_stay`.
    """
    longest: int = cumulative_receipts.shape[0]
    money = 0.0
    peak = _health_of_stay(1.0, stake_day, need_days)
    for i in range(1, longest):
        step = float(cumulative_receipts[i]) - float(cumulative_receipts[i - 1]) - cost_day
        money += weighted_margin(step, omega)
        utility = money + _health_of_stay(float(i + 1), stake_day, need_days)
        peak = max(peak, utility)
    money = 0.0
    total = exp(precision * (_health_of_stay(1.0, stake_day, need_days) - peak))
    for i in range(1, longest):
        step = float(cumulative_receipts[i]) - float(cumulative_receipts[i - 1]) - cost_day
        money += weighted_margin(step, omega)
        utility = money + _health_of_stay(float(i + 1), stake_day, need_days)
        total += exp(precision * (utility - peak))
    money = 0.0
    left = u * total - exp(precision * (_health_of_stay(1.0, stake_day, need_days) - peak))
    if left < 0.0:
        return 1
    for i in range(1, longest - 1):
        step = float(cumulative_receipts[i]) - float(cumulative_receipts[i - 1]) - cost_day
        money += weighted_margin(step, omega)
        utility = money + _health_of_stay(float(i + 1), stake_day, need_days)
        left -= exp(precision * (utility - peak))
        if left < 0.0:
            return i + 1
    return longest
