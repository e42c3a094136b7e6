"""The terms of a contract as declared: unit, range, labels, and how each is read from a file.

Knows one number at a time; must not know any payment model.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.activity import Array
from sim.errors import PaymentError, ScenarioError
from sim.units import convert

__all__ = [
    "FORMS",
    "NEUTRAL",
    "Neutral",
    "Term",
    "check_keys",
    "declared",
    "is_neutral",
    "per_provider",
    "read_number",
    "read_table",
    "read_term",
    "spec_of",
    "term",
    "without_default",
]


@dataclass(frozen=True)
class Neutral:
    """The rate at which the contract's group earns what it would have earned without the reform.

    Parameters
    ----------
    of : {'group', 'pool', 'payer'}
        Whose receipts are held: the providers under this contract together. The three words mean
        the same here, because a contract is between one payer and one group.
    on : {'receipts'}
        Which money is held equal: gross receipts.
    at : {'trended'}
        On which year: the base year carried forward by the region's declared drifts.
    base : {'static'}
        Solved once, before the first year.
    """

    of: str = "group"
    on: str = "receipts"
    at: str = "trended"
    base: str = "static"


NEUTRAL = Neutral()
_NEUTRAL_CHOICES = {
    "of": ("group", "pool", "payer"),
    "on": ("receipts",),
    "at": ("trended",),
    "base": ("static",),
}


FORMS: Mapping[str, tuple[str, str]] = {
    "number": ("a number", "一个数"),
    "whole": ("a whole number", "一个整数"),
    "word": ("one word", "一个词"),
    "by_provider": ("a number, or one by provider", "一个数，或逐机构给出"),
    "series": ("a list of numbers", "数的列表"),
    "by_key": ("numbers by name", "按名称给出的数"),
    "by_group": ("numbers by clinical group", "按病组给出的数"),
    "groups": ("a list of clinical groups", "病组列表"),
    "providers": ("a list of providers, or a kind of them", "机构列表或机构类别"),
    "measures": ("a list of measures, or weights by measure", "指标列表，或按指标给出的权重"),
    "measure_lists": ("lists of measures by name", "按名称给出的指标列表"),
    "targets": ("neutral, own, or numbers by measure", "neutral、own，或按指标给出的数"),
    "bands": ("a list of bands, the last open", "分段列表，末段可不封顶"),
    "bands_of_days": ("a list of bands of whole days, the last open", "按住院日分段的列表"),
    "tiers": ("a list of tiers, the first from 0", "分档列表，首档自0起"),
    "table": ("the name of a table, or nested lists", "表名，或嵌套列表"),
}
"""How a file may write a term, with what a reader sees in English and Chinese."""


@dataclass(frozen=True)
class Term:
    """A declared term: what a number in a contract means and which values it may take."""

    unit: str
    low: float
    high: float
    label_en: str
    label_zh: str
    choices: tuple[str, ...] = ()
    can_be_neutral: bool = False
    form: str = "number"
    keys: tuple[str, ...] = ()
    follows: str = ""

    @property
    def is_money(self) -> bool:
        """Tell whether the number is in money, so that another minor unit multiplies it."""
        return self.unit.split("/")[0] == "CNY"

    @property
    def is_sum(self) -> bool:
        """Tell whether the number is a sum for the year, so that it grows with the region."""
        return self.unit.endswith("/year") and self.unit != "1/year"


def term(
    *,
    unit: str = "ratio",
    low: float = -math.inf,
    high: float = math.inf,
    label_en: str,
    label_zh: str,
    choices: Sequence[str] = (),
    can_be_neutral: bool = False,
    form: str = "",
    keys: Sequence[str] = (),
    follows: str = "",
) -> dict[str, Term]:
    """Declare a term of a payment model, as the metadata of a dataclass field.

    Parameters
    ----------
    unit : str
        Unit of the number; a file that writes ``{value, unit}`` is converted to it.
    low, high : float
        Inclusive range.
    label_en, label_zh : str
        What a reader sees.
    choices : sequence of str
        Allowed words, for a term that is a word.
    can_be_neutral : bool
        Whether ``neutral`` may stand for the number.
    form : str
        How a file writes the term, one of `FORMS`; a word where there are choices, else a number.
        Contracts are drawn at random, and terms listed, by what is said here.
    keys : sequence of str
        Names a mapping may hold; of bands and tiers the names of edge and value; of a table its
        axes (provider, group, level).
    follows : str
        Term that names what this one has a number for, as targets follow measures.

    Examples
    --------
    >>> from dataclasses import dataclass, field
    >>> @dataclass(frozen=True)
    ... class Model:
    ...     rate: float = field(
    ...         default=1.0, metadata=term(unit="CNY", low=0.0, label_en="rate", label_zh="费率")
    ...     )
    >>> declared(Model)["rate"][0].unit
    'CNY'
    """
    form = form or ("word" if choices else "number")
    if form not in FORMS:
        raise PaymentError("unknown form of a term", where=label_en, value=form, allowed=str(FORMS))
    return {
        "term": Term(
            unit,
            low,
            high,
            label_en,
            label_zh,
            tuple(choices),
            can_be_neutral,
            form,
            tuple(keys),
            follows,
        )
    }


def declared(model: type) -> dict[str, tuple[Term, Any]]:
    """Give the declared terms of a model with their defaults, in order."""
    found: dict[str, tuple[Term, Any]] = {}
    for f in dataclasses.fields(model):
        if "term" in f.metadata:
            default: Any = None
            if f.default is not dataclasses.MISSING:
                default = f.default
            elif f.default_factory is not dataclasses.MISSING:
                default = f.default_factory()
            found[f.name] = (f.metadata["term"], default)
    return found


_KNOWN: dict[type, tuple[tuple[str, Term], ...]] = {}


def terms_of(model: type) -> tuple[tuple[str, Term], ...]:
    """Give the names and terms that a model declares, looked up once."""
    if model not in _KNOWN:
        _KNOWN[model] = tuple((name, term) for name, (term, _) in declared(model).items())
    return _KNOWN[model]


def without_default(model: type) -> frozenset[str]:
    """Give the fields of a model that must be said."""
    return frozenset(
        f.name
        for f in dataclasses.fields(model)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    )


def check_keys(spec: Mapping[str, Any], allowed: Iterable[str], where: str) -> None:
    """Refuse a key that no term has, and suggest the nearest one that exists."""
    names = sorted(allowed)
    if not isinstance(spec, Mapping):
        raise PaymentError(
            "a mapping is needed",
            where=where,
            value=spec,
            allowed=f"a mapping of {', '.join(names)}" if names else "a mapping",
        )
    for key in spec:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1)
            raise PaymentError(
                "unknown term",
                where=where,
                value=key,
                allowed=", ".join(names) or "nothing",
                remedy=f"Did you mean {near[0]!r}?" if near else "",
            )


def is_neutral(value: object) -> bool:
    """Tell whether a term still waits for its neutral value."""
    return isinstance(value, Neutral)


def _read_neutral(value: object, where: str) -> Neutral | None:
    if isinstance(value, Neutral):
        return value
    if value == "neutral":
        return NEUTRAL
    if isinstance(value, Mapping) and set(value) == {"neutral"}:
        options = value["neutral"] or {}
        check_keys(options, _NEUTRAL_CHOICES, f"{where}.neutral")
        for key, choices in _NEUTRAL_CHOICES.items():
            if key in options and options[key] not in choices:
                raise PaymentError(
                    "neutral cannot be held that way",
                    where=f"{where}.neutral.{key}",
                    value=options[key],
                    allowed=", ".join(choices),
                )
        return Neutral(**options)
    return None


def read_number(value: object, of: Term, where: str) -> float:
    """Read a number, plain or as ``{value, unit}``, and hold it to its unit and range.

    Examples
    --------
    >>> share = Term("share", 0.0, 1.0, "share", "比例")
    >>> read_number({"value": 50, "unit": "percent"}, share, "contract")
    0.5
    """
    # Most numbers are plain and in range.
    if isinstance(value, float) and of.low <= value <= of.high and math.isfinite(value):
        return float(value)
    if isinstance(value, Mapping):
        check_keys(value, ("value", "unit"), where)
        unit = value.get("unit", of.unit)
        value = value.get("value")
        if unit != of.unit and isinstance(value, int | float):
            try:
                value = convert(float(value), str(unit), of.unit, where)
            except ScenarioError as error:
                raise PaymentError(
                    error.what,
                    where=where,
                    value=unit,
                    allowed=error.allowed,
                    remedy=error.remedy or f"The term is in {of.unit}.",
                ) from None
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        raise PaymentError("not a number", where=where, value=value, allowed=_allowed(of))
    number = float(value)
    if not math.isfinite(number) or not of.low <= number <= of.high:
        raise PaymentError(
            "out of range",
            where=where,
            value=number,
            allowed=_allowed(of),
            remedy="Write half as 0.5, or as {value: 50, unit: percent}."
            if of.unit == "share" and of.high == 1.0 and number > 1.0
            else "Write a number of this range.",
        )
    return number


def _allowed(of: Term) -> str:
    return f"{of.low:g} to {of.high:g} {of.unit}"


def read_term(value: object, of: Term, where: str) -> float | str | Neutral:
    """Read one scalar term: a number, one of its words, or ``neutral``."""
    if of.choices:
        if value not in of.choices:
            near = difflib.get_close_matches(str(value), of.choices, n=1)
            raise PaymentError(
                "unknown word",
                where=where,
                value=value,
                allowed=", ".join(of.choices),
                remedy=f"Did you mean {near[0]!r}?" if near else "",
            )
        return str(value)
    if of.can_be_neutral:
        neutral = _read_neutral(value, where)
        if neutral is not None:
            return neutral
    return read_number(value, of, where)


def per_provider(
    value: object, of: Term, provider_ids: Sequence[str], where: str
) -> Array | Neutral:
    """Read one number for all, a number by provider id, or ``neutral``; give shape (n,)."""
    n = len(provider_ids)
    if of.can_be_neutral:
        neutral = _read_neutral(value, where)
        if neutral is not None:
            return neutral
    if isinstance(value, np.ndarray):
        return np.array([read_number(v, of, where) for v in np.broadcast_to(value, (n,))])
    if isinstance(value, Mapping) and not set(value) <= {"value", "unit"}:
        check_keys(value, provider_ids, where)
        missing = [p for p in provider_ids if p not in value]
        if missing:
            raise PaymentError("a provider has no number", where=where, value=missing[0])
        return np.array([read_number(value[p], of, f"{where}.{p}") for p in provider_ids])
    return np.full(n, read_number(value, of, where))


def by_group(value: object, of: Term, groups: Sequence[str], where: str) -> Array:
    """Read one number for all groups, or numbers by group; a group not named has 0. Shape (G,)."""
    if isinstance(value, np.ndarray):
        return np.array([read_number(v, of, where) for v in np.broadcast_to(value, (len(groups),))])
    if not isinstance(value, Mapping) or set(value) <= {"value", "unit"}:
        return np.full(len(groups), read_number(value, of, where))
    for name in value:
        if name not in groups:
            raise PaymentError(
                "no such clinical group",
                where=f"{where}.{name}",
                value=name,
                allowed=", ".join(groups),
            )
    return np.array(
        [read_number(value[g], of, f"{where}.{g}") if g in value else 0.0 for g in groups]
    )


def read_table(value: object, shape: tuple[int, ...], of: Term, where: str) -> Array:
    """Read nested lists of numbers, every one in its range."""
    flat = np.empty(shape)
    for place in np.ndindex(*shape):
        row: Any = value
        path = where
        for k in place:
            path = f"{path}[{k}]"
            row = row[k] if isinstance(row, Sequence) and len(row) > k else None
        flat[place] = read_number(row, of, path)
    return flat


def spec_of(value: object, provider_ids: Sequence[str] = ()) -> Any:
    """Give a term back in the form a file would hold."""
    if isinstance(value, Neutral):
        if value == NEUTRAL:
            return "neutral"
        return {"neutral": dataclasses.asdict(value)}
    if isinstance(value, np.ndarray):
        return {p: float(v) for p, v in zip(provider_ids, value, strict=True)}
    if isinstance(value, Mapping):
        return {k: spec_of(v, provider_ids) for k, v in value.items()}
    return value
