"""Incentives: what one more of each activity brings a provider minus what it costs.

Knows marginal receipts and marginal costs. Must not know the contracts they come from.
"""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import words
from dashboards.figures.canvas import SMALL, Style, arm_looks, breadth, canvas, quiet_axis
from dashboards.figures.xray import shown_activities

ROW = 30
HEAD = 44
MOST_UPRIGHT, LETTER = 22, 7  # letters of an upright name, and pixels of each
MOST_LEVEL = 4  # columns whose names have room beside each other
CARD = 440  # pixels of a map where two stand side by side


def stake_of(receipts: float, cost: float) -> float:
    """Margin over the money that moves: -1 earns nothing, 0 breaks even, +1 costs nothing.

    Free of units, so that a visit and a hospital stay can share one scale of colors.

    Examples
    --------
    >>> stake_of(0.0, 50.0), stake_of(50.0, 50.0), stake_of(150.0, 50.0)
    (-1.0, 0.0, 0.5)
    """
    moved = abs(receipts) + abs(cost)
    return (receipts - cost) / moved if moved else 0.0


def payers_that_change(incentives: pd.DataFrame, status_quo: str) -> list[str]:
    """Payers in the order of how far the reforms move the margins of what they pay for."""
    frame = incentives.copy()
    frame["stake"] = [
        stake_of(float(receipts), float(cost))
        for receipts, cost in zip(frame["marginal_receipts"], frame["marginal_cost"], strict=True)
    ]
    keys = ["kind", "payer", "activity"]
    today = frame[frame["arm"] == status_quo].set_index(keys)["stake"]
    today = today[~today.index.duplicated()]
    reforms = frame[frame["arm"] != status_quo]
    moved: dict[str, float] = {str(payer): 0.0 for payer in frame["payer"].unique()}
    for row in reforms.to_dict("records"):
        key = (row["kind"], row["payer"], row["activity"])
        if key in today.index:
            step = abs(float(row["stake"]) - float(today[key]))
            if math.isfinite(step):
                moved[str(row["payer"])] += step
    return sorted(moved, key=lambda payer: -moved[payer])


def incentive_sentence(
    incentives: pd.DataFrame, arms: pd.DataFrame, kind: str, payer: str, style: Style
) -> str:
    """The margin that the reforms move most for one kind of provider."""
    looks = {look.id: look for look in arm_looks(arms, style)}
    quo = next((look.id for look in looks.values() if look.is_status_quo), None)
    rows = incentives[(incentives["kind"] == kind) & (incentives["payer"] == payer)]
    # A headline speaks of what the map below it shows.
    rows = rows[rows["activity"].isin(shown_activities(rows))]
    margins = {
        (str(row["arm"]), str(row["activity"])): (
            float(row["marginal_receipts"]) - float(row["marginal_cost"]),
            stake_of(float(row["marginal_receipts"]), float(row["marginal_cost"])),
        )
        for row in rows.to_dict("records")
    }
    best: tuple[float, str, str] | None = None
    for (arm, activity), (_, stake) in margins.items():
        if arm == quo or arm not in looks or (quo, activity) not in margins:
            continue
        step = abs(stake - margins[(quo or "", activity)][1])
        if math.isfinite(step) and (best is None or step > best[0] + 1e-12):
            best = (step, arm, activity)
    name = words.label(style.lang, "kinds", kind)
    if best is None or best[0] < 0.02:
        return style.say("sentence.no_incentive_moves", kind=words.inside(name, style.lang))
    _, arm, activity = best
    return style.say(
        "sentence.incentive",
        kind=words.label(style.lang, "at_kind", kind),
        activity=words.label(style.lang, "activity_in", activity),
        before=words.money(margins[(quo or "", activity)][0], style.currency, style.lang),
        after=words.money(margins[(arm, activity)][0], style.currency, style.lang),
        arm=words.inside(looks[arm].short, style.lang),
    )


def incentives_map(
    incentives: pd.DataFrame,
    arms: pd.DataFrame,
    kind: str,
    payer: str,
    style: Style,
    *,
    is_narrow: bool = False,
) -> go.Figure:
    """Margins at one kind of provider: a row per activity, a column per arm, money inside.

    Parameters
    ----------
    incentives : columns ``arm``, ``kind``, ``payer``, ``activity``, ``marginal_receipts``,
        ``marginal_cost``, ``unit``; money in ``style.currency`` per one more of the activity
    kind, payer : which rows to draw
    is_narrow : upright names of the arms, for a phone; so are those of more than four, or
        too long to stand beside each other, anywhere

    Notes
    -----
    The color is :func:`stake_of`; the number inside is marginal receipts minus marginal cost.
    """
    looks = arm_looks(arms, style)
    theme = style.theme
    rows = incentives[(incentives["kind"] == kind) & (incentives["payer"] == payer)]
    activities = shown_activities(rows)
    sentence = incentive_sentence(incentives, arms, kind, payer, style)
    level = [_two_lines(look.short) for look in looks]
    names = [words.label(style.lang, "activity", activity) for activity in activities]
    room = CARD - max(map(breadth, names), default=0)
    is_crowded = max(map(breadth, level)) * len(looks) > room
    is_upright = is_narrow or is_crowded or len(looks) > MOST_LEVEL
    upright = [words.short_title(look.short, MOST_UPRIGHT) for look in looks]
    head = max(HEAD, 14 + LETTER * max(map(_width, upright))) if is_upright else HEAD
    figure = canvas(
        style,
        height=ROW * max(len(activities), 2) + head + 12,
        sentence=sentence,
        top=head,
        bottom=8,
        right=4,
    )
    if not activities:
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
        figure.add_annotation(
            xref="paper",
            yref="paper",
            x=0.5,
            y=0.5,
            text=style.say("empty.incentives"),
            showarrow=False,
            font={"color": theme.muted},
        )
        return figure
    cells = {
        (str(row["arm"]), str(row["activity"])): (
            float(row["marginal_receipts"]),
            float(row["marginal_cost"]),
        )
        for row in rows.to_dict("records")
    }
    colors: list[list[float | None]] = []
    texts: list[list[str]] = []
    hovers: list[list[str]] = []
    for activity in activities:
        colors.append([])
        texts.append([])
        hovers.append([])
        for look in looks:
            receipts, cost = cells.get((look.id, activity), (math.nan, math.nan))
            is_known = math.isfinite(receipts) and math.isfinite(cost)
            colors[-1].append(stake_of(receipts, cost) if is_known else None)
            texts[-1].append(words.compact(receipts - cost, style.lang) if is_known else "–")
            hovers[-1].append(
                style.say(
                    "hover.incentive",
                    arm=look.short,
                    activity=words.label(style.lang, "activity", activity),
                    receipts=words.money(receipts, style.currency, style.lang),
                    cost=words.money(cost, style.currency, style.lang),
                )
            )
    figure.add_heatmap(
        x=list(range(len(looks))),
        y=list(range(len(activities))),
        z=colors,
        zmin=-1,
        zmax=1,
        zmid=0,
        showscale=False,
        xgap=2,
        ygap=2,
        colorscale=[[0, theme.loss], [0.5, theme.even], [1, theme.gain]],
        text=texts,
        texttemplate="%{text}",
        textfont={"size": SMALL, "color": theme.ink},
        hovertext=hovers,
        hoverinfo="text",
        hoverongaps=False,
    )
    figure.update_xaxes(
        **quiet_axis(
            style,
            side="top",
            tickvals=list(range(len(looks))),
            ticktext=upright if is_upright else level,
            tickangle=-90 if is_upright else 0,
            tickfont={"size": SMALL, "color": theme.ink},
            automargin=False,
            range=[-0.5, len(looks) - 0.5],
            ticklabeloverflow="allow",
        )
    )
    figure.update_yaxes(
        **quiet_axis(
            style,
            tickvals=list(range(len(activities))),
            ticktext=names,
            tickfont={"size": SMALL, "color": theme.ink},
            range=[len(activities) - 0.5, -0.5],
        )
    )
    return figure


def _width(text: str) -> int:
    """How wide a text is, in Latin letters; a Chinese character is as wide as two."""
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)


def _two_lines(title: str) -> str:
    """A column's name broken near its middle; long words are cut."""
    if any(ord(letter) > 0x2E80 for letter in title):
        title = words.short_title(title, 16)
        if len(title) <= 4:
            return title
        # never inside a Latin word such as DRG
        places = [
            i for i in range(1, len(title)) if not (title[i - 1].isascii() and title[i].isascii())
        ]
        cut = min(places, key=lambda i: abs(i - len(title) / 2))
        return f"{title[:cut]}<br>{title[cut:]}"
    parts = title.replace("-", "- ").split(" ")
    if len(parts) < 2:
        return words.short_title(title, 12)
    cut = min(
        range(1, len(parts)),
        key=lambda i: max(len(" ".join(parts[:i])), len(" ".join(parts[i:]))),
    )
    lines = [" ".join(parts[:cut]), " ".join(parts[cut:])]
    return "<br>".join(words.short_title(line.replace("- ", "-"), 12) for line in lines)
