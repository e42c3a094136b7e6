"""The library of scenarios and regions, and how one file extends another.

Knows where files lie and how they are laid over each other; must not know what a policy does.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from sim.errors import ScenarioError
from sim.region import Region
from sim.scenario._nodes import DEEPEST, Node, plain, raise_all, suggestion, unknown_name
from sim.scenario._reading import read_tree

KINDS = (
    "scenario",
    "comparison",
    "sweep",
    "study",
    "finding",
    "experiment",
    "lesson",
    "benefits",
)
_IDENTIFIER = re.compile(r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$")
_LIBRARY_FOLDERS = (".", "regions", "payment", "benefits", "studies")
_NOT_SCENARIOS = ("sources.yaml",)
_KIND = re.compile(r"^kind:[ \t]*['\"]?([a-z]+)", re.MULTILINE)
_PROSE = ("schema", "kind", "extends", "id", "description")


def library_root() -> Path:
    """Find the library: inside the installed package, else the checkout's folder.

    Raises
    ------
    ScenarioError
        If the installation has no library.
    """
    return _root_beside(__file__)


@cache
def _root_beside(file: str) -> Path:
    """Find the library that belongs to this file; asked for some ten times a scenario."""
    package = Path(file).resolve().parent.parent
    inside = package / "_scenarios"
    if inside.is_dir():
        return inside
    beside = package.parent / "scenarios"
    if beside.is_dir():
        return beside
    raise ScenarioError(
        "the library of scenarios is missing from this installation",
        where="library",
        remedy="Install payshift again.",
    )


def library_files() -> dict[str, Path]:
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
    return tuple(name for name, path in library_files().items() if _kind_of(path) == "scenario")


def _kind_of(path: Path) -> str:
    """Say what kind of file this is by its line ``kind:``; one without counts as a scenario.

    Reading the whole library for it would take seconds. A damaged file counts as what it says it
    is, so that it is told to whoever asks for it.
    """
    found = _KIND.search(path.read_text(encoding="utf-8", errors="replace"))
    return found[1] if found else "scenario"


def shown_name(path: Path) -> str:
    """Name a library file by its place in the library, whatever machine it lies on."""
    try:
        return f"scenarios/{path.resolve().relative_to(library_root().resolve()).as_posix()}"
    except ValueError:
        return str(path)


def in_library(path: Path) -> bool:
    """Say whether a file is part of the library."""
    return path.resolve().is_relative_to(library_root().resolve())


def region_folder(region_id: str, where: str) -> Path:
    """Find a region's tables."""
    regions = library_root() / "regions"
    if _IDENTIFIER.match(region_id) and (regions / region_id).is_dir():
        return regions / region_id
    known = sorted(p.name for p in regions.iterdir() if p.is_dir()) if regions.is_dir() else []
    raise unknown_name("unknown region", where, region_id, known)


def read_region(folder: Path) -> Region:
    """Read a region's tables, once for unchanged files."""
    return _region(folder, _stamp(folder))


def table_hashes(folder: Path) -> dict[str, str]:
    """Give the SHA-256 of every table a region is read from, by its path in the regions folder."""
    return dict(_hashes(folder.parent, _stamp(folder)))


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
    found: list[tuple[str, int, int]] = []
    for part in chain:
        if not part.is_dir():
            continue
        name = part.relative_to(regions).as_posix()
        with os.scandir(part) as entries:
            tables = [(f"{name}/{e.name}", e.stat()) for e in entries if e.name.endswith(".csv")]
        found += [(path, of.st_size, of.st_mtime_ns) for path, of in sorted(tables)]
    return tuple(found)


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


def without(node: Node, names: Iterable[str]) -> Node:
    """Leave entries of a mapping out."""
    assert isinstance(node.value, Mapping)
    return replace(node, value={k: v for k, v in node.value.items() if k not in set(names)})


def check_head(tree: Node, name: str, wanted: Sequence[str]) -> str:
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
    raise_all(problems)
    assert kind is not None
    return str(kind.value)


@dataclass(frozen=True)
class Origin:
    """A file and the folder its relative `extends` must stay in."""

    path: Path
    root: Path
    name: str


def _parent_of(reference: Node, origin: Origin) -> Origin:
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
        name = shown_name(target) if in_library(target) else str(path)
        return Origin(target, origin.root, name)
    files = library_files()
    if word not in files:
        raise ScenarioError(
            "the library has no such scenario",
            where=where,
            value=word,
            allowed="an id of the library, or a path that starts with ./",
            remedy=suggestion(word, files) or "See: payshift list scenarios",
        )
    return Origin(files[word], library_root(), shown_name(files[word]))


def resolve(origin: Origin, chain: tuple[Path, ...], kinds: Sequence[str]) -> Node:
    """Read a file and everything it extends, the nearest on top."""
    tree = read_tree(origin.path, origin.name)
    check_head(tree, origin.name, kinds)
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
        base: Node | None = resolve(parent, (*chain, key), kinds)
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
        source = resolve(parent, (*chain, key), ("scenario", "benefits")).get("benefits")
        if source is None:
            raise ScenarioError(
                "the file it extends has no benefits",
                where=f"{own_benefits.place}: benefits.extends",
                value=own_benefits.value,
            )
        joined = _merged(source, without(benefits, ["extends"]))
        assert isinstance(tree.value, Mapping)
        tree = replace(tree, value={**tree.value, "benefits": joined})
        base = without(base, ["benefits"]) if base is not None else None
    if base is None:
        return without(tree, ["extends"])
    return without(_merged(without(base, _PROSE), tree), ["extends"])


def _implied_base(tree: Node, origin: Origin) -> Node | None:
    """Give the region's status quo to a scenario that extends nothing."""
    region = tree.get("region")
    kind = tree.get("kind")
    if region is None or not isinstance(region.value, str):
        return None
    if kind is None or kind.value != "scenario":
        return None
    where = f"{region.place}: region"
    region_folder(region.value, where)
    path = library_root() / "regions" / f"{region.value}.yaml"
    if path.resolve() == origin.path.resolve():
        return None
    return status_quo_tree(region.value, where)


def status_quo_tree(region_id: str, where: str) -> Node:
    """Read the policy a region has today."""
    path = library_root() / "regions" / f"{region_id}.yaml"
    if not path.is_file():
        raise ScenarioError("the region has no status quo", where=where, value=region_id)
    return resolve(Origin(path, library_root(), shown_name(path)), (), ("scenario",))
