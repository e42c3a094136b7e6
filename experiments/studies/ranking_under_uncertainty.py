"""Ask whether the ranking of payment models survives uncertainty.

Knows the systems and how to rank them; must not know what a payment model does.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.robustness import agreement, ranks
from experiments.studies import _systems
from experiments.studies._plan import Lived
from experiments.studies._question import Answer, Question, inside
from sim.outcomes import OUTCOMES

RANKED = (
    ("fund_spending_per_person", "lower"),
    ("qaly", "higher"),
    ("catastrophic_10", "lower"),
    ("avoidable_need", "lower"),
)
HOLDS = 0.7
"""Kendall's W from which on an order is said to hold; strong agreement in common usage."""


def _read(lived: Lived) -> Answer:
    rows, summary = [], []
    for outcome, better in RANKED:
        table = lived.mean(outcome)
        order = ranks(table, "higher" if better == "higher" else "lower")
        w = agreement(table, "higher" if better == "higher" else "lower")
        means = order.mean(axis=1)
        first = int(np.argmin(means))
        summary.append(
            {
                "outcome": outcome,
                "agreement": w,
                "first": lived.arms[first],
                "share_first": float((order[first] == order.min(axis=0)).mean()),
                "n": lived.n_draws,
            }
        )
        for index, arm in enumerate(lived.plan.arms):
            for rank in range(1, len(lived.arms) + 1):
                share = float((np.floor(order[index]) == rank).mean())
                rows.append(
                    {
                        "outcome": outcome,
                        "arm": arm.id,
                        "rank": rank,
                        "share": share,
                        "mean_rank": float(means[index]),
                        "n": lived.n_draws,
                    }
                )
    found = pd.DataFrame(summary)
    titles = {arm.id: arm.title for arm in lived.plan.arms}
    english, chinese = [], []
    for _, row in found.iterrows():
        label = OUTCOMES[str(row["outcome"])].label
        name = titles[str(row["first"])]
        holds = row["agreement"] >= HOLDS
        english.append(
            f"by {inside(label['en'])} {name['en']} comes first in "
            f"{100 * row['share_first']:.0f} % of draws and the order "
            f"{'holds' if holds else 'does not hold'} (W {row['agreement']:.2f})"
        )
        chinese.append(
            f"按{label['zh']}，{name['zh']}在{100 * row['share_first']:.0f}%的情形居首，"
            f"次序{'稳定' if holds else '不稳定'}（W={row['agreement']:.2f}）"
        )
    said = {
        "en": f"Over {lived.n_draws} draws, " + "; ".join(english) + ".",
        "zh": f"在{lived.n_draws}组不确定参数下：" + "；".join(chinese) + "。",
    }
    about = {"outcomes": [outcome for outcome, _ in RANKED], "yardstick": _systems.YARDSTICK}
    return Answer(said, pd.DataFrame(rows), "ranking", about, {"agreement": found})


QUESTION = Question(
    "ranking-under-uncertainty",
    {
        "en": "Does the ranking of payment models survive uncertainty?",
        "zh": "考虑不确定性后，各支付方式的排序还成立吗？",
    },
    {
        "en": "Six payment models are ranked in every draw of what is not known about behavior; "
        "Kendall's W says how far the draws agree (1: always the same order, 0: chance).",
        "zh": "在每一组不确定的行为参数下给六种支付方式排序；Kendall和谐系数W表示各组排序的一致程度"
        "（1为完全一致，0为随机）。",
    },
    _systems.plan,
    _read,
    draws=_systems.DRAWS,
)
