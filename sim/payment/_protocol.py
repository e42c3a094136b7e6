"""What a payment model is: one pure function from a year of activity to money, and its slope.

Knows activity and the shape of a contract tree; must not know behavior, months, agents or the name
of any payment model.

A stranger's model needs ``reads`` and ``revenue`` only; what it does not bring (a gradient, next
year's terms, thresholds) is worked out or taken as none. Models of this house inherit `Contract`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from sim.activity import Activity, Array, CaseRule, EpisodeRule, Scope, TransferRule
from sim.errors import PaymentError
from sim.payment._smoothing import N_NODES, middles, nodes, weights
from sim.payment._terms import (
    check_keys,
    declared,
    is_neutral,
    read_number,
    read_term,
    spec_of,
    terms_of,
    without_default,
)

__all__ = [
    "MONTHLY_IN_FULL",
    "Build",
    "Contract",
    "Outlook",
    "Partials",
    "PaymentContext",
    "PaymentModel",
    "Timetable",
    "episodes_of",
    "fan_of",
    "gradient_of",
    "gradient_through",
    "has_neutral",
    "interim_of",
    "is_pooled",
    "is_straight",
    "next_year",
    "numerical_partials",
    "resolve",
    "rules_of",
    "spec_from",
    "tariff_of",
    "thresholds_of",
    "through_others",
    "timetable_of",
    "total",
    "transfers_of",
]

Partials = dict[str, Array]
_N_BLOCKS = 8  # point slopes cost a revenue per cell: eight places on the fan are enough


@dataclass(frozen=True)
class Timetable:
    """When a contract's money moves; what is owed, and what providers see, is unchanged by it.

    The timetable of the outermost contract is in force. The rest of a year whose settlement lies
    beyond the end of a run is owed and never booked.

    Parameters
    ----------
    interim_share : float
        Share of the amount earned to date that is paid monthly.
    settlement_delay_months : int
        Months after the year's end until the rest is settled.
    """

    interim_share: float = 1.0
    settlement_delay_months: int = 0


MONTHLY_IN_FULL = Timetable()
"""What holds where a contract says nothing."""


@runtime_checkable
class PaymentModel(Protocol):
    """The least a payment model brings.

    ``revenue`` is the gross amount allowed for covered care, float64 (n,), CNY per year; ``reads``
    names the fields of activity it depends on. A provider's revenue depends on its own row only,
    unless the model says ``is_pooled = True``.
    """

    @property
    def reads(self) -> frozenset[str]:
        """Give the fields of activity the revenue depends on."""

    def revenue(self, activity: Activity) -> Array:
        """Give the gross amount allowed for covered care, CNY per year, shape (n,)."""


@dataclass(frozen=True)
class PaymentContext:
    """The group of providers a contract is written for, and the price lists it may refer to.

    Parameters
    ----------
    provider_ids : sequence of str
        Names of the n providers, in the order of the activity's rows.
    kinds : ndarray of int, shape (n,)
        Kind of each provider (0 practice, 1 secondary hospital, 2 tertiary hospital).
    groups : sequence of str
        Names of the G clinical groups.
    unit_price : ndarray, shape (n, 3, 4)
        List price of a component unit by setting, CNY.
    visit_fee : ndarray, shape (n, 3)
        List fee of a visit by setting, CNY.
    day_price : ndarray, shape (n, G)
        List price of a bed-day, CNY.
    weights : ndarray, shape (G, 3)
        Relative weights of the groups by level.
    grade_coefficient : ndarray, shape (n,)
        Coefficient of the provider's grade.
    mode_weight : ndarray, shape (G, M), optional
        Relative weight of the modes of treatment (conservative, minor, major procedure) over their
        group's; none given: one mode of weight 1.
    tables : mapping of str to ndarray
        Tables a contract may name: weights (G, 3); unit prices (n, 3, 4) or (3, 4), with optional
        companions ``<name>:visit_fee`` and ``<name>:day_price``.
    """

    provider_ids: Sequence[str]
    kinds: np.ndarray
    groups: Sequence[str]
    unit_price: Array
    visit_fee: Array
    day_price: Array
    weights: Array
    grade_coefficient: Array
    mode_weight: Array | None = None
    tables: Mapping[str, Array] = dataclasses.field(default_factory=dict)

    @property
    def n_providers(self) -> int:
        """Give the number of providers under the contract."""
        return len(self.provider_ids)

    def table(self, name: str, where: str) -> Array:
        """Give a named table, or say which exist."""
        if name not in self.tables:
            raise PaymentError(
                "no such table",
                where=where,
                value=name,
                allowed=", ".join(sorted(self.tables)) or "no tables were given",
            )
        return np.asarray(self.tables[name], dtype=np.float64)


Build = Callable[[Any, PaymentContext, str], PaymentModel]


@dataclass(frozen=True, eq=False)
class Outlook:
    """How a provider expects its year to end, and how it looks at next year.

    Parameters
    ----------
    activity : Activity
        Where it believes it will stand at the year's end.
    perceived : Activity
        The same seen through the year so far, used by nodes with budgets and caps.
    error : ndarray, shape (n,)
        Standard deviation of its forecast, as a share of activity.
    discount : float
        What a yuan next year is worth today: time preference times the chance of still being in the
        contract.
    score_error : float
        Standard deviation with which a provider knows its scores of quality, as a share of the full
        mark: steps in a score are seen through it, as budgets are through the forecast.
    jointly : bool
        Whether slopes are those of all providers' revenue together, as whoever leads them sees it,
        and not of each one's own. Only nodes through which providers share money differ.
    """

    activity: Activity
    perceived: Activity
    error: Array
    discount: float = 0.0
    score_error: float = 0.0
    jointly: bool = False

    def masked(self, scope: Scope) -> Outlook:
        """Give the part of the outlook inside a scope, worked out once for each scope."""
        # A contract is gone through twice a month, up for values and down for slopes. The scope is
        # kept beside its part, so that no other object can come to bear its number.
        known: dict[int, tuple[Scope, Outlook]] = self.__dict__.setdefault("_parts", {})
        if id(scope) not in known:
            mine = self.activity.masked(scope)
            seen = mine if self.perceived is self.activity else self.perceived.masked(scope)
            known[id(scope)] = (scope, self._with(mine, seen))
        return known[id(scope)][1]

    def through_the_year_so_far(self) -> Outlook:
        """Give the outlook of a manager who looks at the year to date."""
        if self.perceived is self.activity:
            return self
        return self._with(self.perceived, self.perceived)

    def _with(self, activity: Activity, perceived: Activity) -> Outlook:
        """Give the same forecast of other care; its steps are worked out once for all."""
        other = Outlook(
            activity, perceived, self.error, self.discount, self.score_error, self.jointly
        )
        other.__dict__["steps"] = self.steps
        return other

    @classmethod
    def exact(cls, activity: Activity) -> Outlook:
        """Give the outlook of someone who knows how the year ends."""
        return cls(activity, activity, np.zeros(activity.n_providers))

    @property
    def at_root(self) -> Array:
        """Give the slope to start from: a yuan of the whole contract is a yuan, (n, K - 1)."""
        return np.ones((self.activity.n_providers, len(weights())))

    @cached_property
    def steps(self) -> Array:
        """Give the forecast errors of the fan as shares of activity, shape (n, K)."""
        return np.asarray(self.error[:, None] * nodes())


class Contract:
    """A node of a contract tree with what most payment models share.

    A leaf that is a straight line in activity needs ``reads``, ``revenue`` and ``partials``. A node
    over others also says how it passes a slope down. What is not said is worked out numerically.
    """

    id: ClassVar[str]
    title_en: ClassVar[str]
    title_zh: ClassVar[str]
    line_en: ClassVar[str]
    line_zh: ClassVar[str]

    holds: ClassVar[tuple[str, ...]] = ()
    """Names under which a file writes the contracts inside; ``parts`` is a list of them."""

    @property
    def timetable(self) -> Timetable:
        """Give when the money moves; a class may simply set another in its place."""
        return MONTHLY_IN_FULL

    def __post_init__(self) -> None:
        """Hold every declared number to its range, however the contract was made."""
        for name, of in terms_of(type(self)):
            value = getattr(self, name)
            where = f"{type(self).__name__}.{name}"
            if isinstance(value, np.ndarray):
                for end in (value.min(), value.max()):
                    read_number(end, of, where)
            elif isinstance(value, int | float):
                read_number(value, of, where)

    # ---- what a model says ----

    @property
    def reads(self) -> frozenset[str]:
        """Give the fields of activity the revenue depends on."""
        raise PaymentError("a payment model names what it reads", where=type(self).__name__)

    def revenue(self, activity: Activity) -> Array:
        """Give the gross amount allowed for covered care, CNY per year, shape (n,)."""
        raise PaymentError("a payment model states its revenue", where=type(self).__name__)

    def partials(self, activity: Activity) -> Partials:
        """Give the derivatives of the revenue, CNY per unit of each field read."""
        return numerical_partials(self, activity)

    @property
    def is_straight(self) -> bool:
        """Tell whether revenue is a straight line in activity."""
        return False

    @property
    def is_proportional(self) -> bool:
        """Tell whether all care forecast twice over is twice the money, to the last bit.

        So are sums of such care times prices. Who says so spares a forecast its second point; who
        says nothing is asked for both.
        """
        return False

    @property
    def children(self) -> tuple[PaymentModel, ...]:
        """Give the contracts this one is written over."""
        return ()

    @property
    def is_pooled(self) -> bool:
        """Tell whether a provider's revenue depends on what others under the contract do."""
        return any(is_pooled(child) for child in self.children)

    @property
    def grows_with_the_region(self) -> bool:
        """Tell whether twice the region, and twice every sum agreed, is twice the money.

        A term that looks at how many people there are, such as a rate set by the size of the list,
        says no.
        """
        return all(getattr(child, "grows_with_the_region", True) for child in self.children)

    @property
    def tariff(self) -> PaymentModel:
        """Give the contract that prices single items underneath."""
        return self

    def renew(self, history: Sequence[Activity]) -> Self:
        """Give next year's terms from the years so far, the latest last."""
        return self

    def thresholds(self) -> tuple[CaseRule, ...]:
        """Give the rules by which activity must sort stays: the children's.

        Asked only once every neutral term is a number.
        """
        return tuple(rule for child in self.children for rule in thresholds_of(child))

    def episodes(self) -> tuple[EpisodeRule, ...]:
        """Give the rules by which activity must count episodes: the children's.

        Known from the start: none follows from a neutral term.
        """
        return tuple(rule for child in self.children for rule in episodes_of(child))

    def transfers(self) -> tuple[TransferRule, ...]:
        """Give the rules by which activity must count stays that end elsewhere: the children's.

        Known from the start, as episodes are.
        """
        return tuple(rule for child in self.children for rule in transfers_of(child))

    def resolved(
        self, base: Activity, receipts: Array, previous: PaymentModel | None
    ) -> PaymentModel:
        """Give the contract with its neutral terms fixed, on its own scope."""
        return self

    def interim(self, activity: Activity) -> Array:
        """Give what is paid before the settlement, CNY per year, shape (n,)."""
        return self.timetable.interim_share * self.revenue(activity)

    # ---- what follows ----

    def gradient(self, activity: Activity) -> Activity:
        """Give the derivative of revenue, in the shape of activity, CNY per unit."""
        return activity.filled(self.partials(activity))

    def fan(self, outlook: Outlook) -> Array:
        """Give the revenue at every node of the forecast, shape (n, K)."""
        activity = outlook.activity
        if self.is_straight:
            middle = self.revenue(activity)
            slope = middle
            if not self.is_proportional:
                slope = self.revenue(activity.stretched(1.0)) - middle
            return np.asarray(middle[:, None] + slope[:, None] * outlook.steps)
        return _fan_point_by_point(self, outlook)

    def gradient_through(self, outlook: Outlook, upstream: Array) -> Partials:
        """Pass a slope down the tree to activity, by the chain rule.

        Parameters
        ----------
        outlook : Outlook
            Expected activity and its error.
        upstream : ndarray, shape (n, K - 1)
            What one yuan of this node's revenue brings at the root, on each interval of the fan.
        """
        if self.is_straight:
            return _times(self.partials(outlook.activity), upstream @ weights())
        return _partials_over_fan(self, outlook, upstream)

    # ---- files and lists ----

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, Any], context: PaymentContext, build: Build, where: str
    ) -> PaymentModel:
        """Read the model from the mapping a scenario file holds under its name."""
        return cls(**cls.read_terms(spec, where))

    @classmethod
    def read_terms(
        cls, spec: Mapping[str, Any], where: str, structural: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Read the scalar terms; those named structural are left to the model."""
        terms = declared(cls)
        check_keys(spec, (*terms, *structural), where)
        return {
            name: read_term(spec[name], terms[name][0], f"{where}.{name}")
            for name in terms
            if name in spec and name not in structural
        }

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold, ``{model: {term: value}}``."""
        ids: Sequence[str] = getattr(self, "provider_ids", ())
        found: dict[str, Any] = {}
        for name, (_, default) in declared(type(self)).items():
            value = getattr(self, name)
            if not (isinstance(value, type(default)) and _same(value, default)):
                found[name] = spec_of(value, ids)
        return {self.id: found}

    @classmethod
    def describe(cls) -> list[dict[str, Any]]:
        """Give one row per declared term: id, unit, range, how it is written, default, labels."""
        needed = without_default(cls)
        return [
            {
                "id": name,
                "unit": of.unit,
                "low": _plain(of.low),
                "high": _plain(of.high),
                "choices": list(of.choices),
                "can_be_neutral": of.can_be_neutral,
                "form": of.form,
                "keys": list(of.keys),
                "follows": of.follows,
                "is_required": default is None and not of.can_be_neutral and name in needed,
                "default": _plain(spec_of(default)),
                "label_en": of.label_en,
                "label_zh": of.label_zh,
            }
            for name, (of, default) in declared(cls).items()
        ]


def _plain(value: Any) -> Any:
    """Give a value that JSON can hold: an open end is null."""
    if isinstance(value, float) and math.isinf(value):
        return None
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return bool(np.array_equal(np.asarray(a), np.asarray(b)))
    return a == b


def _times(partials: Partials, factor: Array) -> Partials:
    return {
        name: array * factor.reshape(-1, *(1,) * (array.ndim - 1))
        for name, array in partials.items()
    }


def total(parts: Sequence[Partials]) -> Partials:
    """Add partial derivatives field by field."""
    found: Partials = {}
    for part in parts:
        for name, array in part.items():
            found[name] = found[name] + array if name in found else array
    return found


def numerical_partials(
    model: PaymentModel, activity: Activity, worth: Array | None = None
) -> Partials:
    """Difference a revenue over the fields it reads, one cell of every provider at a time.

    Parameters
    ----------
    model : PaymentModel
    activity : Activity
    worth : ndarray, shape (n, n), optional
        What a yuan of each provider's revenue (columns) is worth to the one that moves (rows),
        where providers share money. None: its own counts, the others' does not.

    Notes
    -----
    Symmetric differences of a ten-thousandth of the cell, or of the provider's largest cell of that
    field where the cell is empty. Where providers share money (``is_pooled``) one provider moves at
    a time, the others held: a slope is what a provider's own activity brings itself.
    """
    n = activity.n_providers
    movers = np.eye(n) if is_pooled(model) else np.ones((1, n))
    counts = np.eye(n) if worth is None else worth
    found: Partials = {}
    for name in sorted(model.reads):
        array: Array = getattr(activity, name)
        flat = array.reshape(len(array), -1)
        largest = np.abs(flat).max(axis=1, initial=0.0)
        slope = np.zeros_like(flat)
        for cell in range(flat.shape[1]):
            step = 1e-4 * np.where(flat[:, cell] != 0, np.abs(flat[:, cell]), largest)
            step = np.where(step > 0, step, 1e-4)
            for moving in movers:
                ends = []
                for sign in (1.0, -1.0):
                    moved = flat.copy()
                    moved[:, cell] += sign * step * moving
                    ends.append(
                        model.revenue(activity.with_fields(**{name: moved.reshape(array.shape)}))
                    )
                rise = ends[0] - ends[1]
                seen = counts @ rise if len(movers) == n else rise
                slope[:, cell] += moving * seen / (2.0 * step)
        found[name] = slope.reshape(array.shape)
    return found


def through_others(model: PaymentModel, activity: Activity, worth: Array) -> Partials:
    """Give what own activity brings through the money of others: a pool inside a pool.

    Parameters
    ----------
    model : PaymentModel
        The contract inside.
    activity : Activity
        Where the year is expected to end.
    worth : ndarray, shape (n, n)
        What a yuan of each provider's revenue inside (columns) brings each of them (rows).

    Notes
    -----
    By differences, which ask for a revenue per provider and cell: a pool inside a pool is slow. A
    contract inside that is no pool passes nothing from one provider to another.
    """
    others = worth * (1.0 - np.eye(len(worth)))
    if not is_pooled(model) or not others.any():
        return {}
    return numerical_partials(model, activity, others)


def _own_partials(model: PaymentModel, activity: Activity) -> Partials:
    if isinstance(model, Contract):
        return model.partials(activity)
    own = getattr(model, "gradient", None)
    if own is None:
        return numerical_partials(model, activity)
    slopes: Activity = own(activity)
    return {name: getattr(slopes, name) for name in model.reads}


def gradient_of(model: PaymentModel, activity: Activity) -> Activity:
    """Give the derivative of any model's revenue: its own, or differences over what it reads."""
    return activity.filled(_own_partials(model, activity))


def _fan_point_by_point(model: PaymentModel, outlook: Outlook) -> Array:
    values = [
        model.revenue(outlook.activity.stretched(outlook.steps[:, k])) for k in range(N_NODES)
    ]
    return np.stack(values, axis=1)


def _partials_over_fan(model: PaymentModel, outlook: Outlook, upstream: Array) -> Partials:
    """Average point slopes over eight blocks of the fan, for models that only state revenue."""
    middle = middles(outlook.steps)
    parts = []
    for block in np.array_split(np.arange(N_NODES - 1), _N_BLOCKS):
        w = weights()[block]
        at = outlook.activity.stretched(middle[:, block] @ w / w.sum())
        parts.append(_times(_own_partials(model, at), upstream[:, block] @ w))
    return total(parts)


def fan_of(model: PaymentModel, outlook: Outlook) -> Array:
    """Give any model's revenue at every node of the forecast, shape (n, K)."""
    if isinstance(model, Contract):
        return model.fan(outlook)
    return _fan_point_by_point(model, outlook)


def gradient_through(model: PaymentModel, outlook: Outlook, upstream: Array) -> Partials:
    """Pass a slope through any model, see `Contract.gradient_through`."""
    if isinstance(model, Contract):
        return model.gradient_through(outlook, upstream)
    return _partials_over_fan(model, outlook, upstream)


def is_straight(model: PaymentModel) -> bool:
    """Tell whether revenue is known to be a straight line in activity, whatever is done."""
    return isinstance(model, Contract) and model.is_straight


def next_year(model: PaymentModel, history: Sequence[Activity]) -> PaymentModel:
    """Give any model's terms of next year; a model that says nothing keeps its terms."""
    renew = getattr(model, "renew", None)
    if renew is None:
        return model
    renewed: PaymentModel = renew(history)
    return renewed


def resolve(
    model: PaymentModel, base: Activity, receipts: Array, previous: PaymentModel | None
) -> PaymentModel:
    """Fix the neutral terms of any model; a model that says nothing has none."""
    if isinstance(model, Contract):
        return model.resolved(base, receipts, previous)
    return model


def thresholds_of(model: PaymentModel) -> tuple[CaseRule, ...]:
    """Give the rules by which any model sorts stays; a model that says nothing has none."""
    declare = getattr(model, "thresholds", None)
    rules: tuple[CaseRule, ...] = declare() if declare is not None else ()
    return rules


def episodes_of(model: PaymentModel) -> tuple[EpisodeRule, ...]:
    """Give the rules by which any model counts episodes; a model that says nothing has none."""
    declare = getattr(model, "episodes", None)
    rules: tuple[EpisodeRule, ...] = declare() if declare is not None else ()
    return rules


def transfers_of(model: PaymentModel) -> tuple[TransferRule, ...]:
    """Give the rules by which any model counts stays cut short; one that says nothing has none."""
    declare = getattr(model, "transfers", None)
    rules: tuple[TransferRule, ...] = declare() if declare is not None else ()
    return rules


def rules_of(model: PaymentModel) -> tuple[CaseRule | EpisodeRule | TransferRule, ...]:
    """Give all rules by which activity must be counted for a model."""
    return (*thresholds_of(model), *episodes_of(model), *transfers_of(model))


def is_pooled(model: PaymentModel) -> bool:
    """Tell whether any model says that providers share money under it."""
    return bool(getattr(model, "is_pooled", False))


def timetable_of(model: PaymentModel) -> Timetable:
    """Give when any model's money moves; a model that says nothing pays monthly, in full."""
    found: Timetable = getattr(model, "timetable", MONTHLY_IN_FULL)
    return found


def interim_of(model: PaymentModel, activity: Activity) -> Array:
    """Give what any model pays before its settlement, CNY per year, shape (n,)."""
    if isinstance(model, Contract):
        return model.interim(activity)
    return timetable_of(model).interim_share * model.revenue(activity)


def tariff_of(model: PaymentModel) -> PaymentModel:
    """Give what prices single items underneath any model."""
    return model.tariff if isinstance(model, Contract) else model


def spec_from(model: PaymentModel) -> dict[str, Any]:
    """Give any model back as a scenario file would hold it."""
    write = getattr(model, "to_spec", None)
    if write is None:
        raise PaymentError("this model cannot be written to a file", where=type(model).__name__)
    spec: dict[str, Any] = write()
    return spec


def has_neutral(model: PaymentModel) -> bool:
    """Tell whether any term of the tree still waits for its base year.

    Neutral terms do, and targets that are each provider's own.
    """
    if not isinstance(model, Contract):
        return False
    own = any(
        is_neutral(getattr(model, name))
        or (term.form == "targets" and getattr(model, name) == "own")
        for name, term in terms_of(type(model))
    )
    return own or any(has_neutral(child) for child in model.children)
