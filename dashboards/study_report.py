"""The report of a study of sensitivity: which numbers decide, how sure that is, are runs enough.

Knows the tables of an analysis and the figures drawn from them; writes one file that opens
anywhere, offline, from the same parts as the report of a comparison. Must not know runs, stores
or the Dash app.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dashboards.figures import reading, words
from dashboards.figures.canvas import Style, outcome_words
from dashboards.page_parts import Page, text_of
from dashboards.study_pieces import (
    OutcomeStudy,
    Piece,
    by_chance,
    by_month,
    settled,
    what_matters,
)

__all__ = ["StudyTables", "as_json", "study_html", "write_study_report"]


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

    def cards(self, study: OutcomeStudy, pieces: Sequence[Piece]) -> str:
        """Pieces of a study with the numbers behind them."""
        about = outcome_words(self.tables.outcomes, study.outcome, self.lang)
        return "".join(
            self.figure(
                f"{piece.name}-{study.outcome}",
                piece.drawing,
                kicker=piece.kicker,
                table=self.table(piece.columns, piece.rows, about["label"]),
            )
            for piece in pieces
        )

    def matters(self, study: OutcomeStudy) -> str:
        """What matters, and when."""
        outcomes, style = self.tables.outcomes, self.style
        pieces = what_matters(study, outcomes, style)
        pieces += by_month(study, outcomes, self.tables.months_before, style)
        notes = "".join(
            f'<p class="quiet">{self.say(f"influence.note.{name}")}</p>' for name in study.notes
        )
        about = outcome_words(outcomes, study.outcome, self.lang)
        return (
            f'<div class="panel"><h3>{text_of(about["label"])}</h3>'
            f'<div class="grid two">{self.cards(study, pieces)}</div>{notes}</div>'
        )

    def sure(self, study: OutcomeStudy) -> str:
        """Whether the runs are enough, and how much is chance."""
        outcomes = self.tables.outcomes
        return self.cards(
            study,
            settled(study, outcomes, self.style) + by_chance(study, outcomes, self.style),
        )

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
