"""Every study runs at small size; what reads an answer is right on tables worked by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.studies import SMALL, Lived, Plan, live, load_question, questions, summary, write
from experiments.studies._question import levels, levels_table, threshold
from experiments.studies.capitation_and_downstream_risk import answer, lies_beyond_cap
from experiments.sweep.worker import run_once
from sim.errors import RunError, ScenarioError
from sim.outcomes import OUTCOMES

FINE = "fine-that-stops-upcoding"


def _plan() -> Plan:
    return load_question(FINE).plan(SMALL)


def test_there_are_at_least_six_questions_each_named_after_its_file() -> None:
    assert len(questions()) >= 6
    for name in questions():
        question = load_question(name)
        assert question.id == name
        assert all(question.title[lang] and question.method[lang] for lang in ("en", "zh"))
        assert question.title["en"].endswith("?") and question.title["zh"].endswith("？")


def test_an_unknown_study_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ScenarioError, match="Did you mean fine-that-stops-upcoding"):
        load_question("fine-that-stops-upcodin")


@pytest.mark.parametrize("name", questions())
def test_a_plan_draws_inside_the_registrys_ranges_and_measures_known_outcomes(name: str) -> None:
    plan = load_question(name).plan(SMALL)
    points, known = plan.points(), plan.parameters()
    assert len(points) == SMALL.draws
    for parameter, row in known.items():
        assert points[parameter].between(row.low, row.high).all()
        assert row.role == "uncertainty"
    assert {outcome.partition("@")[0] for outcome in plan.outcomes} <= set(OUTCOMES)
    assert len({arm.id for arm in plan.arms}) == len(plan.arms)


@pytest.mark.slow
@pytest.mark.parametrize("name", questions())
def test_every_study_answers_in_both_languages_at_small_size(name: str, tmp_path: Path) -> None:
    question = load_question(name)
    lived = live(question.plan(SMALL))
    answer = question.read(lived)
    assert lived.n_draws == SMALL.draws and lived.failures == ()
    assert answer.sentence["en"].endswith(".") and answer.sentence["zh"].endswith("。")
    assert len(answer.table)
    written = json.loads(write(question, lived, answer, tmp_path).read_text("utf-8"))
    assert written["draws"] == SMALL.draws and written["runs"] == lived.n_runs


# ------------------------------------------------------------------------ how a plan is lived


def _made_up(plan: Plan, values: dict[str, np.ndarray], n_planned: int | None = None) -> Lived:
    n = next(iter(values.values())).shape[1]
    return Lived(plan, plan.points().head(n), values, n_planned or n)


@pytest.mark.slow
def test_a_study_stopped_before_its_first_draw_says_so_and_goes_on_later(tmp_path: Path) -> None:
    store = tmp_path / "runs.sqlite"
    with pytest.raises(RunError, match="no draw of the study was lived whole"):
        live(_plan(), store, minutes=0.0)
    assert live(_plan(), store).n_draws == SMALL.draws


@pytest.mark.slow
def test_the_same_plan_gives_the_same_numbers_and_another_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "runs.sqlite"
    first, again = live(_plan(), store), live(_plan(), store)
    for name, table in first.values.items():
        np.testing.assert_array_equal(table, again.values[name])
    other = load_question("stake-on-quality").plan(SMALL)
    with pytest.raises(
        ScenarioError, match=r"the design changed.*another folder with --out, or remove"
    ):
        live(other, store)


def test_a_draw_with_a_gap_is_left_out_and_counted() -> None:
    # nothing is lived here: the executor's own contract is that a failed run has a reason
    failed = run_once(lambda parameters, arm, seed: {"wait": 1.0 / parameters["x"]}, _task(0.0))
    assert failed.status != "ok" and failed.reason


def _task(x: float):
    from experiments.sweep.worker import Task

    return Task(0, {"x": x}, "a", 1)


# ------------------------------------------------------------------------ how it is read


def test_a_threshold_is_the_level_from_which_on_it_holds_for_good() -> None:
    # holds at 1, fails again at 2, holds from 3 on: the threshold is 3
    met = np.array([[False], [True], [False], [True]])
    assert threshold([0.0, 1.0, 2.0, 3.0], met)[0] == 3.0
    assert threshold([0.0, 1.0], np.array([[True], [True]]))[0] == 0.0


def test_draws_in_which_it_never_holds_are_counted_and_leave_no_level() -> None:
    met = np.array([[False, False], [False, True]])
    middle, low, high, share = threshold([0.0, 1.0], met)
    assert (middle, low, high, share) == (1.0, 1.0, 1.0, 0.5)
    assert math.isnan(threshold([0.0, 1.0], np.zeros((2, 3), dtype=bool))[0])


def test_the_interval_of_a_level_is_students() -> None:
    plan = _plan()
    values = np.tile(np.array([[1.0], [2.0], [6.0]]).T[:, :, None], (6, 1, 1))
    table = levels_table(_made_up(plan, {"upcoded_share": values}), ["upcoded_share"])
    row = table.iloc[0]
    assert row["mean"] == 3.0 and row["n"] == 3
    # sd sqrt(7), n 3, t(.975, 2) = 4.3027
    assert row["high"] - row["mean"] == pytest.approx(4.302653 * math.sqrt(7.0 / 3.0), rel=1e-6)


def test_levels_of_a_lever_are_arms_that_differ_by_one_setting() -> None:
    arms = levels("drg", "audit.fine", (0.0, 2.5), lambda x: {"en": f"{x}", "zh": f"{x}"})
    assert [arm.settings for arm in arms] == [(("audit.fine", 0.0),), (("audit.fine", 2.5),)]
    assert [arm.level for arm in arms] == [0.0, 2.5]


def test_the_answer_says_when_no_fine_halves_upcoding_and_when_one_does() -> None:
    question = load_question(FINE)
    plan = _plan()
    flat = np.full((6, 3, 1), 0.04)
    others = {name: np.ones((6, 3, 1)) for name in plan.outcomes if name != "upcoded_share"}
    said = question.read(_made_up(plan, {"upcoded_share": flat, **others})).sentence
    assert "No fine tried halves upcoding" in said["en"] and "未能使高套减半" in said["zh"]
    falling = flat * np.array([1.0, 0.9, 0.8, 0.5, 0.1, 0.0])[:, None, None]
    said = question.read(_made_up(plan, {"upcoded_share": falling, **others})).sentence
    assert "halves upcoding in 3 of 3 draws, there from 5 times the sum on." in said["en"]
    assert "有3组罚款能使高套减半" in said["zh"] and "八成" not in said["zh"]


def _capitation(referrals: list[float], *, beyond: bool = True) -> dict[str, str]:
    question = load_question("capitation-and-downstream-risk")
    plan = question.plan(SMALL)
    noise = np.array([-0.01, 0.0, 0.01])
    values = {name: np.ones((5, 3, 1)) for name in plan.outcomes}
    values["referrals_up"] = (np.array(referrals)[:, None] * (1.0 + noise))[:, :, None]
    asked: list[tuple[int, int]] = []

    def is_beyond_cap(plan: Plan, level: int, below: int) -> bool:
        asked.append((level, below))
        return beyond

    said = answer(_made_up(plan, values), is_beyond_cap).sentence
    assert asked in ([], [(4, int(np.argmin(referrals)))])
    return said


def test_downstream_risk_that_turns_back_below_its_cap_is_not_laid_to_the_cap() -> None:
    said = _capitation([2.0, 1.8, 1.6, 1.5, 1.96], beyond=False)
    assert "at 40% referrals up fall by 2.0 %" in said["en"]
    # The effect and its interval end the sentence: why it turns back is left open.
    assert said["en"].endswith("referrals up fall by 2.0 % (± 0.0).") and "cap" not in said["en"]
    assert "承担40%时上转下降2.0%" in said["zh"] and "上限" not in said["zh"]


def test_downstream_risk_that_turns_back_at_its_cap_is_told_where_it_does_most() -> None:
    said = _capitation([2.0, 1.8, 1.6, 1.5, 1.96])
    assert "answer for 20%" in said["en"] and "fall by 25.0 %" in said["en"]
    assert "at 40% referrals up fall by 2.0 %" in said["en"] and "cap" in said["en"]
    assert "承担参保人外流费用的20%" in said["zh"] and "承担40%时上转下降2.0%" in said["zh"]
    said = _capitation([2.0, 1.9, 1.8, 1.7, 1.6])
    assert "answer for 40%" in said["en"] and "cap" not in said["en"]
    assert "show no clear change" in _capitation([2.0, 2.0, 2.0, 2.0, 2.0])["en"]


@pytest.mark.slow
def test_beyond_its_cap_the_deduction_takes_little_for_one_more_referral() -> None:
    # what the study says of its largest share is so in the contract itself, before any run
    plan = load_question("capitation-and-downstream-risk").plan(
        replace(SMALL, region="china-county", people=5_000)
    )
    assert [arm.level for arm in plan.arms] == [0.0, 0.05, 0.1, 0.2, 0.4]
    assert lies_beyond_cap(plan, 4, 3)
    assert not lies_beyond_cap(plan, 2, 1)


def test_a_stake_begins_to_work_where_the_rise_is_clear_and_stays_so() -> None:
    question = load_question("stake-on-quality")
    plan = question.plan(SMALL)
    values = {name: np.ones((6, 3, 1)) for name in plan.outcomes}
    rise = np.array([0.0, 0.0, 0.001, 0.002, 0.003, 0.004])
    spread = np.array([0.9, 1.0, 1.1])
    values["chronic_control"] = (0.1 + rise[:, None] * spread)[:, :, None]
    said = question.read(_made_up(plan, values)).sentence
    assert "10.4 % of chronic conditions are under control instead of 10.0 %" in said["en"]
    assert "clear from a stake of 5% on" in said["en"] and "In none of 3 draws" in said["en"]
    assert "自5%起" in said["zh"]


def test_where_no_contract_is_as_good_as_today_it_says_in_what_each_falls_short() -> None:
    question = load_question("design-of-a-contract")
    plan = question.plan(SMALL)
    values = {name: np.ones((5, 3, 1)) for name in plan.outcomes}
    # cost, health and hardship of four contracts beside today's 1, 1, 1
    values["fund_spending_per_person"][1:, :, 0] = np.array([[2.0], [2.0], [2.0], [0.5]])
    values["qaly"][1:, :, 0] = np.array([[2.0], [1.0], [0.5], [0.5]])
    said = question.read(_made_up(plan, values)).sentence
    assert "3 cost the fund more" in said["en"] and "2 leave health worse" in said["en"]
    assert "none leave more households" in said["en"] and "健康不如现状的有2个" in said["zh"]


def test_what_an_answer_rests_on_is_written_beside_it() -> None:
    question = load_question(FINE)
    plan = _plan()
    values = {name: np.ones((6, 2, 1)) for name in plan.outcomes}
    lived = _made_up(plan, values, n_planned=3)
    found = summary(question, lived, question.read(lived))
    assert (found["draws"], found["draws_planned"], found["runs"]) == (2, 3, 12)
    assert found["uncertainties"]["altruism_scale"][:2] == [0.5, 2.0]
