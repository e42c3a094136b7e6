"""Modes, splitting, episodes, uncovered billing and the record of quality, in whole runs.

Runs are twins: one seed, the same people and the same luck, so that signs need no statistics. No
chance is involved in what is compared but the draws that both share.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from sim.conditions import month_tables
from sim.engine.counting import CLAIM_SPLIT
from sim.month import World, run_month
from sim.tallies import PersonTally as P
from sim.tallies import ProviderTally as T
from sim.world import activity_of, mode_weight
from tests.sorting_contracts import made_up_world, with_modes

# Many small runs: together more than a minute of the quick tests.
pytestmark = pytest.mark.slow

# Receipts move the weight on money, which is not the matter here.
MODE = {"mode_stake": 0.5, "tau_mode": 0.35, "income_elasticity": 0.0}
CASE = {"amounts": (6000.0,)}
LIST = {"list_share": 1.0, "per_day": (350.0,)}


def run(months: int = 24, **kwargs: Any) -> World:
    world = made_up_world(months, **{"population": 1200, **kwargs})
    while world.month < months:
        run_month(world)
    return world


@cache
def modes_run(*per_mode: float) -> World:
    return run(change=with_modes, parameters=MODE, per_mode=per_mode, **LIST)


def total(world: World, column: T, first: int = 14) -> int:
    return int(sum(m["provider"][..., column].sum() for m in world.history[first:]))


def stays_of(world: World, first: int, last: int) -> dict[str, np.ndarray]:
    columns = {
        name: np.concatenate([part[name] for part in world.claims[first:last]])
        for name in world.claims[0]
    }
    inside = columns["setting"] == 2
    return {name: column[inside] for name, column in columns.items()}


# --- modes ---------------------------------------------------------------------------------------


def test_constants_give_the_baseline_shares_where_every_mode_is_paid_at_list_price() -> None:
    world = made_up_world(13, population=300, change=with_modes, parameters=MODE)
    table = month_tables(world).stay
    steps = np.abs(np.arange(3)[:, None] - np.arange(3)[None])
    for p in range(len(world.setting.beds)):
        for g in range(len(world.setting.need_out)):
            odds = np.exp(table.mode_pull[p, 0, g] - table.mode_firmness[p, g] * steps)
            prob = odds / odds.sum(axis=1, keepdims=True)
            found = table.mode_share[g] @ prob
            np.testing.assert_allclose(found, table.mode_share[g], rtol=1e-6)


def test_list_prices_pull_towards_no_mode() -> None:
    world = made_up_world(3, population=300, change=with_modes, parameters=MODE)
    run_month(world)
    np.testing.assert_allclose(world.organizations.mode, 0.0, atol=1e-6)


def share_of_major(world: World) -> np.ndarray:
    """The share of stays that would be treated with a major procedure (n, payers, groups)."""
    table = month_tables(world).stay
    steps = np.abs(np.arange(3)[:, None] - np.arange(3)[None])
    firm = table.mode_firmness[:, None, :, None, None] * steps
    odds = np.exp(table.mode_pull[..., None, :] - firm)
    prob = odds / odds.sum(axis=-1, keepdims=True)
    return np.asarray(np.einsum("gi,nygi->nyg", table.mode_share, prob[..., 2]))


def test_a_mode_paid_more_is_used_more_and_levels_are_coded_as_before() -> None:
    plain, paid = modes_run(0.0, 0.0, 0.0), modes_run(0.0, 0.0, 4000.0)
    insured = slice(0, 2)
    ratio = share_of_major(paid)[:, insured] / share_of_major(plain)[:, insured]
    assert (ratio > 1.0).all()
    np.testing.assert_array_equal(plain.organizations.up_share, paid.organizations.up_share)


def test_what_all_modes_bring_alike_does_not_choose_between_them() -> None:
    plain, alike = modes_run(0.0, 0.0, 0.0), modes_run(2000.0, 2000.0, 2000.0)
    # A contract without its own slopes through the forecast is differenced: equal to rounding.
    np.testing.assert_allclose(alike.organizations.mode, plain.organizations.mode, rtol=1e-3)


def test_stays_by_mode_are_those_of_the_claims() -> None:
    world = modes_run(0.0, 0.0, 4000.0)
    stays = stays_of(world, 12, 24)
    rows = np.arange(len(world.setting.beds))
    counted = sum(
        activity_of(world.setting, world.year, payer, rows).admissions.sum(axis=(0, 1, 2))
        for payer in range(world.n_payers)
    )
    np.testing.assert_array_equal(counted, np.bincount(stays["mode"], minlength=3))


def test_mode_weights_have_mean_one_and_rise_with_what_a_mode_takes() -> None:
    region = modes_run(0.0, 0.0, 0.0).region
    weight = mode_weight(region)
    np.testing.assert_allclose((weight * region.modes.share).sum(axis=1), 1.0)
    assert (np.diff(weight, axis=1) > 0.0).all()


def test_frozen_modes_stay_as_they_were() -> None:
    world = run(
        change=with_modes, parameters=MODE, freeze=frozenset({"mode"}), per_mode=(0.0, 0.0, 4000.0)
    )
    before = made_up_world(13, population=300, change=with_modes, parameters=MODE)
    assert world.organizations.mode.shape[-1] == before.organizations.mode.shape[-1] == 3
    unfrozen = run(change=with_modes, parameters=MODE, per_mode=(0.0, 0.0, 4000.0))
    assert np.abs(world.organizations.mode).max() < np.abs(unfrozen.organizations.mode).max()


# --- splitting -----------------------------------------------------------------------------------


def test_a_case_payment_splits_stays_and_a_fee_schedule_does_not() -> None:
    by_case = run(parameters={"splitting_compliance": 8.0}, **CASE)
    by_item = run(parameters={"splitting_compliance": 8.0}, **LIST)
    assert total(by_case, T.SPLIT) > 0
    assert total(by_item, T.SPLIT, first=18) <= total(by_case, T.SPLIT, first=18) / 4
    stays = stays_of(by_case, 14, 24)
    split = (stays["flags"] & CLAIM_SPLIT) > 0
    assert split.sum() == 2 * total(by_case, T.SPLIT)
    # True and billed apart: an illness is treated once and billed twice.
    truly = sum(m["true_level"].sum() for m in by_case.history[14:])
    billed = sum(m["billed"].sum() for m in by_case.history[14:])
    assert truly == total(by_case, T.ADMISSIONS)
    assert billed == truly + total(by_case, T.SPLIT) == len(stays["flags"])
    assert stays["covered_fen"].sum() == total(by_case, T.COVERED_IN)
    assert stays["days"].sum() == total(by_case, T.BED_DAYS)


def test_frozen_splitting_stays_at_nothing() -> None:
    world = run(20, parameters={"splitting_compliance": 8.0}, freeze=frozenset({"splitting"}),
                **CASE)  # fmt: skip
    tight = run(20, parameters={"splitting_compliance": 80.0}, **CASE)
    assert world.organizations.split.sum() <= tight.organizations.split.sum()


# --- episodes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("months", [0, 2])
def test_episodes_hold_what_claims_of_their_months_add_up_to(months: int) -> None:
    world = run(22, population=800, episode_months=months, **LIST)
    columns = {
        name: np.concatenate([part[name] for part in world.claims[:22]]) for name in world.claims[0]
    }
    stays = columns["setting"] == 2
    found = np.zeros((len(world.setting.beds), 2))
    for uid in np.unique(columns["person_uid"][stays]):
        mine = columns["person_uid"] == uid
        when = columns["month"][mine].astype(int)
        covered = columns["covered_fen"][mine].astype(int)
        is_stay, where = stays[mine], columns["provider"][mine]
        until, anchor, spent = -1, -1, 0
        # They are counted before the contract is in force, too, each in the month after its last.
        for month in range(22):
            if anchor >= 0 and month > until:
                if month >= 12:
                    found[anchor] += 1, spent
                anchor = -1
            # A month's contacts come before its stay, so they belong to an episode open already.
            here = np.flatnonzero(when == month)
            for k in here[np.argsort(is_stay[here], kind="stable")]:
                if is_stay[k] and anchor < 0:
                    until, anchor, spent = month + months, int(where[k]), 0
                if anchor >= 0:
                    spent += covered[k]
    counted = world.year.episodes.sum(axis=1).astype(float)
    # Deaths end an episode early; they are few, so that counts differ by them alone.
    assert counted[:, 0].sum() >= found[:, 0].sum() > 20
    deaths = sum(int(m["person"][:, P.DEATHS].sum()) for m in world.history[12:])
    assert counted[:, 0].sum() - found[:, 0].sum() <= deaths
    if counted[:, 0].sum() == found[:, 0].sum():
        np.testing.assert_array_equal(counted, found)


def test_spending_inside_an_episode_that_costs_its_anchor_is_held_down() -> None:
    free = run(episode_months=2, per_episode=(0.0, 0.0), **LIST)
    borne = run(episode_months=2, per_episode=(0.0, -0.5), **LIST)
    seen = free.organizations.style_in.mean(), borne.organizations.style_in.mean()
    assert seen[1] < seen[0]


def test_a_stay_that_opens_an_episode_is_seen_with_what_follows_it() -> None:
    terms = {"episode_months": 2, "per_episode": (300.0, -0.2), **LIST}
    world, before = run(26, **terms), run(25, **terms)
    seen = world.marginals
    claims = {
        name: np.concatenate([part[name] for part in world.claims[13:25]])
        for name in world.claims[0]
    }
    is_stay = claims["setting"] == 2
    # Incentives of a month are seen at what was counted before it.
    ended, spent = before.recent.episodes[..., 0], before.recent.episodes[..., 1] / 100
    checked = 0
    for p, y in zip(*np.nonzero(ended[:, :2]), strict=True):
        mine = is_stay & (claims["provider"] == p) & (claims["payer"] == y)
        stay = claims["covered_fen"][mine].mean() / 100
        follows = max(spent[p, y] / ended[p, y] - stay, 0.0)
        # A yuan brings -.2 as foreseen, the episode itself 300 by the same foresight.
        yuan = seen.after[p, y]
        assert (yuan < 0.0).all()
        expected = -300.0 / 0.2 * yuan + yuan * follows
        np.testing.assert_allclose(
            seen.stay.amounts[p, y],
            np.broadcast_to(expected[:, None, None], seen.stay.amounts[p, y].shape),
        )
        checked += follows > 100.0
    assert checked > 3


# --- uncovered billing ---------------------------------------------------------------------------


def test_care_moves_outside_the_catalogue_where_care_inside_brings_nothing() -> None:
    by_case = run(parameters={"uncovered_compliance": 0.06}, **CASE)
    by_item = run(parameters={"uncovered_compliance": 0.06}, **LIST)
    hospitals = by_case.setting.beds > 0.0
    assert (by_case.organizations.uncovered_share[hospitals] > 0.02).all()
    assert by_item.organizations.uncovered_share.max() < 0.01
    share = [total(w, T.UNCOVERED_IN) / total(w, T.CHARGE_IN) for w in (by_case, by_item)]
    assert share[0] > share[1]


def test_covered_units_follow_the_share_that_is_billed_inside() -> None:
    world = run(parameters={"uncovered_compliance": 0.06}, **CASE)
    rows = np.arange(len(world.setting.beds))
    prices, day = world.setting.price_in, world.setting.day_price
    for payer in range(2):
        year = activity_of(world.setting, world.year, payer, rows)
        worth = (year.units[:, 2] * prices).sum(axis=1) + year.bed_days.sum(axis=(1, 2)) * day
        covered = world.year.provider[:, payer, T.COVERED_IN] / 100.0
        np.testing.assert_allclose(worth, covered, rtol=2e-3, atol=5.0)


# --- the record of quality -----------------------------------------------------------------------


def test_items_that_are_paid_are_recorded_and_nobody_is_healthier_for_it() -> None:
    paid = run(18, per_item=(40.0, 40.0, 0.0, 40.0, 0.0), parameters={"quality_effect": 0.0})
    unpaid = run(18, parameters={"quality_effect": 0.0})
    assert paid.organizations.documented_share.max() > 0.05
    assert unpaid.organizations.documented_share.max() == 0.0
    rows = np.arange(len(paid.setting.beds))
    year = activity_of(paid.setting, paid.year, 0, rows)
    assert (year.quality_num <= year.quality_den + 1e-9).all()
    true = paid.year.provider[:, 0, T.CONTROLLED]
    assert (year.quality_num[:, 0] >= true).all()
    assert year.quality_num[:, 0].sum() > true.sum()
    # What claims count, readmissions and deaths, no record can mend.
    for measure in (2, 4):
        assert paid.year.documented[..., measure].sum() == 0


def test_profit_weighs_more_in_private_hands_where_a_region_says_so() -> None:
    plain = run(13, population=300)
    heavy = run(13, population=300, parameters={"profit_weight_private": 1.5})
    private = plain.region.providers.is_private
    ratio = heavy.organizations.money / plain.organizations.money
    np.testing.assert_allclose(ratio[~private], 1.0)
    np.testing.assert_allclose(ratio[private], 1.5)


# --- sending down --------------------------------------------------------------------------------


def test_hospitals_send_patients_down_when_late_days_bring_nothing() -> None:
    loose = {"recovery_base": 0.03}
    by_case = run(parameters=loose, population=2500, **CASE)
    by_day = run(parameters=loose, population=2500, **LIST)
    assert total(by_case, T.SENT_DOWN) > total(by_day, T.SENT_DOWN)
    days = sum(m["provider"][..., T.POST_ACUTE_DAYS].sum() for m in by_case.history[14:])
    assert days >= total(by_case, T.SENT_DOWN)
    # What was sent arrives: the days are bed-days of practices with beds, billed as their stays.
    stays = stays_of(by_case, 14, 24)
    kind = by_case.region.providers.kind
    arrived = (kind[stays["provider"]] == 0) & (stays["referred_from"] >= 0)
    assert arrived.sum() == total(by_case, T.SENT_DOWN)
    assert stays["days"][arrived].sum() == days


def test_nobody_is_sent_down_where_a_region_says_nothing() -> None:
    world = run(16, parameters={"recovery_base": 0.0}, **CASE)
    assert total(world, T.SENT_DOWN, first=0) == 0
