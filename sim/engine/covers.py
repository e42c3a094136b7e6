"""Which benefit package a person has: the year's choice among a scheme's options.

Runs once a year over everyone on columns, for either engine, as signing does. Knows one person's
last year, what people alike can expect, and cost sharing; must not know contracts of providers.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.behavior.choice import draw_from_weights, nest_weight
from sim.behavior.cover import cover_utility, felt_cost_of_cover
from sim.benefits import BenefitTable
from sim.engine.bills import (
    course_bill,
    entitlement,
    inpatient_bill,
    is_retired,
    outpatient_bill,
)
from sim.engine.kernels import Columns, uid_of, whole
from sim.engine.tables import Float, Int, Keys
from sim.numerics import compiled
from sim.randomness import Decision, uniform

_COVER = int(Decision.COVER)

LAST_AGE = 100
MOST_LIKELY_STAY = 0.9  # nobody takes a year with a stay for certain


class CoverTable(NamedTuple):
    """What choosing a benefit package turns on.

    first, n_options (Y,) row of a scheme's first option and how many it has; premium (R,) currency
    a year; needs_contract (R,). attention share of people who think about their cover this year;
    memory weight of last year against what people alike can expect; known, aversion, precision as
    in :mod:`sim.behavior.cover`. risk (A, 2, 2^C) predicted yearly cost, over_mean (Y,) what brings
    it to a mean of 1 in a scheme; out (Y,) fen of covered outpatient charges of a mean member-year;
    with_stay (Y,) share of members with a stay in a year, charge and stays (Y, K) fen and number in
    K such years, equally likely; tier_out, tier_in (Y, T) shares of covered charges by kind of
    provider; listed_from (Y, C) as in ``MemberTable``; benefits the packages; scratch (R,) room.
    """

    first: Int
    n_options: Int
    premium: Float
    needs_contract: npt.NDArray[np.bool_]
    attention: float
    memory: float
    known: float
    aversion: float
    precision: float
    risk: Float
    over_mean: Float
    out: Float
    with_stay: Float
    charge: Int
    stays: Int
    tier_out: Float
    tier_in: Float
    listed_from: Float
    benefits: BenefitTable
    scratch: Float


@compiled
def own_of_year(
    cover: int,
    payer: int,
    out_fen: int,
    in_fen: int,
    n_stays: int,
    contract: int,
    entitled: int,
    is_poor: int,
    retired: int,
    table: CoverTable,
) -> float:
    """Return what a person would pay of a year's covered charges under a benefit package.

    Parameters
    ----------
    cover, payer : int
        Rows of the package and of the scheme.
    out_fen, in_fen : int
        Covered charges of visits, and of stays or sessions for life, fen.
    n_stays : int
        Stays that ``in_fen`` is for, all alike; 0 for sessions for life.
    contract, entitled, is_poor, retired : int
        As in :mod:`sim.engine.bills`.
    table : CoverTable

    Returns
    -------
    float
        Fen. Visits come first, as one bill at each kind of provider weighted by what members
        spend there, unreferred; then stays likewise.
    """
    out = 0.0
    for tier in range(table.tier_out.shape[1]):
        if out_fen > 0 and table.tier_out[payer, tier] > 0.0:
            at_home = 1 if tier == 0 else 0
            _covered, patient, _position = outpatient_bill(
                out_fen, 1.0, cover, tier, contract, at_home, 0, entitled, 0, 0, table.benefits
            )
            out += table.tier_out[payer, tier] * patient
    total = out
    if in_fen <= 0:
        return total
    before = int(np.floor(out + 0.5))
    each = in_fen // max(n_stays, 1)
    for tier in range(table.tier_in.shape[1]):
        if table.tier_in[payer, tier] <= 0.0:
            continue
        own = before
        own_covered = 0
        funded = out_fen - before
        if n_stays == 0:
            _covered, patient, _aid, own_covered = course_bill(
                in_fen, 1.0, cover, tier, 0, funded, own, is_poor, retired, table.benefits
            )
            own += patient
        for stay in range(n_stays):
            charge = each if stay > 0 else in_fen - (n_stays - 1) * each
            _covered, patient, _aid, own_covered = inpatient_bill(
                charge,
                1.0,
                cover,
                tier,
                -1,
                0,
                stay,
                own_covered,
                funded,
                own,
                is_poor,
                retired,
                table.benefits,
            )
            own += patient
            funded += charge - patient
        total += table.tier_in[payer, tier] * (own - before)
    return total


@compiled
def expected_own(
    cover: int,
    payer: int,
    out_fen: int,
    in_fen: int,
    n_stays: int,
    relative_risk: float,
    contract: int,
    entitled: int,
    is_poor: int,
    retired: int,
    table: CoverTable,
) -> tuple[float, float]:
    """Return mean and variance of the own payments a person expects of the year to come.

    Parameters
    ----------
    out_fen, in_fen, n_stays : int
        Last year's covered charges and stays.
    relative_risk : float
        Predicted cost over the mean of the scheme's members.
    cover, payer, contract, entitled, is_poor, retired, table
        As in :func:`own_of_year`.

    Returns
    -------
    mean, variance : float
        Currency per year, currency squared.

    Notes
    -----
    The year may be as the last one was (weight ``memory``), or one of people alike: visits in
    proportion to predicted cost, and with a chance in proportion to it one of K years with stays.
    """
    last = 0.01 * own_of_year(
        cover, payer, out_fen, in_fen, n_stays, contract, entitled, is_poor, retired, table
    )
    mean = table.memory * last
    square = table.memory * last * last
    visits = int(np.floor(table.out[payer] * relative_risk + 0.5))
    chance = min(table.with_stay[payer] * relative_risk, MOST_LIKELY_STAY)
    quiet = 0.01 * own_of_year(
        cover, payer, visits, 0, 0, contract, entitled, is_poor, retired, table
    )
    weight = (1.0 - table.memory) * (1.0 - chance)
    mean += weight * quiet
    square += weight * quiet * quiet
    n_years = table.charge.shape[1]
    weight = (1.0 - table.memory) * chance / n_years
    for year in range(n_years):
        own = 0.01 * own_of_year(
            cover,
            payer,
            visits,
            table.charge[payer, year],
            table.stays[payer, year],
            contract,
            entitled,
            is_poor,
            retired,
            table,
        )
        mean += weight * own
        square += weight * own * own
    return mean, max(square - mean * mean, 0.0)


@compiled
def choose_cover(
    payer: int,
    out_fen: int,
    in_fen: int,
    n_stays: int,
    relative_risk: float,
    contract: int,
    entitled: int,
    is_poor: int,
    retired: int,
    income: float,
    u: float,
    table: CoverTable,
) -> int:
    """Choose a benefit package: a logit over the scheme's usual one and its options.

    Parameters
    ----------
    income : float
        Yearly, currency.
    u : float
        Uniform draw.
    payer, out_fen, in_fen, n_stays, relative_risk, contract, entitled, is_poor, retired, table
        As in :func:`expected_own`.

    Returns
    -------
    int
        Row of the package.
    """
    weights = table.scratch
    n_packages = 1 + table.n_options[payer]
    best = -np.inf
    for o in range(n_packages):
        cover = payer if o == 0 else table.first[payer] + o - 1
        weights[o] = -np.inf
        if table.needs_contract[cover] and contract == 0:
            continue
        mean, variance = expected_own(
            cover,
            payer,
            out_fen,
            in_fen,
            n_stays,
            relative_risk,
            contract,
            entitled,
            is_poor,
            retired,
            table,
        )
        felt = felt_cost_of_cover(
            table.premium[cover], mean, variance, table.aversion, income, table.known
        )
        weights[o] = cover_utility(felt, income / 12.0, table.precision)
        best = max(best, weights[o])
    total = 0.0
    for o in range(n_packages):
        weights[o] = nest_weight(weights[o] - best, 1.0) if weights[o] > -np.inf else 0.0
        total += weights[o]
    chosen = draw_from_weights(weights[:n_packages], total, u)
    return payer if chosen == 0 else table.first[payer] + chosen - 1


@compiled
def cover_stage(c: Columns, keys: Keys, table: CoverTable) -> None:
    """Let those who think about their cover this year choose; write it to the column ``cover``.

    Whoever has lost the contract that an option needs falls back to the usual package. Called
    before the columns of the year that ends start again.
    """
    for i in range(c.age_months.shape[0]):
        payer = whole(c.scheme[i])
        if table.n_options[payer] == 0:
            continue
        contract = whole(c.contract[i])
        if table.needs_contract[whole(c.cover[i])] and contract == 0:
            c.cover[i] = payer
        u = uniform(keys[_COVER], np.uint64(uid_of(whole(c.generation[i]), i)))
        if u >= table.attention:
            continue
        age_months, sex, chronic = whole(c.age_months[i]), whole(c.sex[i]), whole(c.chronic[i])
        retired = is_retired(age_months, sex)
        risk = table.risk[min(age_months // 12, LAST_AGE), sex, chronic]
        # The draw that chose the person to decide is uniform below the attention.
        c.cover[i] = choose_cover(
            payer,
            whole(c.covered_out_year[i]),
            whole(c.covered_in_year[i]),
            whole(c.stays_year[i]),
            risk * table.over_mean[payer],
            contract,
            entitlement(chronic, np.float64(c.frailty[i]), payer, retired, table.listed_from),
            whole(c.is_poor[i]),
            retired,
            np.float64(c.income[i]),
            u / table.attention,
            table,
        )
