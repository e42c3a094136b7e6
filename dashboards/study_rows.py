"""The numbers behind the figures of a sensitivity study, as rows of a table that is read.

Knows tables of an analysis and how a reader is told a number. Must not know pages, reports or how
an index was found.
"""

from __future__ import annotations

import math

import pandas as pd

from dashboards.figures import reading, words
from dashboards.figures.canvas import Style

__all__ = [
    "columns",
    "growth_rows",
    "index_rows",
    "month_rows",
    "number",
    "pair_rows",
    "share_rows",
    "swing_rows",
]

Rows = list[list[str]]


def columns(style: Style, *names: str) -> list[str]:
    """Heads of columns."""
    return [style.say(f"influence.col.{name}") for name in names]


def number(value: float, kind: str, unit: str, style: Style) -> str:
    """An index as a reader is told it: a share, a distance, or an amount of the outcome.

    Parameters
    ----------
    kind : ``variance``, ``distance`` or ``effect``
    unit : the outcome's
    """
    if kind == "variance":
        return f"{words.plain(100 * value, 1)}%"
    if kind == "distance":
        return words.plain(value, 3)
    return words.level(value, unit, style.lang, style.currency)


def _interval(low: float, high: float, kind: str, unit: str, style: Style) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    ends = {end: number(value, kind, unit, style) for end, value in (("low", low), ("high", high))}
    return style.say("interval", **ends)


def index_rows(table: pd.DataFrame, kind: str, unit: str, style: Style) -> Rows:
    """Factor, index, value, interval."""
    found = []
    for _, row in table.iterrows():
        value, low, high = (float(row[key]) for key in ("value", "low", "high"))
        found.append(
            [
                reading.factor_label(row, style),
                words.label(style.lang, "influence.index", str(row["index"])),
                number(value, kind, unit, style),
                _interval(low, high, kind, unit, style),
            ]
        )
    return found


def swing_rows(swings: pd.DataFrame, unit: str, style: Style) -> Rows:
    """Factor, end of its range, where that is, the outcome's difference there, interval."""
    return [
        [
            reading.factor_label(row, style),
            style.say(f"influence.end.{row['end']}"),
            words.plain(float(row["at"])),
            number(float(row["value"]), "effect", unit, style),
            _interval(float(row["low"]), float(row["high"]), "effect", unit, style),
        ]
        for _, row in swings.iterrows()
    ]


def pair_rows(pairs: pd.DataFrame, verdicts: pd.DataFrame, style: Style) -> Rows:
    """Pair, share beyond each alone, interval."""
    labels = {
        str(row["factor"]): reading.factor_label(row, style) for _, row in verdicts.iterrows()
    }
    return [
        [
            f"{labels[str(row['first'])]} × {labels[str(row['second'])]}",
            number(float(row["value"]), "variance", "", style),
            _interval(float(row["low"]), float(row["high"]), "variance", "", style),
        ]
        for row in pairs.to_dict("records")
    ]


def month_rows(months: pd.DataFrame, index: str, kind: str, unit: str, style: Style) -> Rows:
    """Month, factor, index, value, interval; months without a value are left out."""
    known = months.dropna(subset=["value"]).assign(index=index)
    return [
        [words.plain(float(month), 0), *cells]
        for month, cells in zip(known["month"], index_rows(known, kind, unit, style), strict=True)
    ]


def growth_rows(growth: pd.DataFrame, index: str, kind: str, unit: str, style: Style) -> Rows:
    """Draws, factor, index, value, interval."""
    return [
        [words.count(float(n), style.lang), *cells]
        for n, cells in zip(
            growth["n_draws"],
            index_rows(growth.assign(index=index), kind, unit, style),
            strict=True,
        )
    ]


def share_rows(shares: pd.DataFrame, style: Style) -> Rows:
    """Source of the variance, share, interval."""
    return [
        [
            style.say(f"influence.source.{row['source']}"),
            number(float(row["share"]), "variance", "", style),
            _interval(float(row["low"]), float(row["high"]), "variance", "", style),
        ]
        for row in shares.to_dict("records")
    ]
