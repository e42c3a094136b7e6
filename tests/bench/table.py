"""What was promised beside what was reached: a table from the record, measuring nothing.

Knows the promises and where in the record each figure stands; must not know how it was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["LINES", "Line", "markdown", "told"]

Record = Mapping[str, Any]


class Line(NamedTuple):
    """One promise, or a figure without one.

    Attributes
    ----------
    what : str
    section : str
        Of the record.
    figure : function of the section to a number
    aim : float or None
        None for a figure that nothing was promised of.
    is_least : bool
        Whether the aim is the least, not the most.
    unit : str
    """

    what: str
    section: str
    figure: Callable[[Record], float]
    aim: float | None
    is_least: bool = False
    unit: str = " x"


def _tool(name: str) -> Callable[[Record], float]:
    return lambda found: next(t["ratio"] for t in found["tools"] if t["tool"] == name)


def _of(*steps: str) -> Callable[[Record], float]:
    def read(found: Record) -> float:
        value: Any = found
        for step in steps:
            value = value[step]
        return float(value)

    return read


LINES = (
    Line("agents over columns, 10,000 people", "engines", _of("10000", "ratio"), None),
    Line("agents over columns, 100,000 people", "engines", _of("100000", "ratio"), 100.0, True),
    Line("agents over columns, 1,000,000 people", "million", _of("ratio"), 150.0, True),
    Line("reference month: Mesa, shuffle_do", "peers", _tool("mesa, shuffle_do"), 100.0, True),
    Line(
        "reference month: mesa-frames as meant", "peers", _tool("mesa-frames, as meant"), 20.0, True
    ),
    Line(
        "reference month: mesa-frames, NumPy inside",
        "peers",
        _tool("mesa-frames, numpy inside"),
        5.0,
        True,
    ),
    Line("reference month: Starsim", "peers", _tool("starsim"), 3.0, True),
    Line("reference month: NumPy", "peers", _tool("numpy"), 3.0, True),
    Line(
        "payment outside the loops over inside, reference month",
        "payment",
        _of("reference_month_ratio"),
        1.25,
    ),
    Line("the same on the full model, at most", "payment", _of("full_model_at_most"), 1.25),
    Line(
        "time a person and month, 10,000,000 over 10,000",
        "growth",
        _of("largest_over_smallest"),
        1.3,
    ),
    Line(
        "peak memory a person, with a month of claims",
        "memory",
        _of("peak_bytes_per_person_with_claims"),
        150.0,
        unit=" bytes",
    ),
    Line("the same, claims not kept", "memory", _of("peak_bytes_per_person"), None, unit=" bytes"),
    Line(
        "organizations, 64 providers under a nested contract",
        "organizations",
        _of("ms"),
        2.0,
        unit=" ms a month",
    ),
    Line(
        "their share of a month at 100,000 people",
        "organizations",
        lambda found: 100.0 * found["at_100000"]["levers_share"],
        15.0,
        unit=" %",
    ),
    Line(
        "all of a month but people, 100,000 people",
        "organizations",
        lambda found: 100.0 * found["at_100000"]["all_but_people_share"],
        None,
        unit=" %",
    ),
    Line(
        "Sobol sweep: Mesa batch_run with agents over ours",
        "sweep",
        _of("mesa_over_payshift"),
        40.0,
        True,
    ),
    Line("the same, processor time of a run", "sweep", _of("processor_of_a_run"), None),
    Line(
        "dispatch over ideal, 3,584 runs: processes",
        "sweep",
        _of("payshift", "whole_overhead"),
        1.25,
    ),
    Line("dispatch over ideal, 3,584 runs: Dask", "sweep", _of("dask", "whole_overhead"), 1.25),
    Line(
        "the first 448 alone, starting in it: processes", "sweep", _of("payshift", "overhead"), None
    ),
    Line("the first 448 alone, starting in it: Dask", "sweep", _of("dask", "overhead"), None),
    Line("the first 112: EMA workbench", "sweep", _of("ema", "overhead"), None),
    Line("the first 14: Mesa batch_run", "sweep", _of("mesa", "overhead"), None),
    Line(
        "first results of a sweep after: processes",
        "sweep",
        _of("payshift", "first_s"),
        None,
        unit=" s",
    ),
    Line("first results of a sweep after: Dask", "sweep", _of("dask", "first_s"), None, unit=" s"),
    Line("payshift run tiny, compiled before", "start", _of("run_tiny_warm_s"), 2.5, unit=" s"),
    Line("the same, processor", "start", _of("run_tiny_warm_processor_s"), None, unit=" s"),
    Line("payshift run tiny, nothing compiled", "cold", _of("run_tiny_cold_s"), None, unit=" s"),
    Line("a sweep's worker: import", "start", _of("worker_import_s"), None, unit=" s"),
    Line(
        "a sweep's worker: model and compiled rules",
        "start",
        _of("worker_model_s"),
        None,
        unit=" s",
    ),
    Line("a province, 1 worker over 2, processes", "province", _of("process", "speed_up"), None),
    Line("a province, 1 worker over 2, Dask", "province", _of("dask", "speed_up"), None),
    Line("100,000 people, 60 months, processor", "long_run", _of("cpu_s"), None, unit=" s"),
)


def _rows(record: Record) -> list[tuple[str, str, str, str, str]]:
    """Give what, aim, reached, verdict and when of every line."""
    rows = []
    for line in LINES:
        aim = "" if line.aim is None else f"{'≥' if line.is_least else '≤'} {line.aim:g}{line.unit}"
        found = record.get(line.section)
        if found is None:
            rows.append((line.what, aim, "not measured", "", ""))
            continue
        try:
            value = line.figure(found)
        except KeyError:
            rows.append((line.what, aim, "not measured", "", ""))
            continue
        digits = 0 if value >= 100.0 else 1 if value >= 10.0 else 2
        verdict = ""
        if line.aim is not None:
            is_met = value >= line.aim if line.is_least else value <= line.aim
            verdict = "met" if is_met else "missed"
        about = found["about"]
        when = f"{about['taken'][:16]}, load {about['load_before']:.1f}"
        rows.append((line.what, aim, f"{value:,.{digits}f}{line.unit}", verdict, when))
    return rows


def told(record: Record) -> str:
    """Lay the table out for a terminal."""
    head = ("", "aim", "reached", "", "taken")
    rows = [head, *_rows(record)]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [
        "  ".join(
            cell.rjust(width) if 0 < i < 3 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    machines = sorted(
        {
            f"{s['about']['processor']}, {s['about']['cores']} cores, Python {s['about']['python']}"
            for s in record.values()
        }
    )
    return "\n".join([*lines, *machines])


def markdown(record: Record) -> str:
    """Write the table as a page has it."""
    lines = ["| ratio or figure | aim | reached | |", "|---|---:|---:|---|"]
    for what, aim, reached, verdict, _ in _rows(record):
        lines.append(f"| {what} | {aim or '–'} | {reached} | {verdict} |")
    return "\n".join(lines)
