"""Bundled payment: targets, shares and stops worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.activity import Activity, EpisodeRule
from sim.errors import PaymentError
from sim.payment import (
    build,
    episodes_of,
    gradient_of,
    has_neutral,
    next_year,
    resolve_neutral,
    thresholds_of,
)
from sim.testing import examine
from tests.payment.years import contract, marginal, year

FEES = "fee_for_service"
# 20,000 an episode less 5 %: a price of 19,000.
TERMS: dict[str, Any] = {
    "groups": ["stroke"],
    "target": 20_000,
    "discount": 0.05,
    "gain_share": 0.5,
    "loss_share": 0.8,
    "stop_gain": 0.1,
    "stop_loss": 0.2,
    "of": FEES,
}


def episodes(spending: float, count: float = 10) -> Activity:
    """Give ten episodes, and visits worth 300,000 inside."""
    return year(visits=[20_000, 0, 0], episodes=[count, spending])


def settled(spending: float, **changes: Any) -> float:
    model = contract({"bundled_payment": {**TERMS, **changes}})
    return float(model.revenue(episodes(spending))[0]) - 300_000


def test_a_target_in_the_file_passes_the_common_exam() -> None:
    spec = {"bundled_payment": {**TERMS, "groups": ["group-1"]}}
    examine(lambda context: build(spec, context), has_fixed_sums=True)


@pytest.mark.parametrize(
    ("spending", "paid"),
    [
        (190_000, 0),  # at the price
        (170_000, 10_000),  # half of 20,000 saved
        (152_000, 19_000),  # half of 38,000: a tenth of the price
        (100_000, 19_000),  # stopped there
        (200_000, -8_000),  # 80 % of 10,000 over
        (237_500, -38_000),  # 80 % of 47,500: a fifth of the price
        (400_000, -38_000),  # stopped there
    ],
)
def test_savings_and_losses_are_shared_up_to_the_stops(spending: float, paid: float) -> None:
    assert settled(spending) == pytest.approx(paid)


def test_a_one_sided_bundle_takes_nothing_back() -> None:
    assert settled(300_000, loss_share=0.0) == 0.0
    assert settled(170_000, loss_share=0.0) == pytest.approx(10_000)


def test_no_more_is_paid_back_than_the_care_inside_brought() -> None:
    model = contract({"bundled_payment": {**TERMS, "stop_loss": 1.0}})
    done = year(visits=[1000, 0, 0], episodes=[10, 400_000])
    assert model.revenue(done).tolist() == [0.0]
    assert not gradient_of(model, done).visits.any()


@pytest.mark.parametrize(
    ("spending", "in_spending", "in_count"),
    [
        (170_000, -0.5, 0.5 * 19_000),
        (200_000, -0.8, 0.8 * 19_000),
        (100_000, 0.0, 0.1 * 19_000),  # beyond the stop an episode brings its share of the price
        (400_000, 0.0, -0.2 * 19_000),
    ],
)
def test_a_yuan_less_in_the_episode_brings_its_share(
    spending: float, in_spending: float, in_count: float
) -> None:
    model = contract({"bundled_payment": TERMS})
    for slope in (
        gradient_of(model, episodes(spending)),
        marginal(model, episodes(spending), 0.05),
    ):
        assert slope.episodes[0, 0].tolist() == pytest.approx([in_count, in_spending])
        assert slope.visits[0].tolist() == pytest.approx([15.0, 25.0, 0.0])


def test_it_asks_for_episodes_that_the_groups_open_and_for_their_window() -> None:
    (rule,) = episodes_of(contract({"bundled_payment": {**TERMS, "months": 3}}))
    assert isinstance(rule, EpisodeRule)
    assert (rule.bundle, rule.groups.tolist(), rule.months) == (0, [False, True], 3)


def test_its_episodes_are_known_before_neutral_terms_inside_are_numbers() -> None:
    inside = {"drg": {"base_rate": "neutral", "high_outlier": 2.0}}
    model = contract({"bundled_payment": {**TERMS, "of": inside}})
    assert has_neutral(model)
    (rule,) = episodes_of(model)
    assert rule.groups.tolist() == [False, True]
    with pytest.raises(PaymentError, match="not yet resolved"):
        thresholds_of(model)


def test_a_neutral_target_is_the_own_mean_and_waits_until_a_year_was_counted() -> None:
    spec = {"bundled_payment": {**TERMS, "target": "neutral", "discount": 0.0}}
    receipts = np.array([300_000.0])
    counting = resolve_neutral(contract(spec), episodes(0.0, count=0.0), receipts)
    assert has_neutral(counting)
    assert counting.revenue(episodes(500_000)).tolist() == [300_000]
    new = resolve_neutral(counting, episodes(500_000), receipts)
    assert not has_neutral(new)
    assert new.revenue(episodes(500_000)).tolist() == [300_000]
    assert new.revenue(episodes(480_000)).tolist() == pytest.approx([310_000])


def test_the_target_is_rebased_on_own_spending_and_grows() -> None:
    spec = {"bundled_payment": {**TERMS, "discount": 0, "weight_on_history": 0.5, "growth": 0.1}}
    renewed = next_year(contract(spec), [episodes(160_000)])
    # (.5 x 20,000 + .5 x 16,000) x 1.1 = 19,800
    assert float(renewed.revenue(episodes(198_000))[0]) == pytest.approx(300_000)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"groups": ["stroke"]}, "pays the care meanwhile"),
        ({"of": FEES}, "no group opens"),
        ({"of": FEES, "groups": ["strok"]}, "Did you mean 'stroke'"),
        ({"of": FEES, "groups": ["stroke"], "target": -1}, "out of range"),
    ],
)
def test_a_bundle_nobody_could_sign_is_refused(terms: dict[str, Any], words: str) -> None:
    with pytest.raises(PaymentError, match=words):
        contract({"bundled_payment": terms})
