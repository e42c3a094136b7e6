"""The part of Compare that lives a comparison again under every parameter set of its region.

Knows its button, its progress and where its result stands; must not know how a sweep is run.
"""

from __future__ import annotations

import uuid
from typing import Any

import dash
from dash import Input, Output, State, dcc, html, no_update

from dashboards import components as parts
from dashboards import ids
from dashboards.choice import Choice
from dashboards.ensemble_view import SEEDS, design, ensemble_of, told
from dashboards.jobs import Progress
from dashboards.page import Services
from dashboards.result_view import View
from dashboards.texts import Reader, language_of
from experiments.sweep.results import Results
from sim.errors import PayshiftError

__all__ = ["keeps", "panel", "register"]

TICK = 1_000  # milliseconds between two questions


def keeps() -> list[Any]:
    """What the page keeps of it, whatever is drawn."""
    return [
        dcc.Store(id=ids.ENSEMBLE_JOB),
        dcc.Interval(id=ids.ENSEMBLE_POLL, interval=TICK, disabled=True),
    ]


def panel(choice: Choice, reader: Reader) -> html.Div:
    """The question, and where its answer will stand; nothing where the region has no sets."""
    sets = ensemble_of(choice.region)
    if sets is None:
        return html.Div(html.P(reader.say("ensemble_none"), className="quiet"))
    return html.Div(
        [
            html.H3(reader.say("ensemble_title"), className="apart"),
            html.P(reader.say("ensemble_lead", sets=len(sets)), className="lead"),
            html.Div(
                html.Button(
                    reader.say("ensemble_start", runs=len(sets) * SEEDS * (1 + len(choice.arms))),
                    id=ids.ENSEMBLE_START,
                    className="plain",
                ),
                className="choosers apart",
            ),
            html.Div(id=ids.ENSEMBLE_TOLD, **{"aria-live": "polite"}),
        ]
    )


def _progress(progress: Progress, reader: Reader) -> Any:
    if progress.state == "failed":
        return parts.notice(reader.say("sweep_failed", why=progress.error), "error")
    if progress.state == "stopped":
        return parts.notice(reader.say("sweep_stopped"), "warning")
    if progress.is_over:
        return None
    text = (
        reader.say("compare_waiting", ahead=progress.ahead)
        if progress.state == "waiting" and progress.ahead
        else reader.say("sweep_running", done=progress.done, total=progress.total)
    )
    return parts.progress(progress.done / max(1, progress.total), text, reader)


def _field(data: object, name: str) -> str:
    found = data.get(name) if isinstance(data, dict) else None
    return found[:64] if isinstance(found, str) else ""


def register(app: dash.Dash, services: Services) -> None:
    """Declare its callbacks."""
    jobs = services.jobs

    def view_of(stage: object, reader: Reader) -> View | None:
        key = _field(stage, "key")
        if not key or _field(stage, "stage") != "whole":
            return None
        tables = services.shelf.tables(key, "whole")
        return None if tables is None else View(tables, reader)

    @app.callback(
        Output(ids.ENSEMBLE_JOB, "data"),
        Output(ids.ENSEMBLE_TOLD, "children", allow_duplicate=True),
        Input(ids.ENSEMBLE_START, "n_clicks"),
        State(ids.STAGE, "data"),
        State(ids.JOB, "data"),
        State(ids.READER, "data"),
        prevent_initial_call=True,
    )
    def start(clicks: object, stage: object, job: object, lang: object) -> Any:
        if not clicks:
            return no_update, no_update
        reader = Reader(language_of(lang))
        view = view_of(stage, reader)
        if view is None:
            return no_update, no_update
        try:
            asked = job.get("choice") if isinstance(job, dict) else None
            choice = Choice.read(asked)
            outcomes = [name for _, names in view.shown_outcomes() for name in names]
            text, files = design(choice, outcomes)
            plan = jobs.plan_sweep(text, services.stores.folder, files)
            holder = uuid.uuid4().hex
            key = jobs.submit_sweep(plan, holder)
        except PayshiftError as error:
            return no_update, [parts.notice(one.message, "error") for one in error.all[:5]]
        of = _field(stage, "key")
        return {"key": key, "holder": holder, "of": of}, _progress(jobs.progress(key), reader)

    @app.callback(
        Output(ids.ENSEMBLE_TOLD, "children", allow_duplicate=True),
        Output(ids.ENSEMBLE_POLL, "disabled"),
        Input(ids.ENSEMBLE_POLL, "n_intervals"),
        Input(ids.ENSEMBLE_JOB, "data"),
        State(ids.STAGE, "data"),
        State(ids.READER, "data"),
        prevent_initial_call=True,
    )
    def poll(ticks: object, job: object, stage: object, lang: object) -> Any:
        del ticks
        key = _field(job, "key")
        store = jobs.store_of(key) if key else ""
        if not store or _field(job, "of") != _field(stage, "key"):
            return no_update, True  # another comparison stands there now
        reader = Reader(language_of(lang))
        progress = jobs.progress(key)
        if progress.state != "done":
            return _progress(progress, reader), progress.is_over
        view = view_of(stage, reader)
        if view is None:
            return no_update, True
        try:
            return told(Results.of(services.stores.folder / store), view), True
        except PayshiftError as error:
            return parts.notice(error.message, "error"), True
