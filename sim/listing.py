"""Payment models as a page of text: what each pays, its formula, its terms and its sources.

Knows the rows of the catalogue of models; must not know any payment model by name.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sim.payment import FORMS

__all__ = ["headings", "models_as_text", "what_varies"]

Row = Mapping[str, Any]

_WIDTH = 78
# A Chinese character, or a word with the space behind it.
_PIECES = re.compile(r"[\u3000-\u9fff\uff00-\uffef]|[^\s\u3000-\u9fff\uff00-\uffef]+\s*|\s+")
_NAME = 24  # columns of a term's name; what it means stands beside it
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "formula": "Formula",
        "terms": "Terms",
        "sources": "Sources",
        "inside": "Written over",
        "parts": "parts, each with a scope or a weight and a contract",
        "none": "none of its own",
        "number": "a number",
        "neutral": "or neutral",
        "default": "default",
        "required": "must be given",
        "from": "from {low}",
        "between": "{low} to {high}",
        "follows": "for what `{name}` names",
    },
    "zh": {
        "formula": "公式",
        "terms": "参数",
        "sources": "来源",
        "inside": "内含合同",
        "parts": "parts，每项含范围或权重，以及一份合同",
        "none": "自身无参数",
        "number": "一个数",
        "neutral": "或 neutral（中性值）",
        "default": "默认",
        "required": "必填",
        "from": "不小于 {low}",
        "between": "{low} 至 {high}",
        "follows": "对应 `{name}` 所列名称",
    },
}


_HEADINGS_ZH: Mapping[str, str] = {
    "id": "标识",
    "area": "方面",
    "unit": "单位",
    "better": "优劣方向",
    "what": "说明",
    "title": "名称",
    "value": "数值",
    "low": "下限",
    "high": "上限",
    "evidence": "证据等级",
    "higher": "越高越好",
    "lower": "越低越好",
    "neither": "无优劣",
    "measured": "实测",
    "estimated": "估计",
    "calibrated": "校准",
    "assumed": "假设",
    "role": "性质",
    "lever": "政策杠杆",
    "uncertainty": "不确定参数",
    "fixed": "固定",
    "drawn": "抽样分布",
    "uniform": "均匀",
    "loguniform": "对数均匀",
    "triangular": "三角",
}


def headings(words: Iterable[str], lang: str) -> list[str]:
    """Give the headings of a list, and the few words its columns are made of, in a language."""
    return [_HEADINGS_ZH.get(word, word) if lang == "zh" else word for word in words]


def what_varies(lang: str) -> str:
    """Say what a sweep may vary, under the list of parameters."""
    if lang == "zh":
        return (
            "参数扫描可按标识改变政策杠杆与不确定参数，\n"
            "也可按路径改变方案中的任何数值（如 payment.0.contract.…、audit.sample）；\n"
            "路径见：payshift show SCENARIO --resolved"
        )
    return (
        "A sweep may vary levers and uncertainties by name, and any value of a\n"
        "scenario by its path (payment.0.contract.…, audit.sample), as listed by:\n"
        "payshift show SCENARIO --resolved"
    )


def models_as_text(rows: Iterable[Row], lang: str) -> str:
    """Give the page of some payment models for a terminal of eighty columns.

    Parameters
    ----------
    rows : iterable of mapping
        From `sim.payment.catalogue`.
    lang : {'en', 'zh'}
        Language. What a model's code says of its formula in prose is English, so the page in
        Chinese has the formulas alone.
    """
    return "\n\n".join("\n".join(_lines_of(row, lang)) for row in rows)


def _lines_of(row: Row, lang: str) -> Iterator[str]:
    words = _WORDS[lang]
    comma = "，" if lang == "zh" else ", "
    yield f"{row['id']} · {row[f'title_{lang}']}"
    yield "─" * _WIDTH
    yield from _folded(str(row[f"line_{lang}"]), "")
    if row["contracts"]:
        named = [words["parts"] if name == "parts" else name for name in row["contracts"]]
        yield f"{words['inside']}: {comma.join(named)}"
    yield ""
    yield words["formula"]
    yield from _formula(str(row["formula"]), with_prose=lang == "en")
    yield ""
    yield words["terms"]
    if not row["terms"]:
        yield f"  {words['none']}"
    for term in row["terms"]:
        yield from _term(term, lang)
    if row["sources"]:
        yield ""
        yield words["sources"]
        yield from _sources(str(row["sources"]))


# ------------------------------------------------------------------ text that fits


def _columns(text: str) -> int:
    """Give how many columns a terminal needs: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _folded(text: str, indent: str, first: str | None = None) -> list[str]:
    """Break a text at spaces, and between Chinese characters, into lines that fit."""
    lines: list[str] = []
    line, start = "", indent if first is None else first
    for piece in _PIECES.findall(text):
        if line and _columns(start + line + piece.rstrip()) > _WIDTH and piece not in "，。；、）":
            lines.append((start + line).rstrip())
            line, start = "", indent
        line += piece
    return [*lines, (start + line).rstrip()]


def _formula(text: str, with_prose: bool) -> Iterator[str]:
    """Give the formulas as they stand and, between them, the prose broken anew."""
    for block in re.split(r"\n\s*\n", text):
        if block.startswith(" "):
            for line in textwrap.dedent(block).splitlines():
                margin = " " * (6 + len(line) - len(line.lstrip()))
                yield from _folded(line.lstrip(), margin + "  ", margin)
        elif with_prose:
            prose = " ".join(block.split()).replace("::", ":").replace("``", "`")
            yield from _folded(prose, "  ")


def _sources(text: str) -> Iterator[str]:
    """Give one source an entry: it ends with a full stop or with its address."""
    entry: list[str] = []
    for line in text.splitlines():
        is_address = line.strip().startswith("http")
        if entry and re.search(r"(?<! J)\.$|https?://\S+$", entry[-1]) and not is_address:
            yield from _folded(" ".join(entry), "    ", "  ")
            entry = []
        entry.append(line.strip())
    yield from _folded(" ".join(entry), "    ", "  ")


# ------------------------------------------------------------------ terms


def _term(term: Row, lang: str) -> Iterator[str]:
    words = _WORDS[lang]
    comma = "，" if lang == "zh" else ", "
    name = f"  {term['id']}".ljust(_NAME)
    margin = " " * _NAME
    yield from _folded(
        str(term[f"label_{lang}"]), margin, name if len(name) == _NAME else f"{name} "
    )
    said = [_written(term, lang), _range(term, words)]
    if term["can_be_neutral"] and term["default"] != "neutral":
        said.append(words["neutral"])
    if term["follows"]:
        said.append(words["follows"].format(name=term["follows"]))
    if term["is_required"]:
        said.append(words["required"])
    elif term["default"] not in (None, {}, []):
        said.append(f"{words['default']} {_value(term['default'])}")
    yield from _folded(comma.join(part for part in said if part), margin)


def _written(term: Row, lang: str) -> str:
    """Say how a file writes the term, where it is no plain number."""
    if term["choices"] and term["form"] == "word":
        return " | ".join(term["choices"])
    if term["form"] == "number":
        return str(term["unit"])
    form = FORMS[term["form"]][lang == "zh"]
    unit = "" if term["unit"] in ("word", "table") else f" ({term['unit']})"
    keys = f" {{{', '.join(term['keys'])}}}" if term["keys"] else ""
    choices = f" | {' | '.join(term['choices'])}" if term["choices"] else ""
    return f"{form}{keys}{unit}{choices}"


def _range(term: Row, words: Mapping[str, str]) -> str:
    low, high = term["low"], term["high"]
    if low is None or term["unit"] in ("word", "table"):
        return ""
    if high is None:
        return words["from"].format(low=_value(low))
    return words["between"].format(low=_value(low), high=_value(high))


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_value(v)}" for name, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(_value(v) for v in value)}]"
    if value is None:
        return "∞"
    if isinstance(value, int | float) and float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
