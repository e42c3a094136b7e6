"""Twin worlds: the same people live the same lives except for what the policy changes.

What may couple people is the state of providers: beds and contacts given by urgency, and styles
and prices that answer to last months' sums. Draws never do: each is keyed by seed, month, decision
and person.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.emergence import OPEN, lives
from sim.engine import kernels
from sim.engine.kernels import Columns
from sim.month import World, build_world, month_tables, new_tallies, run_month, simulate
from sim.population import synthesize
from sim.randomness import Decision, key, uniform
from sim.region import Region
from sim.runner import seed_of
from sim.scenario import Scenario, load
from sim.tallies import History

PEOPLE = 500
SEED = 11
ARMS = (
    "tiny-fee-for-service",
    "tiny-capitation",
    "tiny-drg",
    "tiny-global-budget",
    "tiny-value-based",
)


def digest(history: History, months: int | None = None) -> str:
    """Hash every array of a history, or its first months."""
    found = hashlib.sha256()
    for item in dataclasses.fields(history):
        value = getattr(history, item.name)
        if isinstance(value, np.ndarray):
            found.update(np.ascontiguousarray(value[:months]).tobytes())
        elif months is None and item.name in ("marginal", "ledger", "accounts"):
            for name in sorted(value):
                found.update(np.ascontiguousarray(value[name]).tobytes())
        elif months is None and item.name == "people":
            for year in value:
                for name in sorted(year):
                    found.update(np.ascontiguousarray(year[name]).tobytes())
    return found.hexdigest()


def world_of(
    scenario: Scenario,
    *,
    months: int = 36,
    months_before: int = 12,
    people: int = PEOPLE,
    seed: int = SEED,
    region: Region | None = None,
    claims: bool = False,
) -> World:
    before: Any = scenario.before
    after: Any = scenario.after
    return build_world(
        region or scenario.region(),
        before,
        after,
        months_before=months_before,
        months=months,
        warm_up=0,
        seed=seed,
        population=people,
        parameters=scenario.parameters,
        claims=claims,
    )


@pytest.mark.slow
def test_a_reform_that_restates_every_contract_changes_not_one_bit() -> None:
    standing = load("tiny")
    restated = standing.with_payment(standing.resolved()["payment"])
    same = digest(simulate(world_of(standing)))
    assert digest(simulate(world_of(restated))) == same


@pytest.mark.slow
def test_the_month_of_a_reform_that_changes_nothing_changes_nothing() -> None:
    late = simulate(world_of(load("tiny"), months_before=24))
    early = simulate(world_of(load("tiny"), months_before=12))
    assert digest(late) == digest(early)


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS)
def test_months_before_a_reform_are_the_same_to_the_bit_and_months_after_are_not(arm: str) -> None:
    nothing = simulate(world_of(load("tiny")))
    reform = simulate(world_of(load(arm)))
    assert digest(reform, 12) == digest(nothing, 12)
    assert digest(reform) != digest(nothing)


@pytest.mark.slow
def test_watching_every_month_and_keeping_claims_changes_nothing() -> None:
    plain = digest(simulate(world_of(load("tiny-drg"))))
    seen: list[int] = []
    watched = simulate(world_of(load("tiny-drg"), claims=True), seen.append)
    assert seen == list(range(1, 37))
    assert watched.claims is not None
    assert digest(watched) == plain


@pytest.mark.slow
def test_arms_forked_at_the_reform_live_as_if_each_had_been_run_alone() -> None:
    arms = {"status-quo": "china-county", "per-case": "china-county-drg"}
    forked = lives(arms, SEED, PEOPLE)
    for arm, name in arms.items():
        scenario = load(name)
        horizon = scenario.horizon
        alone = simulate(world_of(scenario, months=horizon.months, months_before=horizon.start))
        assert digest(forked[arm].history) == digest(alone), arm


def test_one_more_person_leaves_everybody_elses_traits_alone() -> None:
    region = load("china-county").region()
    some, more = synthesize(region, 400, SEED), synthesize(region, 401, SEED)
    for item in dataclasses.fields(some):
        fewer, others = getattr(some, item.name), getattr(more, item.name)
        assert np.array_equal(fewer, others[: len(fewer)]), item.name


def test_a_draw_is_a_function_of_seed_month_decision_and_person_alone() -> None:
    draw = key(SEED, 7, Decision.STAY)
    alone = uniform(draw, np.uint64(42))
    for other in range(1000):
        uniform(draw, np.uint64(other))
    assert uniform(draw, np.uint64(42)) == alone
    assert uniform(key(SEED, 8, Decision.STAY), np.uint64(42)) != alone
    assert uniform(key(SEED, 7, Decision.READMISSION), np.uint64(42)) != alone
    assert uniform(key(SEED + 1, 7, Decision.STAY), np.uint64(42)) != alone


def after_need(people: int) -> Columns:
    """Everybody after the first month's need, before anybody asks for care."""
    world = world_of(load("tiny"), people=people)
    tables, tallies = month_tables(world), new_tallies(world)
    active = np.empty(people, dtype=np.int32)
    kernels.need_stage(world.columns, tables.keys, tables.need, tables.member, tallies, active)
    return world.columns


def test_one_more_person_leaves_everybody_elses_need_alone() -> None:
    some, more = after_need(PEOPLE), after_need(PEOPLE + 1)
    assert np.count_nonzero(some.ep_group != 255) > 0
    for name in Columns._fields:
        assert np.array_equal(getattr(some, name), getattr(more, name)[:PEOPLE]), name


def with_room_for_all(region: Region) -> Region:
    """Take away the one thing that couples strangers within a month: scarce beds and contacts."""
    providers = region.providers
    plenty = dataclasses.replace(
        providers,
        beds=1000.0 * providers.beds,
        visits_capacity=1000.0 * providers.visits_capacity,
    )
    return dataclasses.replace(region, providers=plenty)


def columns_after(months: int, people: int, region: Callable[[Region], Region]) -> Columns:
    scenario = load("tiny")
    world = world_of(scenario, people=people, region=region(scenario.region()))
    for _ in range(months):
        run_month(world)
    return world.columns


def test_with_room_for_all_one_more_person_changes_nobodys_first_months() -> None:
    some = columns_after(3, PEOPLE, with_room_for_all)
    more = columns_after(3, PEOPLE + 1, with_room_for_all)
    for name in Columns._fields:
        assert np.array_equal(getattr(some, name), getattr(more, name)[:PEOPLE]), name


# The last two are reported only: budgets inherit the noise of their base year, and half of what
# members spend elsewhere that of every stay.
PAIRED = ("per-member", "per-case", "by-score", "per-member-downstream", "binding-budget")


@pytest.fixture(scope="module")
def spending() -> dict[str, np.ndarray]:
    """Spending per person-year by arm in eight seeds of the county."""
    measure = OPEN["spending"][1]
    found: dict[str, list[float]] = {arm: [] for arm in ("status-quo", *PAIRED)}
    for replicate in range(8):
        lived = lives(found, seed_of(SEED, replicate), 5_000)
        for arm, life in lived.items():
            found[arm].append(measure(life))
    return {arm: np.array(values) for arm, values in found.items()}


@pytest.mark.parametrize("arm", PAIRED[:-2])
def test_the_record_pairs_effects_on_spending_to_a_third_of_their_error(arm: str) -> None:
    """Thirty seeds tell; eight do not, for a few people on long courses of care make fat tails.

    In eight seeds of this file payment per member and per case came to .40 and .47 of the unpaired
    error, which single seeds decide; the record has .14 and .17.
    """
    record = Path(__file__).resolve().parents[1] / "experiments/records/emergence/record.json"
    errors = json.loads(record.read_text(encoding="utf-8"))["standard_errors_of_spending"][arm]
    assert errors["ratio"] <= 1.0 / 3.0


@pytest.mark.slow
@pytest.mark.parametrize("arm", PAIRED[:-2])
def test_pairing_cuts_the_error_of_an_effect_on_spending(
    arm: str, spending: dict[str, np.ndarray]
) -> None:
    base, values = spending["status-quo"], spending[arm]
    paired = float((values - base).std(ddof=1))
    assert paired < math.sqrt(float(values.var(ddof=1) + base.var(ddof=1)))


@pytest.mark.slow
def test_pairing_helps_even_where_budgets_inherit_the_noise_of_their_base_year(
    spending: dict[str, np.ndarray],
) -> None:
    base, values = spending["status-quo"], spending["binding-budget"]
    paired = float((values - base).std(ddof=1))
    assert paired < math.sqrt(float(values.var(ddof=1) + base.var(ddof=1)))
