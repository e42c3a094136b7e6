"""Claims to cash: what the month earned under each contract, who pays it, and the ledger.

Knows contracts, cost sharing, subsidies and audits; must not know why care was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.accounts import contributions, moved
from sim.alliances import allowances
from sim.engine.kernels import Tallies
from sim.engine.tables import Float, Int
from sim.ledger import ACCOUNTS, FISCAL, OUTSIDE, PATIENTS, Order, Plan, Transfers
from sim.oversight import (
    AuditResult,
    affordable_share,
    audit,
    peer_share,
    review_probability,
)
from sim.payment import MONTHLY_IN_FULL, interim_of
from sim.randomness import Decision, key_plain
from sim.tallies import PersonTally, ProviderTally
from sim.units import to_minor
from sim.world import MONTHS, World, all_so_far, done_for, once

_T = ProviderTally


@dataclass
class Flows:
    """Money of one month in fen: what was earned, what the fund owes for it, and what it cost.

    The books follow the cash: under a contract with a timetable of its own the interim share moves
    now and the rest at its settlement, months after the year's end.
    """

    receipts: Int  # (n, Y)
    fund_paid: Int  # (n, Y)
    grants: Int  # (n,)
    fixed: Int  # (n,)
    premiums: Int  # (Y,)
    audit: AuditResult
    levers: Int  # (n,)


def pay(world: World, tallies: Tallies) -> Flows:
    """Price the month, pay everyone, and close the books at a residual of zero.

    Parameters
    ----------
    world : World
        ``year`` already includes this month.
    tallies : Tallies
        Of this month.
    """
    setting, region = world.setting, world.region
    month_of_year = world.month % MONTHS + 1
    totals = tallies.provider.sum(axis=1)
    patient = tallies.provider[:, :, _T.PATIENT_OUT] + tallies.provider[:, :, _T.PATIENT_IN]
    aid = tallies.provider[:, :, _T.AID]
    own = world.patient_year + patient + aid
    due, advance, delay = _owed(world, own)
    fund_due = np.maximum(due - own, 0)
    received = np.maximum(due, own)
    receipts = received - world.receipts_year
    fund_paid = fund_due - world.fund_year
    world.receipts_year = received
    world.patient_year = own
    world.fund_year = fund_due
    advanced = fund_due if advance is due else np.maximum(advance - own, 0)
    interim = advanced - world.advanced_year
    world.advanced_year = advanced
    is_december = month_of_year == MONTHS
    if is_december:
        for months in np.unique(delay[fund_due != advanced]).tolist():
            rest = np.where(delay == months, fund_due - advanced, 0)
            late = world.month + int(months)
            world.unsettled[late] = world.unsettled.get(late, 0) + rest
    settled = world.unsettled.pop(world.month, None)
    if settled is None:
        settled = np.zeros(due.shape, dtype=np.int64)
    if is_december:
        # Settled at once: December closes the year. Settled late: it is interim like any month.
        closing = delay == 0
        settled = settled + np.where(closing, interim, 0)
        interim = np.where(closing, 0, interim)

    cost = totals[:, _T.COST_OUT] + totals[:, _T.COST_IN]
    lever = totals[:, _T.PREVENTIVE] * _fen(setting.cost_out[:, 3])
    lever += allowances(world)
    uncovered = totals[:, _T.UNCOVERED_OUT] + totals[:, _T.UNCOVERED_IN]
    if world.month < MONTHS:
        income = receipts.sum(axis=1) + uncovered
        share = region.providers.budget_share_of_income
        grants = np.floor(np.maximum(income, 0) * share / (1.0 - share) + 0.5).astype(np.int64)
        margin = np.floor((income + grants) * region.providers.operating_margin + 0.5)
        fixed = np.maximum(income + grants - cost - lever - margin.astype(np.int64), 0)
        world.fixed_seen.append((fixed, grants))
    else:
        fixed, grants = world.fixed_month, world.grant_month
    audited = _review(world, tallies)
    premiums = _premiums(world, tallies)
    _post(world, tallies, interim, settled, aid, grants, fixed, cost, lever, premiums, audited)
    return Flows(receipts, fund_paid, grants, fixed, premiums, audited, lever)


def _fen(amount: Float) -> Int:
    """Return currency as whole fen, halves up."""
    return np.floor(amount * 100.0 + 0.5).astype(np.int64)


def _owed(world: World, own: Int) -> tuple[Int, Int, Int]:
    """Return what is owed for the year so far, what of it moves now, and how late the rest is.

    Fen (n, Y), and months after the year's end. What is owed and what moves now are one array
    where no contract has a timetable of its own. A payer that covers nothing has no contract to owe
    under: patients pay list price, which is ``own``.
    """
    month_of_year = world.month % MONTHS + 1
    # What everybody would do in a year at the pace of the months so far.
    whole = all_so_far(world).scaled(MONTHS / month_of_year)
    yearly, delay = np.zeros(own.shape), np.zeros(own.shape, dtype=np.int64)
    before: list[tuple[Int | slice, int, Float]] = []
    covers = world.benefits.covers
    for agreement in world.agreements:
        payer, rows = agreement.payer, agreement.span
        if not covers[payer]:
            continue
        year = done_for(world, whole, payer, rows)
        yearly[rows, payer] = agreement.model.revenue(year)
        timetable = agreement.timetable
        if timetable is not MONTHLY_IN_FULL:
            delay[rows, payer] = timetable.settlement_delay_months
            if month_of_year < MONTHS or timetable.settlement_delay_months:
                before.append((rows, payer, interim_of(agreement.model, year)))

    def so_far(amount: Float) -> Int:
        fen = (_fen(np.maximum(amount, 0.0)) * month_of_year + 6) // MONTHS
        return np.where(np.asarray(covers, dtype=bool), fen, own)

    due = so_far(yearly)
    if not before:
        return due, due, delay
    advance = yearly.copy()
    for rows, payer, amount in before:
        advance[rows, payer] = amount
    return due, so_far(advance), delay


class _Sources(NamedTuple):
    """What feeds funds and their administration, which no month changes.

    ``a_head`` (Y,) fen a member and year; ``from_budget`` (Y,) the budget's share of a fund's
    income beside members' and employers'; ``administration`` share of what is paid for care.
    """

    a_head: Int
    from_budget: Float
    administration: float


def _sources(world: World) -> _Sources:
    """Return what feeds funds, by the region's constants."""
    known = world.region.constants
    a_head = np.zeros(world.n_payers, dtype=np.int64)
    from_budget = np.zeros(world.n_payers)
    for y, payer in enumerate(world.region.payers):
        name = payer.split("-")[0]
        income, own = known.get(f"fund_income_{name}"), known.get(f"premium_individual_{name}")
        if income is not None:
            a_head[y] = to_minor(income.value)
            if own is not None:
                from_budget[y] = max(1.0 - own.value / income.value, 0.0)
    administration = known.get("administration_share")
    return _Sources(a_head, from_budget, 0.0 if administration is None else administration.value)


def _premiums(world: World, tallies: Tallies) -> Int:
    """Return what each fund takes in this month, by its members.

    A scheme with individual accounts takes contributions of members of working age; the others
    a sum a head.
    """
    months = moved(tallies, world.n_payers, PersonTally.PERSON_MONTHS)
    found = months * once(world, "sources", _sources).a_head // MONTHS
    has_account = world.benefits.has_account
    if has_account.any():
        found = np.where(has_account, contributions(world), found)
    return np.asarray(found, dtype=np.int64)


def _review(world: World, tallies: Tallies) -> AuditResult:
    """Review this month's stays: rules on all, a sample of the rest."""
    step = world.marginals.step
    true = tallies.true_level[..., :2] * world.organizations.up_share[..., :2]
    weight = true.sum(axis=(2, 3))
    gain = (true * np.maximum(step, 0.0)).sum(axis=(2, 3))
    mean = np.where(weight > 0.0, gain / np.maximum(weight, 1e-12), 0.0)
    upcoded = tallies.provider[:, :, _T.UPCODED]
    stays = tallies.provider[:, :, _T.ADMISSIONS]
    excess = np.floor(mean * upcoded * 100.0 + 0.5).astype(np.int64)
    last = world.recent_before.astype(np.float64)
    seen, total = last[:, _T.UPCODED], last[:, _T.ADMISSIONS]
    peers = peer_share(seen, total, world.region.providers.kind)
    prob = review_probability(world.audits, seen / np.maximum(total, 1.0), peers)
    claims_year = MONTHS * stays.sum(axis=1)
    prob = prob * affordable_share(world.audits, prob, claims_year, world.setting.scale)
    return audit(
        world.audits,
        prob,
        stays,
        upcoded,
        excess,
        key_plain(world.seed, world.month, Decision.AUDIT_SAMPLE),
        key_plain(world.seed, world.month, Decision.DETECTION),
        key_plain(world.seed, world.month, Decision.INSPECTION),
    )


def _account_transfers(world: World, tallies: Tallies) -> tuple[list[Transfers], int]:
    """Return what moved through individual accounts, and what they paid of own shares, fen."""
    if not world.has_accounts:
        return [], 0
    n = world.n_payers
    paid = int(moved(tallies, n, PersonTally.ACCOUNT_PAID).sum())
    return [
        Transfers(
            world.region.payers,
            ACCOUNTS,
            "account_credit",
            moved(tallies, n, PersonTally.ACCOUNT_CREDIT),
        ),
        Transfers(ACCOUNTS, PATIENTS, "account_payment", paid),
        *(
            Transfers(ACCOUNTS, OUTSIDE, purpose, int(moved(tallies, n, column).sum()))
            for column, purpose in (
                (PersonTally.ACCOUNT_DRUGS, "account_drugs"),
                (PersonTally.ACCOUNT_LEFT, "account_inherited"),
            )
        ),
    ], paid


def _plan(world: World) -> Plan:
    """Return who pays whom every month; :func:`_post` gives the amounts in this order."""
    providers, payers = world.region.providers.ids, world.region.payers
    orders: list[Order] = []
    for payer in payers:
        orders += (
            Order(payer, providers, "care_payment", "care_payment_returned"),
            Order(payer, providers, "settlement", "settlement_returned"),
            Order(FISCAL, providers, "medical_assistance"),
            Order(providers, payer, "audit_recovery"),
            Order(providers, FISCAL, "audit_fine"),
        )
    orders += (
        Order(FISCAL, providers, "operating_subsidy"),
        Order(providers, OUTSIDE, "supplies"),
        Order(providers, OUTSIDE, "fixed_cost"),
        Order(providers, OUTSIDE, "lever_cost"),
    )
    for payer in payers:
        orders += (
            Order(OUTSIDE, payer, "premium"),
            Order(FISCAL, payer, "premium_subsidy"),
            Order(payer, OUTSIDE, "audit_cost"),
            Order(FISCAL, OUTSIDE, "administration"),
        )
    orders += (Order(OUTSIDE, PATIENTS, "household_income"), Order(OUTSIDE, FISCAL, "tax"))
    return world.ledger.plan(orders)


def _post(
    world: World,
    tallies: Tallies,
    interim: Int,
    settled: Int,
    aid: Int,
    grants: Int,
    fixed: Int,
    cost: Int,
    lever: Int,
    premiums: Int,
    audited: AuditResult,
) -> None:
    """Enter every flow of the month in the ledger and close it."""
    book, month = world.ledger, world.month
    providers = world.region.providers.ids
    cells = tallies.patient_money.transpose(3, 1, 2, 0)
    book.post_patients(month, providers, ("patient_covered", "patient_uncovered"), cells)
    transfers, from_accounts = _account_transfers(world, tallies)
    if transfers:
        book.post_all(month, transfers)
    sources = once(world, "sources", _sources)
    by_budget = (premiums * sources.from_budget).astype(np.int64)
    paid = np.maximum(interim + settled, 0).sum(axis=0)
    administration = (paid * sources.administration).astype(np.int64)
    of_funds = np.array(
        [premiums - by_budget, by_budget, audited.cost_fen.sum(axis=0), administration]
    )
    household = int(tallies.patient_money.sum()) - from_accounts
    by_payer = np.array([interim, settled, aid, audited.claw_back_fen, audited.fine_fen])
    _, _, assistance, _, fines = by_payer.sum(axis=(1, 2)).tolist()
    _, subsidies, _, administered = of_funds.sum(axis=1).tolist()
    # Taxes make up for what the treasury has spent beyond what it has.
    spent = assistance + int(grants.sum()) + subsidies + administered - fines
    tax = max(spent - book.balance(FISCAL), 0)
    every = (
        by_payer.transpose(2, 0, 1).ravel(),
        grants,
        cost,
        fixed,
        lever,
        of_funds.T.ravel(),
        (household, tax),
    )
    book.post_plan(month, once(world, "transfers", _plan), np.concatenate(every))
    book.close(month)
