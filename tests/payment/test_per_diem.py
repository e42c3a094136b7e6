"""Per diem: days by the day of the stay, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.activity import CaseRule
from sim.errors import PaymentError
from sim.payment import build, gradient_of, next_year, resolve_neutral, spec_from, thresholds_of
from sim.testing import examine, sample_context, sample_year
from tests.payment.years import contract, year

FALLING = {
    "rate": 600,
    "bands": [{"to": 3, "ratio": 1.3}, {"to": 10, "ratio": 1.0}, {"ratio": 0.5}],
    "by_group": {"stroke": 1.2},
}


def test_per_diem_with_a_rate_in_its_file_passes_the_common_exam() -> None:
    spec = {"per_diem": {"rate": 600, "bands": [{"to": 5, "ratio": 1.0}, {"ratio": 0.7}]}}
    examine(lambda context: build(spec, context), has_fixed_prices=True)


def test_ten_days_at_five_hundred_are_five_thousand() -> None:
    done = year(bed_days=[10, 0])
    assert contract({"per_diem": {"rate": 500}}).revenue(done).tolist() == [5000.0]


def test_each_day_has_the_rate_of_its_band_and_group() -> None:
    # A pneumonia of 14 days: 3 x 780 + 7 x 600 + 4 x 300; a stroke of 5: 1.2 (3 x 780 + 2 x 600).
    done = year(bands=3, bed_days=[[3, 7, 4], [3, 2, 0]])
    paid = contract({"per_diem": FALLING}).revenue(done)
    assert paid.tolist() == pytest.approx([2340 + 4200 + 1200 + 1.2 * (2340 + 1200)])


def test_one_more_day_brings_the_rate_of_the_day_it_is() -> None:
    done = year(bands=3, bed_days=[[3, 7, 4], [3, 2, 0]])
    slope = gradient_of(contract({"per_diem": FALLING}), done)
    np.testing.assert_allclose(slope.bed_days, [[[780, 600, 300], [936, 720, 360]]])
    assert not slope.units.any()


def test_it_asks_for_days_counted_by_its_bands() -> None:
    (rule,) = thresholds_of(contract({"per_diem": FALLING}))
    assert isinstance(rule, CaseRule)
    assert (rule.last_days, rule.n_bands, rule.n_sides) == ((3, 10), 3, 1)
    assert thresholds_of(contract({"per_diem": {"rate": 500}})) == ()
    with pytest.raises(PaymentError, match="3 bands"):
        contract({"per_diem": FALLING}).revenue(year(bed_days=[1, 1]))


def test_a_neutral_rate_on_days_nobody_counted_by_band_spreads_them_around_the_mean_stay() -> None:
    base = year(admissions=[[10, 0, 0], [0, 0, 0]], bed_days=[90, 0])
    spec = {**FALLING, "rate": "neutral"}
    new = resolve_neutral(contract({"per_diem": spec}), base, np.array([54_000.0]))
    # 10 stays of mean 9 days: days 1-3 nearly full, some days beyond 10, none lost.
    rate = spec_from(new)["per_diem"]["rate"]
    mean_ratio = 54_000 / rate / 90
    assert 1.0 < mean_ratio < (3 * 1.3 + 6 * 1.0) / 9
    same = {"rate": "neutral", "bands": [{"to": 3, "ratio": 1}, {"ratio": 1}]}
    flat = resolve_neutral(contract({"per_diem": same}), base, np.array([54_000.0]))
    assert spec_from(flat)["per_diem"]["rate"] == pytest.approx(600)


def test_the_rate_is_updated_by_the_agreed_growth() -> None:
    done = year(bed_days=[10, 0])
    renewed = next_year(contract({"per_diem": {"rate": 500, "growth": 0.04}}), [done])
    assert renewed.revenue(done).tolist() == pytest.approx([5200.0])


@pytest.mark.parametrize(
    ("bands", "words"),
    [
        ([{"to": 3, "ratio": 1}], "the last one a ratio only"),
        ([{"ratio": 1}, {"ratio": 0.5}], "the last one a ratio only"),
        ([{"to": 5, "ratio": 1}, {"to": 3, "ratio": 1}, {"ratio": 1}], "early to late"),
        ([{"to": 2.5, "ratio": 1}, {"ratio": 1}], "whole day"),
        (["day 3"], "a band is a mapping"),
        ("falling", "bands are a list"),
    ],
)
def test_bands_nobody_could_count_are_refused(bands: Any, words: str) -> None:
    with pytest.raises(PaymentError, match=words):
        build({"per_diem": {"rate": 600, "bands": bands}}, sample_context())


def test_neutral_bands_earn_the_group_what_it_earned() -> None:
    base, receipts = sample_year(), np.full(5, 1e6)
    spec = {"per_diem": {"bands": [{"to": 4, "ratio": 1.2}, {"ratio": 0.8}]}}
    new = resolve_neutral(build(spec, sample_context()), base, receipts)
    assert np.isfinite(new.revenue(sample_year(rules=thresholds_of(new)))).all()
