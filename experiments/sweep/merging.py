"""Stores put together, and single runs done again from what their store knows.

Knows stores and the simulator as a model; must not know executors or analysis.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.sweep.store import Plan, Row, Store, same_result
from experiments.sweep.worker import Model, Task, run_once
from sim.errors import ScenarioError, StoreError

__all__ = ["Merged", "Rerun", "merge", "rerun"]

_BATCH = 500


class Merged(NamedTuple):
    """What putting stores together did: numbers of runs, and the hash of the whole."""

    added: int
    same: int
    missing: int
    sha256: str


class Rerun(NamedTuple):
    """A run done again beside what its store holds."""

    key: str
    arm: str
    draw: int
    replicate: int
    seed: int
    parameters: Mapping[str, Any]
    status: str
    reason: str
    summary: Mapping[str, float]
    stored: Mapping[str, float]
    is_same: bool
    is_same_code: bool


def merge(target: Path | str, parts: Sequence[Path | str]) -> Merged:
    """Put the runs of several stores of one design into one, each once.

    Only whole rows are taken over, so a damaged store can be saved into a new one. Merging again
    adds nothing.

    Parameters
    ----------
    target : path
        Made if it is not there; else it must be of the same design and code.
    parts : sequence of path

    Raises
    ------
    ScenarioError
        For parts of different designs or code, or a target among the parts.
    StoreError
        If two stores hold different results of one run.
    DiskError
    """
    target = Path(target)
    if any(Path(part).resolve() == target.resolve() for part in parts):
        raise ScenarioError("the target is one of the parts", where=str(target))
    plans = []
    for part in parts:
        with Store.read(part) as opened:
            plans.append(opened.plan)
    first = plans[0]
    for part, plan in zip(parts, plans, strict=True):
        if plan.sha256() != first.sha256() or plan.code_version != first.code_version:
            raise ScenarioError(
                "the store is of another design or another code than the first",
                where=str(part),
                remedy="Merge stores of one sweep only.",
            )
    whole = Plan(first.design, first.points, first.code_version, first.model)
    added = same = 0
    with Store.resume(target, whole) as store:
        for part in parts:
            with Store.read(part) as opened:
                ready: list[Row] = []
                for key, run, _ in opened.plan.runs():
                    try:
                        row = opened.get(key)
                    except StoreError:
                        row = None
                    if row is None or row.run != run:
                        continue
                    there = store.get(key)
                    if there is None:
                        ready.append(row)
                    elif same_result(there, row):
                        same += 1
                    elif there.status == "ok" and row.status == "ok":
                        raise StoreError(
                            "two stores hold different results of one run",
                            where=str(part),
                            value=key[:12],
                            remedy="Find out which is right with: payshift rerun STORE --row "
                            + key[:12],
                        )
                    if len(ready) >= _BATCH:
                        store.add(ready)
                        added, ready = added + len(ready), []
                store.add(ready)
                added += len(ready)
        missing = len(whole) - sum(store.counts().values())
        sha = store.result_sha256()
    return Merged(added, same, missing, sha)


def rerun(store: Path | str, key: str, model: Model | None = None) -> Rerun:
    """Do one run again from its key.

    Parameters
    ----------
    store : path
    key : str
        The run's key, or enough of its beginning.
    model : callable, optional
        Needed for a model that the store cannot rebuild: any but the simulator.

    Raises
    ------
    ScenarioError
        For an unknown key, or a model that the store does not hold.
    StoreError
        If the row is damaged.
    """
    from sim.record import code_version
    from sim.scenario import library_root

    with Store.read(store) as opened:
        plan, row = opened.plan, opened.get(opened.find(key))
    assert row is not None
    is_same_code = True
    if model is None:
        if not plan.model or json.loads(plan.model).get("kind") != "simulation":
            raise ScenarioError(
                "the store does not hold its model",
                where=str(store),
                remedy="Call experiments.sweep.merging.rerun with the model.",
            )
        from experiments.sweep.simulation import Simulation

        model = Simulation.from_json(plan.model)
        is_same_code = code_version(library_root()) == plan.code_version
    parameters = plan.parameters(row.run)
    arm = plan.design.arms[row.run.arm]
    done = run_once(model, Task(0, parameters, arm, row.run.seed))
    again = row._replace(status=done.status, summary=done.summary, monthly=done.monthly)
    return Rerun(
        row.key,
        arm,
        row.run.draw,
        row.run.replicate,
        row.run.seed,
        parameters,
        done.status,
        done.reason or row.reason,
        done.summary,
        row.summary,
        same_result(row, again),
        is_same_code,
    )
