"""What a stay brings where receipts bend: by what it charges, and by the day.

Knows bounds, and what each side and band brings; must not know why a contract sorts stays.
"""

import numpy as np
from numpy.typing import NDArray

from sim.numerics import compiled

__all__ = ["fill_stay_receipts", "side_of", "side_receipts"]


@compiled
def side_of(charge: float, bounds: NDArray[np.float64]) -> int:
    """Return the side on which a case lands: how many bounds its charge reaches.

    Parameters
    ----------
    charge : float
        Expected or actual covered charge of the case, currency.
    bounds : ndarray of float64, shape (S - 1,)
        Rising, currency.

    Returns
    -------
    int
        In 0..S - 1.
    """
    side = 0
    for k in range(bounds.shape[0]):
        if charge >= bounds[k]:
            side = k + 1
    return side


@compiled
def side_receipts(
    charge: float,
    bounds: NDArray[np.float64],
    amounts: NDArray[np.float64],
    slopes: NDArray[np.float64],
) -> float:
    """Return what a case of this charge brings by the side on which it lands.

    Parameters
    ----------
    charge : float
        Covered charge of the case, currency.
    bounds : ndarray of float64, shape (S - 1,)
    amounts : ndarray of float64, shape (S,)
        Marginal receipts of one more case on each side, currency.
    slopes : ndarray of float64, shape (S,)
        Marginal receipts of one more unit of currency charged on each side.

    Returns
    -------
    float
        ``amount[s] + slope[s] · charge``, currency.
    """
    side = 0
    for k in range(amounts.shape[0] - 1):
        if charge >= bounds[k]:
            side = k + 1
    return float(amounts[side]) + float(slopes[side]) * charge


@compiled
def fill_stay_receipts(
    bands: NDArray[np.float64],
    last_days: NDArray[np.float64],
    charge_units: float,
    charge_day: float,
    bounds: NDArray[np.float64],
    amounts: NDArray[np.float64],
    slopes: NDArray[np.float64],
    receipts: NDArray[np.float64],
) -> float:
    """Write the total receipts of a stay of 1, 2, … days, in place, and return the last.

    Parameters
    ----------
    bands : ndarray of float64, shape (B,)
        Receipts of one more day in each band of the stay, currency.
    last_days : ndarray of float64, shape (B - 1,)
        Last day of each band but the last.
    charge_units : float
        Covered charge of the stay's units besides days, as expected at its severity, currency.
    charge_day : float
        Covered charge of a day, currency.
    bounds, amounts, slopes : ndarray of float64
        As in :func:`side_receipts`.
    receipts : ndarray of float64, shape (longest,)
        Filled: ``R(d) = Σ_{i ≤ d} band(i) + side receipts(charge of d days)``, currency.

    Notes
    -----
    A longer stay charges more, so a day may carry the case over a bound: where more is paid beyond
    it the receipts jump, and stays bunch there (:func:`sim.behavior.stay.draw_stay_schedule`).
    """
    band = 0
    paid = 0.0
    for i in range(receipts.shape[0]):
        day = float(i + 1)
        while band < bands.shape[0] - 1 and day > last_days[band]:
            band += 1
        paid += float(bands[band])
        charge = charge_units + charge_day * day
        receipts[i] = paid + side_receipts(charge, bounds, amounts, slopes)
    return float(receipts[receipts.shape[0] - 1])
