"""What the baseline year of the metropolitan market looks like, in the terms of its targets.

The targets are the rows of ``baseline_us_metro.csv`` beside this file; what may be moved for them
stands in ``baseline_us_metro_fitted.csv``. Medicare is everyone aged 65 and over. Knows a run's
history; must not know how it is fitted.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.baseline_spread import spread_of_spending
from sim.region import Region
from sim.tallies import History, PersonTally
from sim.tallies import ProviderTally as T

Floats = npt.NDArray[np.float64]


def weighted_median(values: Floats, weights: Floats) -> float:
    """Return the value below which half of the weight lies."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, 0.5 * below[-1])])


def measure(history: History, region: Region, months: slice, bed_scale: float) -> dict[str, float]:
    """Return every moment of the months.

    Parameters
    ----------
    history : History
    region : Region
    months : slice
        A whole number of years.
    bed_scale : float
        People simulated over residents: what beds were scaled by.
    """
    providers, groups, people = region.providers, region.groups, region.people
    medicare = int(np.argmax(people.scheme_from_age > 0))
    commercial = region.payers.index("commercial")
    tally = history.provider[months].sum(axis=0).astype(np.float64)
    cells = history.person[months].sum(axis=0)[:, PersonTally.PERSON_MONTHS] / 12.0
    years = cells.reshape(len(region.payers), -1).sum(axis=1)
    length = history.provider[months].shape[0] / 12.0
    practice = providers.kind == 0
    hospital = ~practice
    young = [y for y in range(len(region.payers)) if y != medicare]
    whole = list(range(len(region.payers)))
    ages = {"65": [medicare], "under_65": young, "all": whole}

    def total(column: T, rows: npt.NDArray[np.bool_], payers: list[int]) -> float:
        return float(tally[rows][:, payers, column].sum())

    found: dict[str, float] = {}
    billed = history.billed[months].sum(axis=0).astype(np.float64)
    weight = groups.weight[:, None] * groups.weight_level
    for name, payers in ages.items():
        living = float(years[payers].sum())
        stays = total(T.ADMISSIONS, hospital, payers)
        found[f"primary_visits_{name}"] = total(T.VISITS, practice, payers) / living
        found[f"hospital_visits_{name}"] = total(T.VISITS, hospital, payers) / living
        found[f"admissions_{name}"] = 1000.0 * stays / living
        found[f"stay_days_{name}"] = total(T.BED_DAYS, hospital, payers) / stays
        by_level = billed[:, payers].sum(axis=(0, 1))
        found[f"case_mix_{name}"] = float((by_level * weight).sum() / by_level.sum())
        discharges = total(T.DISCHARGES, hospital, payers)
        found[f"readmission_{name}"] = total(T.READMISSIONS, hospital, payers) / discharges
    stays = total(T.DISCHARGES, hospital, [medicare])
    found["billed_up_65"] = total(T.UPCODED, hospital, [medicare]) / stays
    found["billed_down_65"] = total(T.UNDERCODED, hospital, [medicare]) / stays
    for name in ("65", "under_65"):
        found[f"visits_{name}"] = found[f"primary_visits_{name}"] + found[f"hospital_visits_{name}"]
    found["visits"] = found["primary_visits_all"] + found["hospital_visits_all"]
    found["hospital_share"] = found["hospital_visits_all"] / found["visits"]
    found["admissions"], found["stay_days"] = found["admissions_all"], found["stay_days_all"]

    level = people.price_level
    inpatient = tally[:, :, T.CHARGE_IN] / 100.0
    receipts = history.receipts[months].sum(axis=0).astype(np.float64) / 100.0
    # what a payer's contract brought for stays: item fees are charges, the rest is receipts
    outpatient = tally[:, :, T.CHARGE_OUT] / 100.0
    for name, payer in (("medicare", medicare), ("commercial", commercial)):
        stays = total(T.ADMISSIONS, hospital, [payer])
        paid = receipts[:, payer].sum() - outpatient[:, payer].sum()
        found[f"payment_per_stay_{name}"] = float(paid) / stays
        found[f"spending_{name}"] = float(receipts[:, payer].sum()) / float(years[payer])
        own = total(T.PATIENT_OUT, practice | hospital, [payer])
        own += total(T.PATIENT_IN, practice | hospital, [payer])
        found[f"own_share_{name}"] = own / 100.0 / float(receipts[:, payer].sum())

    days = tally[hospital][:, :, T.BED_DAYS].sum()
    beds = providers.beds[hospital].sum() * bed_scale
    found["occupancy"] = float(days / (365.0 * length * beds))
    by_hospital = tally[:, :, T.ADMISSIONS].sum(axis=1)
    share = by_hospital / by_hospital.sum()
    found["teaching_stays"] = found["teaching_share"] = float(share[providers.kind == 2].sum())
    found["concentration"] = float((share**2).sum())
    found["distance_median"] = distance_median(region, share)

    kinds = {"practice": 0, "secondary": 1, "tertiary": 2}
    visits = tally[:, :, T.VISITS]
    setting = np.where(practice, 0, 1)
    for name, kind in kinds.items():
        rows = providers.kind == kind
        listed = (visits * level[:, setting].T * providers.visit_charge[:, None])[rows].sum()
        found[f"price_visit_{name}"] = float(outpatient[rows].sum() / listed)
        if kind:
            mix = (billed * weight).sum(axis=(2, 3))
            listed = (mix * level[:, 2][None] * providers.charge_per_weight[:, None])[rows].sum()
            found[f"price_stay_{name}"] = float(inpatient[rows].sum() / listed)

    return {**found, **spread_of_spending(history, region, months)}


def distance_median(region: Region, share: Floats) -> float:
    """Return the median way to the hospital used, km, from hospitals' shares and the map.

    Where people of each zone go is not counted; the shares within a zone are those of the utility
    of distance, scaled by one factor a hospital until the region's shares are met.
    """
    kilometers = region.zones.hospital_km
    if kilometers is None:
        return float("nan")
    rows = np.flatnonzero(region.providers.kind > 0)
    km, wanted = kilometers[:, rows], share[rows]
    pull = np.exp(km * (-0.265 + km * (0.002 - 0.00001 * km)))
    factor = np.ones(len(rows))
    for _ in range(200):
        chance = pull * factor
        chance /= chance.sum(axis=1, keepdims=True)
        factor *= wanted / np.maximum(region.zones.share @ chance, 1e-12)
    weights = region.zones.share[:, None] * chance
    return weighted_median(km.ravel(), weights.ravel())
