"""Designs: which points of which factors are run, how often, and what is kept of each run.

Knows factors, samplers and the order of runs; must not know scenarios, processes or the store.

A *run* is one arm, one draw (a vector of factor values) and one replicate (a seed). Replicate r has
the same seed in every arm and draw, so that the people and their luck are the same and differences
are paired (common random numbers). A design without factors has one draw, of nothing. Where a
design lists counties, replicates go round them: each is one of the counties, with luck of its own.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import json
import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.errors import ScenarioError
from sim.parameters import Parameter

__all__ = [
    "DISTRIBUTIONS",
    "SAMPLERS",
    "County",
    "Design",
    "Factor",
    "Limits",
    "Run",
    "Sampler",
]

Float64 = npt.NDArray[np.float64]
Value = float | int | str

DISTRIBUTIONS = ("uniform", "loguniform", "triangular", "integer", "categorical")
"""How the draws of a factor spread over its range."""

_OF_SALIB = {
    "sobol": "sobol",
    "morris": "morris",
    "fast": "fast_sampler",
    "latin": "latin",
    "finite_diff": "finite_diff",
    "fractional_factorial": "ff",
    "shapley": "shapley",
    "radial_sobol": "radial.radial_sobol",
    "radial_mc": "radial.radial_mc",
}
SAMPLERS: Mapping[str, str] = {
    "factorial": "every combination of `levels` values of each factor",
    "latin_hypercube": "n draws, one in each of n strata of every factor (scipy.stats.qmc)",
    "sobol_sequence": "n draws of a scrambled low-discrepancy sequence (scipy.stats.qmc)",
    "random": "n independent draws",
    "one_at_a_time": "the middle of every range, then `levels` values of one factor at a time",
    "given": "the draws listed under `points`",
    **{name: f"the sampler SALib.sample.{module}" for name, module in _OF_SALIB.items()},
}
"""Samplers and what each draws; the analyzers of sensitivity ask for the one they belong to."""

_MOST_RUNS = 10_000_000


@dataclass(frozen=True)
class Factor:
    """One thing that varies: a number with its range, or one of several categories.

    Attributes
    ----------
    name : str
        Id of a parameter, or the path of a value in the scenario.
    low, high : float
        Ends of the range, in `unit`; 0 and the number of categories for a categorical factor.
    distribution : str
        One of :data:`DISTRIBUTIONS`.
    categories : tuple of str
        What a categorical factor may be; empty for a number.
    group : str
        Factors of one group are moved together by samplers that know groups; empty for none.
    unit, label_en, label_zh : str
    mode : float or None
        Most likely value of a triangular factor; the middle where it is None.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    distribution: str = "uniform"
    categories: tuple[str, ...] = ()
    group: str = ""
    unit: str = ""
    label_en: str = ""
    label_zh: str = ""
    mode: float | None = None

    def __post_init__(self) -> None:
        """Refuse a range nothing can be drawn from."""
        where = f"factor {self.name}"
        if self.categories:
            object.__setattr__(self, "distribution", "categorical")
            object.__setattr__(self, "low", 0.0)
            object.__setattr__(self, "high", float(len(self.categories)))
            if len(set(self.categories)) != len(self.categories):
                raise ScenarioError("a category is listed twice", where=where)
        if self.distribution not in DISTRIBUTIONS:
            raise ScenarioError(
                "unknown distribution",
                where=where,
                value=self.distribution,
                allowed=", ".join(DISTRIBUTIONS),
            )
        if self.distribution == "categorical" and len(self.categories) < 2:
            raise ScenarioError("a categorical factor needs two categories or more", where=where)
        ends = (self.low, self.high)
        if not all(math.isfinite(end) for end in ends) or not self.low < self.high:
            raise ScenarioError(
                "not a range", where=where, value=ends, allowed="low below high, both finite"
            )
        if self.distribution == "loguniform" and not self.low > 0.0:
            raise ScenarioError(
                "a loguniform range must be above zero", where=where, value=self.low
            )
        if self.distribution == "integer" and any(end != int(end) for end in ends):
            raise ScenarioError("the ends must be whole numbers", where=where, value=ends)
        if self.mode is not None and not self.low <= self.mode <= self.high:
            raise ScenarioError(
                "the most likely value lies outside the range",
                where=where,
                value=self.mode,
                allowed=f"{self.low:g} to {self.high:g}",
            )

    @classmethod
    def of(cls, row: Parameter) -> Factor:
        """Give a row of the registry as a factor over its own range and distribution."""
        is_known = row.distribution in DISTRIBUTIONS
        return cls(
            row.id,
            row.low,
            row.high,
            row.distribution if is_known else "uniform",
            unit=row.unit,
            label_en=row.label_en,
            label_zh=row.label_zh,
            mode=row.default if row.distribution == "triangular" else None,
        )

    @property
    def n_levels(self) -> int | None:
        """Give the number of values a discrete factor can take; None for a continuous one."""
        if self.categories:
            return len(self.categories)
        return int(self.high - self.low) + 1 if self.distribution == "integer" else None

    @property
    def _peak(self) -> float:
        """Give the place of a triangle's peak, as a share of the range."""
        return 0.5 if self.mode is None else (self.mode - self.low) / (self.high - self.low)

    def at(self, share: Float64) -> Float64:
        """Turn shares of the distribution (0 to 1) into values, a categorical one into its index.

        Parameters
        ----------
        share : float64, shape (n,), 0 to 1
            Quantiles.
        """
        share = np.asarray(share, dtype=np.float64)
        width = self.high - self.low
        levels = self.n_levels
        if levels is not None:
            start = 0.0 if self.categories else self.low
            return start + np.minimum(np.floor(share * levels), levels - 1.0)
        if self.distribution == "loguniform":
            found = self.low * np.exp(share * math.log(self.high / self.low))
        elif self.distribution == "triangular":
            peak = self._peak
            rising = np.sqrt(share * peak)
            falling = 1.0 - np.sqrt((1.0 - share) * (1.0 - peak))
            found = self.low + width * np.where(share < peak, rising, falling)
        else:
            found = self.low + width * share
        # Rounding must not step over the end of the range.
        return np.clip(found, self.low, self.high)

    def share(self, values: Float64) -> Float64:
        """Turn values into shares of the distribution: the inverse of :meth:`at`.

        A category (as its index) and a whole number stand in the middle of their part.

        Parameters
        ----------
        values : float64, shape (n,)
            In the factor's unit.
        """
        values = np.asarray(values, dtype=np.float64)
        levels = self.n_levels
        if levels is not None:
            start = 0.0 if self.categories else self.low
            return np.asarray((values - start + 0.5) / levels)
        if self.distribution == "loguniform":
            found = np.log(values / self.low) / math.log(self.high / self.low)
        else:
            found = (values - self.low) / (self.high - self.low)
        if self.distribution == "triangular":
            peak = self._peak
            with np.errstate(divide="ignore", invalid="ignore"):
                below, above = found**2 / peak, 1.0 - (1.0 - found) ** 2 / (1.0 - peak)
            found = np.where(found < peak, below, above)
        return np.clip(found, 0.0, 1.0)

    def value(self, number: float) -> Value:
        """Give what the model is told: a number, a whole number or a category's name."""
        if self.categories:
            return self.categories[int(number)]
        return int(number) if self.distribution == "integer" else float(number)


@dataclass(frozen=True)
class Sampler:
    """How points are drawn.

    Attributes
    ----------
    name : str
        One of :data:`SAMPLERS`.
    n : int
        Number the sampler is asked for: draws, trajectories (morris) or base sample (sobol).
    seed : int
        At least 1, for libraries that take 0 for none.
    options : mapping
        Further settings: `levels` (factorial, one_at_a_time), `points` (given), and whatever the
        SALib sampler takes (`calc_second_order`, `num_levels`, …).
    """

    name: str = "latin_hypercube"
    n: int = 100
    seed: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no sampler can do."""
        if self.name not in SAMPLERS:
            raise ScenarioError(
                "unknown sampler", where="sampler", value=self.name, allowed=", ".join(SAMPLERS)
            )
        if self.n < 1 or self.seed < 1:
            raise ScenarioError(
                "n and seed are at least 1", where="sampler", value=(self.n, self.seed)
            )


@dataclass(frozen=True)
class Limits:
    """What one run may use before it is stopped, and how often it is tried.

    Attributes
    ----------
    seconds : float or None
        Wall-clock time of a run.
    memory_mb : float or None
        Memory a run may take beyond what its worker holds before the first run.
    tries : int
        Times a run is started when it crashes, hangs or takes too much memory.
    """

    seconds: float | None = 600.0
    memory_mb: float | None = 4000.0
    tries: int = 2


@dataclass(frozen=True)
class County:
    """One county of a province.

    Attributes
    ----------
    id : str
    name_en, name_zh : str
    residents : int
        People who live there; its weight in the province.
    settings : mapping
        Values of the scenario that are its own, by parameter or path; `population` among them
        says how many of its residents are simulated.
    """

    id: str
    name_en: str
    name_zh: str
    residents: int
    settings: Mapping[str, Value] = field(default_factory=dict)


class Run(NamedTuple):
    """One run of a design: its place and its seed."""

    arm: int
    draw: int
    replicate: int
    seed: int


@dataclass(frozen=True)
class Design:
    """A sweep's design; the same design always has the same points, keys and order.

    Attributes
    ----------
    title : mapping of str to str
        By language, en and zh.
    arms : tuple of str
        Names of the scenarios compared; one for a model without arms.
    factors : tuple of Factor
        None for a design of arms and replicates alone; the sampler is then not asked.
    sampler : Sampler
    replicates : int
        Seeds per arm and draw.
    seed : int
        Seed of the first replicate.
    outcomes : tuple of str
        What is kept of each run: outcome ids, with ``@group`` for one group.
    monthly : tuple of str
        Outcomes kept month by month as well.
    limits : Limits
    settings : mapping
        Values set in every arm (population, horizon), by path.
    scenario_sha : mapping of str to str
        SHA-256 of each arm's scenario; empty for a model that is no scenario.
    counties : tuple of County
        What replicates are, in turn: replicate r is county r modulo their number. Empty where all
        replicates are alike.
    """

    arms: tuple[str, ...]
    factors: tuple[Factor, ...] = ()
    sampler: Sampler = field(default_factory=Sampler)
    replicates: int = 1
    seed: int = 1
    outcomes: tuple[str, ...] = ()
    monthly: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    title: Mapping[str, str] = field(default_factory=lambda: {"en": "Sweep", "zh": "参数扫描"})
    settings: Mapping[str, Any] = field(default_factory=dict)
    scenario_sha: Mapping[str, str] = field(default_factory=dict)
    counties: tuple[County, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a design without arms or replicates, or with a name twice."""
        for what, names in (
            ("arm", self.arms),
            ("factor", [factor.name for factor in self.factors]),
            ("outcome", self.outcomes),
            ("county", [county.id for county in self.counties]),
        ):
            twice = sorted(name for name, times in Counter(names).items() if times > 1)
            if twice:
                raise ScenarioError(f"the {what} is listed twice", where="design", value=twice[0])
        if not self.arms or self.replicates < 1 or self.seed < 0:
            raise ScenarioError(
                "a design needs an arm, a replicate and a seed of at least 0", where="design"
            )
        if self.counties and self.replicates % len(self.counties):
            raise ScenarioError(
                "every county needs as many replicates",
                where="design",
                value=self.replicates,
                allowed=f"a multiple of {len(self.counties)}",
            )

    # -- points

    @property
    def names(self) -> tuple[str, ...]:
        """Give the factors' names in order."""
        return tuple(factor.name for factor in self.factors)

    def problem(self) -> dict[str, Any]:
        """Give a fresh SALib problem: names, bounds, dists, and groups where there are any.

        A categorical factor is uniform over its indices, a whole number over its values.

        Raises
        ------
        ScenarioError
            For a design without factors.
        """
        if not self.factors:
            raise ScenarioError(
                "the design varies nothing, so that no analysis of factors can be made of it",
                where="design",
                allowed="one with factors",
            )
        bounds: list[list[float]] = []
        dists: list[str] = []
        for factor in self.factors:
            levels = factor.n_levels
            if levels is not None:
                start = 0.0 if factor.categories else factor.low
                bounds.append([start, start + levels])
                dists.append("unif")
            elif factor.distribution == "triangular":
                bounds.append([factor.low, factor.high, factor._peak])
                dists.append("triang")
            else:
                bounds.append([factor.low, factor.high])
                dists.append("logunif" if factor.distribution == "loguniform" else "unif")
        return {**self._unit_problem(), "bounds": bounds, "dists": dists}

    def _unit_problem(self) -> dict[str, Any]:
        """Give the problem over the unit cube, where all samplers draw."""
        found: dict[str, Any] = {
            "num_vars": len(self.factors),
            "names": list(self.names),
            "bounds": [[0.0, 1.0] for _ in self.factors],
        }
        if any(factor.group for factor in self.factors):
            found["groups"] = [factor.group or factor.name for factor in self.factors]
        return found

    def points(self) -> Float64:
        """Draw the points.

        Returns
        -------
        float64, shape (n_draws, n_factors)
            Values in each factor's unit; a categorical factor as the index of its category. One
            draw of nothing where there are no factors.
        """
        if not self.factors:
            return np.zeros((1, 0))
        name, options = self.sampler.name, self.sampler.options
        if name == "given":
            return self._given(options.get("points"))
        if name == "factorial":
            shares = self._grid(options.get("levels", 2))
        elif name == "one_at_a_time":
            shares = self._crosses(options.get("levels", 5))
        else:
            shares = self._drawn()
        shares = np.asarray(shares, dtype=np.float64)
        columns = [factor.at(shares[:, i]) for i, factor in enumerate(self.factors)]
        # One zero: -0.0 would be another key for the same point.
        return np.ascontiguousarray(np.stack(columns, axis=1)) + 0.0

    def _given(self, rows: object) -> Float64:
        """Take points that the design lists."""
        if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
            raise ScenarioError("the sampler `given` needs points", where="sampler.options.points")
        found = np.empty((len(rows), len(self.factors)))
        for i, row in enumerate(rows):
            where = f"sampler.options.points.{i}"
            if len(row) != len(self.factors):
                raise ScenarioError(
                    "a point needs one value per factor",
                    where=where,
                    value=len(row),
                    allowed=str(len(self.factors)),
                )
            for j, (factor, value) in enumerate(zip(self.factors, row, strict=True)):
                if isinstance(value, str) and value in factor.categories:
                    found[i, j] = factor.categories.index(value)
                elif isinstance(value, str) or not factor.low <= value <= factor.high:
                    raise ScenarioError(
                        f"{factor.name} cannot be that",
                        where=where,
                        value=value,
                        allowed=", ".join(factor.categories)
                        or f"{factor.low:g} to {factor.high:g}",
                    )
                else:
                    found[i, j] = value
        return found

    def _levels(self, levels: object) -> list[Float64]:
        """Give the shares at which each factor stands in a grid, both ends among them."""
        found = []
        for factor in self.factors:
            n = levels.get(factor.name, 2) if isinstance(levels, Mapping) else levels
            if isinstance(n, bool) or not isinstance(n, int) or n < 1:
                raise ScenarioError("levels are whole numbers above 0", where="sampler", value=n)
            kinds = factor.n_levels
            if kinds is not None:
                n = kinds if factor.categories else min(n, kinds)
                picked = np.unique(np.round(np.linspace(0, kinds - 1, n)))
                found.append((picked + 0.5) / kinds)
            else:
                found.append(np.linspace(0.0, 1.0, n) if n > 1 else np.array([0.5]))
        return found

    def _grid(self, levels: object) -> Float64:
        grid = self._levels(levels)
        if math.prod(len(level) for level in grid) > _MOST_RUNS:
            raise ScenarioError("the grid has too many points", where="sampler", value=levels)
        return np.array(list(itertools.product(*grid)), dtype=np.float64)

    def _crosses(self, levels: object) -> Float64:
        """Give the middle, then each factor at its levels with the others in the middle."""
        rows = [np.full(len(self.factors), 0.5)]
        for i, shares in enumerate(self._levels(levels)):
            for share in shares:
                row = np.full(len(self.factors), 0.5)
                row[i] = share
                rows.append(row)
        return np.array(rows)

    def _drawn(self) -> Float64:
        """Draw from the unit cube by a library's sampler."""
        name, n, seed = self.sampler.name, self.sampler.n, self.sampler.seed
        options = {k: v for k, v in self.sampler.options.items() if k not in ("levels", "points")}
        dimensions = len(self.factors)
        try:
            if name == "random":
                return np.random.default_rng(seed).random((n, dimensions))
            if name in ("latin_hypercube", "sobol_sequence"):
                from scipy.stats import qmc

                if name == "latin_hypercube":
                    return np.asarray(qmc.LatinHypercube(dimensions, rng=seed, **options).random(n))
                # A sequence keeps its balance at powers of two; others are cut from the next one.
                engine = qmc.Sobol(dimensions, rng=seed, **options)
                return np.asarray(engine.random_base2(max(0, math.ceil(math.log2(n)))))[:n]
            module = importlib.import_module(f"SALib.sample.{_OF_SALIB[name]}")
            draw = getattr(module, "sample", None) or getattr(module, name)
            problem = self._unit_problem()
            with warnings.catch_warnings():
                # What there is to say of a sample, `advice` says.
                warnings.simplefilter("ignore")
                if name == "fractional_factorial":
                    return np.asarray(draw(problem, seed=seed, **options))[:, :dimensions]
                return np.asarray(draw(problem, n, seed=seed, **options))
        except (TypeError, ValueError) as reason:
            raise ScenarioError(
                f"the sampler refuses ({' '.join(str(reason).split())})",
                where="sampler",
                value=name,
                remedy="Change its `n` or its `options`.",
            ) from None

    def advice(self) -> str:
        """Say what would make a better sample of about the same size; empty if there is nothing."""
        n = self.sampler.n
        if self.sampler.name != "sobol" or n & (n - 1) == 0:
            return ""
        below = 1 << (n.bit_length() - 1)
        return (
            f"sampler sobol: n is {n}; at powers of two, such as {below} or {2 * below}, "
            "the draws fill the ranges more evenly"
        )

    # -- runs

    def county(self, replicate: int) -> County | None:
        """Give the county that a replicate is; None where replicates are alike."""
        return self.counties[replicate % len(self.counties)] if self.counties else None

    def parameters(self, point: Float64, replicate: int = 0) -> dict[str, Value]:
        """Give what the model is told: a point by factor name, and what is its county's own."""
        county = self.county(replicate)
        # In order of names, as a design that was written down and read again has them.
        found = dict(sorted(county.settings.items())) if county is not None else {}
        for factor, number in zip(self.factors, point, strict=True):
            found[factor.name] = factor.value(float(number))
        return found

    def params_json(self, point: Float64, replicate: int = 0) -> str:
        """Write parameters with exact floats: the shortest text that reads back bit for bit."""
        return json.dumps(self.parameters(point, replicate), ensure_ascii=False, allow_nan=False)

    def key(self, run: Run, params_json: str, code_version: str) -> str:
        """Name a run by all that decides its result: scenario, exact parameters, seed, code."""
        arm = self.arms[run.arm]
        content = [arm, self.scenario_sha.get(arm, ""), params_json, run.seed, code_version]
        content += [list(self.outcomes), list(self.monthly)]
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    # -- writing it down

    def as_json(self) -> str:
        """Write the design so that `from_json` gives an equal one."""
        data = asdict(self)
        if not self.counties:
            # So that the hashes of designs without counties are what they were before there were.
            del data["counties"]
        return json.dumps(data, sort_keys=True, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Design:
        """Read what `as_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        factors = []
        for row in data["factors"]:
            kept = {**row, "categories": tuple(row["categories"])}
            factors.append(Factor(**kept))
        return cls(
            **{
                **data,
                "arms": tuple(data["arms"]),
                "factors": tuple(factors),
                "sampler": Sampler(**data["sampler"]),
                "outcomes": tuple(data["outcomes"]),
                "monthly": tuple(data["monthly"]),
                "limits": Limits(**data["limits"]),
                "counties": tuple(County(**row) for row in data.get("counties", ())),
            }
        )

    def sha256(self) -> str:
        """Hash what decides the results; titles and limits do not."""
        data = json.loads(self.as_json())
        for name in ("title", "limits"):
            del data[name]
        for factor in data["factors"]:
            for name in ("label_en", "label_zh"):
                del factor[name]
        for county in data.get("counties", ()):
            for name in ("name_en", "name_zh"):
                del county[name]
        text = json.dumps(data, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()
