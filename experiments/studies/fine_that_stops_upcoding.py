"""Ask which fine stops upcoding under case payment.

Knows a lever (the fine) and what answers it; must not know how coding is decided.
"""

from __future__ import annotations

import math

from experiments.studies._plan import Lived, Plan, Size
from experiments.studies._question import (
    UNCERTAINTIES,
    Answer,
    Question,
    four_fifths,
    levels,
    levels_table,
    threshold,
)

FINES = (0.0, 1.0, 2.0, 5.0, 20.0, 50.0)
OUTCOME = "upcoded_share"
HALVED = 0.5


def _plan(size: Size) -> Plan:
    arms = levels(
        "drg",
        "audit.fine",
        FINES,
        lambda x: {"en": f"fine of {x:g} times the sum", "zh": f"罚款为骗取金额的{x:g}倍"},
    )
    outcomes = (OUTCOME, "case_mix_drift", "fund_spending_per_person", "undetected_per_person")
    return Plan(arms, UNCERTAINTIES, outcomes, size)


def _read(lived: Lived) -> Answer:
    table = levels_table(lived, lived.plan.outcomes)
    shares = lived.mean(OUTCOME)
    free = shares[0]
    fine, low, high, met = threshold(FINES, shares <= HALVED * free)
    start, end = float(free.mean()), float(shares[-1].mean())
    n = lived.n_draws
    k = round(met * n)
    english = (
        f"Without a fine, {100 * start:.1f} % of stays are billed above their true level; with the "
        f"highest fine tried, {FINES[-1]:g} times the sum, {100 * end:.1f} % are. "
    )
    chinese = (
        f"不设罚款时，{100 * start:.1f}%的住院高套病组；罚款为金额的{FINES[-1]:g}倍时，"
        f"这一比例为{100 * end:.1f}%。"
    )
    if math.isnan(fine):
        english += f"No fine tried halves upcoding in any of {n} draws."
        chinese += f"在{n}组不确定参数中，所试罚款均未能使高套减半。"
    else:
        english += (
            f"A fine halves upcoding in {k} of {n} draws, there from {fine:g} times the sum on"
            f"{four_fifths(f'{low:g}', f'{high:g}', k, 'en')}."
        )
        chinese += (
            f"在{n}组参数中，有{k}组罚款能使高套减半，所需倍数的中位数为{fine:g}"
            f"{four_fifths(f'{low:g}', f'{high:g}倍', k, 'zh')}。"
        )
    about = {
        "outcomes": list(lived.plan.outcomes),
        "lever": {"en": "fine, times the sum", "zh": "罚款倍数"},
        "mark": fine,
    }
    return Answer({"en": english, "zh": chinese}, table, "levels", about)


QUESTION = Question(
    "fine-that-stops-upcoding",
    {"en": "Which fine stops upcoding?", "zh": "多重的罚款能止住高套病组？"},
    {
        "en": "Stays are paid by DRG; the fine on what an audit finds moves, audits themselves "
        "stay as they are. Upcoded stays are counted on the true side.",
        "zh": "住院按DRG付费；只改变稽核查实后的罚款倍数，稽核力度不变。高套按真实病情判定。",
    },
    _plan,
    _read,
    draws=24,
)
