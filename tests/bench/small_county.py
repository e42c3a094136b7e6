"""A county of 5,000 people, 10 practices and 2 hospitals over twelve factors, as a model to sweep.

One function of parameters and seed for every tool: what a run builds, lives and measures is the
same; only who lives its months (columns or Mesa agents) and who hands the runs out differ. Each run
tells the seconds it took, so that what a tool adds around its runs can be told apart.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from experiments.sweep.design import Design, Factor, Sampler
from sim.month import World, build_world, simulate
from sim.outcomes import evaluate
from sim.runner import provider_traits
from sim.scenario import Scenario, load
from tests.bench.worlds import with_providers

__all__ = [
    "OUTCOMES",
    "PEOPLE",
    "TAKEN",
    "SmallCounty",
    "clocks",
    "design",
    "measured",
    "since",
    "world",
]

PEOPLE = 5_000
PRACTICES, HOSPITALS = 10, 2
HORIZON = {"warm_up": 6, "baseline": 6, "reform": 12}
OUTCOMES = ("spending_per_person", "qaly", "admissions_per_100", "upcoded_share")
TAKEN = ("seconds", "processor_seconds")
"""What each run tells besides its outcomes."""
NAMES = (
    "altruism_scale",
    "altruism_selfish_share",
    "altruism_log_sd",
    "income_elasticity",
    "spillover",
    "price_weight",
    "waiting_weight",
    "tau_admit",
    "tau_refer",
    "tau_return",
    "compliance_cost",
)


@cache
def scenario() -> Scenario:
    """Give the county under payment by group, with fewer people and months."""
    county = load("china-county-drg").with_population(PEOPLE)
    return county.set_all([(f"horizon.{name}", months) for name, months in HORIZON.items()])


def design(base: int = 256) -> Design:
    """Give the design: 256 base draws of twelve factors are 3,584 runs.

    Parameters
    ----------
    base : int
        Base draws, a power of two; fewer are the first part of the whole design.
    """
    known = scenario().region().parameters
    audit = Factor("audit.sample", 0.0, 0.2)
    factors = (*(Factor.of(known[name]) for name in NAMES), audit)
    sampler = Sampler("sobol", base, 1, {"calc_second_order": False})
    return Design(arms=("drg",), factors=factors, sampler=sampler, outcomes=OUTCOMES)


def world(parameters: Mapping[str, Any], seed: int) -> World:
    """Build the county of one run."""
    varied = scenario().set_all(
        [(f"parameters.{k}" if k in NAMES else k, v) for k, v in parameters.items()]
    )
    region = varied.region()
    kinds = region.providers.kind
    practices, hospitals = np.flatnonzero(kinds == 0), np.flatnonzero(kinds > 0)
    # Every second practice, the general hospital, and the one outside that people travel to.
    chosen = practices[:: len(practices) // PRACTICES][:PRACTICES]
    rows = np.array([*chosen, hospitals[0], hospitals[-2]])
    assert len(rows) == PRACTICES + HOSPITALS
    return build_world(
        with_providers(region, rows),
        varied.before,
        varied.after,
        months_before=varied.horizon.start,
        months=varied.horizon.months,
        warm_up=varied.horizon.warm_up,
        seed=seed,
        population=varied.population,
        parameters=varied.parameters,
    )


def measured(lived: Any, place: World) -> dict[str, float]:
    """Read the outcomes off a history."""
    horizon = scenario().horizon
    months = slice(horizon.start, horizon.months)
    asked = {name: ["all"] for name in OUTCOMES}
    found = evaluate(lived, provider_traits(place.region), months, asked)
    return {name: float(found[name]["all"].value) for name in OUTCOMES}


def clocks() -> tuple[float, float]:
    """Read the clock and this process's use of the processor."""
    return time.perf_counter(), time.process_time()


def since(started: tuple[float, float]) -> dict[str, float]:
    """Give what has passed on both since they were read."""
    now = clocks()
    return dict(zip(TAKEN, (now[0] - started[0], now[1] - started[1]), strict=True))


class SmallCounty:
    """The county on columns: `model(parameters, arm, seed)`."""

    code_version = "bench"

    def prepare(self) -> None:
        """Load compiled rules before the first run."""
        self({}, "drg", 1)

    def __call__(self, parameters: Mapping[str, Any], arm: str, seed: int) -> dict[str, float]:
        """Live one run."""
        started = clocks()
        place = world(parameters, seed)
        found = measured(simulate(place), place)
        return {**found, **since(started)}
