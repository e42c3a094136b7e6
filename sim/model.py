"""The health system as a Mesa model: the same month as on columns, lived by agents.

    A month is :func:`sim.month.run_month`. Contracts, incentives, organizations' levers, money and
    oversight are the same code for both engines; steps 3 to 7, where people and providers meet, are
    lived here by agents instead of columns.

Where state lives: between months in the world's columns, which yearly rules and reports read;
within a month in the agents, as plain numbers. Both meet at the month's edge alone, in
:meth:`HealthSystem.load` and :meth:`HealthSystem.store`.

Knows Mesa, agents and the order of a month; must not know a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mesa
import numpy as np

from sim.agents import Hospital, Patient, Payer, Practice, Provider, ThisMonth
from sim.engine.counting import Claims
from sim.engine.kernels import Columns, Tallies
from sim.engine.setting import PRACTICE
from sim.month import Tables, World, finished_history, grant, make_room, run_month
from sim.tallies import History


class HealthSystem(mesa.Model):
    """A health system of patients, practices, hospitals and payers.

    Parameters
    ----------
    world : World
        From :func:`sim.month.build_world`; changed.
    reporters : mapping of str to callable, optional
        Columns of ``datacollector``: each is told the model after every month.

    Attributes
    ----------
    patients, practices, hospitals, payers : mesa.agent.AgentSet
        Agents by type.
    providers : list of Provider
        Practices and hospitals by row of the world's tables.
    this_month : ThisMonth
        Tables, tallies and requests of the month lived last; None before the first.
    datacollector : mesa.DataCollector
        One row a month of what ``reporters`` say.

    Notes
    -----
    Draws are keyed by person, month and decision, as in the columnar engine, and never taken from
    Mesa's generators; agents may act in any order. For reading, teaching and testing: the columnar
    engine gives the same bits in a small part of the time.

    Examples
    --------
    >>> from sim.month import build_world
    >>> from sim.scenario import load
    >>> tiny = load("tiny-drg")
    >>> world = build_world(
    ...     tiny.region(), tiny.before, tiny.after,
    ...     months_before=12, months=24, warm_up=0, seed=1, population=100,
    ... )
    >>> model = HealthSystem(world, {"ill": lambda m: sum(p.is_ill for p in m.patients)})
    >>> model.step()
    >>> len(model.patients), world.month, model.running
    (100, 1, True)
    >>> [practice.id for practice in model.practices if practice.members == []]
    []
    """

    def __init__(
        self,
        world: World,
        reporters: Mapping[str, Callable[[HealthSystem], object]] | None = None,
    ) -> None:
        super().__init__(rng=world.seed)
        self.world = world
        self.this_month: ThisMonth | None = None
        self.providers: list[Provider] = [
            Practice(self, row) if kind == PRACTICE else Hospital(self, row)
            for row, kind in enumerate(world.region.providers.kind)
        ]
        for row in range(world.n_payers):
            Payer(self, row)
        self.people = [Patient(self, row) for row in range(len(world.columns.age_months))]
        self.load()
        self.running = world.month < world.months
        self.datacollector = mesa.DataCollector(model_reporters=dict(reporters or {}))

    @property
    def patients(self) -> Any:
        """Everyone who lives in the region."""
        return self.agents_by_type[Patient]

    @property
    def practices(self) -> Any:
        """Practices of primary care."""
        return self.agents_by_type.get(Practice, self.agents.select(at_most=0))

    @property
    def hospitals(self) -> Any:
        """Secondary and tertiary hospitals."""
        return self.agents_by_type.get(Hospital, self.agents.select(at_most=0))

    @property
    def payers(self) -> Any:
        """Payers, in the region's order."""
        return self.agents_by_type[Payer]

    # --- a month ---------------------------------------------------------------------------------

    def step(self) -> None:
        """Take the health system one month on."""
        run_month(self.world, act=self.live)
        self.running = self.world.month < self.world.months
        self.datacollector.collect(self)

    def run(self, on_month: Callable[[int], None] | None = None) -> History:
        """Run to the end of the world's months.

        Parameters
        ----------
        on_month : callable, optional
            Told the number of months done, after each.

        Returns
        -------
        History
            Equal to the bit to that of :func:`sim.month.simulate`.
        """
        while self.running:
            self.step()
            if on_month is not None:
                on_month(self.world.month)
        return finished_history(self.world)

    def live(self, world: World, tables: Tables, tallies: Tallies) -> Claims:
        """Live steps 3 to 7 of the month; what :func:`sim.month.live` does on columns."""
        self.this_month = ThisMonth.open(world, tables, tallies)
        self.load()
        # 3. Need.
        self.patients.do("live")
        # 4. Seeking care.
        callers = self.patients.select(lambda patient: patient.has_cause_for_contact)
        callers.do("seek_care")
        self.practices.do("turn_away_beyond_capacity")
        self.hospitals.do("turn_away_beyond_capacity")
        # 5. Primary care.
        self.practices.do("see_patients")
        # 6. Hospitals, and every list of people waiting for a bed.
        self.hospitals.do("see_patients")
        self.practices.do("review_list")
        self.hospitals.do("review_list")
        self.patients.select(lambda patient: patient.has_sessions).do("have_sessions")
        # 7. Stays and how they end.
        self.give_beds()
        callers.do("close_month")
        self.store()
        return self.this_month.claims

    def give_beds(self) -> None:
        """Give the month's beds to all who asked, by severity and months waited."""
        assert self.this_month is not None
        requests = self.this_month.requests
        make_room(self.this_month.tallies, requests)
        order, granted = grant(self.world, requests)
        for row in order:
            patient = self.people[requests.person[row]]
            is_observation, place = divmod(int(requests.provider[row]), len(self.providers))
            provider = self.providers[place]
            if not granted[row]:
                provider.has_no_bed_for(patient, to_observe=bool(is_observation))
            elif is_observation:
                provider.keeps_under_observation(patient)
            else:
                provider.gives_bed(patient, int(requests.origin[row]))

    # --- the month's edge ------------------------------------------------------------------------

    def load(self) -> None:
        """Give every patient the state that the world's columns hold."""
        for name, column in self.world.columns._asdict().items():
            for patient, value in zip(self.people, column.tolist(), strict=True):
                setattr(patient, name, value)

    def store(self) -> None:
        """Write every patient's state into the world's columns."""
        for name in Columns._fields:
            column = getattr(self.world.columns, name)
            column[:] = np.array([getattr(patient, name) for patient in self.people], column.dtype)
