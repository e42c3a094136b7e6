"""Derive the tables of the region `china-city` from the data pack of `china-county`.

Run as ``python -m experiments.tables.china_city PACK [OUT]``: reads PACK
(`scenarios/regions/china-county/pack`) and writes the tables in which a city differs from a county
into `scenarios/regions/china-city` (or OUT); everything else it takes from the county by
``extends``. Knows the pack; must not know the simulator.

The pack describes the nation and the 1,843 units that are not city districts. A city is what is
left: national totals less what the county rows give for the residents of those units, over the
675 million who live in districts. So its people, visits, stays, members and funds are no guesses
of their own, but differences, and carry the errors of both sides (graded ``estimated``). Charges
and stays by tier are those of the national bulletins. Three things are not in the pack and judged
here (``assumed``): how many hospitals of which size a million people have, the map, and, in
`china_city_modes.csv` beside this file, how often an illness is treated without a procedure, by a
minor or by a major one, and what each takes.

What each written column is, with unit, range, source and grade, stands in the region's
`columns.csv`, kept by hand; `parameters.csv`, also kept by hand, holds what is calibrated anew.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np

from experiments.tables import china_county
from experiments.tables.shared import (
    PROVIDER_COLUMNS,
    Floats,
    LongTables,
    Writer,
    read_table,
)

RESIDENTS = 1_000_000
MODES = ("conservative", "minor", "major")

# --- judged numbers ------------------------------------------------------------------------------
COMMUNITIES = 16  # community health centers, each with the stations and clinics around it
WITH_WARDS = 6  # of them, the largest; the others send whoever needs a bed to a hospital
RADIUS_KM = 10.0
OUTSIDE_STAYS, OUTSIDE_VISITS = 0.05, 0.015  # of all: care in the province's capital
OUTSIDE_MINUTES = 90.0
# Hospitals of a whole province hold open far more than serves this city; size draws.
OUTSIDE_OPEN = 8.0  # visits they could take over those from here
# Care outside is paid some ten points less; benefits know tiers and not places, so it stands here.
OUTSIDE_PENALTY = 0.9
# By how much charges fell where stays were cut: see `day_share` in the region's `columns.csv`.
DAY_SHARE = 0.3
CASE_MIX = {"tertiary": 1.15, "secondary": 0.85, "maternal": 0.62, "practice": 0.66}


@dataclass(frozen=True)
class Hospital:
    """A hospital of the city: names, kind, type, size within its tier, place and particulars."""

    id: str
    name_en: str
    name_zh: str
    kind: str
    type: str
    size: float
    km: tuple[float, float]
    skill: float = 1.0
    is_private: bool = False
    only: str = ""
    excluded: str = ""


HOSPITALS = (
    Hospital("tertiary-1", "First people's hospital", "市第一人民医院", "tertiary", "general", 1.03,
             (1.0, 1.5), 1.3),
    Hospital("tertiary-2", "Affiliated hospital of the medical college", "医学院附属医院",
             "tertiary", "general", 1.06, (-3.5, 2.5), 1.3),
    Hospital("tertiary-3", "Second people's hospital", "市第二人民医院", "tertiary", "general",
             0.92, (4.0, -2.5), 1.25),
    Hospital("tertiary-4", "Central hospital", "市中心医院", "tertiary", "general", 1.1,
             (-4.0, -3.5), 1.25),
    Hospital("tertiary-5", "Third people's hospital", "市第三人民医院", "tertiary", "general", 1.0,
             (6.0, 4.5), 1.2),
    Hospital("tertiary-6", "Hospital of Chinese medicine", "市中医院", "tertiary", "tcm", 0.9,
             (-0.5, -6.0), 1.2, excluded="delivery caesarean"),
    Hospital("secondary-1", "East district hospital", "东区人民医院", "secondary", "district", 1.7,
             (6.0, 0.5)),
    Hospital("secondary-2", "West district hospital", "西区人民医院", "secondary", "district", 1.5,
             (-6.5, 0.5)),
    Hospital("secondary-3", "South district hospital of Chinese medicine", "南区中医院",
             "secondary", "district", 1.1, (-0.5, -6.5), excluded="delivery caesarean"),
    Hospital("secondary-4", "Hospital of the steel works", "钢厂职工医院", "secondary", "district",
             0.9, (3.5, 6.5)),
    Hospital("mental-health", "Mental health center", "市精神卫生中心", "secondary", "mental", 0.5,
             (-5.0, 6.0), only="mental"),
    Hospital("private-1", "Private general hospital", "民营综合医院", "secondary", "private", 0.9,
             (2.0, 2.5), 0.95, is_private=True, excluded="ami stroke_haemorrhagic"),
    Hospital("private-2", "Private orthopedic and rehabilitation hospital", "民营骨科康复医院",
             "secondary", "private", 0.7, (-1.5, 4.0), 0.95, is_private=True,
             only="fracture back_joint joint_replacement minor_injury stroke_ischaemic "
             "cerebro_other"),
    Hospital("private-3", "Private eye and specialist hospital", "民营眼科及专科医院",
             "secondary", "private", 0.7, (1.5, -4.5), 0.95, is_private=True,
             only="cataract_eye ent_dental_skin gyn_obstetric elective_surgery uti_stone"),
    Hospital("maternal-child", "Maternal and child health hospital", "市妇幼保健院", "secondary",
             "maternal", 1.0, (-0.8, 0.2), 1.1,
             only="delivery caesarean gyn_obstetric pneumonia_child urti bronchitis_asthma"),
)  # fmt: skip


class Remainder:
    """The nation less the counties: what a resident of a city's districts has.

    Parameters
    ----------
    folder : Path
        The pack.
    """

    def __init__(self, folder: Path) -> None:
        self.nation = LongTables(folder, scope="national")
        self.county = china_county.Pack(folder)
        people = self.nation.value("population", variable="residents", year="2022")
        self.in_counties = self.nation.value("population", variable="residents_of_counties")
        self.in_nation = people
        self.in_cities = people - self.in_counties

    def per_head(self, national_total: float, county_rate: float) -> float:
        """A national total less what counties have at the county's rate, per city resident."""
        return (national_total - county_rate * self.in_counties) / self.in_cities

    def mean(self, national: float, county: float, weights: tuple[float, float]) -> float:
        """A mean over the city's people, from those over all and over the counties' people."""
        whole, part = weights
        return (national * whole - county * part) / (whole - part)

    def visits(self) -> dict[str, float]:
        """Visits a resident and year, by kind of institution."""

        def nation(tier: str) -> float:
            return self.nation.value("utilization", measure="visits_total", tier=tier, year="2022")

        def county(*tiers: str) -> float:
            return sum(
                self.county.value("utilization", measure="visits_per_person", tier=tier)
                for tier in tiers
            )

        own = county("village_clinic", "township_centre", "community_and_private_clinics")
        hospital = ("county_level_hospital", "tertiary_outside_county")
        beyond = county(*hospital, "other_hospital_outside_county")
        return {
            "practice": self.per_head(nation("primary_all"), own),
            "village": self.per_head(nation("village_clinic"), county("village_clinic")),
            "township": self.per_head(nation("township_centre"), county("township_centre")),
            "community": nation("community_centre") / self.in_cities,
            "hospital": self.per_head(nation("hospital_all"), beyond),
            "maternal": self.per_head(
                nation("other_institutions"), county("maternal_child_and_other")
            ),
        }

    def stays(self) -> dict[str, float]:
        """Stays a resident and year, by kind of institution."""

        def nation(tier: str) -> float:
            return self.nation.value(
                "utilization", measure="admissions_total", tier=tier, year="2022"
            )

        def county(*tiers: str) -> float:
            return sum(
                self.county.value("utilization", measure="admission_rate", tier=tier)
                for tier in tiers
            )

        hospital = (
            "county_general_hospital",
            "county_tcm_hospital",
            "county_private_hospital",
            "county_other_public_hospital",
            "tertiary_outside_county",
            "other_hospital_outside_county",
        )
        return {
            "practice": self.per_head(nation("primary_all"), county("township_centre")),
            "hospital": self.per_head(nation("hospital_all"), county(*hospital)),
            "maternal": self.per_head(
                nation("other_institutions"), county("maternal_child_and_other")
            ),
        }

    def tertiary_share(self) -> float:
        """Share of hospital care in tertiary hospitals: that of the employee scheme's stays."""
        tertiary, secondary = (
            self.nation.value(
                "utilization", measure="share_of_admissions", tier=tier, scheme="employee"
            )
            for tier in ("hospital_tertiary", "hospital_secondary")
        )
        return tertiary / (tertiary + secondary)

    def members(self) -> dict[str, tuple[float, float]]:
        """Members of each scheme in the nation and in the counties, persons."""
        found = {}
        for scheme in ("resident", "employee"):
            nation = self.nation.value("insurance", measure="enrolled", scheme=scheme, year="2022")
            share = self.county.value("insurance", measure="share_of_residents", scheme=scheme)
            found[scheme] = (nation, share * self.in_counties)
        return found

    def scheme_shares(self) -> dict[str, float]:
        """Share of the city's residents in each scheme."""
        share = {
            scheme: (whole - part) / self.in_cities
            for scheme, (whole, part) in self.members().items()
        }
        return {**share, "uninsured": 1.0 - sum(share.values())}

    def of_members(self, scheme: str, measure: str, county_measure: str = "") -> float:
        """A mean over the city's members of a scheme, 2022."""
        nation = self.nation.value("insurance", scheme=scheme, measure=measure, year="2022")
        county = self.county.value("insurance", scheme=scheme, measure=county_measure or measure)
        return self.mean(nation, county, self.members()[scheme])

    def employee_fund(self) -> float:
        """Pooled fund spending on an employee, 2022: that of 2023 by the fund's growth since."""
        pooled = self.nation.value(
            "insurance", measure="pooled_fund_spending_per_head", year="2023"
        )
        whole = [
            self.nation.value(
                "insurance", scheme="employee", measure="fund_spending_per_head", year=year
            )
            for year in ("2022", "2023")
        ]
        county = self.county.value("insurance", measure="pooled_fund_spending_per_head")
        return self.mean(pooled * whole[0] / whole[1], county, self.members()["employee"])

    def stay_charge(self, tier: str) -> float:
        """Mean charge of a stay at hospitals of a tier, weighted by the schemes' stays."""
        share = self.scheme_shares()
        weight = {
            scheme: share[scheme]
            * self.nation.value("utilization", measure="admission_rate", scheme=scheme, year="2022")
            for scheme in ("resident", "employee")
        }
        charge = {
            scheme: self.nation.value(
                "prices", measure="cost_per_stay", tier=tier, scheme=scheme, year="2021"
            )
            for scheme in weight
        }
        return sum(weight[s] * charge[s] for s in weight) / sum(weight.values())

    def as_pack(self) -> china_county.Pack:
        """The county's pack with the city's people in place of the county's."""
        pack = self.county
        weights = self.in_nation, self.in_counties
        for row in pack.rows("population"):
            same = {k: row[k] for k in ("variable", "sex", "age_low", "age_high")}
            if row["variable"] == "population_share" and row["area"] == "all":
                nation = self.nation.value("population", area="all", **same)
                row["value"] = str(self.mean(nation, float(row["value"]), weights))
            if row["variable"] == "mortality_multiplier":
                row["value"] = str(self.mean(1.0, float(row["value"]), weights))
        return pack


def main(arguments: Sequence[str]) -> None:
    """Write every table of the region but those kept by hand."""
    if not arguments:
        raise SystemExit("usage: python -m experiments.tables.china_city PACK [OUT]")
    folder = Path(arguments[0])
    default = folder.parents[1] / "china-city"
    out = Writer(Path(arguments[1]) if len(arguments) > 1 else default)
    out.folder.mkdir(parents=True, exist_ok=True)
    city = Remainder(folder)
    write_card(out, city)
    write_constants(out, city)
    write_places(out, city)
    write_modes(out)
    pack = city.as_pack()
    china_county.write_people(out, pack, china_county.age_shares(pack))


def write_card(out: Writer, city: Remainder) -> None:
    """Write the region's name card and its payers."""
    out.table(
        "region.csv",
        ["key", "value"],
        [
            ["id", "china-city"],
            ["extends", "china-county"],
            ["title_en", "A city in China"],
            ["title_zh", "中国的一座城市"],
            ["currency", "CNY"],
            ["residents", RESIDENTS],
        ],
    )
    share = city.scheme_shares()
    out.table(
        "payers.csv",
        ["id", "name_en", "name_zh", "share"],
        [
            ["resident-scheme", "Resident scheme", "城乡居民医保", share["resident"]],
            ["employee-scheme", "Employee scheme", "职工医保", share["employee"]],
            ["self-pay", "Not insured here", "未在本地参保", share["uninsured"]],
        ],
    )
    for name, value in (*city.visits().items(), *city.stays().items()):
        sys.stdout.write(f"  {name:12s} {value:.4f} a resident and year\n")
    resident = city.of_members("resident", "fund_spending_per_head")
    sys.stdout.write(
        f"  funds {resident:.0f} and {city.employee_fund():.0f} CNY a member; tertiary "
        f"{city.tertiary_share():.3f}; stays {city.stay_charge('hospital_tertiary'):.0f}, "
        f"{city.stay_charge('hospital_secondary'):.0f} CNY\n"
    )


def write_constants(out: Writer, city: Remainder) -> None:
    """Write the single numbers in which the city differs from the county."""
    rows: list[list[object]] = []

    def add(
        name: str, value: float, unit: str, source: str, en: str, zh: str, note: str,
        kind: str = "fixed", grade: str = "estimated", spread: float = 0.1,
    ) -> None:  # fmt: skip
        low, high = value * (1.0 - spread), value * (1.0 + spread)
        rows.append([name, value, unit, low, high, source, grade, kind, en, zh, note])

    for k in range(1, 6):
        income = city.nation.value(
            "population", variable="disposable_income_per_head", area="urban", fifth=str(k)
        )
        add(
            f"income_fifth_{k}", income, "CNY per year", "recall-nbs", f"Income of fifth {k}",
            f"第{k}五等分组人均可支配收入", "fifths of urban households, statistical yearbook 2023",
        )  # fmt: skip
    left = "the nation less the county rows for residents of counties, over those of districts"
    retired = city.of_members("employee", "share_retired")
    add("share_retired", retired, "share of enrolled", "nhsa-2022",
        "Retired among employee-scheme members", "职工医保参保人中退休人员占比", left)  # fmt: skip
    people = city.in_nation, city.in_counties
    for name, en, zh in (
        ("birth_rate", "Births", "出生率"),
        ("crude_death_rate", "Deaths as reported, for comparison", "报告粗死亡率（对照）"),
    ):
        both = [
            float(pack.row("population", variable=name)["value"])
            for pack in (city.nation, city.county)
        ]
        add(name, city.mean(both[0], both[1], people), "per 1000 person-years",
            "recall-nbs" if name == "birth_rate" else "un-wpp2024", en, zh, left)  # fmt: skip
    for scheme, en, zh in (("resident", "resident", "居民"), ("employee", "employee", "职工")):
        income = city.of_members(scheme, "fund_income_per_head")
        add(f"fund_income_{scheme}", income, "CNY per insured and year", "nhsa-2022",
            f"Fund income, {en} scheme", f"{zh}医保人均筹资", left)  # fmt: skip
    add("fund_spending_resident", city.of_members("resident", "fund_spending_per_head"),
        "CNY per insured and year", "nhsa-2022", "Fund spending reported, resident scheme",
        "居民医保人均基金支出", f"{left}; a target of calibration")  # fmt: skip
    add("fund_spending_employee", city.employee_fund(), "CNY per insured and year",
        "nhsa-2022; nhsa-2023", "Pooled fund spending, employee scheme",
        "职工医保统筹基金人均支出", f"{left}; 2023 brought back by the fund's growth")  # fmt: skip
    urban = city.nation.value(
        "population", variable="disposable_income_per_head", area="urban", fifth=""
    )
    add("value_of_hour", urban / 2000.0, "CNY per hour", "nbs-income-2022", "Value of patients' "
        "time", "患者时间价值", "urban disposable income over 2000 hours", "uncertainty", "assumed",
        0.5)  # fmt: skip
    out.table(
        "constants.csv",
        ["id", "value", "unit", "low", "high", "source", "evidence", "kind", "label_en",
         "label_zh", "note"],
        rows,
    )  # fmt: skip


def on_disc(count: int, step: float = 0.381966) -> tuple[Floats, Floats]:
    """Places spread evenly over the city's disc, km from its center."""
    ring = RADIUS_KM * ((np.arange(count) + 0.5) / count) ** 0.5
    angle = 2.0 * np.pi * np.arange(count) * step
    return ring * np.cos(angle), ring * np.sin(angle)


def write_places(out: Writer, city: Remainder) -> None:
    """Write providers, zones and travel."""
    x, y = on_disc(COMMUNITIES)
    # neighborhoods of different size, the outermost not built up: .194 of a city's residents
    size = np.exp(0.25 * np.cos(2.4 * np.arange(COMMUNITIES)))
    whole, part = (
        float(pack.row("population", variable="share_urban", area="town")["value"])
        for pack in (city.nation, city.county)
    )
    towns = city.mean(whole, part, (city.in_nation, city.in_counties))
    is_town = np.arange(COMMUNITIES) < COMMUNITIES - 3
    share = np.where(
        is_town, towns * size / size[is_town].sum(), (1 - towns) * size / size[~is_town].sum()
    )
    codes = [f"community-{i + 1:02d}" for i in range(COMMUNITIES)]
    zones = [f"quarter-{i + 1:02d}" for i in range(COMMUNITIES)]
    out.table(
        "zones.csv",
        ["id", "name_en", "name_zh", "share", "is_town", "home_practice", "x_km", "y_km"],
        [
            [zones[i], f"Quarter {i + 1}", f"第{i + 1}片区", share[i], is_town[i], codes[i],
             x[i], y[i]]
            for i in range(COMMUNITIES)
        ],
    )  # fmt: skip

    rows = provider_rows(city, codes, share)
    out.table("providers.csv", PROVIDER_COLUMNS, rows)
    ids = [str(row[0]) for row in rows]
    px = np.concatenate([x, [h.km[0] for h in HOSPITALS]])
    py = np.concatenate([y, [h.km[1] for h in HOSPITALS]])
    # a quarter is not a point: nobody lives nearer than about half its radius
    km = np.maximum(np.hypot(x[:, None] - px[None], y[:, None] - py[None]), 1.2)
    minutes = np.concatenate([6.0 + 3.0 * km, np.full((COMMUNITIES, 1), OUTSIDE_MINUTES)], axis=1)
    out.table("travel.csv", ["zone", *ids], [[zones[i], *minutes[i]] for i in range(COMMUNITIES)])


def provider_rows(city: Remainder, codes: list[str], share: Floats) -> list[list[object]]:
    """Give the rows of `providers.csv`."""
    nation, county = city.nation, city.county
    visits, stays = city.visits(), city.stays()
    tertiary = city.tertiary_share()

    def charge_shares(tier: str, setting: str) -> Floats:
        return np.array(
            [
                county.value(
                    "prices", measure="charge_share", tier=tier, component=f"{setting}:{c}"
                )
                for c in china_county.PACK_COMPONENTS
            ]
        )

    def use(measure: str, tier: str) -> float:
        return nation.value("utilization", measure=measure, tier=tier, scheme="all", year="2022")

    def price(measure: str, tier: str, year: str = "2022", scheme: str = "all") -> float:
        return nation.value(
            "prices", measure=measure, tier=tier, year=year, scheme=scheme, component=""
        )

    covered_out = county.value("insurance", measure="covered_share_of_outpatient_charges")

    def covered(tier: str) -> float:
        return county.value("insurance", measure="covered_share_of_inpatient_charges", tier=tier)

    def grade(tier: str) -> float:
        return county.value("insurance", measure=f"hospital_grade_coefficient_{tier}")

    style = county.value("providers", provider="all", measure="style_dispersion")
    cost = [1.0, 0.6, 0.9, 1.15]
    rows: list[list[object]] = []

    # --- community health centers with the stations, clinics and village clinics around them ---
    rest = visits["practice"] - visits["village"] - visits["township"] - visits["community"]
    cents = {
        "village": county.value("prices", measure="cost_per_visit", tier="village_clinic"),
        "township": county.value("prices", measure="cost_per_visit", tier="township_centre"),
        "community": price("cost_per_visit", "community_centre", "2020"),
        "rest": county.value(
            "prices", measure="cost_per_visit", tier="community_and_private_clinics"
        ),
    }
    parts = {**visits, "rest": rest}
    network = sum(parts[k] * cents[k] for k in cents) / visits["practice"]
    community_stay = price("cost_per_stay", "community_centre", "2021")
    community_days = use("length_of_stay", "community_centre")
    occupancy = 0.4
    quantiles = [NormalDist().inv_cdf((i + 0.5) / COMMUNITIES) for i in range(COMMUNITIES)]
    spread = np.exp(0.1 * np.array(quantiles))[(np.arange(COMMUNITIES) * 7) % COMMUNITIES]
    spread = spread / spread.mean()
    doctors = (
        visits["practice"] * RESIDENTS / 250.0 / use("visits_per_physician_day", "community_centre")
    )
    wards = np.argsort(-share)[:WITH_WARDS]
    in_wards = np.where(np.isin(np.arange(COMMUNITIES), wards), share / share[wards].sum(), 0.0)
    for i, code in enumerate(codes):
        local, lain = share[i] * RESIDENTS, in_wards[i] * stays["practice"] * RESIDENTS
        rows.append(
            [
                code,
                f"Community health center {i + 1} and the clinics around it",
                f"第{i + 1}社区卫生服务中心及周边诊所",
                "practice",
                "community",
                False,
                False,
                round(lain * community_days / 365.0 / occupancy),
                round(1.6 * visits["practice"] * local / 12.0),
                round(doctors * share[i]),
                grade("primary"),
                network,
                community_stay / CASE_MIX["practice"],
                *charge_shares("township_centre", "outpatient"),
                *charge_shares("township_centre", "inpatient"),
                DAY_SHARE,
                *cost,
                *cost,
                0.45,
                covered_out,
                covered("township_centre"),
                0.3,
                0.01,
                float(spread[i]),
                style,
                visits["practice"] * local,
                lain,
                community_days if lain else 0.0,
                CASE_MIX["practice"] if lain else 0.0,
                "",
                "delivery caesarean joint_replacement cataract_eye",
            ]
        )

    # --- hospitals ---
    all_stays = sum(stays.values()) * RESIDENTS
    all_visits = (visits["practice"] + visits["hospital"] + visits["maternal"]) * RESIDENTS
    away_stays, away_visits = OUTSIDE_STAYS * all_stays, OUTSIDE_VISITS * all_visits
    hospital_stays = stays["hospital"] * RESIDENTS
    hospital_visits = visits["hospital"] * RESIDENTS
    tier_stays = {
        "tertiary": tertiary * hospital_stays - away_stays,
        "secondary": (1.0 - tertiary) * hospital_stays,
        "maternal": stays["maternal"] * RESIDENTS,
    }
    tier_visits = {
        "tertiary": tertiary * hospital_visits - away_visits,
        "secondary": (1.0 - tertiary) * hospital_visits,
        "maternal": visits["maternal"] * RESIDENTS,
    }
    charge = {
        "tertiary": price("cost_per_visit", "hospital_tertiary_public"),
        "secondary": price("cost_per_visit", "hospital_secondary_public"),
        "maternal": county.value(
            "prices", measure="cost_per_visit", tier="maternal_child_and_other"
        ),
    }
    stay = {
        "tertiary": city.stay_charge("hospital_tertiary"),
        "secondary": city.stay_charge("hospital_secondary"),
        "maternal": county.value(
            "prices", measure="cost_per_stay", tier="maternal_child_and_other"
        ),
    }
    days = {
        "tertiary": use("length_of_stay", "hospital_tertiary"),
        "secondary": use("length_of_stay", "hospital_secondary"),
        "maternal": county.value(
            "utilization", measure="length_of_stay", tier="maternal_child_and_other"
        ),
    }
    busy = {
        "tertiary": use("bed_occupancy", "hospital_tertiary"),
        "secondary": use("bed_occupancy", "hospital_secondary"),
        "maternal": 0.7,
    }
    pack_tier = {
        "tertiary": "tertiary_outside_county",
        "secondary": "county_level_hospital",
        "maternal": "county_level_hospital",
    }
    per_day = {
        tier: use("visits_per_physician_day", f"hospital_{tier}")
        for tier in ("tertiary", "secondary")
    }
    per_day["maternal"] = per_day["secondary"]
    mental_days = county.value(
        "utilization", measure="length_of_stay", tier="county_other_public_hospital"
    )
    totals = {tier: sum(h.size for h in HOSPITALS if tier_of(h) == tier) for tier in tier_stays}
    grants = {"general": 0.07, "tcm": 0.09, "district": 0.1, "mental": 0.15, "maternal": 0.2,
              "private": 0.0}  # fmt: skip
    for h in HOSPITALS:
        tier = tier_of(h)
        part = h.size / totals[tier]
        n_visits, n_stays = tier_visits[tier] * part, tier_stays[tier] * part
        mean_days = mental_days if h.type == "mental" else days[tier]
        # long stays need more beds for as many cases: a third of the others' stays
        beds = n_stays * (0.35 if h.type == "mental" else 1.0) * mean_days / 365.0 / busy[tier]
        rows.append(
            [
                h.id,
                h.name_en,
                h.name_zh,
                h.kind,
                h.type,
                h.is_private,
                False,
                round(beds),
                round(1.35 * n_visits / 12.0),
                round(n_visits / 250.0 / per_day[tier]),
                1.0 if h.kind == "tertiary" else grade("secondary"),
                charge[tier],
                stay[tier] / CASE_MIX[tier],
                *charge_shares(pack_tier[tier], "outpatient"),
                *charge_shares(pack_tier[tier], "inpatient"),
                DAY_SHARE,
                *cost,
                *cost,
                0.45,
                covered_out,
                covered("private_hospital" if h.is_private else "tertiary_outside_county"
                        if h.kind == "tertiary" else "county_hospital"),
                grants[h.type],
                0.05 if h.is_private else 0.01 if h.kind == "tertiary" else 0.0,
                h.skill,
                style,
                n_visits,
                n_stays,
                mean_days,
                CASE_MIX[tier],
                h.only,
                h.excluded,
            ]
        )  # fmt: skip
    rows.append(
        [
            "beyond-city",
            "Hospitals of the province's capital and elsewhere",
            "省会及外地医院",
            "tertiary",
            "outside",
            False,
            True,
            round(away_stays * days["tertiary"] / 365.0 / busy["tertiary"]),
            round(OUTSIDE_OPEN * away_visits / 12.0),
            round(away_visits / 250.0 / per_day["tertiary"]),
            1.0,
            county.value("prices", measure="cost_per_visit", tier="tertiary_outside_county"),
            1.1 * stay["tertiary"] / CASE_MIX["tertiary"],
            *charge_shares("tertiary_outside_county", "outpatient"),
            *charge_shares("tertiary_outside_county", "inpatient"),
            DAY_SHARE,
            *cost,
            *cost,
            0.45,
            covered_out * OUTSIDE_PENALTY,
            covered("tertiary_outside_county") * OUTSIDE_PENALTY,
            0.07,
            0.01,
            1.4,
            style,
            away_visits,
            away_stays,
            days["tertiary"],
            1.3 * CASE_MIX["tertiary"],
            "",
            "",
        ]
    )
    return rows


def tier_of(hospital: Hospital) -> str:
    """Name the part of the statistics a hospital belongs to."""
    return "maternal" if hospital.type == "maternal" else hospital.kind


def write_modes(out: Writer) -> None:
    """Write treatment modes: conservative is 1, minor and major are ratios to it."""
    rows = read_table(Path(__file__).with_name("china_city_modes.csv"))
    stems = ("units", "procedures", "days", "risk")
    for row in rows:
        if not math.isclose(sum(float(row[f"share_{m}"]) for m in MODES), 1.0):
            raise SystemExit(f"modes of {row['id']} do not add up")
    out.table(
        "modes.csv",
        ["id", *(f"share_{m}" for m in MODES), *(f"{s}_{m}" for s in stems for m in MODES)],
        [
            [
                row["id"],
                *(row[f"share_{m}"] for m in MODES),
                *(1 if m == "conservative" else row[f"{s}_{m}"] for s in stems for m in MODES),
            ]
            for row in rows
        ],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
