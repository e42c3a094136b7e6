"""A province: what the runs of its counties come to together, by arm.

Knows the results of a sweep without factors and the registry of outcomes; must not know how the
runs were lived, nor how numbers are shown.

An outcome that is a ratio of sums is so for the province too: the sum of numerators over the sum of
denominators, each county weighted by the residents that one of its simulated people stands for.
What has no such sums (an index of inequality) is averaged over counties by residents, and says so.
Arms are compared county by county, for each lives the same people and the same luck in every arm.

Intervals are those of the delete-one jackknife over counties (Efron and Stein 1981), with the
quantile of Student's distribution for one county less than there are. They hold luck and what
differs between counties; they do not hold what is unknown about behavior.

References
----------
Efron, B., and C. Stein. 1981. The jackknife estimate of variance. Annals of Statistics 9:586-596.
https://doi.org/10.1214/aos/1176345462
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.measurement import split
from experiments.sweep.simulation import DENOMINATOR, NUMERATOR
from experiments.sweep.store import Row
from sim.errors import ScenarioError, StoreError
from sim.outcomes import OUTCOMES

if TYPE_CHECKING:
    from experiments.sweep.results import Results

__all__ = ["Line", "Province", "jackknife", "province_of"]

Float64 = npt.NDArray[np.float64]
_PER_PERSON_YEAR = "/person-year"
_MONTHS_A_YEAR = 12.0
_LEVEL = 0.95
_SHOWN = 5


@dataclass(frozen=True)
class Line:
    """One outcome of one arm, over all counties.

    Attributes
    ----------
    arm, outcome, unit : str
    value : float
        For the whole province, in `unit`.
    total : float
        What all residents come to over the reform, in the unit before "/person-year"; NaN for an
        outcome that is no amount a person and year.
    difference, low, high : float
        Value less the first arm's, and its 95 % interval over counties; NaN in the first arm.
    n_higher, n_lower : int
        Counties in which the outcome is higher, or lower, than in the first arm.
    is_mean : bool
        The mean over counties, weighted by residents, because the outcome is no ratio of sums.
    """

    arm: str
    outcome: str
    unit: str
    value: float
    total: float
    difference: float
    low: float
    high: float
    n_higher: int
    n_lower: int
    is_mean: bool


@dataclass(frozen=True)
class Province:
    """What the counties come to.

    Attributes
    ----------
    n_counties : int
    residents : int or None
        Of all counties; None where the design lists none and its replicates are alike.
    people : int
        Simulated at the start in each arm; 0 where the design lists no counties.
    person_years : float
        Lived over the reform by the residents of all counties, in the first arm; NaN if not kept.
    lines : tuple of Line
        Arm by arm, in the design's order.
    """

    n_counties: int
    residents: int | None
    people: int
    person_years: float
    lines: tuple[Line, ...]


def jackknife(above: Float64, below: Float64, minus: tuple[Float64, Float64]) -> float:
    """Give the half-width of the 95 % interval of a difference of two ratios of sums.

    Parameters
    ----------
    above, below : float64, shape (n_counties,)
        Weighted numerators and denominators of one arm.
    minus : (float64, float64), each of shape (n_counties,)
        The same of the arm taken off, county by county.

    Returns
    -------
    float
        NaN for fewer than two counties.

    Examples
    --------
    For equal denominators the interval is the paired one of Student: differences 1, 2 and 3 have a
    standard error of 1 / sqrt(3), and the quantile for two degrees of freedom is 4.3027.

    >>> import numpy as np
    >>> one = np.ones(3)
    >>> width = jackknife(np.array([2.0, 3.0, 4.0]), one, (one, one))
    >>> round(width, 4), round(4.302653 / 3.0**0.5, 4)
    (2.4841, 2.4841)
    """
    from scipy.stats import t

    n = len(above)
    if n < 2:
        return math.nan

    def without_each(a: Float64, b: Float64) -> Float64:
        left = b.sum() - b
        found = np.full(n, np.nan)
        np.divide(a.sum() - a, left, out=found, where=left != 0.0)
        return found

    found = without_each(above, below) - without_each(*minus)
    variance = (n - 1) / n * float(((found - found.mean()) ** 2).sum())
    return float(t.ppf(0.5 + 0.5 * _LEVEL, n - 1)) * math.sqrt(variance)


def _ratio(above: Float64, below: Float64) -> float:
    """Give a ratio of sums; NaN where there was no case."""
    total = float(below.sum())
    return float(above.sum()) / total if total else math.nan


def _rows(results: Results) -> list[list[Row]]:
    """Give the rows of each arm in the order of replicates, or refuse what is not whole."""
    design = results.design
    found: list[list[Row]] = [[] for _ in design.arms]
    wrong = []
    for index, row in enumerate(results.rows):
        run = results.plan.run(index)
        if isinstance(row, Row) and row.status == "ok":
            found[run.arm].append(row)
            continue
        what = "missing" if row is None else row if isinstance(row, str) else row.status
        county = design.county(run.replicate)
        place = county.name_en if county is not None else f"replicate {run.replicate}"
        wrong.append(f"{place}, arm {design.arms[run.arm]}: {what}")
    if wrong or results.plan.shard != (1, 1):
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise StoreError(
            f"{len(wrong)} runs are not there: " + "; ".join(wrong[:_SHOWN]) + more
            if wrong
            else "the store holds a part of the province only",
            where="province",
            remedy="Go on with `payshift sweep --resume`, or put the parts together with "
            "`payshift merge`.",
        )
    return found


def province_of(results: Results) -> Province:
    """Put the counties of a sweep together.

    Parameters
    ----------
    results : Results
        Of a design without factors, whole.

    Raises
    ------
    ScenarioError
        For a design that varies factors.
    StoreError
        For runs that are missing or gave no outcomes.
    """
    design = results.design
    if design.factors:
        raise ScenarioError(
            "the design varies factors, so that its runs are no counties of one province",
            where="province",
            allowed="a design of arms, counties and replicates alone",
        )
    by_arm = _rows(results)
    counties = [design.county(replicate) for replicate in range(design.replicates)]
    # A replicate of a county stands for its share of the residents.
    times = design.replicates // len(design.counties) if design.counties else 1
    residents = np.array([1.0 if c is None else c.residents / times for c in counties])
    people = np.array(
        [1.0 if c is None else float(c.settings.get("population", c.residents)) for c in counties]
    )
    weight = residents / people
    person_years = math.nan
    lines = []
    for outcome in design.outcomes:
        kind = OUTCOMES[split(outcome)[0]]
        is_mean = any(NUMERATOR + outcome not in row.summary for rows in by_arm for row in rows)
        sums = []
        for rows in by_arm:
            if is_mean:
                values = np.array([row.summary.get(outcome, math.nan) for row in rows])
                sums.append((values * residents, residents))
            else:
                above = np.array([row.summary[NUMERATOR + outcome] for row in rows])
                below = np.array([row.summary[DENOMINATOR + outcome] for row in rows])
                sums.append((kind.scale * weight * above, weight * below))
        is_amount = not is_mean and kind.unit.endswith(_PER_PERSON_YEAR)
        if is_amount and math.isnan(person_years):
            person_years = float(sums[0][1].sum()) / _MONTHS_A_YEAR
        lines += _lines(design.arms, outcome, kind.unit, sums, is_mean, is_amount)
    lines.sort(key=lambda line: design.arms.index(line.arm))
    return Province(
        len(design.counties) or design.replicates,
        sum(county.residents for county in design.counties) if design.counties else None,
        int(people.sum()) if design.counties else 0,
        person_years if design.counties else math.nan,
        tuple(lines),
    )


def _lines(
    arms: Sequence[str],
    outcome: str,
    unit: str,
    sums: Sequence[tuple[Float64, Float64]],
    is_mean: bool,
    is_amount: bool,
) -> list[Line]:
    """Give an outcome of every arm beside the first."""
    first = sums[0]
    found = []
    for arm, (above, below) in zip(arms, sums, strict=True):
        value = _ratio(above, below)
        difference = low = high = math.nan
        higher = lower = 0
        if arm != arms[0]:
            difference = value - _ratio(*first)
            width = jackknife(above, below, first)
            low, high = difference - width, difference + width
            with np.errstate(divide="ignore", invalid="ignore"):
                each = above / below - first[0] / first[1]
            higher, lower = int((each > 0.0).sum()), int((each < 0.0).sum())
        found.append(
            Line(
                arm,
                outcome,
                unit,
                value,
                float(above.sum()) / _MONTHS_A_YEAR if is_amount else math.nan,
                difference,
                low,
                high,
                higher,
                lower,
                is_mean,
            )
        )
    return found
