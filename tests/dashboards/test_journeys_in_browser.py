"""Journeys through the pages in a real browser, each to its end."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import numpy as np
import pyarrow.parquet as pq
import pytest

from dashboards import ensemble_view
from dashboards.pages import ensemble as ensemble_panel
from dashboards.server import Site
from experiments.ensemble import Ensemble
from experiments.physician import PATIENTS
from sim.scenario import load
from tests.dashboards.browsing import visit
from tests.dashboards.site import CHOICE, stored_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

YAML = ".yaml textarea"
DIFFERS = "before => document.querySelector('.yaml textarea').value !== before"
# Notes what the results have said since the page was opened, however quickly it was replaced.
WATCH = """
window.told = [];
new MutationObserver(() => {
  for (const place of document.querySelectorAll('#results .notice, #results .sample')) {
    if (!window.told.includes(place.textContent)) window.told.push(place.textContent);
  }
}).observe(document, {childList: true, subtree: true});
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with stored_site(tmp_path_factory.mktemp("home")) as opened:
        yield opened


def opened_editor(page: Page) -> str:
    """Open the first arm's contract; give its text."""
    page.locator(".arm button.small").first.click()
    page.wait_for_function(
        "() => (document.querySelector('.yaml textarea') || {value: ''}).value.length > 50"
    )
    return page.locator(YAML).input_value()


def test_first_numbers_sharpen_and_the_address_shows_the_same_to_somebody_else(
    browser: Browser, site: Site
) -> None:
    asked = {**CHOICE.as_query(), "arms": "tiny-drg", "people": "2000"}
    with visit(browser, site, f"/?{urlencode(asked)}") as page:
        page.evaluate(WATCH)
        right = opened_editor(page)
        page.locator(YAML).fill(right.replace("value: 1.5", "value: 3"))
        page.click("#editor-keep")
        page.locator(".arm .tag").wait_for()
        page.click("#run")
        page.locator("#take a").first.wait_for()
        told = page.evaluate("window.told")
        assert told[0].startswith("First numbers")
        assert "2,000 people each, one replicate" in told[0]
        assert "what you asked for, 2,000 people and 2 replicates" in told[0]
        assert told[-1].startswith("2,000 people")
        assert page.locator("#results .notice").count() == 0
        assert page.locator("#take pre").inner_text().startswith("payshift compare ./tiny-drg-ch")
        headline, address = page.locator(".headline").inner_text(), page.url
    assert "changes=" in address
    with visit(browser, site, address.removeprefix(site.address.rstrip("/"))) as other:
        other.locator("#take a").first.wait_for()
        assert other.locator(".headline").inner_text() == headline
        assert other.locator(".arm .tag").count() == 1


def test_a_comparison_is_stopped_and_says_so(browser: Browser, site: Site) -> None:
    asked = {**CHOICE.as_query(), "people": "20000", "replicates": "20"}
    with visit(browser, site, f"/?{urlencode(asked)}") as page:
        page.click("#run")
        page.locator("#progress .mantine-Progress-root").wait_for()
        page.click("#cancel")
        page.get_by_text("Stopped. What was finished stays").wait_for()
        assert page.locator("#cancel").is_disabled()
        assert page.locator("#run").is_enabled()


def test_a_contract_is_wrapped_added_to_replaced_and_unwrapped_and_follows_its_text(
    browser: Browser, site: Site
) -> None:
    with visit(browser, site, f"/?{urlencode(CHOICE.as_query())}") as page:
        text = opened_editor(page)
        cards = page.locator("#editor-cards")

        def act(name: str, before: str, model: str = "") -> str:
            if model:
                page.get_by_role("textbox", name="Payment model to use").fill(model)
                page.get_by_role("option", name=model, exact=True).click()
            cards.get_by_role("button", name=name, exact=True).first.click()
            page.wait_for_function(DIFFERS, arg=before)
            return page.locator(YAML).input_value()

        wrapped = act("Wrap", text, "Blend")
        assert "blend:" in wrapped
        more = act("Add a part", wrapped, "Cost reimbursement")
        assert "cost_reimbursement:" in more
        replaced = act("Replace", more, "Service unit")
        assert "service_unit:" in replaced
        assert "blend:" not in replaced
        again = act("Wrap", replaced, "Global budget")
        assert act("Unwrap", again) == replaced
        # and the other way: cards follow the text
        before = cards.inner_text()
        page.locator(YAML).fill(text)
        page.click("#editor-apply")
        page.wait_for_function(
            "before => document.getElementById('editor-cards').innerText !== before", arg=before
        )
        assert "Service unit" not in cards.inner_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("payment: !!python/object/apply:os.system ['true']", "tag"),
        ("payment: &a [*a]", "anchor"),
        ("payment: " + "[" * 3_000, ""),
        ("extends: ../../../etc/passwd", "extends"),
        ("payment: <script>window.told = 1</script>", "payment"),
    ],
)
def test_a_hostile_text_is_told_and_does_nothing(
    browser: Browser, site: Site, text: str, said: str
) -> None:
    with visit(browser, site, f"/?{urlencode(CHOICE.as_query())}") as page:
        opened_editor(page)
        page.locator(YAML).fill(text)
        page.click("#editor-keep")
        page.locator("#editor-said li").first.wait_for()
        told = page.locator("#editor-said").inner_text()
        assert said in told
        assert "Traceback" not in told
        assert page.evaluate("window.told") is None
        assert page.locator(".arm .tag").count() == 0


def test_a_class_of_two_plays_and_its_teacher_sees_both(browser: Browser, site: Site) -> None:
    with visit(browser, site, "/play") as teacher:
        teacher.get_by_role("button", name="Open a class").click()
        code = teacher.locator("#play-room-code").inner_text()
        for number, patients in ((1, 2 * len(PATIENTS)), (2, len(PATIENTS))):
            with visit(browser, site, f"/play?code={code}") as student:
                student.get_by_role("button", name="Join", exact=True).click()
                for _ in range(patients):
                    student.locator("#play-preview .big", has_text="0").wait_for()
                    if number == 2:
                        student.get_by_role("slider").focus()
                        student.keyboard.press("ArrowRight")
                        student.locator("#play-preview .big", has_text="1").wait_for()
                    # What stands there now goes only when the answer has been taken.
                    before = student.locator("#play-stage").inner_text()
                    student.locator(".patient .button").click()
                    student.wait_for_function(
                        "before => document.getElementById('play-stage').innerText !== before",
                        arg=before,
                    )
                if number == 1:
                    student.locator(".ways").wait_for()
            teacher.get_by_text(f"{number} joined").wait_for()
        # one student gave nobody a service, the other one each
        teacher.get_by_text("Paid for every service the class gives 0.5").wait_for()
        told = teacher.locator(".classroom").inner_text()
        assert "2 finished the first payment" in told
        assert "1 finished both" in told


def saved(page: Page, name: str) -> bytes:
    with page.expect_download() as file:
        page.locator("#take").get_by_text(name).click()
    return Path(file.value.path()).read_bytes()


def test_everything_that_can_be_taken_along_opens_elsewhere(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    with visit(browser, site, f"/?{urlencode(CHOICE.as_query())}") as page:
        page.locator("#take a").first.wait_for()
        rows = list(csv.DictReader(io.StringIO(saved(page, "CSV").decode("utf-8-sig"))))
        assert {row["arm"] for row in rows} == {"tiny-drg", "tiny-capitation"}
        tables = zipfile.ZipFile(io.BytesIO(saved(page, "Parquet")))
        names = tables.namelist()
        assert any(name.endswith(".parquet") for name in names)
        for name in names:
            if name.endswith(".parquet"):
                assert pq.read_table(io.BytesIO(tables.read(name))).num_columns > 2
        scenarios = zipfile.ZipFile(io.BytesIO(saved(page, "YAML")))
        for name in scenarios.namelist():
            file = tmp_path / name
            file.write_bytes(scenarios.read(name))
            assert load(file).region_id == "tiny"
        report = saved(page, "one HTML file").decode("utf-8")
        assert "</html>" in report
        assert "http-equiv" not in report or "src=" not in report.partition("<body")[0]
        page.locator("#detail-panel .main-svg").first.wait_for()
        for kind, first in (("svg", b"<svg"), ("png", b"\x89PNG")):
            with page.expect_download() as file:
                page.locator(f"#detail-panel [data-save={kind}]").first.click()
            assert first in Path(file.value.path()).read_bytes()[:200]


def choose(page: Page, field: str, option: str) -> None:
    page.get_by_role("textbox", name=field, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_a_small_sweep_is_begun_stopped_and_begun_again_from_the_page(
    browser: Browser, site: Site
) -> None:
    with visit(browser, site, "/uncertainty") as page:
        page.get_by_role("textbox", name="Payment model", exact=True).fill("Tiny county: DRG")
        page.get_by_role("option", name="Tiny county: DRG").click()
        choose(page, "What it is for", "one factor at a time: a tornado")
        choose(page, "People", "200 people")
        choose(page, "After the reform", "12 months")
        page.locator("#sweep-start:enabled").wait_for()
        page.click("#sweep-start")
        page.locator("#sweep-told .mantine-Progress-root").wait_for()
        page.click("#sweep-stop")
        page.get_by_text("The sweep was stopped.").wait_for()
        page.click("#sweep-start")
        page.get_by_text("The sweep is done and shown below.").wait_for()
        page.locator("#uncertainty-in-answer .headline p").wait_for()
        page.wait_for_function("() => location.search.includes('store=page-')")
        page.locator("#uncertainty-in-matters .main-svg").first.wait_for()


def test_a_comparison_is_lived_again_under_other_sets_of_parameters(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = Ensemble("tiny", ("altruism_scale",), np.array([[0.8], [1.2]]), {}, {})
    for module in (ensemble_view, ensemble_panel):
        monkeypatch.setattr(module, "ensemble_of", lambda region: sets)
    with visit(browser, site, f"/?{urlencode(CHOICE.as_query())}") as page:
        page.click("#ensemble-start")
        page.get_by_text("keep their sign in at least nine of ten of the 2 sets").wait_for()
        told = page.locator("#ensemble-told").inner_text()
        assert "DRG" in told
        assert "2 sets, 2 seeds of 500 people each" in told
        # asked again, it is there at once: nothing is lived twice
        page.click("#ensemble-start")
        page.locator("#ensemble-told table").wait_for()
