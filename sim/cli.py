"""The `payshift` command: scenarios in, tables and reports out, one message per mistake.

Knows the words a user types and how results are laid out on a terminal; must not know how a run
is made. Data goes to standard output, progress and messages to standard error. It is the one file
of `sim` that may reach the report's code. Everything heavy is imported inside the commands, so
that help appears at once.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import math
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.errors import DiskError, PayshiftError, ScenarioError

if TYPE_CHECKING:
    import pandas as pd

    from dashboards.report import ReportTables
    from sim.record import Comparison, Record
    from sim.scenario import Scenario

__all__ = ["app", "main"]

INTERRUPTED = 130
_WIDE = 200
_NAME = "payshift"
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
    name=_NAME,
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


class Lang(StrEnum):
    """Language of labels and reports."""

    EN = "en"
    ZH = "zh"


class Noun(StrEnum):
    """What there is to list."""

    SCENARIOS = "scenarios"
    MODELS = "models"
    OUTCOMES = "outcomes"
    PARAMETERS = "parameters"
    REGIONS = "regions"


class Format(StrEnum):
    """File formats of exported tables."""

    CSV = "csv"
    PARQUET = "parquet"


JsonOption = Annotated[bool, typer.Option("--json", help="JSON for machines, on standard output.")]
LangOption = Annotated[Lang, typer.Option("--lang", help="Language of labels and reports.")]
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
WorkersOption = Annotated[
    int | None, typer.Option("--workers", help="Processes; all cores by default.", min=1)
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Copy the record to this folder.")]
KeepOption = Annotated[
    str, typer.Option("--keep", metavar="TABLE,…", help="Keep large tables: claims, people.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Every outcome, not only the headlines.")]


# --- output -----------------------------------------------------------------------------------


def _say(text: str) -> None:
    """Tell the user something that is not data."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _write(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def _clean(value: Any) -> Any:
    """Make values JSON can hold: no NaN, plain numbers."""
    if isinstance(value, Mapping):
        return {str(key): _clean(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(entry) for entry in value]
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        value = item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value


def _write_json(value: Any) -> None:
    _write(json.dumps(_clean(value), indent=1, ensure_ascii=False, allow_nan=False))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: Sequence[int] = (),
    caption: str = "",
) -> None:
    """Lay a table out on standard output; a row without cells is a rule."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index in numbers else "left", overflow="fold")
    for row in rows:
        if not row:
            table.add_section()
            continue
        table.add_row(*(Text(cell) for cell in row))
    if sys.stdout.isatty():
        Console(file=sys.stdout).print(table)
    else:
        page = Console(file=io.StringIO(), width=_WIDE)
        with page.capture() as laid_out:
            page.print(table)
        _write("\n".join(line.rstrip() for line in laid_out.get().splitlines()))
    if caption:
        _write(caption)


@contextlib.contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show progress on standard error, if somebody is watching."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} months"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    ) as bar:
        task = bar.add_task(label, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield show


def _number(value: float, digits: int) -> str:
    """Write a number with a true minus sign; a missing one is a dash."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0.0:
        text = text.removeprefix("-")
    return text.replace("-", "−")


def _signed(value: float, digits: int) -> str:
    text = _number(value, digits)
    is_zero = not any(digit in "123456789" for digit in text)
    return text if is_zero or text.startswith("−") else "+" + text


# --- scenarios --------------------------------------------------------------------------------


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


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
        scenario = scenario.with_population(population)
    if freeze:
        scenario = scenario.with_freeze(_words(freeze))
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
    return shlex.join([_NAME, *sys.argv[1:]])


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

        _write(f"{_NAME} {__version__}")
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
def list_(noun: Noun, as_json: JsonOption = False, lang: LangOption = Lang.EN) -> None:
    """List scenarios, payment models, outcomes, parameters or regions."""
    rows = _outcome_rows() if noun is Noun.OUTCOMES else _catalogue_rows(noun)
    if as_json:
        _write_json(rows)
        return
    titles = f"title_{lang.value}"
    if noun is Noun.OUTCOMES:
        _table(
            "",
            ["id", "area", "unit", "better", "what"],
            [[r["id"], r["area"], r["unit"], r["better"], r[f"label_{lang.value}"]] for r in rows],
        )
    elif noun is Noun.PARAMETERS:
        _table(
            "",
            ["id", "value", "low", "high", "unit", "evidence", "what"],
            [
                [
                    r["id"],
                    f"{r['value']:g}",
                    f"{r['low']:g}",
                    f"{r['high']:g}",
                    str(r["unit"]),
                    str(r.get("evidence", "")),
                    str(r.get(titles, "")),
                ]
                for r in rows
            ],
            numbers=(1, 2, 3),
        )
    else:
        _table(
            "",
            ["id", "title", "what"],
            [[r["id"], str(r.get(titles, "")), str(r.get(f"line_{lang.value}", ""))] for r in rows],
        )


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


@app.command()
def validate(
    files: Annotated[list[str], typer.Argument(help="Scenario files, or ids of the library.")],
    as_json: JsonOption = False,
) -> None:
    """Check files and tell every error with its place; nothing is run."""
    from sim.scenario import validate as errors_of

    found = {name: errors_of(name) for name in files}
    if as_json:
        _write_json(
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
                _write(f"{name}: ok")
            for error in errors:
                _say(error.message)
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
        _write_json(
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
            _write(f"{path}: {json.dumps(value, ensure_ascii=False)}    # {place}")
        return
    horizon = chosen.horizon
    _write(f"{chosen.id}: {chosen.title[lang.value]}")
    if chosen.description[lang.value]:
        _write(chosen.description[lang.value])
    _write(f"region {chosen.region_id}, {chosen.population:,} people, seed {chosen.seed}")
    _write(
        f"months: {horizon.warm_up} warm-up, {horizon.baseline} baseline, {horizon.reform} reform"
    )
    if chosen.is_status_quo:
        _write("policy: the region's status quo throughout")
    for group in chosen.after.groups(chosen.region()):
        payer = chosen.region().payers[group.payer]
        contract = json.dumps(group.assignment.contract, ensure_ascii=False)
        _write(f"{payer} pays {len(group.providers)} providers by {contract}")


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
    out: OutOption = None,
    as_json: JsonOption = False,
    lang: LangOption = Lang.EN,
) -> None:
    """Run one scenario; print a short table and keep a record."""
    from sim import runner

    chosen = _chosen(scenario, settings, population, freeze)
    with _progress(chosen.id) as progress:
        record = runner.run(
            chosen,
            seed=seed,
            engine=engine.value,
            replicates=replicates,
            keep=_words(keep),
            workers=workers,
            progress=progress,
            command=_command_line(),
        )
    path = _store(record, out)
    rows = _run_rows(record, _shown_outcomes(chosen, everything or as_json), lang)
    if as_json:
        _write_json(
            {
                "key": record.key,
                "record": path,
                "sha256": record.info["sha256"],
                "scenario": chosen.id,
                "seeds": record.seeds,
                "outcomes": rows,
            }
        )
        return
    before, after = record.info["horizon"], record.info["horizon"]["reform"]
    months = after or before["baseline"]
    _table(
        f"{chosen.title[lang.value]} ({months} months, {record.info['population']:,} people, "
        f"{replicates} replicate{'s' if replicates > 1 else ''})",
        ["area", "outcome", "value", "unit", "± 95 %"],
        _by_area(
            [
                [
                    row["area"],
                    row["label"],
                    _number(_float(row["value"]), row["digits"]),
                    row["unit"],
                    _number(_float(row["half_width"]), row["digits"]),
                ]
                for row in rows
            ]
        ),
        numbers=(2, 4),
    )
    _say(f"record {path}")


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


def _run_rows(record: Record, outcomes: Sequence[str], lang: Lang) -> list[dict[str, Any]]:
    """Mean over replicates of each outcome, with the half-width of its interval."""
    from scipy.special import stdtrit

    from sim.outcomes import AREAS, OUTCOMES

    summary = record.summary()
    everyone = summary[summary["group"] == "all"]
    missing = record.table("missing")
    reasons = missing[missing["group"] == "all"].set_index("outcome")["reason"].to_dict()
    rows = []
    for name in outcomes:
        about = OUTCOMES[name]
        values = everyone.loc[everyone["outcome"] == name, "value"].dropna()
        if about.minus:
            continue
        n = len(values)
        mean = float(values.mean()) if n else math.nan
        half = float(stdtrit(n - 1, 0.975) * values.std() / math.sqrt(n)) if n > 1 else math.nan
        rows.append(
            {
                "id": name,
                "area": AREAS[about.area][lang.value],
                "label": about.label[lang.value],
                "unit": about.unit,
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
    with _progress(f"{len(chosen)} scenarios") as progress:
        comparison = runner.compare(
            chosen,
            replicates=replicates,
            seed=seed,
            engine=engine.value,
            status_quo=not no_status_quo,
            keep=_words(keep),
            workers=workers,
            progress=progress,
            command=_command_line(),
        )
    path = _store(comparison, out)
    written = [] if no_report else _write_reports(comparison, path, out, report, lang)
    differences = comparison.differences()
    wrong = comparison.before_check()
    if as_json:
        _write_json(
            {
                "key": comparison.key,
                "record": path,
                "sha256": comparison.info["sha256"],
                "report": written[0] if written else None,
                "arms": comparison.info["arms"],
                "seeds": comparison.seeds,
                "differs_before_reform": _records(wrong),
                "differences": _records(differences),
            }
        )
    else:
        _print_comparison(comparison, differences, _shown_outcomes(chosen[0], everything), lang)
    if len(wrong):
        _say(
            f"warning: {len(wrong)} outcomes differ between arms before the reform "
            f"(first: {wrong.iloc[0]['outcome']}); the differences are not only the policy's"
        )
    _say(f"record {path}")
    for page in written:
        _say(f"report {page}")


def _write_reports(
    comparison: Comparison, path: Path, out: Path | None, report: Path | None, lang: Lang
) -> list[Path]:
    """Write the one-file report beside the record, or where it is wanted, and give the files."""
    from dashboards.report import write_report

    page = report if report is not None else path / "report.html"
    pages = [page]
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_report(_report_tables(comparison), page, lang.value)
        if out is not None:
            copy = out / "report.html"
            shutil.copyfile(page, copy)
            pages.append(copy)
    except OSError as reason:
        raise DiskError(
            f"the report cannot be written ({reason.strerror or reason})", where=str(page)
        ) from None
    return pages


def _report_tables(comparison: Comparison) -> ReportTables:
    """Hand a comparison to the report as the tables it is written from."""
    from dashboards.report import ReportTables
    from sim.record import outcome_table
    from sim.runner import incentive_means

    info = comparison.info
    first = comparison.months_before
    ledger = comparison.table("ledger")
    ledger = ledger[ledger["month"] >= first]
    years = max(1.0, float(info["horizon"]["reform"]) / 12.0)
    keys = ["arm", "payer", "payee", "purpose"]
    flows = ledger.groupby(keys, sort=False)["amount"].sum().reset_index()
    flows["amount"] = (flows["amount"] / years).round().astype("int64")
    provenance = {
        "command": info["command"],
        "region": info["region"],
        "people": info["population"],
        "residents": info["residents"],
        "seeds": info["seeds"],
        "engine": info["engine"],
        "scenario_hashes": {arm["id"]: arm["scenario_sha"] for arm in info["arms"]},
        "inputs": info["input_tables"],
        "versions": {**info["versions"], "code": info["code_version"]},
        "commit": info["commit"],
        "created": info["finished"],
    }
    margins = comparison.table("incentives")
    margins = margins[(margins["replicate"] == 0) & (margins["year"] == first // 12)]
    return ReportTables(
        arms=comparison.arm_table(),
        outcomes=outcome_table(),
        differences=comparison.differences(),
        monthly=comparison.table("monthly"),
        providers=comparison.table("providers"),
        incentives=incentive_means(margins),
        ledger=flows,
        provenance=provenance,
        months_before=first,
        currency=info["currency"],
        people=info["population"],
        residents=info["residents"],
    )


def _print_comparison(
    comparison: Comparison, differences: pd.DataFrame, outcomes: Sequence[str], lang: Lang
) -> None:
    """Lay differences out: outcomes in rows by area, arms in columns, the first as it is."""
    from sim.outcomes import AREAS, OUTCOMES

    everyone = {
        (row["outcome"], row["arm"]): row
        for row in _records(differences[differences["group"] == "all"])
    }
    arms = comparison.arms
    titles = {arm["id"]: arm["title"][lang.value] for arm in comparison.info["arms"]}
    rows = []
    for name in outcomes:
        about = OUTCOMES[name]
        first = ""
        cells = []
        for arm in arms[1:]:
            row = everyone.get((name, arm))
            if row is None:
                cells.append("–")
                continue
            if not about.minus:
                first = _number(float(row["baseline_mean"]), about.digits)
            cells.append(_difference_cell(row, about.unit, about.digits))
        rows.append(
            [AREAS[about.area][lang.value], about.label[lang.value], about.unit, first, *cells]
        )
    n = len(comparison.seeds)
    for arm in arms:
        _write(f"{arm}: {titles[arm]}")
    _table(
        "",
        ["area", "outcome", "unit", *_short_names(arms)],
        _by_area(rows),
        numbers=range(3, 3 + len(arms)),
        caption=(
            f"Differences from {arms[0]} over the reform months, paired over {n} replicates, "
            "with 95 % intervals. ~ interval includes zero. A representative region, not yours: "
            "direction and mechanism, not a forecast."
            if n > 1
            else f"Differences from {arms[0]}; one replicate gives no interval (--replicates)."
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


def _difference_cell(row: Mapping[str, Any], unit: str, digits: int) -> str:
    """Write one difference: size, interval and percent; a tilde marks an unclear one."""
    mean, low, high = float(row["difference"]), float(row["low"]), float(row["high"])
    if not math.isfinite(mean):
        return "–"
    factor, mark = (100.0, " pp") if unit == "share" else (1.0, "")
    digits = 2 if unit == "share" else digits
    if mean == low == high == 0.0:
        return "0"
    text = _signed(mean * factor, digits) + mark
    relative = float(row["relative"])
    if unit != "share" and math.isfinite(relative):
        text += f" {_signed(100.0 * relative, 1)} %"
    if math.isfinite(low):
        if low <= 0.0 <= high:
            text = "~ " + text
        text += f"\n({_number(low * factor, digits)} to {_number(high * factor, digits)})"
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
    from sim import runner

    chosen = _chosen(scenario, settings, population, "", seed)
    frame = runner.xray(chosen)
    rows = _records(frame)
    spots = weak_spots(rows)
    if as_json:
        _write_json({"scenario": chosen.id, "incentives": rows, "weak_spots": spots})
        return
    _write(f"{chosen.id}: {chosen.title[lang.value]}")
    for payer in dict.fromkeys(row["payer"] for row in rows):
        mine = [row for row in rows if row["payer"] == payer]
        if not chosen.is_status_quo and all(
            row["receipts_before"] == row["receipts_after"] for row in mine
        ):
            _write(f"{payer}: as today")
            continue
        _table(
            f"{payer}: what one more brings, CNY",
            [
                "provider",
                "one more",
                "unit",
                "cost",
                "receipts today",
                "after",
                "margin today",
                "after",
            ],
            _by_area(
                [
                    [
                        row["kind"],
                        row["activity"].replace("_", " "),
                        row["unit"],
                        *(
                            _number(_float(row[name]), 1)
                            for name in (
                                "cost",
                                "receipts_before",
                                "receipts_after",
                                "margin_before",
                                "margin_after",
                            )
                        ),
                    ]
                    for row in sorted(mine, key=lambda row: _KINDS.index(row["kind"]))
                ]
            ),
            numbers=range(3, 8),
        )
    _write("Weak spots of the new policy:" if spots else "No weak spot stands out.")
    for spot in spots:
        _write(f"- {spot}")


_KINDS = ("practice", "secondary", "tertiary")
_KIND_WORDS = {
    "practice": "practices",
    "secondary": "secondary hospitals",
    "tertiary": "tertiary hospitals",
}
_ACTIVITY_WORDS = {
    "drugs": "drug item",
    "diagnostics": "test",
    "labor": "hands-on service",
    "procedures": "procedure",
    "bed_day": "bed-day",
}
_CARE = ("visit", "drugs", "diagnostics", "procedures", "labor", "admission", "bed_day")
_PAYS_WELL = 1.15
_PAYS_BADLY = 0.5


def weak_spots(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name in words where a policy's marginal receipts invite harm, worst first.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of `sim.runner.xray`.

    Notes
    -----
    Care that brings well over its variable cost invites too much of it, care that brings less
    than half invites too little; a better paid level invites coding up. What the status quo
    does as much is not a weak spot of the reform.
    """
    found: dict[tuple[str, str, str], tuple[float, list[str]]] = {}
    for row in rows:
        told = _weak_spot(row)
        if told is None:
            continue
        size, text = told
        key = (str(row["kind"]), str(row["activity"]), text)
        worst, payers = found.get(key, (0.0, []))
        found[key] = (max(worst, size), [*payers, str(row["payer"])])
    ordered = sorted(found.items(), key=lambda item: -item[1][0])
    return [
        f"{_KIND_WORDS[kind]}, {' and '.join(payers)}: {text}"
        for (kind, _, text), (_, payers) in ordered
    ]


def _weak_spot(row: Mapping[str, Any]) -> tuple[float, str] | None:
    """Say what is weak about one margin and how much, or None."""
    activity, cost = str(row["activity"]), _float(row["cost"])
    before, after = _float(row["receipts_before"]), _float(row["receipts_after"])
    if not math.isfinite(after) or before == after:
        return None
    name = _ACTIVITY_WORDS.get(activity, activity.replace("_", " "))
    step = abs(after - before) / max(abs(after), abs(before), 1e-9)
    if activity in _CARE and math.isfinite(cost) and cost > 0.0:
        if after < _PAYS_BADLY * cost and after < before:
            return step, f"one more {name} brings little of what it costs: expect too little of it"
        if after > _PAYS_WELL * cost and after > before:
            return step, f"one more {name} brings well over its cost: expect too much of it"
    if activity == "coded_level" and after > before and after > 0.0:
        return step, "a higher level brings more than today: expect coding up"
    if activity == "member" and after > before:
        return step, "members are paid for as such: expect a wish for healthy ones"
    return None


@app.command()
def export(
    record: Annotated[str, typer.Argument(help="Folder or key of a record.")],
    table: Annotated[str, typer.Option("--table", help="Which table.")] = "summary",
    file_format: Annotated[
        Format, typer.Option("--format", help="File format.", show_default=True)
    ] = Format.CSV,
    out: Annotated[Path | None, typer.Option("--out", help="File; else standard output.")] = None,
) -> None:
    """Export a record's table; CSV to standard output by default."""
    from sim.record import Record

    loaded = Record.load(record)
    frame = loaded.table(table)
    if file_format is Format.PARQUET:
        _export_parquet(loaded, table, out)
    elif out is None:
        frame.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        frame.to_csv(out, index=False, lineterminator="\n", encoding="utf-8")
    if out is not None:
        _say(f"{len(frame):,} rows to {out}")


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
        _write_json({"key": loaded.key, "sha256": found, "tables": tables})
    else:
        _write(found)
    stored = loaded.info.get("sha256")
    if stored and stored != found:
        _say(f"warning: the tables are not those that were saved (then {stored})")


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from sim.scenario import json_schema

    _write_json(json_schema())


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
        _write_json(facts)
    else:
        for name, value in facts.items():
            _write(f"{name}: {value}")
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


# --- the way in -------------------------------------------------------------------------------


def _told(error: PayshiftError) -> int:
    for each in error.all:
        _say(f"{_NAME}: {each.message}")
    return error.exit_code


def _disk(error: OSError) -> int:
    if isinstance(error, BrokenPipeError) or error.errno == errno.EPIPE:
        # The reader has seen enough, as in `payshift list outcomes | head`.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    where = error.filename or "disk"
    _say(f"{_NAME}: {where}: {error.strerror or error}")
    return DiskError.exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code; a user's mistake is one message.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the command's name; those of this process by default.
    """
    try:
        code = app(
            args=None if arguments is None else list(arguments),
            prog_name=_NAME,
            standalone_mode=False,
        )
        sys.stdout.flush()
    except PayshiftError as error:
        return _told(error)
    except (KeyboardInterrupt, typer.Abort):
        _say(f"{_NAME}: interrupted")
        return INTERRUPTED
    except OSError as error:
        return _disk(error)
    except Exception as error:
        # Typer carries its own copy of click, so a usage error is known by what it can do.
        tell = getattr(error, "format_message", None)
        if not callable(tell):
            raise
        message = tell()
        if message:
            context = getattr(error, "ctx", None)
            command = context.command_path if context is not None else _NAME
            hint = f" See: {command} --help" if "Usage:" not in message else ""
            _say(f"{_NAME}: {message}{hint}" if hint else message)
        return int(getattr(error, "exit_code", 2))
    if code == INTERRUPTED:
        _say(f"{_NAME}: interrupted")
    return code if isinstance(code, int) else 0
