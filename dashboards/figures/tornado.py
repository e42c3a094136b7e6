"""Tornado: how far an outcome moves when one factor goes to either end of its range.

Knows swings by factor and end. Must not know how runs were arranged.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import palette, reading, words
from dashboards.figures.canvas import SMALL, Style, canvas, nice_ticks, outcome_words, quiet_axis

__all__ = ["tornado"]

SHOWN = 12
ROW = 38


def tornado(swings: pd.DataFrame, outcomes: pd.DataFrame, outcome: str, style: Style) -> go.Figure:
    """One row per factor: where the outcome lies at its low and at its high end.

    Parameters
    ----------
    swings : `factor`, `label_en`, `label_zh`, `unit`, `end` (``low`` or ``high``), `at` (value of
        the factor there), `value`, `low`, `high` (difference from the middle and its interval, in
        the outcome's unit)
    outcomes, outcome : table of outcomes and the id of one

    Notes
    -----
    The widest factor is on top. A bar whose interval crosses zero is pale. Ends are named by
    words at the bars, not by color alone.
    """
    theme = style.theme
    about = outcome_words(outcomes, outcome, style.lang)
    unit, currency, lang = about["unit"], style.currency, style.lang
    widths = swings.groupby("factor")["value"].agg(lambda v: float(v.abs().max()))
    order = [str(f) for f in widths.sort_values(ascending=False, kind="stable").index[:SHOWN]]
    rows = {
        (str(row["factor"]), str(row["end"])): row
        for row in swings.to_dict("records")
        if str(row["factor"]) in order
    }
    labels = {str(row["factor"]): reading.factor_label(row, style) for _, row in swings.iterrows()}
    spoken = {str(row["factor"]): reading.spoken(row, style) for _, row in swings.iterrows()}
    scale: words.Scale = "points" if words.is_share(unit) else "absolute"
    factor = 100.0 if scale == "points" else 1.0
    sentence = _sentence(order, rows, spoken, about, scale, factor, style)
    figure = canvas(style, height=ROW * len(order) + 90, sentence=sentence, top=46, bottom=28)
    colors = {"low": theme.arms[4], "high": theme.arms[0]}
    ends = [0.0]
    for place, name in enumerate(order):
        y = len(order) - 1 - place
        for end in ("low", "high"):
            row = rows.get((name, end))
            if row is None:
                continue
            value, low, high = (float(row[k]) * factor for k in ("value", "low", "high"))
            is_clear = low > 0 or high < 0
            color = colors[end] if is_clear else palette.translucent(colors[end], palette.FLOW)
            ends += [value] + [v for v in (low, high) if math.isfinite(v)]
            shown = words.signed(value, scale, unit, lang, currency)
            at = words.plain(float(row["at"]))
            figure.add_bar(
                x=[value],
                y=[y + (0.17 if end == "low" else -0.17)],
                width=[0.32],
                orientation="h",
                marker={"color": color, "line": {"width": 0}},
                hovertext=[
                    style.say(f"influence.hover_{end}", factor=labels[name], at=at, value=shown)
                ],
                hoverinfo="text",
            )
            if math.isfinite(low) and math.isfinite(high):
                figure.add_scatter(
                    x=[low, high],
                    y=[y + (0.17 if end == "low" else -0.17)] * 2,
                    mode="lines",
                    line={"color": theme.ink, "width": 1.2},
                    hoverinfo="skip",
                )
    low_end, high_end = min(ends), max(ends)
    pad = 0.08 * (high_end - low_end) or 1.0
    marks = nice_ticks(low_end - pad, high_end + pad, 5)
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(
        **quiet_axis(
            style,
            range=[low_end - pad, high_end + pad],
            tickvals=marks,
            ticktext=words.change_marks(marks, scale, unit, lang, currency),
            showgrid=True,
        )
    )
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[-0.6, len(order) - 0.4],
            tickvals=list(range(len(order))),
            ticktext=[reading.row_label(labels[n], lang) for n in reversed(order)],
            tickfont={"size": SMALL, "color": theme.ink},
        )
    )
    figure.add_shape(
        type="line",
        x0=0,
        x1=0,
        y0=0,
        y1=1,
        yref="paper",
        line={"color": theme.status_quo, "width": 2},
    )
    figure.add_annotation(
        xref="paper",
        yref="paper",
        x=0,
        y=1,
        yanchor="bottom",
        xanchor="left",
        yshift=4,
        align="left",
        # one under the other: side by side they are wider than a telephone
        text="<br>".join(
            f'<span style="color:{colors[end]}">■</span> {style.say(f"influence.end_{end}")}'
            for end in ("low", "high")
        ),
        showarrow=False,
        font={"size": SMALL, "color": theme.muted},
    )
    return figure


def _sentence(
    order: list[str],
    rows: dict[tuple[str, str], dict[Any, Any]],
    labels: dict[str, str],
    about: dict[str, str],
    scale: words.Scale,
    factor: float,
    style: Style,
) -> str:
    """What the widest factor does from end to end."""
    name = words.inside(about["label"], style.lang)
    for first in order[:1]:
        low, high = rows.get((first, "low")), rows.get((first, "high"))
        if low is None or high is None:
            break
        step = (float(high["value"]) - float(low["value"])) * factor
        halves = [(float(row["high"]) - float(row["low"])) / 2 * factor for row in (low, high)]
        half = math.hypot(*halves)
        is_monotone = float(low["value"]) * float(high["value"]) < 0
        if not math.isfinite(half) or abs(step) <= half or not is_monotone:
            text = style.say(
                "influence.swing_unclear",
                factor=labels[first],
                outcome=name,
            )
        else:
            key = "influence.swing_up" if step > 0 else "influence.swing_down"
            text = style.say(
                key,
                factor=labels[first],
                outcome=name,
                by=style.say("about")
                + words.amount(abs(step), scale, about["unit"], style.lang, style.currency),
            )
        return text[:1].upper() + text[1:] + style.say("stop")
    return style.say("empty.outcome")
