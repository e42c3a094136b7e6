"""The form of a calibration file: what may move, what it is held to, how it is searched.

Knows fields and ranges, and checks them against a region's parameters and the outcome registry;
must not know how a search goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from experiments.calibration.problem import Problem, Range, Search, Target
from experiments.measurement import check_name, measured
from sim.errors import PayshiftError, ScenarioError
from sim.parameters import Parameter
from sim.scenario import (
    Node,
    Scenario,
    Strict,
    Text,
    checked,
    elsewhere,
    field_place,
    load,
    raise_all,
    read_tree,
    suggestion,
)

MOST_TRIALS = 100_000
LONGEST_NAME = 80
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]


class RangeForm(Strict):
    """Where one parameter may move; the region's own range where nothing is said."""

    low: Number | None = None
    high: Number | None = None
    scale: Literal["linear", "log"] | None = None


class TargetForm(Strict):
    """One published number and how close is close."""

    outcome: Name
    group: Name = "all"
    value: Number
    tolerance: Annotated[float, Field(gt=0.0, le=1e12)]
    source: Annotated[str, Field(min_length=1, max_length=400)]
    note: Annotated[str, Field(max_length=400)] = ""


class SearchForm(Strict):
    """How the search goes."""

    method: Literal["tpe", "least-squares"] = "tpe"
    trials: Annotated[int, Field(ge=1, le=MOST_TRIALS)] = 60
    seed: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1


class ProfileForm(Strict):
    """How the profiles are taken; 0 points leaves them out."""

    points: Annotated[int, Field(ge=0, le=50)] = 7
    steps: Annotated[int, Field(ge=1, le=200)] = 4
    on: Literal["simulator", "emulator"] = "simulator"


class EmulatorForm(Strict):
    """What an emulator is made from, and how good it must be to be used."""

    points: Annotated[int, Field(ge=10, le=5000)] = 60
    least_q2: Annotated[float, Field(ge=0.0, le=1.0)] = 0.8


class CalibrateForm(Strict):
    """The part of the file that is a calibration's own."""

    parameters: Annotated[dict[Name, RangeForm], Field(min_length=1, max_length=30)]
    targets: Annotated[list[TargetForm], Field(min_length=1, max_length=100)]
    search: SearchForm = SearchForm()
    profile: ProfileForm = ProfileForm()
    emulator: EmulatorForm | None = None


class CalibrationForm(Strict):
    """A whole file: ``kind: study`` with a block ``calibrate``."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    kind: Literal["study"]
    id: Name | None = None
    title: Text
    description: Text | None = None
    scenario: Name
    set: Annotated[dict[Name, Any], Field(default_factory=dict, max_length=200)]
    population: Annotated[int, Field(ge=1, le=20_000_000)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None
    replicates: Annotated[int, Field(ge=1, le=1000)] = 2
    months: Literal["baseline", "reform"] = "baseline"
    calibrate: CalibrateForm


def _scenario(form: CalibrationForm, tree: Node, folder: Path) -> Scenario:
    """Load the scenario and apply what the file sets, with places in the study's file."""
    name = form.scenario
    try:
        scenario = load(folder / name if name.startswith("./") else name)
    except ScenarioError as error:
        if ":" in error.where:
            raise  # a line of the scenario's own file
        raise elsewhere(error, field_place(tree, "scenario")) from None
    try:
        if form.set:
            scenario = scenario.set_all(form.set.items())
        if form.population is not None:
            scenario = scenario.with_population(form.population)
    except PayshiftError as error:
        path = error.where.removeprefix("--set ").partition(":")[0]
        where = field_place(tree, "set", path) if path in form.set else field_place(tree, "set")
        raise elsewhere(error, where) from None
    return scenario


def _ranges(
    form: CalibrationForm, tree: Node, known: Mapping[str, Parameter]
) -> Iterator[Range | ScenarioError]:
    """Fill in what the file leaves to the region's parameters; give each mistake instead."""
    for name, given in form.calibrate.parameters.items():
        place = field_place(tree, "calibrate", "parameters", name)
        if name not in known:
            yield ScenarioError(
                "the region has no such parameter",
                where=place,
                value=name,
                allowed="see: payshift list parameters",
                remedy=suggestion(name, known),
            )
            continue
        row = known[name]
        low = row.low if given.low is None else given.low
        high = row.high if given.high is None else given.high
        if not row.low <= low < high <= row.high:
            yield ScenarioError(
                "not a range inside the parameter's own",
                where=place,
                value=f"{low:g} to {high:g}",
                allowed=f"low < high within {row.low:g} to {row.high:g} {row.unit}",
                remedy="Widen the range in the region's parameters.csv if you have a source.",
            )
            continue
        is_log = row.distribution == "loguniform" if given.scale is None else given.scale == "log"
        if is_log and low <= 0.0:
            yield ScenarioError(
                "a log scale needs a range above zero",
                where=place,
                value=low,
                remedy="Write scale: linear, or a higher low.",
            )
            continue
        yield Range(name, low, high, is_log, row.unit, row.label_en, row.label_zh)


def _targets(form: CalibrationForm, tree: Node) -> Iterator[Target | ScenarioError]:
    """Check every target against the outcome registry; give each mistake instead."""
    seen: set[str] = set()
    for index, given in enumerate(form.calibrate.targets):
        place = field_place(tree, "calibrate", "targets", index, "outcome")
        name = given.outcome if given.group == "all" else f"{given.outcome}@{given.group}"
        try:
            check_name(name, place)
        except ScenarioError as error:
            yield error
            continue
        if name in seen:
            yield ScenarioError("the target is listed twice", where=place, value=name)
            continue
        seen.add(name)
        yield Target(name, given.value, given.tolerance, given.source)


def read_problem(path: Path) -> Problem:
    """Read a calibration file and check all of it before anything is run.

    Parameters
    ----------
    path : Path
        A file of ``kind: study`` with a block ``calibrate``.

    Raises
    ------
    ScenarioError
        With file, line, column, field, value, what is allowed and what to do; `also` carries
        further mistakes of the same file.
    """
    tree = read_tree(path)
    form = checked(CalibrationForm, tree)
    scenario = _scenario(form, tree, path.parent)
    known = scenario.region().parameters
    ranges: list[Range] = []
    targets: list[Target] = []
    problems: list[ScenarioError] = []
    for found in (*_ranges(form, tree, known), *_targets(form, tree)):
        if isinstance(found, ScenarioError):
            problems.append(found)
        elif isinstance(found, Range):
            ranges.append(found)
        else:
            targets.append(found)
    raise_all(problems)
    if form.calibrate.profile.on == "emulator" and form.calibrate.emulator is None:
        raise ScenarioError(
            "profiles on an emulator need one",
            where=field_place(tree, "calibrate", "profile", "on"),
            remedy="Add an emulator block, or write on: simulator.",
        )
    seed = scenario.seed if form.seed is None else form.seed
    emulator = form.calibrate.emulator
    start = {
        each.id: min(
            max(scenario.parameters.get(each.id, known[each.id].default), each.low), each.high
        )
        for each in ranges
    }
    return Problem(
        id=form.id or path.stem,
        title={"en": form.title.en, "zh": form.title.zh},
        ranges=tuple(ranges),
        targets=tuple(targets),
        start=start,
        seed=seed,
        replicates=form.replicates,
        search=Search(
            method=form.calibrate.search.method,
            trials=form.calibrate.search.trials,
            seed=form.calibrate.search.seed,
            profile_points=form.calibrate.profile.points,
            profile_steps=form.calibrate.profile.steps,
            profile_on=form.calibrate.profile.on,
            emulator_points=None if emulator is None else emulator.points,
            least_q2=0.0 if emulator is None else emulator.least_q2,
        ),
        content={"scenario": scenario.sha256(), "months": form.months},
        measure=_measure(scenario, [t.name for t in targets], form.months),
    )


def _measure(
    scenario: Scenario, names: list[str], months: Literal["baseline", "reform"]
) -> Callable[[Mapping[str, float], int], Mapping[str, float]]:
    """Give the function that a search calls: parameters and a seed to moments."""

    def measure(parameters: Mapping[str, float], seed: int) -> Mapping[str, float]:
        return measured(scenario.with_parameters(parameters), seed, names, months)

    return measure
