"""Value-based payment: part of the revenue rides on a score of quality, experience and cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.activity import MEASURES, Activity, Array
from sim.errors import PaymentError
from sim.payment._protocol import (
    Build,
    Contract,
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
    fan_of,
    gradient_through,
    next_year,
    resolve,
    spec_from,
    tariff_of,
    total,
)
from sim.payment._rules import as_counted
from sim.payment._smoothing import middles, weights
from sim.payment._terms import (
    Neutral,
    Term,
    check_keys,
    is_neutral,
    per_provider,
    read_number,
    read_term,
    spec_of,
    term,
)

_DOMAINS = ("outcome", "process", "experience", "cost")
_DEFAULT_WEIGHTS = {"outcome": 0.4, "process": 0.2, "experience": 0.2, "cost": 0.2}
_DEFAULT_MEASURES = {
    "outcome": ("chronic_control", "no_readmission"),
    "process": ("follow_up", "appropriate_care"),
}
_EXPERIENCE, _COST = "experience", "cost"
_NOTHING = 1e-9  # a year that has less of something has none: a price may be as low as it likes
_BENCHMARKED = (*MEASURES, _EXPERIENCE, _COST)
_OWN = "own"
_WEIGHT = Term("ratio", 0.0, 1.0, "weight of a domain", "维度权重")
_BENCHMARK = Term("ratio", 0.0, 1e6, "benchmark", "基准值")
_MEASURE = Term("word", 0, 0, "measure", "指标", MEASURES)
_SOFTNESS = 0.05


@dataclass(frozen=True, eq=False)
class ValueBased(Contract):
    """Raise or cut the revenue of a contract by a composite score against benchmarks.

    Parameters
    ----------
    of : PaymentModel
        Contract that sets the revenue at risk.
    provider_ids : tuple of str
        Names of the providers.
    at_risk : float
        Share of the revenue that rides on the score.
    domains : mapping of str to float
        Weights of outcome, process, experience, cost.
    measures : mapping of str to sequence of str
        Quality measures that count as outcome and as process.
    benchmarks : mapping of str to ndarray (n,), or Neutral, or 'own'
        Benchmark by measure, experience and cost. Neutral: the group's mean on base activity;
        own: the provider's value on it.
    spread, spread_cost : float
        Distance from the benchmark that earns the full score: in points of the measure, and as a
        share of the benchmark cost.
    reference : float or Neutral
        Score that brings neither bonus nor malus. Neutral: no bonus is expected on base activity.

    Notes
    -----
    The payer pays the provider the revenue inside as that contract says, and the bonus or malus at
    the year's settlement. With num / den a measure's value::

        score_m   = clip((num / den - benchmark) / spread, -1, 1)
        score_exp = clip((experience - benchmark) / spread, -1, 1)
        score_c   = clip((1 - (resource cost / inside) / benchmark) / spread_cost, -1, 1)
        composite = sum_d weight_d mean_{m in d} score_m / sum_d weight_d
        revenue   = inside x [1 + at_risk (composite - reference)]

    Measures without a denominator drop out and the weights are scaled up. Cost is counted per yuan
    of revenue inside, which stands for case-mix-adjusted volume. The corners of the clip are
    rounded (width .05 of the full score), because a measured score is noisy. Left out: ranking
    among peers, improvement points, minimum numbers of cases.

    References
    ----------
    Norton EC, Li J, Das A, Chen LM. Moneyball in Medicare. J Health Econ 2018; 61:259-273.
    https://doi.org/10.1016/j.jhealeco.2017.07.006
    """

    id: ClassVar[str] = "value_based"
    title_en: ClassVar[str] = "Value-based payment"
    title_zh: ClassVar[str] = "按价值付费"
    line_en: ClassVar[str] = "Part of the revenue rides on outcome, process, experience and cost."
    line_zh: ClassVar[str] = "部分收入与结果、过程、体验和费用得分挂钩。"
    holds: ClassVar[tuple[str, ...]] = ("of",)

    of: PaymentModel
    provider_ids: tuple[str, ...]
    at_risk: float = dataclasses.field(
        default=0.1,
        metadata=term(
            unit="share",
            low=0.0,
            high=0.5,
            label_en="share of revenue at risk",
            label_zh="挂钩收入比例",
        ),
    )
    domains: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(_DEFAULT_WEIGHTS),
        metadata=term(
            form="by_key",
            keys=_DOMAINS,
            low=0.0,
            high=1.0,
            label_en="weights of the domains",
            label_zh="各维度权重",
        ),
    )
    measures: Mapping[str, Sequence[str]] = dataclasses.field(
        default_factory=lambda: dict(_DEFAULT_MEASURES),
        metadata=term(
            form="measure_lists",
            choices=MEASURES,
            keys=tuple(_DEFAULT_MEASURES),
            unit="word",
            label_en="measures of outcome and process",
            label_zh="结果与过程指标",
        ),
    )
    benchmarks: Mapping[str, Array] | Neutral | str = dataclasses.field(
        default=Neutral(),
        metadata=term(
            form="targets",
            keys=_BENCHMARKED,
            low=_BENCHMARK.low,
            high=_BENCHMARK.high,
            can_be_neutral=True,
            label_en="benchmarks",
            label_zh="基准值",
        ),
    )
    spread: float = dataclasses.field(
        default=0.1,
        metadata=term(
            unit="ratio",
            low=0.001,
            high=10.0,
            label_en="distance from benchmark that earns the full score",
            label_zh="满分所需差距",
        ),
    )
    spread_cost: float = dataclasses.field(
        default=0.2,
        metadata=term(
            unit="share",
            low=0.001,
            high=10.0,
            label_en="relative cost distance that earns the full score",
            label_zh="费用满分差距",
        ),
    )
    reference: float | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            unit="ratio",
            low=-1.0,
            high=1.0,
            can_be_neutral=True,
            label_en="score without bonus",
            label_zh="零奖惩得分",
        ),
    )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read weights, measures and benchmarks, and build the contract inside."""
        structural = ("of", "domains", "measures", "benchmarks")
        terms = cls.read_terms(spec, where, structural)
        if "of" not in spec:
            raise PaymentError(
                "a score needs revenue to ride on",
                where=f"{where}.of",
                remedy="Add `of:` with a payment model.",
            )
        domains = spec.get("domains", {})
        check_keys(domains, _DOMAINS, f"{where}.domains")
        terms["domains"] = {
            d: read_number(
                domains.get(d, 0.0) if domains else _DEFAULT_WEIGHTS[d],
                _WEIGHT,
                f"{where}.domains.{d}",
            )
            for d in _DOMAINS
        }
        if not sum(terms["domains"].values()) > 0:
            raise PaymentError("no domain has weight", where=f"{where}.domains", value=domains)
        measures = spec.get("measures", _DEFAULT_MEASURES)
        check_keys(measures, _DEFAULT_MEASURES, f"{where}.measures")
        terms["measures"] = {
            d: tuple(str(read_term(m, _MEASURE, f"{where}.measures.{d}")) for m in rows)
            for d, rows in measures.items()
        }
        ids = tuple(context.provider_ids)
        benchmarks = spec.get("benchmarks", "neutral")
        if benchmarks != _OWN:
            if isinstance(benchmarks, Mapping) and "neutral" not in benchmarks:
                check_keys(benchmarks, _BENCHMARKED, f"{where}.benchmarks")
                benchmarks = {
                    m: per_provider(v, _BENCHMARK, ids, f"{where}.benchmarks.{m}")
                    for m, v in benchmarks.items()
                }
            else:
                benchmarks = read_term(benchmarks, declared_benchmarks(), f"{where}.benchmarks")
        return cls(build(spec["of"], context, f"{where}.of"), ids, benchmarks=benchmarks, **terms)

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()[self.id]
        found["measures"] = {d: list(rows) for d, rows in self.measures.items()}
        found["benchmarks"] = spec_of(self.benchmarks, self.provider_ids)
        found["of"] = spec_from(self.of)
        return {self.id: found}

    @property
    def reads(self) -> frozenset[str]:
        """Give what the contract inside reads, and the fields of the score."""
        return self.of.reads | {"quality_num", "quality_den", "experience", "resource_cost"}

    @property
    def children(self) -> tuple[PaymentModel, ...]:
        """Give the contract inside."""
        return (self.of,)

    @property
    def tariff(self) -> PaymentModel:
        """Give what prices the items."""
        return tariff_of(self.of)

    # ---- the score ----

    def _benchmark(self, name: str, n: int) -> Array | None:
        if not isinstance(self.benchmarks, Mapping):
            raise PaymentError(
                "the benchmarks are still open",
                where=self.id,
                remedy="Resolve them on base activity first.",
            )
        found = self.benchmarks.get(name)
        return None if found is None else np.broadcast_to(found, (n,))

    def _quality(self, activity: Activity) -> tuple[Array, Array, Partials]:
        """Give weighted scores without cost (n,), the weights that count, and their slopes."""
        n = activity.n_providers
        num, den = activity.quality_num, activity.quality_den
        sum_, weight = np.zeros(n), np.zeros(n)
        slopes = {
            "quality_num": np.zeros_like(num),
            "quality_den": np.zeros_like(den),
            "experience": np.zeros(n),
        }
        for domain, names in self.measures.items():
            active, scores = np.zeros(n), np.zeros(n)
            rows: list[tuple[int, Array, Array]] = []
            for name in names:
                m, target = MEASURES.index(name), self._benchmark(name, n)
                if target is None:
                    continue
                counted = den[:, m] > 0
                below = np.where(counted, den[:, m], 1.0)
                value = num[:, m] / below
                score, slope = _clip((value - target) / self.spread)
                active += counted
                scores += np.where(counted, score, 0.0)
                rows.append((m, np.where(counted, slope / (self.spread * below), 0.0), value))
            w = np.where(active > 0, self.domains.get(domain, 0.0), 0.0)
            each = w / np.maximum(active, 1.0)
            sum_ += each * scores
            weight += w
            for m, slope, value in rows:
                slopes["quality_num"][:, m] += each * slope
                slopes["quality_den"][:, m] -= each * slope * value
        target = self._benchmark(_EXPERIENCE, n)
        if target is not None:
            counted = activity.experience > 0
            score, slope = _clip((activity.experience - target) / self.spread)
            w = np.where(counted, self.domains.get(_EXPERIENCE, 0.0), 0.0)
            sum_ += w * score
            weight += w
            slopes["experience"] = w * slope / self.spread
        return sum_, weight, slopes

    def _cost(self, inside: Array, cost: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Give the cost score (n, k), its slope in cost, and where it counts."""
        target = self._benchmark(_COST, len(inside))
        if target is None:
            return np.zeros_like(inside), np.zeros_like(inside), np.zeros(inside.shape, bool)
        counted = (inside > 0) & (target[:, None] > 0) & (cost > 0)
        paid = np.where(counted, inside * target[:, None], 1.0)
        score, slope = _clip((1.0 - cost / paid) / self.spread_cost)
        return (
            np.where(counted, score, 0.0),
            np.where(counted, -slope / (paid * self.spread_cost), 0.0),
            counted,
        )

    def _composite(self, activity: Activity, inside: Array, cost: Array) -> _Composite:
        sum_, weight, slopes = self._quality(activity)
        score, slope, counted = self._cost(inside, cost)
        w_cost = np.where(counted, self.domains.get(_COST, 0.0), 0.0)
        whole = weight[:, None] + w_cost
        safe = np.where(whole > 0, whole, 1.0)
        return _Composite(
            (sum_[:, None] + w_cost * score) / safe, w_cost * slope / safe, 1.0 / safe, slopes
        )

    def score(self, activity: Activity) -> Array:
        """Give the composite score, -1 to 1, shape (n,)."""
        inside = self.of.revenue(activity)[:, None]
        return self._composite(activity, inside, activity.resource_cost[:, None]).score[:, 0]

    def _reference(self) -> float:
        if isinstance(self.reference, Neutral):
            raise PaymentError(
                "the reference score is still neutral",
                where=self.id,
                remedy="Resolve it on base activity first.",
            )
        return self.reference

    def _paid(self, activity: Activity, inside: Array, cost: Array) -> Array:
        score = self._composite(activity, inside, cost).score
        return inside * (1.0 + self.at_risk * (score - self._reference()))

    # ---- money and slopes ----

    def revenue(self, activity: Activity) -> Array:
        """Give the revenue inside with bonus or malus, CNY per year, shape (n,)."""
        inside = self.of.revenue(activity)[:, None]
        return self._paid(activity, inside, activity.resource_cost[:, None])[:, 0]

    def partials(self, activity: Activity) -> Partials:
        """Give the slopes at the point."""
        exact = Outlook(activity, activity, np.zeros(activity.n_providers))
        return self.gradient_through(exact, exact.at_root)

    def fan(self, outlook: Outlook) -> Array:
        """Give revenue at every node: volume and cost move together, quality does not."""
        cost = outlook.activity.resource_cost[:, None] * (1.0 + outlook.steps)
        return self._paid(outlook.activity, fan_of(self.of, outlook), cost)

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to the revenue inside and to what the score reads."""
        activity = outlook.activity
        inside = middles(fan_of(self.of, outlook))
        cost = activity.resource_cost[:, None] * (1.0 + middles(outlook.steps))
        at = self._composite(activity, inside, cost)
        stake = upstream * self.at_risk * inside
        with np.errstate(divide="ignore", invalid="ignore"):
            # The cost score depends on cost over revenue inside: its slope in the latter follows.
            in_inside = np.where(inside > 0, -at.in_cost * cost / inside, 0.0)
        factor = 1.0 + self.at_risk * (at.score - self._reference())
        below = gradient_through(self.of, outlook, upstream * factor + stake * in_inside)
        per_score = (stake * at.per_weight) @ weights()
        return total(
            [
                below,
                {"resource_cost": (stake * at.in_cost) @ weights()},
                {
                    name: array * per_score.reshape(-1, *(1,) * (array.ndim - 1))
                    for name, array in at.slopes.items()
                },
            ]
        )

    def renew(self, history: Sequence[Activity]) -> ValueBased:
        """Renew the contract inside; benchmarks stay."""
        return dataclasses.replace(self, of=next_year(self.of, history))

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix the contract inside, then benchmarks and reference on base activity."""
        found = dataclasses.replace(self, of=resolve(self.of, base, receipts, previous))
        base = as_counted(found.of, base)
        if not isinstance(self.benchmarks, Mapping):
            own = self.benchmarks == _OWN
            found = dataclasses.replace(found, benchmarks=_on_base(found.of, base, own))
        if is_neutral(self.reference):
            inside = found.of.revenue(base)
            whole = float(inside.sum())
            mean = float(inside @ found.score(base)) / whole if whole > 0 else 0.0
            found = dataclasses.replace(found, reference=mean)
        return found


@dataclass(frozen=True, eq=False)
class _Composite:
    """A composite score (n, k), its slope in cost, the share of one weight, slopes of the rest."""

    score: Array
    in_cost: Array
    per_weight: Array
    slopes: Partials


def declared_benchmarks() -> Term:
    """Give the term that benchmarks are when they are a word."""
    return Term("word", 0, 0, "benchmarks", "基准值", can_be_neutral=True)


def _clip(x: Array) -> tuple[Array, Array]:
    """Give x held between -1 and 1 with rounded corners, and its slope."""
    up, down = x + 1.0, x - 1.0
    root_up = np.sqrt(up * up + 4.0 * _SOFTNESS**2)
    root_down = np.sqrt(down * down + 4.0 * _SOFTNESS**2)
    return 0.5 * (root_up - root_down), 0.5 * (up / root_up - down / root_down)


def _on_base(inside: PaymentModel, base: Activity, own: bool) -> dict[str, Array]:
    """Give each benchmark on base activity: the provider's own value, or the group's."""
    n = base.n_providers
    columns = {
        name: (base.quality_num[:, m], base.quality_den[:, m]) for m, name in enumerate(MEASURES)
    }
    columns[_EXPERIENCE] = (base.experience, (base.experience > 0).astype(np.float64))
    columns[_COST] = (base.resource_cost, inside.revenue(base))
    found: dict[str, Array] = {}
    for name, (num, den) in columns.items():
        counts = den > _NOTHING
        if not counts.any():
            continue
        group = np.full(n, float(num[counts].sum()) / float(den[counts].sum()))
        found[name] = np.where(counts, num / np.where(counts, den, 1.0), group) if own else group
    return found
