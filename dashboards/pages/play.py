"""You are the physician: fifteen patients under two payments, alone or with a class.

Knows a player's hand as the page keeps it, the room a class meets in and how both are shown; must
not know payoffs or how the model's physicians choose. Nothing about a player is kept on the server
but the choices on a seat of a room.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import dash
import dash_mantine_components as dmc
import numpy as np
from dash import ALL, ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update

from dashboards import components as parts
from dashboards import ids
from dashboards.figures import words
from dashboards.figures.classroom import choices_figure
from dashboards.page import Page, Services, Visit
from dashboards.rooms import Room, RoomError, Rooms, Seat, read_code
from dashboards.texts import Reader, language_of
from experiments.laboratory import Arm
from experiments.physician import (
    MOST_SERVICES,
    ORDER,
    PATIENTS,
    PUBLISHED,
    distribution,
    mean_services,
    model_physicians,
    offers,
    outcome,
    read_hand,
)

__all__ = ["PAGE"]

_KEYS = {Arm.PER_SERVICE: "service", Arm.PER_PATIENT: "patient"}
_TICK = 2_500
_NOBODY: dict[str, list[int]] = {}


def _seat_of(value: object) -> tuple[Seat, bool] | None:
    """A seat as the page keeps it: where, the secret, and whether it is the teacher's."""
    if not isinstance(value, Mapping):
        return None
    code, key = read_code(value.get("code")), value.get("key")
    if not code or not isinstance(key, str) or not 0 < len(key) <= 100:
        return None
    return Seat(code, key), value.get("teacher") is True


def _stored(hand: Mapping[Arm, list[int]]) -> dict[str, list[int]]:
    return {arm.value: list(hand[arm]) for arm in ORDER}


def _playing(hand: Mapping[Arm, list[int]]) -> Arm | None:
    """The payment being played; None once both are."""
    return next((arm for arm in ORDER if len(hand[arm]) < len(PATIENTS)), None)


def _money(value: float) -> str:
    return words.plain(value, 1)


# --- what is shown ----------------------------------------------------------------------------


def _do(name: str, text: str, css: str = "button") -> html.Button:
    return html.Button(text, id=ids.play_do(name), className=css, n_clicks=0, type="button")


def _welcome(reader: Reader, code: str) -> list[Any]:
    return [
        html.Div(
            [
                html.Div(
                    [
                        html.H2(reader.say("play_alone")),
                        html.P(reader.say("play_alone_text")),
                        _do("start", reader.say("play_start")),
                    ],
                    className="card door",
                ),
                html.Div(
                    [
                        html.H2(reader.say("play_join")),
                        html.P(reader.say("play_join_text")),
                        html.Div(
                            [
                                dmc.TextInput(
                                    id=ids.play_field("code"),
                                    label=reader.say("play_code"),
                                    value=code,
                                    className="code-field",
                                    debounce=False,
                                ),
                                _do("join", reader.say("play_join_do")),
                            ],
                            className="field-row",
                        ),
                    ],
                    className="card door",
                ),
                html.Div(
                    [
                        html.H2(reader.say("play_teach")),
                        html.P(reader.say("play_teach_text")),
                        _do("open", reader.say("play_open"), "button is-quiet"),
                    ],
                    className="card door",
                ),
            ],
            className="doors",
        ),
        parts.fold(reader.say("play_about"), html.P(reader.say("play_about_text")), css="more"),
    ]


def _dots(reader: Reader, hand: Mapping[Arm, list[int]], arm: Arm) -> html.Ol:
    """The progress line: a dot for every patient of the payment being played."""
    done = len(hand[arm])
    marks = [
        html.Li(
            className="is-done" if i < done else "is-now" if i == done else "",
        )
        for i in range(len(PATIENTS))
    ]
    return html.Ol(
        marks,
        className="dots",
        role="img",
        **{"aria-label": reader.say("play_progress", done=done, of=len(PATIENTS))},
    )


def _patient(reader: Reader, hand: Mapping[Arm, list[int]], arm: Arm) -> list[Any]:
    number = len(hand[arm])
    patient = PATIENTS[number]
    profit, benefit = offers(patient, arm)
    kept = {
        "profit": [round(float(v), 2) for v in profit],
        "benefit": [round(float(v), 2) for v in benefit],
        "words": {
            "services": reader.say("play_services"),
            "profit": reader.say("play_profit"),
            "benefit": reader.say("play_benefit"),
        },
        "most": 16.0,
    }
    so_far = outcome(arm, hand[arm])
    rows = [[q, _money(float(profit[q])), _money(float(benefit[q]))] for q in range(11)]
    first = len(hand[ORDER[0]]) == 0 or (arm is ORDER[1] and number == 0)
    return [
        html.Div(
            [
                html.P(reader.say(f"play_paid_{_KEYS[arm]}"), className="banner-text"),
                html.P(reader.say(f"play_paid_{_KEYS[arm]}_more"), className="quiet"),
            ],
            className=f"banner {'is-new' if first else ''}",
            role="status",
        ),
        _dots(reader, hand, arm),
        html.Div(
            [
                html.H2(
                    reader.say("play_patient", number=patient.number, of=len(PATIENTS)),
                    id="play-patient-title",
                ),
                html.P(
                    reader.say("play_illness", illness="ABCDE"[patient.illness]), className="quiet"
                ),
                dcc.Store(id=ids.PLAY_OFFERS, data=kept),
                html.Div(
                    dmc.Slider(
                        id=ids.play_field("services"),
                        min=0,
                        max=MOST_SERVICES,
                        step=1,
                        value=0,
                        marks=[{"value": q, "label": str(q)} for q in range(MOST_SERVICES + 1)],
                        label=None,
                        thumbSize=26,
                        size="lg",
                        thumbLabel=reader.say("play_slider"),
                    ),
                    className="slider",
                ),
                # Drawn by the browser at every move of the slider.
                html.Div(id=ids.PLAY_PREVIEW, className="preview", **{"aria-live": "polite"}),
                html.Div(
                    [
                        _do("treat", reader.say("play_treat")),
                        html.P(
                            reader.say(
                                "play_so_far",
                                profit=_money(so_far.profit),
                                benefit=_money(so_far.benefit),
                            ),
                            className="quiet",
                        ),
                    ],
                    className="field-row is-wide",
                ),
                parts.fold(
                    reader.say("play_table"),
                    parts.table(
                        [reader.say(k) for k in ("play_services", "play_profit", "play_benefit")],
                        rows,
                        reader.say("play_table"),
                    ),
                ),
            ],
            className="card patient",
        ),
    ]


@cache
def _model_shares() -> dict[Arm, list[float]]:
    found = model_physicians()
    return {arm: (distribution(found[arm]) / len(found[arm])).tolist() for arm in ORDER}


def _figure(
    reader: Reader, sentence: str, hand: Mapping[Arm, list[int]] | None, room: Room | None
) -> Any:
    shares: dict[tuple[str, str], list[float]] = {}
    marks: dict[tuple[str, str], float] = {}
    rows = []
    model = model_physicians()
    for arm in ORDER:
        key = _KEYS[arm]
        shares[key, "model"] = _model_shares()[arm]
        marks[key, "published"] = PUBLISHED[arm]
        means = mean_services(room.hands[arm]) if room is not None else []
        if means:
            shares[key, "class"] = (distribution(means) / len(means)).tolist()
            marks[key, "class"] = float(np.mean(means))
        mine = mean_services([hand[arm]]) if hand is not None else []
        if mine:
            marks[key, "you"] = mine[0]
        rows.append(
            [
                reader.say(f"play_by_{key}"),
                _money(mine[0]) if mine else "–",
                _money(float(np.mean(means))) if means else "–",
                len(means),
                _money(PUBLISHED[arm]),
                _money(float(np.mean(model[arm]))),
            ]
        )
    names = {who: reader.say(f"play_who_{who}") for who in ("model", "class", "you", "published")}
    names["axis"] = reader.say("play_axis")
    figure = choices_figure(
        sentence,
        [(_KEYS[arm], reader.say(f"play_by_{_KEYS[arm]}")) for arm in ORDER],
        shares,
        marks,
        names,
        reader.style(),
    )
    columns = [
        reader.say(f"play_col_{c}") for c in ("payment", "you", "class", "n", "published", "model")
    ]
    behind = parts.table(columns, rows, reader.say("play_table_caption"))
    return parts.figure_card("play", figure, reader, behind=behind)


def _key_line(reader: Reader, has_class: bool) -> html.P:
    pieces: list[Any] = [
        parts.swatch(0),
        " ",
        reader.say("play_key_model"),
    ]
    if has_class:
        pieces += ["  ", parts.swatch(1), " ", reader.say("play_key_class")]
    return html.P(pieces, className="quiet key")


def _results(reader: Reader, hand: Mapping[Arm, list[int]], room: Room | None) -> list[Any]:
    found = {arm: outcome(arm, hand[arm]) for arm in ORDER}
    fee, head = found[ORDER[0]], found[ORDER[1]]
    gap = fee.services - head.services
    key = "more" if gap > 0.25 else "less" if gap < -0.25 else "alike"
    sentence = reader.say(
        f"play_result_{key}", fee=words.plain(fee.services, 1), head=words.plain(head.services, 1)
    )
    cards = []
    for arm in ORDER:
        done = found[arm]
        cards.append(
            html.Div(
                [
                    html.P(reader.say(f"play_by_{_KEYS[arm]}"), className="kicker"),
                    html.P(words.plain(done.services, 1), className="big"),
                    html.P(reader.say("play_services_each"), className="quiet"),
                    html.P(
                        reader.say(
                            "play_earned",
                            profit=_money(done.profit),
                            benefit=_money(done.benefit),
                            share=words.plain(100.0 * done.benefit / done.best_benefit, 0),
                        )
                    ),
                ],
                className="card",
            )
        )
    return [
        html.Div(cards, className="ways"),
        _figure(reader, sentence, hand, room),
        _key_line(reader, room is not None and bool(room.hands[ORDER[0]])),
        html.P(reader.say("play_reading"), className="lead"),
        html.Div(
            [_do("again", reader.say("play_again"), "button is-quiet")],
            className="field-row is-wide",
        ),
    ]


def _board(reader: Reader, room: Room, is_teacher: bool) -> list[Any]:
    """What everybody in a room sees, and the teacher's tools."""
    counts = html.P(
        reader.say(
            "play_room_counts",
            seats=room.seats,
            first=room.finished[ORDER[0]],
            second=room.finished[ORDER[1]],
        ),
        className="quiet",
        role="status",
    )
    if not is_teacher:
        return [
            html.P([reader.say("play_room_in", code=room.code), " "], className="quiet"),
            counts,
        ]
    means = {arm: mean_services(room.hands[arm]) for arm in ORDER}
    if all(means.values()):
        sentence = reader.say(
            "play_class_both",
            fee=words.plain(float(np.mean(means[ORDER[0]])), 1),
            head=words.plain(float(np.mean(means[ORDER[1]])), 1),
        )
    elif means[ORDER[0]]:
        fee = words.plain(float(np.mean(means[ORDER[0]])), 1)
        sentence = reader.say("play_class_first", fee=fee)
    else:
        sentence = reader.say("play_class_none")
    return [
        html.Div(
            [
                html.P(reader.say("play_code"), className="kicker"),
                html.P(room.code, className="code", id="play-room-code"),
                html.P(reader.say("play_room_how")),
                counts,
                html.P(
                    reader.say("play_room_left", hours=math.ceil(room.minutes_left / 60)),
                    className="quiet",
                ),
            ],
            className="card board",
        ),
        _figure(reader, sentence, None, room),
        _key_line(reader, bool(means[ORDER[0]])),
        html.Div(
            [_do("close", reader.say("play_close"), "button is-quiet")],
            className="field-row is-wide",
        ),
    ]


def _trouble(reader: Reader, reason: str) -> html.Div:
    return parts.notice(reader.say(f"play_trouble_{reason}"), "warning")


# --- the page -----------------------------------------------------------------------------------


def layout(visit: Visit) -> list[Any]:
    """The page for one visit; ``code`` in the address fills in a room's code."""
    reader = visit.reader
    return [
        html.H1(reader.say("title.play")),
        html.P(reader.say("about.play"), className="lead"),
        dcc.Store(id=ids.PLAY_HAND, storage_type="session"),
        dcc.Store(id=ids.PLAY_SEAT, storage_type="session"),
        dcc.Store(
            id=ids.PLAY_LANGUAGE,
            data={"lang": reader.lang, "code": read_code(visit.query.get("code"))},
        ),
        dcc.Interval(id=ids.PLAY_TICK, interval=_TICK, disabled=True),
        html.Div(id=ids.PLAY_CLASS, className="classroom"),
        html.Div(id=ids.PLAY_STAGE, className="stage"),
    ]


def register(app: dash.Dash, services: Services) -> None:
    """Declare the page's callbacks."""
    rooms = Rooms(most_rooms=services.settings.rooms)

    def room_of(seat: tuple[Seat, bool] | None) -> Room | None:
        if seat is None:
            return None
        known = rooms.is_teacher(seat[0]) if seat[1] else rooms.is_seat(seat[0])
        if not known:
            return None
        try:
            return rooms.look(seat[0].code)
        except RoomError:
            return None

    def reader_in(kept: object) -> Reader:
        lang = kept.get("lang") if isinstance(kept, Mapping) else None
        return Reader(language_of(lang))

    @app.callback(
        Output(ids.PLAY_HAND, "data"),
        Output(ids.PLAY_SEAT, "data"),
        Output(ids.PLAY_CLASS, "children", allow_duplicate=True),
        Input(ids.play_do(ALL), "n_clicks"),
        State(ids.PLAY_HAND, "data"),
        State(ids.PLAY_SEAT, "data"),
        State(ids.PLAY_LANGUAGE, "data"),
        State(ids.play_field(ALL), "value"),
        prevent_initial_call=True,
    )
    def act(clicks: object, kept: object, seated: object, about: object, fields: object) -> Any:
        del clicks
        asked = ctx.triggered_id
        if not isinstance(asked, Mapping) or not any(one["value"] for one in ctx.triggered):
            return no_update, no_update, no_update
        reader, seat = reader_in(about), _seat_of(seated)
        hand = read_hand(kept)
        given = fields[0] if isinstance(fields, list) and fields else None
        what = asked.get("name")
        try:
            if what in ("start", "again"):
                return _stored(read_hand(_NOBODY)), None if seat is None else no_update, no_update
            if what == "open":
                taken = rooms.open()
                return None, {"code": taken.code, "key": taken.key, "teacher": True}, no_update
            if what == "join":
                taken = rooms.join(given)
                fresh = _stored(read_hand(_NOBODY))
                return fresh, {"code": taken.code, "key": taken.key, "teacher": False}, no_update
            if what == "close" and seat is not None and seat[1]:
                rooms.close(seat[0])
                return None, None, _trouble(reader, "closed")
            arm = _playing(hand)
            if what == "treat" and arm is not None:
                if isinstance(given, bool) or not isinstance(given, (int, float)):
                    return no_update, no_update, no_update
                if not math.isfinite(given) or int(given) != given or not 0 <= given <= 10:
                    return no_update, no_update, no_update
                hand[arm].append(int(given))
                if seat is not None and not seat[1]:
                    rooms.hand_in(seat[0], _stored(hand))
                return _stored(hand), no_update, no_update
        except RoomError as error:
            return no_update, no_update, _trouble(reader, error.reason)
        return no_update, no_update, no_update

    @app.callback(
        Output(ids.PLAY_STAGE, "children"),
        Input(ids.PLAY_HAND, "data"),
        Input(ids.PLAY_SEAT, "data"),
        State(ids.PLAY_LANGUAGE, "data"),
    )
    def stage(kept: object, seated: object, about: object) -> Any:
        reader, seat = reader_in(about), _seat_of(seated)
        room = room_of(seat)
        if seat is not None and seat[1] and room is not None:
            return []
        if not isinstance(kept, Mapping):
            code = about.get("code") if isinstance(about, Mapping) else ""
            return _welcome(reader, read_code(code))
        hand = read_hand(kept)
        arm = _playing(hand)
        if arm is None:
            return _results(reader, hand, room)
        return _patient(reader, hand, arm)

    @app.callback(
        Output(ids.PLAY_CLASS, "children"),
        Output(ids.PLAY_TICK, "disabled"),
        Input(ids.PLAY_TICK, "n_intervals"),
        Input(ids.PLAY_SEAT, "data"),
        State(ids.PLAY_LANGUAGE, "data"),
    )
    def board(tick: object, seated: object, about: object) -> Any:
        del tick
        reader, seat = reader_in(about), _seat_of(seated)
        if seat is None:
            return (no_update if ctx.triggered_id is None else []), True
        room = room_of(seat)
        if room is None:
            return _trouble(reader, "unknown"), True
        return _board(reader, room, seat[1]), False

    app.clientside_callback(
        ClientsideFunction("teach", "preview"),
        Output(ids.PLAY_PREVIEW, "title"),
        Input(ids.play_field("services"), "value"),
        Input(ids.PLAY_OFFERS, "data"),
    )


PAGE = Page("/play", "play", layout, register)
