"""Shared savings: corridor, notch, caps, gate and benchmark worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.activity import MEASURES, Activity
from sim.errors import PaymentError
from sim.payment import PaymentModel, build, next_year, resolve_neutral
from sim.testing import examine, sample_context
from tests.payment.smoothed import ERROR, brute, chain

CONTEXT = sample_context(1)
FEE = float(CONTEXT.visit_fee[0, 0])
CONTROL = MEASURES.index("chronic_control")
TERMS = {
    "sharing": 0.5,
    "minimum_rate": 0.02,
    "benchmark": 1200,
    "base_risk": 1,
    "of": "fee_for_service",
}


def contract(**terms: Any) -> PaymentModel:
    return build({"shared_savings": {**TERMS, **terms}}, CONTEXT)


def year(own: float, elsewhere: float, members: float = 1000, risk: float = 1.0) -> Activity:
    """Give a year of one provider with so much care here and elsewhere."""
    visits = np.zeros((1, 3))
    visits[0, 0] = own / FEE
    return Activity.zeros(1, 4).with_fields(
        visits=visits,
        spent_elsewhere=np.array([elsewhere]),
        member_months=np.array([12 * members]),
        risk_months=np.array([12 * members * risk]),
    )


def pays(activity: Activity, **terms: Any) -> float:
    return float(contract(**terms).revenue(activity)[0])


# The benchmark is 1,000 members x 1,200 = 1,200,000.
@pytest.mark.parametrize(
    ("elsewhere", "gain"),
    [
        (1_000_000, 0),  # on the benchmark
        (980_000, 0),  # 20,000 saved, below 2 %
        (976_000, 12_000),  # 24,000 saved, 2 %: half of all of it
        (900_000, 50_000),
        (700_000, 120_000),  # 300,000 saved, half would be more than a tenth of the benchmark
        (1_100_000, 0),  # one-sided: losses are the payer's
    ],
)
def test_half_of_the_savings_is_shared_from_the_minimum_rate_to_the_cap(
    elsewhere: float, gain: float
) -> None:
    assert pays(year(200_000, elsewhere)) == pytest.approx(200_000 + gain)


@pytest.mark.parametrize(
    ("elsewhere", "loss"), [(1_020_000, 0), (1_100_000, 30_000), (1_900_000, 60_000)]
)
def test_two_sided_losses_are_paid_back_up_to_their_cap(elsewhere: float, loss: float) -> None:
    paid = pays(year(200_000, elsewhere), loss_sharing=0.3, loss_cap=0.05)
    assert paid == pytest.approx(200_000 - loss)


def test_no_more_is_paid_back_than_was_received() -> None:
    assert pays(year(10_000, 1_900_000), loss_sharing=0.5) == 0.0


def test_risk_raises_the_benchmark_by_three_percent_at_most() -> None:
    for risk, benchmark in ((1.02, 1_224_000), (1.10, 1_236_000)):
        saved = benchmark - 1_100_000
        paid = pays(year(200_000, 900_000, risk=risk))
        assert paid == pytest.approx(200_000 + 0.5 * saved)


def test_savings_are_shared_only_if_quality_passes_the_gate() -> None:
    num, den = np.zeros((1, len(MEASURES))), np.zeros((1, len(MEASURES)))
    den[0, CONTROL] = 100
    terms = {"quality_gate": 0.6, "measures": ["chronic_control"]}
    for control, gain in ((59, 0), (60, 50_000)):
        num[0, CONTROL] = control
        done = year(200_000, 900_000).with_fields(quality_num=num.copy(), quality_den=den)
        assert pays(done, **terms) == pytest.approx(200_000 + gain)
        at_gate = chain(contract(**terms), done, score_error=0.03)
        assert float(at_gate.quality_num[0, CONTROL]) > 0


def test_minimum_savings_rate_falls_with_size() -> None:
    for members, rate in ((4_000, 0.039), (5_000, 0.039), (17_500, 0.026), (80_000, 0.02)):
        base = year(200_000, 1_000_000, members)
        model: Any = resolve_neutral(
            contract(minimum_rate="neutral", benchmark="neutral"), base, np.array([200_000.0])
        )
        np.testing.assert_allclose(model.minimum_rate, rate)
        np.testing.assert_allclose(model.benchmark, 1_200_000 / members)


def test_minimum_rate_by_size_passes_the_exam() -> None:
    # It follows the number of members, so that twice the region is not twice the money.
    examine(
        lambda context: build({"shared_savings": {"of": "fee_for_service"}}, context),
        has_fixed_sums=True,
    )


# ---- incentives ----


def test_inside_the_corridor_a_fee_brings_what_is_not_shared() -> None:
    m = chain(contract(savings_cap=1.0), year(200_000, 600_000))
    assert float(m.visits[0, 0]) == pytest.approx(0.5 * FEE)
    assert float(m.spent_elsewhere[0]) == pytest.approx(-0.5)
    assert float(m.risk_months[0]) == pytest.approx(0.5 * 100)


def test_beyond_the_cap_and_above_the_benchmark_a_fee_brings_itself() -> None:
    for elsewhere in (300_000, 2_000_000):
        m = chain(contract(), year(200_000, elsewhere))
        assert float(m.visits[0, 0]) == pytest.approx(FEE)


def test_two_sided_bites_where_one_sided_does_not() -> None:
    done = year(200_000, 1_250_000)
    one = float(chain(contract(), done).visits[0, 0])
    two = float(chain(contract(loss_sharing=0.5, loss_cap=1.0), done).visits[0, 0])
    assert two < 0.6 * FEE < 0.98 * FEE < one


@pytest.mark.parametrize("elsewhere", [850_000, 960_000, 1_000_000, 1_060_000])
@pytest.mark.parametrize("name", ["spent_elsewhere", "risk_months"])
def test_slope_equals_the_regression_on_the_forecast_error_at_notch_and_caps(
    elsewhere: float, name: str
) -> None:
    model = contract(loss_sharing=0.5)
    done = year(200_000, elsewhere)
    found = float(getattr(chain(model, done), name)[0])
    # A notch has no difference at a point: move by a part of the forecast error.
    array = getattr(done, name)
    h = 0.1 * ERROR * 1_200_000 / (1.0 if name == "spent_elsewhere" else 100.0)
    z = np.linspace(-4, 4, 4001)
    p = np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum()
    ends = [
        sum(
            w
            * pays(done.with_fields(**{name: array + s * h}).stretched(ERROR * x), loss_sharing=0.5)
            for x, w in zip(z[::20], p[::20] / p[::20].sum(), strict=True)
        )
        for s in (1, -1)
    ]
    expected = (ends[0] - ends[1]) / (2 * h)
    scale = 1.0 if name == "spent_elsewhere" else 100.0
    assert found == pytest.approx(expected, abs=0.06 * scale)


def test_slope_equals_brute_differences_inside_the_corridor() -> None:
    done = year(200_000, 500_000)
    model = contract(savings_cap=0.25)
    found = float(chain(model, done).visits[0, 0])
    assert found == pytest.approx(brute(model, done, 0, "visits", (0,), 300), abs=0.02 * FEE)


# ---- the benchmark's next years ----


def test_benchmark_is_set_anew_from_three_years_weighted_and_trended() -> None:
    past = [year(200_000, e) for e in (1_000_000, 900_000, 800_000)]
    later: Any = next_year(contract(agreement_years=1, trend=0.05), past)
    by_hand = 0.6 * 1000 * 1.05 + 0.3 * 1100 * 1.05**2 + 0.1 * 1200 * 1.05**3
    np.testing.assert_allclose(later.benchmark, by_hand)
    assert later.year == 0


def test_benchmark_only_grows_within_an_agreement() -> None:
    later: Any = next_year(contract(trend=0.05), [year(200_000, 400_000)])
    np.testing.assert_allclose(later.benchmark, 1260)
    assert later.year == 1


def test_ratchet_equals_the_discounted_sum_of_later_payments() -> None:
    beta, years = 0.8, 2
    terms = {"agreement_years": years, "savings_cap": 1.0, "minimum_rate": 0.0}
    usual = year(200_000, 500_000)

    def present_value(first: Activity) -> float:
        now, found = contract(**terms), 0.0
        past: list[Activity] = [usual, usual]
        for t in range(60):
            done = first if t == 0 else usual
            # Later benchmarks stay above spending: savings are shared every year.
            found += beta**t * float(now.revenue(done)[0])
            past.append(done)
            now = next_year(now, past)
            if now.year == 0:
                now = build(
                    {
                        "shared_savings": {
                            **TERMS,
                            **terms,
                            "benchmark": float(now.benchmark[0]) + 400,
                        }
                    },
                    CONTEXT,
                )
        return found

    gained = present_value(year(200_000, 501_000)) - present_value(usual)
    m = chain(contract(**terms), usual, discount=beta)
    assert float(m.spent_elsewhere[0]) == pytest.approx(gained / 1000, rel=1e-6)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"sharing": 1.5}, "0 to 1 share"),
        ({"agreement_years": 2.5}, "years are whole"),
        ({"savings_cp": 0.1}, "Did you mean 'savings_cap'"),
        ({"benchmark": -1}, "out of range"),
        ({"measures": ["cost"]}, "unknown word"),
    ],
)
def test_an_agreement_nobody_could_sign_is_refused(terms: Any, words: str) -> None:
    with pytest.raises(PaymentError) as caught:
        contract(**terms)
    assert words in str(caught.value)
    assert "contract.shared_savings" in str(caught.value)


def test_savings_need_a_contract_that_prices_care() -> None:
    with pytest.raises(PaymentError, match=r"shared_savings\.of"):
        build("shared_savings", CONTEXT)
