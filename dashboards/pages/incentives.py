"""Incentives: what one more of each thing brings under a contract, seen without any simulation.

Knows what a reader asks for and how margins are laid out; must not know how a margin is found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update

from dashboards import components as parts
from dashboards import ids
from dashboards.figures import words, xray
from dashboards.figures.margin_year import (
    SHOWN,
    bend,
    clock_figure,
    columns_of,
    curve_figure,
    heat_map,
    shown_in,
)
from dashboards.figures.xray import Names
from dashboards.page import Page, Services, Visit
from dashboards.texts import Reader, language_of
from experiments.xray_desk import Desk, Look, contract_text
from sim.errors import PayshiftError
from sim.scenario import Scenario, library_ids, load

__all__ = ["PAGE"]

DEFAULT = "china-county-drg"
AUDIT = {"sample": (0.0, 1.0, 0.01), "detection": (0.0, 1.0, 0.05), "fine": (0.0, 100.0, 0.5)}
LONGEST_CONTRACT = 20_000
LONGEST_SHARED = 4_000
_CARDS = 6


@dataclass(frozen=True)
class Asked:
    """What a reader looks at, checked.

    Attributes
    ----------
    lang : str
    name : str
        Id of a scenario of the library.
    contract : str
        Its payment as edited; empty as it stands in the library.
    audit : tuple of (name, value)
        Numbers of the audit that were changed.
    """

    lang: str
    name: str
    contract: str
    audit: tuple[tuple[str, float], ...]

    def scenario(self) -> Scenario:
        """The scenario with the reader's changes.

        Raises
        ------
        PayshiftError
            If the contract as edited is none.
        """
        found = load(self.name)
        settings: list[tuple[str, object]] = [(f"audit.{n}", v) for n, v in self.audit]
        if self.contract:
            settings.append(("payment", self.contract))
        return found.set_all(settings) if settings else found


def read_asked(value: object) -> Asked:
    """Read what a page asks for, from data that anybody may have sent."""
    given = value if isinstance(value, Mapping) else {}
    name = given.get("scenario")
    contract = given.get("contract")
    audit = given.get("audit")
    numbers = []
    for field, (low, high, _) in AUDIT.items():
        number = audit.get(field) if isinstance(audit, Mapping) else None
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            continue
        if math.isfinite(number) and low <= number <= high:
            numbers.append((field, float(number)))
    return Asked(
        language_of(given.get("lang")),
        name if isinstance(name, str) and name in library_ids() else DEFAULT,
        contract if isinstance(contract, str) and len(contract) <= LONGEST_CONTRACT else "",
        tuple(numbers),
    )


@cache
def _standing(name: str) -> tuple[str, dict[str, float]]:
    """A scenario's payment as text, and the numbers of its audit."""
    scenario = load(name)
    audit = scenario.after.audit
    return contract_text(scenario), {field: float(audit[field]) for field in AUDIT}


@cache
def _options(lang: str) -> list[dict[str, Any]]:
    """Scenarios by region, for choosing."""
    groups: dict[str, list[dict[str, str]]] = {}
    for name in library_ids():
        scenario = load(name)
        entry = {"value": name, "label": scenario.title[lang]}
        groups.setdefault(scenario.region_id, []).append(entry)
    found = []
    for region, items in groups.items():
        title = str(getattr(load(region).region().title, lang))
        found.append({"group": title, "items": items})
    return found


def _names(look: Look, lang: str) -> Names:
    region = look.scenario.region()
    insured = {payer for one in look.audiences for payer in look.payers(one)}
    return Names.of(region, lang, insured)


# --- what is shown ----------------------------------------------------------------------------


def _controls(reader: Reader, asked: Asked) -> list[Any]:
    text, audit = _standing(asked.name)
    audit = {**audit, **dict(asked.audit)}
    return [
        html.Div(
            [
                dmc.Select(
                    id=ids.SCENARIO,
                    label=reader.say("incentives_scenario"),
                    data=_options(reader.lang),
                    value=asked.name,
                    searchable=True,
                    allowDeselect=False,
                    nothingFoundMessage=reader.say("incentives_nothing"),
                    comboboxProps={"shadow": "md"},
                    maxDropdownHeight=420,
                ),
                html.P(reader.say("incentives_at_once"), className="quiet"),
            ],
            className="controls",
        ),
        parts.fold(
            reader.say("incentives_edit"),
            html.P(reader.say("incentives_edit_text"), className="quiet"),
            html.Div(
                [
                    dmc.NumberInput(
                        id=ids.audit_field(field),
                        label=reader.say(f"incentives_audit_{field}"),
                        value=audit[field],
                        min=low,
                        max=high,
                        step=step,
                        decimalScale=4,
                        debounce=400,
                    )
                    for field, (low, high, step) in AUDIT.items()
                ],
                className="levers",
            ),
            dmc.Textarea(
                id=ids.CONTRACT,
                label=reader.say("incentives_contract"),
                value=asked.contract or text,
                autosize=True,
                minRows=8,
                maxRows=26,
                debounce=600,
                className="yaml",
                spellCheck=False,
            ),
            html.Div(
                parts.button(reader.say("incentives_reset"), ids.CONTRACT_RESET, is_quiet=True),
                className="field-row",
            ),
            css="more",
            is_open=bool(asked.contract or asked.audit),
        ),
    ]


def _spot_cards(look: Look, reader: Reader) -> list[Any]:
    names = _names(look, reader.lang)
    before = {spot.id: spot for spot in look.spots_today}
    cards = []
    for spot in look.spots:
        mark = xray.since(spot, before)
        cards.append(
            html.Div(
                [
                    html.P(
                        [
                            html.Span(
                                reader.say("incentives_a_year", money=names.money(spot.money)),
                                className="money",
                            ),
                            " ",
                            html.Span(reader.say(f"since.{mark}"), className=f"mark is-{mark}"),
                        ]
                    ),
                    html.P(names.who(spot.kind, spot.payers), className="where"),
                    html.P(xray.spot_words(spot, names)),
                ],
                className="card spot",
            )
        )
    if not cards:
        return [parts.empty(reader.say("xray.spots.none"))]
    shown: list[Any] = [html.Div(cards[:_CARDS], className="spots")]
    if len(cards) > _CARDS:
        more = reader.say("incentives_more", count=len(cards) - _CARDS)
        shown.append(parts.fold(more, html.Div(cards[_CARDS:], className="spots"), css="more"))
    return shown


def _headline(look: Look, reader: Reader) -> str:
    """The largest thing that the contract pays wrongly and today's does not."""
    names = _names(look, reader.lang)
    before = {spot.id: spot for spot in look.spots_today}
    for spot in look.spots:
        if xray.since(spot, before) in ("new", "more"):
            return reader.say(
                "incentives_headline",
                who=names.who(spot.kind, spot.payers),
                what=xray.spot_words(spot, names),
            )
    return reader.say("incentives_headline_none")


def _turning(look: Look, reader: Reader) -> Any:
    names = _names(look, reader.lang)
    items: list[Any] = []
    for point in xray.shown_points(look.points):
        who = names.who(point.kind, point.payers)
        items.append(html.Li([html.Strong(who), " ", xray.point_words(point, names)]))
    return parts.fold(
        reader.say("incentives_points", count=len(items)),
        html.Ul(items, className="plain-list"),
        css="more",
    )


def _tools(look: Look, reader: Reader, who: int, group: int) -> list[Any]:
    """Three curves of one kind of provider: the fine, the day, the severity."""
    audience = look.audiences[who]
    names, style = _names(look, reader.lang), reader.style(look.scenario.region().currency)
    payers = look.payers(audience)
    points = [p for p in look.points if p.kind == audience.id and p.payers == payers]
    groups = look.scenario.region().groups
    cards: list[Any] = []
    group_id = str(groups.ids[group]) if group >= 0 else ""
    curves = (
        ("fine", "fine", "", look.fine(audience)),
        ("day", "stay_day", "", look.day(audience)),
        (
            "severity",
            "severity",
            group_id,
            look.severity(audience, group) if group >= 0 else None,
        ),
    )
    for name, wanted, of_group, curve in curves:
        if curve is None:
            continue
        point = next(
            (
                p
                for p in points
                if p.id == wanted and (not of_group or p.facts.get("group") == of_group)
            ),
            None,
        )
        told = xray.point_words(point, names) if point is not None else ""
        figure = curve_figure(
            curve,
            reader.say(f"incentives_axis_{name}"),
            reader.say(f"incentives_now_{name}"),
            reader.say(f"incentives_turns_{name}"),
            told,
            style,
        )
        rows = [
            [words.plain(float(x), 2), names.money(float(y))]
            for x, y in zip(curve.x, curve.gain, strict=True)
        ]
        behind = parts.table(
            [reader.say(f"incentives_axis_{name}"), reader.say("xray.col.leaves")],
            rows,
            reader.say(f"incentives_tool_{name}"),
        )
        cards.append(
            parts.figure_card(
                f"tool-{name}",
                figure,
                reader,
                kicker=reader.say(f"incentives_tool_{name}"),
                behind=behind,
            )
        )
    if not cards:
        return [parts.empty(reader.say("incentives_no_stays"))]
    return [html.Div(cards, className="tools-grid")]


def _slider(reader: Reader, month: int) -> Any:
    return dmc.Slider(
        id=ids.MONTH,
        min=1,
        max=12,
        step=1,
        value=month,
        marks=[{"value": m, "label": str(m)} for m in (1, 4, 7, 10, 12)],
        label=None,
        thumbSize=22,
        thumbLabel=reader.say("incentives_month"),
    )


def _whole(text: object, low: int, high: int, otherwise: int) -> int:
    """A whole number from anywhere, or what stands in for it."""
    try:
        number = int(str(text))
    except (ValueError, OverflowError):
        return otherwise
    return number if low <= number <= high else otherwise


def layout(visit: Visit) -> list[Any]:
    """The page for one visit: the address names scenario, month, contract and audit."""
    reader, query = visit.reader, visit.query
    audit: dict[str, float] = {}
    for field in AUDIT:
        try:
            audit[field] = float(query.get(field, ""))
        except ValueError:
            continue
    asked = read_asked(
        {
            "lang": reader.lang,
            "scenario": query.get("scenario"),
            "contract": query.get("contract", ""),
            "audit": audit,
        }
    )
    month = _whole(query.get("month"), 1, 12, 1)
    return [
        html.H1(reader.say("title.incentives")),
        html.P(reader.say("about.incentives"), className="lead"),
        *_controls(reader, asked),
        dcc.Store(id=ids.ASKED, data=None),
        dcc.Store(id=ids.HEAT_DATA),
        dcc.Store(id=ids.INCENTIVES_SHARE),
        dcc.Download(id=ids.INCENTIVES_DOWNLOAD),
        html.Div(id=ids.CONTRACT_TROUBLE),
        parts.section(
            "map",
            reader.say("incentives_map"),
            html.P(
                reader.say("incentives_working"),
                id=ids.HEAT_ABOUT,
                className="lead",
                role="status",
            ),
            html.Div(
                [
                    html.Div(
                        [
                            html.Span(reader.say("incentives_month"), className="kicker"),
                            html.Div(_slider(reader, month), className="slider"),
                        ]
                    ),
                    dmc.SegmentedControl(
                        id=ids.SHOWN,
                        data=[
                            {"value": one, "label": reader.say(f"incentives_show_{one}")}
                            for one in SHOWN
                        ],
                        value="policy",
                    ),
                ],
                className="month-line",
            ),
            html.Div(
                id=ids.HEAT,
                className="heat-box",
                tabIndex=0,
                role="region",
                **{"aria-label": reader.say("incentives_map")},
            ),
            html.P(
                [
                    reader.say("incentives_key_loss"),
                    html.I(**{"aria-hidden": "true"}),
                    reader.say("incentives_key_gain"),
                ],
                className="scale-key",
            ),
            html.Div(
                parts.button(reader.say("incentives_save"), ids.INCENTIVES_SAVE, is_quiet=True),
                className="field-row",
            ),
        ),
        parts.section(
            "spots",
            reader.say("incentives_spots"),
            html.Div(id=ids.SPOTS),
            lead=reader.say("incentives_spots_lead"),
        ),
        parts.section(
            "clock",
            reader.say("incentives_clock"),
            dmc.Select(
                id=ids.CLOCK_ACTIVITY,
                label=reader.say("incentives_clock_of"),
                data=[],
                value=None,
                allowDeselect=False,
                w=280,
                maw="100%",
            ),
            html.Div(id=ids.CLOCK),
            lead=reader.say("incentives_clock_lead"),
        ),
        parts.section(
            "turns",
            reader.say("incentives_tools"),
            html.Div(
                [
                    dmc.Select(
                        id=ids.TOOL_WHO,
                        label=reader.say("incentives_tool_who"),
                        data=[],
                        allowDeselect=False,
                    ),
                    dmc.Select(
                        id=ids.TOOL_GROUP,
                        label=reader.say("incentives_tool_group"),
                        data=[],
                        allowDeselect=False,
                        searchable=True,
                    ),
                ],
                className="controls",
            ),
            html.Div(id=ids.TOOLS),
            lead=reader.say("incentives_tools_lead"),
        ),
        html.P(
            [reader.say("incentives_command"), " ", html.Code(f"payshift incentives {asked.name}")],
            className="quiet part",
            id="incentives-command",
        ),
    ]


def register(app: dash.Dash, services: Services) -> None:
    """Declare the page's callbacks."""
    del services
    desk = Desk()

    def seen(value: object) -> tuple[Asked, Look, Reader]:
        asked = read_asked(value)
        return asked, desk.look(asked.scenario()), Reader(asked.lang)

    @app.callback(
        Output(ids.CONTRACT, "value"),
        Output(ids.audit_field(ALL), "value"),
        Input(ids.SCENARIO, "value"),
        Input(ids.CONTRACT_RESET, "n_clicks"),
        prevent_initial_call=True,
    )
    def choose(name: object, clicks: object) -> Any:
        del clicks
        text, audit = _standing(read_asked({"scenario": name}).name)
        return text, [audit[field] for field in AUDIT]

    @app.callback(
        Output(ids.ASKED, "data"),
        Output(ids.CONTRACT_TROUBLE, "children"),
        Output("incentives-command", "children"),
        Output(ids.HEAT_DATA, "data"),
        Output(ids.CLOCK_ACTIVITY, "data"),
        Output(ids.CLOCK_ACTIVITY, "value"),
        Output(ids.TOOL_WHO, "data"),
        Output(ids.TOOL_WHO, "value"),
        Input(ids.CONTRACT, "value"),
        Input(ids.audit_field(ALL), "value"),
        State(ids.SCENARIO, "value"),
        State(ids.MAIN, "lang"),
        State(ids.CLOCK_ACTIVITY, "value"),
        State(ids.TOOL_WHO, "value"),
    )
    def look(
        contract: object, audit: object, name: object, lang: object, activity: object, who: object
    ) -> Any:
        values = audit if isinstance(audit, list) else []
        given = {
            "lang": lang,
            "scenario": name,
            "contract": contract,
            "audit": dict(zip(AUDIT, values, strict=False)),
        }
        asked = read_asked(given)
        text, numbers = _standing(asked.name)
        changed = {field: value for field, value in asked.audit if value != numbers[field]}
        edited = "" if asked.contract.strip() == text.strip() else asked.contract
        kept = {
            "lang": asked.lang,
            "scenario": asked.name,
            "contract": edited,
            "audit": changed,
        }
        reader = Reader(asked.lang)
        command = [
            reader.say("incentives_command"),
            " ",
            html.Code(f"payshift incentives {asked.name}"),
        ]
        try:
            asked, found, reader = seen(kept)
        except PayshiftError as error:
            told = parts.notice(
                reader.say("incentives_trouble"),
                "warning",
                *[html.P(html.Code(one.message)) for one in list(error.all)[:5]],
            )
            return no_update, told, command, *([no_update] * 5)
        names = _names(found, reader.lang)
        style = reader.style(found.scenario.region().currency)
        year, today = found.year, found.year_today
        known = shown_in(year, today)
        first, share = bend(year)
        chosen = activity if activity in known and share < 0.02 else first
        turning = [
            {"value": str(i), "label": names.who(one.id, found.payers(one))}
            for i, one in enumerate(found.audiences)
            if found.day(one) is not None
        ]
        places = [entry["value"] for entry in turning]
        default = next(
            (e["value"] for e in turning if found.audiences[int(e["value"])].id == "secondary"),
            places[0] if places else None,
        )
        return (
            kept,
            [],
            command,
            heat_map(year, today, names, style),
            [{"value": a, "label": words.label(reader.lang, "activity", a)} for a in known],
            chosen,
            turning,
            who if who in places else default,
        )

    @app.callback(
        Output(ids.HEAT_ABOUT, "children"),
        Output(ids.SPOTS, "children"),
        Input(ids.ASKED, "data"),
        prevent_initial_call=True,
    )
    def spots(asked: object) -> Any:
        _, found, reader = seen(asked)
        return _headline(found, reader), [*_spot_cards(found, reader), _turning(found, reader)]

    @app.callback(
        Output(ids.CLOCK, "children"),
        Input(ids.ASKED, "data"),
        Input(ids.CLOCK_ACTIVITY, "value"),
        prevent_initial_call=True,
    )
    def clock(asked: object, activity: object) -> Any:
        _, found, reader = seen(asked)
        year, today = found.year, found.year_today
        if activity not in shown_in(year, today):
            return no_update
        names = _names(found, reader.lang)
        style = reader.style(found.scenario.region().currency)
        one = str(activity)
        figures = [
            clock_figure(year, today, one, names, style, is_narrow=narrow)
            for narrow in (False, True)
        ]
        mine = year[year["activity"] == one]
        columns = columns_of(mine)
        rows = []
        for month in range(1, 13):
            now = mine[mine["month"] == month]
            values = [
                float(now[(now["kind"] == k) & (now["payers"] == p)]["receipts"].iloc[0])
                for k, p in columns
            ]
            rows.append([str(month), *(names.money(v) for v in values)])
        behind = parts.table(
            [reader.say("incentives_month"), *(names.who(k, p.split(",")) for k, p in columns)],
            rows,
            reader.say("incentives_clock_table"),
        )
        return [
            parts.figure_card("clock", figures[0], reader, narrow=figures[1], behind=behind),
            html.P(
                [
                    parts.swatch(1),
                    " ",
                    reader.say("clock.policy"),
                    parts.swatch(0),
                    " ",
                    reader.say("clock.today"),
                    html.Span(" ⋯ ", **{"aria-hidden": "true"}),
                    reader.say("clock.cost"),
                ],
                className="quiet key",
            ),
        ]

    @app.callback(
        Output(ids.TOOL_GROUP, "data"),
        Output(ids.TOOL_GROUP, "value"),
        Input(ids.TOOL_WHO, "value"),
        Input(ids.ASKED, "data"),
        State(ids.TOOL_GROUP, "value"),
        prevent_initial_call=True,
    )
    def groups(who: object, asked: object, chosen: object) -> Any:
        _, found, reader = seen(asked)
        place = _whole(who, 0, len(found.audiences) - 1, 0)
        table = found.scenario.region().groups
        titles = table.names_zh if reader.lang == "zh" else table.names_en
        options = [
            {"value": str(g), "label": str(titles[g])} for g in found.groups(found.audiences[place])
        ]
        values = [option["value"] for option in options]
        return options, chosen if chosen in values else values[0] if values else None

    @app.callback(
        Output(ids.TOOLS, "children"),
        Input(ids.ASKED, "data"),
        Input(ids.TOOL_WHO, "value"),
        Input(ids.TOOL_GROUP, "value"),
        prevent_initial_call=True,
    )
    def tools(asked: object, who: object, group: object) -> Any:
        _, found, reader = seen(asked)
        place = _whole(who, 0, len(found.audiences) - 1, 0)
        known = found.groups(found.audiences[place])
        chosen = _whole(group, 0, 10_000, -1)
        return _tools(found, reader, place, chosen if chosen in known else -1)

    @app.callback(
        Output(ids.INCENTIVES_SHARE, "data"),
        Input(ids.ASKED, "data"),
        Input(ids.MONTH, "value"),
        prevent_initial_call=True,
    )
    def share(asked: object, month: object) -> Any:
        one = read_asked(asked)
        fits = one.contract if len(one.contract) <= LONGEST_SHARED else ""
        fields = {"scenario": one.name, "contract": fits}
        fields |= {name: f"{value:g}" for name, value in one.audit}
        number = _whole(month, 1, 12, 1)
        return {**fields, "month": str(number) if number > 1 else ""}

    @app.callback(
        Output(ids.INCENTIVES_DOWNLOAD, "data"),
        Input(ids.INCENTIVES_SAVE, "n_clicks"),
        State(ids.ASKED, "data"),
        prevent_initial_call=True,
    )
    def save(clicks: object, asked: object) -> Any:
        if ctx.triggered_id is None or not clicks:
            return no_update
        one, found, _ = seen(asked)
        table = found.year.assign(margin=found.year["receipts"] - found.year["cost"])
        content = table.to_csv(index=False, float_format="%.4f")
        return {"content": content, "filename": f"incentives-{one.name}.csv", "type": "text/csv"}

    app.clientside_callback(
        ClientsideFunction("teach", "heat"),
        Output(ids.HEAT, "title"),
        Input(ids.HEAT_DATA, "data"),
        Input(ids.MONTH, "value"),
        Input(ids.SHOWN, "value"),
    )
    app.clientside_callback(
        ClientsideFunction("payshift", "share"),
        Output(ids.INCENTIVES_SHARE, "modified_timestamp"),
        Input(ids.INCENTIVES_SHARE, "data"),
        prevent_initial_call=True,
    )


PAGE = Page("/incentives", "incentives", layout, register)
