"""A year counted by one contract, as another contract's thresholds and bands would sort it.

Knows means and a spread around them; must not know any payment model.

A new contract is made neutral on a year that the old one counted, which knows each group's cases,
charges and days but not on which side of the new thresholds they lie. What lies where is then
taken from a lognormal distribution around the mean of each cell.
"""

from __future__ import annotations

import math

import numpy as np

from sim.activity import Activity, Array, CaseRule
from sim.errors import PaymentError

__all__ = [
    "counted_for",
    "mean_charges",
    "mode_mix",
    "mode_slopes",
    "need_bands",
    "need_sides",
    "renewed_mean",
    "sorted_by",
    "sorted_for",
]

# ln sd of charges and of days inside a group: .4 to .7 in the stays of US hospitals (MS-DRG
# FY 2026, geometric against arithmetic means).
_SPREAD = 0.5
_erf = np.vectorize(math.erf, otypes=[np.float64])


def _below(limit: Array, mean: Array) -> tuple[Array, Array]:
    """Give the share of cases below a limit, and their part of the mean, lognormal."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.log(limit / mean)
    distance = np.nan_to_num(distance, nan=np.inf, posinf=np.inf, neginf=-np.inf)
    half = _SPREAD**2 / 2.0

    def share(shift: float) -> Array:
        return np.asarray(0.5 * (1.0 + _erf((distance + shift) / (_SPREAD * math.sqrt(2.0)))))

    return share(half), mean * share(-half)


def _mean(sums: Array, counts: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(counts > 0, sums / counts, 0.0))


def sorted_by(activity: Activity, rule: CaseRule) -> Activity:
    """Give the year with cases and charges on the rule's sides and days in its bands.

    Parameters
    ----------
    activity : Activity
        A year, sorted in whatever way or not at all.
    rule : CaseRule
        Thresholds and bands of the contract that is to read it.

    Notes
    -----
    Sums by group and level stay. Inside a cell charges are lognormal around their mean with log
    standard deviation .5; days, where the number of bands differs, likewise around the mean stay.
    """
    cases, charges = activity.cases_side.sum(axis=3), activity.charges_side.sum(axis=3)
    share, part = _below(rule.thresholds, _mean(charges, cases)[..., None])
    ends = np.ones((*cases.shape, 1))
    counted = np.diff(np.concatenate([0.0 * ends, share, ends], axis=3), axis=3)
    part = np.concatenate([0.0 * ends, part, _mean(charges, cases)[..., None]], axis=3)
    changed = {
        "cases_side": cases[..., None] * counted,
        "charges_side": cases[..., None] * np.diff(part, axis=3),
    }
    if activity.bed_days.shape[2] != rule.n_bands:
        changed["bed_days"] = _banded(activity, rule.last_days)
    return activity.with_fields(**changed)


def sorted_for(activity: Activity, rule: CaseRule) -> Activity:
    """Give a base year as a contract sorts it: as it is where its sides are as many as the rule's.

    A contract is made neutral first on a year that nobody sorted for it, and then on the stays as
    they lie by what was found: the first is spread by :func:`sorted_by`, the second is known.
    """
    is_sorted = rule.n_sides > 1 and activity.cases_side.shape[3] == rule.n_sides
    return activity if is_sorted else sorted_by(activity, rule)


def counted_for(activity: Activity, rule: CaseRule) -> Activity:
    """Give a base year with the sides and the bands of a rule, each spread where it has others."""
    found = sorted_for(activity, rule) if rule.n_sides > 1 else activity
    if found.shape_of("bed_days")[2] == rule.n_bands:
        return found
    return found.with_fields(bed_days=_banded(found, rule.last_days))


def _banded(activity: Activity, last_days: tuple[int, ...]) -> Array:
    days, stays = activity.bed_days.sum(axis=2), activity.admissions.sum(axis=(2, 3))
    mean = _mean(days, stays)[..., None]
    limits = np.broadcast_to(np.array(last_days, dtype=np.float64), (*days.shape, len(last_days)))
    share, part = _below(limits, mean)
    reached = part + limits * (1.0 - share)  # E min(days, limit)
    whole = np.concatenate([np.zeros_like(mean), reached, mean], axis=2)
    # Days without stays lie in the first band: nothing says how they were spent.
    first = np.zeros(len(last_days) + 1)
    first[0] = 1.0
    spread = stays[..., None] * np.diff(whole, axis=2)
    return np.asarray(np.where(stays[..., None] > 0, spread, days[..., None] * first))


def need_sides(activity: Activity, n_sides: int, where: str) -> None:
    """Refuse a year that was not sorted by the contract's own thresholds."""
    found = activity.cases_side.shape[3]
    if found != n_sides:
        raise PaymentError(
            "the year is not sorted by this contract's thresholds",
            where=where,
            value=f"{found} sides",
            allowed=f"{n_sides} sides",
            remedy="Count activity by the rules that the contract's thresholds() gives.",
        )


def need_bands(activity: Activity, n_bands: int, where: str) -> None:
    """Refuse a year whose days were not counted by the contract's own bands."""
    found = activity.bed_days.shape[2]
    if found != n_bands:
        raise PaymentError(
            "days are not counted by this contract's bands",
            where=where,
            value=f"{found} bands",
            allowed=f"{n_bands} bands",
            remedy="Count activity by the rules that the contract's thresholds() gives.",
        )


def mode_mix(admissions: Array, mode_weight: Array) -> Array:
    """Give the mean weight of the modes of a cell's stays, shape (n, G, 3); 1 where none is.

    Parameters
    ----------
    admissions : ndarray, shape (n, G, 3, M)
        Stays by mode of treatment.
    mode_weight : ndarray, shape (G, M)
        Weight of each mode over its group's.
    """
    stays = admissions.sum(axis=3)
    weighted = np.einsum("gm,nglm->ngl", mode_weight, admissions)
    return np.asarray(np.where(stays > 0, _mean(weighted, stays), 1.0))


def mode_slopes(admissions: Array, mode_weight: Array) -> Array:
    """Give the derivative of `mode_mix` in each stay, shape (n, G, 3, M)."""
    stays = admissions.sum(axis=3)[..., None]
    away = mode_weight[None, :, None, :] - mode_mix(admissions, mode_weight)[..., None]
    return _mean(away, np.broadcast_to(stays, away.shape))


def mean_charges(activity: Activity, kinds: np.ndarray) -> Array:
    """Give the mean charge of a group and level among providers of the same kind, (n, G, 3).

    Cells in which a kind had no case take the mean over all providers; 0 where nobody had one.
    """
    cases, charges = activity.cases_side.sum(axis=3), activity.charges_side.sum(axis=3)
    everyone = _mean(charges.sum(axis=0), cases.sum(axis=0))
    found: Array = np.empty_like(cases)
    for kind in np.unique(kinds):
        own = kinds == kind
        count, sum_ = cases[own].sum(axis=0), charges[own].sum(axis=0)
        found[own] = np.where(count > 0, _mean(sum_, count), everyone)
    return found


def renewed_mean(years: list[Array], shares: tuple[float, ...]) -> Array:
    """Give the weighted mean of the latest years, the latest last; years not there drop out.

    Parameters
    ----------
    years : list of ndarray
        One array a year, the latest last; 0 marks a cell without cases.
    shares : tuple of float
        Weights, the latest last.
    """
    latest = years[-len(shares) :]
    used = shares[-len(latest) :]
    weighted = sum(w * y for w, y in zip(used, latest, strict=True))
    counted = sum(w * (y > 0) for w, y in zip(used, latest, strict=True))
    return _mean(np.asarray(weighted), np.asarray(counted))
