"""The report a student hands in: one file of plain HTML, readable anywhere, without scripts.

Knows a lesson, what was predicted, shown and tried, and how it is written down; must not know pages
or runs.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboards.figures import words
from dashboards.lesson_words import Guess, claim_of, outcome_text, scale_words
from dashboards.texts import Reader
from experiments.lessons import Lesson, Verdict
from sim.record import Comparison

__all__ = ["Attempt", "report_html"]

LONGEST_ANSWER = 5_000
_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.6 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;
max-width:46rem;margin:2.5rem auto;padding:0 1.2rem}
h1{line-height:1.25;font-size:1.7rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid #8884}
.quiet{opacity:.72;font-size:.92rem}.line{display:inline-block;border-bottom:1px solid;width:16rem}
svg{width:100%;height:auto}code{font-size:.85rem;overflow-wrap:anywhere}
.answer{white-space:pre-wrap;border-left:4px solid #8886;padding-left:1rem}
"""


@dataclass(frozen=True)
class Attempt:
    """One attempt to break the contract.

    Attributes
    ----------
    levers : mapping of path to value
    verdicts : sequence of (outcome, wanted, verdict)
    """

    levers: Mapping[str, float]
    verdicts: Sequence[tuple[str, str, Verdict]] = field(default_factory=tuple)


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th scope='col'>{_text(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _drawing(guess: Guess, reach: tuple[float, float], told: Mapping[str, str]) -> str:
    """The prediction beside the result, as a drawing of a few lines."""
    numbers = [guess.guess, guess.value, guess.low, guess.high, *reach]
    known = [v for v in numbers if math.isfinite(v)]
    low, high = min(known), max(known)

    def at(value: float) -> float:
        return 40.0 + 520.0 * (value - low) / ((high - low) or 1.0)

    parts = [
        f'<line x1="{at(0.0):.1f}" y1="10" x2="{at(0.0):.1f}" y2="112" stroke="#888"/>',
        '<line x1="40" y1="112" x2="560" y2="112" stroke="#8886"/>',
    ]
    if math.isfinite(guess.low) and math.isfinite(guess.high):
        width = max(at(guess.high) - at(guess.low), 1.0)
        parts.append(
            f'<rect x="{at(guess.low):.1f}" y="38" width="{width:.1f}" height="8" rx="4" '
            'fill="#0072B2" opacity=".35"/>'
        )
    if math.isfinite(guess.value):
        x = at(guess.value)
        parts.append(f'<circle cx="{x:.1f}" cy="42" r="7" fill="#0072B2"/>')
        parts.append(_label(x, 26, told["result"]))
    x = at(guess.guess)
    parts.append(
        f'<path d="M{x:.1f} 83 l8 8 l-8 8 l-8 -8 z" fill="#D55E00"/>' + _label(x, 76, told["guess"])
    )
    drawn = "".join(parts)
    about = _text(told["sentence"])
    return f'<svg viewBox="0 0 600 120" role="img" aria-label="{about}">{drawn}</svg>'


def _label(x: float, y: float, text: str) -> str:
    anchor = "start" if x < 120 else "end" if x > 480 else "middle"
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="13" fill="currentColor" '
        f'text-anchor="{anchor}">{_text(text)}</text>'
    )


def report_html(
    lesson: Lesson,
    record: Comparison,
    guess: Guess,
    sentence: str,
    attempts: Sequence[Attempt],
    answer: str,
    reader: Reader,
) -> str:
    """Write what a student predicted, saw, tried and concluded.

    Parameters
    ----------
    lesson, record : the lesson and its run
    guess : the prediction beside its result
    sentence : the same in words
    attempts : attempts to break the contract, the first one first
    answer : what the student wrote, untrusted

    Returns
    -------
    str
        A page without a name: a line is left for it, to be filled in by hand.
    """
    form, lang = lesson.form, reader.lang
    currency = str(record.info["currency"])
    names = lesson.names(lang)
    predict = form.predict
    claims, rows = [], []
    for reading in form.explain:
        row = lesson.rows(record, reading.outcome).get(reading.arm)
        if row is None:
            continue
        claim = claim_of(reading, row, lang, currency)
        about = outcome_text(reading.outcome, lang)
        before, after = words.apart(
            claim.change.baseline, claim.change.value, about["unit"], lang, currency
        )
        claims.append(f"<li>{_text(claim.text)}</li>")
        rows.append([names[reading.arm], about["label"], before, after])
    told = {
        "guess": f"{reader.say('lesson_you')} {scale_words(guess.guess, predict, lang, currency)}",
        "result": f"{reader.say('lesson_run')} {scale_words(guess.value, predict, lang, currency)}",
        "sentence": sentence,
    }
    levers = {lever.path: str(getattr(lever.label, lang)) for lever in form.break_it.levers}
    tried = [
        [
            str(number),
            "; ".join(f"{levers[path]} {value:g}" for path, value in one.levers.items()),
            "; ".join(
                f"{outcome_text(outcome, lang)['label']}: "
                + reader.say(f"lesson_wanted_{wanted}")
                + " – "
                + reader.say(f"lesson_verdict_{verdict}")
                for outcome, wanted, verdict in one.verdicts
            ),
        ]
        for number, one in enumerate(attempts, start=1)
    ]
    info: Mapping[str, Any] = record.info
    say = reader.say
    parts = [
        f"<h1>{_text(getattr(form.title, lang))}</h1>",
        f"<p>{_text(say('lesson_name'))} <span class='line'></span></p>",
        f"<p>{_text(getattr(form.question, lang))}</p>",
        f"<h2>{_text(say('lesson_step_predict'))}</h2>",
        f"<p>{_text(getattr(predict.question, lang))}</p><p>{_text(sentence)}</p>",
        _drawing(guess, (predict.low, predict.high), told),
        f"<h2>{_text(say('lesson_shows'))}</h2><ul>{''.join(claims)}</ul>",
        _table([say(f"lesson_col_{c}") for c in ("arm", "outcome", "before", "after")], rows),
        f"<h2>{_text(say('lesson_why'))}</h2><p>{_text(getattr(form.theory, lang))}</p>",
        f"<h2>{_text(say('lesson_step_break'))}</h2>",
        f"<p>{_text(getattr(form.break_it.task, lang))}</p>",
        _table([say(f"lesson_col_{c}") for c in ("attempt", "levers", "goals")], tried)
        if tried
        else f"<p class='quiet'>{_text(say('lesson_no_attempt'))}</p>",
        f"<h2>{_text(say('lesson_answer'))}</h2>",
        f"<p class='answer'>{_text(answer[:LONGEST_ANSWER]) or '…'}</p>",
        f"<h2>{_text(say('lesson_how'))}</h2>",
        "<p class='quiet'>"
        + _text(
            say(
                "lesson_how_text",
                people=words.count(float(info["population"]), lang),
                seeds=len(info["seeds"]),
                record=record.key,
                version=info["versions"]["payshift"],
            )
        )
        + "</p>",
        f"<p><code>{_text(lesson.commands()[1])}</code></p>",
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="{reader.html_lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(getattr(form.title, lang))}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )
