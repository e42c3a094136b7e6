"""A reform over an ensemble of parameters, beside what seeds alone say of it.

Knows sets of parameters, spreads and how they are laid out on a terminal; must not know how a run
is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from experiments.commands import ends_in_order, told_progress
from experiments.ensemble import Ensemble, over_ensemble, read_ensemble, refuse_doubles
from sim import terminal
from sim.outcomes import OUTCOMES
from sim.record import home
from sim.scenario import Scenario
from sim.units import in_currency

__all__ = ["EnsembleTable", "prepared"]

SEEDS: Final = 2
"""Seeds of each set: with two, luck can be told from parameters."""


@dataclass(frozen=True)
class EnsembleTable:
    """Outcomes of arms over an ensemble.

    Attributes
    ----------
    rows : list of dict
        Arm, outcome, what seeds say at the region's own parameters, and the spread over sets.
    sets : int
    of_sets : int
        How many the ensemble has.
    is_difference : bool
    """

    rows: list[dict[str, Any]]
    sets: int
    of_sets: int
    is_difference: bool

    def tell(self, lang: str, currency: str) -> None:
        """Lay the table out."""
        from dashboards.figures.words import unit_label

        heads = {
            "en": "arm|outcome|unit|own value|± seeds|mean of sets|90% of sets|sd, parameters|"
            "same sign",
            "zh": "方案|指标|单位|本地参数值|±种子|各组均值|90%的组落在|参数标准差|同号比例",
        }[lang].split("|")
        write = terminal.signed if self.is_difference else terminal.number
        lines = []
        for row in self.rows:
            about = OUTCOMES[row["outcome"]]
            digits = about.digits
            lines.append(
                [
                    row["arm"],
                    about.label[lang],
                    unit_label(in_currency(about.unit, currency), lang, currency),
                    write(row["value"], digits),
                    terminal.number(row["half_width"], digits),
                    write(row["mean"], digits),
                    f"{write(row['low'], digits)} … {write(row['high'], digits)}",
                    terminal.number(row["parameters_sd"], digits),
                    f"{100.0 * row['same_sign']:.0f}%",
                ]
            )
        caption = {
            "en": f"{self.sets} of {self.of_sets} sets of parameters that agree with the region's "
            f"published moments, {SEEDS} seeds each; ± seeds is the 95% half-width at the region's "
            "own parameters, which says nothing of what is not known of them.",
            "zh": f"与本地区公布数字相符的{self.of_sets}组参数中的{self.sets}组，"
            f"每组{SEEDS}个种子。"
            "“±种子”是本地参数下95%区间的半宽，不含参数本身的不确定。",
        }[lang]
        terminal.table("", heads, lines, numbers=(3, 4, 5, 7, 8))
        terminal.write(terminal.wrapped(caption))


def prepared(arms: Mapping[str, Scenario], sets: int | None) -> Callable[..., EnsembleTable]:
    """Read the ensemble of the arms' region; what comes back lives the arms over it.

    Parameters
    ----------
    arms : mapping of str to Scenario
        The first is what the others are compared with.
    sets : int, optional
        Only the first so many.

    Raises
    ------
    ScenarioError
        If the region has none, or an arm sets what it draws.
    """
    first = next(iter(arms.values()))
    whole = read_ensemble(first.region_id)
    refuse_doubles(first, whole)
    chosen = whole if sets is None else replace(whole, sets=whole.sets[:sets])

    def live(
        outcomes: Sequence[str],
        values: Mapping[tuple[str, str], tuple[float, float]],
        workers: int | None,
    ) -> EnsembleTable:
        return _lived(arms, chosen, len(whole), outcomes, values, workers)

    return live


def _lived(
    arms: Mapping[str, Scenario],
    chosen: Ensemble,
    of_sets: int,
    outcomes: Sequence[str],
    values: Mapping[tuple[str, str], tuple[float, float]],
    workers: int | None,
) -> EnsembleTable:
    with ends_in_order(), told_progress() as progress:
        found = over_ensemble(arms, chosen, outcomes, SEEDS, home() / "ensemble", workers, progress)
    rows = []
    for arm, spreads in found.items():
        for name, spread in spreads.items():
            value, half = values.get((arm, name), (float("nan"), float("nan")))
            rows.append(
                {
                    "arm": arm,
                    "outcome": name,
                    "value": value,
                    "half_width": half,
                    "mean": spread.mean,
                    "low": spread.low,
                    "high": spread.high,
                    "parameters_sd": spread.parameters_sd,
                    "same_sign": spread.same_sign,
                }
            )
    return EnsembleTable(rows, len(chosen), of_sets, len(arms) > 1)
