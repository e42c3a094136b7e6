"""Slopes of revenue smoothed by brute force: every forecast drawn out, one provider moved."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.activity import Activity, Array
from sim.payment import Outlook, PaymentModel, gradient_through
from sim.payment._smoothing import nodes

ERROR = 0.08


def chain(
    model: PaymentModel, year: Activity, score_error: float = 0.0, discount: float = 0.0
) -> Activity:
    """Give the slopes by the chain rule."""
    error = np.full(year.n_providers, ERROR)
    seen = Outlook(year, year, error, discount, score_error)
    return year.filled(gradient_through(model, seen, seen.at_root))


def moved(year: Activity, provider: int, name: str, cell: tuple[int, ...], by: float) -> Activity:
    """Give the year with one number of one provider moved."""
    array = getattr(year, name).copy()
    array[(provider, *cell)] += by
    return year.with_fields(**{name: array})


def brute(
    model: PaymentModel,
    year: Activity,
    provider: int,
    name: str,
    cell: tuple[int, ...] = (),
    n_nodes: int = 1000,
) -> float:
    """Give the difference of a provider's revenue, averaged over forecasts common to all.

    The difference is that of the provider's own number, at every forecast.
    """
    h = 1e-5 * max(abs(float(getattr(year, name)[(provider, *cell)])), 1e-3)
    ends = []
    for sign in (1.0, -1.0):
        found = 0.0
        for z in nodes(n_nodes):
            shaken = year.stretched(ERROR * float(z))
            found += float(model.revenue(moved(shaken, provider, name, cell, sign * h))[provider])
        ends.append(found / n_nodes)
    return (ends[0] - ends[1]) / (2.0 * h)


def brute_in_score(
    paid: Callable[[Array], Array], score: float, error: float, n_nodes: int = 20_000
) -> float:
    """Give the slope of expected pay in a score measured with error, by differences.

    Parameters
    ----------
    paid : callable
        Pay at scores, shape (k,) to (k,).
    """
    z = nodes(n_nodes)
    h = 0.05 * error
    up, down = (paid(score + sign * h + error * z).mean() for sign in (1.0, -1.0))
    return float((up - down) / (2.0 * h))
