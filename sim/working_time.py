"""Working time of practices: the constants at which visits last as they do at list price.

Knows list prices, physicians' altruism and the baseline length of a visit; must not know which
contract pays, nor decide anything: how minutes move is a rule of the engine.

Notes
-----
A region says how long visits are by parameters (:data:`TIMING`). Where it does not, nothing is
timed, no session is counted and a contract that pays by session has nothing to pay for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sim.baseline import solve
from sim.behavior.working_time import health_lost_to_haste, minutes_of_a_visit
from sim.engine.setting import PRACTICE, Setting, Timing
from sim.engine.tables import Float

__all__ = ["TIMING", "lost_to_haste", "missing", "timed"]

TIMING = (
    "minutes_per_visit",
    "minutes_wished",
    "minutes_least",
    "session_minutes",
    "hours_elasticity",
    "time_price",
)
"""Parameters that a region with working time gives, all or none."""


def timed(setting: Setting) -> Setting:
    """Return the setting with what the length of a visit turns on, as it is where nothing does.

    Notes
    -----
    A minute at work costs a physician ``time_price`` times the margin that it earns at list price
    (1: who is free to work more works until the last minute earns what it costs). That is the
    margin of a mean visit as the region has it charged: practised care is more than the need that
    prices are scaled to, and a contract's sums are solved from what was charged. The health at
    stake in a visit's length is the one at which visits of practices last ``minutes_per_visit`` on
    average at list price, by their capacity: physicians who care more about patients take longer.
    """
    values, providers = setting.values, setting.region.providers
    is_timed = providers.kind == PRACTICE
    if "minutes_per_visit" not in values or not is_timed.any():
        return setting
    usual = values["minutes_per_visit"]
    wished = usual * values["minutes_wished"]
    listed = setting.price_out.sum(axis=1)
    margin = 1.0 - setting.cost_out.sum(axis=1) / np.where(listed > 0.0, listed, 1.0)
    earned = providers.visit_charge * margin / usual
    price = np.where(is_timed, values["time_price"] * np.maximum(earned, 0.0), 0.0)
    weights = np.where(is_timed, providers.visits_capacity, 0.0)
    if not weights.any():
        weights = is_timed.astype(np.float64)

    def minutes(at_stake: float) -> Float:
        found = np.zeros(len(price))
        for p in np.flatnonzero(is_timed):
            found[p] = minutes_of_a_visit(
                wished, price[p], at_stake, setting.altruism[p], values["minutes_least"]
            )
        return found

    def is_high(log_stake: Float) -> npt.NDArray[np.bool_]:
        mean = float(np.average(minutes(float(np.exp(log_stake[0]))), weights=weights))
        return np.array([mean > usual])

    ends = np.array([-20.0]), np.array([30.0])
    at_stake = float(np.exp(solve(is_high, *ends)[0]))
    timing = Timing(
        wished=wished,
        least=values["minutes_least"],
        session=values["session_minutes"],
        elasticity=values["hours_elasticity"],
        at_stake=at_stake,
        price=price,
        minutes=minutes(at_stake),
    )
    return replace(setting, timing=timing)


def lost_to_haste(setting: Setting, minutes: Float) -> Float:
    """Return the QALYs that a visit of so many minutes loses by its length (n,); 0 if not timed.

    Parameters
    ----------
    setting : Setting
    minutes : float64, shape (n,)
    """
    timing = setting.timing
    found = np.zeros(len(minutes))
    if timing is None:
        return found
    at_stake = timing.at_stake / setting.values["value_of_health"]
    for p in np.flatnonzero(timing.minutes > 0.0):
        found[p] = health_lost_to_haste(minutes[p], timing.wished, at_stake)
    return found


def missing(values: Mapping[str, float]) -> list[str]:
    """Return parameters of working time that a region with some of them lacks."""
    known = [name for name in TIMING if name in values]
    return [name for name in TIMING if name not in values] if known else []
