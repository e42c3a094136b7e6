"""Lives: runs that share the months before the reform.

Knows worlds and how to fork them; must not know claims.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from experiments.emergence.arms import ARMS, COUNTY, GROUNDS
from sim.month import World, build_world, finished_history, run_month
from sim.scenario import Scenario, load
from sim.tallies import History
from sim.tallies import PersonTally as P
from sim.tallies import ProviderTally as V

__all__ = [
    "Float",
    "Life",
    "Snapshot",
    "continued",
    "lives",
    "scenario_of",
    "snapshot",
    "world_at_reform",
]

Float = npt.NDArray[np.float64]


class Snapshot(NamedTuple):
    """People at the end of a year.

    generation : (n,) whose life is in each slot, the same number in two worlds for the same person.
    avoidable : (n,) avoidable needs of a bed per month that the person's state leads one to expect,
    while no acute episode is open: hazards of the month averaged over the calendar.
    """

    generation: npt.NDArray[np.uint16]
    avoidable: Float


def snapshot(world: World) -> Snapshot:
    """Read off who lives and what avoidable need is to be expected of each."""
    c = world.columns
    groups = world.region.groups
    which = np.flatnonzero(groups.is_avoidable > 0.0)
    tables = list(world.need_seen.values())
    rate = np.mean([table.rate[..., which] for table in tables], axis=0)
    age = np.minimum(c.age_months // 12, rate.shape[0] - 1)
    hazard = rate[age, c.sex]
    hazard = hazard * tables[0].ratio[c.chronic][:, which]
    hazard *= tables[0].control_ratio[c.control & c.chronic][:, which]
    needed = hazard @ (tables[0].prob_bed[which] * groups.is_avoidable[which])
    return Snapshot(c.generation.copy(), needed * np.exp(np.asarray(c.frailty, dtype=np.float64)))


@dataclass(frozen=True)
class Life:
    """One arm lived to the end.

    Attributes
    ----------
    history : History
    world : World
        At the end; its setting holds prices and costs.
    snapshots : tuple of Snapshot
        At the end of every year of the reform.
    """

    history: History
    world: World
    snapshots: tuple[Snapshot, ...] = ()

    @property
    def reform(self) -> slice:
        """Months since the reform."""
        return slice(self.world.reform_month, self.world.months)

    @property
    def late(self) -> slice:
        """Months of the second half of the reform."""
        return slice((self.world.reform_month + self.world.months) // 2, self.world.months)

    def rows(self, *kinds: int, inside: bool = False) -> npt.NDArray[np.intp]:
        """Give the providers of some kinds."""
        providers = self.world.region.providers
        chosen = np.isin(providers.kind, kinds)
        if inside:
            chosen &= ~np.asarray(providers.outside, dtype=bool)
        return np.flatnonzero(chosen)

    def total(self, column: V, rows: npt.NDArray[np.intp], months: slice | None = None) -> float:
        """Sum one tally over providers, payers and the months of the reform, or others."""
        table = self.history.provider[months or self.reform]
        return float(table[:, rows, :, column].sum())

    def people(self, column: P, months: slice | None = None) -> float:
        """Sum one tally over everybody and the months of the reform, or others."""
        return float(self.history.person[months or self.reform, :, column].sum())

    def marginal(self, name: str, rows: npt.NDArray[np.intp]) -> Float:
        """Average what one more brought at the start of the reform's years, by charges (...)."""
        table = self.history.marginal[name][self.world.reform_month // 12 :]
        done = self.history.provider[self.reform]
        weight = (done[..., V.CHARGE_OUT] + done[..., V.CHARGE_IN]).sum(axis=0)[rows]
        weight = weight / max(float(weight.sum()), 1.0)
        mean = table.mean(axis=0)[rows]
        return np.asarray(np.tensordot(weight, mean, axes=([0, 1], [0, 1])), dtype=np.float64)

    def over_rows(self, table: Float, rows: npt.NDArray[np.intp]) -> Float:
        """Average a table by provider, weighted by charges (...)."""
        done = self.history.provider[self.reform]
        weight = (done[..., V.CHARGE_OUT] + done[..., V.CHARGE_IN]).sum(axis=(0, 2))[rows]
        return np.asarray(weight @ table[rows] / max(float(weight.sum()), 1.0), dtype=np.float64)


@cache
def scenario_of(arm: str) -> Scenario:
    """Load what an arm names, its prices changed."""
    made = ARMS[arm]
    if isinstance(made.payment, str):
        return load(made.payment)
    scenario = load(COUNTY)
    if made.payment:
        scenario = scenario.with_payment(made.payment)
    return scenario.set("prices", list(made.prices)) if made.prices else scenario


def world_at_reform(ground: str, seed: int, people: int, parameters: Mapping[str, float]) -> World:
    """Live the months before the reform once for all arms."""
    scenario = scenario_of("status-quo")
    horizon = scenario.horizon
    made = GROUNDS[ground]
    before: Any = scenario_of(made.before).after
    world = build_world(
        made.region(scenario.region()),
        before,
        before,
        months_before=horizon.start,
        months=horizon.start + 12 * made.years,
        warm_up=horizon.warm_up,
        seed=seed,
        population=people,
        parameters={**scenario.parameters, **parameters, **made.parameters},
    )
    while world.month < world.reform_month:
        run_month(world)
    return world


def continued(world: World, after: Any, claims: bool = False) -> Life:
    """Live on from the start of the reform under other contracts, leaving the world as it was."""
    shared = (world.setting, world.before, world.reference)
    twin = copy.deepcopy(world, {id(thing): thing for thing in shared})
    twin.after = after
    twin.with_claims = claims
    snapshots = []
    while twin.month < twin.months:
        run_month(twin)
        if twin.month % 12 == 0:
            snapshots.append(snapshot(twin))
    return Life(finished_history(twin), twin, tuple(snapshots))


def lives(
    arms: Iterable[str],
    seed: int,
    people: int,
    parameters: Mapping[str, float] | None = None,
    ground: str = "county",
) -> dict[str, Life]:
    """Live several arms with the same people and luck.

    Parameters
    ----------
    arms : iterable of str
        Of :data:`ARMS`.
    seed, people : int
    parameters : mapping of parameter id to value, optional
    ground : str
        Of :data:`GROUNDS`.

    Returns
    -------
    dict of arm to Life
    """
    world = world_at_reform(ground, seed, people, parameters or {})
    claims = GROUNDS[ground].claims
    return {arm: continued(world, scenario_of(arm).after, claims) for arm in arms}
