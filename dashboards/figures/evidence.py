"""Published findings and the model side by side: a forest in which every row has its own band.

Knows rows of the record of evidence as a table. Must not know how anything was simulated.
"""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import palette, words
from dashboards.figures.canvas import SMALL, Style, canvas, quiet_axis

__all__ = ["evidence_figure", "numbers_of", "verdict_sentence"]

ROW, ROW_NARROW = 46, 52
REACH = 3.0
"""Half-widths of the band that are drawn to either side; what lies beyond is an arrow."""
LONGEST = {"en": 38, "zh": 18}
LONGEST_NARROW = {"en": 22, "zh": 13}
"""Letters of a line of a row's name, on a screen and on a telephone."""
LONGEST_UNIT = {"en": 24, "zh": 12}
TINY = SMALL - 2
OPENING, CLOSING = "（《“", "），。；：、？！》”"
SYMBOLS = {"hit": "circle", "near": "circle-open", "miss": "x"}


def numbers_of(row: pd.Series) -> dict[str, str]:
    """Numbers of a row as texts: published, band, model, interval."""

    def pair(low: str, high: str) -> str:
        ends = [float(row[low]), float(row[high])]
        return " … ".join(map(words.three_digits, ends)) if all(map(math.isfinite, ends)) else "–"

    return {
        "published": words.three_digits(float(row["published"])),
        "band": pair("band_low", "band_high"),
        "model": words.three_digits(float(row["simulated"])),
        "interval": pair("low", "high"),
    }


def verdict_sentence(rows: pd.DataFrame, style: Style) -> str:
    """How many of some rows are hit, near, missed."""
    done = rows[rows["light"] != "none"]
    if done.empty:
        return style.say("evidence.none_of_these")
    counts = {light: int((done["light"] == light).sum()) for light in ("hit", "near", "miss")}
    return style.say("evidence.sentence", n=len(done), **counts)


def evidence_figure(rows: pd.DataFrame, style: Style, *, narrow: bool = False) -> go.Figure:
    """Every row on a scale of its own band: the gray bar is the band, the diamond the publication.

    Parameters
    ----------
    rows : columns of the record of evidence, one row for each number; those without a simulated
        number are left out
    narrow : without the numbers beside the rows

    Notes
    -----
    Rows have different units, so each is drawn in half-widths of its band. The model's dot is
    filled inside the band, hollow where it is near, a cross where it misses.
    """
    theme = style.theme
    shown = rows[rows["light"] != "none"]
    n = len(shown)
    figure = canvas(
        style,
        height=(ROW_NARROW if narrow else ROW) * max(n, 1) + (102 if narrow else 70),
        sentence=verdict_sentence(rows, style),
        left=8,
        right=12 if narrow else 160,
        top=64 if narrow else 32,
        bottom=30,
    )
    # Plotly checks all of a list whenever one is added, so lists are given whole.
    bands: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for place, (_, row) in enumerate(shown.iterrows()):
        y = n - 1 - place
        low, high = float(row["band_low"]), float(row["band_high"])
        half = 0.5 * (high - low) or 1.0
        middle = 0.5 * (high + low)
        texts = numbers_of(row)

        def at(value: float, middle: float = middle, half: float = half) -> float:
            return (value - middle) / half

        bands.append(
            {
                "type": "rect",
                "x0": -1,
                "x1": 1,
                "y0": y - 0.2,
                "y1": y + 0.2,
                "layer": "below",
                "line": {"width": 0},
                "fillcolor": theme.hairline,
            }
        )
        hover = style.say(
            "evidence.hover",
            label=str(row[f"label_{style.lang}"]),
            unit=words.unit_label(str(row["unit"]), style.lang, style.currency),
            **texts,
        )
        published = at(float(row["published"]))
        if math.isfinite(published):
            marks.append(_point(published, y, "diamond-open", theme.muted, 11, hover))
        color = theme.arms[0] if row["light"] == "hit" else theme.arms[1]
        ends = [at(float(row["low"])), at(float(row["high"]))]
        if all(map(math.isfinite, ends)):
            marks.append(
                {
                    "type": "scatter",
                    "x": [max(min(x, REACH), -REACH) for x in ends],
                    "y": [y, y],
                    "mode": "lines",
                    "line": {"color": palette.translucent(color, palette.PALE), "width": 5},
                    "hoverinfo": "skip",
                }
            )
        symbol = SYMBOLS[str(row["light"])]
        marks.append(_point(at(float(row["simulated"])), y, symbol, color, 12, hover))
        if not narrow:
            notes.append(
                {
                    "x": 1,
                    "xref": "paper",
                    "y": y,
                    "xanchor": "left",
                    "xshift": 10,
                    "showarrow": False,
                    "align": "left",
                    "text": f"{texts['published']} → <b>{texts['model']}</b>{_unit_of(row, style)}",
                    "font": {"size": SMALL, "color": theme.ink},
                }
            )
    figure.add_traces(marks)
    figure.update_layout(shapes=bands, annotations=notes)
    _axes(figure, shown, style, narrow)
    return figure


def _unit_of(row: pd.Series, style: Style) -> str:
    """What the numbers beside a row count: a percent sign, else a line below them."""
    unit = words.unit_label(str(row["unit"]), style.lang, style.currency)
    if unit == "%":
        return unit
    told = _folded(unit, LONGEST_UNIT[style.lang])
    return f'<br><span style="font-size:{TINY}px">{told}</span>'


def _point(x: float, y: float, symbol: str, color: str, size: int, hover: str) -> dict[str, Any]:
    """One mark; an arrow at the edge where it lies beyond."""
    is_beyond = abs(x) > REACH
    return {
        "type": "scatter",
        "x": [max(min(x, REACH), -REACH)],
        "y": [y],
        "mode": "markers",
        "cliponaxis": False,  # those at the edge are shown whole
        "marker": {
            "symbol": ("triangle-right" if x > 0 else "triangle-left") if is_beyond else symbol,
            "size": size,
            "color": color,
            "line": {"width": 2, "color": color},
        },
        "hovertext": [hover],
        "hoverinfo": "text",
    }


def _axes(figure: go.Figure, shown: pd.DataFrame, style: Style, narrow: bool) -> None:
    """Names of the rows and of the ends of the band, and what the marks mean."""
    theme = style.theme
    labels = [
        _folded(
            f"{row['id']} {row[f'label_{style.lang}']}",
            (LONGEST_NARROW if narrow else LONGEST)[style.lang],
        )
        for _, row in shown.iterrows()
    ]
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[-0.7, len(labels) - 0.3],
            tickvals=list(range(len(labels))),
            ticktext=labels[::-1],
            tickfont={"size": SMALL, "color": theme.ink},
        )
    )
    figure.update_xaxes(
        **quiet_axis(
            style,
            range=[-REACH - 0.2, REACH + 0.2],
            # on a telephone the two would cover each other; the key names the band as well
            tickvals=[] if narrow else [-1, 1],
            ticktext=[]
            if narrow
            else [style.say("evidence.band_low"), style.say("evidence.band_high")],
        )
    )
    figure.add_annotation(
        xref="paper", yref="paper", x=1 if narrow else 0, y=1, yanchor="bottom", yshift=6,
        xanchor="right" if narrow else "left", align="right" if narrow else "left",
        text=_key(style, narrow), showarrow=False, font={"size": SMALL, "color": theme.muted},
    )  # fmt: skip


def _key(style: Style, narrow: bool) -> str:
    """What the marks mean, on three lines where there is little room."""
    marks = [style.say(f"evidence.key_{n}") for n in ("published", "hit", "near", "miss", "band")]
    if not narrow:
        return "   ".join(marks)
    return "<br>".join("  ".join(marks[i : i + 2]) for i in (0, 2, 4))


def _folded(text: str, longest: int) -> str:
    """A name in three lines at most, about as long as each other, each whole in itself.

    Examples
    --------
    >>> _folded("C6 Visits per person-year", 38), _folded("C5 Length of stay, Medicare", 18)
    ('C6 Visits per person-year', 'C5 Length of<br>stay, Medicare')
    >>> _folded("C1 按服务收费下每位患者的平均服务量", 18)
    'C1 按服务收费下每<br>位患者的平均服务量'
    """
    # Chinese breaks between any two characters, Latin words and numbers stay whole.
    parts = re.findall(r"[^\s\u2e80-\uffff]+\s*|[\u2e80-\uffff]\s*", text)
    lines = min(3, max(1, math.ceil(len(text) / longest)))
    most = math.ceil(len(text) / lines)
    found = [""]
    for part in parts:
        is_full = len(found[-1]) + len(part.strip()) / 2 > most and len(found) < lines
        if is_full and found[-1] and part.strip() not in CLOSING:
            # no line ends with an opening mark or begins with a closing one
            opening = found[-1][-1] if found[-1][-1] in OPENING else ""
            found[-1] = found[-1].removesuffix(opening) if opening else found[-1]
            found.append(opening)
        found[-1] += part
    return "<br>".join(line.strip() for line in found)
