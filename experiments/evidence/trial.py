"""The health insurance experiment of RAND on the model's patients: who pays what share seeks what.

Knows the three plans and what the experiment measured; must not know how patients decide.

Every person insured under 65 lives the same year under free care, 25 % and 95 % coinsurance: twin
worlds instead of a draw by lot, so that plans differ by nothing but what patients pay. Providers
are paid item fees throughout, as then.

References
----------
Manning, W. G., Newhouse, J. P., Duan, N., Keeler, E. B., Leibowitz, A., Marquis, M. S. (1987).
Health insurance and the demand for medical care: evidence from a randomized experiment. American
Economic Review 77, 251-277.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from experiments.evidence.findings import TRIAL_REGION, FromTrial
from experiments.evidence.stays import STAY
from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.results import Results
from sim.record import code_version
from sim.region import Region
from sim.scenario import Scenario, library_root, load

__all__ = [
    "DEMAND",
    "MEASURES",
    "PLANS",
    "InsuranceTrial",
    "answer",
    "arc_elasticity",
    "closer_points",
    "default_point",
    "design_of",
    "first_points",
    "misfit",
    "plan_settings",
]

Float = npt.NDArray[np.float64]

REGION: Final = TRIAL_REGION
PAYER: Final = "commercial"
PLANS: Final[Mapping[str, float]] = {"free": 0.0, "coins25": 0.25, "coins95": 0.95}
"""Share of covered charges that patients pay, by plan."""
CEILING: Final = 6000.0
"""Most a person pays in a year, USD: the experiment's $1,000 a family in prices of today (consumer
prices rose 5.4-fold since 1977 and 6.6-fold since 1974). Families and ceilings by income are left
out."""
MEASURES: Final = ("any_use", "visits", "any_admission", "outpatient", "inpatient", "total")
INTENSITY: Final = ("charge_per_visit", "charge_per_stay")
DEMAND: Final = (
    "price_weight",
    "price_half",
    "price_mix",
    "nest_correlation",
    "seek_constant",
    "return_price_ratio",
)
"""Parameters of demand that the experiment can tell something of."""
ELITE: Final = 10
"""The best points, around which a fit looks on."""
MONTHS: Final = {"warm_up": 12, "baseline": 12, "reform": 12}


def plan_settings(share: float) -> list[tuple[str, Any]]:
    """Give the benefits of a plan as settings of a scenario.

    Parameters
    ----------
    share : float
        What patients pay of covered charges until the ceiling, in [0, 1].
    """
    paid = round(1.0 - share, 9)
    tiers = {"primary": paid, "secondary": paid, "tertiary": paid}
    under = f"benefits.{PAYER}"
    return [
        (f"{under}.annual_deductible", 0.0),
        (f"{under}.out_of_pocket_maximum", CEILING),
        (f"{under}.outpatient_rate", tiers),
        (f"{under}.rate", tiers),
        (f"{under}.listed_rate", tiers),
        (f"{under}.assistance_rate", 0.0),
    ]


@dataclass
class InsuranceTrial:
    """The trial as the model of a sweep: ``trial(parameters, plan, seed)`` lives one year.

    Attributes
    ----------
    people : int
        Persons simulated in all; about three quarters of them are in the trial.
    """

    people: int = 4000

    @property
    def code_version(self) -> str:
        """Hash of the simulator and its library."""
        return code_version(library_root())

    def scenario(self, parameters: Mapping[str, Any], plan: str) -> Scenario:
        """Give the market with one plan for everybody in the trial."""
        found = load(REGION).with_population(self.people).with_horizon(**MONTHS)
        return found.set_all(
            [
                *plan_settings(PLANS[plan]),
                *((f"parameters.{name}", value) for name, value in parameters.items()),
            ]
        )

    def __call__(self, parameters: Mapping[str, Any], arm: str, seed: int) -> dict[str, float]:
        """Live one plan's year and measure it."""
        from sim.runner import RunTask, reform_months, simulate_scenario

        scenario = self.scenario(parameters, arm)
        task = RunTask(arm, 0, seed, scenario, keep=frozenset({"claims"}), with_ledger=False)
        lived = simulate_scenario(task)
        return _measured(lived.history, scenario.region(), reform_months(scenario))


def _measured(history: Any, region: Region, months: slice) -> dict[str, float]:
    """Measure the trial's year for those in it."""
    from sim.tallies import PersonTally as P
    from sim.tallies import ProviderTally as V
    from sim.tallies import cell_traits

    payer = region.payers.index(PAYER)
    cells = cell_traits(len(region.payers))["payer"] == payer
    person = history.person[months][:, cells].sum(axis=(0, 1)).astype(np.float64)
    years = person[P.PERSON_MONTHS] / 12.0
    provider = history.provider[months][:, :, payer].sum(axis=(0, 1)).astype(np.float64)
    table = history.people[months.stop // 12 - 1]
    is_in = (np.asarray(table["payer"]) == payer) & np.asarray(table["alive_all_year"], dtype=bool)
    spent = np.asarray(table["spent"])[is_in]
    claims = history.claims or {}
    is_stay = (
        (np.asarray(claims["month"]) >= months.start)
        & (np.asarray(claims["month"]) < months.stop)
        & (np.asarray(claims["payer"]) == payer)
        & (np.asarray(claims["setting"]) == STAY)
    )
    admitted = len(np.unique(np.asarray(claims["person_uid"])[is_stay]))
    outpatient, inpatient = provider[V.CHARGE_OUT] / 100.0, provider[V.CHARGE_IN] / 100.0
    return {
        "any_use": float((spent > 0).mean()),
        "visits": float(provider[V.VISITS] / years),
        "any_admission": float(admitted / years),
        "outpatient": float(outpatient / years),
        "inpatient": float(inpatient / years),
        "total": float((outpatient + inpatient) / years),
        "charge_per_visit": float(outpatient / max(provider[V.VISITS], 1.0)),
        "charge_per_stay": float(inpatient / max(provider[V.ADMISSIONS], 1.0)),
    }


def arc_elasticity(first: float, second: float, price_first: float, price_second: float) -> float:
    """Give the arc elasticity of a quantity between two prices, changes over sums.

    Examples
    --------
    >>> round(arc_elasticity(168.0, 130.0, 0.25, 0.95), 2)
    -0.22
    """
    change = (second - first) / (second + first)
    return change / ((price_second - price_first) / (price_second + price_first))


def design_of(points: list[list[float]], replicates: int, seed: int) -> Design:
    """Give the sweep of the trial: plans by points of the demand parameters by seeds.

    Parameters
    ----------
    points : list of list of float
        Values of :data:`DEMAND`, one list for each point.
    replicates, seed : int
    """
    return Design(
        arms=tuple(PLANS),
        factors=_factors(),
        sampler=Sampler("given", options={"points": points}),
        replicates=replicates,
        seed=seed,
        outcomes=(*MEASURES, *INTENSITY),
        title={"en": "RAND health insurance experiment", "zh": "兰德医疗保险实验"},
    )


def default_point() -> list[float]:
    """Give the region's own values of the demand parameters."""
    known = load(REGION).region().parameters
    return [known[name].default for name in DEMAND]


def answer(way: FromTrial, results: Results, point: int = 0) -> Float:
    """Give what a target of the trial asks, for every seed.

    Parameters
    ----------
    way : FromTrial
    results : Results
    point : int
        Which draw of the parameters.

    Returns
    -------
    ndarray, shape (n_seeds,)
        A mean, a ratio of plans or an arc elasticity.
    """
    value: Float = results.outcome(way.plan, way.measure)[point]
    if way.over is None:
        return value
    base: Float = results.outcome(way.over, way.measure)[point]
    if not way.elasticity:
        return np.asarray(value / base)
    prices = PLANS[way.over], PLANS[way.plan]
    return np.array([arc_elasticity(b, v, *prices) for b, v in zip(base, value, strict=True)])


def _factors() -> tuple[Factor, ...]:
    """Give the demand parameters with their ranges, as a sweep draws them."""
    known = load(REGION).region().parameters
    return tuple(Factor.of(known[name]) for name in DEMAND)


def _placed(shares: Float) -> list[list[float]]:
    """Turn shares of the ranges (n, 6) into values."""
    columns = [factor.at(shares[:, i]) for i, factor in enumerate(_factors())]
    return [[float(x) for x in row] for row in np.stack(columns, axis=1)]


def first_points(count: int) -> list[list[float]]:
    """Give the region's own point and others that fill the ranges of the demand parameters.

    Parameters
    ----------
    count : int
        A power of two; so many besides the region's own.
    """
    filling = qmc.Sobol(len(DEMAND), seed=3).random(count)
    return [default_point(), *_placed(filling)]


def closer_points(
    points: list[list[float]], misfits: Float, count: int, turn: int
) -> list[list[float]]:
    """Give points drawn around the best ones: the next step of a cross-entropy search.

    Parameters
    ----------
    points : list of list of float
        All that were lived.
    misfits : ndarray, shape (n_points,)
    count : int
        How many to draw.
    turn : int
        Of the search, from 0; later turns look closer.

    References
    ----------
    Rubinstein, R. (1999). The cross-entropy method for combinatorial and continuous optimization.
    Methodology and Computing in Applied Probability 1, 127-190.
    https://doi.org/10.1023/A:1010091220143
    """
    best = np.argsort(misfits)[:ELITE]
    values = np.array([points[i] for i in best])
    shares = np.stack([f.share(values[:, i]) for i, f in enumerate(_factors())], axis=1)
    least = (0.06 / (1 + turn)) ** 2 * np.eye(len(DEMAND))
    draw = np.random.default_rng([5, turn])
    found = draw.multivariate_normal(shares.mean(axis=0), np.cov(shares.T) + least, count)
    return _placed(np.clip(found, 0.0, 1.0))


def misfit(results: Results, targets: Mapping[FromTrial, tuple[float, float, float]]) -> Float:
    """Give the sum of squared distances from published values, in standard errors, by point.

    Parameters
    ----------
    results : Results
    targets : mapping of FromTrial to (published, low, high)
        With the ends of the published 95 % interval.

    Returns
    -------
    ndarray, shape (n_points,)
    """
    total = np.zeros(len(results.points))
    for way, (value, low, high) in targets.items():
        error = max((high - low) / (2.0 * 1.96), math.ulp(1.0))
        found = np.array([answer(way, results, i).mean() for i in range(len(total))])
        total += ((found - value) / error) ** 2
    return total
