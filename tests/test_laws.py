"""Contract trees drawn over the whole payment language keep the laws that theory states of all."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from experiments import laws
from experiments.books import models_in
from sim.activity import Activity, Array
from sim.errors import PaymentError
from sim.payment import Contract, build, registry
from sim.testing import hold_laws, multiplied, random_contract, reordered, sample_context
from sim.testing._trees import _models

CONTEXT = sample_context(4, 3)


@st.composite
def contracts(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    """Trees over the whole language, drawn by a search that can shrink them."""
    return random_contract(draw(st.randoms(use_true_random=False)), CONTEXT, depth=depth)


@pytest.mark.slow
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
@given(contracts(), st.integers(0, 96))
def test_every_tree_keeps_the_laws(spec: dict[str, Any], seed: int) -> None:
    try:
        held = hold_laws(spec, seed=seed)
    except PaymentError:  # nothing on the made-up year that a neutral rate could pay for
        reject()
    assert {"amount", "slope", "unit", "order", "file", "years"} <= set(held.laws)


@pytest.mark.slow
def test_trees_are_drawn_from_all_registered_models() -> None:
    seen = {
        name
        for number in range(300)
        for name in models_in(random_contract(random.Random(number), CONTEXT))
    }
    assert seen == set(registry())


@pytest.mark.slow
def test_every_declared_term_of_every_model_is_drawn() -> None:
    seen: set[tuple[str, str]] = set()

    def look(spec: Any) -> None:
        if isinstance(spec, dict):
            for name, inside in spec.items():
                if name in registry() and isinstance(inside, dict):
                    seen.update((name, term) for term in inside)
                look(inside)
        elif isinstance(spec, list):
            for row in spec:
                look(row)

    for number in range(1200):
        look(random_contract(random.Random(number), CONTEXT))
    declared = {(row["id"], term["id"]) for row in _models().values() for term in row["terms"]}
    # The sample context has no named fee schedule.
    assert declared - seen == {("fee_for_service", "schedule")}


@pytest.mark.slow
def test_a_first_contract_prices_its_items_by_numbers() -> None:
    for number in range(60):
        spec = random_contract(random.Random(number), CONTEXT, is_open=False)
        build(spec, CONTEXT)


@dataclass(frozen=True, eq=False)
class Wrong(Contract):
    """Pays visits or costs in some way that breaks a law."""

    id: ClassVar[str] = "wrong"
    fault: str

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"visits", "resource_cost"})

    def revenue(self, activity: Activity) -> Array:
        visits = activity.visits.sum(axis=1)
        if self.fault == "slope":
            return np.asarray(visits)
        if self.fault == "scale":
            return np.asarray(activity.resource_cost * np.sqrt(visits))
        if self.fault == "order":
            return np.asarray(activity.resource_cost * np.arange(1.0, 1.0 + len(visits)))
        if self.fault == "amount":
            return np.asarray(visits - 1e9)
        return np.asarray(7.0 * visits)  # seven yuan, whatever a yuan is

    def partials(self, activity: Activity) -> dict[str, Array]:
        if self.fault == "slope":
            return {name: np.full_like(getattr(activity, name), 2.0) for name in self.reads}
        return super().partials(activity)

    def to_spec(self) -> dict[str, Any]:
        return {self.id: {"fault": self.fault}}

    @classmethod
    def from_spec(cls, spec: Any, context: Any, build: Any, where: str) -> Wrong:
        return cls(spec["fault"])


@pytest.mark.parametrize("fault", ["slope", "scale", "order", "amount", "unit"])
def test_a_broken_law_is_named(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {**registry(), "wrong": Wrong}
    monkeypatch.setattr("sim.payment._registry.registry", lambda: known)
    _models.cache_clear()
    try:
        with pytest.raises(AssertionError, match=f"^{fault}:"):
            hold_laws({"wrong": {"fault": fault}})
    finally:
        _models.cache_clear()


def test_another_minor_unit_changes_amounts_and_nothing_else() -> None:
    spec = {
        "global_budget": {
            "budget": {"provider-1": 100.0, "provider-2": {"value": 5.0, "unit": "CNY/year"}},
            "surplus": [{"to": 0.1, "kept": 1.0}],
            "of": {"consortium": {"of": {"drg": {"base_rate": 9000.0, "growth": 0.02}}}},
        }
    }
    changed = multiplied(spec, 100.0, of="money")["global_budget"]
    assert changed["budget"] == {
        "provider-1": 10_000.0,
        "provider-2": {"value": 500.0, "unit": "CNY/year"},
    }
    assert changed["surplus"] == [{"to": 0.1, "kept": 1.0}]
    # The premium that nobody wrote is an amount as well.
    assert changed["of"]["consortium"]["premium"] == 8500.0
    assert changed["of"]["consortium"]["of"] == {"drg": {"base_rate": 900_000.0, "growth": 0.02}}


def test_a_larger_region_has_larger_sums_and_the_same_prices() -> None:
    spec = {"global_budget": {"budget": 10.0, "of": {"drg": {"base_rate": 9000.0}}}}
    changed = multiplied(spec, 2.0, of="sums")
    assert changed == {"global_budget": {"budget": 20.0, "of": {"drg": {"base_rate": 9000.0}}}}


def test_providers_in_another_order_take_their_numbers_and_names_along() -> None:
    spec = {"service_unit": {"rate": {f"provider-{k}": float(k) for k in (1, 2, 3, 4)}}}
    names = {f"provider-{k}": f"clinic-{k}" for k in (1, 2, 3, 4)}
    changed = reordered(spec, [3, 2, 1, 0], names)
    assert changed == {"service_unit": {"rate": {f"clinic-{k}": float(k) for k in (1, 2, 3, 4)}}}


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    [
        {"consortium": {"premium": 0, "of": "dip"}},
        {"consortium": {"premium": 0, "distribution": "members", "of": "dip"}},
        {"pay_for_performance": {"form": "withhold", "stake": 0.3, "of": "dip"}},
    ],
)
def test_a_pool_inside_a_pool_has_its_own_slopes(spec: dict[str, Any]) -> None:
    """One's points lower the others' pay, and their pay is part of one's own."""
    for seed in range(4):
        assert hold_laws(spec, seed=seed).slopes > 0


@pytest.mark.slow
def test_a_soft_budget_is_neutral_at_the_end_of_the_flat_whoever_comes_first() -> None:
    """Any budget below all claims costs nothing: the one sought is the largest of them."""
    spec = {"global_budget": {"overrun": [{"borne": 0.0}], "of": {"consortium": {"of": "dip"}}}}
    for seed in range(4):
        hold_laws(spec, seed=seed)


@pytest.mark.parametrize(
    "inside",
    [
        {"per_diem": {"rate": 300.0, "bands": [{"to": 3, "ratio": 1.2}, {"ratio": 0.8}]}},
        {"drg": {"base_rate": 9000.0, "low_outlier": 0.4}},
        {"drg": {"low_outlier": 0.4, "high_outlier": 2.5}},
    ],
)
@pytest.mark.parametrize(
    "over",
    [
        "consortium",
        "global_budget",
        "outcome_tiers",
        "performance_budget",
        "shared_savings",
        "value_based",
    ],
)
def test_a_neutral_term_may_stand_over_rules_of_cases(over: str, inside: dict[str, Any]) -> None:
    """The base year was counted by another contract, which knew none of these rules."""
    held = hold_laws({over: {"of": inside}})
    assert "slope" in held.laws


@pytest.mark.slow
def test_the_script_counts_what_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert laws.main(["--trees", "5", "--seed", "3"]) == 0
    assert "0 break a law" in capsys.readouterr().out
