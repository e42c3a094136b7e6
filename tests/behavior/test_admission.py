"""Admit, defer, transfer or refuse, and the price of a bed."""

import numpy as np
import pytest

from sim.behavior import (
    admission,
    capacity,
)


def test_admission_weighs_margin_health_payment_and_the_bed() -> None:
    found = admission.admit_utility(500.0, 1.2, 0.4, 1e5, 0.02, 0.1, 1000.0, 150.0)
    assert found == pytest.approx(600.0 + 0.4 * (2000.0 - 100.0) - 150.0)


def test_deferring_without_discount_or_harm_is_admitting_without_the_bed_price() -> None:
    admit = admission.admit_utility(500.0, 1.0, 0.4, 1e5, 0.02, 0.1, 1000.0, 150.0)
    defer = admission.defer_utility(500.0, 1.0, 0.4, 1e5, 0.02, 0.0, 0.1, 1000.0, 1.0)
    assert defer == pytest.approx(admit + 150.0)
    harmed = admission.defer_utility(500.0, 1.0, 0.4, 1e5, 0.02, 0.005, 0.1, 1000.0, 1.0)
    assert defer - harmed == pytest.approx(0.4 * 500.0)


def test_transfer_and_refusal_count_health_elsewhere_and_the_penalty() -> None:
    found = admission.transfer_utility(-50.0, 1.5, 0.4, 1e5, 0.02, 0.1, 1000.0, 8000.0, -0.1, 30.0)
    assert found == pytest.approx(-850.0 + 0.4 * 1900.0 - 30.0)
    assert admission.refuse_utility(0.4, 1e5, 0.01, 300.0) == pytest.approx(100.0)


def test_a_loss_making_severe_case_is_moved_on_more_often_than_a_paying_one() -> None:
    def share_moved(margin: float) -> float:
        admit = admission.admit_utility(margin, 1.0, 0.3, 1e5, 0.05, 0.0, 0.0, 0.0)
        transfer = admission.transfer_utility(0.0, 1.0, 0.3, 1e5, 0.049, 0.0, 0.0, 0.0, 0.0, 50.0)
        grid = (np.arange(2000) + 0.5) / 2000
        taken = [admission.choose4(admit, -1e300, transfer, -1e300, 1e-3, u) for u in grid.tolist()]
        return taken.count(2) / len(taken)

    assert share_moved(-3000.0) > share_moved(0.0) > share_moved(3000.0)


def test_a_bed_costs_nothing_when_empty_and_the_displaced_margin_when_full() -> None:
    assert capacity.shadow_price(0.3, 400.0, 0.95, 0.02) < 1e-9
    assert capacity.shadow_price(0.95, 400.0, 0.95, 0.02) == pytest.approx(200.0)
    assert capacity.shadow_price(1.4, 400.0, 0.95, 0.02) == pytest.approx(400.0)
    assert capacity.shadow_price(1.4, -400.0, 0.95, 0.02) == 0.0
    assert capacity.shadow_price(0.96, 400.0, 0.95, 0.0) == 400.0
