"""A joint fit recovers a known truth, predicts a study unseen, and misses what contradicts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from experiments.calibration.joint import (
    Asked,
    Problem,
    fitted,
    left_out,
    misses,
    surface,
)

Float = npt.NDArray[np.float64]
TRUTH = np.array([0.7, 0.35, 0.5])
ORIGIN = np.array([0.5, 0.5, 0.5])


def _all(points: Float) -> Float:
    """Five studies that answer to two of three parameters."""
    a, b, _ = points.T
    return np.array([10.0 * a, 8.0 * b, 6.0 * a * b, 5.0 * (a - b), 4.0 * a**2 + b]).T


def _toy(point: Float) -> Float:
    """Answer one point."""
    return _all(point[None])[0]


def _published(half_band: float, wrong: float = 0.0) -> tuple[Asked, ...]:
    """What was published of the truth; the last study is off by so much."""
    values = _toy(TRUTH)
    values[-1] += wrong
    return tuple(
        Asked(f"s{i}", f"s{i}", value - half_band, value + half_band)
        for i, value in enumerate(values)
    )


def _is_in(one: Asked, value: float) -> bool:
    return one.low <= value <= one.high


def test_every_study_is_predicted_by_the_fit_that_never_saw_it() -> None:
    asked = _published(0.3)
    problem = Problem(asked, _all, ORIGIN, ORIGIN, ORIGIN)
    for study, point in left_out(problem).items():
        index = problem.studies.index(study)
        assert _is_in(asked[index], float(_toy(point)[index])), study
        assert np.abs(point - TRUTH)[:2].max() < 0.08
        # Nothing asks for the third parameter: it stays where it was believed to be.
        assert point[2] == pytest.approx(0.5, abs=1e-3)


def test_a_study_that_contradicts_the_others_is_missed_and_they_are_not() -> None:
    asked = _published(0.3, wrong=6.0)
    found = _toy(fitted(Problem(asked, _all, ORIGIN, ORIGIN, ORIGIN)))
    is_hit = [_is_in(one, float(value)) for one, value in zip(asked, found, strict=True)]
    assert is_hit == [True, True, True, True, False]


def test_a_study_left_out_does_not_move_the_fit() -> None:
    moved = Problem(_published(0.3, wrong=6.0), _all, ORIGIN, ORIGIN, ORIGIN)
    true = Problem(_published(0.3), _all, ORIGIN, ORIGIN, ORIGIN)
    assert fitted(moved, "s4") == pytest.approx(fitted(true, "s4"), abs=1e-9)


def test_what_no_point_reaches_is_missed_inside_the_ranges() -> None:
    # The first study answers by 10 at most.
    asked = (Asked("s0", "s0", 29.0, 31.0), *_published(0.3)[1:])
    point = fitted(Problem(asked, _all, ORIGIN, ORIGIN, ORIGIN))
    assert ((point >= 0.0) & (point <= 1.0)).all()
    assert _toy(point)[0] <= 10.0


def test_a_band_costs_nothing_inside_its_inner_half_and_one_at_its_edge() -> None:
    one = [Asked("a", "", -2.0, 6.0)]
    at = [misses(one, np.array([value]))[0] for value in (2.0, 4.0, 6.0, -2.0, 8.0)]
    assert at == [0.0, 0.0, 1.0, -1.0, 2.0]


def test_a_sign_alone_must_stand_out_by_its_margin() -> None:
    falls = [Asked("a", "", -100.0, 0.0, sign=-1, margin=2.0)]
    at = [misses(falls, np.array([value]))[0] for value in (-50.0, -2.0, 0.0, 2.0)]
    assert at == [0.0, 0.0, 1.0, 2.0]


def test_a_surface_finds_bends_and_products_through_luck() -> None:
    draw = np.random.default_rng(3)
    points = draw.random((80, 4))
    origin = np.full(4, 0.5)
    offset = points - origin
    truth = 3.0 * offset[:, 0] + 8.0 * offset[:, 1] ** 2 + 6.0 * offset[:, 0] * offset[:, 2]
    found = surface(points, truth + draw.normal(0.0, 0.3, 80), origin)
    assert found.form == "products"
    assert found.q2 > 0.8
    # At a corner: 3 x .5 + 8 x .25 + 6 x .25 = 5.
    assert found.change(np.array([[1.0, 1.0, 1.0, 0.5]]))[0] == pytest.approx(5.0, abs=0.8)
    assert found.change(origin[None])[0] == 0.0


def test_pure_luck_is_no_surface_and_is_held_constant() -> None:
    draw = np.random.default_rng(5)
    points = draw.random((60, 10))
    found = surface(points, draw.normal(0.0, 1.0, 60), np.full(10, 0.5))
    assert found.form == "none"
    assert found.q2 < 0.1
    assert not found.change(points).any()


def test_points_without_a_value_are_left_out() -> None:
    points = np.linspace(0.0, 1.0, 30)[:, None]
    values = 2.0 * points[:, 0]
    values[::3] = np.nan
    found = surface(points, values, np.array([0.0]))
    assert found.n == 20
    assert found.change(np.array([[1.0]]))[0] == pytest.approx(2.0, abs=0.01)


def test_with_few_points_the_few_inputs_that_matter_are_found() -> None:
    draw = np.random.default_rng(11)
    points, origin = draw.random((28, 16)), np.full(16, 0.5)
    offset = points - origin
    truth = 20.0 * offset[:, 3] - 12.0 * offset[:, 3] ** 2 + 5.0 * offset[:, 9]
    found = surface(points, truth + draw.normal(0.0, 0.5, 28), origin)
    assert found.form == "sparse"
    assert found.q2 > 0.9
    assert {int(i) % 16 for i in np.flatnonzero(found.weights)} >= {3, 9}
    # At the end of the third input: 20 x .5 - 12 x .25 = 7.
    end = origin.copy()
    end[3] = 1.0
    assert found.change(end[None])[0] == pytest.approx(7.0, abs=1.0)
    noise = surface(points, draw.normal(0.0, 1.0, 28), origin)
    assert noise.form == "none"
