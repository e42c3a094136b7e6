"""The `payshift` command: scenarios in, tables and reports out, one message per mistake.

Knows the words a user types and how results are laid out on a terminal; must not know how a run
is made. Data goes to standard output, progress and messages to standard error. It is the one file
of `sim` that may reach the report's code, and it takes in the commands that stand in rooms of their
own. Everything heavy is imported inside the commands, so
that help appears at once.
"""

from __future__ import annotations

import difflib
import gc
import json
import math
import os
import shlex
import shutil
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dashboards.commands import register as _register_dashboard
from experiments.commands import register as _register_experiments
from sim import terminal
from sim.errors import DiskError, PayshiftError, ScenarioError
from sim.terminal import (
    INTERRUPTED,
    NAME,
    Format,
    JsonOption,
    Lang,
    LangOption,
    WorkersOption,
)

if TYPE_CHECKING:
    import pandas as pd

    from dashboards.ensemble_table import EnsembleTable
    from dashboards.figures.xray import Names
    from sim.margins.weak_spots import Spot
    from sim.record import Comparison, Record
    from sim.runner import Examination
    from sim.scenario import Scenario

__all__ = ["app", "main"]

_HEADLINES = (
    "spending_per_person",
    "fund_spending_per_person",
    "out_of_pocket_per_person",
    "fund_balance",
    "qaly",
    "deaths",
    "readmission_rate",
    "avoidable_need",
    "avoidable_admissions",
    "over_treatment",
    "under_treatment",
    "low_value_share",
    "referrals_up",
    "first_contact_primary",
    "visits_inside_share",
    "visits_per_person",
    "admissions_per_100",
    "length_of_stay",
    "wait",
    "refused",
    "catastrophic_10",
    "upcoded_share",
    "case_mix_billed",
    "net_benefit",
    "provider_margin",
)

app = typer.Typer(
    name=NAME,
    help="Simulate health payment reforms: what providers do, what people get, what it costs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Engine(StrEnum):
    """Which engine lives through the months; both give the same numbers."""

    COLUMNAR = "columnar"
    AGENTS = "agents"


class Noun(StrEnum):
    """What there is to list."""

    SCENARIOS = "scenarios"
    MODELS = "models"
    OUTCOMES = "outcomes"
    PARAMETERS = "parameters"
    REGIONS = "regions"


SeedOption = Annotated[
    int | None, typer.Option("--seed", help="Seed of the first replicate.", min=0)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Set a value by its path; repeatable."),
]
PopulationOption = Annotated[
    int | None, typer.Option("--population", help="Number of people simulated.")
]
EngineOption = Annotated[Engine, typer.Option("--engine", help="Engine of the run.")]
FreezeOption = Annotated[
    str, typer.Option("--freeze", metavar="CHANNEL,…", help="Hold channels at their baseline.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Copy the record to this folder.")]
KeepOption = Annotated[
    str, typer.Option("--keep", metavar="TABLE,…", help="Keep large tables: claims, people.")
]
EnsembleOption = Annotated[
    bool,
    typer.Option(
        "--ensemble", help="Also over sets of parameters that the data do not tell apart."
    ),
]
SetsOption = Annotated[
    int | None, typer.Option("--sets", min=2, help="Of --ensemble: only the first so many sets.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Every outcome, not only the headlines.")]


# --- scenarios --------------------------------------------------------------------------------


def _chosen(
    name: str,
    settings: Sequence[str] | None,
    population: int | None,
    freeze: str,
    seed: int | None = None,
) -> Scenario:
    """Load a scenario and apply what the command line changes."""
    from sim.scenario import load

    scenario = load(name)
    pairs: list[tuple[str, object]] = []
    for setting in settings or ():
        path, equals, value = setting.partition("=")
        if not equals or not path.strip():
            raise ScenarioError(
                "not a setting",
                where="--set",
                value=setting,
                allowed="path=value",
                remedy="For instance --set horizon.reform=24.",
            )
        pairs.append((path.strip(), value.strip()))
    if pairs:
        scenario = scenario.set_all(pairs)
    if population is not None:
        scenario = scenario.with_population(population, where="--population")
    if freeze:
        scenario = scenario.with_freeze(terminal.words(freeze))
    if seed is not None:
        scenario = scenario.with_seed(seed)
    return scenario


def _shown_outcomes(scenario: Scenario, everything: bool) -> list[str]:
    from sim.outcomes import AREAS, OUTCOMES

    if everything:
        names: Iterable[str] = OUTCOMES
    else:
        names = dict.fromkeys((*scenario.outcomes, *_HEADLINES))
    order = {area: index for index, area in enumerate(AREAS)}
    known = [name for name in names if name in OUTCOMES]
    return sorted(known, key=lambda name: order[OUTCOMES[name].area])


def _command_line() -> str:
    return shlex.join([NAME, *sys.argv[1:]])


def _store(record: Record, out: Path | None) -> Path:
    """Save a record under its key, and copy it where the user wants it."""
    path = record.save()
    if out is not None:
        record.save(out)
        record.path = path
    return path


# --- commands ---------------------------------------------------------------------------------


def _print_version(wanted: bool) -> None:
    if wanted:
        from sim import __version__

        terminal.write(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    del version


@app.command("list")
def list_(
    noun: Noun,
    names: Annotated[
        list[str] | None, typer.Argument(help="Ids; everything where none is given.")
    ] = None,
    as_json: JsonOption = False,
    lang: LangOption = Lang.EN,
) -> None:
    """List scenarios, payment models, outcomes, parameters or regions.

    Payment models come with formula, terms and sources.
    """
    rows = _named(_rows_of(noun), names or [], noun)
    if as_json:
        terminal.write_json(rows)
        return
    if noun is Noun.MODELS:
        from sim.listing import models_as_text

        terminal.write(models_as_text(rows, lang.value))
        return
    from sim.listing import headings, what_varies
    from sim.outcomes import AREAS

    def words(*names: str) -> list[str]:
        return headings(names, lang.value)

    titles = f"title_{lang.value}"
    if noun is Noun.OUTCOMES:
        from dashboards.figures.words import unit_label

        terminal.table(
            "",
            words("id", "area", "unit", "better", "what"),
            [
                [
                    r["id"],
                    AREAS[r["area"]]["zh"] if lang is Lang.ZH else r["area"],
                    unit_label(str(r["unit"]), lang.value, "CNY"),
                    *words(r["better"]),
                    r[f"label_{lang.value}"],
                ]
                for r in rows
            ],
        )
    elif noun is Noun.PARAMETERS:
        terminal.table(
            "",
            words("id", "role", "value", "low", "high", "drawn", "unit", "evidence", "what"),
            [
                [
                    r["id"],
                    *words(str(r["role"])),
                    f"{r['value']:g}",
                    f"{r['low']:g}",
                    f"{r['high']:g}",
                    *words(str(r["distribution"])),
                    str(r["unit"]),
                    *words(str(r.get("evidence", ""))),
                    str(r.get(titles, "")),
                ]
                for r in rows
            ],
            numbers=(2, 3, 4),
            caption=what_varies(lang.value),
        )
    else:
        terminal.table(
            "",
            words("id", "title", "what"),
            [[r["id"], str(r.get(titles, "")), str(r.get(f"line_{lang.value}", ""))] for r in rows],
        )


def _rows_of(noun: Noun) -> list[dict[str, Any]]:
    if noun is Noun.OUTCOMES:
        return _outcome_rows()
    if noun is Noun.MODELS:
        from sim.payment import catalogue

        return catalogue()
    return _catalogue_rows(noun)


def _named(rows: list[dict[str, Any]], names: Sequence[str], noun: Noun) -> list[dict[str, Any]]:
    """Give the rows with these ids; all of them where no id is given."""
    known = {str(row["id"]): row for row in rows}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), n=1)
            raise ScenarioError(
                f"no such entry among the {noun.value}",
                where=f"list {noun.value}",
                value=name,
                allowed=", ".join(known)
                if len(known) <= 40
                else f"see: payshift list {noun.value}",
                remedy=f"Did you mean {near[0]!r}?" if near else "",
            )
    return [known[name] for name in names] if names else rows


def _catalogue_rows(noun: Noun) -> list[dict[str, Any]]:
    from sim.scenario import catalogue

    return catalogue()[noun.value]


def _outcome_rows() -> list[dict[str, Any]]:
    from sim.outcomes import registry

    return [
        {
            "id": o.id,
            "area": o.area,
            "unit": o.unit,
            "better": o.better,
            "label_en": o.label["en"],
            "label_zh": o.label["zh"],
            "definition_en": o.definition["en"],
            "definition_zh": o.definition["zh"],
            "by": list(o.by),
        }
        for o in registry()
    ]


def _errors_in(name: str) -> list[PayshiftError]:
    """Every error of a file, told by the owner of its kind once its head is right."""
    from experiments.sweep.files import design_ids, is_design, read_sweep
    from sim.scenario import read_tree, validate

    if name in design_ids() or is_design(name):
        try:
            read_sweep(name)
        except PayshiftError as error:
            return list(error.all)
        return []
    errors = validate(name)
    path = Path(name)
    if errors or not path.is_file():
        return errors
    kind = read_tree(path, name).get("kind")
    if kind is not None and kind.value == "lesson":
        from experiments.lessons import validate as lesson_errors

        return lesson_errors(path)
    if kind is not None and kind.value == "study":
        return _errors_in_study(path)
    if kind is not None and kind.value in ("finding", "experiment"):
        return _errors_in_evidence(path, str(kind.value))
    return errors


def _errors_in_evidence(path: Path, kind: str) -> list[PayshiftError]:
    """Every error of a published finding, or of an experiment's payoffs."""
    from experiments.evidence.findings import read_finding
    from experiments.evidence.laboratory import read_experiment

    try:
        if kind == "finding":
            read_finding(path)
        else:
            read_experiment(path)
    except PayshiftError as error:
        return list(error.all)
    return []


def _errors_in_study(path: Path) -> list[PayshiftError]:
    """Every error of a study, whose kind is known by its block."""
    from experiments.calibration import read_problem
    from experiments.sensitivity.study import read_study
    from sim.scenario import read_tree

    is_calibration = read_tree(path).get("sensitivity") is None
    try:
        (read_problem if is_calibration else read_study)(path)
    except PayshiftError as error:
        return list(error.all)
    return []


@app.command()
def validate(
    files: Annotated[list[str], typer.Argument(help="Scenario files, or ids of the library.")],
    as_json: JsonOption = False,
) -> None:
    """Check files and tell every error with its place; nothing is run."""
    found = {name: _errors_in(name) for name in files}
    if as_json:
        terminal.write_json(
            [
                {
                    "file": name,
                    "ok": not errors,
                    "errors": [
                        {
                            "where": e.where,
                            "what": e.what,
                            "value": e.value if e.has_value else None,
                            "allowed": e.allowed,
                            "remedy": e.remedy,
                            "message": e.message,
                        }
                        for e in errors
                    ],
                }
                for name, errors in found.items()
            ]
        )
    else:
        for name, errors in found.items():
            if not errors:
                terminal.write(f"{name}: ok")
            for error in errors:
                terminal.say(error.message)
    if any(found.values()):
        raise typer.Exit(ScenarioError.exit_code)


@app.command()
def show(
    scenario: Annotated[str, typer.Argument(metavar="FILE", help="Scenario file or id.")],
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Every value and the place it came from.")
    ] = False,
    settings: SetOption = None,
    as_json: JsonOption = False,
    lang: LangOption = Lang.EN,
) -> None:
    """Show what a scenario says, merged with what it extends."""
    chosen = _chosen(scenario, settings, None, "")
    if as_json:
        terminal.write_json(
            {
                "id": chosen.id,
                "sha256": chosen.sha256(),
                "resolved": chosen.resolved(),
                "provenance": [
                    {"path": path, "value": value, "from": place}
                    for path, value, place in chosen.provenance()
                ],
            }
        )
        return
    if resolved:
        for path, value, place in chosen.provenance():
            terminal.write(f"{path}: {json.dumps(value, ensure_ascii=False)}    # {place}")
        return
    horizon = chosen.horizon
    terminal.write(f"{chosen.id}: {chosen.title[lang.value]}")
    if chosen.description[lang.value]:
        terminal.write(chosen.description[lang.value])
    terminal.write(f"region {chosen.region_id}, {chosen.population:,} people, seed {chosen.seed}")
    terminal.write(
        f"months: {horizon.warm_up} warm-up, {horizon.baseline} baseline, {horizon.reform} reform"
    )
    if chosen.is_status_quo:
        terminal.write("policy: the region's status quo throughout")
    for group in chosen.after.groups(chosen.region()):
        payer = chosen.region().payers[group.payer]
        contract = json.dumps(group.assignment.contract, ensure_ascii=False)
        terminal.write(f"{payer} pays {len(group.providers)} providers by {contract}")


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="Scenario file or id.")],
    seed: SeedOption = None,
    replicates: Annotated[int, typer.Option("--replicates", help="Number of seeds.")] = 1,
    settings: SetOption = None,
    population: PopulationOption = None,
    engine: EngineOption = Engine.COLUMNAR,
    freeze: FreezeOption = "",
    keep: KeepOption = "",
    workers: WorkersOption = None,
    everything: AllOption = False,
    ensemble: EnsembleOption = False,
    sets: SetsOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
    lang: LangOption = Lang.EN,
) -> None:
    """Run one scenario; print a short table and keep a record."""
    from sim import runner

    chosen = _chosen(scenario, settings, population, freeze)
    ready = _ensemble_of({chosen.id: chosen}, seed, ensemble, sets)
    with terminal.progress(chosen.id) as progress:
        record = runner.run(
            chosen,
            seed=seed,
            engine=engine.value,
            replicates=replicates,
            keep=terminal.words(keep),
            workers=workers,
            progress=progress,
            command=_command_line(),
        )
    path = _store(record, out)
    rows = _run_rows(record, _shown_outcomes(chosen, everything or as_json), lang)
    spreads = None
    if ready is not None:
        values = {(chosen.id, str(row["id"])): (row["value"], row["half_width"]) for row in rows}
        spreads = ready(list(dict.fromkeys(row["id"] for row in rows)), values, workers)
    if as_json:
        terminal.write_json(
            {
                "key": record.key,
                "record": path,
                "sha256": record.info["sha256"],
                "scenario": chosen.id,
                "seeds": record.seeds,
                "outcomes": rows,
                **({} if spreads is None else {"ensemble": spreads.rows}),
            }
        )
        return
    from dashboards.figures.words import say, unit_label

    before, after = record.info["horizon"], record.info["horizon"]["reform"]
    currency = record.info["currency"]
    names = [say(lang.value, f"table.{name}") for name in ("area", "outcome", "value", "unit")]
    terminal.table(
        say(
            lang.value,
            "table.of_run",
            title=chosen.title[lang.value],
            months=after or before["baseline"],
            people=f"{record.info['population']:,}",
            replicates=replicates,
        ),
        [*names, "± 95 %"],
        _by_area(
            [
                [
                    row["area"],
                    row["label"],
                    terminal.number(_float(row["value"]), row["digits"]),
                    unit_label(row["unit"], lang.value, currency),
                    terminal.number(_float(row["half_width"]), row["digits"]),
                ]
                for row in rows
            ]
        ),
        numbers=(2, 4),
    )
    if spreads is not None:
        spreads.tell(lang.value, currency)
    terminal.say(f"record {path}")


def _ensemble_of(
    arms: Mapping[str, Scenario], seed: int | None, wanted: bool, sets: int | None
) -> Callable[..., EnsembleTable] | None:
    """Make ready to live arms over an ensemble, so that what cannot be is told before any run."""
    if not wanted:
        if sets is not None:
            raise ScenarioError(
                "only an ensemble has sets", where="--sets", remedy="Add --ensemble."
            )
        return None
    from dashboards.ensemble_table import prepared

    chosen = {name: one if seed is None else one.with_seed(seed) for name, one in arms.items()}
    return prepared(chosen, sets)


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _by_area(rows: list[list[str]]) -> Iterator[list[str]]:
    """Name an area once and rule it off from the next."""
    area = ""
    for row in rows:
        if row[0] != area:
            if area:
                yield []
            area = row[0]
            yield row
        else:
            yield ["", *row[1:]]


def _half_width(n: int, deviation: float) -> float:
    """Half a 95 % t-interval of the mean of `n` values."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, 0.975)) * deviation / math.sqrt(n)


def _kept_rows(record: Record, table: str, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Give rows of a record's table."""
    held = record.tables[table]
    return zip(*(held[column].to_pylist() for column in columns), strict=True)


def _run_rows(record: Record, outcomes: Sequence[str], lang: Lang) -> list[dict[str, Any]]:
    """Mean over replicates of each outcome, with the half-width of its interval."""
    from sim.outcomes import AREAS, OUTCOMES
    from sim.units import in_currency

    # Arrow's columns as they are: pandas would take a quarter of a second to come.
    found: dict[str, list[float]] = {}
    for outcome, group, value in _kept_rows(record, "summary", "outcome", "group", "value"):
        if group == "all" and not math.isnan(value):
            found.setdefault(outcome, []).append(value)
    missing = _kept_rows(record, "missing", "outcome", "group", "reason")
    reasons = {outcome: reason for outcome, group, reason in missing if group == "all"}
    rows = []
    for name in outcomes:
        about = OUTCOMES[name]
        values = found.get(name, [])
        if about.minus:
            continue
        n = len(values)
        mean = statistics.fmean(values) if n else math.nan
        half = _half_width(n, statistics.stdev(values)) if n > 1 else math.nan
        rows.append(
            {
                "id": name,
                "area": AREAS[about.area][lang.value],
                "label": about.label[lang.value],
                "unit": in_currency(about.unit, record.info["currency"]),
                "better": about.better,
                "value": mean,
                "half_width": half,
                "replicates": n,
                "digits": about.digits,
                "reason": "" if n else str(reasons.get(name, "no cases")),
            }
        )
    return rows


@app.command()
def compare(
    scenarios: Annotated[list[str], typer.Argument(help="Scenario files or ids.")],
    replicates: Annotated[int, typer.Option("--replicates", help="Number of seeds.")] = 10,
    seed: SeedOption = None,
    settings: SetOption = None,
    population: PopulationOption = None,
    engine: EngineOption = Engine.COLUMNAR,
    freeze: FreezeOption = "",
    no_status_quo: Annotated[
        bool, typer.Option("--no-status-quo", help="The first scenario is the yardstick.")
    ] = False,
    keep: KeepOption = "",
    workers: WorkersOption = None,
    everything: AllOption = False,
    ensemble: EnsembleOption = False,
    sets: SetsOption = None,
    out: OutOption = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the HTML report to this file.")
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Tables only.")] = False,
    as_json: JsonOption = False,
    lang: LangOption = Lang.EN,
) -> None:
    """Compare reforms under the same people and luck; print differences, write a report."""
    from sim import runner

    chosen = [_chosen(name, settings, population, freeze) for name in scenarios]
    ready = None
    if ensemble or sets is not None:
        ready = _ensemble_of(runner.arms_of(chosen, not no_status_quo), seed, ensemble, sets)
    with terminal.progress(f"{len(chosen)} scenarios") as progress:
        comparison = runner.compare(
            chosen,
            replicates=replicates,
            seed=seed,
            engine=engine.value,
            status_quo=not no_status_quo,
            keep=terminal.words(keep),
            workers=workers,
            progress=progress,
            command=_command_line(),
        )
    path = _store(comparison, out)
    written = [] if no_report else _write_reports(comparison, path, out, report, lang)
    differences = comparison.differences()
    wrong = comparison.before_check()
    spreads = None
    if ready is not None:
        shown = set(_shown_outcomes(chosen[0], everything))
        everyone = differences[(differences["group"] == "all") & differences["outcome"].isin(shown)]
        values = {
            (str(row["arm"]), str(row["outcome"])): (
                float(row["difference"]),
                0.5 * (float(row["high"]) - float(row["low"])),
            )
            for row in terminal.rows_of(everyone)
        }
        spreads = ready(list(everyone["outcome"].unique()), values, workers)
    if as_json:
        terminal.write_json(
            {
                "key": comparison.key,
                "record": path,
                "sha256": comparison.info["sha256"],
                "report": written[0] if written else None,
                "arms": comparison.info["arms"],
                "seeds": comparison.seeds,
                "differs_before_reform": terminal.rows_of(wrong),
                "differences": terminal.rows_of(differences),
                **({} if spreads is None else {"ensemble": spreads.rows}),
            }
        )
    else:
        _print_comparison(comparison, differences, _shown_outcomes(chosen[0], everything), lang)
        if spreads is not None:
            spreads.tell(lang.value, comparison.info["currency"])
    if len(wrong):
        terminal.say(
            f"warning: {len(wrong)} outcomes differ between arms before the reform "
            f"(first: {wrong.iloc[0]['outcome']}); the differences are not only the policy's"
        )
    terminal.say(f"record {path}")
    for page in written:
        terminal.say(f"report {page}")


def _write_reports(
    comparison: Comparison, path: Path, out: Path | None, report: Path | None, lang: Lang
) -> list[Path]:
    """Write the one-file report beside the record, or where it is wanted, and give the files."""
    from dashboards.report import write_report
    from dashboards.results import report_tables

    page = report if report is not None else path / "report.html"
    pages = [page]
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_report(report_tables(comparison), page, lang.value)
        if out is not None:
            copy = out / "report.html"
            shutil.copyfile(page, copy)
            pages.append(copy)
    except OSError as reason:
        raise DiskError(
            f"the report cannot be written ({reason.strerror or reason})", where=str(page)
        ) from None
    return pages


def _print_comparison(
    comparison: Comparison, differences: pd.DataFrame, outcomes: Sequence[str], lang: Lang
) -> None:
    """Lay differences out: outcomes in rows by area, arms in columns, the first as it is."""
    from dashboards.figures.words import say, unit_label
    from sim.outcomes import AREAS, OUTCOMES
    from sim.units import in_currency

    currency = comparison.info["currency"]
    everyone = {
        (row["outcome"], row["arm"]): row
        for row in terminal.rows_of(differences[differences["group"] == "all"])
    }
    arms = comparison.arms
    titles = {arm["id"]: arm["title"][lang.value] for arm in comparison.info["arms"]}
    rows = []
    for name in outcomes:
        about = OUTCOMES[name]
        unit = in_currency(about.unit, currency)
        first = ""
        cells = []
        for arm in arms[1:]:
            row = everyone.get((name, arm))
            if row is None:
                cells.append("–")
                continue
            if not about.minus:
                first = terminal.number(float(row["baseline_mean"]), about.digits)
            cells.append(_difference_cell(row, unit, about.digits, lang))
        label = unit_label(unit, lang.value, currency)
        rows.append([AREAS[about.area][lang.value], about.label[lang.value], label, first, *cells])
    n = len(comparison.seeds)
    for arm in arms:
        terminal.write(f"{arm}: {titles[arm]}")
    terminal.table(
        "",
        [
            *(say(lang.value, f"table.{name}") for name in ("area", "outcome", "unit")),
            *_short_names(arms),
        ],
        _by_area(rows),
        numbers=range(3, 3 + len(arms)),
        caption=say(
            lang.value,
            "table.paired" if n > 1 else "table.single",
            base=arms[0],
            replicates=n,
        ),
    )


def _short_names(arms: Sequence[str]) -> list[str]:
    """Drop what the names of the reforms begin with in common: the table names it above."""
    words = [arm.split("-") for arm in arms[1:]]
    shared = 0
    while len(words) > 1 and all(
        len(other) > shared + 1 and other[shared] == words[0][shared] for other in words
    ):
        shared += 1
    return [arms[0], *("-".join(word[shared:]) for word in words)]


def _difference_cell(row: Mapping[str, Any], unit: str, digits: int, lang: Lang) -> str:
    """Write one difference: size, interval and percent; a tilde marks an unclear one."""
    from dashboards.figures.words import say

    mean, low, high = float(row["difference"]), float(row["low"]), float(row["high"])
    if not math.isfinite(mean):
        return "–"
    factor, mark = (100.0, " " + say(lang.value, "table.points")) if unit == "share" else (1.0, "")
    digits = 2 if unit == "share" else digits
    if mean == low == high == 0.0:
        return "0"
    text = terminal.signed(mean * factor, digits) + mark
    relative = float(row["relative"])
    if unit != "share" and math.isfinite(relative):
        text += f" {terminal.signed(100.0 * relative, 1)} %"
    if math.isfinite(low):
        if low <= 0.0 <= high:
            text = "~ " + text
        ends = {
            "low": terminal.number(low * factor, digits),
            "high": terminal.number(high * factor, digits),
        }
        text += "\n" + say(lang.value, "table.interval", **ends)
    return text


@app.command()
def incentives(
    scenario: Annotated[str, typer.Argument(help="Scenario file or id.")],
    settings: SetOption = None,
    population: PopulationOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
    lang: LangOption = Lang.EN,
) -> None:
    """Show what one more of each activity brings each kind of provider, before any run."""
    from dashboards.figures import xray
    from sim import runner

    chosen = _chosen(scenario, settings, population, "", seed)
    found = runner.examine(chosen)
    region = found.scenario.region()
    quo = {spot.id: spot for spot in found.spots_before}
    if as_json:
        terminal.write_json(_xray_json(chosen, found, quo))
        return
    insured = {payer for point in found.points for payer in point.payers}
    names = xray.Names.of(region, lang.value, insured)
    terminal.write(f"{chosen.id}: {chosen.title[lang.value]}")
    changed = _write_margins(chosen, found, names)
    _write_turns(found, names, changed)
    _write_spots(chosen, found, names, quo)


_SPOTS_SHOWN = 8
_SAME_SHOWN = 4


def _xray_json(chosen: Scenario, found: Examination, quo: Mapping[str, Spot]) -> dict[str, Any]:
    """Give an examination as rows with stable ids, sentences in both languages."""
    from dashboards.figures import xray
    from sim.margins.direction import CLEAR
    from sim.margins.view import MOMENTS

    region = found.scenario.region()
    both = {lang: xray.Names.of(region, lang) for lang in ("en", "zh")}
    return {
        "scenario": chosen.id,
        "currency": region.currency,
        "people": found.scenario.population,
        "moments": dict(MOMENTS),
        "incentives": terminal.rows_of(found.rows),
        "break_even": [
            {
                "id": "/".join(
                    [
                        point.id,
                        point.kind,
                        "+".join(point.payers),
                        *([str(point.facts["group"])] if point.id == "severity" else []),
                    ]
                ),
                "point": point.id,
                "kind": point.kind,
                "payers": point.payers,
                "state": point.state,
                "value": point.value,
                "now": point.now,
                "unit": point.unit,
                "facts": point.facts,
                **{f"text_{lang}": xray.point_words(point, n) for lang, n in both.items()},
            }
            for point in found.points
        ],
        "weak_spots": [
            {
                "id": spot.id,
                "spot": spot.text,
                "kind": spot.kind,
                "payers": spot.payers,
                "money_per_year": spot.money,
                "since": xray.since(spot, quo),
                "facts": spot.facts,
                **{f"text_{lang}": xray.spot_words(spot, n) for lang, n in both.items()},
            }
            for spot in found.spots
        ],
        "threshold": CLEAR,
        "directions": [
            {
                "id": one.id,
                "channel": one.channel,
                "kind": one.kind,
                "before": one.before,
                "after": one.after,
                "sign": one.sign,
            }
            for one in found.directions
        ],
    }


def _write_margins(chosen: Scenario, found: Examination, names: Names) -> set[str]:
    """Lay out what one more brings, costs and leaves; return whose margins are not as today."""
    from dashboards.figures import xray

    audiences = list(dict.fromkeys((p.kind, p.payers) for p in found.points))
    tables = xray.margin_tables(found.rows, audiences, names)
    say = names.say
    brings, leaves = say("xray.col.brings"), say("xray.col.leaves")
    moments = [say(f"xray.col.{moment}") for moment in ("start", "mid", "end")]
    columns = [say("xray.col.activity"), say("xray.col.cost")]
    columns += [f"{what}\n{moment}" for what in (brings, leaves) for moment in moments]
    columns.append(f"{leaves}\n{say('xray.col.today')}")
    changed = set()
    for table in tables:
        if table.is_same and not chosen.is_status_quo:
            terminal.write(say("xray.same", who=table.title))
            continue
        changed.add(table.title)
        styled = [
            [(cell, "") for cell in row[:5]]
            + [(cell, _margin_style(m)) for cell, m in zip(row[5:], margins, strict=True)]
            for row, margins in zip(table.rows, table.margins, strict=True)
        ]
        if table.is_steady:
            # All year alike: once is enough.
            few = [row[:3] + row[5:6] + row[8:] for row in styled]
            heads = [*columns[:2], brings, leaves, columns[-1]]
            terminal.narrow_table(table.title, heads, few, numbers=range(1, 5))
            continue
        terminal.narrow_table(table.title, columns, styled, numbers=range(1, 9))
    terminal.write(
        terminal.wrapped(say("xray.caption", currency=_label(names, "currency", names.currency)))
    )
    return changed


def _margin_style(margin: float) -> str:
    if not math.isfinite(margin) or margin == 0.0:
        return "dim"
    return "green" if margin > 0.0 else "red"


def _label(names: Names, family: str, identifier: str) -> str:
    """Name something in the reader's language."""
    from dashboards.figures import words

    return words.label(names.lang, family, identifier)


def _write_turns(found: Examination, names: Names, changed: set[str]) -> None:
    """Lay out break-even points of those whose margins changed, a card for each kind."""
    from dashboards.figures import xray

    terminal.write("\n" + names.say("xray.points"))
    last = ""
    for point in xray.shown_points(found.points):
        who = names.who(point.kind, point.payers)
        if who not in changed:
            continue
        if who != last:
            terminal.write(f"\n {who}")
        terminal.write(terminal.wrapped(xray.point_words(point, names), " · "))
        last = who
    terminal.write("")


def _write_spots(
    chosen: Scenario, found: Examination, names: Names, quo: Mapping[str, Spot]
) -> None:
    """Lay out weak spots, the most money first, and what the margins predict."""
    from dashboards.figures import xray

    say = names.say
    if not found.spots:
        terminal.write(say("xray.spots.none"))
    columns = [say(f"xray.col.{name}") for name in ("money", "who", "what", "since")]
    told = [(spot, xray.since(spot, quo)) for spot in found.spots]
    # What is as today comes last: a reform is judged by what it changes.
    ranked = [entry for entry in told if chosen.is_status_quo or entry[1] != "same"]
    if chosen.is_status_quo:
        ranked, same = ranked[: _SPOTS_SHOWN + _SAME_SHOWN], []
    else:
        same = [entry for entry in told if entry[1] == "same"][:_SAME_SHOWN]
        ranked = ranked[:_SPOTS_SHOWN]
    rows = [
        []
        if entry is None
        else [
            (names.money(entry[0].money), ""),
            (names.who(entry[0].kind, entry[0].payers), ""),
            (xray.spot_words(entry[0], names), ""),
            (say(f"since.{entry[1]}"), ""),
        ]
        for entry in [*ranked, *([None] if same and ranked else []), *same]
    ]
    if chosen.is_status_quo:
        columns, rows = columns[:3], [row[:3] for row in rows]
    terminal.narrow_table(say("xray.spots"), columns, rows, numbers=range(1))
    left = len(told) - len(ranked) - len(same)
    if left:
        terminal.write(say("xray.more", count=left))
    if chosen.is_status_quo:
        return
    expected = xray.direction_words(found.directions, names)
    none = say("xray.expect.none")
    terminal.narrow_table(
        say("xray.expect"),
        [say("xray.col.who"), say("xray.expect.more"), say("xray.expect.less")],
        [[(kind, ""), (more or none, ""), (less or none, "")] for kind, more, less in expected],
    )


@app.command()
def export(
    record: Annotated[str, typer.Argument(help="Folder or key of a record, or a sweep's store.")],
    table: Annotated[str, typer.Option("--table", help="Which table.")] = "summary",
    file_format: Annotated[
        Format, typer.Option("--format", help="File format.", show_default=True)
    ] = Format.CSV,
    out: Annotated[Path | None, typer.Option("--out", help="File; else standard output.")] = None,
) -> None:
    """Export a record's table or a sweep's runs; CSV to standard output by default."""
    from sim.record import Record

    if Path(record).is_file():
        _export_store(Path(record), table, file_format, out)
        return
    loaded = Record.load(record)
    frame = loaded.table(table)
    if file_format is Format.PARQUET:
        _export_parquet(loaded, table, out)
    elif out is None:
        frame.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        frame.to_csv(out, index=False, lineterminator="\n", encoding="utf-8")
    if out is not None:
        terminal.say(f"{len(frame):,} rows to {out}")


def _export_store(store: Path, table: str, file_format: Format, out: Path | None) -> None:
    """Write the runs of a sweep, one row each: place, key, status, factors, outcomes."""
    from experiments.sweep.results import Results

    if table != "summary":
        raise ScenarioError(
            "the store of a sweep gives one table",
            where="--table",
            value=table,
            allowed="summary: a row a run",
            remedy="For series by month: experiments.sweep.results.Results.of(STORE).series().",
        )
    frame = Results.of(store).frame
    if file_format is Format.PARQUET:
        if out is None:
            raise ScenarioError("Parquet needs a file", where="--format", remedy="Name it: --out.")
        frame.to_parquet(out, compression="zstd", index=False)
    else:
        frame.to_csv(sys.stdout if out is None else out, index=False, lineterminator="\n")
    if out is not None:
        terminal.say(f"{len(frame):,} rows to {out}")


def _export_parquet(record: Record, table: str, out: Path | None) -> None:
    import pyarrow.parquet as pq

    if out is None:
        if sys.stdout.isatty():
            raise ScenarioError(
                "Parquet is not for a terminal", where="--format", remedy="Name a file with --out."
            )
        pq.write_table(record.tables[table], sys.stdout.buffer, compression="zstd")
    else:
        pq.write_table(record.tables[table], out, compression="zstd")


@app.command("hash")
def hash_(
    record: Annotated[str, typer.Argument(help="Folder or key of a record.")],
    as_json: JsonOption = False,
) -> None:
    """Print the SHA-256 of a record's result tables, whatever the order of their rows."""
    from sim.record import Record, hash_table

    loaded = Record.load(record)
    found = loaded.sha256()
    if as_json:
        tables = {name: hash_table(table) for name, table in sorted(loaded.tables.items())}
        terminal.write_json({"key": loaded.key, "sha256": found, "tables": tables})
    else:
        terminal.write(found)
    stored = loaded.info.get("sha256")
    if stored and stored != found:
        terminal.say(f"warning: the tables are not those that were saved (then {stored})")


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from sim.scenario import json_schema

    terminal.write_json(json_schema())


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Print versions and check that this installation can run."""
    from sim import runner
    from sim.record import code_version, home
    from sim.scenario import library_ids, library_root

    folder = home()
    can_write = os.access(_existing(folder), os.W_OK)
    facts: dict[str, Any] = {
        **runner.versions(),
        "system": f"{sys.platform} {os.uname().machine if hasattr(os, 'uname') else ''}".strip(),
        "cores": os.cpu_count(),
        "home": folder,
        "home_can_be_written": can_write,
        "library": library_root(),
        "scenarios": len(library_ids()),
        "code_version": code_version(library_root()),
    }
    if as_json:
        terminal.write_json(facts)
    else:
        for name, value in facts.items():
            terminal.write(f"{name}: {value}")
    if not can_write:
        raise DiskError(
            "results cannot be written",
            where=str(folder),
            remedy="Set PAYSHIFT_HOME to a folder that can be written.",
        )


def _existing(folder: Path) -> Path:
    """Find the nearest folder that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


_register_experiments(app)
_register_dashboard(app)


# --- the way in -------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code; a user's mistake is one message.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the command's name; those of this process by default.
    """
    # Hundreds of thousands of objects that stay are made at a start; looking for garbage among them
    # every seven hundred took a tenth of it.
    gc.set_threshold(50_000, 20, 20)
    try:
        code = app(
            args=None if arguments is None else list(arguments),
            prog_name=NAME,
            standalone_mode=False,
        )
        sys.stdout.flush()
    except PayshiftError as error:
        return terminal.told(error)
    except (KeyboardInterrupt, typer.Abort):
        terminal.say(f"{NAME}: interrupted")
        return INTERRUPTED
    except OSError as error:
        return terminal.told_of_disk(error)
    except Exception as error:
        # Typer carries its own copy of click, so a usage error is known by what it can do.
        tell = getattr(error, "format_message", None)
        if not callable(tell):
            raise
        message = tell()
        if message:
            context = getattr(error, "ctx", None)
            command = context.command_path if context is not None else NAME
            hint = f" See: {command} --help" if "Usage:" not in message else ""
            terminal.say(f"{NAME}: {message}{hint}" if hint else message)
        return int(getattr(error, "exit_code", 2))
    if code == INTERRUPTED:
        terminal.say(f"{NAME}: interrupted")
    return code if isinstance(code, int) else 0
