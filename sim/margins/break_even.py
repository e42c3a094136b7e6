"""Where incentives turn: roots of margins and of the agents' own rules.

Knows a view of providers and the rules of :mod:`sim.behavior`; must not copy a rule, nor know a
contract. Every point is found by search on the rule that agents follow, at the means of a kind of
provider, so that a rule that changes moves the points with it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from sim.behavior.coding import upcoding_share
from sim.behavior.intensity import optimal_quantity
from sim.behavior.intensity import stake as stake_of
from sim.behavior.prevention import value_of_control
from sim.behavior.referral import refer_utility, treat_utility
from sim.behavior.stay import optimal_stay
from sim.engine.organization import sides_bring
from sim.engine.setting import PRACTICE
from sim.engine.tables import Float, Int
from sim.health.need import severity_multiplier
from sim.margins.rows import KINDS, margins, per
from sim.margins.view import View
from sim.tallies import ProviderTally as V

__all__ = [
    "MOST_FINE",
    "MOST_STAKE",
    "Audience",
    "Point",
    "SeverityPoint",
    "audiences",
    "coding_gain",
    "day_receipts",
    "fine_point",
    "margin_by_severity",
    "points",
    "root",
    "severity_points",
    "stay_day",
    "upcoding_gain",
]

MOST_FINE = 1000.0
"""Largest fine searched, multiples of what is paid back."""
MOST_STAKE = 1e6
"""Largest yearly payment per controlled patient searched, currency."""
_RANKS = np.linspace(0.02, 0.98, 49)  # severities that stays can have among their own kind
_MILLI = 1000.0


def root(function: Callable[[float], float], low: float, high: float, steps: int = 64) -> float:
    """Find where a function first changes sign, by scan and bisection.

    Parameters
    ----------
    function : callable of float to float
    low, high : float
        Ends of the search.
    steps : int
        Intervals of the scan; a pair of roots closer than one is missed.

    Returns
    -------
    float
        The first root, or NaN where the sign is the same all along.

    Examples
    --------
    >>> round(root(lambda x: x * x - 2.0, 0.0, 2.0), 9)
    1.414213562
    >>> root(lambda x: 1.0, 0.0, 2.0)
    nan
    """
    left, at_left = low, function(low)
    for i in range(1, steps + 1):
        right = low + (high - low) * i / steps
        at_right = function(right)
        if at_left != 0.0 and (at_left > 0.0) != (at_right > 0.0):
            for _ in range(80):
                middle = 0.5 * (left + right)
                if (function(middle) > 0.0) == (at_left > 0.0):
                    left = middle
                else:
                    right = middle
            return 0.5 * (left + right)
        left, at_left = right, at_right
    return math.nan


@dataclass(frozen=True)
class Audience:
    """One kind of provider and the payers that pay it by the same contract.

    Attributes
    ----------
    kind : int
    payers : tuple of int
        Rows of the payers.
    rows : int64
        Rows of the providers.
    """

    kind: int
    payers: tuple[int, ...]
    rows: Int

    @property
    def id(self) -> str:
        """Kind of the providers in words."""
        return KINDS[self.kind]

    def pick(self, array: Float) -> Float:
        """Give the part of an array (n, payers, ...) that concerns these."""
        return np.asarray(array[self.rows][:, list(self.payers)], dtype=np.float64)

    def mean(self, array: Float, weight: Float) -> float:
        """Average an array (n, payers) by weights of the same shape; NaN without any weight."""
        values = self.pick(array)
        weights = np.where(np.isfinite(values), self.pick(weight), 0.0)
        total = float(weights.sum())
        if total <= 0.0:
            return math.nan
        return float((np.where(weights > 0.0, values, 0.0) * weights).sum() / total)

    def total(self, array: Float) -> float:
        """Sum an array (n, payers)."""
        return float(self.pick(array).sum())


def audiences(view: View) -> list[Audience]:
    """List kinds of providers by groups of payers with the same contracts.

    Payers that cover nothing have no contract and are left out.
    """
    world = view.world
    kind = world.region.providers.kind
    found: list[Audience] = []
    for k in range(len(KINDS)):
        rows = np.flatnonzero(kind == k)
        by_terms: dict[str, list[int]] = {}
        for y in range(world.n_payers):
            if not world.benefits.covers[y]:
                continue
            terms = []
            for agreement in world.agreements:
                mine = sorted(set(agreement.rows.tolist()) & set(rows.tolist()))
                if agreement.payer == y and mine:
                    spec = json.dumps(agreement.spec, sort_keys=True, default=str)
                    terms.append(f"{mine}: {spec}")
            by_terms.setdefault("\n".join(sorted(terms)), []).append(y)
        found += [Audience(k, tuple(payers), rows) for payers in by_terms.values() if len(rows)]
    return found


@dataclass(frozen=True)
class Point:
    """A point where an incentive turns.

    Attributes
    ----------
    id : str
        What turns: ``fine``, ``stay_day``, ``stay_whole``, ``kept_share_out``, ``kept_share_in``,
        ``control_stake``, ``elsewhere_share``, ``severity``.
    kind : str
    payers : tuple of str
    unit : str
    value : float
        Where it turns; NaN where it does not.
    now : float
        Where the policy stands on the same scale; NaN where there is no such thing.
    state : str
        ``turns``; else which side holds everywhere: ``always`` (what the point is about holds at
        every value searched), ``never``.
    facts : mapping of str to float or str
        Numbers that the text needs.
    """

    id: str
    kind: str
    payers: tuple[str, ...]
    unit: str
    value: float
    now: float
    state: str
    facts: dict[str, float | str] = field(default_factory=dict)


def points(view: View) -> list[Point]:
    """Find every break-even point of a view, kinds of providers in turn."""
    found: list[Point] = []
    for audience in audiences(view):
        for finder in (
            fine_point,
            stay_day,
            _stay_whole,
            _kept_out,
            _kept_in,
            _control,
            _elsewhere,
        ):
            point = finder(view, audience)
            if point is not None:
                found.append(point)
        for severity in severity_points(view, audience):
            found.append(_as_point(view, audience, severity))
    return found


def _names(view: View, audience: Audience) -> tuple[str, ...]:
    return tuple(view.world.region.payers[y] for y in audience.payers)


def _point(
    view: View,
    audience: Audience,
    name: str,
    unit: str,
    value: float,
    now: float,
    holds: bool,
    facts: dict[str, float | str],
) -> Point:
    """Make a point; ``holds`` tells the side on which a search without a root stayed."""
    state = "turns" if math.isfinite(value) else "always" if holds else "never"
    return Point(name, KINDS[audience.kind], _names(view, audience), unit, value, now, state, facts)


# --- coding ---------------------------------------------------------------------------------------


def coding_gain(view: View, audience: Audience) -> tuple[float, float, float, float, float]:
    """Give the mean gain of a level, chance of review, detection, fine, and eligible stays."""
    stand = view.stand
    eligible = view.ground(view.mean).billed[..., :2]
    stays = eligible.sum(axis=(2, 3))
    step = view.mean.step
    gain = audience.mean(per((step * eligible).sum(axis=(2, 3)), stays), stays)
    review = audience.mean(stand.prob_review, stays)
    first = audience.payers[0]
    return (
        gain,
        review,
        float(stand.detection[first]),
        float(stand.fine[first]),
        audience.total(stays),
    )


def upcoding_gain(gain: float, review: float, detection: float, fine: float) -> float:
    """Give what a level coded up is expected to bring, by the rule that decides on coding.

    Examples
    --------
    >>> upcoding_gain(1000.0, 0.02, 0.5, 9.0), upcoding_gain(1000.0, 0.02, 0.5, 200.0)
    (900.0, 0.0)
    """
    # With compliance as dear as the gain, the rule's share is the part of the gain that is kept.
    scale = max(abs(gain), 1.0)
    return scale * upcoding_share(gain, review, detection, fine, scale)


def fine_point(view: View, audience: Audience) -> Point | None:
    """Find the fine at which coding a level up no longer pays."""
    gain, review, detection, fine, stays = coding_gain(view, audience)
    if stays <= 0.0:
        return None

    def share(multiple: float) -> float:
        return upcoding_gain(gain, review, detection, multiple)

    pays_nothing = gain <= 0.0 or share(0.0) <= 0.0
    value = math.nan
    if not pays_nothing:
        # The scan is finer at small fines: the chance of being found is seldom below a hundredth.
        low = 0.0
        for high in (10.0, 100.0, MOST_FINE):
            value = root(lambda f: share(f) - 1e-12, low, high)
            if math.isfinite(value):
                break
            low = high
    return _point(
        view,
        audience,
        "fine",
        "multiple",
        value,
        fine,
        not pays_nothing,
        {
            "gain": gain,
            "found": review * detection,
            "money": value * gain if math.isfinite(value) else math.nan,
        },
    )


# --- stays ----------------------------------------------------------------------------------------


def day_receipts(view: View, audience: Audience) -> tuple[Callable[[float], float], float, float]:
    """Give receipts of a bed-day by its place in the stay, cost of a day, and days."""
    ground, terms = view.ground(view.mean), view.mean.stay
    days = ground.days.sum(axis=-1)
    cost = np.broadcast_to(ground.setting.day_cost[:, None], days.shape)
    extra = view.mean.cost * cost + view.per_charge(view.mean) * ground.price_day
    last = audience.pick(np.asarray(terms.last_day)) if terms.n_bands > 1 else None
    by_band = per((terms.bands * ground.days[..., None]).sum(axis=2), days[..., None])
    bands = audience.pick(by_band + extra[..., None])
    weight = audience.pick(days)
    weight = np.where(np.isfinite(bands[..., 0]), weight, 0.0)
    bands = np.where(weight[..., None] > 0.0, bands, 0.0)
    total = max(float(weight.sum()), 1e-12)

    def receipts(day: float) -> float:
        if last is None:
            return float((bands[..., 0] * weight).sum() / total)
        band = (day > last).sum(axis=-1)[..., None]
        return float((np.take_along_axis(bands, band, axis=-1)[..., 0] * weight).sum() / total)

    return receipts, audience.mean(cost, days), audience.total(days)


def stay_day(view: View, audience: Audience) -> Point | None:
    """Find the day of a stay after which a further one costs more than it brings."""
    receipts_of, cost, days = day_receipts(view, audience)
    if days <= 0.0:
        return None
    ground = view.ground(view.mean)
    setting = ground.setting
    longest = int(setting.values["longest_stay"])
    stays = ground.done[..., V.ADMISSIONS]
    need = audience.total(ground.done[..., V.NEED_DAYS]) / _MILLI / audience.total(stays)
    groups = audience.pick(ground.days).sum(axis=(0, 1))
    stake = 2.0 * setting.altruism[:, None] * setting.values["value_of_health"] * setting.health_day
    at_stake = float((stake[audience.rows] @ groups).mean() / max(groups.sum(), 1e-9))
    value = root(lambda day: receipts_of(day) - cost, 1.0, float(longest), steps=2 * longest)
    receipts = receipts_of(need)
    wanted = optimal_stay(receipts, cost, 1.0, at_stake, need, longest)
    return _point(
        view,
        audience,
        "stay_day",
        "day",
        value,
        days / max(audience.total(stays), 1e-9),
        receipts > cost,
        {"receipts": receipts, "cost": cost, "wanted": wanted, "needed": need},
    )


def _stay_whole(view: View, audience: Audience) -> Point | None:
    receipts_of, cost, days = day_receipts(view, audience)
    if days <= 0.0:
        return None
    ground = view.ground(view.mean)
    stays = ground.done[..., V.ADMISSIONS]
    mean_days = days / audience.total(stays)
    longest = float(ground.setting.values["longest_stay"])
    steps = np.array([receipts_of(day) - cost for day in np.arange(1.0, longest + 1.0)])
    earned = np.concatenate(([0.0], np.cumsum(steps)))

    def so_far(length: float) -> float:
        return float(np.interp(length, np.arange(len(earned)), earned))

    # Days apart, a stay leaves what it leaves as practised less what its days do.
    first = _stay_margin(view, audience) - so_far(mean_days)

    def margin(length: float) -> float:
        return first + so_far(length)

    return _point(
        view,
        audience,
        "stay_whole",
        "day",
        root(margin, 1.0, longest),
        mean_days,
        margin(mean_days) > 0.0,
        {"margin": margin(mean_days), "first_day": margin(1.0)},
    )


def _stay_margin(view: View, audience: Audience) -> float:
    """Give the mean margin of a stay as practised."""
    stay = next(m for m in margins(view.ground(view.mean)) if m.activity == "admission")
    return audience.mean(stay.receipts - stay.cost, stay.volume)


@dataclass(frozen=True)
class SeverityPoint:
    """From which severity stays of a clinical group lose money.

    Attributes
    ----------
    group : int
    value : float
        Resources needed over the group's mean; NaN where the margin keeps its sign.
    share_above : float
        Share of the group's stays that are more severe.
    loses_now : bool
        Where there is no such severity: whether every stay loses.
    loss : float
        Mean loss over all stays of the group from those that lose, currency per stay.
    margin : float
        Mean margin of a stay, currency.
    stays : float
        Stays a year of the people simulated.
    """

    group: int
    value: float
    share_above: float
    loses_now: bool
    loss: float
    margin: float
    stays: float


def severity_points(view: View, audience: Audience) -> list[SeverityPoint]:
    """Find from which severity stays lose money, by clinical group with any stay.

    The margin is the one that hospitals weigh at the door: what a case brings whatever its
    severity, and what rises with it, at practised stay and components.
    """
    billed = view.ground(view.mean).billed
    sd = view.world.region.groups.severity_sd
    found = []
    for g in range(billed.shape[2]):
        weight = audience.pick(billed)[:, :, g, :]
        total = float(weight.sum())
        if total <= 0.0:
            continue
        of_severity = margin_by_severity(view, audience, g, weight / total)

        def margin(rank: float, g: int = g, found: Callable[[float], float] = of_severity) -> float:
            return found(severity_multiplier(rank, float(sd[g])))

        values = np.array([margin(float(rank)) for rank in _RANKS])
        rank = root(margin, float(_RANKS[0]), float(_RANKS[-1]))
        # Where light stays lose and severe ones earn, no severity "starts to lose".
        if math.isfinite(rank) and values[0] < 0.0:
            rank = math.nan
        turns = math.isfinite(rank)
        found.append(
            SeverityPoint(
                group=g,
                value=severity_multiplier(rank, float(sd[g])) if turns else math.nan,
                share_above=1.0 - rank if turns else float((values < 0.0).mean()),
                loses_now=bool(values.mean() < 0.0),
                loss=float(np.maximum(-values, 0.0).mean()),
                margin=float(values.mean()),
                stays=total,
            )
        )
    return found


def margin_by_severity(
    view: View, audience: Audience, group: int, weight: Float
) -> Callable[[float], float]:
    """Give the mean margin of a group's stays by severity, sides of thresholds included.

    Parameters
    ----------
    weight : float64, shape (rows, payers, 3)
        Share of each provider, payer and level in the group's stays.
    """
    table, terms = view.tables.admit, view.mean.stay

    def mine(array: Float) -> Float:
        return audience.pick(np.asarray(array))[:, :, group : group + 1]

    fixed = float((mine(table.fixed)[:, :, 0] * weight).sum())
    rising = float((mine(table.rising)[:, :, 0] * weight).sum())
    if not table.has_sides:
        return lambda severity: fixed + rising * severity
    charge = mine(table.charge)
    own = replace(
        terms, bounds=mine(terms.bounds), amounts=mine(terms.amounts), slopes=mine(terms.slopes)
    )

    def margin(severity: float) -> float:
        sides = sides_bring(own, charge * severity)[:, :, 0]
        return fixed + rising * severity + float((sides * weight).sum())

    return margin


def _as_point(view: View, audience: Audience, severity: SeverityPoint) -> Point:
    facts: dict[str, float | str] = {
        "group": view.world.region.groups.ids[severity.group],
        "share_above": severity.share_above,
        "loss": severity.loss,
        "margin": severity.margin,
        "stays": severity.stays * view.multiplier,
    }
    return _point(
        view,
        audience,
        "severity",
        "times the group's mean",
        severity.value,
        1.0,
        severity.loses_now,
        facts,
    )


# --- saving ---------------------------------------------------------------------------------------


def _kept_out(view: View, audience: Audience) -> Point | None:
    return _kept(view, audience, is_inpatient=False)


def _kept_in(view: View, audience: Audience) -> Point | None:
    return _kept(view, audience, is_inpatient=True)


def _kept(view: View, audience: Audience, *, is_inpatient: bool) -> Point | None:
    """Find the share of its price a provider must keep of care not given, for less to pay.

    With receipts ``(1 - share) price`` per unit, the share at which the quantities that the
    trade-off asks for are worth, at list price, what patients need.
    """
    ground = view.ground(view.mean)
    setting, values = ground.setting, ground.setting.values
    first = V.UNITS_IN_0 if is_inpatient else V.UNITS_OUT_0
    used = ground.done[..., first : first + 4] / _MILLI
    count = audience.pick(used).sum(axis=1)  # (rows, 4)
    if count.sum() <= 0.0:
        return None
    listed = audience.pick(ground.price_in if is_inpatient else ground.price_out)
    by_payer = audience.pick(used)
    # Providers' mean price over the payers, each at its own level.
    price = (listed * by_payer).sum(axis=1) / np.maximum(count, 1e-12)
    reference = setting.reference
    usual = (reference.price_in if is_inpatient else reference.price_out)[audience.rows]
    cost = (setting.cost_in if is_inpatient else setting.cost_out)[audience.rows]
    health = (setting.health_in if is_inpatient else setting.health_out)[audience.rows]
    altruism = setting.altruism[audience.rows]
    if is_inpatient:
        cases = audience.pick(ground.billed.sum(axis=3)).sum(axis=(0, 1))
    else:
        cases = view.mix(audience.kind)
    at_stake = [
        [
            stake_of(
                float(altruism[p]),
                values["value_of_health"],
                float(health[p, :, j] @ cases / max(float(cases.sum()), 1e-12)),
                1.0,
                1.0,
            )
            for j in range(4)
        ]
        for p in range(len(price))
    ]
    worth = (count * price).sum()

    def surplus(share: float) -> float:
        given = 0.0
        for p in range(len(price)):
            for j in range(4):
                if count[p, j] <= 0.0:
                    continue
                given += (
                    count[p, j]
                    * price[p, j]
                    * optimal_quantity(
                        (1.0 - share) * price[p, j],
                        float(cost[p, j]),
                        values["effort_ratio"] * float(usual[p, j]),
                        float(altruism[p]),
                        values["oop_weight"],
                        0.0,
                        float(price[p, j]),
                        1.0,
                        at_stake[p][j],
                    )
                )
        return float(given / worth - 1.0)

    slope = view.mean.inside if is_inpatient else view.mean.out
    cost_all = setting.cost_in if is_inpatient else setting.cost_out
    receipts = slope + view.mean.cost[..., None] * cost_all[:, None, :]
    brought = audience.pick((receipts * used).sum(axis=-1)).sum()
    value = root(surplus, 0.0, 1.0)
    return _point(
        view,
        audience,
        "kept_share_in" if is_inpatient else "kept_share_out",
        "share",
        value,
        1.0 - float(brought / worth),
        surplus(0.0) <= 0.0,
        {"cost_share": float((count * cost).sum() / worth)},
    )


# --- practices ------------------------------------------------------------------------------------


def _control(view: View, audience: Audience) -> Point | None:
    if audience.kind != PRACTICE:
        return None
    ground = view.ground(view.mean)
    setting, values, m = ground.setting, ground.setting.values, view.mean
    people = ground.done[..., V.CONDITIONS]
    if audience.total(people) <= 0.0:
        return None
    out = m.visit + (m.out - setting.cost_out[:, None, :]).sum(axis=2)
    visit = audience.mean(out, people)
    elsewhere = audience.mean(m.elsewhere, people)
    stake_now = 12.0 * audience.mean(m.quality[..., 0], people)
    reference = setting.reference
    listed = (reference.price_out - reference.cost_out).sum(axis=1)[:, None]
    list_margin = audience.mean(np.broadcast_to(listed, people.shape), people)

    def value(
        margin: float, downstream: float, stake: float, altruism: float, avoided: float
    ) -> float:
        return value_of_control(
            -setting.avoided_visits,
            margin,
            -avoided,
            downstream,
            stake,
            altruism,
            values["value_of_health"],
            values["prevention_health_weight"] * setting.control_health,
            values["discount"],
            values["retention"],
        )

    # What the last unit of effort costs today, by the rule that sets the effort.
    cost = max(value(list_margin, 0.0, 0.0, values["altruism_scale"], 0.0), 1.0)

    def margin(stake: float) -> float:
        return value(visit, elsewhere, stake, 0.0, setting.avoided_elsewhere) - cost

    found, low = math.nan, -MOST_STAKE / 100.0
    if margin(0.0) < 0.0:
        low = 0.0
        for high in (1e3, 1e4, MOST_STAKE):
            found = root(margin, low, high)
            if math.isfinite(found):
                break
    return _point(
        view,
        audience,
        "control_stake",
        "currency/year",
        found,
        stake_now,
        margin(0.0) >= 0.0,
        {
            "cost_year": cost * (1.0 - values["discount"] * values["retention"]),
            "saved_elsewhere": -setting.avoided_elsewhere * elsewhere,
        },
    )


def referral_money(view: View, audience: Audience) -> Callable[[float], float] | None:
    """Give the money by which referring beats treating, by the share borne of care elsewhere."""
    if audience.kind != PRACTICE:
        return None
    table = view.tables.refer
    ground = view.ground(view.mean)
    visits = ground.done[..., V.VISITS]
    if audience.total(visits) <= 0.0:
        return None
    margin_by_group = np.asarray(table.margin)
    flow = view.mix(PRACTICE)
    treated = audience.mean(margin_by_group @ flow, visits)
    receipts = audience.mean(np.asarray(table.receipts), visits)
    spending = float(np.asarray(table.spending) @ flow)

    def gain(share: float) -> float:
        referring = refer_utility(
            receipts, 1.0, 0.0, table.value, 0.0, 0.0, 0.0, spending, -share, 0.0
        )
        treating = treat_utility(treated, 1.0, 0.0, table.value, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        return referring - treating

    return gain


def _elsewhere(view: View, audience: Audience) -> Point | None:
    gain = referral_money(view, audience)
    if gain is None:
        return None
    visits = view.ground(view.mean).done[..., V.VISITS]
    now = -audience.mean(view.mean.elsewhere, visits)
    return _point(
        view,
        audience,
        "elsewhere_share",
        "share",
        root(gain, 0.0, 1.0),
        now,
        gain(0.0) > 0.0,
        {"gain": gain(now), "gain_free": gain(0.0)},
    )
