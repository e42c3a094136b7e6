"""Write the reference of everything a scenario can name, from the code that defines it.

Knows the registries of the simulator; must not hold a text of its own about any of their entries.
`make docs` runs it; the result is docs/_build/reference.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sim import outcomes, scenario

_BUILD = Path(__file__).resolve().parent / "_build"


def _cell(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows as a Markdown table; a missing cell stays empty."""
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return head + "".join(
        f"| {' | '.join(_cell(row.get(column, '')) for column in columns)} |\n" for row in rows
    )


def _models(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = ("id", "label_en", "label_zh", "unit", "low", "high", "default")
    return "\n".join(
        f"### {row['id']}\n\n{row['title_en']} ({row['title_zh']}). {row['line_en']} "
        f"{row['line_zh']}\n\n{table(columns, row['terms'])}"
        for row in rows
    )


def _outcomes() -> str:
    rows = (
        {
            "id": one.id,
            "area": one.area,
            "unit": one.unit,
            "better": one.better,
            "label": f"{one.label['en']} / {one.label['zh']}",
            "definition": one.definition["en"],
        }
        for one in outcomes.registry()
    )
    return table(("id", "area", "unit", "better", "label", "definition"), rows)


def reference() -> str:
    """Give the whole reference as Markdown."""
    known = scenario.catalogue()
    named = ("id", "title_en", "title_zh")
    bounds = ("unit", "value", "low", "high", "role", "evidence", "source")
    parts = {
        "Scenarios": table((*named, "region", "population", "months"), known["scenarios"]),
        "Regions": table((*named, "residents", "providers"), known["regions"]),
        "Payment models": _models(known["models"]),
        "Outcomes": _outcomes(),
        "Parameters": table((*named, *bounds), known["parameters"]),
    }
    body = "\n".join(f"## {title}\n\n{text}" for title, text in parts.items())
    return f"# Reference\n\nWritten by `make docs` from the code.\n\n{body}"


def main() -> None:
    """Write the file."""
    _BUILD.mkdir(exist_ok=True)
    (_BUILD / "reference.md").write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
