"""Which way each channel of behavior should move: the sign of the change in its net margin.

Knows two views of the same providers, one under each policy; must not know contracts, nor look at
any month lived under the new one. A pure function of margins, so that it can be held against what
a simulation does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.activity import COMPONENTS
from sim.aftercare import receipt_of_day
from sim.engine.organization import (
    Marginals,
    day_at,
    last_day,
    mean_days,
    mode_margin_gap,
    uncovered_gain,
)
from sim.engine.setting import PRACTICE
from sim.engine.tables import Float
from sim.margins.rows import KINDS
from sim.margins.view import View
from sim.tallies import ProviderTally as V

__all__ = ["CHANNELS", "CLEAR", "Channel", "Direction", "directions"]

CLEAR = 0.02
"""Smallest change of a net margin that counts as one, share of the list price of what it is about.

Two per cent is the fee change whose response the discrete choices are calibrated to; below it the
forecast error and the income effect may decide.
"""


@dataclass(frozen=True)
class Net:
    """A channel's net margin by provider and payer.

    Attributes
    ----------
    margin : float64, shape (n, payers); currency per unit of what the channel decides
    scale : float64, same shape; list price of the same unit
    weight : float64, same shape; how much of it there was
    """

    margin: Float
    scale: Float
    weight: Float


@dataclass(frozen=True)
class Channel:
    """One decision of providers and the net margin that bears on it.

    Attributes
    ----------
    id : str
    kinds : tuple of int
        Kinds of provider that take it.
    net : callable of View and Marginals to Net
    """

    id: str
    kinds: tuple[int, ...]
    net: Callable[[View, Marginals], Net]


@dataclass(frozen=True)
class Direction:
    """What a policy's margins say about one channel at one kind of provider.

    Attributes
    ----------
    channel, kind : str
    before, after : float
        Net margin over list price, mean over the year, under the status quo and the policy.
    sign : int
        1 for more, -1 for less, 0 for no change beyond the threshold.
    """

    channel: str
    kind: str
    before: float
    after: float
    sign: int

    @property
    def id(self) -> str:
        """Stable name of the cell."""
        return f"{self.channel}/{self.kind}"


def directions(before: View, after: View, clear: float = CLEAR) -> list[Direction]:
    """Predict the direction of every channel at every kind of provider that takes it.

    Parameters
    ----------
    before, after : View
        The same world under two policies.
    clear : float
        Smallest change that counts, share of list price.

    Returns
    -------
    list of Direction
        Cells without any activity are left out.

    Notes
    -----
    ``sign(change)`` where ``|change| > clear``, with ``change`` the difference between the two
    policies of ``sum(weight margin) / sum(weight scale)`` over providers and payers of a kind.
    What follows from other channels (beds that fall free, patients who are sent elsewhere) and the
    income effect are left out.
    """
    found = []
    for channel in CHANNELS:
        old, new = channel.net(before, before.mean), channel.net(after, after.mean)
        for kind in channel.kinds:
            rows = np.flatnonzero(before.world.region.providers.kind == kind)
            if not float(old.weight[rows].sum()) > 0.0:
                continue
            values = [_over_scale(net, rows) for net in (old, new)]
            change = values[1] - values[0]
            if not math.isfinite(change):
                continue
            sign = 0 if abs(change) <= clear else 1 if change > 0.0 else -1
            found.append(Direction(channel.id, KINDS[kind], values[0], values[1], sign))
    return found


def _over_scale(net: Net, rows: npt.NDArray[np.intp]) -> float:
    weight = net.weight[rows]
    scale = float((weight * net.scale[rows]).sum())
    return float((weight * net.margin[rows]).sum()) / scale if scale > 0.0 else math.nan


# --- channels -------------------------------------------------------------------------------------


def _units(component: int, *, is_inpatient: bool) -> Callable[[View, Marginals], Net]:
    def net(view: View, m: Marginals) -> Net:
        setting, ground = view.world.setting, view.ground(m)
        cost = (setting.cost_in if is_inpatient else setting.cost_out)[:, None, component]
        price = (ground.price_in if is_inpatient else ground.price_out)[..., component]
        slope = (m.inside if is_inpatient else m.out)[..., component]
        if is_inpatient:
            slope = slope + view.per_charge(m) * price
        first = V.UNITS_IN_0 if is_inpatient else V.UNITS_OUT_0
        weight = ground.done[..., first + component]
        return Net(slope - cost * (1.0 - m.cost), price, weight)

    return net


def _contact(view: View, m: Marginals) -> tuple[Float, Float, Float]:
    """Give the margin of a contact of mean need as practised, its list price, and contacts."""
    setting, ground = view.world.setting, view.ground(m)
    done = ground.done
    visits = done[..., V.VISITS]
    used = done[..., V.UNITS_OUT_0 : V.UNITS_OUT_0 + 4] / np.maximum(visits, 1.0)[..., None] / 1e3
    cost = setting.cost_out[:, None, :] * (1.0 - m.cost[..., None])
    margin = m.visit + ((m.out - cost) * used).sum(axis=-1)
    return margin, (ground.price_out * used).sum(axis=-1), visits


def _returns(view: View, m: Marginals) -> Net:
    return Net(*_contact(view, m))


def _low_value(view: View, m: Marginals) -> Net:
    setting = view.world.setting
    groups = setting.region.groups
    has = np.flatnonzero(groups.low_value_component >= 0)
    j = groups.low_value_component[has].astype(np.int64)
    # By how often each is given: cases of the group times its share with the service.
    share = groups.rate.sum(axis=(1, 2))[has] * groups.low_value_base[has]
    share = share / max(float(share.sum()), 1e-12)
    units = groups.low_value_units[has] * share
    cost = setting.cost_out[:, None, :] * (1.0 - m.cost[..., None])
    margin = ((m.out - cost)[..., j] * units).sum(axis=-1)
    if m.quality.shape[-1] > 3:
        margin = margin - m.quality[..., 3]
    ground = view.ground(m)
    price = (ground.price_out[..., j] * units).sum(axis=-1)
    return Net(margin, price, ground.done[..., V.VISITS])


def _referral(view: View, m: Marginals) -> Net:
    table = view.tables.refer
    flow = view.mix(PRACTICE)
    # Both sides as the practice weighs them, of the case in the middle, health apart.
    treating = np.asarray(table.margin) @ flow
    spending = float(np.asarray(table.spending) @ flow)
    referring = np.asarray(table.receipts) + spending * np.asarray(table.elsewhere)
    price = view.world.setting.contact_price.mean(axis=1)[:, None]
    gap = referring - treating
    return Net(gap, np.broadcast_to(price, gap.shape), view.ground(m).done[..., V.VISITS])


def _admission(view: View, m: Marginals) -> Net:
    table, setting = view.tables.admit, view.world.setting
    billed = view.ground(m).billed
    margin = np.asarray(table.fixed) + np.asarray(table.rising) + m.stay.expected
    price = np.broadcast_to(setting.stay_price[:, None], billed.shape)
    return _by_stay(margin, price, billed)


def _by_stay(margin: Float, price: Float, billed: Float) -> Net:
    weight = billed.sum(axis=(2, 3))
    safe = np.maximum(weight, 1e-12)
    return Net(
        (margin * billed).sum(axis=(2, 3)) / safe, (price * billed).sum(axis=(2, 3)) / safe, weight
    )


def _stay(view: View, m: Marginals) -> Net:
    setting, ground = view.world.setting, view.ground(m)
    weight = ground.days.sum(axis=-1)
    cost = setting.day_cost[:, None] * (1.0 - m.cost)
    # The day in question is the one after a usual stay.
    last = day_at(m.stay, mean_days(setting))
    slope = (last * ground.days).sum(axis=-1) / np.maximum(weight, 1e-12)
    slope = slope + view.per_charge(m) * ground.price_day
    return Net(slope - cost, ground.price_day, weight)


def _level_step(view: View, m: Marginals, *, is_audited: bool) -> Net:
    """Give what the next level brings, less what review takes back, over its list price."""
    setting, stand = view.world.setting, view.stand
    groups = setting.region.groups
    billed = view.ground(m).billed[..., :2]
    gain = m.step
    if is_audited:
        kept = 1.0 - stand.prob_review * stand.detection * (1.0 + stand.fine)
        gain = gain * np.where(gain > 0.0, kept[..., None, None], 1.0)
    step = np.diff(groups.weight[:, None] * groups.weight_level, axis=1)
    price = setting.region.providers.charge_per_weight[:, None, None, None] * step
    return _by_stay(np.maximum(gain, 0.0), np.broadcast_to(price, billed.shape), billed)


def _coding(view: View, m: Marginals) -> Net:
    return _level_step(view, m, is_audited=True)


def _documentation(view: View, m: Marginals) -> Net:
    return _level_step(view, m, is_audited=False)


def _prevention(view: View, m: Marginals) -> Net:
    """Give what one more person under control brings in a year, over what it costs in effort."""
    setting, done = view.world.setting, view.ground(m).done
    values = setting.values
    visit = m.visit + (m.out - setting.cost_out[:, None, :]).sum(axis=2)
    worth = -setting.avoided_visits * visit - setting.avoided_elsewhere * m.elsewhere
    worth = worth + 12.0 * m.quality[..., 0]
    health = values["prevention_health_weight"] * setting.control_health
    value = values["altruism_scale"] * values["value_of_health"] * health
    reference = setting.reference
    listed = (reference.price_out - reference.cost_out).sum(axis=1)[:, None]
    scale = np.maximum(value - setting.avoided_visits * listed, 1.0)
    return Net(worth, np.broadcast_to(scale, worth.shape), done[..., V.CONDITIONS])


def _quality(view: View, m: Marginals) -> Net:
    """Give what a unit of true quality brings, over what mean altruism makes it worth."""
    setting, stand = view.world.setting, view.stand
    values = setting.values
    stays = stand.stays[:, None]
    reached = values["quality_health"] * (stand.contacts + 10.0 * stand.stays)
    score = (m.quality[..., 2] + m.quality[..., 4]) * stays * 0.01 + m.experience * 0.1
    scale = values["altruism_scale"] * values["value_of_health"] * reached
    # Scores of all payers add up on one effort, so each payer's weight is one.
    total = score.sum(axis=1, keepdims=True)
    weight = np.zeros_like(score)
    weight[:, 0] = reached > 0.0
    return Net(
        np.broadcast_to(total, score.shape), np.broadcast_to(scale[:, None], score.shape), weight
    )


def _cost(view: View, m: Marginals) -> Net:
    """Give what a yuan of cost saved leaves."""
    done = view.ground(m).done
    spent = done[..., V.COST_OUT] + done[..., V.COST_IN]
    return Net(1.0 - m.cost, np.ones_like(m.cost), spent)


def _mode(view: View, m: Marginals) -> Net:
    """Give how much more the heaviest mode leaves than the lightest, against list price."""
    setting, ground = view.world.setting, view.ground(m)
    gap = mode_margin_gap(setting, view.world.organizations, m)
    stays = ground.billed.sum(axis=3)
    # Groups that are treated in one way alone have nothing to choose.
    stays = stays * (setting.region.modes.share[:, -1] > 0.0)
    price = np.broadcast_to(setting.stay_price.mean(axis=2)[:, None], stays.shape)
    return _over_groups(gap[..., -1] - gap[..., 0], price, stays)


def _over_groups(margin: Float, price: Float, stays: Float) -> Net:
    weight = stays.sum(axis=2)
    safe = np.maximum(weight, 1e-12)
    return Net((margin * stays).sum(axis=2) / safe, (price * stays).sum(axis=2) / safe, weight)


def _splitting(view: View, m: Marginals) -> Net:
    """Give what a stay billed as two brings more, over the list price of the stay."""
    setting, ground = view.world.setting, view.ground(m)
    stays = ground.billed.sum(axis=3)
    if not setting.values.get("splitting_compliance", 0.0) > 0.0:
        stays = np.zeros_like(stays)
    price = np.broadcast_to(setting.stay_price.mean(axis=2)[:, None], stays.shape)
    return _over_groups(np.maximum(m.split, 0.0), price, stays)


def _uncovered(view: View, m: Marginals) -> Net:
    """Give what moving list price out of the catalogue leaves beyond its first unit of effort."""
    setting = view.world.setting
    theta = setting.values.get("uncovered_effect", 0.0)
    gain = uncovered_gain(setting, view.world.organizations, m, view.stand)
    least = setting.values.get("uncovered_compliance", 0.0) / theta if theta > 0.0 else np.inf
    margin = np.maximum(gain - least, 0.0)[:, None]
    weight = np.zeros_like(m.cost)
    weight[:, 0] = view.stand.stays * (theta > 0.0)
    return Net(np.broadcast_to(margin, weight.shape), np.ones_like(weight), weight)


def _documented(view: View, m: Marginals) -> Net:
    """Give what a missed item shown as done brings beyond its first unit of effort, over that."""
    setting, missed = view.world.setting, view.stand.missed
    theta = setting.values.get("documented_effect", 0.0)
    cost = setting.values.get("documented_cost", 0.0)
    items = missed.sum(axis=(1, 2))
    worth = (m.quality * missed).sum(axis=(1, 2)) / np.maximum(items, 1e-12)
    least = cost / theta if theta > 0.0 else np.inf
    margin = np.maximum(worth - least, 0.0)[:, None]
    weight = np.zeros_like(m.cost)
    weight[:, 0] = items * (theta > 0.0)
    return Net(np.broadcast_to(margin, weight.shape), np.full_like(weight, max(cost, 1e-9)), weight)


def _recovery(view: View, m: Marginals) -> Net:
    """Give what a last day sent to a bed nearer home leaves, over the list price of a day."""
    setting, ground = view.world.setting, view.ground(m)
    values = setting.values
    stays = ground.billed.sum(axis=3)
    if not values.get("recovery_base", 0.0) > 0.0:
        stays = np.zeros_like(stays)
    late = last_day(m, setting) - m.post_acute[..., None]
    days = np.maximum(values.get("recovery_share", 0.0) * mean_days(setting), 1e-9)
    saved = setting.day_cost[:, None, None] - late + m.refer_down[..., None] / days
    price = np.broadcast_to(setting.day_price[:, None, None], stays.shape)
    return _over_groups(saved, price, stays)


def _observation(view: View, m: Marginals) -> Net:
    """Give what observing a case leaves beyond admitting it, over the list price of the stay."""
    setting, ground = view.world.setting, view.ground(m)
    stays = ground.billed.sum(axis=3) * ~view.world.region.groups.is_elective
    stays = stays * (setting.observation_beds > 0.0)[:, None, None]
    units = setting.values.get("observation_units", 0.0)
    care = (m.out - setting.cost_out[:, None] * (1.0 - m.cost[..., None])).sum(axis=2) * units
    admitting = _admission(view, m)
    price = np.broadcast_to(setting.stay_price.mean(axis=2)[:, None], stays.shape)
    observing = _over_groups(
        np.broadcast_to((m.visit + m.observed + care)[..., None], stays.shape), price, stays
    )
    return Net(observing.margin - admitting.margin, observing.scale, observing.weight)


def _discharge(view: View, m: Marginals) -> Net:
    """Give what a day of aftercare brings a hospital, over the list price of that day."""
    setting, ground = view.world.setting, view.ground(m)
    care = setting.region.aftercare
    stays = ground.billed.sum(axis=3) * (care.days * care.share.mean(axis=1))
    stays = stays * (setting.beds > 0.0)[:, None, None]
    if care.provider < 0:
        return _over_groups(np.zeros_like(stays), np.ones_like(stays), stays)
    level = setting.region.people.price_level[:, 2]
    price = np.broadcast_to((setting.day_price[care.provider] * level)[:, None], stays.shape)
    return _over_groups(receipt_of_day(view.world, m), price, stays)


def _channels() -> Iterator[Channel]:
    everyone, beds = (0, 1, 2), (0, 1, 2)
    for j, component in enumerate(COMPONENTS):
        yield Channel(f"intensity_{component}_out", everyone, _units(j, is_inpatient=False))
    for j, component in enumerate(COMPONENTS):
        yield Channel(f"intensity_{component}_in", beds, _units(j, is_inpatient=True))
    yield Channel("returns", everyone, _returns)
    yield Channel("low_value", everyone, _low_value)
    yield Channel("referral_up", (PRACTICE,), _referral)
    yield Channel("admission", beds, _admission)
    yield Channel("stay", beds, _stay)
    yield Channel("coding", beds, _coding)
    yield Channel("documentation", beds, _documentation)
    yield Channel("prevention", (PRACTICE,), _prevention)
    yield Channel("quality", everyone, _quality)
    yield Channel("cost", everyone, _cost)
    yield Channel("mode", (1, 2), _mode)
    yield Channel("splitting", beds, _splitting)
    yield Channel("uncovered", beds, _uncovered)
    yield Channel("documented_quality", everyone, _documented)
    yield Channel("recovery", (1, 2), _recovery)
    yield Channel("observation", (1, 2), _observation)
    yield Channel("discharge", (1, 2), _discharge)


CHANNELS: tuple[Channel, ...] = tuple(_channels())
