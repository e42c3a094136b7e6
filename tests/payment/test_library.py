"""Every contract in the scenario library builds, is made neutral and brings finite incentives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from sim.activity import Activity
from sim.incentives import marginal_receipts
from sim.payment import build, has_neutral, resolve_neutral, rules_of, spec_from
from sim.scenario import load
from sim.testing import sample_context, sample_year

LIBRARY = Path(__file__).parents[2] / "scenarios"


# Files are told by their text: reading them all would weigh on every collection of tests.
PAYING = [
    file
    for file in sorted(LIBRARY.rglob("*.yaml"))
    if "\npayment:" in file.read_text(encoding="utf-8")
]


def contracts(file: Path) -> list[Any]:
    rows = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))["payment"]
    return [row["contract"] for row in rows if "contract" in row]


@pytest.mark.slow
@pytest.mark.parametrize("file", PAYING, ids=lambda file: file.stem)
def test_contracts_of_the_library_can_be_signed(file: Path) -> None:
    for spec in contracts(file):
        sign(file.stem, spec)


def sign(scenario: str, spec: Any) -> None:
    # Contracts may name clinical groups, so the made-up providers treat those of the region.
    groups = load(scenario).region().groups.ids
    context = replace(sample_context(groups=len(groups)), groups=groups)
    year = sample_year(groups=len(groups))
    before = build("fee_for_service", context)
    contract = resolve_neutral(build(spec, context), year, before.revenue(year), before)
    # The next year is counted as the contract asks; what waited for episodes is settled on it.
    year = sample_year(groups=len(groups), rules=rules_of(contract))
    if has_neutral(contract):
        contract = resolve_neutral(contract, year, before.revenue(year), before)
    assert not has_neutral(contract)
    again = build(spec_from(contract), context)
    np.testing.assert_allclose(again.revenue(year), contract.revenue(year))
    marginal = marginal_receipts(contract, year)
    for name in Activity.fields():
        assert np.isfinite(getattr(marginal, name)).all()
