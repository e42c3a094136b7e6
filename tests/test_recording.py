"""Capitation by diagnosis: what is on record pays, so it is recorded; truth stays what it is."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from sim.month import World, build_world, run_month
from sim.scenario import load
from sim.tallies import ProviderTally as T
from tests.test_lists import put_off, seen

REFORM = 12


@cache
def lived(name: str, months: int = 18) -> World:
    scenario = load(name)
    world = build_world(
        scenario.region(),
        scenario.before,
        scenario.after,
        months_before=REFORM,
        months=months,
        warm_up=0,
        seed=2,
        population=800,
    )
    shares = []
    while world.month < months:
        run_month(world)
        shares.append(None if world.recorded is None else world.recorded.copy())
    world.fixed["shares"] = shares
    return world


@pytest.mark.slow
def test_records_are_kept_by_habit_until_they_pay_and_are_more_complete_every_month_after() -> None:
    world = lived("china-county-capitation-diagnosis")
    practices = world.region.providers.kind == 0
    shares = np.array(world.fixed["shares"])[:, practices]
    habit = world.setting.values["documentation_habit"]
    assert np.allclose(shares[:REFORM], habit)
    assert (np.diff(shares[REFORM - 1 :], axis=0) > 0.0).all()


@pytest.mark.slow
def test_what_is_on_record_is_the_share_of_what_conditions_add() -> None:
    world = lived("china-county-capitation-diagnosis")
    tally = world.history[0]["provider"]
    true, told = tally[..., T.DIAGNOSED_MONTHS], tally[..., T.RECORDED_MONTHS]
    assert (told <= true).all()
    assert told.sum() < true.sum()


def test_what_is_counted_by_diagnosis_is_paid() -> None:
    world = lived("china-county-capitation-diagnosis")
    tally = world.history[-1]["provider"]
    practices = world.region.providers.kind == 0
    model = next(a for a in world.agreements if practices[a.rows].all() and a.payer == 0).model
    assert model.reads == {"diagnosis_months"}
    assert (tally[practices][:, 0, T.RECORDED_MONTHS] > 0).all()


@pytest.mark.slow
def test_nothing_is_counted_by_diagnosis_where_no_contract_asks() -> None:
    world = lived("china-county-open-lists", 13)
    columns = [T.DIAGNOSED_MONTHS, T.RECORDED_MONTHS]
    assert not any(month["provider"][..., columns].any() for month in world.history)


@pytest.mark.slow
def test_paid_by_diagnosis_practices_have_no_reason_to_put_off_the_ill() -> None:
    by_head, by_diagnosis = (
        seen(f"china-county-{name}") for name in ("open-lists", "capitation-diagnosis")
    )
    gaps = [put_off(table, 255) - put_off(table, 0) for table in (by_head, by_diagnosis)]
    assert gaps[0] > 0.0
    assert gaps[1] < gaps[0]
    assert by_diagnosis.by_weight[0, 0, 2] > 0.0
