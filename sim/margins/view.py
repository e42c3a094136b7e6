"""Providers on the eve of a policy: the status quo's year behind them, the new terms before them.

Knows how a world is brought to the start of a reform and what its providers see there; must not
live any month of the reform.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from sim.aftercare import receipt_of_day
from sim.conditions import Tables, month_tables
from sim.engine.organization import Marginals, Position
from sim.engine.tables import Float
from sim.health.need import severity_multiplier
from sim.margins.rows import Ground
from sim.month import run_month
from sim.outlook import SEVERITIES, covered_share, foreseen_incentives, position
from sim.scenario import Scenario
from sim.sorting import counted_by
from sim.tallies import ProviderTally as V
from sim.terms import open_year
from sim.world import MONTHS, World, build_world, contracts_of

__all__ = ["MOMENTS", "View", "eve_for", "eve_of", "view_of"]

MOMENTS = {"start": 0, "mid": 6, "end": 11}
"""Months of the reform's first year at which margins are shown: its first, seventh and last."""


@dataclass(frozen=True)
class View:
    """What providers see under one policy at the start of its first year and later in it.

    Attributes
    ----------
    world : World
        Terms renewed, nothing lived yet; providers as the status quo has left them.
    seen : tuple of Marginals
        What one more of everything brings in each of the twelve months, had providers gone on as
        before.
    stand : Position
        Where providers stand.
    """

    world: World
    seen: tuple[Marginals, ...]
    stand: Position

    @cached_property
    def mean(self) -> Marginals:
        """What one more of everything brings in the year's mean month."""
        mean = self.seen[0].copy()
        for passed, marginals in enumerate(self.seen[1:], start=1):
            mean.mix_in(marginals, 1.0 / (passed + 1))
        return mean

    def ground(self, marginals: Marginals) -> Ground:
        """Give last year's activity with the slopes of some moment."""
        recent = self.world.recent
        year = MONTHS / recent.months
        # Days in a facility follow stays elsewhere: who admits nobody has no stay to think of.
        admits = recent.provider[..., V.ADMISSIONS, None] > 0
        return Ground(
            setting=self.world.setting,
            technology=self.world.technology,
            done=np.asarray(recent.provider * year, dtype=np.float64),
            billed=np.asarray(recent.billed * year, dtype=np.float64),
            days=np.asarray(recent.stays.days.sum(axis=-1) * admits * year, dtype=np.float64),
            marginal={
                f.name: getattr(marginals, f.name) for f in fields(marginals) if f.name != "stay"
            },
            per_charge=self.per_charge(marginals),
            bands=marginals.stay.bands,
            facility_day=self._facility_day(marginals),
            whole_days=self.world.sorting.whole_days,
        )

    def _facility_day(self, marginals: Marginals) -> Float | None:
        """Give what a day of aftercare in a facility brings the hospital that sends (n, Y)."""
        care = self.world.region.aftercare
        if care.provider < 0:
            return None
        days = self.world.recent.billed.sum(axis=3) * (care.share.mean(axis=1) * care.days)
        found = (receipt_of_day(self.world, marginals) * days).sum(axis=2)
        return np.asarray(found / np.maximum(days.sum(axis=2), 1e-12))

    def per_charge(self, marginals: Marginals) -> Float:
        """Give what a unit of currency charged on a stay brings by its side, in the mean (n, Y)."""
        terms, billed = marginals.stay, self.world.recent.billed
        if not terms.slopes.any():
            return np.zeros(billed.shape[:2])
        found = np.zeros(terms.slopes.shape[:-1])
        for k in range(SEVERITIES):
            rank = (k + 0.5) / SEVERITIES
            sd = self.world.region.groups.severity_sd
            severity = np.array([severity_multiplier(rank, float(x)) for x in sd])
            charge = self.tables.admit.charge * severity[:, None]
            side = (charge[..., None] >= terms.bounds).sum(axis=-1)[..., None]
            found += np.take_along_axis(terms.slopes, side, axis=-1)[..., 0] / SEVERITIES
        covered = covered_share(self.world)[:, 1]
        total = np.maximum(billed.sum(axis=(2, 3)), 1e-12)
        return np.asarray((found * billed).sum(axis=(2, 3)) / total * covered[:, None])

    @cached_property
    def tables(self) -> Tables:
        """The tables that the stages of a month read, at the year's mean incentives."""
        return month_tables(replace(self.world, marginals=self.mean))

    def mix(self, kind: int) -> Float:
        """Share of each clinical group in the contacts of a kind of provider last year (G,)."""
        months = self.world.history[-MONTHS:]
        seen = np.sum([month["visits_by_group"][kind] for month in months], axis=0)
        rate = self.world.region.groups.rate.sum(axis=(1, 2))
        weight = np.asarray(seen if seen.sum() > 0 else rate, dtype=np.float64)
        return np.asarray(weight / weight.sum())

    @property
    def multiplier(self) -> float:
        """Residents per person simulated."""
        return self.world.region.residents / len(self.world.columns.age_months)


def eve_of(scenario: Scenario, seed: int | None = None) -> World:
    """Live a scenario's months before the reform and stop on its eve.

    Parameters
    ----------
    scenario : Scenario
        Of its policy only the episodes and transfers that it will count matter: they are counted in
        these months too, so that prices that follow from a year of them are known.
    seed : int, optional
        Of the people; the scenario's own by default.
    """
    # The month asks for any object with a policy's attributes.
    before: Any = scenario.before
    after: Any = scenario.after
    horizon = scenario.horizon
    world = build_world(
        scenario.region(),
        before,
        after,
        months_before=horizon.start,
        months=horizon.months,
        warm_up=horizon.warm_up,
        seed=scenario.seed if seed is None else seed,
        population=scenario.population,
        parameters=scenario.parameters,
    )
    # Whatever contract is looked at next may ask for it.
    world.counts_diagnoses = True
    while world.month < world.reform_month:
        run_month(world)
    return world


def eve_for(eve: World, scenario: Scenario, seed: int | None = None) -> World:
    """Give an eve with a year of what a scenario's policy has counted.

    Parameters
    ----------
    eve : World
        Of the same region, status quo, people, parameters and months; given back where it will do.
    scenario : Scenario
    seed : int, optional
        As in :func:`eve_of`.
    """
    after: Any = scenario.after
    asked = counted_by(contracts_of(after, eve.setting), *eve.sorting.opens.shape)
    counted = eve.counted_ahead
    will_do = asked.is_nothing() or (counted is not None and asked.equals(counted))
    return eve if will_do else eve_of(scenario, seed)


def view_of(eve: World, after: Any) -> View:
    """Give what providers see under a policy, leaving the world as it is.

    Parameters
    ----------
    eve : World
        From :func:`eve_of`.
    after : Policy
        The policy in force from now on; the one that was in force gives the status quo.
    """
    shared = (eve.setting, eve.before, eve.reference, eve.history, eve.people, eve.ledger)
    twin = copy.deepcopy(eve, {id(thing): thing for thing in shared})
    twin.after = after
    open_year(twin)
    seen = tuple(foreseen_incentives(twin, month) for month in range(MONTHS))
    twin.marginals = seen[0]
    return View(twin, seen, position(twin))
