"""What estimators say of a reform whose true effect is known.

Knows twin counties, who adopted when in a study, and what was estimated; must not know how counties
live. A study sees one world of each county; the truth is that world less its twin without reform.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from experiments.evidence import econometrics as taught
from experiments.evidence.counties import COHORTS, MONTHS, TRIAL_MONTHS, Bank
from experiments.evidence.econometrics import NEVER, Estimate
from sim.scenario import Text

__all__ = [
    "ANALYSES",
    "DESIGNS",
    "Analysis",
    "Answer",
    "Cut",
    "Score",
    "Study",
    "cut_study",
    "random_study",
    "scores",
    "selected_study",
]

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

QUARTER: Final = 3
_TRIAL: Final = np.array([NEVER, *(month // QUARTER for month in COHORTS.values())])
_PAID: Final = np.array([NEVER, *((m + TRIAL_MONTHS) // QUARTER for m in COHORTS.values())])
_YEAR: Final = 12 // QUARTER
_CHARGE: Final = ("charges", "stays")
_BILLED: Final = ("charges", "billed_weight")
_TRUE: Final = ("charges", "true_weight")
_NEVER_SHARE: Final = 0.4
_NOISE: Final = 0.25
"""Of selection on past charges: sd of what else decides, in sd of the charges."""


@dataclass(frozen=True)
class Study:
    """Which world of each county a study sees.

    Attributes
    ----------
    bank : Bank
    cohort : ndarray of int, shape (n_counties,)
        0 never, 1 early, 2 middle, 3 late.
    luck : numpy.random.Generator
        For analyses that choose among the counties.
    is_placebo : bool
        The dates are those of the cohorts, the worlds those without reform.
    """

    bank: Bank
    cohort: Int
    luck: np.random.Generator = field(repr=False)
    is_placebo: bool = False

    def seen(self, name: str, scheme: int = 0) -> Float:
        """Give a count as the study sees it, shape (n_counties, MONTHS)."""
        world = np.zeros_like(self.cohort) if self.is_placebo else self.cohort
        found: Float = self.bank.counts[name][world, np.arange(self.bank.n), scheme]
        return found

    def without(self, name: str, scheme: int = 0) -> Float:
        """Give the same count in the twin without reform."""
        found: Float = self.bank.counts[name][0, :, scheme]
        return found

    def logs(self, ratio: tuple[str, str] = _CHARGE, scheme: int = 0) -> Float:
        """Give 100 times the log of a ratio by quarter as it is seen."""
        return _logs(self.seen(ratio[0], scheme), self.seen(ratio[1], scheme))

    def effects(self, ratio: tuple[str, str] = _CHARGE, scheme: int = 0) -> Float:
        """Give the true effect on that log, shape (n_counties, n_quarters)."""
        return self.logs(ratio, scheme) - _logs(
            self.without(ratio[0], scheme), self.without(ratio[1], scheme)
        )

    def starts(self, dated: str) -> Int:
        """Give the quarter of the trial run's start or of the first payment."""
        return np.asarray((_TRIAL if dated == "trial" else _PAID)[self.cohort])


def _quarters(months: Float) -> Float:
    found: Float = months.reshape(*months.shape[:-1], -1, QUARTER).sum(axis=-1)
    return found


def _logs(top: Float, bottom: Float) -> Float:
    """Take 100 ln of a ratio of quarterly sums; a quarter without a stay has no number."""
    above, below = _quarters(top), _quarters(bottom)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((above > 0) & (below > 0), 100.0 * np.log(above / below), np.nan)


# --- who adopts ----------------------------------------------------------------------------------


def _by_rank(rank: Int, n: int) -> Int:
    """Give cohorts by rank: the first third of adopters early, the last ones never."""
    n_never = max(round(_NEVER_SHARE * n), 2)
    adopters = n - n_never
    bounds = np.array([math.ceil(adopters / 3), math.ceil(2 * adopters / 3), adopters])
    cohort = np.searchsorted(bounds, rank, side="right") + 1
    return np.where(rank >= adopters, 0, cohort).astype(np.int64)


def random_study(bank: Bank, luck: np.random.Generator, is_placebo: bool = False) -> Study:
    """Draw by lot which counties adopt and when."""
    return Study(bank, _by_rank(luck.permutation(bank.n), bank.n), luck, is_placebo)


def selected_study(bank: Bank, luck: np.random.Generator, is_placebo: bool = False) -> Study:
    """Let the dearest counties that are left adopt at each date, by their last three months."""
    n = bank.n
    sizes = np.bincount(_by_rank(np.arange(n), n), minlength=4)[1:]
    cohort = np.zeros(n, dtype=np.int64)
    for index, start in enumerate(COHORTS.values(), start=1):
        rows = slice(start - QUARTER, start)
        charges, stays = (bank.counts[name][0, :, 0, rows].sum(axis=1) for name in _CHARGE)
        dear = np.log(charges / stays)
        dear = dear + luck.normal(0.0, _NOISE * dear.std(), n)
        left = np.flatnonzero(cohort == 0)
        cohort[left[np.argsort(-dear[left])[: sizes[index - 1]]]] = index
    return Study(bank, cohort, luck, is_placebo)


class Cut(NamedTuple):
    """A study in which counties above a cut had to adopt in the first cohort.

    Attributes
    ----------
    running : ndarray
        100 ln of the first year's charge per stay.
    outcome : ndarray
        The same in the first year of payment.
    effect : ndarray
        True effect on the outcome, known for those below the cut too.
    cut : float
    county : ndarray of int
    """

    running: Float
    outcome: Float
    effect: Float
    cut: float
    county: Int


def cut_study(bank: Bank, luck: np.random.Generator | None, is_placebo: bool = False) -> Cut:
    """Draw counties with replacement, or take each once, and cut at their median.

    A draw that leaves fewer than four counties on a side, on which no line stands, is repeated.
    """
    n = bank.n
    start = COHORTS["early"] + TRIAL_MONTHS

    def year(world: int, months: slice) -> Float:
        rows = bank.counts["charges"][world, :, 0, months].sum(axis=1)
        found: Float = 100.0 * np.log(rows / bank.counts["stays"][world, :, 0, months].sum(axis=1))
        return found

    first = year(0, slice(0, 12))
    county = np.arange(n)
    while True:
        if luck is not None:
            county = luck.integers(0, n, n)
        running = first[county]
        cut = float(np.median(running))
        sides = [len(np.unique(running[side])) for side in (running >= cut, running < cut)]
        if luck is None or min(sides) >= 4:
            break
    without, paid = (year(world, slice(start, start + 12))[county] for world in (0, 1))
    effect = np.zeros(n) if is_placebo else paid - without
    outcome = without + np.where(running >= cut, effect, 0.0)
    return Cut(running, outcome, effect, cut, county)


# --- analyses ------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """What an analysis says, what is true, and the test of its leads if it has one."""

    estimate: Estimate
    truth: float
    leads_p: float = math.nan


@dataclass(frozen=True)
class Analysis:
    """One way to estimate the effect, and what it is meant to teach.

    Attributes
    ----------
    id : str
    label, lesson : Text
    designs : tuple of str
        Of :data:`DESIGNS`, in which it is scored.
    ask : callable
        ``ask(study)`` gives an `Answer`; None where the study is not comparable.
    """

    id: str
    label: Text
    lesson: Text
    designs: tuple[str, ...]
    ask: Callable[[Any], Answer]


def _cells(study: Study, starts: Int, last: int | None = None) -> npt.NDArray[np.bool_]:
    """Mark treated units and periods, up to ``last`` periods after adoption."""
    since = np.arange(MONTHS // QUARTER) - starts[:, np.newaxis]
    is_treated = since >= 0
    return is_treated if last is None else is_treated & (since <= last)


def _mean_effect(study: Study, starts: Int, last: int | None = None) -> float:
    """Give the true effect on the charge per stay, mean over treated units and periods."""
    return float(study.effects()[_cells(study, starts, last)].mean())


def _fixed_effects(dated: str) -> Callable[[Study], Answer]:
    def ask(study: Study) -> Answer:
        starts = study.starts(dated)
        found = taught.two_way_fixed_effects(study.logs(), starts)
        return Answer(found, _mean_effect(study, starts))

    return ask


def _cohorts(
    dated: str,
    ratio: tuple[str, str] = _CHARGE,
    truth: tuple[str, str] | None = None,
    base: int = 1,
) -> Callable[[Study], Answer]:
    """Give a group-time analysis of payment, clean of the trial year or not."""

    def ask(study: Study) -> Answer:
        starts = study.starts("payment")
        wait = _YEAR if dated == "trial" else 0
        found = taught.group_time(study.logs(ratio), starts, wait, base)
        effects = study.effects(ratio if truth is None else truth)
        return Answer(found, float(effects[_cells(study, starts)].mean()))

    return ask


def _events(dated: str) -> Callable[[Study], Answer]:
    def ask(study: Study) -> Answer:
        starts = study.starts(dated)
        found = taught.event_study(study.logs(), starts, _YEAR, _YEAR - 1)
        return Answer(found.mean, _mean_effect(study, starts, _YEAR - 1), found.leads_p)

    return ask


def _neighbors(study: Study) -> Answer:
    """Compare members of the reformed scheme with those of the other in the same hospitals."""
    rows = np.flatnonzero(study.cohort > 0)
    changes, true = [], []
    for scheme in (0, 1):
        charges, stays = (study.seen(name, scheme) for name in _CHARGE)
        plain = [study.without(name, scheme) for name in _CHARGE]
        now = []
        for unit in rows:
            start = list(COHORTS.values())[study.cohort[unit] - 1]
            before, after = slice(0, start), slice(start + TRIAL_MONTHS, MONTHS)
            level = [
                100.0 * math.log(charges[unit, s].sum() / max(stays[unit, s].sum(), 1.0))
                for s in (before, after)
            ]
            twin = 100.0 * math.log(plain[0][unit, after].sum() / plain[1][unit, after].sum())
            now.append((level[1] - level[0], level[1] - twin))
        changes.append(np.array([row[0] for row in now]))
        true.append(float(np.mean([row[1] for row in now])))
    return Answer(taught.paired_change(changes[0], changes[1]), true[0])


def _series(with_controls: bool) -> Callable[[Study], Answer]:
    """Give an interrupted series of the counties that began their trial run in the middle."""
    start = COHORTS["middle"]

    def pooled(charges: Float, stays: Float, rows: npt.NDArray[np.bool_]) -> Float:
        return np.asarray(100.0 * np.log(charges[rows].sum(axis=0) / stays[rows].sum(axis=0)))

    def ask(study: Study) -> Answer:
        rows = study.cohort == 2
        seen = [study.seen(name) for name in _CHARGE]
        series = pooled(seen[0], seen[1], rows)
        twin = pooled(study.without("charges"), study.without("stays"), rows)
        truth = float((series - twin)[start:].mean())
        if with_controls:
            series = series - pooled(seen[0], seen[1], study.cohort == 0)
        return Answer(taught.interrupted_series(series, start), truth)

    return ask


def _one_county(study: Study) -> Answer:
    """Give one county of the last cohort a synthetic twin of those that never adopted."""
    start = COHORTS["late"] // QUARTER
    unit = int(study.luck.choice(np.flatnonzero(study.cohort == 3)))
    donors = np.setdiff1d(np.arange(study.bank.n), [unit])
    world = _logs(study.without("charges"), study.without("stays"))
    # Every other county serves, as if none of them had adopted: sixteen are too few for placebos.
    rows = np.vstack([study.logs()[unit], world[donors]])
    return Answer(
        taught.synthetic_control(rows, start), float(study.effects()[unit, start:].mean())
    )


def _at_the_cut(cut: Cut) -> Answer:
    """Give the jump at the cut and the true effect of counties there."""
    width = taught.rule_of_thumb(cut.running, cut.cut)
    found = taught.regression_discontinuity(cut.outcome, cut.running, cut.cut, width)
    x = cut.running - cut.cut
    weight = np.sqrt(np.maximum(1.0 - np.abs(x) / width, 0.0))
    design = np.stack([np.ones(len(x)), x], axis=1)
    at, *_ = np.linalg.lstsq(design * weight[:, np.newaxis], cut.effect * weight, rcond=None)
    return Answer(found, float(at[0]))


DESIGNS: Final[Mapping[str, Text]] = {
    "random": Text(en="dates drawn by lot", zh="抽签决定改革时间"),
    "selected": Text(en="dear counties first", zh="费用高的县先改革"),
    "cut": Text(en="dear counties must", zh="费用过线的县必须改革"),
}
_BOTH: Final = ("random", "selected")
ANALYSES: Final = (
    Analysis(
        "twfe-payment",
        Text(en="Fixed effects, dated at first payment", zh="双向固定效应，以实际付费日为界"),
        Text(
            en="The trial year is taken for a time before; what it changed already is subtracted.",
            zh="试运行年被当作改革前，其间已发生的变化被扣掉了。",
        ),
        _BOTH,
        _fixed_effects("payment"),
    ),
    Analysis(
        "twfe-trial",
        Text(en="Fixed effects, dated at the trial run", zh="双向固定效应，以试运行日为界"),
        Text(
            en="The effect grows with time, and counties treated early serve as controls of later "
            "ones.",
            zh="效应随时间增大，而先改革的县被用作后改革县的对照。",
        ),
        _BOTH,
        _fixed_effects("trial"),
    ),
    Analysis(
        "group-time-payment",
        Text(en="Group-time, base in the trial year", zh="分组分期估计，基期取在试运行年"),
        Text(
            en="Right controls, wrong base: anticipation is in the base.",
            zh="对照选对了，基期选错了：基期已含提前反应。",
        ),
        _BOTH,
        _cohorts("payment"),
    ),
    Analysis(
        "group-time",
        Text(
            en="Group-time, last quarter before the trial", zh="分组分期估计，基期为试运行前一季度"
        ),
        Text(
            en="Never-adopters as controls and a clean base. Where dear counties go first, their "
            "last quarter was dear by chance, and the fall back is taken for an effect.",
            zh="以从未改革的县为对照，基期干净。若费用高的县先改革，其最后一季度偏高有偶然成分，"
            "随后的回落会被当成效应。",
        ),
        _BOTH,
        _cohorts("trial"),
    ),
    Analysis(
        "group-time-year",
        Text(en="Group-time, last year before the trial", zh="分组分期估计，基期为试运行前一年"),
        Text(
            en="A longer base is less noisy, and holds less of the quarter that was selected on.",
            zh="基期更长，噪声更小，被选择的那个季度所占比重也更小。",
        ),
        _BOTH,
        _cohorts("trial", base=_YEAR),
    ),
    Analysis(
        "events-payment",
        Text(en="Event study, dated at first payment", zh="事件研究，以实际付费日为界"),
        Text(
            en="Leads away from zero say that something came before the date.",
            zh="改革前系数偏离零，说明变化早于所标日期。",
        ),
        _BOTH,
        _events("payment"),
    ),
    Analysis(
        "events-trial",
        Text(en="Event study, dated at the trial run", zh="事件研究，以试运行日为界"),
        Text(
            en="The first year is the trial year, whose effect is small.",
            zh="第一年正是试运行年，效应较小。",
        ),
        _BOTH,
        _events("trial"),
    ),
    Analysis(
        "neighbors",
        Text(en="Other scheme in the same hospitals", zh="同一医院的另一险种作对照"),
        Text(
            en="Physicians treat both schemes' patients in one style; the reform spills over to "
            "the controls.",
            zh="医生对两个险种的患者用同一套做法，改革外溢到对照组。",
        ),
        _BOTH,
        _neighbors,
    ),
    Analysis(
        "billed-severity",
        Text(en="Group-time, per billed weight", zh="分组分期估计，按申报权重调整"),
        Text(
            en="Coding rises with the reform: adjusting by it takes gaming for a saving.",
            zh="编码随改革升高：按它调整，会把部分高编码误作节省。",
        ),
        _BOTH,
        _cohorts("trial", _BILLED, _TRUE, _YEAR),
    ),
    Analysis(
        "true-severity",
        Text(en="Group-time, per true weight", zh="分组分期估计，按真实权重调整"),
        Text(
            en="Possible only here: true severity is never in claims.",
            zh="只有在这里能做：真实病情不在理赔数据中。",
        ),
        _BOTH,
        _cohorts("trial", _TRUE, base=_YEAR),
    ),
    Analysis(
        "series",
        Text(en="Interrupted series, no controls", zh="中断时间序列，无对照"),
        Text(
            en="All hangs on the trend before, carried on for three years.",
            zh="全靠把改革前的趋势外推三年。",
        ),
        ("random",),
        _series(False),
    ),
    Analysis(
        "series-controls",
        Text(en="Interrupted series less never-adopters", zh="中断时间序列，减去从未改革的县"),
        Text(
            en="Controls take out what all counties share; errors of two short series remain.",
            zh="对照去掉各县共有的变化，两条短序列的误差仍在。",
        ),
        ("random",),
        _series(True),
    ),
    Analysis(
        "synthetic",
        Text(en="Synthetic control, one county", zh="合成控制，单个县"),
        Text(
            en="One county's luck is as large as the effect.",
            zh="一个县自身的波动与效应一样大。",
        ),
        ("random",),
        _one_county,
    ),
    Analysis(
        "discontinuity",
        Text(en="Regression discontinuity", zh="断点回归"),
        Text(
            en="Right at the cut, but few counties are near it, and intervals from so few are too "
            "narrow.",
            zh="在断点处无偏，但断点附近的县很少，由此得到的区间偏窄。",
        ),
        ("cut",),
        _at_the_cut,
    ),
)


@dataclass(frozen=True)
class Score:
    """How an analysis did over many studies; effects in 100 log points, nearly percent.

    Attributes
    ----------
    truth, estimate, bias, rmse : float
        Means over studies, and the root mean square of estimate less truth.
    bias_error : float
        Standard error of the bias over studies.
    coverage : float
        Share of 95 % intervals that hold the truth.
    power : float
        Share of intervals without zero.
    false_alarms : float
        The same where nothing was reformed.
    leads_rejected : float
        Share of event studies whose leads are significant at 5 %; NaN for others.
    """

    analysis: str
    design: str
    truth: float
    estimate: float
    bias: float
    bias_error: float
    rmse: float
    coverage: float
    power: float
    false_alarms: float
    leads_rejected: float
    studies: int


_DRAWN: Final[Mapping[str, Callable[[Bank, np.random.Generator, bool], Study | Cut]]] = {
    "random": random_study,
    "selected": selected_study,
    "cut": cut_study,
}


def _excludes_zero(estimate: Estimate) -> bool:
    return estimate.low > 0.0 or estimate.high < 0.0


def scores(bank: Bank, studies: int, seed: int) -> list[Score]:
    """Score every analysis over studies drawn from the same counties.

    Parameters
    ----------
    bank : Bank
    studies : int
    seed : int
        Of who adopts.

    Returns
    -------
    list of Score

    Notes
    -----
    In each study dates are drawn anew, and the truth is the effect on those that adopted in it.
    Studies share counties, so that shares over them are those of this set of counties.
    """
    answers: dict[tuple[str, str], list[Answer]] = {}
    alarms: dict[tuple[str, str], list[bool]] = {}
    for design, draw in _DRAWN.items():
        for index in range(studies):
            for is_placebo in (False, True):
                luck = np.random.default_rng(np.random.SeedSequence([seed, index]))
                study = draw(bank, luck, is_placebo)
                for analysis in ANALYSES:
                    if design not in analysis.designs:
                        continue
                    key = analysis.id, design
                    answer = analysis.ask(study)
                    if is_placebo:
                        alarms.setdefault(key, []).append(_excludes_zero(answer.estimate))
                    else:
                        answers.setdefault(key, []).append(answer)
    return [
        _score(key, answers[key], alarms[key])
        for key in ((a.id, design) for a in ANALYSES for design in a.designs)
    ]


def _score(key: tuple[str, str], answers: list[Answer], alarms: list[bool]) -> Score:
    effect = np.array([one.estimate.effect for one in answers])
    low = np.array([one.estimate.low for one in answers])
    high = np.array([one.estimate.high for one in answers])
    truth = np.array([one.truth for one in answers])
    leads = np.array([one.leads_p for one in answers])
    error = effect - truth
    return Score(
        *key,
        truth=float(truth.mean()),
        estimate=float(effect.mean()),
        bias=float(error.mean()),
        bias_error=float(error.std(ddof=1) / math.sqrt(len(error))),
        rmse=float(np.sqrt((error**2).mean())),
        coverage=float(((low <= truth) & (truth <= high)).mean()),
        power=float(np.mean([_excludes_zero(one.estimate) for one in answers])),
        false_alarms=float(np.mean(alarms)),
        leads_rejected=math.nan if np.isnan(leads).any() else float((leads < 0.05).mean()),
        studies=len(answers),
    )
