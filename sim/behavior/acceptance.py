"""Whether a patient accepts what a provider proposes.

Knows price, income, travel and trust; must not know what the provider earns by it.
"""

from sim.numerics import compiled, logistic

__all__ = ["prob_accept"]


@compiled
def prob_accept(
    constant: float,
    out_of_pocket: float,
    income: float,
    price_weight: float,
    log_travel: float,
    travel_weight: float,
    trust: float,
    trust_weight: float,
) -> float:
    """Return the probability that a patient accepts a procedure or comes back when asked.

    Parameters
    ----------
    constant : float
        Log-odds of accepting what is free, at the door, without trust.
    out_of_pocket : float
        What the patient pays, currency.
    income : float
        Monthly income, currency; at least 1 is counted.
    price_weight : float
        Log-odds lost per whole month of income, >= 0.
    log_travel : float
        Logarithm of one plus travel time in minutes; 0 where the patient is there already.
    travel_weight : float
        Log-odds lost per unit of log travel time, >= 0.
    trust : float
        Experience with this kind of provider, in [0, 1].
    trust_weight : float
        Log-odds gained from no to full trust, >= 0.

    Returns
    -------
    float
        ``logistic(constant - b_p payment / income - b_t log travel + b_s trust)``.
    """
    return logistic(
        constant
        - price_weight * out_of_pocket / max(income, 1.0)
        - travel_weight * log_travel
        + trust_weight * trust
    )
