"""A payer: a fund, its members, and its contracts with providers.

Knows what it holds and owes; its yearly decisions are in :mod:`sim.terms` and its contracts.
"""

from __future__ import annotations

from typing import cast

import mesa

from sim.agents.patient import Patient
from sim.agents.provider import Provider
from sim.world import Agreement, World


class Payer(mesa.Agent):
    """A payer: a view of its index in the world's contracts, benefits and books.

    Parameters
    ----------
    model : HealthSystem
    row : int
        Index among the region's payers, and ``scheme`` of its members.
    """

    def __init__(self, model: mesa.Model, row: int) -> None:
        super().__init__(model)
        self.row = row

    @property
    def world(self) -> World:
        """The world this payer belongs to."""
        return cast(World, self.model.world)

    @property
    def id(self) -> str:
        """Name in the region's files and in the ledger."""
        return self.world.region.payers[self.row]

    @property
    def balance(self) -> int:
        """What the fund has taken in less what it has paid since the start, fen."""
        return self.world.ledger.balance(self.id)

    @property
    def members(self) -> list[Patient]:
        """The people whose scheme this is."""
        return [patient for patient in self.model.patients if patient.scheme == self.row]

    @property
    def agreements(self) -> list[Agreement]:
        """Contracts in force, each with the providers it binds."""
        return [each for each in self.world.agreements if each.payer == self.row]

    @property
    def covers(self) -> bool:
        """Whether this payer pays for anything; "self-pay" is a payer that does not."""
        return bool(self.world.benefits.covers[self.row])

    def paid_to(self, provider: Provider) -> int:
        """Return what the fund has paid a provider for care so far this accounting year, fen."""
        return int(self.world.fund_year[provider.row, self.row])
