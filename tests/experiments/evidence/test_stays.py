"""What is read of single stays, worked by hand on a few claims."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.evidence import reforms
from experiments.evidence.findings import FromStays, findings, read_finding
from experiments.evidence.replay import is_lived
from experiments.evidence.stays import Ask, stay_measure
from sim.errors import ScenarioError

STAY, OUTPATIENT, AFTERCARE = 2, 1, 128
REGION: Any = SimpleNamespace(
    payers=("old", "young"), groups=SimpleNamespace(ids=("joint", "heart"))
)


def _history(*rows: tuple[int, int, int, int, int, int, int, int, int, int]) -> Any:
    """Claims: person, month, payer, setting, group, true level, billed level, days, fen, flags."""
    names = ("person_uid", "month", "payer", "setting", "group", "level_true", "level_billed",
             "days", "charge_fen", "flags")  # fmt: skip
    columns = np.array(rows, dtype=np.int64).T
    return SimpleNamespace(claims=dict(zip(names, columns, strict=True)))


def test_the_top_level_is_a_share_of_the_stays_of_one_payer_in_some_months() -> None:
    history = _history(
        (1, 12, 0, STAY, 0, 1, 2, 5, 100, 0),
        (2, 13, 0, STAY, 1, 0, 0, 5, 100, 0),
        (3, 13, 1, STAY, 1, 2, 2, 5, 100, 0),  # the other payer
        (4, 11, 0, STAY, 1, 2, 2, 5, 100, 0),  # too early
        (5, 12, 0, OUTPATIENT, 1, 2, 2, 0, 100, 0),
        (1, 12, 0, STAY, 0, 2, 2, 20, 100, AFTERCARE),  # days in a facility are no stay
    )
    assert stay_measure(history, REGION, Ask("top_level_share", 12, 14, payer="old")) == 0.5


def test_an_episode_counts_all_its_patient_costs_for_three_months() -> None:
    history = _history(
        (1, 12, 0, STAY, 0, 0, 0, 5, 1000_00, 0),
        (1, 12, 0, STAY, 0, 0, 0, 20, 300_00, AFTERCARE),
        (1, 14, 0, OUTPATIENT, 1, 0, 0, 0, 50_00, 0),
        (1, 15, 0, OUTPATIENT, 1, 0, 0, 0, 900_00, 0),  # the fourth month
        (1, 11, 0, OUTPATIENT, 1, 0, 0, 0, 900_00, 0),  # before
        (2, 13, 0, STAY, 0, 0, 0, 5, 650_00, 0),
        (3, 13, 0, STAY, 1, 0, 0, 5, 999_00, 0),  # another group
    )
    ask = Ask("episode_charge", 12, 24, payer="old", group="joint")
    # 1,350 and 650.
    assert stay_measure(history, REGION, ask) == 1000.0


def test_a_payer_by_case_pays_stays_of_a_kind_what_they_cost_the_year_before() -> None:
    history = _history(
        (7, 3, 0, STAY, 0, 0, 0, 5, 800_00, 0),
        (8, 11, 0, STAY, 0, 0, 0, 5, 1200_00, 0),
        (8, 11, 0, STAY, 0, 0, 0, 20, 5000_00, AFTERCARE),  # days in a facility are no stay
        (9, 11, 1, STAY, 0, 0, 0, 5, 9000_00, 0),  # the other payer
        (9, 11, 0, STAY, 0, 0, 2, 5, 4000_00, 0),  # billed at another level
        (1, 12, 0, STAY, 0, 0, 0, 5, 100_00, 0),  # 1,000 all the same
        (1, 12, 0, STAY, 0, 0, 0, 20, 300_00, AFTERCARE),
        (1, 13, 0, OUTPATIENT, 1, 0, 0, 0, 50_00, 0),
        (1, 13, 0, STAY, 1, 0, 0, 5, 650_00, 0),  # no such stay the year before: its own charge
    )
    ask = Ask("episode_payment", 12, 13, payer="old", group="joint")
    assert stay_measure(history, REGION, ask) == 1000.0 + 300.0 + 50.0 + 650.0


def test_a_facility_is_counted_where_days_there_follow_the_stay() -> None:
    history = _history(
        (1, 12, 0, STAY, 0, 0, 0, 5, 1, 0),
        (1, 13, 0, STAY, 0, 0, 0, 20, 1, AFTERCARE),
        (2, 12, 0, STAY, 0, 0, 0, 5, 1, 0),
        (2, 14, 0, STAY, 0, 0, 0, 20, 1, AFTERCARE),  # two months later: another matter
        (3, 12, 0, STAY, 0, 0, 0, 5, 1, 0),
        (4, 12, 0, STAY, 0, 0, 0, 5, 1, 0),
    )
    assert stay_measure(history, REGION, Ask("facility_share", 12, 24, group="joint")) == 0.25


def test_the_spread_of_days_is_that_inside_groups_and_billed_levels() -> None:
    # Two cells, the second ten times as long: what differs between cells does not count.
    history = _history(
        *[(i, 12, 0, STAY, 0, 0, 0, d, 1, 0) for i, d in enumerate((1, 4))],
        *[(i, 12, 0, STAY, 1, 0, 0, d, 1, 0) for i, d in enumerate((10, 40))],
    )
    # ln 4 = 1.386 between the two: variance 1.386^2 / 2 in each cell.
    assert stay_measure(history, REGION, Ask("days_ln_sd", 12, 24)) == pytest.approx(
        math.log(4.0) / math.sqrt(2.0)
    )


def test_the_ratio_of_levels_is_taken_group_by_group_and_weighted_by_stays() -> None:
    rows = [(i, 12, 0, STAY, 0, 2, 2, 5, 300, 0) for i in range(20)]
    rows += [(i, 12, 0, STAY, 0, 0, 0, 5, 100, 0) for i in range(20)]
    rows += [(i, 12, 0, STAY, 1, 2, 2, 5, 500, 0) for i in range(20)]
    rows += [(i, 12, 0, STAY, 1, 0, 0, 5, 500, 0) for i in range(100)]
    # Ratios 3 and 1, weights 40 and 120.
    found = stay_measure(_history(*rows), REGION, Ask("level_charge_ratio", 12, 24))
    assert found == pytest.approx(1.5)
    few = stay_measure(_history(*rows[:30]), REGION, Ask("level_charge_ratio", 12, 24))
    assert math.isnan(few)


def test_findings_that_read_stays_are_lived_in_twin_worlds_or_in_a_baseline() -> None:
    by_id = {each.id: each for each in findings()}
    assert is_lived(by_id["C14"]) and is_lived(by_id["C5"]) and not is_lived(by_id["C8"])
    _, twins = reforms.stays_and_design(by_id["C15"], 2, 1, 500)
    assert twins.arms == ("control", "treated")
    worlds, one = reforms.stays_and_design(by_id["C5"], 2, 1, 500)
    assert one.arms == ("baseline",)
    # The baseline year, after the warm-up.
    assert (worlds.asks["stay_ln_sd"].first, worlds.asks["stay_ln_sd"].last) == (12, 24)
    for target in by_id["C15"].targets:
        assert isinstance(target.way, FromStays)


def test_the_wider_gap_is_half_as_wide_again_at_every_step() -> None:
    # The table in the file is the region's own, not one written for the answer.
    from sim.scenario import load

    groups = load("us-metro").region().groups
    own = groups.weight[:, np.newaxis] * groups.weight_level
    reform = {each.id: each for each in findings()}["C14"].form.reform
    assert reform is not None and reform.treated.payment is not None
    contract = reform.treated.payment[0]["contract"]["blend"][0]["contract"]
    wide = np.array(contract["drg"]["weights"])
    assert wide - wide[:, :1] == pytest.approx(1.5 * (own - own[:, :1]), abs=2e-4)
    assert wide[:, 0] == pytest.approx(own[:, 0], abs=1e-4)


def test_stays_of_an_unknown_group_are_told_by_line(tmp_path: Any) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        """schema: 1
kind: finding
id: mine
title: {en: "Stays", zh: "住院"}
use: unseen
setting: {en: "Somewhere.", zh: "某地。"}
source: {citation: "Somebody, 2030", grade: seen}
targets:
  - id: days
    label: {en: "Days", zh: "住院日"}
    published: 4
    band: [3, 5]
    simulated: {stays: {region: us-metro, measure: days_ln_sd, group: joints}}
""",
        encoding="utf-8",
    )
    with pytest.raises(ScenarioError) as caught:
        read_finding(path)
    assert "mine.yaml:13" in str(caught.value)
    assert "joint_replacement" in str(caught.value)
