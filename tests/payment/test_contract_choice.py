"""Choice: the larger of two contracts, up to a share, for those who may choose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.errors import PaymentError
from sim.payment import PaymentModel, build
from sim.testing import sample_context, sample_year
from tests.payment.smoothed import brute, chain

CONTEXT, YEAR = sample_context(), sample_year()
FEES = build("fee_for_service", CONTEXT).revenue(YEAR)
# Fees over twelve times risk months: a rate at which provider 0 is as well off with either.
EVEN = float(12.0 * FEES[0] / YEAR.risk_months[0])
HEADS = EVEN * YEAR.risk_months / 12.0


def contract(rate: float = EVEN, **terms: Any) -> PaymentModel:
    spec = {"standard": "fee_for_service", "option": {"capitation": {"rate": rate}}, **terms}
    return build({"contract_choice": spec}, CONTEXT)


def test_all_get_the_larger_of_both() -> None:
    np.testing.assert_allclose(contract().revenue(YEAR), np.maximum(FEES, HEADS))


def test_only_a_share_of_care_may_be_paid_the_other_way() -> None:
    paid = contract(rate=2 * EVEN, largest_share=0.3, eligible=["provider-1"]).revenue(YEAR)
    np.testing.assert_allclose(paid[0], 0.7 * FEES[0] + 0.3 * 2 * FEES[0])
    np.testing.assert_allclose(paid[1:], FEES[1:])


def test_a_kind_of_provider_may_choose() -> None:
    paid = contract(rate=100 * EVEN, eligible={"kind": "practice"}).revenue(YEAR)
    assert ((paid > FEES) == (CONTEXT.kinds == 0)).all()


@pytest.mark.parametrize(("rate", "share"), [(0.5, 1.0), (2.0, 0.0)])
def test_a_fee_counts_for_those_who_stay_and_not_for_those_who_changed(
    rate: float, share: float
) -> None:
    m = chain(contract(rate=rate * EVEN, eligible=["provider-1"]), YEAR)
    np.testing.assert_allclose(m.visits[0], share * CONTEXT.visit_fee[0], atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.95, 1.0, 1.04])
def test_slope_equals_brute_differences_around_the_point_of_indifference(rate: float) -> None:
    model = contract(rate=rate * EVEN, largest_share=0.8)
    m = chain(model, YEAR)
    for name, cell, scale in (
        ("visits", (0,), CONTEXT.visit_fee[0, 0]),
        ("risk_months", (), EVEN / 12.0),
    ):
        expected = brute(model, YEAR, 0, name, cell, 1000)
        assert float(getattr(m, name)[(0, *cell)]) == pytest.approx(expected, abs=0.02 * scale)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"largest_share": 1.5}, "0 to 1 share"),
        ({"eligible": ["provider-9"]}, "Did you mean 'provider-"),
        ({"eligible": {"kind": "hospital"}}, "practice, secondary, tertiary"),
        ({"eligible": 3}, "a list of providers"),
    ],
)
def test_a_choice_nobody_could_sign_is_refused(terms: Any, words: str) -> None:
    with pytest.raises(PaymentError) as caught:
        contract(**terms)
    assert words in str(caught.value)
    assert "contract.contract_choice" in str(caught.value)


def test_a_choice_needs_two_contracts() -> None:
    with pytest.raises(PaymentError, match=r"contract_choice\.option"):
        build({"contract_choice": {"standard": "drg"}}, CONTEXT)
