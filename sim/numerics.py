"""Elementary functions every economic rule uses, equal to the last bit compiled or not.

The platform's ``exp`` differs between libraries and processors, and Numba's differs from
Python's, so two engines that share a rule would drift apart in the last bit and, after a year of
draws, in people's lives. The functions here use only additions, multiplications, divisions and
square roots, which IEEE 754 fixes exactly, and tables built with decimal arithmetic.

Importing this module also decides where compiled code is kept, before any rule is decorated:
Numba renews a cached function when its *own* file changes, not when a file it calls does, so the
folder is named by a hash over all files with rules.

It knows arithmetic; it must not know health care.
"""

import hashlib
import importlib
import math
import os
import sys
import tempfile
from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

__all__ = [
    "cache_folder",
    "compiled",
    "compiled_with_memory",
    "exp",
    "inlined",
    "log",
    "logistic",
    "normal_cdf",
    "normal_cdf_quick",
    "normal_quantile",
    "power",
    "rule_files",
    "tanh",
]

Rule = TypeVar("Rule", bound=Callable[..., object])


def rule_files(package: Path) -> list[Path]:
    """List the files whose code the compiled economic rules are made of.

    Parameters
    ----------
    package : Path
        The folder of the ``sim`` package.

    Returns
    -------
    list of Path
        Existing files in a fixed order.
    """
    files = [package / name for name in ("benefits.py", "numerics.py", "randomness.py")]
    for folder in ("behavior", "engine", "health"):
        files.extend(sorted((package / folder).rglob("*.py")))
    return [file for file in files if file.is_file()]


def cache_folder(package: Path, home: Path) -> Path:
    """Name the folder of compiled rules after the content of the rules.

    Parameters
    ----------
    package : Path
        The folder of the ``sim`` package.
    home : Path
        The folder that holds one sub-folder per state of the rules.

    Returns
    -------
    Path
        ``home / <first 20 hex digits of a SHA-256>``; not created.
    """
    digest = hashlib.sha256()
    for file in rule_files(package):
        content = file.read_bytes()
        name = file.relative_to(package).as_posix()
        # Name and length go in, so that moving text from one file to another changes the hash.
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return home / digest.hexdigest()[:20]


def _cache_home() -> Path:
    """Return the folder for compiled rules: set by the user, or below the user's home."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Path(chosen)
    root = os.environ.get("PAYSHIFT_HOME")
    home = Path(root) / "cache" if root else Path.home() / ".cache" / "payshift"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if os.access(home, os.W_OK):
            return home
    except OSError:
        pass
    # A read-only home must not stop a run; it only loses the compiled code at the next start.
    return Path(tempfile.gettempdir()) / "payshift-cache"


# Written into the module's dictionary, for Numba's type stubs do not list its settings.
vars(numba.config)["CACHE_DIR"] = str(cache_folder(Path(__file__).resolve().parent, _cache_home()))


def _array_rules_alone() -> None:
    """Load what Numba knows of arrays without SciPy's linear algebra.

    Numba looks for it in order to multiply matrices, which no rule does; a third of a second at
    every start went there. Where SciPy's is loaded already, nothing changes.
    """
    name = "scipy.linalg.cython_blas"
    if name in sys.modules:
        return
    # An entry of None is how Python is told that a module is not to be had.
    cast(dict[str, object], sys.modules)[name] = None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del sys.modules[name]


_array_rules_alone()


def compiled(function: Rule) -> Rule:
    """Compile a scalar rule with Numba and keep the result on disk.

    No ``fastmath``: reordering or fusing operations would break the equality of the two engines.
    The plain Python function stays reachable as ``.py_func``.
    """
    # Without the runtime's reference counts: a table of thirty arrays handed down five calls deep
    # costs thirty atomic increments a call, which took three quarters of a month. The price is
    # that a rule may not make arrays; whoever calls it owns every array it sees.
    return cast(Rule, cast(Any, numba.njit)(cache=True, _nrt=False)(function))


def inlined(function: Rule) -> Rule:
    """Compile a scalar rule into whoever calls it, everything else as :func:`compiled`.

    A call hands every array of every table over on the stack, ten words each: for a rule that
    reads sixty of them that costs more than what it works out.
    """
    return cast(Rule, cast(Any, numba.njit)(cache=True, _nrt=False, forceinline=True)(function))


def compiled_with_memory(function: Rule) -> Rule:
    """Compile a function that makes arrays; everything else as :func:`compiled`."""
    return cast(Rule, numba.njit(cache=True)(function))


def unchecked(function: Rule) -> Rule:
    """Compile a function whose divisors are never zero, without the test for it.

    The test ends the function, and a loop that may be left half-way is worked through number by
    number; without it several are divided at once. Makes no arrays, as :func:`compiled`.
    """
    jit = cast(Any, numba.njit)(cache=True, _nrt=False, error_model="numpy")
    return cast(Rule, jit(function))


_STEPS: Final = 64
_LOWEST: Final = -708.0
_HIGHEST: Final = 709.0


def _roots_of_two() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return 2^(j/64), j = 0..63, correctly rounded on every platform."""
    with localcontext() as context:
        context.prec = 50
        return np.array([float(Decimal(2) ** (Decimal(j) / _STEPS)) for j in range(_STEPS)])


_ROOTS: Final = _roots_of_two()
_ROUNDER: Final = 1.5 * 2.0**52
_PER_STEP: Final = 92.33248261893202  # 64 / ln 2
# ln 2 / 64 in two parts; the first has 33 bits, so that its product with a step count is exact.
_STEP_HIGH: Final = float.fromhex("0x1.62e42fee00000p-7")
_STEP_LOW: Final = float.fromhex("0x1.a39ef35793c76p-39")
_LN2_HIGH: Final = float.fromhex("0x1.62e42fee00000p-1")
_LN2_LOW: Final = float.fromhex("0x1.a39ef35793c76p-33")
_SQRT_HALF_BITS: Final = 0x3FE6A09E667F3BCD
_SMALLEST: Final = 5e-324
_SMALLEST_NORMAL: Final = 2.2250738585072014e-308
_LARGEST: Final = 1.7976931348623157e308


@unchecked
def exp(x: float) -> float:
    """Return e to the power x, always finite.

    Parameters
    ----------
    x : float
        Any number. Below -708 the result is 0, above 709 it is that at 709; NaN stays NaN.

    Returns
    -------
    float
        Relative error below 1e-13.

    Notes
    -----
    ``x = k ln2 / 64 + r`` with integer k, ``exp x = 2^(k div 64) 2^((k mod 64) / 64) exp r``; the
    second power comes from a table, ``exp r``, with r within ±0.0055, from five terms of its
    series.
    """
    # Written so that NaN is taken for the lowest.
    y = x if x > _LOWEST else _LOWEST
    y = y if y < _HIGHEST else _HIGHEST
    # Adding and taking away 1.5 * 2^52 rounds to the nearest integer.
    whole = (y * _PER_STEP + _ROUNDER) - _ROUNDER
    steps = int(whole)
    r = y - whole * _STEP_HIGH - whole * _STEP_LOW
    r2 = r * r
    series = (1.0 + r) + r2 * ((0.5 + r * (1.0 / 6.0)) + r2 * (1.0 / 24.0))
    # The exponent goes where a float keeps it: nothing is looked up, nothing leaves early, so that
    # a loop works several out at once. The mask tells the compiler that no index is negative.
    power = float(np.int64(((steps >> 6) + 1023) << 52).view(np.float64))
    found = float(_ROOTS[steps & 63]) * series * power
    if x > _LOWEST:
        return found
    return x if x != x else 0.0


@unchecked
def log(x: float) -> float:
    """Return the natural logarithm of x, always finite.

    Parameters
    ----------
    x : float
        A positive number. Zero and below count as the smallest positive float, infinity as the
        largest; NaN stays NaN.

    Returns
    -------
    float
        Relative error below 1e-14.

    Notes
    -----
    ``x = m 2^e`` with m in [sqrt(1/2), sqrt 2), ``log m = 2 atanh(s)``, ``s = (m - 1) / (m + 1)``,
    by its series to s^23.
    """
    if x != x:
        return x
    shift = 0
    if x < _SMALLEST_NORMAL:
        x = max(x, _SMALLEST) * 2.0**54
        shift = 54
    elif x > _LARGEST:
        x = _LARGEST
    # Taking sqrt(1/2) off the bits makes the exponent field count from there: no branch on m.
    bits = int(np.float64(x).view(np.int64))
    e = (bits - _SQRT_HALF_BITS) >> 52
    m = float(np.int64(bits - (e << 52)).view(np.float64))
    e = e - shift
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    series = 1.0 / 21.0 + q * (1.0 / 23.0)
    series = 1.0 / 17.0 + q * (1.0 / 19.0 + q * series)
    series = 1.0 / 13.0 + q * (1.0 / 15.0 + q * series)
    series = 1.0 / 9.0 + q * (1.0 / 11.0 + q * series)
    series = 1.0 / 5.0 + q * (1.0 / 7.0 + q * series)
    series = q * (1.0 / 3.0 + q * series)
    return e * _LN2_HIGH + (2.0 * s + (2.0 * s * series + e * _LN2_LOW))


@unchecked
def power(base: float, exponent: float) -> float:
    """Return a positive base to any real exponent as ``exp(exponent log base)``.

    Parameters
    ----------
    base : float
        Positive; zero and below count as the smallest positive float.
    exponent : float
        Any number.

    Returns
    -------
    float
        Relative error about 1e-13 while the logarithm of the result is below 100.
    """
    return exp(exponent * log(base))


@unchecked
def logistic(x: float) -> float:
    """Return the logistic probability ``1 / (1 + exp(-x))``.

    Parameters
    ----------
    x : float
        Log-odds.

    Returns
    -------
    float
        In [0, 1].
    """
    odds = exp(-abs(x))
    return (odds if x < 0.0 else 1.0) / (1.0 + odds)


@unchecked
def tanh(x: float) -> float:
    """Return the hyperbolic tangent; exactly 0 at 0 and odd to the last bit.

    Parameters
    ----------
    x : float
        Any number.

    Returns
    -------
    float
        In [-1, 1], absolute error below 1e-15.
    """
    decay = exp(-2.0 * abs(x))
    size = (1.0 - decay) / (1.0 + decay)
    return -size if x < 0.0 else size


@unchecked
def normal_quantile(u: float) -> float:
    """Return the standard normal value below which a share u of the population lies.

    Parameters
    ----------
    u : float
        Probability. Outside (0, 1) it counts as 1e-300 or as the largest float below 1.

    Returns
    -------
    float
        Relative error about 1e-15.

    References
    ----------
    Wichura, M. J. (1988). Algorithm AS 241: The percentage points of the normal distribution.
    Applied Statistics 37, 477-484. https://doi.org/10.2307/2347330 (routine PPND16)
    """
    if u != u:
        return u
    if u < 1e-300:
        u = 1e-300
    elif u > 0.9999999999999999:
        u = 0.9999999999999999
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = 6.7265770927008700853e4 + r * (3.3430575583588128105e4 + r * 2.5090809287301226727e3)
        top = 1.3731693765509461125e4 + r * (4.5921953931549871457e4 + r * top)
        top = 3.3871328727963666080e0 + r * (
            1.3314166789178437745e2 + r * (1.9715909503065514427e3 + r * top)
        )
        low = 3.9307895800092710610e4 + r * (2.8729085735721942674e4 + r * 5.2264952788528545610e3)
        low = 5.3941960214247511077e3 + r * (2.1213794301586595867e4 + r * low)
        low = 1.0 + r * (4.2313330701600911252e1 + r * (6.8718700749205790830e2 + r * low))
        return q * top / low
    r = math.sqrt(-log(u if q < 0.0 else 1.0 - u))
    if r <= 5.0:
        r = r - 1.6
        top = 2.41780725177450611770e-1 + r * (
            2.27238449892691845833e-2 + r * 7.74545014278341407640e-4
        )
        top = 3.64784832476320460504e0 + r * (1.27045825245236838258e0 + r * top)
        top = 1.42343711074968357734e0 + r * (
            4.63033784615654529590e0 + r * (5.76949722146069140550e0 + r * top)
        )
        low = 1.51986665636164571966e-2 + r * (
            5.47593808499534494600e-4 + r * 1.05075007164441684324e-9
        )
        low = 6.89767334985100004550e-1 + r * (1.48103976427480074590e-1 + r * low)
        low = 1.0 + r * (2.05319162663775882187e0 + r * (1.67638483018380384940e0 + r * low))
    else:
        r = r - 5.0
        top = 1.24266094738807843860e-3 + r * (
            2.71155556874348757815e-5 + r * 2.01033439929228813265e-7
        )
        top = 2.96560571828504891230e-1 + r * (2.65321895265761230930e-2 + r * top)
        top = 6.65790464350110377720e0 + r * (
            5.46378491116411436990e0 + r * (1.78482653991729133580e0 + r * top)
        )
        low = 1.84631831751005468180e-5 + r * (
            1.42151175831644588870e-7 + r * 2.04426310338993978564e-15
        )
        low = 1.48753612908506148525e-2 + r * (7.86869131145613259100e-4 + r * low)
        low = 1.0 + r * (5.99832206555887937690e-1 + r * (1.36929880922735805310e-1 + r * low))
    return -top / low if q < 0.0 else top / low


@unchecked
def normal_cdf(x: float) -> float:
    """Return the share of a standard normal population below x.

    Parameters
    ----------
    x : float
        Any number.

    Returns
    -------
    float
        In [0, 1], absolute error below 1e-13.

    References
    ----------
    West, G. (2005). Better approximations to cumulative normal functions. Wilmott Magazine,
    May, 70-76; after Hart, J. F. (1968). Computer Approximations, algorithm 5666.
    """
    size = abs(x)
    if size > 37.0:
        tail = 0.0
    elif size < 7.07106781186547:
        top = 0.0352624965998911 * size + 0.700383064443688
        top = (top * size + 6.37396220353165) * size + 33.912866078383
        top = (top * size + 112.079291497871) * size + 221.213596169931
        top = top * size + 220.206867912376
        low = 0.0883883476483184 * size + 1.75566716318264
        low = (low * size + 16.064177579207) * size + 86.7807322029461
        low = (low * size + 296.564248779674) * size + 637.333633378831
        low = (low * size + 793.826512519948) * size + 440.413735824752
        tail = exp(-0.5 * size * size) * top / low
    else:
        fraction = size + 1.0 / (size + 2.0 / (size + 3.0 / (size + 4.0 / (size + 0.65))))
        tail = exp(-0.5 * size * size) / fraction / 2.506628274631
    return 1.0 - tail if x > 0.0 else tail


_PER_CELL: Final = 32.0
_CELLS: Final = 192


def _cells_of_normal_cdf() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return cubics that meet value and slope of the normal cdf on cells of 1/32 in [0, 6].

    Built without the compiled functions, for those would have to be loaded at every import, and
    without the platform's, for the table must be the same everywhere: the density by decimal
    arithmetic, the cdf by ``1/2 + density (x + x^3/3 + x^5/(3·5) + …)``.
    """
    values, slopes = [], []
    with localcontext() as context:
        context.prec = 30
        for i in range(_CELLS + 1):
            x = i / _PER_CELL
            root = (Decimal(2) * Decimal("3.14159265358979323846264338328")).sqrt()
            density = float((-(Decimal(x) ** 2) / 2).exp() / root)
            term, total, n = x, x, 1
            while term > 1e-18 * total:
                n += 2
                term = term * x * x / n
                total += term
            values.append(0.5 + density * total)
            slopes.append(density / _PER_CELL)
    cells = np.empty((_CELLS, 4))
    for i in range(_CELLS):
        rise, left, right = values[i + 1] - values[i], slopes[i], slopes[i + 1]
        cells[i] = (values[i], left, 3.0 * rise - 2.0 * left - right, left + right - 2.0 * rise)
    return cells


_NORMAL_CDF: Final = _cells_of_normal_cdf()


@unchecked
def normal_cdf_quick(x: float) -> float:
    """Return the share of a standard normal population below x from a table, to eight digits.

    Parameters
    ----------
    x : float
        Any number; beyond ±6 it counts as ±6 (one in a thousand million).

    Returns
    -------
    float
        In (0, 1), absolute error below 1e-8, several times faster than :func:`normal_cdf`. Its
        relative error in the tails is large: use it for a probability, not for the ratio of two
        small ones.
    """
    if x != x:
        return x
    position = min(abs(x), 6.0) * _PER_CELL
    i = min(int(position), _CELLS - 1)
    f = position - i
    above = float(_NORMAL_CDF[i, 2]) + f * float(_NORMAL_CDF[i, 3])
    share = float(_NORMAL_CDF[i, 0]) + f * (float(_NORMAL_CDF[i, 1]) + f * above)
    return 1.0 - share if x < 0.0 else share
