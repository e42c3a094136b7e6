"""The reference month in NumPy: everybody at once, then the few who go on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from month import FEES, PRACTICES, PRICE, Totals, answer, cumulative, people, setting


def logistic(x: np.ndarray) -> np.ndarray:
    """Give 1 / (1 + exp -x)."""
    return 1.0 / (1.0 + np.exp(-x))


def chosen(value: np.ndarray, zone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one of the providers by a logit for each person."""
    steps = cumulative(value[zone])
    return (steps < rng.random(zone.size)[:, None]).sum(axis=1)


def month(
    p: dict[str, np.ndarray], rng: np.random.Generator, totals: Totals, fees: np.ndarray
) -> None:
    """Let all live a month."""
    s = setting_
    health = p["health"]
    risk = -1.1 + 0.02 * (p["age"] - 40.0) + 0.5 * p["chronic"] - health
    is_ill = rng.random(health.size) < logistic(risk)
    ill = np.flatnonzero(is_ill)
    severity = rng.random(ill.size) + 0.2 * p["chronic"][ill]
    seeks = rng.random(ill.size) < logistic(-0.6 + 2.5 * severity - PRICE / p["income"][ill])
    treated = np.zeros(ill.size)
    at, hard = ill[seeks], severity[seeks]
    fee = fees[p["payer"][at]]
    practice = chosen(s.practice_value, p["zone"][at], rng)
    units = np.maximum(2.0 * hard + s.altruism[practice] + fee - s.cost[practice], 0.0)
    goes_on = rng.random(at.size) < logistic(-2.5 + 2.0 * hard - fee)
    up = at[goes_on]
    hospital = chosen(s.hospital_value, p["zone"][up], rng)
    fee_up = fee[goes_on]
    more = np.maximum(3.0 * hard[goes_on] + fee_up - s.hospital_cost[hospital], 0.0)
    totals.paid += np.bincount(practice, fee * units, totals.paid.size)
    totals.paid += np.bincount(hospital + PRACTICES, fee_up * more, totals.paid.size)
    care = units.copy()
    care[goes_on] += more
    treated[seeks] = care
    change = np.where(is_ill, 0.05, 0.02) * (1.0 - health)
    change[ill] -= 0.12 * severity / (1.0 + treated)
    p["health"] = np.clip(health + change, 0.05, 1.0).astype(np.float32)
    totals.months += 1
    totals.ill += ill.size
    totals.visits += at.size
    totals.referrals += up.size
    totals.units += float(units.sum())
    totals.hospital_units += float(more.sum())


setting_ = setting()


def build(n: int, seed: int) -> tuple[Callable[[], None], Callable[[], dict[str, float]]]:
    """Give a step and an account of what happened."""
    columns, rng, totals = people(n), np.random.default_rng(seed), Totals()
    fees = np.array(FEES)
    return (
        lambda: month(columns, rng, totals, fees),
        lambda: totals.as_data(n, float(columns["health"].mean())),
    )


if __name__ == "__main__":
    answer(build, {"numpy": np.__version__})
