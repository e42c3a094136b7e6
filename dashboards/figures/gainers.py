"""Who gains and who loses: one outcome by income fifth or by health, a panel per reform.

Knows differences by group. Must not know persons.
"""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import words
from dashboards.figures.canvas import (
    SMALL,
    Style,
    arm_looks,
    canvas,
    nice_ticks,
    outcome_words,
    quiet_axis,
)

GROUPS: dict[str, tuple[str, ...]] = {
    "income": tuple(f"income:{fifth}" for fifth in range(1, 6)),
    "health": ("health:0", "health:1", "health:2+"),
    "place": ("place:rural", "place:town"),
    "kind": ("kind:practice", "kind:secondary", "kind:tertiary"),
}
ROW = 25
HEAD = 30


def groups_present(differences: pd.DataFrame, outcome: str, by: str) -> list[str]:
    """The groups of one partition for which the outcome was measured, poorest or healthiest first.

    Parameters
    ----------
    by : ``income``, ``health``, ``place``, ``kind`` or ``payer``
    """
    known = [c for c in words.changes_of(differences, outcome, group=None) if c.is_known]
    present = {change.group for change in known}
    if by in GROUPS:
        return [group for group in GROUPS[by] if group in present]
    return sorted(group for group in present if group.startswith(f"{by}:"))


def gainers_sentence(
    differences: pd.DataFrame,
    outcomes: pd.DataFrame,
    arms: pd.DataFrame,
    outcome: str,
    by: str,
    style: Style,
) -> str:
    """Whether the first and the last group fare clearly differently, and under which reform."""
    about = outcome_words(outcomes, outcome, style.lang)
    groups = groups_present(differences, outcome, by)
    name = words.inside(about["label"], style.lang)
    if len(groups) < 2:
        return style.say("sentence.not_recorded", outcome=about["label"])
    looks = [look for look in arm_looks(arms, style) if not look.is_status_quo]
    widest: tuple[float, str, words.Change, words.Change] | None = None
    every = [c for g in groups for c in words.changes_of(differences, outcome, g)]
    scale = words.scale_of(every, about["unit"])
    for look in looks:
        by_group = {c.group: c for c in every if c.arm == look.id and c.is_known}
        ends = [by_group[g] for g in (groups[0], groups[-1]) if g in by_group]
        if len(ends) < 2 or not all(change.has_interval for change in ends):
            continue
        for first, second in (ends, ends[::-1]):
            # apart only if the intervals do not touch
            gap = words.on_scale(first, scale)[1] - words.on_scale(second, scale)[2]
            if gap > 0 and (widest is None or gap > widest[0]):
                widest = (gap, look.short, ends[0], ends[1])
    if widest is None:
        return style.say(
            f"sentence.same_by_{by}" if by in ("income", "health") else "sentence.same_by_group",
            outcome=name,
        )
    _, arm, poor, rich = widest
    texts = [
        style.say(
            "group_change",
            group=words.group_label(style.lang, change.group),
            change=words.signed(
                words.on_scale(change, scale)[0],
                scale,
                about["unit"],
                style.lang,
                style.currency,
            ),
        )
        for change in (poor, rich)
    ]
    return style.say("sentence.differs_by", arm=arm, outcome=name, first=texts[0], second=texts[1])


def gainers(
    differences: pd.DataFrame,
    outcomes: pd.DataFrame,
    arms: pd.DataFrame,
    outcome: str,
    by: str,
    style: Style,
    *,
    columns: int = 4,
) -> go.Figure:
    """Effect of each reform on one outcome by group of people, on one scale for all reforms.

    Parameters
    ----------
    by : partition of people, as in :func:`groups_present`
    columns : panels side by side; a phone wants one or two
    """
    about = outcome_words(outcomes, outcome, style.lang)
    looks = [look for look in arm_looks(arms, style) if not look.is_status_quo]
    groups = groups_present(differences, outcome, by)
    sentence = gainers_sentence(differences, outcomes, arms, outcome, by, style)
    columns = max(1, min(columns, len(looks)))
    rows = math.ceil(len(looks) / columns)
    panel = HEAD + ROW * max(len(groups), 2) + 34
    figure = canvas(style, height=panel * rows + 8, sentence=sentence, top=4, bottom=4)
    theme = style.theme
    if not groups:
        figure.update_layout(height=120)
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

    every = [c for g in groups for c in words.changes_of(differences, outcome, g) if c.is_known]
    scale = words.scale_of(every, about["unit"])
    ends = [0.0]
    for change in every:
        ends += [end for end in words.on_scale(change, scale) if math.isfinite(end)]
    pad = 0.08 * (max(ends) - min(ends)) or 1.0
    low, high = min(ends) - pad, max(ends) + pad
    margin = 0.1 * (high - low)
    # a mark at a panel's edge would run into the next panel's
    marks = [
        mark
        for mark in nice_ticks(low, high, 4 if columns > 1 else 5)
        if low + margin <= mark <= high - margin
    ]
    total = panel * rows
    # room for the names of the groups beside the first panel of each row, as a share of the width
    names = 0.13 if columns > 2 else 0.24
    gap = 0.035
    width = (1 - names - gap * (columns - 1)) / columns
    for index, look in enumerate(looks):
        row, column = divmod(index, columns)
        number = "" if index == 0 else str(index + 1)
        left = names + column * (width + gap)
        top = 1 - (row * panel + HEAD) / total
        bottom = 1 - (row * panel + panel - 34) / total
        figure.update_layout(
            {
                f"xaxis{number}": quiet_axis(
                    style,
                    domain=[left, left + width],
                    anchor=f"y{number}",
                    range=[low, high],
                    tickvals=marks,
                    showgrid=True,
                    ticktext=words.change_marks(
                        marks, scale, about["unit"], style.lang, style.currency
                    ),
                    automargin=False,
                ),
                f"yaxis{number}": quiet_axis(
                    style,
                    domain=[bottom, top],
                    anchor=f"x{number}",
                    range=[-0.6, len(groups) - 0.4],
                    tickvals=list(range(len(groups))),
                    ticktext=[words.group_label(style.lang, group) for group in reversed(groups)],
                    showticklabels=column == 0,
                    tickfont={"size": SMALL, "color": theme.ink},
                    automargin=False,
                ),
            }
        )
        figure.add_annotation(
            xref="paper",
            yref="paper",
            x=left,
            y=top,
            yanchor="bottom",
            xanchor="left",
            text=look.keyed(f"<b>{words.short_title(look.short, 26)}</b>"),
            showarrow=False,
            font={"size": 13, "color": theme.ink},
        )
        figure.add_shape(
            type="line",
            xref=f"x{number}",
            yref=f"y{number} domain",
            x0=0,
            x1=0,
            y0=0,
            y1=1,
            line={"color": theme.status_quo, "width": 2},
            layer="below",
        )
        by_group = {c.group: c for c in every if c.arm == look.id}
        for position, group in enumerate(reversed(groups)):
            found = by_group.get(group)
            if found is None:
                figure.add_annotation(
                    xref=f"x{number}",
                    yref=f"y{number}",
                    x=0,
                    y=position,
                    xanchor="left",
                    xshift=6,
                    text=style.say("not_measured"),
                    showarrow=False,
                    font={"size": SMALL, "color": theme.muted},
                )
                continue
            value, low_end, high_end = words.on_scale(found, scale)
            color = look.color if found.is_clear else look.pale
            if found.has_interval:
                figure.add_scatter(
                    x=[low_end, high_end],
                    y=[position, position],
                    mode="lines",
                    line={"color": color, "width": 3},
                    hoverinfo="skip",
                    xaxis=f"x{number}",
                    yaxis=f"y{number}",
                )
            figure.add_scatter(
                x=[value],
                y=[position],
                mode="markers",
                xaxis=f"x{number}",
                yaxis=f"y{number}",
                marker={
                    "color": color if found.is_clear else theme.surface,
                    "size": 10,
                    "line": {"color": color, "width": 0 if found.is_clear else 2.5},
                },
                hovertext=[
                    words.group_label(style.lang, group)
                    + style.say("colon")
                    + words.one_change(found, look.short, about, scale, style.lang, style.currency)
                ],
                hoverinfo="text",
            )
    return figure
