"""Measures: numbers read off one life.

Knows histories; must not know arms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from experiments.emergence.arms import PRACTICE, SECONDARY, STEP_DAY
from experiments.emergence.lives import Float, Life
from sim.tallies import Lever
from sim.tallies import PersonTally as P
from sim.tallies import ProviderTally as V

Text: TypeAlias = Mapping[str, str]
Measure: TypeAlias = Callable[[Life], float]
Together: TypeAlias = Callable[[Life, Life], tuple[float, float]]


def ratio(above: float, below: float) -> float:
    """Divide, or say that there is nothing to divide by."""
    return above / below if below else math.nan


def given_over_needed(life: Life, rows: npt.NDArray[np.intp], first: V, need: V) -> float:
    """Form units given over units appropriate, at list price."""
    price = life.world.setting.price_in if first is V.UNITS_IN_0 else life.world.setting.price_out
    done = life.history.provider[life.reform][:, rows].sum(axis=(0, 2))
    given = (price[rows] * done[:, first : first + 4]).sum()
    needed = (price[rows] * done[:, need : need + 4]).sum()
    return ratio(float(given), float(needed))


def intensity_out(*kinds: int) -> Measure:
    """Measure outpatient units given over appropriate at the county's providers of some kinds."""
    return lambda x: given_over_needed(x, x.rows(*kinds, inside=True), V.UNITS_OUT_0, V.NEED_OUT_0)


def intensity_in(*kinds: int) -> Measure:
    """Measure inpatient units given over appropriate at the county's providers of some kinds."""
    return lambda x: given_over_needed(x, x.rows(*kinds, inside=True), V.UNITS_IN_0, V.NEED_IN_0)


def per_visit(column: V, *kinds: int) -> Measure:
    """Measure one tally per 100 visits at the county's providers of some kinds."""

    def measure(life: Life) -> float:
        rows = life.rows(*kinds, inside=True)
        return 100.0 * ratio(life.total(column, rows), life.total(V.VISITS, rows))

    return measure


def stay_over_need(life: Life) -> float:
    """Form bed-days over appropriate bed-days in the county's hospitals."""
    rows = life.rows(SECONDARY, inside=True)
    return ratio(life.total(V.BED_DAYS, rows), life.total(V.NEED_DAYS, rows) / 1000.0)


def length_of_stay(life: Life) -> float:
    """Form days per stay in the county's hospitals."""
    rows = life.rows(SECONDARY, inside=True)
    return ratio(life.total(V.BED_DAYS, rows), life.total(V.ADMISSIONS, rows))


def weights(life: Life) -> Float:
    """Give relative weights by group and level."""
    groups = life.world.region.groups
    return np.asarray(groups.weight[:, None] * groups.weight_level, dtype=np.float64)


def billed_over_true(life: Life) -> float:
    """Form billed over true relative weight in the county's hospitals."""
    rows, weight = life.rows(SECONDARY, inside=True), weights(life)
    billed = life.history.billed[life.reform][:, rows].sum(axis=(0, 1, 2))
    true = life.history.true_level[life.reform][:, rows].sum(axis=(0, 1, 2))
    return ratio(float((billed * weight).sum()), float((true * weight).sum()))


def upcoded(life: Life) -> float:
    """Form the share of stays billed above their level in the county's hospitals."""
    rows = life.rows(SECONDARY, inside=True)
    return ratio(life.total(V.UPCODED, rows), life.total(V.ADMISSIONS, rows))


def severity_within(life: Life) -> float:
    """Form the mean severity of admitted cases over that of their group and level."""
    rows = life.rows(SECONDARY, inside=True)
    true = life.history.true_level[life.reform][:, rows].sum(axis=(0, 1, 2))
    expected = float((true * np.floor(weights(life) * 1000.0 + 0.5)).sum())
    return ratio(life.total(V.SEVERITY, rows), expected)


def prevention(life: Life) -> float:
    """Form preventive contacts per chronic member-year."""
    rows = life.rows(PRACTICE)
    return 12.0 * ratio(life.total(V.PREVENTIVE, rows), life.total(V.CHRONIC_MEMBERS, rows))


def admissions(life: Life, months: slice | None = None) -> float:
    """Form admissions anywhere per 100 person-years."""
    columns = (P.ADMISSIONS_PRACTICE, P.ADMISSIONS_SECONDARY, P.ADMISSIONS_TERTIARY)
    lived = life.people(P.PERSON_MONTHS, months)
    return 1200.0 * ratio(sum(life.people(c, months) for c in columns), lived)


def hospital_admissions(life: Life) -> float:
    """Form admissions to hospitals per 100 person-years."""
    columns = (P.ADMISSIONS_SECONDARY, P.ADMISSIONS_TERTIARY)
    return 1200.0 * ratio(sum(life.people(c) for c in columns), life.people(P.PERSON_MONTHS))


def avoidable_need(life: Life, months: slice | None = None) -> float:
    """Form avoidable needs of a bed per 1,000 person-years."""
    lived = life.people(P.PERSON_MONTHS, months)
    return 12.0 * ratio(life.people(P.NEED_BED_AVOIDABLE, months), lived)


def late_avoidable_need(life: Life) -> float:
    """Form avoidable needs of a bed in the second half of the reform."""
    return avoidable_need(life, life.late)


def avoidable_not_given(life: Life) -> float:
    """Form avoidable needs not given a bed per 1,000 person-years."""
    lacking = life.people(P.NEED_BED_AVOIDABLE) - life.people(P.GIVEN_AVOIDABLE)
    return 12.0 * ratio(lacking, life.people(P.PERSON_MONTHS))


def control(life: Life) -> float:
    """Form the share of condition-months under control."""
    return ratio(life.people(P.CONTROLLED), life.people(P.CONDITIONS))


def volume_in(months: slice) -> Measure:
    """List charges of the county's providers in some months, CNY per person-month."""

    def measure(life: Life) -> float:
        rows = life.rows(PRACTICE, SECONDARY, inside=True)
        charges = life.total(V.CHARGE_OUT, rows, months) + life.total(V.CHARGE_IN, rows, months)
        return 0.01 * ratio(charges, float(life.history.person[months, :, P.PERSON_MONTHS].sum()))

    return measure


def volume(life: Life) -> float:
    """Form list charges of the county's providers, CNY per person-year."""
    return 12.0 * volume_in(life.reform)(life)


def deferral(life: Life) -> float:
    """Share of planned cases that, on being considered for a bed, are put off."""
    rows = life.rows(SECONDARY, inside=True)
    put_off = life.total(V.DEFERRED, rows)
    return ratio(put_off, put_off + life.total(V.ELECTIVE, rows))


def deferral_at_the_turn(life: Life) -> float:
    """Form the share of planned cases put off, Decembers less Januaries of the reform.

    To put off is decided within the month, whereas practised styles follow incentives with a
    half-life of months; a share of those considered, because cases put off come again.
    """
    rows = life.rows(SECONDARY, inside=True)

    def share(month: int) -> float:
        at = range(life.world.reform_month + month, life.world.months, 12)
        put_off = sum(life.total(V.DEFERRED, rows, slice(m, m + 1)) for m in at)
        given = sum(life.total(V.ELECTIVE, rows, slice(m, m + 1)) for m in at)
        return ratio(put_off, put_off + given)

    return share(11) - share(0)


def outpatients_in(life: Life, month: int) -> float:
    """Sum outpatient list charges of the county's providers in one month of the reform."""
    at = life.world.reform_month + month
    rows = life.rows(PRACTICE, SECONDARY, inside=True)
    return life.total(V.CHARGE_OUT, rows, slice(at, at + 1))


def december_over_january(life: Life) -> float:
    """Form December over January of the same year, years after the first, log.

    Outpatients, because the charges of one month's stays hang on a few dear ones; without the first
    year, because practice is still moving from one contract to the other.
    """
    ends = [(outpatients_in(life, y + 11), outpatients_in(life, y)) for y in (12, 24)]
    return sum(math.log(december / january) for december, january in ends) / len(ends)


def december_over_next_january(life: Life) -> float:
    """Form December over the January that follows, log: what a squeeze at year's end would lower.

    Unlike the January before, the next one is no earlier in a tightening budget's life.
    """
    ends = [(outpatients_in(life, y + 11), outpatients_in(life, y + 12)) for y in (0, 12)]
    return sum(math.log(december / january) for december, january in ends) / len(ends)


def expected_avoidable_need(arm: Life, base: Life) -> tuple[float, float]:
    """Form the avoidable needs to be expected of the people who are alive in both worlds.

    Per 1,000 person-years, at year's ends of the second half of the reform. Who is kept alive in
    one world alone counts in neither: the survivors owed to better control are among the sickest,
    and their needs would be set against those that control averts (survivors in both arms form
    the one stratum in which an effect on illness is defined; Frangakis and Rubin 2002,
    10.1111/j.0006-341X.2002.00021.x). Expected, given a person's age, conditions, control and
    frailty, and not counted: the luck of who falls ill drops out.
    """
    found: list[tuple[float, float]] = []
    for mine, theirs in list(zip(arm.snapshots, base.snapshots, strict=True))[
        len(arm.snapshots) // 2 :
    ]:
        both = mine.generation == theirs.generation
        found.append((float(mine.avoidable[both].mean()), float(theirs.avoidable[both].mean())))
    level, of_base = np.mean(found, axis=0)
    return 12_000.0 * float(level), 12_000.0 * float(of_base)


def _insured(life: Life) -> npt.NDArray[np.intp]:
    return np.flatnonzero(np.array(life.world.region.payers) != "self-pay")


def admissions_given(life: Life) -> float:
    """Form the county hospitals' admissions per 100 person-years."""
    rows = life.rows(SECONDARY, inside=True)
    return 1200.0 * ratio(life.total(V.ADMISSIONS, rows), life.people(P.PERSON_MONTHS))


def points_per_person(life: Life) -> float:
    """Form billed relative weight of the county's hospitals per 100 person-years."""
    rows, weight = life.rows(SECONDARY, inside=True), weights(life)
    billed = life.history.billed[life.reform][:, rows].sum(axis=(0, 1, 2))
    return 1200.0 * ratio(float((billed * weight).sum()), life.people(P.PERSON_MONTHS))


def point_value(life: Life) -> float:
    """Form what a point brought in the last year: receipts for stays over billed weight, CNY."""
    rows, payers = life.rows(SECONDARY, inside=True), _insured(life)
    year = slice(life.world.months - 12, life.world.months)
    cells = np.ix_(np.arange(year.start, year.stop), rows, payers)
    earned = float(life.history.receipts[cells].sum())
    outpatient = float(life.history.provider[..., V.COVERED_OUT][cells].sum())
    billed = life.history.billed[cells].sum(axis=(0, 1, 2))
    return 0.01 * ratio(earned - outpatient, float((billed * weights(life)).sum()))


def before_the_step(life: Life) -> float:
    """Form the share of stays that end in the last two days of the dear band.

    Of those that end there or in the two days after: shorter and longer stays say nothing of it.
    """
    claims = life.history.claims
    assert claims is not None
    here = np.isin(claims["provider"], life.rows(SECONDARY, inside=True))
    days = np.asarray(claims["days"][here], dtype=np.int64)
    before = float(((days > STEP_DAY - 2) & (days <= STEP_DAY)).sum())
    after = float(((days > STEP_DAY) & (days <= STEP_DAY + 2)).sum())
    return ratio(before, before + after)


def visits_in_primary_care(life: Life) -> float:
    """Form the share of all outpatient contacts that practices see."""
    columns = (P.VISITS_PRACTICE, P.VISITS_SECONDARY, P.VISITS_TERTIARY)
    return ratio(life.people(columns[0]), sum(life.people(c) for c in columns))


def component_charges(*components: int) -> Measure:
    """Measure list charges of some components at the county's providers, CNY per person-year."""

    def measure(life: Life) -> float:
        rows = life.rows(PRACTICE, SECONDARY, inside=True)
        setting = life.world.setting
        done = life.history.provider[life.reform][:, rows].sum(axis=(0, 2))
        spent = sum(
            float((setting.price_out[rows, j] * done[:, V.UNITS_OUT_0 + j]).sum())
            + float((setting.price_in[rows, j] * done[:, V.UNITS_IN_0 + j]).sum())
            for j in components
        )
        return 0.012 * ratio(spent, life.people(P.PERSON_MONTHS))

    return measure


def component_over_need(*components: int) -> Measure:
    """Measure units given over units appropriate, at the county's providers, all settings."""

    def measure(life: Life) -> float:
        rows = life.rows(PRACTICE, SECONDARY, inside=True)
        done = life.history.provider[life.reform][:, rows].sum(axis=(0, 1, 2))
        given = sum(float(done[V.UNITS_OUT_0 + j] + done[V.UNITS_IN_0 + j]) for j in components)
        need = sum(float(done[V.NEED_OUT_0 + j] + done[V.NEED_IN_0 + j]) for j in components)
        return ratio(given, need)

    return measure


def _per_stay(column: V) -> Measure:
    def measure(life: Life) -> float:
        rows = life.rows(SECONDARY, inside=True)
        return 100.0 * ratio(life.total(column, rows), life.total(V.ADMISSIONS, rows))

    return measure


def _lever(lever: Lever) -> Measure:
    def measure(life: Life) -> float:
        rows = life.rows(SECONDARY, inside=True)
        beds = life.world.setting.beds[rows]
        return float(life.history.levers[life.reform][:, rows, lever].mean(axis=0) @ beds) / float(
            beds.sum()
        )

    return measure


CHANNELS: Final[Mapping[str, tuple[Text, Measure]]] = {
    "upcoded": (
        {"en": "stays billed above their level, per 100", "zh": "每百例高套编码"},
        _per_stay(V.UPCODED),
    ),
    "undercoded": (
        {"en": "stays billed below their level, per 100", "zh": "每百例低编"},
        _per_stay(V.UNDERCODED),
    ),
    "split": ({"en": "stays billed as two, per 100", "zh": "每百例分解住院"}, _per_stay(V.SPLIT)),
    "uncovered": (
        {"en": "covered charges moved outside the catalog, share", "zh": "转为目录外的费用占比"},
        _lever(Lever.UNCOVERED),
    ),
    "days": ({"en": "days per stay", "zh": "平均住院日"}, length_of_stay),
    "inpatient-units": (
        {"en": "units of stays over appropriate", "zh": "住院项目与适宜量之比"},
        intensity_in(SECONDARY),
    ),
    "outpatient-units": (
        {"en": "units of hospital outpatients over appropriate", "zh": "医院门诊项目与适宜量之比"},
        intensity_out(SECONDARY),
    ),
    "severity": (
        {"en": "severity of admitted within group and level", "zh": "组内收治病情"},
        severity_within,
    ),
    "admissions": (
        {"en": "county hospitals' admissions per 100 person-years", "zh": "每百人年县域医院住院"},
        admissions_given,
    ),
    "refused": ({"en": "refused per 100 stays", "zh": "每百例住院拒收"}, _per_stay(V.REFUSED)),
    "transferred": (
        {"en": "transferred per 100 stays", "zh": "每百例住院转出"},
        _per_stay(V.TRANSFERRED),
    ),
    "quality-effort": (
        {"en": "effort on quality", "zh": "质量努力"},
        _lever(Lever.QUALITY_EFFORT),
    ),
    "cost-effort": ({"en": "effort on cost", "zh": "控费努力"}, _lever(Lever.COST_EFFORT)),
}
"""Channels by which hospitals of the county respond: reported side by side for every arm."""


OPEN: Final[Mapping[str, tuple[Text, Measure]]] = {
    "spending": (
        {"en": "list charges, CNY per person-year", "zh": "人均年费用（元）"},
        lambda x: 0.12 * ratio(x.people(P.SPENDING), x.people(P.PERSON_MONTHS)),
    ),
    "readmissions": (
        {"en": "readmissions within 30 days, share", "zh": "30天再入院率"},
        lambda x: ratio(x.people(P.READMISSIONS), x.people(P.DISCHARGES)),
    ),
    "waiting": (
        {"en": "months waited per admission", "zh": "每次住院等待月数"},
        lambda x: ratio(x.people(P.WAITED), admissions(x) * x.people(P.PERSON_MONTHS) / 1200.0),
    ),
    "refusals": (
        {"en": "refusals per 100 needs of a bed", "zh": "每百例住院需要的拒收数"},
        lambda x: 100.0 * ratio(x.people(P.REFUSED), x.people(P.NEED_BED)),
    ),
    "deaths": (
        {"en": "deaths per 1,000 person-years", "zh": "每千人年死亡数"},
        lambda x: 12000.0 * ratio(x.people(P.DEATHS), x.people(P.PERSON_MONTHS)),
    ),
    "avoidable-need": (
        {"en": "avoidable needs of a bed per 1,000 person-years", "zh": "每千人年可避免住院需要"},
        avoidable_need,
    ),
    "avoidable-not-given": (
        {"en": "of these needed but not given", "zh": "其中需要而未得"},
        avoidable_not_given,
    ),
    "qaly": (
        {"en": "QALYs per person-year", "zh": "人均质量调整生命年"},
        lambda x: 12e-6 * ratio(x.people(P.QALY), x.people(P.PERSON_MONTHS)),
    ),
}
"""What theory leaves open: reported for every arm, required of none."""
