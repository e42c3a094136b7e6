"""The report in a real browser: it draws everything, asks for nothing and fits every screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashboards.report import ReportTables, write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module", params=["en", "zh"])
def report(
    request: pytest.FixtureRequest,
    make_tables: Callable[..., ReportTables],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    lang = str(request.param)
    return write_report(make_tables(), tmp_path_factory.mktemp("page") / f"{lang}.html", lang)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_draws_itself_without_a_network_and_fits_the_screen(
    browser: Browser, report: Path, width: int, scheme: str
) -> None:
    page = browser.new_page(
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri())
    page.wait_for_selector("[data-drawn=yes]")
    # folds hide drawings and tables: they must draw on opening and stay inside the page
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
    page.wait_for_function(
        "Array.from(document.querySelectorAll('[data-figure]'))"
        ".every(place => place.dataset.drawn === 'yes')"
    )
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    empty = page.evaluate(
        "Array.from(document.querySelectorAll('[data-figure]'))"
        ".filter(place => !place.querySelector('svg')).length"
    )
    assert empty == 0
    page.close()


def test_the_keyboard_reaches_the_answer_and_opens_a_table(browser: Browser, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#answer"
    fold = page.locator("figure details:not(.how) > summary").first
    fold.focus()
    page.keyboard.press("Enter")
    assert page.locator("figure details:not(.how) table").first.is_visible()
    page.close()
