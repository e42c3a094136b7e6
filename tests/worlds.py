"""Worlds of library scenarios, for tests that live some months of them."""

from __future__ import annotations

from typing import Any

from sim.month import World, build_world
from sim.scenario import Scenario, load


def world_of(
    scenario: Scenario | str, months: int = 24, population: int = 500, seed: int = 1, **more: Any
) -> World:
    """Give a scenario's world before its first month; the reform comes after a year."""
    of = load(scenario) if isinstance(scenario, str) else scenario
    return build_world(
        of.region(),
        of.before,
        of.after,
        months_before=12,
        months=months,
        warm_up=0,
        seed=seed,
        population=population,
        **more,
    )
