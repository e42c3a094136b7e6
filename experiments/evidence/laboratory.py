"""Physicians' experiments of any payoffs, answered exactly by the model's own rule of choice.

Knows payoff tables, payments and mixtures of physicians; must not know how a choice is made: that
is :func:`sim.behavior.altruism.draw_quantity` and :func:`sim.behavior.altruism.best_quantity`,
called and never copied.

An experiment is a file of ``kind: experiment``: what 0, 1, 2 ... services cost the physician and do
for each type of patient, and payments, each a sum of parts (a lump sum, a fee per service, a
schedule by illness, a share of another payment, a bonus for care near the best). Its answer is the
probability of every quantity by payment, illness and type. No luck is drawn: where the rule turns
from one quantity to the next is found by bisection of its uniform draw, to one part in 10^12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sim.behavior.altruism import altruism, best_quantity, draw_quantity
from sim.errors import ScenarioError
from sim.numerics import compiled
from sim.scenario import (
    Node,
    Strict,
    Text,
    checked,
    field_place,
    raise_all,
    read_tree,
    suggestion,
    unknown_name,
)

__all__ = [
    "FOLDER",
    "Experiment",
    "Mixture",
    "choice_probabilities",
    "experiment_files",
    "mean_quantity",
    "mixed_probabilities",
    "nodes_of",
    "read_experiment",
]

Float = npt.NDArray[np.float64]

FOLDER: Final = Path(__file__).with_name("payoffs")
BISECTIONS: Final = 40
"""Halvings of the uniform draw; the error of a probability is below 2^-40."""
NODES: Final = 41
"""Points over which the altruism of the others is spread evenly."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=60)]
Amount = Annotated[float, Field(ge=-1e6, le=1e6)]
Table = Annotated[list[Amount], Field(min_length=2, max_length=101)]


class Part(Strict):
    """One part of a payment; its amounts add up with the other parts'."""

    lump_sum: Annotated[Amount | None, Field(description="per patient")] = None
    per_service: Annotated[Amount | None, Field(description="for every service")] = None
    schedule: Annotated[
        dict[Name, Table] | None, Field(description="total by quantity, for every illness")
    ] = None
    of: Annotated[Name | None, Field(description="a payment defined above")] = None
    share: Annotated[float, Field(ge=0.0, le=10.0)] = 1.0
    bonus: Annotated[Amount | None, Field(description="for care near the patient's best")] = None
    within: Annotated[int, Field(ge=0, le=100, description="services from the best")] = 0


class ExperimentForm(Strict):
    """The file of an experiment."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    kind: Literal["experiment"]
    id: Name
    title: Text
    source: Annotated[str, Field(min_length=1, max_length=1000)]
    unit: Annotated[str, Field(max_length=40)] = ""
    cost: Annotated[Table | None, Field(description="by quantity")] = None
    quadratic_cost: Annotated[Amount | None, Field(description="cost of q services over q^2")] = (
        None
    )
    illnesses: Annotated[list[Name], Field(min_length=1, max_length=50)]
    benefits: Annotated[dict[Name, Table], Field(min_length=1, max_length=50)]
    payments: Annotated[
        dict[Name, Annotated[list[Part], Field(min_length=1, max_length=20)]],
        Field(min_length=1, max_length=20),
    ]


@dataclass(frozen=True, eq=False)
class Experiment:
    """An experiment as arrays.

    Attributes
    ----------
    form : ExperimentForm
    cost : ndarray, shape (n_quantities,)
        What 0, 1, 2 ... services cost the physician.
    benefit : ndarray, shape (n_types, n_quantities)
        What they do for each type of patient, in the physician's currency.
    revenue : mapping of str to ndarray, shape (n_illnesses, n_types, n_quantities)
        What they bring the physician under each payment.
    """

    form: ExperimentForm
    cost: Float
    benefit: Float
    revenue: Mapping[str, Float]

    @property
    def id(self) -> str:
        """Name of the experiment."""
        return self.form.id

    @property
    def illnesses(self) -> tuple[str, ...]:
        """Illnesses in order."""
        return tuple(self.form.illnesses)

    @property
    def types(self) -> tuple[str, ...]:
        """Types of patient in order."""
        return tuple(self.form.benefits)

    @property
    def payments(self) -> tuple[str, ...]:
        """Payments in order."""
        return tuple(self.form.payments)

    def profit(self, payment: str) -> Float:
        """Give revenue less cost.

        Returns
        -------
        ndarray, shape (n_illnesses, n_types, n_quantities)

        Raises
        ------
        ScenarioError
            If the experiment has no such payment.
        """
        if payment not in self.revenue:
            raise unknown_name(
                "the experiment has no such payment",
                f"experiment {self.id}",
                payment,
                self.payments,
            )
        profit: Float = self.revenue[payment] - self.cost
        return profit


@dataclass(frozen=True)
class Mixture:
    """How much patients weigh for the physicians of an experiment, and how sharply they choose.

    Attributes
    ----------
    selfish_share : float
        Share with no weight at all, in [0, 1].
    scale : float
        Mean weight of the others on a benefit in the experiment's currency.
    log_sd : float
        Standard deviation of the others' log weight.
    precision : float
        Of choice, per unit of currency; infinite: the best is always chosen.
    """

    selfish_share: float = 0.1
    scale: float = 2.0
    log_sd: float = 0.35
    precision: float = float("inf")


# --- reading -------------------------------------------------------------------------------------


def experiment_files() -> dict[str, Path]:
    """List the experiments that come with the package, by id."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def _revenue(
    form: ExperimentForm, benefit: Float, tree: Node, problems: list[ScenarioError]
) -> dict[str, Float]:
    """Add the parts of every payment; collect mistakes with their places."""
    n_quantities = benefit.shape[1]
    quantity = np.arange(n_quantities, dtype=np.float64)
    distance = np.abs(quantity - benefit.argmax(axis=1)[:, None])
    shape = (len(form.illnesses), *benefit.shape)
    found: dict[str, Float] = {}
    for name, parts in form.payments.items():
        total = np.zeros(shape)
        for index, part in enumerate(parts):
            place = field_place(tree, "payments", name, index)
            kinds = (part.lump_sum, part.per_service, part.schedule, part.of, part.bonus)
            if sum(each is not None for each in kinds) != 1:
                problems.append(
                    ScenarioError(
                        "a part is one thing",
                        where=place,
                        allowed="lump_sum, per_service, schedule, of and share, bonus and within",
                    )
                )
            elif part.schedule is not None:
                total += _scheduled(part.schedule, form, n_quantities, place, problems)
            elif part.of is not None:
                if part.of in found:
                    total += part.share * found[part.of]
                else:
                    problems.append(
                        ScenarioError(
                            "no such payment above",
                            where=place,
                            value=part.of,
                            allowed=", ".join(found) or "none: this is the first",
                        )
                    )
            elif part.bonus is not None:
                total += np.where(distance <= part.within, part.bonus, 0.0)
            else:
                total += (part.lump_sum or 0.0) + (part.per_service or 0.0) * quantity
        found[name] = total
    return found


def _scheduled(
    schedule: Mapping[str, Sequence[float]],
    form: ExperimentForm,
    n_quantities: int,
    place: str,
    problems: list[ScenarioError],
) -> Float:
    """Give a schedule as an array by illness, type (one for all) and quantity."""
    wrong = sorted(set(form.illnesses) ^ set(schedule))
    short = [name for name, row in schedule.items() if len(row) != n_quantities]
    if wrong or short:
        problems.append(
            ScenarioError(
                "a schedule has a row for every illness and a value for every quantity",
                where=place,
                value=", ".join(wrong or short),
                allowed=f"{', '.join(form.illnesses)}; {n_quantities} values each",
            )
        )
        return np.zeros((len(form.illnesses), 1, n_quantities))
    return np.array([schedule[name] for name in form.illnesses], dtype=np.float64)[:, None, :]


def _read(path: Path, name: str) -> Experiment:
    tree = read_tree(path, name)
    form = checked(ExperimentForm, tree)
    problems: list[ScenarioError] = []
    lengths = {len(row) for row in form.benefits.values()}
    if form.cost is not None:
        lengths.add(len(form.cost))
    if len(lengths) != 1:
        problems.append(
            ScenarioError(
                "tables of unequal length",
                where=field_place(tree, "benefits"),
                value=", ".join(map(str, sorted(lengths))),
                allowed="one value for every quantity, 0 included, in each benefit and in cost",
            )
        )
    if (form.cost is None) == (form.quadratic_cost is None):
        problems.append(
            ScenarioError(
                "the cost is given once",
                where=field_place(tree, "quadratic_cost" if form.quadratic_cost else "kind"),
                allowed="cost: a list by quantity, or quadratic_cost: a number",
            )
        )
    raise_all(problems)
    benefit = np.array(list(form.benefits.values()), dtype=np.float64)
    quantity = np.arange(benefit.shape[1], dtype=np.float64)
    cost = (
        np.array(form.cost, dtype=np.float64)
        if form.cost is not None
        else (form.quadratic_cost or 0.0) * quantity**2
    )
    revenue = _revenue(form, benefit, tree, problems)
    raise_all(problems)
    return Experiment(form, cost, benefit, revenue)


def read_experiment(path: Path | str) -> Experiment:
    """Read the file of an experiment, or one of the package by its id.

    Raises
    ------
    ScenarioError
        With file, line, column, field, value, what is allowed and what to do.

    Examples
    --------
    >>> experiment = read_experiment("hennig-schmidt-2011")
    >>> experiment.payments, experiment.benefit.shape
    (('fee_for_service', 'capitation'), (3, 11))
    """
    text = str(path)
    known = experiment_files()
    if isinstance(path, str) and "/" not in text and not text.endswith((".yaml", ".yml")):
        if text not in known:
            raise ScenarioError(
                "there is no such experiment",
                where="experiment",
                value=text,
                allowed="a path to a .yaml file, or one of " + ", ".join(known),
                remedy=suggestion(text, known),
            )
        return _read_known(text)
    return _read(Path(path), text)


@cache
def _read_known(name: str) -> Experiment:
    return _read(experiment_files()[name], f"experiments/evidence/payoffs/{name}.yaml")


# --- answering -----------------------------------------------------------------------------------


@compiled
def _fill(
    profit: Float, benefit: Float, weight: float, precision: float, halvings: int, out: Float
) -> None:
    """Write the probability of every quantity of one patient, as the rule gives them."""
    n = profit.shape[0]
    if precision > 1e300:
        for q in range(n):
            out[q] = 0.0
        out[best_quantity(profit, benefit, weight)] = 1.0
        return
    below = 0.0
    for q in range(n - 1):
        # draw_quantity rises with its draw: where it leaves q is where P(quantity <= q) ends.
        low = below
        high = 1.0
        if draw_quantity(profit, benefit, weight, precision, low) > q:
            high = low
        for _ in range(halvings):
            middle = 0.5 * (low + high)
            if draw_quantity(profit, benefit, weight, precision, middle) > q:
                high = middle
            else:
                low = middle
        out[q] = high - below
        below = high
    out[n - 1] = 1.0 - below


@compiled
def _fill_all(
    profit: Float, benefit: Float, weights: Float, precision: float, halvings: int, out: Float
) -> None:
    """Fill ``out`` (weights, illnesses, types, quantities)."""
    for w in range(weights.shape[0]):
        for i in range(profit.shape[0]):
            for k in range(profit.shape[1]):
                _fill(profit[i, k], benefit[k], weights[w], precision, halvings, out[w, i, k])


def choice_probabilities(
    experiment: Experiment, payment: str, weights: Sequence[float] | Float, precision: float
) -> Float:
    """Give the probability of every quantity for physicians of given weights on the patient.

    Parameters
    ----------
    experiment : Experiment
    payment : str
    weights : sequence of float, shape (n_weights,)
        Weight a of each physician.
    precision : float
        Of choice, per unit of currency; infinite for the best choice.

    Returns
    -------
    ndarray, shape (n_weights, n_illnesses, n_types, n_quantities)
        Rows add up to 1.

    Examples
    --------
    >>> experiment = read_experiment("hennig-schmidt-2011")
    >>> selfish = choice_probabilities(experiment, "capitation", [0.0], float("inf"))
    >>> float(selfish[..., 0].min())
    1.0
    """
    given = np.ascontiguousarray(weights, dtype=np.float64)
    profit = np.ascontiguousarray(experiment.profit(payment))
    out = np.zeros((len(given), *profit.shape))
    _fill_all(profit, experiment.benefit, given, float(precision), BISECTIONS, out)
    return out


def nodes_of(mixture: Mixture, n: int = NODES) -> tuple[Float, Float]:
    """Give weights on the patient and their shares that stand for a mixture.

    Returns
    -------
    weights, shares : ndarray, shape (n + 1,)
        The selfish first, then the others at evenly spaced ranks, drawn by the model's rule
        :func:`sim.behavior.altruism.altruism`.
    """
    ranks = (np.arange(n) + 0.5) / n
    others = [altruism(1.0, float(u), 0.0, mixture.scale, mixture.log_sd) for u in ranks]
    shares = np.full(n + 1, (1.0 - mixture.selfish_share) / n)
    shares[0] = mixture.selfish_share
    return np.array([0.0, *others]), shares


def mixed_probabilities(experiment: Experiment, payment: str, mixture: Mixture) -> Float:
    """Give the probability of every quantity over a mixture of physicians.

    Returns
    -------
    ndarray, shape (n_illnesses, n_types, n_quantities)
    """
    n = NODES if mixture.log_sd > 0.0 else 1
    weights, shares = nodes_of(mixture, n)
    each = choice_probabilities(experiment, payment, weights, mixture.precision)
    mixed: Float = np.tensordot(shares, each, axes=1)
    return mixed


def mean_quantity(experiment: Experiment, payment: str, mixture: Mixture) -> Float:
    """Give the mean quantity by illness and type; its mean is that over all patients.

    Returns
    -------
    ndarray, shape (n_illnesses, n_types)

    Examples
    --------
    >>> experiment = read_experiment("hennig-schmidt-2011")
    >>> two = Mixture(0.1, 2.0, 0.0)
    >>> [round(float(mean_quantity(experiment, p, two).mean()), 2) for p in experiment.payments]
    [6.72, 4.2]
    """
    probabilities = mixed_probabilities(experiment, payment, mixture)
    mean: Float = probabilities @ np.arange(probabilities.shape[-1], dtype=np.float64)
    return mean
