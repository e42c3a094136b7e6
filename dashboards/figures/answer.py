"""The answer in words: the headline, a card per reform, and the chain from incentive to outcome.

Knows the tables of differences and incentives. Must not know how a page sets its type.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from dashboards.figures import words
from dashboards.figures.canvas import ArmLook, Style, arm_looks, outcome_words
from dashboards.figures.incentives import stake_of
from dashboards.figures.xray import shown_activities

CORE = ("cost", "quality", "referral", "access", "equity")
FOR_PATIENTS = ("quality", "access")
# what is at stake for patients comes first, however small it is beside a busy indicator
VITAL = ("qaly", "deaths")
TELLING = ("avoidable_admissions", "readmission_rate", "chronic_control", "complications")
SAVINGS = ("spending_per_person", "fund_spending_per_person", "charges_per_person")

# What a margin moves first, and what that does to people: the order of the model's own causes.
CHAINS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "visit": (("return_visits",), ("visits_per_person", "foregone", "spending_per_person")),
    "service": (
        ("intensity_out", "intensity_in", "uncovered_share"),
        ("under_treatment", "over_treatment", "spending_per_person"),
    ),
    "admission": (
        ("elective_share", "case_mix_true", "case_mix_billed"),
        ("refused", "deferred", "wait", "avoidable_admissions", "spending_per_person"),
    ),
    "bed_day": (("stay_ratio",), ("readmission_rate", "length_of_stay")),
    "coded": (
        ("upcoded_share", "documentation", "case_mix_drift"),
        ("fund_spending_per_person", "spending_per_person"),
    ),
    "referral": ((), ("referrals_up", "first_contact_primary", "bypass_share")),
    "member": (("prevention",), ("avoidable_admissions", "chronic_control", "qaly")),
}
FAMILY_OF_ACTIVITY = (
    ("bed_day", "bed_day"),
    ("admission_avoided", "member"),
    ("avoided", "member"),
    ("controlled", "member"),
    ("member", "member"),
    ("risk", "member"),
    ("quality", "member"),
    ("admission", "admission"),
    ("case", "admission"),
    ("cod", "coded"),
    ("level", "coded"),
    ("referral", "referral"),
    ("visit", "visit"),
)


LEAST_BEHAVIOR = 0.005  # of its size today


@dataclass(frozen=True)
class ArmCard:
    """One reform in a few words.

    Attributes
    ----------
    arm : id
    better, worse, other : what clearly changes for the better, for the worse, and without a good
        side, strongest first
    unclear, total : how many of the outcomes show no clear change
    """

    arm: str
    better: tuple[str, ...]
    worse: tuple[str, ...]
    other: tuple[str, ...]
    unclear: int
    total: int


@dataclass(frozen=True)
class Chain:
    """From incentive to behavior to outcome under one reform; a missing link is empty text.

    Attributes
    ----------
    arm : id
    incentive, behavior, outcome : pairs of (what, from-to numbers)
    """

    arm: str
    incentive: tuple[str, str]
    behavior: tuple[str, str]
    outcome: tuple[str, str]


def headline(
    differences: pd.DataFrame, outcomes: pd.DataFrame, arms: pd.DataFrame, style: Style
) -> list[str]:
    """The answer in at most two sentences: who saves most at what price, who helps patients most.

    Only clear changes are named; what is not clear is said not to be.
    """
    looks = [look for look in arm_looks(arms, style) if not look.is_status_quo]
    ids = {look.id for look in looks}
    every = [c for c in words.changes_of(differences) if c.is_known and c.arm in ids]
    if not every:
        return [style.say("headline.empty")]
    if not any(c.has_interval for c in every):
        return [style.say("headline.one_replicate")]
    about = {str(o): outcome_words(outcomes, str(o), style.lang) for o in outcomes["id"]}
    short = {look.id: look.short for look in looks}

    def by(change: words.Change, with_interval: bool) -> str:
        unit = about[change.outcome]["unit"]
        scale = words.scale_of([c for c in every if c.outcome == change.outcome], unit)
        return words.by_amount(
            change, unit, scale, style.lang, style.currency, with_interval=with_interval
        )

    def name(change: words.Change) -> str:
        return words.inside(about[change.outcome]["label"], style.lang)

    saving = _savings_outcome(outcomes, every)
    sentences: list[str] = []
    saver: words.Change | None = None
    if saving is not None:
        falls = [c for c in every if c.outcome == saving and c.is_clear and c.difference < 0]
        saver = min(falls, key=lambda c: c.difference, default=None)
        if saver is None:
            sentences.append(
                style.say(
                    "headline.nothing_saves",
                    outcome=words.inside(about[saving]["label"], style.lang),
                )
                + style.say("stop")
            )
        else:
            text = style.say(
                "headline.saves", arm=short[saver.arm], outcome=name(saver), by=by(saver, True)
            )
            harms = [
                c
                for c in every
                if c.arm == saver.arm
                and c.is_clear
                and c.outcome in about
                and about[c.outcome]["area"] in CORE[1:]
                and c.is_better(about[c.outcome]["better"]) is False
            ]
            harm = max(harms, key=_rank, default=None)
            if harm is None:
                text += style.say("headline.no_harm")
            else:
                key = "headline.but_raises" if harm.difference > 0 else "headline.but_lowers"
                text += style.say(key, outcome=name(harm), by=by(harm, False))
            sentences.append(text + style.say("stop"))

    gains = [
        c
        for c in every
        if c.is_clear
        and c.outcome in about
        and about[c.outcome]["area"] in FOR_PATIENTS
        and c.is_better(about[c.outcome]["better"])
    ]
    gain = max(gains, key=lambda c: _for_patients(c, about[c.outcome]["area"]), default=None)
    if gain is None:
        sentences.append(style.say("headline.no_health") + style.say("stop"))
        return sentences
    also = "also_" if saver is not None and saver.arm == gain.arm else ""
    direction = "raises" if gain.difference > 0 else "lowers"
    text = style.say(
        f"headline.{also}health_{direction}",
        arm=short[gain.arm],
        outcome=name(gain),
        by=by(gain, True),
    )
    cost = next((c for c in every if c.arm == gain.arm and c.outcome == saving), None)
    if cost is not None and not also:
        if not cost.is_clear:
            text += style.say("headline.cost_same")
        else:
            key = "headline.cost_up" if cost.difference > 0 else "headline.cost_down"
            text += style.say(key, by=by(cost, False))
    sentences.append(text + style.say("stop"))
    return sentences


def _savings_outcome(outcomes: pd.DataFrame, every: list[words.Change]) -> str | None:
    known = {c.outcome for c in every}
    for outcome in SAVINGS:
        if outcome in known:
            return outcome
    costs = outcomes[(outcomes["area"] == "cost") & (outcomes["better"] == "lower")]
    return next((str(o) for o in costs["id"] if str(o) in known), None)


def _for_patients(change: words.Change, area: str) -> tuple[bool, bool, float]:
    """Order of gains for patients: telling outcomes, then quality, then the size of the change."""
    return change.outcome in TELLING, area == "quality", _rank(change)


def _vital_first(change: words.Change) -> tuple[bool, float]:
    return change.outcome in VITAL, _rank(change)


def _rank(change: words.Change) -> float:
    """Size of a change, so that a rare event's doubling does not crowd out everything."""
    return min(change.size, 1.0)


def arm_cards(
    differences: pd.DataFrame,
    outcomes: pd.DataFrame,
    arms: pd.DataFrame,
    style: Style,
    *,
    longest: int = 3,
) -> list[ArmCard]:
    """What each reform clearly changes, in words without numbers, strongest first."""
    core = outcomes[outcomes["area"].isin(CORE)]
    # asked of the whole table, whose rows are read once
    about = {str(o): outcome_words(outcomes, str(o), style.lang) for o in core["id"]}
    cards: list[ArmCard] = []
    for look in arm_looks(arms, style):
        if look.is_status_quo:
            continue
        changes = [
            c
            for c in words.changes_of(differences, arm=look.id)
            if c.outcome in about and c.is_known
        ]
        told: dict[bool | None, list[str]] = {True: [], False: [], None: []}
        for change in sorted(changes, key=_vital_first, reverse=True):
            if change.is_clear:
                verdict = change.is_better(about[change.outcome]["better"])
                key = "card.up" if change.difference > 0 else "card.down"
                told[verdict].append(
                    style.say(
                        key,
                        outcome=words.inside(about[change.outcome]["label"], style.lang),
                    )
                )
        cards.append(
            ArmCard(
                arm=look.id,
                better=tuple(told[True][:longest]),
                worse=tuple(told[False][:longest]),
                other=tuple(told[None][:longest]),
                unclear=sum(not c.is_clear for c in changes),
                total=len(changes),
            )
        )
    return cards


def family_of(activity: str) -> str:
    """Which chain of causes an activity belongs to; services are the rest.

    Examples
    --------
    >>> family_of("bed_day_late"), family_of("drug"), family_of("avoided_admission")
    ('bed_day', 'service', 'member')
    """
    for part, family in FAMILY_OF_ACTIVITY:
        if part in activity:
            return family
    return "service"


def chains(
    differences: pd.DataFrame,
    outcomes: pd.DataFrame,
    arms: pd.DataFrame,
    incentives: pd.DataFrame,
    style: Style,
) -> list[Chain]:
    """For each reform the most complete chain: a margin moved, behavior followed, outcome changed.

    Notes
    -----
    The chain is chosen along the model's own causes (``CHAINS``) by how far the margin moved and
    how many links moved clearly. It says what moved together; it proves nothing by itself.
    """
    looks = arm_looks(arms, style)
    quo = next((look.id for look in looks if look.is_status_quo), "")
    incentives = incentives[incentives["activity"].isin(shown_activities(incentives))]
    margins = {
        (str(r["arm"]), str(r["kind"]), str(r["payer"]), str(r["activity"])): (
            float(r["marginal_receipts"]),
            float(r["marginal_cost"]),
        )
        for r in incentives.to_dict("records")
    }
    return [
        _chain_of(look, quo, margins, differences, outcomes, style)
        for look in looks
        if not look.is_status_quo
    ]


def _chain_of(
    look: ArmLook,
    quo: str,
    margins: Mapping[tuple[str, str, str, str], tuple[float, float]],
    differences: pd.DataFrame,
    outcomes: pd.DataFrame,
    style: Style,
) -> Chain:
    changes = {c.outcome: c for c in words.changes_of(differences, arm=look.id) if c.is_clear}
    # Paired runs tell changes of a few in ten thousand clearly; no outcome follows from those.
    moved = {outcome: c for outcome, c in changes.items() if c.size >= LEAST_BEHAVIOR}
    areas = {str(o): str(a) for o, a in zip(outcomes["id"], outcomes["area"], strict=True)}
    best: tuple[float, tuple[str, str], words.Change | None, words.Change | None] | None = None
    for (arm, kind, payer, activity), (receipts, cost) in margins.items():
        before = margins.get((quo, kind, payer, activity))
        if arm != look.id or before is None:
            continue
        step = stake_of(receipts, cost) - stake_of(*before)
        if not math.isfinite(step) or abs(step) < 0.02:
            continue
        behaviors, results = CHAINS[family_of(activity)]
        behavior = _strongest(moved, behaviors)
        result = _strongest(changes, results)
        score = abs(step)
        for link in (behavior, result):
            score += 0.0 if link is None else 1.0 + _rank(link)
        if best is None or score > best[0] + 1e-12:
            incentive = (
                style.say(
                    "chain.incentive_text",
                    activity=words.label(style.lang, "activity_in", activity),
                    kind=words.label(style.lang, "at_kind", kind),
                ),
                style.say(
                    "chain.arrow",
                    before=words.money(before[0] - before[1], style.currency, style.lang),
                    after=words.money(receipts - cost, style.currency, style.lang),
                ),
            )
            best = (score, incentive, behavior, result)
    incentive, behavior, result = (
        (("", ""), None, None) if best is None else (best[1], best[2], best[3])
    )
    if behavior is None:
        behavior = _strongest(
            {o: c for o, c in moved.items() if areas.get(o) in ("behavior", "behaviour")}, None
        )
    if result is None:
        result = _strongest({o: c for o, c in changes.items() if areas.get(o) in CORE}, None)
    return Chain(
        arm=look.id,
        incentive=incentive,
        behavior=_from_to(behavior, outcomes, style),
        outcome=_from_to(result, outcomes, style),
    )


def _strongest(
    changes: Mapping[str, words.Change], wanted: tuple[str, ...] | None
) -> words.Change | None:
    """The largest of the wanted clear changes; a wanted id also stands for ids it begins."""
    fitting = [
        change
        for outcome, change in changes.items()
        if wanted is None or any(outcome.startswith(prefix) for prefix in wanted)
    ]
    return max(fitting, key=_rank, default=None)


def _from_to(change: words.Change | None, outcomes: pd.DataFrame, style: Style) -> tuple[str, str]:
    if change is None:
        return ("", "")
    about = outcome_words(outcomes, change.outcome, style.lang)
    before, after = words.apart(
        change.baseline, change.value, about["unit"], style.lang, style.currency
    )
    unit = words.unit_label(about["unit"], style.lang, style.currency)
    label = about["label"]
    if not words.is_share(about["unit"]) and about["unit"] not in ("ratio", "score", "index"):
        label = style.say("with_unit", label=label, unit=unit)
    return (label, style.say("chain.arrow", before=before, after=after))
