"""Every contract in the scenario library builds, is made neutral and brings finite incentives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from sim.activity import Activity
from sim.incentives import marginal_receipts
from sim.payment import build, has_neutral, resolve_neutral, spec_from, thresholds_of
from sim.scenario import load
from sim.testing import sample_context, sample_year

LIBRARY = Path(__file__).parents[2] / "scenarios"


def contracts() -> Iterator[Any]:
    for file in sorted(LIBRARY.rglob("*.yaml")):
        data = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
        rows = data.get("payment") if isinstance(data, dict) else None
        for k, row in enumerate(rows if isinstance(rows, list) else ()):
            if "contract" in row:
                yield pytest.param(file.stem, row["contract"], id=f"{file.stem}[{k}]")


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "spec"), list(contracts()))
def test_contract_of_the_library_can_be_signed(scenario: str, spec: Any) -> None:
    # Contracts may name clinical groups, so the made-up providers treat those of the region.
    groups = load(scenario).region().groups.ids
    context = replace(sample_context(groups=len(groups)), groups=groups)
    year = sample_year(groups=len(groups))
    before = build("fee_for_service", context)
    contract = resolve_neutral(build(spec, context), year, before.revenue(year), before)
    # The next year is counted as the contract asks; what waited for episodes is settled on it.
    year = sample_year(groups=len(groups), rules=thresholds_of(contract))
    if has_neutral(contract):
        contract = resolve_neutral(contract, year, before.revenue(year), before)
    assert not has_neutral(contract)
    again = build(spec_from(contract), context)
    np.testing.assert_allclose(again.revenue(year), contract.revenue(year))
    marginal = marginal_receipts(contract, year)
    for name in Activity.fields():
        assert np.isfinite(getattr(marginal, name)).all()
