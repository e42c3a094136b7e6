"""Failing: in which corner of the uncertainties a reform goes wrong.

Knows a box of conditions and how much of the failures it holds. Must not know how it was found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import palette, reading, words
from dashboards.figures.canvas import SMALL, Style, canvas, quiet_axis

__all__ = ["conditions", "failing_box"]

ROW = 46


def failing_box(
    box: pd.DataFrame,
    style: Style,
    *,
    failure: str,
    coverage: float,
    density: float,
    base_rate: float,
) -> go.Figure:
    """Each condition of the box as the part of the factor's range it keeps.

    Parameters
    ----------
    box : `factor`, `label_en`, `label_zh`, `unit`, `low`, `high` (range drawn), `box_low`,
        `box_high` (part inside the box); one row per factor that the box restricts, the most
        telling first. For a choice, `choices_en` and `choices_zh` may name what is inside
    failure : what counts as failing, in the reader's language and inside a sentence
    coverage : share of all failures that lie in the box
    density : share of the box that fails
    base_rate : share of all draws that fail
    """
    theme = style.theme
    sentence = _sentence(box, failure, coverage, density, base_rate, style)
    rows = box.to_dict("records")
    figure = canvas(
        style, height=ROW * max(len(rows), 1) + 44, sentence=sentence, top=14, bottom=14, right=16
    )
    labels = []
    for place, row in enumerate(rows):
        y = len(rows) - 1 - place
        low, high = float(row["low"]), float(row["high"])
        width = high - low or 1.0
        start = (float(row["box_low"]) - low) / width
        end = (float(row["box_high"]) - low) / width
        labels.append(
            reading.row_label(str(row[f"label_{style.lang}"] or row["factor"]), style.lang)
        )
        for left, right, color in (
            (0.0, 1.0, theme.hairline),
            (start, end, theme.loss),
        ):
            figure.add_bar(
                x=[right - left],
                base=[left],
                y=[y],
                width=[0.34],
                orientation="h",
                marker={"color": color, "line": {"width": 0}},
                hovertext=[conditions(row, style)],
                hoverinfo="text",
            )
        figure.add_annotation(
            x=min(max((start + end) / 2, 0.12), 0.88),
            y=y + 0.18,
            yanchor="bottom",
            text=conditions(row, style),
            showarrow=False,
            font={"size": SMALL, "color": theme.ink},
        )
        for x, value, anchor in ((0.0, low, "left"), (1.0, high, "right")):
            if row.get(f"choices_{style.lang}"):
                continue
            figure.add_annotation(
                x=x,
                y=y - 0.18,
                yanchor="top",
                xanchor=anchor,
                text=words.plain(value),
                showarrow=False,
                font={"size": SMALL, "color": theme.muted},
            )
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(**quiet_axis(style, range=[-0.02, 1.02], showticklabels=False))
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[-0.62, len(rows) - 0.3],
            tickvals=list(range(len(rows))),
            ticktext=labels[::-1],
            tickfont={"size": SMALL, "color": theme.ink},
        )
    )
    return figure


def conditions(row: Mapping[Any, Any], style: Style) -> str:
    """One condition of the box in words: above, below, between, or one of some choices."""
    choices = row.get(f"choices_{style.lang}")
    if isinstance(choices, str) and choices:
        return choices
    low, high = float(row["low"]), float(row["high"])
    start, end = float(row["box_low"]), float(row["box_high"])
    # a box ends at the outermost draws, which never lie quite at the ends of the range
    tiny = 0.02 * (high - low)
    first, last = words.plain(start), words.plain(end)
    if start <= low + tiny:
        return style.say("influence.below", value=last)
    if end >= high - tiny:
        return style.say("influence.above", value=first)
    return style.say("interval", low=first, high=last)


def _sentence(
    box: pd.DataFrame,
    failure: str,
    coverage: float,
    density: float,
    base_rate: float,
    style: Style,
) -> str:
    if box.empty or not math.isfinite(density):
        text = style.say("influence.no_box", failure=failure, rate=reading.percent(base_rate))
    else:
        parts = [
            style.say(
                "influence.condition",
                factor=reading.spoken(row, style),
                condition=conditions(row, style),
            )
            for row in box.head(2).to_dict("records")
        ]
        text = style.say(
            "influence.box",
            failure=failure,
            conditions=style.say("influence.and_when").join(parts),
            density=reading.percent(density),
            rate=reading.percent(base_rate),
            coverage=reading.percent(coverage),
        )
    return text[:1].upper() + text[1:] + style.say("stop")


def palette_of_failures(style: Style) -> tuple[str, str]:
    """Colors of what fails and of what does not, the second standing back."""
    return style.theme.loss, palette.translucent(style.theme.status_quo, palette.FLOW)
