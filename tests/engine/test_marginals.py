"""Marginals are copied and mixed as one block of memory, and know what they have been told."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from sim.engine.organization import Marginals, mix_plain, plain_copy
from sim.payment._smoothing import secants
from tests.bench.worlds import world_of


@pytest.fixture(scope="module")
def listed() -> Marginals:
    """Marginals at list price, every array in memory of its own."""
    return world_of("tiny", 50, 1).reference


def test_a_copy_holds_the_same_numbers_and_shares_none_of_them(listed: Marginals) -> None:
    first = listed.copy()
    second = first.copy()
    second.out += 1.0
    for name, array in listed.plain.items():
        assert np.array_equal(first.plain[name], array)
    assert np.array_equal(second.out, listed.out + 1.0)
    assert np.array_equal(second.inside, listed.inside)


@pytest.mark.parametrize("apart", [False, True])
def test_mixing_gives_the_same_bits_in_one_block_and_array_by_array(
    listed: Marginals, apart: bool
) -> None:
    current, other = plain_copy(listed.plain), plain_copy(listed.plain)
    for k, array in enumerate(other.values()):
        array += k / 7.0
    if apart:
        # What is copied deeply lies wherever there is room.
        current, other = copy.deepcopy(current), copy.deepcopy(other)
    mix_plain(current, other, 0.3)
    for k, (name, array) in enumerate(listed.plain.items()):
        expected = (1.0 - 0.3) * array + 0.3 * (array + k / 7.0)
        assert np.array_equal(current[name], expected), name


def test_a_stay_that_is_written_is_looked_through_again(listed: Marginals) -> None:
    terms = listed.copy().stay
    assert terms.is_flat
    assert not terms.has_slopes
    terms.slopes[0] = 1.0
    terms.written()
    assert terms.has_slopes
    assert not terms.is_flat
    assert terms.copy().has_slopes


def test_slopes_of_whoever_does_nothing_are_those_at_the_point_and_others_stay_secants() -> None:
    fan = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 4.0], [5.0, 5.0, 6.0], [9.0, 7.0, 3.0]])
    found = secants(lambda x: x * x, fan)
    expected = [[0.0, 0.0], [3.0, 6.0], [10.0, 11.0], [16.0, 10.0]]
    np.testing.assert_allclose(found, expected, atol=1e-6)
