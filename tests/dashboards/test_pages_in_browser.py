"""The pages in a real browser: both languages, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from dashboards.page import Page as SitePage
from dashboards.pages import PAGES
from dashboards.server import Site
from experiments import lessons
from experiments.physician import PATIENTS
from tests.dashboards.browsing import PATIENCE, visit
from tests.dashboards.site import (
    CHOICE,
    short_lesson,
    stored_site,
    stored_sweep,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        stored_sweep(home)
        patch.setattr(lessons, "_folder", lambda: short_lesson(home))
        with stored_site(home) as opened:
            yield opened


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


@pytest.mark.parametrize("address", ["/library?lang=zh", "/lessons", "/play"])
def test_a_page_names_itself_at_the_top_of_a_telephone_and_in_its_title(
    browser: Browser, site: Site, address: str
) -> None:
    inside = """() => {
        const name = document.querySelector(".site nav .is-here").getBoundingClientRect();
        const row = document.querySelector(".site nav ul").getBoundingClientRect();
        return name.left >= row.left && name.right <= row.right;
    }"""
    with visit(browser, site, address, 390) as page:
        page.wait_for_function(inside)
        heading = page.locator("main h1").inner_text()
        assert page.title() == f"{heading} · Payshift"


@pytest.mark.parametrize(("lang", "width"), [("en", 1440), ("zh", 390)])
def test_a_shared_address_shows_its_comparison_and_a_cell_opens_its_story(
    browser: Browser, site: Site, lang: str, width: int
) -> None:
    query = urlencode({**CHOICE.as_query(), "lang": lang})
    with visit(browser, site, f"/?{query}", width) as page:
        page.wait_for_selector("#detail-panel .js-plotly-plot .main-svg")
        first = page.locator("#detail-panel figcaption .kicker").first.inner_text()
        cells = page.locator("button.cell")
        assert cells.count() > 10
        cells.last.click()
        page.wait_for_function(
            "t => document.querySelector('#detail-panel figcaption .kicker').textContent !== t",
            arg=first,
        )
        assert page.locator("#progress").inner_text() == ""
        assert page.locator("#progress").evaluate("place => place.offsetHeight") == 0
        assert "payshift compare tiny-drg tiny-capitation" in page.locator("#take pre").inner_text()


def test_an_arm_is_changed_by_its_text_and_mistakes_are_told(browser: Browser, site: Site) -> None:
    with visit(browser, site, f"/?{urlencode(CHOICE.as_query())}") as page:
        page.locator(".arm button.small").first.click()
        text = page.locator(".yaml textarea")
        text.wait_for()
        page.wait_for_function("() => document.querySelector('.yaml textarea').value.length > 50")
        right = text.input_value()
        text.fill(right.replace("drg:", "drgg:"))
        page.click("#editor-keep")
        page.wait_for_selector("#editor-said li")
        assert "drgg" in page.locator("#editor-said").inner_text()
        text.fill(right.replace("value: 1.5", "value: 3"))
        page.click("#editor-keep")
        page.wait_for_selector(".arm .tag")


def test_an_arm_is_changed_by_a_slider_and_by_cards(browser: Browser, site: Site) -> None:
    with visit(browser, site, f"/?{urlencode(CHOICE.as_query())}") as page:
        page.locator(".arm button.small").first.click()
        text = page.locator(".yaml textarea")
        text.wait_for()
        page.wait_for_function("() => document.querySelector('.yaml textarea').value.length > 50")
        differs = "before => document.querySelector('.yaml textarea').value !== before"
        before = text.input_value()
        page.locator("#editor-levers [role=slider]").first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(differs, arg=before)
        moved = text.input_value()
        assert "global_budget" not in moved
        cards = page.locator("#editor-cards .block").count()
        page.locator("#editor-cards").get_by_role("button", name="Wrap").first.click()
        page.wait_for_function(differs, arg=moved)
        assert "global_budget" in text.input_value()
        page.wait_for_function(
            "n => document.querySelectorAll('#editor-cards .block').length > n", arg=cards
        )
        page.click("#editor-keep")
        page.wait_for_selector(".arm .tag")


def test_a_lesson_is_played_from_the_guess_to_the_report(browser: Browser, site: Site) -> None:
    with visit(browser, site, "/lessons?lesson=fee-for-service") as page:
        page.locator("#predict [role=slider]").focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        page.locator("#lesson-guess-shown", has_text="5").wait_for()
        page.get_by_role("button", name="Lock in and run").click()
        page.locator("#explain").wait_for(timeout=4 * PATIENCE)
        page.locator("#explain .main-svg").first.wait_for()
        assert page.locator("#explain .told li").count() >= 3
        assert "{" not in page.locator("#explain").inner_text()
        page.locator("#lesson-answer").fill("Whoever is paid by the item does more items.")
        with page.expect_download() as saved:
            page.get_by_role("button", name="Download the report").click()
        told = Path(saved.value.path()).read_text(encoding="utf-8")
        assert "Whoever is paid by the item does more items." in told
        assert "<script" not in told
        # A guess that has been answered stands, until the lesson is begun again.
        go = page.get_by_role("button", name="Lock in and run")
        assert go.is_disabled()
        page.get_by_role("button", name="Begin again").click()
        page.locator("#explain").wait_for(state="detached")
        page.wait_for_function("() => !document.querySelector('#lesson-go').disabled")


@pytest.mark.parametrize("site_page", PAGES, ids=lambda page: page.id)
@pytest.mark.parametrize(("lang", "width", "scheme"), [("en", 390, "light"), ("zh", 1440, "dark")])
def test_a_page_keeps_the_rules_of_access(
    browser: Browser, site: Site, site_page: SitePage, lang: str, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    query = urlencode(CHOICE.as_query()) if site_page.id == "compare" else ""
    with visit(browser, site, f"{site_page.path}?lang={lang}&{query}", width, scheme) as page:
        page.wait_for_load_state("networkidle")
        found = axe.run(page).response["violations"]
    serious = [
        f"{rule['id']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"][:3]
    ]
    assert serious == []


def test_a_player_treats_everybody_and_sees_where_they_stand(browser: Browser, site: Site) -> None:
    with visit(browser, site, "/play") as page:
        page.get_by_role("button", name="Start").click()
        for _ in range(2 * len(PATIENTS)):
            page.locator(".patient").wait_for()
            page.locator("#play-preview .big", has_text="0").wait_for()
            before = page.locator("#play-stage").inner_text()
            page.get_by_role("slider").focus()
            page.keyboard.press("ArrowRight")
            page.locator("#play-preview .big", has_text="1").wait_for()
            page.locator(".patient .button").click()
            page.wait_for_function(
                "before => document.getElementById('play-stage').innerText !== before", arg=before
            )
        page.locator(".ways").wait_for()
        assert "1.0 services a patient" in page.locator("#play-stage figcaption").inner_text()


def test_a_class_is_joined_by_its_code_and_a_wrong_code_is_told(
    browser: Browser, site: Site
) -> None:
    with visit(browser, site, "/play") as teacher:
        teacher.get_by_role("button", name="Open a class").click()
        teacher.locator("#play-room-code").wait_for()
        code = teacher.locator("#play-room-code").inner_text()
        with visit(browser, site, f"/play?code={code}&lang=zh", 390) as student:
            assert student.get_by_label("课堂代码").input_value() == code
            student.get_by_role("button", name="加入").click()
            student.locator(".patient").wait_for()
        teacher.get_by_text("1 joined").wait_for()
    with visit(browser, site, "/play") as page:
        page.get_by_label("Code of the class").fill("ABCDE")
        page.get_by_role("button", name="Join", exact=True).click()
        page.locator(".notice").wait_for()
        assert page.locator(".doors").is_visible()


def test_a_contract_is_edited_and_its_margins_move_at_once(browser: Browser, site: Site) -> None:
    with visit(browser, site, "/incentives?scenario=tiny-drg") as page:
        page.locator(".tools-grid").wait_for()
        coded = page.locator(".heat tr", has_text="Level coded up").locator("td").nth(1)
        before = coded.inner_text()
        page.get_by_text("Change the contract", exact=True).click()
        field = page.get_by_label("Payment (YAML)")
        text = field.input_value()
        field.fill(text.replace("base_rate: neutral", "base_rate: 90000.0"))
        page.wait_for_function(
            "before => [...document.querySelectorAll('.heat tr')].some(row => "
            "row.innerText.startsWith('Level coded up') && "
            "row.querySelectorAll('td')[1].innerText !== before)",
            arg=before,
        )
        field.fill(text.replace("drg:", "dgr:"))
        page.locator(".notice").wait_for()
        assert "dgr" in page.locator(".notice").inner_text()
        assert page.locator(".heat").is_visible()


@pytest.mark.parametrize(("lang", "width", "scheme"), [("en", 1440, "light"), ("zh", 390, "dark")])
def test_a_sweep_is_opened_read_and_brushed(
    browser: Browser, site: Site, lang: str, width: int, scheme: str
) -> None:
    with visit(browser, site, f"/uncertainty?lang={lang}", width, scheme) as page:
        page.wait_for_selector("#uncertainty-in-answer .headline p")
        for part in ("matters", "months", "settled", "fails", "robust", "unfinished"):
            page.wait_for_selector(f"#uncertainty-in-{part} > *")
        page.wait_for_selector("#uncertainty-in-matters .main-svg")
        page.wait_for_selector("#uncertainty-draws .main-svg")
        told = page.locator("#uncertainty-draws h3")
        before = told.inner_text()
        slider = page.locator("#uncertainty-runs [role=slider]").first
        slider.focus()
        for _ in range(30):
            page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "before => document.querySelector('#uncertainty-draws h3').textContent !== before",
            arg=before,
        )
        page.wait_for_function("() => location.search.includes('store=two-unknowns.sqlite')")
        assert "payshift sensitivity two-unknowns.sqlite" in page.locator("main pre").inner_text()
        with page.expect_download() as saved:
            page.locator("#uncertainty-files a").first.click()
        assert saved.value.suggested_filename.endswith("runs.csv")
