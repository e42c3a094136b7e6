"""How much prevention a practice does: the value of one more person under control.

Knows visits, spending elsewhere and health that control changes; must not know which contract
makes them pay.
"""

from sim.behavior.effort import horizon_value, optimal_effort
from sim.numerics import compiled

__all__ = ["prevention_effort", "value_of_control"]


@compiled
def value_of_control(
    own_visits_change: float,
    margin_per_visit: float,
    elsewhere_change: float,
    receipts_per_elsewhere: float,
    receipts_per_controlled: float,
    altruism: float,
    value_of_health: float,
    health_gain: float,
    discount: float,
    retention: float,
) -> float:
    """Return what one more person under control is worth to a practice.

    Parameters
    ----------
    own_visits_change : float
        Own visits a year that control adds (follow-up) or, below 0, saves.
    margin_per_visit : float
        Marginal receipts less cost of a visit, currency.
    elsewhere_change : float
        Spending elsewhere a year that control adds or, below 0, avoids, currency.
    receipts_per_elsewhere : float
        ∂ receipts / ∂ members' spending elsewhere, usually in [-1, 0].
    receipts_per_controlled : float
        ∂ receipts / ∂ controlled patients, currency a year.
    altruism, value_of_health : float
        Weight a and money value V of a QALY, currency.
    health_gain : float
        QALYs a year.
    discount, retention : float
        As in :func:`sim.behavior.effort.horizon_value`: a practice whose patients leave saves for
        others.

    Returns
    -------
    float
        Currency. Below 0 where prevention loses more visits than it brings.
    """
    money = (
        own_visits_change * margin_per_visit
        + elsewhere_change * receipts_per_elsewhere
        + receipts_per_controlled
    )
    return horizon_value(money + altruism * value_of_health * health_gain, discount, retention)


@compiled
def prevention_effort(value: float, reachable: float, theta: float, unit_cost: float) -> float:
    """Return the effort on prevention per list.

    Parameters
    ----------
    value : float
        From :func:`value_of_control`, currency per person.
    reachable : float
        People on the list whose condition is not under control.
    theta : float
        Largest share of them that can be brought under control.
    unit_cost : float
        Cost of a unit of effort for the whole list, currency.

    Returns
    -------
    float
        Units of effort x, with effect ``θ (1 - exp(-x))`` of the reachable people.
    """
    return optimal_effort(value * reachable, theta, unit_cost)
