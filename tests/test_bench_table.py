"""The table of promises says what the record says, and no more."""

from __future__ import annotations

import json

import pytest

from tests.bench.small_county import OUTCOMES
from tests.bench.sweeping import WHOLE, Lived
from tests.bench.sweeping import told as measured
from tests.bench.table import LINES, markdown, told

ABOUT = {
    "taken": "2026-01-01T00:00+00:00",
    "processor": "P",
    "cores": 2,
    "python": "3.11",
    "load_before": 0.5,
}


@pytest.mark.parametrize(("ratio", "word"), [(151.0, "met"), (150.0, "met"), (149.0, "missed")])
def test_a_figure_is_judged_by_its_aim_and_what_was_not_measured_is_said(
    ratio: float, word: str
) -> None:
    table = told({"million": {"about": ABOUT, "ratio": ratio}})
    (line,) = (row for row in table.splitlines() if "1,000,000 people" in row)
    assert word in line.split() and "≥ 150 x" in line and "2026-01-01" in line
    assert table.count("not measured") == len(LINES) - 1


def test_every_line_of_the_table_finds_its_figure_in_the_record() -> None:
    from tests.bench.__main__ import RECORD, ROOT

    record = json.loads(RECORD.read_text(encoding="utf-8"))
    sections = {line.section for line in LINES}
    assert set(record) <= sections
    page = markdown(record)
    assert page.count("\n") == len(LINES) + 1
    # The page for readers holds this table: python docs/scaling.py writes it.
    assert page in (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")


def test_starting_is_paid_once_and_the_rest_of_a_design_goes_at_the_pace_of_its_part() -> None:
    run = {"seconds": 1.0, "processor_seconds": 0.5, **dict.fromkeys(OUTCOMES, 0.0)}
    # Ten seconds until the first ten results, then a run a 0.55 seconds, two at the end to close.
    part = Lived(10.0 + 0.55 * 90 + 2.0, [run] * 100, "1", [(10.0, 10), (10.0 + 0.55 * 90, 100)])
    found = measured("dask", part)
    assert found["first_s"] == 10.0
    assert found["overhead"] == pytest.approx(2 * 61.5 / 100)
    assert found["whole_s"] == pytest.approx(61.5 + 0.55 * (WHOLE - 100))
    assert found["whole_overhead"] == pytest.approx(2 * found["whole_s"] / WHOLE)
    untold = measured("ema", part._replace(stored=[]))
    assert untold["whole_s"] == pytest.approx(61.5 + 0.5 * (WHOLE - 100))
