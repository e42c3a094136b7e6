"""Records: the tables of a run or comparison with where they came from; save, load, hash, compare.

Knows result tables, their units and labels, and files; must not know how a run is made, which
policy an arm stands for, nor how tables are shown.

A record is a folder: ``run.json`` says what was run with which code, seeds and inputs; one Parquet
file per table holds the results. It is written under a temporary name, synced and renamed, so that
a reader never sees half of one. Its hash covers the rows of the result tables in any order and
nothing of ``run.json``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.errors import DiskError, PayshiftError, RunError, ScenarioError, StoreError
from sim.outcomes import AREAS, OUTCOMES
from sim.units import in_currency

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RECORD_SCHEMA",
    "TABLES",
    "Comparison",
    "Record",
    "code_version",
    "content_key",
    "empty_table",
    "hash_table",
    "home",
    "outcome_table",
    "records_folder",
    "typed_table",
]

RECORD_SCHEMA = 1
RUN_FILE = "run.json"
STATUS_QUO = "status-quo"
_KEY_LENGTH = 24
_CONFIDENCE = 0.95
_CLEAR, _MOST = 2.0, 3.0  # a percent's baseline in standard errors, and the most it is told for
_WANTED_PRECISION = 0.01

_STRING = pa.dictionary(pa.int32(), pa.string())
_Column = tuple[str, pa.DataType, str, str, str]


def _keys(*more: _Column) -> tuple[_Column, ...]:
    return (
        ("arm", _STRING, "", "Arm of the comparison", "方案"),
        ("replicate", pa.int32(), "", "Replicate (one seed)", "重复（一个种子）"),
        *more,
    )


_OUTCOME: tuple[_Column, ...] = (
    ("outcome", _STRING, "", "Outcome", "结果指标"),
    ("group", _STRING, "", "Group of people or providers", "人群或机构分组"),
)
_VALUE: _Column = ("value", pa.float64(), "unit of the outcome", "Value", "数值")
_MONTH: _Column = ("month", pa.int32(), "months since the start", "Month", "月份")
_SUMMARY = _keys(*_OUTCOME, _VALUE)

_COLUMNS: dict[str, tuple[_Column, ...]] = {
    "summary": _SUMMARY,
    "before": _SUMMARY,
    "missing": _keys(*_OUTCOME, ("reason", _STRING, "", "Why there is no value", "缺值原因")),
    "monthly": _keys(_MONTH, *_OUTCOME, _VALUE),
    "providers": _keys(
        ("provider", _STRING, "", "Provider", "机构"),
        ("kind", _STRING, "", "Kind of provider", "机构类型"),
        ("name_en", _STRING, "", "Name in English", "英文名称"),
        ("name_zh", _STRING, "", "Name in Chinese", "中文名称"),
        ("outcome", _STRING, "", "Measure", "指标"),
        ("unit", _STRING, "", "Unit of the measure", "单位"),
        ("value", pa.float64(), "column unit", "Value over the reform months", "改革期数值"),
    ),
    "incentives": _keys(
        ("year", pa.int32(), "accounting years since the start", "Year", "年度"),
        ("provider", _STRING, "", "Provider", "机构"),
        ("kind", _STRING, "", "Kind of provider", "机构类型"),
        ("payer", _STRING, "", "Payer", "支付方"),
        ("activity", _STRING, "", "One more of", "每增加一单位"),
        ("unit", _STRING, "", "Unit of the one more", "单位"),
        ("marginal_receipts", pa.float64(), "CNY", "Marginal receipts", "边际收入"),
        ("marginal_cost", pa.float64(), "CNY", "Marginal cost", "边际成本"),
        ("volume", pa.float64(), "units of the year before", "Volume", "上年数量"),
    ),
    "ledger": _keys(
        _MONTH,
        ("payer", _STRING, "", "Account that pays", "付款账户"),
        ("payee", _STRING, "", "Account that is paid", "收款账户"),
        ("purpose", _STRING, "", "Purpose", "用途"),
        ("amount", pa.int64(), "fen", "Amount", "金额"),
    ),
    "accounts": _keys(
        _MONTH,
        ("account", _STRING, "", "Account", "账户"),
        ("opening", pa.int64(), "fen", "Opening balance", "期初余额"),
        ("closing", pa.int64(), "fen", "Closing balance", "期末余额"),
    ),
    "claims": _keys(),
    "people": _keys(("year", pa.int32(), "accounting years since the start", "Year", "年度")),
}
_FREE_COLUMNS: dict[str, tuple[str, str, str]] = {
    # columns of claims and people: unit and labels; their types are the run's own
    "person_uid": ("", "Person", "个人"),
    "month": ("months since the start", "Month", "月份"),
    "provider": ("", "Provider (row of the region)", "机构（序号）"),
    "payer": ("", "Payer (row of the region)", "支付方（序号）"),
    "setting": ("0 primary, 1 hospital outpatient, 2 inpatient", "Setting", "服务场所"),
    "group": ("", "Clinical group (row of the region)", "病组（序号）"),
    "mode": ("0 to 2", "Mode of treatment", "治疗方式"),
    "level_true": ("0 to 2", "True level", "真实等级"),
    "level_billed": ("0 to 2", "Billed level", "上报等级"),
    "severity": ("ratio to the group's mean", "Severity", "严重程度"),
    **{
        f"{name}_milli_{index}": ("thousandths of a unit", f"{english} {part}", f"{chinese}{zh}")
        for name, english, chinese in (("need", "Needed", "适宜"), ("units", "Given", "实际"))
        for index, (part, zh) in enumerate(
            (
                ("drugs", "药品"),
                ("diagnostics", "检查检验"),
                ("procedures", "治疗与耗材"),
                ("labor", "医疗服务"),
            )
        )
    },
    "days": ("days", "Bed-days", "床日"),
    "cost_fen": ("fen", "Resource cost", "资源成本"),
    "charge_fen": ("fen", "Charge at list price", "标价费用"),
    "covered_fen": ("fen", "Covered charge", "目录内费用"),
    "uncovered_fen": ("fen", "Uncovered charge", "目录外费用"),
    "referred_from": ("-1 none", "Referred from (row of the region)", "转出机构（序号）"),
    "flags": ("bits", "Readmission, transfer, split, low-value, audited", "标志位"),
    "income": ("CNY/year", "Income", "收入"),
    "fifth": ("0 poorest to 4 richest", "Income fifth", "收入五等分"),
    "health": ("0 none, 1 one, 2 two or more", "Chronic conditions", "慢性病"),
    "is_town": ("", "Lives in a town", "城镇居民"),
    "spent": ("fen/year", "Charges of the year", "年度费用"),
    "patient_paid": ("fen/year", "Own payments of the year", "年度自付"),
    "spent_last": ("fen/year", "Charges of the year before", "上年费用"),
    "alive_all_year": ("", "Alive all year", "全年存活"),
}


def _field(name: str, kind: pa.DataType, unit: str, english: str, chinese: str) -> pa.Field:
    return pa.field(name, kind, metadata={"unit": unit, "label_en": english, "label_zh": chinese})


def _schema(name: str, extra: Iterable[tuple[str, pa.DataType]] = ()) -> pa.Schema:
    fields = [_field(*column) for column in _COLUMNS[name]]
    known = {column[0] for column in _COLUMNS[name]}
    for column, kind in extra:
        if column not in known:
            unit, english, chinese = _FREE_COLUMNS.get(column, ("", column, column))
            fields.append(_field(column, kind, unit, english, chinese))
    return pa.schema(fields, metadata={"table": name, "record_schema": str(RECORD_SCHEMA)})


TABLES: dict[str, pa.Schema] = {name: _schema(name) for name in _COLUMNS}
"""Schemas of result tables; claims and people have further columns, those of the run."""


def column_of(values: Any, kind: pa.DataType | None = None) -> pa.Array:
    """Make a column of numbers, truths or texts.

    Arrow's own way asks whether it was given an object of pandas, and imports it for the question:
    a quarter of a second of every short run.

    Parameters
    ----------
    values : array, sequence or Arrow array
        NaN stays NaN.
    kind : DataType, optional
        Type of the column; that of the values if left out.

    Examples
    --------
    >>> column_of(["fen", "分"]).to_pylist(), column_of([1, 2], pa.int32()).type
    (['fen', '分'], DataType(int32))
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    made = values if isinstance(values, pa.Array) else _built(values)
    return made if kind is None or made.type == kind else made.cast(kind)


def _built(values: Any) -> pa.Array:
    """Lay values out in memory as Arrow does; what is none of the plain kinds is left to Arrow."""
    if isinstance(values, (list, tuple)) and all(isinstance(value, str) for value in values):
        texts: Sequence[str] = values
    else:
        array = np.ascontiguousarray(values)
        if array.dtype.kind in "iuf" and array.dtype.isnative and array.ndim == 1:
            kind = pa.from_numpy_dtype(array.dtype)
            return pa.Array.from_buffers(kind, array.size, [None, pa.py_buffer(array)])
        if array.dtype.kind == "b" and array.ndim == 1:
            bits = np.packbits(array, bitorder="little")
            return pa.Array.from_buffers(pa.bool_(), array.size, [None, pa.py_buffer(bits)])
        if array.dtype.kind != "U":
            return pa.array(values)
        texts = array.tolist()
    words = [text.encode() for text in texts]
    ends = np.zeros(len(words) + 1, dtype=np.int32)
    np.cumsum([len(word) for word in words], out=ends[1:])
    return pa.StringArray.from_buffers(
        len(words), pa.py_buffer(ends), pa.py_buffer(b"".join(words))
    )


def _numbers(column: pa.Array) -> np.ndarray[Any, np.dtype[Any]]:
    """Read a column of numbers as it lies in memory; with missing ones, as Arrow gives it."""
    kind = _LAID_OUT.get(column.type)
    if kind is None or column.null_count:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    held = np.frombuffer(column.buffers()[1], dtype=kind)
    return held[column.offset : column.offset + len(column)]


_LAID_OUT = {
    pa.float64(): np.float64,
    pa.float32(): np.float32,
    pa.int64(): np.int64,
    pa.uint64(): np.uint64,
}


def _named(texts: list[str]) -> pa.DictionaryArray:
    """Number texts that come again and again, each name written once, in order of appearance."""
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(text, len(numbers)) for text in texts]
    return pa.DictionaryArray.from_arrays(
        column_of(np.array(codes, dtype=np.int32)), column_of(list(numbers))
    )


def typed_table(name: str, columns: Mapping[str, Any]) -> pa.Table:
    """Make a result table with its units and labels from columns of equal length.

    Parameters
    ----------
    name : str
        One of :data:`TABLES`.
    columns : mapping of str to array or sequence
        Columns beyond the schema's are kept with the type they have.
    """
    known = set(TABLES[name].names)
    arrays = {c: column_of(values) for c, values in columns.items() if c not in known}
    schema = _schema(name, [(column, array.type) for column, array in arrays.items()])
    ready = []
    for item in schema:
        if item.name in arrays:
            ready.append(arrays[item.name])
            continue
        given = columns[item.name]
        is_named = pa.types.is_dictionary(item.type)
        if is_named and isinstance(given, list) and all(isinstance(v, str) for v in given):
            values = _named(given)
        else:
            values = column_of(given, None if is_named else item.type)
        if is_named and not pa.types.is_dictionary(values.type):
            values = values.cast(pa.string()).dictionary_encode()
        ready.append(values.cast(item.type))
    return pa.Table.from_arrays(ready, schema=schema)


def empty_table(name: str) -> pa.Table:
    """Give a table without rows."""
    return TABLES[name].empty_table()


# --- hashes -----------------------------------------------------------------------------------


def _plain_column(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    if pa.types.is_dictionary(whole.type):
        whole = whole.cast(whole.type.value_type)
    return whole


def _texts(column: pa.Array) -> tuple[np.ndarray[Any, np.dtype[np.int32]], bytes]:
    """Read a column of texts as it lies in memory: lengths in bytes, and all texts in a row.

    A missing text is an empty one. Texts one by one took longer than the rest of the hash.
    """
    whole = pc.fill_null(column, "") if column.null_count else column
    _, places, held = whole.buffers()
    if held is None or not len(whole):
        return np.zeros(len(whole), dtype=np.int32), b""
    ends = np.frombuffer(places, dtype=np.int32)[whole.offset : whole.offset + len(whole) + 1]
    return np.diff(ends), held[int(ends[0]) : int(ends[-1])].to_pybytes()


def hash_table(table: pa.Table) -> str:
    """Hash the rows of a table, whatever order its rows and columns are in.

    Rows are sorted by every column, then each column is hashed with its name: numbers by their
    bits (one NaN, one zero), texts by length and UTF-8. Units and labels do not enter.
    """
    plain: dict[str, pa.Array] = {}
    for name in sorted(table.column_names):
        column = _plain_column(table[name])
        if pa.types.is_floating(column.type):
            values = _numbers(column).astype(np.float64) + 0.0
            values[np.isnan(values)] = np.nan
            # Bits sort where NaN does not.
            column = column_of(values.view(np.int64))
        elif pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
            column = column.cast(pa.int64() if column.type != pa.uint64() else pa.uint64())
        plain[name] = column
    digest = hashlib.sha256()
    if not plain:
        return digest.hexdigest()
    ordered = pa.table(plain)
    order = pc.sort_indices(ordered, sort_keys=[(name, "ascending") for name in plain])
    for name, column in plain.items():
        values = column.take(order)
        digest.update(f"{name}:{len(values)}:{values.type}\n".encode())
        if pa.types.is_string(values.type):
            lengths, texts = _texts(values)
            digest.update(lengths.astype("<i8").tobytes())
            digest.update(texts)
        else:
            digest.update(_numbers(values).astype("<i8").tobytes())
    return digest.hexdigest()


def content_key(content: Mapping[str, Any]) -> str:
    """Name a record by what decides its results, so that the same run has the same name."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_KEY_LENGTH]


@lru_cache(maxsize=4)
def code_version(library: Path) -> str:
    """Hash the installed rules and library: what decides a run besides scenario and seed.

    Parameters
    ----------
    library : Path
        Folder of the scenario library.
    """
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for root, pattern in ((package, "**/*.py"), (library, "**/*")):
        for path in sorted(root.glob(pattern)):
            is_hidden = any(part.startswith((".", "__")) for part in path.relative_to(root).parts)
            if path.is_file() and (not is_hidden or path.suffix == ".py"):
                digest.update(path.relative_to(root).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


# --- folders ----------------------------------------------------------------------------------


def home() -> Path:
    """Find where results live: ``$PAYSHIFT_HOME``, else ~/.local/share/payshift."""
    named = os.environ.get("PAYSHIFT_HOME")
    return Path(named) if named else Path.home() / ".local" / "share" / "payshift"


def records_folder() -> Path:
    """Find the folder of records."""
    return home() / "records"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _on_disk(action: Callable[[], None], where: Path) -> None:
    """Turn trouble with the disk into one message."""
    try:
        action()
    except OSError as reason:
        raise DiskError(
            f"cannot be written ({reason.strerror or reason})",
            where=str(where),
            remedy="Free space or set PAYSHIFT_HOME to a folder that can be written.",
        ) from None


# --- records ----------------------------------------------------------------------------------


@dataclass
class Record:
    """What a run left: result tables and where they came from.

    Attributes
    ----------
    info : dict
        Content of run.json: schema, versions, resolved scenarios, seeds, engine, times.
    tables : dict of str to pyarrow.Table
        See :data:`TABLES`.
    path : Path or None
        Folder it was saved in or loaded from.
    """

    info: dict[str, Any]
    tables: dict[str, pa.Table] = field(repr=False)
    path: Path | None = None

    @property
    def key(self) -> str:
        """Give the name of the record: a hash of everything that decides its results."""
        return str(self.info["key"])

    @property
    def arms(self) -> list[str]:
        """Give the arms in order, the one the others are compared with first."""
        return [str(arm["id"]) for arm in self.info["arms"]]

    @property
    def seeds(self) -> list[int]:
        """Give the seed of every replicate."""
        return [int(seed) for seed in self.info["seeds"]]

    @property
    def months_before(self) -> int:
        """Give the number of months before the reform."""
        horizon = self.info["horizon"]
        return int(horizon["warm_up"]) + int(horizon["baseline"])

    @property
    def multiplier(self) -> float:
        """Give residents per simulated person, by which totals are multiplied back."""
        return float(self.info["residents"]) / float(self.info["population"])

    def table(self, name: str) -> pd.DataFrame:
        """Give a result table as a DataFrame; texts are plain strings.

        Raises
        ------
        ScenarioError
            If the record has no such table.
        """
        if name not in self.tables:
            raise ScenarioError(
                "the record has no such table",
                where=f"record {self.key}",
                value=name,
                allowed=", ".join(sorted(self.tables)),
                remedy="Claims and people are kept only when asked for with --keep."
                if name in TABLES
                else "",
            )
        frame: pd.DataFrame = self.tables[name].to_pandas(strings_to_categorical=False)
        for column in frame.columns:
            if str(frame[column].dtype) == "category":
                frame[column] = frame[column].astype(object)
        return frame

    def summary(self) -> pd.DataFrame:
        """Give every outcome over the reform months: arm, replicate, outcome, group, value."""
        return self.table("summary")

    def sha256(self) -> str:
        """Hash the result tables, order of rows and run.json left out."""
        lines = [f"{name} {hash_table(table)}" for name, table in sorted(self.tables.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def save(self, folder: Path | str | None = None) -> Path:
        """Write the record, all or nothing.

        Parameters
        ----------
        folder : Path or str, optional
            The record's own folder; by default ``records/<key>`` under :func:`home`.

        Raises
        ------
        DiskError
            If the disk does not take it; nothing half-written is left under the final name.
        """
        target = Path(folder) if folder is not None else records_folder() / self.key
        if (
            target.exists()
            and not (target / RUN_FILE).is_file()
            and (not target.is_dir() or any(target.iterdir()))
        ):
            raise DiskError(
                "there is something else than a record",
                where=str(target),
                remedy="Name a new or empty folder.",
            )
        temporary = target.parent / f".{target.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
        self.info["sha256"] = self.sha256()
        self.info["tables"] = {name: table.num_rows for name, table in sorted(self.tables.items())}

        def write() -> None:
            temporary.mkdir(parents=True)
            for name, table in self.tables.items():
                path = temporary / f"{name}.parquet"
                pq.write_table(table, path, compression="zstd")
                _sync(path)
            text = json.dumps(self.info, indent=1, ensure_ascii=False, allow_nan=False)
            run_file = temporary / RUN_FILE
            run_file.write_text(text + "\n", encoding="utf-8")
            _sync(run_file)
            _sync(temporary)
            if target.exists():
                old = temporary.with_name(temporary.name + ".old")
                target.rename(old)
                temporary.rename(target)
                shutil.rmtree(old, ignore_errors=True)
            else:
                temporary.rename(target)
            _sync(target.parent)

        try:
            _on_disk(write, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        self.path = target
        return target

    @classmethod
    def load(cls, record: Path | str) -> Record:
        """Read a record by folder or by key.

        Raises
        ------
        ScenarioError
            If there is no such record.
        StoreError
            If its files are damaged.
        """
        folder = _record_folder(record)
        try:
            info = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
            if info["record_schema"] != RECORD_SCHEMA:
                raise StoreError(
                    "the record has another schema",
                    where=str(folder / RUN_FILE),
                    value=info["record_schema"],
                    allowed=str(RECORD_SCHEMA),
                )
            tables = {path.stem: _table_in(path) for path in sorted(folder.glob("*.parquet"))}
            missing = [name for name in info.get("tables", {}) if name not in tables]
            if missing or "summary" not in tables:
                raise StoreError("a table is missing", where=str(folder), value=missing)
        except PayshiftError:
            raise
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as reason:
            raise StoreError(
                f"the record cannot be read ({type(reason).__name__})",
                where=str(folder),
                remedy="Run the scenario again.",
            ) from None
        kind = Comparison if info.get("kind") == "comparison" else Record
        return kind(info, tables, folder)


def _table_in(path: Path) -> pa.Table:
    """Read one file; to look for parts of a data set beside it takes longer than to read it."""
    with pq.ParquetFile(path) as file:
        return file.read()


def _record_folder(record: Path | str) -> Path:
    """Find a record's folder by path, key or the beginning of a key."""
    folder = Path(record)
    if (folder / RUN_FILE).is_file():
        return folder
    text = str(record)
    if "/" not in text and "\\" not in text and records_folder().is_dir():
        found = [p for p in records_folder().iterdir() if p.name.startswith(text)]
        if text and len(found) == 1 and not text.startswith("."):
            return found[0]
    raise ScenarioError(
        "no such record",
        where="record",
        value=text,
        allowed=f"a folder with {RUN_FILE}, or a key below {records_folder()}",
    )


def outcome_table(currency: str = "CNY") -> pd.DataFrame:
    """List outcomes with unit, better side, labels and definitions in both languages.

    Parameters
    ----------
    currency : str
        What money is counted in: the region's.
    """
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "id": o.id,
                "area": o.area,
                "area_en": AREAS[o.area]["en"],
                "area_zh": AREAS[o.area]["zh"],
                "unit": in_currency(o.unit, currency),
                "better": o.better,
                "label_en": o.label["en"],
                "label_zh": o.label["zh"],
                "definition_en": o.definition["en"],
                "definition_zh": o.definition["zh"],
                "by": " ".join(o.by),
            }
            for o in OUTCOMES.values()
        ]
    )


# --- comparisons ------------------------------------------------------------------------------


class Comparison(Record):
    """Arms that lived through the same months with the same people and luck.

    The first arm is what the others are measured against: the region's status quo unless left out.
    """

    def arm_table(self) -> pd.DataFrame:
        """List the arms: arm, title_en, title_zh, is_status_quo, scenario_sha."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "arm": arm["id"],
                    "title_en": arm["title"]["en"],
                    "title_zh": arm["title"]["zh"],
                    "is_status_quo": bool(arm["is_status_quo"]),
                    "scenario_sha": arm["scenario_sha"],
                }
                for arm in self.info["arms"]
            ]
        )

    def differences(self, period: str = "reform") -> pd.DataFrame:
        """Difference of every arm from the first, paired by replicate.

        Parameters
        ----------
        period : {'reform', 'before'}
            Months after the reform, or those before it, where every difference must be zero.

        Returns
        -------
        DataFrame
            Columns ``arm, outcome, group, area, unit, better, baseline_mean, arm_mean,
            difference, low, high, relative, relative_low, relative_high, p, sign_share,
            n, se_paired, se_unpaired, replicates_needed``. `low` and `high` bound the
            paired t-interval (95 %), NaN with one replicate (`n`); `relative` is a fraction of the
            baseline, NaN where a percent of it would say nothing: a baseline that is not positive
            or not clear of its own noise (twice its standard error), a change of sign, or a change
            of more than three times the baseline; `sign_share` the share of replicates with the
            sign of the mean; `replicates_needed` brings the interval's half-width to 1 % of the
            baseline.
        """
        if period not in ("reform", "before"):
            raise ScenarioError(
                "unknown period", where="differences", value=period, allowed="reform, before"
            )
        table = self.table("summary" if period == "reform" else "before")
        return _differences(table, self.arms, self.info.get("currency", "CNY"))

    def before_check(self) -> pd.DataFrame:
        """List outcomes that differ between arms before the reform; it must be empty."""
        found = self.differences("before")
        monthly = self.table("monthly")
        monthly = monthly[monthly["month"] < self.months_before]
        first = self.arms[0]
        keys = ["replicate", "month", "outcome", "group"]
        base = monthly[monthly["arm"] == first].set_index(keys)["value"]
        wrong = found[(found["difference"] != 0.0) & found["difference"].notna()][
            ["arm", "outcome", "group"]
        ]
        rows = {tuple(row) for row in wrong.itertuples(index=False)}
        for arm in self.arms[1:]:
            other = monthly[monthly["arm"] == arm].set_index(keys)["value"]
            other = other.reindex(base.index)
            is_same = (other == base) | (other.isna() & base.isna())
            for index in base.index[~is_same]:
                rows.add((arm, index[2], index[3]))
        import pandas as pd

        return pd.DataFrame(sorted(rows), columns=["arm", "outcome", "group"])


def _moments(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """Give mean and standard error of the mean; the latter NaN for one value."""
    if values.size == 1:
        return float(values[0]), math.nan
    return float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(values.size)


def _bears_percent(base: float, error: float, changed: float) -> bool:
    """Whether a change is well told in percent of its baseline.

    A balance near zero, such as a fund's surplus, is not: a few yuan are hundreds of percent.
    """
    is_clear = math.isnan(error) or base > _CLEAR * error
    return base > 0.0 and changed >= 0.0 and is_clear and abs(changed - base) <= _MOST * base


def _differences(summary: pd.DataFrame, arms: list[str], currency: str) -> pd.DataFrame:
    """Pair replicates and form differences with t-intervals; see `Comparison.differences`."""
    import pandas as pd
    from scipy.special import stdtr, stdtrit

    ordered = summary.sort_values("replicate", kind="stable")
    columns_read = (ordered[name].tolist() for name in ("arm", "outcome", "group", "value"))
    lists: dict[str, dict[tuple[str, str], list[float]]] = {}
    for arm, outcome, group, value in zip(*columns_read, strict=True):
        lists.setdefault(str(arm), {}).setdefault((str(outcome), str(group)), []).append(value)
    values = {
        arm: {key: np.array(cell, dtype=np.float64) for key, cell in cells.items()}
        for arm, cells in lists.items()
    }
    if set(values) != set(arms):
        raise RunError("an arm has no results", where="comparison", allowed=", ".join(arms))
    rows: list[dict[str, object]] = []
    for arm in arms[1:]:
        for outcome, group in values[arms[0]]:
            about = OUTCOMES.get(outcome)
            if about is None:
                continue
            key = (about.minus or outcome, group)
            if key not in values[arm]:
                continue
            base, changed = values[arms[0]][key], values[arm][key]
            both = np.isfinite(base) & np.isfinite(changed)
            n = int(both.sum())
            row: dict[str, object] = {
                "arm": arm,
                "outcome": outcome,
                "group": group,
                "area": about.area,
                "unit": in_currency(about.unit, currency),
                "better": about.better,
            }
            if n == 0:
                rows.append({**row, "n": 0})
                continue
            base, changed = base[both], changed[both]
            paired = changed - base
            if about.minus:
                paired = -paired
            mean, error = _moments(paired)
            base_mean, base_error = _moments(base)
            arm_mean, arm_error = _moments(changed)
            low = high = p = needed = math.nan
            if n > 1:
                half = float(stdtrit(n - 1, 0.5 + _CONFIDENCE / 2.0)) * error
                low, high = mean - half, mean + half
                if error > 0.0:
                    p = 2.0 * float(stdtr(n - 1, -abs(mean) / error))
                else:
                    p = 1.0 if mean == 0.0 else 0.0
                if base_mean != 0.0:
                    wanted = _WANTED_PRECISION * abs(base_mean)
                    sd = error * math.sqrt(n)
                    needed = float(max(2, math.ceil((1.96 * sd / wanted) ** 2)))
            arm_end = base_mean + (-mean if about.minus else mean)
            scale = base_mean if _bears_percent(base_mean, base_error, arm_end) else math.nan
            sign = math.copysign(1.0, mean) if mean != 0.0 else 0.0
            rows.append(
                {
                    **row,
                    # Measured from the first arm, which prevents nothing against itself.
                    "baseline_mean": 0.0 if about.minus else base_mean,
                    "arm_mean": mean if about.minus else arm_mean,
                    "difference": mean,
                    "low": low,
                    "high": high,
                    "relative": mean / scale,
                    "relative_low": low / scale,
                    "relative_high": high / scale,
                    "p": p,
                    "sign_share": float(np.mean(np.sign(paired) == sign)),
                    "n": n,
                    "se_paired": error,
                    "se_unpaired": math.hypot(base_error, arm_error),
                    "replicates_needed": needed,
                }
            )
    columns = [
        "arm",
        "outcome",
        "group",
        "area",
        "unit",
        "better",
        "baseline_mean",
        "arm_mean",
        "difference",
        "low",
        "high",
        "relative",
        "relative_low",
        "relative_high",
        "p",
        "sign_share",
        "n",
        "se_paired",
        "se_unpaired",
        "replicates_needed",
    ]
    return pd.DataFrame(rows, columns=columns)
