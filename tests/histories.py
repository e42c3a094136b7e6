"""Histories made of random whole numbers, for tests of what is read off them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.outcomes import ProviderTraits
from sim.runner import Lived, RunTask, provider_traits
from sim.tallies import N_FIFTHS, N_HEALTH, History, Lever, PersonTally, ProviderTally

PAYERS = ("resident-scheme", "employee-scheme", "self-pay")


def traits(
    kind: tuple[int, ...] = (0, 0, 1, 2), outside: tuple[int, ...] = (3,), groups: int = 4
) -> ProviderTraits:
    n = len(kind)
    return ProviderTraits(
        kind=np.array(kind, dtype=np.int64),
        is_outside=np.isin(np.arange(n), outside),
        is_township=np.arange(n) == 0,
        payers=PAYERS,
        ids=tuple(f"provider-{i}" for i in range(n)),
        weights=np.linspace(0.5, 2.0, groups * 3).reshape(groups, 3),
        value_of_qaly=80_000.0,
        value_of_hour=15.0,
        administration=0.012,
    )


def blank(n: int = 4, groups: int = 4, months: int = 24, payers: int = 3) -> History:
    """A history in which nothing happened."""
    cells = payers * N_FIFTHS * N_HEALTH * 2

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros((months, *shape), dtype=np.int64)

    return History(
        provider=zeros(n, payers, len(ProviderTally)),
        person=zeros(cells, len(PersonTally)),
        billed=zeros(n, payers, groups, 3),
        true_level=zeros(n, payers, groups, 3),
        days=zeros(n, payers, groups),
        visits_by_group=zeros(3, groups),
        receipts=zeros(n, payers),
        fund_paid=zeros(n, payers),
        grants=zeros(n),
        fixed_cost=zeros(n),
        clawback=zeros(n, payers),
        fine=zeros(n, payers),
        undetected=zeros(n, payers),
        fund_balance=zeros(payers),
        premiums=zeros(payers),
        levers=np.zeros((months, n, len(Lever))),
    )


def _fill(history: History, rng: np.random.Generator, months: slice) -> None:
    for name in vars(blank()):
        table = getattr(history, name)
        if isinstance(table, np.ndarray):
            shape = table[months].shape
            if table.dtype == np.int64:
                table[months] = rng.integers(1, 1000, size=shape)
            else:
                table[months] = rng.random(shape)


def _one_year(rng: np.random.Generator, people: int) -> dict[str, np.ndarray]:
    return {
        "income": np.exp(rng.normal(10.0, 0.6, people)),
        "fifth": rng.integers(0, N_FIFTHS, people),
        "payer": rng.integers(0, len(PAYERS), people),
        "health": rng.integers(0, N_HEALTH, people),
        "is_town": rng.integers(0, 2, people),
        "spent": rng.integers(0, 2_000_000, people),
        "patient_paid": rng.integers(0, 800_000, people),
        "spent_last": rng.integers(0, 2_000_000, people),
        "alive_all_year": rng.random(people) < 0.99,
    }


def random_history(
    seed: int = 1, n: int = 4, groups: int = 4, months: int = 24, people: int = 200
) -> History:
    """A history of random whole numbers without any meaning but additivity."""
    rng = np.random.default_rng(seed)
    history = blank(n, groups, months)
    _fill(history, rng, slice(None))
    _add_the_rest(history, rng, people)
    return history


def _add_the_rest(history: History, rng: np.random.Generator, people: int) -> None:
    months, n, payers = history.receipts.shape
    years = months // 12
    history.people += [_one_year(rng, people) for _ in range(years)]
    groups = history.days.shape[3]
    shapes = {
        "visit": (),
        "out": (4,),
        "inside": (4,),
        "day": (groups,),
        "case": (groups, 3),
        "step": (groups, 2),
        "cost": (),
        "elsewhere": (),
        "quality": (5,),
        "refer": (),
        "experience": (),
        "member": (),
    }
    for name, shape in shapes.items():
        history.marginal[name] = rng.random((years, n, payers, *shape))
    history.ledger |= {
        "month": np.arange(months, dtype=np.int32),
        "payer": np.array(["resident-scheme"] * months),
        "payee": np.array(["provider-0"] * months),
        "purpose": np.array(["care_payment"] * months),
        "amount": rng.integers(0, 10_000, months),
    }
    history.accounts |= {
        "month": np.arange(months, dtype=np.int32),
        "account": np.array(["resident-scheme"] * months),
        "opening": rng.integers(0, 10_000, months),
        "closing": rng.integers(0, 10_000, months),
    }


def make_believe(
    effect: float = 0.0,
) -> Callable[[RunTask, Callable[[int], None] | None], Lived]:
    """A simulation of random numbers: arms are twins until the reform.

    After it, all arms but the status quo have `effect` more person spending.
    """

    def simulate(task: RunTask, on_month: Callable[[int], None] | None = None) -> Lived:
        region = task.scenario.region()
        horizon = task.scenario.horizon
        about = provider_traits(region)
        n, groups = about.kind.size, len(region.groups.ids)
        history = blank(n, groups, horizon.months, len(about.payers))
        rng = np.random.default_rng(task.seed)
        _fill(history, rng, slice(None))
        _add_the_rest(history, rng, 100)
        if not task.scenario.is_status_quo:
            after = history.person[horizon.start :, :, PersonTally.SPENDING]
            after += np.rint(effect * after).astype(np.int64)
        if "claims" in task.keep:
            history.claims = {"person_uid": np.arange(5, dtype=np.uint64)}
        for month in range(horizon.months):
            if on_month is not None:
                on_month(month)
        return Lived(history, about)

    return simulate
