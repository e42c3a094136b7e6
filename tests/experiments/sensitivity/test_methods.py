"""Methods: each has its sample, reads groups and choices rightly, and leaves nothing behind."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from experiments import sensitivity
from experiments.sensitivity.methods import METHODS
from experiments.sweep.design import SAMPLERS, Factor
from tests.experiments.sensitivity.lived import Array, cube, design, worked


def plain(x: Array, replicate: int = 0) -> Array:
    return np.asarray(4 * x[:, 0] + 2 * x[:, 1] + 0.1 * x[:, 2])


def test_every_sampler_that_a_method_asks_for_exists() -> None:
    asked = {s for m in METHODS.values() for s in (*m.samplers, m.remedy_sampler)}
    assert asked <= set(SAMPLERS)


@pytest.mark.parametrize("name", ["sobol", "delta", "pawn", "rbd_fast"])
def test_an_analysis_leaves_global_draws_and_warnings_as_they_were(name: str) -> None:
    np.random.seed(5)  # noqa: NPY002 - the global state is what is looked at
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is looked at
    format_of, filters = warnings.formatwarning, list(warnings.filters)
    results = worked(design(cube(2), METHODS[name].remedy_sampler, 64), plain_two)
    sensitivity.analyze(results, "y", method=name, resamples=5)
    after = np.random.get_state()[1]  # noqa: NPY002 - the global state is what is looked at
    np.testing.assert_array_equal(before, after)
    assert warnings.formatwarning is format_of
    assert list(warnings.filters) == filters


def plain_two(x: Array, replicate: int = 0) -> Array:
    return np.asarray(4 * x[:, 0] + 2 * x[:, 1])


@pytest.mark.slow
def test_the_same_results_give_the_same_indices_again() -> None:
    results = worked(design(cube(3), "latin_hypercube", 200), plain)
    for name in ("delta", "pawn", "rbd_fast"):
        one, two = (
            sensitivity.analyze(results, "y", method=name, resamples=5).table for _ in range(2)
        )
        assert one.equals(two)


def test_names_that_the_library_refuses_are_no_obstacle() -> None:
    factors = (Factor("share_raw"), Factor("rate_conf"))
    results = worked(design(factors, "latin_hypercube", 100), plain_two)
    found = sensitivity.analyze(results, "y", method="delta", resamples=5)
    assert found.verdicts["factor"].tolist() == ["share_raw", "rate_conf"]


def test_factors_of_a_group_are_one_to_sobol_and_themselves_to_delta() -> None:
    factors = (Factor("a", group="people"), Factor("b", group="people"), Factor("c"))
    results = worked(design(factors, "sobol", 512), lambda x, _: x[:, 0] + x[:, 1] + x[:, 2])
    found = sensitivity.analyze(results, "y")
    # three equal variances, two of them in the group; no false alarm within 0.03 in 40 sequences
    assert found.value("people", "S1") == pytest.approx(2 / 3, abs=0.03)
    assert found.value("c") == pytest.approx(1 / 3, abs=0.03)
    single = sensitivity.analyze(results, "y", method="delta", resamples=5)
    assert set(single.table["factor"]) == {"a", "b", "c"}
    assert "singly" in single.notes


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sobol", "delta", "pawn"])
def test_a_choice_among_categories_counts_like_any_factor(name: str) -> None:
    # four categories at 0, 1, 2, 3: variance 5/4; the number has variance 1/12 x 9 = 3/4
    factors = (Factor("model", categories=("a", "b", "c", "d")), Factor("x", 0.0, 3.0), Factor("z"))
    results = worked(
        design(factors, METHODS[name].remedy_sampler, 512), lambda x, _: x[:, 0] + x[:, 1]
    )
    found = sensitivity.analyze(results, "y", method=name, resamples=10)
    if name == "sobol":
        assert found.value("model") == pytest.approx(5 / 8, abs=0.03)
        assert found.value("x") == pytest.approx(3 / 8, abs=0.03)
        assert found.verdicts["factor"].tolist() == ["model", "x", "z"]
    verdict = found.verdicts.set_index("factor")["verdict"]
    assert verdict["model"] in ("decides", "most", "matters")
    assert verdict["z"] in ("hardly", "unclear")


def test_the_last_category_is_seen_by_methods_that_cut_slices() -> None:
    factors = (Factor("model", categories=("a", "b", "c")), Factor("z"))
    rng = np.random.default_rng(2)
    results = worked(
        design(factors, "latin_hypercube", 600),
        lambda x, _: (x[:, 0] == 2) + 0.3 * rng.normal(size=len(x)),
    )
    found = sensitivity.analyze(results, "y", method="pawn", resamples=5)
    assert found.value("model") > 0.3 > found.value("z")


def test_a_factor_on_a_log_scale_is_analyzed_where_it_was_drawn() -> None:
    # the logarithm is uniform, so that slopes are those of 2 u + v
    factors = (Factor("a", 1.0, 100.0, "loguniform"), Factor("b"))
    results = worked(
        design(factors, "finite_diff", 64),
        lambda x, _: 2 * np.log(x[:, 0]) / np.log(100.0) + x[:, 1],
    )
    found = sensitivity.analyze(results, "y", method="dgsm")
    assert found.value("a") == pytest.approx(4 * found.value("b"), rel=1e-6)


@pytest.mark.slow
def test_a_factor_without_influence_stays_at_the_floor_of_pawn() -> None:
    results = worked(design(cube(3), "random", 500), lambda x, _: x[:, 0])
    found = sensitivity.analyze(results, "y", method="pawn", resamples=20)
    assert found.value("x1") > 3 * found.value("x1", "floor")
    # one of 20 factors without influence lies above the floor; its interval says unclear or hardly
    verdict = found.verdicts.set_index("factor")["verdict"]
    assert set(verdict[["x2", "x3"]]) <= {"hardly", "unclear"}
