"""The small sweep a reader asks for: one reform beside its status quo, over a few unknowns.

Knows what may be chosen and the design it makes; must not know pages, or how a sweep is run.
Whatever comes from outside is checked here: names against the library, numbers against lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from experiments.robustness import CONCERNS
from sim.errors import ScenarioError
from sim.parameters import Parameter
from sim.scenario import as_yaml, library_ids, load

__all__ = ["KINDS", "MONTHS", "MOST_FACTORS", "PEOPLE", "REPLICATES", "SIZES", "SweepChoice"]

KINDS = ("latin_hypercube", "sobol", "morris", "one_at_a_time")
SIZES = (8, 16, 32, 64, 128, 256)
PEOPLE = (200, 500, 1_000, 2_000)
REPLICATES = (1, 2, 3, 5)
MONTHS = (12, 24, 36)
MOST_FACTORS = 8
USUAL = ("altruism_scale", "income_target_ratio", "price_weight", "oop_weight")
_OUTCOMES = (
    "spending_per_person",
    "fund_spending_per_person",
    "out_of_pocket_per_person",
    "qaly",
    "visits_per_person",
)
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "sobol": {"calc_second_order": False},
    "one_at_a_time": {"levels": 2},
}
_MONTHLY = ("spending_per_person", "visits_per_person")


@cache
def _parameters(region: str) -> Mapping[str, Parameter]:
    """What may vary in a region."""
    known = load(region).region().parameters
    return {name: row for name, row in known.items() if row.role != "fixed"}


def parameters_of(reform: str) -> Mapping[str, Parameter]:
    """What may vary in the region of a scenario of the library."""
    return _parameters(load(reform).region_id)


@dataclass(frozen=True)
class SweepChoice:
    """A small sweep.

    Attributes
    ----------
    reform : id of a scenario of the library; its region's own scenario stands beside it
    factors : ids of parameters
    kind : one of :data:`KINDS`
    size : draws of a hypercube, base sample or trajectories; of no account one at a time
    people, replicates, months : size of each run, seeds, months of the reform
    """

    reform: str = "china-county-capitation"
    factors: tuple[str, ...] = USUAL
    kind: str = "latin_hypercube"
    size: int = 64
    people: int = 500
    replicates: int = 2
    months: int = 12

    @classmethod
    def read(cls, data: object) -> SweepChoice:
        """Read a choice that came from outside.

        Raises
        ------
        ScenarioError
            For whatever a small sweep cannot be.
        """
        given = data if isinstance(data, Mapping) else {}
        reform = given.get("reform")
        if not isinstance(reform, str) or reform not in library_ids():
            raise _not("reform", reform, "a scenario of the library")
        if reform == load(reform).region_id:
            raise _not("reform", reform, "a scenario beside its region's own")
        asked = given.get("factors")
        names = [name for name in asked if isinstance(name, str)] if isinstance(asked, list) else []
        known = parameters_of(reform)
        factors = tuple(dict.fromkeys(name for name in names if name in known))
        if not 1 <= len(factors) <= MOST_FACTORS:
            raise _not("factors", len(factors), f"1 to {MOST_FACTORS}")
        kind = given.get("kind")
        if kind not in KINDS:
            raise _not("kind", kind, ", ".join(KINDS))
        return cls(
            reform,
            factors,
            str(kind),
            _one_of("size", given.get("size"), SIZES),
            _one_of("people", given.get("people"), PEOPLE),
            _one_of("replicates", given.get("replicates"), REPLICATES),
            _one_of("months", given.get("months"), MONTHS),
        )

    @property
    def runs(self) -> int:
        """Runs of the sweep: both arms at every point under every seed."""
        count = len(self.factors)
        draws = {
            "latin_hypercube": self.size,
            "sobol": self.size * (count + 2),
            "morris": self.size * (count + 1),
            "one_at_a_time": 1 + 2 * count,
        }[self.kind]
        return 2 * draws * self.replicates

    def design(self) -> str:
        """The design as a file, which the command line reads as well."""
        scenario = load(self.reform)
        options: Mapping[str, Any] = _OPTIONS.get(self.kind, {})
        count = 1 if self.kind == "one_at_a_time" else self.size
        minded = (concern.outcome for concern in CONCERNS)
        content: dict[str, Any] = {
            "schema": 1,
            "kind": "sweep",
            "title": {
                "en": f"{scenario.title['en']}, {len(self.factors)} unknowns",
                "zh": f"{scenario.title['zh']}，{len(self.factors)}个未知参数",
            },
            "arms": [scenario.region_id, self.reform],
            "set": {"population": self.people, "horizon.reform": self.months},
            "factors": list(self.factors),
            "sampler": {"name": self.kind, "n": count, "options": dict(options)},
            "replicates": self.replicates,
            "outcomes": list(dict.fromkeys((*_OUTCOMES, *minded))),
            "monthly": list(_MONTHLY),
        }
        return as_yaml(content)


def _not(where: str, value: object, allowed: str) -> ScenarioError:
    return ScenarioError("not usable", where=where, value=value, allowed=allowed)


def _one_of(name: str, value: object, known: tuple[int, ...]) -> int:
    for number in known:
        if str(value) == str(number):
            return number
    raise _not(name, value, ", ".join(map(str, known)))
