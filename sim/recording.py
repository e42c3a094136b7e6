"""Conditions on record: what a practice's records tell the payer of how ill its members are.

Knows members' conditions, what their record is worth and how audits find invented ones; must not
know any payment model. Nothing is counted where no contract, before the reform or after, reads
members by diagnosis.

Notes
-----
A member of age a, sex s and conditions M truly weighs ``r(a, s, M)``
(:func:`sim.engine.setting.predicted_risk`); what is not on record leaves ``r(a, s, none)``. A
practice's records hold a share d of the difference, and an invented share u of it beyond::

    recorded = r(a, s, none) + (d + u) (r(a, s, M) - r(a, s, none))

d and u are those of stays (:mod:`sim.behavior.coding`): completeness rises from habit to 1 by what
a month more of recorded risk brings over the cost of documenting it, invention by what is left of
that after review, detection and fine, over the cost of compliance; both costs are multiples of a
month's charges of a member of mean risk. A share of a practice's members is meant, not single
diagnoses (left out: which conditions are the easiest to add; fines themselves, which weigh in the
decision and are not levied on lists).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.behavior.adjustment import adjust
from sim.behavior.coding import documentation_share, upcoding_share
from sim.engine.kernels import Tallies
from sim.engine.setting import PRACTICE, charge_of_an_episode, predicted_risk
from sim.engine.tables import Float
from sim.outlook import channel_marginals, position
from sim.tallies import ProviderTally
from sim.world import MONTHS, World

__all__ = ["count_recorded", "move_recording"]

_T = ProviderTally
_LAST_AGE = 100


def move_recording(world: World) -> None:
    """Move what practices record, and what they invent, part of the way to what it brings."""
    if not world.counts_diagnoses:
        return
    values = world.setting.values
    habit = values["documentation_habit"]
    if world.recorded is None:
        world.recorded = np.full(len(world.setting.beds), habit)
    frozen = world.frozen if world.month >= world.reform_month else frozenset()
    stand = position(world)
    gain = _mean_gain(world)
    month = _charge_of_a_month(world)
    for p in np.flatnonzero(world.region.providers.kind == PRACTICE):
        honest, invented = habit, 0.0
        if "documentation" not in frozen:
            cost = max(values["documentation_cost"] * month, 1e-9)
            honest = documentation_share(float(gain[p]), cost, habit)
        if "coding" not in frozen:
            invented = upcoding_share(
                float(gain[p]),
                float(stand.prob_review[p].mean()),
                float(stand.detection.mean()),
                float(stand.fine.mean()),
                max(values["compliance_cost"] * month, 1e-9),
            )
        world.recorded[p] = adjust(
            float(world.recorded[p]), honest + invented, values["style_half_life"]
        )


def count_recorded(world: World, tallies: Tallies) -> None:
    """Count member-months by true and by recorded conditions, thousandths, by practice and payer.

    People are counted as they end the month.
    """
    if not world.counts_diagnoses:
        return
    c = world.columns
    known: dict[str, Any] = world.fixed
    if "predicted" not in known:
        known["predicted"] = np.floor(predicted_risk(world.region) * 1000.0 + 0.5).astype(np.int64)
    milli = known["predicted"]
    age = np.minimum(c.age_months // MONTHS, _LAST_AGE)
    where = (c.practice.astype(np.int64), c.scheme.astype(np.int64))
    true = np.zeros(tallies.provider.shape[:2], dtype=np.int64)
    bare = np.zeros_like(true)
    np.add.at(true, where, milli[age, c.sex, c.chronic])
    np.add.at(bare, where, milli[age, c.sex, 0])
    share = world.setting.values["documentation_habit"]
    recorded = np.full(len(true), share) if world.recorded is None else world.recorded
    told = bare + np.floor(recorded[:, None] * (true - bare) + 0.5).astype(np.int64)
    tallies.provider[:, :, _T.DIAGNOSED_MONTHS] += true
    tallies.provider[:, :, _T.RECORDED_MONTHS] += told


def _mean_gain(world: World) -> Float:
    """Return receipts of a month more of recorded risk, mean over a practice's members (n,)."""
    m = channel_marginals(world)["coding"]
    members = world.recent.provider[:, :, _T.MEMBERS].astype(np.float64)
    total = np.maximum(members.sum(axis=1), 1.0)
    return np.asarray((m.by_list[..., 2] * members).sum(axis=1) / total, dtype=np.float64)


def _charge_of_a_month(world: World) -> float:
    """Return a month's charges of a member of mean risk at the region's list prices, currency."""
    if "charge_of_a_month" not in world.fixed:
        region = world.region
        by_age = np.einsum("gas,g->as", region.groups.rate, charge_of_an_episode(region))
        share = region.people.age_sex_share
        world.fixed["charge_of_a_month"] = float((by_age * share).sum())
    found: float = world.fixed["charge_of_a_month"]
    return found
