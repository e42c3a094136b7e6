"""YAML 1.2 as a scenario file may use it: no tags, anchors, merge keys or second documents.

Knows the syntax of files and its caps; must not know what any field means. Of ruamel's readers the
plain one is used, node by node, for places: the round-trip one leaves a bell character in the text
wherever a folded line was broken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.parser import Parser
from ruamel.yaml.tokens import DirectiveToken

from sim.errors import ScenarioError
from sim.scenario._nodes import DEEPEST, Node, Place, Scalar, raise_all

LARGEST_FILE = 1_000_000
MOST_NODES = 20_000
LONGEST_NUMBER = 40


class _PlainParser(Parser):
    """Refuses what no scenario needs in the moment it is read, before anything is built from it.

    One pass reads a file: checking its tokens in a pass of their own took as long again, a tenth
    of a second for a region.
    """

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self.name = ""
        self._depth = self._nodes = self._documents = 0

    def _place(self, found: Any) -> str:
        """Give file, line and column of an event or a token."""
        return f"{self.name}:{found.start_mark.line + 1}:{found.start_mark.column + 1}"

    def get_event(self) -> Any:
        """Give the next event, if a scenario file may hold it."""
        event = super().get_event()
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ScenarioError(
                "anchors and aliases are not used in scenario files",
                where=self._place(event),
                value=event.anchor,
                remedy="Write the value out, or use extends.",
            )
        if getattr(event, "ctag", None) is not None:
            raise ScenarioError(
                "tags are not used in scenario files",
                where=self._place(event),
                remedy="Remove the tag.",
            )
        if isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise ScenarioError(
                    "a file holds one document",
                    where=self._place(event),
                    remedy="Split it into two files.",
                )
        if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            self._depth += 1
            if self._depth > DEEPEST:
                raise ScenarioError(
                    "nested too deeply",
                    where=self._place(event),
                    allowed=f"at most {DEEPEST} levels",
                )
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            self._depth -= 1
        self._nodes += isinstance(event, NodeEvent)
        if self._nodes > MOST_NODES:
            raise ScenarioError(
                "too many values in one file",
                where=self._place(event),
                allowed=f"at most {MOST_NODES}",
                remedy="Put large tables into CSV files.",
            )
        return event

    def process_directives(self) -> Any:
        """Refuse lines that start with a per cent sign."""
        if self.scanner.check_token(DirectiveToken):
            raise ScenarioError(
                "directives are not used in scenario files",
                where=self._place(self.scanner.peek_token()),
                remedy="Remove the line that starts with %.",
            )
        return super().process_directives()


def _composed(text: str, name: str) -> Any:
    """Read a text into ruamel's nodes; None where it holds nothing."""
    reader = YAML(typ="safe", pure=True)
    reader.Parser = _PlainParser
    reader.parser.name = name
    return reader.compose(text)


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


def _scalar(text: str, kind: str, where: str, problems: list[ScenarioError]) -> Scalar:
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
                    where=where,
                    value=text,
                    allowed="a finite decimal number",
                    remedy="Leave the entry out if there is no limit.",
                )
            )
        return number
    problems.append(
        ScenarioError(
            f"a {kind} is not used in scenario files",
            where=where,
            value=text,
            allowed="mappings, lists, text, numbers, true, false, null",
            remedy="Put it into quotes if text is meant.",
        )
    )
    return None


def _converted(
    node: Any, name: str, problems: list[ScenarioError], key: Place | None, path: str = ""
) -> Node:
    """Turn ruamel's node graph into ours; collect duplicate and non-text keys."""
    place = Place(name, node.start_mark.line + 1, node.start_mark.column + 1)
    kind = str(node.tag).rsplit(":", 1)[-1]
    if isinstance(node.value, str):
        where = f"{place}: {path}" if path else str(place)
        return Node(_scalar(node.value, kind, where, problems), place, key)
    under = f"{path}." if path else ""
    if kind == "seq":
        rows = [
            _converted(entry, name, problems, None, f"{under}{row}")
            for row, entry in enumerate(node.value)
        ]
        return Node(tuple(rows), place, key)
    entries: dict[str, Node] = {}
    for key_node, value_node in node.value:
        spot = Place(name, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        word = key_node.value
        where = f"{spot}: {under}{word}" if isinstance(word, str) else str(spot)
        if word == "<<":
            problems.append(
                ScenarioError(
                    "merge keys are not used in scenario files",
                    where=where,
                    remedy="Write the values out, or use extends.",
                )
            )
        elif not isinstance(word, str) or not str(key_node.tag).endswith(":str"):
            problems.append(
                ScenarioError(
                    "a key must be text",
                    where=where,
                    value=word if isinstance(word, str) else "a list or mapping",
                    remedy="Put the key into quotes if it is meant as text.",
                )
            )
        elif word in entries:
            first = entries[word].key
            problems.append(
                ScenarioError(
                    "the key stands twice in one mapping",
                    where=where,
                    value=word,
                    remedy=f"The first one is on line {first.line if first else '?'}; keep one.",
                )
            )
        else:
            entries[word] = _converted(value_node, name, problems, spot, f"{under}{word}")
    return Node(entries, place, key)


def parse(text: str, name: str) -> Node | None:
    """Parse one document of YAML 1.2 into nodes; None for an empty one."""
    problems: list[ScenarioError] = []
    try:
        graph = _composed(text, name)
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
    raise_all(problems)
    return tree


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
    tree = parse(text, name)
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
