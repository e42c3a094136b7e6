"""One month of a health system, and the months of a run.

What happens, in this order:

1. **New accounting year** (every twelfth month): contracts renew their terms, a reform takes
   effect, family doctor contracts and cover options are reconsidered, year-to-date columns start
   again, technology moves need.
2. **Incentives**: every contract is differentiated at the providers' projected year-end activity;
   levers and styles move part of the way.
   Individual accounts are filled; once a year people choose lists where they are open.
3. **Need**: ageing, chronic change, episodes, worsening, deaths and newborns.
4. **Seeking care**: none, a practice or a hospital; least severe contacts beyond capacity wait.
5. **Primary care** treats, asks back, or refers.
6. **Hospitals** see outpatients, decide on beds (admit, observe, send home, defer, transfer,
   refuse), for planned stays too, and give the sessions of courses for life; beds go by severity
   and months waited.
7. **Outcome** of stays and contacts: where to after a stay, recovery, readmission, death,
   experience.
8. **Claims and money**: cost sharing, interim payments, subsidies, the ledger, closed at zero.
9. **Oversight**: reviews, claw-back and fines.
10. **Record**. Nothing is drawn here.

Within a month everyone acts on the providers' state at its start; requests for capacity are
collected first and granted in an order that no thread or row number can change.

Knows the world's state and who acts when; must not know Mesa, files, or any payment model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.accounts import credit_accounts, note_balances
from sim.alliances import capacity_with_posts
from sim.conditions import Tables, month_tables
from sim.covers import premiums_of_options, take_premiums
from sim.engine import kernels
from sim.engine.counting import Claims, Stays, new_claims, new_stays
from sim.engine.kernels import Requests, Tallies
from sim.engine.organization import PLAIN_MARGINALS, bed_capacity, places_capacity
from sim.engine.tables import (
    SESSIONS,
    Float,
    Int,
)
from sim.enrolment import choose_lists
from sim.money import Flows, pay
from sim.outlook import move_levers, practised_stay
from sim.recording import count_recorded, move_recording
from sim.tallies import History, Lever, PersonTally, ProviderTally, cell_traits
from sim.terms import open_year
from sim.world import MONTHS, World, activity_of, build_world, remember

__all__ = [
    "MONTHS",
    "Live",
    "Tables",
    "World",
    "activity_of",
    "build_world",
    "contact_capacity",
    "finished_history",
    "grant",
    "live",
    "make_room",
    "new_requests",
    "new_tallies",
    "run_month",
    "simulate",
]

_T = ProviderTally


def new_tallies(world: World) -> Tallies:
    """Return empty tallies of one month."""
    n, n_payers, n_groups = len(world.setting.beds), world.n_payers, len(world.setting.need_out)
    n_cells = len(cell_traits(n_payers)["payer"])

    def zeros(*shape: int) -> Int:
        return np.zeros(shape, dtype=np.int64)

    return Tallies(
        provider=zeros(n, n_payers, len(_T)),
        person=zeros(n_cells, len(PersonTally)),
        billed=zeros(n, n_payers, n_groups, 3),
        true_level=zeros(n, n_payers, n_groups, 3),
        days=zeros(n, n_payers, n_groups),
        visits_by_group=zeros(3, n_groups),
        patient_money=zeros(n, n_payers, 5, 2),
        episodes=zeros(n, n_payers, 2),
        uncovered=world.organizations.uncovered_share.copy(),
        documented=world.organizations.documented_share.copy(),
        stays=new_stays(0),
    )


def make_room(tallies: Tallies, requests: Requests) -> None:
    """Make room in the register for the stays of everyone who asked for a bed, in place.

    A stay is billed as two at most, and goes on in a bed at home and in a facility.
    """
    size = 4 * int(requests.used[0])
    for name in Stays._fields:
        if name != "used":
            getattr(tallies.stays, name).resize(size, refcheck=False)


def new_requests(size: int) -> Requests:
    """Return room for ``size`` requests for a bed."""
    return Requests(
        used=np.zeros(1, dtype=np.int64),
        person=np.zeros(size, dtype=np.int32),
        provider=np.zeros(size, dtype=np.int16),
        origin=np.zeros(size, dtype=np.int16),
        days=np.zeros(size),
        priority=np.zeros(size),
    )


def live(world: World, tables: Tables, tallies: Tallies) -> Claims:
    """Run steps 3 to 7 of the month for everyone, on columns."""
    c, t = world.columns, tallies
    size = len(c.age_months)
    active = np.empty(size, dtype=np.int32)
    chosen, origin = np.empty(size, dtype=np.int16), np.empty(size, dtype=np.int16)
    n_active = kernels.first_contacts(
        c, tables.keys, tables.need, tables.seek, tables.member, t, active, chosen, origin
    )
    # Copies of those in use alone: room for everyone would be kept for the whole month.
    active = active[:n_active].copy()
    chosen, origin = chosen[:n_active].copy(), origin[:n_active].copy()
    away = kernels.served_within_capacity(
        chosen, active, c.ep_rank[active], contact_capacity(world)
    )
    if len(away):
        kernels.turn_away_all(c, tables.member, t, active, away, chosen)
    requests = new_requests(n_active)
    # A person may be referred by a practice, seen at a hospital and admitted in one month, the stay
    # billed as two, and be discharged to a facility.
    most_claims = 0
    if world.with_claims:
        most_claims = 6 * n_active + int(np.count_nonzero(c.course >= SESSIONS))
    claims = new_claims(most_claims)
    kernels.care(
        c,
        tables.keys,
        tables.seek,
        tables.refer,
        tables.treat,
        tables.admit,
        tables.price,
        tables.member,
        t,
        active,
        chosen,
        origin,
        requests,
        claims,
    )
    make_room(t, requests)
    order, granted = grant(world, requests)
    kernels.stays_and_end(
        c,
        tables.keys,
        tables.stay,
        tables.treat,
        tables.price,
        tables.member,
        t,
        requests,
        order,
        granted,
        active,
        claims,
    )
    return claims


def contact_capacity(world: World) -> Float:
    """Return first contacts that each provider can see in a month (n,)."""
    contacts = capacity_with_posts(world) / world.contacts_per_first
    timing = world.setting.timing
    if timing is None:
        return np.asarray(contacts, dtype=np.float64)
    # The same hours at most: visits that take longer are fewer.
    longer = world.organizations.minutes / np.maximum(timing.minutes, 1e-9)
    return np.where(timing.minutes > 0.0, contacts / np.maximum(longer, 1e-9), contacts)


def grant(world: World, requests: Requests) -> tuple[Int, npt.NDArray[np.bool_]]:
    """Give beds by severity and months waited."""
    used = int(requests.used[0])
    return kernels.grant_beds(
        requests.provider[:used],
        requests.person[:used],
        requests.days[:used],
        requests.priority[:used],
        places_capacity(world.setting),
    )


Live = Callable[[World, Tables, Tallies], Claims]


def run_month(world: World, act: Live = live) -> None:
    """Take a world one month on.

    Parameters
    ----------
    world : World
        Changed in place.
    act : callable
        What runs steps 3 to 7: :func:`live` on columns, or agents doing the same.
    """
    if world.month % MONTHS == 0:
        open_year(world)
    move_levers(world)
    move_recording(world)
    tables = month_tables(world)
    tallies = new_tallies(world)
    choose_lists(world, tables, tallies)
    credit_accounts(world, tallies)
    take_premiums(world, tallies)
    claims = act(world, tables, tallies)
    note_balances(world, tallies)
    count_recorded(world, tallies)
    _count_time(world, tallies)
    remember(world, tallies)
    flows = pay(world, tallies)
    _observe_capacity(world, tallies)
    record_month(world, tallies, flows, claims)
    world.month += 1


def _count_time(world: World, tallies: Tallies) -> None:
    """Count the minutes of this month's visits, the sessions they fill and who works them."""
    timing, region = world.setting.timing, world.region
    if timing is None:
        return
    hundredths = np.floor(world.organizations.minutes * 100.0 + 0.5).astype(np.int64)
    done = tallies.provider[:, :, _T.VISITS] * hundredths[:, None]
    tallies.provider[:, :, _T.MINUTES] += done
    sessions = np.floor(done * (10.0 / timing.session) + 0.5).astype(np.int64)
    tallies.provider[:, :, _T.SESSIONS] += sessions
    physicians = region.providers.physicians * world.setting.scale * 1000.0
    works = np.where(timing.minutes > 0.0, np.floor(physicians + 0.5), 0.0)
    tallies.provider[:, 0, _T.PHYSICIANS] += works.astype(np.int64)


def _observe_capacity(world: World, tallies: Tallies) -> None:
    """Note occupancy, waits and contacts per first contact for next month's decisions."""
    total = tallies.provider.sum(axis=1)
    capacity = bed_capacity(world.setting)
    days = total[:, _T.BED_DAYS].astype(np.float64)
    mean_days = days / np.maximum(total[:, _T.ADMISSIONS], 1)
    wanted = days + total[:, _T.NO_BED] * mean_days
    world.load = np.where(capacity > 0.0, wanted / np.maximum(capacity, 1e-9), 0.0)
    visits = total[:, _T.VISITS].astype(np.float64)
    contacts = visits - total[:, _T.RETURN_VISITS]
    ratio = np.where(contacts > 0.0, visits / np.maximum(contacts, 1.0), 1.6)
    world.contacts_per_first = 0.8 * world.contacts_per_first + 0.2 * ratio
    away = total[:, _T.TURNED_AWAY] / np.maximum(contacts + total[:, _T.TURNED_AWAY], 1.0)
    list_wait = total[:, _T.WAITED] / np.maximum(total[:, _T.ADMISSIONS], 1)
    world.wait = 0.8 * world.wait + 0.2 * (away + 0.25 * list_wait)


def _mean_of_each(values: Float) -> Float:
    """Return each provider's mean (n,)."""
    others = tuple(range(1, values.ndim))
    return np.asarray(values.sum(axis=others) / values[0].size)


def record_month(world: World, tallies: Tallies, flows: Flows, claims: Claims) -> None:
    """Keep what a run reports; draws nothing and changes nobody."""
    org, setting = world.organizations, world.setting
    levers = np.zeros((len(setting.beds), len(Lever)))
    weights = world.rolling[-1].provider[:, :, _T.ADMISSIONS].sum(axis=1)
    for column, value in (
        (Lever.CODING, _mean_of_each(org.up_share[..., :2])),
        (Lever.DOCUMENTATION, org.document),
        (Lever.PREVENTION, org.prevention),
        (Lever.QUALITY_EFFORT, org.quality),
        (Lever.COST_EFFORT, org.cost),
        (Lever.STAY, _mean_of_each(practised_stay(world))),
        (Lever.INTENSITY, _mean_of_each(org.style_out)),
        (Lever.RETURN_VISITS, _mean_of_each(org.returns)),
        (Lever.BED_PRICE, org.bed),
        (Lever.OCCUPANCY, np.where(weights > 0, world.load, 0.0)),
        (Lever.WAIT, world.wait),
        (Lever.INCOME_WEIGHT, org.money),
        (Lever.SPLITTING, _mean_of_each(org.split)),
        (Lever.UNCOVERED, org.uncovered_share),
        (Lever.DOCUMENTED, org.documented_share),
    ):
        levers[:, column] = value
    uncovered = tallies.provider[:, :, _T.UNCOVERED_OUT] + tallies.provider[:, :, _T.UNCOVERED_IN]
    world.history.append(
        {
            "provider": tallies.provider,
            "person": tallies.person,
            "billed": tallies.billed,
            "true_level": tallies.true_level,
            "days": tallies.days,
            "visits_by_group": tallies.visits_by_group,
            "receipts": flows.receipts,
            "earned": (flows.receipts + uncovered).sum(axis=1),
            "uncovered": uncovered,
            "fund_paid": flows.fund_paid,
            "grants": flows.grants,
            "fixed_cost": flows.fixed + flows.levers,
            "clawback": flows.audit.claw_back_fen,
            "fine": flows.audit.fine_fen,
            "detected": flows.audit.detected,
            "undetected": flows.audit.undetected_fen,
            "fund_balance": world.ledger.balances_of(world.region.payers),
            "premiums": flows.premiums + premiums_of_options(world, tallies),
            "levers": levers,
        }
    )
    if world.with_claims:
        world.claims.append(_claims_written(claims, world.month))
    if world.month % MONTHS == MONTHS - 1:
        world.yearly_people.append(people_of_year(world))


def _claims_written(claims: Claims, month: int) -> dict[str, npt.NDArray[np.generic]]:
    """Return a month's claims as columns; the room that was not needed is given back.

    In place: a copy beside the original would be the most that a month with claims holds.
    """
    used = int(claims.used[0])
    table: dict[str, npt.NDArray[np.generic]] = {}
    for name in Claims._fields:
        if name != "used":
            column = getattr(claims, name)
            column.resize((used, *column.shape[1:]), refcheck=False)
            table[name] = column
    table["month"] = np.full(used, month, dtype=np.int16)
    return table


def people_of_year(world: World) -> dict[str, npt.NDArray[np.generic]]:
    """Return what each person spent in the accounting year that ends, with the person's traits."""
    c = world.columns
    health = np.minimum(np.bitwise_count(c.chronic), 2)
    return {
        "income": c.income * np.float32(world.income_growth),
        "fifth": c.fifth.copy(),
        "payer": c.scheme.copy(),
        "health": health.astype(np.uint8),
        "is_town": world.region.zones.is_town[c.zone].astype(np.uint8),
        "spent": c.spent_year.copy(),
        "patient_paid": c.oop_year.copy(),
        "spent_last": c.spent_last_year.copy(),
        "alive_all_year": (c.age_months >= MONTHS).astype(np.uint8),
    }


def finished_history(world: World) -> History:
    """Return the run's history in the form that outcomes read."""

    def stacked(name: str) -> npt.NDArray[Any]:
        return np.array([month[name] for month in world.history])

    marginal = {
        name: np.array([year[name] for year in world.yearly_marginals]) for name in PLAIN_MARGINALS
    }
    claims = None
    if world.with_claims:
        claims = {
            name: np.concatenate([part[name] for part in world.claims]) for name in world.claims[0]
        }
    plain = [
        f.name
        for f in fields(History)
        if f.name not in ("marginal", "people", "ledger", "accounts", "claims")
    ]
    return History(
        **{name: stacked(name) for name in plain},
        marginal=marginal,
        people=world.yearly_people,
        ledger=world.ledger.entries(),
        accounts=world.ledger.accounts(),
        claims=claims,
    )


def simulate(world: World, on_month: Callable[[int], None] | None = None) -> History:
    """Run a world to its end on columns.

    Parameters
    ----------
    world : World
        From :func:`build_world`; changed.
    on_month : callable, optional
        Told the number of months done, after each.

    Returns
    -------
    History
    """
    while world.month < world.months:
        run_month(world)
        if on_month is not None:
            on_month(world.month)
    return finished_history(world)
