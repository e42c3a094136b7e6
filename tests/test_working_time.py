"""Working time: minutes of a visit, the sessions they fill, and what pays for them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from sim.behavior import working_time as rules
from sim.conditions import month_tables
from sim.engine.adjusting import copied
from sim.errors import RunError
from sim.month import World, build_world, contact_capacity, finished_history, run_month
from sim.outcomes import OUTCOMES
from sim.outlook import move_levers
from sim.payment import gradient_of
from sim.scenario import load
from sim.tallies import ProviderTally as T
from sim.working_time import TIMING, lost_to_haste, missing, timed
from sim.world import activity_of
from tests.payment.years import contract, year
from tests.worlds import world_of

NAME, PAID = "us-metro-working-time", "us-metro-mixed-remuneration"
PEOPLE = 400


@cache
def at_list_price() -> World:
    """The market before its first month, when every margin is the one at list price."""
    return world_of(NAME, population=PEOPLE)


def lived(name: str, months: int, **more: Any) -> World:
    world = world_of(name, months=months, population=PEOPLE, **more)
    for _ in range(months):
        run_month(world)
    return world


# ---- the rule ----


def test_a_minute_costs_more_the_longer_the_hours_and_less_the_more_a_session_pays() -> None:
    usual = rules.price_of_a_minute(2.0, 1.0, 0.25, 0.0, 1.0)
    assert usual == pytest.approx(2.0)
    # An elasticity of a quarter: a tenth more hours, and the last of them is worth 1.1^4 as much.
    assert rules.price_of_a_minute(2.0, 1.1, 0.25, 0.0, 1.0) == pytest.approx(2.0 * 1.1**4)
    assert rules.price_of_a_minute(2.0, 1.0, 0.25, 0.5, 1.0) == pytest.approx(1.5)
    assert rules.price_of_a_minute(2.0, 1.0, 0.25, 3.0, 1.0) < 0.0


@pytest.mark.parametrize("altruism", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("price", [-1.0, 0.0, 1.5, 4.0])
def test_a_visit_lasts_until_a_minute_more_brings_less_than_it_costs(
    altruism: float, price: float
) -> None:
    wished, at_stake, least = 20.0, 60.0, 5.0
    found = rules.minutes_of_a_visit(wished, price, at_stake, altruism, least)
    every = np.linspace(least, 2.0 * wished - least, 7001)
    lost = np.array([rules.health_lost_to_haste(t, wished, at_stake) for t in every])
    best = every[np.argmax(-altruism * lost - price * every)]
    assert found == pytest.approx(best, abs=0.01)


def test_who_cares_for_money_alone_takes_no_longer_than_a_visit_must() -> None:
    assert rules.minutes_of_a_visit(20.0, 1.0, 60.0, 0.0, 5.0) == 5.0
    assert rules.minutes_of_a_visit(20.0, -1.0, 60.0, 0.0, 5.0) == 20.0


def test_the_rules_have_the_same_bits_compiled_and_as_plain_python() -> None:
    for hours in (0.7, 1.0, 1.31):
        given = (1.7, hours, 0.27, 0.4, 1.1)
        price = rules.price_of_a_minute(*given)
        assert rules.price_of_a_minute.py_func(*given) == price
        case = (22.5, price, 50.0, 0.8, 5.0)
        minutes = rules.minutes_of_a_visit(*case)
        assert rules.minutes_of_a_visit.py_func(*case) == minutes
        haste = rules.health_lost_to_haste
        assert haste.py_func(minutes, 22.5, 0.001) == haste(minutes, 22.5, 0.001)


# ---- a contract that pays by session ----


def test_a_session_brings_its_sum_however_many_are_seen_in_it() -> None:
    model = contract({"service_unit": {"unit": "session", "rate": 500}})
    done = year(sessions=[40.0], visits=[[900.0, 0.0, 0.0]])
    assert model.revenue(done).tolist() == [20_000]
    assert gradient_of(model, done).sessions.tolist() == [500]
    assert not gradient_of(model, done).visits.any()


# ---- regions with and without ----


def test_where_nothing_is_timed_no_minute_is_counted_and_none_is_lost() -> None:
    world = world_of("tiny", months=24, population=300)
    assert world.setting.timing is None
    assert timed(world.setting) is world.setting
    run_month(world)
    assert not world.rolling[-1].provider[:, :, [T.MINUTES, T.SESSIONS, T.PHYSICIANS]].any()
    tables = month_tables(world)
    assert not tables.treat.haste.any()
    assert not tables.refer.time_price.any()
    history = finished_history(world)
    assert not OUTCOMES["minutes_per_visit"].is_part_of(history)
    assert not OUTCOMES["sessions_per_physician"].is_part_of(history)


def test_a_region_that_times_visits_gives_all_that_it_turns_on() -> None:
    values = {name: row.value for name, row in load(NAME).region().parameters.items()}
    assert missing(values) == []
    short = {name: value for name, value in values.items() if name != "session_minutes"}
    assert missing(short) == ["session_minutes"]
    untimed = {name: value for name, value in values.items() if name not in TIMING}
    assert missing(untimed) == []


def test_at_list_price_visits_last_as_declared_and_longer_where_patients_count_more() -> None:
    setting = at_list_price().setting
    timing, providers = setting.timing, setting.region.providers
    assert timing is not None
    practices = providers.kind == 0
    mean = np.average(timing.minutes[practices], weights=providers.visits_capacity[practices])
    assert mean == pytest.approx(setting.values["minutes_per_visit"], rel=1e-9)
    assert not timing.minutes[~practices].any()
    order = np.argsort(setting.altruism[practices])
    third = len(order) // 3
    ranked = timing.minutes[practices][order]
    assert ranked[:third].mean() < ranked[-third:].mean()
    assert timing.minutes[practices].min() >= timing.least
    assert timing.minutes[practices].max() < timing.wished


def test_a_minute_costs_what_a_visit_as_charged_earns_in_it() -> None:
    """Practised care is more than prices are scaled to, and contracts pay by what was charged."""
    world = lived(NAME, 12)
    setting = world.setting
    timing, practices = setting.timing, setting.region.providers.kind == 0
    assert timing is not None
    done = world.recent.provider[practices].sum(axis=(0, 1))
    earned = (done[T.CHARGE_OUT] - done[T.COST_OUT]) / done[T.MINUTES]  # both in hundredths
    assert timing.price[practices].mean() == pytest.approx(earned, rel=0.1)


def test_whoever_bears_no_cost_of_a_visit_earns_its_whole_charge() -> None:
    setting = at_list_price().setting
    free = world_of("us-metro-hospital-physicians", population=PEOPLE).setting
    practices = setting.region.providers.kind == 0
    assert not free.cost_out[practices].any()
    np.testing.assert_array_equal(free.cost_out[~practices], setting.cost_out[~practices])
    np.testing.assert_array_equal(free.cost_in, setting.cost_in)
    assert free.timing is not None and setting.timing is not None
    usual = setting.values["minutes_per_visit"]
    charged = setting.region.providers.visit_charge[practices] / usual
    np.testing.assert_allclose(free.timing.price[practices], charged, rtol=1e-12)
    assert (free.timing.price[practices] > setting.timing.price[practices]).all()


def test_before_the_first_month_nobody_moves() -> None:
    world = world_of(NAME, population=PEOPLE)
    before = world.organizations.minutes.copy()
    move_levers(world)
    np.testing.assert_allclose(world.organizations.minutes, before, rtol=1e-12)
    np.testing.assert_allclose(world.organizations.time_price, 0.0, atol=1e-9)


def test_hasty_visits_lose_health_and_wished_ones_none() -> None:
    setting = at_list_price().setting
    timing = setting.timing
    assert timing is not None
    n = len(timing.minutes)
    assert not lost_to_haste(setting, np.full(n, timing.wished)).any()
    lost = lost_to_haste(setting, timing.minutes)
    assert (lost[timing.minutes > 0.0] > 0.0).all()
    assert not lost[timing.minutes == 0.0].any()


def test_visits_that_take_twice_as_long_are_half_as_many_at_most() -> None:
    world = world_of(NAME, population=PEOPLE)
    before = contact_capacity(world)
    world.organizations.minutes *= 2.0
    practices = world.region.providers.kind == 0
    np.testing.assert_allclose(contact_capacity(world)[practices], 0.5 * before[practices])
    np.testing.assert_array_equal(contact_capacity(world)[~practices], before[~practices])


# ---- counted, and paid for ----


@cache
def two_years() -> World:
    return lived(PAID, 24)


def test_sessions_are_the_minutes_of_visits_and_a_contract_counts_them() -> None:
    world = two_years()
    done = world.rolling[-1].provider
    practices = world.region.providers.kind == 0
    minutes = np.floor(world.organizations.minutes * 100.0 + 0.5)
    np.testing.assert_array_equal(done[:, :, T.MINUTES], done[:, :, T.VISITS] * minutes[:, None])
    assert not done[~practices][:, :, T.MINUTES].any()
    sessions = done[:, :, T.MINUTES] / (100.0 * world.setting.values["session_minutes"])
    np.testing.assert_allclose(done[:, :, T.SESSIONS] / 1000.0, sessions, atol=5e-4)
    everyone = np.arange(len(practices))
    counted = activity_of(world.setting, world.recent, 0, everyone).sessions
    assert counted.tolist() == (world.recent.provider[:, 0, T.SESSIONS] / 1000.0).tolist()


def test_pay_by_session_is_seen_and_lengthens_visits() -> None:
    """Every practice sees the same sum; whoever is not at an end of the range takes longer."""
    world = two_years()
    practices = world.region.providers.kind == 0
    paid = (world.marginals.session * 1.0)[practices]
    assert (paid[:, 0] > 0.0).all()
    assert not world.marginals.session[~practices].any()
    control = lived(NAME, 24)
    minutes, usual = world.organizations.minutes, control.organizations.minutes
    visits = control.recent.provider[:, :, T.VISITS].sum(axis=1)
    assert np.average(minutes, weights=visits) > np.average(usual, weights=visits)


def test_held_minutes_do_not_move() -> None:
    held = lived(PAID, 16, freeze=frozenset({"working_time"}))
    usual = lived(NAME, 12)
    np.testing.assert_array_equal(held.organizations.minutes, usual.organizations.minutes)


def test_longer_hours_shorten_visits() -> None:
    """Half as many contacts again: the last hour costs more, and with it a minute of any visit."""
    world = lived(NAME, 13)
    timing, first = world.setting.timing, world.fixed["hours"]
    assert timing is not None
    busy = replace(
        world,
        organizations=copied(world.organizations),
        fixed={**world.fixed, "hours": first / 1.5},
    )
    move_levers(world)
    move_levers(busy)
    seen = world.recent.provider[:, :, T.VISITS].sum(axis=1) > 0
    usual, shorter = world.organizations.minutes, busy.organizations.minutes
    inner = seen & (first > 0.0) & (usual > timing.least + 0.1)
    assert inner.any()
    assert (shorter[inner] < usual[inner]).all()
    assert (shorter >= timing.least * (timing.minutes > 0.0)).all()


def test_a_world_lacking_a_parameter_of_time_is_refused() -> None:
    scenario = load(NAME)
    region = scenario.region()
    known = {k: v for k, v in region.parameters.items() if k != "minutes_least"}
    with pytest.raises(RunError, match="length turns on"):
        build_world(
            replace(region, parameters=known),
            scenario.before,
            scenario.after,
            months_before=12,
            months=24,
            warm_up=0,
            seed=1,
            population=PEOPLE,
        )
