"""What the operator of a dashboard decides: where it listens and how much work it takes on.

Knows flags, environment variables and their bounds; must not know pages or jobs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sim.errors import ScenarioError

__all__ = ["PREFIX", "Settings"]

PREFIX = "PAYSHIFT_DASHBOARD_"


@dataclass(frozen=True)
class Settings:
    """Limits of one server.

    Attributes
    ----------
    host : address to listen on; only this machine by default
    port : 0 takes a free one
    workers : processes that live through runs; one more is for first numbers alone
    ahead : 1 if first numbers are made while a reader still chooses and nothing else is to do
    threads : threads that answer requests
    most_work : people x months x runs of one comparison
    most_people : people of one run
    most_replicates : seeds of one comparison
    queue : comparisons waiting or running at once
    minutes : time one run may take
    body : bytes of one request
    rooms : classes that play at once
    most_runs : runs of a sweep, to be read or begun here
    stores : folder of the sweeps' stores that pages may open; ``sweeps`` in PAYSHIFT_HOME if empty
    """

    host: str = "127.0.0.1"
    port: int = 8050
    workers: int = 1
    ahead: int = 1
    threads: int = 8
    most_work: int = 200_000_000
    most_people: int = 100_000
    most_replicates: int = 50
    queue: int = 32
    minutes: int = 20
    body: int = 1_000_000
    rooms: int = 20
    most_runs: int = 20_000
    stores: str = ""

    @classmethod
    def read(
        cls, environment: Mapping[str, str] | None = None, **flags: str | int | None
    ) -> Settings:
        """Settings by flag, else by environment (``PAYSHIFT_DASHBOARD_QUEUE`` ...), else default.

        Raises
        ------
        ScenarioError
            For a number that is none, or out of its bounds.
        """
        given = os.environ if environment is None else environment
        chosen: dict[str, Any] = {}
        for item in fields(cls):
            name = f"{PREFIX}{item.name.upper()}"
            value: str | int | None = flags.get(item.name)
            where = f"--{item.name}"
            if value is None:
                value, where = given.get(name), name
            if value is None or value == "":
                continue
            if item.name in ("host", "stores"):
                chosen[item.name] = str(value)
                continue
            low, high = _BOUNDS[item.name]
            try:
                number = int(value)
            except ValueError:
                number = low - 1
            if not low <= number <= high:
                raise ScenarioError(
                    "not a usable setting", where=where, value=value, allowed=f"{low} to {high}"
                )
            chosen[item.name] = number
        return cls(**chosen)

    def hold_runs(self, runs: int) -> None:
        """Refuse a sweep that is too large for this server.

        Raises
        ------
        ScenarioError
        """
        if runs > self.most_runs:
            raise ScenarioError(
                "too many runs for this server",
                where="sweep",
                value=runs,
                allowed=f"at most {self.most_runs:,}",
                remedy="Use the command line: payshift sweep, payshift sensitivity.",
            )


_BOUNDS: Mapping[str, tuple[int, int]] = {
    "port": (0, 65_535),
    "workers": (1, 256),
    "ahead": (0, 1),
    "threads": (2, 256),
    "most_work": (1_000, 10**12),
    "most_people": (200, 10_000_000),
    "most_replicates": (2, 10_000),
    "queue": (1, 10_000),
    "minutes": (1, 1_440),
    "body": (10_000, 100_000_000),
    "rooms": (1, 1_000),
    "most_runs": (10, 10_000_000),
}
