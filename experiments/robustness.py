"""Robustness: which payment model holds up, for whom, when nobody knows which world is true.

Knows outcomes by arm and draw and what stakeholders mind; must not know how a run is made.

A payment model is judged twice over the draws of the uncertain parameters. *Regret* (Savage 1951)
is what a stakeholder gives up, in one draw, against the arm that is best for it in that draw: it
asks how wrong a choice can turn out. *Satisficing* (Starr's domain criterion) is the share of
draws in which an arm meets a stakeholder's requirement: it asks how often a choice is good enough.
The two may disagree, which is why both are given (Herman et al. 2015; McPhail et al. 2018).

References
----------
Savage LJ. The theory of statistical decision. J Am Stat Assoc 1951.
doi:10.1080/01621459.1951.10500768
Herman JD et al. How should robustness be defined for water systems planning under change?
J Water Resour Plan Manag 2015. doi:10.1061/(ASCE)WR.1943-5452.0000509
McPhail C et al. Robustness metrics: how are they calculated, when should they be used and why do
they give different results? Earth's Future 2018. doi:10.1002/2017EF000649
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.errors import StoreError

__all__ = [
    "CONCERNS",
    "STAKEHOLDERS",
    "Concern",
    "agreement",
    "ranks",
    "regret",
    "robustness",
    "summary_by_stakeholder",
    "verdict",
]

Float64 = npt.NDArray[np.float64]
Better = Literal["higher", "lower"]
_Z = 1.959963984540054


@dataclass(frozen=True)
class Concern:
    """One thing a stakeholder minds, and when it is good enough.

    Attributes
    ----------
    stakeholder : str
        Whose concern it is; see :data:`STAKEHOLDERS`.
    outcome : str
        Outcome id, with ``@group`` for one group: ``qaly@income:1``.
    better : {'higher', 'lower'}
    margin : float
        How much worse than the yardstick arm still satisfies, as a share of the yardstick's level
        (or in the outcome's own unit where ``is_absolute``); 0 asks for no worse than today.
    is_absolute : bool
        The margin is in the outcome's unit. Shares that may be near zero, as margins of hospitals,
        need this.
    """

    stakeholder: str
    outcome: str
    better: Better
    margin: float = 0.0
    is_absolute: bool = False

    def satisfied(self, values: Float64, yardstick: Float64) -> npt.NDArray[np.bool_]:
        """Say in which draws a level is good enough beside the yardstick's."""
        slack = self.margin if self.is_absolute else self.margin * np.abs(yardstick)
        if self.better == "higher":
            return np.asarray(values >= yardstick - slack)
        return np.asarray(values <= yardstick + slack)


STAKEHOLDERS: Mapping[str, Mapping[str, str]] = {
    "payer": {"en": "the fund", "zh": "医保基金"},
    "practices": {"en": "practices", "zh": "基层机构"},
    "county-hospitals": {"en": "county hospitals", "zh": "县级医院"},
    "tertiary-hospitals": {"en": "tertiary hospitals", "zh": "三级医院"},
    "patients-1": {"en": "the poorest fifth", "zh": "收入最低五分之一的患者"},
    "patients-2": {"en": "the second fifth", "zh": "收入第二组的患者"},
    "patients-3": {"en": "the middle fifth", "zh": "收入中间组的患者"},
    "patients-4": {"en": "the fourth fifth", "zh": "收入第四组的患者"},
    "patients-5": {"en": "the richest fifth", "zh": "收入最高五分之一的患者"},
}
"""Who has a stake: the payer, providers by tier, patients by fifth of income."""

CONCERNS: tuple[Concern, ...] = (
    # one percent is below what a fund's yearly forecast gets right
    Concern("payer", "fund_spending_per_person", "lower", 0.01),
    Concern("practices", "provider_margin@kind:practice", "higher", 0.01, True),
    Concern("county-hospitals", "provider_margin@kind:secondary", "higher", 0.01, True),
    Concern("tertiary-hospitals", "provider_margin@kind:tertiary", "higher", 0.01, True),
    *(
        concern
        for fifth in range(1, 6)
        for concern in (
            # a thousandth of a person-year lived: about nine hours of full health
            Concern(f"patients-{fifth}", f"qaly@income:{fifth}", "higher", 0.001, True),
            Concern(f"patients-{fifth}", f"out_of_pocket_per_person@income:{fifth}", "lower", 0.01),
        )
    ),
)
"""What each stakeholder minds by default: money for payers and providers, health and own payments
for patients. Margins are assumed; a study may state its own."""


def _checked(values: npt.ArrayLike, where: str) -> Float64:
    """Take outcomes of every arm (rows) in every draw (columns), all of them measured."""
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < 1:
        raise StoreError(
            "robustness compares two arms or more over one draw or more",
            where=where,
            value=table.shape,
            allowed="(arms, draws)",
        )
    bad = np.argwhere(~np.isfinite(table))
    if bad.size:
        raise StoreError(
            f"{len(bad)} of {table.size} values are missing or not finite",
            where=where,
            value=f"arm {bad[0][0]}, draw {bad[0][1]}",
            remedy="Run the missing rows first; nothing is filled in.",
        )
    return table


def regret(values: npt.ArrayLike, better: Better) -> Float64:
    """Give what each arm loses in each draw against the arm that is best there.

    Parameters
    ----------
    values : array (arms, draws)
        In the outcome's unit.
    better : {'higher', 'lower'}

    Returns
    -------
    float64, shape (arms, draws)
        At least 0, in the outcome's unit; 0 for the best arm of a draw.

    Examples
    --------
    >>> regret([[10.0, 4.0], [8.0, 5.0]], "higher").tolist()
    [[0.0, 1.0], [2.0, 0.0]]
    >>> regret([[10.0, 4.0], [8.0, 5.0]], "lower").tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    table = _checked(values, "regret")
    if better == "higher":
        return np.asarray(table.max(axis=0, keepdims=True) - table)
    return np.asarray(table - table.min(axis=0, keepdims=True))


def ranks(values: npt.ArrayLike, better: Better) -> npt.NDArray[np.float64]:
    """Rank the arms within each draw, 1 the best; ties share their mean rank.

    Examples
    --------
    >>> ranks([[3.0, 1.0], [2.0, 1.0], [1.0, 5.0]], "higher").tolist()
    [[1.0, 2.5], [2.0, 2.5], [3.0, 1.0]]
    """
    from scipy.stats import rankdata

    table = _checked(values, "ranks")
    signed = -table if better == "higher" else table
    return np.asarray(rankdata(signed, method="average", axis=0), dtype=np.float64)


def agreement(values: npt.ArrayLike, better: Better) -> float:
    """Give how far draws agree on the order of the arms: Kendall's W, corrected for ties.

    Parameters
    ----------
    values : array (arms, draws)
    better : {'higher', 'lower'}

    Returns
    -------
    float
        1 where every draw orders the arms alike, near 0 where order is chance; NaN where every
        draw ties all arms.

    Notes
    -----
    ``W = 12 S / (m² (n³ - n) - m T)`` with n arms, m draws, S the spread of rank sums, and
    ``T = Σ (t³ - t)`` over groups of t tied arms in each draw.

    References
    ----------
    Kendall MG, Babington Smith B. The problem of m rankings. Ann Math Stat 1939.
    doi:10.1214/aoms/1177732186

    Examples
    --------
    >>> agreement([[3.0, 30.0], [2.0, 20.0], [1.0, 10.0]], "higher")
    1.0
    >>> agreement([[3.0, 1.0], [2.0, 2.0], [1.0, 3.0]], "higher")
    0.0
    """
    table = ranks(values, better)
    n, m = table.shape
    sums = table.sum(axis=1)
    spread = float(((sums - sums.mean()) ** 2).sum())
    ties = 0.0
    for column in table.T:
        _, counts = np.unique(column, return_counts=True)
        ties += float((counts**3 - counts).sum())
    below = m * m * (n**3 - n) - m * ties
    return 12.0 * spread / below if below > 0.0 else math.nan


def _share(count: int, n: int) -> tuple[float, float, float]:
    """Give a share with its Wilson interval of 95 %."""
    share = count / n
    middle = (share + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z / (1 + _Z * _Z / n) * math.sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n))
    return share, max(0.0, middle - half), min(1.0, middle + half)


def robustness(
    values: Mapping[str, npt.ArrayLike],
    arms: Sequence[str],
    concerns: Sequence[Concern] = CONCERNS,
    yardstick: str | None = None,
) -> pd.DataFrame:
    """Judge every arm on every concern over the draws.

    Parameters
    ----------
    values : mapping of outcome to array (arms, draws)
        One number per arm and draw, replicates averaged; draws in the same order everywhere.
    arms : sequence of str
        Names of the rows.
    concerns : sequence of Concern
    yardstick : str, optional
        The arm that satisficing is measured against; the first by default.

    Returns
    -------
    DataFrame
        One row per concern and arm: arm, stakeholder, outcome, better, mean, worst (the bad end of
        90 % of the draws), regret_mean, regret_90, regret_max (outcome's unit), regret_scaled
        (``regret_90`` over the spread between arms: the mean over draws of best less worst),
        share_best with share_best_low and _high, satisfied with satisfied_low and _high (Wilson,
        95 %), n (draws).

    Raises
    ------
    StoreError
        For an outcome that is missing or not finite somewhere.
    """
    names = list(arms)
    against = names[0] if yardstick is None else yardstick
    if against not in names:
        raise StoreError("no such arm", where="yardstick", value=against, allowed=", ".join(names))
    rows: list[dict[str, Any]] = []
    for concern in concerns:
        if concern.outcome not in values:
            raise StoreError(
                "the outcome is not among the results",
                where=f"concern of {concern.stakeholder}",
                value=concern.outcome,
                allowed=", ".join(values),
                remedy="Add it to the outcomes of the design and run it.",
            )
        table = _checked(values[concern.outcome], concern.outcome)
        if table.shape[0] != len(names):
            raise StoreError(
                "the table has another number of arms",
                where=concern.outcome,
                value=table.shape[0],
                allowed=str(len(names)),
            )
        lost = regret(table, concern.better)
        spread = float((table.max(axis=0) - table.min(axis=0)).mean())
        n = table.shape[1]
        base = table[names.index(against)]
        bad_end = 0.1 if concern.better == "higher" else 0.9
        for index, name in enumerate(names):
            best, best_low, best_high = _share(int((lost[index] == 0.0).sum()), n)
            enough = int(concern.satisfied(table[index], base).sum())
            met, met_low, met_high = _share(enough, n)
            high = float(np.quantile(lost[index], 0.9))
            rows.append(
                {
                    "arm": name,
                    "stakeholder": concern.stakeholder,
                    "outcome": concern.outcome,
                    "better": concern.better,
                    "mean": float(table[index].mean()),
                    "worst": float(np.quantile(table[index], bad_end)),
                    "regret_mean": float(lost[index].mean()),
                    "regret_90": high,
                    "regret_max": float(lost[index].max()),
                    "regret_scaled": high / spread if spread > 0.0 else 0.0,
                    "share_best": best,
                    "share_best_low": best_low,
                    "share_best_high": best_high,
                    "satisfied": met,
                    "satisfied_low": met_low,
                    "satisfied_high": met_high,
                    "n": n,
                }
            )
    return pd.DataFrame(rows)


def summary_by_stakeholder(table: pd.DataFrame) -> pd.DataFrame:
    """Give each arm's worst concern of each stakeholder: a chain is as strong as its weakest link.

    Parameters
    ----------
    table : DataFrame
        What :func:`robustness` gives.

    Returns
    -------
    DataFrame
        One row per stakeholder and arm: regret_scaled (the highest of the stakeholder's concerns),
        satisfied (the lowest), outcome (the concern with that regret), n.
    """
    rows = []
    for (who, arm), group in table.groupby(["stakeholder", "arm"], sort=False):
        worst = group.sort_values("regret_scaled", kind="stable").iloc[-1]
        rows.append(
            {
                "stakeholder": who,
                "arm": arm,
                "outcome": worst["outcome"],
                "regret_scaled": float(group["regret_scaled"].max()),
                "satisfied": float(group["satisfied"].min()),
                "n": int(group["n"].min()),
            }
        )
    return pd.DataFrame(rows)


def _joined(words: Sequence[str], lang: str) -> str:
    """Write a list as a sentence does."""
    if lang == "zh":
        return "、".join(words)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def verdict(
    table: pd.DataFrame, titles: Mapping[str, Mapping[str, str]], yardstick: str
) -> dict[str, str]:
    """Say in one sentence per language which payment model is robust, and for whom it is not.

    Parameters
    ----------
    table : DataFrame
        What :func:`robustness` gives.
    titles : mapping of arm to {'en', 'zh'}
    yardstick : str
        The arm that stands for today.

    Returns
    -------
    dict of 'en' and 'zh' to str

    Notes
    -----
    The most robust arm is the one whose largest scaled regret over all stakeholders is smallest
    (minimax). It is weak for those whose requirement it meets in fewer than half of the draws.
    """
    by = summary_by_stakeholder(table)
    largest = by.groupby("arm", sort=False)["regret_scaled"].max()
    arm = str(largest.idxmin())
    own = by[by["arm"] == arm]
    n = int(by["n"].min())
    weak = [str(row["stakeholder"]) for _, row in own.iterrows() if row["satisfied"] < 0.5]
    said: dict[str, str] = {}
    for lang in ("en", "zh"):
        name = titles[arm][lang]
        if lang == "en":
            text = (
                f"Over {n} draws of what is not known, {name} is the choice least regretted by the "
                "stakeholder it serves worst"
            )
        else:
            text = f"在{n}组不确定参数下，对最吃亏的一方而言，{name}的遗憾最小"
        others = _joined([STAKEHOLDERS.get(w, {lang: w})[lang] for w in weak], lang) if weak else ""
        if lang == "en":
            if arm == yardstick:
                text += ": no reform is safer for everyone than today's payment."
            elif weak:
                text += f", yet in most draws it leaves {others} worse off than today."
            else:
                text += (
                    ", and each of them is no worse off than today in at least half of the draws."
                )
        elif arm == yardstick:
            text += "：没有哪项改革对各方都比现状更稳妥。"
        elif weak:
            text += f"，但在多数情形下，{others}的处境不如现状。"
        else:
            text += "，且各方分别在至少一半的情形下不比现状差。"
        said[lang] = text
    return said
