"""One result whoever does the runs, and a run's misbehavior stays its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.sweep.design import Design, Factor, Limits, Sampler
from experiments.sweep.executors import store_named, sweep
from experiments.sweep.merging import merge, rerun
from experiments.sweep.results import Results
from experiments.sweep.simulation import Simulation
from experiments.sweep.store import Store
from sim.errors import RunError, ScenarioError
from tests.bench import coordinator
from tests.experiments.sweep import models

LINE = Design(
    arms=("one", "two"),
    factors=(Factor("a", 0.0, 1.0),),
    sampler=Sampler("random", 20, 3),
    replicates=2,
    outcomes=("y",),
    monthly=("y",),
)


def sha(path: Path) -> str:
    with Store.read(path) as store:
        assert store.verify() == []
        return store.result_sha256()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("serial") / "s.sqlite"
    sweep(LINE, path, models.line)
    return sha(path)


def test_shuffled_order_and_shards_merged_give_the_same_hash(tmp_path: Path, expected: str) -> None:
    sweep(LINE, tmp_path / "shuffled.sqlite", models.line, shuffle=9)
    assert sha(tmp_path / "shuffled.sqlite") == expected
    parts = [tmp_path / f"part{i}.sqlite" for i in (1, 2, 3)]
    for i, part in enumerate(parts, start=1):
        sweep(LINE, part, models.line, shard=(i, 3))
    merged = merge(tmp_path / "whole.sqlite", parts)
    assert merged == (80, 0, 0, expected)
    assert merge(tmp_path / "whole.sqlite", parts[:1])[:2] == (0, 28)
    assert sha(tmp_path / "whole.sqlite") == expected


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_processes_gives_the_same_hash(
    tmp_path: Path, expected: str, workers: int
) -> None:
    sweep(LINE, tmp_path / "s.sqlite", models.line, "process", workers)
    assert sha(tmp_path / "s.sqlite") == expected


@pytest.mark.slow
def test_a_dask_cluster_of_two_workers_gives_the_same_hash(tmp_path: Path, expected: str) -> None:
    sweep(LINE, tmp_path / "s.sqlite", models.line, "dask", 2)
    assert sha(tmp_path / "s.sqlite") == expected


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_the_seed_of_pythons_hashes_does_not_matter(
    tmp_path: Path, expected: str, hash_seed: str
) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.experiments.sweep import models, "
        "test_executors as t; from experiments.sweep.executors import sweep; "
        "path = Path(sys.argv[1]); sweep(t.LINE, path, models.line); print(t.sha(path))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "s.sqlite")],
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == expected


@pytest.mark.slow
def test_a_run_that_crashes_hangs_hoards_or_fails_is_recorded_and_the_rest_completes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.sqlite"
    design = Design(
        arms=("m",),
        factors=(Factor("case", 0.0, 9.0, "integer"),),
        sampler=Sampler("factorial", options={"levels": 10}),
        limits=Limits(seconds=5.0, memory_mb=120.0, tries=2),
    )
    tally = sweep(design, path, models.trouble, "process", 2)
    assert (tally.done, tally.failed) == (10, 4)
    with Store.read(path) as store:
        assert store.verify() == []
        rows = {run.draw: store.get(key) for key, run, _ in store.plan.runs()}
    found = {draw: (row.status, row.reason) for draw, row in rows.items() if row is not None}
    assert found[1] == ("crashed", "the worker process was ended by SIGKILL")
    assert found[2] == ("timeout", "no result after 5 seconds")
    assert found[3][0] == "memory"
    assert found[4] == ("failed", "ValueError: the model says no")
    assert all(found[draw] == ("ok", "") for draw in (0, 5, 6, 7, 8, 9))
    assert rows[1] is not None and rows[1].tries >= 2
    again = sweep(design, path, models.trouble, resume=True)
    assert (again.found, again.done, again.failed) == (10, 0, 4)


@pytest.mark.slow
def test_the_coordinators_memory_is_flat_from_a_thousand_to_twenty_thousand_runs() -> None:
    few, many = (coordinator.peak(n, "process") for n in (coordinator.FEW, coordinator.MANY))
    assert (few.runs, many.runs) == (1_000, 20_000)
    assert many.mb <= coordinator.FLAT * few.mb


@pytest.mark.slow
def test_a_worker_of_the_simulator_loads_neither_mesa_nor_salib_nor_dash(tmp_path: Path) -> None:
    import sim

    scenario = sim.load("tiny").with_population(200)
    scenario = scenario.with_horizon(warm_up=0, baseline=12, reform=0)
    arms = {"tiny": scenario}
    model = _Telling(Simulation.of(arms, ("visits_per_person",)))
    factors = (Factor("price_weight", 0.5, 2.0),)
    design = Design(arms=("tiny",), factors=factors, sampler=Sampler("random", 1))
    sweep(design, tmp_path / "s.sqlite", model, "process", 1)
    frame = Results.of(tmp_path / "s.sqlite").frame
    assert frame["visits_per_person"][0] > 0.0
    for name in ("mesa", "SALib", "dash", "dask", "distributed", "plotly", "pandas"):
        assert frame[name][0] == 0.0, f"a worker loads {name}"


class _Telling:
    """A simulation that also tells what its process has loaded."""

    code_version = "test"

    def __init__(self, inner: Simulation) -> None:
        self.inner = inner

    def __call__(self, parameters: dict[str, float], arm: str, seed: int) -> dict[str, float]:
        summary = dict(self.inner(parameters, arm, seed).summary)
        return {**summary, **models.loaded(parameters, arm, seed)}


def test_a_row_is_done_again_from_its_key_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    sweep(LINE, path, models.line)
    with Store.read(path) as store:
        key = next(key for key, run, _ in store.plan.runs() if run.draw == 7 and run.arm == 1)
    again = rerun(path, key[:10], models.line)
    assert again.is_same and (again.arm, again.draw) == ("two", 7)
    assert not rerun(path, key, lambda p, arm, seed: {"y": 0.0}).is_same
    with pytest.raises(ScenarioError, match="does not hold its model"):
        rerun(path, key)


@pytest.mark.slow
def test_a_model_that_no_worker_can_load_ends_the_sweep_with_its_reason(tmp_path: Path) -> None:
    class Broken:
        code_version = "1"

        def prepare(self) -> None:
            raise ValueError("no tables")

        def __call__(self, parameters: object, arm: str, seed: int) -> dict[str, float]:
            return {}

    with pytest.raises(RunError, match="no tables"):
        sweep(LINE, tmp_path / "s.sqlite", Broken(), "process", 1)


def test_runs_are_exported_with_their_keys_factors_and_outcomes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pandas as pd

    from sim.cli import main

    path = tmp_path / "s.sqlite"
    sweep(LINE, path, models.line)
    assert main(["export", str(path)]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head == "arm,draw,replicate,seed,key,status,a,y"
    out = tmp_path / "runs.parquet"
    assert main(["export", str(path), "--format", "parquet", "--out", str(out)]) == 0
    assert main(["export", str(path), "--table", "monthly"]) == 2
    assert "one table" in capsys.readouterr().err
    frame = pd.read_parquet(out)
    assert len(frame) == 80 and frame["y"].notna().all()
    assert main(["verify", str(path)]) == 0
    assert main(["rerun", str(path), "--row", "zz"]) == 2
    path.write_bytes(path.read_bytes().replace(b'{"y":', b'{"z":', 1))
    assert main(["verify", str(path)]) == 4


def test_other_code_begins_another_store_and_stands_in_nobodys_way(tmp_path: Path) -> None:
    class Versioned:
        def __init__(self, code_version: str) -> None:
            self.code_version = code_version

        def __call__(self, parameters: Mapping[str, Any], arm: str, seed: int) -> dict[str, float]:
            return {"y": parameters["a"]}

    first = store_named(tmp_path, "c9", LINE, Versioned("1"))
    assert store_named(tmp_path, "c9", LINE, Versioned("1")) == first
    assert store_named(tmp_path, "c9", LINE, Versioned("2")) != first
    assert store_named(tmp_path, "c9", replace(LINE, replicates=3), Versioned("1")) != first
