"""The tables of the metropolitan market hold what its pack says and what the pack's checks add up.

Expected values are those of the pack's own check page: identities, published totals, and sums that
can be done again from the committed tables. The check page counts people by single years of a
census projection, the tables spread the survey's five-year bands evenly: totals over all ages agree
within 5 % (there are fewer of the very old, and more aged 15 to 17), bands of age to rounding.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from experiments.tables import us_metro
from sim.conditions import month_tables
from sim.month import World, build_world, simulate
from sim.population import synthesize
from sim.region import MONTHS_PER_YEAR, Region, average_multiplier
from sim.scenario import load
from sim.tallies import ProviderTally

# Many small runs: together more than a minute of the quick tests.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "scenarios" / "regions" / "us-metro"
PACK = FOLDER / "pack"
BANDS = {"0-17": (0, 17), "18-44": (18, 44), "45-64": (45, 64), "65-74": (65, 74),
         "75-84": (75, 84), "85+": (85, 100)}  # fmt: skip
SPREAD = 0.05
BIRTHS = ("vaginal_delivery", "cesarean")


@pytest.fixture(scope="module")
def metro() -> Region:
    return Region.read(FOLDER)


def rows(table: str) -> list[dict[str, str]]:
    with (PACK / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def value(table: str, **same: str) -> float:
    (row,) = [r for r in rows(table) if all(r[k] == v for k, v in same.items())]
    return float(row["value"])


def stays(region: Region) -> np.ndarray:
    """Admissions per person-year by group and age (G, A), unneeded ones on top of those given."""
    groups, people = region.groups, region.people.age_sex_share
    each = groups.prob_bed * (1 - groups.unmet) / (1 - groups.inappropriate)
    rate = np.einsum("gas,as->ga", groups.rate, people) / people.sum(axis=1)
    return np.asarray(MONTHS_PER_YEAR * each[:, None] * rate)


def in_band(use: np.ndarray, by_age: np.ndarray, band: tuple[int, int]) -> float:
    inside = slice(band[0], band[1] + 1)
    return float(np.average(use[inside], weights=by_age[inside]))


def test_half_a_million_people_and_those_of_65_are_medicares(metro: Region) -> None:
    share = metro.people.age_sex_share.sum(axis=1)
    assert metro.residents == 500_000
    assert metro.currency == "USD"
    assert share[65:].sum() == pytest.approx(0.1801, abs=1e-4)
    assert share[:18].sum() == pytest.approx(0.2099, abs=0.005)
    assert metro.payers == ("medicare", "commercial", "self-pay")
    assert metro.people.scheme_share[0] == pytest.approx(0.1801, abs=1e-4)
    assert metro.people.scheme_share[2] == pytest.approx((1 - 0.1801) * 0.0777, rel=1e-3)
    people = synthesize(metro, 20_000, 3)
    old = people.age_months >= 12 * 65
    assert (people.scheme[old] == 0).all()
    assert (people.scheme[~old] != 0).all()
    # 16,400 people below 65 are uninsured with probability .0777: sd .0021; alarm below 1e-6
    assert (people.scheme[~old] == 2).mean() == pytest.approx(0.0777, abs=0.0105)


def test_admissions_of_every_age_band_are_the_packs_targets(metro: Region) -> None:
    by_age = metro.people.age_sex_share.sum(axis=1)
    total = stays(metro).sum(axis=0)
    births = stays(metro)[[metro.groups.ids.index(b) for b in BIRTHS]].sum(axis=0)
    for name, band in BANDS.items():
        target = value("utilization", id="admission_target", age_group=name) / 1000
        # births, which the pack spreads over all ages, befall women of childbearing age only
        moved = sum(
            float(r[f"admissions_per_1000_age_{name.replace('-', '_').replace('+', '_plus')}"])
            for r in rows("casemix")
            if r["id"] in BIRTHS
        )
        found = in_band(total - births, by_age, band)
        assert found == pytest.approx(target - moved / 1000, rel=2e-3), name
    assert 1000 * (total @ by_age) == pytest.approx(96.4, rel=SPREAD)
    assert 1000 * float(births @ by_age) == pytest.approx(10.83, rel=SPREAD)


@pytest.mark.parametrize(
    ("group", "per_100_000"),
    [("sepsis", 617), ("heart_failure", 294), ("pneumonia", 215), ("copd", 131),
     ("joint_replacement", 126)],
)  # fmt: skip
def test_stays_by_diagnosis_are_those_of_the_check_page(
    metro: Region, group: str, per_100_000: float
) -> None:
    by_age = metro.people.age_sex_share.sum(axis=1)
    found = stays(metro)[metro.groups.ids.index(group)] @ by_age
    assert 1e5 * found == pytest.approx(per_100_000, rel=SPREAD)


def test_weights_and_stays_are_the_ms_drg_table_of_2026(metro: Region) -> None:
    table = {r["ms_drg"]: r for r in rows("ms_drg_fy2026")}
    groups = metro.groups
    for row in rows("casemix"):
        g = groups.ids.index(row["id"])
        for level, name in enumerate(("none", "cc", "mcc")):
            drg = table[row[f"ms_drg_{name}"]]
            weight = groups.weight[g] * groups.weight_level[g, level]
            assert weight == pytest.approx(float(drg["relative_weight"]), rel=1e-4), row["id"]
            days = groups.los_days[g] * groups.los_level[g, level]
            assert days == pytest.approx(float(drg["amlos_days"]), rel=1e-4), row["id"]


def test_case_mix_and_mean_stay_are_near_the_published(metro: Region) -> None:
    """One mix of levels for all payers: Medicare a little below its own, the others above."""
    groups, by_age = metro.groups, metro.people.age_sex_share.sum(axis=1)
    use = stays(metro)
    old, young = by_age * (np.arange(101) >= 65), by_age * (np.arange(101) < 65)
    for who, index, days in ((old, 1.71, 4.90), (young, 1.40, 4.07)):
        by_group = use @ who
        assert by_group @ groups.weight / by_group.sum() == pytest.approx(index, rel=0.08)
        assert by_group @ groups.los_days / by_group.sum() == pytest.approx(days, rel=0.08)
    assert (use @ old).sum() / (use @ by_age).sum() == pytest.approx(0.44, abs=0.01)


def test_visits_by_age_are_the_surveys(metro: Region) -> None:
    """Office physicians and outpatient departments by the household survey, ED by hospitals'."""
    by_age = metro.people.age_sex_share.sum(axis=1)
    groups = metro.groups
    rate = np.einsum("gas,as->ga", groups.rate, metro.people.age_sex_share) / by_age
    visits = MONTHS_PER_YEAR * groups.visits_per_episode @ rate
    level = 0.45 / value("utilization", id="rate_per_person_year", service="ed_visit",
                         age_group="all", payer="all")  # fmt: skip
    for name, band in (("0-4", (0, 4)), ("5-17", (5, 17)), ("18-44", (18, 44)), ("45-64", (45, 64)),
                       ("65+", (65, 100))):  # fmt: skip
        target = sum(
            scale
            * value(
                "utilization", id="rate_per_person_year", service=s, age_group=name, payer="all"
            )
            for s, scale in (
                ("office_physician_visit", 1.0),
                ("hospital_outpatient_visit", 1.0),
                ("ed_visit", level),
            )
        )
        assert in_band(visits, by_age, band) == pytest.approx(target, rel=0.02), name


@pytest.mark.parametrize(
    ("condition", "from_age", "published"),
    [("hypertension", 18, 0.476), ("diabetes", 18, 0.1531), ("copd", 18, 0.0436),
     ("ihd", 18, 0.0675), ("heart_failure", 18, 0.0273), ("stroke", 18, 0.0327),
     ("ckd", 18, 0.1513), ("depression", 18, 0.123), ("cancer", 18, 0.0681)],
)  # fmt: skip
def test_prevalence_over_adults_is_the_packs(
    metro: Region, condition: str, from_age: int, published: float
) -> None:
    people = metro.people.age_sex_share.sum(axis=1)[from_age:]
    row = metro.chronic.prevalence[metro.chronic.ids.index(condition), from_age:]
    assert np.average(row, weights=people) == pytest.approx(published, rel=SPREAD)


def test_deaths_are_the_life_tables_and_acute_ones_a_part_of_them(metro: Region) -> None:
    people, chronic = metro.people, metro.chronic
    # summing hazards gives 10.0, as the check page says
    assert 1000 * (people.mortality * people.age_sex_share).sum() == pytest.approx(10.0, rel=SPREAD)
    mean = average_multiplier(
        chronic.prevalence,
        chronic.rr_death[None],
        chronic.share_controlled,
        chronic.control_death[None],
    )[0]
    total = people.base_mortality * mean[:, None] + people.acute_mortality
    np.testing.assert_allclose(total, people.mortality, rtol=1e-12)
    acute = 1000 * (people.acute_mortality * people.age_sex_share).sum()
    assert 1.5 < acute < 4.0  # about a third of deaths in the United States are in hospital


def test_prices_are_the_packs_once_levels_are_put_on_list_prices(metro: Region) -> None:
    level, providers = metro.people.price_level, metro.providers
    hospitals = providers.kind > 0
    beds = providers.beds[hospitals]
    stay = np.average(providers.charge_per_weight[hospitals], weights=beds)
    assert stay * level[0, 2] == pytest.approx(7276.76 * 1.12, rel=1e-3)
    assert stay * level[1, 2] == pytest.approx(12_200, rel=1e-3)
    visit = float(providers.visit_charge[~hospitals].mean())
    assert visit * level[0, 0] == pytest.approx(112.0, rel=1e-3)
    assert level[0].max() < 1.0 < level[1].min()
    assert (level[2] < level[1]).all()


def test_expected_spending_is_the_sum_of_the_parts_on_the_check_page(metro: Region) -> None:
    """Stays 3,286, office physicians 1,683, outpatient departments 3,357, emergency 282."""
    parts = 3286 + 1683 + 3357 + 282
    assert metro.constants["spending_target_medicare"].value == pytest.approx(parts, rel=SPREAD)


def test_six_hospitals_have_the_packs_beds_and_sixty_practices_its_physicians(
    metro: Region,
) -> None:
    providers = metro.providers
    assert providers.beds.tolist()[-6:] == [420, 240, 180, 160, 110, 65]
    assert providers.beds.sum() / metro.residents * 1000 == pytest.approx(2.35)
    practices = providers.kind == 0
    assert practices.sum() == 60
    assert providers.physicians[practices].sum() == pytest.approx(350, abs=2)
    assert providers.is_private[-6:].sum() == 1
    assert providers.ids[-6:] == ("h1", "h2", "h3", "h4", "h5", "h6")


def test_distances_make_the_map(metro: Region) -> None:
    km = metro.zones.hospital_km
    assert km is not None
    nearest = km[:, -6:].min(axis=1)
    assert 2.0 < np.average(nearest, weights=metro.zones.share) < 8.0
    assert km.max() < 60.0


def test_the_committed_tables_are_those_the_script_writes(tmp_path: Path) -> None:
    us_metro.main([str(PACK), str(tmp_path)])
    for written in sorted(tmp_path.glob("*.csv")):
        committed = FOLDER / written.name
        with written.open(encoding="utf-8") as one, committed.open(encoding="utf-8") as two:
            for left, right in zip(csv.reader(one), csv.reader(two), strict=True):
                for a, b in zip(left, right, strict=True):
                    assert a == b or float(a) == pytest.approx(float(b), rel=1e-4), written.name


# --- what the region's rules do ------------------------------------------------------------------


def run(months: int, population: int = 1500) -> World:
    scenario = load("us-metro")
    world = build_world(
        scenario.region(), scenario.before, scenario.before, months_before=12, months=months,
        warm_up=0, seed=4, population=population,
    )  # fmt: skip
    simulate(world)
    return world


def test_people_change_to_medicare_on_their_birthday_and_newborns_do_not() -> None:
    world = run(13)
    ages, scheme = world.columns.age_months, world.columns.scheme
    # age counts the month lived through at its end: whoever lived it at 65 changed
    assert (scheme[ages > 12 * 65] == 0).all()
    assert (scheme[ages <= 12 * 65] != 0).all()
    assert (world.columns.generation > 0).any()  # somebody died and gave way to a newborn


def test_nobody_with_commercial_cover_pays_more_than_the_maximum_in_a_year() -> None:
    world = run(12)
    paid = world.columns.oop_year[world.columns.scheme == 1]
    assert paid.max() == 335_000  # cents, reached by those with a stay
    assert (paid > 117_400).mean() > 0.03


def test_emergencies_are_refused_as_seldom_as_the_region_says() -> None:
    """A hundredth at list price; contracts and full beds move it, not by an order of size."""
    world = run(24, 4000)
    tally = sum(h["provider"].sum(axis=(0, 1)) for h in world.history)
    urgent = tally[ProviderTally.ADMISSIONS] - tally[ProviderTally.ELECTIVE]
    urgent = urgent - tally[ProviderTally.INAPPROPRIATE]
    refused = tally[ProviderTally.REFUSED]
    assert 0 < refused < 0.03 * (urgent + refused)


def test_hospitals_are_chosen_by_kilometers_and_by_measured_readmission() -> None:
    world = run(13, 600)
    km = world.region.zones.hospital_km
    assert km is not None
    values = world.setting.values
    seek = month_tables(world).seek
    # the published cubic, divided by the weight it is multiplied with when people choose
    for z, k in ((0, -6), (31, -1)):
        d = km[z, k]
        utility = -0.265 * d + 0.002 * d**2 - 0.00001 * d**3
        found = -seek.log_minutes[z, k] * values["distance_weight"]
        assert found == pytest.approx(utility, rel=1e-12)
    assert values["distance_relief"] == 0.0
    # one percentage point above what is ordinary costs .058, seen over very many stays
    tally = world.recent.provider
    tally[-1, 0, ProviderTally.DISCHARGES] = 10**9
    tally[-1, :, ProviderTally.READMISSIONS] = 0
    tally[-1, 0, ProviderTally.READMISSIONS] = round(
        (values["readmission_expected"] + 0.01) * 10**9
    )
    worse = month_tables(world).seek.constant[0, -1]
    tally[-1, 0, ProviderTally.READMISSIONS] = round(values["readmission_expected"] * 10**9)
    assert worse - month_tables(world).seek.constant[0, -1] == pytest.approx(-0.058, rel=1e-5)
