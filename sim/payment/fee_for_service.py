"""Fee for service: every visit, unit and day has its price."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from sim.activity import COMPONENTS, Activity, Array
from sim.payment._neutral import common_rate
from sim.payment._protocol import Build, Contract, Partials, PaymentContext, PaymentModel
from sim.payment._terms import Neutral, Term, check_keys, is_neutral, read_number, term

_VISITS, _DAYS = "visits", "days"
_MULTIPLIED = (*COMPONENTS, _VISITS, _DAYS)
_COMPONENT = Term("ratio", 0.0, 10.0, "multiplier of one component", "单项系数")
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

    Notes
    -----
    The payer and the patient together pay the provider, for each covered visit, unit and day,
    monthly as billed::

        revenue = multiplier (fees . visits + sum_j c_j prices_j . units_j + day prices . days)

    One more service brings its price, whatever the patient needs. Left out: caps on price or
    volume, and prices that fall with volume.

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
            unit="table",
            label_en="fee schedule",
            label_zh="收费目录",
        ),
    )
    multiplier: float | Neutral = dataclasses.field(
        default=1.0,
        metadata=term(
            low=0.0,
            high=10.0,
            can_be_neutral=True,
            label_en="multiplier of the schedule",
            label_zh="价格系数",
        ),
    )
    components: Mapping[str, float] = dataclasses.field(
        default_factory=dict,
        metadata=term(
            low=0.0,
            high=10.0,
            label_en="multipliers by component",
            label_zh="分项价格系数",
        ),
    )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read the schedule from the context's price lists or from a named table."""
        terms = cls.read_terms(spec, where, ("schedule", "components"))
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
        return cls(price, fee, day, schedule=name, **terms)

    @property
    def reads(self) -> frozenset[str]:
        """Give the fields paid for."""
        return frozenset({"visits", "units", "bed_days"})

    @property
    def is_straight(self) -> bool:
        """Tell that every further item brings the same."""
        return True

    def partials(self, activity: Activity) -> Partials:
        """Give the prices."""
        return dict(self._prices)

    @cached_property
    def _prices(self) -> Partials:
        c = self.components
        by_component = np.array([c.get(name, 1.0) for name in COMPONENTS])
        k = _number(self.multiplier)
        return {
            "visits": self.visit_fee * (k * c.get(_VISITS, 1.0)),
            "units": self.unit_price * (k * by_component),
            "bed_days": (self.day_price * (k * c.get(_DAYS, 1.0)))[:, :, None],
        }

    def revenue(self, activity: Activity) -> Array:
        """Give prices times quantities, CNY per year, shape (n,)."""
        p = self._prices
        return np.asarray(
            np.einsum("ns,ns->n", p["visits"], activity.visits)
            + np.einsum("nsc,nsc->n", p["units"], activity.units)
            + np.einsum("ng,ngb->n", p["bed_days"][:, :, 0], activity.bed_days)
        )

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix a neutral multiplier for the group."""
        if not is_neutral(self.multiplier):
            return self
        one = dataclasses.replace(self, multiplier=1.0).revenue(base)
        return dataclasses.replace(
            self, multiplier=common_rate(np.zeros_like(one), one, receipts, self.id)
        )


def _number(value: float | Neutral) -> float:
    return read_number(value, Term("ratio", 0.0, np.inf, "", ""), "multiplier, not yet resolved")
