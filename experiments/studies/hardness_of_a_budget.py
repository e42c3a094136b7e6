"""Ask how hard a global budget can be before waiting explodes.

Knows a lever (what a budget may grow) and what answers it; must not know how patients queue.
"""

from __future__ import annotations

import math

from experiments.studies._plan import Lived, Plan, Size
from experiments.studies._question import (
    UNCERTAINTIES,
    Answer,
    Question,
    levels,
    levels_table,
    threshold,
)

# From the growth of today's totals down to budgets that lose a fifth of their sum a year.
CUTS = (-0.05, 0.0, 0.05, 0.1, 0.15, 0.2)
WAIT, UNMET = "wait", "unmet_bed"
DOUBLED = 2.0
CENT = 1e-9
_HOSPITALS = "payment.0.contract.global_budget.rebasing.growth"
_PRACTICES = "payment.1.contract.global_budget.rebasing.growth"


def _plan(size: Size) -> Plan:
    arms = tuple(
        # the lever is read as a cut, the contract states growth
        type(arm)(
            arm.id,
            arm.title,
            arm.payment,
            tuple((path, -value) for path, value in arm.settings),
            arm.level,
        )
        for arm in levels(
            "global-budget",
            (_HOSPITALS, _PRACTICES),
            CUTS,
            lambda x: (
                {"en": f"budget cut by {x:.0%} a year", "zh": f"预算每年削减{x:.0%}"}
                if x > 0
                else {"en": f"budget grows by {-x:.0%} a year", "zh": f"预算每年增长{-x:.0%}"}
            ),
        )
    )
    outcomes = (WAIT, UNMET, "refused", "spending_per_person", "qaly")
    return Plan(arms, UNCERTAINTIES, outcomes, size)


def _read(lived: Lived) -> Answer:
    table = levels_table(lived, lived.plan.outcomes)
    wait, unmet = lived.mean(WAIT), lived.mean(UNMET)
    cut, low, high, met = threshold(CUTS, unmet >= DOUBLED * unmet[0] + CENT)
    n = lived.n_draws
    english = (
        f"From a budget that grows 5 % a year to one that loses {CUTS[-1]:.0%}, the wait for a bed "
        f"goes from {wait[0].mean():.2f} to {wait[-1].mean():.2f} months, and people who need a "
        f"bed and have none from {unmet[0].mean():.1f} to {unmet[-1].mean():.1f} per 1,000. "
    )
    chinese = (
        f"预算从每年增长5%收紧到每年削减{CUTS[-1]:.0%}，住院等待由{wait[0].mean():.2f}个月变为"
        f"{wait[-1].mean():.2f}个月，需要床位而未住上院的人由每千人{unmet[0].mean():.1f}人变为"
        f"{unmet[-1].mean():.1f}人。"
    )
    if math.isnan(cut):
        english += f"In none of {n} draws does unmet need double: no point of explosion was found."
        chinese += f"在{n}组参数中，未满足的住院需要均未翻倍，没有发现失控点。"
    else:
        name_en = f"a cut of {cut:.0%} a year" if cut > 0 else f"growth of {-cut:.0%} a year"
        name_zh = f"每年削减{cut:.0%}" if cut > 0 else f"每年增长{-cut:.0%}"
        english += (
            f"Unmet need doubles in {100 * met:.0f} % of {n} draws, there from {name_en} on "
            f"(four fifths of those draws: {low:+.0%} to {high:+.0%})."
        )
        chinese += (
            f"在{n}组参数中，有{100 * met:.0f}%的情形未满足需要翻倍，临界点的中位数为{name_zh}"
            f"(其中八成情形的削减幅度在{low:+.0%}至{high:+.0%}之间)。"
        )
    about = {
        "outcomes": list(lived.plan.outcomes),
        "lever": {"en": "yearly cut of the budget", "zh": "预算年削减率"},
        "lever_unit": "share",
        "mark": cut,
    }
    return Answer({"en": english, "zh": chinese}, table, "levels", about)


QUESTION = Question(
    "hardness-of-a-budget",
    {
        "en": "How hard can a global budget be before waiting explodes?",
        "zh": "总额预算收到多紧，排队会失控？",
    },
    {
        "en": "Hospitals and practices get budgets, keep all of a surplus and bear all of an "
        "overrun; what moves is the yearly growth of the budgets from their second year on. "
        "Waiting explodes where unmet need for a bed is twice what it is under growth of 5 %.",
        "zh": "医院与基层机构实行总额预付，结余全留、超支全担；只改变预算自第二年起的年增长率。"
        "未满足的住院需要达到年增长5%时的两倍，即视为排队失控。",
    },
    _plan,
    _read,
    draws=24,
    reform=36,
)
