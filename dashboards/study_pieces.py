"""What a sensitivity study found about one outcome, piece by piece: a drawing, and what is behind.

Knows tables of an analysis, the figures drawn from them and how a reader is told a number. Must not
know pages, reports or how an index was found: a page and a report show the same pieces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import (
    chance,
    elementary,
    influence,
    influence_by_month,
    reading,
    settling,
    tornado,
    words,
)
from dashboards.figures.canvas import Style, outcome_words

__all__ = ["OutcomeStudy", "Piece", "by_chance", "by_month", "settled", "what_matters"]

Rows = list[list[str]]


@dataclass(frozen=True)
class OutcomeStudy:
    """All that was found about one outcome.

    Attributes
    ----------
    outcome : id
    is_difference : whether it is the effect of a reform on the outcome
    method, label_en, label_zh : id and names of the method
    index, kind : the index ranked, and what it counts (``variance``, ``distance``, ``effect``)
    table, pairs, verdicts, swings : as in :class:`experiments.sensitivity.Indices`
    notes : ids of what belongs beside the numbers
    growth : `n_draws`, `factor`, `label_en`, `label_zh`, `value`, `low`, `high`, or None
    widest, change, is_enough, n_needed : what convergence says
    shares : `source`, `share`, `low`, `high`, or None with one replicate
    months : `month`, `factor`, `label_en`, `label_zh`, `value`, `low`, `high`, or None
    """

    outcome: str
    is_difference: bool
    method: str
    label_en: str
    label_zh: str
    index: str
    kind: str
    table: pd.DataFrame
    pairs: pd.DataFrame
    verdicts: pd.DataFrame
    swings: pd.DataFrame
    notes: tuple[str, ...] = ()
    growth: pd.DataFrame | None = None
    widest: float = math.inf
    change: float = math.inf
    is_enough: bool = False
    n_needed: int = 0
    shares: pd.DataFrame | None = None
    months: pd.DataFrame | None = None


@dataclass(frozen=True)
class Piece:
    """One drawing and the numbers behind it.

    Attributes
    ----------
    name : ``influence``, ``tornado``, ``pairs``, ``months``, ``settling`` or ``seed``
    drawing : the figure
    kicker : line above it
    columns, rows : table of the numbers
    """

    name: str
    drawing: go.Figure
    kicker: str
    columns: list[str]
    rows: Rows


def what_matters(study: OutcomeStudy, outcomes: pd.DataFrame, style: Style) -> list[Piece]:
    """Indices, what moves from end to end of each factor, and pairs.

    Parameters
    ----------
    study : what was found
    outcomes : words of the registry's outcomes
    style : reader's language, currency
    """
    about = outcome_words(outcomes, study.outcome, style.lang)
    unit = about["unit"]
    if study.method in ("morris", "radial_ee"):
        drawing = elementary.elementary_plane(
            study.table, study.verdicts, outcomes, study.outcome, style
        )
    else:
        drawing = influence.influence_bars(
            study.table,
            study.verdicts,
            outcomes,
            study.outcome,
            style,
            index=study.index,
            kind=study.kind,
            is_difference=study.is_difference,
        )
    pieces = [
        Piece(
            "influence",
            drawing,
            study.label_en if style.lang == "en" else study.label_zh,
            _columns(style, "factor", "index", "value", "interval"),
            _index_rows(study.table, study.kind, unit, style),
        ),
        Piece(
            "tornado",
            tornado.tornado(study.swings, outcomes, study.outcome, style),
            style.say(
                "with_unit",
                label=about["label"],
                unit=words.unit_label(unit, style.lang, style.currency),
            )
            if unit
            else about["label"],
            _columns(style, "factor", "end", "at", "value", "interval"),
            _swing_rows(study.swings, unit, style),
        ),
    ]
    if len(study.pairs):
        pieces.append(
            Piece(
                "pairs",
                influence.pairs_map(study.pairs, study.verdicts, style),
                style.say("influence.pairs_kicker"),
                _columns(style, "pair", "value", "interval"),
                _pair_rows(study.pairs, study.verdicts, style),
            )
        )
    return pieces


def by_month(
    study: OutcomeStudy, outcomes: pd.DataFrame, months_before: int, style: Style
) -> list[Piece]:
    """What decides in which month; nothing where the study has no months."""
    if study.months is None:
        return []
    unit = outcome_words(outcomes, study.outcome, style.lang)["unit"]
    return [
        Piece(
            "months",
            influence_by_month.influence_by_month(
                study.months, outcomes, study.outcome, months_before, style, kind=study.kind
            ),
            style.say("influence.months_kicker"),
            _columns(style, "month", "factor", "index", "value", "interval"),
            _month_rows(study.months, study.index, study.kind, unit, style),
        )
    ]


def settled(study: OutcomeStudy, outcomes: pd.DataFrame, style: Style) -> list[Piece]:
    """How the indices settle as runs are added; nothing where a sample cannot be made smaller."""
    if study.growth is None:
        return []
    about = outcome_words(outcomes, study.outcome, style.lang)
    return [
        Piece(
            "settling",
            settling.settling(
                study.growth,
                style,
                widest=study.widest,
                change=study.change,
                is_enough=study.is_enough,
                n_needed=study.n_needed,
                kind=study.kind,
            ),
            about["label"],
            _columns(style, "runs", "factor", "index", "value", "interval"),
            _growth_rows(study.growth, study.index, study.kind, about["unit"], style),
        )
    ]


def by_chance(study: OutcomeStudy, outcomes: pd.DataFrame, style: Style) -> list[Piece]:
    """How much of what differs is the seed's; nothing with one replicate."""
    if study.shares is None:
        return []
    label = outcome_words(outcomes, study.outcome, style.lang)["label"]
    return [
        Piece(
            "seed",
            chance.seed_shares(study.shares, label, style),
            label,
            _columns(style, "source", "value", "interval"),
            _share_rows(study.shares, style),
        )
    ]


def _columns(style: Style, *names: str) -> list[str]:
    """Heads of columns."""
    return [style.say(f"influence.col.{name}") for name in names]


def _number(value: float, kind: str, unit: str, style: Style) -> str:
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
    ends = {end: _number(value, kind, unit, style) for end, value in (("low", low), ("high", high))}
    return style.say("interval", **ends)


def _index_rows(table: pd.DataFrame, kind: str, unit: str, style: Style) -> Rows:
    """Factor, index, value, interval."""
    found = []
    for _, row in table.iterrows():
        value, low, high = (float(row[key]) for key in ("value", "low", "high"))
        found.append(
            [
                reading.factor_label(row, style),
                words.label(style.lang, "influence.index", str(row["index"])),
                _number(value, kind, unit, style),
                _interval(low, high, kind, unit, style),
            ]
        )
    return found


def _swing_rows(swings: pd.DataFrame, unit: str, style: Style) -> Rows:
    """Factor, end of its range, where that is, the outcome's difference there, interval."""
    return [
        [
            reading.factor_label(row, style),
            style.say(f"influence.end.{row['end']}"),
            words.plain(float(row["at"])),
            _number(float(row["value"]), "effect", unit, style),
            _interval(float(row["low"]), float(row["high"]), "effect", unit, style),
        ]
        for _, row in swings.iterrows()
    ]


def _pair_rows(pairs: pd.DataFrame, verdicts: pd.DataFrame, style: Style) -> Rows:
    """Pair, share beyond each alone, interval."""
    labels = {
        str(row["factor"]): reading.factor_label(row, style) for _, row in verdicts.iterrows()
    }
    return [
        [
            f"{labels[str(row['first'])]} × {labels[str(row['second'])]}",
            _number(float(row["value"]), "variance", "", style),
            _interval(float(row["low"]), float(row["high"]), "variance", "", style),
        ]
        for row in pairs.to_dict("records")
    ]


def _month_rows(months: pd.DataFrame, index: str, kind: str, unit: str, style: Style) -> Rows:
    """Month, factor, index, value, interval; months without a value are left out."""
    known = months.dropna(subset=["value"]).assign(index=index)
    return [
        [words.plain(float(month), 0), *cells]
        for month, cells in zip(known["month"], _index_rows(known, kind, unit, style), strict=True)
    ]


def _growth_rows(growth: pd.DataFrame, index: str, kind: str, unit: str, style: Style) -> Rows:
    """Draws, factor, index, value, interval."""
    return [
        [words.count(float(n), style.lang), *cells]
        for n, cells in zip(
            growth["n_draws"],
            _index_rows(growth.assign(index=index), kind, unit, style),
            strict=True,
        )
    ]


def _share_rows(shares: pd.DataFrame, style: Style) -> Rows:
    """Source of the variance, share, interval."""
    return [
        [
            style.say(f"influence.source.{row['source']}"),
            _number(float(row["share"]), "variance", "", style),
            _interval(float(row["low"]), float(row["high"]), "variance", "", style),
        ]
        for row in shares.to_dict("records")
    ]
