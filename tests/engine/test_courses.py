"""Courses of care: planned stays in cycles and sessions for life, as rules and as people live."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.engine.person import after_stay, course_after_stay, is_unmet
from sim.engine.tables import (
    LISTED,
    NEEDS_BED,
    NO_GROUP,
    PLANNED,
    READMITTED,
    SEEN,
    SESSIONS,
)
from sim.month import World, build_world, run_month
from sim.scenario import load
from sim.tallies import ProviderTally as T
from sim.world import month_keys

# Many small runs: together more than a minute of the quick tests.
pytestmark = pytest.mark.slow

CANCER, OTHER = 0, 1
RULES: Any = SimpleNamespace(
    planned_start=np.array([0.25, 0.0]),
    planned_fewest=np.array([3, 0]),
    planned_most=np.array([6, 0]),
)
KEYS = month_keys(7, 5)


def course(uid: int, group: int = CANCER, needed: bool = True, flags: int = 1, now: int = 0) -> int:
    """Apply the rule as plain Python."""
    rule: Any = course_after_stay
    return int(rule.py_func(group, needed, flags, now, uid, KEYS, RULES))


def test_a_quarter_of_needed_stays_start_three_to_six_more_each_as_likely() -> None:
    drawn = np.array([course(uid) for uid in range(40_000)])
    counts = np.bincount(drawn, minlength=8)
    # Binomial standard deviations: 87 for those who start, 48 for each number of stays.
    assert abs(counts[1:].sum() - 10_000) < 5 * 87
    assert counts[[1, 2, 7]].tolist() == [0, 0, 0]
    assert np.abs(counts[3:7] - 2_500).max() < 5 * 48


def test_no_course_starts_without_need_nor_in_another_group() -> None:
    starting = next(uid for uid in range(100) if course(uid) > 0)
    assert course(starting, needed=False) == 0
    assert course(starting, group=OTHER) == 0


def test_each_planned_stay_counts_down_and_an_unplanned_return_does_not() -> None:
    assert [course(0, now=left) for left in (3, 2, 1)] == [2, 1, 0]
    assert course(0, flags=NEEDS_BED | READMITTED, now=3) == 3


def test_sessions_are_for_life() -> None:
    assert course(0, now=SESSIONS + 5) == SESSIONS + 5


def test_a_stay_to_come_keeps_the_episode_open_on_the_list_and_is_no_unmet_need() -> None:
    group, flags, follow_group, left = after_stay(4, True, False, 2, NO_GROUP, 0, 3)
    assert (group, flags) == (4, NEEDS_BED | SEEN | LISTED | PLANNED)
    assert (follow_group, left) == (NO_GROUP, 0)
    assert not is_unmet(group, flags)
    # Due and not given it is.
    assert is_unmet(group, flags & ~PLANNED)
    # The last stay ends the episode, with follow-up due.
    assert after_stay(4, True, False, 2, NO_GROUP, 0, 0) == (NO_GROUP, 0, 4, 2)
    assert after_stay(4, True, False, 2, NO_GROUP, 0, SESSIONS + 5) == (NO_GROUP, 0, 4, 2)


def county(population: int, **changes: Any) -> World:
    """Build the county, with some of its courses changed."""
    scenario = load("china-county")
    region = scenario.region()
    return build_world(
        replace(region, courses=replace(region.courses, **changes)),
        scenario.before,
        scenario.before,
        months_before=24,
        months=24,
        warm_up=0,
        seed=11,
        population=population,
    )


def test_a_course_makes_the_stays_that_the_data_count_and_no_more() -> None:
    """Stays of cancer in the second year, each needed one leading to two more, and with none.

    About 650 of 100,000 people: in clusters of three their sd is 45, without clusters 26, so that
    the bound is about 4.5 standard deviations of the difference; deaths and refusals cut chains.
    """
    region = load("china-county").region()
    cancer = np.array([name == "cancer" for name in region.groups.ids])
    stays = []
    for start in (1.0, 0.0):
        two = cancer * np.int64(2)
        world = county(100_000, start=cancer * start, fewest=two, most=two)
        for _month in range(24):
            run_month(world)
        months = world.history[12:]
        stays.append(sum(int(month["billed"][:, :, cancer].sum()) for month in months))
    assert stays[0] == pytest.approx(stays[1], rel=0.35)


def test_a_planned_stay_is_given_the_month_after_and_waits_for_nobody() -> None:
    region = load("china-county").region()
    cancer = np.array([name == "cancer" for name in region.groups.ids])
    three = cancer * np.int64(3)
    world = county(30_000, start=cancer * 1.0, fewest=three, most=three)
    given = due = 0
    for _month in range(12):
        planned = np.flatnonzero(world.columns.ep_flags & PLANNED)
        before = world.columns.course[planned].astype(int)
        generation = world.columns.generation[planned].copy()
        run_month(world)
        after = world.columns.course[planned].astype(int)
        alive = world.columns.generation[planned] == generation
        due += int(alive.sum())
        given += int((alive & (after == before - 1)).sum())
    assert due > 50
    # A hospital may still refuse, send up or be full; most of what is planned is given in time.
    assert given > 0.6 * due


def test_sessions_come_every_month_and_are_paid_as_inpatient_care() -> None:
    region = load("china-county").region()
    kidney = np.array([name == "ckd" for name in region.chronic.ids])
    world = county(
        2_000, share_sessions=kidney * 1.0, sessions_death=np.ones(len(kidney)),
        start=np.zeros(len(region.groups.ids)),
    )  # fmt: skip
    alone = county(2_000, share_sessions=kidney * 0.0, onset_sessions=kidney * 0.0,
                   start=np.zeros(len(region.groups.ids)))  # fmt: skip
    run_month(world)
    run_month(alone)
    on_course = int((world.columns.course >= SESSIONS).sum())
    sessions = int(region.courses.sessions_month.max())
    total = [w.history[0]["provider"].sum(axis=(0, 1)) for w in (world, alone)]
    extra = total[0] - total[1]
    assert on_course > 50
    assert extra[T.VISITS] == on_course * sessions
    assert extra[T.ADMISSIONS] == 0
    # About 78 % of covered charges for residents, more for employees and the poor.
    assert 0.7 < 1.0 - extra[T.PATIENT_OUT] / extra[T.COVERED_OUT] < 0.95
    assert extra[T.AID] > 0
