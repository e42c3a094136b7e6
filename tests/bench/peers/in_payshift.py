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
from sim.numerics import compiled, exp, inlined, logistic
from sim.randomness import key, uniform

BLOCK = 2_000


class Columns(NamedTuple):
    """What is known of each person."""

    age: np.ndarray
    chronic: np.ndarray
    income: np.ndarray
    zone: np.ndarray
    payer: np.ndarray
    health: np.ndarray


class Room(NamedTuple):
    """Lists of those who go on, and what they carry; reused by every block."""

    ill: np.ndarray
    severity: np.ndarray
    seeking: np.ndarray
    treated: np.ndarray


class Place(NamedTuple):
    """Providers and the contracts they are paid by."""

    practice_value: np.ndarray
    hospital_value: np.ndarray
    practice_steps: np.ndarray
    hospital_steps: np.ndarray
    altruism: np.ndarray
    cost: np.ndarray
    hospital_cost: np.ndarray
    fees: np.ndarray


class Counts(NamedTuple):
    """What a month came to: people, units by provider and payer, and money, in thousandths."""

    people: np.ndarray
    units: np.ndarray
    paid: np.ndarray


@inlined
def from_steps(steps: np.ndarray, draw: float) -> int:
    """Find a draw among cumulative probabilities by halving."""
    low, high = 0, len(steps) - 1
    while low < high:
        middle = (low + high) >> 1
        if steps[middle] < draw:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def by_logit(values: np.ndarray, draw: float) -> int:
    """Choose by a logit among few providers."""
    total = 0.0
    for place in range(len(values)):
        total += exp(values[place])
    left = draw * total
    for place in range(len(values)):
        left -= exp(values[place])
        if left < 0.0:
            return place
    return len(values) - 1


@compiled
def fall_ill(
    first: int, last: int, keys: np.ndarray, columns: Columns, ill: np.ndarray, severity: np.ndarray
) -> int:
    """Draw who is ill in a block; the others recover."""
    n = 0
    for i in range(first, last):
        health = float(columns.health[i])
        risk = -1.1 + 0.02 * (columns.age[i] - 40.0) + 0.5 * columns.chronic[i] - health
        uid = np.uint64(i)
        if uniform(keys[0], uid) < logistic(risk):
            ill[n] = i
            severity[n] = uniform(keys[1], uid) + 0.2 * columns.chronic[i]
            n += 1
        else:
            columns.health[i] = health + 0.02 * (1.0 - health)
    return n


@compiled
def seek(
    n: int,
    keys: np.ndarray,
    columns: Columns,
    ill: np.ndarray,
    severity: np.ndarray,
    seeking: np.ndarray,
) -> int:
    """Draw which of the ill seek care."""
    found = 0
    for row in range(n):
        i = ill[row]
        wish = -0.6 + 2.5 * severity[row] - PRICE / columns.income[i]
        seeking[found] = row
        found += uniform(keys[2], np.uint64(i)) < logistic(wish)
    return found


@compiled
def treat(
    n: int,
    is_exact: bool,
    is_fused: bool,
    keys: np.ndarray,
    columns: Columns,
    room: Room,
    place: Place,
    counts: Counts,
) -> None:
    """Choose a provider for those who seek care, treat them and refer some."""
    for number in range(n):
        row = room.seeking[number]
        i = room.ill[row]
        uid, zone, payer = np.uint64(i), columns.zone[i], columns.payer[i]
        severity, fee = room.severity[row], place.fees[payer]
        draw = uniform(keys[3], uid)
        if is_exact:
            at = by_logit(place.practice_value[zone], draw)
        else:
            at = from_steps(place.practice_steps[zone], draw)
        units = 2.0 * severity + place.altruism[at] + fee - place.cost[at]
        units = units if units > 0.0 else 0.0
        if is_fused:
            counts.people[3] += int(units * 1000.0 + 0.5)
            counts.paid[at] += int(fee * units * 1000.0 + 0.5)
        else:
            counts.units[payer, at] += int(units * 1000.0 + 0.5)
        if uniform(keys[4], uid) < logistic(-2.5 + 2.0 * severity - fee):
            counts.people[2] += 1
            draw = uniform(keys[5], uid)
            if is_exact:
                at = by_logit(place.hospital_value[zone], draw)
            else:
                at = from_steps(place.hospital_steps[zone], draw)
            more = 3.0 * severity + fee - place.hospital_cost[at]
            more = more if more > 0.0 else 0.0
            if is_fused:
                counts.people[4] += int(more * 1000.0 + 0.5)
                counts.paid[PRACTICES + at] += int(fee * more * 1000.0 + 0.5)
            else:
                counts.units[payer, PRACTICES + at] += int(more * 1000.0 + 0.5)
            units += more
        room.treated[row] = units


@compiled
def end(n: int, columns: Columns, room: Room) -> None:
    """Change the health of the ill by severity and treatment."""
    for row in range(n):
        i = room.ill[row]
        health = float(columns.health[i])
        change = 0.05 * (1.0 - health) - 0.12 * room.severity[row] / (1.0 + room.treated[row])
        health += change
        columns.health[i] = min(max(health, 0.05), 1.0)
        room.treated[row] = 0.0


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
        n = fall_ill(first, last, keys, columns, room.ill, room.severity)
        found = seek(n, keys, columns, room.ill, room.severity, room.seeking)
        treat(found, is_exact, is_fused, keys, columns, room, place, counts)
        end(n, columns, room)
        counts.people[0] += n
        counts.people[1] += found


def build(n: int, seed: int) -> tuple[Callable[[], None], Callable[[], dict[str, float]]]:
    """Give a step and an account of what happened."""
    s = setting()
    columns = Columns(**people(n))
    place = Place(
        s.practice_value,
        s.hospital_value,
        cumulative(s.practice_value),
        cumulative(s.hospital_value),
        s.altruism,
        s.cost,
        s.hospital_cost,
        np.array(FEES),
    )
    room = Room(
        np.zeros(BLOCK + 1, dtype=np.int64),
        np.zeros(BLOCK + 1),
        np.zeros(BLOCK + 1, dtype=np.int64),
        np.zeros(BLOCK + 1),
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
