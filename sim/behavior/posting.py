"""Posting doctors down: what a hospital gains by practices that can treat more, and what it costs.

Knows patients sent up and what treating them brings whoever decides; must not know who shares in
what is saved, nor why.
"""

from sim.numerics import compiled

__all__ = ["cost_of_posting", "value_of_posting"]


@compiled
def value_of_posting(sent_up: float, spending: float, margin: float) -> float:
    """Return what it is worth to a hospital that practices keep everyone they now send up.

    Parameters
    ----------
    sent_up : float
        Patients sent up in a year.
    spending : float
        Spending at hospitals expected for one of them, currency.
    margin : float
        Receipts less variable cost of a unit of spending, as whoever decides sees them. Where care
        is paid for it is above 0 and posting is worth less than nothing; where a total is shared,
        what care costs is what it saves.

    Returns
    -------
    float
        ``-sent_up · spending · margin``, currency a year.
    """
    return -sent_up * spending * margin


@compiled
def cost_of_posting(
    doctors: float, most: float, allowance: float, contacts: float, margin: float
) -> float:
    """Return the cost of a unit of effort on posting: allowances, and contacts no longer seen.

    Parameters
    ----------
    doctors : float
        Doctors of the hospital.
    most : float
        Largest share of them that could be posted; the first unit of effort posts them at this
        rate.
    allowance : float
        Cost of one posted, currency a year.
    contacts : float
        Contacts that the hospital sees in a year.
    margin : float
        Receipts less cost of a contact; below 0 nothing is lost with it.

    Returns
    -------
    float
        ``most · (doctors · allowance + contacts · max(margin, 0))``, currency a year.
    """
    return most * (doctors * allowance + contacts * max(margin, 0.0))
