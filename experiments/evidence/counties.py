"""Twin counties: each lives the same months with a reform, with the reform later, and without.

Knows the counties, the reform and what is counted of their hospitals' stays; must not know which of
its worlds a study will see, nor any estimator.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from experiments.evidence.stays import STAY
from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.results import Results
from experiments.sweep.worker import Outcomes
from sim.record import code_version
from sim.scenario import Scenario, library_root, load

__all__ = [
    "COHORTS",
    "COUNTS",
    "MONTHS",
    "NEVER_ARM",
    "SCHEMES",
    "STAY_COLUMNS",
    "TRIAL_MONTHS",
    "Bank",
    "CountyWorlds",
    "bank_of",
    "design_of",
]

Float = npt.NDArray[np.float64]

REGION: Final = "china-county"
WARM_UP: Final = 12
MONTHS: Final = 60
"""Months that are seen, after the warm-up."""
TRIAL_MONTHS: Final = 12
"""Months of trial running before the first payment by the new rule."""
COHORTS: Final[Mapping[str, int]] = {"early": 12, "middle": 24, "late": 36}
"""First month of the trial run, counted from 0 among the months seen, by cohort."""
NEVER_ARM: Final = "never"
SCHEMES: Final = ("resident-scheme", "employee-scheme")
COUNTS: Final = (
    "stays",
    "charges",
    "days",
    "billed_weight",
    "true_weight",
    "upcoded",
    "readmissions",
)
"""What is counted of the stays in the county's hospitals, by month and scheme; all of them add."""
STAY_COLUMNS: Final = (
    "person",
    "month",
    "scheme",
    "group",
    "billed_level",
    "true_level",
    "days",
    "charge",
    "readmission",
)

_OLD: Final[Mapping[str, Any]] = {
    "global_budget": {
        "budget": "neutral",
        "surplus": [{"kept": 0.0}],
        "overrun": [{"to": 0.10, "borne": 0.5}, {"borne": 1.0}],
        "rebasing": {"weight_on_history": 0.0, "growth": {"value": 0.05, "unit": "1/year"}},
        "of": {"fee_for_service": {"schedule": "list"}},
    }
}
_NEW: Final[Mapping[str, Any]] = {
    "blend": [
        {
            "scope": {"setting": "inpatient"},
            "contract": {"drg": {"base_rate": "neutral", "weights": "list"}},
        },
        {"scope": "rest", "contract": {"fee_for_service": {"schedule": "list"}}},
    ]
}
_TRIAL_WEIGHT: Final = 0.3
"""Weight of the new rule in the trial year (assumed)."""
LOCAL: Final[Mapping[str, tuple[float, float, bool]]] = {
    "need_scale": (0.85, 1.15, True),
    "price_scale_stay_secondary": (0.9, 1.1, True),
    "altruism_scale": (0.7, 1.4, False),
    "compliance_cost": (10.0, 30.0, False),
}
"""In what counties differ: range of a uniform draw, and whether it is of the region's value."""


def _reform() -> list[dict[str, Any]]:
    """Give the reform: stays of one scheme paid by case, after a year's trial run."""
    contract = {
        "phase_in": {"weights": [_TRIAL_WEIGHT, 1.0], "before": dict(_OLD), "after": dict(_NEW)}
    }
    hospitals = {"kind": "secondary", "inside": True}
    return [{"payer": SCHEMES[0], "providers": hospitals, "contract": contract}]


@dataclass
class CountyWorlds:
    """Counties as the model of a sweep: ``worlds(parameters, cohort, seed)`` lives one world.

    A seed is a county: its people, its luck, and in what it differs from other counties.

    Attributes
    ----------
    people : int
    folder : str
        Where each world's stays are kept, one file each.
    """

    people: int
    folder: str

    @property
    def code_version(self) -> str:
        """Hash of the simulator, its library and this file."""
        own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
        return hashlib.sha256(f"{code_version(library_root())} {own}".encode()).hexdigest()

    def scenario(self, arm: str, seed: int) -> Scenario:
        """Give a county's scenario: never reformed, or reformed in the cohort's month."""
        stream = np.random.default_rng(np.random.SeedSequence([seed, 20221]))
        known = load(REGION).region().parameters
        local = {
            name: float(stream.uniform(low, high)) * (known[name].default if is_ratio else 1.0)
            for name, (low, high, is_ratio) in LOCAL.items()
        }
        found = load(REGION).with_population(self.people).with_parameters(local)
        if arm == NEVER_ARM:
            return found.with_horizon(warm_up=WARM_UP, baseline=MONTHS, reform=0)
        start = COHORTS[arm]
        return found.with_payment(_reform()).with_horizon(
            warm_up=WARM_UP, baseline=start, reform=MONTHS - start
        )

    def live(self, arm: str, seed: int) -> dict[str, npt.NDArray[Any]]:
        """Live a world and give the stays in the county's hospitals, one row each."""
        from sim.engine.counting import CLAIM_READMISSION
        from sim.runner import RunTask, simulate_scenario

        scenario = self.scenario(arm, seed)
        task = RunTask(arm, 0, seed, scenario, keep=frozenset({"claims"}), with_ledger=False)
        lived = simulate_scenario(task)
        claims, traits = lived.history.claims or {}, lived.traits
        inside = np.flatnonzero(traits.is_county_hospital)
        month = np.asarray(claims["month"]).astype(np.int64) - WARM_UP
        payer = np.asarray(claims["payer"])
        schemes = [traits.payers.index(name) for name in SCHEMES]
        rows = np.flatnonzero(
            (np.asarray(claims["setting"]) == STAY)
            & np.isin(np.asarray(claims["provider"]), inside)
            & np.isin(payer, schemes)
            & (month >= 0)
        )
        # By month and person: the order in which claims were written tells nothing.
        rows = rows[np.lexsort((np.asarray(claims["person_uid"])[rows], month[rows]))]

        def column(name: str) -> npt.NDArray[Any]:
            return np.asarray(claims[name])[rows]

        return {
            "person": column("person_uid"),
            "month": month[rows].astype(np.int16),
            "scheme": (payer[rows] == schemes[1]).astype(np.int8),
            "group": column("group"),
            "billed_level": column("level_billed"),
            "true_level": column("level_true"),
            "days": column("days"),
            "charge": column("charge_fen") / 100.0,
            "readmission": (column("flags") & CLAIM_READMISSION).astype(np.int8),
        }

    def stays(self, arm: str, seed: int) -> dict[str, npt.NDArray[Any]]:
        """Give a world's stays from its file; a world whose file is gone is lived again."""
        path = self._file(arm, seed)
        if not path.is_file():
            self(dict[str, Any](), arm, seed)
        with np.load(path) as found:
            return {name: found[name] for name in STAY_COLUMNS}

    def _file(self, arm: str, seed: int) -> Path:
        return Path(self.folder) / f"{arm}-{seed}.npz"

    def __call__(self, parameters: Mapping[str, Any], arm: str, seed: int) -> Outcomes:
        """Live a world, keep its stays and count them by month and scheme."""
        stays = self.live(arm, seed)
        path = self._file(arm, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.stem}.{os.getpid()}.npz")
        columns: dict[str, Any] = dict(stays)
        np.savez_compressed(part, **columns)
        os.replace(part, path)
        weights = load(REGION).region().groups
        table = np.asarray(weights.weight[:, np.newaxis] * weights.weight_level)
        series = counted(stays, table)
        return Outcomes({name: float(np.sum(row)) for name, row in series.items()}, series)


def counted(stays: Mapping[str, npt.NDArray[Any]], weights: Float) -> dict[str, list[float]]:
    """Count stays by month and scheme.

    Parameters
    ----------
    stays : mapping of str to ndarray
        Columns of :data:`STAY_COLUMNS`.
    weights : ndarray, shape (n_groups, 3)
        Relative weight of a group at a level.

    Returns
    -------
    dict of str to list of float
        ``count@scheme``, one number a month.
    """
    group = stays["group"].astype(np.int64)
    billed, true = stays["billed_level"].astype(np.int64), stays["true_level"].astype(np.int64)
    values = {
        "stays": np.ones(len(group)),
        "charges": stays["charge"],
        "days": stays["days"],
        "billed_weight": weights[group, billed],
        "true_weight": weights[group, true],
        "upcoded": billed > true,
        "readmissions": stays["readmission"],
    }
    found = {}
    for index, scheme in enumerate(SCHEMES):
        mine = stays["scheme"] == index
        for name in COUNTS:
            months = np.bincount(
                stays["month"][mine].astype(np.int64),
                weights=values[name][mine].astype(np.float64),
                minlength=MONTHS,
            )
            found[f"{name}@{scheme}"] = months.tolist()
    return found


def design_of(counties: int, seed: int) -> Design:
    """Give the sweep: every county never reformed and in each cohort."""
    spare = load(REGION).region().parameters["income_elasticity"]
    names = tuple(f"{name}@{scheme}" for scheme in SCHEMES for name in COUNTS)
    return Design(
        arms=(NEVER_ARM, *COHORTS),
        # A sweep moves at least one parameter; this one stays where it is.
        factors=(Factor.of(spare),),
        sampler=Sampler("given", options={"points": [[spare.default]]}),
        replicates=counties,
        seed=seed,
        outcomes=names,
        monthly=names,
        title={"en": "Twin counties", "zh": "孪生县域"},
        settings={"local": {name: list(row) for name, row in LOCAL.items()}, "reform": _reform()},
    )


@dataclass(frozen=True)
class Bank:
    """Counties in all their worlds.

    Attributes
    ----------
    counts : mapping of str to ndarray, shape (n_worlds, n_counties, n_schemes, MONTHS)
        By name of :data:`COUNTS`; worlds in the order of :attr:`worlds`.
    seeds : tuple of int
        One for each county.
    """

    counts: Mapping[str, Float]
    seeds: tuple[int, ...]

    worlds = (NEVER_ARM, *COHORTS)

    @property
    def n(self) -> int:
        """Number of counties."""
        return len(self.seeds)


def bank_of(results: Results) -> Bank:
    """Read the counties from the store of their sweep."""
    counts = {
        name: np.stack(
            [
                np.stack([results.series(arm, f"{name}@{scheme}")[0] for scheme in SCHEMES], axis=1)
                for arm in Bank.worlds
            ]
        )
        for name in COUNTS
    }
    frame = results.frame
    seeds = frame[frame["arm"] == NEVER_ARM].sort_values("replicate")["seed"]
    return Bank(counts, tuple(int(seed) for seed in seeds))
