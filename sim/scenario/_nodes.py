"""Values that remember where they were written.

Knows plain data and places in files; must not know YAML, forms or the library.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sim.errors import PayshiftError, ScenarioError

DEEPEST = 32
"""Most levels of nesting, of files and of settings."""

Scalar = str | int | float | bool | None
Made = TypeVar("Made")


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
    value : dict of str to Node, tuple of Node, or a scalar
        Treated as immutable. Plain dictionaries, for trees are walked thousands of nodes at a
        time, and asking whether something is any mapping takes ten times as long.
    place : Place
        Where the value stands.
    key : Place or None
        Where its key stands, when it is an entry of a mapping.
    """

    value: dict[str, Node] | tuple[Node, ...] | Scalar
    place: Place
    key: Place | None = None

    def get(self, name: str) -> Node | None:
        """Give the entry of a mapping, or None."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def once(self, name: str, make: Callable[[Node], Made]) -> Made:
        """Give what is worked out of this node, the first time only: a node never changes.

        A sweep varies a few values of a scenario thousands of times; the rest is the same node.
        """
        known = self.__dict__
        if name not in known:
            known[name] = make(self)
        found: Made = known[name]
        return found

    def __getstate__(self) -> dict[str, object]:
        """Give the node itself, without what was worked out of it."""
        return {name: getattr(self, name) for name in ("value", "place", "key")}

    def leaves(self, path: str = "") -> Iterator[tuple[str, Scalar, Place]]:
        """Walk over every scalar with its dotted path and place, in file order."""
        if isinstance(self.value, dict):
            for name, node in self.value.items():
                yield from node.leaves(f"{path}.{name}" if path else name)
        elif isinstance(self.value, tuple):
            for index, node in enumerate(self.value):
                yield from node.leaves(f"{path}.{index}" if path else str(index))
        else:
            yield path, self.value, self.place


def plain(node: Node) -> Any:
    """Give a node as ordinary dictionaries, lists and scalars."""
    return _with_entries(node, plain)


def shared(node: Node) -> Any:
    """Give a node as :func:`plain` does, the same data every time: nobody may change it."""
    return node.once("shared", lambda found: _with_entries(found, shared))


def _with_entries(node: Node, give: Callable[[Node], Any]) -> Any:
    """Give a node's own level as ordinary data, its entries as ``give`` has them."""
    value = node.value
    if isinstance(value, dict):
        return {name: give(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return [give(entry) for entry in value]
    return value


def planted(value: object, place: Place, depth: int = 0) -> Node:
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
            entries[name] = planted(entry, place, depth + 1)
        return Node(entries, place)
    if isinstance(value, (list, tuple)):
        return Node(tuple(planted(entry, place, depth + 1) for entry in value), place)
    if isinstance(value, float) and not math.isfinite(value):
        raise ScenarioError("not a finite number", where=str(place), value=value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return Node(value, place)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return planted(item(), place, depth + 1)
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


def unknown_name(what: str, where: str, name: str, known: Iterable[str]) -> ScenarioError:
    """Give the error of a name that is none of those known; it lists them and the closest."""
    names = list(known)
    return ScenarioError(
        what, where=where, value=name, allowed=", ".join(names), remedy=suggestion(name, names)
    )


def walk(tree: Node, location: Sequence[str | int]) -> tuple[Node, list[str], bool]:
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


def raise_all(problems: Sequence[PayshiftError]) -> None:
    """Raise the first of several errors, carrying the others; each message once."""
    if problems:
        first, *rest = {problem.message: problem for problem in problems}.values()
        first.also = tuple(rest)
        raise first


def elsewhere(error: PayshiftError, where: str) -> ScenarioError:
    """Give the same error with a better place."""
    given: dict[str, Any] = {"value": error.value} if error.has_value else {}
    return ScenarioError(
        error.what, where=where, allowed=error.allowed, remedy=error.remedy, **given
    )


def field_place(tree: Node, *steps: str | int) -> str:
    """Give file, line, column and path of a field, or of the nearest part that was written."""
    node, path, _ = walk(tree, steps)
    return f"{node.place}: {'.'.join(path)}"


def place_of(tree: Node, steps: Sequence[str | int], found: object) -> Place:
    """Give the place of a mistake that another reader names by path and value found.

    Where the value found is a key of the mapping at the path, as with unknown fields, the key's
    own place is meant.
    """
    node, _, whole = walk(tree, steps)
    entry = node.get(found) if whole and isinstance(found, str) else None
    if entry is not None:
        return entry.key or entry.place
    return node.place
