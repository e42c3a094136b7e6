"""Scenario files: which region, which policy, for how long; read once, checked in full.

Knows YAML, the library of scenarios and what a policy consists of; must not know how a contract
pays, how people behave or how a month runs. It is the only reader of scenario files.

A scenario is one region and one policy. Until month ``warm_up + baseline`` the region's status
quo is in force, from then on the scenario's own payment, benefits and audit. Providers and payers
that a reform does not mention keep the contract they had.

Files are untrusted. A scan of tokens caps size, depth and count before anything is built; tags,
anchors, merge keys, directives and second documents are refused; every mistake of a file is
reported with file, line, column and field, and nothing is run.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

import numpy as np
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
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError

from sim import outcomes
from sim import payment as contracts
from sim.benefits import Benefits
from sim.errors import PaymentError, PayshiftError, ScenarioError
from sim.parameters import Parameter
from sim.region import Region
from sim.units import UNITS, convert

__all__ = [
    "CHANNELS",
    "Assignment",
    "ContractGroup",
    "Horizon",
    "Node",
    "Place",
    "Policy",
    "Quantity",
    "Scenario",
    "Selector",
    "Strict",
    "Text",
    "catalogue",
    "checked",
    "json_schema",
    "library_ids",
    "library_root",
    "load",
    "plain",
    "read_tree",
    "suggestion",
    "validate",
]

LARGEST_FILE = 1_000_000
DEEPEST = 32
MOST_NODES = 20_000
LONGEST_NUMBER = 40
MOST_MONTHS = 600
MOST_PEOPLE = 20_000_000
LARGEST_SEED = 2**63 - 1
KINDS = ("scenario", "comparison", "sweep", "study", "finding", "lesson", "benefits")
SELF_PAY = "self-pay"

CHANNELS: Mapping[str, tuple[str, str]] = {
    "intensity": ("Intensity of treatment", "诊疗强度"),
    "stay": ("Length of stay", "住院天数"),
    "return_visits": ("Return visits", "复诊"),
    "low_value": ("Low-value services", "低价值服务"),
    "referral": ("Treat or refer", "首诊与转诊"),
    "admission": ("Admit, defer, transfer, refuse", "收治、延后、转院与推诿"),
    "coding": ("Coding of levels", "编码高套"),
    "documentation": ("Completeness of documentation", "病案完整性"),
    "selection": ("Selection of members and patients", "风险选择"),
    "prevention": ("Prevention and follow-up", "预防与随访"),
    "quality": ("Quality effort", "质量努力"),
    "cost": ("Cost-cutting effort", "控费努力"),
    "uncovered": ("Items outside the catalogue", "目录外项目"),
    "demand": ("Patients seeking care", "患者就医选择"),
}
"""Channels that `--freeze` can hold at their baseline, with labels in English and Chinese."""

_IDENTIFIER = re.compile(r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$")
_LIBRARY_FOLDERS = (".", "regions", "payment", "benefits", "studies")
_NOT_SCENARIOS = ("sources.yaml",)
_PROSE = ("schema", "kind", "extends", "id", "description")

Scalar = str | int | float | bool | None


# --------------------------------------------------------------------------- places and nodes


@dataclass(frozen=True)
class Place:
    """Where a value was written: a file with line and column, or a setting (line 0)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Give file:line:column, or the name of the setting."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Node:
    """A value and the place it came from.

    Attributes
    ----------
    value : mapping of str to Node, tuple of Node, or a scalar
        Treated as immutable.
    place : Place
        Where the value stands.
    key : Place or None
        Where its key stands, when it is an entry of a mapping.
    """

    value: Mapping[str, Node] | tuple[Node, ...] | Scalar
    place: Place
    key: Place | None = None

    def get(self, name: str) -> Node | None:
        """Give the entry of a mapping, or None."""
        return self.value.get(name) if isinstance(self.value, Mapping) else None

    def leaves(self, path: str = "") -> Iterator[tuple[str, Scalar, Place]]:
        """Walk over every scalar with its dotted path and place, in file order."""
        if isinstance(self.value, Mapping):
            for name, node in self.value.items():
                yield from node.leaves(f"{path}.{name}" if path else name)
        elif isinstance(self.value, tuple):
            for index, node in enumerate(self.value):
                yield from node.leaves(f"{path}.{index}" if path else str(index))
        else:
            yield path, self.value, self.place


def plain(node: Node) -> Any:
    """Give a node as ordinary dictionaries, lists and scalars."""
    if isinstance(node.value, Mapping):
        return {name: plain(entry) for name, entry in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(entry) for entry in node.value]
    return node.value


def _planted(value: object, place: Place, depth: int = 0) -> Node:
    """Turn ordinary data from a program or a command line into nodes, under the same caps."""
    if depth > DEEPEST:
        raise ScenarioError(
            "nested too deeply", where=str(place), allowed=f"at most {DEEPEST} levels"
        )
    if isinstance(value, Mapping):
        entries = {}
        for name, entry in value.items():
            if not isinstance(name, str):
                raise ScenarioError("a key must be text", where=str(place), value=name)
            entries[name] = _planted(entry, place, depth + 1)
        return Node(entries, place)
    if isinstance(value, (list, tuple)):
        return Node(tuple(_planted(entry, place, depth + 1) for entry in value), place)
    if isinstance(value, float) and not math.isfinite(value):
        raise ScenarioError("not a finite number", where=str(place), value=value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return Node(value, place)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return _planted(item(), place, depth + 1)
    raise ScenarioError(
        "not a value a scenario can hold",
        where=str(place),
        value=value,
        allowed="mappings, lists, text, numbers, true, false, null",
    )


def suggestion(word: str, known: Iterable[str]) -> str:
    """Give "Did you mean ...?" for a misspelled word, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else ""


# --------------------------------------------------------------------------- reading YAML


def _scanned(text: str, name: str) -> None:
    """Refuse what no scenario needs before anything is built from it."""
    depth = nodes = documents = 0
    for token in YAML(typ="rt", pure=True).scan(text):
        kind = type(token).__name__
        mark = getattr(token, "start_mark", None)
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark is not None else name
        if kind in ("AnchorToken", "AliasToken"):
            raise ScenarioError(
                "anchors and aliases are not used in scenario files",
                where=place,
                value=getattr(token, "value", ""),
                remedy="Write the value out, or use extends.",
            )
        if kind == "TagToken":
            raise ScenarioError(
                "tags are not used in scenario files", where=place, remedy="Remove the tag."
            )
        if kind == "DirectiveToken":
            raise ScenarioError(
                "directives are not used in scenario files",
                where=place,
                remedy="Remove the line that starts with %.",
            )
        if kind == "DocumentStartToken":
            documents += 1
            if documents > 1 or nodes:
                raise ScenarioError(
                    "a file holds one document", where=place, remedy="Split it into two files."
                )
        if kind in ("BlockMappingStartToken", "BlockSequenceStartToken") or kind in (
            "FlowMappingStartToken",
            "FlowSequenceStartToken",
        ):
            depth += 1
            nodes += 1
            if depth > DEEPEST:
                raise ScenarioError(
                    "nested too deeply", where=place, allowed=f"at most {DEEPEST} levels"
                )
        elif kind in ("BlockEndToken", "FlowMappingEndToken", "FlowSequenceEndToken"):
            depth -= 1
        elif kind == "ScalarToken":
            nodes += 1
        if nodes > MOST_NODES:
            raise ScenarioError(
                "too many values in one file",
                where=place,
                allowed=f"at most {MOST_NODES}",
                remedy="Put large tables into CSV files.",
            )


def _number(text: str, kind: str) -> int | float | None:
    """Read a YAML 1.2 number exactly as written; None if it is not a usable one."""
    if len(text) > LONGEST_NUMBER:
        return None
    body = text.replace("_", "")
    try:
        if kind == "int":
            sign, digits = (-1, body[1:]) if body.startswith("-") else (1, body.lstrip("+"))
            if digits.startswith("0x"):
                return sign * int(digits[2:], 16)
            if digits.startswith("0o"):
                return sign * int(digits[2:], 8)
            return sign * int(digits, 10)
        value = float(body)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _scalar(text: str, kind: str, place: Place, problems: list[ScenarioError]) -> Scalar:
    """Turn a resolved YAML scalar into a Python one, without silent conversion."""
    if kind == "str":
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind in ("int", "float"):
        number = _number(text, kind)
        if number is None:
            problems.append(
                ScenarioError(
                    "not a finite number of ordinary size",
                    where=str(place),
                    value=text,
                    allowed="a finite decimal number",
                    remedy="Leave the entry out if there is no limit.",
                )
            )
        return number
    problems.append(
        ScenarioError(
            f"a {kind} is not used in scenario files",
            where=str(place),
            value=text,
            allowed="mappings, lists, text, numbers, true, false, null",
            remedy="Put it into quotes if text is meant.",
        )
    )
    return None


def _converted(node: Any, name: str, problems: list[ScenarioError], key: Place | None) -> Node:
    """Turn ruamel's node graph into ours; collect duplicate and non-text keys."""
    place = Place(name, node.start_mark.line + 1, node.start_mark.column + 1)
    kind = str(node.tag).rsplit(":", 1)[-1]
    if isinstance(node.value, str):
        return Node(_scalar(node.value, kind, place, problems), place, key)
    if kind == "seq":
        return Node(
            tuple(_converted(entry, name, problems, None) for entry in node.value), place, key
        )
    entries: dict[str, Node] = {}
    for key_node, value_node in node.value:
        spot = Place(name, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        word = key_node.value
        if word == "<<":
            problems.append(
                ScenarioError(
                    "merge keys are not used in scenario files",
                    where=str(spot),
                    remedy="Write the values out, or use extends.",
                )
            )
        elif not isinstance(word, str) or not str(key_node.tag).endswith(":str"):
            problems.append(
                ScenarioError(
                    "a key must be text",
                    where=str(spot),
                    value=word if isinstance(word, str) else "a list or mapping",
                    remedy="Put the key into quotes if it is meant as text.",
                )
            )
        elif word in entries:
            first = entries[word].key
            problems.append(
                ScenarioError(
                    "the key stands twice in one mapping",
                    where=str(spot),
                    value=word,
                    remedy=f"The first one is on line {first.line if first else '?'}; keep one.",
                )
            )
        else:
            entries[word] = _converted(value_node, name, problems, spot)
    return Node(entries, place, key)


def _parsed(text: str, name: str) -> Node | None:
    """Parse one document of YAML 1.2 into nodes; None for an empty one."""
    problems: list[ScenarioError] = []
    try:
        _scanned(text, name)
        graph = YAML(typ="rt", pure=True).compose(text)
        if graph is None:
            return None
        tree = _converted(graph, name, problems, None)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark is not None else name
        raise ScenarioError(
            f"not valid YAML: {error.problem or error.context}",
            where=where,
            remedy="Check indentation, colons and quotes on this line and the one above.",
        ) from None
    except (YAMLError, YAMLStreamError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else "unreadable"
        raise ScenarioError(f"not valid YAML: {first}", where=name) from None
    except (ValueError, RecursionError, AssertionError, IndexError) as error:
        raise ScenarioError(f"not valid YAML: {error}", where=name) from None
    _raise_all(problems)
    return tree


def _raise_all(problems: Sequence[PayshiftError]) -> None:
    """Raise the first of several errors, carrying the others; each message once."""
    if problems:
        first, *rest = {problem.message: problem for problem in problems}.values()
        first.also = tuple(rest)
        raise first


@lru_cache(maxsize=256)
def _read(path: Path, name: str, stamp: tuple[int, int]) -> Node:
    """Read a file whose size and time are part of the key, so that edits are seen."""
    del stamp
    try:
        raw = path.read_bytes()
    except OSError as reason:
        raise ScenarioError(f"cannot be read ({reason.strerror})", where=name) from None
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise ScenarioError(
            "the file starts with a byte-order mark",
            where=f"{name}:1:1",
            allowed="UTF-8 without a byte-order mark",
            remedy="Save it as plain UTF-8.",
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ScenarioError(
            "not UTF-8 text",
            where=f"{name}:{line}",
            allowed="UTF-8 without a byte-order mark",
            remedy="Save it as plain UTF-8.",
        ) from None
    tree = _parsed(text, name)
    if tree is None or not isinstance(tree.value, Mapping):
        raise ScenarioError(
            "the file holds no mapping",
            where=f"{name}:1:1",
            allowed="a mapping that starts with schema: 1",
        )
    return tree


def read_tree(path: Path, name: str | None = None) -> Node:
    """Read any of the project's YAML files into nodes that remember their places.

    Parameters
    ----------
    path : Path
        The file.
    name : str, optional
        How messages call it; the path if left out.

    Raises
    ------
    ScenarioError
        For a file that is missing, too large, not UTF-8, not YAML 1.2, or that uses a feature
        scenario files do without. `also` carries further errors of the same file.
    """
    name = name or str(path)
    try:
        state = path.stat()
    except (OSError, ValueError) as reason:
        what = getattr(reason, "strerror", None) or "no usable path"
        raise ScenarioError(
            f"the file cannot be read ({what})",
            where=name,
            remedy="Check the path, or see: payshift list scenarios",
        ) from None
    if not path.is_file():
        raise ScenarioError("not a file", where=name)
    if state.st_size > LARGEST_FILE:
        raise ScenarioError(
            "the file is too large",
            where=name,
            value=state.st_size,
            allowed=f"at most {LARGEST_FILE} bytes",
            remedy="Put large tables into CSV files.",
        )
    try:
        return _read(path, name, (state.st_size, state.st_mtime_ns))
    except ScenarioError as error:
        # The cache never keeps exceptions, but a raised object gathers tracebacks: hand on a copy.
        raise _copied(error) from None


def _copied(error: ScenarioError) -> ScenarioError:
    """Give an equal error without the traceback of an earlier raise."""
    kind, arguments = error.__reduce__()
    return cast(ScenarioError, kind(*arguments))


# --------------------------------------------------------------------------- strict models


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


class _AssignmentForm(Strict):
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
    """How claims are checked: screening by rule, share sampled, share found, fine, cost."""

    screening: Multiple
    sample: Share
    detection: Share
    fine: Multiple
    cost_per_review: Money = 0.0


class _ScenarioForm(Strict):
    """A scenario file after `extends` has been resolved."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    kind: Literal["scenario"]
    id: Identifier | None = None
    extends: str | None = None
    title: Text
    description: Text | None = None
    region: Identifier
    horizon: Horizon
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)]
    population: Annotated[int, Field(ge=1, le=MOST_PEOPLE)]
    payment: Annotated[list[_AssignmentForm], Field(max_length=500)]
    benefits: dict[str, Any]
    audit: Audit
    parameters: Annotated[dict[str, Any], Field(max_length=500)] = {}
    freeze: Annotated[list[str], Field(max_length=50)] = []
    outcomes: Annotated[list[str], Field(max_length=500)] = []


def _walk(tree: Node, location: Sequence[str | int]) -> tuple[Node, list[str], bool]:
    """Follow a location as far as it exists; say whether its last step does."""
    node, path, whole = tree, [], True
    for step in location:
        entry: Node | None = None
        if isinstance(node.value, Mapping):
            entry = node.value.get(str(step))
        elif isinstance(node.value, tuple) and str(step).isdigit():
            entry = node.value[int(step)] if int(step) < len(node.value) else None
        if entry is None:
            whole = False
            path.append(str(step))
            break
        node = entry
        path.append(str(step))
    return node, path, whole


def _fields(form: type[BaseModel], location: Sequence[str | int]) -> dict[str, Any]:
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
    node, path, whole = _walk(tree, location)
    place = node.place
    value: object = plain(node)
    field_path = ".".join(path) or "file"
    what, allowed, remedy = error["msg"], "", ""
    show = whole
    if kind == "missing":
        what, show = "a required entry is missing", False
        info = _fields(form, location[:-1]).get(str(location[-1]))
        allowed = (info.description or "") if info is not None else ""
        remedy = f"Add {location[-1]}."
    elif kind == "extra_forbidden":
        known = list(_fields(form, location[:-1]))
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
        shown = f"{bound:g}" if isinstance(bound, float) else str(bound)
        allowed = pattern.format(shown)
        if kind.endswith("_equal"):
            allowed, remedy = _range(form, location, allowed), "Choose a value in this range."
    elif kind in _SIMPLE:
        what = _SIMPLE[kind]
    where = f"{place}: {field_path}"
    if show:
        return ScenarioError(what, where=where, value=value, allowed=allowed, remedy=remedy)
    return ScenarioError(what, where=where, allowed=allowed, remedy=remedy)


def _range(form: type[BaseModel], location: Sequence[str | int], default: str) -> str:
    """State both ends of a range when the field declares both."""
    info = _fields(form, location[:-1]).get(str(location[-1])) if location else None
    ends: dict[str, object] = {}
    for mark in getattr(info, "metadata", ()):
        for inner in (mark, *getattr(mark, "metadata", ())):
            for name in ("ge", "le"):
                if getattr(inner, name, None) is not None:
                    ends[name] = getattr(inner, name)
    return f"{ends['ge']} to {ends['le']}" if len(ends) == 2 else default


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
        return form.model_validate(plain(tree))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        _raise_all([_translated(detail, form, tree) for detail in details])
        raise


# --------------------------------------------------------------------------- the library


def library_root() -> Path:
    """Find the library: inside the installed package, else the checkout's folder.

    Raises
    ------
    ScenarioError
        If the installation has no library.
    """
    inside = Path(__file__).resolve().parent / "_scenarios"
    if inside.is_dir():
        return inside
    beside = Path(__file__).resolve().parent.parent / "scenarios"
    if beside.is_dir():
        return beside
    raise ScenarioError(
        "the library of scenarios is missing from this installation",
        where="library",
        remedy="Install payshift again.",
    )


def _library_files() -> dict[str, Path]:
    """List the library's files by id, in order of folders and names."""
    root = library_root()
    found: dict[str, Path] = {}
    for folder in _LIBRARY_FOLDERS:
        for path in sorted((root / folder).glob("*.yaml")):
            if path.name not in _NOT_SCENARIOS:
                found.setdefault(path.stem, path)
    return found


def library_ids() -> tuple[str, ...]:
    """List the ids of the library's scenarios, the regions' status quo first."""
    return tuple(name for name, path in _library_files().items() if _kind_of(path) == "scenario")


def _kind_of(path: Path) -> str:
    """Say what kind of file this is; damaged files count as scenarios, so that they are told."""
    try:
        node = read_tree(path, _shown_name(path)).get("kind")
    except ScenarioError:
        return "scenario"
    return str(node.value) if node is not None else "scenario"


def _shown_name(path: Path) -> str:
    """Name a library file by its place in the library, whatever machine it lies on."""
    try:
        return f"scenarios/{path.resolve().relative_to(library_root().resolve()).as_posix()}"
    except ValueError:
        return str(path)


def _in_library(path: Path) -> bool:
    """Say whether a file is part of the library."""
    return path.resolve().is_relative_to(library_root().resolve())


def _region_folder(region_id: str, where: str) -> Path:
    """Find a region's tables."""
    regions = library_root() / "regions"
    known = sorted(p.name for p in regions.iterdir() if p.is_dir()) if regions.is_dir() else []
    if not _IDENTIFIER.match(region_id) or region_id not in known:
        raise ScenarioError(
            "unknown region",
            where=where,
            value=region_id,
            allowed=", ".join(known),
            remedy=suggestion(region_id, known),
        )
    return regions / region_id


@lru_cache(maxsize=8)
def _region(folder: Path, stamp: tuple[tuple[str, int, int], ...]) -> Region:
    """Read a region once; its files' sizes and times are part of the key."""
    del stamp
    return Region.read(folder)


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Give names, sizes and times of a region's tables and of those of regions it extends."""
    regions = folder.parent
    chain = [folder]
    while (parent := _extended(chain[-1])) and (regions / parent) not in chain:
        chain.append(regions / parent)
    files = [p for part in chain if part.is_dir() for p in sorted(part.glob("*.csv"))]
    return tuple(
        (p.relative_to(regions).as_posix(), p.stat().st_size, p.stat().st_mtime_ns) for p in files
    )


def _extended(folder: Path) -> str:
    """Give the name of the sibling region whose tables fill the gaps of this one, or nothing."""
    card = folder / "region.csv"
    if not card.is_file():
        return ""
    found = re.search(r"^extends,([a-z0-9-]+)\s*(?:,|$)", card.read_text("utf-8"), re.MULTILINE)
    return found.group(1) if found else ""


@lru_cache(maxsize=8)
def _hashes(regions: Path, stamp: tuple[tuple[str, int, int], ...]) -> tuple[tuple[str, str], ...]:
    """Hash a region's tables."""
    return tuple(
        (name, hashlib.sha256((regions / name).read_bytes()).hexdigest()) for name, _, _ in stamp
    )


# --------------------------------------------------------------------------- extends and merging


def _is_quantity(node: Node) -> bool:
    """Say whether a mapping is a number with its unit and source."""
    return isinstance(node.value, Mapping) and "value" in node.value


def _merged(base: Node, over: Node) -> Node:
    """Lay one tree over another: mappings merge; lists, scalars and quantities replace.

    A quantity replaces as a whole, because the source and range of the old number are not those
    of the new one.
    """
    if not isinstance(base.value, Mapping) or not isinstance(over.value, Mapping):
        return over
    if _is_quantity(base) or _is_quantity(over):
        return over
    entries = dict(base.value)
    for name, node in over.value.items():
        entries[name] = _merged(entries[name], node) if name in entries else node
    return Node(entries, over.place, over.key)


def _without(node: Node, names: Iterable[str]) -> Node:
    """Leave entries of a mapping out."""
    assert isinstance(node.value, Mapping)
    return replace(node, value={k: v for k, v in node.value.items() if k not in set(names)})


def _check_head(tree: Node, name: str, wanted: Sequence[str]) -> str:
    """Check schema and kind, which every file states itself."""
    problems: list[ScenarioError] = []
    schema, kind = tree.get("schema"), tree.get("kind")
    if schema is None or schema.value != 1 or isinstance(schema.value, bool):
        where = str(schema.place) if schema else f"{name}:1:1"
        problems.append(
            ScenarioError(
                "the schema is not one this version reads",
                where=f"{where}: schema",
                value=plain(schema) if schema else None,
                allowed="schema: 1",
            )
        )
    if kind is None or kind.value not in wanted:
        where = str(kind.place) if kind else f"{name}:1:1"
        problems.append(
            ScenarioError(
                "not the kind of file that is needed here",
                where=f"{where}: kind",
                value=plain(kind) if kind else None,
                allowed=", ".join(wanted),
                remedy=suggestion(str(kind.value), wanted) if kind else "Add kind.",
            )
        )
    _raise_all(problems)
    assert kind is not None
    return str(kind.value)


@dataclass(frozen=True)
class _Origin:
    """A file and the folder its relative `extends` must stay in."""

    path: Path
    root: Path
    name: str


def _parent_of(reference: Node, origin: _Origin) -> _Origin:
    """Find the file that `extends` names, inside the library or beside the file."""
    where = f"{reference.place}: extends"
    word = reference.value
    if not isinstance(word, str) or not word:
        raise ScenarioError("extends takes one id or one path", where=where, value=plain(reference))
    if word.startswith("./"):
        path = origin.path.parent / word
        path = path if path.suffix else path.with_suffix(".yaml")
        try:
            target = path.resolve()
        except (OSError, ValueError, RuntimeError):
            raise ScenarioError("not a usable path", where=where, value=word) from None
        if not target.is_relative_to(origin.root.resolve()):
            raise ScenarioError(
                "extends leaves the folder of the first file",
                where=where,
                value=word,
                allowed=f"a file in or below {origin.root}",
            )
        if not target.is_file():
            raise ScenarioError("no such file", where=where, value=word)
        name = _shown_name(target) if _in_library(target) else str(path)
        return _Origin(target, origin.root, name)
    files = _library_files()
    if word not in files:
        raise ScenarioError(
            "the library has no such scenario",
            where=where,
            value=word,
            allowed="an id of the library, or a path that starts with ./",
            remedy=suggestion(word, files) or "See: payshift list scenarios",
        )
    return _Origin(files[word], library_root(), _shown_name(files[word]))


def _resolved(origin: _Origin, chain: tuple[Path, ...], kinds: Sequence[str]) -> Node:
    """Read a file and everything it extends, the nearest on top."""
    tree = read_tree(origin.path, origin.name)
    _check_head(tree, origin.name, kinds)
    key = origin.path.resolve()
    reference = tree.get("extends")
    if reference is not None:
        parent = _parent_of(reference, origin)
        if parent.path.resolve() in (*chain, key):
            names = [p.stem for p in (*chain, key, parent.path.resolve())]
            raise ScenarioError(
                "extends runs in a circle",
                where=f"{reference.place}: extends",
                value=" -> ".join(names),
                remedy="Remove one of these links.",
            )
        if len(chain) >= DEEPEST:
            raise ScenarioError(
                "too many files extend each other",
                where=f"{reference.place}: extends",
                allowed=f"at most {DEEPEST}",
            )
        base: Node | None = _resolved(parent, (*chain, key), kinds)
    else:
        base = _implied_base(tree, origin)
    benefits = tree.get("benefits")
    own_benefits = benefits.get("extends") if benefits is not None else None
    if benefits is not None and own_benefits is not None:
        parent = _parent_of(own_benefits, origin)
        if parent.path.resolve() in (*chain, key):
            raise ScenarioError(
                "extends runs in a circle",
                where=f"{own_benefits.place}: benefits.extends",
                value=own_benefits.value,
            )
        source = _resolved(parent, (*chain, key), ("scenario", "benefits")).get("benefits")
        if source is None:
            raise ScenarioError(
                "the file it extends has no benefits",
                where=f"{own_benefits.place}: benefits.extends",
                value=own_benefits.value,
            )
        joined = _merged(source, _without(benefits, ["extends"]))
        assert isinstance(tree.value, Mapping)
        tree = replace(tree, value={**tree.value, "benefits": joined})
        base = _without(base, ["benefits"]) if base is not None else None
    if base is None:
        return _without(tree, ["extends"])
    return _without(_merged(_without(base, _PROSE), tree), ["extends"])


def _implied_base(tree: Node, origin: _Origin) -> Node | None:
    """Give the region's status quo to a scenario that extends nothing."""
    region = tree.get("region")
    kind = tree.get("kind")
    if region is None or kind is None or kind.value != "scenario":
        return None
    where = f"{region.place}: region"
    _region_folder(str(region.value), where)
    path = library_root() / "regions" / f"{region.value}.yaml"
    if path.resolve() == origin.path.resolve():
        return None
    return _status_quo_tree(str(region.value), where)


def _status_quo_tree(region_id: str, where: str) -> Node:
    """Read the policy a region has today."""
    path = library_root() / "regions" / f"{region_id}.yaml"
    if not path.is_file():
        raise ScenarioError("the region has no status quo", where=where, value=region_id)
    return _resolved(_Origin(path, library_root(), _shown_name(path)), (), ("scenario",))


# --------------------------------------------------------------------------- policy and scenario


@dataclass(frozen=True)
class Assignment:
    """One contract between one payer and the providers a selector names.

    Attributes
    ----------
    payer : str
        Id of the payer.
    providers : Selector
        Which providers.
    contract : mapping
        The contract as nested one-key mappings, for `sim.payment.build`.
    node : Node
        The same with places, for messages.
    """

    payer: str
    providers: Selector
    contract: Mapping[str, Any]
    node: Node = field(compare=False, repr=False)

    @property
    def where(self) -> str:
        """Give file, line and column of the contract."""
        return str(self.node.place)

    def build(self, context: contracts.PaymentContext) -> contracts.PaymentModel:
        """Build the payment model; a mistake in the contract names its file and line.

        Raises
        ------
        PaymentError
            If the contract is not one that can be built for these providers.
        """
        try:
            return contracts.build(self.contract, context)
        except PaymentError as error:
            raise self._placed(error) from None

    def _placed(self, error: PaymentError) -> PaymentError:
        """Say where in the file the contract is wrong."""
        steps = [s for s in re.split(r"[.\[\]/: ]+", error.where) if s]
        steps = steps[1:] if steps[:1] == ["contract"] else steps
        node, _, _ = _walk(self.node, steps)
        arguments: dict[str, Any] = {"value": error.value} if error.has_value else {}
        return PaymentError(
            error.what,
            where=f"{node.place}: {'.'.join(['contract', *steps])}",
            allowed=error.allowed,
            remedy=error.remedy,
            **arguments,
        )


@dataclass(frozen=True)
class ContractGroup:
    """The providers that share one contract with one payer.

    Attributes
    ----------
    payer : int
        Row of the payer in the region.
    providers : tuple of int
        Rows of the providers in the region, ascending.
    assignment : Assignment
        The contract.
    """

    payer: int
    providers: tuple[int, ...]
    assignment: Assignment


@dataclass(frozen=True)
class Policy:
    """What is in force: who pays whom by which contract, what patients pay, how claims are audited.

    Attributes
    ----------
    payment : tuple of Assignment
        A later assignment overrides an earlier one where both apply.
    benefits : mapping
        Specification for `sim.benefits`.
    audit : mapping of str to float
        Screening, sample, detection, fine, cost per review, for `sim.oversight`.
    """

    payment: tuple[Assignment, ...]
    benefits: Mapping[str, Any]
    audit: Mapping[str, float]

    def groups(self, region: Region) -> tuple[ContractGroup, ...]:
        """Give every payer-provider pair its contract, the last assignment that applies.

        Raises
        ------
        ScenarioError
            If some provider has no contract with some payer.
        """
        payers = list(region.payers)
        owner: dict[tuple[int, int], int] = {}
        for number, assignment in enumerate(self.payment):
            if assignment.payer not in payers:
                continue
            row = payers.index(assignment.payer)
            for provider in assignment.providers.indices(region):
                owner[row, provider] = number
        for row, payer in enumerate(payers):
            for provider, name in enumerate(region.providers.ids):
                if (row, provider) not in owner:
                    raise ScenarioError(
                        f"no contract between {payer} and {name}",
                        where="payment",
                        remedy="Add an assignment that covers this provider.",
                    )
        members: dict[tuple[int, int], list[int]] = {}
        for (row, provider), number in sorted(owner.items()):
            members.setdefault((row, number), []).append(provider)
        return tuple(
            ContractGroup(row, tuple(rows), self.payment[number])
            for (row, number), rows in sorted(members.items())
        )


@dataclass(frozen=True)
class Scenario:
    """One region and one policy, checked in full.

    Attributes
    ----------
    id : str
        File stem.
    tree : Node
        Everything the scenario says, with the place each value came from.
    standing : Node
        The region's status quo, likewise.
    """

    id: str
    tree: Node = field(repr=False)
    standing: Node = field(repr=False)

    # -- what it says

    @property
    def _form(self) -> _ScenarioForm:
        return _ScenarioForm.model_validate(plain(self.tree))

    @property
    def title(self) -> dict[str, str]:
        """Give the title by language, en and zh."""
        title: dict[str, str] = plain(cast(Node, self.tree.get("title")))
        return title

    @property
    def description(self) -> dict[str, str]:
        """Give the description by language, empty texts if there is none."""
        node = self.tree.get("description")
        return {"en": "", "zh": ""} if node is None else cast(dict[str, str], plain(node))

    @property
    def region_id(self) -> str:
        """Give the id of the region, which is the id of its status quo."""
        return str(cast(Node, self.tree.get("region")).value)

    @property
    def region_path(self) -> Path:
        """Give the folder of the region's tables."""
        return _region_folder(self.region_id, self.where("region"))

    def region(self) -> Region:
        """Read the region's tables (once for unchanged files)."""
        folder = self.region_path
        return _region(folder, _stamp(folder))

    @property
    def horizon(self) -> Horizon:
        """Give the months of warm-up, baseline and reform."""
        return Horizon.model_validate(plain(cast(Node, self.tree.get("horizon"))))

    @property
    def seed(self) -> int:
        """Give the seed of the first replicate."""
        return cast(int, cast(Node, self.tree.get("seed")).value)

    @property
    def population(self) -> int:
        """Give the number of people simulated."""
        return cast(int, cast(Node, self.tree.get("population")).value)

    @property
    def parameters(self) -> dict[str, float]:
        """Give the parameters this scenario sets, in their own units."""
        node = self.tree.get("parameters")
        if node is None or not node.value:
            return {}
        table = self.region().parameters
        raw: dict[str, object] = plain(node)
        return {name: _override(value, table[name], "") for name, value in raw.items()}

    @property
    def freeze(self) -> tuple[str, ...]:
        """Give the channels held at their baseline."""
        node = self.tree.get("freeze")
        return () if node is None else tuple(plain(node))

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Give the outcomes reports show first."""
        node = self.tree.get("outcomes")
        return () if node is None else tuple(plain(node))

    @property
    def before(self) -> Policy:
        """Give the policy in force before the reform: the region's status quo."""
        return _policy(self.standing, ())

    @property
    def after(self) -> Policy:
        """Give the policy in force from the reform on; unmentioned pairs keep their contract."""
        before = self.before
        own, standing = self.tree.get("payment"), self.standing.get("payment")
        assert own is not None
        assert standing is not None
        under = () if plain(own) == plain(standing) else before.payment
        return _policy(self.tree, under)

    @property
    def is_status_quo(self) -> bool:
        """Say whether the scenario changes nothing of the region's policy."""
        return self.before == self.after

    def where(self, path: str) -> str:
        """Give file, line, column and path of a field, for messages."""
        node, _, _ = _walk(self.tree, path.split("."))
        return f"{node.place}: {path}"

    def provenance(self) -> tuple[tuple[str, Scalar, str], ...]:
        """List every resolved value with its path and the file and line it came from."""
        return tuple((path, value, str(place)) for path, value, place in self.tree.leaves())

    def resolved(self) -> dict[str, Any]:
        """Give the merged scenario and the region's status quo as ordinary data.

        `from_resolved` turns it back into the same scenario.
        """
        head = {"schema": 1, "kind": "scenario", "id": self.id}
        body = {k: v for k, v in plain(self.tree).items() if k not in head and k != "extends"}
        kept = ("title", "description", *_POLICY)
        standing = {k: plain(node) for k in kept if (node := self.standing.get(k)) is not None}
        return {**head, **body, "status_quo": standing}

    def table_hashes(self) -> dict[str, str]:
        """Give the SHA-256 of every table the region is read from, by its path."""
        folder = self.region_path
        return dict(_hashes(folder.parent, _stamp(folder)))

    def sha256(self) -> str:
        """Give one hash of everything that decides a run, apart from code, seed and engine."""
        content = {"scenario": self.resolved(), "tables": self.table_hashes()}
        text = json.dumps(
            content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    # -- variations

    def status_quo(self) -> Scenario:
        """Give the do-nothing arm: same people, months and seed, the region's policy throughout."""
        assert isinstance(self.tree.value, Mapping)
        entries = dict(self.tree.value)
        for name in (*_POLICY, "title", "description"):
            node = self.standing.get(name)
            if node is None:
                entries.pop(name, None)
            else:
                entries[name] = node
        return Scenario(self.region_id, replace(self.tree, value=entries), self.standing)

    def with_payment(self, payment: str | Mapping[str, Any] | Sequence[Any]) -> Scenario:
        """Pay by another contract from the reform on.

        Parameters
        ----------
        payment : str, mapping or sequence
            The id of a library scenario whose payment is taken (the region's name may be left
            out), one contract (for all schemes and all providers inside the region), one
            assignment, or a list of assignments.
        """
        if isinstance(payment, str):
            known = _library_files()
            prefixed = f"{self.region_id}-{payment.replace('_', '-')}"
            name = prefixed if prefixed in known else payment
            if name not in known:
                prefix = f"{self.region_id}-"
                short = [n.removeprefix(prefix) for n in known if n.startswith(prefix)]
                raise ScenarioError(
                    "the library has no such payment",
                    where="payment",
                    value=payment,
                    allowed=", ".join(short),
                    remedy=suggestion(payment, [*short, *known]),
                )
            other = load(name)
            node = other.tree.get("payment")
            assert node is not None
            prose = {k: n for k in ("title", "description") if (n := other.tree.get(k)) is not None}
            bare = replace(self, id=other.id, tree=_without(self.tree, ["id", "description"]))
            return bare._with({**prose, "payment": node})
        place = Place("with_payment")
        if isinstance(payment, Mapping) and "contract" not in payment:
            insured = [p for p in self.region().payers if p != SELF_PAY]
            payment = [{"payer": insured, "providers": {"inside": True}, "contract": payment}]
        elif isinstance(payment, Mapping):
            payment = [payment]
        return self._with({"payment": _planted(payment, place)})

    def with_population(self, people: int) -> Scenario:
        """Simulate another number of people; capacities and funds follow."""
        return self._with({"population": _planted(people, Place("with_population"))})

    def with_seed(self, seed: int) -> Scenario:
        """Start from another seed."""
        return self._with({"seed": _planted(seed, Place("with_seed"))})

    def with_horizon(
        self,
        *,
        warm_up: int | None = None,
        baseline: int | None = None,
        reform: int | None = None,
    ) -> Scenario:
        """Run other numbers of months; parts left out keep theirs."""
        given = {"warm_up": warm_up, "baseline": baseline, "reform": reform}
        months = {**plain(cast(Node, self.tree.get("horizon")))}
        months.update({k: v for k, v in given.items() if v is not None})
        return self._with({"horizon": _planted(months, Place("with_horizon"))})

    def with_parameters(
        self, values: Mapping[str, object] | None = None, **more: object
    ) -> Scenario:
        """Set parameters of the region, as numbers or {value, unit}; others keep theirs."""
        node = self.tree.get("parameters")
        merged = {**(plain(node) if node is not None else {}), **(values or {}), **more}
        return self._with({"parameters": _planted(merged, Place("with_parameters"))})

    def with_freeze(self, channels: Iterable[str]) -> Scenario:
        """Hold channels of behavior at their baseline."""
        return self._with({"freeze": _planted(list(channels), Place("with_freeze"))})

    def set(self, path: str, value: object) -> Scenario:
        """Set one value by its dotted path; see `set_all`."""
        return self.set_all([(path, value)])

    def set_all(self, settings: Iterable[tuple[str, object]]) -> Scenario:
        """Set values by dotted paths, list entries by number, and check the result as a whole.

        Text is read as YAML, under the same caps as files, so that ``24`` is a number and ``[a]``
        a list. A number set where a quantity with a unit stands keeps that unit.

        Raises
        ------
        ScenarioError
            For an unknown path (with a suggestion) or a value the scenario cannot take.
        """
        tree = self.tree
        for path, value in settings:
            place = Place(f"--set {path}")
            node: Node | None
            if isinstance(value, str):
                node = _parsed(value, str(place))
                node = Node(value, place) if node is None else _moved(node, place)
            else:
                node = _planted(value, place)
            steps = path.split(".")
            if not path or not all(steps) or len(steps) > DEEPEST:
                raise ScenarioError(
                    "not a path", where=str(place), allowed="names and numbers joined by dots"
                )
            if steps[0] in ("schema", "kind", "id", "extends", "region"):
                raise ScenarioError(
                    f"{steps[0]} cannot be set",
                    where=str(place),
                    remedy="Choose another scenario file instead.",
                )
            tree = _grafted(tree, steps, node, place, ())
        return _finished(self.id, tree, self.standing)

    def _with(self, entries: Mapping[str, Node]) -> Scenario:
        """Replace top-level entries and check the result."""
        assert isinstance(self.tree.value, Mapping)
        tree = replace(self.tree, value={**self.tree.value, **entries})
        return _finished(self.id, tree, self.standing)

    @classmethod
    def from_resolved(cls, data: Mapping[str, Any], name: str = "resolved scenario") -> Scenario:
        """Rebuild a scenario from what `resolved` gave, for records and worker processes."""
        place = Place(name)
        body = {k: v for k, v in data.items() if k != "status_quo"}
        standing = data.get("status_quo")
        if not isinstance(standing, Mapping) or not isinstance(data.get("id"), str):
            raise ScenarioError("not a resolved scenario", where=name, allowed="id, status_quo")
        return _finished(str(data["id"]), _planted(body, place), _planted(standing, place))


_POLICY = ("payment", "benefits", "audit")


def _moved(node: Node, place: Place) -> Node:
    """Let every value of a small tree stand at one place."""
    if isinstance(node.value, Mapping):
        return Node({k: _moved(v, place) for k, v in node.value.items()}, place)
    if isinstance(node.value, tuple):
        return Node(tuple(_moved(v, place) for v in node.value), place)
    return Node(node.value, place)


def _grafted(
    tree: Node, steps: Sequence[str], new: Node, place: Place, done: tuple[str, ...]
) -> Node:
    """Put a value at a path; only the last name of a path may be new, and forms check it."""
    if not steps:
        is_number = isinstance(new.value, (int, float)) and not isinstance(new.value, bool)
        if is_number and isinstance(tree.value, Mapping) and "value" in tree.value:
            kept = {k: v for k, v in tree.value.items() if k == "unit"}
            return Node({"value": new, **kept}, place, tree.key)
        return replace(new, key=tree.key)
    step, rest = steps[0], steps[1:]
    if isinstance(tree.value, Mapping):
        known = list(tree.value)
        if step in tree.value:
            entry = _grafted(tree.value[step], rest, new, place, (*done, step))
        elif (not done and step in _fields(_ScenarioForm, ())) or (
            not rest and done[:1] in (("parameters",), ("benefits",), ("payment",))
        ):
            missing = Node({}, place) if rest else new
            entry = _grafted(missing, rest, new, place, (*done, step)) if rest else missing
        else:
            choices = known if done else list(_fields(_ScenarioForm, ()))
            raise ScenarioError(
                "unknown path",
                where=str(place),
                value=".".join((*done, step)),
                allowed=", ".join(choices),
                remedy=suggestion(step, choices),
            )
        return replace(tree, value={**tree.value, step: entry})
    if isinstance(tree.value, tuple):
        if not step.isdigit() or len(step) > 6 or int(step) >= len(tree.value):
            raise ScenarioError(
                "no such entry of the list",
                where=str(place),
                value=step,
                allowed=f"0 to {len(tree.value) - 1}" if tree.value else "the list is empty",
            )
        index = int(step)
        entry = _grafted(tree.value[index], rest, new, place, (*done, step))
        return replace(tree, value=(*tree.value[:index], entry, *tree.value[index + 1 :]))
    raise ScenarioError(
        "the path goes on below a single value",
        where=str(place),
        value=".".join((*done, step)),
        allowed=".".join(done),
    )


def _policy(tree: Node, under: tuple[Assignment, ...]) -> Policy:
    """Read the policy of a checked tree; `under` is what stays where nothing is said."""
    rows = tree.get("payment")
    assert rows is not None
    assert isinstance(rows.value, tuple)
    own = []
    for row in rows.value:
        form = _AssignmentForm.model_validate(plain(row))
        contract = row.get("contract")
        assert contract is not None
        own += [Assignment(p, form.providers, form.contract, contract) for p in form.payer]
    audit = Audit.model_validate(plain(cast(Node, tree.get("audit"))))
    benefits: dict[str, Any] = plain(cast(Node, tree.get("benefits")))
    return Policy((*under, *own), benefits, audit.model_dump())


def _override(raw: object, parameter: Parameter, where: str) -> float:
    """Read a parameter's new value in its own unit and check its range."""
    if isinstance(raw, Mapping):
        if "value" not in raw:
            raise ScenarioError("the value is missing", where=where, allowed="{value, unit}")
        named = raw.get("unit", parameter.unit)
        value = raw["value"]
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ScenarioError("a number is needed", where=where, value=value)
        if named != parameter.unit:
            if named not in UNITS or parameter.unit not in UNITS:
                raise ScenarioError(
                    "not the parameter's unit", where=where, value=named, allowed=parameter.unit
                )
            value = convert(float(value), str(named), parameter.unit, where)
        raw = value
    return parameter.check(cast(float, raw), where)


def _known_outcomes() -> tuple[str, ...]:
    """List the outcomes there are."""
    return tuple(outcome.id for outcome in outcomes.registry())


def _semantic_problems(scenario: Scenario) -> Iterator[PayshiftError]:
    """Check what the form alone cannot: names of the region, parameters, outcomes, channels."""
    tree = scenario.tree
    region = scenario.region()
    table = region.parameters
    overrides = tree.get("parameters")
    if overrides is not None and isinstance(overrides.value, Mapping):
        for name, node in overrides.value.items():
            where = f"{node.key or node.place}: parameters.{name}"
            if name not in table:
                yield ScenarioError(
                    "unknown parameter",
                    where=where,
                    value=name,
                    allowed="an id from: payshift list parameters",
                    remedy=suggestion(name, table),
                )
                continue
            try:
                _override(plain(node), table[name], f"{node.place}: parameters.{name}")
            except ScenarioError as error:
                yield error
    yield from _unknown_words(tree, "freeze", "channel", tuple(CHANNELS))
    yield from _unknown_words(tree, "outcomes", "outcome", _known_outcomes())
    rows = tree.get("payment")
    for number, row in enumerate(rows.value if rows and isinstance(rows.value, tuple) else ()):
        form = _AssignmentForm.model_validate(plain(row))
        payer_node = cast(Node, row.get("payer"))
        for payer in form.payer:
            if payer not in region.payers:
                yield ScenarioError(
                    "unknown payer",
                    where=f"{payer_node.place}: payment.{number}.payer",
                    value=payer,
                    allowed=", ".join(region.payers),
                    remedy=suggestion(payer, region.payers),
                )
        selector_node = cast(Node, row.get("providers"))
        where = f"{selector_node.place}: payment.{number}.providers"
        unknown = [i for i in form.providers.ids or () if i not in region.providers.ids]
        if unknown:
            yield ScenarioError(
                "unknown provider",
                where=where,
                value=unknown[0],
                allowed="an id of the region's providers.csv",
                remedy=suggestion(unknown[0], [str(i) for i in region.providers.ids]),
            )
        elif not form.providers.indices(region):
            types = sorted({str(t) for t in region.providers.type})
            yield ScenarioError(
                "no provider of the region is meant",
                where=where,
                value=plain(selector_node),
                allowed=f"types: {', '.join(types)}",
                remedy=suggestion(form.providers.type or "", types),
            )


def _unknown_words(
    tree: Node, name: str, noun: str, known: Sequence[str]
) -> Iterator[ScenarioError]:
    """Find entries of a list of names that do not exist."""
    node = tree.get(name)
    for entry in node.value if node is not None and isinstance(node.value, tuple) else ():
        if entry.value not in known:
            yield ScenarioError(
                f"unknown {noun}",
                where=f"{entry.place}: {name}",
                value=entry.value,
                allowed=", ".join(known) if len(known) <= 20 else f"see: payshift list {name}",
                remedy=suggestion(str(entry.value), known),
            )


def _finished(name: str, tree: Node, standing: Node) -> Scenario:
    """Check a merged tree in full and make the scenario."""
    form = checked(_ScenarioForm, tree)
    if form.id is not None and form.id != name:
        node = cast(Node, tree.get("id"))
        raise ScenarioError(
            "the id is not the file's name",
            where=f"{node.place}: id",
            value=form.id,
            allowed=name,
            remedy="Rename the file or leave the id out.",
        )
    scenario = Scenario(name, tree, standing)
    _raise_all(list(_semantic_problems(scenario)))
    _raise_all(list(_policy_problems(scenario)))
    return scenario


def _policy_problems(scenario: Scenario) -> Iterator[PayshiftError]:
    """Let payment and benefits check their own specifications, and say where each is wrong."""
    region = scenario.region()
    policy = _policy(scenario.tree, ())
    for assignment in policy.payment:
        rows = assignment.providers.indices(region)
        try:
            assignment.build(_plain_context(region, rows))
        except PaymentError as error:
            yield error
    try:
        Benefits.from_spec(policy.benefits, region.payers)
    except ScenarioError as error:
        steps = [s for s in re.split(r"[.\[\]]+", error.where) if s]
        node, _, _ = _walk(scenario.tree, steps)
        yield _elsewhere(error, f"{node.place}: {error.where}")
    try:
        scenario.after.groups(region)
    except ScenarioError as error:
        yield error


def _plain_context(region: Region, rows: Sequence[int]) -> contracts.PaymentContext:
    """Give a contract the region's providers at unit prices, enough to check its terms."""
    n, n_groups = len(rows), len(region.groups.ids)
    providers = region.providers
    picked = np.array(rows, dtype=np.int64)
    return contracts.PaymentContext(
        provider_ids=tuple(providers.ids[i] for i in rows),
        kinds=providers.kind[picked],
        groups=region.groups.ids,
        unit_price=np.ones((n, 3, 4)),
        visit_fee=np.ones((n, 3)),
        day_price=np.ones((n, n_groups)),
        weights=region.groups.weight[:, None] * region.groups.weight_level,
        grade_coefficient=providers.grade_coefficient[picked],
    )


def _elsewhere(error: ScenarioError, where: str) -> ScenarioError:
    """Give the same error with a better place."""
    given: dict[str, Any] = {"value": error.value} if error.has_value else {}
    return ScenarioError(
        error.what, where=where, allowed=error.allowed, remedy=error.remedy, **given
    )


def load(id_or_path: str | Path) -> Scenario:
    """Read a scenario of the library by id, or a file by path, and check it in full.

    Parameters
    ----------
    id_or_path : str or Path
        An id such as ``china-county-drg``; or a path, which has a slash or ends in .yaml.

    Raises
    ------
    ScenarioError
        With file, line, column, field, value, what is allowed and a remedy; `also` carries the
        other errors of the file.
    """
    path, name = _located(id_or_path)
    root = library_root() if _in_library(path) else path.resolve().parent
    tree = _resolved(_Origin(path, root, name), (), ("scenario",))
    region = tree.get("region")
    if region is None or not isinstance(region.value, str):
        checked(_ScenarioForm, tree)
        raise ScenarioError("the region is missing", where=name)
    where = f"{region.place}: region"
    _region_folder(region.value, where)
    return _finished(path.stem, tree, _status_quo_tree(region.value, where))


def _located(id_or_path: str | Path) -> tuple[Path, str]:
    """Find the file that an id or a path means, and the name messages give it."""
    text = str(id_or_path)
    if "\0" in text:
        raise ScenarioError("not a usable path", where="scenario", value=text)
    is_path = isinstance(id_or_path, Path) or "/" in text or "\\" in text
    if is_path or text.endswith((".yaml", ".yml")):
        path = Path(id_or_path)
        return path, _shown_name(path) if _in_library(path) else str(path)
    files = _library_files()
    if text not in files:
        here = Path(f"{text}.yaml")
        hint = f"To read the file in this folder, write ./{here}" if here.is_file() else ""
        raise ScenarioError(
            "the library has no such scenario",
            where="scenario",
            value=text,
            allowed="an id from: payshift list scenarios; or a path to a .yaml file",
            remedy=hint or suggestion(text, files),
        )
    return files[text], _shown_name(files[text])


def validate(path: str | Path) -> list[PayshiftError]:
    """Find every error of a file without running anything; an empty list means it is good.

    Files of another kind (sweeps, studies ...) are checked as far as every file is: readable,
    YAML 1.2, schema and kind; their owners check the rest.
    """
    try:
        located, name = _located(path)
        kind = _check_head(read_tree(located, name), name, KINDS)
        if kind == "scenario":
            load(path)
    except PayshiftError as error:
        return list(error.all)
    return []


# --------------------------------------------------------------------------- what there is


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of scenario files, for editors."""
    schema = _ScenarioForm.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Payshift scenario"
    # What a file leaves out comes from what it extends.
    schema["required"] = ["schema", "kind"]
    models = sorted(contracts.registry())
    node = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {name: {"type": "object"} for name in models},
        "additionalProperties": False,
    }
    schema["$defs"]["_AssignmentForm"]["properties"]["contract"] = node
    return schema


def catalogue() -> dict[str, list[dict[str, Any]]]:
    """List scenarios, payment models, regions and parameters with labels in both languages.

    Returns
    -------
    dict
        Keys scenarios, models, regions, parameters; each a list of flat dictionaries with `id`,
        `title_en`, `title_zh`, `line_en`, `line_zh` and further columns.
    """
    rows: dict[str, list[dict[str, Any]]] = {
        "scenarios": [],
        "models": [],
        "regions": [],
        "parameters": [],
    }
    parameters: dict[str, dict[str, Any]] = {}
    for name in library_ids():
        scenario = load(name)
        row = {
            "id": name,
            "title_en": scenario.title["en"],
            "title_zh": scenario.title["zh"],
            "line_en": scenario.description["en"],
            "line_zh": scenario.description["zh"],
            "region": scenario.region_id,
            "population": scenario.population,
            "months": scenario.horizon.months,
        }
        rows["scenarios"].append(row)
        if name != scenario.region_id:
            continue
        region = scenario.region()
        rows["regions"].append(
            {
                "id": name,
                "title_en": region.title.en,
                "title_zh": region.title.zh,
                "line_en": scenario.description["en"],
                "line_zh": scenario.description["zh"],
                "residents": int(region.residents),
                "providers": len(region.providers.ids),
            }
        )
        for parameter in region.parameters.values():
            parameters.setdefault(
                parameter.id,
                {
                    "id": parameter.id,
                    "title_en": parameter.label_en,
                    "title_zh": parameter.label_zh,
                    "unit": parameter.unit,
                    "value": parameter.default,
                    "low": parameter.low,
                    "high": parameter.high,
                    "role": parameter.role,
                    "evidence": parameter.evidence,
                    "source": parameter.source,
                },
            )
    rows["parameters"] = list(parameters.values())
    rows["models"] = contracts.catalogue()
    return rows
