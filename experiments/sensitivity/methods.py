"""The methods of sensitivity analysis, each matched with the samplers it can read.

Knows SALib's analyzers: which sample each needs, how its runs are arranged, what its indices mean.
Must not know results, stores or sentences.

Notes
-----
Every call hands SALib a fresh problem with neutral names: it writes into what it is given, refuses
some names, and takes a seed of 0 for none. It also sets NumPy's global seed and the program's
warnings; both are put back. Threads of the linear algebra are held to one: the arrays are small,
and with more threads the density estimates take twenty times as long.
"""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from experiments.sensitivity.sample import Sample
from sim.errors import ScenarioError
from sim.scenario import unknown_name

__all__ = ["METHODS", "Estimate", "Method", "Setting", "hold_match", "method_named"]

Array = NDArray[np.float64]
Kind = Literal["variance", "distance", "effect"]
Growth = Literal["blocks", "rows", "none"]
_MANY: Final = 10**9


@dataclass(frozen=True)
class Setting:
    """One analysis: a sample, the values found at its points, and how uncertainty is estimated.

    Attributes
    ----------
    sample : Sample
        The sample.
    values : float64 (n_draws, n_replicates)
        Outcome at each point under each seed.
    resamples : int
        Bootstrap resamples for intervals.
    level : float
        Level of the intervals, in (0, 1).
    second_order : bool
        Whether effects of pairs are asked.
    n_draws : int, optional
        Use only the first draws, a whole number of blocks; all by default.
    """

    sample: Sample
    values: Array
    resamples: int = 100
    level: float = 0.95
    second_order: bool = False
    n_draws: int | None = None

    @property
    def x(self) -> Array:
        """The points in use as shares of their distributions, a copy."""
        return self.sample.shares[: self.n_draws].copy()

    @property
    def y(self) -> Array:
        """Mean over replicates at each point in use, a copy."""
        mean: Array = self.values[: self.n_draws].mean(axis=1)
        return mean.copy()

    @property
    def seed(self) -> int:
        """A seed that SALib takes for one: never 0."""
        return 1 + self.sample.seed % (2**31 - 2)

    @property
    def z(self) -> float:
        """Half-width of the interval in standard errors."""
        return float(norm.ppf(0.5 + self.level / 2))

    def spread(self) -> Array:
        """The points in use, with choices and whole numbers spread evenly over their parts.

        Methods that cut a factor's range into slices meet ties where choices stand as single
        values, and may drop the last one. The place within its part of the cube is uniform, as the
        sampler drew it before it was rounded down, and the outcome does not depend on it.
        """
        points = self.x
        rng = np.random.default_rng(self.seed)
        for place, count in enumerate(self.sample.levels):
            if count:
                points[:, place] += (rng.random(len(points)) - 0.5) / count
        return points

    def problem(self, *, grouped: bool) -> dict[str, Any]:
        """A fresh problem over the unit cube under neutral names."""
        count = len(self.sample.factors)
        problem: dict[str, Any] = {
            "num_vars": count,
            "names": [f"x{place}" for place in range(count)],
            "bounds": [[0.0, 1.0] for _ in range(count)],
        }
        if grouped and self.sample.is_grouped:
            group = {
                place: f"g{number}"
                for number, column in enumerate(self.sample.columns)
                for place in column.members
            }
            problem["groups"] = [group[place] for place in range(count)]
        return problem


@dataclass(frozen=True)
class Estimate:
    """Indices of one analysis, in the order of the columns asked about.

    Attributes
    ----------
    indices : mapping of str to (value, low, high)
        Each float64 (n_columns,); NaN where the method gives no interval.
    pairs : (value, low, high) or None
        Each float64 (n_columns, n_columns), the upper triangle in use.
    notes : tuple of str
        Ids of what a reader must know beside the numbers.
    """

    indices: Mapping[str, tuple[Array, Array, Array]]
    pairs: tuple[Array, Array, Array] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Method:
    """One method: what it needs, what it gives, how it is run.

    Attributes
    ----------
    id : str
        Name in study files and on the command line.
    label_en, label_zh : str
        Names for readers.
    samplers : tuple of str
        Samplers whose arrangement it can read; empty for any.
    remedy_sampler : str
        Sampler to write when the present one does not fit.
    index : str
        The index that is ranked and read.
    kind : {'variance', 'distance', 'effect'}
        variance: shares of the outcome's variance; distance: between distributions, 0 to 1;
        effect: in the outcome's unit or without a natural scale, read against the largest.
    knows_groups : bool
        Whether factors moved together are one.
    growth : {'blocks', 'rows', 'none'}
        Which first parts of a sample are samples themselves.
    estimate : callable
        Setting to Estimate.
    source : str
        Where the method is from.
    least : int
        Draws below which it is refused.
    """

    id: str
    label_en: str
    label_zh: str
    samplers: tuple[str, ...]
    remedy_sampler: str
    index: str
    kind: Kind
    knows_groups: bool
    growth: Growth
    estimate: Callable[[Setting], Estimate] = field(repr=False)
    source: str
    least: int = 1

    def columns(self, sample: Sample) -> tuple[Any, ...]:
        """What this method tells apart in a sample."""
        return sample.columns if self.knows_groups else sample.factors

    def block(self, sample: Sample, second_order: bool) -> int:
        """How many draws belong together."""
        if self.growth != "blocks":
            return 1
        count = len(self.columns(sample))
        if self.id == "sobol":
            return 2 * count + 2 if second_order else count + 2
        return count + 1


def _one_thread() -> contextlib.AbstractContextManager[Any]:
    """Hold the linear algebra to one thread where threadpoolctl is there (scikit-learn brings it).

    Numbers are the same without it; only time is lost.
    """
    try:
        limits = import_module("threadpoolctl").threadpool_limits
    except ModuleNotFoundError:
        return contextlib.nullcontext()
    held: contextlib.AbstractContextManager[Any] = limits(limits=1)
    return held


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Run SALib without its warnings, prints, threads and marks on global state."""
    state = np.random.get_state()  # noqa: NPY002 - SALib seeds the global one
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        _one_thread(),
        np.errstate(all="ignore"),
    ):
        format_of = warnings.formatwarning
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            warnings.formatwarning = format_of
            np.random.set_state(state)  # noqa: NPY002 - so it is put back


def _analyzer(name: str) -> Callable[..., Any]:
    """SALib's analyzer of a method, whose refusals are told as ours are."""
    analyze: Callable[..., Any] = import_module(f"SALib.analyze.{name}").analyze

    def asked(*given: Any, **options: Any) -> Any:
        try:
            return analyze(*given, **options)
        except (ValueError, RuntimeError, ArithmeticError, IndexError) as reason:
            raise _too_few(name, " ".join(str(reason).split())) from None

    return asked


def _too_few(method: str, reason: str) -> ScenarioError:
    return ScenarioError(
        f"method {method} cannot be worked out from these runs ({reason})",
        where="sensitivity",
        remedy="Draw more runs (`n` of the sampler in the design), or choose another method.",
    )


def _floats(values: Any) -> Array:
    return np.asarray(np.ma.filled(np.ma.asarray(values), np.nan), dtype=np.float64)


def _around(value: Any, half: Any = None) -> tuple[Array, Array, Array]:
    center = _floats(value)
    width = np.full_like(center, np.nan) if half is None else _floats(half)
    return center, center - width, center + width


# ------------------------------------------------------------------------------ one at a time


def one_at_a_time(sample: Sample) -> list[list[int]]:
    """Draws of each factor of such a sample, by rising value; draw 0 is the middle.

    Raises
    ------
    ScenarioError
        If a draw moves more than one factor.
    """
    points = sample.points
    parts: list[list[int]] = [[] for _ in sample.factors]
    levels = sample.options.get("levels", 5)
    counts = [
        n
        if is_choice
        else min(
            int(levels.get(factor.id, 2) if isinstance(levels, Mapping) else levels),
            n or _MANY,
        )
        for factor, n, is_choice in zip(
            sample.factors, sample.levels, sample.is_choice, strict=True
        )
    ]
    place = 1
    for factor, count in enumerate(counts):
        part = list(range(place, min(place + count, len(points))))
        others = np.delete(points[part], factor, axis=1)
        if len(part) != count or (others != np.delete(points[0], factor)).any():
            raise ScenarioError(
                "the draws do not move one factor at a time",
                where=f"design {sample.where}".strip(),
                remedy="Write `sampler: {name: one_at_a_time, levels: 2}` in the design.",
            )
        parts[factor] = part
        place += count
    return parts


def oat(setting: Setting) -> Estimate:
    """Change one factor at a time from the first point; the interval is over replicates.

    Notes
    -----
    Draw 0 is the middle of every range; then one factor at a time takes its values, from its low
    to its high end. The swing is the largest less the smallest outcome on the way, each the mean
    over seeds; `low` and `high` are the ends less the middle. Differences are taken seed by seed,
    so an interval is a paired t interval. It says nothing of what happens away from the middle,
    nor of factors that act together.
    """
    values = setting.values
    n = values.shape[1]
    parts = one_at_a_time(setting.sample)
    low = np.array([values[part[0]] - values[0] for part in parts])
    high = np.array([values[part[-1]] - values[0] for part in parts])
    swings = []
    for part in parts:
        row = [0, *part]
        mean = values[row].mean(axis=1)
        swings.append(values[row[int(mean.argmax())]] - values[row[int(mean.argmin())]])
    swing = np.array(swings)

    def interval(sample: Array) -> tuple[Array, Array, Array]:
        mean = sample.mean(axis=1)
        if n < 2:
            return _around(mean)
        half = t.ppf(0.5 + setting.level / 2, n - 1) * sample.std(axis=1, ddof=1) / math.sqrt(n)
        return _around(mean, half)

    notes = () if n > 1 else ("one_replicate",)
    return Estimate(
        {"swing": interval(swing), "low": interval(low), "high": interval(high)}, notes=notes
    )


# ---------------------------------------------------------------------------- Morris, Sobol'


def morris(setting: Setting) -> Estimate:
    """Mean and spread of elementary effects over the whole range of a factor."""
    with _alone():
        found = _analyzer("morris")(
            setting.problem(grouped=True),
            setting.x,
            setting.y,
            num_resamples=setting.resamples,
            conf_level=setting.level,
            num_levels=int(setting.sample.options.get("num_levels", 4)),
            seed=setting.seed,
        )
    return Estimate(
        {
            "mu_star": _around(found["mu_star"], found["mu_star_conf"]),
            "mu": _around(found["mu"]),
            "sigma": _around(found["sigma"]),
        }
    )


def _second_half(y: Array, count: int) -> Array:
    """The same runs with the two base matrices exchanged: B, BA, AB, A for A, AB, BA, B."""
    step = 2 * count + 2
    order = [step - 1, *range(count + 1, 2 * count + 1), *range(1, count + 1), 0]
    halves: Array = y.reshape(-1, step)[:, order].ravel()
    return halves


def sobol(setting: Setting) -> Estimate:
    """Shares of variance: by a factor alone, with all it takes part in, and by pairs.

    Notes
    -----
    A design for second order holds the two base matrices and both crossings. SALib reads A against
    AB; exchanging the matrices is a second estimate from the same runs, and the two are averaged.
    The half-width is the mean of both halves, as if they erred together, which is too wide rather
    than too narrow. First and total indices then use all runs, not half of them.
    """
    analyze = _analyzer("sobol")
    count = len(setting.sample.columns)
    in_pairs = bool(setting.sample.options.get("calc_second_order", True))
    y = setting.y
    halves = [y, _second_half(y, count)] if in_pairs else [y]
    with _alone():
        found = [
            analyze(
                setting.problem(grouped=True),
                half,
                calc_second_order=in_pairs,
                num_resamples=setting.resamples,
                conf_level=setting.level,
                seed=setting.seed,
            )
            for half in halves
        ]

    def mean(name: str) -> tuple[Array, Array, Array]:
        center, width = (
            np.mean([_floats(one[key]) for one in found], axis=0) for key in (name, f"{name}_conf")
        )
        return _around(center, width)

    return Estimate(
        {"ST": mean("ST"), "S1": mean("S1")},
        pairs=mean("S2") if in_pairs and setting.second_order else None,
    )


# ------------------------------------------------------------------- from any sample of points


def delta(setting: Setting) -> Estimate:
    """How far knowing a factor moves the outcome's whole distribution.

    Notes
    -----
    SALib's estimator (Plischke et al. 2013, equation 26) is called on the sample as it is, its bias
    taken off by the bootstrap (equation 30). SALib's own driver takes a resample for the sample
    from 1.6 on, and its estimate then wanders by more than the interval it gives.
    """
    from SALib.analyze.delta import calc_delta

    x, y = setting.spread(), setting.y
    n = len(y)
    power = 2.0 / (7.0 + math.tanh((1500.0 - n) / 500.0))
    classes = round(min(math.ceil(n**power), 48))
    edges = np.linspace(0, n, classes + 1)
    grid = np.linspace(y.min(), y.max(), 100)
    rng = np.random.default_rng(setting.seed)
    draws = rng.integers(n, size=(min(setting.resamples, 50), n))
    value, half = (np.zeros(x.shape[1]) for _ in range(2))
    with _alone():
        for place in range(x.shape[1]):
            try:
                whole = calc_delta(y, grid, x[:, place], edges)
                again = np.array([calc_delta(y[d], grid, x[d, place], edges) for d in draws])
            except np.linalg.LinAlgError:
                raise _too_few("delta", "a part of the outcomes does not spread") from None
            reduced = 2.0 * whole - again
            value[place] = reduced.mean()
            half[place] = setting.z * reduced.std(ddof=1)
    return Estimate({"delta": _around(value, half)})


def _pawn(problem: dict[str, Any], x: Array, y: Array, slices: int) -> Array:
    return _floats(_analyzer("pawn")(problem, x, y, S=slices)["median"])


def pawn(setting: Setting) -> Estimate:
    """How far fixing a factor moves the outcome's cumulative distribution, the median of slices.

    Notes
    -----
    SALib gives no interval. It is the spread over resamples of the runs. Slices are small samples,
    so that even a factor without influence shows a distance: `floor` is the 95th percentile of the
    index when runs are dealt out at random.
    """
    x, y = setting.spread(), setting.y
    # sizes at which SALib's edges of slices do not step over 1 by rounding
    slices = next((count for count in (10, 8, 5) if len(y) >= 40 * count), 4)
    rng = np.random.default_rng(setting.seed)
    times = min(setting.resamples, 40)
    with _alone():
        value = _pawn(setting.problem(grouped=False), x, y, slices)
        draws = [rng.integers(len(y), size=len(y)) for _ in range(times)]
        again = np.array([_pawn(setting.problem(grouped=False), x[d], y[d], slices) for d in draws])
        one = {"num_vars": 1, "names": ["x0"], "bounds": [[0.0, 1.0]]}
        dealt = [
            _pawn(dict(one), rng.random((len(y), 1)), y, slices)[0] for _ in range(max(times, 40))
        ]
    floor = np.full_like(value, np.quantile(dealt, 0.95))
    return Estimate(
        {
            "median": _around(value, setting.z * again.std(axis=0, ddof=1)),
            "floor": _around(floor),
        },
        notes=("floor",),
    )


# ----------------------------------------------------------------------- SALib's other methods


def _passed(
    name: str,
    keys: Mapping[str, str],
    *,
    needs_x: bool = True,
    notes: tuple[str, ...] = (),
    **options: Any,
) -> Callable[[Setting], Estimate]:
    """An analyzer handed through: its keys, and half-widths where it gives them as `<key>_conf`."""

    def estimate(setting: Setting) -> Estimate:
        problem = setting.problem(grouped=False)
        given = {
            key: (value(setting) if callable(value) else value) for key, value in options.items()
        }
        data = (setting.spread(), setting.y) if needs_x else (setting.y,)
        with _alone():
            found = _analyzer(name)(problem, *data, **given)
        count = len(setting.sample.factors)
        return Estimate(
            {
                key: _around(
                    _floats(found[theirs])[:count],
                    _floats(found[f"{theirs}_conf"])[:count] if f"{theirs}_conf" in found else None,
                )
                for key, theirs in keys.items()
            },
            notes=notes,
        )

    return estimate


def _seed(setting: Setting) -> int:
    return setting.seed


def _resamples(setting: Setting) -> int:
    return setting.resamples


def _level(setting: Setting) -> float:
    return setting.level


_BOOTSTRAP: Final[dict[str, Any]] = {
    "num_resamples": _resamples,
    "conf_level": _level,
    "seed": _seed,
}


def _sets(setting: Setting) -> int:
    return len(setting.y) // (len(setting.sample.factors) + 1)


def factorial(setting: Setting) -> Estimate:
    """Main effects of a fractional factorial design, the dummies left aside."""
    with _alone():
        found = _analyzer("ff")(setting.problem(grouped=False), setting.x, setting.y)
    return Estimate({"ME": _around(_floats(found["ME"])[: len(setting.sample.factors)])})


def slopes(setting: Setting) -> Estimate:
    """Mean squared slopes, scaled so that they bound total shares of variance from above.

    Notes
    -----
    SALib's half-width is that of the unscaled mean of squares (seen in 1.5 and 1.6), so it is
    scaled here as the value is.
    """
    with _alone():
        found = _analyzer("dgsm")(
            setting.problem(grouped=False),
            setting.x,
            setting.y,
            num_resamples=setting.resamples,
            conf_level=setting.level,
            seed=setting.seed,
        )
    value, raw = _floats(found["dgsm"]), _floats(found["vi"])
    scale = np.divide(value, raw, out=np.zeros_like(raw), where=raw > 0)
    with np.errstate(invalid="ignore"):
        # one block of draws has no interval
        return Estimate({"dgsm": _around(value, _floats(found["dgsm_conf"]) * scale)})


def regional(setting: Setting) -> Estimate:
    """Regional sensitivity: the mean distance between a slice of the outcome and the rest."""
    with _alone():
        found = _analyzer("rsa")(
            setting.problem(grouped=False), setting.spread(), setting.y, bins=10, target="Y"
        )
        means = [np.nanmean(found[f"x{place}"]) for place in range(len(setting.sample.factors))]
    if not np.isfinite(means).all():
        raise _too_few("rsa", "a slice of the outcome holds no runs")
    return Estimate({"distance": _around(means)})


def expansion(setting: Setting) -> Estimate:
    """Shares of variance by a regression on products of polynomials."""
    with _alone():
        found = _analyzer("enhanced_hdmr")(
            setting.problem(grouped=False), setting.spread(), setting.y, seed=setting.seed
        )
    count = len(setting.sample.factors)
    return Estimate(
        {
            "ST": _around(_floats(found["ST"])[:count], _floats(found["ST_conf"])[:count]),
            "S1": _around(_floats(found["Sa"])[:count], _floats(found["Sa_conf"])[:count]),
        },
        notes=("polynomial",),
    )


_SALTELLI: Final = ("sobol",)
_SLOPES: Final = ("dgsm", "radial_ee")
_RADIAL: Final = ("radial_sobol", "radial_mc")

METHODS: Final[Mapping[str, Method]] = {
    method.id: method
    for method in (
        Method(
            "oat",
            "one factor at a time",
            "单因素逐一变动法",
            ("one_at_a_time",),
            "one_at_a_time",
            "swing",
            "effect",
            False,
            "none",
            oat,
            "Saltelli and Annoni 2010, on its limits: doi:10.1016/j.envsoft.2010.04.012",
        ),
        Method(
            "morris",
            "elementary effects (Morris)",
            "基本效应法（Morris）",
            ("morris",),
            "morris",
            "mu_star",
            "effect",
            True,
            "blocks",
            morris,
            "Campolongo et al. 2007: doi:10.1016/j.envsoft.2006.10.004",
        ),
        Method(
            "sobol",
            "shares of variance (Sobol')",
            "方差分解法（Sobol'）",
            _SALTELLI,
            "sobol",
            "ST",
            "variance",
            True,
            "blocks",
            sobol,
            "Saltelli et al. 2010: doi:10.1016/j.cpc.2009.09.018",
        ),
        Method(
            "delta",
            "distance between densities (delta)",
            "密度距离法（delta）",
            (),
            "latin_hypercube",
            "delta",
            "distance",
            False,
            "rows",
            delta,
            "Plischke et al. 2013: doi:10.1016/j.ejor.2012.11.047",
            least=16,
        ),
        Method(
            "pawn",
            "distance between distributions (PAWN)",
            "分布距离法（PAWN）",
            (),
            "latin_hypercube",
            "median",
            "distance",
            False,
            "rows",
            pawn,
            "Pianosi and Wagener 2018: doi:10.1016/j.envsoft.2018.07.019",
        ),
        Method(
            "fast",
            "shares of variance (eFAST)",
            "方差分解法（eFAST）",
            ("fast",),
            "fast",
            "ST",
            "variance",
            False,
            "none",
            _passed(
                "fast",
                {"ST": "ST", "S1": "S1"},
                needs_x=False,
                notes=("indicative",),
                M=lambda setting: int(setting.sample.options.get("M", 4)),
                **_BOOTSTRAP,
            ),
            "Saltelli et al. 1999: doi:10.1080/00401706.1999.10485594",
        ),
        Method(
            "rbd_fast",
            "first-order shares of variance (RBD-FAST)",
            "一阶方差份额（RBD-FAST）",
            (),
            "latin_hypercube",
            "S1",
            "variance",
            False,
            "rows",
            _passed("rbd_fast", {"S1": "S1"}, **_BOOTSTRAP),
            "Tarantola et al. 2006: doi:10.1016/j.ress.2005.06.003",
        ),
        Method(
            "dgsm",
            "mean squared slopes (DGSM)",
            "导数法（DGSM）",
            ("finite_diff",),
            "finite_diff",
            "dgsm",
            "effect",
            False,
            "blocks",
            slopes,
            "Sobol' and Kucherenko 2009: doi:10.1016/j.matcom.2009.01.023",
        ),
        Method(
            "ff",
            "fractional factorial",
            "部分因子设计",
            ("fractional_factorial",),
            "fractional_factorial",
            "ME",
            "effect",
            False,
            "none",
            factorial,
            "Saltelli et al. 2008, The Primer: doi:10.1002/9780470725184",
        ),
        Method(
            "enhanced_hdmr",
            "expansion in polynomials (HDMR)",
            "高维模型展开（HDMR）",
            (),
            "latin_hypercube",
            "ST",
            "variance",
            False,
            "rows",
            expansion,
            "Li and Rabitz 2012: doi:10.1007/s10910-011-9898-0",
            least=300,
        ),
        Method(
            "rsa",
            "regional sensitivity",
            "区域敏感性分析",
            (),
            "latin_hypercube",
            "distance",
            "effect",
            False,
            "rows",
            regional,
            "Pianosi et al. 2016: doi:10.1016/j.envsoft.2016.02.008",
        ),
        Method(
            "shapley",
            "shares of variance (Shapley)",
            "方差分解法（Shapley）",
            ("shapley",),
            "shapley",
            "share",
            "variance",
            False,
            "blocks",
            _passed("shapley", {"share": "shapley_normalized"}, conf_level=_level),
            "Goda 2021: doi:10.1016/j.ress.2021.107702",
        ),
        Method(
            "discrepancy",
            "shape of the scatter (discrepancy)",
            "散点偏差法",
            (),
            "latin_hypercube",
            "discrepancy",
            "distance",
            False,
            "rows",
            _passed("discrepancy", {"discrepancy": "s_discrepancy"}),
            "Puy et al. 2023: arXiv:2206.13470",
        ),
        Method(
            "radial_ee",
            "radial elementary effects",
            "径向基本效应法",
            _RADIAL,
            "radial_sobol",
            "mu_star",
            "effect",
            False,
            "blocks",
            _passed(
                "radial_ee",
                {"mu_star": "mu_star", "mu": "mu", "sigma": "sigma"},
                sample_sets=_sets,
                **_BOOTSTRAP,
            ),
            "Campolongo et al. 2011: doi:10.1016/j.cpc.2010.12.039",
        ),
        Method(
            "sobol_jansen",
            "total shares of variance (Jansen)",
            "总方差份额（Jansen）",
            _RADIAL,
            "radial_sobol",
            "ST",
            "variance",
            False,
            "blocks",
            _passed("sobol_jansen", {"ST": "ST"}, needs_x=False, sample_sets=_sets, **_BOOTSTRAP),
            "Jansen 1999: doi:10.1016/S0010-4655(98)00154-4",
        ),
    )
}


def method_named(name: str, where: str = "method") -> Method:
    """The method of a name.

    Raises
    ------
    ScenarioError
        If there is none; the message lists all.
    """
    found = METHODS.get(name)
    if found is None:
        raise unknown_name("unknown method", where, name, METHODS)
    return found


def fitting(sample: Sample) -> tuple[str, ...]:
    """Ids of the methods that can read a sample."""
    return tuple(m.id for m in METHODS.values() if not m.samplers or sample.sampler in m.samplers)


def hold_match(method: Method, sample: Sample, second_order: bool) -> None:
    """Refuse a method whose runs would be read in the wrong arrangement.

    Raises
    ------
    ScenarioError
        If the sampler is another one, moves groups that the method cannot see, or has no runs for
        effects of pairs; with the remedy.
    """
    where = f"design {sample.where}".strip()
    if len(sample.points) < method.least:
        raise ScenarioError(
            f"method {method.id} needs more draws",
            where=where,
            value=len(sample.points),
            allowed=f"{method.least} or more",
            remedy=f"Raise `n` of the sampler, or choose a method that takes fewer draws: "
            f"{', '.join(m for m in fitting(sample) if METHODS[m].least <= len(sample.points))}.",
        )
    if method.samplers and sample.sampler not in method.samplers:
        readable = ", ".join(fitting(sample))
        raise ScenarioError(
            f"method {method.id} cannot read a sample drawn by {sample.sampler}",
            where=where,
            value=sample.sampler,
            allowed=" or ".join(method.samplers),
            remedy=f"Write `sampler: {{name: {method.remedy_sampler}}}` in the design, "
            f"or choose a method that reads this sample: {readable}.",
        )
    if sample.is_grouped and method.samplers and not method.knows_groups:
        raise ScenarioError(
            f"method {method.id} cannot read factors that move in groups",
            where=where,
            allowed="sobol or morris for groups",
            remedy="Take the groups out of the design, or choose sobol or morris.",
        )
    if second_order and method.id != "sobol":
        raise ScenarioError(
            f"method {method.id} gives no effects of pairs",
            where=where,
            allowed="sobol",
            remedy="Leave second order out, or choose sobol.",
        )
    if method.id == "sobol":
        in_pairs = bool(sample.options.get("calc_second_order", True))
        if second_order and not in_pairs:
            raise ScenarioError(
                "the sample has no runs for effects of pairs",
                where=where,
                allowed="calc_second_order: true",
                remedy="Draw the design again with `calc_second_order: true` (more runs), "
                "or leave second order out.",
            )
        block = method.block(sample, in_pairs)
        if len(sample.points) % block:
            raise ScenarioError(
                "the number of draws is no whole number of blocks of this sample",
                where=where,
                value=len(sample.points),
                allowed=f"a multiple of {block}",
                remedy="Check `calc_second_order` in the sampler's options.",
            )
    if method.id in _SLOPES and any(sample.levels):
        chosen = next(f.id for f, n in zip(sample.factors, sample.levels, strict=True) if n)
        raise ScenarioError(
            f"method {method.id} takes slopes, and a choice or a whole number has none",
            where=where,
            value=chosen,
            allowed="numbers",
            remedy="Leave the factor out, or choose sobol, morris, delta or pawn.",
        )
