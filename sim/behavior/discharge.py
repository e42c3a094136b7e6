"""Where a patient goes after a stay: home, or to a facility for aftercare, and for how long.

Knows what days cost and bring, the patient's severity and the noise of the choice; must not know
why days bring what they do.
"""

from sim.behavior.income import weighted_margin
from sim.behavior.stay import draw_stay
from sim.numerics import compiled, logistic

__all__ = ["days_of_aftercare", "gain_of_facility", "prob_facility"]


@compiled
def gain_of_facility(
    days: float,
    receipt_day: float,
    days_moved: float,
    saved_day: float,
    saved_day_at_list: float,
    receipt_cut: float,
    omega: float,
) -> float:
    """Return what sending a patient to a facility brings the hospital beyond list prices.

    Parameters
    ----------
    days : float
        Days of aftercare that such a patient needs.
    receipt_day : float
        Marginal receipts of the hospital for a day there, currency: below zero where it answers for
        what the aftercare costs.
    days_moved : float
        Last days of the stay that are spent there instead.
    saved_day, saved_day_at_list : float
        Cost less marginal receipts of one of them, as paid and at list price, currency.
    receipt_cut : float
        Receipts for what the stay lacks of a whole case when it ends there, currency: below zero
        where transfers are paid by the day.
    omega : float
        Weight on money, on gains alone.

    Returns
    -------
    float
        ``ω (D m + d (k - r) + t) - d (k - r)_list``, currency.
    """
    money = days * receipt_day + days_moved * saved_day + receipt_cut
    return weighted_margin(money, omega) - days_moved * saved_day_at_list


@compiled
def prob_facility(log_odds: float, gain: float, benefit: float, precise: float) -> float:
    """Return the probability that a patient goes to a facility rather than home.

    Parameters
    ----------
    log_odds : float
        Constant that gives the baseline share at list price.
    gain : float
        From :func:`gain_of_facility`, currency.
    benefit : float
        What the facility rather than home means for the patient's health, in the hospital's weight,
        currency.
    precise : float
        Precision of the choice, per currency.
    """
    return logistic(log_odds + precise * (gain + benefit))


@compiled
def days_of_aftercare(
    receipt_day: float,
    omega: float,
    stake_day: float,
    need_days: float,
    precision: float,
    longest: int,
    u: float,
) -> int:
    """Return the days of aftercare that a hospital plans for a patient: those of any stay.

    A day there costs the hospital nothing of its own; with nothing to gain or lose, the likeliest
    number is what the patient needs.

    Parameters
    ----------
    receipt_day, omega : float
        As in :func:`gain_of_facility`.
    stake_day : float
        Health at stake in a day, in the hospital's weight, currency.
    need_days, precision, longest, u
        As in :func:`sim.behavior.stay.draw_stay`.
    """
    return draw_stay(receipt_day, 0.0, omega, stake_day, need_days, precision, longest, u)
