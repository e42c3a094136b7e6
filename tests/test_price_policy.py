"""Price lists, unit costs and the catalog as levers of policy: what moves, and what must not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.engine.setting import build_setting, with_lists
from sim.errors import ScenarioError
from sim.month import build_world, simulate
from sim.scenario import Scenario, load
from sim.tallies import ProviderTally as V

PEOPLE = 2_000
HALF_PRICE = [{"component": "drugs", "price": -0.5, "cost": -0.5, "affected": 0.4}]


@pytest.fixture(scope="module")
def county() -> Scenario:
    return load("china-county").with_population(PEOPLE).with_horizon(warm_up=0, reform=12)


def run_months(scenario: Scenario) -> dict[str, np.ndarray]:
    world = build_world(
        scenario.region(),
        scenario.before,
        scenario.after,
        months_before=scenario.horizon.start,
        months=scenario.horizon.months,
        warm_up=scenario.horizon.warm_up,
        seed=3,
        population=PEOPLE,
    )
    history = simulate(world)
    return {"provider": history.provider, "receipts": history.receipts}


def test_changes_on_the_same_units_multiply_and_the_last_catalog_stands(county: Scenario) -> None:
    changed = county.set_all(
        [
            (
                "prices",
                [*HALF_PRICE, {"component": "drugs", "price": 0.25, "setting": "inpatient"}],
            ),
            ("formulary", [{"covered": 0.5}, {"covered": 0.9, "setting": "inpatient"}]),
        ]
    )
    lists = changed.after.lists(changed.region())
    # By hand: 1 - .4 x .5 = .8, and in hospital beds .8 x 1.25 = 1; costs only by the first.
    assert lists.price_out[:, 0] == pytest.approx(0.8)
    assert lists.price_in[:, 0] == pytest.approx(1.0)
    assert lists.cost_in[:, 0] == pytest.approx(0.8)
    assert np.all(lists.price_out[:, 1:] == 1.0)
    assert lists.covered[0].tolist() == [0.5, 0.9]
    assert county.after.lists(county.region()).is_none(county.region().providers)


def test_changed_lists_leave_needs_and_yardsticks_alone(county: Scenario) -> None:
    region = county.region()
    values = {name: row.value for name, row in region.parameters.items()}
    setting = build_setting(region, values, PEOPLE, 1)
    lists = county.set("prices", HALF_PRICE).after.lists(region)
    moved = with_lists(setting, lists)
    assert moved.price_out[:, 0] == pytest.approx(0.8 * setting.price_out[:, 0])
    for name in ("need_out", "need_in", "health_out", "health_in", "stay_price", "contact_price"):
        assert getattr(moved, name) is getattr(setting, name)
    assert moved.reference is setting
    assert with_lists(moved, lists).reference is setting


@pytest.mark.slow
def test_months_before_a_change_of_lists_are_the_same_lives(county: Scenario) -> None:
    before, after = run_months(county), run_months(county.set("prices", HALF_PRICE))
    start = county.horizon.start
    for name in before:
        assert np.array_equal(before[name][:start], after[name][:start]), name
        assert not np.array_equal(before[name][start:], after[name][start:]), name


@pytest.mark.slow
def test_cheaper_drugs_sold_at_cost_lower_charges_and_leave_drugs_per_need_alone() -> None:
    """Under item fees drugs are sold at cost before and after: receipts less cost stay at zero.

    The component formula then asks for the same quantity. Other people come, for visits are
    cheaper, so what is given over what is needed may differ by the luck of some: one in a hundred.
    """
    items = load("china-county-fee-for-service").with_population(PEOPLE)
    items = items.with_horizon(warm_up=0, reform=12)
    start = items.horizon.start
    before = run_months(items)["provider"][start:].sum(axis=(0, 1, 2))
    after = run_months(items.set("prices", HALF_PRICE))["provider"][start:].sum(axis=(0, 1, 2))
    for units, need in ((V.UNITS_OUT_0, V.NEED_OUT_0), (V.UNITS_IN_0, V.NEED_IN_0)):
        assert after[units] / after[need] == pytest.approx(before[units] / before[need], rel=0.01)
    charge = V.CHARGE_OUT
    assert after[charge] / after[V.VISITS] < 0.95 * before[charge] / before[V.VISITS]


@pytest.mark.slow
def test_a_catalog_of_everything_leaves_outside_only_what_hospitals_bill_there_of_their_own(
    county: Scenario,
) -> None:
    """Outpatient charges: nothing. Stays: what the total makes worth billing outside."""
    start = county.horizon.start
    wide = county.set("formulary", [{"covered": 1.0}])
    before = run_months(county)["provider"][start:].sum(axis=(0, 1, 2))
    after = run_months(wide)["provider"][start:].sum(axis=(0, 1, 2))
    assert after[V.UNCOVERED_OUT] == 0
    assert before[V.UNCOVERED_OUT] > 0
    assert after[V.UNCOVERED_IN] < 0.05 * before[V.UNCOVERED_IN]


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("prices: [{component: drug, price: -0.5}]", "drugs"),
        ("prices: [{component: drugs, price: -1.5}]", "too small"),
        ("prices: [{component: drugs, prise: -0.5}]", "price"),
        ("prices: [{component: drugs, price: -0.5, providers: {type: nowhere}}]", "no provider"),
        ("formulary: [{covered: 1.2}]", "too large"),
    ],
)
def test_a_wrong_change_of_lists_is_refused_with_its_place(
    block: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(
        f'schema: 1\nkind: scenario\nextends: tiny\ntitle: {{en: "wrong", zh: "错误"}}\n{block}\n',
        encoding="utf-8",
    )
    with pytest.raises(ScenarioError) as caught:
        load(str(file))
    assert words in str(caught.value)
    assert "wrong.yaml:5" in str(caught.value)
