"""The record of evidence: a verdict for every number, misses included."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from experiments.evidence import estimators
from experiments.evidence.findings import Finding, FindingForm, Target
from experiments.evidence.record import (
    PACKAGED,
    Record,
    Simulated,
    judged,
    read_record,
    write_record,
)
from experiments.evidence.trial import arc_elasticity
from sim.errors import StoreError


def _target(sign: int = -1, band: tuple[float, float] = (-12.0, -3.0)) -> Target:
    form = FindingForm.model_validate(
        {
            "schema": 1,
            "kind": "finding",
            "id": "X1",
            "title": {"en": "A", "zh": "甲"},
            "use": "unseen",
            "setting": {"en": "B", "zh": "乙"},
            "source": {"citation": "C", "grade": "seen"},
            "targets": [
                {
                    "id": "services",
                    "label": {"en": "Services", "zh": "服务"},
                    "published": -6.5,
                    "band": list(band),
                    "sign": sign,
                    "missing": {"en": "Not there.", "zh": "没有。"},
                    "why": {"en": "Too weak.", "zh": "太弱。"},
                }
            ],
        }
    )
    return Finding(form, Path("x1.yaml")).targets[0]


@pytest.mark.parametrize(
    ("value", "share", "light", "hit", "sign_ok"),
    [
        (-5.0, 1.0, "hit", True, True),
        (-1.0, 1.0, "near", False, True),  # right sign, outside the band, not far
        (-1.0, 0.6, "miss", False, False),  # outside, and the seeds do not agree
        (-40.0, 1.0, "miss", False, True),  # farther from the band than it is wide
        (-5.0, 0.8, "near", False, False),  # inside, but a fifth of the seeds say otherwise
        (2.0, 0.1, "miss", False, False),
    ],
)
def test_a_hit_is_inside_the_band_with_the_sign_in_nine_tenths_of_seeds(
    value: float, share: float, light: str, hit: bool, sign_ok: bool
) -> None:
    row = judged(_target(), Simulated(value, value - 1, value + 1, share, 10, 1000, "c"))
    assert (row.light, row.hit, row.sign_ok) == (light, hit, sign_ok)
    assert row.reason_en == ("" if hit else "Too weak.")


def test_a_level_is_near_where_its_interval_touches_the_band() -> None:
    target = _target(0, (1.0, 2.0))
    assert judged(target, Simulated(2.1, 1.9, 2.3)).light == "near"
    assert judged(target, Simulated(2.5, 2.4, 2.6)).light == "miss"
    assert judged(target, Simulated(1.5, 1.5, 1.5)).light == "hit"


def test_what_is_not_simulated_says_why() -> None:
    row = judged(_target(), None, {"en": "later", "zh": "以后"})
    assert (row.light, row.hit, row.reason_en) == ("none", None, "Not there.")
    assert math.isnan(row.simulated)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = (
        judged(_target(), None),
        judged(_target(), Simulated(-5.0, -6.0, -4.0, 1.0, 9, 99, "c")),
    )
    write_record(Record(rows), tmp_path)
    again = read_record(tmp_path)
    assert repr(again.rows) == repr(rows)
    assert (tmp_path / "record.csv").read_text("utf-8").count("\n") == 3
    (tmp_path / "record.json").write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be read"):
        read_record(tmp_path)


def test_the_record_of_the_package_has_every_finding_and_a_reason_where_nothing_is_simulated() -> (
    None
):
    record = read_record(PACKAGED)
    assert {row.id for row in record.rows} == {f"C{i}" for i in range(1, 21)}
    for row in record.rows:
        assert row.light != "none" or (row.reason_en and row.reason_zh), row.key
        assert row.light == "none" or row.command, row.key


def test_the_difference_in_differences_is_the_interaction_of_the_saturated_regression() -> None:
    random = np.random.default_rng(3)
    treated, control = random.normal(10, 1, (2, 24)), random.normal(8, 1, (2, 24))
    effect, level = estimators.difference_in_differences(treated, control, 12, 1, 12)
    for seed in range(2):
        y = np.concatenate([treated[seed], control[seed]])
        is_treated = np.repeat([1.0, 0.0], 24)
        is_after = np.tile(np.repeat([0.0, 1.0], 12), 2)
        design = np.stack([np.ones(48), is_treated, is_after, is_treated * is_after], axis=1)
        beta = np.linalg.lstsq(design, y, rcond=None)[0]
        assert effect[seed] == pytest.approx(beta[3])
        assert level[seed] == pytest.approx(beta[:3].sum())


def test_an_interrupted_series_finds_step_and_bend_under_trend_and_season() -> None:
    time = np.arange(60.0)
    after = time >= 36
    season = 3.0 * np.sin(2 * np.pi * time / 12)
    series = 100 + 0.5 * time + season + after * (-6.0 - 0.25 * (time - 36))
    effect, _ = estimators.interrupted_series(series[None], series[None], 36, 1, 12)
    assert effect[0] == pytest.approx(-6.0 - 0.25 * 5.5)


def test_the_arc_elasticity_is_that_of_the_published_plans() -> None:
    # 168 and 130 dollars under 25 and 95 %: -0.22, as the evidence states.
    assert arc_elasticity(168.0, 130.0, 0.25, 0.95) == pytest.approx(-0.22, abs=0.005)
