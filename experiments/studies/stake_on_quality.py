"""Ask from which stake on paying for quality begins to work.

Knows a lever (revenue at risk) and what answers it; must not know how quality is made.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from experiments.studies._plan import Lived, Plan, Size
from experiments.studies._question import (
    UNCERTAINTIES,
    Answer,
    Question,
    four_fifths,
    interval_half,
    levels,
    levels_table,
    threshold,
)

Float64 = npt.NDArray[np.float64]
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


def _begins(change: Float64) -> float:
    """Find the lowest stake from which on the mean over draws has clearly risen; NaN if none."""
    is_clear = np.array([float(row.mean()) > interval_half(row) for row in change])
    return threshold(STAKES, is_clear[:, np.newaxis])[0]


def _read(lived: Lived) -> Answer:
    table = levels_table(lived, lived.plan.outcomes)
    control = lived.mean(CONTROL)
    stake, low, high, met = threshold(STAKES, control - control[0] >= POINT)
    change = control - control[0]
    gain, half = float(change[-1].mean()), interval_half(change[-1])
    n = lived.n_draws
    k = round(met * n)
    first, last = 100 * float(control[0].mean()), 100 * float(control[-1].mean())
    english = (
        f"With {STAKES[-1]:.0%} of revenue at risk, {last:.1f} % of chronic conditions are under "
        f"control instead of {first:.1f} % ({100 * gain:+.2f} percentage points ± {100 * half:.2f})"
    )
    chinese = (
        f"{STAKES[-1]:.0%}的收入与质量挂钩时，慢性病控制率由{first:.1f}%变为{last:.1f}%"
        f"（{100 * gain:+.2f}个百分点，±{100 * half:.2f}）"
    )
    begins = _begins(change)
    if not math.isnan(begins):
        english += f"; the rise is clear from a stake of {begins:.0%} on. "
        chinese += f"；挂钩比例自{begins:.0%}起，升幅明显可辨。"
    else:
        english += "; no stake tried brings a clear rise. "
        chinese += "；所试各档均无明显升幅。"
    if math.isnan(stake):
        english += f"In none of {n} draws does any stake tried bring a full point."
        chinese += f"在{n}组参数中，所试各档均未能提高一个百分点。"
    else:
        english += (
            f"A full point is reached in {k} of {n} draws, there from a stake of {stake:.1%} on"
            f"{four_fifths(f'{low:.1%}', f'{high:.1%}', k, 'en')}."
        )
        chinese += (
            f"在{n}组参数中，有{k}组能提高一个百分点，所需挂钩比例的中位数为{stake:.1%}"
            f"{four_fifths(f'{low:.1%}', f'{high:.1%}', k, 'zh')}。"
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
