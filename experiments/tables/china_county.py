"""Derive the tables of the region `china-county` from its raw data pack.

Run as ``python experiments/tables/china_county.py PACK [OUT]``: reads the long tables of PACK
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
mean distances and times are those of the pack. Everything judged here is graded ``assumed``.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

Floats = NDArray[np.float64]
Row = dict[str, str]

AGES = 101
AGE = np.arange(AGES)
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
COMPONENTS = ("drugs", "diagnostics", "procedures", "labor")
PACK_COMPONENTS = ("drug", "diagnostics", "supplies", "service")
ASSUMED = "project-assumption"

# --- judged numbers by group --------------------------------------------------------------------
# care class; elective; QALYs lost if a needed admission never happens; in-hospital death
# probability by level; worsening and spontaneous recovery per month untreated; QALYs lost per
# month ill; low-value component, its units per contact, its share of contacts at baseline.
Judged = tuple[
    str, int, float, tuple[float, float, float], float, float, float, str, float, float
]
JUDGED: dict[str, Judged] = {
    "urti": ("discretionary", 0, 0.01, (0.0, 0.0001, 0.001), 0.02, 0.90, 0.004, "drugs", 0.4, 0.35),
    "bronchitis_asthma": (
        "ordinary", 0, 0.05, (0.0001, 0.0005, 0.004), 0.06, 0.60, 0.008, "drugs", 0.4, 0.35),
    "pneumonia_child": (
        "necessary", 0, 0.30, (0.0002, 0.0005, 0.003), 0.30, 0.30, 0.020, "", 0.0, 0.0),
    "pneumonia_adult": (
        "necessary", 0, 0.25, (0.002, 0.008, 0.05), 0.30, 0.30, 0.020, "", 0.0, 0.0),
    "copd": ("necessary", 0, 0.25, (0.002, 0.006, 0.03), 0.25, 0.25, 0.015, "", 0.0, 0.0),
    "hypertension": (
        "ordinary", 0, 0.04, (0.0002, 0.001, 0.006), 0.02, 0.80, 0.001, "", 0.0, 0.0),
    "diabetes": ("ordinary", 0, 0.10, (0.0005, 0.002, 0.012), 0.04, 0.70, 0.002, "", 0.0, 0.0),
    "ihd_angina": (
        "ordinary", 0, 0.12, (0.001, 0.003, 0.015), 0.12, 0.40, 0.012, "diagnostics", 0.6, 0.15),
    "ami": ("necessary", 0, 1.20, (0.02, 0.05, 0.15), 0.70, 0.05, 0.040, "", 0.0, 0.0),
    "heart_failure": (
        "necessary", 0, 0.40, (0.008, 0.02, 0.06), 0.40, 0.10, 0.025, "", 0.0, 0.0),
    "stroke_ischaemic": (
        "necessary", 0, 0.50, (0.003, 0.01, 0.05), 0.40, 0.10, 0.035, "drugs", 0.4, 0.20),
    "stroke_haemorrhagic": (
        "necessary", 0, 1.00, (0.06, 0.12, 0.30), 0.70, 0.03, 0.050, "", 0.0, 0.0),
    "cerebro_other": (
        "discretionary", 0, 0.03, (0.0001, 0.0005, 0.004), 0.05, 0.70, 0.008,
        "diagnostics", 0.6, 0.30),
    "gastritis_enteritis": (
        "ordinary", 0, 0.03, (0.0, 0.0002, 0.003), 0.04, 0.80, 0.006, "drugs", 0.3, 0.20),
    "gi_bleed_liver": (
        "necessary", 0, 0.60, (0.004, 0.012, 0.05), 0.40, 0.15, 0.022, "", 0.0, 0.0),
    "appendicitis": (
        "necessary", 0, 0.80, (0.0001, 0.0005, 0.006), 0.70, 0.10, 0.025, "", 0.0, 0.0),
    "biliary": ("ordinary", 1, 0.15, (0.0003, 0.001, 0.012), 0.20, 0.35, 0.015, "", 0.0, 0.0),
    "elective_surgery": (
        "discretionary", 1, 0.08, (0.0001, 0.0004, 0.004), 0.05, 0.10, 0.006, "", 0.0, 0.0),
    "uti_stone": ("ordinary", 0, 0.06, (0.0003, 0.001, 0.01), 0.12, 0.55, 0.010, "drugs", 0.3, 0.15),
    "ckd": ("necessary", 0, 0.35, (0.003, 0.008, 0.03), 0.30, 0.10, 0.020, "", 0.0, 0.0),
    "delivery": ("necessary", 0, 0.30, (0.00003, 0.0001, 0.001), 0.30, 0.50, 0.010, "", 0.0, 0.0),
    "caesarean": ("necessary", 0, 0.50, (0.00005, 0.0002, 0.001), 0.50, 0.20, 0.015, "", 0.0, 0.0),
    "gyn_obstetric": (
        "ordinary", 0, 0.08, (0.00005, 0.0002, 0.002), 0.08, 0.55, 0.008, "diagnostics", 0.5, 0.15),
    "fracture": ("necessary", 0, 0.35, (0.0005, 0.002, 0.015), 0.30, 0.20, 0.025, "", 0.0, 0.0),
    "minor_injury": (
        "ordinary", 0, 0.08, (0.0003, 0.001, 0.015), 0.05, 0.80, 0.010, "diagnostics", 0.6, 0.25),
    "back_joint": (
        "discretionary", 1, 0.05, (0.0, 0.0002, 0.002), 0.06, 0.45, 0.010, "diagnostics", 0.6, 0.25),
    "joint_replacement": (
        "discretionary", 1, 0.25, (0.0005, 0.002, 0.01), 0.10, 0.05, 0.020, "", 0.0, 0.0),
    "cancer": ("necessary", 0, 0.50, (0.005, 0.02, 0.06), 0.40, 0.05, 0.030, "", 0.0, 0.0),
    "cataract_eye": ("discretionary", 1, 0.15, (0.0, 0.0, 0.0005), 0.05, 0.40, 0.006, "", 0.0, 0.0),
    "mental": ("ordinary", 0, 0.12, (0.0002, 0.001, 0.006), 0.15, 0.25, 0.018, "", 0.0, 0.0),
    "ent_dental_skin": (
        "ordinary", 0, 0.03, (0.0, 0.0002, 0.002), 0.03, 0.75, 0.005, "drugs", 0.3, 0.20),
    "other": ("ordinary", 0, 0.12, (0.0005, 0.002, 0.015), 0.10, 0.60, 0.010, "diagnostics", 0.4, 0.15),
}
# the low-value service's harm: an antibiotic for a cold; needless imaging
LOW_VALUE_HARM = {"": 0.0, "drugs": 0.0002, "diagnostics": 0.0001}

# (amplitude, peak month) of a cosine year: winter for lungs and heart, summer for the gut.
SEASON: dict[str, tuple[float, int]] = {
    "urti": (0.40, 1), "bronchitis_asthma": (0.40, 1), "pneumonia_child": (0.45, 12),
    "pneumonia_adult": (0.40, 1), "copd": (0.35, 1), "hypertension": (0.08, 1),
    "ihd_angina": (0.12, 1), "ami": (0.15, 1), "heart_failure": (0.18, 1),
    "stroke_ischaemic": (0.08, 1), "stroke_haemorrhagic": (0.15, 1), "cerebro_other": (0.08, 1),
    "gastritis_enteritis": (0.25, 7), "uti_stone": (0.15, 8), "fracture": (0.06, 7),
    "minor_injury": (0.12, 7), "elective_surgery": (0.08, 7), "cataract_eye": (0.08, 5),
    "back_joint": (0.08, 12), "ent_dental_skin": (0.08, 7),
}

# groups only people with the condition can have: others' hazard is a millionth of theirs
BELONGS = {"hypertension", "diabetes", "copd", "ckd", "cancer", "mental"}
BELONGS_RATIO = 1e6
# further specific ratios, average case over nobody's case
SPECIFIC: dict[str, dict[str, float]] = {
    "bronchitis_asthma": {"copd": 2.0},
    "pneumonia_adult": {"copd": 2.5, "stroke_survivor": 2.0, "diabetes": 1.4},
    "ihd_angina": {
        "ischaemic_heart_disease": 7.0, "hypertension": 1.5, "diabetes": 1.6, "ckd": 1.2},
    "ami": {"ischaemic_heart_disease": 6.0, "hypertension": 1.6, "diabetes": 1.7},
    "heart_failure": {
        "ischaemic_heart_disease": 8.0, "hypertension": 1.6, "diabetes": 1.5, "copd": 1.8},
    "stroke_ischaemic": {
        "stroke_survivor": 5.0, "hypertension": 1.8, "diabetes": 1.6,
        "ischaemic_heart_disease": 1.5},
    "stroke_haemorrhagic": {"stroke_survivor": 4.0, "hypertension": 2.5},
    "cerebro_other": {"stroke_survivor": 2.5, "hypertension": 1.4},
    "ckd": {"hypertension": 1.5, "diabetes": 1.6},
    "uti_stone": {"diabetes": 1.4},
    "cataract_eye": {"diabetes": 1.6},
}
# multiplier on the hazard when the condition is controlled
CONTROLLED: dict[str, dict[str, float]] = {
    "hypertension": {"hypertension": 0.8},
    "diabetes": {"diabetes": 0.8},
    "copd": {"copd": 0.75},
    "bronchitis_asthma": {"copd": 0.75},
    "pneumonia_adult": {"copd": 0.75},
    "ihd_angina": {
        "hypertension": 0.58, "diabetes": 0.80, "ischaemic_heart_disease": 0.70},
    "ami": {"hypertension": 0.58, "diabetes": 0.80, "ischaemic_heart_disease": 0.70},
    "heart_failure": {
        "hypertension": 0.58, "diabetes": 0.80, "ischaemic_heart_disease": 0.70, "copd": 0.75},
    "stroke_ischaemic": {"hypertension": 0.59, "stroke_survivor": 0.75},
    "stroke_haemorrhagic": {"hypertension": 0.35, "stroke_survivor": 0.75},
    "cerebro_other": {"stroke_survivor": 0.75},
    "ckd": {"diabetes": 0.65, "ckd": 0.80},
    "mental": {"mental_disorder": 0.70},
}
WOMEN_FERTILE = {"delivery", "caesarean"}
WOMEN = {"gyn_obstetric"}


# --- the pack ------------------------------------------------------------------------------------


class Pack:
    """The raw long tables, with one way to find a number."""

    def __init__(self, folder: Path) -> None:
        self.tables = {
            file.stem: list(csv.DictReader(file.open(encoding="utf-8", newline="")))
            for file in sorted(folder.glob("*.csv"))
        }

    def rows(self, table: str, **same: str) -> list[Row]:
        """County rows whose cells equal ``same``."""
        return [
            row
            for row in self.tables[table]
            if row.get("scope", "county") == "county"
            and all(row.get(k, "") == v for k, v in same.items())
        ]

    def row(self, table: str, **same: str) -> Row:
        """The one county row whose cells equal ``same``."""
        found = self.rows(table, **same)
        if len(found) != 1:
            raise SystemExit(f"{table}: {len(found)} rows for {same}")
        return found[0]

    def value(self, table: str, **same: str) -> float:
        return float(self.row(table, **same)["value"])

    def by_age(self, rows: Iterable[Row], outside: float = 0.0) -> Floats:
        """A step function of single age from rows with age bands."""
        values = np.full(AGES, outside)
        for row in rows:
            inside = (int(row["age_low"]) <= AGE) & (int(row["age_high"]) >= AGE)
            values[inside] = float(row["value"])
        return values


def smooth(step: Floats, bands: list[tuple[int, int]], weight: Floats) -> Floats:
    """Connect band means by straight lines through band middles, keeping every band's mean."""
    middles = [(low + min(high, 90)) / 2 for low, high in bands]
    targets = np.array([step[low] for low, _ in bands])
    knots = targets.copy()
    members = [(low <= AGE) & (high >= AGE) for low, high in bands]
    for _ in range(200):
        curve = np.interp(AGE, middles, knots)
        means = np.array([np.average(curve[m], weights=weight[m] + 1e-12) for m in members])
        knots = np.maximum(knots * targets / np.maximum(means, 1e-12), 0)
    return np.interp(AGE, middles, knots)


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
    return shares / shares.sum()


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
        ratios = [
            float(row[f"rate_ratio_{k}"]) for k in ("child_0_14", "adult_15_64", "elder_65")
        ]
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
        raw = shapes * np.exp(general[None, :, None] + inpatient[None, :, None] * need[:, None, None])
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
        return np.concatenate([
            5 * gap[:count], gap[count:], 0.003 * knots[:count], 0.05 * knots[count:], 0.1 * bend,
        ])

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
        "hypertension": "hypertension", "diabetes": "diabetes", "copd": "copd", "ckd": "ckd",
        "cancer": "cancer", "mental": "mental_disorder",
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
            level = np.where([g in WOMEN_FERTILE or g == "pneumonia_child" for g in groups], 1, level)
            ratio[:, c] = np.where(fixed[:, c], specific[:, c], level)
            ratio[belongs & ~fixed[:, c], c] = 1 + (np.sqrt(level) - 1)[belongs & ~fixed[:, c]]
        return ratio

    def found(ratio: Floats) -> tuple[Floats, Floats]:
        mean = np.prod(1 + prevalence[None] * (ratio[:, :, None] - 1), axis=1)
        result = []
        for weight in (visits, beds):
            out = np.empty(len(CONDITIONS))
            for c in range(len(CONDITIONS)):
                without = annual / (1 + prevalence[c] * (ratio[:, c, None] - 1))
                cases = by_age * prevalence[c]
                with_it = (weight[:, None] * without * ratio[:, c, None] * cases).sum()
                out[c] = with_it / (weight[:, None] * without * cases).sum()
            result.append(out)
        del mean
        return result[0], result[1]

    for _ in range(400):
        rr_v, rr_s = found(table())
        general[:, 0] = np.clip(1 + (general[:, 0] - 1 + 0.4 * (rr_visits - rr_v)), 1.0, 8.0)
        general[:, 1] = np.clip(1 + (general[:, 1] - 1 + 0.4 * (rr_stays - rr_s)), 1.0, 12.0)
    rr_v, rr_s = found(table())
    for c, name in enumerate(CONDITIONS):
        print(
            f"  {name:24s} visits {rr_v[c]:.2f} (pack {rr_visits[c]:.2f})"
            f"  stays {rr_s[c]:.2f} (pack {rr_stays[c]:.2f})"
            f"  general {general[c, 0]:.2f} {general[c, 1]:.2f}"
        )
    return table()


# --- writing -------------------------------------------------------------------------------------


class Writer:
    """Write tables and remember what each column is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.columns: list[list[str]] = []

    def table(self, name: str, header: list[str], rows: Iterable[Iterable[object]]) -> None:
        with (self.folder / name).open("w", encoding="utf-8", newline="") as stream:
            out = csv.writer(stream, lineterminator="\n")
            out.writerow(header)
            out.writerows([show(cell) for cell in row] for row in rows)

    def note(
        self,
        table: str,
        column: str,
        unit: str,
        span: tuple[object, object],
        source: str,
        evidence: str,
        note: str = "",
    ) -> None:
        self.columns.append([table, column, unit, *map(show, span), source, evidence, note])


def show(cell: object) -> str:
    if isinstance(cell, bool | np.bool_):
        return str(int(cell))
    if isinstance(cell, float | np.floating):
        return f"{float(cell):.7g}"
    return str(cell)


def main(arguments: list[str]) -> None:
    """Write every table of the region."""
    if not arguments:
        raise SystemExit("usage: python experiments/tables/china_county.py PACK [OUT]")
    folder = Path(arguments[0])
    pack = Pack(folder)
    out = Writer(Path(arguments[1]) if len(arguments) > 1 else folder.parent)
    out.folder.mkdir(parents=True, exist_ok=True)

    shares = age_shares(pack)
    by_age = shares.sum(axis=1)
    prevalence = np.array([
        smooth(
            pack.by_age(rows),
            [(int(r["age_low"]), min(int(r["age_high"]), 100)) for r in rows],
            by_age,
        )
        for rows in (
            pack.rows("chronic", condition=c, measure="prevalence") for c in CONDITIONS
        )
    ])
    incidence = np.array([
        pack.by_age(pack.rows("chronic", condition=c, measure="incidence")) / 1000
        for c in CONDITIONS
    ])
    write_card(out, pack)
    write_people(out, pack, shares)
    write_chronic(out, pack, prevalence, incidence)
    groups = write_groups(out, pack, shares, prevalence)
    write_places(out, pack, groups)
    write_constants(out, pack)
    out.table(
        "columns.csv",
        ["table", "column", "unit", "low", "high", "source", "evidence", "note"],
        out.columns,
    )


def write_card(out: Writer, pack: Pack) -> None:
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
    out.note("region.csv", "residents", "persons", (400000, 800000), "census-2020-county",
             "measured", "mean of 508 counties, rounded")
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
    out.note("payers.csv", "share", "share of residents", (0.01, 0.9), "nhsa-series", "assumed",
             "resident .75-.90, employee .08-.22, not insured or insured elsewhere .01-.06")


def write_people(out: Writer, pack: Pack, shares: Floats) -> None:
    deaths = mortality(pack)
    # quality of life without illness falls slowly with age (visual scale and EQ-5D of adults)
    utility = np.interp(AGE, [0, 20, 40, 60, 80, 100], [0.97, 0.97, 0.96, 0.93, 0.86, 0.78])
    out.table(
        "people.csv",
        ["age", "share_male", "share_female", "mortality_male", "mortality_female", "base_utility"],
        [[a, *shares[a], *deaths[a], utility[a]] for a in AGE],
    )
    for sex in ("male", "female"):
        out.note("people.csv", f"share_{sex}", "share of residents", ("", ""), "census-2020-county",
                 "measured", "five-year bands spread evenly; 85 and over by the death rate; "
                 "10th and 90th percentile of counties in the pack")
        out.note("people.csv", f"mortality_{sex}", "deaths per person-year", ("", ""),
                 "un-wpp2024; nhc-2022", "estimated",
                 "national hazard x 1.1 under 65; gives a crude rate of about 9.4 per 1000 "
                 "against 8.6 reported: unresolved")
    out.note("people.csv", "base_utility", "QALY per year", (0.7, 1.0), "recall-eq5d", "assumed",
             "level by age without chronic or acute illness")


def write_chronic(out: Writer, pack: Pack, prevalence: Floats, incidence: Floats) -> None:
    def get(condition: str, measure: str, default: float) -> float:
        found = pack.rows("chronic", condition=condition, measure=measure)
        return float(found[0]["value"]) if found else default

    onset = np.ones((len(CONDITIONS), len(CONDITIONS)))
    for row in pack.rows("chronic", measure="rr_of_event_if_controlled"):
        if row["other_condition"] in CONDITIONS:
            position = CONDITIONS.index(row["condition"]), CONDITIONS.index(row["other_condition"])
            onset[position] = float(row["value"])
    header = [
        "id", "name_en", "name_zh", "remission", "share_controlled", "rr_death_average",
        "utility_decrement", "control_death", "control_decay",
        *(f"control_event_{c}" for c in CONDITIONS),
    ]
    out.table(
        "chronic.csv",
        header,
        [
            [
                c, *CONDITION_NAMES[c], get(c, "remission", 0.0), get(c, "share_controlled", 0.0),
                get(c, "rr_death", 1.0), get(c, "utility_decrement", 0.0), 0.8, 0.25,
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
    chronic = "chronic.csv"
    out.note(chronic, "remission", "per year", (0.0, 0.25), "recall-mental", "assumed",
             "mental disorder .12; cancer cases leave after five years, which is not remission")
    out.note(chronic, "share_controlled", "share of all cases", (0.01, 0.55),
             "htn-bmj-2023; diabetes-jama-2021; recall-cvd; recall-cancer; copd-cph-2018", "estimated",
             "measured for hypertension and diabetes, assumed for the others")
    out.note(chronic, "rr_death_average", "ratio", (1.1, 11), "diabetes-mortality-ckb; recall-cvd; "
             "recall-copd; recall-ckd; recall-cancer; recall-mental", "estimated",
             "average case over people without it; measured for diabetes")
    out.note(chronic, "utility_decrement", "QALY per year", (0.005, 0.28), "recall-eq5d", "assumed")
    out.note(chronic, "control_death", "ratio", (0.7, 0.95), ASSUMED, "assumed",
             "multiplier on the death ratio when controlled")
    out.note(chronic, "control_decay", "per year", (0.1, 0.5), ASSUMED, "assumed",
             "loss of control without effort")
    out.note(chronic, "control_event_*", "ratio", (0.5, 1.0), "bp-ckb-2018; recall-control",
             "estimated", "onset of the named condition when the row's condition is controlled")
    out.note("chronic_age.csv", "age_*", "share (prevalence) or per person-year at risk (incidence)",
             ("", ""), "recall-htn-survey; diabetes-jama-2021; copd-surveillance-2014; "
             "cvd-report-2021; stroke-2020; ckd-2019; cancer-2022; mental-2019", "estimated",
             "prevalence: band means of the pack joined by straight lines, incidence by bands; "
             "ranges by band in pack/chronic.csv")


def write_groups(out: Writer, pack: Pack, shares: Floats, prevalence: Floats) -> list[str]:
    rows = pack.tables["casemix"]
    names = [r["id"] for r in rows]

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
    print(f"visits {1000 * visits.sum():.1f}, episodes {1000 * episodes.sum():.1f}, "
          f"needed admissions {1000 * (episodes * bed).sum():.2f} per 1000")
    stays_each = admissions / episodes
    shapes = rate_shapes(pack, shares, prevalence)
    rate = rates_by_age(shapes, episodes, visits_each, stays_each, shares, pack)

    by_age = shares.sum(axis=1)
    both = np.einsum("gas,as->ga", rate, shares) / by_age
    ratio = condition_ratios(
        names, both, visits_each, stays_each, prevalence, by_age,
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
    out.note("rates.csv", "age_*", "episodes per person-month", ("", ""),
             "nhc-2022; nhss-elderly; recall-yearbook-diseases", "estimated",
             "level from visits and visits per episode of each group (range x 0.7 to 1.4); age "
             "shape from three ratios, tilted to visits and admissions by age; same for both "
             "sexes except births and gynecology")
    out.table(
        "condition_ratio.csv",
        ["group", "measure", *CONDITIONS],
        [
            [g, measure, *values[i]]
            for i, g in enumerate(names)
            for measure, values in (("average_case", ratio), ("controlled", control))
        ],
    )
    out.note("condition_ratio.csv", "*", "ratio of hazards", (1, BELONGS_RATIO),
             "multimorbidity-2020; bp-ckb-2018; recall-control", "assumed",
             "average_case: over people without the condition, solved so that all visits and "
             "stays give rr_visits and rr_admission; 1e6 where only people with it have the "
             "group; controlled: further multiplier under control")
    out.table(
        "season.csv",
        ["group", *(f"month_{m}" for m in range(1, 13))],
        [
            [g, *(1 + a * math.cos(2 * math.pi * (m - peak) / 12) for m in range(1, 13))]
            for g in names
            for a, peak in [SEASON.get(g, (0.0, 1))]
        ],
    )
    out.note("season.csv", "month_*", "ratio to the yearly mean", (0.5, 1.5), ASSUMED, "assumed",
             "cosine year: airways and heart peak in winter, gut and injuries in summer")
    weight = column("cost_weight")
    visit_weight = weight**0.35
    visit_weight /= (visits * visit_weight).sum() / visits.sum()
    write_group_rows(out, rows, bed, visits_each, weight, visit_weight)
    return names


def write_group_rows(
    out: Writer,
    rows: list[Row],
    bed: Floats,
    visits_each: Floats,
    weight: Floats,
    visit_weight: Floats,
) -> None:
    practice = {"necessary": 31.0, "ordinary": 24.0, "discretionary": 18.0}
    hospital = {"necessary": 20.0, "ordinary": 14.0, "discretionary": 8.0}
    day = {"necessary": 5.5, "ordinary": 4.75, "discretionary": 4.0}
    lost = {"necessary": 0.9, "ordinary": 0.5, "discretionary": 0.15}
    header = [
        "id", "name_en", "name_zh", "condition", "prob_bed", "share_primary", "share_township",
        "is_avoidable", "is_elective", "visits_per_episode", "weight",
        *(f"weight_level{k}" for k in (1, 2, 3)), "los_days",
        *(f"los_level{k}" for k in (1, 2, 3)), *(f"share_level{k}" for k in (1, 2, 3)),
        "readmission", "inappropriate", "unmet", "visit_weight", "severity_sd", "care_class",
        *(f"stake_practice_{c}" for c in COMPONENTS), *(f"stake_hospital_{c}" for c in COMPONENTS),
        *(f"stake_inpatient_{c}" for c in COMPONENTS), "stake_day",
        *(f"curvature_{c}" for c in COMPONENTS), "admission_health", "low_value_component",
        "low_value_units", "low_value_base", "low_value_harm",
        *(f"fatality_level{k}" for k in (1, 2, 3)), "worsening", "self_limiting", "utility_loss",
    ]
    lines = []
    for i, row in enumerate(rows):
        (kind, elective, missed, fatal, worse, heals, ill, low, units, base) = JUDGED[row["id"]]
        planned = bool(elective)
        at_practice = 7.0 if planned else practice[kind]
        at_hospital = 2.4 if planned else hospital[kind]
        in_bed = 6.0 if planned else hospital[kind]
        kappa = lost[kind]
        lines.append([
            row["id"], row["name_en"], row["name_zh"], row["chronic_condition"], bed[i],
            row["share_visits_primary_treatable"], row["share_admissions_township_treatable"],
            row["acs_oecd_share"], elective, visits_each[i], weight[i],
            *(row[f"weight_ratio_level{k}"] for k in (1, 2, 3)), row["los_days"],
            1, row["los_ratio_level2"], row["los_ratio_level3"],
            *(row[f"share_level{k}"] for k in (1, 2, 3)),
            row["readmission_30_days"], row["inappropriate_admission_share"],
            row["unmet_admission_share"], visit_weight[i], 0.5, kind,
            *([at_practice] * 4), at_hospital, 2.4, at_hospital, at_hospital,
            in_bed, 4.0, in_bed, in_bed, day[kind],
            kappa, 0.6 * kappa, kappa, kappa,
            missed, low, units, base, LOW_VALUE_HARM[low], *fatal, worse, heals, ill,
        ])
    out.table("groups.csv", header, lines)
    table = "groups.csv"
    mix = "recall-yearbook-diseases; yearbook-30-diseases"
    out.note(table, "prob_bed", "share of episodes", (0, 1), "recall-yearbook-diseases; "
             "inappropriate-2018; nhss-equality", "estimated",
             "admissions x (1 - inappropriate) / (1 - unmet) / episodes; 171 needed per 1000")
    out.note(table, "share_primary", "share of visits", (0, 1), "recall-yearbook-diseases", "assumed")
    out.note(table, "share_township", "share of admissions", (0, 1), "recall-yearbook-diseases",
             "assumed")
    out.note(table, "is_avoidable", "share of admissions", (0, 1), "avoidable-2015", "estimated",
             "part of the group on the OECD list")
    out.note(table, "is_elective", "yes or no", (0, 1), ASSUMED, "assumed",
             "gallstones, general elective surgery, back and joint, joint replacement, cataract; "
             "gynecology is not, being mostly urgent or of pregnancy")
    out.note(table, "visits_per_episode", "visits", ("", ""), "recall-yearbook-diseases", "assumed")
    out.note(table, "weight", "ratio to the mean stay", ("", ""), mix, "estimated",
             "range x 0.85 to 1.2 (pack/casemix.csv)")
    out.note(table, "weight_level*", "ratio to the group's mean", (0.7, 1.7), mix, "assumed")
    out.note(table, "los_days", "days", ("", ""), mix, "estimated",
             "range x 0.85 to 1.2 (pack/casemix.csv)")
    out.note(table, "los_level*", "ratio to level 1", (1, 1.7), "recall-yearbook-diseases", "assumed")
    out.note(table, "share_level*", "share of stays", (0, 1), "recall-yearbook-diseases", "assumed")
    out.note(table, "readmission", "share of discharges in 30 days", (0.005, 0.4),
             "readmission-county", "assumed")
    out.note(table, "inappropriate", "share of admissions", (0, 0.5), "inappropriate-2018", "assumed")
    out.note(table, "unmet", "share of needed admissions", (0, 0.5), "nhss-equality", "assumed")
    out.note(table, "visit_weight", "ratio to the mean visit", ("", ""), ASSUMED, "assumed",
             "weight ** .35, visit-weighted mean 1")
    out.note(table, "severity_sd", "sd of ln cost", (0.4, 0.7), "project-evidence", "assumed",
             "US data give .4-.7 within a group")
    out.note(table, "care_class", "class", ("", ""), ASSUMED, "assumed",
             "sets the stakes and the curvature")
    out.note(table, "stake_practice_*", "ratio to list price", (7, 31), "project-evidence",
             "calibrated", "starting values; elective and back pain 7")
    out.note(table, "stake_hospital_*", "ratio to list price", (2.4, 20), "project-evidence",
             "calibrated", "starting values; imaging and elective 2.4")
    out.note(table, "stake_inpatient_*", "ratio to list price", (2.4, 20), ASSUMED, "assumed",
             "as outpatient; diagnostics 4, elective 6")
    out.note(table, "stake_day", "ratio to the day's price", (4, 5.5), "project-evidence",
             "calibrated", "starting values by class")
    out.note(table, "curvature_*", "share of health at stake", (0.05, 1), ASSUMED, "assumed",
             "necessary .9, ordinary .5, discretionary .15; diagnostics 0.6 of that")
    out.note(table, "admission_health", "QALY", (0.005, 2), ASSUMED, "assumed",
             "ordered by severity; range x 0.4 to 2.5")
    out.note(table, "low_value_component", "component", ("", ""), ASSUMED, "assumed",
             "antibiotics for infections of the upper airways, needless imaging")
    out.note(table, "low_value_units", "units in a contact that has it", (0.2, 1), ASSUMED, "assumed")
    out.note(table, "low_value_base", "share of contacts", (0.05, 0.6), ASSUMED, "assumed")
    out.note(table, "low_value_harm", "QALY", (0.00002, 0.001), ASSUMED, "assumed")
    out.note(table, "fatality_level*", "probability", (0, 0.5), ASSUMED, "assumed",
             "in-hospital death if treated well; order of magnitude, range x 0.5 to 2")
    out.note(table, "worsening", "probability per month untreated", (0, 1), ASSUMED, "assumed")
    out.note(table, "self_limiting", "probability per month untreated", (0, 1), ASSUMED, "assumed")
    out.note(table, "utility_loss", "QALY per month ill", (0, 0.083), ASSUMED, "assumed",
             "range x 0.5 to 2")


def write_places(out: Writer, pack: Pack, groups: list[str]) -> None:
    """Providers, zones and travel."""

    def pro(provider: str, measure: str) -> float:
        return pack.value("providers", provider=provider, measure=measure)

    def use(measure: str, tier: str) -> float:
        return pack.value("utilization", measure=measure, tier=tier)

    def price(measure: str, tier: str) -> float:
        return pack.value("prices", measure=measure, tier=tier)

    def charge_shares(tier: str, setting: str) -> Floats:
        return np.array([
            pack.value("prices", measure="charge_share", tier=tier, component=f"{setting}:{c}")
            for c in PACK_COMPONENTS
        ])

    residents = pack.value("population", variable="residents")
    # Townships of three sizes: three central, seven middling, ten small.
    size = np.array([1.9] * 3 + [1.1] * 7 + [0.66] * 10)
    seat = 0.26
    rural = (1 - seat) * size / size.sum()
    town_share = pack.value("population", variable="share_urban", area="town")
    # zen: the townships whose people count as town residents, as near the pack's share as possible
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
    ring = np.array([14, 20, 27] + [10, 16, 20, 24, 29, 33, 26] + [12, 18, 23, 28, 32, 36, 40, 44, 35, 21])
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
        zone_rows.append([code, *names, share[i], bool(is_town[i]) if i < 20 else True,
                          code, zx[i], zy[i]])
    out.table("zones.csv",
              ["id", "name_en", "name_zh", "share", "is_town", "home_practice", "x_km", "y_km"],
              zone_rows)
    out.note("zones.csv", "share", "share of residents", (0.01, 0.12), ASSUMED, "assumed",
             "three sizes of township; county seat .26; town residents together .4858 (measured)")
    out.note("zones.csv", "is_town", "yes or no", (0, 1), "census-2020-county", "estimated",
             "the seat and the largest townships, so that the measured town share is met")
    out.note("zones.csv", "home_practice", "provider", ("", ""), ASSUMED, "assumed")
    out.note("zones.csv", "x_km", "km", (-60, 60), "readmission-county", "assumed",
             "place on rings around the seat; mean distance to the seat 22 km")
    out.note("zones.csv", "y_km", "km", (-60, 60), "readmission-county", "assumed", "as x_km")

    township_visits = use("visits_per_person", "township_centre")
    village_visits = use("visits_per_person", "village_clinic")
    network_visits = (township_visits + village_visits) * residents
    beds_total = pro("township_centre", "number") * pro("township_centre", "beds_each")
    clinics = pro("village_clinic", "number")
    price_t, price_v = price("cost_per_visit", "township_centre"), price("cost_per_visit", "village_clinic")
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
    township_capacity = (
        pro("township_centre", "number") * pro("township_centre", "capacity_visits_each")
        + clinics * pro("village_clinic", "capacity_visits_each")
    )
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
        for t in ("township_centre", "county_hospital", "tertiary_outside_county", "private_hospital")
    }
    grade = {
        "secondary": pack.value("insurance", measure="hospital_grade_coefficient_secondary"),
        "practice": pack.value("insurance", measure="hospital_grade_coefficient_primary"),
        "tertiary": 1.0,
    }
    style = pro("all", "style_dispersion")
    cost = [1.0, 0.6, 0.9, 1.15]
    header = [
        "id", "name_en", "name_zh", "kind", "type", "is_private", "outside", "beds",
        "visits_capacity", "physicians", "grade_coefficient", "visit_charge", "charge_per_weight",
        *(f"share_{s}_{c}" for s in ("outpatient", "inpatient") for c in COMPONENTS),
        "day_share",
        *(f"cost_ratio_{s}_{c}" for s in ("outpatient", "inpatient") for c in COMPONENTS),
        "day_cost_ratio", "covered_share_outpatient", "covered_share_inpatient",
        "budget_share_of_income", "operating_margin", "skill", "style_dispersion",
        "visits_baseline", "admissions_baseline", "stay_baseline", "case_mix_baseline",
        "groups_only", "groups_excluded",
    ]
    rows: list[list[object]] = []

    def add(
        code: str, en: str, zh: str, kind: str, type_: str, *, private: bool = False,
        outside: bool = False, beds: float, capacity: float, doctors: float, charge: float,
        weight_charge: float, out_shares: Floats, in_shares: Floats, covered: float, grant: float,
        margin: float, skill: float = 1.0, visits: float, stays: float, days: float, mix: float,
        only: str = "", excluded: str = "",
    ) -> None:
        rows.append([
            code, en, zh, kind, type_, private, outside, round(beds), round(capacity / 12),
            round(doctors), grade[kind], charge, weight_charge, *out_shares, *in_shares, 0.45,
            *cost, *cost, 0.45, covered_out, covered, grant, margin, skill, style,
            visits, stays, days, mix, only, excluded,
        ])

    township_in = charge_shares("township_centre", "inpatient")
    severe = "delivery caesarean joint_replacement cataract_eye"
    stays_township = use("admission_rate", "township_centre") * residents
    for i in range(20):
        add(
            codes[i], f"Township {i + 1} health center and village clinics", f"{i + 1}号乡镇卫生院和村卫生室",
            "practice", "township", beds=beds_total * network_share[i],
            capacity=township_capacity * network_share[i], doctors=township_doctors * network_share[i],
            charge=network_charge, weight_charge=price("cost_per_weight", "township_centre"),
            out_shares=network_out, in_shares=township_in, covered=covered_in["township_centre"],
            grant=network_grant, margin=price("operating_margin", "township_centre"),
            skill=float(spread[i]), visits=network_visits * network_share[i],
            stays=stays_township * network_share[i], days=use("length_of_stay", "township_centre"),
            mix=price("case_mix_index", "township_centre"), excluded=severe,
        )
    town_visits = use("visits_per_person", "community_and_private_clinics") * residents
    for i in range(4):
        private = i == 3
        add(
            codes[20 + i],
            "Private clinics of the county seat" if private else f"Community health center {i + 1}",
            "县城诊所" if private else f"第{i + 1}社区卫生服务中心",
            "practice", "clinics" if private else "community", private=private, beds=0,
            capacity=1.6 * town_visits / 4, doctors=(95 * 1.6 if private else 36),
            charge=price("cost_per_visit", "community_and_private_clinics"),
            weight_charge=price("cost_per_weight", "township_centre"),
            out_shares=charge_shares("township_centre", "outpatient"), in_shares=township_in,
            covered=covered_in["township_centre"], grant=0.0 if private else 0.3,
            margin=0.05 if private else 0.01, skill=float(spread[20 + i]), visits=town_visits / 4,
            stays=0, days=0, mix=0, excluded=severe,
        )
    county_out = charge_shares("county_level_hospital", "outpatient")
    county_in = charge_shares("county_level_hospital", "inpatient")
    county_charge = price("cost_per_visit", "county_level_hospital")

    def hospital(
        code: str, en: str, zh: str, pack_name: str, tier: str, type_: str, *, visits: float,
        stays: float, beds: float, doctors: float, charge: float, grant: float, margin: float,
        private: bool = False, covered: float, skill: float = 1.0, only: str = "",
        excluded: str = "",
    ) -> None:
        del pack_name
        add(
            code, en, zh, "secondary", type_, private=private, beds=beds, capacity=1.35 * visits,
            doctors=doctors, charge=charge, weight_charge=price("cost_per_weight", tier),
            out_shares=county_out, in_shares=county_in, covered=covered, grant=grant, margin=margin,
            skill=skill, visits=visits, stays=stays, days=use("length_of_stay", tier),
            mix=price("case_mix_index", tier), only=only, excluded=excluded,
        )

    general, tcm, small = "county_general_hospital", "county_tcm_hospital", "county_private_hospital"
    other, child = "county_other_public_hospital", "county_maternal_child"
    in_county = covered_in["county_hospital"]
    hospital(
        "county-general", "County general hospital", "县人民医院", general, general, "county",
        visits=pro(general, "visits_each"), stays=use("admission_rate", general) * residents,
        beds=pro(general, "beds_each"), doctors=pro(general, "physicians_each"),
        charge=county_charge, grant=price("budget_share_of_income", general),
        margin=price("operating_margin", general), covered=in_county, skill=1.1,
    )
    hospital(
        "county-tcm", "County hospital of Chinese medicine", "县中医院", tcm, tcm, "county",
        visits=pro(tcm, "visits_each"), stays=use("admission_rate", tcm) * residents,
        beds=pro(tcm, "beds_each"), doctors=pro(tcm, "physicians_each"), charge=county_charge,
        grant=price("budget_share_of_income", tcm), margin=price("operating_margin", tcm),
        covered=in_county, excluded="delivery caesarean",
    )
    count = int(pro(small, "number"))
    for i in range(count):
        # beds from small to large around the mean, so that four hospitals are not one
        factor = (0.7, 0.9, 1.1, 1.3)[i % 4]
        hospital(
            f"private-{i + 1}", f"Private hospital {i + 1}", f"民营医院{i + 1}", small, small,
            "private", private=True, visits=pro(small, "visits_each") * factor,
            stays=use("admission_rate", small) * residents / count * factor,
            beds=pro(small, "beds_each") * factor, doctors=pro(small, "physicians_each") * factor,
            charge=county_charge, grant=0.0, margin=price("operating_margin", small),
            covered=covered_in["private_hospital"], skill=0.95,
            excluded="ami stroke_haemorrhagic cancer",
        )
    hospital_level = use("visits_per_person", "county_level_hospital") * residents
    rest = hospital_level - (
        pro(general, "visits_each") + pro(tcm, "visits_each") + count * pro(small, "visits_each")
    )
    hospital(
        "county-other", "Second public hospital (mental and infectious)", "县其他公立医院", other, other,
        "county", visits=rest, stays=use("admission_rate", other) * residents,
        beds=pro(other, "beds_each"), doctors=50, charge=county_charge, grant=0.15, margin=0.0,
        covered=in_county, only="mental other pneumonia_adult copd",
    )
    mother = "maternal_child_and_other"
    hospital(
        "maternal-child", "Maternal and child health hospital", "县妇幼保健院", child, mother,
        "maternal", visits=use("visits_per_person", mother) * residents,
        stays=use("admission_rate", mother) * residents, beds=pro(child, "beds_each"), doctors=45,
        charge=price("cost_per_visit", mother), grant=0.2, margin=0.0, covered=in_county,
        only="delivery caesarean gyn_obstetric pneumonia_child urti bronchitis_asthma",
    )
    # Tertiary hospitals outside: four fifths of their use is in the prefecture city.
    far, far_other = "tertiary_outside_county", "other_hospital_outside_county"
    tertiary_out, tertiary_in = charge_shares(far, "outpatient"), charge_shares(far, "inpatient")
    visits_far, stays_far = use("visits_per_person", far), use("admission_rate", far)
    visits_else, stays_else = use("visits_per_person", far_other), use("admission_rate", far_other)
    city = 0.8
    share_here = pro("prefecture_tertiary_hospital", "share_of_use_from_this_county")
    common = {
        "grant": price("budget_share_of_income", far), "margin": price("operating_margin", far),
    }
    add(
        "prefecture-tertiary", "Tertiary hospitals of the prefecture city", "地级市三级医院", "tertiary",
        "prefecture", outside=True,
        beds=pro("prefecture_tertiary_hospital", "number")
        * pro("prefecture_tertiary_hospital", "beds_each") * share_here,
        capacity=1.5 * city * visits_far * residents, doctors=900 * share_here * 3,
        charge=price("cost_per_visit", far), weight_charge=price("cost_per_weight", far),
        out_shares=tertiary_out, in_shares=tertiary_in, covered=covered_in[far], skill=1.25,
        visits=city * visits_far * residents, stays=city * stays_far * residents,
        days=use("length_of_stay", far), mix=price("case_mix_index", far), **common,
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
        "outside", "Provincial tertiary and other hospitals outside the county", "省级三级及县外其他医院",
        "tertiary", "outside", outside=True, beds=stays_out * residents * days_out / 365 / 0.7,
        capacity=1.5 * visits_out * residents, doctors=120,
        charge=((1 - city) * visits_far * price("cost_per_visit", far)
                + visits_else * price("cost_per_visit", far_other)) / visits_out,
        weight_charge=(weights_far * price("cost_per_weight", far)
                       + weights_else * price("cost_per_weight", far_other))
        / (weights_far + weights_else),
        out_shares=tertiary_out, in_shares=tertiary_in, covered=covered_in[far], skill=1.35,
        visits=visits_out * residents, stays=stays_out * residents, days=days_out,
        mix=(weights_far + weights_else) / stays_out, **common,
    )
    out.table("providers.csv", header, rows)
    note_providers(out)

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
            elif code == "prefecture-tertiary":
                minutes[z, p] = 0.5 * seat_time
            elif code == "outside":
                minutes[z, p] = 0.5 * seat_time
            else:
                minutes[z, p] = seat_time
    for code, mean in (("prefecture-tertiary", city_mean), ("outside", far_mean)):
        p = ids.index(code)
        minutes[:, p] += mean - share @ minutes[:, p]
    out.table("travel.csv", ["zone", *ids], [[codes[z], *minutes[z]] for z in range(24)])
    out.note("travel.csv", "*", "minutes one way", (3, 330),
             "access-15min; access-shaanxi-2020; recall-county", "assumed",
             "means over residents: own network 11 (village clinic 8, township center 14), county "
             "hospitals 38, prefecture 80, province 180")
    unknown = {w for r in rows for cell in r[-2:] for w in str(cell).split()} - set(groups)
    if unknown:
        raise SystemExit(f"providers: unknown groups {unknown}")


def note_providers(out: Writer) -> None:
    table = "providers.csv"
    out.note(table, "beds", "beds", (40, 1400), "nhc-2022; recall-county", "estimated",
             "township beds by size of township; outside: the part that serves this county")
    out.note(table, "visits_capacity", "visits per month", ("", ""), "nhc-2022; recall-county",
             "assumed", "township 60,000 and village clinic 4,500 a year; hospitals 1.35 x, town "
             "practices 1.6 x, outside 1.5 x their visits")
    out.note(table, "physicians", "persons", ("", ""), "nhc-2022; recall-county", "assumed")
    out.note(table, "grade_coefficient", "ratio to tertiary", (0.45, 1), "recall-drg-rules",
             "estimated", "secondary .85 (.75-.95), primary .60 (.45-.75)")
    out.note(table, "visit_charge", "CNY per visit", (20, 480), "primary-cost-2020; nhc-monthly; "
             "nhc-monthly-may; recall-village", "estimated",
             "township networks: township 92 and village 38 (assumed) weighted by visits")
    out.note(table, "charge_per_weight", "CNY per stay of weight 1", (2769, 10357),
             "primary-cost-2020; nhc-monthly-may; recall-yearbook-diseases", "estimated",
             "cost per stay over the tier's case mix")
    out.note(table, "share_*", "share of charges", (0, 0.9), "nhc-2022", "assumed",
             "around the national drug shares; procedures include supplies")
    out.note(table, "day_share", "share of a stay's charge", (0.3, 0.6), ASSUMED, "assumed",
             "what scales with days, taken from the four components in proportion")
    out.note(table, "cost_ratio_*_drugs", "marginal cost over list price", (0.95, 1.05),
             "zero-markup", "assumed", "sold at cost")
    out.note(table, "cost_ratio_*_diagnostics", "marginal cost over list price", (0.4, 0.8),
             ASSUMED, "assumed", "priced above cost; much of the cost is equipment that is fixed")
    out.note(table, "cost_ratio_*_procedures", "marginal cost over list price", (0.8, 1.0), ASSUMED,
             "assumed", "supplies near cost, theater time above")
    out.note(table, "cost_ratio_*_labor", "marginal cost over list price", (0.9, 1.4), ASSUMED,
             "assumed", "consultations, nursing and surgery are priced below cost")
    out.note(table, "day_cost_ratio", "marginal cost over the day's price", (0.35, 0.6),
             "recall-cost", "assumed", "1 - fixed share .55 of a county hospital")
    out.note(table, "covered_share_outpatient", "share of charges", (0.78, 0.92), "nhsa-2022",
             "assumed")
    out.note(table, "covered_share_inpatient", "share of charges", (0.74, 0.97), "nhsa-2022",
             "estimated")
    out.note(table, "budget_share_of_income", "share of income", (0, 0.52),
             "recall-hospital-finance", "estimated", "assumed for community centers .3, second "
             "public .15, maternal and child .2")
    out.note(table, "operating_margin", "share of income", (-0.08, 0.15),
             "recall-hospital-finance", "assumed")
    out.note(table, "skill", "ratio to the reference practice", (0.75, 1.4), ASSUMED, "assumed",
             "practices: log-normal quantiles, sd .1, mean 1")
    out.note(table, "style_dispersion", "coefficient of variation", (0.08, 0.2),
             "project-evidence", "assumed")
    out.note(table, "visits_baseline", "visits per year", ("", ""), "nhc-2022", "estimated",
             "a target of calibration, never read by a rule")
    out.note(table, "admissions_baseline", "admissions per year", ("", ""),
             "nhc-2022; recall-county", "estimated", "a target of calibration")
    out.note(table, "stay_baseline", "days", (4.5, 35), "nhc-2022; recall-county", "assumed",
             "a target of calibration")
    out.note(table, "case_mix_baseline", "mean weight", (0.5, 1.9), "recall-yearbook-diseases",
             "assumed", "a target of calibration")
    out.note(table, "groups_only", "groups", ("", ""), ASSUMED, "assumed", "empty means all")
    out.note(table, "groups_excluded", "groups", ("", ""), ASSUMED, "assumed")


def _normal_quantile(q: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(q)


def write_constants(out: Writer, pack: Pack) -> None:
    """Write the single numbers of the region (behavioral ones live in `parameters.csv`)."""
    rows: list[list[object]] = []

    def copy(name: str, en: str, zh: str, kind: str, row: Row, note: str = "") -> None:
        # a range that the pack leaves open is taken as a tenth each way
        value = float(row["value"])
        low, high = row["low"] or show(0.9 * value), row["high"] or show(1.1 * value)
        rows.append([name, row["value"], row["unit"], low, high, row["source"], row["evidence"],
                     kind, en, zh, note or row["note"]])

    def insurance(measure: str, **more: str) -> Row:
        return pack.row("insurance", measure=measure, **more)

    for k in range(1, 6):
        copy(f"income_fifth_{k}", f"Income of fifth {k}", f"第{k}五等分组人均可支配收入", "fixed",
             pack.row("population", variable="disposable_income_per_head", fifth=str(k)))
    copy("share_retired", "Retired among employee-scheme members", "职工医保参保人中退休人员占比", "fixed",
         insurance("share_retired", scheme="employee"))
    copy("contract_share", "Family-doctor contracts, all residents", "家庭医生签约率", "uncertainty",
         insurance("family_doctor_contract_share"))
    copy("contract_share_priority", "Family-doctor contracts, priority groups", "重点人群家庭医生签约率",
         "uncertainty", insurance("family_doctor_contract_share_priority"))
    copy("family_doctor_fee", "Family-doctor fee a contract", "家庭医生签约服务费", "lever",
         insurance("family_doctor_fee"))
    copy("poor_share", "Entitled to medical assistance", "医疗救助对象占比", "fixed",
         insurance("share_of_residents", scheme="poor"))
    copy("birth_rate", "Births", "出生率", "fixed", pack.row("population", variable="birth_rate"))
    copy("crude_death_rate", "Deaths as reported, for comparison", "报告粗死亡率（对照）", "fixed",
         pack.row("population", variable="crude_death_rate"))
    copy("price_growth", "Growth of charges", "次均费用年增长", "uncertainty",
         pack.row("prices", measure="growth"))
    rows.append(["income_growth", 0.05, "per year", 0.02, 0.08, "recall-nbs", "assumed",
                 "uncertainty", "Growth of incomes", "居民收入年增长",
                 "disposable income per head, nominal"])
    copy("budget_growth", "Growth of the regional budget", "区域总额预算年增长", "lever",
         insurance("total_budget_growth"))
    copy("fund_income_resident", "Fund income, resident scheme", "居民医保人均筹资", "fixed",
         insurance("fund_income_per_head", scheme="resident"))
    copy("fund_income_employee", "Fund income, employee scheme", "职工医保人均筹资", "fixed",
         insurance("fund_income_per_head", scheme="employee"))
    copy("premium_individual_resident", "Own premium, resident scheme", "居民医保个人缴费", "fixed",
         insurance("premium_individual", scheme="resident"))
    copy("fund_spending_resident", "Fund spending reported, resident scheme", "居民医保人均基金支出", "fixed",
         insurance("fund_spending_per_head", scheme="resident"), "a target of calibration")
    copy("fund_spending_employee", "Pooled fund spending, employee scheme", "职工医保统筹基金人均支出",
         "fixed", insurance("pooled_fund_spending_per_head", scheme="employee"))
    copy("administration_share", "Administration of the schemes", "医保经办成本占基金支出比例", "uncertainty",
         pack.row("prices", measure="resource_cost", component="administration_of_scheme"))
    copy("pharmacy_spending", "Drugs bought in pharmacies", "药店购药人均支出", "uncertainty",
         pack.row("prices", measure="annual_pharmacy_spending"))
    grant = next(r for r in pack.tables["prices"]
                 if r["measure"] == "public_health_grant" and r["year"] == "2022")
    copy("public_health_grant", "Public-health grant a resident", "基本公共卫生服务经费人均补助", "lever", grant)
    copy("self_treatment", "Illness treated without a visit", "自我治疗比例", "uncertainty",
         pack.row("utilization", measure="self_treatment"))
    copy("waiting_days_elective", "Wait for a planned bed", "择期住院等待天数", "uncertainty",
         pack.row("utilization", measure="waiting_days_elective"))
    rows.append(["frailty_sd", 0.5, "sd of the log multiplier", 0.0, 1.0, "project-evidence",
                 "calibrated", "uncertainty", "Spread of frailty", "虚弱程度的离散度",
                 "starting value; calibrated to the concentration of spending"])
    out.table(
        "constants.csv",
        ["id", "value", "unit", "low", "high", "source", "evidence", "kind", "label_en",
         "label_zh", "note"],
        rows,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
