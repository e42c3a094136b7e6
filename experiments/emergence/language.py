"""Claims about further ways of paying: pools, days, consortia, shared savings, audits, prices.

Where theory compares two contracts, both arms have the contract and differ in the one term that
theory speaks of: how many hospitals share a pool of points, the step in a rate per day, whether
losses are shared, whether a budget follows use. Hospitals of a pool are alike, so that their number
is their share, and have room, so that money and not beds decides.
"""

from __future__ import annotations

from typing import Final

from experiments.emergence import conditions as when
from experiments.emergence import measures as of
from experiments.emergence.arms import PRACTICE, SECONDARY
from experiments.emergence.claim import Claim, Placebo

PLACEBOS: Final = (
    Placebo(
        "no-weight-of-points",
        {"en": "points of weight 0", "zh": "权重为0的点数付费"},
        "points-without-weight",
        "item-fees",
        exact=True,
        ground="alike",
    ),
    Placebo(
        "equal-bands",
        {"en": "equal rates before and after the step", "zh": "分段前后标准相同"},
        "per-day-in-equal-bands",
        "per-day",
        exact=True,
        ground="stays",
    ),
    Placebo(
        "no-weight-of-consortium",
        {"en": "a consortium of weight 0", "zh": "权重为0的医共体总额"},
        "consortium-without-weight",
        "item-fees",
        exact=True,
    ),
    Placebo(
        "nothing-shared",
        {"en": "shares of savings and losses of 0", "zh": "节约与超支分享比例均为0"},
        "savings-without-stake",
        "status-quo",
        exact=True,
    ),
    Placebo(
        "no-ratchet",
        {
            "en": "a budget that follows use, with nothing kept or borne",
            "zh": "随用量重定但既不留用也不分担的总额",
        },
        "ratchet-without-stake",
        "budget-without-stake",
        exact=True,
    ),
    Placebo(
        "one-level-audited",
        {"en": "audits where all levels are paid the same", "zh": "各等级价格相同时的稽核"},
        "per-case-audited",
        "per-case",
        exact=True,
        ground="one-level",
    ),
    Placebo(
        "no-cut",
        {"en": "a cut of prices by nothing", "zh": "降价幅度为0"},
        "procured-nothing",
        "item-fees",
        exact=True,
    ),
    Placebo(
        "no-quality-stake",
        {"en": "a stake of 0 on quality", "zh": "质量挂钩比例为0"},
        "quality-without-stake",
        "status-quo",
        exact=True,
    ),
)

CLAIMS: Final = (
    Claim(
        "points-volume",
        {
            "en": "Points from a pool of many hospitals: more admissions",
            "zh": "多家医院共用点数池：住院增加",
        },
        "pool-of-eight",
        "pools-of-one",
        "county hospitals' admissions per 100 person-years",
        "county hospitals",
        1,
        {
            "en": "every hospital has at most 15 % of its pool's points and a further case "
            "brings more than in the comparator; number: the largest share",
            "zh": "各医院在点数池中占比不超过15%且多收一例的收入高于对照；数值为最大占比",
        },
        of.admissions_given,
        when.small_in_the_pool,
        "no-weight-of-points",
        ground="alike",
    ),
    Claim(
        "points-per-case",
        {
            "en": "Points from a pool of many hospitals: more points per case",
            "zh": "多家医院共用点数池：例均点数上升",
        },
        "pool-of-eight",
        "pools-of-one",
        "billed over true relative weight",
        "county hospitals",
        1,
        {
            "en": "every hospital has at most 15 % of its pool's points and a further case "
            "brings more than in the comparator; number: the largest share",
            "zh": "各医院在点数池中占比不超过15%且多收一例的收入高于对照；数值为最大占比",
        },
        of.billed_over_true,
        when.small_in_the_pool,
        "no-weight-of-points",
        ground="alike",
    ),
    Claim(
        "points-value",
        {
            "en": "Points from a pool of many hospitals: a point is worth less",
            "zh": "多家医院共用点数池：点值下降",
        },
        "pool-of-eight",
        "pools-of-one",
        "receipts for stays over billed weight in the last year, CNY",
        "county hospitals",
        -1,
        {
            "en": "every hospital has at most 15 % of its pool's points and a further case "
            "brings more than in the comparator; number: the largest share",
            "zh": "各医院在点数池中占比不超过15%且多收一例的收入高于对照；数值为最大占比",
        },
        of.point_value,
        when.small_in_the_pool,
        "no-weight-of-points",
        ground="alike",
    ),
    Claim(
        "points-own-share",
        {
            "en": "Points from pools of few large hospitals: own share restrains points",
            "zh": "少数大医院共用点数池：自身占比抑制点数增长",
        },
        "pools-of-two",
        "pool-of-eight",
        "points (billed weight) per 100 person-years",
        "county hospitals",
        -1,
        {
            "en": "pools of few large hospitals, one having at least 40 % of its pool, where a "
            "further case brings less than in the comparator; number: the largest share",
            "zh": "点数池中医院少而大（最大占比不低于40%）且多收一例的收入低于对照；数值为最大占比",
        },
        of.points_per_person,
        when.large_in_the_pool,
        "no-weight-of-points",
        ground="alike",
    ),
    Claim(
        "days-cluster",
        {
            "en": "A rate per day that falls at a step: stays end before the step",
            "zh": "床日标准在某日后下降：住院集中于分段前结束",
        },
        "per-day-declining",
        "per-day",
        "share of stays of 6 to 9 days that end on day 6 or 7",
        "county hospitals",
        1,
        {
            "en": "a day after the step brings less than one before; number: the fall over a "
            "day's cost",
            "zh": "分段后的床日收入低于分段前；数值为降幅占床日成本比例",
        },
        of.before_the_step,
        when.days_pay_less_after_the_step,
        "equal-bands",
        ground="stays",
    ),
    Claim(
        "consortium-visits",
        {
            "en": "One budget for a consortium: visits move down to primary care",
            "zh": "医共体共用总额：门诊下沉基层",
        },
        "consortium",
        "consortium-interim",
        "share of outpatient contacts at practices",
        "everybody",
        1,
        {
            "en": "one more at a hospital brings less than in the comparator, for the pool is "
            "charged; number: change over list price",
            "zh": "医院多做一项的收入低于对照（费用计入共同总额）；数值为变化占价格比例",
        },
        of.visits_in_primary_care,
        when.margin_falls("out", when.list_out, SECONDARY),
        "no-weight-of-consortium",
    ),
    Claim(
        "savings-intensity",
        {
            "en": "Savings and losses shared, against savings alone: fewer services",
            "zh": "双向节约共享强于单向：服务强度更低",
        },
        "savings-two-sided",
        "savings-one-sided",
        "units given over appropriate",
        "practices",
        -1,
        {
            "en": "one more brings less than in the comparator; number: change over list price",
            "zh": "多做一项的收入低于对照；数值为变化占价格比例",
        },
        of.intensity_out(PRACTICE),
        when.margin_falls("out", when.list_out, PRACTICE),
        "nothing-shared",
    ),
    Claim(
        "savings-prevention",
        {
            "en": "Savings and losses shared, against savings alone: more prevention",
            "zh": "双向节约共享强于单向：预防更多",
        },
        "savings-two-sided",
        "savings-one-sided",
        "preventive contacts per chronic member-year",
        "practices",
        1,
        {
            "en": "spending elsewhere costs the practice more than in the comparator; number: "
            "receipts per yuan",
            "zh": "外流费用使机构的损失大于对照；数值为每元外流的收入变化",
        },
        of.prevention,
        when.answers_downstream,
        "nothing-shared",
    ),
    Claim(
        "ratchet-volume",
        {
            "en": "A budget that follows use, against a fixed one: the fall of volume is weaker",
            "zh": "随用量重定的总额弱于固定总额：服务量降幅较小",
        },
        "budget-ratchet",
        "budget-fixed",
        "list charges, CNY per person-year",
        "providers inside the county",
        1,
        {
            "en": "next year's budget follows this year's claims, so that one more brings more "
            "than in the comparator; number: change over list price",
            "zh": "次年预算随当年费用调整，因而多做一项的收入高于对照；数值为变化占价格比例",
        },
        of.volume,
        when.margin_rises("out", when.list_out, PRACTICE, SECONDARY),
        "no-ratchet",
    ),
    Claim(
        "audit-coding",
        {"en": "Audits: more honest coding", "zh": "稽核：编码更真实"},
        "per-case-audited",
        "per-case",
        "share of stays billed above their level",
        "county hospitals",
        -1,
        {
            "en": "a level too high pays, and being found is likelier and dearer than in the "
            "comparator; number: change of sample x detection x (1 + fine)",
            "zh": "高套有利可图且被查处的概率与代价高于对照；"
            "数值为抽查率×检出率×（1+罚款倍数）的变化",
        },
        of.upcoded,
        when.reviews_cost_more,
        "one-level-audited",
    ),
    Claim(
        "procurement-spending",
        {"en": "Cheaper drugs: less spent on drugs", "zh": "药品降价：药费下降"},
        "procured",
        "item-fees",
        "list charges for drugs, CNY per person-year",
        "providers inside the county",
        -1,
        {
            "en": "a unit of drugs costs less and brings no margin before or after; number: "
            "price over price before",
            "zh": "药品单价下降且前后均无差价；数值为现价与原价之比",
        },
        of.component_charges(0),
        when.drugs_cheaper_at_no_margin,
        "no-cut",
    ),
    Claim(
        "procurement-volume",
        {
            "en": "Cheaper drugs without a margin: no change in what is given",
            "zh": "无差价药品降价：用量不变",
        },
        "procured",
        "item-fees",
        "units of drugs given over appropriate",
        "providers inside the county",
        0,
        {
            "en": "a unit of drugs costs less and brings no margin before or after; number: "
            "price over price before",
            "zh": "药品单价下降且前后均无差价；数值为现价与原价之比",
        },
        of.component_over_need(0),
        when.drugs_cheaper_at_no_margin,
        "no-cut",
    ),
    Claim(
        "procurement-replaced",
        {
            "en": "Cheaper drugs with labor paid better: more labor given",
            "zh": "药品降价同时提高劳务价格：劳务量上升",
        },
        "procured-margins-replaced",
        "procured",
        "units of labor given over appropriate",
        "providers inside the county",
        1,
        {
            "en": "a unit of labor brings more over its cost than in the comparator; number: "
            "change over list price",
            "zh": "劳务项目的边际收益高于对照；数值为变化占价格比例",
        },
        of.component_over_need(3),
        when.labor_gains_margin,
        "no-cut",
    ),
    Claim(
        "quality-small",
        {
            "en": "A hundredth of income on quality: nothing measurable",
            "zh": "收入的1%与质量挂钩：无可测变化",
        },
        "quality-small",
        "status-quo",
        "share of condition-months under control",
        "everybody",
        0,
        {
            "en": "one more person under control pays; number: CNY per month under control",
            "zh": "多控制一人有收入；数值为每控制人月元",
        },
        of.control,
        when.control_pays,
        "no-quality-stake",
    ),
    Claim(
        "quality-large",
        {
            "en": "A quarter of income on quality: better chronic control",
            "zh": "收入的25%与质量挂钩：慢病控制改善",
        },
        "quality-large",
        "status-quo",
        "share of condition-months under control",
        "everybody",
        1,
        {
            "en": "one more person under control pays; number: CNY per month under control",
            "zh": "多控制一人有收入；数值为每控制人月元",
        },
        of.control,
        when.control_pays,
        "no-quality-stake",
    ),
)
