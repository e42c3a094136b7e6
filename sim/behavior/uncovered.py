"""What of a stay is billed outside the benefit catalogue, where the patient pays list price.

Knows what a yuan brings inside and outside the catalogue; must not know why it brings less inside.
"""

from sim.numerics import compiled

__all__ = ["gain_of_uncovered"]


@compiled
def gain_of_uncovered(
    list_price: float, receipts: float, altruism: float, oop_weight: float, experience: float
) -> float:
    """Return what a yuan of list price brings more outside the catalogue than inside.

    Parameters
    ----------
    list_price : float
        What the patient pays for it outside, currency.
    receipts : float
        Marginal receipts inside, currency.
    altruism, oop_weight : float
        Weight a on the patient, and w on what the patient pays.
    experience : float
        Receipts lost by the worse experience of a patient who pays it, currency, >= 0.

    Returns
    -------
    float
        ``p - m - a w p - experience``, currency. Nothing where care inside is paid at list price.
    """
    return list_price - receipts - altruism * oop_weight * list_price - experience
