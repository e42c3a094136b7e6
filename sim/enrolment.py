"""Open lists: what practices expect of members, and the year's choice of a list.

Knows incentives, what members cost by predicted risk, and the policy on lists; must not know any
payment model. Lists are closed where a policy says nothing: people stay with the practice of their
place.

Notes
-----
A practice predicts a person's yearly care from age, sex and conditions (:func:`predicted_risk`); it
knows neither frailty nor what will happen. A member of risk r brings a year's receipts by head, by
age and sex, by conditions (as if all were on record), and by the care given here, and costs that
care plus what the contract takes back of spending elsewhere::

    receipts = 12 (head + by_risk w(age, sex) + by_diagnosis r) + 12 r here m
    cost     = 12 r (here k - elsewhere x)

with ``here`` and ``elsewhere`` the covered charges of a member-month of mean risk over the last
twelve months, m and k receipts and cost of a unit of currency charged here, x (below 0 where it is
deducted) what one spent elsewhere brings. Everything but the prediction is differentiated out of
the contracts in force.
"""

from __future__ import annotations

import numpy as np

from sim.conditions import Tables
from sim.engine.enrolment import ListTable, list_stage
from sim.engine.kernels import Tallies
from sim.engine.organization import Marginals
from sim.engine.setting import predicted_risk
from sim.engine.tables import Float
from sim.outlook import channel_marginals, covered_share, member_receipts
from sim.tallies import ProviderTally
from sim.world import MONTHS, World

__all__ = ["choose_lists", "list_table"]

_T = ProviderTally


def choose_lists(world: World, tables: Tables, tallies: Tallies) -> None:
    """Let people whose turn it is choose whose list to be on, at the start of a year.

    Parameters
    ----------
    world : World
        Its column ``practice`` changes.
    tables : Tables
        Of the month that begins.
    tallies : Tallies
        Applications, refusals and moves are counted.
    """
    if world.month % MONTHS or not world.rolling or world.enrolment["reconsider"] <= 0.0:
        return
    list_stage(
        world.columns,
        tables.keys,
        tables.seek,
        tables.price,
        tables.member,
        list_table(world, tables),
        tallies.person,
        tallies.provider,
    )


def list_table(world: World, tables: Tables) -> ListTable:
    """Return what the choice of lists turns on this year."""
    setting, values, policy = world.setting, world.setting.values, world.enrolment
    risk = predicted_risk(world.region)
    by_age = np.broadcast_to(setting.risk[..., None], risk.shape)
    tally = world.recent.provider.sum(axis=1).astype(np.float64)
    months = np.maximum(tally[:, _T.RISK_MONTHS] / 1000.0, 1e-9)
    here = (tally[:, _T.SPENT_HERE] / 100.0 / months)[:, None]
    elsewhere = (tally[:, _T.SPENT_ELSEWHERE] / 100.0 / months)[:, None]
    m = channel_marginals(world)["selection"]
    # As contracts stand this month, which may have opened a year since marginals were last seen.
    by_list = member_receipts(world) if m is world.marginals else m.by_list
    per_charge, cost_per_charge = _of_a_charge(world, m)
    base = policy["discouragement"]
    odds = np.log(base / (1.0 - base)) if 0.0 < base < 1.0 else 0.0
    yardstick = np.maximum(values["tau_transfer"] * MONTHS * here, 1e-9)
    return ListTable(
        reconsider=policy["reconsider"],
        # Whom people have never seen they trust as far as they trust physicians.
        expected=values["trust"],
        risk=risk,
        paid=np.ascontiguousarray(np.stack((np.ones_like(risk), by_age, risk), axis=-1)),
        by_weight=np.ascontiguousarray(MONTHS * by_list),
        receipts=MONTHS * here * per_charge,
        cost=MONTHS * (here * cost_per_charge - elsewhere * m.elsewhere),
        money=world.organizations.money,
        altruism=setting.altruism,
        precision=np.ascontiguousarray(np.broadcast_to(1.0 / yardstick, per_charge.shape)),
        value=values["value_of_health"],
        complaint=values["selection_cost"] * policy["complaint"],
        constant=float(odds),
        may_refuse=base > 0.0,
    )


def _of_a_charge(world: World, m: Marginals) -> tuple[Float, Float]:
    """Return receipts and cost of a unit of currency of covered outpatient charges (n, Y)."""
    setting, groups = world.setting, world.region.groups
    contacts = groups.rate.sum(axis=(1, 2)) * groups.visits_per_episode
    contacts = contacts / contacts.sum()
    style = world.organizations.style_out
    units = np.einsum("g,g,nygj->nyj", contacts, setting.need_out, style) * world.technology
    level = world.region.people.price_level[:, setting.setting_of].T
    covered = covered_share(world)[:, :1]
    charge = np.einsum("nj,nyj->ny", setting.price_out, units) * level * covered
    receipts = m.visit + (m.out * units).sum(axis=2)
    cost = np.einsum("nj,nyj->ny", setting.cost_out, units) * (1.0 - m.cost)
    some = np.maximum(charge, 1e-9)
    return np.asarray(receipts / some), np.asarray(cost / some)
