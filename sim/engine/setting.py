"""The fixed ground of a run: a region at the size simulated, in the shapes that stages read.

Knows a region's tables and its scalar parameters; must not know contracts, months or decisions.
Capacities shrink with the number of people simulated; prices, needs and stakes do not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sim.behavior.altruism import altruism
from sim.engine.tables import Float, Int
from sim.numerics import normal_quantile
from sim.randomness import Decision, key, uniform
from sim.region import ListChange, Region

DAYS_PER_MONTH = 365.0 / 12.0
PRACTICE, SECONDARY, TERTIARY = 0, 1, 2
NECESSARY, ORDINARY, DISCRETIONARY = 0, 1, 2
# Severity of an unneeded stay over the mean, as `sim.engine.person.admission` sees it.
LIGHT = 0.0224


@dataclass(frozen=True)
class Timing:
    """What the length of a visit turns on, where practices choose it; minutes and currency.

    Attributes
    ----------
    wished : minutes beyond which a visit brings no more health.
    least : minutes without which there is no visit.
    session : minutes of a session.
    elasticity : of hours to the value of an hour.
    at_stake : money value of the health that a visit of no length would lose.
    price : (n,) disutility of a minute at the hours of the baseline; 0 where visits are not timed.
    minutes : (n,) minutes of a visit at list price; 0 where they are not timed.
    """

    wished: float
    least: float
    session: float
    elasticity: float
    at_stake: float
    price: Float
    minutes: Float


@dataclass(frozen=True)
class Setting:
    """Everything about a region that no month changes.

    Shapes: n providers, Y payers, G groups, three levels, four components. Money is currency per
    unit, health QALYs. ``values`` holds the scalar parameters in force.
    """

    region: Region
    values: Mapping[str, float]
    scale: float
    setting_of: Int  # (n,) outpatient setting, 0 primary, 1 hospital
    price_out: Float  # (n, 4)
    cost_out: Float
    price_in: Float  # (n, 4) per unit of a stay of weight 1, bed-days apart
    cost_in: Float
    day_price: Float  # (n,)
    day_cost: Float
    need_out: Float  # (G,) units of each component in a contact of mean severity
    need_in: Float  # (G, 3, 4)
    needed_days: Float  # (G, 3)
    health_out: Float  # (n, G, 4) QALYs at stake per unit needed, curvature included
    health_in: Float  # (n, G, 4)
    health_day: Float  # (n, G) per needed day
    beds: Float  # (n,) at the size simulated
    observation_beds: Float  # (n,) likewise
    visits_capacity: Float  # (n,) contacts a month at the size simulated
    reach_out: Float  # (n, G) severest rank treatable as an outpatient
    reach_in: Float  # (n, G) severest rank among bed cases treatable in a bed there
    up: Int  # (n,) where a provider transfers to, -1 for the highest tier
    altruism: Float  # (n,)
    habit: Float  # (n,) persistent style of a provider, mean 1
    stay_price: Float  # (n, G, 3) list price of a mean stay
    contact_price: Float  # (n, G) list price of a mean contact
    delay_health: Float  # (n, G) QALYs lost by a month without a needed bed
    failure_health: Float  # (n, G) QALYs lost when a case is treated beyond reach
    elsewhere: Float  # (G,) spending expected at hospitals after a referral
    avoided_elsewhere: float  # spending a year at hospitals avoided by one controlled condition
    avoided_visits: float  # own visits a year saved by one controlled condition
    control_health: float  # QALYs a year of one controlled condition
    risk: Float  # (A, 2) expected cost by age and sex over the mean
    options: Int  # (Z, K)
    before: Setting | None = None  # as it was before a policy changed lists; None if none has
    timing: Timing | None = None  # None where no parameter says how long a visit is
    known: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    # ^ what was worked out of it, once

    @property
    def reference(self) -> Setting:
        """The setting whose list prices calibrate the baseline: before any change of lists."""
        return self.before or self


_Known = TypeVar("_Known")


def worked_out_once(make: Callable[[Setting], _Known]) -> Callable[[Setting], _Known]:
    """Let what follows from a setting alone be worked out once for it; nobody may change it."""
    name = f"{make.__module__}.{make.__name__}"

    @wraps(make)
    def known(setting: Setting) -> _Known:
        kept: dict[str, _Known] = setting.known
        if name not in kept:
            kept[name] = make(setting)
        return kept[name]

    return known


def altruism_of(setting_values: Mapping[str, float], region: Region, seed: int) -> Float:
    """Draw practices' altruism in strata, and give hospitals that of their ownership.

    A practice is one physician's temper: ranks are a keyed order and the i-th of m takes the
    quantile (i + 1/2) / m of the mixture, a selfish share with none and the rest log-normal with
    the scale as its mean, so that few practices are no lottery. A hospital averages over its
    physicians and has the mixture's mean. Private providers have a ratio of it.

    Returns
    -------
    float64, shape (n,)
    """
    providers = region.providers
    share = setting_values["altruism_selfish_share"]
    sd = setting_values["altruism_log_sd"]
    scale = setting_values["altruism_scale"]
    weight = np.full(len(providers.ids), (1.0 - share) * scale)
    draw = key(seed, 0, Decision.ALTRUISM_SIZE)
    rows = np.flatnonzero(providers.kind == PRACTICE)
    order = np.argsort([uniform(draw, np.uint64(p)) for p in rows], kind="stable")
    for rank, position in enumerate(order):
        u = (rank + 0.5) / len(rows)
        # A lone practice takes the mean rather than one ticket of the lottery.
        if len(rows) > 1:
            inside = max((u - share) / (1.0 - share), 1e-6)
            weight[rows[position]] = altruism(u, inside, share, scale, sd)
    ratio = np.where(providers.is_private, setting_values["altruism_private_ratio"], 1.0)
    return np.asarray(weight * ratio, dtype=np.float64)


def habits_of(region: Region, seed: int) -> Float:
    """Draw each provider's persistent style in strata: spread as the region's table.

    The capacity-weighted mean within a kind is 1: where one hospital treats half of a county's
    cases, its habit is the county's, and a draw would make every region another one.
    """
    providers = region.providers
    habit = np.ones(len(providers.ids))
    draw = key(seed, 0, Decision.STYLE)
    for kind in range(3):
        rows = np.flatnonzero(providers.kind == kind)
        if not len(rows):
            continue
        order = np.argsort([uniform(draw, np.uint64(p)) for p in rows], kind="stable")
        for rank, position in enumerate(order):
            z = normal_quantile((rank + 0.5) / len(rows))
            p = rows[position]
            habit[p] = 1.0 + providers.style_dispersion[p] * z
        weights = np.maximum(providers.visits_capacity[rows], 1e-9)
        habit[rows] /= np.average(habit[rows], weights=weights)
    return habit


def charge_of_an_episode(region: Region) -> Float:
    """Return expected charges of an episode by clinical group (G,), currency.

    From the region's own courses of care and beds, at the list prices of its mean provider.
    """
    groups, providers = region.groups, region.providers
    visit = float(np.mean(providers.visit_charge)) * groups.visits_per_episode
    stay = groups.prob_bed * groups.weight * float(np.median(providers.charge_per_weight))
    return np.asarray(visit * groups.visit_weight + stay)


def expected_cost_by_age(region: Region) -> Float:
    """Return expected yearly charges by age and sex over their mean, shape (A, 2).

    From the region's own incidence; the weights of risk-adjusted members.
    """
    by_age = 12.0 * np.einsum("gas,g->as", region.groups.rate, charge_of_an_episode(region))
    mean = float((by_age * region.people.age_sex_share).sum())
    return np.asarray(by_age / mean if mean > 0.0 else np.ones_like(by_age), dtype=np.float64)


def predicted_risk(region: Region) -> Float:
    """Return expected yearly charges by age, sex and conditions over the mean, shape (A, 2, 2^C).

    As :func:`expected_cost_by_age`, for a person of whom the conditions are known but neither
    frailty nor how well they are controlled: a condition multiplies hazards as its cases do in the
    mean. Averaged over the conditions of an age it is that age's weight.
    """
    groups = region.groups
    cost = 12.0 * charge_of_an_episode(region)
    mean = float((np.einsum("gas,g->as", groups.rate, cost) * region.people.age_sex_share).sum())
    controlled = region.chronic.share_controlled
    ratio = groups.condition_ratio * (1.0 - controlled + controlled * groups.control_ratio)
    found = np.einsum("gas,g,mg->asm", groups.base_rate, cost, products_over_bits(ratio))
    return np.asarray(found / mean if mean > 0.0 else np.ones_like(found), dtype=np.float64)


def value_of_one_control(
    region: Region, values: Mapping[str, float], charge_visit: float, charge_stay: Float
) -> tuple[float, float, float]:
    """Return what one more controlled condition saves in a year, at the region's mean prices.

    A case's hazards are the region's rates at the ages of the cases, other conditions included.
    The scale of episodes is left out: it makes up for episodes that one acute slot a person hides,
    and brings need back to those rates. Control also averts the onset of what the condition leads
    to (a stroke, kidney disease); an onset averted this year saves what that condition costs in
    the years after, discounted and while the patient stays, so that it counts ``d / (1 - d)``
    years with d discount times retention. Onsets from onsets are left out, as is the part of stays
    that a township center would have had itself.

    Parameters
    ----------
    region : Region
    values : mapping of parameter id to value
    charge_visit : float
        List price of a mean visit to a hospital, currency.
    charge_stay : float64, shape (G,)
        List price of a mean stay by group, currency.

    Returns
    -------
    tuple of float
        Spending at hospitals avoided, own visits saved, QALYs gained; means over conditions by
        how many people have them uncontrolled.
    """
    groups, chronic, people = region.groups, region.chronic, region.people
    share = people.age_sex_share.sum(axis=1)
    prob_bed = groups.prob_bed * values["bed_need_scale"]
    hospital = (1.0 - groups.share_primary) * groups.visits_per_episode * groups.visit_weight
    per_episode = np.stack(
        [
            prob_bed * charge_stay + hospital * charge_visit,
            groups.share_primary * groups.visits_per_episode,
            groups.admission_health * prob_bed * values["control_admission_share"]
            + groups.utility_loss * values["control_illness_months"],
        ]
    )
    rate = (groups.rate * people.age_sex_share[None]).sum(axis=2) * 12.0
    rate = rate / np.maximum(share, 1e-12)
    decay = values["discount"] * values["retention"]
    later = decay / (1.0 - decay)
    n = len(chronic.ids)
    saved, burden, uncontrolled = np.zeros((n, 3)), np.zeros((n, 3)), np.zeros(n)
    onset = np.zeros((n, n))
    for c in range(n):
        cases = chronic.prevalence[c] * share
        total = float(cases.sum())
        controlled = float(chronic.share_controlled[c])
        uncontrolled[c] = total * (1.0 - controlled)
        if total <= 0.0:
            continue
        mean_age = cases / total
        ratio, control = groups.condition_ratio[:, c], groups.control_ratio[:, c]
        average = ratio * (1.0 - controlled + controlled * control)
        # Rates are those of everybody of an age: leave this condition's own part out of the mean.
        own = 1.0 + chronic.prevalence[c][None] * (average[:, None] - 1.0)
        without = (rate / own) @ mean_age
        deaths = float((mean_age[:, None] * people.base_mortality).sum()) / 2.0
        rr, control_death = float(chronic.rr_death[c]), float(chronic.control_death[c])
        saved[c] = per_episode @ (without * ratio * (1.0 - control))
        saved[c, 2] += values["control_years"] * deaths * rr * (1.0 - control_death)
        burden[c] = per_episode @ (without * (average - 1.0))
        burden[c, 2] += float(chronic.utility_decrement[c]) + values["control_years"] * deaths * (
            rr * (1.0 - controlled + controlled * control_death) - 1.0
        )
        free = 1.0 - chronic.prevalence
        onset[c] = (chronic.incidence * free) @ mean_age * (1.0 - chronic.control_event[c])
    saved += later * onset @ burden
    weight = float(uncontrolled.sum())
    if weight == 0.0:
        return 0.0, 0.0, 0.0
    spending, visits, health = (uncontrolled @ saved / weight).tolist()
    return spending, visits, health


def by_kind(values: Mapping[str, float], name: str, kind: Int) -> Float:
    """Return a parameter that has one value a kind of provider, as an array over providers."""
    of_kind = np.array([values[f"{name}_{k}"] for k in ("practice", "secondary", "tertiary")])
    return np.asarray(of_kind[kind], dtype=np.float64)


def choice_options(region: Region, nearest: int) -> Int:
    """Return the providers to choose from by zone: the nearest practices and every hospital."""
    travel = region.zones.travel_minutes
    practices = np.flatnonzero(region.providers.kind == PRACTICE)
    hospitals = np.flatnonzero(region.providers.kind != PRACTICE)
    rows = []
    for z in range(len(region.zones.ids)):
        others = practices[practices != region.zones.home_practice[z]]
        near = others[np.argsort(travel[z, others], kind="stable")[:nearest]]
        rows.append(np.concatenate((near, hospitals)))
    return np.array(rows, dtype=np.int64)


def build_setting(
    region: Region, values: Mapping[str, float], population: int, seed: int
) -> Setting:
    """Bring a region to the size simulated and its parameters into tables.

    Parameters
    ----------
    region : Region
    values : mapping of parameter id to value
        Every scalar parameter of the region, overrides applied.
    population : int
        People simulated.
    seed : int
        Keys providers' traits.
    """
    providers, groups = region.providers, region.groups
    kind = providers.kind.astype(np.int64)
    scale = population / region.residents
    share_out = providers.share_charge[:, 0]
    share_in = providers.share_charge[:, 1]
    visit = providers.visit_charge * by_kind(values, "price_scale_visit", kind)
    stay = providers.charge_per_weight * by_kind(values, "price_scale_stay", kind)
    price_out = visit[:, None] * share_out
    price_in = stay[:, None] * (1.0 - providers.day_share)[:, None] * share_in
    # Physicians in a hospital bear none of what their visits cost it.
    borne = np.where(kind == PRACTICE, values.get("practice_cost_borne", 1.0), 1.0)
    cost_out = price_out * providers.cost_ratio[:, 0] * borne[:, None]
    cost_in = price_in * providers.cost_ratio[:, 1]
    # One price a day: days differ between groups more than what a day contains.
    flow = groups.rate * region.people.age_sex_share[None]
    stays = flow.sum(axis=(1, 2)) * groups.prob_bed
    mean_days = float(stays @ groups.los_days) / max(float(stays.sum()), 1e-12)
    mean_weight = float(stays @ groups.weight) / max(float(stays.sum()), 1e-12)
    days_per_weight = mean_days / mean_weight if mean_weight > 0.0 else 1.0
    day_price = stay * providers.day_share / days_per_weight
    day_cost = day_price * providers.day_cost_ratio

    need_out = groups.visit_weight.copy()
    level = groups.weight[:, None] * groups.weight_level
    need_in = np.repeat(level[:, :, None], 4, axis=2)
    needed_days = groups.los_days[:, None] * groups.los_level
    needed_days = needed_days * values["need_days_scale"]

    value = values["value_of_health"]
    is_hospital = (kind != PRACTICE).astype(np.int64)

    def mean_by_kind(price: Float) -> Float:
        out = np.empty_like(price)
        for k in range(3):
            rows = kind == k
            if rows.any():
                out[rows] = price[rows].mean(axis=0)
        return out

    stake_out = groups.stake_out[:, :, is_hospital].transpose(2, 0, 1)
    health_out = stake_out * mean_by_kind(price_out)[:, None, :] / (2.0 * value)
    # What a day or a unit is worth to a patient does not follow what a tariff asks for it.
    stated = values.get("stake_day_share")
    unit_worth, day_worth = price_in, day_price
    if stated is not None:
        unit_worth = stay[:, None] * (1.0 - stated) * share_in
        day_worth = stay * stated / days_per_weight
    health_in = groups.stake_in[None] * mean_by_kind(unit_worth)[:, None, :] / (2.0 * value)
    health_day = groups.stake_day[None] * mean_by_kind(day_worth)[:, None] / (2.0 * value)

    prob_bed = np.maximum(groups.prob_bed, 1e-9)
    beds = providers.beds * scale
    has_beds = beds > 0.0
    limit = np.where(
        has_beds[:, None],
        np.maximum(groups.share_primary, 1.0 - prob_bed * (1.0 - groups.share_township)),
        groups.share_primary,
    )
    reach_out = np.where(kind[:, None] == PRACTICE, limit, 1.0)
    reach_in = np.where(kind[:, None] == PRACTICE, groups.share_township, 1.0)
    reach_in = np.where(kind[:, None] == SECONDARY, values["reach_secondary"], reach_in)
    reach_out = np.clip(reach_out, 0.02, 0.995)
    up = np.full(len(kind), -1, dtype=np.int64)
    for k, above in ((PRACTICE, SECONDARY), (SECONDARY, TERTIARY)):
        higher = np.flatnonzero((kind == above) & has_beds)
        if len(higher):
            up[kind == k] = higher[np.argmax(providers.beds[higher])]
    stay_price = np.einsum("nj,glj->ngl", price_in, need_in)
    stay_price = stay_price + day_price[:, None, None] * needed_days[None]
    contact_price = price_out.sum(axis=1)[:, None] * need_out[None]
    mean_stay = mean_by_kind(stay_price.mean(axis=2))
    urgent = np.where(
        groups.care_class == NECESSARY,
        values["admission_stake_necessary"],
        values["admission_stake_ordinary"],
    )
    stake_stay = np.where(groups.is_elective, values["admission_health_weight_elective"], urgent)
    delay_health = stake_stay[None] * mean_stay / value
    mean_contact = np.einsum("ngj->ng", stake_out * mean_by_kind(price_out)[:, None, :])
    failure_health = values["failure_ratio"] * mean_contact * need_out[None] / (2.0 * value)
    secondary = np.flatnonzero(kind == SECONDARY)
    reference = secondary if len(secondary) else np.arange(len(kind))
    charge_visit = float(visit[reference].mean())
    elsewhere = charge_visit * need_out * values["referral_visits"]
    stays_of_referred = np.minimum(
        values["referral_bed_ratio"] * groups.prob_bed, values["referral_bed_most"]
    )
    elsewhere = elsewhere + stays_of_referred * stay_price[reference].mean(axis=(0, 2))
    avoided, saved, health = value_of_one_control(
        region, values, charge_visit, mean_stay[reference].mean(axis=0)
    )
    return Setting(
        region=region,
        values=values,
        scale=scale,
        setting_of=is_hospital,
        price_out=price_out,
        cost_out=cost_out,
        price_in=price_in,
        cost_in=cost_in,
        day_price=day_price,
        day_cost=day_cost,
        need_out=need_out,
        need_in=need_in,
        needed_days=needed_days,
        health_out=health_out,
        health_in=health_in,
        health_day=health_day,
        beds=beds,
        observation_beds=region.observation_beds * scale,
        visits_capacity=providers.visits_capacity * scale,
        reach_out=reach_out,
        reach_in=reach_in,
        up=up,
        altruism=altruism_of(values, region, seed),
        habit=habits_of(region, seed),
        stay_price=stay_price,
        contact_price=contact_price,
        delay_health=delay_health,
        failure_health=failure_health,
        elsewhere=elsewhere,
        avoided_elsewhere=avoided,
        avoided_visits=saved,
        control_health=health,
        risk=expected_cost_by_age(region),
        options=choice_options(region, int(values["practices_nearby"])),
    )


def with_lists(setting: Setting, lists: ListChange) -> Setting:
    """Return the setting under changed price lists, unit costs and catalog.

    Only what is charged, what it costs and what is covered move. Health at stake, what decisions
    are calibrated to, and the yardsticks of choice (list price of a mean stay or contact) stay
    those of the reference.
    """
    providers = dataclasses.replace(setting.region.providers, covered_share=lists.covered)
    return dataclasses.replace(
        setting,
        region=dataclasses.replace(setting.region, providers=providers),
        price_out=setting.price_out * lists.price_out,
        price_in=setting.price_in * lists.price_in,
        cost_out=setting.cost_out * lists.cost_out,
        cost_in=setting.cost_in * lists.cost_in,
        day_price=setting.day_price * lists.day_price,
        day_cost=setting.day_cost * lists.day_cost,
        before=setting.reference,
    )


def products_over_bits(ratios: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the product of ratios over the set bits of every mask.

    Parameters
    ----------
    ratios : float64, shape (C,) or (G, C)

    Returns
    -------
    float64, shape (2^C,) or (2^C, G)
    """
    masks = np.arange(1 << ratios.shape[-1])
    out = np.ones((len(masks), *ratios.shape[:-1]))
    for c in range(ratios.shape[-1]):
        bit = ((masks >> c) & 1).astype(bool)
        out[bit] *= ratios[..., c]
    return out
