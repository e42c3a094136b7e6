"""The page on uncertainty without a browser: what it reads from strangers, and what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dashboards.pages import uncertainty
from dashboards.settings import Settings
from dashboards.store_view import FAILS, StoreView, asked_of
from dashboards.stores import Opened, Stores
from dashboards.texts import LANGUAGES, Reader
from sim.errors import ScenarioError
from tests.dashboards.sweeps import FACTORS, faulty, filled

pytestmark = pytest.mark.slow

SAMPLES: dict[str, tuple[int, dict[str, object]]] = {
    "latin_hypercube": (80, {}),
    "sobol": (16, {"calc_second_order": False}),
    "morris": (10, {}),
    "one_at_a_time": (1, {"levels": 2}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home") / "sweeps"
    for name, (n, options) in SAMPLES.items():
        filled(home, name, name, n, **options)
    filled(home, "faulty", "latin_hypercube", 20, model=faulty)
    filled(home, "alone", "latin_hypercube", 20, arms=("today",), replicates=1)
    (home / "no-store.sqlite").write_text("nothing")
    (home / "outside.sqlite").symlink_to(home / "sobol.sqlite")
    return home


@pytest.fixture(scope="module")
def stores(folder: Path) -> Stores:
    return Stores(Settings(stores=str(folder)))


def opened(stores: Stores, name: str) -> Opened:
    found = stores.open(f"{name}.sqlite")
    assert found is not None
    return found


def view(stores: Stores, name: str, lang: str = "en", **fields: object) -> StoreView:
    one = opened(stores, name)
    return StoreView(one, asked_of(one, fields), Reader(lang), stores)


def told(content: Any) -> str:
    return json.dumps([part.to_plotly_json() for part in content], default=str, ensure_ascii=False)


def test_only_stores_of_the_folder_are_listed_and_opened(stores: Stores) -> None:
    assert "outside.sqlite" not in stores.names()
    assert {card.name for card in stores.cards()} == {
        f"{name}.sqlite" for name in (*SAMPLES, "faulty", "alone")
    }
    for name in ("../sweeps/sobol.sqlite", "/etc/passwd", "outside.sqlite", "", None, 3, ["a"]):
        assert stores.open(name) is None


def test_a_store_of_too_many_runs_is_refused_with_a_remedy(folder: Path) -> None:
    small = Stores(Settings(stores=str(folder), most_runs=10))
    with pytest.raises(ScenarioError, match=r"too many runs.*command line"):
        small.open("sobol.sqlite")


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_section_of_every_kind_of_sample_can_be_shown(
    stores: Stores, name: str, lang: str
) -> None:
    one = view(stores, name, lang)
    for section in ("answer", *uncertainty.SECTIONS):
        content = uncertainty._piece(section)(one)
        assert content
        assert "{" not in "".join(
            part.children for part in content if isinstance(getattr(part, "children", 0), str)
        )
    assert one.runs(one.first_brush())


def test_altruism_is_said_to_decide_what_it_was_made_to_decide(stores: Stores) -> None:
    english = told(view(stores, "sobol", arm="today", minus="none").answer())
    assert "Altruism (scale) decides spending per person" in english
    assert "利他程度" in told(view(stores, "sobol", "zh", arm="today", minus="none").answer())


def test_the_corner_where_the_reform_was_made_to_fail_is_found(stores: Stores) -> None:
    text = told(view(stores, "latin_hypercube", fails="worse").fails())
    assert "altruism (scale) is below 0." in text
    assert "weight of the price is above" in text


def test_what_is_offered_follows_the_sampler_and_the_rest_is_explained(stores: Stores) -> None:
    one = view(stores, "latin_hypercube")
    offered = {name for name, why in one.methods.items() if not why}
    assert {"delta", "pawn"} <= offered
    assert not offered & {"sobol", "morris", "oat", "dgsm"}
    reasons = {method.id: why for method, why in one.not_offered()}
    assert "Saltelli" in reasons["sobol"]
    assert "Latin hypercube" in reasons["sobol"]
    assert "Morris trajectories" in told(view(stores, "morris").fails())


def test_what_a_store_does_not_have_is_replaced_by_what_it_has(stores: Stores) -> None:
    wrong: dict[str, object] = {
        "arm": "../x",
        "minus": ["today"],
        "outcome": {"a": 1},
        "method": "sobol",
        "fails": None,
    }
    asked = asked_of(opened(stores, "morris"), wrong)
    assert (asked.arm, asked.minus, asked.outcome) == ("reform", "today", "spending_per_person")
    assert asked.method == "morris"
    assert asked.fails in FAILS
    alone = asked_of(opened(stores, "alone"), {})
    assert (alone.arm, alone.minus, alone.fails) == ("today", "", "fifth")


def test_runs_without_outcomes_are_named_and_no_index_is_given(stores: Stores) -> None:
    one = view(stores, "faulty")
    assert "cannot be analyzed" in told(one.answer())
    text = told(one.unfinished())
    assert "the books do not balance" in text
    assert text.count("reform") == text.count("today") == 4
    assert "of 20 points" not in told(one.runs(one.first_brush()))
    assert len(one.draws) == 18


def test_brushes_mark_the_draws_inside_them(stores: Stores) -> None:
    one = view(stores, "latin_hypercube", arm="today", minus="none")
    whole = [(float(row["low"]), float(row["high"])) for row in one.axes.to_dict("records")]
    assert "80 of 80 points" in told(one.runs(whole))
    half = [(0.0, 0.5), *whole[1:]]
    assert str(one.axes["factor"].iloc[0]) == FACTORS[0].name
    assert "40 of 80 points" in told(one.runs(half))
    assert "None of 80" in told(one.runs([(2.0, 3.0), *whole[1:]]))


@pytest.mark.parametrize(
    "given", [None, "x", [], [None], [["a", "b"]], [[1]], [[float("nan"), 1]], [[1, 2]] * 99]
)
def test_brushes_of_strangers_do_no_harm(stores: Stores, given: Any) -> None:
    one = view(stores, "latin_hypercube")
    assert len(uncertainty._brush(one, given)) == len(one.axes)
    assert one.runs(uncertainty._brush(one, given))


def test_an_analysis_is_made_once_for_all_who_ask_the_same(stores: Stores) -> None:
    assert view(stores, "sobol").first() is view(stores, "sobol", "zh").first()
    assert view(stores, "sobol").whole() is view(stores, "sobol").whole()
    other = view(stores, "sobol", arm="today", minus="none", outcome="qaly")
    assert other.first() is not view(stores, "sobol").first()
