"""Functions whose indices are known, through the same sweep and store as any study."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from experiments import sensitivity
from experiments.sensitivity import known
from experiments.sensitivity.known import ISHIGAMI_A, ISHIGAMI_B
from experiments.sweep.design import Factor
from experiments.sweep.results import Results
from tests.bench.dispatch import two_workers
from tests.experiments.sensitivity.lived import Array, cube, design, lived, worked

OVER_PI = cube(3, -math.pi, math.pi)


def ishigami(points: Array, replicate: int = 0) -> Array:
    x = points.T
    bumps = ISHIGAMI_A * np.sin(x[1]) ** 2
    return np.asarray(np.sin(x[0]) + bumps + ISHIGAMI_B * x[2] ** 4 * np.sin(x[0]))


def g_function(points: Array, replicate: int = 0) -> Array:
    weights = np.array(known.G_WEIGHTS)
    return np.asarray(np.prod((np.abs(4.0 * points - 2.0) + weights) / (1.0 + weights), axis=1))


def values(found: sensitivity.Indices, index: str) -> Array:
    rows = found.table[found.table["index"] == index]
    return rows["value"].to_numpy(dtype=float)


def covers(found: sensitivity.Indices, index: str, exact: Array) -> Array:
    rows = found.table[found.table["index"] == index]
    return np.asarray((rows["low"] <= exact + 1e-12) & (exact - 1e-12 <= rows["high"]))


def hold(results: Results, exact: dict[str, Array], **options: bool) -> sensitivity.Indices:
    found = sensitivity.analyze(results, "y", **options)
    for index in ("S1", "ST"):
        error = np.abs(values(found, index) - exact[index]).max()
        assert error <= 0.02, (index, error)
    # Whether intervals hold what they should is no matter of one sequence, in which some of eight
    # may miss: see test_errors_and_intervals_hold_over_many_sequences.
    return found


@pytest.mark.slow
def test_ishigami_through_a_cluster_and_the_store_is_right_within_two_hundredths(
    tmp_path: Path,
) -> None:
    # False alarms: see test_errors_and_intervals_hold_over_many_sequences.
    with two_workers() as address:
        results = lived(design(OVER_PI, n=1024), tmp_path, known.ishigami_model, "dask", address)
    exact = known.ishigami_indices()
    found = hold(results, exact, second_order=True)
    pairs = found.pairs.set_index(["first", "second"])
    pair = pairs.loc[("x1", "x3")]
    assert pair["value"] == pytest.approx(exact["S2"][0], abs=0.02)
    assert pair["low"] <= exact["S2"][0] <= pair["high"]
    for other in (("x1", "x2"), ("x2", "x3")):
        assert pairs.loc[other, "low"] <= 0.0 <= pairs.loc[other, "high"]


@pytest.mark.slow
def test_the_g_function_through_processes_and_the_store_is_right_within_two_hundredths(
    tmp_path: Path,
) -> None:
    # False alarms: see test_errors_and_intervals_hold_over_many_sequences.
    results = lived(design(cube(8), n=1024), tmp_path, known.g_model, "process")
    hold(results, known.g_indices())


@pytest.mark.slow
def test_a_noisy_function_through_processes_and_the_store_is_right_within_two_hundredths(
    tmp_path: Path,
) -> None:
    # What the seed does differently at each point adds its variance to every total share, and
    # sampling error to all. Four seeds halve the noise of one: errors of noise have a standard
    # deviation near 0.005 a share, beside 0.005 of the sequence. With two seeds, 1 sequence in 15
    # has a first-order share that is off by more than 0.02, this one (0.023) among them.
    plan = design(OVER_PI, n=1024, replicates=4)
    results = lived(plan, tmp_path, known.noisy_model, "process")
    exact = known.noisy_indices(4)
    hold(results, exact)
    shares = sensitivity.seed_share(results, "y").set_index("source")
    for source, share in zip(("parameters", "seed", "both"), exact["shares"], strict=True):
        assert shares.loc[source, "low"] <= share <= shares.loc[source, "high"]
    # the part of the seed alone rests on two seeds; the other two parts on thousands of draws
    known_alone = shares.loc["both", "share"] / shares.loc["parameters", "share"]
    assert known_alone == pytest.approx(exact["shares"][2] / exact["shares"][0], rel=0.06)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "factors", "exact"),
    [
        (ishigami, OVER_PI, known.ishigami_indices()),
        (g_function, cube(8), known.g_indices()),
    ],
    ids=["ishigami", "g"],
)
def test_errors_and_intervals_hold_over_many_sequences(
    function: Callable[[Array, int], Array], factors: tuple[Factor, ...], exact: dict[str, Array]
) -> None:
    # 20 sequences not chosen for anything. With both halves of the sample, the largest error of a
    # first or total share lies near 0.005 (Ishigami) and 0.01 (G) and never above 0.02; with one
    # half (no second order) Ishigami's exceeds 0.02 in about one sequence in ten.
    errors = []
    covered: dict[str, list[Array]] = {"S1": [], "ST": []}
    for seed in range(1, 21):
        results = worked(design(factors, n=1024, seed=seed), function)
        found = sensitivity.analyze(results, "y", resamples=50)
        for index, hits in covered.items():
            errors.append(np.abs(values(found, index) - exact[index]).max())
            hits.append(covers(found, index, exact[index]))
    assert np.max(errors) <= 0.02
    # Bootstrap intervals take the sequence for random draws and are too wide for it. A factor
    # whose intervals of 95 % just held would be below 17 of 20 in 2 % of sets of sequences.
    for hits in covered.values():
        assert np.mean(hits) >= 0.95
        assert np.mean(hits, axis=0).min() >= 0.85


def test_morris_finds_what_a_linear_function_says_by_hand() -> None:
    # over the unit cube a step of x moves 3 x by 3, wherever it is taken
    results = worked(design(cube(3), "morris", 10), lambda x, _: 3 * x[:, 0] - x[:, 1])
    found = sensitivity.analyze(results, "y")
    assert values(found, "mu_star").tolist() == pytest.approx([3.0, 1.0, 0.0])
    assert values(found, "mu").tolist() == pytest.approx([3.0, -1.0, 0.0])
    assert values(found, "sigma").tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)


def test_one_at_a_time_gives_the_ends_and_a_paired_interval() -> None:
    # seeds shift everything alike, so that differences between draws are exact
    results = worked(
        design(cube(2), "one_at_a_time", 1, replicates=3, levels=3),
        lambda x, r: 10.0 * r + 4 * (x[:, 0] - 0.5) + (x[:, 1] - 0.5) ** 2,
    )
    found = sensitivity.analyze(results, "y")
    assert found.method == "oat"
    assert values(found, "swing").tolist() == pytest.approx([4.0, 0.25])
    rows = found.swings.set_index(["factor", "end"])
    assert rows.loc[("x1", "low"), "value"] == pytest.approx(-2.0)
    assert rows.loc[("x1", "high"), "low"] == pytest.approx(2.0)
    assert rows.loc[("x2", "low"), "at"] == 0.0


def test_a_seed_that_differs_by_draw_widens_the_interval_of_one_at_a_time() -> None:
    rng = np.random.default_rng(3)
    results = worked(
        design(cube(2), "one_at_a_time", 1, replicates=4, levels=2),
        lambda x, _: x[:, 0] + rng.normal(size=len(x)),
    )
    rows = sensitivity.analyze(results, "y").table
    assert ((rows["high"] - rows["low"]) > 0.5).all()
