"""Compare: reforms beside a region's status quo; the answer, then why, then how sure.

Knows what a reader chooses and how results are laid out; must not know how a run is made.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update

from dashboards import components as parts
from dashboards import ids
from dashboards.choice import MONTHS, MOST_ARMS, PEOPLE, REPLICATES, ArmChoice, Choice
from dashboards.exports import FILES
from dashboards.figures import words
from dashboards.jobs import Progress
from dashboards.page import Page, Services, Visit
from dashboards.pages import contract, ensemble
from dashboards.pages.library import library
from dashboards.report import ReportTables
from dashboards.result_view import View
from dashboards.texts import Reader, language_of
from experiments.precision import half_width
from sim.errors import PayshiftError, ScenarioError

__all__ = ["PAGE", "job_of"]

DEFAULT = Choice(
    arms=tuple(
        ArmChoice(f"china-county-{name}")
        for name in ("global-budget", "capitation", "drg", "value-based")
    )
)
# Milliseconds from an answer to the next question: while first numbers are made, while they are
# waited for in a queue or sharpen, and after.
FAST, EARLY, SLOW = 150, 250, 1_000
# Stages that somebody waits for: the answer is sent before one outcome's story is drawn.
_AT_FIRST = ("sample-1", "part-1")


# --- what the page is made of -----------------------------------------------------------------


def _scenarios(region: str) -> list[dict[str, Any]]:
    return [
        row for row in library()["scenarios"] if row["region"] == region and row["id"] != region
    ]


def _title(name: str, reader: Reader) -> str:
    row = next((row for row in library()["scenarios"] if row["id"] == name), None)
    return str(row[f"title_{reader.lang}"]) if row else name


def _regions(reader: Reader) -> list[dict[str, str]]:
    return [
        {"value": row["id"], "label": row[f"title_{reader.lang}"]}
        for row in library()["regions"]
        if _scenarios(row["id"])
    ]


def _addable(choice: Choice, reader: Reader) -> list[dict[str, str]]:
    return [
        {"value": row["id"], "label": row[f"title_{reader.lang}"]}
        for row in _scenarios(choice.region)
    ]


def _arms(choice: Choice, reader: Reader) -> list[Any]:
    items = [
        html.Li(
            [
                parts.swatch(0),
                html.Span(reader.say("status_quo"), className="name"),
                html.Small(reader.say("compare_quo_note"), className="quiet"),
            ],
            className="arm",
        )
    ]
    for number, arm in enumerate(choice.arms, 1):
        title = _title(arm.id, reader)
        items.append(
            html.Li(
                [
                    parts.swatch(number),
                    html.Span(title, className="name"),
                    *(
                        [html.Small(reader.say("compare_changed"), className="tag")]
                        if arm.is_changed
                        else []
                    ),
                    html.Button(
                        reader.say("compare_edit"),
                        id=ids.edit_arm(number),
                        className="small",
                        **{"aria-label": reader.say("compare_edit_arm", arm=title)},
                    ),
                    html.Button(
                        "×",
                        id=ids.drop_arm(number),
                        className="small",
                        title=reader.say("compare_drop"),
                        **{"aria-label": reader.say("compare_drop_arm", arm=title)},
                    ),
                ],
                className="arm",
            )
        )
    return items


def _options(values: tuple[int, ...], current: int, reader: Reader, key: str) -> list[Any]:
    return [
        {"value": str(v), "label": reader.say(key, n=words.count(v, reader.lang))}
        for v in sorted({*values, current})
    ]


def _setup(choice: Choice, reader: Reader) -> html.Section:
    lang = reader

    def select(name: str, values: tuple[int, ...], current: int, key: str) -> dmc.Select:
        return dmc.Select(
            id=name,
            data=_options(values, current, lang, f"compare_n_{key}"),
            value=str(current),
            label=lang.say(f"compare_{key}"),
            allowDeselect=False,
            w=170,
        )

    return html.Section(
        [
            html.H2(reader.say("compare_setup"), className="unseen", id="setup-title"),
            html.Div(
                [
                    dmc.Select(
                        id=ids.REGION,
                        data=_regions(reader),
                        value=choice.region,
                        label=reader.say("compare_region"),
                        allowDeselect=False,
                        w=330,
                    ),
                    select(ids.PEOPLE, PEOPLE, choice.people, "people"),
                    select(ids.REPLICATES, REPLICATES, choice.replicates, "replicates"),
                    select(ids.MONTHS, MONTHS, choice.months, "months"),
                ],
                className="choosers",
            ),
            html.Ul(_arms(choice, reader), id=ids.ARMS, className="arm-list"),
            html.Div(
                [
                    dmc.Select(
                        id=ids.ADD_ARM,
                        data=_addable(choice, reader),
                        placeholder=reader.say("compare_add"),
                        searchable=True,
                        nothingFoundMessage=reader.say("compare_nothing"),
                        w=330,
                        **{"aria-label": reader.say("compare_add")},
                    ),
                    html.Button(reader.say("compare_run"), id=ids.RUN, className="primary"),
                    html.Button(
                        reader.say("compare_cancel"),
                        id=ids.CANCEL,
                        className="plain",
                        disabled=True,
                    ),
                ],
                className="choosers run-row",
            ),
            html.Div(id=ids.TROUBLE, **{"aria-live": "polite"}),
            html.Div(id=ids.PROGRESS, **{"aria-live": "polite"}),
        ],
        className="setup",
        **{"aria-labelledby": "setup-title"},
    )


def layout(visit: Visit) -> list[Any]:
    """The page for one visit; a comparison that is there already is shown at once."""
    reader = visit.reader
    trouble: list[Any] = []
    try:
        choice = Choice.of_query(visit.query, DEFAULT)
    except PayshiftError as error:
        choice, trouble = DEFAULT, [parts.notice(error.message, "error")]
    key = ""
    if not trouble:
        try:
            jobs = visit.services.jobs
            plan = jobs.plan(choice.scenarios(), choice.replicates)
            if jobs.progress(plan.key).state != "unknown":
                key = plan.key
            else:
                jobs.foresee(plan)
        except PayshiftError as error:
            if "arms" in visit.query:
                trouble = [parts.notice(error.message, "error")]
    is_whole = bool(key) and visit.services.jobs.progress(key).stage == "whole"
    return [
        html.H1(reader.say("title.compare")),
        html.P(reader.say("about.compare"), className="lead"),
        dcc.Store(id=ids.READER, data=reader.lang),
        dcc.Store(id=ids.CHOICE, data=choice.as_data()),
        dcc.Store(id=ids.JOB, data=_job(key, choice) if key else None),
        # Filled by the first poll: one that stands here already is no change, and draws nothing.
        dcc.Store(id=ids.STAGE),
        dcc.Store(id=ids.DETAIL),
        dcc.Store(id=ids.DRAWN),
        dcc.Store(id=ids.AHEAD),
        dcc.Store(id=ids.DRAFT),
        dcc.Store(id=ids.SHARE),
        dcc.Interval(id=ids.POLL, interval=FAST, max_intervals=1, disabled=not key),
        *ensemble.keeps(),
        _setup(choice, reader),
        *trouble,
        contract.drawer(reader),
        html.Div(
            [] if is_whole else parts.empty(reader.say("compare_empty")),
            id=ids.RESULTS,
        ),
        html.Div(id=ids.REST),
    ]


def _job(key: str, choice: Choice) -> dict[str, Any]:
    """What a page keeps of a comparison asked for: its choice may be changed before it is done."""
    return {"key": key, "holder": uuid.uuid4().hex, "choice": choice.as_data()}


# --- results ----------------------------------------------------------------------------------


def _stage_note(stage: str, tables: ReportTables, choice: Choice, reader: Reader) -> Any:
    """What is shown so far, and what is still to come."""
    kind, _, number = stage.partition("-")
    if kind == "whole":
        return None
    is_single = kind == "arms" or number == "1"
    told = reader.say(
        "compare_stage_one" if kind == "part" and is_single else f"compare_stage_{kind}",
        n=number,
        arms=len(choice.arms) + 1,
        people=words.count(tables.people, reader.lang),
    )
    half = half_width(choice.region, tables.people) if is_single else None
    if half is not None:
        # One replicate has no interval, but how far apart such replicates lie was measured.
        told = f"{told} {reader.say('compare_precision', half=f'{half:.1f}')}"
    more = reader.say(
        "compare_stage_more",
        people=words.count(choice.people, reader.lang),
        n=choice.replicates,
    )
    return parts.notice(told, "info", html.P(more, className="quiet"))


def _first_look(
    services: Services, key: str, stage: str, choice: Choice, reader: Reader, asked: object
) -> list[Any]:
    """The answer, the scorecard and one outcome: what a reader sees first."""
    tables = services.shelf.tables(key, stage)
    if tables is None:
        return [parts.empty(reader.say("compare_gone"))]

    def make() -> list[Any]:
        view = View(tables, reader)
        note = _stage_note(stage, tables, choice, reader)
        n = len(tables.provenance["seeds"])
        return [
            *([note] if note is not None else []),
            html.P(
                reader.say(
                    "compare_sample" if n > 1 else "compare_sample_one",
                    people=words.count(tables.people, reader.lang),
                    residents=words.count(tables.residents, reader.lang),
                    n=n,
                ),
                className="kicker sample",
            ),
            view.answer(),
            view.scorecard(),
        ]

    top: list[Any] = services.shelf.piece((key, stage, reader.lang, choice), make)
    return [
        *top,
        html.Section(
            [] if stage in _AT_FIRST else _detail(services, key, stage, reader, asked),
            id=ids.DETAIL_PANEL,
            className="part detail",
            **{"aria-label": reader.say("compare_detail"), "aria-live": "polite"},
        ),
    ]


def _detail(
    services: Services, key: str, stage: str, reader: Reader, asked: object
) -> list[Any] | None:
    """The story of the cell that was asked for, or of the strongest change."""
    tables = services.shelf.tables(key, stage)
    if tables is None:
        return None
    asked = asked if isinstance(asked, Mapping) else {}
    outcome, arm = str(asked.get("outcome")), str(asked.get("arm"))
    known = outcome in set(tables.outcomes["id"]) and arm in set(tables.arms["arm"])
    if not known:
        if stage.startswith("arms"):
            return []  # not drawn before all arms are there
        outcome = arm = ""

    def make() -> list[Any]:
        view = View(tables, reader)
        return view.detail(
            outcome or view.first_outcome(), arm or (view.reforms[0].id if view.reforms else "")
        )

    found: list[Any] = services.shelf.piece((key, stage, reader.lang, "detail", outcome, arm), make)
    return found


def _rest(services: Services, key: str, stage: str, choice: Choice, reader: Reader) -> list[Any]:
    """Who gains, where the money goes, providers, how sure it is, and files to take."""
    tables = services.shelf.tables(key, stage)
    if tables is None or stage.startswith("arms"):
        return []

    def make() -> list[Any]:
        view = View(tables, reader)
        return [
            view.gainers(),
            view.flows(),
            view.providers(),
            view.sure(),
        ]

    found: list[Any] = services.shelf.piece((key, stage, reader.lang, choice, "rest"), make)
    return [
        *found,
        *([ensemble.panel(choice, reader)] if stage == "whole" else []),
        _downloads(key, stage, reader, choice.command()),
    ]


def _downloads(key: str, stage: str, reader: Reader, command: str) -> html.Section:
    links: list[Any] = []
    if stage == "whole":
        links = [
            html.Li(
                html.A(
                    reader.say(f"compare_file_{name.partition('.')[0]}"),
                    href=f"/record/{key}/{name}?lang={reader.lang}",
                    download="",
                    className="plain",
                )
            )
            for name in FILES
        ]
    return parts.section(
        "take",
        reader.say("compare_take"),
        html.Ul(links, className="link-row") if links else html.P(reader.say("compare_take_later")),
        html.P(reader.say("compare_command"), className="kicker apart"),
        parts.command(command),
        lead=reader.say("compare_take_lead"),
    )


def _told(progress: Progress, reader: Reader) -> Any:
    if progress.state == "failed":
        return parts.notice(reader.say("compare_failed", why=progress.error), "error")
    if progress.state == "stopped":
        return parts.notice(reader.say("compare_stopped"), "warning")
    if progress.is_over:
        return None
    text = (
        reader.say("compare_waiting", ahead=progress.ahead)
        if progress.state == "waiting" and progress.ahead
        else reader.say(
            "compare_running",
            done=progress.done,
            total=progress.total,
            replicates=progress.replicates,
            of=progress.of,
        )
    )
    return parts.progress(progress.done / max(1, progress.total), text, reader)


# --- callbacks --------------------------------------------------------------------------------


def job_of(data: object) -> tuple[str, str]:
    """The key of a job and the name of who waits for it, from data anybody may have sent."""
    if isinstance(data, Mapping):
        key, holder = data.get("key"), data.get("holder")
        if isinstance(key, str) and isinstance(holder, str) and len(key) <= 64:
            return key, holder[:64]
    return "", ""


def _choice_of(data: object) -> Choice:
    """The choice that a job was asked for with; an empty one if that is unreadable."""
    try:
        return Choice.read(data.get("choice") if isinstance(data, Mapping) else None)
    except ScenarioError:
        return Choice()


def _stage(data: object) -> tuple[str, str]:
    if isinstance(data, Mapping):
        key, stage = data.get("key"), data.get("stage")
        if isinstance(key, str) and isinstance(stage, str) and len(stage) <= 20:
            return key, stage
    return "", ""


def _changed(choice: Choice, number: int, arm: ArmChoice | None) -> Choice:
    arms = list(choice.arms)
    if not 1 <= number <= len(arms):
        return choice
    if arm is None:
        del arms[number - 1]
    else:
        arms[number - 1] = arm
    return Choice(choice.region, tuple(arms), choice.people, choice.replicates, choice.months)


def register(app: dash.Dash, services: Services) -> None:
    """Declare the page's callbacks."""
    _register_choice(app)
    _register_job(app, services)
    _register_panels(app, services)
    contract.register(app)
    ensemble.register(app, services)
    app.clientside_callback(
        ClientsideFunction("payshift", "share"),
        Output(ids.RUN, "title"),
        Input(ids.SHARE, "data"),
        prevent_initial_call=True,
    )


def _register_choice(app: dash.Dash) -> None:
    @app.callback(
        Output(ids.CHOICE, "data"),
        Output(ids.ARMS, "children"),
        Output(ids.ADD_ARM, "data"),
        Output(ids.ADD_ARM, "value"),
        Output(ids.EDITOR_SAID, "children"),
        Input(ids.REGION, "value"),
        Input(ids.PEOPLE, "value"),
        Input(ids.REPLICATES, "value"),
        Input(ids.MONTHS, "value"),
        Input(ids.ADD_ARM, "value"),
        Input(ids.drop_arm(ALL), "n_clicks"),
        Input(ids.EDITOR_KEEP, "n_clicks"),
        State(ids.CHOICE, "data"),
        State(ids.DRAFT, "data"),
        State(ids.EDITOR_TEXT, "value"),
        State(ids.READER, "data"),
        prevent_initial_call=True,
    )
    def choose(
        region: object,
        people: object,
        replicates: object,
        months: object,
        added: object,
        dropped: object,
        kept: object,
        data: object,
        draft: object,
        text: object,
        lang: object,
    ) -> tuple[Any, ...]:
        reader = Reader(language_of(lang))
        asked = ctx.triggered_id
        try:
            choice = Choice.read(data)
            told: Any = []
            if asked == ids.REGION:
                known = [row["value"] for row in _regions(reader)]
                if region == choice.region or region not in known:
                    return (no_update,) * 5
                arms = tuple(ArmChoice(row["id"]) for row in _scenarios(str(region))[:2])
                choice = Choice(str(region), arms, choice.people, choice.replicates, choice.months)
            elif asked in (ids.PEOPLE, ids.REPLICATES, ids.MONTHS):
                choice = Choice.read(
                    {
                        **choice.as_data(),
                        "people": people,
                        "replicates": replicates,
                        "months": months,
                    }
                )
            elif asked == ids.ADD_ARM:
                if not isinstance(added, str) or len(choice.arms) >= MOST_ARMS:
                    return (no_update, no_update, no_update, None, no_update)
                if added not in {row["id"] for row in _scenarios(choice.region)}:
                    return (no_update,) * 5
                choice = Choice.read(
                    {**choice.as_data(), "arms": [*choice.as_data()["arms"], {"id": added}]}
                )
            elif asked == ids.EDITOR_KEEP:
                if not kept:
                    return (no_update,) * 5
                number, arm = contract.kept_arm(draft, text)
                choice = _changed(choice, number, arm)
            elif isinstance(asked, Mapping) and asked.get("kind") == "drop-arm":
                if not any(dropped if isinstance(dropped, list) else []):
                    return (no_update,) * 5
                choice = _changed(choice, int(asked["number"]), None)
            else:
                return (no_update,) * 5
        except PayshiftError as error:
            told = contract.said(error, reader)
            if asked != ids.EDITOR_KEEP:
                told = no_update
            return (no_update, no_update, no_update, no_update, told)
        return (
            choice.as_data(),
            _arms(choice, reader),
            _addable(choice, reader),
            None,
            told if asked == ids.EDITOR_KEEP else no_update,
        )


def _register_job(app: dash.Dash, services: Services) -> None:
    jobs = services.jobs

    @app.callback(
        Output(ids.JOB, "data"),
        Output(ids.TROUBLE, "children"),
        Output(ids.SHARE, "data"),
        Input(ids.RUN, "n_clicks"),
        State(ids.CHOICE, "data"),
        State(ids.READER, "data"),
        prevent_initial_call=True,
    )
    def run(clicks: object, data: object, lang: object) -> tuple[Any, Any, Any]:
        if not clicks:
            return no_update, no_update, no_update
        del lang
        holder = uuid.uuid4().hex
        try:
            choice = Choice.read(data)
            plan = jobs.plan(choice.scenarios(), choice.replicates)
            key = jobs.submit(plan, choice.command(), holder)
        except PayshiftError as error:
            return (
                no_update,
                [parts.notice(each.message, "error") for each in error.all[:5]],
                no_update,
            )
        return _job(key, choice) | {"holder": holder}, [], choice.as_query()

    @app.callback(
        Output(ids.AHEAD, "data"),
        Input(ids.CHOICE, "data"),
    )
    def ahead(data: object) -> Any:
        """Let first numbers of what is chosen be made while nobody waits for anything."""
        with contextlib.suppress(PayshiftError):
            choice = Choice.read(data)
            jobs.foresee(jobs.plan(choice.scenarios(), choice.replicates))
        return no_update

    @app.callback(
        Output(ids.PROGRESS, "children"),
        Output(ids.STAGE, "data"),
        Output(ids.POLL, "disabled"),
        Output(ids.CANCEL, "disabled"),
        Output(ids.POLL, "interval"),
        Output(ids.POLL, "max_intervals"),
        Input(ids.POLL, "n_intervals"),
        Input(ids.JOB, "data"),
        State(ids.STAGE, "data"),
        State(ids.DRAWN, "data"),
        State(ids.READER, "data"),
        State(ids.POLL, "interval"),
    )
    def poll(
        ticks: object, data: object, shown: object, drawn: object, lang: object, interval: object
    ) -> tuple[Any, ...]:
        key, _ = job_of(data)
        if not key:
            return no_update, no_update, True, True, no_update, no_update
        reader = Reader(language_of(lang))
        progress = jobs.awaited(key)
        stage: Any = {"key": key, "stage": progress.stage}
        wanted: Any = EARLY if progress.stage.startswith(("arms", "sample-1")) else SLOW
        if not progress.stage:
            wanted = FAST if progress.state == "running" else EARLY
        is_drawing = _stage(shown)[0] == key and drawn != shown and not progress.is_over
        if not progress.stage or stage == shown or is_drawing:
            # A browser drops the answer it waits for when the question is asked anew: one stage
            # is drawn before the next is told, or a busy machine would never show any.
            stage = no_update
        return (
            _told(progress, reader),
            stage,
            progress.is_over,
            progress.is_over,
            no_update if wanted == interval else wanted,
            # once more, counted from this answer, for the same reason
            (ticks if isinstance(ticks, int) and 0 <= ticks < 2**31 else 0) + 1,
        )

    @app.callback(
        Output(ids.CANCEL, "title"),
        Input(ids.CANCEL, "n_clicks"),
        State(ids.JOB, "data"),
        prevent_initial_call=True,
    )
    def cancel(clicks: object, data: object) -> Any:
        key, holder = job_of(data)
        if clicks and key:
            jobs.cancel(key, holder)
        return no_update

    @app.callback(
        Output(ids.RESULTS, "children"),
        Output(ids.DRAWN, "data"),
        Input(ids.STAGE, "data"),
        State(ids.JOB, "data"),
        State(ids.DETAIL, "data"),
        State(ids.READER, "data"),
    )
    def draw(data: object, job: object, asked: object, lang: object) -> Any:
        key, stage = _stage(data)
        if not key:
            return no_update, no_update
        reader = Reader(language_of(lang))
        return _first_look(services, key, stage, _choice_of(job), reader, asked), data

    @app.callback(
        Output(ids.DETAIL_PANEL, "children", allow_duplicate=True),
        Input(ids.DRAWN, "data"),
        State(ids.DETAIL, "data"),
        State(ids.READER, "data"),
        prevent_initial_call=True,
    )
    def story(data: object, asked: object, lang: object) -> Any:
        """Draw one outcome's story, once the answer is on the screen."""
        key, stage = _stage(data)
        if not key or stage not in _AT_FIRST:
            return no_update
        return _detail(services, key, stage, Reader(language_of(lang)), asked)

    @app.callback(
        Output(ids.REST, "children"),
        Input(ids.DRAWN, "data"),
        State(ids.JOB, "data"),
        State(ids.READER, "data"),
        prevent_initial_call=True,
    )
    def rest(data: object, job: object, lang: object) -> Any:
        """Draw what stands below, once the first numbers are on the screen."""
        key, stage = _stage(data)
        if not key:
            return no_update
        return _rest(services, key, stage, _choice_of(job), Reader(language_of(lang)))


def _register_panels(app: dash.Dash, services: Services) -> None:
    def view_of(data: object, lang: object) -> tuple[View | None, tuple[str, str, str]]:
        key, stage = _stage(data)
        reader = Reader(language_of(lang))
        tables = services.shelf.tables(key, stage) if key else None
        return (None if tables is None else View(tables, reader)), (key, stage, reader.lang)

    @app.callback(
        Output(ids.DETAIL_PANEL, "children"),
        Output(ids.DETAIL, "data"),
        Input(ids.cell(ALL, ALL), "n_clicks"),
        State(ids.STAGE, "data"),
        State(ids.READER, "data"),
        prevent_initial_call=True,
    )
    def detail(clicks: object, data: object, lang: object) -> Any:
        asked = ctx.triggered_id
        if not isinstance(asked, Mapping) or not any(clicks if isinstance(clicks, list) else []):
            return no_update, no_update
        chosen = {"outcome": str(asked.get("outcome")), "arm": str(asked.get("arm"))}
        view, (key, stage, _) = view_of(data, lang)
        if view is None or chosen["outcome"] not in set(view.tables.outcomes["id"]):
            return no_update, no_update
        if chosen["arm"] not in view.position:
            return no_update, no_update
        return _detail(services, key, stage, view.reader, chosen), chosen

    @app.callback(
        Output(ids.GAIN_PANEL, "children"),
        Input(ids.GAIN_OUTCOME, "value"),
        Input(ids.GAIN_BY, "value"),
        State(ids.STAGE, "data"),
        State(ids.READER, "data"),
        prevent_initial_call=True,
    )
    def gain(outcome: object, by: object, data: object, lang: object) -> Any:
        view, name = view_of(data, lang)
        if view is None or outcome not in view.grouped_outcomes():
            return no_update
        if by not in ("income", "health", "payer", "place"):
            return no_update
        return services.shelf.piece(
            (*name, "gain", outcome, by), lambda: view.gainer(str(outcome), str(by))
        )

    @app.callback(
        Output(ids.FLOW_PANEL, "children"),
        Input(ids.FLOW_ARM, "value"),
        State(ids.STAGE, "data"),
        State(ids.READER, "data"),
        prevent_initial_call=True,
    )
    def flow(arm: object, data: object, lang: object) -> Any:
        view, name = view_of(data, lang)
        if view is None or arm not in view.position:
            return no_update
        return services.shelf.piece((*name, "flow", arm), lambda: view.flow(str(arm)))


PAGE = Page("/", "compare", layout, register)
