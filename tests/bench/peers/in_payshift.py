"""The reference month as rules of the project's staged engine.

Columns of small numbers, blocks of two thousand people, a list of those who go on after every
stage, keyed draws, its own exponential; no fastmath. ``--exact`` works the choice among providers
out for every visit; else it is read from a table by zone, which holds the same probabilities.
``--fused`` works money out where people are treated, provider by provider, and keeps no counts to
price: what it would save to let behavior know the price list.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from month import FEES, HOSPITALS, PRACTICES, PRICE, Totals, answer, cumulative, people, setting

import sim
from sim.numerics import compiled, exp, inlined, logistic, unchecked
from sim.randomness import key, uniform

BLOCK = 2_000
CELLS = 256


class Columns(NamedTuple):
    """What is known of each person."""

    age: np.ndarray
    chronic: np.ndarray
    income: np.ndarray
    zone: np.ndarray
    payer: np.ndarray
    health: np.ndarray


class Room(NamedTuple):
    """Lists of those who go on, and what they carry; reused by every block.

    ``chance``, ``draw`` and ``goes_on`` are of the stage in hand. ``ill`` are places in the block,
    with ``severity``, ``health`` and ``treated``; ``visit`` and ``onward`` are places in the list
    before. Places are unsigned: a number that may be negative is looked at twice.
    """

    chance: np.ndarray
    draw: np.ndarray
    goes_on: np.ndarray
    ill: np.ndarray
    severity: np.ndarray
    health: np.ndarray
    treated: np.ndarray
    visit: np.ndarray
    onward: np.ndarray
    weight: np.ndarray


class Place(NamedTuple):
    """Providers and the contracts they are paid by."""

    practice_value: np.ndarray
    hospital_value: np.ndarray
    practice_steps: np.ndarray
    practice_guide: np.ndarray
    hospital_steps: np.ndarray
    hospital_guide: np.ndarray
    altruism: np.ndarray
    cost: np.ndarray
    hospital_cost: np.ndarray
    fees: np.ndarray


class Counts(NamedTuple):
    """What a month came to: people, units by provider and payer, and money, in thousandths."""

    people: np.ndarray
    units: np.ndarray
    paid: np.ndarray


def guide_to(steps: np.ndarray) -> np.ndarray:
    """Give where to look for a draw: the first step at or above each of 256 even marks, by zone."""
    marks = np.arange(CELLS) / CELLS
    return np.array([np.searchsorted(row, marks) for row in steps], dtype=np.uint8)


@inlined
def from_steps(steps: np.ndarray, guide: np.ndarray, zone: int, draw: float) -> int:
    """Find a draw among cumulative probabilities, from the mark below it on."""
    place = guide[zone, int(draw * CELLS)]
    while steps[zone, place] < draw:
        place += 1
    return place


@inlined
def by_logit(values: np.ndarray, zone: int, draw: float, weight: np.ndarray) -> int:
    """Choose by a logit among few providers."""
    providers = values.shape[1]
    for place in range(providers):
        weight[place] = exp(values[zone, place])
    total = 0.0
    for place in range(providers):
        total += weight[place]
    left = draw * total
    for place in range(providers):
        left -= weight[place]
        if left < 0.0:
            return place
    return providers - 1


@compiled
def listed(n: int, goes_on: np.ndarray, places: np.ndarray) -> int:
    """List the places of those who go on."""
    found = 0
    for place in range(n):
        places[found] = place
        found += goes_on[place]
    return found


@compiled
def fall_ill(first: int, key_ill: int, key_severity: int, here: Columns, room: Room) -> int:
    """Draw who is ill in a block; the others recover."""
    age, chronic, health = here.age, here.chronic, here.health
    size = len(health)
    chance, goes_on, ill = room.chance, room.goes_on, room.ill
    for k in range(size):
        risk = -1.1 + 0.02 * (float(age[k]) - 40.0) + 0.5 * chronic[k] - float(health[k])
        chance[k] = logistic(risk)
    for k in range(size):
        goes_on[k] = uniform(key_ill, np.uint64(first + k)) < chance[k]
    n = listed(size, goes_on, ill)
    for row in range(n):
        room.health[row] = health[ill[row]]
        room.severity[row] = 0.2 * chronic[ill[row]]
        room.treated[row] = 0.0
    for row in range(n):
        uid = np.uint64(first) + ill[row]
        room.severity[row] = uniform(key_severity, uid) + room.severity[row]
    for k in range(size):
        now = float(health[k])
        health[k] = now if goes_on[k] else now + 0.02 * (1.0 - now)
    return n


@unchecked
def seek(first: int, n: int, key_seek: int, here: Columns, room: Room) -> int:
    """Draw which of the ill seek care."""
    income, ill, chance, goes_on = here.income, room.ill, room.chance, room.goes_on
    for row in range(n):
        wish = -0.6 + 2.5 * room.severity[row] - PRICE / income[ill[row]]
        chance[row] = logistic(wish)
    for row in range(n):
        goes_on[row] = uniform(key_seek, np.uint64(first) + ill[row]) < chance[row]
    return listed(n, goes_on, room.visit)


@compiled
def treat(
    first: int,
    n: int,
    is_exact: bool,
    is_fused: bool,
    key_practice: int,
    key_refer: int,
    here: Columns,
    room: Room,
    place: Place,
    counts: Counts,
) -> int:
    """Choose a practice for those who seek care and treat them; draw which are referred."""
    ill, visit, draws, chance, goes_on = room.ill, room.visit, room.draw, room.chance, room.goes_on
    for number in range(n):
        draws[number] = uniform(key_practice, np.uint64(first) + ill[visit[number]])
    for number in range(n):
        row = visit[number]
        zone, payer, draw = here.zone[ill[row]], here.payer[ill[row]], draws[number]
        severity, fee = room.severity[row], place.fees[payer]
        if is_exact:
            at = by_logit(place.practice_value, zone, draw, room.weight)
        else:
            at = from_steps(place.practice_steps, place.practice_guide, zone, draw)
        units = 2.0 * severity + place.altruism[at] + fee - place.cost[at]
        units = units if units > 0.0 else 0.0
        if is_fused:
            counts.people[3] += int(units * 1000.0 + 0.5)
            counts.paid[at] += int(fee * units * 1000.0 + 0.5)
        else:
            counts.units[payer, at] += int(units * 1000.0 + 0.5)
        room.treated[row] = units
        chance[number] = -2.5 + 2.0 * severity - fee
    for number in range(n):
        chance[number] = logistic(chance[number])
    for number in range(n):
        uid = np.uint64(first) + ill[visit[number]]
        goes_on[number] = uniform(key_refer, uid) < chance[number]
    return listed(n, goes_on, room.onward)


@compiled
def treat_in_hospital(
    first: int,
    n: int,
    is_exact: bool,
    is_fused: bool,
    key_hospital: int,
    here: Columns,
    room: Room,
    place: Place,
    counts: Counts,
) -> None:
    """Choose a hospital for those referred and treat them there."""
    for number in range(n):
        row = room.visit[room.onward[number]]
        i = room.ill[row]
        zone, payer = here.zone[i], here.payer[i]
        fee, draw = place.fees[payer], uniform(key_hospital, np.uint64(first) + i)
        if is_exact:
            at = by_logit(place.hospital_value, zone, draw, room.weight)
        else:
            at = from_steps(place.hospital_steps, place.hospital_guide, zone, draw)
        more = 3.0 * room.severity[row] + fee - place.hospital_cost[at]
        more = more if more > 0.0 else 0.0
        if is_fused:
            counts.people[4] += int(more * 1000.0 + 0.5)
            counts.paid[PRACTICES + at] += int(fee * more * 1000.0 + 0.5)
        else:
            counts.units[payer, PRACTICES + at] += int(more * 1000.0 + 0.5)
        room.treated[row] += more


@unchecked
def end(n: int, here: Columns, room: Room) -> None:
    """Change the health of the ill by severity and treatment."""
    health, severity, treated = room.health, room.severity, room.treated
    for row in range(n):
        now = health[row]
        now += 0.05 * (1.0 - now) - 0.12 * severity[row] / (1.0 + treated[row])
        health[row] = min(max(now, 0.05), 1.0)
    for row in range(n):
        here.health[room.ill[row]] = health[row]


@compiled
def live(
    is_exact: bool,
    is_fused: bool,
    keys: np.ndarray,
    columns: Columns,
    room: Room,
    place: Place,
    counts: Counts,
) -> None:
    """Let all live a month, block after block."""
    people_ = len(columns.health)
    for first in range(0, people_, BLOCK):
        last = min(first + BLOCK, people_)
        # A block's own columns begin at 0, which spares the question of what lies before.
        here = Columns(
            columns.age[first:last],
            columns.chronic[first:last],
            columns.income[first:last],
            columns.zone[first:last],
            columns.payer[first:last],
            columns.health[first:last],
        )
        n = fall_ill(first, keys[0], keys[1], here, room)
        found = seek(first, n, keys[2], here, room)
        onward = treat(
            first, found, is_exact, is_fused, keys[3], keys[4], here, room, place, counts
        )
        treat_in_hospital(first, onward, is_exact, is_fused, keys[5], here, room, place, counts)
        end(n, here, room)
        counts.people[0] += n
        counts.people[1] += found
        counts.people[2] += onward


def build(n: int, seed: int) -> tuple[Callable[[], None], Callable[[], dict[str, float]]]:
    """Give a step and an account of what happened."""
    s = setting()
    columns = Columns(**people(n))
    practice_steps, hospital_steps = cumulative(s.practice_value), cumulative(s.hospital_value)
    place = Place(
        s.practice_value,
        s.hospital_value,
        practice_steps,
        guide_to(practice_steps),
        hospital_steps,
        guide_to(hospital_steps),
        s.altruism,
        s.cost,
        s.hospital_cost,
        np.array(FEES),
    )
    size = BLOCK + 1
    room = Room(
        chance=np.zeros(size),
        goes_on=np.zeros(size, dtype=np.uint8),
        ill=np.zeros(size, dtype=np.uint64),
        severity=np.zeros(size),
        health=np.zeros(size),
        treated=np.zeros(size),
        visit=np.zeros(size, dtype=np.uint64),
        onward=np.zeros(size, dtype=np.uint64),
        draw=np.zeros(size),
        weight=np.zeros(PRACTICES),
    )
    totals = Totals()
    is_exact, is_fused = "--exact" in EXTRA, "--fused" in EXTRA

    def step() -> None:
        keys = np.array([key(seed, totals.months, d) for d in range(6)], dtype=np.uint64)
        counts = Counts(
            np.zeros(5, dtype=np.int64),
            np.zeros((2, PRACTICES + HOSPITALS), np.int64),
            np.zeros(PRACTICES + HOSPITALS, np.int64),
        )
        live(is_exact, is_fused, keys, columns, room, place, counts)
        units = counts.units / 1000.0
        if is_fused:
            totals.paid += counts.paid / 1000.0
            totals.units += counts.people[3] / 1000.0
            totals.hospital_units += counts.people[4] / 1000.0
        else:
            # The payer reads counts alone: money is worked out after people have lived.
            totals.paid += np.array(FEES) @ units
            totals.units += float(units[:, :PRACTICES].sum())
            totals.hospital_units += float(units[:, PRACTICES:].sum())
        totals.months += 1
        totals.ill += int(counts.people[0])
        totals.visits += int(counts.people[1])
        totals.referrals += int(counts.people[2])

    return step, lambda: totals.as_data(n, float(columns.health.mean(dtype=np.float64)))


EXTRA = [word for word in sys.argv[1:] if word in ("--exact", "--fused")]

if __name__ == "__main__":
    sys.argv = [word for word in sys.argv if word not in EXTRA]
    answer(build, {"payshift": sim.__version__})
