"""Ask which parameters decide which outcome of a reform.

Knows the systems and what was drawn; must not know what a parameter does.

Rank correlations of what a reform changes with what was drawn (Spearman), with intervals by
resampling draws. With as many draws as a laptop lives in minutes they tell strong from weak; a
share of variance (Sobol) needs thousands of runs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from experiments.studies import _systems
from experiments.studies._plan import Lived
from experiments.studies._question import Answer, Question, inside
from sim.outcomes import OUTCOMES
from sim.parameters import Parameter

REFORM = "capitation"
DECIDED = (
    "fund_spending_per_person",
    "qaly",
    "avoidable_need",
    "referrals_up",
    "under_treatment",
    "catastrophic_10",
)
RESAMPLES = 400


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give Spearman's correlation of every column of x with y."""
    from scipy.stats import rankdata

    ranked = rankdata(np.column_stack([x, y]), axis=0)
    centered = ranked - ranked.mean(axis=0)
    lengths = np.sqrt((centered**2).sum(axis=0))
    product = centered[:, :-1].T @ centered[:, -1]
    size = lengths[:-1] * lengths[-1]
    found = np.divide(product, size, out=np.zeros_like(product), where=size > 0.0)
    return np.asarray(found)


def _signed(value: float) -> str:
    """Write a correlation with its sign, a true minus among them."""
    return f"{value:+.2f}".replace("-", "−")


def _sentence(found: pd.DataFrame, known: Mapping[str, Parameter], n: int) -> dict[str, str]:
    """Name the strongest parameter of every outcome, and those that nothing hangs on."""
    decides: dict[str, list[tuple[str, float]]] = {}
    undecided: list[str] = []
    for outcome, part in found.groupby("outcome", sort=False):
        clear = part[part["is_clear"]]
        if len(clear) == 0:
            undecided.append(str(outcome))
            continue
        top = clear.assign(size=clear["correlation"].abs()).sort_values("size").iloc[-1]
        decides.setdefault(str(top["parameter"]), []).append(
            (str(outcome), float(top["correlation"]))
        )
    idle = [
        str(name)
        for name, part in found.groupby("parameter", sort=False)
        if not part["is_clear"].any()
    ]
    english, chinese = [], []
    for name, moved in decides.items():
        words = [f"{inside(OUTCOMES[o].label['en'])} ({_signed(r)})" for o, r in moved]
        english.append(f"“{inside(known[name].label_en)}” weighs most on {', '.join(words)}")
        words = [f"{OUTCOMES[o].label['zh']}（{_signed(r)}）" for o, r in moved]
        chinese.append(f"“{known[name].label_zh}”对{'、'.join(words)}影响最大")
    if undecided:
        english.append(
            "nothing drawn clearly decides "
            + ", ".join(inside(OUTCOMES[o].label["en"]) for o in undecided)
        )
        chinese.append("没有参数明显左右" + "、".join(OUTCOMES[o].label["zh"] for o in undecided))
    text_en = f"Of what capitation changes over {n} draws, " + "; ".join(english) + "."
    text_zh = f"就按人头付费带来的变化而言（{n}组参数），" + "；".join(chinese) + "。"
    if idle and decides:
        text_en += " No clear effect on any outcome shown: "
        text_en += ", ".join(inside(known[name].label_en) for name in idle) + "."
        text_zh += (
            "对所列结果均无明显影响的有：" + "、".join(known[n].label_zh for n in idle) + "。"
        )
    return {"en": text_en, "zh": text_zh}


def _read(lived: Lived) -> Answer:
    arms = lived.arms
    reform, today = arms.index(REFORM), arms.index(_systems.YARDSTICK)
    names = list(lived.points)
    x = lived.points.to_numpy(dtype=np.float64)
    n = len(x)
    generator = np.random.default_rng(lived.plan.seed)
    picks = [generator.integers(0, n, n) for _ in range(RESAMPLES)]
    rows = []
    for outcome in DECIDED:
        table = lived.mean(outcome)
        change = table[reform] - table[today]
        point = _correlations(x, change)
        again = np.array([_correlations(x[pick], change[pick]) for pick in picks])
        low, high = np.quantile(again, [0.025, 0.975], axis=0)
        for index, name in enumerate(names):
            rows.append(
                {
                    "outcome": outcome,
                    "parameter": name,
                    "correlation": float(point[index]),
                    "low": float(low[index]),
                    "high": float(high[index]),
                    "is_clear": bool(low[index] > 0.0 or high[index] < 0.0),
                    "n": n,
                }
            )
    found = pd.DataFrame(rows)
    known = lived.plan.parameters()
    said = _sentence(found, known, n)
    about = {
        "outcomes": list(DECIDED),
        "reform": REFORM,
        "labels": {name: {"en": row.label_en, "zh": row.label_zh} for name, row in known.items()},
    }
    return Answer(said, found, "decides", about)


QUESTION = Question(
    "which-parameters-decide",
    {
        "en": "Which parameters decide which outcome?",
        "zh": "哪些参数决定哪些结果？",
    },
    {
        "en": "Rank correlation of what capitation changes against today with twelve parameters of "
        "behavior drawn together over their ranges; intervals of 95 % by resampling draws.",
        "zh": "十二个行为参数在各自范围内同时抽取，计算其与按人头付费相对现状的变化之间的秩相关；"
        "95%区间由重抽样得到。",
    },
    _systems.plan,
    _read,
    draws=_systems.DRAWS,
)
