"""Run the study and write its record."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from experiments.emergence.claims import CLAIMS
from experiments.emergence.record import as_data, as_text, merged
from experiments.emergence.study import study

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study and write its record; exit 1 where a required sign does not hold."""
    parser = argparse.ArgumentParser(prog="python -m experiments.emergence", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--crowd", type=int, default=16_000, help="people where effects are faint")
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="CLAIM",
        help="live only claims whose id starts so; the others keep their rows in the record",
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--journal", type=Path, help="keep what is lived in this file, to go on where it stopped"
    )
    default = Path(__file__).resolve().parents[1] / "records" / "emergence"
    parser.add_argument("--out", type=Path, default=default)
    given = parser.parse_args(arguments)
    chosen = [name for name in CLAIMS if not given.only or name.startswith(tuple(given.only))]
    if not chosen:
        parser.error(f"no claim starts with {', '.join(given.only)}")
    started = time.perf_counter()

    def show(done: int, of: int) -> None:
        passed = time.perf_counter() - started
        left = passed / done * (of - done)
        end = "\n" if done == of else "\r"
        text = f"emergence: {done} of {of} seeds lived, about {left / 60:.0f} min left   "
        sys.stderr.write(text + end)
        sys.stderr.flush()

    found = study(
        seeds=given.seeds,
        draws=given.draws,
        people=given.people,
        crowd=given.crowd,
        processes=given.processes,
        claims=chosen,
        journal=given.journal,
        progress=show,
    )
    data = as_data(found)
    kept = given.out / "record.json"
    if given.only and kept.exists():
        data = merged(json.loads(kept.read_text(encoding="utf-8")), data)
    given.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True)
    kept.write_text(text + "\n", encoding="utf-8")
    (given.out / "record.md").write_text(as_text(data), encoding="utf-8")
    missed = [c["id"] for c in data["claims"] if c["required"] and not c["holds"]]
    summary = f"{given.out / 'record.md'}: {len(data['claims'])} claims, missed: {missed or 'none'}"
    sys.stdout.write(summary + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
