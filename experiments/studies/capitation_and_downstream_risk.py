"""Ask what changes when capitated practices answer for what members spend elsewhere.

Knows a lever (the share of spending elsewhere) and what answers it; must not know how a practice
decides to refer.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from experiments.studies._plan import Lived, Plan, Size
from experiments.studies._question import (
    UNCERTAINTIES,
    Answer,
    Question,
    interval_half,
    levels,
    levels_table,
)

Float64 = npt.NDArray[np.float64]
SHARES = (0.0, 0.05, 0.1, 0.2, 0.4)
REFERRALS, AVOIDABLE, PRIMARY = "referrals_up", "avoidable_need", "first_contact_primary"
SPENDING = "spending_per_person"
WEAKER = 0.5
"""Below this part of its largest change an outcome has turned back."""
BEYOND = 0.5
"""Below this part of what the share by itself takes for a referral, the cap has taken most."""
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
    outcomes = (REFERRALS, AVOIDABLE, "prevention", SPENDING, "qaly", PRIMARY)
    return Plan(arms, UNCERTAINTIES, outcomes, size)


def _change(values: Float64, level: int) -> tuple[float, float]:
    """Give the change from the first level to another, relative to its mean, and half its interval.

    Parameters
    ----------
    values : float64, shape (levels, draws)
    level : int
    """
    start = float(values[0].mean())
    if not start:
        return 0.0, math.nan
    change = (values[level] - values[0]) / start
    return float(change.mean()), interval_half(change)


def _said(change: float, half: float, lang: str, *, one: bool = False) -> str:
    """Say a relative change with its interval, or that none is clear."""
    if math.isnan(half) or abs(change) <= half:
        word = "shows" if one else "show"
        return f"{word} no clear change" if lang == "en" else "无明显变化"
    # as many as show that the change is larger than its interval
    digits = 1 if abs(change) >= 0.01 else 2
    if lang == "en":
        word = ("rise" if change > 0 else "fall") + ("s" if one else "")
        return f"{word} by {100 * abs(change):.{digits}f} % (± {100 * half:.{digits}f})"
    word = "上升" if change > 0 else "下降"
    return f"{word}{100 * abs(change):.{digits}f}%（±{100 * half:.{digits}f}）"


def takes_for_a_referral(plan: Plan, level: int) -> float:
    """Give what one more patient sent up brings a practice in the contract itself, before any run.

    Mean over payers by how many they send, currency, below 0 where it is deducted.
    """
    from sim import xray

    table = xray(plan.arms[level].scenario(plan.size))
    rows = table[(table["kind"] == "practice") & (table["activity"] == "referral_up")]
    return float(np.average(rows["receipts_after"], weights=np.maximum(rows["volume"], 1e-9)))


def lies_beyond_cap(plan: Plan, level: int, below: int) -> bool:
    """Ask the contract whether its cap takes away most of what a share of spending takes.

    Parameters
    ----------
    plan : Plan
    level : int
        The share that is asked about.
    below : int
        A smaller share, by which what the share alone would take is judged.
    """
    alone = takes_for_a_referral(plan, below) * SHARES[level] / SHARES[below]
    return abs(takes_for_a_referral(plan, level)) < BEYOND * abs(alone)


def _read(lived: Lived) -> Answer:
    return answer(lived, lies_beyond_cap)


def answer(lived: Lived, is_beyond_cap: Callable[[Plan, int, int], bool]) -> Answer:
    """Read what was lived; where the effect turns back, ask why.

    Parameters
    ----------
    lived : Lived
    is_beyond_cap : function of (plan, level, smaller level) to bool
        As :func:`lies_beyond_cap`.
    """
    table = levels_table(lived, lived.plan.outcomes)
    referrals = lived.mean(REFERRALS)
    every = [_change(referrals, level) for level in range(len(SHARES))]
    last = len(SHARES) - 1
    most = max(range(1, len(SHARES)), key=lambda level: abs(every[level][0]))
    turns_back = abs(every[last][0]) < WEAKER * abs(every[most][0])
    told = most if turns_back else last
    needs, spending = _change(lived.mean(AVOIDABLE), told), _change(lived.mean(SPENDING), told)
    n = lived.n_draws
    english = (
        f"Where practices answer for {SHARES[told]:.0%} of what members spend elsewhere instead of "
        f"nothing, referrals up {_said(*every[told], 'en')}, avoidable needs of a bed "
        f"{_said(*needs, 'en')} and spending per person {_said(*spending, 'en', one=True)} "
        f"({n} draws)."
    )
    chinese = (
        f"基层机构由不承担改为承担参保人外流费用的{SHARES[told]:.0%}时，"
        f"上转{_said(*every[told], 'zh')}，可避免住院需要{_said(*needs, 'zh')}，"
        f"人均费用{_said(*spending, 'zh')}（{n}组参数）。"
    )
    if turns_back:
        english += (
            f" A larger share does less: at {SHARES[last]:.0%} referrals up "
            f"{_said(*every[last], 'en')}"
        )
        chinese += f"比例再高反而减弱：承担{SHARES[last]:.0%}时上转{_said(*every[last], 'zh')}"
        # A cap on the deduction may take away at the top what the share gives below it.
        if is_beyond_cap(lived.plan, last, most):
            english += (
                ", for most of the deduction then lies beyond its cap, where one more referral "
                "costs the practice nothing."
            )
            chinese += "，因为扣减大多已触及上限，再多转一人不再减少机构收入。"
        else:
            english += "."
            chinese += "。"
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
