"""Design files: ``kind: sweep`` in YAML, read once and checked in full.

Knows the form of a design file, the registries of parameters and outcomes; must not know how runs
are executed or stored. Every mistake is told with file, line, column, what is allowed and a remedy.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from experiments.measurement import check_name, split
from experiments.sweep.design import (
    DISTRIBUTIONS,
    SAMPLERS,
    County,
    Design,
    Factor,
    Limits,
    Sampler,
)
from experiments.sweep.simulation import PAYMENT, Simulation
from sim.errors import PayshiftError, ScenarioError
from sim.outcomes import OUTCOMES
from sim.parameters import Parameter
from sim.scenario import (
    Node,
    Scenario,
    Strict,
    Text,
    checked,
    field_place,
    load,
    plain,
    raise_all,
    read_tree,
    suggestion,
)

__all__ = ["Sweep", "SweepForm", "design_ids", "is_design", "read_sweep"]

_FOLDER = Path(__file__).resolve().parent.parent / "designs"


def _named(key: str) -> BeforeValidator:
    """Let a name stand for an entry that has nothing else to say."""
    return BeforeValidator(lambda raw: {key: raw} if isinstance(raw, str) else raw)


class ArmForm(Strict):
    """An arm: a scenario, perhaps with some values set."""

    scenario: Annotated[str, Field(description="an id of the library, or ./ and a file")]
    name: Annotated[
        str | None, Field(max_length=80, description="the scenario's id if left out")
    ] = None
    set: Annotated[
        dict[str, Any], Field(default_factory=dict, description="values in this arm only")
    ]


class FactorForm(Strict):
    """A factor: what the registry says of a parameter, unless the file says otherwise."""

    name: Annotated[str, Field(min_length=1, description="a parameter, a path, or payment")]
    low: float | None = None
    high: float | None = None
    mode: float | None = None
    distribution: (
        Literal["uniform", "loguniform", "triangular", "integer", "categorical"] | None
    ) = None
    categories: Annotated[list[str | bool | int | float], Field(default_factory=list)]
    group: Annotated[str, Field(max_length=80)] = ""
    unit: str | None = None
    label: Text | None = None


class SamplerForm(Strict):
    """How points are drawn."""

    name: Annotated[str, Field(description=", ".join(SAMPLERS))]
    n: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    seed: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1
    options: Annotated[dict[str, Any], Field(default_factory=dict)]


class CountiesForm(Strict):
    """A province: a table with a row for each county."""

    table: Annotated[str, Field(description="./ and a CSV file beside this one")]
    share: Annotated[
        float, Field(gt=0.0, le=1.0, description="share of the residents that is simulated")
    ] = 1.0
    source: Annotated[str, Field(max_length=200, description="where the table is from")] = ""


class LimitsForm(Strict):
    """What one run may use."""

    seconds: Annotated[float, Field(gt=0.0, le=1e6)] = 600.0
    memory_mb: Annotated[float, Field(gt=0.0, le=1e7)] = 4000.0
    tries: Annotated[int, Field(ge=1, le=100)] = 2


class SweepForm(Strict):
    """A design file."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    kind: Literal["sweep"]
    title: Annotated[Text, Field(description="{en: ..., zh: ...}")]
    description: Text | None = None
    arms: Annotated[list[Annotated[ArmForm, _named("scenario")]], Field(min_length=1)]
    set: Annotated[
        dict[str, Any], Field(default_factory=dict, description="values by path, in every arm")
    ]
    factors: Annotated[
        list[Annotated[FactorForm, _named("name")]],
        Field(default_factory=list, max_length=1000),
    ]
    sampler: Annotated[SamplerForm, _named("name")] | None = None
    counties: CountiesForm | None = None
    replicates: Annotated[
        int, Field(ge=1, le=100_000, description="seeds; where there are counties, of each")
    ] = 1
    seed: Annotated[int | None, Field(ge=0, le=2**63 - 1)] = None
    outcomes: Annotated[list[str], Field(default_factory=list, max_length=500)]
    monthly: Annotated[list[str], Field(default_factory=list, max_length=500)]
    limits: LimitsForm = LimitsForm()


class Sweep(NamedTuple):
    """What a design file says: its design, and the model that lives its runs."""

    design: Design
    model: Simulation
    name: str


def design_ids() -> dict[str, Path]:
    """List the designs that come with the package, by id."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"))}


def located(id_or_path: str | Path) -> tuple[Path, str]:
    """Find the file that an id or a path means, and the name messages give it.

    Raises
    ------
    ScenarioError
        If there is no such design.
    """
    text = str(id_or_path)
    known = design_ids()
    if text in known:
        return known[text], f"experiments/designs/{text}.yaml"
    if "/" not in text and "\\" not in text and not text.endswith((".yaml", ".yml")):
        raise ScenarioError(
            "there is no such design",
            where="design",
            value=text,
            allowed="a path to a .yaml file, or one of " + ", ".join(known),
            remedy=suggestion(text, known),
        )
    return Path(text), text


def is_design(path: str) -> bool:
    """Say whether a file states that it is the design of a sweep."""
    if not path.endswith((".yaml", ".yml")):
        return False
    try:
        kind = read_tree(Path(path), path).get("kind")
    except ScenarioError:
        return False
    return kind is not None and kind.value == "sweep"


class _Reader:
    """Gathers the mistakes of one file."""

    def __init__(self, tree: Node, folder: Path) -> None:
        self.tree = tree
        self.folder = folder
        self.problems: list[PayshiftError] = []

    def place(self, *steps: str | int) -> str:
        """Give file, line, column and path of a field."""
        return field_place(self.tree, *steps)

    def wrong(self, error: PayshiftError, *steps: str | int) -> None:
        """Keep a mistake with the place in this file that it comes from."""
        for one in error.all:
            more: dict[str, Any] = {"value": one.value} if one.has_value else {}
            what = f"{one.where}: {one.what}" if one.where else one.what
            self.problems.append(
                ScenarioError(
                    what,
                    where=self.place(*steps),
                    allowed=one.allowed,
                    remedy=one.remedy,
                    **more,
                )
            )

    # -- arms

    def arms(self, form: SweepForm) -> dict[str, Scenario]:
        found: dict[str, Scenario] = {}
        for i, arm in enumerate(form.arms):
            steps: tuple[str | int, ...] = ("arms", i)
            try:
                path: str | Path = arm.scenario
                if arm.scenario.startswith("./"):
                    path = self.folder / arm.scenario[2:]
                scenario = load(path)
                name = arm.name or scenario.id
                if name in found:
                    self.problems.append(
                        ScenarioError(
                            "two arms have one name",
                            where=self.place(*steps),
                            value=name,
                            remedy="Give one of them another name.",
                        )
                    )
                for block, values in (("set", form.set), ((*steps, "set"), arm.set)):
                    steps = (block,) if isinstance(block, str) else block
                    if values:
                        scenario = scenario.set_all(values.items())
                found[name] = scenario
            except ScenarioError as error:
                self.wrong(error, *steps)
        return found

    # -- factors

    def factors(self, form: SweepForm, arms: Mapping[str, Scenario]) -> list[Factor]:
        parameters = next(iter(arms.values())).region().parameters
        found = []
        for i, one in enumerate(form.factors):
            try:
                found.append(self._factor(one, parameters))
            except ScenarioError as error:
                self.wrong(error, "factors", i)
        names = [factor.name for factor in found]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.problems.append(
                ScenarioError("the factor is listed twice", where=self.place("factors"), value=name)
            )
        return found

    def _factor(self, one: FactorForm, parameters: Mapping[str, Parameter]) -> Factor:
        known = parameters.get(one.name)
        label = one.label
        english = label.en if label else known.label_en if known else one.name
        chinese = label.zh if label else known.label_zh if known else one.name
        if one.categories:
            if one.low is not None or one.high is not None:
                raise ScenarioError("either a range or categories, not both")
            kinds = tuple(_category(word) for word in one.categories)
            return Factor(
                one.name,
                categories=kinds,
                group=one.group,
                unit=one.unit or "",
                label_en=english,
                label_zh=chinese,
            )
        if one.name == PAYMENT:
            raise ScenarioError(
                "payment varies by categories",
                allowed="categories: a list of scenarios whose payment is taken",
            )
        low, high = one.low, one.high
        if known is not None:
            if known.role == "fixed" and (low is None or high is None):
                raise ScenarioError(
                    f"{one.name} is held fixed in the registry",
                    allowed="low and high, if it shall vary nonetheless",
                )
            low = known.low if low is None else low
            high = known.high if high is None else high
        if low is None or high is None:
            remedy = suggestion(one.name, parameters) if "." not in one.name else ""
            raise ScenarioError(
                "low and high are missing" if "." in one.name else "unknown parameter",
                value=one.name,
                allowed="a parameter from: payshift list parameters; or a path with low and high",
                remedy=remedy,
            )
        usual = known.distribution if known is not None else "uniform"
        distribution = one.distribution or (usual if usual in DISTRIBUTIONS else "uniform")
        mode = one.mode
        if distribution == "triangular" and mode is None and known is not None:
            mode = min(max(known.default, low), high)
        unit = one.unit if one.unit is not None else known.unit if known is not None else ""
        return Factor(
            one.name,
            low,
            high,
            distribution,
            group=one.group,
            unit=unit,
            mode=mode,
            label_en=english,
            label_zh=chinese,
        )

    # -- counties

    def counties(self, form: CountiesForm, parameters: Mapping[str, Parameter]) -> list[County]:
        """Read the table of a province; largest county first, so that no worker ends with it."""
        if not form.table.startswith("./"):
            self.wrong(
                ScenarioError(
                    "not a file beside this one", value=form.table, allowed="./ and a CSV file"
                ),
                "counties",
                "table",
            )
            return []
        try:
            text = (self.folder / form.table[2:]).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as reason:
            self.wrong(ScenarioError(f"cannot be read ({reason})"), "counties", "table")
            return []
        rows = csv.reader(io.StringIO(text))
        header = next(rows, [])
        missing = [name for name in _COUNTY_COLUMNS if name not in header]
        if missing or len(set(header)) != len(header):
            self.problems.append(
                ScenarioError(
                    "a column is missing" if missing else "a column is there twice",
                    where=f"{form.table}:1",
                    value=", ".join(missing) if missing else ", ".join(header),
                    allowed=", ".join(_COUNTY_COLUMNS)
                    + ", and one for each parameter that differs",
                )
            )
            return []
        for name in header:
            if name not in (*_COUNTY_COLUMNS, *parameters) and "." not in name:
                self.problems.append(
                    ScenarioError(
                        "unknown parameter",
                        where=f"{form.table}:1",
                        value=name,
                        allowed="a parameter from: payshift list parameters; or a path with a dot",
                        remedy=suggestion(name, parameters),
                    )
                )
        found = []
        for cells in rows:
            if not cells:
                continue
            try:
                found.append(_county(header, cells, form.share, f"{form.table}:{rows.line_num}"))
            except ScenarioError as error:
                self.problems.append(error)
        if not found and not self.problems:
            self.problems.append(ScenarioError("no county is listed", where=form.table))
        return sorted(found, key=lambda county: -county.residents)

    def try_counties(self, model: Simulation, counties: Sequence[County]) -> None:
        """Set what is a county's own in every arm: of all, or of the ends if only people differ."""
        has_more = any(len(county.settings) > 1 for county in counties)
        for county in counties if has_more else [*counties[:1], *counties[-1:]]:
            for arm in model.arms:
                try:
                    model.varied(arm, county.settings)
                except PayshiftError as error:
                    more: dict[str, Any] = {"value": error.value} if error.has_value else {}
                    what = ScenarioError(
                        error.what,
                        where=f"county {county.id}, arm {arm}",
                        allowed=error.allowed,
                        remedy=error.remedy,
                        **more,
                    )
                    self.wrong(what, "counties", "table")
                    break

    def try_ends(self, model: Simulation, factors: Sequence[Factor]) -> None:
        """Set every factor to both ends, and to each category, in every arm."""
        for i, factor in enumerate(factors):
            values: list[Any] = list(factor.categories)
            if not values:
                values = [factor.value(factor.low), factor.value(factor.high)]
            for arm in model.arms:
                try:
                    for value in values:
                        model.varied(arm, {factor.name: value})
                except PayshiftError as error:
                    one = ScenarioError(
                        error.what,
                        where=f"arm {arm}",
                        value=error.value if error.has_value else factor.name,
                        allowed=error.allowed,
                        remedy=error.remedy,
                    )
                    self.wrong(one, "factors", i)
                    break

    # -- outcomes

    def outcomes(self, names: Sequence[str], block: str) -> None:
        for i, outcome in enumerate(names):
            where = self.place(block, i)
            try:
                check_name(outcome, where)
            except ScenarioError as error:
                self.problems.append(error)
                continue
            if block == "monthly" and not OUTCOMES[split(outcome)[0]].is_additive:
                self.problems.append(
                    ScenarioError("the outcome has no months", where=where, value=outcome)
                )


_COUNTY_COLUMNS = ("id", "name_en", "name_zh", "residents")


def _county(header: Sequence[str], cells: Sequence[str], share: float, place: str) -> County:
    """Read a row of the table of a province."""
    if len(cells) != len(header):
        raise ScenarioError(
            "the row has another number of cells than the header",
            where=place,
            value=len(cells),
            allowed=str(len(header)),
        )
    named = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    residents = named["residents"]
    if not residents.isdecimal() or not int(residents):
        raise ScenarioError(
            "not a number of people",
            where=f"{place}: residents",
            value=residents,
            allowed="a whole number above 0",
        )
    if not named["id"]:
        raise ScenarioError("a county needs an id", where=f"{place}: id")
    people = int(residents)
    settings: dict[str, float | int | str] = {"population": max(1, round(people * share))}
    for name in header:
        if name in _COUNTY_COLUMNS or not named[name]:
            continue
        try:
            number = float(named[name])
        except ValueError:
            settings[name] = named[name]
        else:
            settings[name] = int(number) if number.is_integer() else number
    return County(named["id"], named["name_en"], named["name_zh"], people, settings)


def _category(word: str | bool | int | float) -> str:
    """Write a category as YAML would read it."""
    if isinstance(word, bool):
        return "true" if word else "false"
    if isinstance(word, float) and not math.isfinite(word):
        raise ScenarioError("not a finite number", value=word)
    return str(word)


def read_sweep(id_or_path: str | Path) -> Sweep:
    """Read a design file and check it in full; nothing is run.

    Parameters
    ----------
    id_or_path : str or Path
        An id of the designs that come with the package, or a path.

    Raises
    ------
    ScenarioError
        The first mistake; `also` carries the others of the file.
    """
    path, name = located(id_or_path)
    tree = read_tree(path, name)
    kind = tree.get("kind")
    if kind is not None and kind.value != "sweep":
        raise ScenarioError(
            "not the kind of file that is needed here",
            where=f"{kind.place}: kind",
            value=plain(kind),
            allowed="sweep",
        )
    form = checked(SweepForm, tree)
    reader = _Reader(tree, path.resolve().parent)
    arms = reader.arms(form)
    raise_all(reader.problems)
    first = next(iter(arms.values()))
    outcomes = form.outcomes or list(first.outcomes)
    if not outcomes:
        reader.problems.append(
            ScenarioError("no outcome is kept", where=f"{name}:1:1: outcomes", allowed="a list")
        )
    reader.outcomes(form.outcomes, "outcomes")
    reader.outcomes(form.monthly, "monthly")
    factors = reader.factors(form, arms)
    counties: list[County] = []
    if form.counties is not None:
        counties = reader.counties(form.counties, first.region().parameters)
    if bool(factors) != (form.sampler is not None):
        lacking, there = ("sampler", "factors") if factors else ("factors", "sampler")
        reader.problems.append(
            ScenarioError(
                f"{lacking} missing: factors are drawn by a sampler, and a sampler draws factors",
                where=reader.place(there),
                allowed="both, or neither for arms, counties and replicates alone",
            )
        )
    raise_all(reader.problems)
    model = Simulation.of(arms, outcomes, form.monthly, with_sums=not factors)
    reader.try_ends(model, factors)
    if counties:
        reader.try_counties(model, counties)
    raise_all(reader.problems)
    seed = form.seed if form.seed is not None else first.seed
    try:
        drawn = form.sampler
        sampler = Sampler(drawn.name, drawn.n, drawn.seed, drawn.options) if drawn else Sampler()
        design = Design(
            arms=tuple(arms),
            factors=tuple(factors),
            sampler=sampler,
            replicates=form.replicates * max(1, len(counties)),
            seed=seed,
            outcomes=tuple(outcomes),
            monthly=tuple(form.monthly),
            limits=Limits(form.limits.seconds, form.limits.memory_mb, form.limits.tries),
            title={"en": form.title.en, "zh": form.title.zh},
            settings=form.set,
            scenario_sha={arm: scenario.sha256() for arm, scenario in arms.items()},
            counties=tuple(counties),
        )
        design.points()
    except ScenarioError as error:
        reader.wrong(error, "sampler")
        raise_all(reader.problems)
        raise
    return Sweep(design, model, path.stem)
