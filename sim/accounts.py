"""Individual medical accounts: filled and drawn every month, carried forward, left to heirs.

Knows the members of a scheme and what its benefits say of accounts; must not know how care is
chosen, nor how a provider is paid. Visits are paid from accounts where they are billed
(:mod:`sim.engine.kernels`); here is what happens to every account whoever is ill. Before and after
the month's care the same whole columns are read and written, whichever engine lives the month.

Notes
-----
A member of working age is credited a share of the wage base by age, a retired one a fixed sum::

    base   = clip(ratio x income, low, high)
    credit = share(age) x base / 12      or      retired / 12

in fen, rounded once. The base and the retired's sum grow with incomes. Members of working age alone
contribute, ``contribution x base / 12``. The retired are those past the age of retirement, as for
benefits; children in a member's household have no account and pay nothing (assumed: the law has no
such members, the stationary population does).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.benefits import ACCOUNT_PARTS
from sim.engine.kernels import Tallies
from sim.engine.tables import Float, Int
from sim.population import WORKING_AGES
from sim.tallies import N_FIFTHS, PersonTally
from sim.world import MONTHS, World

__all__ = ["contributions", "credit_accounts", "moved", "note_balances"]

_PART = {name: column for column, name in enumerate(ACCOUNT_PARTS)}
_BANDS = (("under_35", 35), ("under_45", 45))


def credit_accounts(world: World, tallies: Tallies) -> None:
    """Fill the accounts for the month, and draw the drugs that members buy without a visit.

    Parameters
    ----------
    world : World
        Its column ``account`` changes.
    tallies : Tallies
        Credits, drawings and holders are counted by cell.
    """
    if not world.benefits.has_account.any():
        return
    credit, holds = _credit(world)
    account = world.columns.account
    filled = account.astype(np.int64) + credit
    drawn = np.where(holds, np.minimum(filled, _monthly_fen(world, "pharmacy")), 0)
    account[:] = filled - drawn
    for column, amount in (
        (PersonTally.ACCOUNT_CREDIT, credit),
        (PersonTally.ACCOUNT_DRUGS, drawn),
        (PersonTally.ACCOUNT_HOLDERS, holds.astype(np.int64)),
    ):
        _count(world, tallies, column, amount)


def note_balances(world: World, tallies: Tallies) -> None:
    """Count what is in the accounts at the month's end."""
    if world.has_accounts:
        balance = world.columns.account.astype(np.int64)
        _count(world, tallies, PersonTally.ACCOUNT_BALANCE, balance)


def contributions(world: World) -> Int:
    """Return what members of working age contribute this month by payer (Y,), fen.

    Only schemes with accounts state contributions; 0 for the others.
    """
    found = np.zeros(world.n_payers, dtype=np.int64)
    if not world.benefits.has_account.any():
        return found
    scheme = world.columns.scheme
    rate = world.benefits.account[scheme, _PART["contribution"]]
    works = world.benefits.has_account[scheme] & _works(world)
    paid = np.where(works, _fen(rate * _base(world)), 0)
    np.add.at(found, scheme, paid)
    return found


def moved(tallies: Tallies, n_payers: int, column: PersonTally) -> Int:
    """Return a tally of people by payer (Y,)."""
    # Cells are in the order of payers.
    found: Int = tallies.person[:, column].reshape(n_payers, -1).sum(axis=1)
    return found


def _credit(world: World) -> tuple[Int, npt.NDArray[np.bool_]]:
    """Return each person's credit of the month, fen, and who holds an account that is filled."""
    c = world.columns
    terms = world.benefits.account[c.scheme]
    age = c.age_months // MONTHS
    share = terms[:, _PART["from_45"]]
    for name, below in reversed(_BANDS):
        share = np.where(age < below, terms[:, _PART[name]], share)
    works, retired = _works(world), _is_retired(world)
    holds = world.benefits.has_account[c.scheme] & (works | retired)
    sum_ = np.where(retired, _monthly_fen(world, "retired"), _fen(share * _base(world)))
    return np.where(holds, sum_, 0), holds


def _is_retired(world: World) -> npt.NDArray[np.bool_]:
    """Tell who is past the age of retirement, as :func:`sim.benefits.is_retired` (N,)."""
    _, men, women = WORKING_AGES
    leaving = np.where(world.columns.sex == 1, women, men)
    return np.asarray(world.columns.age_months >= MONTHS * leaving)


def _works(world: World) -> npt.NDArray[np.bool_]:
    """Tell who is of working age (N,)."""
    return (world.columns.age_months >= MONTHS * WORKING_AGES[0]) & ~_is_retired(world)


def _base(world: World) -> Float:
    """Return each member's wage base, currency per year; 0 without an account (N,)."""
    terms = np.nan_to_num(world.benefits.account)[world.columns.scheme]
    income = world.columns.income.astype(np.float64) * world.income_growth
    low, high = (terms[:, _PART[name]] * world.income_growth for name in ("base_low", "base_high"))
    return np.asarray(np.clip(terms[:, _PART["base_of_income"]] * income, low, high))


def _monthly_fen(world: World, name: str) -> Int:
    """Return a yearly sum of the scheme as a month's, fen (N,)."""
    yearly = world.benefits.account[world.columns.scheme, _PART[name]]
    return _fen(yearly * world.income_growth)


def _fen(yearly: Float) -> Int:
    """Return a twelfth of a yearly sum in fen, rounded once; 0 where there is none."""
    return np.floor(np.nan_to_num(yearly) * (100.0 / MONTHS) + 0.5).astype(np.int64)


def _count(world: World, tallies: Tallies, column: PersonTally, amount: Int) -> None:
    """Add amounts of people to the cells they belong to."""
    c = world.columns
    health = np.minimum(np.bitwise_count(c.chronic), 2).astype(np.int64)
    cell = (c.scheme.astype(np.int64) * N_FIFTHS + c.fifth) * 3 + health
    cell = cell * 2 + world.region.zones.is_town[c.zone].astype(np.int64)
    np.add.at(tallies.person[:, column], cell, amount)
