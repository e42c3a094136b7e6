"""The reference month in Starsim: a module with states, its distributions by common numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import starsim as ss
from month import FEES, PRACTICES, PRICE, Totals, answer, cumulative, people, setting


def logistic(x: np.ndarray) -> np.ndarray:
    """Give 1 / (1 + exp -x)."""
    return 1.0 / (1.0 + np.exp(-x))


class Month(ss.Module):
    """Illness, care and payment."""

    def __init__(self, n: int) -> None:
        super().__init__(name="month")
        columns = people(n)
        self.s, self.totals, self.fees = setting(), Totals(), np.array(FEES)
        self.given = columns
        self.define_states(
            ss.FloatArr("years", default=columns["age"]),
            ss.FloatArr("chronic", default=columns["chronic"].astype(float)),
            ss.FloatArr("income", default=columns["income"]),
            ss.FloatArr("zone", default=columns["zone"].astype(float)),
            ss.FloatArr("payer", default=columns["payer"].astype(float)),
            ss.FloatArr("health", default=columns["health"]),
        )
        self.falls_ill = ss.bernoulli(p=lambda self, sim, uids: self.risk(uids))
        self.seeks = ss.bernoulli(p=lambda self, sim, uids: self.seeking[uids])
        self.goes_on = ss.bernoulli(p=lambda self, sim, uids: self.onward[uids])
        self.severity, self.first, self.second = ss.random(), ss.random(), ss.random()
        self.seeking = self.onward = np.zeros(n)

    def risk(self, uids: ss.uids) -> np.ndarray:
        """Give the probability of falling ill."""
        x = -1.1 + 0.02 * (self.years[uids] - 40.0) + 0.5 * self.chronic[uids] - self.health[uids]
        return logistic(x)

    def chosen(self, value: np.ndarray, uids: ss.uids, draw: ss.random) -> np.ndarray:
        """Draw one of the providers by a logit for each person."""
        steps = cumulative(value[self.zone[uids].astype(int)])
        return (steps < draw.rvs(uids)[:, None]).sum(axis=1)

    def step(self) -> None:
        """Let all live a month."""
        s, totals, n = self.s, self.totals, len(self.sim.people)
        health = self.health
        ill = self.falls_ill.filter()
        severity = np.zeros(n)
        severity[ill] = self.severity.rvs(ill) + 0.2 * self.chronic[ill]
        self.seeking = np.zeros(n)
        self.seeking[ill] = logistic(-0.6 + 2.5 * severity[ill] - PRICE / self.income[ill])
        at = self.seeks.filter(ill)
        fee = np.zeros(n)
        fee[at] = self.fees[self.payer[at].astype(int)]
        practice = self.chosen(s.practice_value, at, self.first)
        units = np.maximum(
            2.0 * severity[at] + s.altruism[practice] + fee[at] - s.cost[practice], 0.0
        )
        self.onward = np.zeros(n)
        self.onward[at] = logistic(-2.5 + 2.0 * severity[at] - fee[at])
        up = self.goes_on.filter(at)
        hospital = self.chosen(s.hospital_value, up, self.second)
        more = np.maximum(3.0 * severity[up] + fee[up] - s.hospital_cost[hospital], 0.0)
        totals.paid += np.bincount(practice, fee[at] * units, totals.paid.size)
        totals.paid += np.bincount(hospital + PRACTICES, fee[up] * more, totals.paid.size)
        treated = np.zeros(n)
        treated[at] = units
        treated[up] += more
        change = 0.02 * (1.0 - health.values)
        change[ill] = 0.05 * (1.0 - health[ill]) - 0.12 * severity[ill] / (1.0 + treated[ill])
        health[:] = np.clip(health.values + change, 0.05, 1.0)
        totals.months += 1
        totals.ill += len(ill)
        totals.visits += len(at)
        totals.referrals += len(up)
        totals.units += float(units.sum())
        totals.hospital_units += float(more.sum())


def build(n: int, seed: int) -> tuple[Callable[[], None], Callable[[], dict[str, float]]]:
    """Give a step and an account of what happened."""
    module = Month(n)
    sim = ss.Sim(n_agents=n, modules=module, dur=1000, dt=1, rand_seed=seed, verbose=0)
    sim.init()
    own = next(m for m in sim.modules if isinstance(m, Month))
    return (
        sim.run_one_step,
        lambda: own.totals.as_data(n, float(np.mean(own.health.values))),
    )


if __name__ == "__main__":
    answer(build, {"starsim": ss.__version__, "numpy": np.__version__})
