"""From the results of a sweep to the tables of a study's report.

Knows analyses of sensitivity, the outcome registry and what a report asks for. Must not know how
runs were made or how a page sets its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from dashboards.study_pieces import OutcomeStudy
from dashboards.study_report import StudyTables
from experiments import sensitivity
from experiments.sensitivity.study import Study
from experiments.sweep.results import Results
from sim.errors import ScenarioError
from sim.outcomes import OUTCOMES

__all__ = ["about_outcomes", "first_look", "study_tables", "with_certainty"]


def study_tables(
    study: Study, results: Results, provenance: Mapping[str, Any] | None = None
) -> StudyTables:
    """Analyze every outcome that a study asks about.

    Raises
    ------
    ScenarioError
        If the method does not fit the sample, or a setting or an outcome is unknown.
    StoreError
        If runs are missing, there twice, reordered or not finite; they are named.
    """
    design = results.design
    if not design.factors:
        raise ScenarioError(
            "the sweep varies no factors, so that there is nothing to share variance out among",
            where=str(study.store),
            remedy="For arms and counties: payshift province STORE.",
        )
    names = study.outcomes or tuple(n for n in results.outcomes if _varies(results, study, n))
    if not names:
        raise ScenarioError(
            "no outcome of this sweep differs between its draws",
            where=str(study.store),
            remedy="Widen the ranges of the factors, or keep other outcomes.",
        )
    return StudyTables(
        title_en=study.title_en,
        title_zh=study.title_zh,
        studies=[_one(study, results, name) for name in names],
        outcomes=about_outcomes(names),
        n_draws=len(results.points),
        n_replicates=design.replicates,
        provenance=dict(provenance or {}),
    )


def _arm(study: Study, results: Results) -> str:
    return study.arm or str(results.design.arms[0])


def _varies(results: Results, study: Study, outcome: str) -> bool:
    values = results.outcome(_arm(study, results), outcome, study.minus).mean(axis=1)
    return bool(values.max() - values.min() > 1e-12 * max(1.0, abs(values).max()))


def _one(study: Study, results: Results, outcome: str) -> OutcomeStudy:
    return with_certainty(study, results, first_look(study, results, outcome))


def _asked(study: Study) -> dict[str, Any]:
    return {"arm": study.arm, "minus": study.minus, "level": study.level}


def first_look(study: Study, results: Results, outcome: str) -> OutcomeStudy:
    """Analyze one outcome; whether that is sure is not asked yet.

    Raises
    ------
    ScenarioError, StoreError
        As :func:`study_tables`.
    """
    found = sensitivity.analyze(
        results,
        outcome,
        method=study.method,
        second_order=study.second_order,
        resamples=study.resamples,
        **_asked(study),
    )
    method = sensitivity.METHODS[found.method]
    return OutcomeStudy(
        outcome=outcome,
        is_difference=study.minus is not None,
        method=found.method,
        label_en=method.label_en,
        label_zh=method.label_zh,
        index=found.index,
        kind=found.kind,
        table=found.table,
        pairs=found.pairs,
        verdicts=found.verdicts,
        swings=found.swings,
        notes=found.notes,
    )


def with_certainty(study: Study, results: Results, found: OutcomeStudy) -> OutcomeStudy:
    """Add how the indices settle, what is chance, and how they move from month to month.

    Raises
    ------
    ScenarioError, StoreError
        As :func:`study_tables`.
    """
    asked = _asked(study)
    more: dict[str, Any] = {}
    if sensitivity.METHODS[found.method].growth != "none":
        grown = sensitivity.converge(
            results,
            found.outcome,
            method=found.method,
            tolerance=study.tolerance,
            resamples=study.resamples,
            **asked,
        )
        more |= {
            "growth": grown.table,
            "widest": grown.widest,
            "change": grown.change,
            "is_enough": grown.is_enough,
            "n_needed": grown.n_needed,
        }
    if results.design.replicates > 1:
        more["shares"] = sensitivity.seed_share(results, found.outcome, **asked)
    if found.outcome in results.design.monthly and found.method != "oat":
        more["months"] = sensitivity.over_months(
            results, found.outcome, method=found.method, every=study.months_together, **asked
        )
    return replace(found, **more)


def about_outcomes(names: tuple[str, ...]) -> pd.DataFrame:
    """The registry's words for the outcomes that are in it; others are named by their id."""
    rows = []
    for name in names:
        about = OUTCOMES.get(name.partition("@")[0])
        if about is None:
            continue
        group = name.partition("@")[2]
        suffix = f" ({group})" if group else ""
        rows.append(
            {
                "id": name,
                "area": about.area,
                "unit": about.unit,
                "better": about.better,
                "label_en": about.label["en"] + suffix,
                "label_zh": about.label["zh"] + suffix,
                "definition_en": about.definition["en"],
                "definition_zh": about.definition["zh"],
            }
        )
    words = ("label_en", "label_zh", "definition_en", "definition_zh")
    columns = ["id", "area", "unit", "better", *words]
    return pd.DataFrame(rows, columns=columns)
