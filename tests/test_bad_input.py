"""What a mistaken or hostile file is told: one message each, with a place and a remedy."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.errors import PaymentError, PayshiftError, ScenarioError
from sim.scenario import load, read_tree, validate

HEAD = """schema: 1
kind: scenario
extends: china-county
title: {en: A trial, zh: 试验}
"""

# Each case: what is appended to a good file, the line and column of the mistake, and words that
# the message must hold: the field or the value, what is allowed, what to do.
CASES = {
    "unknown key": ("horizn: {reform: 12}\n", (5, 1), ["horizn", "Did you mean horizon?"]),
    "unknown nested key": (
        "audit: {detecton: 0.3}\n",
        (5, 9),
        ["audit.detecton", "detection", "Did you mean detection?"],
    ),
    "wrong unit": (
        "audit: {sample: {value: 0.02, unit: CNY}}\n",
        (5, 17),
        ["audit.sample", "a share is needed, not a money", "percent"],
    ),
    "unknown unit": (
        "audit: {sample: {value: 2, unit: percents}}\n",
        (5, 17),
        ["audit.sample", "percents", "Did you mean percent?"],
    ),
    "share above one": ("audit: {sample: 1.5}\n", (5, 17), ["audit.sample", "1.5", "0 to 1"]),
    "negative cost": (
        "audit: {cost_per_review: -5}\n",
        (5, 26),
        ["audit.cost_per_review", "-5", "0 to 1e+09"],
    ),
    "negative price": (
        "benefits:\n  resident-scheme:\n    deductible: {primary: -150}\n",
        (7, 27),
        ["benefits.resident-scheme.deductible.primary", "-150", "0 CNY or more"],
    ),
    "text for a number": ("seed: 'seven'\n", (5, 7), ["seed", "seven", "a whole number"]),
    "fraction of a person": ("population: 10.5\n", (5, 13), ["population", "10.5", "whole number"]),
    "nobody": ("population: 0\n", (5, 13), ["population", "1 to 20000000"]),
    "too many people": ("population: 99000000\n", (5, 13), ["population", "1 to 20000000"]),
    "too many months": (
        "horizon: {reform: 6000}\n",
        (5, 19),
        ["horizon.reform", "6000", "0 to 600"],
    ),
    "too many months together": (
        "horizon: {warm_up: 240, baseline: 240, reform: 240}\n",
        (5, 10),
        ["horizon", "720 months", "at most 600", "Shorten"],
    ),
    "reform within a year": (
        "horizon: {warm_up: 6}\n",
        (5, 10),
        ["horizon", "month 18", "12, 24, 36"],
    ),
    "not a number": ("audit: {sample: .nan}\n", (5, 17), ["audit.sample", ".nan", "finite"]),
    "infinity": ("audit: {fine: .inf}\n", (5, 15), [".inf", "finite"]),
    "number without end": (f"seed: {'9' * 5000}\n", (5, 7), ["finite number of ordinary size"]),
    "overflowing number": ("audit: {fine: 1e999}\n", (5, 15), ["1e999", "finite"]),
    "date": ("seed: 2026-01-01\n", (5, 7), ["timestamp", "quotes"]),
    "duplicate key": ("seed: 1\nseed: 2\n", (6, 1), ["seed", "twice", "line 5"]),
    "number as key": ("parameters: {1: 2}\n", (5, 14), ["key must be text", "quotes"]),
    "list as key": ("? [a, b]\n: 1\n", (5, 3), ["key must be text"]),
    "anchor": ("freeze: &a [coding]\n", (5, 9), ["anchors", "Write the value out"]),
    "alias": ("freeze: *a\n", (5, 9), ["aliases"]),
    "tag": ("seed: !!python/object:os.system 1\n", (5, 7), ["tags are not used", "Remove"]),
    "merge key": ("audit: {<<: {sample: 1}}\n", (5, 9), ["merge keys", "extends"]),
    "second document": ("---\nschema: 1\n", (5, 1), ["one document"]),
    "directive": ("...\n%YAML 1.1\n---\na: 1\n", (6, 1), ["directives"]),
    "unclosed bracket": ("freeze: [coding\n", (6, 1), ["not valid YAML"]),
    "tabs": ("horizon:\n\treform: 12\n", (6, 1), ["not valid YAML"]),
    "too deep": (f"benefits: {'[' * 100}\n", (5, 42), ["nested too deeply", "at most 32"]),
    "too many values": (f"freeze: [{'a, ' * 25000}]\n", (5, None), ["too many values", "CSV"]),
    "unknown channel": ("freeze: [codng]\n", (5, 10), ["codng", "Did you mean coding?"]),
    "unknown outcome": ("outcomes: [qualy]\n", (5, 12), ["qualy", "Did you mean qaly?"]),
    "unknown parameter": (
        "parameters: {altruism_scal: 1}\n",
        (5, 14),
        ["altruism_scal", "Did you mean altruism_scale?"],
    ),
    "parameter out of range": (
        "parameters: {altruism_scale: 50}\n",
        (5, 30),
        ["parameters.altruism_scale", "50", "0.5 to 2"],
    ),
    "unknown region": ("region: china-conty\n", (5, 9), ["china-conty", "mean china-county?"]),
    "region outside": ("region: ../../../etc\n", (5, 9), ["region", "../../../etc"]),
    "unknown parent": (
        "benefits: {extends: china-countey}\n",
        (5, 21),
        ["china-countey", "Did you mean china-county?"],
    ),
    "parent outside": ("benefits: {extends: ./../x}\n", (5, 21), ["leaves the folder"]),
    "parent by absolute path": ("benefits: {extends: /etc/passwd}\n", (5, 21), ["no such"]),
    "region that is a list": ("region: [china-county]\n", (5, 9), ["region", "text is needed"]),
    "wrong id": ("id: another\n", (5, 5), ["another", "Rename the file"]),
    "empty title": ("description: {en: '', zh: 空}\n", (5, 19), ["description.en", "too short"]),
    "missing language": ("description: {en: Yes}\n", (5, 14), ["description.zh", "Add zh"]),
}

PAYMENT = """payment:
  - payer: resident-scheme
    providers: {kind: secondary, inside: true}
    contract:
      blend:
        - scope: {setting: inpatient}
          contract:
            drg: {base_rate: neutral}
        - scope: rest
          contract:
            fee_for_service: {schedule: list}
"""
PAYMENT_CASES = {
    "unknown payer": ("resident-scheme", "resident-schem", 6, "Did you mean resident-scheme?"),
    "unknown kind": ("secondary", "secondery", 7, "Did you mean secondary?"),
    "no provider meant": ("kind: secondary", "type: county-hall", 7, "no provider"),
    "unknown selector": ("inside: true", "within: true", 7, "unknown key"),
    "unknown model": ("drg:", "dgr:", 12, "Did you mean 'drg'?"),
    "unknown term": ("base_rate:", "baserate:", 12, "Did you mean 'base_rate'?"),
    "negative rate": ("neutral}", "-3}", 12, "0 to"),
    "unknown setting": ("inpatient", "inpatiant", 10, "inpatient"),
    "two models at once": ("      blend:", "      drg: {}\n      blend:", 9, "at most 1"),
}


def errors_of(path: Path, text: str) -> list[PayshiftError]:
    path.write_text(text, encoding="utf-8")
    return validate(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told_once_with_its_place_and_what_is_allowed(
    name: str, tmp_path: Path
) -> None:
    text, (line, column), words = CASES[name]
    path = tmp_path / "trial.yaml"
    found = errors_of(path, HEAD + text)
    assert len(found) == 1, [str(e) for e in found]
    error = found[0]
    assert isinstance(error, ScenarioError)
    assert error.exit_code == 2
    place = f"{path}:{line}:" + (f"{column}" if column is not None else "")
    assert error.where.startswith(place), str(error)
    assert "\n" not in str(error)
    for word in words:
        assert word in str(error), str(error)


@pytest.mark.parametrize("name", PAYMENT_CASES)
def test_a_mistake_in_a_contract_names_its_line(name: str, tmp_path: Path) -> None:
    old, new, line, word = PAYMENT_CASES[name]
    path = tmp_path / "trial.yaml"
    assert old in PAYMENT
    found = errors_of(path, HEAD + PAYMENT.replace(old, new, 1))
    assert len(found) == 1, [str(e) for e in found]
    assert found[0].where.startswith(f"{path}:{line}:"), str(found[0])
    assert found[0].exit_code == 2
    assert word in str(found[0])


def test_the_contract_that_the_mistakes_start_from_is_good(tmp_path: Path) -> None:
    assert errors_of(tmp_path / "trial.yaml", HEAD + PAYMENT) == []


def test_all_mistakes_of_a_file_are_reported_together(tmp_path: Path) -> None:
    text = HEAD + "seed: x\npopulation: 0\nhorizn: {}\naudit: {sample: 3}\n"
    found = errors_of(tmp_path / "trial.yaml", text)
    assert sorted(e.where.split(":")[1] for e in found) == ["5", "6", "7", "8"]


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"absent\.yaml: the file cannot be read"):
        load(tmp_path / "absent.yaml")


def test_an_unknown_id_gets_the_nearest_one() -> None:
    with pytest.raises(ScenarioError, match="Did you mean china-county-drg"):
        load("china-county-dgr")


@pytest.mark.parametrize("name", ["\0", "", "..", "a" * 5000, "./" + "a" * 5000, "/", "~"])
def test_an_odd_name_is_refused_without_a_traceback(name: str) -> None:
    with pytest.raises(ScenarioError):
        load(name)


def test_a_circle_of_files_is_told_with_its_chain(tmp_path: Path) -> None:
    for name, parent in (("one", "two"), ("two", "three"), ("three", "one")):
        (tmp_path / f"{name}.yaml").write_text(
            f"schema: 1\nkind: scenario\nextends: ./{parent}\n", encoding="utf-8"
        )
    found = validate(tmp_path / "one.yaml")
    assert len(found) == 1
    assert "one -> two -> three -> one" in str(found[0])
    assert "three.yaml:3:10" in found[0].where


def test_a_file_that_extends_itself_is_a_circle(tmp_path: Path) -> None:
    found = errors_of(tmp_path / "self.yaml", "schema: 1\nkind: scenario\nextends: ./self.yaml\n")
    assert "circle" in str(found[0])


def test_extends_does_not_follow_a_link_out_of_the_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text(HEAD, encoding="utf-8")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "link.yaml").symlink_to(secret)
    found = errors_of(folder / "trial.yaml", "schema: 1\nkind: scenario\nextends: ./link\n")
    assert "leaves the folder" in str(found[0])


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"\xef\xbb\xbfschema: 1\n", "byte-order mark"),
        ("schema: 1\n".encode("utf-16"), "byte-order mark"),
        (b"schema: 1\ntitle: \xff\xfe\n", "not UTF-8"),
        (b"", "no mapping"),
        (b"- 1\n", "no mapping"),
        (b"schema: 1\n\x00", "not valid YAML"),
        (b"schema: 2\nkind: scenario\n", "schema: 1"),
        (b"schema: 1\nkind: scenarios\n", "Did you mean scenario?"),
        (b"a" * 1_000_001, "too large"),
    ],
)
def test_bytes_that_are_no_scenario_are_refused(raw: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "trial.yaml"
    path.write_bytes(raw)
    found = validate(path)
    assert len(found) == 1
    assert word in str(found[0])
    assert found[0].where.startswith(str(path))


def test_a_folder_is_not_a_scenario(tmp_path: Path) -> None:
    assert "not a file" in str(validate(tmp_path)[0])


def test_a_device_is_not_a_scenario() -> None:
    assert "not a file" in str(validate(Path(os.devnull))[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "[" * 900_000,
        "a: " * 300_000,
        "{a: " * 200_000,
        "- " * 400_000,
        "? " * 400_000,
        "a: b\n" * 180_000,
        "#" * 900_000,
        "a: '" + "x" * 900_000,
    ],
)
def test_a_hostile_file_is_refused_within_seconds(text: str, tmp_path: Path) -> None:
    path = tmp_path / "trial.yaml"
    started = time.process_time()
    assert errors_of(path, text)
    assert time.process_time() - started < 20


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_bytes_bring_anything_but_a_scenario_error(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "trial.yaml"
    path.write_bytes(raw)
    # Any other exception fails the test.
    with contextlib.suppress(ScenarioError):
        read_tree(path)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.text("{}[]:,-?&*!|>'\"%@`# \nabc019.~<", max_size=60))
def test_no_text_set_on_the_command_line_brings_anything_but_a_payshift_error(text: str) -> None:
    scenario = load("china-county")
    for path in ("population", "audit.sample", "payment.0.contract", "benefits", text):
        with contextlib.suppress(ScenarioError, PaymentError):
            scenario.set(path, text)
