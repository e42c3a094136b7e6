"""Every contract in the scenario library builds, is made neutral and brings finite incentives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from sim.activity import Activity
from sim.incentives import marginal_receipts
from sim.payment import build, has_neutral, resolve_neutral, spec_from
from sim.testing import sample_context, sample_year

LIBRARY = Path(__file__).parents[2] / "scenarios"


def contracts() -> Iterator[Any]:
    for file in sorted(LIBRARY.rglob("*.yaml")):
        data = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
        rows = data.get("payment") if isinstance(data, dict) else None
        for k, row in enumerate(rows if isinstance(rows, list) else ()):
            if "contract" in row:
                yield pytest.param(row["contract"], id=f"{file.stem}[{k}]")


@pytest.mark.parametrize("spec", list(contracts()))
def test_contract_of_the_library_can_be_signed(spec: Any) -> None:
    context, year = sample_context(), sample_year()
    before = build("fee_for_service", context)
    contract = resolve_neutral(build(spec, context), year, before.revenue(year), before)
    assert not has_neutral(contract)
    again = build(spec_from(contract), context)
    np.testing.assert_allclose(again.revenue(year), contract.revenue(year))
    marginal = marginal_receipts(contract, year)
    for name in Activity.fields():
        assert np.isfinite(getattr(marginal, name)).all()
