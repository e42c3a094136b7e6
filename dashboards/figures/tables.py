"""Tables: what is read from one that will not change is read once and kept while it lives.

Knows which tables are promised not to change. Must not know what tables hold.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["fixed", "once"]

Read = TypeVar("Read")

# By the table's number, since tables have no hash; an entry goes with its table.
_fixed: dict[int, tuple[weakref.ref[pd.DataFrame], dict[Any, Any]]] = {}


def fixed(table: pd.DataFrame) -> pd.DataFrame:
    """Promise that a table stays as it is: what `once` reads from it is kept from here on."""
    number = id(table)
    _fixed[number] = (weakref.ref(table, lambda _: _fixed.pop(number, None)), {})
    return table


def once(read: Callable[[pd.DataFrame], Read]) -> Callable[[pd.DataFrame], Read]:
    """Let a function of a table run once for each `fixed` table; any other is read each time.

    What it returns is shared by all who ask and must not be changed.

    Examples
    --------
    >>> read = once(lambda table: list(table["value"]))
    >>> import pandas as pd
    >>> loose = pd.DataFrame({"value": [1, 2]})
    >>> kept = fixed(loose.copy())
    >>> read(kept) is read(kept), read(loose) is read(loose)
    (True, False)
    """

    @wraps(read)
    def found(table: pd.DataFrame) -> Read:
        entry = _fixed.get(id(table))
        if entry is None or entry[0]() is not table:
            return read(table)
        kept = entry[1]
        if read not in kept:
            kept[read] = read(table)
        made: Read = kept[read]
        return made

    return found
