"""Procurement retention: part of what cheaper procured drugs save the fund, paid a year later."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import COMPONENTS, Activity, Array
from sim.payment._over import (
    SCORED,
    Over,
    Targets,
    fixed_targets,
    read_measures,
    read_targets,
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
    fan_of,
    gradient_through,
    next_year,
    resolve,
    total,
)
from sim.payment._smoothing import secants, weights
from sim.payment._terms import Neutral, Term, is_neutral, per_provider, spec_of, term

_DRUGS = COMPONENTS.index("drugs")
_UNITS = Term("unit/year", 0.0, 1e12, "drug units of the year before", "上年药品使用量", (), True)
_RETAINED = Term("CNY/year", 0.0, 1e12, "retention due this year", "当年应付留用额")
_DEFAULT_MEASURES = {"appropriate_care": 1.0}


@dataclass(frozen=True, eq=False)
class ProcurementRetention(Over):
    """Pay providers next year a part of what volume-based procurement saved the fund this year.

    Parameters
    ----------
    of : PaymentModel
        Contract that pays for the care.
    provider_ids : tuple of str
        Names of the providers.
    retained_share : float
        Most of the saving that a provider keeps (rule: up to .5).
    equivalent_share : float
        Share of drug units that are procured drugs or their equivalents.
    agreed_share : float
        Agreed volume, share of last year's use of them (rule: .5-.8).
    price_cut : float
        Cut of the price by procurement, share of the price before it.
    price : float
        Price of a drug unit before the cut, CNY.
    fund_share : float
        Share of drug spending that the fund pays.
    base_units : ndarray, shape (n,), or Neutral
        Drug units of the year before. Neutral: those of base activity.
    measures : mapping of str to float
        Measures of the score and their weights.
    full_marks : mapping of measure to ndarray (n,), Neutral or 'own'
        Value that earns all points. Neutral: the group's on base activity.
    retained_now : ndarray, shape (n,)
        Retention due this year, CNY, from last year's use; none in the first year.

    Notes
    -----
    The payer pays the contract inside as it says, and adds once a year the retention earned in the
    year before. With U the year's drug units, b those of the base year and e the equivalents'
    share::

        saved         = agreed_share e b x price x price_cut x fund_share
        excess        = e max(U - b, 0) x price x fund_share
        retained_now' = retained_share x score x max(saved - excess, 0)
        revenue       = inside + retained_now

    Activity does not tell winning drugs from their equivalents: use beyond the base year's is taken
    for the excess on those that did not win, at the old price. One more unit beyond the base year's
    use costs ``retained_share x score x e x price x fund_share`` of next year's pay, until nothing
    is left to retain. Retention is new money to the providers: the saving itself is a change of
    list prices, which a scenario states under ``prices``. Defaults: half kept, agreed volume 70 %
    of use, prices cut by half (Chinese rules: up to 50 %, 50-80 %, about 50 %); the equivalents'
    share .2 and the fund's .7 are assumed. Left out: the fund's advance of 30 % to suppliers, and
    penalties for agreed volume that was not bought.

    References
    ----------
    Yuan J, Lu ZK, Xiong X, Jiang B. Lowering drug prices and enhancing pharmaceutical
    affordability: an analysis of the national volume-based procurement (NVBP) effect in China. BMJ
    Glob Health 2021; 6:e005519. https://doi.org/10.1136/bmjgh-2021-005519
    """

    id: ClassVar[str] = "procurement_retention"
    title_en: ClassVar[str] = "Retained procurement savings"
    title_zh: ClassVar[str] = "带量采购结余留用"
    line_en: ClassVar[str] = "Part of what cheaper procured drugs saved the fund, paid next year."
    line_zh: ClassVar[str] = "集采药品节约的医保资金经考核后，次年按比例留给医疗机构。"
    structural: ClassVar[tuple[str, ...]] = (
        "base_units",
        "measures",
        "full_marks",
        "retained_now",
    )

    retained_share: float = dataclasses.field(
        default=0.5,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="saving kept", label_zh="结余留用比例"
        ),
    )
    equivalent_share: float = dataclasses.field(
        default=0.2,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="procured drugs and equivalents among drug units",
            label_zh="集采及同类药品占比",
        ),
    )
    agreed_share: float = dataclasses.field(
        default=0.7,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="agreed volume, share of last year's use",
            label_zh="约定采购量占上年用量比例",
        ),
    )
    price_cut: float = dataclasses.field(
        default=0.5,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="price cut", label_zh="集采降价幅度"
        ),
    )
    price: float = dataclasses.field(
        default=1.0,
        metadata=term(
            unit="CNY",
            low=0.0,
            high=1e6,
            label_en="price of a drug unit before the cut",
            label_zh="集采前药品单价",
        ),
    )
    fund_share: float = dataclasses.field(
        default=0.7,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="fund's share", label_zh="医保基金支付比例"
        ),
    )
    base_units: Array | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            form="by_provider",
            unit=_UNITS.unit,
            low=_UNITS.low,
            high=_UNITS.high,
            can_be_neutral=True,
            label_en=_UNITS.label_en,
            label_zh=_UNITS.label_zh,
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
    retained_now: Array | None = dataclasses.field(
        default=None,
        metadata=term(
            form="by_provider",
            unit=_RETAINED.unit,
            low=_RETAINED.low,
            high=_RETAINED.high,
            label_en=_RETAINED.label_en,
            label_zh=_RETAINED.label_zh,
        ),
    )

    @classmethod
    def read_more(
        cls, spec: Mapping[str, Any], context: PaymentContext, where: str
    ) -> dict[str, Any]:
        """Read base year, score and what is due."""
        ids = tuple(context.provider_ids)
        measures = read_measures(spec.get("measures", _DEFAULT_MEASURES), f"{where}.measures")
        base = spec.get("base_units", "neutral")
        found: dict[str, Any] = {
            "measures": measures,
            "base_units": per_provider(base, _UNITS, ids, f"{where}.base_units"),
        }
        if "full_marks" in spec:
            found["full_marks"] = read_targets(
                spec["full_marks"], measures, ids, f"{where}.full_marks"
            )
        if spec.get("retained_now") is not None:
            found["retained_now"] = per_provider(
                spec["retained_now"], _RETAINED, ids, f"{where}.retained_now"
            )
        return found

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()
        terms = found[self.id]
        terms["base_units"] = spec_of(self.base_units, self.provider_ids)
        terms["measures"] = dict(self.measures)
        terms["full_marks"] = spec_of(self.full_marks, self.provider_ids)
        if self.retained_now is not None:
            terms["retained_now"] = spec_of(self.retained_now, self.provider_ids)
        return found

    def _due(self, n: int) -> Array:
        return np.zeros(n) if self.retained_now is None else self.retained_now

    def left(self, drug_units: Array) -> Array:
        """Give the saving less the excess for a year's drug units (n, k), CNY."""
        if isinstance(self.base_units, Neutral):
            # Before the base year is known nothing has been saved.
            return np.zeros_like(drug_units)
        base = self.base_units[:, None]
        saved = self.agreed_share * base * self.price_cut
        excess = np.maximum(drug_units - base, 0.0)
        value = self.equivalent_share * self.price * self.fund_share
        return np.asarray(value * np.maximum(saved - excess, 0.0))

    def revenue(self, activity: Activity) -> Array:
        """Give the revenue inside and the retention due, CNY per year, shape (n,)."""
        return np.asarray(self.of.revenue(activity) + self._due(activity.n_providers))

    def fan(self, outlook: Outlook) -> Array:
        """Give the revenue inside at every node, and the retention due, which is known."""
        return np.asarray(fan_of(self.of, outlook) + self._due(len(outlook.error))[:, None])

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down inside, with what drug use and score do to next year's retention."""
        found = [gradient_through(self.of, outlook, upstream)]
        if not outlook.discount or isinstance(self.base_units, Neutral):
            return found[0]
        done = outlook.activity
        marks = fixed_targets(self.full_marks, self.id)
        score, in_score = score_of(self.measures, marks, done, outlook.score_error)
        used = done.units[:, :, _DRUGS].sum(axis=1)[:, None] * (1.0 + outlook.steps)
        worth = outlook.discount * self.retained_share * (upstream @ weights())
        in_units = np.zeros_like(done.units)
        slope = secants(self.left, used) @ weights()
        in_units[:, :, _DRUGS] = (worth * score * slope)[:, None]
        found.append({"units": in_units})
        found.append(spread_slopes(in_score, worth * self.left(used).mean(axis=1)))
        return total(found)

    def renew(self, history: Sequence[Activity]) -> Self:
        """Pay next year what this year's use and score have earned."""
        done = history[-1]
        due = np.zeros(done.n_providers)
        if not isinstance(self.base_units, Neutral):
            marks = fixed_targets(self.full_marks, self.id)
            score, _ = score_of(self.measures, marks, done, 0.0)
            left = self.left(done.units[:, :, _DRUGS].sum(axis=1)[:, None])[:, 0]
            due = self.retained_share * score * left
        return dataclasses.replace(self, of=next_year(self.of, history), retained_now=due)

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix the contract inside, last year's use and the full marks."""
        found = dataclasses.replace(
            self,
            of=resolve(self.of, base, receipts, previous),
            full_marks=targets_on(base, self.full_marks, self.measures),
        )
        if is_neutral(self.base_units):
            found = dataclasses.replace(found, base_units=base.units[:, :, _DRUGS].sum(axis=1))
        return found
