"""Phase-in: a new contract takes over from an old one in yearly steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sim.activity import Activity, Array
from sim.errors import PaymentError
from sim.payment._protocol import (
    Build,
    Contract,
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
    fan_of,
    gradient_of,
    gradient_through,
    next_year,
    resolve,
    spec_from,
    tariff_of,
    total,
)
from sim.payment._terms import Term, check_keys, read_number, term

_WEIGHT = Term("share", 0.0, 1.0, "weight of the new contract", "新合同权重")
_YEAR = Term("year", 0.0, 1000.0, "years since the start", "已实施年数")


@dataclass(frozen=True, eq=False)
class PhaseIn(Contract):
    """Pay a weighted mean of an old and a new contract, more of the new each year.

    Parameters
    ----------
    before, after : PaymentModel
        The old contract and the new one.
    weights : tuple of float
        Weight of the new contract in the first, second, ... year; the last stays.
    year : int
        Years since the start.

    Notes
    -----
    The payer pays each contract its share, as that contract says, when it says::

        revenue = (1 - w_t) before(activity) + w_t after(activity)

    so that an incentive, too, is the weighted mean of both. Both contracts renew their terms every
    year. Foreseen steps are not: a manager looks at next year's terms through this year's weights.

    References
    ----------
    Medicare prospective payment was phased in over four years: Guterman S, Dobson A. Impact of the
    Medicare prospective payment system for hospitals. Health Care Financ Rev 1986; 7(3):97-114.
    """

    id: ClassVar[str] = "phase_in"
    title_en: ClassVar[str] = "Phase-in"
    title_zh: ClassVar[str] = "分年过渡"
    line_en: ClassVar[str] = "A new contract takes over from an old one in yearly steps."
    line_zh: ClassVar[str] = "新旧支付方式按年度权重逐步过渡。"
    holds: ClassVar[tuple[str, ...]] = ("before", "after")

    before: PaymentModel
    after: PaymentModel
    weights: tuple[float, ...] = dataclasses.field(
        default=(0.25, 0.5, 0.75, 1.0),
        metadata=term(
            form="series",
            unit=_WEIGHT.unit,
            low=_WEIGHT.low,
            high=_WEIGHT.high,
            label_en="weight of the new contract, by year",
            label_zh="新合同权重（逐年）",
        ),
    )
    year: int = dataclasses.field(
        default=0,
        metadata=term(
            form="whole",
            unit=_YEAR.unit,
            low=_YEAR.low,
            high=_YEAR.high,
            label_en=_YEAR.label_en,
            label_zh=_YEAR.label_zh,
        ),
    )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read the weights and build both contracts."""
        check_keys(spec, ("before", "after", "weights", "year"), where)
        for name in ("before", "after"):
            if name not in spec:
                raise PaymentError(
                    "a phase-in leads from one contract to another",
                    where=f"{where}.{name}",
                    allowed="a payment model and its terms",
                    remedy=f"Add `{name}:` with a payment model.",
                )
        rows = spec.get("weights", (0.25, 0.5, 0.75, 1.0))
        if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
            raise PaymentError(
                "weights are a list, one a year",
                where=f"{where}.weights",
                value=rows,
                allowed="shares from 0 to 1",
            )
        return cls(
            build(spec["before"], context, f"{where}.before"),
            build(spec["after"], context, f"{where}.after"),
            tuple(read_number(w, _WEIGHT, f"{where}.weights[{k}]") for k, w in enumerate(rows)),
            int(read_number(spec.get("year", 0), _YEAR, f"{where}.year")),
        )

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found: dict[str, Any] = {
            "before": spec_from(self.before),
            "after": spec_from(self.after),
            "weights": list(self.weights),
        }
        if self.year:
            found["year"] = self.year
        return {self.id: found}

    @property
    def weight(self) -> float:
        """Give the weight of the new contract this year."""
        return self.weights[min(self.year, len(self.weights) - 1)]

    @property
    def _shares(self) -> tuple[tuple[float, PaymentModel], ...]:
        return ((1.0 - self.weight, self.before), (self.weight, self.after))

    @property
    def reads(self) -> frozenset[str]:
        """Give what either contract reads."""
        return self.before.reads | self.after.reads

    @property
    def is_straight(self) -> bool:
        """Tell whether both contracts are straight lines."""
        return all(isinstance(c, Contract) and c.is_straight for c in self.children)

    @property
    def children(self) -> tuple[PaymentModel, ...]:
        """Give both contracts."""
        return (self.before, self.after)

    @property
    def tariff(self) -> PaymentModel:
        """Give what prices the items, in the same proportion."""
        return dataclasses.replace(self, before=tariff_of(self.before), after=tariff_of(self.after))

    def revenue(self, activity: Activity) -> Array:
        """Give the weighted mean, CNY per year, shape (n,)."""
        found = np.zeros(activity.n_providers)
        for share, contract in self._shares:
            if share:
                found += share * contract.revenue(activity)
        return found

    def partials(self, activity: Activity) -> Partials:
        """Give the weighted mean of the slopes."""
        parts = []
        for share, contract in self._shares:
            slopes = gradient_of(contract, activity)
            parts.append({name: share * getattr(slopes, name) for name in contract.reads})
        return total(parts)

    def fan(self, outlook: Outlook) -> Array:
        """Give the weighted mean at every node of the forecast."""
        found = np.zeros_like(outlook.steps)
        for share, contract in self._shares:
            if share:
                found += share * fan_of(contract, outlook)
        return found

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to both contracts."""
        return total(
            [
                gradient_through(contract, outlook, share * upstream)
                for share, contract in self._shares
            ]
        )

    def renew(self, history: Sequence[Activity]) -> PhaseIn:
        """Go one year on and renew both contracts."""
        return dataclasses.replace(
            self,
            before=next_year(self.before, history),
            after=next_year(self.after, history),
            year=self.year + 1,
        )

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Make both contracts neutral to the whole, so that every mixture of them is."""
        return dataclasses.replace(
            self,
            before=resolve(self.before, base, receipts, previous),
            after=resolve(self.after, base, receipts, previous),
        )
