"""Stores of sweeps for the tests of pages: known functions under the names of real outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.executors import sweep
from experiments.sweep.worker import Outcomes

FACTORS = (
    Factor("altruism_scale", 0.0, 1.0, unit="1", label_en="Altruism: scale", label_zh="利他程度"),
    Factor("price_weight", 1.0, 3.0, unit="1", label_en="Weight of the price", label_zh="价格权重"),
    Factor("audit", categories=("rare", "often"), label_en="Audits", label_zh="稽核"),
)
ARMS = ("today", "reform")
MONTHS = 6


def lived(parameters: Mapping[str, Any], arm: str, seed: int) -> Outcomes:
    """Spend by altruism above all; the reform fails where altruism is low and the price counts."""
    luck = float(np.random.default_rng(seed).normal(0.0, 1.0))
    altruism, price = parameters["altruism_scale"], parameters["price_weight"]
    loss = 300.0 if altruism < 0.4 and price > 2.0 else -100.0
    spending = 4000.0 - 800.0 * altruism + 30.0 * price + (arm == "reform") * loss + luck
    months = [spending / 12.0 + month * altruism for month in range(MONTHS)]
    quality = 0.8 + 0.1 * altruism + 0.001 * luck
    return Outcomes(
        {"spending_per_person": spending, "qaly": quality}, {"spending_per_person": months}
    )


def faulty(parameters: Mapping[str, Any], arm: str, seed: int) -> Outcomes:
    """Fail in one corner."""
    if parameters["altruism_scale"] > 0.9:
        raise ValueError("the books do not balance")
    return lived(parameters, arm, seed)


def filled(
    folder: Path,
    name: str,
    sampler: str,
    n: int,
    *,
    model: Any = lived,
    arms: tuple[str, ...] = ARMS,
    replicates: int = 2,
    factors: tuple[Factor, ...] = FACTORS,
    **options: object,
) -> Path:
    """Live a sweep into a store of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    design = Design(
        arms=arms,
        factors=factors,
        sampler=Sampler(sampler, n, 7, options),
        replicates=replicates,
        outcomes=("spending_per_person", "qaly"),
        monthly=("spending_per_person",),
        title={"en": f"Sweep by {sampler}", "zh": f"扫描：{sampler}"},
    )
    path = folder / f"{name}.sqlite"
    sweep(design, path, model)
    return path
