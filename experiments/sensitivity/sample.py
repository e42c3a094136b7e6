"""What an analysis works on: the points of a design and one number for each, whole and in order.

Knows designs, results and how a sample can be faulty. Must not know any method of analysis, nor
how results are stored or drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.errors import ScenarioError, StoreError

__all__ = ["Column", "Results", "Sample", "columns_of", "outputs", "sample_of", "series"]

Array = NDArray[np.float64]
_NAMED = 5


class Results(Protocol):
    """What an analysis asks of the results of a sweep."""

    @property
    def design(self) -> Any:
        """The design: `arms`, `factors`, `sampler`, `replicates`, `seed`, `points()`."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row a run: `arm`, `draw`, `replicate`, `key`, a column per factor and outcome."""

    def outcome(self, arm: str, outcome: str, minus: str | None = None) -> Array:
        """Values of an outcome, shape (n_draws, n_replicates)."""

    def series(self, arm: str, outcome: str) -> Array:
        """Values by month, shape (n_draws, n_replicates, n_months)."""


@dataclass(frozen=True)
class Column:
    """One thing whose influence is asked: a factor, or a group of factors moved together.

    Attributes
    ----------
    id : str
        Name of the factor or of the group.
    label_en, label_zh : str
        Labels; a group's is its name.
    unit : str
        Unit of the factor; empty for a group.
    members : tuple of int
        Columns of the points that belong to it.
    """

    id: str
    label_en: str
    label_zh: str
    unit: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class Sample:
    """The points of a design with what is needed to analyze values found at them.

    Attributes
    ----------
    sampler : str
        How the points were drawn.
    n : int
        Base size of the sampler; how many points that makes is the sampler's matter.
    options : mapping
        Settings of the sampler.
    points : float64 (n_draws, n_factors)
        The points in the factors' units; a category stands as its index.
    shares : float64 (n_draws, n_factors), 0 to 1
        The points as quantiles of their distributions, where all samplers draw: the middle of its
        part of the cube for a category or a whole number.
    factors : tuple of Column
        Each factor by itself.
    columns : tuple of Column
        Factors, or groups where the design has groups.
    levels : tuple of int
        Number of values a choice or a whole number can take, 0 for any other number.
    is_choice : tuple of bool
        Whether a factor is one of several categories.
    seed : int
        Seed of the design.
    where : str
        Name of the design for messages.
    """

    sampler: str
    n: int
    options: Mapping[str, Any]
    points: Array
    shares: Array
    factors: tuple[Column, ...]
    columns: tuple[Column, ...]
    levels: tuple[int, ...]
    is_choice: tuple[bool, ...]
    seed: int
    where: str

    @property
    def is_grouped(self) -> bool:
        """Whether some factors move together."""
        return len(self.columns) < len(self.factors)


def _label(factor: Any, lang: str) -> str:
    text = getattr(factor, f"label_{lang}", "") or ""
    return str(text) or str(factor.name)


def columns_of(factors: Sequence[Any]) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """Each factor by itself, and factors or groups in the order of their first member."""
    single = tuple(
        Column(str(f.name), _label(f, "en"), _label(f, "zh"), str(f.unit or ""), (place,))
        for place, f in enumerate(factors)
    )
    members: dict[str, list[int]] = {}
    for place, factor in enumerate(factors):
        members.setdefault(str(factor.group or factor.name), []).append(place)
    grouped = tuple(
        Column(name, name, name, "", tuple(places))
        if factors[places[0]].group
        else single[places[0]]
        for name, places in members.items()
    )
    return single, grouped


def sample_of(design: Any) -> Sample:
    """The sample that a design draws.

    Raises
    ------
    ScenarioError
        If the design varies nothing.
    """
    factors = tuple(design.factors)
    if not factors:
        raise ScenarioError(
            "the design varies nothing",
            where=str(design.title),
            remedy="Give it factors: a parameter with a range, or a choice among categories.",
        )
    single, grouped = columns_of(factors)
    sampler = design.sampler
    title = design.title
    points = np.asarray(design.points(), dtype=np.float64)
    shares = [factor.share(points[:, place]) for place, factor in enumerate(factors)]
    return Sample(
        sampler=str(sampler.name),
        n=int(sampler.n),
        options=dict(sampler.options or {}),
        points=points,
        shares=np.stack(shares, axis=1),
        factors=single,
        columns=grouped,
        levels=tuple(factor.n_levels or 0 for factor in factors),
        is_choice=tuple(bool(factor.categories) for factor in factors),
        seed=int(design.seed),
        where=str(title.get("en", "") if isinstance(title, Mapping) else title),
    )


def _listed(runs: Iterable[str]) -> str:
    named = list(runs)
    text = "; ".join(named[:_NAMED])
    return text if len(named) <= _NAMED else f"{text}; and {len(named) - _NAMED} more"


def _run(arm: str, draw: int, replicate: int) -> str:
    return f"arm {arm}, draw {draw}, replicate {replicate}"


def _refuse(what: str, runs: Sequence[str], remedy: str) -> StoreError:
    return StoreError(f"{what}: {_listed(runs)}", where="results", remedy=remedy)


_RESUME = "Complete the sweep first: `payshift sweep DESIGN --resume`."
_RERUN = "Repair the store first: `payshift verify STORE` names what is wrong with it."


def _as_index(values: pd.Series[Any], factor: Any) -> Array:
    """A factor's column of the results as it stands in the points."""
    categories = list(factor.categories or ())
    if categories and not pd.api.types.is_numeric_dtype(values):
        places = {str(name): float(place) for place, name in enumerate(categories)}
        return np.array([places.get(str(value), np.nan) for value in values], dtype=np.float64)
    return values.to_numpy(dtype=np.float64)


def _hold(results: Results, sample: Sample, arms: Sequence[str]) -> None:
    """Refuse results that are not the design: missing, twice, or at other points than planned."""
    design = results.design
    for arm in arms:
        if arm not in design.arms:
            raise ScenarioError(
                "unknown arm", where="arm", value=arm, allowed=", ".join(design.arms)
            )
    frame = results.frame
    n_draws, n_replicates = len(sample.points), int(design.replicates)
    for arm in arms:
        rows = frame[frame["arm"] == arm]
        draw = rows["draw"].to_numpy(dtype=np.int64)
        replicate = rows["replicate"].to_numpy(dtype=np.int64)
        is_known = (draw >= 0) & (draw < n_draws) & (replicate >= 0) & (replicate < n_replicates)
        if not is_known.all():
            found = [_run(arm, draw[i], replicate[i]) for i in np.flatnonzero(~is_known)]
            raise _refuse("runs that the design does not have", found, _RERUN)
        counts = np.zeros((n_draws, n_replicates), dtype=np.int64)
        np.add.at(counts, (draw, replicate), 1)
        for what, wrong, remedy in (
            ("runs are missing", counts == 0, _RESUME),
            ("runs are there more than once", counts > 1, _RERUN),
        ):
            if wrong.any():
                raise _refuse(what, [_run(arm, d, r) for d, r in np.argwhere(wrong)], remedy)
        for place, factor in enumerate(design.factors):
            if factor.name not in rows:
                continue
            found_at = _as_index(rows[factor.name], factor)
            differs = found_at != sample.points[draw, place]
            if differs.any():
                first = int(np.flatnonzero(differs)[0])
                raise StoreError(
                    f"{int(differs.sum())} runs were not made at the point of their draw, so the "
                    f"draws are reordered or of another design; first: "
                    f"{_run(arm, draw[first], replicate[first])}",
                    where=f"results, {factor.name}",
                    value=float(found_at[first]),
                    allowed=f"{sample.points[draw[first], place]!r}",
                    remedy=_RERUN,
                )


def _hold_finite(values: Array, arm: str, outcome: str) -> None:
    wrong = ~np.isfinite(values)
    if wrong.any():
        by_run = wrong.reshape(wrong.shape[0], wrong.shape[1], -1).any(axis=2)
        runs = [_run(arm, d, r) for d, r in np.argwhere(by_run)]
        raise _refuse(
            f"{outcome} is not a number in {len(runs)} runs",
            runs,
            "One such run would spoil every index: choose an outcome that is defined in all runs, "
            "or mend the runs and resume.",
        )


def _shaped(values: Array, sample: Sample, results: Results, arm: str, outcome: str) -> Array:
    expected = (len(sample.points), int(results.design.replicates))
    if values.shape[:2] != expected:
        raise StoreError(
            f"{outcome} in arm {arm} has another number of runs than the design",
            where="results",
            value=values.shape[:2],
            allowed=f"{expected[0]} draws, {expected[1]} replicates",
            remedy=_RESUME,
        )
    return values


def outputs(
    results: Results, sample: Sample, outcome: str, arm: str, minus: str | None = None
) -> Array:
    """Values of an outcome at every point, whole, finite and in the order of the draws.

    Parameters
    ----------
    results : Results
        Results of a sweep.
    sample : Sample
        The sample of its design.
    outcome : str
        Id of the outcome.
    arm : str
        Arm whose values are wanted.
    minus : str, optional
        Arm to subtract, run by run under the same seed.

    Returns
    -------
    float64 (n_draws, n_replicates)
        In the outcome's unit.

    Raises
    ------
    StoreError
        Naming the runs that are missing, there twice, reordered or not finite.
    """
    _hold(results, sample, [arm] if minus is None else [arm, minus])
    values = np.asarray(results.outcome(arm, outcome, minus), dtype=np.float64)
    values = _shaped(values, sample, results, arm, outcome)
    _hold_finite(values, arm, outcome)
    return values


def series(
    results: Results, sample: Sample, outcome: str, arm: str, minus: str | None = None
) -> Array:
    """Values of an outcome by month at every point; see :func:`outputs`.

    A month without a case has no value and stands as NaN: whoever uses it decides.

    Returns
    -------
    float64 (n_draws, n_replicates, n_months)
        In the outcome's unit.
    """
    _hold(results, sample, [arm] if minus is None else [arm, minus])
    values = np.asarray(results.series(arm, outcome), dtype=np.float64)
    values = _shaped(values, sample, results, arm, outcome)
    if minus is not None:
        values = values - np.asarray(results.series(minus, outcome), dtype=np.float64)
    return values
