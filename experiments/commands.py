"""Commands of the experiments: sweeps, their stores, any row of them again, and the evidence.

Knows the words a user types; must not know how a sweep is executed or stored. Everything but the
terminal is imported inside the commands, so that help appears at once.
"""

from __future__ import annotations

import contextlib
import math
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim import terminal
from sim.errors import ScenarioError, StoreError

if TYPE_CHECKING:
    from experiments.evidence.mixture import Profile
    from experiments.evidence.record import Row
    from experiments.sweep.executors import Tally
    from experiments.sweep.files import Sweep
    from experiments.sweep.store import Store

__all__ = ["register"]

SOME_FAILED = 3
"""Exit code of a sweep that is complete but for runs that gave no outcomes."""

_SHOWN = 20


class ExecutorName(StrEnum):
    """Who does the runs."""

    SERIAL = "serial"
    PROCESS = "process"
    DASK = "dask"


DesignArgument = Annotated[str, typer.Argument(metavar="DESIGN", help="Design file or id.")]
StoreArgument = Annotated[Path, typer.Argument(metavar="STORE", help="Store of a sweep.")]


def register(app: typer.Typer) -> None:
    """Add the commands of the experiments to `payshift`."""
    app.command("sweep")(sweep)
    app.command("merge")(merge)
    app.command("rerun")(rerun)
    app.command("verify")(verify)
    app.command("evidence")(evidence)


# --- sweep ------------------------------------------------------------------------------------


def _part(text: str) -> tuple[int, int]:
    """Read i/n."""
    first, slash, second = text.partition("/")
    if slash and first.isdecimal() and second.isdecimal():
        part, parts = int(first), int(second)
        if 1 <= part <= parts:
            return part, parts
    raise ScenarioError(
        "not a part",
        where="--shard",
        value=text,
        allowed="i/n, the i-th of n parts, counted from 1",
        remedy="For instance --shard 1/8.",
    )


def _store_of(chosen: Sweep, part: tuple[int, int]) -> Path:
    """Name the store of a design: by its file and its hash, so that another design has another."""
    from sim.record import home

    piece = f"-part-{part[0]}-of-{part[1]}" if part[1] > 1 else ""
    return home() / "sweeps" / f"{chosen.name}-{chosen.design.sha256()[:8]}{piece}.sqlite"


def _time(seconds: float) -> str:
    """Write a duration."""
    if not math.isfinite(seconds):
        return "unknown"
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {whole % 60:02d} s" if minutes else f"{whole} s"


@contextlib.contextmanager
def _told_progress() -> Iterator[Callable[[Tally], None]]:
    """Show progress on standard error: a bar for a person, a line a minute for a log."""
    import time

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    told = 0

    def failures(tally: Tally, say: Callable[[str], None]) -> None:
        nonlocal told
        fresh = tally.newly_failed - told
        for one in tally.failures[-fresh:] if fresh else []:
            say(
                f"{one.status}: arm {one.arm}, draw {one.draw}, replicate {one.replicate} "
                f"({one.key[:12]}): {one.reason}"
            )
        told = tally.newly_failed

    if not sys.stderr.isatty():
        last = time.monotonic()

        def line(tally: Tally) -> None:
            nonlocal last
            failures(tally, terminal.say)
            if time.monotonic() - last >= 60.0:
                last = time.monotonic()
                terminal.say(
                    f"{tally.found + tally.done:,} of {tally.total:,} runs, "
                    f"{_time(tally.remaining_seconds)} left"
                )

        yield line
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} runs, {task.fields[left]} left"),
        console=Console(file=sys.stderr),
        transient=True,
    ) as bar:
        task = bar.add_task("sweep", total=None, left="unknown")

        def show(tally: Tally) -> None:
            failures(tally, bar.console.print)
            bar.update(
                task,
                total=tally.total,
                completed=tally.found + tally.done,
                left=_time(tally.remaining_seconds),
            )

        yield show


@contextlib.contextmanager
def _ends_in_order() -> Iterator[None]:
    """Let a polite request to end be an interruption, so that what is done is stored."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def sweep(
    design: DesignArgument,
    executor: Annotated[
        ExecutorName, typer.Option("--executor", help="Who does the runs.")
    ] = ExecutorName.PROCESS,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="A Dask scheduler.")
    ] = None,
    workers: terminal.WorkersOption = None,
    shard: Annotated[
        str, typer.Option("--shard", metavar="I/N", help="Only the i-th of n parts.")
    ] = "1/1",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a store that is there.")
    ] = False,
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Go on although the design or the code changed."),
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Do runs again that gave no outcomes.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="STORE", help="File of the store.")
    ] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would be run.")] = False,
    as_json: terminal.JsonOption = False,
) -> None:
    """Run a design of parameters, arms and replicates into a store; go on after anything."""
    from experiments.sweep.executors import sweep as fill
    from experiments.sweep.files import read_sweep
    from experiments.sweep.store import Plan, Store

    if scheduler is not None and executor is not ExecutorName.DASK:
        raise ScenarioError(
            "only Dask has a scheduler", where="--scheduler", remedy="Add --executor dask."
        )
    part = _part(shard)
    chosen = read_sweep(design)
    path = out if out is not None else _store_of(chosen, part)
    plan = Plan(chosen.design, chosen.design.points(), chosen.model.code_version, "", part)
    what = (
        f"{len(plan):,} runs: {len(chosen.design.arms)} arms, {len(plan.points):,} draws of "
        f"{len(chosen.design.factors)} factors, {chosen.design.replicates} replicates"
    )
    if dry:
        terminal.write(what)
        return
    terminal.say(what)
    terminal.say(f"store {path}")
    try:
        with _ends_in_order(), _told_progress() as progress:
            tally = fill(
                chosen.design,
                path,
                chosen.model,
                executor.value,
                workers,
                scheduler=scheduler,
                shard=part,
                resume=resume,
                accept_changes=accept_changes,
                retry_failed=retry_failed,
                model_json=chosen.model.as_json(),
                progress=progress,
            )
    except KeyboardInterrupt:
        terminal.say("what was done is stored; go on with the same command and --resume")
        raise
    with Store.read(path) as store:
        counts, sha = store.counts(), store.result_sha256()
    facts = {
        "store": path,
        "runs": tally.total,
        "found": tally.found,
        "done": tally.done,
        "seconds": round(tally.seconds, 3),
        "counts": counts,
        "sha256": sha,
    }
    if as_json:
        terminal.write_json(facts)
    else:
        states = ", ".join(f"{n:,} {status}" for status, n in sorted(counts.items()))
        terminal.write(f"{tally.total:,} runs ({states}) in {_time(tally.seconds)}")
        terminal.write(f"result {sha}")
        terminal.write(f"store  {path}")
    if tally.failed:
        terminal.say(
            f"{tally.failed:,} runs gave no outcomes; see: payshift verify {path}; "
            "try them again with --resume --retry-failed"
        )
        raise typer.Exit(SOME_FAILED)


# --- stores -----------------------------------------------------------------------------------


def merge(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="Store to be made or added to.")],
    parts: Annotated[list[Path], typer.Argument(metavar="PART…", help="Stores of the parts.")],
    as_json: terminal.JsonOption = False,
) -> None:
    """Put the parts of a sweep that were run apart into one store, by key."""
    from experiments.sweep.merging import merge as put_together

    found = put_together(store, parts)
    if as_json:
        terminal.write_json(found._asdict())
        return
    terminal.write(
        f"{found.added:,} runs added, {found.same:,} there already, {found.missing:,} missing"
    )
    terminal.write(f"result {found.sha256}")


def rerun(
    store: StoreArgument,
    row: Annotated[str, typer.Option("--row", metavar="KEY", help="A run's key, or its start.")],
    as_json: terminal.JsonOption = False,
) -> None:
    """Do one run of a store again from its own key, and compare."""
    from experiments.sweep.merging import rerun as again

    found = again(store, row)
    facts = {
        "key": found.key,
        "arm": found.arm,
        "draw": found.draw,
        "replicate": found.replicate,
        "seed": found.seed,
        "parameters": found.parameters,
        "status": found.status,
        "is_same": found.is_same,
        "summary": found.summary,
        "stored": found.stored,
        "reason": found.reason,
    }
    if as_json:
        terminal.write_json(facts)
    else:
        terminal.write(
            f"run {found.key[:12]}: arm {found.arm}, draw {found.draw}, "
            f"replicate {found.replicate}, seed {found.seed}"
        )
        for name, value in found.parameters.items():
            terminal.write(f"  {name} = {value}")
        rows = [
            [name, repr(found.stored.get(name, math.nan)), repr(found.summary.get(name, math.nan))]
            for name in dict.fromkeys((*found.stored, *found.summary))
        ]
        if rows:
            terminal.table("", ["outcome", "stored", "now"], rows, numbers=(1, 2))
        if found.reason:
            terminal.write(found.reason)
    if not found.is_same:
        raise StoreError(
            "the run gives something else now",
            where=f"run {found.key[:12]}",
            remedy="Its code, its library or its machine is another."
            if found.is_same_code
            else "The code changed since; take the version that made the store.",
        )
    terminal.say("the same to the last bit")


def verify(store: StoreArgument, as_json: terminal.JsonOption = False) -> None:
    """Check every run of a store against its checksum, and name what is damaged or missing."""
    from experiments.sweep.store import Store

    with Store.read(store) as opened:
        damages = opened.verify()
        counts = opened.counts() if not damages else {}
        total = len(opened.plan)
        failed = _failed(opened) if not damages else []
        sha = opened.result_sha256() if not damages else None
    if as_json:
        terminal.write_json(
            {
                "store": store,
                "ok": not damages,
                "runs": total,
                "counts": counts,
                "sha256": sha,
                "damages": [damage._asdict() for damage in damages],
                "failed": failed,
            }
        )
    elif damages:
        for damage in damages[:_SHOWN] if len(damages) > 2 * _SHOWN else damages:
            terminal.write(damage.message)
        if len(damages) > 2 * _SHOWN:
            terminal.write(f"and {len(damages) - _SHOWN:,} more; all with --json")
    else:
        states = ", ".join(f"{n:,} {status}" for status, n in sorted(counts.items()))
        terminal.write(f"{total:,} runs, every one there and whole ({states})")
        for one in failed[:_SHOWN]:
            terminal.write(
                f"{one['status']}: arm {one['arm']}, draw {one['draw']}, "
                f"replicate {one['replicate']} ({one['key'][:12]}): {one['reason']}"
            )
        terminal.write(f"result {sha}")
    if damages:
        runs = sum(1 for damage in damages if damage.key)
        raise StoreError(
            f"{runs:,} of {total:,} runs are missing or damaged",
            where=str(store),
            remedy="What is missing is done by `payshift sweep … --resume`; what is damaged, too, "
            "into a new store after `payshift merge`, which takes over whole rows only.",
        )


def _failed(store: Store) -> list[dict[str, Any]]:
    """List runs that gave no outcomes."""
    found = []
    for key, run, _ in store.plan.runs():
        status = store.status_of(key)
        if status not in ("ok", ""):
            row = store.get(key)
            found.append(
                {
                    "key": key,
                    "arm": store.design.arms[run.arm],
                    "draw": run.draw,
                    "replicate": run.replicate,
                    "status": status,
                    "reason": "" if row is None else row.reason,
                }
            )
    return found


# --- evidence ---------------------------------------------------------------------------------


class EvidencePart(StrEnum):
    """What is asked of the model."""

    LABORATORY = "laboratory"
    DEMAND = "demand"
    POLICIES = "policies"


def _lights(lang: str) -> dict[str, str]:
    """Words of the verdicts."""
    if lang == "zh":
        return {"hit": "命中", "near": "接近", "miss": "未命中", "none": "未模拟"}
    return {"hit": "hit", "near": "near", "miss": "miss", "none": "not simulated"}


def _told_evidence(rows: Sequence[Row], lang: str, as_json: bool) -> None:
    """Give rows of the record as JSON or as a table."""
    from dataclasses import asdict

    from experiments.evidence.record import decimals

    if as_json:
        terminal.write_json([asdict(row) for row in rows])
        return
    heads = {
        "en": ["id", "what", "unit", "published", "band", "simulated", "95 % interval", "verdict"],
        "zh": ["编号", "内容", "单位", "公布值", "允许范围", "模拟值", "95%区间", "结论"],
    }[lang]
    lights = _lights(lang)

    def pair(low: float, high: float) -> str:
        if math.isnan(low) or math.isnan(high):
            return "–"
        return f"{terminal.number(low, decimals(low))} … {terminal.number(high, decimals(high))}"

    lines = [
        [
            row.id,
            row.label_zh if lang == "zh" else row.label_en,
            row.unit,
            terminal.number(row.published, decimals(row.published)),
            pair(row.band_low, row.band_high),
            terminal.number(row.simulated, decimals(row.simulated)),
            pair(row.low, row.high),
            lights[row.light],
        ]
        for row in rows
    ]
    counts = ", ".join(
        f"{sum(row.light == light for row in rows)} {word}" for light, word in lights.items()
    )
    terminal.table("", heads, lines, numbers=(3, 5), caption=counts)


def evidence(
    part: Annotated[
        EvidencePart | None,
        typer.Argument(metavar="[PART]", help="laboratory, demand or policies; all if left out."),
    ] = None,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID…]", help="Of policies: findings or files.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the record; nothing is run.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the record.")
    ] = None,
    replicates: Annotated[int, typer.Option("--replicates", min=2, help="Seeds.")] = 10,
    people: Annotated[
        int | None, typer.Option("--people", min=200, help="Persons simulated in each run.")
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", metavar="FILE", help="Of laboratory: other payoffs."),
    ] = None,
    choices: Annotated[
        Path | None,
        typer.Option("--choices", metavar="CSV", help="Of laboratory: choices to be explained."),
    ] = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Of demand: also over a grid of its parameters.")
    ] = False,
    workers: terminal.WorkersOption = None,
    lang: terminal.LangOption = terminal.Lang.EN,
    as_json: terminal.JsonOption = False,
) -> None:
    """Hold the model against published findings; what was lived already is not lived again."""
    from experiments.evidence import replay
    from experiments.evidence.findings import findings, read_finding
    from experiments.evidence.record import blank, read_record, write_record

    folder = out
    if show:
        from experiments.evidence.record import PACKAGED

        _told_evidence(read_record(PACKAGED if out is None else out).rows, lang.value, as_json)
        return
    if (experiment or choices) and part is not EvidencePart.LABORATORY:
        raise ScenarioError(
            "only the laboratory has payoffs and choices",
            where="--experiment" if experiment else "--choices",
            remedy="payshift evidence laboratory --experiment FILE",
        )
    if fit and part is not EvidencePart.DEMAND:
        raise ScenarioError(
            "only demand is fitted", where="--fit", remedy="payshift evidence demand"
        )
    if ids and part is not EvidencePart.POLICIES:
        raise ScenarioError("only policies are chosen by id", where="ID", value=ids[0])
    if part is EvidencePart.LABORATORY and (experiment or choices):
        _told_experiment(experiment or "hennig-schmidt-2011", choices, lang.value, as_json)
        return
    known = findings()
    record = blank(known)
    if folder is not None and (folder / "record.json").is_file():
        record = record.updated(read_record(folder).rows)
    from sim.record import home

    stores = home() / "evidence"
    fresh = [*replay.baseline_rows(known)] if part is None else []
    extra: list[Row] = []

    def keep() -> None:
        nonlocal record
        record = record.updated(fresh)
        if folder is not None:
            write_record(record, folder)

    with _ends_in_order(), _told_progress() as progress:
        if part in (None, EvidencePart.LABORATORY):
            fresh += replay.laboratory_rows(known)
            keep()
        if part in (None, EvidencePart.DEMAND):
            fresh += replay.demand_rows(
                stores, replicates, people or replay.PEOPLE, workers, progress, known
            )
            keep()
        if part in (None, EvidencePart.POLICIES):
            chosen = [read_finding(name) for name in ids] if ids else known
            for finding in chosen:
                if finding.form.reform is None:
                    extra += blank([finding]).rows if ids else []  # its reasons are told
                    continue
                terminal.say(f"{finding.id}: {finding.form.title.model_dump()[lang.value]}")
                rows = replay.policy_rows(finding, stores, replicates, people, workers, progress)
                fresh += rows
                extra += [row for row in rows if row.key not in {r.key for r in record.rows}]
                keep()
    if part is None:
        _told_evidence(record.rows, lang.value, as_json)
    else:
        done = {row.key for row in fresh}
        shown = [*(row for row in record.rows if row.key in done), *extra]
        _told_evidence(shown, lang.value, as_json)
        for row in shown if not as_json else []:
            reason = row.reason_zh if lang is terminal.Lang.ZH else row.reason_en
            if reason and part is EvidencePart.POLICIES:
                terminal.write(terminal.wrapped(reason, f"{row.id} "))
    if part is EvidencePart.DEMAND and not as_json:
        lived = people or replay.PEOPLE
        _told_plans(replay.plan_means(stores, replicates, lived, workers), lang.value)
        if fit:
            _told_fit(replay.fit_demand(stores, replicates, lived, workers), lang.value)
    if part is EvidencePart.LABORATORY and not as_json:
        _told_identification(lang.value)
    if folder is not None:
        terminal.say(f"record {folder}")


_MIXTURE = {
    "selfish_share": {"en": "share of the selfish", "zh": "完全利己者占比"},
    "scale": {"en": "altruism of the others, mean", "zh": "其余医生的平均利他权重"},
    "log_sd": {"en": "altruism of the others, sd of ln", "zh": "其余医生利他权重的对数标准差"},
    "precision": {"en": "precision of choice", "zh": "选择精度"},
}
_VERDICTS = {
    "identified": {"en": "identified", "zh": "可以识别"},
    "bounded above": {"en": "bounded above only", "zh": "只有上界"},
    "bounded below": {"en": "bounded below only", "zh": "只有下界"},
    "not identified": {"en": "not identified", "zh": "不能识别"},
}


def _told_profiles(found: Sequence[Profile], title: str, lang: str) -> None:
    """Show what data tell of a mixture."""
    heads = {
        "en": ["number of the mixture", "low", "best", "high", "verdict"],
        "zh": ["混合分布的参数", "下限", "最优", "上限", "结论"],
    }[lang]
    rows = [
        [
            _MIXTURE[one.name][lang],
            *(terminal.number(x, 3) for x in (one.low, one.best, one.high)),
            _VERDICTS[one.verdict][lang],
        ]
        for one in found
    ]
    terminal.table(title, heads, rows, numbers=(1, 2, 3))


def _told_identification(lang: str) -> None:
    """Say which mixtures the published means leave open, and what would tell them apart."""
    from experiments.evidence.laboratory import Mixture, read_experiment
    from experiments.evidence.mixture import (
        draw_choices,
        misfit_of_choices,
        misfit_of_means,
        profiles,
    )
    from experiments.evidence.replay import published_means

    experiment = read_experiment("hennig-schmidt-2011")
    means, tolerance = published_means()
    titles = {
        "en": (
            "What the two published means tell",
            "What single choices of 42 physicians would tell (drawn from a known mixture)",
        ),
        "zh": ("两个公布的均值能说明什么", "42名医生的逐个选择能说明什么（由已知混合分布抽取）"),
    }[lang]
    _told_profiles(profiles(misfit_of_means(experiment, means, tolerance)), titles[0], lang)
    drawn = draw_choices(
        experiment, Mixture(precision=2.0), {"fee_for_service": 20, "capitation": 22}, 7
    )
    _told_profiles(profiles(misfit_of_choices(experiment, drawn)), titles[1], lang)


def _told_experiment(name: str, choices: Path | None, lang: str, as_json: bool) -> None:
    """Answer an experiment of a user's own, and explain choices if there are any."""
    from dataclasses import asdict

    from experiments.evidence.laboratory import Mixture, mean_quantity, read_experiment
    from experiments.evidence.mixture import misfit_of_choices, profiles, read_choices

    experiment = read_experiment(name)
    known = None if choices is None else read_choices(choices, experiment)
    found = [] if known is None else profiles(misfit_of_choices(experiment, known))
    rows = [
        {
            "payment": payment,
            "illness": illness,
            "type": kind,
            "quantity": float(mean[i, k]),
        }
        for payment in experiment.payments
        for mean in (mean_quantity(experiment, payment, Mixture()),)
        for i, illness in enumerate(experiment.illnesses)
        for k, kind in enumerate(experiment.types)
    ]
    if as_json:
        terminal.write_json({"quantities": rows, "profiles": [asdict(one) for one in found]})
        return
    heads = {
        "en": ["payment", "illness", "type", "mean services"],
        "zh": ["支付方式", "病种", "患者类型", "平均服务量"],
    }[lang]
    terminal.table(
        experiment.form.title.model_dump()[lang],
        heads,
        [
            [str(r["payment"]), str(r["illness"]), str(r["type"]), f"{r['quantity']:.3f}"]
            for r in rows
        ],
        numbers=(3,),
    )
    if found:
        _told_profiles(found, "", lang)


_MEASURES = {
    "any_use": {"en": "any use", "zh": "全年就医比例"},
    "visits": {"en": "visits", "zh": "人均门诊"},
    "any_admission": {"en": "any admission", "zh": "全年住院比例"},
    "outpatient": {"en": "outpatient, USD", "zh": "门诊费用（美元）"},
    "inpatient": {"en": "inpatient, USD", "zh": "住院费用（美元）"},
    "total": {"en": "total, USD", "zh": "总费用（美元）"},
    "charge_per_visit": {"en": "charge per visit, USD", "zh": "次均门诊费用（美元）"},
    "charge_per_stay": {"en": "charge per stay, USD", "zh": "次均住院费用（美元）"},
}
_PLANS = {
    "free": {"en": "free", "zh": "免费"},
    "coins25": {"en": "25 %", "zh": "自付25%"},
    "coins95": {"en": "95 %", "zh": "自付95%"},
}


def _told_plans(means: Mapping[str, Mapping[str, float]], lang: str) -> None:
    """Show every measure by plan: contacts first, then what one contact costs."""
    from experiments.evidence.record import decimals

    heads = ["", *(_PLANS[plan][lang] for plan in means)]
    rows = [
        [
            label[lang],
            *(terminal.number(means[plan][name], decimals(means[plan][name])) for plan in means),
        ]
        for name, label in _MEASURES.items()
    ]
    terminal.table("", heads, rows, numbers=(1, 2, 3))


def _told_fit(found: Sequence[tuple[Mapping[str, float], float]], lang: str) -> None:
    """Show how far each point of the grid is from the published ratios."""
    heads = [*found[0][0], {"en": "misfit", "zh": "偏差"}[lang]]
    rows = [
        [*(terminal.number(x, 3) for x in point.values()), terminal.number(miss, 1)]
        for point, miss in found
    ]
    terminal.table("", heads, rows, numbers=tuple(range(len(heads))))
