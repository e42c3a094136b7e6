"""Lessons: question, prediction, run, reading, an attempt to break it, and a report to hand in.

Knows how a lesson is played and what a reader has done so far, as the page keeps it; must not know
what any lesson teaches. What is said about a run is chosen and filled by that run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import dash
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update

from dashboards import components as parts
from dashboards import ids
from dashboards.figures import words
from dashboards.figures.prediction import course_figure, prediction_figure
from dashboards.jobs import Jobs
from dashboards.lesson_report import LONGEST_ANSWER, Attempt, report_html
from dashboards.lesson_words import (
    Claim,
    claim_of,
    guess_of,
    interval_words,
    outcome_text,
    scale_words,
)
from dashboards.page import Page, Services, Visit
from dashboards.texts import Reader, language_of
from experiments.lessons import Lesson, Verdict, find, goal_met, lesson_ids
from sim.errors import PayshiftError
from sim.record import Comparison
from sim.runner import comparison_plan

__all__ = ["PAGE"]

PATHS: Mapping[str, str] = {"compare": "/"}
STEPS = ("question", "predict", "explain", "break", "hand")
MOST_ATTEMPTS = 12
_TICK = 700
_KEY = frozenset("0123456789abcdef")


# --- what a reader has done, as the page keeps it -------------------------------------------------


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _key_of(value: object) -> str:
    """A record's key from anywhere, or nothing."""
    if not isinstance(value, str) or not 8 <= len(value) <= 64 or not set(value) <= _KEY:
        return ""
    return value


def read_state(value: object, lesson: Lesson) -> dict[str, Any]:
    """What was done in a lesson, from data that anybody may have sent; empty if of another one.

    Returns
    -------
    dict
        ``lesson``, and as far as given ``guess``, ``key`` and ``attempts`` (``levers``, ``key``).
    """
    fresh: dict[str, Any] = {"lesson": lesson.id, "attempts": []}
    if not isinstance(value, Mapping) or value.get("lesson") != lesson.id:
        return fresh
    guess, key = _number(value.get("guess")), _key_of(value.get("key"))
    if guess is None or not key:
        return fresh
    predict = lesson.form.predict
    fresh["guess"] = min(max(guess, predict.low), predict.high)
    fresh["key"] = key
    attempts = value.get("attempts")
    for one in attempts[:MOST_ATTEMPTS] if isinstance(attempts, list) else []:
        if not isinstance(one, Mapping) or not _key_of(one.get("key")):
            continue
        levers = one.get("levers")
        fresh["attempts"].append(
            {
                "levers": lesson.levers(levers if isinstance(levers, Mapping) else {}),
                "key": _key_of(one.get("key")),
            }
        )
    return fresh


def _opened(about: object) -> tuple[Lesson | None, Reader]:
    given = about if isinstance(about, Mapping) else {}
    return find(given.get("lesson")), Reader(language_of(given.get("lang")))


# --- what is shown ----------------------------------------------------------------------------


def _address(page: str, reader: Reader, **fields: str) -> str:
    kept = {name: value for name, value in fields.items() if value}
    if reader.lang != "en":
        kept["lang"] = reader.lang
    path = PATHS.get(page, f"/{page}")
    return f"{path}?{urlencode(kept)}" if kept else path


def _list(reader: Reader) -> list[Any]:
    items = []
    for number, name in enumerate(lesson_ids(), start=1):
        lesson = find(name)
        assert lesson is not None
        form = lesson.form
        items.append(
            html.Li(
                # Same path, other lesson: the shell redraws for a path, so the page is loaded anew.
                html.A(
                    [
                        html.Span(reader.say("lesson_number", number=number), className="number"),
                        html.H2(getattr(form.title, reader.lang)),
                        html.P(getattr(form.idea, reader.lang)),
                        html.P(
                            reader.say("lesson_minutes", minutes=form.teacher.minutes),
                            className="quiet",
                        ),
                    ],
                    href=_address("lessons", reader, lesson=name),
                )
            )
        )
    return [
        html.H1(reader.say("title.lessons")),
        html.P(reader.say("about.lessons"), className="lead"),
        html.Ol(items, className="lesson-list"),
        html.P(reader.say("lesson_write"), className="lead part"),
    ]


def _steps(reader: Reader, now: int) -> list[html.Li]:
    return [
        html.Li(
            [
                html.Span(f"{number + 1}. ", **{"aria-hidden": "true"}),
                reader.say(f"lesson_step_{name}"),
            ],
            className="is-done" if number < now else "is-now" if number == now else "",
            **({"aria-current": "step"} if number == now else {}),
        )
        for number, name in enumerate(STEPS)
    ]


def _arms(lesson: Lesson, reader: Reader) -> html.Ul:
    names = lesson.names(reader.lang)
    return html.Ul(
        [
            html.Li(
                [
                    parts.swatch(position),
                    " ",
                    names[arm.id],
                    *(
                        [html.Span(reader.say("lesson_yardstick"), className="aside")]
                        if position == 0
                        else []
                    ),
                ]
            )
            for position, arm in enumerate(lesson.form.arms)
        ],
        className="plain-list arms",
    )


def _predict(lesson: Lesson, reader: Reader, currency: str) -> list[Any]:
    predict = lesson.form.predict
    about = outcome_text(predict.outcome, reader.lang)
    names = lesson.names(reader.lang)
    marks = [
        {"value": value, "label": scale_words(value, predict, reader.lang, currency)}
        for value in (predict.low, 0.0, predict.high)
    ]
    step = predict.step
    count = round((predict.high - predict.low) / step) + 1
    said = {
        f"{round(predict.low + i * step, 6):g}": scale_words(
            round(predict.low + i * step, 6), predict, reader.lang, currency
        )
        for i in range(min(count, 501))
    }
    return [
        html.P(getattr(predict.question, reader.lang)),
        html.P(f"{about['label']} · {names[predict.arm]}", className="kicker"),
        dcc.Store(id="lesson-said", data=said),
        html.P("–", id=ids.LESSON_GUESS_SHOWN, className="guess", **{"aria-live": "polite"}),
        html.Div(
            dmc.Slider(
                id=ids.LESSON_GUESS,
                min=predict.low,
                max=predict.high,
                step=step,
                value=0.0,
                marks=marks,
                label=None,
                thumbSize=24,
                thumbLabel=getattr(predict.question, reader.lang),
            ),
            className="slider-box",
        ),
        html.Div(
            [
                parts.button(reader.say("lesson_go"), ids.LESSON_GO),
                parts.button(
                    reader.say("lesson_again"), ids.LESSON_AGAIN, is_quiet=True, hidden=True
                ),
            ],
            className="field-row",
        ),
        parts.definition(about, reader, currency),
    ]


def _break(lesson: Lesson, reader: Reader) -> list[Any]:
    task = lesson.form.break_it
    standing = lesson.standing()
    levers = [
        dmc.NumberInput(
            id=ids.lesson_lever(number),
            label=getattr(lever.label, reader.lang),
            value=round(standing[lever.path] * (100.0 if lever.unit == "percent" else 1.0), 6),
            min=round(lever.low * (100.0 if lever.unit == "percent" else 1.0), 6),
            max=round(lever.high * (100.0 if lever.unit == "percent" else 1.0), 6),
            step=round(lever.step * (100.0 if lever.unit == "percent" else 1.0), 6),
            suffix="%" if lever.unit == "percent" else "",
            clampBehavior="strict",
        )
        for number, lever in enumerate(task.levers)
    ]
    goals = [
        html.Li(
            [
                outcome_text(goal.outcome, reader.lang)["label"],
                ": ",
                reader.say(f"lesson_wanted_{goal.wanted}"),
            ]
        )
        for goal in task.goals
    ]
    return [
        html.P(getattr(task.task, reader.lang)),
        html.P(
            reader.say("lesson_goals", yardstick=lesson.names(reader.lang)[lesson.form.arms[0].id]),
            className="quiet",
        ),
        html.Ul(goals, className="plain-list"),
        html.Div(levers, className="levers"),
        parts.button(reader.say("lesson_try"), ids.LESSON_TRY),
        html.Div(id=ids.LESSON_TRY_PROGRESS, role="status"),
        html.Div(id=ids.LESSON_TRIED),
    ]


def _player(lesson: Lesson, reader: Reader) -> list[Any]:
    form, lang = lesson.form, reader.lang
    currency = lesson.scenarios[0].region().currency
    links = [
        html.Li(
            dcc.Link(getattr(link.label, lang), href=_address(link.page, reader, **link.fields))
        )
        for link in form.links
    ]
    discuss = [html.Li(getattr(one, lang)) for one in form.teacher.discuss]
    check, again = lesson.commands()
    return [
        html.P(html.A(reader.say("lesson_all"), href=_address("lessons", reader))),
        html.H1(getattr(form.title, lang)),
        html.Ol(_steps(reader, 0), id=ids.LESSON_STEPS, className="steps"),
        dcc.Store(id=ids.LESSON_STATE, storage_type="session"),
        dcc.Store(id=ids.LESSON_ABOUT, data={"lesson": lesson.id, "lang": lang}),
        dcc.Store(id=ids.LESSON_READY),
        dcc.Interval(id=ids.LESSON_TICK, interval=_TICK, disabled=True),
        dcc.Download(id=ids.LESSON_DOWNLOAD),
        parts.section(
            "question",
            reader.say("lesson_step_question"),
            html.P(getattr(form.question, lang), className="question"),
            _arms(lesson, reader),
        ),
        parts.section(
            "predict", reader.say("lesson_step_predict"), *_predict(lesson, reader, currency)
        ),
        html.Div(id=ids.LESSON_PROGRESS, role="status"),
        html.Div(id=ids.LESSON_RESULT),
        html.Div(
            [
                parts.section("break", reader.say("lesson_step_break"), *_break(lesson, reader)),
                parts.section(
                    "hand",
                    reader.say("lesson_step_hand"),
                    dmc.Textarea(
                        id=ids.LESSON_ANSWER,
                        label=reader.say("lesson_answer"),
                        description=reader.say("lesson_answer_how"),
                        autosize=True,
                        minRows=4,
                        maxRows=14,
                        value="",
                    ),
                    html.Div(
                        parts.button(reader.say("lesson_download"), ids.LESSON_HAND_IN),
                        className="field-row",
                    ),
                ),
            ],
            id=ids.LESSON_BREAK,
            hidden=True,
        ),
        parts.section(
            "further",
            reader.say("lesson_further"),
            html.Ul(links, className="plain-list"),
            parts.fold(
                reader.say("lesson_teacher"),
                html.P(getattr(form.teacher.notes, lang)),
                html.P(reader.say("lesson_discuss"), className="quiet"),
                html.Ul(discuss, className="plain-list"),
                css="more",
            ),
            parts.fold(
                reader.say("lesson_sources"),
                html.Ul([html.Li(source) for source in form.sources], className="plain-list"),
                html.P(reader.say("lesson_commands"), className="quiet"),
                parts.command(f"{check}\n{again}"),
                css="more",
            ),
        ),
    ]


def _bar(reader: Reader, done: int, total: int, ahead: int) -> Any:
    told = (
        reader.say("lesson_waiting", ahead=ahead)
        if ahead
        else reader.say("lesson_running", done=done, total=total)
    )
    return parts.progress(done / max(1, total), told, reader)


def _verdict_words(
    lesson: Lesson, record: Comparison, reader: Reader
) -> tuple[list[Any], list[tuple[str, str, Verdict]]]:
    items: list[Any] = []
    verdicts: list[tuple[str, str, Verdict]] = []
    currency = str(record.info["currency"])
    for goal in lesson.form.break_it.goals:
        row = lesson.attempt_rows(record, goal.outcome)
        verdict = goal_met(goal, row)
        verdicts.append((goal.outcome, goal.wanted, verdict))
        about = outcome_text(goal.outcome, reader.lang)
        told = ""
        if row is not None:
            change = words.change_of(row)
            before, after = words.apart(
                change.baseline, change.value, about["unit"], reader.lang, currency
            )
            told = reader.say(
                "lesson_against",
                before=before,
                after=after,
                interval=interval_words(change, about["unit"], reader.lang, currency),
            )
        items.append(
            html.Li(
                [
                    html.Span(reader.say(f"lesson_verdict_{verdict}"), className="sign"),
                    html.Span(
                        [
                            f"{about['label']}: ",
                            reader.say(f"lesson_wanted_{goal.wanted}"),
                            html.Span(told, className="below"),
                        ]
                    ),
                ],
                className=f"is-{verdict}",
            )
        )
    return items, verdicts


def _guess_sentence(lesson: Lesson, record: Comparison, guess: float, reader: Reader) -> Any:
    predict = lesson.form.predict
    currency = str(record.info["currency"])
    row = lesson.rows(record, predict.outcome).get(predict.arm)
    found = guess_of(predict, guess, row)
    about = outcome_text(predict.outcome, reader.lang)
    key = "inside" if found.is_inside else "sign" if found.has_sign else "outside"
    if row is None or not math.isfinite(found.value):
        return found, reader.say("lesson_guess_unknown")
    sentence = reader.say(
        f"lesson_guess_{key}",
        guess=scale_words(guess, predict, reader.lang, currency),
        value=scale_words(found.value, predict, reader.lang, currency),
        interval=interval_words(words.change_of(row), about["unit"], reader.lang, currency),
    )
    return found, sentence


def _results(lesson: Lesson, record: Comparison, guess: float, reader: Reader) -> list[Any]:
    form, lang = lesson.form, reader.lang
    currency = str(record.info["currency"])
    predict = form.predict
    found, sentence = _guess_sentence(lesson, record, guess, reader)
    about = outcome_text(predict.outcome, lang)
    labels = {
        "guess": f"{reader.say('lesson_you')} {scale_words(guess, predict, lang, currency)}",
        "result": f"{reader.say('lesson_run')} {scale_words(found.value, predict, lang, currency)}",
        "axis": about["label"],
    }
    figure = prediction_figure(
        guess,
        found.value,
        found.low,
        found.high,
        (predict.low, predict.high),
        labels,
        sentence,
        reader.style(currency),
        lambda value: scale_words(value, predict, lang, currency),
    )
    names = lesson.names(lang)
    places = {arm.id: position for position, arm in enumerate(form.arms)}
    items, rows = [], []
    for reading in form.explain:
        row = lesson.rows(record, reading.outcome).get(reading.arm)
        if row is None:
            continue
        claim: Claim = claim_of(reading, row, lang, currency)
        items.append(
            html.Li(
                [
                    html.Span(
                        [parts.swatch(places[reading.arm]), " ", names[reading.arm]],
                        className="arm-name",
                    ),
                    claim.text,
                ],
                className=f"is-{claim.direction}",
            )
        )
        measured = outcome_text(reading.outcome, lang)
        before, after = words.apart(
            claim.change.baseline, claim.change.value, measured["unit"], lang, currency
        )
        rows.append(
            [
                names[reading.arm],
                measured["label"],
                before,
                after,
                interval_words(claim.change, measured["unit"], lang, currency),
            ]
        )
    columns = [
        reader.say(f"lesson_col_{c}") for c in ("arm", "outcome", "before", "after", "interval")
    ]
    shown: list[Any] = [
        parts.figure_card("lesson", figure, reader, kicker=about["label"], currency=currency),
        html.H3(reader.say("lesson_shows"), className="part"),
        html.Ul(items, className="told"),
        parts.fold(
            reader.say("data_table"),
            parts.table(columns, rows, reader.say("lesson_shows"), css="words"),
        ),
    ]
    if form.course is not None:
        course = form.course
        title = str(getattr(course.title, lang))
        drawing = course_figure(
            lesson.by_month(record),
            [(name, names[name], places[name]) for name in course.arms],
            title,
            reader.style(currency),
        )
        shown += [
            parts.figure_card("course", drawing, reader),
            html.P(getattr(course.note, lang), className="quiet"),
        ]
    shown += [
        html.H3(reader.say("lesson_why"), className="part"),
        html.P(getattr(form.theory, lang), className="question"),
        html.P(
            reader.say(
                "lesson_how_text",
                people=words.count(float(record.info["population"]), lang),
                seeds=len(record.info["seeds"]),
                record=record.key,
                version=record.info["versions"]["payshift"],
            ),
            className="kicker",
        ),
    ]
    return [parts.section("explain", reader.say("lesson_step_explain"), *shown)]


# --- the page -----------------------------------------------------------------------------------


def layout(visit: Visit) -> list[Any]:
    """The page for one visit: the list, or the lesson that the address names."""
    reader = visit.reader
    name = visit.query.get("lesson", "")
    lesson = find(name)
    if lesson is not None:
        return [html.Div(_player(lesson, reader), className="lesson")]
    if name:
        return [parts.notice(reader.say("lesson_unknown"), "warning"), *_list(reader)]
    return _list(reader)


def _asked(jobs: Jobs, lesson: Lesson, levers: Mapping[str, float] | None) -> str:
    """Ask for a lesson's run or an attempt; equal ones share one computation. Gives its key."""
    arms = lesson.scenarios if levers is None else lesson.attempt_arms(levers)
    plan = comparison_plan(list(arms), replicates=lesson.form.setup.replicates, status_quo=False)
    return jobs.submit(plan, lesson.commands()[1])


def register(app: dash.Dash, services: Services) -> None:
    """Declare the page's callbacks."""
    jobs = services.jobs

    def record_of(key: str) -> Comparison | None:
        if not key:
            return None
        try:
            return jobs.result(key, "whole")
        except PayshiftError:
            return None

    def is_locked(state: Mapping[str, Any]) -> bool:
        """Whether a guess stands: its run has answered or will; a lost one may be made anew."""
        key = state.get("key", "")
        return bool(key) and jobs.progress(key).state in ("waiting", "running", "done")

    app.clientside_callback(
        ClientsideFunction("teach", "guess"),
        Output(ids.LESSON_GUESS_SHOWN, "children"),
        Input(ids.LESSON_GUESS, "value"),
        Input("lesson-said", "data"),
    )

    @app.callback(
        Output(ids.LESSON_STATE, "data"),
        Output(ids.LESSON_PROGRESS, "children", allow_duplicate=True),
        Input(ids.LESSON_GO, "n_clicks"),
        Input(ids.LESSON_AGAIN, "n_clicks"),
        Input(ids.LESSON_TRY, "n_clicks"),
        State(ids.LESSON_GUESS, "value"),
        State(ids.lesson_lever(ALL), "value"),
        State(ids.LESSON_STATE, "data"),
        State(ids.LESSON_ABOUT, "data"),
        prevent_initial_call=True,
    )
    def go(
        clicks: object,
        again: object,
        tries: object,
        guess: object,
        values: object,
        kept: object,
        about: object,
    ) -> Any:
        lesson, _ = _opened(about)
        if lesson is None:
            return no_update, no_update
        state = read_state(kept, lesson)
        try:
            if ctx.triggered_id == ids.LESSON_AGAIN and again:
                return read_state({}, lesson), []
            if ctx.triggered_id == ids.LESSON_GO and clicks:
                number = _number(guess)
                if number is None or is_locked(state):
                    return no_update, no_update
                given = {"lesson": lesson.id, "guess": number, "key": _asked(jobs, lesson, None)}
                return read_state(given, lesson), []
            if ctx.triggered_id == ids.LESSON_TRY and tries and "key" in state:
                if len(state["attempts"]) >= MOST_ATTEMPTS:
                    return no_update, no_update
                given = {}
                for lever, value in zip(
                    lesson.form.break_it.levers,
                    values if isinstance(values, list) else [],
                    strict=False,
                ):
                    number = _number(value)
                    if number is not None:
                        given[lever.path] = number / (100.0 if lever.unit == "percent" else 1.0)
                levers = lesson.levers(given)
                key = _asked(jobs, lesson, levers)
                state["attempts"].append({"levers": levers, "key": key})
                return state, no_update
        except PayshiftError as error:
            return no_update, parts.notice(error.message, "error")
        return no_update, no_update

    @app.callback(
        Output(ids.LESSON_PROGRESS, "children"),
        Output(ids.LESSON_TRY_PROGRESS, "children"),
        Output(ids.LESSON_READY, "data"),
        Output(ids.LESSON_TICK, "disabled"),
        Output(ids.LESSON_STEPS, "children"),
        Output(ids.LESSON_BREAK, "hidden"),
        Output(ids.LESSON_GUESS, "disabled"),
        Output(ids.LESSON_GO, "disabled"),
        Output(ids.LESSON_AGAIN, "hidden"),
        Input(ids.LESSON_TICK, "n_intervals"),
        Input(ids.LESSON_STATE, "data"),
        State(ids.LESSON_ABOUT, "data"),
        State(ids.LESSON_READY, "data"),
    )
    def watch(tick: object, kept: object, about: object, ready: object) -> Any:
        del tick
        lesson, reader = _opened(about)
        if lesson is None:
            return [no_update] * 9
        state = read_state(kept, lesson)
        if "key" not in state:
            return [], [], None, True, _steps(reader, 0), True, False, False, True
        keys = [state["key"], *(one["key"] for one in state["attempts"])]
        bars: list[list[Any]] = []
        done: list[str] = []
        is_over = True
        for key in keys:
            progress = jobs.progress(key)
            if progress.state == "done":
                done.append(key)
                bars.append([])
            elif progress.state in ("waiting", "running"):
                is_over = False
                bars.append([_bar(reader, progress.done, progress.total, progress.ahead)])
            else:
                told = progress.error or reader.say("lesson_lost")
                bars.append([parts.notice(told, "error")])
        first = state["key"] in done
        step = 1 if not first else 2 if not state["attempts"] else 3
        if first and any(one["key"] in done for one in state["attempts"]):
            step = 4
        known = {"guess": state["guess"], "done": done}
        locked = is_locked(state)
        later = [piece for bar in bars[1:] for piece in bar]
        return (
            bars[0],
            later,
            no_update if known == ready else known,
            is_over,
            _steps(reader, step),
            not first,
            locked,
            locked,
            not locked,
        )

    @app.callback(
        Output(ids.LESSON_RESULT, "children"),
        Output(ids.LESSON_TRIED, "children"),
        Input(ids.LESSON_READY, "data"),
        State(ids.LESSON_STATE, "data"),
        State(ids.LESSON_ABOUT, "data"),
    )
    def show(ready: object, kept: object, about: object) -> Any:
        del ready
        lesson, reader = _opened(about)
        if lesson is None:
            return no_update, no_update
        state = read_state(kept, lesson)
        record = record_of(state.get("key", ""))
        if record is None or len(record.arms) != len(lesson.form.arms):
            return [], []
        tried = []
        labels = {
            lever.path: (str(getattr(lever.label, reader.lang)), lever.unit)
            for lever in lesson.form.break_it.levers
        }
        for number, one in reversed(list(enumerate(state["attempts"], start=1))):
            attempt = record_of(one["key"])
            if attempt is None or len(attempt.arms) != 2:
                continue
            items, verdicts = _verdict_words(lesson, attempt, reader)
            is_solved = all(verdict == "met" for _, _, verdict in verdicts)
            moved = [
                f"{labels[path][0]} "
                + (
                    f"{words.plain(100.0 * value)}%"
                    if labels[path][1] == "percent"
                    else words.plain(value)
                )
                for path, value in one["levers"].items()
            ]
            tried.append(
                html.Div(
                    [
                        html.H3(
                            reader.say(
                                "lesson_attempt_solved" if is_solved else "lesson_attempt",
                                number=number,
                            )
                        ),
                        html.P(" · ".join(moved), className="quiet"),
                        html.Ul(items, className="goals"),
                    ],
                    className="card part",
                )
            )
        return _results(lesson, record, state["guess"], reader), tried

    @app.callback(
        Output(ids.LESSON_DOWNLOAD, "data"),
        Input(ids.LESSON_HAND_IN, "n_clicks"),
        State(ids.LESSON_ANSWER, "value"),
        State(ids.LESSON_STATE, "data"),
        State(ids.LESSON_ABOUT, "data"),
        prevent_initial_call=True,
    )
    def hand_in(clicks: object, answer: object, kept: object, about: object) -> Any:
        lesson, reader = _opened(about)
        if lesson is None or not clicks:
            return no_update
        state = read_state(kept, lesson)
        record = record_of(state.get("key", ""))
        if record is None or len(record.arms) != len(lesson.form.arms):
            return no_update
        found, sentence = _guess_sentence(lesson, record, state["guess"], reader)
        attempts = []
        for one in state["attempts"]:
            attempt = record_of(one["key"])
            if attempt is not None and len(attempt.arms) == 2:
                attempts.append(Attempt(one["levers"], _verdict_words(lesson, attempt, reader)[1]))
        text = answer[:LONGEST_ANSWER] if isinstance(answer, str) else ""
        content = report_html(lesson, record, found, sentence, attempts, text, reader)
        name = f"payshift-lesson-{lesson.id}.html"
        return {"content": content, "filename": name, "type": "text/html"}


PAGE = Page("/lessons", "lessons", layout, register)
