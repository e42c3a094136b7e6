"""What a sweep's store says to a reader: who decides, how sure that is, where it fails, for whom.

Knows a store's runs, analyses of them and the figures they are drawn with; must not know callbacks
or where stores lie. No number is worked out here that an analysis does not give.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from dash import html

from dashboards import components as parts
from dashboards.figures import failing, parallel, reading, studies, words
from dashboards.figures.canvas import outcome_words
from dashboards.stores import Opened, Stores
from dashboards.study_pieces import (
    OutcomeStudy,
    Piece,
    by_chance,
    by_month,
    settled,
    what_matters,
)
from dashboards.study_report import StudyTables
from dashboards.study_tables import about_outcomes, first_look, with_certainty
from dashboards.texts import Reader
from experiments import discovery, robustness
from experiments.sensitivity.methods import METHODS, Method, fitting, hold_match
from experiments.sensitivity.sample import Sample, sample_of
from experiments.sensitivity.study import Study
from sim.errors import PayshiftError, RunError
from sim.outcomes import OUTCOMES

__all__ = ["FAILS", "SPREAD", "Asked", "StoreView", "asked_of"]

FAILS = ("worse", "fifth", "tenth")
SPREAD = ("latin_hypercube", "sobol_sequence", "random", "sobol", "radial_sobol", "radial_mc")
"""Samplers whose draws lie over the whole space, so that shares of draws mean something."""

_SHARES = {"fifth": 0.2, "tenth": 0.1}
_AXES = 6
_NARROW_AXES = 3
_MOST_ROWS = 40
_LONG = 24  # months from which on three are taken together
_VALUE = "outcome value"


@dataclass(frozen=True)
class Asked:
    """What a reader looks at in a store, checked against it.

    Attributes
    ----------
    store : file in the folder
    arm, minus : arm looked at, and the one taken off; empty for none
    outcome : id
    method : id
    fails : one of :data:`FAILS`
    """

    store: str
    arm: str
    minus: str
    outcome: str
    method: str
    fails: str

    def as_fields(self) -> dict[str, str]:
        """What an address says of it."""
        return {
            "store": self.store,
            "arm": self.arm,
            "minus": self.minus or "none",
            "outcome": self.outcome,
            "method": self.method,
            "fails": self.fails,
        }


def _offered(sample: Sample) -> dict[str, str]:
    """Every method with why it cannot read a sample: sampler, form, or nothing if it can."""
    found = {}
    for method in METHODS.values():
        if method.id not in fitting(sample):
            found[method.id] = "sampler"
            continue
        try:
            hold_match(method, sample, False)
            found[method.id] = ""
        except PayshiftError:
            found[method.id] = "form"
    return found


def asked_of(opened: Opened, fields: Mapping[str, object]) -> Asked:
    """Read what is asked of a store from anybody's fields; what it does not have is replaced."""
    results = opened.results
    arms = results.design.arms

    def one(name: str, known: Sequence[str], otherwise: str) -> str:
        value = fields.get(name)
        return value if isinstance(value, str) and value in known else otherwise

    arm = one("arm", arms, arms[1] if len(arms) > 1 else arms[0])
    others = [other for other in arms if other != arm]
    minus = one("minus", [*others, "none"], others[0] if others else "none")
    usable = [name for name, why in _offered(sample_of(results.design)).items() if not why]
    own = next((name for name in usable if METHODS[name].samplers), usable[0])
    first = next((name for name in results.outcomes if _moves(opened, name, arm, minus)), "")
    return Asked(
        opened.name,
        arm,
        "" if minus == "none" else minus,
        one("outcome", results.outcomes, first or next(iter(results.outcomes), "")),
        one("method", usable, own),
        one("fails", FAILS, "worse" if minus != "none" else "fifth"),
    )


def _moves(opened: Opened, outcome: str, arm: str, minus: str) -> bool:
    try:
        values = opened.results.outcome(arm, outcome, None if minus == "none" else minus)
    except PayshiftError:
        return False
    return float(np.ptp(values.mean(axis=1))) > 1e-12 * max(1.0, float(np.abs(values).max()))


class StoreView:
    """One store as one reader asked to see it.

    Parameters
    ----------
    opened : the store
    asked : what is looked at
    reader : who reads
    stores : keeps what was found
    """

    def __init__(self, opened: Opened, asked: Asked, reader: Reader, stores: Stores) -> None:
        self.opened = opened
        self.asked = asked
        self.reader = reader
        self.stores = stores
        self.style = reader.style(opened.currency)

    # --- what is asked and found ------------------------------------------------------------

    @cached_property
    def sample(self) -> Sample:
        """The sample of the store's design."""
        return sample_of(self.opened.results.design)

    @property
    def methods(self) -> dict[str, str]:
        """Every method with why it is not offered; nothing where it is."""
        return _offered(self.sample)

    @property
    def title(self) -> str:
        """The sweep's title."""
        return self.reader.of(self.opened.results.design.title)

    def arm(self, name: str) -> str:
        """An arm's name for the reader."""
        return self.opened.titles[name][self.reader.lang]

    @cached_property
    def about(self) -> dict[str, str]:
        """The outcome's words."""
        return outcome_words(self.outcomes, self.asked.outcome, self.reader.lang)

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """The registry's words for the outcomes of the store."""
        return about_outcomes(self.opened.results.outcomes)

    @property
    def better(self) -> str:
        """``higher``, ``lower`` or ``neither``."""
        known = OUTCOMES.get(self.asked.outcome.partition("@")[0])
        return known.better if known is not None else "neither"

    @cached_property
    def study(self) -> Study:
        """The question as the analyses take it."""
        lengths = [
            len(row.monthly[self.asked.outcome])
            for row in self.opened.results.rows
            if row is not None and not isinstance(row, str) and self.asked.outcome in row.monthly
        ]
        return Study(
            Path(self.asked.store),
            title_en=str(self.opened.results.design.title.get("en", "")),
            title_zh=str(self.opened.results.design.title.get("zh", "")),
            outcomes=(self.asked.outcome,),
            method=self.asked.method,
            arm=self.asked.arm,
            minus=self.asked.minus or None,
            months_together=3 if max(lengths, default=0) > _LONG else 1,
        )

    def _name(self, what: str) -> tuple[Any, ...]:
        asked = self.asked
        return (
            what,
            self.opened.name,
            self.opened.stamp,
            asked.arm,
            asked.minus,
            asked.outcome,
            asked.method,
        )

    def first(self) -> OutcomeStudy:
        """The indices.

        Raises
        ------
        PayshiftError
            If runs are missing or the method does not fit.
        """
        return self.stores.analysis(
            self._name("first"),
            lambda: first_look(self.study, self.opened.results, self.asked.outcome),
        )

    def whole(self) -> OutcomeStudy:
        """The indices and how sure they are.

        Raises
        ------
        PayshiftError
            As `first`.
        """
        first = self.first()
        return self.stores.analysis(
            self._name("whole"), lambda: with_certainty(self.study, self.opened.results, first)
        )

    def report(self) -> StudyTables:
        """All that the one-file report is written from."""
        results = self.opened.results
        facts = {"command": self.command(), **self.stores.facts(self.opened)}
        return StudyTables(
            title_en=self.study.title_en,
            title_zh=self.study.title_zh,
            studies=[self.whole()],
            outcomes=self.outcomes,
            n_draws=len(results.points),
            n_replicates=results.design.replicates,
            months_before=self.opened.months_before,
            currency=self.opened.currency,
            provenance=facts,
        )

    def commands(self) -> list[str]:
        """The command lines that give the same: the sweep, if a page made it, and the analysis."""
        name = self.asked.store
        made = []
        if self.stores.design_of(name):
            design = f"{name.rpartition('-')[0]}.yaml"
            made = [shlex.join(["payshift", "sweep", design, "--out", name])]
        return [*made, self.command()]

    def command(self) -> str:
        """The command line that gives the same analysis."""
        said = ["payshift", "sensitivity", self.asked.store, "--method", self.asked.method]
        said += ["--outcome", self.asked.outcome, "--arm", self.asked.arm]
        if self.asked.minus:
            said += ["--minus", self.asked.minus]
        return shlex.join([*said, "--report", "report.html"])

    # --- pieces of the page -----------------------------------------------------------------

    def refused(self, error: PayshiftError) -> Any:
        """Why there is no analysis, and what to do."""
        return parts.notice(
            self.reader.say("uncertainty_no_analysis"),
            "warning",
            html.P(html.Code(error.message), lang="en"),
        )

    def _what(self) -> str:
        """What is explained: an outcome of an arm, or a reform's effect on it."""
        asked = self.asked
        key = "uncertainty_effect_of" if asked.minus else "uncertainty_level_of"
        minus = self.arm(asked.minus) if asked.minus else ""
        return self.reader.say(
            key, outcome=self.about["label"], arm=self.arm(asked.arm), minus=minus
        )

    def answer(self) -> list[Any]:
        """One plain sentence, and what it rests on."""
        results, lang = self.opened.results, self.reader.lang
        states = self.opened.states
        lost = sum(states.values()) - states.get("ok", 0)
        rests = self.reader.say(
            "uncertainty_rests",
            what=self._what(),
            draws=words.count(len(results.points), lang),
            factors=len(results.design.factors),
            replicates=results.design.replicates,
            runs=words.count(len(results.rows), lang),
        )
        said: list[Any] = [html.P(rests, className="kicker")]
        if lost:
            said.append(
                parts.notice(
                    self.reader.say(
                        "uncertainty_lost",
                        lost=words.count(lost, lang),
                        runs=words.count(len(results.rows), lang),
                    ),
                    "warning",
                )
            )
        try:
            found = self.first()
        except PayshiftError as error:
            return [*said, self.refused(error)]
        sentence = reading.who_decides(
            found.verdicts,
            self.outcomes,
            found.outcome,
            self.style,
            found.kind,
            is_difference=found.is_difference,
        )
        return [html.Div(html.P(sentence), className="headline"), *said]

    def matters(self) -> list[Any]:
        """Indices, tornado and pairs."""
        try:
            found = self.first()
        except PayshiftError:
            return [parts.empty(self.reader.say("uncertainty_waits"))]
        cards = self._pieces(what_matters(found, self.outcomes, self.style))
        notes = [
            html.P(self.reader.say(f"influence.note.{note}"), className="quiet")
            for note in found.notes
        ]
        return [html.Div(cards, className="two"), *notes]

    def _pieces(self, pieces: Sequence[Piece]) -> list[Any]:
        caption = self.about["label"]
        return [
            self._card(
                piece.name,
                piece.drawing,
                piece.kicker,
                parts.table(piece.columns, piece.rows, caption),
            )
            for piece in pieces
        ]

    def _card(self, name: str, drawing: Any, kicker: str, behind: Any) -> Any:
        return parts.figure_card(
            f"uncertainty-{name}",
            drawing,
            self.reader,
            kicker=kicker,
            behind=behind,
            currency=self.opened.currency,
        )

    def over_time(self) -> list[Any]:
        """What decides in which month."""
        try:
            found = self.whole()
        except PayshiftError as error:
            return [self.refused(error)]
        pieces = by_month(found, self.outcomes, self.opened.months_before, self.style)
        if not pieces:
            key = "uncertainty_no_months" if found.method != "oat" else "uncertainty_no_months_oat"
            return [parts.empty(self.reader.say(key))]
        return self._pieces(pieces)

    def settled(self) -> list[Any]:
        """Whether more runs would change the answer, and how much is chance."""
        try:
            found = self.whole()
        except PayshiftError as error:
            return [self.refused(error)]
        cards = []
        for pieces, otherwise in (
            (settled(found, self.outcomes, self.style), "uncertainty_no_growth"),
            (by_chance(found, self.outcomes, self.style), "uncertainty_one_seed"),
        ):
            cards += self._pieces(pieces) or [parts.empty(self.reader.say(otherwise))]
        return [html.Div(cards, className="two")]

    # --- where it fails, and for whom -------------------------------------------------------

    def _means(self) -> npt.NDArray[np.float64]:
        asked = self.asked
        values = self.opened.results.outcome(asked.arm, asked.outcome, asked.minus or None)
        return np.asarray(values.mean(axis=1))

    def _is_spread(self) -> bool:
        return self.sample.sampler in SPREAD

    def _not_spread(self, what: str) -> list[Any]:
        sampler = self.reader.say(f"uncertainty_sampler_{self.sample.sampler}")
        return [parts.empty(self.reader.say(f"uncertainty_not_{what}", sampler=sampler))]

    def fails(self) -> list[Any]:
        """The corner of the uncertainties where failures are dense."""
        if not self._is_spread():
            return self._not_spread("failing")
        asked, reader = self.asked, self.reader
        if asked.fails == "worse" and not asked.minus:
            return [parts.empty(reader.say("uncertainty_fails_needs_minus"))]
        is_low_bad = self.better == "higher"
        try:
            values = self._means()
            if asked.fails == "worse":
                is_failed = values < 0.0 if is_low_bad else values > 0.0
            else:
                is_failed = discovery.worst_share(values, self.better, _SHARES[asked.fails])
            points = pd.DataFrame(self.sample.points, columns=[f.id for f in self.sample.factors])
            box = self.stores.analysis(
                (*self._name("box"), asked.fails), lambda: discovery.find_box(points, is_failed)
            )
        except RunError:
            count = int(is_failed.sum())
            return [
                parts.empty(
                    reader.say(
                        "uncertainty_few",
                        count=count,
                        total=len(values),
                        least=discovery.LEAST_FAILURES,
                    )
                )
            ]
        except PayshiftError as error:
            return [self.refused(error)]
        side = "low" if is_low_bad else "high"
        failure = reader.say(
            f"uncertainty_failure_{asked.fails}_{side}",
            outcome=words.inside(self.about["label"], reader.lang),
            arm=self.arm(asked.arm),
            minus=self.arm(asked.minus) if asked.minus else "",
        )
        factors = {f.name: f for f in self.opened.results.design.factors}
        ranges = {name: (f.low, f.high) for name, f in factors.items()}
        labels = {
            name: (f.label_en or name, f.label_zh or name, f.unit) for name, f in factors.items()
        }
        table = discovery.box_table(box, ranges, labels)
        for lang in ("en", "zh"):
            table[f"choices_{lang}"] = [
                self._choices(str(row["factor"]), float(row["box_low"]), float(row["box_high"]))
                for row in table.to_dict("records")
            ]
        drawing = failing.failing_box(
            table,
            self.style,
            failure=failure,
            coverage=box.coverage,
            density=box.density,
            base_rate=box.base_rate,
        )
        rows = [
            [reading.factor_label(row, self.style), failing.conditions(row, self.style)]
            for row in table.to_dict("records")
        ]
        behind = parts.table(
            [reader.say("influence.col.factor"), reader.say("uncertainty_condition")],
            rows,
            failure,
        )
        told = [self._card("failing", drawing, reader.say("uncertainty_box_kicker"), behind)]
        if math.isfinite(box.held_out_density):
            told.append(
                html.P(
                    reader.say("uncertainty_held_out", share=reading.percent(box.held_out_density)),
                    className="quiet",
                )
            )
        return told

    def _choices(self, name: str, low: float, high: float) -> str:
        """The choices of a categorical factor inside a box."""
        for factor in self.opened.results.design.factors:
            if factor.name == name and factor.categories:
                inside = [c for i, c in enumerate(factor.categories) if low <= i <= high]
                return ", ".join(inside)
        return ""

    def robust(self) -> list[Any]:
        """Which arm holds up over the draws, and for whom."""
        design, reader = self.opened.results.design, self.reader
        if len(design.arms) < 2:
            return [parts.empty(reader.say("uncertainty_one_arm"))]
        if not self._is_spread():
            return self._not_spread("robust")
        results = self.opened.results
        concerns = [c for c in robustness.CONCERNS if c.outcome in results.outcomes]
        is_by_stake = len(concerns) > 0
        if not is_by_stake:
            concerns = [
                robustness.Concern(
                    name, name, cast(Literal["higher", "lower"], OUTCOMES[_id(name)].better), 0.01
                )
                for name in results.outcomes
                if _id(name) in OUTCOMES and OUTCOMES[_id(name)].better in ("higher", "lower")
            ]
        if not concerns:
            return [parts.empty(reader.say("uncertainty_no_concern"))]
        yardstick = self.asked.minus or design.arms[0]
        values: dict[str, npt.NDArray[np.float64]] = {}
        refusal: PayshiftError | None = None
        for concern in concerns:
            try:
                values[concern.outcome] = np.stack(
                    [results.outcome(arm, concern.outcome).mean(axis=1) for arm in design.arms]
                )
            except PayshiftError as error:
                refusal = error
        if not values and refusal is not None:
            return [self.refused(refusal)]
        lang, titles = reader.lang, self.opened.titles
        told: list[Any] = []
        left = sorted({c.outcome for c in concerns} - set(values))
        if left:
            names = [outcome_words(self.outcomes, name, lang)["label"] for name in left]
            listed = reader.say("comma").join(names)
            told.append(html.P(reader.say("uncertainty_left_out", names=listed), className="quiet"))
        concerns = [concern for concern in concerns if concern.outcome in values]
        table = robustness.robustness(values, design.arms, concerns, yardstick)
        if is_by_stake:
            said = robustness.verdict(table, titles, yardstick)
            summary = robustness.summary_by_stakeholder(table)
            drawn = studies.regret(
                summary, {"yardstick": yardstick}, self.outcomes, titles, self.style
            )
            told.append(html.P(said[lang], className="strong"))
            told.append(
                html.Div(
                    [
                        self._card(
                            name,
                            drawing,
                            reader.say(f"uncertainty_robust_{name}"),
                            self._robust_table(table),
                        )
                        for name, drawing in drawn
                    ],
                    className="two",
                )
            )
        else:
            of_outcome = table[table["outcome"] == self.asked.outcome]
            if len(of_outcome):
                least = of_outcome.sort_values("regret_90", kind="stable").iloc[0]
                told.append(html.P(self._least_regretted(least), className="strong"))
            told.append(self._robust_table(table))
        return told

    def _least_regretted(self, row: pd.Series[Any]) -> str:
        unit, lang, currency = self.about["unit"], self.reader.lang, self.opened.currency
        return self.reader.say(
            "uncertainty_least_regretted",
            outcome=words.inside(self.about["label"], lang),
            arm=self.arm(str(row["arm"])),
            regret=words.level(float(row["regret_90"]), unit, lang, currency),
            share=reading.percent(float(row["share_best"])),
        )

    def _robust_table(self, table: pd.DataFrame) -> Any:
        reader, lang = self.reader, self.reader.lang
        rows = []
        for row in table.to_dict("records"):
            about = outcome_words(self.outcomes, str(row["outcome"]), lang)

            def level(key: str, unit: str = about["unit"], one: Any = row) -> str:
                return words.level(float(one[key]), unit, lang, self.opened.currency)

            rows.append(
                [
                    about["label"],
                    self.arm(str(row["arm"])),
                    level("mean"),
                    level("worst"),
                    level("regret_90"),
                    reading.percent(float(row["share_best"])),
                    reading.percent(float(row["satisfied"])),
                ]
            )
        names = ("outcome", "arm", "mean", "worst", "regret", "best", "satisfied")
        heads = [reader.say(f"uncertainty_col_{name}") for name in names]
        return parts.table(heads, rows, reader.say("uncertainty_robust_table"), css="words boxed")

    # --- the runs themselves ----------------------------------------------------------------

    @cached_property
    def draws(self) -> pd.DataFrame:
        """One row per draw that has the outcome: factors as numbers, and the outcome's mean."""
        asked, results = self.asked, self.opened.results
        frame = results.frame

        def mean(arm: str) -> pd.Series[Any]:
            rows = frame[(frame["arm"] == arm) & (frame["status"] == "ok")]
            return rows.set_index(["draw", "replicate"])[asked.outcome]

        values = mean(asked.arm)
        if asked.minus:
            values = values - mean(asked.minus)
        by_draw = values.groupby("draw").mean()
        points = pd.DataFrame(results.points, columns=[f.name for f in results.design.factors])
        return points.assign(**{_VALUE: by_draw}).dropna(subset=[_VALUE])

    @cached_property
    def axes(self) -> pd.DataFrame:
        """The axes of the picture of runs: the factors that matter most, and the outcome last."""
        factors = {f.name: f for f in self.opened.results.design.factors}
        names = list(factors)
        try:
            ranked = [str(name) for name in self.first().verdicts["factor"]]
            names = [name for name in ranked if name in factors] or names
        except PayshiftError:
            pass  # without an analysis the design's own order stands
        rows = []
        for name in names[:_AXES]:
            factor = factors[name]
            high = factor.high - 1.0 if factor.categories else factor.high
            ends = (factor.categories[0], factor.categories[-1]) if factor.categories else ("", "")
            english, chinese = factor.label_en or name, factor.label_zh or name
            rows.append((name, english, chinese, factor.low, high, *ends))
        values = self.draws[_VALUE]
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        high = high if high > low else low + 1.0
        english = outcome_words(self.outcomes, self.asked.outcome, "en")["label"]
        chinese = outcome_words(self.outcomes, self.asked.outcome, "zh")["label"]
        unit, lang, currency = self.about["unit"], self.reader.lang, self.opened.currency
        first, last = (words.level(end, unit, lang, currency) for end in (low, high))
        rows.append((_VALUE, english, chinese, low, high, first, last))
        columns = ["factor", "label_en", "label_zh", "low", "high", "low_text", "high_text"]
        return pd.DataFrame(rows, columns=columns)

    def first_brush(self) -> list[tuple[float, float]]:
        """Where the brushes stand at first: on the worst fifth of the outcome."""
        found = [(float(row["low"]), float(row["high"])) for row in self.axes.to_dict("records")]
        values = self.draws[_VALUE].to_numpy(dtype=np.float64)
        if len(values) > 1:
            chosen = values[discovery.worst_share(values, self.better, _SHARES["fifth"])]
            found[-1] = (float(chosen.min()), float(chosen.max()))
        return found

    def runs(self, brush: Sequence[tuple[float, float]]) -> list[Any]:
        """The draws as lines, those inside all brushes in color."""
        draws, axes, reader = self.draws, self.axes, self.reader
        if draws.empty:
            return [parts.empty(reader.say("uncertainty_no_runs"))]
        limits = {}
        for row, (low, high) in zip(axes.to_dict("records"), brush, strict=True):
            # a slider stops at its steps, and the last one need not reach the end of the axis
            step = (float(row["high"]) - float(row["low"])) / 100.0
            limits[str(row["factor"])] = (
                -math.inf if low < float(row["low"]) + step else low,
                math.inf if high > float(row["high"]) - step else high,
            )
        is_marked = discovery.inside(draws, limits)
        marked = draws[is_marked]
        unit, lang, currency = self.about["unit"], reader.lang, self.opened.currency

        def level(value: float) -> str:
            return words.level(value, unit, lang, currency)

        sentence = reader.say("uncertainty_none_marked", total=len(draws))
        if len(marked):
            sentence = reader.say(
                "uncertainty_marked",
                count=len(marked),
                total=len(draws),
                outcome=words.inside(self._what(), lang),
                there=level(float(marked[_VALUE].mean())),
                all=level(float(draws[_VALUE].mean())),
            )
        table = draws.assign(is_marked=is_marked)
        drawing = parallel.parallel_draws(table, axes, self.style, sentence=sentence)
        few = pd.concat([axes.iloc[:-1].head(_NARROW_AXES), axes.tail(1)], ignore_index=True)
        narrow = parallel.parallel_draws(table, few, self.style, sentence=sentence)
        names = [str(name) for name in axes["factor"]]
        labels = [str(label) for label in axes[f"label_{lang}"]]
        rows = [
            [
                str(draw),
                *(self._shown(name, float(row[name])) for name in names[:-1]),
                level(float(row[_VALUE])),
            ]
            for draw, row in marked.head(_MOST_ROWS).iterrows()
        ]
        caption = reader.say("uncertainty_marked_table", shown=len(rows), count=len(marked))
        behind = parts.table([reader.say("uncertainty_draw"), *labels], rows, caption)
        return [
            parts.figure_card(
                "uncertainty-runs",
                drawing,
                reader,
                narrow=narrow,
                kicker=reader.say("uncertainty_runs_kicker"),
                behind=behind,
                currency=currency,
            )
        ]

    def _shown(self, name: str, value: float) -> str:
        return self._choices(name, value, value) or words.plain(value)

    def unfinished(self) -> list[Any]:
        """Runs without outcomes, by name."""
        reader, lost = self.reader, self.opened.unfinished
        if lost.empty:
            return [html.P(reader.say("uncertainty_all_done"))]
        counts = ", ".join(
            reader.say("uncertainty_of_state", count=count, state=self._state(state))
            for state, count in self.opened.states.items()
            if state != "ok"
        )
        rows = [
            [
                self._state(str(row["status"])),
                self.arm(str(row["arm"])),
                str(row["draw"]),
                str(row["replicate"]),
                str(row["key"])[:12],
                str(row["reason"]),
            ]
            for row in lost.head(_MOST_ROWS).to_dict("records")
        ]
        names = ("state", "arm", "draw", "replicate", "key", "reason")
        heads = [reader.say(f"uncertainty_col_{name}") for name in names]
        caption = reader.say("uncertainty_lost_table", shown=len(rows), count=len(lost))
        return [html.P(counts), parts.table(heads, rows, caption, css="words boxed")]

    def _state(self, state: str) -> str:
        key = f"uncertainty_state_{state}"
        return self.reader.say(key) if self.reader.knows(key) else state

    def not_offered(self) -> list[tuple[Method, str]]:
        """Methods that cannot read this store, each with the reason in the reader's words."""
        reader = self.reader
        has = reader.say(f"uncertainty_sampler_{self.sample.sampler}")
        found = []
        for name, why in self.methods.items():
            if not why:
                continue
            method = METHODS[name]
            needs = reader.say("uncertainty_or").join(
                reader.say(f"uncertainty_sampler_{one}") for one in method.samplers
            )
            key = "uncertainty_needs_sampler" if why == "sampler" else "uncertainty_needs_form"
            found.append((method, reader.say(key, needs=needs, has=has)))
        return found


def _id(outcome: str) -> str:
    return outcome.partition("@")[0]
