"""Names of everything on the pages that callbacks speak of, in one place.

Knows names alone. A plain name stands once on a page; a function gives the name of one of many.
"""

from __future__ import annotations

from typing import Any

# the shell
LOCATION = "location"
SHELL = "shell"
PROVIDER = "provider"
SCHEME = "scheme"
SCHEME_BUTTON = "scheme-button"
MAIN = "main"
SHOWN_SCHEME = "shown-scheme"
NARROW = "narrow"
DARK = "dark"


def figure_store(name: Any) -> dict[str, Any]:
    """Where a figure's drawing is kept, drawn by light."""
    return {"kind": "figure", "name": name}


def graph(name: Any) -> dict[str, Any]:
    """Where a figure is shown, by light or dark, wide or narrow."""
    return {"kind": "graph", "name": name}
