"""The record of the joint calibration: what every study gives unseen and fitted together.

Knows rows, moments and sets of parameters, and two files (JSON and CSV); must not know how a fit is
searched or how anything is lived.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiments.baseline import baseline_of
from experiments.evidence.findings import Finding, Target
from experiments.evidence.joint import STRUCTURAL, Confirmed, Fits, Size, studies_of
from experiments.evidence.record import PACKAGED, Row, Simulated, judged
from experiments.evidence.rows import as_csv, as_lines, numbers, write_files
from sim.errors import ScenarioError, StoreError

__all__ = [
    "JointMoment",
    "JointParameter",
    "JointRecord",
    "JointRow",
    "joint_of",
    "read_joint",
    "write_joint",
]

_SCHEMA: Final = 1
_NAME: Final = "joint"
_DIGITS: Final = 7


@dataclass(frozen=True)
class JointRow:
    """One published number: at today's parameters, unseen, and fitted together; NaN where none is.

    Attributes
    ----------
    id, target, region : str
    record, record_light : float, str
        The record of evidence at the region's own parameters.
    unseen, unseen_low, unseen_high, unseen_light
        Lived at the set fitted without this study: mean, its 95 % interval, verdict. The verdict is
        empty for numbers that are never left out.
    joint, joint_low, joint_high, joint_light
        Lived at the set fitted to everything.
    guessed_unseen, guessed_joint : float
        What the surfaces said of the two before they were lived.
    sign : int
        Published sign of the effect; 0 where none counts.
    explained : float
        Share of variance that the surface explains among runs it was not shown.
    reach_low, reach_high : float
        Least and largest value among the points of the design, as the surface has it.
    seeds, people : int
        Behind the lived numbers.
    """

    id: str
    target: str
    region: str
    label_en: str
    label_zh: str
    unit: str
    published: float
    band_low: float
    band_high: float
    record: float
    record_light: str
    unseen: float
    unseen_low: float
    unseen_high: float
    unseen_light: str
    joint: float
    joint_low: float
    joint_high: float
    joint_light: str
    guessed_unseen: float
    guessed_joint: float
    sign: int
    explained: float
    reach_low: float
    reach_high: float
    seeds: int
    people: int

    @property
    def is_reachable(self) -> bool:
        """Tell whether the band and what the points of the design give have a value in common.

        Of a number that nothing was seen to move this is not known, and nothing is denied.
        """
        if self.reach_low == self.reach_high:
            return True
        return self.reach_low <= self.band_high and self.band_low <= self.reach_high

    @property
    def has_wrong_sign(self) -> bool:
        """Tell whether the joint set moves the number against what was published."""
        return self.sign * self.joint < 0.0


@dataclass(frozen=True)
class JointMoment:
    """One moment of a region's baseline at its own parameters and at the joint set."""

    region: str
    id: str
    of: str
    unit: str
    low: float
    high: float
    record: float
    joint: float
    joint_low: float
    joint_high: float

    def is_in(self, value: float) -> bool:
        """Tell whether a value lies in the band."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class JointParameter:
    """One parameter: its range, today's value, the joint one, and those without each study."""

    region: str
    id: str
    is_structural: bool
    low: float
    high: float
    default: float
    joint: float
    without: Mapping[str, float]


@dataclass(frozen=True)
class JointRecord:
    """Rows, moments and parameters of all regions, and what made them.

    Attributes
    ----------
    about : mapping of region to mapping
        points, share, baseline, replicates, command.
    """

    rows: tuple[JointRow, ...]
    moments: tuple[JointMoment, ...]
    parameters: tuple[JointParameter, ...]
    about: Mapping[str, Mapping[str, Any]]

    def updated(self, other: JointRecord) -> JointRecord:
        """Put the regions of another record in the place of those here."""

        def kept(of: Sequence[Any], fresh: Sequence[Any]) -> tuple[Any, ...]:
            return (*(one for one in of if one.region not in other.about), *fresh)

        def order(row: JointRow) -> tuple[int, str]:
            digits = "".join(c for c in row.id if c.isdigit())
            return int(digits or 0), row.id

        return JointRecord(
            tuple(sorted(kept(self.rows, other.rows), key=order)),
            kept(self.moments, other.moments),
            kept(self.parameters, other.parameters),
            {**self.about, **other.about},
        )

    def set_of(self, region: str) -> dict[str, float]:
        """Give a region's joint set: value by parameter."""
        found = {one.id: one.joint for one in self.parameters if one.region == region}
        if not found:
            raise ScenarioError(
                "the region has no fitted set",
                where="--fitted",
                value=region,
                allowed=", ".join(self.about),
                remedy=f"payshift evidence joint --region {region}",
            )
        return found


EMPTY: Final = JointRecord((), (), (), {})


def joint_of(
    fits: Fits,
    confirmed: Confirmed,
    size: Size,
    replicates: int,
    evidence: Mapping[tuple[str, str], Row],
) -> JointRecord:
    """Put a region's fits and what they gave when lived beside what was published.

    Parameters
    ----------
    fits : Fits
    confirmed : Confirmed
    size : Size
    replicates : int
    evidence : mapping of (finding, target) to Row
        The record of evidence at the region's own parameters.
    """
    place = {name: index for index, name in enumerate(fits.numbers)}
    rows = []
    for finding in studies_of(fits.region):
        for target in finding.targets:
            key = finding.id, target.id
            name = f"{finding.id}:{target.id}"
            if key in confirmed.joint and name in place:
                rows.append(_row(finding, target, fits, place[name], confirmed, evidence[key]))
    moments = []
    for moment in baseline_of(fits.region).moments:
        if moment.id in confirmed.moments:
            record = float(fits.emulated["record"][place[f"baseline:{moment.id}"]])
            band = moment.low, moment.high
            found = confirmed.moments[moment.id]
            one = JointMoment(fits.region, moment.id, moment.of, moment.unit, *band, record, *found)
            moments.append(one)
    parameters = [
        JointParameter(
            fits.region,
            name,
            name in STRUCTURAL[fits.region],
            fits.ranges[name][0],
            fits.ranges[name][2],
            fits.ranges[name][1],
            float(fits.sets["joint"][i]),
            {study: float(of[i]) for study, of in fits.sets.items() if study != "joint"},
        )
        for i, name in enumerate(fits.names)
    ]
    about = {
        "points": fits.points,
        "share": size.share,
        "baseline": size.baseline,
        "replicates": replicates,
        "command": f"payshift evidence joint --region {fits.region} --points {size.points} "
        f"--replicates {replicates}",
    }
    return JointRecord(tuple(rows), tuple(moments), tuple(parameters), {fits.region: about})


def _light(target: Target, found: Simulated) -> str:
    """Judge a number, if there is one: few persons may leave a question without cases."""
    return judged(target, found).light if math.isfinite(found.value) else ""


def _row(
    finding: Finding, target: Target, fits: Fits, at: int, confirmed: Confirmed, known: Row
) -> JointRow:
    key = finding.id, target.id
    joint, unseen = confirmed.joint[key], confirmed.unseen.get(key)
    guessed = fits.emulated.get(finding.id)
    form = target.form
    nothing = Simulated(math.nan, math.nan, math.nan)
    seen = nothing if unseen is None else unseen
    return JointRow(
        id=finding.id,
        target=target.id,
        region=fits.region,
        label_en=form.label.en,
        label_zh=form.label.zh,
        unit=form.unit,
        published=math.nan if form.published is None else form.published,
        band_low=form.band[0],
        band_high=form.band[1],
        record=known.simulated,
        record_light=known.light,
        unseen=seen.value,
        unseen_low=seen.low,
        unseen_high=seen.high,
        unseen_light=_light(target, seen),
        joint=joint.value,
        joint_low=joint.low,
        joint_high=joint.high,
        joint_light=_light(target, joint),
        guessed_unseen=math.nan if guessed is None else float(guessed[at]),
        guessed_joint=float(fits.emulated["joint"][at]),
        sign=form.sign,
        explained=fits.surfaces[at].q2,
        reach_low=float(fits.reach[at, 0]),
        reach_high=float(fits.reach[at, 1]),
        seeds=joint.seeds,
        people=joint.people,
    )


# --- files ---------------------------------------------------------------------------------------


def write_joint(record: JointRecord, folder: Path) -> None:
    """Write both files, each whole or not at all."""
    tables = {
        "rows": record.rows,
        "moments": record.moments,
        "parameters": record.parameters,
    }
    parts = [f'"{name}": {as_lines(rows, _DIGITS)}' for name, rows in tables.items()]
    about = json.dumps(dict(record.about), ensure_ascii=False)
    text = f'{{"schema": {_SCHEMA}, "about": {about},\n' + ",\n".join(parts) + "}\n"
    table = as_csv(JointRow, record.rows, _DIGITS)
    write_files(folder, {f"{_NAME}.json": text, f"{_NAME}.csv": table})


def read_joint(folder: Path = PACKAGED) -> JointRecord:
    """Read a record.

    Raises
    ------
    ScenarioError
        If there is none.
    StoreError
        If it is damaged.
    """
    path = folder / f"{_NAME}.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return JointRecord(
            tuple(JointRow(**numbers(JointRow, one)) for one in data["rows"]),
            tuple(JointMoment(**numbers(JointMoment, one)) for one in data["moments"]),
            tuple(JointParameter(**numbers(JointParameter, one)) for one in data["parameters"]),
            data["about"],
        )
    except FileNotFoundError:
        raise ScenarioError(
            "there is no record of a joint calibration",
            where=str(folder),
            remedy="Make one: payshift evidence joint --out FOLDER",
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(f"the record cannot be read ({error})", where=str(path)) from None
