"""Service units: a fixed sum per visit, stay or day, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sim.payment import build, gradient_of, next_year, resolve_neutral
from sim.testing import examine
from tests.payment.years import contract, year

DONE = year(
    visits=[30, 70, 5],
    units=np.full((3, 4), 50.0),
    admissions=[[4, 1, 0], [0, 0, 5]],
    bed_days=[40, 60],
)


@pytest.mark.parametrize("unit", ["visit", "stay", "day"])
def test_a_sum_in_its_file_passes_the_common_exam(unit: str) -> None:
    spec = {"service_unit": {"unit": unit, "rate": 150}}
    examine(lambda context: build(spec, context), has_fixed_prices=True)


@pytest.mark.parametrize(("unit", "n"), [("visit", 100), ("stay", 10), ("day", 100)])
def test_the_sum_is_paid_once_for_every_unit(unit: str, n: int) -> None:
    paid = contract({"service_unit": {"unit": unit, "rate": 180}}).revenue(DONE)
    assert paid.tolist() == [n * 180.0]


def test_what_was_done_in_a_unit_brings_nothing_and_a_second_unit_brings_twice() -> None:
    slope = gradient_of(contract({"service_unit": {"rate": 180}}), DONE)
    assert slope.visits.tolist() == [[180.0, 180.0, 0.0]]
    assert not slope.units.any()
    assert not slope.bed_days.any()


def test_hospitals_may_have_sums_of_their_own() -> None:
    spec = {"service_unit": {"unit": "stay", "rate": {"hospital-1": 5000, "hospital-2": 7000}}}
    stays = np.zeros((2, 2, 3, 1))
    stays[:, 0, 0, 0] = 2, 3
    assert contract(spec, n=2).revenue(year(2, admissions=stays)).tolist() == [10_000, 21_000]


def test_a_neutral_sum_is_the_mean_receipt_of_a_unit_in_the_group() -> None:
    both = year(2, visits=[[100, 0, 0], [300, 0, 0]])
    new = resolve_neutral(contract("service_unit", n=2), both, np.array([10_000.0, 50_000.0]))
    assert new.revenue(both).tolist() == pytest.approx([15_000, 45_000])


def test_the_sum_is_updated_by_the_agreed_growth() -> None:
    one = contract({"service_unit": {"rate": 100, "growth": 0.05}})
    assert next_year(one, [DONE]).revenue(DONE).tolist() == pytest.approx([10_500])
