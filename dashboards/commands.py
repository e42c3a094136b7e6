"""The commands that draw: the dashboard, reports of sensitivity, studies and calibrations.

Knows the words a user types; must not know pages nor methods of analysis.
Everything heavy is imported inside.
"""

from __future__ import annotations

import importlib.util
import math
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from dashboards.evidence_commands import register as _register_evidence
from dashboards.province_commands import register as _register_province
from dashboards.study_commands import register as _register_studies
from sim.errors import DiskError, ScenarioError
from sim.terminal import JsonOption, Lang, LangOption, say, table, wrapped, write, write_json

__all__ = ["register"]

_NEEDED = ("dash", "dash_ag_grid", "dash_mantine_components", "waitress", "babel")


def register(app: typer.Typer) -> None:
    """Add the dashboard, ``sensitivity``, ``study`` and ``calibrate`` to a command line."""
    app.command()(dashboard)
    app.command()(sensitivity)
    _register_evidence(app)
    _register_province(app)
    _register_studies(app)


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


def sensitivity(
    study: Annotated[
        Path, typer.Argument(help="A study's file (kind: study), or the store of a sweep.")
    ],
    method: Annotated[
        str | None, typer.Option("--method", help="oat, morris, sobol, delta, pawn, …")
    ] = None,
    outcomes: Annotated[
        list[str] | None, typer.Option("--outcome", help="Outcome to explain; repeatable.")
    ] = None,
    arm: Annotated[str | None, typer.Option("--arm", help="Arm; the first by default.")] = None,
    minus: Annotated[
        str | None, typer.Option("--minus", help="Arm to subtract: explain a reform's effect.")
    ] = None,
    second_order: Annotated[
        bool, typer.Option("--second-order", help="Effects of pairs too (sobol).")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the report to this HTML file.")
    ] = None,
    as_json: JsonOption = False,
    lang: LangOption = Lang.EN,
) -> None:
    """Say which parameters decide which outcome, how sure that is, and whether runs are enough."""
    if importlib.util.find_spec("SALib") is None:
        raise ScenarioError(
            "sensitivity needs packages that are not installed",
            where="sensitivity",
            value="SALib",
            remedy='Install them with: pip install "payshift[sweep]"',
        )
    from dataclasses import replace

    from dashboards import study_report
    from dashboards.figures import reading
    from dashboards.figures.canvas import Style
    from dashboards.figures.words import label as label_of
    from dashboards.figures.words import say as text_of
    from dashboards.study_tables import study_tables
    from experiments.sensitivity.study import Study, read_study
    from experiments.sweep.results import Results

    asked = read_study(study) if study.suffix in (".yaml", ".yml") else Study(store=study)
    asked = replace(
        asked,
        method=method or asked.method,
        outcomes=tuple(outcomes or ()) or asked.outcomes,
        arm=arm or asked.arm,
        minus=minus or asked.minus,
        second_order=second_order or asked.second_order,
    )
    command = "payshift " + shlex.join(sys.argv[1:])
    tables = study_tables(asked, Results.of(asked.store), {"command": command})
    if report is not None:
        study_report.write_study_report(tables, report, lang.value)
        say(f"report: {report}")
    found = study_report.as_json(tables, lang.value)
    if as_json:
        write_json(found)
        return
    style = Style(lang.value)
    for one, study_of in zip(found, tables.studies, strict=True):
        write(wrapped(one["sentence"]))
        rows = []
        for _, row in study_of.verdicts.iterrows():
            value, low, high = (float(row[key]) for key in ("value", "low", "high"))
            rows.append(
                [
                    reading.factor_label(row, style),
                    f"{value:.3g}",
                    text_of(lang.value, "interval", low=f"{low:.3g}", high=f"{high:.3g}")
                    if math.isfinite(low)
                    else "–",
                    label_of(lang.value, "influence.verdict", str(row["verdict"])),
                ]
            )
        names = ("factor", "value", "interval", "verdict")
        table(
            f"{one['id']} · {study_of.method} {study_of.index}",
            [text_of(lang.value, f"influence.col.{name}") for name in names],
            rows,
            (1,),
        )
        if study_of.growth is not None:
            write(
                wrapped(
                    reading.settled_sentence(
                        study_of.widest,
                        study_of.change,
                        study_of.is_enough,
                        study_of.n_needed,
                        style,
                    )
                )
            )
        if study_of.shares is not None:
            write(wrapped(reading.seed_sentence(study_of.shares, one["label"], style)))
