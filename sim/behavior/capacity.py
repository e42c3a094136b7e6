"""What a scarce bed or hour costs: the value of whoever would have had it.

Knows load and the value displaced; must not know whom the bed is given to.
"""

from sim.numerics import compiled, logistic

__all__ = ["shadow_price"]


@compiled
def shadow_price(load: float, displaced_value: float, threshold: float, width: float) -> float:
    """Return the shadow price of one unit of capacity.

    Parameters
    ----------
    load : float
        Use over capacity in the last month (occupancy of beds, or sessions asked over offered).
    displaced_value : float
        Margin of the expected displaced case per unit of capacity, currency; below 0 counts as 0.
    threshold : float
        Load at which half of the uses displace somebody (beds about .95, a practice about 1).
    width : float
        Steepness: load over which the odds of displacing grow by e. Zero or below makes a step.

    Returns
    -------
    float
        ``max(value, 0) · logistic((load - threshold) / width)``, currency.

    Notes
    -----
    Load varies within a month, so that capacity binds on a share of days; the logistic is that
    share.
    """
    value = max(displaced_value, 0.0)
    if width <= 0.0:
        return value if load > threshold else 0.0
    return value * logistic((load - threshold) / width)
