"""Words: sentences and numbers written from results, no surer than their intervals.

Knows the text catalogues, how numbers are written in each language, and when a change may be
called a change. Must not know figures, files of results or payment models.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dashboards.figures.tables import once

if TYPE_CHECKING:
    import pandas as pd

Lang = Literal["en", "zh"]
Scale = Literal["percent", "points", "absolute"]

LANGUAGES: tuple[Lang, ...] = ("en", "zh")
CATALOGUES = Path(__file__).resolve().parent.parent / "texts"
SHARES = frozenset({"share", "fraction", "proportion", "probability", "1"})
TIMES = frozenset({"months", "days", "years", "minutes", "hours", "weeks"})
SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
MINUS = "−"


# ---------------------------------------------------------------------------------- catalogues


@lru_cache(maxsize=4)
def catalogue(lang: str) -> Mapping[str, str]:
    """All texts of one language by key.

    Raises
    ------
    ValueError
        If there is no catalogue in that language.
    """
    path = CATALOGUES / f"{lang}.json"
    if lang not in LANGUAGES or not path.is_file():
        allowed = ", ".join(LANGUAGES)
        raise ValueError(f"lang: {lang!r} is not a language of the reports; allowed: {allowed}")
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts


def say(lang: str, key: str, **fields: object) -> str:
    """One text of the catalogue with its fields filled in.

    Examples
    --------
    >>> say("en", "months_since_reform")
    'months since the reform'
    """
    texts = catalogue(lang)
    if "arm" in fields and f"{key}.plural" in texts and is_plural(str(fields["arm"])):
        key = f"{key}.plural"
    return texts[key].format(**fields)


def is_plural(title: str) -> bool:
    """Whether an English title takes a plural verb: its head noun ends in a single s.

    Examples
    --------
    >>> is_plural("Hard global budgets"), is_plural("Capitation of practices")
    (True, False)
    """
    head = title
    for word in (" of ", " for ", " with ", " under ", " over "):
        head = head.partition(word)[0]
    return head.endswith("s") and not head.endswith("ss")


def label(lang: str, family: str, identifier: str) -> str:
    """The name of a known identifier, or the identifier made readable.

    Examples
    --------
    >>> label("zh", "kind", "practice")
    '基层机构'
    >>> label("en", "node", "county-east")
    'county east'
    """
    text = catalogue(lang).get(f"{family}.{identifier}")
    return text if text is not None else identifier.replace("_", " ").replace("-", " ")


def group_label(lang: str, group: str) -> str:
    """The name of a group of people or providers such as ``income:1`` or ``health:2+``."""
    known = catalogue(lang).get(f"group.{group}")
    if known is not None:
        return known
    family, _, member = group.partition(":")
    return label(lang, family, member or family)


# ------------------------------------------------------------------------------------- numbers


def three_digits(value: float) -> str:
    """A number with about three telling digits, for numbers to be held against each other.

    Examples
    --------
    >>> three_digits(6881.0), three_digits(26.04), three_digits(-0.5651), three_digits(math.nan)
    ('6,881', '26.0', '−0.565', '–')
    >>> three_digits(0.0)
    '0'
    """
    if not math.isfinite(value):
        return "–"
    if value == 0.0:
        return "0"
    size = abs(value)
    return plain(value, 0 if size >= 100.0 else 1 if size >= 20.0 else 2 if size >= 1.0 else 3)


def plain(value: float, decimals: int | None = None) -> str:
    """A number with about two to three telling digits and a real minus sign.

    Examples
    --------
    >>> plain(-6.123), plain(11.4), plain(0.0421), plain(12345.6)
    ('−6.1', '11', '0.042', '12,346')
    """
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if decimals is None:
        if size >= 10 or size == 0:
            decimals = 0
        elif size >= 1:
            decimals = 1
        else:
            decimals = min(6, 1 - math.floor(math.log10(size)))
    text = f"{size:,.{decimals}f}"
    is_zero = not any(digit in "123456789" for digit in text)
    return (MINUS if value < 0 and not is_zero else "") + text


def _short(value: float) -> str:
    size = abs(value)
    text = f"{size:.0f}" if size >= 100 else f"{size:.1f}" if size >= 1 else f"{size:.2g}"
    return text[:-2] if text.endswith(".0") else text


def money(value: float, currency: str, lang: str) -> str:
    """An amount as its reader writes it: 万 and 亿 in Chinese, K, M and B in English.

    Parameters
    ----------
    value : amount in ``currency`` (not in minor units)

    Examples
    --------
    >>> money(120e6, "CNY", "en"), money(120e6, "CNY", "zh"), money(-96.4, "CNY", "en")
    ('¥120M', '¥1.2亿', '−¥96')
    """
    if not math.isfinite(value):
        return "–"
    symbol = SYMBOLS.get(currency, f"{currency} ")
    sign = MINUS if value < 0 else ""
    # to three digits first, so that 999,960 becomes 1M and not 1000K
    size = float(f"{abs(value):.3g}") if abs(value) >= 10_000 else abs(value)
    steps = (
        ((1e8, 1e8, "亿"), (1e4, 1e4, "万"))
        if lang == "zh"
        else ((1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e4, 1e3, "K"))
    )
    for start, unit, letter in steps:
        if size >= start:
            return f"{sign}{symbol}{_short(size / unit)}{letter}"
    if size >= 1000:
        return f"{sign}{symbol}{size:,.0f}"
    size = size if size >= 0.005 else 0.0
    text = f"{size:.0f}" if size >= 10 else f"{size:.1f}" if size >= 1 else f"{size:.2g}"
    if text.endswith(".0"):
        text = text[:-2]
    return symbol + "0" if text == "0" else f"{sign}{symbol}{text}"


def count(value: float, lang: str) -> str:
    """A number of people: 80万 in Chinese, 800,000 in English.

    Examples
    --------
    >>> count(800_000, "zh"), count(800_000, "en"), count(20_500, "zh")
    ('80万', '800,000', '2.05万')
    """
    if lang == "zh" and value >= 1e4:
        return f"{value / 1e4:.2f}".rstrip("0").rstrip(".") + "万"
    return f"{value:,.0f}"


def is_money(unit: str, currency: str) -> bool:
    """Whether a unit counts money, as in ``CNY per person-year``."""
    return unit.split("/")[0].split(" ")[0].strip() == currency


def is_share(unit: str) -> bool:
    """Whether a unit is a fraction between 0 and 1."""
    return unit.strip() in SHARES or unit.startswith("share ")


def unit_label(unit: str, lang: str, currency: str) -> str:
    """The unit as a reader's words.

    Examples
    --------
    >>> unit_label("CNY/person-year", "en", "CNY"), unit_label("USD/person-year", "zh", "USD")
    ('CNY per person-year', '美元/人年')
    """
    texts = catalogue(lang)
    head, mark, rest = unit.partition("/")
    if mark and head == currency and f"currency.{currency}" in texts:
        # The catalogues name units of money in yuan.
        in_yuan = texts.get(f"unit.CNY/{rest}")
        if in_yuan is not None:
            return in_yuan.replace(texts["currency.CNY"], texts[f"currency.{currency}"])
    known = texts.get(f"unit.{unit}")
    if known is not None:
        return known
    if is_share(unit):
        return say(lang, "unit.share")
    if lang == "zh":
        text = unit.replace(
            currency,
            say(lang, f"currency.{currency}")
            if f"currency.{currency}" in catalogue(lang)
            else currency,
        )
        return text
    return unit


def level(value: float, unit: str, lang: str, currency: str) -> str:
    """A value of an outcome with its unit as short as can be.

    Examples
    --------
    >>> level(0.314, "share", "en", "CNY"), level(4210.0, "CNY per person-year", "en", "CNY")
    ('31%', '¥4,210')
    """
    if not math.isfinite(value):
        return "–"
    if is_share(unit):
        return f"{plain(100 * value)}%"
    if is_money(unit, currency):
        return money(value, currency, lang)
    if unit.strip() in TIMES:
        return _with_unit(value, unit, lang)
    return plain(value, 2 if 1 <= abs(value) < 10 else None)


def _with_unit(value: float, unit: str, lang: str) -> str:
    number = plain(value)
    if lang == "en" and number in ("1", "1.0") and unit.endswith("s"):
        unit_text = unit[:-1]
    else:
        unit_text = catalogue(lang).get(f"unit.{unit}", unit)
    return f"{number} {unit_text}" if lang == "en" else f"{number}{unit_text}"


# ------------------------------------------------------------------------------------- changes


NOISE_COUNTS = 4.0  # standard errors: a baseline smaller than those ranks as one of that size


@dataclass(frozen=True)
class Change:
    """What one arm does to one outcome in one group, with its paired interval.

    Attributes
    ----------
    arm, outcome, group : identifiers
    baseline, value : means under the status quo and under the arm, in the outcome's unit
    difference, low, high : paired difference and its 95 % interval, same unit
    relative : difference over baseline, a fraction; NaN where a percent would say nothing
    noise : standard error of the difference if nothing were paired; 0 if not known
    """

    arm: str
    outcome: str
    group: str
    baseline: float
    value: float
    difference: float
    low: float
    high: float
    relative: float
    noise: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether the difference was measured at all."""
        return math.isfinite(self.difference)

    @property
    def has_interval(self) -> bool:
        """Whether there were replicates enough for an interval."""
        return self.is_known and math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves zero out; without one nothing is clear."""
        return self.has_interval and (self.low > 0 or self.high < 0)

    @property
    def size(self) -> float:
        """Size of the change relative to the baseline, for ranking unlike outcomes.

        A baseline near zero counts no less than its noise, or every balance would lead.
        """
        if not self.is_known:
            return 0.0
        if math.isfinite(self.relative):
            return abs(self.relative)
        return abs(self.difference) / max(abs(self.baseline) + NOISE_COUNTS * self.noise, 1e-9)

    def is_better(self, better: str) -> bool | None:
        """Whether the change is for the better; None when the outcome has no good side."""
        if better not in ("lower", "higher") or not self.is_known or self.difference == 0:
            return None
        return (self.difference < 0) == (better == "lower")


def _number(row: Mapping[Any, Any], name: str) -> float:
    value = row.get(name)
    return math.nan if value is None else float(value)


def change_of(row: Mapping[Any, Any]) -> Change:
    """Read one row of the table of differences."""
    baseline = _number(row, "baseline_mean")
    difference = _number(row, "difference")
    noise = _number(row, "se_unpaired")
    return Change(
        arm=str(row["arm"]),
        outcome=str(row["outcome"]),
        group=str(row["group"]),
        baseline=baseline,
        value=_number(row, "arm_mean"),
        difference=difference,
        low=_number(row, "low"),
        high=_number(row, "high"),
        relative=_number(row, "relative"),
        noise=noise if math.isfinite(noise) else 0.0,
    )


@once
def _every_change(differences: pd.DataFrame) -> list[Change]:
    """All rows of the table of differences in its order."""
    return [change_of(row) for row in differences.to_dict("records")]


@once
def _changes_by_outcome(differences: pd.DataFrame) -> dict[str, list[Change]]:
    """The rows of each outcome."""
    found: dict[str, list[Change]] = {}
    for change in _every_change(differences):
        found.setdefault(change.outcome, []).append(change)
    return found


def changes_of(
    differences: pd.DataFrame,
    outcome: str | None = None,
    group: str | None = "all",
    arm: str | None = None,
) -> list[Change]:
    """The changes of an outcome, of a group and of an arm, in the order of the table."""
    rows = (
        _every_change(differences)
        if outcome is None
        else _changes_by_outcome(differences).get(outcome, [])
    )
    return [
        change for change in rows if group in (None, change.group) and arm in (None, change.arm)
    ]


def scale_of(changes: Iterable[Change], unit: str) -> Scale:
    """How a set of changes of one outcome is best told.

    Shares change by percentage points, times by days or months, signed balances by amounts,
    everything else by percent of the status quo. One outcome keeps one scale for all arms.
    """
    known = [change for change in changes if change.is_known]
    if is_share(unit):
        return "points"
    if unit.strip() in TIMES or "index" in unit:
        return "absolute"
    if any(
        not math.isfinite(change.relative) or change.baseline <= 0 or abs(change.relative) > 3
        for change in known
    ):
        return "absolute"
    return "percent"


def on_scale(change: Change, scale: Scale) -> tuple[float, float, float]:
    """Difference, low and high on the scale that is drawn: percent, points or the unit."""
    if scale == "points":
        factor = 100.0
    elif scale == "percent":
        factor = 100.0 / abs(change.baseline) if change.baseline else float("nan")
    else:
        factor = 1.0
    return change.difference * factor, change.low * factor, change.high * factor


def amount(value: float, scale: Scale, unit: str, lang: str, currency: str) -> str:
    """One changed amount without its sign's meaning: ``6.1%``, ``2.3 points``, ``4 days``."""
    if scale == "percent":
        return f"{plain(value)}%"
    if scale == "points":
        return say(lang, "points", number=plain(value))
    if is_money(unit, currency):
        return money(value, currency, lang)
    if unit.strip() in TIMES:
        return _with_unit(value, unit, lang)
    return plain(value)


def scale_label(scale: Scale, unit: str, lang: str, currency: str) -> str:
    """What the numbers on an axis of changes count."""
    if scale == "percent":
        return say(lang, "scale.percent")
    if scale == "points":
        return say(lang, "scale.points")
    return unit_label(unit, lang, currency)


def _decimals(marks: Sequence[float]) -> int:
    """The fewest decimals that write every tick mark exactly."""
    for decimals in range(7):
        if all(abs(round(mark, decimals) - mark) <= 1e-9 * max(1, abs(mark)) for mark in marks):
            return decimals
    return 7


def change_marks(
    marks: Sequence[float], scale: Scale, unit: str, lang: str, currency: str
) -> list[str]:
    """Tick marks of an axis of changes, with no more digits than their step needs.

    Examples
    --------
    >>> change_marks([-5.0, 0.0, 5.0], "percent", "", "en", "CNY")
    ['−5%', '0', '+5%']
    """
    decimals = _decimals(marks)
    texts = []
    for mark in marks:
        if mark == 0:
            texts.append("0")
            continue
        sign = MINUS if mark < 0 else "+"
        if scale == "absolute" and is_money(unit, currency):
            texts.append(sign + money(abs(mark), currency, lang))
        else:
            texts.append(sign + plain(abs(mark), decimals) + ("%" if scale == "percent" else ""))
    return texts


def level_marks(marks: Sequence[float], unit: str, lang: str, currency: str) -> list[str]:
    """Tick marks of an axis of levels; the unit stands beside the title.

    Examples
    --------
    >>> level_marks([0.2, 0.25], "share", "en", "CNY"), level_marks([3.0, 3.2], "days", "en", "CNY")
    (['20%', '25%'], ['3.0', '3.2'])
    """
    if is_share(unit):
        shares = [100 * mark for mark in marks]
        return [f"{plain(share, _decimals(shares))}%" for share in shares]
    if is_money(unit, currency):
        return [money(mark, currency, lang) for mark in marks]
    return [plain(mark, _decimals(marks)) for mark in marks]


def compact(value: float, lang: str) -> str:
    """A number for a small cell: three digits, thousands as K in English; four at most in Chinese.

    Examples
    --------
    >>> compact(-8372.0, "en"), compact(-8372.0, "zh"), compact(9.54, "en"), compact(0.0, "en")
    ('−8.4K', '−8,372', '9.5', '0')
    """
    if not math.isfinite(value):
        return "–"
    # what is left of a sum that should be zero is zero
    size = abs(value) if abs(value) >= 0.005 else 0.0
    if lang == "zh":
        text = (
            f"{_short(size / 1e4)}万"
            if size >= 1e4
            else f"{size:,.0f}"
            if size >= 10
            else (_short(size))
        )
    elif size >= 1e6:
        text = f"{_short(size / 1e6)}M"
    else:
        text = (
            f"{_short(size / 1e3)}K"
            if size >= 1000
            else f"{size:.0f}"
            if size >= 10
            else (_short(size))
        )
    return (MINUS if value < 0 and text != "0" else "") + text


def signed(value: float, scale: Scale, unit: str, lang: str, currency: str) -> str:
    """An amount with plus or minus before it."""
    text = amount(abs(value), scale, unit, lang, currency)
    if value == 0:
        return text
    return (MINUS if value < 0 else "+") + text


def interval(change: Change, scale: Scale, unit: str, lang: str, currency: str) -> str:
    """The interval of a clear change by size, smaller end first: ``5.2 to 7.0%``."""
    _, low, high = on_scale(change, scale)
    if low < 0 < high:
        return signed_interval(low, high, scale, unit, lang, currency)
    small, large = sorted((abs(low), abs(high)))
    first = amount(small, scale, unit, lang, currency)
    if not _says_unit_twice(scale, unit, lang, currency):
        # the unit is said once, after the second number
        first = plain(small)
    return say(lang, "interval", low=first, high=amount(large, scale, unit, lang, currency))


def _says_unit_twice(scale: Scale, unit: str, lang: str, currency: str) -> bool:
    """Whether both ends of an interval carry the unit: a currency sign, or % in Chinese."""
    if scale == "percent":
        return lang == "zh"
    return scale == "absolute" and is_money(unit, currency)


def signed_interval(
    low: float, high: float, scale: Scale, unit: str, lang: str, currency: str
) -> str:
    """Both ends with their signs, the unit said once: ``−7.0 to −5.2%``.

    Examples
    --------
    >>> signed_interval(-7.0, -5.2, "percent", "", "en", "CNY")
    '−7.0 to −5.2%'
    """
    first = signed(low, scale, unit, lang, currency)
    if not _says_unit_twice(scale, unit, lang, currency):
        first = (MINUS if low < 0 else "+") + plain(abs(low))
    return say(lang, "interval", low=first, high=signed(high, scale, unit, lang, currency))


def hedge(change: Change, lang: str) -> str:
    """'About' before a number whose interval is wider than a twentieth of it to either side."""
    if not change.has_interval:
        return say(lang, "about")
    half_width = (change.high - change.low) / 2
    return say(lang, "about") if half_width > 0.05 * abs(change.difference) else ""


# ----------------------------------------------------------------------------------- sentences


def inside(text: str, lang: str) -> str:
    """A label as it stands inside a sentence: lower case unless it begins with an acronym.

    Examples
    --------
    >>> inside("Spending per person", "en"), inside("QALYs lived", "en"), inside("费用", "zh")
    ('spending per person', 'QALYs lived', '费用')
    """
    if lang == "zh" or not text or text[:2].isupper():
        return text
    return text[0].lower() + text[1:]


def short_title(title: str, longest: int = 24) -> str:
    """An arm's title short enough to stand at a line: the part before a colon, cut if need be.

    Examples
    --------
    >>> short_title("County consortium: one budget over case payment")
    'County consortium'
    """
    for mark in (": ", ":", "\uff1a"):
        head, found, _ = title.partition(mark)
        if found and head:
            title = head
            break
    # a Chinese character is about twice as wide as a Latin letter
    width = 0
    for index, letter in enumerate(title):
        width += 2 if ord(letter) > 0x2E80 else 1
        if width > longest:
            return title[:index].rstrip() + "…"
    return title


def short_titles(titles: Sequence[str], longest: int = 31) -> list[str]:
    """Short titles that tell the arms of one comparison apart.

    Titles that begin alike ("Tiny county: …") are told apart by what follows the colon; what is
    still alike after shortening is numbered.

    Examples
    --------
    >>> short_titles(["County: capitation", "County: case payment"])
    ['Capitation', 'Case payment']
    >>> short_titles(["Budget: soft", "Capitation"])
    ['Budget', 'Capitation']
    """
    heads = [_parted(title)[0] for title in titles]
    chosen = []
    for title, head in zip(titles, heads, strict=True):
        tail = _parted(title)[1]
        if heads.count(head) > 1 and tail:
            chosen.append(short_title(tail[0].upper() + tail[1:], longest))
        else:
            chosen.append(short_title(title, longest))
    return [
        f"{text} {chosen[: place + 1].count(text)}" if chosen.count(text) > 1 else text
        for place, text in enumerate(chosen)
    ]


def _parted(title: str) -> tuple[str, str]:
    """A title's part before its first colon and the part after it."""
    for mark in (": ", ":", "\uff1a"):
        head, found, tail = title.partition(mark)
        if found and head and tail:
            return head.strip(), tail.strip()
    return title, ""


def one_change(
    change: Change,
    arm: str,
    outcome: Mapping[str, str],
    scale: Scale,
    lang: str,
    currency: str,
    *,
    with_interval: bool = True,
) -> str:
    """What one arm does to one outcome, without the full stop: clear, unclear or unknown.

    Parameters
    ----------
    arm : title of the arm
    outcome : ``label``, ``unit`` (and more) of the outcome in the language
    """
    name = inside(outcome["label"], lang)
    if not change.is_known:
        return say(lang, "sentence.unknown", arm=arm, outcome=name)
    if change.has_interval and not change.is_clear:
        return say(lang, "sentence.unclear", arm=inside(arm, lang), outcome=name)
    return say(
        lang,
        "sentence.raises" if change.difference > 0 else "sentence.lowers",
        arm=arm,
        outcome=name,
        by=by_amount(change, outcome["unit"], scale, lang, currency, with_interval=with_interval),
    )


def by_amount(
    change: Change,
    unit: str,
    scale: Scale,
    lang: str,
    currency: str,
    *,
    with_interval: bool = True,
) -> str:
    """``about 6.1% (5.2% to 7.0%)``, as hedged as the interval demands."""
    value, _, _ = on_scale(change, scale)
    text = hedge(change, lang) + amount(abs(value), scale, unit, lang, currency)
    if with_interval and change.has_interval:
        text += say(lang, "parenthesis", text=interval(change, scale, unit, lang, currency))
    return text


def across_arms(
    changes: Sequence[Change],
    titles: Mapping[str, str],
    outcome: Mapping[str, str],
    lang: str,
    currency: str,
) -> str:
    """One sentence on what all arms do to one outcome: the strongest each way, or nothing clear.

    Parameters
    ----------
    changes : changes of one outcome in one group, any arms
    titles : short title of each arm that is to be named
    """
    known = [change for change in changes if change.is_known and change.arm in titles]
    name = inside(outcome["label"], lang)
    if not known:
        return say(lang, "sentence.not_recorded", outcome=outcome["label"])
    scale = scale_of(known, outcome["unit"])
    clear = [change for change in known if change.is_clear]
    if not clear:
        if not any(change.has_interval for change in known):
            return say(lang, "sentence.one_replicate", outcome=name)
        key = "sentence.none_clear" if len(known) > 1 else "sentence.unclear"
        return say(lang, key, outcome=name, arm=inside(titles[known[0].arm], lang)) + say(
            lang, "stop"
        )
    parts: list[str] = []
    strongest = sorted(clear, key=lambda change: -abs(on_scale(change, scale)[0]))
    first = strongest[0]
    other = next((c for c in strongest if (c.difference > 0) != (first.difference > 0)), None)
    same_way = sum((c.difference > 0) == (first.difference > 0) for c in clear)
    by = by_amount(first, outcome["unit"], scale, lang, currency, with_interval=False)
    direction = "raises" if first.difference > 0 else "lowers"
    key = f"sentence.{direction}_most" if same_way > 1 else f"sentence.{direction}"
    parts.append(say(lang, key, arm=titles[first.arm], outcome=name, by=by))
    if other is not None:
        by = by_amount(other, outcome["unit"], scale, lang, currency, with_interval=False)
        direction = "raises" if other.difference > 0 else "lowers"
        parts.append(
            say(lang, f"sentence.{direction}_it", arm=inside(titles[other.arm], lang), by=by)
        )
    return say(lang, "semicolon").join(parts) + say(lang, "stop")


def apart(before: float, after: float, unit: str, lang: str, currency: str) -> tuple[str, str]:
    """Two levels with as many digits as it takes to see what lies between them.

    Examples
    --------
    >>> apart(0.3141, 0.3138, "share", "en", "CNY"), apart(21.4, 20.2, "per 100", "en", "CNY")
    (('31.41%', '31.38%'), ('21.4', '20.2'))
    >>> apart(4210.0, 3950.0, "CNY/person-year", "en", "CNY")
    ('¥4,210', '¥3,950')
    """
    if not (math.isfinite(before) and math.isfinite(after)) or before == after:
        return level(before, unit, lang, currency), level(after, unit, lang, currency)
    factor, suffix = (100.0, "%") if is_share(unit) else (1.0, "")
    gap = abs(after - before) * factor
    needed = max(0, math.ceil(-math.log10(gap) + 0.3))
    if is_money(unit, currency):
        if needed == 0 or max(abs(before), abs(after)) >= 10_000:
            return level(before, unit, lang, currency), level(after, unit, lang, currency)
        symbol = SYMBOLS.get(currency, f"{currency} ")
        texts = [
            (MINUS if value < 0 else "") + symbol + plain(abs(value), needed)
            for value in (before, after)
        ]
        return texts[0], texts[1]
    size = max(abs(before), abs(after)) * factor
    least = 0 if size >= 100 else 1 if size >= 10 else 2
    decimals = min(6, max(needed, least if size < 10 or gap < 10 else 0))
    return (
        plain(before * factor, decimals) + suffix,
        plain(after * factor, decimals) + suffix,
    )
