"""Contract trees drawn at random from what payment models declare of their terms.

Knows the catalogue: forms, units, ranges, and names of contracts inside; must not know any payment
model by name, so that one registered tomorrow is drawn too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

from sim.activity import COMPONENTS, SETTINGS
from sim.errors import PaymentError
from sim.payment import (
    PaymentContext,
    build,
    catalogue,
    check_rules,
    has_neutral,
    tariff_of,
)
from sim.units import UNITS

__all__ = ["multiplied", "random_contract", "reordered"]

_KINDS = ("practice", "secondary", "tertiary")
_PARTS = "parts"  # contracts side by side, by scope or by weight
_WIDE = 1000.0  # a range this wide is drawn by orders of size
_DEAR = 1e6
_TRIES = 1000
_SCOPES: tuple[tuple[str, ...], ...] = (*((s,) for s in SETTINGS), ("outpatient",), SETTINGS[1:])

Row = Mapping[str, Any]


@cache
def _models() -> Mapping[str, Row]:
    return {row["id"]: row for row in catalogue()}


def random_contract(
    draw: Random,
    context: PaymentContext,
    *,
    depth: int = 3,
    is_open: bool = True,
) -> dict[str, Any]:
    """Draw a contract tree that a file could hold and that can be built.

    Parameters
    ----------
    draw : random.Random
        What is drawn from; a search for counterexamples can stand in its place.
    context : PaymentContext
        The providers and groups the contract is for.
    depth : int
        How many models may stand inside one another.
    is_open : bool
        Whether prices may wait for their neutral value; a first contract has no year to be neutral
        to, so what prices its items are numbers.

    Returns
    -------
    dict
        One model and its terms, as `sim.payment.build` takes it.

    Raises
    ------
    PaymentError
        If no tree of a thousand drawn can be built: some model declares terms it does not take.
    """
    reason = ""
    for _ in range(_TRIES):
        spec = _Drawing(draw, context, is_open).contract(depth)
        try:
            model = build(spec, context)
            check_rules(model, context)
        except PaymentError as error:
            reason = str(error)
            continue
        if is_open or not has_neutral(tariff_of(model)):
            return spec
    raise PaymentError("no contract can be drawn", where="random_contract", remedy=reason)


class _Drawing:
    """One tree in the making.

    Parameters
    ----------
    draw : random.Random
    context : PaymentContext
    is_open : bool
    """

    def __init__(self, draw: Random, context: PaymentContext, is_open: bool) -> None:
        self.draw, self.context, self.is_open = draw, context, is_open

    def happens(self, chance: float) -> bool:
        return self.draw.random() < chance

    def some(self, names: Sequence[str], least: int = 1) -> list[str]:
        """Give a few of the names, in order."""
        wanted = self.draw.randint(min(least, len(names)), len(names))
        chosen = set(self.draw.sample(range(len(names)), wanted))
        return [name for k, name in enumerate(names) if k in chosen]

    # ---- trees ----

    def contract(self, depth: int) -> dict[str, Any]:
        rows = _models()
        names = [n for n, row in rows.items() if bool(row["contracts"]) == self._goes_on(depth)]
        name = self.draw.choice(names)
        row = rows[name]
        if row["contracts"] == [_PARTS]:
            return {name: self._parts(depth - 1)}
        terms = self._terms(row)
        for inside in row["contracts"]:
            terms[inside] = self.contract(depth - 1)
        return {name: terms}

    def _goes_on(self, depth: int) -> bool:
        return depth > 1 and self.happens(0.6)

    def _parts(self, depth: int) -> list[dict[str, Any]]:
        if self.happens(0.4):
            share = round(self.draw.random(), 3)
            return [{"weight": w, "contract": self.contract(depth)} for w in (share, 1.0 - share)]
        scopes: list[Any] = [self._scope() for _ in range(self.draw.randint(1, 2))]
        return [{"scope": s, "contract": self.contract(depth)} for s in (*scopes, "rest")]

    def _scope(self) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        by = self.draw.randrange(3)
        if by != 1:
            settings = list(self.draw.choice(_SCOPES))
            chosen["setting"] = settings if len(settings) > 1 else settings[0]
        if by != 0:
            chosen["component"] = self.some(COMPONENTS[:3])
        return chosen

    # ---- terms ----

    def _terms(self, row: Row) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for term in row["terms"]:
            must = term["is_required"] or (not self.is_open and term["can_be_neutral"])
            if self.happens(0.9 if must and not term["is_required"] else float(must) or 0.4):
                value = self._value(term, found, row)
                if value is not None:
                    found[term["id"]] = value
        return found

    def _value(self, term: Row, found: Mapping[str, Any], row: Row) -> Any:
        """Give one term; None where nothing can be written for it."""
        if term["can_be_neutral"] and self.happens(0.5 if self.is_open else 0.1):
            if self.happens(0.1):
                return {"neutral": {"of": self.draw.choice(("group", "pool", "payer"))}}
            return "neutral"
        form: Callable[[Row, Mapping[str, Any], Row], Any] = getattr(self, f"_{term['form']}")
        return form(term, found, row)

    def _plain(self, term: Row) -> float:
        """Give a number of the range: an end now and then, because rules break at their ends."""
        low = -math.inf if term["low"] is None else float(term["low"])
        high = math.inf if term["high"] is None else float(term["high"])
        where = self.draw.random()
        if where < 0.08 and math.isfinite(low):
            return low
        if where < 0.12 and high < _WIDE:
            return high
        usual = term["default"]
        is_usual = isinstance(usual, int | float) and not isinstance(usual, bool) and usual > 0
        if is_usual and self.happens(0.5):
            value = usual * math.exp(self.draw.uniform(-1.5, 1.5))
        elif high - low <= 2.0:
            value = self.draw.uniform(low, high)
        elif high < _WIDE or not term["unit"].startswith("CNY"):
            # Ratios that matter lie around one, whatever larger ones are allowed.
            value = self.draw.choice((self.draw.random(), math.exp(self.draw.uniform(-1.5, 1.5))))
        else:
            value = math.exp(self.draw.uniform(0.0, math.log(min(high, _DEAR))))
        return min(max(float(f"{value:.6g}"), low), high)

    def _number(self, term: Row, found: Mapping[str, Any], row: Row) -> Any:
        value = self._plain(term)
        if term["unit"] in UNITS and self.happens(0.1):
            return {"value": value, "unit": term["unit"]}
        return value

    def _whole(self, term: Row, found: Mapping[str, Any], row: Row) -> int:
        low = int(term["low"])
        return self.draw.randint(low, min(int(term["high"]), low + 8))

    def _word(self, term: Row, found: Mapping[str, Any], row: Row) -> str:
        return str(self.draw.choice(term["choices"]))

    def _by_provider(self, term: Row, found: Mapping[str, Any], row: Row) -> Any:
        if self.happens(0.5):
            return self._number(term, found, row)
        return {name: self._plain(term) for name in self.context.provider_ids}

    def _series(self, term: Row, found: Mapping[str, Any], row: Row) -> list[float]:
        return [self._plain(term) for _ in range(self.draw.randint(1, 4))]

    def _by_key(self, term: Row, found: Mapping[str, Any], row: Row) -> Any:
        if term["choices"] and self.happens(0.6):
            return self._word(term, found, row)
        return {name: self._plain(term) for name in self.some(term["keys"])}

    def _by_group(self, term: Row, found: Mapping[str, Any], row: Row) -> dict[str, Any]:
        names = found[term["follows"]] if term["follows"] else self.some(self.context.groups)
        if term["keys"] and self.happens(0.5):
            return {name: [self._plain(term) for _ in range(3)] for name in names}
        return {name: self._plain(term) for name in names}

    def _groups(self, term: Row, found: Mapping[str, Any], row: Row) -> list[str]:
        return self.some(self.context.groups, least=int(term["is_required"]))

    def _providers(self, term: Row, found: Mapping[str, Any], row: Row) -> Any:
        if self.happens(0.5):
            return {"kind": self.some(_KINDS)}
        return self.some(self.context.provider_ids, least=0)

    def _measures(self, term: Row, found: Mapping[str, Any], row: Row) -> Any:
        names = self.some(term["keys"])
        if self.happens(0.3):
            return names
        return {name: self._plain(term) for name in names}

    def _measure_lists(self, term: Row, found: Mapping[str, Any], row: Row) -> dict[str, list[str]]:
        return {name: self.some(term["choices"]) for name in self.some(term["keys"])}

    def _targets(self, term: Row, found: Mapping[str, Any], row: Row) -> Any:
        if self.happens(0.3):
            return "own"
        names: Any = self.some(term["keys"]) if term["keys"] else None
        if names is None:
            usual = {t["id"]: t["default"] for t in row["terms"]}
            names = found.get(term["follows"], usual[term["follows"]])
        names = [names] if isinstance(names, str) else list(names)
        return {name: self._by_provider(term, found, row) for name in names}

    def _bands(self, term: Row, found: Mapping[str, Any], row: Row) -> list[dict[str, float]]:
        edge, share = term["keys"]
        depth, rows = 0.0, []
        for _ in range(self.draw.randint(0, 2)):
            depth = round(depth + 0.01 + 0.3 * self.draw.random(), 6)
            rows.append({edge: depth, share: self._plain(term)})
        if self.happens(0.6):
            rows.append({share: self._plain(term)})
        return rows

    def _bands_of_days(
        self, term: Row, found: Mapping[str, Any], row: Row
    ) -> list[dict[str, float]]:
        edge, share = term["keys"]
        day, rows = 0, []
        for _ in range(self.draw.randint(0, 2)):
            day += self.draw.randint(1, 8)
            rows.append({edge: day, share: self._plain(term)})
        return [*rows, {share: self._plain(term)}]

    def _tiers(self, term: Row, found: Mapping[str, Any], row: Row) -> list[dict[str, float]]:
        edge, share = term["keys"]
        start, rows = 0.0, []
        for _ in range(self.draw.randint(1, 4)):
            rows.append({edge: start, share: self._plain(term)})
            start = round(start + 0.01 + 0.7 * self.draw.random(), 6)
        return rows

    def _table(self, term: Row, found: Mapping[str, Any], row: Row) -> Any:
        context = self.context
        lengths = {
            "provider": context.n_providers,
            "group": len(context.groups),
            "level": 3,
        }
        if not term["keys"]:
            return self.draw.choice(sorted(context.tables)) if context.tables else None

        def nested(axes: Sequence[str]) -> Any:
            if not axes:
                return self._plain(term)
            return [nested(axes[1:]) for _ in range(lengths[axes[0]])]

        return nested(term["keys"])


# ------------------------------------------------------------------ trees written anew


def _mapped(spec: Any, on_terms: Callable[[Row, dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Give a tree with the terms of every node written anew, the contracts inside included."""
    ((name, terms),) = ({spec: {}} if isinstance(spec, str) else spec).items()
    row = _models()[name]
    if row["contracts"] == [_PARTS]:
        return {name: [{**part, "contract": _mapped(part["contract"], on_terms)} for part in terms]}
    own = {k: v for k, v in (terms or {}).items() if k not in row["contracts"]}
    inside = {k: _mapped(terms[k], on_terms) for k in row["contracts"] if k in terms}
    return {name: {**on_terms(row, own), **inside}}


def multiplied(spec: Any, factor: float, *, of: str) -> dict[str, Any]:
    """Give a contract tree with some of its numbers multiplied.

    Parameters
    ----------
    spec : mapping or str
        The tree as a file holds it.
    factor : float
    of : {'money', 'sums'}
        All amounts of money, as in another minor unit; or sums for the year, as for a larger
        region.

    Examples
    --------
    >>> multiplied({"drg": {"base_rate": 9000.0, "growth": 0.02}}, 100.0, of="money")
    {'drg': {'base_rate': 900000.0, 'growth': 0.02}}
    """

    def changed(row: Row, terms: dict[str, Any]) -> dict[str, Any]:
        known = {term["id"]: term for term in row["terms"]}
        found = dict(terms)
        for name, term in known.items():
            value = terms.get(name, term["default"])  # a sum that nobody wrote counts as well
            if _counts(term["unit"], of) and value not in (None, 0.0, "neutral"):
                found[name] = _times(value, factor, edge=term["keys"][:1])
        return found

    return _mapped(spec, changed)


def _counts(unit: str, of: str) -> bool:
    if of == "money":
        return unit.split("/")[0] == "CNY"
    return unit.endswith("/year") and unit != "1/year"


def _times(value: Any, factor: float, edge: Sequence[str]) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Mapping | list):
        return value
    if isinstance(value, list):
        return [_times(row, factor, edge) for row in value]
    if isinstance(value, Mapping):
        return {k: v if k in edge else _times(v, factor, edge) for k, v in value.items()}
    return factor * value


def reordered(spec: Any, order: Sequence[int], names: Mapping[str, str]) -> dict[str, Any]:
    """Give a contract tree for the same providers in another order and by other names.

    Parameters
    ----------
    spec : mapping or str
        The tree as a file holds it.
    order : sequence of int
        Old row of each new row.
    names : mapping of str to str
        New name by old name.
    """

    def changed(row: Row, terms: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = _renamed(terms, names)
        for term in row["terms"]:
            rows = found.get(term["id"])
            if term["form"] == "table" and term["keys"][:1] == ["provider"]:
                found[term["id"]] = [rows[k] for k in order] if isinstance(rows, list) else rows
        return {name: value for name, value in found.items() if value is not None}

    return _mapped(spec, changed)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {names.get(k, k): _renamed(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [_renamed(v, names) for v in value]
    return names.get(value, value) if isinstance(value, str) else value
