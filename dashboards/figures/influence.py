"""Influence: the share of each factor with its interval, and of pairs beyond each alone.

Knows tables of indices, pairs and verdicts. Must not know how an index was estimated.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import palette, reading, words
from dashboards.figures.canvas import SMALL, Style, axis_title, canvas, nice_ticks, quiet_axis

__all__ = ["SHOWN", "influence_bars", "pairs_map"]

SHOWN = 12
ROW = 38


def influence_bars(
    table: pd.DataFrame,
    verdicts: pd.DataFrame,
    outcomes: pd.DataFrame,
    outcome: str,
    style: Style,
    *,
    index: str,
    kind: str,
    is_difference: bool = False,
) -> go.Figure:
    """Each factor's share of the outcome's variance: alone (dark) and with others (pale).

    Parameters
    ----------
    table : `factor`, `label_en`, `label_zh`, `index`, `value`, `low`, `high`; one row per factor
        and index. Of an analysis of variance, `ST` is the total share and `S1` the share alone
    verdicts : `factor`, `label_en`, `label_zh`, `value`, `low`, `high`, `verdict`; order of rows
    outcomes, outcome : table of outcomes and the id of one
    index : the index that is ranked, such as ``ST`` or ``delta``
    kind : ``variance``, ``distance`` or ``effect``; an effect is drawn against the largest
    is_difference : whether the outcome is a reform's effect

    Notes
    -----
    The line is the 95 % interval. A factor whose interval does not leave the threshold of what
    matters is pale. At most :data:`SHOWN` factors are drawn; the table behind has all.
    """
    theme = style.theme
    sentence = reading.who_decides(
        verdicts, outcomes, outcome, style, kind, is_difference=is_difference
    )
    shown = verdicts.head(SHOWN)
    scale = float(verdicts["value"].abs().max()) if kind == "effect" else 1.0
    scale = scale if math.isfinite(scale) and scale > 0 else 1.0
    alone = table[table["index"] == "S1"].set_index("factor") if index == "ST" else table.iloc[:0]
    has_alone = len(alone) > 0
    top = 30 if has_alone else 12
    figure = canvas(style, height=ROW * len(shown) + top + 44, sentence=sentence, top=top, right=16)
    color = theme.arms[0]
    pale, band = palette.translucent(color, palette.PALE), palette.translucent(color, palette.FLOW)
    ends = [0.0, 0.1]
    for place, (_, row) in enumerate(shown.iterrows()):
        y = len(shown) - 1 - place
        value, low, high = (float(row[key]) / scale for key in ("value", "low", "high"))
        if kind != "effect":
            high = min(high, 1.0) if math.isfinite(high) else high
        is_sure = row["verdict"] in ("decides", "most", "matters")
        label = reading.factor_label(row, style)
        hover = f"{label}<br>{_share_text(value, low, high, kind, style)}"
        outer = (band if is_sure else pale) if has_alone else (color if is_sure else pale)
        _bar(figure, max(value, 0.0), y, 0.62, outer if is_sure else band, hover)
        if has_alone and row["factor"] in alone.index:
            first = float(alone.loc[row["factor"], "value"])
            _bar(figure, max(first, 0.0), y, 0.62, color if is_sure else pale, hover)
        if math.isfinite(low) and math.isfinite(high):
            figure.add_scatter(
                x=[max(low, 0.0), max(high, 0.0)],
                y=[y, y],
                mode="lines",
                line={"color": theme.ink, "width": 1.4},
                hoverinfo="skip",
            )
        ends += [value, high if math.isfinite(high) else value]
        figure.add_annotation(
            x=max(value, high if math.isfinite(high) else value, 0.0),
            y=y,
            text=reading.percent(max(value, 0.0)) if kind != "distance" else words.plain(value, 2),
            showarrow=False,
            xanchor="left",
            xshift=6,
            font={"size": SMALL, "color": theme.ink if is_sure else theme.muted},
        )
    highest = 1.16 * max(ends)
    marks = nice_ticks(0.0, highest, 5)
    texts = (
        [words.plain(mark, 2) if mark else "0" for mark in marks]
        if kind == "distance"
        else [reading.percent(mark) for mark in marks]
    )
    _axes(figure, shown, style, highest, marks, texts, style.say(f"influence.axis.{kind}"))
    if has_alone:
        figure.add_annotation(
            xref="paper",
            yref="paper",
            x=0,
            y=1,
            yanchor="bottom",
            xanchor="left",
            yshift=4,
            text=f'<span style="color:{color}">■</span> {style.say("influence.alone")}'
            f'  <span style="color:{band}">■</span> {style.say("influence.with_others")}',
            showarrow=False,
            font={"size": SMALL, "color": theme.muted},
        )
    return figure


def _share_text(value: float, low: float, high: float, kind: str, style: Style) -> str:
    if kind == "distance":
        text = words.plain(value, 2)
        bounds = (words.plain(low, 2), words.plain(high, 2))
    else:
        text = reading.percent(value)
        bounds = (reading.percent(low), reading.percent(high))
    if not (math.isfinite(low) and math.isfinite(high)):
        return text
    inner = style.say("interval", low=bounds[0], high=bounds[1])
    return text + style.say("parenthesis", text=inner)


def _bar(figure: go.Figure, length: float, y: float, width: float, color: str, hover: str) -> None:
    figure.add_bar(
        x=[length],
        y=[y],
        width=[width],
        orientation="h",
        marker={"color": color, "line": {"width": 0}},
        hovertext=[hover],
        hoverinfo="text",
    )


def _axes(
    figure: go.Figure,
    shown: pd.DataFrame,
    style: Style,
    highest: float,
    marks: list[float],
    texts: list[str],
    title: str,
) -> None:
    theme = style.theme
    figure.update_layout(barmode="overlay", bargap=0)
    figure.update_xaxes(
        **quiet_axis(
            style,
            range=[0.0, highest],
            tickvals=marks,
            ticktext=texts,
            showgrid=True,
            title=axis_title(title, style),
        )
    )
    labels = [
        reading.row_label(reading.factor_label(row, style), style.lang)
        for _, row in shown.iterrows()
    ]
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[-0.6, len(shown) - 0.4],
            tickvals=list(range(len(shown))),
            ticktext=labels[::-1],
            tickfont={"size": SMALL, "color": theme.ink},
        )
    )


def pairs_map(pairs: pd.DataFrame, verdicts: pd.DataFrame, style: Style) -> go.Figure:
    """Effects of pairs beyond those of each factor alone, as a heat map of its lower triangle.

    Parameters
    ----------
    pairs : `first`, `second` (ids of factors), `value`, `low`, `high`: shares of variance
    verdicts : `factor`, `label_en`, `label_zh`; the most important first

    Notes
    -----
    A cell has its number where the interval leaves zero out; the others stay pale and empty. The
    nine most important factors are shown, so that numbers stay legible.
    """
    theme = style.theme
    shown = verdicts.head(9)
    ids = [str(factor) for factor in shown["factor"]]
    labels = {str(r["factor"]): reading.factor_label(r, style) for _, r in verdicts.iterrows()}
    sentence = reading.pairs_sentence(pairs, labels, style)
    size = len(ids)
    figure = canvas(style, height=44 * max(size - 1, 1) + 110, sentence=sentence, bottom=84)
    values = np.full((size, size), np.nan)
    texts = [["" for _ in ids] for _ in ids]
    hover = [["" for _ in ids] for _ in ids]
    for row in pairs.to_dict("records"):
        if str(row["first"]) not in ids or str(row["second"]) not in ids:
            continue
        a, b = sorted((ids.index(str(row["first"])), ids.index(str(row["second"]))))
        value, low, high = (float(row[key]) for key in ("value", "low", "high"))
        is_clear = low > 0.01
        values[b, a] = max(value, 0.0) if is_clear else 0.0
        texts[b][a] = reading.percent(value) if is_clear else ""
        hover[b][a] = (
            f"{labels[ids[a]]} × {labels[ids[b]]}<br>"
            f"{_share_text(value, low, high, 'variance', style)}"
        )
    ceiling = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    names = reading.short_names(shown, style)
    short = [names[i] for i in ids]
    figure.add_heatmap(
        z=values[1:, :-1],
        x=list(range(size - 1)),
        y=list(range(1, size)),
        text=[row[:-1] for row in texts[1:]],
        texttemplate="%{text}",
        textfont={"size": SMALL, "color": theme.ink},
        hovertext=[row[:-1] for row in hover[1:]],
        hoverinfo="text",
        zmin=0.0,
        zmax=max(ceiling, 0.05),
        colorscale=[[0.0, theme.even], [1.0, palette.translucent(theme.arms[0], palette.PALE)]],
        showscale=False,
        xgap=2,
        ygap=2,
    )
    figure.update_xaxes(
        **quiet_axis(
            style,
            tickvals=list(range(size - 1)),
            ticktext=short[:-1],
            tickangle=-35,
            tickfont={"size": SMALL, "color": theme.ink},
        )
    )
    figure.update_yaxes(
        **quiet_axis(
            style,
            tickvals=list(range(1, size)),
            ticktext=short[1:],
            autorange="reversed",
            tickfont={"size": SMALL, "color": theme.ink},
        )
    )
    return figure
