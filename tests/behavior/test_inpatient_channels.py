"""Mode of treatment, splitting, uncovered billing, the record of quality: exact cases."""

import math

import numpy as np
import pytest

from sim.behavior import effort, mode, recovery, splitting, uncovered

GRID = (np.arange(5000) + 0.5) / 5000


def test_modes_of_equal_pull_follow_what_is_indicated_as_firmly_as_said() -> None:
    for indicated in range(3):
        prob = [mode.prob_mode(k, indicated, 2.0, 0.0, 0.0, 0.0) for k in range(3)]
        assert sum(prob) == pytest.approx(1.0, rel=1e-14)
        for k in range(3):
            odds = prob[k] / prob[indicated]
            assert odds == pytest.approx(math.exp(-2.0 * abs(k - indicated)), rel=1e-9)


def test_whoever_does_not_mind_indication_follows_the_pull_alone() -> None:
    pull = (0.3, -1.0, 0.8)
    whole = sum(math.exp(x) for x in pull)
    for indicated in range(3):
        for k in range(3):
            found = mode.prob_mode(k, indicated, 0.0, *pull)
            assert found == pytest.approx(math.exp(pull[k]) / whole, rel=1e-9)


def test_a_mode_that_brings_more_is_chosen_more() -> None:
    for indicated in range(3):
        before = mode.prob_mode(2, indicated, 2.0, 0.0, 0.0, 0.0)
        assert mode.prob_mode(2, indicated, 2.0, 0.0, 0.0, 0.5) > before
        assert mode.prob_mode(2, indicated, 2.0, 0.5, 0.0, 0.0) < before


def test_the_draw_of_a_mode_has_its_probabilities() -> None:
    args = (1, 1.2, 0.2, -0.1, 0.4)
    drawn = np.bincount([mode.choose_mode(*args, u) for u in GRID.tolist()], minlength=3)
    expected = [mode.prob_mode(k, *args) for k in range(3)]
    np.testing.assert_allclose(drawn / len(GRID), expected, atol=3e-4)


def test_indicated_modes_have_the_groups_shares() -> None:
    found = np.bincount([mode.indicated_mode(0.6, 0.3, u) for u in GRID.tolist()], minlength=3)
    np.testing.assert_allclose(found / len(GRID), [0.6, 0.3, 0.1], atol=3e-4)


def test_splitting_gains_a_case_and_nothing_where_stays_are_paid_by_item() -> None:
    assert splitting.gain_of_splitting(6000.0, 0.0, 0.0, 0.0) == 6000.0
    # Paid by charge, two halves bring what the whole brings.
    assert splitting.gain_of_splitting(0.0, 5000.0, 2500.0, 0.0) == 0.0
    assert splitting.splitting_share(0.0, 100.0) == 0.0
    assert splitting.splitting_share(-50.0, 100.0) == 0.0


def test_the_share_split_is_the_optimum_of_gain_less_convex_cost() -> None:
    gain, cost = 300.0, 4000.0
    shares = np.linspace(0.0, 1.0, 100_001)
    best = shares[np.argmax(gain * shares - cost * shares**2 / 2.0)]
    assert splitting.splitting_share(gain, cost) == pytest.approx(best, abs=1e-5)
    assert splitting.splitting_share(1e9, cost) == 1.0
    # A region without the parameter has no such lever.
    assert splitting.splitting_share(gain, 0.0) == 0.0


def test_a_yuan_at_list_price_is_not_worth_moving_outside_and_a_capped_one_is() -> None:
    assert uncovered.gain_of_uncovered(1.0, 1.0, 1.0, 0.0, 0.0) == 0.0
    assert uncovered.gain_of_uncovered(1.0, 0.0, 1.0, 0.0, 0.0) == 1.0
    # Whoever minds what patients pay, or how they feel, moves less.
    assert uncovered.gain_of_uncovered(1.0, 0.0, 1.0, 0.25, 0.0) == pytest.approx(0.75)
    assert uncovered.gain_of_uncovered(1.0, 0.0, 1.0, 0.25, 0.1) == pytest.approx(0.65)


def test_effort_on_the_record_is_worth_what_the_measure_brings_and_nothing_else() -> None:
    assert effort.value_of_measured_quality(500.0) == 500.0
    assert effort.value_of_measured_quality(-10.0) == 0.0
    best = effort.optimal_effort(effort.value_of_measured_quality(1000.0), 0.3, 100.0)
    assert best == pytest.approx(math.log(3.0), rel=1e-9)


def test_at_list_price_as_many_are_sent_down_as_at_baseline() -> None:
    for base in (0.0, 0.01, 0.3, 1.0):
        assert recovery.prob_send_down(base, -500.0, -500.0, 0.01) == pytest.approx(base)


def test_sending_down_has_the_odds_of_what_it_saves() -> None:
    found = recovery.prob_send_down(0.02, 300.0, -200.0, 0.004)
    odds = found / (1.0 - found)
    assert odds == pytest.approx(0.02 / 0.98 * math.exp(0.004 * 500.0), rel=1e-9)


def test_days_that_bring_less_than_they_cost_are_sent_and_gains_weigh_with_need_of_money() -> None:
    paid = recovery.saved_by_sending(4.0, 200.0, 450.0, 0.0, 0.0, 1.5)
    unpaid = recovery.saved_by_sending(4.0, 200.0, 0.0, 0.0, 0.0, 1.0)
    assert paid == pytest.approx(-1000.0)
    assert unpaid == pytest.approx(800.0)
    assert recovery.saved_by_sending(4.0, 200.0, 0.0, 0.0, 0.0, 1.5) == pytest.approx(1200.0)
    assert recovery.saved_by_sending(4.0, 200.0, 450.0, 1500.0, 0.0, 1.0) == pytest.approx(500.0)
    assert recovery.saved_by_sending(4.0, 200.0, 450.0, 1500.0, -900.0, 1.5) == -400.0
