"""Clinical pathways: fixed prices, shares of the variance and the rest, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.activity import CaseRule
from sim.errors import PaymentError
from sim.payment import (
    build,
    gradient_of,
    next_year,
    resolve_neutral,
    sorted_by,
    thresholds_of,
)
from sim.testing import examine, sample_context, sample_year
from tests.payment.years import cell, context, contract, year

LISTED = {"groups": ["stroke"], "prices": {"stroke": [8000, 10_000, 14_000]}, "of": "drg"}
FREE: dict[str, Any] = {**LISTED, "of": {"drg": {"base_rate": 0}}}
# Level 1: six stays at 7,000 and four at 12,000, around a price of 10,000.
DONE = year(
    sides=2,
    cases_side=cell(1, 1, [6, 4]),
    charges_side=cell(1, 1, [42_000, 48_000]),
    admissions=cell(1, 1, [10]),
)


@pytest.mark.parametrize("inside", ["fee_for_service", {"drg": {"base_rate": 9000}}])
def test_prices_in_the_file_pass_the_common_exam(inside: Any) -> None:
    spec = {
        "groups": ["group-1", "group-4"],
        "prices": {"group-1": 6000, "group-4": [9000, 10_000, 12_000]},
        "share_above": 0.4,
        "share_below": 0.2,
        "of": inside,
    }
    examine(lambda c: build({"clinical_pathway": spec}, c), has_fixed_sums=True)


@pytest.mark.parametrize(
    ("above", "below", "paid"),
    [
        (0.0, 0.0, 100_000),  # ten times the price
        (0.5, 0.0, 104_000),  # half of 4 x 2,000 over
        (0.0, 0.3, 94_600),  # 30 % of 6 x 3,000 below
        (1.0, 1.0, 90_000),  # the charges themselves
    ],
)
def test_a_listed_stay_has_its_price_and_a_share_of_the_variance(
    above: float, below: float, paid: float
) -> None:
    spec = {"clinical_pathway": {**FREE, "share_above": above, "share_below": below}}
    assert contract(spec).revenue(DONE).tolist() == pytest.approx([paid])


def test_under_a_pure_price_a_service_brings_nothing_and_a_stay_its_price() -> None:
    slope = gradient_of(contract({"clinical_pathway": FREE}), DONE)
    assert not slope.charges_side.any()
    assert slope.cases_side[0, 1].tolist() == [[8000, 8000], [10_000, 10_000], [14_000, 14_000]]
    assert not slope.cases_side[0, 0].any()


def test_it_asks_for_cases_sorted_at_the_price() -> None:
    (rule,) = thresholds_of(contract({"clinical_pathway": FREE}))
    assert isinstance(rule, CaseRule)
    assert rule.thresholds[0, 1, :, 0].tolist() == [8000, 10_000, 14_000]


def test_other_stays_go_to_the_contract_inside_and_listed_ones_do_not() -> None:
    stays = np.zeros((2, 3, 1))
    stays[0, 0], stays[1, 1] = 5, 10
    done = DONE.with_fields(admissions=stays[None])
    paid = contract({"clinical_pathway": {**LISTED, "of": {"drg": {"base_rate": 8000}}}})
    assert paid.revenue(done).tolist() == pytest.approx([100_000 + 5 * 0.5 * 8000])


def test_inpatient_items_inside_count_by_the_share_of_charges_off_the_list() -> None:
    units = np.zeros((3, 4))
    units[0, 0], units[2, 0] = 100, 1000
    charges = cell(1, 1, [42_000, 48_000]) + cell(0, 0, [30_000, 0])
    done = DONE.with_fields(charges_side=charges[None], units=units[None])
    paid = contract({"clinical_pathway": {**LISTED, "of": "fee_for_service"}}).revenue(done)
    # A quarter of inpatient charges is pneumonia.
    assert paid.tolist() == pytest.approx([100_000 + 1000 + 0.25 * 10_000])


@pytest.mark.parametrize("inside", ["drg", {"fee_for_service": {"multiplier": "neutral"}}])
@pytest.mark.parametrize("shares", [{}, {"share_above": 0.5, "share_below": 0.5}])
def test_neutral_prices_earn_the_group_what_it_earned(inside: Any, shares: Any) -> None:
    one, base = sample_context(), sample_year()
    receipts = np.full(5, 3e6)
    spec = {"clinical_pathway": {"groups": ["group-2"], **shares, "of": inside}}
    new = resolve_neutral(build(spec, one), base, receipts)
    (rule,) = thresholds_of(new)
    assert isinstance(rule, CaseRule)
    paid = new.revenue(sorted_by(base, rule))
    assert float(paid.sum()) == pytest.approx(1.5e7, rel=1e-9)


def test_prices_grow() -> None:
    renewed = next_year(contract({"clinical_pathway": {**FREE, "growth": 0.05}}), [DONE])
    (rule,) = thresholds_of(renewed)
    assert isinstance(rule, CaseRule)
    assert rule.thresholds[0, 1, 1, 0] == pytest.approx(10_500)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"groups": ["stroke"]}, "all other care"),
        ({"of": "drg"}, "no disease is on the list"),
        ({"of": "drg", "groups": ["stroke"], "prices": {"flu": 1}}, "unknown term"),
        ({"of": "drg", "groups": ["stroke"], "prices": {"stroke": [1, 2]}}, "not a number"),
        ({"of": "drg", "groups": ["stroke"], "prices": 3}, "by disease"),
    ],
)
def test_a_list_nobody_could_sign_is_refused(terms: dict[str, Any], words: str) -> None:
    with pytest.raises(PaymentError, match=words):
        build({"clinical_pathway": terms}, context())
