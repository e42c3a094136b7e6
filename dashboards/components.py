"""Pieces that pages are built of: sections, cards, tables, figures, folds and empty states.

Knows how a piece looks and reads out; must not know any page, job or result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
import plotly.graph_objects as go
from dash import dcc, html

from dashboards import ids
from dashboards.figures import palette, words
from dashboards.figures.canvas import ArmLook
from dashboards.texts import Reader

__all__ = [
    "arm_class",
    "button",
    "command",
    "empty",
    "figure_card",
    "fold",
    "joined",
    "notice",
    "progress",
    "section",
    "slug",
    "swatch",
    "table",
]

COLORS = len(palette.LIGHT.arms)


def slug(text: str) -> str:
    """Text as part of an id.

    Examples
    --------
    >>> slug("Global budget (soft)")
    'global-budget-soft'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def joined(text: str) -> str:
    """Text whose minus and percent signs stay at their amounts when a line breaks."""
    return re.sub(r"−(?=[^\d\s])", "−\u2060", re.sub(r"(?<=\d) %", "\u00a0%", text))


def arm_class(position: int) -> str:
    """Class that gives an arm its color, by light and dark; position 0 is the status quo.

    Examples
    --------
    >>> arm_class(0), arm_class(1), arm_class(7)
    ('arm-0', 'arm-1', 'arm-1')
    """
    return "arm-0" if position <= 0 else f"arm-{(position - 1) % COLORS + 1}"


def positions(looks: Sequence[ArmLook]) -> dict[str, int]:
    """Number of every arm for `arm_class`: reforms count from 1, the status quo is 0."""
    found: dict[str, int] = {}
    reforms = 0
    for look in looks:
        reforms += not look.is_status_quo
        found[look.id] = 0 if look.is_status_quo else reforms
    return found


def swatch(position: int) -> html.Span:
    """The small square of an arm's color."""
    return html.Span(className=f"swatch {arm_class(position)}", **{"aria-hidden": "true"})


def section(name: str, title: str, *children: Any, lead: str = "", level: int = 2) -> html.Section:
    """A titled part of a page that screen readers can jump to."""
    heading = {2: html.H2, 3: html.H3}[level]
    return html.Section(
        [
            heading(title, id=f"{name}-title"),
            *([html.P(joined(lead), className="lead")] if lead else []),
            *children,
        ],
        id=name,
        className="part",
        **{"aria-labelledby": f"{name}-title"},
    )


def empty(text: str, *more: Any) -> html.Div:
    """What stands where nothing is yet, and what to do about it."""
    return html.Div([html.P(text), *more], className="empty")


def notice(text: str, kind: str = "info", *more: Any) -> html.Div:
    """One message: ``info``, ``warning`` or ``error``; the last two are read out at once."""
    role = "status" if kind == "info" else "alert"
    return html.Div([html.P(text), *more], className=f"notice is-{kind}", role=role)


def progress(share: float, told: str, reader: Reader) -> html.Div:
    """How far a comparison is that is being made; ``share`` of it is done, from 0 to 1."""
    return html.Div(
        [
            dmc.Progress(
                value=100.0 * share,
                animated=True,
                **{"aria-label": reader.say("compare_progress")},
            ),
            html.P(told, className="quiet"),
        ],
        className="progress",
    )


def fold(summary: str, *children: Any, css: str = "", is_open: bool = False) -> html.Details:
    """What stays folded until somebody asks."""
    return html.Details(
        [html.Summary(summary), *children],
        className=css,
        open=is_open,
    )


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    caption: str,
    *,
    css: str = "",
) -> html.Div:
    """A table of plain texts: one component however many cells, since each costs a browser time.

    Parameters
    ----------
    caption : what the table shows; also the name of the region that scrolls
    """
    return html.Div(
        dmc.Table(
            data={
                "caption": caption,
                "head": list(columns),
                "body": [[str(cell) for cell in row] for row in rows],
            },
            captionSide="top",
        ),
        className=f"scroll {css}".strip(),
        tabIndex=0,
        role="region",
        **{"aria-label": caption},
    )


def command(lines: str) -> html.Pre:
    """Command lines to be copied; a line breaks between words, never inside an option."""
    pieces: list[Any] = []
    for number, line in enumerate(lines.splitlines()):
        pieces += ["\n"] if number else []
        for place, word in enumerate(line.split(" ")):
            pieces += [" "] if place else []
            pieces.append(html.Span(word, className="word") if word.startswith("-") else word)
    return html.Pre(html.Code(pieces), tabIndex=0, lang="en")


def drawing(figure: go.Figure) -> dict[str, Any]:
    """A figure as plain data."""
    spec: dict[str, Any] = json.loads(figure.to_json())
    return {"data": spec["data"], "layout": spec["layout"]}


def figure_card(
    name: Any,
    wide: go.Figure,
    reader: Reader,
    *,
    narrow: go.Figure | None = None,
    kicker: str = "",
    about: Mapping[str, str] | None = None,
    behind: Any = None,
    level: int = 3,
    css: str = "",
    currency: str = "CNY",
) -> html.Figure:
    """A drawing under the sentence it says, with its definition and the table behind it.

    The drawing is made once, by light; the page repaints it by dark and takes the narrow form on
    a telephone.

    Parameters
    ----------
    name : JSON value, its own among the figures of the page
    wide, narrow : figures of :mod:`dashboards.figures`
    kicker : what the figure is of, in a few words above the sentence
    about : label, definition and unit of the outcome, if it is one
    behind : table with the numbers drawn
    """
    sentence = str(wide.layout.meta["sentence"])
    height = int(wide.layout.height)
    kept = {"wide": drawing(wide), "narrow": drawing(narrow) if narrow is not None else None}
    heading = {3: html.H3, 4: html.H4}[level]
    folds = []
    if about is not None:
        folds.append(definition(about, reader, currency))
    if behind is not None:
        folds.append(fold(reader.say("data_table"), behind))
    return html.Figure(
        [
            html.Figcaption(
                [
                    *([html.P(kicker, className="kicker")] if kicker else []),
                    heading(joined(sentence)),
                ]
            ),
            dcc.Store(id=ids.figure_store(name), data=kept),
            html.Div(
                dcc.Graph(
                    id=ids.graph(name),
                    figure={"data": [], "layout": {"height": height}},
                    config={"displayModeBar": False, "responsive": True},
                    style={"minHeight": f"{height}px"},
                ),
                className="plot",
                role="img",
                **{"aria-label": sentence},
            ),
            html.Div(
                [
                    *folds,
                    html.Span(
                        [
                            html.Button(
                                kind.upper(),
                                className="save",
                                title=reader.say("figure_save", kind=kind.upper()),
                                **{
                                    "data-save": kind,
                                    "aria-label": reader.say("figure_save", kind=kind.upper()),
                                },
                            )
                            for kind in ("svg", "png")
                        ],
                        className="saves",
                    ),
                ],
                className="folds",
            ),
        ],
        className=f"card {css}".strip(),
    )


def definition(about: Mapping[str, str], reader: Reader, currency: str) -> html.Details:
    """How an outcome is measured, folded."""
    text = about["definition"] or reader.say("definition_missing")
    unit = words.unit_label(about["unit"], reader.lang, currency)
    told = reader.say("unit_is", unit=unit) if unit else ""
    return fold(reader.say("how_measured"), html.P(f"{text} {told}".strip()), css="how")


def button(text: str, identity: str, *, is_quiet: bool = False, **more: Any) -> html.Button:
    """A button that does something on this page; a quiet one is the lesser of two."""
    name = "button is-quiet" if is_quiet else "button"
    return html.Button(text, id=identity, className=name, n_clicks=0, type="button", **more)
