"""Scenario discovery: where in the uncertainties a reform fails, in two plain conditions.

Knows points, and which of them fail; must not know runs or what failing means.

The patient rule induction method peels away the sides of the space that hold few failures until a
box dense in failures is left (Friedman & Fisher 1999; Bryant & Lempert 2010), here as EMA workbench
has it. A box in many conditions fits chance as well as structure, and nobody can keep it in mind:
the two most telling conditions are kept and found anew, and their density is measured on draws that
the box was not found from. A shallow tree (scikit-learn) asks the same in another way; where both
name the same parameters the answer is robust to the method.

References
----------
Friedman JH, Fisher NI. Bump hunting in high-dimensional data. Stat Comput 1999.
doi:10.1023/A:1008894516817
Bryant BP, Lempert RJ. Thinking inside the box: a participatory, computer-assisted approach to
scenario discovery. Technol Forecast Soc Change 2010. doi:10.1016/j.techfore.2009.08.002
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.errors import RunError, ScenarioError

__all__ = [
    "Box",
    "box_table",
    "find_box",
    "inside",
    "packages_needed",
    "sentence",
    "tree",
    "worst_share",
]

Bool = npt.NDArray[np.bool_]
CONDITIONS = 2
LEAST_FAILURES = 10
LEAST_MASS = 0.1
FOLDS = 5


@dataclass(frozen=True)
class Box:
    """A part of the uncertainties where failures are dense.

    Attributes
    ----------
    limits : mapping of parameter to (low, high)
        In the parameters' units; the most telling first. A draw is inside if all hold.
    coverage : float
        Share of all failures that lie inside.
    density : float
        Share of the draws inside that fail.
    held_out_density : float
        The same on draws that a box was not found from, over five folds; NaN where no such draw
        lay inside.
    base_rate : float
        Share of all draws that fail.
    n, n_inside : int
        Draws in all, and inside.
    """

    limits: Mapping[str, tuple[float, float]]
    coverage: float
    density: float
    held_out_density: float
    base_rate: float
    n: int
    n_inside: int


def packages_needed(*names: str) -> None:
    """Say which packages are missing, and how to get them.

    Raises
    ------
    ScenarioError
        Naming them.
    """
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise ScenarioError(
            "this analysis needs packages that are not installed",
            where="analysis",
            value=", ".join(missing),
            remedy='Install them with: pip install "payshift[sweep]"',
        )


def inside(points: pd.DataFrame, limits: Mapping[str, tuple[float, float]]) -> Bool:
    """Say which draws meet all conditions.

    Examples
    --------
    >>> points = pd.DataFrame({"a": [0.1, 0.9], "b": [0.5, 0.5]})
    >>> inside(points, {"a": (0.0, 0.5)}).tolist()
    [True, False]
    """
    met = np.ones(len(points), dtype=bool)
    for name, (low, high) in limits.items():
        values = points[name].to_numpy(dtype=np.float64)
        met &= (values >= low) & (values <= high)
    return met


def worst_share(values: npt.ArrayLike, better: str, share: float) -> Bool:
    """Mark the draws with the worst values of an outcome.

    Parameters
    ----------
    values : array (draws,)
    better : str
        ``higher`` or ``lower``; of an outcome without direction the highest are marked.
    share : float
        Share of the draws to mark, above 0 and below 1.

    Examples
    --------
    >>> worst_share([1.0, 2.0, 3.0, 4.0], "lower", 0.25).tolist()
    [False, False, False, True]
    >>> worst_share([1.0, 2.0, 3.0, 4.0], "higher", 0.25).tolist()
    [True, False, False, False]
    """
    table = np.asarray(values, dtype=np.float64)
    if better == "higher":
        return np.asarray(table <= np.quantile(table, share, method="lower"))
    return np.asarray(table >= np.quantile(table, 1.0 - share, method="higher"))


def _checked(points: pd.DataFrame, failed: npt.ArrayLike) -> Bool:
    """Refuse what no box could be found in."""
    is_failed = np.asarray(failed, dtype=bool)
    if is_failed.shape != (len(points),):
        raise ScenarioError(
            "one answer per draw is needed", where="failures", value=is_failed.shape
        )
    if not np.isfinite(points.to_numpy(dtype=np.float64)).all():
        raise ScenarioError("a drawn value is not finite", where="draws")
    count = int(is_failed.sum())
    if min(count, is_failed.size - count) < LEAST_FAILURES:
        raise RunError(
            "too few draws fail, or too few do not, to say where",
            where="scenario discovery",
            value=f"{count} of {is_failed.size} fail",
            allowed=f"{LEAST_FAILURES} or more of each",
            remedy="Draw more, or ask for a stricter or milder failure.",
        )
    return is_failed


def _peeled(points: pd.DataFrame, failed: Bool) -> dict[str, tuple[float, float]]:
    """Peel once: the last box of the trajectory with its restricted sides, most telling first."""
    x = points.astype(np.float64).reset_index(drop=True)
    with warnings.catch_warnings():
        # On import it tells of executors and charts that nobody asked for, and it uses what the
        # newest pandas calls deprecated.
        warnings.simplefilter("ignore")
        from ema_workbench.analysis import prim

        # Its threshold says both what counts as a failure and how dense a box must be: any.
        box = prim.Prim(
            x, failed.astype(bool), threshold=1e-9, peel_alpha=0.05, mass_min=LEAST_MASS
        ).find_box()
    if box is None:
        return {}
    trajectory = box.peeling_trajectory
    # the best balance of dense and covering: the harmonic mean of both
    coverage = trajectory["coverage"].to_numpy(dtype=np.float64)
    density = trajectory["density"].to_numpy(dtype=np.float64)
    balance = 2.0 * coverage * density / np.maximum(coverage + density, 1e-12)
    best = int(np.argmax(balance))
    limits = box.box_lims[best]
    first = box.box_lims[0]
    telling: list[tuple[float, str, tuple[float, float]]] = []
    for name in x.columns:
        low, high = float(limits[name].iloc[0]), float(limits[name].iloc[1])
        start, end = float(first[name].iloc[0]), float(first[name].iloc[1])
        if low > start or high < end:
            chances = [p for p in box.qp[best].get(name, []) if p >= 0.0]
            telling.append((min(chances, default=1.0), str(name), (low, high)))
    return {name: ends for _, name, ends in sorted(telling)}


def _two_sided(points: pd.DataFrame, failed: Bool, most: int) -> dict[str, tuple[float, float]]:
    """Find the most telling parameters, then a box in these alone."""
    names = list(_peeled(points, failed))[:most]
    return _peeled(points[names], failed) if names else {}


def find_box(points: pd.DataFrame, failed: npt.ArrayLike, most: int = CONDITIONS) -> Box:
    """Find where failures are dense, in at most so many conditions.

    Parameters
    ----------
    points : DataFrame
        One row per draw, one column per parameter.
    failed : bool, shape (draws,)
    most : int
        Conditions.

    Raises
    ------
    RunError
        If too few draws fail, or too few do not.
    ScenarioError
        If EMA workbench is not installed.
    """
    packages_needed("ema_workbench")
    is_failed = _checked(points, failed)
    limits = _two_sided(points, is_failed, most)
    met = inside(points, limits)
    hits, entered = 0, 0
    folds = np.random.default_rng(1).permutation(len(points)) % FOLDS
    for fold in range(FOLDS):
        hidden = folds == fold
        if not is_failed[~hidden].any():
            continue
        found = _two_sided(points[~hidden], is_failed[~hidden], most)
        here = inside(points[hidden], found)
        hits += int(is_failed[hidden][here].sum())
        entered += int(here.sum())
    return Box(
        limits=limits,
        coverage=float(is_failed[met].sum() / is_failed.sum()),
        density=float(is_failed[met].mean()),
        held_out_density=hits / entered if entered else math.nan,
        base_rate=float(is_failed.mean()),
        n=len(points),
        n_inside=int(met.sum()),
    )


def tree(points: pd.DataFrame, failed: npt.ArrayLike, depth: int = CONDITIONS) -> pd.DataFrame:
    """Ask a shallow classification tree the same.

    Returns
    -------
    DataFrame
        One row per leaf, the most failing first: rule (text), share_failing, n.

    Raises
    ------
    RunError, ScenarioError
        As :func:`find_box`.
    """
    packages_needed("sklearn")
    from sklearn.tree import DecisionTreeClassifier

    is_failed = _checked(points, failed)
    least = max(5, int(0.05 * len(points)))
    grown = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=least, random_state=1)
    x = points.to_numpy(dtype=np.float64)
    grown.fit(x, is_failed)
    names = [str(name) for name in points.columns]
    parts = grown.tree_
    rows: list[dict[str, object]] = []
    leaf_of = grown.apply(x)

    def walk(node: int, rule: tuple[str, ...]) -> None:
        if parts.children_left[node] == parts.children_right[node]:
            here = leaf_of == node
            rows.append(
                {
                    "rule": " & ".join(rule) or "everywhere",
                    "share_failing": float(is_failed[here].mean()),
                    "n": int(here.sum()),
                }
            )
            return
        name, cut = names[int(parts.feature[node])], float(parts.threshold[node])
        walk(int(parts.children_left[node]), (*rule, f"{name} <= {cut:.4g}"))
        walk(int(parts.children_right[node]), (*rule, f"{name} > {cut:.4g}"))

    walk(0, ())
    return pd.DataFrame(rows).sort_values("share_failing", ascending=False, ignore_index=True)


def box_table(
    box: Box, ranges: Mapping[str, tuple[float, float]], labels: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Give a box as the figure of failing draws takes it.

    Parameters
    ----------
    box : Box
    ranges : mapping of parameter to (low, high)
        What was drawn from.
    labels : mapping of parameter to (English, Chinese, unit)
    """
    rows = []
    for name, (low, high) in box.limits.items():
        start, end = ranges[name]
        english, chinese, unit = labels[name]
        rows.append(
            {
                "factor": name,
                "label_en": english,
                "label_zh": chinese,
                "unit": unit,
                "low": start,
                "high": end,
                "box_low": low,
                "box_high": high,
            }
        )
    columns = ["factor", "label_en", "label_zh", "unit", "low", "high", "box_low", "box_high"]
    return pd.DataFrame(rows, columns=columns)


def _condition(row: Mapping[str, object], lang: str) -> str:
    """Say one side of a box in plain words."""
    label = str(row[f"label_{lang}"])
    numbers = [float(str(row[n])) for n in ("low", "high", "box_low", "box_high")]
    low, high, start, end = numbers
    span = 0.02 * (high - low)
    is_open_below, is_open_above = start - low <= span, high - end <= span
    if lang == "zh":
        if is_open_below:
            return f"“{label}”低于{end:.3g}"
        return (
            f"“{label}”高于{start:.3g}"
            if is_open_above
            else f"“{label}”在{start:.3g}至{end:.3g}之间"
        )
    quoted = f"“{label[:1].lower()}{label[1:]}”"
    if is_open_below:
        return f"{quoted} is below {end:.3g}"
    if is_open_above:
        return f"{quoted} is above {start:.3g}"
    return f"{quoted} lies between {start:.3g} and {end:.3g}"


def sentence(box: Box, table: pd.DataFrame, failure: Mapping[str, str]) -> dict[str, str]:
    """Say in one sentence per language where a reform fails.

    Parameters
    ----------
    box : Box
    table : DataFrame
        What :func:`box_table` gives.
    failure : mapping of 'en', 'zh' to str
        The reform and how it fails: "capitation costs the fund more than today".
    """
    rows = [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
    held = "" if math.isnan(box.held_out_density) else f"{100 * box.held_out_density:.0f} %"
    if not rows:
        return {
            "en": f"{failure['en']} in {100 * box.base_rate:.0f} % of {box.n} draws, and no corner "
            "of the uncertainties holds more of them than another.",
            "zh": f"在{box.n}组参数中，{failure['zh']}的占{100 * box.base_rate:.0f}%，"
            "没有哪一部分参数空间明显更集中。",
        }
    english = " and ".join(_condition(row, "en") for row in rows)
    chinese = "且".join(_condition(row, "zh") for row in rows)
    unseen_en = f", {held} on draws it was not found from" if held else ""
    unseen_zh = f"，在未参与寻找的样本上为{held.replace(' ', '')}" if held else ""
    return {
        "en": f"{failure['en']} in {100 * box.density:.0f} % of the draws where {english} "
        f"({100 * box.base_rate:.0f} % overall{unseen_en}); that corner holds "
        f"{100 * box.coverage:.0f} % of all such draws.",
        "zh": f"当{chinese}时，{failure['zh']}的占{100 * box.density:.0f}%"
        f"（总体为{100 * box.base_rate:.0f}%{unseen_zh}）；"
        f"这类情形的{100 * box.coverage:.0f}%都在此范围内。",
    }
