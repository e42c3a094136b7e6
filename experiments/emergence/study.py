"""The study: what is drawn, what is lived, and what the claims come to."""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc, t

from experiments.emergence.arms import ARMS, COUNTY, GROUNDS
from experiments.emergence.claim import Claim
from experiments.emergence.claims import CLAIMS, PLACEBOS
from experiments.emergence.lives import Float, Life, lives
from experiments.emergence.measures import CHANNELS, OPEN
from experiments.sweep.design import Factor
from sim.record import code_version
from sim.runner import seed_of
from sim.scenario import library_root, load

SEEDS_NEEDED: Final = 0.9
DRAWS_NEEDED: Final = 0.8
MET_NEEDED: Final = 0.5  # share of draws that must meet the condition
UNIDENTIFIED: Final = (
    "income_elasticity",
    "sensitivity_share",
    "myopia",
    "selection_cost",
    "retention",
    "trust",
    "authority",
)
"""What no data identify, by the model's own account; swept whatever their grade."""


def swept_parameters() -> list[str]:
    """Name the county's assumed and unidentified parameters, in the order of its table."""
    return [
        name
        for name, row in load(COUNTY).region().parameters.items()
        if row.distribution != "fixed"
        and row.low < row.high
        and ((row.evidence == "assumed" and row.role == "uncertainty") or name in UNIDENTIFIED)
    ]


def parameter_draws(n: int, seed: int) -> list[dict[str, float]]:
    """Draw the assumed and unidentified parameters over their ranges: a Latin hypercube.

    Parameters
    ----------
    n : int
        Draws.
    seed : int

    Returns
    -------
    list of mapping of parameter id to value
    """
    rows = load(COUNTY).region().parameters
    factors = [Factor.of(rows[name]) for name in swept_parameters()]
    cube = qmc.LatinHypercube(d=len(factors), rng=np.random.default_rng(seed)).random(n)
    columns = [factor.at(cube[:, place]) for place, factor in enumerate(factors)]
    return [
        {factor.name: float(column[draw]) for factor, column in zip(factors, columns, strict=True)}
        for draw in range(n)
    ]


@dataclass(frozen=True)
class Job:
    """One seed: which arms to live on which ground, and what to read off them."""

    series: str  # seeds or draws
    index: int
    seed: int
    people: int
    crowd: int
    parameters: Mapping[str, float]
    claims: tuple[str, ...]
    placebos: tuple[str, ...]


class Judgment(NamedTuple):
    """What a claim came to on two lives.

    ``effect`` is counted on the claim's side where it has one, ``level`` and ``base`` are what was
    measured in the arm and in the comparator.
    """

    effect: float
    base: float
    met: bool
    number: float
    level: float


@dataclass(frozen=True)
class Read:
    """What one job found.

    Attributes
    ----------
    claims : mapping of claim id to Judgment
    placebos : mapping of (claim id) to effect in the twin
    levels, channels : mapping of arm to mapping of open outcome, or channel of hospitals, to value,
        on the county as it is
    """

    series: str
    index: int
    seed: int
    seconds: float
    claims: Mapping[str, Judgment]
    placebos: Mapping[str, float]
    levels: Mapping[str, Mapping[str, float]]
    channels: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def measured(claim: Claim, arm: Life, base: Life) -> tuple[float, float]:
    """Return what a claim measures in the arm and in the comparator."""
    if claim.together:
        return claim.together(arm, base)
    return claim.measure(arm), claim.measure(base)


def judged(claim: Claim, arm: Life, base: Life) -> Judgment:
    """Return a claim's effect on two lives, and whether and how its condition is met."""
    level, of_base = measured(claim, arm, base)
    found = claim.check(arm, base)
    side = claim.side(arm) if claim.side else 1.0
    return Judgment(side * (level - of_base), of_base, found.met, found.number, level)


def _arms_by_ground(job: Job) -> dict[str, list[str]]:
    needed: dict[str, list[str]] = {}
    pairs: list[tuple[str, str]] = []
    for name in job.claims:
        c = CLAIMS[name]
        pairs += [(c.comparator_ground or c.ground, c.comparator), (c.ground, c.arm)]
    for name in job.placebos:
        p = PLACEBOS[name]
        pairs += [(p.ground, p.comparator), (p.ground, p.arm)]
    for ground, arm in pairs:
        arms = needed.setdefault(ground, [])
        if arm != "appropriate" and arm not in arms:
            arms.append(arm)
    return needed


def work(job: Job) -> Read:
    """Live everything a job asks for and read off it."""
    started = time.perf_counter()
    lived = {
        ground: lives(
            arms,
            job.seed,
            job.crowd if GROUNDS[ground].crowded else job.people,
            job.parameters,
            ground,
        )
        for ground, arms in _arms_by_ground(job).items()
    }
    claims: dict[str, Judgment] = {}
    for name in job.claims:
        claim = CLAIMS[name]
        base = lived[claim.comparator_ground or claim.ground][claim.comparator]
        claims[name] = judged(claim, lived[claim.ground][claim.arm], base)
    twins: dict[str, float] = {}
    for name, claim in CLAIMS.items():
        if claim.placebo in job.placebos:
            placebo = PLACEBOS[claim.placebo]
            of = lived[placebo.ground]
            arm = of[placebo.arm]
            if placebo.comparator == "appropriate":
                twins[name] = claim.measure(arm) - 1.0
            elif claim.placebo_measure:
                twins[name] = claim.placebo_measure(arm) - claim.placebo_measure(
                    of[placebo.comparator]
                )
            else:
                level, of_base = measured(claim, arm, of[placebo.comparator])
                twins[name] = level - of_base
    levels = {
        arm: {o: measure(life) for o, (_, measure) in OPEN.items()}
        for arm, life in lived.get("county", {}).items()
    }
    channels = {
        arm: {o: measure(life) for o, (_, measure) in CHANNELS.items()}
        for arm, life in lived.get("county", {}).items()
    }
    seconds = time.perf_counter() - started
    return Read(job.series, job.index, job.seed, seconds, claims, twins, levels, channels)


@dataclass(frozen=True)
class Study:
    """What was lived, and what it was asked with."""

    people: int
    crowd: int
    seeds: int
    draws: int
    master: int
    reads: tuple[Read, ...]
    parameters: tuple[str, ...]
    seconds: float

    def of(self, series: str) -> list[Read]:
        """Give the reads of one series in order."""
        return sorted((r for r in self.reads if r.series == series), key=lambda r: r.index)


def _jobs(
    seeds: int,
    draws: int,
    people: int,
    crowd: int,
    master: int,
    exact: int,
    claims: Sequence[str],
) -> Iterator[Job]:
    ids = tuple(claims)
    wanted = {CLAIMS[c].placebo for c in ids}
    for r in range(seeds):
        # A twin that may not differ at all needs no crowd of seeds to show it.
        placebos = tuple(p for p in wanted if r < exact or not PLACEBOS[p].exact)
        yield Job("seeds", r, seed_of(master, r), people, crowd, {}, ids, placebos)
    for i, values in enumerate(parameter_draws(draws, master) if draws else []):
        yield Job("draws", i, seed_of(master, 1000 + i), people, crowd, values, ids, ())


class Journal:
    """Reads kept on disk as they come, so that a study cut short goes on where it stopped.

    One line of JSON per job, under the SHA-256 of the job, of the simulator and of this package: a
    line from other code is never taken. A line cut off by a crash is passed over.

    Parameters
    ----------
    path : Path, optional
        File of lines; without one nothing is kept.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._reads: dict[str, Read] = {}
        own = sorted(Path(__file__).parent.glob("*.py"))
        parts = [code_version(library_root()), *(f.read_text(encoding="utf-8") for f in own)]
        self._code = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        if path and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                read = row["read"]
                claims = {name: Judgment(*found) for name, found in read.pop("claims").items()}
                self._reads[row["key"]] = Read(claims=claims, **read)

    def _key(self, job: Job) -> str:
        text = json.dumps(asdict(job), sort_keys=True) + self._code
        return hashlib.sha256(text.encode()).hexdigest()

    def find(self, job: Job) -> Read | None:
        """Give what a job found before, if it was lived by this code."""
        return self._reads.get(self._key(job))

    def keep(self, job: Job, read: Read) -> None:
        """Add what a job found."""
        if self._path is None:
            return
        line = json.dumps({"key": self._key(job), "read": asdict(read)}, default=lambda x: x.item())
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as out:
            out.write("\n" + line + "\n")  # a line cut off before this one ends here


def study(
    *,
    seeds: int,
    draws: int,
    people: int,
    crowd: int | None = None,
    processes: int = 2,
    exact: int = 3,
    claims: Sequence[str] | None = None,
    journal: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Study:
    """Live the claims' arms in many seeds and over the ranges of what is assumed.

    Parameters
    ----------
    seeds, draws : int
        Replicates at the county's own parameters, and draws of the assumed ones, each draw with a
        seed of its own.
    people : int
    crowd : int, optional
        People of crowded grounds, where effects are faint; as many by default.
    processes : int
    exact : int
        Seeds in which the twins that may not differ at all are lived.
    claims : sequence of str, optional
        Which; all by default.
    journal : Path, optional
        File that keeps what is lived, so that a study cut short goes on where it stopped.
    progress : callable, optional
        Told how many jobs of how many are done.
    """
    started = time.perf_counter()
    scenario = load(COUNTY)
    crowd = crowd or people
    jobs = list(_jobs(seeds, draws, people, crowd, scenario.seed, exact, claims or tuple(CLAIMS)))
    kept = Journal(journal)
    reads = [read for job in jobs if (read := kept.find(job))]
    left = [job for job in jobs if kept.find(job) is None]

    def take(job: Job, read: Read) -> None:
        kept.keep(job, read)
        reads.append(read)
        if progress:
            progress(len(reads), len(jobs))

    if processes == 1:
        for job in left:
            take(job, work(job))
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            lived = {pool.submit(work, job): job for job in left}
            for done in as_completed(lived):
                take(lived[done], done.result())
    return Study(
        people,
        crowd,
        seeds,
        draws,
        scenario.seed,
        tuple(reads),
        tuple(swept_parameters()),
        time.perf_counter() - started,
    )


def _error(values: Float) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def _mean_interval(values: Float) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval."""
    n = len(values)
    mean = float(values.mean())
    if n < 2:
        return mean, math.nan, math.nan
    half = float(t.ppf(0.975, n - 1)) * _error(values)
    return mean, mean - half, mean + half


@dataclass(frozen=True)
class Verdict:
    """What became of one claim.

    Attributes
    ----------
    claim : Claim
    seeds, draws : share with the sign
    met_seeds, met_draws : share in which the condition is met
    draws_where_met : share with the sign among draws that meet the condition; NaN if none does
    number : mean of the number the condition is judged by, over seeds
    mean, low, high : mean effect over seeds and its 95 % interval
    error : standard error of that mean, paired by seed
    base, level : means of the comparator and of the arm
    draws_low, draws_high : 5th and 95th percentile of the effect over draws
    placebo : mean effect in the twin; placebo_half : half-width of its 95 % interval, 0 if exact
    placebo_zero : bool
    n_seeds, n_draws : how many were lived
    spread : standard deviation of the comparator's level between seeds, unpaired
    """

    claim: Claim
    seeds: float
    draws: float
    met_seeds: float
    met_draws: float
    draws_where_met: float
    number: float
    mean: float
    low: float
    high: float
    error: float
    base: float
    level: float
    draws_low: float
    draws_high: float
    placebo: float
    placebo_half: float
    placebo_zero: bool
    n_seeds: int
    n_draws: int
    spread: float

    @property
    def holds(self) -> bool:
        """Say whether sign, condition and placebo are all as theory says."""
        return (
            self.seeds >= SEEDS_NEEDED
            and (math.isnan(self.draws) or self._draws_hold)
            and self.met_seeds >= SEEDS_NEEDED
            and self.placebo_zero
        )

    @property
    def _draws_hold(self) -> bool:
        return self.met_draws >= MET_NEEDED and self.draws_where_met >= DRAWS_NEEDED


def _as_theory_says(effects: Float, sign: int, spread: float) -> npt.NDArray[np.bool_]:
    """Tell which effects have the sign, or where theory has none are too small to be measured."""
    if sign == 0:
        return np.asarray(np.abs(effects) <= spread)
    return np.asarray(np.sign(effects) == sign)


def verdicts(found: Study) -> list[Verdict]:
    """Judge every claim of a study."""
    out = []
    seeds, draws = found.of("seeds"), found.of("draws")
    for name, claim in CLAIMS.items():
        by_seed = [r.claims[name] for r in seeds if name in r.claims]
        by_draw = [r.claims[name] for r in draws if name in r.claims]
        if not by_seed:
            continue
        effects = np.array([x.effect for x in by_seed])
        drawn = np.array([x.effect for x in by_draw]) if by_draw else np.array([math.nan])
        met = np.array([x.met for x in by_draw], dtype=bool)
        # Between counties that differ by luck alone: what an evaluator without twins cannot tell.
        spread = float(np.std([x.base for x in by_seed], ddof=1)) if len(by_seed) > 1 else math.nan
        signed = _as_theory_says(drawn, claim.sign, spread)
        mean, low, high = _mean_interval(effects)
        twin = np.array([r.placebos[name] for r in seeds if name in r.placebos])
        exact = PLACEBOS[claim.placebo].exact
        twin_mean, twin_low, twin_high = _mean_interval(twin) if len(twin) else (math.nan,) * 3
        if exact:
            zero, half = bool(np.all(twin == 0.0)), 0.0
        else:
            # One twin in four hundred fails by chance.
            half = 0.5 * (twin_high - twin_low)
            n = len(twin)
            error = _error(twin)
            bound = float(t.ppf(1.0 - 0.00125, max(n - 1, 1)))
            zero = bool(abs(twin_mean) <= bound * error + 1e-9)
        out.append(
            Verdict(
                claim=claim,
                seeds=float(_as_theory_says(effects, claim.sign, spread).mean()),
                n_seeds=len(by_seed),
                n_draws=len(by_draw),
                spread=spread,
                draws=float(signed.mean()) if by_draw else math.nan,
                met_seeds=float(np.mean([x.met for x in by_seed])),
                met_draws=float(met.mean()) if by_draw else math.nan,
                draws_where_met=float(signed[met].mean()) if by_draw and met.any() else math.nan,
                number=float(np.mean([x.number for x in by_seed])),
                mean=mean,
                low=low,
                high=high,
                error=_error(effects),
                level=float(np.mean([x.level for x in by_seed])),
                base=float(np.mean([x.base for x in by_seed])),
                draws_low=float(np.quantile(drawn, 0.05)),
                draws_high=float(np.quantile(drawn, 0.95)),
                placebo=twin_mean,
                placebo_half=half,
                placebo_zero=zero,
            )
        )
    return out


def standard_errors(found: Study, outcome: str = "spending") -> dict[str, tuple[float, float]]:
    """Return, by arm, the standard error of a mean effect when paired by seed and when not."""
    errors = {}
    for arm, (values, base) in _against_status_quo(found, outcome).items():
        n = math.sqrt(len(values))
        paired = float((values - base).std(ddof=1)) / n
        unpaired = math.sqrt(float(values.var(ddof=1) + base.var(ddof=1))) / n
        errors[arm] = (paired, unpaired)
    return errors


def _against_status_quo(found: Study, outcome: str) -> dict[str, tuple[Float, Float]]:
    """Give, by arm lived in every seed, an open outcome there and under the status quo."""
    reads = found.of("seeds")
    return {
        arm: (
            np.array([r.levels[arm][outcome] for r in reads]),
            np.array([r.levels["status-quo"][outcome] for r in reads]),
        )
        for arm in ARMS
        if arm != "status-quo" and all({arm, "status-quo"} <= set(r.levels) for r in reads)
    }


def open_effects(found: Study) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Return, by arm and open outcome, the mean effect against the status quo and its interval."""
    effects: dict[str, dict[str, tuple[float, float, float]]] = {}
    for outcome in OPEN:
        for arm, (values, base) in _against_status_quo(found, outcome).items():
            effects.setdefault(arm, {})[outcome] = _mean_interval(values - base)
    return effects


def channel_effects(found: Study) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Return, by pair of arms on the county and channel, the mean change and its interval."""
    reads = found.of("seeds")
    effects: dict[str, dict[str, tuple[float, float, float]]] = {}
    for claim in CLAIMS.values():
        arm, base = claim.arm, claim.comparator
        if arm != base and all({arm, base} <= set(r.channels) for r in reads):
            effects[f"{arm} - {base}"] = {
                c: _mean_interval(
                    np.array([r.channels[arm][c] - r.channels[base][c] for r in reads])
                )
                for c in CHANNELS
            }
    return effects
