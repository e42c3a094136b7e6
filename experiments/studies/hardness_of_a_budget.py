"""Ask how hard a global budget can be before waiting explodes.

Knows two levers (who bears an overrun, what the sum may grow) and what answers them; must not know
how patients queue.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from experiments.studies._plan import Arm, Lived, Plan, Size
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

SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
CUT = 0.2
WAIT, UNMET = "wait", "unmet_bed"
DOUBLED = 2.0
CENT = 1e-9
_BUDGETS = tuple(f"payment.{place}.contract.global_budget" for place in (0, 1))


def _plan(size: Size) -> Plan:
    arms = levels(
        "global-budget",
        [f"{path}.{end}" for path in _BUDGETS for end in ("surplus.0.kept", "overrun.0.borne")],
        SHARES,
        lambda x: {"en": f"{x:.0%} kept and borne", "zh": f"结余留用、超支自担{x:.0%}"},
    )
    cut = Arm(
        "cut",
        {"en": f"all borne, the sum cut by {CUT:.0%} a year", "zh": f"全担且总额每年削减{CUT:.0%}"},
        "global-budget",
        tuple((f"{path}.rebasing.growth", -CUT) for path in _BUDGETS),
    )
    outcomes = (WAIT, UNMET, "refused", "under_treatment", "spending_per_person", "qaly")
    return Plan((*arms, cut), UNCERTAINTIES, outcomes, size)


def _read(lived: Lived) -> Answer:
    table = levels_table(lived, lived.plan.outcomes)
    wait, unmet = lived.mean(WAIT), lived.mean(UNMET)
    whole = lived.arms.index(f"level-{SHARES[-1]:g}")
    cut = lived.arms.index("cut")
    free = unmet[0]
    share, low, high, met = threshold(SHARES, unmet[: len(SHARES)] >= DOUBLED * free + CENT)
    longer = wait[whole] / np.maximum(wait[0], CENT) - 1.0
    half = interval_half(longer)
    further = float((wait[cut] - wait[whole]).mean())
    further_half = interval_half(np.asarray(wait[cut] - wait[whole]))
    n = lived.n_draws
    k = round(met * n)
    is_longer = not math.isnan(half) and float(longer.mean()) > half
    english = (
        f"When hospitals and practices keep all of a surplus and bear all of an overrun instead of "
        f"none, the wait for a bed goes from {wait[0].mean():.2f} to {wait[whole].mean():.2f} "
        f"months ({100 * longer.mean():+.0f} % ± {100 * half:.0f}). "
    )
    chinese = (
        f"结余与超支由完全不承担改为全部归医院和基层机构时，住院等待由{wait[0].mean():.2f}个月变为"
        f"{wait[whole].mean():.2f}个月（{100 * longer.mean():+.0f}%±{100 * half:.0f}）。"
    )
    if math.isnan(share):
        english += (
            f"In none of {n} draws does unmet need for a bed double: within what was tried, "
            f"waiting {'lengthens but ' if is_longer else ''}does not explode. "
        )
        chinese += (
            f"在{n}组参数中，未满足的住院需要均未翻倍：在所试范围内，"
            f"等待{'延长，但' if is_longer else ''}没有失控。"
        )
    else:
        english += (
            f"Unmet need for a bed doubles in {k} of {n} draws, there from a share of {share:.0%} "
            f"on{four_fifths(f'{low:.0%}', f'{high:.0%}', k, 'en')}. "
        )
        chinese += (
            f"在{n}组参数中，有{k}组未满足的住院需要翻倍，临界承担比例的中位数为{share:.0%}"
            f"{four_fifths(f'{low:.0%}', f'{high:.0%}', k, 'zh')}。"
        )
    if not math.isnan(further_half) and abs(further) > further_half:
        english += f"Cutting the sum by {CUT:.0%} a year as well moves the wait by {further:+.2f}."
        chinese += f"在此基础上总额再每年削减{CUT:.0%}，等待再变化{further:+.2f}个月。"
    else:
        english += (
            f"Cutting the sum by {CUT:.0%} a year on top changes it no further: what one more "
            "admission brings is already nothing, however small the sum."
        )
        chinese += (
            f"在此基础上总额再每年削减{CUT:.0%}，等待无明显变化：无论总额多少，多收一个病人本已"
            "不再带来收入。"
        )
    about = {
        "outcomes": list(lived.plan.outcomes),
        "lever": {"en": "surplus kept, overrun borne", "zh": "结余留用、超支自担比例"},
        "lever_unit": "share",
        "mark": share,
    }
    means = {o: lived.mean(o).mean(axis=1) for o in lived.plan.outcomes if o in lived.values}
    rows = [{"outcome": o, "all_borne": m[whole], "and_cut": m[cut]} for o, m in means.items()]
    return Answer(
        {"en": english, "zh": chinese}, table, "levels", about, {"cut": pd.DataFrame(rows)}
    )


QUESTION = Question(
    "hardness-of-a-budget",
    {
        "en": "How hard can a global budget be before waiting explodes?",
        "zh": "总额预算收到多紧，排队会失控？",
    },
    {
        "en": "Hospitals and practices get budgets that grow 5 % a year; what moves is the share "
        "of a surplus they keep and of an overrun they bear, and, in one more arm, the sum itself. "
        "Waiting explodes where unmet need for a bed is twice what it is when nothing is borne.",
        "zh": "医院与基层机构实行总额预付，总额每年增长5%；改变的是结余留用与超支自担的比例，"
        "另设一组同时削减总额。未满足的住院需要达到完全不承担时的两倍，即视为排队失控。",
    },
    _plan,
    _read,
    draws=24,
)
