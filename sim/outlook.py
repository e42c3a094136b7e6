"""What providers see before they act: incentives, position, and the levers they move.

Knows how contracts are differentiated at projected activity; must not know any payment model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sim.activity import Activity
from sim.behavior.income import income_weight
from sim.engine.organization import (
    CHANNELS,
    Marginals,
    Position,
    decide,
)
from sim.engine.setting import (
    Setting,
)
from sim.engine.tables import (
    Int,
)
from sim.incentives import IncentiveTerms, marginal_receipts
from sim.oversight import (
    affordable_share,
    peer_share,
    review_probability,
    scrutiny,
)
from sim.payment import is_straight
from sim.tallies import ProviderTally
from sim.world import MONTHS, Agreement, World, monthly_run_rate, trended, year_so_far

_T = ProviderTally
SETTLING = 36  # months of adjustment before the first


def incentive_terms(values: Mapping[str, float]) -> IncentiveTerms:
    """Return how providers look ahead, from the parameters in force."""
    return IncentiveTerms(
        error=values["forecast_sd"],
        weight_to_date=values["myopia"],
        discount=values["discount"],
        retention=values["retention"],
        score_error=values["score_error"],
    )


def see_incentives(world: World) -> Marginals:
    """Differentiate every contract at the projected year-end activity of its providers."""
    if not world.rolling:
        return world.reference.copy()
    seen = _straight_marginals(world).copy()
    _see(world, seen, [a for a in world.agreements if not is_straight(a.model)])
    return seen


def _straight_marginals(world: World) -> Marginals:
    """Return what contracts without a bend bring: the same until terms are renewed."""
    known = world.straight_seen
    if known is not None and known[0] is world.agreements and known[1] is world.benefits:
        return known[2]
    seen = world.reference.copy()
    _see(world, seen, [a for a in world.agreements if is_straight(a.model)])
    world.straight_seen = (world.agreements, world.benefits, seen)
    return seen


def _see(world: World, seen: Marginals, agreements: Sequence[Agreement]) -> None:
    """Write what some contracts bring at the projected year-end activity, in place."""
    elapsed = world.month % MONTHS

    def place(payer: int, rows: Int | slice) -> tuple[Activity, Activity | None]:
        done = year_so_far(world, payer, rows) if elapsed else None
        return monthly_run_rate(world, payer, rows), done

    _differentiate(world, seen, agreements, elapsed, place)


def foreseen_incentives(world: World, elapsed: int) -> Marginals:
    """Differentiate every contract as its providers would see it later in the year that begins.

    Parameters
    ----------
    world : World
        At the start of an accounting year, terms renewed, a year of activity behind it.
    elapsed : int
        Months of the year passed, 0-11.

    Returns
    -------
    Marginals
        What providers would see had they gone on as over the last twelve months, need grown by
        the region's drift: the year to date fills and the run-rate takes the new months in.
    """
    drift = world.region.drift.price_growth * world.setting.values["drift_scale"]

    def place(payer: int, rows: Int | slice) -> tuple[Activity, Activity | None]:
        old = monthly_run_rate(world, payer, rows)
        new = trended(old, drift)
        rolling = old.scaled(1.0 - elapsed / MONTHS) + new.scaled(elapsed / MONTHS)
        return rolling, new.scaled(float(elapsed)) if elapsed else None

    seen = world.reference.copy()
    _differentiate(world, seen, world.agreements, elapsed, place)
    return seen


def _differentiate(
    world: World,
    seen: Marginals,
    agreements: Sequence[Agreement],
    elapsed: int,
    place: Callable[[int, Int | slice], tuple[Activity, Activity | None]],
) -> None:
    """Write what contracts bring where ``place`` puts providers: run-rate and year to date."""
    terms = incentive_terms(world.setting.values)
    for agreement in agreements:
        payer, rows = agreement.payer, agreement.span
        if not world.benefits.covers[payer]:
            _write_list_price(seen, payer, world.setting)
            continue
        run_rate, done = place(payer, rows)
        projection = run_rate.scaled(float(MONTHS - elapsed))
        # The month in hand belongs to the year so far that a manager looks at.
        to_date = run_rate
        if done is not None:
            projection = projection + done
            to_date = done + run_rate
        slope = marginal_receipts(
            agreement.model, projection, to_date, (MONTHS - elapsed) / MONTHS, terms
        )
        _write_marginals(seen, slope, payer, rows, world.setting)


def _write_list_price(seen: Marginals, payer: int, setting: Setting) -> None:
    """Write what people without a contract pay: the list price at their own level."""
    level = setting.region.people.price_level[payer]
    seen.out[:, payer] = setting.price_out * level[setting.setting_of][:, None]
    seen.inside[:, payer] = setting.price_in * level[2]
    seen.day[:, payer] = setting.day_price[:, None] * level[2]


def _write_marginals(
    seen: Marginals, slope: Activity, payer: int, rows: Int | slice, setting: Setting
) -> None:
    """Turn a contract's gradient into total receipts: what is uncovered comes at list price."""
    here = np.arange(slope.n_providers)
    outpatient = setting.setting_of[rows]
    share = setting.region.providers.covered_share[rows]
    out, inside = share[:, :1], share[:, 1:]
    level = setting.region.people.price_level[payer]
    level_out = level[outpatient][:, None]
    seen.visit[rows, payer] = slope.visits[here, outpatient]
    seen.out[rows, payer] = (
        out * slope.units[here, outpatient] + (1.0 - out) * setting.price_out[rows] * level_out
    )
    seen.inside[rows, payer] = (
        inside * slope.units[:, 2] + (1.0 - inside) * setting.price_in[rows] * level[2]
    )
    seen.day[rows, payer] = (
        inside * slope.bed_days[:, :, 0]
        + (1.0 - inside) * setting.day_price[rows][:, None] * level[2]
    )
    seen.case[rows, payer] = slope.admissions[..., 0] + slope.visits[:, 2][:, None, None]
    seen.cost[rows, payer] = slope.resource_cost
    seen.elsewhere[rows, payer] = slope.spent_elsewhere
    seen.quality[rows, payer] = slope.quality_num
    seen.refer[rows, payer] = slope.referrals[:, 0]
    seen.refer_down[rows, payer] = slope.referrals[:, 1]
    seen.experience[rows, payer] = slope.experience
    seen.member[rows, payer] = slope.member_months + slope.risk_months


def channel_marginals(world: World) -> dict[str, Marginals]:
    """Return what each channel sees: frozen ones what was seen when the reform started."""
    frozen = world.frozen if world.month >= world.reform_month else frozenset()
    held = world.frozen_at if world.frozen_at is not None else world.marginals
    return {name: held if name in frozen else world.marginals for name in CHANNELS}


def position(world: World) -> Position:
    """Return where providers stand: sums of the last twelve months."""
    setting = world.setting
    n, n_payers, n_groups = len(setting.beds), world.n_payers, len(setting.need_out)
    recent = world.recent
    if not world.rolling:
        even = np.tile(np.asarray(world.region.people.scheme_share, dtype=np.float64), (n, 1))
        return Position(
            weights=even,
            revenue=np.zeros(n),
            target=np.zeros(n),
            cost_base=np.zeros(n),
            contacts=np.zeros(n),
            stays=np.zeros(n),
            stays_by_group=np.zeros((n, n_payers, n_groups)),
            uncontrolled=np.zeros((n, n_payers)),
            conditions=np.zeros((n, n_payers)),
            chronic_members=np.zeros((n, n_payers)),
            load=np.zeros(n),
            bed_margin=np.zeros(n),
            prob_review=np.zeros((n, n_payers)),
            detection=np.zeros(n_payers),
            fine=np.zeros(n_payers),
        )
    year = MONTHS / recent.months
    tally = recent.provider.astype(np.float64) * year
    charges = tally[:, :, _T.CHARGE_OUT] + tally[:, :, _T.CHARGE_IN]
    total = charges.sum(axis=1, keepdims=True)
    share = np.asarray(world.region.people.scheme_share, dtype=np.float64)
    weights = np.where(total > 0.0, charges / np.maximum(total, 1.0), share[None])
    stays = tally[:, :, _T.ADMISSIONS].sum(axis=1)
    cost = (tally[:, :, _T.COST_OUT] + tally[:, :, _T.COST_IN]).sum(axis=1) / 100.0
    charge_in = tally[:, :, _T.CHARGE_IN].sum(axis=1) / 100.0
    # Beds go by urgency, so whoever is displaced is a planned case if there are any; a day is worth
    # its share of the days that such a stay needs, however short stays have become.
    days = np.maximum(tally[:, :, _T.NEED_DAYS].sum(axis=1) / 1000.0, 1.0)
    margin = (charge_in - tally[:, :, _T.COST_IN].sum(axis=1) / 100.0) / days
    stake_day = setting.altruism * setting.values["value_of_health"]
    presented = recent.billed.sum(axis=(1, 3)).astype(np.float64)
    planned = presented * world.region.groups.is_elective
    least = np.where(planned.sum(axis=1, keepdims=True) > 0.0, planned, presented)
    health = np.einsum("ng,ng->n", setting.delay_health, least)
    health = health / np.maximum(least.sum(axis=1), 1.0)
    mean_days = days / np.maximum(stays, 1.0)
    displaced = margin + stake_day * health / np.maximum(mean_days, 1.0)
    upcoded = tally[:, :, _T.UPCODED].sum(axis=1)
    peers = peer_share(upcoded, stays, world.region.providers.kind)
    own = upcoded / np.maximum(stays, 1.0)
    review = review_probability(world.audits, own, peers)
    review = scrutiny(
        world.audits, review * affordable_share(world.audits, review, stays, setting.scale)
    )
    revenue = sum(h["earned"] for h in world.history[-MONTHS:])
    return Position(
        weights=weights,
        revenue=np.asarray(revenue, dtype=np.float64) / 100.0 * year,
        target=world.income_target,
        cost_base=cost,
        contacts=tally[:, :, _T.VISITS].sum(axis=1),
        stays=stays,
        stays_by_group=recent.billed.sum(axis=3).astype(np.float64) * year,
        uncontrolled=(tally[:, :, _T.CONDITIONS] - tally[:, :, _T.CONTROLLED]) / MONTHS,
        conditions=tally[:, :, _T.CONDITIONS] / MONTHS,
        chronic_members=tally[:, :, _T.CHRONIC_MEMBERS] / MONTHS,
        load=world.load,
        bed_margin=displaced,
        prob_review=np.repeat(review[:, None], n_payers, axis=1),
        detection=np.full(n_payers, world.audits.detection),
        fine=np.full(n_payers, world.audits.fine),
    )


def move_levers(world: World) -> None:
    """Let providers see this month's incentives and move styles and levers."""
    if world.month == 0:
        settle(world)
    world.marginals = see_incentives(world)
    # The mean over the year's months: under a budget January alone would tell of another contract.
    passed = world.month % MONTHS
    if passed == 0:
        world.yearly_marginals.append(world.marginals.copy())
    else:
        mean = world.yearly_marginals[-1].mixed(world.marginals, 1.0 / (passed + 1))
        world.yearly_marginals[-1] = mean
    stand = position(world)
    eta = world.setting.values["income_elasticity"]
    money = [
        income_weight(float(revenue), float(target), eta)
        for revenue, target in zip(stand.revenue, stand.target, strict=True)
    ]
    world.organizations.money[:] = money
    frozen = world.frozen if world.month >= world.reform_month else frozenset()
    decide(
        world.setting,
        world.organizations,
        channel_marginals(world),
        world.reference,
        stand,
        frozen,
    )


def settle(world: World) -> None:
    """Bring providers to the styles that list prices ask for: no run starts in transition."""
    stand = position(world)
    for _ in range(SETTLING):
        decide(
            world.setting,
            world.organizations,
            dict.fromkeys(CHANNELS, world.reference),
            world.reference,
            stand,
            frozenset(),
        )
