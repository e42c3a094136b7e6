"""What stands between the network and the pages: headers, limits, and answers to bad requests.

Knows HTTP and the list of declared callbacks; must not know pages, jobs or results.

Whatever a body holds, it is answered: nothing sent by a browser that the pages could not have
sent reaches a callback, and no answer shows how the program works inside.
"""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import dash
import flask
from dash.exceptions import DependencyException
from werkzeug.exceptions import HTTPException

from dashboards.settings import Settings

__all__ = ["protect"]

CALLBACKS = "/_dash-update-component"
SUITES = "/_dash-component-suites/"
SMALLEST_ZIPPED = 1_000
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MOST_INPUTS = 2_000
_log = logging.getLogger(__name__)


class _BadCallError(ValueError):
    """A callback's body that no page of ours sends."""


def protect(app: dash.Dash, settings: Settings) -> None:
    """Guard every request and answer of an app whose callbacks are all declared."""
    server: flask.Flask = app.server
    server.config["MAX_CONTENT_LENGTH"] = settings.body
    policy = _policy(app.csp_hashes())

    @server.before_request
    def refuse() -> flask.Response | None:
        return _refusal(app, settings)

    @server.after_request
    def finish(response: flask.Response) -> flask.Response:
        _secure(response, policy)
        return _zipped(response)

    @server.errorhandler(HTTPException)
    def known(error: HTTPException) -> flask.Response:
        return _plain(error.name, error.code or 400)

    @server.errorhandler(Exception)
    def unknown(error: Exception) -> flask.Response:
        if flask.request.path == CALLBACKS:
            # The body passed the guard and still did not fit: the sender's mistake, not ours.
            _log.warning("a callback could not be answered", exc_info=error)
            return _plain("Bad request", 400)
        if isinstance(error, DependencyException):
            return _plain("Not Found", 404)  # a file no package of the interface has
        _log.error("a request failed", exc_info=error)
        return _plain("The server could not answer. The log tells why.", 500)


def _plain(text: str, status: int) -> flask.Response:
    return flask.Response(f"{text}\n", status, mimetype="text/plain")


def _policy(hashes: Any) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *hashes]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ]
    )


def _secure(response: flask.Response, policy: str) -> None:
    headers = response.headers
    headers["Content-Security-Policy"] = policy
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if not flask.request.path.startswith((SUITES, "/assets/")):
        headers["Cache-Control"] = "no-store"


# --- compression ------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _zipped_once(path: str, tag: str, body: bytes) -> bytes:
    """Compress a file of the interface once for all readers."""
    del path, tag
    return gzip.compress(body, 6)


def _zipped(response: flask.Response) -> flask.Response:
    accepts = flask.request.headers.get("Accept-Encoding", "")
    kind = response.mimetype or ""
    is_text = kind.startswith("text/") or kind.endswith(("json", "javascript", "xml"))
    if (
        "gzip" not in accepts
        or not is_text
        or response.status_code != 200
        or "Content-Encoding" in response.headers
    ):
        return response
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) < SMALLEST_ZIPPED:
        return response
    path = flask.request.path
    if path.startswith((SUITES, "/assets/")):
        zipped = _zipped_once(path, response.headers.get("ETag", ""), body)
    else:
        zipped = gzip.compress(body, 1)
    response.set_data(zipped)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(zipped))
    response.headers.add("Vary", "Accept-Encoding")
    return response


# --- requests ---------------------------------------------------------------------------------


def _refusal(app: dash.Dash, settings: Settings) -> flask.Response | None:
    request = flask.request
    if settings.host in LOOPBACK and request.host.rsplit(":", 1)[0].strip("[]") not in LOOPBACK:
        # Another site that had its name point here would otherwise be "our own" to the browser.
        return _plain("This server answers to its own address alone.", 400)
    if request.method not in ("GET", "HEAD", "POST", "OPTIONS"):
        return _plain("Method not allowed", 405)
    if request.method == "POST":
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return _plain("Not from another site", 403)
        if request.path != CALLBACKS:
            return _plain("Not found", 404)
        if request.mimetype != "application/json":
            return _plain("Unsupported media type", 415)
        try:
            _check_call(app, _body(request))
        except _BadCallError as reason:
            return _plain(f"Bad request: {reason}", 400)
    elif request.path == CALLBACKS:
        return _plain("Method not allowed", 405)
    return None


def _body(request: flask.Request) -> Any:
    try:
        return json.loads(request.get_data(cache=True), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _BadCallError("not JSON") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _check_call(app: dash.Dash, body: Any) -> None:
    """Refuse a call whose form is not that of a declared callback; values are checked later.

    Raises
    ------
    _BadCallError
    """
    if not isinstance(body, Mapping):
        raise _BadCallError("not an object")
    output = body.get("output")
    if not isinstance(output, str) or output not in app.callback_map:
        raise _BadCallError("no such callback")
    declared = app.callback_map[output]
    if not isinstance(body.get("changedPropIds", []), list):
        raise _BadCallError("changedPropIds")
    for text in body.get("changedPropIds", []):
        if not isinstance(text, str) or "." not in text:
            raise _BadCallError("changedPropIds")
    for part in ("inputs", "state"):
        wanted = declared.get(part) or []
        given = body.get(part, [])
        if not isinstance(given, list) or len(given) != len(wanted):
            raise _BadCallError(part)
        for entry, expected in zip(given, wanted, strict=True):
            entries = entry if isinstance(entry, list) else [entry]
            if isinstance(entry, list) and not _is_pattern(expected["id"]):
                raise _BadCallError(part)
            if len(entries) > _MOST_INPUTS:
                raise _BadCallError(part)
            for one in entries:
                _check_entry(one, expected, part)
    _check_outputs(body.get("outputs"), output)


def _is_pattern(name: Any) -> bool:
    return isinstance(name, str) and name.startswith("{")


def _check_entry(one: Any, expected: Mapping[str, Any], part: str) -> None:
    if not isinstance(one, Mapping) or one.get("property") != expected["property"]:
        raise _BadCallError(part)
    name, wanted = one.get("id"), expected["id"]
    if not _is_pattern(wanted):
        if name != wanted:
            raise _BadCallError(part)
        return
    form = json.loads(wanted)
    if not isinstance(name, Mapping) or set(name) != set(form):
        raise _BadCallError(part)
    for key, value in form.items():
        if not isinstance(value, list) and name[key] != value:
            raise _BadCallError(part)
        if not isinstance(name[key], (str, int, float)) or len(str(name[key])) > 2_000:
            raise _BadCallError(part)


def _check_outputs(given: Any, output: str) -> None:
    """Refuse outputs other than those the callback is declared with."""
    is_many = output.startswith("..")
    entries = given if isinstance(given, list) else [given]
    if is_many != isinstance(given, list) or not entries:
        raise _BadCallError("outputs")
    parts = output[2:-2].split("...") if is_many else [output]
    if len(entries) != len(parts):
        raise _BadCallError("outputs")
    for entry, part in zip(entries, parts, strict=True):
        for one in entry if isinstance(entry, list) else [entry]:
            if not isinstance(one, Mapping):
                raise _BadCallError("outputs")
            name, known = part.rsplit(".", 1)
            known = known.partition("@")[0]
            if str(one.get("property", "")).partition("@")[0] != known:
                raise _BadCallError("outputs")
            if _is_pattern(name):
                form = json.loads(name.replace("\\.", "."))
                if not isinstance(one.get("id"), Mapping) or set(one["id"]) != set(form):
                    raise _BadCallError("outputs")
            elif one.get("id") != name.replace("\\.", "."):
                raise _BadCallError("outputs")
