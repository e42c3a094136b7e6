"""What a claim is: a sign, the condition under which theory gives it, a placebo twin."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.emergence.conditions import Check
from experiments.emergence.measures import Measure, Text, Together


@dataclass(frozen=True)
class Placebo:
    """A pair of arms between which theory allows no difference.

    Attributes
    ----------
    id : str
    text : mapping of 'en' and 'zh' to text
    arm, comparator, ground : str
    exact : bool
        Whether nothing at all may differ, or only nothing beyond chance.
    """

    id: str
    text: Text
    arm: str
    comparator: str
    exact: bool
    ground: str = "county"


@dataclass(frozen=True)
class Claim:
    """A sign that theory gives under a condition.

    Attributes
    ----------
    id : str
    text : mapping of 'en' and 'zh' to text
    arm, comparator : str
        Of :data:`ARMS`.
    outcome, group : str
        What is measured, in which unit, and of whom.
    sign : int
        +1 or -1; 0 where theory says that nothing measurable happens: less than the standard
        deviation of the comparator's level between counties that differ by luck alone.
    condition : mapping of 'en' and 'zh' to text
    measure : function of a Life to a number
    check : function of both lives to Found
    placebo : str
        Id of its placebo twin.
    placebo_measure : function of a Life to a number, optional
        Where the twin takes away what the measure needs.
    required : bool
        Whether the sign must hold; the others are reported.
    ground : str
    comparator_ground : str, optional
        Where the comparator lives, if elsewhere.
    side : function of the arm's Life to -1.0 or 1.0, optional
        Which direction the margins of the run point to: the effect is counted positive there.
    together : function of both Lives to two numbers, optional
        Level of the arm and of the comparator where they are measured on the same people; else
        ``measure`` is taken of each.
    """

    id: str
    text: Text
    arm: str
    comparator: str
    outcome: str
    group: str
    sign: int
    condition: Text
    measure: Measure = field(repr=False)
    check: Check = field(repr=False)
    placebo: str
    placebo_measure: Measure | None = field(default=None, repr=False)
    required: bool = True
    ground: str = "county"
    comparator_ground: str | None = None
    side: Measure | None = field(default=None, repr=False)
    together: Together | None = field(default=None, repr=False)
