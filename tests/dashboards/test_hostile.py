"""Bodies no page sends: whatever comes, an answer below 500, no traceback, and the server lives."""

from __future__ import annotations

import errno
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from dashboards.app import create_app
from dashboards.guard import CALLBACKS
from dashboards.jobs import Jobs
from dashboards.page import Services
from dashboards.results import Shelf
from dashboards.server import Site
from dashboards.settings import Settings
from dashboards.stores import Stores
from tests.dashboards.sweeps import filled

VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e308,
    float("nan"),  # spelled NaN, which is no JSON but is read
    float("-inf"),
    [float("nan")] * 3,
    list(range(20_000)),
    "",
    "'\"<script>alert(1)</script>",
    "../../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "\x00\ud7ff",
    "a" * 20_000,
    [],
    [[[]]],
    [None, 1, "x"],
    {},
    {"key": "..", "stage": "../x", "holder": 1},
    {"key": "0" * 24, "stage": "part-99999999999999999999", "holder": ""},
    {"arms": [{"id": "tiny-drg", "set": {"__class__": 1}, "text": "a: &x [*x]"}], "people": 1e9},
    {"number": 1, "id": "tiny-drg", "text": "payment: [}"},
    {"store": "small.sqlite", "arm": ["x"], "outcome": {}, "method": "sobol", "fails": 9},
    {"store": "../outside.sqlite", "arm": "today", "outcome": "qaly", "lang": "zh"},
)

# fmt: off
KNOWN = [
    "key", "stage", "holder", "choice", "arms", "id", "set", "text", "people", "replicates",
    "months", "region", "number", "stamp", "name", "path", "store", "arm", "minus", "outcome",
    "method", "fails", "code", "teacher", "lesson", "guess", "attempts", "scenario", "contract",
    "audit", "fine", "sample", "detection", "tiny", "tiny-drg", "china-county", "qaly",
    "spending_per_person", "sobol", "morris", "whole", "sample-1", "arms-2", "part-1", "en", "zh",
    "payment", "wrap",
]
# fmt: on


class Target:
    def __init__(self, client: FlaskClient, callbacks: dict[str, Any]) -> None:
        self.client = client
        self.callbacks = callbacks


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    patch = pytest.MonkeyPatch()
    home = tmp_path_factory.mktemp("home")
    patch.setenv("PAYSHIFT_HOME", str(home))
    filled(home / "sweeps", "small", "morris", 4, replicates=1)
    filled(home, "outside", "morris", 4, replicates=1)
    patch.setattr(Jobs, "_start_runs", lambda self: None)
    settings = Settings(body=200_000)
    jobs = Jobs(settings)
    app = create_app(Services(settings, jobs, Shelf(jobs.result), Stores(settings)))
    app.server.config["PROPAGATE_EXCEPTIONS"] = False
    client = app.server.test_client()
    assert client.get("/_dash-dependencies").status_code == 200
    yield Target(client, dict(app.callback_map))
    jobs.close()
    patch.undo()


def concrete(name: Any, fill: Any) -> Any:
    if isinstance(name, str) and name.startswith("{"):
        form = json.loads(name)
        return {k: fill if isinstance(v, list) else v for k, v in form.items()}
    return name


def body_of(output: str, declared: dict[str, Any], value: Any, fill: Any = 1) -> dict[str, Any]:
    """A body of the right form with a wrong value everywhere."""

    def entries(part: str) -> list[Any]:
        found: list[Any] = []
        for one in declared.get(part) or []:
            entry = {"id": concrete(one["id"], fill), "property": one["property"], "value": value}
            is_all = isinstance(one["id"], str) and '["ALL"]' in one["id"]
            found.append([entry] if is_all else entry)
        return found

    inputs = entries("inputs")
    first = inputs[0][0] if isinstance(inputs[0], list) else inputs[0]
    name = first["id"]
    spelled = (
        json.dumps(name, sort_keys=True, separators=(",", ":")) if isinstance(name, dict) else name
    )
    is_many = output.startswith("..")
    outs = []
    for part in output[2:-2].split("...") if is_many else [output]:
        target, prop = part.rsplit(".", 1)
        outs.append({"id": concrete(target, fill), "property": prop})
    return {
        "output": output,
        "outputs": outs if is_many else outs[0],
        "inputs": inputs,
        "state": entries("state"),
        "changedPropIds": [f"{spelled}.{first['property']}"],
    }


def check(response: Any) -> None:
    assert response.status_code < 500, response.get_data(as_text=True)[:300]
    text = response.get_data(as_text=True)
    assert "Traceback" not in text
    assert "site-packages" not in text
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def served(target: Target) -> dict[str, Any]:
    """Every callback that the server answers, by its output."""
    return {k: v for k, v in target.callbacks.items() if "callback" in v}


def test_every_callback_that_browsers_are_told_of_is_tried_here(target: Target) -> None:
    told = target.client.get("/_dash-dependencies").get_json()
    asked = {one["output"] for one in told if not one["clientside_function"]}
    assert asked == set(served(target))
    assert len(asked) > 30


def junk(rng: random.Random, depth: int = 0) -> Any:
    """Any JSON value: nested, large, strange or plain."""
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice([0, -1, 2**31, -(2**63), 10**40, rng.randrange(10_000)])
    if kind == 2:
        return rng.choice([0.5, -1e308, 1e-320, float("nan"), rng.gauss(0.0, 1e6)])
    if kind in (3, 4):
        letters = "aZ09 /\\.:%&'\"<>{}[]\n\t\x00é支\U0001f9ea"
        return "".join(rng.choices(letters, k=rng.choice([0, 1, 8, 300])))
    if kind == 5:
        return rng.choice(KNOWN)
    if kind in (6, 7):
        return {
            rng.choice(KNOWN): junk(rng, depth + 1) for _ in range(rng.randrange(6))
        }  # the names that callbacks look for, so that what they look for is found
    return [junk(rng, depth + 1) for _ in range(rng.choice([0, 1, 3, 40 if depth == 2 else 5]))]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_random_bodies_reach_no_callback_unanswered(target: Target, seed: int) -> None:
    rng = random.Random(seed)
    for output, declared in served(target).items():
        body = body_of(output, declared, None, rng.choice([1, "x", 0, "payment.0.contract"]))
        for part in ("inputs", "state"):
            for entry in body[part]:
                for one in entry if isinstance(entry, list) else [entry]:
                    one["value"] = junk(rng)
        if rng.random() < 0.3:  # something is missing
            part = rng.choice([name for name in ("inputs", "state") if body[name]])
            del body[part][rng.randrange(len(body[part]))]
        if rng.random() < 0.2:
            body[rng.choice(list(body))] = junk(rng)
        check(target.client.post(CALLBACKS, json=body, headers={"Host": "localhost"}))
    assert target.client.get("/").status_code == 200


@pytest.mark.slow
def test_wrong_values_reach_no_callback_unanswered(target: Target) -> None:
    for output, declared in served(target).items():
        for value in VALUES:
            body = body_of(output, declared, value)
            check(target.client.post(CALLBACKS, json=body, headers={"Host": "localhost"}))
    assert target.client.get("/").status_code == 200


def test_names_and_triggers_of_patterns_may_be_anything(target: Target) -> None:
    for output, declared in target.callbacks.items():
        if "callback" not in declared or '["ALL"]' not in json.dumps(declared["inputs"]):
            continue
        for fill in ("", "payment.0.contract", "__class__", -5, 1.5, "x" * 500, 10**30):
            for number in range(len(declared["inputs"])):
                body = body_of(output, declared, 1, fill)
                body["changedPropIds"] = []
                entry = body["inputs"][number]
                entry = entry[0] if isinstance(entry, list) else entry
                name = entry["id"]
                spelled = (
                    json.dumps(name, sort_keys=True, separators=(",", ":"))
                    if isinstance(name, dict)
                    else name
                )
                body["changedPropIds"] = [f"{spelled}.{entry['property']}"]
                check(target.client.post(CALLBACKS, json=body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"NaN",
        b"[" * 10_000,
        b"\xff\xfe\x00",
        b'{"output": 1}',
        b'{"output": "shell.children"}',
        b'{"output": "no-such.children", "inputs": []}',
        b'{"output": "shell.children", "outputs": {"id": "other", "property": "children"}, '
        b'"inputs": [{"id": "location", "property": "pathname", "value": "/"}], '
        b'"state": [{"id": "location", "property": "search", "value": ""}], "changedPropIds": []}',
        b'{"output": "shell.children", "inputs": 3, "state": {}, "changedPropIds": {}}',
        b'{"output": "shell.children", "inputs": [null], "state": [null], "changedPropIds": [1]}',
    ],
)
def test_bodies_that_are_no_calls_are_refused(target: Target, body: bytes) -> None:
    response = target.client.post(CALLBACKS, data=body, content_type="application/json")
    check(response)
    assert response.status_code == 400


def test_what_is_too_large_from_elsewhere_or_of_another_kind_is_refused(target: Target) -> None:
    post = target.client.post
    kind = "application/json"
    assert post(CALLBACKS, data=b" " * 300_000, content_type=kind).status_code == 413
    assert post(CALLBACKS, data=b"{}", content_type="text/plain").status_code == 415
    assert post(CALLBACKS, json={}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert target.client.get("/", headers={"Host": "elsewhere.example"}).status_code == 400
    assert target.client.get(CALLBACKS).status_code == 405
    assert target.client.put("/").status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/record/../../etc/passwd/report.html",
        "/record/0000000000000000/report.html",
        "/record/0000000000000000/secret.txt",
        "/record/%2e%2e/tables.zip",
        "/sweep/..%2foutside.sqlite/runs.csv",
        "/sweep/../../outside.sqlite/runs.csv",
        "/sweep/outside.sqlite/runs.csv",
        "/sweep/small.sqlite/store.sqlite",
        "/sweep/small.sqlite/%2e%2e",
        "/assets/../app.py",
        "/assets/%2e%2e/app.py",
        "/_dash-component-suites/dash/../../etc/passwd",
        "/_dash-component-suites/nothing/x.js",
    ],
)
def test_files_that_are_not_ours_to_give_are_not_found(target: Target, path: str) -> None:
    response = target.client.get(path)
    check(response)
    assert "import annotations" not in response.get_data(as_text=True)
    assert response.status_code in (200, 301, 308, 404)
    if response.status_code == 200:  # an address of no page shows the frame, which says so
        assert "react-entry-point" in response.get_data(as_text=True)


def test_files_of_a_sweep_are_given_whatever_the_address_asks_of_it(target: Target) -> None:
    query = "arm=%00&outcome=x&method=sobol&minus=..&fails=&lang=%3Cb%3E"
    for name in ("runs.csv", "runs.parquet", "indices.csv", "report.html"):
        response = target.client.get(f"/sweep/small.sqlite/{name}?{query}")
        assert response.status_code == 200
        if not name.endswith("parquet"):
            check(response)
        assert "attachment" in response.headers["Content-Disposition"]


def test_every_answer_carries_the_policy(target: Target) -> None:
    policy = target.client.get("/").headers["Content-Security-Policy"]
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


class _Reader:
    """A connection that is open until somebody closes it."""

    is_open = True

    def close(self) -> None:
        self.is_open = False


class _ShutDoor:
    """A server whose door somebody else has shut while it waited."""

    def run(self) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")


def test_a_closed_site_hangs_up_on_who_was_still_connected() -> None:
    site = Site.__new__(Site)
    reader = _Reader()
    site._sockets = {7: reader}
    site._server = _ShutDoor()
    site._is_closing = True
    site.run()
    assert not reader.is_open
    assert not site._sockets
