"""Money that comes late: interim shares now, the rest at the settlement, and no fen lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from experiments.books import Configuration, balances, books_of, worst_residual, write_table

# Many small runs: together more than a minute of the quick tests.
pytestmark = pytest.mark.slow


def configuration(delay: int) -> Configuration:
    """Give a small run under a prepaid budget for practices, settled months after the year."""
    contract = {
        "performance_budget": {
            "budget": 3000,
            "full_from": 0.0,
            "full_marks": {"experience": 1.0},
            "measures": ["experience"],
            "settlement_delay_months": delay,
            "of": "fee_for_service",
        }
    }
    row = {"payer": "resident-scheme", "providers": {"kind": "practice"}, "contract": contract}
    return Configuration(
        region="tiny", population=30, seed=7, before=[row], after=[row], settings={}, freeze=[]
    )


def flows(delay: int, folder: Path) -> tuple[Counter[str], Counter[tuple[int, str]]]:
    """Give what the scheme paid each provider on balance, and by month and purpose."""
    tables = books_of(configuration(delay))
    ledger, accounts = folder / f"ledger-{delay}.csv", folder / f"accounts-{delay}.csv"
    write_table(ledger, "ledger", tables[0])
    write_table(accounts, "accounts", tables[1])
    assert worst_residual(ledger, accounts) == 0
    assert balances(ledger, accounts)
    paid: Counter[str] = Counter()
    when: Counter[tuple[int, str]] = Counter()
    for line in ledger.read_text(encoding="utf-8").splitlines()[1:]:
        month, payer, payee, purpose, amount = line.split(",")
        if purpose.startswith(("care_payment", "settlement")) and int(month) < 14:
            sign = -1 if purpose.endswith("_returned") else 1
            fund, provider = (payee, payer) if sign < 0 else (payer, payee)
            if fund == "resident-scheme":
                when[int(month), purpose] += int(amount)
                if int(month) < 12 or purpose.startswith("settlement"):
                    paid[provider] += sign * int(amount)
    return paid, when


def test_what_is_settled_two_months_late_is_the_same_money(tmp_path: Path) -> None:
    at_once, now = flows(0, tmp_path)
    late, then = flows(2, tmp_path)
    assert late == at_once
    assert sum(amount for (m, p), amount in then.items() if m == 13 and "settlement" in p) > 0
    assert not any(amount for (m, p), amount in now.items() if m >= 12 and "settlement" in p)


@pytest.mark.parametrize("delay", [2])
def test_before_the_settlement_the_deposit_is_missing(delay: int, tmp_path: Path) -> None:
    _, now = flows(0, tmp_path)
    _, then = flows(delay, tmp_path)
    for month in range(11):
        key = (month, "care_payment")
        assert now[key] == then[key]
    assert now[11, "settlement"] > then[11, "settlement"]
