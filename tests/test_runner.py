"""Runs: the same seed the same numbers, arms paired, workers replaced when they die."""

from __future__ import annotations

import os
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import pytest

import sim
from sim import runner
from sim.errors import RunError, ScenarioError
from sim.runner import RunTask, compare, run, run_task, seed_of
from tests.histories import make_believe

COUNTY = ("china-county-drg", "china-county-capitation")


def _arms() -> list[sim.Scenario]:
    return [sim.load(name).with_population(100) for name in COUNTY]


def test_the_first_replicate_has_the_scenarios_own_seed_and_the_others_differ() -> None:
    seeds = [seed_of(7, r) for r in range(50)]
    assert seeds[0] == 7
    assert len(set(seeds)) == 50
    assert all(0 <= s < 2**31 for s in seeds)
    assert not set(seeds[1:]) & {seed_of(8, r) for r in range(50)}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_tables_and_another_seed_others() -> None:
    tiny = sim.load("tiny")
    first, again, other = (run(tiny, seed=seed, simulate=make_believe()) for seed in (7, 7, 8))
    assert first.sha256() == again.sha256() != other.sha256()


@pytest.mark.slow
def test_the_status_quo_comes_first_and_arms_share_their_seeds() -> None:
    found = compare(_arms(), replicates=3, simulate=make_believe(0.1))
    assert found.arms == ["status-quo", *COUNTY]
    assert [arm["is_status_quo"] for arm in found.info["arms"]] == [True, False, False]
    shas = found.info["before_sha"]
    for r in range(3):
        assert len({shas[f"{arm}:{r}"] for arm in found.arms}) == 1
    assert len({shas[f"status-quo:{r}"] for r in range(3)}) == 3


@pytest.mark.slow
def test_an_effect_put_in_comes_out_as_a_paired_difference() -> None:
    found = compare(_arms()[:1], replicates=3, simulate=make_believe(0.1)).differences()
    row = found[(found["outcome"] == "charges_per_person") & (found["group"] == "all")].iloc[0]
    assert row["relative"] == pytest.approx(0.1, rel=1e-3)
    assert row["low"] > 0
    assert row["se_paired"] < row["se_unpaired"]


@pytest.mark.slow
def test_the_status_quo_can_be_left_out_and_is_never_there_twice() -> None:
    arms = _arms()
    without = compare(arms, replicates=1, status_quo=False, simulate=make_believe())
    assert without.arms == list(COUNTY)
    standing = arms[0].status_quo()
    assert compare([standing, arms[0]], replicates=1, simulate=make_believe()).arms == [
        "status-quo",
        COUNTY[0],
    ]
    twice = compare([arms[0], arms[0]], replicates=1, simulate=make_believe())
    assert twice.arms == ["status-quo", COUNTY[0], f"{COUNTY[0]}-2"]


def test_arms_that_cannot_be_compared_are_refused() -> None:
    first, second = _arms()
    with pytest.raises(ScenarioError, match="same population"):
        compare([first, second.with_population(200)], simulate=make_believe())
    with pytest.raises(ScenarioError, match="same horizon"):
        compare([first, second.with_horizon(reform=12)], simulate=make_believe())
    with pytest.raises(ScenarioError, match="same region"):
        compare([first, sim.load("tiny")], simulate=make_believe())
    with pytest.raises(ScenarioError, match="nothing to compare"):
        compare([], simulate=make_believe())
    with pytest.raises(ScenarioError, match="nothing to compare"):
        compare([first.status_quo()], simulate=make_believe())


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"engine": "abacus"}, "engine"),
        ({"replicates": 0}, "replicates"),
        ({"replicates": True}, "replicates"),
        ({"keep": ["secrets"]}, "keep"),
    ],
)
def test_bad_settings_of_a_run_are_refused(what: dict, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        run(sim.load("tiny"), simulate=make_believe(), **what)
    with pytest.raises(ScenarioError, match="not a scenario"):
        run("tiny", simulate=make_believe())


@pytest.mark.slow
def test_progress_counts_months_over_all_runs_and_never_falls() -> None:
    seen: list[tuple[int, int]] = []
    run(
        sim.load("tiny"),
        replicates=2,
        simulate=make_believe(),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[0] == (0, 48)
    assert seen[-1] == (48, 48)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_bug_in_a_run_is_told_with_arm_and_seed() -> None:
    def fails(task: RunTask, on_month: object) -> None:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(RunError, match=r"arm tiny, seed 3.*ZeroDivisionError"):
        run(sim.load("tiny"), seed=3, simulate=fails)


def test_tables_that_change_while_runs_go_on_are_noticed() -> None:
    tiny = sim.load("tiny")
    task = RunTask("tiny", 0, 3, tiny, inputs={**tiny.table_hashes(), "people.csv": "older"})
    with pytest.raises(RunError, match="changed while runs"):
        run_task(task, simulate=make_believe())


class _FlakyPool:
    """A pool that breaks some times before it does the work in this process."""

    broken = 0
    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.breaks = type(self).made <= type(self).broken

    def submit(self, work: object, task: RunTask) -> Future:
        future: Future = Future()
        if self.breaks and task.replicate > 0:
            future.set_exception(BrokenProcessPool("a child ended"))
        else:
            future.set_result(run_task(task, simulate=make_believe()))
        return future

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        pass


@pytest.mark.slow
@pytest.mark.parametrize("broken", [0, 1, 2])
def test_runs_of_a_dead_worker_are_done_again_and_only_those(
    broken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pool(_FlakyPool):
        pass

    Pool.broken, Pool.made = broken, 0
    monkeypatch.setattr(runner, "_new_pool", lambda workers: Pool())
    found = run(sim.load("tiny"), replicates=3, workers=2)
    assert Pool.made == broken + 1
    assert found.sha256() == run(sim.load("tiny"), replicates=3, simulate=make_believe()).sha256()


@pytest.mark.slow
def test_workers_that_keep_dying_end_the_run_with_one_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Pool(_FlakyPool):
        pass

    Pool.broken, Pool.made = 99, 0
    monkeypatch.setattr(runner, "_new_pool", lambda workers: Pool())
    with pytest.raises(RunError, match=r"ended 3 times.*--workers"):
        run(sim.load("tiny"), replicates=2, workers=2)
    assert Pool.made == 3


def test_workers_do_not_run_the_users_own_script_again() -> None:
    import sys

    before = sys.modules["__main__"]
    with runner.hidden_main():
        assert not hasattr(sys.modules["__main__"], "__file__")
    assert sys.modules["__main__"] is before


def _small_reform() -> sim.Scenario:
    return sim.load("tiny").with_payment({"capitation": {"rate": "neutral", "risk": "age-sex"}})


@pytest.mark.slow
def test_a_real_run_gives_the_same_numbers_twice_and_in_any_process() -> None:
    tiny = sim.load("tiny")
    here = run(tiny, replicates=2, workers=1)
    there = run(tiny, replicates=2, workers=2)
    assert here.sha256() == there.sha256()
    summary = here.summary()
    everyone = summary[(summary["group"] == "all") & (summary["replicate"] == 0)]
    values = everyone.set_index("outcome")["value"]
    assert 0.5 < values["qaly"] < 1.0
    assert values["spending_per_person"] > 0
    # Money adds up: what patients pay is the same from the providers' and the people's side.
    share = values["out_of_pocket_share"] * values["spending_per_person"]
    assert share == pytest.approx(values["out_of_pocket_per_person"], rel=1e-9)


@pytest.mark.slow
def test_real_arms_live_the_same_lives_until_the_reform_and_not_after() -> None:
    found = compare([_small_reform()], replicates=2, workers=1)
    assert found.before_check().empty
    for r in range(2):
        assert len({found.info["before_sha"][f"{arm}:{r}"] for arm in found.arms}) == 1
    differences = found.differences()
    assert (differences["difference"].abs() > 0).any()
    margins = found.table("incentives")
    before = margins[margins["year"] == 0].groupby("arm")["marginal_receipts"].sum()
    assert before.nunique() == 1
    after = margins[margins["year"] == 1].groupby("arm")["marginal_receipts"].sum()
    assert after.nunique() == 2


@pytest.mark.slow
def test_the_status_quo_against_itself_is_an_exact_placebo() -> None:
    tiny = sim.load("tiny")
    found = compare([tiny, tiny], replicates=1, workers=1).differences()
    assert (found["difference"].dropna() == 0.0).all()


@pytest.mark.slow
def test_the_xray_shows_that_one_more_visit_stops_paying_under_capitation() -> None:
    rows = sim.xray(_small_reform())
    mine = rows[(rows["kind"] == "practice") & (rows["payer"] == "resident-scheme")]
    visit = mine.set_index("activity").loc["visit"]
    member = mine.set_index("activity").loc["member"]
    assert visit["receipts_after"] < 0.5 * visit["receipts_before"]
    assert member["receipts_before"] == 0.0
    assert member["receipts_after"] > 0.0


def test_importing_the_package_loads_none_of_its_parts() -> None:
    import subprocess
    import sys

    code = (
        "import sys, sim; "
        "print(*sorted(m for m in sys.modules if m.startswith(('sim.', 'numpy', 'mesa'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ},
    )
    assert done.stdout.strip() == ""
    assert set(sim.__all__) == {"Scenario", "__version__", "compare", "load", "run", "xray"}
    with pytest.raises(AttributeError):
        _ = sim.nothing_of_this_name
