"""Compare: reforms beside a region's status quo; the answer, then why, then how sure.

Knows what a reader chooses and how results are laid out; must not know how a run is made.
"""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from dashboards.page import Page, Services, Visit

__all__ = ["PAGE"]


def layout(visit: Visit) -> list[Any]:
    """The page for one visit."""
    reader = visit.reader
    return [
        html.H1(reader.say("title.compare")),
        html.P(reader.say("about.compare"), className="lead"),
    ]


def register(app: dash.Dash, services: Services) -> None:
    """Declare the page's callbacks."""
    del app, services


PAGE = Page("/", "compare", layout, register)
