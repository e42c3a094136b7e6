"""Reforms replayed in twin worlds: one generic way for every study.

Knows a finding's reform, the sweep that lives it and the estimator of its study; must not know any
study in particular: no rule, parameter or branch here exists for one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from experiments.evidence import estimators
from experiments.evidence.findings import Finding, FromReform, FromStays, ReformForm, world
from experiments.evidence.stays import Ask, StayWorlds
from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.results import Results
from experiments.sweep.simulation import Simulation
from sim.scenario import Scenario, load

__all__ = [
    "CONTROL",
    "ESTIMATORS",
    "SPARE_FACTOR",
    "TREATED",
    "effects",
    "model_and_design",
    "reform_answered",
    "stay_effects",
    "stays_and_design",
    "stays_answered",
]

Float = npt.NDArray[np.float64]

TREATED: Final = "treated"
CONTROL: Final = "control"
SPARE_FACTOR: Final = "income_elasticity"
"""A sweep moves at least one parameter. This one no study identifies; it stays at its default
unless draws over its range are asked for."""
ESTIMATORS: Final = {
    "difference-in-differences": estimators.difference_in_differences,
    "before-after": estimators.before_after,
    "interrupted-series": estimators.interrupted_series,
}


def _monthly(finding: Finding) -> tuple[str, ...]:
    """List the outcomes that the finding's targets read, each once."""
    ways = [target.way for target in finding.targets]
    names = [n for way in ways if isinstance(way, FromReform) for n in (way.outcome, *way.times)]
    return tuple(dict.fromkeys(names))


def model_and_design(
    finding: Finding, replicates: int, seed: int, people: int | None = None
) -> tuple[Simulation, Design]:
    """Give the sweep that lives a finding's two worlds with the same people and luck.

    Parameters
    ----------
    finding : Finding
        With a reform.
    replicates, seed : int
    people : int, optional
        Another number of persons than the finding's.
    """
    form = finding.form.reform
    if form is None:
        raise ValueError(f"{finding.id} replays no reform")
    arms = _twins(finding, form, people)
    monthly = _monthly(finding)
    design = replace(_plain_design(finding, arms, replicates, seed, monthly), monthly=monthly)
    return Simulation.of(arms, monthly, monthly), design


def _twins(finding: Finding, form: ReformForm, people: int | None) -> dict[str, Scenario]:
    """Give a finding's two worlds, the controls' and the treated, of so many people."""
    arms = {name: world(form, name, f"{finding.id.lower()}-{name}") for name in (CONTROL, TREATED)}
    if people is None:
        return arms
    return {name: scenario.with_population(people) for name, scenario in arms.items()}


def _plain_design(
    finding: Finding,
    arms: Mapping[str, Scenario],
    replicates: int,
    seed: int,
    outcomes: tuple[str, ...],
) -> Design:
    """Give the design that lives a finding's worlds at the parameters of their region.

    A design needs a factor; one stands at its default.
    """
    spare = next(iter(arms.values())).region().parameters[SPARE_FACTOR]
    return Design(
        arms=tuple(arms),
        factors=(Factor.of(spare),),
        sampler=Sampler("given", options={"points": [[spare.default]]}),
        replicates=replicates,
        seed=seed,
        outcomes=outcomes,
        title=finding.form.title.model_dump(),
        scenario_sha={name: scenario.sha256() for name, scenario in arms.items()},
    )


BASELINE: Final = "baseline"
_YEAR: Final = {"warm_up": 12, "baseline": 12, "reform": 0}


def stays_and_design(
    finding: Finding, replicates: int, seed: int, people: int
) -> tuple[StayWorlds, Design]:
    """Give the sweep that answers a finding's questions about single stays.

    Twin worlds where the finding replays a reform, else the baseline year of its region.
    """
    ways = {t.id: t.way for t in finding.targets if isinstance(t.way, FromStays)}
    form = finding.form.reform
    if form is not None:
        arms = _twins(finding, form, people)
        start = form.horizon.start
    else:
        (region,) = {way.region for way in ways.values()}
        assert region is not None
        arms = {BASELINE: load(region).with_population(people).with_horizon(**_YEAR)}
        start = _YEAR["warm_up"]
    asks = {
        name: Ask(
            way.measure,
            start + way.first_month - 1,
            start + way.last_month,
            way.payer or "",
            way.group or "",
            way.level,
        )
        for name, way in ways.items()
    }
    design = replace(
        _plain_design(finding, arms, replicates, seed, tuple(asks)),
        settings={"asks": {name: asdict(ask) for name, ask in asks.items()}},
    )
    resolved = {name: scenario.resolved() for name, scenario in arms.items()}
    return StayWorlds(resolved, asks), design


def stay_effects(target: str, way: FromStays, results: Results) -> Float:
    """Give a target's level, or its gap between twin worlds, for every seed, in its scale."""
    return stays_answered(
        way, {arm: results.outcome(arm, target)[0] for arm in results.design.arms}
    )


def stays_answered(way: FromStays, of: Mapping[str, Float]) -> Float:
    """Answer a question about stays from its measure in every world, shape (n_seeds,)."""
    if BASELINE in of:
        return np.asarray(of[BASELINE] * (100.0 if way.scale == "points" else 1.0) / way.divide_by)
    control = of[CONTROL]
    gap = of[TREATED] - control
    scale: Mapping[str, Float | float] = {"percent": 100.0 / control, "points": 100.0, "unit": 1.0}
    return np.asarray(gap * scale[way.scale] / way.divide_by)


def effects(finding: Finding, way: FromReform, results: Results) -> Float:
    """Give a target's effect for every seed, in the target's scale.

    Parameters
    ----------
    finding : Finding
    way : FromReform
    results : Results

    Returns
    -------
    ndarray, shape (n_seeds,)
    """
    series = {
        arm: {name: results.series(arm, name)[0] for name in (way.outcome, *way.times)}
        for arm in (TREATED, CONTROL)
    }
    return reform_answered(finding, way, series)


def reform_answered(
    finding: Finding, way: FromReform, of: Mapping[str, Mapping[str, Float]]
) -> Float:
    """Answer a question about a reform from its outcomes by month in both worlds.

    Parameters
    ----------
    finding : Finding
    way : FromReform
    of : mapping of arm to mapping of outcome to ndarray, shape (n_seeds, n_months)

    Returns
    -------
    ndarray, shape (n_seeds,)
    """
    form = finding.form.reform
    assert form is not None
    series = {
        arm: np.prod([of[arm][name] for name in (way.outcome, *way.times)], axis=0)
        for arm in (TREATED, CONTROL)
    }
    effect, level = ESTIMATORS[form.estimator](
        series[TREATED], series[CONTROL], form.horizon.start, way.first_month, way.last_month
    )
    scale: Mapping[str, Float | float] = {"percent": 100.0 / level, "points": 100.0, "unit": 1.0}
    return np.asarray(effect * scale[way.scale] / way.divide_by)
