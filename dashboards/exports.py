"""Downloads: tables, scenarios and reports of comparisons and of sweeps as files.

Knows records, stores and file formats; must not know pages. Files of comparisons are named by the
key of a record, which nobody guesses; texts that a spreadsheet would take for formulas are defused.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import flask
import pandas as pd
import pyarrow.parquet as pq

from dashboards.page import Services
from dashboards.report import report_html
from dashboards.results import report_tables
from dashboards.store_view import StoreView, asked_of
from dashboards.study_report import study_html
from dashboards.texts import Reader, language_of
from sim.errors import PayshiftError
from sim.record import Comparison
from sim.scenario import as_yaml

if TYPE_CHECKING:
    import dash

__all__ = ["FILES", "STORE_FILES", "defused", "register"]

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def defused(frame: pd.DataFrame) -> pd.DataFrame:
    """A table whose texts no spreadsheet takes for formulas; numbers stay as they are.

    Examples
    --------
    >>> defused(pd.DataFrame({"name": ["=1+1", "drg"], "value": [-1.0, 2.0]}))["name"].tolist()
    ["'=1+1", 'drg']
    """
    safe = frame.copy()
    for column in safe.columns:
        if pd.api.types.is_numeric_dtype(safe[column]):
            continue
        safe[column] = [
            f"'{text}" if isinstance(text, str) and text.startswith(_RISKY) else text
            for text in safe[column]
        ]
    return safe


def _csv(frame: pd.DataFrame) -> bytes:
    # Excel reads UTF-8 only where a mark says so.
    return ("\ufeff" + defused(frame).to_csv(index=False, lineterminator="\n")).encode("utf-8")


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _differences(comparison: Comparison, lang: str) -> bytes:
    del lang
    return _csv(comparison.differences())


def _parquet(comparison: Comparison, lang: str) -> bytes:
    del lang
    files = {}
    for name, table in comparison.tables.items():
        content = io.BytesIO()
        pq.write_table(table, content, compression="zstd")
        files[f"{name}.parquet"] = content.getvalue()
    return _zip(files)


def _scenarios(comparison: Comparison, lang: str) -> bytes:
    del lang
    files = {}
    for arm in comparison.info["arms"]:
        resolved = {k: v for k, v in arm["resolved"].items() if k not in ("id", "status_quo")}
        head = {"schema": 1, "kind": "scenario", "extends": comparison.info["region"]}
        files[f"{arm['id']}.yaml"] = as_yaml(
            {**head, **{k: v for k, v in resolved.items() if k not in (*head, "region")}}
        ).encode("utf-8")
    return _zip(files)


def _report(comparison: Comparison, lang: str) -> bytes:
    return report_html(report_tables(comparison), lang).encode("utf-8")


FILES: dict[str, tuple[str, Callable[[Comparison, str], bytes]]] = {
    "differences.csv": ("text/csv", _differences),
    "tables.zip": ("application/zip", _parquet),
    "scenarios.zip": ("application/zip", _scenarios),
    "report.html": ("text/html", _report),
}


def _runs_csv(view: StoreView) -> bytes:
    return _csv(view.opened.results.frame)


def _runs_parquet(view: StoreView) -> bytes:
    content = io.BytesIO()
    view.opened.results.frame.to_parquet(content, compression="zstd", index=False)
    return content.getvalue()


def _indices(view: StoreView) -> bytes:
    return _csv(view.first().table)


def _sweep_report(view: StoreView) -> bytes:
    return study_html(view.report(), view.reader.lang).encode("utf-8")


def _design(view: StoreView) -> bytes:
    return view.stores.design_of(view.asked.store).encode("utf-8")


STORE_FILES: dict[str, tuple[str, Callable[[StoreView], bytes]]] = {
    "runs.csv": ("text/csv", _runs_csv),
    "runs.parquet": ("application/vnd.apache.parquet", _runs_parquet),
    "indices.csv": ("text/csv", _indices),
    "report.html": ("text/html", _sweep_report),
    "design.yaml": ("application/yaml", _design),
}


def register(app: dash.Dash, services: Services) -> None:
    """Serve files of finished comparisons and of sweeps.

    They stand at ``/record/<key>/<name>`` and ``/sweep/<store>/<name>``.
    """
    _register_sweeps(app, services)

    @app.server.get("/record/<key>/<name>")
    def download(key: str, name: str) -> Any:
        if name not in FILES:
            flask.abort(404)
        kind, make = FILES[name]
        lang = language_of(flask.request.args.get("lang"))
        try:
            comparison = services.jobs.result(key, "whole")
            if comparison is None:
                flask.abort(404)
            content = services.shelf.piece((key, name, lang), lambda: make(comparison, lang))
        except PayshiftError as error:
            return flask.Response(f"{error.message}\n", 409, mimetype="text/plain")
        answer = flask.Response(content, mimetype=kind)
        answer.headers["Content-Disposition"] = f'attachment; filename="payshift-{key[:8]}-{name}"'
        return answer


def _register_sweeps(app: dash.Dash, services: Services) -> None:
    @app.server.get("/sweep/<store>/<name>")
    def sweep_file(store: str, name: str) -> Any:
        if name not in STORE_FILES:
            flask.abort(404)
        kind, make = STORE_FILES[name]
        fields = flask.request.args.to_dict()
        try:
            opened = services.stores.open(store)
            if opened is None:
                flask.abort(404)
            reader = Reader(language_of(fields.get("lang")))
            content = make(StoreView(opened, asked_of(opened, fields), reader, services.stores))
        except PayshiftError as error:
            return flask.Response(f"{error.message}\n", 409, mimetype="text/plain")
        answer = flask.Response(content, mimetype=kind)
        answer.headers["Content-Disposition"] = f'attachment; filename="payshift-sweep-{name}"'
        return answer
