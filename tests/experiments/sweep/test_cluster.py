"""The county study on a Dask cluster of two workers, started here, and in processes: one result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.sweep import cluster
from experiments.sweep.store import Store
from sim.cli import main
from sim.errors import RunError
from tests.bench.dispatch import measured, part_of_the_county_study, two_workers


@pytest.mark.slow
def test_the_county_study_is_the_same_on_a_cluster_of_two_workers_and_in_two_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = part_of_the_county_study(draws=2, people=100)
    assert len(study.design.factors) >= 10
    in_processes = measured(study, "process", tmp_path / "process.sqlite")
    with two_workers() as address:
        on_cluster = measured(study, "dask", tmp_path / "dask.sqlite", address)
    # No bound here: of so short a part, starting the workers is most. tests/bench/dispatch.py lives
    # enough of the study for its ratio to be held to 1.25.
    with capsys.disabled():
        print(f"\n{in_processes.told()}\n{on_cluster.told()}")
    assert in_processes.runs == on_cluster.runs == 26
    assert in_processes.sha256 == on_cluster.sha256
    assert on_cluster.overhead >= 1.0


@pytest.mark.slow
def test_the_command_hands_runs_to_the_cluster_whose_address_it_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "grid.sqlite"
    with two_workers() as address:
        given = ["--executor", "dask", "--scheduler", address, "--out", str(path), "--json"]
        assert main(["sweep", "tiny-grid", *given]) == 0
    told = json.loads(capsys.readouterr().out)
    with Store.read(path) as store:
        assert store.verify() == []
        assert told["counts"] == {"ok": len(store.plan)}
        assert told["sha256"] == store.result_sha256()


@pytest.mark.parametrize("losses", [2, 3])
def test_a_cluster_that_loses_a_worker_while_it_starts_is_started_again_and_then_given_up(
    monkeypatch: pytest.MonkeyPatch, losses: int
) -> None:
    started: list[int] = []

    def local_cluster(workers: int) -> str:
        started.append(workers)
        if len(started) <= losses:
            raise RuntimeError("Nanny failed to start.")
        return "a cluster"

    monkeypatch.setattr(cluster, "local_cluster", local_cluster)
    if losses < 3:
        assert cluster.started(2) == "a cluster"
    else:
        with pytest.raises(RunError, match=r"could not be started 3 times.*Nanny"):
            cluster.started(2)
    assert started == [2, 2, 2]


@pytest.mark.parametrize("address", ["nonsense", "host:8786", "tcp://host", "tcp://host:port"])
def test_what_is_no_address_is_refused_before_a_store_is_made(tmp_path: Path, address: str) -> None:
    path = tmp_path / "s.sqlite"
    given = ["--executor", "dask", "--scheduler", address, "--out", str(path)]
    assert main(["sweep", "tiny-grid", *given]) == 2
    assert not path.exists()
