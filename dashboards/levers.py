"""Levers: the numbers of a scenario that a policymaker may move, with range and today's value.

Knows the plain form of a scenario and what models declare of their terms; must not know pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeGuard

from sim import payment
from sim.scenario import Scenario

__all__ = ["Block", "Lever", "blocks", "levers"]

_SHARES = ("share", "ratio", "fraction")
# Numbers of a band or a rule, which are not terms of their own.
_PARTS: Mapping[str, tuple[float, float]] = {
    "kept": (0.0, 1.0),
    "borne": (0.0, 1.0),
    "to": (0.0, 1.0),
    "weight_on_history": (0.0, 1.0),
    "growth": (-0.05, 0.15),
}


@dataclass(frozen=True)
class Lever:
    """One number that can be moved.

    Attributes
    ----------
    path : where it stands, dotted
    family : ``contract``, ``audit`` or ``benefits``
    model : payment model it is a term of; empty elsewhere
    term : its name there
    labels : what it is, by language; empty where only its name is known
    unit : of the number
    low, high : range to move in
    value : now
    """

    path: str
    family: str
    model: str
    term: str
    labels: Mapping[str, str]
    unit: str
    low: float
    high: float
    value: float


@dataclass(frozen=True)
class Block:
    """One contract of a tree: a payment model, where it stands and what it holds.

    Attributes
    ----------
    path : where the contract stands, dotted; its model is the one key there
    model : name
    role : how it hangs in its parent: empty at the top, else ``of``, or the scope of a part
    depth : levels above it
    children : contracts inside
    """

    path: str
    model: str
    role: str
    depth: int
    children: tuple[Block, ...]


@cache
def _terms() -> dict[str, dict[str, Mapping[str, Any]]]:
    return {
        str(row["id"]): {str(term["id"]): term for term in row["terms"]}
        for row in payment.catalogue()
    }


def levers(scenario: Scenario) -> list[Lever]:
    """The numbers of a scenario's contracts, audit and benefits, contracts first."""
    whole = scenario.resolved()
    found = list(_of_contracts(whole.get("payment") or []))
    for family in ("audit", "benefits"):
        found += _of_quantities(whole.get(family), family, family)
    return found


def _of_contracts(assignments: Sequence[Any]) -> Iterator[Lever]:
    for number, assignment in enumerate(assignments):
        if isinstance(assignment, Mapping):
            yield from _of_contract(assignment.get("contract"), f"payment.{number}.contract")


def _of_contract(contract: Any, path: str) -> Iterator[Lever]:
    if not isinstance(contract, Mapping):
        return
    for model, body in contract.items():
        below = f"{path}.{model}"
        if isinstance(body, list):  # parts of a blend
            for number, part in enumerate(body):
                if isinstance(part, Mapping):
                    yield from _of_contract(part.get("contract"), f"{below}.{number}.contract")
        if not isinstance(body, Mapping):
            continue
        known = _terms().get(str(model), {})
        for term, value in body.items():
            at = f"{below}.{term}"
            if term in ("of", "contract") or (isinstance(value, Mapping) and _is_tree(value)):
                yield from _of_contract(value, at)
            else:
                yield from _of_value(value, at, str(model), str(term), known.get(str(term)))


def _is_tree(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)) in _terms()


def _of_value(
    value: Any, path: str, model: str, term: str, about: Mapping[str, Any] | None
) -> Iterator[Lever]:
    if isinstance(value, Mapping) and "value" in value:
        number = value["value"]
        unit = str(value.get("unit", about["unit"] if about else ""))
        given = (value.get("low"), value.get("high"))
        if _is_number(number):
            yield _lever(path, model, term, about, unit, float(number), given)
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _of_value(entry, f"{path}.{name}", model, str(name), None)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _of_value(entry, f"{path}.{index}", model, term, None)
    elif _is_number(value):
        unit = str(about["unit"]) if about else ""
        yield _lever(path, model, term, about, unit, float(value), (None, None))


def _lever(
    path: str,
    model: str,
    term: str,
    about: Mapping[str, Any] | None,
    unit: str,
    value: float,
    given: tuple[Any, Any],
) -> Lever:
    low, high = given
    if not (_is_number(low) and _is_number(high)):
        low, high = (about["low"], about["high"]) if about else _PARTS.get(term, (None, None))
    if not _is_number(low):
        low = 0.0
    if not _is_number(high) or float(high) > 10.0 * max(abs(value), 1.0):
        high = 2.0 * abs(value) if value else 1.0
    labels = {lang: str(about[f"label_{lang}"]) for lang in ("en", "zh")} if about else {}
    return Lever(
        path,
        "contract",
        model,
        term,
        labels,
        unit,
        min(float(low), value),
        max(float(high), value),
        value,
    )


def _of_quantities(value: Any, path: str, family: str) -> Iterator[Lever]:
    """Every number that carries its own range, and every number of the audit.

    A scenario written out as text keeps an audit's values and units, not their ranges.
    """
    if not isinstance(value, Mapping):
        return
    if "value" in value:
        number, low, high = value["value"], value.get("low"), value.get("high")
        if family == "audit" and _is_number(number) and not (_is_number(low) and _is_number(high)):
            low = 0.0
            high = 1.0 if value.get("unit") == "share" else 2.0 * abs(float(number)) or 1.0
        if _is_number(number) and _is_number(low) and _is_number(high) and low < high:
            yield Lever(
                path,
                family,
                "",
                path.partition(".")[2],
                {},
                str(value.get("unit", "")),
                min(float(low), float(number)),
                max(float(high), float(number)),
                float(number),
            )
        return
    for name, entry in value.items():
        yield from _of_quantities(entry, f"{path}.{name}", family)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def blocks(assignments: Any) -> list[tuple[Mapping[str, Any], Block]]:
    """Every assignment of a payment with its contract as a tree of blocks."""
    found: list[tuple[Mapping[str, Any], Block]] = []
    for number, assignment in enumerate(assignments or []):
        if not isinstance(assignment, Mapping):
            continue
        block = _block(assignment.get("contract"), f"payment.{number}.contract", "", 0)
        if block is not None:
            found.append((assignment, block))
    return found


def _block(contract: Any, path: str, role: str, depth: int) -> Block | None:
    if isinstance(contract, str):
        return Block(path, contract, role, depth, ())
    if not isinstance(contract, Mapping) or len(contract) != 1:
        return None
    ((model, body),) = contract.items()
    inside: list[Block | None] = []
    if isinstance(body, list):
        for number, part in enumerate(body):
            if isinstance(part, Mapping):
                scope = part.get("scope", part.get("weight", ""))
                inside.append(
                    _block(
                        part.get("contract"),
                        f"{path}.{model}.{number}.contract",
                        _scope_words(scope),
                        depth + 1,
                    )
                )
    elif isinstance(body, Mapping):
        for term, value in body.items():
            if isinstance(value, Mapping) and _is_tree(value):
                inside.append(_block(value, f"{path}.{model}.{term}", str(term), depth + 1))
    return Block(path, str(model), role, depth, tuple(b for b in inside if b is not None))


def _scope_words(scope: Any) -> str:
    if isinstance(scope, Mapping):
        return " · ".join(
            ", ".join(map(str, v)) if isinstance(v, list) else str(v) for v in scope.values()
        )
    return str(scope)
