"""The one-file page of a study or calibration: question, answer, figures, how sure, numbers.

Knows answers as plain data and tables, and the words around them. Must not know how runs are made
or Dash.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from dashboards.figures import palette, studies, words
from dashboards.figures.canvas import Style

__all__ = ["calibration_html", "study_html"]

PARTS = Path(__file__).resolve().parent / "report_page"
MOST_ROWS = 200
ENOUGH = 100  # draws from which on a faint effect may be told from none


def _text(text: object) -> str:
    return html.escape(str(text), quote=True)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "✓" if value else "–"
    if isinstance(value, (int, float)):
        number = float(value)
        if not math.isfinite(number):
            return "–"
        return f"{number:,.4g}".replace("-", words.MINUS)
    return str(value)


class _Page:
    """A page being written; collects its figures so that each is stored once."""

    def __init__(self, lang: str) -> None:
        self.style = Style(lang)
        self.lang = lang
        self.figures: dict[str, dict[str, Any]] = {}

    def say(self, key: str, **fields: object) -> str:
        """A text of the catalogue, safe inside HTML."""
        return _text(self.style.say(key, **fields))

    def figure(self, name: str, drawing: go.Figure) -> str:
        """A drawing under its sentence."""
        spec = json.loads(drawing.to_json())
        self.figures[name] = {"wide": {"data": spec["data"], "layout": spec["layout"]}}
        sentence = _text(str(drawing.layout.meta["sentence"]))
        height = int(drawing.layout.height)
        return (
            f'<figure class="card" id="{_text(name)}"><figcaption><h3>{sentence}</h3></figcaption>'
            f'<div class="plot" role="img" aria-label="{sentence}" data-figure="{_text(name)}" '
            f'style="min-height:{height}px"></div></figure>'
        )

    def drawn(self, figures: Iterable[tuple[str, go.Figure]]) -> str:
        """Several drawings, two across where the page is wide."""
        cards = [self.figure(f"figure-{name}", drawing) for name, drawing in figures]
        css = "grid two" if len(cards) > 1 else "stack"
        return f'<div class="{css}">{"".join(cards)}</div>'

    def table(self, table: pd.DataFrame, caption: str) -> str:
        """A table in a fold; the first column heads its rows."""
        head = "".join(f'<th scope="col">{_text(column)}</th>' for column in table.columns)
        body = "".join(
            "<tr>"
            + "".join(
                f'<th scope="row">{_text(_cell(value))}</th>'
                if i == 0
                else f"<td>{_text(_cell(value))}</td>"
                for i, value in enumerate(row)
            )
            + "</tr>"
            for row in table.head(MOST_ROWS).itertuples(index=False)
        )
        return (
            f"<details><summary>{_text(caption)}</summary>"
            f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(caption)}"><table>'
            f"<caption>{_text(caption)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table></div></details>"
        )

    def section(self, name: str, *content: str) -> str:
        """A part of the page with its heading."""
        return (
            f'<section id="{name}" aria-labelledby="{name}-title">'
            f'<h2 id="{name}-title">{self.say(f"study.{name}")}</h2>{"".join(content)}</section>'
        )

    def html(self, title: str, sections: Sequence[str]) -> str:
        """The whole page; it fetches nothing."""
        css = (PARTS / "report.css").read_text(encoding="utf-8")
        script = (PARTS / "report.js").read_text(encoding="utf-8")
        policy = (
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
            "img-src data: blob:"
        )
        language = {"en": "en-US", "zh": "zh-CN"}[self.lang]
        plotly = get_plotlyjs().replace("</script", "<\\/script")
        return (
            f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            f"<title>{self.say('study.page', title=title)}</title>\n"
            f"<style>{css}</style>\n</head>\n<body>\n"
            f'<a class="skip" href="#answer">{self.say("skip")}</a>\n'
            f'<header><p class="brand">Payshift</p><h1>{_text(title)}</h1></header>\n'
            f'<noscript><p class="empty">{self.say("noscript")}</p></noscript>\n'
            f"<main>{''.join(sections)}</main>\n"
            f'<script type="application/json" id="figures">{_json(self.figures)}</script>\n'
            f'<script type="application/json" id="dark">{_json(palette.dark_of_light())}'
            "</script>\n"
            f"<script>{plotly}</script>\n<script>{script}</script>\n</body>\n</html>\n"
        )


def _json(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def study_html(
    answer: Mapping[str, Any],
    table: pd.DataFrame,
    more: Mapping[str, pd.DataFrame],
    outcomes: pd.DataFrame,
    lang: str,
) -> str:
    """Write a study's page.

    Parameters
    ----------
    answer : what `experiments.studies.summary` gives
    table : the answer's own table, which the figures draw
    more : further tables by name
    outcomes : the outcome registry as a table
    lang : ``en`` or ``zh``
    """
    page = _Page(lang)
    drawn = studies.draw(
        str(answer["drawing"]), table, answer["about"], outcomes, answer["arms"], page.style
    )
    rests = page.say(
        "study.rests_on",
        people=words.count(int(answer["people"]), lang),
        region=answer["region"],
        months=answer["months"]["reform"],
        draws=answer["draws"],
        planned=answer["draws_planned"],
        uncertainties=len(answer["uncertainties"]),
        replicates=answer["replicates"],
        runs=words.count(int(answer["runs"]), lang),
    )
    sure = [f'<p class="lead">{rests}</p>']
    if answer["drawing"] == "levels":
        sure.append(f'<p class="lead">{page.say("study.band")}</p>')
    if int(answer["draws"]) < ENOUGH:
        sure.append(f'<p class="lead">{page.say("study.small")}</p>')
    if answer["failed"]:
        count = len(answer["failed"])
        sure.append(f'<p class="lead">{page.say("study.failed", count=count)}</p>')
    named = {"table": table, **more}
    tables = [page.table(t, f"{name}.csv") for name, t in named.items()]
    sections = [
        page.section(
            "answer", f'<div class="headline"><p>{_text(answer["sentence"][lang])}</p></div>'
        ),
        page.section("shown", page.drawn(drawn)),
        page.section("method", f'<p class="lead">{_text(answer["method"][lang])}</p>'),
        page.section("sure", *sure),
        page.section("numbers", *tables),
    ]
    return page.html(str(answer["title"][lang]), sections)


def calibration_html(
    title: Mapping[str, str],
    sentence: Mapping[str, str],
    tables: Mapping[str, pd.DataFrame],
    outcomes: pd.DataFrame,
    lang: str,
) -> str:
    """Write a calibration's page.

    Parameters
    ----------
    title, sentence : by language
    tables : what `experiments.calibration.Calibration.tables` gives
    outcomes : the outcome registry as a table
    lang : ``en`` or ``zh``
    """
    page = _Page(lang)
    missed = studies.misfits(tables["targets"], outcomes, page.style)
    curves = studies.profiles(tables["profile"], tables["parameters"], page.style)
    shown = {name: table for name, table in tables.items() if len(table)}
    sections = [
        page.section("answer", f'<div class="headline"><p>{_text(sentence[lang])}</p></div>'),
        page.section("targets", page.drawn([("targets", missed)])),
    ]
    if curves:
        note = f'<p class="lead">{page.say("study.profiled")}</p>'
        sections.append(page.section("identifiable", note, page.drawn(curves)))
    sections.append(
        page.section("numbers", *(page.table(t, f"{name}.csv") for name, t in shown.items()))
    )
    return page.html(str(title[lang]), sections)
