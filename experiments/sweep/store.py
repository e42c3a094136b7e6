"""The store of a sweep: one SQLite file that survives being killed at any instant.

Knows rows, checksums, the lock and the disk; must not know how a run is executed or analyzed.

Write-ahead logging and one writer: a row is there whole or not at all, whatever is killed when.
Rows are only added, each with a checksum over all its columns; what was planned is written down
before the first run, so that a missing row is as visible as a damaged one. A store that was closed
in good order has its SHA-256 beside it (``sha256sum --check`` reads it), which also covers the
bytes between the rows.

References
----------
SQLite, Write-ahead logging. https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import math
import os
import socket
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from experiments.sweep.design import Design, Run
from sim.errors import DiskError, PayshiftError, ScenarioError, StoreError

__all__ = [
    "STATUSES",
    "STORE_SCHEMA",
    "ChangedError",
    "Damage",
    "Plan",
    "Row",
    "Store",
    "fault_point",
    "same_result",
]

STORE_SCHEMA = 1
STATUSES = ("ok", "failed", "crashed", "timeout", "memory")
"""How a run ended: with outcomes, by an error of the model, or stopped for good."""

_COLUMNS = (
    "key",
    "scenario_sha",
    "params_json",
    "arm",
    "draw",
    "replicate",
    "seed",
    "code_version",
    "status",
    "tries",
    "reason",
    "seconds",
    "peak_mb",
    "sha256",
    "summary",
    "monthly",
)
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY,
    scenario_sha TEXT NOT NULL,
    params_json TEXT NOT NULL,
    arm TEXT NOT NULL,
    draw INTEGER NOT NULL,
    replicate INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    code_version TEXT NOT NULL,
    status TEXT NOT NULL,
    tries INTEGER NOT NULL,
    reason TEXT NOT NULL,
    seconds REAL NOT NULL,
    peak_mb REAL NOT NULL,
    sha256 TEXT NOT NULL,
    summary TEXT NOT NULL,
    monthly BLOB
);
"""
_BUSY_MS = 30_000
_REMEDY_DISK = "Free space and go on with --resume; what is in the store stays."


def fault_point(name: str) -> None:
    """Pass a step that writes, by its name; a test puts a fault in this place."""


class Row(NamedTuple):
    """One finished run, as it is stored.

    Attributes
    ----------
    key : str
        See `Design.key`.
    run : Run
    status : str
        One of :data:`STATUSES`.
    tries : int
    reason : str
        Why there are no outcomes; empty if there are.
    seconds, peak_mb : float
        What the run took; they do not enter the hash of results.
    summary : mapping of str to float
        Outcomes; empty if there are none. NaN is kept as such.
    monthly : mapping of str to float64, shape (n_months,)
    """

    key: str
    run: Run
    status: str
    tries: int
    reason: str
    seconds: float
    peak_mb: float
    summary: Mapping[str, float]
    monthly: Mapping[str, npt.NDArray[np.float64]]


class Damage(NamedTuple):
    """Something wrong with a store: which run, and what."""

    arm: str
    draw: int
    replicate: int
    key: str
    what: str

    @property
    def message(self) -> str:
        """Say it in one line."""
        if not self.key:
            return self.what
        return f"arm {self.arm}, draw {self.draw}, replicate {self.replicate}: {self.what}"


class ChangedError(ScenarioError):
    """A store was begun with another design or other code than it is to be gone on with."""


@dataclass(frozen=True)
class Plan:
    """What a store is for: a design with its points, under one version of the code.

    Attributes
    ----------
    design : Design
    points : float64, shape (n_draws, n_factors)
    code_version : str
    model : str
        JSON from which the model can be rebuilt; empty for a callable that only its author has.
    shard : (i, n)
        The part of the runs this store is for; (1, 1) for all.
    """

    design: Design
    points: npt.NDArray[np.float64]
    code_version: str
    model: str = ""
    shard: tuple[int, int] = (1, 1)

    def __len__(self) -> int:
        """Give the number of runs of this part, equal draws counted once."""
        return int(self._units.size) * len(self.design.arms)

    @cached_property
    def first_draws(self) -> npt.NDArray[np.int64]:
        """Give for each draw the first one with the same values: they share their runs."""
        _, index, inverse = np.unique(self.points, axis=0, return_index=True, return_inverse=True)
        return np.asarray(index[inverse.ravel()], dtype=np.int64)

    @cached_property
    def _units(self) -> npt.NDArray[np.int64]:
        """Give the pairs of replicate and draw in order, each as one number; arms go inside."""
        n_draws = len(self.points)
        first = self.first_draws == np.arange(n_draws)
        units = np.arange(self.design.replicates * n_draws, dtype=np.int64)
        part, parts = self.shard
        mine: npt.NDArray[np.int64] = units[first[units % n_draws] & (units % parts == part - 1)]
        return mine

    def run(self, index: int) -> Run:
        """Give the run at a place of the order in which runs are started.

        Arms are innermost: wherever a sweep is stopped, no arm is more than one run behind.
        """
        unit, arm = divmod(index, len(self.design.arms))
        replicate, draw = divmod(int(self._units[unit]), len(self.points))
        return Run(arm, draw, replicate, self._seeds[replicate])

    @cached_property
    def _seeds(self) -> list[int]:
        from sim.runner import seed_of

        return [seed_of(self.design.seed, r) for r in range(self.design.replicates)]

    def parameters(self, run: Run) -> dict[str, Any]:
        """Give what the model is told of a run."""
        return dict(self.design.parameters(self.points[run.draw], run.replicate))

    def params_json(self, run: Run) -> str:
        """Give a run's parameters as they are stored."""
        return self.design.params_json(self.points[run.draw], run.replicate)

    def key(self, run: Run) -> str:
        """Give a run's key."""
        return self.design.key(run, self.params_json(run), self.code_version)

    def runs(self) -> Iterator[tuple[str, Run, str]]:
        """List runs with key and parameters in order."""
        for index in range(len(self)):
            run = self.run(index)
            text = self.params_json(run)
            yield self.design.key(run, text, self.code_version), run, text

    def sha256(self) -> str:
        """Hash what decides the results, code aside."""
        digest = hashlib.sha256(self.design.sha256().encode())
        digest.update(self.points.astype("<f8").tobytes())
        return digest.hexdigest()


# --- rows as bytes ----------------------------------------------------------------------------


def _summary_text(summary: Mapping[str, float]) -> str:
    """Write outcomes with exact floats; JSON has no NaN, so that one is null."""
    plain = {
        name: float(value) if math.isfinite(value) else _word(value)
        for name, value in summary.items()
    }
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _word(value: float) -> str | None:
    if math.isnan(value):
        return None
    return "inf" if value > 0 else "-inf"


def _summary_of(text: str) -> dict[str, float]:
    return {
        name: math.nan if value is None else float(value)
        for name, value in json.loads(text).items()
    }


def _monthly_bytes(monthly: Mapping[str, npt.NDArray[np.float64]]) -> bytes | None:
    """Write series as a header line of JSON and little-endian float64, one after the other."""
    if not monthly:
        return None
    arrays = {name: np.asarray(v, dtype="<f8").ravel() for name, v in monthly.items()}
    head = json.dumps({name: len(v) for name, v in arrays.items()}, ensure_ascii=False)
    return head.encode() + b"\n" + b"".join(v.tobytes() for v in arrays.values())


def _monthly_of(raw: bytes | None) -> dict[str, npt.NDArray[np.float64]]:
    if raw is None:
        return {}
    head, _, body = raw.partition(b"\n")
    found, start = {}, 0
    for name, length in json.loads(head).items():
        values = np.frombuffer(body, dtype="<f8", count=length, offset=start)
        found[name] = values.astype(np.float64)
        start += 8 * length
    return found


def _row_sha(cells: Sequence[Any]) -> str:
    """Hash all columns of a row but its checksum, each with its type and length."""
    digest = hashlib.sha256()
    for name, cell in zip(_COLUMNS, cells, strict=True):
        if name == "sha256":
            continue
        raw = cell if isinstance(cell, bytes) else repr(cell).encode()
        digest.update(f"{name}:{type(cell).__name__}:{len(raw)}:".encode() + raw)
    return digest.hexdigest()


def _result_digest(key: str, status: str, summary: str, monthly: bytes | None) -> bytes:
    """Hash what a run gave; time, tries and the reason of a failure do not enter."""
    digest = hashlib.sha256(f"{key}:{status}:{len(summary)}:{summary}:".encode())
    digest.update(monthly or b"")
    return digest.digest()


def same_result(one: Row, other: Row) -> bool:
    """Say whether two runs gave the same, bit for bit."""
    return _digest_of(one) == _digest_of(other)


def _digest_of(row: Row) -> bytes:
    return _result_digest(
        row.key, row.status, _summary_text(row.summary), _monthly_bytes(row.monthly)
    )


def _meta_sha(key: str, value: bytes) -> str:
    return hashlib.sha256(key.encode() + b"\0" + value).hexdigest()


# --- the lock ---------------------------------------------------------------------------------


class _Lock:
    """An exclusive lock beside the store; the system releases it when its holder dies."""

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(store.name + ".lock")
        self.handle: int | None = None

    def take(self) -> None:
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                _lock_handle(handle)
            except OSError as reason:
                holder = os.read(handle, 200).decode("utf-8", "replace").strip()
                os.close(handle)
                if reason.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                    raise
                raise ScenarioError(
                    "another sweep is writing this store",
                    where=str(self.path.with_suffix("")),
                    value=holder or "unknown process",
                    remedy="Wait for it or stop it; two writers would do the same runs twice.",
                ) from None
            # The holder before us may have removed the file that we have just locked.
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(handle), os.stat(self.path)):
                    break
            os.close(handle)
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        self.handle = handle

    def free(self) -> None:
        if self.handle is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
            os.close(self.handle)
            self.handle = None


def _lock_handle(handle: int) -> None:
    """Lock a file or raise OSError at once if somebody else has."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


# --- the store --------------------------------------------------------------------------------


def _disk_or_damage(error: sqlite3.Error, path: Path) -> PayshiftError:
    """Tell a full or failing disk from a damaged file."""
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return DiskError(f"cannot be written ({error})", where=str(path), remedy=_REMEDY_DISK)
    if code == "SQLITE_NOTADB":
        return StoreError(
            f"not the store of a sweep, or its beginning is overwritten ({error})",
            where=str(path),
            remedy="Name the file that `payshift sweep` called its store, or take a copy of it.",
        )
    return StoreError(
        f"the store is damaged ({error})", where=str(path), remedy=f"See: payshift verify {path}"
    )


def _disk(reason: OSError, path: Path) -> DiskError:
    return DiskError(
        f"cannot be written ({reason.strerror or reason})", where=str(path), remedy=_REMEDY_DISK
    )


class Store:
    """A sweep's store, open for reading or as its only writer.

    Use `create`, `resume` or `read`, and close it (or use ``with``).
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: _Lock | None) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._plan: Plan | None = None

    # -- opening

    @classmethod
    def create(cls, path: Path | str, plan: Plan) -> Store:
        """Make a store for a plan; refuse to touch one that is there.

        Raises
        ------
        ScenarioError
            If there is a store already, or another process is making it.
        DiskError
        """
        path = Path(path)
        store = cls._open_to_write(path)
        try:
            if store._read_meta():
                raise ScenarioError(
                    "the store exists",
                    where=str(path),
                    remedy="Go on with --resume, or name another with --out.",
                )
            store._write_plan(plan)
        except BaseException:
            store.close(in_order=False)
            raise
        return store

    @classmethod
    def resume(cls, path: Path | str, plan: Plan, accept_changes: bool = False) -> Store:
        """Open a store to go on; refuse another design or another code unless told.

        Raises
        ------
        ScenarioError
            For another design, code, or model, or another process that is writing.
        StoreError
            If the plan in the store is damaged.
        """
        path = Path(path)
        store = cls._open_to_write(path)
        try:
            if store._read_meta():
                store._check_same(plan, accept_changes)
                if accept_changes:
                    store._write_plan(plan)
            else:
                # Killed before the plan was written: nothing is lost.
                store._write_plan(plan)
        except BaseException:
            store.close(in_order=False)
            raise
        return store

    @classmethod
    def read(cls, path: Path | str) -> Store:
        """Open a store for reading, also while a sweep is writing it."""
        path = Path(path)
        if not path.is_file():
            raise ScenarioError("there is no such store", where=str(path))
        try:
            connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None)
            connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            raise _disk_or_damage(error, path) from None
        store = cls(path, connection, None)
        try:
            store._plan = store._read_plan()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def _open_to_write(cls, path: Path) -> Store:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = _Lock(path)
            lock.take()
        except OSError as reason:
            raise _disk(reason, path) from None
        try:
            fault_point("open")
            _sealed(path).unlink(missing_ok=True)
            connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA auto_vacuum = NONE")
            fault_point("tables")
            connection.executescript(f"BEGIN IMMEDIATE;{_TABLES}COMMIT;")
        except BaseException as error:
            lock.free()
            if isinstance(error, sqlite3.Error):
                raise _disk_or_damage(error, path) from None
            if isinstance(error, OSError):
                raise _disk(error, path) from None
            raise
        return cls(path, connection, lock)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.close(in_order=kind is None)

    def close(self, in_order: bool = True) -> None:
        """Close the store; a writer in good order folds the log in and writes the SHA-256."""
        try:
            if self._lock is not None and in_order:
                fault_point("checkpoint")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._connection.close()
            if self._lock is not None and in_order:
                fault_point("seal")
                _seal(self.path)
        except sqlite3.Error as error:
            raise _disk_or_damage(error, self.path) from None
        except OSError as reason:
            raise _disk(reason, self.path) from None
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            if self._lock is not None:
                self._lock.free()
                self._lock = None

    # -- the plan

    def _read_meta(self) -> dict[str, bytes]:
        try:
            rows = self._connection.execute("SELECT key, value, sha256 FROM meta").fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if isinstance(error, sqlite3.Error):
                raise _disk_or_damage(error, self.path) from None
            raise StoreError("the plan is damaged", where=str(self.path)) from None
        found = {}
        for key, value, sha in rows:
            if not isinstance(value, bytes) or _meta_sha(str(key), value) != sha:
                raise StoreError(
                    f"the entry {key} of the plan is damaged",
                    where=str(self.path),
                    remedy="Take the store from a copy; its runs cannot be told apart without it.",
                )
            found[str(key)] = value
        return found

    def _write_plan(self, plan: Plan) -> None:
        raw = io.BytesIO()
        np.save(raw, plan.points.astype("<f8"), allow_pickle=False)
        design = plan.design
        entries = {
            "store_schema": str(STORE_SCHEMA).encode(),
            "design": design.as_json().encode(),
            "points": raw.getvalue(),
            "code_version": plan.code_version.encode(),
            "model": plan.model.encode(),
            "shard": json.dumps(plan.shard).encode(),
            "plan_sha256": plan.sha256().encode(),
        }
        rows = [(key, value, _meta_sha(key, value)) for key, value in entries.items()]
        with self._transaction("plan"):
            self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", rows)
        self._plan = plan

    @property
    def plan(self) -> Plan:
        """Give the plan that was written down before the first run."""
        if self._plan is None:
            self._plan = self._read_plan()
        return self._plan

    def _read_plan(self) -> Plan:
        meta = self._read_meta()
        try:
            points = np.load(io.BytesIO(meta["points"]), allow_pickle=False)
            shard = json.loads(meta["shard"])
            found = Plan(
                Design.from_json(meta["design"].decode()),
                np.asarray(points, dtype=np.float64),
                meta["code_version"].decode(),
                meta["model"].decode(),
                (int(shard[0]), int(shard[1])),
            )
            if meta["store_schema"] != str(STORE_SCHEMA).encode():
                raise StoreError(
                    "the store is of another version",
                    where=str(self.path),
                    value=meta["store_schema"].decode(),
                    allowed=str(STORE_SCHEMA),
                )
        except (KeyError, ValueError, TypeError, PayshiftError) as reason:
            if isinstance(reason, StoreError):
                raise
            raise StoreError(
                "not the store of a sweep, or its plan is damaged", where=str(self.path)
            ) from None
        return found

    @property
    def design(self) -> Design:
        """Give the design."""
        return self.plan.design

    def _check_same(self, plan: Plan, accept_changes: bool) -> None:
        mine = self.plan
        if mine.shard != plan.shard:
            raise ScenarioError(
                "the store is for another part of the sweep",
                where=str(self.path),
                value=f"{mine.shard[0]}/{mine.shard[1]}",
                allowed=f"{plan.shard[0]}/{plan.shard[1]}",
                remedy="Name the part's own store with --out.",
            )
        if accept_changes:
            return
        changed = []
        if mine.sha256() != plan.sha256():
            changed.append("design")
        if mine.code_version != plan.code_version:
            changed.append("code")
        if changed:
            raise ChangedError(
                f"the {' and the '.join(changed)} changed since this store was begun",
                where=str(self.path),
                remedy="Take a new store with --out, or go on with --accept-changes: runs whose "
                "scenario, parameters, seed and code are the same are kept, the others done anew.",
            )

    # -- rows

    @contextlib.contextmanager
    def _transaction(self, name: str) -> Iterator[None]:
        """Write all or nothing."""
        try:
            fault_point(f"{name}:begin")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                fault_point(f"{name}:commit")
                self._connection.execute("COMMIT")
                fault_point(f"{name}:done")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                raise
        except sqlite3.IntegrityError as error:
            raise StoreError(f"a run is stored twice ({error})", where=str(self.path)) from None
        except sqlite3.Error as error:
            raise _disk_or_damage(error, self.path) from None
        except OSError as reason:
            raise _disk(reason, self.path) from None

    def add(self, rows: Iterable[Row]) -> None:
        """Add finished runs; when this returns they are on the disk."""
        ready = []
        for row in rows:
            ready.append(self._cells(row, self.plan.params_json(row.run)))
        marks = ", ".join("?" * len(_COLUMNS))
        with self._transaction("rows"):
            for cells in ready:
                fault_point("rows:insert")
                self._connection.execute(f"INSERT INTO runs VALUES ({marks})", cells)

    def _cells(self, row: Row, params_json: str) -> list[Any]:
        arm = self.design.arms[row.run.arm]
        cells = [
            row.key,
            self.design.scenario_sha.get(arm, ""),
            params_json,
            arm,
            row.run.draw,
            row.run.replicate,
            row.run.seed,
            self.plan.code_version,
            row.status,
            row.tries,
            row.reason,
            float(row.seconds),
            float(row.peak_mb),
            "",
            _summary_text(row.summary),
            _monthly_bytes(row.monthly),
        ]
        cells[_COLUMNS.index("sha256")] = _row_sha(cells)
        return cells

    def remove_failed(self) -> int:
        """Forget runs that failed, so that they are tried again; give their number."""
        with self._transaction("retry"):
            cursor = self._connection.execute("DELETE FROM runs WHERE status <> 'ok'")
        return cursor.rowcount

    def status_of(self, key: str) -> str:
        """Give the status of a run; an empty text if it is not there."""
        try:
            found = self._connection.execute(
                "SELECT status FROM runs WHERE key = ?", (key,)
            ).fetchone()
        except sqlite3.Error as error:
            raise _disk_or_damage(error, self.path) from None
        return "" if found is None else str(found[0])

    def get(self, key: str) -> Row | None:
        """Give one run, checked against its checksum; None if it is not there.

        Raises
        ------
        StoreError
            If the row is damaged.
        """
        try:
            found = self._connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE key = ?", (key,)
            ).fetchone()
        except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
            raise StoreError(f"cannot be read ({error})", where=f"run {key[:12]}") from None
        return None if found is None else self._row(found)

    def _row(self, cells: Sequence[Any]) -> Row:
        named = dict(zip(_COLUMNS, cells, strict=True))
        if _row_sha(cells) != named["sha256"]:
            raise StoreError("does not fit its checksum", where=f"run {str(named['key'])[:12]}")
        arm = self.design.arms.index(named["arm"]) if named["arm"] in self.design.arms else -1
        return Row(
            named["key"],
            Run(arm, named["draw"], named["replicate"], named["seed"]),
            named["status"],
            named["tries"],
            named["reason"],
            named["seconds"],
            named["peak_mb"],
            _summary_of(named["summary"]),
            _monthly_of(named["monthly"]),
        )

    def find(self, key: str) -> str:
        """Complete the beginning of a key.

        Raises
        ------
        ScenarioError
            If no run or several runs begin so.
        """
        text = key.strip().lower()
        if not text or any(letter not in "0123456789abcdef" for letter in text):
            raise ScenarioError("not a run's key", where="--row", value=key, allowed="hex digits")
        found = self._connection.execute(
            "SELECT key FROM runs WHERE key BETWEEN ? AND ? LIMIT 2", (text, text + "g")
        ).fetchall()
        if len(found) != 1:
            raise ScenarioError(
                "several runs begin so" if found else "no run of the store begins so",
                where="--row",
                value=key,
                remedy="Keys are in the column `key` of: payshift export STORE",
            )
        return str(found[0][0])

    def counts(self) -> dict[str, int]:
        """Count rows by status."""
        try:
            rows = self._connection.execute("SELECT status, COUNT(*) FROM runs GROUP BY status")
            return {str(status): int(n) for status, n in rows}
        except sqlite3.Error as error:
            raise _disk_or_damage(error, self.path) from None

    def result_sha256(self) -> str:
        """Hash what all planned runs gave, the same however they were executed."""
        digest = hashlib.sha256()
        for key, _, _ in self.plan.runs():
            row = self.get(key)
            if row is not None:
                digest.update(_digest_of(row))
        return digest.hexdigest()

    # -- verification

    def verify(self) -> list[Damage]:
        """Check every planned run against its checksum and the file as a whole.

        Returns
        -------
        list of Damage
            Empty if everything is there and whole. Runs that ended without outcomes are no damage.
        """
        found: list[Damage] = []
        design = self.design
        known = set[str]()
        for key, run, params_json in self.plan.runs():
            known.add(key)
            arm = design.arms[run.arm]
            try:
                cells = self._connection.execute(
                    f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE key = ?", (key,)
                ).fetchone()
                if cells is None:
                    what = "missing"
                else:
                    row = self._row(cells)
                    is_same = row.run == run and cells[_COLUMNS.index("params_json")] == params_json
                    what = "" if is_same else "is filed as another run"
            except (sqlite3.Error, OverflowError, UnicodeDecodeError, ValueError) as error:
                what = f"damaged ({error})"
            except StoreError as error:
                what = f"damaged ({error.what})"
            if what:
                found.append(Damage(arm, run.draw, run.replicate, key, what))
        found += self._file_damage(known)
        return found

    def _file_damage(self, known: set[str]) -> list[Damage]:
        """Look for rows nobody planned, for damage between rows, and at the file's own hash."""
        found = []
        try:
            version = self.plan.code_version
            strangers = 0
            for key, code in self._connection.execute("SELECT key, code_version FROM runs"):
                strangers += key not in known and code == version
            if strangers:
                found.append(Damage("", -1, -1, "", f"{strangers} rows belong to no planned run"))
            for (line,) in self._connection.execute("PRAGMA integrity_check"):
                if line != "ok":
                    found.append(Damage("", -1, -1, "", f"file: {line}"))
        except (sqlite3.Error, UnicodeDecodeError) as error:
            found.append(Damage("", -1, -1, "", f"file: {error}"))
        sealed = _sealed(self.path)
        log = self.path.with_name(self.path.name + "-wal")
        is_folded = not log.exists() or log.stat().st_size == 0
        if sealed.exists() and is_folded and _written_sha(sealed) != _file_sha(self.path):
            found.append(
                Damage("", -1, -1, "", f"the file does not fit its SHA-256 in {sealed.name}")
            )
        return found


def _sealed(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _file_sha(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _written_sha(sealed: Path) -> str:
    return sealed.read_bytes().partition(b" ")[0].decode("utf-8", "replace")


def _seal(path: Path) -> None:
    """Write the file's SHA-256 beside it, whole or not at all."""
    target = _sealed(path)
    partial = target.with_name(target.name + ".partial")
    with partial.open("w", encoding="utf-8") as handle:
        handle.write(f"{_file_sha(path)}  {path.name}\n")
        handle.flush()
        os.fsync(handle.fileno())
    partial.replace(target)
