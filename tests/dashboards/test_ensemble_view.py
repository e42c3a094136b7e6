"""A comparison over parameter sets: the design that a page asks for, and what it says of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dashboards import ensemble_view
from dashboards.choice import ArmChoice, Choice
from dashboards.ensemble_view import changes_over_sets, design, ensemble_of
from dashboards.pages.contract import text_of
from experiments.ensemble import Ensemble
from experiments.sweep.executors import sweep
from experiments.sweep.files import read_sweep
from experiments.sweep.results import Results
from sim.errors import ScenarioError

SETS = Ensemble(
    "tiny",
    ("altruism_scale", "price_weight"),
    np.array([[0.8, 0.9], [1.2, 1.1]]),
    {},
    {},
)


@pytest.fixture
def known_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble_view, "ensemble_of", lambda region: SETS)


def choice(text: str = "") -> Choice:
    arms = (ArmChoice("tiny-drg"), ArmChoice("tiny-capitation", text=text))
    return Choice("tiny", arms, 500, 2, 12)


@pytest.mark.usefixtures("known_sets")
def test_every_arm_is_lived_under_every_set_a_changed_one_from_its_file(tmp_path: Path) -> None:
    changed = text_of(ArmChoice("tiny-capitation").scenario())
    text, files = design(choice(changed), ["qaly"])
    (name,) = files
    for file, content in {**files, "design.yaml": text}.items():
        (tmp_path / file).write_text(content, encoding="utf-8")
    read = read_sweep(tmp_path / "design.yaml")
    assert read.design.arms == ("tiny", "tiny-drg", "tiny-capitation-changed-2")
    np.testing.assert_array_equal(read.design.points(), SETS.sets)
    assert read.design.settings["population"] == 500
    assert name.startswith("page-arm-")


def test_a_region_without_sets_says_so() -> None:
    assert ensemble_of("tiny") is None
    with pytest.raises(ScenarioError, match="no ensemble"):
        design(choice(), ["qaly"])


@pytest.mark.usefixtures("known_sets")
def test_an_arm_that_sets_what_the_sets_give_is_refused() -> None:
    arm = ArmChoice("tiny-drg", settings=(("parameters.altruism_scale", 1.0),))
    with pytest.raises(ScenarioError, match="altruism_scale"):
        design(Choice("tiny", (arm,), 500, 2, 12), ["qaly"])


@pytest.mark.slow
@pytest.mark.usefixtures("known_sets")
def test_changes_are_those_of_the_paired_runs(tmp_path: Path) -> None:
    text, _ = design(choice(), ["spending_per_person", "visits_per_person"])
    (tmp_path / "design.yaml").write_text(text, encoding="utf-8")
    read = read_sweep(tmp_path / "design.yaml")
    store = tmp_path / "runs.sqlite"
    sweep(read.design, store, read.model, model_json=read.model.as_json())
    results = Results.of(store)
    changes = changes_over_sets(results)
    assert len(changes) == 4
    one = next(c for c in changes if (c.arm, c.outcome) == ("tiny-drg", "spending_per_person"))
    by_set = results.outcome("tiny-drg", "spending_per_person") - results.outcome(
        "tiny", "spending_per_person"
    )
    assert one.spread.mean == pytest.approx(by_set.mean())
    assert one.baseline == pytest.approx(results.outcome("tiny", "spending_per_person").mean())
    assert one.is_steady == (one.spread.same_sign >= 0.9)
