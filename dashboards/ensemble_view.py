"""A comparison over parameter sets that the data do not tell apart: its design, and what it says.

Knows a reader's choice, an ensemble's sets and spreads; must not know pages, or how a sweep is run.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from dash import html

from dashboards.choice import Choice
from dashboards.components import table
from dashboards.figures import words
from dashboards.figures.canvas import outcome_words
from dashboards.result_view import View
from experiments.ensemble import Ensemble, Spread, read_ensemble, refuse_doubles, spread_of
from experiments.sweep.results import Results
from sim.errors import ScenarioError
from sim.scenario import as_yaml

__all__ = [
    "MOST_PEOPLE",
    "SEEDS",
    "ChangeOverSets",
    "changes_over_sets",
    "design",
    "ensemble_of",
    "told",
]

SEEDS: Final = 2
"""Seeds of each set: with two, luck can be told from parameters."""
MOST_PEOPLE: Final = 5_000
"""People of each run: sets differ by more than luck does at this size."""
STEADY: Final = 0.9
"""Share of sets that must agree on the sign of a change for it to be called steady."""


@cache
def ensemble_of(region: str) -> Ensemble | None:
    """The parameter sets of a region; None where none were built."""
    try:
        return read_ensemble(region)
    except ScenarioError:
        return None


def design(choice: Choice, outcomes: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The sweep that lives a comparison under every set, and the files of its changed arms.

    Parameters
    ----------
    choice : what was compared
    outcomes : ids of outcomes

    Returns
    -------
    tuple of str and dict of str to str
        The design's text, and what stands beside it by name of file.

    Raises
    ------
    ScenarioError
        If the region has no sets, or an arm sets a parameter that they give too.
    """
    sets = ensemble_of(choice.region)
    if sets is None:
        raise ScenarioError("the region has no ensemble of parameters", value=choice.region)
    files: dict[str, str] = {}
    arms: list[Any] = [choice.region]
    for number, arm in enumerate(choice.arms, 1):
        scenario = arm.scenario(number)
        refuse_doubles(scenario, sets)
        if not arm.is_changed:
            arms.append(arm.id)
            continue
        text = arm.file(number)
        name = f"page-arm-{hashlib.sha256(text.encode()).hexdigest()[:12]}.yaml"
        files[name] = text
        arms.append({"scenario": f"./{name}", "name": scenario.id})
    values: dict[str, Any] = {"population": min(choice.people, MOST_PEOPLE)}
    if choice.months:
        values["horizon.reform"] = choice.months
    content = {
        "schema": 1,
        "kind": "sweep",
        "title": {"en": "A comparison over parameter sets", "zh": "参数集合上的比较"},
        "arms": arms,
        "set": values,
        "factors": list(sets.parameters),
        "sampler": {"name": "given", "options": {"points": sets.sets.tolist()}},
        "replicates": SEEDS,
        "outcomes": list(outcomes),
    }
    return as_yaml(content), files


@dataclass(frozen=True)
class ChangeOverSets:
    """What a reform does to an outcome over the sets.

    Attributes
    ----------
    arm, outcome : ids
    spread : of the difference from the status quo, in the outcome's unit
    baseline : mean of the status quo over sets, same unit
    """

    arm: str
    outcome: str
    spread: Spread
    baseline: float

    @property
    def is_steady(self) -> bool:
        """Whether nearly all sets agree on its sign."""
        return self.spread.same_sign >= STEADY


def changes_over_sets(results: Results) -> list[ChangeOverSets]:
    """Every reform's change of every outcome of a finished design, outcome by outcome.

    Raises
    ------
    StoreError
        If a run is missing, failed or damaged.
    """
    first, *reforms = results.design.arms
    found = []
    for outcome in results.design.outcomes:
        baseline = float(np.mean(results.outcome(first, outcome)))
        for arm in reforms:
            spread = spread_of(results.outcome(arm, outcome, minus=first))
            found.append(ChangeOverSets(arm, outcome, spread, baseline))
    return found


def told(results: Results, view: View) -> list[Any]:
    """What the sets say: a sentence, and a table beside what seeds alone say."""
    reader, tables = view.reader, view.tables
    lang, currency = reader.lang, tables.currency
    titles = {look.id: look.short for look in view.looks}
    changes = [c for c in changes_over_sets(results) if c.arm in titles]
    clear, said = 0, ""
    turning: list[str] = []
    rows: list[list[str]] = []
    for change in changes:
        about = outcome_words(tables.outcomes, change.outcome, lang)
        known = {c.arm: c for c in words.changes_of(tables.differences, change.outcome)}
        own = known.get(change.arm)
        if own is None or not own.is_known:
            continue
        scale = words.scale_of(known.values(), about["unit"])
        if own.is_clear:
            clear += 1
            if not change.is_steady:
                turning.append(
                    reader.say("ensemble_one", arm=titles[change.arm], outcome=about["label"])
                )
        value, low, high = words.on_scale(own, scale)
        factor = {
            "points": 100.0,
            "percent": 100.0 / abs(change.baseline) if change.baseline else math.nan,
        }.get(scale, 1.0)
        spread = change.spread
        unit = about["unit"]

        def signed(number: float, scale: words.Scale = scale, unit: str = unit) -> str:
            return words.signed(number, scale, unit, lang, currency)

        def ends(a: float, b: float, scale: words.Scale = scale, unit: str = unit) -> str:
            return words.signed_interval(a, b, scale, unit, lang, currency)

        rows.append(
            [
                "" if said == change.outcome else about["label"],
                titles[change.arm],
                signed(value),
                ends(low, high) if own.has_interval else "–",
                signed(spread.mean * factor),
                ends(spread.low * factor, spread.high * factor),
                f"{100.0 * spread.same_sign:.0f}%",
            ]
        )
        said = change.outcome
    sentence = reader.say(
        "ensemble_all" if not turning else "ensemble_some",
        n=clear,
        steady=clear - len(turning),
        sets=len(results.points),
    )
    columns = ["outcome", "arm", "own", "seeds", "mean", "range", "sign"]
    return [
        html.P(sentence, className="strong"),
        *(
            [html.P(reader.say("ensemble_turning", which=reader.say("comma").join(turning)))]
            if turning
            else []
        ),
        table(
            [reader.say(f"ensemble_col_{c}") for c in columns],
            rows,
            reader.say("ensemble_table"),
            css="words boxed",
        ),
        html.P(
            reader.say(
                "ensemble_note",
                sets=len(results.points),
                seeds=SEEDS,
                people=words.count(int(results.design.settings["population"]), lang),
            ),
            className="quiet",
        ),
    ]
