"""A prediction beside what a run showed, and the course of a year by month.

Knows numbers on one scale and a table by month. Must not know lessons or runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import words
from dashboards.figures.canvas import SMALL, Style, canvas, nice_ticks, quiet_axis

__all__ = ["course_figure", "prediction_figure"]


def prediction_figure(
    guess: float,
    value: float,
    low: float,
    high: float,
    reach: tuple[float, float],
    labels: Mapping[str, str],
    sentence: str,
    style: Style,
    mark: Callable[[float], str] = words.plain,
) -> go.Figure:
    """A guess and a result on one line, with the result's interval and the line of no change.

    Parameters
    ----------
    guess, value, low, high : on one scale; NaN where not measured
    reach : ends of the scale on which the guess was made; widened if the result lies outside
    labels : words for ``guess``, ``result`` and ``axis``
    mark : how a number of the scale is written, with its sign and unit
    """
    theme = style.theme
    figure = canvas(style, height=170, sentence=sentence, left=14, right=14, top=10, bottom=44)
    known = [v for v in (guess, value, low, high, *reach) if math.isfinite(v)]
    left, right = min(known), max(known)
    room = 0.04 * (right - left or 1.0)
    figure.add_vline(x=0.0, line={"color": theme.muted, "width": 1.5})
    if math.isfinite(low) and math.isfinite(high):
        figure.add_scatter(
            x=[low, high],
            y=[0.62, 0.62],
            mode="lines",
            line={"color": theme.arms[0], "width": 8},
            opacity=0.35,
            hoverinfo="skip",
        )
    for x, y, color, symbol, name in (
        (value, 0.62, theme.arms[0], "circle", "result"),
        (guess, 0.2, theme.arms[1], "diamond", "guess"),
    ):
        if not math.isfinite(x):
            continue
        figure.add_scatter(
            x=[x],
            y=[y],
            mode="markers",
            marker={"color": color, "size": 15, "symbol": symbol},
            hovertext=[labels[name]],
            hoverinfo="text",
        )
        at = (x - left) / (right - left or 1.0)
        figure.add_annotation(
            x=x,
            y=y,
            yshift=12,
            yanchor="bottom",
            xanchor="left" if at < 0.2 else "right" if at > 0.8 else "center",
            text=labels[name],
            showarrow=False,
            font={"size": SMALL, "color": theme.ink},
        )
    figure.update_yaxes(visible=False, range=[0.0, 1.05], fixedrange=True)
    ticks = [t for t in nice_ticks(left, right, 5) if left <= t <= right]
    figure.update_xaxes(
        **quiet_axis(
            style,
            range=[left - room, right + room],
            tickvals=ticks,
            ticktext=[mark(t) for t in ticks],
            title={"text": labels["axis"], "font": {"size": SMALL, "color": theme.muted}},
        )
    )
    return figure


def course_figure(
    frame: pd.DataFrame, arms: Sequence[tuple[str, str, int]], sentence: str, style: Style
) -> go.Figure:
    """An outcome by calendar month, a line for each arm.

    Parameters
    ----------
    frame : columns ``arm``, ``month`` (1 to 12), ``value``
    arms : id, name and position (0 is gray) of each line
    """
    theme = style.theme
    figure = canvas(style, height=260, sentence=sentence, left=10, right=12, top=10, bottom=34)
    for arm, name, position in arms:
        line = frame[frame["arm"] == arm].sort_values("month")
        if line.empty:
            continue
        color = theme.status_quo if position == 0 else theme.arms[(position - 1) % len(theme.arms)]
        figure.add_scatter(
            x=line["month"],
            y=line["value"],
            mode="lines+markers",
            line={"color": color, "width": 2.5},
            marker={"size": 6},
            hovertext=[
                f"{name} · {style.say('heat.month', month=m)}: {words.plain(v)}"
                for m, v in zip(line["month"], line["value"], strict=True)
            ],
            hoverinfo="text",
        )
        figure.add_annotation(
            x=1,
            y=float(line["value"].iloc[0]),
            text=name,
            xanchor="left",
            yanchor="bottom",
            yshift=4,
            showarrow=False,
            font={"size": SMALL, "color": theme.ink},
        )
    figure.update_xaxes(**quiet_axis(style, range=[0.6, 12.4], tickvals=list(range(1, 13))))
    figure.update_yaxes(**quiet_axis(style, nticks=5, showgrid=True))
    return figure
