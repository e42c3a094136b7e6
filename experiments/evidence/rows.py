"""Rows of a record and the files they stand in: JSON a row a line, CSV, and back.

Knows dataclasses of plain values; must not know what a row says.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

__all__ = ["as_csv", "as_lines", "numbers", "plain", "write_files"]


def plain(row: Any, digits: int | None = None) -> dict[str, Any]:
    """Give a row as plain values, a number that is missing as None.

    Parameters
    ----------
    row : dataclass instance
    digits : int, optional
        Significant digits of numbers; all of them if left out.
    """

    def of(value: Any) -> Any:
        if not isinstance(value, float):
            return value
        if not math.isfinite(value):
            return None
        return value if digits is None else float(f"{value:.{digits}g}")

    return {name: of(value) for name, value in asdict(row).items()}


def numbers(kind: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give plain values as the fields of a dataclass, missing numbers as NaN.

    Raises
    ------
    KeyError
        If a number is not there at all.
    """
    missing = {
        one.name: math.nan
        for one in fields(kind)
        if one.type == "float" and given[one.name] is None
    }
    return {**given, **missing}


def as_lines(rows: Iterable[Any], digits: int | None = None) -> str:
    """Write rows as a JSON list, one a line, so that versions can be compared line by line."""
    lines = (json.dumps(plain(row, digits), ensure_ascii=False) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]"


def as_csv(kind: type, rows: Iterable[Any], digits: int | None = None) -> str:
    """Write rows of a dataclass as CSV; what is missing is empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = [field.name for field in fields(kind)]
    writer.writerow(names)
    for row in rows:
        values = plain(row, digits)
        writer.writerow(["" if values[name] is None else values[name] for name in names])
    return file.getvalue()


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files by name, each first under another, so that no half of one is ever read."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        part = folder / f".{name}.part"
        part.write_text(text, encoding="utf-8")
        os.replace(part, folder / name)
