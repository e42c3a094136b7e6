"""Providers led by one of them: joint margins, doctors posted down, and what both change.

Knows members, their tallies and what one more of each activity brings them; must not know any
payment model. An alliance without authority and posting changes nothing.
"""

from __future__ import annotations

import numpy as np

from sim.behavior.adjustment import adjust
from sim.behavior.effort import effort_effect, optimal_effort
from sim.behavior.posting import cost_of_posting, value_of_posting
from sim.engine.organization import MOST_EFFORT, Marginals, Position
from sim.engine.setting import PRACTICE
from sim.engine.tables import Float, Int
from sim.region import Alliance
from sim.tallies import ProviderTally
from sim.world import MONTHS, World, quantiles

__all__ = [
    "allowances",
    "authority_over",
    "capacity_with_posts",
    "limits_with_posts",
    "move_posts",
    "reach_with_posts",
    "share_outside",
    "weigh_together",
]

_T = ProviderTally
_FARTHEST = 0.995  # the severest rank that any practice can treat


def authority_over(world: World, rows: Int | slice) -> Float | None:
    """Return the weight of joint receipts for some providers (n,); None where nobody leads."""
    weight = np.zeros(len(world.setting.beds))
    for alliance in world.alliances:
        weight[list(alliance.members)] = alliance.authority
    found = weight[rows]
    return found if found.any() else None


def share_outside(world: World) -> Float:
    """Return the share of members' spending elsewhere that leaves the region (n, Y)."""
    recent = world.recent.provider
    elsewhere = np.maximum(recent[:, :, _T.SPENT_ELSEWHERE], 1).astype(np.float64)
    return np.asarray(recent[:, :, _T.SPENT_OUTSIDE] / elsewhere, dtype=np.float64)


def _by_kind(alliance: Alliance, world: World) -> tuple[Int, Int]:
    """Return the rows of an alliance's practices and of its hospitals."""
    members = np.array(alliance.members, dtype=np.int64)
    is_practice = world.region.providers.kind[members] == PRACTICE
    return members[is_practice], members[~is_practice]


def margin_of_spending(world: World, seen: Marginals) -> Float:
    """Return receipts less variable cost of a yuan at list price, as providers see them (n, Y).

    Care as it was over the last twelve months: contacts, units, days and stays at what one more of
    each brings.
    """
    tally = world.recent.provider.astype(np.float64)
    billed = world.recent.billed.astype(np.float64)
    stays = billed.sum(axis=3)
    receipts = seen.visit * tally[:, :, _T.VISITS]
    for j in range(4):
        receipts = receipts + seen.out[:, :, j] * tally[:, :, _T.UNITS_OUT_0 + j] / 1000.0
        receipts = receipts + seen.inside[:, :, j] * tally[:, :, _T.UNITS_IN_0 + j] / 1000.0
    mean_day = (seen.day * stays).sum(axis=2) / np.maximum(stays.sum(axis=2), 1.0)
    receipts = receipts + mean_day * tally[:, :, _T.BED_DAYS]
    receipts = receipts + (seen.case * billed).sum(axis=(2, 3))
    cost = (tally[:, :, _T.COST_OUT] + tally[:, :, _T.COST_IN]) / 100.0
    charges = (tally[:, :, _T.CHARGE_OUT] + tally[:, :, _T.CHARGE_IN]) / 100.0
    margin = (receipts - cost * (1.0 - seen.cost)) / np.maximum(charges, 1.0)
    return np.asarray(np.where(charges > 0.0, margin, 0.0))


def weigh_together(world: World, seen: Marginals) -> None:
    """Let members look at what others receive of what they do, by the lead's authority, in place.

    What members' patients spend at the alliance's hospitals brings those a margin; what hospitals
    send down brings practices one. Slopes of contracts have been weighed before.
    """
    led = [alliance for alliance in world.alliances if alliance.authority > 0.0]
    if not led:
        return
    tally = world.recent.provider.astype(np.float64)
    charges = tally[:, :, _T.CHARGE_OUT] + tally[:, :, _T.CHARGE_IN]
    margin = None
    for alliance in led:
        if margin is None:
            margin = margin_of_spending(world, seen)
        practices, hospitals = _by_kind(alliance, world)
        weight = charges[hospitals]
        mean = (margin[hospitals] * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1.0)
        stays_in = 1.0 - share_outside(world)[practices]
        seen.elsewhere[practices] += alliance.authority * stays_in * mean
        beds = world.setting.beds[practices]
        if beds.any():
            day = seen.day[practices].mean(axis=2) - world.setting.day_cost[practices][:, None]
            below = (day * beds[:, None]).sum(axis=0) / beds.sum()
            seen.post_acute[hospitals] += alliance.authority * below


def move_posts(world: World, seen: Marginals, stand: Position) -> None:
    """Let every lead move the doctors it posts part of the way to what pays it, in place."""
    posting = [a for a in world.alliances if a.posting_most > 0.0]
    if not posting or not world.rolling:
        return
    setting, org = world.setting, world.organizations
    groups, people = world.region.groups, world.region.people
    half_life = setting.values["style_half_life"]
    margin = margin_of_spending(world, seen)
    year = MONTHS / world.recent.months
    tally = world.recent.provider.sum(axis=1).astype(np.float64) * year
    flow = (groups.rate * people.age_sex_share[None]).sum(axis=(1, 2)) * (
        1.0 - groups.share_primary
    )
    spending = float(setting.elsewhere @ flow) / max(float(flow.sum()), 1e-12) * world.technology
    contact = seen.visit + (seen.out - setting.cost_out[:, None, :]).sum(axis=2)
    for alliance in posting:
        practices, _ = _by_kind(alliance, world)
        lead, weights = alliance.lead, stand.weights[alliance.lead]
        sent = tally[practices, _T.REFERRED_UP] + tally[practices, _T.TRANSFERRED]
        value = value_of_posting(float(sent.sum()), spending, float(weights @ margin[lead]))
        cost = cost_of_posting(
            _doctors(world, alliance),
            alliance.posting_most,
            alliance.posting_allowance,
            float(stand.contacts[lead]),
            float(weights @ contact[lead]),
        )
        goal = min(optimal_effort(value, alliance.posting_effect, cost), MOST_EFFORT)
        org.posted[lead] = adjust(float(org.posted[lead]), goal, half_life)


def _doctors(world: World, alliance: Alliance) -> float:
    """Return the lead's doctors at the size simulated."""
    return float(world.region.providers.physicians[alliance.lead]) * world.setting.scale


def _posted(world: World, alliance: Alliance, most: float) -> float:
    """Return what the lead's effort on posting achieves of the most it could."""
    return effort_effect(float(world.organizations.posted[alliance.lead]), most)


def reach_with_posts(world: World, reach: Float) -> Float:
    """Return the severest rank within reach (n, G): doctors posted bring practices more."""
    found = reach
    for alliance in world.alliances:
        closed = _posted(world, alliance, alliance.posting_effect)
        if closed > 0.0 and alliance.posting_most > 0.0:
            found = found.copy() if found is reach else found
            practices, _ = _by_kind(alliance, world)
            nearer = found[practices] + closed * (1.0 - found[practices])
            # What practices do not treat at all, or treat farther than that, stays where it was.
            is_treated = (reach[practices] > 0.0) & (reach[practices] < _FARTHEST)
            nearer = np.minimum(nearer, _FARTHEST)
            found[practices] = np.where(is_treated, nearer, reach[practices])
    return found


def limits_with_posts(world: World) -> Float:
    """Return the normal quantile of the severest rank that outpatient care reaches (n, G)."""
    reach = reach_with_posts(world, world.setting.reach_out)
    return world.limits if reach is world.setting.reach_out else quantiles(reach)


def capacity_with_posts(world: World) -> Float:
    """Return contacts a month (n,): doctors posted see patients where they are posted."""
    capacity = world.setting.visits_capacity
    found = capacity
    for alliance in world.alliances:
        share = _posted(world, alliance, alliance.posting_most)
        practices, _ = _by_kind(alliance, world)
        if share > 0.0 and len(practices):
            found = found.copy() if found is capacity else found
            moved = share * capacity[alliance.lead]
            found[alliance.lead] -= moved
            own = capacity[practices]
            found[practices] += moved * own / max(float(own.sum()), 1e-12)
    return found


def allowances(world: World) -> Int:
    """Return what posted doctors cost their hospital this month, fen (n,)."""
    owed = np.zeros(len(world.setting.beds), dtype=np.int64)
    for alliance in world.alliances:
        share = _posted(world, alliance, alliance.posting_most)
        yearly = share * _doctors(world, alliance) * alliance.posting_allowance
        owed[alliance.lead] += int(np.floor(yearly * 100.0 / MONTHS + 0.5))
    return owed
