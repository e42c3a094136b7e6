"""Satisfaction: what patients say sets part of this year's pay and next year's coefficient."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import Activity, Array
from sim.payment._over import EXPERIENCE, Scored, spread_slopes
from sim.payment._protocol import (
    Outlook,
    Partials,
    PaymentContext,
    fan_of,
    next_year,
    total,
)
from sim.payment._smoothing import middles, over_score, weights
from sim.payment._terms import Term, per_provider, spec_of, term

_STANDING = Term("ratio", 0.0, 10.0, "coefficient in force", "现行系数")


@dataclass(frozen=True, eq=False)
class Satisfaction(Scored):
    """Let patients' satisfaction set part of this year's pay and next year's coefficient.

    Parameters
    ----------
    of : PaymentModel
        Contract that prices the care.
    provider_ids : tuple of str
        Names of the providers.
    threshold : float
        Satisfaction below which next year's coefficient is cut, 0-1.
    cut : float
        The cut of next year's coefficient.
    at_risk : float
        Share of this year's revenue that rides on the assessment; 0: only next year counts.
    weight : float
        Weight of satisfaction in the assessment.
    full_mark : float
        Satisfaction that earns the whole weight.
    coefficient_now : ndarray, shape (n,)
        Coefficient in force, from last year's satisfaction.
    level : float or Neutral
        Common factor. Neutral: no money is added on base activity.

    Notes
    -----
    The payer pays the provider the revenue inside times the coefficient in force, and releases the
    part at risk at the year's settlement. With e the mean satisfaction of the year::

        revenue           = inside x level x coefficient_now
                            x [1 - at_risk weight (1 - min(e / full_mark, 1))]
        coefficient_now'  = 1 - cut if e < threshold, else 1

    A hundredth more satisfaction is worth this year ``inside x at_risk x weight / 100 / full_mark``
    and, near the threshold, the chance of missing it times next year's cut. A provider nobody rated
    keeps coefficient 1. The defaults (80 %, 5 %, weight 20 %) are those of Chinese city rules.
    Left out: who is asked, and small numbers of answers.

    References
    ----------
    Anhang Price R et al. Examining the role of patient experience surveys in measuring health care
    quality. Med Care Res Rev 2014; 71:522-554. https://doi.org/10.1177/1077558714541480
    """

    id: ClassVar[str] = "satisfaction"
    title_en: ClassVar[str] = "Satisfaction-linked payment"
    title_zh: ClassVar[str] = "满意度挂钩支付"
    line_en: ClassVar[str] = "Low satisfaction cuts next year's coefficient, and part of this year."
    line_zh: ClassVar[str] = "满意度低于标准则下调次年支付系数，当年部分费用与满意度得分挂钩。"
    structural: ClassVar[tuple[str, ...]] = ("coefficient_now",)

    threshold: float = dataclasses.field(
        default=0.8,
        metadata=term(
            unit="score",
            low=0.0,
            high=1.0,
            label_en="satisfaction required",
            label_zh="满意度标准",
        ),
    )
    cut: float = dataclasses.field(
        default=0.05,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="cut of next year's coefficient",
            label_zh="次年系数下调幅度",
        ),
    )
    at_risk: float = dataclasses.field(
        default=0.0,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="share of revenue on the assessment",
            label_zh="与考核挂钩的收入比例",
        ),
    )
    weight: float = dataclasses.field(
        default=0.2,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="weight of satisfaction in the assessment",
            label_zh="满意度占考核权重",
        ),
    )
    full_mark: float = dataclasses.field(
        default=0.9,
        metadata=term(
            unit="score",
            low=0.01,
            high=1.0,
            label_en="satisfaction that earns the full mark",
            label_zh="满意度满分标准",
        ),
    )
    coefficient_now: Array | None = dataclasses.field(
        default=None,
        metadata=term(
            form="by_provider",
            unit=_STANDING.unit,
            low=_STANDING.low,
            high=_STANDING.high,
            label_en=_STANDING.label_en,
            label_zh=_STANDING.label_zh,
        ),
    )

    @classmethod
    def read_more(
        cls, spec: Mapping[str, Any], context: PaymentContext, where: str
    ) -> dict[str, Any]:
        """Read the coefficient in force; 1 when nothing is said."""
        value = spec.get("coefficient_now")
        if value is None:
            return {}
        ids = tuple(context.provider_ids)
        return {"coefficient_now": per_provider(value, _STANDING, ids, f"{where}.coefficient_now")}

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()
        if self.coefficient_now is not None:
            found[self.id]["coefficient_now"] = spec_of(self.coefficient_now, self.provider_ids)
        return found

    @property
    def reads(self) -> frozenset[str]:
        """Give what the contract inside reads, and satisfaction where it counts this year."""
        return self.of.reads | ({EXPERIENCE} if self.at_risk * self.weight else set())

    def _in_force(self, n: int) -> Array:
        return np.ones(n) if self.coefficient_now is None else self.coefficient_now

    def coefficient(self, activity: Activity, error: float) -> tuple[Array, Partials]:
        """Give the coefficient in force with this year's part at risk."""
        now = self._in_force(activity.n_providers)
        stake = self.at_risk * self.weight
        if not stake:
            return now, {}
        counted = activity.experience > 0
        mark, slope = over_score(
            lambda e: np.minimum(e / self.full_mark, 1.0), activity.experience, error
        )
        factor = now * np.where(counted, 1.0 - stake * (1.0 - mark), 1.0)
        return factor, {EXPERIENCE: now * np.where(counted, stake * slope, 0.0)}

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down, with what satisfaction does to next year's coefficient."""
        found = super().gradient_through(outlook, upstream)
        if not (outlook.discount and self.cut):
            return found
        experience = outlook.activity.experience
        _, slope = over_score(
            lambda e: np.where(e < self.threshold, 1.0 - self.cut, 1.0),
            experience,
            outlook.score_error,
        )
        inside = (upstream * middles(fan_of(self.of, outlook))) @ weights()
        stake = outlook.discount * self._level() * inside
        later = {EXPERIENCE: np.where(experience > 0, slope, 0.0)}
        return total([found, spread_slopes(later, stake)])

    def renew(self, history: Sequence[Activity]) -> Self:
        """Cut the coefficient of those whose patients were not satisfied, restore the others'."""
        experience = history[-1].experience
        missed = (experience > 0) & (experience < self.threshold)
        return dataclasses.replace(
            self,
            of=next_year(self.of, history),
            coefficient_now=np.where(missed, 1.0 - self.cut, 1.0),
        )
