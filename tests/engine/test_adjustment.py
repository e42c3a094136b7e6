"""The rule by which organizations adjust: the same in both engines, and the default untouched."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from sim.errors import RunError, ScenarioError
from sim.model import HealthSystem
from sim.month import World, run_month
from sim.region import AdjustmentRule
from sim.scenario import load
from tests.engine.test_two_engines import differences_by_month
from tests.worlds import world_of


def world_by(rule: AdjustmentRule, months: int = 30, name: str = "tiny-drg") -> World:
    return world_of(name, months, 400, adjustment=rule)


def lived(rule: AdjustmentRule, months: int = 30, name: str = "tiny-drg") -> World:
    world = world_by(rule, months, name)
    while world.month < world.months:
        run_month(world)
    return world


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["pid", "bandit"])
def test_both_engines_live_the_same_lives_under_every_rule(rule: str) -> None:
    on_columns = world_by(AdjustmentRule(rule), 18)
    model = HealthSystem(world_by(AdjustmentRule(rule), 18))
    assert [d for d in differences_by_month(on_columns, model) if d] == []


@pytest.mark.slow
def test_a_controller_ends_at_the_styles_of_best_response() -> None:
    """Item fees at list price do not move, so both rules are where list prices put them."""
    by_response = lived(AdjustmentRule(), 24, "tiny-fee-for-service")
    by_controller = lived(AdjustmentRule("pid"), 24, "tiny-fee-for-service")
    for name in ("style_out", "style_in"):
        np.testing.assert_allclose(
            getattr(by_controller.organizations, name),
            getattr(by_response.organizations, name),
            atol=2e-3,
        )


@pytest.mark.slow
def test_a_controller_without_proportion_is_best_response_with_the_same_half_life() -> None:
    kept = 1.0 - 2.0 ** (-1.0 / 4.0)
    rule = AdjustmentRule("pid", proportional=0.0, integral=kept, derivative=0.0)
    by_controller, by_response = lived(rule, 18), lived(AdjustmentRule(), 18)
    np.testing.assert_allclose(
        by_controller.organizations.style_in, by_response.organizations.style_in, rtol=1e-9
    )


@pytest.mark.slow
def test_by_trial_every_provider_has_tried_every_style_and_practises_one_of_them() -> None:
    world = lived(AdjustmentRule("bandit"), 12)
    memory, org = world.memory, world.organizations
    assert (memory.times > 0.0).all()
    assert memory.times.sum(axis=1).tolist() == [11.0] * len(memory.times)
    factor = 1.0 + 0.1 * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])[memory.practised]
    expected = np.clip(memory.customary["style_out"] * factor[:, None, None, None], 0.0, 2.0)
    np.testing.assert_array_equal(org.style_out, expected)


def test_a_scenario_names_its_rule_and_refuses_what_is_no_rule() -> None:
    scenario = load("tiny-drg")
    assert scenario.adjustment == asdict(AdjustmentRule())
    assert scenario.set("adjustment", "bandit").adjustment["rule"] == "bandit"
    assert scenario.set("adjustment", "{rule: pid, integral: 0.2}").adjustment["integral"] == 0.2
    # Doing nothing is adjusted to in the same way.
    assert scenario.set("adjustment", "pid").status_quo().adjustment["rule"] == "pid"
    for wrong, what in (
        ("habit", "not one of the words allowed"),
        ("{rule: bandit, integral: 0.2}", "no term of bandit"),
        ("{rule: pid, proportional: 1.0}", "never settle"),
        ("{rule: pid, integral: 0.0}", "never settle"),
    ):
        with pytest.raises(ScenarioError, match=what):
            scenario.set("adjustment", wrong)
    with pytest.raises(RunError, match="no such rule"):
        AdjustmentRule("habit")
