"""The laboratory of Hennig-Schmidt, Selten and Wiesen, replayed with the model's own choice rule.

Students in the role of physicians chose how many services (0 to 10) each of fifteen patients gets,
first paid a fee for each service, then a lump sum for each patient. The payoffs are data
(``experiments/evidence/payoffs``), the choice is :func:`sim.behavior.altruism.best_quantity` or
its noisy version, so the experiment tests the rule and gives the shape of the altruism mixture.

It knows the experiment; the rules know nothing of it.

References
----------
Hennig-Schmidt, H., Selten, R., Wiesen, D. (2011). How payment systems affect physicians' provision
behaviour: an experimental investigation. Journal of Health Economics 30, 637-646.
https://doi.org/10.1016/j.jhealeco.2011.05.001
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.evidence.laboratory import read_experiment
from sim.behavior.altruism import best_quantity, draw_quantity

__all__ = ["LUMP_SUM", "Arm", "Payoffs", "choices", "mean_quantities", "payoffs", "response_shares"]

LUMP_SUM: Final = 12.0


class Arm(Enum):
    """How the physicians are paid."""

    PER_SERVICE = "per service"
    PER_PATIENT = "per patient"


@dataclass(frozen=True)
class Payoffs:
    """What quantities 0 to 10 bring physician and patient, in experimental currency.

    Attributes
    ----------
    cost : ndarray, shape (11,)
        The physician's cost, ``0.1 q^2``.
    fee : ndarray, shape (5, 11)
        Payment per service by illness A to E.
    benefit : ndarray, shape (3, 11)
        Patient's benefit by type; best quantities 5, 3 and 7.
    """

    cost: NDArray[np.float64]
    fee: NDArray[np.float64]
    benefit: NDArray[np.float64]


def payoffs() -> Payoffs:
    """Read the payoffs of the experiment.

    Returns
    -------
    Payoffs
        Of :func:`experiments.evidence.laboratory.read_experiment`.
    """
    experiment = read_experiment("hennig-schmidt-2011")
    return Payoffs(
        cost=experiment.cost,
        fee=experiment.revenue["fee_for_service"][:, 0],
        benefit=experiment.benefit,
    )


def _profits(table: Payoffs, arm: Arm) -> NDArray[np.float64]:
    """Return profit by illness and quantity, shape (5, 11)."""
    revenue = table.fee if arm is Arm.PER_SERVICE else np.full_like(table.fee, LUMP_SUM)
    return revenue - table.cost


def choices(arm: Arm, altruism: float) -> NDArray[np.int64]:
    """Return the quantities a physician with this altruism gives to the fifteen patients.

    Parameters
    ----------
    arm : Arm
        How the physician is paid.
    altruism : float
        Weight a on the patient's benefit.

    Returns
    -------
    ndarray of int64, shape (5, 3)
        By illness A to E and type 1 to 3; among equally good quantities the smallest.

    Examples
    --------
    >>> float(choices(Arm.PER_SERVICE, 0.0).mean())
    9.0
    >>> float(choices(Arm.PER_PATIENT, 0.0).mean())
    0.0
    """
    table = payoffs()
    return np.array(
        [
            [best_quantity(profit, benefit, altruism) for benefit in table.benefit]
            for profit in _profits(table, arm)
        ],
        dtype=np.int64,
    )


def mean_quantities(altruism: Sequence[float], shares: Sequence[float]) -> dict[Arm, float]:
    """Return the mean quantity in each arm for a mixture of physicians.

    Parameters
    ----------
    altruism : sequence of float
        Weights of the kinds of physician.
    shares : sequence of float
        Their shares, adding up to 1.

    Returns
    -------
    dict of Arm to float
        Services per patient.

    Raises
    ------
    ValueError
        If the shares do not add up to 1, or their number differs from that of the weights.
    """
    if len(altruism) != len(shares) or abs(sum(shares) - 1.0) > 1e-9:
        message = f"shares {list(shares)}: give one per weight, adding up to 1"
        raise ValueError(message)
    return {
        arm: sum(
            share * float(choices(arm, a).mean()) for a, share in zip(altruism, shares, strict=True)
        )
        for arm in Arm
    }


def response_shares(
    arm: Arm, altruism: float, precision: float, n_points: int = 1000
) -> NDArray[np.float64]:
    """Return how often each quantity is chosen under quantal response, over the fifteen patients.

    Parameters
    ----------
    arm : Arm
        How the physician is paid.
    altruism : float
        Weight a on the patient's benefit.
    precision : float
        Precision of choice, per unit of experimental currency.
    n_points : int
        Evenly spaced uniform draws per patient; the error of a share is below 1 / n_points.

    Returns
    -------
    ndarray of float64, shape (11,)
        Shares adding up to 1.
    """
    table = payoffs()
    grid = ((np.arange(n_points) + 0.5) / n_points).tolist()
    counts = np.zeros(table.cost.size, dtype=np.int64)
    for profit in _profits(table, arm):
        for benefit in table.benefit:
            for u in grid:
                counts[draw_quantity(profit, benefit, altruism, precision, u)] += 1
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares
