"""What the pages for readers say is so: links lead somewhere, examples run, commands exist."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any, cast

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


def test_the_payment_model_of_the_guide_works_as_the_guide_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sim.payment import gradient_of, registry
    from sim.testing import sample_year

    # The page's Python in order, as a reader would write it into one file.
    page = ROOT / "docs" / "add-a-payment-model.md"
    blocks = _blocks(page, "python")
    package = page.parent / "examples" / "payshift-subscription"
    assert blocks[0] == (package / "payshift_subscription.py").read_text(encoding="utf-8")
    (tmp_path / "guide_subscription.py").write_text("\n".join(blocks), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    guide = import_module("guide_subscription")
    monkeypatch.setitem(cast(dict[str, Any], registry()), "subscription", guide.Subscription)

    guide.test_subscription_passes_the_common_exam()
    guide.test_a_hundred_members_who_come_fifty_times_bring_fifteen_hundred_a_month()
    plain, fast = guide.Subscription(), guide.FastSubscription()
    year = sample_year(2, 3)
    np.testing.assert_array_equal(plain.revenue(year), fast.revenue(year))
    for name in ("member_months", "visits"):
        np.testing.assert_allclose(
            getattr(gradient_of(plain, year), name),
            getattr(gradient_of(fast, year), name),
            rtol=1e-7,
            atol=1e-7,
        )
