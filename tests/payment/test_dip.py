"""Points by disease: every rule of the text worked by hand, and the closed form of own share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.activity import Activity, CaseRule
from sim.errors import PaymentError
from sim.payment import (
    build,
    gradient_of,
    next_year,
    resolve_neutral,
    sorted_by,
    spec_from,
    thresholds_of,
)
from sim.payment.dip import PointsByDisease
from sim.testing import examine, sample_context, sample_year
from tests.payment.years import GROUPS, cell, context, contract, marginal, year

# No adjustment fund and no corridor: points times value alone.
PLAIN = {"adjustment_fund": 0.0, "aid": 0.0, "floor": 0.0}
MEANS = np.full((1, len(GROUPS), 3), 8000.0)


def plain(n: int = 1, changes: dict[str, Any] | None = None, **terms: Any) -> PointsByDisease:
    """Give a contract with a mean charge of 8,000 everywhere and nothing outside the pool."""
    spec = {
        "pool": 100_000,
        "rest_points": 0,
        "rest_payments": 0,
        "mean_charge": np.repeat(MEANS, n, axis=0).tolist(),
        **PLAIN,
        **terms,
    }
    found = contract({"dip": spec}, n, **(changes or {}))
    assert isinstance(found, PointsByDisease)
    return found


def cases(usual: float, n: int = 1, charge: float = 8000.0, own: float = 0.0) -> Activity:
    """Give usual cases of stroke at level 0 (weight 1) to every provider, own covered payments."""
    one = cell(1, 0, [0, usual, 0])
    return year(
        n,
        sides=3,
        cases_side=np.stack([one] * n),
        charges_side=np.stack([one * charge] * n),
        patient_covered=np.tile([0.0, 0.0, own], (n, 1)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("modes", [1, 3])
def test_points_with_a_pool_in_the_file_pass_the_common_exam(modes: int) -> None:
    spec = {"dip": {"pool": 3e6, "rest_share": 0.5}}
    examine(lambda c: build(spec, c), has_fixed_sums=True, is_pooled=True, modes=modes)


@pytest.mark.slow
def test_own_gradient_counts_modes_and_the_rest_of_the_pool() -> None:
    spec = {"dip": {"rest_share": 0.9, "primary_care": ["group-2"], "aid": 0.7}}
    examine(lambda c: build(spec, c), is_pooled=True, modes=3)


@pytest.mark.parametrize(
    ("side", "charge", "points"),
    [
        (0, 2000, 0.25),  # r = .25: the charge itself, a quarter of the points
        (0, 3999, 0.5),  # just below .5: half the points ...
        (1, 4001, 1.0),  # ... and just above it twice as much: the notch
        (1, 15_999, 1.0),
        (2, 16_000, 1.0),  # r = 2: RW (2 - 1)
        (2, 24_000, 2.0),  # r = 3: RW (3 - 1)
    ],
)
def test_cheap_usual_and_dear_cases_earn_the_points_of_the_rule(
    side: int, charge: float, points: float
) -> None:
    counts = np.zeros(3)
    counts[side] = 10
    done = year(sides=3, cases_side=cell(1, 0, counts), charges_side=cell(1, 0, counts * charge))
    assert plain().points(done)[0] == pytest.approx(10 * points, rel=1e-3)


def test_it_asks_for_cases_sorted_at_half_and_twice_last_year_s_mean() -> None:
    (rule,) = thresholds_of(plain())
    assert isinstance(rule, CaseRule)
    assert rule.thresholds[0, 1, 0].tolist() == [4000.0, 16_000.0]
    with pytest.raises(PaymentError, match="3 sides"):
        plain().revenue(year())


def test_the_grade_counts_except_in_primary_care_diseases() -> None:
    low_grade = {"grade_coefficient": np.array([0.6])}
    done = cases(10)
    assert plain(changes=low_grade).points(done)[0] == pytest.approx(6.0)
    alike = plain(changes=low_grade, primary_care=["stroke"])
    assert alike.points(done)[0] == pytest.approx(10.0)


def test_a_stay_with_a_procedure_earns_the_points_of_its_mode() -> None:
    weighed = {"mode_weight": np.array([[1.0, 1.0], [0.8, 2.0]])}
    stays = np.zeros((2, 3, 2))
    stays[1, 0] = 6, 4
    done = year(sides=3, modes=2, admissions=stays, cases_side=cell(1, 0, [0, 10, 0]))
    # Six at .8 and four at 2.
    model = plain(changes=weighed)
    assert model.points(done)[0] == pytest.approx(6 * 0.8 + 4 * 2.0)
    # One more stay of the second mode, its case counted too: two points at a fixed value.
    slopes = model._point_slopes(done)
    assert slopes["admissions"][0, 1, 0, 1] + slopes["cases_side"][0, 1, 0, 1] == pytest.approx(2)
    assert slopes["admissions"][0, 1, 0, 0] + slopes["cases_side"][0, 1, 0, 1] == pytest.approx(0.8)


def test_point_value_is_the_pool_less_the_fund_plus_patients_payments_over_all_points() -> None:
    model = plain(adjustment_fund=0.05, rest_points=80, rest_payments=60_000)
    # (100,000 x .95 + 5,000 + 60,000) / (20 + 80)
    assert model.point_value(cases(20, own=5000)) == pytest.approx(1600.0)


def test_all_points_together_are_worth_the_pool_whatever_the_volume() -> None:
    for volume in (5, 20, 80):
        paid = plain(n=3).revenue(cases(volume, n=3))
        assert paid.tolist() == pytest.approx([100_000 / 3] * 3)


@pytest.mark.parametrize(
    ("charges", "paid"),
    [
        (79_000, 79_000),  # below .8 of 100,000: the charges
        (81_000, 100_000),  # above it: the points (the second notch)
        (100_000, 100_000),
        (105_000, 103_000),  # 60 % of the excess
        (110_000, 106_000),
        (150_000, 106_000),  # nothing beyond a tenth
    ],
)
def test_the_corridor_of_the_rule(charges: float, paid: float) -> None:
    model = plain(pool=200_000, adjustment_fund=0.5, aid=0.6, floor=0.8)
    assert model.revenue(cases(10, charge=charges / 10)).tolist() == pytest.approx([paid])


def test_the_adjustment_fund_pays_while_it_lasts() -> None:
    # Two hospitals at 50,000 each, each 5,000 over, claim 3,000; the fund has 4,000 in all.
    model = plain(n=2, pool=104_000, adjustment_fund=4 / 104, aid=0.6)
    paid = model.revenue(cases(10, n=2, charge=5500))
    assert paid.tolist() == pytest.approx([52_000, 52_000])


@pytest.mark.parametrize("rest", [0.0, 10.0, 90.0, 990.0])
def test_one_more_point_brings_its_value_times_one_less_own_share(rest: float) -> None:
    model = plain(n=2, pool=8000 * (20 + rest), rest_points=rest)
    done = cases(10, n=2)
    value, share = model.point_value(done), 10 / (20 + rest)
    slope = gradient_of(model, done).cases_side[:, 1, 0, 1]
    assert slope.tolist() == pytest.approx([value * (1 - share)] * 2)
    # Seen through a forecast too, the share being nearly the same over it.
    seen = marginal(model, done, 0.02).cases_side[:, 1, 0, 1]
    assert seen.tolist() == pytest.approx([value * (1 - share)] * 2, rel=1e-3)


def test_the_only_hospital_of_a_pool_earns_nothing_by_volume() -> None:
    assert gradient_of(plain(), cases(10)).cases_side[0, 1, 0, 1] == pytest.approx(0.0)


def test_a_patient_s_payment_raises_the_value_of_all_points() -> None:
    model = plain(n=2, rest_points=60)
    slope = gradient_of(model, cases(20, n=2)).patient_covered
    assert slope[:, 2].tolist() == pytest.approx([0.2, 0.2])


def test_a_neutral_pool_earns_the_group_what_it_earned_alone_or_in_a_prefecture() -> None:
    one, base, receipts = sample_context(), sample_year(), np.full(5, 2e6)
    for terms in ({}, {"rest_share": 0.8}, PLAIN):
        new = resolve_neutral(build({"dip": terms}, one), base, receipts)
        sorted_base = base
        for rule in thresholds_of(new):
            assert isinstance(rule, CaseRule)
            sorted_base = sorted_by(base, rule)
        assert float(new.revenue(sorted_base).sum()) == pytest.approx(1e7, rel=1e-9)


def test_mean_charges_follow_the_year_and_weights_three_years() -> None:
    first = year(
        sides=3,
        cases_side=cell(0, 0, [0, 10, 0]) + cell(1, 0, [0, 10, 0]),
        charges_side=cell(0, 0, [0, 40_000, 0]) + cell(1, 0, [0, 120_000, 0]),
    )
    second = first.with_fields(
        charges_side=np.asarray(cell(0, 0, [0, 80_000, 0]) + cell(1, 0, [0, 80_000, 0]))[None]
    )
    model = plain()
    renewed = next_year(model, [first, second])
    assert isinstance(renewed, PointsByDisease)
    (rule,) = thresholds_of(renewed)
    assert isinstance(rule, CaseRule)
    assert rule.thresholds[0, 1, 0].tolist() == [4000, 16_000]
    # Means .5 and 1.5, then 1 and 1, weighted 2 : 7, at the old mean weight of .75.
    weights = renewed.relative_weight[:, 0]
    assert weights.tolist() == pytest.approx([0.75 * (2 * 0.5 + 7) / 9, 0.75 * (2 * 1.5 + 7) / 9])
    # A cell without a case keeps its weight, and the file holds what was renewed.
    assert renewed.relative_weight[0, 1] == context().weights[0, 1]
    again = contract(spec_from(renewed))
    assert again.revenue(second).tolist() == pytest.approx(renewed.revenue(second).tolist())
    kept = next_year(plain(own_weights="no"), [first, second])
    assert isinstance(kept, PointsByDisease)
    assert np.array_equal(kept.relative_weight, context().weights)


def test_money_is_prepaid_monthly_and_settled_half_a_year_later() -> None:
    assert PointsByDisease.timetable.interim_share < 1.0
    assert PointsByDisease.timetable.settlement_delay_months == 6


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"primary_care": ["flu"]}, "unknown term"),
        ({"mean_charge": [[1.0]]}, r"mean_charge\[0\]\[0\]\[0\]"),
        ({"rest_share": 1.0}, "out of range"),
    ],
)
def test_what_cannot_be_signed_is_refused(terms: dict[str, Any], words: str) -> None:
    with pytest.raises(PaymentError, match=words):
        contract({"dip": terms})


@pytest.mark.parametrize("rest_points", [0, 5e-324, 2e-306])
def test_where_nobody_has_points_next_to_nothing_elsewhere_makes_no_endless_value(
    rest_points: float,
) -> None:
    model = plain(2, rest_points=rest_points)
    nothing = cases(0.0, n=2)
    assert model.revenue(nothing).tolist() == [0.0, 0.0]
    assert np.isfinite(gradient_of(model, nothing).cases_side).all()
    assert model.point_value(cases(5.0, n=2)) == pytest.approx(10_000.0)
