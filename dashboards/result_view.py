"""A comparison on a page: the answer, the scorecard, why, who, where the money goes, how sure.

Knows the tables of a report, the figures drawn from them and pieces of pages; must not know how
the tables came about. A page shows few figures at once: what is asked for is drawn then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import html

from dashboards import components as parts
from dashboards import ids
from dashboards.figures import answer, flows, gainers, patients, providers, words
from dashboards.figures import scorecard as cards
from dashboards.figures import trajectory as courses
from dashboards.figures.canvas import ArmLook, Style, arm_looks, outcome_words
from dashboards.report import PROMINENT, ReportTables, replicates_needed
from dashboards.texts import Reader
from sim.ledger import PURPOSES

__all__ = ["View"]

PER_AREA = 4
GROUPED = (
    "out_of_pocket_per_person",
    "spending_per_person",
    "qaly",
    "foregone",
    "out_of_pocket_share",
)
BY = ("income", "health", "payer", "place")


class View:
    """One comparison in one reader's words.

    Parameters
    ----------
    tables : with the report's names of groups and parties
    reader : who reads
    """

    def __init__(self, tables: ReportTables, reader: Reader) -> None:
        self.tables = tables
        self.reader = reader
        self.style: Style = reader.style(tables.currency)
        self.looks = arm_looks(tables.arms, self.style)
        self.reforms = [look for look in self.looks if not look.is_status_quo]
        self.position = parts.positions(self.looks)

    # --- the answer ---------------------------------------------------------------------------

    def answer(self) -> html.Section:
        """The headline, and what each reform clearly changes."""
        tables, reader = self.tables, self.reader
        sentences = answer.headline(tables.differences, tables.outcomes, tables.arms, self.style)
        items = []
        for card in answer.arm_cards(tables.differences, tables.outcomes, tables.arms, self.style):
            if not card.total:
                continue
            look = next(look for look in self.looks if look.id == card.arm)
            lines: list[Any] = []
            for kind, told in (("better", card.better), ("worse", card.worse)):
                text = reader.say("comma").join(told) or reader.say("card.nothing_clear")
                lines += [html.Dt(reader.say(f"card.{kind}")), html.Dd(text)]
            items.append(
                html.Li(
                    [html.H3(look.short), html.Dl(lines)],
                    className=parts.arm_class(self.position[look.id]),
                )
            )
        return html.Section(
            [
                html.H2(reader.say("section.answer"), id="answer-title", className="unseen"),
                html.Div(
                    [html.P(parts.joined(sentence)) for sentence in sentences],
                    className="headline",
                ),
                html.Ul(items, className="answers"),
            ],
            id="answer",
            **{"aria-labelledby": "answer-title"},
        )

    # --- the scorecard ------------------------------------------------------------------------

    def shown_outcomes(self) -> list[tuple[str, list[str]]]:
        """The outcomes of the scorecard by area, those an area is known for first."""
        tables = self.tables
        found = []
        for area in answer.CORE:
            of_area = [
                str(o)
                for o, a in zip(tables.outcomes["id"], tables.outcomes["area"], strict=True)
                if a == area and not cards.is_empty(tables.differences, str(o))
            ]
            first = [o for o in PROMINENT.get(area, ()) if o in of_area]
            rest = [o for o in of_area if o not in first]
            if of_area:
                found.append((area, [*first, *rest][:PER_AREA]))
        return found

    def first_outcome(self) -> str:
        """The outcome that a reader sees first: the strongest clear change of the scorecard."""
        best, size = "spending_per_person", -1.0
        for _, outcomes in self.shown_outcomes():
            for outcome in outcomes:
                for change in words.changes_of(self.tables.differences, outcome):
                    if change.is_clear and min(change.size, 1.0) > size:
                        best, size = outcome, min(change.size, 1.0)
        return best

    def scorecard(self) -> html.Section:
        """Outcomes in rows, reforms in columns; each cell opens its story."""
        reader = self.reader
        head = html.Tr(
            [
                html.Th(reader.say("col.outcome"), scope="col"),
                html.Th(reader.say("status_quo"), scope="col", className="arm-head arm-0"),
                *(
                    html.Th(
                        look.short,
                        scope="col",
                        className=f"arm-head {parts.arm_class(self.position[look.id])}",
                    )
                    for look in self.reforms
                ),
            ]
        )
        body: list[html.Tbody] = []
        for area, outcomes in self.shown_outcomes():
            rows = [
                html.Tr(
                    html.Th(
                        reader.say(f"area.{area}"),
                        colSpan=2 + len(self.reforms),
                        scope="rowgroup",
                    ),
                    className="area",
                )
            ]
            rows += [self._row(outcome) for outcome in outcomes]
            body.append(html.Tbody(rows))
        return parts.section(
            "scorecard",
            reader.say("section.scorecard"),
            html.Div(
                html.Table([html.Thead(head), *body], className="scores"),
                className="scroll scores-frame",
                tabIndex=0,
                role="region",
                **{"aria-label": reader.say("section.scorecard")},
            ),
            lead=reader.say("compare_scorecard_lead"),
        )

    def _row(self, outcome: str) -> html.Tr:
        lang, currency = self.reader.lang, self.tables.currency
        about = outcome_words(self.tables.outcomes, outcome, lang)
        changes = {c.arm: c for c in words.changes_of(self.tables.differences, outcome)}
        scale = words.scale_of(changes.values(), about["unit"])
        ends = [0.0]
        for change in changes.values():
            ends += [end for end in words.on_scale(change, scale) if math.isfinite(end)]
        reach = max(abs(end) for end in ends) or 1.0
        base = next((c.baseline for c in changes.values()), math.nan)
        unit = words.unit_label(about["unit"], lang, currency)
        return html.Tr(
            [
                html.Th([about["label"], html.Small(unit)], scope="row"),
                html.Td(words.level(base, about["unit"], lang, currency)),
                *(
                    html.Td(self._cell(outcome, look, changes.get(look.id), about, scale, reach))
                    for look in self.reforms
                ),
            ]
        )

    def _cell(
        self,
        outcome: str,
        look: ArmLook,
        change: words.Change | None,
        about: Mapping[str, str],
        scale: words.Scale,
        reach: float,
    ) -> Any:
        lang, currency = self.reader.lang, self.tables.currency
        if change is None or not change.is_known:
            return html.Span(self.reader.say("not_measured"), className="quiet")
        value, low, high = words.on_scale(change, scale)
        told = words.signed(value, scale, about["unit"], lang, currency)
        better = change.is_better(about["better"]) if change.is_clear else None
        verdict = {True: "better", False: "worse", None: "same"}[better]
        if change.is_clear and better is None:
            verdict = "other"
        spoken = words.one_change(change, look.short, about, scale, lang, currency)
        return html.Button(
            [
                html.Span(told, className="told"),
                html.I(style=_strip(value, low, high, reach), className="strip"),
                html.Small(self.reader.say(f"compare_{verdict}")),
            ],
            id=ids.cell(outcome, look.id),
            className=f"cell is-{verdict} {parts.arm_class(self.position[look.id])}",
            title=parts.joined(spoken),
            **{"aria-label": f"{about['label']}: {spoken}"},
        )

    # --- one outcome --------------------------------------------------------------------------

    def detail(self, outcome: str, arm: str) -> list[Any]:
        """How an outcome ran around the reform, all arms' effects, and why it changed."""
        tables, reader = self.tables, self.reader
        about = outcome_words(tables.outcomes, outcome, reader.lang)
        course = courses.trajectory(
            tables.monthly,
            tables.outcomes,
            tables.arms,
            outcome,
            tables.months_before,
            self.style,
            differences=tables.differences,
        )
        unit = words.unit_label(about["unit"], reader.lang, tables.currency)
        figure = parts.figure_card(
            f"course-{outcome}",
            course,
            reader,
            kicker=" · ".join(text for text in (about["label"], unit) if text),
            about=about,
            behind=self._course_table(outcome, about),
            currency=tables.currency,
        )
        effect = parts.figure_card(
            f"effect-{outcome}",
            cards.scorecard(tables.differences, tables.outcomes, tables.arms, outcome, self.style),
            reader,
            kicker=" · ".join((about["label"], self._scale_label(outcome, about["unit"]))),
            behind=self._change_table(outcome, about),
            currency=tables.currency,
        )
        return [html.Div([figure, effect], className="pair"), *self._chains(arm)]

    def _scale_label(self, outcome: str, unit: str) -> str:
        scale = words.scale_of(words.changes_of(self.tables.differences, outcome), unit)
        return words.scale_label(scale, unit, self.reader.lang, self.tables.currency)

    def _change_table(self, outcome: str, about: Mapping[str, str]) -> html.Div:
        rows = []
        for look in self.reforms:
            for change in words.changes_of(self.tables.differences, outcome, arm=look.id):
                rows.append([look.short, *self._numbers(change, about["unit"])])
        columns = ("arm", "baseline", "value", "difference", "interval")
        return parts.table([self.reader.say(f"col.{c}") for c in columns], rows, about["label"])

    def _numbers(self, change: words.Change, unit: str) -> list[str]:
        lang, currency = self.reader.lang, self.tables.currency
        scale = words.scale_of([change], unit)
        value, low, high = words.on_scale(change, scale)
        before, after = words.apart(change.baseline, change.value, unit, lang, currency)
        return [
            before,
            after,
            words.signed(value, scale, unit, lang, currency)
            if change.is_known
            else self.reader.say("not_measured"),
            words.signed_interval(low, high, scale, unit, lang, currency)
            if change.has_interval
            else "–",
        ]

    def _course_table(self, outcome: str, about: Mapping[str, str]) -> html.Div:
        tables = self.tables
        rows = tables.monthly[
            (tables.monthly["outcome"] == outcome) & (tables.monthly["group"] == "all")
        ]
        wide = rows.pivot_table(index="month", columns="arm", values="value", aggfunc="mean")
        present = [look for look in self.looks if look.id in wide.columns]
        body = [
            [words.plain(float(str(month)) - tables.months_before, 0)]
            + [
                words.level(float(row[look.id]), about["unit"], self.reader.lang, tables.currency)
                for look in present
            ]
            for month, row in wide.iterrows()
        ]
        columns = [self.reader.say("months_since_reform"), *(look.short for look in present)]
        return parts.table(columns, body, about["label"])

    def _chains(self, arm: str) -> list[Any]:
        tables, reader = self.tables, self.reader
        told = answer.chains(
            tables.differences, tables.outcomes, tables.arms, tables.incentives, self.style
        )
        titles = {look.id: look.short for look in self.looks}
        chosen = [chain for chain in told if chain.arm == arm] or list(told[:1])
        found: list[Any] = [
            html.H3(reader.say("section.why"), className="apart"),
            html.P(reader.say("lead.why"), className="lead"),
        ]
        for chain in [*chosen, *(c for c in told if c not in chosen)]:
            steps = []
            for name, (what, numbers) in (
                ("incentive", chain.incentive),
                ("behavior", chain.behavior),
                ("outcome", chain.outcome),
            ):
                steps.append(
                    html.Li(
                        [
                            html.P(reader.say(f"chain.{name}"), className="kicker"),
                            html.P(what or reader.say(f"chain.no_{name}"), className="what"),
                            html.P(parts.joined(numbers), className="numbers"),
                        ]
                    )
                )
            block = html.Div(
                [html.H4(titles[chain.arm]), html.Ol(steps)],
                className=f"chain {parts.arm_class(self.position[chain.arm])}",
            )
            found.append(block)
        if len(found) > 3:
            rest = found[3:]
            found = [
                *found[:3],
                parts.fold(reader.say("compare_other_chains"), *rest, css="more"),
            ]
        return found

    # --- who gains ----------------------------------------------------------------------------

    def grouped_outcomes(self) -> list[str]:
        """Outcomes that are known by group of people."""
        known = [str(o) for o in self.tables.outcomes["id"]]
        return [o for o in GROUPED if o in known and self.groupings(o)]

    def groupings(self, outcome: str) -> list[str]:
        """Ways of grouping people in which an outcome is known."""
        return [
            by for by in BY if len(gainers.groups_present(self.tables.differences, outcome, by)) > 1
        ]

    def gainers(self) -> html.Section:
        """The choice of outcome and grouping, and the figure under it."""
        reader = self.reader
        outcomes = self.grouped_outcomes()
        if not outcomes:
            return parts.section(
                "gainers", reader.say("section.gainers"), parts.empty(reader.say("empty.groups"))
            )
        choices = [
            {
                "value": o,
                "label": outcome_words(self.tables.outcomes, o, reader.lang)["label"],
            }
            for o in outcomes
        ]
        by = [
            {"value": b, "label": reader.say(f"compare_by_{b}")}
            for b in BY
            if b in self.groupings(outcomes[0])
        ]
        return parts.section(
            "gainers",
            reader.say("section.gainers"),
            html.Div(
                [
                    dmc.Select(
                        id=ids.GAIN_OUTCOME,
                        data=choices,
                        value=outcomes[0],
                        allowDeselect=False,
                        label=reader.say("compare_outcome"),
                        w=320,
                    ),
                    dmc.Select(
                        id=ids.GAIN_BY,
                        data=by,
                        value=by[0]["value"],
                        allowDeselect=False,
                        label=reader.say("compare_grouping"),
                        w=220,
                    ),
                ],
                className="choosers",
            ),
            html.Div(self.gainer(outcomes[0], by[0]["value"]), id=ids.GAIN_PANEL),
            lead=reader.say("lead.gainers"),
        )

    def gainer(self, outcome: str, by: str) -> Any:
        """One outcome by group of people, on one scale for all reforms."""
        tables, reader = self.tables, self.reader
        groups = gainers.groups_present(tables.differences, outcome, by)
        if len(groups) < 2:
            return parts.empty(reader.say("empty.groups"))
        about = outcome_words(tables.outcomes, outcome, reader.lang)
        wide, narrow = (
            gainers.gainers(
                tables.differences,
                tables.outcomes,
                tables.arms,
                outcome,
                by,
                self.style,
                columns=columns,
            )
            for columns in (4, 1)
        )
        rows = [
            [
                look.short,
                words.group_label(reader.lang, change.group),
                *self._numbers(change, about["unit"]),
            ]
            for look in self.reforms
            for group in groups
            for change in words.changes_of(tables.differences, outcome, group, look.id)
        ]
        columns = ("arm", "group", "baseline", "value", "difference", "interval")
        return parts.figure_card(
            f"gainers-{outcome}-{by}",
            wide,
            reader,
            narrow=narrow,
            kicker=" · ".join((about["label"], self._scale_label(outcome, about["unit"]))),
            about=about,
            behind=parts.table([reader.say(f"col.{c}") for c in columns], rows, about["label"]),
            currency=tables.currency,
        )

    # --- money and patients -------------------------------------------------------------------

    def flows(self) -> html.Section:
        """The choice of an arm, and where money and patients go under it."""
        reader = self.reader
        recorded = [look for look in self.looks if (self.tables.ledger["arm"] == look.id).any()]
        if not recorded:
            return parts.section(
                "flows", reader.say("section.flows"), parts.empty(reader.say("empty.flows"))
            )
        first = next((look for look in recorded if not look.is_status_quo), recorded[0])
        return parts.section(
            "flows",
            reader.say("compare_flows"),
            html.Div(
                dmc.Select(
                    id=ids.FLOW_ARM,
                    data=[{"value": look.id, "label": look.short} for look in recorded],
                    value=first.id,
                    allowDeselect=False,
                    label=reader.say("col.arm"),
                    w=320,
                ),
                className="choosers",
            ),
            html.Div(self.flow(first.id), id=ids.FLOW_PANEL, className="stack"),
            lead=reader.say("lead.flows"),
        )

    def flow(self, arm: str) -> list[Any]:
        """Money and patients of one arm."""
        tables, reader = self.tables, self.reader
        look = next((look for look in self.looks if look.id == arm), None)
        if look is None or not (tables.ledger["arm"] == arm).any():
            return [parts.empty(reader.say("empty.flows"))]
        multiplier = tables.residents / tables.people if tables.people else 1.0
        of_arm = tables.ledger[tables.ledger["arm"] == arm]
        summed = pd.DataFrame(of_arm.groupby(["payer", "payee", "purpose"])["amount"].sum())
        rows = [
            [
                flows.party_label(reader.lang, str(row["payer"])),
                flows.party_label(reader.lang, str(row["payee"])),
                PURPOSES.get(str(row["purpose"]), {}).get(reader.lang, str(row["purpose"])),
                words.money(
                    int(row["amount"]) / flows.MINOR_UNITS * multiplier,
                    tables.currency,
                    reader.lang,
                ),
            ]
            for row in summed.reset_index()
            .sort_values("amount", ascending=False)
            .to_dict("records")
        ]
        columns = [reader.say(f"col.{c}") for c in ("payer", "payee", "purpose", "amount")]
        money = parts.figure_card(
            f"money-{arm}",
            flows.flows_sankey(tables.ledger, tables.arms, arm, multiplier, self.style),
            reader,
            narrow=flows.flows_bars(tables.ledger, tables.arms, arm, multiplier, self.style),
            kicker=look.short,
            behind=parts.table(columns, rows, look.short),
        )
        steps = patients.patient_steps(tables.providers, arm, multiplier)
        if not steps:
            return [money]
        return [
            money,
            parts.figure_card(
                f"patients-{arm}",
                patients.patients_figure(
                    tables.providers, tables.arms, arm, multiplier, self.style
                ),
                reader,
                narrow=patients.patients_figure(
                    tables.providers, tables.arms, arm, multiplier, self.style, narrow=True
                ),
                kicker=reader.say("patients.kicker", arm=look.short),
                behind=parts.table(
                    [reader.say(f"patients.{c}") for c in ("step", "tier", "number")],
                    [
                        [
                            reader.say(f"patients.{step.id}"),
                            words.label(reader.lang, "kinds", step.kind),
                            words.count(round(step.number), reader.lang),
                        ]
                        for step in steps
                    ],
                    look.short,
                ),
            ),
        ]

    # --- providers, certainty -----------------------------------------------------------------

    def providers(self) -> html.Section:
        """Who among providers earns more or less."""
        tables, reader = self.tables, self.reader
        changes = providers.provider_changes(tables.providers, tables.arms, self.style)
        if not changes:
            content: Any = parts.empty(reader.say("empty.providers"))
        else:
            titles = {look.id: look.short for look in self.looks}
            columns, rows = providers.provider_table(changes, titles, self.style)
            content = parts.figure_card(
                "providers",
                providers.providers_strip(changes, tables.arms, self.style),
                reader,
                kicker=reader.say("change_of_revenue"),
                behind=parts.table(columns, rows, reader.say("section.providers")),
            )
        return parts.section(
            "providers",
            reader.say("compare_providers"),
            content,
            lead=reader.say("lead.providers"),
        )

    def sure(self) -> html.Section:
        """How many differences are clear, and which need more replicates."""
        reader, style = self.reader, self.style
        verdicts: dict[str, int] = {}
        wanting: list[str] = []
        for _, outcomes in self.shown_outcomes():
            for outcome in outcomes:
                about = outcome_words(self.tables.outcomes, outcome, reader.lang)
                for change in words.changes_of(self.tables.differences, outcome):
                    verdict, _ = replicates_needed(change, about["unit"], 1)
                    verdicts[verdict] = verdicts.get(verdict, 0) + 1
                    if verdict in ("more", "one"):
                        wanting.append(words.inside(about["label"], reader.lang))
        more = verdicts.get("more", 0) + verdicts.get("one", 0)
        total = sum(verdicts.values())
        sentence = (
            style.say("sure.all", total=total)
            if total and not more and not verdicts.get("unknown")
            else style.say(
                "sure.sentence",
                clear=verdicts.get("clear", 0),
                total=total,
                more=more,
                tight=verdicts.get("tight", 0),
            )
        )
        named = list(dict.fromkeys(wanting))[:8]
        return parts.section(
            "sure",
            reader.say("section.sure"),
            html.P(sentence, className="strong"),
            *(
                [
                    html.P(
                        style.say("sure.which", outcomes=style.say("comma").join(named))
                        + style.say("stop")
                    )
                ]
                if named
                else []
            ),
            html.P(style.say("sure.simulation")),
        )


def _strip(value: float, low: float, high: float, reach: float) -> dict[str, str]:
    """Style of a cell's drawing: interval and dot on the row's own scale, zero in the middle."""

    def place(at: float) -> float:
        return round(50.0 + 46.0 * max(-1.0, min(1.0, at / reach)), 2)

    if not (math.isfinite(low) and math.isfinite(high)):
        low = high = value
    return {
        "--low": f"{place(low)}%",
        "--width": f"{max(0.6, round(place(high) - place(low), 2))}%",
        "--at": f"{place(value)}%",
    }


def looks_of(tables: ReportTables, reader: Reader) -> Sequence[ArmLook]:
    """The arms of a comparison as they look."""
    return arm_looks(tables.arms, reader.style(tables.currency))
