"""Service unit: a fixed sum for each visit, stay, day or session, whatever was done in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import Activity, Array
from sim.payment._neutral import common_rate
from sim.payment._protocol import Build, Contract, Partials, PaymentContext, PaymentModel
from sim.payment._terms import Neutral, Term, per_provider, read_number, spec_of, term

_RATE = Term("CNY", 0.0, 1e7, "sum per unit of service", "服务单元标准", can_be_neutral=True)
_VISIT, _STAY, _DAY, _SESSION = "visit", "stay", "day", "session"
_FIELDS = {_VISIT: "visits", _STAY: "admissions", _DAY: "bed_days", _SESSION: "sessions"}
# Contacts outside a bed; a stay is a unit of its own kind.
_OUTPATIENT = np.array([1.0, 1.0, 0.0])


@dataclass(frozen=True, eq=False)
class ServiceUnit(Contract):
    """Pay one fixed sum for every unit of service of a kind.

    Parameters
    ----------
    provider_ids : tuple of str
        Names of the providers.
    rate : ndarray, shape (n,), or Neutral
        CNY per unit at each provider. Neutral: one rate for the group.
    unit : {'visit', 'stay', 'day', 'session'}
        What is counted: outpatient visits (practice and hospital), stays, bed-days, or the sessions
        that physicians work, where a region counts them.
    growth : float
        Yearly update of the rate.

    Notes
    -----
    The payer (and the patient, by the benefit rules) pays the provider for each unit, monthly::

        revenue = rate x number of units

    Every unit brings the same, however much was done in it and however ill the patient was: one
    more service brings nothing, and splitting one unit in two brings twice. By session a physician
    is paid for time, however many patients are seen in it. Other kinds of unit
    beside it are a blend by scope. Left out: ceilings on the number of units.

    References
    ----------
    Yip W, Hsiao W. Harnessing the privatisation of China's fragmented health-care delivery.
    Lancet 2014; 384:805-818. https://doi.org/10.1016/S0140-6736(14)61120-X
    """

    id: ClassVar[str] = "service_unit"
    title_en: ClassVar[str] = "Service unit"
    title_zh: ClassVar[str] = "按服务单元付费"
    line_en: ClassVar[str] = (
        "A fixed sum for each visit, stay, day or session, whatever was done in it."
    )
    line_zh: ClassVar[str] = "每人次门诊、每次住院、每床日或每出诊单元定额支付，不论服务内容。"

    provider_ids: tuple[str, ...] = dataclasses.field(repr=False)
    rate: Array | Neutral = dataclasses.field(
        metadata=term(
            form="by_provider",
            unit=_RATE.unit,
            low=_RATE.low,
            high=_RATE.high,
            can_be_neutral=True,
            label_en=_RATE.label_en,
            label_zh=_RATE.label_zh,
        )
    )
    unit: str = dataclasses.field(
        default=_VISIT,
        metadata=term(
            unit="word",
            choices=tuple(_FIELDS),
            label_en="unit of service",
            label_zh="服务单元",
        ),
    )
    growth: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="1/year",
            low=-0.5,
            high=1.0,
            label_en="yearly update of the rate",
            label_zh="标准年增长",
        ),
    )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read the terms; the rate is neutral by default and may differ by provider."""
        terms = cls.read_terms(spec, where, ("rate",))
        ids = tuple(context.provider_ids)
        rate = per_provider(spec.get("rate", "neutral"), _RATE, ids, f"{where}.rate")
        return cls(ids, rate=rate, **terms)

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()
        found[self.id]["rate"] = spec_of(self.rate, self.provider_ids)
        return found

    @property
    def reads(self) -> frozenset[str]:
        """Give the field that holds the units."""
        return frozenset({_FIELDS[self.unit]})

    @property
    def is_straight(self) -> bool:
        """Tell that every further unit brings the same."""
        return True

    def _counted(self, activity: Activity) -> Array:
        """Give 1 for what is counted, in the shape of the field."""
        array: Array = getattr(activity, _FIELDS[self.unit])
        return np.ones_like(array) * (_OUTPATIENT if self.unit == _VISIT else 1.0)

    def _rate(self) -> Array:
        if isinstance(self.rate, Neutral):
            read_number(self.rate, _RATE, f"{self.id}.rate, not yet resolved")
        return np.asarray(self.rate)

    def partials(self, activity: Activity) -> Partials:
        """Give the rate for every unit."""
        counted = self._counted(activity)
        return {_FIELDS[self.unit]: counted * self._rate().reshape(-1, *(1,) * (counted.ndim - 1))}

    def revenue(self, activity: Activity) -> Array:
        """Give rate times units, CNY per year, shape (n,)."""
        array: Array = getattr(activity, _FIELDS[self.unit])
        units = (array * self._counted(activity)).reshape(activity.n_providers, -1).sum(axis=1)
        return np.asarray(self._rate() * units)

    def renew(self, history: Sequence[Activity]) -> Self:
        """Update the rate by the agreed growth."""
        if not self.growth or isinstance(self.rate, Neutral):
            return self
        return dataclasses.replace(self, rate=self.rate * (1.0 + self.growth))

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix a neutral rate, one for the group."""
        if not isinstance(self.rate, Neutral):
            return self
        n = base.n_providers
        one = dataclasses.replace(self, rate=np.ones(n)).revenue(base)
        rate = common_rate(np.zeros_like(one), one, receipts, self.id)
        return dataclasses.replace(self, rate=np.full(n, rate))
