"""The dashboard's frame: header, navigation, language, color scheme, and which page is shown.

Knows the registry of pages and the shell around them; must not know what any page shows.
"""

from __future__ import annotations

import html as escaping
import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import dash
import dash_mantine_components as dmc
import flask
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.exceptions import PreventUpdate

from dashboards import exports, guard, ids
from dashboards.figures import palette
from dashboards.figures.canvas import FONT
from dashboards.page import Page, Services, Visit, query_of, reader_of
from dashboards.pages import PAGES, page_at
from dashboards.texts import Reader

__all__ = ["create_app"]

ASSETS = Path(__file__).resolve().parent / "assets"
MATCH = dash.MATCH
_log = logging.getLogger(__name__)


class _Site(dash.Dash):
    """Dash with a page head of our own: language, title and colors before anything is drawn."""

    def interpolate_index(self, **parts: str) -> str:
        reader = reader_of(query_of(flask.request.query_string.decode("utf-8", "replace")))
        page = page_at(flask.request.path)
        title = reader.say("site_title") if page is None else _title(reader, page)
        first = escaping.escape(self.get_asset_url("first.js"), quote=True)
        return (
            f'<!DOCTYPE html>\n<html lang="{reader.html_lang}">\n<head>\n'
            f'{parts["metas"]}\n<meta name="color-scheme" content="light dark">\n'
            f"<title>{escaping.escape(title)}</title>\n"
            f'{parts["favicon"]}\n{parts["css"]}\n<script src="{first}"></script>\n'
            f'</head>\n<body>\n<noscript><p class="empty">'
            f"{escaping.escape(reader.say('site_noscript'))}</p></noscript>\n"
            f"{parts['app_entry']}\n<footer>{parts['config']}{parts['scripts']}"
            f"{parts['renderer']}</footer>\n</body>\n</html>\n"
        )


def _title(reader: Reader, page: Page) -> str:
    return f"{reader.say(f'title.{page.id}')} · Payshift"


def address(path: str, **fields: str) -> str:
    """An address with its fields; empty ones and English, the default, are left out.

    Examples
    --------
    >>> address("/library", lang="en", topic=""), address("/", lang="zh")
    ('/library', '/?lang=zh')
    """
    kept = {n: v for n, v in fields.items() if v and (n, v) != ("lang", "en")}
    return f"{path}?{urlencode(kept)}" if kept else path


def _header(reader: Reader, current: Page | None) -> html.Header:
    links = [
        html.Li(
            dcc.Link(
                reader.say(f"nav.{page.id}"),
                href=address(page.path, lang=reader.lang),
                className="is-here" if page is current else "",
            )
        )
        for page in PAGES
    ]
    path = "/" if current is None else current.path
    return html.Header(
        html.Div(
            [
                dcc.Link("Payshift", href=address("/", lang=reader.lang), className="brand"),
                html.Nav(html.Ul(links), **{"aria-label": reader.say("site_nav")}),
                html.Div(
                    [
                        html.A(
                            reader.say("site_other_language"),
                            href=address(path, lang=reader.other),
                            className="tool",
                            lang=Reader(reader.other).html_lang,
                            **{"data-language": reader.other},
                        ),
                        html.Button(
                            html.Span(className="scheme-mark", **{"aria-hidden": "true"}),
                            id=ids.SCHEME_BUTTON,
                            className="tool",
                            title=reader.say("site_scheme"),
                            **{"aria-label": reader.say("site_scheme")},
                        ),
                    ],
                    className="tools",
                ),
            ],
            className="bar",
        ),
        className="site",
    )


def _shown(visit: Visit, page: Page | None) -> Any:
    """The content of a page, or the words for an address without one."""
    reader = visit.reader
    if page is None:
        return html.Div(
            [
                html.H1(reader.say("lost.title")),
                html.P(reader.say("lost.text"), className="lead"),
                html.P(dcc.Link(reader.say("lost.back"), href=address("/", lang=reader.lang))),
            ],
            className="page",
        )
    try:
        content = page.layout(visit)
    except Exception as error:  # whatever a page does, its reader sees words and the log the error
        _log.error("the page %s failed", page.path, exc_info=error)
        content = [
            html.H1(reader.say("broken.title")),
            html.P(reader.say("broken.text"), className="lead"),
        ]
    return html.Div(content, className=f"page page-{page.id}")


def _shell(visit: Visit, path: object) -> list[Any]:
    page = page_at(path)
    reader = visit.reader
    return [
        html.A(reader.say("site_skip"), href=f"#{ids.MAIN}", className="skip"),
        _header(reader, page),
        html.Main(_shown(visit, page), id=ids.MAIN, tabIndex=-1, lang=reader.html_lang),
        html.Footer(
            html.P(reader.say("site_footer")),
            className="site-foot",
            lang=reader.html_lang,
        ),
    ]


def _frame() -> dmc.MantineProvider:
    return dmc.MantineProvider(
        [
            dcc.Location(id=ids.LOCATION, refresh="callback-nav"),
            dcc.Store(id=ids.SCHEME, storage_type="local"),
            dcc.Store(id=ids.SHOWN_SCHEME, data="light"),
            dcc.Store(id=ids.NARROW, data=False),
            dcc.Store(id=ids.DARK, data=palette.dark_of_light()),
            html.Div(id=ids.SHELL, className="shell"),
        ],
        id=ids.PROVIDER,
        defaultColorScheme="auto",
        theme={
            "fontFamily": FONT,
            "headings": {"fontFamily": FONT},
            "primaryColor": "house",
            "primaryShade": {"light": 7, "dark": 4},
            "colors": {
                "house": [
                    "#e8f4fb",
                    "#cfe5f3",
                    "#a0cbe7",
                    "#6eb0da",
                    "#4ba0dc",
                    "#2b88c4",
                    "#0f78b6",
                    "#00669f",
                    "#005a92",
                    "#004a79",
                ]
            },
            "defaultRadius": "md",
        },
    )


def create_app(services: Services) -> dash.Dash:
    """Make the web application: every page registered, every answer guarded.

    Parameters
    ----------
    services : settings and jobs that pages ask for

    Returns
    -------
    dash.Dash
        Its ``server`` is a WSGI application.
    """
    app = _Site(
        "payshift",
        assets_folder=str(ASSETS),
        assets_ignore=r"first\.js",
        serve_locally=True,
        suppress_callback_exceptions=True,
        update_title="",
        title="Payshift",
        on_error=_failed,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.layout = _frame
    _register_shell(app, services)
    for page in PAGES:
        page.register(app, services)
    exports.register(app, services)
    guard.protect(app, services.settings)
    return app


def _failed(error: Exception) -> Any:
    """Keep a page alive when a callback fails; the trouble is told in the log."""
    if isinstance(error, PreventUpdate):
        raise error
    _log.error("a callback failed", exc_info=error)
    return no_update


def _register_shell(app: dash.Dash, services: Services) -> None:
    @app.callback(
        Output(ids.SHELL, "children"),
        Input(ids.LOCATION, "pathname"),
        State(ids.LOCATION, "search"),
    )
    def show(path: object, search: object) -> list[Any]:
        query = query_of(search)
        return _shell(Visit(reader_of(query), services, query), path)

    app.clientside_callback(
        ClientsideFunction("payshift", "scheme"),
        Output(ids.SCHEME, "data"),
        Output(ids.SHOWN_SCHEME, "data"),
        Output(ids.PROVIDER, "forceColorScheme"),
        Output(ids.NARROW, "data"),
        Input(ids.SCHEME_BUTTON, "n_clicks"),
        State(ids.SCHEME, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("payshift", "paint"),
        Output(ids.graph(MATCH), "figure"),
        Input(ids.figure_store(MATCH), "data"),
        Input(ids.SHOWN_SCHEME, "data"),
        Input(ids.NARROW, "data"),
        State(ids.DARK, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("payshift", "title"),
        Output(ids.SHELL, "title"),
        Input(ids.SHELL, "children"),
        prevent_initial_call=True,
    )
