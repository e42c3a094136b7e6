"""Parameters: every number of behavior and structure, with unit, range, source and grade.

Knows how a table of parameters is written and checked; must not know what any of them does.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from sim.errors import ScenarioError

__all__ = ["Evidence", "Parameter", "Role", "read_parameters"]

Role = Literal["lever", "uncertainty", "fixed"]
Evidence = Literal["measured", "estimated", "assumed", "calibrated", "rule"]
_DISTRIBUTIONS = ("uniform", "loguniform", "triangular", "fixed")
_ROLES = get_args(Role)
_EVIDENCE = get_args(Evidence)
_NEEDED = ("id", "value", "unit", "low", "high", "source", "evidence", "label_en", "label_zh")


@dataclass(frozen=True)
class Parameter:
    """One number with its unit, range and the ground it stands on.

    Attributes
    ----------
    id : str
        Name in scenario files and result tables.
    unit : str
        Unit of `low`, `high` and `default`.
    low, high : float
        Range within which the number is believed or may be set; `low <= default <= high`.
    default : float
        The value used when a scenario says nothing.
    distribution : str
        How draws spread over the range: uniform, loguniform, triangular, fixed.
    source : str
        Key of the source list, or a short reason for an assumed number.
    evidence : str
        measured, estimated, assumed, calibrated or rule.
    label_en, label_zh : str
        Labels in English and Chinese.
    role : {'lever', 'uncertainty', 'fixed'}
        lever: a policy maker's choice; uncertainty: not known; fixed: not swept.
    note : str
        Reason for the value or its range.
    """

    id: str
    unit: str
    low: float
    high: float
    default: float
    distribution: str
    source: str
    evidence: str
    label_en: str
    label_zh: str
    role: Role
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse a number outside its own range."""
        where = f"parameter {self.id}"
        numbers = (self.low, self.default, self.high)
        if not all(math.isfinite(x) for x in numbers):
            raise ScenarioError("not a finite number", where=where, value=numbers)
        if not self.low <= self.default <= self.high:
            raise ScenarioError(
                "the value lies outside its own range",
                where=where,
                value=self.default,
                allowed=f"{self.low:g} to {self.high:g} {self.unit}",
            )
        if self.distribution not in _DISTRIBUTIONS:
            raise ScenarioError(
                "unknown distribution",
                where=where,
                value=self.distribution,
                allowed=", ".join(_DISTRIBUTIONS),
            )
        if self.distribution == "loguniform" and not self.low > 0.0:
            raise ScenarioError(
                "a loguniform range must be above zero", where=where, value=self.low
            )
        if self.role not in _ROLES:
            raise ScenarioError(
                "unknown role", where=where, value=self.role, allowed=", ".join(_ROLES)
            )
        if self.evidence not in _EVIDENCE:
            raise ScenarioError(
                "unknown grade of evidence",
                where=where,
                value=self.evidence,
                allowed=", ".join(_EVIDENCE),
            )

    @property
    def value(self) -> float:
        """Give the default; tables call this column `value`."""
        return self.default

    def check(self, value: float, where: str) -> float:
        """Accept a value within the range, else say what is allowed."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ScenarioError("a number is needed", where=where, value=value)
        if not math.isfinite(value) or not self.low <= value <= self.high:
            raise ScenarioError(
                f"{self.id} lies outside its range",
                where=where,
                value=value,
                allowed=f"{self.low:g} to {self.high:g} {self.unit}",
                remedy="Widen the range in the region's parameters.csv if you have a source.",
            )
        return float(value)


def _number(row: Mapping[str, str], column: str, where: str) -> float:
    """Read one cell as a finite number."""
    text = (row.get(column) or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ScenarioError(f"column {column} is not a finite number", where=where, value=text)
    return value


def read_parameters(path: Path) -> dict[str, Parameter]:
    """Read a table of parameters, each with unit, range, source and grade of evidence.

    Parameters
    ----------
    path : Path
        A UTF-8 CSV file with a header. Columns: id, value, unit, low, high, source, evidence,
        label_en, label_zh and a role (column `role` or `kind`); `distribution` (uniform if
        empty or absent) and `note` are optional. Lines that start with # are skipped.

    Returns
    -------
    dict of str to Parameter
        By id, in file order.

    Raises
    ------
    ScenarioError
        With file and line, for a missing column, a repeated id or a bad cell.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as reason:
        raise ScenarioError(
            "the table cannot be read", where=str(path), remedy=str(reason.strerror or "")
        ) from None
    except UnicodeDecodeError:
        raise ScenarioError("the table is not UTF-8 text", where=str(path)) from None
    numbered = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not numbered:
        raise ScenarioError("the table is empty", where=str(path))
    header = next(csv.reader([numbered[0][1]]))
    role_column = "role" if "role" in header else "kind"
    missing = [c for c in (*_NEEDED, role_column) if c not in header]
    if missing:
        raise ScenarioError(
            f"missing columns: {', '.join(missing)}",
            where=f"{path}:{numbered[0][0]}",
            allowed=", ".join((*_NEEDED, "role", "distribution", "note")),
        )
    found: dict[str, Parameter] = {}
    for number, line in numbered[1:]:
        where = f"{path}:{number}"
        cells = next(csv.reader(io.StringIO(line)))
        if len(cells) != len(header):
            raise ScenarioError(
                "the row has another number of cells than the header",
                where=where,
                value=len(cells),
                allowed=str(len(header)),
                remedy="Put cells that contain a comma into double quotes.",
            )
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        if row["id"] in found:
            raise ScenarioError("the parameter is listed twice", where=where, value=row["id"])
        try:
            found[row["id"]] = Parameter(
                id=row["id"],
                unit=row["unit"],
                low=_number(row, "low", where),
                high=_number(row, "high", where),
                default=_number(row, "value", where),
                distribution=row.get("distribution") or "uniform",
                source=row["source"],
                evidence=row["evidence"],
                label_en=row["label_en"],
                label_zh=row["label_zh"],
                role=cast(Role, row[role_column]),
                note=row.get("note", ""),
            )
        except ScenarioError as error:
            if error.where.startswith(str(path)):
                raise
            raise ScenarioError(
                error.what,
                where=f"{where}: {error.where}",
                value=error.value,
                allowed=error.allowed,
                remedy=error.remedy,
            ) from None
    return found
