"""All claims and placebo twins, in the order of the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from experiments.emergence import five_models, language
from experiments.emergence.claim import Claim, Placebo

__all__ = ["CLAIMS", "PLACEBOS"]

CLAIMS: Final[Mapping[str, Claim]] = {c.id: c for c in (*five_models.CLAIMS, *language.CLAIMS)}
PLACEBOS: Final[Mapping[str, Placebo]] = {
    p.id: p for p in (*five_models.PLACEBOS, *language.PLACEBOS)
}
