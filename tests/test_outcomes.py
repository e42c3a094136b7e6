"""Outcomes: ratios of sums that add over months and groups, and hand-worked cases."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.outcomes import (
    AREAS,
    GROUP_DIMENSIONS,
    OUTCOMES,
    concentration_index,
    erreygers_index,
    evaluate,
    evaluate_monthly,
    gini_index,
    groups_of,
    registry,
    share_of_bottom,
    share_of_top,
    stays_in_top,
)
from sim.outcomes import _groups as groups
from sim.outcomes import _Sums as Sums
from sim.tallies import PersonTally as P
from sim.tallies import ProviderTally as V
from sim.tallies import person_cell
from tests.histories import blank, random_history, traits

ADDITIVE = [o for o in registry() if o.is_additive]


def test_every_outcome_is_named_explained_and_measured_in_both_languages() -> None:
    for outcome in registry():
        assert outcome.area in AREAS
        assert outcome.unit
        assert outcome.better in ("higher", "lower", "neither")
        for text in (outcome.label, outcome.definition):
            assert set(text) == {"en", "zh"}
            assert all(text.values())
        assert set(outcome.by) <= set(GROUP_DIMENSIONS)
        ways = (outcome.is_additive, outcome.from_people, outcome.contrast, outcome.minus)
        assert sum(map(bool, ways)) == 1, outcome.id


def test_every_area_has_outcomes_and_the_scenario_files_own_are_among_them() -> None:
    assert {o.area for o in registry()} == set(AREAS)
    for name in (
        "spending_per_person",
        "fund_balance",
        "qaly",
        "avoidable_admissions",
        "first_contact_primary",
        "wait",
    ):
        assert name in OUTCOMES


@pytest.mark.parametrize("outcome", ADDITIVE, ids=lambda o: o.id)
def test_numerators_and_denominators_of_months_add(outcome) -> None:
    history, about = random_history(), traits()
    for group in groups(about):
        if group.dimension not in ("all", *outcome.by):
            continue
        first, second, both = (
            Sums(history, about, months, monthly=False).of(group)
            for months in (slice(0, 7), slice(7, 24), slice(0, 24))
        )
        for part in (outcome.numerator, outcome.denominator):
            np.testing.assert_allclose(part(first) + part(second), part(both), rtol=1e-12)
            np.testing.assert_allclose(part(first + second), part(both), rtol=1e-12)


@pytest.mark.parametrize("outcome", ADDITIVE, ids=lambda o: o.id)
def test_groups_of_one_dimension_add_to_everybody(outcome) -> None:
    history, about = random_history(), traits()
    everyone = slice(0, 24)
    whole = next(iter(groups(about)))
    total = Sums(history, about, everyone, monthly=False).of(whole)
    for dimension in outcome.by:
        parts = [
            Sums(history, about, everyone, monthly=False).of(group)
            for group in groups(about)
            if group.dimension == dimension
        ]
        for side in (outcome.numerator, outcome.denominator):
            added = sum(side(part) for part in parts)
            np.testing.assert_allclose(added, side(total), rtol=1e-12)


def test_monthly_values_are_those_of_single_months() -> None:
    history, about = random_history(months=3), traits()
    monthly = evaluate_monthly(history, about)
    for month in range(3):
        single = evaluate(history, about, slice(month, month + 1))
        for outcome, by_group in monthly.items():
            for group, values in by_group.items():
                assert values[month] == pytest.approx(
                    single[outcome][group].value, nan_ok=True, rel=1e-12
                )


def test_what_is_asked_for_alone_is_what_it_is_among_everything() -> None:
    history, about = random_history(), traits()
    everything = evaluate(history, about, slice(0, 24))
    for outcome, by_group in everything.items():
        for group, whole in by_group.items():
            alone = evaluate(history, about, slice(0, 24), {outcome: [group]})
            assert list(alone) == [outcome]
            assert repr(alone[outcome][group]) == repr(whole)
    assert evaluate(history, about, slice(0, 24), {}) == {}


def test_nothing_happened_gives_nulls_with_reasons_and_never_a_silent_zero() -> None:
    found = evaluate(blank(), traits(), slice(0, 24))
    for outcome, by_group in found.items():
        for measured in by_group.values():
            assert math.isnan(measured.value), outcome
            assert measured.reason, outcome


def test_what_the_region_does_not_value_stays_unmeasured() -> None:
    about = dataclasses.replace(
        traits(),
        weights=None,
        value_of_qaly=math.nan,
        value_of_hour=math.nan,
        administration=math.nan,
    )
    found = evaluate(random_history(), about, slice(0, 24))
    for name in (
        "case_mix_billed",
        "net_benefit",
        "travel_cost_per_person",
        "administration_per_person",
    ):
        assert math.isnan(found[name]["all"].value)
        assert "no " in found[name]["all"].reason


def test_groups_are_named_as_reports_name_them() -> None:
    names = groups_of(traits())
    assert names[0] == "all"
    for name in (
        "income:1",
        "income:5",
        "health:0",
        "health:2+",
        "payer:resident-scheme",
        "place:rural",
        "place:town",
        "kind:practice",
        "kind:tertiary",
    ):
        assert name in names


def _small() -> tuple:
    """Two months; 100 person-months each, half of them poor residents in villages."""
    history = blank(months=2)
    poor = person_cell(0, 0, 0, 0)
    rich = person_cell(1, 4, 1, 1)
    history.person[:, [poor, rich], P.PERSON_MONTHS] = 50
    return history, poor, rich


def test_spending_is_what_funds_and_patients_pay_per_person_and_year() -> None:
    history, _, _ = _small()
    history.fund_paid[0, 2, 0] = 60_000  # fen
    history.clawback[1, 2, 0] = 10_000
    history.provider[0, 2, 0, V.PATIENT_IN] = 30_000
    history.provider[0, 2, 0, V.UNCOVERED_IN] = 20_000
    history.fine[1, 2, 0] = 15_000  # goes to the treasury, not to the fund
    found = evaluate(history, traits(), slice(0, 2))
    # (600 - 100 + 300 + 200) CNY over 200 person-months, times 12
    assert found["spending_per_person"]["all"].value == pytest.approx(60.0)
    assert found["fund_spending_per_person"]["all"].value == pytest.approx(30.0)
    assert found["out_of_pocket_share"]["all"].value == pytest.approx(0.5)
    history.provider[0, 2, 0, V.AID] = 50_000
    found = evaluate(history, traits(), slice(0, 2))
    assert found["spending_per_person"]["all"].value == pytest.approx(90.0)
    assert found["out_of_pocket_share"]["all"].value == pytest.approx(1 / 3)


def test_a_balance_is_premiums_less_payments_and_reserves_count_in_months_of_them() -> None:
    history, _, _ = _small()
    history.premiums[:, 0] = 50_000
    history.fund_paid[:, 0, 0] = 40_000
    history.fund_balance[:, 0] = [90_000, 110_000]
    found = evaluate(history, traits(), slice(0, 2))
    assert found["fund_balance"]["all"].value == pytest.approx(2 * 100 / 200 * 12)
    assert found["fund_surplus_share"]["payer:resident-scheme"].value == pytest.approx(0.2)
    assert found["fund_reserve_months"]["all"].value == pytest.approx(2.5)


def test_admissions_count_by_where_they_happen() -> None:
    history, poor, _ = _small()
    history.provider[0, :, 0, V.ADMISSIONS] = [1, 0, 4, 3]
    history.person[0, poor, P.ADMISSIONS_PRACTICE] = 1
    history.person[0, poor, P.ADMISSIONS_SECONDARY] = 4
    history.person[0, poor, P.ADMISSIONS_TERTIARY] = 3
    found = evaluate(history, traits(), slice(0, 2))
    assert found["admissions_per_100"]["all"].value == pytest.approx(8 / 200 * 1200)
    assert found["admissions_per_100_township"]["all"].value == pytest.approx(6.0)
    assert found["admissions_per_100_county"]["all"].value == pytest.approx(24.0)
    assert found["admissions_per_100_outside"]["all"].value == pytest.approx(18.0)
    assert found["admissions_inside_share"]["all"].value == pytest.approx(5 / 8)
    assert found["admissions_per_100"]["income:5"].value == 0.0


def test_health_is_lived_per_person_year_and_gaps_compare_poorest_with_richest() -> None:
    history, poor, rich = _small()
    history.person[:, poor, P.QALY] = round(50 * 0.8 / 12 * 1e6)
    history.person[:, rich, P.QALY] = round(50 * 0.9 / 12 * 1e6)
    found = evaluate(history, traits(), slice(0, 2))
    assert found["qaly"]["all"].value == pytest.approx(0.85, abs=1e-6)
    assert found["qaly"]["place:rural"].value == pytest.approx(0.8, abs=1e-6)
    assert found["qaly_gap_income"]["all"].value == pytest.approx(8 / 9, abs=1e-6)


def test_avoidable_need_is_that_given_and_that_not_given() -> None:
    history, poor, _ = _small()
    history.person[0, poor, P.NEED_BED_AVOIDABLE] = 3000
    history.person[0, poor, P.GIVEN_AVOIDABLE] = 2000
    found = evaluate(history, traits(), slice(0, 2))
    need, given_, not_given = (
        found[name]["all"].value
        for name in ("avoidable_need", "avoidable_admissions", "avoidable_not_given")
    )
    assert need == pytest.approx(3 / 200 * 12 * 1000)
    assert need == pytest.approx(given_ + not_given)


def test_intensity_is_units_given_over_units_that_were_appropriate() -> None:
    history, _, _ = _small()
    history.provider[0, 0, 0, V.UNITS_OUT_0] = 1500
    history.provider[0, 0, 0, V.NEED_OUT_0] = 1000
    history.provider[0, 2, 0, V.BED_DAYS] = 9
    history.provider[0, 2, 0, V.NEED_DAYS] = 6000
    found = evaluate(history, traits(), slice(0, 2))
    assert found["intensity_out_drugs"]["all"].value == pytest.approx(1.5)
    assert found["intensity_out_drugs"]["kind:practice"].value == pytest.approx(1.5)
    assert math.isnan(found["intensity_out_drugs"]["kind:tertiary"].value)
    assert found["stay_ratio"]["all"].value == pytest.approx(1.5)


def test_upcoding_raises_the_billed_case_mix_and_leaves_the_true_one() -> None:
    history, _, _ = _small()
    about = dataclasses.replace(traits(), weights=np.tile([1.0, 2.0, 3.0], (4, 1)))
    history.true_level[0, 2, 0, 0] = [5, 5, 0]
    history.billed[0, 2, 0, 0] = [4, 5, 1]
    history.provider[0, 2, 0, V.UPCODED] = 2
    history.provider[0, 2, 0, V.UNDERCODED] = 1
    found = evaluate(history, about, slice(0, 2))
    assert found["case_mix_true"]["all"].value == pytest.approx(1.5)
    assert found["case_mix_billed"]["all"].value == pytest.approx(1.7)
    assert found["case_mix_drift"]["all"].value == pytest.approx(1.7 / 1.5)
    assert found["upcoded_share"]["all"].value == pytest.approx(0.2)
    assert found["documentation"]["all"].value == pytest.approx(0.8)


def test_net_benefit_leaves_transfers_out() -> None:
    history, poor, _ = _small()
    history.person[0, poor, P.QALY] = 1_000_000
    history.person[0, poor, P.TRAVEL] = 60
    history.provider[0, 0, 0, V.COST_OUT] = 100_000
    plain = evaluate(history, traits(), slice(0, 2))["net_benefit"]["all"].value
    assert plain == pytest.approx((80_000 - 1000 - 15) / 200 * 12)
    history.provider[0, 0, 0, V.PATIENT_OUT] = 700_000
    history.premiums[0, 0] = 900_000
    after = evaluate(history, traits(), slice(0, 2))["net_benefit"]["all"].value
    assert after == plain


def test_catastrophic_spending_counts_people_alive_all_year_by_their_own_income() -> None:
    history = blank(months=12)
    history.people.append(
        {
            "income": np.array([10_000.0, 10_000.0, 10_000.0, 10_000.0]),
            "fifth": np.array([0, 0, 4, 4]),
            "payer": np.zeros(4, dtype=np.int64),
            "health": np.zeros(4, dtype=np.int64),
            "is_town": np.zeros(4, dtype=np.int64),
            "spent": np.array([100, 200, 300, 400]),
            "patient_paid": np.array([100_001, 300_000, 100_000, 900_000]),
            "spent_last": np.zeros(4, dtype=np.int64),
            "alive_all_year": np.array([True, True, True, False]),
        }
    )
    found = evaluate(history, traits(), slice(0, 12))
    assert found["catastrophic_10"]["all"].value == pytest.approx(2 / 3)
    assert found["catastrophic_25"]["all"].value == pytest.approx(1 / 3)
    assert found["catastrophic_10"]["income:1"].value == 1.0
    assert found["catastrophic_10"]["income:5"].value == 0.0
    assert "two accounting years" in found["persistence"]["all"].reason
    part = evaluate(history, traits(), slice(0, 11))
    assert "accounting year" in part["catastrophic_10"]["all"].reason


def test_a_person_level_measure_uses_only_years_inside_the_months() -> None:
    history = random_history()
    both = evaluate(history, traits(), slice(0, 24))["spending_top_5"]["all"].value
    years = [
        evaluate(history, traits(), slice(12 * y, 12 * y + 12))["spending_top_5"]["all"].value
        for y in range(2)
    ]
    assert both == pytest.approx(np.mean(years))
    shifted = evaluate(history, traits(), slice(6, 24))["spending_top_5"]["all"].value
    assert shifted == pytest.approx(years[1])


def test_the_concentration_index_of_equal_amounts_is_zero_and_of_income_the_gini() -> None:
    income = np.array([1.0, 2.0, 3.0, 4.0])
    assert concentration_index(np.ones(4), income) == pytest.approx(0.0)
    # mean absolute difference over twice the mean: (20 / 16) / (2 * 2.5)
    assert gini_index(income) == pytest.approx(0.25)


def test_the_erreygers_index_mirrors_when_a_bounded_amount_is_turned_around() -> None:
    rng = np.random.default_rng(3)
    income, sick = rng.random(500), (rng.random(500) < 0.2).astype(float)
    assert erreygers_index(sick, income) == pytest.approx(-erreygers_index(1 - sick, income))


@given(st.integers(0, 2**31), st.floats(0.1, 100.0))
@settings(max_examples=30, deadline=None)
def test_concentration_knows_neither_scale_nor_order(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    income, amount = rng.integers(1, 20, 50) * 1.0, rng.random(50)
    order = rng.permutation(50)
    expected = concentration_index(amount, income)
    assert concentration_index(scale * amount[order], income[order]) == pytest.approx(expected)
    assert -1.0 <= expected <= 1.0


def test_top_and_bottom_shares_split_at_the_margin_and_add_to_one() -> None:
    amount = np.array([0.0, 1.0, 2.0, 7.0])
    assert share_of_top(amount, 0.25) == pytest.approx(0.7)
    assert share_of_top(amount, 0.375) == pytest.approx(0.8)
    assert share_of_top(amount, 0.3) + share_of_bottom(amount, 0.7) == pytest.approx(1.0)
    assert math.isnan(share_of_top(np.zeros(3), 0.1))


def test_staying_at_the_top_is_the_share_of_last_years_dearest_still_there() -> None:
    before = np.array([9.0, 8.0, 1.0, 0.0])
    assert stays_in_top(np.array([9.0, 0.0, 8.0, 1.0]), before, 0.5) == 0.5
    assert stays_in_top(before, before, 0.25) == 1.0


def test_evaluating_changes_nothing_of_the_history() -> None:
    history = random_history()
    copy = random_history()
    evaluate(history, traits(), slice(0, 24))
    evaluate_monthly(history, traits())
    np.testing.assert_array_equal(history.person, copy.person)
    np.testing.assert_array_equal(history.provider, copy.provider)
    np.testing.assert_array_equal(history.grants, copy.grants)
