"""The books of many small random runs, re-added by an outsider to the fen.

Draws configurations (a region, at most 50 people, 14 months, contract trees of every payment
model, benefits, audits, parameters, a seed), simulates each, exports the tables ``ledger`` and
``accounts`` as CSV and lets ``audit_ledger``, which knows nothing of the simulator, add them up
again. Then one fen is taken out of a random row, and the recount must notice::

    python -m experiments.books --runs 1000

A configuration whose contract cannot be made neutral on so few people is refused by the run with a
message; it is counted, and another is drawn in its place. Exit code 1 if any book does not balance
or a missing fen goes unnoticed.

Knows the public interface of scenarios and runs; must not know how the ledger or a contract works.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments import audit_ledger
from sim.engine.organization import CHANNELS
from sim.errors import PaymentError
from sim.month import build_world, simulate
from sim.region import Region
from sim.scenario import Scenario, load

REGIONS = ("tiny", "one-to-one", "china-county")
INSURED = ("resident-scheme", "employee-scheme")
MONTHS_BEFORE, MONTHS, MOST_PEOPLE = 12, 14, 50
TABLES = {
    "ledger": ("month", "payer", "payee", "purpose", "amount"),
    "accounts": ("month", "account", "opening", "closing"),
}


@dataclass(frozen=True)
class Configuration:
    """Everything that makes one small run; the same configuration gives the same books.

    Attributes
    ----------
    region : str
    population, seed : int
    before, after : sequence of assignments
        As a scenario file holds them: ``{payer, providers, contract}``.
    settings : mapping of dotted path to value
        Benefits, audit and parameters set on top of the region's.
    freeze : sequence of str
        Channels held from the reform on.
    """

    region: str
    population: int
    seed: int
    before: Sequence[Mapping[str, Any]]
    after: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any]
    freeze: Sequence[str]


@cache
def _standing(region: str) -> Scenario:
    return load(region)


@cache
def _region(region: str) -> Region:
    return _standing(region).region()


# --- drawing -------------------------------------------------------------------------------------


def _number(draw: random.Random, low: float, high: float) -> float:
    """Give an end of a range now and then, because rules break at their ends."""
    where = draw.random()
    if where < 0.1:
        return low
    if where < 0.2:
        return high
    return min(max(round(low + (high - low) * draw.random(), 6), low), high)


def _bands(draw: random.Random, share: str) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = []
    depth = 0.0
    for _ in range(draw.randint(0, 2)):
        depth = round(depth + 0.01 + 0.3 * draw.random(), 6)
        rows.append({"to": depth, share: _number(draw, 0.0, 1.0)})
    if draw.random() < 0.7:
        rows.append({share: _number(draw, 0.0, 1.0)})
    return rows


def random_contract(draw: random.Random, depth: int = 3, is_open: bool = True) -> dict[str, Any]:
    """Draw a contract tree from the models of the house.

    Parameters
    ----------
    draw : random.Random
        What is drawn from.
    depth : int
        How many models may stand inside one another.
    is_open : bool
        Whether prices of items may wait for their neutral value; a first contract has no history
        to be neutral to, so its prices are numbers.
    """

    def rate(low: float, high: float) -> float | str:
        return "neutral" if is_open and draw.random() < 0.5 else _number(draw, low, high)

    leaves = ("fee_for_service", "drg", "capitation")
    kind = draw.choice(leaves if depth <= 1 else (*leaves, "global_budget", "value_based", "blend"))
    growth = _number(draw, -0.1, 0.1)
    if kind == "fee_for_service":
        parts = ("drugs", "diagnostics", "procedures", "labor", "visits", "days")
        factors = {name: _number(draw, 0.0, 2.0) for name in parts if draw.random() < 0.2}
        return {kind: {"multiplier": rate(0.0, 2.0), "components": factors}}
    if kind == "drg":
        return {kind: {"base_rate": rate(0.0, 12000.0), "growth": growth}}
    if kind == "capitation":
        terms = {
            "rate": rate(0.0, 3000.0),
            "risk": draw.choice(("none", "age-sex")),
            "share_elsewhere": _number(draw, 0.0, 1.0),
            "stop_loss": _number(draw, 0.0, 1.0),
            "growth": growth,
        }
        return {kind: terms}
    if kind == "global_budget":
        return {
            kind: {
                "budget": "neutral" if draw.random() < 0.5 else _number(draw, 0.0, 1e5),
                "surplus": _bands(draw, "kept"),
                "overrun": _bands(draw, "borne"),
                "rebasing": {"weight_on_history": _number(draw, 0.0, 1.0), "growth": growth},
                "of": random_contract(draw, depth - 1, is_open),
            }
        }
    if kind == "value_based":
        return {
            kind: {
                "at_risk": _number(draw, 0.0, 0.5),
                "benchmarks": draw.choice(("neutral", "own")),
                "of": random_contract(draw, depth - 1, is_open),
            }
        }
    if draw.random() < 0.5:
        share = round(draw.random(), 3)
        parts_by_weight = [
            {"weight": weight, "contract": random_contract(draw, depth - 1, is_open)}
            for weight in (share, 1.0 - share)
        ]
        return {kind: parts_by_weight}
    first: dict[str, Any] = draw.choice(
        (
            {"setting": "inpatient"},
            {"setting": "outpatient"},
            {"setting": "primary"},
            {"component": ["drugs", "diagnostics"]},
        )
    )
    return {
        kind: [
            {"scope": scope, "contract": random_contract(draw, depth - 1, is_open)}
            for scope in (first, "rest")
        ]
    }


def _assignments(draw: random.Random, region: str, is_open: bool) -> list[dict[str, Any]]:
    kinds = sorted(
        {("practice", "secondary", "tertiary")[k] for k in _region(region).providers.kind}
    )
    rows = []
    for _ in range(draw.randint(1, 3)):
        payers = draw.choice((list(INSURED), [INSURED[0]], [INSURED[1]], [*INSURED, "self-pay"]))
        chosen: Any = draw.choice(("all", {"inside": True}, *({"kind": kind} for kind in kinds)))
        contract = random_contract(draw, is_open=is_open)
        rows.append({"payer": payers, "providers": chosen, "contract": contract})
    return rows


def _settings(draw: random.Random, region: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for payer in INSURED:
        at = f"benefits.{payer}"
        for tier in ("primary", "secondary", "tertiary"):
            found[f"{at}.outpatient_rate.{tier}"] = _number(draw, 0.0, 1.0)
            found[f"{at}.rate.{tier}"] = _number(draw, 0.0, 1.0)
            found[f"{at}.deductible.{tier}"] = _number(draw, 0.0, 2000.0)
        found[f"{at}.outpatient_deductible"] = _number(draw, 0.0, 500.0)
        found[f"{at}.outpatient_cap"] = _number(draw, 0.0, 5000.0)
        found[f"{at}.annual_cap"] = _number(draw, 0.0, 200000.0)
        found[f"{at}.assistance_rate"] = _number(draw, 0.0, 1.0)
    for name, high in (("screening", 3.0), ("sample", 1.0), ("detection", 1.0), ("fine", 5.0)):
        found[f"audit.{name}"] = _number(draw, 0.0, high)
    found["audit.cost_per_review"] = _number(draw, 0.0, 200.0)
    parameters = _region(region).parameters
    for name in draw.sample(sorted(parameters), draw.randint(0, 8)):
        row = parameters[name]
        found[f"parameters.{name}"] = _number(draw, row.low, row.high)
    return found


def random_configuration(draw: random.Random) -> Configuration:
    """Draw a small run.

    Parameters
    ----------
    draw : random.Random
        Anything with the methods of Python's generator, a search for counterexamples included.
    """
    region = draw.choice(REGIONS)
    most = 3 if region == "one-to-one" else MOST_PEOPLE
    settings = _settings(draw, region) if draw.random() < 0.8 else {}
    after = _assignments(draw, region, is_open=True)
    before = _assignments(draw, region, is_open=False) if draw.random() < 0.5 else []
    return Configuration(
        region=region,
        population=draw.randint(1, most),
        seed=draw.randint(0, 2**63 - 1),
        before=before,
        after=after,
        settings=settings,
        freeze=draw.sample(CHANNELS, draw.randint(1, 4)) if draw.random() < 0.2 else [],
    )


# --- running and recounting ----------------------------------------------------------------------

Table = Mapping[str, npt.NDArray[np.generic]]


def books_of(configuration: Configuration) -> tuple[Table, Table]:
    """Simulate a configuration and give its tables ``ledger`` and ``accounts``.

    Raises
    ------
    PaymentError
        If a contract has no neutral value on the activity of so few people.
    """
    standing = _standing(configuration.region)
    # The month asks less of a policy than a scenario's policy is.
    before: Any = standing.before
    if configuration.before:
        before = standing.with_payment(configuration.before).after
    scenario = standing.with_payment(configuration.after).set_all(configuration.settings.items())
    after: Any = scenario.after
    world = build_world(
        _region(configuration.region),
        before,
        after,
        months_before=MONTHS_BEFORE,
        months=MONTHS,
        warm_up=0,
        seed=configuration.seed,
        population=configuration.population,
        parameters=scenario.parameters,
        freeze=frozenset(configuration.freeze),
    )
    history = simulate(world)
    return history.ledger, history.accounts


def write_table(path: Path, name: str, table: Table) -> None:
    """Write a table as the export does: one header, one line a row."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(TABLES[name])
        writer.writerows(zip(*(table[column].tolist() for column in TABLES[name]), strict=True))


def worst_residual(ledger: Path, accounts: Path) -> int:
    """Return the largest amount in fen by which any month or account of two files is off."""
    flows: dict[tuple[int, str], int] = defaultdict(int)
    for row in audit_ledger.read_table(ledger, TABLES["ledger"]):
        flows[int(row["month"]), row["payee"]] += int(row["amount"])
        flows[int(row["month"]), row["payer"]] -= int(row["amount"])
    months: dict[int, int] = defaultdict(int)
    last: dict[str, int] = {}
    worst = 0
    for row in audit_ledger.read_table(accounts, TABLES["accounts"]):
        month, name = int(row["month"]), row["account"]
        opening, closing = int(row["opening"]), int(row["closing"])
        months[month] += closing - opening
        moved = flows.pop((month, name), 0)
        before = last.get(name, opening)
        worst = max(worst, abs(closing - opening - moved), abs(opening - before))
        last[name] = closing
    return max(worst, *map(abs, months.values()), *map(abs, flows.values()))


def balances(ledger: Path, accounts: Path) -> bool:
    """Tell whether the outsider's recount of two files finds every fen."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        return audit_ledger.main([str(ledger), str(accounts)]) == 0


def take_a_fen(path: Path, draw: random.Random, column: str) -> None:
    """Take one fen out of one random row of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    row = draw.choice(rows)
    row[column] = str(int(row[column]) - 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def recount(configuration: Configuration, folder: Path) -> tuple[int, list[str]]:
    """Simulate, export, add up again; then take a fen out and see that it is missed.

    Parameters
    ----------
    configuration : Configuration
    folder : Path
        Where the two tables are written.

    Returns
    -------
    worst : int
        Largest residual, fen.
    faults : list of str
        What went wrong; empty if the books balance and the missing fen is noticed.
    """
    ledger, accounts = folder / "ledger.csv", folder / "accounts.csv"
    tables = books_of(configuration)
    write_table(ledger, "ledger", tables[0])
    write_table(accounts, "accounts", tables[1])
    faults = []
    worst = worst_residual(ledger, accounts)
    months = sorted(set(tables[1]["month"].tolist()))
    if months != list(range(MONTHS)):
        faults.append(f"books of {len(months)} months, not of {MONTHS}")
    if worst:
        faults.append(f"a residual of {worst} fen")
    if not balances(ledger, accounts):
        faults.append("the recount finds faults")
    draw = random.Random(configuration.seed)
    take_a_fen(ledger, draw, "amount")
    if balances(ledger, accounts):
        faults.append("a fen taken out of the ledger is not missed")
    write_table(ledger, "ledger", tables[0])
    take_a_fen(accounts, draw, draw.choice(("opening", "closing")))
    if balances(ledger, accounts):
        faults.append("a fen taken out of the accounts is not missed")
    return worst, faults


def main(arguments: Sequence[str] | None = None) -> int:
    """Recount the books of many random runs and say how many balance.

    Returns
    -------
    int
        0 if all balance, 1 if any does not.
    """
    parser = argparse.ArgumentParser(prog="books", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=1000, help="runs to recount")
    parser.add_argument("--seed", type=int, default=1, help="seed of the configurations")
    asked = parser.parse_args(arguments)
    passed = failed = refused = worst = 0
    start = time.perf_counter()
    draw = random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="books-") as name:
        while passed + failed < asked.runs:
            configuration = random_configuration(draw)
            try:
                residual, faults = recount(configuration, Path(name))
            except PaymentError as error:
                refused += 1
                sys.stderr.write(f"refused: {error}\n")
                continue
            worst = max(worst, residual)
            if faults:
                failed += 1
                sys.stderr.write(f"{configuration}: {'; '.join(faults)}\n")
            else:
                passed += 1
            if (passed + failed) % 50 == 0:
                seconds = time.perf_counter() - start
                sys.stderr.write(f"{passed + failed} of {asked.runs}, {seconds:.0f} s\n")
    sys.stdout.write(
        f"{passed} passed, {failed} failed; worst residual {worst} fen; "
        f"{refused} refused and drawn again\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
