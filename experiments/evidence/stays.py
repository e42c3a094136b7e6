"""What studies read of single stays: levels, days, what follows within ninety days.

Knows claims and the billed levels of a run; must not know any study nor what is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from experiments.sweep.simulation import settings_of
from sim.record import code_version
from sim.region import Region
from sim.scenario import Scenario, library_root

__all__ = ["MEASURES", "STAY", "Ask", "StayWorlds", "stay_measure"]

Float = npt.NDArray[np.float64]

STAY: Final = 2
"""Setting of a stay on a claim."""
_EPISODE_MONTHS: Final = 3
_YEAR: Final = 12
_LEAST: Final = 20
"""Stays that a group must have at both levels to be compared."""


@dataclass(frozen=True)
class Ask:
    """One question about stays.

    Attributes
    ----------
    measure : str
        One of :data:`MEASURES`.
    first, last : int
        Months in which stays begin, counted from the run's start; the last is not included.
    payer, group : str
        Whose stays, and of which clinical group; all if empty.
    level : int
        Of ``level_charge_ratio``: the level that is divided by the lowest.
    """

    measure: str
    first: int
    last: int
    payer: str = ""
    group: str = ""
    level: int = 2


def _in_facility(claims: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Tell claims for days in a facility after a stay."""
    from sim.engine.counting import CLAIM_AFTERCARE  # late: it brings the compiler along

    return (np.asarray(claims["flags"]) & CLAIM_AFTERCARE) > 0


def stay_measure(history: Any, region: Region, ask: Ask) -> float:
    """Answer a question about the stays of a run; NaN where there are none.

    Parameters
    ----------
    history : History
        With claims.
    region : Region
    ask : Ask

    Notes
    -----
    ``top_level_share``: stays billed at the top level over all stays. ``level_charge_ratio``: mean
    charge of stays at a true level over that at the lowest, group by group, weighted by stays.
    ``days_ln_sd``: standard deviation of ln days among stays of one group and billed level, pooled.
    ``episode_charge``: charges of a patient from a stay's month on for three months, mean over
    stays. ``episode_payment``: the same as a payer by case would pay: a hospital stay counts what
    stays of its payer, group and billed level were charged in the mean in the year before the first
    month asked for, which twin worlds share; where there was none, its own charge.
    ``facility_share``: stays followed by days in a facility within the next month.
    """
    claims = history.claims
    month = np.asarray(claims["month"])
    is_stay = (np.asarray(claims["setting"]) == STAY) & ~_in_facility(claims)
    chosen = is_stay & (month >= ask.first) & (month < ask.last)
    if ask.payer:
        chosen &= np.asarray(claims["payer"]) == region.payers.index(ask.payer)
    if ask.group:
        chosen &= np.asarray(claims["group"]) == list(region.groups.ids).index(ask.group)
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return float("nan")
    return _ANSWERS[ask.measure](claims, rows, ask)


def _top_level_share(claims: Mapping[str, Any], rows: npt.NDArray[np.int64], ask: Ask) -> float:
    return float((np.asarray(claims["level_billed"])[rows] == 2).mean())


def _level_charge_ratio(claims: Mapping[str, Any], rows: npt.NDArray[np.int64], ask: Ask) -> float:
    group, level = (np.asarray(claims[name])[rows] for name in ("group", "level_true"))
    charge = np.asarray(claims["charge_fen"])[rows].astype(np.float64)
    ratios, weights = [], []
    for one in np.unique(group):
        high = charge[(group == one) & (level == ask.level)]
        low = charge[(group == one) & (level == 0)]
        if min(len(high), len(low)) >= _LEAST:
            ratios.append(high.mean() / low.mean())
            weights.append(float((group == one).sum()))
    return float(np.average(ratios, weights=weights)) if ratios else float("nan")


def _days_ln_sd(claims: Mapping[str, Any], rows: npt.NDArray[np.int64], ask: Ask) -> float:
    days = np.maximum(np.asarray(claims["days"])[rows], 1).astype(np.float64)
    group = np.asarray(claims["group"])[rows].astype(np.int64)
    cell = group * 3 + np.asarray(claims["level_billed"])[rows]
    logs, squares, free = np.log(days), 0.0, 0
    for one in np.unique(cell):
        mine = logs[cell == one]
        if len(mine) > 1:
            squares += float(((mine - mine.mean()) ** 2).sum())
            free += len(mine) - 1
    return float(np.sqrt(squares / free)) if free else float("nan")


def _followed(
    claims: Mapping[str, Any], rows: npt.NDArray[np.int64], months: int
) -> list[npt.NDArray[np.int64]]:
    """Give, for each stay, the rows of its patient's claims from its month on for some months."""
    person, month = np.asarray(claims["person_uid"]), np.asarray(claims["month"])
    order = np.lexsort((month, person))
    ordered = person[order]
    found = []
    for row in rows:
        start, end = (
            np.searchsorted(ordered, person[row]),
            np.searchsorted(ordered, person[row], side="right"),
        )
        mine = order[start:end]
        since = month[mine] - month[row]
        found.append(mine[(since >= 0) & (since < months)])
    return found


def _episode_charge(claims: Mapping[str, Any], rows: npt.NDArray[np.int64], ask: Ask) -> float:
    charge = np.asarray(claims["charge_fen"]).astype(np.float64) / 100.0
    episodes = _followed(claims, rows, _EPISODE_MONTHS)
    return float(np.mean([charge[mine].sum() for mine in episodes]))


def _by_case(claims: Mapping[str, Any], first: int) -> Float:
    """Give what every claim is paid where hospital stays are paid by case, currency."""
    paid = np.asarray(claims["charge_fen"]).astype(np.float64) / 100.0
    month = np.asarray(claims["month"])
    is_stay = (np.asarray(claims["setting"]) == STAY) & ~_in_facility(claims)
    kind = np.zeros(len(paid), dtype=np.int64)
    for name in ("payer", "group", "level_billed"):
        column = np.asarray(claims[name]).astype(np.int64)
        kind = kind * (int(column.max(initial=0)) + 1) + column
    year_before = is_stay & (month >= first - _YEAR) & (month < first)
    n_kinds = int(kind.max(initial=0)) + 1
    stays = np.bincount(kind[year_before], minlength=n_kinds)
    charged = np.bincount(kind[year_before], weights=paid[year_before], minlength=n_kinds)
    priced = is_stay & (stays[kind] > 0)
    paid[priced] = charged[kind[priced]] / stays[kind[priced]]
    return paid


def _episode_payment(claims: Mapping[str, Any], rows: npt.NDArray[np.int64], ask: Ask) -> float:
    paid = _by_case(claims, ask.first)
    episodes = _followed(claims, rows, _EPISODE_MONTHS)
    return float(np.mean([paid[mine].sum() for mine in episodes]))


def _facility_share(claims: Mapping[str, Any], rows: npt.NDArray[np.int64], ask: Ask) -> float:
    is_there = _in_facility(claims)
    return float(np.mean([is_there[mine].any() for mine in _followed(claims, rows, 2)]))


_ANSWERS: Final = {
    "top_level_share": _top_level_share,
    "level_charge_ratio": _level_charge_ratio,
    "days_ln_sd": _days_ln_sd,
    "episode_charge": _episode_charge,
    "episode_payment": _episode_payment,
    "facility_share": _facility_share,
}
MEASURES: Final = tuple(_ANSWERS)


@dataclass
class StayWorlds:
    """Worlds as the model of a sweep: ``worlds(parameters, arm, seed)`` answers questions.

    Attributes
    ----------
    arms : mapping of str to mapping
        Resolved scenario of each arm.
    asks : mapping of str to Ask
        Questions by name.
    """

    arms: Mapping[str, Mapping[str, Any]]
    asks: Mapping[str, Ask]
    _scenarios: dict[str, Scenario] = field(default_factory=dict, repr=False, compare=False)

    @property
    def code_version(self) -> str:
        """Hash of the simulator and its library."""
        return code_version(library_root())

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what each process builds for itself."""
        return {**self.__dict__, "_scenarios": {}}

    def __call__(self, parameters: Mapping[str, Any], arm: str, seed: int) -> dict[str, float]:
        """Live a world, its region at the parameters given, and answer every question."""
        from sim.runner import RunTask, simulate_scenario

        if arm not in self._scenarios:
            self._scenarios[arm] = Scenario.from_resolved(self.arms[arm], f"arm {arm}")
        scenario = self._scenarios[arm]
        settings = settings_of(parameters, scenario.region().parameters)
        if settings:
            scenario = scenario.set_all(settings)
        task = RunTask(arm, 0, seed, scenario, keep=frozenset({"claims"}), with_ledger=False)
        history = simulate_scenario(task).history
        return {
            name: stay_measure(history, scenario.region(), ask) for name, ask in self.asks.items()
        }
