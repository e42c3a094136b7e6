"""Errors a reader of payment reform can act on: where, what was found, what is allowed, what to do.

Knows the shape of a message and the exit code that belongs to it; must not know scenario files,
contracts, ledgers or the command line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

__all__ = [
    "DiskError",
    "LedgerError",
    "PaymentError",
    "PayshiftError",
    "RunError",
    "ScenarioError",
    "StoreError",
]

_ABSENT = object()
_LONGEST_VALUE = 80


def _shown(value: object) -> str:
    """Show a faulty value on one line, cut to a length that leaves the message readable."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def _rebuild(
    kind: type[PayshiftError],
    message: str,
    where: str,
    value: object,
    has_value: bool,
    allowed: str,
    remedy: str,
    also: tuple[PayshiftError, ...],
) -> PayshiftError:
    """Rebuild an error in another process; keyword arguments do not survive pickling alone."""
    if has_value:
        return kind(message, where=where, value=value, allowed=allowed, remedy=remedy, also=also)
    return kind(message, where=where, allowed=allowed, remedy=remedy, also=also)


class PayshiftError(Exception):
    """One mistake, told in one line: where it is, what it is, what is allowed, how to mend it.

    Parameters
    ----------
    message : str
        What is wrong, in plain words and without the place or the value.
    where : str
        File, line, column and field path, or the name of the object at fault.
    value : object
        What was found. Leave it out when there is nothing to show.
    allowed : str
        What would have been accepted, with its unit.
    remedy : str
        What the reader can do about it.
    also : sequence of PayshiftError
        Further errors found in the same reading, this one not included.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str = "",
        *,
        where: str = "",
        value: object = _ABSENT,
        allowed: object = "",
        remedy: str = "",
        also: tuple[PayshiftError, ...] = (),
    ) -> None:
        self.what = message
        self.where = where
        self.has_value = value is not _ABSENT
        self.value: object = value if self.has_value else None
        self.allowed = str(allowed)
        self.remedy = remedy
        self.also = tuple(also)
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """Give the whole message on one line."""
        what = self.what or ("not accepted" if self.has_value else "error")
        text = f"{self.where}: {what}" if self.where else what
        if self.has_value:
            text += f", found {_shown(self.value)}"
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.remedy:
            text += f". {self.remedy}"
        return " ".join(text.split())

    @property
    def all(self) -> tuple[PayshiftError, ...]:
        """Give this error and those found with it, in order of reading."""
        return (self, *self.also)

    def __str__(self) -> str:
        """Give the message."""
        return self.message

    def __reduce__(self) -> tuple[Callable[..., PayshiftError], tuple[object, ...]]:
        """Keep the fields when the error crosses from a worker process."""
        return _rebuild, (
            type(self),
            self.what,
            self.where,
            self.value,
            self.has_value,
            self.allowed,
            self.remedy,
            self.also,
        )


class ScenarioError(PayshiftError):
    """A scenario, region or design file, or a setting given on the command line, is not usable."""

    exit_code: ClassVar[int] = 2


class PaymentError(PayshiftError):
    """A contract is not one that a payer could sign: unknown model, missing term, wrong range."""

    exit_code: ClassVar[int] = 2


class LedgerError(PayshiftError):
    """Money would appear, vanish or be rounded twice."""

    exit_code: ClassVar[int] = 1


class RunError(PayshiftError):
    """A run started from good input and could not be finished."""

    exit_code: ClassVar[int] = 1


class StoreError(PayshiftError):
    """A stored result is damaged or was written by something else."""

    exit_code: ClassVar[int] = 4


class DiskError(PayshiftError):
    """The disk is full, read-only or gone."""

    exit_code: ClassVar[int] = 5
