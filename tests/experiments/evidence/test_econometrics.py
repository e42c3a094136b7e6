"""Estimators on made-up panels: exact where nothing is random, honest where something is."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.evidence.econometrics import (
    NEVER,
    event_study,
    group_time,
    interrupted_series,
    paired_change,
    regression_discontinuity,
    rule_of_thumb,
    synthetic_control,
    synthetic_weights,
    two_way_fixed_effects,
)

START = np.array([8] * 5 + [12] * 5 + [NEVER] * 10)
TIME = np.arange(20)
SINCE = TIME - START[:, np.newaxis]


def _panel(effect: np.ndarray) -> np.ndarray:
    """Units of different levels, one trend and one season for all, and an effect."""
    levels = np.linspace(-3.0, 5.0, 20)[:, np.newaxis]
    return levels + 0.1 * TIME + np.sin(TIME * np.pi / 2.0) + effect


def test_a_constant_effect_is_found_to_the_last_digits_by_all_panel_estimators() -> None:
    y = _panel(np.where(SINCE >= 0, -3.0, 0.0))
    assert two_way_fixed_effects(y, START).effect == pytest.approx(-3.0, abs=1e-12)
    assert group_time(y, START).effect == pytest.approx(-3.0, abs=1e-12)
    assert group_time(y, START, 2, 4).effect == pytest.approx(-3.0, abs=1e-12)
    assert event_study(y, START, 6, 3).mean.effect == pytest.approx(-3.0, abs=1e-12)


def test_a_growing_effect_fools_fixed_effects_and_not_group_time() -> None:
    # The effect is one, two, three ... periods after adoption: treated cells of the first cohort
    # hold 1..12, of the second 1..8, five units each.
    y = _panel(np.where(SINCE >= 0, SINCE + 1.0, 0.0))
    truth = (5 * sum(range(1, 13)) + 5 * sum(range(1, 9))) / (5 * 12 + 5 * 8)
    assert group_time(y, START).effect == pytest.approx(truth, abs=1e-12)
    assert two_way_fixed_effects(y, START).effect < truth - 0.3


def test_fixed_effects_of_two_periods_are_the_difference_in_differences() -> None:
    y = np.array([[1.0, 4.0], [2.0, 6.0], [5.0, 6.0], [3.0, 3.5]])
    start = np.array([1, 1, NEVER, NEVER])
    # Changes of the treated 3 and 4, of the others 1 and .5: 3.5 - .75.
    assert two_way_fixed_effects(y, start).effect == pytest.approx(2.75)
    found = group_time(y, start)
    assert found.effect == pytest.approx(2.75)
    # Variances .5 / 2 and .125 / 2; Satterthwaite's degrees of freedom.
    variance = 0.25 + 0.0625
    df = variance**2 / (0.25**2 + 0.0625**2)
    from scipy import stats

    half = stats.t.ppf(0.975, df) * np.sqrt(variance)
    assert (found.low, found.high) == pytest.approx((2.75 - half, 2.75 + half))


def test_what_comes_before_the_date_biases_a_base_that_holds_it() -> None:
    # A third of the effect comes four periods early.
    y = _panel(np.where(SINCE >= 0, -3.0, np.where(SINCE >= -4, -1.0, 0.0)))
    assert group_time(y, START).effect == pytest.approx(-2.0, abs=1e-12)
    assert group_time(y, START, anticipation=4).effect == pytest.approx(-3.0, abs=1e-12)


def test_an_event_study_sees_a_lead_and_tests_it() -> None:
    luck = np.random.default_rng(3)
    noise = luck.normal(0.0, 0.2, (20, 20))
    clean = event_study(_panel(np.where(SINCE >= 0, -3.0, 0.0)) + noise, START, 6, 3)
    early = _panel(np.where(SINCE >= 0, -3.0, np.where(SINCE >= -4, -1.0, 0.0)))
    found = event_study(early + noise, START, 6, 3)
    assert found.leads_p < 0.001 < clean.leads_p
    # Relative to the period before adoption, periods before the lead lie one above.
    assert found.effects[list(found.times).index(-5)] == pytest.approx(1.0, abs=0.3)


def test_intervals_of_group_time_hold_the_truth_nineteen_times_in_twenty() -> None:
    # 1,000 panels: the standard error of the share is .007, so .92 to .98 fails by chance once in
    # some ten thousand times.
    luck = np.random.default_rng(11)
    hits = [
        found.low <= -1.0 <= found.high
        for found in (
            group_time(np.where(SINCE >= 0, -1.0, 0.0) + luck.normal(size=(20, 20)), START, 0, 4)
            for _ in range(1000)
        )
    ]
    assert 0.92 <= np.mean(hits) <= 0.98


def test_group_time_needs_units_that_never_adopt_and_a_base() -> None:
    with pytest.raises(ValueError, match="never adopt"):
        group_time(_panel(np.zeros((20, 20))), np.full(20, 8))
    with pytest.raises(ValueError, match="no base"):
        group_time(_panel(np.zeros((20, 20))), START, anticipation=8)


def test_a_step_and_a_bend_after_a_straight_line_are_found_exactly() -> None:
    time = np.arange(48, dtype=float)
    season = np.tile(np.arange(12.0), 4)
    after = time >= 24
    y = 10.0 + 0.5 * time + season + np.where(after, -4.0 - 0.25 * (time - 24.0), 0.0)
    # Mean of -4 - .25 (t - 24) over t = 24..47: -4 - .25 x 11.5.
    assert interrupted_series(y, 24).effect == pytest.approx(-6.875, abs=1e-9)


def test_a_jump_between_two_lines_is_found_exactly() -> None:
    x = np.linspace(-1.0, 1.0, 41)
    y = 2.0 * x + np.where(x >= 0.0, 3.0 - x, 0.0)
    assert regression_discontinuity(y, x, 0.0).effect == pytest.approx(3.0, abs=1e-9)


def test_a_window_holds_four_values_on_each_side_or_is_refused() -> None:
    x = np.array([-9.0, -8.0, -7.0, -6.0, 0.1, 0.2, 0.3, 0.4])
    assert rule_of_thumb(x, 0.0) > 9.0
    with pytest.raises(ValueError, match="four different values"):
        rule_of_thumb(np.array([-1.0, -1.0, -1.0, -1.0, 1.0, 2.0, 3.0, 4.0]), 0.0)


def test_a_unit_made_of_donors_is_found_again_and_its_effect_with_it() -> None:
    luck = np.random.default_rng(5)
    donors = luck.normal(size=(25, 20))
    target = 0.4 * donors[3] + 0.6 * donors[7]
    weights = synthetic_weights(target[:12], donors[:, :12])
    assert weights[[3, 7]] == pytest.approx([0.4, 0.6], abs=1e-6)
    assert weights.sum() == pytest.approx(1.0)
    treated = target + np.where(TIME >= 12, -2.0, 0.0) + 50.0
    found = synthetic_control(np.vstack([treated, donors]), 12)
    # Donors are measured from their own means before, which the target's mean repeats.
    assert found.effect == pytest.approx(-2.0, abs=1e-5)
    assert found.high < 0.0


def test_few_donors_give_an_interval_without_end() -> None:
    y = np.random.default_rng(1).normal(size=(8, 20))
    found = synthetic_control(y, 12)
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_paired_changes_are_a_t_interval() -> None:
    found = paired_change(np.array([3.0, 4.0, 5.0]), np.array([2.0, 2.0, 2.0]))
    # Gaps 1, 2, 3: mean 2, error 1 / sqrt 3, t of two degrees of freedom 4.3027.
    assert found == pytest.approx((2.0, 2.0 - 4.302653 / 3**0.5, 2.0 + 4.302653 / 3**0.5), rel=1e-6)
