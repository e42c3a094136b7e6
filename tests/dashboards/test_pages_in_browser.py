"""The pages in a real browser: both languages, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dashboards.page import Page as SitePage
from dashboards.pages import PAGES
from dashboards.server import Site
from tests.dashboards.site import open_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE = 60_000  # milliseconds; a busy machine is slow, not broken


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("PAYSHIFT_HOME", str(home))
        with open_site(home) as opened:
            yield opened


@contextmanager
def visit(
    browser: Browser, site: Site, address: str, width: int = 1440, scheme: str = "light"
) -> Iterator[Page]:
    """Open an address and hold it to what every page promises."""
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


@pytest.mark.parametrize("site_page", PAGES, ids=lambda page: page.id)
@pytest.mark.parametrize(("lang", "width", "scheme"), [("en", 1440, "light"), ("zh", 390, "dark")])
def test_a_page_opens_without_complaint_in_both_languages(
    browser: Browser, site: Site, site_page: SitePage, lang: str, width: int, scheme: str
) -> None:
    with visit(browser, site, f"{site_page.path}?lang={lang}", width, scheme) as page:
        assert page.evaluate("document.documentElement.lang").startswith(lang)
        assert (
            page.evaluate("document.documentElement.getAttribute('data-mantine-color-scheme')")
            == scheme
        )
        assert page.locator("main h1").count() == 1
        unnamed = page.evaluate(
            "Array.from(document.querySelectorAll('button, a')).filter(e => e.offsetWidth > 0 && "
            "!e.closest('[aria-hidden=true]') && "
            "!(e.textContent.trim() || e.getAttribute('aria-label'))).length"
        )
        assert unnamed == 0
