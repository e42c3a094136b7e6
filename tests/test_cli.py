"""The command: data on standard output, one message per mistake, the promised exit codes."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import sim
from sim import cli, runner
from sim.record import Record
from tests.histories import make_believe

ROOT = Path(__file__).resolve().parent.parent
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def payshift(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command in this process; gives exit code, standard output, standard error."""

    def call(*words: str) -> tuple[int, str, str]:
        code = cli.main([str(word) for word in words])
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


@pytest.fixture
def believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make-believe runs in place of real ones."""
    real_run, real_compare = runner.run, runner.compare
    monkeypatch.setattr(runner, "run", lambda *a, **k: real_run(*a, **k, simulate=make_believe()))
    monkeypatch.setattr(
        runner, "compare", lambda *a, **k: real_compare(*a, **k, simulate=make_believe(0.1))
    )


def _subprocess(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sim", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
        **options,
    )


@pytest.mark.slow
def test_a_run_starts_without_what_it_does_not_need() -> None:
    code = (
        "import sys, sim.cli as c; c.main(['run', 'tiny']); "
        "print('loaded:', *[m for m in ('pandas', 'scipy.linalg', 'mesa', 'plotly', 'SALib') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.slow
def test_help_appears_at_once_and_names_every_command() -> None:
    code = (
        "import sys, sim.cli as c; c.main(['--help']); "
        "print(*[m for m in ('numpy', 'pandas', 'numba', 'mesa', 'plotly', 'pydantic') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    for name in (
        "list",
        "validate",
        "show",
        "run",
        "compare",
        "incentives",
        "export",
        "hash",
        "schema",
        "doctor",
    ):
        assert f" {name} " in done.stdout
    assert done.stdout.splitlines()[-1] == ""


def test_the_version_is_the_packages(payshift: Command) -> None:
    assert payshift("--version") == (0, f"payshift {sim.__version__}\n", "")


@pytest.mark.slow
@pytest.mark.parametrize("noun", ["scenarios", "models", "outcomes", "parameters", "regions"])
def test_lists_are_arrays_of_objects_with_ids(payshift: Command, noun: str) -> None:
    code, out, err = payshift("list", noun, "--json")
    rows = json.loads(out)
    assert (code, err) == (0, "")
    assert len(rows) > 2
    assert all(row["id"] for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)
    code, english, _ = payshift("list", noun)
    assert code == 0
    assert all(row["id"] in english for row in rows)
    code, chinese, _ = payshift("list", noun, "--lang", "zh")
    assert code == 0
    assert english != chinese


def test_outcomes_are_listed_with_unit_and_direction(payshift: Command) -> None:
    rows = {row["id"]: row for row in json.loads(payshift("list", "outcomes", "--json")[1])}
    assert rows["qaly"]["unit"] == "QALY/person-year"
    assert rows["qaly"]["better"] == "higher"
    assert rows["wait"]["label_zh"]


def test_lists_have_their_headings_in_the_readers_language(payshift: Command) -> None:
    english, chinese = (
        payshift("list", "outcomes", "qaly", "--lang", lang)[1] for lang in ("en", "zh")
    )
    assert all(word in english for word in ("id", "area", "unit", "better", "quality", "higher"))
    assert all(word in chinese for word in ("标识", "方面", "单位", "优劣方向", "质量", "越高越好"))
    assert not any(word in chinese for word in ("area", "better", "higher", "person-year"))


def test_a_good_file_validates_and_a_bad_one_is_told_with_line_and_suggestion(
    payshift: Command, tmp_path: Path
) -> None:
    assert payshift("validate", "tiny")[:2] == (0, "tiny: ok\n")
    bad = tmp_path / "bad.yaml"
    bad.write_text("schema: 1\nkind: scenario\nextends: tiny\nhorizn: {reform: 12}\n")
    code, out, err = payshift("validate", bad)
    assert code == 2
    assert out == ""
    assert f"{bad}:4:" in err
    assert "horizon" in err
    code, out, _ = payshift("validate", bad, "tiny", "--json")
    found = json.loads(out)
    assert code == 2
    assert [row["ok"] for row in found] == [False, True]
    assert found[0]["errors"][0]["where"].startswith(f"{bad}:4:")


def test_show_tells_every_value_and_where_it_came_from(payshift: Command) -> None:
    code, out, _ = payshift("show", "china-county-drg", "--resolved")
    assert code == 0
    assert "region:" in out
    assert "# scenarios/" in out
    shown = json.loads(payshift("show", "china-county-drg", "--json")[1])
    assert shown["sha256"] == sim.load("china-county-drg").sha256()
    code, out, _ = payshift("show", "tiny", "--set", "horizon.reform=24")
    assert "24 reform" in out


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("run",),
        ("run", "no-such-scenario"),
        ("run", "tiny", "--engine", "abacus"),
        ("run", "tiny", "--replicates", "0"),
        ("run", "tiny", "--set", "no-equals-sign"),
        ("run", "tiny", "--set", "horizn.reform=3"),
        ("run", "tiny", "--freeze", "codng"),
        ("run", "tiny", "--population", "-5"),
        ("run", "tiny", "--keep", "secrets"),
        ("run", "./nowhere.yaml"),
        ("run", "tiny", "--unheard-of"),
        ("compare", "tiny"),
        ("list", "cats"),
        ("export", "no-such-record"),
        ("hash", "no-such-record"),
        ("show", ""),
    ],
)
@pytest.mark.usefixtures("believed")
def test_a_users_mistake_is_one_message_and_exit_code_2(
    payshift: Command, words: tuple[str, ...]
) -> None:
    code, out, err = payshift(*words)
    assert code == 2
    assert out == ""
    assert err.startswith("payshift: ")
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.usefixtures("believed")
def test_a_wrong_size_is_told_by_the_option_that_was_typed(payshift: Command) -> None:
    assert payshift("run", "tiny", "--population", "-5")[2].startswith("payshift: --population: ")


@pytest.mark.slow
@pytest.mark.usefixtures("believed")
def test_a_run_prints_a_table_and_keeps_a_record(payshift: Command, tmp_path: Path) -> None:
    code, out, err = payshift("run", "tiny", "--out", tmp_path / "copy")
    assert code == 0
    assert "Spending per person" in out
    assert "CNY per person-year" in out
    folder = Path(err.strip().removeprefix("record "))
    assert Record.load(folder).sha256() == Record.load(tmp_path / "copy").sha256()


@pytest.mark.slow
@pytest.mark.usefixtures("believed")
def test_a_run_for_machines_names_record_and_hash(payshift: Command) -> None:
    code, out, _ = payshift("run", "tiny", "--json", "--replicates", "2", "--seed", "5")
    told = json.loads(out)
    assert code == 0
    assert told["seeds"][0] == 5
    assert len(told["seeds"]) == 2
    record = Record.load(told["record"])
    assert record.sha256() == told["sha256"]
    by_id = {row["id"]: row for row in told["outcomes"]}
    assert by_id["qaly"]["replicates"] == 2
    values = record.summary().query("outcome == 'qaly' and group == 'all'")["value"]
    assert by_id["qaly"]["value"] == pytest.approx(values.mean())


@pytest.mark.slow
@pytest.mark.usefixtures("believed")
def test_export_gives_tidy_csv_and_parquet_of_the_same_rows(
    payshift: Command, tmp_path: Path
) -> None:
    key = json.loads(payshift("run", "tiny", "--json", "--keep", "people")[1])["key"]
    for table in ("summary", "monthly", "providers", "ledger", "accounts", "people"):
        code, out, err = payshift("export", key, "--table", table)
        assert (code, err) == (0, "")
        frame = pd.read_csv(io.StringIO(out))
        assert len(frame) == Record.load(key).tables[table].num_rows
    file = tmp_path / "s.parquet"
    code, out, _ = payshift("export", key, "--format", "parquet", "--out", file)
    assert (code, out) == (0, "")
    assert len(pd.read_parquet(file)) == Record.load(key).tables["summary"].num_rows
    code, out, err = payshift("export", key, "--table", "claims")
    assert (code, out) == (2, "")
    assert "--keep" in err


@pytest.mark.slow
@pytest.mark.usefixtures("believed")
def test_the_hash_is_the_records_and_a_changed_table_is_noticed(
    payshift: Command, tmp_path: Path
) -> None:
    payshift("run", "tiny", "--out", tmp_path / "a")
    expected = Record.load(tmp_path / "a").sha256()
    assert payshift("hash", tmp_path / "a") == (0, expected + "\n", "")
    told = json.loads(payshift("hash", tmp_path / "a", "--json")[1])
    assert told["sha256"] == expected
    (tmp_path / "a" / "before.parquet").write_bytes(
        (tmp_path / "a" / "summary.parquet").read_bytes()
    )
    code, out, err = payshift("hash", tmp_path / "a")
    assert code == 0
    assert out.strip() != expected
    assert "warning" in err


@pytest.mark.slow
@pytest.mark.usefixtures("believed")
def test_a_comparison_prints_differences_with_intervals_and_writes_a_report(
    payshift: Command, tmp_path: Path
) -> None:
    words = ("compare", "china-county-drg", "--population", "100", "--replicates", "2")
    code, out, err = payshift(*words, "--all", "--out", tmp_path / "c", "--lang", "zh")
    assert code == 0
    assert "status-quo" in out
    assert "china-county-drg" in out
    # Units, intervals and the caption too are in the reader's language.
    assert "元/人年" in out
    assert re.search("（[−0-9.,]+至[−0-9.,]+）", out)
    assert "95%区间" in out
    assert " to " not in out
    report = (tmp_path / "c" / "report.html").read_text("utf-8")
    assert report.startswith("<!DOCTYPE html>")
    assert 'lang="zh-CN"' in report
    assert "report " in err
    told = json.loads(
        payshift(*words, "--json", "--no-report", "--no-status-quo", "china-county-capitation")[1]
    )
    assert told["report"] is None
    assert [arm["id"] for arm in told["arms"]] == ["china-county-drg", "china-county-capitation"]
    assert {"arm", "outcome", "difference", "low", "high"} <= set(told["differences"][0])
    assert told["differs_before_reform"] == []


@pytest.mark.slow
@pytest.mark.usefixtures("believed")
def test_every_word_of_the_command_line_is_kept_to_reproduce_the_run(
    payshift: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["payshift", "run", "tiny", "--set", "horizon.reform=24"])
    told = json.loads(payshift("run", "tiny", "--set", "horizon.reform=24", "--json")[1])
    record = Record.load(told["record"])
    assert record.info["command"] == "payshift run tiny --set horizon.reform=24"
    assert record.info["horizon"]["reform"] == 24


CAPITATION = """
schema: 1
kind: scenario
extends: tiny
title: {en: "Tiny county, paid by head", zh: "微型县,按人头付费"}
payment:
  - payer: [resident-scheme, employee-scheme]
    providers: all
    contract: {capitation: {rate: neutral, risk: age-sex}}
"""


@pytest.mark.slow
def test_incentives_are_told_before_any_run_with_their_weak_spots(
    payshift: Command, tmp_path: Path
) -> None:
    file = tmp_path / "by-head.yaml"
    file.write_text(CAPITATION.replace("providers: all", "providers: {kind: practice}"))
    code, out, _ = payshift("incentives", file)
    assert code == 0
    assert "Secondary hospitals: as today." in out
    assert "Giving too little pays." in out
    assert max(map(len, out.splitlines())) <= 100
    told = json.loads(payshift("incentives", file, "--json")[1])
    assert {"id", "kind", "payer", "activity", "receipts_after", "cost", "sign"} <= set(
        told["incentives"][0]
    )
    for part in ("incentives", "break_even", "weak_spots", "directions"):
        ids = [row["id"] for row in told[part]]
        assert ids, part
        assert len(ids) == len(set(ids)), part
    money = [spot["money_per_year"] for spot in told["weak_spots"]]
    assert money == sorted(money, reverse=True)
    _, chinese, _ = payshift("incentives", file, "--lang", "zh")
    assert "二级医院：与现状相同。" in chinese
    assert "少治划算" in chinese


@pytest.mark.slow
def test_a_real_run_by_the_module_keeps_progress_off_standard_output(tmp_path: Path) -> None:
    home = {**os.environ, "PAYSHIFT_HOME": str(tmp_path)}
    done = _subprocess("run", "tiny", "--population", "100", "--json", env=home)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert Path(told["record"]).is_relative_to(tmp_path)
    again = _subprocess("hash", told["key"], env=home)
    assert again.stdout.strip() == told["sha256"]


def test_the_schema_is_a_json_schema(payshift: Command) -> None:
    code, out, _ = payshift("schema")
    assert code == 0
    assert json.loads(out)["type"] == "object"


def test_the_doctor_names_versions_and_minds_a_home_it_cannot_write(
    payshift: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = payshift("doctor", "--json")
    assert code == 0
    assert json.loads(out)["python"].startswith("3.")
    monkeypatch.setattr(os, "access", lambda *_: False)
    code, _, err = payshift("doctor")
    assert code == 5
    assert "PAYSHIFT_HOME" in err


@pytest.mark.usefixtures("believed")
def test_a_disk_that_takes_nothing_is_exit_code_5(
    payshift: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("PAYSHIFT_HOME", str(blocked))
    code, out, err = payshift("run", "tiny")
    assert code == 5
    assert out == ""
    assert "PAYSHIFT_HOME" in err


def test_an_interrupted_run_is_exit_code_130(
    payshift: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run", interrupted)
    code, _, err = payshift("run", "tiny")
    assert code == 130
    assert "interrupted" in err


@pytest.mark.slow
def test_a_reader_that_stops_early_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m sim list parameters --json | head -c 10",
        shell=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.stderr == ""


@pytest.mark.slow
def test_the_module_is_the_command() -> None:
    done = _subprocess("run", "no-such-scenario")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_ctrl_c_ends_the_process_with_130() -> None:
    # Whoever runs the tests in the background lets children ignore the signal; a terminal does not.
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from sim import cli, runner\n"
        "def waits(*a, **k):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "runner.run = waits\n"
        "raise SystemExit(cli.main(['run', 'tiny']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
