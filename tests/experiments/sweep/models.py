"""Small models for tests of sweeps; workers import them by name."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from experiments.sweep.worker import Outcomes


def line(parameters: Mapping[str, Any], arm: str, seed: int) -> Outcomes:
    """Give a straight line and a series, exact in binary."""
    value = parameters["a"] * 3.0 + (arm == "two") + seed % 7
    return Outcomes({"y": value}, {"y": [value, value / 3.0]})


def trouble(parameters: Mapping[str, Any], arm: str, seed: int) -> Mapping[str, float]:
    """Do what a run must not do, by its number."""
    case = parameters["case"]
    if case == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if case == 2:
        time.sleep(600.0)
    if case == 3:
        hoard = [bytearray(50_000_000) for _ in range(100)]
        return {"y": float(len(hoard))}
    if case == 4:
        raise ValueError("the model says no")
    if case == 5:
        sys.stdout.write("noise that must not garble the pipe\n" * 10)
    return {"y": float(case)}


def loaded(parameters: Mapping[str, Any], arm: str, seed: int) -> Mapping[str, float]:
    """Tell which heavy modules the process has loaded."""
    heavy = ("mesa", "SALib", "dash", "dask", "distributed", "plotly", "pandas")
    return {name: float(name in sys.modules) for name in heavy}


def slow(parameters: Mapping[str, Any], arm: str, seed: int) -> Mapping[str, float]:
    """Take a hundredth of a second."""
    time.sleep(0.01)
    return {"y": parameters["a"] + seed}


def plain(parameters: Mapping[str, Any], arm: str, seed: int) -> Mapping[str, float]:
    """Give a sum in which x1 weighs most, x2 half of it and x3 next to nothing."""
    return {"y": 4.0 * parameters["x1"] + 2.0 * parameters["x2"] + 0.1 * parameters["x3"]}


def chosen(parameters: Mapping[str, Any], arm: str, seed: int) -> Mapping[str, float]:
    """Give the number of a category, two numbers that are moved together, and a part of the seed.

    The seed's part is the same at every point: it moves the shares of no factor.
    """
    place = ("a", "b", "c", "d").index(parameters["model"])
    return {"y": float(place) + parameters["p"] + parameters["q"] + float(seed % 5)}
