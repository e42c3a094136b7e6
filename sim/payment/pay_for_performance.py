"""Pay for performance: a bonus on income by how measures stand against targets or against peers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from sim.activity import Activity, Array
from sim.payment._over import (
    SCORED,
    Scored,
    Targets,
    add_slopes,
    blank_slopes,
    fields_of,
    fixed_targets,
    read_measures,
    read_targets,
    spread_slopes,
    targets_on,
    targets_term,
    value_of,
)
from sim.payment._protocol import (
    Outlook,
    Partials,
    PaymentContext,
    fan_of,
    gradient_through,
    is_pooled,
    through_others,
    total,
)
from sim.payment._smoothing import middles, over_score, weights
from sim.payment._terms import Neutral, spec_of, term

_FORMS = ("threshold", "linear", "tournament", "withhold")
_DEFAULT_MEASURES = {"chronic_control": 1.0, "follow_up": 1.0}


@dataclass(frozen=True, eq=False)
class PayForPerformance(Scored):
    """Add a bonus for every measure to the revenue of a contract.

    Parameters
    ----------
    of : PaymentModel
        Contract that sets the income the bonus is a share of.
    provider_ids : tuple of str
        Names of the providers.
    form : {'threshold', 'linear', 'tournament', 'withhold'}
        How points follow from a measure, see Notes.
    stake : float
        Bonus at full points, share of income; under ``withhold`` the share withheld.
    measures : mapping of str to float
        Measures and their weights: the quality measures, and experience.
    targets : mapping of measure to ndarray (n,), or Neutral, or 'own'
        Target of each measure. Neutral: the group's value on base activity; own: the provider's.
    spread : float
        Linear and withhold: distance below and above the target at which points begin and end.
    winners : float
        Tournament: share of the providers, best first, that get the points.
    level : float or Neutral
        Common factor on income and bonus. Neutral: no money is added on base activity; 1: the bonus
        is new money.

    Notes
    -----
    The payer pays the provider the revenue inside as that contract says and the bonus once a year.
    With v a measure's value::

        threshold   f = 1 if v >= target, else 0
        linear      f = clip((v - target + spread) / (2 spread), 0, 1)
        tournament  f = 1 for the ceil(winners x n) best, ties included, else 0
        points      p = sum_m weight_m f_m / sum_m weight_m
        revenue     = inside x level x (1 + stake p)

        withhold    revenue_j = level x [(1 - stake) inside_j
                                + stake sum_i inside_i x inside_j p_j / sum_i inside_i p_i]

    Measures without a denominator drop out and the weights are scaled up; who has none has no
    points. In a tournament and under a withhold, what one wins others lose: a point's value is
    ``stake x sum inside x share of it x (1 - own share)``. Defaults: UK primary care had about 25 %
    of income at stake (recalled), US hospital programmes withhold 2 % (recalled); stake .1 is
    assumed. Left out: improvement points, exception reporting.

    References
    ----------
    Roland M. Linking physicians' pay to the quality of care: a major experiment in the United
    Kingdom. N Engl J Med 2004; 351:1448-1454. https://doi.org/10.1056/NEJMhpr041294
    Lazear EP, Rosen S. Rank-order tournaments as optimum labor contracts. J Polit Econ 1981;
    89:841-864. https://doi.org/10.1086/261010
    """

    id: ClassVar[str] = "pay_for_performance"
    title_en: ClassVar[str] = "Pay for performance"
    title_zh: ClassVar[str] = "按绩效付费"
    line_en: ClassVar[str] = "A bonus on income for measures against targets or against peers."
    line_zh: ClassVar[str] = "按指标达标、得分或排名给予收入一定比例的奖励，或预扣后再分配。"
    structural: ClassVar[tuple[str, ...]] = ("measures", "targets")

    form: str = dataclasses.field(
        default="linear",
        metadata=term(unit="word", choices=_FORMS, label_en="form", label_zh="奖励形式"),
    )
    stake: float = dataclasses.field(
        default=0.1,
        metadata=term(
            unit="share",
            low=0.0,
            high=1.0,
            label_en="stake, share of income",
            label_zh="奖励占收入比例",
        ),
    )
    measures: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(_DEFAULT_MEASURES),
        metadata=term(
            form="measures",
            keys=SCORED,
            low=0.0,
            high=100.0,
            label_en="measures and weights",
            label_zh="指标与权重",
        ),
    )
    targets: Targets = dataclasses.field(
        default=Neutral(),
        metadata=targets_term("targets", "目标值"),
    )
    spread: float = dataclasses.field(
        default=0.1,
        metadata=term(
            unit="ratio",
            low=0.001,
            high=10.0,
            label_en="distance from target at which points end",
            label_zh="得分区间半宽",
        ),
    )
    winners: float = dataclasses.field(
        default=0.5,
        metadata=term(
            unit="share", low=0.0, high=1.0, label_en="share of winners", label_zh="获奖机构比例"
        ),
    )

    @classmethod
    def read_more(
        cls, spec: Mapping[str, Any], context: PaymentContext, where: str
    ) -> dict[str, Any]:
        """Read measures and targets."""
        measures = read_measures(spec.get("measures", _DEFAULT_MEASURES), f"{where}.measures")
        found: dict[str, Any] = {"measures": measures}
        if "targets" in spec:
            ids = tuple(context.provider_ids)
            found["targets"] = read_targets(spec["targets"], measures, ids, f"{where}.targets")
        return found

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()
        found[self.id]["measures"] = dict(self.measures)
        found[self.id]["targets"] = spec_of(self.targets, self.provider_ids)
        return found

    @property
    def reads(self) -> frozenset[str]:
        """Give what the contract inside reads, and the measures."""
        return self.of.reads | fields_of(name for name in SCORED if name in self.measures)

    @property
    def is_pooled(self) -> bool:
        """Tell that peers decide what a point is worth in a tournament and under a withhold."""
        return self.form in ("tournament", "withhold") or super().is_pooled

    # ---- points ----

    def _rule(
        self, target: Array, value: Array, counted: NDArray[np.bool_]
    ) -> Callable[[Array], Array]:
        """Give the points of a measure for own scores (n, k), the others' held."""
        if self.form == "threshold":
            return lambda v: np.where(v >= target[:, None], 1.0, 0.0)
        if self.form == "tournament":
            return lambda v: _wins(v, value, counted, self.winners)
        low = (target - self.spread)[:, None]
        return lambda v: np.clip((v - low) / (2.0 * self.spread), 0.0, 1.0)

    def points(self, activity: Activity, error: float) -> tuple[Array, Partials]:
        """Give expected points, 0 to 1, shape (n,), and their slopes in own measures."""
        n = activity.n_providers
        targets = fixed_targets(self.targets, self.id)
        sum_, whole = np.zeros(n), np.zeros(n)
        rows = []
        for name, weight in self.measures.items():
            value, counted, partial = value_of(name, activity)
            rule = self._rule(np.broadcast_to(targets[name], (n,)), value, counted)
            points, slope = over_score(rule, value, error)
            sum_ += np.where(counted, weight * points, 0.0)
            whole += weight * counted
            rows.append((partial, np.where(counted, weight * slope, 0.0)))
        safe = np.where(whole > 0, whole, 1.0)
        slopes = blank_slopes(self.measures, activity)
        for partial, factor in rows:
            add_slopes(slopes, partial, factor / safe)
        return sum_ / safe, slopes

    def coefficient(self, activity: Activity, error: float) -> tuple[Array, Partials]:
        """Give one plus the bonus, and its slopes."""
        points, slopes = self.points(activity, error)
        return 1.0 + self.stake * points, {k: self.stake * a for k, a in slopes.items()}

    def on_base(self, base: Activity) -> Self:
        """Fix the targets."""
        return dataclasses.replace(self, targets=targets_on(base, self.targets, self.measures))

    # ---- the withhold, where income and points of all decide ----

    def _shared(self, inside: Array, points: Array) -> Array:
        """Give what each gets when the sum withheld is shared by points, (n,) or (n, k)."""
        pot = self.stake * inside.sum(axis=0)
        earned = inside * points
        whole = earned.sum(axis=0)
        back = np.where(whole > 0, earned / np.where(whole > 0, whole, 1.0), 0.0) * pot
        # Nobody has a point: everyone has its own part back.
        back = np.where(whole > 0, back, self.stake * inside)
        return np.asarray((1.0 - self.stake) * inside + back)

    def revenue(self, activity: Activity) -> Array:
        """Give income and bonus, CNY per year, shape (n,)."""
        if self.form != "withhold":
            return super().revenue(activity)
        points, _ = self.points(activity, 0.0)
        return self._level() * self._shared(self.of.revenue(activity), points)

    def fan(self, outlook: Outlook) -> Array:
        """Give income and bonus at every node; one forecast error moves all incomes together."""
        if self.form != "withhold":
            return super().fan(outlook)
        points, _ = self.points(outlook.activity, outlook.score_error)
        return self._level() * self._shared(fan_of(self.of, outlook), points[:, None])

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to own income and own scores, own share included."""
        if self.form != "withhold":
            return super().gradient_through(outlook, upstream)
        points, slopes = self.points(outlook.activity, outlook.score_error)
        inside = middles(fan_of(self.of, outlook))
        p = points[:, None]
        income, earned = inside.sum(axis=0), inside * p
        whole = earned.sum(axis=0)
        some = whole > 0
        safe = np.where(some, whole, 1.0)
        own = earned / safe
        # Own income adds to the pot and to own claim on it; own claim thins everyone's.
        in_income = own + np.where(some, income * p / safe * (1.0 - own), 1.0)
        in_points = np.where(some, income * inside / safe * (1.0 - own), 0.0)
        level = self._level()
        kept = level * (1.0 - self.stake + self.stake * in_income)
        below = gradient_through(self.of, outlook, upstream * kept)
        stake = level * self.stake * ((upstream * in_points) @ weights())
        found = [below, spread_slopes(slopes, stake)]
        if is_pooled(self.of):
            # A yuan more of another's income adds to the pot, and by its points to their claim.
            thins = np.where(some, income / safe, 0.0) * p
            mine = level * self.stake * upstream * own * np.where(some, weights(), 0.0)
            worth = mine.sum(axis=1)[:, None] - mine @ thins.T
            found.append(through_others(self.of, outlook.activity, worth))
        return total(found)


def _wins(own: Array, others: Array, counted: NDArray[np.bool_], winners: float) -> Array:
    """Give 1 where fewer counted peers are better than own score than there are prizes."""
    n_counted = int(counted.sum())
    prizes = math.ceil(winners * n_counted - 1e-9)
    if not prizes:
        return np.zeros_like(own)
    better = (others[None, None, :] > own[:, :, None]) & counted[None, None, :]
    mine = np.eye(len(own), dtype=bool)[:, None, :]
    return np.where((better & ~mine).sum(axis=2) < prizes, 1.0, 0.0)
