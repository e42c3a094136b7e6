"""The weak spots of a contract, ranked by the money at stake, whatever the contract is called.

Knows margins, break-even points and volumes; must not know a contract, nor the words a reader
sees: a spot is a key with numbers, and the text catalogues word it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sim.activity import COMPONENTS
from sim.engine.organization import sides_bring
from sim.engine.setting import LIGHT, PRACTICE
from sim.health.need import severity_multiplier
from sim.margins.break_even import (
    Audience,
    audiences,
    coding_gain,
    referral_money,
    severity_points,
    stay_day,
)
from sim.margins.rows import KINDS, Margin, margins
from sim.margins.view import MOMENTS, View
from sim.tallies import ProviderTally as V

__all__ = ["BENDS", "LEAST", "Spot", "weak_spots"]

LEAST = 0.1
"""Smallest margin that makes a weak spot, share of what the thing costs."""
BENDS = 0.3
"""Smallest fall or rise of receipts within the year that makes one."""
_LEAST_SHARE = 0.01  # of a group's stays that lose money
_MOST_GROUPS = 3  # clinical groups named one by one


@dataclass(frozen=True)
class Spot:
    """One thing a contract pays wrongly at the margin.

    Attributes
    ----------
    id : str
        ``text/kind/payers/subject``: the same spot of two policies has the same id.
    text : str
        Key of the sentence in the text catalogues, without its prefix.
    kind : str
    payers : tuple of str
    money : float
        Currency a year in the whole region that moves the wrong way, or would: margin times volume.
    facts : mapping of str to float or str
        What the sentence needs.
    """

    id: str
    text: str
    kind: str
    payers: tuple[str, ...]
    money: float
    facts: Mapping[str, float | str]


def weak_spots(view: View) -> list[Spot]:
    """List the weak spots of a view, the most money first."""
    found: list[Spot] = []
    tables = {
        name: {m.activity: m for m in margins(view.ground(view.seen[month]))}
        for name, month in MOMENTS.items()
    }
    mean = {m.activity: m for m in margins(view.ground(view.mean))}
    for audience in audiences(view):
        for finder in (_services, _days, _referral, _members):
            found += finder(view, audience, mean)
        found += _coding(view, audience)
        found += _severe(view, audience)
        found += _unneeded(view, audience)
        found += _within_year(view, audience, tables)
    return sorted((spot for spot in found if spot.money > 0.0), key=lambda spot: -spot.money)


def _spot(
    view: View,
    audience: Audience,
    text: str,
    money: float,
    facts: Mapping[str, float | str],
    subject: str = "",
) -> Spot:
    payers = tuple(view.world.region.payers[y] for y in audience.payers)
    kind = KINDS[audience.kind]
    # Payers are part of the name only as a set: a policy that treats them alike has one spot.
    name = "/".join(part for part in (text, kind, "+".join(payers), subject) if part)
    return Spot(name, text, kind, payers, money * view.multiplier, dict(facts))


def _means(audience: Audience, margin: Margin) -> tuple[float, float, float]:
    """Give mean receipts and cost of one more, and the volume."""
    return (
        audience.mean(margin.receipts, margin.weights),
        audience.mean(margin.cost, margin.weights),
        audience.total(np.where(np.isfinite(margin.receipts), margin.volume, 0.0)),
    )


def _services(view: View, audience: Audience, mean: Mapping[str, Margin]) -> Iterator[Spot]:
    """Find units that bring much more or much less than they cost, outside and inside beds."""
    for place, suffix in (("out", ""), ("in", "_inpatient")):
        over: list[tuple[float, str, float, float, float]] = []
        under: list[tuple[float, str, float, float, float]] = []
        for component in COMPONENTS:
            receipts, cost, volume = _means(audience, mean[component + suffix])
            if not (math.isfinite(receipts) and cost > 0.0 and volume > 0.0):
                continue
            margin = receipts - cost
            if abs(margin) >= LEAST * cost:
                entry = (abs(margin) * volume, component, receipts, cost, volume)
                (over if margin > 0.0 else under).append(entry)
        for text, entries in (("over_treatment", over), ("under_treatment", under)):
            if not entries:
                continue
            entries.sort(reverse=True)
            _, component, receipts, cost, _ = entries[0]
            back = sum(e[2] * e[4] for e in entries) / sum(e[3] * e[4] for e in entries)
            yield _spot(
                view,
                audience,
                f"{text}_{place}",
                sum(e[0] for e in entries),
                {
                    "activities": ",".join(e[1] for e in entries),
                    "activity": component + suffix,
                    "receipts": receipts,
                    "cost": cost,
                    "share": back,
                },
            )


def _days(view: View, audience: Audience, mean: Mapping[str, Margin]) -> Iterator[Spot]:
    late = mean.get("bed_day_late")
    point = stay_day(view, audience) if late is not None else None
    if late is not None and point is not None and math.isfinite(point.value):
        receipts, cost, _ = _means(audience, late)
        stays = audience.total(view.ground(view.mean).done[..., V.ADMISSIONS])
        # Of each stay one day, the next that would be cut.
        money = max(cost - receipts, 0.0) * stays
        facts = {"day": point.value, "receipts": receipts, "cost": cost}
        yield _spot(view, audience, "late_day", money, facts)
        return
    receipts, cost, days = _means(audience, mean["bed_day"])
    if not (math.isfinite(receipts) and cost > 0.0 and days > 0.0):
        return
    margin = receipts - cost
    if abs(margin) >= LEAST * cost:
        text = "long_stay" if margin > 0.0 else "short_stay"
        yield _spot(view, audience, text, abs(margin) * days, {"receipts": receipts, "cost": cost})


def _referral(view: View, audience: Audience, mean: Mapping[str, Margin]) -> Iterator[Spot]:
    gain = referral_money(view, audience)
    if gain is None:
        return
    visits = mean["referral_up"].weights
    borne = -audience.mean(view.mean.elsewhere, visits)
    net = gain(borne)
    if net > 0.0:
        text = "referral_free" if borne < 1e-6 else "referral_pays"
        contacts = audience.total(visits)
        yield _spot(view, audience, text, net * contacts, {"gain": net, "share": borne})


def _members(view: View, audience: Audience, mean: Mapping[str, Margin]) -> Iterator[Spot]:
    if audience.kind == PRACTICE:
        receipts, cost, volume = _means(audience, mean["controlled_patient"])
        done = view.ground(view.mean).done
        uncontrolled = audience.total(done[..., V.CONDITIONS] - done[..., V.CONTROLLED]) / 12.0
        if volume > 0.0 and cost - receipts >= LEAST * cost:
            yield _spot(
                view,
                audience,
                "prevention_unpaid",
                (cost - receipts) * uncontrolled,
                {"receipts": receipts, "cost": cost},
            )
    back, _, spent = _means(audience, mean["resource_cost"])
    if math.isfinite(back) and back >= LEAST and spent > 0.0:
        yield _spot(view, audience, "cost_passed_on", back * spent, {"share": back})


def _coding(view: View, audience: Audience) -> Iterator[Spot]:
    gain, review, detection, fine, stays = coding_gain(view, audience)
    if not (math.isfinite(gain) and gain > 0.0):
        return
    found = review * detection
    kept = gain * (1.0 - found * (1.0 + fine))
    if kept > 0.0:
        yield _spot(
            view,
            audience,
            "coding_up" if found > 0.0 else "coding_unseen",
            kept * stays,
            {"gain": gain, "one_in": 1.0 / found if found > 0.0 else math.nan, "kept": kept},
        )


def _severe(view: View, audience: Audience) -> Iterator[Spot]:
    """Find clinical groups whose severe stays lose money while the lighter ones do not."""
    losing = [
        point
        for point in severity_points(view, audience)
        if point.loss > 0.0 and point.share_above >= _LEAST_SHARE
    ]
    losing.sort(key=lambda point: -point.loss * point.stays)
    groups = view.world.region.groups.ids
    for point in losing[:_MOST_GROUPS]:
        facts: dict[str, float | str] = {
            "group": groups[point.group],
            "severity": point.value,
            "share": point.share_above,
            "loss": point.loss / point.share_above,
        }
        text = "severe_stay" if math.isfinite(point.value) else "losing_group"
        if text == "losing_group" and not point.loses_now:
            continue
        money = point.loss * point.stays
        yield _spot(view, audience, text, money, facts, groups[point.group])


def _unneeded(view: View, audience: Audience) -> Iterator[Spot]:
    """Find beds that pay for people who need none."""
    table = view.tables.admit
    ground = view.ground(view.mean)
    stays = audience.total(ground.done[..., V.INAPPROPRIATE])
    light = severity_multiplier(LIGHT, 0.5)
    cases = audience.pick(ground.billed[..., 0])
    if stays <= 0.0 or cases.sum() <= 0.0:
        return
    brought = np.asarray(table.fixed)[..., 0] + light * np.asarray(table.rising)[..., 0]
    if table.has_sides:
        brought = brought + sides_bring(view.mean.stay, light * np.asarray(table.charge))[..., 0]
    margin = audience.pick(brought)
    listed_price = np.asarray(table.price)[:, None, :, 0]
    price = audience.pick(np.repeat(listed_price, view.world.n_payers, axis=1))
    mean = float((margin * cases).sum() / cases.sum())
    listed = float((price * cases).sum() / cases.sum()) * light
    if mean >= LEAST * listed:
        yield _spot(view, audience, "unneeded_stay", mean * stays, {"margin": mean})


def _within_year(
    view: View, audience: Audience, tables: Mapping[str, Mapping[str, Margin]]
) -> Iterator[Spot]:
    """Find services whose receipts fall or rise much between the year's start and its end."""
    for place, suffix in (("out", ""), ("in", "_inpatient")):
        first = last = listed = 0.0
        ground = view.ground(view.mean)
        price = ground.price_in if suffix else ground.price_out
        for j, component in enumerate(COMPONENTS):
            start, _, volume = _means(audience, tables["start"][component + suffix])
            end, _, _ = _means(audience, tables["end"][component + suffix])
            if not (math.isfinite(start) and math.isfinite(end)):
                continue
            weights = tables["start"][component + suffix].weights
            first += start * volume
            last += end * volume
            listed += audience.mean(price[..., j], weights) * volume
        if listed <= 0.0 or abs(first - last) < BENDS * max(first, last):
            continue
        text = "year_end_squeeze" if last < first else "year_end_rush"
        yield _spot(
            view,
            audience,
            f"{text}_{place}",
            abs(first - last) / 12.0,
            {"share": last / listed, "share_start": first / listed},
        )
