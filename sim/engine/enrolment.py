"""Whose list a person is on: people choose among practices, and a practice may put someone off.

Runs once a year over everyone on columns, for either engine, as signing does. Knows one person's
options and what a practice expects of a member; must not know contracts.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.behavior.choice import UNAVAILABLE, diminished_price, nest_weight, provider_utility
from sim.behavior.joining import prob_discourage
from sim.engine.bills import felt_price
from sim.engine.kernels import Columns, cell_at, entitled_at, uid_of, whole
from sim.engine.setting import ORDINARY
from sim.engine.tables import Float, Keys, MemberTable, PriceTable, SeekTable
from sim.numerics import compiled
from sim.randomness import Decision, subkey, uniform
from sim.tallies import PersonTally, ProviderTally

_JOIN = int(Decision.JOIN_LIST)
# Signing a contract and leaving a hospital's list use the key itself.
_RECONSIDER, _WHICH_PRACTICE, _DISCOURAGE = 1, 2, 3

_P_APPLIED = int(PersonTally.LIST_APPLIED)
_P_REFUSED = int(PersonTally.LIST_REFUSED)
_P_APPLIED_RISK = int(PersonTally.LIST_APPLIED_RISK)
_P_REFUSED_RISK = int(PersonTally.LIST_REFUSED_RISK)
_JOINED = int(ProviderTally.JOINED)
_JOINED_RISK = int(ProviderTally.JOINED_RISK)
_LEFT = int(ProviderTally.LEFT)
_LEFT_RISK = int(ProviderTally.LEFT_RISK)

LAST_AGE = 100


class ListTable(NamedTuple):
    """What choosing a list and putting someone off turn on.

    reconsider share of people who think about their list this year; expected experience of a
    practice never seen; risk (A, 2, 2^C) predicted yearly cost over the region's mean; paid
    (A, 2, 2^C, F) the weights by which capitation counts a member; by_weight (n, Y, F) receipts of
    a member-year per unit of each weight; receipts and cost (n, Y) of a year of care of a member
    of risk 1; money, altruism (n,) weights; precision (n, Y) per currency; complaint cost and
    log-odds constant; may_refuse whether practices can put people off.
    """

    reconsider: float
    expected: float
    risk: Float
    paid: Float
    by_weight: Float
    receipts: Float
    cost: Float
    money: Float
    altruism: Float
    precision: Float
    value: float
    complaint: float
    constant: float
    may_refuse: bool


@compiled
def choose_practice(
    cover: int,
    entitled: int,
    contract: int,
    income: float,
    zone: int,
    practice: int,
    home: int,
    experience: float,
    account_fen: int,
    u: float,
    seeking: SeekTable,
    prices: PriceTable,
    expected: float,
) -> int:
    """Choose the practice whose list to be on: a logit over the practices in reach.

    Parameters
    ----------
    cover, entitled, contract, zone : int
        Row of the person's benefit package, entitlement, family doctor contract and zone.
    income : float
        Yearly, currency.
    practice, home : int
        The practice whose list the person is on, and the zone's own.
    experience : float
        With the present practice.
    account_fen : int
        What is in the person's individual account.
    u : float
        Uniform draw.
    expected : float
        Experience expected of a practice never seen.

    Returns
    -------
    int
        Provider.

    Notes
    -----
    The utility is that of a typical ordinary visit there: felt price under a contract with that
    practice, travel time, wait, experience, and loyalty to the present one.
    """
    utilities = seeking.scratch
    width = seeking.options.shape[1]
    best = UNAVAILABLE
    for j in range(width + 1):
        k = home if j == width else seeking.options[zone, j]
        utilities[j] = UNAVAILABLE
        if k < 0 or seeking.kind[k] != 0:
            continue
        constant = seeking.constant[ORDINARY, k]
        known = expected
        if k == practice:
            constant += seeking.own_practice
            known = experience
        utilities[j] = provider_utility(
            constant,
            diminished_price(
                felt_price(cover, entitled, 0, contract, k, account_fen, prices),
                income / 12.0,
                seeking.price_half,
            ),
            income / 12.0,
            seeking.price_weight,
            seeking.log_minutes[zone, k],
            seeking.distance_weight,
            seeking.wait[k],
            seeking.wait_weight,
            known,
            seeking.experience_weight,
        )
        best = max(best, utilities[j])
    total = 0.0
    for j in range(width + 1):
        utilities[j] = nest_weight(utilities[j] - best, 1.0) if utilities[j] > UNAVAILABLE else 0.0
        total += utilities[j]
    u *= total
    chosen = practice
    for j in range(width + 1):
        if utilities[j] > 0.0:
            chosen = home if j == width else seeking.options[zone, j]
            u -= utilities[j]
            if u < 0.0:
                break
    return chosen


@compiled
def prob_put_off(p: int, payer: int, age: int, sex: int, chronic: int, table: ListTable) -> float:
    """Return the chance that a practice puts off someone who wants to join, by predicted cost.

    Whoever is put off stays on the present list, so that no health is lost by it; what restrains
    a practice is what the member brings, and complaints.

    Parameters
    ----------
    p, payer : int
        The practice and the person's payer.
    age, sex, chronic : int
        What the practice predicts from: years, 0 or 1, conditions.
    table : ListTable
    """
    risk = table.risk[age, sex, chronic]
    receipts = risk * table.receipts[p, payer]
    for f in range(table.by_weight.shape[2]):
        receipts += table.paid[age, sex, chronic, f] * table.by_weight[p, payer, f]
    return prob_discourage(
        table.money[p] * receipts,
        table.money[p] * risk * table.cost[p, payer],
        table.altruism[p],
        table.value,
        0.0,
        table.complaint,
        table.precision[p, payer],
        table.constant,
    )


@compiled
def list_stage(
    c: Columns,
    keys: Keys,
    seeking: SeekTable,
    prices: PriceTable,
    m: MemberTable,
    table: ListTable,
    people: npt.NDArray[np.int64],
    providers: npt.NDArray[np.int64],
) -> None:
    """Let those whose turn it is choose a list; write it to the column ``practice``.

    Parameters
    ----------
    people : int64, shape (cells, len(PersonTally))
    providers : int64, shape (n, Y, len(ProviderTally))
        Tallies of the month.
    """
    for i in range(c.age_months.shape[0]):
        person = np.uint64(uid_of(whole(c.generation[i]), i))
        key = np.uint64(subkey(keys[_JOIN], np.uint64(_RECONSIDER)))
        if uniform(key, person) >= table.reconsider:
            continue
        payer = whole(c.scheme[i])
        old = whole(c.practice[i])
        zone = whole(c.zone[i])
        key = np.uint64(subkey(keys[_JOIN], np.uint64(_WHICH_PRACTICE)))
        new = choose_practice(
            whole(c.cover[i]),
            entitled_at(i, c, m),
            whole(c.contract[i]),
            np.float64(c.income[i]),
            zone,
            old,
            m.home_practice[zone],
            np.float64(c.experience_practice[i]),
            whole(c.account[i]),
            uniform(key, person),
            seeking,
            prices,
            table.expected,
        )
        if new == old:
            continue
        age = min(whole(c.age_months[i]) // 12, LAST_AGE)
        sex = whole(c.sex[i])
        chronic = whole(c.chronic[i])
        risk = int(np.floor(table.risk[age, sex, chronic] * 1000.0 + 0.5))
        cell = cell_at(i, c, m)
        people[cell, _P_APPLIED] += 1
        people[cell, _P_APPLIED_RISK] += risk
        if table.may_refuse:
            key = np.uint64(subkey(keys[_JOIN], np.uint64(_DISCOURAGE)))
            if uniform(key, person) < prob_put_off(new, payer, age, sex, chronic, table):
                people[cell, _P_REFUSED] += 1
                people[cell, _P_REFUSED_RISK] += risk
                continue
        providers[old, payer, _LEFT] += 1
        providers[old, payer, _LEFT_RISK] += risk
        providers[new, payer, _JOINED] += 1
        providers[new, payer, _JOINED_RISK] += risk
        c.practice[i] = new
        c.experience_practice[i] = table.expected
