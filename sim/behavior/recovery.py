"""Where a stay's last days are spent: here, or in a bed nearer home.

Knows what days cost and bring, and how far receipts depart from list price; must not know why.
"""

from sim.numerics import compiled, logistic

__all__ = ["prob_send_down", "saved_by_sending"]


@compiled
def saved_by_sending(
    days: float,
    cost_day: float,
    receipt_day: float,
    receipt_referral: float,
    receipt_cut: float,
    omega: float,
) -> float:
    """Return what sending the last days of a stay to another bed brings the hospital.

    Parameters
    ----------
    days : float
        Days sent.
    cost_day : float
        Cost of a day here, the shadow price of the bed included, currency.
    receipt_day : float
        Marginal receipts of a day here, currency.
    receipt_referral : float
        Marginal receipts for referring down, currency.
    receipt_cut : float
        Receipts for what the stay then lacks of a whole case, currency: below zero where transfers
        are paid by the day.
    omega : float
        Weight on money: it scales gains alone.

    Returns
    -------
    float
        ``d (k - m) + r + t``, currency; above zero weighted by ω.
    """
    saved = days * (cost_day - receipt_day) + receipt_referral + receipt_cut
    return omega * saved if saved > 0.0 else saved


@compiled
def prob_send_down(base: float, saved: float, saved_at_list: float, precise: float) -> float:
    """Return the probability that a patient who could be sent down is.

    Parameters
    ----------
    base : float
        Probability at list price, in [0, 1): zero where nobody is sent down.
    saved, saved_at_list : float
        From :func:`saved_by_sending`, as paid and at list price, currency.
    precise : float
        Precision of the choice, per currency.

    Returns
    -------
    float
        ``logistic(logit(base) + precise (saved - saved at list))``.
    """
    if base <= 0.0:
        return 0.0
    if base >= 1.0:
        return 1.0
    # base / (base + (1 - base) exp(-x)), with the rule's own exponential.
    other = logistic(precise * (saved - saved_at_list))
    return base * other / (base * other + (1.0 - base) * (1.0 - other))
