"""The teaching pages without a browser: what they read from strangers, and figures they draw."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from dashboards.figures.canvas import Style
from dashboards.figures.classroom import choices_figure
from dashboards.figures.margin_year import SECTIONS, bend, clock_figure, heat_map, section_of
from dashboards.figures.xray import ORDER, Names
from dashboards.lesson_report import Attempt, report_html
from dashboards.pages import incentives, lessons, play
from dashboards.texts import Reader
from experiments.lessons import find, lesson_ids
from experiments.xray_desk import Desk, contract_text
from sim.errors import PayshiftError
from sim.scenario import load

STRANGE: tuple[Any, ...] = (
    None,
    [],
    {},
    "x",
    3,
    math.nan,
    {"scenario": ["tiny"], "contract": 7, "audit": "no"},
    {"scenario": "../etc/passwd", "contract": "x" * 1_000_000},
    {"audit": {"fine": math.inf, "sample": True, "detection": -1}},
    {"code": "AAAAA", "key": 3},
    {"lesson": {"a": 1}},
)


@pytest.mark.parametrize("value", STRANGE, ids=[str(i) for i in range(len(STRANGE))])
def test_what_a_stranger_sends_becomes_something_usable_or_nothing(value: Any) -> None:
    asked = incentives.read_asked(value)
    assert asked.name == incentives.DEFAULT
    assert asked.contract == ""
    assert asked.audit == ()
    assert play._seat_of(value) is None


def test_a_contract_as_text_is_read_back_as_the_same_contract() -> None:
    for name in ("tiny-drg", "china-county-global-budget", "china-county-dip"):
        scenario = load(name)
        again = scenario.set("payment", contract_text(scenario))
        assert again.after.payment == scenario.after.payment


def test_a_contract_that_is_none_is_refused_and_not_carried_out() -> None:
    for text in ("", "- payer: nobody", "&a [*a]", "!!python/object:os.system x", "{" * 60):
        asked = incentives.Asked("en", "tiny-drg", text or " ", ())
        with pytest.raises(PayshiftError):
            asked.scenario()


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


def _names(look: Any, lang: str) -> Names:
    insured = {payer for one in look.audiences for payer in look.payers(one)}
    return Names.of(look.scenario.region(), lang, insured)


@pytest.mark.slow
def test_a_heat_map_shows_the_margin_its_table_holds(desk: Desk) -> None:
    look = desk.look(load("tiny-drg"))
    year, today = look.year, look.year_today
    data = heat_map(year, today, _names(look, "en"), Style("en"))
    row = next(r for r in data["rows"] if r.get("label") == "Level coded up")
    column = data["columns"].index("Secondary hospitals")
    cell = row["cells"][column]
    here = (year["kind"] == "secondary") & (year["activity"] == "coded_level")
    margin = float((year["receipts"] - year["cost"])[here].iloc[0])
    shown = cell["policy"]["text"][0]
    assert margin > 0.0
    assert cell["policy"]["stake"][0] == 1.0
    # 1,644 is written as 1.6K.
    digits = float(shown.rstrip("KM")) * {"K": 1e3, "M": 1e6}.get(shown[-1], 1.0)
    assert digits == pytest.approx(margin, rel=0.06)
    # Under item fees a level brings nothing, so all of it is change.
    assert cell["today"]["text"] == ["0"]
    assert cell["change"]["stake"][0] > 0.0


def test_what_is_asked_of_every_activity_is_in_which_section_it_stands() -> None:
    """What nobody placed would stand among people and quality."""
    placed = {activity for held in SECTIONS.values() for activity in held}
    # The admission avoided mirrors the admission and is left to the table.
    assert set(ORDER) - placed == {"avoided_admission_own"}
    stays = ("observation", "day_before_transfer", "facility_day", "spending_after_stay")
    assert {section_of(activity) for activity in stays} == {"inpatient"}


@pytest.mark.slow
def test_the_clock_says_what_bends_within_the_year(desk: Desk) -> None:
    soft = desk.look(load("tiny"))
    activity, share = bend(soft.year)
    # A soft total whose overrun is half borne: what one more brings falls as the year goes on.
    assert share > 0.02
    figure = clock_figure(soft.year, soft.year_today, activity, _names(soft, "en"), Style("en"))
    assert "in the first month" in figure.layout.meta["sentence"]
    steady = desk.look(load("tiny-fee-for-service"))
    still = clock_figure(steady.year, steady.year, "visit", _names(steady, "zh"), Style("zh"))
    assert "几乎不变" in still.layout.meta["sentence"]


def test_a_class_is_drawn_beside_the_published_mean() -> None:
    names = {"model": "m", "class": "c", "you": "y", "published": "p", "axis": "a"}
    figure = choices_figure(
        "told",
        [("service", "by service")],
        {("service", "model"): [0.1] * 10, ("service", "class"): [0.0] * 5 + [1.0]},
        {("service", "you"): 5.0, ("service", "published"): 6.6},
        names,
        Style("en"),
    )
    assert [trace.type for trace in figure.data] == ["bar", "bar", "scatter", "scatter"]
    assert {a.text for a in figure.layout.annotations} >= {"y 5.0", "p 6.6"}


class Told:
    """A record of a lesson with numbers made up, in place of a run."""

    key = "0123456789abcdef"
    months_before = 24

    def __init__(self, arms: list[str], outcomes: list[str]) -> None:
        self.arms = arms
        self._outcomes = outcomes
        self.info = {
            "currency": "CNY",
            "population": 2000,
            "seeds": [1, 2],
            "versions": {"payshift": "0"},
        }

    def differences(self) -> pd.DataFrame:
        rows = [
            {
                "arm": arm,
                "outcome": outcome,
                "group": "all",
                "baseline_mean": 0.2,
                "arm_mean": 0.25,
                "difference": 0.05,
                "low": 0.04 if place % 2 else -0.01,
                "high": 0.06,
                "relative": 0.25,
            }
            for arm in self.arms[1:]
            for place, outcome in enumerate(self._outcomes)
        ]
        return pd.DataFrame(rows)

    def table(self, name: str) -> pd.DataFrame:
        assert name == "monthly"
        return pd.DataFrame(
            [
                {"arm": arm, "outcome": outcome, "group": "all", "month": month, "value": 1.0}
                for arm in self.arms
                for outcome in self._outcomes
                for month in range(24, 36)
            ]
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", lesson_ids())
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_results_attempts_and_report_of_every_lesson_can_be_shown(name: str, lang: str) -> None:
    lesson = find(name)
    assert lesson is not None
    form, reader = lesson.form, Reader(lang)
    outcomes = [r.outcome for r in form.explain] + [g.outcome for g in form.break_it.goals]
    outcomes += [form.predict.outcome] + ([form.course.outcome] if form.course else [])
    record: Any = Told([arm.id for arm in form.arms], sorted(set(outcomes)))
    assert lessons._results(lesson, record, 1.0, reader)
    attempt: Any = Told([form.arms[0].id, form.break_it.arm], sorted(set(outcomes)))
    items, verdicts = lessons._verdict_words(lesson, attempt, reader)
    assert len(items) == len(form.break_it.goals)
    found, sentence = lessons._guess_sentence(lesson, record, 1.0, reader)
    levers = {lever.path: lever.low for lever in form.break_it.levers}
    tried = [Attempt(levers, verdicts)]
    page = report_html(lesson, record, found, sentence, tried, "<b>mine</b>", reader)
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert "<script" not in page
    assert getattr(form.title, lang) in page


@pytest.mark.parametrize("value", [None, [], {"lesson": "drg", "guess": math.nan, "key": "zz"}])
def test_what_is_no_progress_in_a_lesson_is_a_fresh_start(value: Any) -> None:
    lesson = find("drg")
    assert lesson is not None
    assert lessons.read_state(value, lesson) == {"lesson": "drg", "attempts": []}
