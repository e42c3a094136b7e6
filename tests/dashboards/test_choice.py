"""What a reader chose, however it was written: addresses, bodies, contracts changed by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dashboards.choice import ArmChoice, Choice
from dashboards.levers import levers
from dashboards.pages.contract import changed_payment, changed_text, kept_arm, text_of
from sim.errors import PayshiftError, ScenarioError
from sim.scenario import as_yaml, entries_of, load


def test_a_choice_survives_its_own_address() -> None:
    choice = Choice(
        "tiny", (ArmChoice("tiny-drg"), ArmChoice("tiny-capitation", (("seed", 7),))), 500, 2, 12
    )
    assert Choice.of_query(choice.as_query(), Choice()) == choice


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"arms": "tiny-drg"},
        {"arms": [{"id": "tiny-drg"}] * 6},
        {"arms": [{"id": "../../etc/passwd"}]},
        {"arms": [{"id": "./here.yaml"}]},
        {"arms": [{"id": "tiny-drg", "set": {"seed": True}}]},
        {"arms": [{"id": "tiny-drg", "set": {"seed": "1"}}]},
        {"arms": [{"id": "tiny-drg", "text": "x" * 30_000}]},
        {"people": -1},
        {"people": "many"},
        {"replicates": 1.5},
        {"region": 3},
    ],
)
def test_a_choice_that_is_none_is_refused_in_words(data: Any) -> None:
    with pytest.raises(ScenarioError):
        Choice.read(data)


@pytest.mark.parametrize("changes", ["{", "[1,2,3]", "[" * 5_000, json.dumps({"a": 1})])
def test_changes_in_an_address_that_are_none_are_refused(changes: str) -> None:
    with pytest.raises(ScenarioError):
        Choice.of_query({"arms": "tiny-drg", "changes": changes}, Choice())


def test_arms_of_another_region_are_refused() -> None:
    with pytest.raises(ScenarioError, match="region"):
        Choice("tiny", (ArmChoice("china-county-drg"),)).scenarios()


def test_a_contract_written_by_hand_tells_line_and_remedy() -> None:
    text = (
        "payment:\n  - payer: resident-scheme\n    providers: {inside: true}\n"
        "    contract: {drgg: {}}\n"
    )
    with pytest.raises(PayshiftError, match=r"contract:4"):
        ArmChoice("tiny-drg", text=text).scenario()


def test_a_text_may_not_change_the_region() -> None:
    with pytest.raises(ScenarioError, match="region"):
        ArmChoice("tiny-drg", text="region: china-county").scenario()


def test_the_text_of_an_arm_says_the_same_payment() -> None:
    scenario = ArmChoice("tiny-global-budget").scenario()
    again = ArmChoice("tiny-global-budget", text=text_of(scenario)).scenario()
    assert again.resolved()["payment"] == scenario.resolved()["payment"]


def test_an_unchanged_text_leaves_the_arm_the_librarys() -> None:
    text = text_of(ArmChoice("tiny-drg").scenario())
    _, arm = kept_arm({"number": 1, "id": "tiny-drg", "text": text}, text)
    assert not arm.is_changed


def test_a_changed_arm_has_a_name_and_a_title_of_its_own() -> None:
    arm = ArmChoice("tiny-drg", text="audit: {screening: 0, sample: 0, detection: 0, fine: 0}")
    scenario = arm.scenario(2)
    assert scenario.id == "tiny-drg-changed-2"
    assert scenario.title["zh"].endswith("（已修改）")
    assert "china" not in arm.file(2).partition("payment")[0]


def test_every_lever_can_be_moved_to_both_of_its_ends() -> None:
    scenario = ArmChoice("tiny-global-budget").scenario()
    found = [lever for lever in levers(scenario) if lever.family == "contract"]
    assert found
    for lever in found:
        assert lever.low <= lever.value <= lever.high
        moved = scenario.set(lever.path, lever.high)
        now = {one.path: one.value for one in levers(moved)}
        assert now[lever.path] == pytest.approx(lever.high)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["phase_in", "contract_choice", "blend", "shared_savings"])
def test_a_contract_can_be_wrapped_by_what_holds_one_or_two(model: str) -> None:
    scenario = load("tiny-drg")
    tree = changed_payment(scenario.resolved()["payment"], "wrap", "payment.0.contract", model)
    changed = scenario.with_text(as_yaml({"payment": tree}), "contract")
    assert next(iter(changed.resolved()["payment"][0]["contract"])) == model


@pytest.mark.slow
def test_wrapping_and_unwrapping_a_contract_gives_it_back() -> None:
    payment = ArmChoice("tiny-drg").scenario().resolved()["payment"]
    path = "payment.0.contract"
    wrapped = changed_payment(payment, "wrap", path, "global_budget")
    assert next(iter(wrapped[0]["contract"])) == "global_budget"
    assert changed_payment(wrapped, "unwrap", path, "global_budget") == payment


@pytest.mark.slow
@pytest.mark.parametrize(
    ("action", "path", "model"),
    [
        ("wrap", "payment.9.contract", "global_budget"),
        ("wrap", "payment.0.contract", "no_such_model"),
        ("wrap", "payment.0.contract", "fee_for_service"),
        ("explode", "payment.0.contract", "global_budget"),
        ("unwrap", "payment.__class__", "global_budget"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(action: str, path: str, model: str) -> None:
    payment = ArmChoice("tiny-drg").scenario().resolved()["payment"]
    with pytest.raises(ScenarioError):
        changed_payment(payment, action, path, model)


def test_a_change_that_cannot_be_priced_is_undone_by_the_next() -> None:
    text = text_of(ArmChoice("tiny-drg").scenario())
    path = "payment.0.contract"
    # A base rate below zero: no scenario may say this.
    broken = as_yaml(
        {**entries_of(text), "payment": [{"payer": "all", "contract": {"drg": {"base_rate": -1}}}]}
    )
    with pytest.raises(ScenarioError):
        ArmChoice("tiny-drg", text=broken).scenario()
    wrapped = changed_text("tiny-drg", broken, "wrap", path, "global_budget")
    assert changed_text("tiny-drg", wrapped, "unwrap", path, "global_budget") == broken
    assert "audit" not in entries_of(text) or "audit" in entries_of(wrapped)
    mended = changed_text("tiny-drg", broken, "replace", path, "fee_for_service")
    assert "fee_for_service" in mended
    assert "drg" not in mended.replace("tiny-drg", "")


@pytest.mark.parametrize("text", ["payment: 3", "payment: [", "[1, 2]", "payment: [{contract: 3}]"])
def test_a_text_that_says_no_contract_cannot_be_changed_by_cards(text: str) -> None:
    for action in ("wrap", "unwrap", "add"):
        with pytest.raises(ScenarioError):
            changed_text("tiny-drg", text, action, "payment.0.contract", "fee_for_service")


def test_an_arm_opened_for_changes_keeps_the_levers_of_its_audit() -> None:
    text = text_of(ArmChoice("tiny-drg").scenario())
    found = {one.path: one for one in levers(ArmChoice("tiny-drg", text=text).scenario())}
    detection = found["audit.detection"]
    assert (detection.low, detection.value, detection.high) == (0.0, 0.35, 1.0)
    assert found["audit.fine"].high > found["audit.fine"].value
