"""Consortium: one budget for several providers, surplus and overrun shared out among them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import MEASURES, Activity, Array
from sim.errors import PaymentError
from sim.payment._neutral import NothingToPayError, level
from sim.payment._over import (
    EXPERIENCE,
    SCORED,
    SETTLEMENT_DELAY,
    SURPLUS_CAP,
    Over,
    Targets,
    blank_slopes,
    fields_of,
    fixed_targets,
    read_measures,
    read_settlement,
    spread_slopes,
    targets_on,
    targets_term,
)
from sim.payment._protocol import (
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
    Timetable,
    fan_of,
    gradient_through,
    is_pooled,
    next_year,
    resolve,
    through_others,
    total,
)
from sim.payment._rules import as_counted
from sim.payment._smoothing import middles, over_score, secants, weights
from sim.payment._terms import Neutral, Term, by_group, is_neutral, read_number, spec_of, term

_RATE = Term("CNY/person-year", 0.0, 1e7, "rate per member and year", "人均筹资标准", (), True)
_SHARE = Term("ratio", 0.0, 1e6, "share of a member", "分配份额")
_KINDS = ("practice", "secondary", "tertiary")
_BY = ("receipts", "members")
_OUTSIDE = ("share", "counted")
# Tiers of a county by the kinds that they are: a practice is a township center or a network of one
# with its village clinics, so it has the part of both.
_TIERS = {"county": (1, 2), "township": (0,), "village": (0,)}
_PRICE = Term("CNY/stay", 0.0, 1e6, "price of a stay", "住院价格")
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
    outside : {'share', 'counted'}
        How care that leaves the pool is charged to it: as that share of spending elsewhere, or as
        counted, what members spent outside the region. The second is the rule of a pool of all
        providers of a county: it is charged what its members cost, wherever they went.
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
        Parts may be written by provider, by kind, or by tier (county, township, village); those of
        a kind or tier are split evenly. A practice that is a network, a township center with its
        village clinics, has the townships' and the villages' part: what it gives its clinics of
        that lies inside it.
    transfer_prices : float or ndarray (G,)
        CNY that a hospital of the pool pays the practices per stay, by group; they share it by
        their members. It makes stays that could be had below dear for whoever takes them.
    down_referral_price : float
        CNY that the practices pay a hospital of the pool, by their members, per patient sent back
        down.
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
        X = sum_j inside_j + share_outside x sum_j spent_elsewhere_j    (or + spent_outside_j)
        X < B:  S =  q min(B - X, surplus_cap B)
        X > B:  S = -[u O + (1 - u) (min(O, own B) + share (O - own B)+)],  O = X - B
        T_j = m_j T - t_j,  m_j = share of members, t_j = hospitals' transfers less what they get
        revenue_j = max(inside_j + d_j S + T_j, 0),  sum_j T_j = 0

    with q = 1 from 90 points, points / 100 from 60, else 0. A yuan of own claims therefore brings
    ``1 - d_j q`` below the budget: what a provider saves is shared with the others. A score, too,
    is the pool's. One forecast error moves all members together. Defaults: reserve 5 %, premium
    CNY 85, surplus kept to 10 %, overrun own to 5 % then half (Chinese county rules). Whoever leads
    the members and sees what all of them receive (``Outlook.jointly``) sees the pool's whole slope:
    ``1 - q`` below the budget, whatever the parts; transfers cancel.

    References
    ----------
    Holmstrom B. Moral hazard in teams. Bell J Econ 1982; 13:324-340.
    https://doi.org/10.2307/3003457
    """

    id: ClassVar[str] = "consortium"
    title_en: ClassVar[str] = "Consortium (pooled budget)"
    title_zh: ClassVar[str] = "医共体总额付费（打包）"
    line_en: ClassVar[str] = "One budget for several providers; surplus and overrun are shared out."
    line_zh: ClassVar[str] = "多家机构共用一个总额，结余留用、超支分担，清算后内部分配。"
    structural: ClassVar[tuple[str, ...]] = (
        "measures",
        "full_marks",
        "distribution",
        "transfer_prices",
        "settlement_delay_months",
    )

    groups: tuple[str, ...] = ()
    is_practice: Array = dataclasses.field(default_factory=lambda: np.zeros(0))

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
    outside: str = dataclasses.field(
        default="share",
        metadata=term(
            unit="word",
            choices=_OUTSIDE,
            label_en="how care outside counts",
            label_zh="外流费用计法",
        ),
    )
    surplus_cap: float = dataclasses.field(
        default=0.1,
        metadata=SURPLUS_CAP,
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
        metadata=term(
            form="measures",
            keys=SCORED,
            low=0.0,
            high=100.0,
            label_en="quality measures",
            label_zh="考核指标",
        ),
    )
    full_marks: Targets = dataclasses.field(
        default=Neutral(),
        metadata=targets_term(),
    )
    distribution: Array | str = dataclasses.field(
        default="receipts",
        metadata=term(
            form="by_key",
            choices=_BY,
            keys=(*_KINDS, *_TIERS),
            unit="ratio",
            low=_SHARE.low,
            high=_SHARE.high,
            label_en="internal distribution",
            label_zh="内部分配办法",
        ),
    )
    transfer_prices: Array | float = dataclasses.field(
        default=0.0,
        metadata=term(
            form="by_group",
            unit="CNY/stay",
            low=0.0,
            high=1e6,
            label_en="internal transfer price of a hospital stay",
            label_zh="医院住院内部转移价格",
        ),
    )
    down_referral_price: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="CNY/referral",
            low=0.0,
            high=1e5,
            label_en="internal price of a referral down",
            label_zh="下转内部价格",
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
        metadata=SETTLEMENT_DELAY,
    )

    @classmethod
    def read_more(
        cls, spec: Mapping[str, Any], context: PaymentContext, where: str
    ) -> dict[str, Any]:
        """Read quality, distribution and the delay."""
        ids = tuple(context.provider_ids)
        measures = read_measures(spec.get("measures", _DEFAULT_MEASURES), f"{where}.measures")
        found: dict[str, Any] = {"measures": measures}
        found |= read_settlement(spec, measures, ids, where)
        if "distribution" in spec:
            found["distribution"] = _read_distribution(
                spec["distribution"], context, f"{where}.distribution"
            )
        found["groups"] = tuple(context.groups)
        found["is_practice"] = np.asarray(context.kinds, dtype=np.int64) == 0
        if "transfer_prices" in spec:
            prices, at = spec["transfer_prices"], f"{where}.transfer_prices"
            named = isinstance(prices, Mapping) and not set(prices) <= {"value", "unit"}
            read = by_group(prices, _PRICE, context.groups, at)
            found["transfer_prices"] = read if named else float(read[0])
        return found

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        by_group = isinstance(self.transfer_prices, np.ndarray)
        plain = dataclasses.replace(self, transfer_prices=0.0) if by_group else self
        found = super(Consortium, plain).to_spec()
        ids = self.provider_ids
        found[self.id]["measures"] = dict(self.measures)
        found[self.id]["full_marks"] = spec_of(self.full_marks, ids)
        found[self.id]["distribution"] = spec_of(self.distribution, ids)
        if isinstance(self.transfer_prices, np.ndarray):
            prices = zip(self.groups, self.transfer_prices.tolist(), strict=True)
            found[self.id]["transfer_prices"] = dict(prices)
        return found

    @property
    def reads(self) -> frozenset[str]:
        """Give what the contract inside reads, members, spending elsewhere and quality."""
        own = {self._left, "member_months", _MONTHS[self.risk]}
        if np.any(self.transfer_prices):
            own.add("admissions")
        if self.down_referral_price:
            own.add("referrals")
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

    # ---- internal prices ----

    @property
    def _has_transfers(self) -> bool:
        return bool(np.any(self.transfer_prices)) or self.down_referral_price > 0.0

    def _owed(self, activity: Activity) -> Array:
        """Give what each hospital owes the practices, less what they owe it, CNY per year (n,)."""
        prices = np.broadcast_to(self.transfer_prices, (len(self.groups),))
        stays = np.einsum("nglm,g->n", activity.admissions, prices)
        owed = stays - self.down_referral_price * activity.referrals[:, 1]
        return np.where(self.is_practice, 0.0, owed)

    @staticmethod
    def _lists(activity: Activity) -> tuple[Array, float]:
        """Give each provider's share of all members, and one over how many there are."""
        whole = float(activity.member_months.sum())
        if whole <= 0.0:
            return np.zeros(activity.n_providers), 0.0
        return activity.member_months / whole, 1.0 / whole

    def _transfers(self, activity: Activity) -> Array:
        """Give what internal prices bring each member, CNY per year (n,); they add up to 0."""
        if not self._has_transfers:
            return np.zeros(activity.n_providers)
        owed, (share, _) = self._owed(activity), self._lists(activity)
        return np.asarray(share * owed.sum() - owed if share.any() else 0.0 * owed)

    def _transfer_slopes(self, activity: Activity, mine: Array) -> Partials:
        """Give what one more stay, referral or member brings each by internal prices."""
        share, per_member = self._lists(activity)
        if not self._has_transfers or not share.any():
            return {}
        prices = np.broadcast_to(self.transfer_prices, (len(self.groups),))
        pays = np.where(self.is_practice, 0.0, (1.0 - share) * mine)
        owed = float(self._owed(activity).sum())
        found = {"member_months": mine * owed * (1.0 - share) * per_member}
        if prices.any():
            stays = np.broadcast_to(prices[None, :, None, None], activity.admissions.shape)
            found["admissions"] = -pays[:, None, None, None] * stays
        if self.down_referral_price:
            down = np.zeros_like(activity.referrals)
            down[:, 1] = pays * self.down_referral_price
            found["referrals"] = down
        return found

    # ---- money and slopes ----

    @property
    def _left(self) -> str:
        """Give the field that holds what members spend beyond the pool."""
        return "spent_elsewhere" if self.outside == "share" else "spent_outside"

    def _share_left(self) -> float:
        return self._number("share_outside") if self.outside == "share" else 1.0

    def _spent(self, inside: Array, left: Array) -> Array:
        return np.asarray(inside.sum(axis=0) + self._share_left() * left.sum(axis=0))

    def _paid(self, inside: Array, activity: Activity, steps: Array, error: float) -> Array:
        budget, _ = self._budget(activity)
        kept, _ = self._points(activity, error)
        left = getattr(activity, self._left)[:, None] * (1.0 + steps)
        settled = self._settle(self._spent(inside, left), budget, kept)
        own = inside + self._parts(inside, activity)[0] * settled
        if self._has_transfers:
            own = own + self._transfers(activity)[:, None] * (1.0 + steps)
        return np.maximum(own, 0.0)

    def revenue(self, activity: Activity) -> Array:
        """Give interim pay and the part of surplus or overrun, CNY per year, shape (n,)."""
        inside = self.of.revenue(activity)[:, None]
        return self._paid(inside, activity, np.zeros_like(inside), 0.0)[:, 0]

    def fan(self, outlook: Outlook) -> Array:
        """Give the payment at every node; one forecast error moves the whole pool."""
        seen = outlook.through_the_year_so_far()
        return self._paid(fan_of(self.of, seen), seen.activity, seen.steps, seen.score_error)

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to own receipts and own scores: own part times the pool's slope."""
        seen = outlook.through_the_year_so_far()
        activity = seen.activity
        budget, in_months = self._budget(activity)
        kept, in_quality = self._points(activity, seen.score_error)
        fan = fan_of(self.of, seen)
        left = getattr(activity, self._left)[:, None] * (1.0 + seen.steps)
        spent = self._spent(fan, left)[None, :]

        def settle(x: Array) -> Array:
            return self._settle(x, budget, kept)

        slope = secants(settle, spent)
        amount = middles(settle(spent))
        inside = middles(fan)
        parts, in_own, in_members = self._parts(inside, activity)
        received = inside + parts * amount
        if self._has_transfers:
            received = received + middles(self._transfers(activity)[:, None] * (1.0 + seen.steps))
        alive = np.where(received > 0.0, upstream, 0.0)
        # Whoever leads the members sees all their parts in everyone's slope. What one gains of
        # another's part, or by an internal price, is nothing to them together.
        stake = alive * parts
        if outlook.jointly:
            stake = np.broadcast_to(stake.sum(axis=0), stake.shape)
            in_own, in_members = 0.0 * in_own, 0.0 * in_members
        # The settlement doubles when spending and budget both double.
        per_budget = (amount - slope * middles(spent)) / budget if budget > 0 else 0.0 * amount
        later = self._tomorrow(seen.discount) * per_budget
        in_spending = stake * (slope + later)
        found = [
            gradient_through(self.of, seen, alive * (1.0 + in_own * amount) + in_spending),
            {
                self._left: self._share_left() * (in_spending @ weights()),
                "member_months": (alive * in_members * amount) @ weights(),
            },
            spread_slopes(in_months, (stake * per_budget) @ weights()),
        ]
        if not outlook.jointly:
            found.append(self._transfer_slopes(activity, alive @ weights()))
            if is_pooled(self.of):
                in_others = in_spending
                if isinstance(self.distribution, str) and self.distribution == "receipts":
                    whole = inside.sum(axis=0)
                    in_others = in_others - stake * amount / np.where(whole > 0, whole, 1.0)
                each = (in_others @ weights())[:, None]
                found.append(through_others(self.of, activity, np.repeat(each, len(each), axis=1)))
        if stake.any():
            gap = np.minimum(np.maximum(budget - spent, 0.0), self.surplus_cap * budget)
            found.append(spread_slopes(in_quality, (stake * middles(gap)) @ weights()))
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
            spent = float(self._spent(inside, getattr(last, self._left)[:, None])[0])
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
        base = as_counted(of, base)
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
            raise NothingToPayError(
                "a pool without members has no budget",
                where=f"{self.id}.rate",
                remedy="Put the providers that keep lists of members into the pool.",
            )
        spent = float(found._spent(inside[:, None], getattr(base, self._left)[:, None])[0])
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
            allowed=f"{', '.join(_BY)}; parts by provider; parts by kind "
            f"({', '.join(_KINDS)}) or tier ({', '.join(_TIERS)})",
        )
    parts = np.zeros(len(ids))
    for name, amount in value.items():
        part = read_number(amount, _SHARE, f"{where}.{name}")
        if name in ids:
            parts[ids.index(name)] += part
        elif name in _KINDS or name in _TIERS:
            kinds = _TIERS[name] if name in _TIERS else (_KINDS.index(name),)
            mine = np.isin(np.asarray(context.kinds), kinds)
            parts[mine] += part / max(int(mine.sum()), 1)
        else:
            raise PaymentError(
                "neither a provider under this contract nor a kind",
                where=f"{where}.{name}",
                value=name,
                allowed=", ".join((*_KINDS, *_TIERS, *ids)),
            )
    if not parts.sum() > 0:
        raise PaymentError("nobody has a part", where=where, value=dict(value))
    return np.asarray(parts / parts.sum())
