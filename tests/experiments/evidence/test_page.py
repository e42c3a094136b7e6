"""The page of validation is what the record says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from experiments.evidence.joint_record import read_joint
from experiments.evidence.record import read_record

ROOT = Path(__file__).resolve().parents[3]


def _writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("validation", ROOT / "docs" / "validation.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_validation_is_written_from_the_record() -> None:
    written = _writer().page(read_record(), read_joint())
    assert (ROOT / "docs" / "validation.md").read_text("utf-8") == written
    for row in read_record().rows:
        assert f"| {row.id} | {row.label_en}" in written


def test_the_joint_fit_is_told_with_all_its_misses() -> None:
    joint = read_joint()
    section = _writer().joint_section(joint)
    for row in joint.rows:
        (line,) = (
            each
            for each in section.splitlines()
            if each.startswith(f"| {row.id} |") and row.label_en in each
        )
        assert line.count("○") == [row.record_light, row.unseen_light, row.joint_light].count(
            "miss"
        )
