"""The rule by which organizations move their levers: best response, a controller, or trial.

Knows where levers are and where this month's incentives would put them, and for the rule by trial
what a month of practice came to; must not know which contract is in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from sim.behavior.adjustment import learned_worth, pid_change, realized_utility, style_to_try
from sim.engine.organization import MOST_EFFORT, Organizations
from sim.engine.setting import Setting
from sim.engine.tables import Float, Int
from sim.numerics import compiled
from sim.randomness import Decision, key, subkey, uniform
from sim.region import AdjustmentRule
from sim.tallies import ProviderTally

_T = ProviderTally

# Levers, the channel each belongs to, and the ends of its range.
LEVERS: Mapping[str, tuple[str, float, float]] = {
    "style_out": ("intensity", 0.0, 2.0),
    "style_in": ("intensity", 0.0, 2.0),
    "returns": ("returns", 0.0, np.inf),
    "low_value": ("low_value", 0.0, 1.0),
    "up_share": ("coding", 0.0, 1.0),
    "document": ("documentation", 0.0, 1.0),
    "prevention": ("prevention", 0.0, MOST_EFFORT),
    "quality": ("quality", 0.0, MOST_EFFORT),
    "cost": ("cost", 0.0, MOST_EFFORT),
    "mode": ("mode", -np.inf, np.inf),
    "split": ("splitting", 0.0, 1.0),
    "uncovered_share": ("uncovered", 0.0, 1.0),
    "documented_share": ("documented_quality", 0.0, 1.0),
    "minutes": ("working_time", 0.0, np.inf),
}
STAY_LEVERS = ("amounts", "slopes", "bands")


STYLES = (-2.0, -1.0, 0.0, 1.0, 2.0)  # steps from the customary style
_CUSTOMARY = STYLES.index(0.0)


@dataclass
class Memory:
    """What a rule remembers.

    Attributes
    ----------
    gaps : by lever, its gap a month and two months ago.
    customary : styles practised at list prices, before any trial.
    practised : (n,) which style each provider practises.
    worth, times : (n, styles) what each is held to be worth, and months it was practised.
    """

    gaps: dict[str, tuple[Float, Float]] = field(default_factory=dict)
    customary: dict[str, Float] = field(default_factory=dict)
    practised: Int = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    worth: Float = field(default_factory=lambda: np.zeros((0, 0)))
    times: Float = field(default_factory=lambda: np.zeros((0, 0)))


def copied(org: Organizations) -> Organizations:
    """Return organizations whose levers may move without moving these."""
    levers = {name: getattr(org, name).copy() for name in (*LEVERS, "efforts", "bed", "time_price")}
    return replace(org, stay=org.stay.copy(), **levers)


def move_by_controller(
    org: Organizations,
    respond: Callable[[Organizations], None],
    rule: AdjustmentRule,
    memory: Memory,
    frozen: frozenset[str],
) -> None:
    """Take every lever one month on by the controller, in place.

    Return visits are weighed at the intensity aimed at, not yet at the one practised.

    Parameters
    ----------
    org : Organizations
        Changed.
    respond : callable
        Moves organizations to their best response at once.
    rule : AdjustmentRule
    memory : Memory
        Changed.
    frozen : set of channel names
        Levers that keep their value.
    """
    goal = copied(org)
    respond(goal)
    if org.style_in.shape != goal.style_in.shape:
        org.style_in = np.repeat(org.style_in.mean(axis=0)[None], len(goal.style_in), axis=0)
    if (org.stay.n_sides, org.stay.n_bands) != (goal.stay.n_sides, goal.stay.n_bands):
        org.stay = org.stay.widened(goal.stay.n_sides, goal.stay.n_bands)
    for name, (channel, low, high) in LEVERS.items():
        if channel not in frozen:
            current = getattr(org, name)
            change = _controlled(name, getattr(goal, name) - current, rule, memory)
            setattr(org, name, np.clip(current + change, low, high))
    if "stay" not in frozen:
        moved = {
            name: getattr(org.stay, name)
            + _controlled(name, getattr(goal.stay, name) - getattr(org.stay, name), rule, memory)
            for name in STAY_LEVERS
        }
        org.stay = replace(goal.stay, **moved)
    org.side_bounds = goal.side_bounds
    org.bed[:] = goal.bed
    if "working_time" not in frozen:
        org.time_price[:] = goal.time_price
    org.efforts[:, 1:] = org.efforts[:, :-1].copy()
    org.efforts[:, 0] = org.prevention


def _controlled(name: str, gap: Float, rule: AdjustmentRule, memory: Memory) -> Float:
    """Return a lever's change under the controller, and remember its gap."""
    before, before_last = memory.gaps.get(name, (gap, gap))
    if before.shape != gap.shape:
        # Another contract parts stays otherwise: what was true of the old parts is forgotten.
        before, before_last = gap, gap
    memory.gaps[name] = (gap, before)
    change = np.empty(gap.size)
    gains = np.array([rule.proportional, rule.integral, rule.derivative])
    _pid_changes(gap.ravel(), before.ravel(), before_last.ravel(), gains, change)
    return change.reshape(gap.shape)


@compiled
def _pid_changes(
    gap: Float, before: Float, before_last: Float, gains: Float, change: Float
) -> None:
    """Write the change of every lever under the controller to ``change``."""
    for i in range(gap.shape[0]):
        change[i] = pid_change(gap[i], before[i], before_last[i], gains[0], gains[1], gains[2])


def start_trials(org: Organizations, memory: Memory) -> None:
    """Take the styles practised now as the customary ones; in place."""
    n = len(org.money)
    memory.customary = {"style_out": org.style_out.copy(), "style_in": org.style_in.copy()}
    memory.practised = np.full(n, _CUSTOMARY, dtype=np.int64)
    memory.worth = np.zeros((n, len(STYLES)))
    memory.times = np.zeros((n, len(STYLES)))


def learn(
    setting: Setting,
    org: Organizations,
    rule: AdjustmentRule,
    memory: Memory,
    tally: Int,
    earned: Int,
) -> None:
    """Let every provider see what last month's style came to, in place.

    Parameters
    ----------
    tally : int64, shape (n, columns)
        Last month's tallies of providers over all payers.
    earned : int64, shape (n,)
        Receipts of the month from all payers and patients, fen.
    """
    cost = (tally[:, _T.COST_OUT] + tally[:, _T.COST_IN]).astype(np.float64)
    margin = (earned - cost) / 100.0
    need = np.zeros(len(tally))
    effort = np.zeros(len(tally))
    ratio = setting.values["effort_ratio"]
    for prices, given, needed in (
        (setting.reference.price_out, _T.UNITS_OUT_0, _T.NEED_OUT_0),
        (setting.reference.price_in, _T.UNITS_IN_0, _T.NEED_IN_0),
    ):
        units = tally[:, given : given + 4] / 1000.0
        proper = tally[:, needed : needed + 4] / 1000.0
        need += (prices * proper).sum(axis=1)
        # Effort grows with the square of what is given over what is needed.
        squared = units * units / np.maximum(proper, 1e-9)
        effort += 0.5 * ratio * (prices * np.where(proper > 0.0, squared, 0.0)).sum(axis=1)
    for p in range(len(tally)):
        k = memory.practised[p]
        reward = realized_utility(
            float(margin[p]),
            float(org.money[p]),
            float(setting.altruism[p]),
            setting.values["value_of_health"],
            float(tally[p, _T.HEALTH_LOSS]) * 1e-6,
            float(effort[p]),
            float(need[p]),
        )
        memory.times[p, k] += 1.0
        memory.worth[p, k] = learned_worth(
            float(memory.worth[p, k]), float(memory.times[p, k]), reward, rule.memory
        )


def try_styles(
    org: Organizations, rule: AdjustmentRule, memory: Memory, seed: int, month: int, bounds: Float
) -> None:
    """Let every provider choose the style of the month and practise it, in place.

    ``bounds`` part the sides of a stay; what is practised does not differ between them.
    """
    draw = key(seed, month, Decision.STYLE_TRIED)
    which = np.uint64(subkey(draw, np.uint64(1)))
    steps = np.asarray(STYLES)
    for p in range(len(memory.practised)):
        untried = np.flatnonzero(memory.times[p] == 0.0)
        best = int(np.argmax(np.where(memory.times[p] > 0.0, memory.worth[p], -np.inf)))
        chosen = style_to_try(
            best,
            len(untried),
            len(steps),
            rule.explore,
            float(uniform(draw, np.uint64(p))),
            float(uniform(which, np.uint64(p))),
        )
        memory.practised[p] = chosen if chosen >= 0 else untried[-1 - chosen]
    factor = 1.0 + rule.spread * steps[memory.practised]
    org.side_bounds = bounds
    inside = memory.customary["style_in"]
    n_sides = bounds.shape[-1] + 1
    if len(inside) != n_sides:
        inside = np.repeat(inside.mean(axis=0)[None], n_sides, axis=0)
    org.style_out = np.clip(memory.customary["style_out"] * factor[:, None, None, None], 0.0, 2.0)
    org.style_in = np.clip(inside * factor[None, :, None, None, None], 0.0, 2.0)
