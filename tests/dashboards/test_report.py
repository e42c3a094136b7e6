"""The report: one file, complete in both languages, true to its numbers, empty with grace."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from plotly.offline import get_plotlyjs

from dashboards.figures import words
from dashboards.figures.answer import arm_cards, chains, family_of, headline
from dashboards.figures.canvas import Style
from dashboards.report import (
    ReportTables,
    canonical,
    canonical_group,
    empty_tables,
    replicates_needed,
    report_html,
    write_report,
)

pytestmark = pytest.mark.slow  # every test lays whole pages out

MakeTables = Callable[..., ReportTables]
SECTIONS = [
    "answer",
    "scorecard",
    "trajectories",
    "why",
    "gainers",
    "providers",
    "incentives",
    "flows",
    "sure",
    "limits",
    "provenance",
]


class _Reader(HTMLParser):
    """Collects what a browser would load, the order of headings, ids and unclosed elements."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if given.get("id"):
            self.ids.append(given["id"] or "")
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        for name in ("src", "srcset", "data", "action", "poster"):
            if given.get(name):
                self.loads.append(given[name] or "")
        if tag == "link":
            self.loads.append(given.get("href") or "")
        if tag == "a" and (given.get("href") or "").startswith("#"):
            self.references.append((given["href"] or "")[1:])

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader


@pytest.fixture(scope="module")
def tables(make_tables: MakeTables) -> ReportTables:
    return make_tables()


@pytest.fixture(scope="module", params=["en", "zh"])
def report(request: pytest.FixtureRequest, tables: ReportTables) -> tuple[str, str]:
    lang = str(request.param)
    return lang, report_html(tables, lang)


@pytest.fixture(scope="module")
def few(make_tables: MakeTables) -> ReportTables:
    return make_tables(only=("spending_per_person", "qaly", "wait"), months_after=12)


def _bare(page: str) -> str:
    """The page without the drawing library, whose source mentions addresses it never loads."""
    return page.replace(get_plotlyjs(), "")


def test_the_report_is_one_file_that_loads_nothing(tables: ReportTables, tmp_path: Path) -> None:
    written = write_report(tables, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    page = written.read_text(encoding="utf-8")
    assert _read(page).loads == []
    bare = _bare(page)
    assert not re.search(r"https?://", bare)
    assert "@import" not in bare
    assert "url(" not in bare
    assert "default-src 'none'" in bare


def test_the_drawing_library_is_inside_exactly_once(report: tuple[str, str]) -> None:
    assert report[1].count(get_plotlyjs()[:2000]) == 1
    assert len(report[1]) < len(get_plotlyjs()) + 2_000_000


def test_elements_are_closed_ids_unique_and_links_lead_somewhere(report: tuple[str, str]) -> None:
    reader = _read(report[1])
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert set(reader.references) <= set(reader.ids)


def test_sections_come_in_the_order_answer_why_how_sure(report: tuple[str, str]) -> None:
    found = re.findall(r'<section id="([a-z]+)"', report[1])
    assert found == SECTIONS


def test_headings_never_skip_a_level(report: tuple[str, str]) -> None:
    levels = _read(report[1]).headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_every_figure_has_a_sentence_and_its_numbers_in_a_table(report: tuple[str, str]) -> None:
    figures = re.findall(r"<figure.*?</figure>", report[1], flags=re.S)
    assert len(figures) > 18
    for figure in figures:
        sentence = re.search(r"<h[34]>(.+?)</h[34]>", figure)
        assert sentence is not None
        assert sentence.group(1).rstrip()[-1] in ".。"
        assert "<table>" in figure
        assert 'role="img"' in figure


def test_every_drawing_is_stored_and_every_stored_drawing_is_placed(
    report: tuple[str, str],
) -> None:
    stored = re.search(r'id="figures">(.*?)</script>', report[1], flags=re.S)
    assert stored is not None
    drawings: dict[str, Any] = json.loads(stored.group(1))
    assert set(drawings) == set(re.findall(r'data-figure="([^"]+)"', report[1]))
    kinds = {t["type"] for d in drawings.values() for s in d.values() for t in s["data"]}
    assert kinds <= {"scatter", "heatmap", "sankey", "bar"}


def test_every_outcome_says_how_it_is_measured(tables: ReportTables) -> None:
    page = report_html(tables, "en")
    for definition in tables.outcomes["definition_en"]:
        assert str(definition) in page


def test_the_chinese_report_is_written_in_chinese(tables: ReportTables) -> None:
    reader = _read(_bare(report_html(tables, "zh")))
    text = "".join(reader.text)
    for term in ("总额预付", "按人头付费", "按病种付费", "按价值付费", "支付方式", "基层首诊率"):
        assert term in text
    for english in ("status quo", "Status quo", "lowers", "better", "Numbers behind"):
        assert english not in text


def test_no_text_of_a_catalogue_is_left_unfilled(report: tuple[str, str]) -> None:
    text = "".join(_read(_bare(report[1])).text)
    assert not re.search(r"\{[a-z_]+\}", text)
    assert not re.search(r"\b(nan|None|inf)\b", text)


def test_the_headline_says_what_the_numbers_say(tables: ReportTables) -> None:
    style = Style("en", tables.currency)
    tables = canonical(tables)
    first, second = headline(tables.differences, tables.outcomes, tables.arms, style)
    every = {(c.arm, c.outcome): c for c in words.changes_of(tables.differences)}
    spending = {arm: c for (arm, o), c in every.items() if o == "spending_per_person"}
    cheapest = min(spending.values(), key=lambda c: c.difference)
    assert cheapest.arm == "global-budget"
    assert first.startswith("Global budget saves most: spending per person down")
    assert f"{words.plain(100 * -cheapest.difference / cheapest.baseline)}%" in first
    assert "under-treated contacts up" in first
    gain = every[("value-based", "avoidable_admissions")]
    assert second.startswith("Value-based pay does most for patients: avoidable admissions down")
    assert f"{words.plain(100 * -gain.difference / gain.baseline)}%" in second


def test_the_headline_claims_nothing_when_nothing_is_clear(tables: ReportTables) -> None:
    vague = tables.differences.assign(
        low=tables.differences["difference"] - 1e9, high=tables.differences["difference"] + 1e9
    )
    sentences = headline(vague, tables.outcomes, tables.arms, Style("en"))
    assert sentences == [
        "No reform clearly lowers spending per person here.",
        "No reform clearly improves the health outcomes measured.",
    ]


def test_one_replicate_gives_no_answer_and_says_why(few: ReportTables) -> None:
    lone = few.differences.assign(low=np.nan, high=np.nan, n=1)
    (sentence,) = headline(lone, few.outcomes, few.arms, Style("en"))
    assert "one replicate" in sentence
    page = report_html(dataclasses.replace(few, differences=lone), "en")
    assert "saves most" not in "".join(_read(_bare(page)).text)


def test_a_card_tells_losses_of_life_before_busier_indicators(tables: ReportTables) -> None:
    tables = canonical(tables)
    card = arm_cards(tables.differences, tables.outcomes, tables.arms, Style("en"))[0]
    assert card.worse[0].startswith("QALYs lived")


def test_a_chain_follows_the_causes_of_the_model(tables: ReportTables) -> None:
    tables = canonical(tables)
    found = {
        chain.arm: chain
        for chain in chains(
            tables.differences, tables.outcomes, tables.arms, tables.incentives, Style("en")
        )
    }
    assert "level coded up" in found["drg"].incentive[0]
    assert found["drg"].behavior[0] == "Stays coded up"
    assert "spending" in found["drg"].outcome[0].lower()
    assert family_of("bed_day_late") == "bed_day"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_comparison_without_results_is_a_designed_page(tables: ReportTables, lang: str) -> None:
    bare = dataclasses.replace(tables, **empty_tables(), provenance={})
    page = report_html(bare, lang)
    reader = _read(page)
    assert reader.open == []
    assert re.findall(r'<section id="([a-z]+)"', page) == SECTIONS
    assert page.count('class="empty"') >= 6
    assert words.say(lang, "headline.empty") in page


def test_missing_and_unmeasured_outcomes_are_shown_as_such(few: ReportTables) -> None:
    frame = few.differences[few.differences["outcome"] != "wait"].copy()
    lost = (frame["outcome"] == "qaly") & (frame["arm"] == "drg")
    frame.loc[lost, ["arm_mean", "difference", "low", "high", "relative", "se_paired"]] = np.nan
    page = report_html(dataclasses.replace(few, differences=frame), "en")
    assert "Wait for elective care: not recorded in this comparison." in page
    assert "not measured" in page


def test_an_area_without_outcomes_says_how_to_add_one(few: ReportTables) -> None:
    outcomes = few.outcomes[few.outcomes["area"] != "equity"]
    page = report_html(dataclasses.replace(few, outcomes=outcomes), "en")
    assert "No outcome of this kind was recorded." in page


def test_names_cannot_smuggle_markup_into_the_page(few: ReportTables) -> None:
    arms = few.arms.copy()
    arms.loc[1, "title_en"] = "<script>alert(1)</script>"
    provenance = {"command": "payshift </script><img src=x>"}
    page = report_html(dataclasses.replace(few, arms=arms, provenance=provenance), "en")
    reader = _read(page)
    assert reader.open == []
    assert reader.loads == []
    assert "<script>alert" not in page


def test_groups_are_understood_as_outcomes_name_them() -> None:
    assert canonical_group("fifth=3") == "income:3"
    assert canonical_group("health=several") == "health:2+"
    assert canonical_group("place=village") == "place:rural"
    assert canonical_group("kind=tertiary") == "kind:tertiary"
    assert canonical_group("income:5") == "income:5"


def test_needed_replicates_grow_with_the_square_of_the_wanted_width() -> None:
    change = words.Change("a", "o", "all", 100.0, 101.0, 1.0, -2.0, 4.0, 0.01)
    # half width 3 against 1 % of 100: nine times the replicates
    assert replicates_needed(change, "per 100 visits", 20) == ("more", "180")
    clear = dataclasses.replace(change, low=0.5, high=1.5)
    assert replicates_needed(clear, "per 100 visits", 20) == ("clear", "–")
    tight = dataclasses.replace(change, difference=0.1, low=-0.4, high=0.6)
    assert replicates_needed(tight, "per 100 visits", 20) == ("tight", "–")


def test_writing_a_report_leaves_its_tables_as_they_were(make_tables: MakeTables) -> None:
    few = ("spending_per_person", "qaly")
    given, twin = make_tables(only=few), make_tables(only=few)
    report_html(given, "en")
    for item in dataclasses.fields(given):
        value = getattr(given, item.name)
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, getattr(twin, item.name))


def test_the_same_tables_give_the_same_file(few: ReportTables) -> None:
    assert report_html(few, "en") == report_html(few, "en")
