"""The one rule by which a contract tree sorts stays, counts episodes, and stays cut short.

Knows the rules that nodes declare; must not know how stays are sorted.
"""

from __future__ import annotations

import numpy as np

from sim.activity import Activity, Array, CaseRule, EpisodeRule, TransferRule
from sim.errors import PaymentError
from sim.payment._neutral import NothingToPayError, resolve_neutral
from sim.payment._protocol import (
    PaymentContext,
    PaymentModel,
    episodes_of,
    has_neutral,
    next_year,
    thresholds_of,
    transfers_of,
)
from sim.payment._sorting import counted_for

__all__ = ["as_counted", "case_rule", "check_rules", "episode_rule", "transfer_rule"]

MOST_MONTHS = 60  # that an episode may last after the month of its stay
_YEARS_ON = 2  # after which terms that part have parted


def case_rule(model: PaymentModel) -> CaseRule | None:
    """Give the one rule by which a contract tree sorts stays, None where it sorts none.

    Nodes of a tree may ask for the same sorting, or one for sides and another for bands.

    Raises
    ------
    PaymentError
        Where two nodes ask for different sides or different bands: activity is counted once.
    """
    bounds: Array | None = None
    last_days: tuple[int, ...] = ()
    found = False
    for rule in thresholds_of(model):
        found = True
        if rule.n_sides > 1:
            if bounds is not None and not np.array_equal(bounds, rule.thresholds):
                raise _two_sortings("thresholds of charges", rule.n_sides - 1)
            bounds = np.asarray(rule.thresholds, dtype=np.float64)
        elif bounds is None and not rule.last_days:
            bounds = np.asarray(rule.thresholds, dtype=np.float64)
        if rule.last_days:
            if last_days and tuple(rule.last_days) != last_days:
                raise _two_sortings("bands of days", rule.last_days)
            last_days = tuple(rule.last_days)
    if not found:
        return None
    if bounds is None:
        bounds = np.zeros((0, 0, 3, 0))
    if np.isnan(bounds).any() or (np.diff(bounds, axis=-1) < 0.0).any():
        raise PaymentError("thresholds of charges are numbers in rising order", where="thresholds")
    if any(b <= a for a, b in zip((0, *last_days), last_days, strict=False)):
        raise PaymentError(
            "bands of days are whole days in rising order", where="thresholds", value=last_days
        )
    return CaseRule(bounds, last_days)


def _two_sortings(what: str, value: object) -> PaymentError:
    return PaymentError(
        f"a contract sorts stays by two different {what}",
        where="thresholds",
        value=value,
        remedy="Let the nodes of one contract share their thresholds, or use one of them.",
    )


def episode_rule(model: PaymentModel) -> EpisodeRule | None:
    """Give the one rule by which a contract tree counts episodes, None where it counts none.

    Raises
    ------
    PaymentError
        Where two nodes ask for different episodes: a person is in one at a time.
    """
    found: EpisodeRule | None = None
    for rule in episodes_of(model):
        if found is not None and not (
            np.array_equal(rule.groups, found.groups)
            and (rule.months, rule.bundle) == (found.months, found.bundle)
        ):
            raise PaymentError(
                "a contract counts two different kinds of episodes",
                where="episodes",
                value=rule.months,
                remedy="Let the nodes of one contract share their episodes, or use one of them.",
            )
        if not 0 <= rule.months <= MOST_MONTHS:
            raise PaymentError(
                "an episode is too long",
                where="episodes",
                value=rule.months,
                allowed=f"0 to {MOST_MONTHS} months",
            )
        found = rule
    return found


def transfer_rule(model: PaymentModel) -> TransferRule | None:
    """Give the one rule by which a contract tree counts stays cut short, None where it has none.

    Raises
    ------
    PaymentError
        Where two nodes ask for different days: activity is counted once.
    """
    found: TransferRule | None = None
    for rule in transfers_of(model):
        if found is not None and not np.array_equal(rule.whole_days, found.whole_days):
            raise PaymentError(
                "a contract counts stays cut short in two ways",
                where="transfers",
                remedy="Let the nodes of one contract share their days, or use one of them.",
            )
        found = rule
    return found


def as_counted(model: PaymentModel, base: Activity) -> Activity:
    """Give a base year as a contract counts it, so that its revenue on that year can be asked.

    A year that another contract counted is spread over this one's sides and bands. What is inside
    must have its numbers already.
    """
    rule = case_rule(model)
    return base if rule is None else counted_for(base, rule)


class _EvenPrices:
    """Receipts of a made-up year: every visit, unit and day is worth the same."""

    reads: frozenset[str] = frozenset({"visits", "units", "bed_days"})

    def revenue(self, activity: Activity) -> Array:
        """Give all visits, units and days, shape (n,)."""
        return np.asarray(
            activity.visits.sum(axis=1)
            + activity.units.sum(axis=(1, 2))
            + activity.bed_days.sum(axis=(1, 2))
        )


def check_rules(model: PaymentModel, context: PaymentContext) -> None:
    """Refuse a contract tree that sorts stays in two ways, now or later, or has nothing to pay for.

    Thresholds may follow from neutral terms, which are numbers only once a base year is known. So
    the tree is resolved on a year in which everything was done equally often: nodes that follow
    the same rule then have the same thresholds, and others different ones. Only practices keep
    lists of members; a neutral term for which that year holds nothing has no value in any year.
    Nodes whose terms follow from a year's activity are renewed on years in which groups cost
    differently: those that renew otherwise, or see other care, then have different thresholds.

    Raises
    ------
    PaymentError
        See :func:`case_rule`, :func:`episode_rule` and :func:`transfer_rule`; and where no neutral
        value can exist.
    """
    empty = Activity.zeros(context.n_providers, len(context.groups))
    year = empty.with_fields(
        **{name: np.full(empty.shape_of(name), 1000.0) for name in Activity.fields()}
    )
    year = year.with_fields(cut_short=0.0 * year.cut_short)
    if has_neutral(model):
        lists = np.where(np.asarray(context.kinds) == 0, 1000.0, 0.0)
        year = year.with_fields(member_months=lists, risk_months=lists)
        prices = _EvenPrices()
        try:
            model = resolve_neutral(model, year, prices.revenue(year), prices)
        except NothingToPayError:
            raise
        except PaymentError:
            return  # what cannot be neutral to a made-up year may be to the region's
    case_rule(model)
    episode_rule(model)
    transfer_rule(model)
    dearer = 1.0 + 0.1 * np.arange(len(context.groups), dtype=np.float64)
    charges = year.charges_side * dearer[None, :, None, None]
    history: list[Activity] = []
    for _ in range(_YEARS_ON):
        try:
            history.append(as_counted(model, year.with_fields(charges_side=charges)))
            model = next_year(model, history)
        except PaymentError:
            return  # what cannot be renewed on a made-up year may be on the region's
        _check_renewed(model)


def _check_renewed(model: PaymentModel) -> None:
    """Refuse a tree whose nodes sorted alike in the year before and do so no longer."""
    try:
        case_rule(model)
        episode_rule(model)
    except PaymentError as error:
        raise PaymentError(
            f"{error.what}, once it is renewed",
            where=error.where,
            value=error.value,
            remedy="Let the nodes grow, recalibrate and cover alike, or let one of them sort.",
        ) from None
