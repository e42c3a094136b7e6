"""Pay for performance: each form worked by hand, and what a point is worth among peers."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from sim.activity import MEASURES, Activity, Array
from sim.errors import PaymentError
from sim.payment import PaymentModel, build
from sim.payment._smoothing import STEP_BOUND, nodes, over_score
from sim.testing import sample_context, sample_year
from tests.payment.smoothed import brute, brute_in_score, chain

CONTEXT = sample_context()
CONTROL = MEASURES.index("chronic_control")


def contract(**terms: Any) -> PaymentModel:
    spec = {
        "level": 1.0,
        "measures": ["chronic_control"],
        "targets": {"chronic_control": 0.6},
        "of": "fee_for_service",
        **terms,
    }
    return build({"pay_for_performance": spec}, CONTEXT)


def year(values: list[float], income: float = 1000.0) -> Activity:
    """Give five providers with the same income and these values of control."""
    empty = Activity.zeros(5, 4)
    visits = np.zeros((5, 3))
    visits[:, 0] = income / CONTEXT.visit_fee[:, 0]
    num, den = np.zeros((5, len(MEASURES))), np.zeros((5, len(MEASURES)))
    num[:, CONTROL], den[:, CONTROL] = 100.0 * np.array(values), 100.0
    return empty.with_fields(visits=visits, quality_num=num, quality_den=den)


def pays(model: PaymentModel, values: list[float]) -> Array:
    return model.revenue(year(values))


VALUES = [0.45, 0.55, 0.6, 0.65, 0.8]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        # one tenth of the income from the target on
        ({"form": "threshold"}, [1000, 1000, 1100, 1100, 1100]),
        # from .5 to .7: nothing, a quarter, half, three quarters, all of the tenth
        ({"form": "linear"}, [1000, 1025, 1050, 1075, 1100]),
        # two of five win
        ({"form": "tournament", "winners": 0.4}, [1000, 1000, 1000, 1100, 1100]),
        # 2 % of 5,000 shared by 0, .25, .5, .75, 1
        (
            {"form": "withhold", "stake": 0.02},
            [980, 980 + 10, 980 + 20, 980 + 30, 980 + 40],
        ),
    ],
)
def test_each_form_pays_what_its_rule_says(terms: Any, expected: list[float]) -> None:
    np.testing.assert_allclose(pays(contract(**terms), VALUES), expected)


def test_what_is_withheld_is_all_paid_out() -> None:
    model = contract(form="withhold", stake=0.2)
    assert float(pays(model, VALUES).sum()) == pytest.approx(5000)
    # Nobody has a point: everyone has its own part back.
    np.testing.assert_allclose(pays(model, [0.1] * 5), 1000)


def test_those_who_tie_for_the_last_prize_all_win() -> None:
    paid = pays(contract(form="tournament", winners=0.2), [0.5, 0.7, 0.7, 0.6, 0.1])
    np.testing.assert_allclose(paid, [1000, 1100, 1100, 1000, 1000])


def test_who_has_nobody_to_measure_has_no_bonus() -> None:
    done = year(VALUES)
    den = done.quality_den.copy()
    den[4] = 0.0
    assert float(contract().revenue(done.with_fields(quality_den=den))[4]) == pytest.approx(1000)


def test_a_success_earns_the_stake_over_the_range_of_points() -> None:
    m = chain(contract(stake=0.25), year([0.6] * 5))
    # a success in a hundred is a twentieth of the points
    np.testing.assert_allclose(m.quality_num[:, CONTROL], 1000 * 0.25 * 0.05)
    np.testing.assert_allclose(m.visits[:, 0], CONTEXT.visit_fee[:, 0] * (1 + 0.25 * 0.5))


@pytest.mark.parametrize("value", [0.55, 0.59, 0.6, 0.63])
def test_near_a_threshold_a_success_earns_the_chance_of_reaching_it(value: float) -> None:
    m = chain(contract(form="threshold"), year([value] * 5), score_error=0.03)
    by_hand = brute_in_score(lambda v: np.where(v >= 0.6, 100.0, 0.0), value, 0.03)
    assert float(m.quality_num[0, CONTROL]) == pytest.approx(by_hand / 100.0, rel=0.06)


def test_in_a_tournament_a_success_earns_the_density_of_the_last_prize() -> None:
    # Two prizes: who has .59 or .61 must reach .63, who has .63 must stay above .61, so they are
    # 4/3, 2/3 and 2/3 of a standard deviation away; .45 and .80 are 6 away.
    error, bonus = 0.03, 0.1 * 1000.0
    m = chain(contract(form="tournament", winners=0.4), year([0.45, 0.59, 0.61, 0.63, 0.80]), error)
    away = np.array([6.0, 4.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 6.0])
    density = np.array([NormalDist().pdf(d) for d in away])
    per_success = bonus / error / 100.0
    np.testing.assert_allclose(
        m.quality_num[:, CONTROL], density * per_success, rtol=0, atol=STEP_BOUND * per_success
    )
    assert m.quality_num[0, CONTROL] == m.quality_num[4, CONTROL] == 0.0


def test_a_point_under_a_withhold_is_worth_its_value_less_the_own_share() -> None:
    model = contract(form="withhold", stake=0.1)
    done = year(VALUES)
    m = chain(model, done)
    points = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    own = points / points.sum()
    value_of_a_point = 0.1 * 5000 * 1000 / (1000 * points.sum())
    inside = points[1:4] > 0  # strictly between none and all
    by_hand = value_of_a_point * (1 - own) * 0.05
    np.testing.assert_allclose(m.quality_num[1:4, CONTROL][inside], by_hand[1:4], rtol=1e-6)


@pytest.mark.parametrize("form", ["linear", "withhold"])
@pytest.mark.parametrize(("name", "cell"), [("visits", (0,)), ("quality_num", (CONTROL,))])
def test_slope_equals_brute_differences(form: str, name: str, cell: tuple[int, ...]) -> None:
    done = sample_year(seed=4)
    done = done.with_fields(quality_num=done.quality_den * np.linspace(0.52, 0.68, 5)[:, None])
    model = contract(form=form, stake=0.3)
    found = getattr(chain(model, done), name)
    for j in (1, 3):
        expected = brute(model, done, j, name, cell, n_nodes=200)
        assert float(found[(j, *cell)]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"stake": 1.2}, "0 to 1 share"),
        ({"form": "treshold"}, "Did you mean 'threshold'"),
        ({"measures": ["control"]}, "unknown word"),
        ({"measures": {}}, "list of names"),
        ({"measures": {"experience": 0}}, "no measure has weight"),
        ({"targets": {}}, "has no target"),
        ({"targets": 0.6}, "by measure"),
        ({"winner": 0.5}, "Did you mean 'winners'"),
    ],
)
def test_a_bonus_nobody_could_sign_is_refused(terms: Any, words: str) -> None:
    with pytest.raises(PaymentError) as caught:
        contract(**terms)
    assert words in str(caught.value)
    assert "contract.pay_for_performance" in str(caught.value)


def test_a_step_seen_through_the_score_is_right_within_the_stated_bound() -> None:
    # By the tail of a normal distribution, at every distance on both sides and beyond the fan.
    away = np.linspace(-5.0, 5.0, 2001)
    _, slope = over_score(lambda s: np.where(s >= 0.0, 1.0, 0.0), -0.03 * away, 0.03)
    by_theory = np.array([NormalDist().pdf(d) for d in away])
    assert np.abs(0.03 * slope - by_theory).max() <= STEP_BOUND
    assert NormalDist().pdf(float(nodes()[-1])) <= STEP_BOUND
