"""Ask from which stake on paying for quality begins to work.

Knows a lever (revenue at risk) and what answers it; must not know how quality is made.
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

STAKES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)
CONTROL, READMISSION = "chronic_control", "readmission_rate"
POINT = 0.01
"""One percentage point more of chronic conditions under control: what a program would call a
success (assumed)."""
_HOSPITALS = "payment.0.contract.value_based.at_risk"
_PRACTICES = "payment.1.contract.value_based.at_risk"


def _plan(size: Size) -> Plan:
    arms = levels(
        "value-based",
        (_HOSPITALS, _PRACTICES),
        STAKES,
        lambda x: {"en": f"{x:.0%} at risk", "zh": f"{x:.0%}与质量挂钩"},
    )
    outcomes = (CONTROL, READMISSION, "experience", "avoidable_need", "spending_per_person", "qaly")
    return Plan(arms, UNCERTAINTIES, outcomes, size)


def _read(lived: Lived) -> Answer:
    table = levels_table(lived, lived.plan.outcomes)
    control = lived.mean(CONTROL)
    stake, low, high, met = threshold(STAKES, control - control[0] >= POINT)
    gain = float((control[-1] - control[0]).mean())
    n = lived.n_draws
    english = (
        f"With {STAKES[-1]:.0%} of revenue at risk, chronic conditions under control change by "
        f"{100 * gain:+.1f} percentage points on average. "
    )
    chinese = f"{STAKES[-1]:.0%}的收入与质量挂钩时，慢性病控制率平均变化{100 * gain:+.1f}个百分点。"
    if math.isnan(stake):
        english += f"In none of {n} draws does any stake tried bring a full point."
        chinese += f"在{n}组参数中，所试各档均未能提高一个百分点。"
    else:
        english += (
            f"A full point is reached in {100 * met:.0f} % of {n} draws, there from a stake of "
            f"{stake:.1%} on (four fifths of those draws: {low:.1%} to {high:.1%})."
        )
        chinese += (
            f"在{n}组参数中，有{100 * met:.0f}%的情形能提高一个百分点，所需挂钩比例的中位数为"
            f"{stake:.1%}(其中八成情形在{low:.1%}至{high:.1%}之间)。"
        )
    about = {
        "outcomes": list(lived.plan.outcomes),
        "lever": {"en": "revenue at risk", "zh": "与质量挂钩的收入比例"},
        "lever_unit": "share",
        "mark": stake,
    }
    return Answer({"en": english, "zh": chinese}, table, "levels", about)


QUESTION = Question(
    "stake-on-quality",
    {
        "en": "Which stake on quality begins to work?",
        "zh": "与质量挂钩的比例达到多少才开始见效？",
    },
    {
        "en": "Contracts stay as they are, but a share of revenue depends on a score of outcomes, "
        "process, experience and cost; what moves is that share. It works where a percentage point "
        "more of chronic conditions is under control than without a stake.",
        "zh": "合同维持现状，部分收入取决于结果、过程、体验与费用的综合评分；只改变这一比例。"
        "慢性病控制率比不挂钩时高出一个百分点，即视为见效。",
    },
    _plan,
    _read,
    draws=24,
)
