"""Commands of the experiments: sweeps and their stores.

Knows the words a user types; must not know how a sweep is executed or stored. Everything but the
terminal is imported inside the commands, so that help appears at once.
"""

from __future__ import annotations

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands of the experiments to `payshift`."""
    del app
