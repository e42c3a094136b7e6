"""The county at baseline against the published moments, and the fit of what is calibrated to them.

Simulates the status quo for a warm-up and a baseline year, measures the moments of C3, C4 and C6
(evidence of the county's pack), and, with ``--fit``, moves the parameters graded "calibrated" for
them. Nothing else is used. The result is a table with every moment beside its target, misses
included::

    python -m experiments.baseline              # measure
    python -m experiments.baseline --fit        # fit, write parameters.csv and the record

Knows targets and the public interface of a run; must not know any rule of behavior.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sim import outcomes
from sim.month import build_world, simulate
from sim.runner import provider_traits
from sim.scenario import library_root, load
from sim.tallies import History, PersonTally, ProviderTally
from sim.tallies import ProviderTally as T

RECORD = Path(__file__).parent / "records" / "baseline" / "china-county.csv"
WARM_UP, YEAR = 12, 12


@dataclass(frozen=True)
class Moment:
    """A published number the baseline is held to.

    ``low`` and ``high`` bound the band of the evidence; ``of`` says which target it belongs to.
    """

    id: str
    of: str
    target: float
    low: float
    high: float
    unit: str
    is_fitted: bool = True


def _within(share: float, target: float) -> tuple[float, float]:
    return target * (1.0 - share), target * (1.0 + share)


MOMENTS = (
    Moment("visits_per_person", "C6", 6.00, *_within(0.05, 6.00), "visits per person-year"),
    Moment("primary_visit_share", "C6", 0.578, 0.558, 0.598, "share of visits"),
    Moment("hospital_visit_share", "C6", 0.378, 0.358, 0.398, "share of visits"),
    Moment("admissions", "C6", 17.5, *_within(0.05, 17.5), "per 100 person-years"),
    Moment("admissions_township", "C6", 3.5, *_within(0.05, 3.5), "per 100 person-years"),
    Moment("admissions_county", "C6", 10.7, *_within(0.05, 10.7), "per 100 person-years"),
    Moment("admissions_outside", "C6", 2.8, *_within(0.05, 2.8), "per 100 person-years"),
    Moment("visits_inside", "C6", 0.93, 0.91, 0.95, "share of visits"),
    Moment("stays_inside", "C6", 0.84, 0.82, 0.86, "share of stays"),
    Moment("hospital_visit_charge", "C6", 261.0, *_within(0.05, 261.0), "CNY per visit"),
    Moment("stay_charge_county", "C6", 6881.0, *_within(0.05, 6881.0), "CNY per stay"),
    Moment("stay_charge", "C6", 6993.0, *_within(0.05, 6993.0), "CNY per stay"),
    Moment("stay_days_hospital", "C6", 9.0, *_within(0.05, 9.0), "days"),
    Moment("stay_days", "C6", 8.5, *_within(0.05, 8.5), "days"),
    Moment("resident_fund", "C6", 930.0, *_within(0.05, 930.0), "CNY per member-year"),
    Moment("own_share", "C6", 0.50, 0.45, 0.55, "share of payer and patient spending"),
    Moment("own_share_inpatient", "C6", 0.40, 0.36, 0.46, "share of inpatient charges"),
    Moment("top_1_percent", "C3", 0.22, 0.18, 0.27, "share of spending"),
    Moment("top_5_percent", "C3", 0.50, 0.45, 0.58, "share of spending"),
    Moment("bottom_half", "C3", 0.04, 0.0, 0.06, "share of spending"),
    Moment("persistence", "C4", 0.20, 0.15, 0.35, "correlation of years"),
    Moment("persistence_log", "C4", 0.50, 0.40, 0.60, "correlation of years"),
    Moment("stay_in_top_1", "C4", 0.17, 0.10, 0.25, "share of the top 1 %"),
)

# What is moved, in which bounds, and on which scale; graded "calibrated" in the region's table.
FITTED = {
    "need_scale": (0.7, 3.0, "log"),
    "bed_need_scale": (0.5, 2.5, "log"),
    "attraction_secondary": (-6.0, 6.0, "linear"),
    "attraction_tertiary": (-8.0, 6.0, "linear"),
    "severity_weight": (-1.0, 8.0, "linear"),
    "severity_weight_tertiary": (-1.0, 10.0, "linear"),
    "price_scale_visit_secondary": (0.4, 2.0, "log"),
    "price_scale_visit_tertiary": (0.4, 2.0, "log"),
    "price_scale_visit_practice": (0.4, 2.0, "log"),
    "price_scale_stay_practice": (0.3, 2.0, "log"),
    "price_scale_stay_secondary": (0.4, 2.0, "log"),
    "price_scale_stay_tertiary": (0.4, 2.0, "log"),
    "need_days_scale": (0.5, 1.6, "log"),
}
# Charges by tier in the pack, which C6 sums up; they tell the price scales of the tiers apart.
PACK = (
    Moment("visit_charge_practice", "pack", 70.9, *_within(0.1, 70.9), "CNY per visit"),
    Moment("visit_charge_tertiary", "pack", 410.0, *_within(0.1, 410.0), "CNY per visit"),
    Moment("stay_charge_township", "pack", 2215.0, *_within(0.1, 2215.0), "CNY per stay"),
    Moment("stay_charge_outside", "pack", 13780.0, *_within(0.1, 13780.0), "CNY per stay"),
    Moment("stay_days_township", "pack", 6.5, *_within(0.1, 6.5), "days"),
)


def measure(history: History, region_id: str) -> dict[str, float]:
    """Return every moment of the baseline year of one run.

    Parameters
    ----------
    history : History
        At least 24 months, the first twelve of them warm-up.
    region_id : str
        The region whose provider types tell tiers apart.
    """
    region = load(region_id).region()
    providers = region.providers
    months = slice(WARM_UP, WARM_UP + YEAR)
    tally = history.provider[months].sum(axis=0)
    by_provider = tally.sum(axis=1)
    person = history.person[months].sum(axis=0).sum(axis=0)
    years = person[PersonTally.PERSON_MONTHS] / 12.0
    practice = providers.kind == 0
    other = np.array([kind == "maternal" for kind in providers.type])
    outside = np.asarray(providers.outside, dtype=bool)
    county = ~practice & ~other & ~outside
    hospital = ~practice & ~other

    def total(column: ProviderTally, rows: npt.NDArray[np.bool_]) -> float:
        return float(by_provider[rows, column].sum())

    everyone = np.ones(len(practice), dtype=bool)
    visits = total(T.VISITS, everyone)
    stays = total(T.ADMISSIONS, everyone)

    def per_visit(rows: npt.NDArray[np.bool_]) -> float:
        return total(T.CHARGE_OUT, rows) / 100.0 / max(total(T.VISITS, rows), 1.0)

    def per_stay(rows: npt.NDArray[np.bool_]) -> float:
        return total(T.CHARGE_IN, rows) / 100.0 / max(total(T.ADMISSIONS, rows), 1.0)

    def days(rows: npt.NDArray[np.bool_]) -> float:
        return total(T.BED_DAYS, rows) / max(total(T.ADMISSIONS, rows), 1.0)

    resident = 0
    members = history.person[months].sum(axis=0)
    cells = members.shape[0] // len(region.payers)
    resident_years = members[:cells, PersonTally.PERSON_MONTHS].sum() / 12.0
    fund = history.fund_paid[months].sum(axis=0)
    patient = sum(
        total(c, everyone)
        for c in (T.PATIENT_OUT, T.PATIENT_IN, T.UNCOVERED_OUT, T.UNCOVERED_IN)
    )
    paid = float(fund.sum()) + total(T.AID, everyone) + patient
    inpatient = total(T.CHARGE_IN, everyone)
    own_inpatient = total(T.PATIENT_IN, everyone) + total(T.UNCOVERED_IN, everyone)
    traits = provider_traits(region)
    found = outcomes.evaluate(history, traits, months)
    scale = 100.0 / years
    return {
        "visits_per_person": visits / years,
        "primary_visit_share": total(T.VISITS, practice) / visits,
        "hospital_visit_share": total(T.VISITS, hospital) / visits,
        "admissions": stays * scale,
        "admissions_township": total(T.ADMISSIONS, practice) * scale,
        "admissions_county": total(T.ADMISSIONS, county) * scale,
        "admissions_outside": total(T.ADMISSIONS, outside) * scale,
        "visits_inside": 1.0 - total(T.VISITS, outside) / visits,
        "stays_inside": 1.0 - total(T.ADMISSIONS, outside) / stays,
        "hospital_visit_charge": per_visit(hospital),
        "stay_charge_county": per_stay(county),
        "stay_charge": per_stay(everyone),
        "stay_days_hospital": days(~practice),
        "stay_days": days(everyone),
        "resident_fund": float(fund[:, resident].sum()) / 100.0 / resident_years,
        "own_share": patient / paid,
        "own_share_inpatient": own_inpatient / inpatient,
        "top_1_percent": found["spending_top_1"]["all"].value,
        "top_5_percent": found["spending_top_5"]["all"].value,
        "bottom_half": found["spending_bottom_half"]["all"].value,
        "persistence": found["persistence"]["all"].value,
        "persistence_log": found["persistence_log"]["all"].value,
        "stay_in_top_1": found["persistence_top_1"]["all"].value,
        "visit_charge_practice": per_visit(practice),
        "visit_charge_tertiary": per_visit(outside),
        "stay_charge_township": per_stay(practice),
        "stay_charge_outside": per_stay(outside),
        "stay_days_township": days(practice),
    }


def _one(task: tuple[str, int, int, tuple[tuple[str, float], ...]]) -> dict[str, float]:
    """Run one baseline and measure it; a top-level function, so that processes can call it."""
    region_id, seed, people, parameters = task
    scenario = load(region_id)
    world = build_world(
        scenario.region(),
        scenario.before,
        scenario.before,
        months_before=WARM_UP + YEAR,
        months=WARM_UP + YEAR,
        warm_up=WARM_UP,
        seed=seed,
        population=people,
        parameters=dict(parameters),
    )
    return measure(simulate(world), region_id)


class Runner:
    """Baseline runs in two processes, the same seeds for every parameter vector."""

    def __init__(self, region_id: str, seeds: Sequence[int], people: int, workers: int) -> None:
        self.region_id, self.seeds, self.people = region_id, tuple(seeds), people
        self.pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))

    def many(self, vectors: Sequence[Mapping[str, float]]) -> list[list[dict[str, float]]]:
        """Return the moments of every seed for each parameter vector."""
        tasks = [
            (self.region_id, seed, self.people, tuple(sorted(vector.items())))
            for vector in vectors
            for seed in self.seeds
        ]
        found = list(self.pool.map(_one, tasks))
        n = len(self.seeds)
        return [found[i * n : (i + 1) * n] for i in range(len(vectors))]


def _mean(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}


def _error(moments: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """Return how far each moment is from its target in halves of its band."""
    used = [m for m in (*MOMENTS, *PACK) if m.is_fitted]
    return np.array([(moments[m.id] - m.target) / ((m.high - m.low) / 2.0) for m in used])


def fit(runner: Runner, start: Mapping[str, float], rounds: int) -> dict[str, float]:
    """Fit by damped Gauss-Newton on common random numbers.

    Every round differences all parameters at once on the same seeds, so that the noise of a run
    cancels out of the slopes, and takes the best of several step lengths.
    """
    names = list(FITTED)

    def to_free(vector: Mapping[str, float]) -> npt.NDArray[np.float64]:
        return np.array(
            [np.log(vector[n]) if FITTED[n][2] == "log" else vector[n] for n in names]
        )

    def to_vector(free: npt.NDArray[np.float64]) -> dict[str, float]:
        out = {}
        for n, x in zip(names, free, strict=True):
            low, high, scale = FITTED[n]
            out[n] = float(np.clip(np.exp(x) if scale == "log" else x, low, high))
        return out

    step = np.array([0.05 if FITTED[n][2] == "log" else 0.15 for n in names])
    x = to_free(start)
    damping = 0.1
    best = float("inf")
    for turn in range(rounds):
        vectors = [to_vector(x)]
        for j in range(len(names)):
            moved = x.copy()
            moved[j] += step[j]
            vectors.append(to_vector(moved))
        found = [_error(_mean(runs)) for runs in runner.many(vectors)]
        base = found[0]
        slope = np.stack([(f - base) / s for f, s in zip(found[1:], step, strict=True)], axis=1)
        best = float(base @ base)
        trials = []
        for factor in (0.3, 1.0, 10.0):
            weight = damping * factor
            matrix = slope.T @ slope
            change = np.linalg.solve(
                matrix + weight * np.diag(np.diag(matrix) + 1e-3), -slope.T @ base
            )
            trials.append(x + np.clip(change, -0.7, 0.7))
        errors = [_error(_mean(runs)) for runs in runner.many([to_vector(t) for t in trials])]
        sums = [float(e @ e) for e in errors]
        choice = int(np.argmin(sums))
        print(f"round {turn}: {best:.2f} -> {sums[choice]:.2f}", file=sys.stderr, flush=True)
        if sums[choice] < best:
            x = trials[choice]
            damping *= (0.3, 1.0, 5.0)[choice]
        else:
            damping *= 10.0
            step = step / 2.0
    return to_vector(x)


def write_parameters(region_id: str, values: Mapping[str, float]) -> None:
    """Write fitted values into the region's table of parameters, grade "calibrated"."""
    path = library_root() / "regions" / region_id / "parameters.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    header = rows[0]
    at = {name: header.index(name) for name in ("id", "value", "evidence")}
    for row in rows[1:]:
        if row[at["id"]] in values:
            row[at["value"]] = f"{values[row[at['id']]]:.5g}"
            row[at["evidence"]] = "calibrated"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def write_record(runs: Sequence[Mapping[str, float]], path: Path, seeds: str) -> list[list[str]]:
    """Write targets beside what was achieved; return the rows."""
    rows = []
    for m in (*MOMENTS, *PACK):
        values = [run[m.id] for run in runs]
        mean, sd = float(np.mean(values)), float(np.std(values, ddof=1)) if len(runs) > 1 else 0.0
        hit = "yes" if m.low <= mean <= m.high else "no"
        rows.append(
            [m.of, m.id, m.unit, f"{m.target:g}", f"{m.low:g}", f"{m.high:g}"]
            + [f"{mean:.4g}", f"{sd:.2g}", hit, seeds]
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["of", "moment", "unit", "target", "low", "high", "achieved", "sd", "inside", "runs"]
        )
        writer.writerows(rows)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure or fit the county's baseline; exit 1 when a moment is outside its band."""
    parser = argparse.ArgumentParser(prog="python -m experiments.baseline", description=__doc__)
    parser.add_argument("--region", default="china-county")
    parser.add_argument("--fit", action="store_true", help="fit and write the parameters")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--people", type=int, default=30_000)
    parser.add_argument("--replicates", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RECORD)
    given = parser.parse_args(arguments)
    seeds = range(101, 101 + given.replicates)
    runner = Runner(given.region, seeds, given.people, given.workers)
    if given.fit:
        region = load(given.region).region()
        start = {name: region.parameters[name].value for name in FITTED}
        values = fit(Runner(given.region, (11, 12), given.people, given.workers), start, given.rounds)
        write_parameters(given.region, values)
        runner = Runner(given.region, seeds, given.people, given.workers)
    rows = write_record(
        runner.many([{}])[0], given.out, f"{given.replicates} x {given.people} people, seeds 101-"
    )
    for row in rows:
        mark = " " if row[8] == "yes" else "!"
        print(f"{mark} {row[0]:4s} {row[1]:24s} {row[6]:>9s}  target {row[3]:>7s} "
              f"[{row[4]}, {row[5]}]  sd {row[7]}  {row[2]}")
    return 0 if all(row[8] == "yes" for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
