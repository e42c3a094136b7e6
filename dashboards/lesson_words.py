"""What a lesson says about a run: sentences filled from results, a prediction beside its result.

Knows a lesson's sentences, rows of differences and how numbers are written; must not know how a
run is made, and has no claim of its own: the interval of the run chooses among a lesson's
sentences, and every number in them is the run's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.figures import words
from experiments.lessons import Direction, Predict, Reading, direction
from sim.outcomes import OUTCOMES

__all__ = [
    "Claim",
    "Guess",
    "claim_of",
    "guess_of",
    "interval_words",
    "outcome_text",
    "scale_words",
]


@dataclass(frozen=True)
class Claim:
    """One thing a run shows, in words.

    Attributes
    ----------
    text : str
    direction : str
        ``higher``, ``lower`` or ``unclear``, by the paired interval.
    change : Change
        The numbers behind it.
    """

    text: str
    direction: Direction
    change: words.Change


def outcome_text(outcome: str, lang: str) -> dict[str, str]:
    """Label, definition, unit and good side of an outcome in one language."""
    one = OUTCOMES[outcome]
    return {
        "label": str(one.label[lang]),
        "definition": str(one.definition[lang]),
        "unit": one.unit,
        "better": one.better,
        "area": one.area,
    }


def interval_words(change: words.Change, unit: str, lang: str, currency: str) -> str:
    """The 95 % interval of a difference with its signs, or a dash where there is none."""
    if not change.has_interval:
        return "–"
    scale = words.scale_of([change], unit)
    _, low, high = words.on_scale(change, scale)
    return words.signed_interval(low, high, scale, unit, lang, currency)


def claim_of(reading: Reading, row: Mapping[str, Any], lang: str, currency: str) -> Claim:
    """Choose and fill the sentence that a result bears out.

    Parameters
    ----------
    reading : Reading
    row : mapping
        Row of differences of the reading's arm and outcome.
    """
    change = words.change_of(row)
    found = direction(row)
    unit = OUTCOMES[reading.outcome].unit
    before, after = words.apart(change.baseline, change.value, unit, lang, currency)
    if unit.strip() in words.TIMES:
        name = words.unit_label(unit, lang, currency)
        gap = " " if lang == "en" else ""
        before, after = f"{before}{gap}{name}", f"{after}{gap}{name}"
    scale = words.scale_of([change], unit)
    branches = getattr(reading, lang)
    text = str(getattr(branches, found)).format(
        before=before,
        after=after,
        by=words.by_amount(change, unit, scale, lang, currency),
        interval=interval_words(change, unit, lang, currency),
    )
    return Claim(text, found, change)


@dataclass(frozen=True)
class Guess:
    """A prediction and what came of it, on the scale on which it was made.

    Attributes
    ----------
    guess : float
    value, low, high : float
        The run's change and its 95 % interval; NaN where not measured.
    """

    guess: float
    value: float
    low: float
    high: float

    @property
    def is_inside(self) -> bool:
        """Whether the guess lies in the interval."""
        return self.low <= self.guess <= self.high

    @property
    def has_sign(self) -> bool:
        """Whether the guess had the right sign, where the run shows a clear one."""
        clear = self.low > 0.0 or self.high < 0.0
        return clear and self.guess * self.value > 0.0


def guess_of(predict: Predict, guess: float, row: Mapping[str, Any] | None) -> Guess:
    """Put a prediction beside the result on the prediction's own scale."""
    if row is None:
        return Guess(guess, math.nan, math.nan, math.nan)
    change = words.change_of(row)
    factor = {"percent": 100.0 / abs(change.baseline) if change.baseline else math.nan}
    factor |= {"points": 100.0, "unit": 1.0}
    by = factor[predict.scale]
    return Guess(guess, change.difference * by, change.low * by, change.high * by)


def scale_words(value: float, predict: Predict, lang: str, currency: str) -> str:
    """An amount on a prediction's scale, with its sign."""
    unit = OUTCOMES[predict.outcome].unit
    scale: words.Scale = "absolute" if predict.scale == "unit" else predict.scale
    return words.signed(value, scale, unit, lang, currency)
