"""Margins through a year: the heat map of a month, the year-end clock, the curves that turn.

Knows tables of margins by month and curves of one incentive. Must not know the contracts they
come from, nor how a page lays anything out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import words
from dashboards.figures.canvas import SMALL, Style, canvas, nice_ticks, quiet_axis
from dashboards.figures.incentives import stake_of
from dashboards.figures.palette import translucent
from dashboards.figures.xray import Names, shown_activities
from sim.margins.curves import Curve

__all__ = [
    "SHOWN",
    "bend",
    "clock_figure",
    "columns_of",
    "curve_figure",
    "heat_map",
    "section_of",
    "shown_in",
]

SHOWN = ("policy", "today", "change")
"""What a heat map can show: the policy's margins, today's, or the difference."""
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "outpatient": (
        "visit",
        "drugs",
        "diagnostics",
        "procedures",
        "labor",
        "appropriate_care",
        "session",
    ),
    "inpatient": (
        "admission",
        "admission_light",
        "admission_median",
        "admission_heavy",
        "drugs_inpatient",
        "diagnostics_inpatient",
        "procedures_inpatient",
        "labor_inpatient",
        "bed_day",
        "bed_day_early",
        "bed_day_late",
        "coded_level",
        "observation",
        "day_before_transfer",
        "facility_day",
        "spending_after_stay",
        "no_readmission",
        "survival",
    ),
    "people": (
        "referral_up",
        "referral_down",
        "member",
        "controlled_patient",
        "avoided_admission",
        "follow_up",
        "experience",
        "resource_cost",
    ),
}
MONTHS = 12
_WHERE = ["kind", "payers"]


def section_of(activity: str) -> str:
    """Name the section of the heat map in which an activity stands.

    Examples
    --------
    >>> section_of("session"), section_of("bed_day_band_2"), section_of("member")
    ('outpatient', 'inpatient', 'people')
    """
    # Contracts have as many bands of days as they like.
    kind = "bed_day" if activity.startswith("bed_day_band_") else activity
    return next((section for section, held in SECTIONS.items() if kind in held), "people")


def columns_of(year: pd.DataFrame) -> list[tuple[str, str]]:
    """Kind and payers of every column, in the order of the table."""
    return list(dict.fromkeys(zip(year["kind"], year["payers"], strict=True)))


def shown_in(year: pd.DataFrame, today: pd.DataFrame) -> list[str]:
    """Activities worth a row: those that always have a margin, and those some policy pays for."""
    both = pd.concat([year, today])
    frame = both.rename(columns={"cost": "marginal_cost", "receipts": "marginal_receipts"})
    return shown_activities(frame)


def _cells(year: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, Any]]:
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for key, part in year.sort_values("month").groupby([*_WHERE, "activity"], sort=False):
        kind, payers, activity = key
        found[str(kind), str(payers), str(activity)] = {
            "receipts": part["receipts"].tolist(),
            "cost": part["cost"].tolist(),
            "detail": str(part["detail"].iloc[0]),
        }
    return found


def _alike(values: list[Any]) -> list[Any]:
    """One value in place of twelve that are the same."""
    return values[:1] if all(value == values[0] for value in values) else values


def heat_map(year: pd.DataFrame, today: pd.DataFrame, names: Names, style: Style) -> dict[str, Any]:
    """The heat map as plain data that a browser draws month by month.

    Parameters
    ----------
    year, today : tables of :func:`sim.margins.curves.year_of_margins`
    names : words of the region

    Returns
    -------
    dict
        ``columns``, ``months``, ``captions`` by what is shown, and ``rows``: sections, or labels
        with one cell per column; a cell holds by what is shown ``text``, ``stake`` (from -1 to +1)
        and ``title``, twelve of each or one where all are alike.
    """
    after, before = _cells(year), _cells(today)
    columns = columns_of(year)
    activities = shown_in(year, today)
    rows: list[dict[str, Any]] = []
    for section in SECTIONS:
        mine = [a for a in activities if section_of(a) == section]
        if not mine:
            continue
        rows.append({"section": style.say(f"heat.{section}")})
        for activity in mine:
            cells = []
            for kind, payers in columns:
                new = after.get((kind, payers, activity))
                # The status quo may pay the same providers by fewer contracts.
                old = before.get((kind, payers, activity)) or next(
                    (c for (k, _, a), c in before.items() if k == kind and a == activity), None
                )
                cells.append(_cell(new, old, style))
            rows.append(
                {"label": words.label(style.lang, "activity", activity), "note": "", "cells": cells}
            )
    months = [style.say("heat.month", month=month) for month in range(1, MONTHS + 1)]
    return {
        "corner": style.say("xray.col.activity"),
        "columns": [names.who(kind, payers.split(",")) for kind, payers in columns],
        "months": months,
        "captions": {
            one: style.say(
                f"heat.caption.{one}",
                unit=words.unit_label(style.currency, style.lang, style.currency),
            )
            for one in SHOWN
        },
        "rows": rows,
    }


def _cell(
    new: Mapping[str, Any] | None, old: Mapping[str, Any] | None, style: Style
) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for name, cell in (("policy", new), ("today", old)):
        if cell is None or not all(map(math.isfinite, cell["cost"])):
            continue
        pairs = list(zip(cell["receipts"], cell["cost"], strict=True))
        found[name] = {
            "text": _alike([words.compact(r - c, style.lang) for r, c in pairs]),
            "stake": _alike([round(stake_of(r, c), 2) for r, c in pairs]),
            "title": _alike(
                [
                    style.say(
                        "heat.title",
                        receipts=words.money(r, style.currency, style.lang),
                        cost=words.money(c, style.currency, style.lang),
                    )
                    for r, c in pairs
                ]
            ),
        }
    if "policy" in found and "today" in found and new is not None and old is not None:
        steps, stakes, titles = [], [], []
        for i in range(MONTHS):
            step = (new["receipts"][i] - new["cost"][i]) - (old["receipts"][i] - old["cost"][i])
            moved = abs(new["receipts"][i]) + abs(old["receipts"][i]) + abs(new["cost"][i])
            is_still = abs(step) <= 1e-9 * max(moved, 1.0)
            steps.append("0" if is_still else words.compact(step, style.lang))
            stakes.append(0.0 if is_still or not moved else round(step / moved, 2))
            titles.append(
                style.say(
                    "heat.title_change",
                    before=words.money(old["receipts"][i], style.currency, style.lang),
                    after=words.money(new["receipts"][i], style.currency, style.lang),
                )
            )
        found["change"] = {
            "text": _alike(steps),
            "stake": _alike(stakes),
            "title": _alike(titles),
        }
    return found or None


def bend(year: pd.DataFrame) -> tuple[str, float]:
    """The activity whose receipts move most within the year, and by what share of the largest.

    Returns
    -------
    str, float
        The visit and 0 where nothing moves.
    """
    most = ("visit", 0.0)
    for activity, part in year.groupby("activity", sort=False):
        for _, line in part.groupby(_WHERE, sort=False):
            peak = float(line["receipts"].abs().max())
            span = float(line["receipts"].max() - line["receipts"].min())
            if peak > 0.0 and span / peak > most[1] + 1e-9 and str(activity) in _CLOCK:
                most = (str(activity), span / peak)
    return most


_CLOCK = (*SECTIONS["outpatient"][:5], *SECTIONS["inpatient"][:12])


def clock_figure(
    year: pd.DataFrame,
    today: pd.DataFrame,
    activity: str,
    names: Names,
    style: Style,
    *,
    is_narrow: bool = False,
) -> go.Figure:
    """What one more of an activity brings in each month, a panel for each kind of provider.

    Parameters
    ----------
    year, today : tables of :func:`sim.margins.curves.year_of_margins`
    activity : one of their activities
    is_narrow : panels above each other, for a telephone
    """
    theme = style.theme
    mine = year[year["activity"] == activity]
    panels = columns_of(mine)
    sentence = _clock_sentence(mine, activity, names, style)
    n = max(len(panels), 1)
    height = 170 * n + 40 if is_narrow else 280
    figure = canvas(style, height=height, sentence=sentence, left=10, bottom=34, top=26)
    color = theme.arms[0]
    for i, (kind, payers) in enumerate(panels):
        line = mine[(mine["kind"] == kind) & (mine["payers"] == payers)].sort_values("month")
        old = today[(today["activity"] == activity) & (today["kind"] == kind)]
        same = old[old["payers"] == payers]
        old = (same if len(same) else old).sort_values("month").drop_duplicates("month")
        axis = "" if i == 0 else str(i + 1)
        if is_narrow:
            across, down = [0.0, 1.0], [1 - (i + 1) / n + 0.12 / n, 1 - i / n - 0.24 / n]
        else:
            across, down = [i / n + (0.03 if i else 0.0), (i + 1) / n - 0.02], [0.0, 0.9]
        values = [*line["receipts"], *line["cost"].dropna(), *old["receipts"], 0.0]
        low, high = min(values), max(values)
        room = 0.12 * (high - low or 1.0)
        marks = nice_ticks(low, high, 3)
        figure.update_layout(
            {
                f"xaxis{axis}": quiet_axis(
                    style,
                    domain=across,
                    anchor=f"y{axis}",
                    range=[0.6, 12.4],
                    tickvals=[1, 4, 7, 10, 12],
                ),
                f"yaxis{axis}": quiet_axis(
                    style,
                    domain=down,
                    anchor=f"x{axis}",
                    range=[low - room, high + room],
                    tickvals=marks,
                    ticktext=words.level_marks(marks, style.currency, style.lang, style.currency),
                    showgrid=True,
                    zeroline=True,
                    zerolinecolor=theme.hairline,
                ),
            }
        )
        for frame, paint, width, dash, name in (
            (old, theme.status_quo, 2, "solid", "today"),
            (line, color, 3, "solid", "policy"),
        ):
            figure.add_scatter(
                x=frame["month"],
                y=frame["receipts"],
                xaxis=f"x{axis}",
                yaxis=f"y{axis}",
                mode="lines",
                line={"color": paint, "width": width, "dash": dash},
                hovertext=[
                    f"{style.say(f'clock.{name}')} · {style.say('heat.month', month=m)}: "
                    f"{words.money(v, style.currency, style.lang)}"
                    for m, v in zip(frame["month"], frame["receipts"], strict=True)
                ],
                hoverinfo="text",
            )
        if line["cost"].notna().all():
            figure.add_scatter(
                x=line["month"],
                y=line["cost"],
                xaxis=f"x{axis}",
                yaxis=f"y{axis}",
                mode="lines",
                line={"color": theme.ink, "width": 1.5, "dash": "dot"},
                hovertext=[
                    f"{style.say('clock.cost')}: {words.money(v, style.currency, style.lang)}"
                    for v in line["cost"]
                ],
                hoverinfo="text",
            )
        figure.add_annotation(
            xref="paper",
            yref="paper",
            x=across[0],
            y=down[1],
            xanchor="left",
            yanchor="bottom",
            text=names.who(kind, payers.split(",")),
            showarrow=False,
            font={"size": SMALL, "color": theme.ink},
        )
    return figure


def _clock_sentence(mine: pd.DataFrame, activity: str, names: Names, style: Style) -> str:
    best: tuple[float, str, str, float, float] | None = None
    for (kind, payers), line in mine.groupby(_WHERE, sort=False):
        ordered = line.sort_values("month")["receipts"].tolist()
        peak = max(map(abs, ordered))
        step = abs(ordered[-1] - ordered[0]) / peak if peak else 0.0
        if best is None or step > best[0]:
            best = (step, str(kind), str(payers), ordered[0], ordered[-1])
    name = words.label(style.lang, "activity_in", activity)
    if best is None or best[0] < 0.02:
        return style.say("clock.steady", activity=name)
    _, kind, payers, first, last = best
    return style.say(
        "clock.moves",
        who=names.who(kind, payers.split(",")),
        activity=name,
        first=words.money(first, style.currency, style.lang),
        last=words.money(last, style.currency, style.lang),
    )


def curve_figure(
    curve: Curve, axis: str, now: str, turns: str, sentence: str, style: Style
) -> go.Figure:
    """One incentive along one number, gain above zero and loss below, with where it turns.

    Parameters
    ----------
    axis : what the number is
    now, turns : words at the marks where things stand and where the sign changes; empty leaves out
    sentence : what the curve shows
    """
    theme = style.theme
    figure = canvas(style, height=250, sentence=sentence, left=10, bottom=44, top=30)
    x, gain = curve.x.tolist(), curve.gain.tolist()
    for sign, color in ((1, theme.gain), (-1, theme.loss)):
        figure.add_scatter(
            x=x,
            y=[max(value * sign, 0.0) * sign for value in gain],
            mode="lines",
            line={"width": 0},
            fill="tozeroy",
            fillcolor=translucent(color, 0.3),
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=x,
        y=gain,
        mode="lines",
        line={"color": theme.ink, "width": 2},
        hovertext=[
            f"{words.plain(a)}: {words.money(b, style.currency, style.lang)}"
            for a, b in zip(x, gain, strict=True)
        ],
        hoverinfo="text",
    )
    low, high = min(*gain, 0.0), max(*gain, 0.0)
    span = high - low or 1.0
    marks = nice_ticks(low, high)
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[low - 0.06 * span, high + 0.22 * span],
            zeroline=True,
            zerolinecolor=theme.muted,
            tickvals=marks,
            ticktext=words.level_marks(marks, style.currency, style.lang, style.currency),
            showgrid=True,
        )
    )
    figure.update_xaxes(
        **quiet_axis(
            style,
            range=[x[0], x[-1]],
            title={"text": axis, "font": {"size": SMALL, "color": theme.muted}},
        )
    )
    for value, text, dash, level in (
        (curve.now, now, "dot", 1.0),
        (curve.turns, turns, "solid", 0.88),
    ):
        if not text or not math.isfinite(value) or not x[0] <= value <= x[-1]:
            continue
        figure.add_vline(x=value, line={"color": theme.ink, "width": 1.5, "dash": dash})
        is_left = value < (x[0] + x[-1]) / 2
        figure.add_annotation(
            x=value,
            yref="paper",
            y=level,
            xanchor="left" if is_left else "right",
            xshift=5 if is_left else -5,
            yanchor="top",
            text=text,
            showarrow=False,
            font={"size": SMALL, "color": theme.ink},
            bgcolor=theme.surface,
        )
    return figure
