"""Settling: how indices and their intervals move as runs are added, and whether that is enough.

Knows indices by number of runs. Must not know how a sample grows.
"""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import palette, reading, words
from dashboards.figures.canvas import (
    Style,
    axis_title,
    canvas,
    folded,
    name_ends,
    nice_ticks,
    quiet_axis,
)

__all__ = ["LINES", "settling"]

HEIGHT = 300
TOP, BOTTOM = 12, 52
LINES = 6


def settling(
    table: pd.DataFrame,
    style: Style,
    *,
    widest: float,
    change: float,
    is_enough: bool,
    n_needed: int,
    kind: str = "variance",
) -> go.Figure:
    """A line per factor over the number of runs, with its 95 % band.

    Parameters
    ----------
    table : `n_draws`, `factor`, `label_en`, `label_zh`, `value`, `low`, `high`, of one index
    widest, change, is_enough, n_needed : what
        :func:`experiments.sensitivity.converge` says of the whole sample
    kind : ``variance``, ``distance`` or ``effect``; effects are drawn against the largest

    Notes
    -----
    The six strongest factors at the full sample are drawn; the table behind has all.
    """
    theme = style.theme
    sentence = reading.settled_sentence(widest, change, is_enough, n_needed, style)
    figure = canvas(style, height=HEIGHT, sentence=sentence, top=TOP, bottom=BOTTOM)
    grown = sorted(int(n) for n in table["n_draws"].unique())
    last = table[table["n_draws"] == grown[-1]].sort_values("value", ascending=False)
    scale = float(last["value"].abs().max()) if kind == "effect" else 1.0
    scale = scale if scale > 0 else 1.0
    labels: list[tuple[str, float]] = []
    names = reading.short_names(last, style)
    # what is wider than the picture says only that it is too wide
    ceiling = 1.25 * float(last["high"].fillna(last["value"]).max()) / scale
    ceiling = ceiling if kind == "effect" else min(ceiling, 1.06)
    for place, (_, row) in enumerate(last.head(LINES).iterrows()):
        color = theme.arms[place % len(theme.arms)]
        rows = table[table["factor"] == row["factor"]].sort_values("n_draws")
        x = [math.log2(float(n)) for n in rows["n_draws"]]
        y, low, high = ([float(v) / scale for v in rows[k]] for k in ("value", "low", "high"))
        label = reading.factor_label(row, style)
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
            mode="lines+markers",
            line={"color": color, "width": 2},
            marker={"size": 5},
            hovertext=[
                style.say(
                    "influence.hover_runs",
                    factor=label,
                    n=words.count(float(n), style.lang),
                    value=_number(v, kind),
                )
                for n, v in zip(rows["n_draws"], y, strict=True)
            ],
            hoverinfo="text",
        )
        name = folded(names[str(row["factor"])], 16)
        labels.append((f'<span style="color:{color}">●</span> {name}', y[-1]))
    floor = min(0.0, *(value for _, value in labels)) if labels else 0.0
    marks = nice_ticks(floor, ceiling, 4)
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[floor - 0.03 * ceiling, ceiling],
            showgrid=True,
            tickvals=marks,
            ticktext=[_number(mark, kind) for mark in marks],
        )
    )
    figure.update_xaxes(
        **quiet_axis(
            style,
            tickvals=[math.log2(n) for n in grown],
            ticktext=[words.count(float(n), style.lang) for n in grown],
            title=axis_title(style.say("influence.axis.runs"), style),
        )
    )
    low_end, plot = floor - 0.03 * ceiling, HEIGHT - TOP - BOTTOM
    name_ends(figure, labels, math.log2(grown[-1]), low_end, ceiling, style, plot)
    return figure


def _number(value: float, kind: str) -> str:
    return words.plain(value, 2) if kind == "distance" else reading.percent(value)
