"""Rules of practices and hospitals: referral, admission, coding, effort, prevention, adjustment."""

import math

import numpy as np
import pytest

from sim.behavior import (
    acceptance,
    adjustment,
    admission,
    altruism,
    capacity,
    coding,
    effort,
    income,
    joining,
    low_value,
    prevention,
    referral,
    return_visits,
)

# ---- income ---------------------------------------------------------------------------------


def test_the_income_weight_is_one_on_target_and_bounded() -> None:
    assert income.income_weight(5e6, 5e6, 0.7) == 1.0
    assert income.income_weight(1.0, 5e6, 2.0) == 2.0
    assert income.income_weight(5e12, 5e6, 2.0) == 0.5
    assert income.income_weight(4e6, 5e6, 0.1) == pytest.approx(0.8**-0.1, rel=1e-12)
    assert income.income_weight(4e6, 0.0, 0.1) == 1.0


def test_a_fee_cut_raises_the_weighted_margin_exactly_if_eta_sigma_exceeds_one() -> None:
    rng = np.random.default_rng(41)
    for _ in range(500):
        eta, sigma = rng.uniform(0.2, 2.0), rng.uniform(0.05, 1.0)
        if abs(eta * sigma - 1.0) < 0.01:
            continue
        revenue, fee, cut = 1e6, 100.0, 1e-4
        before = income.weighted_margin(fee, income.income_weight(revenue, 1e6, eta))
        less = revenue * (1.0 - sigma * cut)
        after = income.weighted_margin(fee * (1.0 - cut), income.income_weight(less, 1e6, eta))
        assert (after > before) == (eta * sigma > 1.0)


def test_the_income_effect_leaves_losses_alone_so_that_a_lump_cut_causes_no_stinting() -> None:
    assert income.weighted_margin(-30.0, 1.8) == -30.0
    assert income.weighted_margin(30.0, 1.8) == pytest.approx(54.0)
    assert income.weighted_receipts(100.0, 60.0, 1.5) == pytest.approx(120.0)
    assert income.weighted_receipts(0.0, 60.0, 1.5) == 0.0


def test_diminishing_sensitivity_is_neutral_at_the_reference_and_bounded_away_from_it() -> None:
    assert income.diminishing(80.0, 80.0, 12.0) == 80.0
    slope = (income.diminishing(80.001, 80.0, 12.0) - 80.0) / 0.001
    assert slope == pytest.approx(1.0, rel=1e-6)
    assert income.diminishing(68.0, 80.0, 12.0) == pytest.approx(80.0 - 12.0 * math.tanh(1.0))
    assert income.diminishing(-1e9, 80.0, 12.0) == pytest.approx(68.0)
    assert income.diminishing(0.0, 80.0, 0.0) == 80.0


# ---- referral -------------------------------------------------------------------------------


def test_skill_sharpens_the_signal_and_a_useless_signal_is_ignored() -> None:
    assert referral.signal(2.0, 0.6, 2.0, 1.0) == pytest.approx(2.3)
    assert referral.expected_severity(3.0, 1.0, 1.0, 0.0, 1.0) == 3.0
    assert referral.expected_severity(3.0, 1.0, 1.0, 1.0, 1.0) == pytest.approx(2.0)
    assert referral.expected_severity(3.0, 1.0, 1.0, 1e9, 1.0) == pytest.approx(1.0)


def test_being_charged_for_spending_elsewhere_makes_referral_rarer() -> None:
    treat = referral.treat_utility(40.0, 1.0, 0.5, 1e5, 0.010, 0.2, 30.0, 0.1, 50.0, 5.0)
    assert treat == pytest.approx(40.0 + 0.5 * (1000.0 - 6.0) - 5.0 - 5.0)
    free = referral.refer_utility(0.0, 1.0, 0.5, 1e5, 0.011, 0.2, 80.0, 400.0, 0.0, 20.0)
    assert free == pytest.approx(0.5 * (1100.0 - 16.0 - 20.0))
    charged = referral.refer_utility(0.0, 1.0, 0.5, 1e5, 0.011, 0.2, 80.0, 400.0, -0.5, 20.0)
    assert charged == pytest.approx(free - 200.0)
    assert referral.prob_refer(treat, charged, 0.01, 0.0) < referral.prob_refer(
        treat, free, 0.01, 0.0
    )


def test_failure_in_primary_care_rises_with_severity_over_skill() -> None:
    assert referral.prob_failure(2.0, 2.0, 1.5, 0.0) == 0.5
    assert (
        referral.prob_failure(3.0, 2.0, 1.5, 0.0) > 0.5 > referral.prob_failure(1.0, 2.0, 1.5, 0.0)
    )


def test_with_equal_options_referral_follows_the_calibrated_constant_alone() -> None:
    assert referral.prob_refer(123.4, 123.4, 0.02, -2.0) == pytest.approx(
        1.0 / (1.0 + math.exp(2.0))
    )


# ---- admission ------------------------------------------------------------------------------


def test_admission_weighs_margin_health_payment_and_the_bed() -> None:
    found = admission.admit_utility(500.0, 1.2, 0.4, 1e5, 0.02, 0.1, 1000.0, 150.0)
    assert found == pytest.approx(600.0 + 0.4 * (2000.0 - 100.0) - 150.0)


def test_deferring_without_discount_or_harm_is_admitting_without_the_bed_price() -> None:
    admit = admission.admit_utility(500.0, 1.0, 0.4, 1e5, 0.02, 0.1, 1000.0, 150.0)
    defer = admission.defer_utility(500.0, 1.0, 0.4, 1e5, 0.02, 0.0, 0.1, 1000.0, 1.0)
    assert defer == pytest.approx(admit + 150.0)
    harmed = admission.defer_utility(500.0, 1.0, 0.4, 1e5, 0.02, 0.005, 0.1, 1000.0, 1.0)
    assert defer - harmed == pytest.approx(0.4 * 500.0)


def test_transfer_and_refusal_count_health_elsewhere_and_the_penalty() -> None:
    found = admission.transfer_utility(-50.0, 1.5, 0.4, 1e5, 0.02, 0.1, 1000.0, 8000.0, -0.1, 30.0)
    assert found == pytest.approx(-850.0 + 0.4 * 1900.0 - 30.0)
    assert admission.refuse_utility(0.4, 1e5, 0.01, 300.0) == pytest.approx(100.0)


def test_a_loss_making_severe_case_is_moved_on_more_often_than_a_paying_one() -> None:
    def share_moved(margin: float) -> float:
        admit = admission.admit_utility(margin, 1.0, 0.3, 1e5, 0.05, 0.0, 0.0, 0.0)
        transfer = admission.transfer_utility(0.0, 1.0, 0.3, 1e5, 0.049, 0.0, 0.0, 0.0, 0.0, 50.0)
        grid = (np.arange(2000) + 0.5) / 2000
        taken = [admission.choose4(admit, -1e300, transfer, -1e300, 1e-3, u) for u in grid.tolist()]
        return taken.count(2) / len(taken)

    assert share_moved(-3000.0) > share_moved(0.0) > share_moved(3000.0)


def test_a_bed_costs_nothing_when_empty_and_the_displaced_margin_when_full() -> None:
    assert capacity.shadow_price(0.3, 400.0, 0.95, 0.02) < 1e-9
    assert capacity.shadow_price(0.95, 400.0, 0.95, 0.02) == pytest.approx(200.0)
    assert capacity.shadow_price(1.4, 400.0, 0.95, 0.02) == pytest.approx(400.0)
    assert capacity.shadow_price(1.4, -400.0, 0.95, 0.02) == 0.0
    assert capacity.shadow_price(0.96, 400.0, 0.95, 0.0) == 400.0


# ---- coding ---------------------------------------------------------------------------------


def test_upcoding_is_gain_less_expected_fine_over_compliance_cost() -> None:
    assert coding.upcoding_share(1000.0, 0.1, 0.5, 1.0, 3000.0) == pytest.approx(0.3)
    assert coding.upcoding_share(1000.0, 0.1, 0.5, 1.0, 300.0) == 1.0


def test_upcoding_vanishes_where_levels_bring_nothing_or_fines_eat_the_gain() -> None:
    assert coding.upcoding_share(0.0, 0.1, 0.5, 1.0, 3000.0) == 0.0
    assert coding.upcoding_share(-200.0, 0.0, 0.5, 1.0, 3000.0) == 0.0
    assert coding.upcoding_share(1000.0, 0.5, 0.5, 3.0, 3000.0) == 0.0
    assert coding.upcoding_share(1000.0, 0.5, 0.5, 9.0, 3000.0) == 0.0


def test_documentation_falls_back_to_habit_where_levels_bring_nothing() -> None:
    assert coding.documentation_share(0.0, 500.0, 0.8) == 0.8
    assert coding.documentation_share(250.0, 500.0, 0.8) == pytest.approx(0.9)
    assert coding.documentation_share(900.0, 500.0, 0.8) == pytest.approx(1.0)
    assert coding.documentation_share(10.0, 0.0, 0.8) == pytest.approx(1.0)


def test_review_grows_with_deviation_from_peers_up_to_certainty() -> None:
    assert coding.perceived_review(0.05, 0.02, -3.0) == pytest.approx(1.0 - 0.95 * 0.98)
    assert coding.perceived_review(0.05, 0.02, 1.0) > coding.perceived_review(0.05, 0.02, 0.0)
    assert coding.perceived_review(0.05, 0.02, 30.0) == 1.0


# ---- effort and prevention ------------------------------------------------------------------


def test_effort_solves_its_first_order_condition() -> None:
    rng = np.random.default_rng(42)
    for _ in range(300):
        value, theta, cost = (
            10.0 ** rng.uniform(0, 6),
            rng.uniform(0.01, 0.5),
            10.0 ** rng.uniform(0, 4),
        )
        x = effort.optimal_effort(value, theta, cost)
        marginal = value * theta * math.exp(-x)
        if x > 0.0:
            assert marginal == pytest.approx(cost, rel=1e-9)
        else:
            assert marginal <= cost


def test_effort_is_nothing_without_value_and_complete_without_cost() -> None:
    assert effort.optimal_effort(-5.0, 0.2, 1.0) == 0.0
    assert effort.optimal_effort(0.0, 0.2, 0.0) == 0.0
    assert effort.effort_effect(effort.optimal_effort(5.0, 0.2, 0.0), 0.2) == pytest.approx(0.2)
    assert effort.effort_effect(0.0, 0.2) == 0.0


def test_demand_responds_most_where_the_choice_is_open() -> None:
    assert effort.demand_response(2.0, 0.5) == pytest.approx(0.5)
    assert effort.demand_response(2.0, 1.0) == 0.0
    h = 1e-6
    share = 1.0 / (1.0 + math.exp(-0.7))
    more = 1.0 / (1.0 + math.exp(-0.7 - 2.0 * h))
    assert effort.demand_response(2.0, share) == pytest.approx((more - share) / h, rel=1e-5)


def test_cost_reimbursement_removes_the_reward_for_cutting_cost() -> None:
    assert effort.value_of_cutting_cost(8e6, 1.0) == 0.0
    assert effort.value_of_cutting_cost(8e6, 0.0) == 8e6


def test_documenting_quality_gains_the_bonus_without_patients_or_health() -> None:
    both = effort.value_of_true_quality(200.0, 50.0, 3e4, 1.0, 0.4, 1e5, 0.5)
    assert both == pytest.approx(1e4 + 3e4 + 2e4)
    assert effort.value_of_measured_quality(3e4) == 3e4
    assert effort.value_of_measured_quality(-3e4) == 0.0


def test_prevention_pays_where_avoided_spending_counts_and_members_stay() -> None:
    common = (-0.5, 20.0, -900.0)
    paid_by_visit = prevention.value_of_control(*common, 0.0, 0.0, 0.0, 1e5, 0.02, 0.95, 0.9)
    responsible = prevention.value_of_control(*common, -1.0, 0.0, 0.0, 1e5, 0.02, 0.95, 0.9)
    leaving = prevention.value_of_control(*common, -1.0, 0.0, 0.0, 1e5, 0.02, 0.95, 0.0)
    assert paid_by_visit == pytest.approx(-10.0 / (1.0 - 0.855))
    assert responsible == pytest.approx(890.0 / (1.0 - 0.855))
    assert leaving == pytest.approx(890.0)
    assert prevention.prevention_effort(paid_by_visit, 300.0, 0.2, 500.0) == 0.0
    assert prevention.prevention_effort(responsible, 300.0, 0.2, 500.0) > 0.0
    assert effort.horizon_value(100.0, 0.95, 0.9) == pytest.approx(100.0 / 0.145)


# ---- return visits, low-value care, acceptance ----------------------------------------------


def test_a_return_visit_is_asked_for_more_often_the_more_it_brings() -> None:
    def asked(margin: float) -> float:
        return return_visits.prob_ask_back(
            margin, 1.0, 0.4, 1e5, 0.0001, 0.2, 30.0, 0.0, 0.02, -0.5
        )

    assert asked(-10.0) < asked(0.0) < asked(25.0)
    assert asked(0.0) == pytest.approx(1.0 / (1.0 + math.exp(0.5 - 0.02 * 0.4 * 4.0)))


def test_low_value_care_falls_with_harm_and_rises_with_margin_and_wish() -> None:
    def given(margin: float, harm: float, wish: float) -> float:
        return low_value.prob_low_value(margin, 1.0, 0.4, 1e5, harm, wish, 0.1, 20.0, 0.05, 0.0)

    assert given(10.0, 0.001, 5.0) > given(0.0, 0.001, 5.0)
    assert given(10.0, 0.002, 5.0) < given(10.0, 0.001, 5.0)
    assert given(10.0, 0.001, 9.0) > given(10.0, 0.001, 5.0)


def test_patients_accept_less_the_dearer_and_farther_and_the_less_they_trust() -> None:
    base = (1.0, 100.0, 2000.0, 6.0, 3.0, 0.3, 0.5, 1.0)
    reference = acceptance.prob_accept(*base)
    assert reference == pytest.approx(1.0 / (1.0 + math.exp(-(1.0 - 0.3 - 0.9 + 0.5))))
    for position, direction in ((1, -1.0), (2, 1.0), (4, -1.0), (6, 1.0)):
        changed = list(base)
        changed[position] *= 1.2
        difference = acceptance.prob_accept(*changed) - reference
        assert math.copysign(1.0, difference) == direction
    assert low_value.prob_accept is return_visits.prob_accept is acceptance.prob_accept


# ---- altruism, joining, adjustment ----------------------------------------------------------


def test_altruism_is_a_mixture_of_a_selfish_few_and_a_log_normal_with_the_given_mean() -> None:
    """Mean over a grid of the quantile function; no chance involved."""
    assert altruism.altruism(0.099, 0.9, 0.1, 2.0, 0.5) == 0.0
    grid = ((np.arange(20_000) + 0.5) / 20_000).tolist()
    draws = np.array([altruism.altruism(0.5, u, 0.1, 2.0, 0.5) for u in grid])
    assert float(draws.mean()) == pytest.approx(2.0, rel=1e-3)
    assert float(np.log(draws).std()) == pytest.approx(0.5, rel=1e-3)
    assert np.all(np.diff(draws) > 0.0)


def test_people_join_for_benefits_and_near_by_and_after_good_experience() -> None:
    base = (-1.0, 200.0, 50.0, 2500.0, 5.0, 2.5, 0.4, 0.6, 1.5)
    reference = joining.prob_join(*base)
    for position, direction in ((1, 1.0), (2, -1.0), (5, -1.0), (7, 1.0)):
        changed = list(base)
        changed[position] *= 1.3
        assert math.copysign(1.0, joining.prob_join(*changed) - reference) == direction


def test_a_practice_that_bears_cost_discourages_the_costly_unless_complaints_are_dear() -> None:
    def discouraged(cost: float, complaint: float) -> float:
        return joining.prob_discourage(900.0, cost, 0.4, 1e5, 0.001, complaint, 0.002, -3.0)

    assert discouraged(4000.0, 100.0) > discouraged(500.0, 100.0)
    assert discouraged(4000.0, 3000.0) < discouraged(4000.0, 100.0)


def test_a_lever_closes_half_of_its_gap_in_its_half_life() -> None:
    lever = 0.2
    for _ in range(4):
        lever = adjustment.adjust(lever, 1.0, 4.0)
    assert lever == pytest.approx(0.6, rel=1e-9)
    assert adjustment.adjust(0.2, 1.0, 0.0) == 1.0
    assert adjustment.adjust(0.7, 0.7, 4.0) == 0.7


def test_half_of_a_practice_style_spills_over_between_payers() -> None:
    assert adjustment.blended_style(1.2, 1.0, 0.5) == pytest.approx(1.1)
    assert adjustment.blended_style(1.2, 1.0, 0.0) == 1.2
