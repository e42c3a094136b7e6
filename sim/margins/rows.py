"""What one more of each activity brings and costs providers, from slopes, prices and a year's mix.

Knows marginal receipts by field, unit costs and a year of tallies; must not know contracts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sim.activity import COMPONENTS
from sim.behavior.effort import horizon_value
from sim.engine.setting import PRACTICE, Setting
from sim.engine.tables import Float
from sim.tallies import ProviderTally as V

__all__ = ["CELLS", "KINDS", "Ground", "Margin", "margins", "per"]

KINDS = ("practice", "secondary", "tertiary")
CELLS = {"light": 0.1, "median": 0.5, "heavy": 0.9}
"""Kinds of admission by the share of a kind of provider's stays that weigh less."""

_FEN = 0.01
_MILLI = 1000.0
# A point of quality is a hundredth of stays' readmissions and of their deaths, and a tenth of
# experience: what `sim.engine.organization` counts an effort by.
_POINTS_PER_STAY = 0.02
_EXPERIENCE_PER_QUALITY = 0.1


@dataclass(frozen=True)
class Ground:
    """A year of what providers did, what their care costs, and what one more of it brings.

    Attributes
    ----------
    setting : Setting
    technology : float
        Need for units relative to the first year.
    done : float64, shape (n, payers, len(ProviderTally)); a year's tallies
    billed : float64, shape (n, payers, groups, 3); its stays by billed group and level
    days : float64, shape (n, payers, groups); its bed-days
    marginal : mapping of str to float64
        Fields of :class:`sim.engine.organization.Marginals`, currency.
    per_charge : float64, shape (n, payers), optional
        What a unit of currency charged on a stay brings through sides of case thresholds.
    bands : float64, shape (n, payers, groups, B), optional
        What one more day brings in each band of a stay.
    facility_day : float64, shape (n, payers), optional
        What a day of aftercare in a facility brings the hospital that sends the patient there.
    whole_days : float64, shape (n, payers, groups), optional
        Days after which a stay that ends in another bed is paid whole, 0 where all are.
    """

    setting: Setting
    technology: float
    done: Float
    billed: Float
    days: Float
    marginal: Mapping[str, Float]
    per_charge: Float | None = None
    bands: Float | None = None
    facility_day: Float | None = None
    whole_days: Float | None = None

    @property
    def kind(self) -> Float:
        """Kind of every provider (n,)."""
        return np.asarray(self.setting.region.providers.kind)

    @property
    def price_out(self) -> Float:
        """List price of an outpatient unit at each payer's level (n, payers, 4)."""
        level = self.setting.region.people.price_level[:, self.setting.setting_of].T
        return np.asarray(self.setting.price_out[:, None, :] * level[..., None])

    @property
    def price_in(self) -> Float:
        """List price of an inpatient unit at each payer's level (n, payers, 4)."""
        level = self.setting.region.people.price_level[:, 2]
        return np.asarray(self.setting.price_in[:, None, :] * level[None, :, None])

    @property
    def price_day(self) -> Float:
        """List price of a bed-day at each payer's level (n, payers)."""
        level = self.setting.region.people.price_level[:, 2]
        return np.asarray(self.setting.day_price[:, None] * level[None])

    @property
    def ratio_in(self) -> Float:
        """Practised over needed inpatient units (n, payers, 4), 1 where there are none."""
        given = self.done[..., V.UNITS_IN_0 : V.UNITS_IN_0 + 4]
        need = self.done[..., V.NEED_IN_0 : V.NEED_IN_0 + 4]
        return np.where(need > 0.0, given / np.maximum(need, 1.0), 1.0)

    @property
    def severity(self) -> Float:
        """Resources needed by mean stays over their groups' and levels' means (n, payers)."""
        groups = self.setting.region.groups
        weight = groups.weight[:, None] * groups.weight_level
        expected = (self.billed * weight).sum(axis=(2, 3))
        found = self.done[..., V.SEVERITY] / _MILLI
        return np.where(expected > 0.0, found / np.maximum(expected, 1e-9), 1.0)

    @property
    def ratio_days(self) -> Float:
        """Days over needed days (n, payers), 1 where there are none."""
        need = self.done[..., V.NEED_DAYS] / _MILLI
        return np.where(need > 0.0, self.done[..., V.BED_DAYS] / np.maximum(need, 1e-3), 1.0)


@dataclass(frozen=True)
class Margin:
    """What one more of one activity brings and costs, arrays of shape (n, payers).

    Attributes
    ----------
    activity, unit : str
    receipts, cost : float64; currency per one more, NaN where it does not apply
    volume : float64; how much of it there was in the year
    detail : tuple of str
        Clinical group and level of each kind of provider where the activity is one kind of stay.
    weight : float64, optional
        What means are weighted by, where volume may be zero for all.
    """

    activity: str
    unit: str
    receipts: Float
    cost: Float
    volume: Float
    detail: tuple[str, ...] = ("", "", "")
    weight: Float | None = None

    @property
    def weights(self) -> Float:
        """What means over providers are weighted by."""
        return self.volume if self.weight is None else self.weight


def per(above: Float, below: Float) -> Float:
    """Divide, NaN where there is nothing to divide by."""
    above, below = np.broadcast_arrays(above, below)
    out = np.full(above.shape, np.nan)
    np.divide(above, below, out=out, where=below != 0.0)
    return out


def margins(ground: Ground) -> Iterator[Margin]:
    """List what one more of everything brings and costs.

    Notes
    -----
    A visit and a stay are those of the provider's own mix: the contact or case itself and the
    units and days that go with it. Receipts include what the contract makes of the resource cost.
    Where one more of a thing replaces another (a referral the treatment, a good contact the
    low-value service) what is given up counts as its cost. Efforts cost what their last unit does
    at today's effort by the rule that sets them; they are disutility, never in a ledger.
    """
    m, done, setting = ground.marginal, ground.done, ground.setting
    visits = done[..., V.VISITS]
    back = m["cost"]
    out_receipts = m["out"] + back[..., None] * setting.cost_out[:, None, :]
    in_receipts = m["inside"] + back[..., None] * setting.cost_in[:, None, :]

    per_visit = per(done[..., V.UNITS_OUT_0 : V.UNITS_OUT_0 + 4] / _MILLI, visits[..., None])
    visit = m["visit"] + (out_receipts * per_visit).sum(axis=-1)
    visit_cost = (setting.cost_out[:, None] * per_visit).sum(axis=-1)
    yield Margin("visit", "visit", visit, visit_cost, visits)
    for j, component in enumerate(COMPONENTS):
        used = np.where(visits > 0.0, out_receipts[..., j], np.nan)
        cost = np.broadcast_to(setting.cost_out[:, j : j + 1], visits.shape)
        yield Margin(component, "unit", used, cost, done[..., V.UNITS_OUT_0 + j] / _MILLI)
    yield from _stays(ground, in_receipts)
    if setting.observation_beds.any():
        yield _observed(ground, out_receipts)
    if setting.timing is not None:
        is_timed = np.broadcast_to(setting.timing.minutes[:, None] > 0.0, visits.shape)
        effort = (setting.timing.price * setting.timing.session)[:, None]
        yield Margin(
            "session",
            "session",
            np.where(is_timed, m["session"], np.nan),
            np.broadcast_to(effort, visits.shape),
            done[..., V.SESSIONS] / _MILLI,
        )
    yield from _members(ground, visit - visit_cost)
    yield from _quality(ground)
    spent = (done[..., V.COST_OUT] + done[..., V.COST_IN]) * _FEN
    used = np.where(spent > 0.0, back, np.nan)
    yield Margin("resource_cost", "currency", used, np.ones_like(used), spent)


def _observed(ground: Ground, out_receipts: Float) -> Margin:
    """Give a case kept under observation: its visit, its care and what is paid for it besides."""
    m, setting = ground.marginal, ground.setting
    cases = ground.done[..., V.OBSERVED]
    units = setting.values["observation_units"] * ground.technology
    has_beds = np.broadcast_to(setting.observation_beds[:, None] > 0.0, cases.shape)
    receipts = m["visit"] + m["observed"] + units * out_receipts.sum(axis=-1)
    cost = np.broadcast_to(units * setting.cost_out.sum(axis=-1)[:, None], cases.shape)
    return Margin("observation", "case", np.where(has_beds, receipts, np.nan), cost, cases)


def _stays(ground: Ground, in_receipts: Float) -> Iterator[Margin]:
    m, done, setting = ground.marginal, ground.done, ground.setting
    stays = done[..., V.ADMISSIONS]
    none = np.zeros_like(stays)
    day_cost = np.broadcast_to(setting.day_cost[:, None], stays.shape)
    day_receipts = m["day"] + (m["cost"] * day_cost)[..., None]
    day = per((day_receipts * ground.days).sum(axis=-1), ground.days.sum(axis=-1))
    billed = ground.billed
    case = per((m["case"] * billed).sum(axis=(2, 3)), billed.sum(axis=(2, 3)))
    per_stay = per(done[..., V.UNITS_IN_0 : V.UNITS_IN_0 + 4] / _MILLI, stays[..., None])
    days = per(done[..., V.BED_DAYS], stays)
    receipts = case + (in_receipts * per_stay).sum(axis=-1) + day * days
    cost = (setting.cost_in[:, None] * per_stay).sum(axis=-1) + day_cost * days
    yield Margin("admission", "stay", receipts, cost, stays)
    for name, share in CELLS.items():
        yield _cell(ground, in_receipts, day_receipts, name, share)
    yield Margin("avoided_admission_own", "stay", -receipts, -cost, stays)
    # A stay's receipts hold what its side brings already; one more unit or day adds to its charge.
    charged = none if ground.per_charge is None else ground.per_charge
    in_receipts = in_receipts + charged[..., None] * ground.price_in
    for j, component in enumerate(COMPONENTS):
        used = np.where(stays > 0.0, in_receipts[..., j], np.nan)
        cost = np.broadcast_to(setting.cost_in[:, j : j + 1], stays.shape)
        volume = done[..., V.UNITS_IN_0 + j] / _MILLI
        yield Margin(f"{component}_inpatient", "unit", used, cost, volume)
    by_charge = charged * ground.price_day
    done_days = done[..., V.BED_DAYS]
    yield Margin("bed_day", "day", day + by_charge, day_cost, done_days)
    n_bands = 1 if ground.bands is None else ground.bands.shape[-1]
    if ground.bands is not None and n_bands > 1:
        weight, total = ground.days[..., None], ground.days.sum(axis=-1)
        paid_back = m["cost"] * day_cost + by_charge
        names = ["bed_day_early", *(f"bed_day_band_{b}" for b in range(2, n_bands))]
        for band, name in enumerate([*names, "bed_day_late"]):
            mean = per((ground.bands * weight).sum(axis=2)[..., band], total)
            yield Margin(name, "day", mean + paid_back, day_cost, done_days)
    # A contract that counts episodes takes what others are paid after a stay that opened one.
    opening = billed.sum(axis=3) * (m["after"] != 0.0)
    after = np.where(
        stays > 0.0,
        np.nan_to_num(per((m["after"] * opening).sum(axis=-1), opening.sum(axis=-1))),
        np.nan,
    )
    yield Margin("spending_after_stay", "currency", after, none, stays)
    if ground.facility_day is not None:
        sent = np.where((ground.kind != PRACTICE)[:, None] & (stays > 0.0), 1.0, np.nan)
        days_after = done[..., V.POST_ACUTE_DAYS]
        yield Margin(
            "facility_day", "day", sent * ground.facility_day, none, days_after, weight=stays
        )
    if ground.whole_days is not None and ground.whole_days.any():
        spread = billed * (ground.whole_days > 0.0)[..., None]
        a_day = -m["cut_short"] / np.maximum(ground.whole_days, 1.0)[..., None]
        mean = per((a_day * spread).sum(axis=(2, 3)), spread.sum(axis=(2, 3)))
        receipts = day + by_charge + mean
        volume = spread.sum(axis=(2, 3))
        yield Margin("day_before_transfer", "day", receipts, day_cost, volume)
    low = billed[..., :2]
    step = per((m["step"] * low).sum(axis=(2, 3)), low.sum(axis=(2, 3)))
    yield Margin("coded_level", "stay", step, none, low.sum(axis=(2, 3)))


def _cell(
    ground: Ground, in_receipts: Float, day_receipts: Float, name: str, share: float
) -> Margin:
    """Give one group and level of stay per kind of provider, as severe and treated as its mean."""
    setting = ground.setting
    groups = setting.region.groups
    weight = (groups.weight[:, None] * groups.weight_level).ravel()
    shape = ground.billed.shape
    severity = ground.severity
    receipts, cost = np.full(shape[:2], np.nan), np.full(shape[:2], np.nan)
    volume = np.zeros(shape[:2])
    detail = []
    for kind in range(len(KINDS)):
        rows = np.flatnonzero(ground.kind == kind)
        count = ground.billed[rows].sum(axis=(0, 1)).ravel()
        if count.sum() <= 0.0:
            detail.append("")
            continue
        order = np.argsort(weight, kind="stable")
        reached = np.cumsum(count[order]) >= share * count.sum()
        cell = int(order[np.argmax(reached)])
        g, level = divmod(cell, shape[3])
        detail.append(f"{groups.ids[g]}:{level + 1}")
        severe = severity[rows, :, None]
        units = setting.need_in[g, level] * ground.technology * ground.ratio_in[rows] * severe
        # Days grow with the root of severity, as `sim.engine.person.stay` has them.
        days = setting.needed_days[g, level] * ground.ratio_days[rows] * np.sqrt(severity[rows])
        receipts[rows] = (
            ground.marginal["case"][rows, :, g, level]
            + (in_receipts[rows] * units).sum(axis=-1)
            + day_receipts[rows, :, g] * days
        )
        cost[rows] = (setting.cost_in[rows, None] * units).sum(axis=-1)
        cost[rows] += setting.day_cost[rows, None] * days
        volume[rows] = ground.billed[rows, :, g, level]
    stays = ground.done[..., V.ADMISSIONS]
    return Margin(f"admission_{name}", "stay", receipts, cost, volume, tuple(detail), stays)


def _members(ground: Ground, visit_margin: Float) -> Iterator[Margin]:
    """Give what practices gain by members: referrals, care elsewhere, people under control."""
    m, done, setting = ground.marginal, ground.done, ground.setting
    values = setting.values
    visits, members = done[..., V.VISITS], done[..., V.MEMBERS]
    is_practice = (ground.kind == PRACTICE)[:, None] & (members > 0.0)
    mine = np.where(is_practice, 1.0, np.nan)
    none = np.zeros_like(visits)
    cost_out = setting.cost_out[:, None, :] * (1.0 - m["cost"][..., None])
    # A referral is one contact with one unit of labor, as `sim.engine.person` has it, in place of
    # a treatment; what it makes members spend elsewhere falls back as far as the contract says.
    spending = float(np.mean(setting.elsewhere)) * ground.technology
    receipts = m["visit"] + m["out"][..., 3] + m["refer"] + spending * m["elsewhere"]
    forgone = np.broadcast_to(cost_out[..., 3], visits.shape) + visit_margin
    yield Margin(
        "referral_up", "referral", mine * receipts, forgone, done[..., V.REFERRED_UP], weight=visits
    )
    hospital = np.where((ground.kind != PRACTICE)[:, None] & (visits > 0.0), 1.0, np.nan)
    yield Margin(
        "referral_down",
        "referral",
        hospital * m["refer_down"],
        visit_margin,
        done[..., V.REFERRED_DOWN],
        weight=visits,
    )
    yield Margin("member", "person-year", 12.0 * mine * m["member"], none, members / 12.0)
    yearly = 1.0 - values["discount"] * values["retention"]
    reference = setting.reference
    own = (reference.price_out - reference.cost_out).sum(axis=1)
    health = values["prevention_health_weight"] * setting.control_health
    worth = values["altruism_scale"] * values["value_of_health"] * health
    anchor = np.array(
        [
            horizon_value(
                worth - setting.avoided_visits * float(margin),
                values["discount"],
                values["retention"],
            )
            for margin in own
        ]
    )
    effort = np.maximum(anchor, 1.0)[:, None] * yearly
    lost = setting.avoided_visits * (m["visit"] + (m["out"] - cost_out).sum(axis=-1))
    control = 12.0 * m["quality"][..., 0] - setting.avoided_elsewhere * m["elsewhere"]
    yield Margin(
        "controlled_patient",
        "person-year",
        mine * control,
        np.broadcast_to(effort, visits.shape) + lost,
        done[..., V.CONDITIONS] / 12.0,
    )
    hospitals = done[ground.kind != PRACTICE].sum(axis=0)
    dear = per(hospitals[:, V.COVERED_IN] * _FEN, hospitals[:, V.ADMISSIONS])
    yield Margin("avoided_admission", "stay", -mine * m["elsewhere"] * dear, none, members)


def _quality(ground: Ground) -> Iterator[Margin]:
    m, done, setting = ground.marginal, ground.done, ground.setting
    values, groups = setting.values, setting.region.groups
    quality = m["quality"]
    visits, stays = done[..., V.VISITS], done[..., V.ADMISSIONS]
    chronic = done[..., V.CHRONIC_MEMBERS]
    unknown = np.full(visits.shape, np.nan)
    yield Margin(
        "follow_up",
        "point",
        np.where(chronic > 0.0, quality[..., 1], np.nan),
        unknown,
        chronic,
    )
    reached = values["quality_health"] * (visits + 10.0 * stays)
    per_quality = values["altruism_scale"] * values["value_of_health"] * reached
    cost = per(per_quality, _POINTS_PER_STAY * stays)
    for name, k in (("no_readmission", 2), ("survival", 4)):
        receipts = np.where(stays > 0.0, quality[..., k], np.nan)
        yield Margin(name, "point", receipts, cost, done[..., V.DISCHARGES])
    component = groups.low_value_component
    has = component >= 0
    if has.any() and quality.shape[-1] > 3:
        j, units = component[has], groups.low_value_units[has]
        weight = groups.low_value_base[has]
        true_cost = setting.cost_out[:, None, :] * (1.0 - m["cost"][..., None])
        gained = ((m["out"] - true_cost)[..., j] * units) @ (weight / max(weight.sum(), 1e-12))
        receipts = np.where(visits > 0.0, quality[..., 3], np.nan)
        yield Margin("appropriate_care", "point", receipts, gained, visits)
    rated = done[..., V.CONTACTS_RATED]
    receipts = np.where(rated > 0.0, 0.01 * m["experience"], np.nan)
    cost = per_quality * 0.01 / _EXPERIENCE_PER_QUALITY
    yield Margin("experience", "point", receipts, cost, rated)
