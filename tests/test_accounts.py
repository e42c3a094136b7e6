"""Individual medical accounts: who is credited what, what it pays, and that no fen is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.accounts import contributions, credit_accounts
from sim.behavior.choice import felt_payment
from sim.benefits import Benefits
from sim.errors import ScenarioError
from sim.ledger import ACCOUNTS
from sim.month import World, build_world, new_tallies, run_month, simulate
from sim.scenario import Scenario, load
from sim.tallies import PersonTally as P
from sim.tallies import ProviderTally as T
from sim.tallies import cell_traits

EMPLOYEES = 1
PEOPLE = 600
MONTHS = 16


def pooling(months: int = MONTHS, people: int = PEOPLE, **given: Any) -> World:
    """Build the county with accounts, its reform after one year."""
    scenario = load("china-county-outpatient-pooling")
    policies = {"before": scenario.before, "after": scenario.after}
    return build_world(
        scenario.region(),
        **{"months_before": 12, "months": months, "warm_up": 0, "seed": 5, "population": people}
        | policies
        | given,
    )


@pytest.fixture(scope="module")
def lived() -> World:
    """The county with accounts after one year and four months of the reform."""
    world = pooling()
    balances = []
    while world.month < world.months:
        run_month(world)
        balances.append((int(world.columns.account.sum()), world.ledger.balance(ACCOUNTS)))
    world.fixed["balances"] = balances
    return world


def test_money_in_the_account_weighs_its_share_of_cash() -> None:
    assert felt_payment(100.0, 40.0, 500.0, 0.5) == 70.0
    assert felt_payment(100.0, 40.0, 500.0, 1.0) == 100.0
    assert felt_payment(100.0, 40.0, 20.0, 0.5) == 90.0
    assert felt_payment(100.0, 0.0, 0.0, 0.2) == 100.0


# Income 40,000 makes a base of 60,000 (x 1.5), 10,000 the least base 45,000, 1,000,000 the largest
# 225,000. A twelfth of .028, .034 or .042 of it; the retired have a twelfth of 1,500. Pharmacy
# drugs take 530 / 12 = 44.17 of what is there.
@pytest.mark.parametrize(
    ("age", "sex", "income", "credit", "contribution"),
    [
        (30, 0, 40_000.0, 14_000, 45_000),
        (40, 0, 40_000.0, 17_000, 45_000),
        (50, 0, 10_000.0, 15_750, 33_750),
        (59, 0, 1_000_000.0, 78_750, 168_750),
        (60, 0, 40_000.0, 12_500, 0),
        (54, 1, 40_000.0, 21_000, 45_000),
        (55, 1, 40_000.0, 12_500, 0),
        (12, 1, 40_000.0, 0, 0),
    ],
)
def test_a_member_is_credited_by_age_and_base_and_the_retired_contribute_nothing(
    age: int, sex: int, income: float, credit: int, contribution: int
) -> None:
    world = pooling(people=1)
    c = world.columns
    c.age_months[0], c.sex[0], c.income[0], c.scheme[0] = 12 * age, sex, income, EMPLOYEES
    tallies = new_tallies(world)
    credit_accounts(world, tallies)
    drawn = min(4_417, credit)
    assert tallies.person[:, P.ACCOUNT_CREDIT].sum() == credit
    assert tallies.person[:, P.ACCOUNT_DRUGS].sum() == drawn
    assert c.account[0] == credit - drawn
    assert contributions(world).tolist() == [0, contribution, 0]


@pytest.mark.slow
def test_the_ledger_holds_what_is_in_the_accounts_to_the_fen(lived: World) -> None:
    balances = lived.fixed["balances"]
    assert len(balances) == MONTHS
    assert all(held == booked for held, booked in balances)
    assert balances[-1][0] > 0


@pytest.mark.slow
def test_what_enters_the_accounts_is_paid_drawn_left_or_still_there(lived: World) -> None:
    person = np.sum([month["person"] for month in lived.history], axis=(0, 1))
    out = person[P.ACCOUNT_PAID] + person[P.ACCOUNT_DRUGS] + person[P.ACCOUNT_LEFT]
    assert person[P.ACCOUNT_CREDIT] == out + lived.columns.account.sum()
    assert person[P.ACCOUNT_PAID] > 0
    assert person[P.ACCOUNT_LEFT] > 0


def test_only_employees_have_accounts(lived: World) -> None:
    others = cell_traits(lived.n_payers)["payer"] != EMPLOYEES
    person = np.sum([month["person"] for month in lived.history], axis=0)
    assert not person[others][:, [P.ACCOUNT_CREDIT, P.ACCOUNT_PAID]].any()


def test_the_reform_halves_credits_and_the_pool_pays_visits(lived: World) -> None:
    def credited(month: int) -> float:
        person = lived.history[month]["person"].sum(axis=0)
        return float(person[P.ACCOUNT_CREDIT] / person[P.ACCOUNT_HOLDERS])

    # Own 2 % of all that was .028 to .042, and 720 of 1,500: between .45 and .72 of before.
    assert 0.45 < credited(12) / credited(11) < 0.72
    rate = lived.benefits.outpatient_rate[EMPLOYEES]
    assert rate.tolist() == [0.65, 0.6, 0.5]


@pytest.mark.slow
def test_money_that_weighs_as_much_as_cash_changes_nobodys_care() -> None:
    scenario = load("china-county-outpatient-pooling")

    def without(policy: Any) -> Any:
        block = {k: v for k, v in policy.benefits["employee-scheme"].items() if k != "account"}
        return replace(policy, benefits={**policy.benefits, "employee-scheme": block})

    plain = {"before": without(scenario.before), "after": without(scenario.after)}
    with_accounts = simulate(pooling(14, parameters={"account_weight": 1.0}))
    none = simulate(pooling(14, **plain))
    assert np.array_equal(with_accounts.provider, none.provider)


def test_money_that_weighs_less_than_cash_leaves_fewer_ill_people_without_care() -> None:
    # Within the first month a person's draw is the same whatever the account weighs, and a lower
    # felt price of any option never makes seeking care less likely: no sampling error here.
    def foregone(account_weight: float) -> int:
        world = pooling(people=3000, parameters={"account_weight": account_weight})
        world.columns.scheme[:] = EMPLOYEES
        world.columns.account[:] = 500_000
        run_month(world)
        month = world.history[-1]
        away = month["provider"][..., T.TURNED_AWAY].sum()
        return int(month["person"][:, P.FOREGONE].sum() - away)

    assert foregone(0.2) < foregone(1.0)


@pytest.mark.slow
def test_months_before_the_reform_are_the_same_with_and_without_it() -> None:
    scenario = load("china-county-outpatient-pooling")
    one, other = pooling(12), pooling(12, after=scenario.before)
    for world in (one, other):
        while world.month < 12:
            run_month(world)
    assert one.columns.account.tobytes() == other.columns.account.tobytes()


def test_a_region_that_weighs_no_account_money_takes_no_accounts() -> None:
    account = load("china-county-accounts").before.benefits["employee-scheme"]["account"]
    with pytest.raises(ScenarioError, match="what money in an individual account weighs"):
        load("tiny").set("benefits.employee-scheme.account", account)


def test_an_account_states_all_its_parts_within_their_ranges() -> None:
    scenario: Scenario = load("china-county-accounts")
    with pytest.raises(ScenarioError, match="share from 0 to 1"):
        scenario.set("benefits.employee-scheme.account.from_45", 1.5)
    with pytest.raises(ScenarioError, match="ratio from 0 to 10"):
        scenario.set("benefits.employee-scheme.account.base_of_income", 11)
    block = dict(scenario.before.benefits)
    block["employee-scheme"] = {**block["employee-scheme"], "account": {"retired": 100}}
    with pytest.raises(ScenarioError, match="a field is missing"):
        Benefits.from_spec(block, scenario.region().payers)
