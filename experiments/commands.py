"""Commands of the experiments: sweeps, their stores, and any row of them again.

Knows the words a user types; must not know how a sweep is executed or stored. Everything but the
terminal is imported inside the commands, so that help appears at once.
"""

from __future__ import annotations

import contextlib
import math
import signal
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim import terminal
from sim.errors import ScenarioError, StoreError

if TYPE_CHECKING:
    from experiments.sweep.design import Design
    from experiments.sweep.executors import Tally
    from experiments.sweep.files import Sweep
    from experiments.sweep.store import Store

__all__ = ["ends_in_order", "register", "told_progress"]

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


def _count(n: int, thing: str) -> str:
    """Write a number of things."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def _size(design: Design, runs: int, draws: int) -> str:
    """Say how many runs of what a design has."""
    parts = [_count(len(design.arms), "arm")]
    if design.factors:
        parts.append(f"{_count(draws, 'draw')} of {_count(len(design.factors), 'factor')}")
    n_counties = len(design.counties)
    if n_counties:
        parts.append(f"{n_counties:,} {'county' if n_counties == 1 else 'counties'}")
    times = design.replicates // max(n_counties, 1)
    if times > 1 or not n_counties:
        parts.append(_count(times, "replicate"))
    return f"{_count(runs, 'run')}: " + ", ".join(parts)


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
def told_progress() -> Iterator[Callable[[Tally], None]]:
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
def ends_in_order() -> Iterator[None]:
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
    what = _size(chosen.design, len(plan), len(plan.points))
    if advice := chosen.design.advice():
        terminal.say(advice)
    if dry:
        terminal.write(what)
        return
    terminal.say(what)
    terminal.say(f"store {path}")
    try:
        with ends_in_order(), told_progress() as progress:
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
    if not chosen.design.factors and part == (1, 1) and not as_json:
        terminal.say(f"added up, arm beside arm: payshift province {path}")


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
