"""The year and the curves behind break-even points, as tables a figure can draw.

Knows views of providers and the functions whose roots :mod:`sim.margins.break_even` finds; must not
know a contract, nor how anything is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.engine.tables import Float
from sim.health.need import severity_multiplier
from sim.margins.break_even import (
    MOST_FINE,
    Audience,
    audiences,
    coding_gain,
    day_receipts,
    fine_point,
    margin_by_severity,
    upcoding_gain,
)
from sim.margins.rows import KINDS, Margin, margins
from sim.margins.view import View
from sim.tallies import ProviderTally as V
from sim.world import MONTHS

__all__ = ["Curve", "coding_curve", "day_curve", "severity_curve", "year_of_margins"]

_RANKS = np.linspace(0.02, 0.98, 49)


@dataclass(frozen=True)
class Curve:
    """One incentive along one number.

    Attributes
    ----------
    x, gain : float64
        The number, and what one more brings less what it costs there, currency.
    now : float
        Where providers or the policy stand on x; NaN where there is no such thing.
    turns : float
        Where the gain changes its sign; NaN where it does not.
    """

    x: Float
    gain: Float
    now: float
    turns: float


def year_of_margins(view: View) -> list[dict[str, object]]:
    """What one more of everything brings and costs in each month of the policy's first year.

    Returns
    -------
    list of dict
        Columns ``kind, payers, activity, detail, unit, month`` (1 to 12), ``receipts, cost,
        volume``: means over the providers of a kind and the payers with the same contract,
        weighted by volume; currency per one more. ``payers`` joins their ids by a comma.
    """
    everyone = audiences(view)
    rows: list[dict[str, object]] = []
    tables: list[Margin] = []
    for month in range(MONTHS):
        seen = view.seen[month]
        if month == 0 or not _alike(view, month):
            tables = list(margins(view.ground(seen)))
        for margin in tables:
            for audience in everyone:
                weight = np.where(np.isfinite(margin.receipts), margin.weights, 0.0)
                if not audience.total(weight) > 0.0:
                    continue
                rows.append(
                    {
                        "kind": KINDS[audience.kind],
                        "payers": ",".join(view.world.region.payers[y] for y in audience.payers),
                        "activity": margin.activity,
                        "detail": margin.detail[audience.kind],
                        "unit": margin.unit,
                        "month": month + 1,
                        "receipts": audience.mean(margin.receipts, weight),
                        "cost": audience.mean(margin.cost, weight),
                        "volume": audience.total(np.where(weight > 0.0, margin.volume, 0.0)),
                    }
                )
    return rows


def _alike(view: View, month: int) -> bool:
    """Whether a month's slopes are those of the month before."""
    now, last = view.seen[month], view.seen[month - 1]
    names = [name for name in vars(now) if name != "stay"]
    return all(np.array_equal(getattr(now, n), getattr(last, n)) for n in names) and all(
        np.array_equal(getattr(now.stay, n), getattr(last.stay, n)) for n in vars(now.stay)
    )


def day_curve(view: View, audience: Audience) -> Curve | None:
    """What a further bed-day leaves, by its place in the stay; None without any stay."""
    receipts, cost, days = day_receipts(view, audience)
    if days <= 0.0:
        return None
    stays = audience.total(view.ground(view.mean).done[..., V.ADMISSIONS])
    now = days / max(stays, 1e-9)
    last = int(min(max(np.ceil(2.5 * now), 14), view.world.setting.values["longest_stay"]))
    x = np.arange(1.0, last + 1.0)
    gain = np.array([receipts(day) - cost for day in x])
    return Curve(x, gain, now, _first_turn(x, gain))


def coding_curve(view: View, audience: Audience) -> Curve | None:
    """What a stay coded one level up is expected to bring, by the fine; None without any stay."""
    point = fine_point(view, audience)
    if point is None:
        return None
    gain, review, detection, fine, _ = coding_gain(view, audience)
    turns = point.value
    top = min(1.25 * turns, MOST_FINE) if np.isfinite(turns) else 10.0
    top = max(top, 1.5 * fine, 2.0)
    x = np.linspace(0.0, top, 81)
    values = np.array([upcoding_gain(gain, review, detection, float(f)) for f in x])
    return Curve(x, values, fine, turns if turns <= top else np.nan)


def severity_curve(view: View, audience: Audience, group: int) -> Curve | None:
    """What a stay of a clinical group leaves, by severity over the group's mean."""
    weight = audience.pick(view.ground(view.mean).billed)[:, :, group, :]
    total = float(weight.sum())
    if total <= 0.0:
        return None
    margin = margin_by_severity(view, audience, group, weight / total)
    sd = float(view.world.region.groups.severity_sd[group])
    x = np.array([severity_multiplier(float(rank), sd) for rank in _RANKS])
    values = np.array([margin(float(severity)) for severity in x])
    return Curve(x, values, 1.0, _first_turn(x, values))


def _first_turn(x: Float, gain: Float) -> float:
    """Where a drawn curve first changes its sign, between its points."""
    at = np.flatnonzero(np.sign(gain[1:]) != np.sign(gain[:-1]))
    if len(at) == 0:
        return float("nan")
    i = int(at[0])
    step = gain[i + 1] - gain[i]
    return float(x[i] if step == 0.0 else x[i] - gain[i] * (x[i + 1] - x[i]) / step)
