"""The books of many small random runs, added up again to the fen.

Draws configurations (a region, at most 50 people, 14 months, contract trees over the whole payment
language, benefits, audits, parameters, a seed) and simulates each. In every one what goes out must
come in, and every account must close with its opening sum, plus what came in, less what went out.
Of a sample the tables ``ledger`` and ``accounts`` are exported as CSV and ``audit_ledger``, which
knows nothing of the simulator, adds them up again; then one fen is taken out of a random row, and
the recount must notice::

    python -m experiments.books --runs 1500 --record

A configuration whose contract cannot be made neutral on so few people, or owes a sum too large to
be booked, is refused by the run with a message; it is counted, and another is drawn in its place.
``--record`` writes experiments/records/books/record.md. Exit code 1 if any book does not balance or
a missing fen goes unnoticed.

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
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments import audit_ledger
from experiments.spread import spread
from sim.engine.organization import CHANNELS
from sim.errors import PaymentError, ScenarioError
from sim.month import build_world, simulate
from sim.payment import PaymentContext, catalogue
from sim.region import Region
from sim.scenario import Scenario, Selector, load
from sim.testing import random_contract

REGIONS = ("tiny", "one-to-one", "china-county")
INSURED = ("resident-scheme", "employee-scheme")
MONTHS_BEFORE, MONTHS, MOST_PEOPLE = 12, 14, 50
RECORD = Path(__file__).with_name("records") / "books" / "record.md"
REFUSED = (PaymentError, ScenarioError)
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


def _group_of(region: str, rows: Sequence[int]) -> PaymentContext:
    """Give some of the providers, as far as a contract's terms name them."""
    found = _region(region)
    picked = list(rows)
    n, n_groups = len(picked), len(found.groups.ids)
    return PaymentContext(
        provider_ids=tuple(str(found.providers.ids[i]) for i in picked),
        kinds=found.providers.kind[picked],
        groups=tuple(found.groups.ids),
        unit_price=np.ones((n, 3, 4)),
        visit_fee=np.ones((n, 3)),
        day_price=np.ones((n, n_groups)),
        weights=found.groups.weight[:, None] * found.groups.weight_level,
        grade_coefficient=found.providers.grade_coefficient[picked],
    )


def _assignments(draw: random.Random, region: str, is_open: bool) -> list[dict[str, Any]]:
    kinds = sorted(
        {("practice", "secondary", "tertiary")[k] for k in _region(region).providers.kind}
    )
    rows = []
    for _ in range(draw.randint(1, 3)):
        payers = draw.choice((list(INSURED), [INSURED[0]], [INSURED[1]], [*INSURED, "self-pay"]))
        chosen: Any = draw.choice(("all", {"inside": True}, *({"kind": kind} for kind in kinds)))
        named = Selector.model_validate(chosen).indices(_region(region))
        contract = random_contract(draw, _group_of(region, named), is_open=is_open)
        rows.append({"payer": payers, "providers": chosen, "contract": contract})
        # A contract may name providers that a later one takes from it.
        if len(rows) > 1 and not _stands(region, rows):
            rows.pop()
    return rows


def _stands(region: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    try:
        _standing(region).with_payment(rows)
    except PaymentError:
        return False
    return True


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
    # Three people leave most terms without a year to be neutral to.
    after = _assignments(draw, region, is_open=region != "one-to-one" and draw.random() < 0.6)
    before = _assignments(draw, region, is_open=False) if draw.random() < 0.5 else []
    return Configuration(
        region=region,
        population=max(draw.randint(1, most), draw.randint(1, most)),
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


def trees_of(configuration: Configuration) -> Iterator[Mapping[str, Any]]:
    """Give every contract tree of a configuration, one for each payer that has it."""
    for row in (*configuration.before, *configuration.after):
        for _ in row["payer"]:
            yield row["contract"]


def models_in(spec: Any) -> Iterator[str]:
    """Give the models of a tree, wherever they stand."""
    if isinstance(spec, Mapping):
        for name, terms in spec.items():
            if name in _model_names():
                yield name
            yield from models_in(terms)
    elif isinstance(spec, list):
        for row in spec:
            yield from models_in(row)


@cache
def _model_names() -> frozenset[str]:
    return frozenset(row["id"] for row in catalogue())


@dataclass(frozen=True)
class Result:
    """One run recounted.

    Attributes
    ----------
    worst : int
        Largest residual, fen.
    faults : tuple of str
        What is wrong, with the configuration; none if the books balance.
    trees : int
        Contract trees in force.
    models : tuple of str
        The models that stood in them.
    refused : tuple of str
        Why configurations drawn before were refused.
    recounted : bool
        Whether an outsider added the exported tables up again.
    """

    worst: int
    faults: tuple[str, ...]
    trees: int
    models: tuple[str, ...]
    refused: tuple[str, ...]
    recounted: bool


def residual_of(ledger: Table, accounts: Table) -> int:
    """Return the largest amount in fen by which any month or account is off, from the tables."""
    names = np.unique(np.concatenate([ledger["payer"], ledger["payee"], accounts["account"]]))
    months = int(accounts["month"].max()) + 1
    shape = (months, len(names))

    def placed(table: Table, column: str, amount: Any) -> npt.NDArray[np.int64]:
        found = np.zeros(shape, dtype=np.int64)
        month = table["month"].astype(np.int64)
        np.add.at(found, (month, np.searchsorted(names, table[column])), amount)
        return found

    moved = placed(ledger, "payee", ledger["amount"]) - placed(ledger, "payer", ledger["amount"])
    opening = placed(accounts, "account", accounts["opening"])
    closing = placed(accounts, "account", accounts["closing"])
    gaps = (
        closing - opening - moved,
        opening[1:] - closing[:-1],
        (closing - opening).sum(axis=1),
    )
    return int(max(np.abs(gap).max(initial=0) for gap in gaps))


def one_run(seed: int, number: int, outsider: bool) -> Result:
    """Draw, simulate and recount one configuration; those refused are drawn again."""
    draw = random.Random(f"{seed}/{number}")
    refused: list[str] = []
    while True:
        configuration = random_configuration(draw)
        try:
            if outsider:
                with tempfile.TemporaryDirectory(prefix="books-") as folder:
                    worst, faults = recount(configuration, Path(folder))
            else:
                worst = residual_of(*books_of(configuration))
                faults = [f"a residual of {worst} fen"] if worst else []
        except REFUSED as error:
            refused.append(error.what)
            continue
        trees = list(trees_of(configuration))
        return Result(
            worst,
            tuple(f"{fault}: {configuration}" for fault in faults),
            len(trees),
            tuple(sorted({name for tree in trees for name in models_in(tree)})),
            tuple(refused),
            outsider,
        )


def _one_of(job: tuple[int, int, bool]) -> Result:
    return one_run(*job)


def all_runs(seed: int, runs: int, every: int, workers: int) -> Iterator[Result]:
    """Recount many runs, each drawn from its own number, whoever does it."""
    jobs = [(seed, number, number % every == 0) for number in range(runs)]
    return spread(_one_of, jobs, workers, 10)


def record_of(results: Sequence[Result], seed: int) -> str:
    """Give the record of many runs."""
    models = Counter(name for one in results for name in one.models)
    reasons = Counter(reason for one in results for reason in one.refused)
    failed = [one for one in results if one.faults]
    lines = [
        "# The books of random runs",
        "",
        f"{len(results):,} runs of at most {MOST_PEOPLE} people over {MONTHS} months in "
        f"{', '.join(REGIONS)}, with {sum(one.trees for one in results):,} contract trees drawn "
        f"over the whole payment language; seed {seed}. Written by `make books`.",
        "",
        f"- Largest residual: {max(one.worst for one in results)} fen; in every account the "
        "closing sum is the opening one plus what came in less what went out.",
        f"- Runs whose books do not balance: {len(failed)}.",
        f"- Exported, added up again by an outsider, one fen taken out and missed: "
        f"{sum(one.recounted for one in results):,}.",
        f"- Configurations refused with a message and drawn again: {sum(reasons.values()):,}.",
        "",
        "| model | runs it stood in |",
        "|---|---|",
        *(f"| `{name}` | {models[name]:,} |" for name in sorted(_model_names())),
        "",
        "| refused because | configurations |",
        "|---|---|",
        *(f"| {reason} | {count:,} |" for reason, count in reasons.most_common()),
        "",
    ]
    return "\n".join(lines)


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
    parser.add_argument("--every", type=int, default=5, help="one of so many is exported as well")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--record", action="store_true", help="write the record")
    asked = parser.parse_args(arguments)
    results: list[Result] = []
    start = time.perf_counter()
    for one in all_runs(asked.seed, asked.runs, asked.every, asked.workers):
        results.append(one)
        for fault in one.faults:
            sys.stderr.write(f"{fault}\n")
        if len(results) % 100 == 0:
            seconds = time.perf_counter() - start
            sys.stderr.write(f"{len(results)} of {asked.runs}, {seconds:.0f} s\n")
    failed = sum(bool(one.faults) for one in results)
    if asked.record:
        RECORD.parent.mkdir(parents=True, exist_ok=True)
        RECORD.write_text(record_of(results, asked.seed), encoding="utf-8")
    sys.stdout.write(
        f"{len(results) - failed} passed, {failed} failed; "
        f"worst residual {max(one.worst for one in results)} fen; "
        f"{sum(len(one.refused) for one in results)} refused and drawn again\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
