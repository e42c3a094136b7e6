"""What it costs to spread a study over two workers: time against ideal, by processes and by Dask.

    python -m tests.bench.dispatch [--draws N] [--people N]

Lives the first part of the county study (``experiments/designs/county-sobol.yaml``: eleven
factors, sampled for shares of variance) twice: by two processes, and by a Dask cluster of two
workers that is started here. Prints, for each, the time on the clock, the time spent inside runs,
and their ratio:

    overhead = clock x workers / time inside runs

It is 1 where both workers do nothing but runs from the first instant to the last. What a sweep pays
once, however long it is (starting processes, loading compiled rules), is in it: the shorter the
part, the larger the ratio, and when the first results came is said beside it. Both ways must give
one result, to the last bit. On a machine that others use, runs wait with everything else, so that
the ratio means about the same there; the times do not.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.sweep.cluster import local_cluster
from experiments.sweep.executors import Tally, sweep
from experiments.sweep.files import Sweep, read_sweep
from experiments.sweep.store import Store
from sim.errors import RunError

__all__ = ["Dispatch", "measured", "part_of_the_county_study", "two_workers"]

WORKERS = 2
PROMISED = 1.25


@dataclass(frozen=True)
class Dispatch:
    """What one executor took.

    Attributes
    ----------
    executor : str
    runs : int
    wall : float
        Seconds on the clock from the call to its return.
    first : float
        Seconds until the first results were stored; what a sweep pays once lies in them.
    inside : float
        Seconds spent inside runs, summed.
    sha256 : str
        Hash of the results.
    """

    executor: str
    runs: int
    wall: float
    first: float
    inside: float
    sha256: str

    @property
    def overhead(self) -> float:
        """Give clock x workers / time inside runs, from the call to its return."""
        return self.wall * WORKERS / self.inside

    def told(self) -> str:
        """Say it in one line."""
        return (
            f"{self.executor}: {self.runs:,} runs in {self.wall:.1f} s, {self.inside:.1f} s inside "
            f"runs, first results after {self.first:.1f} s: overhead {self.overhead:.3f}"
        )


def part_of_the_county_study(draws: int, people: int) -> Sweep:
    """Give the county study with fewer base draws (a power of two) and as many people as wanted.

    Eleven factors make thirteen runs of a base draw: 256 base draws are the whole study.
    """
    import experiments

    library = Path(str(experiments.__file__)).parent / "designs" / "county-sobol.yaml"
    whole = library.read_text(encoding="utf-8")
    part = whole.replace("n: 256", f"n: {draws}").replace(
        "population: 300", f"population: {people}"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "county.yaml"
        path.write_text(part, encoding="utf-8")
        return read_sweep(str(path))


@contextlib.contextmanager
def two_workers() -> Iterator[str]:
    """Start a Dask cluster of two worker processes here; give its scheduler's address."""
    from sim.runner import hidden_main

    with hidden_main(), local_cluster(WORKERS) as cluster:
        yield cluster.scheduler_address


def measured(study: Sweep, executor: str, store: Path, scheduler: str | None = None) -> Dispatch:
    """Live a study into a store and measure what dispatch took.

    Raises
    ------
    RunError
        If a run gave no outcomes: the time of such a run says nothing.
    """
    started = time.perf_counter()
    first: list[float] = []

    def progress(tally: Tally) -> None:
        if tally.done and not first:
            first.append(time.perf_counter() - started)

    tally = sweep(
        study.design,
        store,
        study.model,
        executor,
        WORKERS,
        scheduler=scheduler,
        progress=progress,
    )
    wall = time.perf_counter() - started
    if tally.failed:
        raise RunError(
            f"{tally.failed} runs gave no outcomes",
            where=executor,
            value=tally.failures[-1].reason if tally.failures else None,
        )
    with Store.read(store) as opened:
        rows = [row for key, _, _ in opened.plan.runs() if (row := opened.get(key)) is not None]
        sha = opened.result_sha256()
    seconds = [row.seconds for row in rows]
    return Dispatch(executor, len(rows), wall, first[0], sum(seconds), sha)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both ways, print, and end with 1 where results differ or a promise is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dispatch", description=__doc__)
    parser.add_argument("--draws", type=int, default=16, help="base draws, a power of two")
    parser.add_argument("--people", type=int, default=300, help="people of each run")
    given = parser.parse_args(arguments)
    study = part_of_the_county_study(given.draws, given.people)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"{len(study.design.points()):,} runs of {given.people:,} people, {WORKERS} workers",
        flush=True,
    )
    found = []
    with tempfile.TemporaryDirectory() as folder:
        found.append(measured(study, "process", Path(folder) / "process.sqlite"))
        print(found[-1].told(), flush=True)
        with two_workers() as address:
            found.append(measured(study, "dask", Path(folder) / "dask.sqlite", address))
        print(found[-1].told(), flush=True)
    is_same = len({one.sha256 for one in found}) == 1
    is_kept = all(one.overhead <= PROMISED for one in found)
    print(f"results: {'the same to the last bit' if is_same else 'DIFFERENT'}")
    print(f"promised: at most {PROMISED}, {'kept' if is_kept else 'missed'}")
    return 0 if is_same and is_kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
