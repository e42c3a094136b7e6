"""A store survives being cut off at any write, and tells any damage by the run's name."""

from __future__ import annotations

import errno
import multiprocessing
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.sweep import store as module
from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.executors import Serial, sweep
from experiments.sweep.store import Store
from experiments.sweep.worker import Finished, Model, Task, run_once
from sim.errors import DiskError, ScenarioError, StoreError
from tests.experiments.sweep import models

DESIGN = Design(
    arms=("one", "two"), factors=(Factor("a"),), sampler=Sampler("random", 6, 3), monthly=("y",)
)


class InPairs(Serial):
    """Stores two runs at a time, so that there are several commits."""

    def run(self, model: Model, tasks: object, on_done: Callable[[list[Finished]], None]) -> None:
        ready: list[Finished] = []
        for task in tasks:
            assert isinstance(task, Task)
            ready.append(run_once(model, task))
            if len(ready) == 2:
                on_done(ready)
                ready = []
        if ready:
            on_done(ready)


def fill(path: Path, **more: object) -> None:
    sweep(DESIGN, path, models.line, InPairs(), **more)


def sha(path: Path) -> str:
    with Store.read(path) as store:
        assert store.verify() == []
        assert sum(store.counts().values()) == 12
        return store.result_sha256()


def copied(path: Path, to: Path) -> None:
    """Take what a kill at this instant would leave on the disk."""
    for suffix in ("", "-wal", ".sha256"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            shutil.copyfile(source, to.with_name(to.name + suffix))


@pytest.mark.slow
def test_cut_off_at_any_write_nothing_is_lost_doubled_or_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.sqlite"
    steps: list[str] = []
    stored: list[int] = []
    told = 0

    def snapshot(step: str) -> None:
        nonlocal told
        copied(path, tmp_path / f"cut{len(steps)}.sqlite")
        stored.append(told)
        steps.append(step)
        if step == "rows:done":
            told += 2

    monkeypatch.setattr(module, "fault_point", snapshot)
    fill(path)
    monkeypatch.undo()
    expected = sha(path)
    assert {"open", "tables", "plan:commit", "rows:insert", "rows:commit", "rows:done"} <= set(
        steps
    )
    assert {"checkpoint", "seal"} <= set(steps)
    for number, (step, count) in enumerate(zip(steps, stored, strict=True)):
        cut = tmp_path / f"cut{number}.sqlite"
        if cut.exists() and count:
            with Store.read(cut) as store:
                assert sum(store.counts().values()) >= count, f"lost at {step}"
        fill(cut, resume=True)
        assert sha(cut) == expected, f"another result after a cut at {step}"


@pytest.mark.parametrize("number", [0, 1, 3, 6, 9, 12, -1])
def test_a_full_disk_at_any_write_is_told_and_the_sweep_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(module, "fault_point", steps.append)
    fill(tmp_path / "whole.sqlite")
    expected, total, seen = sha(tmp_path / "whole.sqlite"), len(steps), 0

    def full(step: str) -> None:
        nonlocal seen
        seen += 1
        if seen == number % total + 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "fault_point", full)
    path = tmp_path / "s.sqlite"
    with pytest.raises(DiskError, match="No space left") as told:
        fill(path)
    assert told.value.exit_code == 5
    monkeypatch.undo()
    fill(path, resume=True)
    assert sha(path) == expected


@pytest.mark.slow
def test_any_flipped_bit_is_found_and_its_run_named(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    fill(path)
    whole = path.read_bytes()
    named = missed = 0
    for offset in range(0, len(whole), 97):
        damaged = bytearray(whole)
        damaged[offset] ^= 1 << (offset % 8)
        path.write_bytes(bytes(damaged))
        try:
            with Store.read(path) as store:
                found = store.verify()
        except StoreError:
            continue  # the header or the plan itself: nothing can be read from it
        missed += not found
        named += any(damage.key for damage in found)
    assert missed == 0
    assert named > 0


def test_a_flipped_bit_in_a_rows_content_names_that_run_without_the_files_hash(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.sqlite"
    fill(path)
    path.with_name(path.name + ".sha256").unlink()
    with Store.read(path) as store:
        key, run, _ = list(store.plan.runs())[5]
        row = store.get(key)
    assert row is not None
    whole = path.read_bytes()
    text = repr(row.summary["y"]).encode()
    place = whole.index(b'{"y":' + text) + 6
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with Store.read(path) as store:
        found = [(damage.draw, damage.arm) for damage in store.verify() if damage.key]
    assert found == [(run.draw, DESIGN.arms[run.arm])]


def test_a_second_coordinator_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    fill(path)
    with Store.read(path) as store:
        plan = store.plan
    with Store.resume(path, plan):
        with pytest.raises(ScenarioError, match=r"another sweep is writing.*process \d+ on"):
            fill(path, resume=True)
        # Somebody who only looks is welcome.
        with Store.read(path) as reader:
            assert reader.counts() == {"ok": 12}
    fill(path, resume=True)
    assert not path.with_name(path.name + ".lock").exists()


def test_an_existing_store_another_design_and_another_part_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    fill(path)
    with pytest.raises(ScenarioError, match="the store exists"):
        fill(path)
    other = Design(arms=("one", "two"), factors=(Factor("a"),), sampler=Sampler("random", 7, 3))
    with pytest.raises(ScenarioError, match="the design changed"):
        sweep(other, path, models.line, resume=True)
    with pytest.raises(ScenarioError, match="another part"):
        sweep(DESIGN, path, models.line, resume=True, shard=(1, 2))


def test_a_run_is_never_stored_twice(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    fill(path)
    with Store.read(path) as store:
        plan = store.plan
        row = store.get(next(iter(plan.runs()))[0])
    assert row is not None
    with Store.resume(path, plan) as opened, pytest.raises(StoreError, match="stored twice"):
        opened.add([row])
    assert sha(path)


def test_a_reader_sees_whole_rows_while_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    fill(path)
    raw = sqlite3.connect(path)
    raw.execute("BEGIN IMMEDIATE")
    raw.execute("DELETE FROM runs")
    with Store.read(path) as store:
        assert store.counts() == {"ok": 12}
    raw.rollback()
    raw.close()
    assert multiprocessing.active_children() == []
