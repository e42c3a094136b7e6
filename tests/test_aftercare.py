"""Aftercare: who goes to a facility after a stay, for how long, and what a bundle makes of it."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.behavior.discharge import days_of_aftercare, gain_of_facility, prob_facility
from sim.conditions import month_tables
from sim.engine.counting import CLAIM_AFTERCARE
from sim.engine.person import stay
from sim.engine.tables import Stay, StayTable
from sim.errors import RunError, ScenarioError
from sim.month import World, build_world, run_month
from sim.outcomes import OUTCOMES
from sim.region import Region
from sim.scenario import load
from sim.tallies import ProviderTally as T
from sim.world import month_keys
from tests.worlds import world_of

REGIONS = Path(__file__).resolve().parents[1] / "scenarios" / "regions"
NAME = "us-metro-continuum"
MEDICARE = 0
MIDDLE = 1
KEYS = month_keys(1, 0)
UIDS = 3000


@cache
def at_list_price() -> World:
    """The market before its first month, when every margin is the one at list price."""
    return world_of(NAME, population=300)


@cache
def table() -> StayTable:
    return month_tables(at_list_price()).stay


def group_of(name: str) -> int:
    return at_list_price().region.groups.ids.index(name)


def hospital() -> int:
    return at_list_price().region.providers.ids.index("h2")


def every_rank(n: int = UIDS) -> np.ndarray:
    """Ranks that tell nothing of luck: multiples of the golden section, spread evenly."""
    return np.modf(0.5 + 0.6180339887498949 * np.arange(n))[0]


def stays(of: StayTable, group: int, inside: np.ndarray, *, senior: bool = True) -> list[Stay]:
    """One needed stay after another whose luck differs; ``inside`` ranks severity."""
    rank = 1.0 - of.prob_bed[group] * (1.0 - inside)
    p = hospital()
    return [
        stay(p, MEDICARE, group, MIDDLE, float(r), True, False, senior, uid, KEYS, of)
        for uid, r in enumerate(rank)
    ]


def sent(found: list[Stay]) -> np.ndarray:
    return np.array([done.after > 0 for done in found])


def answering_for(of: StayTable, share: float) -> StayTable:
    """The table where a share of what a day in the facility is charged falls on the hospital."""
    charge = of.day_price[of.after_at] * of.price_level[MEDICARE]
    return of._replace(after_receipt=np.full_like(of.after_receipt, -share * charge))


# --- rules ---------------------------------------------------------------------------------------


def test_a_facility_brings_its_days_and_saves_the_days_moved() -> None:
    # 20 days at -50 and 2 moved days that save 300, at list price 100 each.
    assert gain_of_facility(20.0, -50.0, 2.0, 300.0, 100.0, 0.0, 1.5) == pytest.approx(
        -400.0 - 200.0
    )
    assert gain_of_facility(20.0, 0.0, 2.0, 300.0, 100.0, 0.0, 1.5) == pytest.approx(900.0 - 200.0)
    assert gain_of_facility(20.0, 0.0, 2.0, 100.0, 100.0, 0.0, 1.0) == 0.0
    # A stay too short to be paid whole loses 500 more.
    lost = gain_of_facility(20.0, -50.0, 2.0, 300.0, 100.0, -500.0, 1.5)
    assert lost == pytest.approx(-900.0 - 200.0)


def test_odds_of_a_facility_move_with_gain_and_benefit() -> None:
    assert prob_facility(0.0, 0.0, 0.0, 1e-4) == pytest.approx(0.5)
    moved = prob_facility(0.0, 3000.0, 2000.0, 1e-4)
    assert moved / (1.0 - moved) == pytest.approx(np.exp(0.5))


def test_a_day_that_costs_the_hospital_half_its_stake_halves_aftercare() -> None:
    plain, cut = (days_of_aftercare(m, 1.0, 400.0, 20.0, 1e3, 40, 0.5) for m in (0.0, -200.0))
    assert (plain, cut) == (20, 10)


# --- discharge at list prices --------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "senior"), [("stroke", True), ("stroke", False), ("sepsis", True)]
)
def test_at_list_price_the_declared_share_goes_to_a_facility(name: str, senior: bool) -> None:
    """False alarm below 1 in 10,000: four standard errors."""
    group = group_of(name)
    found = stays(table(), group, every_rank(), senior=senior)
    alive = np.array([not done.died for done in found])
    share = at_list_price().region.aftercare.share[group, int(senior)]
    error = np.sqrt(share * (1.0 - share) / alive.sum())
    assert sent(found)[alive].mean() == pytest.approx(share, abs=4.0 * error)


def test_the_severe_go_to_a_facility_where_the_light_do_and_a_delivery_never() -> None:
    """One luck for both: whoever is sent when light is sent when severe, and some are sent then."""
    found = [stays(table(), group_of("stroke"), np.full(UIDS, inside)) for inside in (0.05, 0.95)]
    alive = np.array([not (a.died or b.died) for a, b in zip(*found, strict=True)])
    light, severe = (sent(f)[alive] for f in found)
    assert not (light & ~severe).any()
    assert (severe & ~light).any()
    assert not sent(stays(table(), group_of("vaginal_delivery"), every_rank(300))).any()


def test_whoever_goes_to_a_facility_leaves_the_hospital_earlier_and_returns_less() -> None:
    group, inside = group_of("stroke"), every_rank()
    home = table()._replace(after_odds=table().after_odds - 100.0)
    facility = table()._replace(after_odds=table().after_odds + 100.0)
    at_home, there = stays(home, group, inside), stays(facility, group, inside)
    assert not sent(at_home).any()
    assert sum(d.days for d in there) < sum(d.days for d in at_home)
    assert sum(d.readmitted for d in there) < sum(d.readmitted for d in at_home)
    assert [d.died for d in there] == [d.died for d in at_home]


# --- what a contract moves -----------------------------------------------------------------------


def test_a_hospital_that_answers_for_aftercare_sends_fewer_and_for_fewer_days() -> None:
    group, inside = group_of("stroke"), every_rank()
    before, after = stays(table(), group, inside), stays(answering_for(table(), 1.0), group, inside)
    assert sent(after).sum() < sent(before).sum()
    # Luck is shared: nobody is sent only because it costs more.
    assert not (sent(after) & ~sent(before)).any()
    both = sent(after)
    days = [np.array([d.after for d in found])[both] for found in (before, after)]
    assert days[1].mean() < days[0].mean()
    assert (days[1] <= days[0]).all()


def test_the_response_rises_with_the_share_answered_for_and_is_nothing_at_nothing() -> None:
    group, inside = group_of("stroke"), every_rank(1500)
    days = [
        sum(d.after for d in stays(answering_for(table(), share), group, inside))
        for share in (0.0, 0.5, 1.0)
    ]
    assert days[0] == sum(d.after for d in stays(table(), group, inside))
    assert days[0] > days[1] > days[2]


def test_a_payment_lost_by_moving_a_patient_on_early_keeps_the_short_stays_here() -> None:
    group, inside = group_of("stroke"), every_rank()
    plain = table()
    by_day = plain._replace(
        after_cut=np.full_like(plain.after_cut, -15_000.0),
        whole_days=np.full_like(plain.whole_days, 6.0),
    )
    before, after = stays(plain, group, inside), stays(by_day, group, inside)
    assert sent(after).sum() < sent(before).sum()
    assert not (sent(after) & ~sent(before)).any()
    # Luck is shared: who stays is who would have been short of days; the long are sent as before.
    kept = sent(before) & ~sent(after)
    days = np.array([done.days for done in before])
    assert days[kept].max() < 5
    np.testing.assert_array_equal(sent(after)[days >= 5], sent(before)[days >= 5])


@pytest.mark.slow
def test_stays_moved_on_are_counted_before_the_rule_holds_and_cost_their_hospital_from_then() -> (
    None
):
    world = lived("us-metro-transfer-rule")
    stays_ = [month.stays for month in world.rolling]
    for register, claims in zip(stays_, world.claims[-12:], strict=True):
        spells = ((claims["flags"] & CLAIM_AFTERCARE) != 0).sum()
        assert int(register.moved[: register.used[0]].sum()) == spells
    hospitals = world.setting.beds > 0.0
    seen = world.marginals.cut_short[hospitals, MEDICARE]
    assert (seen[:, group_of("stroke")] < 0.0).all()
    assert world.recent.stays.cut[hospitals, MEDICARE].sum() > 0
    assert not lived(NAME).recent.stays.cut.any()
    # The rate makes up for it: it was worked out on a year of such stays.
    rates = [
        agreement.model.parts[0].contract.base_rate
        for agreement in (*world.agreements, *lived(NAME).agreements)
        if agreement.payer == MEDICARE and hospital() in agreement.rows
    ]
    assert rates[0] > rates[1]


@cache
def lived(name: str) -> World:
    world = world_of(name, months=27, population=1500, claims=True)
    while world.month < world.months:
        run_month(world)
    return world


def counted(world: World, column: T) -> int:
    return int(sum(m["provider"][:, MEDICARE, column].sum() for m in world.history[24:]))


@pytest.mark.slow
def test_under_a_bundle_a_yuan_of_aftercare_costs_the_hospital_a_yuan_in_its_groups_alone() -> None:
    world = lived("us-metro-aftercare-bundle")
    after = world.marginals.after[world.setting.beds > 0.0, MEDICARE]
    opening = after[:, [group_of(name) for name in ("stroke", "joint_replacement")]]
    # Few people mean few episodes, so that some hospitals lie beyond a stop, where nothing counts.
    inside = (opening < 0.0).all(axis=1)
    assert inside.any()
    assert (opening[inside] >= -1.0 - 1e-9).all()
    assert not opening[~inside].any()
    assert not after[:, group_of("uti")].any()
    assert not lived(NAME).marginals.after.any()


@pytest.mark.slow
def test_money_for_aftercare_reaches_the_facility_and_every_book_closes() -> None:
    world = lived(NAME)
    facility = world.region.aftercare.provider
    assert counted(world, T.TO_FACILITY) > 0
    assert sum(m["receipts"][facility].sum() for m in world.history) > 0
    assert not any(world.ledger.residual(month) for month in range(world.month))
    assert sum(m["provider"][facility, :, T.ADMISSIONS].sum() for m in world.history) == 0
    assert sum(m["provider"][facility, :, T.VISITS].sum() for m in world.history) == 0


# --- regions -------------------------------------------------------------------------------------


def test_where_a_region_names_no_facility_everyone_goes_home() -> None:
    world = world_of("us-metro", population=300)
    assert world.region.aftercare.provider == -1
    assert month_tables(world).stay.after_at == -1
    assert OUTCOMES["facility_share"].only_with == T.TO_FACILITY
    assert OUTCOMES["aftercare_days"].only_with == T.TO_FACILITY


@pytest.mark.parametrize("name", ["providers.csv", "travel.csv", "distance.csv"])
def test_the_market_with_facilities_is_the_market_and_one_provider(name: str) -> None:
    def cells(region: str) -> list[list[str]]:
        with (REGIONS / region / name).open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))

    plain, wider = cells("us-metro"), cells(NAME)
    if name == "providers.csv":
        assert wider[:-1] == plain
        assert wider[-1][0] == "aftercare"
    else:
        assert [row[:-1] for row in wider] == plain
        assert wider[0][-1] == "aftercare"


def test_shares_by_group_add_up_to_those_of_all_stays() -> None:
    """Of Medicare stays 19.5 % to skilled nursing and 4.1 % to rehabilitation; below 65, 4 %."""
    region = load(NAME).region()
    flow = (
        region.groups.rate
        * region.people.age_sex_share[None]
        * region.groups.prob_bed[:, None, None]
    )
    for column, ages, target in ((0, slice(0, 65), 0.04), (1, slice(65, None), 0.236)):
        weight = flow[:, ages].sum(axis=(1, 2))
        share = float(weight @ region.aftercare.share[:, column] / weight.sum())
        assert share == pytest.approx(target, abs=5e-4)


def built(region: Region) -> World:
    scenario = load(NAME)
    given: dict[str, Any] = {"months_before": 12, "months": 13, "warm_up": 0, "seed": 1}
    return build_world(region, scenario.before, scenario.after, population=200, **given)


def test_a_region_that_does_not_say_what_discharge_turns_on_is_refused() -> None:
    region = load(NAME).region()
    kept = {k: v for k, v in region.parameters.items() if k != "tau_aftercare"}
    with pytest.raises(RunError, match="tau_aftercare"):
        built(replace(region, parameters=kept))


@pytest.fixture
def aftercare_csv(tmp_path: Path) -> Path:
    for name in ("us-metro", NAME):
        shutil.copytree(REGIONS / name, tmp_path / name)
    return tmp_path / NAME / "aftercare.csv"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("h1,hypertension,0.1,0.1,10", "provider = 'h1'"),
        ("aftercare,stroke,0.1,0.1,10", "group = 'stroke' for the second time"),
    ],
)
def test_facilities_are_one_provider_that_treats_nobody_else_with_a_row_a_group(
    aftercare_csv: Path, row: str, message: str
) -> None:
    aftercare_csv.write_text(f"{aftercare_csv.read_text()}{row}\n")
    with pytest.raises(ScenarioError, match=rf"aftercare.csv:27.*{message}"):
        Region.read(aftercare_csv.parent)


def test_from_a_region_whose_table_of_aftercare_has_no_rows_everyone_goes_home(
    aftercare_csv: Path,
) -> None:
    aftercare_csv.write_text(aftercare_csv.read_text().splitlines()[0] + "\n")
    assert Region.read(aftercare_csv.parent).aftercare.provider == -1
