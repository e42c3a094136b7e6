"""Aftercare: what sending patients to a facility after a stay, or home, turns on this month.

Knows list prices, margins of late days and of what follows a stay, and the baseline shares that fix
constants; must not know which contract pays, nor decide anything: the choice is a rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sim.baseline import RANKS, solve
from sim.engine.organization import Marginals, last_day
from sim.engine.setting import Setting, worked_out_once
from sim.engine.tables import Float
from sim.outlook import channel_marginals, covered_share
from sim.world import World

__all__ = ["aftercare_terms", "receipt_of_day"]


def aftercare_terms(world: World, cost_factor: Float) -> dict[str, Any]:
    """Return what discharge turns on, as the stay table names it.

    Parameters
    ----------
    world : World
    cost_factor : float64, shape (n,)
        Unit costs relative to baseline.

    Notes
    -----
    A day in a facility brings the hospital what its contract pays for post-acute days, and what a
    yuan spent after the stay brings, times the charge of the day: nothing under most contracts,
    less than nothing where it answers for an episode. The last days of the stay that are spent
    there instead save their cost, the shadow price of the bed included, and lose their receipts. A
    stay that is then too short to be paid whole loses a part of its payment.
    """
    setting, values = world.setting, world.setting.values
    care = setting.region.aftercare
    if care.provider < 0:
        return _nothing(setting)
    n, n_groups = len(setting.beds), len(setting.need_out)
    m = channel_marginals(world)["discharge"]
    if "discharge" not in world.fixed:
        world.fixed["discharge"] = _log_odds(setting)
    level = setting.region.people.price_level[:, 2]
    listed = setting.reference
    # The list price and what weighs with it stay those that the constants were solved at.
    day = listed.day_price[care.provider]
    day_cost = setting.day_cost * cost_factor + world.organizations.bed
    saved = day_cost[:, None, None] - last_day(m, setting)
    value = values["value_of_health"]
    whole = day * np.maximum(care.days, 1e-9)
    return {
        "after_at": care.provider,
        "after_odds": world.fixed["discharge"],
        "after_days": care.days,
        "after_receipt": np.ascontiguousarray(receipt_of_day(world, m)),
        "after_saved": np.ascontiguousarray(saved),
        "after_saved_list": listed.day_cost[:, None] - listed.day_price[:, None] * level,
        "after_cut": m.cut_short,
        "after_stake": setting.altruism[:, None]
        * np.full(n_groups, values["aftercare_stake"] * day),
        "after_value": setting.altruism[:, None] * values["aftercare_benefit"] * whole,
        "after_precision": np.broadcast_to(
            1.0 / (values["tau_aftercare"] * whole), (n, n_groups)
        ).copy(),
        # A day's stake is twice the loss of a stay twice as long, as in hospitals.
        "after_loss": np.full(n_groups, values["aftercare_stake"] * day / (2.0 * value)),
        "after_gain": values["aftercare_benefit"] * whole / value,
        "after_moved": values["aftercare_moved"],
        "after_return": values["aftercare_readmission"],
    }


@worked_out_once
def _nothing(setting: Setting) -> dict[str, Any]:
    """Return the terms where nobody can be discharged to a facility."""
    n, n_payers, n_groups = len(setting.beds), len(setting.region.payers), len(setting.need_out)
    by_group, by_payer = np.zeros((n, n_groups)), np.zeros((n, n_payers, n_groups))
    return {
        "after_at": -1,
        "after_odds": np.zeros((n, n_groups, 2)),
        "after_days": np.zeros(n_groups),
        "after_receipt": by_payer,
        "after_saved": by_payer,
        "after_saved_list": np.zeros((n, n_payers)),
        "after_cut": np.zeros((n, n_payers, n_groups, 3)),
        "after_stake": by_group,
        "after_value": by_group,
        "after_precision": by_group,
        "after_loss": np.zeros(n_groups),
        "after_gain": np.zeros(n_groups),
        "after_moved": 0.0,
        "after_return": 0.0,
    }


def receipt_of_day(world: World, m: Marginals) -> Float:
    """Return what a day in a facility brings the hospital that sends, currency, shape (n, Y, G)."""
    setting, provider = world.setting, world.setting.region.aftercare.provider
    charge = setting.day_price[provider] * setting.region.people.price_level[:, 2]
    covered = covered_share(world)[provider, 1]
    return np.asarray(m.post_acute[..., None] + m.after * (covered * charge)[:, None])


def _log_odds(setting: Setting) -> Float:
    """Return the constants that give the baseline shares at list price (n, G, 2).

    Over all severities as they come: the patient's benefit moves with it.
    """
    values, share = setting.values, setting.region.aftercare.share
    pull = setting.altruism * values["aftercare_benefit"] / values["tau_aftercare"]
    by_rank = pull[:, None, None, None] * (RANKS - 0.5)

    def is_high(constant: Float) -> npt.NDArray[np.bool_]:
        found = (1.0 / (1.0 + np.exp(-(constant[..., None] + by_rank)))).mean(axis=-1)
        return np.asarray(found > share)

    low = np.full((len(pull), *share.shape), -60.0)
    return solve(is_high, low, -low)
