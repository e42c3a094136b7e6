"""A dashboard that listens on a free port for the tests, with a comparison in its home."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dashboards.choice import ArmChoice, Choice
from dashboards.jobs import Jobs
from dashboards.page import Services
from dashboards.results import Shelf
from dashboards.server import Site
from dashboards.settings import Settings
from dashboards.stores import Stores
from experiments.sweep.executors import sweep
from experiments.sweep.files import read_sweep
from sim import runner
from sim.scenario import library_root

CHOICE = Choice("tiny", (ArmChoice("tiny-drg"), ArmChoice("tiny-capitation")), 500, 2, 12)


def stored_comparison() -> str:
    """Make and keep the record of the tests' comparison; give its key."""
    scenarios = CHOICE.scenarios()
    record = runner.compare(
        scenarios, replicates=CHOICE.replicates, workers=1, command=CHOICE.command()
    )
    record.save()
    return record.key


SWEEP = """
schema: 1
kind: sweep
title: {en: "Two unknowns under two payment models", zh: "两种支付方式与两个未知参数"}
arms: [tiny-fee-for-service, tiny-capitation]
set: {population: 200, horizon: {warm_up: 6, baseline: 6, reform: 6}}
factors: [altruism_scale, price_weight]
sampler: {name: latin_hypercube, n: 24}
outcomes: [spending_per_person, qaly]
monthly: [spending_per_person]
"""


def stored_sweep(home: Path) -> str:
    """Live a small sweep into a store that pages may open; give its name."""
    design = home / "two-unknowns.yaml"
    design.write_text(SWEEP, encoding="utf-8")
    chosen = read_sweep(design)
    path = home / "sweeps" / "two-unknowns.sqlite"
    sweep(chosen.design, path, chosen.model, model_json=chosen.model.as_json())
    return path.name


def short_lesson(home: Path) -> Path:
    """A folder with one lesson of the library, lived by few people."""
    folder = home / "lessons"
    folder.mkdir(exist_ok=True)
    file = folder / "fee-for-service.yaml"
    if not file.is_file():
        text = (library_root() / "lessons" / file.name).read_text(encoding="utf-8")
        small = text.replace("people: 2000, replicates: 4", "people: 200, replicates: 2")
        assert small != text
        file.write_text(small, encoding="utf-8")
    return folder


@contextmanager
def open_site() -> Iterator[Site]:
    """Open a site whose records live in the folder that PAYSHIFT_HOME names."""
    # Nothing is made ahead: whoever opens the first page would have five arms lived through.
    settings = Settings(port=0, workers=1, threads=4, ahead=0)
    jobs = Jobs(settings)
    site = Site(settings, Services(settings, jobs, Shelf(jobs.result), Stores(settings)))
    thread = threading.Thread(target=site.run, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.close()
        thread.join(timeout=10)


@contextmanager
def stored_site(home: Path) -> Iterator[Site]:
    """Open a site whose records live in a folder, a comparison among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYSHIFT_HOME", str(home))
        stored_comparison()
        with open_site() as opened:
            yield opened
