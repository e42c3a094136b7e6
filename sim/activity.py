"""A year of what providers did, in the words a contract can be written in.

Knows the fields of activity, their axes, units and labels; must not know who pays for them or why
they were done.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.errors import PaymentError

__all__ = [
    "COMPONENTS",
    "DIRECTIONS",
    "MEASURES",
    "SETTINGS",
    "STAYS",
    "Activity",
    "Array",
    "CaseRule",
    "EpisodeRule",
    "FieldInfo",
    "Scope",
]

Array = NDArray[np.float64]

SETTINGS = ("primary", "hospital_outpatient", "inpatient")
COMPONENTS = ("drugs", "diagnostics", "procedures", "labor")
MEASURES = ("chronic_control", "follow_up", "no_readmission", "appropriate_care", "survival")
DIRECTIONS = ("up", "down")

_INPATIENT = 2
_FIXED_LENGTHS = {"setting": 3, "component": 4, "level": 3, "direction": 2, "tally": 2}


@dataclass(frozen=True)
class FieldInfo:
    """What one field of activity counts: its axes after the provider, unit and labels.

    Parameters
    ----------
    id : str
        Name of the field.
    axes : tuple of str
        Axes after the provider axis.
    unit : str
        Unit of one, per provider and year.
    label_en, label_zh : str
        Labels for readers.
    is_uncertain : bool
        Whether the provider's forecast error moves it. Members, denominators and quality are
        counted, not forecast.
    """

    id: str
    axes: tuple[str, ...]
    unit: str
    label_en: str
    label_zh: str
    is_uncertain: bool = False


def _tally(axes: str, unit: str, en: str, zh: str, *, uncertain: bool = False) -> dict[str, object]:
    return {"axes": tuple(axes.split()), "unit": unit, "en": en, "zh": zh, "fan": uncertain}


STAYS = ("admissions", "bed_days", "cases_side", "charges_side", "observations", "cut_short")
"""Fields that belong to hospital stays: a scope holds all of them or none."""


@dataclass(frozen=True)
class Scope:
    """Which part of care a contract pays for: settings, components, stays.

    Parameters
    ----------
    visits : ndarray, shape (3,)
        Share of visits of each setting inside the scope, 0 or 1.
    units : ndarray, shape (3, 4)
        Share of component units inside the scope, by setting and component.
    stays : float
        Share of admissions, bed-days and case tallies inside the scope.
    """

    visits: Array
    units: Array
    stays: float

    @classmethod
    def everything(cls) -> Scope:
        """Give the scope of all care."""
        return cls(np.ones(3), np.ones((3, 4)), 1.0)

    @classmethod
    def of(cls, settings: Iterable[str] = (), components: Iterable[str] = ()) -> Scope:
        """Give the scope of some settings and components; nothing named means all of that axis.

        A scope of components holds their units only: visits, stays and days stay outside.

        Examples
        --------
        >>> Scope.of(settings=["inpatient"]).stays
        1.0
        >>> Scope.of(components=["drugs"]).units[0].tolist()
        [1.0, 0.0, 0.0, 0.0]
        """
        settings, components = tuple(settings), tuple(components)
        visits = np.array([float(not settings or s in settings) for s in SETTINGS])
        kinds = np.array([float(not components or c in components) for c in COMPONENTS])
        whole = 0.0 if components else 1.0
        return cls(visits * whole, np.outer(visits, kinds), float(visits[_INPATIENT] * whole))

    def without(self, taken: Scope) -> Scope:
        """Give what of this scope is left when another has been served first."""
        return Scope(
            self.visits * (1.0 - taken.visits),
            self.units * (1.0 - taken.units),
            self.stays * (1.0 - taken.stays),
        )

    def joined(self, other: Scope) -> Scope:
        """Give what lies in either scope."""
        return Scope(
            np.maximum(self.visits, other.visits),
            np.maximum(self.units, other.units),
            max(self.stays, other.stays),
        )

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is inside."""
        return not (self.visits.any() or self.units.any() or self.stays)


@dataclass(frozen=True, eq=False)
class CaseRule:
    """How a contract sorts stays before it pays for them: by what they charge and by their days.

    A contract that treats cheap and dear cases, or early and late days, differently declares the
    rule; activity then counts each side, so that revenue stays a function of the year's sums.

    Parameters
    ----------
    thresholds : ndarray, shape (n, G, 3, S - 1)
        Covered list charges of a case, CNY, by provider, billed group and level, in rising order:
        a case lies on side s when it reaches exactly s of them. S - 1 = 0 sorts nothing.
    last_days : tuple of int
        Last day of each band of a stay but the last: (3, 10) makes days 1-3, 4-10 and 11 on.
        Empty: one band.
    """

    thresholds: Array
    last_days: tuple[int, ...] = ()

    @property
    def n_sides(self) -> int:
        """Give the number of sides."""
        return int(self.thresholds.shape[-1]) + 1

    @property
    def n_bands(self) -> int:
        """Give the number of bands."""
        return len(self.last_days) + 1


@dataclass(frozen=True, eq=False)
class TransferRule:
    """After how many days a stay that ends in another bed counts as whole.

    Parameters
    ----------
    whole_days : ndarray, shape (G,)
        Days by clinical group; 0 where every such stay is whole. A stay of d days that goes on
        elsewhere lacks ``max(0, 1 - (d + 1) / whole_days)`` of a case: the first day counts twice.
    """

    whole_days: Array


@dataclass(frozen=True, eq=False)
class EpisodeRule:
    """Which stays open an episode, and how long everything spent on the person belongs to it.

    Parameters
    ----------
    bundle : int
        Column of the episodes tally.
    groups : ndarray of bool, shape (G,)
        Clinical groups whose billed stay opens an episode at the provider of that stay, its anchor,
        unless one is open.
    months : int
        Months after the month of the stay that belong to the episode.
    """

    bundle: int
    groups: NDArray[np.bool_]
    months: int


@dataclass(frozen=True, eq=False)
class Activity:
    """One accounting year of each provider's covered care, as a contract may count it.

    All arrays are float64 with the provider on axis 0; an axis not in use has length 1. The same
    shape also holds gradients, in CNY per unit of the field.

    Parameters
    ----------
    visits : ndarray, shape (n, 3)
        Visits by setting (primary, hospital outpatient, inpatient).
    units : ndarray, shape (n, 3, 4)
        Covered units billed, by setting and component (drugs, diagnostics, procedures, labor).
    admissions : ndarray, shape (n, groups, 3, modes)
        Stays by billed group, billed level and mode of treatment.
    bed_days : ndarray, shape (n, groups, bands)
        Days in bed by group and band of the stay they fall in, as a `CaseRule` declares bands.
    cases_side, charges_side : ndarray, shape (n, groups, 3, sides)
        Cases by billed group and level, and their covered list charges in CNY, on each side of the
        thresholds that a `CaseRule` declares; one side where none does, which gives mean charges.
    resource_cost : ndarray, shape (n,)
        What the care cost the provider, CNY.
    patient_covered, patient_uncovered : ndarray, shape (n, 3)
        What patients paid for covered and for uncovered care, CNY by setting.
    member_months, risk_months : ndarray, shape (n,)
        Months of membership, plain and weighted by risk.
    spent_elsewhere : ndarray, shape (n,)
        Spending on members at other providers, CNY.
    quality_num, quality_den : ndarray, shape (n, measures)
        Numerators and denominators of the quality measures.
    referrals : ndarray, shape (n, 2)
        Referrals up and down.
    post_acute_days, sessions : ndarray, shape (n,)
        Days of post-acute care; sessions worked.
    experience : ndarray, shape (n,)
        Score of patients' experience, 0-1, gathered in twelfths: each month adds a twelfth of its
        mean score, so that months add up to the year's mean.
    episodes : ndarray, shape (n, bundles, 2)
        Episodes that an `EpisodeRule` declares, assigned to the anchor provider in the year in
        which they end: count, and spending in CNY.
    spent_outside : ndarray, shape (n,)
        The part of spending elsewhere for which members left the region, CNY.
    diagnosis_months : ndarray, shape (n,)
        Months of membership weighted by risk of age, sex and recorded conditions; counted where a
        contract reads them.
    cut_short : ndarray, shape (n, groups, 3)
        What stays that ended in another bed lack of whole cases, by billed group and level, as a
        `TransferRule` declares; 0 where none does.
    observations : ndarray, shape (n,)
        Patients kept under observation in a hospital bed without being admitted. What is done to
        them is outpatient care and also counts as visits and units.
    """

    visits: Array = dataclasses.field(
        metadata=_tally("setting", "visit", "visits", "就诊人次", uncertain=True)
    )
    units: Array = dataclasses.field(
        metadata=_tally("setting component", "unit", "service units", "服务项目", uncertain=True)
    )
    admissions: Array = dataclasses.field(
        metadata=_tally("group level mode", "stay", "admissions", "住院人次", uncertain=True)
    )
    bed_days: Array = dataclasses.field(
        metadata=_tally("group band", "day", "bed-days", "住院床日", uncertain=True)
    )
    cases_side: Array = dataclasses.field(
        metadata=_tally(
            "group level side",
            "case",
            "cases by side of a threshold",
            "阈值两侧病例",
            uncertain=True,
        )
    )
    charges_side: Array = dataclasses.field(
        metadata=_tally(
            "group level side",
            "CNY",
            "charges by side of a threshold",
            "阈值两侧费用",
            uncertain=True,
        )
    )
    resource_cost: Array = dataclasses.field(
        metadata=_tally("", "CNY", "resource cost", "资源成本", uncertain=True)
    )
    patient_covered: Array = dataclasses.field(
        metadata=_tally(
            "setting",
            "CNY",
            "patients' payments, covered care",
            "患者自付（目录内）",
            uncertain=True,
        )
    )
    patient_uncovered: Array = dataclasses.field(
        metadata=_tally(
            "setting",
            "CNY",
            "patients' payments, uncovered care",
            "患者自费（目录外）",
            uncertain=True,
        )
    )
    member_months: Array = dataclasses.field(
        metadata=_tally("", "member-month", "member-months", "参保人月")
    )
    risk_months: Array = dataclasses.field(
        metadata=_tally("", "member-month", "risk-weighted months", "风险加权人月")
    )
    spent_elsewhere: Array = dataclasses.field(
        metadata=_tally("", "CNY", "members' spending elsewhere", "参保人外流费用", uncertain=True)
    )
    quality_num: Array = dataclasses.field(
        metadata=_tally("measure", "point", "quality numerators", "质量分子")
    )
    quality_den: Array = dataclasses.field(
        metadata=_tally("measure", "point", "quality denominators", "质量分母")
    )
    referrals: Array = dataclasses.field(
        metadata=_tally("direction", "referral", "referrals", "转诊人次", uncertain=True)
    )
    post_acute_days: Array = dataclasses.field(
        metadata=_tally("", "day", "post-acute days", "康复期床日", uncertain=True)
    )
    sessions: Array = dataclasses.field(
        metadata=_tally("", "session", "sessions worked", "出诊单元", uncertain=True)
    )
    experience: Array = dataclasses.field(
        metadata=_tally("", "score", "patients' experience", "患者体验得分")
    )
    episodes: Array = dataclasses.field(
        metadata=_tally("bundle tally", "episode", "episodes", "诊疗事件", uncertain=True)
    )
    spent_outside: Array = dataclasses.field(
        metadata=_tally(
            "", "CNY", "members' spending outside the region", "参保人区域外费用", uncertain=True
        )
    )
    diagnosis_months: Array = dataclasses.field(
        metadata=_tally("", "member-month", "months weighted by diagnosis", "按病种加权人月")
    )
    observations: Array = dataclasses.field(
        metadata=_tally("", "case", "observation stays", "留院观察人次", uncertain=True)
    )
    cut_short: Array = dataclasses.field(
        metadata=_tally(
            "group level",
            "case",
            "part of a case missing where a stay ended in another bed",
            "转出病例不足整例的部分",
            uncertain=True,
        )
    )

    def __post_init__(self) -> None:
        """Refuse arrays whose axes do not fit, naming the field."""
        n = len(self.visits)
        for name, info in Activity.fields().items():
            array = getattr(self, name)
            if array.dtype != np.float64:
                object.__setattr__(self, name, np.asarray(array, dtype=np.float64))
            shape = array.shape
            if len(shape) != len(info.axes) + 1 or shape[0] != n:
                raise PaymentError(
                    "activity has the wrong shape",
                    where=f"activity.{name}",
                    value=shape,
                    allowed=f"({', '.join((str(n), *info.axes))})",
                )

    @staticmethod
    @cache
    def fields() -> Mapping[str, FieldInfo]:
        """Give every field with its axes, unit and labels, in declared order."""
        return {
            f.name: FieldInfo(
                f.name,
                f.metadata["axes"],
                f.metadata["unit"],
                f.metadata["en"],
                f.metadata["zh"],
                f.metadata["fan"],
            )
            for f in dataclasses.fields(Activity)
        }

    @classmethod
    def zeros(
        cls,
        n: int,
        groups: int = 32,
        *,
        modes: int = 1,
        bands: int = 1,
        sides: int = 1,
        measures: int = len(MEASURES),
        bundles: int = 1,
    ) -> Activity:
        """Give a year in which nothing was done.

        Examples
        --------
        >>> Activity.zeros(2, groups=4).admissions.shape
        (2, 4, 3, 1)
        """
        lengths = {
            **_FIXED_LENGTHS,
            "group": groups,
            "mode": modes,
            "band": bands,
            "side": sides,
            "measure": measures,
            "bundle": bundles,
        }
        return cls(
            **{
                name: np.zeros((n, *(lengths[a] for a in info.axes)))
                for name, info in cls.fields().items()
            }
        )

    @classmethod
    def deferred(
        cls, make: Callable[[str], Array], like: Activity, n: int | None = None
    ) -> Activity:
        """Give a year whose fields are worked out when they are first read, each once.

        A contract reads a few fields of the many; those that nobody reads cost nothing.

        Parameters
        ----------
        make : callable
            Gives the array of a field by name, the same whenever it is called.
        like : Activity
            A year whose fields have the same shape.
        n : int, optional
            Number of providers, where it is not that of ``like``.

        Examples
        --------
        >>> year = Activity.zeros(2, groups=1)
        >>> half = Activity.deferred(lambda name: 0.5 + getattr(year, name), year)
        >>> half.sessions.tolist()
        [0.5, 0.5]
        """
        other: Activity = object.__new__(cls)
        other.__dict__.update(_make=make, _like=like, _n=n)
        return other

    if not TYPE_CHECKING:
        # Hidden from type checkers: a misspelled field must stay an error there.

        def __getattr__(self, name: str) -> Array:
            """Work out a deferred field when it is first read."""
            if name not in _names() or "_make" not in self.__dict__:
                message = f"activity has no {name}"
                raise AttributeError(message)
            array = self.__dict__["_make"](name)
            self.__dict__[name] = array
            return array

    def __getstate__(self) -> dict[str, Array]:
        """Give every field, worked out: a copy holds numbers, not how to get them."""
        return {name: getattr(self, name) for name in _names()}

    def shape_of(self, name: str) -> tuple[int, ...]:
        """Give the shape of a field without working it out."""
        known = self.__dict__
        if name in known:
            shape: tuple[int, ...] = known[name].shape
            return shape
        shape = known["_like"].shape_of(name)
        return shape if known["_n"] is None else (known["_n"], *shape[1:])

    @property
    def n_providers(self) -> int:
        """Give the number of providers."""
        return self.shape_of("visits")[0]

    def with_fields(self, **arrays: Array) -> Activity:
        """Give the same year with some fields replaced by arrays of the same shape.

        Shapes are the caller's promise: contracts call this many times a month.
        """
        if not arrays.keys() <= _names():
            raise PaymentError(
                "activity has no such field",
                where="activity",
                value=sorted(arrays.keys() - _names()),
                allowed=", ".join(Activity.fields()),
            )
        other = Activity.deferred(lambda name: getattr(self, name), self)
        other.__dict__.update(arrays)
        return other

    def filled(self, partials: Mapping[str, Array]) -> Activity:
        """Give these arrays in the shape of this year, zero in every field not given."""

        def make(name: str) -> Array:
            shape = self.shape_of(name)
            if name not in partials:
                return np.zeros(shape)
            array = partials[name]
            return array.copy() if array.shape == shape else np.array(np.broadcast_to(array, shape))

        other = Activity.deferred(make, self)
        other.__dict__["_given"] = frozenset(partials)
        return other

    def is_blank(self, name: str) -> bool:
        """Tell whether a field is known to be zero everywhere without working it out.

        Examples
        --------
        >>> year = Activity.zeros(1, groups=1)
        >>> slopes = year.filled({"visits": np.ones((1, 3))})
        >>> slopes.is_blank("units"), slopes.is_blank("visits"), year.is_blank("units")
        (True, False, False)
        """
        given: frozenset[str] | None = self.__dict__.get("_given")
        return given is not None and name not in given

    def __add__(self, other: Activity) -> Activity:
        """Give two stretches of time together."""
        return Activity.deferred(lambda name: getattr(self, name) + getattr(other, name), self)

    def mixed(self, own: float, other: Activity, its: float) -> Activity:
        """Give this times ``own`` and the other times ``its`` together: one array, not three.

        Examples
        --------
        >>> year = Activity.zeros(1, groups=1)
        >>> year = year.with_fields(sessions=np.array([8.0]))
        >>> year.mixed(0.5, year, 2.0).sessions.tolist()
        [20.0]
        """

        def make(name: str) -> Array:
            both: Array = getattr(self, name) * own
            both += getattr(other, name) if its == 1.0 else getattr(other, name) * its
            return both

        return Activity.deferred(make, self)

    def scaled(self, factor: float | Array) -> Activity:
        """Give every field times a factor, one for all or one per provider.

        Examples
        --------
        A quarter, annualized:

        >>> quarter = Activity.zeros(1, groups=1)
        >>> quarter = quarter.with_fields(sessions=np.array([30.0]))
        >>> quarter.scaled(4.0).sessions.tolist()
        [120.0]
        """
        x = np.asarray(factor, dtype=np.float64)
        return Activity.deferred(lambda name: _times(getattr(self, name), x), self)

    def stretched(self, step: float | Array) -> Activity:
        """Give the year if a provider's activity turns out larger by a share of itself.

        Only what is forecast moves: not members, quality denominators and numerators, experience.
        """
        x = 1.0 + np.asarray(step, dtype=np.float64)
        moved = _uncertain()

        def make(name: str) -> Array:
            array: Array = getattr(self, name)
            return _times(array, x) if name in moved else array

        return Activity.deferred(make, self)

    def of_rows(self, rows: NDArray[np.int64] | slice) -> Activity:
        """Give the year of some of the providers."""
        everyone = self.n_providers
        n = len(range(everyone)[rows]) if isinstance(rows, slice) else len(rows)
        if isinstance(rows, slice) and n == everyone:
            return self
        return Activity.deferred(lambda name: getattr(self, name)[rows], self, n)

    def masked(self, scope: Scope) -> Activity:
        """Give the part of the year inside a scope.

        Members, quality, referrals and resource cost have no setting and pass whole.
        """
        cut: dict[str, float | Array] = {}
        if not scope.visits.all():
            cut = dict.fromkeys(("visits", "patient_covered", "patient_uncovered"), scope.visits)
        if not scope.units.all():
            cut["units"] = scope.units
        if scope.stays != 1.0:
            cut |= dict.fromkeys(STAYS, scope.stays)

        def make(name: str) -> Array:
            array: Array = getattr(self, name)
            return array * cut[name] if name in cut else array

        return Activity.deferred(make, self)


@cache
def _names() -> frozenset[str]:
    return frozenset(Activity.fields())


@cache
def _uncertain() -> frozenset[str]:
    return frozenset(name for name, info in Activity.fields().items() if info.is_uncertain)


def _times(array: Array, x: Array) -> Array:
    return array * _along_providers(x, array.ndim)


def _along_providers(x: Array, n_axes: int) -> Array:
    return x if x.ndim == 0 else x.reshape(-1, *(1,) * (n_axes - 1))
