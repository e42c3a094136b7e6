"""How stays are sorted for contracts: by what they charge at the billed level, and by their days.

Knows the rules that contracts declare and the month's register of stays; must not know what a side
or a band is paid. Every stay is kept for a year, so that a contract that comes into force finds the
year before sorted by its own rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from sim.engine.counting import Stays
from sim.engine.person import lacking_part
from sim.engine.tables import Float, Int
from sim.numerics import compiled
from sim.payment import PaymentModel, case_rule, episode_rule, transfer_rule

__all__ = [
    "Counted",
    "Sorted",
    "Sorting",
    "counted_by",
    "days_by_band",
    "no_sorting",
    "sort_stays",
    "sorting_of",
]


@dataclass(frozen=True, eq=False)
class Sorting:
    """Where cases and days are parted, for every provider and payer.

    Parameters
    ----------
    bounds : float64, shape (n, Y, G, 3, S - 1)
        Covered list charge from which a case lies beyond a side, currency; infinite where there
        is no bound.
    last_day : float64, shape (n, Y, B - 1)
        Last day of each band of a stay but the last; infinite where there is none.
    sides, bands : int64, shape (n, Y)
        How many sides and bands the contract in force has.
    opens : int64, shape (n, Y, G)
        Months that an episode opened by a stay lasts, its own month included; 0 where none opens.
    whole_days : float64, shape (n, Y, G)
        Days after which a stay that ends in another bed counts as whole; 0 where all do.
    n_modes : int
        Modes of treatment that the region tells apart.
    """

    bounds: Float
    last_day: Float
    sides: Int
    bands: Int
    opens: Int
    whole_days: Float
    n_modes: int = 1

    @property
    def n_sides(self) -> int:
        """Give the most sides that any contract has."""
        return int(self.bounds.shape[-1]) + 1

    @property
    def n_bands(self) -> int:
        """Give the most bands that any contract has."""
        return int(self.last_day.shape[-1]) + 1

    def with_more(self, more: Counted) -> Sorting:
        """Give this and what is counted besides, for providers and payers who count none of it."""

        def filled(own: Float | Int, other: Float | Int) -> Any:
            return np.where(own.any(axis=2, keepdims=True), own, other)

        return replace(
            self,
            opens=filled(self.opens, more.opens),
            whole_days=filled(self.whole_days, more.whole_days),
        )


@dataclass(frozen=True, eq=False)
class Sorted:
    """Stays as sorted: int64 arrays by provider, payer and group.

    Parameters
    ----------
    cases, charges : int64, shape (n, Y, G, 3, S)
        Stays by billed level and side, and their covered charges in fen.
    modes : int64, shape (n, Y, G, 3, M)
        Stays by billed level and mode of treatment.
    days : int64, shape (n, Y, G, B)
        Days by band.
    cut : int64, shape (n, Y, G, 3)
        What stays that ended in another bed lack of whole cases, by billed level, thousandths.
    """

    cases: Int
    charges: Int
    modes: Int
    days: Int
    cut: Int

    @staticmethod
    def nothing(
        n: int, n_payers: int, n_groups: int, sides: int = 1, bands: int = 1, modes: int = 1
    ) -> Sorted:
        """Give the sorting of no stays."""
        shape = (n, n_payers, n_groups)
        return Sorted(
            np.zeros((*shape, 3, sides), dtype=np.int64),
            np.zeros((*shape, 3, sides), dtype=np.int64),
            np.zeros((*shape, 3, modes), dtype=np.int64),
            np.zeros((*shape, bands), dtype=np.int64),
            np.zeros((*shape, 3), dtype=np.int64),
        )


def no_sorting(n: int, n_payers: int, n_groups: int, n_modes: int = 1) -> Sorting:
    """Give the sorting under contracts that ask for none: one side, one band."""
    one = np.ones((n, n_payers), dtype=np.int64)
    return Sorting(
        np.zeros((n, n_payers, n_groups, 3, 0)),
        np.zeros((n, n_payers, 0)),
        one,
        one.copy(),
        np.zeros((n, n_payers, n_groups), dtype=np.int64),
        np.zeros((n, n_payers, n_groups)),
        n_modes,
    )


class Counted(NamedTuple):
    """What contracts have counted of stays besides sides and bands, as in :class:`Sorting`."""

    opens: Int
    whole_days: Float

    def is_nothing(self) -> bool:
        """Tell whether nothing is counted."""
        return not (self.opens.any() or self.whole_days.any())

    def equals(self, other: Counted) -> bool:
        """Tell whether the same is counted."""
        return all(np.array_equal(a, b) for a, b in zip(self, other, strict=True))


def counted_by(
    contracts: Iterable[tuple[int, Int, PaymentModel]], n: int, n_payers: int, n_groups: int
) -> Counted:
    """Give which stays contracts have open an episode, and after how many days stays are whole."""
    opens = np.zeros((n, n_payers, n_groups), dtype=np.int64)
    whole_days = np.zeros((n, n_payers, n_groups))
    for payer, rows, model in contracts:
        episodes, transfers = episode_rule(model), transfer_rule(model)
        if episodes is not None:
            opens[rows, payer] = np.where(episodes.groups, episodes.months + 1, 0)
        if transfers is not None:
            whole_days[rows, payer] = transfers.whole_days
    return Counted(opens, whole_days)


def sorting_of(
    contracts: Iterable[tuple[int, Int, PaymentModel]],
    n: int,
    n_payers: int,
    n_groups: int,
    n_modes: int = 1,
) -> Sorting:
    """Give the sorting that contracts in force ask for.

    Parameters
    ----------
    contracts : iterable of (payer, rows, model)
    n, n_payers, n_groups, n_modes : int

    Raises
    ------
    PaymentError
        See :func:`sim.payment.case_rule`.
    """
    contracts = list(contracts)
    counted = counted_by(contracts, n, n_payers, n_groups)
    rules = [(payer, rows, case_rule(model)) for payer, rows, model in contracts]
    asked = [(payer, rows, rule) for payer, rows, rule in rules if rule is not None]
    sides = max((rule.n_sides for _, _, rule in asked), default=1)
    bands = max((rule.n_bands for _, _, rule in asked), default=1)
    bounds = np.full((n, n_payers, n_groups, 3, sides - 1), np.inf)
    last_day = np.full((n, n_payers, bands - 1), np.inf)
    sides_of = np.ones((n, n_payers), dtype=np.int64)
    bands_of = np.ones((n, n_payers), dtype=np.int64)
    for payer, rows, rule in asked:
        if rule.n_sides > 1:
            bounds[rows, payer, :, :, : rule.n_sides - 1] = rule.thresholds
        last_day[rows, payer, : rule.n_bands - 1] = rule.last_days
        sides_of[rows, payer] = rule.n_sides
        bands_of[rows, payer] = rule.n_bands
    return Sorting(bounds, last_day, sides_of, bands_of, *counted, n_modes)


def sort_stays(
    stays: Stays, sorting: Sorting, found: Sorted, growth: float = 0.0, sign: int = 1
) -> None:
    """Count a month's stays by side and mode, or take them away again; days apart.

    A month's stays are few beside the places they may be counted in, so that years are moved stay
    by stay and not place by place.

    Parameters
    ----------
    stays : Stays
    sorting : Sorting
    found : Sorted
        Changed, but for its days: see :func:`days_by_band`.
    growth : float
        Growth of charges up to the year for which the bounds are meant: a case is sorted by what it
        would charge then, and counted at what it charged.
    sign : int
        1 to count, -1 to take away.

    Raises
    ------
    ValueError
        Where ``found`` has not a place for every side that the contracts tell apart.
    """
    if found.cases.shape[4] != sorting.n_sides:
        raise ValueError(f"{found.cases.shape[4]} sides to count in, {sorting.n_sides} told apart")
    _sort(
        stays,
        sorting.bounds,
        sorting.whole_days,
        1.0 + growth,
        sign,
        found.cases,
        found.charges,
        found.modes,
        found.cut,
    )


def days_by_band(stays: Stays, sorting: Sorting) -> Int:
    """Give the days of a month's stays by the band that they fall in (n, Y, G, B)."""
    days = np.zeros((*sorting.bounds.shape[:3], sorting.n_bands), dtype=np.int64)
    _count_days(stays, sorting.last_day, days)
    return days


@compiled
def _sort(
    stays: Stays,
    bounds: Float,
    whole_days: Float,
    grown: float,
    sign: int,
    cases: Int,
    charges: Int,
    modes: Int,
    cut: Int,
) -> None:
    """Count every stay of the register in its place, in place."""
    for k in range(stays.used[0]):
        p, y, g = stays.provider[k], stays.payer[k], stays.group[k]
        level = stays.level[k]
        fen = np.int64(stays.covered_fen[k])
        charge = fen / 100.0 * grown
        side = 0
        for s in range(bounds.shape[4]):
            if charge >= bounds[p, y, g, level, s]:
                side += 1
        cases[p, y, g, level, side] += sign
        charges[p, y, g, level, side] += sign * fen
        modes[p, y, g, level, stays.mode[k]] += sign
        if stays.moved[k] and whole_days[p, y, g] > 0.0:
            lacking = lacking_part(float(stays.days[k]), whole_days[p, y, g])
            cut[p, y, g, level] += sign * int(np.floor(lacking * 1000.0 + 0.5))


@compiled
def _count_days(stays: Stays, last_day: Float, days: Int) -> None:
    """Count the days of every stay in their bands, in place."""
    for k in range(stays.used[0]):
        p, y, g = stays.provider[k], stays.payer[k], stays.group[k]
        stayed = float(stays.days[k])
        first = 0.0
        for b in range(days.shape[3]):
            last = last_day[p, y, b] if b < last_day.shape[2] else stayed
            days[p, y, g, b] += int(max(min(stayed, last) - first, 0.0))
            first = last
