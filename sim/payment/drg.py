"""Diagnosis-related groups: every stay is paid by its billed group and level."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import MEASURES, Activity, Array, CaseRule, TransferRule
from sim.errors import PaymentError
from sim.payment._neutral import common_rate, level_near
from sim.payment._protocol import Build, Contract, Partials, PaymentContext, PaymentModel
from sim.payment._sorting import mode_mix, mode_slopes, need_sides, sorted_for
from sim.payment._terms import (
    Neutral,
    Term,
    by_group,
    is_neutral,
    per_provider,
    read_number,
    read_table,
    term,
)

_LIST = "list"
_OWN = "own"
_NO_READMISSION = MEASURES.index("no_readmission")
_WEIGHT = Term("ratio", 0.0, 1000.0, "relative weight", "相对权重")
_OWN_RATE = Term("CNY", 0.0, 1e7, "own base rate", "历史费率", can_be_neutral=True)
_DAYS = Term("days", 0.0, 366.0, "days over which a transferred stay is paid", "转出病例付足的天数")
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
        ``list`` for the region's weights, the name of a table, or ``own`` once recalibrated.
    growth : float
        Yearly update of the base rate.
    modes : {'no', 'yes'}
        Whether the mode of treatment weighs in (groups split by procedure).
    low_outlier : float
        A case whose charge is below this ratio of its payment is paid its charge; 0: none is.
    high_outlier, fixed_loss : float
        A case is a high outlier when its cost reaches ``high_outlier`` times its payment plus the
        fixed loss, CNY; ratio 0: none is.
    outlier_share : float
        Share of the cost beyond that threshold that is paid too.
    cost_to_charge : float
        Cost per yuan of charge, by which the payer reckons cost.
    readmission_merged : float
        Share of 30-day readmissions that are merged with the first stay and not paid.
    recalibration : float
        Weight of the year's charges in next year's relative weights.
    weight_on_own : float
        Weight of the hospital's own historical rate in its base rate.
    own_rate : ndarray, shape (n,), Neutral or None
        That rate, CNY. Neutral: own receipts per weighted stay on base activity.
    item_fees_from : float
        A case whose charge reaches this ratio of its payment may leave the groups and keeps item
        fees; 0: none may.
    observation_weight : float
        Relative weight at which a case under observation is paid, besides what outpatient care
        brings; 0: it is not paid by case.
    whole_days : ndarray, shape (G,), or None
        Days, by clinical group, over which the payment of a stay is spread that ends in another
        bed: 0 for groups that are always paid whole. None: all are.
    provider_ids, group_names : tuple of str
        Names of the providers and of the clinical groups.
    mode_weight : ndarray, shape (G, M), or None
        Weight of each mode over its group's.

    Notes
    -----
    The payer (and the patient, by the benefit rules) pays the hospital for each stay at discharge,
    monthly::

        revenue = base_rate x grade_coefficient x sum_{g, l, mode} weight[g, l] admissions

    One more covered service or day inside a stay brings nothing; one more stay, or a higher billed
    level, brings its weight. What is more is off unless a contract asks for it. With P the payment
    of a case and c its covered charge at list prices::

        c < low_outlier P:  the case brings c
        cost_to_charge c >= high_outlier P + fixed_loss =: T:
                            P + outlier_share (cost_to_charge c - T)
        c >= item_fees_from P:  the case brings c
        revenue x (1 - readmission_merged x rate of 30-day readmission)
        stays of d days that go on in another bed: P min(1, (d + 1) / whole_days)
        base rate = (1 - weight_on_own) base_rate + weight_on_own own_rate
        + base rate x grade_coefficient x observation_weight x cases under observation
        weights'  = (1 - recalibration) weights + recalibration mean charges, at the year's
                    case-mix index

    China pays high outliers beyond 2.5 P, low ones below .4 P at charges; the US 80 % of cost
    beyond payment plus fixed loss (ratio 1). Where ``item_fees_from`` is 1 a hospital has the
    better of both for every case, ``max(P, c)``: the pilot of Beijing let it choose, and 35 % of
    the cases that had a group kept item fees. A neutral rate is then that of the groups when nobody
    leaves; what leaving adds comes on top. Observation stays are no admissions;
    a case payment for them is one way of paying short stays alike on either side of admission. A
    stay that goes on in a facility or in a bed at home is a transfer: US Medicare pays it by the
    day, the first twice, up to the whole payment, where it ends more than a day before the
    geometric mean stay of its group. What it lacks is taken off at its group's and level's price,
    whatever its mode and for high outliers, too; with low outliers, which are paid their charge, it
    is refused. Left out, because a year's sums do not
    tell: stays of at most 2 or at least 60 days outside the groups (bed-days are counted by band,
    not by stay), and readmissions within 15 days apart from those within 30; also the effect of
    today's charges on recalibrated weights, and that a stay could be planned longer for who will
    be transferred.

    References
    ----------
    Fetter RB, Shin Y, Freeman JL, Averill RF, Thompson JD. Case mix definition by
    diagnosis-related groups. Med Care 1980; 18(2 Suppl):1-53.
    Dafny LS. How do hospitals respond to price changes? Am Econ Rev 2005; 95:1525-1547.
    https://doi.org/10.1257/000282805775014236
    Jian W, Lu M, Han W, Hu M. The impact of a pilot reform on the diagnosis-related-groups payment
    system in China: a difference-in-difference study. Lancet 2015; 386:S26.
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
            form="table",
            keys=("group", "level"),
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
    modes: str = dataclasses.field(
        default="no",
        metadata=term(
            unit="word",
            choices=("no", "yes"),
            label_en="mode of treatment weighs in",
            label_zh="按治疗方式细分权重",
        ),
    )
    low_outlier: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="ratio",
            low=0.0,
            high=1.0,
            label_en="charges paid below this ratio of the payment",
            label_zh="低倍率界限",
        ),
    )
    high_outlier: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="ratio",
            low=0.0,
            high=100.0,
            label_en="high outlier above this ratio of the payment",
            label_zh="高倍率界限",
        ),
    )
    fixed_loss: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="CNY",
            low=0.0,
            high=1e7,
            label_en="fixed loss of a high outlier",
            label_zh="固定损失额",
        ),
    )
    outlier_share: float = dataclasses.field(
        default=0.8,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="share of cost beyond the threshold paid",
            label_zh="超界费用支付比例",
        ),
    )
    cost_to_charge: float = dataclasses.field(
        default=1.0,
        metadata=term(
            unit="ratio",
            low=0.01,
            high=10.0,
            label_en="cost per yuan charged",
            label_zh="成本收费比",
        ),
    )
    readmission_merged: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="share of 30-day readmissions not paid",
            label_zh="再入院合并比例",
        ),
    )
    recalibration: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="weight of charges in next year's weights",
            label_zh="权重按费用再校准比例",
        ),
    )
    weight_on_own: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="weight of the own historical rate",
            label_zh="历史费率权重",
        ),
    )
    own_rate: Array | Neutral | None = dataclasses.field(
        default=None,
        metadata=term(
            form="by_provider",
            unit=_OWN_RATE.unit,
            low=_OWN_RATE.low,
            high=_OWN_RATE.high,
            can_be_neutral=True,
            label_en=_OWN_RATE.label_en,
            label_zh=_OWN_RATE.label_zh,
        ),
    )
    observation_weight: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="ratio",
            low=0.0,
            high=10.0,
            label_en="relative weight of a case under observation",
            label_zh="留院观察病例的相对权重",
        ),
    )
    whole_days: Array | None = dataclasses.field(
        default=None,
        metadata=term(
            form="by_group",
            unit=_DAYS.unit,
            low=_DAYS.low,
            high=_DAYS.high,
            label_en=_DAYS.label_en,
            label_zh=_DAYS.label_zh,
        ),
    )
    item_fees_from: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="ratio",
            low=0.0,
            high=100.0,
            label_en="charge over payment from which item fees are kept",
            label_zh="可不入组、按项目付费的费用倍率",
        ),
    )
    provider_ids: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    group_names: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    mode_weight: Array | None = dataclasses.field(default=None, repr=False)

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read weights from the context or from a named table; the rate is neutral by default."""
        structural = ("weights", "own_rate", "whole_days")
        terms = cls.read_terms({"base_rate": "neutral", **spec}, where, structural)
        named, weight = spec.get("weights", _LIST), context.weights
        if not isinstance(named, str):
            weight = read_table(named, weight.shape, _WEIGHT, f"{where}.weights")
            named = _OWN
        elif named != _LIST:
            weight = np.broadcast_to(context.table(named, f"{where}.weights"), weight.shape)
        low, high = terms.get("low_outlier", 0.0), terms.get("high_outlier", 0.0)
        if high and low * terms.get("cost_to_charge", 1.0) >= high:
            raise PaymentError(
                "a case would be a low and a high outlier at once",
                where=f"{where}.high_outlier",
                value=high,
                allowed=f"more than {low * terms.get('cost_to_charge', 1.0):g}",
            )
        cls._check_leaving(spec, terms, where)
        if low and spec.get("whole_days") is not None:
            raise PaymentError(
                "a cheap case is paid its charge, of which no part for transfers can be taken off",
                where=f"{where}.whole_days",
                value=spec["whole_days"],
                remedy="Leave out low_outlier or whole_days.",
            )
        ids = tuple(context.provider_ids)
        rate = per_provider(spec.get("own_rate", "neutral"), _OWN_RATE, ids, f"{where}.own_rate")
        if terms.get("weight_on_own"):
            terms["own_rate"] = rate
        if spec.get("whole_days") is not None:
            names = context.groups
            terms["whole_days"] = by_group(spec["whole_days"], _DAYS, names, f"{where}.whole_days")
        return cls(
            weight,
            context.grade_coefficient,
            weights=named,
            provider_ids=ids,
            group_names=tuple(context.groups),
            mode_weight=context.mode_weight if terms.get("modes") == "yes" else None,
            **terms,
        )

    @staticmethod
    def _check_leaving(spec: Mapping[str, Any], terms: Mapping[str, Any], where: str) -> None:
        """Refuse cases that leave the groups where it cannot be told which ones do."""
        leaves, low = terms.get("item_fees_from", 0.0), terms.get("low_outlier", 0.0)
        if not leaves:
            return
        for name, is_on, why in (
            ("high_outlier", terms.get("high_outlier", 0.0) > 0, "dear cases are paid in one way"),
            ("modes", terms.get("modes") == "yes", "a case is sorted without its mode"),
            ("whole_days", "whole_days" in spec, "a transfer is counted on whichever side it lies"),
        ):
            if is_on:
                raise PaymentError(
                    f"{why}, so it cannot go with item_fees_from",
                    where=f"{where}.{name}",
                    value=spec[name],
                    remedy=f"Leave out {name} or item_fees_from.",
                )
        if leaves <= low:
            raise PaymentError(
                "a case would be cheap and leave the groups at once",
                where=f"{where}.item_fees_from",
                value=leaves,
                allowed=f"more than {low:g}",
            )

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        # Days are by group, not by provider.
        plain = self if self.whole_days is None else dataclasses.replace(self, whole_days=None)
        found: dict[str, Any] = Contract.to_spec(plain)
        if self.weights == _OWN:
            found[self.id]["weights"] = self.relative_weight.tolist()
        if self.whole_days is not None:
            days = zip(self.group_names, self.whole_days.tolist(), strict=True)
            found[self.id]["whole_days"] = dict(days)
        return found

    @property
    def _has_sides(self) -> bool:
        return self.low_outlier > 0 or self.high_outlier > 0 or self.item_fees_from > 0

    @property
    def reads(self) -> frozenset[str]:
        """Give the fields paid for."""
        found = {"cases_side", "charges_side"} if self._has_sides else {"admissions"}
        if self.mode_weight is not None:
            found.add("admissions")
        if self.readmission_merged:
            found |= {"quality_num", "quality_den"}
        if self.observation_weight:
            found.add("observations")
        if self.whole_days is not None:
            found.add("cut_short")
        return frozenset(found)

    @property
    def is_straight(self) -> bool:
        """Tell that every further stay brings the same: rules of cases are counted by side."""
        return True

    @property
    def is_proportional(self) -> bool:
        """Tell whether twice the stays is twice the money; weights of modes are by their mix."""
        return self.mode_weight is None

    @cached_property
    def _weight_price(self) -> Array:
        """Give the payment of a case of weight one, grade included, CNY, shape (n,)."""
        rate: float | Array = read_number(
            self.base_rate, _RATE, f"{self.id}.base_rate, not yet resolved"
        )
        if self.weight_on_own:
            if isinstance(self.own_rate, Neutral):
                read_number(self.own_rate, _OWN_RATE, f"{self.id}.own_rate, not yet resolved")
            own = np.asarray(self.own_rate, dtype=np.float64)
            rate = (1.0 - self.weight_on_own) * rate + self.weight_on_own * own
        return np.asarray(rate * self.grade_coefficient)

    @cached_property
    def _price(self) -> Array:
        """Give the payment of a stay by provider, group and level, shape (n, G, 3, 1)."""
        price = self._weight_price[:, None, None] * self.relative_weight
        return np.asarray(price[:, :, :, None])

    # ---- rules of cases ----

    @property
    def _threshold(self) -> Array:
        """Give the cost at which a case is a high outlier, CNY, shape (n, G, 3)."""
        return np.asarray(self.high_outlier * self._price[..., 0] + self.fixed_loss)

    def _rule(self) -> CaseRule:
        edges = []
        if self.low_outlier:
            edges.append(self.low_outlier * self._price[..., 0])
        if self.high_outlier:
            edges.append(self._threshold / self.cost_to_charge)
        if self.item_fees_from:
            edges.append(self.item_fees_from * self._price[..., 0])
        return CaseRule(np.stack(edges, axis=3))

    def thresholds(self) -> tuple[CaseRule, ...]:
        """Give the charges at which a case is an outlier."""
        return (self._rule(),) if self._has_sides else ()

    def transfers(self) -> tuple[TransferRule, ...]:
        """Give the days over which transferred stays are paid."""
        return () if self.whole_days is None else (TransferRule(self.whole_days),)

    def _mix(self, activity: Activity) -> Array:
        if self.mode_weight is None:
            return np.ones(activity.shape_of("cases_side")[:3])
        return mode_mix(activity.admissions, self.mode_weight)

    def _weighed(self) -> Array:
        """Give 1 for sides that are paid by weight, shape (sides,)."""
        has_dear = self.high_outlier > 0 or self.item_fees_from > 0
        sides = np.ones(1 + bool(self.low_outlier) + has_dear)
        sides[0] = 0.0 if self.low_outlier else 1.0
        if self.item_fees_from:
            sides[-1] = 0.0
        return sides

    def _case_slopes(self, activity: Activity) -> Partials:
        need_sides(activity, len(self._weighed()), self.id)
        mix, price = self._mix(activity)[..., None], self._price
        case = price * mix * self._weighed()
        yuan = np.zeros_like(case)
        if self.low_outlier:
            yuan[..., 0] = 1.0
        if self.high_outlier:
            case[..., -1] -= self.outlier_share * self._threshold
            yuan[..., -1] = self.outlier_share * self.cost_to_charge
        if self.item_fees_from:
            yuan[..., -1] = 1.0
        found: Partials = {"cases_side": case, "charges_side": yuan}
        if self.mode_weight is not None:
            weighed = (activity.cases_side * self._weighed()).sum(axis=3)[..., None]
            found["admissions"] = (
                price * weighed * mode_slopes(activity.admissions, self.mode_weight)
            )
        return found

    def _gross(self, activity: Activity) -> Array:
        """Give the payment of all stays before readmissions are merged, shape (n,)."""
        if self.whole_days is None:
            return self._whole(activity)
        lacking = np.einsum("ngl,ngl->n", self._price[..., 0], activity.cut_short)
        return np.asarray(self._whole(activity) - lacking)

    def _whole(self, activity: Activity) -> Array:
        """Give the payment of all stays, each paid whole, shape (n,)."""
        if self._has_sides:
            slopes = self._case_slopes(activity)
            return np.asarray(
                (slopes["cases_side"] * activity.cases_side).sum(axis=(1, 2, 3))
                + (slopes["charges_side"] * activity.charges_side).sum(axis=(1, 2, 3))
            )
        if self.mode_weight is not None:
            price = self._price * self.mode_weight[None, :, None, :]
            return np.asarray((price * activity.admissions).sum(axis=(1, 2, 3)))
        stays = activity.admissions.sum(axis=3)
        if self.weight_on_own:
            return np.asarray(np.einsum("ngl,ngl->n", self._price[..., 0], stays))
        rate = read_number(self.base_rate, _RATE, f"{self.id}.base_rate, not yet resolved")
        weighted = np.einsum("gl,ngl->n", self.relative_weight, stays)
        return np.asarray(rate * self.grade_coefficient * weighted)

    def _share_paid(self, activity: Activity) -> Array:
        """Give the share of payments left when readmissions are merged, shape (n,)."""
        good = activity.quality_num[:, _NO_READMISSION]
        all_ = activity.quality_den[:, _NO_READMISSION]
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(all_ > 0, 1.0 - good / all_, 0.0)
        return np.asarray(1.0 - self.readmission_merged * rate)

    def partials(self, activity: Activity) -> Partials:
        """Give what one more stay brings by group and level, (n, G, 3, 1), or by side."""
        if self._has_sides:
            found = self._case_slopes(activity)
        elif self.mode_weight is not None:
            found = {"admissions": self._price * self.mode_weight[None, :, None, :]}
        else:
            found = {"admissions": self._price}
        if self.whole_days is not None:
            found["cut_short"] = -self._price[..., 0]
        if self.readmission_merged:
            found = self._merged(activity, found)
        if self.observation_weight:
            found["observations"] = self.observation_weight * self._weight_price
        return found

    def _merged(self, activity: Activity, found: Partials) -> Partials:
        """Give slopes when readmissions are merged: of stays, and of what counts readmissions."""
        paid = self._share_paid(activity)
        found = {
            name: array * paid.reshape(-1, *(1,) * (array.ndim - 1))
            for name, array in found.items()
        }
        good, all_ = activity.quality_num, activity.quality_den
        lost = self._gross(activity) * self.readmission_merged
        for name, top in (("quality_num", 1.0), ("quality_den", -1.0)):
            slope = np.zeros_like(good)
            with np.errstate(divide="ignore", invalid="ignore"):
                per = lost / all_[:, _NO_READMISSION]
                share = good[:, _NO_READMISSION] / all_[:, _NO_READMISSION]
            per = per * (1.0 if top > 0 else share)
            slope[:, _NO_READMISSION] = np.where(all_[:, _NO_READMISSION] > 0, top * per, 0.0)
            found[name] = slope
        return found

    def revenue(self, activity: Activity) -> Array:
        """Give the payment of the year's stays, CNY per year, shape (n,)."""
        gross = self._gross(activity)
        if self.readmission_merged:
            gross = np.asarray(gross * self._share_paid(activity))
        if not self.observation_weight:
            return gross
        observed = self.observation_weight * self._weight_price * activity.observations
        return np.asarray(gross + observed)

    # ---- next year, and the first ----

    def renew(self, history: Sequence[Activity]) -> Self:
        """Update the rate by the agreed growth, and the weights by the year's charges."""
        changed: dict[str, Any] = {}
        if self.growth and not isinstance(self.base_rate, Neutral):
            changed["base_rate"] = self.base_rate * (1.0 + self.growth)
            if isinstance(self.own_rate, np.ndarray):
                changed["own_rate"] = self.own_rate * (1.0 + self.growth)
        if self.recalibration:
            changed["relative_weight"] = self._recalibrated(history[-1])
            changed["weights"] = _OWN
        return dataclasses.replace(self, **changed) if changed else self

    def _recalibrated(self, year: Activity) -> Array:
        """Move weights toward mean charges; the year's case-mix index stays what it was."""
        cases, charges = year.cases_side.sum(axis=(0, 3)), year.charges_side.sum(axis=(0, 3))
        known = (cases > 0) & (charges > 0)
        old, whole = self.relative_weight, float(charges[known].sum())
        if whole <= 0:
            return old
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.where(known, charges / cases, 0.0)
        scale = float((cases * old)[known].sum()) / whole
        k = self.recalibration
        return np.asarray(np.where(known, (1.0 - k) * old + k * scale * means, old))

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix own rates at own receipts per weighted stay, and a neutral base rate for the group.

        Outliers lie where the rate puts them, so a year not sorted yet is sorted anew at every rate
        tried; one that is, by a rate close to the one sought, is taken as it lies.
        Of several rates the one nearest to that without outliers is taken. Where none brings the
        receipts, since ever more cases would be paid their charges, it is that rate itself.
        Cases that leave the groups are not counted: with the better of both for every case the
        group could only earn more.
        """
        found = self
        if isinstance(self.own_rate, Neutral):
            found = self._with_own_rates(base, receipts)
        if not is_neutral(self.base_rate):
            return found
        found, leaves = dataclasses.replace(found, item_fees_from=0.0), found.item_fees_from
        plain = dataclasses.replace(found, low_outlier=0.0, high_outlier=0.0)
        zero, one = (dataclasses.replace(plain, base_rate=r).revenue(base) for r in (0.0, 1.0))
        if not found.weight_on_own:
            zero = np.zeros_like(one)
        rate = common_rate(zero, one, receipts, self.id)
        if found._has_sides:

            def outlay(x: float) -> float:
                at = dataclasses.replace(found, base_rate=x)
                return float(at.revenue(sorted_for(base, at._rule())).sum())

            rate = level_near(outlay, float(receipts.sum()), rate)
        return dataclasses.replace(found, base_rate=rate, item_fees_from=leaves)

    def _with_own_rates(self, base: Activity, receipts: Array) -> Self:
        plain = dataclasses.replace(
            self, low_outlier=0.0, high_outlier=0.0, item_fees_from=0.0, weight_on_own=0.0
        )
        one = dataclasses.replace(plain, base_rate=1.0, own_rate=None).revenue(base)
        whole = common_rate(np.zeros_like(one), one, receipts, self.id)
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(one > 0, receipts / one, whole)
        return dataclasses.replace(self, own_rate=own)
