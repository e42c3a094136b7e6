"""Fee for service: every visit, unit and day has its price."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import COMPONENTS, Activity, Array
from sim.payment._neutral import common_rate, level
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
    check_keys,
    is_neutral,
    per_provider,
    read_number,
    term,
)

_VISITS, _DAYS = "visits", "days"
_MULTIPLIED = (*COMPONENTS, _VISITS, _DAYS)
_COMPONENT = Term("ratio", 0.0, 10.0, "multiplier of one component", "单项系数")
_LIMIT = Term("CNY/year", 0.0, 1e12, "volume limit", "总量上限", can_be_neutral=True)
_HIGHEST = 10.0
_LIST = "list"


@dataclass(frozen=True, eq=False)
class FeeForService(Contract):
    """Pay every visit, service unit and bed-day its price on a schedule.

    Parameters
    ----------
    unit_price : ndarray, shape (n, 3, 4)
        Price of a unit by setting and component, CNY.
    visit_fee : ndarray, shape (n, 3)
        Fee of a visit by setting, CNY.
    day_price : ndarray, shape (n, G)
        Price of a bed-day by group, CNY.
    schedule : str
        ``list`` for the region's list prices, or the name of a table.
    multiplier : float or Neutral
        Factor on the whole schedule.
    components : mapping of str to float
        Further factors on drugs, diagnostics, procedures, labor, visits, days.
    price_cap : float or None
        Highest price, as a ratio to the region's list price. None: no cap.
    volume_limit : ndarray, shape (n,), Neutral or None
        Claims of a year up to which everything is paid in full, CNY by provider. Neutral: own
        base-year claims times ``allowance``. None: no limit.
    allowance : float
        Neutral limit over base-year claims.
    beyond_limit : float
        Share of the price that is paid beyond the limit.
    limit_growth : float
        Yearly growth of the limit.
    provider_ids : tuple of str
        Names of the providers.
    list_prices : tuple of ndarray
        The region's list prices of units, visits and days, to which the cap refers.

    Notes
    -----
    The payer and the patient together pay the provider, for each covered visit, unit and day,
    monthly as billed::

        revenue = multiplier (fees . visits + sum_j c_j prices_j . units_j + day prices . days)

    One more service brings its price, whatever the patient needs. Where prices are capped each is
    the lower of its own and ``price_cap`` times the list price. Where volume is limited to claims L
    a year, claims X bring ``min(X, L) + beyond_limit x max(X - L, 0)``, so that near the limit a
    service brings its price times the chance of staying below, and its share above. Left out:
    limits by item, quarterly limits, value-added tax (a transfer to the treasury, which a payment
    between payer and provider cannot state; ``multiplier`` holds the price net of it).

    References
    ----------
    Ellis RP, McGuire TG. Provider behavior under prospective reimbursement. J Health Econ 1986;
    5:129-151. https://doi.org/10.1016/0167-6296(86)90002-0
    """

    id: ClassVar[str] = "fee_for_service"
    title_en: ClassVar[str] = "Fee for service"
    title_zh: ClassVar[str] = "按项目付费"
    line_en: ClassVar[str] = "Every visit, service unit and bed-day is paid its price."
    line_zh: ClassVar[str] = "每次就诊、每项服务、每个床日按价格付费。"

    unit_price: Array = dataclasses.field(repr=False)
    visit_fee: Array = dataclasses.field(repr=False)
    day_price: Array = dataclasses.field(repr=False)
    schedule: str = dataclasses.field(
        default=_LIST,
        metadata=term(
            form="table",
            unit="table",
            label_en="fee schedule",
            label_zh="收费目录",
        ),
    )
    multiplier: float | Neutral = dataclasses.field(
        default=1.0,
        metadata=term(
            low=0.0,
            high=_HIGHEST,
            can_be_neutral=True,
            label_en="multiplier of the schedule",
            label_zh="价格系数",
        ),
    )
    components: Mapping[str, float] = dataclasses.field(
        default_factory=dict,
        metadata=term(
            form="by_key",
            keys=_MULTIPLIED,
            low=0.0,
            high=10.0,
            label_en="multipliers by component",
            label_zh="分项价格系数",
        ),
    )

    price_cap: float | None = dataclasses.field(
        default=None,
        metadata=term(
            low=0.0,
            high=10.0,
            label_en="highest price over the list price",
            label_zh="最高限价系数",
        ),
    )
    volume_limit: Array | Neutral | None = dataclasses.field(
        default=None,
        metadata=term(
            form="by_provider",
            unit=_LIMIT.unit,
            low=_LIMIT.low,
            high=_LIMIT.high,
            can_be_neutral=True,
            label_en=_LIMIT.label_en,
            label_zh=_LIMIT.label_zh,
        ),
    )
    allowance: float = dataclasses.field(
        default=1.0,
        metadata=term(
            unit="ratio",
            low=0.0,
            high=10.0,
            label_en="neutral limit over base-year claims",
            label_zh="上限与基期费用之比",
        ),
    )
    beyond_limit: float = dataclasses.field(
        default=0.5,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="share paid beyond the limit",
            label_zh="超量支付比例",
        ),
    )
    limit_growth: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="1/year",
            low=-0.5,
            high=1.0,
            label_en="growth of the volume limit",
            label_zh="总量上限年增长",
        ),
    )
    provider_ids: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    list_prices: tuple[Array, ...] = dataclasses.field(default=(), repr=False)

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read the schedule from the context's price lists or from a named table."""
        terms = cls.read_terms(spec, where, ("schedule", "components", "volume_limit"))
        factors = spec.get("components", {})
        check_keys(factors, _MULTIPLIED, f"{where}.components")
        terms["components"] = {
            str(k): read_number(v, _COMPONENT, f"{where}.components.{k}")
            for k, v in factors.items()
        }
        name = str(spec.get("schedule", _LIST))
        price, fee, day = context.unit_price, context.visit_fee, context.day_price
        if name != _LIST:
            price = np.broadcast_to(context.table(name, f"{where}.schedule"), price.shape)
            fee = np.broadcast_to(context.tables.get(f"{name}:visit_fee", fee), fee.shape)
            day = np.broadcast_to(context.tables.get(f"{name}:day_price", day), day.shape)
        ids = tuple(context.provider_ids)
        if "volume_limit" in spec:
            path = f"{where}.volume_limit"
            terms["volume_limit"] = per_provider(spec["volume_limit"], _LIMIT, ids, path)
        if terms.get("price_cap") is not None:
            terms["list_prices"] = (context.unit_price, context.visit_fee, context.day_price)
        return cls(price, fee, day, schedule=name, provider_ids=ids, **terms)

    @property
    def reads(self) -> frozenset[str]:
        """Give the fields paid for."""
        return frozenset({"visits", "units", "bed_days"})

    @property
    def is_straight(self) -> bool:
        """Tell whether every further item brings the same: no volume is limited."""
        return self.volume_limit is None

    @property
    def is_proportional(self) -> bool:
        """Tell whether twice the care is twice the money: as long as no volume is limited."""
        return self.volume_limit is None

    def partials(self, activity: Activity) -> Partials:
        """Give the prices; beyond a limit their share."""
        if self.volume_limit is None:
            return dict(self._prices)
        twice = np.repeat(self._claims(activity)[:, None], 2, axis=1)
        return self._scaled_prices(secants(self._paid, twice)[:, 0])

    def _scaled_prices(self, factor: Array) -> Partials:
        return {
            name: array * factor.reshape(-1, *(1,) * (array.ndim - 1))
            for name, array in self._prices.items()
        }

    def _paid(self, claims: Array) -> Array:
        """Give what claims bring, shape (n,) or (n, k)."""
        if isinstance(self.volume_limit, Neutral):
            read_number(self.volume_limit, _LIMIT, f"{self.id}.volume_limit, not yet resolved")
        limit = np.asarray(self.volume_limit).reshape(-1, *(1,) * (claims.ndim - 1))
        over = np.maximum(claims - limit, 0.0)
        return np.asarray(claims - (1.0 - self.beyond_limit) * over)

    def fan(self, outlook: Outlook) -> Array:
        """Give the payment at every node of the forecast."""
        if self.volume_limit is None:
            return super().fan(outlook)
        seen = outlook.through_the_year_so_far()
        return self._paid(self._claims(seen.activity)[:, None] * (1.0 + seen.steps))

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down, with the limit seen through the forecast."""
        if self.volume_limit is None:
            return super().gradient_through(outlook, upstream)
        seen = outlook.through_the_year_so_far()
        claims = self._claims(seen.activity)[:, None] * (1.0 + seen.steps)
        return self._scaled_prices((upstream * secants(self._paid, claims)) @ weights())

    @cached_property
    def _prices(self) -> Partials:
        c = self.components
        by_component = np.array([c.get(name, 1.0) for name in COMPONENTS])
        k = _number(self.multiplier)
        found = {
            "visits": self.visit_fee * (k * c.get(_VISITS, 1.0)),
            "units": self.unit_price * (k * by_component),
            "bed_days": (self.day_price * (k * c.get(_DAYS, 1.0)))[:, :, None],
        }
        if self.price_cap is not None:
            unit, visit, day = self.list_prices
            tops = {"visits": visit, "units": unit, "bed_days": day[:, :, None]}
            for name, top in tops.items():
                found[name] = np.minimum(found[name], self.price_cap * top)
        return found

    def revenue(self, activity: Activity) -> Array:
        """Give prices times quantities, CNY per year, shape (n,); beyond a limit a share."""
        claims = self._claims(activity)
        return claims if self.volume_limit is None else self._paid(claims)

    def _claims(self, activity: Activity) -> Array:
        p = self._prices
        return np.asarray(
            np.einsum("ns,ns->n", p["visits"], activity.visits)
            + np.einsum("nsc,nsc->n", p["units"], activity.units)
            + np.einsum("ng,ngb->n", p["bed_days"][:, :, 0], activity.bed_days)
        )

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix a neutral multiplier for the group, then a neutral limit at own claims."""
        found = self
        if is_neutral(self.multiplier):
            free = dataclasses.replace(self, volume_limit=None, price_cap=None)
            one = dataclasses.replace(free, multiplier=1.0).revenue(base)
            rate = common_rate(np.zeros_like(one), one, receipts, self.id)
            if self.price_cap is not None:
                capped = dataclasses.replace(self, volume_limit=None)
                rate = level(
                    lambda x: float(
                        dataclasses.replace(capped, multiplier=min(x, _HIGHEST)).revenue(base).sum()
                    ),
                    float(receipts.sum()),
                    rate,
                )
            found = dataclasses.replace(found, multiplier=rate)
        if is_neutral(self.volume_limit):
            found = dataclasses.replace(found, volume_limit=self.allowance * found._claims(base))
        return found

    def renew(self, history: Sequence[Activity]) -> Self:
        """Let the volume limit grow."""
        if not self.limit_growth or not isinstance(self.volume_limit, np.ndarray):
            return self
        return dataclasses.replace(self, volume_limit=self.volume_limit * (1.0 + self.limit_growth))


def _number(value: float | Neutral) -> float:
    return read_number(value, Term("ratio", 0.0, np.inf, "", ""), "multiplier, not yet resolved")
