"""The server behind the dashboard: made ready first, then open to readers.

Knows waitress, the app and its services; must not know any page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from dashboards.app import create_app
from dashboards.jobs import Jobs
from dashboards.page import Services, Visit
from dashboards.pages import PAGES
from dashboards.report import canonical
from dashboards.result_view import View
from dashboards.results import Shelf, report_tables
from dashboards.settings import Settings
from dashboards.stores import Stores
from dashboards.texts import LANGUAGES, Reader
from sim.record import Comparison

__all__ = ["Site", "open_site"]


class Site:
    """A dashboard that listens; `run` answers until `close`.

    Attributes
    ----------
    address : where a browser finds it
    services : settings and jobs behind its pages

    Parameters
    ----------
    comparison : one to draw before the first reader asks for theirs
    """

    def __init__(
        self, settings: Settings, services: Services, comparison: Comparison | None = None
    ) -> None:
        self.services = services
        app = create_app(services)
        _warm(app.server, services)
        if comparison is not None:
            _draw(comparison)
        self._sockets: dict[int, Any] = {}
        self._server: Any = create_server(
            app.server,
            map=self._sockets,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            max_request_body_size=settings.body,
            ident="payshift",
        )
        self._is_closing = False
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.address = f"http://{shown}:{self._server.effective_port}/"

    def run(self) -> None:
        """Answer requests until the site is closed."""
        try:
            self._server.run()
        except OSError:
            # Who waits at a door that somebody else shuts is told that it is gone.
            if not self._is_closing:
                raise
        finally:
            # Readers who were still connected then: nobody else would hang up on them.
            wasyncore.close_all(self._sockets, ignore_all=True)

    def close(self) -> None:
        """Stop answering: what is being answered first, then the door."""
        self._is_closing = True
        self._server.task_dispatcher.shutdown()
        self._server.close()
        self.services.jobs.close()


def _warm(server: Any, services: Services) -> None:
    """Draw every page once, so that its first reader need not wait for imports and catalogues."""
    for page in PAGES:
        for lang in LANGUAGES:
            page.layout(Visit(Reader(lang), services))
    client = server.test_client()
    for path in ("/", "/_dash-layout", "/_dash-dependencies"):
        client.get(path, headers={"Host": "localhost", "Accept-Encoding": "gzip"})


def _draw(comparison: Comparison) -> None:
    """Draw a comparison once: what drawing needs takes longer to load than to do."""
    tables = canonical(report_tables(comparison))
    for lang in LANGUAGES:
        view = View(tables, Reader(lang))
        view.answer()
        view.scorecard()
        view.detail(view.first_outcome(), view.reforms[0].id)


def open_site(settings: Settings, say: Callable[[str], None]) -> Site:
    """Make a site ready to run.

    Parameters
    ----------
    say : tells the operator what takes time
    """
    logging.getLogger("waitress").setLevel(logging.ERROR)
    say("getting ready ...")
    jobs = Jobs(settings)
    try:
        made = jobs.warm()
        services = Services(settings, jobs, Shelf(jobs.result), Stores(settings))
        return Site(settings, services, made if isinstance(made, Comparison) else None)
    except BaseException:
        jobs.close()
        raise
