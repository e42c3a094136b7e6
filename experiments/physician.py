"""You are the physician: fifteen patients under two payment systems, and everybody else's choices.

Knows the laboratory's payoffs, the game made of them, the published means and what the model's own
physicians choose; must not know players' names, rooms or pages.

The game is the experiment of Hennig-Schmidt, Selten and Wiesen (2011): the player is paid a fee for
every service first, then a lump sum for every patient. The model's physicians choose by
:func:`sim.behavior.altruism.best_quantity`, their weights on the patient drawn by
:func:`sim.behavior.altruism.altruism`: the rules of the simulator, called and not copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.laboratory import LUMP_SUM, Arm, Payoffs, payoffs
from sim.behavior.altruism import altruism, best_quantity

__all__ = [
    "MOST_SERVICES",
    "ORDER",
    "PATIENTS",
    "PUBLISHED",
    "Outcome",
    "Patient",
    "Weights",
    "distribution",
    "mean_services",
    "model_physicians",
    "offers",
    "outcome",
    "read_hand",
]

MOST_SERVICES: Final = 10
ORDER: Final = (Arm.PER_SERVICE, Arm.PER_PATIENT)
"""Payment systems in the order in which they are played."""
PUBLISHED: Final[Mapping[Arm, float]] = {Arm.PER_SERVICE: 6.60, Arm.PER_PATIENT: 4.40}
"""Services per patient in the published experiment."""

# Illness (0 to 4) and type (0 to 2) of every patient. Types take turns, so that nobody settles into
# one answer.
_TURNS: Final = (
    (0, 0), (1, 1), (2, 2), (3, 0), (4, 1),
    (0, 2), (1, 0), (2, 1), (3, 2), (4, 0),
    (0, 1), (1, 2), (2, 0), (3, 1), (4, 2),
)  # fmt: skip


@cache
def _table() -> Payoffs:
    return payoffs()


@dataclass(frozen=True)
class Patient:
    """One of the fifteen.

    Attributes
    ----------
    number : int
        1 to 15, the order of play.
    illness : int
        0 to 4 (A to E): what services earn under fees.
    kind : int
        0 to 2: what services do for the patient.
    """

    number: int
    illness: int
    kind: int

    @property
    def best(self) -> int:
        """Quantity that does most for the patient."""
        return int(_table().benefit[self.kind].argmax())


PATIENTS: Final = tuple(
    Patient(number, illness, kind) for number, (illness, kind) in enumerate(_TURNS, start=1)
)


@dataclass(frozen=True)
class Outcome:
    """What quantities bring physician and patients, in experimental currency.

    Attributes
    ----------
    profit, benefit : float
        Sums over the patients treated.
    best_benefit : float
        What the same patients could have got at best.
    services : float
        Mean quantity per patient.
    n : int
        Patients treated.
    """

    profit: float
    benefit: float
    best_benefit: float
    services: float
    n: int


def offers(patient: Patient, arm: Arm) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What every quantity from 0 to 10 brings: the physician's profit and the patient's benefit.

    Examples
    --------
    >>> profit, benefit = offers(PATIENTS[0], Arm.PER_PATIENT)
    >>> float(profit[0]), float(profit[10]), float(benefit[5])
    (12.0, 2.0, 10.0)
    """
    table = _table()
    fee = table.fee[patient.illness]
    revenue = fee if arm is Arm.PER_SERVICE else np.full_like(fee, LUMP_SUM)
    return np.asarray(revenue - table.cost), np.asarray(table.benefit[patient.kind])


def outcome(arm: Arm, quantities: Sequence[int]) -> Outcome:
    """Settle what was given to the first patients in the order of play.

    Parameters
    ----------
    arm : Arm
    quantities : sequence of int
        0 to 10 for each patient treated so far, at most fifteen.

    Raises
    ------
    ValueError
        For too many patients or a quantity out of range.
    """
    if len(quantities) > len(PATIENTS):
        raise ValueError(f"{len(quantities)} quantities: there are {len(PATIENTS)} patients")
    profit = benefit = best = 0.0
    for patient, quantity in zip(PATIENTS, quantities, strict=False):
        if not 0 <= quantity <= MOST_SERVICES:
            raise ValueError(f"quantity {quantity}: 0 to {MOST_SERVICES} services can be given")
        gains, values = offers(patient, arm)
        profit += float(gains[quantity])
        benefit += float(values[quantity])
        best += float(values.max())
    n = len(quantities)
    return Outcome(profit, benefit, best, sum(quantities) / n if n else float("nan"), n)


def read_hand(value: object) -> dict[Arm, list[int]]:
    """A player's quantities from data that anybody may have sent.

    Parameters
    ----------
    value : anything
        Lists of whole numbers 0 to 10 by the names of the arms, the second only once the first is
        complete.

    Returns
    -------
    dict of Arm to list of int
        Empty lists where nothing usable was given; a list ends at its first unusable entry.

    Examples
    --------
    >>> read_hand({"per service": [3, 99, 1]})[Arm.PER_SERVICE], read_hand("?")[Arm.PER_PATIENT]
    ([3], [])
    """
    hand: dict[Arm, list[int]] = {arm: [] for arm in ORDER}
    if not isinstance(value, Mapping):
        return hand
    for arm in ORDER:
        given = value.get(arm.value)
        if not isinstance(given, (list, tuple)):
            break
        for quantity in given[: len(PATIENTS)]:
            if isinstance(quantity, bool) or not isinstance(quantity, int):
                break
            if not 0 <= quantity <= MOST_SERVICES:
                break
            hand[arm].append(quantity)
        if len(hand[arm]) < len(PATIENTS):
            break
    return hand


def mean_services(hands: Sequence[Sequence[int]]) -> list[float]:
    """Mean quantity of every player who has treated all patients under one payment."""
    return [sum(hand) / len(hand) for hand in hands if len(hand) == len(PATIENTS)]


def distribution(values: Sequence[float]) -> NDArray[np.int64]:
    """How many means lie nearest to each whole number of services.

    Returns
    -------
    ndarray of int64, shape (11,)

    Examples
    --------
    >>> distribution([4.4, 4.6, 6.7]).tolist()
    [0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0]
    """
    counts = np.zeros(MOST_SERVICES + 1, dtype=np.int64)
    for value in values:
        counts[int(np.clip(np.floor(value + 0.5), 0, MOST_SERVICES))] += 1
    return counts


@dataclass(frozen=True)
class Weights:
    """How much patients weigh for the model's physicians.

    Attributes
    ----------
    selfish_share : float
        Share with no weight at all.
    scale : float
        Mean weight of the others on a benefit in the experiment's currency.
    log_sd : float
        Spread of the others' log weights.

    Notes
    -----
    Share and scale are those that reproduce the published means (calibration target C1: a tenth
    with none and the others at 2); the spread is the prior of the simulator's regions, in which
    the scale is another because a benefit there is health and not the experiment's currency.
    """

    selfish_share: float = 0.1
    scale: float = 2.0
    log_sd: float = 0.35


@cache
def model_physicians(n: int = 200, weights: Weights = Weights()) -> dict[Arm, tuple[float, ...]]:
    """Mean services per patient of each of the model's physicians, under both payments.

    Parameters
    ----------
    n : int
        Physicians, spread evenly over the distribution of weights: no luck is drawn.
    weights : Weights

    Returns
    -------
    dict of Arm to tuple of float
        Length n, physicians in one order under both.
    """
    drawn = []
    for i in range(n):
        rank = (i + 0.5) / n
        selfish = weights.selfish_share
        among_others = (rank - selfish) / (1.0 - selfish) if rank >= selfish else 0.5
        drawn.append(altruism(rank, among_others, selfish, weights.scale, weights.log_sd))
    found = {}
    for arm in ORDER:
        tables = [offers(patient, arm) for patient in PATIENTS]
        found[arm] = tuple(
            sum(best_quantity(profit, benefit, a) for profit, benefit in tables) / len(PATIENTS)
            for a in drawn
        )
    return found
