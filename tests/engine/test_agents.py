"""The agents as one meets them in a notebook: who is there, what they hold, what they do."""

from __future__ import annotations

import mesa
import numpy as np
import pytest

from sim.agents import Hospital, Patient, Practice, ThisMonth
from sim.engine.tables import LISTED, NEEDS_BED, NO_GROUP, SEEN
from sim.model import HealthSystem
from sim.month import month_tables, new_tallies
from sim.tallies import PersonTally, ProviderTally
from tests.worlds import world_of


@pytest.fixture
def model() -> HealthSystem:
    """A small town that has lived two months and stands before the third."""
    model = HealthSystem(world_of("tiny-drg"))
    model.step()
    model.step()
    model.this_month = ThisMonth.open(
        model.world, month_tables(model.world), new_tallies(model.world)
    )
    return model


def someone_ill(model: HealthSystem, *, needs_bed: bool = False) -> Patient:
    """Return a member made ill with the first group that practices and hospitals both serve."""
    patient: Patient = model.people[0]
    scope = model.world.region.providers.scope
    patient.ep_group = int(np.flatnonzero(scope.all(axis=0))[0])
    patient.ep_level, patient.ep_rank, patient.ep_untreated = 0, 0.5, 0
    patient.ep_flags = NEEDS_BED if needs_bed else 0
    patient.stop_waiting()
    return patient


@pytest.mark.slow
def test_everyone_of_the_region_is_there_once(model: HealthSystem) -> None:
    region = model.world.region
    assert isinstance(model, mesa.Model)
    assert len(model.patients) == 500
    assert [payer.id for payer in model.payers] == list(region.payers)
    assert [provider.id for provider in model.providers] == list(region.providers.ids)
    assert all(isinstance(p, Practice) == (p.kind == 0) for p in model.providers)
    assert len(model.practices) + len(model.hospitals) == len(model.providers)


def test_every_patient_has_one_practice_and_one_payer(model: HealthSystem) -> None:
    assert sum(len(practice.members) for practice in model.practices) == 500
    assert sum(len(payer.members) for payer in model.payers) == 500


def test_a_step_is_a_month_and_the_last_one_stops_the_model() -> None:
    model = HealthSystem(world_of("tiny-drg", population=100, months=3))
    told: list[int] = []
    history = model.run(told.append)
    assert told == [1, 2, 3]
    assert model.steps == model.world.month == len(history.provider) == 3
    assert not model.running


def test_reporters_are_asked_once_a_month() -> None:
    model = HealthSystem(
        world_of("tiny-drg", population=100, months=3),
        {"ill": lambda m: sum(patient.is_ill for patient in m.patients)},
    )
    model.run()
    rows = model.datacollector.get_model_vars_dataframe()
    assert list(rows.columns) == ["ill"]
    assert len(rows) == 3


def test_no_draw_comes_from_mesas_generators() -> None:
    model = HealthSystem(world_of("tiny-drg", population=200, months=2))
    before = model.random.getstate(), model.rng.bit_generator.state
    model.run()
    assert (model.random.getstate(), model.rng.bit_generator.state) == before


def test_patients_hold_plain_numbers_rounded_as_they_are_kept(model: HealthSystem) -> None:
    kinds = {name: type(getattr(model.people[0], name)) for name in Patient.__annotations__}
    assert set(kinds.values()) == {int, float}
    assert set(kinds) == set(model.world.columns._fields)
    for patient in model.people[:50]:
        for name, kind in kinds.items():
            value = getattr(patient, name)
            assert kind is int or value == float(np.float32(value)), name


def test_columns_and_patients_agree_at_the_edge_of_a_month(model: HealthSystem) -> None:
    model.step()
    for name, column in model.world.columns._asdict().items():
        assert column.tolist() == [getattr(patient, name) for patient in model.people], name


def test_a_fund_holds_what_the_ledger_says_and_pays_providers_what_it_owes(
    model: HealthSystem,
) -> None:
    for payer in model.payers:
        assert payer.balance == model.world.ledger.balance(payer.id)
        paid = sum(payer.paid_to(provider) for provider in model.providers)
        assert paid == int(model.world.fund_year[:, payer.row].sum())
        if payer.covers:
            bound = [row for agreement in payer.agreements for row in agreement.rows]
            assert all(model.providers[row].contract_with(payer.row) is not None for row in bound)
    assert sum(payer.balance for payer in model.payers) != 0


def test_a_hospital_transfers_upwards_only_and_the_highest_tier_nowhere() -> None:
    model = HealthSystem(world_of("china-county-drg", population=200))
    assert any(hospital.is_tertiary for hospital in model.hospitals)
    for hospital in model.hospitals:
        above = hospital.transfers_to
        assert (above is None) == hospital.is_tertiary
        assert above is None or (isinstance(above, Hospital) and above.kind > hospital.kind)


def test_a_contact_is_paid_for_by_the_patient_counted_and_remembered(model: HealthSystem) -> None:
    patient = someone_ill(model)
    practice = patient.own_practice
    spent, own = patient.spent_year, patient.oop_year
    done = practice.treats(patient)
    books = practice.tally(patient.scheme)
    assert patient.spent_year - spent == done.charge_fen == books[ProviderTally.CHARGE_OUT] > 0
    assert 0 <= patient.oop_year - own <= done.charge_fen
    assert books[ProviderTally.VISITS] == done.visits
    assert books[ProviderTally.FIRST_VISITS] == 1
    assert patient.last_provider == practice.row
    assert patient.is_ill != done.recovered


def test_a_cured_person_with_contacts_due_comes_back_to_the_same_provider(
    model: HealthSystem,
) -> None:
    patient = someone_ill(model)
    patient.follow_group, patient.ep_group, patient.follow_left = patient.ep_group, NO_GROUP, 2
    hospital = next(iter(model.hospitals))
    patient.last_provider = hospital.row
    patient.seek_care()
    assert hospital.waiting_room == [(patient, -1)]
    hospital.see_patients()
    assert patient.follow_left < 2
    assert hospital.waiting_room == []


def test_a_full_provider_sends_the_least_severe_home(model: HealthSystem) -> None:
    provider = next(iter(model.hospitals))
    assert model.this_month is not None
    seats = int(model.this_month.contacts[provider.row])
    crowd = model.people[: seats + 3]
    for k, patient in enumerate(crowd):
        patient.ep_group, patient.ep_flags, patient.ep_untreated = 0, 0, 0
        patient.ep_rank = float(np.float32((k + 0.5) / len(crowd)))
        provider.expect(patient)
    provider.turn_away_beyond_capacity()
    assert [patient.row for patient, _ in provider.waiting_room] == [p.row for p in crowd[3:]]
    assert [patient.ep_untreated for patient in crowd[:4]] == [1, 1, 1, 0]
    assert model.this_month.tallies.person[:, PersonTally.FOREGONE].sum() == 3


@pytest.mark.slow
def test_who_needs_a_bed_and_gets_none_waits_on_that_providers_list(model: HealthSystem) -> None:
    patient = someone_ill(model, needs_bed=True)
    first, second = model.providers[:2]
    first.has_no_bed_for(patient)
    patient.wait_another_month()
    first.has_no_bed_for(patient)
    assert (patient.is_listed, patient.wait_provider, patient.wait_months) == (True, 0, 1)
    second.has_no_bed_for(patient)
    assert (patient.wait_provider, patient.wait_months) == (1, 0)
    assert patient.ep_untreated == 3


@pytest.mark.parametrize("still_ill", [False, True])
def test_who_needs_no_bed_and_gets_none_is_as_outpatient_care_left_them(
    model: HealthSystem, still_ill: bool
) -> None:
    patient = someone_ill(model)
    patient.ep_flags = SEEN if still_ill else 0
    model.providers[0].has_no_bed_for(patient)
    assert patient.is_ill == still_ill
    assert not patient.is_listed


def test_a_stay_ends_a_wait_one_way_or_the_other(model: HealthSystem) -> None:
    patient = someone_ill(model, needs_bed=True)
    hospital = next(iter(model.hospitals))
    patient.join_list(hospital.row)
    stays, generation = patient.stays_year, patient.generation
    hospital.gives_bed(patient)
    assert not patient.ep_flags & LISTED
    assert (patient.wait_provider, patient.wait_months) == (-1, 0)
    assert patient.stays_year == (stays + 1 if patient.generation == generation else 0)
    assert hospital.tally(patient.scheme)[ProviderTally.ADMISSIONS] == 1


def test_a_newborn_takes_the_place_but_not_the_life(model: HealthSystem) -> None:
    patient = someone_ill(model)
    patient.chronic, patient.spent_year, patient.experience_practice = 3, 100, 0.5
    home = patient.zone, patient.scheme, patient.fifth, patient.income
    uid = patient.uid
    patient.give_way_to_newborn()
    assert patient.uid == uid + (1 << 32)
    assert (patient.zone, patient.scheme, patient.fifth, patient.income) == home
    assert (patient.age, patient.chronic, patient.spent_year) == (0, 0, 0)
    assert patient.experience_practice == 0.0
    assert not patient.is_ill
