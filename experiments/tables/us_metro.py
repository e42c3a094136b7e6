"""Derive the tables of the region `us-metro` from its raw data pack.

Run as ``python -m experiments.tables.us_metro PACK [OUT]``: reads the tables of PACK
(`scenarios/regions/us-metro/pack`) and writes the region tables beside it (or into OUT). Knows the
pack; must not know the simulator.

What is more than copying. (1) Two payers stand for many: `medicare` has everyone aged 65 and over;
`commercial` has everyone insured below that age, so its prices are means over the privately and the
publicly insured, weighted by what each uses; `self-pay` is the uninsured. (2) List prices are the
means of what the payers allow, weighted by what their members use; a payer's price level is what
it allows over the list. (3) Clinical groups are the 32 inpatient families of the pack, with the
MS-DRG weights of fiscal year 2026, and three of outpatient care alone. Stays by group and age band
are the pack's; visits for chronic conditions are those of people treated for them; what is left of
visits at each age belongs to the three outpatient groups. (4) Office-based specialists, who are
not primary care and mostly belong to hospitals, are counted with the hospitals' outpatient
departments; visits to others than physicians are left out. (5) The map is made up: practices lie
on a disc, hospitals where they draw people nearly in proportion to their beds. What is judged
here, or in `us_metro_judged.csv` beside this file, is graded ``assumed``. What each written
column is, with unit, range, source and grade, stands in the region's `columns.csv`, kept by hand as
`courses.csv` is.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from statistics import NormalDist

import numpy as np

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

CONDITIONS = {
    "hypertension": ("Hypertension", "高血压"),
    "diabetes": ("Diabetes", "糖尿病"),
    "copd": ("Chronic obstructive pulmonary disease", "慢性阻塞性肺疾病"),
    "ihd": ("Ischemic heart disease", "缺血性心脏病"),
    "heart_failure": ("Heart failure", "心力衰竭"),
    "stroke": ("Stroke survivor", "脑卒中后"),
    "ckd": ("Chronic kidney disease", "慢性肾病"),
    "depression": ("Depression", "抑郁症"),
    "cancer": ("Cancer under treatment", "在治恶性肿瘤"),
}
NAMES = list(CONDITIONS)
OUTPATIENT_GROUPS = {
    "respiratory_upper": ("Upper respiratory infection", "上呼吸道感染"),
    "back_pain": ("Back and joint pain", "腰背与关节疼痛"),
    "ambulatory": ("Check-ups and other outpatient care", "体检与其他门诊诊疗"),
}
BANDS = [(0, 17), (18, 44), (45, 64), (65, 74), (75, 84), (85, 100)]
STAY_COLUMNS = ["0_17", "18_44", "45_64", "65_74", "75_84", "85_plus"]
VISIT_BANDS = [(0, 4), (5, 17), (18, 44), (45, 64), (65, 100)]
VISIT_NAMES = ["0-4", "5-17", "18-44", "45-64", "65+"]
TREATED_BANDS = [(18, 44), (45, 64), (65, 100)]
SENIOR = 65
BIRTHS = ("vaginal_delivery", "cesarean")

# --- judged numbers, beside those in us_metro_judged.csv -----------------------------------------
# which groups the visits of people treated for a condition belong to
TREATED = {
    "hypertension": {"hypertension": 1.0},
    "diabetes": {"diabetes": 1.0},
    "heart_disease_any": {"pci": 0.5, "heart_failure": 0.25, "arrhythmia": 0.25},
    "cerebrovascular": {"stroke": 1.0},
    "kidney_disease": {"renal_failure": 1.0},
    "mental_disorder_any": {"mental_health": 1.0},
    "cancer": {"cancer_medical": 1.0},
    "copd_asthma_other_respiratory": {"copd": 0.4, "asthma_bronchitis": 0.6},
}
# shares of the remaining visits by age band of VISIT_BANDS: respiratory, back, the rest
REST = {
    "respiratory_upper": (0.45, 0.35, 0.22, 0.15, 0.10),
    "back_pain": (0.0, 0.06, 0.20, 0.25, 0.22),
}
PRIMARY_SHARE = 0.97  # of visits of the three outpatient groups, treatable in primary care
# groups only people with the condition can have: others' hazard is a millionth of theirs
BELONGS = {
    "hypertension": "hypertension",
    "diabetes": "diabetes",
    "copd": "copd",
    "cancer_medical": "cancer",
}
BELONGS_RATIO = 1e6
SPECIFIC: dict[str, dict[str, float]] = {
    "pneumonia": {"copd": 2.5, "heart_failure": 1.8, "stroke": 1.8},
    "respiratory_infection_severe": {"copd": 2.5, "heart_failure": 1.8, "stroke": 2.0},
    "respiratory_failure": {"copd": 6.0, "heart_failure": 2.5},
    "asthma_bronchitis": {"copd": 3.0},
    "heart_failure": {
        "heart_failure": 12.0,
        "ihd": 1.8,
        "hypertension": 1.5,
        "diabetes": 1.5,
        "ckd": 1.6,
    },
    "ami": {"ihd": 4.0, "hypertension": 1.5, "diabetes": 1.8},
    "pci": {"ihd": 15.0, "hypertension": 1.4, "diabetes": 1.5},
    "cardiac_surgery": {"ihd": 10.0, "diabetes": 1.4},
    "arrhythmia": {"ihd": 2.0, "heart_failure": 3.0, "hypertension": 1.4},
    "stroke": {"stroke": 4.0, "hypertension": 1.8, "diabetes": 1.8},
    "sepsis": {"diabetes": 1.6, "ckd": 1.5, "cancer": 2.0},
    "infection_surgery": {"diabetes": 2.5},
    "uti": {"diabetes": 1.5, "stroke": 1.5},
    "renal_failure": {"ckd": 6.0, "diabetes": 1.6, "heart_failure": 1.8, "hypertension": 1.4},
    "metabolic_fluid": {"ckd": 1.8, "heart_failure": 1.8},
    "cellulitis": {"diabetes": 2.0},
    "bowel_surgery": {"cancer": 2.5},
    "mental_health": {"depression": 12.0},
    "hip_fracture": {"stroke": 1.5},
}
# everything else a case uses over someone without it: outpatient care, and groups that need beds.
# Levels: physician visits and stays by number of conditions among the elderly rise by about 1.24
# and 1.45 a condition (US-S66); conditions that are mostly silent less.
GENERAL = {
    "hypertension": (1.12, 1.15),
    "diabetes": (1.20, 1.35),
    "copd": (1.25, 1.50),
    "ihd": (1.20, 1.40),
    "heart_failure": (1.35, 1.80),
    "stroke": (1.20, 1.45),
    "ckd": (1.10, 1.25),
    "depression": (1.35, 1.40),
    "cancer": (1.30, 1.50),
}
# multiplier on the hazard when the condition is controlled: rows of the pack, by other condition
CONTROLLED: dict[str, dict[str, tuple[str, str]]] = {
    "hypertension": {"hypertension": ("hypertension", "of heart_failure")},
    "ami": {"hypertension": ("hypertension", "of ihd"), "diabetes": ("diabetes", "of ihd")},
    "pci": {
        "hypertension": ("hypertension", "of ihd"),
        "diabetes": ("diabetes", "of ihd"),
        "ihd": ("ihd", "of recurrent event"),
    },
    "stroke": {
        "hypertension": ("hypertension", "of stroke"),
        "stroke": ("stroke", "of recurrent event"),
    },
    "heart_failure": {
        "hypertension": ("hypertension", "of heart_failure"),
        "heart_failure": ("heart_failure", "of admission"),
    },
    "copd": {"copd": ("copd", "of admission")},
    "respiratory_failure": {"copd": ("copd", "of admission")},
    "diabetes": {"diabetes": ("diabetes", "of microvascular")},
    "renal_failure": {
        "diabetes": ("diabetes", "of microvascular"),
        "ckd": ("ckd", "of progression"),
    },
    "mental_health": {"depression": ("depression", "of acute care use")},
    "cancer_medical": {"cancer": ("cancer", "of admission")},
}
ONSET = {
    ("hypertension", "ihd"): "of ihd",
    ("hypertension", "stroke"): "of stroke",
    ("hypertension", "heart_failure"): "of heart_failure",
    ("diabetes", "ihd"): "of ihd",
    ("diabetes", "ckd"): "of microvascular",
}
UTILITY_DECREMENT = {
    "hypertension": 0.01,
    "diabetes": 0.03,
    "copd": 0.07,
    "ihd": 0.05,
    "heart_failure": 0.11,
    "stroke": 0.11,
    "ckd": 0.03,
    "depression": 0.12,
    "cancer": 0.06,
}
IN_HOSPITAL = 0.5  # deaths in hospital over deaths within 30 days of admission, if treated well
HOUSEHOLD = 2.5  # persons
UNINSURED_INPATIENT = 0.5  # what the uninsured pay over the list price of a stay
VARIABLE_PRACTICE = 0.27
SHARES = {
    "practice": (0.06, 0.24, 0.10, 0.60),
    "outpatient": (0.25, 0.35, 0.25, 0.15),
    "inpatient": (0.12, 0.20, 0.38, 0.30),
}
COST = (2.0, 0.8, 1.1, 0.7)  # marginal cost over price by component, before the level is set
DAY_SHARE = 0.40
RADIUS_KM = 22.0
# id, names, beds row, place in km, skill, list price over the mean, for profit; the places are such
# that by the utility of distance alone hospitals draw people nearly in proportion to their beds
HOSPITALS = (
    ("h1", "Teaching hospital", "教学医院", "H1", 3.0, 1.5, 1.25, 1.12, False),
    ("h2", "Community hospital west", "西部社区医院", "H2", -13.0, 3.0, 1.05, 1.0, False),
    ("h3", "Community hospital south-east", "东南社区医院", "H3", 11.5, -13.5, 1.0, 0.98, False),
    ("h4", "Investor-owned hospital", "营利性医院", "H4", 5.5, 9.0, 1.0, 1.05, True),
    ("h5", "Public safety-net hospital", "公立安全网医院", "H5", -8.0, -7.5, 1.0, 0.88, False),
    ("h6", "Small suburban hospital", "郊区小型医院", "H6", -13.5, -9.5, 0.95, 0.92, False),
)


def steps(bands: list[tuple[int, int]], values: list[float]) -> Floats:
    """A step function of single age."""
    found = np.zeros(AGES)
    for (low, high), value in zip(bands, values, strict=True):
        found[low : high + 1] = value
    return found


def smooth_log(step: Floats, bands: list[tuple[int, int]], weight: Floats) -> Floats:
    """Connect band means by lines in the logarithm, keeping every band's mean.

    Where a rate rises tenfold from band to band, straight lines would lift the lower band.
    """
    middles = [(low + min(high, 90)) / 2 for low, high in bands]
    targets = np.maximum([step[low] for low, _ in bands], 1e-9)
    logs = np.log(targets)
    for _ in range(400):
        curve = np.exp(np.interp(AGE, middles, logs))
        means = np.array([band_mean(curve, weight, band) for band in bands])
        logs = logs + np.clip(np.log(targets / means), -0.5, 0.5)
    return np.asarray(np.exp(np.interp(AGE, middles, logs)), dtype=np.float64)


def mortality(pack: LongTables) -> Floats:
    """Deaths per person-year by single age and sex (A, 2)."""
    table = np.zeros((AGES, 2))
    for row in pack.tables["life_table"]:
        age = int(row["age_years"])
        if age < AGES:
            table[age, 0 if row["sex"] == "male" else 1] = float(row["hazard_per_year"])
    return table


def age_shares(pack: LongTables) -> Floats:
    """Shares by single age and sex: even inside a band, by survival from 85 on."""
    hazard = mortality(pack)
    shares = np.zeros((AGES, 2))
    for column, sex in enumerate(("male", "female")):
        for row in pack.tables["population"]:
            if row["id"] != "share_of_population" or row["sex"] != sex:
                continue
            low, high = (
                (85, AGES - 1)
                if row["age_group"] == "85+"
                else map(int, row["age_group"].split("-"))
            )
            decay = np.ones(high - low + 1)
            if low == 85:
                decay = np.exp(-np.concatenate([[0.0], np.cumsum(hazard[low:high, column])]))
            shares[low : high + 1, column] = float(row["value"]) * decay / decay.sum()
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def band_mean(values: Floats, by_age: Floats, band: tuple[int, int]) -> float:
    """Mean of a function of age over the people of a band."""
    inside = slice(band[0], band[1] + 1)
    return float(np.average(values[inside], weights=by_age[inside]))


# --- use and prices ------------------------------------------------------------------------------


class Use:
    """Visits and stays per person-year by age, and what a visit of each kind costs each payer."""

    def __init__(self, pack: LongTables, by_age: Floats) -> None:
        def rate(service: str, age: str, payer: str = "all") -> float:
            return pack.value(
                "utilization",
                id="rate_per_person_year",
                service=service,
                age_group=age,
                payer=payer,
            )

        def share_primary(age: str) -> float:
            return pack.value(
                "utilization",
                id="share_primary_care_generalist",
                service="office_physician_visit",
                age_group=age,
            )

        office = [rate("office_physician_visit", age) for age in VISIT_NAMES]
        primary = [share_primary(age) for age in ("0-17", "0-17", "18-44", "45-64", "65+")]
        level = pack.value("utilization", id="ed_rate_model") / rate("ed_visit", "all")
        self.primary = steps(VISIT_BANDS, [a * b for a, b in zip(office, primary, strict=True)])
        self.specialist = steps(
            VISIT_BANDS, [a * (1 - b) for a, b in zip(office, primary, strict=True)]
        )
        self.department = steps(
            VISIT_BANDS, [rate("hospital_outpatient_visit", age) for age in VISIT_NAMES]
        )
        self.ed_survey = steps(VISIT_BANDS, [rate("ed_visit", age) for age in VISIT_NAMES])
        self.ed = self.ed_survey * level
        self.hospital = self.specialist + self.department + self.ed
        self.total = self.primary + self.hospital
        senior = np.arange(AGES) >= SENIOR
        self.members = {"medicare": by_age * senior, "commercial": by_age * ~senior}
        self.pack = pack

    def mean(self, values: Floats, payer: str) -> float:
        """Mean over a payer's members (all of their age)."""
        return float(np.average(values, weights=self.members[payer]))

    def prices(self) -> dict[str, dict[str, float]]:
        """What each payer allows: a primary visit, a hospital visit, a stay of weight one, US$."""
        pack = self.pack

        def price(service: str, payer: str, year: str = "2026", id: str = "allowed_model") -> float:
            return pack.value("prices", id=id, service=service, payer=payer, year=year)

        def survey(service: str, payer: str) -> float:
            return price(service, payer, "2018", "payment_per_event")

        def use(service: str, payer: str) -> float:
            return pack.value(
                "utilization", id="rate_per_person_year", service=service, payer=payer
            )

        insured = {
            p: pack.value(
                "population", id="insurance_share", age_group="0-64", payer=p, income_fifth="all"
            )
            for p in ("any_private", "public_only")
        }
        public_scale = 1.25  # as the pack uprates Medicare's hospital outpatient and ED payments

        def below(service: str, private: float, public: float) -> float:
            """Mean over the privately and publicly insured below 65, weighted by their use."""
            a = insured["any_private"] * use(service, "private_under_65")
            b = insured["public_only"] * use(service, "public_under_65")
            return (a * private + b * public) / (a + b)

        office_scale = pack.value("prices", id="uprating_2018_2026", service="physician")
        office = {
            "medicare": price("office_physician_visit", "medicare_ffs"),
            "commercial": below(
                "office_physician_visit",
                price("office_physician_visit", "commercial"),
                survey("office_physician_visit", "public_under_65") * office_scale,
            ),
        }
        department = {
            "medicare": price("hospital_outpatient_visit", "medicare_ffs"),
            "commercial": below(
                "hospital_outpatient_visit",
                price("hospital_outpatient_visit", "commercial"),
                survey("hospital_outpatient_visit", "public_under_65") * public_scale,
            ),
        }
        ed = {
            "medicare": price("ed_visit", "medicare_ffs"),
            "commercial": below(
                "ed_visit",
                price("ed_visit", "commercial"),
                survey("ed_visit", "public_under_65") * public_scale,
            ),
        }
        primary_medicare = pack.value("prices", id="allowed_primary_visit_model")
        ratio = pack.value("prices", id="ratio_commercial_model", service="physician")
        public_ratio = survey("office_physician_visit", "public_under_65") / survey(
            "office_physician_visit", "medicare_only_65"
        )
        primary = {
            "medicare": primary_medicare,
            "commercial": primary_medicare * below("office_physician_visit", ratio, public_ratio),
        }
        stay = {
            "medicare": pack.value("prices", id="ipps_base_rate_total")
            * pack.value("prices", id="ipps_addon_factor"),
            "commercial": pack.value("prices", id="base_rate_under_65_blended_model"),
        }
        found: dict[str, dict[str, float]] = {}
        for payer, code in (("medicare", "medicare_ffs"), ("commercial", "commercial")):
            scale = pack.value("prices", id="outpatient_hospital_scale", payer=code)
            p, s = self.mean(self.primary, payer), self.mean(self.specialist, payer)
            # the mean over office visits is the survey's; primary visits cost less, others more
            specialist = (office[payer] * (p + s) - primary[payer] * p) / s
            spent = (
                s * specialist
                + self.mean(self.department, payer) * department[payer] * scale
                + self.mean(self.ed_survey, payer) * ed[payer]
            )
            found[payer] = {
                "practice": primary[payer],
                "outpatient": spent / self.mean(self.hospital, payer),
                "inpatient": stay[payer],
            }
        uninsured = {
            "practice": survey("office_physician_visit", "uninsured_under_65")
            / survey("office_physician_visit", "private_under_65"),
            "outpatient": survey("hospital_outpatient_visit", "uninsured_under_65")
            / survey("hospital_outpatient_visit", "private_under_65"),
        }
        found["self-pay"] = {
            "practice": found["commercial"]["practice"] * uninsured["practice"],
            "outpatient": found["commercial"]["outpatient"] * uninsured["outpatient"],
            "inpatient": 0.0,
        }
        return found


def list_prices(
    prices: dict[str, dict[str, float]], use: Use, weight_by_age: Floats
) -> dict[str, float]:
    """Mean of what Medicare and the commercial payer allow, weighted by their members' use."""
    volume = {"practice": use.primary, "outpatient": use.hospital, "inpatient": weight_by_age}
    found = {}
    for setting, values in volume.items():
        amounts = {p: float((values * use.members[p]).sum()) for p in use.members}
        total = sum(amounts.values())
        found[setting] = sum(amounts[p] * prices[p][setting] for p in amounts) / total
    return found


# --- illness -------------------------------------------------------------------------------------


class Groups:
    """Clinical groups: stays, visits and episodes per person-year by age."""

    def __init__(self, pack: LongTables, shares: Floats, use: Use, judged: dict[str, Row]) -> None:
        by_age = shares.sum(axis=1)
        self.rows = pack.tables["casemix"]
        inpatient = [row["id"] for row in self.rows]
        self.ids = inpatient + list(OUTPATIENT_GROUPS)
        count, n_in = len(self.ids), len(inpatient)
        stays = np.zeros((count, AGES))
        fertile = np.where((AGE >= 15) & (AGE <= 49), np.exp(-0.5 * ((AGE - 29.5) / 5.8) ** 2), 0.0)
        women = shares[:, 1] / by_age
        for g, row in enumerate(self.rows):
            values = [float(row[f"admissions_per_1000_age_{band}"]) / 1000 for band in STAY_COLUMNS]
            step = steps(BANDS, values)
            if row["id"] in BIRTHS:
                # the pack spreads a few births over all ages; here they befall women aged 15 to 49
                bell = fertile * women
                stays[g] = bell * float(step @ by_age) / float(bell @ by_age)
            else:
                stays[g] = smooth_log(step, BANDS, by_age)
        self.stays = stays
        number = {name: float(judged[name]["episodes_per_stay"]) for name in self.ids}
        wrong = np.array([float(judged[name]["inappropriate"]) for name in self.ids])
        unmet = np.array([float(judged[name]["unmet"]) for name in self.ids])
        needed = stays * ((1 - wrong) / (1 - unmet))[:, None]
        each = np.array([float(judged[name]["visits_per_episode"]) for name in self.ids])
        per_stay = np.array([number[name] for name in self.ids])
        visits = needed.sum(axis=1) * 0.0
        episodes = needed * per_stay[:, None]
        # chronic care: visits of people treated for the condition, at the physicians' share
        physicians = 1 - pack.value("utilization", id="share_office_visits_nonphysician")
        for treated, parts in TREATED.items():
            prevalence = steps(
                TREATED_BANDS,
                [treated_share(pack, treated, band) for band in ("18-44", "45-64", "65+")],
            )
            used = pack.value("chronic", id="n_office_visits_per_treated_person", condition=treated)
            total = float(prevalence @ by_age) * used * physicians
            for name, part in parts.items():
                g = self.ids.index(name)
                scale = part * total / float(episodes[g] @ by_age) / each[g]
                # a stay begins with a contact: there are no fewer episodes than needed stays
                per_stay[g] = max(per_stay[g] * scale, 1.05)
                episodes[g] = needed[g] * per_stay[g]
                visits[g] = each[g] * float(episodes[g] @ by_age)
        taken = (episodes * each[:, None]).sum(axis=0)
        means = [band_mean(use.total - taken, by_age, band) for band in VISIT_BANDS]
        if min(means) <= 0:
            raise SystemExit(f"no visits left for outpatient groups: {means}")
        for g in range(n_in, count):
            name = self.ids[g]
            rest = [1 - sum(REST[k][b] for k in REST) for b in range(len(VISIT_BANDS))]
            share = REST.get(name, tuple(rest))
            wanted = [s * m for s, m in zip(share, means, strict=True)]
            episodes[g] = smooth(steps(VISIT_BANDS, wanted), VISIT_BANDS, by_age) / each[g]
        self.episodes, self.visits_each = episodes, each
        self.prob_bed = np.zeros(count)
        self.prob_bed[:n_in] = 1 / per_stay[:n_in]
        self.needed = needed

    def rate(self, shares: Floats) -> Floats:
        """Episodes per person-year by group, age and sex."""
        rate = np.repeat(self.episodes[:, :, None], 2, axis=2)
        for name in BIRTHS:
            g = self.ids.index(name)
            rate[g, :, 0] = 0.0
            women = np.where(shares[:, 1] > 0, shares.sum(axis=1) / shares[:, 1], 0.0)
            rate[g, :, 1] = self.episodes[g] * women
        return rate


def treated_share(pack: LongTables, condition: str, band: str) -> float:
    """Share of an age band with any care for a condition; the pack leaves out what is tiny."""
    found = [
        float(r["value"])
        for r in pack.tables["chronic"]
        if r["id"] == "prevalence_treated"
        and r["condition"] == condition
        and r["age_group"] == band
    ]
    return found[0] if found else 0.0


def level_shares(row: Row, all_stays: float, senior_stays: float) -> Floats:
    """Shares of the three levels over all payers, by where the group's stays are."""
    medicare = np.array([float(row[f"level_medicare_{k}"]) for k in ("none", "cc", "mcc")])
    other = np.array([float(row[f"level_commercial_{k}"]) for k in ("none", "cc", "mcc")])
    part = senior_stays / all_stays
    mixed = part * medicare / medicare.sum() + (1 - part) * other / other.sum()
    return np.asarray(mixed, dtype=np.float64)


def condition_ratios(ids: list[str], beds: Floats) -> Floats:
    """Ratios (G, C) of the average case: specific, belonging, or the general ratio."""
    ratio = np.ones((len(ids), len(NAMES)))
    for g, name in enumerate(ids):
        for c, condition in enumerate(NAMES):
            if name in BIRTHS:
                continue
            visits, stays = GENERAL[condition]
            general = visits + (stays - visits) * math.sqrt(beds[g])
            ratio[g, c] = SPECIFIC.get(name, {}).get(condition, general)
        if name in BELONGS:
            ratio[g, NAMES.index(BELONGS[name])] = BELONGS_RATIO
    return ratio


# --- writing -------------------------------------------------------------------------------------


def main(arguments: list[str]) -> None:
    """Write every table of the region."""
    if not arguments:
        raise SystemExit("usage: python -m experiments.tables.us_metro PACK [OUT]")
    folder = Path(arguments[0])
    pack = LongTables(folder)
    out = Writer(Path(arguments[1]) if len(arguments) > 1 else folder.parent)
    out.folder.mkdir(parents=True, exist_ok=True)
    judged = read_judged("us_metro")
    shares = age_shares(pack)
    by_age = shares.sum(axis=1)
    use = Use(pack, by_age)
    groups = Groups(pack, shares, use, judged)
    levels, weights, days = inpatient_tables(groups, by_age)
    mean_weight = (levels * weights).sum(axis=1)
    stays_weight = mean_weight @ groups.stays
    prices = use.prices()
    listed = list_prices(prices, use, stays_weight)
    prices["self-pay"]["inpatient"] = UNINSURED_INPATIENT * listed["inpatient"]
    for payer, row in prices.items():
        sys.stdout.write(f"  {payer:10s} {_line(row)}\n")
    sys.stdout.write(f"  list       {_line(listed)}\n")

    write_card(out, pack, prices, listed)
    write_people(out, pack, shares)
    write_chronic(out, pack, by_age, (mortality(pack) * shares).sum(axis=1) / by_age)
    write_groups(out, pack, shares, groups, judged, levels, weights, days, by_age)
    write_places(out, pack, groups, use, by_age, listed, mean_weight)
    write_constants(out, pack, use, groups, prices, mean_weight, by_age)


def _line(row: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.0f}" for name, value in row.items())


def inpatient_tables(groups: Groups, by_age: Floats) -> tuple[Floats, Floats, Floats]:
    """Level shares, relative weights and stays in days by group and level (G, 3)."""
    count = len(groups.ids)
    shares = np.tile([1.0, 0.0, 0.0], (count, 1))
    weights, days = np.full((count, 3), 0.5), np.full((count, 3), 2.0)
    senior = by_age * (np.arange(AGES) >= SENIOR)
    for g, row in enumerate(groups.rows):
        stays = groups.stays[g]
        shares[g] = level_shares(row, float(stays @ by_age), float(stays @ senior))
        weights[g] = [float(row[f"weight_{k}"]) for k in ("none", "cc", "mcc")]
        days[g] = [float(row[f"amlos_days_{k}"]) for k in ("none", "cc", "mcc")]
    return shares, weights, days


def write_card(
    out: Writer, pack: LongTables, prices: dict[str, dict[str, float]], listed: dict[str, float]
) -> None:
    """Write the region's name card and its payers."""
    out.table(
        "region.csv",
        ["key", "value"],
        [
            ["id", "us-metro"],
            ["title_en", "A metropolitan market in the United States"],
            ["title_zh", "美国的一个都市医疗市场"],
            ["currency", "USD"],
            ["residents", int(pack.value("population", id="region_population"))],
        ],
    )
    senior = pack.value("population", id="share_age_65_plus")
    uninsured = pack.value(
        "population",
        id="insurance_share",
        age_group="0-64",
        payer="uninsured",
        income_fifth="all",
    )
    share = {
        "medicare": senior,
        "commercial": (1 - senior) * (1 - uninsured),
        "self-pay": (1 - senior) * uninsured,
    }
    names = {
        "medicare": ("Medicare", "联邦医疗保险（Medicare）"),
        "commercial": ("Commercial and other insurance under 65", "65岁以下商业及其他保险"),
        "self-pay": ("Uninsured", "无保险"),
    }
    settings = ("practice", "outpatient", "inpatient")
    out.table(
        "payers.csv",
        ["id", "name_en", "name_zh", "share", "from_age", *(f"price_level_{s}" for s in settings)],
        [
            [
                payer,
                *names[payer],
                share[payer],
                SENIOR if payer == "medicare" else 0,
                *(prices[payer][s] / listed[s] for s in settings),
            ]
            for payer in names
        ],
    )


def write_people(out: Writer, pack: LongTables, shares: Floats) -> None:
    """Write people by age and sex."""
    deaths = mortality(pack)
    # quality of life without illness falls slowly with age (visual scale and EQ-5D of adults)
    utility = np.interp(AGE, [0, 20, 40, 60, 80, 100], [0.97, 0.96, 0.94, 0.91, 0.86, 0.78])
    out.table(
        "people.csv",
        ["age", "share_male", "share_female", "mortality_male", "mortality_female", "base_utility"],
        [[a, *shares[a], *deaths[a], utility[a]] for a in AGE],
    )


PREVALENCE_BANDS = [(0, 17), (18, 34), (35, 44), (45, 54), (55, 64), (65, 74), (75, 84), (85, 100)]
PREVALENCE_NAMES = ["0-17", "18-34", "35-44", "45-54", "55-64", "65-74", "75-84", "85+"]


def prevalence_of(pack: LongTables, by_age: Floats) -> Floats:
    """Prevalence by single age (C, A), the pack's in every band."""
    rows = []
    for condition in NAMES:
        values = [
            pack.value("chronic", id="prevalence", condition=condition, age_group=age)
            for age in PREVALENCE_NAMES
        ]
        curve = smooth_log(steps(PREVALENCE_BANDS, values), PREVALENCE_BANDS, by_age)
        rows.append(np.minimum(curve, 0.95))
    return np.array(rows)


def incidence_of(pack: LongTables) -> Floats:
    """New cases per person-year at risk (C, A), before prevalence is held where it is."""
    rows = []
    for condition in NAMES:
        if condition == "cancer":
            bands = [(18, 44), (45, 64), (65, 74), (75, 100)]
            names = ["18-44", "45-64", "65-74", "75+"]
            scale, id_ = 1e5, "incidence"
        elif condition == "depression":
            bands, names, scale, id_ = [(12, 100)], ["18+"], 1e3, "incidence"
        else:
            bands, names = PREVALENCE_BANDS[1:], PREVALENCE_NAMES[1:]
            scale, id_ = 1e3, "incidence_stationary"
        values = [
            pack.value("chronic", id=id_, condition=condition, age_group=age) / scale
            for age in names
        ]
        rows.append(steps(bands, values))
    return np.array(rows)


def write_chronic(out: Writer, pack: LongTables, by_age: Floats, deaths: Floats) -> None:
    """Write chronic conditions."""

    def first(id_: str, condition: str, other: str = "all", default: float = 1.0) -> float:
        found = [
            float(r["value"])
            for r in pack.tables["chronic"]
            if r["id"] == id_ and r["condition"] == condition and r["other"] == other
        ]
        return found[0] if found else default

    prevalence, incidence = prevalence_of(pack, by_age), incidence_of(pack)
    remission = np.array([first("rate_remission", c, default=0.0) for c in NAMES], dtype=np.float64)
    rr_death = np.array([first("hazard_ratio_death", c) for c in NAMES])
    incidence, remission = stay_put(
        prevalence, incidence, remission, rr_death, deaths, by_age, NAMES, ("cancer", "depression")
    )
    onset = np.ones((len(NAMES), len(NAMES)))
    for (row, column), other in ONSET.items():
        onset[NAMES.index(row), NAMES.index(column)] = first("hazard_ratio_controlled", row, other)
    out.table(
        "chronic.csv",
        [
            "id",
            "name_en",
            "name_zh",
            "remission",
            "share_controlled",
            "rr_death_average",
            "utility_decrement",
            "control_death",
            "control_decay",
            *(f"control_event_{c}" for c in NAMES),
        ],
        [
            [
                c,
                *CONDITIONS[c],
                remission[i],
                first("prob_controlled", c),
                rr_death[i],
                UTILITY_DECREMENT[c],
                first("hazard_ratio_controlled", c, "of death", 0.85),
                0.25,
                *onset[i],
            ]
            for i, c in enumerate(NAMES)
        ],
    )
    out.table(
        "chronic_age.csv",
        ["condition", "measure", *(f"age_{a}" for a in AGE)],
        [
            [c, measure, *values[i]]
            for i, c in enumerate(NAMES)
            for measure, values in (("prevalence", prevalence), ("incidence", incidence))
        ],
    )


# sd of ln cost of contacts whose group has no stays
OUTPATIENT_SD = 0.5


def write_groups(
    out: Writer,
    pack: LongTables,
    shares: Floats,
    groups: Groups,
    judged: dict[str, Row],
    levels: Floats,
    weights: Floats,
    days: Floats,
    by_age: Floats,
) -> None:
    """Write clinical groups, their rates, ratios and seasons."""
    rate = groups.rate(shares)
    out.table(
        "rates.csv",
        ["group", "sex", *(f"age_{a}" for a in AGE)],
        [
            [name, sex, *(rate[g, :, s] / 12)]
            for g, name in enumerate(groups.ids)
            for s, sex in enumerate(("male", "female"))
        ],
    )
    ratio = condition_ratios(groups.ids, groups.prob_bed)
    control = np.ones_like(ratio)
    for name, effects in CONTROLLED.items():
        for condition, (row, other) in effects.items():
            control[groups.ids.index(name), NAMES.index(condition)] = pack.value(
                "chronic", id="hazard_ratio_controlled", condition=row, other=other
            )
    out.table(
        "condition_ratio.csv",
        ["group", "measure", *NAMES],
        [
            [name, measure, *values[g]]
            for g, name in enumerate(groups.ids)
            for measure, values in (("average_case", ratio), ("controlled", control))
        ],
    )
    out.table(
        "season.csv",
        ["group", *(f"month_{m}" for m in range(1, 13))],
        [
            [name, *(1 + a * math.cos(2 * math.pi * (m - peak) / 12) for m in range(1, 13))]
            for name in groups.ids
            for a, peak in [
                (
                    float(judged[name]["season_amplitude"]),
                    int(judged[name]["season_peak_month"]),
                )
            ]
        ],
    )
    visits = groups.visits_each * (groups.episodes @ by_age)
    mean_weight = (levels * weights).sum(axis=1)
    visit_weight = mean_weight**0.35
    visit_weight /= (visits * visit_weight).sum() / visits.sum()
    practice = {"necessary": 31.0, "ordinary": 24.0, "discretionary": 18.0}
    hospital = {"necessary": 20.0, "ordinary": 14.0, "discretionary": 8.0}
    day = {"necessary": 5.5, "ordinary": 4.75, "discretionary": 4.0}
    lost = {"necessary": 0.9, "ordinary": 0.5, "discretionary": 0.15}
    lines = []
    for g, name in enumerate(groups.ids):
        judgement = judged[name]
        family = groups.rows[g] if g < len(groups.rows) else None
        names = (family["name_en"], family["name_zh"]) if family else OUTPATIENT_GROUPS[name]
        kind, low = judgement["care_class"], judgement["low_value_component"]
        planned = judgement["is_elective"] == "1"
        at_practice = 7.0 if planned or name == "back_pain" else practice[kind]
        at_hospital = 2.4 if planned else hospital[kind]
        in_bed = 6.0 if planned else hospital[kind]
        kappa = lost[kind]
        stay = float((levels[g] * days[g]).sum())
        risk = np.array([0.35, 0.7, 1.4])
        risk = risk / float((levels[g] * risk).sum())
        death = IN_HOSPITAL * looked_up(pack, judgement, "prob_death_30d", "death_30_days")
        lines.append(
            [
                name,
                american(names[0]).replace("Caesarean", "Cesarean").replace("Oeso", "Eso"),
                names[1],
                BELONGS.get(name, ""),
                groups.prob_bed[g],
                # practices have no beds; what needs none and is not a family's severest third
                max(float(family["share_primary_treatable"]), 0.3) if family else PRIMARY_SHARE,
                0.0,
                float(family["is_acsc"]) if family else 0.0,
                planned,
                groups.visits_each[g],
                mean_weight[g],
                *(weights[g] / mean_weight[g]),
                stay,
                *(days[g] / stay),
                *levels[g],
                looked_up(pack, judgement, "prob_readmission_30d", "readmission"),
                judgement["inappropriate"],
                judgement["unmet"],
                visit_weight[g],
                float(family["los_ln_sd"]) if family else OUTPATIENT_SD,
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
                *np.minimum(death * risk, 0.5),
                judgement["worsening"],
                judgement["self_limiting"],
                judgement["utility_loss"],
            ]
        )
    out.table("groups.csv", GROUP_COLUMNS, lines)


# the pack names some rates by procedure rather than by family
ALIAS = {"cardiac_surgery": "cabg"}


def looked_up(pack: LongTables, judgement: Row, id_: str, column: str) -> float:
    """The pack's rate by condition where it has one, else the judged one."""
    name = ALIAS.get(judgement["group"], judgement["group"])
    found = [
        float(r["value"])
        for r in pack.tables["utilization"]
        if r["id"] == id_ and r["group"] == name and r["payer"] == "medicare_ffs"
    ]
    return found[0] if found else float(judgement[column])


def write_places(
    out: Writer,
    pack: LongTables,
    groups: Groups,
    use: Use,
    by_age: Floats,
    listed: dict[str, float],
    mean_weight: Floats,
) -> None:
    """Providers, zones, travel and distance."""
    residents = pack.value("population", id="region_population")
    count = int(pack.value("providers", id="n_practices"))
    doctors = pack.value("providers", id="n_physicians_region")
    # practices of very different size: log-normal quantiles, in an order that mixes them
    quantile = [NormalDist().inv_cdf((i + 0.5) / count) for i in range(count)]
    size = np.exp(0.85 * np.array(quantile))[(np.arange(count) * 49) % count]
    physicians = doctors * size / size.sum()
    angle = 2 * np.pi * np.arange(count) * 0.381966
    ring = RADIUS_KM * ((np.arange(count) + 0.5) / count) ** 0.6
    x, y = ring * np.cos(angle), ring * np.sin(angle)
    codes = [f"practice-{i + 1:02d}" for i in range(count)]
    out.table(
        "zones.csv",
        ["id", "name_en", "name_zh", "share", "is_town", "home_practice", "x_km", "y_km"],
        [
            [
                f"zone-{i + 1:02d}",
                f"Neighborhood {i + 1}",
                f"第{i + 1}片区",
                size[i] / size.sum(),
                True,
                codes[i],
                x[i],
                y[i],
            ]
            for i in range(count)
        ],
    )
    stays = float((groups.stays @ by_age).sum())
    weighted = float(mean_weight @ (groups.stays @ by_age))
    mean_mix = weighted / stays
    mean_days = mean_stay(groups, by_age)
    per_weight = pack.value("prices", id="cost_per_unit_weight_model")
    variable = pack.value("prices", id="share_cost_variable_short_run")
    day_price = listed["inpatient"] * DAY_SHARE / (mean_days / mean_mix)
    day_cost = pack.value("prices", id="cost_marginal_bed_day")
    in_days = day_cost * mean_days / mean_mix
    rest = (variable * per_weight - in_days) / ((1 - DAY_SHARE) * listed["inpatient"])

    def costs(setting: str, level: float) -> list[float]:
        shares = np.array(SHARES[setting])
        ratio = np.array(COST)
        return list(ratio * level / float(shares @ ratio))

    in_cost = costs("inpatient", rest)
    margin = pack.value("prices", id="margin_all_payer_operating")
    visits = float(use.primary @ by_age) * residents
    spread = np.exp(0.1 * np.array(quantile))[(np.arange(count) * 37) % count]
    spread = spread / spread.mean()
    practice_visits = pack.value("providers", id="visits_per_physician_year")
    style_practice = pack.value("providers", id="practice_style_cv")
    style_hospital = pack.value("utilization", id="los_cv_between_hospitals")
    rows: list[list[object]] = []
    visit_cost = pack.value("prices", id="cost_marginal_primary_visit") / listed["practice"]
    for i, code in enumerate(codes):
        private = i % 2 == 0  # half of physicians own their practice
        rows.append(
            [
                code,
                f"Primary-care practice {i + 1}",
                f"基层诊所{i + 1}",
                "practice",
                "physician-owned" if private else "hospital-owned",
                private,
                False,
                0,
                round(physicians[i] * practice_visits / 12),
                round(physicians[i], 1),
                1.0,
                listed["practice"],
                listed["inpatient"],
                *SHARES["practice"],
                *SHARES["inpatient"],
                DAY_SHARE,
                *costs("practice", visit_cost),
                *in_cost,
                day_cost / day_price,
                1.0,
                1.0,
                0.0,
                0.05,
                float(spread[i]),
                style_practice,
                visits * size[i] / size.sum(),
                0.0,
                0.0,
                0.0,
                "",
                "",
            ]
        )
    beds = np.array([pack.value("providers", id="beds_hospital", group=h[3]) for h in HOSPITALS])
    hospital_visits = float(use.hospital @ by_age) * residents
    mix = np.array([1.2, 1.0, 0.98, 1.0, 0.92, 0.75])
    mix = mix * mean_mix / float(np.average(mix, weights=beds))
    price = np.array([h[7] for h in HOSPITALS])
    price = price / float(np.average(price, weights=beds))
    for k, (code, en, zh, _row, _x, _y, skill, _price, for_profit) in enumerate(HOSPITALS):
        share = beds[k] / beds.sum()
        rows.append(
            [
                code,
                f"{code.upper()} {en}",
                f"{code.upper()} {zh}",
                "tertiary" if k == 0 else "secondary",
                "for-profit" if for_profit else ("teaching" if k == 0 else "community"),
                for_profit,
                False,
                round(beds[k]),
                round(1.35 * hospital_visits * share / 12),
                round(share * 0.5 * 750),
                1.0,
                listed["outpatient"] * price[k],
                listed["inpatient"] * price[k],
                *SHARES["outpatient"],
                *SHARES["inpatient"],
                DAY_SHARE,
                *costs("outpatient", variable * (1 - margin)),
                *in_cost,
                day_cost / day_price,
                1.0,
                1.0,
                0.04 if code == "h5" else 0.0,
                margin,
                skill,
                style_hospital,
                hospital_visits * share,
                stays * residents * share,
                mean_days,
                mix[k],
                "",
                "cardiac_surgery" if code in ("h5", "h6") else "",
            ]
        )
    out.table("providers.csv", PROVIDER_COLUMNS, rows)
    ids = [str(r[0]) for r in rows]
    px = np.concatenate([x, [h[4] for h in HOSPITALS]])
    py = np.concatenate([y, [h[5] for h in HOSPITALS]])
    km = np.hypot(x[:, None] - px[None], y[:, None] - py[None])
    # a neighborhood is not a point: nobody lives nearer than about half its radius
    km = np.maximum(km, 1.2)
    minutes = 6.0 + 1.8 * km
    zones = [f"zone-{i + 1:02d}" for i in range(count)]
    out.table("travel.csv", ["zone", *ids], [[zones[z], *minutes[z]] for z in range(count)])
    out.table("distance.csv", ["zone", *ids], [[zones[z], *km[z]] for z in range(count)])


def mean_stay(groups: Groups, by_age: Floats) -> float:
    """Mean stay over all groups, days."""
    levels, _weights, days = inpatient_tables(groups, by_age)
    stays = groups.stays @ by_age
    return float(stays @ (levels * days).sum(axis=1) / stays.sum())


def write_constants(
    out: Writer,
    pack: LongTables,
    use: Use,
    groups: Groups,
    prices: dict[str, dict[str, float]],
    mean_weight: Floats,
    by_age: Floats,
) -> None:
    """Write the single numbers of the region (behavioral ones live in `parameters.csv`)."""
    rows: list[list[object]] = []

    def add(
        name: str,
        value: float,
        unit: str,
        low: float,
        high: float,
        source: str,
        evidence: str,
        kind: str,
        en: str,
        zh: str,
        note: str = "",
    ) -> None:
        rows.append(
            [name, value, unit, show(low), show(high), source, evidence, kind, en, zh, note]
        )

    growth = pack.value("population", id="income_uprating_2020_2026")
    for k in range(1, 6):
        row = pack.row("population", id="income_mean", income_fifth=str(k))
        value = float(row["value"]) * growth / HOUSEHOLD
        add(
            f"income_fifth_{k}",
            value,
            "USD per year",
            0.85 * value,
            1.15 * value,
            "US-S71; US-A",
            "assumed",
            "fixed",
            f"Income of fifth {k}",
            f"第{k}五等分组人均收入",
            f"household mean of 2020 x {growth:g} to 2026 over {HOUSEHOLD:g} persons; before taxes",
        )
    usual = pack.value("providers", id="share_residents_with_usual_source")
    poor = pack.value("population", id="share_poverty_group_poor")
    births = pack.value("population", id="rate_births_per_1000")
    spending = {p: spending_per_member(use, groups, prices, mean_weight, p) for p in use.members}
    premium_b = 12 * pack.value("insurance", id="part_b_premium", year="2026")
    premium_c = pack.value("insurance", id="premium_single")
    add(
        "share_retired",
        0.0,
        "share of enrolled",
        0.0,
        0.0,
        "US-A",
        "assumed",
        "fixed",
        "Retired members of a workers' scheme",
        "职工类保险退休人员占比",
        "no such scheme here",
    )
    add(
        "contract_share",
        usual,
        "share of residents",
        0.83,
        0.88,
        "US-S22",
        "measured",
        "uncertainty",
        "People with a usual source of care",
        "有固定就诊机构的居民占比",
        "adults",
    )
    add(
        "contract_share_priority",
        0.95,
        "share of priority groups",
        0.9,
        0.98,
        "US-S22",
        "estimated",
        "uncertainty",
        "The same among children, the old, the chronically ill",
        "重点人群中有固定就诊机构者占比",
        "96 % of children",
    )
    add(
        "poor_share",
        poor,
        "share",
        0.09,
        0.15,
        "US-S04",
        "measured",
        "fixed",
        "People in poverty, entitled to assistance",
        "贫困人口占比（可获医疗救助）",
        "below the poverty line",
    )
    add(
        "birth_rate",
        births,
        "per 1000 person-years",
        10.0,
        11.5,
        "US-R",
        "estimated",
        "fixed",
        "Births",
        "出生率",
    )
    add(
        "crude_death_rate",
        pack.value("population", id="rate_deaths_per_1000"),
        "per 1000 person-years",
        8.5,
        10.5,
        "US-S65",
        "estimated",
        "fixed",
        "Deaths by the life table, for comparison",
        "粗死亡率（对照）",
    )
    add(
        "price_growth",
        0.03,
        "per year",
        0.0,
        0.06,
        "US-S49",
        "assumed",
        "uncertainty",
        "Growth of charges",
        "次均费用年增长",
        "commercial prices rose 14 % over 2018-22",
    )
    add(
        "income_growth",
        0.035,
        "per year",
        0.01,
        0.05,
        "US-A",
        "assumed",
        "uncertainty",
        "Growth of incomes",
        "居民收入年增长",
        "nominal",
    )
    add(
        "budget_growth",
        0.035,
        "per year",
        0.02,
        0.06,
        "US-A",
        "assumed",
        "lever",
        "Growth of the regional budget",
        "区域总额预算年增长",
        "no budget at baseline",
    )
    for payer, en, zh in (
        ("medicare", "Fund income, Medicare", "Medicare人均筹资"),
        ("commercial", "Fund income, commercial", "商业保险人均筹资"),
    ):
        add(
            f"fund_income_{payer}",
            round(0.9 * spending[payer]),
            "USD per insured and year",
            round(0.75 * spending[payer]),
            round(1.1 * spending[payer]),
            "US-A",
            "assumed",
            "fixed",
            en,
            zh,
            "for the care the model has: about nine tenths of payer and patient spending",
        )
    add(
        "premium_individual_medicare",
        premium_b,
        "USD per insured and year",
        0.9 * premium_b,
        1.1 * premium_b,
        "US-S45",
        "measured",
        "fixed",
        "Part B premium",
        "B部分个人保费",
        "202.90 a month",
    )
    add(
        "premium_individual_commercial",
        round(0.9 * spending["commercial"]),
        "USD per insured and year",
        0.0,
        premium_c,
        "US-S46; US-A",
        "assumed",
        "fixed",
        "Premium, commercial, employer and member",
        "商业保险保费（雇主与个人）",
        "all of the fund's income; premiums of 8,435 also buy drugs and administration",
    )
    for payer, target in spending.items():
        add(
            f"spending_target_{payer}",
            round(target),
            "USD per insured and year",
            round(0.9 * target),
            round(1.1 * target),
            "US-S04; US-S49; US-S33",
            "estimated",
            "fixed",
            f"Spending expected, {payer}",
            f"预期人均费用（{payer}）",
            "payer and patient; stays without professional fees, office physicians, hospital "
            "outpatient, emergency; a target of calibration",
        )
    add(
        "administration_share",
        0.06,
        "share of fund spending",
        0.015,
        0.15,
        "US-A",
        "assumed",
        "uncertainty",
        "Administration of the payers",
        "经办管理成本占支付比例",
        "Medicare about .02, commercial about .12",
    )
    add(
        "frailty_sd",
        1.5,
        "sd of the log multiplier",
        0.0,
        1.6,
        "project-evidence",
        "calibrated",
        "uncertainty",
        "Spread of frailty",
        "虚弱程度的离散度",
        "calibrated to the persistence of spending",
    )
    add(
        "value_of_qaly",
        100000,
        "USD per QALY",
        50000,
        200000,
        "US-A",
        "assumed",
        "uncertainty",
        "Analyst's value of a QALY",
        "分析者的每QALY价值",
        "customary range; never enters behavior",
    )
    add(
        "value_of_hour",
        25.0,
        "USD per hour",
        12,
        45,
        "US-A",
        "assumed",
        "uncertainty",
        "Value of patients' time",
        "患者时间价值",
        "about mean hourly income",
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


def spending_per_member(
    use: Use,
    groups: Groups,
    prices: dict[str, dict[str, float]],
    mean_weight: Floats,
    payer: str,
) -> float:
    """Payer and patient spending per person of a payer's ages on the care the model has, US$."""
    row = prices[payer]
    return (
        use.mean(use.primary, payer) * row["practice"]
        + use.mean(use.hospital, payer) * row["outpatient"]
        + use.mean(mean_weight @ groups.stays, payer) * row["inpatient"]
    )


if __name__ == "__main__":
    main(sys.argv[1:])
