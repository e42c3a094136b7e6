"""What prevention is worth and does: hand-worked cases of the setting and the multiplier."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from sim.engine.organization import baseline_prevention
from sim.engine.setting import build_setting, value_of_one_control
from sim.region import Region
from sim.scenario import load

REGION = load("china-county").region()
VALUES = {name: row.value for name, row in REGION.parameters.items()}
STAY = np.full(len(REGION.groups.ids), 5000.0)
ROWS = {str(name): c for c, name in enumerate(REGION.chronic.ids)}


def without_effect(onset_ratio: float = 1.0) -> Region:
    """Give the county where control does nothing but to avert strokes of the hypertensive."""
    event = np.ones_like(REGION.chronic.control_event)
    event[ROWS["hypertension"], ROWS["stroke_survivor"]] = onset_ratio
    chronic = dataclasses.replace(
        REGION.chronic, control_event=event, control_death=np.ones_like(REGION.chronic.rr_death)
    )
    groups = dataclasses.replace(
        REGION.groups, control_ratio=np.ones_like(REGION.groups.control_ratio)
    )
    return dataclasses.replace(REGION, chronic=chronic, groups=groups)


def worth(region: Region, **values: float) -> npt.NDArray[np.float64]:
    return np.array(value_of_one_control(region, {**VALUES, **values}, 200.0, STAY))


def test_control_that_changes_nothing_is_worth_nothing() -> None:
    assert worth(without_effect()) == pytest.approx(np.zeros(3))


def test_an_onset_averted_counts_the_discounted_years_after_it() -> None:
    half, whole = worth(without_effect(0.5)), worth(without_effect(0.0))
    assert np.all(whole > 0.0)
    assert half == pytest.approx(0.5 * whole)
    short = worth(without_effect(0.0), discount=0.5, retention=1.0)
    long = worth(without_effect(0.0), discount=0.75, retention=1.0)
    # .5 / .5 = 1 year and .75 / .25 = 3 years.
    assert long == pytest.approx(3.0 * short)


def test_avoided_spending_is_linear_in_what_care_costs() -> None:
    one = value_of_one_control(REGION, VALUES, 200.0, STAY)
    two = value_of_one_control(REGION, VALUES, 400.0, 2.0 * STAY)
    assert two[0] == pytest.approx(2.0 * one[0])
    assert two[1:] == pytest.approx(one[1:])


def test_alike_practices_at_baseline_effort_keep_control_where_the_data_have_it() -> None:
    alike = {**VALUES, "altruism_selfish_share": 0.0, "altruism_log_sd": 0.0}
    alike["altruism_private_ratio"] = 1.0
    setting = build_setting(REGION, alike, 1000, 1)
    assert baseline_prevention(setting) == pytest.approx(1.0 - np.exp(-alike["effort_base"]))


def test_unlike_practices_keep_control_there_on_average() -> None:
    setting = build_setting(REGION, VALUES, 1000, 1)
    providers = REGION.providers
    rows = providers.kind == 0
    weights = providers.visits_capacity[rows]
    temper = setting.altruism[rows] / VALUES["altruism_scale"]
    effort = np.zeros(len(temper))
    effort[temper > 0.0] = VALUES["effort_base"] + np.log(temper[temper > 0.0])
    effect = 1.0 - np.exp(-np.maximum(effort, 0.0))
    assert baseline_prevention(setting) == pytest.approx(np.average(effect, weights=weights))
