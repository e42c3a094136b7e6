"""Convergence, shares of the seed, months and verdicts, against cases worked by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from experiments import sensitivity
from experiments.sensitivity.verdicts import verdicts
from sim.errors import ScenarioError
from tests.experiments.sensitivity.lived import Array, cube, design, worked


def test_shares_of_an_exact_sum_are_those_of_its_parts() -> None:
    # draws -1, 1 and seeds -3, 3, 0 without a rest: mean squares give 2 + 9 = 11 by hand
    draw, seed = np.array([-1.0, 1.0]), np.array([-3.0, 3.0, 0.0])
    found = sensitivity.shares_of_variance(draw[:, None] + seed).set_index("source")["share"]
    assert found["parameters"] == pytest.approx(2.0 / 11.0)
    assert found["seed"] == pytest.approx(9.0 / 11.0)
    assert found["both"] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.slow
def test_shares_of_the_seed_are_covered_by_their_intervals() -> None:
    # 200 made-up studies with shares 0.5, 0.3, 0.2; the interval is 95 %. Fewer than 88 % covered
    # would happen by chance in one of 10,000 tests.
    exact = np.array([0.5, 0.3, 0.2])
    rng = np.random.default_rng(11)
    covered = np.zeros(3)
    for _ in range(200):
        draw, seed = rng.normal(size=(40, 1)), rng.normal(size=(1, 5))
        rest = rng.normal(size=(40, 5))
        values = np.sqrt(exact[0]) * draw + np.sqrt(exact[1]) * seed + np.sqrt(exact[2]) * rest
        found = sensitivity.shares_of_variance(values, resamples=200)
        covered += ((found["low"] <= exact) & (exact <= found["high"])).to_numpy()
    assert (covered / 200 >= 0.88).all()


def test_a_study_without_chance_says_so() -> None:
    results = worked(design(cube(2), n=32, replicates=3), lambda x, _: x[:, 0])
    found = sensitivity.seed_share(results, "y").set_index("source")["share"]
    assert found["parameters"] == pytest.approx(1.0)


def test_more_runs_narrow_the_intervals_until_they_are_enough() -> None:
    def model(x: Array, _: int) -> Array:
        return np.asarray(3 * x[:, 0] + x[:, 1])

    small = sensitivity.converge(worked(design(cube(3), n=32), model), "y")
    large = sensitivity.converge(worked(design(cube(3), n=2048), model), "y")
    assert large.widest < small.widest
    assert not small.is_enough and large.is_enough
    assert small.n_needed > 2 * len(design(cube(3), n=32).points()) - 1
    sizes = sorted(large.table["n_draws"].unique())
    assert [b / a for a, b in itertools.pairwise(sizes)] == [2.0] * (len(sizes) - 1)
    assert sizes[-1] == 8 * 2048


def test_convergence_speaks_of_effects_relative_to_the_largest() -> None:
    results = worked(design(cube(2), "morris", 64), lambda x, _: 1e6 * x[:, 0] + 1e5 * x[:, 1])
    found = sensitivity.converge(results, "y")
    assert found.widest == pytest.approx(0.0, abs=1e-9)
    assert found.is_enough


def test_influence_moves_from_one_factor_to_the_other_over_the_months() -> None:
    # y(t) = (1 - t) a + t b over the unit cube: the share of b is t^2 / (t^2 + (1 - t)^2)
    plan = design(cube(2), n=256)
    x, time = plan.points(), np.linspace(0.0, 1.0, 5)
    months = (x[:, [0]] * (1 - time) + x[:, [1]] * time)[:, None, :]
    results = worked(plan, lambda points, _: points[:, 0], months=months)
    found = sensitivity.over_months(results, "y")
    share = found[found["factor"] == "x2"].set_index("month")["value"]
    exact = time**2 / (time**2 + (1 - time) ** 2)
    assert share.to_numpy() == pytest.approx(exact, abs=0.03)


def test_months_without_any_difference_have_no_index_and_the_others_do() -> None:
    plan = design(cube(2), n=32)
    months = np.repeat(plan.points()[:, [0]][:, :, None], 4, axis=2)
    months[:, :, :2] = 0.0
    found = sensitivity.over_months(worked(plan, lambda x, _: x[:, 0], months=months), "y")
    undefined = found.groupby("month")["value"].apply(lambda v: v.isna().all())
    assert undefined.tolist() == [True, True, False, False]


def test_a_month_without_a_case_is_bridged_by_a_window_or_refused() -> None:
    plan = design(cube(2), n=32)
    months = np.repeat(plan.points()[:, [0]][:, :, None], 4, axis=2)
    months[3, 0, 1] = math.nan
    results = worked(plan, lambda x, _: x[:, 0], months=months)
    with pytest.raises(ScenarioError, match="more months together"):
        sensitivity.over_months(results, "y")
    assert sensitivity.over_months(results, "y", every=2)["value"].notna().all()


def table(*rows: tuple[str, float, float, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["factor", "value", "low", "high"])
    return frame.assign(index="ST", label_en=frame["factor"], label_zh=frame["factor"], unit="")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("a", 0.8, 0.7, 0.9), ("b", 0.02, 0.0, 0.04)], ["decides", "hardly"]),
        ([("a", 0.5, 0.4, 0.6), ("b", 0.3, 0.2, 0.39)], ["most", "matters"]),
        ([("a", 0.5, 0.4, 0.6), ("b", 0.45, 0.3, 0.6)], ["matters", "matters"]),
        ([("a", 0.08, 0.02, 0.14)], ["unclear"]),
        ([("a", 0.4, math.nan, math.nan)], ["unknown"]),
    ],
)
def test_a_verdict_is_no_surer_than_the_interval(
    rows: list[tuple[str, float, float, float]], expected: list[str]
) -> None:
    assert verdicts(table(*rows), "ST", "variance")["verdict"].tolist() == expected


def test_a_floor_raises_what_counts_as_influence() -> None:
    rows = table(("a", 0.3, 0.25, 0.35), ("b", 0.12, 0.08, 0.16))
    floor = rows.assign(index="floor", value=0.2)
    found = verdicts(pd.concat([rows, floor]), "ST", "distance")
    assert found["verdict"].tolist() == ["most", "hardly"]


def test_the_effect_of_a_reform_is_analyzed_run_by_run() -> None:
    # the arms differ by 2 x; what they share, however large, cancels
    plan = design(cube(2), n=1024, arms=("today", "reform"))

    results = worked(plan, lambda x, _: 100.0 * x[:, 0])
    frame = results.frame.copy()
    is_reform = frame["arm"] == "reform"
    frame.loc[is_reform, "y"] += 2.0 * frame.loc[is_reform, "x2"]
    found = sensitivity.analyze(replace(results, frame=frame), "y", arm="reform", minus="today")
    assert found.value("x2") == pytest.approx(1.0, abs=0.02)
    assert found.value("x1") == pytest.approx(0.0, abs=0.02)
