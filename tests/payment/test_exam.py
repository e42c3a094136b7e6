"""Every payment model, bare and nested, sits the common exam; and the exam fails bad models."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.activity import Activity, Array
from sim.errors import PaymentError
from sim.payment import build, catalogue, registry, resolve_neutral, rules_of
from sim.testing import examine, sample_context, sample_year
from tests.payment.cases import CASES, FFS, POOLED


@pytest.mark.parametrize("case", CASES)
def test_payment_model_passes_the_common_exam(case: str) -> None:
    examine(lambda context: build(CASES[case], context))


@pytest.mark.slow
@pytest.mark.parametrize("case", POOLED)
def test_model_that_shares_money_passes_the_common_exam_one_provider_at_a_time(case: str) -> None:
    examine(lambda context: build(POOLED[case], context), is_pooled=True)


@pytest.mark.parametrize(
    "spec",
    [
        {"drg": {"base_rate": 9000}},
        {"capitation": {"rate": {"value": 50, "unit": "CNY/person-month"}}},
        {"global_budget": {"budget": 2e6, "of": {"drg": {"base_rate": 9000}}}},
        {
            "value_based": {
                "benchmarks": {"chronic_control": 0.6, "cost": 0.8, "experience": 0.7},
                "reference": 0.1,
                "of": FFS,
            }
        },
    ],
)
def test_payment_model_with_numbers_in_its_file_passes_the_common_exam(spec: Any) -> None:
    examine(lambda context: build(spec, context), has_fixed_sums=True)


@pytest.mark.parametrize("case", CASES)
def test_who_says_that_twice_the_care_is_twice_the_money_keeps_it_to_the_last_bit(
    case: str,
) -> None:
    context, year = sample_context(), sample_year()
    before = build("fee_for_service", context)
    signed = resolve_neutral(build(CASES[case], context), year, before.revenue(year), before)
    year = sample_year(rules=rules_of(signed))
    said = [node for node in _nodes(signed) if getattr(node, "is_proportional", False)]
    for node in said:
        twice = node.revenue(year.stretched(1.0))
        np.testing.assert_array_equal(twice, 2.0 * node.revenue(year))
    if case == "drg":
        assert said


def _nodes(contract: Any) -> Iterator[Any]:
    yield contract
    for child in contract.children:
        yield from _nodes(child)


def test_every_model_in_the_folder_is_examined() -> None:
    assert set(registry()) <= {case.split(",")[0].split(" ")[0] for case in {**CASES, **POOLED}}


def test_every_model_and_term_is_labeled_in_both_languages() -> None:
    for row in catalogue():
        for key in ("title_en", "title_zh", "line_en", "line_zh"):
            assert row[key] not in ("", row["id"]), (row["id"], key)
        for term in row["terms"]:
            assert all(term[key] for key in ("label_en", "label_zh", "unit")), (row["id"], term)


def test_every_model_is_listed_with_its_formula_and_its_sources() -> None:
    for row in catalogue():
        assert "revenue" in row["formula"], row["id"]
        assert "References" not in row["formula"], row["id"]
        assert re.search(r"\d{4}", row["sources"]), row["id"]


def test_the_description_of_the_science_says_what_each_model_pays_for() -> None:
    text = (Path(__file__).parents[2] / "docs" / "model.md").read_text("utf-8")
    section = text.split("## 6. Payment")[1].split("## 7.")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.M)) == set(registry())


def test_the_catalogue_of_models_is_plain_json() -> None:
    json.dumps(catalogue(), allow_nan=False)


class Faulty:
    """Pays visits in some wrong way."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.calls = 0

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"visits"})

    def revenue(self, activity: Activity) -> Array:
        self.calls += 1
        paid = 50.0 * activity.visits.sum(axis=1)
        if self.fault == "changes its argument":
            activity.visits[0] += 1.0
        if self.fault == "differs when asked twice":
            paid = paid + self.calls
        if self.fault == "negative":
            paid = paid - 1e5
        if self.fault == "without saying so":
            paid = paid + activity.sessions
        if self.fault == "not finite":
            with np.errstate(divide="ignore", invalid="ignore"):
                paid = paid * (paid / paid)
        if self.fault == "another's revenue":
            paid = np.full_like(paid, paid.mean())
        if self.fault == "twice the region":
            paid = np.sqrt(paid)
        return paid

    def gradient(self, activity: Activity) -> Activity:
        price = 40.0 if self.fault == "is not its difference" else 50.0
        return activity.filled({"visits": np.full((activity.n_providers, 3), price)})


@pytest.mark.parametrize(
    "fault",
    [
        "differs when asked twice",
        "negative",
        "without saying so",
        "not finite",
        "another's revenue",
        "twice the region",
        "is not its difference",
    ],
)
def test_the_exam_fails_a_faulty_model_and_says_why(fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        examine(lambda context: Faulty(fault), has_fixed_prices=True)


def test_the_exam_fails_a_model_that_changes_its_argument() -> None:
    with pytest.raises(AssertionError, match=r"changes activity\.visits"):
        examine(lambda context: Faulty("changes its argument"))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("fee_for_servce", "Did you mean 'fee_for_service'"),
        ({"drg": {"base_rat": 1}}, "Did you mean 'base_rate'"),
        ({"drg": {"base_rate": -1}}, "out of range"),
        ({"drg": {"base_rate": True}}, "not a number"),
        ({"drg": {"weights": "nowhere.csv"}}, "no such table"),
        ({"capitation": {"risk": "age"}}, "Did you mean 'age-sex'"),
        ({"capitation": {"rate": {"neutral": {"on": "fund"}}}}, "allowed: receipts"),
        ({"global_budget": {}}, "contract.global_budget.of"),
        ({"global_budget": {"of": "drg", "overrun": [{"to": 0.1}]}}, "needs its share"),
        (
            {
                "global_budget": {
                    "of": "drg",
                    "overrun": [{"to": 0.2, "borne": 1}, {"to": 0.1, "borne": 1}],
                }
            },
            "bands go outward",
        ),
        ({"blend": []}, "list of contracts"),
        ({"blend": [{"weight": 0.5, "contract": "drg"}]}, "weights sum to 1"),
        (
            {"blend": [{"weight": 0.5, "contract": "drg"}, {"scope": "rest", "contract": "drg"}]},
            "not both",
        ),
        (
            {"blend": [{"scope": "rest", "contract": "drg"}, {"scope": "rest", "contract": "drg"}]},
            "only one part",
        ),
        ({"blend": [{"scope": {"setting": "inpatent"}, "contract": "drg"}]}, "'inpatient'"),
        ({"value_based": {"of": "drg", "domains": {"cost": 0}}}, "no domain has weight"),
        ({"drg": 3}, "terms are a mapping"),
        ({"drg": {}, "capitation": {}}, "one payment model"),
    ],
)
def test_a_contract_nobody_could_sign_is_refused_with_place_and_remedy(
    spec: Any, words: str
) -> None:
    with pytest.raises(PaymentError) as caught:
        build(spec, sample_context())
    assert words in str(caught.value)
    assert "contract" in str(caught.value)


def test_an_unresolved_neutral_term_says_so_instead_of_paying() -> None:
    year = Activity.zeros(5, 4)
    for spec in (
        "drg",
        "capitation",
        {"fee_for_service": {"multiplier": "neutral"}},
        {"global_budget": {"of": "fee_for_service"}},
        {"value_based": {"of": "fee_for_service"}},
    ):
        with pytest.raises(PaymentError, match=r"resolved|neutral|open"):
            build(spec, sample_context()).revenue(year)
