"""Real kills of a sweep's coordinator and workers: nothing lost, doubled, torn or orphaned.

    python -m tests.bench.kills [--rounds N] [--dask-rounds N]

Each round starts a sweep with two workers, by processes or by a Dask cluster of its own, kills one
of its processes with SIGKILL at a random instant, looks for processes left behind, checks that
every run that was announced is in the store, and goes on with ``--resume`` until the sweep is
complete. Killed are coordinators, the processes that do runs, and the Dask workers that hold them.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.executors import Tally, sweep
from experiments.sweep.store import Store
from tests.experiments.sweep import models

ROOT = Path(__file__).resolve().parents[2]
_COORDINATE = (
    "import sys; from tests.bench.kills import coordinate; "
    "coordinate(sys.argv[1], sys.argv[2], int(sys.argv[3]))"
)
_MARK = "PAYSHIFT_BENCH_KILLS"
_LEFT_SECONDS = 10.0
_KINDS = ("coordinators", "dask_workers", "workers")
WRONGS = ("lost", "duplicated", "torn", "orphans", "differs", "gave_up")


@dataclass(frozen=True)
class Way:
    """A way to execute: how many draws are long enough for it, and when it is struck."""

    executor: str
    draws: int
    latest: float


# Dask needs seconds to start its workers; kills while it does so are wanted too.
WAYS = {"process": Way("process", 60, 2.0), "dask": Way("dask", 600, 9.0)}


def _design(draws: int) -> Design:
    return Design(arms=("one", "two"), factors=(Factor("a"),), sampler=Sampler("random", draws, 5))


def coordinate(path: str, executor: str, draws: int) -> None:
    """Fill the store and announce after every commit how many runs are in it."""

    def tell(tally: Tally) -> None:
        print(tally.found + tally.done, flush=True)

    is_there = Path(path).exists()
    sweep(_design(draws), path, models.slow, executor, 2, resume=is_there, progress=tell)


def _marked(mark: str) -> dict[int, str]:
    """List every process that was started below a coordinator, wherever it hangs now."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        # a process that has ended and is not yet waited for has no words
        if words and f"{_MARK}={mark}".encode() in environment.split(b"\0"):
            found[int(entry.name)] = words
    return found


def _by_kind(mark: str, coordinator: int) -> dict[str, list[int]]:
    """Sort the processes of a sweep by what they do; those that only serve Python are left out."""
    found: dict[str, list[int]] = {kind: [] for kind in _KINDS}
    for pid, words in _marked(mark).items():
        if pid == coordinator:
            found["coordinators"].append(pid)
        elif "sweep.worker import serve" in words:
            found["workers"].append(pid)
        elif "spawn_main" in words:
            found["dask_workers"].append(pid)
    return found


def _left_behind(mark: str) -> int:
    """Count the processes that are still there some seconds after their coordinator."""
    deadline = time.monotonic() + _LEFT_SECONDS
    while _marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = _marked(mark)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return len(left)


def kill_rounds(rounds: int, executor: str = "process", seed: int = 7) -> dict[str, int]:
    """Kill at random instants and count what must not be.

    Returns
    -------
    dict of str to int
        Kills of each kind; runs lost, duplicated and torn; processes orphaned; sweeps completed,
        and those among them with another result; sweeps that a killed worker ended.
    """
    chance = random.Random(seed)
    way = WAYS[executor]
    counts = dict.fromkeys((*_KINDS, "completed", *WRONGS), 0)
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference.sqlite"
        sweep(_design(way.draws), reference, models.slow)
        with Store.read(reference) as store:
            expected = store.result_sha256()
        path, number, killed = Path(folder) / "0.sqlite", 0, 0
        while killed < rounds:
            mark = uuid.uuid4().hex
            errors = (Path(folder) / "errors.txt").open("w+", encoding="utf-8")
            process = subprocess.Popen(
                [sys.executable, "-c", _COORDINATE, str(path), way.executor, str(way.draws)],
                cwd=ROOT,
                env={**os.environ, _MARK: mark},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(chance.uniform(0.0, way.latest))
            there = {kind: pids for kind, pids in _by_kind(mark, process.pid).items() if pids}
            struck = chance.choice(sorted(there)) if there and process.poll() is None else ""
            if struck:
                os.kill(chance.choice(there[struck]), signal.SIGKILL)
                counts[struck] += 1
                killed += 1
            rest = process.communicate(timeout=180)[0]
            # A worker's death is the crew's or the cluster's to bear: the sweep goes on.
            if struck != "coordinators" and process.returncode != 0:
                counts["gave_up"] += 1
                errors.seek(0)
                print(f"{executor}: {struck or 'nothing'} killed, the sweep gave up:", flush=True)
                print("".join(errors.readlines()[-12:]), flush=True)
            errors.close()
            counts["orphans"] += _left_behind(mark)
            told = [int(line) for line in (first + rest).split("\n") if line.strip()]
            with Store.read(path) as store:
                counts["lost"] += max(0, max(told, default=0) - sum(store.counts().values()))
                damages = store.verify()
                counts["torn"] += sum("damaged" in damage.what for damage in damages)
                counts["duplicated"] += sum("planned" in damage.what for damage in damages)
                if not damages:
                    counts["differs"] += store.result_sha256() != expected
                    counts["completed"] += 1
                    number += 1
                    path = Path(folder) / f"{number}.sqlite"
    return counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the counts; end with 1 where any is not what it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kills", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="kills of sweeps by processes")
    parser.add_argument("--dask-rounds", type=int, default=15, help="kills of sweeps by Dask")
    given = parser.parse_args(arguments)
    is_whole = True
    for executor, rounds in (("process", given.rounds), ("dask", given.dask_rounds)):
        counts = kill_rounds(rounds, executor)
        told = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items())
        print(f"{executor}: killed {told}", flush=True)
        is_whole = is_whole and not any(counts[name] for name in WRONGS)
    return 0 if is_whole else 1


if __name__ == "__main__":
    raise SystemExit(main())
