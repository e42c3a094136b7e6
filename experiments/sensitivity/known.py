"""Models whose indices are known by formula, to run through the same sweep as any other.

Knows three test functions and their exact indices. Must not know samplers, methods or stores.

References
----------
Ishigami T, Homma T. An importance quantification technique in uncertainty analysis for computer
models. 1990. doi:10.1109/ISUMA.1990.151285.
Saltelli A, Sobol' IM. About the use of rank transformation in sensitivity analysis of model
output. Reliab Eng Syst Saf 1995. doi:10.1016/0951-8320(95)00099-2.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

__all__ = [
    "G_WEIGHTS",
    "NOISE",
    "g_indices",
    "g_model",
    "ishigami_indices",
    "ishigami_model",
    "noisy_indices",
    "noisy_model",
]

Array = NDArray[np.float64]
ISHIGAMI_A, ISHIGAMI_B = 7.0, 0.1
G_WEIGHTS = (0.0, 1.0, 4.5, 9.0, 99.0, 99.0, 99.0, 99.0)
# Standard deviations of what the seed does alike at every point, and differently at each.
NOISE = (1.0, 1.0)


def ishigami_model(parameters: Mapping[str, float], arm: str, seed: int) -> dict[str, float]:
    """Ishigami's function of `x1`, `x2`, `x3`, each uniform over ±π; the arm and seed are ignored.

    Returns
    -------
    dict
        `y = sin x1 + 7 sin² x2 + 0.1 x3⁴ sin x1`.
    """
    x1, x2, x3 = (float(parameters[name]) for name in ("x1", "x2", "x3"))
    y = math.sin(x1) + ISHIGAMI_A * math.sin(x2) ** 2 + ISHIGAMI_B * x3**4 * math.sin(x1)
    return {"y": y}


def _ishigami_variances() -> tuple[float, float, float, float]:
    a, b = ISHIGAMI_A, ISHIGAMI_B
    v1 = 0.5 * (1.0 + b * math.pi**4 / 5.0) ** 2
    v2 = a**2 / 8.0
    v13 = b**2 * math.pi**8 * (1.0 / 18.0 - 1.0 / 50.0)
    return v1, v2, v13, v1 + v2 + v13


def ishigami_indices() -> dict[str, Array]:
    """First and total shares of variance of Ishigami's function, and the share of the pair 1, 3.

    Examples
    --------
    >>> {name: value.round(4).tolist() for name, value in ishigami_indices().items()}
    {'S1': [0.3139, 0.4424, 0.0], 'ST': [0.5576, 0.4424, 0.2437], 'S2': [0.2437]}
    """
    v1, v2, v13, v = _ishigami_variances()
    return {
        "S1": np.array([v1, v2, 0.0]) / v,
        "ST": np.array([v1 + v13, v2, v13]) / v,
        "S2": np.array([v13]) / v,
    }


def g_model(parameters: Mapping[str, float], arm: str, seed: int) -> dict[str, float]:
    """Sobol's G of `x1` to `x8`, each uniform over 0 to 1, with weights :data:`G_WEIGHTS`.

    Returns
    -------
    dict
        `y = Π (|4 xᵢ − 2| + aᵢ) / (1 + aᵢ)`.
    """
    y = 1.0
    for place, weight in enumerate(G_WEIGHTS, start=1):
        y *= (abs(4.0 * float(parameters[f"x{place}"]) - 2.0) + weight) / (1.0 + weight)
    return {"y": y}


def g_indices(weights: Sequence[float] = G_WEIGHTS) -> dict[str, Array]:
    """First and total shares of variance of Sobol's G.

    Examples
    --------
    >>> g_indices()["S1"][:3].round(4).tolist()
    [0.7162, 0.179, 0.0237]
    """
    alone = 1.0 / (3.0 * (1.0 + np.asarray(weights, dtype=np.float64)) ** 2)
    total = float(np.prod(1.0 + alone) - 1.0)
    rest = np.prod(1.0 + alone) / (1.0 + alone)
    return {"S1": alone / total, "ST": alone * rest / total}


def _draw(*key: object) -> float:
    """A standard normal draw that depends on nothing but its key."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest, "little") + 0.5) / 2.0**64
    return float(norm.ppf(uniform))


def noisy_model(parameters: Mapping[str, float], arm: str, seed: int) -> dict[str, float]:
    """Ishigami's function with noise: a part of the seed alone, and one of the seed at each point.

    Returns
    -------
    dict
        `y`, with noise of standard deviations :data:`NOISE`.
    """
    y = ishigami_model(parameters, arm, seed)["y"]
    point = tuple(float(parameters[name]) for name in ("x1", "x2", "x3"))
    return {"y": y + NOISE[0] * _draw("seed", seed) + NOISE[1] * _draw("point", seed, point)}


def noisy_indices(n_replicates: int) -> dict[str, Array]:
    """Exact indices of the noisy function's mean over replicates, and its shares of variance.

    What the seed does alike at every point moves no index. What it does differently at each point
    adds v / r to the variance of the mean: it lowers every first-order share, and every total
    share counts it as the factor's own, so that a factor without influence has the total share
    (v / r) / (V + v / r).

    Returns
    -------
    dict
        `S1` and `ST` of the mean; `shares` of parameters, seed and both in single runs.
    """
    v1, v2, v13, v = _ishigami_variances()
    alike, apart = NOISE[0] ** 2, NOISE[1] ** 2
    left = apart / n_replicates
    whole = v + left
    total = v + alike + apart
    return {
        "S1": np.array([v1, v2, 0.0]) / whole,
        "ST": (np.array([v1 + v13, v2, v13]) + left) / whole,
        "shares": np.array([v, alike, apart]) / total,
    }
