"""Bundled payment: an episode has a target price, and the difference to what it cost is shared."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sim.activity import Activity, Array, EpisodeRule
from sim.errors import PaymentError
from sim.payment._protocol import (
    Build,
    Contract,
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
    episodes_of,
    fan_of,
    gradient_of,
    gradient_through,
    next_year,
    resolve,
    spec_from,
    tariff_of,
    total,
)
from sim.payment._smoothing import secants, weights
from sim.payment._terms import (
    Neutral,
    Term,
    check_keys,
    is_neutral,
    per_provider,
    spec_of,
    term,
)

_TARGET = Term("CNY", 0.0, 1e9, "target price of an episode", "目标价格", can_be_neutral=True)
_COUNT, _SPENT = range(2)
_BUNDLE = 0  # a contract counts one kind of episode


@dataclass(frozen=True, eq=False)
class BundledPayment(Contract):
    """Settle what an episode of care cost everywhere against a target price.

    Parameters
    ----------
    of : PaymentModel
        Contract that pays the care meanwhile.
    provider_ids : tuple of str
        Names of the providers.
    group_names : tuple of str
        Names of the G clinical groups.
    groups : tuple of str
        Groups whose stay opens an episode.
    months : float
        Months after the month of the stay that belong to the episode.
    target : ndarray, shape (n,), or Neutral
        Spending expected of an episode, CNY. Neutral: the provider's own mean on base activity,
        or the group's where it had no episode; while no year has been counted nothing is settled.
    discount : float
        Share of the target that the payer keeps beforehand.
    gain_share, loss_share : float
        Share of spending below the target price paid out, and above it paid back.
    stop_gain, stop_loss : float
        Most that is paid out or paid back, as a share of all target prices.
    weight_on_history : float
        Weight of the year's own spending per episode in next year's target.
    growth : float
        Yearly growth of the target.

    Notes
    -----
    Everyone who treats the patient is paid by the contract inside, monthly. After the year the
    payer and the anchor, the provider of the stay, settle over the episodes that ended in it::

        price   = target (1 - discount) x episodes
        gap     = price - spending in the episodes, wherever
        revenue = inside + min(gain_share x gap, stop_gain x price)       if gap > 0
                = inside - min(loss_share x (-gap), stop_loss x price)    if gap < 0

    and never below 0. A yuan less of spending in the episode, own or others', brings the share,
    nothing beyond a stop; one more episode brings its share of the price. ``loss_share`` 0 is
    one-sided. Forecast errors move spending and episodes alike, so which side of a stop a provider
    is on hardly changes over its forecast. Left out: quality scores, risk adjustment of targets,
    the effect of today's spending on next year's target.

    References
    ----------
    Finkelstein A, Ji Y, Mahoney N, Skinner J. Mandatory Medicare bundled payment program for lower
    extremity joint replacement and discharge to institutional postacute care. JAMA 2018;
    320:892-900. https://doi.org/10.1001/jama.2018.12346
    """

    id: ClassVar[str] = "bundled_payment"
    title_en: ClassVar[str] = "Bundled payment"
    title_zh: ClassVar[str] = "按疗程打包付费"
    line_en: ClassVar[str] = (
        "An episode has a target price; the difference to its spending is shared."
    )
    line_zh: ClassVar[str] = "为完整疗程设定目标价格，与实际费用的差额由双方分享分担。"
    holds: ClassVar[tuple[str, ...]] = ("of",)

    of: PaymentModel
    provider_ids: tuple[str, ...] = dataclasses.field(repr=False)
    group_names: tuple[str, ...] = dataclasses.field(repr=False)
    groups: tuple[str, ...] = dataclasses.field(
        metadata=term(
            form="groups",
            unit="word",
            label_en="groups that open an episode",
            label_zh="疗程起始病组",
        )
    )
    months: float = dataclasses.field(
        default=3.0,
        metadata=term(
            form="whole",
            unit="months",
            low=0.0,
            high=12.0,
            label_en="months after the stay",
            label_zh="出院后月数",
        ),
    )
    target: Array | Neutral = dataclasses.field(
        default=Neutral(),
        metadata=term(
            form="by_provider",
            unit=_TARGET.unit,
            low=_TARGET.low,
            high=_TARGET.high,
            can_be_neutral=True,
            label_en=_TARGET.label_en,
            label_zh=_TARGET.label_zh,
        ),
    )
    discount: float = dataclasses.field(
        default=0.03,
        metadata=term(
            unit="share",
            low=0.0,
            high=0.5,
            label_en="discount on the target",
            label_zh="目标价折扣",
        ),
    )
    gain_share: float = dataclasses.field(
        default=1.0,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="share of savings", label_zh="结余分享比例"
        ),
    )
    loss_share: float = dataclasses.field(
        default=1.0,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="share of losses", label_zh="超支分担比例"
        ),
    )
    stop_gain: float = dataclasses.field(
        default=0.2,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="largest gain, share of the price",
            label_zh="结余上限（止盈）",
        ),
    )
    stop_loss: float = dataclasses.field(
        default=0.2,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="largest loss, share of the price",
            label_zh="超支上限（止损）",
        ),
    )
    weight_on_history: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="weight of own spending in next year's target",
            label_zh="次年目标价的历史权重",
        ),
    )
    growth: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="1/year",
            low=-0.5,
            high=1.0,
            label_en="growth of the target",
            label_zh="目标价年增长",
        ),
    )

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read groups, window and target, and build the contract inside."""
        terms = cls.read_terms({k: v for k, v in spec.items() if k != "of"}, where, _STRUCTURAL)
        if "of" not in spec:
            raise PaymentError(
                "an episode needs a contract that pays the care meanwhile",
                where=f"{where}.of",
                remedy="Add `of:` with a payment model.",
            )
        named = spec.get("groups", ())
        opening = (named,) if isinstance(named, str) else tuple(str(g) for g in named)
        check_keys(dict.fromkeys(opening), context.groups, f"{where}.groups")
        if not opening:
            raise PaymentError(
                "no group opens an episode",
                where=f"{where}.groups",
                allowed=", ".join(context.groups),
            )
        ids = tuple(context.provider_ids)
        return cls(
            build(spec["of"], context, f"{where}.of"),
            ids,
            tuple(context.groups),
            opening,
            target=per_provider(spec.get("target", "neutral"), _TARGET, ids, f"{where}.target"),
            **terms,
        )

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found: dict[str, Any] = super().to_spec()[self.id]
        found["groups"] = list(self.groups)
        found["target"] = spec_of(self.target, self.provider_ids)
        found["of"] = spec_from(self.of)
        return {self.id: found}

    @property
    def reads(self) -> frozenset[str]:
        """Give what the contract inside reads, and the episodes."""
        return self.of.reads | {"episodes"}

    @property
    def children(self) -> tuple[PaymentModel, ...]:
        """Give the contract inside."""
        return (self.of,)

    @property
    def tariff(self) -> PaymentModel:
        """Give what prices the items."""
        return tariff_of(self.of)

    def episodes(self) -> tuple[EpisodeRule, ...]:
        """Give what opens an episode and how long it lasts, and the rules inside."""
        opening = np.array([g in self.groups for g in self.group_names])
        rule = EpisodeRule(_BUNDLE, opening, int(self.months))
        return (rule, *episodes_of(self.of))

    # ---- the settlement ----

    @property
    def _is_counting(self) -> bool:
        """Tell whether no target is known yet: episodes are counted and nothing is settled."""
        return isinstance(self.target, Neutral)

    def _price(self) -> Array:
        """Give the price of an episode, CNY, shape (n,)."""
        return np.asarray(self.target) * (1.0 - self.discount)

    def _episodes(self, activity: Activity) -> Array:
        """Give count and spending of this bundle's episodes, shape (n, 2)."""
        return np.asarray(activity.episodes[:, _BUNDLE])

    def _settlement(self, price: Array, spent: Array) -> Array:
        """Give what is paid out, or back if negative, for all prices and all spending."""
        gap = price - spent
        out = np.minimum(self.gain_share * np.maximum(gap, 0.0), self.stop_gain * price)
        back = np.minimum(self.loss_share * np.maximum(-gap, 0.0), self.stop_loss * price)
        return np.asarray(out - back)

    def _slopes(self, price: Array, spent: Array) -> tuple[Array, Array]:
        """Give the slope of the settlement in price and in spending."""
        gap = price - spent
        gain, loss = self.gain_share * gap, -self.loss_share * gap
        in_gap = np.where(
            gap > 0,
            self.gain_share * (gain < self.stop_gain * price),
            self.loss_share * (loss < self.stop_loss * price),
        )
        stopped = np.where(gain > self.stop_gain * price, self.stop_gain, 0.0) - np.where(
            loss > self.stop_loss * price, self.stop_loss, 0.0
        )
        return in_gap + np.where(in_gap == 0.0, stopped, 0.0), -in_gap

    def revenue(self, activity: Activity) -> Array:
        """Give the revenue inside and the settlement, CNY per year, shape (n,)."""
        return np.maximum(self.of.revenue(activity) + self._settled(activity), 0.0)

    def _settled(self, activity: Activity) -> Array:
        count, spent = self._episodes(activity).T
        if self._is_counting:
            return np.zeros_like(count)
        return self._settlement(count * self._price(), spent)

    def _from_episodes(self, activity: Activity, upstream: Array) -> Partials:
        """Give the settlement's slope in episodes, times what a yuan of it brings, shape (n,)."""
        count, spent = self._episodes(activity).T
        if self._is_counting:
            return {"episodes": np.zeros_like(activity.episodes)}
        price = self._price()
        in_price, in_spent = self._slopes(count * price, spent)
        found = np.zeros_like(activity.episodes)
        found[:, _BUNDLE, _COUNT] = upstream * in_price * price
        found[:, _BUNDLE, _SPENT] = upstream * in_spent
        return {"episodes": found}

    def partials(self, activity: Activity) -> Partials:
        """Give the slopes inside and of the settlement; nothing where all was paid back."""
        whole = self.of.revenue(activity) + self._settled(activity)
        kept = (whole > 0).astype(np.float64)
        inside = gradient_of(self.of, activity)
        parts = {
            name: getattr(inside, name) * kept.reshape(-1, *(1,) * (getattr(inside, name).ndim - 1))
            for name in self.of.reads
        }
        return total([parts, self._from_episodes(activity, kept)])

    def _whole_fan(self, outlook: Outlook) -> Array:
        settled = self._settled(outlook.activity)
        return fan_of(self.of, outlook) + settled[:, None] * (1.0 + outlook.steps)

    def fan(self, outlook: Outlook) -> Array:
        """Give the revenue at every node of the forecast; all prices and spending move alike."""
        return np.maximum(self._whole_fan(outlook), 0.0)

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to the contract inside and to the episodes."""
        kept = upstream * secants(lambda x: np.maximum(x, 0.0), self._whole_fan(outlook))
        return total(
            [
                gradient_through(self.of, outlook, kept),
                self._from_episodes(outlook.activity, kept @ weights()),
            ]
        )

    # ---- next year, and the first ----

    def renew(self, history: Sequence[Activity]) -> BundledPayment:
        """Rebase the target on own spending per episode and let it grow."""
        inside = next_year(self.of, history)
        if isinstance(self.target, Neutral):
            return dataclasses.replace(self, of=inside)
        count, spent = self._episodes(history[-1]).T
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(count > 0, spent / count, self.target)
        w = self.weight_on_history
        target = ((1.0 - w) * self.target + w * own) * (1.0 + self.growth)
        return dataclasses.replace(self, of=inside, target=target)

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix the contract inside, then the target: own spending per episode on base activity.

        The discount is meant, so the group earns its receipts less the discount it must save. Where
        base activity counted no episodes the target waits until a year of them has been counted.
        """
        found = dataclasses.replace(self, of=resolve(self.of, base, receipts, previous))
        is_counted = base.episodes[:, _BUNDLE, _COUNT].any()
        if not is_neutral(self.target) or not is_counted:
            return found
        count, spent = self._episodes(base).T
        everyone = float(spent.sum()) / max(float(count.sum()), 1e-300)
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(count > 0, spent / count, everyone)
        return dataclasses.replace(found, target=own)


_STRUCTURAL = ("groups", "target")
