"""What providers decide each month: styles of practice and levers, from margins alone.

Knows what one more of each activity brings (``Marginals``), what it costs, and what patients
need; must not know which contract the marginal receipts came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.behavior.adjustment import adjust, blended_style, moved, share_left
from sim.behavior.capacity import shadow_price
from sim.behavior.coding import documentation_share, upcoding_share
from sim.behavior.effort import (
    optimal_effort,
    value_of_cutting_cost,
    value_of_measured_quality,
    value_of_true_quality,
)
from sim.behavior.income import diminishing, income_weight, weighted_receipts
from sim.behavior.intensity import (
    peak_by_curvature,
    precision_of_quantity,
    slope_of_utility,
    stake,
    within_need,
)
from sim.behavior.low_value import prob_low_value
from sim.behavior.prevention import prevention_effort, value_of_control
from sim.behavior.return_visits import prob_ask_back
from sim.behavior.splitting import splitting_share
from sim.behavior.uncovered import gain_of_uncovered
from sim.behavior.working_time import minutes_of_a_visit, price_of_a_minute
from sim.engine.setting import DAYS_PER_MONTH, PRACTICE, Setting, worked_out_once
from sim.engine.tables import LIMIT_RETURNS, Float, Int
from sim.numerics import compiled, exp, inlined, unchecked

CHANNELS = (
    "intensity",
    "returns",
    "low_value",
    "referral",
    "admission",
    "stay",
    "coding",
    "documentation",
    "prevention",
    "quality",
    "cost",
    "joining",
    "selection",
    "mode",
    "splitting",
    "uncovered",
    "documented_quality",
    "recovery",
    "observation",
    "discharge",
    "posting",
    "working_time",
)
MOST_EFFORT = 5.0  # beyond it an effort's effect is complete
HISTORY = 48  # months of preventive effort remembered
_LN2 = 0.6931471805599453
BED_STEP = 0.15  # part of the way that a bed's shadow price moves in a month
FORESEEN = 3.0  # return visits of a course of care within its first month, at most


@compiled
def _mix_in(current: Float, other: Float, weight: float) -> None:
    """Move every number ``weight`` of the way to another, in place."""
    for i in range(current.shape[0]):
        current[i] = (1.0 - weight) * current[i] + weight * other[i]


@dataclass
class StayTerms:
    """What the sides and bands of a stay bring, and where they part; S sides, B bands.

    Attributes
    ----------
    bounds : (n, Y, G, 3, S - 1) covered charge from which a case lies beyond a side, by billed
        level; infinite where there is no bound.
    amounts, slopes : (n, Y, G, 3, S) one more case, and one more yuan charged, on each side.
    last_day : (n, Y, B - 1) last day of each band but the last; infinite where there is none.
    bands : (n, Y, G, B) one more bed-day in each band.
    expected : (n, Y, G, 3) what sides bring a stay in the mean over severities.
    """

    bounds: Float
    amounts: Float
    slopes: Float
    last_day: Float
    bands: Float
    expected: Float
    known: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def n_sides(self) -> int:
        """Number of sides."""
        return int(self.amounts.shape[-1])

    @property
    def n_bands(self) -> int:
        """Number of bands."""
        return int(self.bands.shape[-1])

    @property
    def is_flat(self) -> bool:
        """Whether every case and every day of a stay brings the same."""
        if self.amounts.shape[-1] > 1 or self.bands.shape[-1] > 1:
            return False
        return not (self._has("slopes") or self._has("amounts"))

    @property
    def has_slopes(self) -> bool:
        """Whether a yuan charged brings anything on some side."""
        return self._has("slopes")

    def _has(self, name: str) -> bool:
        """Tell whether an array has anything in it; looked through once, until written again."""
        if name not in self.known:
            self.known[name] = bool(getattr(self, name).any())
        return self.known[name]

    def written(self) -> None:
        """Forget what was known of the arrays: whoever writes amounts or slopes says so."""
        self.known.clear()

    def mix_in(self, other: StayTerms, weight: float) -> None:
        """Move ``weight`` of the way to the other, in place, parted as the other is."""
        for name in ("amounts", "slopes", "bands", "expected"):
            _mix_in(getattr(self, name).reshape(-1), getattr(other, name).reshape(-1), weight)
        self.bounds, self.last_day = other.bounds, other.last_day
        self.written()

    def copy(self) -> StayTerms:
        """Return the same numbers in memory of their own."""
        other = StayTerms(
            bounds=self.bounds.copy(),
            amounts=self.amounts.copy(),
            slopes=self.slopes.copy(),
            last_day=self.last_day.copy(),
            bands=self.bands.copy(),
            expected=self.expected.copy(),
        )
        other.known.update(self.known)
        return other

    def widened(self, n_sides: int, n_bands: int) -> StayTerms:
        """Return the same receipts over as many sides and bands, none of them parted."""

        def spread(array: Float, length: int) -> Float:
            mean = array.mean(axis=-1, keepdims=True)
            return np.repeat(mean, length, axis=-1)

        return StayTerms(
            bounds=np.full((*self.bounds.shape[:-1], n_sides - 1), np.inf),
            amounts=spread(self.amounts, n_sides),
            slopes=spread(self.slopes, n_sides),
            last_day=np.full((*self.last_day.shape[:-1], n_bands - 1), np.inf),
            bands=spread(self.bands, n_bands),
            expected=self.expected.copy(),
        )


@dataclass
class Marginals:
    """What one more of each activity brings a provider in total receipts, by payer (n, Y, ...).

    Attributes
    ----------
    visit : (n, Y) one outpatient contact.
    out : (n, Y, 4) one outpatient unit.
    inside : (n, Y, 4) one inpatient unit.
    day : (n, Y, G) one bed-day, mean over the days of a usual stay.
    case : (n, Y, G, 3) one stay by billed level, on the side where such stays land in the mean.
    step : (n, Y, G, 2) a stay billed one level above its true one.
    split : (n, Y, G) a stay billed as two.
    mode : (n, Y, G, M) one stay in each mode of treatment, receipts of its units and days included.
    stay : what sides and bands of a stay bring.
    cost : (n, Y) one yuan of resource cost.
    elsewhere : (n, Y) one yuan of members' covered spending elsewhere.
    quality : (n, Y, M) one more in the numerator of each measure.
    refer, refer_down : (n, Y) one referral up, down.
    post_acute : (n, Y) one day sent to a bed nearer home.
    experience : (n, Y) one unit of mean patient experience.
    member : (n, Y) one member-month of mean risk.
    by_list : (n, Y, 3) the same by how contracts count it: by head, by risk of age and sex, and by
        that of recorded diagnoses.
    after : (n, Y, G) one covered yuan spent on a patient after a stay here.
    observed : (n, Y) one case kept under observation, besides its visit and units.
    cut_short : (n, Y, G, 3) a whole case that a stay lacks which ended in another bed.
    session : (n, Y) one session worked, whatever is done in it.
    """

    visit: Float
    out: Float
    inside: Float
    day: Float
    case: Float
    step: Float
    split: Float
    mode: Float
    cost: Float
    elsewhere: Float
    quality: Float
    refer: Float
    refer_down: Float
    post_acute: Float
    experience: Float
    member: Float
    by_list: Float
    observed: Float
    session: Float
    after: Float
    cut_short: Float
    stay: StayTerms

    @property
    def plain(self) -> dict[str, Float]:
        """Everything but what sides and bands of a stay bring, by name."""
        known = self.__dict__
        return {name: known[name] for name in PLAIN_MARGINALS}

    def mix_in(self, other: Marginals, weight: float) -> None:
        """Move ``weight`` of the way to the other, in place."""
        self.stay.mix_in(other.stay, weight)
        mix_plain(self.plain, other.plain, weight)

    def copy(self) -> Marginals:
        """Return the same numbers in memory of their own."""
        return Marginals(**plain_copy(self.plain), stay=self.stay.copy())


@worked_out_once
def mode_receipts_at_list(setting: Setting) -> Float:
    """Return what units and days of a mean stay bring in each mode at list price (n, Y, G, M)."""
    listed = setting.reference
    by_unit = listed.price_in[:, None, :] * mean_need(setting)[None]
    units = np.einsum("ngj,gmj->ngm", by_unit, setting.region.modes.need)
    days = mean_days(setting)[:, None] * setting.region.modes.days
    level = setting.region.people.price_level[:, 2]
    at_list = units + listed.day_price[:, None, None] * days
    return np.asarray(at_list[:, None] * level[:, None, None])


@worked_out_once
def mean_need(setting: Setting) -> Float:
    """Return the units by component of a mean stay (G, 4)."""
    share = setting.region.groups.share_level
    return np.asarray((setting.need_in * share[..., None]).sum(axis=1))


@worked_out_once
def mean_days(setting: Setting) -> Float:
    """Return the days that a mean stay needs (G,)."""
    return np.asarray((setting.needed_days * setting.region.groups.share_level).sum(axis=1))


# Marginals that are arrays of the same shape under every contract.
PLAIN_MARGINALS = tuple(f.name for f in fields(Marginals) if f.name != "stay")


def _whole(arrays: Mapping[str, Float]) -> Float | None:
    """Return the one block of memory that arrays fill side by side; None where they do not."""
    whole: Float | None = next(iter(arrays.values())).base
    size = 0
    for array in arrays.values():
        if whole is None or array.base is not whole:
            return None
        size += array.size
    return whole if whole is not None and whole.size == size else None


def plain_copy(current: Mapping[str, Float]) -> dict[str, Float]:
    """Return the same marginals side by side in one block of memory: copied and mixed at once."""
    whole = _whole(current)
    if whole is None:
        whole = np.concatenate([array.ravel() for array in current.values()])
    else:
        whole = whole.copy()
    found: dict[str, Float] = {}
    first = 0
    for name, array in current.items():
        found[name] = np.ndarray(array.shape, np.float64, whole, first)
        first += array.nbytes
    return found


def mix_plain(current: Mapping[str, Float], other: Mapping[str, Float], weight: float) -> None:
    """Move marginals of the same shape ``weight`` of the way to others, in place."""
    one, two = _whole(current), _whole(other)
    if one is not None and two is not None and current.keys() == other.keys():
        _mix_in(one, two, weight)
        return
    for name, array in current.items():
        _mix_in(array.reshape(-1), other[name].reshape(-1), weight)


def list_price_marginals(setting: Setting, n_payers: int, n_measures: int) -> Marginals:
    """Return the margins of a provider paid list price for everything; the reference point."""
    n, n_groups = len(setting.beds), len(setting.need_out)
    shape = (n, n_payers)
    by_day = np.broadcast_to(setting.day_price[:, None, None], (*shape, n_groups)).copy()
    return Marginals(
        visit=np.zeros(shape),
        out=np.repeat(setting.price_out[:, None, :], n_payers, axis=1),
        inside=np.repeat(setting.price_in[:, None, :], n_payers, axis=1),
        day=by_day,
        case=np.zeros((*shape, n_groups, 3)),
        step=np.zeros((*shape, n_groups, 2)),
        split=np.zeros((*shape, n_groups)),
        mode=mode_receipts_at_list(setting).copy(),
        cost=np.zeros(shape),
        elsewhere=np.zeros(shape),
        quality=np.zeros((*shape, n_measures)),
        refer=np.zeros(shape),
        refer_down=np.zeros(shape),
        post_acute=np.zeros(shape),
        experience=np.zeros(shape),
        member=np.zeros(shape),
        by_list=np.zeros((*shape, 3)),
        observed=np.zeros(shape),
        session=np.zeros(shape),
        after=np.zeros((*shape, n_groups)),
        cut_short=np.zeros((*shape, n_groups, 3)),
        stay=StayTerms(
            bounds=np.zeros((*shape, n_groups, 3, 0)),
            amounts=np.zeros((*shape, n_groups, 3, 1)),
            slopes=np.zeros((*shape, n_groups, 3, 1)),
            last_day=np.zeros((*shape, 0)),
            bands=by_day[..., None].copy(),
            expected=np.zeros((*shape, n_groups, 3)),
        ),
    )


@dataclass
class Organizations:
    """What providers have come to do; changed once a month by :func:`decide`.

    Attributes
    ----------
    style_out : (n, Y, G, 4) practised over appropriate units.
    style_in : (S, n, Y, G, 4) the same in a stay, by the side on which it is expected to land.
    side_bounds : (n, Y, G, 3, S - 1) where those sides part, by billed level.
    stay : practised receipts of sides and bands of a stay, currency.
    returns : (n, Y, G) asked-back over foreseen return visits.
    low_value : (n, Y, G) chance of a low-value service in a contact.
    up_share : (n, Y, G, 3) share of eligible stays billed one level up.
    document : (n,) share of true complexity that reaches the claim.
    prevention, quality, cost : (n,) efforts.
    efforts : (n, HISTORY) preventive effort of past months, latest first.
    mode : (n, Y, G, M) practised departure of each mode's margin from list price, currency.
    split : (n, Y, G) share of stays billed as two.
    uncovered_share : (n,) share of covered charges of stays moved outside the catalogue.
    documented_share : (n,) share of missed quality items that the record shows as done.
    posted : (n,) effort of a lead on posting doctors down.
    minutes : (n,) minutes of a visit, 0 where visits are not timed.
    time_price : (n,) what a visit's minutes cost the physician beyond what they do at list price,
        currency.
    bed : (n,) shadow price of a bed-day; money : (n,) weight on money.
    """

    style_out: Float
    style_in: Float
    side_bounds: Float
    stay: StayTerms
    returns: Float
    low_value: Float
    up_share: Float
    document: Float
    prevention: Float
    quality: Float
    cost: Float
    efforts: Float
    bed: Float
    money: Float
    mode: Float
    split: Float
    uncovered_share: Float
    documented_share: Float
    posted: Float
    minutes: Float
    time_price: Float


def new_organizations(setting: Setting, n_payers: int) -> Organizations:
    """Return providers at list price: every style appropriate, every effort at its baseline."""
    n, n_groups = len(setting.beds), len(setting.need_out)
    shape = (n, n_payers, n_groups)
    base = setting.values
    return Organizations(
        style_out=np.ones((*shape, 4)),
        style_in=np.ones((1, *shape, 4)),
        side_bounds=np.zeros((*shape, 3, 0)),
        stay=list_price_marginals(setting, n_payers, 1).stay,
        returns=np.ones(shape),
        low_value=np.broadcast_to(setting.region.groups.low_value_base, shape).copy(),
        up_share=np.zeros((*shape, 3)),
        document=np.full(n, base["documentation_habit"]),
        prevention=np.full(n, base["effort_base"]),
        quality=np.full(n, base["effort_base"]),
        cost=np.full(n, base["effort_base"]),
        efforts=np.full((n, HISTORY), base["effort_base"]),
        bed=np.zeros(n),
        money=np.ones(n),
        mode=np.zeros((*shape, setting.region.modes.n)),
        split=np.zeros(shape),
        uncovered_share=np.zeros(n),
        documented_share=np.zeros(n),
        posted=np.zeros(n),
        minutes=np.zeros(n) if setting.timing is None else setting.timing.minutes.copy(),
        time_price=np.zeros(n),
    )


@inlined
def _toward_peaks(
    slope: Float,
    at_stake: Float,
    curvature: Float,
    weights: Float,
    habit: float,
    spill_over: float,
    left: float,
    practised: Float,
    optimum: Float,
    average: Float,
) -> None:
    """Move one provider's styles part of the way to their peaks, in place (Y, K).

    Group by group and component by component lie beside each other: several are worked out at once.
    """
    n_payers, size = practised.shape
    for k in range(size):
        average[k] = 0.0
    for y in range(n_payers):
        weight = weights[y]
        for k in range(size):
            peak = peak_by_curvature(slope[y, k], at_stake[k], curvature[k], 1.0)
            optimum[y, k] = within_need(peak, 1.0)
            average[k] += weight * optimum[y, k]
    for y in range(n_payers):
        for k in range(size):
            target = blended_style(optimum[y, k], average[k], spill_over) * habit
            practised[y, k] = moved(practised[y, k], min(target, 2.0), left)


@compiled
def _styles(
    out: Float,
    inside: Float,
    per_charge: Float,
    cost_margin: Float,
    price_out: Float,
    cost_out: Float,
    price_in: Float,
    cost_in: Float,
    stake_out: Float,
    stake_in: Float,
    curvature_out: Float,
    curvature_in: Float,
    altruism: Float,
    money: Float,
    weights: Float,
    habit: Float,
    oop_weight: float,
    coinsurance: Float,
    spill_over: float,
    half_life: float,
    style_out: Float,
    style_in: Float,
    room: Float,
) -> None:
    """Move practised styles part of the way to each contract's optimum, in place.

    Styles (n, Y, K) and (S, n, Y, K), stakes and curvatures (n, K) have groups and components in
    one axis. ``per_charge`` (S, n, Y, G) is what a yuan of covered list price brings on each side
    of a stay besides ``inside``; ``room`` (2 Y + 1, K) is room for the slopes and optima of one
    provider and their mean.
    """
    n, n_payers, size = style_out.shape
    slope, optimum, average = room[:n_payers], room[n_payers : 2 * n_payers], room[2 * n_payers]
    left = share_left(half_life)
    for p in range(n):
        for y in range(n_payers):
            for j in range(4):
                true_cost = cost_out[p, j] * (1.0 - cost_margin[p, y])
                receipts = weighted_receipts(out[p, y, j], true_cost, money[p])
                slope[y, j] = slope_of_utility(
                    receipts, true_cost, altruism[p], oop_weight, coinsurance[p, y], price_out[p, j]
                )
            for k in range(4, size):
                slope[y, k] = slope[y, k - 4]
        _toward_peaks(
            slope,
            stake_out[p],
            curvature_out[p],
            weights[p],
            habit[p],
            spill_over,
            left,
            style_out[p],
            optimum,
            average,
        )
        for side in range(style_in.shape[0]):
            for y in range(n_payers):
                for k in range(0, size, 4):
                    g = k >> 2
                    charge = per_charge[side, p, y, g]
                    if g > 0 and charge == per_charge[side, p, y, g - 1]:
                        for j in range(4):
                            slope[y, k + j] = slope[y, k + j - 4]
                        continue
                    for j in range(4):
                        charged = inside[p, y, j] + charge * price_in[p, j]
                        true_cost = cost_in[p, j] * (1.0 - cost_margin[p, y])
                        slope[y, k + j] = slope_of_utility(
                            weighted_receipts(charged, true_cost, money[p]),
                            true_cost,
                            altruism[p],
                            oop_weight,
                            coinsurance[p, y],
                            price_in[p, j],
                        )
            _toward_peaks(
                slope,
                stake_in[p],
                curvature_in[p],
                weights[p],
                habit[p],
                spill_over,
                left,
                style_in[side, p],
                optimum,
                average,
            )


class _AtList(NamedTuple):
    """What return visits and low-value services turn on at list price; no month changes it (n, G).

    ``precision``, ``constant`` of asking back; ``usual`` margin of a low-value service and how far
    from it a margin is ``felt``; ``precision_low``, ``constant_low`` of giving one, precision 0
    where a group has none.
    """

    precision: Float
    constant: Float
    felt: Float
    usual: Float
    precision_low: Float
    constant_low: Float


@compiled
def _write_at_list(
    visit: Float,
    out: Float,
    cost: Float,
    need_out: Float,
    contact_price: Float,
    price_out: Float,
    low_component: Int,
    low_units: Float,
    low_base: Float,
    low_harm: Float,
    altruism: Float,
    value: float,
    return_base: float,
    tau_return: float,
    tau_low: float,
    sensitivity: float,
    to: _AtList,
) -> None:
    """Write the constants that give the baseline rates at list price, in place.

    What the margin of a low-value service departs from the one at list price is felt up to a share
    of the contact's list price, as in decisions on beds and on the mode of a stay up to one of the
    stay's.
    """
    n, n_groups = to.precision.shape
    log_base = np.log(return_base / (1.0 - return_base))
    for p in range(n):
        for g in range(n_groups):
            price = contact_price[p, g]
            to.felt[p, g] = sensitivity * price
            precise = 1.0 / (tau_return * price) if price > 0.0 else 0.0
            at_list = 0.0
            for j in range(4):
                at_list += (out[p, 0, j] - cost[p, j]) * need_out[g]
            at_list += visit[p, 0]
            to.precision[p, g] = precise
            to.constant[p, g] = log_base - precise * at_list
            j = low_component[g]
            to.constant_low[p, g] = 0.0
            to.precision_low[p, g] = 0.0
            to.usual[p, g] = 0.0
            if j >= 0 and 0.0 < low_base[g] < 1.0 and price_out[p, j] > 0.0:
                precise_low = 1.0 / (tau_low * price_out[p, j] * low_units[g])
                usual = (out[p, 0, j] - cost[p, j]) * low_units[g]
                margin = usual - altruism[p] * value * low_harm[g]
                log_low = np.log(low_base[g] / (1.0 - low_base[g]))
                to.constant_low[p, g] = log_low - precise_low * margin
                to.precision_low[p, g] = precise_low
                to.usual[p, g] = usual


def _at_list(setting: Setting, reference: Marginals) -> _AtList:
    """Return what discretion turns on at list price, worked out once for both."""
    kept: tuple[Marginals, _AtList] | None = setting.known.get("discretion at list")
    if kept is None or kept[0] is not reference:
        values, groups = setting.values, setting.region.groups
        shape = setting.contact_price.shape
        found = _AtList(*(np.empty(shape) for _ in _AtList._fields))
        _write_at_list(
            reference.visit,
            reference.out,
            setting.reference.cost_out,
            setting.need_out,
            setting.contact_price,
            setting.reference.price_out,
            _ground(setting).low_component,
            groups.low_value_units,
            groups.low_value_base,
            groups.low_value_harm,
            setting.altruism,
            values["value_of_health"],
            values["return_base"],
            values["tau_return"],
            values["tau_low_value"],
            values["sensitivity_share"],
            found,
        )
        setting.known["discretion at list"] = kept = (reference, found)
    return kept[1]


@unchecked
def _discretion(
    visit: Float,
    out: Float,
    cost_margin: Float,
    quality: Float,
    cost_out: Float,
    style_out: Float,
    need_out: Float,
    low_component: Int,
    low_units: Float,
    low_harm: Float,
    altruism: Float,
    money: Float,
    time_price: Float,
    value: float,
    return_base: float,
    half_life: float,
    at_list: _AtList,
    returns: Float,
    low_value: Float,
) -> None:
    """Move return visits and low-value services part of the way to what the margins ask for."""
    n, n_payers, n_groups = returns.shape
    left = share_left(half_life)
    for p in range(n):
        weight, temper, time = money[p], altruism[p], time_price[p]
        for y in range(n_payers):
            kept = 1.0 - cost_margin[p, y]
            first, graded = visit[p, y], quality[p, y, 3]
            drugs = out[p, y, 0] - cost_out[p, 0] * kept
            diagnostics = out[p, y, 1] - cost_out[p, 1] * kept
            procedures = out[p, y, 2] - cost_out[p, 2] * kept
            labor = out[p, y, 3] - cost_out[p, 3] * kept
            # Nothing in these loops is left early, so that several groups are worked out at once.
            for g in range(n_groups):
                need = need_out[g]
                margin = first
                margin += drugs * style_out[p, y, g, 0] * need
                margin += diagnostics * style_out[p, y, g, 1] * need
                margin += procedures * style_out[p, y, g, 2] * need
                margin += labor * style_out[p, y, g, 3] * need
                chance = prob_ask_back(
                    margin,
                    weight,
                    temper,
                    value,
                    0.0,
                    0.0,
                    0.0,
                    time,
                    at_list.precision[p, g],
                    at_list.constant[p, g],
                )
                returns[p, y, g] = moved(returns[p, y, g], chance / return_base, left)
            for g in range(n_groups):
                j = low_component[g]
                margin = drugs if j <= 0 else diagnostics if j == 1 else procedures
                margin = labor if j == 3 else margin
                chance = prob_low_value(
                    diminishing(
                        margin * low_units[g] - graded, at_list.usual[p, g], at_list.felt[p, g]
                    ),
                    weight,
                    temper,
                    value,
                    low_harm[g],
                    0.0,
                    0.0,
                    0.0,
                    at_list.precision_low[p, g],
                    at_list.constant_low[p, g],
                )
                new = moved(low_value[p, y, g], chance, left)
                low_value[p, y, g] = new if at_list.precision_low[p, g] > 0.0 else 0.0


@compiled
def _coding(
    step: Float,
    prob_review: Float,
    detection: Float,
    fine: Float,
    compliance: Float,
    doc_cost: Float,
    habitual: float,
    stays: Float,
    half_life: float,
    up_share: Float,
    document: Float,
    freeze_coding: bool,
    freeze_documentation: bool,
) -> None:
    """Move upcoding and documentation part of the way to what a billed level brings."""
    n, n_payers, n_groups, _ = up_share.shape
    left = share_left(half_life)
    for p in range(n):
        gain_sum = 0.0
        cost_sum = 0.0
        weight = 0.0
        for y in range(n_payers):
            for g in range(n_groups):
                for level in range(2):
                    gain = step[p, y, g, level]
                    if not freeze_coding:
                        target = upcoding_share(
                            gain,
                            prob_review[p, y],
                            detection[y],
                            fine[y],
                            compliance[p, g, level],
                        )
                        up_share[p, y, g, level] = moved(up_share[p, y, g, level], target, left)
                    gain_sum += stays[p, y, g] * gain
                    cost_sum += stays[p, y, g] * doc_cost[p, g, level]
                    weight += stays[p, y, g]
        if weight > 0.0 and not freeze_documentation:
            target = documentation_share(gain_sum / weight, cost_sum / weight, habitual)
            document[p] = moved(document[p], target, left)


@compiled
def _levers(
    kind: Int,
    altruism: Float,
    uncontrolled: Float,
    chronic_members: Float,
    weights: Float,
    contacts: Float,
    stays: Float,
    cost_base: Float,
    visit: Float,
    out: Float,
    cost_out: Float,
    elsewhere: Float,
    quality_prevention: Float,
    quality_true: Float,
    experience: Float,
    cost_share: Float,
    list_margin: Float,
    avoided_visits: float,
    avoided_elsewhere: float,
    control_health: float,
    mean_altruism: float,
    value: float,
    base: float,
    discount: float,
    retention: float,
    theta_prevention: float,
    theta_quality: float,
    theta_cost: float,
    contact_share: float,
    quality_health: float,
    half_life: float,
    moves_prevention: bool,
    moves_quality: bool,
    moves_cost: bool,
    prevention: Float,
    quality: Float,
    cost: Float,
) -> None:
    """Move prevention, quality effort and cost effort by their first-order conditions, in place.

    Unit costs are those at which a provider of mean altruism paid list price makes the baseline
    effort, so that only differences in what an effort brings move it.
    """
    n, n_payers = uncontrolled.shape
    baseline = np.exp(-base)
    for p in range(n):
        reach = 0.0
        for y in range(n_payers):
            reach += uncontrolled[p, y]
        if kind[p] == PRACTICE and reach > 0.0 and moves_prevention:
            worth = 0.0
            for y in range(n_payers):
                unit_margin = 0.0
                for j in range(4):
                    unit_margin += out[p, y, j] - cost_out[p, j]
                seen = contact_share * quality_prevention[p, y, 1] * chronic_members[p, y] * 12.0
                worth += seen / (reach * theta_prevention)
                worth += (
                    uncontrolled[p, y]
                    / reach
                    * value_of_control(
                        -avoided_visits,
                        visit[p, y] + unit_margin,
                        -avoided_elsewhere,
                        elsewhere[p, y],
                        12.0 * quality_prevention[p, y, 0],
                        altruism[p],
                        value,
                        control_health,
                        discount,
                        retention,
                    )
                )
            anchor = value_of_control(
                -avoided_visits,
                list_margin[p],
                0.0,
                0.0,
                0.0,
                mean_altruism,
                value,
                control_health,
                discount,
                retention,
            )
            unit_cost = max(anchor, 1.0) * reach * theta_prevention * baseline
            target = prevention_effort(worth, reach, theta_prevention, unit_cost)
            prevention[p] = adjust(prevention[p], target, half_life)
        reached = quality_health * (contacts[p] + 10.0 * stays[p])
        if reached > 0.0 and moves_quality:
            score = 0.0
            for y in range(n_payers):
                # A point of quality is a hundredth of the stays' readmissions and deaths.
                score += (quality_true[p, y, 2] + quality_true[p, y, 4]) * stays[p] * 0.01
                score += experience[p, y] * 0.1
            worth = value_of_true_quality(0.0, 0.0, score, 1.0, altruism[p], value, reached)
            unit_cost = mean_altruism * value * reached * theta_quality * baseline
            target = min(optimal_effort(worth, theta_quality, unit_cost), MOST_EFFORT)
            quality[p] = adjust(quality[p], target, half_life)
        if cost_base[p] > 0.0 and moves_cost:
            share = 0.0
            for y in range(n_payers):
                share += weights[p, y] * cost_share[p, y]
            worth = value_of_cutting_cost(cost_base[p], share)
            unit_cost = cost_base[p] * theta_cost * baseline
            target = min(optimal_effort(worth, theta_cost, unit_cost), MOST_EFFORT)
            cost[p] = adjust(cost[p], target, half_life)


@dataclass(frozen=True)
class Position:
    """Where providers stand when they decide: sums over the last twelve months unless said.

    Attributes
    ----------
    weights : (n, Y) share of each payer in the provider's charges.
    revenue, target : (n,) receipts, and the income held to be right.
    cost_base : (n,) variable cost.
    contacts, stays : (n,) outpatient contacts, stays.
    stays_by_group : (n, Y, G).
    uncontrolled : (n, Y) members' conditions not under control, mean over the months.
    conditions : (n, Y) members' conditions, mean over the months.
    chronic_members : (n, Y) chronic members, mean over the months.
    load : (n,) bed-days used last month over bed-days there are.
    bed_margin : (n,) money and health of an admitted day, currency.
    prob_review : (n, Y) chance that a claim is reviewed.
    detection, fine : (Y,) of the payer's audits.
    missed : (n, Y, M) quality items missed in a year that a record could show as done.
    hours : (n,) hours of physicians over those of the first year; 1 where they are not counted.
    """

    weights: Float
    revenue: Float
    target: Float
    cost_base: Float
    contacts: Float
    stays: Float
    stays_by_group: Float
    uncontrolled: Float
    conditions: Float
    chronic_members: Float
    load: Float
    bed_margin: Float
    prob_review: Float
    detection: Float
    fine: Float
    missed: Float
    hours: Float


class _Ground(NamedTuple):
    """What deciding turns on that no month changes.

    ``coinsurance`` (n, Y); ``stake_out``, ``stake_in`` and ``curvature_out``, ``curvature_in``
    (n, 4 G) of the utility in practised ratios; ``low_component`` (G,) and ``kind`` (n,) as rules
    read them; ``compliance``, ``documentation`` (n, G, 2) unit costs of a
    level; ``margin_at_list`` (n,) of a contact of one unit each; ``mean_stay_price`` (n, G) and
    ``price_of_stays`` (n,) of a mean stay; ``whole_price`` (n, Y) of one unit of each component
    in a stay; ``covered_in`` (n,) covered share of the charges of stays and ``level_in`` (Y,) what
    payers allow for them over the list; ``no_slopes`` (n, Y) and ``no_charges`` (1, n, Y, G) zeros.
    """

    coinsurance: Float
    stake_out: Float
    stake_in: Float
    curvature_out: Float
    curvature_in: Float
    low_component: Int
    kind: Int
    compliance: Float
    documentation: Float
    margin_at_list: Float
    mean_stay_price: Float
    price_of_stays: Float
    whole_price: Float
    covered_in: Float
    level_in: Float
    no_slopes: Float
    no_charges: Float


@worked_out_once
def _ground(setting: Setting) -> _Ground:
    values, region, listed = setting.values, setting.region, setting.reference
    groups, providers = region.groups, region.providers
    step = np.diff(groups.weight[:, None] * groups.weight_level, axis=1)
    of_a_level = np.maximum(providers.charge_per_weight[:, None, None] * step[None], 1.0)
    stake_out, curvature_out = _curvature(listed.price_out, setting.health_out, setting)
    stake_in, curvature_in = _curvature(listed.price_in, setting.health_in, setting)
    flat = (len(setting.beds), -1)
    return _Ground(
        coinsurance=np.repeat(1.0 - providers.covered_share[:, :1], len(region.payers), axis=1),
        stake_out=stake_out.reshape(flat),
        stake_in=stake_in.reshape(flat),
        curvature_out=curvature_out.reshape(flat),
        curvature_in=curvature_in.reshape(flat),
        low_component=groups.low_value_component.astype(np.int64),
        kind=providers.kind.astype(np.int64),
        compliance=of_a_level * values["compliance_cost"],
        documentation=of_a_level * values["documentation_cost"],
        margin_at_list=(listed.price_out - listed.cost_out).sum(axis=1),
        mean_stay_price=setting.stay_price.mean(axis=2),
        price_of_stays=setting.stay_price.mean(axis=(1, 2)),
        whole_price=np.maximum(
            setting.price_in.sum(axis=1)[:, None] * region.people.price_level[None, :, 2], 1e-9
        ),
        covered_in=providers.covered_share[:, 1].copy(),
        level_in=region.people.price_level[:, 2].copy(),
        no_slopes=np.zeros((len(setting.beds), len(region.payers))),
        no_charges=np.zeros((1, len(setting.beds), len(region.payers), len(setting.need_out))),
    )


def decide(
    setting: Setting,
    org: Organizations,
    marginals: dict[str, Marginals],
    reference: Marginals,
    position: Position,
    frozen: frozenset[str],
    half_life: float,
) -> None:
    """Let every provider move its styles and levers one month on by best response, in place.

    Parameters
    ----------
    setting : Setting
    org : Organizations
        Changed.
    marginals : mapping of channel to Marginals
        What each channel sees; frozen channels see what they saw when they were frozen.
    reference : Marginals
        At list price.
    position : Position
    frozen : set of channel names
        Levers that keep their value.
    half_life : float
        Months in which half of the gap to the optimum is closed; 0 closes it at once.
    """
    values = setting.values
    groups = setting.region.groups
    ground = _ground(setting)
    shape = org.style_out.shape[:2]

    m = marginals["intensity"]
    stay_m = marginals["stay"]
    if "intensity" not in frozen:
        if len(org.style_in) != m.stay.n_sides:
            org.style_in = np.repeat(org.style_in.mean(axis=0)[None], m.stay.n_sides, axis=0)
        org.side_bounds = m.stay.bounds
        _styles(
            m.out,
            m.inside,
            _per_charge(setting, m.stay),
            m.cost,
            setting.price_out,
            setting.cost_out,
            setting.price_in,
            setting.cost_in,
            ground.stake_out,
            ground.stake_in,
            ground.curvature_out,
            ground.curvature_in,
            setting.altruism,
            org.money,
            position.weights,
            setting.habit,
            values["oop_weight"],
            ground.coinsurance,
            values["spillover"],
            half_life,
            org.style_out.reshape(*shape, -1),
            org.style_in.reshape(len(org.style_in), *shape, -1),
            np.empty((2 * shape[1] + 1, ground.stake_out.shape[1])),
        )
    if "stay" not in frozen:
        seen = _with_cost_back(stay_m, setting)
        org.stay = _practised_terms(
            org.stay, seen, position.weights, values["spillover"], half_life
        )

    if setting.timing is not None and "working_time" not in frozen:
        _move_minutes(
            setting.timing.price,
            position.hours,
            setting.timing.elasticity,
            (position.weights * marginals["working_time"].session).sum(axis=1)
            / setting.timing.session,
            org.money,
            setting.timing.wished,
            setting.timing.at_stake,
            setting.altruism,
            setting.timing.least,
            setting.timing.minutes,
            half_life,
            org.minutes,
            org.time_price,
        )

    before_returns = org.returns.copy() if "returns" in frozen else None
    before_low = org.low_value.copy() if "low_value" in frozen else None
    m = marginals["returns"]
    _discretion(
        m.visit,
        m.out,
        m.cost,
        m.quality,
        setting.cost_out,
        org.style_out,
        setting.need_out,
        ground.low_component,
        groups.low_value_units,
        groups.low_value_harm,
        setting.altruism,
        org.money,
        org.time_price,
        values["value_of_health"],
        values["return_base"],
        half_life,
        _at_list(setting, reference),
        org.returns,
        org.low_value,
    )
    if before_returns is not None:
        org.returns[:] = before_returns
    if before_low is not None:
        org.low_value[:] = before_low

    _coding(
        marginals["coding"].step,
        position.prob_review,
        position.detection,
        position.fine,
        ground.compliance,
        ground.documentation,
        values["documentation_habit"],
        position.stays_by_group,
        half_life,
        org.up_share,
        org.document,
        "coding" in frozen,
        "documentation" in frozen,
    )
    m = marginals["prevention"]
    _levers(
        ground.kind,
        setting.altruism,
        position.uncontrolled,
        position.chronic_members,
        position.weights,
        position.contacts,
        position.stays,
        position.cost_base,
        m.visit,
        m.out,
        setting.cost_out,
        m.elsewhere,
        m.quality,
        marginals["quality"].quality,
        marginals["quality"].experience,
        marginals["cost"].cost,
        ground.margin_at_list,
        setting.avoided_visits,
        setting.avoided_elsewhere,
        values["prevention_health_weight"] * setting.control_health,
        values["altruism_scale"],
        values["value_of_health"],
        values["effort_base"],
        values["discount"],
        values["retention"],
        values["prevention_effect"],
        values["quality_effect"],
        values["cost_effect"],
        values["contact_share"],
        values["quality_health"],
        half_life,
        "prevention" not in frozen,
        "quality" not in frozen,
        "cost" not in frozen,
        org.prevention,
        org.quality,
        org.cost,
    )
    _move_inpatient_levers(setting, org, marginals, position, frozen, half_life)
    _remember_effort(org.prevention, org.efforts)
    _feel_beds(
        position.load,
        position.bed_margin,
        values["bed_threshold"],
        values["bed_threshold_width"],
        org.bed,
    )


@compiled
def _move_minutes(
    at_list: Float,
    hours: Float,
    elasticity: float,
    receipts: Float,
    money: Float,
    wished: float,
    at_stake: float,
    altruism: Float,
    least: float,
    list_minutes: Float,
    half_life: float,
    minutes: Float,
    time_price: Float,
) -> None:
    """Move the minutes of a visit part of the way to the best ones, in place (n,).

    ``time_price`` is written: what the minutes of a visit cost beyond what they do at list price.
    """
    for p in range(minutes.shape[0]):
        if list_minutes[p] > 0.0:
            price = price_of_a_minute(at_list[p], hours[p], elasticity, receipts[p], money[p])
            target = minutes_of_a_visit(wished, price, at_stake, altruism[p], least)
            minutes[p] = adjust(minutes[p], target, half_life)
            time_price[p] = price * minutes[p] - at_list[p] * list_minutes[p]


@compiled
def _remember_effort(now: Float, efforts: Float) -> None:
    """Put this month's effort before those of past months, the oldest falling out, in place."""
    for p in range(efforts.shape[0]):
        for k in range(efforts.shape[1] - 1, 0, -1):
            efforts[p, k] = efforts[p, k - 1]
        efforts[p, 0] = now[p]


@compiled
def _feel_beds(load: Float, margin: Float, threshold: float, width: float, bed: Float) -> None:
    """Move the shadow prices of a bed-day part of the way to the scarcity seen, in place (n,).

    The price feels its way: were it to follow last month's load at once, a full month would empty
    the next, and a hospital near its capacity would swing between the two.
    """
    for p in range(bed.shape[0]):
        scarcity = shadow_price(load[p], margin[p], threshold, width)
        bed[p] += BED_STEP * (scarcity - bed[p])


def _move_inpatient_levers(
    setting: Setting,
    org: Organizations,
    marginals: dict[str, Marginals],
    position: Position,
    frozen: frozenset[str],
    half_life: float,
) -> None:
    """Move modes, splitting, uncovered billing and documented quality, in place.

    A region that gives no parameter for a lever does not have it.
    """
    values = setting.values
    ground = _ground(setting)
    keep = 0.0 if half_life <= 0.0 else exp(-_LN2 / half_life)
    if setting.region.modes.n > 1 and "mode" not in frozen:
        gap = mode_margin_gap(setting, org, marginals["mode"])
        org.mode += (1.0 - keep) * (gap - org.mode)
    compliance = values.get("splitting_compliance", 0.0)
    if compliance > 0.0 and "splitting" not in frozen:
        price = ground.mean_stay_price * compliance
        gain = marginals["splitting"].split
        _split(gain, price, keep, org.split)
    theta = values.get("uncovered_effect", 0.0)
    if theta > 0.0 and "uncovered" not in frozen:
        gain = uncovered_gain(setting, org, marginals["uncovered"], position)
        unit_cost = values["uncovered_compliance"]
        _move_share(gain, setting.beds > 0.0, theta, unit_cost, keep, org.uncovered_share)
    theta = values.get("documented_effect", 0.0)
    if theta > 0.0 and "documented_quality" not in frozen:
        worth = (marginals["documented_quality"].quality * position.missed).sum(axis=(1, 2))
        items = position.missed.sum(axis=(1, 2)) * values["documented_cost"]
        _move_record(worth, theta, items, keep, org.documented_share)


def mode_margin_gap(setting: Setting, org: Organizations, m: Marginals) -> Float:
    """Return how far each mode's margin departs from the one at list price (n, Y, G, M), currency.

    Costs are the same under every contract but for what is reimbursed of them. Money is felt with
    diminishing sensitivity, gains by the weight on money.
    """
    at_list = mode_receipts_at_list(setting)
    cost, dearer = _mode_costs(setting)
    gap = m.mode - at_list - dearer[:, None] + m.cost[..., None, None] * cost[:, None]
    scale = setting.values["sensitivity_share"] * _ground(setting).mean_stay_price
    scale = np.maximum(scale, 1e-9)[:, None, :, None]
    # What all modes bring alike moves admission, not the choice between them.
    gap = gap - (gap * setting.region.modes.share).sum(axis=-1, keepdims=True)
    return np.asarray(scale * np.tanh(gap / scale) * org.money[:, None, None, None])


@worked_out_once
def _mode_costs(setting: Setting) -> tuple[Float, Float]:
    """Return what a mean stay costs in each mode, and how much more than at list (n, G, M) each."""
    cost = _mode_cost(setting, setting.cost_in, setting.day_cost)
    listed = setting.reference
    return cost, cost - _mode_cost(setting, listed.cost_in, listed.day_cost)


def _mode_cost(setting: Setting, unit: Float, day: Float) -> Float:
    """Return what a mean stay costs in each mode (n, G, M)."""
    modes = setting.region.modes
    by_unit = np.einsum("nj,gj,gmj->ngm", unit, mean_need(setting), modes.need)
    return np.asarray(by_unit + day[:, None, None] * mean_days(setting)[:, None] * modes.days)


def uncovered_gain(setting: Setting, org: Organizations, m: Marginals, position: Position) -> Float:
    """Return what a yuan of a stay's covered list price brings more outside the catalogue (n,).

    Mean over payers by their share of charges; a payer that covers nothing has nothing to move.
    """
    ground = _ground(setting)
    more = m.stay.slopes.mean(axis=(2, 3, 4)) if m.stay.has_slopes else ground.no_slopes
    out = np.zeros(len(setting.price_in))
    _gain_outside(
        m.inside,
        more,
        m.experience,
        setting.price_in,
        ground.covered_in,
        org.uncovered_share,
        ground.level_in,
        ground.whole_price,
        ground.price_of_stays,
        position.contacts,
        position.stays,
        position.weights,
        setting.altruism,
        setting.values["oop_weight"],
        out,
    )
    return out


@compiled
def _move_share(
    gain: Float,
    has_lever: npt.NDArray[np.bool_],
    theta: float,
    unit_cost: float,
    keep: float,
    share: Float,
) -> None:
    """Move a share that effort raises part of the way to what it brings, in place (n,)."""
    for p in range(share.shape[0]):
        if has_lever[p]:
            effort = optimal_effort(gain[p], theta, unit_cost)
            target = theta * (1.0 - exp(-effort))
            share[p] = target + (share[p] - target) * keep


@compiled
def _move_record(worth: Float, theta: float, unit_cost: Float, keep: float, share: Float) -> None:
    """Move the share of missed items that the record shows as done, in place (n,)."""
    for p in range(share.shape[0]):
        effort = optimal_effort(value_of_measured_quality(worth[p]), theta, unit_cost[p])
        target = theta * (1.0 - exp(-effort))
        share[p] = target + (share[p] - target) * keep


@compiled
def weigh_money(revenue: Float, target: Float, eta: float, ratio: Float, money: Float) -> None:
    """Write what money weighs with each provider: by income, times the owner's ratio (n,)."""
    for p in range(money.shape[0]):
        money[p] = income_weight(revenue[p], target[p], eta) * ratio[p]


@compiled
def _split(gain: Float, price: Float, keep: float, split: Float) -> None:
    """Move the shares of stays billed as two part of the way to what they bring, in place."""
    n, n_payers, n_groups = split.shape
    for p in range(n):
        for y in range(n_payers):
            for g in range(n_groups):
                target = splitting_share(gain[p, y, g], price[p, g])
                split[p, y, g] = target + (split[p, y, g] - target) * keep


@compiled
def _gain_outside(
    inside: Float,
    more: Float,
    experience: Float,
    price: Float,
    covered_share: Float,
    uncovered_share: Float,
    level: Float,
    whole_price: Float,
    price_of_stays: Float,
    contacts: Float,
    stays: Float,
    weights: Float,
    altruism: Float,
    oop_weight: float,
    out: Float,
) -> None:
    """Add up over payers what a yuan outside the catalogue brings more, in place (n,).

    ``inside`` (n, Y, 4) counts what is outside already at list price; ``more`` (n, Y) is what a
    yuan charged brings besides.
    """
    for p in range(out.shape[0]):
        covered = covered_share[p] * (1.0 - uncovered_share[p])
        if not covered > 0.0:
            # Nothing is covered, so nothing can be moved.
            continue
        # Experience falls by half the own share, and the score has half the outcome's range.
        rated = max(contacts[p] + stays[p], 1.0)
        charge = max(stays[p] * price_of_stays[p], 1.0)
        per_yuan = 0.25 * stays[p] / rated / charge
        for y in range(weights.shape[1]):
            seen = 0.0
            for j in range(4):
                outside = (1.0 - covered) * price[p, j] * level[y]
                seen += (inside[p, y, j] - outside) / max(covered, 1e-9)
            rate = min(max(seen / whole_price[p, y] + more[p, y], 0.0), 1.0)
            lost = max(experience[p, y], 0.0) * per_yuan
            out[p] += weights[p, y] * gain_of_uncovered(1.0, rate, altruism[p], oop_weight, lost)


def _per_charge(setting: Setting, terms: StayTerms) -> Float:
    """Return what a yuan of list price brings by side (S, n, Y, G), mean over a group's levels."""
    if terms.amounts.shape[-1] == 1 and not terms.has_slopes:
        return _ground(setting).no_charges
    share = setting.region.groups.share_level
    slopes = np.einsum("nygls,gl->snyg", terms.slopes, share)
    covered = setting.region.providers.covered_share[:, 1]
    return np.ascontiguousarray(slopes * covered[None, :, None, None])


@compiled
def _toward_own_and_mean(
    current: Float, own: Float, weights: Float, spill_over: float, keep: float, new: Float
) -> None:
    """Move each payer's terms to a mixture of its own and the provider's mean: (n, Y, K)."""
    n, n_payers, size = own.shape
    for p in range(n):
        for k in range(size):
            average = 0.0
            for y in range(n_payers):
                average += weights[p, y] * own[p, y, k]
            for y in range(n_payers):
                target = (1.0 - spill_over) * own[p, y, k] + spill_over * average
                new[p, y, k] = target + (current[p, y, k] - target) * keep


def _practised_terms(
    practised: StayTerms, seen: StayTerms, weights: Float, spill_over: float, half_life: float
) -> StayTerms:
    """Move what providers act on in choosing days part of the way to what they see.

    As with styles, habits do not stop at a payer. A contract that parts stays otherwise than the
    last starts from what stays brought before, the same on every side.
    """
    if practised.amounts.shape != seen.amounts.shape or practised.bands.shape != seen.bands.shape:
        practised = practised.widened(seen.n_sides, seen.n_bands)
    keep = 0.0 if half_life <= 0.0 else exp(-_LN2 / half_life)

    def nearer(current: Float, own: Float) -> Float:
        new = np.empty_like(own)
        flat = (*weights.shape, -1)
        _toward_own_and_mean(
            current.reshape(flat), own.reshape(flat), weights, spill_over, keep, new.reshape(flat)
        )
        return new

    # Where no side brings anything, nothing is to be moved but what a day brings.
    is_flat = seen.is_flat and practised.is_flat
    new = StayTerms(
        bounds=seen.bounds,
        amounts=seen.amounts if is_flat else nearer(practised.amounts, seen.amounts),
        slopes=seen.slopes if is_flat else nearer(practised.slopes, seen.slopes),
        last_day=seen.last_day,
        bands=nearer(practised.bands, seen.bands),
        expected=seen.expected,
    )
    if is_flat:
        # The other arrays are those that were seen, so what is known of them stays known.
        new.known.update(seen.known)
    return new


def _with_cost_back(m: Marginals, setting: Setting) -> StayTerms:
    """Return what stays bring, with what a contract pays back of a day's cost in every day."""
    if not m.cost.any():
        return m.stay
    back = (m.cost * setting.day_cost[:, None])[..., None, None]
    return replace(m.stay, bands=m.stay.bands + back)


def last_day(m: Marginals, setting: Setting) -> Float:
    """Return what the last day of a usual stay brings, what is paid back of its cost included.

    Shape (n, Y, G), currency.
    """
    back = m.cost * setting.day_cost[:, None]
    return day_at(m.stay, mean_days(setting)) + back[..., None]


def day_at(terms: StayTerms, days: Float) -> Float:
    """Return what one more day brings after so many days of a stay (n, Y, G); days (G,)."""
    if terms.n_bands == 1:
        return np.asarray(terms.bands[..., 0])
    band = (days[:, None] > terms.last_day[:, :, None, :]).sum(axis=-1)
    return np.take_along_axis(terms.bands, band[..., None], axis=-1)[..., 0]


def mean_day(terms: StayTerms, days: Float) -> Float:
    """Return the mean receipts of a day over stays of so many days, shape of ``days``.

    Parameters
    ----------
    terms : StayTerms
    days : float64, shape (n, Y, G) or (n, Y, G, 3)
    """
    bands, last = terms.bands, terms.last_day[:, :, None, :]
    if days.ndim == 4:
        bands, last = bands[..., None, :], last[..., None, :]
    if terms.n_bands == 1:
        same = np.empty(days.shape)
        same[...] = bands[..., 0]
        return same
    paid = np.zeros_like(days)
    first = np.zeros_like(days)
    for b in range(terms.n_bands):
        upper = np.minimum(days, last[..., b]) if b < terms.n_bands - 1 else days
        paid += bands[..., b] * np.maximum(upper - first, 0.0)
        first = np.maximum(first, upper)
    return paid / np.maximum(days, 1e-9)


def expected_charge(
    setting: Setting, style_in: Float, technology: float, stay_ratio: Float, covered: Float
) -> Float:
    """Return the covered charge of a stay of severity 1 at practised style (n, Y, G, 3), currency.

    Parameters
    ----------
    setting : Setting
    style_in : float64, shape (S, n, Y, G, 4)
    technology : float
        Need for units relative to the first year.
    stay_ratio : float64, shape (n, Y, G)
        Practised over appropriate days.
    covered : float64, shape (n,)
        Covered share of the charges of stays.
    """
    units = np.einsum("nj,nygj->nyg", setting.price_in, mean_style(style_in))
    need = setting.need_in[:, :, 0] * technology
    day = setting.day_price[:, None, None] * stay_ratio
    charge = units[..., None] * need + day[..., None] * setting.needed_days
    level = setting.region.people.price_level[:, 2]
    return np.asarray(charge * covered[:, None, None, None] * level[:, None, None])


def mean_style(style_in: Float) -> Float:
    """Return the style in a stay in the mean over sides (n, Y, G, 4); one side is its own mean."""
    return style_in[0] if len(style_in) == 1 else np.asarray(style_in.mean(axis=0))


def sides_bring(terms: StayTerms, charge: Float, up: int = 0) -> Float:
    """Return what sides bring stays of these charges, billed ``up`` levels above their own.

    Parameters
    ----------
    terms : StayTerms
    charge : float64, shape (n, Y, G, levels)
        Covered charge of stays of each true level up to ``2 - up``.
    up : int
        0 or 1.
    """
    levels = slice(up, up + charge.shape[-1])
    bounds = terms.bounds[..., levels, :]
    side = (charge[..., None] >= bounds).sum(axis=-1)[..., None]
    amounts = np.take_along_axis(terms.amounts[..., levels, :], side, axis=-1)
    slopes = np.take_along_axis(terms.slopes[..., levels, :], side, axis=-1)
    return np.asarray(amounts[..., 0] + slopes[..., 0] * charge)


def lag_weights(mean: float, shape: float) -> Float:
    """Return the monthly weights of a gamma lag: how much of an effort k months ago works now.

    Parameters
    ----------
    mean : float
        Mean lag, months.
    shape : float
        Shape of the gamma distribution.

    Returns
    -------
    float64, shape (HISTORY,), sum 1
    """
    fine = (np.arange(HISTORY * 20) + 0.5) / 20.0
    density = fine ** (shape - 1.0) * np.exp(-fine * shape / mean)
    months = density.reshape(HISTORY, 20).sum(axis=1)
    return np.asarray(months / months.sum(), dtype=np.float64)


@worked_out_once
def baseline_prevention(setting: Setting) -> float:
    """Return the mean effect of practices' preventive effort under item fees at list price.

    There a visit saved loses next to no margin, so that the value of control differs between
    practices by altruism a alone and effort is ``base + ln(a / mean a)``, at least 0: an effect of
    ``1 - exp(-base) mean a / a``. Practices count by their capacity. The mean, and not the effect
    of the mean effort, is what the published share under control came about with: efforts differ
    and their effect is concave.
    """
    providers, values = setting.region.providers, setting.values
    rows = np.flatnonzero(providers.kind == PRACTICE)
    if not len(rows):
        return float(1.0 - np.exp(-values["effort_base"]))
    temper = setting.altruism[rows] / max(values["altruism_scale"], 1e-12)
    effect = 1.0 - np.exp(-values["effort_base"]) / np.maximum(temper, 1e-12)
    weights = np.maximum(providers.visits_capacity[rows], 1e-9)
    return float(np.average(np.maximum(effect, 0.0), weights=weights))


def prevention_multiplier(setting: Setting, org: Organizations, weights: Float) -> Float:
    """Return by how much a practice's past efforts raise the gain of control, baseline 1."""
    theta = setting.values["prevention_effect"]
    effect = 1.0 - np.exp(-org.efforts)
    base = 1.0 + theta * baseline_prevention(setting)
    raised = 1.0 + theta * (effect @ weights)
    return np.asarray(raised / base, dtype=np.float64)


def bed_capacity(setting: Setting) -> Float:
    """Return bed-days of a month."""
    return setting.beds * DAYS_PER_MONTH


def places_capacity(setting: Setting) -> Float:
    """Return bed-days of a month, then days in observation beds where a region has any (n or 2n,).

    A request for an observation bed names its provider's row plus n.
    """
    beds = bed_capacity(setting)
    if not setting.observation_beds.any():
        return beds
    return np.concatenate((beds, setting.observation_beds * DAYS_PER_MONTH))


def curvature_out(setting: Setting) -> Float:
    """Return the curvature of utility in the practised ratio of outpatient units (n, G, 4)."""
    return _curvature(setting.reference.price_out, setting.health_out, setting)[1]


def curvature_in(setting: Setting) -> Float:
    """Return the curvature of utility in the practised ratio of inpatient units (n, G, 4)."""
    return _curvature(setting.reference.price_in, setting.health_in, setting)[1]


def _curvature(price: Float, health: Float, setting: Setting) -> tuple[Float, Float]:
    """Return stakes and curvatures of utility in the practised ratio of units (n, G, 4) each."""
    at_stake, out = np.empty_like(health), np.empty_like(health)
    _curvature_of_styles(
        setting.values["effort_ratio"] * price,
        health,
        setting.altruism,
        setting.values["value_of_health"],
        at_stake,
        out,
    )
    return at_stake, out


@compiled
def _curvature_of_styles(
    effort: Float, health: Float, altruism: Float, value: float, at_stake: Float, out: Float
) -> None:
    """Write stakes and curvatures of utility in the practised ratio of units, in place."""
    n, n_groups, _ = health.shape
    for p in range(n):
        for g in range(n_groups):
            for j in range(4):
                at_stake[p, g, j] = stake(altruism[p], value, health[p, g, j], 1.0, 1.0)
                out[p, g, j] = precision_of_quantity(effort[p, j], at_stake[p, g, j], 1.0)


@worked_out_once
def foreseen_returns(setting: Setting) -> tuple[Float, Float]:
    """Return contacts that a course of care foresees in its first month and later (G,), (G,)."""
    rest = np.maximum(setting.region.groups.visits_per_episode - 1.0, 0.0)
    first = np.minimum(rest, min(FORESEEN, LIMIT_RETURNS))
    return first, rest - first
