"""Who paid whom: double entry in whole fen, so that no reform creates or loses money.

Knows accounts, transfers and their purposes; must not know contracts, benefits, people's behavior
or where an amount comes from.

Every amount is an int64 number of minor units (fen), rounded once before it is posted. A transfer
takes from one account and gives the same to another; it is never negative: money that comes back
is a transfer the other way. A month is closed when its residual is zero and the patients'
sub-ledger adds to the patients' entries.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import LedgerError

__all__ = [
    "ACCOUNTS",
    "FISCAL",
    "OUTSIDE",
    "PATIENTS",
    "PURPOSES",
    "Ledger",
    "Order",
    "Plan",
    "Transfers",
    "chart_of_accounts",
    "interim",
    "split_largest_remainder",
]

PATIENTS = "patients"
"""All residents' own money: copayments and uncovered charges leave it."""
ACCOUNTS = "individual-accounts"
"""What is in the individual medical accounts of members, where a scheme has them."""
FISCAL = "fiscal-authority"
"""The county's treasury: subsidies, grants, medical assistance, bail-outs."""
OUTSIDE = "outside"
"""The rest of the economy: premiums and taxes come from it, suppliers and staff are in it."""

PURPOSES: Mapping[str, Mapping[str, str]] = {
    "patient_covered": {"en": "Patients' share of covered charges", "zh": "患者自付（目录内）"},
    "patient_uncovered": {"en": "Uncovered charges", "zh": "患者自费（目录外）"},
    "care_payment": {"en": "Payer's payment for care", "zh": "医保基金支付"},
    "care_payment_returned": {"en": "Payment for care returned", "zh": "医保预付款退回"},
    "settlement": {"en": "Year-end settlement", "zh": "年终清算"},
    "settlement_returned": {"en": "Year-end settlement returned", "zh": "年终清算退回"},
    "quality_bonus": {"en": "Payment for quality", "zh": "质量考核支付"},
    "contract_fee": {"en": "Family-doctor contract fee", "zh": "家庭医生签约服务费"},
    "medical_assistance": {"en": "Medical assistance for the poor", "zh": "医疗救助"},
    "serious_illness": {"en": "Serious-illness cover", "zh": "大病保险"},
    "public_health_grant": {"en": "Public-health grant", "zh": "基本公共卫生服务经费"},
    "operating_subsidy": {"en": "Operating subsidy", "zh": "财政补助"},
    "staff_pay": {"en": "Pay of staff", "zh": "人员经费"},
    "supplies": {"en": "Drugs, supplies and other variable cost", "zh": "药品耗材及其他变动成本"},
    "fixed_cost": {"en": "Buildings, equipment and other fixed cost", "zh": "固定成本"},
    "lever_cost": {"en": "Cost of quality, savings and coding work", "zh": "质量、节约与编码投入"},
    "account_credit": {"en": "Credit to individual accounts", "zh": "划入个人账户"},
    "account_payment": {"en": "Own payments from individual accounts", "zh": "个人账户支付"},
    "account_drugs": {"en": "Drugs bought from individual accounts", "zh": "个人账户购药"},
    "account_inherited": {"en": "Individual accounts inherited", "zh": "个人账户余额继承"},
    "premium": {"en": "Premiums and contributions", "zh": "个人与单位缴费"},
    "premium_subsidy": {"en": "Budget support of premiums", "zh": "财政缴费补助"},
    "tax": {"en": "Taxes and transfers to the treasury", "zh": "财政收入"},
    "household_income": {"en": "Household income set aside for care", "zh": "居民医疗支出来源"},
    "administration": {"en": "Administration of the scheme", "zh": "经办管理费"},
    "audit_recovery": {"en": "Claw-back after audit", "zh": "稽核追回"},
    "audit_fine": {"en": "Fine after audit", "zh": "行政罚款"},
    "audit_cost": {"en": "Cost of audits", "zh": "稽核成本"},
    "internal_transfer": {"en": "Transfer between providers", "zh": "机构间结算"},
    "profit": {"en": "Surplus paid to owners and staff", "zh": "结余分配"},
    "provider_bail_out": {"en": "Bail-out of a provider", "zh": "机构亏损补助"},
    "fund_bail_out": {"en": "Bail-out of a fund", "zh": "基金缺口补助"},
    "reserve_transfer": {"en": "Transfer to or from a reserve", "zh": "风险储备金划转"},
    "cover_premium": {"en": "Premiums for a chosen cover option", "zh": "自选保障档次个人缴费"},
}
"""Every purpose a transfer may have, with its label in both languages."""

_PURPOSE_NAMES = tuple(PURPOSES)
_PURPOSE_INDEX = {name: position for position, name in enumerate(_PURPOSE_NAMES)}
_NEVER = -1  # in place of a purpose: nothing comes back
_LARGEST = 2**62
_FIFTHS = 5


def chart_of_accounts(
    providers: Sequence[str], payers: Sequence[str], individual: bool = False
) -> tuple[str, ...]:
    """List a region's accounts in the order tables use: patients, providers, payers, the rest.

    Parameters
    ----------
    providers, payers : sequence of str
        Ids in the region's order.
    individual : bool
        Whether some scheme's members have individual accounts.

    Examples
    --------
    >>> chart_of_accounts(["clinic"], ["fund"])
    ('patients', 'clinic', 'fund', 'fiscal-authority', 'outside')
    """
    middle = (ACCOUNTS,) if individual else ()
    return (PATIENTS, *providers, *payers, *middle, FISCAL, OUTSIDE)


def split_largest_remainder(total: int, weights: ArrayLike) -> NDArray[np.int64]:
    """Divide a sum of money by weights so that not a fen is lost (largest remainder).

    Parameters
    ----------
    total : int
        Fen to divide, 0 or more.
    weights : array_like, shape (n,)
        Finite, 0 or more, not all 0 unless `total` is 0.

    Returns
    -------
    array of int64, shape (n,)
        Shares that add to `total` exactly, each within one fen of its quota. Equal remainders go
        to the earlier row; a weight of 0 gets nothing.

    Raises
    ------
    LedgerError
        If the total is negative or no weight is positive.

    Examples
    --------
    >>> split_largest_remainder(100, [1, 1, 1]).tolist()
    [34, 33, 33]
    """
    values = np.asarray(weights)
    if values.ndim != 1:
        raise LedgerError("weights", where="split", value=values.shape, allowed="one dimension")
    if isinstance(total, bool) or not isinstance(total, int | np.integer) or total < 0:
        raise LedgerError(where="split", value=total, allowed="a whole number of fen, 0 or more")
    amount = int(total)
    if not bool(np.all(np.isfinite(values))) or bool(np.any(values < 0)):
        raise LedgerError("a weight cannot be used", where="split", allowed="finite, 0 or more")
    if amount == 0:
        return np.zeros(values.shape[0], dtype=np.int64)
    # Python's whole numbers: quotas of large sums would be off by a fen in floating point.
    exact = [Fraction(w) for w in values.tolist()]
    scale = max((w.denominator for w in exact), default=1)
    parts = [int(w * scale) for w in exact]
    whole = sum(parts)
    if whole == 0:
        raise LedgerError(
            "a sum cannot be divided by weights that are all 0", where="split", value=amount
        )
    quotas = [divmod(amount * part, whole) for part in parts]
    shares = [quota for quota, _ in quotas]
    left = amount - sum(shares)
    order = sorted(range(len(parts)), key=lambda row: (-quotas[row][1], row))
    for row in order[:left]:
        shares[row] += 1
    return np.array(shares, dtype=np.int64)


def interim(
    month_of_year: int, annualised_revenue_fen: ArrayLike, paid_so_far_fen: ArrayLike
) -> NDArray[np.int64]:
    """Give what an interim payment still owes for the year so far; December makes it exact.

    Parameters
    ----------
    month_of_year : int
        1 to 12.
    annualised_revenue_fen : array_like of int
        The year's revenue as it looks now, fen, 0 or more, any shape.
    paid_so_far_fen : array_like of int
        Paid for this year before this month, fen, net of what came back.

    Returns
    -------
    array of int64
        ``m / 12 of the revenue, halves up, less what was paid``, fen. Negative means that the
        provider pays back: post it the other way (``Ledger.post_net``).

    Raises
    ------
    LedgerError
        If the month is not 1 to 12, or amounts are not whole numbers.

    Examples
    --------
    >>> int(interim(3, 1200, 150)), int(interim(12, 1199, 1200))
    (150, -1)
    """
    if not 1 <= month_of_year <= 12:
        raise LedgerError("month of the year", value=month_of_year, allowed="1 to 12")
    revenue = _whole(annualised_revenue_fen, "interim payment", _LARGEST // 16)
    paid = _whole(paid_so_far_fen, "interim payment", _LARGEST // 16)
    due: NDArray[np.int64] = (revenue * month_of_year + 6) // 12 - paid
    return np.asarray(due, dtype=np.int64)


class Transfers(NamedTuple):
    """Money from payers to payees for one purpose.

    Attributes
    ----------
    payers, payees : str or sequence of str, length n
        Accounts; one name stands for all rows.
    purpose : str
        One of ``PURPOSES``.
    amounts : array_like of int, shape (n,), or one for n = 1
        Fen, 0 or more; zeros leave no trace.
    """

    payers: str | Sequence[str]
    payees: str | Sequence[str]
    purpose: str
    amounts: ArrayLike


class Order(NamedTuple):
    """Transfers that are made again and again, with amounts told each time.

    Attributes
    ----------
    payers, payees : str or sequence of str, length n
        Accounts; one name stands for all rows, two for a single row.
    purpose : str
        One of ``PURPOSES``.
    purpose_returned : str
        Purpose of what payees give back where an amount is negative; "" if none may be.
    """

    payers: str | Sequence[str]
    payees: str | Sequence[str]
    purpose: str
    purpose_returned: str = ""


class Plan(NamedTuple):
    """Orders with their accounts and purposes looked up, for ``Ledger.post_plan``.

    Attributes
    ----------
    places : array of int64, shape (4, n)
        Payer, payee, purpose, and purpose of what comes back (-1 for never), a column a row of the
        orders in turn.
    """

    places: NDArray[np.int64]


class Ledger:
    """A region's books: accounts, transfers between them, and a residual that is always zero.

    Parameters
    ----------
    accounts : sequence of str
        Distinct names; ``chart_of_accounts`` gives those of a region.
    opening : sequence of int or mapping of str to int, optional
        Balances at the start, fen, by account; 0 where nothing is said. Of either sign.
    schemes : sequence of str
        Names behind the scheme axis of the patients' sub-ledger; needed to post for patients.
    first_month : int
        Month that opens.

    Notes
    -----
    ``closing = opening + received - paid`` for every account; over all accounts the changes add to
    zero. One month is open at a time. Tables hold one row for each month, payer, payee and
    purpose, in that order, whatever the order of posting.
    """

    def __init__(
        self,
        accounts: Sequence[str],
        opening: Sequence[int] | NDArray[np.int64] | Mapping[str, int] | None = None,
        schemes: Sequence[str] = (),
        first_month: int = 0,
    ) -> None:
        self._names = tuple(accounts)
        self._index = {name: position for position, name in enumerate(self._names)}
        if len(self._index) != len(self._names):
            doubles = sorted({name for name in self._names if self._names.count(name) > 1})
            raise LedgerError("an account is named twice", where="ledger", value=doubles)
        size = len(self._names)
        balances = np.zeros(size, dtype=np.int64)
        if isinstance(opening, Mapping):
            for name, amount in opening.items():
                balances[self.index(name)] = int(_whole(amount, f"opening of {name}"))
        elif opening is not None:
            given = _whole(opening, "opening")
            if given.shape != (size,):
                raise LedgerError("opening", value=given.shape, allowed=f"({size},)")
            balances[:] = given
        self._schemes = tuple(schemes)
        self._month = int(first_month)
        self._openings: list[NDArray[np.int64]] = [balances.copy()]
        self._closings: list[NDArray[np.int64]] = []
        self._first_month = int(first_month)
        self._balances = balances
        # By month: what was posted, in blocks with rows of payer, payee, purpose and fen.
        self._flows: list[list[NDArray[np.int64]]] = [[]]
        self._turnover = 0.0  # of the open month
        self._found: dict[tuple[str, ...], NDArray[np.int64]] = {}
        # By month, as posted: purpose, accounts, and fen by account, scheme and fifth.
        self._cells: list[list[tuple[int, NDArray[np.int64], NDArray[np.int64]]]] = [[]]

    @property
    def accounts_named(self) -> tuple[str, ...]:
        """Give the names of the accounts in their order."""
        return self._names

    @property
    def month(self) -> int:
        """Give the month that is open."""
        return self._month

    def index(self, account: str) -> int:
        """Find an account's position; an unknown name is an error that suggests one."""
        position = self._index.get(account)
        if position is None:
            near = difflib.get_close_matches(str(account), self._names, n=1)
            raise LedgerError(
                "unknown account",
                where=f"ledger, month {self._month}",
                value=account,
                remedy=f"Did you mean `{near[0]}`?" if near else "",
            )
        return position

    def balance(self, account: str) -> int:
        """Give an account's balance as posted so far, fen."""
        return int(self._balances[self.index(account)])

    def balances(self) -> NDArray[np.int64]:
        """Give every account's balance as posted so far, fen, in the order of accounts."""
        return self._balances.copy()

    def balances_of(self, accounts: Sequence[str]) -> NDArray[np.int64]:
        """Give the balances of some accounts as posted so far, fen, in their order."""
        return self._balances[self._positions(accounts, len(accounts), "balances")]

    def post(self, month: int, payer: str, payee: str, purpose: str, amount: int) -> None:
        """Move money from one account to another.

        Parameters
        ----------
        month : int
            The open month.
        payer, payee : str
            Accounts, not the same.
        purpose : str
            One of ``PURPOSES``.
        amount : int
            Fen, 0 or more; 0 leaves no trace.

        Raises
        ------
        LedgerError
            For a closed month, an unknown name, a fraction of a fen or a negative amount.
        """
        self._open(month)
        self.post_all(month, [Transfers(payer, payee, purpose, amount)])

    def post_many(
        self,
        month: int,
        payers: str | Sequence[str],
        payees: str | Sequence[str],
        purpose: str,
        amounts: ArrayLike,
    ) -> None:
        """Move money between pairs of accounts for one purpose.

        Parameters
        ----------
        month : int
            The open month.
        payers, payees, purpose, amounts
            See :class:`Transfers`.

        Raises
        ------
        LedgerError
            As ``post``; then nothing of the call is posted.
        """
        self.post_all(month, [Transfers(payers, payees, purpose, amounts)])

    def post_all(self, month: int, transfers: Iterable[Transfers]) -> None:
        """Move money between many accounts for many purposes: all of it, or nothing.

        Parameters
        ----------
        month : int
            The open month.
        transfers : iterable of Transfers

        Raises
        ------
        LedgerError
            As ``post``; then nothing of the call is posted.
        """
        self._open(month)
        blocks = [self._block(given) for given in transfers]
        if blocks:
            self._move(np.concatenate(blocks, axis=1))

    def plan(self, orders: Iterable[Order]) -> Plan:
        """Look up the accounts and purposes of transfers that are made month after month.

        Parameters
        ----------
        orders : iterable of Order

        Raises
        ------
        LedgerError
            For an unknown name, or payers and payees that differ in number.
        """
        blocks = []
        for payers, payees, purpose, returned in orders:
            names = payees if isinstance(payers, str) else payers
            size = 1 if isinstance(names, str) else len(names)
            block = np.empty((4, size), dtype=np.int64)
            block[0] = self._positions(payers, size, purpose)
            block[1] = self._positions(payees, size, purpose)
            block[2] = self._purpose(purpose)
            block[3] = self._purpose(returned) if returned else _NEVER
            blocks.append(block)
        return Plan(np.concatenate(blocks, axis=1))

    def post_plan(self, month: int, plan: Plan, amounts: ArrayLike) -> None:
        """Carry out a plan's orders for a month: all of them, or nothing.

        Parameters
        ----------
        month : int
            The open month.
        plan : Plan
            From ``plan``.
        amounts : array_like of int, shape (n,)
            Fen for each row of the plan's orders in turn; negative where money comes back.

        Raises
        ------
        LedgerError
            As ``post``, and if the numbers of rows and amounts differ; then nothing is posted.
        """
        self._open(month)
        values = _whole_numbers(amounts, "plan")
        places = plan.places
        if values.shape != places.shape[1:]:
            raise LedgerError(
                "rows and amounts differ in number",
                where="plan",
                value=values.shape,
                allowed=str(places.shape[1:]),
            )
        backward = (values < 0) & (places[3] != _NEVER)
        block = np.empty_like(places)
        block[0] = np.where(backward, places[1], places[0])
        block[1] = np.where(backward, places[0], places[1])
        block[2] = np.where(backward, places[3], places[2])
        block[3] = np.where(backward, -values, values)
        self._move(block)

    def _block(self, given: Transfers) -> NDArray[np.int64]:
        """Look up transfers; give rows of payer, payee, purpose and fen."""
        payers, payees, purpose, amounts = given
        kind = self._purpose(purpose)
        values = _whole_numbers(amounts, purpose)
        if values.ndim > 1:
            raise LedgerError(where=purpose, value=values.shape, allowed="one dimension")
        size = values.size
        block = np.empty((4, size), dtype=np.int64)
        block[0] = self._positions(payers, size, purpose)
        block[1] = self._positions(payees, size, purpose)
        block[2] = kind
        block[3] = values
        return block

    def _move(self, block: NDArray[np.int64]) -> None:
        """Enter transfers, all or none; zeros leave no trace."""
        amounts = block[3]
        least, largest = int(amounts.min(initial=0)), int(amounts.max(initial=0))
        if least < 0:
            row = int(np.argmax(amounts < 0))
            raise LedgerError(
                "a transfer is negative",
                where=f"month {self._month}, {_PURPOSE_NAMES[block[2, row]]}",
                value=int(amounts[row]),
                allowed="0 fen or more",
                remedy="Post money that comes back as a transfer the other way.",
            )
        if largest == 0:
            return
        turnover = self._turnover + float(amounts.sum(dtype=np.float64))
        if largest > _LARGEST or turnover > _LARGEST:
            purpose = _PURPOSE_NAMES[block[2, int(np.argmax(amounts))]]
            raise LedgerError(
                "an amount is too large",
                where=purpose,
                allowed=f"below {_LARGEST} fen, and so a month's in all",
            )
        moved = block[:, amounts > 0]
        itself = moved[0] == moved[1]
        if np.count_nonzero(itself):
            row = int(np.argmax(itself))
            raise LedgerError(
                "an account pays itself",
                where=f"month {self._month}, {_PURPOSE_NAMES[moved[2, row]]}",
                value=self._names[moved[0, row]],
            )
        balances = _after(self._balances, moved)
        if int(np.abs(balances).max()) > _LARGEST:
            row = int(np.argmax(np.abs(balances)))
            raise LedgerError(
                "a balance is too large", where=self._names[row], allowed=f"below {_LARGEST} fen"
            )
        self._balances = balances
        self._turnover = turnover
        self._flows[-1].append(moved)

    def post_net(
        self,
        month: int,
        payers: str | Sequence[str],
        payees: str | Sequence[str],
        purpose: str,
        purpose_returned: str,
        amounts: ArrayLike,
    ) -> None:
        """Move money forward where an amount is positive and back where it is negative.

        Parameters
        ----------
        month, payers, payees, purpose
            As ``post_many``, for the positive amounts.
        purpose_returned : str
            Purpose of the transfers from payee to payer that the negative amounts stand for.
        amounts : array_like of int, shape (n,)
            Fen of either sign.
        """
        values = _whole(amounts, purpose)
        self.post_all(
            month,
            [
                Transfers(payers, payees, purpose, np.maximum(values, 0)),
                Transfers(payees, payers, purpose_returned, np.maximum(-values, 0)),
            ],
        )

    def post_patients(
        self,
        month: int,
        providers: Sequence[str],
        purpose: str | Sequence[str],
        cells: NDArray[np.int64],
    ) -> None:
        """Move patients' own money to providers, kept by scheme and income fifth.

        Parameters
        ----------
        month : int
            The open month.
        providers : sequence of str, length n
            Accounts that are paid.
        purpose : str, or several
            Of ``PURPOSES``.
        cells : array of int64, shape (schemes, 5, n), or (purposes, schemes, 5, n) for several
            Fen paid by the people of each scheme and income fifth, 0 or more.

        Raises
        ------
        LedgerError
            As ``post_many``, or if the shape is not that of the sub-ledger.
        """
        self._open(month)
        purposes = (purpose,) if isinstance(purpose, str) else tuple(purpose)
        where = ", ".join(purposes)
        values = _whole_numbers(cells, where)
        values = values[None] if isinstance(purpose, str) else values
        expected = (len(purposes), len(self._schemes), _FIFTHS, len(providers))
        if values.shape != expected:
            raise LedgerError(
                "patients' cells", where=where, value=values.shape, allowed=str(expected)
            )
        least, largest = int(values.min(initial=0)), int(values.max(initial=0))
        if largest > _LARGEST:
            raise _too_large(where, _LARGEST)
        if least < 0:
            raise LedgerError(
                "a patients' payment is negative",
                where=f"month {month}, {where}",
                value=least,
                allowed="0 fen or more",
            )
        kinds = [self._purpose(name) for name in purposes]
        accounts = np.asarray(self._positions(providers, len(providers), where))
        block = np.empty((4, len(kinds), len(accounts)), dtype=np.int64)
        block[0] = self.index(PATIENTS)
        block[1] = accounts
        block[2] = np.array(kinds)[:, None]
        values.sum(axis=(1, 2), out=block[3])
        self._move(block.reshape(4, -1))
        by_account = values.transpose(0, 3, 1, 2).copy()
        self._cells[-1] += [
            (kind, accounts, of) for kind, of in zip(kinds, by_account, strict=True)
        ]

    def residual(self, month: int) -> int:
        """Recount a month from its entries: 0, or an error that names the account.

        Parameters
        ----------
        month : int
            The open month or one that is closed.

        Returns
        -------
        int
            0.

        Raises
        ------
        LedgerError
            If an account's closing is not its opening and what the entries moved, if the changes
            do not add to zero, or if the patients' cells do not add to the patients' entries.
        """
        row = self._row(month)
        closing, opening = self._closing(row), self._openings[row]
        missing = closing - _after(opening, *self._flows[row])
        if np.count_nonzero(missing):
            position = int(np.argmax(missing != 0))
            raise LedgerError(
                "closing is not opening plus received less paid",
                where=f"month {month}, account {self._names[position]}",
                value=int(missing[position]),
                allowed="0 fen",
            )
        total = int((closing - opening).sum())
        if total != 0:
            raise LedgerError(
                "money appeared or vanished", where=f"month {month}", value=total, allowed="0 fen"
            )
        self._check_patients(row, month)
        return total

    def close(self, month: int) -> None:
        """Close the open month after recounting it, and open the next with its balances.

        Raises
        ------
        LedgerError
            If it is not the open month or the recount fails.
        """
        self._open(month)
        self.residual(month)
        # Balances are replaced when money moves, never written into: no copy is needed.
        self._closings.append(self._balances)
        self._openings.append(self._balances)
        self._flows.append([])
        self._turnover = 0.0
        self._cells.append([])
        self._month += 1

    def total(self, purpose: str, month: int | None = None) -> int:
        """Add what was moved for a purpose, in one month or in all, fen."""
        kind = self._purpose(purpose)
        rows = self._flows if month is None else [self._flows[self._row(month)]]
        return sum(int(block[3, block[2] == kind].sum()) for blocks in rows for block in blocks)

    def entries(self) -> dict[str, NDArray[Any]]:
        """Give every transfer as a table: month, payer, payee, purpose, amount (fen).

        Returns
        -------
        dict of arrays
            Equal lengths, one row for each month, payer, payee and purpose with money moved; the
            open month included.
        """
        size, kinds = len(self._names), len(_PURPOSE_NAMES)
        blocks = [block for posted in self._flows for block in posted]
        rows = [sum(block.shape[1] for block in posted) for posted in self._flows]
        givers, takers, purposes, posted = np.concatenate([_NOTHING, *blocks], axis=1)
        months = np.repeat(np.arange(len(rows), dtype=np.int64), rows)
        # One number a place: it sorts as month, payer, payee and purpose do.
        places = ((months * size + givers) * size + takers) * kinds + purposes
        found, row = np.unique(places, return_inverse=True)
        amounts = np.zeros(found.size, dtype=np.int64)
        np.add.at(amounts, row, posted)
        found, purposes = np.divmod(found, kinds)
        found, takers = np.divmod(found, size)
        months, givers = np.divmod(found, size)
        return {
            "month": months + self._first_month,
            "payer": _named(givers, self._names),
            "payee": _named(takers, self._names),
            "purpose": _named(purposes, _PURPOSE_NAMES),
            "amount": amounts,
        }

    def accounts(self) -> dict[str, NDArray[Any]]:
        """Give every balance as a table: month, account, opening, closing (fen).

        Returns
        -------
        dict of arrays
            Equal lengths, every account in every month; the open month once money moved in it.
        """
        rows = len(self._closings) + (1 if self._flows[-1] else 0)
        size = len(self._names)
        empty = np.zeros(0, dtype=np.int64)
        return {
            "month": np.repeat(np.arange(rows, dtype=np.int64) + self._first_month, size),
            "account": np.tile(np.array(self._names, dtype=np.str_), rows),
            "opening": np.concatenate([empty, *self._openings[:rows]]),
            "closing": np.concatenate([empty, *(self._closing(row) for row in range(rows))]),
        }

    def patients(self) -> dict[str, NDArray[Any]]:
        """Give the patients' sub-ledger: month, scheme, fifth (1-5), provider, purpose, amount.

        Returns
        -------
        dict of arrays
            Equal lengths, fen, cells with money moved.
        """
        months: list[int] = []
        schemes: list[str] = []
        fifths: list[int] = []
        providers: list[str] = []
        purposes: list[str] = []
        amounts: list[int] = []
        for row in range(len(self._cells)):
            cells_of = self._cells_of(row)
            found = [
                (account, kind, scheme, fifth)
                for kind, cells in cells_of.items()
                for account, scheme, fifth in np.argwhere(cells != 0).tolist()
            ]
            for account, kind, scheme, fifth in sorted(found):
                months.append(self._first_month + row)
                schemes.append(self._schemes[scheme])
                fifths.append(fifth + 1)
                providers.append(self._names[account])
                purposes.append(_PURPOSE_NAMES[kind])
                amounts.append(int(cells_of[kind][account, scheme, fifth]))
        return {
            "month": np.array(months, dtype=np.int64),
            "scheme": np.array(schemes, dtype=np.str_),
            "fifth": np.array(fifths, dtype=np.int64),
            "provider": np.array(providers, dtype=np.str_),
            "purpose": np.array(purposes, dtype=np.str_),
            "amount": np.array(amounts, dtype=np.int64),
        }

    def _check_patients(self, row: int, month: int) -> None:
        """Hold the patients' cells against the patients' entries of a month."""
        patients = self._index.get(PATIENTS)
        if patients is None or not self._schemes:
            return
        missing = np.zeros((len(_PURPOSE_NAMES), len(self._names)), dtype=np.int64)
        for kind, rows, cells in self._cells[row]:
            np.add.at(missing[kind], rows, cells.sum(axis=(1, 2)))
        for block in self._flows[row]:
            _, takers, kinds, amounts = block[:, block[0] == patients]
            np.subtract.at(missing, (kinds, takers), amounts)
        if np.count_nonzero(missing):
            kind, account = np.argwhere(missing)[0].tolist()
            raise LedgerError(
                "patients' cells do not add to the patients' entries",
                where=f"month {month}, {self._names[account]}, {_PURPOSE_NAMES[kind]}",
                value=int(missing[kind, account]),
                allowed="0 fen",
                remedy="Post patients' money with post_patients.",
            )

    def _cells_of(self, row: int) -> dict[int, NDArray[np.int64]]:
        """Give the patients' cells of a month by purpose: fen by account, scheme and fifth."""
        found: dict[int, NDArray[np.int64]] = {}
        shape = (len(self._names), len(self._schemes), _FIFTHS)
        for kind, rows, cells in self._cells[row]:
            np.add.at(found.setdefault(kind, np.zeros(shape, dtype=np.int64)), rows, cells)
        return found

    def _closing(self, row: int) -> NDArray[np.int64]:
        """Give the closing balances of a month, those so far if it is open."""
        return self._closings[row] if row < len(self._closings) else self._balances

    def _row(self, month: int) -> int:
        """Find a month's row."""
        row = int(month) - self._first_month
        if not 0 <= row < len(self._flows):
            raise LedgerError(
                "the month has no books",
                value=month,
                allowed=f"{self._first_month} to {self._month}",
            )
        return row

    def _open(self, month: int) -> None:
        """Refuse to write into a month that is not the open one."""
        if int(month) != self._month:
            raise LedgerError(
                "the month is not open", where="ledger", value=month, allowed=str(self._month)
            )

    def _purpose(self, purpose: str) -> int:
        """Find a purpose's position; an unknown one is an error that suggests one."""
        position = _PURPOSE_INDEX.get(purpose)
        if position is None:
            near = difflib.get_close_matches(str(purpose), _PURPOSE_NAMES, n=1)
            raise LedgerError(
                "unknown purpose",
                where=f"ledger, month {self._month}",
                value=purpose,
                allowed=", ".join(_PURPOSE_NAMES),
                remedy=f"Did you mean `{near[0]}`?" if near else "",
            )
        return position

    def _positions(
        self, names: str | Sequence[str], size: int, purpose: str
    ) -> NDArray[np.int64] | int:
        """Turn one name, for all rows, or a name a row into positions."""
        if isinstance(names, str):
            return self.index(names)
        if len(names) != size:
            raise LedgerError(
                "names and amounts differ in number",
                where=purpose,
                value=len(names),
                allowed=str(size),
            )
        known = self._found.get(names) if isinstance(names, tuple) else None
        if known is None:
            known = np.array([self.index(str(name)) for name in names], dtype=np.int64)
            if isinstance(names, tuple):
                self._found[names] = known
        return known


_NOTHING = np.zeros((4, 0), dtype=np.int64)


def _after(balances: NDArray[np.int64], *blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give balances after transfers."""
    after = balances.copy()
    for givers, takers, _, amounts in blocks:
        np.subtract.at(after, givers, amounts)
        np.add.at(after, takers, amounts)
    return after


def _named(positions: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.str_]:
    """Give names by position; as wide as the longest that is used."""
    used, place = np.unique(positions, return_inverse=True)
    return np.array([names[position] for position in used], dtype=np.str_)[place]


def _whole(amounts: ArrayLike, where: str, largest: int = _LARGEST) -> NDArray[np.int64]:
    """Take amounts that are whole fen already and can be added up."""
    values = _whole_numbers(amounts, where)
    if values.size > 0 and not (-largest <= values.min() and values.max() <= largest):
        raise _too_large(where, largest)
    return values


def _too_large(where: str, largest: int) -> LedgerError:
    """Give the error of an amount that could not be added up."""
    return LedgerError("an amount is too large", where=where, allowed=f"below {largest} fen")


def _whole_numbers(amounts: ArrayLike, where: str) -> NDArray[np.int64]:
    """Take amounts that are whole fen already; a fraction would be rounded twice."""
    values = np.asarray(amounts)
    if values.dtype.kind not in "iu" and values.size > 0:
        raise LedgerError(
            "an amount is not a whole number of fen",
            where=where,
            value=str(values.dtype),
            allowed="integers",
            remedy="Round once, before posting.",
        )
    return values.astype(np.int64, copy=False)
