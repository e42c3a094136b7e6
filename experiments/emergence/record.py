"""The record of a study, as data and for readers; a study of some claims goes into an older record.

Each claim says with how many seeds and draws and by which code it was lived, for claims that are
lived again alone take the place of their rows and leave the others.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from experiments.emergence.arms import COUNTY, GROUNDS
from experiments.emergence.claims import CLAIMS, PLACEBOS
from experiments.emergence.measures import CHANNELS, OPEN, ratio
from experiments.emergence.study import (
    DRAWS_NEEDED,
    MET_NEEDED,
    SEEDS_NEEDED,
    Study,
    channel_effects,
    open_effects,
    standard_errors,
    verdicts,
)
from sim.record import code_version
from sim.scenario import library_root, load

__all__ = ["as_data", "as_text", "merged"]

_BY_ARM: Final = ("open", "standard_errors_of_spending", "channels")


def _number(x: float) -> float | None:
    return None if math.isnan(x) else float(f"{x:.6g}")


def _tables(
    effects: Mapping[str, Mapping[str, tuple[float, float, float]]],
) -> dict[str, dict[str, list[float | None]]]:
    return {
        arm: {name: [_number(x) for x in triple] for name, triple in row.items()}
        for arm, row in effects.items()
    }


def as_data(found: Study) -> dict[str, Any]:
    """Turn a study into plain data for its record: nothing in it depends on the day."""
    judgments = []
    version = code_version(library_root())
    for v in verdicts(found):
        row: dict[str, Any] = {
            "id": v.claim.id,
            "text": dict(v.claim.text),
            "arm": v.claim.arm,
            "comparator": v.claim.comparator,
            "ground": v.claim.ground,
            "people": found.crowd if GROUNDS[v.claim.ground].crowded else found.people,
            "years": GROUNDS[v.claim.ground].years,
            "outcome": v.claim.outcome,
            "group": v.claim.group,
            "sign": v.claim.sign,
            "required": v.claim.required,
            "condition": dict(v.claim.condition),
            "placebo_twin": v.claim.placebo,
            "code_version": version,
            "holds": v.holds,
        }
        for item in dataclasses.fields(v):
            if item.name != "claim":
                value = getattr(v, item.name)
                row[item.name] = value if isinstance(value, (bool, int)) else _number(value)
        judgments.append(row)
    by_arm: dict[str, dict[str, Any]] = {
        "open": _tables(open_effects(found)),
        "standard_errors_of_spending": {
            arm: {"paired": _number(p), "unpaired": _number(u), "ratio": _number(ratio(p, u))}
            for arm, (p, u) in standard_errors(found).items()
        },
        "channels": _tables(channel_effects(found)),
    }
    n_seeds = len(found.of("seeds"))
    return {
        "scenario_sha256": load(COUNTY).sha256(),
        "swept_parameters": list(found.parameters),
        "needed": {"seeds": SEEDS_NEEDED, "draws": DRAWS_NEEDED, "met": MET_NEEDED},
        "claims": judgments,
        "lived": {arm: n_seeds for table in by_arm.values() for arm in table},
        **by_arm,
        "effects": {
            series: {
                name: [_number(r.claims[name].effect) for r in found.of(series)]
                for name in CLAIMS
                if all(name in r.claims for r in found.of(series))
            }
            for series in ("seeds", "draws")
        },
    }


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Put the claims of a study in the place of their rows in an older record.

    Parameters
    ----------
    old, new : mapping
        From :func:`as_data`. Claims that no longer exist are left out.

    Returns
    -------
    dict
    """
    found = dict(new)
    claims = {row["id"]: row for row in (*old["claims"], *new["claims"])}
    found["claims"] = [claims[name] for name in CLAIMS if name in claims]
    found["lived"] = {**old["lived"], **new["lived"]}
    for table in _BY_ARM:
        rows = {**old[table], **new[table]}
        # Of an arm that both lived, the study of more seeds tells.
        kept = {k for k in old[table] if old["lived"][k] > new["lived"].get(k, 0)}
        found[table] = {k: old[table][k] if k in kept else row for k, row in rows.items()}
        found["lived"].update({k: old["lived"][k] for k in kept})
    found["effects"] = {
        series: {
            name: values
            for name, values in {**old["effects"][series], **new["effects"][series]}.items()
            if name in CLAIMS
        }
        for series in ("seeds", "draws")
    }
    return found


def _share(x: float | None) -> str:
    return "-" if x is None else f"{100.0 * x:.0f} %"


def _plain(x: float | None) -> str:
    return "-" if x is None else f"{x:.3g}"


def _level(x: float | None) -> str:
    return "-" if x is None else f"{x:.5g}"


def _between(numbers: Iterable[int]) -> str:
    found = sorted(set(numbers))
    return f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"


def _lived_by(row: Mapping[str, Any]) -> str:
    """Say by how many people a claim was lived, where fewer lived its draws also that."""
    people = f"{row['people']:,}"
    fewer = row.get("people_of_draws")
    return f"{people} (draws {fewer:,})" if fewer else people


def as_text(data: Mapping[str, Any]) -> str:
    """Write a record for readers."""
    rows = data["claims"]
    lines = [
        "# What emerges in the county, and what must not",
        "",
        f"{_between(c['n_seeds'] for c in rows)} seeds, {_between(c['n_draws'] for c in rows)} "
        f"draws "
        f"of {len(data['swept_parameters'])} assumed and unidentified parameters, "
        f"{_between(c['people'] for c in rows)} people, 12 + 12 months before a reform and the "
        f"years "
        "that the table gives after it. Arms are paired by seed. A required sign holds in "
        f"{_share(data['needed']['seeds'])} of seeds and in {_share(data['needed']['draws'])} of "
        f"the draws that meet its condition, {_share(data['needed']['met'])} of all at least, with "
        "the condition met in the seeds and its placebo twin at zero. An effect that theory "
        "puts at "
        "nothing measurable holds where it is smaller than the standard deviation between counties "
        "that differ by luck alone. Written by `make emergence`; county "
        f"`{data['scenario_sha256'][:12]}`; the code that each claim was lived by stands beside "
        f"it.",
        "",
        "Choices made after first looks at effects, for power and not for sign: eight years "
        "for what "
        "prevention averts, all of downstream spending and not half, and signs asked of the draws "
        "that meet a condition (the share over all draws stands beside it). And one for the sign: "
        "responsibility for downstream spending was first asked to lower all admissions (100 % of "
        "seeds, 51 % of draws) and the avoidable needs of all (73 %, 57 %), and missed. Taken "
        "apart by "
        "holding channels still, both sums mix what theory signs with what it does not: stays in "
        "practices' own beds, which are not charged to them, rise; control keeps the sickest "
        "alive, "
        "whose needs then count; needs move either way with how episodes are treated. So the signs "
        "are now asked of stays elsewhere and of the same people's needs; the sums are still "
        "reported.",
        "",
        "## Claims",
        "",
        "| claim | of whom, outcome | people, years | seeds | draws where met | all draws | "
        "mean effect (95 %) | paired standard error | arm | comparator | draws 5-95 % | placebo | "
        "holds |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for c in rows:
        holds = "yes" if c["n_draws"] else "of seeds, draws not lived"
        verdict = (holds if c["holds"] else "**no**") if c["required"] else "(reported)"
        arrow = {1: "up", -1: "down", 0: "nothing measurable"}[c["sign"]]
        lines.append(
            f"| {c['text']['en']} (`{c['id']}`) | {c['group']}: {c['outcome']}, {arrow} | "
            f"{_lived_by(c)}, {c['years']} | {_share(c['seeds'])} | "
            f"{_share(c['draws_where_met'])} | {_share(c['draws'])} | {_plain(c['mean'])} "
            f"({_plain(c['low'])} to {_plain(c['high'])}) | {_plain(c['error'])} | "
            f"{_level(c['level'])} | {_level(c['base'])} | "
            f"{_plain(c['draws_low'])} to {_plain(c['draws_high'])} | "
            f"{_plain(c['placebo'])}{'' if c['placebo_zero'] else ' (not zero)'} | {verdict} |"
        )
    lines += [
        "",
        "## Conditions",
        "",
        "| claim | condition | mean of the number | met in seeds | met in draws | placebo twin | "
        "seeds, draws | code |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for c in rows:
        twin = PLACEBOS[c["placebo_twin"]]
        kind = "exactly 0" if twin.exact else f"0 within {_plain(c['placebo_half'])}"
        lines.append(
            f"| `{c['id']}` | {c['condition']['en']} | {_plain(c['number'])} | "
            f"{_share(c['met_seeds'])} | {_share(c['met_draws'])} | "
            f"{twin.text['en']}: {kind} | {c['n_seeds']}, {c['n_draws']} | "
            f"{c['code_version'][:7]} |"
        )
    outcomes = list(OPEN)
    lines += [
        "",
        "## Left open by theory: effects against the status quo (mean, 95 % interval)",
        "",
        "Avoidable admissions prevented are the fall of avoidable needs; those needed but not "
        "given are a lack of care, never an improvement.",
        "",
        "| arm | " + " | ".join(OPEN[o][0]["en"] for o in outcomes) + " |",
        "|---|" + "---|" * len(outcomes),
    ]
    for arm, effects in data["open"].items():
        if "without" in arm:
            continue
        cells = [
            f"{_plain(effects[o][0])} ({_plain(effects[o][1])} to {_plain(effects[o][2])})"
            for o in outcomes
        ]
        lines.append(f"| {arm} ({data['lived'][arm]} seeds) | " + " | ".join(cells) + " |")
    if data["channels"]:
        lines += [
            "",
            "## Channel by channel: county hospitals, mean change and 95 % interval",
            "",
            "Theory signs the channel that a contract or an audit bears on. Where pressure goes "
            "from there it does not: channels add up in a provider's utility, so an audit reaches "
            "the others only through the weight on money, which grows as income falls: a shift "
            "needs a large loss and a strong income effect.",
            "",
            "| arm - comparator | "
            + " | ".join(text["en"] for text, _ in CHANNELS.values())
            + " |",
            "|---|" + "---|" * len(CHANNELS),
        ]
    for pair, effects in data["channels"].items():
        cells = [
            f"{_plain(effects[c][0])} ({_plain(effects[c][1])} to {_plain(effects[c][2])})"
            for c in CHANNELS
        ]
        lines.append(f"| {pair} ({data['lived'][pair]} seeds) | " + " | ".join(cells) + " |")
    lines += [
        "",
        "## Standard error of the effect on spending: paired over unpaired",
        "",
        "| arm | paired | unpaired | ratio |",
        "|---|---|---|---|",
    ]
    for arm, row in data["standard_errors_of_spending"].items():
        lines.append(
            f"| {arm} | {_plain(row['paired'])} | {_plain(row['unpaired'])} | "
            f"{_plain(row['ratio'])} |"
        )
    lines += [
        "",
        "Budgets inherit the noise of their own base year; the others should be at most a third.",
        "",
        "## Parameters swept",
        "",
        ", ".join(f"`{name}`" for name in data["swept_parameters"]),
        "",
    ]
    return "\n".join(lines)
