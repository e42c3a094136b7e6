"""Conditions under which theory gives a sign, checked on the runs themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from experiments.emergence.arms import COMPONENTS, PRACTICE, SECONDARY
from experiments.emergence.lives import Float, Life
from experiments.emergence.measures import ratio, weights
from sim.payment import PaymentModel
from sim.payment.per_diem import PerDiem
from sim.tallies import Lever
from sim.tallies import ProviderTally as V

CLEAR_MARGIN: Final = 0.01  # share of list price below which a margin counts as none


class Found(NamedTuple):
    """Whether a condition is met on these runs, and the number it was judged by."""

    met: bool
    number: float


Check: TypeAlias = Callable[[Life, Life], Found]


def margin_falls(name: str, price: Callable[[Life], Float], *kinds: int) -> Check:
    """Check that one more brings less in the arm than in the comparator, in shares of price."""

    def check(arm: Life, base: Life) -> Found:
        rows = arm.rows(*kinds, inside=True)
        listed = arm.over_rows(price(arm), rows).sum()
        change = (arm.marginal(name, rows).sum() - base.marginal(name, rows).sum()) / listed
        return Found(bool(change < -CLEAR_MARGIN), float(change))

    return check


def margin_rises(name: str, price: Callable[[Life], Float], *kinds: int) -> Check:
    """Check that one more brings more in the arm than in the comparator, in shares of price."""
    fall = margin_falls(name, price, *kinds)

    def check(arm: Life, base: Life) -> Found:
        found = fall(arm, base)
        return Found(found.number > CLEAR_MARGIN, found.number)

    return check


def list_out(life: Life) -> Float:
    """Give list prices of outpatient units by provider and component."""
    return life.world.setting.price_out


def list_in(life: Life) -> Float:
    """Give list prices of inpatient units by provider and component."""
    return life.world.setting.price_in


def list_days(life: Life) -> Float:
    """Give the list price of a bed-day by provider and group."""
    n_groups = len(life.world.region.groups.ids)
    return np.repeat(life.world.setting.day_price[:, None], n_groups, axis=1)


def treating_loses(arm: Life, base: Life) -> Found:
    """Check that treating loses against referring, and that spending elsewhere is nobody's loss."""
    rows = arm.rows(PRACTICE, inside=True)
    labor = len(COMPONENTS) - 1

    def gap(life: Life) -> float:
        # A contact treated keeps all its units; referring keeps one of labor.
        kept = float(np.delete(life.marginal("out", rows), labor).sum())
        return kept - float(life.marginal("refer", rows))

    listed = float(arm.over_rows(list_out(arm), rows).sum())
    change = (gap(arm) - gap(base)) / listed
    free = float(arm.marginal("elsewhere", rows)) > -CLEAR_MARGIN
    return Found(change < -CLEAR_MARGIN and free, change)


def answers_downstream(arm: Life, base: Life) -> Found:
    """Check that members' spending elsewhere costs the practice, and that control lowers it."""
    rows = arm.rows(PRACTICE, inside=True)
    slope = float(arm.marginal("elsewhere", rows)) - float(base.marginal("elsewhere", rows))
    avoided = arm.world.setting.avoided_elsewhere > 0.0
    return Found(slope < -CLEAR_MARGIN and avoided, slope)


def answers_downstream_without_beds(arm: Life, base: Life) -> Found:
    """Check besides that practices have no beds, so that no stay is their own."""
    found = answers_downstream(arm, base)
    beds = float(arm.world.setting.beds[arm.rows(PRACTICE, inside=True)].sum())
    return Found(found.met and beds == 0.0, found.number)


def next_level_pays(arm: Life, base: Life) -> Found:
    """Check that the next level brings more, and more so than in the comparator."""
    rows = arm.rows(SECONDARY, inside=True)

    def step(life: Life) -> float:
        return float(np.diff(life.marginal("case", rows), axis=1).mean())

    return Found(step(arm) - step(base) > 1.0, step(arm) - step(base))


def severity_loses(arm: Life, base: Life) -> Found:
    """Check that cases differ, that a severer one loses money, and that beds are not what sorts."""
    rows = arm.rows(SECONDARY, inside=True)
    setting = arm.world.setting
    spread = float(arm.world.region.groups.severity_sd.max())

    def slope(life: Life) -> float:
        units = life.marginal("inside", rows).sum() - life.over_rows(setting.cost_in, rows).sum()
        return float(units / life.over_rows(setting.price_in, rows).sum())

    loses = spread > 0.0 and slope(arm) < min(0.0, slope(base))
    free = bed_load(base) < float(base.world.setting.values["bed_threshold"])
    return Found(loses and free, slope(arm))


def bed_load(life: Life) -> float:
    """Form bed-days used over bed-days available in the county's hospitals."""
    rows = life.rows(SECONDARY, inside=True)
    load = life.history.levers[life.reform][:, rows, Lever.OCCUPANCY].mean(axis=0)
    beds = life.world.setting.beds[rows]
    return float(load @ beds / beds.sum())


def budget_binds(arm: Life, base: Life) -> Found:
    """Check that what the comparator's providers claim in the last year exceeds the budgets."""
    year = slice(base.world.months - 12, base.world.months)
    claims = budgets = 0.0
    for agreement in arm.world.agreements:
        budget = getattr(agreement.model, "budget", None)
        if budget is not None:
            done = base.history.provider[year][:, agreement.rows, agreement.payer]
            claims += 0.01 * float(done[..., [V.COVERED_OUT, V.COVERED_IN]].sum())
            budgets += float(np.sum(budget))
    over = ratio(claims, budgets)
    return Found(over > 1.0, over)


def squeezes_at_the_end(arm: Life, base: Life) -> Found:
    """Check that the budget binds at the year's end but looks out of reach at its start.

    Providers see ``(1 - myopia) projection + myopia (year to date)``. In January only the first
    part counts: it has to lie below the budget by two forecast errors. With unbiased forecasts
    they would see the overrun in January and theory gives no squeeze at the end.
    """
    values = base.world.setting.values
    over = budget_binds(arm, base).number
    january = (1.0 - values["myopia"]) * over
    return Found(over > 1.0 and january < 1.0 - 2.0 * values["forecast_sd"], january)


def budget_binds_with_room(arm: Life, base: Life) -> Found:
    """Check that the budget binds and that beds are not what puts cases off."""
    free = bed_load(base) < float(base.world.setting.values["bed_threshold"])
    return Found(budget_binds(arm, base).met and free, bed_load(base))


def control_pays(arm: Life, base: Life) -> Found:
    """Check that one more condition under control brings money."""
    rows = arm.rows(PRACTICE, inside=True)
    worth = float(arm.marginal("quality", rows)[0] - base.marginal("quality", rows)[0])
    return Found(worth > 0.0, worth)


def _largest_share(life: Life) -> float:
    """Give the largest hospital's share of the points of its pool, over all pools."""
    billed = life.history.billed[life.reform].sum(axis=0)
    # Over schemes together: their pools have the same hospitals, and a small scheme few stays.
    points = (billed * weights(life)).sum(axis=(1, 2, 3))
    hospitals = life.rows(SECONDARY, inside=True)
    found = 0.0
    for agreement in life.world.agreements:
        if np.isin(agreement.rows, hospitals).all():
            of_pool = points[agreement.rows]
            found = max(found, float(of_pool.max() / max(of_pool.sum(), 1.0)))
    return found


def small_in_the_pool(arm: Life, base: Life) -> Found:
    """Check that every hospital is small in its pool, so that a further case brings more."""
    rows = arm.rows(SECONDARY, inside=True)
    more = float(arm.marginal("case", rows).sum() - base.marginal("case", rows).sum())
    share = _largest_share(arm)
    return Found(share <= 0.15 and more > 0.0, share)


def large_in_the_pool(arm: Life, base: Life) -> Found:
    """Check that pools are of few large hospitals, so that a further case brings less."""
    rows = arm.rows(SECONDARY, inside=True)
    more = float(arm.marginal("case", rows).sum() - base.marginal("case", rows).sum())
    share = _largest_share(arm)
    return Found(share >= 0.4 and more < 0.0, share)


def _parts(model: Any) -> Iterator[PaymentModel]:
    """Go through a contract and all contracts inside it."""
    yield model
    for item in dataclasses.fields(model):
        value = getattr(model, item.name)
        for part in value if isinstance(value, tuple) else (value,):
            inner = getattr(part, "contract", part)
            if dataclasses.is_dataclass(inner) and hasattr(inner, "revenue"):
                yield from _parts(inner)


def days_pay_less_after_the_step(arm: Life, base: Life) -> Found:
    """Check that a day after the step brings less than one before, in shares of a day's cost."""
    _ = base
    rows = arm.rows(SECONDARY, inside=True)
    cost = float(arm.world.setting.day_cost[rows].mean())
    falls = [
        float(part.rate) * (part.bands[0][1] - part.bands[-1][1]) / cost
        for agreement in arm.world.agreements
        for part in _parts(agreement.model)
        if isinstance(part, PerDiem) and part.bands and isinstance(part.rate, float)
    ]
    fall = min(falls, default=0.0)
    return Found(fall > CLEAR_MARGIN, fall)


def reviews_cost_more(arm: Life, base: Life) -> Found:
    """Check that a level too high pays, and that being found costs more than in the comparator."""

    def expected(life: Life) -> float:
        audit = life.world.audits
        return audit.sample * audit.detection * (1.0 + audit.fine)

    rows = base.rows(SECONDARY, inside=True)
    step = float(np.diff(base.marginal("case", rows), axis=1).mean())
    more = expected(arm) - expected(base)
    return Found(step > 1.0 and more > 0.0, more)


def _drug_margin(life: Life) -> tuple[float, float]:
    """Return receipts less cost of a unit of drugs, and its price, outpatients and stays."""
    rows = life.rows(PRACTICE, SECONDARY, inside=True)
    setting = life.world.setting
    margin = price = 0.0
    for name, cost, listed in (
        ("out", setting.cost_out, setting.price_out),
        ("inside", setting.cost_in, setting.price_in),
    ):
        margin += float(life.marginal(name, rows)[0] - life.over_rows(cost, rows)[0])
        price += float(life.over_rows(listed, rows)[0])
    return margin, price


def drugs_cheaper_at_no_margin(arm: Life, base: Life) -> Found:
    """Check that drugs cost less and that a unit brings no margin before and after."""
    (margin, price), (margin_before, price_before) = _drug_margin(arm), _drug_margin(base)
    none = max(abs(margin), abs(margin_before)) <= CLEAR_MARGIN * price_before
    return Found(none and price < (1.0 - CLEAR_MARGIN) * price_before, price / price_before)


def labor_gains_margin(arm: Life, base: Life) -> Found:
    """Check that a unit of labor brings more over its cost than in the comparator."""
    rows = arm.rows(PRACTICE, SECONDARY, inside=True)
    labor = COMPONENTS.index("labor")

    def margin(life: Life) -> float:
        cost = life.over_rows(life.world.setting.cost_out, rows)[labor]
        return float(life.marginal("out", rows)[labor] - cost)

    price = float(base.over_rows(base.world.setting.price_out, rows)[labor])
    gain = (margin(arm) - margin(base)) / price
    return Found(gain > CLEAR_MARGIN, gain)
