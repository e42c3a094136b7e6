"""Money flows: who pays whom in one year, drawn from the ledger's transfers.

Knows transfers between named parties. Must not know accounts or contracts.
"""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboards.figures import words
from dashboards.figures.canvas import SMALL, Style, arm_looks, canvas
from sim.ledger import PURPOSES

MINOR_UNITS = 100
LARGEST_SHOWN = 14
UNCHANGED = 0.002
BAR = 40


def net_flows(ledger: pd.DataFrame, arm: str) -> list[tuple[str, str, int]]:
    """Transfers of one arm between pairs of parties, netted, largest first, without circles.

    A claw-back lowers what the fund paid; a drawing of money needs one direction. A flow that
    would still close a circle ends at a copy of its payee, marked with a trailing ``*``. Who is
    shown to be paid is shown to pay, too, if it does, and the other way round: a scheme is no place
    where money ends, a practice none where it begins.

    Parameters
    ----------
    ledger : columns ``arm``, ``payer``, ``payee``, ``purpose``, ``amount`` (minor units)

    Returns
    -------
    list of (payer, payee, minor units)
    """
    reached: dict[str, set[str]] = {}
    kept: list[tuple[str, str, int]] = []
    for payer, payee, amount in _shown(_netted(ledger, arm)):
        if _reaches(reached, payee, payer):
            kept.append((payer, f"{payee}*", amount))
            continue
        reached.setdefault(payer, set()).add(payee)
        kept.append((payer, payee, amount))
    return kept


def _netted(ledger: pd.DataFrame, arm: str) -> list[tuple[str, str, int]]:
    """All transfers of one arm between pairs of parties, netted, largest first."""
    rows = ledger[ledger["arm"] == arm]
    sums: dict[tuple[str, str], int] = {}
    for row in rows.to_dict("records"):
        if pd.isna(row["amount"]):
            continue
        payer, payee, amount = str(row["payer"]), str(row["payee"]), int(row["amount"])
        if payer == payee:
            continue
        pair, sign = ((payer, payee), 1) if payer < payee else ((payee, payer), -1)
        sums[pair] = sums.get(pair, 0) + sign * amount
    flows = [
        (pair[0], pair[1], total) if total > 0 else (pair[1], pair[0], -total)
        for pair, total in sums.items()
        if total != 0
    ]
    flows.sort(key=lambda flow: (-flow[2], flow[0], flow[1]))
    return flows


def _shown(flows: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """The largest flows, and those without which somebody would only be paid, or only pay.

    Of who would only be paid, the largest; of who would only pay, those that bring half of it.
    """
    chosen = flows[:LARGEST_SHOWN]
    pays: dict[str, int] = {}
    for payer, _, amount in chosen:
        pays[payer] = pays.get(payer, 0) + amount
    paid = {payee for _, payee, _ in chosen}
    lacking = {payer: amount / 2 for payer, amount in pays.items() if payer not in paid}
    for flow in flows[LARGEST_SHOWN:]:
        payer, payee, amount = flow
        if lacking.get(payee, 0.0) > 0.0:
            lacking[payee] -= amount
        elif payer in pays or payer not in paid:
            continue
        chosen.append(flow)
        pays[payer] = pays.get(payer, 0) + amount
    return chosen


def _reaches(edges: dict[str, set[str]], start: str, goal: str) -> bool:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node == goal:
            return True
        if node not in seen:
            seen.add(node)
            waiting += edges.get(node, set())
    return False


def party_label(lang: str, party: str) -> str:
    """The printed name of a party to a transfer, such as ``patients`` or ``payer:<id>``."""
    party = party.removesuffix("*")
    family, colon, member = party.partition(":")
    if colon and family == "purpose":
        long = str(PURPOSES.get(member, {}).get(lang, member))
        return words.catalogue(lang).get(f"purpose.{member}", words.short_title(long, 26))
    if colon and family in ("payer", "kind"):
        return words.label(lang, family if family == "payer" else "kinds", member)
    known = words.catalogue(lang).get(f"payer.{party}")
    return words.label(lang, "node", party) if known is None else known


def flows_sentence(
    ledger: pd.DataFrame, arms: pd.DataFrame, arm: str, multiplier: float, style: Style
) -> str:
    """The largest stream of money today, and under a reform the stream that it changes most."""
    looks = arm_looks(arms, style)
    look = next(look for look in looks if look.id == arm)
    flows = net_flows(ledger, arm)
    if not flows:
        return style.say("sentence.no_flows", arm=look.short)
    quo = next((quo.id for quo in looks if quo.is_status_quo), "")
    today = {flow[:2]: flow[2] for flow in _netted(ledger, quo)}
    if not look.is_status_quo and today:
        # A stream may be shown today and not under the reform: it is smaller, not gone.
        here = {flow[:2]: flow[2] for flow in _netted(ledger, arm)}
        shown = [(payer, payee.removesuffix("*")) for payer, payee, _ in flows]
        shown += [(payer, payee.removesuffix("*")) for payer, payee, _ in net_flows(ledger, quo)]
        moved = {pair: here.get(pair, 0) - today.get(pair, 0) for pair in dict.fromkeys(shown)}
        pair = max(moved, key=lambda pair: abs(moved[pair]))
        if abs(moved[pair]) < UNCHANGED * max(today.values()):
            return style.say("sentence.flows_same", arm=look.short)
        return style.say(
            "sentence.flow_more" if moved[pair] > 0 else "sentence.flow_less",
            arm=look.short,
            payer=words.inside(party_label(style.lang, pair[0]), style.lang),
            payee=words.inside(party_label(style.lang, pair[1]), style.lang),
            amount=words.money(
                abs(moved[pair]) / MINOR_UNITS * multiplier, style.currency, style.lang
            ),
        )
    payer, payee, amount = flows[0]
    return style.say(
        "sentence.flow",
        arm=look.short,
        payer=words.inside(party_label(style.lang, payer), style.lang),
        payee=words.inside(party_label(style.lang, payee), style.lang),
        amount=words.money(amount / MINOR_UNITS * multiplier, style.currency, style.lang),
    )


def flows_sankey(
    ledger: pd.DataFrame, arms: pd.DataFrame, arm: str, multiplier: float, style: Style
) -> go.Figure:
    """Where the money goes in one arm: a Sankey of a year's transfers.

    Parameters
    ----------
    multiplier : residents per simulated person, so that totals are the region's
    """
    look = next(look for look in arm_looks(arms, style) if look.id == arm)
    theme = style.theme
    flows = net_flows(ledger, arm)
    figure = canvas(
        style,
        height=360,
        sentence=flows_sentence(ledger, arms, arm, multiplier, style),
        top=10,
        bottom=14,
    )
    if not flows:
        figure.update_layout(height=120)
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
        figure.add_annotation(
            xref="paper",
            yref="paper",
            x=0.5,
            y=0.5,
            text=style.say("empty.flows"),
            showarrow=False,
            font={"color": theme.muted},
        )
        return figure
    nodes = list(dict.fromkeys(party for flow in flows for party in flow[:2]))
    through = {
        node: max(
            sum(amount for payer, _, amount in flows if payer == node),
            sum(amount for _, payee, amount in flows if payee == node),
        )
        for node in nodes
    }
    amounts = [amount / MINOR_UNITS * multiplier for _, _, amount in flows]
    figure.add_sankey(
        arrangement="snap",
        node={
            "label": [
                f"{party_label(style.lang, node)}<br>"
                + words.money(through[node] / MINOR_UNITS * multiplier, style.currency, style.lang)
                for node in nodes
            ],
            "color": [look.color] * len(nodes),
            "pad": 18,
            "thickness": 10,
            "line": {"width": 0},
            "hovertemplate": "%{label}<extra></extra>",
        },
        link={
            "source": [nodes.index(payer) for payer, _, _ in flows],
            "target": [nodes.index(payee) for _, payee, _ in flows],
            "value": amounts,
            "color": [look.flow] * len(flows),
            "customdata": [
                style.say(
                    "hover.flow",
                    payer=party_label(style.lang, payer),
                    payee=party_label(style.lang, payee),
                    amount=words.money(value, style.currency, style.lang),
                )
                for (payer, payee, _), value in zip(flows, amounts, strict=True)
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
        },
        textfont={"size": SMALL, "color": theme.ink},
    )
    return figure


def flows_bars(
    ledger: pd.DataFrame, arms: pd.DataFrame, arm: str, multiplier: float, style: Style
) -> go.Figure:
    """The same transfers as bars, largest first: on a phone the names of a Sankey collide."""
    look = next(look for look in arm_looks(arms, style) if look.id == arm)
    theme = style.theme
    flows = net_flows(ledger, arm)
    if not flows:
        return flows_sankey(ledger, arms, arm, multiplier, style)
    amounts = [amount / MINOR_UNITS * multiplier for _, _, amount in flows]
    figure = canvas(
        style,
        height=BAR * len(flows) + 12,
        top=4,
        bottom=8,
        left=2,
        right=4,
        sentence=flows_sentence(ledger, arms, arm, multiplier, style),
    )
    for position, ((payer, payee, _), value) in enumerate(zip(flows, amounts, strict=True)):
        y = len(flows) - 1 - position
        figure.add_bar(
            x=[value],
            y=[y],
            base=[0],
            width=[0.24],
            orientation="h",
            marker={"color": look.color, "line": {"width": 0}},
            hoverinfo="skip",
        )
        names = [words.short_title(party_label(style.lang, p), 22) for p in (payer, payee)]
        figure.add_annotation(
            x=0,
            y=y,
            yshift=14,
            xanchor="left",
            showarrow=False,
            text=f"{names[0]} → {names[1]}",
            font={"size": SMALL, "color": theme.ink},
        )
        figure.add_annotation(
            x=1,
            xref="paper",
            y=y,
            yshift=14,
            xanchor="right",
            showarrow=False,
            text=words.money(value, style.currency, style.lang),
            font={"size": SMALL, "color": theme.muted},
        )
    figure.update_xaxes(visible=False, range=[0, max(amounts)], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-0.3, len(flows) - 0.4], fixedrange=True)
    return figure
