"""Results of a sweep as arrays and tables, complete or not at all.

Knows stores and the shape of a design; must not know any method of analysis. An index computed
over a missing, failed or reordered run looks like any other, so such a run is named instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.sweep.store import Plan, Row, Store
from sim.errors import ScenarioError, StoreError
from sim.scenario import unknown_name

if TYPE_CHECKING:
    import pandas as pd

    from experiments.sweep.design import Design

__all__ = ["Results"]

Float64 = npt.NDArray[np.float64]
_SHOWN = 10


@dataclass(frozen=True)
class Results:
    """What the runs of a store gave.

    Attributes
    ----------
    plan : Plan
        Design, points and code version.
    rows : list
        Row by place in the plan; None where there is none, a text where a row is damaged.
    """

    plan: Plan
    rows: list[Row | str | None]

    @classmethod
    def of(cls, store: Store | Path | str) -> Results:
        """Read a store's runs.

        Raises
        ------
        ScenarioError
            If there is no such file.
        StoreError
            If it is no store, or its plan is damaged. Damaged rows are told by `outcome`.
        """
        if not isinstance(store, Store):
            with Store.read(store) as opened:
                return cls.of(opened)
        rows: list[Row | str | None] = []
        for key, run, _ in store.plan.runs():
            try:
                row = store.get(key)
                rows.append(row if row is None or row.run == run else "is filed as another run")
            except StoreError as error:
                rows.append(error.what)
        return cls(store.plan, rows)

    @property
    def design(self) -> Design:
        """Give the design."""
        return self.plan.design

    @cached_property
    def points(self) -> Float64:
        """Give the points, shape (n_draws, n_factors)."""
        return self.plan.points

    # -- tables

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Give the names of the outcomes, in the design's order or, without any, as they came."""
        if self.design.outcomes:
            return self.design.outcomes
        names: dict[str, None] = {}
        for row in self.rows:
            if isinstance(row, Row):
                names.update(dict.fromkeys(row.summary))
        return tuple(names)

    @property
    def frame(self) -> pd.DataFrame:
        """Give one row per planned run: its place, status, county, factors and outcomes.

        A run that is not there has the status ``missing``, a damaged one ``damaged``; where there
        is no outcome its column is NaN. Equal draws repeat the run they share.
        """
        import pandas as pd

        design, outcomes = self.design, self.outcomes
        columns: dict[str, list[object]] = {
            name: [] for name in ("arm", "draw", "replicate", "seed", "key", "status")
        }
        values: list[list[float]] = []
        drawn: list[int] = []
        for arm, draw, replicate, row in self._everything():
            run, key = self._place(arm, draw, replicate)
            columns["arm"].append(design.arms[arm])
            columns["draw"].append(draw)
            columns["replicate"].append(replicate)
            columns["seed"].append(run)
            columns["key"].append(key)
            if isinstance(row, Row):
                columns["status"].append(row.status)
                values.append([row.summary.get(name, math.nan) for name in outcomes])
            else:
                columns["status"].append("missing" if row is None else "damaged")
                values.append([math.nan] * len(outcomes))
            drawn.append(draw)
        frame = pd.DataFrame(columns)
        points = self.points[np.array(drawn, dtype=np.int64)]
        if design.counties:
            rounds = frame["replicate"].to_numpy() % len(design.counties)
            frame["county"] = [design.counties[i].id for i in rounds]
            frame["residents"] = [design.counties[i].residents for i in rounds]
        for i, factor in enumerate(design.factors):
            column = points[:, i]
            if factor.categories:
                frame[factor.name] = [factor.categories[int(c)] for c in column]
            else:
                frame[factor.name] = column
        table = np.array(values, dtype=np.float64).reshape(len(drawn), len(outcomes))
        for i, name in enumerate(outcomes):
            frame[name] = table[:, i]
        return frame

    @cached_property
    def _by_place(self) -> dict[tuple[int, int, int], int]:
        """Find the row of an arm, first draw and replicate."""
        return {
            (run.arm, run.draw, run.replicate): index
            for index, run in enumerate(map(self.plan.run, range(len(self.plan))))
        }

    def _everything(self) -> list[tuple[int, int, int, Row | str | None]]:
        """List every arm, draw and replicate with its row, equal draws with the row they share."""
        design, first = self.design, self.plan.first_draws
        found = []
        for replicate in range(design.replicates):
            for draw in range(len(self.points)):
                for arm in range(len(design.arms)):
                    index = self._by_place.get((arm, int(first[draw]), replicate))
                    if index is not None:
                        found.append((arm, draw, replicate, self.rows[index]))
        return found

    def _place(self, arm: int, draw: int, replicate: int) -> tuple[int, str]:
        """Give a run's seed and key."""
        index = self._by_place[arm, int(self.plan.first_draws[draw]), replicate]
        run = self.plan.run(index)
        return run.seed, self.plan.key(run)

    # -- arrays

    def outcome(self, arm: str, outcome: str, minus: str | None = None) -> Float64:
        """Give an outcome of every draw and replicate, in the order of the design's points.

        Parameters
        ----------
        arm : str
        outcome : str
        minus : str, optional
            Another arm, whose value in the same draw and replicate is taken off.

        Returns
        -------
        float64, shape (n_draws, n_replicates)

        Raises
        ------
        StoreError
            Naming every run that is missing, damaged, failed or not finite.
        ScenarioError
            For an unknown arm or outcome.
        """
        found = self._array(arm, outcome, None)[:, :, 0]
        return found if minus is None else found - self._array(minus, outcome, None)[:, :, 0]

    def series(self, arm: str, outcome: str, minus: str | None = None) -> Float64:
        """Give an outcome month by month; see `outcome`.

        Returns
        -------
        float64, shape (n_draws, n_replicates, n_months)
            NaN in months without a case.
        """
        lengths = {
            len(row.monthly[outcome])
            for row in self.rows
            if isinstance(row, Row) and outcome in row.monthly
        }
        if len(lengths) != 1:
            raise ScenarioError(
                "not kept month by month" if not lengths else "the runs are of unequal length",
                where="results",
                value=outcome,
                allowed=", ".join(self.design.monthly),
            )
        months = lengths.pop()
        found = self._array(arm, outcome, months)
        return found if minus is None else found - self._array(minus, outcome, months)

    def _array(self, arm: str, outcome: str, months: int | None) -> Float64:
        design = self.design
        if arm not in design.arms:
            raise unknown_name("unknown arm", "results", arm, design.arms)
        if months is None and outcome not in self.outcomes:
            raise unknown_name(
                "the sweep did not keep this outcome", "results", outcome, self.outcomes
            )
        chosen = design.arms.index(arm)
        first = self.plan.first_draws
        n_draws, n_replicates = len(self.points), design.replicates
        found = np.full((n_draws, n_replicates, months or 1), np.nan)
        wrong: list[str] = []
        for draw in range(n_draws):
            for replicate in range(n_replicates):
                index = self._by_place.get((chosen, int(first[draw]), replicate))
                row = None if index is None else self.rows[index]
                what = ""
                if row is None:
                    what = "missing" if index is not None else "in another part of the sweep"
                elif isinstance(row, str):
                    what = f"damaged ({row})"
                elif row.status != "ok":
                    what = f"{row.status} ({row.reason})"
                elif months is not None:
                    found[draw, replicate] = row.monthly[outcome]
                else:
                    value = row.summary.get(outcome, math.nan)
                    found[draw, replicate, 0] = value
                    if not math.isfinite(value):
                        what = f"{outcome} is not finite"
                if what:
                    wrong.append(f"draw {draw}, replicate {replicate}: {what}")
        if wrong:
            raise StoreError(
                f"{len(wrong)} of {n_draws * n_replicates} runs have no {outcome}: "
                + _listed(wrong),
                where=f"arm {arm}",
                remedy="Go on with `payshift sweep --resume` (with --retry-failed for runs that "
                "failed), or look at them with `payshift verify`.",
            )
        return found


def _listed(wrong: Sequence[str]) -> str:
    more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return "; ".join(wrong[:_SHOWN]) + more
