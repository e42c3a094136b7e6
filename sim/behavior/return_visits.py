"""Whether the doctor asks the patient back.

Knows what one more visit brings to doctor and patient; must not know how visits are paid. The
patient's answer is in :mod:`sim.behavior.acceptance`.
"""

from sim.behavior.acceptance import prob_accept
from sim.behavior.income import weighted_margin
from sim.numerics import compiled, logistic

__all__ = ["prob_accept", "prob_ask_back"]


@compiled
def prob_ask_back(
    margin: float,
    omega: float,
    altruism: float,
    value_of_health: float,
    health_gain: float,
    oop_weight: float,
    patient_cost: float,
    time_price: float,
    precision: float,
    constant: float,
) -> float:
    """Return the probability that a doctor asks a patient to come again.

    Parameters
    ----------
    margin : float
        Marginal receipts of a return visit less its cost, currency, in full: noise of more than the
        list price leaves large sums a measured effect by itself.
    omega : float
        Weight on money, on margins above cost.
    altruism : float
        Weight a on the patient.
    value_of_health : float
        V, currency per QALY.
    health_gain : float
        QALYs a return visit brings this patient; near 0 for a discretionary one.
    oop_weight : float
        Weight w on the patient's cost.
    patient_cost : float
        Out-of-pocket payment and travel, currency.
    time_price : float
        Shadow price of the practice's time, currency.
    precision : float
        ``1 / (τ list price)``, per currency.
    constant : float
        Calibrated constant of this group, log-odds.

    Returns
    -------
    float
        ``logistic(constant + precision (ω margin + a (V ΔH - w cost) - time price))``.
    """
    patient = altruism * (value_of_health * health_gain - oop_weight * patient_cost)
    utility = weighted_margin(margin, omega) + patient - time_price
    return logistic(constant + precision * utility)
