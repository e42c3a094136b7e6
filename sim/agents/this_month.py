"""What everyone can look up or write down in the month that is being lived.

Knows the month's tables, tallies, requests and claims; must not know who decides what.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.engine.counting import Claims, new_claims
from sim.engine.kernels import Requests, Tallies
from sim.engine.tables import Float
from sim.month import Tables, World, contact_capacity, new_requests


@dataclass(frozen=True)
class ThisMonth:
    """The state of providers and payers at the month's start, and the books to write into.

    Attributes
    ----------
    tables : Tables
        What decisions turn on; nobody changes them within a month.
    tallies : Tallies
        What is counted, all integers, so that the order of agents cannot matter.
    requests : Requests
        Requests for a bed, collected first and granted together.
    claims : Claims
        One row a contact or stay, if anyone asked for claims.
    contacts : float64, shape (n,)
        First contacts that each provider can see.
    """

    tables: Tables
    tallies: Tallies
    requests: Requests
    claims: Claims
    contacts: Float

    @staticmethod
    def open(world: World, tables: Tables, tallies: Tallies) -> ThisMonth:
        """Return the month in which nobody has acted yet."""
        size = len(world.columns.age_months)
        return ThisMonth(
            tables=tables,
            tallies=tallies,
            requests=new_requests(size),
            claims=new_claims(7 * size if world.with_claims else 0),
            contacts=np.asarray(contact_capacity(world)),
        )
