"""Library: every payment model, reform, outcome and number with unit, range and source.

Knows the catalogues of the simulator and how a reader looks something up; must not know runs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import dash
from dash import dcc, html

from dashboards import components as parts
from dashboards.figures import words
from dashboards.page import Page, Services, Visit
from dashboards.texts import Reader
from sim import payment, scenario
from sim.outcomes import AREAS
from sim.record import outcome_table
from sim.scenario import plain, read_tree

__all__ = ["PAGE", "library"]

GLOSSARY = (
    "payment",
    "marginal",
    "fee_for_service",
    "capitation",
    "drg",
    "dip",
    "global_budget",
    "bundle",
    "per_diem",
    "value_based",
    "shared_savings",
    "neutral",
    "surplus",
    "overrun",
    "case_mix",
    "upcoding",
    "stinting",
    "selection",
    "deductible",
    "catastrophic",
    "qaly",
    "first_contact",
    "consortium",
    "paired",
    "interval",
    "replicate",
    "status_quo",
    "ledger",
)
_LINK = re.compile(r"https?://[^\s)>\]]+")


@cache
def library() -> dict[str, list[dict[str, Any]]]:
    """What the installed library holds: scenarios, models, regions, parameters, outcomes, sources.

    Read once for all readers: a server is started again when its library changes.
    """
    rows = scenario.catalogue()
    rows["outcomes"] = [
        {str(name): value for name, value in row.items()}
        for row in outcome_table().to_dict("records")
    ]
    tree = read_tree(scenario.library_root() / "sources.yaml", "sources.yaml")
    rows["sources"] = [{"id": name, **about} for name, about in plain(tree).items()]
    rows["models"] = payment.catalogue()
    return rows


def _text_with_links(text: str) -> list[Any]:
    """Text whose addresses can be followed."""
    pieces: list[Any] = []
    last = 0
    for hit in _LINK.finditer(text):
        pieces.append(text[last : hit.start()])
        address = hit.group().rstrip(".,;")
        pieces.append(html.A(address, href=address, target="_blank", rel="noopener noreferrer"))
        last = hit.start() + len(address)
    pieces.append(text[last:])
    return [piece for piece in pieces if piece != ""]


def _range(term: Mapping[str, Any], reader: Reader) -> str:
    low, high = term["low"], term["high"]
    if term["choices"]:
        return ", ".join(map(str, term["choices"]))
    if low is None and high is None:
        return reader.of(dict(zip(("en", "zh"), payment.FORMS[term["form"]], strict=True)))
    if high is None or abs(float(high)) == float("inf"):
        return reader.say("library_from", low=_number(low))
    return reader.say("library_between", low=_number(low), high=_number(high))


def _model(row: Mapping[str, Any], reader: Reader) -> html.Details:
    lang = reader.lang
    terms = [
        [
            term["id"],
            term[f"label_{lang}"],
            _unit(str(term["unit"]), reader),
            _range(term, reader),
            _default(term, reader),
        ]
        for term in row["terms"]
    ]
    columns = [
        reader.say(f"library_col_{c}") for c in ("term", "label", "unit", "range", "default")
    ]
    return html.Details(
        [
            html.Summary(
                [html.Strong(row[f"title_{lang}"]), html.Code(row["id"], className="aside")]
            ),
            html.P(parts.joined(row[f"line_{lang}"])),
            html.H4(reader.say("library_formula")),
            html.Pre(html.Code(row["formula"].replace("::\n", ":\n")), lang="en", tabIndex=0),
            *(
                [parts.table(columns, terms, reader.say("library_terms"), css="words")]
                if terms
                else []
            ),
            *(
                [
                    html.H4(reader.say("library_sources")),
                    html.P(_text_with_links(row["sources"]), className="sources", lang="en"),
                ]
                if row["sources"]
                else []
            ),
        ],
        className="entry",
        id=f"model-{row['id']}",
    )


def _unit(unit: str, reader: Reader) -> str:
    return "–" if unit in ("word", "table", "") else words.unit_label(unit, reader.lang, "CNY")


def _default(term: Mapping[str, Any], reader: Reader) -> str:
    if term["is_required"]:
        return reader.say("library_required")
    value = term["default"]
    if value is None:
        return "neutral" if term["can_be_neutral"] else "–"
    return _number(value) if isinstance(value, (int, float)) else str(value)


def _number(value: float) -> str:
    """A number with the digits it was given, thousands set apart.

    Examples
    --------
    >>> _number(80_000), _number(-0.265), _number(0.76923), _number(0.0), _number(float("inf"))
    ('80,000', '−0.265', '0.7692', '0', '∞')
    """
    if math.isinf(value):
        text = "∞"
    else:
        text = f"{abs(value):,.0f}" if abs(value) >= 1_000 else f"{abs(value):.4g}"
    return (words.MINUS if value < 0 else "") + text


def _scenarios(reader: Reader) -> list[Any]:
    lang = reader.lang
    rows = library()["scenarios"]
    blocks = []
    for region in library()["regions"]:
        of_region = [row for row in rows if row["region"] == region["id"]]
        entries = []
        for row in of_region:
            title = row[f"title_{lang}"]
            entries.append(
                html.Li(
                    [
                        html.P([html.Strong(title), html.Code(row["id"], className="aside")]),
                        html.P(parts.joined(row[f"line_{lang}"]), className="quiet"),
                    ]
                )
            )
        blocks.append(
            html.Details(
                [
                    html.Summary(
                        [
                            html.Strong(region[f"title_{lang}"]),
                            html.Span(
                                reader.say(
                                    "library_region",
                                    residents=words.count(region["residents"], lang),
                                    providers=region["providers"],
                                    scenarios=len(of_region),
                                ),
                                className="aside",
                            ),
                        ]
                    ),
                    html.Ul(entries, className="entries"),
                ],
                className="entry",
                open=region["id"] == "china-county",
            )
        )
    return blocks


def _parameters(reader: Reader) -> html.Div:
    lang = reader.lang
    titles = {row["id"]: row["title"] for row in library()["sources"] if "title" in row}
    rows = [
        [
            row[f"title_{lang}"],
            row["id"],
            _number(row["value"]),
            f"{_number(row['low'])} – {_number(row['high'])}",
            words.unit_label(str(row["unit"]), lang, "CNY"),
            reader.say(f"library_evidence_{row['evidence']}"),
            titles.get(row["source"], row["source"]),
        ]
        for row in library()["parameters"]
    ]
    columns = [
        reader.say(f"library_col_{c}")
        for c in ("label", "id", "value", "range", "unit", "evidence", "source")
    ]
    return parts.table(columns, rows, reader.say("library_parameters"), css="words tall boxed")


def _outcomes(reader: Reader) -> html.Div:
    lang = reader.lang
    rows = [
        [
            row[f"label_{lang}"],
            row["id"],
            AREAS[row["area"]][lang],
            words.unit_label(str(row["unit"]), lang, "CNY"),
            reader.say(f"library_better_{row['better']}")
            if row["better"] in ("lower", "higher")
            else "–",
            row[f"definition_{lang}"],
        ]
        for row in library()["outcomes"]
    ]
    columns = [
        reader.say(f"library_col_{c}")
        for c in ("label", "id", "area", "unit", "better", "definition")
    ]
    return parts.table(columns, rows, reader.say("library_outcomes"), css="words tall boxed")


def _sources(reader: Reader) -> dcc.Markdown:
    lines = []
    for row in library()["sources"]:
        title = str(row.get("title", row["id"])).replace("[", "(").replace("]", ")")
        address = str(row.get("url", ""))
        link = f"[{title}]({address})" if address.startswith(("https://", "http://")) else title
        detail = ", ".join(str(row[k]) for k in ("publisher", "year") if row.get(k))
        lines.append(f"- {link} {detail}")
    return dcc.Markdown("\n".join(lines), className="plain-list", link_target="_blank")


def _glossary(reader: Reader) -> html.Dl:
    other = Reader(reader.other)
    entries: list[Any] = []
    for name in GLOSSARY:
        entries.append(
            html.Dt(
                [
                    reader.say(f"glossary_{name}"),
                    html.Span(
                        other.say(f"glossary_{name}"), className="aside", lang=other.html_lang
                    ),
                ],
                id=f"word-{name}",
            )
        )
        entries.append(html.Dd(reader.say(f"glossary_{name}_is")))
    return html.Dl(entries, className="glossary")


def layout(visit: Visit) -> list[Any]:
    """The page for one visit."""
    reader = visit.reader
    models = sorted(library()["models"], key=lambda row: str(row[f"title_{reader.lang}"]))
    names = (
        "models",
        "scenarios",
        "outcomes",
        "parameters",
        "glossary",
        "sources",
        "limits",
        "about",
    )
    jumps = html.Nav(
        html.Ul([html.Li(html.A(reader.say(f"library_{n}"), href=f"#{n}")) for n in names]),
        className="jumps",
        **{"aria-label": reader.say("library_jumps")},
    )

    def part(name: str, *content: Any) -> html.Section:
        return parts.section(
            name, reader.say(f"library_{name}"), *content, lead=reader.say(f"library_{name}_lead")
        )

    return [
        html.H1(reader.say("title.library")),
        html.P(reader.say("about.library"), className="lead"),
        jumps,
        part("models", *(_model(row, reader) for row in models)),
        part("scenarios", *_scenarios(reader)),
        part("outcomes", _outcomes(reader)),
        part("parameters", _parameters(reader)),
        part("glossary", _glossary(reader)),
        part("sources", parts.fold(reader.say("library_sources_all"), _sources(reader))),
        part(
            "limits",
            html.Ul([html.Li(reader.say(f"library_limit_{i}")) for i in range(1, 7)]),
        ),
        part(
            "about",
            html.H3(reader.say("library_cite")),
            html.Pre(html.Code(reader.say("library_cite_text")), tabIndex=0),
            html.P(reader.say("library_license")),
        ),
    ]


def register(app: dash.Dash, services: Services) -> None:
    """Nothing moves on this page."""
    del app, services


PAGE = Page("/library", "library", layout, register)
