"""The simulator as the model of a sweep: parameters, arm and seed in, outcomes out.

Knows scenarios and outcomes; must not know designs, stores or processes. It imports what a run
needs and no more: neither mesa nor any library of sampling, analysis or pages.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.measurement import split
from experiments.sweep.worker import Outcomes
from sim.errors import ScenarioError

__all__ = ["DENOMINATOR", "NUMERATOR", "PAYMENT", "Simulation", "settings_of"]

PAYMENT = "payment"
"""Name of the categorical factor whose categories are scenarios that lend their payment."""

NUMERATOR, DENOMINATOR = "numerator of ", "denominator of "
"""What stands before an outcome's name where the two sums it is a ratio of are kept."""


def settings_of(parameters: Mapping[str, Any], known: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Give factors as settings of a scenario: a parameter's id stands for its path."""
    return [
        (f"parameters.{name}" if name in known else name, value)
        for name, value in parameters.items()
        if name != PAYMENT
    ]


@dataclass
class Simulation:
    """A model of scenarios: `simulation(parameters, arm, seed)` lives one run.

    Attributes
    ----------
    arms : mapping of str to mapping
        Resolved scenario of each arm; see `sim.scenario.Scenario.resolved`.
    outcomes, monthly : tuple of str
        Outcome ids, with ``@group`` for one group.
    code_version : str
        Hash of the simulator and its library.
    inputs : mapping of str to mapping
        SHA-256 of the region's tables, by arm.
    with_sums : bool
        Keep the numerator and the denominator of each outcome too, so that runs can be added.
    """

    arms: Mapping[str, Mapping[str, Any]]
    outcomes: tuple[str, ...]
    monthly: tuple[str, ...]
    code_version: str
    inputs: Mapping[str, Mapping[str, str]]
    with_sums: bool = False
    _scenarios: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what each process builds for itself."""
        return {**self.__dict__, "_scenarios": {}}

    def _scenario(self, arm: str) -> Any:
        if arm not in self._scenarios:
            from sim.scenario import Scenario

            self._scenarios[arm] = Scenario.from_resolved(self.arms[arm], f"arm {arm}")
        return self._scenarios[arm]

    def varied(self, arm: str, parameters: Mapping[str, Any]) -> Any:
        """Give an arm's scenario with the factors set.

        Raises
        ------
        ScenarioError
            If the scenario cannot take a value.
        """
        scenario = self._scenario(arm)
        lent = parameters.get(PAYMENT)
        if lent is not None:
            scenario = scenario.with_payment(lent)
        settings = settings_of(parameters, scenario.region().parameters)
        return scenario.set_all(settings) if settings else scenario

    def prepare(self) -> None:
        """Load compiled rules and tables before the first run is timed."""
        arm = next(iter(self.arms))
        scenario = self._scenario(arm).with_population(200)
        short = scenario.with_horizon(warm_up=0, baseline=12, reform=0)
        self._lived(short, arm, 1)

    def _lived(self, scenario: Any, arm: str, seed: int) -> Any:
        from sim.runner import RunTask, simulate_scenario

        task = RunTask(arm, 0, seed, scenario, with_ledger=False)
        return simulate_scenario(task)

    def __call__(self, parameters: Mapping[str, Any], arm: str, seed: int) -> Outcomes:
        """Live one run and measure what the design asks for."""
        from sim.outcomes import evaluate, evaluate_monthly, evaluate_sums
        from sim.runner import reform_months

        scenario = self.varied(arm, parameters)
        if self.inputs.get(arm) and scenario.table_hashes() != self.inputs[arm]:
            raise ScenarioError(
                "a table of the region was changed since the sweep was begun", where=f"arm {arm}"
            )
        lived = self._lived(scenario, arm, seed)
        asked: dict[str, set[str]] = {}
        for outcome in self.outcomes:
            name, group = split(outcome)
            asked.setdefault(name, set()).add(group)
        found = evaluate(lived.history, lived.traits, reform_months(scenario), asked)
        summary = {}
        for outcome in self.outcomes:
            name, group = split(outcome)
            measured = found.get(name, {}).get(group)
            summary[outcome] = math.nan if measured is None else float(measured.value)
        if self.with_sums:
            sums = evaluate_sums(lived.history, lived.traits, reform_months(scenario))
            for outcome in self.outcomes:
                name, group = split(outcome)
                if group in sums.get(name, {}):
                    above, below = sums[name][group]
                    summary[NUMERATOR + outcome] = above
                    summary[DENOMINATOR + outcome] = below
        if not self.monthly:
            return Outcomes(summary)
        dimensions = sorted({split(name)[1].partition(":")[0] for name in self.monthly})
        months = evaluate_monthly(lived.history, lived.traits, dimensions)
        series = {}
        for outcome in self.monthly:
            name, group = split(outcome)
            values = months.get(name, {}).get(group)
            n = scenario.horizon.months
            series[outcome] = [math.nan] * n if values is None else values
        return Outcomes(summary, series)

    # -- writing it down

    def as_json(self) -> str:
        """Write the model so that `from_json` gives an equal one."""
        content = {
            "kind": "simulation",
            "arms": self.arms,
            "outcomes": self.outcomes,
            "monthly": self.monthly,
            "code_version": self.code_version,
            "inputs": self.inputs,
            "with_sums": self.with_sums,
        }
        return json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Simulation:
        """Read what `as_json` wrote."""
        data = json.loads(text)
        return cls(
            data["arms"],
            tuple(data["outcomes"]),
            tuple(data["monthly"]),
            data["code_version"],
            data["inputs"],
            data.get("with_sums", False),
        )

    @classmethod
    def of(
        cls,
        arms: Mapping[str, Any],
        outcomes: Sequence[str],
        monthly: Sequence[str] = (),
        with_sums: bool = False,
    ) -> Simulation:
        """Make a model of scenarios by name.

        Parameters
        ----------
        arms : mapping of str to Scenario
        outcomes, monthly : sequence of str
        with_sums : bool
        """
        from sim.record import code_version
        from sim.scenario import library_root

        return cls(
            {name: scenario.resolved() for name, scenario in arms.items()},
            tuple(outcomes),
            tuple(monthly),
            code_version(library_root()),
            {name: scenario.table_hashes() for name, scenario in arms.items()},
            with_sums,
        )
