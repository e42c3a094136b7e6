"""Claims about the county under five payment models, and about budgets that bind.

Theory signs what responsibility for downstream spending does to two things: stays elsewhere, which
is what is charged, and illness, which control keeps from arising in a given person. Three sums mix
signs and are reported only. All admissions add stays in a practice's own beds, which are no
spending elsewhere and replace some that are: where practices have no beds, all stays are elsewhere.
Avoidable needs of all add those of people whom control keeps alive, who are among the sickest; and
those that come of episodes treated more or less. Restated so after a first look at the sums.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from experiments.emergence import conditions as when
from experiments.emergence import measures as of
from experiments.emergence.arms import COMPONENTS, PRACTICE, SECONDARY, TERTIARY
from experiments.emergence.claim import Claim, Placebo
from experiments.emergence.conditions import CLEAR_MARGIN, Found
from experiments.emergence.lives import Life
from experiments.emergence.measures import ratio
from sim.tallies import ProviderTally as V

PLACEBOS: Final = (
    Placebo(
        "at-cost",
        {
            "en": "every unit costs its list price and takes no effort: m = k",
            "zh": "每项服务成本等于价格且不费力：m = k",
        },
        "item-fees",
        "appropriate",
        exact=False,
        ground="at-cost",
    ),
    Placebo(
        "no-total",
        {
            "en": "a total of which nothing is kept and nothing borne, against none",
            "zh": "既不留用也不分担的总额，与无总额相比",
        },
        "budget-without-stake",
        "item-fees",
        exact=True,
    ),
    Placebo(
        "no-weight-per-member",
        {"en": "a payment per member of weight 0", "zh": "权重为0的按人头付费"},
        "per-member-without-weight",
        "status-quo",
        exact=True,
    ),
    Placebo(
        "no-share",
        {"en": "a downstream share of 0", "zh": "外流费用分担比例为0"},
        "per-member-without-share",
        "per-member",
        exact=True,
    ),
    Placebo(
        "no-weight-per-case",
        {"en": "a payment per case of weight 0", "zh": "权重为0的按病例付费"},
        "per-case-without-weight",
        "item-fees",
        exact=True,
    ),
    Placebo(
        "one-level",
        {"en": "equal case prices of all levels", "zh": "各等级病例价格相同"},
        "per-case",
        "status-quo",
        exact=True,
        ground="one-level",
    ),
    Placebo(
        "one-severity",
        {"en": "no spread of severity in a group and level", "zh": "组内无病情差异"},
        "per-case",
        "status-quo",
        exact=False,
        ground="one-severity",
    ),
    Placebo(
        "nothing-at-risk",
        {"en": "a score with nothing at risk", "zh": "评分不挂钩任何收入"},
        "by-score-without-stake",
        "item-fees",
        exact=True,
    ),
)

_SETTINGS: Final = {
    "practices": ({"en": "practices", "zh": "基层门诊"}, (PRACTICE,), False),
    "outpatients": ({"en": "hospital outpatients", "zh": "医院门诊"}, (SECONDARY, TERTIARY), False),
    "inpatients": ({"en": "inpatients", "zh": "住院"}, (PRACTICE, SECONDARY, TERTIARY), True),
}
_COMPONENT_ZH: Final = {
    "drugs": "药品",
    "diagnostics": "检查",
    "procedures": "治疗与耗材",
    "labor": "劳务",
}


def _margins_of_component(
    life: Life, kinds: Sequence[int], inpatient: bool, j: int
) -> tuple[float, float]:
    """Return receipts less marginal cost, and net of effort and patients' payments too.

    In shares of list price. The net margin is that of the component formula, whose sign decides on
    which side of appropriate care comes: ``m - k - a w c p - e q*``, with the parameters of this
    life, so that the side follows each draw.
    """
    rows = life.rows(*kinds)
    setting, values = life.world.setting, life.world.setting.values
    price = setting.price_in if inpatient else setting.price_out
    cost = setting.cost_in if inpatient else setting.cost_out
    listed = float(life.over_rows(price, rows)[j])
    receipts = float(life.marginal("inside" if inpatient else "out", rows)[j])
    gap = (receipts - float(life.over_rows(cost, rows)[j])) / listed
    charge, own = (V.CHARGE_IN, V.PATIENT_IN) if inpatient else (V.CHARGE_OUT, V.PATIENT_OUT)
    borne = ratio(life.total(own, rows), life.total(charge, rows))
    temper = float(life.over_rows(setting.altruism[:, None], rows)[0])
    return gap, gap - values["effort_ratio"] - temper * values["oop_weight"] * borne


def _component_claims() -> Iterator[Claim]:
    """Declare, for every component and setting, on which side of appropriate item fees put it.

    The side is read off the margins of the run: the effect is the distance from appropriate,
    counted positive on the side that receipts less marginal cost (effort and patients' payments
    included, which cost too) point to. Appropriate is what the same people with the same draws are
    given where every unit costs its list price and takes no effort, m = k: theory puts that world
    at appropriate (Ellis and McGuire 1986), which its placebo checks against need, and practised
    quantities spread around their optimum by draws that both worlds share, so that the difference
    has a quarter of the noise that the distance from need has in one world. The record gives the
    distance from need too.
    """
    for name, (label, kinds, inpatient) in _SETTINGS.items():
        for j, component in enumerate(COMPONENTS):

            def given(
                life: Life, kinds: Sequence[int] = kinds, inpatient: bool = inpatient, j: int = j
            ) -> float:
                first, need = (
                    (V.UNITS_IN_0, V.NEED_IN_0) if inpatient else (V.UNITS_OUT_0, V.NEED_OUT_0)
                )
                rows = life.rows(*kinds)
                return ratio(life.total(V(first + j), rows), life.total(V(need + j), rows))

            def side(
                life: Life, kinds: Sequence[int] = kinds, inpatient: bool = inpatient, j: int = j
            ) -> float:
                return math.copysign(1.0, _margins_of_component(life, kinds, inpatient, j)[1])

            def clear(
                arm: Life,
                base: Life,
                kinds: Sequence[int] = kinds,
                inpatient: bool = inpatient,
                j: int = j,
            ) -> Found:
                _ = base
                _, net = _margins_of_component(arm, kinds, inpatient, j)
                return Found(abs(net) > CLEAR_MARGIN, net)

            yield Claim(
                id=f"items-{name}-{component}",
                text={
                    "en": f"Item fees: {component} of {label['en']} above appropriate exactly "
                    "where receipts exceed marginal cost",
                    "zh": f"按项目付费：{label['zh']}的{_COMPONENT_ZH[component]}"
                    "当且仅当收入高于边际成本时超过适宜量",
                },
                arm="item-fees",
                comparator="item-fees",
                outcome=f"{component} given over needed, against the same people where m = k, on "
                "the side of the margin",
                group=label["en"],
                sign=1,
                condition={
                    "en": "|receipts - cost - effort - weight on patients' payment| above 1 % of "
                    "the price; number: that net margin over price",
                    "zh": "|收入-成本-努力-患者自付权重|超过价格的1%;数值为净边际收益占价格比例",
                },
                measure=given,
                check=clear,
                placebo="at-cost",
                # Drugs are sold at cost: theory puts them at appropriate, effort a trace below.
                required=component != "drugs",
                ground="bare",
                comparator_ground="at-cost",
                side=side,
            )


_MARGIN_FALLS: Final = {
    "en": "one more brings less than in the comparator; number: change over list price",
    "zh": "多做一项的收入低于对照；数值为变化占价格比例",
}
_MARGIN_RISES: Final = {
    "en": "one more brings more than in the comparator; number: change over list price",
    "zh": "多做一项的收入高于对照；数值为变化占价格比例",
}
_DOWNSTREAM: Final = {
    "en": "spending elsewhere costs the practice and control lowers it; number: receipts per yuan",
    "zh": "外流费用由机构分担且控制可降低外流；数值为每元外流的收入变化",
}
_SQUEEZE: Final = {
    "en": "the budget binds at the year's end and looks out of reach in January by two forecast "
    "errors; number: claims over budget as perceived in January",
    "zh": "预算年末约束而1月看来尚有两个预测误差的余地；数值为1月所感知的费用与预算之比",
}
_BINDS: Final = {
    "en": "the comparator's claims of the last year exceed the budgets; number: claims over budget",
    "zh": "对照末年费用超过预算；数值为二者之比",
}

CLAIMS: Final = (
    *_component_claims(),
    Claim(
        "items-lift-outpatients",
        {
            "en": "Lifting the hospitals' total raises what outpatients are given",
            "zh": "取消医院总额使门诊强度上升",
        },
        "item-fees",
        "status-quo",
        "units given over appropriate",
        "county hospitals",
        1,
        _MARGIN_RISES,
        of.intensity_out(SECONDARY),
        when.margin_rises("out", when.list_out, SECONDARY),
        "no-total",
    ),
    Claim(
        "items-lift-inpatients",
        {
            "en": "Lifting the hospitals' total raises what inpatients are given",
            "zh": "取消医院总额使住院强度上升",
        },
        "item-fees",
        "status-quo",
        "units given over appropriate",
        "county hospitals",
        1,
        _MARGIN_RISES,
        of.intensity_in(SECONDARY),
        when.margin_rises("inside", when.list_in, SECONDARY),
        "no-total",
    ),
    Claim(
        "member-intensity",
        {
            "en": "A payment per member for primary care alone: less intensity",
            "zh": "仅基层按人头付费：服务强度下降",
        },
        "per-member",
        "status-quo",
        "units given over appropriate",
        "practices",
        -1,
        _MARGIN_FALLS,
        of.intensity_out(PRACTICE),
        when.margin_falls("out", when.list_out, PRACTICE),
        "no-weight-per-member",
    ),
    Claim(
        "member-referrals",
        {
            "en": "A payment per member for primary care alone: more referrals up",
            "zh": "仅基层按人头付费：上转增加",
        },
        "per-member",
        "status-quo",
        "referrals up per 100 visits",
        "practices",
        1,
        {
            "en": "treating loses receipts that referring does not, and spending elsewhere is "
            "free; number: change over list price",
            "zh": "诊治比转诊损失更多收入且外流免责；数值为变化占价格比例",
        },
        of.per_visit(V.REFERRED_UP, PRACTICE),
        when.treating_loses,
        "no-weight-per-member",
    ),
    Claim(
        "downstream-prevention",
        {
            "en": "Responsibility for downstream spending: more prevention",
            "zh": "承担外流费用责任：预防增加",
        },
        "per-member-downstream",
        "per-member",
        "preventive contacts per chronic member-year",
        "practices",
        1,
        _DOWNSTREAM,
        of.prevention,
        when.answers_downstream,
        "no-share",
    ),
    Claim(
        "downstream-admissions",
        {
            "en": "Responsibility for downstream spending, where all stays are elsewhere: fewer "
            "admissions",
            "zh": "承担外流费用责任且住院均在外：住院减少",
        },
        "per-member-downstream",
        "per-member",
        "admissions per 100 person-years",
        "everybody",
        -1,
        {
            "en": "spending elsewhere costs the practice, which has no beds: every stay is "
            "elsewhere; number: receipts per yuan",
            "zh": "外流费用由机构分担且机构无自有床位，住院均计入外流；数值为每元外流的收入变化",
        },
        of.admissions,
        when.answers_downstream_without_beds,
        "no-share",
        ground="no-own-beds",
    ),
    Claim(
        "downstream-hospital-admissions",
        {
            "en": "Responsibility for downstream spending: fewer admissions to hospitals",
            "zh": "承担外流费用责任：医院住院减少",
        },
        "per-member-downstream",
        "per-member",
        "admissions to hospitals per 100 person-years",
        "everybody",
        -1,
        _DOWNSTREAM,
        of.hospital_admissions,
        when.answers_downstream,
        "no-share",
        ground="long",
    ),
    Claim(
        # Own beds included, which are no spending elsewhere: theory does not sign the sum.
        "downstream-all-admissions",
        {
            "en": "Responsibility for downstream spending: admissions, own beds included",
            "zh": "承担外流费用责任：住院合计（含自有床位）",
        },
        "per-member-downstream",
        "per-member",
        "admissions per 100 person-years",
        "everybody",
        -1,
        _DOWNSTREAM,
        of.admissions,
        when.answers_downstream,
        "no-share",
        required=False,
        ground="long",
    ),
    Claim(
        "downstream-prevented",
        {
            "en": "Responsibility for downstream spending: in given people avoidable needs do not "
            "arise",
            "zh": "承担外流费用责任：同一批人的可避免住院需要减少（真正预防）",
        },
        "per-member-downstream",
        "per-member",
        "avoidable needs of a bed to be expected, per 1,000 person-years, years 5 to 8",
        "people alive in both worlds",
        -1,
        {
            "en": "spending elsewhere costs the practice and control lowers it; the same people in "
            "both worlds; number: receipts per yuan",
            "zh": "外流费用由机构分担且控制可降低外流；两个世界中均在世的同一批人；"
            "数值为每元外流的收入变化",
        },
        of.late_avoidable_need,
        when.answers_downstream,
        "no-share",
        ground="long",
        together=of.expected_avoidable_need,
    ),
    Claim(
        # Adds the needs of those whom control keeps alive, and of episodes treated otherwise.
        "downstream-needs",
        {
            "en": "Responsibility for downstream spending: avoidable needs of all, survivors "
            "included",
            "zh": "承担外流费用责任：全体可避免住院需要（含延长存活者）",
        },
        "per-member-downstream",
        "per-member",
        "avoidable needs of a bed per 1,000 person-years, years 5 to 8",
        "everybody",
        -1,
        _DOWNSTREAM,
        of.late_avoidable_need,
        when.answers_downstream,
        "no-share",
        required=False,
        ground="long",
    ),
    Claim(
        "downstream-control",
        {
            "en": "Responsibility for downstream spending: better chronic control",
            "zh": "承担外流费用责任：慢病控制改善",
        },
        "per-member-downstream",
        "per-member",
        "share of condition-months under control",
        "everybody",
        1,
        _DOWNSTREAM,
        of.control,
        when.answers_downstream,
        "no-share",
        required=False,
    ),
    Claim(
        "case-stay",
        {"en": "A payment per case: shorter stays", "zh": "按病例付费：住院日缩短"},
        "per-case",
        "status-quo",
        "bed-days over appropriate",
        "county hospitals",
        -1,
        _MARGIN_FALLS,
        of.stay_over_need,
        when.margin_falls("day", when.list_days, SECONDARY),
        "no-weight-per-case",
    ),
    Claim(
        "case-days",
        {"en": "A payment per case: fewer days per stay", "zh": "按病例付费：平均住院日下降"},
        "per-case",
        "status-quo",
        "days per stay",
        "county hospitals",
        -1,
        _MARGIN_FALLS,
        of.length_of_stay,
        when.margin_falls("day", when.list_days, SECONDARY),
        "no-weight-per-case",
    ),
    Claim(
        "case-level",
        {"en": "A payment per case: higher coded level", "zh": "按病例付费：编码等级升高"},
        "per-case",
        "status-quo",
        "billed over true relative weight",
        "county hospitals",
        1,
        {
            "en": "the next level pays more; number: CNY per stay",
            "zh": "高一等级支付更多；数值为每次住院元",
        },
        of.billed_over_true,
        when.next_level_pays,
        "one-level",
        placebo_measure=of.upcoded,
    ),
    Claim(
        "case-components",
        {"en": "A payment per case: fewer components", "zh": "按病例付费：住院服务项目减少"},
        "per-case",
        "status-quo",
        "units given over appropriate",
        "county hospitals",
        -1,
        _MARGIN_FALLS,
        of.intensity_in(SECONDARY),
        when.margin_falls("inside", when.list_in, SECONDARY),
        "no-weight-per-case",
    ),
    Claim(
        "case-sorting",
        {
            "en": "A payment per case: admitted cases lighter within their group and level",
            "zh": "按病例付费：组内收治病例变轻",
        },
        "per-case",
        "status-quo",
        "severity of admitted over that of their group and level",
        "county hospitals",
        -1,
        {
            "en": "severity spreads within a group, a severer case loses money, beds do not "
            "sort; number: margin of severity over list price",
            "zh": "组内病情有差异、重症亏损且床位不约束；数值为病情的边际收益占价格比例",
        },
        of.severity_within,
        when.severity_loses,
        "one-severity",
        ground="roomy",
    ),
    Claim(
        "budget-volume",
        {"en": "A binding budget: lower volume", "zh": "刚性预算：服务量下降"},
        "binding-budget",
        "status-quo",
        "list charges, CNY per person-year",
        "providers inside the county",
        -1,
        _BINDS,
        of.volume,
        when.budget_binds,
        "no-total",
    ),
    Claim(
        "budget-deferral",
        {"en": "A binding budget: planned care put off", "zh": "刚性预算：择期住院延迟"},
        "binding-budget",
        "status-quo",
        "share of planned cases put off when considered",
        "county hospitals",
        1,
        {
            "en": "the budget binds and beds do not; number: load of beds in the comparator",
            "zh": "预算约束而床位不约束；数值为对照的床位负荷",
        },
        of.deferral,
        when.budget_binds_with_room,
        "no-total",
        ground="roomy",
    ),
    Claim(
        "budget-december",
        {"en": "A binding budget: December below January", "zh": "刚性预算：12月低于1月"},
        "binding-budget",
        "status-quo",
        "log outpatient list charges, December over January of the year, from the second",
        "providers inside the county",
        -1,
        _SQUEEZE,
        of.december_over_january,
        when.squeezes_at_the_end,
        "no-total",
        ground="crowd",
    ),
    Claim(
        "budget-december-next-january",
        {
            "en": "A binding budget: December below the January that follows",
            "zh": "刚性预算：12月低于次年1月",
        },
        "binding-budget",
        "status-quo",
        "log outpatient list charges, December over the next January",
        "providers inside the county",
        -1,
        _SQUEEZE,
        of.december_over_next_january,
        when.squeezes_at_the_end,
        "no-total",
        required=False,
        ground="crowd",
    ),
    Claim(
        "budget-december-planned",
        {
            "en": "A binding budget: more planned care put off in December than in January",
            "zh": "刚性预算：12月择期住院延迟多于1月",
        },
        "binding-budget",
        "status-quo",
        "share of planned cases put off when considered, December less January",
        "county hospitals",
        1,
        _SQUEEZE,
        of.deferral_at_the_turn,
        when.squeezes_at_the_end,
        "no-total",
        required=False,
        ground="crowd",
    ),
    Claim(
        "score-control",
        {"en": "Payment by score: better chronic control", "zh": "按价值付费：慢病控制改善"},
        "by-score",
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
        "nothing-at-risk",
    ),
)
