"""Reading: what an analysis of sensitivity says in plain words, no surer than its intervals.

Knows verdicts, intervals and the text catalogues. Must not know how an index was estimated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dashboards.figures import words
from dashboards.figures.canvas import MARKS, Style, outcome_words

__all__ = [
    "factor_label",
    "named",
    "pairs_sentence",
    "percent",
    "range_of",
    "row_label",
    "seed_sentence",
    "settled_sentence",
    "short_names",
    "spoken",
    "who_decides",
]

MANY_RUNS = 10_000_000  # a number of runs that nobody would make
_LONGEST_LIST = 3
_LINE = {"en": 22, "zh": 11}


def factor_label(row: Mapping[Any, Any] | pd.Series[Any], style: Style) -> str:
    """A factor's label in the reader's language; its id where it has none."""
    return str(row.get(f"label_{style.lang}") or row["factor"])


def spoken(row: Mapping[Any, Any] | pd.Series[Any], style: Style) -> str:
    """A factor's label as it stands in a sentence: what follows a colon goes into brackets."""
    label = factor_label(row, style)
    for mark in (": ", "："):
        head, found, tail = label.partition(mark)
        if found and head and tail:
            label = head + style.say("parenthesis", text=tail)
            break
    return words.inside(label, style.lang)


def short_names(rows: pd.DataFrame, style: Style, longest: int = 28) -> dict[str, str]:
    """Short names that tell the factors of one figure apart, by id."""
    ids = [str(name) for name in rows["factor"]]
    labels = [factor_label(row, style) for _, row in rows.iterrows()]
    # the part after a colon tells apart, so it is kept: "Altruism: scale" beside "Altruism: spread"
    width = longest if style.lang == "en" else longest // 2
    cut = [t if len(t) <= width else t[:width].rstrip() + "…" for t in labels]
    return {
        name: f"{text} {cut[: place + 1].count(text)}" if cut.count(text) > 1 else text
        for place, (name, text) in enumerate(zip(ids, cut, strict=True))
    }


def row_label(text: str, lang: str, longest: int = 0) -> str:
    """A label broken into lines short enough to stand beside a row.

    Examples
    --------
    >>> row_label("Noise of the admission decision", "en")
    'Noise of the<br>admission decision'
    >>> row_label("医疗机构对自身考核得分的认知误差", "zh")
    '医疗机构对自身考<br>核得分的认知误差'
    """
    longest = longest or _LINE[lang]
    if len(text) <= longest:
        return text
    count = math.ceil(len(text) / longest)
    if " " not in text:
        size = math.ceil(len(text) / count)
        cut = [text[i : i + size] for i in range(0, len(text), size)]
        for place in range(1, len(cut)):
            if cut[place][0] in MARKS:  # a line does not begin with a mark
                cut[place - 1] += cut[place][0]
                cut[place] = cut[place][1:]
        return "<br>".join(line for line in cut if line)
    lines: list[str] = []
    wanted = len(text) / count
    for word in text.split(" "):
        if lines and len(lines[-1]) + len(word) / 2 < wanted:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "<br>".join(lines)


def named(labels: Sequence[str], style: Style, longest: int = _LONGEST_LIST) -> str:
    """Names as a list in a sentence; what is too many is counted.

    Examples
    --------
    >>> named(["altruism", "noise", "myopia"], Style("en"))
    'altruism, noise and myopia'
    """
    shown = list(labels[:longest])
    rest = len(labels) - len(shown)
    if rest:
        shown.append(style.say("influence.others" if rest > 1 else "influence.other", count=rest))
    if len(shown) < 2:
        return "".join(shown)
    return style.say("comma").join(shown[:-1]) + style.say("influence.and") + shown[-1]


def percent(value: float) -> str:
    """A share as percent, zero where it is less than half a point."""
    return f"{words.plain(100 * value, 0)}%"


def range_of(low: float, high: float, style: Style) -> str:
    """An interval of a share, cut to what a share can be."""
    low, high = (min(max(end, 0.0), 1.0) for end in (low, high))
    return style.say("interval", low=words.plain(100 * low, 0) + "%", high=percent(high))


def _sentence(text: str, style: Style) -> str:
    text = text[:1].upper() + text[1:]
    return text + style.say("stop")


def who_decides(
    verdicts: pd.DataFrame,
    outcomes: pd.DataFrame,
    outcome: str,
    style: Style,
    kind: str,
    *,
    is_difference: bool = False,
) -> str:
    """Which factor decides an outcome, which hardly matter, and what is not clear, in one sentence.

    Parameters
    ----------
    verdicts : `factor`, `label_en`, `label_zh`, `value`, `low`, `high`, `verdict` (decides, most,
        matters, hardly, unclear, unknown), the most important first
    outcomes : table of outcomes; `outcome` is the id of one
    kind : ``variance`` (shares), ``distance`` or ``effect``
    is_difference : whether the outcome is a reform's effect on it
    """
    about = outcome_words(outcomes, outcome, style.lang)
    name = words.inside(about["label"], style.lang)
    if is_difference:
        name = style.say("influence.effect_on", outcome=name)
    by: dict[str, list[str]] = {}
    for _, row in verdicts.iterrows():
        by.setdefault(str(row["verdict"]), []).append(spoken(row, style))
    leaders = by.get("decides", []) + by.get("most", [])
    matters = by.get("matters", [])
    hardly, unclear = by.get("hardly", []), by.get("unclear", [])
    parts: list[str] = []
    if by.get("unknown") and len(by) == 1:
        first = verdicts.iloc[0]
        return _sentence(
            style.say(
                "influence.no_interval",
                factor=spoken(first, style),
                outcome=name,
            ),
            style,
        )
    if leaders:
        key = "influence.decides" if by.get("decides") else "influence.most"
        text = style.say(key, factor=leaders[0], outcome=name)
        top = verdicts[verdicts["verdict"].isin(["decides", "most"])].iloc[0]
        if kind == "variance":
            low, high = float(top["low"]), float(top["high"])
            value = float(top["value"])
            about_word = style.say("about") if high - low > 0.1 * value else ""
            text += style.say(
                "influence.with_share",
                share=about_word + percent(min(value, 1.0)),
                interval=range_of(low, high, style),
            )
        parts.append(text)
        if matters:
            key = "influence.also" if len(matters) == 1 else "influence.also_many"
            parts.append(style.say(key, factors=named(matters, style, 2)))
    elif len(matters) > 1:
        parts.append(style.say("influence.together", factors=named(matters, style), outcome=name))
    elif matters:
        parts.append(style.say("influence.matters", factor=named(matters, style), outcome=name))
    elif unclear:
        parts.append(style.say("influence.none_clear", outcome=name))
    else:
        return _sentence(style.say("influence.none_matters", outcome=name), style)
    if hardly:
        key = "influence.hardly" if len(hardly) == 1 else "influence.hardly_many"
        parts.append(style.say(key, factors=named(hardly, style, 2)))
    if unclear and (leaders or matters):
        parts.append(
            style.say(
                "influence.unclear" if len(unclear) == 1 else "influence.unclear_many",
                factors=named(unclear, style, 2),
            )
        )
    return _sentence(style.say("semicolon").join(parts), style)


def pairs_sentence(pairs: pd.DataFrame, labels: dict[str, str], style: Style) -> str:
    """Which pair acts together beyond what each does alone, or that none clearly does."""
    clear = pairs[pairs["low"] > 0.01].sort_values("value", ascending=False)
    if clear.empty:
        return _sentence(style.say("influence.no_pair"), style)
    top = clear.iloc[0]
    first, second = (
        spoken({"factor": top[k], f"label_{style.lang}": labels.get(str(top[k]), "")}, style)
        for k in ("first", "second")
    )
    return _sentence(
        style.say(
            "influence.pair",
            first=first,
            second=second,
            share=style.say("about") + percent(float(top["value"])),
            interval=range_of(float(top["low"]), float(top["high"]), style),
        ),
        style,
    )


def settled_sentence(
    widest: float, change: float, is_enough: bool, n_needed: int, style: Style
) -> str:
    """Whether more runs would change the answer."""
    if is_enough:
        text = style.say("influence.enough", widest=_points(widest), change=_points(change))
    elif n_needed > MANY_RUNS:
        text = style.say("influence.not_enough_far")
    elif math.isfinite(widest):
        text = style.say(
            "influence.not_enough",
            widest=_points(widest),
            needed=words.count(_rounded(n_needed), style.lang),
        )
    else:
        text = style.say("influence.not_known")
    return _sentence(text, style)


def _points(value: float) -> str:
    return words.plain(100 * value, 1)


def _rounded(value: int) -> float:
    """A number of runs to two digits: the rule behind it is no finer."""
    return float(f"{value:.2g}")


def seed_sentence(shares: pd.DataFrame, outcome: str, style: Style) -> str:
    """How much of what differs between runs is chance, and how sure that is.

    Parameters
    ----------
    shares : `source` (parameters, seed, both), `share`, `low`, `high`
    outcome : label of the outcome
    """
    rows = shares.set_index("source")
    share, low, high = (float(rows[key]["parameters"]) for key in ("share", "low", "high"))
    name = words.inside(outcome, style.lang)
    if not math.isfinite(share):
        return _sentence(style.say("influence.seed_nothing", outcome=name), style)
    chance = 1.0 - share
    if low > 0.5:
        key = "influence.seed_small"
    elif high < 0.5:
        key = "influence.seed_large"
    else:
        key = "influence.seed_unclear"
    text = style.say(
        key,
        outcome=name,
        share=style.say("about") + percent(chance),
        interval=range_of(1.0 - high, 1.0 - low, style),
    )
    return _sentence(text, style)
