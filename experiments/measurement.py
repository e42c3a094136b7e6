"""One run of a scenario as the few numbers a study asks for.

Knows scenarios, the columnar engine and the outcome registry; must not know why the numbers are
wanted. A number is named ``outcome`` or ``outcome@group``: ``qaly``, ``qaly@income:1``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from sim.errors import RunError, ScenarioError
from sim.outcomes import GROUP_DIMENSIONS, OUTCOMES, evaluate
from sim.scenario import Scenario, suggestion

__all__ = ["Period", "check_name", "measured", "split"]

Period = Literal["baseline", "reform"]


def split(name: str) -> tuple[str, str]:
    """Take a number's name apart: its outcome and the group, ``all`` if none is named.

    Examples
    --------
    >>> split("qaly@income:1"), split("qaly")
    (('qaly', 'income:1'), ('qaly', 'all'))
    """
    outcome, _, group = name.partition("@")
    return outcome, group or "all"


def check_name(name: str, where: str) -> str:
    """Accept an outcome, or an outcome and one of its groups, else say what there is.

    Examples
    --------
    >>> check_name("qaly@income:1", "here")
    'qaly@income:1'
    """
    outcome, group = split(name)
    if outcome not in OUTCOMES:
        raise ScenarioError(
            "unknown outcome",
            where=where,
            value=outcome,
            allowed="an id from: payshift list outcomes; id@group for one group",
            remedy=suggestion(outcome, OUTCOMES),
        )
    if OUTCOMES[outcome].minus:
        raise ScenarioError(
            "the outcome exists only as a difference between arms",
            where=where,
            value=outcome,
            allowed=OUTCOMES[outcome].minus,
            remedy="Name that one; a comparison of arms takes the difference.",
        )
    dimension = group.partition(":")[0]
    told_apart = OUTCOMES[outcome].by
    if group != "all" and dimension not in told_apart:
        raise ScenarioError(
            f"{outcome} is not told apart by {dimension or 'that'}",
            where=where,
            value=group,
            allowed=", ".join(f"{d}:…" for d in told_apart) or "all",
            remedy=suggestion(dimension, GROUP_DIMENSIONS),
        )
    return name


def measured(
    scenario: Scenario,
    seed: int,
    names: Sequence[str],
    period: Period = "reform",
    *,
    gaps: bool = False,
) -> dict[str, float]:
    """Live a scenario once and measure some outcomes.

    Parameters
    ----------
    scenario : Scenario
    seed : int
    names : sequence of str
        ``outcome`` or ``outcome@group``.
    period : {'baseline', 'reform'}
        Which months are measured.
    gaps : bool
        Give NaN for an outcome that had no cases, in place of refusing the run.

    Returns
    -------
    dict of str to float
        In each outcome's unit.

    Raises
    ------
    RunError
        For an outcome that had no cases, unless gaps are asked for: nothing must take a gap for a
        number without knowing.
    """
    from sim.runner import RunTask, simulate_scenario

    horizon = scenario.horizon
    months = (
        slice(horizon.warm_up, horizon.start)
        if period == "baseline"
        else slice(horizon.start, horizon.months)
    )
    lived = simulate_scenario(RunTask(scenario.id, 0, seed, scenario))
    found = evaluate(lived.history, lived.traits, months)
    values: dict[str, float] = {}
    for name in names:
        outcome, group = split(name)
        cell = found.get(outcome, {}).get(group)
        if cell is None or not math.isfinite(cell.value):
            if gaps:
                values[name] = math.nan
                continue
            raise RunError(
                f"{name} was not measured ({cell.reason if cell else 'no such group in the run'})",
                where=f"{scenario.id}, seed {seed}, months of the {period}",
                remedy="Simulate more people or months, or leave the outcome out.",
            )
        values[name] = float(cell.value)
    return values
