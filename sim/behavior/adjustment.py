"""How organizations move their levers and styles: three ways of adjusting.

Best response with inertia and the controller (PID) know where a lever should be and go there;
the bandit knows nothing of that, tries a few styles and keeps to what paid. Knows where a lever is,
where it should be, or what a style has brought; must not know why.
"""

from sim.numerics import compiled, exp

__all__ = [
    "adjust",
    "blended_style",
    "learned_worth",
    "moved",
    "pid_change",
    "realized_utility",
    "share_left",
    "style_to_try",
]

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
    return moved(current, optimum, share_left(half_life_months))


@compiled
def share_left(half_life_months: float) -> float:
    """Return the share of a gap that is left after a month.

    Parameters
    ----------
    half_life_months : float
        As in :func:`adjust`.

    Returns
    -------
    float
        ``2^(-1 / half-life)``; 0 where a lever moves at once.
    """
    return 0.0 if half_life_months <= 0.0 else exp(-_LN2 / half_life_months)


@compiled
def moved(current: float, optimum: float, left: float) -> float:
    """Return a lever that has moved until a share of the gap is left.

    Parameters
    ----------
    current, optimum : float
        As in :func:`adjust`.
    left : float
        From :func:`share_left`.

    Returns
    -------
    float
        ``optimum + (current - optimum) left``.
    """
    return optimum + (current - optimum) * left


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


@compiled
def pid_change(
    error: float,
    before: float,
    before_last: float,
    proportional: float,
    integral: float,
    derivative: float,
) -> float:
    """Return a lever's change in a month under a controller, in its incremental form.

    Parameters
    ----------
    error, before, before_last : float
        Gap between where the lever should be and where it is: now, a month ago, two months ago.
    proportional, integral, derivative : float
        Gains, per month.

    Returns
    -------
    float
        ``P (e - e1) + I e + D (e - 2 e1 + e2)``. It is nothing only where the gap stays nothing:
        the fixed point is that of best response, whatever the gains. With P = D = 0 and
        ``I = 1 - 2^(-1 / half-life)`` it is best response with inertia.

    References
    ----------
    Astrom, K. J., Hagglund, T. (1995). PID controllers: theory, design, and tuning. 2nd ed.,
    section 3.6, incremental algorithm.
    """
    change = proportional * (error - before) + integral * error
    return change + derivative * (error - 2.0 * before + before_last)


@compiled
def realized_utility(
    margin: float,
    money: float,
    altruism: float,
    value: float,
    lost_health: float,
    effort: float,
    need: float,
) -> float:
    """Return what a month's practice came to for a provider, by unit of need met.

    Parameters
    ----------
    margin : float
        Receipts less variable cost of the month, currency.
    money : float
        Weight on money above cost.
    altruism, value : float
        Altruism weight, and money value of a QALY.
    lost_health : float
        QALYs lost to care above and below what is appropriate.
    effort : float
        Disutility of the care given, currency.
    need : float
        Care that was appropriate, at list price, currency.

    Returns
    -------
    float
        ``(omega margin - effort - a V lost) / need``; 0 where there was no need.
    """
    if need <= 0.0:
        return 0.0
    gain = margin * money if margin > 0.0 else margin
    return (gain - effort - altruism * value * lost_health) / need


@compiled
def learned_worth(worth: float, times: float, reward: float, memory: float) -> float:
    """Return what a style is held to be worth after it was practised once more.

    Parameters
    ----------
    worth : float
        Belief so far.
    times : float
        Months in which the style has been practised, this one included.
    reward : float
        What this month brought.
    memory : float
        Least weight of the newest month, so that a world that changes is learned again.
    """
    weight = 1.0 / times
    if weight < memory:
        weight = memory
    return worth + weight * (reward - worth)


@compiled
def style_to_try(
    best: int, n_untried: int, n_styles: int, explore: float, u: float, u_which: float
) -> int:
    """Return which style to practise next (epsilon-greedy), or how many untried ones to pass over.

    Parameters
    ----------
    best : int
        The style held to be worth most.
    n_untried, n_styles : int
        Styles never practised, and all of them.
    explore : float
        Share of months in which any style is tried.
    u, u_which : float
        Uniform draws: whether to try, and which.

    Returns
    -------
    int
        An untried style comes first: ``-1 - k`` for the k-th of them. Else a style.

    References
    ----------
    Sutton, R. S., Barto, A. G. (2018). Reinforcement learning: an introduction. 2nd ed., chapter 2.
    """
    if n_untried > 0:
        return -1 - min(int(u_which * n_untried), n_untried - 1)
    if u < explore:
        return min(int(u_which * n_styles), n_styles - 1)
    return best
