"""The synthetic people are the county's people, each by their own luck alone."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.population import NO_GROUP, SESSIONS, People, newborns, person_uids, synthesize
from sim.region import Region

REGIONS = Path(__file__).resolve().parents[1] / "scenarios" / "regions"
TINY = Region.read(REGIONS / "tiny")
N = 60_000
# Bounds are 5 standard errors: 6e-7 false alarms a comparison, about 1e-4 for this whole file,
# and none on repetition, the seed being fixed.
ERRORS = 5.0


@pytest.fixture(scope="module")
def county() -> Region:
    return Region.read(REGIONS / "china-county")


@pytest.fixture(scope="module")
def people(county: Region) -> People:
    return synthesize(county, N, seed=11)


def close(sample: np.ndarray, expected: float) -> None:
    """Hold a sample mean to its expectation within ERRORS of its standard error."""
    values = sample.astype(np.float64)
    error = max(values.std() / np.sqrt(len(values)), 1e-12)
    assert abs(values.mean() - expected) < ERRORS * error, (values.mean(), expected)


def same(one: People, other: People) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(People))


def rows(people: People, count: int) -> People:
    return People(**{f.name: getattr(people, f.name)[:count] for f in fields(People)})


@pytest.mark.slow
@given(count=st.integers(1, 300), more=st.integers(0, 300), seed=st.integers(0, 2**64 - 1))
def test_adding_people_changes_nobody(count: int, more: int, seed: int) -> None:
    few, many = synthesize(TINY, count, seed), synthesize(TINY, count + more, seed)
    assert same(few, rows(many, count))


def test_people_drawn_in_blocks_are_those_drawn_at_once(
    county: Region, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.population._BLOCK", 7_001)
    assert same(synthesize(county, N, seed=11), people)


def test_another_seed_is_other_people(county: Region, people: People) -> None:
    other = synthesize(county, N, seed=12)
    assert (other.age_months != people.age_months).mean() > 0.9
    # two seeds are independent: the correlation of incomes has standard error 1 / sqrt(N)
    correlation = np.corrcoef(np.log(other.income), np.log(people.income))[0, 1]
    assert abs(correlation) < ERRORS / np.sqrt(N)


def test_ages_and_sexes_are_the_census(county: Region, people: People) -> None:
    share = county.people.age_sex_share
    age = people.age_months // 12
    for low, high in ((0, 14), (15, 64), (65, 84), (85, 100)):
        close((age >= low) & (age <= high), share[low : high + 1].sum())
    close(people.sex, share[:, 1].sum())
    close(people.age_months % 12, 5.5)


def test_prevalence_and_control_are_the_tables(county: Region, people: People) -> None:
    by_age = county.people.age_sex_share.sum(axis=1)
    for c in range(len(county.chronic.ids)):
        has = (people.chronic >> c) & 1
        close(has, county.chronic.prevalence[c] @ by_age)
        close(((people.control >> c) & 1)[has == 1], county.chronic.share_controlled[c])
    assert (people.control & ~people.chronic).sum() == 0


def test_those_on_dialysis_are_the_share_of_kidney_disease_in_the_register(
    county: Region, people: People
) -> None:
    kidney = county.chronic.ids.index("ckd")
    has = (people.chronic >> kidney) & 1 == 1
    on_course = people.course == SESSIONS + kidney
    assert not (on_course & ~has).any()
    assert set(np.unique(people.course)) <= {0, SESSIONS + kidney}
    share = county.courses.share_sessions[kidney]
    cases = int(has.sum())
    assert abs(on_course.sum() - share * cases) < 5 * np.sqrt(share * cases)
    # The register has about 600 per million; the county is older than the nation.
    assert 1e6 * on_course.mean() == pytest.approx(600, rel=0.3)


def test_conditions_are_independent_given_age_as_the_base_rates_suppose(
    county: Region, people: People
) -> None:
    by_age = county.people.age_sex_share.sum(axis=1)
    p = county.chronic.prevalence
    close(((people.chronic & 1) > 0) & ((people.chronic & 2) > 0), (p[0] * p[1]) @ by_age)


def test_expected_visits_of_the_drawn_people_are_six(county: Region, people: People) -> None:
    """Base rates, chronic ratios, control and frailty together give the pack's level."""
    groups = county.groups
    age, sex = people.age_months // 12, people.sex
    rate = np.einsum("g,gas->as", groups.visits_per_episode, groups.base_rate)
    assert rate.shape == (101, 2)
    visits = np.zeros(N)
    multiplier = np.ones((len(groups.ids), N))
    for c in range(len(county.chronic.ids)):
        has = ((people.chronic >> c) & 1).astype(bool)
        held = ((people.control >> c) & 1).astype(bool)
        multiplier *= np.where(has, groups.condition_ratio[:, c][:, None], 1.0)
        multiplier *= np.where(held, groups.control_ratio[:, c][:, None], 1.0)
    for g in range(len(groups.ids)):
        visits += groups.visits_per_episode[g] * groups.base_rate[g, age, sex] * multiplier[g]
    close(12 * visits * np.exp(people.frailty.astype(np.float64)), 6.0)


def test_frailty_has_mean_one_and_the_tables_spread(county: Region, people: People) -> None:
    sd = county.people.frailty_sd
    close(np.exp(people.frailty.astype(np.float64)), 1.0)
    close(people.frailty, -0.5 * sd * sd)
    close((people.frailty + 0.5 * sd * sd) ** 2, sd * sd)


def test_fifths_are_fifths_with_their_mean_incomes(county: Region, people: People) -> None:
    for k in range(5):
        inside = people.fifth == k
        close(inside, 0.2)
        close(people.income[inside], county.people.income_fifth[k])
        if k < 4:
            assert people.income[inside].max() <= people.income[people.fifth == k + 1].min()
    close(people.income, 29_500)


def test_towns_are_richer_and_hold_most_employees(county: Region, people: People) -> None:
    town = county.zones.is_town[people.zone]
    close(town, 0.4858)
    assert people.income[town].mean() > 1.5 * people.income[~town].mean()
    employee = people.scheme == county.payers.index("employee-scheme")
    assert employee[town].mean() > 2 * employee[~town].mean()


def test_schemes_have_their_shares_and_pensioners(county: Region, people: People) -> None:
    for payer, share in enumerate(county.people.scheme_share):
        close(people.scheme == payer, share)
    employee = people.scheme == county.payers.index("employee-scheme")
    close(people.is_retired[employee], county.people.share_retired)
    age = people.age_months // 12
    assert not people.is_retired[~employee].any()
    assert age[employee].min() >= 20
    assert age[people.is_retired == 1].min() >= 55


def test_assistance_and_contracts_reach_whom_they_are_meant_for(
    county: Region, people: People
) -> None:
    close(people.is_poor, county.people.poor_share)
    assert people.fifth[people.is_poor == 1].max() <= 1
    age = people.age_months // 12
    first = (age < 7) | (age >= 65) | (people.is_poor == 1) | ((people.chronic & 3) > 0)
    close(people.contract[first], county.people.contract_share_priority)
    close(people.contract, county.people.contract_share)


def test_everyone_starts_well_and_on_the_list_of_the_own_practice(
    county: Region, people: People
) -> None:
    assert (people.practice == county.zones.home_practice[people.zone]).all()
    assert (people.ep_group == NO_GROUP).all()
    assert (people.follow_group == NO_GROUP).all()
    assert (people.wait_provider == -1).all()
    assert (people.last_provider == -1).all()
    assert people.spent_year.sum() == people.oop_year.sum() == people.stays_year.sum() == 0
    for zone, share in enumerate(county.zones.share):
        close(people.zone == zone, share)


def test_the_key_of_a_person_is_generation_and_slot(people: People) -> None:
    np.testing.assert_array_equal(people.uids(), np.arange(N))
    uid = person_uids(np.array([5], dtype=np.uint64), np.array([3], dtype=np.uint32))
    assert int(uid[0]) == 3 << 32 | 5


def test_a_copy_shares_no_memory(county: Region) -> None:
    one = synthesize(county, 10, seed=1)
    other = one.copy()
    other.age_months[0] += 1
    assert not same(one, other)


def test_newborns_are_of_age_zero_and_depend_on_nothing_but_their_key(county: Region) -> None:
    uids = person_uids(np.arange(3000, dtype=np.uint64), np.ones(3000, dtype=np.uint32))
    zones = np.zeros(3000, dtype=np.uint8)
    born = newborns(county, uids, zones, seed=4, month=7)
    assert (born.age_months == 0).all()
    assert (born.generation == 1).all()
    assert (born.zone == 0).all()
    assert not (born.scheme == county.payers.index("employee-scheme")).any()
    share = county.people.age_sex_share[0]
    close(born.sex, share[1] / share.sum())
    alone = newborns(county, uids[10:11], zones[:1], seed=4, month=7)
    assert alone.income[0] == born.income[10]
    assert newborns(county, uids[10:11], zones[:1], seed=4, month=8).income[0] != born.income[10]


def test_the_person_of_one_to_one_is_forty_and_insured() -> None:
    region = Region.read(REGIONS / "one-to-one")
    person = synthesize(region, 1, seed=0)
    assert person.age_months[0] // 12 == 40
    assert (person.scheme[0], person.chronic[0], person.frailty[0]) == (0, 0, 0.0)
    assert person.income[0] == pytest.approx(30_000)
    assert person.contract[0] == 1


@pytest.mark.parametrize("count", [0, -1, 2**31])
def test_a_population_needs_people(county: Region, count: int) -> None:
    with pytest.raises(ScenarioError, match="number of people"):
        synthesize(county, count, seed=1)


def test_more_employees_than_workers_is_refused(county: Region) -> None:
    tables = county.people
    crowded = type(tables)(**{**vars(tables), "scheme_share": np.array([0.1, 0.87, 0.03])})
    region = type(county)(**{**vars(county), "people": crowded})
    with pytest.raises(ScenarioError, match="employee"):
        synthesize(region, 10, seed=1)
