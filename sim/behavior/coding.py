"""How stays are coded: documentation that repairs under-coding, and upcoding beyond the truth.

Knows what the next level brings and how likely review is; must not know how levels are paid.
"""

from sim.numerics import compiled, exp

__all__ = ["documentation_share", "perceived_review", "upcoding_share"]


@compiled
def perceived_review(share_sampled: float, share_flagged: float, excess: float) -> float:
    """Return the probability that a claim of the next level is reviewed, as the provider sees it.

    Parameters
    ----------
    share_sampled : float
        Share of claims drawn at random for review, in [0, 1].
    share_flagged : float
        Share of claims flagged by rules where coding is like that of peers, in [0, 1].
    excess : float
        Deviation from peers in coded level, in standard deviations of peers; below 0 counts as 0.

    Returns
    -------
    float
        ``1 - (1 - sampled) (1 - min(1, flagged exp(excess)))``.
    """
    flagged = min(share_flagged * exp(max(excess, 0.0)), 1.0)
    return 1.0 - (1.0 - share_sampled) * (1.0 - flagged)


@compiled
def upcoding_share(
    gain: float, prob_review: float, detection: float, fine: float, compliance_cost: float
) -> float:
    """Return the share of eligible stays billed one level above the truth.

    Parameters
    ----------
    gain : float
        Receipts G for the next level, currency per stay.
    prob_review : float
        π, probability that such a claim is reviewed.
    detection : float
        δ, probability that a review finds it.
    fine : float
        f, fine as a multiple of the gain, on top of paying it back.
    compliance_cost : float
        κ_c, currency: marginal cost of coding the last of all eligible stays up.

    Returns
    -------
    float
        ``clip(G (1 - π δ (1 + f)) / κ_c, 0, 1)``, the maximum of
        ``G (1 - π δ (1 + f)) u - κ_c u^2 / 2``. Nothing where levels bring no receipts.
    """
    net = gain * (1.0 - prob_review * detection * (1.0 + fine))
    if net <= 0.0:
        return 0.0
    if compliance_cost <= 0.0:
        return 1.0
    return min(net / compliance_cost, 1.0)


@compiled
def documentation_share(gain: float, unit_cost: float, habitual: float) -> float:
    """Return the completeness of honest documentation of a stay's true level.

    Parameters
    ----------
    gain : float
        Receipts for the next level, currency per stay.
    unit_cost : float
        Marginal cost of documenting the last of all under-coded stays, currency per stay.
    habitual : float
        Completeness where receipts do not depend on the level, in [0, 1].

    Returns
    -------
    float
        In [habitual, 1]: ``min(1, habitual + (1 - habitual) G / cost)``, from the maximum of
        ``G x - cost x^2 / 2`` over the share x of the gap that is closed.
    """
    if gain <= 0.0:
        return habitual
    closed = gain / unit_cost if unit_cost > gain else 1.0
    return habitual + (1.0 - habitual) * closed
