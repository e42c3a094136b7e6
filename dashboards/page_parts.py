"""Page: what every one-file report is made of, and the file itself.

Knows HTML, style sheets, scripts and how a figure is stored in a page. Must not know what a report
is about.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from dashboards.figures import palette, words
from dashboards.figures.canvas import Style

__all__ = ["Page", "slug", "text_of"]

PARTS = Path(__file__).resolve().parent / "report_page"


def text_of(text: object) -> str:
    """Text as it is safe inside HTML."""
    # a word joiner keeps a minus sign at its amount when a line breaks
    return html.escape(re.sub(r"−(?=\D)", "−\u2060", str(text)), quote=True)


def slug(text: str) -> str:
    """A name as it may stand in an address or an attribute."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


class Page:
    """One report being written; collects its figures so that each is stored once."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.lang = style.lang
        self.figures: dict[str, dict[str, Any]] = {}

    # ------------------------------------------------------------------------ small pieces

    def say(self, key: str, **fields: object) -> str:
        """A text of the catalogue, safe inside HTML."""
        return text_of(self.style.say(key, **fields))

    def label(self, family: str, identifier: str) -> str:
        """The name of a known identifier, safe inside HTML."""
        return text_of(words.label(self.lang, family, identifier))

    def section(self, name: str, lead: str, *content: str) -> str:
        """A section under its heading; `lead` is the key of its first sentence."""
        paragraph = f'<p class="lead">{self.say(lead)}</p>' if lead else ""
        return (
            f'<section id="{name}" aria-labelledby="{name}-title">'
            f'<h2 id="{name}-title">{self.say(f"section.{name}")}</h2>{paragraph}'
            f"{''.join(content)}</section>"
        )

    def empty(self, key: str) -> str:
        """What stands where there is nothing to show."""
        return f'<p class="empty">{self.say(key)}</p>'

    def details(self, summary: str, content: str, css: str = "") -> str:
        """A fold; ``summary`` is plain text, ``content`` is HTML."""
        return f'<details class="{css}"><summary>{text_of(summary)}</summary>{content}</details>'

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
        """A table of plain texts; the first column heads its rows, the others are numbers."""
        head = "".join(f'<th scope="col">{text_of(column)}</th>' for column in columns)
        body = "".join(
            "<tr>"
            + "".join(
                f'<th scope="row">{text_of(cell)}</th>' if i == 0 else f"<td>{text_of(cell)}</td>"
                for i, cell in enumerate(row)
            )
            + "</tr>"
            for row in rows
        )
        return (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{text_of(caption)}">'
            f"<table><caption>{text_of(caption)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table></div>"
        )

    def figure(
        self,
        name: str,
        drawing: go.Figure,
        *,
        kicker: str = "",
        about: Mapping[str, str] | None = None,
        table: str = "",
        narrow: go.Figure | None = None,
        level: int = 4,
    ) -> str:
        """A drawing under its sentence, with its definition and the numbers behind it."""
        key = slug(name)
        parts = {"wide": _spec(drawing)}
        if narrow is not None:
            parts["narrow"] = _spec(narrow)
        self.figures[key] = parts
        sentence = str(drawing.layout.meta["sentence"])
        height = int(drawing.layout.height)
        return (
            f'<figure class="card" id="{key}">'
            f'<figcaption><p class="kicker">{text_of(kicker)}</p>'
            f"<h{level}>{text_of(sentence)}</h{level}></figcaption>"
            f'<div class="plot" role="img" aria-label="{text_of(sentence)}" data-figure="{key}" '
            f'style="min-height:{height}px"></div>'
            f'<div class="folds">{self.definition(about)}'
            f"{self.details(self.style.say('data_table'), table) if table else ''}</div></figure>"
        )

    def definition(self, about: Mapping[str, str] | None) -> str:
        """The fold that says how an outcome is measured; nothing without an outcome."""
        if about is None:
            return ""
        text = about["definition"] or self.style.say("definition_missing")
        unit = words.unit_label(about["unit"], self.lang, self.style.currency)
        unit_text = self.say("unit_is", unit=unit) if unit else ""
        return self.details(
            self.style.say("how_measured"), f"<p>{text_of(text)} {unit_text}</p>", "how"
        )

    def navigation(self, names: Sequence[str]) -> str:
        """Links to the sections."""
        links = "".join(
            f'<li><a href="#{name}">{self.say(f"nav.{name}")}</a></li>' for name in names
        )
        return f'<nav aria-label="{self.say("nav")}"><ul>{links}</ul></nav>'

    def given(self, facts: Mapping[str, Any]) -> str:
        """The section that says where the numbers come from, and the command that repeats them."""
        given = dict(facts)
        command = given.pop("command", None)
        parts = []
        if command:
            text = command if isinstance(command, str) else " ".join(map(str, command))
            parts.append(
                f"<h3>{self.say('provenance.reproduce')}</h3>"
                f'<pre tabindex="0"><code>{_command(text)}</code></pre>'
            )
        if given:
            items = "".join(
                f"<dt>{self.label('provenance', str(name))}</dt><dd>{_nested(value)}</dd>"
                for name, value in given.items()
            )
            parts.append(f'<dl class="provenance">{items}</dl>')
        if not parts:
            parts.append(self.empty("provenance.none"))
        return self.section("provenance", "", *parts)

    def document(
        self,
        title: str,
        header: str,
        sections: Sequence[str],
        body: str,
        *,
        light: str = "",
        dark: str = "",
    ) -> str:
        """The whole file.

        Parameters
        ----------
        title : HTML text of the window's title
        header, body : HTML of the page's head and of its sections
        sections : names of the sections, for the navigation
        light, dark : further colors of the style sheet by either ground
        """
        light, dark = (
            f"{own}--loss:{theme.loss};--even:{theme.even};--gain:{theme.gain};"
            for own, theme in ((light, palette.LIGHT), (dark, palette.DARK))
        )
        colors = f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        css = (PARTS / "report.css").read_text(encoding="utf-8")
        script = (PARTS / "report.js").read_text(encoding="utf-8")
        language = {"en": "en-US", "zh": "zh-CN"}[self.lang]
        # nothing may be fetched: the page holds all it needs
        policy = (
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
            "img-src data: blob:"
        )
        return (
            f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            f"<title>{title}</title>\n"
            f"<style>{css}{colors}</style>\n</head>\n<body>\n"
            f'<a class="skip" href="#answer">{self.say("skip")}</a>\n'
            f"{header}{self.navigation(sections)}\n"
            f'<noscript><p class="empty">{self.say("noscript")}</p></noscript>\n'
            f"<main>{body}</main>\n"
            f'<script type="application/json" id="figures">{_json(self.figures)}</script>\n'
            f'<script type="application/json" id="dark">{_json(palette.dark_of_light())}'
            "</script>\n"
            f"<script>{_script(get_plotlyjs())}</script>\n<script>{script}</script>\n"
            "</body>\n</html>\n"
        )


def _command(text: str) -> str:
    """A command line that breaks between words, never inside an option."""
    return " ".join(
        f'<span class="word">{text_of(word)}</span>' if word.startswith("-") else text_of(word)
        for word in text.split(" ")
    )


def _nested(value: object) -> str:
    """A value of the provenance: text as it is, mappings and lists as small lists."""
    if isinstance(value, Mapping):
        return (
            "<ul>"
            + "".join(f"<li>{text_of(k)}: <code>{text_of(v)}</code></li>" for k, v in value.items())
            + "</ul>"
        )
    if isinstance(value, int):
        return f"<code>{value:,}</code>"
    if isinstance(value, (list, tuple)):
        return f"<code>{text_of(', '.join(map(str, value)))}</code>"
    return f"<code>{text_of(value)}</code>"


def _spec(figure: go.Figure) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(figure.to_json())
    return {"data": spec["data"], "layout": spec["layout"]}


def _json(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _script(text: str) -> str:
    return text.replace("</script", "<\\/script")
