"""The record of evidence: for every published number what the model gives, and hit or miss.

Knows rows, their verdicts and two files (JSON and CSV); must not know how a number was simulated.
A row that is not simulated says why, and no row is left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from experiments.evidence.findings import Finding, Target, findings
from experiments.evidence.rows import as_csv, as_lines, numbers, write_files
from sim.errors import ScenarioError, StoreError

__all__ = [
    "LIGHTS",
    "PACKAGED",
    "Record",
    "Row",
    "Simulated",
    "blank",
    "half_width",
    "judged",
    "mean_and_interval",
    "read_record",
    "write_record",
]

Float = npt.NDArray[np.float64]

PACKAGED: Final = Path(__file__).parents[1] / "records" / "evidence"
"""The record that comes with the package."""
LIGHTS: Final = ("hit", "near", "miss", "none")
"""hit: inside the band, and the sign where one is asked. near: an effect of the right sign that is
no farther from the band than the band is wide, or a level whose interval touches the band. miss:
everything else. none: not simulated."""
AGREEING: Final = 0.9
"""Share of seeds that must have the sign."""
_SCHEMA: Final = 1


@dataclass(frozen=True)
class Simulated:
    """What the model gives for one published number.

    Attributes
    ----------
    value, low, high : float
        Mean over seeds and its 95 % interval; equal where nothing is drawn.
    share_of_sign : float
        Share of seeds with the published sign; NaN where no sign is asked.
    seeds, people : int
        Runs behind it, 0 where nothing is drawn; persons simulated in each.
    command : str
        What gives the number again.
    """

    value: float
    low: float
    high: float
    share_of_sign: float = math.nan
    seeds: int = 0
    people: int = 0
    command: str = ""


@dataclass(frozen=True)
class Row:
    """One published number beside the model's; NaN where there is none.

    Attributes
    ----------
    id, target : str
        The finding and the number in it.
    use : str
        fit, unseen, demonstration or rule.
    light : str
        One of :data:`LIGHTS`.
    hit, sign_ok : bool or None
        None where it was not simulated, or no sign is asked.
    reason_en, reason_zh : str
        Why it is not simulated, or what a miss comes from.
    region, models : str
        Region that answers it, and the payment models it is about with commas between; may be
        empty.
    """

    id: str
    target: str
    title_en: str
    title_zh: str
    label_en: str
    label_zh: str
    unit: str
    use: str
    published: float
    published_low: float
    published_high: float
    band_low: float
    band_high: float
    simulated: float
    low: float
    high: float
    hit: bool | None
    sign_ok: bool | None
    light: str
    seeds: int
    people: int
    command: str
    reason_en: str
    reason_zh: str
    citation: str
    url: str
    grade: str
    region: str = ""
    models: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Finding and number."""
        return self.id, self.target


@dataclass(frozen=True)
class Record:
    """All rows, in the order of the findings."""

    rows: tuple[Row, ...]

    def count(self, light: str, use: str | None = None) -> int:
        """Count rows of a light, of one use if given."""
        return sum(r.light == light and use in (None, r.use) for r in self.rows)

    def updated(self, rows: Iterable[Row]) -> Record:
        """Put rows in the place of those of the same number; numbers unknown here are left out."""
        fresh = {row.key: row for row in rows}
        return Record(tuple(fresh.get(row.key, row) for row in self.rows))


def mean_and_interval(values: Sequence[float] | Float) -> tuple[float, float, float]:
    """Give the mean over seeds and its 95 % interval by Student's t; one seed has no interval.

    Examples
    --------
    >>> tuple(round(x, 3) for x in mean_and_interval([1.0, 2.0, 3.0]))
    (2.0, -0.484, 4.484)
    """
    given = np.asarray(values, dtype=np.float64)
    mean = float(given.mean())
    if len(given) < 2:
        return mean, math.nan, math.nan
    half = half_width(float(given.std(ddof=1)), len(given))
    return mean, mean - half, mean + half


def half_width(sd: float, n: int) -> float:
    """Half of the 95 % interval of a mean of ``n`` values of this standard deviation.

    Examples
    --------
    >>> round(half_width(1.0, 3), 3)
    2.484
    """
    return float(stats.t.ppf(0.975, n - 1)) * sd / math.sqrt(n)


def judged(target: Target, found: Simulated | None, reason: Mapping[str, str] | None = None) -> Row:
    """Set a published number beside the model's and say whether it is hit.

    Parameters
    ----------
    target : Target
    found : Simulated or None
        None where it was not simulated.
    reason : mapping of language to str, optional
        Why it was not, where the finding does not say so itself.
    """
    form, finding = target.form, target.finding.form
    told = form.why if found is not None else form.missing
    value = math.nan if found is None else found.value
    low, high = form.band
    is_in = low <= value <= high
    sign_ok: bool | None = None
    if found is not None and form.sign:
        sign_ok = bool(np.sign(value) == form.sign and not found.share_of_sign < AGREEING)
    if found is None:
        light, hit = "none", None
    else:
        hit = bool(is_in and sign_ok is not False)
        touches = found.low <= high and found.high >= low
        distance = max(low - value, value - high, 0.0)
        is_right = bool(np.sign(value) == form.sign) and (sign_ok is True or is_in)
        is_near = is_right and distance <= high - low if form.sign else touches
        light = "hit" if hit else "near" if is_near else "miss"
    is_silent = told is None or (found is not None and hit)
    text = {"en": "", "zh": ""} if is_silent or told is None else told.model_dump()
    if found is None and reason is not None and not text["en"]:
        text = dict(reason)
    interval = form.interval or [math.nan, math.nan]
    return Row(
        id=finding.id,
        target=form.id,
        title_en=finding.title.en,
        title_zh=finding.title.zh,
        label_en=form.label.en,
        label_zh=form.label.zh,
        unit=form.unit,
        use=finding.use,
        published=math.nan if form.published is None else form.published,
        published_low=interval[0],
        published_high=interval[1],
        band_low=low,
        band_high=high,
        simulated=value,
        low=math.nan if found is None else found.low,
        high=math.nan if found is None else found.high,
        hit=hit,
        sign_ok=sign_ok,
        light=light,
        seeds=0 if found is None else found.seeds,
        people=0 if found is None else found.people,
        command="" if found is None else found.command,
        reason_en=text["en"],
        reason_zh=text["zh"],
        citation=finding.source.citation,
        url=finding.source.url or "",
        grade=finding.source.grade,
        region=target.region,
        models=",".join(finding.models),
    )


NOT_RUN: Final = {
    "en": "Not simulated yet; the command `payshift evidence` does it.",
    "zh": "尚未模拟，可用命令 payshift evidence 完成。",
}


def blank(of: Sequence[Finding] | None = None) -> Record:
    """Give a record in which nothing is simulated yet."""
    return Record(
        tuple(
            judged(target, None, NOT_RUN)
            for finding in (findings() if of is None else of)
            for target in finding.targets
        )
    )


# --- files ---------------------------------------------------------------------------------------


def write_record(record: Record, folder: Path) -> None:
    """Write both files, each whole or not at all."""
    text = f'{{"schema": {_SCHEMA}, "rows": {as_lines(record.rows)}}}\n'
    write_files(folder, {"record.json": text, "record.csv": as_csv(Row, record.rows)})


def read_record(folder: Path = PACKAGED) -> Record:
    """Read a record.

    Raises
    ------
    ScenarioError
        If there is none.
    StoreError
        If it is damaged.
    """
    path = folder / "record.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        rows = [Row(**numbers(Row, given)) for given in data["rows"]]
    except FileNotFoundError:
        raise ScenarioError(
            "there is no record of evidence",
            where=str(folder),
            remedy="Make one: payshift evidence --out FOLDER",
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(f"the record cannot be read ({error})", where=str(path)) from None
    return Record(tuple(rows))
