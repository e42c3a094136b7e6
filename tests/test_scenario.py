"""Scenarios: what is in force when, where each value came from, and how one is varied."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from sim.benefits import COUNTY_2022, Benefits
from sim.errors import PaymentError, PayshiftError, RunError, ScenarioError, StoreError
from sim.oversight import AuditPolicy
from sim.parameters import Parameter, read_parameters
from sim.payment import PaymentContext
from sim.scenario import (
    CHANNELS,
    Scenario,
    Selector,
    _library,
    catalogue,
    json_schema,
    library_ids,
    library_root,
    load,
    read_tree,
    validate,
)
from sim.units import (
    convert,
    discount_factor,
    monthly_from_yearly_growth,
    monthly_probability,
    present_value,
    to_major,
    to_minor,
)

COUNTY = load("china-county")


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text("schema: 1\nkind: scenario\n" + text, encoding="utf-8")
    return path


# --- the library


@pytest.mark.slow
@pytest.mark.parametrize("name", library_ids())
def test_every_scenario_of_the_library_is_good(name: str) -> None:
    scenario = load(name)
    assert scenario.id == name
    assert scenario.title["en"]
    assert any("一" <= letter <= "鿿" for letter in scenario.title["zh"])
    assert scenario.description["en"]
    assert scenario.description["zh"]


@pytest.mark.slow
@pytest.mark.parametrize("name", library_ids())
def test_every_pair_of_payer_and_provider_has_exactly_one_contract(name: str) -> None:
    scenario = load(name)
    region = scenario.region()
    for policy in (scenario.before, scenario.after):
        count = np.zeros((len(region.payers), len(region.providers.ids)))
        for group in policy.groups(region):
            for provider in group.providers:
                count[group.payer, provider] += 1
        assert (count == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", library_ids())
def test_a_scenario_survives_the_round_trip_through_its_resolved_form(name: str) -> None:
    scenario = load(name)
    through_json = json.loads(json.dumps(scenario.resolved()))
    again = Scenario.from_resolved(through_json)
    assert again.resolved() == scenario.resolved()
    assert again.sha256() == scenario.sha256()
    assert again.before == scenario.before
    assert again.after == scenario.after
    assert again.status_quo().sha256() == scenario.status_quo().sha256()


def test_a_scenario_crosses_to_a_worker_process() -> None:
    scenario = load("china-county-drg")
    assert pickle.loads(pickle.dumps(scenario)).sha256() == scenario.sha256()


@pytest.mark.slow
def test_text_folded_over_lines_is_read_without_a_trace_of_the_fold(tmp_path: Path) -> None:
    path = written(
        tmp_path, "folded", "extends: tiny\ntitle:\n  en: >-\n    two\n    lines\n  zh: 两\n"
    )
    assert load(path).title["en"] == "two lines"
    assert "\\u0007" not in json.dumps(catalogue(), default=str)


def test_the_status_quo_changes_nothing() -> None:
    assert COUNTY.is_status_quo
    assert COUNTY.before == COUNTY.after


REFORMS = [path.stem for path in sorted((library_root() / "payment").glob("china-county-*.yaml"))]


@pytest.mark.parametrize("name", REFORMS)
def test_a_reform_changes_something_and_its_do_nothing_arm_is_the_status_quo(name: str) -> None:
    reform = load(name)
    standing = load(reform.region_id)
    assert not reform.is_status_quo
    assert reform.before == standing.after
    assert reform.status_quo().is_status_quo
    assert reform.status_quo().sha256() == standing.sha256()


def test_payers_and_providers_a_reform_does_not_mention_keep_their_contract() -> None:
    reform = load("china-county-capitation")
    region = reform.region()
    kinds = np.asarray(region.providers.kind)
    inside = ~np.asarray(region.providers.outside)

    def contracts(policy: object) -> dict[tuple[int, int], str]:
        groups = policy.groups(region)
        return {
            (g.payer, p): json.dumps(g.assignment.contract) for g in groups for p in g.providers
        }

    before, after = contracts(reform.before), contracts(reform.after)
    self_pay = region.payers.index("self-pay")
    for pair, contract in after.items():
        payer, provider = pair
        is_practice = kinds[provider] == 0 and inside[provider]
        changed = contract != before[pair]
        assert changed == (is_practice and payer != self_pay)


def test_the_county_package_is_that_of_the_data_pack() -> None:
    region = COUNTY.region()
    ours = Benefits.from_spec(COUNTY.after.benefits, region.payers)
    pack = Benefits.from_spec(COUNTY_2022, region.payers)
    for name in vars(pack):
        np.testing.assert_array_equal(getattr(ours, name), getattr(pack, name), err_msg=name)


@pytest.mark.slow
def test_every_source_a_library_file_cites_is_in_the_list_of_sources() -> None:
    listed = read_tree(library_root() / "sources.yaml").value
    assert isinstance(listed, dict)
    for name in library_ids():
        for path, value, place in load(name).provenance():
            if path.endswith(".source"):
                assert value in listed, place


def test_every_number_of_the_county_package_has_a_unit_a_range_and_a_source() -> None:
    found = COUNTY.resolved()["benefits"]["resident-scheme"]
    numbers = [found["annual_cap"], *found["rate"].values(), *found["deductible"].values()]
    for number in numbers:
        assert {"value", "unit", "low", "high", "source", "evidence"} <= set(number)
        assert number["low"] <= number["value"] <= number["high"]


def test_audits_are_those_of_the_data_pack() -> None:
    policy = AuditPolicy.from_spec(COUNTY.after.audit)
    found = (policy.screening, policy.sample, policy.detection, policy.fine)
    assert found == (1.0, 0.02, 0.35, 1.5)


def test_the_library_lies_beside_or_inside_the_package() -> None:
    assert (library_root() / "regions" / "china-county.yaml").is_file()


def test_an_installed_package_brings_its_own_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_library, "__file__", str(tmp_path / "sim" / "scenario" / "_library.py"))
    with pytest.raises(ScenarioError, match="missing from this installation"):
        library_root()
    inside = tmp_path / "sim" / "_scenarios"
    inside.mkdir(parents=True)
    assert library_root() == inside


def test_every_file_of_the_library_is_good() -> None:
    for path in sorted(library_root().rglob("*.yaml")):
        if path.name != "sources.yaml":
            assert validate(path) == [], path


# --- extends, merging, provenance


def test_mappings_merge_and_lists_replace(tmp_path: Path) -> None:
    written(
        tmp_path,
        "parent",
        "extends: china-county\nseed: 5\nfreeze: [coding, stay]\nhorizon: {reform: 24}\n"
        "title: {en: Parent, zh: 父}\n",
    )
    child = load(written(tmp_path, "child", "extends: ./parent\nfreeze: [joining]\n"))
    assert child.seed == 5
    assert child.freeze == ("joining",)
    assert (child.horizon.warm_up, child.horizon.baseline, child.horizon.reform) == (12, 12, 24)
    assert child.title["en"] == "Parent"


def test_a_description_is_not_inherited(tmp_path: Path) -> None:
    child = load(written(tmp_path, "child", "extends: china-county-drg\n"))
    assert child.description == {"en": "", "zh": ""}


def test_a_new_number_does_not_inherit_the_source_of_the_old_one(tmp_path: Path) -> None:
    text = "extends: china-county\naudit: {sample: {value: 4, unit: percent}}\n"
    child = load(written(tmp_path, "child", text))
    assert child.resolved()["audit"]["sample"] == {"value": 4, "unit": "percent"}
    assert child.after.audit["sample"] == pytest.approx(0.04)
    assert child.before.audit["sample"] == 0.02


def test_a_file_that_extends_nothing_starts_from_its_region(tmp_path: Path) -> None:
    text = "region: china-county\ntitle: {en: Mine, zh: 我的}\npopulation: 300\n"
    mine = load(written(tmp_path, "mine", text))
    assert mine.population == 300
    assert mine.is_status_quo


def test_a_users_file_may_bear_the_name_of_a_region(tmp_path: Path) -> None:
    mine = load(written(tmp_path, "china-county", "extends: china-county\naudit: {fine: 3.0}\n"))
    assert not mine.is_status_quo
    assert mine.before.audit["fine"] == 1.5


def test_benefits_may_come_from_another_scenario(tmp_path: Path) -> None:
    text = (
        "extends: china-county-drg\nbenefits:\n  extends: china-county\n"
        "  deductible: {tertiary: {value: 1500, unit: CNY}}\n"
    )
    child = load(written(tmp_path, "child", text))
    benefits = Benefits.from_spec(child.after.benefits, child.region().payers)
    assert benefits.deductible[0].tolist() == [150.0, 400.0, 1500.0]


def test_every_value_remembers_the_line_it_came_from(tmp_path: Path) -> None:
    path = written(tmp_path, "child", "extends: china-county\nseed: 7\n")
    found = {field: (value, place) for field, value, place in load(path).provenance()}
    assert found["seed"] == (7, f"{path}:4:7")
    value, place = found["audit.detection.value"]
    assert value == 0.35
    file, line, _ = place.rsplit(":", 2)
    assert file == "scenarios/regions/china-county.yaml"
    text = (library_root() / "regions/china-county.yaml").read_text("utf-8").splitlines()
    assert "0.35" in text[int(line) - 1]


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, "mine", "extends: china-county\nseed: 1\n")
    assert load(path).seed == 1
    written(tmp_path, "mine", "extends: china-county\nseed: 22\n")
    assert load(path).seed == 22


def test_numbers_follow_yaml_1_2(tmp_path: Path) -> None:
    path = tmp_path / "numbers.yaml"
    path.write_text("a: 20_000\nb: 1e3\nc: 0x10\nd: -0.5\ne: yes\nf: 0o17\ng: 017\nh: ~\n")
    values = {k: n.value for k, n in read_tree(path).value.items()}
    assert values == {
        "a": 20000, "b": 1000.0, "c": 16, "d": -0.5, "e": "yes", "f": 15, "g": 17, "h": None,
    }  # fmt: skip
    assert isinstance(values["b"], float)


# --- variations


def test_variations_leave_the_original_alone() -> None:
    before = copy.deepcopy(COUNTY.resolved())
    varied = (
        COUNTY.with_population(1000)
        .with_seed(7)
        .with_horizon(reform=24)
        .with_freeze(["coding"])
        .with_parameters(altruism_scale=1.5)
        .with_payment("drg")
    )
    assert COUNTY.resolved() == before
    assert varied.id == "china-county-drg"
    assert varied.title == load("china-county-drg").title
    assert (varied.population, varied.seed, varied.horizon.reform) == (1000, 7, 24)
    assert varied.freeze == ("coding",)
    assert varied.parameters == {"altruism_scale": 1.5}
    assert varied.after.payment == load("china-county-drg").after.payment


def test_paying_like_a_library_scenario_is_that_scenario() -> None:
    assert COUNTY.with_payment("drg").sha256() == load("china-county-drg").sha256()
    assert COUNTY.with_payment("global_budget").id == "china-county-global-budget"


def test_a_small_region_takes_its_own_variant_of_a_payment_or_the_countys() -> None:
    assert load("tiny").with_payment("drg").sha256() == load("tiny-drg").sha256()
    only_there = load("tiny").with_payment("capitation-primary-only")
    assert only_there.region_id == "tiny"
    with pytest.raises(ScenarioError, match="Did you mean capitation"):
        COUNTY.with_payment("capitatoin")


def test_one_contract_stands_for_all_schemes_and_all_providers_inside() -> None:
    reform = COUNTY.with_payment({"capitation": {"rate": "neutral"}})
    region = reform.region()
    paid = {
        (region.payers[g.payer], p)
        for g in reform.after.groups(region)
        for p in g.providers
        if "capitation" in g.assignment.contract
    }
    inside = [i for i, out in enumerate(region.providers.outside) if not out]
    schemes = ("resident-scheme", "employee-scheme")
    assert paid == {(payer, i) for payer in schemes for i in inside}


def test_a_setting_keeps_the_unit_of_what_it_replaces() -> None:
    varied = COUNTY.set("benefits.resident-scheme.deductible.secondary", "800")
    assert varied.resolved()["benefits"]["resident-scheme"]["deductible"]["secondary"] == {
        "value": 800,
        "unit": "CNY",
    }
    assert varied.before == COUNTY.before
    assert not varied.is_status_quo


def test_settings_are_checked_together() -> None:
    varied = COUNTY.set_all([("horizon.warm_up", "6"), ("horizon.baseline", "6")])
    assert varied.horizon.start == 12
    with pytest.raises(ScenarioError, match="month 18"):
        COUNTY.set("horizon.warm_up", 6)


def test_a_policy_is_checked_anew_when_it_is_set_and_not_when_a_parameter_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks: list[object] = []

    def noted(*what: object) -> tuple[()]:
        checks.append(what)
        return ()

    monkeypatch.setattr("sim.scenario._scenario.policy_problems", noted)
    varied = COUNTY.set_all([("parameters.spillover", 0.4), ("audit.sample", 0.1)])
    assert varied.after.audit["sample"] == 0.1 and not checks
    with pytest.raises(ScenarioError):
        COUNTY.set("audit.sample", 1.5)
    COUNTY.set("payment.1.contract.global_budget.rebasing.growth", "0.03")
    assert len(checks) == 1


def test_a_setting_reaches_into_a_contract() -> None:
    varied = COUNTY.set("payment.1.contract.global_budget.rebasing.growth", "0.03")
    contract = varied.after.payment[-1].contract
    assert contract["global_budget"]["rebasing"]["growth"] == {"value": 0.03, "unit": "1/year"}


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("horizon.reforn", "12", "Did you mean reform?"),
        ("horizonn.reform", "12", "Did you mean horizon?"),
        ("population", "many", "whole number"),
        ("population", "-1", "1 to 20000000"),
        ("population", float("nan"), "finite"),
        ("population", "true", "whole number"),
        ("payment.9.contract", "{}", "0 to 1"),
        ("payment.x", "{}", "0 to 1"),
        ("seed.deeper", "1", "below a single value"),
        ("region", "china-county", "cannot be set"),
        ("", "1", "not a path"),
        ("horizon..reform", "1", "not a path"),
        ("audit.sample", "[1", "not valid YAML"),
        ("audit.sample", "&a 1", "anchors"),
        ("parameters.altruism_scal", "1", "Did you mean altruism_scale?"),
        ("benefits.resident-scheme.deductable", "{}", "Did you mean `deductible`?"),
        ("payment.1.contract.global_budget.overun", "[]", "Did you mean 'overrun'?"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_a_hint(
    path: str, value: object, word: str
) -> None:
    with pytest.raises(PayshiftError) as caught:
        COUNTY.set(path, value)
    assert word in str(caught.value)
    assert f"--set {path}" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_parameter_converts_to_its_own_unit() -> None:
    table = COUNTY.region().parameters
    share = next(p for p in table.values() if p.unit == "share" and p.low < p.default < p.high)
    varied = COUNTY.with_parameters({share.id: {"value": 100 * share.default, "unit": "percent"}})
    assert varied.parameters[share.id] == pytest.approx(share.default)


def test_the_hash_sees_every_part_and_nothing_else() -> None:
    hashes = {
        COUNTY.sha256(),
        COUNTY.with_seed(1).sha256(),
        COUNTY.with_population(19_999).sha256(),
        COUNTY.with_horizon(reform=35).sha256(),
        COUNTY.with_freeze(["stay"]).sha256(),
        COUNTY.set("audit.fine", 2).sha256(),
        load("china-county-drg").sha256(),
    }
    assert len(hashes) == 7
    assert load("china-county").sha256() == COUNTY.sha256()
    assert "china-county/providers.csv" in COUNTY.table_hashes()


def test_a_contract_that_cannot_be_built_names_its_line() -> None:
    assignment = load("china-county-drg").after.payment[-1]
    context = PaymentContext(
        provider_ids=["a"],
        kinds=np.array([1]),
        groups=["g"],
        unit_price=np.ones((1, 3, 4)),
        visit_fee=np.ones((1, 3)),
        day_price=np.ones((1, 1)),
        weights=np.ones((1, 3)),
        grade_coefficient=np.ones(1),
    )
    assert assignment.build(context).reads >= {"admissions", "visits"}
    assert assignment.where.startswith("scenarios/payment/china-county-drg.yaml:")
    reform = COUNTY.with_payment({"drg": {"base_rate": 3000.0}})
    with pytest.raises(PaymentError, match=r"with_payment.*base_rat.*base_rate"):
        COUNTY.with_payment({"drg": {"base_rat": 3000.0}})
    assert reform.after.payment[-1].build(context).reads == {"admissions"}


# --- selectors, schema, catalog


def test_conditions_of_a_selector_hold_together() -> None:
    selector = Selector.model_validate({"kind": "secondary", "inside": True})
    assert selector.matches("x", "secondary", "county", inside=True)
    assert not selector.matches("x", "secondary", "county", inside=False)
    assert not selector.matches("x", "practice", "county", inside=True)
    assert Selector.model_validate("all").matches("x", "tertiary", "outside", inside=False)


def test_the_schema_names_every_field_and_every_model() -> None:
    schema = json_schema()
    assert {"schema", "kind", "extends", "payment", "benefits"} <= set(schema["properties"])
    contract = schema["$defs"]["AssignmentForm"]["properties"]["contract"]
    assert {"drg", "capitation"} <= set(contract["properties"])
    assert all(entry.get("description") for entry in schema["properties"].values())
    # A file that extends another may state parts of a part.
    assert "required" not in schema["$defs"]["Horizon"]
    json.dumps(schema)


@pytest.mark.slow
def test_the_catalog_has_both_languages_everywhere() -> None:
    rows = catalogue()
    assert {row["id"] for row in rows["scenarios"]} == set(library_ids())
    assert {"china-county"} <= {row["id"] for row in rows["regions"]}
    for kind, entries in rows.items():
        assert entries, kind
        assert len({row["id"] for row in entries}) == len(entries)
        for row in entries:
            assert row["title_en"], row
            assert row["title_zh"], row
    json.dumps(rows, allow_nan=False)


def test_channels_are_those_the_engine_can_hold_named_in_both_languages() -> None:
    organization = importlib.import_module("sim.engine.organization")
    assert tuple(CHANNELS) == organization.CHANNELS
    for english, chinese in CHANNELS.values():
        assert english.isascii()
        assert not chinese.isascii()


# --- errors, units, parameters


def test_exit_codes_tell_input_run_and_store_apart() -> None:
    kinds = (ScenarioError, PaymentError, RunError, StoreError)
    assert [kind.exit_code for kind in kinds] == [2, 2, 1, 4]


def test_an_error_keeps_its_fields_across_processes() -> None:
    also = ScenarioError("second", where="b:2")
    error = ScenarioError("first", where="a:1", value=3, allowed="1", remedy="Mend.", also=(also,))
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == "a:1: first, found 3; allowed: 1. Mend."
    assert [str(e) for e in again.all] == [str(e) for e in error.all]


def test_an_error_stays_on_one_line() -> None:
    error = ScenarioError("bad\nnews", where="a:1", value="x\ny" * 500)
    assert "\n" not in str(error)
    assert len(str(error)) < 200


def test_fen_are_rounded_half_to_even_and_come_back() -> None:
    assert [to_minor(x) for x in (0.125, 0.375, -0.125, 2.0)] == [12, 38, -12, 200]
    fen = to_minor(np.array([[0.125, 1.0]]))
    assert fen.dtype == np.int64
    assert fen.tolist() == [[12, 100]]
    assert to_major(1234) == 12.34
    assert to_major(np.array([50])).tolist() == [0.5]


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), 1e20])
def test_money_that_cannot_be_booked_is_refused(amount: float) -> None:
    with pytest.raises(ScenarioError, match="money"):
        to_minor(amount)


def test_months_compound_to_years() -> None:
    assert (1 + monthly_from_yearly_growth(-0.1)) ** 12 == pytest.approx(0.9)
    assert 1 - (1 - monthly_probability(0.3)) ** 12 == pytest.approx(0.3)
    assert monthly_probability(1.0) == 1.0
    assert discount_factor(0.05, 24) == pytest.approx(1 / 1.05**2)
    assert present_value([1.0] * 13, 0.0) == 13.0
    assert present_value([0.0] * 12 + [1.05], 0.05) == pytest.approx(1.0)


def test_units_convert_only_among_their_kin() -> None:
    assert convert(0.01, "1/month", "1/year") == pytest.approx(0.12)
    assert convert(2.0, "years", "months") == 24.0
    with pytest.raises(ScenarioError, match="a share is needed, not a money"):
        convert(1.0, "CNY", "share")
    with pytest.raises(ScenarioError, match="unknown unit"):
        convert(1.0, "furlong", "share")


TABLE = (
    "id,value,unit,low,high,source,evidence,role,label_en,label_zh\n"
    "# a remark\n"
    "eta,0.1,ratio,0,2,assumed,assumed,uncertainty,Income effect,收入效应\n"
)


def test_a_table_of_parameters_is_read_with_ranges(tmp_path: Path) -> None:
    path = tmp_path / "parameters.csv"
    path.write_text(TABLE, encoding="utf-8")
    table = read_parameters(path)
    assert table["eta"] == Parameter(
        "eta", "ratio", 0.0, 2.0, 0.1, "uniform", "assumed", "assumed", "Income effect",
        "收入效应", "uncertainty",
    )  # fmt: skip
    assert table["eta"].check(2, "here") == 2.0
    with pytest.raises(ScenarioError, match="0 to 2 ratio"):
        table["eta"].check(3, "here")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("eta,0.1", "eta,3", "outside its own range"),
        ("eta,0.1", "eta,nan", "not a finite number"),
        ("uncertainty", "lever2", "unknown role"),
        (",assumed,uncertainty", ",guessed,uncertainty", "grade of evidence"),
        ("Income effect", "Income, effect", "number of cells"),
        ("收入效应\n", "收入效应\n" + TABLE.splitlines()[2] + "\n", "listed twice"),
    ],
)
def test_a_bad_row_of_parameters_names_file_and_line(
    old: str, new: str, word: str, tmp_path: Path
) -> None:
    path = tmp_path / "parameters.csv"
    path.write_text(TABLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ScenarioError, match=word) as caught:
        read_parameters(path)
    assert caught.value.where.startswith((f"{path}:3", f"{path}:4"))


def test_a_missing_column_of_parameters_is_named(tmp_path: Path) -> None:
    path = tmp_path / "parameters.csv"
    path.write_text(TABLE.replace("label_zh", "label"), encoding="utf-8")
    with pytest.raises(ScenarioError, match="missing columns: label_zh"):
        read_parameters(path)


def test_money_of_another_currency_is_refused_with_its_place(tmp_path: Path) -> None:
    text = "extends: us-metro\naudit: {cost_per_review: {value: 100, unit: CNY}}\n"
    with pytest.raises(ScenarioError) as caught:
        load(written(tmp_path, "mine", text))
    assert "another currency" in caught.value.message
    assert "USD" in caught.value.message
    assert "mine.yaml" in caught.value.message
    text = "extends: us-metro\naudit: {cost_per_review: {value: 0.1, unit: 1000 USD}}\n"
    assert load(written(tmp_path, "mine", text)).after.audit["cost_per_review"] == 100.0
