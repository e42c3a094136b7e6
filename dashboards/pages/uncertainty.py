"""Uncertainty: which numbers decide, where a reform fails, who is well served, and how sure it is.

Knows what a reader asks of a sweep's store and how the answers are laid out; must not know how an
index is found or a run is made.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import dash
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Input, Output, State, dcc, html, no_update

from dashboards import components as parts
from dashboards import ids
from dashboards.exports import STORE_FILES
from dashboards.figures import words
from dashboards.figures.canvas import outcome_words
from dashboards.jobs import Progress
from dashboards.page import Page, Services, Visit
from dashboards.pages.compare import job_of
from dashboards.pages.library import library
from dashboards.store_view import FAILS, Asked, StoreView, asked_of
from dashboards.stores import Opened
from dashboards.sweep_choice import (
    KINDS,
    MONTHS,
    MOST_FACTORS,
    PEOPLE,
    REPLICATES,
    SIZES,
    SweepChoice,
    parameters_of,
)
from dashboards.texts import Reader, language_of
from experiments.sensitivity.methods import METHODS
from sim.errors import PayshiftError, ScenarioError

__all__ = ["PAGE"]

FIELDS = ("arm", "minus", "outcome", "method", "fails")
SECTIONS = ("matters", "months", "settled", "fails", "robust", "unfinished")
SWEEP_FIELDS = ("reform", "factors", "kind", "size", "people", "replicates", "months")
TICK = 1_500
Choices = list[dict[str, Any]]


def _view(services: Services, value: object) -> StoreView | None:
    """The store somebody asks for, as they ask to see it; None where there is none."""
    given = value if isinstance(value, Mapping) else {}
    opened = services.stores.open(given.get("store"))
    if opened is None:
        return None
    reader = Reader(language_of(given.get("lang")))
    return StoreView(opened, asked_of(opened, given), reader, services.stores)


# --- what the page is made of -----------------------------------------------------------------


def _stores(services: Services, reader: Reader) -> Choices:
    found = []
    for card in services.stores.cards():
        title = reader.of(card.title)
        key = "uncertainty_store" if card.done >= card.runs else "uncertainty_store_part"
        done, runs = (words.count(n, reader.lang) for n in (card.done, card.runs))
        label = reader.say(key, title=title, name=card.name, done=done, runs=runs)
        found.append({"value": card.name, "label": label})
    return found


def _choices(view: StoreView) -> dict[str, Choices]:
    """What may be chosen in a store, by field."""
    reader, opened = view.reader, view.opened
    arms = [{"value": arm, "label": view.arm(arm)} for arm in opened.results.design.arms]
    none = {"value": "none", "label": reader.say("uncertainty_no_minus")}
    outcomes = [
        {"value": name, "label": outcome_words(view.outcomes, name, reader.lang)["label"]}
        for name in opened.results.outcomes
    ]
    methods = [
        {
            "value": name,
            "label": METHODS[name].label_en if reader.lang == "en" else METHODS[name].label_zh,
        }
        for name, why in view.methods.items()
        if not why
    ]
    fails = [
        {"value": rule, "label": reader.say(f"uncertainty_rule_{rule}")}
        for rule in FAILS
        if view.asked.minus or rule != "worse"
    ]
    return {
        "arm": arms,
        "minus": [none, *(arm for arm in arms if arm["value"] != view.asked.arm)],
        "outcome": outcomes,
        "method": methods,
        "fails": fails,
    }


def _values(asked: Asked | None) -> dict[str, str | None]:
    if asked is None:
        return dict.fromkeys(FIELDS)
    fields: dict[str, str | None] = dict(asked.as_fields())
    return {name: fields[name] for name in FIELDS}


def _select(name: str, reader: Reader, choices: Choices, value: str | None, width: int) -> Any:
    return dmc.Select(
        id=ids.uncertainty_field(name),
        label=reader.say(f"uncertainty_{name}"),
        data=choices,
        value=value,
        allowDeselect=False,
        searchable=len(choices) > 8,
        nothingFoundMessage=reader.say("incentives_nothing"),
        comboboxProps={"shadow": "md"},
        w=width,
        maw="100%",
    )


def _not_offered(view: StoreView | None, reader: Reader) -> Any:
    found = [] if view is None else view.not_offered()
    if not found:
        return None
    items = []
    for method, why in found:
        label = method.label_en if reader.lang == "en" else method.label_zh
        items.append(html.Li([html.Strong(label), reader.say("uncertainty_colon"), why]))
    return parts.fold(
        reader.say("uncertainty_not_offered", count=len(items)),
        html.Ul(items, className="plain-list"),
        css="more",
    )


def _take(view: StoreView | None, reader: Reader) -> list[Any]:
    """Files of a store, and the command that gives the same analysis."""
    if view is None:
        return []
    query = urlencode({**view.asked.as_fields(), "lang": reader.lang})
    links = [
        html.Li(
            html.A(
                reader.say(f"uncertainty_file_{name.replace('.', '_')}"),
                href=f"/sweep/{view.asked.store}/{name}?{query}",
                download="",
                className="plain",
            )
        )
        for name in STORE_FILES
        if name != "design.yaml" or len(view.commands()) > 1
    ]
    return [
        html.Ul(links, className="link-row"),
        html.P(reader.say("compare_command"), className="kicker apart"),
        parts.command("\n".join(view.commands())),
    ]


def layout(visit: Visit) -> list[Any]:
    """The page for one visit: the address names store, arms, outcome and method."""
    reader, services = visit.reader, visit.services
    stores = _stores(services, reader)
    known = [entry["value"] for entry in stores]
    name = visit.query.get("store")
    trouble: list[Any] = []
    if name is not None and name not in known:
        trouble = [parts.notice(reader.say("uncertainty_gone"), "warning")]
    chosen = name if name in known else (known[0] if known else None)
    view: StoreView | None = None
    try:
        view = _view(services, {**visit.query, "store": chosen, "lang": reader.lang})
    except PayshiftError as error:
        trouble = [parts.notice(error.message, "error")]
    choices = _choices(view) if view is not None else {name: [] for name in FIELDS}
    values = _values(view.asked if view is not None else None)
    widths = {"arm": 290, "minus": 290, "outcome": 290, "method": 290, "fails": 290}

    working = html.P(reader.say("uncertainty_working"), className="quiet")

    def part(name: str, *above: Any) -> html.Section:
        return parts.section(
            f"uncertainty-{name}",
            reader.say(f"uncertainty_part_{name}"),
            *above,
            html.Div(working, id=ids.uncertainty_part(name), **{"aria-live": "polite"}),
            lead=reader.say(f"uncertainty_lead_{name}"),
        )

    return [
        html.H1(reader.say("title.uncertainty")),
        html.P(reader.say("about.uncertainty"), className="lead"),
        dcc.Store(id=ids.UNCERTAINTY_ASKED),
        dcc.Store(id=ids.UNCERTAINTY_SHARE),
        html.Section(
            [
                html.H2(reader.say("uncertainty_setup"), className="unseen"),
                html.Div(
                    [
                        dmc.Select(
                            id=ids.UNCERTAINTY_STORE,
                            label=reader.say("uncertainty_of_store"),
                            data=stores,
                            value=chosen,
                            allowDeselect=False,
                            searchable=True,
                            nothingFoundMessage=reader.say("incentives_nothing"),
                            comboboxProps={"shadow": "md"},
                            w=598,
                            maw="100%",
                        ),
                        *(
                            _select(one, reader, choices[one], values[one], widths[one])
                            for one in ("outcome", "arm", "minus", "method")
                        ),
                    ],
                    className="choosers",
                ),
                html.Div(_not_offered(view, reader), id=ids.UNCERTAINTY_METHODS),
            ],
            className="setup",
        ),
        *trouble,
        html.Div(
            parts.empty(reader.say("uncertainty_empty")),
            id=ids.UNCERTAINTY_EMPTY,
            hidden=bool(stores),
        ),
        _sweep_form(reader, is_open=not stores),
        html.Div(
            [
                html.Div(
                    id=ids.uncertainty_part("answer"), className="part", **{"aria-live": "polite"}
                ),
                part("matters"),
                part("months"),
                part("settled"),
                part("fails", _select("fails", reader, choices["fails"], values["fails"], 290)),
                part("robust"),
                parts.section(
                    "uncertainty-runs",
                    reader.say("uncertainty_part_runs"),
                    html.Div(id=ids.UNCERTAINTY_BRUSHES, className="brushes"),
                    html.Div(id=ids.UNCERTAINTY_RUNS, **{"aria-live": "polite"}),
                    lead=reader.say("uncertainty_lead_runs"),
                ),
                part("unfinished"),
                parts.section(
                    "uncertainty-take",
                    reader.say("compare_take"),
                    html.Div(_take(view, reader), id=ids.UNCERTAINTY_TAKE),
                    lead=reader.say("uncertainty_lead_take"),
                ),
            ],
            id=ids.UNCERTAINTY_BODY,
            hidden=not stores,
        ),
    ]


# --- a sweep of one's own ---------------------------------------------------------------------


def _reforms(reader: Reader) -> Choices:
    found = []
    for region in library()["regions"]:
        items = [
            {"value": row["id"], "label": row[f"title_{reader.lang}"]}
            for row in library()["scenarios"]
            if row["region"] == region["id"] and row["id"] != region["id"]
        ]
        if items:
            found.append({"group": region[f"title_{reader.lang}"], "items": items})
    return found


def _factors(reform: str, reader: Reader) -> Choices:
    return [
        {"value": name, "label": row.label_en if reader.lang == "en" else row.label_zh}
        for name, row in parameters_of(reform).items()
    ]


def _numbers(name: str, values: tuple[int, ...], reader: Reader) -> Choices:
    return [
        {
            "value": str(value),
            "label": reader.say(f"sweep_n_{name}", n=words.count(value, reader.lang)),
        }
        for value in values
    ]


def _sweep_form(reader: Reader, *, is_open: bool) -> Any:
    first = SweepChoice()

    def select(name: str, choices: Choices, value: str, width: int = 220) -> Any:
        return dmc.Select(
            id=ids.sweep_field(name),
            label=reader.say(f"sweep_{name}"),
            data=choices,
            value=value,
            allowDeselect=False,
            searchable=name == "reform",
            nothingFoundMessage=reader.say("incentives_nothing"),
            comboboxProps={"shadow": "md"},
            maxDropdownHeight=420,
            w=width,
            maw="100%",
        )

    kinds = [{"value": kind, "label": reader.say(f"sweep_kind_{kind}")} for kind in KINDS]
    return parts.fold(
        reader.say("sweep_begin"),
        html.P(reader.say("sweep_lead"), className="quiet"),
        html.Div(
            [
                select("reform", _reforms(reader), first.reform, 340),
                select("kind", kinds, first.kind, 340),
                select("size", _numbers("size", SIZES, reader), str(first.size)),
                select("people", _numbers("people", PEOPLE, reader), str(first.people)),
                select(
                    "replicates",
                    _numbers("replicates", REPLICATES, reader),
                    str(first.replicates),
                ),
                select("months", _numbers("months", MONTHS, reader), str(first.months)),
            ],
            className="choosers",
        ),
        dmc.MultiSelect(
            id=ids.sweep_field("factors"),
            label=reader.say("sweep_factors", most=MOST_FACTORS),
            data=_factors(first.reform, reader),
            value=list(first.factors),
            searchable=True,
            maxValues=MOST_FACTORS,
            nothingFoundMessage=reader.say("incentives_nothing"),
            comboboxProps={"shadow": "md"},
            maxDropdownHeight=420,
            mt=12,
        ),
        html.P(id=ids.SWEEP_COUNT, className="quiet apart"),
        html.Div(
            [
                html.Button(reader.say("sweep_start"), id=ids.SWEEP_START, className="primary"),
                html.Button(
                    reader.say("compare_cancel"),
                    id=ids.SWEEP_STOP,
                    className="plain",
                    disabled=True,
                ),
            ],
            className="choosers run-row",
        ),
        html.Div(id=ids.SWEEP_TROUBLE, **{"aria-live": "polite"}),
        html.Div(id=ids.SWEEP_TOLD, **{"aria-live": "polite"}),
        dcc.Store(id=ids.SWEEP_JOB),
        dcc.Interval(id=ids.SWEEP_POLL, interval=TICK, disabled=True),
        css="more setup",
        is_open=is_open,
    )


def _sweep_told(progress: Progress, reader: Reader) -> Any:
    if progress.state == "failed":
        return parts.notice(reader.say("sweep_failed", why=progress.error), "error")
    if progress.state == "stopped":
        return parts.notice(reader.say("sweep_stopped"), "warning")
    if progress.state == "done":
        return parts.notice(reader.say("sweep_done"))
    if progress.is_over:
        return None
    if progress.state == "waiting" and progress.ahead:
        text = reader.say("compare_waiting", ahead=progress.ahead)
    else:
        text = reader.say("sweep_running", done=progress.done, total=progress.total)
    return parts.progress(progress.done / max(1, progress.total), text, reader)


def _brushes(view: StoreView) -> list[Any]:
    """One slider of two ends for each axis of the picture of runs."""
    reader = view.reader
    found = []
    for place, (row, (start, end)) in enumerate(
        zip(view.axes.to_dict("records"), view.first_brush(), strict=True)
    ):
        low, high = float(row["low"]), float(row["high"])
        label = str(row[f"label_{reader.lang}"])
        found.append(
            html.Div(
                [
                    html.Div(label, className="lever-name"),
                    dmc.RangeSlider(
                        id=ids.uncertainty_brush(place),
                        min=low,
                        max=high,
                        step=(high - low) / 100.0,
                        precision=max(0, 3 - math.floor(math.log10(high - low))),
                        value=[start, end],
                        minRange=0,
                        updatemode="mouseup",
                        thumbFromLabel=reader.say("uncertainty_brush_from", axis=label),
                        thumbToLabel=reader.say("uncertainty_brush_to", axis=label),
                    ),
                ],
                className="lever",
            )
        )
    return found


def _brush(view: StoreView, given: object) -> list[tuple[float, float]]:
    """Ranges of the sliders from anybody's values; where they are none, as they stand at first."""
    found = view.first_brush()
    values = given if isinstance(given, list) else []
    for place, value in enumerate(values[: len(found)]):
        if not isinstance(value, list) or len(value) != 2:
            continue
        ends = [
            float(end)
            for end in value
            if isinstance(end, (int, float)) and not isinstance(end, bool) and math.isfinite(end)
        ]
        if len(ends) == 2:
            found[place] = (min(ends), max(ends))
    return found


# --- callbacks --------------------------------------------------------------------------------


def register(app: dash.Dash, services: Services) -> None:
    """Declare the page's callbacks."""
    _register_choice(app, services)
    for name in ("answer", *SECTIONS):
        _register_part(app, services, name)
    _register_runs(app, services)
    _register_sweep(app, services)
    app.clientside_callback(
        ClientsideFunction("payshift", "share"),
        Output(ids.UNCERTAINTY_SHARE, "modified_timestamp"),
        Input(ids.UNCERTAINTY_SHARE, "data"),
        prevent_initial_call=True,
    )


def _register_choice(app: dash.Dash, services: Services) -> None:
    @app.callback(
        Output(ids.UNCERTAINTY_ASKED, "data"),
        Output(ids.UNCERTAINTY_SHARE, "data"),
        Output(ids.UNCERTAINTY_METHODS, "children"),
        Output(ids.UNCERTAINTY_TAKE, "children"),
        *(Output(ids.uncertainty_field(name), "data") for name in FIELDS),
        *(Output(ids.uncertainty_field(name), "value") for name in FIELDS),
        Input(ids.UNCERTAINTY_STORE, "value"),
        *(Input(ids.uncertainty_field(name), "value") for name in FIELDS),
        State(ids.MAIN, "lang"),
    )
    def choose(store: object, *given: object) -> Any:
        *fields, lang = given
        value = {"store": store, "lang": lang, **dict(zip(FIELDS, fields, strict=True))}
        nothing = (no_update,) * (4 + 2 * len(FIELDS))
        try:
            view = _view(services, value)
        except PayshiftError:
            return nothing
        if view is None:
            return nothing
        choices, values = _choices(view), _values(view.asked)
        kept = view.asked.as_fields()
        return (
            {**kept, "lang": view.reader.lang},
            kept,
            _not_offered(view, view.reader),
            _take(view, view.reader),
            *(choices[name] for name in FIELDS),
            *(values[name] for name in FIELDS),
        )


def _piece(name: str) -> Callable[[StoreView], list[Any]]:
    return {
        "answer": StoreView.answer,
        "matters": StoreView.matters,
        "months": StoreView.over_time,
        "settled": StoreView.settled,
        "fails": StoreView.fails,
        "robust": StoreView.robust,
        "unfinished": StoreView.unfinished,
    }[name]


def _drawn(services: Services, view: StoreView, name: str) -> Any:
    """A section of the page, drawn once for all who ask the same."""
    opened: Opened = view.opened
    key = ("sweep", name, opened.stamp, view.reader.lang, *view.asked.as_fields().values())
    return services.shelf.piece(key, lambda: _piece(name)(view))


def _register_part(app: dash.Dash, services: Services, name: str) -> None:
    @app.callback(
        Output(ids.uncertainty_part(name), "children"),
        Input(ids.UNCERTAINTY_ASKED, "data"),
        prevent_initial_call=True,
    )
    def draw(asked: object) -> Any:
        try:
            view = _view(services, asked)
        except PayshiftError as error:
            return [parts.notice(error.message, "error")] if name == "answer" else []
        return no_update if view is None else _drawn(services, view, name)


def _register_runs(app: dash.Dash, services: Services) -> None:
    @app.callback(
        Output(ids.UNCERTAINTY_BRUSHES, "children"),
        Input(ids.UNCERTAINTY_ASKED, "data"),
        prevent_initial_call=True,
    )
    def brushes(asked: object) -> Any:
        try:
            view = _view(services, asked)
        except PayshiftError:
            return []
        return no_update if view is None else _brushes(view)

    @app.callback(
        Output(ids.UNCERTAINTY_RUNS, "children"),
        Input(ids.uncertainty_brush(ALL), "value"),
        State(ids.UNCERTAINTY_ASKED, "data"),
        prevent_initial_call=True,
    )
    def runs(given: object, asked: object) -> Any:
        try:
            view = _view(services, asked)
        except PayshiftError as error:
            return [parts.notice(error.message, "error")]
        return no_update if view is None else view.runs(_brush(view, given))


def _register_sweep(app: dash.Dash, services: Services) -> None:
    jobs = services.jobs
    inputs = [Input(ids.sweep_field(name), "value") for name in SWEEP_FIELDS]
    states = [State(ids.sweep_field(name), "value") for name in SWEEP_FIELDS]

    @app.callback(
        Output(ids.sweep_field("factors"), "data"),
        Output(ids.sweep_field("factors"), "value"),
        Input(ids.sweep_field("reform"), "value"),
        State(ids.sweep_field("factors"), "value"),
        State(ids.MAIN, "lang"),
        prevent_initial_call=True,
    )
    def factors(reform: object, chosen: object, lang: object) -> Any:
        known = [item["value"] for group in _reforms(Reader("en")) for item in group["items"]]
        if reform not in known:
            return no_update, no_update
        options = _factors(str(reform), Reader(language_of(lang)))
        usable = {option["value"] for option in options}
        kept = chosen if isinstance(chosen, list) else []
        return options, [name for name in kept if isinstance(name, str) and name in usable]

    @app.callback(
        Output(ids.SWEEP_COUNT, "children"),
        Output(ids.SWEEP_START, "disabled"),
        *inputs,
        State(ids.MAIN, "lang"),
    )
    def count(*given: object) -> Any:
        *fields, lang = given
        reader = Reader(language_of(lang))
        try:
            choice = SweepChoice.read(dict(zip(SWEEP_FIELDS, fields, strict=True)))
        except ScenarioError:
            return reader.say("sweep_incomplete", most=MOST_FACTORS), True
        most = services.settings.most_runs
        key = "sweep_count" if choice.runs <= most else "sweep_too_many"
        said = {"runs": choice.runs, "most": most}
        shown = {name: words.count(n, reader.lang) for name, n in said.items()}
        return reader.say(key, **shown), choice.runs > most

    @app.callback(
        Output(ids.SWEEP_JOB, "data"),
        Output(ids.SWEEP_TROUBLE, "children"),
        Input(ids.SWEEP_START, "n_clicks"),
        *states,
        prevent_initial_call=True,
    )
    def start(clicks: object, *fields: object) -> Any:
        if not clicks:
            return no_update, no_update
        holder = uuid.uuid4().hex
        try:
            choice = SweepChoice.read(dict(zip(SWEEP_FIELDS, fields, strict=True)))
            plan = jobs.plan_sweep(choice.design(), services.stores.folder)
            key = jobs.submit_sweep(plan, holder)
        except PayshiftError as error:
            told = [parts.notice(each.message, "error") for each in list(error.all)[:5]]
            return no_update, told
        return {"key": key, "holder": holder}, []

    @app.callback(
        Output(ids.SWEEP_TOLD, "children"),
        Output(ids.SWEEP_POLL, "disabled"),
        Output(ids.SWEEP_STOP, "disabled"),
        Output(ids.UNCERTAINTY_STORE, "data"),
        Output(ids.UNCERTAINTY_STORE, "value"),
        Output(ids.UNCERTAINTY_BODY, "hidden"),
        Output(ids.UNCERTAINTY_EMPTY, "hidden"),
        Input(ids.SWEEP_POLL, "n_intervals"),
        Input(ids.SWEEP_JOB, "data"),
        State(ids.MAIN, "lang"),
        prevent_initial_call=True,
    )
    def poll(ticks: object, data: object, lang: object) -> Any:
        del ticks
        same = (no_update,) * 4
        key, _ = job_of(data)
        store = jobs.store_of(key) if key else ""
        if not store:
            return no_update, True, True, *same
        reader = Reader(language_of(lang))
        progress = jobs.progress(key)
        if progress.state == "done":
            same = (_stores(services, reader), store, False, True)
        return _sweep_told(progress, reader), progress.is_over, progress.is_over, *same

    @app.callback(
        Output(ids.SWEEP_STOP, "title"),
        Input(ids.SWEEP_STOP, "n_clicks"),
        State(ids.SWEEP_JOB, "data"),
        prevent_initial_call=True,
    )
    def stop(clicks: object, data: object) -> Any:
        key, holder = job_of(data)
        if clicks and key:
            jobs.cancel(key, holder)
        return no_update


PAGE = Page("/uncertainty", "uncertainty", layout, register)
