"""Jobs: the same records as the command line's, shared, counted, stopped and taken up again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

import dashboards.jobs
from dashboards.jobs import Jobs, Progress
from dashboards.settings import Settings
from dashboards.sweep_choice import SweepChoice
from experiments.sweep.results import Results
from experiments.sweep.worker import Task
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


def test_a_mistake_in_one_turn_is_logged_and_the_queue_serves_on(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    del home
    turns: list[int] = []
    finish_runs = Jobs._finish_runs

    def mistaken(self: Jobs) -> None:
        turns.append(len(turns))
        if len(turns) == 1:
            raise RuntimeError("a mistake")
        finish_runs(self)

    monkeypatch.setattr(Jobs, "_finish_runs", mistaken)
    jobs = Jobs(Settings())
    try:
        end = time.monotonic() + 20.0
        while len(turns) < 3 and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        jobs.close()
    assert len(turns) >= 3
    assert "a mistake" in caplog.text


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


def finish(jobs: Jobs, key: str) -> None:
    """Let a run be done without living through it."""
    with jobs._lock:
        jobs._runs[key].state = "done"


def large(name: str = "tiny-drg") -> Scenario:
    """An arm whose run takes longer than a reader waits."""
    return arm(name).with_population(60_000)


def prepared(jobs: Jobs, key: str) -> dashboards.jobs._Job:
    end = time.monotonic() + 60.0
    while time.monotonic() < end:
        job = jobs._jobs[key]
        assert isinstance(job, dashboards.jobs._Job)
        if job.is_prepared:
            return job
        time.sleep(0.05)
    raise AssertionError("the whole runs were never put into the queue")


def test_first_numbers_come_arm_by_arm_from_a_small_sample(idle: Jobs) -> None:
    plan = idle.plan([large(), large("tiny-capitation")], 2)
    key = idle.submit(plan, "", "a")
    job = prepared(idle, key)
    assert job.sample is not None
    assert {scenario.population for scenario in job.sample.arms.values()} == {5_000}
    stages = [idle.progress(key).stage]
    for run in job.sample_runs.values():
        finish(idle, run)
        stages.append(idle.progress(key).stage)
    for run in job.runs.values():
        finish(idle, run)
    assert stages == ["", "", "arms-2", *["sample-1"] * 3, "sample-2"]
    assert idle.progress(key).replicates == 2


def test_where_a_run_is_quick_itself_first_numbers_are_its_own(idle: Jobs) -> None:
    plan = idle.plan([arm(), arm("tiny-capitation")], 2)
    job = prepared(idle, idle.submit(plan, "", "a"))
    assert job.sample is None
    assert len(job.runs) == 6
    first = [key for (_, replicate), key in job.runs.items() if replicate == 0]
    assert list(idle._quick) == first
    assert set(idle._order) == set(job.runs.values()) - set(first)
    stages = []
    for run in job.runs.values():
        finish(idle, run)
        stages.append(idle.progress(job.key).stage)
    assert stages == ["", "arms-2", *["part-1"] * 3, "part-2"]


def test_a_question_is_held_until_first_numbers_are_there(
    idle: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboards.jobs, "HOLD_SECONDS", 60.0)
    key = idle.submit(idle.plan([arm()], 1), "", "a")
    job = idle._jobs[key]
    assert isinstance(job, dashboards.jobs._Job)
    job.state = "running"
    heard: list[Progress] = []
    reader = threading.Thread(target=lambda: heard.append(idle.awaited(key)))
    reader.start()
    for run in list(job.runs.values()):
        assert reader.is_alive()
        finish(idle, run)
    idle._tell(Future())
    reader.join(timeout=10)
    assert [progress.stage for progress in heard] == ["part-1"]


def test_no_more_questions_are_held_than_leave_somebody_to_answer(
    idle: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboards.jobs, "HOLD_SECONDS", 60.0)
    key = idle.submit(idle.plan([arm()], 1), "", "a")
    idle._jobs[key].state = "running"
    held = [threading.Thread(target=idle.awaited, args=(key,)) for _ in range(2)]
    for one in held:
        one.start()
    while idle._waiting < idle.settings.threads // 4:
        time.sleep(0.01)
    assert idle.awaited(key).state == "running"  # at once, or the test would not end
    idle.cancel(key, "a")  # and who is held hears at once that it was stopped
    for one in held:
        one.join(timeout=10)
        assert not one.is_alive()


def test_whole_runs_are_prepared_when_first_numbers_leave_a_worker_free(idle: Jobs) -> None:
    busy = {key: Future[str]() for key in "ab"}
    with idle._lock:
        job = idle._jobs[idle.submit(idle.plan([arm()], 2), "", "a")]
        for key in busy:
            run = dashboards.jobs._Run(key, idle._runs[next(iter(job.runs.values()))].task)
            run.state, run.started, run.is_first = "running", time.monotonic(), True
            idle._runs[key] = run
        idle._active = dict(busy)
        idle._prepare()
        assert not job.is_prepared
        assert len(job.runs) == 2
        del idle._active["a"]
        idle._prepare()
        assert not job.is_prepared  # its own first runs still wait for that worker
        idle._quick.clear()
        idle._prepare()
        assert job.is_prepared
        assert len(job.runs) == 4


@pytest.mark.parametrize("kind", ["comparison", "sweep"])
def test_what_is_asked_for_again_while_it_is_being_stopped_is_neither_late_nor_lost(
    idle: Jobs, home: Path, kind: str
) -> None:
    # Whatever has begun at all is late here; what waits to begin is not.
    idle.settings = Settings(queue=2, minutes=0)
    plan = idle.plan([arm()], 1)
    sweep = idle.plan_sweep(tiny_sweep(), home / "sweeps")

    def ask(holder: str) -> str:
        if kind == "sweep":
            return idle.submit_sweep(sweep, holder)
        return idle.submit(plan, "", holder)

    stopping = Future[str]()
    with idle._lock:
        key = ask("a")
        run_key = next(iter(idle._jobs[key].runs.values()))
        run = idle._runs[run_key]
        run.state, run.started = "running", time.monotonic()
        run.stop_file = home / "stop"
        idle._active[run_key] = stopping
        for queue in (idle._quick, idle._order):
            queue.clear()
        idle.cancel(key, "a")
        assert run.stop_file.exists()
        assert idle.progress(key).state == "stopped"
        assert ask("b") == key
        idle._finish_runs()
        assert idle.progress(key).state == "waiting"
        assert run_key in idle._active  # nobody ended the workers for its sake
        stopping.set_exception(dashboards.jobs._StoppedError())
        idle._finish_runs()
        assert idle.progress(key).state == "waiting"
        assert run_key not in idle._active
        assert run_key in (*idle._quick, *idle._order)


def test_first_numbers_of_the_second_go_before_the_whole_of_the_first(idle: Jobs) -> None:
    keys = [idle.submit(idle.plan([large().with_seed(s)], 2), "", "a") for s in (1, 2)]
    jobs = [prepared(idle, key) for key in keys]
    order = [*idle._quick, *idle._order]
    assert order[:8] == [*jobs[0].sample_runs.values(), *jobs[1].sample_runs.values()]
    assert set(order[8:]) == {key for job in jobs for key in job.runs.values()}
    # a sample has one worker more than whole runs have
    busy = [Future[str]() for _ in range(idle.settings.workers)]
    idle._active = dict(zip("ab", busy, strict=False))
    assert idle._next_queue() is idle._quick
    idle._quick.clear()
    assert idle._next_queue() is None
    idle._active = {}
    assert idle._next_queue() is idle._order


@pytest.mark.parametrize(
    ("trouble", "told_of_it"),
    [
        (RunError("no room for its keys", where="disk"), "disk: no room for its keys"),
        (ValueError("nobody thought of it"), "a run failed"),
    ],
)
def test_who_asks_for_what_cannot_be_prepared_is_told_and_the_others_are_served(
    idle: Jobs, monkeypatch: pytest.MonkeyPatch, trouble: Exception, told_of_it: str
) -> None:
    ask = Jobs._ask

    def refuse_one(self: Jobs, job: Any, plan: runner.Plan, *others: Any) -> None:
        if plan is job.plan and plan.seeds[0] == 1:
            raise trouble
        ask(self, job, plan, *others)

    monkeypatch.setattr(Jobs, "_ask", refuse_one)
    keys = [idle.submit(idle.plan([large().with_seed(s)], 2), "", "a") for s in (1, 2)]
    told = wait(idle, keys[0], 60.0)
    assert (told.state, told.error) == ("failed", told_of_it)
    assert prepared(idle, keys[1]).is_open


def test_a_run_that_meets_a_broken_pool_is_handed_out_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may be killed between the last look at the pool and the next run."""
    del home
    now, broken = Jobs._pool_now, [True]

    class Broken:
        def submit(self, *work: Any) -> Future[str]:
            broken.clear()
            raise BrokenProcessPool("a worker was killed")

    monkeypatch.setattr(Jobs, "_pool_now", lambda self: Broken() if broken else now(self))
    jobs = Jobs(Settings())
    try:
        key = jobs.submit(jobs.plan([arm()], 1), "", "a")
        assert wait(jobs, key, 300.0).state == "done"
        assert not broken
    finally:
        jobs.close()


def test_a_disk_without_room_for_the_record_is_told(
    idle: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Jobs, *what: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Jobs, "_assembled", full)
    key = idle.submit(idle.plan([arm()], 1), "", "a")
    for run in prepared(idle, key).runs.values():
        finish(idle, run)
    told = wait(idle, key, 60.0)
    assert told.state == "failed"
    assert "No space left" in told.error


def test_what_may_be_asked_for_is_made_last_and_taken_over_when_it_is_asked_for(
    idle: Jobs,
) -> None:
    for seed in range(1, 9):
        idle.foresee(idle.plan([large().with_seed(seed)], 2))
    assert len(idle._foreseen) == 12
    plan = idle.plan([large().with_seed(8)], 2)
    idle.foresee(plan)
    assert len(idle._foreseen) == 12
    job = prepared(idle, idle.submit(plan, "", "a"))
    assert len(idle._foreseen) == 10
    assert set(idle._quick) == set(job.sample_runs.values())
    idle.cancel(job.key, "a")
    assert not idle._quick
    assert idle._next_queue() is idle._foreseen


def test_a_server_may_be_told_to_make_nothing_ahead(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home
    monkeypatch.setattr(Jobs, "_start_runs", lambda self: None)
    jobs = Jobs(Settings(ahead=0))
    try:
        jobs.foresee(jobs.plan([large()], 2))
        assert not jobs._foreseen
    finally:
        jobs.close()


@pytest.mark.parametrize("key", ["", "..", "../../x", "0" * 200, "zz", "a b"])
def test_a_name_that_is_no_key_finds_nothing(idle: Jobs, key: str) -> None:
    assert idle.progress(key).state == "unknown"
    assert idle.result(key, "whole") is None


def tiny_sweep() -> str:
    choice = SweepChoice("tiny-drg", ("altruism_scale",), "one_at_a_time", 8, PEOPLE, 1, 12)
    return choice.design()


@pytest.mark.slow
def test_a_sweep_is_lived_in_slices_and_equal_requests_share_it(
    home: Path,
) -> None:
    folder = home / "sweeps"
    jobs = Jobs(Settings(workers=1))
    try:
        plan = jobs.plan_sweep(tiny_sweep(), folder)
        assert plan.runs == 6
        assert jobs.plan_sweep(tiny_sweep(), folder) == plan
        key = jobs.submit_sweep(plan, "a")
        assert jobs.submit_sweep(plan, "b") == key
        jobs.cancel(key, "a")
        assert wait(jobs, key).state == "done"
        assert jobs.progress(key).done == 6
        assert jobs.store_of(key) == plan.store.name
    finally:
        jobs.close()
    results = Results.of(plan.store)
    assert set(results.frame["status"]) == {"ok"}
    assert results.design.arms == ("tiny", "tiny-drg")
    assert not list((home / "jobs").glob("*.json"))


def test_a_slice_ends_in_time_and_says_that_there_is_more(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboards.jobs, "SLICE_SECONDS", 0.0)
    stopped = home / "stop"
    done: list[object] = []
    tasks = (Task(place, {"a": 1.0}, "one", 1) for place in range(3))
    piece = dashboards.jobs._Slice(str(stopped))
    piece.run(lambda parameters, arm, seed: {"y": 1.0}, tasks, done.extend)
    assert len(done) == 1
    stopped.touch()
    with pytest.raises(dashboards.jobs._StoppedError):
        piece.run(lambda parameters, arm, seed: {"y": 1.0}, tasks, done.extend)
    assert len(done) == 2


def test_an_unfinished_sweep_is_taken_up_by_the_next_server(idle: Jobs, home: Path) -> None:
    plan = idle.plan_sweep(tiny_sweep(), home / "sweeps")
    key = idle.submit_sweep(plan, "a")
    assert idle.progress(key).state == "waiting"
    idle.close()
    other = Jobs(Settings())
    try:
        assert other.progress(key).state == "waiting"
        assert other.store_of(key) == plan.store.name
    finally:
        other.close()


def test_a_sweep_that_is_too_large_leaves_nothing_behind(home: Path) -> None:
    jobs = Jobs(Settings(most_work=1_000, most_runs=10))
    try:
        with pytest.raises(ScenarioError, match="too much work"):
            jobs.plan_sweep(tiny_sweep(), home / "sweeps")
        large = SweepChoice("tiny-drg", ("altruism_scale",), "sobol", 8, PEOPLE, 1, 12)
        with pytest.raises(ScenarioError, match="too many runs"):
            jobs.plan_sweep(large.design(), home / "sweeps")
        with pytest.raises(ScenarioError):
            jobs.plan_sweep("kind: sweep", home / "sweeps")
    finally:
        jobs.close()
    assert list((home / "sweeps").iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        {"reform": "../x"},
        {"reform": "tiny"},
        {"factors": []},
        {"factors": ["discount", {"a": 1}]},
        {"factors": ["no-such"] * 50},
        {"kind": "given"},
        {"size": 10**9},
        {"people": "200 "},
        {"months": [12]},
    ],
)
def test_a_sweep_is_made_of_what_may_be_chosen_alone(wrong: dict[str, object] | None) -> None:
    right: dict[str, object] = {
        "reform": "tiny-drg",
        "factors": ["altruism_scale"],
        "kind": "morris",
        "size": "8",
        "people": "200",
        "replicates": "1",
        "months": "12",
    }
    assert SweepChoice.read(right).runs == 2 * 8 * 2
    with pytest.raises(ScenarioError):
        SweepChoice.read(wrong if wrong is None else right | wrong)
