"""How the `payshift` command talks: messages, tables, JSON, progress, shared options, exit codes.

Knows terminals and the shape of an error; must not know scenarios, runs or any one command. Data
goes to standard output, progress and messages to standard error.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.errors import DiskError, PayshiftError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "INTERRUPTED",
    "NAME",
    "Format",
    "JsonOption",
    "Lang",
    "LangOption",
    "WorkersOption",
    "narrow_table",
    "number",
    "plain",
    "progress",
    "rows_of",
    "say",
    "signed",
    "table",
    "told",
    "told_of_disk",
    "words",
    "wrapped",
    "write",
    "write_json",
]

NAME = "payshift"
"""The command's name, with which every message of an error begins."""

INTERRUPTED = 130
"""Exit code of a command that was interrupted."""

_WIDE = 200
_NARROW = 100


class Lang(StrEnum):
    """Language of labels and reports."""

    EN = "en"
    ZH = "zh"


class Format(StrEnum):
    """File formats of exported tables."""

    CSV = "csv"
    PARQUET = "parquet"


JsonOption = Annotated[bool, typer.Option("--json", help="JSON for machines, on standard output.")]
LangOption = Annotated[Lang, typer.Option("--lang", help="Language of labels and reports.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", help="Processes; all cores by default.", min=1)
]


def say(text: str) -> None:
    """Tell the user something that is not data."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def write(text: str) -> None:
    """Give data, with a line end."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def plain(value: Any) -> Any:
    """Make values JSON can hold: no NaN, plain numbers."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        value = item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value


def write_json(value: Any) -> None:
    """Give data as JSON."""
    write(json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False))


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give a table as a list of rows for JSON."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: Sequence[int] = (),
    caption: str = "",
) -> None:
    """Lay a table out on standard output; a row without cells is a rule."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    page = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for index, name in enumerate(columns):
        page.add_column(name, justify="right" if index in numbers else "left", overflow="fold")
    for row in rows:
        if not row:
            page.add_section()
            continue
        page.add_row(*(Text(cell) for cell in row))
    if sys.stdout.isatty():
        Console(file=sys.stdout).print(page)
    else:
        console = Console(file=io.StringIO(), width=_WIDE)
        with console.capture() as laid_out:
            console.print(page)
        write("\n".join(line.rstrip() for line in laid_out.get().splitlines()))
    if caption:
        write(caption)


@contextlib.contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show progress on standard error, if somebody is watching."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} months"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    ) as bar:
        task = bar.add_task(label, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield show


def number(value: float, digits: int) -> str:
    """Write a number with a true minus sign; a missing one is a dash."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0.0:
        text = text.removeprefix("-")
    return text.replace("-", "−")


def signed(value: float, digits: int) -> str:
    """Write a difference with its sign; zero has none."""
    text = number(value, digits)
    is_zero = not any(digit in "123456789" for digit in text)
    return text if is_zero or text.startswith("−") else "+" + text


def words(text: str) -> list[str]:
    """Take the words of a list with commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def wrapped(text: str, bullet: str = "") -> str:
    """Break a sentence into lines of the narrow width, Chinese between any two letters."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), width=_NARROW - len(bullet))
    lines = [line.plain.rstrip() for line in Text(text).wrap(console, _NARROW - len(bullet))]
    return "\n".join(
        (bullet if i == 0 else " " * len(bullet)) + line for i, line in enumerate(lines)
    )


def narrow_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[tuple[str, str]]],
    numbers: Sequence[int] = (),
) -> None:
    """Lay out cells with styles in 100 columns, or the terminal's; an empty row is a rule."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    page = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for index, name in enumerate(columns):
        page.add_column(name, justify="right" if index in numbers else "left", overflow="fold")
    for row in rows:
        if row:
            page.add_row(*(Text(cell, style=style) for cell, style in row))
        else:
            page.add_section()
    if sys.stdout.isatty():
        Console(file=sys.stdout).print(page)
        return
    console = Console(file=io.StringIO(), width=_NARROW)
    with console.capture() as laid_out:
        console.print(page)
    write("\n".join(line.rstrip() for line in laid_out.get().splitlines()))


def told(error: PayshiftError) -> int:
    """Tell an error and those found with it, a line each, and give the exit code."""
    for each in error.all:
        say(f"{NAME}: {each.message}")
    return error.exit_code


def told_of_disk(error: OSError) -> int:
    """Tell trouble with a file or a disk and give the exit code."""
    if isinstance(error, BrokenPipeError) or error.errno == errno.EPIPE:
        # The reader has seen enough, as in `payshift list outcomes | head`.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    where = error.filename or "disk"
    say(f"{NAME}: {where}: {error.strerror or error}")
    return DiskError.exit_code
