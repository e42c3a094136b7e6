"""Providers led by one of them: joint margins and doctors posted down, out of incentives alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.alliances import allowances, capacity_with_posts, reach_with_posts
from sim.behavior.posting import cost_of_posting, value_of_posting
from sim.errors import ScenarioError
from sim.model import HealthSystem
from sim.month import World, run_month
from sim.scenario import Scenario, load
from sim.tallies import ProviderTally
from tests.engine.test_two_engines import differences_by_month
from tests.worlds import world_of

ITEM_FEES = [
    {
        "payer": ["resident-scheme", "employee-scheme"],
        "providers": {"inside": True},
        "contract": {"fee_for_service": {}},
    }
]


def led(scenario: Scenario, **terms: float) -> Scenario:
    """Give the scenario with everyone inside the county led by the general hospital."""
    alliance: dict[str, Any] = {"lead": "county-general", "members": {"inside": True}, **terms}
    return scenario.set("alliances", [alliance])


def lived(scenario: Scenario, months: int, population: int = 1500, **more: Any) -> World:
    world = world_of(scenario, months, population, 3, parameters=scenario.parameters, **more)
    while world.month < world.months:
        run_month(world)
    return world


def of_practices(world: World, column: ProviderTally) -> int:
    """Give a tally of practices since the reform."""
    practices = world.region.providers.kind == 0
    return int(sum(h["provider"][practices, :, column].sum() for h in world.history[12:]))


@pytest.mark.slow
def test_an_alliance_without_authority_and_posting_changes_nothing() -> None:
    pool = load("china-county-consortium")
    plain, loose = lived(pool, 16, 600), lived(led(pool), 16, 600)
    for name in ("provider", "person", "receipts", "levers"):
        np.testing.assert_array_equal(plain.history[-1][name], loose.history[-1][name])


@pytest.mark.slow
def test_both_engines_live_the_same_lives_in_an_alliance() -> None:
    scenario = led(load("china-county-consortium"), authority=0.6, posting_most=0.2)
    on_columns, by_agents = (
        world_of(scenario, 16, 600, 3, parameters=scenario.parameters) for _ in range(2)
    )
    model = HealthSystem(by_agents)
    assert [d for d in differences_by_month(on_columns, model) if d] == []
    assert on_columns.organizations.posted.max() > 0.0


@pytest.mark.slow
def test_who_decides_for_all_under_one_budget_keeps_more_patients_below() -> None:
    """Sent up, a patient brings the pool no more than its budget and costs it the care."""
    pool = load("china-county-consortium")
    loose = lived(led(pool), 30)
    tight = lived(led(pool, authority=1.0), 30)
    sent = [of_practices(w, ProviderTally.REFERRED_UP) for w in (loose, tight)]
    assert sent[1] < sent[0]
    practices = loose.region.providers.kind == 0
    seen = [w.marginals.elsewhere[practices, 0].mean() for w in (loose, tight)]
    assert seen[1] < seen[0] < 0.0


@pytest.mark.slow
def test_under_item_fees_authority_makes_sending_up_pay() -> None:
    """What a patient spends at the alliance's hospitals brings them a margin."""
    fees = led(load("china-county").with_payment(ITEM_FEES), authority=1.0, posting_most=0.2)
    world = lived(fees, 20, 600)
    practices = world.region.providers.kind == 0
    assert world.marginals.elsewhere[practices, 0].mean() > 0.0
    # And doctors posted down would lose it.
    assert not world.organizations.posted.any()


@pytest.mark.slow
def test_where_posting_is_held_nobody_is_posted() -> None:
    scenario = led(load("china-county-consortium"), authority=1.0, posting_most=0.2)
    held = lived(scenario, 16, 600, freeze=frozenset({"posting"}))
    assert not held.organizations.posted.any()


@pytest.mark.slow
def test_doctors_posted_extend_reach_move_capacity_and_are_paid_by_the_lead() -> None:
    scenario = led(
        load("china-county-consortium"), authority=1.0, posting_most=0.2, posting_effect=0.5
    )
    world = lived(scenario, 24, 600)
    lead = list(world.region.providers.ids).index("county-general")
    effect = 1.0 - float(np.exp(-world.organizations.posted[lead]))
    assert effect > 0.0
    before, after = world.setting.reach_out, reach_with_posts(world, world.setting.reach_out)
    practices = world.region.providers.kind == 0
    gap = 1.0 - before[practices]
    expected = np.minimum(before[practices] + 0.5 * effect * gap, 0.995)
    treated = before[practices] < 0.995
    np.testing.assert_allclose(after[practices][treated], expected[treated], rtol=1e-9)
    np.testing.assert_array_equal(after[~practices], before[~practices])
    # Doctors move, none is lost.
    contacts = capacity_with_posts(world)
    assert contacts.sum() == pytest.approx(world.setting.visits_capacity.sum())
    assert contacts[lead] == pytest.approx((1 - 0.2 * effect) * world.setting.visits_capacity[lead])
    doctors = world.region.providers.physicians[lead] * world.setting.scale
    fen = 0.2 * effect * doctors * 36_000 * 100 / 12
    assert allowances(world)[lead] == pytest.approx(fen, abs=1.0)
    # Preventive contacts are the other cost of a lever, and hospitals have none.
    fixed = int(world.fixed_month[lead])
    assert world.history[-1]["fixed_cost"][lead] - fixed == allowances(world)[lead]


def test_posting_is_worth_what_care_costs_whoever_shares_in_a_total() -> None:
    """100 patients, 4,000 CNY each, 60 fen of cost a yuan and no receipts: 240,000 a year."""
    assert value_of_posting(100.0, 4000.0, -0.6) == pytest.approx(240_000.0)
    assert value_of_posting(100.0, 4000.0, 0.2) < 0.0
    # A tenth of 50 doctors at 36,000 and of 20,000 contacts at 10 CNY: 180,000 and 20,000.
    assert cost_of_posting(50.0, 0.1, 36_000.0, 20_000.0, 10.0) == pytest.approx(200_000.0)
    assert cost_of_posting(50.0, 0.1, 36_000.0, 20_000.0, -10.0) == pytest.approx(180_000.0)


@pytest.mark.parametrize(
    ("alliances", "words"),
    [
        ([{"lead": "county-genral", "members": {"inside": True}}], "Did you mean"),
        ([{"lead": "township-01", "members": {"inside": True}}], "no hospital of the region"),
        ([{"lead": "county-general", "members": {"ids": ["township-99"]}}], "unknown provider"),
        (
            [
                {"lead": "county-general", "members": {"kind": "practice"}},
                {"lead": "county-tcm", "members": {"ids": ["township-01"]}},
            ],
            "led by two",
        ),
        (
            [{"lead": "county-general", "members": {"inside": True}, "authority": 1.5}],
            "0 to 1",
        ),
    ],
)
def test_an_alliance_nobody_could_found_is_refused(alliances: Any, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load("china-county").set("alliances", alliances)
    assert words in str(caught.value)
