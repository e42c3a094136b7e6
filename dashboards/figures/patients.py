"""Patients: where people are seen and sent between tiers, today and under one reform.

Knows the table of providers. Must not know why patients go where they go.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import words
from dashboards.figures.canvas import SMALL, Style, arm_looks, canvas, nice_ticks, quiet_axis

ROW = 30
TALL = 44
STEPS = ("visits", "admissions", "referred_up", "referred_down", "transferred")
KINDS = ("practice", "secondary", "tertiary")
FEWEST = 1e-9


@dataclass(frozen=True)
class PatientStep:
    """A number of people a year who take one step at one tier.

    Attributes
    ----------
    id : ``visits``, ``admissions``, ``referred_up``, ``referred_down`` or ``transferred``
    kind : tier at which it is taken
    number : people a year
    """

    id: str
    kind: str
    number: float


def patient_steps(providers: pd.DataFrame, arm: str, multiplier: float) -> list[PatientStep]:
    """What patients do at each tier under one arm, mean over replicates.

    Parameters
    ----------
    providers : columns ``arm``, ``replicate``, ``provider``, ``kind``, ``outcome``, ``value``
    multiplier : residents per simulated person
    """
    rows = providers[(providers["arm"] == arm) & providers["outcome"].isin(STEPS)]
    if rows.empty:
        return []
    runs = max(1, rows["replicate"].nunique())
    sums = rows.groupby(["outcome", "kind"])["value"].sum()
    found = []
    for step in STEPS:
        for kind in KINDS:
            number = float(sums.get((step, kind), 0.0)) / runs * multiplier
            if number > FEWEST:
                found.append(PatientStep(step, kind, number))
    return found


def patients_figure(
    providers: pd.DataFrame,
    arms: pd.DataFrame,
    arm: str,
    multiplier: float,
    style: Style,
    *,
    narrow: bool = False,
) -> go.Figure:
    """Change of every step from today under one reform, with the numbers beside it.

    Under the status quo itself the numbers alone are shown. The narrow form has names and numbers
    above the bars, where a telephone leaves no room beside them.
    """
    looks = {look.id: look for look in arm_looks(arms, style)}
    look = looks[arm]
    quo = next((one.id for one in looks.values() if one.is_status_quo), "")
    now = {(s.id, s.kind): s.number for s in patient_steps(providers, quo, multiplier)}
    steps = patient_steps(providers, arm, multiplier)
    changes = [
        (step, 100.0 * (step.number / now[step.id, step.kind] - 1.0))
        if (step.id, step.kind) in now
        else (step, 0.0)
        for step in steps
    ]
    figure = canvas(
        style,
        height=(TALL if narrow else ROW) * len(steps) + 40,
        sentence=_sentence(changes, look.short, look.is_status_quo, style),
        top=10,
        bottom=28,
        left=2 if narrow else 8,
        right=4 if narrow else 150,
    )
    reach = max([abs(change) for _, change in changes] + [2.0]) * 1.15
    for row, (step, change) in enumerate(reversed(changes)):
        before = now.get((step.id, step.kind), step.number)
        figure.add_scatter(
            x=[0.0, change],
            y=[row, row],
            mode="lines",
            line={"color": look.color, "width": 6},
            hoverinfo="skip",
        )
        figure.add_annotation(
            xref="paper",
            x=1.0,
            y=row,
            xanchor="right" if narrow else "left",
            xshift=0 if narrow else 8,
            yshift=15 if narrow else 0,
            showarrow=False,
            text=words.count(round(step.number), style.lang)
            if look.is_status_quo
            else style.say(
                "chain.arrow",
                before=words.count(round(before), style.lang),
                after=words.count(round(step.number), style.lang),
            ),
            font={"size": SMALL, "color": style.theme.muted},
        )
        if narrow:
            figure.add_annotation(
                xref="paper",
                x=0.0,
                y=row,
                xanchor="left",
                yshift=15,
                showarrow=False,
                text=_name(step, style),
                font={"size": SMALL, "color": style.theme.ink},
            )
    marks = nice_ticks(-reach, reach, 4)
    signs = [f"{'+' if mark > 0 else ''}{words.plain(mark)}{'%' if mark else ''}" for mark in marks]
    figure.update_xaxes(
        **quiet_axis(style, range=[-reach, reach], showgrid=True, tickvals=marks, ticktext=signs)
    )
    names = [] if narrow else [_name(step, style) for step, _ in reversed(changes)]
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[-0.6, len(steps) - 0.3],
            tickvals=list(range(len(names))),
            ticktext=names,
            tickfont={"size": SMALL, "color": style.theme.ink},
        )
    )
    figure.add_shape(
        type="line",
        x0=0,
        x1=0,
        y0=0,
        y1=1,
        yref="paper",
        layer="below",
        line={"color": style.theme.status_quo, "width": 2},
    )
    return figure


def _name(step: PatientStep, style: Style) -> str:
    tier = words.label(style.lang, "kinds", step.kind)
    return style.say("patients.row", step=style.say(f"patients.{step.id}"), tier=tier)


def _sentence(
    changes: list[tuple[PatientStep, float]], arm: str, is_status_quo: bool, style: Style
) -> str:
    if is_status_quo or not changes:
        return style.say("patients.today")
    # a rare step's doubling says little of where people go
    most = max(step.number for step, _ in changes)
    telling = [entry for entry in changes if entry[0].number > most / 1_000]
    step, change = max(telling, key=lambda entry: abs(entry[1]))
    if abs(change) < 0.5:
        return style.say("patients.same", arm=arm)
    key = "patients.more" if change > 0 else "patients.less"
    return style.say(
        key,
        arm=arm,
        step=words.inside(style.say(f"patients.{step.id}"), style.lang),
        tier=words.label(style.lang, "at_kind", step.kind),
        by=f"{words.plain(abs(change))}%",
    )
