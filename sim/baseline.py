"""Baseline shares: what the constants of choices are solved with at list price.

Knows severities as they come, what stays leave at list price and how a root is found; must not know
a contract, nor which choice a constant belongs to.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sim.engine.setting import Setting
from sim.engine.tables import Float
from sim.health.need import severity_multiplier

__all__ = ["RANKS", "margin_at_list", "severities", "solve"]

RANKS: Float = (np.arange(20) + 0.5) / 20
"""Equally likely severity ranks over which a baseline share is averaged, in (0, 1)."""


def severities(setting: Setting) -> Float:
    """Return severity multipliers of the ranks, shape (G, ranks)."""
    spread = setting.region.groups.severity_sd
    return np.array([[severity_multiplier(float(r), float(sd)) for r in RANKS] for sd in spread])


def margin_at_list(setting: Setting) -> Float:
    """Return what a stay of severity 1 leaves at list price, currency, shape (n, G, 3)."""
    reference = setting.reference
    per_unit = (reference.price_in - reference.cost_in).sum(axis=1)
    per_day = reference.day_price - reference.day_cost
    units = per_unit[:, None, None] * setting.need_in[None, :, :, 0]
    return np.asarray(units + per_day[:, None, None] * setting.needed_days[None])


def solve(is_high: Callable[[Float], npt.NDArray[np.bool_]], low: Float, high: Float) -> Float:
    """Return the constants at which a share is as declared, by halving intervals.

    Parameters
    ----------
    is_high : callable
        Tells which of an array of constants are above those sought.
    low, high : float64, same shape
        Constants below and above those sought.
    """
    for _ in range(60):
        middle = 0.5 * (low + high)
        above = is_high(middle)
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(0.5 * (low + high), dtype=np.float64)
