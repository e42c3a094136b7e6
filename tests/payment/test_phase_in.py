"""Phase-in: weights by year, incentives in between, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.errors import PaymentError
from sim.payment import PaymentModel, build, next_year, spec_from
from sim.testing import sample_context, sample_year
from tests.payment.smoothed import brute, chain

CONTEXT, YEAR = sample_context(), sample_year()
FEES = build("fee_for_service", CONTEXT).revenue(YEAR)
HEADS = build({"capitation": {"rate": 120}}, CONTEXT).revenue(YEAR)
TERMS = {
    "before": "fee_for_service",
    "after": {"capitation": {"rate": 120}},
    "weights": [0.0, 0.4, 1.0],
}


def contract(**terms: Any) -> PaymentModel:
    return build({"phase_in": {**TERMS, **terms}}, CONTEXT)


def test_new_contract_weighs_more_each_year_and_the_last_weight_stays() -> None:
    now = contract()
    for weight in (0.0, 0.4, 1.0, 1.0):
        np.testing.assert_allclose(now.revenue(YEAR), (1 - weight) * FEES + weight * HEADS)
        np.testing.assert_allclose(
            chain(now, YEAR).visits, (1 - weight) * CONTEXT.visit_fee, atol=1e-12
        )
        now = next_year(now, [YEAR])


def test_contracts_inside_are_renewed_too() -> None:
    after = {"capitation": {"rate": 120, "growth": 0.1}}
    later = next_year(contract(after=after, weights=[1.0]), [YEAR])
    np.testing.assert_allclose(later.revenue(YEAR), 1.1 * HEADS)


def test_a_file_written_in_the_second_year_goes_on_from_there() -> None:
    later = next_year(contract(), [YEAR])
    again = build(spec_from(later), CONTEXT)
    np.testing.assert_allclose(again.revenue(YEAR), 0.6 * FEES + 0.4 * HEADS)


def test_slope_equals_brute_differences_where_a_budget_is_phased_in() -> None:
    budget = {"global_budget": {"budget": float(FEES[0]), "of": "fee_for_service"}}
    model = contract(after=budget, year=1)
    found = float(chain(model, YEAR).visits[0, 0])
    expected = brute(model, YEAR, 0, "visits", (0,), 500)
    assert found == pytest.approx(expected, abs=0.02 * CONTEXT.visit_fee[0, 0])


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"after": "drg"}, "phase_in.before"),
        ({"before": "drg"}, "phase_in.after"),
        ({**TERMS, "weights": []}, "one a year"),
        ({**TERMS, "weights": [0.5, 1.5]}, "0 to 1 share"),
        ({**TERMS, "wieghts": [1]}, "Did you mean 'weights'"),
    ],
)
def test_a_phase_in_nobody_could_sign_is_refused(spec: Any, words: str) -> None:
    with pytest.raises(PaymentError) as caught:
        build({"phase_in": spec}, CONTEXT)
    assert words in str(caught.value)
