"""What the generators of all regions share: ages, columns, small curves, and writing a table.

Knows the layout of a region folder; must not know any region's pack or judged numbers.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Row = dict[str, str]

AGES = 101
AGE = np.arange(AGES)
COMPONENTS = ("drugs", "diagnostics", "procedures", "labor")
# the low-value service's harm: an antibiotic for a cold; needless imaging
LOW_VALUE_HARM = {"": 0.0, "drugs": 0.0002, "diagnostics": 0.0001}

PROVIDER_COLUMNS = [
    "id",
    "name_en",
    "name_zh",
    "kind",
    "type",
    "is_private",
    "outside",
    "beds",
    "visits_capacity",
    "physicians",
    "grade_coefficient",
    "visit_charge",
    "charge_per_weight",
    *(f"share_{s}_{c}" for s in ("outpatient", "inpatient") for c in COMPONENTS),
    "day_share",
    *(f"cost_ratio_{s}_{c}" for s in ("outpatient", "inpatient") for c in COMPONENTS),
    "day_cost_ratio",
    "covered_share_outpatient",
    "covered_share_inpatient",
    "budget_share_of_income",
    "operating_margin",
    "skill",
    "style_dispersion",
    "visits_baseline",
    "admissions_baseline",
    "stay_baseline",
    "case_mix_baseline",
    "groups_only",
    "groups_excluded",
]
GROUP_COLUMNS = [
    "id",
    "name_en",
    "name_zh",
    "condition",
    "prob_bed",
    "share_primary",
    "share_township",
    "is_avoidable",
    "is_elective",
    "visits_per_episode",
    "weight",
    *(f"weight_level{k}" for k in (1, 2, 3)),
    "los_days",
    *(f"los_level{k}" for k in (1, 2, 3)),
    *(f"share_level{k}" for k in (1, 2, 3)),
    "readmission",
    "inappropriate",
    "unmet",
    "visit_weight",
    "severity_sd",
    "care_class",
    *(f"stake_practice_{c}" for c in COMPONENTS),
    *(f"stake_hospital_{c}" for c in COMPONENTS),
    *(f"stake_inpatient_{c}" for c in COMPONENTS),
    "stake_day",
    *(f"curvature_{c}" for c in COMPONENTS),
    "admission_health",
    "low_value_component",
    "low_value_units",
    "low_value_base",
    "low_value_harm",
    *(f"fatality_level{k}" for k in (1, 2, 3)),
    "worsening",
    "self_limiting",
    "utility_loss",
]


def read_table(file: Path) -> list[Row]:
    """Read the rows of a table."""
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def read_judged(region: str) -> dict[str, Row]:
    """Judged numbers of a region's clinical groups, from the table beside its generator."""
    rows = read_table(Path(__file__).with_name(f"{region}_judged.csv"))
    return {row["group"]: row for row in rows}


class LongTables:
    """The raw tables of a data pack, with one way to find a number.

    Parameters
    ----------
    folder : Path
        The pack.
    scope : str, optional
        Where given, only rows of this scope are found; tables without scopes are found whole.
    """

    def __init__(self, folder: Path, scope: str | None = None) -> None:
        self.tables = {file.stem: read_table(file) for file in sorted(folder.glob("*.csv"))}
        self.scope = scope

    def rows(self, table: str, **same: str) -> list[Row]:
        """Rows whose cells equal ``same``."""
        return [
            row
            for row in self.tables[table]
            if self.scope is None or row.get("scope", self.scope) == self.scope
            if all(row.get(k, "") == v for k, v in same.items())
        ]

    def row(self, table: str, **same: str) -> Row:
        """The one row whose cells equal ``same``."""
        found = self.rows(table, **same)
        if len(found) != 1:
            raise SystemExit(f"{table}: {len(found)} rows for {same}")
        return found[0]

    def value(self, table: str, **same: str) -> float:
        """The number in the one row whose cells equal ``same``."""
        return float(self.row(table, **same)["value"])


def smooth(step: Floats, bands: list[tuple[int, int]], weight: Floats) -> Floats:
    """Connect band means by straight lines through band middles, keeping every band's mean."""
    middles = [(low + min(high, 90)) / 2 for low, high in bands]
    targets = np.array([step[low] for low, _ in bands])
    knots = targets.copy()
    members = [(low <= AGE) & (high >= AGE) for low, high in bands]
    for _ in range(200):
        curve = np.interp(AGE, middles, knots)
        means = np.array([np.average(curve[m], weights=weight[m] + 1e-12) for m in members])
        knots = np.maximum(knots * targets / np.maximum(means, 1e-12), 0)
    return np.asarray(np.interp(AGE, middles, knots), dtype=np.float64)


def stay_put(
    prevalence: Floats,
    incidence: Floats,
    remission: Floats,
    rr_death: Floats,
    deaths: Floats,
    by_age: Floats,
    conditions: Sequence[str],
    ending: Sequence[str],
) -> tuple[Floats, Floats]:
    """Incidence and remission under which prevalence at each age stays as it is, in sum.

    New cases must make up for aging (the slope of prevalence by age) and the excess deaths of
    cases. Where the pack's incidence does not, one factor on it closes the gap, or, for
    conditions in ``ending``, a yearly share of cases that end.
    """
    incidence, remission = incidence.copy(), remission.copy()
    for c, name in enumerate(conditions):
        p = prevalence[c]
        excess = deaths * (rr_death[c] / (1 + p * (rr_death[c] - 1)) - 1) * p
        needed = float((np.diff(p, append=p[-1]) + excess) @ by_age)
        found = float((incidence[c] * (1 - p)) @ by_age)
        if name in ending:
            remission[c] = max(found - needed, 0.0) / float(p @ by_age)
        elif remission[c] == 0:
            incidence[c] *= needed / found
            sys.stdout.write(f"  {name:24s} incidence x {needed / found:.2f}\n")
    return incidence, remission


def american(name: str) -> str:
    """A name of the pack in the project's spelling."""
    for british, us in (("haem", "hem"), ("Haem", "Hem"), ("naec", "nec")):
        name = name.replace(british, us)
    return name.replace("ischaemi", "ischemi").replace("Ischaemi", "Ischemi")


class Writer:
    """Write tables into one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def table(self, name: str, header: list[str], rows: Iterable[Iterable[object]]) -> None:
        """Write one table."""
        with (self.folder / name).open("w", encoding="utf-8", newline="") as stream:
            out = csv.writer(stream, lineterminator="\n")
            out.writerow(header)
            out.writerows([show(cell) for cell in row] for row in rows)


def show(cell: object) -> str:
    """Text of a cell: seven digits for a number, 0 or 1 for a flag."""
    if isinstance(cell, bool | np.bool_):
        return str(int(cell))
    if isinstance(cell, float | np.floating):
        return f"{float(cell):.7g}"
    return str(cell)
