"""An emulator is believed only as far as it predicts what it was not shown."""

from __future__ import annotations

import importlib.util

import numpy as np
import pandas as pd
import pytest

from experiments.emulator import Emulator, fit_emulator, refuse_poor
from sim.errors import RunError, ScenarioError


def _smooth(x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.sin(3.0 * x[:, 0]) + x[:, 1], x[:, 0] * x[:, 1]])


@pytest.mark.slow
def test_a_smooth_function_is_emulated_and_what_is_noise_is_refused() -> None:
    generator = np.random.default_rng(2)
    x = generator.random((60, 2))
    good = fit_emulator(x, _smooth(x), ["wave", "product"])
    assert (good.errors["q2"] > 0.95).all()
    there = generator.random((20, 2))
    np.testing.assert_allclose(good.predict(there)[0], _smooth(there), atol=0.1)
    assert refuse_poor(good, 0.8) is good
    noise = fit_emulator(x, generator.normal(size=60), ["noise"])
    with pytest.raises(RunError, match="noise"):
        refuse_poor(noise, 0.8)


def test_a_poor_emulator_is_refused_and_every_poor_value_named() -> None:
    errors = pd.DataFrame({"name": ["a", "b"], "q2": [0.95, 0.31]})
    with pytest.raises(RunError, match=r"b 0\.31"):
        refuse_poor(Emulator([], errors), 0.8)


def test_without_its_package_an_emulator_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ScenarioError, match=r"payshift\[sweep\]"):
        fit_emulator(np.zeros((12, 1)), np.zeros(12), ["a"])
