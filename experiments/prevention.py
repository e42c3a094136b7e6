"""What prevention achieves in the county against published effects, and the fit of its parameters.

Mirrors two natural experiments on the county: practices with a quarter of their income at risk on
chronic control and follow-up (C17), and practices moved from fees to capitation that keeps a small
part of the fees (C11). The largest effect of prevention is fitted to C17 and to what prevention is
known to return, the weight that practices give to later health to C11; nothing else is used, and
no claim of :mod:`experiments.emergence` is. The record has every target beside what was achieved,
misses included::

    python -m experiments.prevention              # measure and write the record
    python -m experiments.prevention --fit        # also say what each value of the grid achieves

Knows targets and outcomes of runs; must not know how prevention comes about.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from experiments.emergence.arms import PRACTICE
from experiments.emergence.lives import Life, continued, world_at_reform
from sim.runner import seed_of
from sim.scenario import load
from sim.tallies import PersonTally as P
from sim.tallies import ProviderTally as V

__all__ = ["TARGETS", "Target", "distance", "effects", "main"]

Float = npt.NDArray[np.float64]

RECORD: Final = Path(__file__).parent / "records" / "prevention" / "china-county.csv"
COUNTY: Final = "china-county"
MASTER: Final = 1711  # other seeds than those of the claims
GRID: Final[Mapping[str, Sequence[float]]] = {
    "prevention_effect": (1.2, 2.4, 5.0, 10.0, 20.0),
    "prevention_health_weight": (0.25, 0.35, 0.6, 1.0),
}
_LIST: Final[Mapping[str, Any]] = {"fee_for_service": {"schedule": "list"}}


def _practices(contract: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "payer": ["resident-scheme", "employee-scheme"],
            "providers": {"kind": "practice", "inside": True},
            "contract": dict(contract),
        }
    ]


QUALITY: Final = _practices(
    {
        "value_based": {
            # A quarter of income, and only what the British contract of 2004 paid most for.
            "at_risk": {"value": 0.25, "unit": "share"},
            "domains": {"outcome": 0.5, "process": 0.5},
            "measures": {"outcome": ["chronic_control"], "process": ["follow_up"]},
            "of": _LIST,
        }
    }
)
BLEND: Final = _practices(
    {
        "blend": [
            # Ontario's family health organizations keep 15 % of the fees of core services.
            {"weight": 0.85, "contract": {"capitation": {"rate": "neutral", "risk": "age-sex"}}},
            {"weight": 0.15, "contract": _LIST},
        ]
    }
)


@dataclass(frozen=True)
class Target:
    """A published effect, %, with the band of the evidence.

    ``fitted`` says whether it decides the parameters; the others are told beside them.
    """

    id: str
    of: str
    target: float
    low: float
    high: float
    fitted: bool


TARGETS: Final = (
    Target("avoidable_need_year_1", "C17", -2.7, -5.0, -1.0, True),
    Target("avoidable_need_year_3", "return of prevention", -4.5, -8.0, -1.0, True),
    Target("preventive_contacts", "C11", 9.0, 3.0, 15.0, True),
    Target("avoidable_admissions_year_1", "C17", -2.7, -5.0, -1.0, False),
    Target("avoidable_admissions_year_3", "return of prevention", -4.5, -8.0, -1.0, False),
)


def _people(life: Life, column: P, year: int) -> float:
    start = life.world.reform_month + 12 * year
    table = life.history.person[start : start + 12].sum(axis=(0, 1))
    return float(table[column]) / float(table[P.PERSON_MONTHS])


def _contacts(life: Life) -> float:
    rows = life.rows(PRACTICE)
    return life.total(V.PREVENTIVE, rows) / life.total(V.CHRONIC_MEMBERS, rows)


def effects(seed: int, people: int, parameters: Mapping[str, float]) -> dict[str, float]:
    """Live the two experiments with one seed and return their effects.

    Parameters
    ----------
    seed, people : int
    parameters : mapping of parameter id to value

    Returns
    -------
    dict of str to float
        Effects in % of doing nothing; ``control_*`` in percentage points of condition-months.
    """
    world = world_at_reform("county", seed, people, parameters)
    scenario = load(COUNTY)
    base = continued(world, scenario.after)
    quality = continued(world, scenario.with_payment(QUALITY).after)
    blend = continued(world, scenario.with_payment(BLEND).after)
    found = {"preventive_contacts": 100.0 * (_contacts(blend) / _contacts(base) - 1.0)}
    found["contacts_quality"] = 100.0 * (_contacts(quality) / _contacts(base) - 1.0)
    for year in range(3):
        for name, column in (
            ("avoidable_need", P.NEED_BED_AVOIDABLE),
            ("avoidable_admissions", P.GIVEN_AVOIDABLE),
        ):
            ratio = _people(quality, column, year) / _people(base, column, year)
            found[f"{name}_year_{year + 1}"] = 100.0 * (ratio - 1.0)
        share = [
            _people(x, P.CONTROLLED, year) / _people(x, P.CONDITIONS, year) for x in (base, quality)
        ]
        found[f"control_base_year_{year + 1}"] = 100.0 * share[0]
        found[f"control_year_{year + 1}"] = 100.0 * (share[1] - share[0])
    return found


def distance(means: Mapping[str, float]) -> float:
    """Return squared distances of effects from the fitted targets, in half-widths of bands."""
    return sum(
        ((means[t.id] - t.target) / (0.5 * (t.high - t.low))) ** 2 for t in TARGETS if t.fitted
    )


def _one(task: tuple[int, int, tuple[tuple[str, float], ...]]) -> dict[str, float]:
    """Run one seed; a top-level function, so that processes can call it."""
    seed, people, parameters = task
    return effects(seed, people, dict(parameters))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and with ``--fit`` search the grid; write the record."""
    parser = argparse.ArgumentParser(prog="python -m experiments.prevention", description=__doc__)
    parser.add_argument("--fit", action="store_true", help="try every value of the grid")
    parser.add_argument("--replicates", type=int, default=8)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RECORD)
    given = parser.parse_args(arguments)
    seeds = [seed_of(MASTER, r) for r in range(given.replicates)]
    points: list[dict[str, float]] = [{}]
    if given.fit:
        points = [dict(zip(GRID, x, strict=True)) for x in itertools.product(*GRID.values())]
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        tasks = [(s, given.people, tuple(p.items())) for p in points for s in seeds]
        found = list(pool.map(_one, tasks))
    runs = [found[i * len(seeds) : (i + 1) * len(seeds)] for i in range(len(points))]
    means = [{k: float(np.mean([x[k] for x in run])) for k in run[0]} for run in runs]
    for point, mean in zip(points, means, strict=True):
        told = {k: round(v, 2) for k, v in mean.items()}
        sys.stdout.write(f"{point or 'as in the table'}: distance {distance(mean):.2f}, {told}\n")
    if not given.fit:
        _write(given.out, runs[0])
    return 0


def _write(path: Path, run: Sequence[Mapping[str, float]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    by_id = {t.id: t for t in TARGETS}
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(
            ["outcome", "unit", "of", "target", "low", "high", "achieved", "standard_error", "met"]
        )
        for name in [*by_id, *sorted(k for k in run[0] if k not in by_id)]:
            values = np.array([x[name] for x in run])
            mean, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
            unit = "percentage points" if name.startswith("control") else "%"
            row: list[Any] = ["", "", "", ""]
            met = ""
            if name in by_id:
                t = by_id[name]
                row = [t.of, t.target, t.low, t.high]
                met = "yes" if t.low <= mean <= t.high else "no"
            out.writerow([name, unit, *row, f"{mean:.4g}", f"{error:.2g}", met])


if __name__ == "__main__":
    sys.exit(main())
