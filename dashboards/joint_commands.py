"""The part `joint` of the command `evidence`: fitted together, and each study unseen.

Knows how the record of the joint calibration is told; must not know how it is made. Everything
heavy is imported inside.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.commands import ends_in_order, told_progress
from sim import terminal

if TYPE_CHECKING:
    from experiments.evidence.joint_record import JointRecord

__all__ = ["joint", "told_joint"]

_LIGHTS = {
    "en": {"hit": "hit", "near": "near", "miss": "miss", "none": "not simulated", "": ""},
    "zh": {"hit": "命中", "near": "接近", "miss": "未命中", "none": "未模拟", "": ""},
}


def joint(
    region: str | None,
    points: int | None,
    replicates: int,
    out: Path | None,
    show: bool,
    quick: bool,
    workers: int | None,
    lang: str,
    as_json: bool,
) -> None:
    """Fit every region, or one, live what the fits give and tell it."""
    from experiments.evidence.joint import QUICK, REGIONS, SIZES, confirm, fit_region, solved
    from experiments.evidence.joint_record import EMPTY, joint_of, read_joint, write_joint
    from experiments.evidence.record import PACKAGED, read_record
    from sim.record import home
    from sim.scenario import unknown_name

    if region is not None and region not in REGIONS:
        raise unknown_name("no region whose studies are fitted", "--region", region, REGIONS)
    if show:
        told_joint(read_joint(PACKAGED if out is None else out), region, lang, as_json)
        return
    record = EMPTY
    if out is not None and (out / "joint.json").is_file():
        record = read_joint(out)
    known = {row.key: row for row in read_record(PACKAGED).rows}
    stores = home() / "evidence" / "joint"
    with ends_in_order(), told_progress() as progress:
        for name in REGIONS if region is None else (region,):
            size = QUICK if quick else SIZES[name]
            if points is not None:
                size = size.with_points(points)
            terminal.say(f"{name}: {points or size.points} points")
            fits = fit_region(name, size, stores, workers, progress, rows=known)
            if not quick:
                terminal.say(f"{name}: solving the baseline at {len(fits.sets)} sets")
                fits = solved(fits, workers)
            baseline = size.baseline if quick else None
            found = confirm(fits, replicates, stores, size.lived, baseline, workers, progress)
            record = record.updated(joint_of(fits, found, size, replicates, known))
            if out is not None:
                write_joint(record, out)
    told_joint(record, region, lang, as_json)
    if out is not None:
        terminal.say(f"record {out}")


def told_joint(record: JointRecord, region: str | None, lang: str, as_json: bool) -> None:
    """Show studies, moments and parameters of a record, of one region if named."""
    from dataclasses import asdict

    from dashboards.figures.words import three_digits, unit_label

    rows = [row for row in record.rows if region in (None, row.region)]
    if as_json:
        moments = [one for one in record.moments if region in (None, one.region)]
        parameters = [one for one in record.parameters if region in (None, one.region)]
        terminal.write_json(
            {
                "rows": [asdict(row) for row in rows],
                "moments": [asdict(one) for one in moments],
                "parameters": [asdict(one) for one in parameters],
                "about": dict(record.about),
            }
        )
        return
    lights = _LIGHTS[lang]

    def with_light(value: float, light: str) -> str:
        return f"{three_digits(value)} {lights[light]}" if math.isfinite(value) else "–"

    heads = {
        "en": ["id", "what", "unit", "published", "band", "today", "unseen", "fitted together"],
        "zh": ["编号", "内容", "单位", "公布值", "允许范围", "现行参数", "未见该研究", "联合拟合"],
    }[lang]
    lines = [
        [
            row.id,
            row.label_zh if lang == "zh" else row.label_en,
            unit_label(row.unit, lang, row.unit.partition(" ")[0]),
            three_digits(row.published),
            f"{three_digits(row.band_low)} … {three_digits(row.band_high)}",
            with_light(row.record, row.record_light),
            with_light(row.unseen, row.unseen_light),
            with_light(row.joint, row.joint_light),
        ]
        for row in rows
    ]
    left = [row for row in rows if row.unseen_light]
    counts = [
        sum(light == "hit" for light in of)
        for of in (
            [row.record_light for row in left],
            [row.unseen_light for row in left],
            [row.joint_light for row in left],
        )
    ]
    caption = {
        "en": f"hits of {len(left)} numbers of reforms: today {counts[0]}, unseen {counts[1]}, "
        f"fitted together {counts[2]}",
        "zh": f"改革的{len(left)}个数中命中：现行参数{counts[0]}，未见该研究{counts[1]}，"
        f"联合拟合{counts[2]}",
    }[lang]
    terminal.table("", heads, lines, numbers=(3,), caption=caption)
    for name in record.about:
        if region in (None, name):
            _told_region(record, name, lang)


def _told_region(record: JointRecord, name: str, lang: str) -> None:
    """Show a region's sets of parameters and what its baseline becomes."""
    moments = [one for one in record.moments if one.region == name]
    before = sum(one.is_in(one.record) for one in moments)
    after = sum(one.is_in(one.joint) for one in moments)
    caption = {
        "en": f"moments of the baseline inside their bands: {before} of {len(moments)} today, "
        f"{after} at the joint set",
        "zh": f"基线矩落在允许范围内：{len(moments)}个中现行参数{before}个，联合拟合{after}个",
    }[lang]
    heads = {
        "en": ["parameter", "low", "today", "joint", "high"],
        "zh": ["参数", "下限", "现行值", "联合拟合", "上限"],
    }[lang]
    rows = [
        [one.id, *(terminal.number(x, 3) for x in (one.low, one.default, one.joint, one.high))]
        for one in record.parameters
        if one.region == name and one.is_structural
    ]
    terminal.table(name, heads, rows, numbers=(1, 2, 3, 4), caption=caption)
