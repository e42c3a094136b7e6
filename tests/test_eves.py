"""Worlds kept on the eve of a reform: the arms that take them live what they would have lived."""

from __future__ import annotations

import pytest

from sim import eves, runner
from sim.eves import Eves
from sim.record import hash_table
from sim.runner import RunTask
from sim.scenario import Scenario, load

PEOPLE = 200


def task(name: str, reform: int = 12, keep: frozenset[str] = frozenset()) -> RunTask:
    chosen: Scenario = load(name).with_population(PEOPLE)
    scenario = chosen.with_horizon(warm_up=12, baseline=0, reform=reform)
    return RunTask(scenario.id, 0, 7, scenario, keep=keep)


def hashes(task: RunTask, simulate: runner.Simulate) -> dict[str, str]:
    tables = runner.tables_of(task, simulate(task, None))
    return {name: hash_table(table) for name, table in tables.items()}


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("tiny", "tiny-drg"),
        ("tiny-capitation", "tiny-value-based"),
        ("china-county", "china-county-capitation-diagnosis"),
        ("china-county", "china-county-consortium-led"),
        ("china-city-drg", "china-city-composite"),
        ("us-metro", "us-metro-joint-bundle"),
        ("china-county", "china-county-cover-options"),
    ],
)
def test_an_arm_that_takes_over_on_the_eve_lives_what_it_would_have_lived(
    monkeypatch: pytest.MonkeyPatch, first: str, then: str
) -> None:
    kept = Eves()
    before = hashes(task(first), kept.simulate)
    assert len(kept) == 1
    lived: list[int] = []
    run_month = eves.run_month

    def count(world: eves.World) -> None:
        lived.append(world.month)
        run_month(world)

    monkeypatch.setattr(eves, "run_month", count)
    after = hashes(task(then), kept.simulate)
    shares = len(kept) == 1
    # What is paid by recorded diagnoses or by episodes is counted before the reform.
    assert shares == (then not in ("china-county-capitation-diagnosis", "us-metro-joint-bundle"))
    assert lived == list(range(12 if shares else 0, 24))
    assert after == hashes(task(then), runner.simulate_scenario)
    # The world that is kept is as it was, whoever took it.
    assert before == hashes(task(first), kept.simulate)


def test_nothing_is_kept_of_a_run_without_a_reform_or_of_agents() -> None:
    kept = Eves()
    kept.simulate(task("tiny", reform=0), None)
    agents = task("tiny-drg")
    kept.simulate(RunTask(agents.arm, 0, 7, agents.scenario, engine="agents"), None)
    assert len(kept) == 0


def test_other_people_seeds_and_claims_have_eves_of_their_own_and_the_oldest_goes() -> None:
    kept = Eves(most=3)
    plain = task("tiny-drg")
    others = [
        plain,
        RunTask(plain.arm, 0, 8, plain.scenario),
        RunTask(plain.arm, 0, 7, plain.scenario.with_population(210)),
        RunTask(plain.arm, 0, 7, plain.scenario, keep=frozenset({"claims"})),
    ]
    for number, other in enumerate(others, 1):
        kept.simulate(other, None)
        assert len(kept) == min(number, 3)
