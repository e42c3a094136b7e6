"""How spending is spread over people and lasts over years (C3, C4), the same in every region."""

from __future__ import annotations

from sim import outcomes
from sim.region import Region
from sim.runner import provider_traits
from sim.tallies import History

OUTCOMES = {
    "top_1_percent": "spending_top_1",
    "top_5_percent": "spending_top_5",
    "bottom_half": "spending_bottom_half",
    "persistence": "persistence",
    "persistence_log": "persistence_log",
    "stay_in_top_1": "persistence_top_1",
}


def spread_of_spending(history: History, region: Region, months: slice) -> dict[str, float]:
    """Return the moments of C3 and C4 of the months."""
    found = outcomes.evaluate(history, provider_traits(region), months)
    return {name: found[outcome]["all"].value for name, outcome in OUTCOMES.items()}
