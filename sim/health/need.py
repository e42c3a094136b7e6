"""Who falls ill, how badly, and what becomes of illness that nobody treats.

Knows hazards, ranks of severity and chronic conditions; must not know providers or prices.
"""

from sim.numerics import compiled, exp, normal_quantile

__all__ = [
    "control_gain",
    "death_probability",
    "is_bed_needed",
    "monthly_probability",
    "rank_among_bed_cases",
    "severity_multiplier",
    "worsened_rank",
]


@compiled
def monthly_probability(rate_month: float) -> float:
    """Return the chance of at least one event in a month of constant hazard.

    Parameters
    ----------
    rate_month : float
        Hazard per person-month, >= 0.

    Returns
    -------
    float
        ``1 - exp(-rate)``, in [0, 1).
    """
    return 1.0 - exp(-rate_month)


@compiled
def death_probability(hazard_year: float, ratio: float, severity_ratio: float) -> float:
    """Return the chance of dying in a month from anything but a stay's own fatality.

    Parameters
    ----------
    hazard_year : float
        Deaths per person-year of a person of this age and sex without chronic conditions.
    ratio : float
        Product of the ratios of the person's conditions, controlled or not.
    severity_ratio : float
        Further ratio while a severe episode is left without the care it needs; 1 otherwise.

    Returns
    -------
    float
        Chance per month, in [0, 1).
    """
    return 1.0 - exp(-hazard_year * ratio * severity_ratio / 12.0)


@compiled
def control_gain(rate_year: float, effect: float) -> float:
    """Return the monthly chance that an uncontrolled condition comes under control.

    Parameters
    ----------
    rate_year : float
        Transitions per person-year at the preventive effort that the region's data describe.
    effect : float
        Preventive effect of the person's practice relative to that effort, >= 0.

    Returns
    -------
    float
        Chance per month.
    """
    return 1.0 - exp(-rate_year * effect / 12.0)


@compiled
def is_bed_needed(rank: float, prob_bed: float) -> bool:
    """Tell whether a case of this severity rank truly needs a bed.

    Parameters
    ----------
    rank : float
        Severity as a quantile of the group's cases, in (0, 1).
    prob_bed : float
        Share of the group's cases that need a bed.
    """
    return rank > 1.0 - prob_bed


@compiled
def rank_among_bed_cases(rank: float, prob_bed: float) -> float:
    """Return a case's severity rank among the cases of its group that need a bed.

    Cases that need none rank near the bottom, so that an unneeded stay is a light one.

    Returns
    -------
    float
        In [.02, .98].
    """
    if prob_bed <= 0.0:
        return 0.02
    inside = (rank - (1.0 - prob_bed)) / prob_bed
    if inside < 0.02:
        return 0.02
    return 0.98 if inside > 0.98 else inside


@compiled
def severity_multiplier(rank: float, sd_log: float) -> float:
    """Return the resources a case needs over its group's and level's mean.

    Parameters
    ----------
    rank : float
        Severity rank in (0, 1).
    sd_log : float
        Standard deviation of log resources within group and level.

    Returns
    -------
    float
        Log-normal quantile with mean 1.
    """
    if sd_log <= 0.0:
        return 1.0
    return exp(sd_log * normal_quantile(rank) - 0.5 * sd_log * sd_log)


@compiled
def worsened_rank(rank: float, rate: float) -> float:
    """Return the severity rank after a month without adequate care.

    Parameters
    ----------
    rank : float
        Severity rank before, in (0, 1).
    rate : float
        Share of the way to the most severe case covered in a month, in [0, 1].
    """
    return 1.0 - (1.0 - rank) * (1.0 - rate)
