"""A scenario in full, its variations, and how it is loaded.

Knows region, policy, horizon and settings; must not know how a month runs.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from sim import payment as contracts
from sim.errors import PayshiftError, ScenarioError
from sim.region import Region
from sim.scenario._checks import override, policy_problems, semantic_problems
from sim.scenario._forms import Adjustment, Audit, Horizon, ScenarioForm, checked, fields
from sim.scenario._library import (
    KINDS,
    Origin,
    check_head,
    in_library,
    library_files,
    library_ids,
    library_root,
    read_region,
    region_folder,
    resolve,
    shown_name,
    status_quo_tree,
    table_hashes,
    without,
)
from sim.scenario._nodes import (
    DEEPEST,
    Node,
    Place,
    Scalar,
    plain,
    planted,
    raise_all,
    shared,
    suggestion,
    walk,
)
from sim.scenario._policy import Policy, policy_of
from sim.scenario._reading import parse, read_tree

SELF_PAY = "self-pay"
_REFERENCE_REGION = "china-county"
_LONGEST_ID = 80


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
    def title(self) -> dict[str, str]:
        """Give the title by language, en and zh."""
        title: dict[str, str] = plain(cast(Node, self.tree.get("title")))
        return title

    @property
    def description(self) -> dict[str, str]:
        """Give the description by language, empty texts if there is none."""
        node = self.tree.get("description")
        if node is None:
            return {"en": "", "zh": ""}
        told = cast(dict[str, str], plain(node))
        # YAML joins the lines of a paragraph by spaces, and Chinese has none.
        return {**told, "zh": _SPACED.sub("", told["zh"])}

    @property
    def region_id(self) -> str:
        """Give the id of the region, which is the id of its status quo."""
        return str(cast(Node, self.tree.get("region")).value)

    @property
    def region_path(self) -> Path:
        """Give the folder of the region's tables."""
        return region_folder(self.region_id, self.where("region"))

    def region(self) -> Region:
        """Read the region's tables (once for unchanged files)."""
        return read_region(self.region_path)

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
        raw: dict[str, object] = shared(node)
        return {name: override(value, table[name], "") for name, value in raw.items()}

    @property
    def freeze(self) -> tuple[str, ...]:
        """Give the channels held at their baseline."""
        node = self.tree.get("freeze")
        return () if node is None else tuple(plain(node))

    @property
    def adjustment(self) -> dict[str, Any]:
        """Give the rule by which organizations move their levers, with its terms."""
        node = self.tree.get("adjustment")
        raw = "best_response" if node is None else plain(node)
        return Adjustment.model_validate(
            {"rule": raw} if isinstance(raw, str) else raw
        ).model_dump()

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Give the outcomes reports show first."""
        node = self.tree.get("outcomes")
        return () if node is None else tuple(plain(node))

    @cached_property
    def before(self) -> Policy:
        """Give the policy in force before the reform: the region's status quo."""
        return self.standing.once("policy", lambda node: policy_of(node, ()))

    @cached_property
    def after(self) -> Policy:
        """Give the policy in force from the reform on; unmentioned pairs keep their contract."""
        before = self.before
        own, standing = self.tree.get("payment"), self.standing.get("payment")
        assert own is not None
        assert standing is not None
        is_standing = own is standing or shared(own) == shared(standing)
        under = () if is_standing else before.payment
        return policy_of(self.tree, under)

    @property
    def is_status_quo(self) -> bool:
        """Say whether the scenario changes nothing of the region's policy."""
        return self.before == self.after

    def where(self, path: str) -> str:
        """Give file, line, column and path of a field, for messages."""
        node, _, _ = walk(self.tree, path.split("."))
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
        return table_hashes(self.region_path)

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
            name = _named_payment(payment, self.region_id)
            other = load(name)
            node = other.tree.get("payment")
            assert node is not None
            prose = {k: n for k in ("title", "description") if (n := other.tree.get(k)) is not None}
            bare = replace(self, id=other.id, tree=without(self.tree, ["id", "description"]))
            return bare._with({**prose, "payment": node})
        place = Place("with_payment")
        if isinstance(payment, Mapping) and "contract" not in payment:
            insured = [p for p in self.region().payers if p != SELF_PAY]
            payment = [{"payer": insured, "providers": {"inside": True}, "contract": payment}]
        elif isinstance(payment, Mapping):
            payment = [payment]
        return self._with({"payment": planted(payment, place)})

    def with_population(self, people: int, *, where: str = "with_population") -> Scenario:
        """Simulate another number of people; capacities and funds follow.

        A mistake is told to be at ``where``.
        """
        return self._with({"population": planted(people, Place(where))})

    def with_seed(self, seed: int) -> Scenario:
        """Start from another seed."""
        return self._with({"seed": planted(seed, Place("with_seed"))})

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
        return self._with({"horizon": planted(months, Place("with_horizon"))})

    def with_parameters(
        self, values: Mapping[str, object] | None = None, **more: object
    ) -> Scenario:
        """Set parameters of the region, as numbers or {value, unit}; others keep theirs."""
        node = self.tree.get("parameters")
        merged = {**(plain(node) if node is not None else {}), **(values or {}), **more}
        return self._with({"parameters": planted(merged, Place("with_parameters"))})

    def with_freeze(self, channels: Iterable[str]) -> Scenario:
        """Hold channels of behavior at their baseline."""
        return self._with({"freeze": planted(list(channels), Place("with_freeze"))})

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
        tree, changed = self.tree, set()
        for path, value in settings:
            place = Place(f"--set {path}")
            node: Node | None
            if isinstance(value, str):
                node = parse(value, str(place))
                node = Node(value, place) if node is None else _moved(node, place)
            else:
                node = planted(value, place)
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
            changed.add(steps[0])
        return _finished(self.id, tree, self.standing, is_new_policy=not changed <= _APART)

    def with_text(self, text: str, name: str = "text") -> Scenario:
        """Replace whole entries such as payment or audit by those of a YAML text.

        Parameters
        ----------
        text : str
            YAML under the same caps as files; its top-level keys are those of a scenario.
        name : str
            What messages call the text, before line and column.

        Raises
        ------
        ScenarioError
            With line and column for whatever a file could not say either.
        """
        entries = _entries(text, name)
        for key, entry in entries.items():
            if key in ("schema", "kind", "id", "extends", "region"):
                raise ScenarioError(
                    f"{key} cannot be changed here",
                    where=str(entry.key or entry.place),
                    remedy="Choose another scenario instead.",
                )
        return self._with(entries) if entries else self

    def named(self, name: str, title: Mapping[str, str]) -> Scenario:
        """Give a changed scenario a name and titles of its own."""
        changed = replace(self, id=name, tree=without(self.tree, ["id"]))
        return changed._with({"title": planted(dict(title), Place("named"))})

    def _with(self, entries: Mapping[str, Node]) -> Scenario:
        """Replace top-level entries and check the result."""
        assert isinstance(self.tree.value, Mapping)
        changed = {k for k, node in entries.items() if node is not self.tree.value.get(k)}
        tree = replace(self.tree, value={**self.tree.value, **entries})
        return _finished(self.id, tree, self.standing, is_new_policy=not changed <= _APART)

    @classmethod
    def from_resolved(cls, data: Mapping[str, Any], name: str = "resolved scenario") -> Scenario:
        """Rebuild a scenario from what `resolved` gave, for records and worker processes."""
        place = Place(name)
        body = {k: v for k, v in data.items() if k != "status_quo"}
        standing = data.get("status_quo")
        if not isinstance(standing, Mapping) or not isinstance(data.get("id"), str):
            raise ScenarioError("not a resolved scenario", where=name, allowed="id, status_quo")
        return _finished(str(data["id"]), planted(body, place), planted(standing, place))


_CHINESE = "[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"
_SPACED = re.compile(f"(?<={_CHINESE}) (?={_CHINESE})")
_POLICY = (
    "payment",
    "benefits",
    "audit",
    "prices",
    "formulary",
    "alliances",
    "enrolment",
    "from_reform",
)


_APART = frozenset(
    (
        "title",
        "description",
        "seed",
        "population",
        "horizon",
        "parameters",
        "freeze",
        "outcomes",
        "audit",
    )
)
"""Entries of a scenario that no contract or benefit is checked against."""


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
        elif (not done and step in fields(ScenarioForm, ())) or (
            not rest
            and done[:1] in (("parameters",), ("from_reform",), ("benefits",), ("payment",))
        ):
            missing = Node({}, place) if rest else new
            entry = _grafted(missing, rest, new, place, (*done, step)) if rest else missing
        else:
            choices = known if done else list(fields(ScenarioForm, ()))
            raise ScenarioError(
                "unknown path",
                where=str(place),
                value=".".join((*done, step)),
                allowed=", ".join(choices),
                remedy=suggestion(step, choices),
            )
        return Node({**tree.value, step: entry}, tree.place, tree.key)
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


def _named_payment(word: str, region_id: str) -> str:
    """Find the library scenario a short name means: the region's own, that id, or the county's."""
    known = library_files()
    short = word.replace("_", "-")
    for name in (f"{region_id}-{short}", word, f"{_REFERENCE_REGION}-{short}"):
        if name in known:
            return name
    prefixes = (f"{region_id}-", f"{_REFERENCE_REGION}-")
    choices = sorted({n.removeprefix(p) for n in known for p in prefixes if n.startswith(p)})
    raise ScenarioError(
        "the library has no such payment",
        where="payment",
        value=word,
        allowed=", ".join(choices),
        remedy=suggestion(short, [*choices, *known]),
    )


def _finished(name: str, tree: Node, standing: Node, is_new_policy: bool = True) -> Scenario:
    """Check a merged tree and make the scenario.

    A policy that was checked before is not checked again: another seed cannot make it wrong.
    """
    form = checked(ScenarioForm, tree)
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
    region = scenario.region()
    raise_all(list(semantic_problems(tree, region)))
    if is_new_policy:
        raise_all(list(policy_problems(tree, scenario.after, region)))
    return scenario


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
    root = library_root() if in_library(path) else path.resolve().parent
    tree = resolve(Origin(path, root, name), (), ("scenario",))
    region = tree.get("region")
    if region is None or not isinstance(region.value, str):
        checked(ScenarioForm, tree)
        raise ScenarioError("the region is missing", where=name)
    where = f"{region.place}: region"
    region_folder(region.value, where)
    return _finished(path.stem, tree, status_quo_tree(region.value, where))


def _located(id_or_path: str | Path) -> tuple[Path, str]:
    """Find the file that an id or a path means, and the name messages give it."""
    text = str(id_or_path)
    if "\0" in text:
        raise ScenarioError("not a usable path", where="scenario", value=text)
    is_path = isinstance(id_or_path, Path) or "/" in text or "\\" in text
    if is_path or text.endswith((".yaml", ".yml")):
        path = Path(id_or_path)
        return path, shown_name(path) if in_library(path) else str(path)
    files = library_files()
    if text not in files:
        short = len(text) <= _LONGEST_ID
        is_here = short and Path(f"{text}.yaml").is_file()
        hint = f"To read the file in this folder, write ./{text}.yaml" if is_here else ""
        raise ScenarioError(
            "the library has no such scenario",
            where="scenario",
            value=text,
            allowed="an id from: payshift list scenarios; or a path to a .yaml file",
            remedy=hint or suggestion(text, files),
        )
    return files[text], shown_name(files[text])


def validate(path: str | Path) -> list[PayshiftError]:
    """Find every error of a file without running anything; an empty list means it is good.

    Files of another kind (sweeps, studies ...) are checked as far as every file is: readable,
    YAML 1.2, schema and kind; their owners check the rest.
    """
    try:
        located, name = _located(path)
        kind = check_head(read_tree(located, name), name, KINDS)
        if kind == "scenario":
            load(path)
    except PayshiftError as error:
        return list(error.all)
    return []


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of scenario files, for editors."""
    schema = ScenarioForm.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Payshift scenario"
    # What a file leaves out comes from what it extends.
    schema["required"] = ["schema", "kind"]
    for part in (Horizon, Audit):
        schema["$defs"][part.__name__].pop("required", None)
    models = sorted(contracts.registry())
    node = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {name: {"type": "object"} for name in models},
        "additionalProperties": False,
    }
    schema["$defs"]["AssignmentForm"]["properties"]["contract"] = node
    return schema


def _entries(text: str, name: str) -> Mapping[str, Node]:
    """Read the top-level entries of a YAML text, none where it says nothing."""
    node = parse(text, name)
    if node is None:
        return {}
    if not isinstance(node.value, Mapping):
        raise ScenarioError(
            "not entries of a scenario", where=str(node.place), allowed="payment, audit ..."
        )
    return node.value


def entries_of(text: str, name: str = "text") -> dict[str, Any]:
    """Give the top-level entries of a YAML text as they are written, whatever they say.

    For whoever changes a text that is not a scenario yet; :meth:`Scenario.with_text` judges it.

    Parameters
    ----------
    text : str
        YAML under the same caps as files.
    name : str
        What messages call the text, before line and column.

    Raises
    ------
    ScenarioError
        With line and column, if the text cannot be read or holds no entries.

    Examples
    --------
    >>> entries_of("payment: []")
    {'payment': []}
    """
    return {key: plain(node) for key, node in _entries(text, name).items()}


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
                    "distribution": parameter.distribution,
                    "evidence": parameter.evidence,
                    "source": parameter.source,
                },
            )
    rows["parameters"] = list(parameters.values())
    rows["models"] = [_without_infinity(row) for row in contracts.catalogue()]
    return rows


def _without_infinity(value: Any) -> Any:
    """Say None for "no limit", which JSON cannot write otherwise."""
    if isinstance(value, Mapping):
        return {name: _without_infinity(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_infinity(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
