"""Capitation: a payment per member, whatever is done, less a share of what is spent elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import Activity, Array
from sim.payment._neutral import common_rate, level
from sim.payment._protocol import (
    Build,
    Contract,
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
)
from sim.payment._smoothing import middles, secants, weights
from sim.payment._terms import Neutral, Term, is_neutral, read_number, term

_RATE = Term("CNY/person-year", 0.0, 1e6, "rate per member and year", "人头费标准")
_MONTHS = {
    "none": "member_months",
    "age-sex": "risk_months",
    "diagnosis": "diagnosis_months",
}
_YEAR = 12.0


@dataclass(frozen=True, eq=False)
class Capitation(Contract):
    """Pay a fixed sum per member, less a share of what members spend at other providers.

    Parameters
    ----------
    rate : float or Neutral
        CNY per member and year of average risk.
    risk : {'age-sex', 'diagnosis', 'none'}
        Whether members count by predicted risk, of age and sex or of recorded conditions too, or as
        heads.
    share_elsewhere : float
        Share rho of members' spending elsewhere that is deducted: 0 pays for own care only, 1 makes
        the provider bear all of it.
    stop_loss : float
        Most that may be deducted, as a share of the capitation sum.
    growth : float
        Yearly update of the rate.

    Notes
    -----
    The payer pays the provider for each month of membership, monthly in advance; the deduction is
    reckoned over the year::

        sum_    = rate x (risk, diagnosis or member months) / 12
        revenue = sum_ - min(share_elsewhere x spent_elsewhere, stop_loss x sum_)

    One more service brings nothing; one more member brings the rate; a yuan spent elsewhere costs
    ``share_elsewhere``, less the nearer the stop-loss is. Where part is paid on a score (80 %
    monthly and 20 % on quality), `value_based` with ``at_risk: 0.2`` over this contract says so.
    Risk by diagnosis is what the practice's records say of its members, so that a condition put on
    record brings money. Left out: spending elsewhere by kind of care, and retrospective risk
    sharing.

    References
    ----------
    Newhouse JP. Reimbursing health plans and health providers: efficiency in production versus
    selection. J Econ Lit 1996; 34:1236-1263.
    Allard M, Jelovac I, Leger PT. Treatment and referral decisions under different physician
    payment mechanisms. J Health Econ 2011; 30:880-893.
    https://doi.org/10.1016/j.jhealeco.2011.05.016
    """

    id: ClassVar[str] = "capitation"
    title_en: ClassVar[str] = "Capitation"
    title_zh: ClassVar[str] = "按人头付费"
    line_en: ClassVar[str] = "A fixed sum per member, less a share of spending elsewhere."
    line_zh: ClassVar[str] = "按签约人头定额付费，可扣减部分外流费用。"

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
    risk: str = dataclasses.field(
        default="age-sex",
        metadata=term(
            unit="word",
            choices=tuple(_MONTHS),
            label_en="risk adjustment",
            label_zh="风险调整",
        ),
    )
    share_elsewhere: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="share of spending elsewhere deducted",
            label_zh="外流费用扣减比例",
        ),
    )
    stop_loss: float = dataclasses.field(
        default=1.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="largest deduction, share of the sum",
            label_zh="最大扣减比例（止损）",
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
        """Read the terms; the rate is neutral by default."""
        return cls(**cls.read_terms({"rate": "neutral", **spec}, where))

    @property
    def reads(self) -> frozenset[str]:
        """Give the fields paid for or deducted."""
        months = _MONTHS[self.risk]
        return frozenset({months, "spent_elsewhere"} if self.share_elsewhere else {months})

    @property
    def is_straight(self) -> bool:
        """Tell whether nothing is deducted."""
        return self.share_elsewhere == 0.0

    def _sum(self, activity: Activity) -> Array:
        rate = read_number(self.rate, _RATE, f"{self.id}.rate, not yet resolved")
        months: Array = getattr(activity, _MONTHS[self.risk])
        return months * (rate / _YEAR)

    def _deducted(self, claimed: Array, sum_: Array) -> Array:
        return np.minimum(claimed, self.stop_loss * sum_)

    def revenue(self, activity: Activity) -> Array:
        """Give the capitation sum less the deduction, CNY per year, shape (n,)."""
        sum_ = self._sum(activity)
        if self.is_straight:
            return sum_
        return np.asarray(
            sum_ - self._deducted(self.share_elsewhere * activity.spent_elsewhere, sum_)
        )

    def fan(self, outlook: Outlook) -> Array:
        """Give revenue over the forecast of spending elsewhere; members are known."""
        sum_ = self._sum(outlook.activity)[:, None]
        spent = outlook.activity.spent_elsewhere[:, None] * (1.0 + outlook.steps)
        return np.asarray(sum_ - self._deducted(self.share_elsewhere * spent, sum_))

    def _slopes(self, claimed: Array, sum_: Array) -> tuple[Array, Array]:
        """Give the slope of the deduction in the claim and in the sum, by interval."""
        in_claim = secants(lambda x: self._deducted(x, sum_[:, None]), claimed)
        # The deduction doubles when claim and sum both double, which gives the other slope.
        middle = middles(claimed)
        paid = middles(self._deducted(claimed, sum_[:, None]))
        with np.errstate(divide="ignore", invalid="ignore"):
            in_sum = np.where(
                sum_[:, None] > 0, (paid - in_claim * middle) / sum_[:, None], self.stop_loss
            )
        return in_claim, in_sum

    def partials(self, activity: Activity) -> Partials:
        """Give the rate per month, and the share of a yuan spent elsewhere."""
        if self.is_straight:
            at_point = np.zeros((activity.n_providers, 1))
            return self._partials(at_point, at_point, np.ones((activity.n_providers, 1)))
        claimed = self.share_elsewhere * activity.spent_elsewhere
        twice = np.repeat(claimed[:, None], 2, axis=1)
        slopes = self._slopes(twice, self._sum(activity))
        return self._partials(*slopes, np.ones((activity.n_providers, 1)))

    def _partials(self, in_claim: Array, in_sum: Array, upstream: Array) -> Partials:
        rate = read_number(self.rate, _RATE, f"{self.id}.rate, not yet resolved")
        w = weights() if upstream.shape[1] > 1 else np.ones(1)
        found = {_MONTHS[self.risk]: rate / _YEAR * ((upstream * (1.0 - in_sum)) @ w)}
        if self.share_elsewhere:
            found["spent_elsewhere"] = -self.share_elsewhere * ((upstream * in_claim) @ w)
        return found

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down, with the stop-loss seen through the forecast."""
        if self.is_straight:
            nothing = np.zeros_like(upstream)
            return self._partials(nothing, nothing, upstream)
        spent = outlook.activity.spent_elsewhere[:, None] * (1.0 + outlook.steps)
        slopes = self._slopes(self.share_elsewhere * spent, self._sum(outlook.activity))
        return self._partials(*slopes, upstream)

    def renew(self, history: Sequence[Activity]) -> Self:
        """Update the rate by the agreed growth."""
        if not self.growth or isinstance(self.rate, Neutral):
            return self
        return dataclasses.replace(self, rate=self.rate * (1.0 + self.growth))

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Fix a neutral rate for the group, deductions included."""
        if not is_neutral(self.rate):
            return self
        plain = dataclasses.replace(self, rate=1.0, share_elsewhere=0.0).revenue(base)
        claimed = self.share_elsewhere * base.spent_elsewhere
        start = common_rate(np.zeros_like(plain), plain, receipts + claimed, self.id)
        rate = level(
            lambda r: float(dataclasses.replace(self, rate=r).revenue(base).sum()),
            float(receipts.sum()),
            start,
        )
        return dataclasses.replace(self, rate=rate)
