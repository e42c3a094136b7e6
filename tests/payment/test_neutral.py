"""A neutral contract starts with the money that would have been spent anyway."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.activity import CaseRule, Scope
from sim.errors import PaymentError
from sim.payment import build, has_neutral, resolve_neutral, sorted_by, thresholds_of
from sim.payment._neutral import level
from sim.testing import sample_context, sample_year
from tests.payment.cases import CASES, NESTED, POOLED

CONTEXT, BASE = sample_context(), sample_year()
BEFORE = build("fee_for_service", CONTEXT)
RECEIPTS = BEFORE.revenue(BASE)


ALL = {**CASES, **POOLED}


@pytest.mark.parametrize("case", [c for c in ALL if has_neutral(build(ALL[c], CONTEXT))])
def test_group_earns_on_base_activity_what_it_would_have_earned(case: str) -> None:
    new = resolve_neutral(build(ALL[case], CONTEXT), BASE, RECEIPTS, BEFORE)
    assert not has_neutral(new)
    seen = BASE
    for rule in thresholds_of(new):
        seen = sorted_by(seen, rule) if isinstance(rule, CaseRule) else seen
    paid = float(new.revenue(seen).sum())
    # The fee part of some has a price of its own: a cut is meant, and the others keep theirs; a
    # choice never costs the chooser.
    if not case.startswith(("blend by", "contract_choice")):
        assert paid == pytest.approx(float(RECEIPTS.sum()), rel=1e-9)


def test_each_scope_gets_what_the_previous_contract_paid_on_it() -> None:
    new = resolve_neutral(build(NESTED["global_budget"]["of"], CONTEXT), BASE, RECEIPTS, BEFORE)
    for part, setting in zip(new.children, ("inpatient", "primary"), strict=False):
        seen = BASE.masked(Scope.of(settings=[setting]))
        assert float(part.revenue(seen).sum()) == pytest.approx(
            float(BEFORE.revenue(seen).sum()), rel=1e-9
        )


def test_split_looks_through_a_previous_budget_to_its_tariff() -> None:
    soft: Any = {"global_budget": {"budget": "neutral", "of": "fee_for_service"}}
    before = resolve_neutral(build(soft, CONTEXT), BASE, RECEIPTS)
    spec = NESTED["global_budget"]["of"]
    one = resolve_neutral(build(spec, CONTEXT), BASE, RECEIPTS, before)
    two = resolve_neutral(build(spec, CONTEXT), BASE, RECEIPTS, BEFORE)
    np.testing.assert_allclose(one.revenue(BASE), two.revenue(BASE))


def test_budget_over_the_old_tariff_is_each_providers_own_receipts_to_the_bit() -> None:
    new = resolve_neutral(
        build({"global_budget": {"of": "fee_for_service"}}, CONTEXT), BASE, RECEIPTS
    )
    assert np.array_equal(new.budget, RECEIPTS)


def test_budgets_share_one_factor_where_claims_inside_are_distributed_otherwise() -> None:
    spec = {"global_budget": {"surplus": [{"kept": 0.5}], "overrun": [{"borne": 0.9}], "of": "drg"}}
    new = resolve_neutral(build(spec, CONTEXT), BASE, RECEIPTS)
    assert float(new.revenue(BASE).sum()) == pytest.approx(float(RECEIPTS.sum()), rel=1e-9)
    ratio = new.budget / RECEIPTS
    np.testing.assert_allclose(ratio, ratio[0])


def test_weighted_parts_are_each_neutral_to_the_whole() -> None:
    spec = {
        "blend": [{"weight": 0.4, "contract": "drg"}, {"weight": 0.6, "contract": "capitation"}]
    }
    new = resolve_neutral(build(spec, CONTEXT), BASE, RECEIPTS)
    for part in new.children:
        assert float(part.revenue(BASE).sum()) == pytest.approx(float(RECEIPTS.sum()), rel=1e-9)


def test_a_single_neutral_part_takes_what_the_others_leave() -> None:
    spec = {
        "blend": [
            {"scope": {"setting": "inpatient"}, "contract": {"drg": {"base_rate": 100}}},
            {"scope": "rest", "contract": {"fee_for_service": {"multiplier": "neutral"}}},
        ]
    }
    new = resolve_neutral(build(spec, CONTEXT), BASE, RECEIPTS)
    assert float(new.revenue(BASE).sum()) == pytest.approx(float(RECEIPTS.sum()), rel=1e-9)


def test_several_neutral_parts_without_a_previous_contract_are_refused() -> None:
    with pytest.raises(PaymentError, match="previous contract"):
        resolve_neutral(build(NESTED, CONTEXT), BASE, RECEIPTS)


def test_a_rate_for_care_nobody_gave_is_refused() -> None:
    with pytest.raises(PaymentError, match="no neutral rate"):
        resolve_neutral(build("drg", CONTEXT), BASE.scaled(0.0), RECEIPTS)


@pytest.mark.parametrize("how", ["neutral", "own"])
def test_no_bonus_is_expected_on_base_activity(how: str) -> None:
    new = resolve_neutral(
        build({"value_based": {"benchmarks": how, "of": "fee_for_service"}}, CONTEXT),
        BASE,
        RECEIPTS,
    )
    paid = new.revenue(BASE)
    assert float(paid.sum()) == pytest.approx(float(RECEIPTS.sum()), rel=1e-12)
    if how == "own":
        np.testing.assert_allclose(paid, RECEIPTS, rtol=1e-12)


def test_an_empty_scope_without_receipts_gets_a_rate_of_zero() -> None:
    nothing = BASE.scaled(0.0)
    new = resolve_neutral(build("drg", CONTEXT), nothing, BEFORE.revenue(nothing))
    assert not new.revenue(BASE).any()


@pytest.mark.parametrize("rounding", [-1e-16, 0.0, 1e-16])
def test_an_outlay_that_ends_flat_at_its_target_is_met_where_the_flat_begins(
    rounding: float,
) -> None:
    """A budget that keeps every surplus back pays all claims from some size on."""

    def outlay(x: float) -> float:
        return min(x, 1.25) * 0.8 * (1.0 + rounding) + 1.0

    assert level(outlay, 2.0) == pytest.approx(1.25, rel=1e-8)
