"""Every payment scenario of the library can be read, looked through and lived."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any, cast

import pytest

import sim
from sim.eves import Eves
from sim.scenario import library_ids, validate

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "scenarios" / "payment").glob("*.yaml"))
LEAST_LETTERS = 40  # of a description that says what a system is and where it is used
PEOPLE, REFORM = 300, 2


@pytest.fixture(scope="module")
def eves() -> Eves:
    """The months before the reform, lived once for each region: they are the same for all."""
    return Eves(most=8)


def of_each() -> Any:
    return pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))


@of_each()
def test_a_scenario_of_the_library_is_valid(file: Path) -> None:
    assert validate(file) == []


def test_no_two_scenarios_share_an_id() -> None:
    found = list(library_ids())
    assert len(found) == len(set(found))
    assert {file.stem for file in FILES} <= set(found)


@of_each()
def test_a_scenario_says_in_both_languages_what_it_is_and_where_it_is_used(file: Path) -> None:
    scenario = sim.load(file.stem)
    for text in (scenario.title, scenario.description):
        assert set(text) == {"en", "zh"}
    english, chinese = scenario.description["en"], scenario.description["zh"]
    assert len(english) >= LEAST_LETTERS
    assert len(re.findall(r"[\u4e00-\u9fff]", chinese)) >= LEAST_LETTERS


@pytest.mark.slow
@of_each()
def test_a_scenario_is_looked_through_and_lived_with_books_that_balance(
    file: Path, eves: Eves
) -> None:
    whole = sim.load(file.stem).with_population(PEOPLE)
    scenario = whole.with_horizon(warm_up=0, baseline=12, reform=REFORM)
    assert len(sim.xray(scenario))
    accounts = sim.run(scenario, simulate=eves.simulate).table("accounts")
    months = accounts.groupby("month")[["opening", "closing"]].sum()
    assert len(months) == 12 + REFORM
    assert (months["closing"] == months["opening"]).all()


@pytest.mark.slow
def test_the_soft_total_is_the_status_quo_to_the_bit() -> None:
    soft = sim.load("china-county-global-budget-soft").with_population(PEOPLE)
    soft = soft.with_horizon(warm_up=0, baseline=12, reform=REFORM)
    one, other = sim.run(soft), sim.run(soft.status_quo())
    columns = ["outcome", "value"]
    left, right = (
        record.summary()[columns].sort_values(columns, ignore_index=True) for record in (one, other)
    )
    assert left.equals(right)


@pytest.mark.slow
def test_the_page_of_the_library_says_what_the_files_say() -> None:
    place = importlib.util.spec_from_file_location("library_page", ROOT / "docs" / "library.py")
    assert place is not None and place.loader is not None
    module = cast(Any, importlib.util.module_from_spec(place))
    place.loader.exec_module(module)
    stands = module.PAGE.read_text(encoding="utf-8")
    assert stands == module.page(), "run: python docs/library.py"
