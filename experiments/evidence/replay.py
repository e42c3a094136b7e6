"""Every finding asked of the model: the laboratory, the baselines, the trial, the reforms.

Knows which way answers which target, and stores that go on where they were stopped; must not know
how any of the ways works, nor how rows are shown.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from experiments.evidence import reforms, trial
from experiments.evidence.findings import (
    Finding,
    FromBaseline,
    FromLaboratory,
    FromReform,
    FromStays,
    FromTrial,
    Target,
    findings,
)
from experiments.evidence.laboratory import Mixture, mean_quantity, read_experiment
from experiments.evidence.record import Row, Simulated, half_width, judged, mean_and_interval
from experiments.sweep.design import Design
from experiments.sweep.executors import Progress, store_named, sweep
from experiments.sweep.results import Results
from sim.errors import StoreError

__all__ = [
    "PARTS",
    "PEOPLE",
    "REPLICATES",
    "SEED",
    "baseline_figures",
    "baseline_rows",
    "demand_rows",
    "fit_demand",
    "is_lived",
    "laboratory_rows",
    "plan_means",
    "policy_rows",
    "published_means",
    "share_of_sign",
]

PARTS: Final = ("laboratory", "demand", "policies")
REPLICATES: Final = 10
PEOPLE: Final = 10_000
FIT_REPLICATES: Final = 2
FIT_PEOPLE: Final = 5_000
"""At most so many seeds and persons for each of the points of a fit."""
FIT_FIRST: Final = 64
FIT_AROUND: Final = 40
FIT_TURNS: Final = 4
"""A fit lives so many points over all ranges, then so many around the best in each of its turns."""
SEED: Final = 20261
_BASELINES: Final = Path(__file__).parents[1] / "records" / "baseline"
_RUNS: Final = re.compile(r"(\d+) x (\d+) people")


def laboratory_rows(of: Sequence[Finding] | None = None) -> list[Row]:
    """Answer the targets of the laboratory with the mixture that practices start from."""
    rows = []
    for finding in findings() if of is None else of:
        for target in finding.targets:
            if isinstance(target.way, FromLaboratory):
                experiment = read_experiment(target.way.experiment)
                value = float(mean_quantity(experiment, target.way.payment, Mixture()).mean())
                found = Simulated(value, value, value, command="payshift evidence laboratory")
                rows.append(judged(target, found))
    return rows


def published_means() -> tuple[dict[str, float], float]:
    """Give the published mean quantity under each payment, and how exactly it is known.

    Returns
    -------
    dict of str to float, float
        The second is a standard error: the band, taken as an interval of 95 %.
    """
    means, halves = {}, []
    for finding in findings():
        for target in finding.targets:
            if isinstance(target.way, FromLaboratory) and target.form.published is not None:
                means[target.way.payment] = target.form.published
                halves.append(0.5 * (target.form.band[1] - target.form.band[0]))
    return means, max(halves) / 1.96


@cache
def baseline_figures(region: str) -> dict[str, tuple[float, float, int, int]]:
    """Read the record of a region's baseline: mean and sd over seeds, seeds and people."""
    path = _BASELINES / f"{region}.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            found = {}
            for row in csv.DictReader(file):
                seeds, people = _RUNS.findall(row["runs"])[0]
                numbers = float(row["achieved"]), float(row["sd"])
                found[row["moment"]] = (*numbers, int(seeds), int(people))
            return found
    except (OSError, IndexError, KeyError, ValueError) as error:
        raise StoreError(f"the baseline cannot be read ({error})", where=str(path)) from None


def baseline_rows(of: Sequence[Finding] | None = None) -> list[Row]:
    """Answer the targets of a baseline year from the regions' records; nothing is run."""
    rows = []
    for finding in findings() if of is None else of:
        for target in finding.targets:
            way = target.way
            if not isinstance(way, FromBaseline):
                continue
            known = baseline_figures(way.region)
            if way.moment not in known:
                raise StoreError(
                    "the baseline has no such moment",
                    where=f"{finding.id}, {target.id}",
                    remedy=f"See experiments/records/baseline/{way.region}.csv",
                )
            value, sd, seeds, people = known[way.moment]
            half = half_width(sd, seeds)
            command = (
                f"python -m experiments.baseline --region {way.region} --people {people} "
                f"--replicates {seeds}"
            )
            found = Simulated(
                value,
                value - half,
                value + half,
                seeds=seeds,
                people=people,
                command=command,
            )
            rows.append(judged(target, found))
    return rows


def _lived_trial(
    points: list[list[float]],
    folder: Path,
    replicates: int,
    people: int,
    workers: int | None,
    progress: Progress | None,
) -> Results:
    """Live the trial at some points, or go on with it, and give its results."""
    design = trial.design_of(points, replicates, SEED)
    model = trial.InsuranceTrial(people)
    store = store_named(folder, f"trial-{people}", design, model)
    folder.mkdir(parents=True, exist_ok=True)
    sweep(
        design,
        store,
        model,
        "process",
        workers,
        resume=store.exists(),
        progress=progress,
    )
    return Results.of(store)


def demand_rows(
    folder: Path,
    replicates: int = REPLICATES,
    people: int = PEOPLE,
    workers: int | None = None,
    progress: Progress | None = None,
    of: Sequence[Finding] | None = None,
) -> list[Row]:
    """Answer the targets of the insurance experiment at the region's own parameters.

    Parameters
    ----------
    folder : Path
        Where the store is kept; runs already in it are not lived again.
    replicates, people : int
    workers : int, optional
    progress : callable, optional
    """
    targets = _trial_targets(of)
    if not targets:
        return []
    points = [trial.default_point()]
    results = _lived_trial(points, folder, replicates, people, workers, progress)
    command = f"payshift evidence demand --replicates {replicates} --people {people}"
    rows = []
    for target, way in targets:
        values = trial.answer(way, results)
        mean, low, high = mean_and_interval(values)
        share = share_of_sign(values, target.form.sign)
        found = Simulated(mean, low, high, share, replicates, people, command)
        rows.append(judged(target, found))
    return rows


def _trial_targets(of: Sequence[Finding] | None) -> list[tuple[Target, FromTrial]]:
    chosen = findings() if of is None else of
    return [(t, t.way) for f in chosen for t in f.targets if isinstance(t.way, FromTrial)]


def plan_means(
    folder: Path, replicates: int, people: int, workers: int | None = None
) -> dict[str, dict[str, float]]:
    """Give every measure of every plan at the region's own parameters: means over seeds.

    Runs already in the store of :func:`demand_rows` are not lived again.
    """
    points = [trial.default_point()]
    results = _lived_trial(points, folder, replicates, people, workers, None)
    return {
        plan: {name: float(results.outcome(plan, name).mean()) for name in results.outcomes}
        for plan in trial.PLANS
    }


def fit_demand(
    folder: Path,
    replicates: int,
    people: int,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[tuple[dict[str, float], float]]:
    """Look for the demand parameters at which the trial gives the published ratios of plans.

    Points fill the ranges first, then come closer around the best, turn by turn. The rest of the
    region stays as it is, the scale of need among it, so the best point for the ratios may be one
    at which the baseline's use cannot be reached.

    Returns
    -------
    list of (parameters, misfit)
        The best first; the misfit is a sum of squared distances in published standard errors.
        Elasticities are left out: they follow from the ratios.
    """
    asked = {}
    for target, way in _trial_targets(None):
        interval, value = target.form.interval, target.form.published
        if not way.elasticity and interval is not None and value is not None:
            asked[way] = (value, interval[0], interval[1])
    points: list[list[float]] = []
    misfits = np.empty(0)
    for turn in range(FIT_TURNS + 1):
        new = (
            trial.closer_points(points, misfits, FIT_AROUND, turn - 1)
            if turn
            else trial.first_points(FIT_FIRST)
        )
        results = _lived_trial(new, folder, replicates, people, workers, progress)
        points += new
        misfits = np.concatenate([misfits, trial.misfit(results, asked)])
    found = [
        (dict(zip(trial.DEMAND, point, strict=True)), float(miss))
        for point, miss in zip(points, misfits, strict=True)
    ]
    return sorted(found, key=lambda each: each[1])


def is_lived(finding: Finding) -> bool:
    """Tell whether worlds are lived for a finding: a reform, or stays one by one."""
    return any(isinstance(target.way, FromReform | FromStays) for target in finding.targets)


def policy_rows(
    finding: Finding,
    folder: Path,
    replicates: int = REPLICATES,
    people: int | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Replay a finding's reform, or live its region's baseline stay by stay, and answer it.

    Parameters
    ----------
    finding : Finding
        One that neither replays a reform nor reads stays has no rows.
    folder : Path
        Where stores are kept; runs already in one are not lived again.
    replicates : int
    people : int, optional
        The finding's own number if left out.
    workers : int, optional
    progress : callable, optional
    """
    form = finding.form.reform
    lived = people or (PEOPLE if form is None else form.people)
    command = f"payshift evidence policies {finding.id} --replicates {replicates} --people {lived}"

    def results_of(model: Any, design: Design, model_json: str = "") -> Results:
        store = store_named(folder, finding.id.lower(), design, model)
        folder.mkdir(parents=True, exist_ok=True)
        sweep(
            design,
            store,
            model,
            "process",
            workers,
            resume=store.exists(),
            model_json=model_json,
            progress=progress,
        )
        return Results.of(store)

    ways = [target.way for target in finding.targets]
    of_months = of_stays = None
    if form is not None and any(isinstance(way, FromReform) for way in ways):
        simulation, design = reforms.model_and_design(finding, replicates, SEED, people)
        of_months = results_of(simulation, design, simulation.as_json())
    if any(isinstance(way, FromStays) for way in ways):
        of_stays = results_of(*reforms.stays_and_design(finding, replicates, SEED, lived))
    rows = []
    for target in finding.targets:
        if isinstance(target.way, FromReform) and of_months is not None:
            values = reforms.effects(finding, target.way, of_months)
        elif isinstance(target.way, FromStays) and of_stays is not None:
            values = reforms.stay_effects(target.id, target.way, of_stays)
        else:
            continue
        mean, low, high = mean_and_interval(values)
        share = share_of_sign(values, target.form.sign)
        rows.append(judged(target, Simulated(mean, low, high, share, replicates, lived, command)))
    return rows


def share_of_sign(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], sign: int) -> float:
    """Share of seeds with a sign; NaN where none is asked."""
    return float((np.sign(values) == sign).mean()) if sign else float("nan")
