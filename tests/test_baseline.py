"""The county at baseline: the committed record is the model's, misses included."""

import csv

import numpy as np
import pytest

from experiments.baseline import FITTED, MOMENTS, PACK, RECORD, Runner
from sim.scenario import load

# Known misses, each explained in docs/baseline.md; the list may only get shorter.
MISSES: set[str] = set()


@pytest.fixture(scope="module")
def record() -> dict[str, dict[str, str]]:
    with RECORD.open(newline="", encoding="utf-8") as file:
        return {row["moment"]: row for row in csv.DictReader(file)}


def test_the_record_holds_every_moment_beside_its_target(
    record: dict[str, dict[str, str]],
) -> None:
    for moment in (*MOMENTS, *PACK):
        row = record[moment.id]
        assert float(row["target"]) == pytest.approx(moment.target, rel=1e-5)
        inside = moment.low <= float(row["achieved"]) <= moment.high
        assert row["inside"] == ("yes" if inside else "no")


def test_every_moment_outside_its_band_is_a_known_miss(record: dict[str, dict[str, str]]) -> None:
    assert {name for name, row in record.items() if row["inside"] == "no"} <= MISSES


def test_only_parameters_graded_calibrated_were_fitted() -> None:
    parameters = load("china-county").region().parameters
    for fitted in FITTED:
        assert parameters[fitted.id].evidence == "calibrated", fitted.id
        assert fitted.low <= parameters[fitted.id].value <= fitted.high


@pytest.mark.slow
def test_a_fresh_run_agrees_with_the_record(record: dict[str, dict[str, str]]) -> None:
    """Two runs of 20,000 people; beyond six recorded standard deviations plus 2 %: p < 1e-6."""
    runs = Runner("china-county", (301, 302), 20_000, 2).many([{}])[0]
    for moment in MOMENTS:
        mean = float(np.mean([run[moment.id] for run in runs]))
        told, sd = float(record[moment.id]["achieved"]), float(record[moment.id]["sd"])
        assert abs(mean - told) < 6.0 * sd + 0.02 * abs(told), moment.id
