"""The one-file report: the answer, then why, then how sure, then everything else.

Knows tables of results, the figures drawn from them and the words around them. Must not know
runs, files of results or the Dash app: whoever has the tables can write the report.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dashboards.figures import answer, flows, gainers, incentives, palette, providers, words
from dashboards.figures import scorecard as cards
from dashboards.figures import trajectory as courses
from dashboards.figures.canvas import ArmLook, Style, arm_looks, outcome_words
from dashboards.figures.tables import fixed
from dashboards.page_parts import Page, slug, text_of
from sim.ledger import PURPOSES

SHOWN_PER_AREA = 3
PROMINENT: Mapping[str, tuple[str, ...]] = {
    "cost": ("spending_per_person", "fund_spending_per_person", "out_of_pocket_per_person"),
    "quality": ("qaly", "avoidable_admissions", "readmission_rate", "chronic_control"),
    "referral": ("first_contact_primary", "referrals_up", "bypass_share"),
    "access": ("wait", "foregone", "refused", "unmet_bed"),
    "equity": ("catastrophic_10", "use_concentration", "visits_gap_income"),
}
BY_GROUP = (
    "out_of_pocket_per_person",
    "out_of_pocket_share",
    "spending_per_person",
    "qaly",
    "foregone",
)
OUTSIDE = "outside"


@dataclass(frozen=True)
class ReportTables:
    """Everything a report is written from.

    Attributes
    ----------
    arms : arm, title_en, title_zh, is_status_quo; in the order to show
    outcomes : id, area, unit, better (``lower``, ``higher`` or anything else), label_en, label_zh,
        definition_en, definition_zh; in the order to show
    differences : arm, outcome, group, baseline_mean, arm_mean, difference, low, high, relative,
        se_paired, se_unpaired, n; arm minus status quo, NaN where not measured
    monthly : arm, replicate, month, outcome, group, value; month 0 is the first of the run
    providers : arm, replicate, provider, kind, outcome (``revenue``, ``margin``), value in
        currency per year, for the months after the reform; optional name_en, name_zh
    incentives : arm, kind, payer, activity, marginal_receipts, marginal_cost, unit; currency per
        one more of the activity
    ledger : arm, payer, payee, purpose, amount; minor units, one year of an average replicate, of
        the simulated people. Parties are ``patients``, ``fiscal-authority``, ``outside``, ids of
        payers (or ``payer:<id>``) and of providers (or ``kind:<kind>``)
    provenance : versions, seeds, scenario hashes, command line …; shown as given
    months_before : months of the run before the reform
    currency : ISO code
    people, residents : simulated persons, and the residents they stand for

    Notes
    -----
    Groups are ``all``, ``income:1`` to ``income:5``, ``health:0|1|2+``, ``payer:<id>``,
    ``place:rural|town``, ``kind:<kind>``; the names that outcomes give to groups
    (``fifth=1``, ``health=several`` …) are understood too. Empty tables are allowed: their section
    then shows its empty state.
    """

    arms: pd.DataFrame
    outcomes: pd.DataFrame
    differences: pd.DataFrame
    monthly: pd.DataFrame
    providers: pd.DataFrame
    incentives: pd.DataFrame
    ledger: pd.DataFrame
    provenance: Mapping[str, Any] = field(default_factory=dict)
    months_before: int = 0
    currency: str = "CNY"
    people: int = 0
    residents: int = 0


def empty_tables() -> dict[str, pd.DataFrame]:
    """Tables of the right columns and no rows, for comparisons that lack a part."""
    columns = {
        "differences": "arm outcome group baseline_mean arm_mean difference low high relative "
        "se_paired se_unpaired n",
        "monthly": "arm replicate month outcome group value",
        "providers": "arm replicate provider kind outcome value",
        "incentives": "arm kind payer activity marginal_receipts marginal_cost unit",
        "ledger": "arm payer payee purpose amount",
    }
    return {name: pd.DataFrame(columns=names.split()) for name, names in columns.items()}


_DIMENSIONS = {"fifth": "income"}
_MEMBERS = {
    "health:none": "health:0",
    "health:one": "health:1",
    "health:several": "health:2+",
    "place:village": "place:rural",
}


def canonical_group(group: str) -> str:
    """A group's name as the report writes it.

    Examples
    --------
    >>> canonical_group("fifth=1"), canonical_group("health=several"), canonical_group("all")
    ('income:1', 'health:2+', 'all')
    """
    dimension, mark, member = group.replace("=", ":", 1).partition(":")
    if not mark:
        return group
    name = f"{_DIMENSIONS.get(dimension, dimension)}:{member}"
    return _MEMBERS.get(name, name)


def _canonical_groups(groups: pd.Series[Any]) -> list[str]:
    """Each row's group under its name in the report: many rows, few groups."""
    names = {group: canonical_group(str(group)) for group in groups.unique()}
    return [names[group] for group in groups]


def canonical(tables: ReportTables) -> ReportTables:
    """The tables with groups and parties under the report's names; the input stays as it is."""
    # Fresh tables that nobody else holds, so that pages may keep what they read from them.
    differences = fixed(
        tables.differences.assign(group=_canonical_groups(tables.differences["group"]))
    )
    outcomes = fixed(tables.outcomes.copy())
    monthly = tables.monthly.assign(group=_canonical_groups(tables.monthly["group"]))
    kinds = {
        str(provider): f"kind:{kind}"
        for provider, kind in zip(
            tables.providers["provider"], tables.providers["kind"], strict=True
        )
    }
    payers = {str(payer): f"payer:{payer}" for payer in tables.incentives["payer"].unique()}
    names = kinds | payers

    def party(name: str, purpose: str) -> str:
        # money to and from the rest of the economy says more by its purpose
        return f"purpose:{purpose}" if name == OUTSIDE and purpose else names.get(name, name)

    ledger = tables.ledger.assign(
        payer=[
            party(str(name), str(purpose))
            for name, purpose in zip(tables.ledger["payer"], tables.ledger["purpose"], strict=True)
        ],
        payee=[
            party(str(name), str(purpose))
            for name, purpose in zip(tables.ledger["payee"], tables.ledger["purpose"], strict=True)
        ],
    )
    return dataclasses.replace(
        tables, outcomes=outcomes, differences=differences, monthly=monthly, ledger=ledger
    )


def write_report(comparison_tables: ReportTables, path: str | Path, lang: str = "en") -> Path:
    """Write a comparison's report as one HTML file that opens anywhere, offline.

    Parameters
    ----------
    comparison_tables : results of one comparison
    path : file to write; its folder must exist
    lang : ``en`` or ``zh``

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ValueError
        If there is no catalogue in that language.
    """
    target = Path(path)
    target.write_text(report_html(comparison_tables, lang), encoding="utf-8")
    return target


def report_html(comparison_tables: ReportTables, lang: str = "en") -> str:
    """The report's HTML text; see :func:`write_report`."""
    words.catalogue(lang)
    page = _Page(canonical(comparison_tables), Style(lang, comparison_tables.currency))
    return page.html()


class _Page(Page):
    """One report being written."""

    def __init__(self, tables: ReportTables, style: Style) -> None:
        self.tables = tables
        super().__init__(style)
        self.looks = arm_looks(tables.arms, style)
        self.reforms = [look for look in self.looks if not look.is_status_quo]

    def scale_label(self, changes: Sequence[words.Change], unit: str) -> str:
        scale = words.scale_of(changes, unit)
        return words.scale_label(scale, unit, self.lang, self.style.currency)

    def change_rows(self, changes: Sequence[words.Change], unit: str) -> list[list[str]]:
        """Rows of a table of changes, without the first column."""
        scale = words.scale_of(changes, unit)
        lang, currency = self.lang, self.style.currency
        rows = []
        for change in changes:
            value, low, high = words.on_scale(change, scale)
            before, after = words.apart(change.baseline, change.value, unit, lang, currency)
            rows.append(
                [
                    before,
                    after,
                    words.signed(value, scale, unit, lang, currency)
                    if change.is_known
                    else self.style.say("not_measured"),
                    words.signed_interval(low, high, scale, unit, lang, currency)
                    if change.has_interval
                    else "–",
                ]
            )
        return rows

    # ----------------------------------------------------------------------------- sections

    def header(self) -> str:
        tables = self.tables
        quo = next((look.title for look in self.looks if look.is_status_quo), "–")
        replicates = _largest(tables.differences, "n")
        intro = self.say(
            "intro",
            status_quo=quo,
            residents=words.count(tables.residents, self.lang),
            people=words.count(tables.people, self.lang),
            replicates=replicates,
            months_before=tables.months_before,
        )
        arms = "".join(
            f'<li><span class="swatch" style="--arm:var(--arm-{slug(look.id)})"></span>'
            f"{text_of(look.title)}"
            + (f" <small>{self.say('status_quo_tag')}</small>" if look.is_status_quo else "")
            + "</li>"
            for look in self.looks
        )
        return (
            f'<header><p class="brand">Payshift</p><h1>{self.say("title")}</h1>'
            f'<p class="intro">{intro}</p><ul class="arms" aria-label="{self.say("arms")}">{arms}'
            "</ul></header>"
        )

    def answer(self) -> str:
        tables, style = self.tables, self.style
        sentences = answer.headline(tables.differences, tables.outcomes, tables.arms, style)
        text = "".join(f"<p>{text_of(sentence)}</p>" for sentence in sentences)
        by_arm = {look.id: look for look in self.looks}
        cards_html = []
        for card in answer.arm_cards(tables.differences, tables.outcomes, tables.arms, style):
            if not card.total:
                continue
            lines = "".join(
                f"<dt>{self.say(f'card.{key}')}</dt>"
                + "".join(
                    f"<dd>{text_of(item)}</dd>"
                    for item in told or (style.say("card.nothing_clear"),)
                )
                for key, told in (
                    ("better", card.better),
                    ("worse", card.worse),
                    ("other", card.other),
                )
                if told or key != "other"
            )
            look = by_arm[card.arm]
            unclear = self.say("card.unclear", count=card.unclear, total=card.total)
            cards_html.append(
                f'<li style="--arm:var(--arm-{slug(look.id)})"><h3>{text_of(look.short)}</h3>'
                f"<dl>{lines}</dl><p>{unclear}</p></li>"
            )
        listed = f'<ul class="answers">{"".join(cards_html)}</ul>' if cards_html else ""
        return self.section("answer", "", f'<div class="headline">{text}</div>', listed)

    def outcome_card(self, outcome: str) -> str:
        tables, style = self.tables, self.style
        about = outcome_words(tables.outcomes, outcome, self.lang)
        changes = words.changes_of(tables.differences, outcome)
        changes = [c for c in changes if c.arm in {look.id for look in self.reforms}]
        titles = {look.id: look.short for look in self.reforms}
        rows = [
            [titles[change.arm], *row]
            for change, row in zip(changes, self.change_rows(changes, about["unit"]), strict=True)
        ]
        if cards.is_empty(tables.differences, outcome):
            sentence = style.say("sentence.not_recorded", outcome=about["label"])
            return (
                f'<div class="card is-empty"><p class="kicker">{text_of(about["label"])}</p>'
                f"<h4>{text_of(sentence)}</h4>{self.definition(about)}</div>"
            )
        drawing = cards.scorecard(tables.differences, tables.outcomes, tables.arms, outcome, style)
        columns = [
            style.say(f"col.{c}") for c in ("arm", "baseline", "value", "difference", "interval")
        ]
        return self.figure(
            f"scorecard-{outcome}",
            drawing,
            about=about,
            kicker=_joined(about["label"], self.scale_label(changes, about["unit"])),
            table=self.table(columns, rows, about["label"]),
        )

    def scorecard(self) -> str:
        tables = self.tables
        by_area: dict[str, list[str]] = {area: [] for area in answer.CORE}
        for outcome, area in zip(tables.outcomes["id"], tables.outcomes["area"], strict=True):
            by_area.setdefault(str(area), []).append(str(outcome))
        panels = []
        for area in answer.CORE:
            measured = [o for o in by_area[area] if not cards.is_empty(tables.differences, o)]
            shown, rest = _prominent_first(area, measured)
            # what an area is known for keeps its place, measured or not, while there is room
            known_for, others_listed = _prominent_first(area, by_area[area])
            lost = [o for o in (*known_for, *others_listed) if o not in measured]
            shown = [*shown, *lost][:SHOWN_PER_AREA]
            content = (
                f'<div class="grid">{"".join(self.outcome_card(o) for o in shown)}</div>'
                if shown
                else self.empty("empty.panel")
            )
            if rest:
                content += self.details(
                    self.style.say(
                        "more_outcomes",
                        count=len(rest),
                        area=words.inside(words.label(self.lang, "area", area), self.lang),
                    ),
                    self.outcome_table(rest, words.label(self.lang, "area", area)),
                    "more",
                )
            panels.append(f'<div class="panel"><h3>{self.label("area", area)}</h3>{content}</div>')
        others = {
            area: [o for o in ids if not cards.is_empty(tables.differences, o)]
            for area, ids in by_area.items()
            if area not in answer.CORE
        }
        if any(others.values()):
            content = "".join(
                f'<div class="panel"><h3>{self.label("area", area)}</h3>'
                f"{self.outcome_table(ids, words.label(self.lang, 'area', area))}</div>"
                for area, ids in others.items()
                if ids
            )
            panels.append(self.details(self.style.say("more_areas"), content, "more"))
        return self.section("scorecard", "lead.scorecard", *panels)

    def outcome_table(self, outcomes: Sequence[str], caption: str) -> str:
        """The outcomes that are not drawn: a row each with its definition, a column per reform."""
        tables, style = self.tables, self.style
        head = "".join(
            f'<th scope="col">{text_of(name)}</th>'
            for name in (
                style.say("col.outcome"),
                style.say("col.baseline"),
                *(look.short for look in self.reforms),
            )
        )
        body = []
        for outcome in outcomes:
            about = outcome_words(tables.outcomes, outcome, self.lang)
            by_arm = {c.arm: c for c in words.changes_of(tables.differences, outcome)}
            rows = dict(
                zip(by_arm, self.change_rows(list(by_arm.values()), about["unit"]), strict=True)
            )
            unit = words.unit_label(about["unit"], self.lang, style.currency)
            cells = ""
            for look in self.reforms:
                change = by_arm.get(look.id)
                if change is None or not change.is_known:
                    cells += f'<td class="quiet">{self.say("not_measured")}</td>'
                    continue
                _, _, difference, interval = rows[look.id]
                shown = f"{text_of(difference)}<br><small>{text_of(interval)}</small>"
                cells += (
                    f"<td>{shown}</td>" if change.is_clear else f'<td class="quiet">~ {shown}</td>'
                )
            baseline = next((row[0] for row in rows.values()), "–")
            body.append(
                f'<tr><th scope="row">{text_of(about["label"])}'
                f"<small>{text_of(about['definition'])} {self.say('unit_is', unit=unit)}</small>"
                "</th>"
                f"<td>{text_of(baseline)}</td>{cells}</tr>"
            )
        return (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{text_of(caption)}">'
            f'<table class="outcomes"><caption>{self.say("table.unclear")}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        )

    def trajectories(self) -> str:
        tables, style = self.tables, self.style
        monthly = tables.monthly[tables.monthly["group"] == "all"]
        measured = set(monthly.dropna(subset=["value"])["outcome"].astype(str))
        first: list[str] = []
        rest: list[str] = []
        for area in answer.CORE:
            ids = [
                str(o)
                for o, a in zip(tables.outcomes["id"], tables.outcomes["area"], strict=True)
                if a == area and str(o) in measured
            ]
            shown, _ = _prominent_first(area, ids)
            strongest = max(
                shown,
                key=lambda o: max(
                    (c.size for c in words.changes_of(tables.differences, o) if c.is_clear),
                    default=0.0,
                ),
                default=None,
            )
            for outcome in shown:
                (first if outcome == strongest else rest).append(outcome)
        if not first:
            return self.section("trajectories", "lead.trajectories", self.empty("empty.monthly"))
        content = f'<div class="grid two">{"".join(self.course(o) for o in first)}</div>'
        if rest:
            content += self.details(
                style.say("more_trajectories", count=len(rest)),
                f'<div class="grid two">{"".join(self.course(o) for o in rest)}</div>',
                "more",
            )
        return self.section("trajectories", "lead.trajectories", content)

    def course(self, outcome: str) -> str:
        tables, style = self.tables, self.style
        about = outcome_words(tables.outcomes, outcome, self.lang)
        drawing = courses.trajectory(
            tables.monthly,
            tables.outcomes,
            tables.arms,
            outcome,
            tables.months_before,
            style,
            differences=tables.differences,
        )
        rows = tables.monthly[
            (tables.monthly["outcome"] == outcome) & (tables.monthly["group"] == "all")
        ]
        wide = rows.pivot_table(index="month", columns="arm", values="value", aggfunc="mean")
        present = [look for look in self.looks if look.id in wide.columns]
        body = [
            [words.plain(float(str(month)) - tables.months_before, 0)]
            + [
                words.level(float(row[look.id]), about["unit"], self.lang, style.currency)
                for look in present
            ]
            for month, row in wide.iterrows()
        ]
        columns = [style.say("months_since_reform"), *(look.short for look in present)]
        unit = words.unit_label(about["unit"], self.lang, style.currency)
        return self.figure(
            f"course-{outcome}",
            drawing,
            kicker=_joined(about["label"], unit),
            about=about,
            table=self.table(columns, body, about["label"]),
            level=3,
        )

    def why(self) -> str:
        tables, style = self.tables, self.style
        if tables.incentives.empty and tables.differences.empty:
            return self.section("why", "lead.why", self.empty("chain.empty"))
        by_arm = {look.id: look for look in self.looks}
        items = []
        for chain in answer.chains(
            tables.differences, tables.outcomes, tables.arms, tables.incentives, style
        ):
            look = by_arm[chain.arm]
            steps = []
            for name, (what, numbers) in (
                ("incentive", chain.incentive),
                ("behavior", chain.behavior),
                ("outcome", chain.outcome),
            ):
                body = (
                    f'<p class="what">{text_of(what)}</p><p class="numbers">{text_of(numbers)}</p>'
                    if what
                    else f'<p class="what quiet">{self.say(f"chain.no_{name}")}</p>'
                )
                steps.append(f'<li><p class="kicker">{self.say(f"chain.{name}")}</p>{body}</li>')
            items.append(
                f'<div class="chain" style="--arm:var(--arm-{slug(look.id)})">'
                f"<h3>{text_of(look.short)}</h3><ol>{''.join(steps)}</ol></div>"
            )
        return self.section("why", "lead.why", *items)

    def gainers(self) -> str:
        tables = self.tables
        known = [str(o) for o in tables.outcomes["id"]]
        present = [
            o
            for o in (*BY_GROUP, *known)
            if o in known
            and any(
                len(gainers.groups_present(tables.differences, o, by)) > 1
                for by in ("income", "health")
            )
        ]
        chosen = list(dict.fromkeys(present))[:2]
        if not chosen:
            return self.section("gainers", "lead.gainers", self.empty("empty.groups"))
        content = "".join(
            self.gainer(outcome, by) for outcome in chosen for by in ("income", "health")
        )
        return self.section("gainers", "lead.gainers", f'<div class="stack">{content}</div>')

    def gainer(self, outcome: str, by: str) -> str:
        tables, style = self.tables, self.style
        groups = gainers.groups_present(tables.differences, outcome, by)
        about = outcome_words(tables.outcomes, outcome, self.lang)
        if len(groups) < 2:
            return ""
        wide, narrow = (
            gainers.gainers(
                tables.differences,
                tables.outcomes,
                tables.arms,
                outcome,
                by,
                style,
                columns=columns,
            )
            for columns in (4, 1)
        )
        titles = {look.id: look.short for look in self.reforms}
        changes = [
            c
            for g in groups
            for c in words.changes_of(tables.differences, outcome, g)
            if c.arm in titles
        ]
        rows = [
            [
                f"{titles[change.arm]}, {words.group_label(self.lang, change.group)}"
                if self.lang == "en"
                else f"{titles[change.arm]} {words.group_label(self.lang, change.group)}",
                *row,
            ]
            for change, row in zip(changes, self.change_rows(changes, about["unit"]), strict=True)
        ]
        columns = [
            style.say("col.group"),
            style.say("col.baseline"),
            style.say("col.value"),
            style.say("col.difference"),
            style.say("col.interval"),
        ]
        return self.figure(
            f"gainers-{outcome}-{by}",
            wide,
            narrow=narrow,
            about=about,
            level=3,
            kicker=_joined(
                _joined(about["label"], style.say(f"by.{by}")),
                self.scale_label(changes, about["unit"]),
            ),
            table=self.table(columns, rows, about["label"]),
        )

    def providers(self) -> str:
        tables, style = self.tables, self.style
        changes = providers.provider_changes(tables.providers, tables.arms, style)
        if not changes:
            return self.section("providers", "lead.providers", self.empty("empty.providers"))
        drawing = providers.providers_strip(changes, tables.arms, style)
        titles = {look.id: look.short for look in self.looks}
        lang, currency = self.lang, style.currency
        columns, rows = providers.provider_table(changes, titles, style)
        lists = []
        for look in self.reforms:
            losing = [c for c in changes if c.arm == look.id and c.is_losing]
            if not losing:
                lists.append(f"<li>{self.say('losers.none', arm=look.short)}</li>")
                continue
            named = style.say("comma").join(
                _with_note(
                    c.name, words.signed(100 * c.relative, "percent", "", lang, currency), lang
                )
                for c in losing[:4]
            )
            more = (
                (" " if lang == "en" else "") + style.say("losers.more", count=len(losing) - 4)
                if len(losing) > 4
                else ""
            )
            lists.append(
                f"<li><strong>{text_of(look.short)}</strong>{self.say('colon')}"
                f"{text_of(named + more)}</li>"
            )
        listed = f'<h3>{self.say("losers.title")}</h3><ul class="losers">{"".join(lists)}</ul>'
        return self.section(
            "providers",
            "lead.providers",
            self.figure(
                "providers-revenue",
                drawing,
                kicker=style.say("change_of_revenue"),
                level=3,
                table=self.table(columns, rows, style.say("section.providers")),
            ),
            listed,
        )

    def incentives(self) -> str:
        tables, style = self.tables, self.style
        frame = tables.incentives
        if frame.empty:
            return self.section("incentives", "lead.incentives", self.empty("empty.incentives"))
        quo = next((look.id for look in self.looks if look.is_status_quo), "")
        payers = incentives.payers_that_change(frame, quo)
        content = []
        for position, payer in enumerate(payers):
            kinds = [str(k) for k in frame[frame["payer"] == payer]["kind"].unique()]
            maps = "".join(self.incentive(kind, payer) for kind in kinds)
            grid = f'<div class="grid two">{maps}{"" if position else self.color_key()}</div>'
            name = words.label(self.lang, "payer", payer)
            content.append(
                f'<p class="payer">{self.say("for_payer", payer=name)}</p>{grid}'
                if position == 0
                else self.details(style.say("more_payers", payer=name), grid, "more")
            )
        return self.section("incentives", "lead.incentives", *content)

    def color_key(self) -> str:
        """How to read the colors of the margins, in words under the scale itself."""
        ends = "".join(
            f"<span>{self.say(f'key.{name}')}</span>" for name in ("loss", "even", "gain")
        )
        return (
            f'<div class="card key"><p class="kicker">{self.say("key.title")}</p>'
            f'<div class="ramp" aria-hidden="true"></div><p class="ends">{ends}</p>'
            f"<p>{self.say('key.text')}</p></div>"
        )

    def incentive(self, kind: str, payer: str) -> str:
        tables, style = self.tables, self.style
        drawing, narrow = (
            incentives.incentives_map(
                tables.incentives, tables.arms, kind, payer, style, is_narrow=is_narrow
            )
            for is_narrow in (False, True)
        )
        titles = {look.id: look.short for look in self.looks}
        frame = tables.incentives
        rows = [
            [
                words.label(self.lang, "activity", str(row["activity"])),
                titles.get(str(row["arm"]), str(row["arm"])),
                *(
                    words.money(value, style.currency, self.lang)
                    for value in (
                        float(row["marginal_receipts"]),
                        float(row["marginal_cost"]),
                        float(row["marginal_receipts"]) - float(row["marginal_cost"]),
                    )
                ),
            ]
            for row in frame[(frame["kind"] == kind) & (frame["payer"] == payer)].to_dict("records")
        ]
        columns = [style.say(f"col.{c}") for c in ("activity", "arm", "receipts", "cost", "margin")]
        name = words.label(self.lang, "kinds", kind)
        return self.figure(
            f"incentives-{payer}-{kind}",
            drawing,
            level=3,
            narrow=narrow,
            kicker=_joined(name, words.label(self.lang, "currency", style.currency)),
            table=self.table(columns, rows, name),
        )

    def flows(self) -> str:
        tables, style = self.tables, self.style
        recorded = [look for look in self.looks if (tables.ledger["arm"] == look.id).any()]
        if not recorded:
            return self.section("flows", "lead.flows", self.empty("empty.flows"))
        drawn = [self.flow(look) for look in recorded]
        content = f'<div class="stack">{"".join(drawn[:2])}</div>'
        if drawn[2:]:
            content += self.details(
                style.say("more_arms"), f'<div class="stack">{"".join(drawn[2:])}</div>', "more"
            )
        return self.section("flows", "lead.flows", content)

    def flow(self, look: ArmLook) -> str:
        tables, style = self.tables, self.style
        multiplier = tables.residents / tables.people if tables.people else 1.0
        drawing = flows.flows_sankey(tables.ledger, tables.arms, look.id, multiplier, style)
        of_arm = tables.ledger[tables.ledger["arm"] == look.id]
        summed = pd.DataFrame(
            of_arm.groupby(["payer", "payee", "purpose"])["amount"].sum()
        ).reset_index()
        rows = [
            [
                flows.party_label(self.lang, str(row["payer"])),
                flows.party_label(self.lang, str(row["payee"])),
                PURPOSES.get(str(row["purpose"]), {}).get(self.lang, str(row["purpose"])),
                words.money(
                    int(row["amount"]) / flows.MINOR_UNITS * multiplier,
                    style.currency,
                    self.lang,
                ),
            ]
            for row in summed.sort_values("amount", ascending=False).to_dict("records")
        ]
        columns = [style.say(f"col.{c}") for c in ("payer", "payee", "purpose", "amount")]
        return self.figure(
            f"flows-{look.id}",
            drawing,
            kicker=look.title,
            level=3,
            narrow=flows.flows_bars(tables.ledger, tables.arms, look.id, multiplier, style),
            table=self.table(columns, rows, look.short),
        )

    def sure(self) -> str:
        tables, style = self.tables, self.style
        rows = [
            row
            for row in tables.differences[tables.differences["group"] == "all"].to_dict("records")
            if str(row["arm"]) in {look.id for look in self.reforms}
        ]
        if not rows:
            return self.section("sure", "lead.sure", self.empty("headline.empty"))
        titles = {look.id: look.short for look in self.looks}
        core = set(tables.outcomes[tables.outcomes["area"].isin(answer.CORE)]["id"].astype(str))
        body: list[list[str]] = []
        verdicts: dict[str, int] = {}
        factors: list[float] = []
        wanting: list[str] = []
        for row in rows:
            change = words.change_of(row)
            about = outcome_words(tables.outcomes, change.outcome, self.lang)
            if change.outcome not in core:
                continue
            verdict, needed = replicates_needed(change, about["unit"], _whole(row["n"]))
            verdicts[verdict] = verdicts.get(verdict, 0) + 1
            if verdict in ("more", "one"):
                wanting.append(words.inside(about["label"], self.lang))
            paired, unpaired = float(row["se_paired"]), float(row["se_unpaired"])
            if paired > 0 and math.isfinite(unpaired):
                factors.append(unpaired / paired)
            scale = words.scale_of([change], about["unit"])
            factor = _factor(change, scale)
            body.append(
                [
                    about["label"],
                    titles[change.arm],
                    *(
                        words.amount(se * factor, scale, about["unit"], self.lang, style.currency)
                        if math.isfinite(se)
                        else "–"
                        for se in (paired, unpaired)
                    ),
                    str(_whole(row["n"])),
                    style.say(f"sure.{verdict}"),
                    needed,
                ]
            )
        total = sum(verdicts.values())
        more = verdicts.get("more", 0) + verdicts.get("one", 0)
        sentence = (
            style.say("sure.all", total=total)
            if more == 0 and total and not verdicts.get("unknown")
            else style.say(
                "sure.sentence",
                clear=verdicts.get("clear", 0),
                total=total,
                more=more,
                tight=verdicts.get("tight", 0),
            )
        )
        paragraphs = [sentence]
        named = list(dict.fromkeys(wanting))
        if named:
            paragraphs.append(
                style.say("sure.which", outcomes=style.say("comma").join(named[:8]))
                + style.say("stop" if len(named) <= 8 else "sure.more")
            )
        if factors:
            typical = sorted(factors)[len(factors) // 2]
            if typical > 1.05:
                paragraphs.append(style.say("sure.gain", factor=words.plain(typical, 1)))
        paragraphs += [style.say("sure.rule"), style.say("sure.simulation")]
        columns = [
            style.say(f"col.{c}")
            for c in ("outcome", "arm", "se_paired", "se_unpaired", "n", "verdict", "needed")
        ]
        return self.section(
            "sure",
            "lead.sure",
            f'<p class="strong">{text_of(paragraphs[0])}</p>'
            + "".join(f"<p>{text_of(p)}</p>" for p in paragraphs[1:]),
            self.details(
                style.say("data_table"),
                self.table(columns, body, style.say("section.sure")),
                "more",
            ),
        )

    def limits(self) -> str:
        items = "".join(
            f"<li>{self.say(f'limits.{name}')}</li>"
            for name in ("region", "forecast", "assumed", "neutral")
        )
        return self.section("limits", "", f'<ul class="limits">{items}</ul>')

    # --------------------------------------------------------------------------- the file

    def html(self) -> str:
        """The whole page."""
        sections = {
            "answer": self.answer,
            "scorecard": self.scorecard,
            "trajectories": self.trajectories,
            "why": self.why,
            "gainers": self.gainers,
            "providers": self.providers,
            "incentives": self.incentives,
            "flows": self.flows,
            "sure": self.sure,
            "limits": self.limits,
            "provenance": self.provenance,
        }
        light, dark = (
            "".join(
                f"--arm-{slug(look.id)}:{look.color};"
                for look in arm_looks(self.tables.arms, Style(self.lang, theme=theme))
            )
            for theme in (palette.LIGHT, palette.DARK)
        )
        return self.document(
            self.say("page_title"),
            self.header(),
            list(sections),
            "".join(build() for build in sections.values()),
            light=light,
            dark=dark,
        )

    def provenance(self) -> str:
        return self.given(self.tables.provenance)


def replicates_needed(change: words.Change, unit: str, n: int) -> tuple[str, str]:
    """Whether a difference needs more replicates, and how many in all.

    A difference is enough when its interval leaves zero out (``clear``) or is narrower than one
    percent of the status quo to either side, one point for shares (``tight``). Otherwise the
    number of replicates that would make it as narrow is given: widths shrink with the root of
    their number.

    Returns
    -------
    verdict : ``clear``, ``tight``, ``more``, ``one`` or ``unknown``
    needed : replicates in all as text, or a dash
    """
    if not change.is_known:
        return "unknown", "–"
    if not change.has_interval:
        return "one", "–"
    if change.is_clear:
        return "clear", "–"
    half = (change.high - change.low) / 2
    wanted = 0.01 if words.is_share(unit) else 0.01 * abs(change.baseline)
    if wanted > 0 and half <= wanted:
        return "tight", "–"
    if wanted <= 0 or n <= 0:
        return "more", "–"
    return "more", f"{math.ceil(n * (half / wanted) ** 2):,}"


def _factor(change: words.Change, scale: words.Scale) -> float:
    if scale == "points":
        return 100.0
    if scale == "percent" and change.baseline:
        return 100.0 / abs(change.baseline)
    return 1.0


def _prominent_first(area: str, ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """The few outcomes of an area that a reader sees first, and the rest in their order."""
    first = [o for o in PROMINENT.get(area, ()) if o in ids]
    shown = [*first, *(o for o in ids if o not in first)][:SHOWN_PER_AREA]
    return shown, [o for o in ids if o not in shown]


def _joined(first: str, second: str) -> str:
    if not second:
        return first
    return f"{first} · {second}"


def _with_note(name: str, note: str, lang: str) -> str:
    return f"{name} ({note})" if lang == "en" else f"{name}（{note}）"


def _whole(value: Any) -> int:
    return 0 if value is None or pd.isna(value) else int(value)


def _largest(frame: pd.DataFrame, column: str) -> str:
    values = pd.to_numeric(frame[column], errors="coerce").dropna()
    return str(int(values.max())) if len(values) else "–"
