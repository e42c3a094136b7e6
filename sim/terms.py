"""The new accounting year: contracts renewed, a reform brought in, lists and cover reconsidered.

Knows when terms change and what they are neutral to; must not know how anyone responds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sim import payment
from sim.activity import Activity
from sim.covers import choose_covers
from sim.engine import kernels
from sim.engine.setting import Setting, with_lists
from sim.engine.tables import (
    Float,
    Int,
)
from sim.oversight import (
    AuditPolicy,
)
from sim.region import ListChange
from sim.sorting import sorting_of
from sim.tallies import ProviderTally
from sim.world import (
    MONTHS,
    Agreement,
    World,
    Year,
    activity_of,
    benefits_of,
    built_contract,
    contract_context,
    month_keys,
    sort_by_contracts,
    sorted_again,
    trended,
)

_T = ProviderTally
_SORTINGS = 8  # of a year until thresholds stand still; then a case or two still changes sides


def open_year(world: World) -> None:
    """Renew contracts, bring in a reform that is due, and start the year's columns again."""
    c = world.columns
    if world.month == 0:
        return
    world.past.append(world.year)
    drift = world.region.drift.price_growth * world.setting.values["drift_scale"]
    if world.month == MONTHS:
        world.fixed_month, world.grant_month = _mean_fixed(world)
        earned = sum((h["receipts"] + h["uncovered"]).sum(axis=1) for h in world.history)
        ratio = world.setting.values["income_target_ratio"]
        world.income_target = np.asarray(earned, dtype=np.float64) / 100.0 * ratio
        if world.setting.timing is not None:
            contacts = world.recent.provider[:, :, _T.VISITS].sum(axis=1)
            world.fixed["hours"] = contacts * world.organizations.minutes
    renewed = []
    for agreement in world.agreements:
        payer, rows, model = agreement.payer, agreement.rows, agreement.model
        if payment.has_neutral(agreement.promised):
            earned = model.revenue(trended(last_year(world, payer, rows, model, drift), drift))
            model = neutral_to_last_year(world, payer, rows, agreement.promised, earned, model)
        else:
            rule = payment.case_rule(model)
            width = (1, 1) if rule is None else (rule.n_sides, rule.n_bands)
            past = [activity_of(world.setting, year, payer, rows, *width) for year in world.past]
            model = payment.next_year(model, past)
        renewed.append(Agreement(agreement.payer, agreement.rows, agreement.spec, model, model))
    world.agreements = renewed
    if world.month == world.reform_month:
        _start_reform(world, drift)
    _start_columns(world)
    sort_by_contracts(world)
    world.year = Year.empty(world.sorting)
    for name in ("receipts_year", "patient_year", "fund_year", "advanced_year"):
        setattr(world, name, np.zeros_like(getattr(world, name)))
    c.spent_last_year[:] = c.spent_year
    for column in (
        c.spent_year,
        c.oop_year,
        c.paid_out_year,
        c.own_covered_year,
        c.covered_out_year,
        c.covered_in_year,
        c.stays_year,
    ):
        column[:] = 0


def last_year(
    world: World,
    payer: int,
    rows: Int,
    model: payment.PaymentModel,
    growth: float = 0.0,
    setting: Setting | None = None,
) -> Activity:
    """Return the year that ends, its stays sorted as a contract asks, whoever was paid how.

    Parameters
    ----------
    world : World
        At the start of an accounting year.
    payer : int
    rows : int64, shape (n,)
    model : PaymentModel
    growth : float
        Growth of charges by which cases are moved before they are sorted.
    setting : Setting, optional
        With the price lists of that year, where a reform has just changed them.
    """
    setting = world.setting if setting is None else setting
    rule = payment.case_rule(model)
    if rule is None:
        return activity_of(setting, world.year, payer, rows, 1, 1)
    n, n_payers = world.sorting.sides.shape
    n_groups, n_modes = len(world.setting.need_out), world.region.modes.n
    sorting = sorting_of([(payer, rows, model)], n, n_payers, n_groups, n_modes)
    year = sorted_again(world, sorting, growth, setting)
    return activity_of(setting, year, payer, rows)


def neutral_to_last_year(
    world: World,
    payer: int,
    rows: Int,
    model: payment.PaymentModel,
    receipts: Float,
    previous: payment.PaymentModel | None,
    setting: Setting | None = None,
) -> payment.PaymentModel:
    """Fix a contract's neutral terms on the trended activity of the year that ends.

    A contract whose thresholds follow from that year cannot sort it before they are known. It is
    first resolved on the year unsorted, and then again on the year's stays as they lie by what was
    found, until the thresholds stand still.
    """
    setting = world.setting if setting is None else setting
    drift = world.region.drift.price_growth * world.setting.values["drift_scale"]
    base = trended(activity_of(setting, world.year, payer, rows, 1, 1), drift)
    found = payment.resolve_neutral(model, base, receipts, previous)
    rule = payment.case_rule(found)
    for _ in range(_SORTINGS):
        if rule is None or (rule.n_sides == 1 and rule.n_bands == 1):
            break
        base = trended(last_year(world, payer, rows, found, drift, setting), drift)
        found = payment.resolve_neutral(model, base, receipts, previous)
        before, rule = rule, payment.case_rule(found)
        if rule is not None and np.array_equal(rule.thresholds, before.thresholds):
            break
    return found


def _start_columns(world: World) -> None:
    """Let some members think again about their family doctor contract, and about their cover."""
    if "joining" in world.frozen and world.month >= world.reform_month:
        return
    join_lists(world)
    choose_covers(world)


def _mean_fixed(world: World) -> tuple[Int, Int]:
    """Return mean monthly fixed cost and grants of the first year, in fen."""
    fixed = np.mean([row[0] for row in world.fixed_seen], axis=0)
    grants = np.mean([row[1] for row in world.fixed_seen], axis=0)
    return (
        np.floor(np.maximum(fixed, 0.0) + 0.5).astype(np.int64),
        np.floor(np.maximum(grants, 0.0) + 0.5).astype(np.int64),
    )


def _prices_before(
    olds: Sequence[Agreement], rows: Int, before: Setting
) -> payment.PaymentModel | None:
    """Return what priced items under the contracts that a new group's providers come from.

    A consortium brings providers of several contracts under one: what they earned is then split
    among its parts by the prices they shared. None where they had different ones.
    """
    specs = [payment.spec_from(payment.tariff_of(old.model)) for old in olds]
    if any(spec != specs[0] for spec in specs):
        return None
    ids = before.region.providers.ids
    whole, part = (tuple(ids[i] for i in group) for group in (olds[0].rows, rows))
    spec = _told_of(part, specs[0], frozenset(whole))
    return payment.build(spec, contract_context(before, olds[0].payer, rows))


def _told_of(part: Sequence[str], spec: Any, whole: frozenset[str]) -> Any:
    """Return a contract as it stands in a file, with each provider's own terms for some of them."""
    if isinstance(spec, Mapping):
        if whole == spec.keys():
            return {name: spec[name] for name in part}
        return {key: _told_of(part, value, whole) for key, value in spec.items()}
    if isinstance(spec, (list, tuple)):
        return [_told_of(part, value, whole) for value in spec]
    return spec


def _start_reform(world: World, drift: float) -> None:
    """Put the reform's contracts, benefits and audits in force; what is unchanged goes on."""
    lists = world.after.lists(world.region)
    relisted = not lists.is_none(world.region.providers)
    before = world.setting
    if relisted:
        change_lists(world, lists)
    standing = {(a.payer, tuple(a.rows.tolist())): a for a in world.agreements}
    by_row = {(a.payer, int(row)): a for a in world.agreements for row in a.rows}
    agreements = []
    foreseen, priced_at, to_come = world.fixed["to_come"]
    # Built when the run began: good unless prices have changed, or the world is another arm's copy.
    is_built = foreseen is world.after and priced_at is world.setting
    for number, group in enumerate(world.after.groups(world.region)):
        same = standing.get((group.payer, tuple(group.providers)))
        if same is not None and same.spec == group.assignment.contract:
            agreements.append(relist(same, world.setting) if relisted else same)
            continue
        rows, model = to_come[number][1:] if is_built else built_contract(group, world.setting)
        if payment.has_neutral(model):
            receipts = np.zeros(len(rows))
            for position, row in enumerate(rows):
                old = by_row[group.payer, int(row)]
                grown = trended(
                    last_year(world, group.payer, old.rows, old.model, drift, before), drift
                )
                receipts[position] = old.model.revenue(grown)[list(old.rows).index(row)]
            olds = [by_row[group.payer, int(row)] for row in rows]
            previous = same.model if same is not None else _prices_before(olds, rows, before)
            model = neutral_to_last_year(
                world, group.payer, rows, model, receipts, previous, before
            )
        agreements.append(Agreement(group.payer, rows, group.assignment.contract, model, model))
    world.agreements = agreements
    world.frozen_at = world.marginals.copy()
    if world.after.benefits != world.before.benefits:
        world.benefits = benefits_of(world.after, world.region)
        world.benefit_table = world.benefits.table()
        world.price_cache = {}
        # What could be chosen before may be no longer there: everyone starts from the usual one.
        c = world.columns
        c.cover[:] = c.scheme
    world.audits = AuditPolicy.from_spec(world.after.audit)
    world.alliances = tuple(world.after.alliances(world.region))
    world.enrolment = world.after.enrolment
    if world.after.from_reform:
        values = {**world.setting.values, **world.after.from_reform}
        world.setting = replace(world.setting, values=values)
        world.price_cache = {}


def change_lists(world: World, lists: ListChange) -> None:
    """Put changed price lists, unit costs and a changed catalog in force."""
    world.setting = with_lists(world.setting, lists)
    world.price_cache = {}


def relist(agreement: Agreement, setting: Setting) -> Agreement:
    """Return a contract that goes on, its settled terms kept, over the price lists in force."""
    if getattr(agreement.model, "to_spec", None) is None:
        return agreement
    spec = payment.spec_from(agreement.model)
    model = payment.build(spec, contract_context(setting, agreement.payer, agreement.rows))
    return Agreement(agreement.payer, agreement.rows, agreement.spec, model, model)


def join_lists(world: World) -> None:
    """Let members whose year is up decide again on the family doctor contract."""
    values = world.setting.values
    c = world.columns
    region = world.region
    bonus = world.benefits.contract_bonus
    rate = values["contract_value_visits"] * float(region.providers.visit_charge[0])
    benefit = np.array([float(bonus[y]) * rate for y in range(world.n_payers)])
    kernels.join_stage(
        c,
        month_keys(world.seed, world.month),
        benefit,
        values["contract_fee"],
        values["price_weight"],
        values["experience_weight"],
        1.0 - values["retention"],
        region.people.contract_share,
        region.people.contract_share_priority,
        values["experience_reference"],
    )
