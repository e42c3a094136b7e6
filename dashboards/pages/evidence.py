"""Evidence: what studies published beside what the model gives.

Knows the record of evidence and how it is read; must not know how anything was simulated.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import dash
import pandas as pd
from dash import html

from dashboards import components as parts
from dashboards.figures import words
from dashboards.figures.evidence import evidence_figure, numbers_of, verdict_sentence
from dashboards.page import Page, Services, Visit
from dashboards.texts import Reader
from experiments.evidence.record import PACKAGED, read_record
from sim.errors import PayshiftError

__all__ = ["PAGE"]

GROUPS: Final = (("unseen", ("unseen", "demonstration")), ("fit", ("fit",)), ("rule", ("rule",)))
"""Parts of the page and the uses of findings in each."""


def _table(rows: pd.DataFrame, reader: Reader, caption: str) -> Any:
    columns = [
        reader.say(f"evidence_col_{name}")
        for name in ("id", "what", "published", "band", "model", "interval", "runs", "verdict")
    ]
    cells = []
    for _, row in rows.iterrows():
        texts = numbers_of(row)
        label = str(row[f"label_{reader.lang}"])
        unit = words.unit_label(str(row["unit"]), reader.lang, "USD") if row["unit"] else ""
        cells.append(
            [
                row["id"],
                reader.say("evidence_with_unit", label=label, unit=unit) if unit else label,
                texts["published"],
                texts["band"],
                texts["model"],
                texts["interval"],
                f"{row['seeds']} × {row['people']:,}" if row["seeds"] else "–",
                reader.say(f"evidence_light_{row['light']}"),
            ]
        )
    return parts.table(columns, cells, caption, css="words")


def _reasons(rows: pd.DataFrame, reader: Reader) -> list[Any]:
    """Why something is missing or missed, once for each reason of a finding."""
    told: dict[tuple[str, str], list[str]] = {}
    for _, row in rows.iterrows():
        reason = str(row[f"reason_{reader.lang}"])
        if reason and row["light"] != "hit":
            told.setdefault((str(row["id"]), reason), []).append(str(row[f"label_{reader.lang}"]))
    if not told:
        return []
    items = [
        html.Li(
            [
                html.Strong(f"{name} {', '.join(labels[:3])}{'…' if len(labels) > 3 else ''}: "),
                reason,
            ]
        )
        for (name, reason), labels in told.items()
    ]
    return [html.H3(reader.say("evidence_why")), html.Ul(items)]


def _sources(rows: pd.DataFrame, reader: Reader) -> html.Details:
    """Where the numbers are from, with links."""
    seen = rows.drop_duplicates("id")
    items = []
    for _, row in seen.iterrows():
        link = (
            [" ", html.A(row["url"], href=row["url"], target="_blank", rel="noopener noreferrer")]
            if row["url"]
            else []
        )
        grade = reader.say(f"evidence_grade_{row['grade']}")
        items.append(html.Li([html.Strong(f"{row['id']} "), f"{row['citation']} ({grade})", *link]))
    return parts.fold(reader.say("evidence_sources"), html.Ul(items))


def _commands(rows: pd.DataFrame, reader: Reader) -> html.Details:
    """How the numbers are made again."""
    commands = [c for c in dict.fromkeys(rows["command"]) if c]
    return parts.fold(
        reader.say("evidence_commands"), html.Pre(html.Code("\n".join(commands)), lang="en")
    )


def _group(name: str, rows: pd.DataFrame, reader: Reader) -> Any:
    title = reader.say(f"evidence_group_{name}")
    done = rows[rows["light"] != "none"]
    pieces: list[Any] = []
    behind = _table(rows, reader, title)
    if done.empty:
        pieces.append(behind)
    else:
        style = reader.style("USD")
        pieces.append(
            parts.figure_card(
                f"evidence-{name}",
                evidence_figure(rows, style),
                reader,
                narrow=evidence_figure(rows, style, narrow=True),
                kicker=title,
                behind=behind,
                currency="USD",
            )
        )
    pieces += [*_reasons(rows, reader), _sources(rows, reader)]
    if not done.empty:
        pieces.append(_commands(done, reader))
    return parts.section(
        f"evidence-{name}", title, *pieces, lead=reader.say(f"evidence_lead_{name}")
    )


def layout(visit: Visit) -> list[Any]:
    """The page for one visit."""
    reader = visit.reader
    try:
        stamp = (PACKAGED / "record.json").stat().st_mtime_ns
    except OSError:
        stamp = 0
    name = ("evidence", reader.lang, stamp)
    found: list[Any] = visit.services.shelf.piece(name, lambda: _drawn(reader))
    return found


def _drawn(reader: Reader) -> list[Any]:
    head = [
        html.H1(reader.say("title.evidence")),
        html.P(reader.say("about.evidence"), className="lead"),
    ]
    try:
        record = read_record()
    except PayshiftError:
        return [
            *head,
            parts.empty(reader.say("evidence_none"), html.P(reader.say("evidence_none_do"))),
        ]
    rows = pd.DataFrame([asdict(row) for row in record.rows])
    unseen = rows[rows["use"] == "unseen"]
    missing = int((rows["light"] == "none").sum())
    return [
        *head,
        html.P(
            [
                html.Strong(
                    reader.say("evidence_answer", of=verdict_sentence(unseen, reader.style()))
                ),
                " ",
                reader.say("evidence_missing", n=missing, all=len(rows)),
            ]
        ),
        *(
            _group(name, rows[rows["use"].isin(uses)], reader)
            for name, uses in GROUPS
            if rows["use"].isin(uses).any()
        ),
        parts.section(
            "evidence-limits",
            reader.say("evidence_limits"),
            html.P(reader.say("evidence_limits_text")),
        ),
    ]


def register(app: dash.Dash, services: Services) -> None:
    """Nothing moves on this page."""
    del app, services


PAGE = Page("/evidence", "evidence", layout, register)
