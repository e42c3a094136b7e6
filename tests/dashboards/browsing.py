"""A visit to a page in a real browser, held to what every page promises.

Knows a site that listens; must not know what its pages show.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dashboards.server import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE = 60_000  # milliseconds; a busy machine is slow, not broken


@contextmanager
def visit(
    browser: Browser, site: Site, address: str, width: int = 1440, scheme: str = "light"
) -> Iterator[Page]:
    """Open an address in a context of its own and hold it to what every page promises."""
    page = browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.set_default_timeout(PATIENCE)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(site.address.rstrip("/") + address)
    page.wait_for_selector("main h1")
    yield page
    assert complaints == []
    assert [u for u in asked if not u.startswith((site.address, "data:", "blob:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
