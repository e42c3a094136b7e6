"""Names of everything on the pages that callbacks speak of, in one place.

Knows names alone. A plain name stands once on a page; a function gives the name of one of many.
"""

from __future__ import annotations

from typing import Any

# the shell
LOCATION = "location"
SHELL = "shell"
PROVIDER = "provider"
SCHEME = "scheme"
SCHEME_BUTTON = "scheme-button"
MAIN = "main"
SHOWN_SCHEME = "shown-scheme"
NARROW = "narrow"
DARK = "dark"


def figure_store(name: Any) -> dict[str, Any]:
    """Where a figure's drawing is kept, drawn by light."""
    return {"kind": "figure", "name": name}


def graph(name: Any) -> dict[str, Any]:
    """Where a figure is shown, by light or dark, wide or narrow."""
    return {"kind": "graph", "name": name}


# Compare
READER = "reader"
SHARE = "share"
CHOICE = "choice"
REGION = "region"
ADD_ARM = "add-arm"
PEOPLE = "people"
REPLICATES = "replicates"
MONTHS = "months"
ARMS = "arms"
RUN = "run"
CANCEL = "cancel"
JOB = "job"
POLL = "poll"
PROGRESS = "progress"
STAGE = "stage"
RESULTS = "results"
DRAWN = "drawn"
REST = "rest"
AHEAD = "ahead"
TROUBLE = "trouble"
DETAIL = "detail"
DETAIL_PANEL = "detail-panel"
GAIN_OUTCOME = "gain-outcome"
GAIN_BY = "gain-by"
GAIN_PANEL = "gain-panel"
FLOW_ARM = "flow-arm"
FLOW_PANEL = "flow-panel"
DOWNLOAD = "download"
EDITOR = "editor"
EDITOR_LEVERS = "editor-levers"
EDITOR_TEXT = "editor-text"
EDITOR_SAID = "editor-said"
EDITOR_KEEP = "editor-keep"
EDITOR_RESET = "editor-reset"
EDITOR_APPLY = "editor-apply"
EDITOR_MODEL = "editor-model"
EDITOR_NOTES = "editor-notes"
EDITOR_TROUBLE = "editor-trouble"
EDITOR_CARDS = "editor-cards"
DRAFT = "draft"
ENSEMBLE_JOB = "ensemble-job"
ENSEMBLE_POLL = "ensemble-poll"
ENSEMBLE_START = "ensemble-start"
ENSEMBLE_TOLD = "ensemble-told"


def cell(outcome: Any, arm: Any) -> dict[str, Any]:
    """One cell of the scorecard."""
    return {"kind": "cell", "outcome": outcome, "arm": arm}


def edit_arm(number: Any) -> dict[str, Any]:
    """The button that opens an arm for changes."""
    return {"kind": "edit-arm", "number": number}


def drop_arm(number: Any) -> dict[str, Any]:
    """The button that takes an arm away."""
    return {"kind": "drop-arm", "number": number}


def lever(path: Any) -> dict[str, Any]:
    """The slider of a lever."""
    return {"kind": "lever", "path": path}


def block(action: Any, path: Any) -> dict[str, Any]:
    """A button or choice on a card of the contract."""
    return {"kind": "block", "action": action, "path": path}


def download(what: Any) -> dict[str, Any]:
    """The button that downloads something."""
    return {"kind": "download", "what": what}


# play
PLAY_HAND = "play-hand"
PLAY_SEAT = "play-seat"
PLAY_STAGE = "play-stage"
PLAY_CLASS = "play-class"
PLAY_TICK = "play-tick"
PLAY_LANGUAGE = "play-language"
PLAY_OFFERS = "play-offers"
PLAY_PREVIEW = "play-preview"


def play_do(name: Any) -> dict[str, Any]:
    """A button of the game."""
    return {"kind": "play-do", "name": name}


def play_field(name: Any) -> dict[str, Any]:
    """A field of the game: the code of a room, or the number of services."""
    return {"kind": "play-field", "name": name}


# incentives
SCENARIO = "incentives-scenario"
CONTRACT = "incentives-contract"
CONTRACT_RESET = "incentives-contract-reset"
CONTRACT_TROUBLE = "incentives-trouble"
MONTH = "incentives-month"
SHOWN = "incentives-shown"
HEAT = "incentives-heat"
HEAT_DATA = "incentives-heat-data"
HEAT_ABOUT = "incentives-about"
SPOTS = "incentives-spots"
CLOCK_ACTIVITY = "incentives-clock-activity"
CLOCK = "incentives-clock"
TOOL_WHO = "incentives-tool-who"
TOOL_GROUP = "incentives-tool-group"
TOOLS = "incentives-tools"
ASKED = "incentives-asked"
INCENTIVES_SHARE = "incentives-share"
INCENTIVES_DOWNLOAD = "incentives-download"
INCENTIVES_SAVE = "incentives-save"


def audit_field(name: Any) -> dict[str, Any]:
    """A number of the audit."""
    return {"kind": "audit", "name": name}


# uncertainty
UNCERTAINTY_STORE = "uncertainty-store"
UNCERTAINTY_ASKED = "uncertainty-asked"
UNCERTAINTY_SHARE = "uncertainty-share"
UNCERTAINTY_METHODS = "uncertainty-methods"
UNCERTAINTY_BRUSHES = "uncertainty-brushes"
UNCERTAINTY_RUNS = "uncertainty-draws"
UNCERTAINTY_TAKE = "uncertainty-files"
UNCERTAINTY_BODY = "uncertainty-body"
UNCERTAINTY_EMPTY = "uncertainty-empty"
SWEEP_COUNT = "sweep-count"
SWEEP_START = "sweep-start"
SWEEP_STOP = "sweep-stop"
SWEEP_JOB = "sweep-job"
SWEEP_POLL = "sweep-poll"
SWEEP_TOLD = "sweep-told"
SWEEP_TROUBLE = "sweep-trouble"


def sweep_field(name: str) -> str:
    """A choice of the sweep to be started."""
    return f"sweep-field-{name}"


def uncertainty_field(name: str) -> str:
    """A choice of what is looked at in a store."""
    return f"uncertainty-field-{name}"


def uncertainty_part(name: str) -> str:
    """The content of a section."""
    return f"uncertainty-in-{name}"


def uncertainty_brush(number: Any) -> dict[str, Any]:
    """The slider of an axis of the picture of runs."""
    return {"kind": "uncertainty-brush", "number": number}


# lessons
LESSON_STATE = "lesson-state"
LESSON_ABOUT = "lesson-about"
LESSON_GUESS = "lesson-guess"
LESSON_GUESS_SHOWN = "lesson-guess-shown"
LESSON_GO = "lesson-go"
LESSON_AGAIN = "lesson-again"
LESSON_TICK = "lesson-tick"
LESSON_STEPS = "lesson-steps"
LESSON_PROGRESS = "lesson-progress"
LESSON_READY = "lesson-ready"
LESSON_RESULT = "lesson-result"
LESSON_BREAK = "lesson-break"
LESSON_TRY = "lesson-try"
LESSON_TRIED = "lesson-tried"
LESSON_TRY_PROGRESS = "lesson-try-progress"
LESSON_ANSWER = "lesson-answer"
LESSON_HAND_IN = "lesson-hand-in"
LESSON_DOWNLOAD = "lesson-download"


def lesson_lever(name: Any) -> dict[str, Any]:
    """A lever of the contract to break, by its place in the lesson."""
    return {"kind": "lesson-lever", "name": name}
