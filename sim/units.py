"""Units of health care finance: money in minor units, rates by period, discounting.

Knows arithmetic and the names of units; must not know scenarios, contracts or people.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ScenarioError

__all__ = [
    "MINOR",
    "MINOR_PER_MAJOR",
    "MONTHS_PER_YEAR",
    "UNITS",
    "Unit",
    "convert",
    "discount_factor",
    "in_currency",
    "is_foreign",
    "monthly_from_yearly_growth",
    "monthly_from_yearly_rate",
    "monthly_probability",
    "present_value",
    "to_major",
    "to_minor",
    "unit",
]

MINOR_PER_MAJOR = 100
MONTHS_PER_YEAR = 12
_LARGEST_EXACT = 2**53


@overload
def to_minor(amount: float) -> int: ...
@overload
def to_minor(amount: NDArray[np.float64]) -> NDArray[np.int64]: ...
def to_minor(amount: float | NDArray[np.float64]) -> int | NDArray[np.int64]:
    """Turn yuan into whole fen, halves to the even fen, so that rounding favors nobody.

    Parameters
    ----------
    amount : float or array of float
        Money in major units (CNY), any shape, of either sign.

    Returns
    -------
    int or array of int64
        Money in minor units (fen), the shape of `amount`.

    Raises
    ------
    ScenarioError
        If an amount is not finite or too large to be held exactly.

    Examples
    --------
    >>> to_minor(12.345), to_minor(0.125), to_minor(-0.375)
    (1234, 12, -38)
    """
    if type(amount) is float and abs(amount * MINOR_PER_MAJOR) < _LARGEST_EXACT:
        # The same without an array around one number.
        return round(amount * MINOR_PER_MAJOR)
    values = np.asarray(amount, dtype=np.float64) * MINOR_PER_MAJOR
    if not bool(np.all(np.abs(values) < _LARGEST_EXACT)):
        raise ScenarioError(
            "an amount of money is not a number that can be booked",
            where="money",
            allowed=f"finite and below {_LARGEST_EXACT / MINOR_PER_MAJOR:.3g} CNY",
            remedy="Check prices and rates for a missing decimal point.",
        )
    rounded = np.rint(values).astype(np.int64)
    if isinstance(amount, np.ndarray):
        return rounded
    return int(rounded)


@overload
def to_major(amount: int) -> float: ...
@overload
def to_major(amount: NDArray[np.int64]) -> NDArray[np.float64]: ...
def to_major(amount: int | NDArray[np.int64]) -> float | NDArray[np.float64]:
    """Turn whole fen back into yuan, for reports and contracts.

    Examples
    --------
    >>> to_major(1234)
    12.34
    """
    if isinstance(amount, np.ndarray):
        return np.asarray(amount, dtype=np.float64) / MINOR_PER_MAJOR
    return float(amount) / MINOR_PER_MAJOR


def monthly_from_yearly_growth(growth: float) -> float:
    """Give the monthly growth that compounds to a yearly growth.

    Parameters
    ----------
    growth : float
        Growth per year as a share, above -1 (0.05 is five percent).

    Examples
    --------
    >>> round((1 + monthly_from_yearly_growth(0.05)) ** 12, 12)
    1.05
    """
    if not growth > -1.0:
        raise ScenarioError("growth", value=growth, allowed="above -1 per year")
    return math.expm1(math.log1p(growth) / MONTHS_PER_YEAR)


def monthly_from_yearly_rate(rate: float) -> float:
    """Give the hazard per month that belongs to a hazard per year (rates add over time)."""
    return rate / MONTHS_PER_YEAR


def monthly_probability(yearly: float) -> float:
    """Give the probability per month that makes a probability per year under a steady hazard.

    Examples
    --------
    >>> round(1 - (1 - monthly_probability(0.2)) ** 12, 12)
    0.2
    """
    if not 0.0 <= yearly <= 1.0:
        raise ScenarioError("probability", value=yearly, allowed="0 to 1 per year")
    if yearly == 1.0:
        return 1.0
    return -math.expm1(math.log1p(-yearly) / MONTHS_PER_YEAR)


def discount_factor(yearly_rate: float, months: float) -> float:
    """Give today's worth of one yuan or one QALY that comes some months from now.

    Examples
    --------
    >>> round(discount_factor(0.05, 12), 6)
    0.952381
    """
    if not yearly_rate > -1.0:
        raise ScenarioError("discount rate", value=yearly_rate, allowed="above -1 per year")
    return float((1.0 + yearly_rate) ** (-months / MONTHS_PER_YEAR))


def present_value(monthly: ArrayLike, yearly_rate: float) -> float:
    """Discount a stream of monthly amounts to the first month.

    Parameters
    ----------
    monthly : array_like, shape (months,)
        Amounts, one a month, the first not discounted.
    yearly_rate : float
        Discount rate as a share per year.
    """
    amounts = np.asarray(monthly, dtype=np.float64)
    step = discount_factor(yearly_rate, 1.0)
    return float(np.sum(amounts * step ** np.arange(amounts.size)))


@dataclass(frozen=True)
class Unit:
    """A unit a scenario file may write: what it measures and how it compares with its kin.

    Attributes
    ----------
    name : str
        How files write it.
    dimension : str
        Units convert into each other only within one dimension.
    factor : float
        Size in the dimension's reference unit.
    """

    name: str
    dimension: str
    factor: float


MINOR: Mapping[str, str] = {"CNY": "fen", "USD": "cent"}
"""Currencies that files may write, and the name of a hundredth of each."""


def _money(code: str) -> list[tuple[str, str, float]]:
    """List the units of money in one currency; which one is a region's, its checks compare."""
    return [
        (code, "money", 1.0),
        (MINOR[code], "money", 0.01),
        (f"1000 {code}", "money", 1000.0),
        (f"{code}/year", "money per year", 1.0),
        (f"{code}/month", "money per year", 12.0),
        (f"{code}/person-year", "money per person-year", 1.0),
        (f"{code}/person-month", "money per person-year", 12.0),
        (f"{code}/visit", "money per visit", 1.0),
        (f"{code}/day", "money per day", 1.0),
        (f"{code}/QALY", "money per QALY", 1.0),
    ]


def is_foreign(name: str, currency: str) -> bool:
    """Tell whether a unit is money of another currency than the one given.

    Examples
    --------
    >>> is_foreign("USD/year", "CNY"), is_foreign("CNY", "CNY"), is_foreign("share", "CNY")
    (True, False, False)
    """
    others = {unit for code in MINOR if code != currency for unit, _, _ in _money(code)}
    return name in others


def in_currency(name: str, currency: str) -> str:
    """Write a unit of money, stated in yuan, in another currency; other units stay.

    Examples
    --------
    >>> in_currency("CNY/person-year", "USD"), in_currency("share", "USD")
    ('USD/person-year', 'share')
    """
    head, mark, rest = name.partition("/")
    return f"{currency}{mark}{rest}" if head == "CNY" else name


def _registry() -> Mapping[str, Unit]:
    """List the units known to scenario files, by name."""
    rows = [
        *((name, dimension, factor) for code in MINOR for name, dimension, factor in _money(code)),
        ("share", "share", 1.0),
        ("percent", "share", 0.01),
        ("1/year", "rate", 1.0),
        ("1/month", "rate", 12.0),
        ("percent/year", "rate", 0.01),
        ("months", "time", 1.0),
        ("years", "time", 12.0),
        ("days", "days", 1.0),
        ("persons", "persons", 1.0),
        ("ratio", "ratio", 1.0),
        ("multiple", "ratio", 1.0),
        ("points", "points", 1.0),
    ]
    return {name: Unit(name, dimension, factor) for name, dimension, factor in rows}


UNITS: Mapping[str, Unit] = _registry()


def unit(name: str, where: str = "unit") -> Unit:
    """Look a unit up by name; an unknown one is an error that lists those that exist."""
    found = UNITS.get(name)
    if found is None:
        raise ScenarioError("unknown unit", where=where, value=name, allowed=", ".join(UNITS))
    return found


def convert(value: float, source: str, target: str, where: str = "unit") -> float:
    """Express a quantity in another unit of the same dimension.

    Rates convert by simple proportion: a rate per month is a twelfth of the rate per year.

    Examples
    --------
    >>> convert(5.0, "percent", "share")
    0.05
    """
    from_unit, to_unit = unit(source, where), unit(target, where)
    if from_unit.dimension != to_unit.dimension:
        kin = [u.name for u in UNITS.values() if u.dimension == to_unit.dimension]
        raise ScenarioError(
            f"a {to_unit.dimension} is needed, not a {from_unit.dimension}",
            where=where,
            value=source,
            allowed=", ".join(kin),
        )
    if from_unit == to_unit:
        return value
    return value * from_unit.factor / to_unit.factor
