"""Low-value services feel large money ever less, as beds do; asking back feels it in full."""

import numpy as np
import numpy.typing as npt
import pytest

from sim.engine.organization import _AtList, _discretion, _write_at_list

Float = npt.NDArray[np.float64]

PRICE, DRUG, SHARE = 70.0, 40.0, 0.12


def moved_by(of_a_visit: float, of_the_service: float = 0.0) -> tuple[float, float]:
    """Return how asking back and low-value care move where both bring so much more than at list."""
    zeros = np.zeros
    returns, low_value = np.ones((1, 1, 1)), np.full((1, 1, 1), 0.3)
    quality = zeros((1, 1, 4))
    quality[..., 3] = -of_the_service
    at_list = _AtList(*(zeros((1, 1)) for _ in _AtList._fields))
    component = np.zeros(1, dtype=np.int64)
    _write_at_list(
        np.full((1, 1), PRICE / 2.0),
        zeros((1, 1, 4)),
        zeros((1, 4)),
        np.ones(1),
        np.full((1, 1), PRICE),
        np.full((1, 4), DRUG),
        component,
        np.ones(1),
        np.full(1, 0.3),
        zeros(1),
        np.ones(1),
        1e5,
        0.3,
        2.5,
        2.0,
        SHARE,
        at_list,
    )
    _discretion(
        np.full((1, 1), PRICE / 2.0 + of_a_visit),
        zeros((1, 1, 4)),
        zeros((1, 1)),
        quality,
        zeros((1, 4)),
        np.ones((1, 1, 1, 4)),
        np.ones(1),
        component,
        np.ones(1),
        zeros(1),
        np.ones(1),
        np.ones(1),
        zeros(1),
        1e5,
        0.3,
        1e-6,
        at_list,
        returns,
        low_value,
    )
    return float(returns[0, 0, 0]) - 1.0, float(low_value[0, 0, 0]) - 0.3


def odds(chance: float) -> float:
    """Return log odds."""
    return float(np.log(chance / (1.0 - chance)))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_needless_service_feels_small_money_in_full_and_large_money_ever_less(
    sign: float,
) -> None:
    _, given = moved_by(0.0, sign * 0.01 * PRICE)
    moved = odds(0.3 + given) - odds(0.3)
    assert moved == pytest.approx(sign * 0.01 * PRICE / (2.0 * DRUG), rel=0.01)
    _, given = moved_by(0.0, sign * 1e6)
    assert odds(0.3 + given) - odds(0.3) == pytest.approx(sign * SHARE * PRICE / (2.0 * DRUG))


@pytest.mark.parametrize("of_a_visit", [-PRICE, -1.0, 1.0, PRICE])
def test_asking_back_feels_money_in_full(of_a_visit: float) -> None:
    asked, _ = moved_by(of_a_visit)
    assert odds(0.3 * (1.0 + asked)) - odds(0.3) == pytest.approx(of_a_visit / (2.5 * PRICE))


def test_at_list_price_nothing_moves() -> None:
    assert moved_by(0.0) == pytest.approx((0.0, 0.0))
