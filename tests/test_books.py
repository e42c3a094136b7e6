"""Random small runs lose no fen, and an outsider who re-adds the books would notice one."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from experiments import audit_ledger, books
from experiments.books import (
    REFUSED,
    Configuration,
    balances,
    books_of,
    one_run,
    random_configuration,
    recount,
    residual_of,
    take_a_fen,
    worst_residual,
    write_table,
)


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    """The script's own configurations, drawn by a search that can shrink them."""
    return random_configuration(draw(st.randoms(use_true_random=False)))


@pytest.mark.slow
def test_no_fen_is_lost_in_a_few_hundred_random_contract_trees() -> None:
    runs = [one_run(7, number, outsider=False) for number in range(60)]
    assert [fault for one in runs for fault in one.faults] == []
    assert {one.worst for one in runs} == {0}
    assert sum(one.trees for one in runs) >= 200


@pytest.mark.slow
@settings(
    max_examples=20,
    deadline=None,
    # The smallest run names a benefit for every tier of every payer: it is large by nature.
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
@given(configurations())
def test_an_outsider_finds_every_fen_of_a_random_run_and_misses_one_taken_out(
    configuration: Configuration,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            worst, faults = recount(configuration, Path(folder))
        except REFUSED:  # a contract that cannot be neutral on so few people
            reject()
    assert worst == 0
    assert faults == []


PLAIN = Configuration(
    region="tiny",
    population=30,
    seed=7,
    before=[],
    after=[
        {
            "payer": ["resident-scheme", "employee-scheme"],
            "providers": {"kind": "practice"},
            "contract": {"capitation": {"rate": 300.0, "share_elsewhere": 0.2}},
        }
    ],
    settings={"audit.sample": 1.0},
    freeze=[],
)


def exported(configuration: Configuration, folder: Path) -> tuple[Path, Path]:
    ledger, accounts = folder / "ledger.csv", folder / "accounts.csv"
    tables = books_of(configuration)
    write_table(ledger, "ledger", tables[0])
    write_table(accounts, "accounts", tables[1])
    return ledger, accounts


@pytest.mark.slow
@pytest.mark.parametrize("column", ["amount", "opening", "closing"])
def test_the_recount_runs_on_its_own_and_fails_when_one_fen_is_gone(
    column: str, tmp_path: Path
) -> None:
    ledger, accounts = exported(PLAIN, tmp_path)
    # Isolated and away from the project, so that nothing of the simulator can be imported.
    call = [sys.executable, "-I", audit_ledger.__file__, str(ledger), str(accounts)]
    sound = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (sound.returncode, sound.stderr) == (0, "")
    take_a_fen(ledger if column == "amount" else accounts, random.Random(5), column)
    short = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert short.returncode == 1
    assert "1 fen" in short.stderr


@pytest.mark.slow
def test_the_same_configuration_gives_the_same_books(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    for one, other in zip(exported(PLAIN, first), exported(PLAIN, second), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_generator_of_the_same_seed_draws_the_same_configuration() -> None:
    assert random_configuration(random.Random(3)) == random_configuration(random.Random(3))


LEDGER = "month,payer,payee,purpose,amount\n0,fund,clinic,care_payment,70\n"
ACCOUNTS = (
    "month,account,opening,closing\n0,clinic,5,{}\n0,fund,100,30\n1,clinic,75,75\n1,fund,{},30\n"
)


@pytest.mark.parametrize(
    ("closing", "opening", "worst"), [(75, 30, 0), (72, 30, 3), (75, 34, 4), (74, 30, 1)]
)
def test_the_worst_residual_is_the_largest_gap_of_any_account_or_month(
    closing: int, opening: int, worst: int, tmp_path: Path
) -> None:
    (tmp_path / "ledger.csv").write_text(LEDGER, encoding="utf-8")
    accounts = tmp_path / "accounts.csv"
    accounts.write_text(ACCOUNTS.format(closing, opening), encoding="utf-8")
    assert worst_residual(tmp_path / "ledger.csv", accounts) == worst
    assert balances(tmp_path / "ledger.csv", accounts) == (worst == 0)


def test_a_residual_in_the_tables_is_the_one_in_the_files(tmp_path: Path) -> None:
    ledger, accounts = books_of(PLAIN)
    assert residual_of(ledger, accounts) == 0
    off = np.array(ledger["amount"], dtype=np.int64)
    off[3] += 5
    short = {**ledger, "amount": off}
    write_table(tmp_path / "ledger.csv", "ledger", short)
    write_table(tmp_path / "accounts.csv", "accounts", accounts)
    assert residual_of(short, accounts) == 5
    assert worst_residual(tmp_path / "ledger.csv", tmp_path / "accounts.csv") == 5


@pytest.mark.slow
def test_the_script_says_how_many_books_balance(capsys: pytest.CaptureFixture[str]) -> None:
    assert books.main(["--runs", "2", "--seed", "5"]) == 0
    assert capsys.readouterr().out.startswith("2 passed, 0 failed; worst residual 0 fen;")


@pytest.mark.slow
def test_the_script_fails_when_the_recount_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(books, "balances", lambda ledger, accounts: False)
    assert books.main(["--runs", "1", "--seed", "5"]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("0 passed, 1 failed;")
    assert "the recount finds faults" in said.err


def test_a_fen_that_nobody_misses_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(books, "balances", lambda ledger, accounts: True)
    _, faults = recount(PLAIN, tmp_path)
    assert faults == [
        "a fen taken out of the ledger is not missed",
        "a fen taken out of the accounts is not missed",
    ]
