"""An ensemble of parameter sets that a region's published moments do not tell apart.

Every set agrees with the region's baseline: all moments of its targets lie in their bands. What is
not known is drawn, what the moments tell is solved for, and sets that miss a band are dropped.
Knows parameters, moments and bands; must not know any rule of behavior::

    python -m experiments.ensemble                       # the county, into experiments/records

The table is data with provenance: parameters, moments, and what made them.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from experiments.baseline import SHARES, Fitted, Moment, baseline_of, run_once
from experiments.commands import ends_in_order, told_progress
from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.executors import Progress, store_named, sweep
from experiments.sweep.results import Results
from experiments.sweep.simulation import Simulation
from sim.errors import ScenarioError, StoreError
from sim.record import code_version, home
from sim.scenario import Scenario, library_root, load

__all__ = [
    "BaselineMoments",
    "Ensemble",
    "Spread",
    "build",
    "over_ensemble",
    "read_ensemble",
    "refuse_doubles",
    "spread_of",
    "write_ensemble",
]

Float = npt.NDArray[np.float64]

RECORDS: Final = Path(__file__).parent / "records"
FOLDER: Final = RECORDS / "ensemble"
GRADES: Final = ("assumed", "calibrated")
"""Of parameters that are drawn: what was measured or estimated from data stays."""
REACH: Final = 0.25
"""Share of the way from a value to each end of its range that is drawn."""
HELD: Final = ("C3", "C4", "C6")
STEPS: Final = 5
PEOPLE: Final = 6_000
CANDIDATES: Final = 60


@dataclass(frozen=True)
class BaselineMoments:
    """A region's baseline year as the model of a sweep: parameters in, moments out.

    Attributes
    ----------
    region : str
    people : int
    """

    region: str
    people: int

    @property
    def code_version(self) -> str:
        """Hash of the simulator and its library."""
        return code_version(library_root())

    def __call__(self, parameters: Mapping[str, Any], arm: str, seed: int) -> dict[str, float]:
        """Live the baseline year and measure it."""
        return run_once((self.region, seed, self.people, tuple(parameters.items())))


@dataclass(frozen=True)
class Ensemble:
    """Sets of parameters, their moments, and what made them.

    Attributes
    ----------
    region : str
    parameters : tuple of str
    sets : ndarray, shape (n_sets, n_parameters)
    moments : mapping of str to ndarray, shape (n_sets,)
    about : mapping
        Provenance: people, seeds, candidates, code, command.
    """

    region: str
    parameters: tuple[str, ...]
    sets: Float
    moments: Mapping[str, Float]
    about: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.sets)


def _transformed(name: str, values: Float) -> Float:
    """Log-odds of a share, log of the rest."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(values / (1.0 - values)) if name in SHARES else np.log(values)


def _drawn(region: str, fitted: Sequence[str]) -> dict[str, tuple[float, float, bool]]:
    """List what is drawn: range about the value, and whether its logarithm is."""
    found = {}
    for name, row in load(region).region().parameters.items():
        is_drawn = row.evidence in GRADES and row.role == "uncertainty" and row.low < row.high
        if name in fitted or not is_drawn:
            continue
        is_log = row.distribution == "loguniform" and row.low > 0.0
        low, high = (
            row.default ** (1.0 - REACH) * end**REACH
            if is_log
            else row.default + REACH * (end - row.default)
            for end in (row.low, row.high)
        )
        found[name] = (low, high, is_log)
    return found


def _lived(
    points: Float,
    names: Sequence[str],
    region: str,
    model: Any,
    outcomes: Sequence[str],
    replicates: int,
    seed: int,
    folder: Path,
    workers: int | None,
    progress: Progress | None,
) -> dict[str, Float]:
    """Live points, or go on with them; moments by name, shape (n_points, replicates)."""
    known = load(region).region().parameters
    design = Design(
        arms=(region,),
        factors=tuple(Factor.of(known[name]) for name in names),
        sampler=Sampler("given", options={"points": points.tolist()}),
        replicates=replicates,
        seed=seed,
        outcomes=tuple(outcomes),
        title={"en": "Ensemble of parameters", "zh": "参数集合"},
        settings={"people": getattr(model, "people", 0)},
    )
    folder.mkdir(parents=True, exist_ok=True)
    store = store_named(folder, region, design, model)
    sweep(design, store, model, "process", workers, resume=store.exists(), progress=progress)
    results = Results.of(store)
    return {name: results.outcome(region, name) for name in outcomes}


def build(
    region: str = "china-county",
    people: int = PEOPLE,
    candidates: int = CANDIDATES,
    replicates: int = 2,
    seed: int = 101,
    *,
    folder: Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    model: Any = None,
) -> Ensemble:
    """Draw sets, solve for what the moments tell, and keep those that miss no band.

    Parameters
    ----------
    region : str
    people : int
        Persons simulated in each run.
    candidates : int
        Sets drawn.
    replicates, seed : int
        Seeds of each set, the same for all.
    folder : Path, optional
        Of the stores; what was lived is not lived again.
    workers : int, optional
    progress : callable, optional
    model : callable, optional
        In the place of the region's baseline, for tests.

    Notes
    -----
    Parameters graded assumed or calibrated are a Latin hypercube over a quarter of the way to the
    ends of their ranges; those that a moment tells (``fitted`` of the region's baseline) are moved
    by Newton steps, with slopes measured one at a time at the region's own values, until their
    moments are met. Seeds are shared, so a set is judged by the *difference* its parameters make:
    moments are those of the region's record, from many people, plus the set's less the region's own
    at the same seeds. Bands are widened by two standard errors of that difference.
    """
    baseline = baseline_of(region)
    fitted = baseline.fitted
    moments = [m for m in baseline.moments if m.of in HELD]
    known = load(region).region().parameters
    drawn = _drawn(region, [one.id for one in fitted])
    names = (*(one.id for one in fitted), *drawn)
    default = np.array([known[name].default for name in names])
    outcomes = tuple(dict.fromkeys([*(m.id for m in moments), *(one.moment for one in fitted)]))
    record = _achieved(region)
    lives = BaselineMoments(region, people) if model is None else model

    def live(points: Float) -> dict[str, Float]:
        stores = folder or home() / "ensemble"
        return _lived(
            points, names, region, lives, outcomes, replicates, seed, stores, workers, progress
        )

    moved = _one_at_a_time(default, fitted)
    first = live(np.vstack([default, moved]))
    slopes = _slopes(first, fitted, _sizes(default, moved, fitted))
    own = {name: values[0] for name, values in first.items()}

    def adjusted(found: Mapping[str, Float]) -> dict[str, Float]:
        return {
            name: record[name] + (values - own[name]).mean(axis=1) for name, values in found.items()
        }

    points = np.tile(default, (candidates, 1))
    unit = qmc.LatinHypercube(len(drawn), seed=np.random.default_rng(seed)).random(candidates)
    for column, (low, high, is_log) in enumerate(drawn.values()):
        share = unit[:, column]
        value = low * (high / low) ** share if is_log else low + share * (high - low)
        points[:, len(fitted) + column] = value
    best, gap = points.copy(), np.full(candidates, np.inf)
    values: dict[str, Float] = {name: np.full(candidates, np.nan) for name in outcomes}
    targets = {**{m.id: m.target for m in baseline.moments}, **baseline.derived}
    for _ in range(STEPS):
        runs = live(points)
        found = adjusted(runs)
        miss = _worst(found, moments, _luck(runs, own))
        better = miss < gap
        best[better], gap[better] = points[better], miss[better]
        for name in outcomes:
            values[name][better] = found[name][better]
        points = _stepped(points, found, fitted, targets, slopes)
    accepted = gap <= 1.0
    return Ensemble(
        region,
        names,
        best[accepted],
        {name: values[name][accepted] for name in outcomes},
        {
            "region": region,
            "people": people,
            "candidates": candidates,
            "accepted": int(accepted.sum()),
            "seeds": replicates,
            "first_seed": seed,
            "steps": STEPS,
            "reach": REACH,
            "grades": list(GRADES),
            "targets": list(HELD),
            "code": lives.code_version,
            "command": f"python -m experiments.ensemble --region {region} --people {people} "
            f"--candidates {candidates} --replicates {replicates}",
        },
    )


def _achieved(region: str) -> dict[str, float]:
    """Read what the region's own parameters achieve, from the record of its baseline."""
    path = RECORDS / "baseline" / f"{region}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        found = {row["moment"]: float(row["achieved"]) for row in csv.DictReader(file)}
    if "visits_inside" in found:
        found["visits_outside"] = 1.0 - found["visits_inside"]
    return found


_BUMP: Final = 0.1


def _one_at_a_time(default: Float, fitted: Sequence[Fitted]) -> Float:
    """Move each fitted parameter by a tenth, or by .1 where it is no logarithm."""
    rows = []
    for index, one in enumerate(fitted):
        row = default.copy()
        row[index] = row[index] * np.exp(_BUMP) if one.is_log else row[index] + _BUMP
        if not one.low <= row[index] <= one.high:
            row[index] = default[index] * np.exp(-_BUMP) if one.is_log else default[index] - _BUMP
        rows.append(row)
    return np.array(rows)


def _sizes(default: Float, moved: Float, fitted: Sequence[Fitted]) -> Float:
    """Give how far each fitted parameter was moved, in its logarithm where it is one."""
    pairs = [(moved[i, i], default[i], one.is_log) for i, one in enumerate(fitted)]
    return np.array([np.log(to / at) if is_log else to - at for to, at, is_log in pairs])


def _slopes(first: Mapping[str, Float], fitted: Sequence[Fitted], sizes: Float) -> Float:
    """Give slopes of transformed moments in the fitted parameters, shape (moments, parameters).

    Rows of `first` are the region's own values, then each parameter moved.
    """
    table = np.stack(
        [
            _transformed(one.moment, first[one.moment]).mean(axis=1)[1:]
            - _transformed(one.moment, first[one.moment]).mean(axis=1)[0]
            for one in fitted
        ]
    )
    slopes: Float = table / sizes
    return slopes


def _stepped(
    points: Float,
    found: Mapping[str, Float],
    fitted: Sequence[Fitted],
    targets: Mapping[str, float],
    slopes: Float,
) -> Float:
    """Move the fitted parameters of every point by one Newton step toward the targets."""
    gaps = np.stack(
        [
            _transformed(one.moment, np.array(targets[one.moment]))
            - _transformed(one.moment, found[one.moment])
            for one in fitted
        ],
        axis=1,
    )
    steps = np.linalg.lstsq(slopes, np.nan_to_num(gaps).T, rcond=0.02)[0].T
    moved = points.copy()
    for index, one in enumerate(fitted):
        step = np.clip(steps[:, index], -0.5, 0.5)
        value = points[:, index] * np.exp(step) if one.is_log else points[:, index] + step
        moved[:, index] = np.clip(value, one.low, one.high)
    return moved


def _luck(runs: Mapping[str, Float], own: Mapping[str, Float]) -> dict[str, float]:
    """Give the standard error of a set's difference from the region's own, from its seeds."""
    found = {}
    for name, values in runs.items():
        gaps = values - own[name]
        n = gaps.shape[1]
        found[name] = math.sqrt(gaps.var(axis=1, ddof=1).mean() / n) if n > 1 else 0.0
    return found


def _worst(
    found: Mapping[str, Float], moments: Sequence[Moment], luck: Mapping[str, float]
) -> Float:
    """Give the largest distance of a moment from the middle of its band, in half-widths.

    Two standard errors of luck are taken off: a set is not dropped for too few people.
    """
    rows = [
        np.maximum(np.abs(found[m.id] - 0.5 * (m.low + m.high)) - 2.0 * luck[m.id], 0.0)
        / (0.5 * (m.high - m.low))
        for m in moments
    ]
    worst: Float = np.nan_to_num(np.max(rows, axis=0), nan=np.inf)
    return worst


# --- files ---------------------------------------------------------------------------------------


def write_ensemble(ensemble: Ensemble, folder: Path = FOLDER) -> None:
    """Write sets and moments as a table and what made them beside it, each first under a part."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / f"{ensemble.region}.csv"
    part = table.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        held = tuple(ensemble.moments)
        writer.writerow(["set", *ensemble.parameters, *(f"moment:{name}" for name in held)])
        for index, row in enumerate(ensemble.sets):
            moments = (f"{ensemble.moments[name][index]:.6g}" for name in held)
            writer.writerow([index + 1, *(f"{value:.8g}" for value in row), *moments])
    os.replace(part, table)
    about = folder / f"{ensemble.region}.json"
    part = about.with_suffix(".part")
    part.write_text(json.dumps(dict(ensemble.about), indent=2) + "\n", encoding="utf-8")
    os.replace(part, about)


def read_ensemble(region: str, folder: Path = FOLDER) -> Ensemble:
    """Read a region's ensemble.

    Raises
    ------
    ScenarioError
        If the region has none.
    StoreError
        If its table is damaged.
    """
    table = folder / f"{region}.csv"
    if not table.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.csv")))
        raise ScenarioError(
            "the region has no ensemble of parameters",
            where="--ensemble",
            value=region,
            allowed=known or "none yet",
            remedy=f"Build one: python -m experiments.ensemble --region {region}",
        )
    try:
        with table.open(newline="", encoding="utf-8") as file:
            head, *rows = list(csv.reader(file))
        values = np.array([[float(cell) for cell in row] for row in rows])
        about = json.loads((folder / f"{region}.json").read_text(encoding="utf-8"))
        is_moment = [name.startswith("moment:") for name in head]
        names = tuple(head[i] for i in range(1, len(head)) if not is_moment[i])
        sets = values[:, 1 : 1 + len(names)]
        moments = {
            head[i].removeprefix("moment:"): values[:, i] for i in range(len(head)) if is_moment[i]
        }
    except (OSError, ValueError, IndexError) as error:
        raise StoreError(f"the ensemble cannot be read ({error})", where=str(table)) from None
    return Ensemble(region, names, sets, moments, about)


# --- reforms over it -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """A difference between a reform and the status quo over the sets.

    Attributes
    ----------
    mean : float
        Over sets.
    low, high : float
        Between them lie nine tenths of the sets.
    parameters_sd : float
        Spread between sets that is not luck: total variance less that of seeds inside sets.
    same_sign : float
        Share of sets with the sign of the mean.
    """

    mean: float
    low: float
    high: float
    parameters_sd: float
    same_sign: float


def spread_of(differences: Float) -> Spread:
    """Sum up differences, shape (n_sets, n_seeds).

    Examples
    --------
    >>> spread_of(np.array([[1.0, 1.0], [3.0, 3.0]]))
    Spread(mean=2.0, low=1.1, high=2.9, parameters_sd=1.4142135623730951, same_sign=1.0)
    """
    means = differences.mean(axis=1)
    low, high = np.quantile(means, [0.05, 0.95])
    n_seeds = differences.shape[1]
    inside = differences.var(axis=1, ddof=1).mean() / n_seeds if n_seeds > 1 else 0.0
    between = max(float(means.var(ddof=1)) - float(inside), 0.0)
    mean = float(means.mean())
    return Spread(
        mean,
        float(low),
        float(high),
        float(np.sqrt(between)),
        float((np.sign(means) == np.sign(mean)).mean()),
    )


def refuse_doubles(scenario: Scenario, ensemble: Ensemble) -> None:
    """Refuse a scenario that sets a parameter which the sets give too."""
    taken = sorted(set(ensemble.parameters) & set(scenario.parameters))
    if taken:
        raise ScenarioError(
            "the scenario sets a parameter that the ensemble draws",
            where="ensemble",
            value=", ".join(taken),
            remedy="Leave it out, or run without the ensemble.",
        )


def over_ensemble(
    arms: Mapping[str, Scenario],
    ensemble: Ensemble,
    outcomes: Sequence[str],
    replicates: int,
    store: Path,
    workers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, dict[str, Spread]]:
    """Live every arm under every set, with the same people and luck, and sum up differences.

    Parameters
    ----------
    arms : mapping of str to Scenario
        The first is what the others are compared with.
    ensemble : Ensemble
    outcomes : sequence of str
    replicates : int
        Seeds of each set.
    store : Path
        Folder of the store; runs in it are not lived again.
    workers : int, optional
    progress : callable, optional

    Returns
    -------
    dict of arm to dict of outcome to Spread
        Of one arm alone its own outcomes, of several the differences from the first.

    Raises
    ------
    ScenarioError
        If an arm sets a parameter that the sets give too.
    """
    first, *others = arms
    refuse_doubles(arms[first], ensemble)
    known = arms[first].region().parameters
    design = Design(
        arms=tuple(arms),
        factors=tuple(Factor.of(known[name]) for name in ensemble.parameters),
        sampler=Sampler("given", options={"points": ensemble.sets.tolist()}),
        replicates=replicates,
        seed=arms[first].seed,
        outcomes=tuple(outcomes),
        title={"en": "Comparison over an ensemble", "zh": "参数集合上的比较"},
        scenario_sha={name: scenario.sha256() for name, scenario in arms.items()},
    )
    store.mkdir(parents=True, exist_ok=True)
    model = Simulation.of(arms, outcomes)
    path = store_named(store, "ensemble", design, model)
    sweep(
        design,
        path,
        model,
        "process",
        workers,
        resume=path.exists(),
        model_json=model.as_json(),
        progress=progress,
    )
    results = Results.of(path)
    if not others:
        return {first: {name: spread_of(results.outcome(first, name)) for name in outcomes}}
    return {
        arm: {name: spread_of(results.outcome(arm, name, minus=first)) for name in outcomes}
        for arm in others
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Build a region's ensemble and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--region", default="china-county")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--candidates", type=int, default=CANDIDATES)
    parser.add_argument("--replicates", type=int, default=2)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--stores", type=Path, default=None, help="where runs are kept")
    given = parser.parse_args(arguments)
    with ends_in_order(), told_progress() as progress:
        found = build(
            given.region,
            given.people,
            given.candidates,
            given.replicates,
            folder=given.stores,
            workers=given.workers,
            progress=progress,
        )
    write_ensemble(found, given.out)
    sys.stderr.write(f"{len(found)} of {given.candidates} sets accepted\n")


if __name__ == "__main__":
    main()
