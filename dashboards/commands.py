"""The command that opens the dashboard.

Knows the words a user types; must not know pages. Everything heavy is imported inside.
"""

from __future__ import annotations

import importlib.util
import os
from typing import Annotated

import typer

from sim.errors import DiskError, ScenarioError
from sim.terminal import say

__all__ = ["register"]

_NEEDED = ("dash", "dash_ag_grid", "dash_mantine_components", "waitress", "babel")


def register(app: typer.Typer) -> None:
    """Add ``dashboard`` to a command line."""
    app.command()(dashboard)


def dashboard(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port; 0 takes a free one.", show_default="8050")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", help="Processes for runs.", show_default="cores less one"),
    ] = None,
) -> None:
    """Open the dashboard for a browser: compare reforms, see incentives, play the physician.

    Limits of a server for many readers are set by PAYSHIFT_DASHBOARD_MOST_WORK and the other
    variables that docs/dashboard.md lists.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ScenarioError(
            "the dashboard needs packages that are not installed",
            where="dashboard",
            value=", ".join(missing),
            remedy='Install them with: pip install "payshift[dashboard]"',
        )
    from dashboards.server import open_site
    from dashboards.settings import Settings

    if workers is None and "PAYSHIFT_DASHBOARD_WORKERS" not in os.environ:
        workers = max(1, (os.cpu_count() or 1) - 1)
    settings = Settings.read(host=host, port=port, workers=workers)
    try:
        site = open_site(settings, say)
    except OSError as reason:
        raise DiskError(
            f"cannot listen there ({reason.strerror or reason})",
            where=f"{settings.host}:{settings.port}",
            remedy="Name another port with --port; 0 takes a free one.",
        ) from None
    say(f"Payshift is ready: {site.address}   (Ctrl-C ends it)")
    try:
        site.run()
    finally:
        site.close()
