"""The canvas every figure is drawn on: fonts, margins, tick marks, looks of the arms.

Knows how a figure of the project looks before any data is on it. Must not know what is drawn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import palette, words
from dashboards.figures.tables import once

FONT = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "PingFang SC", '
    '"Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif'
)
TEXT = 13
SMALL = 12
MARKS = "：，、。；（）"  # no line begins with one of these


@dataclass(frozen=True)
class Style:
    """How a figure is to be read: language, currency and ground."""

    lang: str = "en"
    currency: str = "CNY"
    theme: palette.Theme = field(default=palette.LIGHT)

    def say(self, key: str, **fields: object) -> str:
        """One text in the reader's language."""
        return words.say(self.lang, key, **fields)


@dataclass(frozen=True)
class ArmLook:
    """How one arm looks on every page; the status quo's short name says just that."""

    id: str
    title: str
    short: str
    color: str
    is_status_quo: bool

    @property
    def pale(self) -> str:
        """The color of what may be chance."""
        return palette.translucent(self.color, palette.PALE)

    def keyed(self, text: str) -> str:
        """A label with a dot of the arm's color: the text itself stays as legible as any."""
        return f'<span style="color:{self.color}">●</span> {text}'

    @property
    def flow(self) -> str:
        """The color of money on its way."""
        return palette.translucent(self.color, palette.FLOW)

    @property
    def band(self) -> str:
        """The color of an interval's band."""
        return palette.translucent(self.color, palette.BAND)


def arm_looks(arms: pd.DataFrame, style: Style) -> list[ArmLook]:
    """The arms in their order with title and color.

    Parameters
    ----------
    arms : columns ``arm``, ``title_en``, ``title_zh``, ``is_status_quo``
    """
    quo = [bool(value) for value in arms["is_status_quo"]]
    colors = palette.color_of_arms(quo, style.theme)
    titles = [str(title) for title in arms[f"title_{style.lang}"]]
    today = style.say("status_quo")
    shorts = words.short_titles(
        [title for title, is_quo in zip(titles, quo, strict=True) if not is_quo]
    )
    named = iter(shorts)
    return [
        ArmLook(str(arm), title, today if is_quo else next(named), color, is_quo)
        for arm, title, color, is_quo in zip(arms["arm"], titles, colors, quo, strict=True)
    ]


def outcome_words(outcomes: pd.DataFrame, outcome: str, lang: str) -> dict[str, str]:
    """Label, definition, unit, area and better side of an outcome in one language.

    An outcome missing from the table is named by its identifier.
    """
    row = _outcome_rows(outcomes).get(outcome)
    if row is None:
        name = outcome.replace("_", " ").capitalize()
        return {
            "id": outcome,
            "label": name,
            "definition": "",
            "unit": "",
            "area": "",
            "better": "",
        }
    return {
        "id": outcome,
        "label": str(row[f"label_{lang}"]),
        "definition": str(row[f"definition_{lang}"]),
        "unit": str(row["unit"]),
        "area": str(row["area"]),
        "better": str(row["better"]),
    }


@once
def _outcome_rows(outcomes: pd.DataFrame) -> dict[str, dict[Any, Any]]:
    """The first row of each outcome by its identifier."""
    found: dict[str, dict[Any, Any]] = {}
    for row in outcomes.to_dict("records"):
        found.setdefault(str(row["id"]), row)
    return found


def canvas(
    style: Style,
    *,
    height: int,
    sentence: str,
    left: int = 8,
    right: int = 12,
    top: int = 8,
    bottom: int = 28,
) -> go.Figure:
    """An empty figure in the house style.

    Parameters
    ----------
    height : pixels; the width follows the page
    sentence : what the figure shows, kept in ``layout.meta["sentence"]`` for the page to set as
        the title, since a page wraps and reads out text better than a drawing does
    """
    theme = style.theme
    figure = go.Figure()
    figure.update_layout(
        template="none",
        height=height,
        autosize=True,
        margin={"l": left, "r": right, "t": top, "b": bottom, "pad": 4},
        font={"family": FONT, "size": TEXT, "color": theme.ink},
        paper_bgcolor=theme.surface,
        plot_bgcolor=theme.surface,
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        hoverlabel={
            "bgcolor": theme.surface,
            "bordercolor": theme.muted,
            "font": {"family": FONT, "size": TEXT, "color": theme.ink},
            "align": "left",
        },
        meta={"sentence": sentence},
    )
    return figure


def quiet_axis(style: Style, **options: Any) -> dict[str, Any]:
    """An axis that stays behind the data."""
    theme = style.theme
    axis: dict[str, Any] = {
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "fixedrange": True,
        "tickangle": 0,
        "tickfont": {"size": SMALL, "color": theme.muted},
        "gridcolor": theme.hairline,
        "automargin": True,
    }
    return axis | options


def folded(text: str, longest: int = 15) -> str:
    """A row's name on two lines when it is long, broken at the space nearest its middle.

    Examples
    --------
    >>> folded("Capitation"), folded("Capitation of practices")
    ('Capitation', 'Capitation<br>of practices')
    >>> folded("县域：按项目付费", 6)
    '县域：按<br>项目付费'
    >>> folded("MS-DRG（含高费用极值补偿）")
    'MS-DRG<br>（含高费用极值补偿）'
    """
    places = [i for i, letter in enumerate(text) if letter == " "]
    if len(text) <= longest or not places:
        # Chinese breaks anywhere but before a mark; Latin words stay whole
        middle = math.ceil(len(text) / 2)
        note = text.find("（")
        if len(text) > longest and note > 0:
            return f"{text[:note]}<br>{text[note:]}"
        if len(text) <= longest or not all(ord(letter) > 0x2E80 for letter in text):
            return text
        middle += text[middle] in MARKS
        return f"{text[:middle]}<br>{text[middle:]}"
    cut = min(places, key=lambda i: abs(i - len(text) / 2))
    return f"{text[:cut]}<br>{text[cut + 1 :]}"


def breadth(text: str) -> int:
    """About how many pixels small text takes; tags are not counted, the longest line counts.

    Examples
    --------
    >>> breadth("DRG"), breadth("按病种付费"), breadth("<b>One</b><br>longer")
    (20, 65, 40)
    """
    lines = re.sub(r"<(?!br)[^>]*>", "", text).split("<br>")
    # a Chinese character is about twice as wide as a Latin letter
    widths = [sum(13.0 if ord(letter) > 0x2E80 else 6.6 for letter in line) for line in lines]
    return math.ceil(max(widths))


def axis_title(text: str, style: Style) -> dict[str, Any]:
    """What an axis shows, on two lines where a telephone's width would cut it."""
    longest = 17 if style.lang == "zh" else 30
    return {
        "text": folded(text, longest),
        "font": {"size": SMALL, "color": style.theme.muted},
        "standoff": 6,
    }


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers between two ends, at most about ``count`` of them.

    Examples
    --------
    >>> nice_ticks(-7.3, 2.1)
    [-5.0, 0.0]
    >>> nice_ticks(0, 1, 5)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low] if math.isfinite(low) else []
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart until neighbors are ``gap`` apart, as little and as fairly as can be.

    Labels keep their order; a cluster is centered on the mean of what it labels and kept
    between ``low`` and ``high`` while it fits.

    Examples
    --------
    >>> spread([10.0, 10.0], 4.0, 0.0, 100.0)
    [8.0, 12.0]
    """
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    clusters: list[list[int]] = []
    centers: list[float] = []

    def place(members: list[int]) -> float:
        half = gap * (len(members) - 1) / 2
        center = sum(positions[i] for i in members) / len(members)
        return min(max(center, low + half), max(high - half, low + half))

    for index in order:
        clusters.append([index])
        centers.append(place([index]))
        while len(clusters) > 1:
            upper = centers[-2] + gap * (len(clusters[-2]) - 1) / 2
            lower = centers[-1] - gap * (len(clusters[-1]) - 1) / 2
            if lower - upper >= gap - 1e-9:
                break
            merged = clusters[-2] + clusters[-1]
            clusters[-2:] = [merged]
            centers[-2:] = [place(merged)]
    placed = [0.0] * len(positions)
    for members, center in zip(clusters, centers, strict=True):
        for rank, index in enumerate(members):
            placed[index] = center + gap * (rank - (len(members) - 1) / 2)
    return placed


def mark_reform(figure: go.Figure, style: Style) -> None:
    """The line between the last month before a reform and its first, month 0."""
    figure.add_shape(
        type="line",
        x0=-0.5,
        x1=-0.5,
        y0=0,
        y1=1,
        yref="paper",
        line={"color": style.theme.ink, "width": 1.2, "dash": "dot"},
    )
    figure.add_annotation(
        x=-0.5,
        y=1,
        yref="paper",
        yanchor="bottom",
        xanchor="center",
        text=style.say("reform"),
        showarrow=False,
        font={"size": SMALL, "color": style.theme.ink},
    )


def name_ends(
    figure: go.Figure,
    labels: Sequence[tuple[str, float]],
    x: float,
    low: float,
    high: float,
    style: Style,
    height: int,
) -> None:
    """Names at the ends of lines, moved apart where they would cover each other.

    The margin on the right is made as wide as the longest name.

    Parameters
    ----------
    labels : text and last value of every line
    x : where the lines end
    low, high : ends of the axis of values
    height : of the plot, pixels
    """
    pixels = [(value - low) / (high - low) * height for _, value in labels]
    gap = 16.0 if not any("<br>" in text for text, _ in labels) else 32.0
    room = max((breadth(text) for text, _ in labels), default=0)
    figure.update_layout(margin={"r": room + 18})
    for (text, value), pixel, placed in zip(
        labels, pixels, spread(pixels, gap, 6.0, height - 6.0), strict=True
    ):
        figure.add_annotation(
            x=x,
            y=value,
            yshift=placed - pixel,
            xshift=8,
            xanchor="left",
            text=text,
            showarrow=False,
            align="left",
            font={"size": SMALL, "color": style.theme.ink},
        )
