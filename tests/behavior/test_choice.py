"""Discrete choices: logit, nested logit, and draws from them."""

import math

import numpy as np
import pytest

from sim.behavior import choice

GRID = ((np.arange(10_000) + 0.5) / 10_000).tolist()


def softmax(utilities: np.ndarray) -> np.ndarray:
    weights = np.exp(utilities - utilities.max())
    return weights / weights.sum()


def test_the_nested_logit_with_dissimilarity_one_is_the_plain_logit() -> None:
    rng = np.random.default_rng(31)
    for _ in range(100):
        utilities = rng.normal(0.0, 2.0, 12)
        nests = [utilities[:1], utilities[1:5], utilities[5:]]
        values, inside = [], []
        for nest in nests:
            cumulative = np.empty(nest.size)
            values.append(choice.fill_cumulative(nest, 1.0, cumulative))
            inside.append(np.diff(cumulative, prepend=0.0) / cumulative[-1])
        outer = softmax(np.array(values))
        found = np.concatenate([p * q for p, q in zip(outer, inside, strict=True)])
        assert found == pytest.approx(softmax(utilities), rel=1e-9)


def test_the_inclusive_value_is_the_log_sum_and_does_not_count_an_excluded_provider() -> None:
    utilities = np.array([0.3, choice.UNAVAILABLE, -1.2])
    cumulative = np.empty(3)
    value = choice.fill_cumulative(utilities, 0.6, cumulative)
    total = math.exp(0.3 / 0.6) + math.exp(-1.2 / 0.6)
    assert value == pytest.approx(0.6 * math.log(total), rel=1e-12)
    weights = choice.nest_weight(0.3, 0.6) + choice.nest_weight(-1.2, 0.6)
    assert choice.inclusive_value(weights, 0.6) == pytest.approx(value, rel=1e-12)
    assert 1 not in {choice.draw_from_cumulative(cumulative, u) for u in GRID}


def test_an_empty_nest_is_worth_nothing_and_never_chosen() -> None:
    empty = np.full(3, choice.UNAVAILABLE)
    value = choice.fill_cumulative(empty, 0.5, np.empty(3))
    assert value == choice.UNAVAILABLE
    assert choice.inclusive_value(0.0, 0.5) == choice.UNAVAILABLE
    assert {choice.choose4(0.0, value, -2.0, value, 1.0, u) for u in GRID} == {0, 2}


def test_identical_providers_in_one_nest_attract_less_than_in_a_plain_logit() -> None:
    twins = choice.fill_cumulative(np.zeros(2), 0.5, np.empty(2))
    assert twins == pytest.approx(0.5 * math.log(2.0), rel=1e-12)
    assert twins < math.log(2.0)


def test_a_draw_among_four_has_the_logit_probabilities() -> None:
    utilities = (120.0, 80.0, -40.0, 100.0)
    expected = softmax(0.02 * np.array(utilities))
    taken = np.bincount([choice.choose4(*utilities, 0.02, u) for u in GRID], minlength=4)
    assert taken / len(GRID) == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("missing", range(4))
def test_an_unavailable_option_is_never_drawn_whatever_the_precision(missing: int) -> None:
    utilities = [1.0, 2.0, 3.0, 4.0]
    utilities[missing] = choice.UNAVAILABLE
    extremes = [2.0**-53, 1.0 - 2.0**-53]
    for precision in (0.0, 1e-6, 1.0, 50.0):
        drawn = {choice.choose4(*utilities, precision, u) for u in GRID[::50] + extremes}
        assert missing not in drawn


def test_no_option_at_all_gives_the_last() -> None:
    none = choice.UNAVAILABLE
    assert choice.choose4(none, none, none, none, 1.0, 0.5) == 3


def test_draws_from_weights_and_from_running_sums_agree_and_skip_empty_entries() -> None:
    rng = np.random.default_rng(32)
    for _ in range(50):
        weights = rng.uniform(0.0, 1.0, 17) * (rng.uniform(0.0, 1.0, 17) > 0.4)
        weights[rng.integers(17)] = 0.5
        cumulative = np.cumsum(weights)
        for u in [2.0**-53, *GRID[::500], 1.0 - 2.0**-53]:
            index = choice.draw_from_cumulative(cumulative, u)
            assert weights[index] > 0.0
            other = choice.draw_from_weights(weights, float(cumulative[-1]), u)
            assert weights[other] > 0.0
            if abs(cumulative[index] - u * cumulative[-1]) > 1e-9:
                assert other == index


def test_provider_utility_falls_with_price_travel_and_wait_and_rises_with_experience() -> None:
    base = [0.5, 60.0, 3000.0, 4.0, 3.0, 0.6, 1.0, 0.3, 0.5, 1.2]
    reference = choice.provider_utility(*base)
    assert reference == pytest.approx(0.5 - 4.0 * 0.02 - 1.8 - 0.3 + 0.6, rel=1e-12)
    for position, direction in ((1, -1), (2, 1), (4, -1), (6, -1), (8, 1)):
        changed = list(base)
        changed[position] *= 1.1
        assert math.copysign(1.0, choice.provider_utility(*changed) - reference) == direction


def test_a_payment_is_felt_ever_less_and_never_more_than_the_half() -> None:
    felt = [choice.diminished_price(p, 3000.0, 0.1) for p in (0.0, 1.0, 300.0, 3000.0, 1e9)]
    assert felt[0] == 0.0
    assert felt[1] == pytest.approx(1.0, rel=4e-3)
    assert felt[2] == pytest.approx(150.0, rel=1e-12)
    assert felt == sorted(felt)
    assert felt[-1] <= 300.0


def test_without_a_half_every_unit_of_a_payment_weighs_the_same() -> None:
    for price in (0.0, 12.5, 4e5):
        assert choice.diminished_price(price, 3000.0, 0.0) == price


def test_the_same_share_of_income_is_felt_alike_by_rich_and_poor() -> None:
    poor = choice.diminished_price(100.0, 1000.0, 0.1) / 1000.0
    rich = choice.diminished_price(1000.0, 10_000.0, 0.1) / 10_000.0
    assert poor == pytest.approx(rich, rel=1e-12)


def test_the_metropolitan_distance_cubic_is_the_published_one() -> None:
    assert choice.travel_utility_metro(10.0) == pytest.approx(-2.65 + 0.2 - 0.01, rel=1e-12)


def test_precision_is_inverse_to_the_list_price_and_price_is_a_mixture() -> None:
    assert choice.choice_precision(0.17, 1000.0) == pytest.approx(1.0 / 170.0, rel=1e-15)
    assert choice.choice_precision(0.17, 0.0) == 0.0
    assert choice.mixed_price(100.0, 20.0, 0.5) == 60.0


def test_the_second_of_two_options_is_taken_by_logistic_of_the_difference() -> None:
    found = choice.prob_second(100.0, 150.0, 0.01, -1.0)
    assert found == pytest.approx(1.0 / (1.0 + math.exp(0.5)), rel=1e-12)
