"""The people of a region as columns: who they are on the first day.

Knows the region's tables and keyed draws; must not know providers' behavior, contracts or money.

Every trait of a person is a function of (seed, person) alone, so that a larger population starts
with the very same people, and no rule here looks at the sample: fifths, scheme shares and contract
shares are met in expectation, by thresholds solved from the region's tables.

Notes
-----
Income: a score ``s = b town + z`` (z standard normal, b .9, assumed: town incomes are about 2.4
times rural ones in the nation) is turned into its rank u in the mixture of town and rural people,
and u into an income by a fixed curve: within fifth k income rises from ``c_k`` to ``c_(k+1)`` as
``c_k (c_(k+1) / c_k)^(v^g_k)``, the borders c being geometric means of neighboring fifths and
g_k such that the fifth's mean is the table's; the top fifth has a Pareto tail.

Scheme: employees (working, and retired from 60 for men and 55 for women) are drawn with
probability ``min(.95, c w)``, ``w = u^1.5``, doubled in towns (assumed), c such that the scheme's
share and its retired share are met. Those not insured are spread evenly over the rest. A payer
with an age (``from_age``) has everyone from that age on; the others share those below it.

Chronic conditions are independent given age, as the region's base rates suppose; the shared
frailty multiplier has mean 1 and is independent of them (assumed).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import IntEnum, unique
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.errors import ScenarioError
from sim.numerics import compiled_with_memory, normal_cdf, normal_quantile, power
from sim.randomness import Decision, key, subkey, uniforms
from sim.region import Region

__all__ = [
    "NO_GROUP",
    "NO_PROVIDER",
    "SESSIONS",
    "People",
    "newborns",
    "person_uids",
    "synthesize",
]

NO_GROUP: Final = 255
"""Value of ``ep_group`` and ``follow_group`` without an episode or a follow-up."""
NO_PROVIDER: Final = -1
"""Value of ``wait_provider`` and ``last_provider`` without a provider."""

SESSIONS: Final = 200
"""From here on ``course`` tells the condition that needs regular sessions for life."""

TOWN_INCOME_SHIFT: Final = 0.9
EMPLOYEE_RANK_POWER: Final = 1.5
EMPLOYEE_TOWN_RATIO: Final = 2.0
HIGHEST_EMPLOYEE_SHARE: Final = 0.95
WORKING_AGES: Final = (20, 60, 55)
"""First working age; age of retirement of men and of women."""
PRIORITY_AGES: Final = (7, 65)
"""Below the first and from the second, people are a priority group of family doctors."""
PRIORITY_CONDITIONS: Final = ("hypertension", "diabetes")
POOR_BY_FIFTH: Final = (0.8, 0.2, 0.0, 0.0, 0.0)
"""Where those entitled to medical assistance are (assumed)."""
_BLOCK: Final = 1 << 16
"""People drawn at once."""


@dataclass
class People:
    """One row a person (N rows); an entrant takes the slot of someone who died or left.

    Attributes
    ----------
    age_months : int16, months.
    sex : uint8, 0 male, 1 female.
    fifth : uint8, income fifth 0 (poorest) to 4.
    income : float32, disposable, CNY per year at the start.
    zone, scheme : uint8, index of the region's zone and payer.
    is_retired, is_poor, contract : uint8, 0 or 1.
    practice : int16, provider index of the own practice.
    chronic, control : uint16, bit c set: has condition c; has it under control.
    frailty : float32, log multiplier on hazards, mean of its exponential 1.
    generation : uint32, how often the slot was refilled.
    ep_group, ep_level, ep_rank, ep_untreated, ep_flags : the open episode: group (255 none),
        level 0-2, severity rank in (0, 1), months untreated, flags of the engine.
    wait_provider, wait_months : the list a person waits on (-1 none) and for how long.
    follow_group, follow_left : follow-up contacts still to come, and for which group.
    course : uint8, planned stays still to come, or ``SESSIONS`` plus the condition that needs
        regular sessions for life.
    last_provider : int16, provider seen last (-1 none).
    cover : uint8, row of the benefit package: the scheme's usual one, or an option chosen.
    spent_year, spent_last_year, oop_year, paid_out_year, own_covered_year : int32 fen: spending
        this and last year, own payments, fund payments for outpatient care, and the own share of
        covered inpatient spending this year.
    covered_out_year, covered_in_year : int32 fen: covered charges of this year, of visits and of
        care paid as inpatient.
    stays_year : uint8, stays this year.
    account : int32 fen in the individual account, start 0.
    experience_practice, experience_secondary, experience_tertiary : float32, start 0.
    """

    age_months: NDArray[np.int16]
    sex: NDArray[np.uint8]
    fifth: NDArray[np.uint8]
    income: NDArray[np.float32]
    zone: NDArray[np.uint8]
    scheme: NDArray[np.uint8]
    is_retired: NDArray[np.uint8]
    is_poor: NDArray[np.uint8]
    practice: NDArray[np.int16]
    contract: NDArray[np.uint8]
    cover: NDArray[np.uint8]
    chronic: NDArray[np.uint16]
    control: NDArray[np.uint16]
    frailty: NDArray[np.float32]
    generation: NDArray[np.uint32]
    ep_group: NDArray[np.uint8]
    ep_level: NDArray[np.uint8]
    ep_rank: NDArray[np.float32]
    ep_untreated: NDArray[np.uint8]
    ep_flags: NDArray[np.uint8]
    wait_provider: NDArray[np.int16]
    wait_months: NDArray[np.uint8]
    follow_group: NDArray[np.uint8]
    follow_left: NDArray[np.uint8]
    course: NDArray[np.uint8]
    anchor: NDArray[np.int16]
    anchor_left: NDArray[np.uint8]
    anchor_fen: NDArray[np.int32]
    last_provider: NDArray[np.int16]
    spent_year: NDArray[np.int32]
    spent_last_year: NDArray[np.int32]
    oop_year: NDArray[np.int32]
    paid_out_year: NDArray[np.int32]
    own_covered_year: NDArray[np.int32]
    covered_out_year: NDArray[np.int32]
    covered_in_year: NDArray[np.int32]
    stays_year: NDArray[np.uint8]
    account: NDArray[np.int32]
    experience_practice: NDArray[np.float32]
    experience_secondary: NDArray[np.float32]
    experience_tertiary: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.age_months)

    def uids(self) -> NDArray[np.uint64]:
        """Keys of the people's draws: ``generation << 32 | slot``, shape (N,)."""
        return person_uids(np.arange(len(self), dtype=np.uint64), self.generation)

    def copy(self) -> People:
        """The same people in memory of their own."""
        return People(**{f.name: getattr(self, f.name).copy() for f in fields(self)})


def person_uids(slots: NDArray[np.uint64], generation: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Key of each person's draws: ``generation << 32 | slot``.

    Parameters
    ----------
    slots, generation : shape (N,)

    Returns
    -------
    uint64, shape (N,)
    """
    return (generation.astype(np.uint64) << np.uint64(32)) | slots.astype(np.uint64)


def synthesize(region: Region, n: int, seed: int) -> People:
    """Draw the people of a region on the first day of a run.

    Parameters
    ----------
    region : the tables the traits are drawn from.
    n : persons, at least 1.
    seed : the run's seed; person i's row depends on nothing else but ``(region, seed, i)``.

    Returns
    -------
    People
        n rows, generation 0, nobody ill, nothing spent.

    Raises
    ------
    ScenarioError
        If n is not positive or the tables cannot be met (more employees than people who work).
    """
    if n < 1 or n >= 2**31:
        raise ScenarioError(
            "the number of people is outside its range",
            where="people",
            value=n,
            allowed="1 to 2147483647 persons",
            remedy="Choose a population of at least one person.",
        )
    first = _draw(region, _slots(0, n), seed, month=0, born=False)
    if n <= _BLOCK:
        return first
    people = People(
        **{f.name: np.empty(n, dtype=getattr(first, f.name).dtype) for f in fields(People)}
    )
    # Block by block: the draws of all at once would take more memory than the people.
    part = first
    for start in range(0, n, _BLOCK):
        if start > 0:
            part = _draw(region, _slots(start, n), seed, month=0, born=False)
        for f in fields(People):
            getattr(people, f.name)[start : start + len(part)] = getattr(part, f.name)
    return people


def _slots(start: int, n: int) -> NDArray[np.uint64]:
    """Slots of the block of people that begins with one of them."""
    return np.arange(start, min(start + _BLOCK, n), dtype=np.uint64)


def newborns(
    region: Region, uids: NDArray[np.uint64], zones: NDArray[np.uint8], seed: int, month: int
) -> People:
    """Draw children born in a month, who take the slots of people who died or left.

    Parameters
    ----------
    region : the tables the traits are drawn from.
    uids : (k,) keys of the children, with the new generation in them.
    zones : (k,) where they are born.
    seed, month : the run's seed and the month of birth.

    Returns
    -------
    People
        k rows of age 0, in the order of ``uids``.
    """
    people = _draw(region, uids, seed, month, born=True, zones=zones)
    people.generation[:] = (uids >> np.uint64(32)).astype(np.uint32)
    return people


# --- traits --------------------------------------------------------------------------------------


@unique
class _Trait(IntEnum):
    """Which draw of the synthesis; a number once given is never changed or given again."""

    AGE_SEX = 0
    BIRTH_MONTH = 1
    WORK = 2
    INSURED = 3
    POOR = 4
    CONTRACT = 5
    CHRONIC = 16
    CONTROL = 32
    SESSIONS = 48


def _draw(
    region: Region,
    uids: NDArray[np.uint64],
    seed: int,
    month: int,
    *,
    born: bool,
    zones: NDArray[np.uint8] | None = None,
) -> People:
    count = len(uids)

    synthesis = key(seed, month, Decision.SYNTHESIS)

    def trait(index: int) -> NDArray[np.float64]:
        return uniforms(np.uint64(subkey(synthesis, np.uint64(index))), uids)

    tables = region.people
    cells = tables.age_sex_share[:1] if born else tables.age_sex_share
    cell = _choose(cells.ravel(), trait(_Trait.AGE_SEX))
    age, sex = cell // 2, (cell % 2).astype(np.uint8)
    within = np.zeros(count) if born else np.floor(12 * trait(_Trait.BIRTH_MONTH))

    place = uniforms(key(seed, month, Decision.PLACE), uids)
    zone = _choose(region.zones.share, place).astype(np.uint8) if zones is None else zones
    town = region.zones.is_town[zone]

    town_share = float(region.zones.share[region.zones.is_town].sum())
    score = _normals(uniforms(key(seed, month, Decision.INCOME), uids))
    score = score + np.where(town, TOWN_INCOME_SHIFT, 0.0)
    rank = _ranks(score, town_share)
    fifth = np.minimum(np.floor(5 * rank), 4).astype(np.uint8)
    income = _incomes(rank, *_income_curve(*(float(mean) for mean in tables.income_fifth)))

    scheme, retired = _schemes(
        region, age, sex, town, rank, town_share, trait(_Trait.WORK), trait(_Trait.INSURED)
    )
    poor = trait(_Trait.POOR) < np.minimum(
        5 * tables.poor_share * np.array(POOR_BY_FIFTH)[fifth], 1.0
    )

    chronic = np.zeros(count, dtype=np.uint16)
    control = np.zeros(count, dtype=np.uint16)
    for c in range(len(region.chronic.ids)):
        has = trait(_Trait.CHRONIC + c) < region.chronic.prevalence[c, age]
        held = has & (trait(_Trait.CONTROL + c) < region.chronic.share_controlled[c])
        chronic |= has.astype(np.uint16) << np.uint16(c)
        control |= held.astype(np.uint16) << np.uint16(c)
    course = np.zeros(count, dtype=np.uint8)
    for c in np.flatnonzero(region.courses.share_sessions > 0.0)[::-1]:
        on_course = (chronic >> np.uint16(c)) & 1 > 0
        on_course &= trait(_Trait.SESSIONS + int(c)) < region.courses.share_sessions[c]
        course[on_course] = SESSIONS + c

    listed = [region.chronic.ids.index(c) for c in PRIORITY_CONDITIONS if c in region.chronic.ids]
    mask = np.uint16(sum(1 << c for c in listed))
    priority = (age < PRIORITY_AGES[0]) | (age >= PRIORITY_AGES[1]) | poor | (chronic & mask > 0)
    first, other = _contract_shares(region, listed)
    contract = trait(_Trait.CONTRACT) < np.where(priority, first, other)

    sd = tables.frailty_sd
    frailty = sd * _normals(uniforms(key(seed, month, Decision.FRAILTY), uids)) - 0.5 * sd * sd

    return People(
        age_months=(12 * age + within).astype(np.int16),
        sex=sex,
        fifth=fifth,
        income=income.astype(np.float32),
        zone=zone.astype(np.uint8),
        scheme=scheme,
        is_retired=retired.astype(np.uint8),
        is_poor=poor.astype(np.uint8),
        practice=region.zones.home_practice[zone].astype(np.int16),
        contract=contract.astype(np.uint8),
        cover=scheme.copy(),
        chronic=chronic,
        control=control,
        frailty=frailty.astype(np.float32),
        generation=np.zeros(count, dtype=np.uint32),
        ep_group=np.full(count, NO_GROUP, dtype=np.uint8),
        ep_level=np.zeros(count, dtype=np.uint8),
        ep_rank=np.zeros(count, dtype=np.float32),
        ep_untreated=np.zeros(count, dtype=np.uint8),
        ep_flags=np.zeros(count, dtype=np.uint8),
        wait_provider=np.full(count, NO_PROVIDER, dtype=np.int16),
        wait_months=np.zeros(count, dtype=np.uint8),
        follow_group=np.full(count, NO_GROUP, dtype=np.uint8),
        follow_left=np.zeros(count, dtype=np.uint8),
        course=course,
        anchor=np.full(count, -1, dtype=np.int16),
        anchor_left=np.zeros(count, dtype=np.uint8),
        anchor_fen=np.zeros(count, dtype=np.int32),
        last_provider=np.full(count, NO_PROVIDER, dtype=np.int16),
        spent_year=np.zeros(count, dtype=np.int32),
        spent_last_year=np.zeros(count, dtype=np.int32),
        oop_year=np.zeros(count, dtype=np.int32),
        paid_out_year=np.zeros(count, dtype=np.int32),
        own_covered_year=np.zeros(count, dtype=np.int32),
        covered_out_year=np.zeros(count, dtype=np.int32),
        covered_in_year=np.zeros(count, dtype=np.int32),
        stays_year=np.zeros(count, dtype=np.uint8),
        account=np.zeros(count, dtype=np.int32),
        experience_practice=np.zeros(count, dtype=np.float32),
        experience_secondary=np.zeros(count, dtype=np.float32),
        experience_tertiary=np.zeros(count, dtype=np.float32),
    )


def _choose(shares: NDArray[np.float64], draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """Category of each draw by the inverse of the cumulative shares."""
    steps = np.cumsum(shares)
    chosen = np.searchsorted(steps, draws * steps[-1], side="right")
    # rounding may carry the last draw past the end, or onto an empty last category
    last = int(np.flatnonzero(shares)[-1])
    return np.asarray(np.minimum(chosen, last), dtype=np.int64)


@compiled_with_memory
def _normals(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.empty_like(draws)
    for i in range(draws.shape[0]):
        found[i] = normal_quantile(draws[i])
    return found


@compiled_with_memory
def _ranks(score: NDArray[np.float64], town_share: float) -> NDArray[np.float64]:
    """Rank of an income score among town and rural people together."""
    found = np.empty_like(score)
    for i in range(score.shape[0]):
        found[i] = town_share * normal_cdf(score[i] - TOWN_INCOME_SHIFT) + (
            1.0 - town_share
        ) * normal_cdf(score[i])
    return found


@compiled_with_memory
def _incomes(
    rank: NDArray[np.float64],
    borders: NDArray[np.float64],
    bends: NDArray[np.float64],
    tail: float,
) -> NDArray[np.float64]:
    """Income at a rank; see the module's notes."""
    found = np.empty_like(rank)
    for i in range(rank.shape[0]):
        k = min(int(5.0 * rank[i]), 4)
        within = min(max(5.0 * rank[i] - k, 0.0), 1.0 - 1e-6)
        if k == 4:
            found[i] = borders[4] * power(1.0 - within, -tail)
        else:
            bent = 0.0 if within <= 0.0 else power(within, bends[k])
            found[i] = borders[k] * power(borders[k + 1] / borders[k], bent)
    return found


@compiled_with_memory
def _mean_of_curve(ratio: float, bend: float) -> float:
    """Mean of ``ratio^(v^bend)`` over v between 0 and 1."""
    total = 0.0
    for i in range(400):
        total += power(ratio, power((i + 0.5) / 400.0, bend))
    return total / 400.0


@cache
def _income_curve(*means: float) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Borders of the fifths, bends within them and the top's Pareto exponent (inverse).

    The curve has the table's mean in every fifth. The poorest person has 45 % of the lowest
    fifth's mean (assumed). Where two fifths are equal the curve is flat.
    """
    mean_of = np.array(means)
    borders = np.empty(5)
    borders[0] = 0.45 * means[0] if means[1] > means[0] else means[0]
    borders[1:] = np.sqrt(mean_of[:-1] * mean_of[1:])
    bends = np.ones(5)
    for k in range(4):
        low, ratio, mean = float(borders[k]), float(borders[k + 1] / borders[k]), float(means[k])
        if ratio > 1.0 + 1e-9:

            def too_high(
                bend: float, low: float = low, ratio: float = ratio, mean: float = mean
            ) -> bool:
                return bool(low * _mean_of_curve(ratio, bend) > mean)

            bends[k] = _bisect(too_high, 0.02, 50.0)
    # mean of c (1 - v)^(-t) over v is c / (1 - t)
    return borders, bends, float(1.0 - borders[4] / means[4])


def _bisect(go_up: Callable[[float], bool], low: float, high: float) -> float:
    """Number at which ``go_up`` turns false, between low and high."""
    for _ in range(50):
        half = 0.5 * (low + high)
        if go_up(half):
            low = half
        else:
            high = half
    return 0.5 * (low + high)


def _schemes(
    region: Region,
    age: NDArray[np.int64],
    sex: NDArray[np.uint8],
    town: NDArray[np.bool_],
    rank: NDArray[np.float64],
    town_share: float,
    work: NDArray[np.float64],
    insured: NDArray[np.float64],
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Each person's payer, and who is a retired member of the employee scheme."""
    shares = dict(zip(region.payers, region.people.scheme_share, strict=True))
    from_age = region.people.scheme_from_age
    for y in np.flatnonzero(from_age):
        shares.pop(region.payers[y])
    employee = shares.pop("employee-scheme", 0.0)
    start, men, women = WORKING_AGES
    leaving = np.where(sex == 1, women, men)
    old = age >= leaving
    able = (age >= start) & ~old

    ages = np.arange(region.people.age_sex_share.shape[0])
    limits = np.array([[men, women]])
    is_old = ages[:, None] >= limits
    is_able = (ages[:, None] >= start) & ~is_old
    chance = np.zeros(len(age))
    quota = employee * region.people.share_retired
    for group, table, wanted in ((old, is_old, quota), (able, is_able, employee - quota)):
        if wanted <= 0.0:
            continue
        among = float(region.people.age_sex_share[table].sum())
        scale = _employee_scale(wanted / among if among > 0 else np.inf, town_share)
        chance = np.where(group, _employee_chance(scale, town, rank), chance)
    is_employee = work < chance

    others = [p for p in region.payers if p in shares]
    scheme = np.empty(len(age), dtype=np.uint8)
    rest = np.array([shares[p] for p in others])
    if others and rest.sum() > 0:
        index = np.array([region.payers.index(p) for p in others])
        scheme[:] = index[_choose(rest, insured)]
    if employee > 0.0:
        scheme[is_employee] = region.payers.index("employee-scheme")
    for y in np.flatnonzero(from_age):
        scheme[age >= from_age[y]] = y
    return scheme, is_employee & old


def _employee_chance(
    scale: float, town: NDArray[np.bool_], rank: NDArray[np.float64]
) -> NDArray[np.float64]:
    # u^1.5 without the platform's power function: a root is exact everywhere
    weight = np.where(town, EMPLOYEE_TOWN_RATIO, 1.0) * rank * np.sqrt(rank)
    return np.minimum(HIGHEST_EMPLOYEE_SHARE, scale * weight)


@cache
def _employee_scale(wanted: float, town_share: float) -> float:
    """Scale of the employee chance that gives the wanted share of those of the age for it."""
    z = np.array([normal_quantile((i + 0.5) / 400) for i in range(400)])
    ranks = {True: _ranks(z + TOWN_INCOME_SHIFT, town_share), False: _ranks(z, town_share)}

    def share(scale: float) -> float:
        total = 0.0
        for is_town, weight in ((True, town_share), (False, 1.0 - town_share)):
            flags = np.full(len(z), is_town)
            total += weight * float(_employee_chance(scale, flags, ranks[is_town]).mean())
        return total

    if not wanted <= share(1e6):
        raise ScenarioError(
            "more members of the employee scheme than people of the age to be one",
            where="payers.csv: employee-scheme",
            value=f"{wanted:.3g} of them",
            allowed=f"at most {HIGHEST_EMPLOYEE_SHARE}",
            remedy="Lower the scheme's share or share_retired, or correct the ages in people.csv.",
        )
    return _bisect(lambda scale: share(scale) < wanted, 0.0, 1000.0)


def _contract_shares(region: Region, listed: list[int]) -> tuple[float, float]:
    """Contract shares of priority groups and of the others, giving the share of all."""
    tables = region.people
    by_age = tables.age_sex_share.sum(axis=1)
    ages = np.arange(len(by_age))
    poor = float(np.minimum(5 * tables.poor_share * np.array(POOR_BY_FIFTH), 1.0).mean())
    neither = np.full(len(by_age), 1.0 - poor)
    for c in listed:
        neither = neither * (1.0 - region.chronic.prevalence[c])
    neither[(ages < PRIORITY_AGES[0]) | (ages >= PRIORITY_AGES[1])] = 0.0
    others = float((by_age * neither).sum())
    first = tables.contract_share_priority
    if others <= 0.0:
        return first, 0.0
    rest = (tables.contract_share - first * (1.0 - others)) / others
    return first, min(max(rest, 0.0), 1.0)
