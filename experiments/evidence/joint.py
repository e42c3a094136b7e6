"""One set of parameters for a region: fitted to all its studies, and to all but each of them.

Knows findings, what answers them under any parameters, the region's baseline and stores; must not
know how a fit is searched, nor any study in particular.

A design of points inside the documented ranges of the structural parameters is lived once and
serves every fit: all studies of the region, then the studies without each one. The parameters that
the baseline tells (prices, need, attraction) move with them, so that the region stays the region.
Few people suffice, since a number is judged by the record's figure from many people plus the
difference the parameters make. What the fits give is then lived anew, and that is what is
told::

    payshift evidence joint                        # all regions; goes on where it was stopped
    payshift evidence joint --region china-county

No finding has a parameter, a rule or a branch of its own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from experiments.baseline import (
    FITTING_SEEDS,
    Fitted,
    Runner,
    baseline_of,
    fit,
    run_once,
    slopes_at,
)
from experiments.calibration.joint import (
    Asked,
    Problem,
    Surface,
    fitted,
    left_out,
    surface,
    together,
)
from experiments.evidence import reforms
from experiments.evidence.findings import (
    Finding,
    FromReform,
    FromStays,
    Target,
    findings,
    read_finding,
)
from experiments.evidence.record import PACKAGED, Row, Simulated, judged, mean_and_interval
from experiments.evidence.record import read_record as read_evidence
from experiments.evidence.replay import (
    PEOPLE,
    SEED,
    baseline_figures,
    is_lived,
    share_of_sign,
)
from experiments.sweep.design import Design, Factor, Sampler
from experiments.sweep.executors import Progress, store_named, sweep
from experiments.sweep.results import Results
from sim.errors import StoreError
from sim.record import code_version
from sim.scenario import library_root, load

__all__ = [
    "BASELINE",
    "QUICK",
    "REGIONS",
    "SIZES",
    "STRUCTURAL",
    "Answers",
    "Confirmed",
    "Fits",
    "Size",
    "confirm",
    "fit_region",
    "home_of",
    "rows_at",
    "solved",
    "studies_of",
]

Float = npt.NDArray[np.float64]

BASELINE: Final = "baseline"
_MONEY: Final = ("altruism_scale", "income_elasticity", "sensitivity_share", "effort_ratio")
_BEDS: Final = ("tau_admit", "admission_health_weight_elective", "stay_precision")
STRUCTURAL: Final[Mapping[str, tuple[str, ...]]] = {
    # what weighs money against health, the margins of bed and visit, documentation, prevention,
    # aftercare, and working time in the variant that has it; audits tell what upcoding costs
    "us-metro": (
        *_MONEY,
        *_BEDS,
        "tau_return",
        "return_price_ratio",
        "documentation_cost",
        "prevention_effect",
        "prevention_health_weight",
        "tau_aftercare",
        "aftercare_stake",
        "time_price",
    ),
    # as above, and care outside the catalog and how a case is treated
    "china-city": (
        *_MONEY,
        *_BEDS,
        "compliance_cost",
        "uncovered_effect",
        "uncovered_compliance",
        "mode_stake",
        "tau_mode",
    ),
    # practices: needless care, follow-up, prevention and how exactly quality is measured
    "china-county": (
        *_MONEY,
        "tau_low_value",
        "tau_return",
        "score_error",
        "prevention_effect",
        "prevention_health_weight",
        "prevention_lag_mean",
        "trust",
    ),
}
"""Parameters that may move, by region: graded assumed or calibrated, and by their mechanism able to
move the effect of a payment."""
REGIONS: Final = tuple(STRUCTURAL)
GRADES: Final = ("assumed", "calibrated")
DESIGN_SEED: Final = 7301
"""Other luck than that of the confirming runs."""
_BASELINE_SEED: Final = 101
"""First seed of the baseline's record."""
MOST: Final = 20_000
"""No run of a design has more persons."""
WHOLE: Final = 1_000_000
"""No run of what is confirmed has more: as many as its finding asks for."""
SOLVING_SEEDS: Final = 4
SOLVING_PEOPLE: Final = 20_000
SOLVING_ROUNDS: Final = 3
"""How the baseline is solved anew at a fitted set."""
_BUMP: Final = 0.1
_FAILED: Final = 0.1
"""Share of a design's runs that may fail at the corners of the ranges; more is a mistake."""
_NEAR: Final = 0.08
"""Spread of later points about the joint fit, as a share of the ranges."""


@dataclass(frozen=True)
class Size:
    """How much is lived.

    Attributes
    ----------
    points : int
        Space-filling points over the whole ranges; one more for today's values.
    near : int
        Points of every later wave about the joint fit, beside the fits themselves.
    waves : int
        Times the fits are lived and the surfaces made anew.
    share : float
        Persons of a design's run over those of the finding.
    baseline : int
        Persons of a baseline year in the design.
    lived : float
        As `share`, of the runs that live the fitted sets.
    surety : float
        A parameter that the baseline tells counts as moving a moment only where its step did so by
        this many standard deviations of the moment's luck.
    """

    points: int = 32
    near: int = 8
    waves: int = 1
    share: float = 0.25
    baseline: int = 8_000
    lived: float = 1.0
    surety: float = 0.0

    def with_points(self, points: int) -> Size:
        """Give the same with another number of space-filling points."""
        return replace(self, points=points)


SIZES: Final[Mapping[str, Size]] = {
    "us-metro": Size(points=48, near=0, waves=0, share=1.0, surety=1.0),
    "china-city": Size(near=6, share=0.3),
    "china-county": Size(near=6, share=0.5),
}
"""By region: the metro market's six reforms take the longest, and it misses moments of how spending
spreads, which luck in slopes must not seem to mend; avoidable admissions are few."""
QUICK: Final = Size(points=8, near=2, waves=0, share=0.05, baseline=1_000, lived=0.05)
"""A first look, and what tests live; its numbers are luck."""


def home_of(region: str) -> str:
    """Name the region whose set serves a region: a variant (us-metro-continuum) has no other."""
    return max((name for name in REGIONS if region.startswith(name)), key=len, default="")


@cache
def studies_of(region: str) -> tuple[Finding, ...]:
    """List a region's findings that are lived and may be fitted: demonstrations are only shown."""
    return tuple(
        finding
        for finding in findings()
        if is_lived(finding)
        and finding.form.use in ("fit", "unseen")
        and home_of(finding.targets[0].region) == region
    )


def _asked_of(finding: Finding) -> tuple[tuple[Target, FromReform | FromStays], ...]:
    """List a finding's targets that a run answers."""
    return tuple(
        (target, target.way)
        for target in finding.targets
        if isinstance(target.way, FromReform | FromStays)
    )


@dataclass
class Answers:
    """A region under any parameters as the model of a sweep.

    ``answers(parameters, "C13", seed)`` lives the finding's worlds and gives its numbers by target;
    ``answers(parameters, "baseline", seed)`` gives the moments of the region's baseline year. What
    has no answer (nobody to count) is left out.

    Attributes
    ----------
    region : str
    share : float
        Persons over those of the finding.
    baseline : int
        Persons of a baseline year.
    most : int
        No finding's run has more persons.
    is_whole : bool
        A finding that asks for more persons than is usual has the usual number at least: a small
        market has not all that a large one has (facilities of aftercare, for one).
    """

    region: str
    share: float
    baseline: int
    most: int = MOST
    is_whole: bool = False
    _built: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what each process builds for itself."""
        return {**self.__dict__, "_built": {}}

    @property
    def code_version(self) -> str:
        """Hash of the simulator and its library."""
        return code_version(library_root())

    def people(self, finding: Finding) -> int:
        """Give the persons of a finding's run."""
        form = finding.form.reform
        own = PEOPLE if form is None else form.people
        least = PEOPLE if self.is_whole and own > PEOPLE else 200
        return min(max(round(self.share * own), least), self.most)

    def _finding(self, name: str) -> tuple[Finding, Any, Any, str]:
        if name not in self._built:
            finding = read_finding(name, with_worlds=False)
            ways = [way for _, way in _asked_of(finding)]
            people = self.people(finding)
            of_months = of_stays = None
            if any(isinstance(way, FromReform) for way in ways):
                of_months, _ = reforms.model_and_design(finding, 1, 1, people)
            if any(isinstance(way, FromStays) for way in ways):
                of_stays, _ = reforms.stays_and_design(finding, 1, 1, people)
            self._built[name] = (finding, of_months, of_stays, finding.targets[0].region)
        found: tuple[Finding, Any, Any, str] = self._built[name]
        return found

    def __call__(self, parameters: Mapping[str, Any], arm: str, seed: int) -> dict[str, float]:
        """Live what answers an arm."""
        if arm == BASELINE:
            own = carried(parameters, self.region, self.region)
            found = run_once((self.region, seed, self.baseline, tuple(own.items())))
            return {name: value for name, value in found.items() if math.isfinite(value)}
        finding, of_months, of_stays, region = self._finding(arm)
        own = carried(parameters, self.region, region)
        arms = (reforms.CONTROL, reforms.TREATED) if finding.form.reform else (reforms.BASELINE,)
        months = {} if of_months is None else {a: of_months(own, a, seed).monthly for a in arms}
        stays = {} if of_stays is None else {a: of_stays(own, a, seed) for a in arms}
        found = {}
        for target, way in _asked_of(finding):
            if isinstance(way, FromReform):
                series = {
                    a: {k: np.asarray(v, dtype=np.float64)[None] for k, v in of.items()}
                    for a, of in months.items()
                }
                value = reforms.reform_answered(finding, way, series)
            else:
                by_arm = {a: np.array([of[target.id]]) for a, of in stays.items()}
                with np.errstate(divide="ignore", invalid="ignore"):
                    value = reforms.stays_answered(way, by_arm)
            if np.isfinite(value).all():
                found[target.id] = float(value[0])
        return found


def carried(parameters: Mapping[str, Any], home: str, region: str) -> dict[str, float]:
    """Give a set of parameters to a region or a variant of it.

    A variant that has another value of its own takes the change (in logarithms where the range is),
    not the value; what a region does not know is left out.
    """
    known, at_home = (load(name).region().parameters for name in (region, home))
    found = {}
    for name, value in parameters.items():
        if name not in known:
            continue
        row = known[name]
        if name in at_home and at_home[name].default != row.default:
            was = at_home[name].default
            is_log = row.distribution == "loguniform"
            moved = row.default * value / was if is_log else row.default + value - was
            found[name] = float(min(max(moved, row.low), row.high))
        else:
            found[name] = float(value)
    return found


# --- points --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Space:
    """The parameters of a region's fit: structural ones first, then those the baseline tells."""

    factors: tuple[Factor, ...]
    n: int
    origin: Float
    blind: Float
    fitted: tuple[Fitted, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(factor.name for factor in self.factors)

    def values(self, points: Float) -> Float:
        """Give points between 0 and 1 as values."""
        columns = [one.at(points[:, i]) for i, one in enumerate(self.factors)]
        return np.stack(columns, axis=1)

    def points(self, values: Float) -> Float:
        """Give values as points between 0 and 1."""
        columns = [one.share(values[:, i]) for i, one in enumerate(self.factors)]
        return np.stack(columns, axis=1)


def _space(region: str, of: Sequence[Finding]) -> _Space:
    """Lay out a region's parameters and what is believed of them before any fit."""
    known: dict[str, Any] = {}
    for name in (*{f.targets[0].region for f in of}, region):
        known.update(load(name).region().parameters)
    told = baseline_of(region).fitted
    structural = [known[name] for name in STRUCTURAL[region]]
    for row in structural:
        if row.evidence not in GRADES:
            raise ValueError(f"{row.id} is graded {row.evidence}: it is not for a fit to move")
    factors = [Factor.of(row) for row in structural]
    for one in told:
        row = known[one.id]
        low, high = max(one.low, row.low), min(one.high, row.high)
        factors.append(Factor(one.id, low, high, "loguniform" if one.is_log else "uniform"))
    default = np.array([known[factor.name].default for factor in factors])
    origin = np.array(
        [float(f.share(np.array([d]))[0]) for f, d in zip(factors, default, strict=True)]
    )
    blind = origin.copy()
    for i, row in enumerate(structural):
        # A calibrated value was moved by data, perhaps by the study that is left out: then only the
        # range is believed.
        if row.evidence == "calibrated":
            blind[i] = 0.5
    return _Space(tuple(factors), len(structural), origin, blind, told)


def _first_points(space: _Space, n: int) -> Float:
    """Give today's values and a Sobol sequence of the structural parameters."""
    filling = np.tile(space.origin, (n, 1))
    if n:
        power = math.ceil(math.log2(max(n, 2)))
        drawn = qmc.Sobol(space.n, seed=np.random.default_rng(DESIGN_SEED)).random_base2(power)
        filling[:, : space.n] = drawn[:n]
    return np.vstack([space.origin[None], filling])


def _bumped(space: _Space) -> Float:
    """Give today's values, then each parameter that the baseline tells moved a little."""
    rows = [space.origin]
    for i in range(space.n, len(space.origin)):
        factor, row = space.factors[i], space.origin.copy()
        is_log = factor.distribution == "loguniform"
        width = math.log(factor.high / factor.low) if is_log else factor.high - factor.low
        step = _BUMP / width
        row[i] += step if row[i] + step <= 1.0 else -step
        rows.append(row)
    return np.array(rows)


# --- living them ---------------------------------------------------------------------------------


def _lived(
    answers: Any,
    arms: Sequence[str],
    points: Float,
    space: _Space,
    replicates: int,
    seed: int,
    folder: Path,
    workers: int | None,
    progress: Progress | None,
) -> dict[str, dict[str, Float]]:
    """Live points, or go on with them; by arm and number, shape (n_points, replicates)."""
    texts = {
        arm: read_finding(arm, with_worlds=False).path.read_bytes()
        for arm in arms
        if arm != BASELINE
    }
    design = Design(
        arms=tuple(arms),
        factors=space.factors,
        sampler=Sampler("given", options={"points": space.values(points).tolist()}),
        replicates=replicates,
        seed=seed,
        title={"en": "Joint calibration", "zh": "联合校准"},
        settings={
            "region": getattr(answers, "region", ""),
            "share": getattr(answers, "share", 0),
            "baseline": getattr(answers, "baseline", 0),
            "findings": {arm: hashlib.sha256(text).hexdigest() for arm, text in texts.items()},
        },
    )
    folder.mkdir(parents=True, exist_ok=True)
    store = store_named(folder, getattr(answers, "region", "region"), design, answers)
    sweep(design, store, answers, "process", workers, resume=store.exists(), progress=progress)
    results = Results.of(store)
    frame = results.frame
    found: dict[str, dict[str, Float]] = {}
    for arm in arms:
        rows = frame[frame["arm"] == arm].sort_values(["draw", "replicate"])
        failed = rows[rows["status"] != "ok"]
        if len(failed) > _FAILED * len(rows):
            raise StoreError(
                f"{len(failed)} of {len(rows)} runs of {arm} gave nothing",
                where=str(store),
                remedy="payshift verify tells why.",
            )
        shape = (len(points), replicates)
        found[arm] = {name: rows[name].to_numpy().reshape(shape) for name in results.outcomes}
    return found


# --- what is asked -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Number:
    """One number of a region's fit: what is asked, and the record's figure at today's values."""

    asked: Asked
    arm: str
    key: str
    record: float


def _numbers(
    region: str, of: Sequence[Finding], rows: Mapping[tuple[str, str], Row]
) -> tuple[_Number, ...]:
    """List what a region is held to: its baseline, then its findings."""
    found = []
    for moment in baseline_of(region).moments:
        record = figures_of(region)[moment.id]
        low, high = moment.low, moment.high
        if moment.of == "pack":  # no target of the evidence: what is missed must not get worse
            low, high = min(low, record), max(high, record)
        asked = Asked(f"{BASELINE}:{moment.id}", "", low, high)
        found.append(_Number(asked, BASELINE, moment.id, record))
    for finding in of:
        study = finding.id if finding.form.reform is not None else ""
        for target, _ in _asked_of(finding):
            form, row = target.form, rows[finding.id, target.id]
            # where only the sign was published, it must stand out of the record's own luck
            only_sign = form.sign if form.published is None else 0
            margin = 0.5 * (row.high - row.low)
            low, high = form.band
            asked = Asked(f"{finding.id}:{target.id}", study, low, high, only_sign, margin)
            found.append(_Number(asked, finding.id, target.id, row.simulated))
    return tuple(found)


def figures_of(region: str) -> dict[str, float]:
    """Read what the region's baseline gives at its own parameters, from the record."""
    return {name: numbers[0] for name, numbers in baseline_figures(region).items()}


@dataclass(frozen=True)
class Fits:
    """What came of a region's fits.

    Attributes
    ----------
    region : str
    names : tuple of str
        Parameters: structural ones first, then those the baseline tells.
    ranges : mapping of str to (low, default, high)
    sets : mapping of str to ndarray, shape (n_parameters,)
        Values of the joint fit under ``joint``, and without each study under its id.
    numbers : tuple of str
        ``finding:target`` or ``baseline:moment``.
    emulated : mapping of str to ndarray, shape (n_numbers,)
        What the surfaces give for every set, and for ``record`` the record's figures.
    surfaces : tuple of Surface
        One for every number.
    reach : ndarray, shape (n_numbers, 2)
        Least and largest value that the surfaces give among the points lived.
    points : int
        Points lived.
    """

    region: str
    names: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float, float]]
    sets: Mapping[str, Float]
    numbers: tuple[str, ...]
    emulated: Mapping[str, Float]
    surfaces: tuple[Surface, ...]
    reach: Float
    points: int


def fit_region(
    region: str,
    size: Size,
    folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
    *,
    answers: Any = None,
    rows: Mapping[tuple[str, str], Row] | None = None,
) -> Fits:
    """Fit a region's parameters to all it is held to, and to all but each study.

    Parameters
    ----------
    region : str
        One of :data:`REGIONS`.
    size : Size
    folder : Path
        Where stores are kept; what was lived is not lived again.
    workers : int, optional
    progress : callable, optional
    answers : callable, optional
        In the place of the simulator, for tests.
    rows : mapping, optional
        Rows of the record of evidence by finding and target; the packaged ones if left out.
    """
    of = studies_of(region)
    known = {row.key: row for row in read_evidence(PACKAGED).rows} if rows is None else rows
    space, numbers = _space(region, of), _numbers(region, of, known)
    lives = Answers(region, size.share, size.baseline) if answers is None else answers
    arms = (BASELINE, *(finding.id for finding in of))

    def live(which: Sequence[str], points: Float) -> dict[str, dict[str, Float]]:
        return _lived(lives, which, points, space, 1, DESIGN_SEED, folder, workers, progress)

    bumped = _bumped(space)
    luck = size.surety * _luck(region, size.baseline, numbers)
    slopes = _slopes(live((BASELINE,), bumped)[BASELINE], bumped, space, numbers, luck)
    points = _first_points(space, size.points)
    runs = live(arms, points)
    for wave in range(size.waves + 1):
        surfaces = _surfaces(runs, points, space, numbers, slopes)
        problem = _problem(surfaces, space, numbers, slopes)
        sets = {"joint": fitted(problem), **left_out(problem)}
        if wave == size.waves:
            break
        draw = np.random.default_rng(DESIGN_SEED + wave)
        about = np.tile(sets["joint"], (size.near, 1))
        about[:, : space.n] += draw.normal(0.0, _NEAR, (size.near, space.n))
        more = np.clip(np.vstack([*(one[None] for one in sets.values()), about]), 0.0, 1.0)
        found = live(arms, more)
        points = np.vstack([points, more])
        runs = {
            arm: {
                name: np.vstack([values, found[arm].get(name, np.full((len(more), 1), np.nan))])
                for name, values in runs[arm].items()
            }
            for arm in arms
        }
    default = space.values(space.origin[None])[0]
    return Fits(
        region,
        space.names,
        {
            factor.name: (factor.low, float(default[i]), factor.high)
            for i, factor in enumerate(space.factors)
        },
        {name: space.values(point[None])[0] for name, point in sets.items()},
        tuple(one.asked.name for one in numbers),
        {
            "record": np.array([one.record for one in numbers]),
            **{name: problem.predict(point[None])[0] for name, point in sets.items()},
        },
        surfaces,
        _reach(surfaces, points[:, : space.n], numbers),
        len(points),
    )


def _reach(surfaces: Sequence[Surface], points: Float, numbers: Sequence[_Number]) -> Float:
    """Give the least and largest value of every number among points."""
    record = np.array([one.record for one in numbers])
    every = record + together(surfaces)(points)
    return np.stack([every.min(axis=0), every.max(axis=0)], axis=1)


def _slopes(
    runs: Mapping[str, Float],
    bumped: Float,
    space: _Space,
    numbers: Sequence[_Number],
    luck: Float,
) -> Float:
    """Give slopes of every number in the parameters the baseline tells, 0 for those of studies.

    A change that is no larger than `luck` is none.

    Returns
    -------
    ndarray, shape (n_numbers, n_told)
    """
    told = len(space.origin) - space.n
    steps = np.array([bumped[1 + i, space.n + i] - space.origin[space.n + i] for i in range(told)])
    found = np.zeros((len(numbers), told))
    for i, one in enumerate(numbers):
        if one.arm == BASELINE and one.key in runs:
            values = runs[one.key][:, 0]
            changes = np.nan_to_num(values[1:] - values[0])
            found[i] = np.where(np.abs(changes) > luck[i], changes / steps, 0.0)
    return found


def _luck(region: str, people: int, numbers: Sequence[_Number]) -> Float:
    """Give the standard deviation of every moment among baseline years of so many people."""
    known = baseline_figures(region)
    found = np.zeros(len(numbers))
    for i, one in enumerate(numbers):
        if one.arm == BASELINE:
            _, sd, _, recorded = known[one.key]
            found[i] = sd * math.sqrt(recorded / people)
    return found


def _surfaces(
    runs: Mapping[str, Mapping[str, Float]],
    points: Float,
    space: _Space,
    numbers: Sequence[_Number],
    slopes: Float,
) -> tuple[Surface, ...]:
    """Make a surface for every number over the structural parameters."""
    offsets = points[:, space.n :] - space.origin[space.n :]
    nothing = np.full((len(points), 1), np.nan)
    return tuple(
        surface(
            points[:, : space.n],
            runs[one.arm].get(one.key, nothing)[:, 0] - offsets @ slope,
            space.origin[: space.n],
        )
        for one, slope in zip(numbers, slopes, strict=True)
    )


def _problem(
    surfaces: Sequence[Surface], space: _Space, numbers: Sequence[_Number], slopes: Float
) -> Problem:
    """Put together what the fits are held to and what stands in for the simulator."""
    record = np.array([one.record for one in numbers])
    start = space.origin[space.n :]
    change = together(surfaces)

    def predict(points: Float) -> Float:
        told = (points[:, space.n :] - start) @ slopes.T
        found: Float = record + change(points[:, : space.n]) + told
        return found

    return Problem(
        tuple(one.asked for one in numbers), predict, space.origin, space.origin, space.blind
    )


# --- living the fits -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Confirmed:
    """What full-size runs of a region's fitted sets give.

    Attributes
    ----------
    unseen, joint : mapping of (finding, target) to Simulated
        At the set that never saw the study, and at the joint one.
    moments : mapping of str to tuple of float
        Of the baseline at the joint set: mean and its interval of 95 %.
    """

    unseen: Mapping[tuple[str, str], Simulated]
    joint: Mapping[tuple[str, str], Simulated]
    moments: Mapping[str, tuple[float, float, float]]


def solved(fits: Fits, workers: int | None = None, runner: Any = None) -> Fits:
    """Solve the baseline anew at every set, so that none lies beside it by luck in a slope.

    Structural parameters stay as fitted; those that the baseline tells are moved until their
    moments meet their targets again, as in the region's own fit, inside their ranges. What the
    surfaces give for the sets (``emulated``) is from before.

    Parameters
    ----------
    fits : Fits
    workers : int, optional
    runner : Runner, optional
        In the place of the simulator, for tests.
    """
    ids = [one.id for one in baseline_of(fits.region).fitted]
    own = {name: fits.ranges[name][1] for name in ids}
    sets = {}
    lives = runner or Runner(fits.region, FITTING_SEEDS[:SOLVING_SEEDS], SOLVING_PEOPLE, workers)
    with lives:
        slopes = slopes_at(lives, own)
        for name, values in fits.sets.items():
            at = dict(zip(fits.names, values.tolist(), strict=True))
            # a variant's parameters are unknown to the region itself
            held = carried(
                {one: x for one, x in at.items() if one not in own}, fits.region, fits.region
            )
            found = fit(lives, {one: at[one] for one in ids}, SOLVING_ROUNDS, held, slopes)
            moved = {**at, **found}
            sets[name] = np.array(
                [min(max(moved[n], fits.ranges[n][0]), fits.ranges[n][2]) for n in fits.names]
            )
    return replace(fits, sets=sets)


def confirm(
    fits: Fits,
    replicates: int,
    folder: Path,
    share: float = 1.0,
    baseline: int | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    *,
    answers: Any = None,
) -> Confirmed:
    """Live the fitted sets: every finding at the joint set and at the one that never saw it.

    Parameters
    ----------
    fits : Fits
    replicates : int
        Seeds, those of the record of evidence.
    folder : Path
    share : float
        Persons over those of the finding.
    baseline : int, optional
        Persons of a baseline year, lived with `replicates` seeds. Left out, persons and seeds are
        those of the baseline's record: what a market holds of beds depends on its size.
    workers : int, optional
    progress : callable, optional
    answers : callable, optional
        In the place of the simulator, for tests.
    """
    of = studies_of(fits.region)
    space = _space(fits.region, of)
    _, _, years, people_a_year = next(iter(baseline_figures(fits.region).values()))
    if baseline is not None:
        years, people_a_year = replicates, baseline
    is_whole = baseline is None
    most = WHOLE if is_whole else MOST
    whole = Answers(fits.region, share, people_a_year, most, is_whole=is_whole)
    lives = whole if answers is None else answers
    command = f"payshift evidence joint --region {fits.region} --replicates {replicates}"

    def live(arm: str, names: Sequence[str], seeds: int, first: int) -> dict[str, Float]:
        points = space.points(np.array([fits.sets[name] for name in names]))
        found = _lived(lives, (arm,), points, space, seeds, first, folder, workers, progress)
        return found[arm]

    unseen: dict[tuple[str, str], Simulated] = {}
    joint: dict[tuple[str, str], Simulated] = {}
    for finding in of:
        names = ["joint", *([finding.id] if finding.id in fits.sets else [])]
        found = live(finding.id, names, replicates, SEED)
        people = lives.people(finding) if hasattr(lives, "people") else 0
        for target, _ in _asked_of(finding):
            for row, into in enumerate((joint, unseen)[: len(names)]):
                values = found[target.id][row]
                into[finding.id, target.id] = _simulated(target, values, people, command)
    year = live(BASELINE, ["joint"], years, _BASELINE_SEED)
    moments = {name: mean_and_interval(values[0]) for name, values in year.items()}
    return Confirmed(unseen, joint, moments)


def _simulated(target: Target, values: Float, people: int, command: str) -> Simulated:
    """Sum up a number over seeds."""
    mean, low, high = mean_and_interval(values)
    share = share_of_sign(values, target.form.sign)
    return Simulated(mean, low, high, share, len(values), people, command)


def rows_at(
    name: str,
    values: Mapping[str, Mapping[str, float]],
    folder: Path,
    replicates: int,
    people: int | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Answer a finding at given parameters of its region.

    Parameters
    ----------
    name : str
        Id of a finding of the package, or a path.
    values : mapping of region to mapping
        Value by parameter.
    folder : Path
    replicates : int
    people : int, optional
        The finding's own number if left out.
    workers : int, optional
    progress : callable, optional
    """
    finding = read_finding(name)
    region = home_of(finding.targets[0].region)
    space = _space(region, (*studies_of(region), finding))
    form = finding.form.reform
    own = PEOPLE if form is None else form.people
    lives = Answers(region, (people or own) / own, 0, people or own)
    point = space.points(np.array([[values[region][one] for one in space.names]]))
    found = _lived(lives, (name,), point, space, replicates, SEED, folder, workers, progress)[name]
    command = (
        f"payshift evidence policies {name} --fitted --replicates {replicates} "
        f"--people {people or own}"
    )
    return [
        judged(target, _simulated(target, found[target.id][0], people or own, command))
        for target, _ in _asked_of(finding)
    ]
