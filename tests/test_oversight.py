"""Audits find what their probabilities say, book every fen, and pay no heed to order or size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.errors import ScenarioError
from sim.oversight import (
    COUNTY_2022,
    AuditPolicy,
    affordable_share,
    audit,
    binomial_quantile,
    expected_penalty_factor,
    peer_share,
    review_probability,
    scrutiny,
)
from sim.randomness import Decision, key_plain

POLICY = AuditPolicy.from_spec(COUNTY_2022)


def keys(month: int) -> tuple[int, int]:
    """Give a month's two keys."""
    return (
        key_plain(5, month, Decision.AUDIT_SAMPLE),
        key_plain(5, month, Decision.DETECTION),
    )


def test_penalty_factor_is_review_times_detection_times_one_plus_fine() -> None:
    # .4 x .35 x 2.5, by hand.
    assert float(expected_penalty_factor(POLICY, 0.4)) == pytest.approx(0.35)
    assert expected_penalty_factor(POLICY, np.zeros(3)).tolist() == [0, 0, 0]


def test_random_sample_alone_remains_where_all_upcode_alike() -> None:
    assert review_probability(POLICY, [0.5, 0.5], [0.5, 0.5]) == pytest.approx([0.02, 0.02])
    # 20 points above peers: 1 - .98 x .8.
    assert float(review_probability(POLICY, 0.3, 0.1)) == pytest.approx(0.216)
    assert float(review_probability(POLICY, 0.1, 0.3)) == pytest.approx(0.02)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_review_grows_with_a_providers_upcoding_and_is_a_probability(
    share: float, more: float, peers: float
) -> None:
    low, high = sorted((share, more))
    first, second = review_probability(POLICY, [low, high], [peers, peers]).tolist()
    assert POLICY.sample - 1e-12 <= first <= second <= 1


def test_peers_are_the_others_of_the_same_kind() -> None:
    shares = peer_share([10, 20, 0, 7], [100, 100, 50, 10], [1, 1, 1, 2])
    assert shares == pytest.approx([20 / 150, 10 / 150, 30 / 200, 0.7])


@given(
    st.floats(1e-9, 1 - 1e-9), st.integers(0, 200_000), st.floats(0, 1).filter(lambda p: p > 1e-9)
)
def test_binomial_draw_inverts_the_distribution_function(u: float, trials: int, p: float) -> None:
    found = binomial_quantile(u, trials, p)
    assert 0 <= found <= trials
    # At the edge of a step rounding may choose either neighbor.
    assert stats.binom.cdf(found, trials, p) >= u - 1e-9
    assert found == 0 or stats.binom.cdf(found - 1, trials, p) <= u + 1e-9


def test_binomial_draw_at_the_ends() -> None:
    assert binomial_quantile(0.5, 0, 0.5) == 0
    assert binomial_quantile(0.999, 10, 0.0) == 0
    assert binomial_quantile(0.001, 10, 1.0) == 10
    # Ten fair coins, median 5 of 10.
    assert binomial_quantile(0.5, 10, 0.5) == 5


def test_certain_review_and_detection_returns_everything_and_the_fine() -> None:
    policy = AuditPolicy(screening=0, sample=1, detection=1, fine=1.5, cost_per_review=60)
    claims, upcoded = np.array([[40, 10]]), np.array([[8, 0]])
    excess = np.array([[12_345, 0]])
    found = audit(policy, [1.0], claims, upcoded, excess, *keys(0))
    assert found.reviewed.tolist() == [[40, 10]]
    assert found.detected.tolist() == [[8, 0]]
    assert found.claw_back_fen.tolist() == [[12_345, 0]]
    assert found.fine_fen.tolist() == [[18_518, 0]]
    assert found.undetected_fen.tolist() == [[0, 0]]
    assert found.cost_fen.tolist() == [[240_000, 60_000]]


def test_no_audit_finds_and_costs_nothing() -> None:
    policy = AuditPolicy.from_spec("none")
    claims, upcoded = np.array([[400]]), np.array([[80]])
    found = audit(policy, [0.0], claims, upcoded, np.array([[9]]), *keys(0))
    assert found.detected.sum() == found.cost_fen.sum() == found.fine_fen.sum() == 0
    assert found.undetected_fen.tolist() == [[9]]


@given(
    st.lists(
        st.tuples(st.integers(0, 5_000), st.integers(0, 5_000), st.integers(0, 10**12)),
        min_size=1,
        max_size=12,
    ),
    st.floats(0, 1),
    st.integers(0, 60),
)
def test_detected_and_undetected_sums_add_to_the_excess(
    rows: list[tuple[int, int, int]], prob: float, month: int
) -> None:
    upcoded = np.array([[row[0]] for row in rows])
    claims = upcoded + np.array([[row[1]] for row in rows])
    excess = np.where(upcoded > 0, np.array([[row[2]] for row in rows]), 0)
    found = audit(POLICY, np.full(len(rows), prob), claims, upcoded, excess, *keys(month))
    np.testing.assert_array_equal(found.claw_back_fen + found.undetected_fen, excess)
    np.testing.assert_array_equal(found.detected + found.undetected, upcoded)
    assert np.all(found.claw_back_fen >= 0)
    assert np.all(found.undetected_fen >= 0)
    assert np.all(found.detected <= found.reviewed)
    assert np.all(found.reviewed <= claims)
    assert np.all((found.detected > 0) | (found.claw_back_fen == 0))
    again = audit(POLICY, np.full(len(rows), prob), claims, upcoded, excess, *keys(month))
    np.testing.assert_array_equal(found.claw_back_fen, again.claw_back_fen)


def test_another_provider_changes_nobody_elses_audit() -> None:
    claims = np.array([[300, 200], [500, 100]])
    upcoded, excess = claims // 4, claims * 1_000
    two = audit(POLICY, [0.3, 0.4], claims, upcoded, excess, *keys(3))
    more = [np.vstack([x, [[9_000, 9_000]]]) for x in (claims, upcoded, excess)]
    three = audit(POLICY, [0.3, 0.4, 0.9], *more, *keys(3))
    np.testing.assert_array_equal(two.claw_back_fen, three.claw_back_fen[:2])
    np.testing.assert_array_equal(two.reviewed, three.reviewed[:2])


def test_mean_claw_back_and_fine_are_what_providers_expect_to_lose() -> None:
    # 240 months of 200 upcoded claims at review .3: detected mean 21, sd 4.3 a month; the mean's
    # standard error is .28, so the band of 1.25 has a false-alarm rate of 1e-5.
    claims, upcoded, excess = np.array([[800]]), np.array([[200]]), np.array([[200_000]])
    found = [audit(POLICY, [0.3], claims, upcoded, excess, *keys(month)) for month in range(240)]
    detected = float(np.mean([x.detected.sum() for x in found]))
    assert abs(detected - 200 * 0.3 * 0.35) < 1.25
    lost = float(np.mean([x.claw_back_fen.sum() + x.fine_fen.sum() for x in found]))
    expected = 200_000 * float(expected_penalty_factor(POLICY, 0.3))
    assert lost == pytest.approx(expected * detected / 21.0, rel=1e-9)
    # Reviews cover honest claims too: mean 240, standard error .84, band 4.5 sd.
    assert abs(float(np.mean([x.reviewed.sum() for x in found])) - 240.0) < 3.8


def test_counts_that_cannot_be_are_refused() -> None:
    one, two = np.array([[1]]), np.array([[2]])
    with pytest.raises(ScenarioError, match="upcoded <= claims"):
        audit(POLICY, [0.1], one, two, one, *keys(0))
    with pytest.raises(ScenarioError, match="shapes differ"):
        audit(POLICY, [0.1], one, np.array([1]), one, *keys(0))


def test_policy_is_read_with_units_and_refused_with_the_field() -> None:
    spec = {**COUNTY_2022, "sample": {"value": 2, "unit": "percent", "source": "x"}}
    assert AuditPolicy.from_spec(spec) == POLICY
    for faulty, message in (
        ({**COUNTY_2022, "sampel": 1}, "Did you mean `sample`"),
        ({**COUNTY_2022, "sample": 1.5}, r"audit\.sample"),
        ({**COUNTY_2022, "fine": -1}, r"audit\.fine"),
        ({**COUNTY_2022, "fine": "high"}, "a number"),
        ({**COUNTY_2022, "fine": {"unit": "multiple"}}, r"audit\.fine\.value"),
        ({"sample": 0.1}, r"audit\.screening"),
        (3, "a mapping"),
    ):
        with pytest.raises(ScenarioError, match=message):
            AuditPolicy.from_spec(faulty)


def test_a_claim_is_spared_only_if_rules_inspectors_and_patients_all_miss_it() -> None:
    policy = replace(POLICY, inspection=1 - 0.5**12, reports=0.2)
    # Half of the months are inspected: 1 - .9 x .5 x .8, by hand.
    assert float(scrutiny(policy, 0.1)) == pytest.approx(0.64)
    assert float(scrutiny(POLICY, 0.1)) == pytest.approx(0.1)


def test_a_budget_pays_for_its_share_of_the_reviews_in_proportion_to_the_people_simulated() -> None:
    policy = replace(POLICY, budget=12_000.0)
    # 1,000 claims a year at .4 and CNY 60 ask for 24,000; a tenth of the region has 1,200.
    assert affordable_share(policy, [0.4], [1000.0], 1.0) == pytest.approx(0.5)
    assert affordable_share(policy, [0.4], [1000.0], 0.1) == pytest.approx(0.05)
    assert affordable_share(POLICY, [0.4], [1000.0], 0.1) == 1.0


def test_an_inspected_provider_has_every_claim_of_the_month_reviewed() -> None:
    policy = replace(POLICY, inspection=1.0, detection=1.0)
    claims, false = np.array([[50]]), np.array([[20]])
    found = audit(policy, [0.0], claims, false, 100 * false, 1, 2, 3)
    assert found.reviewed.tolist() == [[50]]
    assert found.detected.tolist() == [[20]]
    assert found.claw_back_fen.tolist() == [[2000]]


def test_patients_reports_bring_only_false_claims_to_review() -> None:
    policy = replace(POLICY, reports=1.0, detection=1.0)
    claims, false = np.array([[50]]), np.array([[20]])
    found = audit(policy, [0.0], claims, false, 100 * false, 1, 2, 3)
    assert found.reviewed.tolist() == [[20]]
    assert found.undetected.tolist() == [[0]]


@pytest.mark.parametrize("probability", [0.003, 0.02, 0.35, 0.5, 0.97])
def test_small_and_large_numbers_of_claims_follow_the_same_law(probability: float) -> None:
    """Both ways of summing agree with the textbook on both sides of the switch."""
    for trials in (1, 7, 60, 199, 200, 201, 400):
        for u in (0.001, 0.2, 0.4999, 0.8, 0.9993):
            expected = int(stats.binom.ppf(u, trials, probability))
            assert binomial_quantile(u, trials, probability) == expected
