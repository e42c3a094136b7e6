"""Diagnosis-related groups: every stay is paid by its billed group and level."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import Activity, Array
from sim.payment._neutral import common_rate
from sim.payment._protocol import Build, Contract, Partials, PaymentContext, PaymentModel
from sim.payment._terms import Neutral, Term, is_neutral, read_number, term

_LIST = "list"
_RATE = Term("CNY", 0.0, 1e7, "base rate", "基础费率")


@dataclass(frozen=True, eq=False)
class DiagnosisRelatedGroups(Contract):
    """Pay a stay the base rate times the relative weight of its billed group and level.

    Parameters
    ----------
    relative_weight : ndarray, shape (G, 3)
        Relative weight by group and level.
    grade_coefficient : ndarray, shape (n,)
        Coefficient of the hospital's grade.
    base_rate : float or Neutral
        Payment of a stay of weight one, CNY.
    weights : str
        ``list`` for the region's weights, or the name of a table.
    growth : float
        Yearly update of the base rate.

    Notes
    -----
    The payer (and the patient, by the benefit rules) pays the hospital for each stay at discharge,
    monthly::

        revenue = base_rate x grade_coefficient x sum_{g, l, mode} weight[g, l] admissions

    One more covered service or day inside a stay brings nothing; one more stay, or a higher billed
    level, brings its weight. Left out: outliers, transfers, recalibration of weights.

    References
    ----------
    Fetter RB, Shin Y, Freeman JL, Averill RF, Thompson JD. Case mix definition by
    diagnosis-related groups. Med Care 1980; 18(2 Suppl):1-53.
    Dafny LS. How do hospitals respond to price changes? Am Econ Rev 2005; 95:1525-1547.
    https://doi.org/10.1257/000282805775014236
    """

    id: ClassVar[str] = "drg"
    title_en: ClassVar[str] = "Diagnosis-related groups"
    title_zh: ClassVar[str] = "按疾病诊断相关分组付费"
    line_en: ClassVar[str] = (
        "A stay is paid by its billed group and level, whatever was done in it."
    )
    line_zh: ClassVar[str] = "每次住院按病组权重与费率定额付费。"

    relative_weight: Array = dataclasses.field(repr=False)
    grade_coefficient: Array = dataclasses.field(repr=False)
    base_rate: float | Neutral = dataclasses.field(
        metadata=term(
            unit=_RATE.unit,
            low=_RATE.low,
            high=_RATE.high,
            can_be_neutral=True,
            label_en=_RATE.label_en,
            label_zh=_RATE.label_zh,
        )
    )
    weights: str = dataclasses.field(
        default=_LIST,
        metadata=term(
            unit="table",
            label_en="relative weights",
            label_zh="相对权重表",
        ),
    )

    growth: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="1/year",
            low=-0.5,
            high=1.0,
            label_en="yearly update of the base rate",
            label_zh="费率年增长",
        ),
    )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read weights from the context or from a named table; the rate is neutral by default."""
        terms = cls.read_terms({"base_rate": "neutral", **spec}, where, ("weights",))
        name = str(spec.get("weights", _LIST))
        weight = context.weights
        if name != _LIST:
            weight = np.broadcast_to(context.table(name, f"{where}.weights"), weight.shape)
        return cls(weight, context.grade_coefficient, weights=name, **terms)

    @property
    def reads(self) -> frozenset[str]:
        """Give the fields paid for."""
        return frozenset({"admissions"})

    @property
    def is_straight(self) -> bool:
        """Tell that every further stay brings the same."""
        return True

    def partials(self, activity: Activity) -> Partials:
        """Give the payment of one more stay by group and level, shape (n, G, 3, 1)."""
        return {"admissions": self._price}

    @cached_property
    def _price(self) -> Array:
        rate = read_number(self.base_rate, _RATE, f"{self.id}.base_rate, not yet resolved")
        price = (rate * self.grade_coefficient)[:, None, None] * self.relative_weight
        return np.asarray(price[:, :, :, None])

    def revenue(self, activity: Activity) -> Array:
        """Give rate times case-mix-weighted stays, CNY per year, shape (n,)."""
        rate = read_number(self.base_rate, _RATE, f"{self.id}.base_rate, not yet resolved")
        stays = activity.admissions.sum(axis=3)
        weighted = np.einsum("gl,ngl->n", self.relative_weight, stays)
        return np.asarray(rate * self.grade_coefficient * weighted)

    def renew(self, history: Sequence[Activity]) -> Self:
        """Update the rate by the agreed growth."""
        if not self.growth or isinstance(self.base_rate, Neutral):
            return self
        return dataclasses.replace(self, base_rate=self.base_rate * (1.0 + self.growth))

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix a neutral base rate for the group."""
        if not is_neutral(self.base_rate):
            return self
        one = dataclasses.replace(self, base_rate=1.0).revenue(base)
        rate = common_rate(np.zeros_like(one), one, receipts, self.id)
        return dataclasses.replace(self, base_rate=rate)
