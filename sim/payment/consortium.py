"""Consortium: one budget for several providers, surplus and overrun shared out among them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import MEASURES, Activity, Array
from sim.errors import PaymentError
from sim.payment._neutral import level
from sim.payment._over import (
    EXPERIENCE,
    Over,
    Targets,
    blank_slopes,
    fields_of,
    fixed_targets,
    read_measures,
    read_targets,
    spread_slopes,
    targets_on,
)
from sim.payment._protocol import (
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
    Timetable,
    fan_of,
    gradient_through,
    next_year,
    resolve,
    total,
)
from sim.payment._smoothing import middles, over_score, secants, weights
from sim.payment._terms import Neutral, Term, is_neutral, read_number, spec_of, term

_RATE = Term("CNY/person-year", 0.0, 1e7, "rate per member and year", "人均筹资标准", (), True)
_SHARE = Term("ratio", 0.0, 1e6, "share of a member", "分配份额")
_KINDS = ("practice", "secondary", "tertiary")
_BY = ("receipts", "members")
_MONTHS = {"none": "member_months", "age-sex": "risk_months"}
_DEFAULT_MEASURES = {"chronic_control": 1.0, "follow_up": 1.0}
_DISCOUNT_CEILING = 0.999
_YEAR = 12.0
_FULL, _PASS = 0.9, 0.6


@dataclass(frozen=True, eq=False)
class Consortium(Over):
    """Hold several providers to one budget for their members, and share out surplus and overrun.

    Parameters
    ----------
    of : PaymentModel
        Contract that pays each provider in the interim.
    provider_ids : tuple of str
        Names of the providers.
    rate : float or Neutral
        CNY per member and year that the fund collects for the pool. Neutral: the rate at which the
        group earns on base activity what it would have earned.
    risk : {'age-sex', 'none'}
        Whether members count by their age-sex cell (the engine's risk column) or as heads.
    reserve : float
        Share of the sum held back by the fund.
    premium : float
        CNY per member and year paid on for serious-illness cover.
    share_outside : float or Neutral
        Share of members' spending elsewhere that leaves the pool; the rest is spent at other
        providers of the pool and counted there. Neutral: what base activity leaves when all care
        of providers without members is taken for members'.
    surplus_cap : float
        Most of a surplus that is kept, share of the budget.
    overrun_own : float
        Depth of an overrun borne in full, share of the budget.
    overrun_share : float
        Share borne beyond that depth.
    unreasonable : float
        Part of any overrun found unreasonable, all of it borne.
    measures : mapping of str to float
        Measures of the pool's quality and their weights.
    full_marks : mapping of measure to ndarray (n,), or Neutral
        Value that earns all points of a measure. Neutral: the pool's on base activity.
    distribution : {'receipts', 'members'} or ndarray (n,)
        Who has which part of surplus and overrun: by interim receipts, by members, or fixed parts.
    growth : float
        Yearly growth of the rate.
    weight_on_history : float
        Weight of the year's spending in next year's rate.
    settlement_delay_months : int
        Months after the year's end until surplus and overrun are shared out.

    Notes
    -----
    The payer pays each provider in the interim by the contract inside and settles with the pool
    once a year; surplus and overrun then reach the providers by their parts d_j (6 : 3 : 1 for
    county, township and village in Chinese county consortia)::

        B = rate x months / 12 x (1 - reserve) - premium x member months / 12
        X = sum_j inside_j + share_outside x sum_j spent_elsewhere_j
        X < B:  S =  q min(B - X, surplus_cap B)
        X > B:  S = -[u O + (1 - u) (min(O, own B) + share (O - own B)+)],  O = X - B
        revenue_j = max(inside_j + d_j S, 0)

    with q = 1 from 90 points, points / 100 from 60, else 0. A yuan of own claims therefore brings
    ``1 - d_j q`` below the budget: what a provider saves is shared with the others. A score, too,
    is the pool's. One forecast error moves all members together. Defaults: reserve 5 %, premium
    CNY 85, surplus kept to 10 %, overrun own to 5 % then half (Chinese county rules). Left out:
    internal transfer prices and posts.

    References
    ----------
    Holmstrom B. Moral hazard in teams. Bell J Econ 1982; 13:324-340.
    https://doi.org/10.2307/3003457
    """

    id: ClassVar[str] = "consortium"
    title_en: ClassVar[str] = "Consortium (pooled budget)"
    title_zh: ClassVar[str] = "医共体总额付费(打包)"
    line_en: ClassVar[str] = "One budget for several providers; surplus and overrun are shared out."
    line_zh: ClassVar[str] = "多家机构共用一个总额,结余留用、超支分担,清算后内部分配。"
    structural: ClassVar[tuple[str, ...]] = (
        "measures",
        "full_marks",
        "distribution",
        "settlement_delay_months",
    )

    rate: float | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            unit=_RATE.unit,
            low=_RATE.low,
            high=_RATE.high,
            can_be_neutral=True,
            label_en=_RATE.label_en,
            label_zh=_RATE.label_zh,
        ),
    )
    risk: str = dataclasses.field(
        default="age-sex",
        metadata=term(
            unit="word", choices=tuple(_MONTHS), label_en="how members count", label_zh="人头折算"
        ),
    )
    reserve: float = dataclasses.field(
        default=0.05,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="reserve of the fund", label_zh="风险金比例"
        ),
    )
    premium: float = dataclasses.field(
        default=85.0,
        metadata=term(
            unit="CNY/person-year",
            low=0.0,
            high=1e5,
            label_en="serious-illness premium",
            label_zh="大病保险保费",
        ),
    )
    share_outside: float | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            can_be_neutral=True,
            label_en="share of spending elsewhere that leaves the pool",
            label_zh="外流费用中流出医共体比例",
        ),
    )
    surplus_cap: float = dataclasses.field(
        default=0.1,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="most surplus kept, share of the budget",
            label_zh="结余留用上限",
        ),
    )
    overrun_own: float = dataclasses.field(
        default=0.05,
        metadata=term(
            unit="share",
            low=0.0,
            high=10.0,
            label_en="overrun borne in full, share of the budget",
            label_zh="自担超支幅度",
        ),
    )
    overrun_share: float = dataclasses.field(
        default=0.5,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="share of further overrun borne",
            label_zh="超支分担比例",
        ),
    )
    unreasonable: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="unreasonable part of an overrun",
            label_zh="不合理超支占比",
        ),
    )
    measures: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(_DEFAULT_MEASURES),
        metadata=term(low=0.0, high=100.0, label_en="quality measures", label_zh="考核指标"),
    )
    full_marks: Targets = dataclasses.field(
        default=Neutral(),
        metadata=term(low=0.0, can_be_neutral=True, label_en="full marks", label_zh="满分标准"),
    )
    distribution: Array | str = dataclasses.field(
        default="receipts",
        metadata=term(
            unit="ratio", low=0.0, label_en="internal distribution", label_zh="内部分配办法"
        ),
    )
    growth: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="1/year", low=-0.5, high=1.0, label_en="growth of the rate", label_zh="标准年增长"
        ),
    )
    weight_on_history: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="weight of spending in next year's rate",
            label_zh="次年标准的历史权重",
        ),
    )
    settlement_delay_months: int = dataclasses.field(
        default=6,
        metadata=term(
            unit="month", low=0, high=24, label_en="settlement delay", label_zh="清算滞后月数"
        ),
    )

    @classmethod
    def read_more(
        cls, spec: Mapping[str, Any], context: PaymentContext, where: str
    ) -> dict[str, Any]:
        """Read quality, distribution and the delay."""
        ids = tuple(context.provider_ids)
        measures = read_measures(spec.get("measures", _DEFAULT_MEASURES), f"{where}.measures")
        found: dict[str, Any] = {"measures": measures}
        if "full_marks" in spec:
            found["full_marks"] = read_targets(
                spec["full_marks"], measures, ids, f"{where}.full_marks"
            )
        if "distribution" in spec:
            found["distribution"] = _read_distribution(
                spec["distribution"], context, f"{where}.distribution"
            )
        delay = spec.get("settlement_delay_months")
        if delay is not None:
            of = Term("month", 0, 24, "", "")
            found["settlement_delay_months"] = int(
                read_number(delay, of, f"{where}.settlement_delay_months")
            )
        return found

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()
        ids = self.provider_ids
        found[self.id]["measures"] = dict(self.measures)
        found[self.id]["full_marks"] = spec_of(self.full_marks, ids)
        found[self.id]["distribution"] = spec_of(self.distribution, ids)
        return found

    @property
    def reads(self) -> frozenset[str]:
        """Give what the contract inside reads, members, spending elsewhere and quality."""
        own = {"spent_elsewhere", "member_months", _MONTHS[self.risk]}
        return frozenset(self.of.reads | own | fields_of(self.measures))

    @property
    def is_pooled(self) -> bool:
        """Tell that the providers share one budget."""
        return True

    @property
    def timetable(self) -> Timetable:
        """Give when the pool is settled."""
        return Timetable(1.0, self.settlement_delay_months)

    def interim(self, activity: Activity) -> Array:
        """Give what the contract inside pays before the pool is settled."""
        return self.of.revenue(activity)

    def _number(self, name: str) -> float:
        value = getattr(self, name)
        if isinstance(value, Neutral):
            raise PaymentError(
                "a term of the pool is still neutral",
                where=f"{self.id}.{name}",
                remedy="Resolve it on base activity first.",
            )
        return float(value)

    # ---- budget, score and parts ----

    def _budget(self, activity: Activity) -> tuple[float, Partials]:
        """Give the pool's budget and its slopes in months of any provider."""
        n = activity.n_providers
        months = _MONTHS[self.risk]
        each = self._number("rate") / _YEAR * (1.0 - self.reserve)
        slopes = {"member_months": np.full(n, -self.premium / _YEAR)}
        slopes[months] = slopes.get(months, np.zeros(n)) + each
        sum_ = sum(float((a * getattr(activity, name)).sum()) for name, a in slopes.items())
        return max(sum_, 0.0), slopes if sum_ > 0.0 else {k: 0.0 * a for k, a in slopes.items()}

    def _points(self, activity: Activity, error: float) -> tuple[float, Partials]:
        """Give the share of a surplus kept for quality, and its slopes in each one's scores."""
        marks = fixed_targets(self.full_marks, self.id)
        sum_, whole = 0.0, 0.0
        slopes = blank_slopes(self.measures, activity)
        rows: list[tuple[str, int, Array]] = []
        for name, weight in self.measures.items():
            full = float(np.mean(marks[name]))
            if name == EXPERIENCE:
                rated = activity.experience > 0
                count = int(rated.sum())
                if not count:
                    continue
                value = float(activity.experience[rated].mean())
                partial = [(EXPERIENCE, -1, rated / count)]
            else:
                m = MEASURES.index(name)
                num, den = activity.quality_num[:, m].sum(), activity.quality_den[:, m].sum()
                if den <= 0:
                    continue
                value = float(num / den)
                one = np.full(activity.n_providers, 1.0 / den)
                partial = [("quality_num", m, one), ("quality_den", m, -value * one)]
            ratio = value / full
            sum_ += weight * min(ratio, 1.0)
            whole += weight
            if ratio < 1.0:
                rows += [(field, m_, weight / full * slope) for field, m_, slope in partial]
        if not whole:
            return 1.0, slopes
        kept, slope = over_score(_kept, np.array([sum_ / whole]), error)
        for field, column, row in rows:
            part = float(slope[0]) / whole * row
            if column < 0:
                slopes[field] += part
            else:
                slopes[field][:, column] += part
        return float(kept[0]), slopes

    def _settle(self, spent: Array, budget: float, kept: float) -> Array:
        """Give surplus kept (positive) or overrun borne (negative) for the pool's spending."""
        over = np.maximum(spent - budget, 0.0)
        own = self.overrun_own * budget
        shared = np.minimum(over, own) + self.overrun_share * np.maximum(over - own, 0.0)
        borne = self.unreasonable * over + (1.0 - self.unreasonable) * shared
        left = np.minimum(np.maximum(budget - spent, 0.0), self.surplus_cap * budget)
        return np.asarray(kept * left - borne)

    def _parts(self, inside: Array, activity: Activity) -> tuple[Array, Array, Array]:
        """Give parts d (n, k), and their slopes in own receipts and in own member-months."""
        n = len(inside)
        even, nothing = np.full_like(inside, 1.0 / n), np.zeros_like(inside)
        if isinstance(self.distribution, str):
            by_members = self.distribution == "members"
            what = activity.member_months[:, None] + nothing if by_members else inside
            whole = what.sum(axis=0)
            safe = np.where(whole > 0, whole, 1.0)
            parts = np.where(whole > 0, what / safe, even)
            slope = np.where(whole > 0, (1.0 - parts) / safe, 0.0)
            return (parts, nothing, slope) if by_members else (parts, slope, nothing)
        return self.distribution[:, None] + nothing, nothing, nothing

    # ---- money and slopes ----

    def _spent(self, inside: Array, elsewhere: Array) -> Array:
        return np.asarray(
            inside.sum(axis=0) + self._number("share_outside") * elsewhere.sum(axis=0)
        )

    def _paid(self, inside: Array, elsewhere: Array, activity: Activity, error: float) -> Array:
        budget, _ = self._budget(activity)
        kept, _ = self._points(activity, error)
        settled = self._settle(self._spent(inside, elsewhere), budget, kept)
        return np.maximum(inside + self._parts(inside, activity)[0] * settled, 0.0)

    def revenue(self, activity: Activity) -> Array:
        """Give interim pay and the part of surplus or overrun, CNY per year, shape (n,)."""
        inside = self.of.revenue(activity)[:, None]
        return self._paid(inside, activity.spent_elsewhere[:, None], activity, 0.0)[:, 0]

    def fan(self, outlook: Outlook) -> Array:
        """Give the payment at every node; one forecast error moves the whole pool."""
        seen = outlook.through_the_year_so_far()
        elsewhere = seen.activity.spent_elsewhere[:, None] * (1.0 + seen.steps)
        return self._paid(fan_of(self.of, seen), elsewhere, seen.activity, seen.score_error)

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to own receipts and own scores: own part times the pool's slope."""
        seen = outlook.through_the_year_so_far()
        activity = seen.activity
        budget, in_months = self._budget(activity)
        kept, in_quality = self._points(activity, seen.score_error)
        fan = fan_of(self.of, seen)
        elsewhere = activity.spent_elsewhere[:, None] * (1.0 + seen.steps)
        spent = self._spent(fan, elsewhere)[None, :]

        def settle(x: Array) -> Array:
            return self._settle(x, budget, kept)

        slope = secants(settle, spent)
        amount = middles(settle(spent))
        inside = middles(fan)
        parts, in_own, in_members = self._parts(inside, activity)
        alive = np.where(inside + parts * amount > 0.0, upstream, 0.0)
        # The settlement doubles when spending and budget both double.
        per_budget = (amount - slope * middles(spent)) / budget if budget > 0 else 0.0 * amount
        later = self._tomorrow(seen.discount) * per_budget
        in_spending = parts * (slope + later)
        mine = (alive * parts) @ weights()
        found = [
            gradient_through(self.of, seen, alive * (1.0 + in_spending + in_own * amount)),
            {
                "spent_elsewhere": self._number("share_outside")
                * ((alive * in_spending) @ weights()),
                "member_months": (alive * in_members * amount) @ weights(),
            },
            spread_slopes(in_months, (alive * parts * per_budget) @ weights()),
        ]
        if mine.any():
            gap = np.minimum(np.maximum(budget - spent, 0.0), self.surplus_cap * budget)
            found.append(spread_slopes(in_quality, (alive * parts * middles(gap)) @ weights()))
        return total(found)

    def _tomorrow(self, discount: float) -> float:
        """Give the present value of the budgets that a yuan of spending adds from next year on."""
        w = self.weight_on_history
        b = min(discount * (1.0 + self.growth), _DISCOUNT_CEILING)
        return w * b / (1.0 - b * (1.0 - w)) if discount and w else 0.0

    def renew(self, history: Sequence[Activity]) -> Self:
        """Let the rate grow, and rebase it on what the pool's members cost."""
        last, rate = history[-1], self._number("rate")
        budget, _ = self._budget(last)
        w = self.weight_on_history
        if w and budget > 0 and rate > 0:
            inside = self.of.revenue(last)[:, None]
            spent = float(self._spent(inside, last.spent_elsewhere[:, None])[0])
            # The budget moves by w (X - B), all of it through the rate.
            per_rate = float(getattr(last, _MONTHS[self.risk]).sum()) / _YEAR * (1 - self.reserve)
            rate += w * (spent - budget) / per_rate
        return dataclasses.replace(
            self, of=next_year(self.of, history), rate=max(rate * (1.0 + self.growth), 0.0)
        )

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix the contract inside, what leaves the pool and full marks, then the rate."""
        of = resolve(self.of, base, receipts, previous)
        marks = targets_on(base, self.full_marks, self.measures)
        found = dataclasses.replace(self, of=of, full_marks=marks)
        inside = of.revenue(base)
        elsewhere = float(base.spent_elsewhere.sum())
        if is_neutral(self.share_outside):
            others = float(inside[base.member_months <= 0].sum())
            leaves = max(elsewhere - others, 0.0) / elsewhere if elsewhere > 0 else 0.0
            found = dataclasses.replace(found, share_outside=leaves)
        if not is_neutral(self.rate):
            return found
        months = float(getattr(base, _MONTHS[self.risk]).sum()) / _YEAR * (1.0 - self.reserve)
        if months <= 0:
            raise PaymentError(
                "a pool without members has no budget",
                where=f"{self.id}.rate",
                remedy="Put the providers that keep lists of members into the pool.",
            )
        spent = float(found._spent(inside[:, None], base.spent_elsewhere[:, None])[0])
        premiums = self.premium * float(base.member_months.sum()) / _YEAR
        target = float(receipts.sum())
        start = (spent + target - float(inside.sum()) + premiums) / months
        rate = level(
            lambda r: float(dataclasses.replace(found, rate=r).revenue(base).sum()), target, start
        )
        return dataclasses.replace(found, rate=rate)


def _kept(points: Array) -> Array:
    """Give the share of a surplus kept at so many points of one: all, in proportion, none."""
    some = np.where(points >= _PASS, points, 0.0)
    return np.where(points >= _FULL - 1e-12, 1.0, some)


def _read_distribution(value: object, context: PaymentContext, where: str) -> Array | str:
    """Read a rule, or parts by provider or by kind; parts of a kind are split evenly."""
    ids = tuple(context.provider_ids)
    if isinstance(value, str):
        if value not in _BY:
            raise PaymentError("unknown rule", where=where, value=value, allowed=", ".join(_BY))
        return value
    if not isinstance(value, Mapping) or not value:
        raise PaymentError(
            "a distribution is a rule, or parts",
            where=where,
            value=value,
            allowed=f"{', '.join(_BY)}; parts by provider; parts by kind ({', '.join(_KINDS)})",
        )
    parts = np.zeros(len(ids))
    for name, amount in value.items():
        part = read_number(amount, _SHARE, f"{where}.{name}")
        if name in ids:
            parts[ids.index(name)] = part
        elif name in _KINDS:
            mine = np.asarray(context.kinds) == _KINDS.index(name)
            parts[mine] = part / max(int(mine.sum()), 1)
        else:
            raise PaymentError(
                "neither a provider under this contract nor a kind",
                where=f"{where}.{name}",
                value=name,
                allowed=", ".join((*_KINDS, *ids)),
            )
    if not parts.sum() > 0:
        raise PaymentError("nobody has a part", where=where, value=dict(value))
    return np.asarray(parts / parts.sum())
