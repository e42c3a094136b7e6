"""Simulate how health payment reforms change what providers do, and what that does to people.

>>> import sim
>>> scenario = sim.load("china-county")  # doctest: +SKIP
>>> record = sim.run(scenario, seed=7)  # doctest: +SKIP
>>> record.summary()  # doctest: +SKIP

Names are imported when they are first used, so that ``import sim`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.runner import compare, run, xray
    from sim.scenario import Scenario, load

__version__ = "0.1.0"
__all__ = ["Scenario", "__version__", "compare", "load", "run", "xray"]

_HOME = {
    "Scenario": "sim.scenario",
    "compare": "sim.runner",
    "load": "sim.scenario",
    "run": "sim.runner",
    "xray": "sim.runner",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sim' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
