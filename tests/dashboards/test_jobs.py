"""Jobs: the same records as the command line's, shared, counted, stopped and taken up again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.jobs import Jobs, Progress
from dashboards.settings import Settings
from sim import runner
from sim.errors import RunError, ScenarioError
from sim.record import Record, records_folder
from sim.scenario import Scenario, load

PEOPLE = 200


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PAYSHIFT_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def idle(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    """A queue whose runs never start."""
    del home
    monkeypatch.setattr(Jobs, "_start_runs", lambda self: None)
    jobs = Jobs(Settings(queue=2))
    yield jobs
    jobs.close()


def arm(name: str = "tiny-drg") -> Scenario:
    return load(name).with_population(PEOPLE).with_horizon(warm_up=12, baseline=0, reform=12)


def wait(jobs: Jobs, key: str, seconds: float = 800.0) -> Progress:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        progress = jobs.progress(key)
        if progress.is_over:
            return progress
        time.sleep(0.1)
    raise AssertionError(jobs.progress(key))


@pytest.mark.slow
def test_a_job_leaves_the_very_record_of_the_command_line(home: Path) -> None:
    jobs = Jobs(Settings(workers=1))
    try:
        plan = jobs.plan([arm()], 2)
        key = jobs.submit(plan, "payshift compare tiny-drg", "a")
        assert jobs.submit(plan, "payshift compare tiny-drg", "b") == key
        assert wait(jobs, key).state == "done"
        found = Record.load(records_folder() / key)
        direct = runner.compare([arm()], replicates=2, workers=1)
        assert direct.key == key
        assert direct.sha256() == found.sha256()
        result = jobs.result(key, "whole")
        assert result is not None
        assert result.sha256() == direct.sha256()
        # one run for each arm and seed, and the comparison
        assert len(list(records_folder().iterdir())) == 2 * 2 + 1
    finally:
        jobs.close()
    # a further server finds it there, and an unfinished one goes on
    other = Jobs(Settings())
    try:
        assert other.progress(key).stage == "whole"
        assert other.progress("0" * 24).state == "unknown"
    finally:
        other.close()
    assert not list((home / "jobs").glob("*.json"))


def test_an_unfinished_comparison_is_taken_up_by_the_next_server(
    idle: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    del monkeypatch
    key = idle.submit(idle.plan([arm()], 2), "payshift compare tiny-drg", "a")
    following = Jobs(Settings())
    try:
        progress = following.progress(key)
        assert progress.state == "waiting"
        assert progress.total == 4
    finally:
        following.close()


def test_work_over_the_limits_is_refused_in_words(home: Path) -> None:
    del home
    jobs = Jobs(Settings(most_work=10_000, most_people=500, most_replicates=4))
    try:
        for scenario, replicates in ((arm(), 5), (arm().with_population(501), 2), (arm(), 4)):
            with pytest.raises(ScenarioError, match="this server"):
                jobs.plan([scenario], replicates)
    finally:
        jobs.close()


def test_a_full_queue_says_so(idle: Jobs) -> None:
    for seed in (1, 2):
        idle.submit(idle.plan([arm().with_seed(seed)], 1), "", "a")
    with pytest.raises(RunError, match="queue is full"):
        idle.submit(idle.plan([arm().with_seed(3)], 1), "", "a")


def test_work_goes_on_while_anybody_waits_for_it(idle: Jobs) -> None:
    plan = idle.plan([arm()], 1)
    key = idle.submit(plan, "", "a")
    idle.submit(plan, "", "b")
    idle.cancel(key, "a")
    assert idle.progress(key).state == "waiting"
    idle.cancel(key, "somebody else")
    assert idle.progress(key).state == "waiting"
    idle.cancel(key, "b")
    assert idle.progress(key).state == "stopped"
    idle.submit(plan, "", "c")
    assert idle.progress(key).state == "waiting"


@pytest.mark.parametrize("key", ["", "..", "../../x", "0" * 200, "zz", "a b"])
def test_a_name_that_is_no_key_finds_nothing(idle: Jobs, key: str) -> None:
    assert idle.progress(key).state == "unknown"
    assert idle.result(key, "whole") is None
