"""Published findings: one file each, the numbers, their bands, and what replays them.

Knows the form of a finding's file and where files are; must not know how anything is simulated. A
finding holds what was published and what the model is asked, never a result of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from experiments.evidence.stays import MEASURES
from experiments.measurement import check_name
from sim.errors import PayshiftError, ScenarioError
from sim.payment import registry
from sim.scenario import (
    Horizon,
    Node,
    Scenario,
    Strict,
    Text,
    checked,
    elsewhere,
    field_place,
    library_ids,
    library_root,
    load,
    raise_all,
    read_tree,
    suggestion,
    unknown_name,
)

__all__ = [
    "FOLDER",
    "TRIAL_REGION",
    "Finding",
    "FindingForm",
    "Target",
    "finding_files",
    "findings",
    "read_finding",
    "world",
]

FOLDER: Final = Path(__file__).with_name("findings")
TRIAL_REGION: Final = "us-metro"
"""Where the insurance experiment is lived."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?$", max_length=60)]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Pair = Annotated[list[Number], Field(min_length=2, max_length=2)]
Outcome = Annotated[str, Field(min_length=1, max_length=120)]
Month = Annotated[int, Field(ge=1, le=600)]


class Source(Strict):
    """Where the numbers are from, and how well they were checked."""

    citation: Annotated[str, Field(min_length=1, max_length=600)]
    url: Annotated[str, Field(pattern=r"^https://", max_length=300)] | None = None
    grade: Annotated[
        Literal["seen", "computed", "unnamed", "recalled"],
        Field(
            description="seen in the publication; computed from public data; unnamed: seen in a "
            "publication that was not written down, so that a paper cited was inferred from the "
            "numbers; or recalled"
        ),
    ]


class FromLaboratory(Strict):
    """The mean quantity that the model's physicians choose under one payment of an experiment."""

    experiment: Name
    payment: Name


class FromTrial(Strict):
    """One measure of the insurance experiment, by plan or of one plan relative to another."""

    measure: Name
    plan: Name
    over: Name | None = None
    elasticity: Annotated[bool, Field(description="arc elasticity from `over` to `plan`")] = False


class FromBaseline(Strict):
    """One moment of a region's baseline year."""

    region: Name
    moment: Name


class FromReform(Strict):
    """One outcome of a reform replayed in twin worlds."""

    outcome: Outcome
    times: Annotated[
        list[Outcome], Field(default_factory=list, max_length=4, description="multiplied with it")
    ]
    scale: Annotated[
        Literal["percent", "points", "unit"],
        Field(description="percent of the control, percentage points, or the outcome's unit"),
    ]
    first_month: Annotated[Month, Field(description="counted from the reform, 1 the first")] = 1
    last_month: Month = 12
    divide_by: Annotated[
        Number,
        Field(gt=0.0, description="what the effect is divided by, such as the change of fee"),
    ] = 1.0


class FromStays(Strict):
    """What a study read of single stays: a level of one world, or the gap between twin worlds."""

    measure: Annotated[str, Field(pattern="^(" + "|".join(MEASURES) + ")$")]
    region: Annotated[
        Name | None, Field(description="its baseline year; left out where a reform is replayed")
    ] = None
    payer: Name | None = None
    group: Annotated[str | None, Field(max_length=60, description="clinical group")] = None
    level: Annotated[Literal[1, 2], Field(description="of level_charge_ratio")] = 2
    scale: Annotated[
        Literal["percent", "points", "unit"],
        Field(description="percent of the control, percentage points, or the measure's unit"),
    ] = "unit"
    first_month: Annotated[Month, Field(description="counted from the reform, 1 the first")] = 1
    last_month: Month = 12
    divide_by: Annotated[Number, Field(gt=0.0)] = 1.0


Way = FromLaboratory | FromTrial | FromBaseline | FromReform | FromStays


class SimulatedForm(Strict):
    """What gives the model's number; exactly one of the five."""

    laboratory: FromLaboratory | None = None
    trial: FromTrial | None = None
    baseline: FromBaseline | None = None
    reform: FromReform | None = None
    stays: FromStays | None = None

    @property
    def way(self) -> Way | None:
        """The one that is given; None if none or several are."""
        given = [
            each
            for each in (self.laboratory, self.trial, self.baseline, self.reform, self.stays)
            if each is not None
        ]
        return given[0] if len(given) == 1 else None


class TargetForm(Strict):
    """One published number, the band in which the model hits it, and what is asked of the model."""

    id: Name
    label: Text
    unit: Annotated[str, Field(max_length=60)] = ""
    published: Annotated[Number | None, Field(description="none: only the sign is recorded")] = None
    interval: Annotated[Pair | None, Field(description="95 % interval, or range published")] = None
    band: Pair
    sign: Annotated[Literal[-1, 0, 1], Field(description="of the effect; 0 where none counts")] = 0
    simulated: SimulatedForm | None = None
    missing: Annotated[Text | None, Field(description="why it is not simulated")] = None
    why: Annotated[Text | None, Field(description="what a miss comes from")] = None


class WorldForm(Strict):
    """One world of a reform: a scenario, with another contract or settings if need be."""

    scenario: Annotated[str, Field(min_length=1, max_length=200)]
    payment: Annotated[list[Any] | None, Field(max_length=20)] = None
    set: Annotated[dict[str, Any], Field(default_factory=dict, max_length=40)]


class ReformForm(Strict):
    """A reform in twin worlds, and the estimator of its study."""

    estimator: Annotated[
        Literal["difference-in-differences", "interrupted-series", "before-after"],
        Field(description="as the study did; twin worlds are the same people and luck"),
    ]
    treated: WorldForm
    control: WorldForm
    card: Annotated[
        dict[str, Any],
        Field(
            default_factory=dict, max_length=40, description="published observables, both worlds"
        ),
    ]
    people: Annotated[int, Field(ge=200, le=1_000_000)] = 10_000
    horizon: Horizon


class FindingForm(Strict):
    """A finding's file."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    kind: Literal["finding"]
    id: Name
    order: Annotated[int, Field(ge=0, le=999)] = 999
    title: Text
    use: Annotated[
        Literal["fit", "unseen", "demonstration", "rule"],
        Field(description="fitted, held out, only shown, or taken over as a rule of the model"),
    ]
    region: Annotated[
        Name | None, Field(description="of a number that no world or baseline stands for")
    ] = None
    models: Annotated[
        list[Name],
        Field(default_factory=list, max_length=6, description="payment models it is about"),
    ]
    setting: Text
    source: Source
    targets: Annotated[list[TargetForm], Field(min_length=1, max_length=60)]
    reform: ReformForm | None = None
    note: Text | None = None


@cache
def _region_of(scenario: str) -> str:
    return load(scenario).region_id


def _is_region(name: str) -> bool:
    """Tell a region's own policy from the reforms in it: both have ids in the library."""
    return (library_root() / "regions" / f"{name}.yaml").is_file()


@dataclass(frozen=True)
class Target:
    """One published number of a finding."""

    finding: Finding
    form: TargetForm

    @property
    def id(self) -> str:
        """Id inside its finding."""
        return self.form.id

    @property
    def way(self) -> Way | None:
        """What gives the model's number, None where it is not simulated."""
        return None if self.form.simulated is None else self.form.simulated.way

    @property
    def region(self) -> str:
        """Region that answers it; empty for the laboratory and where none would."""
        way, reform = self.way, self.finding.form.reform
        if isinstance(way, FromBaseline):
            return way.region
        if isinstance(way, FromTrial):
            return TRIAL_REGION
        if isinstance(way, FromStays) and way.region is not None:
            return way.region
        if isinstance(way, FromReform | FromStays) and reform is not None:
            return _region_of(reform.treated.scenario)
        return self.finding.form.region or ""


@dataclass(frozen=True)
class Finding:
    """A finding's file, checked in full.

    Attributes
    ----------
    form : FindingForm
    path : Path
    """

    form: FindingForm
    path: Path

    @property
    def id(self) -> str:
        """Id of the finding, such as C11."""
        return self.form.id

    @property
    def targets(self) -> tuple[Target, ...]:
        """Its numbers in the order of the file."""
        return tuple(Target(self, form) for form in self.form.targets)


def finding_files() -> dict[str, Path]:
    """List the findings that come with the package, by the stems of their files."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def findings() -> tuple[Finding, ...]:
    """Read every finding that comes with the package, in order; their worlds are not built yet."""
    found = [read_finding(path, with_worlds=False) for path in finding_files().values()]
    return tuple(sorted(found, key=lambda each: (each.form.order, each.id)))


def world(form: ReformForm, which: Literal["treated", "control"], name: str) -> Scenario:
    """Build one of the twin worlds of a reform: scenario, contract, settings, then the card.

    Parameters
    ----------
    form : ReformForm
    which : {'treated', 'control'}
    name : str
        How the scenario is called.

    Raises
    ------
    ScenarioError
        If the settings do not fit the scenario.
    """
    given: WorldForm = getattr(form, which)
    scenario = load(given.scenario)
    if given.payment is not None:
        scenario = scenario.with_payment(given.payment)
    settings = [*given.set.items(), *form.card.items()]
    if settings:
        scenario = scenario.set_all(settings)
    return (
        scenario.with_population(form.people)
        .with_horizon(**form.horizon.model_dump())
        .named(name, scenario.title)
    )


def _problems(form: FindingForm, tree: Node, with_worlds: bool) -> list[ScenarioError]:
    """Find what the types of fields cannot tell: doubles, bands, ways, outcomes, worlds."""
    found: list[ScenarioError] = []
    seen: set[str] = set()
    models = registry()
    regions = [name for name in library_ids() if _is_region(name)]
    if form.region is not None and form.region not in regions:
        found.append(
            unknown_name("no such region", field_place(tree, "region"), form.region, regions)
        )
    for index, model in enumerate(form.models):
        if model not in models:
            found.append(
                ScenarioError(
                    "no such payment model",
                    where=field_place(tree, "models", index),
                    value=model,
                    allowed="an id from: payshift list models",
                    remedy=suggestion(model, models),
                )
            )
    for index, target in enumerate(form.targets):
        place = ("targets", index)
        if target.id in seen:
            found.append(
                ScenarioError(
                    "the target is listed twice",
                    where=field_place(tree, *place, "id"),
                    value=target.id,
                )
            )
        seen.add(target.id)
        for name, pair in (("band", target.band), ("interval", target.interval)):
            if pair is not None and pair[0] > pair[1]:
                found.append(
                    ScenarioError(
                        "the lower end comes first",
                        where=field_place(tree, *place, name),
                        value=pair,
                    )
                )
        way = None if target.simulated is None else target.simulated.way
        if (way is None) == (target.missing is None):
            found.append(
                ScenarioError(
                    "a target is either simulated, in one way, or says why it is missing",
                    where=field_place(tree, *place, "id"),
                    value=target.id,
                    allowed="simulated: with laboratory, trial, baseline, reform or stays; "
                    "or missing:",
                )
            )
        if isinstance(way, FromReform):
            spot = field_place(tree, *place, "simulated", "reform", "outcome")
            found.extend(_of_reform(form, way, spot))
        if isinstance(way, FromStays):
            spot = field_place(tree, *place, "simulated", "stays", "measure")
            found.extend(_of_stays(form, way, spot, regions))
    if form.reform is not None and with_worlds:
        for which in ("treated", "control"):
            found.extend(_of_world(form.reform, which, tree))
    return found


def _of_stays(
    form: FindingForm, way: FromStays, spot: str, regions: Sequence[str]
) -> list[ScenarioError]:
    """Check what a target asks of single stays."""
    if (way.region is None) == (form.reform is None):
        return [
            ScenarioError(
                "stays are those of a region's baseline or of the finding's reform",
                where=spot,
                allowed="region: where there is no reform; no region where there is one",
            )
        ]
    name = way.region
    if name is None and form.reform is not None:
        name = _region_of(form.reform.treated.scenario)
        if not way.first_month <= way.last_month <= form.reform.horizon.reform:
            return [
                ScenarioError(
                    "not months of the reform",
                    where=spot,
                    value=f"{way.first_month} to {way.last_month}",
                    allowed=f"1 to {form.reform.horizon.reform}, the first before the last",
                )
            ]
    if name is None or name not in regions:
        return [ScenarioError("no such region", where=spot, value=name, allowed=", ".join(regions))]
    region = load(name).region()
    found = []
    for word, given, known in (
        ("payer", way.payer, region.payers),
        ("clinical group", way.group, region.groups.ids),
    ):
        if given is not None and given not in known:
            found.append(unknown_name(f"the region has no such {word}", spot, given, known))
    return found


def _of_reform(form: FindingForm, way: FromReform, spot: str) -> list[ScenarioError]:
    """Check what a target asks of a reform."""
    if form.reform is None:
        return [
            ScenarioError(
                "the finding replays no reform",
                where=spot,
                remedy="Add a block reform with treated and control.",
            )
        ]
    found: list[ScenarioError] = []
    for name in (way.outcome, *way.times):
        try:
            check_name(name, spot)
        except ScenarioError as error:
            found.append(error)
    if not way.first_month <= way.last_month <= form.reform.horizon.reform:
        found.append(
            ScenarioError(
                "not months of the reform",
                where=spot,
                value=f"{way.first_month} to {way.last_month}",
                allowed=f"1 to {form.reform.horizon.reform}, the first before the last",
            )
        )
    return found


def _of_world(
    form: ReformForm, which: Literal["treated", "control"], tree: Node
) -> list[ScenarioError]:
    """Check that a world can be built."""
    try:
        world(form, which, which)
    except PayshiftError as error:
        spot = field_place(tree, "reform", which)
        return [
            each
            if f"{tree.place.file}:" in each.where
            else elsewhere(each, f"{spot} ({each.where})")
            for each in error.all
            if isinstance(each, ScenarioError)
        ]
    return []


def read_finding(path: Path | str, *, with_worlds: bool = True) -> Finding:
    """Read a finding's file, or one of the package by its id, and check all of it.

    Parameters
    ----------
    path : Path or str
        A path, or the id of a finding of the package, in any case.
    with_worlds : bool
        Also build the worlds of its reform, which takes a moment, to find their mistakes.

    Raises
    ------
    ScenarioError
        With file, line, column, field, value, what is allowed and what to do; `also` carries the
        file's other mistakes.
    """
    text = str(path)
    known: Mapping[str, Path] = finding_files()
    if isinstance(path, str) and "/" not in text and not text.endswith((".yaml", ".yml")):
        stem = text.lower()
        if stem not in known:
            raise ScenarioError(
                "there is no such finding",
                where="finding",
                value=text,
                allowed="a path to a .yaml file, or one of " + ", ".join(known),
                remedy=suggestion(stem, known),
            )
        path = known[stem]
    file = Path(path)
    name = f"experiments/evidence/findings/{file.name}" if file.parent == FOLDER else str(path)
    tree = read_tree(file, name)
    form = checked(FindingForm, tree)
    raise_all(_problems(form, tree, with_worlds))
    return Finding(form, file)
