"""A comparison that never ran: synthetic tables with the shape, units and sizes of real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboards.report import ReportTables

ARMS = ["status-quo", "global-budget", "capitation", "drg", "value-based"]
TITLES_EN = [
    "Fee for service under a soft total",
    "Global budget",
    "Capitation",
    "DRG",
    "Value-based pay",
]
TITLES_ZH = ["按项目付费(软性总额)", "总额预付", "按人头付费", "按病种付费(DRG)", "按价值付费"]
# id, area, unit, better, label en, label zh, baseline, paired sd in % of it, effect per reform in %
OUTCOMES: list[tuple[str, str, str, str, str, str, float, float, tuple[float, ...]]] = [
    (
        "spending_per_person",
        "cost",
        "CNY/person-year",
        "lower",
        "Spending per person",
        "人均费用",
        4210.0,
        0.3,
        (-6.1, -3.9, 2.1, 0.1),
    ),
    (
        "fund_spending_per_person",
        "cost",
        "CNY/person-year",
        "lower",
        "Fund spending per person",
        "人均基金支出",
        2540.0,
        0.4,
        (-6.6, -2.0, 4.0, 0.6),
    ),
    (
        "out_of_pocket_per_person",
        "cost",
        "CNY/person-year",
        "lower",
        "Out-of-pocket spending per person",
        "人均自付费用",
        1490.0,
        0.5,
        (-4.2, -5.5, 0.2, -0.2),
    ),
    (
        "out_of_pocket_share",
        "cost",
        "share",
        "lower",
        "Out-of-pocket share",
        "自付比例",
        0.354,
        0.3,
        (1.6, -1.4, 0.1, 0.1),
    ),
    (
        "qaly",
        "quality",
        "QALY/person-year",
        "higher",
        "QALYs lived",
        "质量调整生命年",
        0.861,
        0.03,
        (-0.06, 0.01, 0.02, 0.12),
    ),
    (
        "avoidable_admissions",
        "quality",
        "per 1,000 person-years",
        "lower",
        "Avoidable admissions",
        "可避免住院",
        21.4,
        0.9,
        (-1.2, -5.8, 1.4, -11.2),
    ),
    (
        "readmission_rate",
        "quality",
        "share",
        "lower",
        "Readmission within 30 days",
        "30天再入院率",
        0.071,
        1.5,
        (0.9, 0.4, 9.4, -4.1),
    ),
    (
        "under_treatment",
        "quality",
        "share",
        "lower",
        "Under-treated contacts",
        "治疗不足比例",
        0.041,
        1.4,
        (88.0, 64.0, 12.0, -3.0),
    ),
    (
        "first_contact_primary",
        "referral",
        "share",
        "higher",
        "First contact in primary care",
        "基层首诊率",
        0.523,
        0.25,
        (1.9, 7.7, -0.1, 5.1),
    ),
    (
        "referrals_up",
        "referral",
        "per 100 visits",
        "neither",
        "Referrals up",
        "上转率",
        3.1,
        0.8,
        (2.2, 9.1, -0.4, -3.0),
    ),
    (
        "bypass_share",
        "referral",
        "share",
        "lower",
        "Bypassing primary care",
        "越级就诊比例",
        0.287,
        0.6,
        (-1.7, -8.9, 0.3, -5.8),
    ),
    (
        "wait",
        "access",
        "months",
        "lower",
        "Wait for elective care",
        "择期住院等待",
        0.9,
        2.5,
        (61.0, 3.0, -18.0, 5.0),
    ),
    (
        "foregone",
        "access",
        "per 100 person-years",
        "lower",
        "Foregone care",
        "应就诊未就诊",
        34.0,
        0.7,
        (0.4, -2.2, 0.3, -1.1),
    ),
    (
        "refused",
        "access",
        "per 100 needs",
        "lower",
        "Refused admissions",
        "推诿住院",
        1.2,
        6.0,
        (31.0, 8.0, 4.0, 2.0),
    ),
    (
        "catastrophic_10",
        "equity",
        "share",
        "lower",
        "Catastrophic spending (10 %)",
        "灾难性支出(10%)",
        0.112,
        1.2,
        (-3.0, -6.1, 0.9, -0.6),
    ),
    (
        "use_concentration",
        "equity",
        "index",
        "neither",
        "Use by income",
        "服务利用的集中指数",
        0.083,
        3.0,
        (4.0, -7.0, 1.0, -2.0),
    ),
    (
        "stay_ratio",
        "behavior",
        "ratio",
        "neither",
        "Length of stay over appropriate",
        "住院日与适宜住院日之比",
        1.31,
        0.3,
        (-8.0, -5.0, -14.0, -3.0),
    ),
    (
        "intensity_out_drugs",
        "behavior",
        "ratio",
        "neither",
        "Intensity of outpatient drugs",
        "门诊药品强度",
        1.42,
        0.4,
        (-9.0, -16.0, 0.4, -4.0),
    ),
    (
        "prevention",
        "behavior",
        "contacts/person-year",
        "higher",
        "Preventive contacts",
        "预防性服务",
        1.6,
        0.9,
        (1.0, 14.0, 0.2, 41.0),
    ),
    (
        "upcoded_share",
        "behavior",
        "share",
        "lower",
        "Stays coded up",
        "高编病例比例",
        0.012,
        4.0,
        (0.5, 0.2, 310.0, 24.0),
    ),
    (
        "fund_balance",
        "finance",
        "CNY/person-year",
        "higher",
        "Fund balance",
        "基金结余",
        -31.0,
        12.0,
        (-400.0, -160.0, 240.0, 40.0),
    ),
]
GROUPS = [
    "all",
    "fifth=1",
    "fifth=2",
    "fifth=3",
    "fifth=4",
    "fifth=5",
    "health=none",
    "health=one",
    "health=several",
]
ACTIVITIES = [
    "visit",
    "service",
    "drug",
    "admission_light",
    "admission_heavy",
    "bed_day_early",
    "bed_day_late",
    "coded_level",
    "referral_up",
    "member",
    "controlled_patient",
    "avoided_admission",
]


def _differences(rng: np.random.Generator, replicates: int) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for outcome, _, _, _, _, _, base, noise, effects in OUTCOMES:
        for j, arm in enumerate(ARMS[1:]):
            for k, group in enumerate(GROUPS):
                if group != "all" and outcome not in (
                    "out_of_pocket_per_person",
                    "spending_per_person",
                    "qaly",
                    "foregone",
                ):
                    continue
                tilt = 1.0 if group == "all" else 1.0 + 0.25 * ((k % 5) - 2)
                sd = abs(base) * noise / 100 * (1.0 if group == "all" else 2.2)
                difference = base * effects[j] / 100 * tilt * (1 if base > 0 else -1)
                difference += rng.normal(0, sd / np.sqrt(replicates))
                se = sd / np.sqrt(replicates)
                level = base * (1.0 if group == "all" else 0.7 + 0.15 * (k % 5))
                rows.append(
                    {
                        "arm": arm,
                        "outcome": outcome,
                        "group": group,
                        "baseline_mean": level,
                        "arm_mean": level + difference,
                        "difference": difference,
                        "low": difference - 1.96 * se,
                        "high": difference + 1.96 * se,
                        "relative": difference / level,
                        "se_paired": se,
                        "se_unpaired": 3.6 * se,
                        "n": replicates,
                    }
                )
    return pd.DataFrame(rows)


def _monthly(rng: np.random.Generator, replicates: int, before: int, after: int) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for outcome, area, _, _, _, _, base, noise, effects in OUTCOMES:
        if area in ("behavior", "equity", "finance"):
            continue
        shared = rng.normal(0, 1, (replicates, before + after))
        for j, arm in enumerate(ARMS):
            effect = 0.0 if j == 0 else effects[j - 1] / 100
            for r in range(replicates):
                for month in range(before + after):
                    since = max(month - before + 1, 0)
                    season = 1 + 0.02 * np.sin(2 * np.pi * month / 12)
                    value = base * season * (1 + effect * (1 - 0.84**since))
                    value *= 1 + shared[r, month] * noise / 50
                    rows.append(
                        {
                            "arm": arm,
                            "replicate": r,
                            "month": month,
                            "outcome": outcome,
                            "group": "all",
                            "value": value,
                        }
                    )
    return pd.DataFrame(rows)


def _providers(rng: np.random.Generator, replicates: int) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    names = [
        (f"township-{i:02d}", "practice", f"Township health center {i}", f"第{i}乡镇卫生院")
        for i in range(1, 17)
    ]
    names += [
        ("county-people", "secondary", "County People's Hospital", "县人民医院"),
        ("county-tcm", "secondary", "County Hospital of Chinese Medicine", "县中医医院"),
        ("county-maternal", "secondary", "County Maternal and Child Hospital", "县妇幼保健院"),
        ("city-first", "tertiary", "First Municipal Hospital", "市第一医院"),
        ("city-second", "tertiary", "Second Municipal Hospital", "市第二医院"),
    ]
    spread = {
        "status-quo": 0.0,
        "global-budget": 0.05,
        "capitation": 0.09,
        "drg": 0.03,
        "value-based": 0.02,
    }
    for provider, kind, name_en, name_zh in names:
        scale = {"practice": 6e6, "secondary": 2.1e8, "tertiary": 9e8}[kind]
        base = scale * rng.uniform(0.6, 1.5)
        for arm in ARMS:
            tilt = 1 + spread[arm] * rng.normal()
            for replicate in range(replicates):
                revenue = base * tilt * (1 + 0.004 * rng.normal())
                for outcome, value in (("revenue", revenue), ("margin", revenue - 0.97 * base)):
                    rows.append(
                        {
                            "arm": arm,
                            "replicate": replicate,
                            "provider": provider,
                            "kind": kind,
                            "outcome": outcome,
                            "value": value,
                            "name_en": name_en,
                            "name_zh": name_zh,
                        }
                    )
    return pd.DataFrame(rows)


def _incentives() -> pd.DataFrame:
    cost = dict(
        zip(ACTIVITIES, [38, 24, 31, 1900, 9200, 420, 260, 12, 45, 0, 90, 140], strict=True)
    )
    share = {
        "status-quo": [1.3, 1.6, 1.1, 1.25, 1.1, 1.2, 1.4, 0, 0, 0, 0, -3],
        "global-budget": [0.3, 0.1, 0.1, 0.4, 0.35, 0.3, 0.2, 0, 0.1, 0, 0.2, 1.5],
        "capitation": [0, 0, 0, 1.25, 1.1, 1.2, 1.4, 0, 0, 120, 0.1, 2.0],
        "drg": [1.3, 1.6, 1.1, 1.9, 0.9, 0, 0, 60, 0, 0, 0, -9],
        "value-based": [1.25, 1.4, 1.0, 1.2, 1.1, 1.1, 1.2, 4, 0, 0, 5, 7],
    }
    rows: list[dict[str, Any]] = []
    for payer in ("resident-scheme", "employee-scheme"):
        for kind in ("practice", "secondary", "tertiary"):
            for arm in ARMS:
                used = share[arm] if payer == "resident-scheme" else share["status-quo"]
                for activity, ratio in zip(ACTIVITIES, used, strict=True):
                    if kind == "practice" and activity in ("admission_heavy", "coded_level"):
                        continue
                    if kind != "practice" and activity in (
                        "referral_up",
                        "member",
                        "controlled_patient",
                        "avoided_admission",
                    ):
                        continue
                    unit = cost[activity] * {"practice": 1, "secondary": 1.4, "tertiary": 2}[kind]
                    rows.append(
                        {
                            "arm": arm,
                            "kind": kind,
                            "payer": payer,
                            "activity": activity,
                            "marginal_receipts": ratio * (unit or 1),
                            "marginal_cost": unit,
                            "unit": "CNY",
                        }
                    )
    return pd.DataFrame(rows)


def _ledger() -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for j, arm in enumerate(ARMS):
        fund = 1.0 - 0.02 * j
        for payer, payee, purpose, amount in (
            ("outside", "resident-scheme", "premium", 21e9),
            ("fiscal-authority", "resident-scheme", "premium_subsidy", 38e9),
            ("outside", "employee-scheme", "premium", 30e9),
            ("patients", "township-01", "patient_covered", 6e9),
            ("patients", "county-people", "patient_covered", 15e9),
            ("patients", "city-first", "patient_uncovered", 9e9),
            ("resident-scheme", "township-01", "care_payment", 12e9 * fund),
            ("resident-scheme", "county-people", "care_payment", 29e9 * fund),
            ("resident-scheme", "city-first", "care_payment", 15e9 * fund),
            ("county-people", "resident-scheme", "care_payment_returned", 1e9),
            ("employee-scheme", "county-people", "care_payment", 14e9),
            ("employee-scheme", "city-first", "care_payment", 13e9),
            ("fiscal-authority", "township-01", "public_health_grant", 5e9),
            ("township-01", "outside", "staff_pay", 12e9),
            ("township-01", "outside", "supplies", 10e9),
            ("county-people", "outside", "staff_pay", 24e9),
            ("county-people", "outside", "supplies", 30e9),
            ("city-first", "outside", "staff_pay", 14e9),
            ("city-first", "outside", "supplies", 20e9),
        ):
            rows.append(
                {
                    "arm": arm,
                    "payer": payer,
                    "payee": payee,
                    "purpose": purpose,
                    "amount": int(amount / 50),
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def make_tables() -> Callable[..., ReportTables]:
    """Write the tables of a comparison of four reforms; the same call gives the same tables.

    ``only`` keeps a few outcomes, for tests that need a page but not a long one.
    """

    def make(
        replicates: int = 20,
        months_before: int = 24,
        months_after: int = 36,
        only: tuple[str, ...] = (),
    ) -> ReportTables:
        rng = np.random.default_rng(20260101)
        outcomes = pd.DataFrame(
            [
                {
                    "id": o,
                    "area": area,
                    "unit": unit,
                    "better": better,
                    "label_en": en,
                    "label_zh": zh,
                    "definition_en": f"{en}, summed over the months compared.",
                    "definition_zh": f"比较期内的{zh}。",
                }
                for o, area, unit, better, en, zh, *_ in OUTCOMES
                if not only or o in only
            ]
        )
        differences = _differences(rng, replicates)
        monthly = _monthly(rng, min(replicates, 6), months_before, months_after)
        return ReportTables(
            arms=pd.DataFrame(
                {
                    "arm": ARMS,
                    "title_en": TITLES_EN,
                    "title_zh": TITLES_ZH,
                    "is_status_quo": [True, False, False, False, False],
                }
            ),
            outcomes=outcomes,
            differences=differences[differences["outcome"].isin(outcomes["id"])],
            monthly=monthly[monthly["outcome"].isin(outcomes["id"])],
            providers=_providers(rng, 3),
            incentives=_incentives(),
            ledger=_ledger(),
            provenance={
                "command": "payshift compare china-county-drg china-county-capitation "
                "--replicates 20 --seed 20260101",
                "versions": {"payshift": "0.1.0", "numpy": "2.2.1", "python": "3.12.4"},
                "seeds": [20260101 + i for i in range(4)],
                "scenarios": dict.fromkeys(ARMS, "9f2c5d" * 10),
                "created": "2026-01-01",
            },
            months_before=months_before,
            currency="CNY",
            people=20_000,
            residents=800_000,
        )

    return make
