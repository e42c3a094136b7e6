"""Diagnosis-related groups beyond the base rate: outliers, modes, readmissions, recalibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.activity import MEASURES, CaseRule
from sim.engine.person import lacking_part
from sim.errors import PaymentError
from sim.payment import (
    PaymentModel,
    build,
    gradient_of,
    next_year,
    resolve_neutral,
    sorted_by,
    spec_from,
    thresholds_of,
    transfer_rule,
    transfers_of,
)
from sim.payment.drg import DiagnosisRelatedGroups
from sim.testing import examine, sample_context, sample_year
from tests.payment.years import cell, context, contract, year

CHINA = {"low_outlier": 0.4, "high_outlier": 2.5, "outlier_share": 1.0}
UNITED_STATES = {"high_outlier": 1.0, "fixed_loss": 5000, "cost_to_charge": 0.25}
OPTIONS: dict[str, dict[str, Any]] = {
    "outliers as in China": CHINA,
    "outliers as in the US": UNITED_STATES,
    "item fees kept": {"item_fees_from": 1.0},
    "item fees kept beyond thrice the payment": {"low_outlier": 0.4, "item_fees_from": 3.0},
    "modes": {"modes": "yes"},
    "modes and outliers": {"modes": "yes", **CHINA},
    "readmissions": {"readmission_merged": 0.7},
    "all": {"modes": "yes", **CHINA, "readmission_merged": 0.5, "weight_on_own": 0.5},
    "recalibration": {"recalibration": 0.6, "growth": 0.02},
    "transfers": {"whole_days": 6},
    "transfers and all": {
        "whole_days": 6,
        "modes": "yes",
        "high_outlier": 2.5,
        "readmission_merged": 0.5,
    },
}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_passes_the_common_exam(option: str) -> None:
    # A fixed loss is a sum of money written as a number.
    has_sums = option == "outliers as in the US"
    examine(lambda c: build({"drg": OPTIONS[option]}, c), modes=3, has_fixed_sums=has_sums)


@pytest.mark.parametrize(
    ("side", "charge", "paid"),
    [
        (0, 3000, 3000),  # below .4 of 8,000: the charge
        (1, 3300, 8000),  # a usual case: the payment
        (1, 19_000, 8000),
        (2, 20_000, 8000),  # at 2.5 times the payment
        (2, 30_000, 18_000),  # beyond it by item
    ],
)
def test_cheap_and_dear_cases_as_in_china(side: int, charge: float, paid: float) -> None:
    one = np.zeros(3)
    one[side] = 1
    done = year(sides=3, cases_side=cell(1, 0, one), charges_side=cell(1, 0, one * charge))
    model = contract({"drg": {"base_rate": 8000, **CHINA}})
    assert model.revenue(done).tolist() == pytest.approx([paid])
    (rule,) = thresholds_of(model)
    assert isinstance(rule, CaseRule)
    assert rule.thresholds[0, 1, 0].tolist() == pytest.approx([3200, 20_000])


def test_a_high_outlier_as_in_the_us_is_paid_four_fifths_of_cost_beyond_the_fixed_loss() -> None:
    model = contract({"drg": {"base_rate": 8000, **UNITED_STATES}})
    (rule,) = thresholds_of(model)
    assert isinstance(rule, CaseRule)
    # Cost of a quarter of charges reaches 8,000 + 5,000 at 52,000.
    assert rule.thresholds[0, 1, 0].tolist() == pytest.approx([52_000])
    done = year(sides=2, cases_side=cell(1, 0, [0, 1]), charges_side=cell(1, 0, [0, 100_000]))
    assert model.revenue(done).tolist() == pytest.approx([8000 + 0.8 * (25_000 - 13_000)])
    assert gradient_of(model, done).charges_side[0, 1, 0].tolist() == pytest.approx([0, 0.2])


@pytest.mark.parametrize(
    ("ratio", "side", "charge", "paid"),
    [
        (1.0, 0, 3000, 8000),  # cheaper than its payment: in the group
        (1.0, 1, 8000, 8000),
        (1.0, 1, 19_000, 19_000),  # dearer: out of the group, item by item
        (3.0, 0, 19_000, 8000),
        (3.0, 1, 24_000, 24_000),  # at thrice the payment all of it, not what lies beyond
    ],
)
def test_a_case_may_leave_the_groups_and_keep_item_fees(
    ratio: float, side: int, charge: float, paid: float
) -> None:
    one = np.zeros(2)
    one[side] = 1
    done = year(sides=2, cases_side=cell(1, 0, one), charges_side=cell(1, 0, one * charge))
    model = contract({"drg": {"base_rate": 8000, "item_fees_from": ratio}})
    assert model.revenue(done).tolist() == pytest.approx([paid])
    (rule,) = thresholds_of(model)
    assert isinstance(rule, CaseRule)
    assert rule.thresholds[0, 1, 0].tolist() == pytest.approx([8000 * ratio])
    # Out of the group one more yuan charged is one yuan more, and one more case by itself nothing.
    assert gradient_of(model, done).charges_side[0, 1, 0].tolist() == [0.0, 1.0]
    assert gradient_of(model, done).cases_side[0, 1, 0].tolist() == pytest.approx([8000, 0])


def test_a_neutral_rate_is_that_of_the_groups_when_nobody_leaves() -> None:
    one, base = sample_context(), sample_year()
    receipts = np.full(5, 3e6)
    plain = resolve_neutral(build({"drg": {}}, one), base, receipts)
    free = resolve_neutral(build({"drg": {"item_fees_from": 1.0}}, one), base, receipts)
    assert isinstance(plain, DiagnosisRelatedGroups)
    assert isinstance(free, DiagnosisRelatedGroups)
    assert free.base_rate == plain.base_rate
    (rule,) = thresholds_of(free)
    assert isinstance(rule, CaseRule)
    # The better of both for every case: leaving comes on top.
    sorted_year = sorted_by(base, rule)
    assert float(free.revenue(sorted_year).sum()) > float(plain.revenue(base).sum())


@pytest.mark.parametrize(
    "other",
    [
        {"high_outlier": 2.5},
        {"modes": "yes"},
        {"whole_days": 6},
        {"low_outlier": 1.0, "item_fees_from": 0.9},
    ],
)
def test_cases_leave_only_where_it_can_be_told_which(other: dict[str, Any]) -> None:
    with pytest.raises(PaymentError, match=r"item_fees_from|at once"):
        contract({"drg": {"item_fees_from": 1.0, **other}})


def test_a_procedure_weighs_more_where_groups_are_split_by_mode() -> None:
    weighed = {"mode_weight": np.array([[1.0, 1.0], [0.8, 2.0]])}
    done = year(modes=2, admissions=cell(1, 0, [6, 4]))
    plain = contract({"drg": {"base_rate": 8000}}, **weighed)
    assert plain.revenue(done).tolist() == [80_000]
    split = contract({"drg": {"base_rate": 8000, "modes": "yes"}}, **weighed)
    assert split.revenue(done).tolist() == pytest.approx([8000 * (6 * 0.8 + 4 * 2.0)])
    slope = gradient_of(split, done).admissions[0, 1, 0]
    assert slope.tolist() == pytest.approx([6400, 16_000])


def test_a_merged_readmission_is_not_paid() -> None:
    k = MEASURES.index("no_readmission")
    num, den = np.zeros(len(MEASURES)), np.zeros(len(MEASURES))
    num[k], den[k] = 80, 100
    done = year(admissions=cell(1, 0, [100]), quality_num=num, quality_den=den)
    model = contract({"drg": {"base_rate": 8000, "readmission_merged": 0.5}})
    assert model.revenue(done).tolist() == pytest.approx([800_000 * 0.9])
    # One readmission avoided brings half a payment.
    assert gradient_of(model, done).quality_num[0, k] == pytest.approx(4000)
    # Where nothing was measured nothing is merged.
    assert model.revenue(year(admissions=cell(1, 0, [100]))).tolist() == [800_000]


@pytest.mark.parametrize(
    ("days", "lacking", "paid"),
    [
        (1, 1 - 2 / 5, 3200),  # of 8,000 over 5 days two: the first day is paid twice
        (3, 1 - 4 / 5, 6400),
        (4, 0, 8000),  # a day before the geometric mean: whole
        (9, 0, 8000),
    ],
)
def test_a_stay_that_goes_on_elsewhere_is_paid_by_the_day_up_to_the_whole(
    days: int, lacking: float, paid: float
) -> None:
    assert lacking_part(days, 5.0) == pytest.approx(lacking)
    model = contract({"drg": {"base_rate": 8000, "whole_days": {"stroke": 5}}})
    (rule,) = transfers_of(model)
    assert rule.whole_days.tolist() == [0, 5]
    short = np.zeros((2, 3))
    short[1, 0] = lacking
    done = year(admissions=cell(1, 0, [1]), cut_short=short)
    assert model.revenue(done).tolist() == pytest.approx([paid])
    # At weights of 1, 1.5 and 2.5 for a stroke and .5, .8 and 1.2 for a pneumonia.
    slope = gradient_of(model, done).cut_short[0]
    assert slope.tolist() == [[-4000, -6400, -9600], [-8000, -12_000, -20_000]]
    assert build(spec_from(model), context()).revenue(done).tolist() == pytest.approx([paid])


def test_transfers_and_cheap_cases_are_refused_together() -> None:
    """Less than nothing could be owed for a cheap case that is moved on early."""
    with pytest.raises(PaymentError, match="Leave out low_outlier or whole_days"):
        contract({"drg": {"base_rate": 8000, "whole_days": 5, **CHINA}})
    both = contract({"drg": {"base_rate": 8000, "whole_days": 5, "high_outlier": 2.5}})
    short = np.zeros((2, 3))
    short[1, 0] = 0.4
    dear = [0, 1]
    done = year(
        sides=2,
        cases_side=cell(1, 0, dear),
        charges_side=cell(1, 0, [0, 30_000]),
        cut_short=short,
    )
    # 8,000 and four fifths of what lies beyond 20,000, less two fifths of 8,000.
    assert both.revenue(done).tolist() == pytest.approx([8000 + 0.8 * 10_000 - 3200])


def test_where_no_days_are_named_every_stay_is_paid_whole() -> None:
    model = contract({"drg": {"base_rate": 8000}})
    assert transfers_of(model) == ()
    assert lacking_part(1, 0.0) == 0.0
    short = np.full((2, 3), 0.5)
    assert model.revenue(year(admissions=cell(1, 0, [1]), cut_short=short)).tolist() == [8000]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda drg: {
            "blend": [
                {"scope": {"setting": "primary"}, "contract": drg},
                {"scope": "rest", "contract": {"fee_for_service": {"multiplier": 0}}},
            ]
        },
        lambda drg: {
            "clinical_pathway": {"groups": ["stroke"], "prices": {"stroke": 0}, "of": drg}
        },
    ],
    ids=["another scope", "a disease on the list"],
)
def test_who_leaves_a_stay_to_another_contract_leaves_it_what_the_stay_lacks(wrap: Any) -> None:
    model = contract(wrap({"drg": {"base_rate": 8000, "whole_days": 5}}))
    short = np.zeros((2, 3))
    short[1, 0] = 0.4
    sides = max((rule.n_sides for rule in thresholds_of(model)), default=1)
    beyond = np.eye(sides)[-1]
    done = year(
        sides=sides,
        admissions=cell(1, 0, [1]),
        cases_side=cell(1, 0, beyond),
        charges_side=cell(1, 0, 6000 * beyond),
        cut_short=short,
    )
    assert model.revenue(done).tolist() == [0.0]
    assert not gradient_of(model, done).cut_short[0, 1].any()


def test_nodes_of_one_contract_count_transfers_alike() -> None:
    def blended(days: int) -> PaymentModel:
        part = {"drg": {"base_rate": 8000, "whole_days": days}}
        other = {"drg": {"base_rate": 8000, "whole_days": 5}}
        weighed = [{"weight": 0.5, "contract": part}, {"weight": 0.5, "contract": other}]
        return contract({"blend": weighed})

    assert transfer_rule(blended(5)) is not None
    with pytest.raises(PaymentError, match="two ways"):
        transfer_rule(blended(6))


def test_own_history_blends_into_the_rate() -> None:
    stays = np.stack([cell(1, 0, [10])] * 2)
    both = year(2, admissions=stays)
    spec = {"drg": {"weight_on_own": 0.75}}
    new = resolve_neutral(contract(spec, n=2), both, np.array([60_000.0, 100_000.0]))
    # Own rates 6,000 and 10,000, the group's 8,000.
    assert new.revenue(both).tolist() == pytest.approx([65_000, 95_000])


def test_weights_move_toward_mean_charges_at_the_same_case_mix_index() -> None:
    done = year(
        cases_side=cell(0, 0, [10]) + cell(1, 0, [10]),
        charges_side=cell(0, 0, [90_000]) + cell(1, 0, [60_000]),
        admissions=cell(0, 0, [10]) + cell(1, 0, [10]),
    )
    model = contract({"drg": {"base_rate": 8000, "recalibration": 0.5}})
    renewed = next_year(model, [done])
    assert isinstance(renewed, DiagnosisRelatedGroups)
    # Charges alone give .9 and .6 at the mean of .75; half-way from .5 and 1.
    assert renewed.relative_weight[:, 0].tolist() == pytest.approx([0.7, 0.8])
    assert renewed.relative_weight[0, 1] == 0.8  # no case: as it was
    assert renewed.revenue(done).tolist() == pytest.approx(model.revenue(done).tolist())
    again = contract(spec_from(renewed))
    assert again.revenue(done).tolist() == pytest.approx(renewed.revenue(done).tolist())


@pytest.mark.parametrize("option", ["outliers as in China", "outliers as in the US", "all"])
def test_a_neutral_rate_counts_outliers_where_the_rate_puts_them(option: str) -> None:
    one, base = sample_context(modes=3), sample_year(modes=3)
    receipts = np.full(5, 3e6)
    new = resolve_neutral(build({"drg": OPTIONS[option]}, one), base, receipts)
    (rule,) = thresholds_of(new)
    assert isinstance(rule, CaseRule)
    assert float(new.revenue(sorted_by(base, rule)).sum()) == pytest.approx(1.5e7, rel=1e-9)


def test_without_options_it_is_the_plain_tariff_to_the_bit() -> None:
    one, done = sample_context(modes=3), sample_year(modes=3)
    model = build({"drg": {"base_rate": 9000}}, one)
    stays = done.admissions.sum(axis=3)
    by_hand = 9000.0 * one.grade_coefficient * np.einsum("gl,ngl->n", one.weights, stays)
    assert np.array_equal(model.revenue(done), by_hand)
    assert model.reads == {"admissions"}
    assert thresholds_of(model) == ()


def test_a_case_cannot_be_a_low_and_a_high_outlier() -> None:
    with pytest.raises(PaymentError, match="at once"):
        contract({"drg": {"low_outlier": 0.8, "high_outlier": 1.0, "cost_to_charge": 2.0}})
