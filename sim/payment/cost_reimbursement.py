"""Cost reimbursement: the payer pays what care cost, in part or up to a ceiling."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import Activity, Array
from sim.payment._neutral import common_rate
from sim.payment._protocol import (
    Build,
    Contract,
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
)
from sim.payment._smoothing import secants, weights
from sim.payment._terms import (
    Neutral,
    Term,
    is_neutral,
    per_provider,
    read_number,
    spec_of,
    term,
)

_SHARE = Term("share", 0.0, 100.0, "share of cost allowed", "认可成本比例")
_CEILING = Term("CNY/year", 0.0, 1e12, "ceiling", "支付上限", can_be_neutral=True)


@dataclass(frozen=True, eq=False)
class CostReimbursement(Contract):
    """Pay a share of the resources care took, up to a ceiling.

    Parameters
    ----------
    provider_ids : tuple of str
        Names of the providers.
    share : float or Neutral
        Share of the cost that is allowed; above 1 a margin is granted on it.
    ceiling : ndarray, shape (n,), Neutral or None
        Most that is paid to each provider in a year, CNY. Neutral: what its allowed cost was on
        base activity. None: no ceiling.
    growth : float
        Yearly growth of the ceiling.

    Notes
    -----
    The payer pays the provider its allowed cost, monthly, reckoned exactly at the year's end::

        revenue = min(share x resource cost, ceiling)

    A yuan more of resources brings back its share, so nobody saves; at the ceiling it brings
    nothing. Left out: audits of what cost is allowed, ceilings per case.

    References
    ----------
    Laffont JJ, Tirole J. Using cost observation to regulate firms. J Polit Econ 1986; 94:614-641.
    https://doi.org/10.1086/261392
    """

    id: ClassVar[str] = "cost_reimbursement"
    title_en: ClassVar[str] = "Cost reimbursement"
    title_zh: ClassVar[str] = "按成本补偿"
    line_en: ClassVar[str] = "What care cost is paid, in part or up to a ceiling."
    line_zh: ClassVar[str] = "按实际成本的一定比例补偿，可设上限。"

    provider_ids: tuple[str, ...] = dataclasses.field(repr=False)
    share: float | Neutral = dataclasses.field(
        default=1.0,
        metadata=term(
            unit=_SHARE.unit,
            low=_SHARE.low,
            high=_SHARE.high,
            can_be_neutral=True,
            label_en=_SHARE.label_en,
            label_zh=_SHARE.label_zh,
        ),
    )
    ceiling: Array | Neutral | None = dataclasses.field(
        default=None,
        metadata=term(
            form="by_provider",
            unit=_CEILING.unit,
            low=_CEILING.low,
            high=_CEILING.high,
            can_be_neutral=True,
            label_en=_CEILING.label_en,
            label_zh=_CEILING.label_zh,
        ),
    )
    growth: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="1/year",
            low=-0.5,
            high=1.0,
            label_en="growth of the ceiling",
            label_zh="上限年增长",
        ),
    )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read the terms; the ceiling may differ by provider."""
        terms = cls.read_terms(spec, where, ("ceiling",))
        ids = tuple(context.provider_ids)
        if "ceiling" in spec:
            terms["ceiling"] = per_provider(spec["ceiling"], _CEILING, ids, f"{where}.ceiling")
        return cls(ids, **terms)

    @property
    def reads(self) -> frozenset[str]:
        """Give the field paid for."""
        return frozenset({"resource_cost"})

    @property
    def is_straight(self) -> bool:
        """Tell whether there is no ceiling."""
        return self.ceiling is None

    def _allowed(self, cost: Array) -> Array:
        share = read_number(self.share, _SHARE, f"{self.id}.share, not yet resolved")
        if self.ceiling is None:
            return np.asarray(share * cost)
        if isinstance(self.ceiling, Neutral):
            read_number(self.ceiling, _CEILING, f"{self.id}.ceiling, not yet resolved")
        top = np.asarray(self.ceiling).reshape(-1, *(1,) * (cost.ndim - 1))
        return np.asarray(np.minimum(share * cost, top))

    def revenue(self, activity: Activity) -> Array:
        """Give the allowed cost, CNY per year, shape (n,)."""
        return np.asarray(self._allowed(activity.resource_cost))

    def partials(self, activity: Activity) -> Partials:
        """Give the share, or nothing beyond the ceiling, shape (n,)."""
        twice = np.repeat(activity.resource_cost[:, None], 2, axis=1)
        return {"resource_cost": secants(self._allowed, twice)[:, 0]}

    def _fan_of_costs(self, outlook: Outlook) -> Array:
        seen = outlook.through_the_year_so_far()
        return np.asarray(seen.activity.resource_cost[:, None] * (1.0 + seen.steps))

    def fan(self, outlook: Outlook) -> Array:
        """Give the allowed cost at every node of the forecast."""
        if self.is_straight:
            return super().fan(outlook)
        return self._allowed(self._fan_of_costs(outlook))

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down, with the ceiling seen through the forecast."""
        if self.is_straight:
            return super().gradient_through(outlook, upstream)
        slope = secants(self._allowed, self._fan_of_costs(outlook))
        return {"resource_cost": (upstream * slope) @ weights()}

    def renew(self, history: Sequence[Activity]) -> Self:
        """Let the ceiling grow."""
        if not self.growth or self.ceiling is None or isinstance(self.ceiling, Neutral):
            return self
        return dataclasses.replace(self, ceiling=self.ceiling * (1.0 + self.growth))

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix a neutral share for the group, then a neutral ceiling at own allowed cost."""
        found = self
        if is_neutral(self.share):
            one = base.resource_cost
            share = common_rate(np.zeros_like(one), one, receipts, self.id)
            found = dataclasses.replace(found, share=share)
        if is_neutral(self.ceiling):
            plain = dataclasses.replace(found, ceiling=None)
            found = dataclasses.replace(found, ceiling=plain.revenue(base))
        return found

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()
        if self.ceiling is not None:
            found[self.id]["ceiling"] = spec_of(self.ceiling, self.provider_ids)
        return found
