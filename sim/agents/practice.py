"""A primary care practice: the people on its list, and whom it treats itself or sends up.

Knows primary care; must not know how its contract pays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.agents.provider import NOBODY, Provider
from sim.engine.person import is_first_contact, referral_contact, refers
from sim.tallies import PersonTally, ProviderTally

if TYPE_CHECKING:
    from sim.agents.patient import Patient


class Practice(Provider):
    """A practice of primary care, in a township with some beds of its own."""

    @property
    def members(self) -> list[Patient]:
        """The people on the practice's list."""
        return [patient for patient in self.model.patients if patient.practice == self.row]

    @property
    def prevention(self) -> float:
        """Preventive effort."""
        return float(self.world.organizations.prevention[self.row])

    def sees(self, patient: Patient, sent_by: int = NOBODY) -> None:
        """Treat a person or send the person to a hospital; follow-up is always treated here."""
        if patient.is_ill and self.refers(patient):
            self.sends_up(patient)
        else:
            self.treats(patient, sent_by)

    def refers(self, patient: Patient) -> bool:
        """Tell whether the practice sends this person up, on its impression of the severity."""
        tables = self.month.tables
        return refers(
            self.row,
            patient.scheme,
            patient.ep_group,
            patient.ep_rank,
            patient.uid,
            tables.keys,
            tables.refer,
        )

    def sends_up(self, patient: Patient) -> None:
        """Refer a person, who may choose a hospital and go there this month, or go home."""
        payer = patient.scheme
        self.tally(payer)[ProviderTally.REFERRED_UP] += 1
        patient.tally[PersonTally.REFERRED_UP] += 1
        # The person chooses on the cover there is before this contact is paid for.
        chosen = patient.choose_provider(sent_by=self.row)
        self._bills_referral(patient)
        if chosen == NOBODY:
            patient.ignore_referral()
        else:
            hospital = self.colleague(chosen)
            hospital.tally(payer)[ProviderTally.RECEIVED] += 1
            hospital.expect(patient, sent_by=self.row)

    def _bills_referral(self, patient: Patient) -> None:
        """Bill the contact in which the practice refers: one visit with one unit of labor."""
        price = self.month.tables.price
        self._bills_contact(
            patient,
            referral_contact(
                int(price.consult_fen[patient.scheme, self.row]),
                int(price.consult_cost_fen[self.row]),
            ),
            patient.ep_group,
            patient.ep_rank,
            NOBODY,
            is_first_contact(False, patient.ep_flags, NOBODY),
            False,
            patient.minutes_to(self.row),
        )
