"""Take pictures of every page in both languages, light and dark, wide and narrow.

Run by ``make screenshots``: opens a dashboard with a small comparison and a small sweep and
writes PNG files to ``build/screenshots``. Knows the pages' addresses; must not know what they show.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "screenshots"
sys.path.insert(0, str(ROOT))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 120_000
SHAPES = [
    (lang, scheme, width)
    for lang in ("en", "zh")
    for scheme in ("light", "dark")
    for width in (1440, 390)
]
SWEEP = """
schema: 1
kind: sweep
title: {{en: "{en}", zh: "{zh}"}}
arms: [china-county-fee-for-service, china-county-capitation]
set: {{population: {people}, horizon: {{warm_up: 6, baseline: 6, reform: 12}}}}
factors: [altruism_scale, price_weight, income_target_ratio]
sampler: {{name: {sampler}, n: {n}}}
replicates: 2
outcomes: [spending_per_person, fund_spending_per_person, out_of_pocket_per_person, qaly]
monthly: [spending_per_person]
"""


def main() -> None:
    """Write the pictures."""
    from tests.homes import keep_compiled_rules

    wanted = sys.argv[1:]
    keep_compiled_rules()
    with tempfile.TemporaryDirectory() as kept:
        home = Path(os.environ.setdefault("PAYSHIFT_HOME", kept))
        query = urlencode(_compare())
        _sweep(home)
        from dashboards.pages import PAGES
        from dashboards.server import open_site
        from dashboards.settings import Settings
        from experiments.lessons import lesson_ids

        site = open_site(Settings(port=0, workers=1), lambda text: None)
        thread = threading.Thread(target=site.run, daemon=True)
        thread.start()
        addresses = {page.id: page.path for page in PAGES}
        addresses["compare"] = f"/?{query}"
        addresses["lesson"] = f"/lessons?lesson={lesson_ids()[0]}"
        addresses["lost"] = "/no-such-page"
        chosen = {n: a for n, a in addresses.items() if not wanted or n in wanted}
        try:
            FOLDER.mkdir(parents=True, exist_ok=True)
            for name, address in chosen.items():
                for path in _pictures(site.address.rstrip("/"), name, address):
                    sys.stdout.write(f"{path.relative_to(ROOT)}\n")
                    sys.stdout.flush()
        finally:
            site.close()


def _compare() -> dict[str, str]:
    """Keep a comparison's record; give the address's fields that show it."""
    from dashboards.choice import ArmChoice, Choice
    from sim import runner

    region = os.environ.get("SCREENSHOT_REGION", "china-county")
    people = int(os.environ.get("SCREENSHOT_PEOPLE", "2000"))
    replicates = int(os.environ.get("SCREENSHOT_REPLICATES", "3"))
    names = ("global-budget", "capitation", "drg", "value-based")
    arms = tuple(ArmChoice(f"{region}-{name}") for name in names)
    choice = Choice(region, arms, people, replicates)
    plan = runner.comparison_plan(choice.scenarios(), replicates=replicates)
    if not (Path(os.environ["PAYSHIFT_HOME"]) / "records" / plan.key / "run.json").is_file():
        runner.compare(choice.scenarios(), replicates=replicates, command=choice.command()).save()
    return choice.as_query()


def _sweep(home: Path) -> None:
    """Keep the store of a small sweep."""
    from experiments.sweep.executors import sweep
    from experiments.sweep.files import read_sweep

    people = os.environ.get("SCREENSHOT_SWEEP_PEOPLE", "300")
    titles = {"en": "Capitation over three unknowns", "zh": "按人头付费与三个未知参数"}
    path = home / "sweeps" / "capitation.sqlite"
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    design = home / "capitation.yaml"
    text = SWEEP.format(people=people, sampler="latin_hypercube", n=60, **titles)
    design.write_text(text, encoding="utf-8")
    chosen = read_sweep(design)
    sweep(chosen.design, path, chosen.model, "process", model_json=chosen.model.as_json())


def _pictures(site: str, name: str, address: str) -> Iterator[Path]:
    """One page in every shape, each in a browser of its own so that none grows slow."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for lang, scheme, width in SHAPES:
            view = browser.new_page(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            view.set_default_timeout(PATIENCE)
            mark = "&" if "?" in address else "?"
            view.goto(f"{site}{address}{mark}lang={lang}")
            view.wait_for_selector("main h1")
            _settle(view)
            path = FOLDER / f"{name}-{lang}-{scheme}-{width}.png"
            view.screenshot(path=str(path), full_page=True)
            view.close()
            yield path
        browser.close()


def _settle(view: Page) -> None:
    """Wait until nothing has been asked of the server or drawn for a while."""
    view.wait_for_load_state("networkidle")
    view.wait_for_function("() => !document.querySelector('[data-dash-is-loading=true]')")
    empty = "() => [...document.querySelectorAll('.plot')].every(p => p.querySelector('.main-svg'))"
    view.wait_for_function(empty)
    view.wait_for_load_state("networkidle")
    view.wait_for_timeout(1_500)


if __name__ == "__main__":
    main()
