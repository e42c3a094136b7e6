"""Counties add up to a province: sums of sums, differences county by county."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.sweep.design import County, Design, Factor, Sampler
from experiments.sweep.executors import sweep
from experiments.sweep.files import read_sweep
from experiments.sweep.province import jackknife, province_of
from experiments.sweep.results import Results
from experiments.sweep.simulation import DENOMINATOR, NUMERATOR
from sim.cli import main
from sim.errors import ScenarioError, StoreError

COUNTIES = (
    County("a", "A", "甲", 2000, {"population": 1000}),
    County("b", "B", "乙", 600, {"population": 300}),
    County("c", "C", "丙", 400, {"population": 200}),
)
MONEY, INDEX = "spending_per_person", "use_concentration"


def design(**more: Any) -> Design:
    return Design(**{"arms": ("one", "two"), "outcomes": (MONEY, INDEX), "replicates": 3, **more})


def model(parameters: Mapping[str, Any], arm: str, seed: int) -> Mapping[str, float]:
    """A year in which everyone costs 100 CNY, in the second arm 1 CNY more and one in ten dies."""
    people = parameters["population"]
    months = 12 * people - (people // 10 if arm == "two" else 0)
    fen = people * (10_100 if arm == "two" else 10_000)
    return {
        MONEY: 0.12 * fen / months,
        NUMERATOR + MONEY: fen,
        DENOMINATOR + MONEY: months,
        INDEX: people / 1000.0,
    }


def test_a_province_is_the_sum_of_its_counties_and_not_their_mean(tmp_path: Path) -> None:
    sweep(design(counties=COUNTIES), tmp_path / "p.sqlite", model)
    found = province_of(Results.of(tmp_path / "p.sqlite"))
    assert (found.n_counties, found.residents, found.people) == (3, 3000, 1500)
    assert found.person_years == 3000.0
    one, two = (line for line in found.lines if line.outcome == MONEY)
    # Each person simulated stands for two: 3,000 residents at 100 CNY.
    assert one.value == pytest.approx(100.0) and one.total == pytest.approx(300_000.0)
    # 101 CNY over (12 - 0.1) months of twelve.
    assert two.value == pytest.approx(101.0 * 12.0 / 11.9) and two.total == pytest.approx(303_000.0)
    assert two.difference == pytest.approx(two.value - 100.0)
    assert (two.n_higher, two.n_lower) == (3, 0)
    # Every county has the same difference, so that the interval has no width.
    assert two.low == pytest.approx(two.high)
    # An index has no sums: its mean by residents, (2000 x 1 + 600 x .3 + 400 x .2) / 3000.
    index = next(line for line in found.lines if line.outcome == INDEX)
    assert index.is_mean and index.value == pytest.approx(2260.0 / 3000.0)
    assert math.isnan(index.total)


def test_replicates_go_round_the_counties_and_each_has_its_own_luck(tmp_path: Path) -> None:
    one = design(counties=COUNTIES, replicates=6)
    sweep(one, tmp_path / "p.sqlite", model)
    results = Results.of(tmp_path / "p.sqlite")
    frame = results.frame
    assert frame["county"][frame["arm"] == "one"].tolist() == ["a", "b", "c"] * 2
    assert frame["seed"].nunique() == 6 and frame["key"].nunique() == 12
    # Two replicates of a county stand for half of its residents each.
    found = province_of(results)
    assert found.person_years == 3000.0 and found.lines[0].total == pytest.approx(300_000.0)


def test_a_design_of_counties_written_down_comes_back_equal() -> None:
    one = design(counties=COUNTIES)
    assert Design.from_json(one.as_json()) == one
    assert one.points().shape == (1, 0)
    other = design(counties=(*COUNTIES[:2], County("c", "C", "丙", 401, {"population": 200})))
    assert other.sha256() != one.sha256()
    assert "counties" not in design().as_json()


def test_the_interval_over_counties_holds_the_truth_as_often_as_it_says() -> None:
    # 400 provinces of 30 counties; a 95 % interval misses 20 of them on average, and more than 36
    # or fewer than 7 less than once in a thousand times (binomial). Fixed seed.
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(400):
        people = rng.uniform(1.0, 3.0, 30)
        rate, effect = rng.normal(5.0, 1.0, 30), rng.normal(0.5, 1.0, 30)
        first = (people * rate, people)
        second = people * (rate + effect)
        difference = second.sum() / people.sum() - first[0].sum() / people.sum()
        missed += abs(difference - 0.5) > jackknife(second, people, first)
    assert 7 <= missed <= 36


def test_what_is_not_whole_or_varies_factors_is_no_province(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"

    def fails_in_b(parameters: Mapping[str, Any], arm: str, seed: int) -> Mapping[str, float]:
        if parameters["population"] == 300:
            raise ValueError("no")
        return model(parameters, arm, seed)

    sweep(design(counties=COUNTIES), path, fails_in_b)
    with pytest.raises(StoreError, match=r"2 runs are not there: B, arm one: failed"):
        province_of(Results.of(path))
    with pytest.raises(ScenarioError, match="multiple of 3"):
        design(counties=COUNTIES, replicates=4)
    with pytest.raises(ScenarioError, match="county is listed twice"):
        design(counties=(COUNTIES[0], *COUNTIES[:2]))
    varied = Design(("one",), (Factor("a"),), Sampler("random", 2), outcomes=("y",))
    other = tmp_path / "v.sqlite"
    sweep(varied, other, lambda parameters, arm, seed: {"y": 1.0})
    with pytest.raises(ScenarioError, match="varies factors"):
        province_of(Results.of(other))


FILE = """\
schema: 1
kind: sweep
title: {en: A, zh: 甲}
arms: [tiny-fee-for-service]
counties: {table: ./t.csv, share: 0.1}
set: {horizon: {warm_up: 6, baseline: 6, reform: 12}}
outcomes: [spending_per_person]
"""
TABLE = "id,name_en,name_zh,residents,altruism_scale\na,A,甲,2000,\nb,B,乙,5000,1.5\n"


def written(folder: Path, text: str = FILE, table: str = TABLE) -> Path:
    (folder / "t.csv").write_text(table, encoding="utf-8")
    (folder / "d.yaml").write_text(text, encoding="utf-8")
    return folder / "d.yaml"


def test_a_table_gives_each_county_its_people_and_what_else_is_its_own(tmp_path: Path) -> None:
    found = read_sweep(written(tmp_path))
    largest, other = found.design.counties
    assert (largest.id, largest.residents) == ("b", 5000)
    assert dict(largest.settings) == {"population": 500, "altruism_scale": 1.5}
    assert dict(other.settings) == {"population": 200}
    assert found.design.replicates == 2 and found.model.with_sums


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("5000", "many", "t.csv:3: residents: not a number of people"),
        ("residents", "people", "t.csv:1: a column is missing"),
        ("1.5", "abc", "county b, arm tiny-fee-for-service"),
        ("b,B", "a,B", "the county is listed twice"),
        ("乙,5000,1.5", "乙,5000", "t.csv:3: the row has another number of cells"),
        (
            "altruism_scale",
            "altruism_scal",
            "t.csv:1: unknown parameter, found 'altruism_scal'",
        ),
    ],
)
def test_a_mistake_in_the_table_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    with pytest.raises(ScenarioError) as told:
        read_sweep(written(tmp_path, table=TABLE.replace(old, new)))
    assert what in " ".join(error.message for error in told.value.all)


def test_factors_and_their_sampler_come_together_or_not_at_all(tmp_path: Path) -> None:
    for line in ("factors: [altruism_scale]\n", "sampler: sobol\n"):
        with pytest.raises(ScenarioError, match="both, or neither"):
            read_sweep(written(tmp_path, FILE + line))


@pytest.mark.slow
def test_a_province_is_one_sweep_and_its_sums_are_those_of_its_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, store = str(written(tmp_path)), tmp_path / "p.sqlite"
    assert main(["sweep", path, "--dry-run"]) == 0
    assert capsys.readouterr().out.strip() == "2 runs: 1 arm, 2 counties"
    assert main(["sweep", path, "--executor", "serial", "--out", str(store)]) == 0
    assert f"payshift province {store}" in capsys.readouterr().err
    assert main(["province", str(store)]) == 0
    assert "2 counties, 7,000 residents, 700 simulated in each arm" in capsys.readouterr().out
    assert main(["province", str(store), "--lang", "zh"]) == 0
    told = capsys.readouterr().out
    assert "2个县，常住人口7,000人" in told
    assert "元/人年" in told
    # Reading on: a store without factors has nothing for an analysis of factors to say.
    results = Results.of(store)
    (line,) = province_of(results).lines
    fen = [row.summary[NUMERATOR + line.outcome] for row in results.rows]
    assert all(amount == int(amount) for amount in fen)
    assert line.total == pytest.approx(sum(fen) * 0.01 * 10.0)
    capsys.readouterr()
    assert main(["sensitivity", str(store)]) == 2
    assert "varies no factors" in capsys.readouterr().err
