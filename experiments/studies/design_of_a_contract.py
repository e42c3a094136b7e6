"""Ask which terms of a contract nothing beats on cost, quality and equity at its worst.

Knows four levers and three objectives; must not know how anybody answers to them.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from experiments.contract_design import Lever, Objective, at_worst, efficient
from experiments.studies._plan import Arm, Lived, Plan, Size
from experiments.studies._question import UNCERTAINTIES, Answer, Question

LEVERS = (
    Lever("growth", -0.05, 0.08, "growth of hospital budgets", "医院预算年增长率", "share"),
    Lever("kept", 0.0, 1.0, "surplus kept, overrun borne", "结余留用与超支自担比例", "share"),
    Lever("at_risk", 0.0, 0.3, "revenue at risk on quality", "与质量挂钩的收入比例", "share"),
    Lever("elsewhere", 0.0, 0.3, "downstream spending borne", "承担外流费用的比例", "share"),
)
OBJECTIVES = (
    Objective("fund_spending_per_person", "lower", "cost"),
    Objective("qaly", "higher", "quality"),
    Objective("catastrophic_10", "lower", "equity"),
)
CANDIDATES = 16
TODAY = "today"
_INSURED = ["resident-scheme", "employee-scheme"]
_LIST = {"fee_for_service": {"schedule": "list"}}


def contract(terms: dict[str, float]) -> list[dict[str, Any]]:
    """Write the contract that the levers set: budgets for hospitals, capitation for practices."""
    hospitals = {
        "value_based": {
            "at_risk": terms["at_risk"],
            "of": {
                "global_budget": {
                    "budget": "neutral",
                    "surplus": [{"kept": terms["kept"]}],
                    "overrun": [{"borne": terms["kept"]}],
                    "rebasing": {
                        "weight_on_history": 0.0,
                        "growth": {"value": terms["growth"], "unit": "1/year"},
                    },
                    "of": _LIST,
                }
            },
        }
    }
    practices = {
        "capitation": {
            "rate": "neutral",
            "risk": "age-sex",
            "share_elsewhere": {"value": terms["elsewhere"], "unit": "share"},
            "stop_loss": {"value": 0.6, "unit": "share"},
        }
    }
    return [
        {
            "payer": _INSURED,
            "providers": {"kind": "secondary", "inside": True},
            "contract": hospitals,
        },
        {
            "payer": _INSURED,
            "providers": {"kind": "practice", "inside": True},
            "contract": practices,
        },
    ]


def _terms(n: int, seed: int) -> list[dict[str, float]]:
    """Spread candidate contracts evenly over the levers."""
    from scipy.stats import qmc

    cube = qmc.Sobol(len(LEVERS), rng=seed).random(n)
    return [
        {
            lever.id: round(lever.low + float(u) * (lever.high - lever.low), 4)
            for lever, u in zip(LEVERS, row, strict=True)
        }
        for row in cube
    ]


def _plan(size: Size) -> Plan:
    n = CANDIDATES if size.people >= 1_000 else 4
    today = Arm(TODAY, {"en": "today's payment", "zh": "现行支付"})
    candidates = tuple(
        Arm(
            f"contract-{number}",
            {"en": f"contract {number}", "zh": f"方案{number}"},
            settings=(("payment", contract(terms)),),
        )
        for number, terms in enumerate(_terms(n, 1), start=1)
    )
    outcomes = tuple(o.outcome for o in OBJECTIVES)
    return Plan((today, *candidates), UNCERTAINTIES, (*outcomes, "wait"), size)


def _worse_than_today(table: pd.DataFrame, objective: Objective) -> int:
    """Count the contracts that are worse than today's payment in one objective."""
    values = table[objective.outcome]
    today, rest = values.iloc[0], values.iloc[1:]
    return int((rest > today).sum() if objective.better == "lower" else (rest < today).sum())


def _read(lived: Lived) -> Answer:
    candidates = _terms(len(lived.arms) - 1, 1)
    table = pd.DataFrame(
        [{"arm": TODAY}]
        + [{"arm": f"contract-{k}", **terms} for k, terms in enumerate(candidates, start=1)]
    )
    for objective in OBJECTIVES:
        table[objective.outcome] = at_worst(lived.mean(objective.outcome), objective.better)
    values = table[[o.outcome for o in OBJECTIVES]].to_numpy(dtype=float)
    table["is_efficient"] = efficient(values, [o.better for o in OBJECTIVES])
    table["beats_today"] = [
        all(
            row[o.outcome] <= table[o.outcome].iloc[0]
            if o.better == "lower"
            else row[o.outcome] >= table[o.outcome].iloc[0]
            for o in OBJECTIVES
        )
        for _, row in table.iterrows()
    ]
    table.loc[0, "beats_today"] = False
    n = len(candidates)
    front = table[table["is_efficient"] & (table["arm"] != TODAY)]
    better = table[table["beats_today"]]
    english = (
        f"Of {n} contracts, judged by the bad end of {lived.n_draws} draws, {len(front)} are "
        "beaten by no other on cost, health and catastrophic spending together"
    )
    chinese = (
        f"在{n}个方案中，以{lived.n_draws}组参数里较差的一端评判，有{len(front)}个在费用、健康与"
        "灾难性支出上不被其他方案全面超过"
    )
    if len(better):
        english += f"; {len(better)} are at least as good as today in all three."
        chinese += f"；其中{len(better)}个三项均不差于现状。"
        best = better.sort_values("fund_spending_per_person").iloc[0]
        english += (
            f" The cheapest of these lets hospital budgets grow {best['growth']:+.1%} a year, "
            f"leaves {best['kept']:.0%} of surplus and overrun with hospitals, puts "
            f"{best['at_risk']:.0%} at risk on quality and has practices answer for "
            f"{best['elsewhere']:.0%} of spending elsewhere."
        )
        chinese += (
            f"其中基金支出最低者：医院预算年增长{best['growth']:+.1%}，结余与超支由医院承担"
            f"{best['kept']:.0%}，{best['at_risk']:.0%}的收入与质量挂钩，基层机构承担"
            f"{best['elsewhere']:.0%}的外流费用。"
        )
    else:
        costlier, sicker, harder = (_worse_than_today(table, each) for each in OBJECTIVES)
        english += (
            f"; none is at least as good as today in all three: {costlier or 'none'} cost the fund "
            f"more than today's payment, {sicker or 'none'} leave health worse, and "
            f"{harder or 'none'} leave more households with catastrophic spending."
        )
        chinese += (
            f"；没有一个三项均不差于现状：基金支出高于现状的有{costlier}个，健康不如现状的有"
            f"{sicker}个，灾难性支出家庭多于现状的有{harder}个。"
        )
    about = {
        "objectives": [[o.outcome, o.better] for o in OBJECTIVES],
        "levers": [[lv.id, lv.title_en, lv.title_zh, lv.low, lv.high] for lv in LEVERS],
        "yardstick": TODAY,
    }
    return Answer({"en": english, "zh": chinese}, table, "front", about)


QUESTION = Question(
    "design-of-a-contract",
    {
        "en": "Which terms of a contract does nothing beat?",
        "zh": "怎样的合同条款不被全面超过？",
    },
    {
        "en": "Hospitals get budgets with a stake on quality, practices capitation; four terms "
        "are spread evenly over their ranges. Each contract is judged by the worse end of nine "
        "tenths of the draws: fund spending, health, and households with catastrophic spending.",
        "zh": "医院实行总额预付并与质量挂钩，基层机构按人头付费；四项条款在各自范围内均匀取值。"
        "每个方案以九成情形中较差的一端评判：基金支出、健康、灾难性支出家庭比例。",
    },
    _plan,
    _read,
    draws=24,
)
