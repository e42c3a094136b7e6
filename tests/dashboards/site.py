"""A dashboard that listens on a free port for the tests, with a comparison in its home."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboards.choice import ArmChoice, Choice
from dashboards.jobs import Jobs
from dashboards.page import Services
from dashboards.results import Shelf
from dashboards.server import Site
from dashboards.settings import Settings
from dashboards.stores import Stores
from sim import runner

CHOICE = Choice("tiny", (ArmChoice("tiny-drg"), ArmChoice("tiny-capitation")), 500, 2, 12)


def stored_comparison() -> str:
    """Make and keep the record of the tests' comparison; give its key."""
    scenarios = CHOICE.scenarios()
    record = runner.compare(
        scenarios, replicates=CHOICE.replicates, workers=1, command=CHOICE.command()
    )
    record.save()
    return record.key


@contextmanager
def open_site(home: Path) -> Iterator[Site]:
    """Open a site whose records live in a folder, named by PAYSHIFT_HOME beforehand."""
    del home
    settings = Settings(port=0, workers=1, threads=4)
    jobs = Jobs(settings)
    site = Site(settings, Services(settings, jobs, Shelf(jobs.result), Stores(settings)))
    thread = threading.Thread(target=site.run, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.close()
        thread.join(timeout=10)
