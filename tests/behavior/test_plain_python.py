"""Every rule of behavior gives the same bits compiled and as plain Python."""

import importlib
import inspect
import math
import pkgutil
import struct
from collections.abc import Callable

import numpy as np
import pytest

import sim.behavior

RULES = sorted(
    {
        (module.name, name)
        for module in pkgutil.iter_modules(sim.behavior.__path__)
        for name in importlib.import_module(f"sim.behavior.{module.name}").__all__
        if hasattr(getattr(importlib.import_module(f"sim.behavior.{module.name}"), name), "py_func")
    }
)
PROBABILITIES = ("u", "prob", "share", "discount", "retention", "coinsurance", "mix", "spill_over")


def argument(parameter: inspect.Parameter, rng: np.random.Generator) -> object:
    """Draw a value that suits an argument's name, corners and zeros included."""
    name = parameter.name
    if "ndarray" in str(parameter.annotation):
        if name in ("weights", "cumulative"):
            return np.cumsum(rng.uniform(0.01, 1.0, 12))
        return rng.normal(0.0, 3.0, 12)
    if name == "longest":
        return int(rng.integers(1, 60))
    if name == "dissimilarity":
        return float(rng.uniform(0.1, 1.0))
    if name in ("total", "skill", "price"):
        return float(rng.uniform(0.5, 5.0))
    if name in PROBABILITIES or name.startswith(("u_type", "u_size", "prob_", "share_")):
        return float(rng.uniform(1e-6, 0.999))
    corner = rng.integers(8)
    if corner == 0:
        return 0.0
    if corner == 1:
        return -0.0
    size = float(10.0 ** rng.uniform(-3.0, 4.0))
    return -size if rng.uniform() < 0.15 else size


def as_bytes(x: float | int) -> bytes:
    return struct.pack("<d", float(x))


@pytest.mark.parametrize(("module", "name"), RULES)
def test_a_rule_gives_the_same_bits_compiled_and_as_plain_python(module: str, name: str) -> None:
    rule: Callable[..., float] = getattr(importlib.import_module(f"sim.behavior.{module}"), name)
    plain = rule.py_func
    rng = np.random.default_rng(77)
    parameters = list(inspect.signature(plain).parameters.values())
    finite = 0
    for _ in range(200):
        values = [argument(p, rng) for p in parameters]
        copies = [v.copy() if isinstance(v, np.ndarray) else v for v in values]
        try:
            expected = plain(*values)
        except ZeroDivisionError:
            with pytest.raises(ZeroDivisionError):
                rule(*copies)
            continue
        found = rule(*copies)
        assert type(expected) in (float, int)
        assert as_bytes(found) == as_bytes(expected), values
        for value, copy in zip(values, copies, strict=True):
            if isinstance(value, np.ndarray):
                assert np.array_equal(value, copy)
        finite += math.isfinite(expected)
    assert finite > 100


def test_all_rules_are_covered() -> None:
    assert len(RULES) > 40
