"""How much of a component of care a provider gives: Ellis and McGuire's trade-off.

Knows marginal receipts, cost, effort and the patient's need; must not know the payment model.
"""

import math

from sim.numerics import compiled, normal_cdf, normal_cdf_quick, normal_quantile, unchecked

__all__ = [
    "fee_elasticity",
    "optimal_quantity",
    "peak_by_curvature",
    "peak_of_utility",
    "practised_quantity",
    "precision_of_quantity",
    "slope_of_utility",
    "stake",
    "unbounded_quantity",
    "utility_of_quantity",
    "within_need",
]


@compiled
def stake(
    altruism: float, value_of_health: float, health: float, curvature: float, need: float
) -> float:
    """Return what the patient's health weighs at the margin of a component.

    Parameters
    ----------
    altruism : float
        Weight a on the patient, >= 0.
    value_of_health : float
        Behavioral money value V of a QALY, currency per QALY.
    health : float
        QALYs h at stake in this episode.
    curvature : float
        Share κ in (0, 1] of h lost when none of the component is given.
    need : float
        Units q* that are best for the patient, > 0.

    Returns
    -------
    float
        ``A = 2 a V h κ / q*``, currency per unit; 0 where there is no need.
    """
    if need <= 0.0:
        return 0.0
    return 2.0 * altruism * value_of_health * health * curvature / need


@compiled
def precision_of_quantity(effort: float, stake: float, need: float) -> float:
    """Return the curvature K of the provider's utility in the quantity.

    Parameters
    ----------
    effort : float
        Disutility e, currency per unit squared.
    stake : float
        A, currency per unit.
    need : float
        q*, units.

    Returns
    -------
    float
        ``K = e + A / q*``, currency per unit squared.
    """
    if need <= 0.0:
        return effort
    return effort + stake / need


@compiled
def utility_of_quantity(
    quantity: float,
    receipts: float,
    cost: float,
    effort: float,
    altruism: float,
    oop_weight: float,
    coinsurance: float,
    price: float,
    need: float,
    stake: float,
) -> float:
    """Return the provider's utility from a quantity, up to a constant.

    Parameters
    ----------
    quantity : float
        Units q given.
    receipts, cost, effort, altruism, oop_weight, coinsurance, price, need, stake : float
        As in :func:`optimal_quantity`.

    Returns
    -------
    float
        ``(m - k - a w c p) q - e q^2 / 2 - A (q - q*)^2 / (2 q*)``, currency.
    """
    slope = receipts - cost - altruism * oop_weight * coinsurance * price
    utility = slope * quantity - 0.5 * effort * quantity * quantity
    if need > 0.0:
        gap = quantity - need
        utility = utility - 0.5 * stake / need * gap * gap
    return utility


@compiled
def unbounded_quantity(
    receipts: float,
    cost: float,
    effort: float,
    altruism: float,
    oop_weight: float,
    coinsurance: float,
    price: float,
    need: float,
    stake: float,
) -> float:
    """Return the quantity where marginal utility is zero, before clipping.

    It may lie below 0 or above twice the need; it is the peak of the quantal response that
    :func:`practised_quantity` cuts to its bounds.

    Parameters
    ----------
    receipts, cost, effort, altruism, oop_weight, coinsurance, price, need, stake : float
        As in :func:`optimal_quantity`.

    Returns
    -------
    float
        Units. Without effort and stake the utility is linear: 0, q* or 2 q* by the sign of the
        margin (q* when it is exactly 0).
    """
    if need <= 0.0:
        return 0.0
    slope = slope_of_utility(receipts, cost, altruism, oop_weight, coinsurance, price)
    return peak_of_utility(slope, effort, need, stake)


@compiled
def slope_of_utility(
    receipts: float,
    cost: float,
    altruism: float,
    oop_weight: float,
    coinsurance: float,
    price: float,
) -> float:
    """Return what one more unit brings the provider before effort and the patient's health.

    Parameters
    ----------
    receipts, cost, altruism, oop_weight, coinsurance, price : float
        As in :func:`optimal_quantity`.

    Returns
    -------
    float
        ``m - k - a w c p``, currency per unit.
    """
    return receipts - cost - altruism * oop_weight * coinsurance * price


@compiled
def peak_of_utility(slope: float, effort: float, need: float, stake: float) -> float:
    """Return the quantity where marginal utility is zero, by its slope at no quantity.

    Parameters
    ----------
    slope : float
        From :func:`slope_of_utility`, currency per unit.
    effort, need, stake : float
        As in :func:`optimal_quantity`; the need above 0.

    Returns
    -------
    float
        Units, as :func:`unbounded_quantity`.
    """
    return peak_by_curvature(slope, stake, precision_of_quantity(effort, stake, need), need)


@unchecked
def peak_by_curvature(slope: float, stake: float, curvature: float, need: float) -> float:
    """Return the quantity where marginal utility is zero, by the curvature of the utility.

    Parameters
    ----------
    slope, stake, need : float
        As in :func:`peak_of_utility`.
    curvature : float
        K from :func:`precision_of_quantity`, currency per unit squared.

    Returns
    -------
    float
        Units, as :func:`unbounded_quantity`.
    """
    if curvature <= 0.0:
        if slope > 0.0:
            return 2.0 * need
        return 0.0 if slope < 0.0 else need
    return (slope + stake) / curvature


@compiled
def within_need(quantity: float, need: float) -> float:
    """Return a quantity cut to its bounds, ``[0, 2 q*]``.

    Parameters
    ----------
    quantity, need : float
        Units.

    Returns
    -------
    float
        Units.
    """
    return min(max(quantity, 0.0), 2.0 * max(need, 0.0))


@compiled
def optimal_quantity(
    receipts: float,
    cost: float,
    effort: float,
    altruism: float,
    oop_weight: float,
    coinsurance: float,
    price: float,
    need: float,
    stake: float,
) -> float:
    """Return the units of a component a provider wants to give.

    Parameters
    ----------
    receipts : float
        Marginal total receipts m of one more unit, currency (weighted for the income effect by
        :func:`sim.behavior.income.weighted_receipts`).
    cost : float
        Short-run marginal cost k, currency per unit.
    effort : float
        Disutility e of effort, currency per unit squared.
    altruism : float
        Weight a on the patient.
    oop_weight : float
        Weight w on the patient's payment (0 by default: cost sharing moves contacts, not
        intensity).
    coinsurance : float
        Share c the patient pays, in [0, 1].
    price : float
        List price p, currency per unit.
    need : float
        Units q* that are best for the patient.
    stake : float
        A from :func:`stake`, currency per unit.

    Returns
    -------
    float
        Units in [0, 2 q*].

    Notes
    -----
    ``q = (m - k - a w c p + A) / (e + A / q*)``, clipped. With e = c = 0, q is above, at or below
    q* as m is above, at or below k; in general ``q > q*`` if and only if
    ``m - k - a w c p > e q*``.

    References
    ----------
    Ellis, R. P., McGuire, T. G. (1986). Provider behavior under prospective reimbursement.
    Journal of Health Economics 5, 129-151. https://doi.org/10.1016/0167-6296(86)90002-0
    """
    quantity = unbounded_quantity(
        receipts, cost, effort, altruism, oop_weight, coinsurance, price, need, stake
    )
    return within_need(quantity, need)


@compiled
def fee_elasticity(
    price: float,
    cost: float,
    altruism: float,
    oop_weight: float,
    coinsurance: float,
    stake: float,
) -> float:
    """Return the elasticity of an interior quantity with respect to its fee, at m = p.

    Parameters
    ----------
    price, cost, altruism, oop_weight, coinsurance, stake : float
        As in :func:`optimal_quantity`.

    Returns
    -------
    float
        ``ε = p / (p - k - a w c p + A)``. It is also the proportional drop when the fee is
        withdrawn; a blend that keeps the share f of the fee cuts the quantity by (1 - f) ε.
    """
    return price / (price - cost - altruism * oop_weight * coinsurance * price + stake)


@compiled
def practised_quantity(optimum: float, need: float, lambda_: float, K: float, u: float) -> float:
    """Return the quantity practised around the optimum: quantal response on [0, 2 q*].

    Parameters
    ----------
    optimum : float
        Peak of the response, units; from :func:`unbounded_quantity` for the exact quantal response,
        from :func:`optimal_quantity` for one that peaks inside the bounds.
    need : float
        q*, units.
    lambda_ : float
        Precision λ of choice, per currency.
    K : float
        Curvature from :func:`precision_of_quantity`, currency per unit squared.
    u : float
        Uniform draw; the quantity rises with it.

    Returns
    -------
    float
        Units in [0, 2 q*].

    Notes
    -----
    Choice with density proportional to ``exp(λ U(q))`` and U quadratic with curvature K is
    Normal(q̂, variance 1 / (λ K)) cut to the bounds; drawn by the inverse distribution function in
    the tail where it is exact.

    References
    ----------
    McKelvey, R. D., Palfrey, T. R. (1995). Quantal response equilibria for normal form games.
    Games and Economic Behavior 10, 6-38. https://doi.org/10.1006/game.1995.1023
    """
    if need <= 0.0:
        return 0.0
    most = 2.0 * need
    curvature = lambda_ * K
    # Less than a thousandth of a standard deviation between the bounds: any quantity is as good.
    if curvature * most * most < 1e-6:
        return most * u
    rate = math.sqrt(curvature)
    low = -optimum * rate
    high = (most - optimum) * rate
    if 0.0 <= optimum <= most:
        # Much of the law lies inside, so probabilities to eight digits are enough.
        below = normal_cdf_quick(low)
        width = normal_cdf_quick(high) - below
        quantity = optimum + normal_quantile(below + u * width) / rate
    elif optimum > most:
        below = normal_cdf(low)
        width = normal_cdf(high) - below
        if width < 1e-290:
            return most
        quantity = optimum + normal_quantile(below + u * width) / rate
    else:
        # The mirror image, so that the upper tail keeps its digits.
        above = normal_cdf(-low)
        width = above - normal_cdf(-high)
        if width < 1e-290:
            return 0.0
        quantity = optimum - normal_quantile(above - u * width) / rate
    return min(max(quantity, 0.0), most)
