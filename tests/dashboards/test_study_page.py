"""Figures and pages of studies and calibrations, from tables made up by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from dashboards.figures import studies
from dashboards.figures.canvas import Style
from dashboards.study_page import calibration_html, study_html
from sim.record import outcome_table

TITLES = {
    "today": {"en": "today's payment", "zh": "现行支付"},
    "drg": {"en": "DRG", "zh": "DRG付费"},
}
LEVELS = pd.DataFrame(
    {
        "arm": ["a", "b"],
        "level": [0.0, 0.2],
        "outcome": "wait",
        "mean": [0.5, 0.6],
        "low": [0.45, 0.55],
        "high": [0.55, 0.65],
        "p10": [0.4, 0.5],
        "p90": [0.6, 0.7],
        "change": [0.0, 0.1],
        "change_low": [0.0, 0.05],
        "change_high": [0.0, 0.15],
        "n": 12,
    }
)
ABOUT = {
    "outcomes": ["wait"],
    "lever": {"en": "share borne", "zh": "承担比例"},
    "lever_unit": "share",
    "mark": float("nan"),
}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_levers_figure_says_where_the_outcome_starts_and_ends(lang: str) -> None:
    ((name, figure),) = studies.draw("levels", LEVELS, ABOUT, outcome_table(), TITLES, Style(lang))
    assert name == "wait"
    sentence = figure.layout.meta["sentence"]
    assert "0%" in sentence and "20%" in sentence


def _levels(change: list[float], half: float) -> pd.DataFrame:
    rise = pd.Series([0.0, *change])
    spread = pd.Series([0.0, *[half] * len(change)])
    return pd.DataFrame(
        {
            "arm": [f"a{i}" for i in range(len(rise))],
            "level": [0.1 * i for i in range(len(rise))],
            "outcome": "wait",
            **dict.fromkeys(("mean", "low", "high", "p10", "p90"), 0.5 + rise),
            "change": rise,
            "change_low": rise - spread,
            "change_high": rise + spread,
            "n": 12,
        }
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ([0.1, 0.2], "0.50 at 0%, 0.70 at 20%"),
        ([0.01, 0.02], "no clear change at any level"),
        ([-0.2, -0.05], "0.50 at 0%, 0.30 at 10%, back to 0.45 at 20%"),
    ],
)
def test_a_levers_figure_tells_where_an_outcome_turns_back_and_of_no_change_by_chance(
    change: list[float], said: str
) -> None:
    table = _levels(change, 0.04)
    ((_, figure),) = studies.draw("levels", table, ABOUT, outcome_table(), TITLES, Style("en"))
    assert said in figure.layout.meta["sentence"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_front_counts_contracts_and_not_todays_payment(lang: str) -> None:
    table = pd.DataFrame(
        {
            "arm": ["today", "a", "b"],
            "fund_spending_per_person": [900.0, 950.0, 960.0],
            "qaly": [0.9, 0.91, 0.905],
            "is_efficient": [True, True, False],
        }
    )
    about = {
        "objectives": [["fund_spending_per_person", "lower"], ["qaly", "higher"]],
        "yardstick": "today",
    }
    titles = {name: {"en": name, "zh": name} for name in table["arm"]}
    ((_, figure),) = studies.draw("front", table, about, outcome_table(), titles, Style(lang))
    told = {"en": "the 1 of 2 that no other beats", "zh": "2个中的1个"}[lang]
    assert told in figure.layout.meta["sentence"]


def test_ranks_are_drawn_with_the_best_arm_first() -> None:
    table = pd.DataFrame(
        {
            "outcome": "qaly",
            "arm": ["today", "today", "drg", "drg"],
            "rank": [1, 2, 1, 2],
            "share": [0.25, 0.75, 0.75, 0.25],
            "mean_rank": [1.75, 1.75, 1.25, 1.25],
        }
    )
    ((_, figure),) = studies.draw(
        "ranking", table, {"outcomes": ["qaly"]}, outcome_table(), TITLES, Style("en")
    )
    assert "DRG comes first in 75%" in figure.layout.meta["sentence"]
    assert figure.data[0].z[0][0] == 0.75


def test_regret_names_the_arm_whose_worst_served_stakeholder_regrets_least() -> None:
    table = pd.DataFrame(
        {
            "stakeholder": ["payer", "payer", "patients-1", "patients-1"],
            "arm": ["today", "drg", "today", "drg"],
            "regret_scaled": [0.9, 0.1, 0.2, 0.3],
            "satisfied": [1.0, 1.0, 1.0, 0.2],
        }
    )
    lost, met = studies.draw(
        "regret", table, {"yardstick": "today"}, outcome_table(), TITLES, Style("en")
    )
    assert "regrets DRG least" in lost[1].layout.meta["sentence"]
    assert "DRG leaves 1 of 2" in met[1].layout.meta["sentence"]


def test_what_chance_would_do_is_not_colored() -> None:
    table = pd.DataFrame(
        {
            "outcome": ["qaly", "qaly"],
            "parameter": ["a", "b"],
            "correlation": [0.8, 0.9],
            "is_clear": [True, False],
        }
    )
    about = {"outcomes": ["qaly"], "labels": {n: {"en": n, "zh": n} for n in "ab"}}
    ((_, figure),) = studies.draw("decides", table, about, outcome_table(), TITLES, Style("en"))
    assert [list(row) for row in figure.data[0].z] == [[0.8], [0.0]]
    assert "1 of 2 parameters" in figure.layout.meta["sentence"]


def _answer() -> dict[str, object]:
    return {
        "id": "made-up",
        "title": {"en": "Does <it> work?", "zh": "有用吗？"},
        "method": {"en": "By hand.", "zh": "手工。"},
        "sentence": {"en": "It does.", "zh": "有用。"},
        "drawing": "levels",
        "about": ABOUT,
        "region": "tiny",
        "people": 300,
        "months": {"warm_up": 0, "baseline": 12, "reform": 12},
        "arms": TITLES,
        "draws": 12,
        "draws_planned": 24,
        "replicates": 1,
        "runs": 24,
        "failed": ["drg, draw 3: too hot"],
        "uncertainties": {"a": [0, 1, ""]},
    }


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_leads_with_the_answer_says_what_it_rests_on_and_fetches_nothing(lang: str) -> None:
    page = study_html(_answer(), LEVELS, {}, outcome_table(), lang)
    answer = {"en": "It does.", "zh": "有用。"}[lang]
    assert page.index(answer) < page.index("data-figure")
    assert "24" in page and "12" in page
    assert "<it>" not in page
    assert "default-src 'none'" in page
    # the page's script finds its figures by an id that nothing else may have
    assert page.count('id="figures"') == 1 and page.count('id="dark"') == 1
    assert 'src="http' not in page and "<link" not in page


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_calibrations_page_shows_misses_and_what_is_not_identified(lang: str) -> None:
    tables = {
        "parameters": pd.DataFrame(
            {
                "id": ["a"],
                "label_en": ["alpha"],
                "label_zh": ["甲"],
                "best": [1.0],
                "verdict": ["not_identified"],
            }
        ),
        "targets": pd.DataFrame(
            {"name": ["qaly@income:1"], "misfit": [2.5], "is_met": [False], "target": [0.9]}
        ),
        "profile": pd.DataFrame({"id": ["a", "a"], "value": [0.0, 2.0], "rise": [0.1, 0.0]}),
        "pairs": pd.DataFrame(),
    }
    title = {"en": "A fit", "zh": "校准"}
    page = calibration_html(title, {"en": "One.", "zh": "一。"}, tables, outcome_table(), lang)
    assert {"en": "tell nothing about alpha", "zh": "无法确定甲"}[lang] in page
    assert {"en": "0 of 1 targets", "zh": "1个目标中达到0个"}[lang] in page
