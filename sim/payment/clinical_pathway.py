"""Clinical pathway: listed diseases have a fixed price per stay, the rest is paid otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sim.activity import STAYS, Activity, Array, CaseRule
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
    gradient_of,
    gradient_through,
    has_neutral,
    next_year,
    resolve,
    spec_from,
    tariff_of,
    thresholds_of,
    total,
)
from sim.payment._rules import as_counted
from sim.payment._smoothing import weights
from sim.payment._sorting import need_sides, sorted_for
from sim.payment._terms import Neutral, Term, check_keys, is_neutral, read_number, term

_PRICE = Term("CNY", 0.0, 1e8, "fixed price of a stay", "病种定额")
_INPATIENT = 2
_BY_GROUP = tuple(name for name in STAYS if "group" in Activity.fields()[name].axes)
_BY_SETTING = ("visits", "units", "patient_covered", "patient_uncovered")


@dataclass(frozen=True, eq=False)
class ClinicalPathway(Contract):
    """Pay stays of listed diseases a fixed price, with a share of the variance around it.

    Parameters
    ----------
    of : PaymentModel
        Contract for all other care.
    n_providers : int
        Number of providers.
    group_names : tuple of str
        Names of the G clinical groups.
    groups : tuple of str
        Groups on the list.
    prices : mapping of str to three floats, or Neutral
        Price of a stay by group and level, CNY. Neutral: mean charges of base activity at one
        factor.
    share_above : float
        Share of charges above the price that the payer pays too.
    share_below : float
        Share of what charges are below the price that the payer keeps.
    growth : float
        Yearly growth of the prices.

    Notes
    -----
    The payer (and the patient, by the benefit rules) pays the hospital for each listed stay at
    discharge, monthly; with c the stay's covered charge at list prices and P its price::

        stay    = P - share_below (P - c)   if c < P
                = P + share_above (c - P)   if c >= P
        revenue = sum of listed stays + inside(all other care)

    One more service inside a listed stay brings its charge times the share of its side: nothing
    under a pure fixed price. Inpatient units and visits have no disease; the contract inside sees
    the share of them that other stays have in inpatient charges. Left out: stays that leave the
    pathway.

    References
    ----------
    National Development and Reform Commission. Notice on promoting fees by disease, 2017 (in
    Chinese).
    Rotter T et al. Clinical pathways: effects on professional practice, patient outcomes, length of
    stay and hospital costs. Cochrane Database Syst Rev 2010; CD006632.
    https://doi.org/10.1002/14651858.CD006632.pub2
    """

    id: ClassVar[str] = "clinical_pathway"
    title_en: ClassVar[str] = "Clinical-pathway payment"
    title_zh: ClassVar[str] = "临床路径单病种定额付费"
    line_en: ClassVar[str] = "Stays of listed diseases have a fixed price; the rest is paid apart."
    line_zh: ClassVar[str] = "目录内病种按临床路径定额支付，其余另行支付。"
    holds: ClassVar[tuple[str, ...]] = ("of",)

    of: PaymentModel
    n_providers: int = dataclasses.field(repr=False)
    group_names: tuple[str, ...] = dataclasses.field(repr=False)
    groups: tuple[str, ...] = dataclasses.field(
        metadata=term(
            form="groups", unit="word", label_en="diseases on the list", label_zh="路径病种"
        )
    )
    prices: Mapping[str, tuple[float, ...]] | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            form="by_group",
            keys=("level",),
            follows="groups",
            unit=_PRICE.unit,
            low=_PRICE.low,
            high=_PRICE.high,
            can_be_neutral=True,
            label_en=_PRICE.label_en,
            label_zh=_PRICE.label_zh,
        ),
    )
    share_above: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="share of charges above the price paid",
            label_zh="超定额支付比例",
        ),
    )
    share_below: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="share of the gap below the price kept by the payer",
            label_zh="低于定额扣回比例",
        ),
    )
    growth: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="1/year",
            low=-0.5,
            high=1.0,
            label_en="growth of the prices",
            label_zh="定额年增长",
        ),
    )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read the list, its prices and shares, and build the contract for the rest."""
        terms = cls.read_terms(
            {k: v for k, v in spec.items() if k != "of"}, where, ("groups", "prices")
        )
        if "of" not in spec:
            raise PaymentError(
                "a pathway needs a contract for all other care",
                where=f"{where}.of",
                remedy="Add `of:` with a payment model.",
            )
        named = spec.get("groups", ())
        listed = (named,) if isinstance(named, str) else tuple(str(g) for g in named)
        check_keys(dict.fromkeys(listed), context.groups, f"{where}.groups")
        if not listed:
            raise PaymentError(
                "no disease is on the list",
                where=f"{where}.groups",
                allowed=", ".join(context.groups),
            )
        prices = spec.get("prices", "neutral")
        if prices != "neutral" and not isinstance(prices, Neutral):
            prices = _read_prices(prices, listed, f"{where}.prices")
        else:
            prices = Neutral()
        return cls(
            build(spec["of"], context, f"{where}.of"),
            context.n_providers,
            tuple(context.groups),
            listed,
            prices=prices,
            **terms,
        )

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found: dict[str, Any] = super().to_spec()[self.id]
        found["groups"] = list(self.groups)
        if not isinstance(self.prices, Neutral):
            found["prices"] = {g: list(p) for g, p in self.prices.items()}
        found["of"] = spec_from(self.of)
        return {self.id: found}

    @property
    def reads(self) -> frozenset[str]:
        """Give what the contract inside reads, and cases and charges by side."""
        return self.of.reads | {"cases_side", "charges_side"}

    @property
    def children(self) -> tuple[PaymentModel, ...]:
        """Give the contract for the rest."""
        return (self.of,)

    @property
    def tariff(self) -> PaymentModel:
        """Give what prices the items."""
        return tariff_of(self.of)

    def _listed(self) -> Array:
        """Give 1 for groups on the list, shape (G,)."""
        return np.array([float(g in self.groups) for g in self.group_names])

    def _price(self) -> Array:
        """Give the price of a stay, 0 off the list, shape (G, 3)."""
        if isinstance(self.prices, Neutral):
            raise PaymentError(
                "the prices are still neutral",
                where=self.id,
                remedy="Resolve them on base activity first.",
            )
        return np.array([self.prices.get(g, (0.0, 0.0, 0.0)) for g in self.group_names])

    def _rule(self) -> CaseRule:
        price = self._price()[None, :, :, None]
        return CaseRule(np.tile(price, (self.n_providers, 1, 1, 1)))

    def thresholds(self) -> tuple[CaseRule, ...]:
        """Give the prices, around which cases are sorted, and the rules inside."""
        return (self._rule(), *thresholds_of(self.of))

    # ---- listed stays ----

    def _own(self) -> tuple[Array, Array]:
        """Give what a case and a yuan charged bring, each (G, 3, 2) by side."""
        price = self._price()[:, :, None]
        case = price * np.array([1.0 - self.share_below, 1.0 - self.share_above])
        yuan = self._listed()[:, None, None] * np.array([self.share_below, self.share_above])
        return case, np.broadcast_to(yuan, case.shape)

    def _listed_stays(self, activity: Activity) -> Array:
        need_sides(activity, 2, self.id)
        case, yuan = self._own()
        return np.asarray(
            np.einsum("gls,ngls->n", case, activity.cases_side)
            + np.einsum("gls,ngls->n", yuan, activity.charges_side)
        )

    # ---- the rest ----

    def _split(self, activity: Activity) -> tuple[Array, Array]:
        """Give inpatient charges off and on the list, each shape (n,)."""
        by_group = activity.charges_side.sum(axis=(2, 3))
        listed = self._listed()
        return by_group @ (1.0 - listed), by_group @ listed

    def _share_left(self, activity: Activity) -> Array:
        """Give the share of inpatient charges that is off the list, shape (n,)."""
        off, on = self._split(activity)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(off + on > 0, off / (off + on), 1.0))

    def _rest(self, activity: Activity, share: Array) -> Activity:
        """Give all other care: no listed stays, inpatient items by their share."""
        off = 1.0 - self._listed()
        by_setting = np.ones((activity.n_providers, 3))
        by_setting[:, _INPATIENT] = share
        changed = {
            name: getattr(activity, name)
            * off.reshape(1, -1, *(1,) * (len(activity.shape_of(name)) - 2))
            for name in _BY_GROUP
        }
        for name in _BY_SETTING:
            array: Array = getattr(activity, name)
            changed[name] = array * by_setting.reshape(-1, 3, *(1,) * (array.ndim - 2))
        return activity.with_fields(**changed)

    def revenue(self, activity: Activity) -> Array:
        """Give listed stays and the rest, CNY per year, shape (n,)."""
        rest = self._rest(activity, self._share_left(activity))
        return np.asarray(self._listed_stays(activity) + self.of.revenue(rest))

    def _spread(self, activity: Activity, inside: Partials, upstream: Array) -> Partials:
        """Bring slopes on the rest, and what a yuan of listed stays brings (n,), to activity."""
        share = self._share_left(activity)
        off, on = self._split(activity)
        # What a larger share of inpatient items off the list brings.
        in_share = np.zeros(activity.n_providers)
        for name in _BY_SETTING:
            if name in inside:
                part = inside[name][:, _INPATIENT] * getattr(activity, name)[:, _INPATIENT]
                in_share += part.reshape(len(part), -1).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            per_yuan = np.where(off + on > 0, in_share / (off + on), 0.0)
        listed = self._listed()
        shift = per_yuan[:, None] * (
            (1.0 - listed) * (1.0 - share)[:, None] - listed * share[:, None]
        )
        case, yuan = self._own()
        scale = upstream[:, None, None, None]
        shape = activity.charges_side.shape
        own = {
            "cases_side": scale * case,
            "charges_side": scale * yuan + np.broadcast_to(shift[:, :, None, None], shape),
        }
        masked = {
            name: getattr(self._rest(activity.filled(inside), share), name) for name in inside
        }
        return total([own, masked])

    def partials(self, activity: Activity) -> Partials:
        """Give the slopes of listed stays and of the rest."""
        rest = self._rest(activity, self._share_left(activity))
        slopes = gradient_of(self.of, rest)
        inside = {name: getattr(slopes, name) for name in self.of.reads}
        return self._spread(activity, inside, np.ones(activity.n_providers))

    def _outlook(self, outlook: Outlook) -> Outlook:
        """Give the outlook on the rest; the share on the list is the projection's."""
        share = self._share_left(outlook.activity)
        mine = self._rest(outlook.activity, share)
        same = outlook.perceived is outlook.activity
        seen = mine if same else self._rest(outlook.perceived, share)
        return dataclasses.replace(outlook, activity=mine, perceived=seen)

    def fan(self, outlook: Outlook) -> Array:
        """Give revenue at every node of the forecast."""
        listed = self._listed_stays(outlook.activity)[:, None] * (1.0 + outlook.steps)
        return np.asarray(listed + fan_of(self.of, self._outlook(outlook)))

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to listed stays and to the rest."""
        inside = gradient_through(self.of, self._outlook(outlook), upstream)
        return self._spread(outlook.activity, inside, upstream @ weights())

    # ---- next year, and the first ----

    def renew(self, history: Sequence[Activity]) -> ClinicalPathway:
        """Let prices grow and renew the contract inside from the care it saw."""
        rest = [self._rest(year, self._share_left(year)) for year in history]
        found = dataclasses.replace(self, of=next_year(self.of, rest))
        if not self.growth or isinstance(self.prices, Neutral):
            return found
        return dataclasses.replace(found, prices=_times(self.prices, 1.0 + self.growth))

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix prices at base-year mean charges, and what else is neutral by what they leave.

        Where the contract inside is neutral it takes the receipts that listed stays at their mean
        charges leave; where it is not, one factor on the prices makes the group's total right.
        """
        rest = self._rest(base, self._share_left(base))
        if not is_neutral(self.prices):
            listed = self._listed_stays(sorted_for(base, self._rule()))
            left = np.maximum(receipts - listed, 0.0)
            return dataclasses.replace(self, of=resolve(self.of, rest, left, previous))
        on = self._split(base)[1]
        found = dataclasses.replace(self, prices=self._mean_prices(base))
        if has_neutral(self.of):
            # Listed stays keep what they charged, at most the receipts there are.
            on = np.minimum(on, receipts)
            inside = resolve(self.of, rest, receipts - on, previous)
            found = dataclasses.replace(found, of=inside)
        at_one = found.prices
        owed = float(receipts.sum()) - float(found.of.revenue(as_counted(found.of, rest)).sum())

        def outlay(factor: float) -> float:
            if isinstance(at_one, Neutral):
                return 0.0
            one = dataclasses.replace(found, prices=_times(at_one, factor))
            return float(one._listed_stays(sorted_for(base, one._rule())).sum())

        if isinstance(at_one, Neutral) or owed <= 0.0:
            return found
        return dataclasses.replace(found, prices=_times(at_one, level(outlay, owed)))

    def _mean_prices(self, base: Activity) -> Mapping[str, tuple[float, ...]]:
        cases, charges = base.cases_side.sum(axis=(0, 3)), base.charges_side.sum(axis=(0, 3))
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(cases > 0, charges / cases, 0.0)
            whole = charges.sum(axis=1) / np.maximum(cases.sum(axis=1), 1e-300)
        mean = np.where(cases > 0, own, whole[:, None])
        return {
            g: tuple(float(x) for x in mean[k])
            for k, g in enumerate(self.group_names)
            if g in self.groups
        }


def _times(prices: Mapping[str, tuple[float, ...]], factor: float) -> dict[str, tuple[float, ...]]:
    return {g: tuple(factor * x for x in row) for g, row in prices.items()}


def _read_prices(value: object, listed: Sequence[str], where: str) -> dict[str, tuple[float, ...]]:
    if not isinstance(value, Mapping):
        raise PaymentError(
            "prices are by disease",
            where=where,
            value=value,
            allowed="a price in CNY for each listed disease, or neutral",
        )
    check_keys(value, listed, where)
    found: dict[str, tuple[float, ...]] = {}
    for g in listed:
        row = value.get(g)
        if isinstance(row, Sequence) and not isinstance(row, str) and len(row) == 3:
            found[g] = tuple(read_number(x, _PRICE, f"{where}.{g}[{k}]") for k, x in enumerate(row))
        else:
            found[g] = (read_number(row, _PRICE, f"{where}.{g}"),) * 3
    return found
