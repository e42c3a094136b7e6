"""Keyed draws: reproducible by anyone, uniform, and independent where they must be."""

import math

import numpy as np
import pytest

from sim import randomness
from sim.randomness import Decision

N = 100_000


def stream(seed: int, month: int, decision: int, first: int = 0, n: int = N) -> np.ndarray:
    uids = np.arange(first, first + n, dtype=np.uint64)
    return randomness.uniforms(randomness.key(seed, month, decision), uids)


def test_the_documented_test_vectors_hold() -> None:
    assert randomness.key_plain(0, 0, 0) == 0x2130748AAAC80268
    key = randomness.key_plain(7, 24, 3)
    assert key == 0xA504D75AAE43D951
    assert randomness.bits_plain(key, 5) == 0x0633DCC5300A32D4
    assert randomness.uniform_plain(key, 5) == 0.024228857175366936
    assert randomness.subkey_plain(key, 1) == 0x712176DE7154F8F2
    text = randomness.__doc__ or ""
    for number in ("2130748AAAC80268", "A504D75AAE43D951", "0633DCC5300A32D4", "712176DE7154F8F2"):
        assert number in text


def test_the_first_step_is_the_published_splitmix64() -> None:
    # First output of splitmix64 seeded with 0 is mix(golden ratio).
    assert randomness._mix_plain(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF


def test_a_draw_is_the_same_compiled_plain_and_in_bulk() -> None:
    rng = np.random.default_rng(5)
    uids = rng.integers(0, 2**63, 3000, dtype=np.uint64)
    uids[:3] = [0, 2**64 - 1, (3 << 32) | 17]
    for month in (0, 1, 119):
        key = randomness.key(2**64 - 1, month, Decision.STAY)
        plain = randomness.key_plain(2**64 - 1, month, Decision.STAY)
        assert int(key) == plain
        bulk = randomness.uniforms(key, uids)
        for i, uid in enumerate(uids.tolist()):
            expected = randomness.uniform_plain(plain, uid)
            assert randomness.uniform(key, np.uint64(uid)) == expected
            assert bulk[i] == expected


def test_signed_and_unsigned_person_numbers_give_the_same_draw() -> None:
    key = randomness.key(1, 2, 3)
    assert randomness.uniform(key, np.int64(77)) == randomness.uniform(key, np.uint64(77))


def test_normal_and_subkey_are_the_same_compiled_and_plain() -> None:
    key = randomness.key(1, 2, 3)
    for uid in range(500):
        assert randomness.normal(key, np.uint64(uid)) == randomness.normal_plain(int(key), uid)
        sub = randomness.subkey(key, np.uint64(uid))
        assert int(sub) == randomness.subkey_plain(int(key), uid)
    assert int(randomness.subkey(key, np.uint64(0))) != int(key)


def test_draws_lie_strictly_between_zero_and_one() -> None:
    assert (0 + 0.5) * 2.0**-52 > 0.0
    assert ((2**52 - 1) + 0.5) * 2.0**-52 < 1.0
    draws = stream(1, 1, 1)
    assert float(draws.min()) > 0.0
    assert float(draws.max()) < 1.0


def test_a_negative_seed_is_refused_with_the_allowed_range() -> None:
    with pytest.raises(ValueError, match="0 to 2\\^64 - 1"):
        randomness.key(-1, 0, 0)


def test_months_before_the_start_have_draws_of_their_own() -> None:
    assert randomness.key_plain(1, -1, 3) != randomness.key_plain(1, 1, 3)


def test_draws_are_uniform_in_a_hundred_cells() -> None:
    """Chi-squared with 99 degrees of freedom, 12 streams; false alarm below 1e-6 each.

    The bound 190 is exceeded with probability 1.0e-7 per stream, so about 1.2e-6 in all; the test
    is deterministic, the rate is that of choosing unlucky seeds.
    """
    for seed in (0, 1, 2):
        for month in (0, 1):
            for decision in (1, 2):
                counts = np.bincount(
                    (stream(seed, month, decision) * 100).astype(int), minlength=100
                )
                assert float(np.sum((counts - N / 100) ** 2) / (N / 100)) < 190.0


def test_neighboring_streams_are_not_correlated() -> None:
    """Correlation times sqrt(n) is standard normal; |z| > 5.5 has probability 4e-8 per pair."""
    base = stream(1, 24, 40) - 0.5
    others = [stream(1, 24 + m, 40) for m in (-1, 1, 2, 12)]
    others += [stream(1, 24, 40 + d) for d in (-1, 1, 2)]
    others += [stream(1 + s, 24, 40) for s in (1, 2)]
    others += [stream(1, 24, 40, first=lag) for lag in (1, 2, 1000, 1 << 32)]
    for other in others:
        z = float(np.mean(base * (other - 0.5)) * 12.0) * math.sqrt(N)
        assert abs(z) < 5.5


def test_one_persons_draws_over_months_are_uniform_and_uncorrelated() -> None:
    """One person, 20,000 months: mean, and correlation of neighbors; false alarm 8e-8 in all."""
    months = 20_000
    draws = np.array(
        [randomness.uniform_plain(randomness.key_plain(3, m, 40), 12345) for m in range(months)]
    )
    z_mean = (float(draws.mean()) - 0.5) * math.sqrt(12.0 * months)
    z_lag = float(np.mean((draws[1:] - 0.5) * (draws[:-1] - 0.5)) * 12.0) * math.sqrt(months - 1)
    assert abs(z_mean) < 5.5
    assert abs(z_lag) < 5.5


def test_keys_in_arithmetic_progression_are_not_shifted_copies_of_one_stream() -> None:
    """No draw of any of 40 neighboring streams returns in another, at any shift.

    With 52 random bits and 400,000 draws the probability of a single chance match is 2e-5.
    """
    draws = np.concatenate([stream(1, month, 40, n=10_000) for month in range(40)])
    assert np.unique(draws).size == draws.size


def test_even_raw_keys_one_golden_step_apart_do_not_give_shifted_copies() -> None:
    key = 0x123456789ABCDEF
    golden = 0x9E3779B97F4A7C15
    first = [randomness.bits_plain(key, uid) for uid in range(1, 2000)]
    second = [randomness.bits_plain((key + golden) % 2**64, uid) for uid in range(1999)]
    assert not set(first) & set(second)


def test_every_bit_of_person_and_month_changes_half_of_the_bits() -> None:
    """Avalanche: 64 x 200 flips; a mean outside 32 ± 0.4 has probability about 1e-6 per case."""
    rng = np.random.default_rng(9)
    for bit in range(0, 64, 3):
        changed = 0
        for uid in rng.integers(0, 2**63, 200).tolist():
            key = randomness.key_plain(1, uid % 1000, 40)
            other = randomness.bits_plain(key, uid ^ (1 << bit))
            changed += (randomness.bits_plain(key, uid) ^ other).bit_count()
        # Standard error of the mean is 4 / sqrt(200) = .28; 5.5 of them.
        assert abs(changed / 200 - 32.0) < 1.56


def test_decisions_have_distinct_positive_numbers() -> None:
    numbers = [int(d) for d in Decision]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > 0
