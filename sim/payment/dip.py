"""Points by disease (DIP): stays earn points, and a pool of money fixes what a point is worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from sim.activity import Activity, Array, CaseRule
from sim.payment._neutral import level, level_near
from sim.payment._protocol import (
    Build,
    Contract,
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
    Timetable,
    total,
)
from sim.payment._smoothing import middles, weights
from sim.payment._sorting import (
    mean_charges,
    mode_mix,
    mode_slopes,
    need_sides,
    renewed_mean,
    sorted_for,
)
from sim.payment._terms import (
    Neutral,
    Term,
    check_keys,
    is_neutral,
    read_number,
    read_table,
    spec_of,
    term,
)

_LIST = "list"
_POOL = Term("CNY/year", 0.0, 1e13, "fund's pool", "基金总额", can_be_neutral=True)
_LEAST_POINTS = 1e-9  # of a usual stay: fewer are none
_POINTS = Term("point/year", 0.0, 1e12, "points of the rest of the pool", "统筹区其余点数")
_MONEY = Term("CNY/year", 0.0, 1e13, "patients' payments in the rest of the pool", "其余自付金额")
_CHARGE = Term("CNY", 0.0, 1e9, "last year's mean charge", "上年次均费用")
_RATIO = Term("ratio", 0.0, 100.0, "relative weight", "病种分值")
_INPATIENT = 2
_YEARS = (1.0, 2.0, 7.0)  # weights of the last three years in a disease's points, the latest last
_LOW, _USUAL, _HIGH = range(3)


@dataclass(frozen=True, eq=False)
class _Position:
    """Where each provider stands in the pool, every array of shape (n, k).

    Parameters
    ----------
    value, share, per_point : ndarray
        Value of a point, own share of all points, one over all points.
    plain, aid : ndarray
        Payment without aid, and the aid claimed.
    is_low : ndarray of bool
        Whether charges are paid in place of points.
    scale, part : ndarray
        Part of the aid claimed that is paid; own part of all aid claimed, 0 while there is enough.
    claimed_per_value : ndarray
        Aid that the others claim more when a point is worth a yuan more.
    """

    value: Array
    share: Array
    per_point: Array
    plain: Array
    aid: Array
    is_low: NDArray[np.bool_]
    scale: Array
    part: Array
    claimed_per_value: Array


@dataclass(frozen=True, eq=False)
class PointsByDisease(Contract):
    """Give stays points by disease and pay each point what the pool's money makes it worth.

    Parameters
    ----------
    relative_weight : ndarray, shape (G, 3)
        Points of a usual stay by billed group and level.
    mode_weight : ndarray, shape (G, M)
        Factor of the mode of treatment; diseases are diagnosis by procedure.
    grade_coefficient : ndarray, shape (n, G)
        Coefficient of the hospital's grade; 1 in primary-care diseases.
    kinds : ndarray of int, shape (n,)
        Grade by which mean charges are compared.
    groups : tuple of str
        Names of the G clinical groups.
    pool : float or Neutral
        The fund's money for all points of the pool, CNY per year.
    mean_charge : ndarray, shape (n, G, 3), or Neutral
        Last year's mean charge of a group and level at hospitals of the same grade, CNY. Neutral:
        that of base activity.
    rest_share : float
        Share of all points that hospitals outside the contract earn on base activity: a county is
        a small part of a prefecture's pool.
    rest_points, rest_payments : float or Neutral
        Points earned there and patients' covered payments there, CNY. Neutral: by ``rest_share``.
    primary_care : tuple of str
        Groups that all grades are paid alike for.
    low, high : float
        Ratio of a case's charge to the mean below which it is cheap and above which it is dear.
    adjustment_fund : float
        Share of the pool held back for hospitals whose charges exceed their points.
    floor : float
        Where charges over points payment are below this share, the charges are paid.
    aid : float
        Share of an excess of charges that the adjustment fund pays, while it lasts.
    aid_up_to : float
        Depth up to which an excess counts, as a share of the points payment.
    growth : float
        Yearly growth of the pool.
    own_weights : {'yes', 'no'}
        Whether the points follow the contract's own charges from year to year.
    weights : str
        ``list`` for the region's weights, the name of a table, or ``own`` once they were renewed.

    Notes
    -----
    The fund pays hospitals what points are worth less what patients paid of covered charges, so
    that together, with r a case's charge over last year's mean::

        points  = grade x weight x mode x (r  if r < low;  1;  r - high + 1  if r >= high)
        value   = [pool (1 - adjustment fund) + sum of patients' covered payments] / sum of points
        payment = points x value
        revenue = charges                                 if charges < floor x payment
                = payment + aid x min(charges - payment, aid_up_to x payment)   if above

    the sums over the contract's hospitals and the rest of the pool, aid scaled down where claims on
    the adjustment fund exceed it (the contract's part of it is ``1 - rest_share``). Of cheap cases
    the charge itself is paid, so that points jump where r crosses ``low``: the notch in the rule.
    Prepaid monthly and settled after the year's end, as `timetable` says.

    More points raise the own payment and lower the value for everyone. With s the own share of all
    points, one more point brings ``value x (1 - s)``: little where one hospital is the pool,
    nearly the whole value where it is a small part of a prefecture. Others' points are taken as
    given. Next year's mean charges are this year's by grade; weights are group means over the
    overall mean of three years, weighted 1 : 2 : 7.

    Mode factors multiply all stays of a cell by their mean, since sides are counted without modes.
    The two jumps (at ``low`` and at ``floor``) lie in the ratio of two sums, which a hospital's
    own forecast error hardly moves: incentives at a point are those of the side it lies on. Left
    out: review of special cases, the effect of own charges on next year's weights and means.

    References
    ----------
    National Healthcare Security Administration. Technical specification of the disease-based
    points payment (DIP), 2020.
    Holmstrom B. Moral hazard in teams. Bell J Econ 1982; 13:324-340.
    https://doi.org/10.2307/3003457
    """

    id: ClassVar[str] = "dip"
    title_en: ClassVar[str] = "Points by disease (DIP)"
    title_zh: ClassVar[str] = "按病种分值付费（DIP）"
    line_en: ClassVar[str] = (
        "Stays earn points by disease; the pool's money over all points is the value of one."
    )
    line_zh: ClassVar[str] = "住院按病种计分，基金总额除以总分值得出每分单价。"
    timetable = Timetable(interim_share=0.95, settlement_delay_months=6)

    relative_weight: Array = dataclasses.field(repr=False)
    mode_weight: Array = dataclasses.field(repr=False)
    grade_coefficient: Array = dataclasses.field(repr=False)
    kinds: np.ndarray = dataclasses.field(repr=False)
    groups: tuple[str, ...] = dataclasses.field(repr=False)
    pool: float | Neutral = dataclasses.field(
        metadata=term(
            unit=_POOL.unit,
            low=_POOL.low,
            high=_POOL.high,
            can_be_neutral=True,
            label_en=_POOL.label_en,
            label_zh=_POOL.label_zh,
        )
    )
    mean_charge: Array | Neutral = dataclasses.field(
        repr=False,
        default=Neutral(),
        metadata=term(
            form="table",
            keys=("provider", "group", "level"),
            unit=_CHARGE.unit,
            low=_CHARGE.low,
            high=_CHARGE.high,
            can_be_neutral=True,
            label_en=_CHARGE.label_en,
            label_zh=_CHARGE.label_zh,
        ),
    )
    rest_share: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=0.999,
            label_en="share of the pool's points earned elsewhere",
            label_zh="统筹区内其余医院点数占比",
        ),
    )
    rest_points: float | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            unit=_POINTS.unit,
            low=_POINTS.low,
            high=_POINTS.high,
            can_be_neutral=True,
            label_en=_POINTS.label_en,
            label_zh=_POINTS.label_zh,
        ),
    )
    rest_payments: float | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            unit=_MONEY.unit,
            low=_MONEY.low,
            high=_MONEY.high,
            can_be_neutral=True,
            label_en=_MONEY.label_en,
            label_zh=_MONEY.label_zh,
        ),
    )
    primary_care: tuple[str, ...] = dataclasses.field(
        default=(),
        metadata=term(
            form="groups",
            unit="word",
            label_en="diseases paid alike at all grades",
            label_zh="基层病种",
        ),
    )
    low: float = dataclasses.field(
        default=0.5,
        metadata=term(
            low=0.0, high=1.0, label_en="cheap below, times the mean", label_zh="低倍率界限"
        ),
    )
    high: float = dataclasses.field(
        default=2.0,
        metadata=term(
            low=1.0, high=100.0, label_en="dear above, times the mean", label_zh="高倍率界限"
        ),
    )
    adjustment_fund: float = dataclasses.field(
        default=0.05,
        metadata=term(
            unit="share",
            low=0.0,
            high=0.5,
            label_en="adjustment fund, share of the pool",
            label_zh="调节金比例",
        ),
    )
    floor: float = dataclasses.field(
        default=0.8,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="charges paid below this share of the points payment",
            label_zh="据实支付界限",
        ),
    )
    aid: float = dataclasses.field(
        default=0.6,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="share of an excess paid by the adjustment fund",
            label_zh="超支补偿比例",
        ),
    )
    aid_up_to: float = dataclasses.field(
        default=0.1,
        metadata=term(
            unit="share",
            low=0.0,
            high=10.0,
            label_en="excess that counts, share of the points payment",
            label_zh="超支补偿上限",
        ),
    )
    growth: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="1/year",
            low=-0.5,
            high=1.0,
            label_en="growth of the pool",
            label_zh="基金总额年增长",
        ),
    )
    own_weights: str = dataclasses.field(
        default="yes",
        metadata=term(
            unit="word",
            choices=("yes", "no"),
            label_en="points follow charges from year to year",
            label_zh="分值逐年按费用更新",
        ),
    )
    weights: str = dataclasses.field(
        default=_LIST,
        metadata=term(
            form="table",
            keys=("group", "level"),
            unit="table",
            label_en="relative weights",
            label_zh="病种分值表",
        ),
    )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read weights, pool and corridor; what is not given is neutral."""
        structural = ("mean_charge", "primary_care", "weights")
        terms = cls.read_terms({"pool": "neutral", **spec}, where, structural)
        alike = tuple(str(g) for g in spec.get("primary_care", ()))
        check_keys(dict.fromkeys(alike), context.groups, f"{where}.primary_care")
        n, n_groups = context.n_providers, len(context.groups)
        grade = np.tile(context.grade_coefficient[:, None], (1, n_groups))
        grade[:, [g in alike for g in context.groups]] = 1.0
        mode = context.mode_weight
        mean = spec.get("mean_charge", "neutral")
        if mean == "neutral" or isinstance(mean, Neutral):
            terms["mean_charge"] = Neutral()
        else:
            terms["mean_charge"] = read_table(
                mean, (n, n_groups, 3), _CHARGE, f"{where}.mean_charge"
            )
        named = spec.get("weights", _LIST)
        if not isinstance(named, str):
            weight = read_table(named, (n_groups, 3), _RATIO, f"{where}.weights")
            named = "own"
        elif named == _LIST:
            weight = context.weights
        else:
            weight = np.broadcast_to(
                context.table(named, f"{where}.weights"), context.weights.shape
            )
        return cls(
            weight,
            np.ones((n_groups, 1)) if mode is None else mode,
            grade,
            context.kinds,
            tuple(context.groups),
            primary_care=alike,
            weights=named,
            **terms,
        )

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        plain = dataclasses.replace(self, mean_charge=Neutral(), primary_care=(), weights=_LIST)
        found: dict[str, Any] = Contract.to_spec(plain)[self.id]
        if not isinstance(self.mean_charge, Neutral):
            found["mean_charge"] = self.mean_charge.tolist()
        if self.primary_care:
            found["primary_care"] = list(self.primary_care)
        if self.weights == "own":
            found["weights"] = self.relative_weight.tolist()
        elif self.weights != _LIST:
            found["weights"] = self.weights
        found["pool"] = spec_of(self.pool)
        return {self.id: found}

    @property
    def is_pooled(self) -> bool:
        """Tell that one hospital's points change what all points are worth."""
        return True

    @property
    def reads(self) -> frozenset[str]:
        """Give what earns points, what patients paid, and what was charged."""
        found = {"cases_side", "charges_side", "patient_covered"}
        return frozenset(found | {"admissions"} if self.mode_weight.shape[1] > 1 else found)

    # ---- points ----

    def _mean(self) -> Array:
        if isinstance(self.mean_charge, Neutral):
            read_number(self.mean_charge, _CHARGE, f"{self.id}.mean_charge, not yet resolved")
        return np.asarray(self.mean_charge)

    def thresholds(self) -> tuple[CaseRule, ...]:
        """Give the charges at which a case is cheap or dear."""
        return (self._rule(),)

    def _rule(self) -> CaseRule:
        return CaseRule(self._mean()[..., None] * np.array([self.low, self.high]))

    def _per_case(self) -> tuple[Array, Array]:
        """Give points of a case and of a yuan charged, each (n, G, 3, 3) by side."""
        one = self.grade_coefficient[:, :, None] * self.relative_weight
        mean = self._mean()
        yuan = _ratio(one, mean)
        case = np.stack([np.where(mean > 0, 0.0, one), one, one * (1.0 - self.high)], axis=3)
        case[..., _HIGH] = np.where(mean > 0, case[..., _HIGH], one)
        return case, np.stack([yuan, np.zeros_like(yuan), yuan], axis=3)

    def _mix(self, activity: Activity) -> Array:
        if self.mode_weight.shape[1] == 1:
            return np.ones(activity.cases_side.shape[:3])
        return mode_mix(activity.admissions, self.mode_weight)

    def _cell_points(self, activity: Activity) -> Array:
        """Give points by cell before the mode of treatment, shape (n, G, 3)."""
        need_sides(activity, 3, self.id)
        case, yuan = self._per_case()
        return np.asarray((case * activity.cases_side + yuan * activity.charges_side).sum(axis=3))

    def points(self, activity: Activity) -> Array:
        """Give the points each provider earns, shape (n,)."""
        return np.asarray((self._cell_points(activity) * self._mix(activity)).sum(axis=(1, 2)))

    def _point_slopes(self, activity: Activity) -> Partials:
        """Give the points of one more of everything."""
        case, yuan = self._per_case()
        mix = self._mix(activity)[..., None]
        found: Partials = {"cases_side": case * mix, "charges_side": yuan * mix}
        if self.mode_weight.shape[1] > 1:
            found["admissions"] = self._cell_points(activity)[..., None] * mode_slopes(
                activity.admissions, self.mode_weight
            )
        return found

    # ---- the pool ----

    def _money(self) -> tuple[float, float, float]:
        """Give the pool, the points of its rest and patients' payments there."""
        where = f"{self.id}.%s, not yet resolved"
        rest = read_number(self.rest_points, _POINTS, where % "rest_points")
        return (
            read_number(self.pool, _POOL, where % "pool"),
            # Divided by next to nothing, money would be without end where nobody here has points.
            rest if rest > _LEAST_POINTS else 0.0,
            read_number(self.rest_payments, _MONEY, where % "rest_payments"),
        )

    def point_value(self, activity: Activity) -> float:
        """Give what a point is worth, CNY."""
        pool, rest, paid_there = self._money()
        points = float(self.points(activity).sum()) + rest
        own = float(activity.patient_covered[:, _INPATIENT].sum()) + paid_there
        return (pool * (1.0 - self.adjustment_fund) + own) / points if points > 0 else 0.0

    def _settled(self, paid: Array, charges: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Give the amount without aid, the aid claimed, and where charges are paid instead."""
        is_low = charges < self.floor * paid
        excess = np.minimum(np.maximum(charges - paid, 0.0), self.aid_up_to * paid)
        return np.where(is_low, charges, paid), self.aid * excess, is_low

    def _scale(self, claimed: float) -> float:
        """Give the part of the aid claimed that the adjustment fund can pay."""
        there = self._money()[0] * self.adjustment_fund * (1.0 - self.rest_share)
        return 1.0 if claimed <= there else there / claimed

    def revenue(self, activity: Activity) -> Array:
        """Give the settled payment, CNY per year, shape (n,)."""
        paid = self.points(activity) * self.point_value(activity)
        plain, aid, _ = self._settled(paid, activity.charges_side.sum(axis=(1, 2, 3)))
        return np.asarray(plain + self._scale(float(aid.sum())) * aid)

    def _at(self, points: Array, own: Array, charges: Array, activity: Activity) -> _Position:
        """Give where each provider stands on its own row (n, k), the others as in the activity."""
        pool, rest, paid_there = self._money()
        theirs = self.points(activity)
        covered = activity.patient_covered[:, _INPATIENT]
        all_points = points + (theirs.sum() - theirs + rest)[:, None]
        money = (
            own
            + (covered.sum() - covered + pool * (1.0 - self.adjustment_fund) + paid_there)[:, None]
        )
        value = _ratio(money, all_points)
        plain, aid, is_low = self._settled(points * value, charges)
        claimed, per_value = self._aid_of_others(activity, theirs, value)
        claimed = claimed + aid
        there = pool * self.adjustment_fund * (1.0 - self.rest_share)
        is_short = claimed > there
        return _Position(
            value=value,
            share=_ratio(points, all_points),
            per_point=_ratio(np.ones_like(value), all_points),
            plain=plain,
            aid=aid,
            is_low=is_low,
            scale=np.where(is_short, _ratio(np.full_like(claimed, there), claimed), 1.0),
            part=np.where(is_short, _ratio(aid, claimed), 0.0),
            claimed_per_value=per_value,
        )

    def _aid_of_others(
        self, activity: Activity, points: Array, value: Array
    ) -> tuple[Array, Array]:
        """Give the aid that all others claim at a point value (n, k), and its slope in it."""
        charges = activity.charges_side.sum(axis=(1, 2, 3))
        paid = points[None, :, None] * value[:, None, :]
        _, aid, is_low = self._settled(paid, charges[None, :, None])
        slope = self._aid_per_paid(paid, charges[None, :, None], is_low) * points[None, :, None]
        others = (1.0 - np.eye(len(points)))[:, :, None]
        return (aid * others).sum(axis=1), (slope * others).sum(axis=1)

    def _aid_per_paid(self, paid: Array, charges: Array, is_low: NDArray[np.bool_]) -> Array:
        """Give the slope of the aid claimed in the points payment."""
        excess = charges - paid
        is_inside = (excess > 0) & (excess < self.aid_up_to * paid) & ~is_low
        is_beyond = excess >= self.aid_up_to * paid
        return np.asarray(self.aid * (self.aid_up_to * is_beyond - 1.0 * is_inside))

    def _slopes(
        self, points: Array, own: Array, charges: Array, activity: Activity
    ) -> tuple[Array, Array, Array]:
        """Give the slope of own revenue in own points, patients' payments and charges, (n, k)."""
        at = self._at(points, own, charges, activity)
        paid = points * at.value
        own_aid = at.scale * (1.0 - at.part)
        per_paid = self._aid_per_paid(paid, charges, at.is_low)
        in_paid = np.where(at.is_low, 0.0, 1.0) + own_aid * per_paid
        # Others claim more or less aid as the value moves, and share what the fund can pay.
        in_value = -at.scale * at.part * at.claimed_per_value
        excess = charges - paid
        inside = self.aid * ((excess > 0) & (excess < self.aid_up_to * paid))
        return (
            in_paid * at.value * (1.0 - at.share) - in_value * at.value * at.per_point,
            in_paid * at.share + in_value * at.per_point,
            np.where(at.is_low, 1.0, 0.0) + own_aid * inside,
        )

    def _spread(self, activity: Activity, slopes: tuple[Array, Array, Array]) -> Partials:
        """Bring slopes in points, patients' payments and charges, each (n,), to activity."""
        in_points, in_own, in_charges = slopes
        covered = np.zeros_like(activity.patient_covered)
        covered[:, _INPATIENT] = in_own
        per_yuan = np.broadcast_to(in_charges[:, None, None, None], activity.charges_side.shape)
        earned = {
            name: in_points[:, None, None, None] * array
            for name, array in self._point_slopes(activity).items()
        }
        return total([earned, {"patient_covered": covered, "charges_side": per_yuan}])

    def partials(self, activity: Activity) -> Partials:
        """Give each provider's own slope, the fall of the point value included."""
        points = self.points(activity)[:, None]
        own = activity.patient_covered[:, _INPATIENT][:, None]
        charges = activity.charges_side.sum(axis=(1, 2, 3))[:, None]
        a, b, c = self._slopes(points, own, charges, activity)
        return self._spread(activity, (a[:, 0], b[:, 0], c[:, 0]))

    def _own_fan(self, outlook: Outlook) -> tuple[Array, Array, Array]:
        """Give own points, patients' payments and charges over the forecast, (n, K) each."""
        activity, steps = outlook.activity, 1.0 + outlook.steps
        return (
            self.points(activity)[:, None] * steps,
            activity.patient_covered[:, _INPATIENT][:, None] * steps,
            activity.charges_side.sum(axis=(1, 2, 3))[:, None] * steps,
        )

    def fan(self, outlook: Outlook) -> Array:
        """Give revenue over the own forecast, the others where they are expected, (n, K)."""
        seen = outlook.through_the_year_so_far()
        at = self._at(*self._own_fan(seen), seen.activity)
        return np.asarray(at.plain + at.scale * at.aid)

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down through the own forecast, the others where they are expected."""
        seen = outlook.through_the_year_so_far()
        at = [middles(x) for x in self._own_fan(seen)]
        a, b, c = self._slopes(at[0], at[1], at[2], seen.activity)
        w = weights()
        return self._spread(
            seen.activity, ((upstream * a) @ w, (upstream * b) @ w, (upstream * c) @ w)
        )

    # ---- next year, and the first ----

    def renew(self, history: Sequence[Activity]) -> Self:
        """Take the year's mean charges by grade, renew the points, let the pool grow."""
        changed: dict[str, Any] = {}
        found = mean_charges(history[-1], self.kinds)
        changed["mean_charge"] = np.where(found > 0, found, self._mean())
        if self.own_weights == "yes":
            changed["relative_weight"] = _three_years(history, self.relative_weight)
            changed["weights"] = "own"
        if self.growth and not isinstance(self.pool, Neutral):
            changed["pool"] = self.pool * (1.0 + self.growth)
        return dataclasses.replace(self, **changed)

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix mean charges, the rest of the pool, and the pool that earns the group its receipts.

        Where the previous contract counted the base year, cases are spread over cheap, usual and
        dear.
        Where charges were so far below receipts that the floor would pay them instead, no pool
        brings the receipts, and it is the one that would without the floor.
        """
        found = self
        if isinstance(self.mean_charge, Neutral):
            found = dataclasses.replace(found, mean_charge=mean_charges(base, self.kinds))
        seen = sorted_for(base, found._rule())
        points = float(found.points(seen).sum())
        own = float(seen.patient_covered[:, _INPATIENT].sum())
        odds = self.rest_share / (1.0 - self.rest_share)
        if is_neutral(self.rest_points):
            found = dataclasses.replace(found, rest_points=points * odds)
        if is_neutral(self.rest_payments):
            found = dataclasses.replace(found, rest_payments=own * odds)
        if not is_neutral(self.pool):
            return found
        target = float(receipts.sum())
        if target <= 0.0:
            return dataclasses.replace(found, pool=0.0)

        def outlay(one: PointsByDisease, pool: float) -> float:
            return float(dataclasses.replace(one, pool=pool).revenue(seen).sum())

        # Without the floor outlays rise with the pool, so this has an answer; with it they may not.
        bare = dataclasses.replace(found, floor=0.0)
        pool = level(lambda x: outlay(bare, x), target, target * (1.0 + odds))
        pool = level_near(lambda x: outlay(found, x), target, pool)
        return dataclasses.replace(found, pool=pool)


def _ratio(a: Array, b: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(b > 0, a / b, 0.0))


def _three_years(history: Sequence[Activity], old: Array) -> Array:
    """Give group means over the overall mean, three years weighted 1 : 2 : 7, at the old mean.

    Cells without a case in any of the years keep their weight. The level of all weights is
    arbitrary in a pool of its own but not against the rest of the pool, so the mean over the
    year's cases is kept.
    """
    years = [_group_means(year) for year in history]
    means = renewed_mean(years, _YEARS)
    cases = history[-1].cases_side.sum(axis=(0, 3))
    known = means > 0
    new = float((cases * means)[known].sum())
    before = float((cases * old)[known].sum())
    return np.where(known, means * (before / new if new > 0 and before > 0 else 0.0), old)


def _group_means(year: Activity) -> Array:
    cases, charges = year.cases_side.sum(axis=(0, 3)), year.charges_side.sum(axis=(0, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(cases > 0, charges / cases, 0.0)
    overall = float(charges.sum()) / max(float(cases.sum()), 1e-300)
    return np.asarray(means / overall if overall > 0 else means)
