"""Outcome tiers: coefficients worked by hand, and the step seen through measurement error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.activity import MEASURES, Activity
from sim.errors import PaymentError
from sim.payment import PaymentModel, build, resolve_neutral
from sim.testing import sample_context, sample_year
from tests.payment.smoothed import brute, brute_in_score, chain

CONTEXT, YEAR = sample_context(), sample_year()
FEES = build("fee_for_service", CONTEXT).revenue(YEAR)
OUTCOME = MEASURES.index("chronic_control")
TIERS = [
    {"from": 0, "coefficient": 0.9},
    {"from": 0.8, "coefficient": 1.0},
    {"from": 1.2, "coefficient": 1.15},
]


def contract(**terms: Any) -> PaymentModel:
    spec = {
        "measure": "chronic_control",
        "predicted": 0.5,
        "tiers": TIERS,
        "level": 1,
        "of": "fee_for_service",
        **terms,
    }
    return build({"outcome_tiers": spec}, CONTEXT)


def observed(*values: float) -> Activity:
    num = YEAR.quality_num.copy()
    num[:, OUTCOME] = YEAR.quality_den[:, OUTCOME] * np.array(values)
    return YEAR.with_fields(quality_num=num)


def test_coefficient_is_that_of_the_tier_of_observed_over_predicted() -> None:
    done = observed(0.35, 0.4, 0.5, 0.6, 0.9)  # .7, .8, 1, 1.2 and 1.8 of the prediction
    np.testing.assert_allclose(contract().revenue(done) / FEES, [0.9, 1.0, 1.0, 1.15, 1.15])


def test_who_treated_nobody_to_measure_has_coefficient_one() -> None:
    den = YEAR.quality_den.copy()
    den[0, OUTCOME] = 0.0
    done = observed(0.1, 0.1, 0.1, 0.1, 0.1).with_fields(quality_den=den)
    np.testing.assert_allclose(contract().revenue(done) / FEES, [1.0, 0.9, 0.9, 0.9, 0.9])


def test_own_prediction_pays_nobody_more_on_base_activity() -> None:
    own = contract(predicted="own", level="neutral")
    model = resolve_neutral(own, YEAR, FEES, build("fee_for_service", CONTEXT))
    np.testing.assert_allclose(model.revenue(YEAR), FEES, rtol=1e-12)


def test_level_takes_from_all_what_good_outcomes_earn() -> None:
    grouped = contract(predicted="neutral", level="neutral")
    model = resolve_neutral(grouped, YEAR, FEES, build("fee_for_service", CONTEXT))
    assert float(model.revenue(YEAR).sum()) == pytest.approx(float(FEES.sum()))


@pytest.mark.parametrize("ratio", [0.76, 0.8, 1.17])
def test_a_better_outcome_near_a_step_earns_the_step_times_its_density(ratio: float) -> None:
    m = chain(contract(), observed(*[0.5 * ratio] * 5), score_error=0.03)

    def paid(x: Any) -> Any:
        return FEES[0] * (0.9 + 0.1 * (x >= 0.8) + 0.15 * (x >= 1.2))

    # one more success moves the ratio by one over the cases and the prediction
    by_hand = brute_in_score(paid, ratio, 0.03) / (YEAR.quality_den[0, OUTCOME] * 0.5)
    assert float(m.quality_num[0, OUTCOME]) == pytest.approx(by_hand, rel=0.06)


def test_between_steps_a_fee_brings_the_coefficient_and_an_outcome_nothing() -> None:
    done = observed(0.3, 0.5, 0.5, 0.5, 0.7)
    m = chain(contract(), done)
    np.testing.assert_allclose(m.visits[:, 0] / CONTEXT.visit_fee[:, 0], [0.9, 1, 1, 1, 1.15])
    assert not m.quality_num.any()
    for j in (0, 4):
        assert float(m.visits[j, 0]) == pytest.approx(
            brute(contract(), done, j, "visits", (0,), 40)
        )


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"tiers": []}, "tiers are a list"),
        ({"tiers": [{"from": 0.5, "coefficient": 1}]}, "tiers rise from 0"),
        ({"tiers": [*TIERS, {"from": 1.0, "coefficient": 1}]}, "more than 1.2"),
        ({"tiers": [{"from": 0}]}, "a start and a value"),
        ({"tiers": [{"from": 0, "coefficient": -1}]}, "out of range"),
        ({"predicted": 0}, "out of range"),
        ({"measure": "walking"}, "unknown word"),
    ],
)
def test_tiers_nobody_could_sign_are_refused(terms: Any, words: str) -> None:
    with pytest.raises(PaymentError) as caught:
        contract(**terms)
    assert words in str(caught.value)
    assert "contract.outcome_tiers" in str(caught.value)
