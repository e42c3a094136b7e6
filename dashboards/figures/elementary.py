"""Elementary effects: how strongly a factor moves an outcome, and whether always alike.

Knows the mean size and the spread of a factor's effects over its range. Must not know how the
trajectories were drawn.
"""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import palette, reading, words
from dashboards.figures.canvas import (
    SMALL,
    Style,
    canvas,
    nice_ticks,
    outcome_words,
    quiet_axis,
    spread,
)

__all__ = ["elementary_plane"]

HEIGHT = 380
TOP, BOTTOM = 28, 50
NAMED = 7


def elementary_plane(
    table: pd.DataFrame,
    verdicts: pd.DataFrame,
    outcomes: pd.DataFrame,
    outcome: str,
    style: Style,
) -> go.Figure:
    """Morris's plane: to the right what matters, upward what depends on everything else.

    Parameters
    ----------
    table : `factor`, `label_en`, `label_zh`, `index` (``mu_star``, ``sigma``), `value`, `low`,
        `high`; in the outcome's unit
    verdicts : `factor`, `verdict`, the most important first
    outcomes, outcome : table of outcomes and the id of one

    Notes
    -----
    Above the line sigma = mu* an effect is anything but alike everywhere; below a tenth of it is
    nearly linear (Garcia Sanchez et al. 2014, doi:10.1016/j.enbuild.2012.08.048). The horizontal
    line is the 95 % interval of mu*. The seven strongest that clearly
    matter are named.
    """
    theme = style.theme
    about = outcome_words(outcomes, outcome, style.lang)
    wide = table.pivot(index="factor", columns="index", values="value")
    strong = table[table["index"] == "mu_star"]
    by_factor = {str(row["factor"]): row for row in strong.to_dict("records")}
    verdict = dict(zip(verdicts["factor"].astype(str), verdicts["verdict"], strict=True))
    sentence = reading.who_decides(verdicts, outcomes, outcome, style, "effect")
    figure = canvas(style, height=HEIGHT, sentence=sentence, top=TOP, bottom=BOTTOM, right=24)
    right = max(float(strong["high"].max()), float(strong["value"].max()), 1e-12) * 1.3
    sigmas = wide["sigma"].fillna(0.0)
    upper = max(float(sigmas.max()), 1e-12) * 1.2
    for slope, key in ((1.0, "influence.depends"), (0.1, "influence.alike")):
        x = min(right, upper / slope)
        figure.add_scatter(
            x=[0, x],
            y=[0, x * slope],
            mode="lines",
            line={"color": theme.hairline, "width": 1.4},
            hoverinfo="skip",
        )
        figure.add_annotation(
            x=x,
            y=x * slope,
            xanchor="right" if x > 0.5 * right else "left",
            yanchor="bottom",
            yshift=2,
            xshift=-6 if x > 0.5 * right else 0,
            text=style.say(key),
            showarrow=False,
            font={"size": SMALL, "color": theme.muted},
        )
    names = reading.short_names(verdicts, style, 28)
    points: list[tuple[str, float, float, str]] = []
    for factor in verdicts["factor"].astype(str):
        row = by_factor[factor]
        value, low, high = (float(row[k]) for k in ("value", "low", "high"))
        sigma = float(sigmas[factor])
        is_sure = verdict[factor] in ("decides", "most", "matters")
        color = theme.arms[0]
        shown = color if is_sure else palette.translucent(color, palette.PALE)
        label = reading.factor_label(row, style)
        if math.isfinite(low) and math.isfinite(high):
            figure.add_scatter(
                x=[max(low, 0.0), high],
                y=[sigma, sigma],
                mode="lines",
                line={"color": shown, "width": 2},
                hoverinfo="skip",
            )
        unit = about["unit"]
        figure.add_scatter(
            x=[value],
            y=[sigma],
            mode="markers",
            marker={"color": shown, "size": 10},
            hovertext=[
                style.say(
                    "influence.hover_effect",
                    factor=label,
                    effect=words.level(value, unit, style.lang, style.currency),
                    spread=words.level(sigma, unit, style.lang, style.currency),
                )
            ],
            hoverinfo="text",
        )
        if is_sure:
            points.append((names[factor], value, sigma, shown))
    _name(figure, points[:NAMED], right, upper, style)
    for axis, end, title in (
        (figure.update_xaxes, right, "influence.axis.strength"),
        (figure.update_yaxes, upper, "influence.axis.spread"),
    ):
        marks = nice_ticks(0.0, end, 4)
        axis(
            **quiet_axis(
                style,
                range=[-0.03 * end, end],
                showgrid=True,
                tickvals=marks,
                ticktext=words.level_marks(marks, about["unit"], style.lang, style.currency),
                title={
                    "text": style.say(title),
                    "font": {"size": SMALL, "color": theme.muted},
                    "standoff": 8,
                },
            )
        )
    return figure


def _name(
    figure: go.Figure,
    points: list[tuple[str, float, float, str]],
    right: float,
    upper: float,
    style: Style,
) -> None:
    """Names beside the points, moved apart where they would cover each other."""
    plot = HEIGHT - TOP - BOTTOM
    heights = [sigma / upper * plot for _, _, sigma, _ in points]
    for (label, value, sigma, _), pixel, placed in zip(
        points, heights, spread(heights, 16.0, 6.0, plot - 6.0), strict=True
    ):
        is_right = value > 0.62 * right
        figure.add_annotation(
            x=value,
            y=sigma,
            text=label,
            showarrow=False,
            xanchor="right" if is_right else "left",
            xshift=-9 if is_right else 9,
            yshift=placed - pixel + 9,
            font={"size": SMALL, "color": style.theme.ink},
        )
