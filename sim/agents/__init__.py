"""The same health system as people and institutions with a will of their own, for reading.

Each agent tells its part of a month in the order of :mod:`sim.month` and calls the very rules that
the columns are run through, so both engines agree to the last bit. Know Mesa and each other; must
not know a formula.
"""

from sim.agents.hospital import Hospital
from sim.agents.patient import Patient
from sim.agents.payer import Payer
from sim.agents.practice import Practice
from sim.agents.provider import Provider
from sim.agents.this_month import ThisMonth

__all__ = ["Hospital", "Patient", "Payer", "Practice", "Provider", "ThisMonth"]
