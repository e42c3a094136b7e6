"""The small county as a class for Mesa's batch runner; importing it imports Mesa."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

from sim.model import HealthSystem
from sim.month import finished_history
from tests.bench.small_county import OUTCOMES, TAKEN, clocks, design, measured, since, world
from tests.bench.sweeping import SEED

__all__ = ["MesaCounty"]


@cache
def _points() -> list[dict[str, Any]]:
    whole = design()
    return [dict(whole.parameters(point)) for point in whole.points()]


def _outcome(name: str) -> Callable[[MesaCounty], float]:
    # The collector asks after every month; there is something to tell after the last.
    return lambda model: math.nan if model.running else model.found[name]


class MesaCounty(HealthSystem):
    """One run, lived by agents: a draw's number in, outcomes in the data collector."""

    def __init__(self, draw: int) -> None:
        self.started = clocks()
        names = (*OUTCOMES, *TAKEN)
        super().__init__(world(_points()[draw], SEED), {name: _outcome(name) for name in names})

    @cached_property
    def found(self) -> dict[str, float]:
        """Give the outcomes of the run, measured once, and the seconds it took."""
        outcomes = measured(finished_history(self.world), self.world)
        return {**outcomes, **since(self.started)}
