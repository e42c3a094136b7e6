"""Performance-settled budget: a total for the year with a notch, a deposit and a score."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import Activity, Array
from sim.errors import PaymentError
from sim.payment._neutral import level
from sim.payment._over import (
    SCORED,
    SETTLEMENT_DELAY,
    SURPLUS_CAP,
    Over,
    Targets,
    fields_of,
    fixed_targets,
    read_measures,
    read_settlement,
    score_of,
    spread_slopes,
    targets_on,
    targets_term,
)
from sim.payment._protocol import (
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
    Timetable,
    fan_of,
    gradient_through,
    next_year,
    resolve,
    total,
)
from sim.payment._rules import as_counted
from sim.payment._smoothing import middles, secants, weights
from sim.payment._terms import Neutral, Term, is_neutral, per_provider, spec_of, term

_BUDGET = Term("CNY/year", 0.0, 1e12, "budget", "预算总额", (), True)
_DEFAULT_MEASURES = {"appropriate_care": 1.0, "no_readmission": 1.0, "experience": 0.5}
_DISCOUNT_CEILING = 0.999


@dataclass(frozen=True, eq=False)
class PerformanceBudget(Over):
    """Settle a total for the year by claims, by a score, and by what patients were charged.

    Parameters
    ----------
    of : PaymentModel
        Contract that prices the claims.
    provider_ids : tuple of str
        Names of the providers.
    budget : ndarray, shape (n,), or Neutral
        Budget of each provider, CNY. Neutral: its own base-year receipts.
    full_from : float
        Claims from this share of the budget on earn the surplus; below it, claims only.
    surplus_share, surplus_cap : float
        Share of the surplus kept, and the most, as a share of the budget (a seen variant: .3 and
        .03).
    fund_share : float
        Share of an overrun the fund pays (.5-.7).
    overrun_to : float
        Depth of overrun the fund shares, share of the budget.
    stop_loss : float
        Most the provider bears, share of its budget; the fund pays the rest.
    deposit : float
        Share of the payment held until the score is known, and released in proportion.
    measures : mapping of str to float
        Measures of the score and their weights.
    full_marks : mapping of measure to ndarray (n,), Neutral or 'own'
        Value that earns all points. Neutral: the group's on base activity.
    count_uncovered : float
        Share of patients' uncovered payments that counts as spending inside the budget.
    budget_by_score : float
        Weight of the score in next year's budget: 1 multiplies it by the score.
    growth, weight_on_history : float
        Growth of the budget; weight of the year's claims in it.
    settlement_delay_months : int
        Months after the year's end until the rest is paid (6: by June).

    Notes
    -----
    The payer pays a twelfth of the budget less the deposit every month, whatever is claimed, and
    settles months after the year's end. With X = inside + count_uncovered x uncovered payments::

        X < full_from B          P = X
        full_from B <= X <= B    P = X + min(surplus_share (B - X), surplus_cap B)
        B < X                    P = B + fund_share min(X - B, overrun_to B),
                                 at least X - stop_loss B
        revenue = max(P - count_uncovered x uncovered, 0) x [1 - deposit (1 - score)]
        B' = [(1 - w) B + w inside] (1 + growth) [1 - budget_by_score (1 - score)]

    At ``full_from`` the whole surplus starts at once: a notch, so that claims just below it are
    worth much. A yuan charged to patients outside the catalogue takes the place of a yuan of the
    budget. The score is the weighted mean of value over full mark, at most 1. Corridors of several
    bands without a score are `global_budget`. Left out: appeals, and sums moved between years.

    References
    ----------
    Weitzman ML. The "ratchet principle" and performance incentives. Bell J Econ 1980; 11:302-308.
    https://doi.org/10.2307/3003414
    """

    id: ClassVar[str] = "performance_budget"
    title_en: ClassVar[str] = "Performance-settled budget"
    title_zh: ClassVar[str] = "绩效清算的总额预付"
    line_en: ClassVar[str] = "A prepaid total with a notch, settled on a score months later."
    line_zh: ClassVar[str] = "按月预付总额，年终按考核得分清算，可将患者自费计入总额。"
    structural: ClassVar[tuple[str, ...]] = (
        "budget",
        "measures",
        "full_marks",
        "settlement_delay_months",
    )

    budget: Array | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            form="by_provider",
            unit=_BUDGET.unit,
            low=_BUDGET.low,
            high=_BUDGET.high,
            can_be_neutral=True,
            label_en=_BUDGET.label_en,
            label_zh=_BUDGET.label_zh,
        ),
    )
    full_from: float = dataclasses.field(
        default=0.85,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="claims that earn it", label_zh="留用起点"
        ),
    )
    surplus_share: float = dataclasses.field(
        default=1.0,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="surplus kept", label_zh="结余留用比例"
        ),
    )
    surplus_cap: float = dataclasses.field(
        default=1.0,
        metadata=SURPLUS_CAP,
    )
    fund_share: float = dataclasses.field(
        default=0.6,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="fund's share of an overrun",
            label_zh="基金分担超支比例",
        ),
    )
    overrun_to: float = dataclasses.field(
        default=0.1,
        metadata=term(
            unit="share",
            low=0.0,
            high=10.0,
            label_en="depth of overrun shared",
            label_zh="分担的超支幅度",
        ),
    )
    stop_loss: float = dataclasses.field(
        default=10.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=10.0,
            label_en="most the provider bears, share of the budget",
            label_zh="机构自担上限",
        ),
    )
    deposit: float = dataclasses.field(
        default=0.05,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="deposit", label_zh="质量保证金比例"
        ),
    )
    measures: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(_DEFAULT_MEASURES),
        metadata=term(
            form="measures",
            keys=SCORED,
            low=0.0,
            high=100.0,
            label_en="measures and weights",
            label_zh="考核指标",
        ),
    )
    full_marks: Targets = dataclasses.field(
        default=Neutral(),
        metadata=targets_term(),
    )
    count_uncovered: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="patients' uncovered payments inside the budget",
            label_zh="自费计入总额的比例",
        ),
    )
    budget_by_score: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="weight of the score in next year's budget",
            label_zh="次年总额与得分挂钩程度",
        ),
    )
    growth: float = dataclasses.field(
        default=0.0,
        metadata=term(unit="1/year", low=-0.5, high=1.0, label_en="growth", label_zh="总额增长率"),
    )
    weight_on_history: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="weight of claims in next year's budget",
            label_zh="次年总额的历史权重",
        ),
    )
    settlement_delay_months: int = dataclasses.field(
        default=6,
        metadata=SETTLEMENT_DELAY,
    )

    @classmethod
    def read_more(
        cls, spec: Mapping[str, Any], context: PaymentContext, where: str
    ) -> dict[str, Any]:
        """Read budget, score and delay."""
        ids = tuple(context.provider_ids)
        measures = read_measures(spec.get("measures", _DEFAULT_MEASURES), f"{where}.measures")
        found: dict[str, Any] = {
            "measures": measures,
            "budget": per_provider(spec.get("budget", "neutral"), _BUDGET, ids, f"{where}.budget"),
            **read_settlement(spec, measures, ids, where),
        }
        return found

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()
        found[self.id]["budget"] = spec_of(self.budget, self.provider_ids)
        found[self.id]["measures"] = dict(self.measures)
        found[self.id]["full_marks"] = spec_of(self.full_marks, self.provider_ids)
        return found

    @property
    def reads(self) -> frozenset[str]:
        """Give what the contract inside reads, the score's fields, and uncovered payments."""
        found = self.of.reads
        if self.deposit:
            found = found | fields_of(self.measures)
        return found | {"patient_uncovered"} if self.count_uncovered else found

    @property
    def timetable(self) -> Timetable:
        """Give the deposit held back and the months until settlement."""
        return Timetable(1.0 - self.deposit, self.settlement_delay_months)

    def interim(self, activity: Activity) -> Array:
        """Give the budget less the deposit, whatever is claimed."""
        return (1.0 - self.deposit) * self._limit()

    def _limit(self) -> Array:
        if isinstance(self.budget, Neutral):
            raise PaymentError(
                "the budget is still neutral",
                where=f"{self.id}.budget",
                remedy="Resolve it on base activity first.",
            )
        return self.budget

    def score(self, activity: Activity, error: float) -> tuple[Array, Partials]:
        """Give the expected score, 0 to 1, shape (n,), and its slopes; 1 without measures."""
        marks = fixed_targets(self.full_marks, self.id)
        return score_of(self.measures, marks, activity, error)

    def settle(self, counted: Array) -> Array:
        """Give the settlement P for what counts as spending, both CNY, shape (n, k)."""
        limit = self._limit()[:, None]
        left, over = np.maximum(limit - counted, 0.0), np.maximum(counted - limit, 0.0)
        kept = np.minimum(self.surplus_share * left, self.surplus_cap * limit)
        below = counted + np.where(counted >= self.full_from * limit, kept, 0.0)
        shared = limit + self.fund_share * np.minimum(over, self.overrun_to * limit)
        above = np.maximum(shared, counted - self.stop_loss * limit)
        return np.asarray(np.where(over > 0.0, above, below))

    def _paid(self, inside: Array, uncovered: Array, score: Array) -> Array:
        due = np.maximum(self.settle(inside + uncovered) - uncovered, 0.0)
        return np.asarray(due * (1.0 - self.deposit * (1.0 - score[:, None])))

    def _uncovered(self, outlook: Outlook) -> Array:
        sum_ = self.count_uncovered * outlook.activity.patient_uncovered.sum(axis=1)
        return np.asarray(sum_[:, None] * (1.0 + outlook.steps))

    def revenue(self, activity: Activity) -> Array:
        """Give the settled payment, CNY per year, shape (n,)."""
        score, _ = self.score(activity, 0.0)
        uncovered = self.count_uncovered * activity.patient_uncovered.sum(axis=1, keepdims=True)
        return self._paid(self.of.revenue(activity)[:, None], uncovered, score)[:, 0]

    def fan(self, outlook: Outlook) -> Array:
        """Give the settled payment at every node of the perceived forecast."""
        seen = outlook.through_the_year_so_far()
        score, _ = self.score(seen.activity, seen.score_error)
        return self._paid(fan_of(self.of, seen), self._uncovered(seen), score)

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to claims, uncovered payments and the score, next year included."""
        seen = outlook.through_the_year_so_far()
        score, in_score = self.score(seen.activity, seen.score_error)
        inside, uncovered = fan_of(self.of, seen), self._uncovered(seen)
        counted = inside + uncovered
        slope = secants(self.settle, counted)
        due = middles(self.settle(counted)) - middles(uncovered)
        alive = np.where(due > 0.0, upstream, 0.0) * (1 - self.deposit * (1 - score))[:, None]
        limit = self._limit()
        # The settlement doubles when spending and budget both double.
        rest = middles(self.settle(counted)) - slope * middles(counted)
        with np.errstate(divide="ignore", invalid="ignore"):
            per_budget = np.where(limit > 0, ((alive * rest) @ weights()) / limit, 0.0)
        b = min(seen.discount * (1.0 + self.growth), _DISCOUNT_CEILING)
        later = b / (1.0 - b * (1.0 - self.weight_on_history)) * per_budget
        of_claims = (self.weight_on_history * later)[:, None] * upstream
        in_uncovered = self.count_uncovered * ((alive * (slope - 1.0)) @ weights())
        stake = self.deposit * ((upstream * np.maximum(due, 0.0)) @ weights())
        found = [
            gradient_through(self.of, seen, alive * slope + of_claims),
            spread_slopes(in_score, stake + self.budget_by_score * limit * later),
        ]
        if self.count_uncovered:
            shape = np.ones_like(seen.activity.patient_uncovered)
            found.append({"patient_uncovered": shape * in_uncovered[:, None]})
        return total(found)

    def renew(self, history: Sequence[Activity]) -> Self:
        """Rebase the budget on claims, let it grow, and multiply it by the score."""
        claims, w = self.of.revenue(history[-1]), self.weight_on_history
        score, _ = self.score(history[-1], 0.0)
        budget = ((1.0 - w) * self._limit() + w * claims) * (1.0 + self.growth)
        budget = budget * (1.0 - self.budget_by_score * (1.0 - score))
        return dataclasses.replace(self, of=next_year(self.of, history), budget=budget)

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix the contract inside and full marks, then budgets: own receipts, one common factor."""
        of = resolve(self.of, base, receipts, previous)
        marks = targets_on(base, self.full_marks, self.measures)
        found = dataclasses.replace(self, of=of, full_marks=marks)
        if not is_neutral(self.budget):
            return found
        uncovered = self.count_uncovered * base.patient_uncovered.sum(axis=1)
        own = receipts + uncovered
        base = as_counted(of, base)
        factor = level(
            lambda x: float(dataclasses.replace(found, budget=x * own).revenue(base).sum()),
            float(receipts.sum()),
        )
        return dataclasses.replace(found, budget=factor * own)
