"""The eve of a reform, kept in a file for the other arms that live the same months before it.

Knows worlds and how a run goes on from one; must not know pages, queues or what a contract pays.

Arms of one replicate are the same people living the same lives until the reform starts. A process
that lives one of them leaves its world on the eve in a folder; another arm takes the world from
there, puts its own policy in and lives the months of the reform alone: the same to the last bit,
and two fifths less work. Files are pickles: the folder must be one that nobody else can write to,
made for the processes of one server or one study and thrown away with them.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sim.month import finished_history, run_month
from sim.record import content_key
from sim.runner import Lived, RunTask, provider_traits, simulate_scenario, world_of
from sim.world import World

__all__ = ["Eves"]

_MOST = 8


class Eves:
    """Worlds on the eve of their reforms, in a folder that processes share.

    Parameters
    ----------
    folder : Path
        Private to who made it; made when the first world is left there.
    most : int
        Worlds that are kept, some 20 MB each; the oldest go first.
    """

    def __init__(self, folder: Path, most: int = _MOST) -> None:
        self.folder = folder
        self.most = most

    def simulate(self, task: RunTask, on_month: Callable[[int], None] | None = None) -> Lived:
        """Live through a run's months, those before the reform only if no other arm has.

        The same as :func:`sim.runner.simulate_scenario`, which also does what has no eve: runs
        without a reform, and runs of agents.
        """
        horizon = task.scenario.horizon
        if task.engine != "columnar" or not 0 < horizon.start < horizon.months:
            return simulate_scenario(task, on_month)
        world = world_of(task)
        path = self.folder / _key(task, world)
        found = _taken(path, world)
        if found is None:
            while world.month < world.reform_month:
                _month(world, on_month)
            self._leave(path, world)
        else:
            world = found
        while world.month < world.months:
            _month(world, on_month)
        return Lived(
            finished_history(world), provider_traits(task.scenario.region()), world.setting
        )

    def _leave(self, path: Path, world: World) -> None:
        """Keep a world for the arms to come; without room on the disk they live these months."""
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with part.open("wb") as file:
                _Pickler(file, _shared(world)).dump(world)
            part.replace(path)
            kept = sorted(self.folder.glob("[!.]*"), key=os.path.getmtime)
            for old in kept[: -self.most]:
                old.unlink(missing_ok=True)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()


def _month(world: World, on_month: Callable[[int], None] | None) -> None:
    run_month(world)
    if on_month is not None:
        on_month(world.month)


def _key(task: RunTask, world: World) -> str:
    """Name what the months before the reform turn on: nothing of the reform but two readings of it.

    Whether diagnoses are counted and accounts are kept, a world knows from its first month on.
    """
    scenario = task.scenario
    return content_key(
        {
            "status_quo": scenario.status_quo().sha256(),
            "seed": task.seed,
            "claims": world.with_claims,
            "diagnoses": world.counts_diagnoses,
            "accounts": world.has_accounts,
        }
    )


def _taken(path: Path, world: World) -> World | None:
    """Give the world on the eve with a new world's own policy and setting; None if none is kept."""
    try:
        with path.open("rb") as file:
            found = _Unpickler(file, _shared(world)).load()
    except OSError:
        return None
    assert isinstance(found, World)
    found.before, found.after = world.before, world.after
    return found


def _shared(world: World) -> dict[str, Any]:
    """Name what every arm brings itself: what never changes, and the reform."""
    return {
        "region": world.setting.region,
        "setting": world.setting,
        "before": world.before,
        "after": world.after,
    }


class _Pickler(pickle.Pickler):
    def __init__(self, file: BinaryIO, shared: Mapping[str, Any]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._names = {id(thing): name for name, thing in shared.items()}

    def persistent_id(self, thing: Any) -> str | None:
        return self._names.get(id(thing))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, shared: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, name: str) -> Any:
        return self._shared[name]
