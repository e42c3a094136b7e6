"""Global budget: a sum for the year, with shares of surplus kept and of overrun borne."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sim.activity import Activity, Array
from sim.errors import PaymentError
from sim.payment._neutral import level
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
)
from sim.payment._rules import as_counted
from sim.payment._smoothing import middles, secants, weights
from sim.payment._terms import (
    Neutral,
    Term,
    check_keys,
    is_neutral,
    per_provider,
    read_number,
    spec_of,
    term,
)

_BUDGET = Term("CNY/year", 0.0, 1e12, "budget", "预算", can_be_neutral=True)
_SHARE = Term("share", 0.0, 1.0, "share", "比例")
_DEPTH = Term("share", 0.0, 100.0, "depth of a band, share of the budget", "分段上限")
_GROWTH = Term("1/year", -0.5, 1.0, "growth of the budget", "预算增长率")
_DISCOUNT_CEILING = 0.999

Bands = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class GlobalBudget(Contract):
    """Pay a budget for the year in place of what single items would bring.

    Parameters
    ----------
    of : PaymentModel
        Contract that prices the items counted against the budget.
    provider_ids : tuple of str
        Names of the providers.
    budget : ndarray, shape (n,), or Neutral
        Budget of each provider, CNY. Neutral: its own base-year receipts.
    surplus, overrun : tuple of (to, share)
        Bands of depth below and above the budget, each up to ``to`` as a share of the budget, with
        the share of the surplus kept and of the overrun borne. Beyond the last band nothing more is
        kept and everything is borne.
    weight_on_history : float
        Weight of the year's claims in next year's budget.
    growth : float
        Yearly growth of the budget.

    Notes
    -----
    The payer pays the provider, monthly by the items and exactly at the year's end. With X the
    revenue of the contract inside and B the budget::

        X < B:   revenue = X + sum_i kept_i  x (part of B - X in band i)
        X > B:   revenue = X - sum_i borne_i x (part of X - B in band i)

    so that one more yuan of claims brings ``1 - kept`` below and ``1 - borne`` above. Next year
    ``B' = [(1 - w) B + w X] (1 + growth)``: claiming less today lowers tomorrow's budget. A yuan of
    claims less, in a surplus kept at share k, is worth ``k (1 - b) / (1 - b (1 - w))`` with b the
    discount factor (times growth), the ratchet. Later years are expected to be like this one.
    Left out: notches, quality scores on the surplus, a pool shared by several providers.

    References
    ----------
    Weitzman ML. The "ratchet principle" and performance incentives. Bell J Econ 1980; 11:302-308.
    https://doi.org/10.2307/3003414
    """

    id: ClassVar[str] = "global_budget"
    title_en: ClassVar[str] = "Global budget"
    title_zh: ClassVar[str] = "总额预付"
    line_en: ClassVar[str] = (
        "A sum for the year; surplus kept and overrun borne by declared shares."
    )
    line_zh: ClassVar[str] = "年度总额包干，结余留用、超支分担按约定比例。"
    holds: ClassVar[tuple[str, ...]] = ("of",)

    of: PaymentModel
    provider_ids: tuple[str, ...]
    budget: Array | Neutral = dataclasses.field(
        metadata=term(
            form="by_provider",
            unit=_BUDGET.unit,
            low=_BUDGET.low,
            high=_BUDGET.high,
            can_be_neutral=True,
            label_en=_BUDGET.label_en,
            label_zh=_BUDGET.label_zh,
        )
    )
    surplus: Bands = dataclasses.field(
        default=((math.inf, 1.0),),
        metadata=term(
            form="bands",
            keys=("to", "kept"),
            unit="share",
            low=0.0,
            high=1.0,
            label_en="share of surplus kept, by band",
            label_zh="结余留用比例（分段）",
        ),
    )
    overrun: Bands = dataclasses.field(
        default=((math.inf, 1.0),),
        metadata=term(
            form="bands",
            keys=("to", "borne"),
            unit="share",
            low=0.0,
            high=1.0,
            label_en="share of overrun borne, by band",
            label_zh="超支分担比例（分段）",
        ),
    )
    weight_on_history: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="weight of claims in next year's budget",
            label_zh="次年预算的历史权重",
        ),
    )
    growth: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit=_GROWTH.unit,
            low=_GROWTH.low,
            high=_GROWTH.high,
            label_en=_GROWTH.label_en,
            label_zh=_GROWTH.label_zh,
        ),
    )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read budget, bands and rebasing, and build the contract inside."""
        check_keys(
            spec,
            ("budget", "surplus", "overrun", "rebasing", "weight_on_history", "growth", "of"),
            where,
        )
        if "of" not in spec:
            raise PaymentError(
                "a budget needs a contract that prices its items",
                where=f"{where}.of",
                remedy="Add `of:` with a payment model.",
            )
        budget = spec.get("budget", "neutral")
        growth = spec.get("growth", 0.0)
        if isinstance(budget, Mapping) and "growth" in budget:
            growth = budget["growth"]
            budget = {k: v for k, v in budget.items() if k != "growth"}
        rebasing = spec.get("rebasing", {})
        check_keys(rebasing, ("weight_on_history", "growth"), f"{where}.rebasing")
        ids = tuple(context.provider_ids)
        return cls(
            of=build(spec["of"], context, f"{where}.of"),
            provider_ids=ids,
            budget=per_provider(budget, _BUDGET, ids, f"{where}.budget"),
            surplus=_read_bands(spec.get("surplus"), "kept", f"{where}.surplus"),
            overrun=_read_bands(spec.get("overrun"), "borne", f"{where}.overrun"),
            weight_on_history=read_number(
                (rebasing if "weight_on_history" in rebasing else spec).get(
                    "weight_on_history", 0.0
                ),
                _SHARE,
                f"{where}.rebasing.weight_on_history"
                if "weight_on_history" in rebasing
                else f"{where}.weight_on_history",
            ),
            growth=read_number(
                rebasing.get("growth", growth),
                _GROWTH,
                f"{where}.rebasing.growth" if "growth" in rebasing else f"{where}.growth",
            ),
        )

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found: dict[str, Any] = {
            "budget": spec_of(self.budget, self.provider_ids),
            "surplus": _spec_of_bands(self.surplus, "kept"),
            "overrun": _spec_of_bands(self.overrun, "borne"),
            "of": spec_from(self.of),
        }
        if self.weight_on_history or self.growth:
            found["rebasing"] = {"weight_on_history": self.weight_on_history, "growth": self.growth}
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

    def _limit(self) -> Array:
        if isinstance(self.budget, Neutral):
            raise PaymentError(
                "the budget is still neutral",
                where=self.id,
                remedy="Resolve it on base activity first.",
            )
        return self.budget

    def settle(self, claims: Array) -> Array:
        """Give the payment for claims priced inside, both CNY, shape (n,) or (n, k)."""
        limit = self._limit()
        if claims.ndim > 1:
            limit = limit[:, None]
        paid = claims
        for bands, gap, sign in (
            (self.surplus, limit - claims, 1.0),
            (self.overrun, claims - limit, -1.0),
        ):
            low = 0.0
            for to, share in bands:
                if share:
                    part = np.maximum(gap - low * limit if low else gap, 0.0)
                    if math.isfinite(to):
                        np.minimum(part, (to - low) * limit, out=part)
                    part *= sign * share
                    paid = paid + part
                low = to
        return np.asarray(paid)

    def revenue(self, activity: Activity) -> Array:
        """Give the settled payment, CNY per year, shape (n,)."""
        return self.settle(self.of.revenue(activity))

    def partials(self, activity: Activity) -> Partials:
        """Give the slope of the settlement times the slopes inside, at the point."""
        exact = Outlook(activity, activity, np.zeros(activity.n_providers))
        return self.gradient_through(exact, exact.at_root)

    def fan(self, outlook: Outlook) -> Array:
        """Give the settled payment at every node of the perceived forecast."""
        return self.settle(fan_of(self.of, outlook.through_the_year_so_far()))

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down through the settlement, next year's budget included."""
        seen = outlook.through_the_year_so_far()
        claims = fan_of(self.of, seen)
        slope = secants(self.settle, claims)
        if self.weight_on_history and outlook.discount:
            slope = slope + self._tomorrow(claims, slope, outlook.discount)
        return gradient_through(self.of, seen, upstream * slope)

    def _tomorrow(self, claims: Array, slope: Array, discount: float) -> Array:
        """Give the present value of the budgets that a yuan of claims adds from next year on."""
        limit = self._limit()
        # The payment doubles when claims and budget both double, so its slope in the budget is
        # what its slope in claims leaves.
        rest = middles(self.settle(claims)) - slope * middles(claims)
        with np.errstate(divide="ignore", invalid="ignore"):
            per_budget = np.where(limit > 0, (rest @ weights()) / limit, 0.0)
        b = min(discount * (1.0 + self.growth), _DISCOUNT_CEILING)
        w = self.weight_on_history
        return np.asarray((per_budget * w * b / (1.0 - b * (1.0 - w)))[:, None])

    def renew(self, history: Sequence[Activity]) -> GlobalBudget:
        """Rebase the budget on the year's claims and let it grow."""
        claims = self.of.revenue(history[-1])
        w = self.weight_on_history
        budget = ((1.0 - w) * self._limit() + w * claims) * (1.0 + self.growth)
        return dataclasses.replace(self, of=next_year(self.of, history), budget=budget)

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix the contract inside, then the budget: own base-year receipts.

        One common factor on all budgets makes the group's total right where claims inside are
        distributed otherwise than receipts were.
        """
        inside = resolve(self.of, base, receipts, previous)
        if not is_neutral(self.budget):
            return dataclasses.replace(self, of=inside)
        found = dataclasses.replace(self, of=inside, budget=receipts.copy())
        claims = inside.revenue(as_counted(inside, base))
        factor = level(
            lambda x: float(dataclasses.replace(found, budget=x * receipts).settle(claims).sum()),
            float(receipts.sum()),
        )
        return dataclasses.replace(found, budget=receipts * factor)


def _read_bands(value: object, share: str, where: str) -> Bands:
    """Read bands of depth; the last may be open."""
    if value is None:
        return ((math.inf, 1.0),)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise PaymentError(
            "bands are a list",
            where=where,
            value=value,
            allowed=f"- to: depth, {share}: share of it; the last band may leave out `to`",
        )
    bands: list[tuple[float, float]] = []
    for k, row in enumerate(value):
        path = f"{where}[{k}]"
        if not isinstance(row, Mapping):
            raise PaymentError("a band is a mapping", where=path, value=row)
        check_keys(row, ("to", share), path)
        if share not in row:
            raise PaymentError("a band needs its share", where=path, allowed=share)
        to = read_number(row["to"], _DEPTH, f"{path}.to") if "to" in row else math.inf
        if bands and to <= bands[-1][0]:
            raise PaymentError(
                "bands go outward",
                where=f"{path}.to",
                value=to,
                allowed=f"more than {bands[-1][0]:g}",
            )
        bands.append((to, read_number(row[share], _SHARE, f"{path}.{share}")))
    if share == "borne" and (not bands or math.isfinite(bands[-1][0])):
        bands.append((math.inf, 1.0))
    return tuple(bands)


def _spec_of_bands(bands: Bands, share: str) -> list[dict[str, float]]:
    return [{"to": to, share: s} if math.isfinite(to) else {share: s} for to, s in bands]
