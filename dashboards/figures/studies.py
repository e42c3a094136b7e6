"""Figures of studies and calibrations: levels, ranks, regret, influence, a front, profiles.

Knows tables and words. Must not know how a study is lived, nor files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import palette, words
from dashboards.figures.canvas import (
    SMALL,
    Style,
    canvas,
    folded,
    nice_ticks,
    outcome_words,
    quiet_axis,
)

__all__ = [
    "decides",
    "draw",
    "front",
    "levels",
    "misfits",
    "profiles",
    "ranking",
    "regret",
]

HEIGHT = 260
ROW = 34
CHI_SQUARE = 3.84
TURNED = 0.5
About = Mapping[str, Any]
Titles = Mapping[str, Mapping[str, str]]
Drawn = list[tuple[str, go.Figure]]


def _about(outcomes: pd.DataFrame, name: str, lang: str) -> dict[str, str]:
    """Label, unit and good side of ``outcome`` or ``outcome@group``."""
    outcome, mark, group = name.partition("@")
    found = outcome_words(outcomes, outcome, lang)
    if mark:
        said = words.group_label(lang, group)
        found["label"] = f"{found['label']}{words.say(lang, 'parenthesis', text=said)}"
    return found


def _numbers(values: pd.Series[Any]) -> list[float]:
    return [float(value) for value in values]


def _turn(rows: pd.DataFrame) -> int | None:
    """The level to tell of: the last one, or an earlier one from which the outcome turned back.

    None where no level differs clearly from the first. Clear is what an interval of 95 % of the
    change from draw to draw says; the change has turned back where less than half of it is left.
    """
    change = _numbers(rows["change"])
    low, high = _numbers(rows["change_low"]), _numbers(rows["change_high"])
    last = len(change) - 1
    clear = [i for i in range(1, last + 1) if low[i] > 0.0 or high[i] < 0.0]
    if not clear:
        # one draw has no interval: the ends are told as they are
        return None if all(map(math.isfinite, low)) else last
    most = max(clear, key=lambda i: abs(change[i]))
    return most if change[last] / change[most] < TURNED else last


def levels(
    table: pd.DataFrame, about: About, outcomes: pd.DataFrame, titles: Titles, style: Style
) -> Drawn:
    """Each outcome over the levels of a lever: mean with interval, and where the draws lie.

    Parameters
    ----------
    table : columns ``level``, ``outcome``, ``mean``, ``low``, ``high``, ``p10``, ``p90``,
        ``change``, ``change_low``, ``change_high``, ``n``
    about : ``outcomes``, ``lever`` by language, optional ``lever_unit`` and ``mark``
    """
    del titles
    theme, lang = style.theme, style.lang
    color = theme.arms[0]
    unit_x = str(about.get("lever_unit", ""))
    drawn: Drawn = []
    for name in about["outcomes"]:
        rows = table[table["outcome"] == name].sort_values("level")
        if rows.empty:
            continue
        known = _about(outcomes, name, lang)
        unit = known["unit"]
        x, mean = _numbers(rows["level"]), _numbers(rows["mean"])
        first, last = (
            words.apart(mean[0], mean[-1], unit, lang, style.currency)
            if len(mean) > 1
            else (words.level(mean[0], unit, lang, style.currency),) * 2
        )
        # evenly spaced, since levels of a lever are chosen, often by factors
        at = [float(place) for place in range(len(x))]
        marks_x = [words.level(v, unit_x, lang, style.currency) if unit_x else f"{v:g}" for v in x]
        start, end = marks_x[0], marks_x[-1]
        turn = _turn(rows)
        if turn is None:
            sentence = style.say("study.levels_flat", outcome=known["label"])
        elif turn == len(x) - 1:
            sentence = style.say(
                "study.levels", outcome=known["label"], first=first, last=last, start=start, end=end
            )
        else:
            first, middle = words.apart(mean[0], mean[turn], unit, lang, style.currency)
            last = words.apart(mean[-1], mean[turn], unit, lang, style.currency)[0]
            sentence = style.say(
                "study.levels_turn",
                outcome=known["label"],
                first=first,
                middle=middle,
                last=last,
                start=start,
                at=marks_x[turn],
                end=end,
            )
        figure = canvas(style, height=HEIGHT, sentence=sentence, top=20, bottom=46, left=8)
        p10, p90 = _numbers(rows["p10"]), _numbers(rows["p90"])
        figure.add_scatter(
            x=at + at[::-1],
            y=p90 + p10[::-1],
            fill="toself",
            mode="lines",
            line={"width": 0},
            fillcolor=palette.translucent(color, palette.BAND),
            hoverinfo="skip",
        )
        low, high = _numbers(rows["low"]), _numbers(rows["high"])
        has_interval = all(map(math.isfinite, (*low, *high)))
        figure.add_scatter(
            x=at,
            y=mean,
            mode="lines+markers",
            line={"color": color, "width": 2.2},
            marker={"size": 7, "color": color},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [h - m for h, m in zip(high, mean, strict=True)],
                "arrayminus": [m - lo for m, lo in zip(mean, low, strict=True)],
                "color": color,
                "thickness": 1.2,
                "width": 3,
            }
            if has_interval
            else None,
            hovertext=[
                f"{words.level(a, unit_x, lang, style.currency)}: "
                f"{words.level(b, unit, lang, style.currency)}"
                for a, b in zip(x, mean, strict=True)
            ],
            hoverinfo="text",
        )
        ends = [v for v in (*p10, *p90, *low, *high) if math.isfinite(v)]
        ticks = nice_ticks(min(ends), max(ends), 4)
        figure.update_yaxes(
            **quiet_axis(
                style,
                showgrid=True,
                tickvals=ticks,
                ticktext=words.level_marks(ticks, unit, lang, style.currency),
            )
        )
        figure.update_xaxes(
            **quiet_axis(
                style,
                tickvals=at,
                ticktext=marks_x,
                title={"text": about["lever"][lang], "font": {"size": SMALL}},
            )
        )
        mark = about.get("mark")
        if isinstance(mark, (int, float)) and math.isfinite(mark):
            # a median may lie between two levels
            place = float(np.interp(float(mark), x, at))
            figure.add_vline(x=place, line={"color": theme.muted, "width": 1, "dash": "dot"})
        drawn.append((name, figure))
    return drawn


def _grid(
    table: pd.DataFrame, down: str, rows: list[str], across: str, columns: list[str], value: str
) -> list[list[float]]:
    """One column of a long table as rows and columns of numbers."""
    cells = {
        (str(row), str(column)): float(number)
        for row, column, number in zip(table[down], table[across], table[value], strict=True)
    }
    return [[cells[row, column] for column in columns] for row in rows]


def _heat(
    style: Style,
    z: Sequence[Sequence[float]],
    text: Sequence[Sequence[str]],
    columns: Sequence[str],
    rows: Sequence[str],
    sentence: str,
    scale: Sequence[tuple[float, str]],
    ends: tuple[float, float],
) -> go.Figure:
    """A table whose cells are colored, the number inside."""
    figure = canvas(
        style, height=70 + ROW * len(rows), sentence=sentence, top=44, bottom=8, left=8, right=8
    )
    figure.add_heatmap(
        z=[list(row) for row in z],
        x=list(range(len(columns))),
        y=list(range(len(rows))),
        text=[list(row) for row in text],
        texttemplate="%{text}",
        textfont={"size": SMALL, "color": style.theme.ink},
        colorscale=[list(step) for step in scale],
        zmin=ends[0],
        zmax=ends[1],
        showscale=False,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
    )
    heads = [folded(column, 12) for column in columns]  # names side by side, on a telephone too
    figure.update_xaxes(
        **quiet_axis(style, side="top", tickvals=list(range(len(columns))), ticktext=heads)
    )
    figure.update_yaxes(
        **quiet_axis(
            style,
            autorange="reversed",
            tickvals=list(range(len(rows))),
            ticktext=list(rows),
            tickfont={"size": SMALL, "color": style.theme.ink},
        )
    )
    return figure


def _shades(style: Style, color: str) -> list[tuple[float, str]]:
    return [(0.0, style.theme.surface), (1.0, palette.translucent(color, 0.75))]


def ranking(
    table: pd.DataFrame, about: About, outcomes: pd.DataFrame, titles: Titles, style: Style
) -> Drawn:
    """How often each arm takes each rank, an outcome a figure; arms in order of their mean rank.

    Parameters
    ----------
    table : columns ``outcome``, ``arm``, ``rank``, ``share``, ``mean_rank``
    """
    lang = style.lang
    drawn: Drawn = []
    for name in about["outcomes"]:
        rows = table[table["outcome"] == name]
        if rows.empty:
            continue
        order = rows.groupby("arm")["mean_rank"].mean().sort_values()
        arms = [str(arm) for arm in order.index]
        n = len(arms)
        shares = {
            (str(arm), int(rank)): float(share)
            for arm, rank, share in zip(rows["arm"], rows["rank"], rows["share"], strict=True)
        }
        z = [[shares.get((arm, rank), 0.0) for rank in range(1, n + 1)] for arm in arms]
        text = [[f"{words.plain(100 * v, 0)}%" if v else "" for v in row] for row in z]
        known = _about(outcomes, name, lang)
        best = titles[arms[0]][lang]
        sentence = style.say(
            "study.ranking",
            outcome=words.inside(known["label"], lang),
            arm=best,
            share=f"{words.plain(100 * z[0][0], 0)}%",
        )
        columns = [style.say("study.rank", rank=rank) for rank in range(1, n + 1)]
        names = [titles[arm][lang] for arm in arms]
        shade = _shades(style, style.theme.arms[0])
        drawn.append((name, _heat(style, z, text, columns, names, sentence, shade, (0.0, 1.0))))
    return drawn


def regret(
    table: pd.DataFrame, about: About, outcomes: pd.DataFrame, titles: Titles, style: Style
) -> Drawn:
    """Regret and being well enough served, stakeholders down, arms across.

    Parameters
    ----------
    table : columns ``stakeholder``, ``arm``, ``regret_scaled``, ``satisfied``
    """
    del outcomes
    lang, theme = style.lang, style.theme
    who = [str(name) for name in table["stakeholder"].unique()]
    arms = [str(name) for name in table["arm"].unique()]
    rows = [words.label(lang, "stakeholder", name) for name in who]
    columns = [titles[arm][lang] for arm in arms]

    def grid(column: str) -> list[list[float]]:
        return _grid(table, "stakeholder", who, "arm", arms, column)

    lost, met = grid("regret_scaled"), grid("satisfied")
    largest = [max(row[i] for row in lost) for i in range(len(arms))]
    safest = titles[arms[largest.index(min(largest))]][lang]
    happiest = [sum(row[i] >= 0.5 for row in met) for i in range(len(arms))]
    # today is no worse than itself, which says nothing
    reforms = [i for i, arm in enumerate(arms) if arm != about.get("yardstick")] or [0]
    most = max(reforms, key=lambda i: happiest[i])
    drawn: Drawn = [
        (
            "regret",
            _heat(
                style,
                lost,
                [[words.plain(v, 2) for v in row] for row in lost],
                columns,
                rows,
                style.say("study.regret", arm=safest),
                _shades(style, theme.loss),
                (0.0, max(1.0, max(map(max, lost)))),
            ),
        ),
        (
            "satisfied",
            _heat(
                style,
                met,
                [[f"{words.plain(100 * v, 0)}%" for v in row] for row in met],
                columns,
                rows,
                style.say(
                    "study.satisfied",
                    arm=titles[arms[most]][lang],
                    count=happiest[most],
                    total=len(who),
                ),
                _shades(style, theme.gain),
                (0.0, 1.0),
            ),
        ),
    ]
    return drawn


def decides(
    table: pd.DataFrame, about: About, outcomes: pd.DataFrame, titles: Titles, style: Style
) -> Drawn:
    """Which parameter moves which outcome: correlations, pale where chance would do.

    Parameters
    ----------
    table : columns ``outcome``, ``parameter``, ``correlation``, ``is_clear``
    about : ``outcomes``, ``labels`` of parameters by language
    """
    del titles
    lang, theme = style.lang, style.theme
    known = {name: _about(outcomes, name, lang)["label"] for name in about["outcomes"]}
    names = [name for name in known if (table["outcome"] == name).any()]
    strength = table.assign(size=table["correlation"].abs() * table["is_clear"])
    order = strength.groupby("parameter")["size"].max().sort_values(ascending=False)
    parameters = [str(name) for name in order.index]
    correlations = _grid(table, "parameter", parameters, "outcome", names, "correlation")
    clearness = _grid(table, "parameter", parameters, "outcome", names, "is_clear")
    z, text = [], []
    for values, marks in zip(correlations, clearness, strict=True):
        clear = [bool(mark) for mark in marks]
        z.append([v if is_clear else 0.0 for v, is_clear in zip(values, clear, strict=True)])
        text.append(
            [
                words.plain(v, 2) if is_clear else "·"
                for v, is_clear in zip(values, clear, strict=True)
            ]
        )
    n = sum(any(v != 0.0 for v in row) for row in z)
    sentence = style.say("study.decides", count=n, total=len(parameters))
    scale = [(0.0, theme.loss), (0.5, theme.even), (1.0, theme.gain)]
    rows = [str(about["labels"][name][lang]) for name in parameters]
    columns = [words.short_title(known[name], 22).replace(" ", "<br>", 1) for name in names]
    return [("decides", _heat(style, z, text, columns, rows, sentence, scale, (-1.0, 1.0)))]


def front(
    table: pd.DataFrame, about: About, outcomes: pd.DataFrame, titles: Titles, style: Style
) -> Drawn:
    """Contracts by two objectives at their worst; those that nothing beats are full.

    Parameters
    ----------
    table : columns ``arm``, objectives, ``is_efficient``
    about : ``objectives`` as (outcome, better), ``yardstick``
    """
    lang, theme, currency = style.lang, style.theme, style.currency
    objectives = [str(name) for name, _ in about["objectives"]]
    contracts = table[table["arm"] != about["yardstick"]]
    efficient = int(contracts["is_efficient"].sum())
    drawn: Drawn = []
    for across in objectives[1:]:
        down = objectives[0]
        x_about, y_about = _about(outcomes, down, lang), _about(outcomes, across, lang)
        sentence = style.say(
            "study.front",
            count=efficient,
            total=len(contracts),
            first=words.inside(x_about["label"], lang),
            second=y_about["label"],
        )
        figure = canvas(style, height=360, sentence=sentence, top=20, bottom=50, left=8, right=20)
        for is_on in (False, True):
            part = contracts[contracts["is_efficient"] == is_on]
            figure.add_scatter(
                x=_numbers(part[down]),
                y=_numbers(part[across]),
                mode="markers",
                marker={
                    "size": 11,
                    "color": theme.arms[0] if is_on else theme.surface,
                    "line": {"color": theme.arms[0], "width": 1.5},
                },
                hovertext=[str(titles[str(arm)][lang]) for arm in part["arm"]],
                hoverinfo="text",
            )
        today = table[table["arm"] == about["yardstick"]]
        figure.add_scatter(
            x=_numbers(today[down]),
            y=_numbers(today[across]),
            mode="markers+text",
            marker={"size": 13, "symbol": "diamond", "color": theme.status_quo},
            text=[style.say("status_quo")],
            textposition="top center",
            textfont={"size": SMALL, "color": theme.muted},
            hoverinfo="skip",
        )
        for column, known, update in (
            (down, x_about, figure.update_xaxes),
            (across, y_about, figure.update_yaxes),
        ):
            low, high = float(table[column].min()), float(table[column].max())
            # room for the name of today's payment, wherever it stands
            pad = 0.12 * (high - low) or 1e-6
            ticks = nice_ticks(low - pad, high + pad, 4)
            update(
                **quiet_axis(
                    style,
                    showgrid=True,
                    range=[low - pad, high + pad],
                    tickvals=ticks,
                    ticktext=words.level_marks(ticks, known["unit"], lang, currency),
                    title={"text": known["label"], "font": {"size": SMALL}},
                )
            )
        drawn.append((across, figure))
    return drawn


def profiles(profile: pd.DataFrame, parameters: pd.DataFrame, style: Style) -> Drawn:
    """How much worse the fit gets as one parameter is held elsewhere and the others give way.

    Parameters
    ----------
    profile : columns ``id``, ``value``, ``rise``
    parameters : columns ``id``, ``label_en``, ``label_zh``, ``best``, ``verdict``
    """
    lang, theme = style.lang, style.theme
    drawn: Drawn = []
    for _, row in parameters.iterrows():
        part = profile[profile["id"] == row["id"]].sort_values("value")
        if part.empty:
            continue
        verdict = str(row["verdict"])
        sentence = style.say(f"study.profile.{verdict}", parameter=str(row[f"label_{lang}"]))
        figure = canvas(style, height=220, sentence=sentence, top=16, bottom=40)
        # far above the line only the side matters
        rise = [min(value, 4.0 * CHI_SQUARE) for value in _numbers(part["rise"])]
        figure.add_scatter(
            x=_numbers(part["value"]),
            y=rise,
            mode="lines+markers",
            line={"color": theme.arms[0], "width": 2.2},
            marker={"size": 6},
            hoverinfo="skip",
        )
        figure.add_hline(y=CHI_SQUARE, line={"color": theme.muted, "width": 1, "dash": "dot"})
        figure.add_vline(x=float(row["best"]), line={"color": theme.arms[1], "width": 1})
        figure.update_xaxes(**quiet_axis(style))
        figure.update_yaxes(**quiet_axis(style, rangemode="tozero", showgrid=True))
        drawn.append((str(row["id"]), figure))
    return drawn


def misfits(targets: pd.DataFrame, outcomes: pd.DataFrame, style: Style) -> go.Figure:
    """How far each target is missed, in tolerances; within one is met.

    Parameters
    ----------
    targets : columns ``name``, ``misfit``, ``is_met``
    """
    theme, lang = style.theme, style.lang
    met = int(targets["is_met"].sum())
    sentence = style.say("study.misfits", count=met, total=len(targets))
    figure = canvas(
        style, height=70 + ROW * len(targets), sentence=sentence, top=12, bottom=34, left=8
    )
    names = [_about(outcomes, str(name), lang)["label"] for name in targets["name"]]
    places = list(range(len(names)))
    values = _numbers(targets["misfit"])
    figure.add_vrect(
        x0=-1.0, x1=1.0, fillcolor=palette.translucent(theme.gain, palette.BAND), line_width=0
    )
    figure.add_scatter(
        x=values,
        y=places,
        mode="markers",
        marker={
            "size": 11,
            "color": [theme.arms[0] if ok else theme.arms[1] for ok in targets["is_met"]],
        },
        hovertext=[words.plain(value, 2) for value in values],
        hoverinfo="text",
    )
    far = max(1.5, *(abs(value) * 1.1 for value in values))
    figure.update_xaxes(**quiet_axis(style, range=[-far, far], showgrid=True, zeroline=True))
    figure.update_yaxes(**quiet_axis(style, autorange="reversed", tickvals=places, ticktext=names))
    return figure


_FIGURES: Mapping[str, Callable[[pd.DataFrame, About, pd.DataFrame, Titles, Style], Drawn]] = {
    "levels": levels,
    "ranking": ranking,
    "regret": regret,
    "decides": decides,
    "front": front,
}


def draw(
    drawing: str,
    table: pd.DataFrame,
    about: About,
    outcomes: pd.DataFrame,
    titles: Titles,
    style: Style,
) -> Drawn:
    """The figures of a study's answer, each with a name.

    Parameters
    ----------
    drawing : ``levels``, ``ranking``, ``regret``, ``decides`` or ``front``
    table, about : as the study's answer gives them
    outcomes : the outcome registry as a table
    titles : title of each arm by language
    """
    return _FIGURES[drawing](table, about, outcomes, titles, style)
