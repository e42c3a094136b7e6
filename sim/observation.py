"""Observation stays: what keeping an urgent case in a bed without admitting it brings and costs.

Knows list prices, margins of outpatient care and the baseline shares that fix constants; must not
know which contract pays, nor decide anything: the choice itself is a rule of the engine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sim.baseline import RANKS, margin_at_list, severities, solve
from sim.engine.setting import LIGHT, Setting, worked_out_once
from sim.engine.tables import Float
from sim.health.need import severity_multiplier
from sim.outlook import channel_marginals, covered_share
from sim.world import World

__all__ = ["observation_terms"]


def observation_terms(world: World, cost_factor: Float) -> dict[str, Any]:
    """Return what the choice of observation turns on, as the admission table names it.

    Parameters
    ----------
    world : World
    cost_factor : float64, shape (n,)
        Unit costs relative to baseline.

    Notes
    -----
    A case under observation is hospital outpatient care of ``observation_units`` mean visits at
    mean severity, whatever its group. Its margin is what one more visit, its units and one more
    observation bring, less their cost. Where a region has no beds for observation nothing is worked
    out and nothing can be chosen.
    """
    setting, values = world.setting, world.setting.values
    if not _observes(setting).any():
        return _nothing(setting)
    m = channel_marginals(world)["observation"]
    if "observation" not in world.fixed:
        world.fixed["observation"] = _constants(setting)
    needed, light = world.fixed["observation"]
    units = values["observation_units"] * world.technology
    cost = setting.cost_out * cost_factor[:, None]
    per_unit = m.out - cost[:, None, :] * (1.0 - m.cost[:, :, None])
    style = world.organizations.style_out
    rising = np.einsum("nyj,nygj->nyg", per_unit, style) * units
    listed = setting.reference.price_out - setting.reference.cost_out
    usual = np.broadcast_to(listed.sum(axis=1)[:, None, None] * units, rising.shape)
    level = world.region.people.price_level[:, 1]
    rate = np.asarray(world.benefits.outpatient_rate, dtype=np.float64)
    rate = rate[:, world.region.providers.kind].T
    covered = covered_share(world)[:, :1]
    own = (1.0 - covered * rate) * level * setting.price_out.sum(axis=1)[:, None] * units
    return {
        "observes": _observes(setting),
        "observe_fixed": m.visit + m.observed,
        "observe_rising": rising,
        "observe_list": np.ascontiguousarray(usual),
        "observe": needed,
        "observe_light": light,
        "observe_loss": setting.health_day,
        "observe_own": np.ascontiguousarray(np.broadcast_to(own[..., None], rising.shape)),
        "observe_days": values["observation_days"],
        "tau_observe": values["tau_observe"],
    }


@worked_out_once
def _observes(setting: Setting) -> npt.NDArray[np.bool_]:
    """Tell which providers have beds for observation (n,)."""
    return np.asarray(setting.observation_beds > 0.0)


@worked_out_once
def _nothing(setting: Setting) -> dict[str, Any]:
    """Return the terms where nobody can be observed."""
    n, n_payers, n_groups = len(setting.beds), len(setting.region.payers), len(setting.need_out)
    by_payer, by_group = np.zeros((n, n_payers)), np.zeros((n, n_payers, n_groups))
    nothing = np.zeros((n, n_groups))
    return {
        "observes": _observes(setting),
        "observe_fixed": by_payer,
        "observe_rising": by_group,
        "observe_list": by_group,
        "observe": nothing,
        "observe_light": nothing,
        "observe_loss": nothing,
        "observe_own": by_group,
        "observe_days": 1.0,
        "tau_observe": 1.0,
    }


def _constants(setting: Setting) -> tuple[Float, Float]:
    """Return the constants that give the baseline shares at list price (n, G), (n, G).

    Against admitting, over severities and levels of all cases that need a bed as they come; against
    sending home, for the light case that is considered at all.
    """
    values, reference = setting.values, setting.reference
    price = np.maximum(setting.stay_price, 1e-9)
    worth = setting.altruism * values["value_of_health"]
    outside = (reference.price_out - reference.cost_out).sum(axis=1) * values["observation_units"]
    severity = severities(setting)[:, None]
    days = np.maximum(setting.needed_days[..., None] * np.sqrt(severity), 1e-9)
    missing = np.maximum(1.0 - values["observation_days"] / days, 0.0)
    lost = (worth[:, None] * setting.health_day)[..., None, None] * days * missing**2
    beyond = outside[:, None, None, None] - margin_at_list(setting)[..., None]
    gain = beyond * severity - lost
    odds = gain / (values["tau_observe"] * price[..., None])
    weight = setting.region.groups.share_level[None, :, :, None] / len(RANKS)

    def is_high(constant: Float) -> npt.NDArray[np.bool_]:
        log_odds = np.clip(odds + constant[..., None, None], -700.0, 700.0)
        found = (weight / (1.0 + np.exp(-log_odds))).sum(axis=(2, 3))
        return np.asarray(found > values["observation_share"])

    needed = solve(is_high, -odds.max(axis=(2, 3)) - 50.0, -odds.min(axis=(2, 3)) + 50.0)
    small = severity_multiplier(LIGHT, 0.5)
    light_share = values["observation_light_share"]
    mean_price = np.maximum(setting.stay_price.mean(axis=2), 1e-9)
    light = np.log(light_share / (1.0 - light_share)) - outside[:, None] * small / (
        values["tau_observe"] * mean_price
    )
    return needed, light
