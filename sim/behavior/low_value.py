"""Whether a service that does the patient no good is given (q* = 0: a yes or no).

Knows its margin, its harm and the patient's own wish for it; must not know which service it is.
"""

from sim.behavior.acceptance import prob_accept
from sim.behavior.income import weighted_margin
from sim.numerics import compiled, logistic

__all__ = ["prob_accept", "prob_low_value"]


@compiled
def prob_low_value(
    margin: float,
    omega: float,
    altruism: float,
    value_of_health: float,
    harm: float,
    wish: float,
    oop_weight: float,
    patient_payment: float,
    precision: float,
    constant: float,
) -> float:
    """Return the probability that a provider gives a low-value service.

    Parameters
    ----------
    margin : float
        Marginal receipts less cost, currency (after :func:`sim.behavior.income.diminishing`).
    omega : float
        Weight on money, on margins above cost.
    altruism : float
        Weight a on the patient.
    value_of_health : float
        V, currency per QALY.
    harm : float
        QALYs h_low the service takes, >= 0.
    wish : float
        What refusing a patient who wants the service costs the doctor, currency, >= 0.
    oop_weight : float
        Weight w on the patient's payment.
    patient_payment : float
        Currency.
    precision : float
        ``1 / (τ list price)``, per currency.
    constant : float
        Calibrated constant of this group, log-odds.

    Returns
    -------
    float
        ``logistic(constant + precision (ω margin - a (V h_low + w payment) + wish))``.
    """
    patient = altruism * (value_of_health * harm + oop_weight * patient_payment)
    return logistic(constant + precision * (weighted_margin(margin, omega) - patient + wish))
