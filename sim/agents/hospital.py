"""A hospital: outpatients who come or are sent, and its beds.

Knows hospital care; must not know how its contracts pay.
"""

from __future__ import annotations

from typing import cast

from sim.agents.provider import Provider


class Hospital(Provider):
    """A secondary or tertiary hospital; sees everyone who comes and treats them itself."""

    @property
    def is_tertiary(self) -> bool:
        """Whether this is a hospital of the highest tier, which transfers to nobody."""
        return self.kind == 2

    @property
    def transfers_to(self) -> Hospital | None:
        """The hospital above, None for the highest tier."""
        up = int(self.world.setting.up[self.row])
        return cast(Hospital, self.colleague(up)) if up >= 0 else None

    @property
    def bed_price(self) -> float:
        """What the hospital feels a bed-day is worth beyond its cost, currency."""
        return float(self.world.organizations.bed[self.row])

    @property
    def occupancy(self) -> float:
        """Bed-days wanted last month over those available."""
        return float(self.world.load[self.row])
