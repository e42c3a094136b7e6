"""Payment models: what is owed for a year of care, one model per file.

Knows activity and money; must not know behavior, randomness, months or agents. Every module here
without a leading underscore is one payment model, named like its file.
"""

from sim.payment._neutral import resolve_neutral
from sim.payment._protocol import (
    MONTHLY_IN_FULL,
    Contract,
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
    Timetable,
    episodes_of,
    fan_of,
    gradient_of,
    gradient_through,
    has_neutral,
    interim_of,
    is_pooled,
    is_straight,
    next_year,
    numerical_partials,
    rules_of,
    spec_from,
    tariff_of,
    thresholds_of,
    timetable_of,
    transfers_of,
)
from sim.payment._registry import build, catalogue, registry
from sim.payment._rules import as_counted, case_rule, check_rules, episode_rule, transfer_rule
from sim.payment._sorting import sorted_by
from sim.payment._terms import FORMS, NEUTRAL, Neutral, term

__all__ = [
    "FORMS",
    "MONTHLY_IN_FULL",
    "NEUTRAL",
    "Contract",
    "Neutral",
    "Outlook",
    "Partials",
    "PaymentContext",
    "PaymentModel",
    "Timetable",
    "as_counted",
    "build",
    "case_rule",
    "catalogue",
    "check_rules",
    "episode_rule",
    "episodes_of",
    "fan_of",
    "gradient_of",
    "gradient_through",
    "has_neutral",
    "interim_of",
    "is_pooled",
    "is_straight",
    "next_year",
    "numerical_partials",
    "registry",
    "resolve_neutral",
    "rules_of",
    "sorted_by",
    "spec_from",
    "tariff_of",
    "term",
    "thresholds_of",
    "timetable_of",
    "transfer_rule",
    "transfers_of",
]
