"""A node written over one contract, and the factor that scores put on its revenue.

Knows a contract inside and quality as activity counts it; must not know any payment model by name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

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
    Timetable,
    fan_of,
    gradient_through,
    next_year,
    resolve,
    spec_from,
    tariff_of,
    timetable_of,
    total,
)
from sim.payment._rules import as_counted
from sim.payment._smoothing import middles, over_score, weights
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

__all__ = [
    "EXPERIENCE",
    "SCORED",
    "SETTLEMENT_DELAY",
    "SURPLUS_CAP",
    "TARGET",
    "Over",
    "Scored",
    "read_measures",
    "read_settlement",
    "read_targets",
    "score_of",
    "spread_slopes",
    "targets_on",
    "value_of",
]

EXPERIENCE = "experience"
SCORED = (*MEASURES, EXPERIENCE)
_OWN = "own"
_WEIGHT = Term("ratio", 0.0, 100.0, "weight of a measure", "指标权重")
TARGET = Term("ratio", 1e-6, 100.0, "target", "目标值", can_be_neutral=True)


def targets_term(label_en: str = "full marks", label_zh: str = "满分标准") -> dict[str, Term]:
    """Declare the values, one for each measure, at which a score has full marks."""
    return term(
        form="targets",
        follows="measures",
        low=TARGET.low,
        high=TARGET.high,
        can_be_neutral=TARGET.can_be_neutral,
        label_en=label_en,
        label_zh=label_zh,
    )


Targets = Mapping[str, Array] | Neutral | str


@dataclass(frozen=True, eq=False)
class Over(Contract):
    """A contract over another one, which prices the care.

    Parameters
    ----------
    of : PaymentModel
        The contract inside.
    provider_ids : tuple of str
        Names of the providers.
    """

    of: PaymentModel
    provider_ids: tuple[str, ...]

    holds: ClassVar[tuple[str, ...]] = ("of",)
    structural: ClassVar[tuple[str, ...]] = ()
    """Declared terms that are no single numbers; the model reads them itself."""

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read the terms and build the contract inside."""
        terms = cls.read_terms(spec, where, ("of", *cls.structural))
        more = cls.read_more(spec, context, where)
        if "of" not in spec:
            raise PaymentError(
                f"{cls.id} is written over another contract",
                where=f"{where}.of",
                allowed="a payment model and its terms",
                remedy="Add `of:` with a payment model.",
            )
        inside = build(spec["of"], context, f"{where}.of")
        return cls(inside, tuple(context.provider_ids), **terms, **more)

    @classmethod
    def read_more(
        cls, spec: Mapping[str, Any], context: PaymentContext, where: str
    ) -> dict[str, Any]:
        """Read the terms named structural."""
        return {}

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()[self.id]
        found["of"] = spec_from(self.of)
        return {self.id: found}

    @property
    def reads(self) -> frozenset[str]:
        """Give what the contract inside reads."""
        return self.of.reads

    @property
    def children(self) -> tuple[PaymentModel, ...]:
        """Give the contract inside."""
        return (self.of,)

    @property
    def tariff(self) -> PaymentModel:
        """Give what prices the items."""
        return tariff_of(self.of)

    @property
    def timetable(self) -> Timetable:
        """Give when the money moves: as under the contract inside."""
        return timetable_of(self.of)

    def partials(self, activity: Activity) -> Partials:
        """Give the slopes at the point."""
        exact = Outlook.exact(activity)
        return self.gradient_through(exact, exact.at_root)

    def renew(self, history: Sequence[Activity]) -> Self:
        """Renew the contract inside."""
        return dataclasses.replace(self, of=next_year(self.of, history))

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix the contract inside."""
        return dataclasses.replace(self, of=resolve(self.of, base, receipts, previous))


@dataclass(frozen=True, eq=False)
class Scored(Over):
    """A contract whose revenue is that of another one times a coefficient of scores.

    Parameters
    ----------
    level : float or Neutral
        Common factor on every coefficient. Neutral: no money is added on base activity; 1 leaves
        coefficients as written, so that a bonus is new money.
    """

    level: float | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            unit="ratio",
            low=0.0,
            high=100.0,
            can_be_neutral=True,
            label_en="common factor on the coefficients",
            label_zh="系数统一调整因子",
        ),
    )

    def coefficient(self, activity: Activity, error: float) -> tuple[Array, Partials]:
        """Give the expected coefficient (n,) and its slopes in the fields of the score."""
        raise PaymentError("a scored contract states its coefficient", where=type(self).__name__)

    def _level(self) -> float:
        if isinstance(self.level, Neutral):
            raise PaymentError(
                "the level of the coefficients is still neutral",
                where=self.id,
                remedy="Resolve it on base activity first.",
            )
        return self.level

    def revenue(self, activity: Activity) -> Array:
        """Give the revenue inside times the coefficient, CNY per year, shape (n,)."""
        factor, _ = self.coefficient(activity, 0.0)
        return np.asarray(self.of.revenue(activity) * (self._level() * factor))

    def fan(self, outlook: Outlook) -> Array:
        """Give revenue at every node: volume moves, scores keep their expected worth."""
        factor, _ = self.coefficient(outlook.activity, outlook.score_error)
        return np.asarray(fan_of(self.of, outlook) * (self._level() * factor)[:, None])

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to the revenue inside and to the scores."""
        factor, slopes = self.coefficient(outlook.activity, outlook.score_error)
        level = self._level()
        below = gradient_through(self.of, outlook, upstream * (level * factor)[:, None])
        stake = level * ((upstream * middles(fan_of(self.of, outlook))) @ weights())
        return total([below, spread_slopes(slopes, stake)])

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix the contract inside and the targets, then the level."""
        found = dataclasses.replace(self, of=resolve(self.of, base, receipts, previous))
        found = found.on_base(base)
        if is_neutral(found.level):
            seen = as_counted(found.of, base)
            inside = found.of.revenue(seen)
            paid = float(dataclasses.replace(found, level=1.0).revenue(seen).sum())
            found = dataclasses.replace(found, level=float(inside.sum()) / paid if paid > 0 else 1)
        return found

    def on_base(self, base: Activity) -> Self:
        """Give the contract with its targets fixed on base activity."""
        return self


def spread_slopes(slopes: Partials, stake: Array) -> Partials:
    """Give slopes times an amount per provider."""
    return {
        name: array * stake.reshape(-1, *(1,) * (array.ndim - 1)) for name, array in slopes.items()
    }


def value_of(
    name: str, activity: Activity
) -> tuple[Array, NDArray[np.bool_], tuple[tuple[str, int | None, Array], ...]]:
    """Give a measure's value, where it was counted, and its slopes.

    Returns
    -------
    tuple
        Values (n,), counted (n,), and rows of field, column and slope (n,).
    """
    if name == EXPERIENCE:
        counted = activity.experience > 0
        return activity.experience, counted, (("experience", None, counted.astype(np.float64)),)
    m = MEASURES.index(name)
    num, den = activity.quality_num[:, m], activity.quality_den[:, m]
    counted = den > 0
    below = np.where(counted, den, 1.0)
    value = np.where(counted, num / below, 0.0)
    one = np.where(counted, 1.0 / below, 0.0)
    return value, counted, (("quality_num", m, one), ("quality_den", m, -one * value))


def fields_of(names: Iterable[str]) -> frozenset[str]:
    """Give the fields of activity that some measures read."""
    found: set[str] = set()
    for name in names:
        found |= {EXPERIENCE} if name == EXPERIENCE else {"quality_num", "quality_den"}
    return frozenset(found)


def blank_slopes(names: Iterable[str], activity: Activity) -> Partials:
    """Give zero slopes in the fields that some measures read."""
    return {name: np.zeros_like(getattr(activity, name)) for name in fields_of(names)}


def add_slopes(
    slopes: Partials, rows: Iterable[tuple[str, int | None, Array]], factor: Array
) -> None:
    """Add a measure's slopes times a factor per provider."""
    for name, column, slope in rows:
        if column is None:
            slopes[name] += factor * slope
        else:
            slopes[name][:, column] += factor * slope


def score_of(
    measures: Mapping[str, float], marks: Mapping[str, Array], activity: Activity, error: float
) -> tuple[Array, Partials]:
    """Give the expected score, 0 to 1, shape (n,), and its slopes; 1 where nothing was counted.

    Notes
    -----
    The weighted mean of value over full mark, each at most 1; measures without a denominator drop
    out.
    """
    n = activity.n_providers
    sum_, whole = np.zeros(n), np.zeros(n)
    rows = []
    for name, weight in measures.items():
        value, counted, partial = value_of(name, activity)
        points, slope = over_score(lambda r: np.minimum(r, 1.0), value / marks[name], error)
        sum_ += weight * counted * points
        whole += weight * counted
        rows.append((partial, weight * counted * slope / marks[name]))
    safe = np.where(whole > 0, whole, 1.0)
    slopes = blank_slopes(measures, activity)
    for partial, factor in rows:
        add_slopes(slopes, partial, factor / safe)
    return np.where(whole > 0, sum_ / safe, 1.0), slopes


def read_measures(value: object, where: str) -> dict[str, float]:
    """Read measures with weights: a mapping, or a list of equal ones."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, Sequence):
        value = dict.fromkeys(value, 1.0)
    if not isinstance(value, Mapping) or not value:
        raise PaymentError(
            "measures are a list of names, or names with weights",
            where=where,
            value=value,
            allowed=", ".join(SCORED),
        )
    word = Term("word", 0, 0, "measure", "指标", SCORED)
    found = {
        str(read_term(name, word, where)): read_number(weight, _WEIGHT, f"{where}.{name}")
        for name, weight in value.items()
    }
    if not sum(found.values()) > 0:
        raise PaymentError("no measure has weight", where=where, value=dict(value))
    return found


def read_targets(value: object, measures: Iterable[str], ids: Sequence[str], where: str) -> Targets:
    """Read targets: neutral, own, or a number (or numbers by provider) for every measure."""
    if value == _OWN:
        return _OWN
    if isinstance(value, Mapping) and "neutral" not in value:
        names = tuple(measures)
        check_keys(value, names, where)
        missing = [name for name in names if name not in value]
        if missing:
            raise PaymentError(
                "a measure has no target",
                where=where,
                value=missing[0],
                allowed="a number, or `neutral` or `own` for all",
            )
        found: dict[str, Array] = {}
        for name in names:
            read = per_provider(value[name], _PLAIN_TARGET, ids, f"{where}.{name}")
            found[name] = np.asarray(read)
        return found
    read_ = read_term(value, TARGET, where)
    if isinstance(read_, Neutral):
        return read_
    raise PaymentError(
        "targets are by measure",
        where=where,
        value=value,
        allowed="a number for every measure, neutral, or own",
    )


SURPLUS_CAP = term(
    unit="share",
    low=0.0,
    high=1.0,
    label_en="most surplus kept, share of the budget",
    label_zh="结余留用上限",
)
SETTLEMENT_DELAY = term(
    form="whole",
    unit="months",
    low=0,
    high=24,
    label_en="settlement delay",
    label_zh="清算滞后月数",
)
_DELAY = Term("months", 0, 24, "settlement delay", "清算滞后月数")


def read_settlement(
    spec: Mapping[str, Any], measures: Iterable[str], ids: Sequence[str], where: str
) -> dict[str, Any]:
    """Read what budgets settled on a score share: full marks, and months until the rest is paid."""
    found: dict[str, Any] = {}
    if "full_marks" in spec:
        found["full_marks"] = read_targets(spec["full_marks"], measures, ids, f"{where}.full_marks")
    if spec.get("settlement_delay_months") is not None:
        path = f"{where}.settlement_delay_months"
        found["settlement_delay_months"] = int(
            read_number(spec["settlement_delay_months"], _DELAY, path)
        )
    return found


_PLAIN_TARGET = dataclasses.replace(TARGET, can_be_neutral=False)


def targets_on(base: Activity, targets: Targets, names: Iterable[str]) -> Mapping[str, Array]:
    """Fix targets on base activity: the group's value, or each provider's own."""
    if isinstance(targets, Mapping):
        return targets
    found: dict[str, Array] = {}
    for name in names:
        value, counted, _ = value_of(name, base)
        if name == EXPERIENCE:
            mean = float(value[counted].mean()) if counted.any() else 1.0
        else:
            m = MEASURES.index(name)
            below = float(base.quality_den[:, m].sum())
            mean = float(base.quality_num[:, m].sum()) / below if below > 0 else 1.0
        mean = mean if mean > 0 else 1.0
        own = targets == _OWN
        found[name] = (
            np.where(counted & (value > 0), value, mean) if own else np.full(base.n_providers, mean)
        )
    return found


def fixed_targets(targets: Targets, where: str) -> Mapping[str, Array]:
    """Give targets as numbers, or say that they are still open."""
    if not isinstance(targets, Mapping):
        raise PaymentError(
            "the targets are still open",
            where=where,
            remedy="Resolve them on base activity first.",
        )
    return targets


def spec_of_targets(targets: Targets, ids: Sequence[str]) -> Any:
    """Give targets back as a file would hold them."""
    return spec_of(targets, ids)
