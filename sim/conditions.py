"""The conditions of a month: providers' and payers' state as the tables that stages read.

Knows how parameters, styles and margins become what a person meets; must not change anything but
the running mean of what a stay has earned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.aftercare import aftercare_terms
from sim.alliances import limits_with_posts, reach_with_posts
from sim.baseline import RANKS, margin_at_list, severities, solve
from sim.behavior.choice import travel_utility_metro
from sim.benefits import NO_LIMIT_FEN
from sim.covers import listed_from
from sim.engine.bills import fill_expected_shares
from sim.engine.organization import (
    expected_charge,
    foreseen_returns,
    last_day,
    mean_day,
    mean_style,
    prevention_multiplier,
)
from sim.engine.setting import (
    LIGHT,
    NECESSARY,
    PRACTICE,
    SECONDARY,
    TERTIARY,
    Setting,
    products_over_bits,
    worked_out_once,
)
from sim.engine.tables import (
    SENIOR,
    AdmitTable,
    Float,
    Int,
    Keys,
    MemberTable,
    NeedTable,
    PriceTable,
    ReferTable,
    SeekTable,
    StayTable,
    TreatTable,
)
from sim.health.need import monthly_probability, severity_multiplier
from sim.numerics import compiled
from sim.observation import observation_terms
from sim.outlook import channel_marginals, covered_share, practised_stay, stake_of_a_day
from sim.region import Region
from sim.tallies import ProviderTally
from sim.working_time import lost_to_haste
from sim.world import MONTHS, World, month_keys, once

STEEPNESS = 1.702  # a logistic curve with this slope is close to the normal distribution


@dataclass
class Tables:
    """What the stages of this month read."""

    keys: Keys
    need: NeedTable
    seek: SeekTable
    refer: ReferTable
    treat: TreatTable
    admit: AdmitTable
    stay: StayTable
    member: MemberTable
    price: PriceTable


def month_tables(world: World) -> Tables:
    """Bring the state of providers and payers at the start of the month into tables."""
    member = _member_table(world)
    price = _price_table(world)
    stays = _stays_to_expect(world)
    admit = _admit_table(world, stays)
    return Tables(
        keys=month_keys(world.seed, world.month),
        need=_need_of_season(world),
        seek=_seek_table(world, price),
        refer=_refer_table(world),
        treat=_treat_table(world),
        admit=admit,
        stay=_stay_table(world, stays),
        member=member,
        price=price,
    )


class _Stays(NamedTuple):
    """What stays are expected to be like this month.

    ``ratio`` (n, Y, G) practised over needed days; ``covered`` (n, 2) share of charges, outpatient
    and of stays; ``charge`` (n, Y, G, 3) of a stay of severity 1.
    """

    ratio: Float
    covered: Float
    charge: Float


def _stays_to_expect(world: World) -> _Stays:
    ratio, covered = practised_stay(world), covered_share(world)
    style = world.organizations.style_in
    charge = expected_charge(world.setting, style, world.technology, ratio, covered[:, 1])
    return _Stays(ratio, covered, charge)


def _need_of_season(world: World) -> NeedTable:
    """Return the calendar month's hazards, worked out once: only the season moves them."""
    month = world.month % MONTHS
    if month not in world.need_seen:
        rate = _rate_of_season(world)
        known = next(iter(world.need_seen.values()), None)
        world.need_seen[month] = (
            _need_table(world, rate)
            if known is None
            else known._replace(rate=rate, total=rate.sum(axis=2))
        )
    return world.need_seen[month]


def _rate_of_season(world: World) -> Float:
    """Return the hazards of acute episodes in this calendar month (A, 2, G)."""
    values, groups = world.setting.values, world.region.groups
    rate = groups.base_rate * groups.season[:, world.month % MONTHS][:, None, None]
    rate = np.ascontiguousarray(rate.transpose(1, 2, 0)) * values["need_scale"]
    if "need_scale_senior" in values:
        # The old have so many episodes that the one acute slot of a person hides more of theirs.
        rate[SENIOR:] *= values["need_scale_senior"]
    return rate


def _need_table(world: World, rate: Float) -> NeedTable:
    region, values = world.region, world.setting.values
    groups, chronic, people = region.groups, region.chronic, region.people
    return NeedTable(
        death=people.base_mortality,
        death_ratio=products_over_bits(chronic.rr_death),
        death_control=products_over_bits(chronic.control_death),
        onset=chronic.incidence,
        onset_control=chronic.control_event,
        onset_bound=monthly(chronic.incidence).sum(axis=0) * (1.0 + 1e-9),
        remission=monthly(chronic.remission),
        gain=chronic.control_gain,
        decay=monthly(chronic.control_decay),
        rate=rate,
        total=rate.sum(axis=2),
        ratio=products_over_bits(groups.condition_ratio),
        control_ratio=products_over_bits(groups.control_ratio),
        level=np.cumsum(groups.share_level, axis=1),
        prob_bed=_bed_need(world.setting),
        self_limiting=groups.self_limiting,
        worsening=groups.worsening,
        utility_loss=groups.utility_loss,
        utility=people.base_utility,
        decrement=_sums_over_bits(chronic.utility_decrement),
        untreated_death=values["untreated_death"],
        sessions_onset=monthly(region.courses.onset_sessions),
        sessions_death=region.courses.sessions_death,
    )


@worked_out_once
def _bed_need(setting: Setting) -> Float:
    """Return the share of a group's episodes that need a bed (G,).

    The region's data count every stay; those that a course plans follow from a first one.
    """
    courses, values = setting.region.courses, setting.values
    need = setting.region.groups.prob_bed * values["bed_need_scale"]
    return np.asarray(need / courses.stays_per_first, dtype=np.float64)


def monthly(rate_year: Float) -> Float:
    """Return the chance of at least one event in a month for yearly rates of any shape."""
    flat = [monthly_probability(float(rate) / 12.0) for rate in rate_year.ravel()]
    return np.array(flat).reshape(rate_year.shape)


def _sums_over_bits(amounts: Float) -> Float:
    masks = np.arange(1 << len(amounts))
    total = np.zeros(len(masks))
    for c, amount in enumerate(amounts):
        total += ((masks >> c) & 1) * amount
    return total


def _seek_table(world: World, price: PriceTable) -> SeekTable:
    setting, values = world.setting, world.setting.values
    constant = _attraction(setting)
    if world.audits.publish > 0.0:
        # What was found and made public weighs in patients' choice like an experience.
        known = world.audits.publish * _found_share(world)
        constant = constant - values["experience_weight"] * known[None]
    if "readmission_weight" in values:
        constant = constant + _measured_quality(world)
    return SeekTable(
        **_fixed_of_seeking(setting),
        price=_as_known(world, price.visit),
        uncovered=_as_known(world, price.uncovered),
        account_weight=price.account_weight,
        wait=world.wait,
        constant=constant,
        # Own prices already grow with technology; growing incomes make them weigh less.
        price_weight=values["price_weight"] / world.income_growth,
        price_half=values.get("price_half", 0.0) * world.income_growth,
        scratch=np.empty(setting.options.shape[1] + 1),
    )


@worked_out_once
def _fixed_of_seeking(setting: Setting) -> dict[str, Any]:
    """Return what no month changes of seeking care, as the seek table names it."""
    values, region = setting.values, setting.region
    necessary = region.groups.care_class == NECESSARY
    within = 1.0 - values["nest_correlation"]
    return {
        "options": setting.options,
        "kind": region.providers.kind.astype(np.int64),
        "log_minutes": _travel(setting),
        "serves": region.providers.scope,
        "slope": np.array([0.0, values["severity_weight"], values["severity_weight_tertiary"]]),
        "care_class": region.groups.care_class.astype(np.int64),
        "visit_need": setting.need_out,
        "seek": values["seek_constant"] + np.where(necessary, values["seek_necessary"], 0.0),
        "seek_slope": values["seek_severity"],
        "distance_weight": values["distance_weight"],
        "distance_relief": values["distance_relief"],
        "wait_weight": values["waiting_weight"],
        "experience_weight": values["experience_weight"],
        "own_practice": values["own_practice"],
        "within_practices": within,
        "within_hospitals": within,
        "over_care": within,
        "comply": values["referral_compliance"],
    }


@worked_out_once
def _attraction(setting: Setting) -> Float:
    """Return what draws people to providers besides all that a month changes (3, n)."""
    values, providers = setting.values, setting.region.providers
    size = np.log(np.maximum(providers.visits_capacity, 1.0))
    constant = np.zeros((3, len(providers.kind)))
    for k, name in ((PRACTICE, "practice"), (SECONDARY, "secondary"), (TERTIARY, "tertiary")):
        rows = providers.kind == k
        if not rows.any():
            continue
        constant[:, rows] = values[f"attraction_{name}"]
        if k != PRACTICE:
            spread = size[rows] - np.log(np.exp(size[rows]).mean())
            constant[:, rows] += values["attraction_size"] * spread
    maternal = np.array([name == "maternal" for name in providers.type])
    if maternal.any():
        constant[:, maternal] += values["attraction_maternal"]
    return constant


def _as_known(world: World, price: Float) -> Float:
    """Return prices as patients know them: drawn to the mean, or away from it (..., n).

    How far prices differ is felt in proportion to what patients know of them, relative to what
    they knew when their response to prices was fitted: ``mean + knowledge (price - mean)``, the
    mean over providers by the visits they can take. Nobody expects to be paid.
    """
    knowledge = world.setting.values.get("price_knowledge", 1.0)
    if knowledge == 1.0:
        return price
    size = world.region.providers.visits_capacity
    mean = (price * size).sum(axis=-1, keepdims=True) / size.sum()
    return np.asarray(np.maximum(mean + knowledge * (price - mean), 0.0), dtype=np.float64)


def _found_share(world: World) -> Float:
    """Return the share of each provider's stays of twelve months found to be billed too high."""
    recent = world.history[-MONTHS:]
    if not recent:
        return np.zeros(len(world.setting.beds))
    found = np.sum([month["detected"] for month in recent], axis=(0, 2))
    stays = np.sum(
        [month["provider"][:, :, ProviderTally.ADMISSIONS] for month in recent], axis=(0, 2)
    )
    return np.asarray(found / np.maximum(stays, 1), dtype=np.float64)


@worked_out_once
def _travel(setting: Setting) -> Float:
    """Return what distance weighs, over the weight of log time (Z, n).

    Where a region gives distances in kilometers, hospitals are chosen by the published utility of
    distance; elsewhere, and for practices, by the logarithm of travel time.
    """
    zones, kind = setting.region.zones, setting.region.providers.kind
    log_minutes = np.log1p(zones.travel_minutes)
    if zones.hospital_km is None:
        return log_minutes
    weight = setting.values["distance_weight"]
    utility = [[travel_utility_metro(float(km)) for km in row] for row in zones.hospital_km]
    return np.where(kind[None] == PRACTICE, log_minutes, -np.array(utility) / weight)


def _measured_quality(world: World) -> Float:
    """Return the utility of a hospital's readmission rate of the last twelve months (n,).

    The rate is drawn towards the expected one as if so many expected stays had been added, so that
    a small hospital's luck is not taken for quality.
    """
    values, kind = world.setting.values, world.region.providers.kind
    expected, weight = values["readmission_expected"], values["readmission_weight"]
    tally = world.recent.provider.sum(axis=1).astype(np.float64)
    prior = values["readmission_prior"]
    seen = tally[:, ProviderTally.READMISSIONS] + prior * expected
    rate = seen / (tally[:, ProviderTally.DISCHARGES] + prior)
    return np.where(kind == PRACTICE, 0.0, -weight * 100.0 * (rate - expected))


class _Referral(NamedTuple):
    """What no month changes of treating or referring: log-odds, gap at list price, and skill."""

    log_odds: float
    gap: Float
    skill: Float
    steepness: Float


def _fixed_of_referral(world: World) -> _Referral:
    """Return the constants that give the baseline rate for a median case at list price."""
    setting, values = world.setting, world.setting.values
    noise = max(values["signal_sd"], 1e-6)
    skill = np.where(world.region.providers.skill > 0.0, world.region.providers.skill, 1.0)
    spread = np.sqrt((noise / skill) ** 2 / (1.0 + (noise / skill) ** 2))
    steepness = STEEPNESS / np.maximum(spread, 1e-3)
    listed = setting.reference.price_out - setting.reference.cost_out
    list_margin = listed.sum(axis=1)[:, None] * setting.need_out
    # Beyond 700 the chance is nothing, and its inverse no longer a number.
    fails = 1.0 / (1.0 + np.exp(np.minimum(steepness[:, None] * world.limits, 700.0)))
    lost = values["altruism_scale"] * values["value_of_health"] * setting.failure_health * fails
    base = values["refer_base"]
    gap = listed[:, 3][:, None] - (list_margin - lost)
    return _Referral(np.log(base / (1.0 - base)), gap, skill, steepness)


@worked_out_once
def _nothing_of_referral(setting: Setting) -> dict[str, Float]:
    """Return what weighs nothing in the choice between treating and referring."""
    n, n_groups = setting.failure_health.shape
    return {
        "health": np.zeros((n, n_groups)),
        "own_here": np.zeros(n),
        "own_there": np.zeros(n_groups),
        "access": np.zeros(n),
        "return_cost": np.zeros(n),
    }


@worked_out_once
def _mean_contact_price(setting: Setting) -> Float:
    """Return the list price of a contact in the mean over groups (n,)."""
    return np.asarray(setting.contact_price.mean(axis=1))


def _refer_table(world: World) -> ReferTable:
    setting, values = world.setting, world.setting.values
    org = world.organizations
    m = channel_marginals(world)["referral"]
    tech = world.technology
    list_price = _mean_contact_price(setting) * tech
    precision = 1.0 / (values["tau_refer"] * np.maximum(list_price, 1e-9))
    cost = setting.cost_out[:, None, :] * (1.0 - m.cost[:, :, None])
    per_contact = np.einsum("nyj,nygj->nyg", m.out - cost, org.style_out)
    margin = (m.visit[:, :, None] + per_contact * setting.need_out[None, None]) * tech
    # Referring takes one contact with one unit of labor.
    receipts = m.visit + m.out[:, :, 3] - cost[:, :, 3] + m.refer
    limit = limits_with_posts(world)
    noise = max(values["signal_sd"], 1e-6)
    fixed = once(world, "refer", _fixed_of_referral)
    constant = fixed.log_odds - precision[:, None] * fixed.gap
    value = values["value_of_health"]
    return ReferTable(
        margin=margin,
        receipts=receipts * tech,
        elsewhere=m.elsewhere,
        spending=setting.elsewhere * tech,
        failure=setting.failure_health,
        **_nothing_of_referral(setting),
        time_price=org.time_price,
        money=org.money,
        altruism=setting.altruism,
        precision=precision,
        constant=constant,
        limit=limit,
        skill=fixed.skill,
        steepness=fixed.steepness,
        noise=noise,
        value=value,
        oop_weight=values["oop_weight"],
    )


def _cost_factor(world: World) -> Float:
    """Return unit costs relative to baseline after cost-cutting effort (n,)."""
    values = world.setting.values
    theta = values["cost_effect"]
    base = 1.0 - theta * (1.0 - np.exp(-values["effort_base"]))
    return np.asarray(
        (1.0 - theta * (1.0 - np.exp(-world.organizations.cost))) / base, dtype=np.float64
    )


def _quality(world: World) -> Float:
    """Return relative quality after quality effort (n,)."""
    values = world.setting.values
    theta = values["quality_effect"]
    base = 1.0 + theta * (1.0 - np.exp(-values["effort_base"]))
    return np.asarray(
        (1.0 + theta * (1.0 - np.exp(-world.organizations.quality))) / base, dtype=np.float64
    )


def _treat_table(world: World) -> TreatTable:
    setting, values, org = world.setting, world.setting.values, world.organizations
    groups = world.region.groups
    first, rest = foreseen_returns(setting)
    return TreatTable(
        style=org.style_out,
        curvature=world.curvature_out,
        need=setting.need_out * world.technology,
        price=setting.price_out,
        price_level=np.ascontiguousarray(world.region.people.price_level[:, :2]),
        cost=setting.cost_out * _cost_factor(world)[:, None],
        at_stake=setting.health_out,
        sd_severity=groups.severity_sd * values["contact_severity_ratio"],
        reach=reach_with_posts(world, setting.reach_out),
        returns=org.returns * first,
        follow=rest,
        low_value=org.low_value,
        low_component=groups.low_value_component.astype(np.int64),
        low_units=groups.low_value_units,
        low_harm=groups.low_value_harm,
        covered=world.region.providers.covered_share,
        quality=_quality(world),
        recovery=values["recovery_probability"],
        incapable_ratio=values["incapable_ratio"],
        recovery_slope=values["recovery_slope"],
        return_price=values["price_weight"] * values["return_price_ratio"],
        price_half=values.get("price_half", 0.0),
        precision=values["quantity_precision"],
        haste=lost_to_haste(setting, org.minutes),
    )


class _AdmissionOdds(NamedTuple):
    """Log-odds against admitting at list price, by alternative (n, G)."""

    refuse: Float
    defer: Float
    transfer: Float
    idle: Float


def _delay_discount(values: Mapping[str, float]) -> float:
    """Return what a stay next month is worth: a patient who waits may go elsewhere before."""
    return float((1.0 - values["leave_list"]) * values["discount"] ** (1.0 / MONTHS))


def _fixed_of_admission(world: World) -> _AdmissionOdds:
    """Return the constants that give the baseline rates of each alternative at list price."""
    setting, values = world.setting, world.setting.values
    groups = world.region.groups
    kind = world.region.providers.kind.astype(np.int64)
    days, reference = setting.needed_days, setting.reference
    margin_unit = (reference.price_in - reference.cost_in).sum(axis=1)
    margin_day = reference.day_price - reference.day_cost
    tau_a, tau_t = values["tau_admit"], values["tau_transfer"]
    penalty, effort = values["refuse_penalty"], values["transfer_effort"]
    value, altruism = values["value_of_health"], setting.altruism
    mean_price = setting.stay_price.mean(axis=2)
    gain = (margin_unit[:, None] * setting.need_in[:, :, 0].mean(axis=1)) + margin_day[
        :, None
    ] * days.mean(axis=1)[None]
    stake = (altruism * value)[:, None] * setting.delay_health
    admitted = gain + stake
    refuse_base = values.get("refuse_share", values.get("refuse_base", 0.0))
    defer_base = values["defer_base"]
    transfer_base = np.array(
        [values["transfer_base_practice"], values["transfer_base_secondary"], 1e-6]
    )[kind][:, None]
    admit_base = 1.0 - transfer_base - np.where(groups.is_elective, defer_base, refuse_base)
    refuse = np.log(refuse_base / admit_base) + (admitted + penalty * mean_price) / (
        tau_a * mean_price
    )
    if "refuse_share" in values:
        refuse = _refusing_on_average(setting, refuse_base)
    delay = _delay_discount(values)
    deferring = delay * (gain + stake) - stake
    defer = np.log(defer_base / admit_base) + (admitted - deferring) / (tau_a * mean_price)
    transferring = stake - effort * mean_price
    transfer = np.log(transfer_base / admit_base) + (admitted - transferring) / (tau_t * mean_price)
    idle_base = _idle_rate(world)
    light = severity_multiplier(LIGHT, 0.5)
    idle = np.log(idle_base / (1.0 - idle_base))[None] - gain * light / (tau_a * mean_price)
    return _AdmissionOdds(refuse, defer, transfer, idle)


def _refusing_on_average(setting: Setting, share: float) -> Float:
    """Return the constants under which a share of needed beds is refused at list price (n, G).

    The share of all of them, severities and levels as they come: mild cases are refused more often
    than severe ones, so that the constant that gives the share for a median case refuses far more
    on average. Found by halving an interval.
    """
    values, groups = setting.values, setting.region.groups
    price = np.maximum(setting.stay_price, 1e-9)
    worth = setting.altruism * values["value_of_health"]
    health = worth[:, None, None, None] * setting.delay_health[..., None, None]
    lost = margin_at_list(setting)[..., None] * severities(setting)[:, None]
    lost = lost + health * (0.5 + RANKS)
    odds = (values["refuse_penalty"] + lost / price[..., None]) / values["tau_admit"]
    weight = groups.share_level[None, :, :, None] / len(RANKS)

    def is_high(constant: Float) -> npt.NDArray[np.bool_]:
        chance = 1.0 / (1.0 + np.exp(np.minimum(odds - constant[..., None, None], 700.0)))
        return np.asarray((chance * weight).sum(axis=(2, 3)) > share)

    return solve(is_high, np.zeros(odds.shape[:2]), odds.max(axis=(2, 3)) + 50.0)


@compiled
def _margins_of_stays(
    units: Float,
    level: Float,
    ratio: Float,
    days: Float,
    day_receipts: Float,
    day_cost: Float,
    share: Float,
    case: Float,
    expected: Float,
    up: Float,
    fixed: Float,
    rising: Float,
    unit_at_list: Float,
    day_at_list: Float,
    list_rising: Float,
    weight: float,
    later_fixed: Float,
    later_rising: Float,
) -> None:
    """Write what stays bring: at any severity, and what rises with it (n, Y, G, 3), in place.

    The latter at list price too, by what a unit and a day leave there (n,); and their running means
    are moved ``weight`` of the way.

    What sides bring, ``expected`` in the mean, depends on the case's severity, which only the
    hospital knows.
    """
    n, n_payers, n_groups, _ = case.shape
    for p in range(n):
        for y in range(n_payers):
            cost = day_cost[p] * share[p, y]
            for g in range(n_groups):
                for k in range(3):
                    per_day = (day_receipts[p, y, g, k] - cost) * ratio[p, y, g]
                    rising[p, y, g, k] = units[p, y, g] * level[g, k] + per_day * days[g, k]
                    own = case[p, y, g, k] - expected[p, y, g, k]
                    step = 0.0
                    if k < 2:
                        step = case[p, y, g, k + 1] - expected[p, y, g, k + 1] - own
                    fixed[p, y, g, k] = own + up[p, y, g, k] * step
                    at_list = unit_at_list[p] * level[g, k] + day_at_list[p] * days[g, k]
                    list_rising[p, y, g, k] = at_list
                    mean = later_fixed[p, y, g, k]
                    later_fixed[p, y, g, k] = mean + weight * (fixed[p, y, g, k] - mean)
                    mean = later_rising[p, y, g, k]
                    later_rising[p, y, g, k] = mean + weight * (rising[p, y, g, k] - mean)


def _admit_table(world: World, stays: _Stays) -> AdmitTable:
    setting, values, org = world.setting, world.setting.values, world.organizations
    region = world.region
    groups = region.groups
    m = channel_marginals(world)["admission"]
    tech = world.technology
    cost_factor = _cost_factor(world)
    cost_in = setting.cost_in * cost_factor[:, None]
    day_cost = setting.day_cost * cost_factor
    share = 1.0 - m.cost
    per_unit = m.inside - cost_in[:, None, :] * share[:, :, None]
    units = np.einsum("nyj,nygj->nyg", per_unit, mean_style(org.style_in))
    level = setting.need_in[:, :, 0] * tech
    days = setting.needed_days
    up = org.up_share
    fixed, rising, list_rising = (np.empty(m.case.shape) for _ in range(3))
    unit_at_list, day_at_list = _margins_at_list(setting)
    if world.later is None:
        usual = unit_at_list[:, None, None] * level + day_at_list[:, None, None] * days
        world.later = (np.zeros(fixed.shape), np.repeat(usual[:, None], world.n_payers, axis=1))
    _margins_of_stays(
        units,
        level,
        stays.ratio,
        days,
        mean_day(m.stay, stays.ratio[..., None] * days),
        day_cost,
        share,
        m.case,
        m.stay.expected,
        up,
        fixed,
        rising,
        unit_at_list,
        day_at_list,
        list_rising,
        1.0 / MONTHS,
        *world.later,
    )
    price = setting.stay_price * tech
    value = values["value_of_health"]
    altruism = setting.altruism
    tau_a, tau_t = values["tau_admit"], values["tau_transfer"]
    penalty, effort = values["refuse_penalty"], values["transfer_effort"]
    fixed_odds = once(world, "admission", _fixed_of_admission)
    own = 1.0 - stays.covered[:, 1]
    rate = np.asarray(world.benefits.rate, dtype=np.float64)[:, region.providers.kind].T
    own_share = own[:, None] + (1.0 - own[:, None]) * (1.0 - rate)
    return AdmitTable(
        fixed=fixed,
        rising=rising,
        list_fixed=np.zeros(fixed.shape),
        list_rising=list_rising,
        later_fixed=world.later[0],
        later_rising=world.later[1],
        price=price,
        sensitivity=_sensitivity(setting),
        refuse=fixed_odds.refuse,
        defer=fixed_odds.defer,
        transfer=fixed_odds.transfer,
        idle=fixed_odds.idle,
        health=setting.delay_health,
        money=org.money,
        altruism=altruism,
        bed=org.bed,
        days=days,
        elective=groups.is_elective,
        reach=reach_with_posts(world, setting.reach_in),
        up=setting.up,
        serves=region.providers.scope,
        prob_bed=_bed_need(world.setting),
        sd_severity=groups.severity_sd,
        own=own_share,
        value=value,
        oop_weight=values["oop_weight"],
        tau_admit=tau_a,
        tau_transfer=tau_t,
        penalty=penalty,
        effort_transfer=effort,
        delay_discount=_delay_discount(values),
        beyond_loss=values["beyond_loss"],
        urgency=values["wait_urgency"],
        charge=stays.charge,
        bounds=m.stay.bounds,
        amounts=m.stay.amounts,
        slopes=m.stay.slopes,
        up_share=org.up_share,
        has_sides=not m.stay.is_flat,
        **observation_terms(world, cost_factor),
    )


@worked_out_once
def _margins_at_list(setting: Setting) -> tuple[Float, Float]:
    """Return what one unit of each component of a stay, and a day, leave at list price (n,)."""
    listed = setting.reference
    unit = (listed.price_in - listed.cost_in).sum(axis=1)
    return unit, listed.day_price - listed.day_cost


@worked_out_once
def _sensitivity(setting: Setting) -> Float:
    """Return up to which share of a stay's price money is felt in full, by group (G,)."""
    return np.full(len(setting.need_out), setting.values["sensitivity_share"])


def _idle_rate(world: World) -> Float:
    """Return the chance of an unneeded admission per contact that needs no bed, at baseline (G,).

    From each group's share of inappropriate admissions, by the flow of cases that need a bed and
    of those that do not.
    """
    groups, values = world.region.groups, world.setting.values
    given = groups.prob_bed * (1.0 - groups.unmet)
    unneeded = given * groups.inappropriate / (1.0 - groups.inappropriate)
    first = groups.prob_bed / world.region.courses.stays_per_first
    contacts = np.maximum(1.0 - first, 0.02) * values["idle_contacts"]
    return np.asarray(
        np.clip(unneeded / contacts * values["idle_scale"], 1e-5, 0.6), dtype=np.float64
    )


def _stay_table(world: World, stays: _Stays) -> StayTable:
    setting, values, org = world.setting, world.setting.values, world.organizations
    groups = world.region.groups
    cost_factor = _cost_factor(world)
    return StayTable(
        style=org.style_in,
        curvature=world.curvature_in,
        need=setting.need_in * world.technology,
        price=setting.price_in,
        price_level=np.ascontiguousarray(world.region.people.price_level[:, 2]),
        cost=setting.cost_in * cost_factor[:, None],
        at_stake=setting.health_in,
        money=org.money,
        charge=stays.charge,
        style_bounds=org.side_bounds,
        bands=org.stay.bands,
        last_day=org.stay.last_day,
        bounds=org.stay.bounds,
        amounts=org.stay.amounts,
        slopes=org.stay.slopes,
        has_schedule=not org.stay.is_flat,
        scratch=np.empty(int(values["longest_stay"])),
        day_stake=stake_of_a_day(setting),
        day_price=setting.day_price,
        day_cost=setting.day_cost * cost_factor + org.bed,
        day_loss=setting.health_day,
        needed_days=setting.needed_days,
        up_share=org.up_share,
        document=org.document,
        fatality=groups.fatality,
        readmission=groups.readmission * values["readmission_scale"],
        covered=stays.covered,
        quality=_quality(world),
        sd_severity=groups.severity_sd,
        prob_bed=_bed_need(world.setting),
        weight=groups.weight[:, None] * groups.weight_level,
        avoidable=groups.is_avoidable,
        precision=values["stay_precision"],
        day_slope=values["readmission_day_slope"],
        unit_slope=values["readmission_unit_slope"],
        death_slope=values["death_slope"],
        longest=int(values["longest_stay"]),
        **_modes(world),
        split=org.split,
        observe_units=values.get("observation_units", 0.0) * world.technology,
        observe_days=values.get("observation_days", 1.0),
        **aftercare_terms(world, cost_factor),
        **_sending(world),
    )


def _sending(world: World) -> dict[str, Any]:
    """Return what sending a stay's last days to a bed at home turns on, as the stay table names it.

    The days sent are the last ones, so they bring what the band of a usual stay's end brings.
    """
    setting, values = world.setting, world.setting.values
    m = channel_marginals(world)["recovery"]
    base = values.get("recovery_base", 0.0)
    late = last_day(m, setting) - m.post_acute[..., None]
    precision, listed = _fixed_of_sending(setting)
    return {
        "recovery": values.get("recovery_share", 0.0),
        "send_base": base,
        "send_precision": precision,
        "send_receipt": np.ascontiguousarray(late),
        "send_referral": m.refer_down,
        "send_list": listed,
        "send_cut": m.cut_short,
        "whole_days": world.sorting.whole_days,
    }


@worked_out_once
def _fixed_of_sending(setting: Setting) -> tuple[Float, Float]:
    """Return the precision of the choice (n, G), and what a day sent saves at list (n, Y)."""
    price = np.maximum(setting.stay_price.mean(axis=2), 1e-9)
    level, listed = setting.region.people.price_level[:, 2], setting.reference
    precision = 1.0 / (setting.values.get("tau_recovery", 1.0) * price)
    return precision, listed.day_cost[:, None] - listed.day_price[:, None] * level


def _modes(world: World) -> dict[str, Any]:
    """Return what the choice of a stay's mode turns on, as the stay table names it."""
    setting, org, modes = world.setting, world.organizations, world.region.modes
    n, n_groups = len(setting.beds), len(setting.need_out)
    fixed = {
        "mode_share": modes.share,
        "mode_need": modes.need,
        "mode_days": modes.days,
        "mode_risk": modes.risk,
    }
    if modes.n == 1:
        nothing = np.zeros((n, n_groups))
        return {**fixed, "mode_pull": org.mode, "mode_firmness": nothing, "mode_loss": nothing}
    if not world.mode_seen:
        world.mode_seen.update(_mode_constants(world))
    seen = world.mode_seen
    pull = seen["constant"][:, None] + org.mode / seen["noise"][:, None, :, None]
    return {
        **fixed,
        "mode_pull": pull,
        "mode_firmness": seen["firmness"],
        "mode_loss": seen["loss"],
    }


def _mode_constants(world: World) -> dict[str, Float]:
    """Return the constants, noise, firmness and loss of the choice of modes; no month moves them.

    The constants are those that give the baseline shares where every mode is paid at list price:
    found by adding the log of the share missed, again and again.
    """
    setting, modes, values = world.setting, world.region.modes, world.setting.values
    price = np.maximum(setting.stay_price.mean(axis=2), 1e-9)
    # Health at stake in a step away from what is indicated, as a share of the list price.
    loss = values["mode_stake"] * price / values["value_of_health"]
    noise = values["tau_mode"] * price
    firm = setting.altruism[:, None] * values["value_of_health"] * loss / noise
    steps = np.abs(np.arange(modes.n)[:, None] - np.arange(modes.n)[None])
    constant = np.zeros((*price.shape, modes.n))
    share = np.maximum(modes.share, 1e-9)
    for _ in range(60):
        odds = np.exp(constant[:, :, None] - firm[..., None, None] * steps)
        odds /= odds.sum(axis=-1, keepdims=True)
        found = np.einsum("gi,ngim->ngm", modes.share, odds)
        constant += np.log(share / np.maximum(found, 1e-12))
    return {"constant": constant, "noise": noise, "firmness": firm, "loss": loss}


def _member_table(world: World) -> MemberTable:
    setting, org = world.setting, world.organizations
    return MemberTable(
        **_fixed_of_members(setting),
        prevention=prevention_multiplier(setting, org, world.lag),
        contact=setting.values["contact_share"] * (1.0 - np.exp(-org.prevention)),
        used_up=world.benefit_table.outpatient_cap.astype(np.int64),
        deductible_met=_deductible_met(world),
        listed_from=listed_from(world),
        opens=world.sorting.opens,
    )


@worked_out_once
def _fixed_of_members(setting: Setting) -> dict[str, Any]:
    """Return what no month changes of being a member, as the member table names it."""
    values, region = setting.values, setting.region
    follow = np.minimum(np.maximum(region.groups.visits_per_episode - 1.0, 0.0), 12.0)
    is_senior = region.people.scheme_from_age > 0
    # A newborn in a senior's place has the payer that most people below that age have.
    first_other = int(np.argmax(np.where(is_senior, -1.0, region.people.scheme_share)))
    return {
        "kind": region.providers.kind.astype(np.int64),
        "beds": setting.beds,
        "is_town": region.zones.is_town.astype(np.int64),
        "minutes": region.zones.travel_minutes,
        "home_practice": region.zones.home_practice.astype(np.int64),
        "serves": region.providers.scope,
        "risk_milli": np.floor(setting.risk * 1000.0 + 0.5).astype(np.int64),
        "avoidable_milli": np.floor(region.groups.is_avoidable * 1000.0 + 0.5).astype(np.int64),
        "elective": region.groups.is_elective,
        "follow_after_stay": np.floor(follow * values["follow_after_stay"] + 0.5).astype(np.int64),
        "newborn_payer": np.where(is_senior, first_other, np.arange(len(region.payers))),
        "senior_payer": int(np.argmax(is_senior)) if is_senior.any() else -1,
        "senior_months": int(MONTHS * region.people.scheme_from_age.max()),
        "leave_list": values["leave_list"],
        "frailty_sd": region.people.frailty_sd,
        "experience_step": values["experience_step"],
        "follow_per_month": int(values["follow_per_month"]),
        "planned_start": region.courses.start,
        "planned_fewest": region.courses.fewest,
        "planned_most": region.courses.most,
        "sessions_month": region.courses.sessions_month,
        "sessions_group": region.courses.sessions_group,
        "sessions_need": region.courses.sessions_need,
        "sessions_at": _sessions_at(region),
        "outside": region.providers.outside,
    }


def _sessions_at(region: Region) -> Int:
    """Return the hospital where each zone's people have sessions (Z, C), -1 where there is none.

    The nearest that treats the group: with several sessions a week nobody goes farther.
    """
    found = np.full((len(region.zones.ids), len(region.chronic.ids)), -1, dtype=np.int64)
    for c, group in enumerate(region.courses.sessions_group):
        if group < 0:
            continue
        treats = (region.providers.kind > PRACTICE) & region.providers.scope[:, group]
        if treats.any():
            minutes = np.where(treats, region.zones.travel_minutes, np.inf)
            found[:, c] = np.argmin(minutes, axis=1)
    return found


def _price_table(world: World) -> PriceTable:
    """Return cost sharing and what a contact of mean need is expected to cost the patient."""
    setting = world.setting
    month = world.month % MONTHS
    if month not in world.price_cache:
        world.price_cache[month] = _own_prices(world, month)
    listed = _listed_outpatient(setting)
    cost = setting.cost_out[:, 3] * _cost_factor(world) * 100.0
    return PriceTable(
        benefits=world.benefit_table,
        visit=world.price_cache[month] * world.technology,
        uncovered=(listed.uncovered * world.technology)[world.benefits.payer_of],
        # Without accounts, which say it, nobody has money that weighs anything but its amount.
        account_weight=setting.values.get("account_weight", 1.0),
        covered=covered_share(world),
        consult_fen=listed.consult_fen,
        consult_cost_fen=np.floor(cost + 0.5).astype(np.int64),
    )


def _deductible_met(world: World) -> Int:
    """Return the own payments that meet each package's annual deductible, minor units (R,)."""
    deductible = world.benefit_table.annual_deductible
    return np.where(deductible > 0, deductible, NO_LIMIT_FEN).astype(np.int64)


class _Listed(NamedTuple):
    """Outpatient list prices; ``level`` (Y, n) is what each payer allows over the list.

    ``charge`` (n,) of a unit of each component; ``mean_charge`` its mean over providers, minor
    units, and ``mean_level`` that of the levels by payer; ``uncovered`` (Y, n) the part of a charge
    outside the catalog, currency; ``consult_fen`` (Y, n) of a unit of labor.
    """

    level: Float
    charge: Float
    mean_charge: float
    mean_level: Float
    uncovered: Float
    consult_fen: Int


@worked_out_once
def _listed_outpatient(setting: Setting) -> _Listed:
    region = setting.region
    level = region.people.price_level[:, setting.setting_of]
    charge = setting.price_out.sum(axis=1)
    outside = 1.0 - region.providers.covered_share[:, 0]
    consult = setting.price_out[:, 3] * 100.0 * level
    return _Listed(
        level=level,
        charge=charge,
        mean_charge=100.0 * float(np.mean(charge)),
        mean_level=np.array([float(row.mean()) for row in level]),
        uncovered=charge * level * outside,
        consult_fen=np.floor(consult + 0.5).astype(np.int64),
    )


def _own_prices(world: World, month: int) -> Float:
    """Return the expected own payment of a contact by benefit package (R, 6, 2, 2, n), currency."""
    setting, region = world.setting, world.region
    covered = region.providers.covered_share[:, 0]
    listed = _listed_outpatient(setting)
    visits_left = setting.values["visits_expected"] * (MONTHS - month) / MONTHS
    payer_of = world.benefits.payer_of
    expected = listed.mean_charge * visits_left * listed.mean_level[payer_of]
    shares = np.empty((len(payer_of), 6, 2, 2, 3))
    fill_expected_shares(expected, 1.0 - setting.values["price_mix"], world.benefit_table, shares)
    share = shares[..., region.providers.kind]
    return np.asarray(
        (listed.charge * listed.level[payer_of])[:, None, None, None]
        * (1.0 - covered * (1.0 - share)),
        dtype=np.float64,
    )
