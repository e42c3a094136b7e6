"""Choices of physicians: a player, a class and the model's own, beside the published means.

Knows mean services per patient. Must not know rooms, seats or how anybody chose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboards.figures import words
from dashboards.figures.canvas import SMALL, Style, canvas, quiet_axis

__all__ = ["choices_figure"]

ROW = 200
HEAD = 26
ORDER = ("published", "class", "you")  # of marks, from the lowest to the tallest
EDGE = 1.6  # services from an end of the axis, where a name has room on one side alone


def choices_figure(
    sentence: str,
    payments: Sequence[tuple[str, str]],
    shares: Mapping[tuple[str, str], Sequence[float]],
    marks: Mapping[tuple[str, str], float],
    names: Mapping[str, str],
    style: Style,
) -> go.Figure:
    """Distributions of mean services, one row for each payment.

    Parameters
    ----------
    sentence : what the figure shows
    payments : id and name of each payment, from top to bottom
    shares : by payment and who (``model``, ``class``): share of physicians whose mean is nearest to
        0, 1, ... 10 services
    marks : by payment and who (``you``, ``class``, ``published``): one mean
    names : words for ``model``, ``class``, ``you``, ``published`` and ``axis``
    """
    theme = style.theme
    n = len(payments)
    figure = canvas(style, height=ROW * n + 34, sentence=sentence, top=8, bottom=40, left=10)
    colors = {"model": theme.status_quo, "class": theme.arms[0]}
    for row, (payment, title) in enumerate(payments):
        axis = "" if row == 0 else str(row + 1)
        top = 1.0 - row / n
        bottom = top - 1.0 / n + 0.06
        groups = [who for who in ("model", "class") if (payment, who) in shares]
        width = 0.8 / max(len(groups), 1)
        peak = max((max(shares[payment, who], default=0.0) for who in groups), default=0.0)
        for i, who in enumerate(groups):
            values = list(shares[payment, who])
            offset = (i - (len(groups) - 1) / 2) * width
            figure.add_bar(
                x=[k + offset for k in range(len(values))],
                y=values,
                width=width * 0.92,
                yaxis=f"y{axis}",
                marker={"color": colors[who], "opacity": 0.55 if who == "model" else 0.9},
                hovertext=[
                    f"{names[who]}: {words.plain(k, 0)} · {words.plain(100 * v, 0)}%"
                    for k, v in enumerate(values)
                ],
                hoverinfo="text",
            )
        tall = max(peak, 0.2)
        figure.update_layout(
            {
                f"yaxis{axis}": quiet_axis(
                    style,
                    domain=[bottom, top - HEAD / (ROW * n)],
                    range=[0.0, tall * 1.95],
                    visible=False,
                )
            }
        )
        figure.add_annotation(
            xref="paper",
            yref="paper",
            x=0,
            y=top,
            xanchor="left",
            yanchor="top",
            text=f"<b>{title}</b>",
            showarrow=False,
            font={"color": theme.ink},
        )
        looks = {
            "published": (theme.ink, "dot"),
            "class": (theme.arms[0], "dash"),
            "you": (theme.arms[1], "solid"),
        }
        lift = 1.12
        for who in ORDER:
            if (payment, who) not in marks:
                continue
            value = marks[payment, who]
            color, dash = looks[who]
            figure.add_scatter(
                x=[value, value],
                y=[0.0, tall * lift],
                yaxis=f"y{axis}",
                mode="lines",
                line={"color": color, "width": 3 if who == "you" else 2, "dash": dash},
                hoverinfo="skip",
            )
            # away from the taller lines of the others, which would cross the name
            others = [marks[payment, w] for w in ORDER[ORDER.index(who) :] if (payment, w) in marks]
            is_lower = max(others) > value + 0.02
            side = "right" if (is_lower and value > EDGE) or value > 10 - EDGE else "left"
            figure.add_annotation(
                x=value,
                y=tall * lift,
                yref=f"y{axis}",
                xanchor=side,
                yanchor="bottom",
                xshift=4 if side == "left" else -4,
                text=f"{names[who]} {words.plain(value, 1)}",
                showarrow=False,
                font={"size": SMALL, "color": theme.ink},
            )
            lift += 0.27
    figure.update_xaxes(
        **quiet_axis(
            style,
            range=[-0.6, 10.6],
            tickvals=list(range(11)),
            anchor=f"y{n}" if n > 1 else "y",
            title={"text": names["axis"], "font": {"size": SMALL, "color": theme.muted}},
        )
    )
    return figure
