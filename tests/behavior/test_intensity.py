"""The Ellis-McGuire component rule: exact facts on random parameters."""

import math

import numpy as np
import pytest

from sim.behavior import intensity

SETS = 500


def draws(seed: int, interior: bool = False):
    """Yield random parameter sets (m, k, e, a, w, c, p, q*, A, Vhk)."""
    rng = np.random.default_rng(seed)
    for _ in range(SETS):
        need = rng.uniform(0.2, 12.0)
        price = rng.uniform(1.0, 300.0)
        a = rng.uniform(0.1, 3.0)
        vhk = rng.uniform(2.0, 20.0) * price * need / 2.0
        A = 2.0 * a * vhk / need
        span = 0.15 * A if interior else 1.5 * A
        cost = rng.uniform(0.0, 1.0) * price
        yield {
            "receipts": cost + rng.uniform(-span, span),
            "cost": cost,
            "effort": rng.uniform(0.0, 0.3) * A / need,
            "altruism": a,
            "oop_weight": rng.uniform(0.0, 0.25),
            "coinsurance": rng.uniform(0.0, 1.0),
            "price": price,
            "need": need,
            "stake": A,
        }


def sign(x: float, tolerance: float = 1e-9) -> int:
    return 0 if abs(x) <= tolerance else int(math.copysign(1.0, x))


def test_the_stake_is_twice_the_weighted_health_over_need() -> None:
    assert intensity.stake(0.5, 100_000.0, 0.01, 0.4, 2.0) == pytest.approx(200.0, rel=1e-15)
    assert intensity.stake(0.5, 100_000.0, 0.01, 0.4, 0.0) == 0.0


def test_the_quantity_is_that_of_the_formula_clipped_to_twice_the_need() -> None:
    clipped = 0
    for s in draws(1):
        slope = s["receipts"] - s["cost"]
        slope -= s["altruism"] * s["oop_weight"] * s["coinsurance"] * s["price"]
        expected = (slope + s["stake"]) / (s["effort"] + s["stake"] / s["need"])
        bounded = min(max(expected, 0.0), 2.0 * s["need"])
        clipped += bounded != expected
        assert intensity.optimal_quantity(**s) == pytest.approx(bounded, rel=1e-9, abs=1e-9)
    assert 20 < clipped < SETS


def test_a_quantity_worked_out_in_steps_is_the_same_to_the_bit() -> None:
    for s in draws(7):
        slope = intensity.slope_of_utility(
            s["receipts"],
            s["cost"],
            s["altruism"],
            s["oop_weight"],
            s["coinsurance"],
            s["price"],
        )
        peak = intensity.peak_of_utility(slope, s["effort"], s["need"], s["stake"])
        assert intensity.within_need(peak, s["need"]) == intensity.optimal_quantity(**s)


def test_without_effort_and_coinsurance_care_exceeds_need_exactly_if_receipts_exceed_cost() -> None:
    for s in draws(2):
        s.update(effort=0.0, coinsurance=0.0)
        over = intensity.optimal_quantity(**s) - s["need"]
        assert sign(over) == sign(s["receipts"] - s["cost"])
        s["receipts"] = s["cost"]
        assert intensity.optimal_quantity(**s) == pytest.approx(s["need"], rel=1e-9)


def test_care_exceeds_need_exactly_if_the_net_margin_exceeds_effort_at_need() -> None:
    for s in draws(3):
        net = s["receipts"] - s["cost"] - s["effort"] * s["need"]
        net -= s["altruism"] * s["oop_weight"] * s["coinsurance"] * s["price"]
        assert sign(intensity.optimal_quantity(**s) - s["need"]) == sign(net)


def test_the_quantity_maximizes_the_utility_it_is_derived_from() -> None:
    for s in draws(4, interior=True):
        best = intensity.optimal_quantity(**s)
        peak = intensity.utility_of_quantity(best, **s)
        for step in (-0.1, 0.1):
            other = min(max(best + step * s["need"], 0.0), 2.0 * s["need"])
            assert intensity.utility_of_quantity(other, **s) <= peak + 1e-9 * abs(peak)


def test_boundless_altruism_gives_the_need_only_where_the_patients_payment_has_no_weight() -> None:
    for s in draws(5):
        vhk = s["stake"] * s["need"] / (2.0 * s["altruism"])
        huge = 1e9 * max(1.0, s["price"])
        s.update(altruism=huge, stake=2.0 * huge * vhk / s["need"])
        wcp = s["oop_weight"] * s["coinsurance"] * s["price"]
        limit = s["need"] * (1.0 - wcp * s["need"] / (2.0 * vhk))
        assert intensity.optimal_quantity(**s) == pytest.approx(max(limit, 0.0), abs=1e-6)
        s["oop_weight"] = 0.0
        assert intensity.optimal_quantity(**s) == pytest.approx(s["need"], rel=1e-6)


def test_the_fee_elasticity_equals_the_proportional_drop_when_the_fee_is_withdrawn() -> None:
    checked = 0
    for s in draws(6, interior=True):
        s["receipts"] = s["price"]
        without = dict(s, receipts=0.0)
        full, none = intensity.unbounded_quantity(**s), intensity.unbounded_quantity(**without)
        names = ("price", "cost", "altruism", "oop_weight", "coinsurance", "stake")
        elasticity = intensity.fee_elasticity(**{name: s[name] for name in names})
        assert 1.0 - none / full == pytest.approx(elasticity, rel=1e-9)
        h = 1e-6
        more = intensity.unbounded_quantity(**dict(s, receipts=s["price"] * (1 + h)))
        assert (more / full - 1.0) / h == pytest.approx(elasticity, rel=1e-6)
        for kept in (0.0, 0.3, 0.8):
            blend = intensity.unbounded_quantity(**dict(s, receipts=kept * s["price"]))
            assert 1.0 - blend / full == pytest.approx(
                (1.0 - kept) * elasticity, rel=1e-9, abs=1e-12
            )
        interior = none > 0.0 and full < 2.0 * s["need"]
        if interior:
            checked += 1
            assert elasticity < 1.0
            if s["effort"] == 0.0 and s["price"] > s["cost"]:
                assert elasticity < s["price"] / (2.0 * (s["price"] - s["cost"]))
    assert checked > 100


def test_without_altruism_and_effort_the_sign_of_the_margin_decides_alone() -> None:
    zero = {"effort": 0.0, "altruism": 0.0, "oop_weight": 0.0, "coinsurance": 0.0, "stake": 0.0}
    for receipts, expected in ((11.0, 6.0), (10.0, 3.0), (9.0, 0.0)):
        found = intensity.optimal_quantity(
            receipts=receipts, cost=10.0, price=10.0, need=3.0, **zero
        )
        assert found == expected


def test_practised_quantities_follow_the_truncated_normal_of_the_quantal_response() -> None:
    """Distribution function at nine points against scipy; exact, no chance involved."""
    from scipy import stats

    need, lambda_, K = 3.0, 0.8, 1.7
    sd = 1.0 / math.sqrt(lambda_ * K)
    for optimum in (-4.0, -0.5, 0.0, 2.0, 3.0, 5.9, 6.0, 9.0):
        law = stats.truncnorm((0.0 - optimum) / sd, (6.0 - optimum) / sd, optimum, sd)
        for u in (0.001, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.999):
            found = intensity.practised_quantity(optimum, need, lambda_, K, u)
            assert found == pytest.approx(float(law.ppf(u)), rel=1e-6, abs=1e-7)


def test_practised_quantities_rise_with_the_draw_and_stay_within_bounds() -> None:
    rng = np.random.default_rng(8)
    for _ in range(300):
        need = rng.uniform(0.1, 10.0)
        optimum = rng.uniform(-3.0, 5.0) * need
        lambda_, K = 10.0 ** rng.uniform(-3, 5), 10.0 ** rng.uniform(-2, 2)
        last = 0.0
        for u in np.linspace(0.001, 0.999, 21).tolist():
            quantity = intensity.practised_quantity(optimum, need, lambda_, K, u)
            assert last <= quantity <= 2.0 * need
            last = quantity


def test_a_precise_doctor_practises_the_optimum_and_an_aimless_one_anything() -> None:
    assert intensity.practised_quantity(2.5, 3.0, 1e12, 1.0, 0.9) == pytest.approx(2.5, abs=1e-5)
    assert intensity.practised_quantity(99.0, 3.0, 1e12, 1.0, 0.1) == 6.0
    assert intensity.practised_quantity(-9.0, 3.0, 1e12, 1.0, 0.9) == 0.0
    assert intensity.practised_quantity(2.5, 3.0, 0.0, 1.0, 0.25) == 1.5
    assert intensity.practised_quantity(0.0, 0.0, 1.0, 1.0, 0.25) == 0.0
