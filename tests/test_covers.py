"""Choice among cover options: what is weighed, who takes which, who pays, and no luck changed."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.behavior.cover import cover_utility, felt_cost_of_cover
from sim.benefits import Benefits
from sim.covers import cover_table
from sim.engine.covers import CoverTable, choose_cover, expected_own, own_of_year
from sim.errors import ScenarioError
from sim.month import World, build_world, run_month, simulate
from sim.scenario import Policy, load, validate
from sim.tallies import PersonTally as P

NAME = "china-county-cover-options"
FREE = ("outpatient_deductible", "further_stays", "referral_credit", "contract_bonus")
PLAIN: dict[str, Any] = {
    **dict.fromkeys(FREE, 0.0),
    "outpatient_rate": {"primary": 0.5, "secondary": 0.5, "tertiary": 0.5},
    "outpatient_cap": "none",
    "listed_rate": {"primary": 0.5, "secondary": 0.5, "tertiary": 0.5},
    "extra_cap": {"two_diseases": 0, "listed": 0},
    "deductible": {"primary": 0, "secondary": 0, "tertiary": 0},
    "rate": {"primary": 0.6, "secondary": 0.6, "tertiary": 0.6},
    "unreferred_penalty": {"primary": 0, "secondary": 0, "tertiary": 0},
    "annual_cap": "none",
    "serious_illness": {"threshold": "none", "rate": 0.0, "cap": "none"},
    "serious_illness_poor": {"threshold": "none", "rate": 0.0, "cap": "none"},
    "assistance_rate": 0.0,
}
BETTER = {
    "premium": 300,
    "outpatient_rate": {"primary": 0.8, "secondary": 0.8, "tertiary": 0.8},
    "rate": {"primary": 0.8, "secondary": 0.8, "tertiary": 0.8},
}
INCOME = 24_000.0
GRID = (np.arange(2000) + 0.5) / 2000


def table_of(*options: dict[str, Any], **given: Any) -> CoverTable:
    """One scheme whose visits are half paid and stays .6, with options; all spending secondary."""
    named = {f"o{i}": option for i, option in enumerate(options)}
    benefits = Benefits.from_spec({"fund": {**PLAIN, "options": named}}, ["fund"])
    n = 1 + len(options)
    premium, needs = np.zeros(n), np.zeros(n, dtype=np.bool_)
    premium[1:] = [option.premium for option in benefits.options]
    needs[1:] = [option.needs_contract for option in benefits.options]
    one = np.array([[0.0, 1.0, 0.0]])
    return CoverTable(
        first=np.array([1]),
        n_options=np.array([len(options)]),
        premium=premium,
        needs_contract=needs,
        attention=1.0,
        memory=0.5,
        known=0.5,
        aversion=2.0,
        precision=6.0,
        risk=np.ones((101, 2, 1)),
        over_mean=np.ones(1),
        out=np.array([600_00.0]),
        with_stay=np.array([0.2]),
        charge=np.array([[2_500_00, 10_000_00]]),
        stays=np.ones((1, 2), dtype=np.int64),
        tier_out=one,
        tier_in=one,
        listed_from=np.full((1, 0), np.inf),
        benefits=benefits.table(),
        scratch=np.zeros(n),
    )._replace(**given)


def expected(
    table: CoverTable, cover: int, out: int, stay: int, stays: int, risk: float = 1.0
) -> tuple[float, float]:
    """Mean and variance for somebody who spent so much last year, in currency."""
    return expected_own(cover, 0, out * 100, stay * 100, stays, risk, 0, 0, 0, 0, table)


def share_of(table: CoverTable, cover: int, out: int = 600, stay: int = 0, **given: Any) -> float:
    """Share of draws on which a person takes a package."""
    contract = given.get("contract", 0)
    chosen = [
        choose_cover(
            0,
            out * 100,
            stay * 100,
            int(stay > 0),
            given.get("risk", 1.0),
            contract,
            0,
            0,
            0,
            INCOME,
            float(u),
            table,
        )
        for u in GRID
    ]
    return float(np.mean(np.array(chosen) == cover))


# Last year 1,000 of visits and a stay of 10,000: 500 + 4,000 as usual, 200 + 2,000 better. A year
# like others': visits of 600, so 300 and 120; one in five has a stay, of 2,500 or 10,000 alike
# often: 1,000 or 4,000 more as usual, 500 or 2,000 better.
def test_what_a_person_expects_to_pay_is_the_mean_over_hand_worked_years() -> None:
    table = table_of(BETTER)
    years = np.array([0.5, 0.4, 0.05, 0.05])
    for cover, own in ((0, [4500, 300, 1300, 4300]), (1, [2200, 120, 620, 2120])):
        mean = float(years @ own)
        variance = float(years @ np.square(own)) - mean * mean
        found = expected(table, cover, 1000, 10_000, 1)
        assert found == pytest.approx((mean, variance), rel=1e-12)


def test_the_share_that_takes_an_option_is_the_hand_worked_logit() -> None:
    table = table_of(BETTER)
    felt = []
    for cover, premium in ((0, 0.0), (1, 300.0)):
        mean, variance = expected(table, cover, 1000, 10_000, 1)
        felt.append(premium + 0.5 * (mean + 2.0 * variance / (2 * INCOME)))
        assert felt_cost_of_cover(premium, mean, variance, 2.0, INCOME, 0.5) == pytest.approx(
            felt[-1]
        )
    # 6 log-odds for a month's income of 2,000.
    prob = 1.0 / (1.0 + math.exp(6.0 * (felt[1] - felt[0]) / 2000.0))
    assert 0.6 < prob < 0.999
    assert share_of(table, 1, out=1000, stay=10_000) == pytest.approx(prob, abs=1e-3)
    assert cover_utility(felt[1], 2000.0, 6.0) == pytest.approx(-6.0 * felt[1] / 2000.0)


def test_a_ceiling_on_own_payments_holds_over_visits_and_stays_together() -> None:
    table = table_of({"premium": 0, "out_of_pocket_maximum": 3000})

    def own(cover: int, out: int, stay: int) -> float:
        return own_of_year(cover, 0, out * 100, stay * 100, 1, 0, 0, 0, 0, table) / 100

    assert [own(0, 1000, 10_000), own(1, 1000, 10_000), own(1, 1000, 2000)] == [4500, 3000, 1300]


def test_a_dearer_option_is_taken_less_and_by_nobody_who_left_it_when_cheaper() -> None:
    shares = [
        share_of(table_of({**BETTER, "premium": premium}), 1) for premium in (0, 100, 300, 900)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]


def test_where_choice_is_precise_nobody_takes_a_dominated_option() -> None:
    sharp = {"precision": 1e4}
    dear_copy = table_of({"premium": 50}, **sharp)
    assert share_of(dear_copy, 1) == 0.0
    better_for_nothing = table_of({**BETTER, "premium": 0}, **sharp)
    assert share_of(better_for_nothing, 0) == 0.0
    worse = table_of({"premium": 0, "rate": {"secondary": 0.3}}, BETTER, **sharp)
    assert [share_of(worse, cover, stay=10_000) for cover in (0, 1, 2)] == [0.0, 0.0, 1.0]


def test_equal_packages_are_taken_alike() -> None:
    table = table_of({"premium": 0}, {"premium": 0})
    shares = [share_of(table, cover) for cover in range(3)]
    assert shares == pytest.approx([1 / 3] * 3, abs=1e-3)


def test_the_sick_of_last_year_and_those_at_risk_take_the_better_package_more() -> None:
    table = table_of(BETTER)
    well, sick = share_of(table, 1, out=100), share_of(table, 1, out=2000, stay=10_000)
    assert well < 0.5 < sick
    assert share_of(table, 1, risk=0.5) < share_of(table, 1, risk=2.0)


def test_who_does_not_know_the_rules_is_drawn_by_the_premium_alone() -> None:
    blind = table_of(BETTER, known=0.0)
    well, sick = (share_of(blind, 1, out=out, stay=stay) for out, stay in ((0, 0), (2000, 10_000)))
    assert well == sick == pytest.approx(1.0 / (1.0 + math.exp(6.0 * 300 / 2000)), abs=1e-3)


def test_an_option_with_a_contract_is_there_for_those_who_signed_one() -> None:
    table = table_of({**BETTER, "premium": 0, "needs_contract": True})
    assert share_of(table, 1, contract=0) == 0.0
    assert share_of(table, 1, contract=1) > 0.5


# --- in the world -------------------------------------------------------------------------------


def offering(options: dict[str, Any], **enrolment: float) -> Policy:
    """The library's policy with other options for residents, everyone attentive."""
    after = load(NAME).after
    block = {**after.benefits["resident-scheme"], "options": options}
    benefits = {**after.benefits, "resident-scheme": block}
    said = {**after.enrolment, "cover_attention": 1.0, **enrolment}
    return replace(after, benefits=benefits, enrolment=said)


def world_under(after: Policy, months: int, population: int = 500, **more: Any) -> World:
    """The county, a policy in force from its second year on."""
    given = {"months_before": 12, "warm_up": 0, "seed": 1, **more}
    scenario = load(NAME)
    return build_world(
        scenario.region(), scenario.before, after, months=months, population=population, **given
    )


@cache
def lived() -> World:
    """The library's scenario with everyone attentive, the first four months of its choice."""
    options = load(NAME).after.benefits["resident-scheme"]["options"]
    world = world_under(offering(options), months=16, population=2000)
    simulate(world)
    return world


def test_options_that_are_the_usual_package_change_nobodys_life() -> None:
    same = {"a": {"premium": 0}, "b": {"premium": 0}}
    with_options = world_under(offering(same), months=14, population=600)
    without = world_under(load(NAME).before, months=14, population=600)
    one, other = simulate(with_options), simulate(without)
    assert np.count_nonzero(with_options.columns.cover > 2) > 100
    for name in ("provider", "receipts", "fund_paid", "fund_balance", "premiums", "levers"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert one.person[..., : P.COVER_MONTHS].tobytes() == (
        other.person[..., : P.COVER_MONTHS].tobytes()
    )
    for name, column in with_options.columns._asdict().items():
        assert name == "cover" or column.tobytes() == getattr(without.columns, name).tobytes(), name


@pytest.mark.slow
def test_the_ill_gather_in_the_better_package_though_no_rule_says_so() -> None:
    world = lived()
    c = world.columns
    residents = c.scheme == 0
    by_row = {
        row: float(c.spent_last_year[residents & (c.cover == row)].mean()) for row in (0, 3, 4)
    }
    # 2,000 people: the mean of some hundred skewed incomes; the gap is far above its error.
    assert by_row[3] > 1.5 * by_row[0]
    assert by_row[4] > 1.5 * by_row[0]


@pytest.mark.slow
def test_premiums_reach_the_fund_to_the_fen_and_books_balance() -> None:
    world = lived()
    person = np.sum([month["person"] for month in world.history], axis=(0, 1))
    entries = world.ledger.entries()
    posted = entries["amount"][entries["purpose"] == "cover_premium"]
    assert person[P.COVER_PREMIUM] == posted.sum() > 0
    accounts = world.ledger.accounts()
    assert accounts["opening"].sum() == accounts["closing"].sum()
    own = accounts["closing"][accounts["account"] == "patients"]
    assert not own.any()


@pytest.mark.slow
def test_only_those_with_a_contract_have_the_package_that_needs_one() -> None:
    c = lived().columns
    by_contract = (c.cover == 5) & (c.age_months >= 12)
    assert by_contract.any()
    assert (c.contract[by_contract] == 1).all()
    assert ((c.cover == c.scheme) | (c.scheme == 0)).all()


@pytest.mark.slow
def test_a_choice_is_held_where_joining_is_held() -> None:
    options = load(NAME).after.benefits["resident-scheme"]["options"]
    world = world_under(offering(options), months=13, population=300, freeze=frozenset({"joining"}))
    simulate(world)
    assert (world.columns.cover == world.columns.scheme).all()


@pytest.mark.slow
def test_a_member_who_chose_pays_by_the_chosen_package() -> None:
    free = {"all": {"premium": 0, "out_of_pocket_maximum": 0}}
    world = world_under(offering(free, cover_precision=1000.0, cover_knowledge=1.0), months=13)
    simulate(world)
    c = world.columns
    covered = c.covered_out_year + c.covered_in_year
    chose = (c.cover == 3) & (covered > 0)
    assert chose.sum() > 20
    assert (c.spent_year[chose] - c.oop_year[chose] == covered[chose]).all()


def test_what_people_expect_is_read_from_the_year_that_ends() -> None:
    world = world_under(offering({"a": {"premium": 0}}), months=13, population=600)
    while world.month < 12:
        run_month(world)
    world.benefits = Benefits.from_spec(world.after.benefits, world.region.payers)
    world.benefit_table, world.enrolment = world.benefits.table(), world.after.enrolment
    c, table = world.columns, cover_table(world)
    mine = c.scheme == 0
    assert table.out[0] == pytest.approx(c.covered_out_year[mine].mean())
    assert table.with_stay[0] == pytest.approx((c.covered_in_year[mine] > 0).mean())
    assert (np.diff(table.charge[0]) >= 0).all()
    assert table.charge[0].mean() == pytest.approx(
        c.covered_in_year[mine & (c.covered_in_year > 0)].mean(), rel=0.05
    )
    assert table.tier_in.sum(axis=1) == pytest.approx(1.0)
    assert (c.covered_out_year.astype(np.int64) + c.covered_in_year <= c.spent_year).all()


# --- what a user may get wrong ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"premium": 10, "rates": 0.5}, "unknown field"),
        ({"premium": 10, "listed_share": {"copd": 1}}, "share this field"),
        ({"rate": {"primary": 0.9}}, "a field is missing"),
        ({"premium": -1}, "0 CNY or more"),
        ({"premium": 1, "needs_contract": 1}, "true or false"),
        ({"premium": 1, "rate": {"primary": 1.5}}, "share from 0 to 1"),
    ],
)
def test_an_option_that_is_wrong_is_refused(option: dict[str, Any], message: str) -> None:
    block = load(NAME).before.benefits
    wrong = {**block, "resident-scheme": {**block["resident-scheme"], "options": {"o": option}}}
    with pytest.raises(ScenarioError, match=message):
        Benefits.from_spec(wrong, ("resident-scheme", "employee-scheme", "self-pay"))


def test_options_that_nobody_is_said_to_choose_are_refused_where_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "schema: 1\nkind: scenario\nextends: tiny\ntitle: {en: a, zh: b}\n"
        "benefits:\n  resident-scheme:\n    options:\n      more: {premium: 10}\n",
        encoding="utf-8",
    )
    (error,) = validate(file)
    assert "mine.yaml:8:7" in str(error)
    assert "cover_attention" in str(error)
