"""Length of stay: closed form, bunching and the exact law of the draw."""

from functools import partial

import numpy as np
import pytest

from sim.behavior import stay

GRID = (np.arange(20_000) + 0.5) / 20_000


def shares(draw, longest: int) -> np.ndarray:
    """Share of each stay when the uniform draw runs over a fine grid (no chance involved)."""
    days = np.array([draw(u) for u in GRID.tolist()])
    assert days.min() >= 1
    assert days.max() <= longest
    return np.bincount(days, minlength=longest + 1)[1:] / GRID.size


@pytest.mark.slow
def test_the_mode_of_the_stay_is_the_closed_form_for_constant_receipts() -> None:
    rng = np.random.default_rng(11)
    for _ in range(40):
        need = rng.uniform(3.0, 15.0)
        price = rng.uniform(200.0, 800.0)
        stake = rng.uniform(2.0, 6.0) * price
        receipt, cost, omega = rng.uniform(0, 1) * price, 0.45 * price, rng.uniform(0.5, 2.0)
        margin = receipt - cost
        margin = omega * margin if margin > 0 else margin
        closed = need * (margin + stake) / stake
        assert stay.optimal_stay(receipt, cost, omega, stake, need, 60) == pytest.approx(closed)
        case = (receipt, cost, omega, stake, need, 0.05, 60)
        law = shares(partial(stay.draw_stay, *case), 60)
        assert abs(int(np.argmax(law)) + 1 - closed) <= 0.5 + 1e-9


def test_a_day_that_pays_its_cost_keeps_patients_for_what_they_need() -> None:
    assert stay.optimal_stay(300.0, 300.0, 1.3, 900.0, 7.0, 60) == pytest.approx(7.0, rel=1e-15)
    assert stay.draw_stay(300.0, 300.0, 1.3, 900.0, 7.0, 1e6, 60, 0.5) == 7


def test_a_day_that_brings_nothing_shortens_the_stay() -> None:
    paid = stay.optimal_stay(500.0, 225.0, 1.0, 2250.0, 9.0, 60)
    unpaid = stay.optimal_stay(0.0, 225.0, 1.0, 2250.0, 9.0, 60)
    assert unpaid == pytest.approx(9.0 * 0.9, rel=1e-12)
    assert paid > 9.0 > unpaid


def test_the_draw_has_the_quantal_response_probabilities() -> None:
    args = (350.0, 225.0, 1.0, 900.0, 6.0)
    utility = np.array([stay.stay_utility_day(float(d), *args) for d in range(1, 31)])
    expected = np.exp(0.004 * (utility - utility.max()))
    expected /= expected.sum()
    law = shares(lambda u: stay.draw_stay(*args, 0.004, 30, u), 30)
    assert float(np.max(np.abs(law - expected))) < 2e-4


def test_constant_steps_of_a_schedule_give_the_same_stay_as_a_constant_day() -> None:
    receipts = 5000.0 + 350.0 * np.arange(1, 31)
    for u in (0.001, 0.2, 0.5, 0.8, 0.999):
        for omega in (0.7, 1.0, 1.6):
            constant = stay.draw_stay(350.0, 225.0, omega, 900.0, 6.0, 0.004, 30, u)
            assert stay.draw_stay_schedule(receipts, 225.0, omega, 900.0, 6.0, 0.004, u) == constant


def test_stays_bunch_at_a_threshold_that_brings_money() -> None:
    flat = np.full(30, 6000.0)
    step = flat + np.where(np.arange(1, 31) >= 8, 2000.0, 0.0)
    args = (225.0, 1.0, 900.0, 6.0, 0.004)
    before = shares(lambda u: stay.draw_stay_schedule(flat, *args, u), 30)
    after = shares(lambda u: stay.draw_stay_schedule(step, *args, u), 30)
    assert int(np.argmax(after)) + 1 == 8
    assert after[7] > 3.0 * before[7]
    assert after[6] < before[6]


def test_without_stake_the_margin_alone_decides() -> None:
    assert stay.draw_stay(300.0, 200.0, 1.0, 0.0, 6.0, 1e3, 45, 0.5) == 45
    assert stay.draw_stay(100.0, 200.0, 1.0, 0.0, 6.0, 1e3, 45, 0.5) == 1


def test_a_single_possible_day_is_taken() -> None:
    assert stay.draw_stay(300.0, 200.0, 1.0, 100.0, 6.0, 1.0, 1, 0.999) == 1
    assert stay.draw_stay_schedule(np.array([100.0]), 200.0, 1.0, 100.0, 6.0, 1.0, 0.999) == 1
    two = np.array([100.0, 5000.0])
    assert stay.draw_stay_schedule(two, 200.0, 1.0, 100.0, 6.0, 1.0, 0.999) == 2
