"""The city is the nation less the counties, its hospitals share a pool, and procedures are chosen.

Expected values are the published totals of the pack and identities on the committed tables.
"""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

import sim
from experiments.tables import china_city
from sim.engine.setting import Setting, build_setting
from sim.month import build_world, simulate
from sim.region import Region
from sim.scenario import load
from sim.tallies import ProviderTally as T

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "scenarios" / "regions" / "china-city"
PACK = ROOT / "scenarios" / "regions" / "china-county" / "pack"
IN_NATION, IN_COUNTIES = 1_411_750_000, 736_689_832


@pytest.fixture(scope="module")
def city() -> Region:
    return Region.read(FOLDER)


def test_the_committed_tables_are_those_the_script_writes(tmp_path: Path) -> None:
    china_city.main([str(PACK), str(tmp_path)])
    for written in sorted(tmp_path.glob("*.csv")):
        assert written.read_text("utf-8") == (FOLDER / written.name).read_text("utf-8")


def test_city_and_counties_together_are_the_nation(city: Region) -> None:
    """Bulletin of 2022: visits by institution; the county rows cover 736,689,832 people."""
    in_cities = IN_NATION - IN_COUNTIES
    providers = city.providers
    per_head = providers.visits_baseline / city.residents
    practice = float(per_head[providers.kind == 0].sum())
    assert practice * in_cities + 3.47 * IN_COUNTIES == pytest.approx(42.7e8, rel=1e-3)
    maternal = np.array([kind == "maternal" for kind in providers.type])
    # what is beyond the city is part of its people's hospital visits
    hospital = float(per_head[(providers.kind > 0) & ~maternal].sum())
    assert hospital * in_cities + 2.27 * IN_COUNTIES == pytest.approx(38.2e8, rel=1e-3)
    stays = providers.admissions_baseline.sum() / city.residents
    assert stays * in_cities + 0.175 * IN_COUNTIES == pytest.approx(246.87e6, rel=1e-3)


def test_what_the_city_does_not_say_is_the_county(city: Region) -> None:
    county = Region.read(FOLDER.parent / "china-county")
    np.testing.assert_array_equal(city.groups.rate, county.groups.rate)
    np.testing.assert_array_equal(city.chronic.prevalence, county.chronic.prevalence)
    assert city.parameters["tau_admit"] == county.parameters["tau_admit"]
    assert city.people.income_fifth[2] > county.people.income_fifth[2]


def test_what_a_day_is_worth_to_a_patient_does_not_follow_what_a_tariff_asks_for_it(
    city: Region,
) -> None:
    """The last days of a stay are cheap in China; patients lose as much by leaving early."""
    values = {name: row.value for name, row in city.parameters.items()}

    def at(share: float) -> tuple[Region, Setting]:
        providers = dataclasses.replace(
            city.providers, day_share=np.full_like(city.providers.day_share, share)
        )
        region = dataclasses.replace(city, providers=providers)
        return region, build_setting(region, values, 2_000, 1)

    (_, cheap), (region, dear) = at(0.2), at(0.4)
    np.testing.assert_allclose(dear.day_price, 2.0 * cheap.day_price)
    np.testing.assert_allclose(dear.price_in, 0.75 * cheap.price_in)
    np.testing.assert_array_equal(dear.health_day, cheap.health_day)
    np.testing.assert_array_equal(dear.health_in, cheap.health_in)
    # Where the tables' stakes are stated at the tariff itself, they are what they are without it.
    stated = build_setting(region, {**values, "stake_day_share": 0.4}, 2_000, 1)
    plain = {name: value for name, value in values.items() if name != "stake_day_share"}
    without = build_setting(region, plain, 2_000, 1)
    np.testing.assert_array_equal(stated.health_day, without.health_day)
    np.testing.assert_array_equal(stated.health_in, without.health_in)


def test_about_a_third_of_stays_have_a_procedure_and_ratios_average_to_one(city: Region) -> None:
    groups, modes = city.groups, city.modes
    assert modes.n == 3
    rate = np.einsum("gas,as->g", groups.rate, city.people.age_sex_share)
    stays = rate * groups.prob_bed
    share = float(stays @ (1.0 - modes.share[:, 0]) / stays.sum())
    assert 0.28 < share < 0.38
    for ratio in (modes.days, modes.risk, *np.moveaxis(modes.need, 2, 0)):
        np.testing.assert_allclose((ratio * modes.share).sum(axis=1), 1.0)


def points_by_table(region: Region) -> np.ndarray:
    """Points of each provider from the activity the tables report, at grade coefficients."""
    providers = region.providers
    return np.asarray(
        providers.admissions_baseline
        * providers.case_mix_baseline
        * providers.grade_coefficient
        * (providers.kind > 0)
        * ~providers.outside
    )


def test_no_hospital_has_more_than_15_percent_of_the_citys_pool(city: Region) -> None:
    points = points_by_table(city)
    assert points.max() / points.sum() <= 0.15


def test_in_the_pools_of_few_the_largest_hospital_has_above_a_third(city: Region) -> None:
    points = points_by_table(city)
    scenario = load("china-city-dip-few")
    pools = {group.providers for group in scenario.after.groups(city) if len(group.providers) == 5}
    assert len(pools) == 3
    assert len(set().union(*pools)) == 15
    for rows in pools:
        part = points[list(rows)]
        assert part.max() / part.sum() > 0.33


def test_the_two_schemes_have_pools_of_their_own(city: Region) -> None:
    hospitals = [g for g in load("china-city-dip").after.groups(city) if len(g.providers) == 15]
    assert sorted(g.payer for g in hospitals) == [0, 1]


@pytest.mark.slow
def test_more_stays_have_a_procedure_where_groups_tell_procedures_apart() -> None:
    """A heavier mode that brings its weight is chosen more often than one that brings nothing more.

    Paired by person, month and draw, so the two years differ by what a mode brings alone; against
    item fees the sign is open, for a rate that is below a hospital's list pays less for both.
    """
    operated = []
    for modes in ("yes", "no"):
        drg = {"drg": {"base_rate": "neutral", "weights": "list", "modes": modes}}
        rest = {"fee_for_service": {"schedule": "list"}}
        parts = [
            {"scope": {"setting": "inpatient"}, "contract": drg},
            {"scope": "rest", "contract": rest},
        ]
        payment = [
            {
                "payer": ["resident-scheme", "employee-scheme"],
                "providers": {"kind": kind, "inside": True},
                "contract": {"blend": parts},
            }
            for kind in ("secondary", "tertiary")
        ]
        scenario = load("china-city").with_payment(payment)
        world = build_world(
            scenario.region(),
            scenario.before,
            scenario.after,
            months_before=12,
            months=24,
            warm_up=0,
            seed=5,
            population=3000,
        )
        tally = simulate(world).provider[12:].sum(axis=(0, 1, 2))
        operated.append(float(tally[T.MINOR] + tally[T.MAJOR]) / float(tally[T.ADMISSIONS]))
    assert operated[0] > operated[1]
    assert 0.2 < operated[1] < 0.45


@pytest.mark.slow
def test_the_baseline_targets_are_those_the_pack_gives() -> None:
    with (ROOT / "experiments" / "baseline_china_city.csv").open(encoding="utf-8") as stream:
        target = {row["id"]: float(row["target"]) for row in csv.DictReader(stream)}
    remainder = china_city.Remainder(PACK)
    visits, stays = remainder.visits(), remainder.stays()
    whole = visits["practice"] + visits["hospital"] + visits["maternal"]
    assert target["visits_per_person"] == pytest.approx(whole, rel=2e-3)
    assert target["visits_community"] == pytest.approx(visits["practice"] / whole, rel=2e-3)
    assert target["admissions"] == pytest.approx(100 * sum(stays.values()), rel=2e-3)
    assert target["admissions_community"] == pytest.approx(100 * stays["practice"], rel=5e-3)
    fund = remainder.of_members("resident", "fund_spending_per_head")
    assert target["resident_fund"] == pytest.approx(fund, rel=2e-3)
    assert target["stay_charge_tertiary"] == pytest.approx(
        remainder.stay_charge("hospital_tertiary"), rel=2e-3
    )


def test_the_city_is_in_the_catalogue() -> None:
    assert sim.load("china-city").is_status_quo
