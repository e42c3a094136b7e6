"""An outsider's recount of a run's books: every fen from two tables, nothing from the simulator.

Run it on what ``payshift export RECORD --table ledger`` and ``--table accounts`` write::

    python experiments/audit_ledger.py ledger.csv accounts.csv

It knows the columns of the two tables and whole numbers; it must not import the simulator, so that
an error in its ledger cannot hide in its own check. Exit codes: 0 the books balance, 1 they do not
(each line names month and account), 2 a file cannot be read as one of the tables.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

LEDGER_COLUMNS = ("month", "payer", "payee", "purpose", "amount")
ACCOUNT_COLUMNS = ("month", "account", "opening", "closing")
# A record of several arms or replicates has books of its own for each.
BOOK_COLUMNS = ("arm", "replicate")


class UnreadableTableError(Exception):
    """A file is not one of the two tables."""


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV table that has at least the named columns.

    Raises
    ------
    UnreadableTableError
        If the file cannot be read or a column is missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise UnreadableTableError(f"{path}: no column {', '.join(missing)}")
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableTableError(f"{path}: {error}") from error


def whole(row: Mapping[str, str], column: str, place: str) -> int:
    """Read a whole number; a fraction of a fen is not money that can be paid."""
    try:
        return int(row[column])
    except (TypeError, ValueError) as error:
        message = f"{place}: {column} is {row[column]!r}; allowed: a whole number"
        raise UnreadableTableError(message) from error


def recount(
    ledger: Iterable[Mapping[str, str]], accounts: Iterable[Mapping[str, str]]
) -> list[str]:
    """Add every entry up again and name each account and month where a fen is missing or extra.

    Parameters
    ----------
    ledger : iterable of rows
        Transfers with month, payer, payee, purpose, amount (fen), and arm and replicate if any.
    accounts : iterable of rows
        Balances with month, account, opening, closing (fen), and arm and replicate if any.

    Returns
    -------
    list of str
        One line a fault; empty if the books balance.

    Notes
    -----
    Checked: no transfer is negative; both sides of a transfer are accounts of that month;
    ``closing = opening + received - paid``; opening = the previous month's closing; every month
    lists the same accounts once; all changes of a month add to zero.
    """
    faults: list[str] = []
    received: dict[tuple[str, int, str], int] = defaultdict(int)
    paid: dict[tuple[str, int, str], int] = defaultdict(int)
    for line, row in enumerate(ledger, start=2):
        place = f"ledger line {line}"
        book, month = _book(row), whole(row, "month", place)
        amount = whole(row, "amount", place)
        if amount < 0:
            faults.append(
                f"{book}month {month}, account {row['payer']}: {place} pays {amount} fen, "
                "a negative amount"
            )
        paid[book, month, row["payer"]] += amount
        received[book, month, row["payee"]] += amount

    balances: dict[tuple[str, int], dict[str, tuple[int, int]]] = defaultdict(dict)
    for line, row in enumerate(accounts, start=2):
        place = f"accounts line {line}"
        book, month, name = _book(row), whole(row, "month", place), row["account"]
        if name in balances[book, month]:
            faults.append(f"{book}month {month}, account {name}: listed twice")
        balances[book, month][name] = (whole(row, "opening", place), whole(row, "closing", place))

    for book, month, name in sorted(received.keys() | paid.keys()):
        if name not in balances.get((book, month), {}):
            faults.append(f"{book}month {month}, account {name}: moves money, has no balance")

    for book, month in sorted(balances):
        rows = balances[book, month]
        before = balances.get((book, month - 1))
        if before is None and any(b == book and m < month for b, m in balances):
            faults.append(f"{book}month {month - 1}, all accounts: no balances")
        for name, (opening, closing) in rows.items():
            cell = (book, month, name)
            extra = closing - (opening + received[cell] - paid[cell])
            if extra != 0:
                faults.append(
                    f"{book}month {month}, account {name}: closing is {extra:+d} fen off "
                    "opening + received - paid"
                )
            if before is not None and name in before and opening != before[name][1]:
                faults.append(
                    f"{book}month {month}, account {name}: opening is "
                    f"{opening - before[name][1]:+d} fen off the closing of month {month - 1}"
                )
        if before is not None:
            for name in sorted(before.keys() ^ rows.keys()):
                faults.append(f"{book}month {month}, account {name}: appears or vanishes")
        residual = sum(closing - opening for opening, closing in rows.values())
        if residual != 0:
            faults.append(f"{book}month {month}, all accounts: residual {residual:+d} fen")
    return faults


def _book(row: Mapping[str, str]) -> str:
    """Name the books a row belongs to, empty where a table holds one run."""
    return "".join(f"{name} {row[name]}, " for name in BOOK_COLUMNS if row.get(name))


def main(arguments: Sequence[str]) -> int:
    """Recount two exported tables and say what was found.

    Parameters
    ----------
    arguments : sequence of str
        Paths of the ledger and the accounts table.

    Returns
    -------
    int
        Exit code.
    """
    if len(arguments) != 2:
        sys.stderr.write("usage: audit_ledger.py LEDGER.csv ACCOUNTS.csv\n")
        return 2
    try:
        ledger = read_table(Path(arguments[0]), LEDGER_COLUMNS)
        accounts = read_table(Path(arguments[1]), ACCOUNT_COLUMNS)
        if not accounts:
            raise UnreadableTableError(f"{arguments[1]}: no balances")
        faults = recount(ledger, accounts)
    except UnreadableTableError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    if faults:
        sys.stderr.write(f"{len(faults)} faults: the books do not balance\n")
        return 1
    sys.stdout.write(
        f"{len(ledger)} transfers, {len(accounts)} balances: every fen accounted for\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
