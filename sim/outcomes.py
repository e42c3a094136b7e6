"""Outcomes of a reform: what is measured, in which unit, for whom, and which way is better.

Knows the integer tallies of a run and how a number is read off them; must not know how a tally
came about, which policy was in force, nor how numbers are stored or shown.

An outcome is a numerator over a denominator. Both are functions of tallies that were summed
over some months and some people or providers, so that months and groups add: the outcome of two
months is the ratio of the sums, never the mean of two ratios. The few that need one person's
whole year (concentration, catastrophic spending, persistence) say so with ``from_people``.
A value that cannot be formed is not a number, with its reason; it is never a silent zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from sim.tallies import N_FIFTHS, N_HEALTH, Float64, History, Int64, cell_traits
from sim.tallies import PersonTally as P
from sim.tallies import ProviderTally as V

__all__ = [
    "AREAS",
    "GROUP_DIMENSIONS",
    "OUTCOMES",
    "Measured",
    "Outcome",
    "ProviderTraits",
    "Tallies",
    "concentration_index",
    "erreygers_index",
    "evaluate",
    "evaluate_monthly",
    "evaluate_sums",
    "gini_index",
    "groups_of",
    "registry",
    "share_of_bottom",
    "share_of_top",
    "stays_in_top",
]

Bool = npt.NDArray[np.bool_]
Number = npt.NDArray[np.int64] | npt.NDArray[np.float64]
Better = Literal["higher", "lower", "neither"]
Text = Mapping[str, str]
PersonYear = Mapping[str, npt.NDArray[np.generic]]
AREAS: dict[str, Text] = {
    "cost": {"en": "Cost", "zh": "费用"},
    "quality": {"en": "Quality", "zh": "质量"},
    "referral": {"en": "Referral", "zh": "转诊"},
    "access": {"en": "Access", "zh": "可及性"},
    "equity": {"en": "Equity", "zh": "公平"},
    "behavior": {"en": "Behavior", "zh": "行为"},
    "welfare": {"en": "Welfare", "zh": "福利"},
    "finance": {"en": "Finance", "zh": "资金"},
}
HEALTH_NAMES = ("0", "1", "2+")  # chronic conditions
PLACE_NAMES = ("rural", "town")
KIND_NAMES = ("practice", "secondary", "tertiary")
GROUP_DIMENSIONS = ("income", "health", "payer", "place", "kind")
_PEOPLE = ("income", "health", "payer", "place")
_PROVIDERS = ("payer", "kind")
_BOTH = ("payer",)
_KIND = ("kind",)

_FEN = 0.01
_YEAR = 12.0
_MINUTES_PER_HOUR = 60.0
_MILLI = 1000
_MICRO = 1_000_000


class _UnmeasuredError(Exception):
    """A number that this run cannot give, and why."""


class Measured(NamedTuple):
    """One value of an outcome; a null has NaN and says why."""

    value: float
    reason: str = ""


@dataclass(frozen=True)
class ProviderTraits:
    """What outcomes must know of providers and valuation besides the tallies.

    Attributes
    ----------
    kind : int64, shape (n,); 0 practice, 1 secondary hospital, 2 tertiary hospital
    is_outside : bool, shape (n,); outside the region
    is_township : bool, shape (n,); a practice that owns beds
    payers : names of payers in the order of the tallies' payer axis
    ids : names of providers
    weights : float, shape (groups, 3), relative weight of a stay; None leaves case mix unmeasured
    value_of_qaly : CNY per QALY of the analyst, never of an agent; NaN leaves welfare unmeasured
    value_of_hour : CNY per hour of patients' travel; NaN leaves it and welfare unmeasured
    administration : share of fund spending that running the schemes costs; NaN likewise
    """

    kind: Int64
    is_outside: Bool
    is_township: Bool
    payers: tuple[str, ...]
    ids: tuple[str, ...] = ()
    weights: Float64 | None = None
    value_of_qaly: float = math.nan
    value_of_hour: float = math.nan
    administration: float = math.nan

    @property
    def is_practice(self) -> Bool:
        """Mark primary care practices, shape (n,)."""
        return np.asarray(self.kind == 0)

    @property
    def is_hospital(self) -> Bool:
        """Mark hospitals of either tier, shape (n,)."""
        return np.asarray(self.kind > 0)

    @property
    def is_county_hospital(self) -> Bool:
        """Mark hospitals inside the county, shape (n,)."""
        return np.asarray((self.kind > 0) & ~self.is_outside)

    @property
    def weights_milli(self) -> Int64:
        """Give relative weights in thousandths, shape (groups, 3), so that case mix adds."""
        if self.weights is None:
            raise _UnmeasuredError("the run has no relative weights")
        return np.rint(self.weights * _MILLI).astype(np.int64)


@dataclass(frozen=True)
class Tallies:
    """Tallies of one group, one row per reported period; everything in it adds.

    Attributes
    ----------
    person : int64, shape (rows, cells, len(PersonTally))
    provider : int64, shape (rows, n, len(ProviderTally)), summed over the group's payers
    billed, true_level : int64, shape (rows, n, groups, 3)
    receipts, fund_paid, clawback, fine, undetected, grants, fixed_cost : int64 fen, shape (rows, n)
    premiums, fund_balance : int64 fen, shape (rows,); balances summed over month ends
    traits : ProviderTraits
    """

    person: Int64
    provider: Int64
    billed: Int64
    true_level: Int64
    receipts: Int64
    fund_paid: Int64
    clawback: Int64
    fine: Int64
    undetected: Int64
    grants: Int64
    fixed_cost: Int64
    premiums: Int64
    fund_balance: Int64
    traits: ProviderTraits

    def people(self, *columns: P) -> Int64:
        """Sum tallies of people over the group, shape (rows,)."""
        return np.asarray(self._people[:, list(columns)].sum(axis=1), dtype=np.int64)

    def providers(self, *columns: V, where: Bool | None = None) -> Int64:
        """Sum tallies of providers, all or those marked, shape (rows,)."""
        if where is None:
            return np.asarray(self._providers[:, list(columns)].sum(axis=1), dtype=np.int64)
        table = sum(self.provider[:, :, column] for column in columns)
        return np.asarray(np.asarray(table)[:, where].sum(axis=1), dtype=np.int64)

    # Added up once: dozens of outcomes read a few columns each.
    @cached_property
    def _people(self) -> Int64:
        """Tallies over all cells, shape (rows, len(PersonTally))."""
        return np.asarray(self.person.sum(axis=1))

    @cached_property
    def _providers(self) -> Int64:
        """Tallies over all providers, shape (rows, len(ProviderTally))."""
        return np.asarray(self.provider.sum(axis=1))

    def __add__(self, other: Tallies) -> Tallies:
        """Add the tallies of two periods or two groups that share no one."""
        return replace(
            self, **{name: getattr(self, name) + getattr(other, name) for name in _ADDED}
        )


_ADDED = (
    "person",
    "provider",
    "billed",
    "true_level",
    "receipts",
    "fund_paid",
    "clawback",
    "fine",
    "undetected",
    "grants",
    "fixed_cost",
    "premiums",
    "fund_balance",
)
Count: TypeAlias = Callable[[Tallies], Number]
PeopleMeasure: TypeAlias = Callable[[PersonYear], float]


@dataclass(frozen=True)
class Outcome:
    """One thing a reform can change, and how it is read off the tallies.

    Attributes
    ----------
    id : str
        Name in scenario files and result tables.
    area : str
        One of :data:`AREAS`.
    unit : str
        Unit of the value.
    better : {'higher', 'lower', 'neither'}
        Which way is better, other things equal.
    label, definition : mapping of 'en' and 'zh' to text
    numerator, denominator : function of tallies to shape (rows,), or None
    scale : float
        The value is scale x numerator / denominator.
    by : tuple of str
        Dimensions of :data:`GROUP_DIMENSIONS` along which it can be told apart.
    from_people : function of one person-year table to a number, or None
        For what needs a person's whole year; averaged over completed accounting years.
    contrast : (outcome id, dimension, position above the line, position below), or None
        Ratio of another outcome between two groups.
    minus : str
        Outcome whose change between arms, with the sign turned, is this one; no level exists.
    digits : int
        Decimals worth showing.
    only_with : PersonTally, ProviderTally, or None
        Tally without which the outcome is no part of a run: nobody there has what it measures.
    """

    id: str
    area: str
    unit: str
    better: Better
    label: Text
    definition: Text
    numerator: Count | None = None
    denominator: Count | None = None
    scale: float = 1.0
    by: tuple[str, ...] = ()
    from_people: PeopleMeasure | None = None
    contrast: tuple[str, str, int, int] | None = None
    minus: str = ""
    digits: int = 2
    only_with: P | V | None = None

    def is_part_of(self, history: History) -> bool:
        """Tell whether a run has what the outcome measures."""
        if self.only_with is None:
            return True
        table = history.provider if isinstance(self.only_with, V) else history.person
        return bool(table[..., self.only_with].any())

    @property
    def is_additive(self) -> bool:
        """Tell whether the outcome is a ratio of sums over months and groups."""
        return self.numerator is not None


# --- one person's whole year ----------------------------------------------------------------


def _fractional_rank(values: Float64) -> Float64:
    """Rank people from poorest to richest as shares of the population, ties at their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    middle = upper - (counts + 1) / 2.0 + 0.5
    return np.asarray(middle[inverse] / values.size, dtype=np.float64)


def concentration_index(amount: Float64, income: Float64, rank: Float64 | None = None) -> float:
    """Concentration of an amount by rank of income: above zero if the rich have more of it.

    Parameters
    ----------
    amount, income : float, shape (people,)
    rank : float, shape (people,), optional
        Fractional rank of that income, where it is known already.

    Returns
    -------
    float
        Between -1 and 1; NaN if nobody has any.

    Notes
    -----
    ``C = 2 cov(amount, rank) / mean(amount)``, rank the fractional rank of income.

    References
    ----------
    Kakwani, Wagstaff & van Doorslaer (1997), doi:10.1016/S0304-4076(96)01807-6.

    Examples
    --------
    >>> import numpy as np
    >>> concentration_index(np.array([0.0, 0.0, 0.0, 4.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    0.75
    """
    if amount.size == 0 or amount.mean() == 0.0:
        return math.nan
    if rank is None:
        rank = _fractional_rank(np.asarray(income, dtype=np.float64))
    covariance = float(np.mean((amount - amount.mean()) * (rank - rank.mean())))
    return 2.0 * covariance / float(amount.mean())


def erreygers_index(
    amount: Float64,
    income: Float64,
    low: float = 0.0,
    high: float = 1.0,
    rank: Float64 | None = None,
) -> float:
    """Concentration of a bounded amount, corrected so that the bounds do not drive it.

    Notes
    -----
    ``E = 4 mean / (high - low) * C``; Erreygers (2009), doi:10.1016/j.jhealeco.2008.02.003.

    Examples
    --------
    >>> import numpy as np
    >>> erreygers_index(np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    1.0
    """
    if amount.size == 0:
        return math.nan
    mean = float(amount.mean())
    if mean == low:
        return 0.0 if low == 0.0 else math.nan
    return 4.0 * mean / (high - low) * concentration_index(amount, income, rank)


def gini_index(income: Float64) -> float:
    """Inequality of income: its concentration by its own rank."""
    return concentration_index(income, income)


def share_of_top(amount: Float64, share: float) -> float:
    """Share of all spending that falls on the dearest share of people (split at the margin).

    Examples
    --------
    >>> import numpy as np
    >>> share_of_top(np.array([6.0, 2.0, 1.0, 1.0]), 0.25)
    0.6
    """
    total = float(amount.sum())
    if amount.size == 0 or total == 0.0:
        return math.nan
    ordered = np.sort(amount)[::-1]
    exact = share * amount.size
    whole = int(exact)
    top = float(ordered[:whole].sum())
    if whole < amount.size:
        top += (exact - whole) * float(ordered[whole])
    return top / total


def share_of_bottom(amount: Float64, share: float) -> float:
    """Share of all spending that falls on the cheapest share of people."""
    return 1.0 - share_of_top(amount, 1.0 - share)


def stays_in_top(now: Float64, before: Float64, share: float) -> float:
    """Share of last year's dearest people who are among the dearest again this year."""
    n_top = round(share * now.size)
    if n_top == 0:
        return math.nan
    # A stable sort settles ties by the order of people, the same in every arm.
    top_now = np.argsort(-now, kind="stable")[:n_top]
    top_before = np.argsort(-before, kind="stable")[:n_top]
    return float(np.isin(top_before, top_now).mean())


class _Chosen(Mapping[str, npt.NDArray[np.generic]]):
    """Some people's year: columns, and the rank of their income, once for all who ask."""

    def __init__(self, year: PersonYear, chosen: Bool) -> None:
        self._year, self._chosen = year, chosen
        self._columns: dict[str, npt.NDArray[np.generic]] = {}

    def __getitem__(self, name: str) -> npt.NDArray[np.generic]:
        if name not in self._columns:
            self._columns[name] = self._year[name][self._chosen]
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._year)

    def __len__(self) -> int:
        return len(self._year)

    @cached_property
    def rank(self) -> Float64:
        """Give the fractional rank of income, shape (people,)."""
        return _fractional_rank(_column(self, "income"))


def _rank(year: PersonYear) -> Float64:
    return year.rank if isinstance(year, _Chosen) else _fractional_rank(_column(year, "income"))


def _column(year: PersonYear, name: str) -> Float64:
    return np.asarray(year[name], dtype=np.float64)


def _last_year(year: PersonYear) -> Float64:
    before = _column(year, "spent_last")
    if not before.any():
        raise _UnmeasuredError("needs two accounting years in a row")
    return before


def _correlation(first: Float64, second: Float64) -> float:
    if first.size < 2 or first.std() == 0.0 or second.std() == 0.0:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])


def _catastrophic(threshold: float) -> PeopleMeasure:
    def share(year: PersonYear) -> float:
        if year["income"].size == 0:
            return math.nan
        return float(_is_catastrophic(year, threshold).mean())

    return share


def _is_catastrophic(year: PersonYear, threshold: float) -> Float64:
    paid = _column(year, "patient_paid") * _FEN
    return (paid > threshold * _column(year, "income")).astype(np.float64)


def _kakwani(year: PersonYear) -> float:
    income, rank = _column(year, "income"), _rank(year)
    paid = concentration_index(_column(year, "patient_paid"), income, rank)
    return paid - concentration_index(income, income, rank)


def _horizontal_inequity(year: PersonYear) -> float:
    """Concentration of use beyond what health alone would make people use."""
    spent, income, rank = _column(year, "spent"), _column(year, "income"), _rank(year)
    health = np.asarray(year["health"], dtype=np.int64)
    people = np.bincount(health, minlength=N_HEALTH)
    means = np.bincount(health, weights=spent, minlength=N_HEALTH) / np.maximum(people, 1)
    used = concentration_index(spent, income, rank)
    return used - concentration_index(means[health], income, rank)


def _log_persistence(year: PersonYear) -> float:
    # One yuan more for everyone keeps those without spending in.
    now, before = _column(year, "spent") * _FEN, _last_year(year) * _FEN
    return _correlation(np.log1p(now), np.log1p(before))


# --- the registry -----------------------------------------------------------------------------


def _people(*columns: P) -> Count:
    return lambda t: t.people(*columns)


def _providers(*columns: V, only: str = "") -> Count:
    if not only:
        return lambda t: t.providers(*columns)
    return lambda t: t.providers(*columns, where=getattr(t.traits, only))


_MONTHS = _people(P.PERSON_MONTHS)
_VISITS = (P.VISITS_PRACTICE, P.VISITS_SECONDARY, P.VISITS_TERTIARY)
_HOSPITAL_VISITS = (P.VISITS_SECONDARY, P.VISITS_TERTIARY)
_ADMISSIONS = (P.ADMISSIONS_PRACTICE, P.ADMISSIONS_SECONDARY, P.ADMISSIONS_TERTIARY)
_COST = (V.COST_OUT, V.COST_IN)
_OWN_BILLS = (V.PATIENT_OUT, V.PATIENT_IN, V.UNCOVERED_OUT, V.UNCOVERED_IN)


def _presented(t: Tallies) -> Int64:
    """Urgent patients of hospitals, sent home, observed or admitted, shape (rows,)."""
    where = t.traits.is_hospital
    urgent = t.providers(V.RELEASED, V.OBSERVED, V.ADMISSIONS, where=where)
    return np.asarray(urgent - t.providers(V.ELECTIVE, where=where), dtype=np.int64)


def _fund(t: Tallies) -> Int64:
    """Payers' outlays net of what audits brought back, fen, shape (rows,).

    Fines go to the treasury, so they are no relief to the fund.
    """
    return np.asarray((t.fund_paid - t.clawback).sum(axis=1), dtype=np.int64)


def _patients(t: Tallies) -> Int64:
    return t.providers(*_OWN_BILLS)


def _spending(t: Tallies) -> Int64:
    return np.asarray(_fund(t) + t.providers(V.AID) + _patients(t), dtype=np.int64)


def _resource_cost(t: Tallies) -> Int64:
    return np.asarray(t.providers(*_COST) + t.fixed_cost.sum(axis=1), dtype=np.int64)


def _revenue(t: Tallies) -> Int64:
    """Everything providers earn: contracts, uncovered items, budget subsidies, less claw-backs."""
    return np.asarray(
        (t.receipts + t.grants - t.clawback - t.fine).sum(axis=1)
        + t.providers(V.UNCOVERED_OUT, V.UNCOVERED_IN),
        dtype=np.int64,
    )


def _margin(t: Tallies) -> Int64:
    return np.asarray(_revenue(t) - _resource_cost(t), dtype=np.int64)


def _surplus(t: Tallies) -> Int64:
    return np.asarray(t.premiums - _fund(t), dtype=np.int64)


def _administration(t: Tallies) -> Float64:
    if math.isnan(t.traits.administration):
        raise _UnmeasuredError("the region has no cost of administration")
    return np.asarray(t.traits.administration * _fund(t), dtype=np.float64)


def _travel_cost(t: Tallies) -> Float64:
    if math.isnan(t.traits.value_of_hour):
        raise _UnmeasuredError("the region has no value of an hour")
    hours = t.people(P.TRAVEL) / _MINUTES_PER_HOUR
    return np.asarray(hours * t.traits.value_of_hour / _FEN, dtype=np.float64)


def _net_benefit(t: Tallies) -> Float64:
    if math.isnan(t.traits.value_of_qaly):
        raise _UnmeasuredError("the region has no value of a QALY")
    health = t.people(P.QALY) / _MICRO * t.traits.value_of_qaly / _FEN
    return np.asarray(
        health - _resource_cost(t) - _administration(t) - _travel_cost(t), dtype=np.float64
    )


def _stays(t: Tallies) -> Int64:
    return np.asarray(t.true_level.sum(axis=(1, 2, 3)), dtype=np.int64)


def _bills(t: Tallies) -> Int64:
    return np.asarray(t.billed.sum(axis=(1, 2, 3)), dtype=np.int64)


def _complex_stays(t: Tallies) -> Int64:
    return np.asarray(t.true_level[:, :, :, 1:].sum(axis=(1, 2, 3)), dtype=np.int64)


def _case_mix(name: str) -> Count:
    def weight(t: Tallies) -> Int64:
        stays = getattr(t, name).sum(axis=1)
        return np.asarray((stays * t.traits.weights_milli).sum(axis=(1, 2)), dtype=np.int64)

    return weight


def _avoidable_not_given(t: Tallies) -> Int64:
    return np.asarray(t.people(P.NEED_BED_AVOIDABLE) - t.people(P.GIVEN_AVOIDABLE), dtype=np.int64)


def _documented(t: Tallies) -> Int64:
    return np.asarray(_complex_stays(t) - t.providers(V.UNDERCODED), dtype=np.int64)


def _all_outcomes() -> Iterator[Outcome]:
    """List every outcome, area by area in the order of reports."""
    month_year = _YEAR
    per_100 = 100.0
    per_1000 = 1000.0

    # cost
    yield Outcome(
        "spending_per_person",
        "cost",
        "CNY/person-year",
        "lower",
        {"en": "Spending per person", "zh": "人均卫生支出"},
        {
            "en": "What funds (net of claw-backs), medical assistance and patients pay providers, "
            "per person and year.",
            "zh": "基金（扣除追回）、医疗救助与患者每年向医疗机构支付的人均金额。",
        },
        _spending,
        _MONTHS,
        _FEN * month_year,
        _BOTH,
        digits=0,
    )
    yield Outcome(
        "fund_spending_per_person",
        "cost",
        "CNY/person-year",
        "lower",
        {"en": "Fund spending per person", "zh": "人均基金支出"},
        {
            "en": "What payers transfer to providers net of claw-backs, per person-year.",
            "zh": "医保基金每年向医疗机构支付（扣除追回）的人均金额。",
        },
        _fund,
        _MONTHS,
        _FEN * month_year,
        _BOTH,
        digits=0,
    )
    yield Outcome(
        "out_of_pocket_per_person",
        "cost",
        "CNY/person-year",
        "lower",
        {"en": "Out-of-pocket per person", "zh": "人均自付费用"},
        {
            "en": "Patients' shares of covered charges and all uncovered charges, per person-year.",
            "zh": "患者承担的目录内自付与目录外费用，每人每年。",
        },
        _people(P.PATIENT),
        _MONTHS,
        _FEN * month_year,
        _PEOPLE,
        digits=0,
    )
    yield Outcome(
        "out_of_pocket_share",
        "cost",
        "share",
        "lower",
        {"en": "Out-of-pocket share", "zh": "自付占比"},
        {
            "en": "Patients' payments as a share of what funds, assistance and patients pay.",
            "zh": "患者支付占基金、医疗救助与患者支付合计的比例。",
        },
        _patients,
        _spending,
        1.0,
        _BOTH,
        digits=3,
    )
    yield Outcome(
        "out_of_pocket_share_inpatient",
        "cost",
        "share",
        "lower",
        {"en": "Out-of-pocket share of inpatient charges", "zh": "住院自付比例"},
        {
            "en": "Patients' payments for stays as a share of inpatient charges at list price.",
            "zh": "住院费用中由患者支付的比例。",
        },
        _providers(V.PATIENT_IN, V.UNCOVERED_IN),
        _providers(V.CHARGE_IN),
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "charges_per_person",
        "cost",
        "CNY/person-year",
        "lower",
        {"en": "Charges per person", "zh": "人均医疗费用"},
        {
            "en": "Charges at list price, covered and uncovered, per person-year.",
            "zh": "按标价计的医疗费用（目录内外），每人每年。",
        },
        _people(P.SPENDING),
        _MONTHS,
        _FEN * month_year,
        _PEOPLE,
        digits=0,
    )
    yield Outcome(
        "primary_visit_charge",
        "cost",
        "CNY/visit",
        "lower",
        {"en": "Charge per primary care visit", "zh": "基层次均门诊费用"},
        {
            "en": "List charges per outpatient contact at practices.",
            "zh": "基层机构每次门诊的标价费用。",
        },
        _providers(V.CHARGE_OUT, only="is_practice"),
        _providers(V.VISITS, only="is_practice"),
        _FEN,
        _BOTH,
        digits=0,
    )
    yield Outcome(
        "hospital_visit_charge",
        "cost",
        "CNY/visit",
        "lower",
        {"en": "Charge per hospital visit", "zh": "医院次均门诊费用"},
        {
            "en": "List charges per outpatient contact at hospitals.",
            "zh": "医院每次门诊的标价费用。",
        },
        _providers(V.CHARGE_OUT, only="is_hospital"),
        _providers(V.VISITS, only="is_hospital"),
        _FEN,
        _PROVIDERS,
        digits=0,
    )
    yield Outcome(
        "stay_charge",
        "cost",
        "CNY/stay",
        "lower",
        {"en": "Charge per stay", "zh": "次均住院费用"},
        {"en": "List charges per inpatient stay.", "zh": "每次住院的标价费用。"},
        _providers(V.CHARGE_IN),
        _providers(V.ADMISSIONS),
        _FEN,
        _PROVIDERS,
        digits=0,
    )
    yield Outcome(
        "stay_charge_county",
        "cost",
        "CNY/stay",
        "lower",
        {"en": "Charge per stay in hospitals inside the region", "zh": "区域内医院次均住院费用"},
        {
            "en": "List charges per stay in hospitals inside the region.",
            "zh": "区域内医院每次住院的标价费用。",
        },
        _providers(V.CHARGE_IN, only="is_county_hospital"),
        _providers(V.ADMISSIONS, only="is_county_hospital"),
        _FEN,
        _BOTH,
        digits=0,
    )
    yield Outcome(
        "resource_cost_per_person",
        "cost",
        "CNY/person-year",
        "lower",
        {"en": "Resource cost per person", "zh": "人均资源成本"},
        {
            "en": "Providers' variable and fixed cost of the care given, per person-year.",
            "zh": "提供服务的变动与固定成本，每人每年。",
        },
        _resource_cost,
        _MONTHS,
        _FEN * month_year,
        (),
        digits=0,
    )
    yield Outcome(
        "administration_per_person",
        "cost",
        "CNY/person-year",
        "lower",
        {"en": "Administration per person", "zh": "人均管理费用"},
        {
            "en": "Cost of running the schemes, a declared share of fund spending.",
            "zh": "经办管理成本，按基金支出的设定比例计。",
        },
        _administration,
        _MONTHS,
        _FEN * month_year,
        _BOTH,
        digits=1,
    )

    # quality
    yield Outcome(
        "qaly",
        "quality",
        "QALY/person-year",
        "higher",
        {"en": "Health (QALYs)", "zh": "健康（质量调整生命年）"},
        {
            "en": "Quality-adjusted life years lived per person-year.",
            "zh": "每人年的质量调整生命年。",
        },
        _people(P.QALY),
        _MONTHS,
        month_year / _MICRO,
        _PEOPLE,
        digits=4,
    )
    yield Outcome(
        "deaths",
        "quality",
        "per 1,000 person-years",
        "lower",
        {"en": "Deaths", "zh": "死亡"},
        {"en": "Deaths per 1,000 person-years.", "zh": "每千人年死亡数。"},
        _people(P.DEATHS),
        _MONTHS,
        month_year * per_1000,
        _PEOPLE,
    )
    yield Outcome(
        "inpatient_deaths",
        "quality",
        "per 100 discharges",
        "lower",
        {"en": "Deaths in hospital", "zh": "住院死亡"},
        {"en": "Deaths during a stay per 100 discharges.", "zh": "每百例出院中的住院死亡数。"},
        _providers(V.DEATHS),
        _providers(V.DISCHARGES),
        per_100,
        _PROVIDERS,
    )
    yield Outcome(
        "readmission_rate",
        "quality",
        "share",
        "lower",
        {"en": "30-day readmission", "zh": "30天再入院率"},
        {
            "en": "Stays within 30 days of a discharge per discharge.",
            "zh": "出院后30天内再次住院的比例。",
        },
        _people(P.READMISSIONS),
        _people(P.DISCHARGES),
        1.0,
        _PEOPLE,
        digits=3,
    )
    yield Outcome(
        "complications",
        "quality",
        "per 100 episodes",
        "lower",
        {"en": "Complications", "zh": "并发与恶化"},
        {
            "en": "Episodes that worsened per 100 new acute episodes.",
            "zh": "每百例新发病程中恶化的例数。",
        },
        _people(P.COMPLICATIONS),
        _people(P.EPISODES),
        per_100,
        _PEOPLE,
    )
    yield Outcome(
        "chronic_onsets",
        "quality",
        "per 1,000 person-years",
        "lower",
        {"en": "New chronic conditions", "zh": "新发慢性病"},
        {
            "en": "Onsets of chronic conditions per 1,000 person-years.",
            "zh": "每千人年新发慢性病数。",
        },
        _people(P.ONSETS),
        _MONTHS,
        month_year * per_1000,
        _PEOPLE,
    )
    yield Outcome(
        "chronic_control",
        "quality",
        "share",
        "higher",
        {"en": "Chronic conditions under control", "zh": "慢性病控制率"},
        {
            "en": "Controlled condition-months as a share of condition-months.",
            "zh": "得到控制的慢性病人月占全部慢性病人月的比例。",
        },
        _people(P.CONTROLLED),
        _people(P.CONDITIONS),
        1.0,
        _PEOPLE,
        digits=3,
    )
    yield Outcome(
        "avoidable_admissions",
        "quality",
        "per 1,000 person-years",
        "lower",
        {"en": "Avoidable admissions given", "zh": "可避免住院（实际）"},
        {
            "en": "Needed admissions for ambulatory-care-sensitive illness that were given. Read "
            "with avoidable_need: fewer given is no gain where the need stayed.",
            "zh": "门诊可控疾病中需要且已收治的住院。"
            "须与“可避免住院需要”同看：需要未减而收治减少不是改善。",
        },
        _people(P.GIVEN_AVOIDABLE),
        _MONTHS,
        month_year,
        _PEOPLE,
    )
    yield Outcome(
        "avoidable_need",
        "quality",
        "per 1,000 person-years",
        "lower",
        {"en": "Avoidable need for admission", "zh": "可避免住院需要"},
        {
            "en": "Ambulatory-care-sensitive episodes that came to need a bed.",
            "zh": "发展到需要住院的门诊可控疾病病程。",
        },
        _people(P.NEED_BED_AVOIDABLE),
        _MONTHS,
        month_year,
        _PEOPLE,
    )
    yield Outcome(
        "avoidable_prevented",
        "quality",
        "per 1,000 person-years",
        "higher",
        {"en": "Avoidable admissions prevented", "zh": "预防的可避免住院"},
        {
            "en": "Fall in avoidable need against the status quo; exists only as a difference.",
            "zh": "相对现状可避免住院需要的减少；仅以差值存在。",
        },
        by=_PEOPLE,
        minus="avoidable_need",
    )
    yield Outcome(
        "over_treatment",
        "quality",
        "share",
        "lower",
        {"en": "Over-treatment", "zh": "过度治疗"},
        {
            "en": "Contacts and stays above 1.1 of appropriate intensity.",
            "zh": "服务强度超过适宜水平1.1倍的门诊与住院比例。",
        },
        _providers(V.OVER_TREATED),
        _providers(V.VISITS, V.ADMISSIONS),
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "under_treatment",
        "quality",
        "share",
        "lower",
        {"en": "Under-treatment", "zh": "治疗不足"},
        {
            "en": "Contacts and stays below 0.9 of appropriate intensity.",
            "zh": "服务强度低于适宜水平0.9倍的门诊与住院比例。",
        },
        _providers(V.UNDER_TREATED),
        _providers(V.VISITS, V.ADMISSIONS),
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "low_value_share",
        "quality",
        "share",
        "lower",
        {"en": "Low-value care", "zh": "低价值服务"},
        {
            "en": "Contacts with a low-value service, such as an antibiotic for a cold.",
            "zh": "含低价值服务（如感冒用抗生素）的就诊比例。",
        },
        _providers(V.LOW_VALUE),
        _providers(V.VISITS),
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "inappropriate_admissions",
        "quality",
        "share",
        "lower",
        {"en": "Needless admissions", "zh": "不必要住院"},
        {
            "en": "Admissions of people who did not need a bed, as a share of admissions.",
            "zh": "不需要住院者的住院占全部住院的比例。",
        },
        _providers(V.INAPPROPRIATE),
        _providers(V.ADMISSIONS),
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "experience",
        "quality",
        "score",
        "higher",
        {"en": "Patient experience", "zh": "患者体验"},
        {
            "en": "Mean experience over contacts and stays, from true outcome, wait and bills.",
            "zh": "就诊与住院的平均体验，取决于真实疗效、等待与账单。",
        },
        _people(P.EXPERIENCE),
        _people(P.CONTACTS_RATED),
        1.0 / _MILLI,
        _PEOPLE,
        digits=3,
    )

    # referral
    yield Outcome(
        "referrals_up",
        "referral",
        "per 100 visits",
        "neither",
        {"en": "Referrals up", "zh": "上转"},
        {
            "en": "Patients whom practices send to a hospital per 100 practice visits.",
            "zh": "基层每百次门诊向医院转诊的人次。",
        },
        _providers(V.REFERRED_UP, only="is_practice"),
        _providers(V.VISITS, only="is_practice"),
        per_100,
        _BOTH,
    )
    yield Outcome(
        "referrals_down",
        "referral",
        "per 100 visits",
        "higher",
        {"en": "Referrals down", "zh": "下转"},
        {
            "en": "Patients whom hospitals send back to their practice per 100 hospital visits.",
            "zh": "医院每百次门诊向基层下转的人次。",
        },
        _providers(V.REFERRED_DOWN, only="is_hospital"),
        _providers(V.VISITS, only="is_hospital"),
        per_100,
        _BOTH,
    )
    yield Outcome(
        "first_contact_primary",
        "referral",
        "share",
        "higher",
        {"en": "First contact in primary care", "zh": "基层首诊率"},
        {
            "en": "First contacts of episodes that take place at a practice.",
            "zh": "病程首次就诊发生在基层机构的比例。",
        },
        _people(P.FIRST_AT_PRACTICE),
        _people(P.FIRST_CONTACTS),
        1.0,
        _PEOPLE,
        digits=3,
    )
    yield Outcome(
        "primary_visit_share",
        "referral",
        "share",
        "higher",
        {"en": "Visits in primary care", "zh": "基层门诊占比"},
        {"en": "Visits at practices as a share of all.", "zh": "基层门诊人次占全部的比例。"},
        _people(P.VISITS_PRACTICE),
        _people(*_VISITS),
        1.0,
        _PEOPLE,
        digits=3,
    )
    yield Outcome(
        "hospital_visit_share",
        "referral",
        "share",
        "lower",
        {"en": "Visits in hospitals", "zh": "医院门诊占比"},
        {"en": "Visits at hospitals as a share of all.", "zh": "医院门诊人次占全部的比例。"},
        _people(*_HOSPITAL_VISITS),
        _people(*_VISITS),
        1.0,
        _PEOPLE,
        digits=3,
    )
    yield Outcome(
        "bypass_share",
        "referral",
        "share",
        "lower",
        {"en": "Bypassing primary care", "zh": "越级就诊"},
        {
            "en": "First contacts in a hospital for a case treatable in primary care.",
            "zh": "基层可治而首诊直接去医院的比例。",
        },
        _people(P.BYPASS),
        _people(P.FIRST_CONTACTS),
        1.0,
        _PEOPLE,
        digits=3,
    )
    yield Outcome(
        "transfers",
        "referral",
        "per 100 admissions",
        "neither",
        {"en": "Transfers between hospitals", "zh": "院间转院"},
        {
            "en": "Patients needing a bed passed on to another hospital per 100 admissions.",
            "zh": "每百例住院中需住院而被转往他院的患者数。",
        },
        _providers(V.TRANSFERRED),
        _providers(V.ADMISSIONS),
        per_100,
        _PROVIDERS,
    )
    yield Outcome(
        "visits_inside_share",
        "referral",
        "share",
        "higher",
        {"en": "Visits inside the region", "zh": "区域内门诊占比"},
        {"en": "Visits at providers inside the region.", "zh": "在区域内机构就诊的门诊比例。"},
        lambda t: t.providers(V.VISITS, where=~t.traits.is_outside),
        _providers(V.VISITS),
        1.0,
        _BOTH,
        digits=3,
    )
    yield Outcome(
        "admissions_inside_share",
        "referral",
        "share",
        "higher",
        {"en": "Stays inside the region", "zh": "区域内住院占比"},
        {"en": "Admissions at providers inside the region.", "zh": "在区域内机构住院的比例。"},
        lambda t: t.providers(V.ADMISSIONS, where=~t.traits.is_outside),
        _providers(V.ADMISSIONS),
        1.0,
        _BOTH,
        digits=3,
    )

    # access
    yield Outcome(
        "visits_per_person",
        "access",
        "visits/person-year",
        "neither",
        {"en": "Visits per person", "zh": "人均门诊次数"},
        {"en": "Outpatient contacts per person-year.", "zh": "每人每年门诊次数。"},
        _people(*_VISITS),
        _MONTHS,
        month_year,
        _PEOPLE,
    )
    yield Outcome(
        "admissions_per_100",
        "access",
        "per 100 person-years",
        "neither",
        {"en": "Admissions", "zh": "住院率"},
        {"en": "Admissions per 100 person-years.", "zh": "每百人年住院次数。"},
        _people(*_ADMISSIONS),
        _MONTHS,
        month_year * per_100,
        _PEOPLE,
    )
    yield Outcome(
        "admissions_per_100_township",
        "access",
        "per 100 person-years",
        "neither",
        {"en": "Admissions in township centers", "zh": "乡镇卫生院住院率"},
        {
            "en": "Admissions at practices with beds per 100 person-years.",
            "zh": "每百人年在有床位的基层机构住院次数。",
        },
        _providers(V.ADMISSIONS, only="is_township"),
        _MONTHS,
        month_year * per_100,
        _BOTH,
    )
    yield Outcome(
        "admissions_per_100_county",
        "access",
        "per 100 person-years",
        "neither",
        {"en": "Admissions in hospitals inside the region", "zh": "区域内医院住院率"},
        {
            "en": "Admissions at hospitals inside the region per 100 person-years.",
            "zh": "每百人年在区域内医院住院次数。",
        },
        _providers(V.ADMISSIONS, only="is_county_hospital"),
        _MONTHS,
        month_year * per_100,
        _BOTH,
    )
    yield Outcome(
        "admissions_per_100_outside",
        "access",
        "per 100 person-years",
        "neither",
        {"en": "Admissions outside the region", "zh": "区域外住院率"},
        {
            "en": "Admissions at providers outside the region per 100 person-years.",
            "zh": "每百人年在区域外住院次数。",
        },
        _providers(V.ADMISSIONS, only="is_outside"),
        _MONTHS,
        month_year * per_100,
        _BOTH,
    )
    yield Outcome(
        "length_of_stay",
        "access",
        "days",
        "neither",
        {"en": "Length of stay", "zh": "平均住院日"},
        {"en": "Bed-days per admission.", "zh": "每次住院的床日数。"},
        _providers(V.BED_DAYS),
        _providers(V.ADMISSIONS),
        1.0,
        _PROVIDERS,
    )
    yield Outcome(
        "length_of_stay_hospital",
        "access",
        "days",
        "neither",
        {"en": "Length of stay in hospitals", "zh": "医院平均住院日"},
        {
            "en": "Bed-days per admission, practices with beds left out.",
            "zh": "每次住院的床日数，不含基层机构。",
        },
        _providers(V.BED_DAYS, only="is_hospital"),
        _providers(V.ADMISSIONS, only="is_hospital"),
        1.0,
        _BOTH,
    )
    yield Outcome(
        "wait",
        "access",
        "months",
        "lower",
        {"en": "Wait for a bed", "zh": "住院等待"},
        {
            "en": "Months from need to care, mean over admissions.",
            "zh": "从需要到入院的平均月数。",
        },
        _people(P.WAITED),
        _people(*_ADMISSIONS),
        1.0,
        _PEOPLE,
        digits=3,
    )
    yield Outcome(
        "foregone",
        "access",
        "per 100 person-years",
        "lower",
        {"en": "Care foregone", "zh": "应就诊未就诊"},
        {
            "en": "Months in which an ill person sought no care, per 100 person-years.",
            "zh": "患病而未就诊的人月数，每百人年。",
        },
        _people(P.FOREGONE),
        _MONTHS,
        month_year * per_100,
        _PEOPLE,
        digits=1,
    )
    yield Outcome(
        "deferred",
        "access",
        "per 100 needs",
        "lower",
        {"en": "Admissions deferred", "zh": "推迟收治"},
        {
            "en": "Elective patients put on a list by choice per 100 who came to need a bed.",
            "zh": "每百例需住院者中被推迟的择期患者。",
        },
        _people(P.DEFERRED),
        _people(P.NEED_BED),
        per_100,
        _PEOPLE,
    )
    yield Outcome(
        "refused",
        "access",
        "per 100 needs",
        "lower",
        {"en": "Admissions refused", "zh": "推诿拒收"},
        {
            "en": "Patients turned away by choice per 100 who came to need a bed.",
            "zh": "每百例需住院者中被拒收的患者。",
        },
        _people(P.REFUSED),
        _people(P.NEED_BED),
        per_100,
        _PEOPLE,
    )
    yield Outcome(
        "unmet_bed",
        "access",
        "per 1,000 people",
        "lower",
        {"en": "Unmet need for a bed", "zh": "未满足的住院需要"},
        {
            "en": "People in need of a bed without one at month's end, mean over months.",
            "zh": "月末需住院而未住院的人数，各月平均。",
        },
        _people(P.UNMET_BED),
        _MONTHS,
        per_1000,
        _PEOPLE,
    )
    yield Outcome(
        "avoidable_not_given",
        "access",
        "per 1,000 person-years",
        "lower",
        {"en": "Avoidable need not admitted", "zh": "可避免住院需要未收治"},
        {
            "en": "Ambulatory-care-sensitive needs for a bed less those admitted.",
            "zh": "门诊可控疾病的住院需要减去已收治者。",
        },
        _avoidable_not_given,
        _MONTHS,
        month_year,
        _PEOPLE,
    )
    yield Outcome(
        "turned_away",
        "access",
        "share",
        "lower",
        {"en": "Visits beyond capacity", "zh": "门诊能力不足"},
        {
            "en": "Contacts turned away for lack of capacity as a share of those wanted.",
            "zh": "因能力不足未能接诊的比例。",
        },
        _providers(V.TURNED_AWAY),
        _providers(V.VISITS, V.TURNED_AWAY),
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "no_bed",
        "access",
        "share",
        "lower",
        {"en": "No free bed", "zh": "无空床"},
        {
            "en": "Agreed admissions that found no free bed.",
            "zh": "同意收治但无空床的比例。",
        },
        _providers(V.NO_BED),
        _providers(V.ADMISSIONS, V.NO_BED),
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "travel",
        "access",
        "hours/person-year",
        "lower",
        {"en": "Travel time", "zh": "就医路途时间"},
        {
            "en": "Hours travelled to contacts, both ways, per person-year.",
            "zh": "每人每年往返就医的小时数。",
        },
        _people(P.TRAVEL),
        _MONTHS,
        month_year / _MINUTES_PER_HOUR,
        _PEOPLE,
    )

    # equity
    for percent in (10, 25):
        yield Outcome(
            f"catastrophic_{percent}",
            "equity",
            "share",
            "lower",
            {"en": f"Catastrophic spending ({percent} %)", "zh": f"灾难性支出（{percent}%）"},
            {
                "en": f"People whose own payments exceed {percent} % of a year's income.",
                "zh": f"全年自付超过收入{percent}%的人口比例。",
            },
            by=_PEOPLE,
            from_people=_catastrophic(percent / 100.0),
            digits=3,
        )
    yield Outcome(
        "catastrophic_concentration",
        "equity",
        "index",
        "neither",
        {"en": "Catastrophic spending by income", "zh": "灾难性支出的集中指数"},
        {
            "en": "Erreygers index of catastrophic spending (10 %); below zero: the poor bear it.",
            "zh": "灾难性支出（10%）的Erreygers指数；小于0表示集中于低收入者。",
        },
        from_people=lambda y: erreygers_index(
            _is_catastrophic(y, 0.10), _column(y, "income"), rank=_rank(y)
        ),
        digits=3,
    )
    yield Outcome(
        "any_use_concentration",
        "equity",
        "index",
        "neither",
        {"en": "Any use by income", "zh": "是否就医的集中指数"},
        {
            "en": "Erreygers index of having used any care in the year.",
            "zh": "全年是否利用服务的Erreygers指数。",
        },
        from_people=lambda y: erreygers_index(
            (_column(y, "spent") > 0.0).astype(np.float64), _column(y, "income"), rank=_rank(y)
        ),
        digits=3,
    )
    yield Outcome(
        "use_concentration",
        "equity",
        "index",
        "neither",
        {"en": "Use by income", "zh": "服务利用的集中指数"},
        {
            "en": "Concentration index of charges at list price; above zero: the rich use more.",
            "zh": "按标价费用计的集中指数；大于0表示高收入者利用更多。",
        },
        from_people=lambda y: concentration_index(
            _column(y, "spent"), _column(y, "income"), _rank(y)
        ),
        digits=3,
    )
    yield Outcome(
        "horizontal_inequity",
        "equity",
        "index",
        "neither",
        {"en": "Need-standardized use by income", "zh": "需要标准化的利用不公平"},
        {
            "en": "Concentration of use less that of the use expected from chronic conditions.",
            "zh": "利用的集中指数减去按慢性病预期利用的集中指数。",
        },
        from_people=_horizontal_inequity,
        digits=3,
    )
    yield Outcome(
        "kakwani",
        "equity",
        "index",
        "higher",
        {"en": "Progressivity of own payments", "zh": "自付的累进性（Kakwani）"},
        {
            "en": "Kakwani index: concentration of own payments less the Gini index of income.",
            "zh": "Kakwani指数：自付集中指数减收入基尼系数。",
        },
        from_people=_kakwani,
        digits=3,
    )
    for name, dimension, above, below, label_en, label_zh, base in (
        (
            "visits_gap_income",
            "income",
            0,
            N_FIFTHS - 1,
            "Visits, poorest over richest",
            "门诊：最低与最高收入组之比",
            "visits_per_person",
        ),
        (
            "charges_gap_scheme",
            "payer",
            0,
            1,
            "Charges, first over second scheme",
            "费用：居民与职工之比",
            "charges_per_person",
        ),
        (
            "charges_gap_place",
            "place",
            0,
            1,
            "Charges, village over town",
            "费用：乡村与城镇之比",
            "charges_per_person",
        ),
        (
            "qaly_gap_income",
            "income",
            0,
            N_FIFTHS - 1,
            "Health, poorest over richest",
            "健康：最低与最高收入组之比",
            "qaly",
        ),
    ):
        yield Outcome(
            name,
            "equity",
            "ratio",
            "neither",
            {"en": label_en, "zh": label_zh},
            {
                "en": f"Ratio of {base} between two groups; 1 means no gap.",
                "zh": f"两组之间{base}之比；1为无差距。",
            },
            contrast=(base, dimension, above, below),
            digits=3,
        )
    for name, label_en, label_zh, measure in (
        (
            "spending_top_1",
            "Spending on the dearest 1 %",
            "最高1%人群费用占比",
            lambda y: share_of_top(_column(y, "spent"), 0.01),
        ),
        (
            "spending_top_5",
            "Spending on the dearest 5 %",
            "最高5%人群费用占比",
            lambda y: share_of_top(_column(y, "spent"), 0.05),
        ),
        (
            "spending_bottom_half",
            "Spending on the cheaper half",
            "费用较低半数人群占比",
            lambda y: share_of_bottom(_column(y, "spent"), 0.5),
        ),
    ):
        yield Outcome(
            name,
            "equity",
            "share",
            "neither",
            {"en": label_en, "zh": label_zh},
            {
                "en": "Share of a year's charges among people alive all year.",
                "zh": "全年存活者年度费用中的占比。",
            },
            from_people=measure,
            digits=3,
        )
    yield Outcome(
        "persistence",
        "equity",
        "correlation",
        "neither",
        {"en": "Persistence of spending", "zh": "费用的年际相关"},
        {
            "en": "Correlation of a person's charges with last year's.",
            "zh": "个人费用与上年费用的相关系数。",
        },
        from_people=lambda y: _correlation(_column(y, "spent"), _last_year(y)),
        digits=3,
    )
    yield Outcome(
        "persistence_log",
        "equity",
        "correlation",
        "neither",
        {"en": "Persistence of log spending", "zh": "费用对数的年际相关"},
        {
            "en": "Correlation of log(1 + charges in CNY) with last year's.",
            "zh": "log(1+费用)与上年的相关系数。",
        },
        from_people=_log_persistence,
        digits=3,
    )
    yield Outcome(
        "persistence_top_1",
        "equity",
        "share",
        "neither",
        {"en": "Staying in the dearest 1 %", "zh": "留在最高1%的比例"},
        {
            "en": "Share of last year's dearest 1 % who are in it again.",
            "zh": "上年最高1%人群今年仍在其中的比例。",
        },
        from_people=lambda y: stays_in_top(_column(y, "spent"), _last_year(y), 0.01),
        digits=3,
    )

    # behavior
    components = (
        ("drugs", "drugs", "药品"),
        ("diagnostics", "diagnostics", "检查检验"),
        ("procedures", "procedures and supplies", "治疗与耗材"),
        ("labor", "labor", "医疗服务"),
    )
    settings = (
        ("out", "outpatient", "门诊", V.UNITS_OUT_0, V.NEED_OUT_0),
        ("in", "inpatient", "住院", V.UNITS_IN_0, V.NEED_IN_0),
    )
    for setting, setting_en, setting_zh, units_at, need_at in settings:
        for index, (name, name_en, name_zh) in enumerate(components):
            yield Outcome(
                f"intensity_{setting}_{name}",
                "behavior",
                "ratio",
                "neither",
                {
                    "en": f"Intensity of {setting_en} {name_en}",
                    "zh": f"{setting_zh}{name_zh}强度",
                },
                {
                    "en": "Units given over units that were appropriate; 1 is appropriate.",
                    "zh": "实际服务量与适宜服务量之比；1为适宜。",
                },
                _providers(V(units_at + index)),
                _providers(V(need_at + index)),
                1.0,
                _PROVIDERS,
                digits=3,
            )
    yield Outcome(
        "stay_ratio",
        "behavior",
        "ratio",
        "neither",
        {"en": "Stay over appropriate stay", "zh": "住院日与适宜之比"},
        {"en": "Bed-days over appropriate bed-days.", "zh": "实际床日与适宜床日之比。"},
        _providers(V.BED_DAYS),
        _providers(V.NEED_DAYS),
        float(_MILLI),
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "return_visits",
        "behavior",
        "per 100 first visits",
        "neither",
        {"en": "Return visits", "zh": "复诊"},
        {
            "en": "Contacts that the provider asked for per 100 contacts that opened an episode.",
            "zh": "每百次首诊中由医生要求的复诊次数。",
        },
        _providers(V.RETURN_VISITS),
        _providers(V.FIRST_VISITS),
        per_100,
        _PROVIDERS,
        digits=1,
    )
    yield Outcome(
        "upcoded_share",
        "behavior",
        "share",
        "lower",
        {"en": "Upcoded stays", "zh": "高套病组占比"},
        {"en": "Stays billed above their true level.", "zh": "上报等级高于真实等级的住院比例。"},
        _providers(V.UPCODED),
        _stays,
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "undercoded_share",
        "behavior",
        "share",
        "neither",
        {"en": "Undercoded stays", "zh": "低编病组占比"},
        {"en": "Stays billed below their true level.", "zh": "上报等级低于真实等级的住院比例。"},
        _providers(V.UNDERCODED),
        _stays,
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "documentation",
        "behavior",
        "share",
        "higher",
        {"en": "Complexity documented", "zh": "病案编码完整度"},
        {
            "en": "Stays of level 2 or 3 that were not billed below their true level.",
            "zh": "2、3级病例中未被低报的比例。",
        },
        _documented,
        _complex_stays,
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "procedure_share",
        "behavior",
        "share",
        "neither",
        {"en": "Stays with a procedure", "zh": "手术操作病例占比"},
        {
            "en": "Stays treated with a minor or a major procedure.",
            "zh": "以小手术（操作）或大手术治疗的住院比例。",
        },
        _providers(V.MINOR, V.MAJOR),
        _stays,
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "more_than_indicated",
        "behavior",
        "share",
        "lower",
        {"en": "Procedures beyond what is indicated", "zh": "超指征治疗占比"},
        {
            "en": "Stays treated in a heavier mode than the one indicated.",
            "zh": "治疗方式重于应有指征的住院比例。",
        },
        _providers(V.MODE_ABOVE),
        _stays,
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "split_share",
        "behavior",
        "share",
        "lower",
        {"en": "Stays billed as two", "zh": "分解住院占比"},
        {"en": "Stays billed as two.", "zh": "一次住院被拆成两次结算的比例。"},
        _providers(V.SPLIT),
        _stays,
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "sent_down_share",
        "behavior",
        "share",
        "neither",
        {"en": "Stays that end in a bed near home", "zh": "下转康复占比"},
        {
            "en": "Hospital stays whose last days were spent in a bed at the home practice.",
            "zh": "最后几日转回基层床位康复的住院比例。",
        },
        _providers(V.SENT_DOWN, only="is_hospital"),
        _providers(V.ADMISSIONS, only="is_hospital"),
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "facility_share",
        "behavior",
        "share",
        "neither",
        {"en": "Discharged to a facility", "zh": "出院转入照护机构占比"},
        {
            "en": "Hospital stays after which the patient goes to a facility for aftercare rather "
            "than home.",
            "zh": "出院后转入康复护理机构而非回家的住院比例。",
        },
        _providers(V.TO_FACILITY, only="is_hospital"),
        _providers(V.DISCHARGES, only="is_hospital"),
        1.0,
        _PROVIDERS,
        digits=3,
        only_with=V.TO_FACILITY,
    )
    yield Outcome(
        "aftercare_days",
        "behavior",
        "days",
        "neither",
        {"en": "Days of aftercare", "zh": "院后照护天数"},
        {
            "en": "Days in facilities after a stay, per hospital stay: patients who go home count "
            "with none.",
            "zh": "每次住院之后在照护机构的平均天数，直接回家者计为零。",
        },
        _providers(V.POST_ACUTE_DAYS, only="is_hospital"),
        _providers(V.DISCHARGES, only="is_hospital"),
        1.0,
        _PROVIDERS,
        only_with=V.TO_FACILITY,
    )
    yield Outcome(
        "observed_share",
        "behavior",
        "share",
        "neither",
        {"en": "Observed instead of admitted", "zh": "留院观察占比"},
        {
            "en": "Cases kept under observation in a hospital bed, of these and hospital stays "
            "together.",
            "zh": "留院观察而未办理入院的病例，占留院观察与住院合计的比例。",
        },
        _providers(V.OBSERVED, only="is_hospital"),
        _providers(V.OBSERVED, V.ADMISSIONS, only="is_hospital"),
        1.0,
        _PROVIDERS,
        digits=3,
        only_with=V.OBSERVED,
    )
    yield Outcome(
        "released_share",
        "behavior",
        "share",
        "neither",
        {"en": "Treated and sent home", "zh": "急诊处置后离院占比"},
        {
            "en": "Urgent hospital patients who are treated and sent home the same day, of these, "
            "those kept under observation and urgent stays together.",
            "zh": "急诊患者处置后当日离院的比例，分母为离院、留院观察与非择期住院之和。",
        },
        _providers(V.RELEASED, only="is_hospital"),
        _presented,
        1.0,
        _PROVIDERS,
        digits=3,
        only_with=V.OBSERVED,
    )
    yield Outcome(
        "minutes_per_visit",
        "behavior",
        "minutes",
        "neither",
        {"en": "Minutes per visit", "zh": "次均就诊时长"},
        {
            "en": "Minutes of a physician per outpatient contact at practices.",
            "zh": "基层机构医生每次门诊的平均分钟数。",
        },
        _providers(V.MINUTES, only="is_practice"),
        _providers(V.VISITS, only="is_practice"),
        0.01,
        _BOTH,
        only_with=V.MINUTES,
    )
    yield Outcome(
        "sessions_per_physician",
        "behavior",
        "sessions/month",
        "neither",
        {"en": "Sessions per physician", "zh": "医生人均出诊单元数"},
        {
            "en": "Sessions that visits at practices fill, per physician and month.",
            "zh": "基层机构每名医生每月接诊所占用的出诊单元数。",
        },
        _providers(V.SESSIONS, only="is_practice"),
        _providers(V.PHYSICIANS, only="is_practice"),
        1.0,
        (),
        digits=1,
        only_with=V.MINUTES,
    )
    yield Outcome(
        "case_mix_billed",
        "behavior",
        "relative weight",
        "neither",
        {"en": "Case-mix index, billed", "zh": "病例组合指数（上报）"},
        {"en": "Mean relative weight of stays as billed.", "zh": "上报病例的平均权重。"},
        _case_mix("billed"),
        _bills,
        1.0 / _MILLI,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "case_mix_true",
        "behavior",
        "relative weight",
        "neither",
        {"en": "Case-mix index, true", "zh": "病例组合指数（真实）"},
        {"en": "Mean relative weight of stays as they were.", "zh": "真实病例的平均权重。"},
        _case_mix("true_level"),
        _stays,
        1.0 / _MILLI,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "case_mix_drift",
        "behavior",
        "ratio",
        "neither",
        {"en": "Case-mix drift", "zh": "病例组合漂移"},
        {
            "en": "Billed over true relative weight; a stay billed as two counts twice.",
            "zh": "上报权重与真实权重之比；拆成两次结算的按两次计。",
        },
        _case_mix("billed"),
        _case_mix("true_level"),
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "uncovered_share",
        "behavior",
        "share",
        "lower",
        {"en": "Uncovered items", "zh": "目录外费用占比"},
        {
            "en": "Charges outside the benefit catalogue as a share of charges.",
            "zh": "目录外费用占全部费用的比例。",
        },
        _providers(V.UNCOVERED_OUT, V.UNCOVERED_IN),
        _providers(V.CHARGE_OUT, V.CHARGE_IN),
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "prevention",
        "behavior",
        "contacts/person-year",
        "higher",
        {"en": "Preventive contacts", "zh": "慢病预防性随访"},
        {
            "en": "Preventive contacts per chronically ill list member and year.",
            "zh": "每名签约慢病患者每年的预防性随访次数。",
        },
        _providers(V.PREVENTIVE),
        _providers(V.CHRONIC_MEMBERS),
        month_year,
        _BOTH,
    )
    yield Outcome(
        "elective_share",
        "behavior",
        "share",
        "neither",
        {"en": "Elective admissions", "zh": "择期住院占比"},
        {"en": "Elective admissions as a share of all.", "zh": "择期住院占全部住院的比例。"},
        _providers(V.ELECTIVE),
        _providers(V.ADMISSIONS),
        1.0,
        _PROVIDERS,
        digits=3,
    )

    # welfare
    yield Outcome(
        "net_benefit",
        "welfare",
        "CNY/person-year",
        "higher",
        {"en": "Net benefit", "zh": "净效益"},
        {
            "en": "QALYs at the analyst's value less resource cost, administration and patients' "
            "travel, per person-year; transfers cancel.",
            "zh": "按分析者价值折算的健康减去资源成本、管理成本与患者路途，每人每年；"
            "转移支付相互抵消。",
        },
        _net_benefit,
        _MONTHS,
        _FEN * month_year,
        (),
        digits=0,
    )
    yield Outcome(
        "health_loss",
        "welfare",
        "QALY per 1,000 person-years",
        "lower",
        {"en": "Health lost to wrong intensity", "zh": "强度不当的健康损失"},
        {
            "en": "QALYs lost to over- and under-treatment: distance to appropriate care.",
            "zh": "过度与不足治疗损失的质量调整生命年。",
        },
        _providers(V.HEALTH_LOSS),
        _MONTHS,
        month_year * per_1000 / _MICRO,
        _BOTH,
        digits=3,
    )
    yield Outcome(
        "travel_cost_per_person",
        "welfare",
        "CNY/person-year",
        "lower",
        {"en": "Cost of patients' travel", "zh": "患者路途成本"},
        {
            "en": "Travel time valued at the analyst's hourly value, per person-year.",
            "zh": "按分析者的小时价值折算的路途时间，每人每年。",
        },
        _travel_cost,
        _MONTHS,
        _FEN * month_year,
        _PEOPLE,
        digits=1,
    )

    # finance
    yield Outcome(
        "fund_balance",
        "finance",
        "CNY/person-year",
        "higher",
        {"en": "Fund surplus or deficit", "zh": "基金当期结余"},
        {
            "en": "Income of the funds less payments net of claw-backs, per person-year.",
            "zh": "基金收入减支出（扣除追回），每人每年。",
        },
        _surplus,
        _MONTHS,
        _FEN * month_year,
        _BOTH,
        digits=0,
    )
    yield Outcome(
        "fund_surplus_share",
        "finance",
        "share",
        "higher",
        {"en": "Fund surplus rate", "zh": "基金当期结余率"},
        {"en": "Surplus as a share of the funds' income.", "zh": "结余占基金收入的比例。"},
        _surplus,
        lambda t: t.premiums,
        1.0,
        _BOTH,
        digits=3,
    )
    yield Outcome(
        "fund_reserve_months",
        "finance",
        "months",
        "higher",
        {"en": "Reserves in months", "zh": "基金可支付月数"},
        {
            "en": "Mean balance at month's end over mean monthly payments.",
            "zh": "月末累计结余与月均支出之比。",
        },
        lambda t: t.fund_balance,
        _fund,
        1.0,
        _BOTH,
        digits=1,
    )
    yield Outcome(
        "provider_revenue_per_person",
        "finance",
        "CNY/person-year",
        "neither",
        {"en": "Provider revenue per person", "zh": "人均机构收入"},
        {
            "en": "Contract receipts, uncovered items and subsidies less claw-backs.",
            "zh": "合同收入、目录外收入与补助减追回，每人每年。",
        },
        _revenue,
        _MONTHS,
        _FEN * month_year,
        (),
        digits=0,
    )
    yield Outcome(
        "provider_margin",
        "finance",
        "share",
        "neither",
        {"en": "Provider margin", "zh": "机构收支结余率"},
        {
            "en": "Revenue less variable and fixed cost as a share of revenue.",
            "zh": "收入减变动与固定成本占收入的比例。",
        },
        _margin,
        _revenue,
        1.0,
        _KIND,
        digits=3,
    )
    yield Outcome(
        "payment_to_charge",
        "finance",
        "ratio",
        "neither",
        {"en": "Payment over covered charges", "zh": "支付与目录内费用之比"},
        {
            "en": "Contract receipts over covered charges at list price.",
            "zh": "合同收入与目录内标价费用之比。",
        },
        lambda t: t.receipts.sum(axis=1),
        _providers(V.COVERED_OUT, V.COVERED_IN),
        1.0,
        _PROVIDERS,
        digits=3,
    )
    yield Outcome(
        "subsidies_per_person",
        "finance",
        "CNY/person-year",
        "lower",
        {"en": "Budget subsidies per person", "zh": "人均财政补助"},
        {"en": "Grants from the budget, per person-year.", "zh": "财政补助，每人每年。"},
        lambda t: t.grants.sum(axis=1),
        _MONTHS,
        _FEN * month_year,
        (),
        digits=0,
    )
    yield Outcome(
        "medical_assistance_per_person",
        "finance",
        "CNY/person-year",
        "neither",
        {"en": "Medical assistance per person", "zh": "人均医疗救助"},
        {
            "en": "Covered charges that medical assistance pays for the poor, per person-year.",
            "zh": "医疗救助为困难群众支付的目录内费用，每人每年。",
        },
        _providers(V.AID),
        _MONTHS,
        _FEN * month_year,
        _BOTH,
        digits=1,
    )
    yield Outcome(
        "clawback_per_person",
        "finance",
        "CNY/person-year",
        "neither",
        {"en": "Claw-backs and fines per person", "zh": "人均追回与罚款"},
        {"en": "What audits bring back, per person-year.", "zh": "审核追回与罚款，每人每年。"},
        lambda t: (t.clawback + t.fine).sum(axis=1),
        _MONTHS,
        _FEN * month_year,
        _BOTH,
    )
    yield Outcome(
        "undetected_per_person",
        "finance",
        "CNY/person-year",
        "lower",
        {"en": "Overbilling not detected", "zh": "未被发现的多收费用"},
        {
            "en": "Overbilling that audits missed, per person-year.",
            "zh": "审核未发现的多收费用，每人每年。",
        },
        lambda t: t.undetected.sum(axis=1),
        _MONTHS,
        _FEN * month_year,
        _BOTH,
    )
    yield Outcome(
        "list_changes",
        "access",
        "per 100 person-years",
        "neither",
        {"en": "Changes of list", "zh": "更换签约机构"},
        {
            "en": "People who came onto another practice's list by their own choice, per 100 "
            "person-years.",
            "zh": "自主更换所属基层机构的人次，每百人年。",
        },
        lambda t: t.people(P.LIST_APPLIED) - t.people(P.LIST_REFUSED),
        _MONTHS,
        per_100 * month_year,
        _PEOPLE,
        only_with=P.LIST_APPLIED,
    )
    yield Outcome(
        "put_off_share",
        "access",
        "share",
        "lower",
        {"en": "Put off at enrolment", "zh": "签约时被劝退的比例"},
        {
            "en": "Share of people who asked to join a list and were discouraged from it.",
            "zh": "申请加入签约名单而被劝退者的比例。",
        },
        _people(P.LIST_REFUSED),
        _people(P.LIST_APPLIED),
        1.0,
        _PEOPLE,
        digits=3,
        only_with=P.LIST_APPLIED,
    )
    yield Outcome(
        "risk_of_joiners",
        "behavior",
        "ratio",
        "neither",
        {"en": "Predicted cost of those who joined", "zh": "新加入者的预期费用"},
        {
            "en": "Mean predicted yearly cost, by age, sex and conditions, of people who came onto "
            "another list, over the region's mean.",
            "zh": "更换机构成功者按年龄、性别与病种预测的年费用，与区域均值之比。",
        },
        lambda t: t.people(P.LIST_APPLIED_RISK) - t.people(P.LIST_REFUSED_RISK),
        lambda t: t.people(P.LIST_APPLIED) - t.people(P.LIST_REFUSED),
        1.0 / _MILLI,
        _PEOPLE,
        only_with=P.LIST_APPLIED,
    )
    yield Outcome(
        "recorded_risk",
        "behavior",
        "ratio",
        "neither",
        {"en": "Recorded over true risk of members", "zh": "登记风险与真实风险之比"},
        {
            "en": "Members' risk by the conditions on practices' records over risk by those that "
            "they have; above 1 where conditions are invented.",
            "zh": "机构登记病种对应的参保人风险与其真实病种风险之比；大于1即存在虚增诊断。",
        },
        _providers(V.RECORDED_MONTHS),
        _providers(V.DIAGNOSED_MONTHS),
        1.0,
        _BOTH,
        digits=3,
        only_with=V.DIAGNOSED_MONTHS,
    )
    yield Outcome(
        "risk_of_put_off",
        "behavior",
        "ratio",
        "neither",
        {"en": "Predicted cost of those put off", "zh": "被劝退者的预期费用"},
        {
            "en": "The same for people who were put off: above that of joiners where practices "
            "select low risks.",
            "zh": "被劝退者的预测年费用与区域均值之比；高于新加入者即为撇脂选择。",
        },
        _people(P.LIST_REFUSED_RISK),
        _people(P.LIST_REFUSED),
        1.0 / _MILLI,
        _PEOPLE,
        only_with=P.LIST_APPLIED,
    )
    yield Outcome(
        "account_balance",
        "finance",
        "CNY/person",
        "neither",
        {"en": "Balance of individual accounts", "zh": "个人账户人均结余"},
        {
            "en": "What is in individual accounts at the end of a month, mean over months, per "
            "member whose account is filled.",
            "zh": "个人账户月末余额，按有划入的参保人平均。",
        },
        _people(P.ACCOUNT_BALANCE),
        _people(P.ACCOUNT_HOLDERS),
        _FEN,
        _PEOPLE,
        digits=0,
        only_with=P.ACCOUNT_HOLDERS,
    )
    yield Outcome(
        "account_credit",
        "finance",
        "CNY/person-year",
        "neither",
        {"en": "Credit to individual accounts", "zh": "个人账户人均划入"},
        {
            "en": "What the scheme credits to individual accounts, per holder and year.",
            "zh": "医保每年划入个人账户的金额，按账户持有人平均。",
        },
        _people(P.ACCOUNT_CREDIT),
        _people(P.ACCOUNT_HOLDERS),
        _FEN * month_year,
        _PEOPLE,
        digits=0,
        only_with=P.ACCOUNT_HOLDERS,
    )
    yield Outcome(
        "account_share_of_own_payments",
        "finance",
        "share",
        "neither",
        {"en": "Own payments met from individual accounts", "zh": "个人支付中由个人账户支付的比例"},
        {
            "en": "Share of patients' payments to providers that individual accounts pay; the rest "
            "is cash.",
            "zh": "患者向医疗机构支付的金额中由个人账户支付的比例，其余为现金。",
        },
        _people(P.ACCOUNT_PAID),
        _people(P.PATIENT),
        1.0,
        _PEOPLE,
        digits=3,
        only_with=P.ACCOUNT_HOLDERS,
    )
    yield Outcome(
        "cover_option_share",
        "finance",
        "share",
        "neither",
        {"en": "Members with a cover option", "zh": "自选保障档次的参保比例"},
        {
            "en": "Share of all people who have chosen a benefit package in place of the usual "
            "one of their scheme.",
            "zh": "自选保障档次（而非所在险种默认待遇）的人数占全体居民的比例。",
        },
        _people(P.COVER_MONTHS),
        _people(P.PERSON_MONTHS),
        1.0,
        _PEOPLE,
        digits=3,
        only_with=P.COVER_MONTHS,
    )
    yield Outcome(
        "cover_option_premium",
        "finance",
        "CNY/person-year",
        "neither",
        {"en": "Premium for cover options", "zh": "自选保障档次人均加缴"},
        {
            "en": "What those who have chosen an option pay for it, per holder and year; no part "
            "of out-of-pocket spending.",
            "zh": "自选档次者每年为此多缴的保费，按选择者平均；不计入个人自付。",
        },
        _people(P.COVER_PREMIUM),
        _people(P.COVER_MONTHS),
        _FEN * month_year,
        _PEOPLE,
        digits=0,
        only_with=P.COVER_MONTHS,
    )
    yield Outcome(
        "cover_option_risk",
        "behavior",
        "ratio",
        "neither",
        {"en": "Predicted cost of those with a cover option", "zh": "自选保障档次者的预期费用"},
        {
            "en": "Predicted yearly cost of holders by age, sex and conditions over the mean of "
            "their scheme; above 1 where the ill choose more cover.",
            "zh": "自选档次者按年龄、性别和病种预测的年费用与本险种平均之比；大于1即存在逆向选择。",
        },
        _people(P.COVER_RISK),
        _people(P.COVER_MONTHS),
        1.0 / _MILLI,
        _PEOPLE,
        digits=2,
        only_with=P.COVER_MONTHS,
    )


OUTCOMES: dict[str, Outcome] = {outcome.id: outcome for outcome in _all_outcomes()}


def registry() -> tuple[Outcome, ...]:
    """Give every outcome in the order of reports."""
    return tuple(OUTCOMES.values())


# --- groups and evaluation --------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    """One group of people or providers: which cells, payers and providers belong to it."""

    name: str
    dimension: str
    cells: Bool
    payers: Bool
    providers: Bool
    people: Callable[[PersonYear], Bool] = field(repr=False)


def _everyone(year: PersonYear) -> Bool:
    return np.ones(year["income"].shape, dtype=np.bool_)


def _people_with(column: str, value: int) -> Callable[[PersonYear], Bool]:
    return lambda year: np.asarray(year[column]) == value


def _groups(traits: ProviderTraits) -> Iterator[_Group]:
    """List every group: all, then income fifths, health, payers, places, provider kinds."""
    n_payers, n = len(traits.payers), traits.kind.size
    cells = cell_traits(n_payers)
    all_cells = np.ones(cells["payer"].size, dtype=np.bool_)
    all_payers = np.ones(n_payers, dtype=np.bool_)
    all_providers = np.ones(n, dtype=np.bool_)
    yield _Group("all", "all", all_cells, all_payers, all_providers, _everyone)
    people = (
        ("income", "fifth", tuple(str(i + 1) for i in range(N_FIFTHS))),
        ("health", "health", HEALTH_NAMES),
        ("payer", "payer", traits.payers),
        ("place", "is_town", PLACE_NAMES),
    )
    for dimension, column, names in people:
        for index, name in enumerate(names):
            payers = np.arange(n_payers) == index if dimension == "payer" else all_payers
            yield _Group(
                f"{dimension}:{name}",
                dimension,
                cells[column] == index,
                payers,
                all_providers,
                _people_with(column, index),
            )
    for index, name in enumerate(KIND_NAMES):
        yield _Group(f"kind:{name}", "kind", all_cells, all_payers, traits.kind == index, _everyone)


def groups_of(traits: ProviderTraits) -> list[str]:
    """Name every group of a run in the order of reports, from ``all`` and ``income:1`` on."""
    return [group.name for group in _groups(traits)]


_MONEY_BY_PAYER = ("receipts", "fund_paid", "clawback", "fine", "undetected")
_BY_PAYER = ("provider", "billed", "true_level", *_MONEY_BY_PAYER)
_BY_PROVIDER = ("grants", "fixed_cost")
_PLAIN = ("person", "premiums", "fund_balance")


class _Sums:
    """A run's tallies over some months, summed over groups one after the other.

    Parameters
    ----------
    history : History
    traits : ProviderTraits
    months : slice
    monthly : bool
        Keep a row per month; else one row, the sum over the months.
    """

    def __init__(
        self, history: History, traits: ProviderTraits, months: slice, monthly: bool
    ) -> None:
        self.traits = traits
        self._rows: dict[str, Int64] = {}
        for name in (*_BY_PAYER, *_BY_PROVIDER, *_PLAIN):
            chosen = getattr(history, name)[months]
            self._rows[name] = np.asarray(chosen if monthly else chosen.sum(axis=0, keepdims=True))
        self._whole: dict[str, Int64] = {}

    def of(self, group: _Group) -> Tallies:
        """Give the tallies of one group; they are read, never written to."""
        is_everywhere = bool(group.providers.all())

        def by_provider(chosen: Int64) -> Int64:
            if is_everywhere:
                return chosen
            kept = chosen.copy()
            kept[:, ~group.providers] = 0
            return kept

        person = self._rows["person"]
        if not group.cells.all():
            person = person.copy()
            person[:, ~group.cells] = 0
        by_payer = {name: by_provider(self._over_payers(name, group)) for name in _BY_PAYER}
        plain = {name: by_provider(self._rows[name]) for name in _BY_PROVIDER}
        return Tallies(
            **by_payer,
            **plain,
            person=person,
            premiums=self._rows["premiums"][:, group.payers].sum(axis=1),
            fund_balance=self._rows["fund_balance"][:, group.payers].sum(axis=1),
            traits=self.traits,
        )

    def _over_payers(self, name: str, group: _Group) -> Int64:
        rows = self._rows[name]
        if not group.payers.all():
            chosen = np.flatnonzero(group.payers)
            if len(chosen) == 1:
                return rows[:, :, chosen[0]]
            return np.asarray(rows[:, :, chosen].sum(axis=2), dtype=np.int64)
        if name not in self._whole:
            self._whole[name] = np.asarray(rows.sum(axis=2), dtype=np.int64)
        return self._whole[name]


def _ratio(outcome: Outcome, tallies: Tallies) -> tuple[Float64, str]:
    """Form an outcome's values, shape (rows,), and the reason of those that are null."""
    if outcome.numerator is None or outcome.denominator is None:
        raise _UnmeasuredError("not a ratio of sums")
    above = np.asarray(outcome.numerator(tallies), dtype=np.float64)
    below = np.asarray(outcome.denominator(tallies), dtype=np.float64)
    values = np.full(above.shape, np.nan)
    np.divide(outcome.scale * above, below, out=values, where=below != 0.0)
    return values, "" if bool(np.all(below != 0.0)) else "no cases"


def _years_inside(history: History, months: slice) -> list[PersonYear]:
    """Give the completed accounting years that lie wholly inside the months."""
    start, stop, _ = months.indices(history.person.shape[0])
    return [
        year
        for index, year in enumerate(history.people)
        if 12 * index >= start and 12 * (index + 1) <= stop
    ]


def _chosen(years: Sequence[PersonYear], group: _Group) -> list[_Chosen]:
    """Give a group's people who were alive all year, year by year."""
    found = []
    for year in years:
        chosen = np.asarray(year["alive_all_year"], dtype=np.bool_) & group.people(year)
        found.append(_Chosen(year, chosen))
    return found


def _of_people(measure: PeopleMeasure, years: Sequence[PersonYear]) -> Measured:
    """Average a person-level measure over years."""
    if not years:
        return Measured(math.nan, "no accounting year was completed in these months")
    values: list[float] = []
    reason = "no cases"
    for year in years:
        try:
            value = measure(year)
        except _UnmeasuredError as unmeasured:
            reason = str(unmeasured)
            continue
        if not math.isnan(value):
            values.append(value)
    return Measured(math.fsum(values) / len(values)) if values else Measured(math.nan, reason)


def _contrast(outcome: Outcome, found: Mapping[str, Mapping[str, Measured]]) -> Measured:
    """Compare an outcome already formed between two groups of one dimension."""
    if outcome.contrast is None:
        return Measured(math.nan, "not a contrast")
    base, dimension, above, below = outcome.contrast
    values = [v for name, v in found[base].items() if name.startswith(f"{dimension}:")]
    if max(above, below) >= len(values):
        return Measured(math.nan, "fewer than two groups")
    top, bottom = values[above], values[below]
    if math.isnan(top.value) or math.isnan(bottom.value):
        return Measured(math.nan, top.reason or bottom.reason)
    if bottom.value == 0.0:
        return Measured(math.nan, "no cases")
    return Measured(top.value / bottom.value)


def _asked(
    only: Mapping[str, Collection[str]] | None,
) -> tuple[list[Outcome], Callable[[Outcome, _Group], bool]]:
    """Give the outcomes asked for, named or compared by those, and tell in which groups."""
    compared: set[tuple[str, str]] = set()
    for name in only or ():
        contrast = OUTCOMES[name].contrast if name in OUTCOMES else None
        if contrast is not None:
            compared.add(contrast[:2])

    def is_asked(outcome: Outcome, group: _Group) -> bool:
        if group.dimension != "all" and group.dimension not in outcome.by:
            return False
        if only is None or group.name in only.get(outcome.id, ()):
            return True
        return (outcome.id, group.dimension) in compared

    names = set(OUTCOMES) if only is None else {*only, *(name for name, _ in compared)}
    return [outcome for outcome in OUTCOMES.values() if outcome.id in names], is_asked


def evaluate(
    history: History,
    traits: ProviderTraits,
    months: slice,
    only: Mapping[str, Collection[str]] | None = None,
) -> dict[str, dict[str, Measured]]:
    """Measure every outcome over some months, for everybody and by group.

    Parameters
    ----------
    history : History
        One run.
    traits : ProviderTraits
    months : slice
        Months of the run, counted from 0, stop excluded.
    only : mapping of outcome id to group names, optional
        Measure no more than these and what they compare. None: everything.

    Returns
    -------
    dict of outcome id to dict of group name to Measured
        A null value is NaN and carries its reason. Groups that an outcome cannot be told apart
        by are left out, and so are outcomes of what nobody in the run has.
    """
    wanted, is_asked = _asked(only)
    measured = [outcome for outcome in wanted if outcome.is_part_of(history)]
    found: dict[str, dict[str, Measured]] = {outcome.id: {} for outcome in measured}
    years = _years_inside(history, months)
    sums = _Sums(history, traits, months, monthly=False)
    for group in _groups(traits):
        asked = [outcome for outcome in measured if is_asked(outcome, group)]
        if not asked:
            continue
        tallies = sums.of(group)
        is_personal = any(outcome.from_people is not None for outcome in asked)
        theirs = _chosen(years, group) if is_personal else []
        for outcome in asked:
            if outcome.from_people is not None:
                found[outcome.id][group.name] = _of_people(outcome.from_people, theirs)
            elif outcome.minus:
                found[outcome.id][group.name] = Measured(
                    math.nan, "exists only as a difference between arms"
                )
            elif outcome.is_additive:
                try:
                    values, reason = _ratio(outcome, tallies)
                except _UnmeasuredError as unmeasured:
                    found[outcome.id][group.name] = Measured(math.nan, str(unmeasured))
                else:
                    found[outcome.id][group.name] = Measured(float(values[0]), reason)
    for outcome in measured:
        if outcome.contrast is not None and (only is None or outcome.id in only):
            found[outcome.id]["all"] = _contrast(outcome, found)
    return {name: groups for name, groups in found.items() if only is None or name in only}


def evaluate_sums(
    history: History, traits: ProviderTraits, months: slice
) -> dict[str, dict[str, tuple[float, float]]]:
    """Give numerator and denominator of every additive outcome: what adds over regions too.

    Parameters
    ----------
    history : History
        One run.
    traits : ProviderTraits
    months : slice
        Months of the run, counted from 0, stop excluded.

    Returns
    -------
    dict of outcome id to dict of group name to (numerator, denominator)
        The outcome is its ``scale`` times the one over the other. Counts and fen are whole numbers.
        Outcomes that cannot be formed are left out.
    """
    measured = [o for o in OUTCOMES.values() if o.is_additive and o.is_part_of(history)]
    found: dict[str, dict[str, tuple[float, float]]] = {}
    sums = _Sums(history, traits, months, monthly=False)
    for group in _groups(traits):
        tallies = sums.of(group)
        for outcome in measured:
            if group.dimension != "all" and group.dimension not in outcome.by:
                continue
            if outcome.numerator is None or outcome.denominator is None:
                continue
            try:
                above, below = outcome.numerator(tallies)[0], outcome.denominator(tallies)[0]
            except _UnmeasuredError:
                continue
            found.setdefault(outcome.id, {})[group.name] = float(above), float(below)
    return found


def evaluate_monthly(
    history: History,
    traits: ProviderTraits,
    dimensions: Sequence[str] = ("all", "payer", "kind"),
) -> dict[str, dict[str, Float64]]:
    """Measure every additive outcome month by month.

    Parameters
    ----------
    history : History
    traits : ProviderTraits
    dimensions : sequence of str
        Which groups to follow through time.

    Returns
    -------
    dict of outcome id to dict of group name to float64, shape (months,)
        NaN in months without a case. Outcomes that need a person's year, or that are a contrast
        or a difference between arms, are left out.
    """
    found: dict[str, dict[str, Float64]] = {}
    everything = slice(0, history.person.shape[0])
    measured = [o for o in OUTCOMES.values() if o.is_additive and o.is_part_of(history)]
    sums = _Sums(history, traits, everything, monthly=True)
    for group in _groups(traits):
        if group.dimension not in dimensions:
            continue
        tallies = sums.of(group)
        for outcome in measured:
            if group.dimension != "all" and group.dimension not in outcome.by:
                continue
            try:
                values, _ = _ratio(outcome, tallies)
            except _UnmeasuredError:
                continue
            found.setdefault(outcome.id, {})[group.name] = values
    return found
