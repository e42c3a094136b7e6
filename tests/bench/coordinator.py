"""Whether the memory of a sweep's coordinator grows with the number of its runs.

    python -m tests.bench.coordinator

Sweeps a model that takes no time, 1,000 and 20,000 runs, each in a process of its own, by processes
and by Dask, and prints the largest memory the coordinator held and how long it took. Results are
on the disk as they come, so that the memory should be that of the library it has loaded.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.executors import sweep
from experiments.sweep.worker import peak_mb
from tests.experiments.sweep import models

__all__ = ["FEW", "FLAT", "MANY", "Peak", "peak"]

ROOT = Path(__file__).resolve().parents[2]
FEW, MANY = 1_000, 20_000
FLAT = 1.1
_COORDINATE = (
    "import sys; from tests.bench.coordinator import coordinate; "
    "coordinate(sys.argv[1], sys.argv[2], int(sys.argv[3]))"
)


@dataclass(frozen=True)
class Peak:
    """What a coordinator took.

    Attributes
    ----------
    runs : int
    mb : float
        The largest memory it held.
    seconds : float
        From the call to its return.
    """

    runs: int
    mb: float
    seconds: float


def coordinate(path: str, executor: str, runs: int) -> None:
    """Sweep and print the largest memory of this process."""
    design = Design(
        arms=("one", "two"), factors=(Factor("a"),), sampler=Sampler("random", runs // 2, 5)
    )
    started = time.perf_counter()
    tally = sweep(design, path, models.line, executor, 2)
    print(json.dumps([tally.done, peak_mb(), time.perf_counter() - started]))


def peak(runs: int, executor: str) -> Peak:
    """Give the largest memory of a coordinator of so many runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "s.sqlite")
        told = subprocess.run(
            [sys.executable, "-c", _COORDINATE, path, executor, str(runs)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    return Peak(*json.loads(told.stdout.splitlines()[-1]))


def main() -> int:
    """Print both sizes for both executors; end with 1 where memory grew by more than a tenth."""
    is_flat = True
    for executor in ("process", "dask"):
        few, many = peak(FEW, executor), peak(MANY, executor)
        for one in (few, many):
            print(
                f"{executor}: {one.runs:,} runs, {one.mb:.0f} MB, {one.seconds:.1f} s", flush=True
            )
        is_flat = is_flat and many.mb <= FLAT * few.mb
    print("flat" if is_flat else f"grown by more than {FLAT - 1.0:.0%}")
    return 0 if is_flat else 1


if __name__ == "__main__":
    raise SystemExit(main())
