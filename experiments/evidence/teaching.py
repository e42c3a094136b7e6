"""Data for teaching: what an analyst would see of a staggered reform, and the truth apart from it.

Knows one study of the twin counties, the scores of analyses, and files with their codebook; must
not know how counties live or how an estimator works.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from experiments.evidence.counties import (
    COHORTS,
    COUNTS,
    MONTHS,
    SCHEMES,
    TRIAL_MONTHS,
    Bank,
    CountyWorlds,
    bank_of,
    design_of,
)
from experiments.evidence.ground_truth import (
    ANALYSES,
    DESIGNS,
    Score,
    Study,
    cut_study,
    random_study,
    scores,
)
from experiments.sweep.executors import Progress, store_named, sweep
from experiments.sweep.results import Results
from sim.errors import ScenarioError
from sim.scenario import load

__all__ = ["FULL", "QUICK", "SEED", "Lab", "Size", "taught", "write_lab"]

_CLASSROOM: Final = Path(__file__).with_name("classroom")
_HIDDEN: Final = frozenset({"true_weight", "upcoded"})
_NAMES: Final = ("never", *COHORTS)


@dataclass(frozen=True)
class Size:
    """How large a lab is: counties, persons in each, and studies drawn from them."""

    counties: int
    people: int
    studies: int


FULL: Final = Size(40, 3000, 200)
QUICK: Final = Size(12, 1000, 40)
SEED: Final = 20261


@dataclass(frozen=True)
class Lab:
    """Twin counties, one study of them to hand out, and how analyses do over many.

    Attributes
    ----------
    size : Size
    seed : int
    bank : Bank
    worlds : CountyWorlds
    study : Study
    scores : tuple of Score
    """

    size: Size
    seed: int
    bank: Bank
    worlds: CountyWorlds
    study: Study
    scores: tuple[Score, ...]

    @property
    def command(self) -> str:
        """What makes the same lab again."""
        size = self.size
        return (
            f"payshift evidence lab --counties {size.counties} --people {size.people} "
            f"--studies {size.studies} --seed {self.seed}"
        )


def taught(
    stores: Path,
    size: Size,
    seed: int,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Lab:
    """Live the counties, or go on with them, draw studies and score analyses.

    Parameters
    ----------
    stores : Path
        Folder of the counties; worlds already there are not lived again.
    size : Size
    seed : int
        Of the counties and of who adopts.
    workers : int, optional
    progress : callable, optional
    """
    design = design_of(size.counties, seed)
    store = store_named(stores, f"lab-{size.people}", design, CountyWorlds(size.people, ""))
    stores.mkdir(parents=True, exist_ok=True)
    worlds = CountyWorlds(size.people, str(store.with_suffix("")))
    sweep(design, store, worlds, "process", workers, resume=store.exists(), progress=progress)
    bank = bank_of(Results.of(store))
    stays = bank.counts["stays"]
    quarters = stays[:, :, 0].reshape(-1, MONTHS // 3, 3).sum(axis=2)
    years = stays[:, :, 1].reshape(-1, MONTHS // 12, 12).sum(axis=2)
    if not (quarters > 0).all() or not (years > 0).all():
        raise ScenarioError(
            "a county had a quarter without a stay (or a year, in the smaller scheme): its charge "
            "per stay is unknown",
            where="--people",
            value=size.people,
            remedy=f"Simulate more people, such as {2 * size.people}.",
        )
    study = random_study(bank, np.random.default_rng(np.random.SeedSequence([seed, 0])))
    return Lab(size, seed, bank, worlds, study, tuple(scores(bank, size.studies, seed)))


# --- tables --------------------------------------------------------------------------------------


def _counties(lab: Lab) -> pd.DataFrame:
    """One row a county: when it adopted, and what its first year cost."""
    cohort = lab.study.cohort
    trial = np.array([np.nan, *(month + 1 for month in COHORTS.values())])[cohort]
    running = cut_study(lab.bank, None).running
    return pd.DataFrame(
        {
            "county": np.arange(1, lab.bank.n + 1),
            "cohort": [_NAMES[index] for index in cohort],
            "trial_month": pd.array(trial, dtype="Int64"),
            "payment_month": pd.array(trial + TRIAL_MONTHS, dtype="Int64"),
            "people": lab.size.people,
            "charge_per_stay_first_year": np.exp(running / 100.0).round(2),
        }
    )


def _panel(lab: Lab, hidden: bool) -> pd.DataFrame:
    """One row a county, scheme and month; hidden gives what no analyst sees."""
    n = lab.bank.n
    shape = (n, len(SCHEMES), MONTHS)
    county, scheme, month = (axis.ravel() for axis in np.indices(shape))
    start = np.array([math.inf, *COHORTS.values()])[lab.study.cohort][county]
    table: dict[str, Any] = {
        "county": county + 1,
        "scheme": np.array(SCHEMES)[scheme],
        "month": month + 1,
    }
    if not hidden:
        table["trial"] = ((month >= start) & (month < start + TRIAL_MONTHS)).astype(np.int8)
        table["payment"] = (month >= start + TRIAL_MONTHS).astype(np.int8)

    def column(name: str, seen: bool) -> Any:
        source = lab.study.seen if seen else lab.study.without
        values = np.stack([source(name, index) for index in range(len(SCHEMES))], axis=1).ravel()
        return (
            values.round(4) if name.endswith("weight") or name == "charges" else values.astype(int)
        )

    for name in COUNTS:
        if (name in _HIDDEN) == hidden:
            table[name] = column(name, True)
    if hidden:
        for name in COUNTS:
            table[f"{name}_without"] = column(name, False)
    return pd.DataFrame(table)


def _stays(lab: Lab) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a stay, as claims have it, and its true level apart."""
    groups = np.array(load("china-county").region().groups.ids)
    parts = []
    for county, (seed, cohort) in enumerate(zip(lab.bank.seeds, lab.study.cohort, strict=True)):
        found = lab.worlds.stays(_NAMES[cohort], seed)
        _, person = np.unique(found["person"], return_inverse=True)
        parts.append(
            pd.DataFrame(
                {
                    "county": np.int16(county + 1),
                    "person": person.astype(np.int32) + 1,
                    "scheme": np.array(SCHEMES)[found["scheme"]],
                    "month": found["month"] + 1,
                    "group": groups[found["group"]],
                    "billed_level": found["billed_level"],
                    "days": found["days"],
                    "charge": found["charge"],
                    "readmission": found["readmission"],
                    "true_level": found["true_level"],
                }
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    rows.insert(0, "stay", np.arange(1, len(rows) + 1))
    return rows.drop(columns="true_level"), rows[["stay", "true_level"]]


def _discontinuity(lab: Lab) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a county of the study with a cut, and the true effect apart."""
    cut = cut_study(lab.bank, None)
    seen = pd.DataFrame(
        {
            "county": cut.county + 1,
            "running": (cut.running - cut.cut).round(4),
            "treated": (cut.running >= cut.cut).astype(np.int8),
            "outcome": cut.outcome.round(4),
        }
    )
    return seen, pd.DataFrame({"county": cut.county + 1, "effect": cut.effect.round(4)})


def _answers(lab: Lab) -> pd.DataFrame:
    """What each analysis says of the data handed out, and what is true."""
    rows = []
    for analysis in ANALYSES:
        is_cut = analysis.designs == ("cut",)
        study = cut_study(lab.bank, None) if is_cut else lab.study
        answer = analysis.ask(study)
        rows.append(
            {
                "analysis": analysis.id,
                "label_en": analysis.label.en,
                "label_zh": analysis.label.zh,
                "estimate": answer.estimate.effect,
                "low": answer.estimate.low,
                "high": answer.estimate.high,
                "truth": answer.truth,
                "leads_p": answer.leads_p,
                "lesson_en": analysis.lesson.en,
                "lesson_zh": analysis.lesson.zh,
            }
        )
    return pd.DataFrame(rows)


def _scores(lab: Lab) -> pd.DataFrame:
    labels = {analysis.id: analysis.label for analysis in ANALYSES}
    frame = pd.DataFrame([asdict(score) for score in lab.scores])
    frame.insert(2, "label_en", [labels[name].en for name in frame["analysis"]])
    frame.insert(3, "label_zh", [labels[name].zh for name in frame["analysis"]])
    frame.insert(4, "design_en", [DESIGNS[name].en for name in frame["design"]])
    frame.insert(5, "design_zh", [DESIGNS[name].zh for name in frame["design"]])
    return frame


# --- files ---------------------------------------------------------------------------------------


def _readme(lab: Lab, lang: str) -> str:
    """Explain the folder to a reader, with the codebook."""
    with (_CLASSROOM / "codebook.csv").open(newline="", encoding="utf-8") as file:
        rows = [
            f"| {row['file']} | {row['column']} | {row[lang]} |" for row in csv.DictReader(file)
        ]
    colon = "：" if lang == "zh" else ": "
    lessons = []
    for one in ANALYSES:
        label, lesson = one.label.model_dump()[lang], one.lesson.model_dump()[lang]
        lessons.append(f"- **{label}**{colon}{lesson}")
    return (
        (_CLASSROOM / f"readme.{lang}.md")
        .read_text(encoding="utf-8")
        .format(
            counties=lab.size.counties,
            people=f"{lab.size.people:,}",
            command=lab.command,
            codebook="\n".join(rows),
            lessons="\n".join(lessons),
        )
    )


def write_lab(lab: Lab, folder: Path) -> None:
    """Write data, truth, scores and the codebook, each file first under another name.

    Parameters
    ----------
    lab : Lab
    folder : Path
        What an analyst may see; the rest goes to its folder ``truth``.
    """
    stays, levels = _stays(lab)
    seen, effects = _discontinuity(lab)
    panel = _panel(lab, hidden=False)
    tables: Mapping[str, pd.DataFrame] = {
        "counties.csv": _counties(lab),
        "panel.csv": panel,
        "panel.parquet": panel,
        "stays.parquet": stays,
        "discontinuity.csv": seen,
        "truth/truth.csv": _panel(lab, hidden=True),
        "truth/stays_truth.parquet": levels,
        "truth/discontinuity_truth.csv": effects,
        "truth/answers.csv": _answers(lab),
        "truth/scores.csv": _scores(lab),
    }
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        path = folder / name
        part = path.with_name(f".{path.name}.part")
        if path.suffix == ".csv":
            table.to_csv(part, index=False, lineterminator="\n")
        else:
            table.to_parquet(part, index=False, compression="zstd")
        os.replace(part, path)
    for name, lang in (("README.md", "en"), ("README.zh.md", "zh")):
        (folder / name).write_text(_readme(lab, lang), encoding="utf-8")
