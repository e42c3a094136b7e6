"""Open lists: who asks to join whom, whom practices put off, and what reforms may change later."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest

from sim.conditions import month_tables
from sim.engine.enrolment import ListTable, prob_put_off
from sim.engine.setting import expected_cost_by_age, predicted_risk
from sim.enrolment import list_table
from sim.errors import ScenarioError
from sim.month import World, build_world, run_month
from sim.outlook import move_levers
from sim.scenario import load
from sim.tallies import PersonTally as P
from sim.tallies import ProviderTally as T
from sim.terms import open_year

RESIDENTS = 0
PEOPLE = 1500
ALL_ILL = 255


def world_of(name: str, months: int = 13, **given: Any) -> World:
    scenario = load(name)
    policies = {"before": scenario.before, "after": scenario.after}
    return build_world(
        scenario.region(),
        **{"months_before": 12, "months": months, "warm_up": 0, "seed": 2, "population": PEOPLE}
        | policies
        | given,
    )


def run(world: World, months: int | None = None) -> World:
    while world.month < (world.months if months is None else months):
        run_month(world)
    return world


@cache
def opened() -> World:
    """Lists open and capitation by head in force, first month of the reform lived."""
    return run(world_of("china-county-open-lists"))


def seen(name: str, after: Any = None) -> ListTable:
    """What practices expect of members at the start of a reform."""
    scenario = load(name)
    world = run(world_of(name, after=scenario.after if after is None else after), 12)
    open_year(world)
    move_levers(world)
    return list_table(world, month_tables(world))


def put_off(table: ListTable, chronic: int, practice: int = 0) -> float:
    return float(prob_put_off(practice, RESIDENTS, 50, 0, chronic, table))


def test_risk_by_conditions_is_risk_by_age_in_the_mean_of_conditions() -> None:
    region = load("china-county").region()
    chronic = region.chronic.prevalence
    risk = predicted_risk(region)
    expected = np.zeros(risk.shape[:2])
    for mask in product((0, 1), repeat=chronic.shape[0]):
        has = np.array(mask, dtype=bool)[:, None]
        share = np.where(has, chronic, 1.0 - chronic).prod(axis=0)
        number = sum(bit << c for c, bit in enumerate(mask))
        expected += share[:, None] * risk[:, :, number]
    np.testing.assert_allclose(expected, expected_cost_by_age(region), rtol=1e-6)


@pytest.mark.slow
def test_paid_by_head_the_ill_are_put_off_and_the_healthy_are_not() -> None:
    table = seen("china-county-open-lists")
    assert (table.by_weight[0, RESIDENTS] > 0.0).tolist() == [True, False, False]
    assert put_off(table, 0) < put_off(table, 1) < put_off(table, ALL_ILL)


@pytest.mark.slow
def test_paid_by_item_above_cost_the_ill_are_put_off_less_than_the_healthy() -> None:
    scenario = load("china-county-open-lists")
    fees = replace(scenario.before, enrolment=scenario.after.enrolment)
    table = seen("china-county-open-lists", fees)
    assert not table.by_weight.any()
    assert (table.receipts > table.cost)[0, RESIDENTS]
    assert put_off(table, ALL_ILL) < put_off(table, 0)


@pytest.mark.slow
def test_who_is_put_off_does_not_move_with_the_contract_where_selection_is_held() -> None:
    name = "china-county-open-lists"
    world = run(world_of(name, freeze=frozenset({"selection"})), 12)
    open_year(world)
    move_levers(world)
    held = list_table(world, month_tables(world))
    # As under the item fees of before: heads bring nothing, the ill are worth more than they cost.
    assert not held.by_weight.any()
    assert (held.receipts > held.cost)[0, RESIDENTS]
    assert put_off(held, ALL_ILL) < put_off(held, 0)
    # What is not held moves: who is paid by head.
    assert world.marginals.by_list[0, RESIDENTS, 0] > 0.0


@pytest.mark.slow
def test_a_dearer_complaint_protects_those_who_ask() -> None:
    table = seen("china-county-open-lists")
    dear = table._replace(complaint=10.0 * table.complaint + 1000.0)
    assert put_off(dear, 1) < put_off(table, 1)


@pytest.mark.slow
def test_those_who_join_are_those_who_left_and_those_who_asked_less_those_put_off() -> None:
    world = opened()
    month = world.history[12]
    person, provider = month["person"].sum(axis=0), month["provider"].sum(axis=(0, 1))
    moved = person[P.LIST_APPLIED] - person[P.LIST_REFUSED]
    assert moved > 0
    assert person[P.LIST_REFUSED] > 0
    assert provider[T.JOINED] == provider[T.LEFT] == moved
    assert provider[T.JOINED_RISK] == provider[T.LEFT_RISK]
    assert provider[T.JOINED_RISK] == person[P.LIST_APPLIED_RISK] - person[P.LIST_REFUSED_RISK]


@pytest.mark.slow
def test_lists_are_closed_until_the_policy_opens_them() -> None:
    world = world_of("china-county-open-lists")
    run(world, 12)
    home = world.region.zones.home_practice[world.columns.zone]
    assert np.array_equal(world.columns.practice, home)
    run(world)
    assert not np.array_equal(world.columns.practice, home)
    assert (world.region.providers.kind[world.columns.practice] == 0).all()


@pytest.mark.slow
def test_nobody_is_put_off_where_practices_may_not() -> None:
    scenario = load("china-county-open-lists")
    free = {**scenario.after.enrolment, "discouragement": 0.0}
    world = run(world_of("china-county-open-lists", after=replace(scenario.after, enrolment=free)))
    asked = world.history[12]["person"].sum(axis=0)
    assert asked[P.LIST_REFUSED] == 0
    # The same people ask, whatever a practice may do.
    assert asked[P.LIST_APPLIED] == opened().history[12]["person"].sum(axis=0)[P.LIST_APPLIED]


@pytest.mark.slow
def test_a_parameter_that_changes_with_the_reform_leaves_the_months_before_alone() -> None:
    scenario = load("china-county-patient-participation")
    assert scenario.after.from_reform == {"price_knowledge": 1.25}
    assert scenario.before.from_reform == {}
    assert scenario.status_quo().after.from_reform == {}
    world = world_of("china-county-patient-participation")
    plain = world_of(
        "china-county-patient-participation", after=replace(scenario.after, from_reform={})
    )
    for each in (world, plain):
        run(each, 12)
    for name in world.columns._fields:
        one, other = (getattr(each.columns, name) for each in (world, plain))
        assert one.tobytes() == other.tobytes(), name
    assert world.setting.values["price_knowledge"] == 1.0
    for each in (world, plain):
        run(each)
    assert world.setting.values["price_knowledge"] == 1.25


def test_patients_who_know_more_of_prices_see_them_further_apart() -> None:
    world = run(world_of("china-county"), 1)
    usual = month_tables(world).seek.price
    world.setting = replace(world.setting, values={**world.setting.values, "price_knowledge": 1.5})
    felt = month_tables(world).seek.price
    size = world.region.providers.visits_capacity
    mean = (usual * size).sum(axis=-1) / size.sum()
    np.testing.assert_allclose(
        felt, np.maximum(1.5 * usual - 0.5 * mean[..., None], 0.0), rtol=1e-9
    )


def test_a_reform_cannot_move_what_the_baseline_rests_on() -> None:
    scenario = load("china-county-drg")
    with pytest.raises(ScenarioError, match="the baseline rests on this parameter"):
        scenario.set("from_reform", {"altruism_scale": 1.1})
    with pytest.raises(ScenarioError, match="unknown parameter"):
        scenario.set("from_reform", {"price_knowlege": 1.1})
