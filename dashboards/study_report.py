"""The report of a study of sensitivity: which numbers decide, how sure that is, are runs enough.

Knows the tables of an analysis and the figures drawn from them; writes one file that opens
anywhere, offline, from the same parts as the report of a comparison. Must not know runs, stores
or the Dash app.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards import study_rows as rows_of
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
from dashboards.page_parts import Page, text_of

__all__ = ["OutcomeStudy", "StudyTables", "as_json", "study_html", "write_study_report"]


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
class StudyTables:
    """Everything a study's report is written from.

    Attributes
    ----------
    title_en, title_zh : the question
    studies : one per outcome, in the order to show
    outcomes : id, area, unit, better, label_en, label_zh, definition_en, definition_zh
    n_draws, n_replicates : points and seeds
    months_before : months of the run before the reform, for the mark in courses
    currency : ISO code
    provenance : shown as given; ``command`` reproduces the report
    """

    title_en: str
    title_zh: str
    studies: Sequence[OutcomeStudy]
    outcomes: pd.DataFrame
    n_draws: int
    n_replicates: int
    months_before: int = 0
    currency: str = "CNY"
    provenance: Mapping[str, Any] = field(default_factory=dict)


def write_study_report(tables: StudyTables, path: str | Path, lang: str = "en") -> Path:
    """Write a study's report as one HTML file that opens anywhere, offline.

    Raises
    ------
    ValueError
        If there is no catalogue in that language.
    """
    target = Path(path)
    target.write_text(study_html(tables, lang), encoding="utf-8")
    return target


def study_html(tables: StudyTables, lang: str = "en") -> str:
    """The report's HTML text; see :func:`write_study_report`."""
    words.catalogue(lang)
    return _Study(tables, Style(lang, tables.currency)).html()


class _Study(Page):
    """One report being written."""

    def __init__(self, tables: StudyTables, style: Style) -> None:
        super().__init__(style)
        self.tables = tables

    def sentence(self, study: OutcomeStudy) -> str:
        return reading.who_decides(
            study.verdicts,
            self.tables.outcomes,
            study.outcome,
            self.style,
            study.kind,
            is_difference=study.is_difference,
        )

    def card(self, name: str, drawing: go.Figure, kicker: str, table: str) -> str:
        return self.figure(name, drawing, kicker=kicker, table=table)

    def matters(self, study: OutcomeStudy) -> str:
        style, tables = self.style, self.tables
        about = outcome_words(tables.outcomes, study.outcome, style.lang)
        method = study.label_en if style.lang == "en" else study.label_zh
        if study.method in ("morris", "radial_ee"):
            drawing = elementary.elementary_plane(
                study.table, study.verdicts, tables.outcomes, study.outcome, style
            )
        else:
            drawing = influence.influence_bars(
                study.table,
                study.verdicts,
                tables.outcomes,
                study.outcome,
                style,
                index=study.index,
                kind=study.kind,
                is_difference=study.is_difference,
            )
        listed = self.table(
            rows_of.columns(style, "factor", "index", "value", "interval"),
            rows_of.index_rows(study.table, study.kind, about["unit"], style),
            about["label"],
        )
        cards = [self.card(f"influence-{study.outcome}", drawing, method, listed)]
        cards.append(
            self.card(
                f"tornado-{study.outcome}",
                tornado.tornado(study.swings, tables.outcomes, study.outcome, style),
                style.say(
                    "with_unit",
                    label=about["label"],
                    unit=words.unit_label(about["unit"], style.lang, style.currency),
                )
                if about["unit"]
                else about["label"],
                self.table(
                    rows_of.columns(style, "factor", "end", "at", "value", "interval"),
                    rows_of.swing_rows(study.swings, about["unit"], style),
                    about["label"],
                ),
            )
        )
        if len(study.pairs):
            cards.append(
                self.card(
                    f"pairs-{study.outcome}",
                    influence.pairs_map(study.pairs, study.verdicts, style),
                    style.say("influence.pairs_kicker"),
                    self.table(
                        rows_of.columns(style, "pair", "value", "interval"),
                        rows_of.pair_rows(study.pairs, study.verdicts, style),
                        about["label"],
                    ),
                )
            )
        if study.months is not None:
            cards.append(
                self.card(
                    f"months-{study.outcome}",
                    influence_by_month.influence_by_month(
                        study.months,
                        tables.outcomes,
                        study.outcome,
                        tables.months_before,
                        style,
                        kind=study.kind,
                    ),
                    style.say("influence.months_kicker"),
                    self.table(
                        rows_of.columns(style, "month", "factor", "index", "value", "interval"),
                        rows_of.month_rows(
                            study.months, study.index, study.kind, about["unit"], style
                        ),
                        about["label"],
                    ),
                )
            )
        notes = "".join(
            f'<p class="quiet">{self.say(f"influence.note.{name}")}</p>' for name in study.notes
        )
        return (
            f'<div class="panel"><h3>{text_of(about["label"])}</h3>'
            f'<div class="grid two">{"".join(cards)}</div>{notes}</div>'
        )

    def sure(self, study: OutcomeStudy) -> str:
        style = self.style
        about = outcome_words(self.tables.outcomes, study.outcome, style.lang)
        cards = []
        if study.growth is not None:
            drawing = settling.settling(
                study.growth,
                style,
                widest=study.widest,
                change=study.change,
                is_enough=study.is_enough,
                n_needed=study.n_needed,
                kind=study.kind,
            )
            cards.append(
                self.card(
                    f"settling-{study.outcome}",
                    drawing,
                    about["label"],
                    self.table(
                        rows_of.columns(style, "runs", "factor", "index", "value", "interval"),
                        rows_of.growth_rows(
                            study.growth, study.index, study.kind, about["unit"], style
                        ),
                        about["label"],
                    ),
                )
            )
        if study.shares is not None:
            cards.append(
                self.card(
                    f"seed-{study.outcome}",
                    chance.seed_shares(study.shares, about["label"], style),
                    about["label"],
                    self.table(
                        rows_of.columns(style, "source", "value", "interval"),
                        rows_of.share_rows(study.shares, style),
                        about["label"],
                    ),
                )
            )
        return "".join(cards)

    def header(self) -> str:
        """The question, and how many runs answer it."""
        tables = self.tables
        title = tables.title_en if self.lang == "en" else tables.title_zh
        intro = self.say(
            "influence.intro",
            draws=words.count(float(tables.n_draws), self.lang),
            replicates=tables.n_replicates,
        )
        return (
            f'<header><p class="brand">Payshift</p><h1>{text_of(title)}</h1>'
            f'<p class="intro">{intro}</p></header>'
        )

    def html(self) -> str:
        """The whole page."""
        tables = self.tables
        answers = "".join(f"<p>{text_of(self.sentence(study))}</p>" for study in tables.studies)
        sure = "".join(self.sure(study) for study in tables.studies)
        parts = {
            "answer": self.section("answer", "", f'<div class="headline">{answers}</div>'),
            "matters": self.section(
                "matters", "lead.matters", *(self.matters(study) for study in tables.studies)
            ),
            "enough": self.section(
                "enough",
                "lead.enough",
                f'<div class="grid two">{sure}</div>' if sure else self.empty("empty.enough"),
            ),
            "provenance": self.given(tables.provenance),
        }
        title = tables.title_en if self.lang == "en" else tables.title_zh
        return self.document(text_of(title), self.header(), list(parts), "".join(parts.values()))


def as_json(tables: StudyTables, lang: str) -> list[dict[str, Any]]:
    """The study for machines: one object per outcome, the sentence included."""
    page = _Study(tables, Style(lang, tables.currency))

    def rows(frame: pd.DataFrame | None) -> list[dict[str, Any]]:
        if frame is None:
            return []
        found: list[dict[str, Any]] = json.loads(frame.to_json(orient="records"))
        return found

    return [
        {
            "id": study.outcome,
            "label": outcome_words(tables.outcomes, study.outcome, lang)["label"],
            "is_difference": study.is_difference,
            "method": study.method,
            "index": study.index,
            "sentence": page.sentence(study),
            "indices": rows(study.table),
            "pairs": rows(study.pairs),
            "verdicts": rows(study.verdicts),
            "swings": rows(study.swings),
            "seed": rows(study.shares),
            "convergence": {
                "is_enough": study.is_enough,
                "widest": study.widest,
                "change": study.change,
                "n_needed": study.n_needed,
                "steps": rows(study.growth),
            },
            "months": rows(study.months),
            "notes": list(study.notes),
        }
        for study in tables.studies
    ]
