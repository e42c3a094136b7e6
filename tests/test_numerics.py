"""Elementary functions: right, finite, and the same compiled or not."""

import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from sim import numerics

EXTREMES = [
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    -1.7976931348623157e308,
    math.inf,
    -math.inf,
    math.nan,
    1.0,
    -1.0,
    0.5,
    math.nextafter(1.0, 0.0),
    math.nextafter(1.0, 2.0),
    0.075,
    0.925,
    708.0,
    -708.0,
    709.0,
    709.78,
    -745.1,
    37.0,
    -37.0,
    7.07106781186547,
    2.0**52,
    2.0**63,
]


def points() -> list[float]:
    """Ten thousand points: the extremes, all magnitudes, and the middle where rules live."""
    rng = np.random.default_rng(20)
    middle = rng.uniform(-40.0, 40.0, 4000)
    unit = rng.uniform(0.0, 1.0, 3000)
    magnitudes = rng.choice([-1.0, 1.0], 3000) * 10.0 ** rng.uniform(-300.0, 300.0, 3000)
    return EXTREMES + np.concatenate([middle, unit, magnitudes]).tolist()


def bits(x: float) -> bytes:
    return struct.pack("<d", x)


@pytest.mark.parametrize(
    "rule",
    [
        numerics.exp,
        numerics.log,
        numerics.logistic,
        numerics.tanh,
        numerics.normal_quantile,
        numerics.normal_cdf,
        numerics.normal_cdf_quick,
    ],
    ids=lambda rule: rule.__name__,
)
def test_a_function_gives_the_same_bits_compiled_and_as_plain_python(
    rule: Callable[[float], float],
) -> None:
    plain = rule.py_func
    for x in points():
        compiled_result, plain_result = rule(x), plain(x)
        assert isinstance(plain_result, float)
        assert bits(compiled_result) == bits(plain_result), x
        if not math.isnan(x):
            assert math.isfinite(plain_result), x


@pytest.mark.parametrize(
    "rule",
    [numerics.exp, numerics.log, numerics.logistic, numerics.tanh, numerics.normal_cdf_quick],
    ids=lambda rule: rule.__name__,
)
def test_a_function_gives_the_same_bits_inside_a_loop_the_compiler_may_vectorize(
    rule: Callable[[float], float],
) -> None:
    import numba

    @numba.njit
    def loop(x: np.ndarray, found: np.ndarray) -> None:
        for i in range(x.shape[0]):
            found[i] = rule(x[i])

    x = np.array(points())
    found = np.empty_like(x)
    loop(x, found)
    for value, result in zip(x.tolist(), found.tolist(), strict=True):
        assert bits(rule.py_func(value)) == bits(result), value


def test_power_gives_the_same_bits_compiled_and_as_plain_python() -> None:
    rng = np.random.default_rng(21)
    for base, exponent in zip(
        (10.0 ** rng.uniform(-12, 12, 5000)).tolist(),
        rng.uniform(-4, 4, 5000).tolist(),
        strict=True,
    ):
        assert bits(numerics.power(base, exponent)) == bits(numerics.power.py_func(base, exponent))


def relative_error(found: list[float], expected: np.ndarray) -> float:
    return float(np.max(np.abs(np.array(found) / expected - 1.0)))


def test_exp_is_right_to_thirteen_digits() -> None:
    x = np.random.default_rng(1).uniform(-700.0, 700.0, 5000)
    assert relative_error([numerics.exp(v) for v in x.tolist()], np.exp(x)) < 1e-13


def test_exp_is_exactly_one_at_zero_and_zero_below_its_range() -> None:
    assert numerics.exp(0.0) == 1.0
    assert numerics.exp(-1e300) == 0.0
    assert numerics.exp(1e300) == numerics.exp(709.0)


def test_log_is_right_to_fourteen_digits_also_next_to_one() -> None:
    rng = np.random.default_rng(2)
    x = np.concatenate([10.0 ** rng.uniform(-300, 300, 5000), 1.0 + rng.normal(0, 1e-4, 2000)])
    assert relative_error([numerics.log(v) for v in x.tolist()], np.log(x)) < 1e-14
    assert numerics.log(1.0) == 0.0


def test_the_normal_quantile_is_that_of_the_published_algorithm() -> None:
    # Wichura's own check values for PPND16.
    assert numerics.normal_quantile(0.25) == pytest.approx(-0.6744897501960817, rel=1e-15)
    assert numerics.normal_quantile(0.001) == pytest.approx(-3.090232306167814, rel=1e-15)
    assert numerics.normal_quantile(1e-20) == pytest.approx(-9.262340089798408, rel=1e-15)
    u = np.random.default_rng(3).uniform(0.0, 1.0, 5000)
    assert (
        relative_error([numerics.normal_quantile(v) for v in u.tolist()], special.ndtri(u)) < 5e-15
    )


def test_the_normal_distribution_function_and_its_quantile_undo_each_other() -> None:
    for u in np.random.default_rng(4).uniform(1e-12, 1.0 - 1e-6, 2000).tolist():
        assert numerics.normal_cdf(numerics.normal_quantile(u)) == pytest.approx(u, rel=1e-7)
    x = np.linspace(-38.0, 10.0, 4001)
    found = np.array([numerics.normal_cdf(v) for v in x.tolist()])
    assert float(np.max(np.abs(found - special.ndtr(x)))) < 1e-13


def test_the_quick_normal_distribution_function_is_right_to_eight_digits_and_rises() -> None:
    x = np.linspace(-7.0, 7.0, 20_001)
    found = np.array([numerics.normal_cdf_quick(v) for v in x.tolist()])
    assert float(np.max(np.abs(found - special.ndtr(x)))) < 1e-8
    assert np.all(np.diff(found) >= 0.0)


def test_tanh_is_odd_and_right() -> None:
    x = np.linspace(-25.0, 25.0, 3001)
    found = np.array([numerics.tanh(v) for v in x.tolist()])
    assert float(np.max(np.abs(found - np.tanh(x)))) < 1e-13
    assert all(numerics.tanh(-v) == -w for v, w in zip(x.tolist(), found.tolist(), strict=True))


def test_editing_a_rule_gives_the_compiled_code_another_folder(tmp_path: Path) -> None:
    package = tmp_path / "sim"
    (package / "behavior").mkdir(parents=True)
    (package / "payment").mkdir()
    rule = package / "behavior" / "stay.py"
    rule.write_text("longest = 90\n")
    (package / "payment" / "tariff.py").write_text("a = 1\n")
    (package / "numerics.py").write_text("b = 1\n")
    before = numerics.cache_folder(package, tmp_path)
    assert numerics.cache_folder(package, tmp_path) == before
    assert before.parent == tmp_path

    (package / "payment" / "tariff.py").write_text("a = 2\n")
    assert numerics.cache_folder(package, tmp_path) == before

    rule.write_text("longest = 91\n")
    assert numerics.cache_folder(package, tmp_path) != before

    rule.write_text("longest = 90\n")
    assert numerics.cache_folder(package, tmp_path) == before
    rule.rename(package / "behavior" / "days.py")
    assert numerics.cache_folder(package, tmp_path) != before


def test_compiled_code_is_kept_in_the_folder_of_these_rules() -> None:
    import numba

    package = Path(numerics.__file__).parent
    assert Path(numba.config.CACHE_DIR).name == numerics.cache_folder(package, Path()).name
