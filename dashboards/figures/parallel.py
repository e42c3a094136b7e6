"""Parallel coordinates: every draw as a line through its factors, what fails or wins in color.

Knows draws with a mark. Must not know what was run at them.
"""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import reading, words
from dashboards.figures.canvas import SMALL, Style, canvas
from dashboards.figures.failing import palette_of_failures

__all__ = ["parallel_draws"]

HEIGHT = 380
MOST_LINES = 400


def parallel_draws(
    draws: pd.DataFrame,
    factors: pd.DataFrame,
    style: Style,
    *,
    sentence: str,
    marked: str = "is_marked",
) -> go.Figure:
    """Lines through up to seven factors; marked draws in color and above the others.

    Parameters
    ----------
    draws : one row per draw: a column per factor id, and the boolean column named by `marked`
    factors : `factor`, `label_en`, `label_zh`, `low`, `high`; the axes, in order. `low_text` and
        `high_text` say the ends where the numbers do not
    sentence : what the figure shows, written by whoever marked the draws
    marked : name of the column of marks

    Notes
    -----
    Lines instead of Plotly's own parallel coordinates, whose text and colors ignore the page's
    ground. With more than 400 draws, every k-th is drawn, so that lines stay lines.
    """
    theme = style.theme
    shown = factors.head(7).to_dict("records")
    figure = canvas(style, height=HEIGHT, sentence=sentence, top=14, bottom=104, left=24, right=24)
    step = max(1, -(-len(draws) // MOST_LINES))
    some = draws.iloc[::step]
    is_marked = some[marked].to_numpy(dtype=bool)
    for group, color in ((~is_marked, palette_of_failures(style)[1]), (is_marked, theme.loss)):
        rows = some[group]
        x: list[float | None] = []
        y: list[float | None] = []
        for row in rows.to_dict("records"):
            for place, factor in enumerate(shown):
                low, high = float(factor["low"]), float(factor["high"])
                x.append(float(place))
                y.append((float(row[factor["factor"]]) - low) / ((high - low) or 1.0))
            x.append(None)
            y.append(None)
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": color, "width": 1},
            opacity=0.7,
            hoverinfo="skip",
        )
    for place, factor in enumerate(shown):
        figure.add_shape(
            type="line",
            x0=place,
            x1=place,
            y0=0,
            y1=1,
            line={"color": theme.muted, "width": 1},
        )
        for y_end, end, anchor in ((0.0, "low", "top"), (1.0, "high", "bottom")):
            figure.add_annotation(
                x=place,
                y=y_end,
                yanchor=anchor,
                text=str(factor.get(f"{end}_text") or words.plain(float(factor[end]))),
                showarrow=False,
                font={"size": SMALL, "color": theme.muted},
            )
        figure.add_annotation(
            x=place,
            y=0,
            yanchor="top",
            yshift=-18,
            text=reading.row_label(
                str(factor[f"label_{style.lang}"] or factor["factor"]),
                style.lang,
                {"en": 11, "zh": 6}[style.lang],
            ),
            showarrow=False,
            font={"size": SMALL, "color": theme.ink},
        )
    figure.update_xaxes(visible=False, fixedrange=True, range=[-0.35, len(shown) - 0.65])
    figure.update_yaxes(visible=False, fixedrange=True, range=[-0.03, 1.08])
    return figure
