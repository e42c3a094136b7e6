"""Whether one illness is billed as two stays.

Knows what a further stay brings and what it costs to defend; must not know how stays are paid.
"""

from sim.numerics import compiled

__all__ = ["gain_of_splitting", "splitting_share"]


@compiled
def gain_of_splitting(case: float, side_whole: float, side_half: float, days_gain: float) -> float:
    """Return what billing one stay as two brings.

    Parameters
    ----------
    case : float
        Marginal receipts of one more billed stay, whatever it charges, currency.
    side_whole, side_half : float
        What the side of a threshold brings the whole stay, and a stay of half its charge, currency.
    days_gain : float
        What the same days bring more as two short stays than as one long one, currency.

    Returns
    -------
    float
        ``(2 case + 2 side(C / 2)) - (case + side(C)) + days gain``, currency.
    """
    return case + 2.0 * side_half - side_whole + days_gain


@compiled
def splitting_share(gain: float, compliance_cost: float) -> float:
    """Return the share of stays billed as two.

    Parameters
    ----------
    gain : float
        From :func:`gain_of_splitting`, currency per stay.
    compliance_cost : float
        Cost of defending the last of all stays split against rules on readmission, currency; zero
        or below: stays cannot be split here.

    Returns
    -------
    float
        ``clip(G / κ, 0, 1)``, the maximum of ``G x - κ x^2 / 2``. Nothing where a further stay
        brings nothing.
    """
    if gain <= 0.0 or compliance_cost <= 0.0:
        return 0.0
    return min(gain / compliance_cost, 1.0)
