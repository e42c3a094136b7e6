"""Time the reference month in every tool, in turn, and print what one takes over the others.

::

    python -m tests.bench.peers                  # 100,000 people, five rounds of three months
    python -m tests.bench.peers --people 10000 --rounds 3

Each peer lives in an environment of its own below ``build/peers``, made at the first call. Every
tool is one process that waits; a round asks each in turn for the same number of months, so that
what the machine does meanwhile falls on all. Times are of the processor, all threads of a tool
together. A tool whose month differs from NumPy's by chance less than once in ten thousand is told.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]

TOOLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "payshift, choice tables by zone": ("in_payshift.py", ()),
    "payshift, every choice worked out": ("in_payshift.py", ("--exact",)),
    "payshift, paid inside the loops": ("in_payshift.py", ("--fused",)),
    "numpy": ("in_numpy.py", ()),
    "starsim": ("in_starsim.py", ()),
    "mesa-frames, numpy inside": ("in_frames.py", ("--numpy",)),
    "mesa-frames, as meant": ("in_frames.py", ()),
    "mesa, do": ("in_mesa.py", ("--ordered",)),
    "mesa, shuffle_do": ("in_mesa.py", ()),
}
LEAST = {
    "mesa, shuffle_do": 100.0,
    "mesa-frames, as meant": 20.0,
    "mesa-frames, numpy inside": 5.0,
    "starsim": 3.0,
    "numpy": 3.0,
}
"""How many times the time of the first tool each other should take."""

PEERS = {"in_starsim.py": ("starsim", "starsim==3.7.2"), "in_frames.py": ("frames", "mesa-frames")}


def interpreter(script: str) -> Path:
    """Give the Python that runs a tool; make its environment where there is none."""
    if script not in PEERS:
        return Path(sys.executable)
    name, wanted = PEERS[script]
    folder = ROOT / "build" / "peers" / name
    ready = folder / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", wanted]
        subprocess.run(install, check=True)
        ready.touch()
    return folder / "bin" / "python"


class Tool:
    """One tool's process, its model built and its first month lived."""

    def __init__(self, name: str, people: int) -> None:
        script, options = TOOLS[name]
        command = [str(interpreter(script)), str(HERE / script), "--people", str(people), *options]
        self.name, self.people = name, people
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions: dict[str, str] = self._line()["ready"]
        self.ns: list[float] = []
        self.last: dict[str, Any] = {}

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return dict(json.loads(line))
        raise SystemExit(f"{self.name}: ended with {self.process.wait()}")

    def run(self, months: int) -> None:
        """Live some months and keep what a person's month took."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{months}\n")
        self.process.stdin.flush()
        self.last = self._line()
        self.ns.append(self.last["cpu"] / self.people / months * 1e9)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.write("0\n")
        self.process.stdin.flush()
        self.process.wait()


def apart(one: dict[str, Any], other: dict[str, Any], cases: float) -> list[str]:
    """Name the rates that differ by more than four standard errors of a difference."""
    found = []
    for rate in ("ill", "visits", "referrals"):
        p = 0.5 * (one[rate] + other[rate])
        error = math.sqrt(2.0 * p * (1.0 - p) / cases)
        if abs(one[rate] - other[rate]) > 4.0 * error:
            found.append(f"{rate} {one[rate]:.5f} against {other[rate]:.5f}")
    # Sums of units vary with visits; twice their relative error covers the spread of severity.
    for amount, count in (("units", "visits"), ("hospital_units", "referrals"), ("paid", "visits")):
        error = 2.0 * math.sqrt(2.0 / (one[count] * cases))
        if abs(one[amount] / other[amount] - 1.0) > 4.0 * error:
            found.append(f"{amount} {one[amount]:.5f} against {other[amount]:.5f}")
    if abs(one["health"] - other["health"]) > 4.0 * 0.2 * math.sqrt(2.0 / cases):
        found.append(f"health {one['health']:.5f} against {other['health']:.5f}")
    return found


def measured(
    names: Sequence[str], people: int, rounds: int, months: int
) -> tuple[dict[str, Any], bool]:
    """Run the rounds and print the table; tell too whether a tool differs from NumPy, or the last.

    Returns
    -------
    dict, bool
        What is to be kept, and whether two tools disagree.
    """
    tools = [Tool(name, people) for name in names]
    for _ in range(rounds):
        for tool in tools:
            tool.run(months)
    for tool in tools:
        tool.close()
    own = tools[0]
    reference = next((tool for tool in tools if tool.name == "numpy"), tools[-1])
    cases = float(people * (rounds * months + 1))
    rows, disagree = [], False
    print(f"a patient-month of {people:,} people, ns of processor (median of rounds)")
    for tool in tools:
        ratio = statistics.median(b / a for a, b in zip(own.ns, tool.ns, strict=True))
        least = LEAST.get(tool.name)
        wrong = apart(tool.last, reference.last, cases)
        disagree |= bool(wrong)
        versions = ", ".join(f"{k} {v}" for k, v in tool.versions.items())
        aim = f" (at least {least:g})" if least else ""
        print(f"{tool.name:36} {statistics.median(tool.ns):8.1f}  {ratio:7.1f} x{aim}  {versions}")
        for line in wrong:
            print(f"    differs from {reference.name}: {line}")
        rows.append(
            {
                "tool": tool.name,
                "versions": tool.versions,
                "ns": [round(ns, 2) for ns in tool.ns],
                "ratio": ratio,
                "least": least,
                "differs": wrong,
                "month": {k: v for k, v in tool.last.items() if k not in ("wall", "cpu")},
            }
        )
    return {"people": people, "rounds": rounds, "months": months, "tools": rows}, disagree


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds, print the table, keep it; exit 1 where two tools disagree."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--months", type=int, default=3, help="months of a round")
    parser.add_argument("--out", type=Path, default=HERE.parent / "peers.json")
    given = parser.parse_args(arguments)
    kept, disagree = measured(tuple(TOOLS), given.people, given.rounds, given.months)
    given.out.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return int(disagree)


if __name__ == "__main__":
    raise SystemExit(main())
