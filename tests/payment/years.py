"""Small worlds for hand-worked cases: two hospitals or one, and years written out in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.activity import Activity, Array
from sim.incentives import IncentiveTerms, marginal_receipts
from sim.payment import PaymentContext, PaymentModel, build, fan_of
from sim.payment._protocol import Outlook

GROUPS = ("pneumonia", "stroke")


def context(n: int = 1, **changes: Any) -> PaymentContext:
    """Give n county hospitals with round prices."""
    terms: dict[str, Any] = {
        "provider_ids": tuple(f"hospital-{j + 1}" for j in range(n)),
        "kinds": np.full(n, 1),
        "groups": GROUPS,
        "unit_price": np.full((n, 3, 4), 10.0),
        "visit_fee": np.tile([15.0, 25.0, 0.0], (n, 1)),
        "day_price": np.tile([300.0, 400.0], (n, 1)),
        "weights": np.array([[0.5, 0.8, 1.2], [1.0, 1.5, 2.5]]),
        "grade_coefficient": np.ones(n),
    }
    return PaymentContext(**{**terms, **changes})


def contract(spec: Any, n: int = 1, **changes: Any) -> PaymentModel:
    """Build a contract for n hospitals."""
    return build(spec, context(n, **changes))


def year(
    n: int = 1, sides: int = 1, bands: int = 1, modes: int = 1, bundles: int = 1, **fields: Any
) -> Activity:
    """Give a year with some fields written out, zero elsewhere."""
    empty = Activity.zeros(n, len(GROUPS), sides=sides, bands=bands, modes=modes, bundles=bundles)
    return empty.with_fields(
        **{
            name: np.asarray(value, dtype=float).reshape(getattr(empty, name).shape)
            for name, value in fields.items()
        }
    )


def cell(group: int, level: int, values: Any) -> Array:
    """Give an array over groups, levels and one more axis, filled in one cell only."""
    found = np.zeros((len(GROUPS), 3, len(values)))
    found[group, level] = values
    return found


def seen_through_the_forecast(model: PaymentModel, activity: Activity, error: float) -> Array:
    """Give E[R(mu + error z) z] / error from the values on the fan alone, shape (n,)."""
    outlook = Outlook(activity, activity, np.full(activity.n_providers, error))
    z = outlook.steps / error
    return np.asarray((fan_of(model, outlook) @ z.T).diagonal() / (error * (z[0] @ z[0])))


def marginal(model: PaymentModel, activity: Activity, error: float) -> Activity:
    """Give marginal receipts with a forecast error of that size and nothing of next year."""
    return marginal_receipts(
        model, activity, terms=IncentiveTerms(error=error, weight_to_date=0.0, discount=0.0)
    )
