"""What providers see before they act: incentives, position, and the levers they move.

Knows how contracts are differentiated at projected activity; must not know any payment model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from sim.activity import Activity
from sim.alliances import authority_over, move_posts, share_outside, weigh_together
from sim.benefits import Benefits
from sim.engine.adjusting import learn, move_by_controller, start_trials, try_styles
from sim.engine.organization import (
    CHANNELS,
    Marginals,
    Organizations,
    Position,
    day_at,
    decide,
    expected_charge,
    mean_day,
    mean_days,
    mean_need,
    mean_style,
    mix_plain,
    plain_copy,
    sides_bring,
    weigh_money,
)
from sim.engine.receipts import Listed, Receipts, Slopes, rows_of, write_receipts
from sim.engine.setting import Setting, worked_out_once
from sim.engine.tables import (
    Float,
    Int,
)
from sim.health.need import severity_multiplier
from sim.incentives import IncentiveTerms, marginal_receipts
from sim.numerics import compiled
from sim.oversight import (
    affordable_share,
    peer_share,
    review_probability,
    scrutiny,
)
from sim.payment import is_pooled
from sim.tallies import ProviderTally
from sim.world import (
    MEASURES,
    MONTHS,
    Agreement,
    World,
    missed_items,
    mode_weight,
    monthly_run_rate,
    trended,
    year_so_far,
)

_T = ProviderTally
SETTLING = 36  # months of adjustment before the first
SEVERITIES = 9  # equally likely severities over which the side of a stay is averaged


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
        return _at_list_price(world)
    straight = _straight_marginals(world)
    bent = [a for a in world.agreements if not a.is_straight]
    adds_nothing = not bent and not world.alliances and world.region.modes.n == 1
    if adds_nothing and straight.stay.is_flat:
        # Nothing is added to it, and nobody changes it.
        return straight
    seen = straight.copy()
    _see(world, seen, bent)
    _expect_sides(seen, world)
    weigh_together(world, seen)
    return seen


class _Straight(NamedTuple):
    """What contracts without a bend bring, and what it was worked out from."""

    agreements: list[Agreement]
    benefits: Benefits
    slopes: list[tuple[Agreement, Activity]]
    lines: list[_Line]
    share: Float
    base: Marginals
    seen: Marginals


def _straight_marginals(world: World) -> Marginals:
    """Return what contracts without a bend bring: the same until terms are renewed.

    What is uncovered comes at list price, so a hospital that moves care outside the catalogue sees
    the same slopes written anew.
    """
    known: _Straight | None = world.straight_seen
    share = world.organizations.uncovered_share
    if (
        known is not None
        and known.agreements is world.agreements
        and known.benefits is world.benefits
    ):
        if not known.slopes or (known.share == share).all():
            return known.seen
        # Only what stays bring moves with the share; the rest is as it was.
        seen = known.seen.copy()
        seen.mode[:] = known.base.mode
        _write_receipts(seen, known.lines, world)
        for agreement, slope in known.slopes:
            if not slope.is_blank("spent_outside"):
                _write_spending(seen, slope, agreement.payer, agreement.span, world)
        world.straight_seen = known._replace(share=share.copy(), seen=seen)
        return seen
    slopes = list(_slopes(world, [a for a in world.agreements if a.is_straight]))
    lines = [_line(slope, a.payer, a.span, world) for a, slope in slopes]
    base = _at_list_price(world)
    seen = base.copy()
    _write_receipts(seen, lines, world)
    for agreement, slope in slopes:
        _write_others(seen, slope, agreement.payer, agreement.span, world)
    world.straight_seen = _Straight(
        world.agreements, world.benefits, slopes, lines, share.copy(), base, seen
    )
    return seen


def _see(world: World, seen: Marginals, agreements: Sequence[Agreement]) -> None:
    """Write what some contracts bring at the projected year-end activity, in place."""
    for agreement, slope in _slopes(world, agreements):
        _write_marginals(seen, slope, agreement.payer, agreement.span, world)


def _slopes(world: World, agreements: Sequence[Agreement]) -> Iterator[tuple[Agreement, Activity]]:
    """Differentiate contracts, one after the other, at the projected year-end activity."""
    elapsed = world.month % MONTHS

    def place(payer: int, rows: Int | slice) -> tuple[Activity, Activity | None]:
        done = year_so_far(world, payer, rows) if elapsed else None
        return monthly_run_rate(world, payer, rows), done

    return _differentiate(world, agreements, elapsed, place)


def member_receipts(world: World) -> Float:
    """Return receipts of one more member-month, by how contracts count it (n, Y, 3).

    By head; by the risk of age and sex; by that of recorded conditions, each per unit of risk.
    """
    found = np.zeros((len(world.setting.beds), world.n_payers, 3))
    for agreement, slope in _slopes(world, world.agreements):
        found[agreement.rows, agreement.payer] = _by_list(slope)
    return found


_BY_LIST = ("member_months", "risk_months", "diagnosis_months")


def _by_list(slope: Activity) -> Float:
    return np.stack([getattr(slope, name) for name in _BY_LIST], axis=-1)


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

    seen = _at_list_price(world)
    for agreement, slope in _differentiate(world, world.agreements, elapsed, place):
        _write_marginals(seen, slope, agreement.payer, agreement.span, world)
    _expect_sides(seen, world)
    weigh_together(world, seen)
    return seen


def _differentiate(
    world: World,
    agreements: Sequence[Agreement],
    elapsed: int,
    place: Callable[[int, Int | slice], tuple[Activity, Activity | None]],
) -> Iterator[tuple[Agreement, Activity]]:
    """Give contracts' slopes where ``place`` puts providers: run-rate and year to date."""
    terms = incentive_terms(world.setting.values)
    for agreement in agreements:
        payer, rows = agreement.payer, agreement.span
        if not world.benefits.covers[payer]:
            continue
        run_rate, done = place(payer, rows)
        to_come = float(MONTHS - elapsed)
        # The month in hand belongs to the year so far that a manager looks at.
        if done is None:
            projection, to_date = run_rate.scaled(to_come), run_rate
        else:
            projection, to_date = run_rate.mixed(to_come, done, 1.0), done + run_rate
        left = (MONTHS - elapsed) / MONTHS
        slope = marginal_receipts(agreement.model, projection, to_date, left, terms)
        authority = authority_over(world, rows)
        if authority is not None and is_pooled(agreement.model):
            joint = marginal_receipts(
                agreement.model, projection, to_date, left, terms, jointly=True
            )
            slope = slope.scaled(1.0 - authority) + joint.scaled(authority)
        yield agreement, slope


def _at_list_price(world: World) -> Marginals:
    """Return the margins at list price, with room for the sides and bands of contracts in force."""
    seen = world.reference.copy()
    sorting = world.sorting
    if sorting.n_sides > 1 or sorting.n_bands > 1:
        seen.stay = seen.stay.widened(sorting.n_sides, sorting.n_bands)
        seen.stay.bounds[:] = sorting.bounds
        seen.stay.last_day[:] = sorting.last_day
    for payer, covers in enumerate(world.benefits.covers):
        if not covers:
            _write_list_price(seen, payer, world.setting)
    return seen


def _write_list_price(seen: Marginals, payer: int, setting: Setting) -> None:
    """Write what people without a contract pay: the list price at their own level."""
    level = setting.region.people.price_level[payer]
    seen.out[:, payer] = setting.price_out * level[setting.setting_of][:, None]
    seen.inside[:, payer] = setting.price_in * level[2]
    seen.day[:, payer] = setting.day_price[:, None] * level[2]
    seen.stay.bands[:, payer] = setting.day_price[:, None, None] * level[2]


def _write_marginals(
    seen: Marginals, slope: Activity, payer: int, rows: Int | slice, world: World
) -> None:
    """Turn a contract's gradient into total receipts: what is uncovered comes at list price."""
    _write_receipts(seen, [_line(slope, payer, rows, world)], world)
    _write_others(seen, slope, payer, rows, world)


def _write_others(
    seen: Marginals, slope: Activity, payer: int, rows: Int | slice, world: World
) -> None:
    """Write what a contract pays for besides contacts and stays."""
    _write_spending(seen, slope, payer, rows, world)
    # What a contract does not read is nothing, and so it is at list price.
    for to, name in (
        (seen.cost, "resource_cost"),
        (seen.quality, "quality_num"),
        (seen.post_acute, "post_acute_days"),
        (seen.experience, "experience"),
        (seen.observed, "observations"),
        (seen.session, "sessions"),
        (seen.cut_short, "cut_short"),
    ):
        if not slope.is_blank(name):
            to[rows, payer] = getattr(slope, name)
    if not slope.is_blank("referrals"):
        seen.refer[rows, payer] = slope.referrals[:, 0]
        seen.refer_down[rows, payer] = slope.referrals[:, 1]
    if not all(slope.is_blank(name) for name in _BY_LIST):
        seen.member[rows, payer] = slope.member_months + slope.risk_months + slope.diagnosis_months
        seen.by_list[rows, payer] = _by_list(slope)
    # What follows a stay belongs to the episode that the stay has opened.
    if not slope.is_blank("episodes"):
        opens = world.sorting.opens[rows, payer] > 0
        seen.after[rows, payer] = slope.episodes[:, 0, 1][:, None] * opens


class _Line(NamedTuple):
    """A contract's slopes as :func:`write_receipts` reads them."""

    rows: Int
    payer: int
    slopes: Slopes
    has_sides: bool
    has_episodes: bool


def _line(slope: Activity, payer: int, rows: Int | slice, world: World) -> _Line:
    has_episodes = not slope.is_blank("episodes")
    has_sides = has_episodes or not (
        slope.is_blank("cases_side") and slope.is_blank("charges_side")
    )
    slopes = Slopes(
        slope.visits,
        slope.units,
        slope.bed_days,
        slope.admissions,
        # Nobody reads them where there are no sides.
        slope.cases_side if has_sides else slope.admissions,
        slope.charges_side if has_sides else slope.admissions,
        slope.episodes,
    )
    return _Line(rows_of(rows, len(world.setting.beds)), payer, slopes, has_sides, has_episodes)


def _write_receipts(seen: Marginals, lines: Iterable[_Line], world: World) -> None:
    """Write what contacts and stays bring, which turns on how much of them is covered."""
    setting, region = world.setting, world.setting.region
    stay, covered = seen.stay, covered_share(world)
    to = Receipts(
        seen.visit,
        seen.out,
        seen.inside,
        seen.day,
        seen.case,
        seen.step,
        seen.split,
        seen.mode,
        stay.bands,
        stay.amounts,
        stay.slopes,
    )
    for line in lines:
        if line.has_sides:
            stay.written()
        opens, follows = _no_episodes(len(setting.beds), len(setting.need_out))
        if line.has_episodes:
            opens = np.ascontiguousarray(world.sorting.opens[:, line.payer])
            follows = spending_after(world, line.payer)
        listed = Listed(
            covered,
            setting.setting_of,
            setting.price_out,
            setting.price_in,
            setting.day_price,
            region.people.price_level[line.payer],
            region.groups.share_level,
            region.modes.share,
            opens,
            follows,
        )
        write_receipts(line.rows, line.payer, line.slopes, line.has_sides, listed, to)


@cache
def _no_episodes(n: int, n_groups: int) -> tuple[Int, Float]:
    """Return what a contract without episodes has in their place."""
    return np.zeros((n, n_groups), dtype=np.int64), np.zeros(n)


def spending_after(world: World, payer: int) -> Float:
    """Return mean spending in an episode beyond the stay that opened it (n,), currency.

    Covered list charges of the episodes that ended in the last twelve months, less those of a mean
    stay that opens one: the provider's own, or the mean of all where none of its own has ended.
    Every stay of such a group is taken to open one; the few inside an episode that is open already
    do not. 0 for providers whose contract counts none.
    """
    opening = world.sorting.opens[:, payer] > 0
    if not opening.any():
        return np.zeros(len(opening))
    ended, spent = world.recent.episodes[:, payer].T / np.array([[1.0], [100.0]])
    stays = world.recent.stays
    cases = (stays.cases[:, payer].sum(axis=(2, 3)) * opening).sum(axis=1)
    charges = (stays.charges[:, payer].sum(axis=(2, 3)) * opening).sum(axis=1) / 100.0

    def mean(total: Float, count: Float) -> Float:
        everyone = total.sum() / max(float(count.sum()), 1.0)
        return np.asarray(np.where(count > 0, total / np.maximum(count, 1.0), everyone))

    after = np.maximum(mean(spent, ended) - mean(charges, cases), 0.0)
    return np.asarray(np.where(opening.any(axis=1), after, 0.0))


def _write_spending(
    seen: Marginals, slope: Activity, payer: int, rows: Int | slice, world: World
) -> None:
    """Write what a yuan spent elsewhere brings."""
    blank = slope.is_blank("spent_elsewhere")
    seen.elsewhere[rows, payer] = 0.0 if blank else slope.spent_elsewhere
    if not slope.is_blank("spent_outside") and slope.spent_outside.any():
        # Of a yuan spent elsewhere, the part that leaves the region as it did over the last year.
        leaves = share_outside(world)[rows, payer]
        seen.elsewhere[rows, payer] += leaves * slope.spent_outside


def practised_stay(world: World) -> Float:
    """Return the practised over the needed stay by margin of a day in a usual one (n, Y, G)."""
    setting, org = world.setting, world.organizations
    day = day_at(org.stay, mean_days(setting))
    ratio = np.empty(day.shape)
    _practised(day, setting.day_cost, org.money, _felt_stake_of_a_day(setting), ratio)
    return ratio


@compiled
def _practised(day: Float, day_cost: Float, money: Float, stake: Float, ratio: Float) -> None:
    """Write the practised over the needed stay, in place (n, Y, G)."""
    n, n_payers, n_groups = day.shape
    for p in range(n):
        for y in range(n_payers):
            for g in range(n_groups):
                gap = day[p, y, g] - day_cost[p]
                if gap > 0.0:
                    gap = gap * money[p]
                ratio[p, y, g] = min(max(1.0 + gap / stake[p, g], 0.1), 2.0)


@worked_out_once
def stake_of_a_day(setting: Setting) -> Float:
    """Return what the patient's health weighs in a day of a stay (n, G), currency."""
    value = setting.values["value_of_health"]
    return np.asarray(2.0 * (setting.altruism * value)[:, None] * setting.health_day)


@worked_out_once
def _felt_stake_of_a_day(setting: Setting) -> Float:
    """Return the same, never zero (n, G)."""
    return np.maximum(stake_of_a_day(setting), 1e-9)


def covered_share(world: World) -> Float:
    """Return the share of charges inside the catalogue this month (n, 2): outpatients, stays."""
    share = world.region.providers.covered_share.copy()
    share[:, 1] *= 1.0 - world.organizations.uncovered_share
    return share


def _expect_sides(seen: Marginals, world: World) -> None:
    """Add to a day, a stay and a level what they bring in the mean over days and severities."""
    terms = seen.stay
    modes = world.region.modes
    if terms.is_flat and modes.n == 1:
        return
    setting, groups = world.setting, world.region.groups
    ratio = practised_stay(world)
    usual = ratio * mean_days(setting)
    if terms.n_bands > 1:
        seen.day[:] = mean_day(terms, usual)
        seen.split += usual * (mean_day(terms, 0.5 * usual) - mean_day(terms, usual))
    style, covered = world.organizations.style_in, covered_share(world)[:, 1]
    mean = expected_charge(setting, style, world.technology, ratio, covered)
    if modes.n > 1:
        _expect_modes(seen, world, mean, usual)
    if terms.is_flat:
        return
    halves = np.zeros_like(mean)
    own = np.zeros_like(mean)
    above = np.zeros_like(mean[..., :2])
    for k in range(SEVERITIES):
        inside = (k + 0.5) / SEVERITIES
        severity = [severity_multiplier(inside, float(sd)) for sd in groups.severity_sd]
        charge = mean * np.array(severity)[:, None]
        found = sides_bring(terms, charge)
        own += found / SEVERITIES
        halves += sides_bring(terms, 0.5 * charge) / SEVERITIES
        above += (sides_bring(terms, charge[..., :2], up=1) - found[..., :2]) / SEVERITIES
    terms.expected = own
    seen.case += own
    seen.step += above
    seen.split += ((2.0 * halves - own) * groups.share_level).sum(axis=3)


def _expect_modes(seen: Marginals, world: World, charge: Float, days: Float) -> None:
    """Add to a stay in each mode what its units, its days and its side bring, in place.

    ``charge`` (n, Y, G, 3) and ``days`` (n, Y, G) are those of the group's mean stay.
    """
    setting, modes, terms = world.setting, world.region.modes, seen.stay
    style = mean_style(world.organizations.style_in)
    need = mean_need(setting) * world.technology
    # At list price as technology stands, so that growing need is nobody's incentive.
    units = np.einsum("nyj,nygj,gj,gmj->nygm", seen.inside, style, need, modes.need)
    listed = setting.reference
    level = world.region.people.price_level[:, 2]
    usual = np.einsum("y,nj,nygj,gj,gmj->nygm", level, listed.price_in, style, need, modes.need)
    seen.mode += units - usual
    weight = mode_weight(world.region)
    for k in range(modes.n):
        stay = days * modes.days[:, k]
        at_list = listed.day_price[:, None, None] * level[:, None]
        seen.mode[..., k] += (mean_day(terms, stay) - at_list) * stay
        if not terms.is_flat:
            sides = sides_bring(terms, charge * weight[:, k, None])
            seen.mode[..., k] += (sides * world.region.groups.share_level).sum(axis=3)


def channel_marginals(world: World) -> dict[str, Marginals]:
    """Return what each channel sees: frozen ones what was seen when the reform started."""
    frozen = world.frozen if world.month >= world.reform_month else frozenset()
    held = world.frozen_at if world.frozen_at is not None else world.marginals
    return {name: held if name in frozen else world.marginals for name in CHANNELS}


class _Sums(NamedTuple):
    """What a year's counts come to; the first two times the year, as all but ``presented``.

    ``whole`` (n, T) over payers, ``by_group`` (n, Y, G) stays, ``presented`` (n, G) stays as they
    were counted, ``weights`` (n, Y) shares of charges, ``cost`` (n,), ``uncontrolled``,
    ``conditions`` and ``chronic`` (n, Y) means over the months; ``tally`` (n, Y, T).
    """

    tally: Float
    whole: Float
    by_group: Float
    presented: Float
    weights: Float
    cost: Float
    uncontrolled: Float
    conditions: Float
    chronic: Float


_CHARGE_OUT, _CHARGE_IN = int(_T.CHARGE_OUT), int(_T.CHARGE_IN)
_COST_OUT, _COST_IN = int(_T.COST_OUT), int(_T.COST_IN)
_CONDITIONS, _CONTROLLED = int(_T.CONDITIONS), int(_T.CONTROLLED)
_CHRONIC_MEMBERS = int(_T.CHRONIC_MEMBERS)


@compiled
def _add_up(counts: Int, billed: Int, year: float, share: Float, to: _Sums) -> None:
    """Write what a year's counts come to, by payer and in all, in one pass, in place.

    ``counts`` (n, Y, T) and ``billed`` (n, Y, G, 3) are what was counted; ``share`` (Y,) stands in
    for the weights of whoever has no charges.
    """
    n, n_payers, n_columns = counts.shape
    for p in range(n):
        for k in range(n_columns):
            to.whole[p, k] = 0.0
        for g in range(billed.shape[2]):
            to.presented[p, g] = 0.0
        total = 0.0
        cost = 0.0
        for y in range(n_payers):
            for k in range(n_columns):
                to.tally[p, y, k] = counts[p, y, k] * year
                to.whole[p, k] += to.tally[p, y, k]
            for g in range(billed.shape[2]):
                stays = billed[p, y, g, 0] + billed[p, y, g, 1] + billed[p, y, g, 2]
                to.by_group[p, y, g] = stays * year
                to.presented[p, g] += stays
            here = to.tally[p, y]
            total += here[_CHARGE_OUT] + here[_CHARGE_IN]
            cost += here[_COST_OUT] + here[_COST_IN]
            to.uncontrolled[p, y] = (here[_CONDITIONS] - here[_CONTROLLED]) / MONTHS
            to.conditions[p, y] = here[_CONDITIONS] / MONTHS
            to.chronic[p, y] = here[_CHRONIC_MEMBERS] / MONTHS
        to.cost[p] = cost / 100.0
        for y in range(n_payers):
            if total > 0.0:
                charges = to.tally[p, y, _CHARGE_OUT] + to.tally[p, y, _CHARGE_IN]
                to.weights[p, y] = charges / max(total, 1.0)
            else:
                to.weights[p, y] = share[y]


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
            missed=np.zeros((n, n_payers, MEASURES)),
            hours=np.ones(n),
        )
    year = MONTHS / recent.months
    share = np.asarray(world.region.people.scheme_share, dtype=np.float64)
    sums = _Sums(
        tally=np.empty(recent.provider.shape),
        whole=np.empty((n, recent.provider.shape[2])),
        by_group=np.empty((n, n_payers, n_groups)),
        presented=np.empty((n, n_groups)),
        weights=np.empty((n, n_payers)),
        cost=np.empty(n),
        uncontrolled=np.empty((n, n_payers)),
        conditions=np.empty((n, n_payers)),
        chronic=np.empty((n, n_payers)),
    )
    _add_up(recent.provider, recent.billed, year, share, sums)
    whole, presented = sums.whole, sums.presented
    stays = whole[:, _T.ADMISSIONS].copy()
    charge_in = whole[:, _T.CHARGE_IN] / 100.0
    # Beds go by urgency, so whoever is displaced is a planned case if there are any; a day is worth
    # its share of the days that such a stay needs, however short stays have become.
    days = np.maximum(whole[:, _T.NEED_DAYS] / 1000.0, 1.0)
    margin = (charge_in - whole[:, _T.COST_IN] / 100.0) / days
    stake_day = setting.altruism * setting.values["value_of_health"]
    planned = presented * world.region.groups.is_elective
    least = np.where(planned.sum(axis=1, keepdims=True) > 0.0, planned, presented)
    health = np.einsum("ng,ng->n", setting.delay_health, least)
    health = health / np.maximum(least.sum(axis=1), 1.0)
    mean_days = days / np.maximum(stays, 1.0)
    displaced = margin + stake_day * health / np.maximum(mean_days, 1.0)
    upcoded = whole[:, _T.UPCODED]
    peers = peer_share(upcoded, stays, world.region.providers.kind)
    own = upcoded / np.maximum(stays, 1.0)
    review = review_probability(world.audits, own, peers)
    review = scrutiny(
        world.audits, review * affordable_share(world.audits, review, stays, setting.scale)
    )
    revenue = np.array([month["earned"] for month in world.history[-MONTHS:]]).sum(axis=0)
    return Position(
        weights=sums.weights,
        revenue=revenue / 100.0 * year,
        target=world.income_target,
        cost_base=sums.cost,
        contacts=whole[:, _T.VISITS].copy(),
        stays=stays,
        stays_by_group=sums.by_group,
        uncontrolled=sums.uncontrolled,
        conditions=sums.conditions,
        chronic_members=sums.chronic,
        load=world.load,
        bed_margin=displaced,
        prob_review=np.array([review] * n_payers).T.copy(),
        detection=np.array([world.audits.detection] * n_payers),
        fine=np.array([world.audits.fine] * n_payers),
        missed=missed_items(sums.tally),
        hours=_hours(world, whole[:, _T.VISITS]),
    )


def _hours(world: World, contacts: Float) -> Float:
    """Return hours of physicians at so many contacts a year over those of the first year (n,)."""
    first = world.fixed.get("hours")
    if first is None:
        return np.ones(len(contacts))
    now = contacts * world.organizations.minutes
    return np.where(first > 0.0, now / np.maximum(first, 1e-9), 1.0)


def move_levers(world: World) -> None:
    """Let providers see this month's incentives and move styles and levers."""
    if world.month == 0:
        settle(world)
    world.marginals = see_incentives(world)
    # The mean over the year's months: under a budget January alone would tell of another contract.
    passed = world.month % MONTHS
    seen = world.marginals.plain
    if passed == 0:
        world.yearly_marginals.append(plain_copy(seen))
    else:
        mix_plain(world.yearly_marginals[-1], seen, 1.0 / (passed + 1))
    stand = position(world)
    eta = world.setting.values["income_elasticity"]
    owners = _weight_of_profit(world.setting)
    weigh_money(stand.revenue, stand.target, eta, owners, world.organizations.money)
    frozen = world.frozen if world.month >= world.reform_month else frozenset()
    _adjust(world, channel_marginals(world), stand, frozen)
    if "posting" not in frozen:
        move_posts(world, world.marginals, stand)


@worked_out_once
def _weight_of_profit(setting: Setting) -> Float:
    """Return how much profit weighs by ownership (n,); no difference where a region says none."""
    weight = setting.values.get("profit_weight_private", 1.0)
    return np.where(setting.region.providers.is_private, weight, 1.0)


def _adjust(
    world: World,
    marginals: dict[str, Marginals],
    stand: Position,
    frozen: frozenset[str],
) -> None:
    """Move levers and styles a month on by the rule in force."""
    org, rule, memory = world.organizations, world.adjustment, world.memory
    half_life = world.setting.values["style_half_life"]

    def respond(moved: Organizations, held: frozenset[str], pace: float) -> None:
        decide(world.setting, moved, marginals, world.reference, stand, held, pace)

    if rule.rule == "pid":
        move_by_controller(org, lambda goal: respond(goal, frozen, 0.0), rule, memory, frozen)
        return
    if rule.rule == "bandit" and "intensity" not in frozen:
        if world.month == 0:
            start_trials(org, memory)
        else:
            last = world.history[-1]
            seen = last["provider"].sum(axis=1)
            learn(world.setting, org, rule, memory, seen, last["earned"])
            bounds = marginals["intensity"].stay.bounds
            try_styles(org, rule, memory, world.seed, world.month, bounds)
        frozen = frozen | {"intensity"}
    respond(org, frozen, half_life)


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
            world.setting.values["style_half_life"],
        )
