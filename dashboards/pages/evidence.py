"""Evidence: what studies published beside what the model gives.

Knows what has been held against published numbers; must not know how.
"""

from __future__ import annotations

from typing import Any

import dash
from dash import html

from dashboards import components as parts
from dashboards.page import Page, Services, Visit

__all__ = ["PAGE"]


def layout(visit: Visit) -> list[Any]:
    """The page for one visit."""
    reader = visit.reader
    return [
        html.H1(reader.say("title.evidence")),
        html.P(reader.say("about.evidence"), className="lead"),
        parts.empty(
            reader.say("evidence_none"),
            html.P(reader.say("evidence_none_do")),
        ),
    ]


def register(app: dash.Dash, services: Services) -> None:
    """Nothing moves on this page."""
    del app, services


PAGE = Page("/evidence", "evidence", layout, register)
