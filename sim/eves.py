"""The eve of a reform, kept for the other arms that live the same months before it.

Knows worlds and how a run goes on from one; must not know pages, queues or what a contract pays.

Arms of one replicate are the same people living the same lives until the reform starts. A process
that has lived one of them keeps a copy of its world on the eve; another arm takes a copy of that,
puts its own policy in and lives the months of the reform alone: the same to the last bit, and two
fifths less work. Worlds stay in the memory of the process: none is written, and none is read that
another has written.
"""

from __future__ import annotations

import copy
import hashlib
from collections import OrderedDict
from collections.abc import Callable

from sim.month import finished_history, run_month
from sim.record import content_key
from sim.runner import Lived, RunTask, provider_traits, simulate_scenario, world_of
from sim.world import World

__all__ = ["Eves", "copied"]


class Eves:
    """Worlds on the eve of their reforms, in the memory of one process and one thread.

    Parameters
    ----------
    most : int
        Worlds that are kept, some 20 MB each at 20,000 people; the one not asked for longest goes
        first.
    """

    def __init__(self, most: int = 2) -> None:
        self.most = most
        self._kept: OrderedDict[str, World] = OrderedDict()

    def __len__(self) -> int:
        """Give how many worlds are kept."""
        return len(self._kept)

    def simulate(self, task: RunTask, on_month: Callable[[int], None] | None = None) -> Lived:
        """Live through a run's months, those before the reform only if no other arm has.

        The same as :func:`sim.runner.simulate_scenario`, which also does what has no eve: runs
        without a reform, and runs of agents.
        """
        horizon = task.scenario.horizon
        if task.engine != "columnar" or not 0 < horizon.start < horizon.months:
            return simulate_scenario(task, on_month)
        world = world_of(task)
        key = _key(task, world)
        if key in self._kept:
            self._kept.move_to_end(key)
            before, after = world.before, world.after
            world = copied(self._kept[key])
            world.before, world.after = before, after
        else:
            while world.month < world.reform_month:
                _month(world, on_month)
            self._kept[key] = copied(world)
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
        while world.month < world.months:
            _month(world, on_month)
        return Lived(
            finished_history(world), provider_traits(task.scenario.region()), world.setting
        )


def _month(world: World, on_month: Callable[[int], None] | None) -> None:
    run_month(world)
    if on_month is not None:
        on_month(world.month)


def copied(world: World) -> World:
    """Copy a world, but for what no month changes."""
    shared = (world.setting, world.before, world.after, world.reference)
    return copy.deepcopy(world, {id(thing): thing for thing in shared})


def _key(task: RunTask, world: World) -> str:
    """Name what the months before the reform turn on: nothing of the reform but its readings.

    Whether diagnoses are counted and accounts are kept, and what contracts to come will have
    counted of stays, a world knows from its first month on.
    """
    scenario = task.scenario
    counted = hashlib.sha256()
    for array in world.counted_ahead or ():
        counted.update(array.tobytes())
    return content_key(
        {
            "status_quo": scenario.status_quo().sha256(),
            "seed": task.seed,
            "claims": world.with_claims,
            "diagnoses": world.counts_diagnoses,
            "accounts": world.has_accounts,
            "counted": counted.hexdigest(),
        }
    )
