"""Runs: one scenario, its replicates, and arms compared under the same people and luck.

Knows how a scenario becomes a world, how runs are spread over processes, and how their histories
become tables; must not know what a contract pays, how people behave or how results are shown.

Arms share their seeds: replicate r of every arm is the same people living the same lives except
for what the policy changes, so that differences are paired. Parallelism is across runs, never
inside one.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from sim.errors import PayshiftError, RunError, ScenarioError
from sim.outcomes import ProviderTraits, evaluate, evaluate_monthly
from sim.record import (
    RECORD_SCHEMA,
    STATUS_QUO,
    Comparison,
    Record,
    code_version,
    column_of,
    content_key,
    empty_table,
    typed_table,
)
from sim.scenario import Scenario, library_root
from sim.tallies import Float64, History, Lever
from sim.tallies import ProviderTally as V

if TYPE_CHECKING:
    import pandas as pd

    from sim.engine.setting import Setting
    from sim.margins.break_even import Point
    from sim.margins.direction import Direction
    from sim.margins.rows import Margin
    from sim.margins.view import View
    from sim.margins.weak_spots import Spot
    from sim.region import Region
    from sim.world import World

__all__ = [
    "ENGINES",
    "KEEP",
    "Examination",
    "Lived",
    "Plan",
    "Progress",
    "RunTask",
    "assembled",
    "compare",
    "comparison_plan",
    "done_of",
    "examine",
    "hidden_main",
    "incentive_means",
    "live_alone",
    "provider_traits",
    "reform_months",
    "run",
    "run_task",
    "seed_of",
    "simulate_scenario",
    "single_plan",
    "tables_of",
    "world_of",
    "xray",
]

ENGINES = ("columnar", "agents")
KEEP = ("claims", "people")
Progress: TypeAlias = Callable[[int, int], None]
_MOST_REPLICATES = 10_000
_MOST_SEED = 2**31 - 1
_TRIES = 3
_FEN = 0.01
_MILLI = 1000.0
_KINDS = ("practice", "secondary", "tertiary")
_XRAY_PEOPLE = 5_000


def seed_of(seed: int, replicate: int) -> int:
    """Give the seed of a replicate: the scenario's own first, then hashes of it.

    Hashing keeps the replicates of neighboring seeds apart.
    """
    if replicate == 0:
        return seed
    digest = hashlib.sha256(f"{seed}:{replicate}".encode()).digest()
    return int.from_bytes(digest[:8], "little") % _MOST_SEED


@dataclass(frozen=True)
class RunTask:
    """One run to be done: an arm and a replicate, all a worker process needs.

    Attributes
    ----------
    arm : str
        Id of the arm.
    replicate : int
        Counted from 0.
    seed : int
        Shared by the arms of a replicate.
    scenario : Scenario
    engine : str
        One of :data:`ENGINES`.
    keep : frozenset of str
        Large tables to keep, of :data:`KEEP`.
    with_ledger : bool
        Keep the ledger and accounts of this run.
    inputs : mapping of str to str
        SHA-256 of the region's tables when the runs were set up; empty checks nothing.
    """

    arm: str
    replicate: int
    seed: int
    scenario: Scenario
    engine: str = "columnar"
    keep: frozenset[str] = frozenset()
    with_ledger: bool = True
    inputs: Mapping[str, str] = field(default_factory=dict)


class Lived(NamedTuple):
    """The months of one run, and what must be known of its providers to read them."""

    history: History
    traits: ProviderTraits
    setting: Setting | None = None


@dataclass(frozen=True)
class _Done:
    """What comes back from a worker: tables, a fingerprint of the months before, the time."""

    tables: dict[str, pa.Table] = field(repr=False)
    before_sha: str
    seconds: float


def provider_traits(region: Region) -> ProviderTraits:
    """Tell outcomes what they must know of a region's providers, payers and values."""
    providers, groups = region.providers, region.groups
    kind = np.asarray(providers.kind, dtype=np.int64)

    def number(name: str) -> float:
        row = region.parameters.get(name) or region.constants.get(name)
        return math.nan if row is None else float(row.value)

    return ProviderTraits(
        kind=kind,
        is_outside=np.asarray(providers.outside, dtype=np.bool_),
        is_township=np.asarray((kind == 0) & (np.asarray(providers.beds) > 0.0)),
        payers=tuple(region.payers),
        ids=tuple(providers.ids),
        weights=np.asarray(groups.weight[:, np.newaxis] * groups.weight_level),
        value_of_qaly=number("value_of_qaly"),
        value_of_hour=number("value_of_hour"),
        administration=number("administration_share"),
    )


def simulate_scenario(task: RunTask, on_month: Callable[[int], None] | None = None) -> Lived:
    """Live through a scenario's months once, with either engine."""
    # The engines compile on import and the agent engine loads Mesa: only a worker pays for it.
    world = world_of(task)
    if task.engine == "agents":
        from sim.model import HealthSystem

        history = HealthSystem(world).run(on_month)
    else:
        from sim.month import simulate

        history = simulate(world, on_month)
    return Lived(history, provider_traits(task.scenario.region()), world.setting)


def world_of(task: RunTask) -> World:
    """Build the world that a run starts from, before its first month."""
    from sim.month import build_world
    from sim.region import AdjustmentRule

    scenario = task.scenario
    horizon = scenario.horizon
    # The month asks for any object with a policy's attributes.
    before: Any = scenario.before
    after: Any = scenario.after
    return build_world(
        scenario.region(),
        before,
        after,
        months_before=horizon.start,
        months=horizon.months,
        warm_up=horizon.warm_up,
        seed=task.seed,
        population=scenario.population,
        parameters=scenario.parameters,
        freeze=frozenset(scenario.freeze),
        claims="claims" in task.keep,
        adjustment=AdjustmentRule(**scenario.adjustment),
    )


Simulate: TypeAlias = Callable[[RunTask, Callable[[int], None] | None], Lived]


# --- histories to tables ----------------------------------------------------------------------


def reform_months(scenario: Scenario) -> slice:
    """Months that are reported: the reform's, or all after the warm-up where there is none."""
    horizon = scenario.horizon
    start = horizon.start if horizon.reform else horizon.warm_up
    return slice(start if start < horizon.months else 0, horizon.months)


def _before_months(scenario: Scenario) -> slice:
    """Baseline months, or the warm-up where there is no baseline."""
    horizon = scenario.horizon
    return slice(horizon.warm_up if horizon.baseline else 0, horizon.start)


def _summary(task: RunTask, name: str, found: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    rows = [(o, g, m.value) for o, groups in found.items() for g, m in groups.items()]
    return typed_table(
        name,
        {
            "arm": [task.arm] * len(rows),
            "replicate": [task.replicate] * len(rows),
            "outcome": [row[0] for row in rows],
            "group": [row[1] for row in rows],
            "value": np.array([row[2] for row in rows], dtype=np.float64),
        },
    )


def _missing(task: RunTask, found: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    rows = [
        (outcome, group, measured.reason or "not a number")
        for outcome, groups in found.items()
        for group, measured in groups.items()
        if math.isnan(measured.value)
    ]
    return typed_table(
        "missing",
        {
            "arm": [task.arm] * len(rows),
            "replicate": [task.replicate] * len(rows),
            "outcome": [row[0] for row in rows],
            "group": [row[1] for row in rows],
            "reason": [row[2] for row in rows],
        },
    )


def _repeated(words: Sequence[str], times: int, each: bool) -> pa.DictionaryArray:
    """Repeat words as a dictionary column, each many times in a row or all of them in turn."""
    index = np.arange(len(words), dtype=np.int32)
    codes = np.repeat(index, times) if each else np.tile(index, times)
    return pa.DictionaryArray.from_arrays(column_of(codes), column_of(list(words)))


def _monthly(task: RunTask, history: History, traits: ProviderTraits) -> pa.Table:
    found = evaluate_monthly(history, traits)
    series = [(o, g, values) for o, groups in found.items() for g, values in groups.items()]
    n_months = history.person.shape[0]
    n = len(series) * n_months
    outcomes = list(dict.fromkeys(row[0] for row in series))
    groups = list(dict.fromkeys(row[1] for row in series))
    outcome_codes = np.array([outcomes.index(row[0]) for row in series], dtype=np.int32)
    group_codes = np.array([groups.index(row[1]) for row in series], dtype=np.int32)
    return typed_table(
        "monthly",
        {
            "arm": _repeated([task.arm], n, each=True),
            "replicate": np.full(n, task.replicate, dtype=np.int32),
            "month": np.tile(np.arange(n_months, dtype=np.int32), len(series)),
            "outcome": pa.DictionaryArray.from_arrays(
                column_of(np.repeat(outcome_codes, n_months)), column_of(outcomes)
            ),
            "group": pa.DictionaryArray.from_arrays(
                column_of(np.repeat(group_codes, n_months)), column_of(groups)
            ),
            "value": np.concatenate([row[2] for row in series]) if series else np.zeros(0),
        },
    )


def _per_provider(
    history: History, months: slice, currency: str
) -> Iterator[tuple[str, str, np.ndarray[Any, np.dtype[np.float64]]]]:
    """List what is reported of every provider: name, unit, value, shape (n,)."""
    done = history.provider[months].sum(axis=(0, 2)).astype(np.float64)
    years = history.provider[months].shape[0] / 12.0

    def total(table: np.ndarray[Any, np.dtype[np.int64]]) -> Any:
        chosen = table[months]
        return chosen.sum(axis=0 if chosen.ndim == 2 else (0, 2)).astype(np.float64)

    def ratio(above: Any, below: Any) -> Any:
        return np.divide(above, below, out=np.full(done.shape[0], np.nan), where=below != 0.0)

    contract = total(history.receipts) * _FEN
    uncovered = (done[:, V.UNCOVERED_OUT] + done[:, V.UNCOVERED_IN]) * _FEN
    grants = total(history.grants) * _FEN
    lost = (total(history.clawback) + total(history.fine)) * _FEN
    variable = (done[:, V.COST_OUT] + done[:, V.COST_IN]) * _FEN
    fixed = total(history.fixed_cost) * _FEN
    revenue = contract + uncovered + grants - lost
    yearly = f"{currency}/year"
    yield "revenue", yearly, revenue / years
    yield "margin", yearly, (revenue - variable - fixed) / years
    yield "contract_receipts", yearly, contract / years
    yield "fund_paid", yearly, total(history.fund_paid) * _FEN / years
    patients = done[:, V.PATIENT_OUT] + done[:, V.PATIENT_IN]
    yield "patient_covered", yearly, patients * _FEN / years
    yield "patient_uncovered", yearly, uncovered / years
    yield "medical_assistance", yearly, done[:, V.AID] * _FEN / years
    yield "grants", yearly, grants / years
    yield "variable_cost", yearly, variable / years
    yield "fixed_cost", yearly, fixed / years
    yield "clawback", yearly, lost / years
    charges = done[:, V.CHARGE_OUT] + done[:, V.CHARGE_IN]
    yield "charges", yearly, charges * _FEN / years
    for name, column in (
        ("visits", V.VISITS),
        ("admissions", V.ADMISSIONS),
        ("bed_days", V.BED_DAYS),
        ("referred_up", V.REFERRED_UP),
        ("referred_down", V.REFERRED_DOWN),
        ("transferred", V.TRANSFERRED),
        ("refused", V.REFUSED),
        ("deferred", V.DEFERRED),
    ):
        yield name, "per year", done[:, column] / years
    yield "length_of_stay", "days", ratio(done[:, V.BED_DAYS], done[:, V.ADMISSIONS])
    yield "upcoded_share", "share", ratio(done[:, V.UPCODED], done[:, V.ADMISSIONS])
    yield (
        "severity",
        "relative weight",
        ratio(done[:, V.SEVERITY] / _MILLI, done[:, V.ADMISSIONS]),
    )
    levers = history.levers[months]
    for lever in Lever:
        unit = currency if lever is Lever.BED_PRICE else "level"
        yield f"lever_{lever.name.lower()}", unit, levers[:, :, lever].mean(axis=0)


def _providers(task: RunTask, history: History, traits: ProviderTraits, months: slice) -> pa.Table:
    region = task.scenario.region().providers
    n = traits.kind.size
    measures = list(_per_provider(history, months, task.scenario.region().currency))
    kinds = [_KINDS[kind] for kind in traits.kind]
    times = len(measures)
    return typed_table(
        "providers",
        {
            "arm": _repeated([task.arm], n * times, each=True),
            "replicate": np.full(n * times, task.replicate, dtype=np.int32),
            "provider": list(traits.ids) * times,
            "kind": kinds * times,
            "name_en": list(region.names_en) * times,
            "name_zh": list(region.names_zh) * times,
            "outcome": [name for name, _, _ in measures for _ in range(n)],
            "unit": [unit for _, unit, _ in measures for _ in range(n)],
            "value": np.concatenate([values for _, _, values in measures]),
        },
    )


def _margins(lived: Lived, year: int) -> Iterator[Margin]:
    """List what one more of everything brought over the months of an accounting year.

    A visit and a stay are those of the provider's own mix in the twelve months before.
    """
    from sim.margins.rows import Ground, margins

    history, setting = lived.history, lived.setting
    if setting is None:
        return
    mix = slice(max(0, 12 * (year - 1)), max(12, 12 * year))
    growth = setting.region.drift.price_growth * setting.values["drift_scale"]
    ground = Ground(
        setting=setting,
        technology=(1.0 + growth) ** max(year - 1, 0),
        done=history.provider[mix].sum(axis=0).astype(np.float64),
        billed=history.billed[mix].sum(axis=0).astype(np.float64),
        days=history.days[mix].sum(axis=0).astype(np.float64),
        marginal={name: values[year] for name, values in history.marginal.items()},
    )
    yield from margins(ground)


def _incentives(task: RunTask, lived: Lived) -> pa.Table:
    """Put what one more of everything brought into rows: year, provider, payer, activity."""
    traits = lived.traits
    activities: dict[str, int] = {}
    units: dict[str, int] = {}
    numbers: dict[str, list[np.ndarray[Any, np.dtype[Any]]]] = {}
    years = min((values.shape[0] for values in lived.history.marginal.values()), default=0)
    for year in range(years):
        for margin in _margins(lived, year):
            known = np.isfinite(margin.receipts) & (margin.volume > 0.0)
            rows, payers = np.nonzero(known)
            named = activities.setdefault(margin.activity, len(activities))
            counted = units.setdefault(margin.unit, len(units))
            for column, values in (
                ("year", np.full(rows.size, year)),
                ("provider", rows),
                ("kind", traits.kind[rows]),
                ("payer", payers),
                ("activity", np.full(rows.size, named)),
                ("unit", np.full(rows.size, counted)),
                ("marginal_receipts", margin.receipts[known]),
                ("marginal_cost", margin.cost[known]),
                ("volume", margin.volume[known]),
            ):
                numbers.setdefault(column, []).append(values)
    if not numbers:
        return empty_table("incentives")
    columns: dict[str, Any] = {name: np.concatenate(parts) for name, parts in numbers.items()}
    for column, words in (
        ("provider", traits.ids),
        ("kind", _KINDS),
        ("payer", traits.payers),
        ("activity", tuple(activities)),
        ("unit", tuple(units)),
    ):
        columns[column] = pa.DictionaryArray.from_arrays(
            column_of(columns[column].astype(np.int32)), column_of(list(words))
        )
    n = len(columns["year"])
    keys = {
        "arm": _repeated([task.arm], n, each=True),
        "replicate": np.full(n, task.replicate, dtype=np.int32),
    }
    return typed_table("incentives", {**keys, **columns})


def _flat_columns(part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give a column per component where one holds several: ``units_milli_0`` to ``_3``."""
    for name, values in part.items():
        if getattr(values, "ndim", 1) == 2:
            for index in range(values.shape[1]):
                yield f"{name}_{index}", np.ascontiguousarray(values[:, index])
        else:
            yield name, values


def _as_kept(
    task: RunTask, name: str, parts: Sequence[Mapping[str, Any]], numbered: str = ""
) -> pa.Table:
    """Take columns that a run hands over as they are, with arm and replicate in front."""
    tables = []
    for index, part in enumerate(parts):
        n = len(next(iter(part.values()))) if part else 0
        extra = {numbered: np.full(n, index, dtype=np.int32)} if numbered else {}
        tables.append(
            typed_table(
                name,
                {
                    "arm": _repeated([task.arm], n, each=True),
                    "replicate": np.full(n, task.replicate, dtype=np.int32),
                    **extra,
                    **dict(_flat_columns(part)),
                },
            )
        )
    return pa.concat_tables(tables).unify_dictionaries() if tables else empty_table(name)


def tables_of(task: RunTask, lived: Lived) -> dict[str, pa.Table]:
    """Turn a run's history into its result tables; see `sim.record.TABLES`."""
    history, traits = lived.history, lived.traits
    after = reform_months(task.scenario)
    found = evaluate(history, traits, after)
    tables = {
        "summary": _summary(task, "summary", found),
        "missing": _missing(task, found),
        "before": _summary(
            task, "before", evaluate(history, traits, _before_months(task.scenario))
        ),
        "monthly": _monthly(task, history, traits),
        "providers": _providers(task, history, traits, after),
        "incentives": _incentives(task, lived),
    }
    if task.with_ledger:
        for name, columns in (("ledger", history.ledger), ("accounts", history.accounts)):
            tables[name] = _as_kept(task, name, [columns] if columns else [])
    if "claims" in task.keep and history.claims is not None:
        tables["claims"] = _as_kept(task, "claims", [history.claims])
    if "people" in task.keep:
        tables["people"] = _as_kept(task, "people", history.people, "year")
    return tables


def _before_sha(history: History, months: int) -> str:
    """Fingerprint the months before the reform, equal in every arm of a replicate."""
    digest = hashlib.sha256()
    for name in (
        "provider",
        "person",
        "billed",
        "true_level",
        "days",
        "visits_by_group",
        "receipts",
        "fund_paid",
        "grants",
        "fixed_cost",
        "clawback",
        "fine",
        "fund_balance",
        "premiums",
        "levers",
    ):
        digest.update(np.ascontiguousarray(getattr(history, name)[:months]).tobytes())
    return digest.hexdigest()


def run_task(
    task: RunTask,
    on_month: Callable[[int], None] | None = None,
    simulate: Simulate = simulate_scenario,
) -> _Done:
    """Do one run and turn it into tables; the function that worker processes call."""
    started = time.perf_counter()
    if task.inputs and task.scenario.table_hashes() != task.inputs:
        # Arms that read different tables would not be twins before the reform.
        raise RunError(
            "a table of the region was changed while runs were going on",
            where=f"arm {task.arm}, seed {task.seed}",
            remedy="Run again.",
        )
    try:
        lived = simulate(task, on_month)
        tables = tables_of(task, lived)
    except PayshiftError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, MemoryError) as reason:
        raise RunError(
            f"the run failed ({type(reason).__name__}: {reason})",
            where=f"arm {task.arm}, seed {task.seed}",
            remedy="Please report it with the scenario file and the seed.",
        ) from reason
    return _Done(
        tables,
        _before_sha(lived.history, task.scenario.horizon.start),
        time.perf_counter() - started,
    )


# --- processes --------------------------------------------------------------------------------


def _cores() -> int:
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return max(1, os.cpu_count() or 1)


def _worker_start() -> None:
    """Leave Ctrl-C to the parent, and keep compiled code from taking more than its core."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def hidden_main() -> Iterator[None]:
    """Start workers without running the user's own script again in each of them.

    A spawned process imports the parent's main module; a script that calls `compare` without
    a guard would start over. Our tasks need nothing from it.
    """
    main = sys.modules.get("__main__")
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        if main is not None:
            sys.modules["__main__"] = main
        else:
            del sys.modules["__main__"]


def _new_pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_worker_start,
    )


def _stop(pool: ProcessPoolExecutor) -> None:
    """Give up on a pool at once: nothing queued is started, running workers end."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def _run_in_processes(
    tasks: Sequence[RunTask], workers: int, on_done: Callable[[int, _Done], None]
) -> None:
    """Spread runs over processes; a worker that dies is replaced and its runs are done again."""
    waiting = dict(enumerate(tasks))
    for _ in range(_TRIES):
        pool = _new_pool(min(workers, len(waiting)))
        try:
            with hidden_main():
                futures: dict[Future[_Done], int] = {
                    pool.submit(run_task, task): index for index, task in waiting.items()
                }
            pending = set(futures)
            while pending:
                ready, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in ready:
                    index = futures[future]
                    on_done(index, future.result())
                    del waiting[index]
        except BrokenProcessPool:
            _stop(pool)
            continue
        except BaseException:
            _stop(pool)
            raise
        pool.shutdown()
        return
    lost = ", ".join(sorted({task.arm for task in waiting.values()}))
    raise RunError(
        f"worker processes ended {_TRIES} times before their runs did",
        where=f"arms {lost}",
        remedy="The machine may be out of memory: lower --population or --workers.",
    )


def _run_all(
    tasks: Sequence[RunTask],
    workers: int | None,
    progress: Progress | None,
    simulate: Simulate | None,
) -> list[_Done]:
    """Do all runs, here or in processes, and give their results in the order of the tasks."""
    months = [task.scenario.horizon.months for task in tasks]
    total, done = sum(months), 0
    results: list[_Done | None] = [None] * len(tasks)
    chosen = min(workers if workers is not None else _cores(), len(tasks))
    if progress is not None:
        progress(0, total)
    if chosen <= 1 or simulate is not None:
        for index, task in enumerate(tasks):

            def on_month(month: int, before: int = done) -> None:
                if progress is not None:
                    progress(min(before + month + 1, total), total)

            results[index] = run_task(task, on_month, simulate or simulate_scenario)
            done += months[index]
            if progress is not None:
                progress(done, total)
    else:

        def on_done(index: int, result: _Done) -> None:
            nonlocal done
            results[index] = result
            done += months[index]
            if progress is not None:
                progress(done, total)

        _run_in_processes(tasks, chosen, on_done)
    return [result for result in results if result is not None]


# --- records ----------------------------------------------------------------------------------


@cache
def _commit() -> str:
    """Give the commit of a checkout, or nothing for an installed package."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return ""
    try:
        found = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


@cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def versions() -> dict[str, str]:
    """Give the versions of what a result can depend on."""
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in ("payshift", "numpy", "numba", "pyarrow", "pandas")},
    }


@dataclass(frozen=True)
class Plan:
    """What a run or a comparison will live through, and the key its record will have.

    Attributes
    ----------
    kind : type
        Record, or Comparison where arms are measured against the first.
    arms : mapping of str to Scenario
        By the names the record's tables use, in their order.
    seeds : tuple of int
        Seed of every replicate.
    engine, keep
        As in `run`.
    """

    kind: type[Record]
    arms: Mapping[str, Scenario]
    seeds: tuple[int, ...]
    engine: str = "columnar"
    keep: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """Give the kind as records write it."""
        return "comparison" if self.kind is Comparison else "run"

    @property
    def key(self) -> str:
        """Give the key of the record before anything is run."""
        first = next(iter(self.arms.values()))
        return content_key(
            {
                "kind": self.label,
                "arms": [[name, scenario.sha256()] for name, scenario in self.arms.items()],
                "seeds": list(self.seeds),
                "population": first.population,
                "engine": self.engine,
                "keep": sorted(self.keep),
                "code_version": code_version(library_root()),
            }
        )

    @property
    def tasks(self) -> list[RunTask]:
        """Give the runs, replicate by replicate, so that whole pairs are done early."""
        inputs = next(iter(self.arms.values())).table_hashes()
        return [
            RunTask(name, number, seed, scenario, self.engine, self.keep, number == 0, inputs)
            for number, seed in enumerate(self.seeds)
            for name, scenario in self.arms.items()
        ]

    def first(self, replicates: int) -> Plan:
        """Give the same plan with the first few seeds alone."""
        return replace(self, seeds=self.seeds[:replicates])


def _info(
    plan: Plan,
    results: Mapping[tuple[str, int], _Done],
    started: datetime,
    command: str,
) -> dict[str, Any]:
    """Say where results come from: what run.json holds."""
    first = next(iter(plan.arms.values()))
    residents = int(first.region().residents)
    described = [
        {
            "id": name,
            "scenario": scenario.id,
            "title": dict(scenario.title),
            "is_status_quo": scenario.is_status_quo,
            "scenario_sha": scenario.sha256(),
            "resolved": scenario.resolved(),
        }
        for name, scenario in plan.arms.items()
    ]
    horizon = first.horizon
    return {
        "record_schema": RECORD_SCHEMA,
        "kind": plan.label,
        "key": plan.key,
        "region": first.region_id,
        "currency": first.region().currency,
        "residents": residents,
        "population": first.population,
        "payers": list(first.region().payers),
        "horizon": {
            "warm_up": horizon.warm_up,
            "baseline": horizon.baseline,
            "reform": horizon.reform,
        },
        "seeds": list(plan.seeds),
        "engine": plan.engine,
        "keep": sorted(plan.keep),
        "arms": described,
        "input_tables": first.table_hashes(),
        "code_version": code_version(library_root()),
        "commit": _commit(),
        "versions": versions(),
        "command": command,
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": {f"{arm}:{r}": round(done.seconds, 3) for (arm, r), done in results.items()},
        "before_sha": {f"{arm}:{r}": done.before_sha for (arm, r), done in results.items()},
        "ledger_replicates": [0],
    }


def assembled(
    plan: Plan,
    results: Mapping[tuple[str, int], _Done],
    started: datetime,
    command: str = "",
) -> Record:
    """Put the tables of finished runs together, whoever did the runs and in whatever order.

    Parameters
    ----------
    plan : Plan
    results : mapping of (arm, replicate) to what `run_task` gave
        Every run of the plan.
    started : datetime
    command : str
        Command line to note in the record.
    """
    # Arm by arm, so that a table reads in the order of the arms.
    ordered = [results[arm, number] for arm in plan.arms for number in range(len(plan.seeds))]
    names = dict.fromkeys(name for done in ordered for name in done.tables)
    tables = {
        name: pa.concat_tables(
            [done.tables[name] for done in ordered if name in done.tables]
        ).unify_dictionaries()
        for name in names
    }
    return plan.kind(_info(plan, results, started, command), tables)


def _checked(
    scenarios: Sequence[Scenario], replicates: int, engine: str, keep: Iterable[str]
) -> frozenset[str]:
    if engine not in ENGINES:
        raise ScenarioError(
            "unknown engine", where="engine", value=engine, allowed=", ".join(ENGINES)
        )
    if isinstance(replicates, bool) or not 1 <= replicates <= _MOST_REPLICATES:
        raise ScenarioError(
            "not a number of replicates",
            where="replicates",
            value=replicates,
            allowed=f"1 to {_MOST_REPLICATES}",
        )
    wanted = frozenset(keep)
    if not wanted <= set(KEEP):
        raise ScenarioError(
            "unknown table to keep",
            where="keep",
            value=", ".join(sorted(wanted - set(KEEP))),
            allowed=", ".join(KEEP),
        )
    for scenario in scenarios:
        if not isinstance(scenario, Scenario):
            raise ScenarioError(
                "not a scenario",
                where="scenario",
                value=type(scenario).__name__,
                allowed="what sim.load gives",
            )
    return wanted


def _gather(
    plan: Plan,
    workers: int | None,
    progress: Progress | None,
    simulate: Simulate | None,
    command: str,
) -> Record:
    """Run every arm and replicate and put the tables together."""
    started = datetime.now(UTC)
    tasks = plan.tasks
    results = dict(
        zip(
            [(task.arm, task.replicate) for task in tasks],
            _run_all(tasks, workers, progress, simulate),
            strict=True,
        )
    )
    return assembled(plan, results, started, command)


def _seeds(seed: int, replicates: int) -> tuple[int, ...]:
    return tuple(seed_of(seed, number) for number in range(replicates))


def run(
    scenario: Scenario,
    *,
    seed: int | None = None,
    engine: str = "columnar",
    replicates: int = 1,
    keep: Iterable[str] = (),
    workers: int | None = None,
    progress: Progress | None = None,
    simulate: Simulate | None = None,
    command: str = "",
) -> Record:
    """Run one scenario, once or with several seeds.

    Parameters
    ----------
    scenario : Scenario
        What `sim.load` gives.
    seed : int, optional
        Seed of the first replicate; the scenario's own by default.
    engine : {'columnar', 'agents'}
        Both give the same numbers; agents are for reading, teaching and testing.
    replicates : int
        Number of seeds.
    keep : iterable of {'claims', 'people'}
        Large tables to keep.
    workers : int, optional
        Processes; the number of cores by default, 1 runs here.
    progress : function of (done, total), optional
        Called with months lived through, over all runs.
    simulate : function, optional
        What lives through the months, for tests; runs here.
    command : str
        Command line to note in the record.

    Returns
    -------
    Record
        Not yet on disk; see `Record.save`.

    Raises
    ------
    ScenarioError
        For an unknown engine or a bad number of replicates.
    RunError
        If the run could not be finished.
    """
    wanted = _checked([scenario], replicates, engine, keep)
    if seed is not None:
        scenario = scenario.with_seed(seed)
    plan = Plan(Record, {scenario.id: scenario}, _seeds(scenario.seed, replicates), engine, wanted)
    return _gather(plan, workers, progress, simulate, command)


def arms_of(scenarios: Sequence[Scenario], status_quo: bool) -> dict[str, Scenario]:
    """Name the arms, the region's status quo first unless it is left out."""
    first = scenarios[0]
    for other in scenarios[1:]:
        for what in ("region_id", "horizon", "population", "parameters", "freeze"):
            mine, theirs = getattr(first, what), getattr(other, what)
            if mine != theirs:
                label = what.removesuffix("_id")
                raise ScenarioError(
                    f"arms that are compared need the same {label}",
                    where=f"{other.id}: {label}",
                    value=theirs,
                    allowed=f"{mine}, as in {first.id}",
                    remedy="Set it for all arms, for instance with --set or --population.",
                )
    arms: dict[str, Scenario] = {}
    rest = list(scenarios)
    if status_quo:
        standing = next((i for i, scenario in enumerate(rest) if scenario.is_status_quo), None)
        arms[STATUS_QUO] = first.status_quo() if standing is None else rest.pop(standing)
    for scenario in rest:
        name, number = scenario.id, 2
        while name in arms:
            name, number = f"{scenario.id}-{number}", number + 1
        arms[name] = scenario
    if len(arms) < 2:
        raise ScenarioError(
            "nothing to compare",
            where="compare",
            value=", ".join(arms),
            allowed="two arms or more",
            remedy="Name a reform beside the status quo.",
        )
    return arms


def comparison_plan(
    scenarios: Sequence[Scenario],
    *,
    replicates: int = 10,
    seed: int | None = None,
    engine: str = "columnar",
    status_quo: bool = True,
    keep: Iterable[str] = (),
) -> Plan:
    """Tell what a comparison will run, without running it; parameters as in `compare`.

    Raises
    ------
    ScenarioError
        If the arms do not share region, horizon, population or parameters.
    """
    chosen = list(scenarios)
    if not chosen:
        raise ScenarioError("nothing to compare", where="compare", allowed="one scenario or more")
    wanted = _checked(chosen, replicates, engine, keep)
    start = chosen[0].seed if seed is None else seed
    arms = {
        name: scenario.with_seed(start) for name, scenario in arms_of(chosen, status_quo).items()
    }
    return Plan(Comparison, arms, _seeds(start, replicates), engine, wanted)


def single_plan(task: RunTask) -> Plan:
    """Give the plan of one run of a comparison standing alone: the same as ``payshift run``."""
    scenario = task.scenario.with_seed(task.seed)
    return Plan(Record, {scenario.id: scenario}, (task.seed,), task.engine, task.keep)


def live_alone(
    task: RunTask,
    on_month: Callable[[int], None] | None = None,
    simulate: Simulate = simulate_scenario,
) -> Record:
    """Do one run of a comparison as a record of its own, to be shared by all who ask for it.

    Parameters
    ----------
    task : RunTask
    on_month : callable, optional
        Told the number of months done, after each.
    simulate : function
        What lives through the months.
    """
    plan = single_plan(task)
    started = datetime.now(UTC)
    (alone,) = plan.tasks
    done = run_task(alone, on_month, simulate)
    command = f"payshift run {alone.scenario.id} --seed {alone.seed}"
    return assembled(plan, {(alone.arm, 0): done}, started, command)


def done_of(record: Record, task: RunTask) -> _Done:
    """Take a run's own record for the part it plays in a comparison: arm and replicate."""
    tables = {}
    for name, table in record.tables.items():
        if name in ("ledger", "accounts") and not task.with_ledger:
            continue
        n = table.num_rows
        columns = {column: table[column] for column in table.column_names}
        columns["arm"] = _repeated([task.arm], n, each=True)
        columns["replicate"] = np.full(n, task.replicate, dtype=np.int32)
        tables[name] = typed_table(name, columns)
    (before,) = record.info["before_sha"].values()
    (seconds,) = record.info["seconds"].values()
    return _Done(tables, str(before), float(seconds))


def compare(
    scenarios: Sequence[Scenario],
    *,
    replicates: int = 10,
    seed: int | None = None,
    engine: str = "columnar",
    status_quo: bool = True,
    keep: Iterable[str] = (),
    workers: int | None = None,
    progress: Progress | None = None,
    simulate: Simulate | None = None,
    command: str = "",
) -> Comparison:
    """Compare reforms of one region under the same people and luck.

    Parameters
    ----------
    scenarios : sequence of Scenario
        Arms with the same region, horizon, population and parameters.
    replicates : int
        Seeds; the intervals of differences need at least two.
    seed : int, optional
        Seed of the first replicate; the first scenario's own by default.
    status_quo : bool
        Put the region's policy of today first; else the first scenario is the yardstick.
    engine, keep, workers, progress, simulate, command
        As in `run`.

    Returns
    -------
    Comparison
        Not yet on disk; `Comparison.differences` gives paired differences with intervals.

    Raises
    ------
    ScenarioError
        If the arms do not share region, horizon, population or parameters.
    RunError
        If a run could not be finished.
    """
    plan = comparison_plan(
        scenarios,
        replicates=replicates,
        seed=seed,
        engine=engine,
        status_quo=status_quo,
        keep=keep,
    )
    record = _gather(plan, workers, progress, simulate, command)
    assert isinstance(record, Comparison)
    return record


def incentive_means(incentives: pd.DataFrame) -> pd.DataFrame:
    """Mean margins by arm, kind of provider, payer and activity, weighted by volume.

    Parameters
    ----------
    incentives : DataFrame
        Rows of a record's table of that name.

    Returns
    -------
    DataFrame
        Columns ``arm, kind, payer, activity, unit, marginal_receipts, marginal_cost``.
    """
    keys = ["arm", "kind", "payer", "activity", "unit"]
    amounts = ["marginal_receipts", "marginal_cost"]
    weighted = incentives[keys].copy()
    for amount in amounts:
        weighted[amount] = incentives[amount] * incentives["volume"]
    weighted["volume"] = incentives["volume"]
    total = weighted.groupby(keys, sort=False).sum(min_count=1)
    for amount in amounts:
        total[amount] = total[amount] / total["volume"]
    return total[amounts].reset_index()


@dataclass(frozen=True)
class Examination:
    """What a policy's incentives look like on its eve, before any month of it is lived.

    Attributes
    ----------
    scenario : Scenario
        As examined; of at most a few thousand people.
    rows : DataFrame
        What one more of everything brings; see :func:`xray`.
    points, points_before : list of Point
        Where incentives turn, under the policy and under the status quo.
    spots, spots_before : list of Spot
        What is paid wrongly, the most money first.
    directions : list of Direction
        Which way every channel of behavior should move against the status quo.
    """

    scenario: Scenario
    rows: pd.DataFrame
    points: list[Point]
    points_before: list[Point]
    spots: list[Spot]
    spots_before: list[Spot]
    directions: list[Direction]


def examine(scenario: Scenario, *, seed: int | None = None) -> Examination:
    """Put a policy's incentives under the X-ray.

    Parameters
    ----------
    scenario : Scenario
    seed : int, optional
        Seed of the people whose activity is used; the scenario's own by default.

    Notes
    -----
    The months before the reform are lived once. On its eve the terms of both policies are renewed
    for the same providers and people, and both are differentiated at that activity.
    """
    from sim.margins.break_even import points
    from sim.margins.direction import directions
    from sim.margins.view import eve_of, view_of
    from sim.margins.weak_spots import weak_spots

    chosen = scenario if seed is None else scenario.with_seed(seed)
    if chosen.population > _XRAY_PEOPLE:
        chosen = chosen.with_population(_XRAY_PEOPLE)
    eve = eve_of(chosen)
    before, after = view_of(eve, chosen.before), view_of(eve, chosen.after)
    return Examination(
        chosen,
        _xray_rows(before, after),
        points(after),
        points(before),
        weak_spots(after),
        weak_spots(before),
        directions(before, after),
    )


def xray(scenario: Scenario, *, seed: int | None = None) -> pd.DataFrame:
    """What one more of each activity brings every kind of provider in the reform's first year.

    No month of the reform is lived through: providers do what they did under the status quo, and
    both policies are differentiated at that activity.

    Parameters
    ----------
    scenario : Scenario
    seed : int, optional
        Seed of the people whose activity is used; the scenario's own by default.

    Returns
    -------
    DataFrame
        Columns ``id, kind, payer, activity, detail, unit, volume, cost, receipts_before,
        receipts_after, margin_before, margin_after, receipts_mid, receipts_end, margin_mid,
        margin_end, sign``: means over providers, currency per one more. Before is the status quo
        and after the scenario's policy, both at the start of the reform's first year; mid and end
        are the policy in the seventh and the last month of that year. Margins are receipts less
        cost, NaN where a cost is not defined; sign is that of the margin after, 0 within a
        hundredth of the money that moves. Volume is per year in the people simulated.
    """
    return examine(scenario, seed=seed).rows


def _xray_rows(before: View, after: View) -> pd.DataFrame:
    """Put the margins of two policies at three moments side by side."""
    import pandas as pd

    from sim.margins.rows import margins
    from sim.margins.view import MOMENTS

    region = after.world.region
    kinds = np.asarray(region.providers.kind)
    shown = {name: list(margins(after.ground(after.seen[m]))) for name, m in MOMENTS.items()}
    old = {m.activity: m for m in margins(before.ground(before.seen[0]))}
    rows: list[dict[str, Any]] = []
    for kind, kind_name in enumerate(_KINDS):
        at = np.flatnonzero(kinds == kind)
        for y, payer in enumerate(region.payers):
            for position, margin in enumerate(shown["start"]):
                weight = np.where(np.isfinite(margin.receipts), margin.weights, 0.0)[at, y]
                if not weight.sum() > 0.0:
                    continue

                def mean(values: Float64, w: Float64 = weight, at: Any = at, y: int = y) -> float:
                    return float((np.where(w > 0.0, values[at, y], 0.0) * w).sum() / w.sum())

                # Without bands of its own, the status quo pays every day alike.
                past = old.get(margin.activity, old["bed_day"])
                row: dict[str, Any] = {
                    "id": f"{kind_name}/{payer}/{margin.activity}",
                    "kind": kind_name,
                    "payer": payer,
                    "activity": margin.activity,
                    "detail": margin.detail[kind],
                    "unit": margin.unit,
                    "volume": float(np.where(weight > 0.0, margin.volume[at, y], 0.0).sum()),
                    "cost": mean(margin.cost),
                    "receipts_before": mean(past.receipts),
                    "receipts_after": mean(margin.receipts),
                    "margin_before": mean(past.receipts - past.cost),
                    "margin_after": mean(margin.receipts - margin.cost),
                }
                for name in ("mid", "end"):
                    later = shown[name][position]
                    row[f"receipts_{name}"] = mean(later.receipts)
                    row[f"margin_{name}"] = mean(later.receipts - later.cost)
                moved = abs(row["receipts_after"]) + abs(row["cost"])
                clear = abs(row["margin_after"]) > 0.01 * moved
                row["sign"] = int(np.sign(row["margin_after"])) if clear else 0
                rows.append(row)
    return pd.DataFrame(rows)
