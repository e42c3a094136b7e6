"""The reference month in Mesa: an Agent for each patient, called in shuffled order."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import mesa
from month import FEES, HOSPITALS, PRACTICES, PRICE, Totals, answer, people, setting


def logistic(x: float) -> float:
    """Give 1 / (1 + exp -x)."""
    return 1.0 / (1.0 + math.exp(-x))


class Patient(mesa.Agent):
    """One person."""

    def __init__(self, model: Any, **columns: float) -> None:
        super().__init__(model)
        self.age = columns["age"]
        self.chronic = columns["chronic"]
        self.income = columns["income"]
        self.zone = int(columns["zone"])
        self.fee = FEES[int(columns["payer"])]
        self.health = columns["health"]

    def choose(self, values: list[float]) -> int:
        """Draw one of the providers by a logit."""
        weights = [math.exp(v) for v in values]
        left = self.model.random.random() * sum(weights)
        for place, weight in enumerate(weights):
            left -= weight
            if left < 0.0:
                return place
        return len(weights) - 1

    def step(self) -> None:
        """Live a month."""
        draw, totals = self.model.random.random, self.model.totals
        risk = -1.1 + 0.02 * (self.age - 40.0) + 0.5 * self.chronic - self.health
        if draw() >= logistic(risk):
            self.health += 0.02 * (1.0 - self.health)
            return
        totals.ill += 1
        severity = draw() + 0.2 * self.chronic
        treated = 0.0
        if draw() < logistic(-0.6 + 2.5 * severity - PRICE / self.income):
            totals.visits += 1
            practice = self.model.practices[self.choose(self.model.practice_value[self.zone])]
            treated = practice.treat(severity, self.fee)
            if draw() < logistic(-2.5 + 2.0 * severity - self.fee):
                totals.referrals += 1
                hospital = self.model.hospitals[self.choose(self.model.hospital_value[self.zone])]
                treated += hospital.treat(severity, self.fee)
        change = 0.05 * (1.0 - self.health) - 0.12 * severity / (1.0 + treated)
        self.health = min(max(self.health + change, 0.05), 1.0)


class Practice(mesa.Agent):
    """A practice."""

    def __init__(self, model: Any, place: int, altruism: float, cost: float) -> None:
        super().__init__(model)
        self.place, self.altruism, self.cost = place, altruism, cost

    def treat(self, severity: float, fee: float) -> float:
        """Treat as much as is best, and be paid for it."""
        units = max(2.0 * severity + self.altruism + fee - self.cost, 0.0)
        self.model.totals.units += units
        self.model.paid[self.place] += fee * units
        return units


class Hospital(mesa.Agent):
    """A hospital."""

    def __init__(self, model: Any, place: int, cost: float) -> None:
        super().__init__(model)
        self.place, self.cost = place, cost

    def treat(self, severity: float, fee: float) -> float:
        """Treat as much as is best, and be paid for it."""
        units = max(3.0 * severity + fee - self.cost, 0.0)
        self.model.totals.hospital_units += units
        self.model.paid[self.place] += fee * units
        return units


class Health(mesa.Model):
    """People, practices and hospitals."""

    def __init__(self, n: int, seed: int, shuffled: bool) -> None:
        super().__init__(seed=seed)
        s, columns = setting(), people(n)
        self.totals, self.shuffled = Totals(), shuffled
        # A list, for adding to one element of an array takes Python several times as long.
        self.paid = [0.0] * (PRACTICES + HOSPITALS)
        self.practice_value = s.practice_value.tolist()
        self.hospital_value = s.hospital_value.tolist()
        self.practices = [
            Practice(self, j, float(s.altruism[j]), float(s.cost[j])) for j in range(PRACTICES)
        ]
        self.hospitals = [
            Hospital(self, PRACTICES + j, float(s.hospital_cost[j])) for j in range(HOSPITALS)
        ]
        rows = {name: column.tolist() for name, column in columns.items()}
        for i in range(n):
            Patient(self, **{name: column[i] for name, column in rows.items()})

    def step(self) -> None:
        """Let all live a month."""
        patients = self.agents_by_type[Patient]
        if self.shuffled:
            patients.shuffle_do("step")
        else:
            patients.do("step")
        self.totals.months += 1


def build(n: int, seed: int) -> tuple[Callable[[], None], Callable[[], dict[str, float]]]:
    """Give a step and an account of what happened."""
    import numpy as np

    model = Health(n, seed, shuffled="--ordered" not in EXTRA)

    def tell() -> dict[str, float]:
        totals = Totals()
        vars(totals).update(vars(model.totals))
        totals.paid = np.array(model.paid)
        health = sum(a.health for a in model.agents_by_type[Patient]) / n
        return totals.as_data(n, health)

    return model.step, tell


EXTRA = [word for word in sys.argv[1:] if word == "--ordered"]

if __name__ == "__main__":
    sys.argv = [word for word in sys.argv if word not in EXTRA]
    answer(build, {"mesa": mesa.__version__})
