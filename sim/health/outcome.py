"""What care does: recovery, harm, readmission and death, on the true side.

Knows quantities given and needed; must not know what was billed or paid.
"""

from sim.numerics import compiled, exp

__all__ = [
    "death_in_stay",
    "loss_of_short_days",
    "misuse_loss",
    "readmission_probability",
    "recovery_probability",
    "updated_experience",
]


@compiled
def misuse_loss(given: float, needed: float, at_stake: float) -> float:
    """Return the QALYs lost by giving another quantity than the appropriate one.

    Parameters
    ----------
    given, needed : float
        Units of one component; ``needed`` > 0.
    at_stake : float
        QALYs lost when nothing, or twice the need, is given: h times curvature.

    Returns
    -------
    float
        ``at_stake ((given - needed) / needed)^2``.
    """
    share = (given - needed) / needed
    return at_stake * share * share


@compiled
def loss_of_short_days(loss_day: float, needed_days: float, days: float) -> float:
    """Return the QALYs lost by leaving a bed before the appropriate day.

    Parameters
    ----------
    loss_day : float
        QALYs at stake in one appropriate day.
    needed_days, days : float
        Bed-days appropriate, > 0, and given; more than appropriate loses nothing here.

    Returns
    -------
    float
        ``loss_day needed (1 - days / needed)^2``: what a stay of that length loses.
    """
    if days >= needed_days:
        return 0.0
    share = 1.0 - days / needed_days
    return loss_day * needed_days * share * share


@compiled
def recovery_probability(
    base: float, is_capable: bool, incapable_ratio: float, intensity: float, slope: float
) -> float:
    """Return the chance that treated illness is over by the month's end.

    Parameters
    ----------
    base : float
        Chance under appropriate care by a capable provider.
    is_capable : bool
        Whether the case is within what the provider can treat.
    incapable_ratio : float
        Ratio of the chance where it is not.
    intensity : float
        Units given over units needed; only a shortfall lowers recovery.
    slope : float
        Fall of the chance per unit of relative shortfall.
    """
    chance = base if is_capable else base * incapable_ratio
    if intensity < 1.0:
        chance = chance * (1.0 - slope * (1.0 - intensity))
    return chance if chance > 0.0 else 0.0


@compiled
def readmission_probability(
    base: float,
    days: float,
    needed_days: float,
    day_slope: float,
    intensity: float,
    intensity_slope: float,
    quality: float,
) -> float:
    """Return the chance of a return to a bed within 30 days of a discharge alive.

    Parameters
    ----------
    base : float
        Chance after an appropriate stay.
    days, needed_days : float
        Bed-days given and appropriate.
    day_slope, intensity_slope : float
        Rise of the log chance per unit of relative shortfall of days, of units.
    intensity : float
        Units given over units needed.
    quality : float
        Provider's relative quality, 1 = reference; the chance falls with it.
    """
    short_days = 1.0 - days / needed_days
    if short_days < 0.0:
        short_days = 0.0
    short_units = 1.0 - intensity
    if short_units < 0.0:
        short_units = 0.0
    chance = base * exp(day_slope * short_days + intensity_slope * short_units) / quality
    return chance if chance < 0.9 else 0.9


@compiled
def death_in_stay(fatality: float, intensity: float, slope: float, quality: float) -> float:
    """Return the chance of dying during a stay.

    Parameters
    ----------
    fatality : float
        Chance under appropriate care.
    intensity : float
        Units given over units needed; a shortfall raises the chance.
    slope : float
        Rise of the log chance per unit of relative shortfall.
    quality : float
        Provider's relative quality, 1 = reference.
    """
    shortfall = 1.0 - intensity
    if shortfall < 0.0:
        shortfall = 0.0
    chance = fatality * exp(slope * shortfall) / quality
    return chance if chance < 0.95 else 0.95


@compiled
def updated_experience(experience: float, outcome: float, weight: float) -> float:
    """Return a person's experience of a tier after one more contact: ``e + w (outcome - e)``."""
    return experience + weight * (outcome - experience)
