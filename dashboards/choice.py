"""What a reader chose to compare, read from a page or an address that anybody may have written.

Knows the form of a choice and the library of scenarios; must not know pages or jobs.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.errors import ScenarioError
from sim.scenario import Scenario, as_yaml, load

__all__ = ["MOST_ARMS", "ArmChoice", "Choice"]

MOST_ARMS = 5
MOST_SETTINGS = 40
LONGEST_TEXT = 20_000
PEOPLE = (500, 2_000, 5_000, 20_000)
REPLICATES = (2, 5, 10, 20)
MONTHS = (12, 24, 36)
_EDITED = {"en": "{title} (changed)", "zh": "{title}（已修改）"}


@dataclass(frozen=True)
class ArmChoice:
    """One arm: a scenario of the library, and what is changed in it.

    Attributes
    ----------
    id : of the library
    settings : numbers by their path
    text : YAML of whole entries that replace the scenario's, such as its payment
    """

    id: str
    settings: tuple[tuple[str, float], ...] = ()
    text: str = ""

    @property
    def is_changed(self) -> bool:
        """Whether the arm is not just what the library has."""
        return bool(self.settings or self.text.strip())

    def scenario(self, number: int = 1) -> Scenario:
        """The arm as a scenario, checked in full.

        Parameters
        ----------
        number : place among the arms, part of the name of a changed one

        Raises
        ------
        ScenarioError
            With line and remedy for what the text or a setting cannot say.
        """
        scenario = load(self.id)
        if not self.is_changed:
            return scenario
        title = scenario.title
        if self.text.strip():
            scenario = scenario.with_text(self.text, "contract")
        if self.settings:
            scenario = scenario.set_all(self.settings)
        titles = {lang: form.format(title=title[lang]) for lang, form in _EDITED.items()}
        return scenario.named(f"{self.id}-changed-{number}", titles)

    def file(self, number: int = 1) -> str:
        """The arm as a scenario file that stands alone beside the library."""
        if not self.is_changed:
            return as_yaml({"schema": 1, "kind": "scenario", "extends": self.id})
        scenario = self.scenario(number)
        whole = scenario.resolved()
        changed = {
            name: whole[name]
            for name in ("payment", "benefits", "audit", "parameters", "adjustment", "prices")
            if name in whole
        }
        return as_yaml(
            {
                "schema": 1,
                "kind": "scenario",
                "extends": self.id,
                "title": dict(scenario.title),
                **changed,
            }
        )

    def as_data(self) -> dict[str, Any]:
        """The arm as pages keep it."""
        return {"id": self.id, "set": dict(self.settings), "text": self.text}


@dataclass(frozen=True)
class Choice:
    """A comparison to be made.

    Attributes
    ----------
    region : id of the region, which is that of its status quo
    arms : beside the status quo
    people, replicates : size of the sample
    months : of the reform; 0 leaves the scenarios' own
    """

    region: str = "china-county"
    arms: tuple[ArmChoice, ...] = field(default=())
    people: int = 2_000
    replicates: int = 5
    months: int = 24

    @classmethod
    def read(cls, data: object) -> Choice:
        """Read a choice that came from outside.

        Raises
        ------
        ScenarioError
            For whatever a choice cannot be.
        """
        if not isinstance(data, Mapping):
            raise _not("choice", data, "region, arms, people, replicates")
        region = data.get("region", "china-county")
        arms = data.get("arms", [])
        if not isinstance(region, str) or len(region) > 80:
            raise _not("region", region, "an id of the library")
        if not isinstance(arms, list) or len(arms) > MOST_ARMS:
            raise _not("arms", len(arms) if isinstance(arms, list) else arms, f"1 to {MOST_ARMS}")
        return cls(
            region,
            tuple(_arm(entry) for entry in arms),
            _whole("people", data.get("people", cls.people), 200, 10_000_000),
            _whole("replicates", data.get("replicates", cls.replicates), 1, 10_000),
            _whole("months", data.get("months", cls.months), 0, 600),
        )

    @classmethod
    def of_query(cls, query: Mapping[str, str], default: Choice) -> Choice:
        """Read a choice out of an address; the default where it says nothing.

        Raises
        ------
        ScenarioError
            For whatever a choice cannot be.
        """
        if "arms" not in query:
            return default
        ids = [name for name in query["arms"].split(",") if name]
        arms: list[dict[str, Any]] = [{"id": name} for name in ids]
        if "changes" in query:
            try:
                changes = json.loads(query["changes"])
            except (ValueError, RecursionError):
                raise _not("changes", query["changes"], "JSON") from None
            if not isinstance(changes, list) or len(changes) > len(arms):
                raise _not("changes", changes, "one entry for each arm")
            for arm, change in zip(arms, changes, strict=False):
                if isinstance(change, Mapping):
                    arm.update({k: change[k] for k in ("set", "text") if k in change})
        data: dict[str, Any] = {"arms": arms, "region": query.get("region", default.region)}
        for name in ("people", "replicates", "months"):
            if name in query:
                data[name] = query[name]
        return cls.read(data)

    def scenarios(self) -> list[Scenario]:
        """The arms as scenarios of one size and length.

        Raises
        ------
        ScenarioError
            For an arm that is none, or of another region.
        """
        if not self.arms:
            raise ScenarioError(
                "nothing to compare",
                where="arms",
                allowed=f"1 to {MOST_ARMS}",
                remedy="Add an arm.",
            )
        found = []
        for number, arm in enumerate(self.arms, 1):
            scenario = arm.scenario(number)
            if scenario.region_id != self.region:
                raise _not(f"arm {number}: region", scenario.region_id, self.region)
            scenario = scenario.with_population(self.people)
            if self.months:
                scenario = scenario.with_horizon(reform=self.months)
            found.append(scenario)
        return found

    def command(self) -> str:
        """The command line that makes the same record; changed arms are files to download."""
        names = [
            f"./{arm.id}-changed-{number}.yaml" if arm.is_changed else arm.id
            for number, arm in enumerate(self.arms, 1)
        ]
        words = ["payshift", "compare", *names, "--population", str(self.people)]
        words += ["--replicates", str(self.replicates)]
        if self.months:
            words += ["--set", f"horizon.reform={self.months}"]
        return shlex.join(words)

    def as_data(self) -> dict[str, Any]:
        """The choice as pages keep it."""
        return {
            "region": self.region,
            "arms": [arm.as_data() for arm in self.arms],
            "people": self.people,
            "replicates": self.replicates,
            "months": self.months,
        }

    def as_query(self) -> dict[str, str]:
        """The choice as an address says it."""
        query = {
            "region": self.region,
            "arms": ",".join(arm.id for arm in self.arms),
            "people": str(self.people),
            "replicates": str(self.replicates),
            "months": str(self.months),
        }
        if any(arm.is_changed for arm in self.arms):
            changes = [
                {k: v for k, v in (("set", dict(arm.settings)), ("text", arm.text)) if v}
                for arm in self.arms
            ]
            query["changes"] = json.dumps(changes, separators=(",", ":"), ensure_ascii=False)
        return query


def _not(where: str, value: object, allowed: str) -> ScenarioError:
    return ScenarioError("not usable", where=where, value=value, allowed=allowed)


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, str) and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _not(name, value, f"{low} to {high}")
    return value


def _arm(entry: object) -> ArmChoice:
    if not isinstance(entry, Mapping):
        raise _not("arm", entry, "an id and its changes")
    name, settings, text = entry.get("id"), entry.get("set") or {}, entry.get("text") or ""
    if not isinstance(name, str) or not name or len(name) > 80:
        raise _not("arm", name, "an id of the library")
    if "/" in name or "\\" in name or name.endswith((".yaml", ".yml")):
        # An address must not make the server read a file.
        raise _not("arm", name, "an id of the library")
    if not isinstance(settings, Mapping) or len(settings) > MOST_SETTINGS:
        raise _not("settings", settings, f"at most {MOST_SETTINGS} numbers by path")
    pairs = []
    for path, value in settings.items():
        if not isinstance(path, str) or len(path) > 200:
            raise _not("setting", path, "a path")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _not(path, value, "a number")
        pairs.append((path, float(value) if isinstance(value, float) else value))
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise _not("contract", "a long text", f"at most {LONGEST_TEXT:,} letters")
    return ArmChoice(name, tuple(pairs), text)
