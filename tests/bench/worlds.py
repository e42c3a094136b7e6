"""Worlds, clocks and regions that the measurements share."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.month import World, build_world
from sim.region import Region
from sim.scenario import load

__all__ = ["EXTENSIVE", "timed", "with_providers", "world_of"]

EXTENSIVE = ("beds", "visits_capacity", "physicians", "visits_baseline", "admissions_baseline")
"""What of a provider grows with its size."""


def world_of(name: str, people: int, months: int, seed: int = 1) -> World:
    """Return a world of a library scenario before its first month."""
    s = load(name)
    return build_world(
        s.region(),
        s.before,
        s.after,
        months_before=s.horizon.start,
        months=months,
        warm_up=s.horizon.warm_up,
        seed=seed,
        population=people,
    )


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - cpu


def with_providers(region: Region, rows: npt.NDArray[np.int64]) -> Region:
    """Return the region with other providers: copies of its own, or fewer of them.

    Parameters
    ----------
    region : Region
    rows : int64, shape (n,)
        Row of the provider that each new one is like, in its place.

    Returns
    -------
    Region
        What practices together, and hospitals together, can do is what it was.
    """
    providers = region.providers
    old = len(providers.ids)
    is_hospital = providers.kind > 0

    def taken(name: str, value: Any) -> Any:
        if isinstance(value, tuple) and len(value) == old:
            return tuple(
                f"{value[r]}-{k}" if name == "ids" else value[r] for k, r in enumerate(rows)
            )
        if isinstance(value, np.ndarray) and len(value) == old:
            new = value[rows]
            if name in EXTENSIVE:
                for mark in (is_hospital, ~is_hospital):
                    here = mark[rows]
                    total = float(new[here].sum())
                    new[here] *= float(value[mark].sum()) / total if total else 1.0
            return new
        return value

    fields = {
        f.name: taken(f.name, getattr(providers, f.name)) for f in dataclasses.fields(providers)
    }
    # Columns taken from a table lie across memory, and rules would be compiled anew for that.
    travel = np.ascontiguousarray(region.zones.travel_minutes[:, rows])
    # A zone whose own practice is gone is served by the nearest one that is left.
    nearest = np.where(providers.kind[rows] == 0, travel, np.inf).argmin(axis=1)
    places = {int(row): place for place, row in reversed(list(enumerate(rows)))}
    home = [
        places.get(int(p), int(n)) for p, n in zip(region.zones.home_practice, nearest, strict=True)
    ]
    zones = dataclasses.replace(
        region.zones,
        travel_minutes=travel,
        home_practice=np.array(home, dtype=region.zones.home_practice.dtype),
    )
    return dataclasses.replace(
        region,
        providers=type(providers)(**fields),
        zones=zones,
        observation_beds=region.observation_beds[rows],
    )
