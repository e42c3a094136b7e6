"""How fast the pages are: first page, first numbers, a comparison drawn again, twenty readers.

Run by ``python -m tests.bench.dashboard``: opens a dashboard on a free port with a small comparison
in its home, and asks it as browsers do; where there is a Chromium, one opens the first page, and
one asks a warm server for the first page's comparison: at once, and after some seconds of choosing;
and for two arms of the county, 20,000 people over 60 months, at once.
Prints one JSON object beside what was promised; judges nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import re
import shutil
import statistics
import tempfile
import threading
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

from experiments.precision import half_width
from tests.homes import keep_compiled_rules

PROMISED = {
    "first_page_bytes": 3_000_000,
    "usable_seconds": 2.5,
    "first_numbers_at_once_seconds": 2.0,
    "first_numbers_after_choosing_seconds": 2.0,
    "live_county_seconds": 2.0,
    "cached_redraw_p95_ms": 300.0,
    "together_p95_ms": 500.0,
    "errors": 0,
}


LIVE = {"region": "china-county", "arms": "china-county-capitation", "people": "20000"}
LIVE_MONTHS = 36  # of the reform, after 24 before it


FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def ask(address: str, body: Any = None) -> tuple[int, bytes, int]:
    """Ask once as a browser does; give the status, the content and the bytes transferred."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Accept-Encoding": "gzip", "Content-Type": "application/json"}
    request = urllib.request.Request(address, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            raw = answer.read()
            is_zipped = answer.headers.get("Content-Encoding") == "gzip"
            return answer.status, gzip.decompress(raw) if is_zipped else raw, len(raw)
    except urllib.error.HTTPError as error:
        return error.code, b"", 0
    except OSError:
        return 0, b"", 0


def draw(address: str, key: str, choice: dict[str, Any]) -> int:
    """Ask for all of a stored comparison's results once; give the worse status."""
    stage = {"key": key, "stage": "whole"}
    job = {"key": key, "holder": "", "choice": choice}
    first = {
        "output": "..results.children...drawn.data..",
        "outputs": [
            {"id": "results", "property": "children"},
            {"id": "drawn", "property": "data"},
        ],
        "inputs": [{"id": "stage", "property": "data", "value": stage}],
        "state": [
            {"id": "job", "property": "data", "value": job},
            {"id": "detail", "property": "data", "value": None},
            {"id": "reader", "property": "data", "value": "en"},
        ],
        "changedPropIds": ["stage.data"],
    }
    rest = {
        "output": "rest.children",
        "outputs": {"id": "rest", "property": "children"},
        "inputs": [{"id": "drawn", "property": "data", "value": stage}],
        "state": [
            {"id": "job", "property": "data", "value": job},
            {"id": "reader", "property": "data", "value": "en"},
        ],
        "changedPropIds": ["drawn.data"],
    }
    return max(ask(f"{address}_dash-update-component", body)[0] for body in (first, rest))


def shell(address: str, path: str) -> int:
    """Ask for a page's content once; give the status."""
    body = {
        "output": "shell.children",
        "outputs": {"id": "shell", "property": "children"},
        "inputs": [{"id": "location", "property": "pathname", "value": path}],
        "state": [{"id": "location", "property": "search", "value": ""}],
        "changedPropIds": ["location.pathname"],
    }
    return ask(f"{address}_dash-update-component", body)[0]


def high(values: list[float]) -> float:
    """The 95th percentile, in milliseconds."""
    return round(1_000 * statistics.quantiles(values, n=20)[-1], 1)


def opened(address: str) -> dict[str, float]:
    """Open the first page in a browser of its own: bytes received, seconds until it can be used."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        browser.new_page().goto("about:blank")  # the browser's own start is not the page's
        page = browser.new_page()
        received = [0.0]
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")

        def count(event: dict[str, Any]) -> None:
            received[0] += event["encodedDataLength"]

        session.on("Network.loadingFinished", count)
        started = time.perf_counter()
        page.goto(address)
        page.locator("#run").click(trial=True)
        usable = time.perf_counter() - started
        page.wait_for_load_state("networkidle")
        browser.close()
    return {"first_page_bytes": received[0], "usable_seconds": round(usable, 2)}


def first_numbers(pause: float, ahead: int, query: str = "") -> float:
    """Seconds from a click on Compare to the first numbers, on a warm server of its own.

    They are the whole comparison's first replicate, the status quo beside the first reform.

    Parameters
    ----------
    pause : seconds between the page's opening and the click
    ahead : 1 lets the server begin while the reader chooses, as it does by default
    query : of the address, which says what is chosen
    """
    from playwright.sync_api import sync_playwright

    from dashboards.server import open_site
    from dashboards.settings import Settings

    with tempfile.TemporaryDirectory() as home:
        os.environ["PAYSHIFT_HOME"] = home
        workers = max(1, (os.cpu_count() or 1) - 1)
        site = open_site(Settings(port=0, workers=workers, ahead=ahead), lambda text: None)
        thread = threading.Thread(target=site.run, daemon=True)
        thread.start()
        try:
            with sync_playwright() as play:
                browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
                page = browser.new_page()
                page.goto(f"{site.address}?{query}")
                page.locator("#run").click(trial=True)
                page.wait_for_load_state("networkidle")
                time.sleep(pause)
                started = time.perf_counter()
                page.locator("#run").click()
                page.locator("#results .headline").wait_for(timeout=180_000)
                seconds = time.perf_counter() - started
                browser.close()
        finally:
            site.close()
            thread.join(timeout=10)
    return round(seconds, 2)


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything on a dashboard of its own."""
    keep_compiled_rules()
    early: dict[str, float] = {}
    if shutil.which("chromium"):
        early["first_numbers_at_once_seconds"] = first_numbers(0.0, 0)
        early["first_numbers_after_choosing_seconds"] = first_numbers(options.choosing, 1)
        live = urlencode({**LIVE, "months": LIVE_MONTHS, "replicates": 2})
        early["live_county_seconds"] = first_numbers(0.0, 0, live)
        half = half_width(LIVE["region"], int(LIVE["people"]))
        early["live_county_precision_points"] = round(half or math.nan, 1)
    with tempfile.TemporaryDirectory() as home:
        os.environ["PAYSHIFT_HOME"] = home
        from tests.dashboards.site import CHOICE, open_site, stored_comparison

        key = stored_comparison()
        choice = CHOICE.as_data()
        with open_site() as site:
            address = site.address
            _, page, size = ask(address)
            files = re.findall(r'(?:src|href)="(/[^"]+)"', page.decode())
            total = size + sum(ask(address.rstrip("/") + file)[2] for file in files)
            result: dict[str, Any] = {"first_page_bytes": total}
            if shutil.which("chromium"):
                result |= opened(address)
            draw(address, key, choice)
            times = []
            for _ in range(40):
                started = time.perf_counter()
                draw(address, key, choice)
                times.append(time.perf_counter() - started)
            together: list[float] = []
            failed: list[int] = []
            end = time.perf_counter() + options.seconds

            def reader(number: int) -> None:
                turn = number
                while time.perf_counter() < end:
                    started = time.perf_counter()
                    if turn % 2:
                        status = shell(address, ("/library", "/evidence")[turn // 2 % 2])
                    else:
                        status = draw(address, key, choice)
                    together.append(time.perf_counter() - started)
                    if status != 200:
                        failed.append(status)
                    turn += 1
                    time.sleep(options.pause)

            readers = [threading.Thread(target=reader, args=(n,)) for n in range(options.users)]
            for one in readers:
                one.start()
            for one in readers:
                one.join()
    return {
        **result,
        **early,
        "cached_redraw_p95_ms": high(times),
        "users": options.users,
        "answers": len(together),
        "together_p95_ms": high(together),
        "errors": len(failed),
        "load": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
        "promised": PROMISED,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds a reader reads")
    parser.add_argument(
        "--choosing", type=float, default=10.0, help="seconds until Compare is pressed"
    )
    print(json.dumps(measured(parser.parse_args()), indent=1))


if __name__ == "__main__":
    main()
