"""The words of the pages: every text in both languages, and no page without its words."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter

import pytest

from dashboards.figures import words
from dashboards.page import Page
from dashboards.pages import PAGES
from dashboards.pages.library import library
from dashboards.texts import FOLDER, LANGUAGES, Reader, catalogue
from sim.ledger import PURPOSES

ROOT = Path(__file__).resolve().parents[2]


def test_both_languages_have_every_text_and_the_same_files() -> None:
    files = {lang: {path.name for path in (FOLDER / lang).glob("*.po")} for lang in LANGUAGES}
    assert files["en"] == files["zh"]
    assert set(catalogue("en")) == set(catalogue("zh"))


def test_a_text_asks_for_the_same_fields_in_both_languages() -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    other = catalogue("zh")
    differing = [key for key, text in catalogue("en").items() if fields(text) != fields(other[key])]
    assert differing == []


def test_chinese_texts_are_chinese() -> None:
    latin = re.compile(r"^[\x00-\x7f–“”]*$")
    same = {
        key
        for key, text in catalogue("zh").items()
        if latin.match(text) and re.search("[a-z]{3}", text)
    }
    assert same <= {"site_title", "site_other_language", "library_cite_text"}


HALF_WIDTH = re.compile("[\u4e00-\u9fff）”》] ?[(;,:?!]|[(][^()]*[\u4e00-\u9fff]")
SPACED = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef] [\u3000-\u303f\u4e00-\u9fff]")


def chinese(told: object, where: str = "") -> Iterator[tuple[str, str]]:
    """Every Chinese text of nested records: under zh, or a name that ends in it."""
    if isinstance(told, Mapping):
        for name, value in told.items():
            is_chinese = isinstance(value, str) and str(name).rpartition("_")[2] == "zh"
            if is_chinese:
                yield f"{where}.{name}", str(value)
            else:
                yield from chinese(value, f"{where}.{name}")
    elif isinstance(told, (list, tuple)):
        for entry in told:
            about = entry.get("id", "") if isinstance(entry, Mapping) else ""
            yield from chinese(entry, f"{where}.{about}")


def test_whatever_readers_are_told_in_chinese_is_punctuated_as_chinese() -> None:
    records = [*(ROOT / "experiments" / "records").rglob("*.json")]
    told = [
        *((key, text) for key, text in catalogue("zh").items()),
        *((key, text) for key, text in words.catalogue("zh").items()),
        *chinese(library()),
        *chinese(PURPOSES),
        *(pair for path in records for pair in chinese(json.loads(path.read_text("utf-8")))),
    ]
    assert len(told) > 2_000
    # A formula is written as everywhere.
    wrong = [
        (key, text)
        for key, text in told
        if HALF_WIDTH.search(text.replace("log(1+费用)", "")) or SPACED.search(text)
    ]
    assert wrong == []


@pytest.mark.slow
def test_every_key_a_page_says_outright_has_its_text() -> None:
    missing = []
    for path in sorted((ROOT / "dashboards").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "say"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                continue
            key = str(node.args[0].value)
            if not Reader("en").knows(key) and f"{key}.plural" not in words.catalogue("en"):
                missing.append(f"{path.name}:{node.lineno} {key}")
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.id)
def test_every_page_has_a_name_a_title_and_a_line_about_it(page: Page) -> None:
    for lang in LANGUAGES:
        for family in ("nav", "title", "about"):
            assert Reader(lang).say(f"{family}.{page.id}")
