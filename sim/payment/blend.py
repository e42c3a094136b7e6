"""Blend: several contracts side by side, by scope of care or by weight."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sim.activity import COMPONENTS, SETTINGS, STAYS, Activity, Array, Scope
from sim.errors import PaymentError
from sim.payment._protocol import (
    Build,
    Contract,
    Outlook,
    Partials,
    PaymentContext,
    PaymentModel,
    fan_of,
    gradient_of,
    gradient_through,
    has_neutral,
    is_straight,
    next_year,
    resolve,
    spec_from,
    tariff_of,
    total,
)
from sim.payment._rules import as_counted
from sim.payment._terms import Term, check_keys, read_number, read_term

_WEIGHT = Term("share", 0.0, 1.0, "weight of a contract", "权重")
_OUTPATIENT = "outpatient"
_SETTING = Term("word", 0, 0, "setting", "就医场景", (*SETTINGS, _OUTPATIENT))
_COMPONENT = Term("word", 0, 0, "component", "费用构成", COMPONENTS)
_REST = "rest"


@dataclass(frozen=True, eq=False)
class Part:
    """One contract of a blend: its share, the care it sees, and how a file names that care.

    Parameters
    ----------
    contract : PaymentModel
        The contract.
    weight : float
        Its weight; 1 when blended by scope.
    scope : Scope
        Care it sees, after what earlier parts have taken.
    named : mapping, str or None
        The scope as a file names it; None when blended by weight.
    """

    contract: PaymentModel
    weight: float
    scope: Scope
    named: Any = None

    @property
    def is_whole(self) -> bool:
        """Tell whether the part sees all care."""
        return self.named is None


@dataclass(frozen=True, eq=False)
class Blend(Contract):
    """Pay different care, or shares of the same care, by different contracts.

    Parameters
    ----------
    parts : tuple of Part
        The contracts with their scope or weight.

    Notes
    -----
    The payer pays each contract for the care it sees, each in its own way::

        by scope:   revenue = sum_i contract_i(activity inside scope_i)
        by weight:  revenue = sum_i weight_i contract_i(activity),  sum_i weight_i = 1

    A scope names settings (primary, hospital_outpatient, inpatient; outpatient for the first two)
    and components (drugs, diagnostics, procedures, labor); the first part that names an item has
    it, and ``rest`` has what nobody named. A scope of components holds units only: visits, stays
    and days belong to a part without components. Members, quality, referrals and resource cost have
    no setting, so every part sees them whole. By weight, a blend that keeps share f of a fee keeps
    share f of its incentive.

    References
    ----------
    Ellis RP, McGuire TG. Optimal payment systems for health services. J Health Econ 1990;
    9:375-396. https://doi.org/10.1016/0167-6296(90)90001-J
    """

    id: ClassVar[str] = "blend"
    title_en: ClassVar[str] = "Blend"
    title_zh: ClassVar[str] = "复合支付"
    line_en: ClassVar[str] = "Several contracts side by side, by scope of care or by weight."
    line_zh: ClassVar[str] = "多种支付方式按范围或权重组合。"
    holds: ClassVar[tuple[str, ...]] = ("parts",)

    parts: tuple[Part, ...]

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read the parts, ``{parts: [...]}``; a file may also write the list directly."""
        check_keys(spec, ("parts",), where)
        rows = spec.get("parts")
        if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
            raise PaymentError(
                "a blend is a list of contracts",
                where=where,
                value=rows,
                allowed="- scope: ... or weight: ..., each with contract: ...",
            )
        for k, row in enumerate(rows):
            path = f"{where}[{k}]"
            if not isinstance(row, Mapping):
                raise PaymentError("a part is a mapping", where=path, value=row)
            check_keys(row, ("scope", "weight", "contract"), path)
            if ("scope" in row) == ("weight" in row) or "contract" not in row:
                raise PaymentError(
                    "a part has a contract and either a scope or a weight",
                    where=path,
                    value=sorted(row),
                    allowed="contract with scope, or contract with weight",
                )
        contracts = [
            build(row["contract"], context, f"{where}[{k}].contract") for k, row in enumerate(rows)
        ]
        by_weight = ["weight" in row for row in rows]
        if all(by_weight):
            return cls(_weighted(rows, contracts, where))
        if any(by_weight):
            raise PaymentError("parts are by scope or by weight, not both", where=where)
        return cls(_scoped(rows, contracts, where))

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        return {
            self.id: [
                {
                    "weight" if p.is_whole else "scope": p.weight if p.is_whole else p.named,
                    "contract": spec_from(p.contract),
                }
                for p in self.parts
            ]
        }

    @property
    def reads(self) -> frozenset[str]:
        """Give what any part reads."""
        return frozenset().union(*(p.contract.reads for p in self.parts))

    @property
    def is_straight(self) -> bool:
        """Tell whether every part is a straight line."""
        return all(is_straight(c) for c in self.children)

    @property
    def children(self) -> tuple[PaymentModel, ...]:
        """Give the contracts."""
        return tuple(p.contract for p in self.parts)

    @property
    def tariff(self) -> PaymentModel:
        """Give what prices the items, part by part."""
        return self._with([tariff_of(c) for c in self.children])

    def _with(self, contracts: Sequence[PaymentModel]) -> Blend:
        return Blend(
            tuple(
                dataclasses.replace(p, contract=c)
                for p, c in zip(self.parts, contracts, strict=True)
            )
        )

    def revenue(self, activity: Activity) -> Array:
        """Give the sum over parts, CNY per year, shape (n,)."""
        found = np.zeros(activity.n_providers)
        for p in self.parts:
            found += p.weight * p.contract.revenue(_seen(p, activity))
        return found

    def partials(self, activity: Activity) -> Partials:
        """Give the sum of the parts' slopes, each inside its scope."""
        return total(
            [
                _inside(
                    p,
                    {
                        name: p.weight * array
                        for name, array in _read(
                            p, gradient_of(p.contract, _seen(p, activity))
                        ).items()
                    },
                )
                for p in self.parts
            ]
        )

    def fan(self, outlook: Outlook) -> Array:
        """Give the sum of the parts at every node of the forecast."""
        first, *others = [
            _of_weight(p.weight, fan_of(p.contract, _outlook(p, outlook))) for p in self.parts
        ]
        return first if not others else np.asarray(sum(others, first))

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down to every part, each inside its scope."""
        return total(
            [
                _inside(
                    p,
                    gradient_through(
                        p.contract, _outlook(p, outlook), _of_weight(p.weight, upstream)
                    ),
                )
                for p in self.parts
            ]
        )

    def renew(self, history: Sequence[Activity]) -> Blend:
        """Renew every part from what it saw."""
        return self._with(
            [next_year(p.contract, [_seen(p, year) for year in history]) for p in self.parts]
        )

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Make every part neutral on its own scope, or to the whole when blended by weight.

        Receipts are split by the prices under the previous contract; without one, a single neutral
        part takes what the others leave.
        """
        if not has_neutral(self):
            return self
        if self.parts[0].is_whole:
            return self._with([resolve(c, base, receipts, previous) for c in self.children])
        shares = self._split(base, receipts, previous)
        return self._with(
            [
                resolve(p.contract, _seen(p, base), share, previous)
                for p, share in zip(self.parts, shares, strict=True)
            ]
        )

    def _split(self, base: Activity, receipts: Array, previous: PaymentModel | None) -> list[Array]:
        if previous is not None:
            tariff = tariff_of(previous)
            seen = as_counted(tariff, base)
            priced = [tariff.revenue(_seen(p, seen)) for p in self.parts]
            whole = np.sum(priced, axis=0)
            with np.errstate(divide="ignore", invalid="ignore"):
                scale = np.where(whole > 0, receipts / whole, 0.0)
            lost = np.where(whole > 0, 0.0, receipts).sum()
            # Receipts of a provider without priced items are spread as the group's are.
            spread = 1.0 + lost / max(float((whole * scale).sum()), 1e-300) if lost else 1.0
            return [x * scale * spread for x in priced]
        open_ = [has_neutral(c) for c in self.children]
        if sum(open_) > 1:
            raise PaymentError(
                "several neutral terms share one sum",
                where=self.id,
                remedy="Give the previous contract, whose prices split it by scope.",
            )
        known = [
            np.zeros_like(receipts)
            if is_open
            else p.contract.revenue(as_counted(p.contract, _seen(p, base)))
            for p, is_open in zip(self.parts, open_, strict=True)
        ]
        rest = receipts - np.sum(known, axis=0)
        return [rest if is_open else x for x, is_open in zip(known, open_, strict=True)]


def _seen(part: Part, activity: Activity) -> Activity:
    return activity if part.is_whole else activity.masked(part.scope)


def _outlook(part: Part, outlook: Outlook) -> Outlook:
    return outlook if part.is_whole else outlook.masked(part.scope)


def _of_weight(weight: float, whole: Array) -> Array:
    """Give a share of something; the whole as it is, for most parts have a scope and all of it."""
    return whole if weight == 1.0 else weight * whole


def _read(part: Part, slopes: Activity) -> Partials:
    return {name: getattr(slopes, name) for name in part.contract.reads}


def _inside(part: Part, partials: Partials) -> Partials:
    """Cut slopes to the scope: care outside brings nothing here."""
    if part.is_whole:
        return partials
    found = dict(partials)
    factors: dict[str, Array | float] = {
        "visits": part.scope.visits,
        "patient_covered": part.scope.visits,
        "patient_uncovered": part.scope.visits,
        "units": part.scope.units,
        **dict.fromkeys(STAYS, part.scope.stays),
    }
    for name, factor in factors.items():
        if name in found:
            found[name] = found[name] * factor
    return found


def _weighted(
    rows: Sequence[Mapping[str, Any]], contracts: Sequence[PaymentModel], where: str
) -> tuple[Part, ...]:
    parts = tuple(
        Part(c, read_number(row["weight"], _WEIGHT, f"{where}[{k}].weight"), Scope.everything())
        for k, (row, c) in enumerate(zip(rows, contracts, strict=True))
    )
    sum_ = math.fsum(p.weight for p in parts)
    if abs(sum_ - 1.0) > 1e-9:
        raise PaymentError("weights sum to 1", where=where, value=sum_, allowed="1")
    return parts


def _names(value: object, of: Term, where: str) -> list[str]:
    listed = [value] if isinstance(value, str) or not isinstance(value, Sequence) else list(value)
    return [str(read_term(v, of, where)) for v in listed]


def _read_scope(value: object, where: str) -> Scope:
    if not isinstance(value, Mapping) or not value:
        raise PaymentError(
            "a scope names care",
            where=where,
            value=value,
            allowed="{setting: ...}, {component: ...}, both, or rest",
        )
    check_keys(value, ("setting", "component"), where)
    settings: list[str] = []
    if "setting" in value:
        for name in _names(value["setting"], _SETTING, f"{where}.setting"):
            settings.extend(SETTINGS[:2] if name == _OUTPATIENT else (name,))
    components = (
        _names(value["component"], _COMPONENT, f"{where}.component") if "component" in value else []
    )
    return Scope.of(settings, components)


def _scoped(
    rows: Sequence[Mapping[str, Any]], contracts: Sequence[PaymentModel], where: str
) -> tuple[Part, ...]:
    nothing = Scope(np.zeros(3), np.zeros((3, 4)), 0.0)
    named = [row["scope"] for row in rows]
    if named.count(_REST) > 1:
        raise PaymentError("only one part can have the rest", where=where)
    scopes: dict[int, Scope] = {}
    taken = nothing
    order = sorted(range(len(rows)), key=lambda k: named[k] == _REST)
    for k in order:
        path = f"{where}[{k}].scope"
        wanted = Scope.everything() if named[k] == _REST else _read_scope(named[k], path)
        scopes[k] = wanted.without(taken)
        if scopes[k].is_empty:
            raise PaymentError(
                "nothing is left for this part",
                where=path,
                value=named[k],
                allowed="care that no earlier part names",
                remedy="Earlier parts have taken all of it: remove one of them.",
            )
        taken = taken.joined(wanted)
    if not Scope.everything().without(taken).is_empty:
        raise PaymentError(
            "some care belongs to no part, and nobody would pay for it",
            where=where,
            value=named,
            allowed="scopes that hold all care together",
            remedy="Add a part with `scope: rest`.",
        )
    return tuple(Part(c, 1.0, scopes[k], named[k]) for k, c in enumerate(contracts))
