"""Scorecard: what each reform changes, as dots with intervals from the status quo's zero line.

Knows the table of differences. Must not know how the differences came about.
"""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import words
from dashboards.figures.canvas import (
    SMALL,
    Style,
    arm_looks,
    breadth,
    canvas,
    folded,
    nice_ticks,
    outcome_words,
    quiet_axis,
)

ROW = 26
FOLDED_ROW = 36
PLOT, GAP = 300, 10  # pixels of a card for names and dots; the least between two marks


def scorecard(
    differences: pd.DataFrame,
    outcomes: pd.DataFrame,
    arms: pd.DataFrame,
    outcome: str,
    style: Style,
    *,
    group: str = "all",
) -> go.Figure:
    """Effect of every reform on one outcome: one row per arm, a dot and its 95 % interval.

    A dot whose interval crosses zero is pale: it may be chance. An arm without a number keeps
    its row and says so.

    Parameters
    ----------
    differences, outcomes, arms : tables as in :class:`dashboards.report.ReportTables`
    outcome : id of the outcome
    group : group of people or providers
    """
    about = outcome_words(outcomes, outcome, style.lang)
    looks = [look for look in arm_looks(arms, style) if not look.is_status_quo]
    titles = {look.id: look.short for look in looks}
    by_arm = {c.arm: c for c in words.changes_of(differences, outcome, group)}
    changes = [by_arm[look.id] for look in looks if look.id in by_arm]
    scale = words.scale_of(changes, about["unit"])
    sentence = words.across_arms(changes, titles, about, style.lang, style.currency)
    row = FOLDED_ROW if any("<br>" in folded(look.short) for look in looks) else ROW
    figure = canvas(style, height=row * len(looks) + 58, sentence=sentence, top=24, bottom=26)
    theme = style.theme

    ends = [0.0]
    for position, look in enumerate(looks):
        y = len(looks) - 1 - position
        change = by_arm.get(look.id)
        if change is None or not change.is_known:
            figure.add_annotation(
                x=0,
                y=y,
                text=style.say("not_measured"),
                showarrow=False,
                xanchor="left",
                xshift=6,
                font={"size": SMALL, "color": theme.muted},
            )
            continue
        value, low, high = words.on_scale(change, scale)
        color = look.color if change.is_clear else look.pale
        ends.append(value)
        hover = words.one_change(
            change, look.short, about, scale, style.lang, style.currency
        ) + style.say("stop")
        if change.has_interval:
            ends += [low, high]
            figure.add_scatter(
                x=[low, high],
                y=[y, y],
                mode="lines",
                line={"color": color, "width": 3},
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=[value],
            y=[y],
            mode="markers",
            marker={
                "color": color if change.is_clear else theme.surface,
                "size": 11,
                "line": {"color": color, "width": 0 if change.is_clear else 2.5},
            },
            hovertext=[hover],
            hoverinfo="text",
        )
    if not changes:
        figure.add_annotation(
            xref="paper",
            yref="paper",
            x=0.5,
            y=0.5,
            text=style.say("empty.outcome"),
            showarrow=False,
            font={"color": theme.muted},
        )
    low_end, high_end = min(ends), max(ends)
    pad = 0.08 * (high_end - low_end) or 1.0
    low_end, high_end = low_end - pad, high_end + pad
    # zero keeps its distance from the edge, so that both sides can be named
    low_end = min(low_end, -0.3 * high_end)
    high_end = max(high_end, -0.3 * low_end)
    names = [folded(look.short) for look in reversed(looks)]
    room = PLOT - max(map(breadth, names), default=0)
    for count in (4, 3, 2, 1):
        marks = nice_ticks(low_end, high_end, count)
        marked = words.change_marks(marks, scale, about["unit"], style.lang, style.currency)
        step = room * (marks[1] - marks[0]) / (high_end - low_end) if len(marks) > 1 else room
        if max(map(breadth, marked), default=0) + GAP <= step:
            break
    figure.update_xaxes(
        **quiet_axis(
            style,
            range=[low_end, high_end],
            tickvals=marks,
            ticktext=marked,
            showgrid=True,
        )
    )
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[-0.6, len(looks) - 0.4],
            tickvals=list(range(len(looks))),
            ticktext=names,
            tickfont={"size": 13, "color": theme.ink},
        )
    )
    figure.add_shape(
        type="line",
        x0=0,
        x1=0,
        y0=0,
        y1=1,
        yref="paper",
        layer="below",
        line={"color": theme.status_quo, "width": 2},
    )
    if about["better"] in ("lower", "higher") and changes:
        sides = ("better_left", "worse_right")
        if about["better"] == "higher":
            sides = ("worse_left", "better_right")
        for text, x, anchor in ((sides[0], 0.0, "left"), (sides[1], 1.0, "right")):
            figure.add_annotation(
                xref="paper",
                yref="paper",
                x=x,
                y=1,
                yanchor="bottom",
                xanchor=anchor,
                text=style.say(text),
                showarrow=False,
                font={"size": SMALL, "color": theme.muted},
            )
    return figure


def is_empty(differences: pd.DataFrame, outcome: str, group: str = "all") -> bool:
    """Whether nothing is known of an outcome, so that a page shows its empty state instead."""
    return not any(change.is_known for change in words.changes_of(differences, outcome, group))
