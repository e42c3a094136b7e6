"""Influence by month: what decides early, and what decides in the end.

Knows indices month by month. Must not know what happens in a month.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import palette, reading, words
from dashboards.figures.canvas import (
    Style,
    axis_title,
    canvas,
    folded,
    mark_reform,
    name_ends,
    nice_ticks,
    outcome_words,
    quiet_axis,
)
from dashboards.figures.settling import LINES, _number

__all__ = ["influence_by_month"]

HEIGHT = 310
TOP, BOTTOM = 28, 52


def influence_by_month(
    months: pd.DataFrame,
    outcomes: pd.DataFrame,
    outcome: str,
    months_before: int,
    style: Style,
    *,
    kind: str = "variance",
) -> go.Figure:
    """A line per factor over the months, with its 95 % band; the reform is marked.

    Parameters
    ----------
    months : `month` (0 is the first recorded), `factor`, `label_en`, `label_zh`, `value`, `low`,
        `high`; NaN in months in which the outcome is the same at every point
    outcomes, outcome : table of outcomes and the id of one
    months_before : months before the reform; 0 draws no mark
    kind : ``variance``, ``distance`` or ``effect``; effects are drawn against the largest

    Notes
    -----
    The six factors that are strongest on average are drawn. Lines break where the index is not
    defined.
    """
    theme = style.theme
    about = outcome_words(outcomes, outcome, style.lang)
    mean = months.groupby("factor")["value"].mean().sort_values(ascending=False)
    order = [str(name) for name in mean.dropna().index[:LINES]]
    by = {name: months[months["factor"] == name].sort_values("month") for name in order}
    sentence = _sentence(months, about["label"], style)
    figure = canvas(style, height=HEIGHT, sentence=sentence, top=TOP, bottom=BOTTOM)
    if not order:
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
        return figure
    scale = float(months["value"].abs().max()) if kind == "effect" else 1.0
    scale = scale if math.isfinite(scale) and scale > 0 else 1.0
    ceiling = 1.1 * float(np.nanquantile(months["high"].fillna(months["value"]), 0.98)) / scale
    ceiling = ceiling if kind == "effect" else min(ceiling, 1.06)
    labels: list[tuple[str, float]] = []
    names = reading.short_names(pd.concat([rows.head(1) for rows in by.values()]), style)
    for place, name in enumerate(order):
        rows = by[name]
        color = theme.arms[place % len(theme.arms)]
        label = reading.factor_label(rows.iloc[0], style)
        known = rows.dropna(subset=["value"])
        x = [float(m) - months_before for m in known["month"]]
        y, low, high = ([float(v) / scale for v in known[k]] for k in ("value", "low", "high"))
        if all(math.isfinite(v) for v in (*low, *high)):
            figure.add_scatter(
                x=x + x[::-1],
                y=high + low[::-1],
                fill="toself",
                mode="lines",
                line={"width": 0},
                fillcolor=palette.translucent(color, palette.BAND),
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": color, "width": 2.2},
            hovertext=[
                style.say(
                    "hover.month",
                    arm=label,
                    month=words.plain(month, 0),
                    value=_number(value, kind),
                )
                for month, value in zip(x, y, strict=True)
            ],
            hoverinfo="text",
        )
        labels.append((f'<span style="color:{color}">●</span> {folded(names[name], 16)}', y[-1]))
    floor = -0.04 * ceiling
    marks = nice_ticks(0.0, ceiling, 4)
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[floor, ceiling],
            showgrid=True,
            tickvals=marks,
            ticktext=[_number(mark, kind) for mark in marks],
        )
    )
    # months without an index, those before a reform that all arms share, would be empty ground
    defined = months.dropna(subset=["value"])["month"]
    defined = months["month"] if defined.empty else defined
    first, last = (float(defined.agg(f)) - months_before for f in ("min", "max"))
    years = [float(m) for m in range(-120, int(last) + 13, 12)]
    ticks = [m for m in years if first <= m <= last]
    ticks = ticks if len(ticks) > 1 else [first, last]
    figure.update_xaxes(
        **quiet_axis(
            style,
            range=[first - 0.5, last + 0.5],
            tickvals=ticks,
            ticktext=[words.plain(m, 0) for m in ticks],
            title=axis_title(
                style.say("months_since_reform" if months_before else "influence.axis.month"),
                style,
            ),
        )
    )
    if months_before:
        mark_reform(figure, style)
    name_ends(figure, labels, last, floor, ceiling, style, HEIGHT - TOP - BOTTOM)
    return figure


def _sentence(months: pd.DataFrame, outcome: str, style: Style) -> str:
    """Who leads in the first and in the last third of the months that are defined."""
    known = months.dropna(subset=["value"])
    name = words.inside(outcome, style.lang)
    if known.empty:
        return _stop(style.say("influence.months_none", outcome=name), style)
    when = sorted(known["month"].unique())
    third = max(len(when) // 3, 1)
    early = _leader(known[known["month"].isin(when[:third])], style)
    late = _leader(known[known["month"].isin(when[-third:])], style)
    if early is None or late is None:
        text = style.say("influence.months_unclear", outcome=name)
    elif early == late:
        text = style.say("influence.months_same", factor=late, outcome=name)
    else:
        text = style.say("influence.months_change", first=early, last=late, outcome=name)
    return _stop(text, style)


def _leader(rows: pd.DataFrame, style: Style) -> str | None:
    """The factor on top on average, if its mean interval lies above every other factor's."""
    mean = rows.groupby("factor")[["value", "low", "high"]].mean()
    ordered = mean.sort_values("value", ascending=False)
    if len(ordered) > 1 and not ordered["low"].iloc[0] > ordered["high"].iloc[1:].max():
        return None
    top = rows[rows["factor"] == ordered.index[0]].iloc[0]
    return reading.spoken(top, style)


def _stop(text: str, style: Style) -> str:
    return text[:1].upper() + text[1:] + style.say("stop")
