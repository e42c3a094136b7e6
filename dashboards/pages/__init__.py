"""Pages of the dashboard: one module each, listed here in the order of the navigation.

Knows which pages there are. A new page is a module with a ``PAGE`` and a line below.
"""

from __future__ import annotations

from dashboards.page import Page
from dashboards.pages import compare, evidence, incentives, lessons, library, play, uncertainty

__all__ = ["PAGES", "page_at"]

PAGES: tuple[Page, ...] = (
    compare.PAGE,
    incentives.PAGE,
    uncertainty.PAGE,
    evidence.PAGE,
    lessons.PAGE,
    play.PAGE,
    library.PAGE,
)


def page_at(path: object) -> Page | None:
    """The page at an address; None where there is none."""
    if not isinstance(path, str):
        return None
    short = path.rstrip("/") or "/"
    return next((page for page in PAGES if page.path == short), None)
