"""Outcome tiers: a coefficient by how the observed outcome compares with the predicted one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sim.activity import Activity, Array
from sim.errors import PaymentError
from sim.payment._over import (
    SCORED,
    TARGET,
    Scored,
    Targets,
    add_slopes,
    blank_slopes,
    fields_of,
    fixed_targets,
    read_targets,
    targets_on,
    value_of,
)
from sim.payment._protocol import Partials, PaymentContext
from sim.payment._smoothing import over_score
from sim.payment._terms import Neutral, Term, check_keys, read_number, read_term, spec_of, term

_FROM = Term("ratio", 0.0, 100.0, "observed over predicted, from", "实际/预期比，起点")
_COEFFICIENT = Term("ratio", 0.0, 10.0, "coefficient", "系数")
_MEASURE = Term("word", 0, 0, "measure", "指标", SCORED)

Tiers = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class OutcomeTiers(Scored):
    """Multiply the revenue of a contract by a coefficient in tiers of observed over predicted.

    Parameters
    ----------
    of : PaymentModel
        Contract that prices the care.
    provider_ids : tuple of str
        Names of the providers.
    measure : str
        Quality measure that tells the outcome.
    predicted : mapping of the measure to ndarray (n,), or Neutral, or 'own'
        Predicted value. Neutral: the group's value on base activity; own: the provider's, which
        adjusts for the patients it has.
    tiers : tuple of (from, coefficient)
        Coefficient from each ratio of observed to predicted on; the first starts at 0. The default
        (.95 below .9, 1.05 from 1.1) is assumed.
    level : float or Neutral
        Common factor on the coefficients. Neutral: no money is added on base activity.

    Notes
    -----
    The payer pays the provider the revenue inside, and corrects it by the coefficient at the
    year's settlement. With num / den the measure's value::

        ratio   = (num / den) / predicted
        revenue = inside x level x coefficient of the tier in which the ratio lies

    Between steps a better outcome brings nothing; near one it brings the step times the density of
    the measured score there. A provider without cases to measure has the coefficient 1. Left out:
    prediction patient by patient, exclusion of few cases.

    References
    ----------
    Porter ME. What is value in health care? N Engl J Med 2010; 363:2477-2481.
    https://doi.org/10.1056/NEJMp1011024
    """

    id: ClassVar[str] = "outcome_tiers"
    title_en: ClassVar[str] = "Outcome-adjusted payment"
    title_zh: ClassVar[str] = "按疗效分档付费"
    line_en: ClassVar[str] = "A coefficient in tiers of observed against predicted outcome."
    line_zh: ClassVar[str] = "按实际疗效与预期疗效之比分档确定支付系数。"
    structural: ClassVar[tuple[str, ...]] = ("predicted", "tiers")

    measure: str = dataclasses.field(
        default="no_readmission",
        metadata=term(unit="word", choices=SCORED, label_en="outcome measure", label_zh="疗效指标"),
    )
    predicted: Targets = dataclasses.field(
        default=Neutral(),
        metadata=term(
            form="targets",
            follows="measure",
            low=TARGET.low,
            high=TARGET.high,
            can_be_neutral=True,
            label_en="predicted outcome",
            label_zh="预期疗效",
        ),
    )
    tiers: Tiers = dataclasses.field(
        default=((0.0, 0.95), (0.9, 1.0), (1.1, 1.05)),
        metadata=term(
            form="tiers",
            keys=("from", "coefficient"),
            unit="ratio",
            low=0.0,
            high=10.0,
            label_en="coefficient by tier",
            label_zh="分档系数",
        ),
    )

    @classmethod
    def read_more(
        cls, spec: Mapping[str, Any], context: PaymentContext, where: str
    ) -> dict[str, Any]:
        """Read the prediction and the tiers."""
        found: dict[str, Any] = {}
        measure = str(read_term(spec.get("measure", cls.measure), _MEASURE, f"{where}.measure"))
        if "predicted" in spec:
            value = spec["predicted"]
            if isinstance(value, int | float) and not isinstance(value, bool):
                value = {measure: value}
            found["predicted"] = read_targets(
                value, (measure,), tuple(context.provider_ids), f"{where}.predicted"
            )
        if "tiers" in spec:
            found["tiers"] = read_tiers(spec["tiers"], "coefficient", f"{where}.tiers")
        return found

    def to_spec(self) -> dict[str, Any]:
        """Give the mapping a scenario file would hold."""
        found = super().to_spec()
        found[self.id]["predicted"] = spec_of(self.predicted, self.provider_ids)
        found[self.id]["tiers"] = [{"from": at, "coefficient": c} for at, c in self.tiers]
        return found

    @property
    def reads(self) -> frozenset[str]:
        """Give what the contract inside reads, and the measure."""
        return self.of.reads | fields_of((self.measure,))

    def coefficient(self, activity: Activity, error: float) -> tuple[Array, Partials]:
        """Give the coefficient of the tier, and its slopes in the measure."""
        predicted = fixed_targets(self.predicted, self.id)[self.measure]
        value, counted, rows = value_of(self.measure, activity)
        factor, slope = over_score(
            lambda ratio: step_of(self.tiers, ratio), value / predicted, error
        )
        slopes = blank_slopes((self.measure,), activity)
        add_slopes(slopes, rows, np.where(counted, slope / predicted, 0.0))
        return np.where(counted, factor, 1.0), slopes

    def on_base(self, base: Activity) -> Self:
        """Fix the prediction."""
        return dataclasses.replace(
            self, predicted=targets_on(base, self.predicted, (self.measure,))
        )


def read_tiers(value: object, share: str, where: str) -> Tiers:
    """Read tiers ``[{from, <share>}]``, rising, the first from 0."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise PaymentError(
            "tiers are a list",
            where=where,
            value=value,
            allowed=f"[{{from: 0, {share}: ...}}, ...]",
        )
    tiers: list[tuple[float, float]] = []
    for k, row in enumerate(value):
        path = f"{where}[{k}]"
        if not isinstance(row, Mapping):
            raise PaymentError("a tier is a mapping", where=path, value=row)
        check_keys(row, ("from", share), path)
        if set(row) != {"from", share}:
            raise PaymentError(
                "a tier has a start and a value",
                where=path,
                value=sorted(row),
                allowed=f"from and {share}",
            )
        at = read_number(row["from"], _FROM, f"{path}.from")
        if (not tiers and at != 0.0) or (tiers and at <= tiers[-1][0]):
            raise PaymentError(
                "tiers rise from 0",
                where=f"{path}.from",
                value=at,
                allowed=f"more than {tiers[-1][0]:g}" if tiers else "0",
            )
        tiers.append((at, read_number(row[share], _COEFFICIENT, f"{path}.{share}")))
    return tuple(tiers)


def step_of(tiers: Tiers, x: Array) -> Array:
    """Give the value of the tier in which each x lies; below the first, the first's.

    Examples
    --------
    >>> step_of(((0.0, 0.9), (1.0, 1.1)), np.array([0.5, 1.0, 2.0])).tolist()
    [0.9, 1.1, 1.1]
    """
    starts = np.array([at for at, _ in tiers])
    values = np.array([v for _, v in tiers])
    return np.asarray(values[np.maximum(np.searchsorted(starts, x, side="right") - 1, 0)])
