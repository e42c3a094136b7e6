"""Budget neutrality: the reform starts with the money that would have been spent anyway.

Knows base activity and receipts; must not know any payment model.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.activity import Activity, Array
from sim.errors import PaymentError
from sim.payment._protocol import PaymentModel, resolve

__all__ = ["NothingToPayError", "common_rate", "level", "level_near", "resolve_neutral"]

_ROUNDS = 200
_FLAT = 1e-9
_STRIDE, _STRIDES = 1.1, 30  # a seventeenth to seventeen times the start


class NothingToPayError(PaymentError):
    """No neutral value exists, since nothing is done that the contract pays for."""


def resolve_neutral(
    contract: PaymentModel,
    base: Activity,
    receipts: Array,
    previous: PaymentModel | None = None,
) -> PaymentModel:
    """Fix every neutral term so that the group earns on base activity what it would have earned.

    Parameters
    ----------
    contract : PaymentModel
        The new contract, with terms left ``neutral``.
    base : Activity
        The trended counterfactual of the first year of the reform.
    receipts : ndarray, shape (n,)
        What the previous contract would have paid each provider on it, CNY.
    previous : PaymentModel, optional
        The previous contract. Needed when several neutral terms share the receipts by scope: each
        scope then gets the previous contract's prices on it, scaled to the receipts.

    Returns
    -------
    PaymentModel
        The contract with numbers in place of ``neutral``.

    Notes
    -----
    One rate for the whole group: providers win or lose against each other, the group does not.
    Budgets are per provider.
    """
    return resolve(contract, base, np.asarray(receipts, dtype=np.float64), previous)


def common_rate(at_zero: Array, at_one: Array, receipts: Array, where: str) -> float:
    """Give the rate at which a revenue that is a straight line in it sums to the receipts.

    Where nothing was paid and there is nothing to pay for, the rate is zero.
    """
    slope = float((at_one - at_zero).sum())
    if slope <= 0 and not receipts.any():
        return 0.0
    if slope <= 0:
        raise NothingToPayError(
            "no neutral rate exists: base activity has nothing this model pays for",
            where=where,
            remedy="Give a number, or narrow the scope.",
        )
    return max(float(receipts.sum() - at_zero.sum()) / slope, 0.0)


def level(outlay: Callable[[float], float], target: float, start: float = 1.0) -> float:
    """Give the factor at which a rising outlay meets its target, by halving; start if flat.

    Notes
    -----
    The factor is sought between nothing and sixteen times the start. A start that is already right
    to a part in 10^12 is returned untouched, so that doing nothing changes no bit. Where an outlay
    that starts flat meets the target all along the flat, the factor is that of its end; where one
    that ends flat does, that of its beginning. Rounding decides neither.
    """
    low, high = 0.0, 16.0 * start
    # Money has no unit of its own: what counts as nothing is told by what the outlay can be.
    scale = max(abs(target), abs(outlay(high)))
    if abs(outlay(start) - target) <= 1e-12 * scale:
        return start
    highest_flat = target + _FLAT * max(abs(target), _FLAT * scale)
    if abs(outlay(low) - target) <= highest_flat - target:
        # Nothing is already enough: the target is met up to where the outlay begins to rise.
        return _halved(outlay, highest_flat, low, high) if outlay(high) > highest_flat else start
    lowest_flat = target - (highest_flat - target)
    if abs(outlay(high) - target) <= highest_flat - target:
        return _halved(outlay, lowest_flat, low, high) if outlay(low) < lowest_flat else start
    if not outlay(low) < target < outlay(high):
        return start
    for _ in range(_ROUNDS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if outlay(middle) < target else (low, middle)
    return 0.5 * (low + high)


def level_near(outlay: Callable[[float], float], target: float, start: float) -> float:
    """Give the factor nearest the start at which an outlay meets its target; start if none does.

    Notes
    -----
    For outlays that may also fall: a rule that pays charges for cheap and dear cases pays most of
    them where the rate is very low or very high. Strides of a tenth are taken in both directions
    until the outlay crosses the target, and that stride is halved.
    """
    if abs(outlay(start) - target) <= 1e-12 * max(abs(target), 1.0):
        return start
    ends = {direction: (start, outlay(start)) for direction in (1, -1)}
    for stride in range(1, _STRIDES + 1):
        for direction, (x, paid) in list(ends.items()):
            following = start * _STRIDE ** (direction * stride)
            there = outlay(following)
            if (paid < target) != (there < target):
                return _halved(outlay, target, x, following)
            ends[direction] = (following, there)
    return start


def _halved(outlay: Callable[[float], float], target: float, low: float, high: float) -> float:
    """Give the crossing between a factor and another on the other side of the target."""
    is_low = outlay(low) < target
    for _ in range(_ROUNDS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if (outlay(middle) < target) == is_low else (low, middle)
    return 0.5 * (low + high)
