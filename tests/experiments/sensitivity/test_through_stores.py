"""Every method on runs that processes and a Dask cluster stored; no run stands in for another."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import sensitivity
from experiments.sensitivity.methods import METHODS
from experiments.sweep.design import Factor
from experiments.sweep.results import Results
from experiments.sweep.store import Store
from sim.errors import StoreError
from tests.bench.dispatch import two_workers
from tests.experiments.sensitivity.lived import cube, design, lived
from tests.experiments.sweep import models

SIZES = {"morris": 20, "fast": 129, "latin_hypercube": 400, "fractional_factorial": 1}
SAMPLERS = sorted({method.remedy_sampler for method in METHODS.values()})


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with two_workers() as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_method_ranks_a_plain_sum_that_processes_and_a_cluster_stored_alike(
    sampler: str, tmp_path: Path, address: str
) -> None:
    plan = design(cube(3), sampler, SIZES.get(sampler, 128))
    local = lived(plan, tmp_path, models.plain, "process")
    remote = lived(plan, tmp_path, models.plain, "dask", address)
    np.testing.assert_array_equal(local.outcome("today", "y"), remote.outcome("today", "y"))
    for name in [m.id for m in METHODS.values() if m.remedy_sampler == sampler]:
        found = sensitivity.analyze(remote, "y", method=name, resamples=10)
        assert found.method == name
        assert found.verdicts["factor"].tolist()[:2] == ["x1", "x2"], name
        assert np.isfinite(found.verdicts["value"]).all(), name


@pytest.mark.slow
def test_groups_categories_pairs_and_the_seeds_share_come_through_processes(tmp_path: Path) -> None:
    factors = (
        Factor("model", categories=("a", "b", "c", "d")),
        Factor("p", 0.0, 3.0, group="people"),
        Factor("q", 0.0, 3.0, group="people"),
    )
    plan = design(factors, "sobol", 512, replicates=2)
    results = lived(plan, tmp_path, models.chosen, "process")
    found = sensitivity.analyze(results, "y", second_order=True)
    # variances by hand: 5/4 of the four categories, 3/4 of each number; no pairs act together
    assert found.value("model") == pytest.approx(5 / 11, abs=0.03)
    assert found.value("people") == pytest.approx(6 / 11, abs=0.03)
    pair = found.pairs.iloc[0]
    assert pair["low"] <= 0.0 <= pair["high"]
    # the seed adds the same to every draw: all that is not of the parameters is of the seed alone
    seeds = {run.seed for _, run, _ in results.plan.runs()}
    exact = np.var([seed % 5 for seed in seeds], ddof=1)
    shares = sensitivity.seed_share(results, "y").set_index("source")["share"]
    assert shares["both"] == pytest.approx(0.0, abs=1e-9)
    assert shares["seed"] / shares["parameters"] == pytest.approx(exact / 2.75, rel=0.05)


def partly(parameters: Mapping[str, Any], arm: str, seed: int) -> Mapping[str, float]:
    """Give no number where nobody came."""
    return {"y": float("nan") if parameters["x1"] > 0.97 else parameters["x1"]}


def test_a_run_without_a_number_is_refused_from_the_store(tmp_path: Path) -> None:
    results = lived(design(cube(2), n=16), tmp_path, partly)
    with pytest.raises(StoreError, match=r"draw \d+, replicate 0"):
        sensitivity.analyze(results, "y")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DELETE FROM runs WHERE key = :first", "missing"),
        (
            "UPDATE runs SET summary = (SELECT summary FROM runs WHERE key = :second)"
            " WHERE key = :first",
            "damaged",
        ),
        (
            "UPDATE runs SET draw = (SELECT draw FROM runs WHERE key = :second) WHERE key = :first",
            "damaged",
        ),
    ],
    ids=["taken out", "outcomes of another", "moved to the draw of another"],
)
def test_a_store_whose_rows_were_moved_by_hand_is_refused_with_the_run(
    tmp_path: Path, change: str, told: str
) -> None:
    lived(design(cube(3), n=8), tmp_path, models.plain)
    path = tmp_path / "store.sqlite"
    with Store.read(path) as store:
        keys = [key for key, _, _ in store.plan.runs()]
        draw = next(run.draw for key, run, _ in store.plan.runs() if key == keys[5])
    with sqlite3.connect(path) as raw:
        raw.execute(change, {"first": keys[5], "second": keys[9]})
    raw.close()
    with pytest.raises(StoreError, match=rf"draw {draw}, replicate 0: {told}"):
        sensitivity.analyze(Results.of(path), "y")


def test_a_run_cannot_be_put_into_a_store_a_second_time_by_hand(tmp_path: Path) -> None:
    lived(design(cube(3), n=8), tmp_path, models.plain)
    path = tmp_path / "store.sqlite"
    raw = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        raw.execute("INSERT INTO runs SELECT * FROM runs LIMIT 1")
    columns = [str(row[1]) for row in raw.execute("PRAGMA table_info(runs)")]
    others = ", ".join("'0' || substr(key, 2)" if name == "key" else name for name in columns)
    raw.execute(f"INSERT INTO runs SELECT {others} FROM runs WHERE key NOT LIKE '0%' LIMIT 1")
    raw.commit()
    raw.close()
    with Store.read(path) as store:
        assert any("planned" in damage.what for damage in store.verify())
