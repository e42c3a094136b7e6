"""The physician's game is the published experiment; its model physicians follow the model."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from experiments import physician
from experiments.laboratory import Arm, choices
from experiments.physician import (
    PATIENTS,
    PUBLISHED,
    Weights,
    mean_services,
    model_physicians,
    offers,
    outcome,
    read_hand,
)


def test_fifteen_patients_are_five_illnesses_of_three_types() -> None:
    assert {(p.illness, p.kind) for p in PATIENTS} == {(i, k) for i in range(5) for k in range(3)}
    assert [p.number for p in PATIENTS] == list(range(1, 16))
    assert sorted({p.best for p in PATIENTS}) == [3, 5, 7]
    # No two patients in a row call for the same quantity.
    assert all(a.best != b.best for a, b in itertools.pairwise(PATIENTS))


def test_profit_and_benefit_are_those_of_the_published_table() -> None:
    first = PATIENTS[0]  # illness A, type 1
    profit, benefit = offers(first, Arm.PER_SERVICE)
    assert profit[5] == pytest.approx(10.5 - 2.5)
    assert profit[10] == pytest.approx(16.6 - 10.0)
    assert benefit[5] == 10.0
    assert offers(first, Arm.PER_PATIENT)[0][4] == pytest.approx(12.0 - 1.6)


def test_doing_what_is_best_for_every_patient_gives_all_the_benefit_there_is() -> None:
    best = [patient.best for patient in PATIENTS]
    done = outcome(Arm.PER_PATIENT, best)
    # Best benefits are 10, 10 and 9.45, five patients each.
    assert done.benefit == pytest.approx(5 * (10.0 + 10.0 + 9.45))
    assert done.benefit == pytest.approx(done.best_benefit)
    assert done.services == 5.0
    assert done.profit == pytest.approx(15 * 12.0 - 0.1 * 5 * (25 + 9 + 49))


def test_the_models_selfish_and_devoted_physicians_choose_as_the_rule_of_the_simulator() -> None:
    selfish = model_physicians(3, Weights(1.0, 2.0, 0.35))
    assert set(selfish[Arm.PER_PATIENT]) == {0.0}
    assert set(selfish[Arm.PER_SERVICE]) == {float(choices(Arm.PER_SERVICE, 0.0).mean())}
    alike = model_physicians(3, Weights(0.0, 2.0, 0.0))
    for arm in Arm:
        assert alike[arm] == pytest.approx([float(choices(arm, 2.0).mean())] * 3)


def test_the_game_calls_the_rule_of_the_simulator_and_keeps_no_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(physician, "best_quantity", lambda profit, benefit, altruism: 7)
    found = model_physicians(4, Weights(0.25, 2.0, 0.2))
    assert found[Arm.PER_SERVICE] == found[Arm.PER_PATIENT] == (7.0,) * 4


def test_the_models_physicians_are_near_the_published_means() -> None:
    found = model_physicians()
    for arm, published in PUBLISHED.items():
        assert np.mean(found[arm]) == pytest.approx(published, abs=0.25)


def test_a_hand_is_read_up_to_its_first_flaw_and_payments_are_played_in_turn() -> None:
    whole = [5] * 15
    assert read_hand({"per service": whole, "per patient": [1, 2]})[Arm.PER_PATIENT] == [1, 2]
    assert read_hand({"per service": whole[:-1], "per patient": whole})[Arm.PER_PATIENT] == []
    assert read_hand({"per service": [5, 2.0, 5]})[Arm.PER_SERVICE] == [5]
    assert len(read_hand({"per service": [5] * 99})[Arm.PER_SERVICE]) == 15


def test_only_who_has_treated_everybody_has_a_mean() -> None:
    assert mean_services([[6] * 15, [1] * 14]) == [6.0]


@pytest.mark.parametrize("quantities", [[11], [-1], [5] * 16])
def test_what_cannot_be_given_is_refused(quantities: list[int]) -> None:
    with pytest.raises(ValueError, match="quantit"):
        outcome(Arm.PER_SERVICE, quantities)
