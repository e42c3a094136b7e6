"""The laboratory experiment, reproduced exactly by the model's own rule of choice."""

import numpy as np
import pytest

from experiments.laboratory import (
    Arm,
    choices,
    mean_quantities,
    payoffs,
    response_shares,
)


def test_the_payoff_table_is_that_of_the_experiment() -> None:
    table = payoffs()
    assert table.cost == pytest.approx(0.1 * np.arange(11) ** 2, rel=1e-12)
    assert table.fee.shape == (5, 11)
    assert [int(b.argmax()) for b in table.benefit] == [5, 3, 7]
    assert table.fee[:, 10].tolist() == [16.6, 22.5, 18.3, 23.6, 23.0]
    assert np.all(np.diff(table.fee, axis=1) > 0.0)


@pytest.mark.parametrize(
    ("altruism", "per_service", "per_patient"),
    [(0.0, 135, 0), (1.0, 110, 70), (2.0, 97, 70)],
)
def test_the_published_payoffs_give_the_exact_total_of_services(
    altruism: float, per_service: int, per_patient: int
) -> None:
    # Totals over fifteen patients: means 9.00 / 0.00, 7.33 / 4.67 and 6.47 / 4.67.
    assert int(choices(Arm.PER_SERVICE, altruism).sum()) == per_service
    assert int(choices(Arm.PER_PATIENT, altruism).sum()) == per_patient


def test_a_tenth_of_selfish_physicians_reproduces_the_observed_means() -> None:
    means = mean_quantities([0.0, 2.0], [0.1, 0.9])
    assert means[Arm.PER_SERVICE] == pytest.approx(6.72, abs=0.005)
    assert means[Arm.PER_PATIENT] == pytest.approx(4.20, abs=0.005)
    # Observed (calibration target C1): 6.60 and 4.40, each with a band of a quarter.
    assert means[Arm.PER_SERVICE] == pytest.approx(6.60, abs=0.25)
    assert means[Arm.PER_PATIENT] == pytest.approx(4.40, abs=0.25)


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="adding up to 1"):
        mean_quantities([0.0, 2.0], [0.1, 0.8])


def test_a_selfish_physician_under_a_lump_sum_gives_nothing_and_a_devoted_one_what_is_best() -> (
    None
):
    assert choices(Arm.PER_PATIENT, 0.0).tolist() == [[0, 0, 0]] * 5
    for arm in Arm:
        assert choices(arm, 1e6).tolist() == [[5, 3, 7]] * 5


def test_quantal_response_approaches_the_best_choice_as_precision_grows() -> None:
    for arm in Arm:
        best = np.bincount(choices(arm, 1.3).ravel(), minlength=11) / 15
        sharp = response_shares(arm, 1.3, 300.0, n_points=50)
        assert sharp == pytest.approx(best, abs=0.02)
        aimless = response_shares(arm, 1.3, 0.0, n_points=1100)
        assert aimless == pytest.approx(np.full(11, 1 / 11), abs=0.002)
