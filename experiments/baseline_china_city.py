"""What the baseline year of the Chinese city looks like, in the terms of its targets.

The targets are the rows of ``baseline_china_city.csv`` beside this file; what may be moved for them
stands in ``baseline_china_city_fitted.csv``. Most targets are the nation less the counties, as
`experiments/tables/china_city.py` works them out. Knows a run's history; must not know how it is
fitted.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.baseline_spread import spread_of_spending
from sim.region import Region
from sim.tallies import History, PersonTally
from sim.tallies import ProviderTally as T

Rows = npt.NDArray[np.bool_]


def measure(history: History, region: Region, months: slice) -> dict[str, float]:
    """Return every moment of the months, a whole number of years.

    Parameters
    ----------
    history : History
    region : Region
    months : slice

    Returns
    -------
    dict
        Moment by id.
    """
    providers = region.providers
    tally = history.provider[months].sum(axis=(0, 2)).astype(np.float64)
    people = history.person[months].sum(axis=0)[:, PersonTally.PERSON_MONTHS] / 12.0
    members = people.reshape(len(region.payers), -1).sum(axis=1)
    years = float(people.sum())
    everyone: Rows = np.ones(len(providers.ids), dtype=bool)
    outside = np.asarray(providers.outside, dtype=bool)
    maternal = np.array([kind == "maternal" for kind in providers.type])
    tiers: dict[str, Rows] = {
        "community": providers.kind == 0,
        "secondary": (providers.kind == 1) & ~maternal,
        "tertiary": (providers.kind == 2) & ~outside,
        "other": maternal,
        "outside": outside,
    }

    def total(column: T, rows: Rows = everyone) -> float:
        return float(tally[rows, column].sum())

    visits, stays = total(T.VISITS), total(T.ADMISSIONS)
    found = {"visits_per_person": visits / years, "admissions": 100.0 * stays / years}
    for name, rows in tiers.items():
        seen, lain = total(T.VISITS, rows), total(T.ADMISSIONS, rows)
        found[f"visits_{name}"] = seen / visits
        found[f"admissions_{name}"] = 100.0 * lain / years
        found[f"visit_charge_{name}"] = total(T.CHARGE_OUT, rows) / 100.0 / max(seen, 1.0)
        found[f"stay_charge_{name}"] = total(T.CHARGE_IN, rows) / 100.0 / max(lain, 1.0)
        found[f"stay_days_{name}"] = total(T.BED_DAYS, rows) / max(lain, 1.0)
    hospital = providers.kind > 0
    found["stay_days_hospital"] = total(T.BED_DAYS, hospital) / total(T.ADMISSIONS, hospital)

    fund = history.fund_paid[months].sum(axis=0)
    for name in ("resident", "employee"):
        payer = region.payers.index(f"{name}-scheme")
        found[f"{name}_fund"] = float(fund[:, payer].sum()) / 100.0 / float(members[payer])
    own_in = total(T.PATIENT_IN) + total(T.UNCOVERED_IN)
    own = own_in + total(T.PATIENT_OUT) + total(T.UNCOVERED_OUT)
    found["own_share"] = own / (float(fund.sum()) + total(T.AID) + own)
    found["own_share_inpatient"] = own_in / total(T.CHARGE_IN)

    # Shares of the pool: weight of billed stays of both schemes times the hospital's grade.
    weight = region.groups.weight[:, None] * region.groups.weight_level
    billed = history.billed[months].sum(axis=0).astype(np.float64)[:, :2].sum(axis=1)
    points = (billed * weight).sum(axis=(1, 2)) * providers.grade_coefficient
    points = points[hospital & ~outside]
    found["largest_share_of_points"] = float(points.max() / points.sum())
    operated = total(T.MINOR) + total(T.MAJOR)
    found["procedure_share"] = operated / stays
    return {**found, **spread_of_spending(history, region, months)}
