"""What the pages for readers say is so: links lead somewhere, examples run, commands exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def _anchor(heading: str) -> str:
    """Anchor that code hosts give a heading: lower case, punctuation gone, spaces as hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", PAGES, ids=_name)
def test_every_link_inside_the_project_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text("utf-8")):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{_name(document)} links to {target}, which does not exist"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M)
            assert anchor in map(_anchor, headings), f"{_name(document)}: no heading for {target}"


def test_every_command_named_on_a_page_exists() -> None:
    typer = pytest.importorskip("typer")
    from sim.cli import app

    group: Any = typer.main.get_command(app)
    for page in PAGES:
        text = page.read_text("utf-8")
        named = set(re.findall(r"(?:\$ |bin/|`)payshift ([a-z]+)", text))
        unknown = named - set(group.commands)
        assert not unknown, f"{_name(page)} names commands that do not exist: {sorted(unknown)}"


def test_every_make_target_named_on_a_page_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    for page in PAGES:
        named = set(re.findall(r"(?:\$ |`)make ([a-z]+)", page.read_text("utf-8")))
        assert named <= targets, f"{_name(page)}: no such target: {sorted(named - targets)}"


@pytest.mark.parametrize("document", ["tutorial.md", "tutorial.zh.md"])
def test_the_scenario_of_the_tutorial_is_valid(document: str, tmp_path: Path) -> None:
    from sim.scenario import validate

    for number, block in enumerate(_blocks(ROOT / "docs" / document, "yaml")):
        file = tmp_path / f"example-{number}.yaml"
        file.write_text(block, encoding="utf-8")
        assert validate(file) == []


def test_the_two_tutorials_show_the_same_commands() -> None:
    english, chinese = (
        [
            line.replace(" --lang zh", "")
            for block in _blocks(ROOT / "docs" / page, "console")
            for line in block.splitlines()
        ]
        for page in ("tutorial.md", "tutorial.zh.md")
    )
    assert english == chinese


def _names_of_the_tutorial_model() -> dict[str, Any]:
    """Run the Python of the page in order, as a reader would paste it."""
    page = ROOT / "docs" / "add-a-payment-model.md"
    # Dataclasses look their module up by name while annotations are strings.
    names: dict[str, Any] = {"__name__": __name__}
    for number, block in enumerate(_blocks(page, "python")):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)
    return names


def test_the_payment_model_of_the_guide_works_as_the_guide_says() -> None:
    names = _names_of_the_tutorial_model()
    from sim.activity import Activity
    from sim.payment import gradient_of, spec_from

    names["test_ten_days_at_five_hundred_are_five_thousand"]()
    plain, fast = names["PerDiem"](rate=650.0), names["FastPerDiem"](rate=650.0)
    year = Activity.zeros(2, groups=3)
    year = year.with_fields(bed_days=np.arange(6.0).reshape(2, 3, 1))
    np.testing.assert_array_equal(plain.revenue(year), fast.revenue(year))
    np.testing.assert_allclose(
        gradient_of(plain, year).bed_days, gradient_of(fast, year).bed_days, rtol=1e-9
    )
    assert spec_from(plain) == {"per_diem": {"rate": 650.0}}
