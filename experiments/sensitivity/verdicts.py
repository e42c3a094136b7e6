"""Verdicts: what an index with its interval allows one to say about a factor.

Knows thresholds and intervals. Must not know sentences, languages or how an index was found.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
import pandas as pd

from experiments.sensitivity.methods import Kind

__all__ = ["HARDLY", "MOST", "Verdict", "verdicts"]

Verdict = Literal["decides", "most", "matters", "hardly", "unclear", "unknown"]
# Below a twentieth of the variance (or of the distance 1, or a tenth of the largest effect) a
# factor can be fixed anywhere in its range without moving the result that a reader sees.
HARDLY: Final = {"variance": 0.05, "distance": 0.05, "effect": 0.10}
# More than half of all variance: all other factors together count for less.
MOST: Final = 0.5


def verdicts(table: pd.DataFrame, index: str, kind: Kind) -> pd.DataFrame:
    """What may be said about each factor, the most important first.

    Parameters
    ----------
    table : DataFrame
        Columns `factor`, `label_en`, `label_zh`, `unit`, `index`, `value`, `low`, `high`.
    index : str
        The index to read.
    kind : {'variance', 'distance', 'effect'}
        What the index counts.

    Returns
    -------
    DataFrame
        `factor`, `label_en`, `label_zh`, `unit`, `value`, `low`, `high`, `verdict`:
        decides: the whole interval lies above half of the variance, or, for other kinds, above
        twice every other factor's interval; most: above every other factor's; matters: above the
        threshold of `HARDLY`; hardly: below it; unclear: the interval holds the threshold;
        unknown: no interval. A floor index (what a factor without influence would show) raises
        the threshold.
    """
    rows = table[table["index"] == index].copy()
    floor = table[table["index"] == "floor"].set_index("factor")["value"]
    largest = float(rows["value"].abs().max()) if len(rows) else math.nan
    scale = largest if kind == "effect" else 1.0
    found: list[str] = []
    for place, row in enumerate(rows.to_dict("records")):
        low, high = float(row["low"]), float(row["high"])
        if not (math.isfinite(low) and math.isfinite(high)):
            found.append("unknown")
            continue
        others = rows["high"].to_numpy(dtype=np.float64)
        best = float(np.max(np.delete(others, place), initial=-math.inf))
        threshold = max(HARDLY[kind] * scale, float(floor.get(row["factor"], 0.0)))
        leads = low > best and low > threshold
        is_most = low > MOST if kind == "variance" else low > 2.0 * max(best, 0.0)
        if leads and is_most:
            found.append("decides")
        elif leads and len(rows) > 1:
            found.append("most")
        elif low > threshold:
            found.append("matters")
        elif high < threshold:
            found.append("hardly")
        else:
            found.append("unclear")
    rows["verdict"] = found
    kept = ["factor", "label_en", "label_zh", "unit", "value", "low", "high", "verdict"]
    return rows[kept].sort_values("value", ascending=False, kind="stable", ignore_index=True)
