"""Derive the tables of the region `china-county` from its raw data pack.

Run as ``python -m experiments.tables.china_county PACK [OUT]``: reads the long tables of PACK
(`scenarios/regions/china-county/pack`) and writes the region tables beside it (or into OUT).
Knows the pack; must not know the simulator.

Three steps are more than copying. (1) Episode rates by single age: each group starts from the
shape its three age ratios give (or, where the illness belongs to a chronic condition, from that
condition's prevalence), and all groups are tilted together, by one factor by age and one more for
groups that need beds, until visits and admissions by age meet the pack; each group's total stays
exact. (2) Ratios for people with a chronic condition: specific groups get stated ratios, and two
general ratios for each condition (groups that need beds, groups that do not) are solved so that
age-adjusted visits and admissions of people with it are `rr_visits` and `rr_admission` times those
of people without. (3) Places: townships of three sizes lie on rings around the county seat so that
mean distances and times are those of the pack. Everything judged
here, or in `china_county_judged.csv` beside this file, is graded ``assumed``. What each written
column is, with unit, range, source and grade, stands in the region's `columns.csv`, kept by hand.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import NormalDist

import numpy as np
from scipy.optimize import least_squares

from experiments.tables.shared import (
    AGE,
    AGES,
    GROUP_COLUMNS,
    LOW_VALUE_HARM,
    PROVIDER_COLUMNS,
    Floats,
    LongTables,
    Row,
    Writer,
    american,
    read_judged,
    show,
    smooth,
    stay_put,
)

CONDITIONS = (
    "hypertension",
    "diabetes",
    "copd",
    "ischaemic_heart_disease",
    "stroke_survivor",
    "ckd",
    "cancer",
    "mental_disorder",
)
CONDITION_NAMES = {
    "hypertension": ("Hypertension", "高血压"),
    "diabetes": ("Diabetes", "糖尿病"),
    "copd": ("Chronic obstructive pulmonary disease", "慢性阻塞性肺疾病"),
    "ischaemic_heart_disease": ("Ischemic heart disease", "缺血性心脏病"),
    "stroke_survivor": ("Stroke survivor", "脑卒中后"),
    "ckd": ("Chronic kidney disease", "慢性肾病"),
    "cancer": ("Cancer within five years", "恶性肿瘤（5年内）"),
    "mental_disorder": ("Mental disorder", "精神障碍"),
}
PACK_COMPONENTS = ("drug", "diagnostics", "supplies", "service")
ASSUMED = "project-assumption"

# --- judged numbers, beside those in china_county_judged.csv ------------------------------------
# groups only people with the condition can have: others' hazard is a millionth of theirs
BELONGS = {"hypertension", "diabetes", "copd", "ckd", "cancer", "mental"}
BELONGS_RATIO = 1e6
# further specific ratios, average case over nobody's case
SPECIFIC: dict[str, dict[str, float]] = {
    "bronchitis_asthma": {"copd": 2.0},
    "pneumonia_adult": {"copd": 2.5, "stroke_survivor": 2.0, "diabetes": 1.4},
    "ihd_angina": {
        "ischaemic_heart_disease": 7.0,
        "hypertension": 1.5,
        "diabetes": 1.6,
        "ckd": 1.2,
    },
    "ami": {"ischaemic_heart_disease": 6.0, "hypertension": 1.6, "diabetes": 1.7},
    "heart_failure": {
        "ischaemic_heart_disease": 8.0,
        "hypertension": 1.6,
        "diabetes": 1.5,
        "copd": 1.8,
    },
    "stroke_ischaemic": {
        "stroke_survivor": 5.0,
        "hypertension": 1.8,
        "diabetes": 1.6,
        "ischaemic_heart_disease": 1.5,
    },
    "stroke_haemorrhagic": {"stroke_survivor": 4.0, "hypertension": 2.5},
    "cerebro_other": {"stroke_survivor": 2.5, "hypertension": 1.4},
    "ckd": {"hypertension": 1.5, "diabetes": 1.6},
    "uti_stone": {"diabetes": 1.4},
    "cataract_eye": {"diabetes": 1.6},
}
# multiplier on the hazard when the condition is controlled
CONTROLLED: dict[str, dict[str, float]] = {
    # Own admissions: 20 mmHg as for ischaemic stroke (the pack's row), and one point of HbA1c as
    # for microvascular events (UKPDS 35, https://doi.org/10.1136/bmj.321.7258.405).
    "hypertension": {"hypertension": 0.59},
    "diabetes": {"diabetes": 0.63},
    "copd": {"copd": 0.75},
    "bronchitis_asthma": {"copd": 0.75},
    "pneumonia_adult": {"copd": 0.75},
    "ihd_angina": {"hypertension": 0.58, "diabetes": 0.80, "ischaemic_heart_disease": 0.70},
    "ami": {"hypertension": 0.58, "diabetes": 0.80, "ischaemic_heart_disease": 0.70},
    "heart_failure": {
        "hypertension": 0.58,
        "diabetes": 0.80,
        "ischaemic_heart_disease": 0.70,
        "copd": 0.75,
    },
    "stroke_ischaemic": {"hypertension": 0.59, "stroke_survivor": 0.75},
    "stroke_haemorrhagic": {"hypertension": 0.35, "stroke_survivor": 0.75},
    "cerebro_other": {"stroke_survivor": 0.75},
    "ckd": {"diabetes": 0.65, "ckd": 0.80},
    "mental": {"mental_disorder": 0.70},
}
WOMEN_FERTILE = {"delivery", "caesarean"}
WOMEN = {"gyn_obstetric"}


# --- the pack ------------------------------------------------------------------------------------


class Pack(LongTables):
    """The county rows of the raw long tables."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, scope="county")

    def by_age(self, rows: Iterable[Row], outside: float = 0.0) -> Floats:
        """A step function of single age from rows with age bands."""
        values = np.full(AGES, outside)
        for row in rows:
            inside = (int(row["age_low"]) <= AGE) & (int(row["age_high"]) >= AGE)
            values[inside] = float(row["value"])
        return values


def age_shares(pack: Pack) -> Floats:
    """Shares by single age and sex: even inside a band, geometric decay from 85 on."""
    shares = np.zeros((AGES, 2))
    for column, sex in enumerate(("male", "female")):
        hazard = pack.by_age(
            [
                r
                for r in pack.tables["population"]
                if r["variable"] == "mortality_hazard" and r["sex"] == sex
            ]
        )
        for row in pack.rows("population", variable="population_share", sex=sex, area="all"):
            low, high = int(row["age_low"]), min(int(row["age_high"]), AGES - 1)
            if low >= 85:
                # survivorship of a stationary population is geometric at a constant hazard
                decay = np.exp(-np.concatenate([[0.0], np.cumsum(hazard[low:high])]))
            else:
                decay = np.ones(high - low + 1)
            shares[low : high + 1, column] = float(row["value"]) * decay / decay.sum()
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def mortality(pack: Pack) -> Floats:
    """National hazard by age and sex times the county's multiplier."""
    hazard = np.stack(
        [
            pack.by_age(
                [
                    r
                    for r in pack.tables["population"]
                    if r["variable"] == "mortality_hazard" and r["sex"] == sex
                ]
            )
            for sex in ("male", "female")
        ],
        axis=1,
    )
    return hazard * pack.by_age(pack.rows("population", variable="mortality_multiplier"))[:, None]


# --- step 1: rates by age ------------------------------------------------------------------------


def rate_shapes(pack: Pack, shares: Floats, prevalence: Floats) -> Floats:
    """Relative episode rate of each group by age and sex before the common tilt."""
    by_age = shares.sum(axis=1)
    bands = [(0, 14), (15, 64), (65, 100)]
    shapes = []
    for row in pack.tables["casemix"]:
        ratios = [float(row[f"rate_ratio_{k}"]) for k in ("child_0_14", "adult_15_64", "elder_65")]
        group = row["id"]
        curve = np.zeros(AGES)
        if group in WOMEN_FERTILE:
            # fertility by age: a bell around 28 years
            curve = np.where((AGE >= 15) & (AGE <= 49), np.exp(-0.5 * ((AGE - 28) / 5.5) ** 2), 0)
        else:
            # a straight line in the log through the three band middles, flat beyond them
            logs = np.log(np.maximum(ratios, 0.02))
            curve = np.exp(np.interp(AGE, [7, 40, 76], logs))
            if group == "pneumonia_child":
                curve = np.exp(-AGE / 6.0)
            if group in WOMEN:
                # most of it before the menopause, half of it around pregnancy
                bell = np.exp(-0.5 * ((AGE - 29) / 5.5) ** 2)
                curve = curve * np.interp(AGE, [12, 18, 48, 54], [0.0, 1.0, 1.0, 0.5]) + 3.0 * bell
            if group in BELONGS:
                index = CONDITIONS.index(row["chronic_condition"])
                curve = prevalence[index].copy()
            for (low, high), ratio in zip(bands, ratios, strict=True):
                inside = (low <= AGE) & (high >= AGE)
                mean = np.average(curve[inside], weights=by_age[inside])
                curve[inside] *= ratio / mean if mean > 0 else 0.0
        both = np.stack([curve, curve], axis=1)
        if group in WOMEN_FERTILE or group in WOMEN:
            both[:, 0] = 0.0
            both[:15] = 0.0
        shapes.append(both)
    return np.array(shapes)


def rates_by_age(
    shapes: Floats, episodes: Floats, visits: Floats, beds: Floats, shares: Floats, pack: Pack
) -> Floats:
    """Episodes per person-year by group, age and sex, meeting visits and admissions by age.

    The tilt is ``exp(m(age) + n(age) b_g)``, b_g the square root of admissions per episode, m and
    n piecewise linear with one knot for each age band of the pack; n is held small, so visits are
    met and admissions nearly.
    """
    visit_rows = pack.rows("utilization", measure="visits_per_person", tier="all", scheme="all")
    stay_rows = pack.rows("utilization", measure="admission_rate", tier="all", scheme="all")
    visit_rows = [r for r in visit_rows if r["age_low"]]
    stay_rows = [r for r in stay_rows if r["age_low"]]
    bands = [(int(r["age_low"]), min(int(r["age_high"]), 100)) for r in visit_rows]
    middles = [(low + min(high, 88)) / 2 for low, high in bands]
    targets = np.array([float(r["value"]) for r in (*visit_rows, *stay_rows)])
    need = np.sqrt(beds)
    count = len(bands)

    def rates(knots: Floats) -> Floats:
        general = np.interp(AGE, middles, knots[:count])
        inpatient = np.interp(AGE, middles, knots[count:])
        raw = shapes * np.exp(
            general[None, :, None] + inpatient[None, :, None] * need[:, None, None]
        )
        total = np.einsum("gas,as->g", raw, shares)
        return np.asarray(raw * (episodes / total)[:, None, None], dtype=np.float64)

    def gaps(knots: Floats) -> Floats:
        rate = rates(knots)
        found = []
        for weight in (visits, beds):
            use = np.einsum("g,gas,as->a", weight, rate, shares)
            for low, high in bands:
                inside = slice(low, high + 1)
                found.append(use[inside].sum() / shares[inside].sum())
        # the second tilt is kept small and smooth: a young adult's heart attacks must not rise
        # because births are few
        bend = np.diff(knots[count:], 2)
        gap = np.array(found) / targets - 1
        return np.concatenate(
            [5 * gap[:count], gap[count:], 0.003 * knots[:count], 0.05 * knots[count:], 0.1 * bend]
        )

    solved = least_squares(gaps, np.zeros(2 * count))
    return rates(solved.x)


# --- step 2: chronic ratios ----------------------------------------------------------------------


def condition_ratios(
    groups: list[str],
    rate: Floats,
    visits: Floats,
    beds: Floats,
    prevalence: Floats,
    by_age: Floats,
    rr_visits: Floats,
    rr_stays: Floats,
) -> Floats:
    """Ratios (G, C) of the average case such that total use of cases is the pack's ratio."""
    belongs = np.array([g in BELONGS for g in groups])
    specific = np.ones((len(groups), len(CONDITIONS)))
    fixed = np.zeros_like(specific, dtype=bool)
    for group, ratios in SPECIFIC.items():
        for condition, ratio in ratios.items():
            position = groups.index(group), CONDITIONS.index(condition)
            specific[position], fixed[position] = ratio, True
    own = {
        "hypertension": "hypertension",
        "diabetes": "diabetes",
        "copd": "copd",
        "ckd": "ckd",
        "cancer": "cancer",
        "mental": "mental_disorder",
    }
    for group, condition in own.items():
        position = groups.index(group), CONDITIONS.index(condition)
        specific[position], fixed[position] = BELONGS_RATIO, True
    bedded = np.sqrt(beds / beds.max())
    annual = rate.mean(axis=2) if rate.ndim == 3 else rate
    general = np.ones((len(CONDITIONS), 2))

    def table() -> Floats:
        ratio = specific.copy()
        for c in range(len(CONDITIONS)):
            level = 1 + (general[c, 0] - 1) * (1 - bedded) + (general[c, 1] - 1) * bedded
            # births and a child's pneumonia do not depend on these conditions
            level = np.where(
                [g in WOMEN_FERTILE or g == "pneumonia_child" for g in groups], 1, level
            )
            ratio[:, c] = np.where(fixed[:, c], specific[:, c], level)
            ratio[belongs & ~fixed[:, c], c] = 1 + (np.sqrt(level) - 1)[belongs & ~fixed[:, c]]
        return ratio

    def found(ratio: Floats) -> tuple[Floats, Floats]:
        result = []
        for weight in (visits, beds):
            out = np.empty(len(CONDITIONS))
            for c in range(len(CONDITIONS)):
                without = annual / (1 + prevalence[c] * (ratio[:, c, None] - 1))
                cases = by_age * prevalence[c]
                with_it = (weight[:, None] * without * ratio[:, c, None] * cases).sum()
                out[c] = with_it / (weight[:, None] * without * cases).sum()
            result.append(out)
        return result[0], result[1]

    for _ in range(400):
        rr_v, rr_s = found(table())
        general[:, 0] = np.clip(1 + (general[:, 0] - 1 + 0.4 * (rr_visits - rr_v)), 1.0, 8.0)
        general[:, 1] = np.clip(1 + (general[:, 1] - 1 + 0.4 * (rr_stays - rr_s)), 1.0, 12.0)
    rr_v, rr_s = found(table())
    for c, name in enumerate(CONDITIONS):
        sys.stdout.write(
            f"  {name:24s} visits {rr_v[c]:.2f} (pack {rr_visits[c]:.2f})"
            f"  stays {rr_s[c]:.2f} (pack {rr_stays[c]:.2f})"
            f"  general {general[c, 0]:.2f} {general[c, 1]:.2f}\n"
        )
    return table()


# conditions whose cases may also end: blood pressure falls back, five years after cancer pass
ENDING = ("hypertension", "cancer")


# --- writing -------------------------------------------------------------------------------------


def main(arguments: list[str]) -> None:
    """Write every table of the region."""
    if not arguments:
        raise SystemExit("usage: python -m experiments.tables.china_county PACK [OUT]")
    folder = Path(arguments[0])
    pack = Pack(folder)
    out = Writer(Path(arguments[1]) if len(arguments) > 1 else folder.parent)
    out.folder.mkdir(parents=True, exist_ok=True)

    shares = age_shares(pack)
    by_age = shares.sum(axis=1)
    prevalence = np.array(
        [
            smooth(
                pack.by_age(rows),
                [(int(r["age_low"]), min(int(r["age_high"]), 100)) for r in rows],
                by_age,
            )
            for rows in (
                pack.rows("chronic", condition=c, measure="prevalence") for c in CONDITIONS
            )
        ]
    )
    incidence = np.array(
        [
            pack.by_age(pack.rows("chronic", condition=c, measure="incidence")) / 1000
            for c in CONDITIONS
        ]
    )
    write_card(out, pack)
    write_people(out, pack, shares)
    deaths = (mortality(pack) * shares).sum(axis=1) / by_age
    remission, rr_death = (
        np.array([first_value(pack, c, measure, default) for c in CONDITIONS])
        for measure, default in (("remission", 0.0), ("rr_death", 1.0))
    )
    incidence, remission = stay_put(
        prevalence, incidence, remission, rr_death, deaths, by_age, CONDITIONS, ENDING
    )
    write_chronic(out, pack, prevalence, incidence, remission)
    groups = write_groups(out, pack, shares, prevalence)
    write_places(out, pack, groups)
    write_constants(out, pack)


def write_card(out: Writer, pack: Pack) -> None:
    """Write the region's name card and its payers."""
    residents = int(pack.value("population", variable="residents"))
    out.table(
        "region.csv",
        ["key", "value"],
        [
            ["id", "china-county"],
            ["title_en", "A county in China"],
            ["title_zh", "中国的一个县"],
            ["currency", "CNY"],
            ["residents", residents],
        ],
    )
    share = {
        s: pack.value("insurance", scheme=s, measure="share_of_residents")
        for s in ("resident", "employee", "uninsured")
    }
    out.table(
        "payers.csv",
        ["id", "name_en", "name_zh", "share"],
        [
            ["resident-scheme", "Resident scheme", "城乡居民医保", share["resident"]],
            ["employee-scheme", "Employee scheme", "职工医保", share["employee"]],
            ["self-pay", "Not insured here", "未在本地参保", share["uninsured"]],
        ],
    )


def write_people(out: Writer, pack: Pack, shares: Floats) -> None:
    """Write people by age and sex."""
    deaths = mortality(pack)
    # quality of life without illness falls slowly with age (visual scale and EQ-5D of adults)
    utility = np.interp(AGE, [0, 20, 40, 60, 80, 100], [0.97, 0.97, 0.96, 0.93, 0.86, 0.78])
    out.table(
        "people.csv",
        ["age", "share_male", "share_female", "mortality_male", "mortality_female", "base_utility"],
        [[a, *shares[a], *deaths[a], utility[a]] for a in AGE],
    )


def first_value(pack: Pack, condition: str, measure: str, default: float) -> float:
    """The pack's number for a condition, or a default where it has none."""
    found = pack.rows("chronic", condition=condition, measure=measure)
    return float(found[0]["value"]) if found else default


def write_chronic(
    out: Writer, pack: Pack, prevalence: Floats, incidence: Floats, remission: Floats
) -> None:
    """Write chronic conditions."""
    onset = np.ones((len(CONDITIONS), len(CONDITIONS)))
    for row in pack.rows("chronic", measure="rr_of_event_if_controlled"):
        if row["other_condition"] in CONDITIONS:
            position = CONDITIONS.index(row["condition"]), CONDITIONS.index(row["other_condition"])
            onset[position] = float(row["value"])
    header = [
        "id",
        "name_en",
        "name_zh",
        "remission",
        "share_controlled",
        "rr_death_average",
        "utility_decrement",
        "control_death",
        "control_decay",
        *(f"control_event_{c}" for c in CONDITIONS),
    ]
    out.table(
        "chronic.csv",
        header,
        [
            [
                c,
                *CONDITION_NAMES[c],
                remission[i],
                first_value(pack, c, "share_controlled", 0.0),
                first_value(pack, c, "rr_death", 1.0),
                first_value(pack, c, "utility_decrement", 0.0),
                0.8,
                0.25,
                *onset[i],
            ]
            for i, c in enumerate(CONDITIONS)
        ],
    )
    ages = [f"age_{a}" for a in AGE]
    out.table(
        "chronic_age.csv",
        ["condition", "measure", *ages],
        [
            [c, measure, *values[i]]
            for i, c in enumerate(CONDITIONS)
            for measure, values in (("prevalence", prevalence), ("incidence", incidence))
        ],
    )


def write_groups(out: Writer, pack: Pack, shares: Floats, prevalence: Floats) -> list[str]:
    """Solve and write rates, ratios and seasons; return the groups' ids."""
    rows = pack.tables["casemix"]
    names = [r["id"] for r in rows]
    judged = read_judged("china_county")

    def column(name: str) -> Floats:
        return np.array([float(r[name]) for r in rows])

    visits_each = column("visits_per_episode")
    visits = column("visits_per_1000") / 1000
    visits *= 6.0 / visits.sum()  # the file's rounding
    episodes = visits / visits_each
    admissions = column("admissions_per_1000") / 1000
    admissions *= 0.175 / admissions.sum()
    wrong, unmet = column("inappropriate_admission_share"), column("unmet_admission_share")
    bed = admissions * (1 - wrong) / (1 - unmet) / episodes
    sys.stdout.write(
        f"visits {1000 * visits.sum():.1f}, episodes {1000 * episodes.sum():.1f}, "
        f"needed admissions {1000 * (episodes * bed).sum():.2f} per 1000\n"
    )
    stays_each = admissions / episodes
    shapes = rate_shapes(pack, shares, prevalence)
    rate = rates_by_age(shapes, episodes, visits_each, stays_each, shares, pack)

    by_age = shares.sum(axis=1)
    both = np.einsum("gas,as->ga", rate, shares) / by_age
    ratio = condition_ratios(
        names,
        both,
        visits_each,
        stays_each,
        prevalence,
        by_age,
        np.array([pack.value("chronic", condition=c, measure="rr_visits") for c in CONDITIONS]),
        np.array([pack.value("chronic", condition=c, measure="rr_admission") for c in CONDITIONS]),
    )
    control = np.ones_like(ratio)
    for group, ratios in CONTROLLED.items():
        for condition, value in ratios.items():
            control[names.index(group), CONDITIONS.index(condition)] = value

    ages = [f"age_{a}" for a in AGE]
    out.table(
        "rates.csv",
        ["group", "sex", *ages],
        [
            [g, sex, *(rate[i, :, s] / 12)]
            for i, g in enumerate(names)
            for s, sex in enumerate(("male", "female"))
        ],
    )
    out.table(
        "condition_ratio.csv",
        ["group", "measure", *CONDITIONS],
        [
            [g, measure, *values[i]]
            for i, g in enumerate(names)
            for measure, values in (("average_case", ratio), ("controlled", control))
        ],
    )
    out.table(
        "season.csv",
        ["group", *(f"month_{m}" for m in range(1, 13))],
        [
            [g, *(1 + a * math.cos(2 * math.pi * (m - peak) / 12) for m in range(1, 13))]
            for g in names
            for a, peak in [
                (float(judged[g]["season_amplitude"]), int(judged[g]["season_peak_month"]))
            ]
        ],
    )
    weight = column("cost_weight")
    visit_weight = weight**0.35
    visit_weight /= (visits * visit_weight).sum() / visits.sum()
    write_group_rows(out, rows, judged, bed, visits_each, weight, visit_weight)
    return names


def write_group_rows(
    out: Writer,
    rows: list[Row],
    judged: dict[str, Row],
    bed: Floats,
    visits_each: Floats,
    weight: Floats,
    visit_weight: Floats,
) -> None:
    """Write the clinical groups, one row each."""
    practice = {"necessary": 31.0, "ordinary": 24.0, "discretionary": 18.0}
    hospital = {"necessary": 20.0, "ordinary": 14.0, "discretionary": 8.0}
    day = {"necessary": 5.5, "ordinary": 4.75, "discretionary": 4.0}
    lost = {"necessary": 0.9, "ordinary": 0.5, "discretionary": 0.15}
    lines = []
    for i, row in enumerate(rows):
        judgement = judged[row["id"]]
        kind, low = judgement["care_class"], judgement["low_value_component"]
        planned = judgement["is_elective"] == "1"
        at_practice = 7.0 if planned else practice[kind]
        at_hospital = 2.4 if planned else hospital[kind]
        in_bed = 6.0 if planned else hospital[kind]
        kappa = lost[kind]
        lines.append(
            [
                row["id"],
                american(row["name_en"]),
                row["name_zh"],
                row["chronic_condition"],
                bed[i],
                row["share_visits_primary_treatable"],
                row["share_admissions_township_treatable"],
                row["acs_oecd_share"],
                planned,
                visits_each[i],
                weight[i],
                *(row[f"weight_ratio_level{k}"] for k in (1, 2, 3)),
                row["los_days"],
                1,
                row["los_ratio_level2"],
                row["los_ratio_level3"],
                *(row[f"share_level{k}"] for k in (1, 2, 3)),
                row["readmission_30_days"],
                row["inappropriate_admission_share"],
                row["unmet_admission_share"],
                visit_weight[i],
                0.5,
                kind,
                *([at_practice] * 4),
                at_hospital,
                2.4,
                at_hospital,
                at_hospital,
                in_bed,
                4.0,
                in_bed,
                in_bed,
                day[kind],
                kappa,
                0.6 * kappa,
                kappa,
                kappa,
                judgement["admission_health"],
                low,
                judgement["low_value_units"],
                judgement["low_value_base"],
                LOW_VALUE_HARM[low],
                *(judgement[f"fatality_level{k}"] for k in (1, 2, 3)),
                judgement["worsening"],
                judgement["self_limiting"],
                judgement["utility_loss"],
            ]
        )
    out.table("groups.csv", GROUP_COLUMNS, lines)


def write_places(out: Writer, pack: Pack, groups: list[str]) -> None:
    """Providers, zones and travel."""

    def pro(provider: str, measure: str) -> float:
        return pack.value("providers", provider=provider, measure=measure)

    def use(measure: str, tier: str) -> float:
        return pack.value("utilization", measure=measure, tier=tier)

    def price(measure: str, tier: str) -> float:
        return pack.value("prices", measure=measure, tier=tier)

    def charge_shares(tier: str, setting: str) -> Floats:
        return np.array(
            [
                pack.value("prices", measure="charge_share", tier=tier, component=f"{setting}:{c}")
                for c in PACK_COMPONENTS
            ]
        )

    residents = pack.value("population", variable="residents")
    # Townships of three sizes: three central, seven middling, ten small.
    size = np.array([1.9] * 3 + [1.1] * 7 + [0.66] * 10)
    seat = 0.26
    rural = (1 - seat) * size / size.sum()
    town_share = pack.value("population", variable="share_urban", area="town")
    # townships that are towns (zhen), as near the measured share of town residents as possible
    is_town = np.zeros(20, dtype=bool)
    remaining = town_share - seat
    for i in range(20):
        if rural[i] <= remaining + 0.5 * rural[-1]:
            is_town[i] = True
            remaining -= rural[i]
    rural[is_town] *= (town_share - seat) / rural[is_town].sum()
    rural[~is_town] *= (1 - town_share) / rural[~is_town].sum()

    # Rings around the seat; the mean distance over all residents is the pack's.
    angle = 2 * np.pi * np.arange(20) * 0.381966
    ring = np.array(
        [14, 20, 27, 10, 16, 20, 24, 29, 33, 26, 12, 18, 23, 28, 32, 36, 40, 44, 35, 21]
    )
    mean_km = pro("county_general_hospital", "distance")
    ring = ring * (mean_km - seat * 3.0) / (rural @ ring)
    mean_minutes = pro("county_general_hospital", "travel_time")
    x, y = ring * np.cos(angle), ring * np.sin(angle)
    seat_x, seat_y = np.array([1.5, -1.5, 1.5, -1.5]), np.array([1.5, 1.5, -1.5, -1.5])
    zx, zy = np.concatenate([x, seat_x]), np.concatenate([y, seat_y])
    share = np.concatenate([rural, np.full(4, seat / 4)])

    codes = [f"township-{i + 1:02d}" for i in range(20)] + [f"town-{i + 1}" for i in range(4)]
    zone_rows = []
    for i, code in enumerate(codes):
        if i < 20:
            names = (f"Township {i + 1}", f"{i + 1}号乡镇")
        else:
            names = (f"County seat, quarter {i - 19}", f"县城第{i - 19}片区")
        zone_rows.append(
            [code, *names, share[i], bool(is_town[i]) if i < 20 else True, code, zx[i], zy[i]]
        )
    out.table(
        "zones.csv",
        ["id", "name_en", "name_zh", "share", "is_town", "home_practice", "x_km", "y_km"],
        zone_rows,
    )

    township_visits = use("visits_per_person", "township_centre")
    village_visits = use("visits_per_person", "village_clinic")
    network_visits = (township_visits + village_visits) * residents
    beds_total = pro("township_centre", "number") * pro("township_centre", "beds_each")
    clinics = pro("village_clinic", "number")
    price_t, price_v = (
        price("cost_per_visit", "township_centre"),
        price("cost_per_visit", "village_clinic"),
    )
    spend_t, spend_v = township_visits * price_t, village_visits * price_v
    network_charge = (spend_t + spend_v) / (township_visits + village_visits)
    network_out = (
        spend_t * charge_shares("township_centre", "outpatient")
        + spend_v * charge_shares("village_clinic", "outpatient")
    ) / (spend_t + spend_v)
    network_grant = (
        spend_t * price("budget_share_of_income", "township_centre")
        + spend_v * price("budget_share_of_income", "village_clinic")
    ) / (spend_t + spend_v)
    township_capacity = pro("township_centre", "number") * pro(
        "township_centre", "capacity_visits_each"
    ) + clinics * pro("village_clinic", "capacity_visits_each")
    doctors_village = float(
        next(r["value"] for r in pack.tables["providers"] if r["measure"] == "doctors_each")
    )
    township_doctors = (
        pro("township_centre", "number") * pro("township_centre", "physicians_each")
        + clinics * doctors_village
    )
    network_share = rural / rural.sum()
    # skill in strata: the middle quantiles of a log-normal with sd .1, shuffled by a fixed step
    quantiles = (np.arange(24) + 0.5) / 24
    spread = np.exp(0.1 * np.array([_normal_quantile(q) for q in quantiles]))
    spread = spread[(np.arange(24) * 7) % 24] / spread.mean()

    covered_out = pack.value("insurance", measure="covered_share_of_outpatient_charges")
    covered_in = {
        t: pack.value("insurance", measure="covered_share_of_inpatient_charges", tier=t)
        for t in (
            "township_centre",
            "county_hospital",
            "tertiary_outside_county",
            "private_hospital",
        )
    }
    grade = {
        "secondary": pack.value("insurance", measure="hospital_grade_coefficient_secondary"),
        "practice": pack.value("insurance", measure="hospital_grade_coefficient_primary"),
        "tertiary": 1.0,
    }
    style = pro("all", "style_dispersion")
    cost = [1.0, 0.6, 0.9, 1.15]
    rows: list[list[object]] = []

    def add(
        code: str,
        en: str,
        zh: str,
        kind: str,
        type_: str,
        *,
        private: bool = False,
        outside: bool = False,
        beds: float,
        capacity: float,
        doctors: float,
        charge: float,
        weight_charge: float,
        out_shares: Floats,
        in_shares: Floats,
        covered: float,
        grant: float,
        margin: float,
        skill: float = 1.0,
        visits: float,
        stays: float,
        days: float,
        mix: float,
        only: str = "",
        excluded: str = "",
    ) -> None:
        rows.append(
            [
                code,
                en,
                zh,
                kind,
                type_,
                private,
                outside,
                round(beds),
                round(capacity / 12),
                round(doctors),
                grade[kind],
                charge,
                weight_charge,
                *out_shares,
                *in_shares,
                0.45,
                *cost,
                *cost,
                0.45,
                covered_out,
                covered,
                grant,
                margin,
                skill,
                style,
                visits,
                stays,
                days,
                mix,
                only,
                excluded,
            ]
        )

    township_in = charge_shares("township_centre", "inpatient")
    severe = "delivery caesarean joint_replacement cataract_eye"
    stays_township = use("admission_rate", "township_centre") * residents
    for i in range(20):
        add(
            codes[i],
            f"Township {i + 1} health center and village clinics",
            f"{i + 1}号乡镇卫生院和村卫生室",
            "practice",
            "township",
            beds=beds_total * network_share[i],
            capacity=township_capacity * network_share[i],
            doctors=township_doctors * network_share[i],
            charge=network_charge,
            weight_charge=price("cost_per_weight", "township_centre"),
            out_shares=network_out,
            in_shares=township_in,
            covered=covered_in["township_centre"],
            grant=network_grant,
            margin=price("operating_margin", "township_centre"),
            skill=float(spread[i]),
            visits=network_visits * network_share[i],
            stays=stays_township * network_share[i],
            days=use("length_of_stay", "township_centre"),
            mix=price("case_mix_index", "township_centre"),
            excluded=severe,
        )
    town_visits = use("visits_per_person", "community_and_private_clinics") * residents
    for i in range(4):
        private = i == 3
        add(
            codes[20 + i],
            "Private clinics of the county seat" if private else f"Community health center {i + 1}",
            "县城诊所" if private else f"第{i + 1}社区卫生服务中心",
            "practice",
            "clinics" if private else "community",
            private=private,
            beds=0,
            capacity=1.6 * town_visits / 4,
            doctors=(95 * 1.6 if private else 36),
            charge=price("cost_per_visit", "community_and_private_clinics"),
            weight_charge=price("cost_per_weight", "township_centre"),
            out_shares=charge_shares("township_centre", "outpatient"),
            in_shares=township_in,
            covered=covered_in["township_centre"],
            grant=0.0 if private else 0.3,
            margin=0.05 if private else 0.01,
            skill=float(spread[20 + i]),
            visits=town_visits / 4,
            stays=0,
            days=0,
            mix=0,
            excluded=severe,
        )
    county_out = charge_shares("county_level_hospital", "outpatient")
    county_in = charge_shares("county_level_hospital", "inpatient")
    county_charge = price("cost_per_visit", "county_level_hospital")

    def hospital(
        code: str,
        en: str,
        zh: str,
        pack_name: str,
        tier: str,
        type_: str,
        *,
        visits: float,
        stays: float,
        beds: float,
        doctors: float,
        charge: float,
        grant: float,
        margin: float,
        private: bool = False,
        covered: float,
        skill: float = 1.0,
        only: str = "",
        excluded: str = "",
    ) -> None:
        del pack_name
        add(
            code,
            en,
            zh,
            "secondary",
            type_,
            private=private,
            beds=beds,
            capacity=1.35 * visits,
            doctors=doctors,
            charge=charge,
            weight_charge=price("cost_per_weight", tier),
            out_shares=county_out,
            in_shares=county_in,
            covered=covered,
            grant=grant,
            margin=margin,
            skill=skill,
            visits=visits,
            stays=stays,
            days=use("length_of_stay", tier),
            mix=price("case_mix_index", tier),
            only=only,
            excluded=excluded,
        )

    general, tcm, small = (
        "county_general_hospital",
        "county_tcm_hospital",
        "county_private_hospital",
    )
    other, child = "county_other_public_hospital", "county_maternal_child"
    in_county = covered_in["county_hospital"]
    hospital(
        "county-general",
        "County general hospital",
        "县人民医院",
        general,
        general,
        "county",
        visits=pro(general, "visits_each"),
        stays=use("admission_rate", general) * residents,
        beds=pro(general, "beds_each"),
        doctors=pro(general, "physicians_each"),
        charge=county_charge,
        grant=price("budget_share_of_income", general),
        margin=price("operating_margin", general),
        covered=in_county,
        skill=1.1,
    )
    hospital(
        "county-tcm",
        "County hospital of Chinese medicine",
        "县中医院",
        tcm,
        tcm,
        "county",
        visits=pro(tcm, "visits_each"),
        stays=use("admission_rate", tcm) * residents,
        beds=pro(tcm, "beds_each"),
        doctors=pro(tcm, "physicians_each"),
        charge=county_charge,
        grant=price("budget_share_of_income", tcm),
        margin=price("operating_margin", tcm),
        covered=in_county,
        excluded="delivery caesarean",
    )
    count = int(pro(small, "number"))
    for i in range(count):
        # beds from small to large around the mean, so that four hospitals are not one
        factor = (0.7, 0.9, 1.1, 1.3)[i % 4]
        hospital(
            f"private-{i + 1}",
            f"Private hospital {i + 1}",
            f"民营医院{i + 1}",
            small,
            small,
            "private",
            private=True,
            visits=pro(small, "visits_each") * factor,
            stays=use("admission_rate", small) * residents / count * factor,
            beds=pro(small, "beds_each") * factor,
            doctors=pro(small, "physicians_each") * factor,
            charge=county_charge,
            grant=0.0,
            margin=price("operating_margin", small),
            covered=covered_in["private_hospital"],
            skill=0.95,
            excluded="ami stroke_haemorrhagic cancer",
        )
    hospital_level = use("visits_per_person", "county_level_hospital") * residents
    rest = hospital_level - (
        pro(general, "visits_each") + pro(tcm, "visits_each") + count * pro(small, "visits_each")
    )
    hospital(
        "county-other",
        "Second public hospital (mental and infectious)",
        "县其他公立医院",
        other,
        other,
        "county",
        visits=rest,
        stays=use("admission_rate", other) * residents,
        beds=pro(other, "beds_each"),
        doctors=50,
        charge=county_charge,
        grant=0.15,
        margin=0.0,
        covered=in_county,
        only="mental other pneumonia_adult copd",
    )
    mother = "maternal_child_and_other"
    hospital(
        "maternal-child",
        "Maternal and child health hospital",
        "县妇幼保健院",
        child,
        mother,
        "maternal",
        visits=use("visits_per_person", mother) * residents,
        stays=use("admission_rate", mother) * residents,
        beds=pro(child, "beds_each"),
        doctors=45,
        charge=price("cost_per_visit", mother),
        grant=0.2,
        margin=0.0,
        covered=in_county,
        only="delivery caesarean gyn_obstetric pneumonia_child urti bronchitis_asthma",
    )
    # Tertiary hospitals outside: four fifths of their use is in the prefecture city.
    far, far_other = "tertiary_outside_county", "other_hospital_outside_county"
    tertiary_out, tertiary_in = charge_shares(far, "outpatient"), charge_shares(far, "inpatient")
    visits_far, stays_far = use("visits_per_person", far), use("admission_rate", far)
    visits_else, stays_else = use("visits_per_person", far_other), use("admission_rate", far_other)
    city = 0.8
    share_here = pro("prefecture_tertiary_hospital", "share_of_use_from_this_county")
    far_grant, far_margin = price("budget_share_of_income", far), price("operating_margin", far)
    add(
        "prefecture-tertiary",
        "Tertiary hospitals of the prefecture city",
        "地级市三级医院",
        "tertiary",
        "prefecture",
        outside=True,
        beds=pro("prefecture_tertiary_hospital", "number")
        * pro("prefecture_tertiary_hospital", "beds_each")
        * share_here,
        capacity=1.5 * city * visits_far * residents,
        doctors=900 * share_here * 3,
        charge=price("cost_per_visit", far),
        weight_charge=price("cost_per_weight", far),
        out_shares=tertiary_out,
        in_shares=tertiary_in,
        covered=covered_in[far],
        skill=1.25,
        visits=city * visits_far * residents,
        stays=city * stays_far * residents,
        days=use("length_of_stay", far),
        mix=price("case_mix_index", far),
        grant=far_grant,
        margin=far_margin,
    )
    visits_out = (1 - city) * visits_far + visits_else
    stays_out = (1 - city) * stays_far + stays_else
    weights_far = (1 - city) * stays_far * price("case_mix_index", far)
    weights_else = stays_else * price("case_mix_index", far_other)
    days_out = (
        (1 - city) * stays_far * use("length_of_stay", far)
        + stays_else * use("length_of_stay", far_other)
    ) / stays_out
    add(
        "beyond-county",
        "Provincial tertiary and other hospitals outside the county",
        "省级三级及县外其他医院",
        "tertiary",
        "outside",
        outside=True,
        beds=stays_out * residents * days_out / 365 / 0.7,
        capacity=1.5 * visits_out * residents,
        doctors=120,
        charge=(
            (1 - city) * visits_far * price("cost_per_visit", far)
            + visits_else * price("cost_per_visit", far_other)
        )
        / visits_out,
        weight_charge=(
            weights_far * price("cost_per_weight", far)
            + weights_else * price("cost_per_weight", far_other)
        )
        / (weights_far + weights_else),
        out_shares=tertiary_out,
        in_shares=tertiary_in,
        covered=covered_in[far],
        skill=1.35,
        visits=visits_out * residents,
        stays=stays_out * residents,
        days=days_out,
        mix=(weights_far + weights_else) / stays_out,
        grant=far_grant,
        margin=far_margin,
    )
    out.table("providers.csv", PROVIDER_COLUMNS, rows)

    ids = [str(r[0]) for r in rows]
    # Own practice: village clinic and township center weighted by visits; minutes by distance else.
    own_minutes = (
        village_visits * pro("village_clinic", "travel_time")
        + township_visits * pro("township_centre", "travel_time")
    ) / (village_visits + township_visits)
    km_seat = np.hypot(zx, zy)
    rural_mean = (mean_minutes - seat * 10.0) / (1 - seat)
    to_seat = np.where(np.arange(24) < 20, km_seat, 0.0)
    slope = (rural_mean - 12.0) / ((rural @ to_seat[:20]) / rural.sum())
    minutes = np.zeros((24, len(ids)))
    city_mean = pro("prefecture_tertiary_hospital", "travel_time")
    far_mean = pro("provincial_tertiary_hospital", "travel_time")
    for z in range(24):
        seat_time = 12.0 + slope * to_seat[z] if z < 20 else 10.0
        for p, code in enumerate(ids):
            if p == z:
                # larger townships have longer ways inside
                minutes[z, p] = own_minutes * (size[z] ** 0.25 if z < 20 else 0.9)
            elif p < 20:
                minutes[z, p] = 14.0 + 1.6 * math.hypot(zx[z] - zx[p], zy[z] - zy[p])
            elif p < 24:
                minutes[z, p] = seat_time if z < 20 else 14.0
            elif code in ("prefecture-tertiary", "beyond-county"):
                minutes[z, p] = 0.5 * seat_time
            else:
                minutes[z, p] = seat_time
    for code, mean in (("prefecture-tertiary", city_mean), ("beyond-county", far_mean)):
        p = ids.index(code)
        minutes[:, p] += mean - share @ minutes[:, p]
    out.table("travel.csv", ["zone", *ids], [[codes[z], *minutes[z]] for z in range(24)])
    unknown = {w for r in rows for cell in r[-2:] for w in str(cell).split()} - set(groups)
    if unknown:
        raise SystemExit(f"providers: unknown groups {unknown}")


def _normal_quantile(q: float) -> float:
    return NormalDist().inv_cdf(q)


def write_constants(out: Writer, pack: Pack) -> None:
    """Write the single numbers of the region (behavioral ones live in `parameters.csv`)."""
    rows: list[list[object]] = []

    def copy(name: str, en: str, zh: str, kind: str, row: Row, note: str = "") -> None:
        # a range that the pack leaves open is taken as a tenth each way
        value = float(row["value"])
        low, high = row["low"] or show(0.9 * value), row["high"] or show(1.1 * value)
        rows.append(
            [
                name,
                row["value"],
                row["unit"],
                low,
                high,
                row["source"],
                row["evidence"],
                kind,
                en,
                zh,
                note or row["note"],
            ]
        )

    def insurance(measure: str, **more: str) -> Row:
        return pack.row("insurance", measure=measure, **more)

    for k in range(1, 6):
        copy(
            f"income_fifth_{k}",
            f"Income of fifth {k}",
            f"第{k}五等分组人均可支配收入",
            "fixed",
            pack.row("population", variable="disposable_income_per_head", fifth=str(k)),
        )
    copy(
        "share_retired",
        "Retired among employee-scheme members",
        "职工医保参保人中退休人员占比",
        "fixed",
        insurance("share_retired", scheme="employee"),
    )
    copy(
        "contract_share",
        "Family-doctor contracts, all residents",
        "家庭医生签约率",
        "uncertainty",
        insurance("family_doctor_contract_share"),
    )
    copy(
        "contract_share_priority",
        "Family-doctor contracts, priority groups",
        "重点人群家庭医生签约率",
        "uncertainty",
        insurance("family_doctor_contract_share_priority"),
    )
    copy(
        "family_doctor_fee",
        "Family-doctor fee a contract",
        "家庭医生签约服务费",
        "lever",
        insurance("family_doctor_fee"),
    )
    copy(
        "poor_share",
        "Entitled to medical assistance",
        "医疗救助对象占比",
        "fixed",
        insurance("share_of_residents", scheme="poor"),
    )
    copy("birth_rate", "Births", "出生率", "fixed", pack.row("population", variable="birth_rate"))
    copy(
        "crude_death_rate",
        "Deaths as reported, for comparison",
        "报告粗死亡率（对照）",
        "fixed",
        pack.row("population", variable="crude_death_rate"),
    )
    copy(
        "price_growth",
        "Growth of charges",
        "次均费用年增长",
        "uncertainty",
        pack.row("prices", measure="growth"),
    )
    rows.append(
        [
            "income_growth",
            0.05,
            "per year",
            0.02,
            0.08,
            "recall-nbs",
            "assumed",
            "uncertainty",
            "Growth of incomes",
            "居民收入年增长",
            "disposable income per head, nominal",
        ]
    )
    copy(
        "budget_growth",
        "Growth of the regional budget",
        "区域总额预算年增长",
        "lever",
        insurance("total_budget_growth"),
    )
    copy(
        "fund_income_resident",
        "Fund income, resident scheme",
        "居民医保人均筹资",
        "fixed",
        insurance("fund_income_per_head", scheme="resident"),
    )
    copy(
        "fund_income_employee",
        "Fund income, employee scheme",
        "职工医保人均筹资",
        "fixed",
        insurance("fund_income_per_head", scheme="employee"),
    )
    copy(
        "premium_individual_resident",
        "Own premium, resident scheme",
        "居民医保个人缴费",
        "fixed",
        insurance("premium_individual", scheme="resident"),
    )
    copy(
        "fund_spending_resident",
        "Fund spending reported, resident scheme",
        "居民医保人均基金支出",
        "fixed",
        insurance("fund_spending_per_head", scheme="resident"),
        "a target of calibration",
    )
    copy(
        "fund_spending_employee",
        "Pooled fund spending, employee scheme",
        "职工医保统筹基金人均支出",
        "fixed",
        insurance("pooled_fund_spending_per_head", scheme="employee"),
    )
    copy(
        "administration_share",
        "Administration of the schemes",
        "医保经办成本占基金支出比例",
        "uncertainty",
        pack.row("prices", measure="resource_cost", component="administration_of_scheme"),
    )
    copy(
        "pharmacy_spending",
        "Drugs bought in pharmacies",
        "药店购药人均支出",
        "uncertainty",
        pack.row("prices", measure="annual_pharmacy_spending"),
    )
    grant = next(
        r
        for r in pack.tables["prices"]
        if r["measure"] == "public_health_grant" and r["year"] == "2022"
    )
    copy(
        "public_health_grant",
        "Public-health grant a resident",
        "基本公共卫生服务经费人均补助",
        "lever",
        grant,
    )
    copy(
        "self_treatment",
        "Illness treated without a visit",
        "自我治疗比例",
        "uncertainty",
        pack.row("utilization", measure="self_treatment"),
    )
    copy(
        "waiting_days_elective",
        "Wait for a planned bed",
        "择期住院等待天数",
        "uncertainty",
        pack.row("utilization", measure="waiting_days_elective"),
    )
    rows.append(
        [
            "frailty_sd",
            1.3,
            "sd of the log multiplier",
            0.0,
            1.5,
            "project-evidence",
            "calibrated",
            "uncertainty",
            "Spread of frailty",
            "虚弱程度的离散度",
            "starting value; calibrated to the concentration of spending",
        ]
    )
    rows.append(
        [
            "value_of_qaly",
            85698,
            "CNY per QALY",
            42800,
            257000,
            "recall-nbs",
            "estimated",
            "uncertainty",
            "Analyst's value of a QALY",
            "分析者的每QALY价值",
            "one GDP per head of 2022; range half to three times; never enters behavior",
        ]
    )
    rows.append(
        [
            "value_of_hour",
            14.75,
            "CNY per hour",
            7,
            30,
            "recall-nbs",
            "assumed",
            "uncertainty",
            "Value of patients' time",
            "患者时间价值",
            "disposable income of 29500 over 2000 hours",
        ]
    )
    out.table(
        "constants.csv",
        [
            "id",
            "value",
            "unit",
            "low",
            "high",
            "source",
            "evidence",
            "kind",
            "label_en",
            "label_zh",
            "note",
        ],
        rows,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
