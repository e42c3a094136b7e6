"""Receipts that bend within a stay: where a case lands, and what a day brings it."""

import numpy as np
import pytest

from sim.behavior import sides, stay

NONE = np.zeros(0)
FLAT = np.zeros(1)
BOUNDS = np.array([1000.0, 4000.0])
GRID = (np.arange(4000) + 0.5) / 4000


def shares(receipts: np.ndarray) -> np.ndarray:
    """Share of each stay over a fine grid of draws; a day costs 225, 6 days are needed."""
    days = [
        stay.draw_stay_schedule(receipts, 225.0, 1.0, 900.0, 6.0, 0.004, u) for u in GRID.tolist()
    ]
    return np.bincount(days, minlength=len(receipts) + 1)[1:] / len(GRID)


def schedule(
    bands: list[float], last_days: list[float], longest: int = 30, **by_charge: np.ndarray
) -> np.ndarray:
    receipts = np.empty(longest)
    terms = {"bounds": NONE, "amounts": FLAT, "slopes": FLAT, **by_charge}
    last = sides.fill_stay_receipts(
        np.array(bands),
        np.array(last_days),
        500.0,
        100.0,
        terms["bounds"],
        terms["amounts"],
        terms["slopes"],
        receipts,
    )
    assert last == receipts[-1]
    return receipts


def test_a_case_lies_on_the_side_of_as_many_bounds_as_its_charge_reaches() -> None:
    for charge, side in ((0.0, 0), (999.99, 0), (1000.0, 1), (3999.0, 1), (4000.0, 2), (9e9, 2)):
        assert sides.side_of(charge, BOUNDS) == side
        assert sides.side_of(charge, NONE) == 0


def test_a_side_brings_its_amount_and_its_share_of_the_charge() -> None:
    amounts, slopes = np.array([0.0, 3000.0, 2000.0]), np.array([0.9, 0.0, 0.25])
    for charge, brings in ((500.0, 450.0), (1000.0, 3000.0), (4000.0, 3000.0), (8000.0, 4000.0)):
        found = sides.side_receipts(charge, BOUNDS, amounts, slopes)
        assert found == pytest.approx(brings, rel=1e-15)


def test_a_declining_per_diem_adds_up_band_by_band() -> None:
    receipts = schedule([500.0, 300.0, 100.0], [3.0, 7.0], longest=9)
    assert receipts.tolist() == [500, 1000, 1500, 1800, 2100, 2400, 2700, 2800, 2900]


def test_one_band_and_one_side_give_the_stay_of_a_constant_day() -> None:
    receipts = schedule([350.0], [])
    for u in (0.001, 0.3, 0.6, 0.999):
        constant = stay.draw_stay(350.0, 225.0, 1.0, 900.0, 6.0, 0.004, 30, u)
        assert stay.draw_stay_schedule(receipts, 225.0, 1.0, 900.0, 6.0, 0.004, u) == constant


def test_stays_cluster_just_before_a_step_down_of_the_per_diem() -> None:
    steady = shares(schedule([900.0], []))
    falling = shares(schedule([900.0, 0.0], [8.0]))
    assert int(np.argmax(falling)) + 1 == 8
    assert falling[7] > 2.0 * steady[7]
    assert falling[8:].sum() < 0.5 * steady[8:].sum()
    # Before the step a day brings what it brought: stays there are as likely against each other.
    np.testing.assert_allclose(falling[6] / falling[7], steady[6] / steady[7], rtol=0.1)


def test_a_cheap_case_is_kept_until_it_passes_the_notch() -> None:
    # 500 for units and 100 a day: the bound at 1,400 is reached on day 9, and doubles what is paid.
    notch = {
        "bounds": np.array([1400.0]),
        "amounts": np.array([0.0, 2800.0]),
        "slopes": np.array([1.0, 0.0]),
    }
    receipts = schedule([0.0], [], **notch)
    assert receipts[7] == pytest.approx(1300.0)
    assert receipts[8] == pytest.approx(2800.0)
    law = shares(receipts)
    assert int(np.argmax(law)) + 1 == 9
    # A bound far beyond reach moves nobody: days bring the slope alone.
    far = schedule([0.0], [], bounds=np.array([1e6]), amounts=np.array([0.0, 9e9]),
                   slopes=np.array([1.0, 0.0]))  # fmt: skip
    np.testing.assert_allclose(np.diff(far), 100.0)
