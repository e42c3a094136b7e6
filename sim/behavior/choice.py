"""How patients choose care and how any discrete choice is drawn: pieces of a nested logit.

Knows prices, distance, waiting and experience; must not know what providers are paid.
Nothing here allocates memory: choice sets stay in the caller's arrays.
"""

import numpy as np
from numpy.typing import NDArray

from sim.numerics import compiled, exp, log, logistic

__all__ = [
    "UNAVAILABLE",
    "choice_precision",
    "choose4",
    "diminished_price",
    "draw_from_cumulative",
    "draw_from_weights",
    "felt_payment",
    "fill_cumulative",
    "inclusive_value",
    "mixed_price",
    "nest_weight",
    "prob_second",
    "provider_utility",
    "travel_utility_metro",
]

# The utility of an option that does not exist for this person; any choice gives it weight 0.
UNAVAILABLE = -1e300


@compiled
def choice_precision(tau: float, list_price: float) -> float:
    """Return the precision of a provider's discrete choice, inverse to the money involved.

    Parameters
    ----------
    tau : float
        Share of the list price that is one unit of logit noise (admit .17, transfer .35, refer 5).
    list_price : float
        List price of the option, currency.

    Returns
    -------
    float
        ``1 / (τ p)``, per currency; 0 (pure chance) where the product is not positive.
    """
    scale = tau * list_price
    return 1.0 / scale if scale > 0.0 else 0.0


@compiled
def mixed_price(spot: float, year_end: float, mix: float) -> float:
    """Return the price a patient acts on, between today's and the one expected at year end.

    Parameters
    ----------
    spot : float
        Out-of-pocket price of this contact today, currency.
    year_end : float
        Expected out-of-pocket price once this year's deductible and caps are accounted for.
    mix : float
        Weight of the spot price, in [0, 1] (default .5).

    Returns
    -------
    float
        Currency.

    References
    ----------
    Aron-Dine, A., Einav, L., Finkelstein, A., Cullen, M. (2015). Moral hazard in health insurance:
    do dynamic incentives matter? Review of Economics and Statistics 97, 725-741.
    https://doi.org/10.1162/REST_a_00518
    """
    return mix * spot + (1.0 - mix) * year_end


@compiled
def felt_payment(own: float, uncovered: float, account: float, account_weight: float) -> float:
    """Return what an own payment weighs where part of it comes out of an individual account.

    Parameters
    ----------
    own : float
        The person's payment, currency.
    uncovered : float
        The part of it for items that no account pays, currency.
    account : float
        What is in the account, currency; it pays what it can of the rest.
    account_weight : float
        What a unit of currency in the account weighs against one in cash, in [0, 1]: it can be
        spent on nothing but care, now or later.

    Returns
    -------
    float
        What is paid in cash plus the weight times what the account pays, currency.
    """
    if account <= 0.0:
        return own
    return own - (1.0 - account_weight) * min(own - uncovered, account)


@compiled
def diminished_price(price: float, income: float, half: float) -> float:
    """Return what an own payment weighs where a further unit is felt ever less.

    Most of what patients give up when care is no longer free they give up at the lowest price.

    Parameters
    ----------
    price : float
        The person's payment as felt (:func:`felt_payment`), currency, >= 0.
    income : float
        Monthly income, currency; at least 1 is counted.
    half : float
        Payment that weighs half of the most any payment can weigh, months of income; 0 or less
        where every unit weighs the same.

    Returns
    -------
    float
        ``price h / (h + price)`` with h the half in currency: small payments count in full, and
        no payment counts for more than h.
    """
    if half <= 0.0:
        return price
    most = half * max(income, 1.0)
    return price * most / (most + price)


@compiled
def travel_utility_metro(distance_km: float) -> float:
    """Return the utility of distance to a hospital in a metropolitan region (published cubic).

    Parameters
    ----------
    distance_km : float
        Kilometers, >= 0; used as published (source C8 of the evidence file).

    Returns
    -------
    float
        ``-0.265 d + 0.002 d^2 - 0.00001 d^3``, logit units.
    """
    return distance_km * (-0.265 + distance_km * (0.002 - 0.00001 * distance_km))


@compiled
def provider_utility(
    constant: float,
    price: float,
    income: float,
    price_weight: float,
    log_travel: float,
    travel_weight: float,
    waiting: float,
    waiting_weight: float,
    experience: float,
    experience_weight: float,
) -> float:
    """Return the utility of going to one provider, in logit units.

    Parameters
    ----------
    constant : float
        Attraction of this kind of provider for this group and severity.
    price : float
        Price the patient acts on (:func:`mixed_price`), currency.
    income : float
        Monthly income, currency; at least 1 is counted.
    price_weight : float
        Logit units lost per whole month of income, >= 0.
    log_travel : float
        Logarithm of one plus travel time in minutes.
    travel_weight : float
        Logit units lost per unit of log travel time, >= 0.
    waiting : float
        Expected wait, months.
    waiting_weight : float
        Logit units lost per month, >= 0.
    experience : float
        Own experience with this kind of provider, in [0, 1].
    experience_weight : float
        Logit units gained from worst to best experience, >= 0.

    Returns
    -------
    float
        ``constant - b_p price / income - b_t log travel - b_w waiting + b_e experience``.
    """
    return (
        constant
        - price_weight * price / max(income, 1.0)
        - travel_weight * log_travel
        - waiting_weight * waiting
        + experience_weight * experience
    )


@compiled
def nest_weight(utility: float, dissimilarity: float) -> float:
    """Return the weight of one provider inside its nest.

    Parameters
    ----------
    utility : float
        Logit units; ``utility / dissimilarity`` should stay within ±700.
    dissimilarity : float
        In (0, 1]; 1 makes the nested logit a plain logit.

    Returns
    -------
    float
        ``exp(U / θ)``.
    """
    return exp(utility / dissimilarity)


@compiled
def inclusive_value(total_weight: float, dissimilarity: float) -> float:
    """Return what having a whole nest of providers is worth.

    Parameters
    ----------
    total_weight : float
        Sum of :func:`nest_weight` over the nest; an empty nest is worth :data:`UNAVAILABLE`.
    dissimilarity : float
        In (0, 1].

    Returns
    -------
    float
        ``θ log Σ exp(U / θ)``, logit units.

    References
    ----------
    McFadden, D. (1978). Modelling the choice of residential location. In: Spatial Interaction
    Theory and Planning Models, 75-96.
    """
    if total_weight <= 0.0:
        return UNAVAILABLE
    return dissimilarity * log(total_weight)


@compiled
def prob_second(u_first: float, u_second: float, precision: float, constant: float) -> float:
    """Return the probability that the second of two options is taken.

    Parameters
    ----------
    u_first, u_second : float
        Utilities, currency.
    precision : float
        Per currency (:func:`choice_precision`).
    constant : float
        Alternative-specific constant of the second option, log-odds.

    Returns
    -------
    float
        ``logistic(constant + precision (U2 - U1))``.
    """
    return logistic(constant + precision * (u_second - u_first))


@compiled
def choose4(
    u_first: float,
    u_second: float,
    u_third: float,
    u_fourth: float,
    precision: float,
    u: float,
) -> int:
    """Draw one of four options by logit.

    Parameters
    ----------
    u_first, u_second, u_third, u_fourth : float
        Utilities in the unit of 1 / precision, alternative-specific constants included (a constant
        in log-odds enters as constant / precision); :data:`UNAVAILABLE` excludes an option.
    precision : float
        1 where utilities already are in logit units.
    u : float
        Uniform draw.

    Returns
    -------
    int
        0, 1, 2 or 3 with probability proportional to ``exp(precision U)``; 3 if none is available.
    """
    lowest = 0.5 * UNAVAILABLE
    peak = max(max(u_first, u_second), max(u_third, u_fourth))
    if peak <= lowest:
        return 3
    first = exp(precision * (u_first - peak)) if u_first > lowest else 0.0
    second = exp(precision * (u_second - peak)) if u_second > lowest else 0.0
    third = exp(precision * (u_third - peak)) if u_third > lowest else 0.0
    fourth = exp(precision * (u_fourth - peak)) if u_fourth > lowest else 0.0
    left = u * (first + second + third + fourth)
    if left < first:
        return 0
    if left < first + second:
        return 1
    # The last test guards an unavailable fourth option against rounding of the sum.
    if left < first + second + third or fourth == 0.0:
        return 2 if third > 0.0 else (1 if second > 0.0 else 0)
    return 3


@compiled
def fill_cumulative(
    utilities: NDArray[np.float64], dissimilarity: float, cumulative: NDArray[np.float64]
) -> float:
    """Write the running sums of a nest's weights and return what the nest is worth.

    Parameters
    ----------
    utilities : ndarray of float64, shape (n,)
        Logit units; :data:`UNAVAILABLE` excludes a provider.
    dissimilarity : float
        In (0, 1].
    cumulative : ndarray of float64, shape (n,)
        Overwritten with running sums of weights relative to the best provider of the nest.

    Returns
    -------
    float
        The inclusive value, logit units; :data:`UNAVAILABLE` if the nest is empty.
    """
    n = utilities.shape[0]
    lowest = 0.5 * UNAVAILABLE
    peak = UNAVAILABLE
    for i in range(n):
        peak = max(peak, float(utilities[i]))
    total = 0.0
    for i in range(n):
        utility = float(utilities[i])
        if utility > lowest:
            total += exp((utility - peak) / dissimilarity)
        cumulative[i] = total
    if peak <= lowest:
        return UNAVAILABLE
    return peak + dissimilarity * log(total)


@compiled
def draw_from_cumulative(cumulative: NDArray[np.float64], u: float) -> int:
    """Draw an index from running sums of weights by bisection.

    Parameters
    ----------
    cumulative : ndarray of float64, shape (n,)
        Running sums of weights >= 0; the last is the total (> 0).
    u : float
        Uniform draw.

    Returns
    -------
    int
        The first index whose running sum exceeds ``u * total``; an index of weight 0 is never
        drawn.
    """
    low = 0
    high = cumulative.shape[0] - 1
    target = u * float(cumulative[high])
    while low < high:
        middle = (low + high) >> 1
        if float(cumulative[middle]) > target:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def draw_from_weights(weights: NDArray[np.float64], total: float, u: float) -> int:
    """Draw an index from weights whose sum is known.

    Parameters
    ----------
    weights : ndarray of float64, shape (n,)
        Weights >= 0.
    total : float
        Their sum in the order of the array, > 0.
    u : float
        Uniform draw.

    Returns
    -------
    int
        Index with probability weight / total; an index of weight 0 is never drawn.
    """
    left = u * total
    last = 0
    for i in range(weights.shape[0]):
        weight = float(weights[i])
        if weight > 0.0:
            last = i
            left -= weight
            if left < 0.0:
                return i
    return last
