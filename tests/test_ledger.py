"""Money is conserved: no transfer, split, interim payment or recount loses or makes a fen."""

from __future__ import annotations

import csv
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import LedgerError
from sim.ledger import (
    FISCAL,
    OUTSIDE,
    PATIENTS,
    PURPOSES,
    Ledger,
    Order,
    chart_of_accounts,
    interim,
    split_largest_remainder,
)

SCRIPT = Path(__file__).parents[1] / "experiments" / "audit_ledger.py"
ACCOUNTS = chart_of_accounts(["clinic", "hospital"], ["fund"])
SCHEMES = ("resident", "employee")

transfers = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.permutations(ACCOUNTS).map(lambda names: (names[0], names[1])),
        st.sampled_from(sorted(PURPOSES)),
        st.integers(0, 10**13),
    ),
    max_size=40,
)


def small_ledger() -> Ledger:
    """Books of three months with one provider year in them, worked by hand below."""
    books = Ledger(ACCOUNTS, {"fund": 100_000, "hospital": 5_000}, schemes=SCHEMES)
    cells = np.zeros((2, 5, 2), dtype=np.int64)
    cells[0, 0] = [300, 1_000]
    cells[1, 4] = [0, 2_500]
    for month in range(3):
        books.post_patients(month, ["clinic", "hospital"], "patient_covered", cells)
        books.post_many(month, "fund", ["clinic", "hospital"], "care_payment", [700, 9_300])
        books.post(month, "hospital", OUTSIDE, "staff_pay", 6_001)
        books.post(month, OUTSIDE, "fund", "premium", 9_999)
        books.close(month)
    return books


def written(books: Ledger, folder: Path) -> tuple[Path, Path]:
    """Write the two tables as an export would."""
    paths = (folder / "ledger.csv", folder / "accounts.csv")
    for path, table in zip(paths, (books.entries(), books.accounts()), strict=True):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table)
            writer.writerows(zip(*(column.tolist() for column in table.values()), strict=True))
    return paths


def recounted(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Run the outsider's recount."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, paths)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_hand_worked_month_closes_with_the_balances_of_a_paper_ledger() -> None:
    books = small_ledger()
    # Fund: 100,000 + 3 x (9,999 - 700 - 9,300); hospital: 5,000 + 3 x (3,500 + 9,300 - 6,001).
    assert books.balance("fund") == 99_997
    assert books.balance("hospital") == 5_000 + 3 * 6_799
    assert books.balance("clinic") == 3 * 1_000
    assert books.balance(PATIENTS) == -3 * 3_800
    assert books.total("care_payment") == 30_000
    assert books.total("care_payment", 1) == 10_000


@given(transfers)
def test_whatever_is_moved_the_residual_of_every_month_is_zero(
    rows: list[tuple[int, tuple[str, str], str, int]],
) -> None:
    books = Ledger(ACCOUNTS, [7, -3, 0, 10**12, 5, 0])
    before = int(books.balances().sum())
    for month in range(3):
        for when, (payer, payee), purpose, amount in rows:
            if when == month:
                books.post(month, payer, payee, purpose, amount)
        assert books.residual(month) == 0
        books.close(month)
    assert int(books.balances().sum()) == before
    assert [books.residual(month) for month in range(3)] == [0, 0, 0]
    entries, accounts = books.entries(), books.accounts()
    for month in range(3):
        for name in ACCOUNTS:
            here = (accounts["month"] == month) & (accounts["account"] == name)
            now = entries["month"] == month
            received = int(entries["amount"][now & (entries["payee"] == name)].sum())
            paid = int(entries["amount"][now & (entries["payer"] == name)].sum())
            opening, closing = accounts["opening"][here][0], accounts["closing"][here][0]
            assert closing == opening + received - paid
    assert np.all(entries["amount"] > 0)


@given(transfers, st.randoms(use_true_random=False))
def test_tables_do_not_depend_on_the_order_of_posting(
    rows: list[tuple[int, tuple[str, str], str, int]], chance: object
) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    tables = []
    for order in (rows, shuffled):
        books = Ledger(ACCOUNTS)
        for _, (payer, payee), purpose, amount in order:
            books.post(0, payer, payee, purpose, amount)
        books.close(0)
        tables.append((books.entries(), books.accounts()))
    for first, second in zip(*tables, strict=True):
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])


def test_zero_amounts_leave_no_trace() -> None:
    books = Ledger(ACCOUNTS)
    books.post_many(0, "fund", ["clinic", "hospital"], "care_payment", [0, 5])
    books.post(0, "fund", "fund", "care_payment", 0)
    assert books.entries()["payee"].tolist() == ["hospital"]


def test_negative_amount_is_refused_and_nothing_of_the_call_is_posted() -> None:
    books = Ledger(ACCOUNTS)
    with pytest.raises(LedgerError, match="the other way"):
        books.post_many(0, "fund", ["clinic", "hospital"], "care_payment", [5, -1])
    assert books.balance("clinic") == 0
    assert books.entries()["amount"].size == 0


def test_claw_back_is_a_transfer_the_other_way() -> None:
    books = Ledger(ACCOUNTS)
    due = np.array([40, -15])
    names = ["clinic", "hospital"]
    books.post_net(0, "fund", names, "settlement", "settlement_returned", due)
    assert books.balance("fund") == -25
    entries = books.entries()
    assert entries["payer"].tolist() == ["hospital", "fund"]
    assert entries["purpose"].tolist() == ["settlement_returned", "settlement"]


def orders() -> list[Order]:
    """Transfers that are made month after month, two of which may go back."""
    return [
        Order("fund", ["clinic", "hospital"], "care_payment", "care_payment_returned"),
        Order(FISCAL, ("clinic", "hospital"), "operating_subsidy"),
        Order(OUTSIDE, "fund", "premium"),
    ]


def test_a_plan_posts_what_its_orders_would_one_by_one() -> None:
    planned, single = Ledger(ACCOUNTS), Ledger(ACCOUNTS)
    plan = planned.plan(orders())
    for month, amounts in enumerate(([40, -15, 0, 7, 99], [0, 3, 1, 0, 0], [0] * 5)):
        planned.post_plan(month, plan, np.array(amounts))
        first, second, *subsidies, premium = amounts
        for name, due in (("clinic", first), ("hospital", second)):
            single.post_net(
                month, "fund", name, "care_payment", "care_payment_returned", np.array([due])
            )
        single.post_many(month, FISCAL, ["clinic", "hospital"], "operating_subsidy", subsidies)
        single.post(month, OUTSIDE, "fund", "premium", premium)
        for books in (planned, single):
            books.close(month)
    for one, other in zip(
        (planned.entries(), planned.accounts()), (single.entries(), single.accounts()), strict=True
    ):
        for name, column in one.items():
            np.testing.assert_array_equal(column, other[name])


@pytest.mark.parametrize(
    ("amounts", "message"),
    [
        ([1, 2, 3, 4], "differ in number"),
        ([1, 2, -3, 4, 5], "a transfer is negative"),
        ([1, 2, 3, 4, 2**62 + 1], "too large"),
        ([2**62, 2, 3, 4, 2**62], "too large"),
        ([0.5, 2, 3, 4, 5], "whole number of fen"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_posts_nothing(amounts: list[int], message: str) -> None:
    books = Ledger(ACCOUNTS)
    with pytest.raises(LedgerError, match=message):
        books.post_plan(0, books.plan(orders()), np.array(amounts))
    assert books.entries()["amount"].size == 0
    assert not books.balances().any()


def test_an_order_names_accounts_and_purposes_that_exist() -> None:
    books = Ledger(ACCOUNTS)
    with pytest.raises(LedgerError, match="Did you mean `hospital`"):
        books.plan([Order("fund", ["hospitl"], "care_payment")])
    with pytest.raises(LedgerError, match="Did you mean `premium`"):
        books.plan([Order(OUTSIDE, "fund", "premiums")])
    with pytest.raises(LedgerError, match="differ in number"):
        books.plan([Order(["clinic"], ["clinic", "hospital"], "care_payment")])


def test_patients_money_for_several_purposes_is_the_same_posted_at_once() -> None:
    cells = np.arange(2 * 2 * 5 * 2, dtype=np.int64).reshape(2, 2, 5, 2)
    purposes, names = ("patient_covered", "patient_uncovered"), ["clinic", "hospital"]
    at_once, in_turn = Ledger(ACCOUNTS, schemes=SCHEMES), Ledger(ACCOUNTS, schemes=SCHEMES)
    at_once.post_patients(0, names, purposes, cells)
    for purpose, of in zip(purposes, cells, strict=True):
        in_turn.post_patients(0, names, purpose, of)
    for books in (at_once, in_turn):
        books.close(0)
    for one, other in (
        (at_once.entries(), in_turn.entries()),
        (at_once.patients(), in_turn.patients()),
    ):
        for name, column in one.items():
            np.testing.assert_array_equal(column, other[name])


@pytest.mark.parametrize("amount", [0.5, 3.0, True, "3"])
def test_fraction_of_a_fen_is_never_booked(amount: object) -> None:
    books = Ledger(ACCOUNTS)
    with pytest.raises(LedgerError, match="whole number of fen"):
        books.post(0, "fund", "clinic", "care_payment", amount)


def test_unknown_names_are_refused_with_the_nearest_one() -> None:
    books = Ledger(ACCOUNTS)
    with pytest.raises(LedgerError, match="Did you mean `hospital`"):
        books.post(0, "fund", "hospitl", "care_payment", 1)
    with pytest.raises(LedgerError, match="Did you mean `premium`"):
        books.post(0, OUTSIDE, "fund", "premiums", 1)


def test_closed_month_cannot_be_written_and_months_cannot_be_skipped() -> None:
    books = small_ledger()
    with pytest.raises(LedgerError, match="not open"):
        books.post(1, "fund", "clinic", "care_payment", 1)
    with pytest.raises(LedgerError, match="not open"):
        books.post(4, "fund", "clinic", "care_payment", 1)
    with pytest.raises(LedgerError, match="no books"):
        books.residual(9)


def test_account_that_pays_itself_is_refused() -> None:
    with pytest.raises(LedgerError, match="pays itself"):
        Ledger(ACCOUNTS).post(0, "fund", "fund", "care_payment", 1)


def test_one_fen_out_of_a_balance_is_found_by_the_recount() -> None:
    books = small_ledger()
    books._closings[1][ACCOUNTS.index("clinic")] -= 1
    assert books.residual(0) == 0
    with pytest.raises(LedgerError, match="month 1, account clinic"):
        books.residual(1)


def test_patients_cells_add_to_the_patients_entries() -> None:
    books = small_ledger()
    cells, entries = books.patients(), books.entries()
    for month in range(3):
        from_cells = cells["amount"][cells["month"] == month].sum()
        booked = (entries["month"] == month) & (entries["payer"] == PATIENTS)
        assert from_cells == entries["amount"][booked].sum() == 3_800
    first = [cells[name][0] for name in ("month", "scheme", "fifth", "provider", "amount")]
    assert first == [0, "resident", 1, "clinic", 300]


def test_patients_money_posted_past_the_sub_ledger_stops_the_month() -> None:
    books = Ledger(ACCOUNTS, schemes=SCHEMES)
    books.post(0, PATIENTS, "clinic", "patient_covered", 10)
    with pytest.raises(LedgerError, match="do not add to the patients' entries"):
        books.close(0)


def test_patients_cells_of_the_wrong_shape_or_sign_are_refused() -> None:
    books = Ledger(ACCOUNTS, schemes=SCHEMES)
    with pytest.raises(LedgerError, match="patients' cells"):
        books.post_patients(0, ["clinic"], "patient_covered", np.zeros((2, 4, 1), dtype=np.int64))
    with pytest.raises(LedgerError, match="negative"):
        books.post_patients(
            0, ["clinic"], "patient_covered", np.full((2, 5, 1), -1, dtype=np.int64)
        )


def test_accounts_are_distinct_and_openings_are_whole() -> None:
    with pytest.raises(LedgerError, match="named twice"):
        Ledger(["a", "a"])
    with pytest.raises(LedgerError, match="opening"):
        Ledger(["a", "b"], [1])
    with pytest.raises(LedgerError, match="whole number"):
        Ledger(["a", "b"], {"a": 1.5})


def test_open_month_shows_in_the_tables_once_money_moved_in_it() -> None:
    books = Ledger(ACCOUNTS, first_month=12)
    assert books.accounts()["month"].size == 0
    books.post(12, FISCAL, "clinic", "public_health_grant", 8)
    assert books.month == 12
    assert set(books.accounts()["month"].tolist()) == {12}
    books.close(12)
    assert set(books.accounts()["month"].tolist()) == {12}
    assert books.month == 13


def test_every_purpose_has_a_label_in_both_languages() -> None:
    for name, labels in PURPOSES.items():
        assert name.isidentifier()
        assert set(labels) == {"en", "zh"}
        assert all(labels.values())


@given(
    st.integers(0, 10**15),
    st.lists(st.floats(0, 1e12, allow_nan=False), min_size=1, max_size=30).filter(any),
)
def test_largest_remainder_adds_up_and_stays_within_a_fen_of_the_quota(
    total: int, weights: list[float]
) -> None:
    shares = split_largest_remainder(total, weights)
    assert sum(shares.tolist()) == total
    whole = sum(map(Fraction, weights))
    for share, weight in zip(shares.tolist(), weights, strict=True):
        assert abs(share - total * Fraction(weight) / whole) < 1
        assert weight > 0 or share == 0


def test_largest_remainder_gives_equal_remainders_to_the_earlier_row() -> None:
    assert split_largest_remainder(5, [1, 1, 1]).tolist() == [2, 2, 1]
    # Hamilton's method, worked by hand: quotas 6.0, 2.5, 1.5 of 10.
    assert split_largest_remainder(10, [60, 25, 15]).tolist() == [6, 3, 1]


def test_sum_cannot_be_divided_by_nothing() -> None:
    assert split_largest_remainder(0, [0, 0]).tolist() == [0, 0]
    for total, weights in ((5, [0.0, 0.0]), (-5, [1.0]), (5, [-1.0]), (5, [np.nan]), (2.5, [1.0])):
        with pytest.raises(LedgerError):
            split_largest_remainder(total, weights)


@given(st.lists(st.integers(0, 10**13), min_size=12, max_size=12))
def test_interim_payments_of_twelve_months_add_to_the_year(forecasts: list[int]) -> None:
    paid = np.zeros(1, dtype=np.int64)
    for month, forecast in enumerate(forecasts, start=1):
        paid = paid + interim(month, np.array([forecast]), paid)
        assert abs(12 * int(paid[0]) - month * forecast) <= 6
    assert int(paid[0]) == forecasts[-1]


def test_interim_payment_asks_back_when_the_year_shrinks() -> None:
    # Half of 1,200 is due by June; 700 was paid.
    assert int(interim(6, 1_200, 700)) == -100
    with pytest.raises(LedgerError, match="1 to 12"):
        interim(13, 1, 0)


def test_outsiders_recount_agrees_with_true_books(tmp_path: Path) -> None:
    done = recounted(*written(small_ledger(), tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "every fen accounted for" in done.stdout


def test_outsiders_recount_names_month_and_accounts_when_one_fen_is_taken_out(
    tmp_path: Path,
) -> None:
    ledger, accounts = written(small_ledger(), tmp_path)
    text = ledger.read_text(encoding="utf-8")
    line = "1,fund,hospital,care_payment,9300"
    assert line in text
    ledger.write_text(text.replace(line, line.replace("9300", "9299")), encoding="utf-8")
    done = recounted(ledger, accounts)
    assert done.returncode == 1
    assert "month 1, account fund: closing is -1 fen off" in done.stderr
    assert "month 1, account hospital: closing is +1 fen off" in done.stderr
    assert "month 0" not in done.stderr


def test_outsiders_recount_finds_a_fen_lost_between_months(tmp_path: Path) -> None:
    ledger, accounts = written(small_ledger(), tmp_path)
    rows = accounts.read_text(encoding="utf-8").splitlines()
    place = next(i for i, row in enumerate(rows) if row.startswith("2,clinic,"))
    rows[place] = "2,clinic,1999,2999"
    accounts.write_text("\n".join(rows), encoding="utf-8")
    done = recounted(ledger, accounts)
    assert done.returncode == 1
    assert "month 2, account clinic: opening is -1 fen off the closing of month 1" in done.stderr
    # The same fault in the last balance alone shows as a residual too.
    rows[place] = "2,clinic,2000,2999"
    accounts.write_text("\n".join(rows), encoding="utf-8")
    assert "month 2, all accounts: residual -1 fen" in recounted(ledger, accounts).stderr


def test_outsiders_recount_finds_a_missing_balance_and_a_missing_month(tmp_path: Path) -> None:
    ledger, accounts = written(small_ledger(), tmp_path)
    rows = accounts.read_text(encoding="utf-8").splitlines()
    kept = [row for row in rows if not row.startswith("1,")]
    accounts.write_text("\n".join(kept), encoding="utf-8")
    done = recounted(ledger, accounts)
    assert done.returncode == 1
    assert "month 1, account fund: moves money, has no balance" in done.stderr


def test_outsiders_recount_refuses_what_is_not_a_table_of_the_books(tmp_path: Path) -> None:
    ledger, accounts = written(small_ledger(), tmp_path)
    assert recounted(ledger).returncode == 2
    assert recounted(accounts, ledger).returncode == 2
    assert recounted(ledger, tmp_path / "absent.csv").returncode == 2
    text = ledger.read_text(encoding="utf-8").replace("9300", "9300.5")
    ledger.write_text(text, encoding="utf-8")
    done = recounted(ledger, accounts)
    assert done.returncode == 2
    assert "whole number" in done.stderr


def test_outsiders_recount_keeps_the_books_of_arms_apart(tmp_path: Path) -> None:
    ledger, accounts = written(small_ledger(), tmp_path)
    for path in (ledger, accounts):
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        doubled = [f"{head},arm"] + [f"{row},{arm}" for arm in ("now", "reform") for row in rows]
        path.write_text("\n".join(doubled), encoding="utf-8")
    assert recounted(ledger, accounts).returncode == 0


def test_outsiders_recount_does_not_import_the_simulator() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert "import sim" not in text
    assert "from sim" not in text
