"""Effort on cost and quality: levers with linear cost and diminishing effect.

Knows the value of one more unit of effect; must not know which lever it serves.
"""

from sim.numerics import compiled, exp, log

__all__ = [
    "demand_response",
    "effort_effect",
    "horizon_value",
    "optimal_effort",
    "value_of_cutting_cost",
    "value_of_measured_quality",
    "value_of_true_quality",
]

_MOST_EFFORT = 30.0


@compiled
def effort_effect(effort: float, theta: float) -> float:
    """Return what effort achieves.

    Parameters
    ----------
    effort : float
        Units of effort x >= 0.
    theta : float
        Largest effect θ.

    Returns
    -------
    float
        ``θ (1 - exp(-x))``, in the unit of θ.
    """
    return theta * (1.0 - exp(-effort))


@compiled
def optimal_effort(marginal_value: float, theta: float, unit_cost: float) -> float:
    """Return the effort that maximizes its value less its cost.

    Parameters
    ----------
    marginal_value : float
        Value v of one more unit of effect, currency per unit.
    theta : float
        Largest effect θ.
    unit_cost : float
        Cost c of a unit of effort, currency.

    Returns
    -------
    float
        ``max(0, log(v θ / c))``, the solution of ``v θ exp(-x) = c``; at most 30, where the effect
        is complete.

    References
    ----------
    Ma, C. A. (1994). Health care payment systems: cost and quality incentives. Journal of
    Economics & Management Strategy 3, 93-112. https://doi.org/10.1111/j.1430-9134.1994.00093.x
    """
    value = marginal_value * theta
    if value <= unit_cost or value <= 0.0:
        return 0.0
    if unit_cost <= 0.0:
        return _MOST_EFFORT
    return min(log(value / unit_cost), _MOST_EFFORT)


@compiled
def demand_response(sensitivity: float, prob: float) -> float:
    """Return how the demand of one person reacts to a provider's quality.

    Parameters
    ----------
    sensitivity : float
        Logit units β per unit of quality.
    prob : float
        Probability P that this person chooses the provider.

    Returns
    -------
    float
        ``∂P / ∂x = β P (1 - P)``; summed over people it gives ``∂N / ∂x``. Whoever already comes
        for certain cannot be won.
    """
    return sensitivity * prob * (1.0 - prob)


@compiled
def horizon_value(annual_value: float, discount: float, retention: float) -> float:
    """Return today's value of a yearly gain that lasts while the patient stays on the list.

    Parameters
    ----------
    annual_value : float
        Gain in the first year, currency.
    discount : float
        Yearly discount factor, in [0, 1) (default of the model .95).
    retention : float
        Probability of staying another year, in [0, 1] (default of the model .9).

    Returns
    -------
    float
        ``v / (1 - discount · retention)``, currency.
    """
    return annual_value / (1.0 - discount * retention)


@compiled
def value_of_cutting_cost(cost_base: float, share_reimbursed: float) -> float:
    """Return what a provider gains by lowering its cost by its whole base.

    Parameters
    ----------
    cost_base : float
        Yearly cost the effort bears on, currency.
    share_reimbursed : float
        ∂ receipts / ∂ own resource cost: 1 under full cost reimbursement, 0 under any price.

    Returns
    -------
    float
        ``cost (1 - share)``, currency per unit of proportional saving.
    """
    return cost_base * (1.0 - share_reimbursed)


@compiled
def value_of_true_quality(
    margin_per_patient: float,
    new_patients: float,
    receipts_per_score: float,
    score_per_quality: float,
    altruism: float,
    value_of_health: float,
    health_per_quality: float,
) -> float:
    """Return what one unit of true quality is worth to a provider.

    Parameters
    ----------
    margin_per_patient : float
        Expected margin of one more patient a year, currency (weighted for the income effect).
    new_patients : float
        ``∂N / ∂quality``, the sum of :func:`demand_response` over people.
    receipts_per_score : float
        ∂ receipts / ∂ measured quality, currency per unit of score.
    score_per_quality : float
        How far the measure follows true quality.
    altruism, value_of_health : float
        Weight a and money value V of a QALY, currency.
    health_per_quality : float
        QALYs a year per unit of quality, over the patients who already come.

    Returns
    -------
    float
        Currency per unit of quality.

    References
    ----------
    Chalkley, M., Malcomson, J. M. (1998). Contracting for health services when patient demand does
    not reflect quality. Journal of Health Economics 17, 1-19.
    https://doi.org/10.1016/S0167-6296(97)00019-2
    """
    demand = margin_per_patient * new_patients
    measured = receipts_per_score * score_per_quality
    return demand + measured + altruism * value_of_health * health_per_quality


@compiled
def value_of_measured_quality(receipts_per_score: float) -> float:
    """Return what documenting quality is worth: only what the measure brings.

    Measured quality is true quality plus documentation, so effort spent on the record gains the
    receipts without the patients or their health.

    Parameters
    ----------
    receipts_per_score : float
        ∂ receipts / ∂ measured quality, currency per unit of score.

    Returns
    -------
    float
        Currency per unit of score, at least 0.
    """
    return max(receipts_per_score, 0.0)
