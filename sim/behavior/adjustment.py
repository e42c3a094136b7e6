"""How fast organisations move: partial adjustment of levers and styles of practice.

Knows where a lever is and where it should be; must not know why.
"""

from sim.numerics import compiled, exp

__all__ = ["adjust", "blended_style"]

_LN2 = 0.6931471805599453


@compiled
def adjust(current: float, optimum: float, half_life_months: float) -> float:
    """Return a lever one month later: best response with inertia.

    Parameters
    ----------
    current : float
        The lever today.
    optimum : float
        Where the incentives of this month would put it.
    half_life_months : float
        Months until half of the gap is closed (default of the model 4); zero or below moves at
        once.

    Returns
    -------
    float
        ``optimum + (current - optimum) 2^(-1 / half-life)``.
    """
    if half_life_months <= 0.0:
        return optimum
    return optimum + (current - optimum) * exp(-_LN2 / half_life_months)


@compiled
def blended_style(own: float, average: float, spill_over: float) -> float:
    """Return the style practised for one payer's patients.

    Parameters
    ----------
    own : float
        Best ratio q / q* under this payer's contract.
    average : float
        The provider's average of such ratios over all payers, weighted by patients.
    spill_over : float
        Weight of the average, in [0, 1] (default of the model .5): habits do not stop at a payer.

    Returns
    -------
    float
        Ratio q / q*.

    References
    ----------
    Glied, S., Zivin, J. G. (2002). How do doctors behave when some (but not all) of their patients
    are in managed care? Journal of Health Economics 21, 337-353.
    """
    return (1.0 - spill_over) * own + spill_over * average
