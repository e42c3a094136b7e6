"""What a mistaken contract is told: every term of every payment model, pushed out of its range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from sim.cli import main
from sim.errors import PayshiftError
from sim.payment import catalogue, registry
from sim.scenario import load, validate

# Many small runs: together more than a minute of the quick tests.
pytestmark = pytest.mark.slow

HEAD = """schema: 1
kind: scenario
extends: china-county
title: {en: A trial, zh: 试验}
payment:
  - payer: resident-scheme
    providers: {inside: true}
    contract:
"""
HOSPITALS = HEAD.replace("{inside: true}", "{kind: secondary, inside: true}")
GROUP = str(load("china-county").region().groups.ids[0])
FEES = {"of": "fee_for_service"}

# The least that each model must be told. Models over others stand over list prices.
LEAST: dict[str, Any] = {
    "blend": None,  # a list of parts, without terms of its own: see MISTAKES
    "bundled_payment": {"groups": [GROUP], **FEES},
    "capitation": {},
    "clinical_pathway": {"groups": [GROUP], **FEES},
    "consortium": FEES,
    "contract_choice": {"standard": "fee_for_service", "option": "capitation"},
    "cost_reimbursement": {},
    "dip": {},
    "drg": {},
    "fee_for_service": {},
    "global_budget": FEES,
    "outcome_tiers": FEES,
    "pay_for_performance": FEES,
    "per_diem": {},
    "performance_budget": FEES,
    "phase_in": {"before": "fee_for_service", "after": "drg"},
    "procurement_retention": FEES,
    "satisfaction": FEES,
    "service_unit": {},
    "shared_savings": FEES,
    "value_based": FEES,
}

STRUCTURED = {
    "bands",
    "benchmarks",
    "by_group",
    "components",
    "distribution",
    "domains",
    "full_marks",
    "groups",
    "measures",
    "overrun",
    "own_rate",
    "predicted",
    "prices",
    "surplus",
    "targets",
    "tiers",
    "weights",
}
"""Terms that are lists or mappings of numbers: a single number is refused as such."""


def pushed() -> Iterator[Any]:
    """Give every declared term with a value on each side of its range, or a word it has not."""
    for row in catalogue():
        for term in row["terms"]:
            values: list[Any] = ["no-such-word"] if term["choices"] else []
            if not term["choices"]:
                low, high = term["low"], term["high"]
                values += [] if low is None else [low - 1.0 - abs(low)]
                values += [] if high is None else [2.0 * abs(high) + 1.0]
                values.append("no-such-word")
            for value in values:
                name = f"{row['id']}.{term['id']}={value}"
                yield pytest.param(row["id"], term, value, id=name)


def written(path: Path, contract: Any) -> Path:
    """Write a scenario whose reform is the contract, one term a line."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD)
        for line in _lines(contract):
            file.write(f"      {line}\n")
    return path


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict):
        found: list[str] = []
        for key, inside in value.items():
            if isinstance(inside, dict | list) and inside:
                found += [f"{key}:", *(f"  {line}" for line in _lines(inside))]
            else:
                found.append(f"{key}: {_scalar(inside)}")
        return found
    found = []
    for inside in value:
        first, *rest = _lines(inside) if isinstance(inside, dict | list) else [_scalar(inside)]
        found += [f"- {first}", *(f"  {line}" for line in rest)]
    return found


def _scalar(value: Any) -> str:
    if value == {}:
        return "{}"
    return str(value)


def told_once(path: Path) -> PayshiftError:
    """Give the one error of a file, which ends a command with 2 and is one line with its place."""
    found = validate(path)
    assert len(found) == 1, [str(e) for e in found]
    assert found[0].exit_code == 2
    assert "\n" not in str(found[0])
    return found[0]


def test_every_model_stands_here() -> None:
    assert set(LEAST) == set(registry())


@pytest.mark.parametrize("model", [name for name, terms in LEAST.items() if terms is not None])
def test_the_contract_that_is_pushed_is_good(model: str, tmp_path: Path) -> None:
    assert validate(written(tmp_path / "trial.yaml", {model: LEAST[model]})) == []


@pytest.mark.parametrize(("model", "term", "value"), list(pushed()))
def test_a_term_out_of_its_range_is_told_with_its_line_and_what_is_allowed(
    model: str, term: dict[str, Any], value: Any, tmp_path: Path
) -> None:
    path = written(tmp_path / "trial.yaml", {model: {**LEAST[model], term["id"]: value}})
    error = told_once(path)
    lines = path.read_text("utf-8").splitlines()
    line = next(i for i, text in enumerate(lines, 1) if text.strip().startswith(f"{term['id']}:"))
    assert error.where.startswith(f"{path}:{line}:"), str(error)
    assert error.allowed, str(error)
    if isinstance(value, float) and term["id"] not in STRUCTURED:
        ends = [math.inf if term[end] is None else term[end] for end in ("low", "high")]
        ends[0] = -math.inf if term["low"] is None else ends[0]
        assert f"{ends[0]:g} to {ends[1]:g} {term['unit']}" in error.allowed, str(error)


# Each case: the contract, words of its message. The line named is the one that holds `# here`.
MISTAKES: dict[str, tuple[str, list[str]]] = {
    "a share over one in a part": (
        """
        blend:
          - weight: 1.5  # here
            contract: {drg: {}}
          - weight: 0.5
            contract: {fee_for_service: {}}
        """,
        ["1.5", "0 to 1 share"],
    ),
    "shares that do not sum to one": (
        """
        blend:
          - weight: 0.9  # here
            contract: {drg: {}}
          - weight: 0.5
            contract: {fee_for_service: {}}
        """,
        ["weights sum to 1", "1.4"],
    ),
    "a scope twice": (
        """
        blend:
          - scope: {setting: inpatient}
            contract: {drg: {}}
          - scope: {setting: inpatient}  # here
            contract: {fee_for_service: {}}
          - scope: rest
            contract: {fee_for_service: {}}
        """,
        ["scope", "Earlier parts", "no earlier part names"],
    ),
    "a scope that misses care": (
        """
        blend:
          - scope: {setting: inpatient}  # here
            contract: {drg: {}}
        """,
        ["nobody would pay", "Add a part with `scope: rest`"],
    ),
    "a budget on nothing": (
        """
        global_budget: {budget: neutral}  # here
        """,
        ["of", "Add `of:`"],
    ),
    "two sortings of cases in one tree": (
        """
        blend:  # here
          - weight: 0.5
            contract: {drg: {high_outlier: 2.0}}
          - weight: 0.5
            contract: {drg: {high_outlier: 3.0}}
        """,
        ["sorts stays by two different thresholds of charges", "share their thresholds"],
    ),
    "two sortings of which one is by points": (
        """
        phase_in:  # here
          before: {dip: {pool: neutral}}
          after: {drg: {low_outlier: 0.4}}
        """,
        ["sorts stays by two different thresholds of charges", "share their thresholds"],
    ),
    "two sortings that part when weights are recalibrated": (
        """
        blend:  # here
          - weight: 0.5
            contract: {drg: {base_rate: 8000, high_outlier: 2.0, recalibration: 0.5}}
          - weight: 0.5
            contract: {drg: {base_rate: 8000, high_outlier: 2.0}}
        """,
        ["two different thresholds of charges, once it is renewed", "recalibrate and cover alike"],
    ),
    "two sortings that part when rates grow": (
        """
        blend:  # here
          - weight: 0.5
            contract: {drg: {base_rate: 8000, high_outlier: 2.0, growth: 0.03}}
          - weight: 0.5
            contract: {drg: {base_rate: 8000, high_outlier: 2.0}}
        """,
        ["two different thresholds of charges, once it is renewed", "recalibrate and cover alike"],
    ),
    "two bands of days in one tree": (
        """
        blend:  # here
          - weight: 0.5
            contract: {per_diem: {bands: [{to: 3, ratio: 1.2}, {ratio: 1.0}]}}
          - weight: 0.5
            contract: {per_diem: {bands: [{to: 5, ratio: 1.2}, {ratio: 1.0}]}}
        """,
        ["sorts stays by two different bands of days", "share their thresholds"],
    ),
    "episodes of two lengths in one tree": (
        """
        bundled_payment:  # here
          groups: [joint_replacement]
          months: 3
          of:
            bundled_payment:
              groups: [joint_replacement]
              months: 1
              of: fee_for_service
        """,
        ["two different kinds of episodes", "share their episodes"],
    ),
    "a share over one in a band": (
        """
        global_budget:
          surplus:
            - {to: 0.1, kept: 1.4}  # here
          of: fee_for_service
        """,
        ["out of range", "1.4", "0 to 1 share", "{value: 50, unit: percent}"],
    ),
    "a part without a scope or a weight": (
        """
        blend:
          - scope: {setting: inpatient}
            contract: drg
          - contract: fee_for_service  # here
        """,
        ["either a scope or a weight"],
    ),
    "scopes that overlap until nothing is left": (
        """
        blend:
          - scope: {setting: inpatient}
            contract: drg
          - scope: {setting: inpatient, component: drugs}  # here
            contract: fee_for_service
          - scope: rest
            contract: fee_for_service
        """,
        ["nothing is left for this part", "remove one of them"],
    ),
    "a rate for stays where there are none": (
        """
        blend:  # here
          - scope: {component: drugs}
            contract: drg
          - scope: rest
            contract: fee_for_service
        """,
        ["no neutral rate exists", "narrow the scope"],
    ),
    "a negative pool": (
        """
        dip:
          pool: -5  # here
        """,
        ["out of range", "0 to 1e+13 CNY/year", "Write a number of this range"],
    ),
    "money of another country": (
        """
        drg:
          base_rate: {value: 8000, unit: USD}  # here
        """,
        ["another currency", "allowed: CNY", "Write the amount in the region's currency"],
    ),
    "a unit of something else": (
        """
        dip:
          pool: {value: 5, unit: share}  # here
        """,
        ["a money per year is needed, not a share", "The term is in CNY/year"],
    ),
    "a unit that does not exist": (
        """
        capitation:
          rate: {value: 5, unit: yuan}  # here
        """,
        ["unknown unit", "yuan", "The term is in CNY/person-year"],
    ),
    "a model that does not exist": (
        """
        global_budgets: {of: drg}  # here
        """,
        ["unknown payment model", "Did you mean 'global_budget'?"],
    ),
    "an agreement older than it lasts": (
        """
        shared_savings:
          agreement_years: 2
          year: 3  # here
          of: fee_for_service
        """,
        ["more years have passed", "0 to 1"],
    ),
    "a tree that holds itself by an anchor": (
        """
        global_budget: &it  # here
          of: *it
        """,
        ["anchors", "Write the value out"],
    ),
}


# The same for hospitals alone, who keep no lists of members.
WITHOUT_MEMBERS: dict[str, tuple[str, list[str]]] = {
    "a pool that nobody is a member of": (
        """
        consortium: {of: fee_for_service}  # here
        """,
        ["a pool without members has no budget", "Put the providers that keep lists"],
    ),
    "a rate per member where nobody keeps a list": (
        """
        capitation: {}  # here
        """,
        ["no neutral rate exists", "Give a number"],
    ),
}


@pytest.mark.parametrize("name", [*MISTAKES, *WITHOUT_MEMBERS])
def test_a_contract_that_cannot_be_is_told_with_its_line_and_remedy(
    name: str, tmp_path: Path
) -> None:
    text, words = {**MISTAKES, **WITHOUT_MEMBERS}[name]
    path = tmp_path / "trial.yaml"
    head = HOSPITALS if name in WITHOUT_MEMBERS else HEAD
    path.write_text(head + text.lstrip("\n"), encoding="utf-8")
    error = told_once(path)
    lines = path.read_text("utf-8").splitlines()
    line = next(i for i, row in enumerate(lines, 1) if "# here" in row)
    assert error.where.startswith(f"{path}:{line}:"), str(error)
    for word in words:
        assert word in str(error), str(error)


def test_a_contract_that_names_providers_a_later_one_takes_is_told(tmp_path: Path) -> None:
    """The last assignment that applies counts: a contract may keep some of those it names."""
    region = load("china-county").region()
    ids = [
        str(i) for i, k in zip(region.providers.ids, region.providers.kind, strict=True) if k == 1
    ]
    rates = "".join(f"          {name}: 900\n" for name in ids)
    path = tmp_path / "trial.yaml"
    path.write_text(
        HOSPITALS.replace(", inside: true", "")
        + "      service_unit:\n        unit: stay\n        rate:\n"
        + rates
        + f"  - payer: resident-scheme\n    providers: {{ids: [{ids[0]}]}}\n"
        + "    contract: {drg: {}}\n",
        encoding="utf-8",
    )
    error = told_once(path)
    assert error.where.startswith(f"{path}:"), str(error)
    for word in ("later assignments take", ids[0], "Write the contract for those that it keeps"):
        assert word in str(error), str(error)


def test_nobody_is_paid_by_a_contract_for_nobody(tmp_path: Path) -> None:
    path = tmp_path / "trial.yaml"
    path.write_text(
        HEAD.replace("{inside: true}", "{type: nowhere}")
        + "      global_budget: {of: fee_for_service}\n",
        encoding="utf-8",
    )
    error = told_once(path)
    assert error.where.startswith(f"{path}:7:"), str(error)
    assert "no provider of the region is meant" in str(error)


def test_nodes_that_follow_one_rule_may_share_a_tree(tmp_path: Path) -> None:
    text = """
        blend:
          - weight: 0.5
            contract: {drg: {high_outlier: 2.0}}
          - weight: 0.5
            contract: {drg: {high_outlier: 2.0, outlier_share: 0.6}}
        """
    path = tmp_path / "trial.yaml"
    path.write_text(HEAD + text.lstrip("\n"), encoding="utf-8")
    assert validate(path) == []


def test_a_command_ends_with_two_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "trial.yaml", {"drg": {"base_rate": -1.0}})
    assert main(["show", str(path)]) == 2
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert f"{path}:10:" in told
