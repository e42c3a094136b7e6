"""Points are exact, repeatable and inside their ranges; a design written down comes back equal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.sweep.design import SAMPLERS, Design, Factor, Sampler
from experiments.sweep.store import Plan
from sim.errors import ScenarioError
from sim.parameters import Parameter

FACTORS = (
    Factor("a", 0.0, 1.0, group="g"),
    Factor("b", 1.0, 100.0, "loguniform"),
    Factor("c", categories=("x", "y", "z")),
    Factor("d", -2.0, 2.0, "triangular", mode=1.0),
    Factor("e", 1.0, 4.0, "integer"),
)


def design(sampler: Sampler, factors: tuple[Factor, ...] = FACTORS, **more: object) -> Design:
    return Design(arms=("one", "two"), factors=factors, sampler=sampler, **more)


def sampler(name: str, **options: object) -> Sampler:
    if name == "given":
        options = {"points": [[0.5, 10.0, "y", 0.0, 2], [0.1, 1.0, "z", 1.0, 4]]}
    return Sampler(name, 65 if name == "fast" else 8, 3, options)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_draws_inside_the_ranges_and_the_same_again(name: str) -> None:
    factors = FACTORS
    if name in ("fast", "finite_diff", "latin", "shapley"):
        factors = tuple(Factor(**{**vars(f), "group": ""}) for f in FACTORS)
    one = design(sampler(name), factors)
    points = one.points()
    assert points.shape[0] >= 2 and points.shape[1] == 5
    assert np.array_equal(points, one.points())
    for factor, column in zip(factors, points.T, strict=True):
        high = factor.high - 1 if factor.categories else factor.high
        assert factor.low <= column.min() and column.max() <= high
    whole = points[:, [2, 4]]
    assert np.array_equal(whole, np.floor(whole))


def test_shares_become_values_by_the_inverse_of_the_distribution() -> None:
    # Medians by hand: sqrt(1 x 100); a triangle on 0..1 with its peak at 0 has F(x) = 1 - (1-x)^2.
    half = np.array([0.5])
    assert FACTORS[1].at(half)[0] == pytest.approx(10.0)
    assert Factor("t", 0.0, 1.0, "triangular", mode=0.0).at(half)[0] == pytest.approx(
        1.0 - math.sqrt(0.5)
    )
    assert FACTORS[2].at(np.array([0.0, 0.34, 0.67, 1.0])).tolist() == [0.0, 1.0, 2.0, 2.0]
    assert FACTORS[4].at(np.array([0.0, 0.26, 1.0])).tolist() == [1.0, 2.0, 4.0]


def test_values_become_the_shares_they_were_drawn_at() -> None:
    shares = np.linspace(0.0, 1.0, 41)
    for factor in FACTORS:
        again = factor.share(factor.at(shares))
        # a category and a whole number stand in the middle of their part of the range
        parts = factor.n_levels
        expected = shares if parts is None else (np.minimum(shares * parts // 1, parts - 1) + 0.5)
        assert again == pytest.approx(expected if parts is None else expected / parts, abs=1e-12)


def test_a_row_of_the_registry_becomes_a_factor_over_its_own_distribution() -> None:
    row = Parameter(
        "p", "ratio", 1.0, 4.0, 2.0, "triangular", "s", "assumed", "P", "参数", "uncertainty"
    )
    factor = Factor.of(row)
    assert (factor.low, factor.high, factor.distribution, factor.mode) == (1, 4, "triangular", 2)
    assert factor.at(np.array([1 / 3]))[0] == pytest.approx(2.0)  # F(mode) = (2 - 1) / (4 - 1)


def test_a_problem_is_new_each_time_and_scaled_as_the_points_are() -> None:
    from SALib.sample import latin

    one = design(sampler("latin_hypercube"), (FACTORS[1], FACTORS[3]))
    problem = one.problem()
    problem["bounds"].clear()
    assert one.problem()["bounds"] == [[1.0, 100.0], [-2.0, 2.0, 0.75]]
    theirs = latin.sample(one.problem(), 8, seed=3)
    ours = design(sampler("latin"), (FACTORS[1], FACTORS[3])).points()
    assert np.allclose(theirs, ours, rtol=1e-12)


def test_a_design_written_down_comes_back_equal_with_the_same_points_and_hash() -> None:
    one = design(sampler("given"), replicates=3, outcomes=("y",))
    again = Design.from_json(one.as_json())
    assert again == one and again.sha256() == one.sha256()
    assert np.array_equal(again.points(), one.points())
    other = design(sampler("given"), replicates=4, outcomes=("y",))
    assert other.sha256() != one.sha256()


def test_arms_alternate_and_a_replicate_has_one_seed_in_every_arm_and_draw() -> None:
    one = design(Sampler("random", 5), replicates=2, seed=11)
    plan = Plan(one, one.points(), "code")
    runs = [run for _, run, _ in plan.runs()]
    assert [run.arm for run in runs] == [0, 1] * 10
    assert {run.seed for run in runs if run.replicate == 0} == {11}
    assert len({run.seed for run in runs if run.replicate == 1}) == 1
    assert len({key for key, _, _ in plan.runs()}) == len(plan) == 20


def test_shards_share_out_all_runs_and_keep_arms_together() -> None:
    one = design(Sampler("random", 7), replicates=2)
    whole = [key for key, _, _ in Plan(one, one.points(), "code").runs()]
    parts = [Plan(one, one.points(), "code", shard=(i, 3)) for i in (1, 2, 3)]
    keys = [key for part in parts for key, _, _ in part.runs()]
    assert sorted(keys) == sorted(whole)
    for part in parts:
        assert len(part) % 2 == 0


def test_equal_draws_share_their_runs() -> None:
    options = {"points": [[0.5], [0.25], [0.5]]}
    one = design(Sampler("given", options=options), (Factor("a"),))
    plan = Plan(one, one.points(), "code")
    assert plan.first_draws.tolist() == [0, 1, 0]
    assert len(plan) == 4


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Factor("a", 1.0, 1.0), "not a range"),
        (lambda: Factor("a", 0.0, 1.0, "loguniform"), "above zero"),
        (lambda: Factor("a", 0.0, math.inf), "not a range"),
        (lambda: Factor("a", categories=("x",)), "two categories"),
        (lambda: Factor("a", 0.0, 1.0, "normal"), "unknown distribution"),
        (lambda: Sampler("sobel"), "unknown sampler"),
        (lambda: Sampler("sobol", 8, 0), "at least 1"),
        (lambda: design(Sampler(), (FACTORS[0], FACTORS[0])), "listed twice"),
        (lambda: design(Sampler("given", options={"points": [[2.0]]}), FACTORS[:1]).points(), "be"),
    ],
)
def test_a_design_that_cannot_be_drawn_is_refused(make: object, what: str) -> None:
    with pytest.raises(ScenarioError, match=what):
        make()


@pytest.mark.parametrize(("n", "advised"), [(10, "8 or 16"), (16, ""), (1, "")])
def test_a_sample_of_no_power_of_two_is_drawn_with_advice_and_without_a_warning(
    n: int, advised: str
) -> None:
    plan = Design(arms=("m",), factors=(Factor("a"), Factor("b")), sampler=Sampler("sobol", n))
    assert len(plan.points()) == 6 * n
    assert advised in plan.advice() and bool(plan.advice()) == bool(advised)
