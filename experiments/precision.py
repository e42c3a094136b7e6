"""How precise one seed is: a reform's measured effect in one seed beside its mean over many.

Run by ``python -m experiments.precision``: lives the county's status quo and four reforms under
many seeds with several numbers of people and keeps how far apart the seeds are in
``experiments/records/precision.csv``. Pages tell it where a comparison has one replicate and no
interval can be given yet. Knows scenarios and outcomes; must not know pages.
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from experiments.spread import spread

__all__ = ["Spread", "half_width"]

FILE = Path(__file__).parent / "records" / "precision.csv"
REGION = "china-county"
ARMS = tuple(f"{REGION}-{name}" for name in ("global-budget", "capitation", "drg", "value-based"))
PEOPLE = (2_000, 5_000, 20_000)
OUTCOMES = ("spending_per_person", "fund_spending_per_person", "out_of_pocket_per_person")
MONTHS = 36
NORMAL = 1.96  # 95 of 100 seeds lie within so many standard deviations of their mean


@dataclass(frozen=True)
class Spread:
    """How far apart seeds are in what a reform changes.

    Attributes
    ----------
    outcome, arm : str
    people, seeds : int
    mean, sd : float
        Of the paired difference from the status quo, in percent of the status quo's own value.
    """

    outcome: str
    arm: str
    people: int
    seeds: int
    mean: float
    sd: float


def differences(job: tuple[int, int]) -> dict[tuple[str, str], float]:
    """Live all arms once; give each difference in percent of the status quo, by outcome and arm."""
    from sim.eves import Eves
    from sim.outcomes import evaluate
    from sim.runner import RunTask, reform_months
    from sim.scenario import load

    people, seed = job
    eves = Eves()
    found: dict[str, dict[str, float]] = {}
    for arm in (REGION, *ARMS):
        scenario = load(arm).with_population(people).with_horizon(reform=MONTHS)
        lived = eves.simulate(RunTask(arm, 0, seed, scenario))
        measured = evaluate(lived.history, lived.traits, reform_months(scenario))
        found[arm] = {outcome: measured[outcome]["all"].value for outcome in OUTCOMES}
    quo = found[REGION]
    return {
        (outcome, arm): 100.0 * (found[arm][outcome] - quo[outcome]) / quo[outcome]
        for outcome in OUTCOMES
        for arm in ARMS
    }


def measured(seeds: int, workers: int) -> list[Spread]:
    """Live every number of people under many seeds."""
    from sim.runner import seed_of

    jobs = [(people, seed_of(1, number)) for people in PEOPLE for number in range(seeds)]
    lived = list(spread(differences, jobs, workers))
    return [
        Spread(outcome, arm, people, seeds, statistics.mean(values), statistics.stdev(values))
        for outcome in OUTCOMES
        for arm in ARMS
        for people in PEOPLE
        for values in (
            [
                one[outcome, arm]
                for one, (crowd, _) in zip(lived, jobs, strict=True)
                if crowd == people
            ],
        )
    ]


def write(rows: Sequence[Spread], file: Path = FILE) -> None:
    """Keep the spreads, one a line."""
    with file.open("w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out, lineterminator="\n")
        lines.writerow(("outcome", "arm", "people", "seeds", "mean_percent", "sd_percent"))
        for row in rows:
            numbers = (f"{row.mean:.3f}", f"{row.sd:.3f}")
            lines.writerow((row.outcome, row.arm, row.people, row.seeds, *numbers))


@cache
def read(file: Path = FILE) -> tuple[Spread, ...]:
    """Read the spreads that were kept."""
    with file.open(encoding="utf-8", newline="") as text:
        return tuple(
            Spread(
                row["outcome"],
                row["arm"],
                int(row["people"]),
                int(row["seeds"]),
                float(row["mean_percent"]),
                float(row["sd_percent"]),
            )
            for row in csv.DictReader(text)
        )


def half_width(region: str, people: int, outcome: str = "spending_per_person") -> float | None:
    """How far from its mean a reform's effect in one seed lies, in 95 of 100 seeds.

    Parameters
    ----------
    region : str
        None is given for a region where this was not measured.
    people : int
        Between and beyond the numbers measured the spread is taken to shrink with the square root.
    outcome : str
        One of those measured.

    Returns
    -------
    float or None
        In percent of the status quo's value; the widest of the reforms measured.
    """
    if region != REGION:
        return None
    rows = [row for row in read() if row.outcome == outcome]
    near = min({row.people for row in rows}, key=lambda n: abs(math.log(n / people)))
    widest = max(row.sd for row in rows if row.people == near)
    return NORMAL * widest * math.sqrt(near / people)


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    write(measured(options.seeds, options.workers))


if __name__ == "__main__":
    main()
