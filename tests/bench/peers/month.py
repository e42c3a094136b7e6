"""The reference month: what every tool computes, and how one process answers the clock.

Needs NumPy alone, so that each peer's environment can read it. All tools draw by themselves and
agree in distribution, not draw by draw.

For each person in each month, with s the logistic function:

1. ill with probability s(-1.9 + .02 (age - 40) + .5 chronic - health + .8);
2. severity = u + .2 chronic, u uniform on (0, 1); who is not ill: health += .02 (1 - health);
3. seeks care with probability s(-.6 + 2.5 severity - price / income);
4. chooses among 50 practices by a logit on travel and quality, which differ by zone;
5. is treated with q = max(0, 2 severity + altruism + fee - cost), altruism and cost those of the
   practice, the fee that of the person's payer: the optimum of a utility quadratic in q;
6. is referred with probability s(-2.5 + 2 severity - fee), and then treated in one of 10 hospitals,
   chosen by a logit, with max(0, 3 severity + fee - cost);
7. the payer pays the fee for each unit, to the provider;
8. health += .05 (1 - health) - .12 severity / (1 + treatment in all), held within (.05, 1).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

ZONES, PRACTICES, HOSPITALS = 20, 50, 10
FEES = (0.6, 0.1)
PRICE = 0.3


@dataclass
class Setting:
    """What providers and places are like, the same in every tool."""

    practice_value: np.ndarray = field(default_factory=lambda: np.zeros((ZONES, PRACTICES)))
    hospital_value: np.ndarray = field(default_factory=lambda: np.zeros((ZONES, HOSPITALS)))
    altruism: np.ndarray = field(default_factory=lambda: np.zeros(PRACTICES))
    cost: np.ndarray = field(default_factory=lambda: np.zeros(PRACTICES))
    hospital_cost: np.ndarray = field(default_factory=lambda: np.zeros(HOSPITALS))


def setting() -> Setting:
    """Give the providers."""
    rng = np.random.default_rng(20_260)
    return Setting(
        practice_value=rng.normal(0.0, 0.5, PRACTICES) - rng.exponential(1.0, (ZONES, PRACTICES)),
        hospital_value=rng.normal(0.0, 0.5, HOSPITALS) - rng.exponential(1.0, (ZONES, HOSPITALS)),
        altruism=rng.uniform(0.1, 0.6, PRACTICES),
        cost=rng.uniform(0.2, 0.5, PRACTICES),
        hospital_cost=rng.uniform(0.3, 0.9, HOSPITALS),
    )


def people(n: int) -> dict[str, np.ndarray]:
    """Give the columns of n people."""
    rng = np.random.default_rng(7)
    return {
        "age": rng.uniform(0.0, 90.0, n).astype(np.float32),
        "chronic": rng.binomial(3, 0.2, n).astype(np.uint8),
        "income": rng.lognormal(0.0, 0.5, n).astype(np.float32),
        "zone": rng.integers(0, ZONES, n).astype(np.uint8),
        "payer": rng.integers(0, 2, n).astype(np.uint8),
        "health": rng.uniform(0.5, 1.0, n).astype(np.float32),
    }


def cumulative(value: np.ndarray) -> np.ndarray:
    """Give the cumulative probabilities of a logit along the last axis."""
    weight = np.exp(value - value.max(axis=-1, keepdims=True))
    total = np.cumsum(weight, axis=-1)
    return total / total[..., -1:]


class Totals:
    """What a month came to; the tools must agree in it."""

    def __init__(self) -> None:
        self.months = 0
        self.ill = self.visits = self.referrals = 0
        self.units = self.hospital_units = 0.0
        self.paid = np.zeros(PRACTICES + HOSPITALS)

    def as_data(self, n: int, health: float) -> dict[str, float]:
        """Give rates per person-month, mean health and the busiest practice's share of money."""
        per = 1.0 / (n * max(self.months, 1))
        paid = self.paid[:PRACTICES]
        return {
            "ill": self.ill * per,
            "visits": self.visits * per,
            "referrals": self.referrals * per,
            "units": self.units * per,
            "hospital_units": self.hospital_units * per,
            "paid": float(self.paid.sum()) * per,
            "largest_share": float(paid.max() / max(paid.sum(), 1e-300)),
            "health": health,
        }


def answer(
    build: Callable[[int, int], tuple[Callable[[], None], Callable[[], dict[str, float]]]],
    versions: dict[str, str],
) -> None:
    """Build a model, then run as many months as each line asks for and tell what they took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    step, tell = build(given.people, given.seed)
    step()
    print(json.dumps({"ready": versions}), flush=True)
    for line in sys.stdin:
        months = int(line)
        if months == 0:
            break
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(months):
            step()
        took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps({**took, **tell()}), flush=True)
