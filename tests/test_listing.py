"""The page of payment models: complete in both languages, and it fits a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest

from sim.cli import main
from sim.listing import models_as_text
from sim.payment import catalogue


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("row", catalogue(), ids=lambda row: row["id"])
def test_a_model_is_told_with_formula_terms_and_sources_in_eighty_columns(
    row: dict[str, object], lang: str
) -> None:
    text = models_as_text([row], lang)
    assert max(map(columns, text.splitlines())) <= 80
    assert "revenue" in text
    squeezed = "".join(text.split())
    assert "".join(str(row[f"title_{lang}"]).split()) in squeezed
    assert "".join(str(row["sources"]).split()) in squeezed
    terms = row["terms"]
    assert isinstance(terms, list)
    for term in terms:
        assert f"  {term['id']}" in text
        assert "".join(str(term[f"label_{lang}"]).split()) in squeezed
        if term["form"] == "number":
            assert term["unit"] in text


def test_every_model_has_formulas_that_stand_without_the_prose() -> None:
    for row in catalogue():
        page = models_as_text([row], "zh")
        formulas = page.split("公式\n")[1].split("\n\n")[0]
        assert "revenue" in formulas, row["id"]


def test_one_source_is_one_entry_with_its_address() -> None:
    (row,) = (row for row in catalogue() if row["id"] == "drg")
    sources = models_as_text([row], "en").split("Sources\n")[1]
    entries = [line for line in sources.splitlines() if not line.startswith("    ")]
    assert [line.split()[0] for line in entries] == ["Fetter", "Dafny", "Jian"]


def test_the_command_tells_the_models_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "models", "per_diem", "drg"]) == 0
    told = capsys.readouterr().out
    assert told.index("per_diem · Per diem") < told.index("drg · Diagnosis-related groups")
    assert "capitation" not in told
    assert main(["list", "models", "drg", "--json"]) == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == ["drg"]


def test_a_misspelled_model_is_told_with_the_nearest_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list", "models", "capitaton"]) == 2
    assert "Did you mean 'capitation'?" in capsys.readouterr().err
