"""How a stay is treated: conservatively, with a minor or with a major procedure.

Knows the mode that is indicated, what each mode leaves and how firmly indication is followed; must
not know how modes are paid. Doing more is real activity, never a way of coding.
"""

from sim.numerics import compiled, exp

__all__ = ["choose_mode", "indicated_mode", "prob_mode"]


@compiled
def indicated_mode(share_conservative: float, share_minor: float, u: float) -> int:
    """Return the mode that is right for a case: 0 conservative, 1 minor, 2 major procedure.

    Parameters
    ----------
    share_conservative, share_minor : float
        Shares of the group's cases, in [0, 1].
    u : float
        Uniform draw; the mode rises with it.
    """
    if u < share_conservative:
        return 0
    return 1 if u < share_conservative + share_minor else 2


@compiled
def prob_mode(
    mode: int,
    indicated: int,
    firmness: float,
    pull_conservative: float,
    pull_minor: float,
    pull_major: float,
) -> float:
    """Return the probability of a mode, given the one that is indicated.

    Parameters
    ----------
    mode, indicated : int
        0, 1 or 2.
    firmness : float
        Log-odds lost by each step away from what is indicated: altruism times health at stake over
        the money that is one unit of noise.
    pull_conservative, pull_minor, pull_major : float
        Log-odds of each mode besides: its constant plus what its margin departs by from the one at
        list price, over the same money.

    Returns
    -------
    float
        ``exp(pull_k - firmness |k - indicated|)`` over the sum of the three.
    """
    conservative = pull_conservative - firmness * abs(0 - indicated)
    minor = pull_minor - firmness * abs(1 - indicated)
    major = pull_major - firmness * abs(2 - indicated)
    peak = max(conservative, minor, major)
    w0 = exp(conservative - peak)
    w1 = exp(minor - peak)
    w2 = exp(major - peak)
    own = w0
    if mode == 1:
        own = w1
    elif mode == 2:
        own = w2
    return own / (w0 + w1 + w2)


@compiled
def choose_mode(
    indicated: int,
    firmness: float,
    pull_conservative: float,
    pull_minor: float,
    pull_major: float,
    u: float,
) -> int:
    """Return the mode in which a case is treated.

    Parameters
    ----------
    indicated, firmness, pull_conservative, pull_minor, pull_major
        As in :func:`prob_mode`.
    u : float
        Uniform draw; the mode rises with it.
    """
    none = prob_mode(0, indicated, firmness, pull_conservative, pull_minor, pull_major)
    if u < none:
        return 0
    minor = prob_mode(1, indicated, firmness, pull_conservative, pull_minor, pull_major)
    return 1 if u < none + minor else 2
