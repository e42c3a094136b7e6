"""Per diem: every day in bed has its rate, by the day of the stay it is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import Activity, Array, CaseRule
from sim.errors import PaymentError
from sim.payment._neutral import common_rate
from sim.payment._protocol import Build, Contract, Partials, PaymentContext, PaymentModel
from sim.payment._sorting import need_bands, sorted_by
from sim.payment._terms import Neutral, Term, check_keys, is_neutral, read_number, term

_RATE = Term("CNY/day", 0.0, 1e6, "rate per day", "床日标准")
_DAY = Term("day", 1.0, 365.0, "last day of the band", "分段末日")
_RATIO = Term("ratio", 0.0, 100.0, "rate of the band over the contract's", "分段系数")

Bands = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class PerDiem(Contract):
    """Pay every bed-day a rate that depends on which day of the stay it is, and on the group.

    Parameters
    ----------
    groups : tuple of str
        Names of the G clinical groups.
    n_providers : int
        Number of providers.
    rate : float or Neutral
        CNY per bed-day of ratio one.
    bands : tuple of (to, ratio)
        Bands of the day of stay, each up to day ``to`` with its ratio to the rate; the last one is
        open. Empty: the same for every day.
    by_group : mapping of str to float
        Ratio of a group's days; 1 for groups not named.
    growth : float
        Yearly update of the rate.

    Notes
    -----
    The payer (and the patient, by the benefit rules) pays the hospital for each day in bed,
    monthly::

        revenue = rate x sum_{g, band} by_group[g] ratio[band] bed_days[g, band]

    One more service inside a day brings nothing; one more day brings the rate of its band, so that
    rates that fall with the stay stop paying for its end at the step where they go below the cost
    of a day. Left out: rates by grade of hospital.

    References
    ----------
    Ellis RP, McGuire TG. Hospital response to prospective payment: moral hazard, selection, and
    practice-style effects. J Health Econ 1996; 15:257-277.
    https://doi.org/10.1016/0167-6296(96)00002-1
    """

    id: ClassVar[str] = "per_diem"
    title_en: ClassVar[str] = "Per diem"
    title_zh: ClassVar[str] = "按床日付费"
    line_en: ClassVar[str] = "Every day in bed has its rate, by the day of the stay it is."
    line_zh: ClassVar[str] = "每个住院床日按所处住院阶段的标准支付。"

    groups: tuple[str, ...] = dataclasses.field(repr=False)
    n_providers: int = dataclasses.field(repr=False)
    rate: float | Neutral = dataclasses.field(
        metadata=term(
            unit=_RATE.unit,
            low=_RATE.low,
            high=_RATE.high,
            can_be_neutral=True,
            label_en=_RATE.label_en,
            label_zh=_RATE.label_zh,
        )
    )
    bands: Bands = dataclasses.field(
        default=(),
        metadata=term(
            form="bands_of_days",
            keys=("to", "ratio"),
            low=_RATIO.low,
            high=_RATIO.high,
            label_en="ratio to the rate, by band of days",
            label_zh="各住院阶段系数",
        ),
    )
    by_group: Mapping[str, float] = dataclasses.field(
        default_factory=dict,
        metadata=term(
            form="by_group",
            low=_RATIO.low,
            high=_RATIO.high,
            label_en="ratio of a group's days",
            label_zh="病组系数",
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
        """Read rate, bands and ratios; the rate is neutral by default."""
        terms = cls.read_terms({"rate": "neutral", **spec}, where, ("bands", "by_group"))
        ratios = spec.get("by_group", {})
        check_keys(ratios, context.groups, f"{where}.by_group")
        return cls(
            tuple(context.groups),
            context.n_providers,
            bands=_read_bands(spec.get("bands", ()), f"{where}.bands"),
            by_group={
                str(g): read_number(v, _RATIO, f"{where}.by_group.{g}") for g, v in ratios.items()
            },
            **terms,
        )

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()
        if self.bands:
            found[self.id]["bands"] = [
                {"to": to, "ratio": r} if math.isfinite(to) else {"ratio": r}
                for to, r in self.bands
            ]
        return found

    @property
    def reads(self) -> frozenset[str]:
        """Give the fields paid for."""
        return frozenset({"bed_days"})

    @property
    def is_straight(self) -> bool:
        """Tell that every further day of a band brings the same."""
        return True

    def _rule(self) -> CaseRule:
        last = tuple(int(to) for to, _ in self.bands[:-1])
        return CaseRule(np.empty((self.n_providers, len(self.groups), 3, 0)), last)

    def thresholds(self) -> tuple[CaseRule, ...]:
        """Give the bands by which days are counted."""
        return (self._rule(),) if len(self.bands) > 1 else ()

    def _ratios(self, activity: Activity) -> Array:
        """Give the ratio of a day, shape (G, bands)."""
        by_group = np.array([self.by_group.get(g, 1.0) for g in self.groups])
        if len(self.bands) < 2:
            ratio = self.bands[0][1] if self.bands else 1.0
            return np.asarray(by_group[:, None] * np.full(activity.bed_days.shape[2], ratio))
        need_bands(activity, len(self.bands), f"{self.id}.bands")
        return np.asarray(by_group[:, None] * np.array([r for _, r in self.bands]))

    def partials(self, activity: Activity) -> Partials:
        """Give the rate of one more day by group and band, shape (n, G, bands)."""
        rate = read_number(self.rate, _RATE, f"{self.id}.rate, not yet resolved")
        price = rate * self._ratios(activity)
        return {"bed_days": np.broadcast_to(price, activity.bed_days.shape)}

    def revenue(self, activity: Activity) -> Array:
        """Give rates times days, CNY per year, shape (n,)."""
        rate = read_number(self.rate, _RATE, f"{self.id}.rate, not yet resolved")
        return np.asarray(rate * np.einsum("gb,ngb->n", self._ratios(activity), activity.bed_days))

    def renew(self, history: Sequence[Activity]) -> Self:
        """Update the rate by the agreed growth."""
        if not self.growth or isinstance(self.rate, Neutral):
            return self
        return dataclasses.replace(self, rate=self.rate * (1.0 + self.growth))

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix a neutral rate for the group; days not yet counted by band are spread over them."""
        if not is_neutral(self.rate):
            return self
        seen = sorted_by(base, self._rule()) if len(self.bands) > 1 else base
        one = dataclasses.replace(self, rate=1.0).revenue(seen)
        rate = common_rate(np.zeros_like(one), one, receipts, self.id)
        return dataclasses.replace(self, rate=rate)


def _read_bands(value: object, where: str) -> Bands:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise PaymentError(
            "bands are a list",
            where=where,
            value=value,
            allowed="- to: last day, ratio: price over the rate; the last band has no `to`",
        )
    bands: list[tuple[float, float]] = []
    for k, row in enumerate(value):
        path = f"{where}[{k}]"
        if not isinstance(row, Mapping):
            raise PaymentError("a band is a mapping", where=path, value=row)
        check_keys(row, ("to", "ratio"), path)
        is_last = k == len(value) - 1
        if "ratio" not in row or ("to" in row) == is_last:
            raise PaymentError(
                "a band has a last day and a ratio, the last one a ratio only",
                where=path,
                value=dict(row),
                allowed="{to: day, ratio: number}, the last {ratio: number}",
            )
        to = math.inf if is_last else read_number(row["to"], _DAY, f"{path}.to")
        if bands and to <= bands[-1][0]:
            raise PaymentError(
                "bands go from early to late days",
                where=f"{path}.to",
                value=to,
                allowed=f"more than {bands[-1][0]:g}",
            )
        if math.isfinite(to) and to != int(to):
            raise PaymentError("a band ends on a whole day", where=f"{path}.to", value=to)
        bands.append((to, read_number(row["ratio"], _RATIO, f"{path}.ratio")))
    return tuple(bands)
