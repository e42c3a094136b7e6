"""The pool: budget, surplus, overrun and parts worked by hand; own share against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.activity import MEASURES, Activity
from sim.errors import PaymentError
from sim.payment import (
    Outlook,
    PaymentModel,
    build,
    gradient_through,
    interim_of,
    next_year,
    resolve_neutral,
    spec_from,
    timetable_of,
)
from sim.payment._smoothing import nodes
from sim.testing import examine, sample_context, sample_year
from tests.payment.smoothed import ERROR, brute, chain, moved

CONTEXT = sample_context(3)
FEE = CONTEXT.visit_fee[:, 0]
CONTROL = MEASURES.index("chronic_control")
# 1,000 members x 1,000 less 5 % reserve and premiums of 50 is a budget of 900,000.
TERMS: dict[str, Any] = {
    "rate": 1000,
    "risk": "none",
    "premium": 50,
    "share_outside": 0.4,
    "measures": ["chronic_control"],
    "full_marks": {"chronic_control": 0.5},
    "distribution": {"provider-1": 6, "provider-2": 3, "provider-3": 1},
    "of": "fee_for_service",
}
D = np.array([0.6, 0.3, 0.1])
CLAIMS = np.array([300_000.0, 200_000.0, 100_000.0])


def contract(**terms: Any) -> PaymentModel:
    return build({"consortium": {**TERMS, **terms}}, CONTEXT)


def year(outside: float, control: float = 0.5, claims: Any = CLAIMS) -> Activity:
    """Give a year with 600,000 of claims inside, so much outside, and a value of control."""
    visits = np.zeros((3, 3))
    visits[:, 0] = claims / FEE
    num, den = np.zeros((3, len(MEASURES))), np.zeros((3, len(MEASURES)))
    num[:, CONTROL], den[:, CONTROL] = 100 * control, 100
    return Activity.zeros(3, 4).with_fields(
        visits=visits,
        spent_elsewhere=np.array([0.0, outside / 0.4, 0.0]),
        member_months=np.array([0.0, 6000, 6000]),
        risk_months=np.array([0.0, 6000, 6000]),
        quality_num=num,
        quality_den=den,
    )


@pytest.mark.parametrize(
    ("outside", "control", "settled"),
    [
        (300_000, 0.5, 0),  # on the budget
        (250_000, 0.5, 50_000),  # a surplus, kept
        (250_000, 0.45, 50_000),  # 90 points keep all
        (250_000, 0.40, 40_000),  # 80 points keep 80 %
        (250_000, 0.29, 0),  # 58 points keep nothing
        (100_000, 0.5, 90_000),  # 200,000 left, a tenth of the budget kept
        (340_000, 0.5, -40_000),  # an overrun below 5 %, borne
        (445_000, 0.5, -95_000),  # 45,000 and half of 100,000
    ],
)
def test_surplus_and_overrun_follow_the_county_rules(
    outside: float, control: float, settled: float
) -> None:
    paid = contract().revenue(year(outside, control))
    np.testing.assert_allclose(paid, CLAIMS + D * settled)


def test_the_unreasonable_part_of_an_overrun_is_borne_in_full() -> None:
    paid = contract(unreasonable=0.2).revenue(year(445_000))
    # .2 x 145,000 + .8 x 95,000
    np.testing.assert_allclose(paid, CLAIMS - D * 105_000)


@pytest.mark.parametrize(
    ("distribution", "parts"),
    [
        ("receipts", [0.5, 1 / 3, 1 / 6]),
        ("members", [0, 0.5, 0.5]),
        ({"practice": 4, "secondary": 6}, [0.4, 0.6, 0]),
    ],
)
def test_parts_follow_the_rule_of_distribution(distribution: Any, parts: list[float]) -> None:
    paid = contract(distribution=distribution).revenue(year(250_000))
    np.testing.assert_allclose(paid - CLAIMS, 50_000 * np.array(parts))


def test_members_are_paid_by_the_contract_inside_until_the_pool_is_settled() -> None:
    done = year(250_000)
    np.testing.assert_allclose(interim_of(contract(), done), CLAIMS)
    assert timetable_of(contract(settlement_delay_months=12)).settlement_delay_months == 12


# ---- own share ----


def test_a_fee_saved_is_kept_by_the_saver_in_its_own_part_only() -> None:
    m = chain(contract(surplus_cap=1.0), year(0))
    np.testing.assert_allclose(m.visits[:, 0], FEE * (1 - D))
    np.testing.assert_allclose(m.spent_elsewhere, -0.4 * D)
    np.testing.assert_allclose(m.member_months, D * (0.95 * 1000 - 50) / 12)


def test_beyond_five_percent_a_fee_costs_half_of_the_own_part() -> None:
    m = chain(contract(), year(900_000))
    np.testing.assert_allclose(m.visits[:, 0], FEE * (1 - 0.5 * D))


def test_quality_is_worth_the_own_part_of_the_surplus() -> None:
    # 80 points: a success in 300 is 1/150 of the full mark of 50 %.
    m = chain(contract(surplus_cap=1.0), year(0, control=0.4))
    np.testing.assert_allclose(m.quality_num[:, CONTROL], D * 300_000 / 150)


@pytest.mark.slow
@pytest.mark.parametrize("distribution", ["receipts", "members", TERMS["distribution"]])
@pytest.mark.parametrize("outside", [150_000, 300_000, 400_000])
def test_slope_equals_brute_differences_one_provider_at_a_time(
    outside: float, distribution: Any
) -> None:
    model, done = contract(distribution=distribution), year(outside)
    m = chain(model, done)
    for j in range(3):
        found = float(m.visits[j, 0])
        expected = brute(model, done, j, "visits", (0,), 400)
        assert found == pytest.approx(expected, abs=0.02 * FEE[j])
    found = float(m.member_months[1])
    assert found == pytest.approx(brute(model, done, 1, "member_months", (), 400), abs=1.5)


def test_a_pool_of_one_provider_is_a_budget_of_its_own() -> None:
    m = chain(contract(distribution={"provider-2": 1}, surplus_cap=1.0), year(0))
    np.testing.assert_allclose(m.visits[:, 0], FEE * np.array([1, 0, 1]), atol=1e-9)


# ---- next year ----


def test_rate_grows_and_is_rebased_on_what_members_cost() -> None:
    later: Any = next_year(contract(weight_on_history=0.5, growth=0.1), [year(200_000)])
    # half of the 100,000 left is taken from 950 budget yuan per yuan of rate, then 10 % growth
    assert later.rate == pytest.approx((1000 - 50_000 / 950) * 1.1)


def test_ratchet_takes_back_what_is_saved_today() -> None:
    w, beta = 0.3, 0.8
    m = chain(contract(weight_on_history=w, surplus_cap=1.0), year(0), discount=beta)
    kept = 1 - w * beta / (1 - beta * (1 - w))
    np.testing.assert_allclose(m.visits[:, 0], FEE * (1 - D * kept))


# ---- inside the pool ----

HOSPITAL = int(np.flatnonzero(CONTEXT.kinds > 0)[0])


def test_tiers_share_six_to_three_to_one_and_a_network_has_the_parts_of_both_its_tiers() -> None:
    kinds = CONTEXT.kinds
    paid = contract(distribution={"county": 6, "township": 3, "village": 1}).revenue(year(250_000))
    hospitals, practices = (kinds > 0).sum(), (kinds == 0).sum()
    parts = np.where(kinds > 0, 0.6 / hospitals, 0.4 / practices)
    np.testing.assert_allclose(paid - CLAIMS, 50_000 * parts)


def test_a_county_pool_is_charged_what_members_spent_outside() -> None:
    done = year(0).with_fields(
        spent_elsewhere=np.array([0.0, 900_000.0, 0.0]),
        spent_outside=np.array([0.0, 250_000.0, 0.0]),
    )
    paid = contract(outside="counted").revenue(done)
    np.testing.assert_allclose(paid, CLAIMS + D * 50_000)
    far = chain(contract(outside="counted", surplus_cap=1.0), year(0))
    np.testing.assert_allclose(far.spent_outside, -D)
    assert not far.spent_elsewhere.any()


def stays(hospital: float, down: float = 0.0) -> Activity:
    """Give the year on its budget, with stays of the second group at the hospital of the pool."""
    done = year(300_000)
    admissions = np.zeros_like(done.admissions)
    admissions[HOSPITAL, 1, 0, 0] = hospital
    referrals = np.zeros_like(done.referrals)
    referrals[HOSPITAL, 1] = down
    months = np.where(CONTEXT.kinds == 0, 12_000.0 / (CONTEXT.kinds == 0).sum(), 0.0)
    return done.with_fields(
        admissions=admissions, referrals=referrals, member_months=months, risk_months=months
    )


def test_internal_prices_move_money_between_members_and_add_none() -> None:
    done = stays(100.0, down=40.0)
    plain = contract().revenue(done)
    group = CONTEXT.groups[1]
    priced = contract(transfer_prices={group: 500}, down_referral_price=200).revenue(done)
    # 100 stays at 500 less 40 referrals down at 200.
    found = priced - plain
    assert found[HOSPITAL] == pytest.approx(-42_000)
    assert float(found.sum()) == pytest.approx(0.0, abs=1e-6)
    share = done.member_months / done.member_months.sum()
    np.testing.assert_allclose(found[CONTEXT.kinds == 0], 42_000 * share[CONTEXT.kinds == 0])
    # One price for every group is the same where only one group is admitted.
    flat = contract(transfer_prices=500, down_referral_price=200).revenue(done)
    np.testing.assert_allclose(flat, priced)


def test_a_hospital_sees_the_internal_price_of_a_stay_and_of_a_referral_down() -> None:
    done = stays(100.0, down=40.0)
    m = chain(contract(transfer_prices=500, down_referral_price=200), done)
    assert float(m.admissions[HOSPITAL, 1, 0, 0]) == pytest.approx(-500.0)
    assert float(m.referrals[HOSPITAL, 1]) == pytest.approx(200.0)
    assert not m.admissions[CONTEXT.kinds == 0].any()


def test_internal_prices_pass_the_exam_and_are_written_back_to_a_file() -> None:
    terms = {"of": "fee_for_service", "transfer_prices": 30, "down_referral_price": 15}
    examine(
        lambda context: build({"consortium": {**terms, "outside": "counted"}}, context),
        is_pooled=True,
        has_fixed_sums=True,
    )
    model = contract(transfer_prices={CONTEXT.groups[1]: 500})
    again = build(spec_from(model), CONTEXT)
    np.testing.assert_allclose(again.revenue(stays(10.0)), model.revenue(stays(10.0)))


# ---- whoever leads the members ----


def jointly(model: PaymentModel, done: Activity) -> Activity:
    """Give the slopes of everybody's revenue together, by the chain rule."""
    seen = Outlook(done, done, np.full(3, ERROR), jointly=True)
    return done.filled(gradient_through(model, seen, seen.at_root))


def test_together_a_visit_below_the_budget_brings_nothing_whatever_the_parts() -> None:
    model = contract(surplus_cap=1.0)
    together = jointly(model, year(0))
    np.testing.assert_allclose(together.visits[:, 0], 0.0, atol=1e-9)
    np.testing.assert_allclose(together.spent_elsewhere, -0.4)
    # The budget of one more member-month, whoever's list it is on.
    np.testing.assert_allclose(together.member_months, (0.95 * 1000 - 50) / 12)


def test_together_a_visit_beyond_five_percent_brings_half_its_fee() -> None:
    np.testing.assert_allclose(jointly(contract(), year(900_000)).visits[:, 0], FEE * 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("distribution", ["members", TERMS["distribution"]])
@pytest.mark.parametrize("outside", [150_000, 300_000, 400_000])
def test_the_joint_slope_equals_brute_differences_of_everybodys_revenue(
    outside: float, distribution: Any
) -> None:
    model, done = contract(distribution=distribution), year(outside)
    joint = jointly(model, done)
    for j in range(3):
        ends = []
        for sign in (1.0, -1.0):
            ends.append(0.0)
            for z in nodes(400):
                shaken = moved(done.stretched(ERROR * float(z)), j, "visits", (0,), sign * 0.01)
                ends[-1] += float(model.revenue(shaken).sum()) / 400
        expected = (ends[0] - ends[1]) / 0.02
        assert float(joint.visits[j, 0]) == pytest.approx(expected, abs=0.02 * FEE[j])


def test_where_providers_share_no_money_the_leader_sees_what_each_sees() -> None:
    model = build({"global_budget": {"budget": 500_000, "of": "fee_for_service"}}, CONTEXT)
    own, joint = chain(model, year(0)), jointly(model, year(0))
    np.testing.assert_array_equal(own.visits, joint.visits)


def test_a_pool_with_a_premium_passes_the_exam() -> None:
    examine(
        lambda context: build({"consortium": {"of": "fee_for_service"}}, context),
        is_pooled=True,
        has_fixed_sums=True,
    )


def test_a_pool_without_members_is_refused() -> None:
    nothing = sample_year(3).with_fields(member_months=np.zeros(3), risk_months=np.zeros(3))
    with pytest.raises(PaymentError, match="without members"):
        resolve_neutral(contract(rate="neutral"), nothing, CLAIMS)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"distribution": "equal"}, "receipts, members"),
        ({"distribution": {"hamlet": 1}}, "neither a provider"),
        ({"transfer_prices": {"dragons": 1}}, "no such clinical group"),
        ({"transfer_prices": -1}, "CNY/stay"),
        ({"outside": "ignored"}, "share, counted"),
        ({"distribution": {"practice": 0}}, "nobody has a part"),
        ({"distribution": []}, "a rule, or parts"),
        ({"overrun_share": 2}, "0 to 1 share"),
        ({"settlement_delay_months": 60}, "0 to 24 month"),
        ({"surplus": 0.1}, "Did you mean 'surplus_cap'"),
    ],
)
def test_a_pool_nobody_could_sign_is_refused(terms: Any, words: str) -> None:
    with pytest.raises(PaymentError) as caught:
        contract(**terms)
    assert words in str(caught.value)
    assert "contract.consortium" in str(caught.value)
