"""Who joins whose list: the patient's decision, and a practice's quiet discouragement.

Knows benefits, distance, experience and predicted cost; must not know how members are paid for.
"""

from sim.numerics import compiled, logistic

__all__ = ["prob_discourage", "prob_join"]


@compiled
def prob_join(
    constant: float,
    benefit: float,
    fee: float,
    income: float,
    price_weight: float,
    log_travel: float,
    travel_weight: float,
    experience: float,
    experience_weight: float,
) -> float:
    """Return the probability that a person signs a family doctor contract this year.

    Parameters
    ----------
    constant : float
        Log-odds at no benefit, no distance and worst experience.
    benefit : float
        Yearly value of what members get (lower cost sharing, services), currency.
    fee : float
        Yearly fee the person pays, currency.
    income : float
        Monthly income, currency; at least 1 is counted.
    price_weight : float
        Log-odds per month of income, >= 0.
    log_travel : float
        Logarithm of one plus travel time to the practice in minutes.
    travel_weight : float
        Log-odds lost per unit of log travel time, >= 0.
    experience : float
        Experience with primary care, in [0, 1].
    experience_weight : float
        Log-odds gained from worst to best experience, >= 0.

    Returns
    -------
    float
        ``logistic(constant + b_p (benefit - fee) / income - b_t log travel + b_e experience)``.
    """
    return logistic(
        constant
        + price_weight * (benefit - fee) / max(income, 1.0)
        - travel_weight * log_travel
        + experience_weight * experience
    )


@compiled
def prob_discourage(
    receipts: float,
    predicted_cost: float,
    altruism: float,
    value_of_health: float,
    health_lost: float,
    complaint_cost: float,
    precision: float,
    constant: float,
) -> float:
    """Return the probability that a practice discourages a person from joining.

    Parameters
    ----------
    receipts : float
        Expected yearly receipts with this member, currency.
    predicted_cost : float
        Yearly cost the practice predicts and would bear, currency; predicted, for nobody knows
        the true one.
    altruism, value_of_health : float
        Weight a and money value V of a QALY, currency.
    health_lost : float
        QALYs a year the person loses without a family doctor.
    complaint_cost : float
        Expected cost of a complaint, currency.
    precision : float
        Per currency.
    constant : float
        Log-odds.

    Returns
    -------
    float
        ``logistic(constant + precision (cost - receipts - a V ΔH - complaint))``.
    """
    gain = predicted_cost - receipts - altruism * value_of_health * health_lost - complaint_cost
    return logistic(constant + precision * gain)
