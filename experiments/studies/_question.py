"""The shape of a study: a question, what it lives, and an answer in one sentence.

Knows plans and answers; must not know pages or how a figure is drawn. One file beside this one is
one question; it gives a :class:`Question` under the name ``QUESTION``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.studies._plan import Arm, Lived, Plan, Size
from sim.record import code_version
from sim.scenario import library_root, unknown_name

__all__ = [
    "UNCERTAINTIES",
    "Answer",
    "Drawing",
    "Question",
    "four_fifths",
    "inside",
    "interval_half",
    "levels",
    "levels_table",
    "load_question",
    "questions",
    "summary",
    "threshold",
    "write",
]

Text = Mapping[str, str]
Drawing = Literal["levels", "ranking", "regret", "decides", "box", "front"]
Float64 = npt.NDArray[np.float64]

UNCERTAINTIES: tuple[str, ...] = (
    "altruism_scale",
    "altruism_selfish_share",
    "income_elasticity",
    "myopia",
    "quantity_precision",
    "effort_ratio",
    "spillover",
    "sensitivity_share",
    "tau_admit",
    "tau_refer",
    "compliance_cost",
    "prevention_effect",
)
"""What is not known about behavior, as studies draw it: how providers weigh patients, income,
effort and the future, how sharply they answer to money, and what prevention brings."""

_FEW = 5


@dataclass(frozen=True)
class Answer:
    """What a study found.

    Attributes
    ----------
    sentence : dict of 'en', 'zh' to str
        The answer, no surer than the numbers.
    table : DataFrame
        The numbers behind it, which the figure draws.
    drawing : str
        Which figure of :mod:`dashboards.figures` shows the table.
    about : mapping
        What the figure must know besides: labels, units, thresholds.
    more : mapping of str to DataFrame
        Further tables.
    """

    sentence: dict[str, str]
    table: pd.DataFrame
    drawing: Drawing
    about: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """One question, what it takes to answer it, and how the answer is read.

    Attributes
    ----------
    id : str
        The name of its file, with hyphens.
    title : mapping of 'en', 'zh' to str
        The question itself.
    method : mapping of 'en', 'zh' to str
        What is varied, what is held, what is measured.
    plan : function of Size to Plan
    read : function of Lived to Answer
    draws : int
        Draws at full size; draws times arms is what it costs.
    reform : int
        Months of reform at full size.
    """

    id: str
    title: Text
    method: Text
    plan: Callable[[Size], Plan]
    read: Callable[[Lived], Answer]
    draws: int
    reform: int = 24

    def size(self, full: Size) -> Size:
        """Give the size at which the question is lived in full."""
        return replace(full, draws=self.draws, reform=self.reform)


@lru_cache(maxsize=1)
def questions() -> tuple[str, ...]:
    """List the questions by id, one per file of this folder."""
    files = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return tuple(file.stem.replace("_", "-") for file in files)


def load_question(name: str) -> Question:
    """Give a question by its id.

    Raises
    ------
    ScenarioError
        For an unknown id, with a suggestion.
    """
    if name not in questions():
        raise unknown_name("no such study", "study", name, questions())
    found = import_module(f"experiments.studies.{name.replace('-', '_')}").QUESTION
    assert isinstance(found, Question)
    return found


def inside(label: str) -> str:
    """Write a label as it stands inside an English sentence.

    Examples
    --------
    >>> inside("Health (QALYs)"), inside("QALYs lived")
    ('health (QALYs)', 'QALYs lived')
    """
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


# --- a lever moved by levels ------------------------------------------------------------------


def levels(
    payment: str,
    path: str | Sequence[str],
    values: Sequence[float],
    title: Callable[[float], Text],
) -> tuple[Arm, ...]:
    """Make one arm for each level of a lever.

    Parameters
    ----------
    payment : str
        A payment of the library.
    path : str or sequence of str
        The setting or settings that take the level.
    values : sequence of float
    title : function of a level to its name
    """
    paths = [path] if isinstance(path, str) else list(path)
    return tuple(
        Arm(
            f"level-{value:g}",
            title(value),
            payment,
            tuple((each, value) for each in paths),
            value,
        )
        for value in values
    )


def levels_table(lived: Lived, outcomes: Sequence[str], against: int | None = None) -> pd.DataFrame:
    """Describe outcomes over the draws at every level of a lever.

    Parameters
    ----------
    lived : Lived
    outcomes : sequence of str
    against : int, optional
        An arm that is taken off draw by draw; the levels themselves by default.

    Returns
    -------
    DataFrame
        arm, level, outcome, mean, low, high (95 % interval of the mean over draws), p10, p90 (of
        the draws), change, change_low, change_high (against the first level, draw by draw, with the
        interval of 95 % of its mean), n. In the outcome's unit.
    """
    rows = []
    for outcome in outcomes:
        table = lived.mean(outcome)
        if against is not None:
            table = table - table[against]
        n = table.shape[1]
        for index, arm in enumerate(lived.plan.arms):
            if math.isnan(arm.level):
                continue
            values = table[index]
            half = interval_half(values)
            change = values - table[0]
            change_half = interval_half(change)
            rows.append(
                {
                    "arm": arm.id,
                    "level": arm.level,
                    "outcome": outcome,
                    "mean": float(values.mean()),
                    "low": float(values.mean()) - half,
                    "high": float(values.mean()) + half,
                    "p10": float(np.quantile(values, 0.1)),
                    "p90": float(np.quantile(values, 0.9)),
                    "change": float(change.mean()),
                    "change_low": float(change.mean()) - change_half,
                    "change_high": float(change.mean()) + change_half,
                    "n": n,
                }
            )
    return pd.DataFrame(rows)


def interval_half(values: Float64) -> float:
    """Give half the width of a mean's interval of 95 %, NaN for one draw."""
    from scipy.stats import t

    if values.size < 2:
        return math.nan
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    return float(t.ppf(0.975, values.size - 1)) * error


def threshold(
    levels: Sequence[float], met: npt.NDArray[np.bool_]
) -> tuple[float, float, float, float]:
    """Find, draw by draw, the lowest level from which on something holds.

    Parameters
    ----------
    levels : sequence of float
        Ascending.
    met : bool, shape (levels, draws)
        Whether it holds at a level in a draw.

    Returns
    -------
    median, low, high : float
        Of the draws in which it holds in the end: the middle one, and the ends of four fifths of
        them; NaN where there is none.
    share : float
        Share of draws in which it holds at the highest level.

    Examples
    --------
    >>> met = np.array([[False, False], [True, False], [True, True]])
    >>> threshold([0.0, 1.0, 2.0], met)[0]
    1.5
    """
    at = np.asarray(levels, dtype=np.float64)
    found = []
    for column in met.T:
        if not column[-1]:
            continue
        falls = np.flatnonzero(~column)
        found.append(at[int(falls[-1]) + 1] if falls.size else at[0])
    share = float(met[-1].mean())
    if not found:
        return math.nan, math.nan, math.nan, share
    low, middle, high = np.quantile(np.array(found), [0.1, 0.5, 0.9])
    return float(middle), float(low), float(high), share


def four_fifths(low: str, high: str, n: int, lang: str) -> str:
    """Say where four fifths of some draws lie, in brackets; nothing where they are too few.

    Examples
    --------
    >>> four_fifths("2", "5", 12, "en"), four_fifths("2", "5", 4, "en")
    (' (four fifths of those draws: 2 to 5)', '')
    """
    if n < _FEW or low == high:
        return ""
    if lang == "zh":
        return f"（其中八成情形在{low}至{high}之间）"
    return f" (four fifths of those draws: {low} to {high})"


# --- writing an answer down -------------------------------------------------------------------


def write(question: Question, lived: Lived, answer: Answer, folder: Path) -> Path:
    """Write an answer as tables and one JSON file.

    Parameters
    ----------
    question : Question
    lived : Lived
    answer : Answer
    folder : Path
        Made if it is not there.

    Returns
    -------
    Path
        The JSON file: question, sentence, counts, parameters drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    answer.table.to_csv(folder / "table.csv", index=False, float_format="%.8g")
    for name, table in answer.more.items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.8g")
    lived.frame().to_csv(folder / "runs.csv", index=False, float_format="%.8g")
    path = folder / "answer.json"
    path.write_text(
        json.dumps(summary(question, lived, answer), indent=1, ensure_ascii=False, allow_nan=False)
        + "\n",
        encoding="utf-8",
    )
    return path


def _finite(value: Any) -> Any:
    """Say None where there is no number, which JSON has no word for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def summary(question: Question, lived: Lived, answer: Answer) -> dict[str, Any]:
    """Give an answer as plain data, with what it rests on."""
    size = lived.plan.size
    return {
        "id": question.id,
        "title": dict(question.title),
        "method": dict(question.method),
        "sentence": answer.sentence,
        "drawing": answer.drawing,
        "about": {name: _finite(value) for name, value in answer.about.items()},
        "region": size.region,
        "people": size.people,
        "months": {"warm_up": size.warm_up, "baseline": size.baseline, "reform": size.reform},
        "arms": {arm.id: dict(arm.title) for arm in lived.plan.arms},
        "draws": lived.n_draws,
        "draws_planned": lived.n_planned,
        "replicates": size.replicates,
        "runs": lived.n_runs,
        "failed": list(lived.failures),
        "code_version": code_version(library_root()),
        "uncertainties": {
            name: [row.low, row.high, row.unit] for name, row in lived.plan.parameters().items()
        },
    }
