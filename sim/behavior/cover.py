"""Which benefit package a member chooses: what each is expected to cost, and how that is felt.

Knows premiums, expected own payments, risk and income; must not know whose money pays for care.
"""

from sim.numerics import compiled

__all__ = ["cover_utility", "felt_cost_of_cover"]


@compiled
def felt_cost_of_cover(
    premium: float,
    mean_own: float,
    variance_own: float,
    aversion: float,
    yearly_income: float,
    share_known: float,
) -> float:
    """Return what a year under one benefit package is felt to cost.

    Parameters
    ----------
    premium : float
        What the member pays for it, currency per year; known in full.
    mean_own : float
        Own payments expected under its rules, currency per year.
    variance_own : float
        Their variance over the years that may come, currency squared.
    aversion : float
        Relative risk aversion, >= 0.
    yearly_income : float
        Currency; at least 1 is counted.
    share_known : float
        How far the rules are known: the weight of what they bring against the premium, in [0, 1].

    Returns
    -------
    float
        ``premium + κ (E + A Var / (2 y))``, currency per year.

    Notes
    -----
    The sum in brackets is the certainty equivalent of a risk that is small against income (Pratt).
    People who choose among drug plans weigh a premium several times as much as the own payments
    they can expect; κ is how many times less these weigh.

    References
    ----------
    Abaluck, J., Gruber, J. (2011). Choice inconsistencies among the elderly: evidence from plan
    choice in the Medicare Part D program. American Economic Review 101(4), 1180-1210.
    https://doi.org/10.1257/aer.101.4.1180
    Pratt, J. W. (1964). Risk aversion in the small and in the large. Econometrica 32, 122-136.
    https://doi.org/10.2307/1913738
    """
    risk = aversion * variance_own / (2.0 * max(yearly_income, 1.0))
    return premium + share_known * (mean_own + risk)


@compiled
def cover_utility(felt_cost: float, monthly_income: float, precision: float) -> float:
    """Return the utility of a benefit package, in logit units.

    Parameters
    ----------
    felt_cost : float
        From :func:`felt_cost_of_cover`, currency per year.
    monthly_income : float
        Currency; at least 1 is counted.
    precision : float
        Log-odds that a month's income more of felt cost takes away, >= 0.

    Returns
    -------
    float
        ``-b felt cost / income``.
    """
    return -precision * felt_cost / max(monthly_income, 1.0)
