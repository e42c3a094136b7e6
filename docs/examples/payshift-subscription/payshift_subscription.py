"""Subscription: members pay the practice by the month, and a little for every visit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from sim.activity import Activity, Array
from sim.payment import Contract, term


@dataclass(frozen=True, eq=False)
class Subscription(Contract):
    """Pay a fee for every month of membership and a flat fee for every visit to the practice.

    Parameters
    ----------
    monthly_fee : float
        CNY per member and month.
    visit_fee : float
        CNY per visit to primary care, whatever is done in it.

    Notes
    -----
    The payer (and the patient, by the benefit rules) pays the practice, monthly::

        revenue = monthly_fee x member_months + visit_fee x visits in primary care

    One more member brings the monthly fee, one more visit the flat fee, one more service in a visit
    nothing. Left out: fees that differ with age.

    References
    ----------
    Eskew PM, Klink K. Direct primary care: practice distribution and cost across the nation. J Am
    Board Fam Med 2015; 28:793-801. https://doi.org/10.3122/jabfm.2015.06.140337
    """

    id: ClassVar[str] = "subscription"
    title_en: ClassVar[str] = "Subscription"
    title_zh: ClassVar[str] = "会员制付费"
    line_en: ClassVar[str] = "A fee per member and month, and a flat fee per visit."
    line_zh: ClassVar[str] = "按会员每月定额付费,另加每次就诊固定费用。"

    monthly_fee: float = field(
        default=10.0,
        metadata=term(
            unit="CNY/person-month",
            low=0.0,
            high=1_000.0,
            label_en="fee per member and month",
            label_zh="会员月费",
        ),
    )
    visit_fee: float = field(
        default=10.0,
        metadata=term(
            unit="CNY/visit", low=0.0, high=1_000.0, label_en="fee per visit", label_zh="每次就诊费"
        ),
    )

    @property
    def reads(self) -> frozenset[str]:
        """Give the fields paid for."""
        return frozenset({"member_months", "visits"})

    def revenue(self, activity: Activity) -> Array:
        """Give fees times members and visits, CNY per year, shape (n,)."""
        members = self.monthly_fee * activity.member_months
        return np.asarray(members + self.visit_fee * activity.visits[:, 0])
