"""Admit now, defer, transfer or refuse: the hospital's choice at the door.

Knows the expected margin of a case, the patient's health and the price of a bed; must not contain
a fixed rule on severity, for selection is to emerge from money against concern.
"""

from sim.behavior.choice import choose4
from sim.behavior.income import weighted_margin
from sim.numerics import compiled

__all__ = ["admit_utility", "choose4", "defer_utility", "refuse_utility", "transfer_utility"]


@compiled
def admit_utility(
    margin: float,
    omega: float,
    altruism: float,
    value_of_health: float,
    health: float,
    oop_weight: float,
    patient_payment: float,
    bed_price: float,
) -> float:
    """Return the hospital's utility from admitting the patient now.

    Parameters
    ----------
    margin : float
        Expected receipts less cost of this severity at known stay and components, currency (after
        :func:`sim.behavior.income.diminishing`).
    omega : float
        Weight on money, on margins above cost.
    altruism : float
        Weight a on the patient.
    value_of_health : float
        V, currency per QALY.
    health : float
        Health if treated now, QALYs.
    oop_weight : float
        Weight w on the patient's payment.
    patient_payment : float
        Expected payment of the patient, currency.
    bed_price : float
        Shadow price of the bed over the stay, currency.

    Returns
    -------
    float
        ``ω margin + a (V H - w payment) - bed price``, currency.
    """
    patient = altruism * (value_of_health * health - oop_weight * patient_payment)
    return weighted_margin(margin, omega) + patient - bed_price


@compiled
def defer_utility(
    margin: float,
    omega: float,
    altruism: float,
    value_of_health: float,
    health: float,
    health_lost: float,
    oop_weight: float,
    patient_payment: float,
    discount: float,
) -> float:
    """Return the hospital's utility from putting an elective patient on its list.

    Parameters
    ----------
    margin, omega, altruism, value_of_health, health, oop_weight, patient_payment : float
        As in :func:`admit_utility`; the margin is that of a later month (next year's terms).
    health_lost : float
        QALYs lost by the expected delay.
    discount : float
        Weight of the later month, times the probability that the patient still comes.

    Returns
    -------
    float
        ``δ (ω margin + a (V H - w payment)) - a V loss``, currency.
    """
    patient = altruism * (value_of_health * health - oop_weight * patient_payment)
    later = discount * (weighted_margin(margin, omega) + patient)
    return later - altruism * value_of_health * health_lost


@compiled
def transfer_utility(
    receipts: float,
    omega: float,
    altruism: float,
    value_of_health: float,
    health: float,
    oop_weight: float,
    patient_payment: float,
    spending: float,
    receipts_per_elsewhere: float,
    effort: float,
) -> float:
    """Return the hospital's utility from sending the patient to a higher tier.

    Parameters
    ----------
    receipts : float
        What a transferred case brings net of its cost here, currency.
    omega, altruism, value_of_health, oop_weight : float
        As in :func:`admit_utility`.
    health : float
        Health if treated there, travel and delay included, QALYs.
    patient_payment : float
        Expected payment of the patient there, currency.
    spending : float
        Expected spending there, currency.
    receipts_per_elsewhere : float
        ∂ receipts / ∂ members' spending elsewhere, usually in [-1, 0].
    effort : float
        Disutility of arranging the transfer, currency.

    Returns
    -------
    float
        Currency. The highest tier has nowhere to transfer to: callers pass
        :data:`sim.behavior.choice.UNAVAILABLE` instead.
    """
    money = weighted_margin(receipts + spending * receipts_per_elsewhere, omega)
    patient = altruism * (value_of_health * health - oop_weight * patient_payment)
    return money + patient - effort


@compiled
def refuse_utility(altruism: float, value_of_health: float, health: float, penalty: float) -> float:
    """Return the hospital's utility from refusing the patient.

    Parameters
    ----------
    altruism, value_of_health : float
        As in :func:`admit_utility`.
    health : float
        Health without this admission, QALYs.
    penalty : float
        Complaint, sanction and conscience, currency.

    Returns
    -------
    float
        ``a V H - penalty``, currency.
    """
    return altruism * value_of_health * health - penalty
