"""The incentive X-ray in words: margins as a table, break-even points and weak spots as sentences.

Knows an examination's rows, points and spots, and the text catalogues. Must not know contracts,
nor how a page or a terminal lays anything out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboards.figures import words
from sim.margins.break_even import MOST_FINE, MOST_STAKE, Point
from sim.margins.direction import Direction
from sim.margins.rows import KINDS
from sim.margins.weak_spots import Spot

__all__ = [
    "ORDER",
    "Names",
    "Table",
    "direction_words",
    "margin_tables",
    "point_words",
    "shown_activities",
    "shown_points",
    "since",
    "spot_words",
]

ORDER = (
    "visit",
    "drugs",
    "diagnostics",
    "procedures",
    "labor",
    "session",
    "admission",
    "admission_light",
    "admission_median",
    "admission_heavy",
    "avoided_admission_own",
    "observation",
    "drugs_inpatient",
    "diagnostics_inpatient",
    "procedures_inpatient",
    "labor_inpatient",
    "bed_day",
    "bed_day_early",
    "bed_day_late",
    "spending_after_stay",
    "facility_day",
    "day_before_transfer",
    "coded_level",
    "referral_up",
    "referral_down",
    "member",
    "controlled_patient",
    "avoided_admission",
    "follow_up",
    "no_readmission",
    "appropriate_care",
    "survival",
    "experience",
    "resource_cost",
)
"""Activities in the order in which readers meet them; others follow."""

_ONLY_IF_PAID = frozenset(
    {
        "coded_level",
        "day_before_transfer",
        "facility_day",
        "session",
        "spending_after_stay",
        "referral_down",
        "member",
        "avoided_admission",
        "follow_up",
        "no_readmission",
        "appropriate_care",
        "survival",
        "experience",
        "resource_cost",
    }
)
_SEVERITIES_SHOWN = 3
_SHARES = frozenset({"share", "share_start", "share_above"})
_MONEY = frozenset({"receipts", "cost", "gain", "gain_free", "loss", "margin", "money", "kept"})
_STAKES = frozenset({"control_stake"})
_SHARE_POINTS = frozenset({"kept_share_out", "kept_share_in", "elsewhere_share"})


@dataclass(frozen=True)
class Names:
    """How to write for one reader: language, currency, and a region's own names.

    Attributes
    ----------
    lang : str
    currency : str
    payers, groups : mapping of id to name
    insured : frozenset of str
        Payers with a contract; where something concerns all of them, they need no naming.
    """

    lang: str
    currency: str
    payers: Mapping[str, str]
    groups: Mapping[str, str]
    insured: frozenset[str] = frozenset()

    @classmethod
    def of(cls, region: Any, lang: str, insured: Iterable[str] = ()) -> Names:
        """Read a region's names in one language."""
        groups = region.groups
        named = groups.names_zh if lang == "zh" else groups.names_en
        payers = {
            payer: str(getattr(text, lang))
            for payer, text in zip(region.payers, region.payer_names, strict=True)
        }
        of_group = dict(zip(groups.ids, named, strict=True))
        return cls(lang, region.currency, payers, of_group, frozenset(insured))

    def say(self, key: str, **fields: object) -> str:
        """One text of the catalogue."""
        return words.say(self.lang, key, **fields)

    def money(self, value: float) -> str:
        """An amount of the region's currency."""
        return words.money(value, self.currency, self.lang)

    def share(self, value: float) -> str:
        """A share in per cent."""
        percent = 100.0 * value
        # "100%" of something that is not all of it would mislead.
        digits = 0 if abs(percent) >= 10.0 or abs(percent) < 0.05 else 1
        text = f"{percent:.{digits}f}"
        return ("0" if float(text) == 0.0 else text.replace("-", words.MINUS)) + "%"

    def listed(self, parts: Iterable[str]) -> str:
        """Names in a row."""
        return self.say("xray.list").join(parts)

    def payer(self, payer: str) -> str:
        """Name of a payer."""
        return self.payers.get(payer) or words.label(self.lang, "payer", payer)

    def who(self, kind: str, payers: Sequence[str]) -> str:
        """Name of an audience: kind of provider and payers."""
        kinds = words.label(self.lang, "kinds", kind)
        if set(payers) == self.insured:
            return kinds
        return self.say("xray.who", kinds=kinds, payers=self.listed(map(self.payer, payers)))


def _fact(name: str, value: float | str, names: Names) -> str:
    if name == "group":
        return names.groups.get(str(value), str(value))
    if name == "activity":
        return words.label(names.lang, "activity_in", str(value))
    if name == "activities":
        return names.listed(
            words.label(names.lang, "activities", part) for part in str(value).split(",")
        )
    number = float(value)
    if name in _SHARES:
        return names.share(number)
    if name in _MONEY:
        # How much less is told in words.
        return names.money(abs(number) if name == "gain_free" else number)
    if name == "one_in":
        return words.plain(number, 0)
    return words.plain(number)


def spot_words(spot: Spot, names: Names) -> str:
    """Tell a weak spot in one or two sentences, without its place."""
    facts = {name: _fact(name, value, names) for name, value in spot.facts.items()}
    key = spot.text
    # Where more care is charged against the provider, nothing of its cost comes back.
    if key.startswith("under_treatment") and float(spot.facts["share"]) < 0.0:
        key = f"{key}_charged"
    return names.say(f"weak.{key}", **facts)


def since(spot: Spot, before: Mapping[str, Spot]) -> str:
    """Compare a spot with the status quo: ``new``, ``same``, ``more`` or ``less``.

    The same within a tenth of the money.
    """
    old = sum(
        one.money
        for one in before.values()
        if one.text == spot.text
        and one.kind == spot.kind
        and set(one.payers) & set(spot.payers)
        and one.facts.get("group") == spot.facts.get("group")
    )
    if old <= 0.0:
        return "new"
    ratio = spot.money / old
    return "same" if 0.9 <= ratio <= 1.1 else "more" if ratio > 1.0 else "less"


def point_words(point: Point, names: Names) -> str:
    """Tell a break-even point in one sentence, without its place."""
    key = point.state
    if point.id == "stay_whole" and key == "turns" and float(point.facts["first_day"]) < 0.0:
        key = "turns_up"
    facts = {name: _fact(name, value, names) for name, value in point.facts.items()}

    def number(value: float) -> str:
        if not math.isfinite(value):
            value = MOST_FINE if point.id == "fine" else MOST_STAKE
        if point.id in _SHARE_POINTS:
            return names.share(value)
        if point.id in _STAKES:
            return names.money(value)
        if point.id == "severity":
            return words.plain(value, 1)
        if point.id.startswith("stay"):
            # Below this many days: the first whole day that earns.
            return (
                words.plain(math.ceil(value), 0)
                if key == "turns_up" and value == point.value
                else words.plain(value, 1)
            )
        return words.plain(value)

    return names.say(
        f"point.{point.id}.{key}",
        **{**facts, "value": number(point.value), "now": number(point.now)},
    )


def shown_points(points: Sequence[Point]) -> list[Point]:
    """Choose the points worth a reader's time: of severities, where most money is lost."""
    found = []
    for audience in dict.fromkeys((p.kind, p.payers) for p in points):
        mine = [p for p in points if (p.kind, p.payers) == audience]
        severe = [p for p in mine if p.id == "severity" and p.state == "turns"]
        severe.sort(key=lambda p: -float(p.facts["loss"]) * float(p.facts["stays"]))
        found += [p for p in mine if p.id != "severity"] + severe[:_SEVERITIES_SHOWN]
    return found


@dataclass(frozen=True)
class Table:
    """Margins of one audience, or the remark that they are as today.

    Attributes
    ----------
    title : str
    rows : list of list of str
        Activity; cost; brings start, mid, end; leaves start, mid, end; leaves today.
    margins : list of list of float
        Signed numbers of the last four columns, for colors.
    is_same : bool
        Nothing differs from the status quo.
    is_steady : bool
        Start, middle and end of the year are alike.
    """

    title: str
    rows: list[list[str]]
    margins: list[list[float]]
    is_same: bool
    is_steady: bool


def margin_tables(
    rows: pd.DataFrame, audiences: Sequence[tuple[str, tuple[str, ...]]], names: Names
) -> list[Table]:
    """Lay margins out by audience: one line per activity.

    Parameters
    ----------
    rows : DataFrame
        Of :func:`sim.runner.xray`.
    audiences : sequence of (kind, payers)
        Payers with the same contract share a table, weighted by volume.
    """
    found = []
    numbers = ["cost", "receipts_after", "receipts_mid", "receipts_end"]
    numbers += ["margin_after", "margin_mid", "margin_end", "margin_before"]
    for kind, payers in sorted(audiences, key=lambda a: KINDS.index(a[0])):
        mine = rows[(rows["kind"] == kind) & rows["payer"].isin(payers)]
        if mine.empty:
            continue
        lines: list[list[str]] = []
        margins: list[list[float]] = []
        for activity in _in_order(mine["activity"].unique()):
            part = mine[mine["activity"] == activity]
            weight = part["volume"] if float(part["volume"].sum()) > 0.0 else part["volume"] + 1.0
            values = [float((part[n] * weight).sum(skipna=False) / weight.sum()) for n in numbers]
            is_paid = (
                any(abs(v) > 1e-9 for v in values[1:4]) or (part["receipts_before"] != 0.0).any()
            )
            if activity in _ONLY_IF_PAID and not is_paid:
                continue
            label = words.label(names.lang, "activity", activity)
            if detail := str(part["detail"].iloc[0]):
                group, _, level = detail.partition(":")
                cell = names.say("xray.cell", group=names.groups.get(group, group), level=level)
                label += f"（{cell}）" if names.lang == "zh" else f" ({cell})"
            lines.append([label, *(_cell(v) for v in values)])
            margins.append(values[4:])
        is_same = bool((mine["receipts_before"] == mine["receipts_after"]).all())
        is_steady = all(line[2] == line[3] == line[4] and line[5] == line[7] for line in lines)
        found.append(Table(names.who(kind, payers), lines, margins, is_same, is_steady))
    return found


def _in_order(activities: Iterable[str]) -> list[str]:
    present = list(activities)
    return [a for a in ORDER if a in present] + [a for a in present if a not in ORDER]


def _cell(value: float) -> str:
    """A number short enough for a narrow column: cents only where they tell."""
    if not math.isfinite(value):
        return "–"
    digits = 0 if abs(value) >= 100.0 else 1 if abs(value) >= 10.0 else 2
    return words.plain(value, digits)


def shown_activities(incentives: pd.DataFrame) -> list[str]:
    """Choose and order the activities of a heat map from rows of a record's incentives.

    What exists only where a contract pays for it (a quality measure, a member) is shown where some
    arm does; the admission avoided at home mirrors the admission and is left to the table.
    """
    known = incentives[incentives["marginal_cost"].notna()]
    paid = set(known.loc[known["marginal_receipts"].abs() > 1e-9, "activity"])
    return [
        activity
        for activity in _in_order(known["activity"].unique())
        if activity != "avoided_admission_own"
        and (activity not in _ONLY_IF_PAID or activity in paid)
    ]


def direction_words(directions: Sequence[Direction], names: Names) -> list[tuple[str, str, str]]:
    """Tell by kind of provider which channels should move: kind, more, less."""
    found = []
    for kind in KINDS:
        mine = [d for d in directions if d.kind == kind]
        if not mine:
            continue
        more, less = (
            names.listed(
                words.label(names.lang, "channel", d.channel) for d in mine if d.sign == sign
            )
            for sign in (1, -1)
        )
        found.append((words.label(names.lang, "kinds", kind), more, less))
    return found
