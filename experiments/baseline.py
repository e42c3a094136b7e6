"""A region at baseline against the published moments, and the fit of what is calibrated to them.

Simulates the status quo for a warm-up and a baseline year, measures the moments of the evidence of
the region's pack (for the county C3, C4 and C6), and, with ``--fit``, moves the parameters graded
"calibrated" for them. Nothing else is used. The result is a table with every moment beside its
target, misses included::

    python -m experiments.baseline              # measure
    python -m experiments.baseline --fit        # fit, write parameters.csv and the record
    python -m experiments.baseline --region us-metro

The county's moments stand here; those of other regions in tables beside this file. Knows targets
and the public interface of a run; must not know any rule of behavior.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments import baseline_china_city, baseline_us_metro
from experiments.baseline_spread import spread_of_spending
from sim.month import build_world, simulate
from sim.scenario import library_root, load
from sim.tallies import History, PersonTally, ProviderTally
from sim.tallies import ProviderTally as T

RECORDS = Path(__file__).parent / "records" / "baseline"
RECORD = RECORDS / "china-county.csv"
WARM_UP, YEAR = 12, 12
MEASURED = 2  # rounds of a fit in which slopes are measured
BUMP, DAMPING, MOST_STEP, NEAR = 0.1, 0.02, 0.7, 0.02
# moments whose parameter moves the odds
SHARES = (
    "hospital_visit_share",
    "other_visit_share",
    "visits_outside",
    "hospital_share",
    "teaching_share",
    "visits_secondary",
    "visits_tertiary",
    "visits_other",
)
FITTING_SEEDS = range(11, 23)  # others than those measured


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


def _within(share: float, target: float) -> tuple[float, float]:
    return target * (1.0 - share), target * (1.0 + share)


MOMENTS = (
    Moment("visits_per_person", "C6", 6.00, *_within(0.05, 6.00), "visits per person-year"),
    Moment("primary_visit_share", "C6", 0.578, 0.558, 0.598, "share of visits"),
    Moment("hospital_visit_share", "C6", 0.378, 0.358, 0.398, "share of visits"),
    Moment("other_visit_share", "C6", 0.044, 0.024, 0.064, "share of visits"),
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


@dataclass(frozen=True)
class Fitted:
    """A parameter graded "calibrated" and the moment that tells it apart from the others.

    ``slope`` says about how the moment (in logs, or log-odds for a share) answers to one unit of
    the parameter (its log where ``is_log``), for readers and for counties without people in tests;
    a fit measures its own.
    """

    id: str
    moment: str
    slope: float
    low: float
    high: float
    is_log: bool = True


FITTED = (
    Fitted("need_scale", "visits_per_person", 0.6, 0.8, 3.0),
    Fitted("bed_need_scale", "admissions", 0.7, 0.5, 2.5),
    Fitted("attraction_secondary", "hospital_visit_share", 0.7, -6.0, 6.0, is_log=False),
    Fitted("attraction_tertiary", "visits_outside", 0.9, -8.0, 6.0, is_log=False),
    Fitted("severity_weight_tertiary", "admissions_outside", 0.25, -2.0, 10.0, is_log=False),
    Fitted("transfer_base_practice", "admissions_township", -0.3, 0.005, 0.7),
    Fitted("attraction_maternal", "other_visit_share", 0.9, -4.0, 6.0, is_log=False),
    Fitted("price_scale_visit_practice", "visit_charge_practice", 1.0, 0.4, 2.0),
    Fitted("price_scale_visit_secondary", "hospital_visit_charge", 0.8, 0.4, 2.0),
    Fitted("price_scale_visit_tertiary", "visit_charge_tertiary", 1.0, 0.4, 2.0),
    Fitted("price_scale_stay_practice", "stay_charge_township", 1.0, 0.4, 2.0),
    Fitted("price_scale_stay_secondary", "stay_charge_county", 1.0, 0.4, 2.0),
    Fitted("price_scale_stay_tertiary", "stay_charge_outside", 1.0, 0.4, 2.0),
    Fitted("need_days_scale", "stay_days_hospital", 1.0, 0.5, 1.6),
)
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
        total(c, everyone) for c in (T.PATIENT_OUT, T.PATIENT_IN, T.UNCOVERED_OUT, T.UNCOVERED_IN)
    )
    paid = float(fund.sum()) + total(T.AID, everyone) + patient
    inpatient = total(T.CHARGE_IN, everyone)
    own_inpatient = total(T.PATIENT_IN, everyone) + total(T.UNCOVERED_IN, everyone)
    scale = 100.0 / years
    return {
        "visits_per_person": visits / years,
        "primary_visit_share": total(T.VISITS, practice) / visits,
        "hospital_visit_share": total(T.VISITS, hospital) / visits,
        "other_visit_share": total(T.VISITS, other) / visits,
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
        **spread_of_spending(history, region, months),
        "visit_charge_practice": per_visit(practice),
        "visit_charge_tertiary": per_visit(outside),
        "stay_charge_township": per_stay(practice),
        "stay_charge_outside": per_stay(outside),
        "stay_days_township": days(practice),
    }


def run_once(task: tuple[str, int, int, tuple[tuple[str, float], ...]]) -> dict[str, float]:
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
    return baseline_of(region_id).measure(simulate(world), region_id, world.setting.scale)


def read_moments(path: Path) -> tuple[Moment, ...]:
    """Read a region's moments from a table."""
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(
            Moment(
                row["id"],
                row["of"],
                float(row["target"]),
                float(row["low"]),
                float(row["high"]),
                row["unit"],
            )
            for row in csv.DictReader(file)
        )


def read_fitted(path: Path) -> tuple[Fitted, ...]:
    """Read from a table which parameters a region's moments tell."""
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(
            Fitted(
                row["parameter"],
                row["moment"],
                float(row["slope"]),
                float(row["low"]),
                float(row["high"]),
                is_log=row["is_log"] == "1",
            )
            for row in csv.DictReader(file)
        )


@dataclass(frozen=True)
class Baseline:
    """What a region's baseline is held to, what may be moved for it, and how it is measured.

    ``derived`` are targets of moments that fit a parameter but are published in another form.
    """

    moments: tuple[Moment, ...]
    fitted: tuple[Fitted, ...]
    measure: Callable[[History, str, float], dict[str, float]]
    derived: Mapping[str, float]


def _of_county(history: History, region_id: str, bed_scale: float) -> dict[str, float]:
    del bed_scale
    found = measure(history, region_id)
    return {**found, "visits_outside": 1.0 - found["visits_inside"]}


def _of_metro(history: History, region_id: str, bed_scale: float) -> dict[str, float]:
    months = slice(WARM_UP, WARM_UP + YEAR)
    return baseline_us_metro.measure(history, load(region_id).region(), months, bed_scale)


def _of_city(history: History, region_id: str, bed_scale: float) -> dict[str, float]:
    del bed_scale
    months = slice(WARM_UP, WARM_UP + YEAR)
    return baseline_china_city.measure(history, load(region_id).region(), months)


def baseline_of(region_id: str) -> Baseline:
    """Give a region's baseline; regions without targets of their own have none."""
    folder = Path(__file__).parent
    if region_id == "china-city":
        return Baseline(
            read_moments(folder / "baseline_china_city.csv"),
            read_fitted(folder / "baseline_china_city_fitted.csv"),
            _of_city,
            {},
        )
    if region_id == "us-metro":
        moments = read_moments(folder / "baseline_us_metro.csv")
        target = {m.id: m.target for m in moments}
        visits = target["visits"]
        # the hospitals' part of visits, from visits by age and the 18 % who are 65 and over
        senior = target["hospital_visits_65"], target["hospital_visits_under_65"]
        old = float(load(region_id).region().people.scheme_share[0])
        hospital = (old * senior[0] + (1.0 - old) * senior[1]) / visits
        days = target["stay_days_65"], target["stay_days_under_65"]
        stays = old * target["admissions_65"], (1.0 - old) * target["admissions_under_65"]
        return Baseline(
            moments,
            read_fitted(folder / "baseline_us_metro_fitted.csv"),
            _of_metro,
            {
                "hospital_share": hospital,
                "teaching_share": target["teaching_stays"],
                "stay_days": (stays[0] * days[0] + stays[1] * days[1]) / sum(stays),
            },
        )
    inside = next(m.target for m in MOMENTS if m.id == "visits_inside")
    return Baseline((*MOMENTS, *PACK), FITTED, _of_county, {"visits_outside": 1.0 - inside})


class Runner:
    """Baseline runs in two processes, the same seeds for every parameter vector."""

    def __init__(
        self, region_id: str, seeds: Sequence[int], people: int, workers: int | None
    ) -> None:
        self.region_id, self.seeds, self.people = region_id, tuple(seeds), people
        self.pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))

    def __enter__(self) -> Runner:
        """Give itself; its processes end with the block."""
        return self

    def __exit__(self, *how: object) -> None:
        """End the processes."""
        self.pool.shutdown(cancel_futures=True)

    def many(self, vectors: Sequence[Mapping[str, float]]) -> list[list[dict[str, float]]]:
        """Return the moments of every seed for each parameter vector."""
        tasks = [
            (self.region_id, seed, self.people, tuple(sorted(vector.items())))
            for vector in vectors
            for seed in self.seeds
        ]
        found = list(self.pool.map(run_once, tasks))
        n = len(self.seeds)
        return [found[i * n : (i + 1) * n] for i in range(len(vectors))]


def _mean(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}


def _inner(of: Fitted, value: float) -> float:
    """Give a parameter as it is moved: its logarithm where it is a scale."""
    return float(np.log(value)) if of.is_log else float(value)


def _outer(fitted: Sequence[Fitted], x: npt.NDArray[np.float64]) -> dict[str, float]:
    """Turn moved parameters back into values."""
    return {f.id: float(np.exp(v) if f.is_log else v) for f, v in zip(fitted, x, strict=True)}


def _gaps(
    runner: Runner, vectors: Sequence[Mapping[str, float]], held: Mapping[str, float] | None
) -> list[npt.NDArray[np.float64]]:
    """Live parameters and give how far each one's moment is from its target, in logs or odds."""
    about = baseline_of(runner.region_id)
    targets = {**{m.id: m.target for m in about.moments}, **about.derived}

    def moved(name: str, value: float) -> float:
        if name in SHARES:
            return float(np.log(value / (1.0 - value)))
        return float(np.log(max(value, 1e-9)))

    return [
        np.array(
            [moved(f.moment, found[f.moment]) - moved(f.moment, targets[f.moment])
             for f in about.fitted]
        )
        for found in map(_mean, runner.many([{**(held or {}), **v} for v in vectors]))
    ]  # fmt: skip


def slopes_at(
    runner: Runner, values: Mapping[str, float], held: Mapping[str, float] | None = None
) -> npt.NDArray[np.float64]:
    """Measure how every fitted moment answers to every fitted parameter.

    Returns
    -------
    ndarray, shape (n, n)
        Moments in rows; per unit of the parameter, or of its logarithm where it is a scale.
    """
    fitted = baseline_of(runner.region_id).fitted
    x = np.array([_inner(f, values[f.id]) for f in fitted])
    bumped = [_outer(fitted, x + BUMP * unit) for unit in np.eye(len(fitted))]
    here, *there = _gaps(runner, [values, *bumped], held)
    return np.array([gaps - here for gaps in there]).T / BUMP


def fit(
    runner: Runner,
    start: Mapping[str, float],
    rounds: int,
    held: Mapping[str, float] | None = None,
    slopes: npt.NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Solve for the parameters at which every one's own moment meets its target.

    Damped Gauss-Newton on common random numbers. The first two rounds measure how every moment
    answers to every parameter; a step that does not help is halved once, then given up.

    Parameters
    ----------
    runner : Runner
    start : mapping of parameter id to value
        Of the fitted parameters.
    rounds : int
        At most.
    held : mapping of parameter id to value, optional
        Other parameters, which are not moved.
    slopes : ndarray, shape (n, n), optional
        How moments answer (:func:`slopes_at`); given, nothing is measured but the moments.

    Returns
    -------
    dict
        The best fitted parameters met, by sum of squares.
    """
    about = baseline_of(runner.region_id)
    fitted = about.fitted
    ends = np.array([[_inner(f, f.low), _inner(f, f.high)] for f in fitted])
    x = np.clip([_inner(f, start[f.id]) for f in fitted], ends[:, 0], ends[:, 1])
    best, values = float("inf"), dict(start)
    answers = slopes_at(runner, _outer(fitted, x), held) if slopes is None else slopes
    for turn in range(rounds):
        if slopes is None and 0 < turn < MEASURED:
            answers = slopes_at(runner, _outer(fitted, x), held)
        gaps = _gaps(runner, [_outer(fitted, x)], held)[0]
        if (size := float(gaps @ gaps)) < best:
            best, values = size, _outer(fitted, x)
        sys.stderr.write(f"gap {np.sqrt(size):.4f}\n")
        damped = answers.T @ answers + DAMPING * np.eye(len(fitted))
        step = np.clip(-np.linalg.solve(damped, answers.T @ gaps), -MOST_STEP, MOST_STEP)
        tried = [np.clip(x + share * step, ends[:, 0], ends[:, 1]) for share in (1.0, 0.5)]
        found = _gaps(runner, [_outer(fitted, at) for at in tried], held)
        sizes = [float(g @ g) for g in found]
        which = int(np.argmin(sizes))
        if sizes[which] >= best:
            break
        best, values, x = sizes[which], _outer(fitted, tried[which]), tried[which]
        if best < NEAR**2:
            break
    return values


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


def write_record(
    runs: Sequence[Mapping[str, float]], moments: Sequence[Moment], path: Path, seeds: str
) -> list[list[str]]:
    """Write targets beside what was achieved; return the rows."""
    rows = []
    for m in moments:
        values = [run[m.id] for run in runs]
        mean, sd = float(np.mean(values)), float(np.std(values, ddof=1)) if len(runs) > 1 else 0.0
        hit = "yes" if m.low <= mean <= m.high else "no"
        band = [f"{m.target:g}", f"{m.low:g}", f"{m.high:g}"]
        rows.append([m.of, m.id, m.unit, *band, f"{mean:.4g}", f"{sd:.2g}", hit, seeds])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["of", "moment", "unit", "target", "low", "high", "achieved", "sd", "inside", "runs"]
        )
        writer.writerows(rows)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure or fit a region's baseline; exit 1 when a moment is outside its band."""
    parser = argparse.ArgumentParser(prog="python -m experiments.baseline", description=__doc__)
    parser.add_argument("--region", default="china-county")
    parser.add_argument("--fit", action="store_true", help="fit and write the parameters")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--people", type=int, default=30_000)
    parser.add_argument("--replicates", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="default: the region's record")
    given = parser.parse_args(arguments)
    seeds = range(101, 101 + given.replicates)
    runner = Runner(given.region, seeds, given.people, given.workers)
    if given.fit:
        region = load(given.region).region()
        fitted = baseline_of(given.region).fitted
        start = {f.id: region.parameters[f.id].value for f in fitted}
        values = fit(
            Runner(given.region, FITTING_SEEDS, given.people, given.workers), start, given.rounds
        )
        write_parameters(given.region, values)
        runner = Runner(given.region, seeds, given.people, given.workers)
    rows = write_record(
        runner.many([{}])[0],
        baseline_of(given.region).moments,
        given.out or RECORDS / f"{given.region}.csv",
        f"{given.replicates} x {given.people} people, seeds 101-",
    )
    for row in rows:
        mark = " " if row[8] == "yes" else "!"
        sys.stdout.write(
            f"{mark} {row[0]:4s} {row[1]:24s} {row[6]:>9s}  target {row[3]:>7s} "
            f"[{row[4]}, {row[5]}]  sd {row[7]}  {row[2]}\n"
        )
    return 0 if all(row[8] == "yes" for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
