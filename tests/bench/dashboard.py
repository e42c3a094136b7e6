"""How fast the pages are: the first page, a cached comparison drawn again, twenty readers at once.

Run by ``python -m tests.bench.dashboard``: opens a dashboard on a free port with a small comparison
in its home, and asks it as browsers do; where there is a Chromium, one opens the first page. Prints
one JSON object beside what was promised; judges nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import statistics
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.homes import keep_compiled_rules

PROMISED = {
    "first_page_bytes": 3_000_000,
    "usable_seconds": 2.5,
    "cached_redraw_p95_ms": 300.0,
    "together_p95_ms": 500.0,
    "errors": 0,
}


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
    """Ask for a stored comparison's results once; give the status."""
    body = {
        "output": "results.children",
        "outputs": {"id": "results", "property": "children"},
        "inputs": [{"id": "stage", "property": "data", "value": {"key": key, "stage": "whole"}}],
        "state": [
            {"id": "choice", "property": "data", "value": choice},
            {"id": "reader", "property": "data", "value": "en"},
        ],
        "changedPropIds": ["stage.data"],
    }
    return ask(f"{address}_dash-update-component", body)[0]


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

    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
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


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything on a dashboard of its own."""
    keep_compiled_rules()
    with tempfile.TemporaryDirectory() as home:
        os.environ["PAYSHIFT_HOME"] = home
        from tests.dashboards.site import CHOICE, open_site, stored_comparison

        key = stored_comparison()
        choice = CHOICE.as_data()
        with open_site(Path(home)) as site:
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
    print(json.dumps(measured(parser.parse_args()), indent=1))


if __name__ == "__main__":
    main()
