"""Providers: whose revenue a reform raises or cuts, and the names of those it cuts by a tenth.

Knows yearly money by provider. Must not know why it moved.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import words
from dashboards.figures.canvas import (
    SMALL,
    Style,
    arm_looks,
    canvas,
    folded,
    nice_ticks,
    quiet_axis,
)

REVENUE = "revenue"
MARGIN = "margin"
LOSING = -0.10
DOT = 9
ROW = 66


@dataclass(frozen=True)
class ProviderChange:
    """How one provider fares under one arm against the status quo.

    Attributes
    ----------
    arm, provider, name, kind : identifiers and the name to print
    before, after : revenue per year under the status quo and under the arm
    relative : change of revenue, a fraction of ``before``
    margin_before, margin_after : revenue less cost per year; NaN when not recorded
    """

    arm: str
    provider: str
    name: str
    kind: str
    before: float
    after: float
    relative: float
    margin_before: float
    margin_after: float

    @property
    def is_losing(self) -> bool:
        """Whether more than a tenth of the revenue is gone."""
        return self.relative < LOSING


def provider_changes(
    providers: pd.DataFrame, arms: pd.DataFrame, style: Style
) -> list[ProviderChange]:
    """Revenue of every provider under every reform against the status quo, losers first.

    Parameters
    ----------
    providers : columns ``arm``, ``replicate``, ``provider``, ``kind``, ``outcome`` (``revenue``,
        ``margin``), ``value`` per year; optionally ``name_en`` and ``name_zh``
    """
    quo = [str(a) for a, q in zip(arms["arm"], arms["is_status_quo"], strict=True) if q]
    if providers.empty or not quo:
        return []
    name_column = f"name_{style.lang}"
    means = providers.groupby(["outcome", "arm", "provider"])["value"].mean().to_dict()
    kinds = dict(zip(providers["provider"], providers["kind"], strict=True))
    names = (
        dict(zip(providers["provider"], providers[name_column], strict=True))
        if name_column in providers.columns
        else {provider: provider for provider in kinds}
    )
    found: list[ProviderChange] = []
    for arm in (str(a) for a in arms["arm"] if str(a) not in quo):
        for provider, kind in kinds.items():
            before = float(means.get((REVENUE, quo[0], provider), math.nan))
            after = float(means.get((REVENUE, arm, provider), math.nan))
            if not (math.isfinite(before) and math.isfinite(after)) or before <= 0:
                continue
            found.append(
                ProviderChange(
                    arm=arm,
                    provider=str(provider),
                    name=str(names[provider]),
                    kind=str(kind),
                    before=before,
                    after=after,
                    relative=(after - before) / before,
                    margin_before=float(means.get((MARGIN, quo[0], provider), math.nan)),
                    margin_after=float(means.get((MARGIN, arm, provider), math.nan)),
                )
            )
    return sorted(found, key=lambda change: change.relative)


def provider_table(
    changes: Sequence[ProviderChange], titles: Mapping[str, str], style: Style
) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the numbers behind the strip.

    Parameters
    ----------
    titles : name of every arm by its identifier
    """
    lang, currency = style.lang, style.currency
    columns = ("provider", "kind", "arm", "before", "after", "change", "margin_after")
    rows = [
        [
            change.name,
            words.label(lang, "kind", change.kind),
            titles[change.arm],
            words.money(change.before, currency, lang),
            words.money(change.after, currency, lang),
            words.signed(100 * change.relative, "percent", "", lang, currency),
            words.money(change.margin_after, currency, lang),
        ]
        for change in changes
    ]
    return [style.say(f"col.{column}") for column in columns], rows


def providers_sentence(changes: list[ProviderChange], arms: pd.DataFrame, style: Style) -> str:
    """How many providers lose more than a tenth, and under which reform most do."""
    looks = [look for look in arm_looks(arms, style) if not look.is_status_quo]
    if not changes:
        return style.say("sentence.no_providers")
    losing = {look.id: sum(c.is_losing for c in changes if c.arm == look.id) for look in looks}
    worst = max(looks, key=lambda look: losing[look.id])
    if losing[worst.id] == 0:
        return style.say("sentence.nobody_loses")
    total = sum(c.arm == worst.id for c in changes)
    key = "sentence.one_loses" if losing[worst.id] == 1 else "sentence.many_lose"
    return style.say(
        key, arm=words.inside(worst.short, style.lang), count=losing[worst.id], total=total
    )


def providers_strip(changes: list[ProviderChange], arms: pd.DataFrame, style: Style) -> go.Figure:
    """Change of revenue, one dot per provider, a strip per reform; the worst hit is named.

    Dots that would cover each other are stacked, so that their number can be seen.
    """
    looks = [look for look in arm_looks(arms, style) if not look.is_status_quo]
    theme = style.theme
    figure = canvas(
        style,
        height=ROW * max(len(looks), 1) + 44,
        bottom=26,
        top=18,
        sentence=providers_sentence(changes, arms, style),
    )
    if not changes:
        figure.update_layout(height=120)
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
        figure.add_annotation(
            xref="paper",
            yref="paper",
            x=0.5,
            y=0.5,
            text=style.say("empty.providers"),
            showarrow=False,
            font={"color": theme.muted},
        )
        return figure
    values = [100 * c.relative for c in changes]
    low, high = min([*values, -12.0]), max([*values, 4.0])
    pad = 0.05 * (high - low)
    low, high = low - pad, high + pad
    figure.add_shape(
        type="rect",
        x0=low,
        x1=100 * LOSING,
        y0=0,
        y1=1,
        yref="paper",
        layer="below",
        fillcolor=theme.warning,
        line={"width": 0},
    )
    figure.add_annotation(
        # from the left end, since on a telephone the words are wider than what they name
        x=low,
        y=1,
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        text=style.say("loses_a_tenth"),
        showarrow=False,
        font={"size": SMALL, "color": theme.muted},
    )
    figure.add_shape(
        type="line",
        x0=0,
        x1=0,
        y0=0,
        y1=1,
        yref="paper",
        layer="below",
        line={"color": theme.status_quo, "width": 2},
    )
    bin_width = (high - low) / 60
    for position, look in enumerate(looks):
        base = len(looks) - 1 - position
        stacked: dict[int, int] = {}
        of_arm = [c for c in changes if c.arm == look.id]
        heights: list[float] = []
        for change in of_arm:
            column = math.floor(100 * change.relative / bin_width)
            heights.append(base + 0.1 * stacked.get(column, 0))
            stacked[column] = stacked.get(column, 0) + 1
        tallest = max([h - base for h in heights], default=0.0)
        if tallest > 0.55:
            heights = [base + (h - base) * 0.55 / tallest for h in heights]
        figure.add_scatter(
            x=[100 * c.relative for c in of_arm],
            y=heights,
            mode="markers",
            marker={
                "color": look.color,
                "size": DOT,
                "opacity": [1.0 if c.is_losing else 0.55 for c in of_arm],
                "line": {"color": theme.surface, "width": 1},
            },
            hovertext=[
                style.say(
                    "hover.provider",
                    name=c.name,
                    kind=words.label(style.lang, "kind", c.kind),
                    change=words.signed(
                        100 * c.relative, "percent", "", style.lang, style.currency
                    ),
                    before=words.money(c.before, style.currency, style.lang),
                    after=words.money(c.after, style.currency, style.lang),
                )
                for c in of_arm
            ],
            hoverinfo="text",
        )
        worst = of_arm[0] if of_arm and of_arm[0].is_losing else None
        if worst is not None:
            is_left = 100 * worst.relative < (low + high) / 2
            figure.add_annotation(
                x=100 * worst.relative,
                y=base,
                yshift=-9,
                yanchor="top",
                xanchor="left" if is_left else "right",
                showarrow=False,
                text=words.short_title(worst.name, 28),
                font={"size": SMALL, "color": theme.ink},
            )
    marks = nice_ticks(low, high, 5)
    figure.update_xaxes(
        **quiet_axis(
            style,
            range=[low, high],
            tickvals=marks,
            ticktext=words.change_marks(marks, "percent", "", style.lang, style.currency),
        )
    )
    figure.update_yaxes(
        **quiet_axis(
            style,
            range=[-0.5, len(looks) - 0.25],
            tickvals=list(range(len(looks))),
            ticktext=[folded(look.short) for look in reversed(looks)],
            tickfont={"size": 13, "color": theme.ink},
        )
    )
    return figure
