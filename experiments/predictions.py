"""Do margins foretell behavior? Predicted directions against simulated shifts, over the library.

Run as ``python -m experiments.predictions``: for every scenario of the library and every channel of
behavior, the direction that the incentive X-ray predicts before any month of the policy is lived
(:mod:`sim.margins.direction`) is held against what providers then do, paired by person, month and
draw with the same region's status quo. The table goes into ``records/predictions``.

A cell is one scenario, one channel and one kind of provider. Where a change is predicted, the cell
agrees if the mean simulated shift over seeds has that sign; it is contradicted if the interval of
the shift lies wholly on the other side. Where none is predicted, the shift should be small, which
is counted apart. Thresholds are declared here and in the X-ray, before any run; disagreements are
listed, never tuned away.

Knows scenarios, views and histories; must not know how an effect comes about, nor any contract.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import t

from sim.margins.direction import CHANNELS, CLEAR, directions
from sim.margins.rows import KINDS
from sim.margins.view import eve_for, eve_of, view_of
from sim.month import World, finished_history, run_month
from sim.record import code_version
from sim.runner import seed_of
from sim.scenario import Scenario, library_ids, library_root, load
from sim.tallies import History, Lever
from sim.tallies import ProviderTally as V

__all__ = ["MEASURES", "NEGLIGIBLE", "Cell", "agreement", "cells", "measured", "policies"]

Float = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.intp]
Measure: TypeAlias = Callable[["Year", Rows], float]

NEGLIGIBLE: Final = 0.02
"""Largest shift that still counts as none, share of the status quo's value."""
MONTHS: Final = 12
"""Months of the reform that are lived: the year whose margins are read."""
FEWEST: Final = 30.0
"""Fewest events (contacts, stays) a measure is worked out from."""


@dataclass(frozen=True)
class Year:
    """The first year of one arm: tallies (n, payers) summed, levers (n) averaged."""

    done: Float
    levers: Float

    @classmethod
    def of(cls, history: History, start: int) -> Year:
        """Take the year from a history."""
        months = slice(start, start + MONTHS)
        done = history.provider[months].sum(axis=(0, 2)).astype(np.float64)
        return cls(done, history.levers[months].mean(axis=0))


def _ratio(above: float, below: float, least: float = FEWEST) -> float:
    return above / below if below >= least else math.nan


def _per(*above: V, below: Sequence[V], scale: float = 1.0) -> Measure:
    def measure(year: Year, rows: Rows) -> float:
        done = year.done[rows]
        return scale * _ratio(float(done[:, list(above)].sum()), float(done[:, list(below)].sum()))

    return measure


def _returns(year: Year, rows: Rows) -> float:
    done = year.done[rows].sum(axis=0)
    return _ratio(float(done[V.RETURN_VISITS]), float(done[V.VISITS] - done[V.RETURN_VISITS]))


def _accepted(year: Year, rows: Rows) -> float:
    """Give admissions agreed to over patients presented for a bed."""
    done = year.done[rows].sum(axis=0)
    agreed = float(done[V.ADMISSIONS] + done[V.NO_BED])
    turned = float(done[V.REFUSED] + done[V.DEFERRED] + done[V.TRANSFERRED])
    return _ratio(agreed, agreed + turned)


def _heavier(year: Year, rows: Rows) -> float:
    """Give the share of stays treated in a heavier mode than indicated, less that in a lighter."""
    done = year.done[rows].sum(axis=0)
    return _ratio(float(done[V.MODE_ABOVE] - done[V.MODE_BELOW]), float(done[V.ADMISSIONS]))


def _lever(lever: Lever, weight: V) -> Measure:
    def measure(year: Year, rows: Rows) -> float:
        weights = year.done[rows, weight]
        if weights.sum() < FEWEST:
            return math.nan
        return float(weights @ year.levers[rows, lever] / weights.sum())

    return measure


def _measures() -> Mapping[str, Measure]:
    found: dict[str, Measure] = {}
    for j, component in enumerate(("drugs", "diagnostics", "procedures", "labor")):
        found[f"intensity_{component}_out"] = _per(
            V(V.UNITS_OUT_0 + j), below=[V(V.NEED_OUT_0 + j)]
        )
        found[f"intensity_{component}_in"] = _per(V(V.UNITS_IN_0 + j), below=[V(V.NEED_IN_0 + j)])
    found["returns"] = _returns
    found["low_value"] = _per(V.LOW_VALUE, below=[V.VISITS])
    found["referral_up"] = _per(V.REFERRED_UP, below=[V.VISITS])
    found["admission"] = _accepted
    found["stay"] = _per(V.BED_DAYS, below=[V.NEED_DAYS], scale=1000.0)
    found["coding"] = _per(V.UPCODED, below=[V.ADMISSIONS])
    found["documentation"] = _lever(Lever.DOCUMENTATION, V.ADMISSIONS)
    found["prevention"] = _lever(Lever.PREVENTION, V.MEMBERS)
    found["quality"] = _lever(Lever.QUALITY_EFFORT, V.VISITS)
    found["cost"] = _lever(Lever.COST_EFFORT, V.VISITS)
    found["mode"] = _heavier
    found["splitting"] = _lever(Lever.SPLITTING, V.ADMISSIONS)
    found["uncovered"] = _lever(Lever.UNCOVERED, V.ADMISSIONS)
    found["documented_quality"] = _lever(Lever.DOCUMENTED, V.VISITS)
    found["recovery"] = _per(V.SENT_DOWN, below=[V.ADMISSIONS])
    found["discharge"] = _per(V.POST_ACUTE_DAYS, below=[V.DISCHARGES])
    found["observation"] = _per(V.OBSERVED, below=[V.OBSERVED, V.ADMISSIONS])
    return found


MEASURES: Final[Mapping[str, Measure]] = _measures()
"""What each channel of the X-ray is measured by in a simulation."""


@dataclass(frozen=True)
class Cell:
    """One scenario, channel and kind of provider.

    Attributes
    ----------
    scenario, channel, kind : str
    change : float
        Mean change of the net margin over list price, over seeds.
    predicted : int
        Its sign beyond the threshold, 0 for no change.
    base, shift, low, high : float
        Value under the status quo; mean paired shift with its 95 % interval over seeds.
    verdict : str
        ``agrees``, ``unclear`` (wrong sign, but the interval reaches zero), ``contradicted``;
        for predicted no change ``still`` or ``moves``.
    """

    scenario: str
    channel: str
    kind: str
    change: float
    predicted: int
    base: float
    shift: float
    low: float
    high: float
    verdict: str


def policies() -> list[str]:
    """List the library's scenarios that change a policy against their region's status quo."""
    return [name for name in library_ids() if not load(name).is_status_quo]


@dataclass(frozen=True)
class _Job:
    """One region's scenarios under one seed."""

    scenarios: tuple[str, ...]
    seed: int
    people: int


_Seen: TypeAlias = dict[tuple[str, str, str], tuple[float, float, float]]


def _first_year(eve: World, after: Any) -> Year:
    shared = (eve.setting, eve.before, eve.reference)
    twin = copy.deepcopy(eve, {id(thing): thing for thing in shared})
    twin.after = after
    start = twin.month
    while twin.month < start + MONTHS:
        run_month(twin)
    return Year.of(finished_history(twin), start)


def _sized(name: str, people: int) -> Scenario:
    return load(name).with_population(people)


def work(job: _Job) -> _Seen:
    """Predict and live one region's scenarios under one seed: change, base, shift by cell."""
    first = _sized(job.scenarios[0], job.people)
    eve = eve_of(first, job.seed)
    before = view_of(eve, first.before)
    base = _first_year(eve, first.before)
    kind = np.asarray(eve.region.providers.kind)
    found: _Seen = {}
    for name in job.scenarios:
        scenario = _sized(name, job.people)
        own = eve_for(eve, scenario, job.seed)
        told = directions(before, view_of(own, scenario.after))
        lived = _first_year(own, scenario.after)
        for one in told:
            measure = MEASURES.get(one.channel)
            if measure is None:
                continue
            rows = np.flatnonzero(kind == KINDS.index(one.kind))
            old, new = measure(base, rows), measure(lived, rows)
            found[name, one.channel, one.kind] = (one.after - one.before, old, new - old)
    return found


def _jobs(names: Sequence[str], seeds: int, people: int) -> list[_Job]:
    by_region: dict[str, list[str]] = {}
    for name in names:
        scenario = load(name)
        # Scenarios share an eve only with the same region, parameters and months before.
        key = json.dumps(
            [scenario.region_id, dict(scenario.parameters), scenario.horizon.start],
            sort_keys=True,
            default=str,
        )
        by_region.setdefault(key, []).append(name)
    return [
        _Job(tuple(group), seed_of(load(group[0]).seed, r), people)
        for r in range(seeds)
        for group in by_region.values()
    ]


def cells(
    names: Sequence[str] | None = None, *, seeds: int = 4, people: int = 5_000, workers: int = 1
) -> list[Cell]:
    """Hold predictions against simulated shifts.

    Parameters
    ----------
    names : sequence of str, optional
        Scenarios of the library; all that change a policy by default.
    seeds, people, workers : int

    Returns
    -------
    list of Cell
        Cells with too few events to measure in any seed are left out.
    """
    jobs = _jobs(list(names) if names is not None else policies(), seeds, people)
    seen: dict[tuple[str, str, str], list[tuple[float, float, float]]] = {}
    for part in _done(jobs, workers):
        for key, values in part.items():
            seen.setdefault(key, []).append(values)
    return [
        cell
        for key, values in seen.items()
        if (cell := measured(key, np.array(values))) is not None
    ]


def _done(jobs: Sequence[_Job], workers: int) -> Iterable[_Seen]:
    if workers <= 1:
        for number, job in enumerate(jobs, 1):
            yield work(job)
            sys.stderr.write(f"{number}/{len(jobs)}\n")
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(work, jobs)


def measured(key: tuple[str, str, str], values: Float) -> Cell | None:
    """Judge one cell.

    Parameters
    ----------
    key : tuple of str
        Scenario, channel, kind.
    values : float64, shape (seeds, 3)
        Change of the margin, value under the status quo, paired shift.
    """
    known = values[np.isfinite(values).all(axis=1)]
    if not len(known):
        return None
    change, base, shift = (float(x) for x in known.mean(axis=0))
    half = math.nan
    if len(known) > 1:
        error = float(known[:, 2].std(ddof=1)) / math.sqrt(len(known))
        half = float(t.ppf(0.975, len(known) - 1)) * error
    low, high = shift - half, shift + half
    predicted = 0 if abs(change) <= CLEAR else 1 if change > 0.0 else -1
    if predicted == 0:
        verdict = "still" if abs(shift) <= NEGLIGIBLE * max(abs(base), 1e-9) else "moves"
    elif predicted * shift > 0.0:
        verdict = "agrees"
    else:
        is_clear = shift != 0.0 and math.isfinite(half) and (low > 0.0 or high < 0.0)
        verdict = "contradicted" if is_clear else "unclear"
    scenario, channel, kind = key
    return Cell(scenario, channel, kind, change, predicted, base, shift, low, high, verdict)


def agreement(found: Iterable[Cell]) -> tuple[int, int]:
    """Count cells that agree, and cells with a clear prediction."""
    clear = [cell for cell in found if cell.predicted != 0]
    return sum(cell.verdict == "agrees" for cell in clear), len(clear)


# --- the record -----------------------------------------------------------------------------------


def as_text(found: Sequence[Cell], about: Mapping[str, Any]) -> str:
    """Write the record for readers."""
    agree, clear = agreement(found)
    lines = [
        "# Predicted against simulated directions",
        "",
        f"{about['seeds']} seeds of {about['people']:,} people, {MONTHS} months of every policy of "
        f"the library against its region's status quo, paired; {about['seconds']:.0f} s.",
        f"`python -m experiments.predictions --seeds {about['seeds']} --people {about['people']}`",
        "",
        f"**Clear predictions: {agree} of {clear} agree ({100.0 * agree / max(clear, 1):.1f} %; "
        "required 90 %).**",
        "",
    ]
    quiet = [cell for cell in found if cell.predicted == 0]
    still = sum(cell.verdict == "still" for cell in quiet)
    lines += [
        f"Where no change is predicted, {still} of {len(quiet)} cells move by less than "
        f"{100.0 * NEGLIGIBLE:.0f} % of the status quo.",
        "",
        "| channel | agree | clear predictions |",
        "|---|---|---|",
    ]
    for channel in dict.fromkeys(channel.id for channel in CHANNELS):
        mine = [cell for cell in found if cell.channel == channel and cell.predicted]
        yes = sum(cell.verdict == "agrees" for cell in mine)
        lines.append(f"| {channel} | {yes} | {len(mine)} |")
    lines += ["", "| scenario | agree | clear predictions |", "|---|---|---|"]
    for scenario in dict.fromkeys(cell.scenario for cell in found):
        mine = [cell for cell in found if cell.scenario == scenario and cell.predicted]
        yes = sum(cell.verdict == "agrees" for cell in mine)
        lines.append(f"| {scenario} | {yes} | {len(mine)} |")
    for title, verdicts in (
        ("Disagreements", ("contradicted", "unclear")),
        ("Moves where no change is predicted", ("moves",)),
    ):
        lines += ["", f"## {title}", ""]
        mine = [cell for cell in found if cell.verdict in verdicts]
        if not mine:
            lines.append("None.")
            continue
        lines += [
            "| scenario | channel | kind | margin | status quo | shift (95 %) | verdict |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {c.scenario} | {c.channel} | {c.kind} | {c.change:+.3f} | {c.base:.4g} | "
            f"{c.shift:+.3g} ({c.low:+.3g} to {c.high:+.3g}) | {c.verdict} |"
            for c in mine
        ]
    return "\n".join(lines) + "\n"


def write(found: Sequence[Cell], about: Mapping[str, Any], folder: Path) -> None:
    """Write the table, its reading and its provenance."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f.name for f in fields(Cell)]
    with (folder / "cells.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, names, lineterminator="\n")
        rows.writeheader()
        for cell in found:
            row = asdict(cell)
            rows.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    (folder / "record.md").write_text(as_text(found, about), encoding="utf-8")
    text = json.dumps(dict(about), indent=1, sort_keys=True)
    (folder / "record.json").write_text(text + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the whole comparison and write its record."""
    parser = argparse.ArgumentParser(prog="python -m experiments.predictions")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--scenarios", nargs="*", default=None)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "records" / "predictions"
    )
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    found = cells(
        chosen.scenarios, seeds=chosen.seeds, people=chosen.people, workers=chosen.workers
    )
    agree, clear = agreement(found)
    about = {
        "seeds": chosen.seeds,
        "people": chosen.people,
        "seconds": round(time.perf_counter() - started, 1),
        "code": code_version(library_root()),
        "cells": len(found),
        "clear": clear,
        "agree": agree,
        "threshold": CLEAR,
        "negligible": NEGLIGIBLE,
    }
    write(found, about, chosen.out)
    sys.stdout.write(f"{agree} of {clear} clear predictions agree; record in {chosen.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
