"""A calibration from start to report: search, slopes, profiles, tables and one sentence.

Knows a problem and its journal; must not know files of settings or pages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.calibration import identifiability
from experiments.calibration.problem import Journal, Problem
from experiments.calibration.search import Progress, search
from experiments.emulator import fit_emulator, refuse_poor

if TYPE_CHECKING:
    from experiments.emulator import Emulator

__all__ = ["Calibration", "calibrate"]

Float64 = npt.NDArray[np.float64]
COLLINEAR = 10.0  # Brun et al. (2001): from 10 to 15 on, parameters stand in for each other


@dataclass(frozen=True)
class Calibration:
    """What a calibration found.

    Attributes
    ----------
    problem : Problem
    parameters : DataFrame
        id, label_en, label_zh, unit, start, best, low, high (the range), interval_low,
        interval_high (95 %, from the profile; NaN without one), se (unit of the parameter, NaN
        where the targets tell nothing), effect, verdict (``identified``, ``only_above``,
        ``only_below``, ``not_identified``, or empty without profiles), partner (the parameter
        that can stand in for it, or empty).
    targets : DataFrame
        name, target, tolerance, simulated, se (over replicates, NaN for one), misfit (tolerances),
        is_met (within one tolerance), source.
    pairs : DataFrame
        one, other, collinearity, correlation.
    profile : DataFrame
        id, position, value, misfit, rise; empty without profiles.
    trials : DataFrame
        One row per point lived: parameters, moments, misfit.
    emulator : DataFrame
        Cross-validated errors; empty without one.
    misfit_start, misfit_best : float
        Sums of squared misfits, in squared tolerances.
    runs : int
        Runs lived in this call; those of the journal are not lived again.
    sentence : dict of 'en', 'zh' to str
    """

    problem: Problem
    parameters: pd.DataFrame
    targets: pd.DataFrame
    pairs: pd.DataFrame
    profile: pd.DataFrame
    trials: pd.DataFrame
    emulator: pd.DataFrame
    misfit_start: float
    misfit_best: float
    runs: int
    sentence: dict[str, str]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Give every table by name."""
        return {
            "parameters": self.parameters,
            "targets": self.targets,
            "pairs": self.pairs,
            "profile": self.profile,
            "trials": self.trials,
            "emulator": self.emulator,
        }


def _target_table(problem: Problem, moments: Float64) -> pd.DataFrame:
    n = moments.shape[0]
    mean = moments.mean(axis=0)
    errors = moments.std(axis=0, ddof=1) / math.sqrt(n) if n > 1 else np.full(mean.size, math.nan)
    misfits = problem.residuals(moments)
    return pd.DataFrame(
        {
            "name": [t.name for t in problem.targets],
            "target": [t.value for t in problem.targets],
            "tolerance": [t.tolerance for t in problem.targets],
            "simulated": mean,
            "se": errors,
            "misfit": misfits,
            "is_met": np.abs(misfits) <= 1.0,
            "source": [t.source for t in problem.targets],
        }
    )


def _trial_table(journal: Journal) -> pd.DataFrame:
    problem = journal.problem
    points, moments = journal.all()
    table = pd.DataFrame(
        {
            each.id: [each.value(float(point[index])) for point in points]
            for index, each in enumerate(problem.ranges)
        }
    )
    for column, target in enumerate(problem.targets):
        table[target.name] = moments[:, column]
    return table.assign(
        misfit=[float((problem.residuals(row[np.newaxis]) ** 2).sum()) for row in moments]
    )


def _emulated(journal: Journal, progress: Progress | None) -> Emulator:
    """Live a Latin hypercube and emulate it together with what the search has lived."""
    from scipy.stats import qmc

    problem = journal.problem
    wanted = problem.search.emulator_points or 0
    cube = qmc.LatinHypercube(len(problem.ranges), rng=problem.search.seed + 1).random(wanted)
    for done, point in enumerate(cube):
        journal.moments(point)
        if progress is not None:
            progress(done + 1, wanted)
    points, moments = journal.all()
    names = [t.name for t in problem.targets]
    emulator = fit_emulator(points, moments, names, problem.search.seed)
    return refuse_poor(emulator, problem.search.least_q2, problem.id)


def _parameter_table(
    problem: Problem,
    best: Float64,
    local: pd.DataFrame,
    pairs: pd.DataFrame,
    profile: pd.DataFrame,
) -> pd.DataFrame:
    rows = []
    for index, each in enumerate(problem.ranges):
        low, high = math.nan, math.nan
        said = ""
        if len(profile):
            found, start, stop = identifiability.verdict(profile, each.id)
            said, low, high = found, each.value(start), each.value(stop)
        here = each.value(float(best[index]))
        share = float(local["se"].iloc[index])
        # the slope of the scale turns a share of the range into the parameter's own unit
        width = here * math.log(each.high / each.low) if each.is_log else each.high - each.low
        mine = pairs[(pairs["one"] == each.id) | (pairs["other"] == each.id)]
        close = mine[mine["collinearity"] >= COLLINEAR]
        partner = ""
        if len(close):
            row = close.sort_values("collinearity").iloc[-1]
            partner = str(row["other"] if row["one"] == each.id else row["one"])
        rows.append(
            {
                "id": each.id,
                "label_en": each.label("en"),
                "label_zh": each.label("zh"),
                "unit": each.unit,
                "start": problem.start[each.id],
                "best": here,
                "low": each.low,
                "high": each.high,
                "interval_low": low,
                "interval_high": high,
                "se": share * width,
                "effect": float(local["effect"].iloc[index]),
                "verdict": said,
                "partner": partner,
            }
        )
    return pd.DataFrame(rows)


def _sentence(parameters: pd.DataFrame, targets: pd.DataFrame) -> dict[str, str]:
    """Say how many targets are met and which parameters they pin down."""
    met, n = int(targets["is_met"].sum()), len(targets)
    missed = targets[~targets["is_met"]]["name"].tolist()
    loose = parameters[~parameters["verdict"].isin(["identified", ""])]
    has_profile = bool((parameters["verdict"] != "").any())
    english = f"{met} of {n} targets are met within their tolerance"
    chinese = f"{n}个目标中有{met}个落在容差之内"
    if missed:
        english += f" (missed: {', '.join(missed)})"
        chinese += f"（未达到：{'、'.join(missed)}）"
    if not has_profile:
        return {"en": english + ".", "zh": chinese + "。"}
    if len(loose) == 0:
        english += "; the targets pin down every parameter."
        chinese += "；这些目标足以确定每一个参数。"
    else:
        names_en = ", ".join(str(label) for label in loose["label_en"])
        names_zh = "、".join(str(label) for label in loose["label_zh"])
        english += f"; they do not pin down {names_en}: a wide range fits as well."
        chinese += f"；但不足以确定{names_zh}：较大范围内的取值拟合得同样好。"
    return {"en": english, "zh": chinese}


def calibrate(
    problem: Problem, folder: Path | None = None, progress: Progress | None = None
) -> Calibration:
    """Search, then ask what the targets can tell.

    Parameters
    ----------
    problem : Problem
    folder : Path, optional
        Where runs and trials are kept; the same call goes on there after it was cut short. In
        memory by default.
    progress : function of (done, total), optional
        Called after every trial and every profile point.

    Raises
    ------
    RunError
        If an emulator was asked for and predicts held-out runs too poorly.
    StoreError, DiskError
        If the folder holds something else, or cannot be written.
    """
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(problem, None if folder is None else folder / "runs.sqlite")
    try:
        names = [each.id for each in problem.ranges]
        search(journal, folder, progress)
        emulator = _emulated(journal, progress) if problem.search.emulator_points else None
        best = journal.best
        residuals = journal.residuals
        if emulator is not None and problem.search.profile_on == "emulator":

            def residuals(units: npt.ArrayLike) -> Float64:
                return problem.residuals(emulator.predict(np.asarray(units))[0])

        table = pd.DataFrame(columns=["id", "position", "misfit", "rise"])
        if problem.search.profile_points:
            table = identifiability.profile(
                residuals, best, names, problem.search.profile_points, problem.search.profile_steps
            )
            by_id = {each.id: each for each in problem.ranges}
            table = table.assign(
                value=[
                    by_id[str(name)].value(float(u))
                    for name, u in zip(table["id"], table["position"], strict=True)
                ]
            )
            best = journal.best  # a profile may have found better
        local, pairs = identifiability.local(residuals, best, names)
        parameters = _parameter_table(problem, best, local, pairs, table)
        moments = journal.moments(best)
        targets = _target_table(problem, moments)
        return Calibration(
            problem=problem,
            parameters=parameters,
            targets=targets,
            pairs=pairs,
            profile=table,
            trials=_trial_table(journal),
            emulator=pd.DataFrame() if emulator is None else emulator.errors,
            misfit_start=journal.misfit(problem.positions(problem.start)),
            misfit_best=float((targets["misfit"] ** 2).sum()),
            runs=journal.lived * problem.replicates,
            sentence=_sentence(parameters, targets),
        )
    finally:
        journal.close()
