"""Choice among cover options: what members expect of each package, and the premiums they pay.

Knows schemes' packages and what members spent in the year that ends; must not know how providers
are paid, nor what they look at. Where a scheme offers no options everyone has its usual package.

Notes
-----
Once a year some people think about their cover, as :mod:`sim.engine.covers` says. They expect a
year like the last, or one of people alike: here is what such years are, from the year that ends.
Nothing says that the ill choose the better package: they do so as far as they expect to pay more
without it.

Premiums are paid every month by whoever has an option then, a twelfth, to the scheme's fund. They
are no own payment for care: no deductible or maximum counts them.
"""

from __future__ import annotations

import numpy as np

from sim.engine.covers import CoverTable, cover_stage
from sim.engine.kernels import Tallies
from sim.engine.setting import predicted_risk
from sim.engine.tables import Float, Int
from sim.ledger import OUTSIDE, PATIENTS
from sim.tallies import N_FIFTHS, PersonTally, ProviderTally, cell_traits
from sim.units import to_minor
from sim.world import MONTHS, World, month_keys, quantiles

__all__ = [
    "choose_covers",
    "cover_table",
    "listed_from",
    "premiums_of_options",
    "take_premiums",
]

_T = ProviderTally
_YEARS = 5
"""Kinds of years with a stay that people reckon with, a fifth of such years each."""


def choose_covers(world: World) -> None:
    """Let people who think about their cover choose a package for the year that begins.

    Parameters
    ----------
    world : World
        At the start of a year, the columns of the year that ends still as they were; its column
        ``cover`` changes.
    """
    if world.benefits.options and world.enrolment.get("cover_attention", 0.0) > 0.0:
        keys = month_keys(world.seed, world.month)
        cover_stage(world.columns, keys, cover_table(world))


def cover_table(world: World) -> CoverTable:
    """Return what the choice of a package turns on this year."""
    benefits, policy = world.benefits, world.enrolment
    n_payers, n_rows = world.n_payers, world.n_payers + len(benefits.options)
    of = np.array([option.payer for option in benefits.options], dtype=np.int64)
    count = np.bincount(of, minlength=n_payers)
    premium, needs = np.zeros(n_rows), np.zeros(n_rows, dtype=np.bool_)
    premium[n_payers:] = [option.premium for option in benefits.options]
    needs[n_payers:] = [option.needs_contract for option in benefits.options]
    out, with_stay, charge, stays = _years(world)
    knowledge = world.setting.values.get("price_knowledge", 1.0)
    return CoverTable(
        first=n_payers + np.cumsum(count) - count,
        n_options=count.astype(np.int64),
        premium=premium,
        needs_contract=needs,
        attention=policy["cover_attention"],
        memory=policy["cover_memory"],
        known=min(policy["cover_knowledge"] * knowledge, 1.0),
        aversion=policy["cover_risk_aversion"],
        precision=policy["cover_precision"],
        risk=predicted_risk(world.region),
        over_mean=1.0 / np.maximum(_mean_risk(world), 1e-9),
        out=out,
        with_stay=with_stay,
        charge=charge,
        stays=stays,
        tier_out=_tiers(world, _T.COVERED_OUT),
        tier_in=_tiers(world, _T.COVERED_IN),
        listed_from=listed_from(world),
        benefits=world.benefit_table,
        scratch=np.zeros(n_rows),
    )


def listed_from(world: World) -> Float:
    """Return the log frailty from which a case's stage is on the list (Y, C).

    So that the list accepts its share of cases: all from minus, none from plus infinity.
    """
    known = world.fixed.get("listed_from")
    # Benefits change with a reform; in between nothing does.
    if known is None or known[0] is not world.benefits:
        world.fixed["listed_from"] = (world.benefits, _listed_from(world))
    found: Float = world.fixed["listed_from"][1]
    return found


def _listed_from(world: World) -> Float:
    share, sd = world.benefits.listed_share, world.region.people.frailty_sd
    inner = np.clip(1.0 - share, 1e-12, 1.0 - 1e-12)
    found = sd * quantiles(inner) - 0.5 * sd * sd
    found = np.where(share >= 1.0, -np.inf, np.where(share <= 0.0, np.inf, found))
    return np.ascontiguousarray(found[:, : len(world.region.chronic.ids)])


def take_premiums(world: World, tallies: Tallies) -> None:
    """Count who has a chosen option this month, and post what they pay for it.

    Parameters
    ----------
    world : World
        Its ledger takes the premiums.
    tallies : Tallies
        Months, premiums and predicted cost of holders are counted by cell.
    """
    if not world.benefits.options:
        return
    c, n = world.columns, world.n_payers
    holds = c.cover >= n
    yearly = np.array([to_minor(option.premium) for option in world.benefits.options])
    paid = np.where(holds, (yearly // MONTHS)[np.maximum(c.cover.astype(np.int64) - n, 0)], 0)
    relative = _risk_of(world) / np.maximum(_mean_risk(world), 1e-9)[c.scheme]
    risk = np.where(holds, np.floor(1000.0 * relative + 0.5).astype(np.int64), 0)
    health = np.minimum(np.bitwise_count(c.chronic), 2).astype(np.int64)
    cell = (c.scheme.astype(np.int64) * N_FIFTHS + c.fifth) * 3 + health
    cell = cell * 2 + world.region.zones.is_town[c.zone].astype(np.int64)
    for column, amount in (
        (PersonTally.COVER_MONTHS, holds.astype(np.int64)),
        (PersonTally.COVER_PREMIUM, paid),
        (PersonTally.COVER_RISK, risk),
    ):
        np.add.at(tallies.person[:, column], cell, amount)
    own = np.zeros((n, N_FIFTHS, n), dtype=np.int64)
    np.add.at(own, (c.scheme, c.fifth, c.scheme), paid)
    book, month = world.ledger, world.month
    book.post(month, OUTSIDE, PATIENTS, "household_income", int(own.sum()))
    book.post_patients(month, world.region.payers, "cover_premium", own)


def premiums_of_options(world: World, tallies: Tallies) -> Int:
    """Return what members paid this month for options that they chose, by payer (Y,), fen."""
    found = np.zeros(world.n_payers, dtype=np.int64)
    payer = cell_traits(world.n_payers)["payer"]
    np.add.at(found, payer, tallies.person[:, PersonTally.COVER_PREMIUM])
    return found


def _years(world: World) -> tuple[Float, Float, Int, Int]:
    """Return what a mean member's visits come to, how many have a year with a stay, and which.

    Returns
    -------
    out : float64, shape (Y,); fen of covered outpatient charges a member
    with_stay : float64, shape (Y,); share of members with care paid as inpatient
    charge, stays : int64, shape (Y, K); fen and stays of the members with least of it to most, in
        K equal parts, the mean of each
    """
    c = world.columns
    out, with_stay = np.zeros(world.n_payers), np.zeros(world.n_payers)
    charge = np.zeros((world.n_payers, _YEARS), dtype=np.int64)
    stays = np.zeros_like(charge)
    for payer in range(world.n_payers):
        mine = c.scheme == payer
        if not mine.any():
            continue
        out[payer] = float(c.covered_out_year[mine].astype(np.int64).sum()) / float(mine.sum())
        had = np.flatnonzero(mine & (c.covered_in_year > 0))
        with_stay[payer] = len(had) / float(mine.sum())
        had = had[np.argsort(c.covered_in_year[had], kind="stable")]
        for part, rows in enumerate(np.array_split(had, _YEARS)):
            if len(rows):
                total = int(c.covered_in_year[rows].astype(np.int64).sum())
                charge[payer, part] = total // len(rows)
                stays[payer, part] = int(np.rint(c.stays_year[rows].mean()))
    return out, with_stay, charge, stays


def _risk_of(world: World) -> Float:
    """Return each member's predicted yearly cost over the region's mean (N,)."""
    c = world.columns
    if "predicted_risk" not in world.fixed:
        world.fixed["predicted_risk"] = predicted_risk(world.region)
    risk: Float = world.fixed["predicted_risk"]
    age = np.minimum(c.age_months // MONTHS, risk.shape[0] - 1)
    return np.asarray(risk[age, c.sex, c.chronic], dtype=np.float64)


def _mean_risk(world: World) -> Float:
    """Return the mean of it over a scheme's members (Y,); 0 where there are none."""
    scheme, n = world.columns.scheme, world.n_payers
    total = np.bincount(scheme, weights=_risk_of(world), minlength=n)
    return np.asarray(total / np.maximum(np.bincount(scheme, minlength=n), 1), dtype=np.float64)


def _tiers(world: World, column: ProviderTally) -> Float:
    """Return how a scheme's covered charges of a year divide among kinds of providers (Y, 3)."""
    spent = world.recent.provider[:, :, column]
    kind = world.region.providers.kind
    found = np.array([spent[kind == k].sum(axis=0) for k in range(3)], dtype=np.float64).T
    total = found.sum(axis=1, keepdims=True)
    return np.where(total > 0.0, found / np.maximum(total, 1.0), 1.0 / 3.0)
