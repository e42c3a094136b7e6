"""The contract editor: an arm's levers, its contracts as nested cards, and the YAML beside them.

Knows how a contract tree is shown and changed; must not know what a contract pays. The YAML is
what counts: sliders and cards write it, and the reader of scenario files checks what it says.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Input, Output, State, ctx, html, no_update

from dashboards import components as parts
from dashboards import ids
from dashboards.choice import LONGEST_TEXT, ArmChoice, Choice
from dashboards.figures import words
from dashboards.levers import Block, Lever, blocks, levers
from dashboards.pages.library import library
from dashboards.texts import Reader, language_of
from sim.errors import PayshiftError, ScenarioError
from sim.scenario import Scenario, as_yaml, entries_of

__all__ = ["drawer", "kept_arm", "register", "said", "text_of"]

FIRST_LEVERS = 5
MOST_LEVERS = 24
_SCREEN = "blend"


def text_of(scenario: Scenario) -> str:
    """Payment and audit of a scenario as YAML, without where its numbers come from."""
    whole = scenario.resolved()
    kept: dict[str, Any] = {"payment": whole["payment"]}
    if whole.get("audit"):
        kept["audit"] = {
            name: (
                {k: entry[k] for k in ("value", "unit") if k in entry}
                if isinstance(entry, Mapping) and "value" in entry
                else entry
            )
            for name, entry in whole["audit"].items()
        }
    return as_yaml(kept)


def _draft(data: object) -> tuple[int, str, str]:
    """Number, scenario and text of a draft that came from outside."""
    if not isinstance(data, Mapping):
        raise ScenarioError("nothing is being changed", where="arm")
    number, name, text = data.get("number"), data.get("id"), data.get("text")
    if not isinstance(number, int) or not isinstance(name, str) or not isinstance(text, str):
        raise ScenarioError("not a draft", where="arm")
    return number, name, text[:LONGEST_TEXT]


def kept_arm(draft: object, text: object) -> tuple[int, ArmChoice]:
    """The arm a draft stands for, checked in full.

    Raises
    ------
    ScenarioError
        With line and remedy for whatever the text cannot say.
    """
    number, name, _ = _draft(draft)
    if not isinstance(text, str):
        raise ScenarioError("not a text", where="contract")
    arm = Choice.read({"arms": [{"id": name, "text": text}]}).arms[0]
    scenario = arm.scenario(number)
    original = ArmChoice(name)
    if text_of(scenario) == text_of(original.scenario()):
        return number, original
    return number, arm


def said(error: PayshiftError, reader: Reader) -> html.Div:
    """A text's mistakes, with line and remedy."""
    lines = [html.Li(each.message, lang="en") for each in error.all[:8]]
    return html.Div(
        [html.P(reader.say("editor_wrong")), html.Ul(lines)],
        className="notice is-error",
        role="alert",
    )


# --- what is shown ----------------------------------------------------------------------------


def _model_title(model: str, reader: Reader) -> str:
    row = next((row for row in library()["models"] if row["id"] == model), None)
    return str(row[f"title_{reader.lang}"]) if row else model


def _lever_label(lever: Lever, reader: Reader) -> str:
    label = lever.labels.get(reader.lang) or ""
    if not label:
        key = f"lever_{lever.term.replace('.', '_')}"
        label = reader.say(key) if reader.knows(key) else lever.term.replace("_", " ")
    if lever.family == "contract":
        return f"{_model_title(lever.model, reader)}: {label}"
    return reader.say("editor_audit", what=label)


def _slider(lever: Lever, reader: Reader) -> html.Div:
    label = _lever_label(lever, reader)
    step = (lever.high - lever.low) / 100.0 or 0.01
    unit = words.unit_label(lever.unit, reader.lang, "CNY") if lever.unit else ""
    return html.Div(
        [
            html.P(
                [
                    label,
                    html.Small(
                        " · ".join(
                            text
                            for text in (reader.say("editor_now", value=f"{lever.value:g}"), unit)
                            if text
                        ),
                        className="quiet",
                    ),
                ],
                className="lever-name",
            ),
            dmc.Slider(
                id=ids.lever(lever.path),
                value=lever.value,
                min=lever.low,
                max=lever.high,
                step=float(f"{step:.3g}"),
                marks=[{"value": lever.value}],
                updatemode="mouseup",
                precision=4,
                thumbLabel=label,
            ),
        ],
        className="lever",
    )


def _card(block: Block, reader: Reader) -> html.Div:
    holds = _holds(block.model)
    buttons = [
        ("wrap", True),
        ("replace", True),
        ("unwrap", len(block.children) == 1),
        ("add", False),
    ]
    if block.model == _SCREEN or "parts" in holds:
        buttons[-1] = ("add", True)
    role = _role(block.role, reader)
    return html.Div(
        [
            html.Div(
                [
                    *([html.Span(role, className="role")] if role else []),
                    html.Strong(_model_title(block.model, reader)),
                    html.Span(
                        [
                            html.Button(
                                reader.say(f"editor_{action}"),
                                id=ids.block(action, block.path),
                                className="small",
                            )
                            for action, is_there in buttons
                            if is_there
                        ],
                        className="acts",
                    ),
                ],
                className="block-head",
            ),
            *(_card(child, reader) for child in block.children),
        ],
        className="block",
    )


def _role(role: str, reader: Reader) -> str:
    key = f"editor_role_{role}"
    return reader.say(key) if reader.knows(key) else role


def _holds(model: str) -> list[str]:
    row = next((row for row in library()["models"] if row["id"] == model), None)
    return list(row["contracts"]) if row else []


def _cards(payment: Any, reader: Reader) -> list[Any]:
    shown = []
    for assignment, block in blocks(payment):
        payers = assignment.get("payer")
        named = [payers] if isinstance(payers, str) else list(payers or [])
        who = reader.say("comma").join(words.label(reader.lang, "payer", p) for p in named)
        providers = assignment.get("providers")
        kind = providers.get("kind") if isinstance(providers, Mapping) else None
        to = words.label(reader.lang, "kinds", str(kind)) if isinstance(kind, str) else ""
        shown.append(
            html.Div(
                [
                    html.P(
                        reader.say("editor_pays", who=who, to=to or reader.say("editor_all")),
                        className="kicker",
                    ),
                    _card(block, reader),
                ],
                className="assignment",
            )
        )
    return shown


def drawer(reader: Reader) -> dmc.Drawer:
    """The drawer, empty until an arm is opened."""
    models = [
        {"value": row["id"], "label": row[f"title_{reader.lang}"]} for row in library()["models"]
    ]
    return dmc.Drawer(
        id=ids.EDITOR,
        title=reader.say("compare_editor"),
        position="right",
        size="min(760px, 100vw)",
        closeButtonProps={"aria-label": reader.say("compare_close")},
        children=[
            html.Div(id=ids.EDITOR_LEVERS),
            html.H3(reader.say("editor_contract")),
            html.P(reader.say("editor_contract_lead"), className="quiet"),
            dmc.Select(
                id=ids.EDITOR_MODEL,
                data=models,
                value="global_budget",
                searchable=True,
                allowDeselect=False,
                label=reader.say("editor_model"),
                w=330,
            ),
            html.Div(id=ids.EDITOR_TROUBLE, **{"aria-live": "polite"}),
            html.Div(id=ids.EDITOR_CARDS),
            html.H3(reader.say("editor_yaml")),
            html.P(reader.say("editor_yaml_lead"), className="quiet"),
            dmc.Textarea(
                id=ids.EDITOR_TEXT,
                value="",
                autosize=True,
                minRows=8,
                maxRows=26,
                className="yaml",
                **{"aria-label": reader.say("editor_yaml")},
            ),
            html.Div(id=ids.EDITOR_NOTES, **{"aria-live": "polite"}),
            html.Div(id=ids.EDITOR_SAID, **{"aria-live": "polite"}),
            html.Div(
                [
                    html.Button(reader.say("editor_keep"), id=ids.EDITOR_KEEP, className="primary"),
                    html.Button(reader.say("editor_apply"), id=ids.EDITOR_APPLY, className="plain"),
                    html.Button(reader.say("editor_reset"), id=ids.EDITOR_RESET, className="plain"),
                ],
                className="choosers",
            ),
        ],
    )


def _sliders(scenario: Scenario, reader: Reader) -> list[Any]:
    found = [lever for lever in levers(scenario) if lever.family in ("contract", "audit")]
    sliders = [_slider(lever, reader) for lever in found[:MOST_LEVERS]]
    return [
        html.P(scenario.title[reader.lang], className="strong"),
        html.P(scenario.description[reader.lang], className="quiet"),
        html.H3(reader.say("editor_levers")),
        *sliders[:FIRST_LEVERS],
        *(
            [parts.fold(reader.say("editor_more"), *sliders[FIRST_LEVERS:], css="more")]
            if sliders[FIRST_LEVERS:]
            else []
        ),
    ]


# --- changes ----------------------------------------------------------------------------------


def _template(model: str, inside: Any) -> dict[str, Any]:
    """A contract of a model with what it must say, around another where it holds one."""
    row = next(row for row in library()["models"] if row["id"] == model)
    holds = list(row["contracts"])
    if "parts" in holds:
        return {model: [{"scope": "rest", "contract": inside}]}
    body: dict[str, Any] = {}
    for term in row["terms"]:
        if term["can_be_neutral"] and (term["is_required"] or term["default"] is None):
            body[term["id"]] = "neutral"
        elif term["is_required"] and term["low"] is not None:
            body[term["id"]] = term["low"]
    for name in holds:
        body[name] = copy.deepcopy(inside)  # the same in two places would be written as an alias
    if not holds and "schedule" in {term["id"] for term in row["terms"]}:
        body["schedule"] = "list"
    return {model: body}


def _at(tree: Any, path: str) -> tuple[Any, str | int]:
    """What holds the contract at a path, and under which name.

    Raises
    ------
    ScenarioError
        If there is no such place.
    """
    steps: list[str | int] = [int(s) if s.isdigit() else s for s in path.split(".")]
    node = tree
    try:
        for step in steps[:-1]:
            node = node[step]
        node[steps[-1]]
    except (KeyError, IndexError, TypeError):
        raise ScenarioError("no such contract", where=path[:100]) from None
    return node, steps[-1]


def changed_payment(payment: Any, action: str, path: str, model: str) -> Any:
    """The payment of a scenario with one contract wrapped, replaced, unwrapped or added to.

    Raises
    ------
    ScenarioError
        If there is no such contract, model or action.
    """
    if model not in {row["id"] for row in library()["models"]}:
        raise ScenarioError("no such payment model", where="model", value=model)
    tree = {"payment": copy.deepcopy(payment)}
    holder, name = _at(tree, path)
    contract = holder[name]
    if action == "wrap":
        if not _holds(model):
            raise ScenarioError(
                "this model holds no other contract",
                where="model",
                value=model,
                allowed=", ".join(row["id"] for row in library()["models"] if row["contracts"]),
            )
        holder[name] = _template(model, contract)
    elif action == "replace":
        inside = {"fee_for_service": {"schedule": "list"}}
        holder[name] = _template(model, inside)
    elif action == "unwrap":
        inner = _inside(contract)
        if len(inner) != 1:
            raise ScenarioError("holds none or several contracts", where=path)
        holder[name] = inner[0]
    elif action == "add":
        body = next(iter(contract.values())) if _is_contract(contract) else None
        if not isinstance(body, list):
            raise ScenarioError("takes no further parts", where=path)
        last = body[-1] if body and isinstance(body[-1], Mapping) else {}
        at = len(body) - 1 if last.get("scope") == "rest" else len(body)
        inside = {"fee_for_service": {"schedule": "list"}}
        body.insert(at, {"scope": {"setting": "primary"}, "contract": _template(model, inside)})
    else:
        raise ScenarioError("no such change", where="action", value=action)
    return tree["payment"]


def _inside(contract: Any) -> list[Any]:
    """The contracts that a contract holds."""
    body = next(iter(contract.values())) if _is_contract(contract) else None
    if isinstance(body, list):
        found = [part.get("contract") for part in body if isinstance(part, Mapping)]
    else:
        found = list(body.values()) if isinstance(body, Mapping) else []
    return [value for value in found if _is_contract(value)]


def _is_contract(value: Any) -> bool:
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    return next(iter(value)) in {row["id"] for row in library()["models"]}


def _entries(name: str, text: str) -> dict[str, Any]:
    """Payment and audit of a text, though no scenario may say what it says yet.

    Raises
    ------
    ScenarioError
        If it cannot be read at all.
    """
    try:
        return entries_of(text_of(ArmChoice(name, text=text).scenario()))
    except PayshiftError:
        found = entries_of(text, "contract")
        if not isinstance(found.get("payment"), list):
            raise
        return found


def changed_text(name: str, text: str, action: str, path: str, model: str) -> str:
    """The text of an arm with one of its contracts changed, as :func:`changed_payment` does.

    A text that no scenario may say is changed too: where the last change brought what cannot be
    priced, the next may undo it.

    Raises
    ------
    ScenarioError
        If the text cannot be read, or there is no such contract, model or action.
    """
    entries = _entries(name, text)
    payment = changed_payment(entries["payment"], action, path, model)
    return as_yaml({**entries, "payment": payment})


def _moved(name: str, text: str, path: str, values: object, names: object) -> Scenario | None:
    """The scenario of a text with one lever moved; None where it stands there already.

    Raises
    ------
    ScenarioError
        For a lever that is none, or a value it cannot take.
    """
    scenario = ArmChoice(name, text=text).scenario()
    now = {lever.path: lever for lever in levers(scenario)}
    if path not in now:
        raise ScenarioError("no such lever", where="lever", value=path)
    given: object = None
    if isinstance(values, list) and isinstance(names, list):
        for value, one in zip(values, names, strict=False):
            if isinstance(one, Mapping) and one.get("path") == path:
                given = value
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise ScenarioError("not a number", where=path, value=given)
    if abs(float(given) - now[path].value) < 1e-12:
        return None
    return scenario.set(path, float(given))


def register(app: dash.Dash) -> None:
    """Declare the editor's callbacks."""

    @app.callback(
        Output(ids.DRAFT, "data"),
        Output(ids.EDITOR_TROUBLE, "children"),
        Input(ids.edit_arm(ALL), "n_clicks"),
        Input(ids.EDITOR_APPLY, "n_clicks"),
        Input(ids.EDITOR_RESET, "n_clicks"),
        Input(ids.block(ALL, ALL), "n_clicks"),
        State(ids.CHOICE, "data"),
        State(ids.DRAFT, "data"),
        State(ids.EDITOR_TEXT, "value"),
        State(ids.EDITOR_MODEL, "value"),
        State(ids.READER, "data"),
        prevent_initial_call=True,
    )
    def edit(
        opened: object,
        applied: object,
        reset: object,
        acts: object,
        chosen: object,
        draft: object,
        text: object,
        model: object,
        lang: object,
    ) -> tuple[Any, Any]:
        asked = ctx.triggered_id
        reader = Reader(language_of(lang))
        if not any(bool(entry.get("value")) for entry in ctx.triggered):
            return no_update, no_update  # buttons that were only drawn
        try:
            if isinstance(asked, Mapping) and asked.get("kind") == "edit-arm":
                arms = Choice.read(chosen).arms
                number = int(asked["number"])
                if not 1 <= number <= len(arms):
                    return no_update, no_update
                arm = arms[number - 1]
                whole = text_of(arm.scenario(number))
                return {"number": number, "id": arm.id, "text": whole}, []
            number, name, _ = _draft(draft)
            now = text if isinstance(text, str) else ""
            if asked == ids.EDITOR_RESET:
                now = text_of(ArmChoice(name).scenario())
            elif isinstance(asked, Mapping):
                now = changed_text(
                    name,
                    now[:LONGEST_TEXT],
                    str(asked.get("action")),
                    str(asked.get("path")),
                    str(model),
                )
            # a stamp, so that the same text drawn again is drawn again
            stamp = int(draft.get("stamp") or 0) + 1 if isinstance(draft, Mapping) else 1
            return {"number": number, "id": name, "text": now[:LONGEST_TEXT], "stamp": stamp}, []
        except PayshiftError as error:
            return no_update, said(error, reader)

    @app.callback(
        Output(ids.EDITOR_LEVERS, "children"),
        Output(ids.EDITOR_CARDS, "children"),
        Output(ids.EDITOR_TEXT, "value"),
        Output(ids.EDITOR_NOTES, "children"),
        Input(ids.DRAFT, "data"),
        Input(ids.lever(ALL), "value"),
        State(ids.lever(ALL), "id"),
        State(ids.EDITOR_TEXT, "value"),
        State(ids.READER, "data"),
        prevent_initial_call=True,
    )
    def show(
        draft: object, values: object, names: object, text: object, lang: object
    ) -> tuple[Any, Any, Any, Any]:
        reader = Reader(language_of(lang))
        asked = ctx.triggered_id
        try:
            _, name, whole = _draft(draft)
            if asked == ids.DRAFT:
                try:
                    scenario = ArmChoice(name, text=whole).scenario()
                except PayshiftError as error:
                    payment = _entries(name, whole)["payment"]
                    return no_update, _cards(payment, reader), whole, said(error, reader)
                payment = scenario.resolved()["payment"]
                return _sliders(scenario, reader), _cards(payment, reader), whole, []
            if not isinstance(asked, Mapping) or not isinstance(text, str):
                return (no_update,) * 4
            moved = _moved(name, text[:LONGEST_TEXT], str(asked.get("path")), values, names)
        except PayshiftError as error:
            return no_update, no_update, no_update, said(error, reader)
        if moved is None:
            return (no_update,) * 4
        return no_update, _cards(moved.resolved()["payment"], reader), text_of(moved), []

    app.clientside_callback(
        ClientsideFunction("payshift", "editor"),
        Output(ids.EDITOR, "opened"),
        Input(ids.DRAFT, "data"),
        Input(ids.CHOICE, "data"),
        prevent_initial_call=True,
    )
