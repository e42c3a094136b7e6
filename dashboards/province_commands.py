"""The command `province`: the counties of a sweep added up, arm beside arm.

Knows the words a user types and how a province is laid out; must not know how counties are lived or
added up. Everything heavy is imported inside.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim import terminal

if TYPE_CHECKING:
    from experiments.sweep.province import Line, Province

__all__ = ["register"]

_WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "counties": "{n} counties, {residents} residents, {people} simulated in each arm, "
        "{years} person-years of the reform",
        "replicates": "{n} replicates",
        "columns": [
            "outcome",
            "unit",
            "arm",
            "value",
            "in all, of the reform",
            "difference",
            "95 %",
            "up/down",
        ],
        "note": "Differences from the first arm, county by county: the same people, the same luck. "
        "Intervals hold luck and differences between counties, not what is unknown of behavior.",
        "means": "* mean over counties, weighted by residents",
    },
    "zh": {
        "counties": "{n}个县，常住人口{residents}人，每个方案模拟{people}人，改革期共{years}人年",
        "replicates": "{n}次重复",
        "columns": ["指标", "单位", "方案", "数值", "改革期合计", "差值", "95%区间", "升/降"],
        "note": "差值为各县与第一个方案逐县配对之差（同样的人、同样的随机性）。"
        "区间反映随机性和县际差异，不反映行为参数的不确定性。",
        "means": "* 按常住人口加权的各县均值",
    },
}


def register(app: typer.Typer) -> None:
    """Add ``province`` to a command line."""
    app.command()(province)


def province(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="Runs of a sweep of counties.")],
    lang: terminal.LangOption = terminal.Lang.EN,
    as_json: terminal.JsonOption = False,
) -> None:
    """Add the counties of a sweep up to a province, and compare its arms county by county."""
    from experiments.sweep.province import province_of
    from experiments.sweep.results import Results

    results = Results.of(store)
    found = province_of(results)
    if as_json:
        from dataclasses import asdict

        terminal.write_json(asdict(found))
        return
    from dashboards.stores import Opened

    currency = Opened(store.name, (0, 0), results).currency
    _write(found, lang.value, currency)


def _write(found: Province, lang: str, currency: str) -> None:
    """Lay a province out: outcome by outcome, arm under arm."""
    from dashboards.figures.words import count

    words = _WORDS[lang]
    if found.residents is None:
        title = words["replicates"].format(n=count(found.n_counties, lang))
    else:
        title = words["counties"].format(
            n=count(found.n_counties, lang),
            residents=count(found.residents, lang),
            people=count(found.people, lang),
            years=count(found.person_years, lang),
        )
    rows: list[list[str]] = []
    for outcome in dict.fromkeys(line.outcome for line in found.lines):
        for line in (line for line in found.lines if line.outcome == outcome):
            is_first = math.isnan(line.difference)
            has_total = found.residents is not None and not math.isnan(line.total)
            rows.append(_row(line, lang, currency, is_first=is_first, has_total=has_total))
        rows.append([])
    caption = words["note"]
    if any(line.is_mean for line in found.lines):
        caption += "\n" + words["means"]
    terminal.table(title, words["columns"], rows, numbers=(3, 4, 5, 6, 7), caption=caption)


def _row(line: Line, lang: str, currency: str, *, is_first: bool, has_total: bool) -> list[str]:
    """Write an arm's line; the first of an outcome names it."""
    from dashboards.figures.words import count, is_money, money, unit_label
    from experiments.measurement import split
    from sim.outcomes import OUTCOMES
    from sim.units import in_currency

    name, group = split(line.outcome)
    kind = OUTCOMES[name]
    unit = in_currency(line.unit, currency)
    digits = kind.digits + 1
    label = kind.label[lang] + ("" if group == "all" else f" ({group})")
    total = ""
    if has_total:
        total = money(line.total, currency, lang) if is_money(unit, currency) else ""
        total = total or count(line.total, lang)
    return [
        label + ("*" if line.is_mean else "") if is_first else "",
        unit_label(unit, lang, currency) if is_first else "",
        line.arm,
        terminal.number(line.value, digits),
        total,
        "" if is_first else terminal.signed(line.difference, digits),
        ""
        if is_first
        else f"{terminal.signed(line.low, digits)} … {terminal.signed(line.high, digits)}",
        "" if is_first else f"{line.n_higher}/{line.n_lower}",
    ]
