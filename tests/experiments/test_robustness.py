"""Robustness on tables small enough to work by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from experiments.robustness import (
    CONCERNS,
    STAKEHOLDERS,
    Concern,
    agreement,
    ranks,
    regret,
    robustness,
    summary_by_stakeholder,
    verdict,
)
from sim.errors import StoreError
from sim.outcomes import OUTCOMES

TITLES = {
    "today": {"en": "today's payment", "zh": "现行支付"},
    "budget": {"en": "the global budget", "zh": "总额预付"},
    "heads": {"en": "capitation", "zh": "按人头付费"},
}
ARMS = ("today", "budget", "heads")

tables = arrays(np.float64, (3, 6), elements=st.floats(-1e6, 1e6))


def test_every_default_concern_is_about_an_outcome_that_is_told_apart_by_its_group() -> None:
    for concern in CONCERNS:
        name, _, group = concern.outcome.partition("@")
        assert concern.stakeholder in STAKEHOLDERS
        assert not group or group.partition(":")[0] in OUTCOMES[name].by
        assert OUTCOMES[name].better in (concern.better, "neither")


@given(tables)
def test_in_every_draw_the_best_arm_regrets_nothing_and_nobody_regrets_less(
    values: np.ndarray,
) -> None:
    for better in ("higher", "lower"):
        lost = regret(values, better)
        assert (lost >= 0.0).all()
        assert (lost.min(axis=0) == 0.0).all()


@given(tables)
def test_turning_the_sign_and_the_better_side_changes_no_regret(values: np.ndarray) -> None:
    np.testing.assert_array_equal(regret(values, "higher"), regret(-values, "lower"))


def test_regret_of_savages_table_is_what_a_hand_gives() -> None:
    # three arms (rows) in three states of the world (columns), more is better
    payoffs = [[36, -36, 10], [30, -30, 12], [0, 0, 0]]
    assert regret(payoffs, "higher").tolist() == [[0, 36, 2], [6, 30, 0], [36, 0, 12]]


def test_one_order_in_all_draws_is_full_agreement_and_opposite_orders_are_none() -> None:
    assert agreement([[1, 1, 1], [2, 2, 2], [3, 3, 3]], "lower") == 1.0
    assert agreement([[1, 3], [2, 2], [3, 1]], "lower") == 0.0
    assert math.isnan(agreement([[1, 1], [1, 1]], "lower"))


def test_kendalls_w_agrees_with_the_friedman_statistic() -> None:
    from scipy.stats import friedmanchisquare

    values = np.random.default_rng(5).normal(size=(4, 12)) + np.arange(4)[:, None] * 0.4
    statistic = friedmanchisquare(*values).statistic
    assert agreement(values, "lower") == pytest.approx(statistic / (12 * 3))


def test_ties_share_their_ranks() -> None:
    assert ranks([[5.0], [5.0], [1.0]], "higher").ravel().tolist() == [1.5, 1.5, 3.0]


def _money_and_health() -> dict[str, list[list[float]]]:
    return {
        # the budget is always cheapest, capitation in the middle
        "fund_spending_per_person": [[100, 100, 100, 100], [90, 92, 90, 92], [95, 97, 99, 95]],
        # but costs the poorest health in three of four draws
        "qaly@income:1": [[0.80, 0.80, 0.80, 0.80], [0.78, 0.78, 0.80, 0.78], [0.81] * 4],
    }


MINDS = (
    Concern("payer", "fund_spending_per_person", "lower", 0.01),
    Concern("patients-1", "qaly@income:1", "higher", 0.001, is_absolute=True),
)


def test_satisficing_counts_the_draws_that_are_no_worse_than_today_within_the_margin() -> None:
    table = robustness(_money_and_health(), ARMS, MINDS).set_index(["stakeholder", "arm"])
    assert table.loc[("patients-1", "budget"), "satisfied"] == 0.25
    assert table.loc[("patients-1", "heads"), "satisfied"] == 1.0
    assert table.loc[("payer", "budget"), "satisfied"] == 1.0
    assert table.loc[("payer", "budget"), "share_best"] == 1.0
    assert table.loc[("payer", "today"), "regret_max"] == 10.0
    # the mean spread between the best and the worst arm is (10 + 8 + 10 + 8) / 4 = 9
    assert table.loc[("payer", "today"), "regret_scaled"] == pytest.approx(10.0 / 9.0)


def test_wilsons_interval_holds_the_share_and_never_leaves_zero_to_one() -> None:
    table = robustness(_money_and_health(), ARMS, MINDS)
    for name in ("satisfied", "share_best"):
        assert (table[f"{name}_low"] <= table[name] + 1e-12).all()
        assert (table[name] <= table[f"{name}_high"] + 1e-12).all()
        assert table[f"{name}_low"].ge(0.0).all() and table[f"{name}_high"].le(1.0).all()
    # 4 of 4: Wilson's lower end is 4 / (4 + z²)
    whole = table[(table["arm"] == "heads") & (table["stakeholder"] == "patients-1")].iloc[0]
    assert whole["satisfied_low"] == pytest.approx(4 / (4 + 1.959964**2), rel=1e-6)


def test_a_stakeholder_with_two_concerns_is_as_content_as_with_the_worse_of_them() -> None:
    values = _money_and_health() | {
        "out_of_pocket_per_person@income:1": [[50.0] * 4, [60.0] * 4, [40.0] * 4]
    }
    minds = (*MINDS, Concern("patients-1", "out_of_pocket_per_person@income:1", "lower"))
    by = summary_by_stakeholder(robustness(values, ARMS, minds)).set_index(["stakeholder", "arm"])
    assert by.loc[("patients-1", "budget"), "satisfied"] == 0.0
    assert by.loc[("patients-1", "heads"), "satisfied"] == 1.0


def test_the_verdict_names_the_arm_of_least_greatest_regret_in_both_languages() -> None:
    said = verdict(robustness(_money_and_health(), ARMS, MINDS), TITLES, "today")
    assert "capitation" in said["en"] and "按人头付费" in said["zh"]
    assert "no worse off than today" in said["en"]


def test_the_verdict_names_whom_the_least_regretted_arm_leaves_worse_off() -> None:
    values = _money_and_health()
    values["qaly@income:1"] = [[0.80] * 4, [0.798] * 4, [0.70] * 4]
    said = verdict(robustness(values, ARMS, MINDS), TITLES, "today")
    assert "the global budget" in said["en"] and "the poorest fifth" in said["en"]
    assert "收入最低五分之一的患者" in said["zh"]


def test_a_missing_value_is_refused_with_arm_and_draw_and_nothing_is_filled_in() -> None:
    values = _money_and_health()
    values["qaly@income:1"][1][2] = math.nan
    with pytest.raises(StoreError, match="arm 1, draw 2"):
        robustness(values, ARMS, MINDS)


def test_an_outcome_that_was_not_run_is_named() -> None:
    with pytest.raises(StoreError, match="wait"):
        robustness(_money_and_health(), ARMS, (Concern("payer", "wait", "lower"),))
