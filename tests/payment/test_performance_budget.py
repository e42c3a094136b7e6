"""The performance-settled budget: every stretch of the rule by hand, the notch, and the score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.activity import MEASURES, Activity
from sim.errors import PaymentError
from sim.payment import PaymentModel, build, interim_of, next_year, timetable_of
from sim.testing import sample_context
from tests.payment.smoothed import brute, chain

CONTEXT = sample_context(1)
FEE = float(CONTEXT.visit_fee[0, 0])
CONTROL = MEASURES.index("chronic_control")
TERMS: dict[str, Any] = {
    "budget": 1000,
    "measures": ["chronic_control"],
    "full_marks": {"chronic_control": 0.8},
    "of": "fee_for_service",
}


def contract(**terms: Any) -> PaymentModel:
    return build({"performance_budget": {**TERMS, **terms}}, CONTEXT)


def year(claims: float, control: float = 0.8, uncovered: float = 0.0) -> Activity:
    visits, own = np.zeros((1, 3)), np.zeros((1, 3))
    visits[0, 0], own[0, 0] = claims / FEE, uncovered
    num, den = np.zeros((1, len(MEASURES))), np.zeros((1, len(MEASURES)))
    num[0, CONTROL], den[0, CONTROL] = 100 * control, 100
    return Activity.zeros(1, 4).with_fields(
        visits=visits, patient_uncovered=own, quality_num=num, quality_den=den
    )


def pays(activity: Activity, **terms: Any) -> float:
    return float(contract(**terms).revenue(activity)[0])


@pytest.mark.parametrize(
    ("claims", "paid"),
    [
        (840, 840),  # below .85 the fund pays claims
        (850, 1000),  # from there the budget: the notch
        (1000, 1000),
        (1050, 1030),  # and .6 of an overrun to a tenth
        (1100, 1060),
        (1500, 1060),
    ],
)
def test_claims_budget_and_shared_overrun_follow_the_city_rules(claims: float, paid: float) -> None:
    assert pays(year(claims)) == pytest.approx(paid)


@pytest.mark.parametrize(("claims", "paid"), [(950, 965), (860, 890)])
def test_a_reward_of_a_third_of_the_surplus_stops_at_three_percent(
    claims: float, paid: float
) -> None:
    assert pays(year(claims), surplus_share=0.3, surplus_cap=0.03) == pytest.approx(paid)


def test_beyond_the_stop_loss_the_fund_pays_everything() -> None:
    assert pays(year(1500), stop_loss=0.2) == pytest.approx(1300)


def test_deposit_is_released_in_proportion_to_the_score() -> None:
    for control, score in ((0.8, 1.0), (0.6, 0.75), (0.9, 1.0)):
        assert pays(year(1000, control)) == pytest.approx(1000 * (1 - 0.05 * (1 - score)))


def test_what_patients_pay_outside_the_catalogue_uses_up_the_budget() -> None:
    # 900 of claims and 100 outside are on the budget; 200 outside are an overrun of 100.
    assert pays(year(900, uncovered=100), count_uncovered=1) == pytest.approx(900)
    assert pays(year(900, uncovered=200), count_uncovered=1) == pytest.approx(1060 - 200)
    assert pays(year(900, uncovered=200)) == pytest.approx(1000)


def test_a_twelfth_less_the_deposit_is_paid_monthly_whatever_is_claimed() -> None:
    model = contract()
    for claims in (100, 1000, 2000):
        np.testing.assert_allclose(interim_of(model, year(claims)), 950)
    assert timetable_of(model).settlement_delay_months == 6


def test_next_budget_grows_with_the_score_or_follows_claims() -> None:
    later: Any = next_year(contract(growth=0.05, budget_by_score=1), [year(900, 0.72)])
    np.testing.assert_allclose(later.budget, 1000 * 1.05 * 0.9)
    later = next_year(contract(weight_on_history=0.4), [year(900)])
    np.testing.assert_allclose(later.budget, 960)


def test_claims_just_below_the_notch_are_worth_more_than_themselves() -> None:
    near = float(chain(contract(), year(830)).visits[0, 0])
    far = float(chain(contract(), year(500)).visits[0, 0])
    assert far == pytest.approx(FEE)
    assert near > 1.3 * FEE


@pytest.mark.parametrize(("claims", "share"), [(500, 1.0), (1600, 0.0)])
def test_far_from_the_edges_a_fee_brings_its_share(claims: float, share: float) -> None:
    m = chain(contract(), year(claims))
    assert float(m.visits[0, 0]) == pytest.approx(share * FEE, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("claims", [940.0, 1050.0, 1150.0])
@pytest.mark.parametrize("name", ["visits", "patient_uncovered", "quality_num"])
def test_slope_equals_brute_differences_where_there_is_no_notch(claims: float, name: str) -> None:
    terms = {"full_from": 0.0, "surplus_share": 0.7, "count_uncovered": 0.8}
    model = contract(**terms)
    done = year(claims, 0.6, uncovered=60)
    cell = (CONTROL,) if name == "quality_num" else (0,)
    found = float(getattr(chain(model, done), name)[(0, *cell)])
    scale = {"visits": FEE, "patient_uncovered": 1.0, "quality_num": 1.0}[name]
    assert found == pytest.approx(brute(model, done, 0, name, cell, 1000), abs=0.02 * scale)


def test_ratchet_and_score_move_the_budgets_to_come() -> None:
    beta, done = 0.8, year(950, 0.6)
    kept = 0.7 * (1 - 0.05 * 0.25)
    terms = {"full_from": 0.0, "surplus_share": 0.7}
    ratchet = chain(contract(**terms, weight_on_history=0.3), year(500, 0.6), discount=beta)
    later = kept * beta / (1 - beta * 0.7)
    expected = FEE * ((1 - 0.05 * 0.25) * 0.3 + 0.3 * later)
    assert float(ratchet.visits[0, 0]) == pytest.approx(expected)
    plain = chain(contract(**terms), done, discount=beta)
    scored = chain(contract(**terms, budget_by_score=1), done, discount=beta)
    assert float(scored.quality_num[0, CONTROL]) > float(plain.quality_num[0, CONTROL]) > 0


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"fund_share": 1.4}, "0 to 1 share"),
        ({"budget": -5}, "out of range"),
        ({"full_form": 0.9}, "Did you mean 'full_from'"),
        ({"measures": ["cost"]}, "unknown word"),
        ({"settlement_delay_months": 40}, "0 to 24 month"),
    ],
)
def test_a_budget_nobody_could_sign_is_refused(terms: Any, words: str) -> None:
    with pytest.raises(PaymentError) as caught:
        contract(**terms)
    assert words in str(caught.value)
    assert "contract.performance_budget" in str(caught.value)


def test_a_budget_on_nothing_is_refused() -> None:
    with pytest.raises(PaymentError, match=r"performance_budget\.of.*Add `of:`"):
        build({"performance_budget": {"budget": 1000}}, CONTEXT)
