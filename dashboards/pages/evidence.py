"""Evidence: what studies published beside what the model gives.

Knows the record of evidence and how it is read; must not know how anything was simulated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

import dash
import pandas as pd
from dash import html

from dashboards import components as parts
from dashboards.figures import words
from dashboards.figures.evidence import evidence_figure, numbers_of, verdict_sentence
from dashboards.page import Page, Services, Visit
from dashboards.pages.library import library
from dashboards.texts import Reader
from experiments.evidence.joint_record import JointRow, read_joint
from experiments.evidence.record import PACKAGED, read_record
from sim.errors import PayshiftError

__all__ = ["PAGE"]

GROUPS: Final = (("unseen", ("unseen", "demonstration")), ("fit", ("fit",)), ("rule", ("rule",)))
"""Parts of the page and the uses of findings in each."""


def _name(row: pd.Series) -> Any:
    """The finding's number; where its publication has an address, the way there."""
    text = str(row["id"])
    if not row["url"]:
        return text
    return html.A(text, href=row["url"], target="_blank", rel="noopener noreferrer")


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
                _name(row),
                reader.say("evidence_with_unit", label=label, unit=unit) if unit else label,
                texts["published"],
                texts["band"],
                texts["model"],
                texts["interval"],
                f"{row['seeds']} × {row['people']:,}" if row["seeds"] else "–",
                reader.say(f"evidence_light_{row['light']}"),
            ]
        )
    # Cells of the common table are texts; those here are led by a link.
    body = [html.Tr([html.Th(line[0], scope="row"), *map(html.Td, line[1:])]) for line in cells]
    head = html.Tr([html.Th(column, scope="col") for column in columns])
    return html.Div(
        html.Table([html.Caption(caption), html.Thead(head), html.Tbody(body)]),
        className="scroll words findings",
        tabIndex=0,
        role="region",
        **{"aria-label": caption},
    )


def _reasons(rows: pd.DataFrame, reader: Reader) -> list[Any]:
    """Why something is missing or missed, once for each reason of a finding."""
    told: dict[tuple[str, str], list[str]] = {}
    for _, row in rows.iterrows():
        reason = parts.joined(str(row[f"reason_{reader.lang}"]))
        if reason and row["light"] != "hit":
            told.setdefault((str(row["id"]), reason), []).append(
                parts.joined(str(row[f"label_{reader.lang}"]))
            )
    if not told:
        return []
    items = [
        html.Li(
            [
                html.Strong(
                    reader.say(
                        "evidence_reason",
                        id=name,
                        labels=reader.say("evidence_labels").join(labels[:3])
                        + ("…" if len(labels) > 3 else ""),
                    )
                ),
                *(
                    html.Code(piece, className="word") if place % 2 else piece
                    for place, piece in enumerate(reason.split("`"))
                ),
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
        told = reader.say("evidence_counted", label=row["citation"], n=grade)
        items.append(html.Li([html.Strong(f"{row['id']} "), told, *link]))
    return parts.fold(reader.say("evidence_sources"), html.Ul(items))


def _commands(rows: pd.DataFrame, reader: Reader) -> html.Details:
    """How the numbers are made again."""
    commands = [c for c in dict.fromkeys(rows["command"]) if c]
    return parts.fold(reader.say("evidence_commands"), parts.command("\n".join(commands)))


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


def _joint_cell(value: float, light: str, reader: Reader) -> str:
    """A number and its verdict; a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    return f"{words.three_digits(value)} {reader.say(f'evidence_light_{light}')}"


def _joint_sentence(found: Sequence[JointRow], reader: Reader) -> str:
    """How many numbers of reforms are hit at each of the three sets of parameters."""
    reforms = [row for row in found if row.unseen_light]
    counts = {
        which: sum(getattr(row, f"{which}_light") == "hit" for row in reforms)
        for which in ("record", "unseen", "joint")
    }
    return reader.say("evidence_joint_answer", all=len(reforms), **counts)


def _joint(rows: pd.DataFrame, reader: Reader) -> list[Any]:
    """Studies fitted together and unseen, of the numbers shown; nothing where there are none."""
    try:
        record = read_joint()
    except PayshiftError:
        return []
    shown = set(zip(rows["id"], rows["target"], strict=True))
    found = [row for row in record.rows if (row.id, row.target) in shown]
    if not found:
        return []
    columns = [
        *(reader.say(f"evidence_col_{name}") for name in ("id", "what", "published", "band")),
        *(reader.say(f"evidence_joint_{name}") for name in ("record", "unseen", "joint")),
    ]
    lines = []
    for row in found:
        label = row.label_zh if reader.lang == "zh" else row.label_en
        unit = words.unit_label(row.unit, reader.lang, "USD") if row.unit else ""
        cells = [
            reader.say("evidence_with_unit", label=label, unit=unit) if unit else label,
            words.three_digits(row.published) if math.isfinite(row.published) else "–",
            f"{words.three_digits(row.band_low)} … {words.three_digits(row.band_high)}",
            _joint_cell(row.record, row.record_light, reader),
            _joint_cell(row.unseen, row.unseen_light, reader),
            _joint_cell(row.joint, row.joint_light, reader),
        ]
        lines.append(html.Tr([html.Th(row.id, scope="row"), *map(html.Td, cells)]))
    title = reader.say("evidence_joint")
    head = html.Tr([html.Th(column, scope="col") for column in columns])
    table = html.Div(
        html.Table([html.Caption(title), html.Thead(head), html.Tbody(lines)]),
        className="scroll words findings",
        tabIndex=0,
        role="region",
        **{"aria-label": title},
    )
    commands = dict.fromkeys(str(record.about[row.region]["command"]) for row in found)
    return [
        parts.section(
            "evidence-joint",
            title,
            html.P(_joint_sentence(found, reader)),
            table,
            parts.fold(reader.say("evidence_commands"), parts.command("\n".join(commands))),
            lead=reader.say("evidence_joint_lead"),
        )
    ]


@dataclass(frozen=True)
class Wanted:
    """Which rows a reader wants: all where a word is empty."""

    region: str = ""
    model: str = ""

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows that are wanted."""
        keep = pd.Series(True, index=rows.index)
        if self.region:
            keep &= rows["region"] == self.region
        if self.model:
            keep &= rows["models"].map(lambda models: self.model in models.split(","))
        return rows[keep]

    def address(self, lang: str) -> str:
        """Where exactly these rows are shown."""
        fields = {"lang": lang, "region": self.region, "model": self.model}
        return "/evidence?" + urlencode({k: v for k, v in fields.items() if v})


def _known(rows: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Regions and payment models of the record, in its order."""
    regions = [name for name in dict.fromkeys(rows["region"]) if name]
    models = dict.fromkeys(m for given in rows["models"] for m in given.split(",") if m)
    return regions, list(models)


def _choice(
    title: str,
    options: Sequence[tuple[str, Wanted]],
    rows: pd.DataFrame,
    chosen: Wanted,
    reader: Reader,
) -> html.Nav:
    """One row of links, each with how many numbers it leads to; none that leads to nothing."""
    items = []
    for label, wanted in options:
        is_here = wanted == chosen
        if not is_here and wanted.of(rows).empty:
            continue
        items.append(
            html.Li(
                html.A(
                    reader.say("evidence_counted", label=label, n=len(wanted.of(rows))),
                    href=wanted.address(reader.lang),
                    className="is-here" if is_here else "",
                    **({"aria-current": "true"} if is_here else {}),
                )
            )
        )
    return html.Nav(
        [html.Span(title, className="kicker"), html.Ul(items)],
        className="jumps choice",
        **{"aria-label": title},
    )


def _filters(rows: pd.DataFrame, chosen: Wanted, reader: Reader) -> list[html.Nav]:
    """The two choices; the address says both, so that a view can be passed on."""
    regions, models = _known(rows)
    region_titles = {r["id"]: r[f"title_{reader.lang}"] for r in library()["regions"]}
    model_titles = {m["id"]: m[f"title_{reader.lang}"] for m in library()["models"]}
    everything = reader.say("evidence_all")
    return [
        _choice(
            reader.say("evidence_region"),
            [
                (
                    region_titles.get(name, name) if name else everything,
                    replace(chosen, region=name),
                )
                for name in ("", *regions)
            ],
            rows,
            chosen,
            reader,
        ),
        _choice(
            reader.say("evidence_model"),
            [
                (model_titles.get(name, name) if name else everything, replace(chosen, model=name))
                for name in ("", *models)
            ],
            rows,
            chosen,
            reader,
        ),
    ]


def _wanted(query: Mapping[str, str], rows: pd.DataFrame) -> Wanted:
    """What an address asks for; a name that the record does not know asks for nothing."""
    regions, models = _known(rows)
    region, model = query.get("region", ""), query.get("model", "")
    return Wanted(region if region in regions else "", model if model in models else "")


def layout(visit: Visit) -> list[Any]:
    """The page for one visit."""
    reader, shelf = visit.reader, visit.services.shelf
    try:
        stamp = (PACKAGED / "record.json").stat().st_mtime_ns
        rows: pd.DataFrame = shelf.piece(("evidence-rows", "", stamp), _rows)
    except (OSError, PayshiftError):
        return [
            *_head(reader),
            parts.empty(reader.say("evidence_none"), html.P(reader.say("evidence_none_do"))),
        ]
    chosen = _wanted(visit.query, rows)
    joint = PACKAGED / "joint.json"
    joint_stamp = joint.stat().st_mtime_ns if joint.is_file() else 0
    name = ("evidence", reader.lang, stamp, joint_stamp, chosen.region, chosen.model)
    found: list[Any] = shelf.piece(name, lambda: _drawn(rows, chosen, reader))
    return found


def _rows() -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in read_record().rows])


def _head(reader: Reader) -> list[Any]:
    return [
        html.H1(reader.say("title.evidence")),
        html.P(reader.say("about.evidence"), className="lead"),
    ]


def _simulated(rows: pd.DataFrame, reader: Reader) -> str:
    """How many of the numbers shown the model has an answer to."""
    missing = int((rows["light"] == "none").sum())
    if missing == 0:
        return reader.say("evidence_whole", all=len(rows))
    return reader.say("evidence_missing", n=missing, all=len(rows))


def _drawn(all_rows: pd.DataFrame, chosen: Wanted, reader: Reader) -> list[Any]:
    rows = chosen.of(all_rows)
    unseen = rows[rows["use"] == "unseen"]
    answer = (
        [
            html.Strong(reader.say("evidence_answer", of=verdict_sentence(unseen, reader.style()))),
            " ",
        ]
        if len(unseen)
        else []
    )
    return [
        *_head(reader),
        *_filters(all_rows, chosen, reader),
        *(
            [parts.empty(reader.say("evidence_no_rows"))]
            if rows.empty
            else [
                html.P([*answer, _simulated(rows, reader)]),
                *(
                    _group(name, rows[rows["use"].isin(uses)], reader)
                    for name, uses in GROUPS
                    if rows["use"].isin(uses).any()
                ),
                *_joint(rows, reader),
            ]
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
