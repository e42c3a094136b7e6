"""Made-up contracts that sort stays, and a policy that brings them in after the first year."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.activity import Activity, CaseRule, EpisodeRule
from sim.month import World, build_world
from sim.payment import PaymentContext
from sim.region import Modes, Region
from sim.scenario import load

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class ByItem:
    """Pay each field of activity by prices that are given, the same for everybody.

    Cases and charges by side, days by band, stays by mode, items of quality, units at a share of
    list price, episodes by count and by what was spent in them.
    """

    n: int
    n_groups: int
    unit_price: Array
    bounds: Any = ()
    amounts: tuple[float, ...] = (0.0,)
    slopes: tuple[float, ...] = (0.0,)
    last_days: tuple[int, ...] = ()
    per_day: tuple[float, ...] = (0.0,)
    per_mode: tuple[float, ...] = (0.0,)
    per_item: tuple[float, ...] = (0.0,)
    list_share: float = 0.0
    episode_months: int | None = None
    per_episode: tuple[float, float] = (0.0, 0.0)

    @property
    def prices(self) -> dict[str, Any]:
        return {
            "cases_side": np.array(self.amounts),
            "charges_side": np.array(self.slopes),
            "bed_days": np.array(self.per_day),
            "admissions": np.array(self.per_mode),
            "quality_num": np.array(self.per_item),
            "units": self.list_share * self.unit_price,
            "episodes": np.array(self.per_episode),
        }

    @property
    def reads(self) -> frozenset[str]:
        return frozenset(self.prices)

    def thresholds(self) -> tuple[CaseRule, ...]:
        bounds = np.asarray(self.bounds, dtype=np.float64)
        shape = (self.n, self.n_groups, 3, bounds.shape[-1])
        return (CaseRule(np.broadcast_to(bounds, shape).copy(), self.last_days),)

    def episodes(self) -> tuple[EpisodeRule, ...]:
        if self.episode_months is None:
            return ()
        return (EpisodeRule(0, np.ones(self.n_groups, dtype=np.bool_), self.episode_months),)

    def gradient(self, activity: Activity) -> Activity:
        return activity.filled(
            {
                name: np.broadcast_to(price, activity.shape_of(name)).copy()
                for name, price in self.prices.items()
            }
        )

    def revenue(self, activity: Activity) -> Array:
        found = np.zeros(activity.n_providers)
        for name, price in self.prices.items():
            worth = getattr(activity, name) * price
            found += worth.reshape(len(worth), -1).sum(axis=1)
        return found


def contract(n: int = 2, n_groups: int = 3, **terms: Any) -> ByItem:
    """A contract outside any world."""
    return ByItem(n, n_groups, np.zeros((n, 3, 4)), **terms)


@dataclass(frozen=True)
class _Assignment:
    contract: Mapping[str, Any]
    terms: Mapping[str, Any]

    def build(self, context: PaymentContext) -> ByItem:
        return ByItem(
            context.n_providers, len(context.groups), np.asarray(context.unit_price), **self.terms
        )


@dataclass(frozen=True)
class _Group:
    payer: int
    providers: tuple[int, ...]
    assignment: Any


@dataclass(frozen=True)
class MadeUpPolicy:
    """A policy as another one, all providers of every payer under one made-up contract."""

    like: Any
    terms: Mapping[str, Any]

    @property
    def benefits(self) -> Any:
        return self.like.benefits

    @property
    def audit(self) -> Any:
        return self.like.audit

    @property
    def enrolment(self) -> Any:
        return self.like.enrolment

    @property
    def from_reform(self) -> Any:
        return self.like.from_reform

    def lists(self, region: Region) -> Any:
        return self.like.lists(region)

    def alliances(self, region: Region) -> Any:
        return self.like.alliances(region)

    def groups(self, region: Region) -> Sequence[_Group]:
        everyone = tuple(range(len(region.providers.ids)))
        made_up = _Assignment({"made_up": 1}, self.terms)
        return [_Group(payer, everyone, made_up) for payer in range(len(region.payers))]


def with_modes(region: Region) -> Region:
    """Return the region with three modes of treatment that take the more the heavier they are."""
    n_groups = len(region.groups.ids)
    share = np.tile([0.6, 0.3, 0.1], (n_groups, 1))

    def ratio(*values: float) -> Array:
        row = np.array(values)
        return np.tile(row / (row * share[0]).sum(), (n_groups, 1))

    need = np.repeat(ratio(0.8, 1.1, 1.6)[:, :, None], 4, axis=2)
    need[:, :, 2] = ratio(0.2, 1.5, 4.0)
    modes = Modes(share=share, need=need, days=ratio(0.9, 1.0, 1.5), risk=ratio(0.9, 1.0, 1.6))
    return replace(region, modes=modes)


def made_up_world(
    months: int,
    population: int = 500,
    seed: int = 1,
    name: str = "tiny",
    change: Callable[[Region], Region] = lambda region: region,
    parameters: Mapping[str, float] | None = None,
    freeze: frozenset[str] = frozenset(),
    from_start: bool = False,
    **terms: Any,
) -> World:
    """Build a world that comes under the made-up contract at the end of its first year.

    Or that lives under it from its first month.
    """
    scenario = load(name)
    after: Any = MadeUpPolicy(scenario.after, terms)
    before: Any = MadeUpPolicy(scenario.before, terms) if from_start else scenario.before
    return build_world(
        change(scenario.region()),
        before,
        after,
        months_before=12,
        months=months,
        warm_up=0,
        seed=seed,
        population=population,
        parameters=parameters,
        freeze=freeze,
        claims=True,
    )
