"""Ask what changes when capitated practices answer for what members spend elsewhere.

Knows a lever (the share of spending elsewhere) and what answers it; must not know how a practice
decides to refer.
"""

from __future__ import annotations

import math

import numpy as np

from experiments.studies._plan import Lived, Plan, Size
from experiments.studies._question import (
    UNCERTAINTIES,
    Answer,
    Question,
    interval_half,
    levels,
    levels_table,
)

SHARES = (0.0, 0.05, 0.1, 0.2, 0.4)
REFERRALS, AVOIDABLE, PRIMARY = "referrals_up", "avoidable_need", "first_contact_primary"
_PATH = "payment.0.contract.capitation.share_elsewhere"


def _plan(size: Size) -> Plan:
    arms = levels(
        "capitation",
        _PATH,
        SHARES,
        lambda x: (
            {"en": f"answers for {x:.0%}", "zh": f"承担{x:.0%}"}
            if x > 0
            else {"en": "no downstream risk", "zh": "不承担下游费用"}
        ),
    )
    outcomes = (REFERRALS, AVOIDABLE, "prevention", "spending_per_person", "qaly", PRIMARY)
    return Plan(arms, UNCERTAINTIES, outcomes, size)


def _said(change: float, half: float, lang: str) -> str:
    """Say a relative change with its interval, or that none is clear."""
    if math.isnan(half) or abs(change) <= half:
        return "show no clear change" if lang == "en" else "无明显变化"
    if lang == "en":
        word = "rise" if change > 0 else "fall"
        return f"{word} by {100 * abs(change):.1f} % (± {100 * half:.1f})"
    word = "上升" if change > 0 else "下降"
    return f"{word}{100 * abs(change):.1f}%(±{100 * half:.1f})"


def _read(lived: Lived) -> Answer:
    table = levels_table(lived, lived.plan.outcomes)
    parts: dict[str, list[str]] = {"en": [], "zh": []}
    names = {
        REFERRALS: ("referrals up", "上转"),
        AVOIDABLE: ("avoidable needs of a bed", "可避免住院需要"),
        "spending_per_person": ("spending per person", "人均费用"),
    }
    for outcome, (english, chinese) in names.items():
        values = lived.mean(outcome)
        level = float(values[0].mean())
        change = np.asarray(values[-1] - values[0]) / level if level else np.zeros(lived.n_draws)
        mean, half = float(change.mean()), interval_half(change)
        verb = _said(mean, half, "en")
        if outcome == "spending_per_person":
            verb = verb.replace("show ", "shows ").replace("rise ", "rises ")
            verb = verb.replace("fall ", "falls ")
        parts["en"].append(f"{english} {verb}")
        parts["zh"].append(chinese + _said(mean, half, "zh"))
    n = lived.n_draws
    english = (
        f"When practices answer for {SHARES[-1]:.0%} of what members spend elsewhere instead of "
        f"nothing, {parts['en'][0]}, {parts['en'][1]} and {parts['en'][2]} ({n} draws)."
    )
    chinese = (
        f"基层机构由不承担改为承担参保人外流费用的{SHARES[-1]:.0%}时，"
        f"{'，'.join(parts['zh'])}({n}组参数)。"
    )
    about = {
        "outcomes": list(lived.plan.outcomes),
        "lever": {"en": "share of spending elsewhere borne", "zh": "承担外流费用的比例"},
        "lever_unit": "share",
        "mark": math.nan,
    }
    return Answer({"en": english, "zh": chinese}, table, "levels", about)


QUESTION = Question(
    "capitation-and-downstream-risk",
    {
        "en": "What does downstream risk change under capitation?",
        "zh": "按人头付费是否承担下游费用，差别有多大？",
    },
    {
        "en": "Practices are paid per member, neutral to today's receipts at every level; what "
        "moves is the share of members' spending elsewhere that is taken off, at most three fifths "
        "of the sum. Hospitals stay as they are.",
        "zh": "基层机构按签约人头付费，各档均与现状收入持平；只改变扣减参保人外流费用的比例，"
        "扣减以人头费的六成为限。医院维持现状。",
    },
    _plan,
    _read,
    draws=24,
)
