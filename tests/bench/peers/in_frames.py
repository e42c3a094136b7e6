"""The reference month in mesa-frames: Polars expressions, or NumPy inside with --numpy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl
from mesa_frames import AgentSetPolars, ModelDF
from month import FEES, PRACTICES, PRICE, Totals, answer, people, setting


def logistic(x: pl.Expr) -> pl.Expr:
    """Give 1 / (1 + exp -x)."""
    return 1.0 / (1.0 + (-x).exp())


def table(value: np.ndarray, name: str, more: dict[str, np.ndarray]) -> pl.DataFrame:
    """Give a row for each zone and provider: value of the choice and the provider's traits."""
    zones, providers = value.shape
    return pl.DataFrame(
        {
            "zone": np.repeat(np.arange(zones, dtype=np.uint8), providers),
            name: np.tile(np.arange(providers, dtype=np.int64), zones),
            f"{name}_value": value.ravel(),
            **{k: np.tile(v, zones) for k, v in more.items()},
        }
    )


class Patients(AgentSetPolars):
    """All people."""

    def __init__(self, model: ModelDF, n: int) -> None:
        super().__init__(model)
        self += pl.DataFrame({"unique_id": np.arange(n, dtype=np.int64), **people(n)})

    def drawn(self, n: int) -> pl.Series:
        """Give n uniform draws."""
        return pl.Series(self.model.random.random(n))

    def chosen(self, rows: pl.DataFrame, table: pl.DataFrame, name: str) -> pl.DataFrame:
        """Draw one provider a person by a logit: the largest of value and Gumbel noise."""
        pairs = rows.select("unique_id", "zone").join(table, on="zone")
        noise = -(-self.drawn(pairs.height).log()).log()
        best = (
            pairs.with_columns(noise=noise)
            .with_columns(score=pl.col(f"{name}_value") + pl.col("noise"))
            .filter(pl.col("score") == pl.col("score").max().over("unique_id"))
        )
        return rows.join(best.drop("zone", "noise", "score"), on="unique_id")

    def step(self) -> None:
        """Let all live a month."""
        totals: Totals = self.model.totals
        n = len(self)
        people_ = self._agents.with_columns(u=self.drawn(n), v=self.drawn(n), w=self.drawn(n))
        risk = -1.1 + 0.02 * (pl.col("age") - 40.0) + 0.5 * pl.col("chronic") - pl.col("health")
        people_ = people_.with_columns(ill=pl.col("u") < logistic(risk)).with_columns(
            severity=pl.col("v") + 0.2 * pl.col("chronic"),
            fee=pl.when(pl.col("payer") == 0).then(FEES[0]).otherwise(FEES[1]),
        )
        seeking = logistic(-0.6 + 2.5 * pl.col("severity") - PRICE / pl.col("income"))
        at = people_.filter(pl.col("ill") & (pl.col("w") < seeking))
        at = self.chosen(at, self.model.practices, "practice").with_columns(
            units=(
                2.0 * pl.col("severity") + pl.col("altruism") + pl.col("fee") - pl.col("cost")
            ).clip(0.0),
        )
        at = at.with_columns(x=self.drawn(at.height))
        onward = logistic(-2.5 + 2.0 * pl.col("severity") - pl.col("fee"))
        up = self.chosen(at.filter(pl.col("x") < onward), self.model.hospitals, "hospital")
        up = up.with_columns(
            more=(3.0 * pl.col("severity") + pl.col("fee") - pl.col("hospital_cost")).clip(0.0)
        )
        for rows, name, first, amount in (
            (at, "practice", 0, "units"),
            (up, "hospital", PRACTICES, "more"),
        ):
            paid = rows.group_by(name).agg((pl.col("fee") * pl.col(amount)).sum().alias("sum"))
            totals.paid[paid[name].to_numpy() + first] += paid["sum"].to_numpy()
        care = (
            at.select("unique_id", "units")
            .join(up.select("unique_id", "more"), on="unique_id", how="left")
            .select("unique_id", care=pl.col("units") + pl.col("more").fill_null(0.0))
        )
        people_ = people_.join(care, on="unique_id", how="left", maintain_order="left")
        worse = 0.12 * pl.col("severity") / (1.0 + pl.col("care").fill_null(0.0))
        change = (
            pl.when(pl.col("ill"))
            .then(0.05 * (1.0 - pl.col("health")) - worse)
            .otherwise(0.02 * (1.0 - pl.col("health")))
        )
        health = people_.select(
            (pl.col("health") + change).clip(0.05, 1.0).cast(pl.Float32).alias("health")
        )["health"]
        self["health"] = health
        totals.months += 1
        totals.ill += int(people_["ill"].sum())
        totals.visits += at.height
        totals.referrals += up.height
        totals.units += float(at["units"].sum())
        totals.hospital_units += float(up["more"].sum())


class PatientsInNumpy(Patients):
    """All people, the month worked out in NumPy on the columns of the frame."""

    def step(self) -> None:
        """Let all live a month."""
        from in_numpy import month

        frame = self._agents
        columns = {name: frame[name].to_numpy() for name in frame.columns if name != "unique_id"}
        month(columns, self.model.random, self.model.totals, np.array(FEES))
        self["health"] = pl.Series(columns["health"])


class Health(ModelDF):
    """People, practices and hospitals."""

    def __init__(self, n: int, seed: int, kind: Any) -> None:
        super().__init__(seed)
        s = setting()
        self.totals = Totals()
        self.practices = table(
            s.practice_value, "practice", {"altruism": s.altruism, "cost": s.cost}
        )
        self.hospitals = table(s.hospital_value, "hospital", {"hospital_cost": s.hospital_cost})
        self.agents += kind(self, n)

    def step(self) -> None:
        """Let all live a month."""
        self.agents.do("step")


def build(n: int, seed: int) -> tuple[Callable[[], None], Callable[[], dict[str, float]]]:
    """Give a step and an account of what happened."""
    model = Health(n, seed, PatientsInNumpy if "--numpy" in EXTRA else Patients)

    def tell() -> dict[str, float]:
        (found,) = model.agents.get("health").values()
        return model.totals.as_data(n, float(found.mean()))

    return model.step, tell


EXTRA = [word for word in sys.argv[1:] if word == "--numpy"]

if __name__ == "__main__":
    sys.argv = [word for word in sys.argv if word not in EXTRA]
    answer(build, {"mesa-frames": version("mesa-frames"), "polars": pl.__version__})
