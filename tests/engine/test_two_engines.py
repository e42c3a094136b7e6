"""Columns and agents live the same lives: equal to the bit, person by person, month by month."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import sim.agents
from sim.model import HealthSystem
from sim.month import World, build_world, finished_history, run_month, simulate
from sim.record import hash_table
from sim.region import Region
from sim.runner import RunTask, run_task
from sim.scenario import load
from sim.tallies import History, ProviderTally
from tests.sorting_contracts import made_up_world, with_modes

REFORM = 12
EVENTS = [
    ProviderTally.REFERRED_UP,
    ProviderTally.REFERRED_DOWN,
    ProviderTally.TURNED_AWAY,
    ProviderTally.DEFERRED,
    ProviderTally.TRANSFERRED,
    ProviderTally.NO_BED,
    ProviderTally.WAITED,
    ProviderTally.READMISSIONS,
    ProviderTally.DEATHS,
    ProviderTally.AID,
]


def world_of(
    name: str,
    population: int,
    months: int,
    *,
    claims: bool = True,
    change: Callable[[Region], Region] = lambda region: region,
) -> World:
    """Build a scenario's world, its reform brought forward to the end of the first year."""
    scenario = load(name)
    return build_world(
        change(scenario.region()),
        scenario.before,
        scenario.after,
        months_before=REFORM,
        months=months,
        warm_up=0,
        seed=1,
        population=population,
        claims=claims,
    )


def differing_columns(one: World, other: World) -> list[str]:
    return [
        name
        for name, column in one.columns._asdict().items()
        if column.tobytes() != getattr(other.columns, name).tobytes()
    ]


def differing_books(one: World, other: World) -> list[str]:
    last = other.history[-1]
    return [
        name
        for name, entry in one.history[-1].items()
        if np.asarray(entry).tobytes() != np.asarray(last[name]).tobytes()
    ]


def differences_by_month(on_columns: World, model: HealthSystem) -> Iterator[list[str]]:
    """Take both engines through the same months and say what differs after each."""
    while on_columns.month < on_columns.months:
        run_month(on_columns)
        model.step()
        yield differing_columns(on_columns, model.world) + differing_books(on_columns, model.world)


def as_set_of_rows(table: dict[str, Any]) -> list[bytes]:
    """Return a table's rows in an order of their own, as bytes."""
    columns = [np.ascontiguousarray(column) for _, column in sorted(table.items())]
    return sorted(
        b"".join(column[row].tobytes() for column in columns) for row in range(len(columns[0]))
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny-drg", "tiny-capitation"])
def test_every_person_of_a_small_town_lives_the_same_life_in_both_engines(name: str) -> None:
    on_columns = world_of(name, 500, 27)
    model = HealthSystem(world_of(name, 500, 27))
    assert [d for d in differences_by_month(on_columns, model) if d] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "china-county-drg",
        "china-county-capitation",
        "china-county-outpatient-pooling",
        "china-county-capitation-diagnosis",
        "us-metro-aftercare-bundle",
        "us-metro-transfer-rule",
        "us-metro-mixed-remuneration",
        "china-city-dip",
    ],
)
def test_every_person_of_a_region_lives_the_same_life_in_both_engines(name: str) -> None:
    on_columns = world_of(name, 2000, 14)
    model = HealthSystem(world_of(name, 2000, 14))
    assert [d for d in differences_by_month(on_columns, model) if d] == []


@pytest.mark.slow
def test_the_engines_agree_where_people_have_chosen_their_cover() -> None:
    worlds = [world_of("china-county-cover-options", 600, 14) for _ in range(2)]
    model = HealthSystem(worlds[1])
    assert [d for d in differences_by_month(worlds[0], model) if d] == []
    assert np.count_nonzero(worlds[0].columns.cover >= worlds[0].n_payers) > 50


@pytest.mark.slow
def test_the_engines_agree_where_a_contract_sorts_stays_by_charge_and_by_day() -> None:
    terms: dict[str, Any] = {
        "bounds": (3000.0, 9000.0),
        "amounts": (0.0, 6000.0, -5000.0),
        "slopes": (1.0, 0.0, 1.0),
        "last_days": (4, 9),
        "per_day": (300.0, 200.0, 50.0),
    }
    on_columns, by_agents = (made_up_world(26, population=400, **terms) for _ in range(2))
    model = HealthSystem(by_agents)
    assert [d for d in differences_by_month(on_columns, model) if d] == []
    assert on_columns.organizations.style_in.shape[0] == 3


@pytest.mark.slow
def test_the_engines_agree_where_everything_about_a_stay_responds() -> None:
    terms: dict[str, Any] = {
        "amounts": (6000.0,),
        "per_mode": (0.0, 1000.0, 6000.0),
        "per_item": (20.0, 20.0, 0.0, 20.0, 0.0),
        "episode_months": 2,
        "per_episode": (300.0, -0.2),
    }
    loose = {"splitting_compliance": 8.0, "uncovered_compliance": 0.04, "documented_cost": 1.0}
    on_columns, by_agents = (
        made_up_world(
            26,
            population=400,
            change=with_modes,
            parameters={**loose, "mode_stake": 0.5, "tau_mode": 0.35},
            **terms,
        )
        for _ in range(2)
    )
    model = HealthSystem(by_agents)
    assert [d for d in differences_by_month(on_columns, model) if d] == []
    counted = np.sum([m["provider"].sum(axis=(0, 1)) for m in on_columns.history], axis=0)
    happened = (ProviderTally.MINOR, ProviderTally.MAJOR, ProviderTally.SPLIT)
    assert all(counted[event] > 0 for event in happened)
    assert on_columns.recent.episodes[..., 0].sum() > 0


def hard_times(region: Region) -> Region:
    """Return the region with deadlier hospitals, little time for outpatients, and many courses."""
    courses = region.courses
    return replace(
        region,
        courses=replace(
            courses,
            start=np.minimum(courses.start * 5.0, 1.0),
            share_sessions=courses.share_sessions * 20.0,
            onset_sessions=courses.onset_sessions * 100.0,
        ),
        groups=replace(region.groups, fatality=np.minimum(region.groups.fatality * 20.0, 0.5)),
        providers=replace(
            region.providers, visits_capacity=region.providers.visits_capacity * 0.25
        ),
    )


@pytest.mark.slow
def test_the_engines_agree_on_everything_rare_that_can_happen_to_a_person() -> None:
    worlds = [world_of("china-county-drg", 1000, 13, change=hard_times) for _ in range(2)]
    model = HealthSystem(worlds[1])
    assert [d for d in differences_by_month(worlds[0], model) if d] == []
    counted = np.sum([month["provider"].sum(axis=(0, 1)) for month in worlds[0].history], axis=0)
    assert [event.name for event in EVENTS if counted[event] == 0] == []


@pytest.fixture(scope="module")
def histories() -> tuple[History, History]:
    """Both engines' histories of 26 months in a small town."""
    return (
        simulate(world_of("tiny-drg", 500, 26)),
        HealthSystem(world_of("tiny-drg", 500, 26)).run(),
    )


def test_whole_histories_are_equal_to_the_bit(histories: tuple[History, History]) -> None:
    on_columns, by_agents = histories
    for name in vars(on_columns):
        one, other = getattr(on_columns, name), getattr(by_agents, name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            assert one.tobytes() == other.tobytes(), name


@pytest.mark.parametrize("name", ["marginal", "ledger", "accounts"])
def test_incentives_and_the_ledger_are_equal_to_the_bit(
    histories: tuple[History, History], name: str
) -> None:
    one, other = (getattr(history, name) for history in histories)
    assert one.keys() == other.keys()
    assert all(np.array_equal(column, other[key]) for key, column in one.items())


def test_what_each_person_spent_in_each_year_is_equal(histories: tuple[History, History]) -> None:
    on_columns, by_agents = histories
    assert len(on_columns.people) == len(by_agents.people) == 2
    for one, other in zip(on_columns.people, by_agents.people, strict=True):
        assert all(np.array_equal(column, other[key]) for key, column in one.items())


def test_claims_are_the_same_set(histories: tuple[History, History]) -> None:
    on_columns, by_agents = histories
    assert on_columns.claims is not None
    assert by_agents.claims is not None
    rows = as_set_of_rows(on_columns.claims)
    assert len(rows) > 1000
    assert rows == as_set_of_rows(by_agents.claims)


@pytest.mark.slow
def test_a_run_of_agents_has_the_tables_of_a_run_on_columns() -> None:
    scenario = load("tiny-drg").with_population(200)
    columnar, agents = (
        run_task(RunTask("tiny", 0, 3, scenario, engine, frozenset({"people"}), True))
        for engine in ("columnar", "agents")
    )
    assert columnar.before_sha == agents.before_sha
    hashes, others = (
        {name: hash_table(table) for name, table in done.tables.items()}
        for done in (columnar, agents)
    )
    assert hashes == others


@pytest.mark.slow
def test_agents_may_act_in_any_order() -> None:
    model = HealthSystem(world_of("tiny-drg", 500, 4))
    backwards = HealthSystem(world_of("tiny-drg", 500, 4))
    agents = backwards.agents_by_type
    for kind in list(agents):
        agents[kind] = backwards.agents.select(agent_type=kind).sort("row", ascending=True)
        agents[kind].sort("row", ascending=False, inplace=True)
    assert [patient.row for patient in backwards.patients][:2] == [499, 498]
    for _ in range(4):
        model.step()
        backwards.step()
        assert differing_columns(model.world, backwards.world) == []
        assert differing_books(model.world, backwards.world) == []


@pytest.mark.slow
def test_a_world_can_change_engines_between_two_months() -> None:
    on_columns = world_of("tiny-drg", 300, 8)
    changing = world_of("tiny-drg", 300, 8)
    for _ in range(4):
        run_month(changing)
    HealthSystem(changing).run()
    simulate(on_columns)
    assert differing_columns(on_columns, changing) == []
    assert finished_history(on_columns).provider.tobytes() == (
        finished_history(changing).provider.tobytes()
    )


# --- the rules that both engines call ------------------------------------------------------------


def modules_of_agents() -> list[Any]:
    return [
        importlib.import_module(f"sim.agents.{module.name}")
        for module in pkgutil.iter_modules(sim.agents.__path__)
    ]


def rules_that_agents_call() -> dict[str, Any]:
    """Return every compiled rule that a module of agents uses, by name."""
    return {
        name: rule
        for module in modules_of_agents()
        for name, rule in vars(module).items()
        if hasattr(rule, "py_func")
    }


def watch(
    rule: str, monkeypatch: pytest.MonkeyPatch, see: Callable[[Any, tuple[Any, ...], Any], None]
) -> None:
    """Show every call that agents make of a rule, and its answer, to ``see``."""
    for module in modules_of_agents():
        if hasattr(vars(module).get(rule), "py_func"):
            compiled_rule = vars(module)[rule]

            def call(*arguments: Any, compiled_rule: Any = compiled_rule) -> Any:
                answer = compiled_rule(*arguments)
                see(compiled_rule, arguments, answer)
                return answer

            monkeypatch.setattr(module, rule, call)


@pytest.mark.slow
def test_agents_have_no_rule_compiled_again_once_columns_have_run() -> None:
    world, model = (world_of("tiny-drg", 500, 3) for _ in range(2))
    simulate(world)
    rules = rules_that_agents_call()
    assert {"need", "seek", "refers", "treat", "admission", "stay"} <= rules.keys()
    before = {name: sum(rule.stats.cache_misses.values()) for name, rule in rules.items()}
    HealthSystem(model).run()
    after = {name: sum(rule.stats.cache_misses.values()) for name, rule in rules.items()}
    assert after == before


@pytest.mark.slow
def test_agents_call_every_rule_with_plain_numbers_of_the_declared_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: dict[str, set[tuple[str, ...]]] = {}
    declared: dict[str, tuple[str, ...]] = {}
    scalars = {int: "int", float: "float", bool: "bool"}

    def see(rule: Any, arguments: tuple[Any, ...], answer: object) -> None:
        parameters = inspect.signature(rule.py_func).parameters.values()
        kinds = [getattr(p.annotation, "__name__", str(p.annotation)) for p in parameters]
        name = rule.py_func.__name__
        declared[name] = tuple(kind if kind in scalars.values() else "" for kind in kinds)
        found.setdefault(name, set()).add(tuple(scalars.get(type(a), "") for a in arguments))

    for name in rules_that_agents_call():
        watch(name, monkeypatch, see)
    HealthSystem(world_of("china-county-drg", 300, 4, change=hard_times)).run()
    assert {"need", "seek", "refers", "treat", "admission", "stay"} <= found.keys()
    assert found == {name: {kinds} for name, kinds in declared.items()}


def as_bits(answer: Any) -> Any:
    """Return numbers as the bits of a float, so that nothing compares equal by rounding."""
    if isinstance(answer, tuple):
        return tuple(as_bits(part) for part in answer)
    if answer is None:
        return None
    return struct.pack("<d", answer) if isinstance(answer, float) else int(answer)


STAGES = [
    "need",
    "entrant",
    "preventive_contact",
    "leaves_list",
    "seek",
    "refers",
    "treat",
    "after_treatment",
    "goes_back_down",
    "admission",
    "bed_priority",
    "stay",
    "course_after_stay",
    "after_stay",
    "is_unmet",
    "sessions",
    "contact_outcome",
    "outpatient_bill",
    "inpatient_bill",
    "course_bill",
    "entitlement",
    "updated_experience",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_a_stage_gives_the_same_bits_compiled_and_as_plain_python(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = compared = 0

    def see(rule: Any, arguments: tuple[Any, ...], answer: object) -> None:
        nonlocal calls, compared
        calls += 1
        if calls % 11 == 0 or calls < 20:
            compared += 1
            assert as_bits(rule.py_func(*arguments)) == as_bits(answer), arguments

    watch(name, monkeypatch, see)
    HealthSystem(world_of("china-county-drg", 600, 8, claims=False, change=hard_times)).run()
    assert compared > 0
