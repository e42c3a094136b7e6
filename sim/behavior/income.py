"""How much money weighs: the income effect and the diminishing sensitivity to money.

Knows revenue, targets and margins; must not know what the money is paid for.
"""

from sim.numerics import compiled, power, tanh, unchecked

__all__ = ["diminishing", "income_weight", "weighted_margin", "weighted_receipts"]


@compiled
def income_weight(revenue: float, target: float, eta: float) -> float:
    """Return the weight on money of a provider that misses or exceeds its target income.

    Parameters
    ----------
    revenue : float
        Receipts of the last twelve months over all payers, currency.
    target : float
        Target for the same, currency. Without a target (zero or below) the weight is 1.
    eta : float
        Strength of the income effect, >= 0 (default of the model .1).

    Returns
    -------
    float
        In [0.5, 2]; 1 at the target.

    Notes
    -----
    ``ω = clip((Y / T)^(-η), 0.5, 2)``. With a share σ of revenue at stake, cutting a fee m over a
    cost k changes the weighted margin ω (m - k) by the elasticity ``m / (m - k) - η σ``: with k = 0
    a cut raises it, and so raises volume, if and only if η σ > 1.

    References
    ----------
    McGuire, T. G., Pauly, M. V. (1991). Physician response to fee changes with multiple payers.
    Journal of Health Economics 10, 385-410. https://doi.org/10.1016/0167-6296(91)90022-F
    """
    if target <= 0.0:
        return 1.0
    weight = power(revenue / target, -eta)
    return min(max(weight, 0.5), 2.0)


@compiled
def weighted_margin(margin: float, weight: float) -> float:
    """Return a margin as the provider feels it: only gains above cost are scaled by the weight.

    Scaling losses too would let the cut of a lump sum cause stinting.

    Parameters
    ----------
    margin : float
        Receipts less cost, currency.
    weight : float
        From :func:`income_weight`.

    Returns
    -------
    float
        Currency.
    """
    return weight * margin if margin > 0.0 else margin


@compiled
def weighted_receipts(receipts: float, cost: float, weight: float) -> float:
    """Return the receipts that, less cost, give the margin as the provider feels it.

    Use it where a rule takes receipts and cost apart, as the choice of intensity does.

    Parameters
    ----------
    receipts, cost : float
        Marginal receipts and cost of one more unit, currency.
    weight : float
        From :func:`income_weight`.

    Returns
    -------
    float
        Currency.
    """
    return cost + weighted_margin(receipts - cost, weight)


@unchecked
def diminishing(x: float, reference: float, scale: float) -> float:
    """Return a margin as it enters a discrete choice: large departures from the usual count less.

    Parameters
    ----------
    x : float
        Margin of the option, currency.
    reference : float
        Margin at the list price, currency, where the rule changes nothing.
    scale : float
        Largest departure that can be felt, currency (a share of the list price, .1-.3). At zero or
        below every margin counts as the reference.

    Returns
    -------
    float
        Within ``reference ± scale``; slope 1 at the reference.

    Notes
    -----
    ``ψ(x) = r + S tanh((x - r) / S)``. Without it a sensitivity that fits a change of fees by 2 %
    makes the response to losing the whole fee absurd.
    """
    if scale <= 0.0:
        return reference
    return reference + scale * tanh((x - reference) / scale)
