"""Chance: how much of what differs between runs is the seed's, and how much the parameters'.

Knows shares of variance with intervals. Must not know how runs were seeded.
"""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import palette, reading
from dashboards.figures.canvas import SMALL, Style, axis_title, canvas, quiet_axis

__all__ = ["seed_shares"]

ROW = 40


def seed_shares(shares: pd.DataFrame, outcome_label: str, style: Style) -> go.Figure:
    """Three bars with intervals: parameters, seed, and what the seed does differently by them.

    Parameters
    ----------
    shares : `source` (``parameters``, ``seed``, ``both``), `share`, `low`, `high`, fractions of
        the variance of single runs
    outcome_label : name of the outcome in the reader's language
    """
    theme = style.theme
    sentence = reading.seed_sentence(shares, outcome_label, style)
    figure = canvas(style, height=ROW * len(shares) + 64, sentence=sentence, top=8, bottom=48)
    colors = {"parameters": theme.arms[0], "seed": theme.status_quo, "both": theme.status_quo}
    labels = []
    for place, row in enumerate(shares.to_dict("records")):
        y = len(shares) - 1 - place
        source = str(row["source"])
        value, low, high = (float(row[k]) for k in ("share", "low", "high"))
        label = style.say(f"influence.source.{source}")
        labels.append(reading.row_label(label, style.lang))
        if not math.isfinite(value):
            continue
        color = colors[source]
        text = reading.percent(value) + style.say(
            "parenthesis", text=reading.range_of(low, high, style)
        )
        figure.add_bar(
            x=[value],
            y=[y],
            width=[0.55],
            orientation="h",
            marker={
                "color": color if source != "both" else palette.translucent(color, palette.PALE),
                "line": {"width": 0},
            },
            hovertext=[f"{label}<br>{text}"],
            hoverinfo="text",
        )
        figure.add_scatter(
            x=[low, high],
            y=[y, y],
            mode="lines",
            line={"color": theme.ink, "width": 1.4},
            hoverinfo="skip",
        )
        figure.add_annotation(
            x=max(high, value),
            y=y,
            text=text,
            showarrow=False,
            xanchor="left" if max(high, value) < 0.72 else "right",
            yshift=0 if max(high, value) < 0.72 else 16,
            xshift=8 if max(high, value) < 0.72 else 0,
            font={"size": SMALL, "color": theme.ink},
        )
    marks = [0.0, 0.25, 0.5, 0.75, 1.0]
    figure.update_xaxes(
        **quiet_axis(
            style,
            range=[0.0, 1.02],
            tickvals=marks,
            ticktext=[reading.percent(mark) for mark in marks],
            showgrid=True,
            title=axis_title(style.say("influence.axis.between_runs"), style),
        )
    )
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[-0.6, len(shares) - 0.35],
            tickvals=list(range(len(shares))),
            ticktext=labels[::-1],
            tickfont={"size": SMALL, "color": theme.ink},
        )
    )
    return figure
