"""The work of a month on a fixed case may not grow by more than a tenth without a word."""

from __future__ import annotations

import json

import pytest

from tests.bench.work import RECORD, counted


# One test, for two would count twice in two workers: half a minute each.
@pytest.mark.slow
def test_a_month_takes_no_more_work_than_its_record_and_no_more_calls_for_more_people() -> None:
    now, kept = counted(), json.loads(RECORD.read_text(encoding="utf-8"))
    assert now.keys() == kept.keys()
    grown = [
        f"{name}: {now[name]:,.0f}, recorded {kept[name]:,.0f}"
        for name in kept
        if now[name] > 1.1 * kept[name]
    ]
    assert not grown, (
        f"{grown}. Find what is done twice; if the work is worth it, write the new record by: "
        "python -m tests.bench.work --record"
    )
    for kind in ("python_calls_a_month", "c_calls_a_month"):
        assert now[f"{kind}_4000"] <= 1.02 * now[f"{kind}_1000"]
