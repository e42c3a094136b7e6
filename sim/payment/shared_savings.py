"""Shared savings: part of what members' spending stays below a benchmark, or exceeds it by."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import Activity, Array
from sim.errors import PaymentError
from sim.payment._over import (
    SCORED,
    Over,
    add_slopes,
    blank_slopes,
    fields_of,
    read_measures,
    spread_slopes,
    value_of,
)
from sim.payment._protocol import (
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
    fan_of,
    gradient_through,
    next_year,
    resolve,
    total,
)
from sim.payment._rules import as_counted
from sim.payment._smoothing import middles, over_score, secants, weights
from sim.payment._terms import Neutral, Term, is_neutral, per_provider, read_number, spec_of, term

_BENCHMARK = Term(
    "CNY/person-year", 0.0, 1e7, "benchmark per member of average risk", "人均基准费用", (), True
)
_RISK = Term("ratio", 0.0, 100.0, "risk of a member in the base years", "基期人均风险", (), True)
_RATE = Term("share", 0.0, 1.0, "minimum savings rate", "最低节约率", (), True)
_SIZES = (
    5_000.0,
    6_000.0,
    7_000.0,
    8_000.0,
    9_000.0,
    10_000.0,
    15_000.0,
    20_000.0,
    50_000.0,
    60_000.0,
)
_RATES = (0.039, 0.036, 0.034, 0.032, 0.031, 0.030, 0.027, 0.025, 0.022, 0.020)
_YEAR_WEIGHTS = (0.6, 0.3, 0.1)  # the latest first
_YEAR = 12.0
_LONGEST = 60  # years after which a yuan today no longer moves a benchmark that matters
_PER_PROVIDER = ("benchmark", "base_risk", "minimum_rate")


@dataclass(frozen=True, eq=False)
class SharedSavings(Over):
    """Share with the provider what its members' spending saves against a benchmark.

    Parameters
    ----------
    of : PaymentModel
        Contract that prices the provider's own care.
    provider_ids : tuple of str
        Names of the providers.
    sharing : float
        Share of savings paid to the provider (US programmes .40-.75).
    loss_sharing : float
        Share of losses paid back; 0 is one-sided, more is two-sided.
    minimum_rate : ndarray, shape (n,), or Neutral
        Savings (and losses) below this share of the benchmark are not shared. Neutral: 3.9 % at
        5,000 members falling to 2.0 % at 60,000, by members on base activity.
    savings_cap, loss_cap : float
        Most that is paid and paid back, share of the benchmark (US programmes .10-.20).
    quality_gate : float
        Least mean value of the measures at which savings are shared; 0: no gate.
    measures : mapping of str to float
        Measures of the gate and their weights.
    benchmark : ndarray, shape (n,), or Neutral
        CNY per member of average risk and year. Neutral: the provider's own on base activity.
    base_risk : ndarray, shape (n,), or Neutral
        Mean risk of a member in the base years. Neutral: that of base activity.
    risk_growth_cap : float
        Most by which members' mean risk may raise the benchmark above the base years'.
    trend : float
        Yearly growth of the benchmark.
    agreement_years : int
        Years until the benchmark is set anew from the last three years (weights .6, .3, .1).
    year : int
        Years of the agreement passed.

    Notes
    -----
    The payer pays the provider the revenue inside as that contract says, and settles savings and
    losses once a year::

        T = inside + spent_elsewhere                       members' total spending
        B = benchmark / 12 x min(risk months, member months x base_risk x (1 + cap))
        S = B - T
        gain = min(sharing x S, savings_cap x B)        if S >= minimum_rate x B and quality >= gate
        loss = min(loss_sharing x -S, loss_cap x B)     if -S >= minimum_rate x B
        revenue = max(inside + gain - loss, 0)

    Inside the corridor a fee brings (1 - sharing) of itself, and a yuan that members spend
    elsewhere costs ``sharing``. At the minimum rate the whole gain starts at once, a notch seen
    through the forecast. Spending less today lowers the next benchmark, and counts so. All care of
    the provider is taken for its members': patients who are not are a small part of a practice's.
    Left out: truncation of dear persons, advance payments, assignment after the year.

    References
    ----------
    McWilliams JM, Hatfield LA, Landon BE, Hamed P, Chernew ME. Medicare spending after 3 years of
    the Medicare Shared Savings Program. N Engl J Med 2018; 379:1139-1149.
    https://doi.org/10.1056/NEJMsa1803388
    Minimum savings rates and caps: 42 CFR 425.600-425.610 (recalled).
    """

    id: ClassVar[str] = "shared_savings"
    title_en: ClassVar[str] = "Shared savings"
    title_zh: ClassVar[str] = "节约共享"
    line_en: ClassVar[str] = "Part of what members' spending saves against a benchmark is paid out."
    line_zh: ClassVar[str] = "成员总费用低于基准的节约按比例分享，双向模式下超支共担。"
    structural: ClassVar[tuple[str, ...]] = (*_PER_PROVIDER, "measures", "agreement_years", "year")

    sharing: float = dataclasses.field(
        default=0.5,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="share of savings", label_zh="节约分享比例"
        ),
    )
    loss_sharing: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="share of losses", label_zh="超支分担比例"
        ),
    )
    minimum_rate: Array | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            form="by_provider",
            unit=_RATE.unit,
            low=_RATE.low,
            high=_RATE.high,
            can_be_neutral=True,
            label_en=_RATE.label_en,
            label_zh=_RATE.label_zh,
        ),
    )
    savings_cap: float = dataclasses.field(
        default=0.1,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="cap on savings paid, share of the benchmark",
            label_zh="节约分享上限（占基准）",
        ),
    )
    loss_cap: float = dataclasses.field(
        default=0.1,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="cap on losses paid back, share of the benchmark",
            label_zh="超支分担上限（占基准）",
        ),
    )
    quality_gate: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="ratio",
            low=0.0,
            high=100.0,
            label_en="least quality at which savings are shared",
            label_zh="质量门槛",
        ),
    )
    measures: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: {"chronic_control": 1.0, "follow_up": 1.0},
        metadata=term(
            form="measures",
            keys=SCORED,
            low=0.0,
            high=100.0,
            label_en="measures of the gate",
            label_zh="质量门槛指标",
        ),
    )
    benchmark: Array | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            form="by_provider",
            unit=_BENCHMARK.unit,
            low=_BENCHMARK.low,
            high=_BENCHMARK.high,
            can_be_neutral=True,
            label_en=_BENCHMARK.label_en,
            label_zh=_BENCHMARK.label_zh,
        ),
    )
    base_risk: Array | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            form="by_provider",
            unit=_RISK.unit,
            low=_RISK.low,
            high=_RISK.high,
            can_be_neutral=True,
            label_en=_RISK.label_en,
            label_zh=_RISK.label_zh,
        ),
    )
    risk_growth_cap: float = dataclasses.field(
        default=0.03,
        metadata=term(
            unit="share",
            low=0.0,
            high=10.0,
            label_en="cap on the growth of members' risk",
            label_zh="风险增长上限",
        ),
    )
    trend: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="1/year",
            low=-0.5,
            high=1.0,
            label_en="growth of the benchmark",
            label_zh="基准年增长率",
        ),
    )
    agreement_years: int = dataclasses.field(
        default=5,
        metadata=term(
            form="whole",
            unit="year",
            low=1,
            high=50,
            label_en="years of an agreement",
            label_zh="协议年限",
        ),
    )
    year: int = dataclasses.field(
        default=0,
        metadata=term(
            form="whole",
            unit="year",
            low=0,
            high=49,
            label_en="years passed",
            label_zh="协议已执行年数",
        ),
    )

    @classmethod
    def read_more(
        cls, spec: Mapping[str, Any], context: PaymentContext, where: str
    ) -> dict[str, Any]:
        """Read what is by provider, the measures of the gate, and whole years."""
        ids = tuple(context.provider_ids)
        found: dict[str, Any] = {
            name: per_provider(spec[name], of, ids, f"{where}.{name}")
            for name, of in zip(_PER_PROVIDER, (_BENCHMARK, _RISK, _RATE), strict=True)
            if name in spec
        }
        if "measures" in spec:
            found["measures"] = read_measures(spec["measures"], f"{where}.measures")
        for name, least, most in (("agreement_years", 1, 50), ("year", 0, 49)):
            if name in spec:
                value = read_number(
                    spec[name], Term("year", least, most, "", ""), f"{where}.{name}"
                )
                if not value.is_integer():
                    raise PaymentError(
                        "years are whole",
                        where=f"{where}.{name}",
                        value=value,
                        allowed=f"{least}, {least + 1}, ...",
                    )
                found[name] = int(value)
        years = found.get("agreement_years", cls.agreement_years)
        if found.get("year", 0) >= years:
            raise PaymentError(
                "more years have passed than an agreement has",
                where=f"{where}.year",
                value=found["year"],
                allowed=f"0 to {years - 1}, with agreement_years {years}",
            )
        return found

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()
        for name in _PER_PROVIDER:
            found[self.id][name] = spec_of(getattr(self, name), self.provider_ids)
        found[self.id]["measures"] = dict(self.measures)
        return found

    @property
    def grows_with_the_region(self) -> bool:
        """Tell that a neutral minimum rate follows the number of members."""
        return not is_neutral(self.minimum_rate) and super().grows_with_the_region

    @property
    def reads(self) -> frozenset[str]:
        """Give what the contract inside reads, members, their spending and the gate's measures."""
        gate = fields_of(self.measures) if self.quality_gate else frozenset()
        own = {"spent_elsewhere", "member_months", "risk_months"}
        return frozenset(self.of.reads | own | gate)

    def _fixed(self, name: str) -> Array:
        value = getattr(self, name)
        if isinstance(value, Neutral):
            raise PaymentError(
                "the benchmark is still neutral",
                where=f"{self.id}.{name}",
                remedy="Resolve it on base activity first.",
            )
        return np.asarray(value)

    # ---- the benchmark ----

    def _limit(self, activity: Activity) -> tuple[Array, Partials]:
        """Give the benchmark of the year (n,) and its slopes in months."""
        per_month = self._fixed("benchmark") / _YEAR
        most = self._fixed("base_risk") * (1.0 + self.risk_growth_cap)
        is_capped = activity.risk_months > most * activity.member_months
        counted = np.where(is_capped, most * activity.member_months, activity.risk_months)
        return per_month * counted, {
            "risk_months": np.where(is_capped, 0.0, per_month),
            "member_months": np.where(is_capped, per_month * most, 0.0),
        }

    def _gate(self, activity: Activity, error: float) -> tuple[Array, Partials]:
        """Give the chance (0 or 1 at the point) that savings are shared, and its slopes."""
        n = activity.n_providers
        if not self.quality_gate:
            return np.ones(n), {}
        sum_, whole = np.zeros(n), np.zeros(n)
        rows = []
        for name, weight in self.measures.items():
            value, counted, partial = value_of(name, activity)
            sum_ += weight * counted * value
            whole += weight * counted
            rows.append((partial, weight * counted))
        safe = np.where(whole > 0, whole, 1.0)
        passed, slope = over_score(
            lambda s: np.where(s >= self.quality_gate, 1.0, 0.0), sum_ / safe, error
        )
        slopes = blank_slopes(self.measures, activity)
        for partial, weight_ in rows:
            add_slopes(slopes, partial, slope * weight_ / safe)
        # Whoever has nobody to measure is not held back.
        return np.where(whole > 0, passed, 1.0), slopes

    def _gain(self, spent: Array, limit: Array) -> Array:
        """Give savings paid when quality passes, for spending (n, k)."""
        saved = limit - spent
        counts = (saved > 0.0) & (saved >= self._fixed("minimum_rate")[:, None] * limit)
        return np.where(counts, np.minimum(self.sharing * saved, self.savings_cap * limit), 0.0)

    def _loss(self, spent: Array, limit: Array) -> Array:
        """Give losses paid back, for spending (n, k)."""
        over = spent - limit
        counts = (over > 0.0) & (over >= self._fixed("minimum_rate")[:, None] * limit)
        return np.where(counts, np.minimum(self.loss_sharing * over, self.loss_cap * limit), 0.0)

    # ---- money and slopes ----

    def _settled(self, inside: Array, elsewhere: Array, limit: Array, gate: Array) -> Array:
        spent, limit = inside + elsewhere, limit[:, None]
        settled = gate[:, None] * self._gain(spent, limit) - self._loss(spent, limit)
        return np.maximum(inside + settled, 0.0)

    def revenue(self, activity: Activity) -> Array:
        """Give the revenue inside with savings or losses settled, CNY per year, shape (n,)."""
        limit, _ = self._limit(activity)
        gate, _ = self._gate(activity, 0.0)
        inside = self.of.revenue(activity)[:, None]
        return self._settled(inside, activity.spent_elsewhere[:, None], limit, gate)[:, 0]

    def fan(self, outlook: Outlook) -> Array:
        """Give the settled revenue at every node: care here and elsewhere moves together."""
        activity = outlook.activity
        limit, _ = self._limit(activity)
        gate, _ = self._gate(activity, outlook.score_error)
        elsewhere = activity.spent_elsewhere[:, None] * (1.0 + outlook.steps)
        return self._settled(fan_of(self.of, outlook), elsewhere, limit, gate)

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to own care, care elsewhere, members and quality."""
        activity = outlook.activity
        limit, in_months = self._limit(activity)
        gate, in_quality = self._gate(activity, outlook.score_error)
        inside = fan_of(self.of, outlook)
        elsewhere = activity.spent_elsewhere[:, None] * (1.0 + outlook.steps)
        spent, wide, pass_ = inside + elsewhere, limit[:, None], gate[:, None]

        def settled(x: Array) -> Array:
            return np.asarray(pass_ * self._gain(x, wide) - self._loss(x, wide))

        slope = secants(settled, spent)
        # Nothing is paid below nothing: there, nothing matters.
        alive = np.where(middles(inside) + middles(settled(spent)) > 0.0, upstream, 0.0)
        # Savings double when spending and benchmark both double: the slope in the benchmark.
        rest = middles(settled(spent)) - slope * middles(spent)
        with np.errstate(divide="ignore", invalid="ignore"):
            per_limit = np.where(limit > 0, ((alive * rest) @ weights()) / limit, 0.0)
        later = self._tomorrow(per_limit, outlook.discount)[:, None]
        found = [
            gradient_through(self.of, outlook, alive * (1.0 + slope) + upstream * later),
            {"spent_elsewhere": (alive * slope + upstream * later) @ weights()},
            spread_slopes(in_months, per_limit),
        ]
        if in_quality:
            gained = (alive * middles(self._gain(spent, wide))) @ weights()
            found.append(spread_slopes(in_quality, gained))
        return total(found)

    def _tomorrow(self, per_limit: Array, discount: float) -> Array:
        """Give what later benchmarks, raised by a yuan spent today, are worth today."""
        if not discount:
            return np.zeros_like(per_limit)
        b = discount * (1.0 + self.trend)
        worth, years = 0.0, self.agreement_years
        for first in range(years - self.year, _LONGEST, years):
            age = first - 1  # of this year when the benchmark is set anew
            if age < len(_YEAR_WEIGHTS):
                worth += _YEAR_WEIGHTS[age] * sum(b ** (first + k) for k in range(years))
        return per_limit * worth

    def renew(self, history: Sequence[Activity]) -> Self:
        """Let the benchmark grow, or set it anew from the last three years."""
        of = next_year(self.of, history)
        if self.year + 1 < self.agreement_years:
            grown = self._fixed("benchmark") * (1.0 + self.trend)
            return dataclasses.replace(self, of=of, benchmark=grown, year=self.year + 1)
        n = history[-1].n_providers
        sum_, whole, risk = np.zeros(n), np.zeros(n), np.zeros(n)
        for k, year in enumerate(reversed(history[-3:])):
            spent = self.of.revenue(year) + year.spent_elsewhere
            counted = _YEAR_WEIGHTS[k] * (year.risk_months > 0)
            safe = np.where(year.risk_months > 0, year.risk_months, 1.0)
            people = np.where(year.member_months > 0, year.member_months, 1.0)
            sum_ += counted * (1.0 + self.trend) ** (k + 1) * _YEAR * spent / safe
            risk += counted * year.risk_months / people
            whole += counted
        kept = whole > 0
        safe = np.where(kept, whole, 1.0)
        return dataclasses.replace(
            self,
            of=of,
            benchmark=np.where(kept, sum_ / safe, self._fixed("benchmark")),
            base_risk=np.where(kept, risk / safe, self._fixed("base_risk")),
            year=0,
        )

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix the contract inside, then benchmark, risk and minimum rate on base activity."""
        of = resolve(self.of, base, receipts, previous)
        found = dataclasses.replace(self, of=of)
        has = base.risk_months > 0
        if is_neutral(self.benchmark):
            spent = of.revenue(as_counted(of, base)) + base.spent_elsewhere
            each = _YEAR * spent / np.where(has, base.risk_months, 1.0)
            found = dataclasses.replace(found, benchmark=np.where(has, each, 0.0))
        if is_neutral(self.base_risk):
            people = np.where(base.member_months > 0, base.member_months, 1.0)
            found = dataclasses.replace(found, base_risk=base.risk_months / people)
        if is_neutral(self.minimum_rate):
            members = base.member_months / _YEAR
            found = dataclasses.replace(found, minimum_rate=np.interp(members, _SIZES, _RATES))
        return found
