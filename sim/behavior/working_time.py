"""How long a visit lasts: health that minutes bring against what a physician's minute costs.

Knows hours worked, what a minute at work is paid and the health it brings; must not know which
contract pays it, nor how many patients come.
"""

from sim.numerics import compiled, power

__all__ = ["health_lost_to_haste", "minutes_of_a_visit", "price_of_a_minute"]


@compiled
def price_of_a_minute(
    at_list: float, hours: float, elasticity: float, receipts: float, money: float
) -> float:
    """Return what one more minute at work costs a physician beyond what it is paid.

    Parameters
    ----------
    at_list : float
        Disutility of a minute at the hours of the baseline, currency.
    hours : float
        Hours worked over those of the baseline.
    elasticity : float
        Elasticity η of hours to the value of an hour, > 0.
    receipts : float
        Marginal receipts of a minute at work, whatever is done in it, currency.
    money : float
        Weight on money.

    Returns
    -------
    float
        ``c hours^(1/η) - ω receipts``, currency; below 0 where a session brings more than it
        costs. Disutility of hours is convex: its slope rises with them.

    References
    ----------
    Rizzo, J. A., Blumenthal, D. (1994). Physician labor supply: do income effects matter? Journal
    of Health Economics 13, 433-453. https://doi.org/10.1016/0167-6296(94)90013-2
    """
    return at_list * power(max(hours, 1e-9), 1.0 / elasticity) - money * receipts


@compiled
def minutes_of_a_visit(
    wished: float, price: float, at_stake: float, altruism: float, least: float
) -> float:
    """Return the minutes at which one more brings as much health as it costs.

    Parameters
    ----------
    wished : float
        Minutes t* beyond which a visit brings no more health.
    price : float
        From :func:`price_of_a_minute`, currency.
    at_stake : float
        ``V h κ``: money value of the health that a visit of no length would lose, currency.
    altruism : float
        Weight a on the patient.
    least : float
        Minutes without which there is no visit.

    Returns
    -------
    float
        ``t* (1 - price t* / (2 a V h κ))``, the maximum of ``a V H(t) - price t`` with
        ``H(t) = -h κ ((t* - t) / t*)²``, in ``[least, 2 t* - least]``.

    References
    ----------
    Ma, C. A., McGuire, T. G. (1997). Optimal health insurance and provider payment. American
    Economic Review 87, 685-704.
    """
    weight = 2.0 * altruism * at_stake
    if weight <= 0.0:
        return least if price > 0.0 else wished
    best = wished * (1.0 - price * wished / weight)
    return min(max(best, least), 2.0 * wished - least)


@compiled
def health_lost_to_haste(minutes: float, wished: float, at_stake: float) -> float:
    """Return the health that a visit shorter or longer than wished loses.

    Parameters
    ----------
    minutes, wished : float
        Minutes t given, and t*.
    at_stake : float
        ``h κ``, QALYs.

    Returns
    -------
    float
        ``h κ ((t* - t) / t*)²``, QALYs a visit.
    """
    gap = (wished - minutes) / wished
    return at_stake * gap * gap
