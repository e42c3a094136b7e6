"""Draw how a month's time grows with people, and write the table of promises, from the record.

::

    python docs/scaling.py

Reads ``tests/bench/results.json``; writes ``docs/pictures/scaling.svg`` and the table of
``docs/engine.md``. Says nothing that is not in the record.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "tests" / "bench" / "results.json"
PICTURE = ROOT / "docs" / "pictures" / "scaling.svg"
PAGE = ROOT / "docs" / "engine.md"
BEGIN, END = "<!-- from the record: begin -->", "<!-- from the record: end -->"

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 84, 200, 52, 58
DECADES_X, DECADES_Y = (4, 7), (2, 5)
INK, PALE, PAPER = "#1f2933", "#d9dee3", "#ffffff"

Points = dict[int, float]


def lines_of(record: dict[str, Any]) -> list[tuple[str, str, Points]]:
    """Give name, color and points (people to ns a person and month) of each line."""
    growth = record["growth"]
    agents = {int(n): record["engines"][n]["agents_ns"] for n in ("10000", "100000")}
    agents[record["million"]["people"]] = record["million"]["agents_ns"]
    return [
        ("Mesa agents", "#b4531b", agents),
        ("columns, whole month", "#1f5fa8", {int(n): v for n, v in growth["month_ns"].items()}),
        (
            "columns, people's stages",
            "#5b9bd5",
            {int(n): v for n, v in growth["people_ns"].items()},
        ),
    ]


def place(people: float, ns: float) -> tuple[float, float]:
    """Give where a point lies on the picture."""
    across = (math.log10(people) - DECADES_X[0]) / (DECADES_X[1] - DECADES_X[0])
    up = (math.log10(ns) - DECADES_Y[0]) / (DECADES_Y[1] - DECADES_Y[0])
    x = LEFT + across * (WIDTH - LEFT - RIGHT)
    return x, HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)


def drawn(record: dict[str, Any]) -> str:
    """Write the picture."""
    x0, y0 = place(10 ** DECADES_X[0], 10 ** DECADES_Y[0])
    x1, y1 = place(10 ** DECADES_X[1], 10 ** DECADES_Y[1])
    about = record["growth"]["about"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13">',
        "<title>Time of a person and month by the number of people, in both engines</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        f'<text x="{LEFT}" y="24" font-size="16" font-weight="600" fill="{INK}">'
        "A person’s month costs the same from a hundred thousand to ten million</text>",
        f'<text x="{LEFT}" y="42" fill="{INK}">processor time, nanoseconds a person and month; '
        f"{about['processor']}, one core</text>",
    ]
    for decade in range(DECADES_Y[0], DECADES_Y[1] + 1):
        _, y = place(1e4, 10**decade)
        parts.append(f'<line x1="{x0}" x2="{x1}" y1="{y:.1f}" y2="{y:.1f}" stroke="{PALE}"/>')
        at = f'x="{x0 - 10}" y="{y + 4:.1f}" text-anchor="end"'
        parts.append(f'<text {at} fill="{INK}">{10**decade:,}</text>')
    for decade in range(DECADES_X[0], DECADES_X[1] + 1):
        x, _ = place(10**decade, 100)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y0}" y2="{y1}" stroke="{PALE}"/>')
        at = f'x="{x:.1f}" y="{y0 + 20}" text-anchor="middle"'
        parts.append(f'<text {at} fill="{INK}">{10**decade:,}</text>')
    middle = (x0 + x1) / 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 16}" text-anchor="middle" fill="{INK}">people</text>'
    )
    for name, color, points in lines_of(record):
        spots = [place(n, ns) for n, ns in sorted(points.items())]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2.5"/>')
        for (x, y), (_, ns) in zip(spots, sorted(points.items()), strict=True):
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>')
            below = -10 if "whole" in name else 20
            parts.append(
                f'<text x="{x:.1f}" y="{y + below:.1f}" text-anchor="middle" font-size="11" '
                f'fill="{color}">{ns:,.0f}</text>'
            )
        x, y = spots[-1]
        lift = 14 if "stages" in name else -2 if "whole" in name else 4
        parts.append(f'<text x="{x + 14:.1f}" y="{y + lift:.1f}" fill="{color}">{name}</text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def main() -> int:
    """Write the picture and the table."""
    sys.path.insert(0, str(ROOT))
    from tests.bench.table import markdown

    record = json.loads(RECORD.read_text(encoding="utf-8"))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{markdown(record)}\n\n{END}{after}", encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)}\n")
    if {"growth", "engines", "million"} <= set(record):
        PICTURE.write_text(drawn(record), encoding="utf-8")
        sys.stdout.write(f"{PICTURE.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
