"""The shape of the house: who may know whom, where tools may live, and which words stay out.

Reads every module as a syntax tree, so a rule is broken at the line that breaks it even where the
line never runs. The table below is the one place to change when a module is added or moved.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# One tuple per row, the lowest first. Imports go down; within a row the right may import the left.
# Names inside one inner tuple stand side by side and never import each other.
ROWS: tuple[tuple[str | tuple[str, ...], ...], ...] = (
    ("sim.errors", "sim.units", "sim.tallies", "sim.terminal"),
    (
        "sim.parameters",
        "sim.activity",
        "sim.ledger",
        "sim.numerics",
        "sim.randomness",
        "sim.outcomes",
        "sim.region",
    ),
    (("sim.payment", "sim.health", "sim.behavior", "sim.benefits", "sim.oversight"),),
    ("sim.incentives",),
    (
        "sim.population",
        "sim.engine",
        "sim.sorting",
        "sim.baseline",
        "sim.working_time",
        "sim.world",
        "sim.covers",
        "sim.terms",
        "sim.alliances",
        "sim.outlook",
        "sim.observation",
        "sim.aftercare",
        "sim.conditions",
        "sim.accounts",
        "sim.enrolment",
        "sim.recording",
        "sim.money",
        "sim.month",
    ),
    ("sim.scenario", "sim.agents", "sim.model"),
    ("sim.margins",),
    ("sim.record", "sim.runner", "sim.eves", "sim.testing", "sim.listing"),
    ("experiments",),
    ("dashboards",),
    ("sim.cli", "sim.__main__"),
)

# The door of the package: it names what lives in rows 5-6 and fetches it when asked.
DOOR = "sim"

# Third-party packages that may be imported only from the places named.
HOMES: dict[str, tuple[str, ...]] = {
    "numba": ("sim.numerics", "sim.randomness", "sim.behavior", "sim.health", "sim.engine"),
    "mesa": ("sim.agents", "sim.model"),
    "SALib": ("experiments",),
    "optuna": ("experiments",),
    "dask": ("experiments",),
    "distributed": ("experiments",),
    "plotly": ("dashboards",),
    "dash": ("dashboards",),
    "dash_mantine_components": ("dashboards",),
    "dash_ag_grid": ("dashboards",),
    "pandas": (
        DOOR,
        "sim.region",
        "sim.record",
        "sim.runner",
        "sim.cli",
        "sim.terminal",
        "experiments",
        "dashboards",
    ),
    "typer": (
        "sim.cli",
        "sim.terminal",
        "experiments.commands",
        "dashboards.commands",
        "dashboards.evidence_commands",
        "dashboards.province_commands",
        "dashboards.study_commands",
    ),
    "rich": ("sim.terminal", "experiments.commands"),
    "ruamel": ("sim.scenario", "experiments"),
    "pydantic": ("sim.scenario", "experiments"),
}

# Parts of dashboards/ that draw and write without a server.
WITHOUT_DASH = (
    "dashboards.figures",
    "dashboards.report",
    "dashboards.page_parts",
    "dashboards.study_pieces",
    "dashboards.study_report",
    "dashboards.texts",
)

# Commands beside their rooms: they import only typer, errors and the terminal on load, so the
# command line may fetch them at once.
COMMANDS = (
    "experiments.commands",
    "dashboards.commands",
    "dashboards.evidence_commands",
    "dashboards.joint_commands",
    "dashboards.province_commands",
    "dashboards.study_commands",
)

# Slow to import (seconds), so the command and the library fetch them only when needed.
SLOW_TO_IMPORT = ("mesa", "numba", "pandas", "plotly", "dash", "SALib", "pyarrow", "scipy")

# What a payment model may know of the project: activity in, money out.
PAYMENT_KNOWS = ("sim.payment", "sim.activity", "sim.parameters", "sim.units", "sim.errors")
PAYMENT_NEVER = ("random", "secrets", "time", "datetime", "sim.randomness")

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "constraints.txt",
    "dashboards",
    "docs",
    "experiments",
    "pyproject.toml",
    "scenarios",
    "sim",
    "tests",
}

VAGUE = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc", "core"}

PUBLIC = {"Scenario", "__version__", "compare", "load", "run", "xray"}


@dataclass(frozen=True)
class Module:
    """One source file as a syntax tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def where(self) -> str:
        return self.path.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Import:
    """One imported module: where, what, and whether it runs when the importer is loaded."""

    importer: Module
    target: str
    line: int
    on_load: bool

    @property
    def where(self) -> str:
        return f"{self.importer.where}:{self.line}"


def _module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the three packages."""
    files = (
        path
        for package in ("sim", "experiments", "dashboards")
        for path in sorted((ROOT / package).rglob("*.py"))
    )
    return tuple(
        Module(_module_name(path), path, ast.parse(path.read_text(encoding="utf-8")))
        for path in files
    )


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _statements(node: ast.AST, on_load: bool = True) -> Iterator[tuple[ast.stmt, bool]]:
    """Import statements below a node, each with whether it runs on load."""
    # Statements hold statements in these fields alone; expressions, the most of a tree, hold none.
    fields = ("body", "orelse", "finalbody", "handlers", "cases")
    for child in chain.from_iterable(getattr(node, name, ()) for name in fields):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, on_load
        else:
            runs_later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            is_for_types = isinstance(child, ast.If) and _is_type_checking(child.test)
            yield from _statements(child, on_load and not (runs_later or is_for_types))


def imports(module: Module) -> Iterator[Import]:
    """Everything a module imports, relative names made absolute."""
    known = {other.name for other in modules()}
    package = module.name if module.path.name == "__init__.py" else module.name.rpartition(".")[0]
    for statement, on_load in _statements(module.tree):
        if isinstance(statement, ast.Import):
            targets = [alias.name for alias in statement.names]
        else:
            assert isinstance(statement, ast.ImportFrom)
            origin = statement.module or ""
            if statement.level:
                above = package.split(".")
                above = above[: len(above) - (statement.level - 1)]
                origin = ".".join([*above, origin] if origin else above)
            targets = [
                f"{origin}.{alias.name}" if f"{origin}.{alias.name}" in known else origin
                for alias in statement.names
            ]
        for target in dict.fromkeys(targets):
            yield Import(module, target, statement.lineno, on_load)


@cache
def all_imports() -> tuple[Import, ...]:
    return tuple(found for module in modules() for found in imports(module))


def _inside(name: str, *places: str) -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


def _home(name: str, *places: str) -> bool:
    """Like `_inside`, but the door stands for its one file, not for all of sim/."""
    return any(name == DOOR if place == DOOR else _inside(name, place) for place in places)


def _unit(name: str) -> str | None:
    """Entry of the layer table that a module belongs to."""
    entries = (
        entry
        for row in ROWS
        for cell in row
        for entry in ((cell,) if isinstance(cell, str) else cell)
    )
    return next((entry for entry in entries if _inside(name, entry)), None)


def _position(unit: str) -> tuple[int, int]:
    """Row and cell of an entry; neighbours in one inner tuple share a cell."""
    for row_number, row in enumerate(ROWS):
        for cell_number, cell in enumerate(row):
            if unit in ((cell,) if isinstance(cell, str) else cell):
                return row_number, cell_number
    raise AssertionError(unit)


def _fail_if(violations: list[str], rule: str) -> None:
    if violations:
        pytest.fail(f"{rule}\n  " + "\n  ".join(sorted(violations)), pytrace=False)


def _tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout: what is tracked cannot be listed")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


# ------------------------------------------------------------------ who may know whom


def test_every_module_of_the_simulator_has_a_place_in_the_layer_table() -> None:
    homeless = [
        f"{module.where}: not in ROWS of {Path(__file__).name}"
        for module in modules()
        if module.name != DOOR and _unit(module.name) is None
    ]
    _fail_if(homeless, "A new module needs a row: decide who may know it.")


def test_imports_go_down_the_table_only() -> None:
    violations = []
    for found in all_imports():
        if not _inside(found.target, "sim", "experiments", "dashboards", "tests"):
            continue
        importer, target = found.importer.name, found.target
        if _inside(target, "tests"):
            violations.append(f"{found.where} imports {target}: nothing imports tests")
            continue
        if importer == DOOR:
            continue  # held by the tests on late imports and on public names
        if target == DOOR:
            if _inside(importer, "sim") and importer not in {"sim.cli", "sim.__main__"}:
                violations.append(f"{found.where} imports the package's door; name the module")
            continue
        mine, theirs = _unit(importer), _unit(target)
        if mine is None or theirs is None or mine == theirs:
            continue
        if _position(theirs) == _position(mine):
            violations.append(f"{found.where}: {mine} and {theirs} stand side by side")
        elif _position(theirs) > _position(mine):
            up, here = _position(theirs)[0], _position(mine)[0]
            violations.append(
                f"{found.where}: {mine} (row {here}) imports {theirs} (row {up}), which is above it"
                if up != here
                else f"{found.where}: {mine} imports {theirs}, which stands to its right"
            )
    _fail_if(violations, "Imports go downwards; within a row the right may import the left.")


def test_a_payment_model_sees_activity_parameters_units_and_errors_only() -> None:
    violations = [
        f"{found.where} imports {found.target}"
        for found in all_imports()
        if _inside(found.importer.name, "sim.payment")
        and (
            (_inside(found.target, "sim") and not _inside(found.target, *PAYMENT_KNOWS))
            or _inside(found.target, *PAYMENT_NEVER)
        )
    ]
    _fail_if(violations, f"sim/payment may import {', '.join(PAYMENT_KNOWS)}: no draws, no clock.")


def test_figures_and_report_do_not_know_the_web_application() -> None:
    violations = [
        f"{found.where} imports {found.target}"
        for found in all_imports()
        if _inside(found.importer.name, *WITHOUT_DASH)
        and (
            found.target.split(".")[0].startswith("dash_")
            or _inside(found.target, "dash")
            or (_inside(found.target, "dashboards") and not _inside(found.target, *WITHOUT_DASH))
        )
        and found.target != "dashboards"
    ]
    _fail_if(violations, "Figures, report and texts work without a server.")


def test_third_party_packages_stay_in_their_places() -> None:
    violations = []
    for found in all_imports():
        package = found.target.split(".")[0]
        homes = HOMES.get(package)
        if homes is not None and not _home(found.importer.name, *homes):
            violations.append(f"{found.where} imports {package}; its places: {', '.join(homes)}")
    _fail_if(violations, "A dependency is known where it is needed, nowhere else.")


def test_the_door_and_the_command_import_late() -> None:
    violations = []
    for found in all_imports():
        if not found.on_load:
            continue
        unit = _unit(found.target)
        if found.importer.name in {DOOR, "sim.cli", "sim.__main__", *COMMANDS} and (
            (
                unit is not None
                and unit != "sim.cli"
                and not _inside(found.target, *COMMANDS)
                and _position(unit)[0] >= 1
            )
            or _inside(found.target, *SLOW_TO_IMPORT)
        ):
            violations.append(f"{found.where} imports {found.target} on load")
        if found.importer.name == "sim.runner" and _inside(found.target, "sim.model", "sim.agents"):
            violations.append(f"{found.where} imports {found.target}: only the agent engine may")
    _fail_if(violations, "Import inside the function that needs it: the command must answer fast.")


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = "import json, sys, sim; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
    )
    heavy = [name for name in SLOW_TO_IMPORT if name in loaded]
    assert not heavy, f"`import sim` loads {', '.join(heavy)}; import them where they are used"


# ------------------------------------------------------------------ randomness and printing


def test_the_simulator_draws_only_by_key() -> None:
    violations = []
    for module in modules():
        # The exam makes up years of activity; it is no part of a run.
        if not _inside(module.name, "sim") or _inside(module.name, "sim.testing"):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and (
                (node.attr == "random" and isinstance(node.value, ast.Name))
                or node.attr in {"shuffle_do", "default_rng"}
            ):
                violations.append(f"{module.where}:{node.lineno} uses .{node.attr}")
        violations += [
            f"{found.where} imports {found.target}"
            for found in imports(module)
            if _inside(found.target, "random", "secrets", "numpy.random")
        ]
    _fail_if(violations, "Draws come from sim.randomness, keyed by person, month and decision.")


def test_no_file_or_text_is_read_as_code() -> None:
    """Pickles and evaluated texts run what is in them; messages to own workers are no files."""
    talks = ("experiments.sweep.worker", "experiments.sweep.crew", "sim.testing")
    violations = [
        f"{found.where} imports {found.target}"
        for found in all_imports()
        if _inside(found.target, "pickle", "marshal", "shelve", "dill", "cloudpickle")
        and _inside(found.importer.name, "sim", "dashboards", "experiments")
        and not _inside(found.importer.name, *talks)
    ]
    violations += [
        f"{module.where}:{node.lineno} calls {node.func.id}"
        for module in modules()
        if _inside(module.name, "sim", "dashboards", "experiments")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"eval", "exec"}
    ]
    _fail_if(violations, "What comes from a file or a reader is data.")


def test_the_simulator_does_not_print() -> None:
    violations = [
        f"{module.where}:{node.lineno}"
        for module in modules()
        if _inside(module.name, "sim") and not _inside(module.name, "sim.cli", "sim.__main__")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    _fail_if(violations, "Only the command line speaks.")


# ------------------------------------------------------------------ payment models by name


@cache
def payment_models() -> tuple[str, ...]:
    """Names of the payment models: the public modules of sim/payment."""
    return tuple(
        module.name.rpartition(".")[2]
        for module in modules()
        if _inside(module.name, "sim.payment")
        and module.path.name != "__init__.py"
        and not module.path.name.startswith("_")
    )


@cache
def _words(text: str) -> str:
    """Text as space-separated lower-case words; snake, kebab and camel case are taken apart."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return " " + " ".join(re.findall(r"[a-z0-9]+", spaced.lower())) + " "


def _docstrings(tree: ast.Module) -> set[int]:
    """Identities of the string constants that are documentation."""
    found = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            # A string standing alone documents what precedes it: a module, class or attribute.
            found |= {id(item.value) for item in body if isinstance(item, ast.Expr)}
    return found


def _spoken(module: Module) -> Iterator[tuple[int, str]]:
    """Identifiers and strings of a module with their lines, documentation left out."""
    documentation = _docstrings(module.tree)
    for node in ast.walk(module.tree):
        line = getattr(node, "lineno", 1)
        match node:
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text):
                yield line, text
            case ast.FunctionDef(name=text) | ast.ClassDef(name=text):
                yield line, text
            case ast.keyword(arg=str(text)) | ast.alias(name=text):
                yield line, text
            case ast.Constant(value=str(text)) if id(node) not in documentation:
                yield line, text


def test_no_payment_model_is_known_by_name_outside_its_folder() -> None:
    names = {name: _words(name) for name in payment_models()}
    violations = {
        f"{module.where}:{line}: {name} in {text[:60]!r}"
        for module in modules()
        if _inside(module.name, "sim") and not _inside(module.name, "sim.payment")
        for line, text in _spoken(module)
        for name, words in names.items()
        if words in _words(text)
    }
    _fail_if(
        list(violations),
        "The simulator sees incentives, never a payment model: ask for what the rule depends on.",
    )


def test_the_word_matcher_knows_every_spelling() -> None:
    for spelling in ("perDiem", "PerDiem", "per_diem", "per-diem", "x_per_diem_y", "a per diem b"):
        assert _words("per_diem") in _words(spelling)
    assert _words("per_diem") not in _words("paper_diem")


# ------------------------------------------------------------------ the tree and its words


def test_every_module_says_what_it_is_for() -> None:
    silent = [module.where for module in modules() if not ast.get_docstring(module.tree)]
    tests = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    _fail_if(silent + tests, "A module begins with a docstring: what it knows, what it must not.")


def test_no_module_has_a_vague_name() -> None:
    vague = [module.where for module in modules() if module.path.stem.strip("_") in VAGUE]
    _fail_if(vague, "Name a module after what it holds.")


def test_the_top_level_holds_what_the_house_has_rooms_for() -> None:
    present = {path.relative_to(ROOT).parts[0] for path in _tracked()}
    unknown, missing = sorted(present - TOP_LEVEL), sorted(TOP_LEVEL - present)
    assert not unknown, f"tracked at the top level without a place there: {', '.join(unknown)}"
    assert not missing, f"missing at the top level: {', '.join(missing)}"


def test_scenarios_are_data_only() -> None:
    strangers = [
        path.relative_to(ROOT).as_posix()
        for path in _tracked()
        if path.relative_to(ROOT).parts[0] == "scenarios" and path.suffix not in {".yaml", ".csv"}
    ]
    _fail_if(strangers, "scenarios/ holds YAML and CSV; a generator's place is experiments/.")


def test_the_public_names_are_the_promised_ones() -> None:
    import sim

    assert set(sim.__all__) == PUBLIC, (
        f"sim.__all__ differs by {sorted(set(sim.__all__) ^ PUBLIC)}; "
        "change the interface only with a CHANGELOG entry"
    )
    missing = [name for name in sim.__all__ if not hasattr(sim, name)]
    assert not missing, f"promised and not there: {', '.join(missing)}"


# Written with brackets, so that the patterns do not find themselves.
FORBIDDEN: dict[str, str] = {
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|anaconda[.]org|proxy[.]golang[.]org": (
        "the address of a registry"
    ),
    r"(?:extra-)?index-[u]rl|trusted-[h]ost": "the setting of a registry",
    r"(?<![\w.)\]}/~*-])/(?:work|root|farm|home|Users|tmp)/[A-Za-z]": "a path of one machine",
    r"(?i)\b(?:claud[e]|anthropi[c]|chatgp[t]|copilo[t]|opena[i])\b": "the name of a writing tool",
    r"\bTO[D]O\b|\bFIX[M]E\b|\bXX[X]\b|\bHAC[K]\b": "a mark of unfinished work",
    r"(?m)^[<]{7} |^[>]{7} ": "a mark of two versions that were not brought together",
}


def test_tracked_files_name_no_registry_machine_or_tool() -> None:
    violations = []
    for path in _tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or another binary
        for pattern, what in FORBIDDEN.items():
            for hit in re.finditer(pattern, text):
                line = text.count("\n", 0, hit.start()) + 1
                where = path.relative_to(ROOT).as_posix()
                violations.append(f"{where}:{line}: {what}: {hit.group()!r}")
    _fail_if(violations, "The project speaks of itself alone.")


def test_no_tracked_file_is_large() -> None:
    large = [
        f"{path.relative_to(ROOT).as_posix()}: {path.stat().st_size // 1024} KB"
        for path in _tracked()
        if path.stat().st_size > 1_500_000
    ]
    _fail_if(large, "A repository keeps text; more than 1.5 MB needs a reason.")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import mesa", [("mesa", True)]),
        ("def f():\n    import mesa", [("mesa", False)]),
        ("if TYPE_CHECKING:\n    from pandas import DataFrame", [("pandas", False)]),
        ("try:\n    import dash\nexcept ImportError:\n    pass", [("dash", True)]),
    ],
)
def test_the_reader_of_imports_sees_them_wherever_they_stand(
    source: str, expected: list[tuple[str, bool]]
) -> None:
    module = Module("sim.example", ROOT / "sim" / "example.py", ast.parse(source))
    assert [(found.target, found.on_load) for found in imports(module)] == expected


def test_relative_imports_are_read_as_absolute_ones() -> None:
    def read(source: str) -> list[str]:
        path = ROOT / "sim" / "payment" / "example.py"
        module = Module("sim.payment.example", path, ast.parse(source))
        return [found.target for found in imports(module)]

    assert read("from .._x import y") == ["sim._x"]
    assert read("from ._protocol import y") == ["sim.payment._protocol"]
    assert read("from ..errors import ScenarioError") == ["sim.errors"]
