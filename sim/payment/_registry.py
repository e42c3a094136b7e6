"""Finding payment models by name and building contracts from what a scenario file holds.

Knows that every module of this folder without a leading underscore is one model, and the entry
points of installed packages; must not know what any model does.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from sim.errors import PaymentError
from sim.payment._protocol import PaymentContext, PaymentModel

__all__ = ["ENTRY_POINT_GROUP", "build", "catalogue", "registry"]

ENTRY_POINT_GROUP = "payshift.payment_models"


@cache
def registry() -> Mapping[str, Any]:
    """Give every known payment model, name to class, this folder's first.

    A module's model is the class it defines whose ``id`` is the module's name. An installed package
    offers a class with ``from_spec`` under the entry-point group ``payshift.payment_models``; it
    cannot replace a model of this folder.
    """
    found: dict[str, Any] = {}
    folder = str(Path(__file__).parent)
    for module in pkgutil.iter_modules([folder]):
        if module.name.startswith("_"):
            continue
        loaded = importlib.import_module(f"sim.payment.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, type) and getattr(value, "id", None) == module.name:
                found[module.name] = value
    for point in entry_points(group=ENTRY_POINT_GROUP):
        found.setdefault(point.name, point.load())
    return found


def catalogue() -> list[dict[str, Any]]:
    """Give one row per payment model: id, titles, lines, formula, sources, contracts inside, terms.

    Formula and sources are the Notes and References of the model's docstring, so that what a reader
    is shown is what the code says of itself.
    """
    rows: list[dict[str, Any]] = []
    for name, model in registry().items():
        describe = getattr(model, "describe", list)
        rows.append(
            {
                "id": name,
                **{
                    key: getattr(model, key, name)
                    for key in ("title_en", "title_zh", "line_en", "line_zh")
                },
                "formula": _block(model, "Notes"),
                "sources": _block(model, "References"),
                "contracts": list(getattr(model, "holds", ())),
                "terms": describe(),
            }
        )
    return rows


def _block(model: Any, title: str) -> str:
    """Give a section of a numpydoc docstring; nothing where a class has none."""
    text = inspect.getdoc(model) or ""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+$|\Z)", text, re.M | re.S)
    return found[1].strip() if found else ""


def build(spec: Any, context: PaymentContext, where: str = "contract") -> PaymentModel:
    """Build a contract tree from the mapping a scenario file holds.

    Parameters
    ----------
    spec : mapping with one key, or str
        The model's name with its terms, or the bare name where all terms have defaults.
    context : PaymentContext
        Providers and price lists.
    where : str
        Path for messages.

    Raises
    ------
    PaymentError
        Naming the place, what was found, what is allowed and the nearest name.
    """
    if isinstance(spec, str):
        spec = {spec: {}}
    known = registry()
    names = ", ".join(known)
    if not isinstance(spec, Mapping) or len(spec) != 1:
        value = list(spec) if isinstance(spec, Mapping) else spec
        raise PaymentError(
            "a contract is one payment model and its terms",
            where=where,
            value=value,
            allowed=f"one of {names}",
        )
    name, terms = next(iter(spec.items()))
    if name not in known:
        near = difflib.get_close_matches(str(name), list(known), n=1)
        raise PaymentError(
            "unknown payment model",
            where=where,
            value=name,
            allowed=names,
            remedy=f"Did you mean {near[0]!r}?" if near else "",
        )
    terms = {} if terms is None else terms
    path = f"{where}.{name}"
    if isinstance(terms, list | tuple):
        terms = {"parts": terms}
    if not isinstance(terms, Mapping):
        raise PaymentError("terms are a mapping", where=path, value=terms)
    model: PaymentModel = known[name].from_spec(terms, context, build, path)
    return model
