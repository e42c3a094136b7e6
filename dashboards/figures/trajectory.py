"""Trajectories: how an outcome ran before and after the reform, a line per arm.

Knows monthly values by arm and replicate. Must not know what a payment contract is.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import words
from dashboards.figures.canvas import (
    Style,
    arm_looks,
    axis_title,
    canvas,
    folded,
    mark_reform,
    name_ends,
    nice_ticks,
    outcome_words,
    quiet_axis,
)

HEIGHT = 270
TOP = 26
BOTTOM = 44
MONTHS_SHOWN_BEFORE = 24


def trajectory(
    monthly: pd.DataFrame,
    outcomes: pd.DataFrame,
    arms: pd.DataFrame,
    outcome: str,
    months_before: int,
    style: Style,
    *,
    differences: pd.DataFrame | None = None,
    group: str = "all",
) -> go.Figure:
    """One outcome month by month: the mean over replicates, its band, the reform marked.

    Parameters
    ----------
    monthly : columns ``arm``, ``replicate``, ``month`` (0 is the first of the run), ``outcome``,
        ``group``, ``value``
    months_before : months before the reform; month number ``months_before`` is its first
    differences : when given, the sentence is written from its intervals

    Notes
    -----
    The band is the mean plus and minus 1.96 standard errors over replicates; with one replicate
    there is none. Arms share their random numbers, so that they run as one line before the
    reform.
    """
    about = outcome_words(outcomes, outcome, style.lang)
    looks = arm_looks(arms, style)
    theme = style.theme
    rows = monthly[(monthly["outcome"] == outcome) & (monthly["group"] == group)]
    rows = rows[rows["month"] >= months_before - MONTHS_SHOWN_BEFORE]
    titles = {look.id: look.short for look in looks if not look.is_status_quo}
    changes = [] if differences is None else words.changes_of(differences, outcome, group)
    sentence = (
        words.across_arms(changes, titles, about, style.lang, style.currency)
        if changes
        else style.say("sentence.course", outcome=about["label"])
    )
    figure = canvas(style, height=HEIGHT, sentence=sentence, top=TOP, bottom=BOTTOM)

    ends: list[float] = []
    labels: list[tuple[str, float]] = []
    last_month = 0.0
    quo = next((look.id for look in looks if look.is_status_quo), "")
    today = rows[rows["arm"] == quo].groupby("month")["value"].mean()
    # the status quo is drawn last, so that its gray stays visible where lines coincide
    for look in sorted(looks, key=lambda look: look.is_status_quo):
        of_arm = rows[rows["arm"] == look.id].dropna(subset=["value"])
        if of_arm.empty:
            continue
        by_month = of_arm.groupby("month")["value"]
        mean = by_month.mean()
        error: pd.Series[float] = 1.96 * by_month.std() / np.sqrt(by_month.count())
        past = mean[mean.index < months_before]
        if not look.is_status_quo and past.equals(today.reindex(past.index)):
            # one line before the reform: drawn once, by the status quo, up to the last month
            mean = mean[mean.index >= months_before - 1]
            error = error.reindex(mean.index)
        months = [float(month) - months_before for month in mean.index]
        center = [float(value) for value in mean]
        half = [float(value) if math.isfinite(value) else 0.0 for value in error.to_list()]
        upper = [c + h for c, h in zip(center, half, strict=True)]
        lower = [c - h for c, h in zip(center, half, strict=True)]
        ends += upper + lower
        if any(half):
            figure.add_scatter(
                x=months + months[::-1],
                y=upper + lower[::-1],
                fill="toself",
                mode="lines",
                line={"width": 0},
                fillcolor=look.band,
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=months,
            y=center,
            mode="lines",
            line={"color": look.color, "width": 2.2},
            hovertext=[
                style.say(
                    "hover.month",
                    arm=look.short,
                    month=words.plain(month, 0),
                    value=words.level(value, about["unit"], style.lang, style.currency),
                )
                for month, value in zip(months, center, strict=True)
            ],
            hoverinfo="text",
        )
        labels.append((look.keyed(folded(look.short, 16)), center[-1]))
        last_month = max(last_month, months[-1])
    if not ends:
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
        figure.add_annotation(
            xref="paper",
            yref="paper",
            x=0.5,
            y=0.5,
            text=style.say("empty.outcome"),
            showarrow=False,
            font={"color": theme.muted},
        )
        return figure

    low, high = min(ends), max(ends)
    pad = 0.08 * (high - low) or abs(high) * 0.05 or 1.0
    low, high = low - pad, high + pad
    plot = HEIGHT - TOP - BOTTOM
    first_month = min(float(rows["month"].min()) - months_before, 0.0)
    figure.update_xaxes(
        **quiet_axis(
            style,
            range=[first_month - 0.5, last_month + 0.5],
            tickvals=[m for m in range(-60, int(last_month) + 13, 12) if m >= first_month],
            ticktext=[
                words.plain(m, 0) for m in range(-60, int(last_month) + 13, 12) if m >= first_month
            ],
            title=axis_title(style.say("months_since_reform"), style),
        )
    )
    marks = nice_ticks(low, high, 4)
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[low, high],
            showgrid=True,
            tickvals=marks,
            ticktext=words.level_marks(marks, about["unit"], style.lang, style.currency),
        )
    )
    mark_reform(figure, style)
    name_ends(figure, labels, last_month, low, high, style, plot)
    return figure
