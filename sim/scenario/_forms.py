"""The form of a scenario file: strict models, and their errors in our words.

Knows fields, units and ranges; must not know the library, a region or any payment model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from sim.errors import ScenarioError
from sim.region import BEST_RESPONSE, Region
from sim.scenario._nodes import Node, plain, raise_all, shared, suggestion, walk
from sim.units import UNITS, convert

MOST_MONTHS = 600
MOST_PEOPLE = 20_000_000
LARGEST_SEED = 2**63 - 1


class Strict(BaseModel):
    """A part of a scenario file: unknown keys, silent conversion, NaN and infinity refused."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


def _fault(what: str, allowed: str = "", remedy: str = "") -> PydanticCustomError:
    """Make an error of our own that travels through pydantic."""
    return PydanticCustomError(
        "payshift", "{what}", {"what": what, "allowed": allowed, "remedy": remedy}
    )


_QUANTITY_KEYS = ("value", "unit", "low", "high", "source", "evidence", "note")


def _quantity(unit: str) -> Callable[[object], object]:
    """Make a reader of a number, or of {value, unit, ...} converted to the unit stated here."""

    def read(raw: object) -> object:
        if isinstance(raw, Mapping):
            unknown = [key for key in raw if key not in _QUANTITY_KEYS]
            if unknown:
                raise _fault(
                    f"unknown key {unknown[0]} in a quantity",
                    ", ".join(_QUANTITY_KEYS),
                    suggestion(str(unknown[0]), _QUANTITY_KEYS),
                )
            if "value" not in raw:
                raise _fault("the value is missing", "{value: number, unit: " + unit + "}")
            value = raw["value"]
            named = raw.get("unit", unit)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise _fault("a number is needed", f"a number in {unit}")
            if not isinstance(named, str) or named not in UNITS:
                raise _fault(
                    f"unknown unit {named}",
                    ", ".join(u.name for u in UNITS.values() if _kin(u.name, unit)),
                    suggestion(str(named), UNITS),
                )
            try:
                return convert(float(value), named, unit)
            except ScenarioError as error:
                raise _fault(error.what + f" ({named})", error.allowed) from None
        return raw

    return read


def _kin(one: str, other: str) -> bool:
    """Say whether two units measure the same thing."""
    return UNITS[one].dimension == UNITS[other].dimension


def Quantity(unit: str) -> Any:  # noqa: N802 - it stands where a type stands
    """Annotate a field as a number, or {value, unit, low, high, source}, in a stated unit."""
    number = {"type": "number", "description": unit}
    return (
        BeforeValidator(_quantity(unit)),
        WithJsonSchema(
            {
                "oneOf": [
                    number,
                    {
                        "type": "object",
                        "properties": {
                            "value": number,
                            "unit": {"enum": [u for u in UNITS if _kin(u, unit)]},
                            **{k: {} for k in _QUANTITY_KEYS[2:]},
                        },
                        "required": ["value"],
                        "additionalProperties": False,
                    },
                ]
            }
        ),
    )


Share = Annotated[float, Field(ge=0.0, le=1.0), *Quantity("share")]
Multiple = Annotated[float, Field(ge=0.0, le=100.0), *Quantity("multiple")]
Money = Annotated[float, Field(ge=0.0, le=1e9), *Quantity("CNY")]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$", max_length=80)]


class Text(Strict):
    """A text in both languages."""

    en: Annotated[str, Field(min_length=1, max_length=2000)]
    zh: Annotated[str, Field(min_length=1, max_length=2000)]


class Horizon(Strict):
    """Months of warm-up, baseline and reform; the reform starts with an accounting year."""

    warm_up: Annotated[int, Field(ge=0, le=MOST_MONTHS)]
    baseline: Annotated[int, Field(ge=0, le=MOST_MONTHS)]
    reform: Annotated[int, Field(ge=0, le=MOST_MONTHS)]

    @property
    def start(self) -> int:
        """Give the month (counted from 0) in which the scenario's own policy comes into force."""
        return self.warm_up + self.baseline

    @property
    def months(self) -> int:
        """Give the length of the run."""
        return self.warm_up + self.baseline + self.reform

    @model_validator(mode="after")
    def _starts_with_a_year(self) -> Horizon:
        if self.start < 12 or self.start % 12:
            raise _fault(
                f"a reform starts with an accounting year, not in month {self.start}",
                "warm_up + baseline of 12, 24, 36 ...",
                "Lengthen warm_up or baseline to a whole number of years.",
            )
        if self.months > MOST_MONTHS:
            raise _fault(
                f"{self.months} months are too many",
                f"at most {MOST_MONTHS} months in all",
                "Shorten the reform.",
            )
        return self


class Selector(Strict):
    """Which providers a contract is for; several conditions must hold together.

    ``all`` alone selects everyone.
    """

    kind: Literal["practice", "secondary", "tertiary"] | None = None
    type: Annotated[str, Field(max_length=80)] | None = None
    ids: Annotated[list[str], Field(min_length=1, max_length=5000)] | None = None
    inside: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _word_all(cls, raw: object) -> object:
        if raw == "all":
            return {}
        if isinstance(raw, Mapping) and raw:
            return raw
        raise _fault(
            "not a choice of providers",
            "all, {kind: practice|secondary|tertiary}, {type: ...}, {ids: [...]}, {inside: true}",
        )

    def matches(self, id: str, kind: str, type: str, inside: bool) -> bool:
        """Say whether a provider is meant."""
        return (
            (self.kind is None or self.kind == kind)
            and (self.type is None or self.type == type)
            and (self.ids is None or id in self.ids)
            and (self.inside is None or self.inside == inside)
        )

    def indices(self, region: Region) -> tuple[int, ...]:
        """Give the row numbers of the providers meant, in the region's order."""
        providers = region.providers
        words = ("practice", "secondary", "tertiary")
        return tuple(
            i
            for i, name in enumerate(providers.ids)
            if self.matches(
                str(name),
                words[int(providers.kind[i])],
                str(providers.type[i]),
                not bool(providers.outside[i]),
            )
        )


def _one_or_many(raw: object) -> object:
    """Let a single payer stand without brackets."""
    return [raw] if isinstance(raw, str) else raw


class AssignmentForm(Strict):
    """One contract between payers and providers, as a file writes it."""

    payer: Annotated[
        list[str],
        Field(min_length=1, max_length=50),
        BeforeValidator(_one_or_many),
        WithJsonSchema(
            {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
        ),
    ]
    providers: Annotated[
        Selector,
        WithJsonSchema(
            {
                "oneOf": [
                    {"const": "all"},
                    {
                        "type": "object",
                        "minProperties": 1,
                        "additionalProperties": False,
                        "properties": {
                            "kind": {"enum": ["practice", "secondary", "tertiary"]},
                            "type": {"type": "string"},
                            "ids": {"type": "array", "items": {"type": "string"}},
                            "inside": {"type": "boolean"},
                        },
                    },
                ]
            }
        ),
    ]
    contract: Annotated[dict[str, Any], Field(min_length=1, max_length=1)]


class Audit(Strict):
    """How claims are checked: by rule, by sample, on the spot, by patients; what it costs."""

    screening: Multiple
    sample: Share
    detection: Share
    fine: Multiple
    cost_per_review: Money = 0.0
    inspection: Share = 0.0
    reports: Share = 0.0
    publish: Share = 0.0
    budget: Annotated[Money | None, Field(description="CNY a year for all reviews")] = None


EVERYONE = Selector.model_validate("all")
COMPONENTS_AND_DAYS = ("drugs", "diagnostics", "procedures", "labor", "days")
Change = Annotated[float, Field(ge=-1.0, le=10.0), *Quantity("share")]


class PriceChange(Strict):
    """A change of list prices from the reform on, and of what the units cost the provider."""

    providers: Selector = EVERYONE
    setting: Literal["outpatient", "inpatient", "all"] = "all"
    component: Literal["drugs", "diagnostics", "procedures", "labor", "days"]
    price: Annotated[Change, Field(description="change of the list price, share")] = 0.0
    cost: Annotated[Change, Field(description="change of the unit's cost, share")] = 0.0
    affected: Annotated[Share, Field(description="share of the units it applies to")] = 1.0


class FormularyChange(Strict):
    """What share of charges is inside the benefit catalog from the reform on."""

    providers: Selector = EVERYONE
    setting: Literal["outpatient", "inpatient", "all"] = "all"
    covered: Share


def _named_rule(raw: object) -> object:
    """Let a rule's name stand for the rule with its usual terms."""
    return {"rule": raw} if isinstance(raw, str) else raw


_TERMS_OF_RULE = {
    "best_response": (),
    "pid": ("proportional", "integral", "derivative"),
    "bandit": ("spread", "explore", "memory"),
}
Gain = Annotated[float, Field(ge=0.0, le=2.0), *Quantity("share")]


class Adjustment(Strict):
    """How organizations move their levers: by best response, a controller, or trial."""

    rule: Literal["best_response", "pid", "bandit"]
    proportional: Annotated[Gain, Field(description="change by the change of the gap")] = (
        BEST_RESPONSE.proportional
    )
    integral: Annotated[Gain, Field(description="change by the gap, a month")] = (
        BEST_RESPONSE.integral
    )
    derivative: Annotated[Gain, Field(description="change by the turn of the gap")] = (
        BEST_RESPONSE.derivative
    )
    spread: Annotated[Share, Field(description="step between styles, of the customary one")] = (
        BEST_RESPONSE.spread
    )
    explore: Annotated[Share, Field(description="share of months in which any style is tried")] = (
        BEST_RESPONSE.explore
    )
    memory: Annotated[Share, Field(description="least weight of the newest month")] = (
        BEST_RESPONSE.memory
    )

    @model_validator(mode="after")
    def _own_terms(self) -> Adjustment:
        own = _TERMS_OF_RULE[self.rule]
        foreign = [name for name in self.model_fields_set if name not in ("rule", *own)]
        if foreign:
            raise _fault(
                f"{foreign[0]} is no term of {self.rule}",
                ", ".join(own) or "no terms",
                "Name the rule it belongs to, or leave it out.",
            )
        if self.rule == "pid" and not self._settles():
            raise _fault(
                "under these gains levers never settle",
                "integral above 0; 2 x proportional + integral + 4 x derivative below 2",
                "Lower the gains, or leave them out.",
            )
        return self

    def _settles(self) -> bool:
        """Say whether a gap to a goal that stands still dies out (Jury's test of its recursion).

        The gap follows ``e' = e - P (e - e1) - I e - D (e - 2 e1 + e2)``.
        """
        p, i, d = self.proportional, self.integral, self.derivative
        a, b = p + i + d - 1.0, -(p + 2.0 * d)
        ends = i > 0.0 and 2.0 - 2.0 * p - i - 4.0 * d > 0.0
        return ends and d < 1.0 and 1.0 - d * d > abs(b - a * d)


class AllianceForm(Strict):
    """Providers led by a hospital: its authority over them, and doctors it may post down."""

    lead: Annotated[str, Field(max_length=80, description="id of the hospital that leads")]
    members: Selector
    authority: Annotated[
        Share, Field(description="weight of what all receive in what each member looks at")
    ] = 0.0
    posting_most: Annotated[
        Share, Field(description="largest share of the lead's doctors posted down")
    ] = 0.0
    posting_effect: Annotated[
        Share, Field(description="share of what practices cannot treat that then is within reach")
    ] = 0.3
    posting_allowance: Annotated[
        Money, Field(description="what a doctor posted costs the lead a year")
    ] = 36000.0


class Enrolment(Strict):
    """Open lists and cover options: who thinks again, and what the choice turns on."""

    reconsider: Annotated[
        Share, Field(description="share of people who think about their list in a year")
    ] = 0.0
    discouragement: Annotated[
        Share,
        Field(description="share put off who would neither gain nor lose the practice anything"),
    ] = 0.0
    complaint: Annotated[
        Money, Field(description="what putting a person off is expected to cost, CNY")
    ] = 0.0
    cover_attention: Annotated[
        Share, Field(description="share of members who think about their cover in a year")
    ] = 0.0
    cover_memory: Annotated[
        Share, Field(description="weight of one's own last year against what people alike expect")
    ] = 0.0
    cover_knowledge: Annotated[
        Share, Field(description="weight of expected own payments against a premium")
    ] = 0.0
    cover_risk_aversion: Annotated[
        Multiple, Field(description="relative aversion to the risk of own payments")
    ] = 0.0
    cover_precision: Annotated[
        float,
        Field(ge=0.0, le=1000.0, description="log-odds that a month's income of cost takes away"),
        *Quantity("ratio"),
    ] = 0.0


class ScenarioForm(Strict):
    """A scenario file after `extends` has been resolved."""

    schema_version: Annotated[
        Literal[1], Field(alias="schema", description="version of the form of files: 1")
    ]
    kind: Annotated[Literal["scenario"], Field(description="scenario")]
    id: Annotated[Identifier | None, Field(description="the file's name without .yaml")] = None
    extends: Annotated[
        str | None, Field(description="an id of the library, or ./ and a file beside this one")
    ] = None
    title: Annotated[Text, Field(description="{en: ..., zh: ...}")]
    description: Annotated[Text | None, Field(description="{en: ..., zh: ...}")] = None
    region: Annotated[Identifier, Field(description="a folder of scenarios/regions")]
    horizon: Annotated[
        Horizon, Field(description="{warm_up, baseline, reform}, months; a year begins the reform")
    ]
    seed: Annotated[
        int, Field(ge=0, le=LARGEST_SEED, description="whole number, seed of the first replicate")
    ]
    population: Annotated[
        int, Field(ge=1, le=MOST_PEOPLE, description="number of persons simulated")
    ]
    payment: Annotated[
        list[AssignmentForm],
        Field(
            max_length=500,
            description="list of {payer, providers, contract}; the last that applies is in force",
        ),
    ]
    benefits: Annotated[
        dict[str, Any], Field(description="what patients pay: a block for each payer, or none")
    ]
    audit: Annotated[Audit, Field(description="{screening, sample, detection, fine}")]
    prices: Annotated[
        list[PriceChange],
        Field(max_length=200, description="changes of list prices and unit costs"),
    ] = []
    formulary: Annotated[
        list[FormularyChange],
        Field(max_length=200, description="changes of the share of charges that is covered"),
    ] = []
    alliances: Annotated[
        list[AllianceForm],
        Field(max_length=20, description="list of {lead, members, authority, posting_...}"),
    ] = []
    enrolment: Annotated[
        Enrolment,
        Field(description="{reconsider, discouragement, complaint, cover_...}; closed if left out"),
    ] = Enrolment()
    parameters: Annotated[
        dict[str, Any], Field(max_length=500, description="parameter: number or {value, unit}")
    ] = {}
    from_reform: Annotated[
        dict[str, Any],
        Field(max_length=50, description="parameters that change when the reform starts"),
    ] = {}
    adjustment: Annotated[
        Adjustment,
        BeforeValidator(_named_rule),
        WithJsonSchema(
            {
                "oneOf": [
                    {"enum": list(_TERMS_OF_RULE)},
                    {
                        "type": "object",
                        "properties": {
                            "rule": {"enum": list(_TERMS_OF_RULE)},
                            **{name: {} for terms in _TERMS_OF_RULE.values() for name in terms},
                        },
                        "required": ["rule"],
                        "additionalProperties": False,
                    },
                ]
            }
        ),
        Field(description="best_response, pid or bandit; or {rule, and its terms}"),
    ] = Adjustment(rule="best_response")
    freeze: Annotated[
        list[str], Field(max_length=50, description="channels of behavior held at baseline")
    ] = []
    outcomes: Annotated[
        list[str], Field(max_length=500, description="outcomes that reports show first")
    ] = []


def fields(form: type[BaseModel], location: Sequence[str | int]) -> dict[str, Any]:
    """Give the fields of the part of a form that a location lies in, by the name files use."""
    current: Any = form
    for step in location:
        if isinstance(step, int):
            continue
        info = (
            current.model_fields.get(step)
            if isinstance(current, type) and issubclass(current, BaseModel)
            else None
        )
        if info is None:
            break
        current = _inner(info.annotation)
    if isinstance(current, type) and issubclass(current, BaseModel):
        return {(info.alias or name): info for name, info in current.model_fields.items()}
    return {}


def _inner(annotation: Any) -> Any:
    """Find the form inside list[...], optional and annotated types."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner(argument)
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    return annotation


_SIMPLE = {
    "int_type": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "float_type": "a number is needed",
    "bool_type": "true or false is needed",
    "string_type": "text is needed",
    "list_type": "a list is needed",
    "tuple_type": "a list is needed",
    "dict_type": "a mapping is needed",
    "model_type": "a mapping is needed",
    "model_attributes_type": "a mapping is needed",
    "finite_number": "a finite number is needed",
}
_BOUNDS = {
    "greater_than_equal": ("too small", "ge", "at least {}"),
    "greater_than": ("too small", "gt", "above {}"),
    "less_than_equal": ("too large", "le", "at most {}"),
    "less_than": ("too large", "lt", "below {}"),
    "too_short": ("too few entries", "min_length", "at least {}"),
    "too_long": ("too many entries", "max_length", "at most {}"),
    "string_too_short": ("the text is too short", "min_length", "at least {} characters"),
    "string_too_long": ("the text is too long", "max_length", "at most {} characters"),
}


def _translated(error: ErrorDetails, form: type[BaseModel], tree: Node) -> ScenarioError:
    """Turn one of pydantic's errors into a message with place, value, allowed and remedy."""
    kind, location, context = error["type"], error["loc"], error.get("ctx", {})
    node, path, whole = walk(tree, location)
    place = node.place
    value: object = plain(node)
    field_path = ".".join(path) or "file"
    what, allowed, remedy = error["msg"], "", ""
    show = whole
    if kind == "missing":
        what, show = "a required entry is missing", False
        info = fields(form, location[:-1]).get(str(location[-1]))
        allowed = (info.description or "") if info is not None else ""
        remedy = f"Add {location[-1]}."
    elif kind == "extra_forbidden":
        known = list(fields(form, location[:-1]))
        what, value, show = "unknown key", str(location[-1]), True
        place = node.key or place
        allowed = ", ".join(known)
        remedy = suggestion(str(location[-1]), known)
    elif kind == "payshift":
        what, allowed, remedy = context["what"], context["allowed"], context["remedy"]
    elif kind == "literal_error":
        what = "not one of the words allowed"
        allowed = str(context.get("expected", ""))
        remedy = suggestion(str(value), re.findall(r"'([^']*)'", allowed))
    elif kind == "string_pattern_mismatch":
        what, allowed = "not an id", "lower-case letters, digits and hyphens"
    elif kind in _BOUNDS:
        what, key, pattern = _BOUNDS[kind]
        bound = context.get(key)
        allowed = pattern.format(_brief(bound))
        if kind.endswith("_equal"):
            allowed = _range(form, location, allowed)
    elif kind in _SIMPLE:
        what = _SIMPLE[kind]
    where = f"{place}: {field_path}"
    if show:
        return ScenarioError(what, where=where, value=value, allowed=allowed, remedy=remedy)
    return ScenarioError(what, where=where, allowed=allowed, remedy=remedy)


def _range(form: type[BaseModel], location: Sequence[str | int], default: str) -> str:
    """State both ends of a range when the field declares both."""
    info = fields(form, location[:-1]).get(str(location[-1])) if location else None
    ends: dict[str, object] = {}
    for mark in getattr(info, "metadata", ()):
        for inner in (mark, *getattr(mark, "metadata", ())):
            for name in ("ge", "le"):
                if getattr(inner, name, None) is not None:
                    ends[name] = getattr(inner, name)
    return f"{_brief(ends['ge'])} to {_brief(ends['le'])}" if len(ends) == 2 else default


def _brief(bound: object) -> str:
    """Write a bound without needless digits."""
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


Form = TypeVar("Form", bound=BaseModel)


def checked(form: type[Form], tree: Node) -> Form:
    """Check nodes against a strict form; all mistakes come as one error carrying the others.

    Parameters
    ----------
    form : type of pydantic model
        Derive it from `Strict`.
    tree : Node
        What `read_tree` gave.

    Raises
    ------
    ScenarioError
        With file, line, column, field path, value and what is allowed.
    """
    try:
        return form.model_validate(shared(tree))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise_all([_translated(detail, form, tree) for detail in details])
        raise
