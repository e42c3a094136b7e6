"""The payment models that several studies compare, and what they measure; lived once for all.

Knows the library's names; must not know any question.
"""

from __future__ import annotations

from experiments.robustness import CONCERNS
from experiments.studies._plan import Arm, Plan, Size
from experiments.studies._question import UNCERTAINTIES

__all__ = ["DRAWS", "OUTCOMES", "SYSTEMS", "YARDSTICK", "plan"]

YARDSTICK = "today"
DRAWS = 80
SYSTEMS = (
    Arm(YARDSTICK, {"en": "today's payment", "zh": "现行支付"}),
    Arm("fee-for-service", {"en": "fee for service", "zh": "按项目付费"}, "fee-for-service"),
    Arm("drg", {"en": "DRG", "zh": "DRG付费"}, "drg"),
    Arm("capitation", {"en": "capitation", "zh": "按人头付费"}, "capitation"),
    Arm("global-budget", {"en": "the global budget", "zh": "总额预付"}, "global-budget"),
    Arm("value-based", {"en": "value-based payment", "zh": "按价值付费"}, "value-based"),
)
OUTCOMES: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            "spending_per_person",
            "fund_spending_per_person",
            "qaly",
            "out_of_pocket_per_person",
            "catastrophic_10",
            "avoidable_need",
            "referrals_up",
            "first_contact_primary",
            "under_treatment",
            "wait",
            *(concern.outcome for concern in CONCERNS),
        )
    )
)


def plan(size: Size) -> Plan:
    """Give the plan that the studies of systems share."""
    return Plan(SYSTEMS, UNCERTAINTIES, OUTCOMES, size)
