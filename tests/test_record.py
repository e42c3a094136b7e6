"""Records: all or nothing on disk, hashes blind to order, differences paired by replicate."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import sim
from sim.errors import DiskError, ScenarioError, StoreError
from sim.record import TABLES, Comparison, Record, column_of, hash_table, typed_table
from sim.runner import compare, run
from tests.histories import make_believe


@pytest.fixture(scope="module")
def record() -> Record:
    return run(sim.load("tiny"), simulate=make_believe(), keep=["people", "claims"])


def _summary(rows: list[tuple[str, int, str, str, float]]) -> pa.Table:
    names = ("arm", "replicate", "outcome", "group", "value")
    return typed_table("summary", {name: [row[i] for row in rows] for i, name in enumerate(names)})


def _comparison(values: dict[str, list[float]], outcome: str = "wait") -> Comparison:
    rows = [
        (arm, replicate, outcome, "all", value)
        for arm, series in values.items()
        for replicate, value in enumerate(series)
    ]
    info = {
        "key": "x",
        "arms": [
            {
                "id": arm,
                "title": {"en": arm, "zh": arm},
                "is_status_quo": i == 0,
                "scenario_sha": "",
            }
            for i, arm in enumerate(values)
        ],
        "horizon": {"warm_up": 0, "baseline": 12, "reform": 12},
    }
    return Comparison(info, {"summary": _summary(rows), "before": _summary(rows)})


@pytest.mark.slow
def test_a_record_comes_back_from_disk_as_it_went(record: Record, tmp_path: Path) -> None:
    folder = record.save(tmp_path / "a")
    again = Record.load(folder)
    assert again.sha256() == record.sha256() == again.info["sha256"]
    assert set(again.tables) == set(record.tables)
    for name in record.tables:
        assert again.table(name).equals(record.table(name)), name
    assert again.seeds == [sim.load("tiny").seed]


def test_every_column_of_every_table_carries_its_unit_and_labels(
    record: Record, tmp_path: Path
) -> None:
    folder = record.save(tmp_path / "a")
    assert set(TABLES) <= {path.stem for path in folder.glob("*.parquet")}
    for path in folder.glob("*.parquet"):
        for field in pq.read_schema(path):
            assert {b"unit", b"label_en", b"label_zh"} <= set(field.metadata), (path, field.name)
        codec = pq.ParquetFile(path).metadata
        if codec.num_row_groups:
            assert codec.row_group(0).column(0).compression == "ZSTD"
    assert pq.read_schema(folder / "ledger.parquet").field("amount").type == pa.int64()


@pytest.mark.slow
def test_run_json_says_what_was_run_with_what(record: Record, tmp_path: Path) -> None:
    info = json.loads((record.save(tmp_path / "a") / "run.json").read_text("utf-8"))
    for name in (
        "record_schema",
        "versions",
        "commit",
        "seeds",
        "engine",
        "command",
        "started",
        "finished",
        "input_tables",
        "code_version",
        "population",
        "residents",
        "sha256",
    ):
        assert name in info
    (arm,) = info["arms"]
    assert arm["scenario_sha"] == sim.load("tiny").sha256()
    assert arm["resolved"]["region"] == "tiny"


def test_a_failed_write_leaves_nothing_under_the_final_name(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sim.record.pq.write_table", full)
    with pytest.raises(DiskError, match="No space left"):
        record.save(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_record_that_was_there(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = record.save(tmp_path / "a")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sim.record.pq.write_table", full)
    with pytest.raises(DiskError):
        record.save(folder)
    assert Record.load(folder).sha256() == record.sha256()


def test_a_record_replaces_a_record_but_never_another_folder(
    record: Record, tmp_path: Path
) -> None:
    record.save(tmp_path / "a")
    record.save(tmp_path / "a")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    other = tmp_path / "b"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(DiskError, match="something else"):
        record.save(other)
    assert (other / "thesis.txt").read_text() == "years of work"


def test_an_unknown_or_damaged_record_is_told_apart(record: Record, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no such record"):
        Record.load(tmp_path / "nothing")
    folder = record.save(tmp_path / "a")
    (folder / "summary.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(StoreError, match="cannot be read"):
        Record.load(folder)
    (folder / "summary.parquet").unlink()
    with pytest.raises(StoreError, match="missing"):
        Record.load(folder)


def test_a_record_is_found_by_key_and_by_its_beginning(record: Record) -> None:
    record.save()
    assert Record.load(record.key).key == record.key
    assert Record.load(record.key[:8]).key == record.key


@pytest.mark.parametrize(
    "values",
    [
        ["fen", "分", ""],
        np.array(["fen", "分"]),
        [1, 2, 3],
        [0.5, math.nan],
        [True, False],
        [None, "fen"],
        np.arange(6.0)[::2],
        np.arange(5, dtype=np.int16),
        np.linspace(0.0, 1.0, 4, dtype=np.float32),
        np.arange(19) % 3 == 0,
        np.zeros(0, dtype=np.int64),
        pa.chunked_array([["a"], ["b", "c"]]),
    ],
    ids=range(12),
)
def test_a_column_is_what_arrow_itself_would_make_of_it(values: object) -> None:
    own = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else pa.array(values)
    made = column_of(values)
    made.validate(full=True)
    assert made.type == own.type
    # NaN equals nothing, not even itself; as text it does.
    assert str(made.to_pylist()) == str(own.to_pylist())


def test_a_table_that_was_not_kept_is_refused_with_what_there_is() -> None:
    record = run(sim.load("tiny"), simulate=make_believe())
    with pytest.raises(ScenarioError, match=r"no such table.*claims.*summary.*--keep"):
        record.table("claims")


@given(st.permutations(list(range(6))))
@settings(max_examples=20, deadline=None)
def test_the_hash_is_blind_to_the_order_of_rows_and_columns(order: list[int]) -> None:
    table = pa.table(
        {
            "b": ["x", "y", "x", "z", "y", "é"],
            "a": [1.5, math.nan, -0.0, 2.0, 0.1, 0.0],
            "c": pa.array([1, 2, 3, 3, 2, 1], pa.int64()),
        }
    )
    assert hash_table(table.take(order).select(["c", "b", "a"])) == hash_table(table)


def test_the_hash_sees_every_value_and_which_row_it_stands_in() -> None:
    table = pa.table({"a": ["x", "y"], "b": [1.0, 2.0]})
    assert hash_table(table) != hash_table(pa.table({"a": ["x", "y"], "b": [2.0, 1.0]}))
    assert hash_table(table) != hash_table(
        pa.table({"a": ["x", "y"], "b": [1.0, np.nextafter(2.0, 3.0)]})
    )
    assert hash_table(table) != hash_table(pa.concat_tables([table, table]))
    assert hash_table(pa.table({"a": ["ab", "c"]})) != hash_table(pa.table({"a": ["a", "bc"]}))


def test_the_hash_does_not_hang_on_how_texts_are_stored() -> None:
    plain = pa.table({"a": ["x", "y", "x"]})
    coded = pa.table({"a": pa.array(["x", "y", "x"]).dictionary_encode()})
    assert hash_table(plain) == hash_table(coded)


def test_a_missing_text_is_an_empty_one_wherever_the_rows_lie_in_memory() -> None:
    texts = pa.array(["fen", None, "分", "", "yuan"])
    whole = hash_table(pa.table({"a": texts}))
    longer = pa.concat_arrays([pa.array(["before"]), texts, pa.array(["after"])])
    assert whole == hash_table(pa.table({"a": longer.slice(1, 5)}))
    nothing = pa.table({"a": pa.array([None, None], pa.string())})
    assert hash_table(nothing) == hash_table(pa.table({"a": ["", ""]}))
    assert hash_table(nothing.slice(0, 0)) == hash_table(pa.table({"a": pa.array([], pa.string())}))


def test_the_hash_leaves_run_json_out(record: Record) -> None:
    other = Record({**record.info, "command": "another", "seconds": {}}, record.tables)
    assert other.sha256() == record.sha256()


@pytest.mark.slow
def test_the_key_names_what_decides_the_results() -> None:
    tiny = sim.load("tiny")
    first = run(tiny, simulate=make_believe())
    assert run(tiny, simulate=make_believe(), command="again").key == first.key
    assert run(tiny, seed=5, simulate=make_believe()).key != first.key
    assert run(tiny.with_population(501), simulate=make_believe()).key != first.key


def test_differences_are_paired_t_intervals() -> None:
    base, arm = [10.0, 12.0, 9.0, 11.0], [11.0, 13.5, 9.5, 12.0]
    row = _comparison({"status-quo": base, "reform": arm}).differences().iloc[0]
    expected = stats.ttest_rel(arm, base)
    low, high = expected.confidence_interval(0.95)
    assert row["difference"] == pytest.approx(1.0)
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
    assert row["p"] == pytest.approx(expected.pvalue)
    assert row["relative"] == pytest.approx(1.0 / 10.5)
    assert row["sign_share"] == 1.0
    assert row["n"] == 4
    unpaired = math.sqrt(np.var(base, ddof=1) / 4 + np.var(arm, ddof=1) / 4)
    assert row["se_unpaired"] == pytest.approx(unpaired)
    assert row["se_paired"] < row["se_unpaired"]


@pytest.mark.parametrize(
    ("base", "arm", "told"),
    [
        ([-3.0, -2.0, -4.0], [-17.0, -16.0, -18.0], False),  # a deficit that grows fivefold
        ([3.0, 2.0, 4.0], [-11.0, -12.0, -10.0], False),  # a surplus that turns into a deficit
        ([1.0, -2.0, 4.0], [2.0, -1.0, 5.0], False),  # nothing but noise to measure by
        ([3.0, 2.9, 3.1], [12.5, 12.4, 12.6], False),  # more than three times as much again
        ([3.0, 2.9, 3.1], [3.3, 3.2, 3.4], True),
        ([5.0], [5.5], True),
    ],
)
def test_a_percent_is_told_only_of_a_baseline_that_bears_one(
    base: list[float], arm: list[float], told: bool
) -> None:
    found = _comparison({"status-quo": base, "reform": arm}, outcome="fund_balance")
    row = found.differences().iloc[0]
    assert math.isfinite(row["difference"])
    for name in ("relative", "relative_low"):
        assert not (math.isfinite(row[name]) and not told)
    assert math.isfinite(row["relative"]) == told


def test_one_replicate_gives_a_difference_without_an_interval() -> None:
    row = _comparison({"status-quo": [10.0], "reform": [9.0]}).differences().iloc[0]
    assert row["difference"] == -1.0
    assert math.isnan(row["low"])
    assert math.isnan(row["p"])


def test_a_value_missing_in_one_arm_drops_its_pair_only() -> None:
    rows = _comparison({"status-quo": [10.0, 20.0, 30.0], "reform": [11.0, math.nan, 33.0]})
    row = rows.differences().iloc[0]
    assert row["n"] == 2
    assert row["difference"] == pytest.approx(2.0)


def test_what_is_missing_everywhere_stays_missing() -> None:
    row = _comparison({"status-quo": [math.nan], "reform": [math.nan]}).differences().iloc[0]
    assert row["n"] == 0
    assert math.isnan(row["difference"])


def test_prevented_admissions_are_the_fall_in_need() -> None:
    comparison = _comparison(
        {"status-quo": [30.0, 32.0], "reform": [27.0, 30.0]}, outcome="avoidable_need"
    )
    rows = [
        (arm, r, "avoidable_prevented", "all", math.nan)
        for arm in ("status-quo", "reform")
        for r in range(2)
    ]
    comparison.tables["summary"] = pa.concat_tables(
        [comparison.tables["summary"], _summary(rows)]
    ).unify_dictionaries()
    found = comparison.differences().set_index("outcome")
    assert found.loc["avoidable_need", "difference"] == pytest.approx(-2.5)
    assert found.loc["avoidable_prevented", "difference"] == pytest.approx(2.5)
    assert found.loc["avoidable_prevented", "relative"] == pytest.approx(2.5 / 31.0)
    assert found.loc["avoidable_prevented", "baseline_mean"] == 0.0
    assert found.loc["avoidable_prevented", "arm_mean"] == pytest.approx(2.5)


@pytest.mark.slow
def test_arms_that_differ_before_the_reform_are_found_out() -> None:
    drg = sim.load("china-county-drg").with_population(100)
    honest = compare([drg], replicates=2, simulate=make_believe(0.1))
    assert len(honest.before_check()) == 0
    monthly = honest.table("monthly")
    spoiled = (
        (monthly["arm"] != "status-quo") & (monthly["month"] == 3) & (monthly["outcome"] == "qaly")
    )
    monthly.loc[spoiled, "value"] += 1e-12 + 1e-9
    honest.tables["monthly"] = typed_table("monthly", monthly.to_dict("list"))
    wrong = honest.before_check()
    assert set(wrong["outcome"]) == {"qaly"}


@pytest.mark.slow
def test_placebo_arms_differ_by_exactly_zero() -> None:
    drg = sim.load("china-county-drg").with_population(100)
    found = compare([drg], replicates=2, simulate=make_believe(0.0)).differences()
    measured = found[found["n"] > 0]
    assert len(measured) > 100
    assert (measured["difference"] == 0.0).all()
    assert (measured["p"] == 1.0).all()
