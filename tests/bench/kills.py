"""Real kills of a sweep's coordinator and workers: nothing lost, doubled, torn or orphaned.

    python -m tests.bench.kills [ROUNDS]

Each round starts a sweep in two processes, kills the coordinator or a worker with SIGKILL at a
random instant, looks for processes left behind, checks that every run that was announced is in the
store, and goes on with ``--resume`` until the sweep is complete.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.executors import Tally, sweep
from experiments.sweep.store import Store
from tests.experiments.sweep import models

ROOT = Path(__file__).resolve().parents[2]
DESIGN = Design(
    arms=("one", "two"), factors=(Factor("a"),), sampler=Sampler("random", 60, 5), replicates=1
)
_COORDINATE = (
    "import sys; from tests.bench.kills import coordinate; coordinate(sys.argv[1], sys.argv[2])"
)


def coordinate(path: str, executor: str) -> None:
    """Fill the store and announce after every commit how many runs are in it."""

    def tell(tally: Tally) -> None:
        print(tally.found + tally.done, flush=True)

    is_there = Path(path).exists()
    sweep(DESIGN, path, models.slow, executor, 2, resume=is_there, progress=tell)


def _workers(coordinator: int) -> list[int]:
    """List the processes that serve a coordinator."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if "sweep.worker import serve" in words and words.rstrip("\0").endswith(
                f"\0{coordinator}"
            ):
                found.append(int(entry.name))
    return found


def kill_rounds(rounds: int, executor: str = "process", seed: int = 7) -> dict[str, int]:
    """Kill at random instants and count what must not be.

    Returns
    -------
    dict of str to int
        kills of each kind, and runs lost, duplicated, torn, and processes orphaned.
    """
    chance = random.Random(seed)
    counts = dict.fromkeys(
        ("coordinators", "workers", "lost", "duplicated", "torn", "orphans", "differs"), 0
    )
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference.sqlite"
        sweep(DESIGN, reference, models.slow)
        with Store.read(reference) as store:
            expected = store.result_sha256()
        path, number, killed = Path(folder) / "0.sqlite", 0, 0
        while killed < rounds:
            process = subprocess.Popen(
                [sys.executable, "-c", _COORDINATE, str(path), executor],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(chance.uniform(0.0, 2.0))
            workers = _workers(process.pid)
            is_worker = bool(workers) and chance.random() < 0.4 and process.poll() is None
            if is_worker:
                os.kill(chance.choice(workers), signal.SIGKILL)
                counts["workers"] += 1
                killed += 1
                rest = process.communicate(timeout=120)[0]
            else:
                if process.poll() is None:
                    process.kill()
                    counts["coordinators"] += 1
                    killed += 1
                rest = process.communicate(timeout=120)[0]
            deadline = time.monotonic() + 5.0
            while _workers(process.pid) and time.monotonic() < deadline:
                time.sleep(0.05)
            counts["orphans"] += len(_workers(process.pid))
            told = [int(line) for line in (first + rest).split("\n") if line.strip()]
            with Store.read(path) as store:
                counts["lost"] += max(0, max(told, default=0) - sum(store.counts().values()))
                damages = store.verify()
                counts["torn"] += sum("damaged" in damage.what for damage in damages)
                counts["duplicated"] += sum("planned" in damage.what for damage in damages)
                if not damages:
                    counts["differs"] += store.result_sha256() != expected
                    number += 1
                    path = Path(folder) / f"{number}.sqlite"
    return counts


def main() -> None:
    """Print the counts."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    counts = kill_rounds(rounds)
    print(", ".join(f"{value} {name}" for name, value in counts.items()))
    if any(counts[name] for name in ("lost", "duplicated", "torn", "orphans", "differs")):
        sys.exit(1)


if __name__ == "__main__":
    main()
