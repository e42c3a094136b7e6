"""Observation stays: who is sent home, observed or admitted, and what a case payment moves."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sim.conditions import month_tables
from sim.engine.organization import bed_capacity, places_capacity
from sim.engine.person import ADMIT, NOTHING, OBSERVE, admission, observe
from sim.engine.tables import AdmitTable
from sim.errors import RunError, ScenarioError
from sim.health.outcome import loss_of_short_days
from sim.month import World, build_world, run_month
from sim.outcomes import OUTCOMES
from sim.region import Region
from sim.scenario import load
from sim.tallies import ProviderTally as T
from sim.world import month_keys
from tests.payment.test_hand_worked import pays, year
from tests.worlds import world_of

ROOT = Path(__file__).resolve().parents[1]
REGIONS = ROOT / "scenarios" / "regions"
NAME = "us-metro-continuum"
MEDICARE = 0
MIDDLE = 1
KEYS = month_keys(1, 0)
UIDS = 4000


@cache
def at_list_price() -> World:
    """The market before its first month, when every margin is the one at list price."""
    return world_of(NAME, population=300)


@cache
def table() -> AdmitTable:
    return month_tables(at_list_price()).admit


def hospital() -> int:
    return at_list_price().region.providers.ids.index("h2")


def group_of(name: str) -> int:
    return at_list_price().region.groups.ids.index(name)


def answers(of: AdmitTable, group: int, inside: np.ndarray, *, needed: bool = True) -> np.ndarray:
    """What is decided on one case after another whose luck differs; ``inside`` ranks severity."""
    rank = 1.0 - of.prob_bed[group] * (1.0 - inside) if needed else 0.0 * inside
    p = hospital()
    return np.array(
        [
            admission(p, MEDICARE, group, MIDDLE, float(r), needed, 0, uid, KEYS, of)
            for uid, r in enumerate(rank)
        ]
    )


def every_rank(n: int = UIDS) -> np.ndarray:
    """Ranks that tell nothing of luck: multiples of the golden section, spread evenly."""
    return np.modf(0.5 + 0.6180339887498949 * np.arange(n))[0]


def test_short_days_lose_what_a_stay_as_short_loses() -> None:
    assert loss_of_short_days(0.001, 4.0, 2.0) == pytest.approx(0.001 * 4.0 * 0.25)
    assert loss_of_short_days(0.001, 4.0, 4.0) == loss_of_short_days(0.001, 2.0, 3.0) == 0.0


@pytest.mark.slow
def test_a_region_without_observation_beds_has_beds_alone_and_never_observes() -> None:
    world = world_of("us-metro", population=300)
    np.testing.assert_array_equal(places_capacity(world.setting), bed_capacity(world.setting))
    assert not month_tables(world).admit.observes.any()
    without = table()._replace(observes=np.zeros_like(table().observes))
    assert OBSERVE not in answers(without, group_of("pneumonia"), every_rank(500))


@pytest.mark.parametrize("name", ["pneumonia", "heart_failure"])
def test_at_list_price_the_declared_share_is_observed(name: str) -> None:
    """False alarm below 1 in 1,000: four standard errors, and a level's distance from the mean."""
    found = answers(table(), group_of(name), every_rank())
    share = (found == OBSERVE).sum() / np.isin(found, (ADMIT, OBSERVE)).sum()
    assert 0.06 < share < 0.20


def test_what_observation_comes_to_has_the_same_bits_compiled_and_as_plain_python() -> None:
    tables = month_tables(at_list_price())
    rule = observe.py_func
    for uid in range(40):
        case = (hospital(), uid % 3, uid % 30, uid % 3, 0.9, uid % 2 == 0, uid, KEYS)
        given = (*case, tables.treat, tables.stay)
        assert rule(*given) == observe(*given)


def test_planned_stays_are_never_observed() -> None:
    planned = int(np.flatnonzero(table().elective)[0])
    assert OBSERVE not in answers(table(), planned, every_rank(500))


def test_the_severe_are_observed_less_than_the_light() -> None:
    group = group_of("pneumonia")
    light, severe = (
        (answers(table(), group, np.full(UIDS, inside)) == OBSERVE).mean() for inside in (0.1, 0.9)
    )
    assert light > severe


def test_a_case_payment_for_observation_moves_the_lightest_stays() -> None:
    group, inside = group_of("pneumonia"), every_rank()
    paid = table()._replace(observe_fixed=table().observe_fixed + 800.0)
    before, after = answers(table(), group, inside), answers(paid, group, inside)
    moved = (before == ADMIT) & (after == OBSERVE)
    assert moved.any()
    assert not ((before == OBSERVE) & (after == ADMIT)).any()
    assert inside[moved].mean() < inside[after == ADMIT].mean()


def test_of_those_who_need_no_bed_most_go_home_and_a_payment_keeps_some_of_them() -> None:
    group, inside = group_of("pneumonia"), every_rank()
    before = answers(table(), group, inside, needed=False)
    paid = table()._replace(observe_fixed=table().observe_fixed + 800.0)
    after = answers(paid, group, inside, needed=False)
    assert (before == NOTHING).mean() > 0.5
    assert (after == OBSERVE).sum() > (before == OBSERVE).sum()
    assert (after == NOTHING).sum() < (before == NOTHING).sum()


def test_a_crowded_hospital_observes_more() -> None:
    group, inside = group_of("pneumonia"), every_rank()
    crowded = table()._replace(bed=table().bed + 500.0)
    shares = [(answers(of, group, inside) == OBSERVE).mean() for of in (table(), crowded)]
    assert shares[1] > shares[0]


def test_drg_pays_a_case_under_observation_its_relative_weight() -> None:
    contract = {"drg": {"base_rate": 10_000, "weights": "list", "observation_weight": 0.25}}
    plain = {"drg": {"base_rate": 10_000, "weights": "list"}}
    done = year(observations=40.0)
    # 40 cases x .25 x 10,000 at the hospital's grade coefficient of .85
    assert pays(contract, done) - pays(plain, done) == pytest.approx(85_000)


@cache
def lived(name: str) -> World:
    world = world_of(name, months=15, population=2000)
    while world.month < world.months:
        run_month(world)
    return world


def counted(world: World, column: T) -> int:
    return int(sum(m["provider"][:, MEDICARE, column].sum() for m in world.history[12:]))


@pytest.mark.slow
def test_observed_patients_are_outpatients_whose_visits_and_units_a_contract_sees() -> None:
    world = lived(NAME)
    assert counted(world, T.OBSERVED) > 0
    assert counted(world, T.RELEASED) > counted(world, T.OBSERVED)
    days = counted(world, T.OBSERVED_DAYS) / counted(world, T.OBSERVED)
    assert days == pytest.approx(1300.0)
    assert not any(world.ledger.residual(month) for month in range(world.month))


@pytest.mark.slow
def test_contracts_see_what_one_more_observation_brings() -> None:
    paid, plain = lived("us-metro-observation-rate"), lived(NAME)
    hospitals = np.flatnonzero(paid.setting.observation_beds > 0.0)
    brings = paid.marginals.observed[hospitals, MEDICARE]
    rate = paid.marginals.case[hospitals, MEDICARE, 0, 0] / paid.region.groups.weight[0]
    rate = rate / paid.region.groups.weight_level[0, 0]
    np.testing.assert_allclose(brings, 0.25 * rate, rtol=1e-6)
    assert not plain.marginals.observed.any()


def test_runs_without_observation_beds_do_not_list_its_outcomes() -> None:
    assert OUTCOMES["observed_share"].only_with == T.OBSERVED
    assert OUTCOMES["released_share"].only_with == T.OBSERVED


def test_a_region_that_does_not_say_what_observation_turns_on_is_refused() -> None:
    scenario = load(NAME)
    region = scenario.region()
    kept = {k: v for k, v in region.parameters.items() if k != "tau_observe"}
    with pytest.raises(RunError, match="tau_observe"):
        world_of_region(replace(region, parameters=kept))


def world_of_region(region: Region) -> World:
    scenario = load(NAME)
    return build_world(
        region,
        scenario.before,
        scenario.after,
        months_before=12,
        months=13,
        warm_up=0,
        seed=1,
        population=200,
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [("practice-01,2", "practice-01"), ("h1,2", "provider = 'h1' for the second time")],
)
def test_beds_for_observation_belong_to_hospitals_a_row_each(
    tmp_path: Path, row: str, message: str
) -> None:
    for name in ("us-metro", NAME):
        shutil.copytree(REGIONS / name, tmp_path / name)
    file = tmp_path / NAME / "observation.csv"
    file.write_text(f"{file.read_text()}{row}\n")
    with pytest.raises(ScenarioError, match=rf"observation.csv:8.*{message}"):
        Region.read(tmp_path / NAME)
