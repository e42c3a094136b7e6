"""What theory says of every contract tree, asked of one tree at a time.

Knows the payment protocol and made-up years; must not know any payment model by name: a law that
holds only of some is asked where the tree itself declares it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.activity import Activity, Array
from sim.incentives import marginal_receipts
from sim.payment import (
    PaymentContext,
    PaymentModel,
    as_counted,
    build,
    case_rule,
    episode_rule,
    gradient_of,
    next_year,
    resolve_neutral,
    spec_from,
    transfer_rule,
)
from sim.payment import is_pooled as shares_money
from sim.testing._exam import MONEY, ListPrices, sample_context, sample_year
from sim.testing._trees import multiplied, reordered

__all__ = ["Held", "hold_laws"]

# Powers of two: a change of unit or of size is then exact, and only the law is tested.
_MINOR, _LARGER = 1.0 / 128.0, 4.0
_STEP = 1e-5
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Held:
    """What was asked of a tree, every law of which held.

    Attributes
    ----------
    laws : tuple of str
        Names of the laws.
    slopes : int
        Slopes compared with differences.
    corners : int
        Slopes left out because the rule bends or jumps there.
    """

    laws: tuple[str, ...]
    slopes: int
    corners: int


@dataclass(frozen=True)
class _World:
    """Providers, the year terms are neutral to with what it brought, and the year that is paid."""

    context: PaymentContext
    base: Activity
    receipts: Array
    seed: int

    @classmethod
    def made_up(cls, seed: int, n: int, groups: int) -> _World:
        context = sample_context(n, groups, seed)
        base = sample_year(n, groups, seed + 1)
        lists = np.asarray(
            np.einsum("nsc,nsc->n", context.unit_price, base.units)
            + np.einsum("ns,ns->n", context.visit_fee, base.visits)
        )
        return cls(context, base, base.sessions * 100.0 + lists, seed)

    def resolved(self, spec: Any) -> PaymentModel:
        """Give the contract for these providers, its neutral terms fixed.

        Raises
        ------
        PaymentError
            If a term has no neutral value on the made-up year.
        """
        model = build(spec, self.context)
        return resolve_neutral(model, self.base, self.receipts, ListPrices(self.context))

    def paid_year(self, model: PaymentModel) -> Activity:
        """Give the year to pay, sorted as the contract asks.

        Raises
        ------
        PaymentError
            If it asks for two sortings, now that all its thresholds are numbers.
        """
        context = self.context
        n, groups = context.n_providers, len(context.groups)
        asked = (case_rule(model), episode_rule(model), transfer_rule(model))
        rules = [rule for rule in asked if rule is not None]
        return sample_year(n, groups, self.seed + 2, 1.1, rules=rules)


def hold_laws(spec: Any, *, seed: int = 0, n: int = 4, groups: int = 3) -> Held:
    """Ask of a contract tree what theory says of all of them; a failure is an AssertionError.

    Parameters
    ----------
    spec : mapping or str
        The tree as a file holds it, for providers ``provider-1`` ... and groups ``group-1`` ...
    seed : int
        Seed of the made-up providers and years.
    n, groups : int
        Number of providers and groups.

    Notes
    -----
    Amount: one for each provider, finite, never below nothing. Slope: the gradient is the
    difference of the revenue, one provider at a time, where it is smooth. Unit: in another minor
    unit of money everything is the same. Scale: a larger region with larger sums is paid so much
    more, where the tree declares it (``grows_with_the_region``). Order: providers in another order,
    by other names, are owed the same. File: what it writes builds the same contract. Years: next
    year's terms are a contract again. Incentives are finite.

    Raises
    ------
    AssertionError
        Naming the law that is broken.
    PaymentError
        If a term has no neutral value on the made-up year, or stays are sorted in two ways.
    """
    world = _World.made_up(seed, n, groups)
    model = world.resolved(spec)
    year = world.paid_year(model)
    paid = model.revenue(year)
    assert paid.shape == (n,), "amount: not one for each provider"
    assert np.isfinite(paid).all(), "amount: not finite"
    assert (paid >= -1e-6 * max(1.0, float(np.abs(paid).max()))).all(), "amount: below nothing"
    laws = ["amount", "slope", "unit", "order", "file", "years", "incentives"]
    slopes, corners = _slopes(model, year, paid, np.random.default_rng(seed))
    _unit(spec, world, year, paid)
    _order(spec, world, year, paid)
    if getattr(build(spec, world.context), "grows_with_the_region", True):
        laws.insert(3, "scale")
        _scale(spec, world, year, paid)
    _file(model, world, year, paid)
    renewed = next_year(model, [as_counted(model, world.base), year])
    later = world.paid_year(renewed)
    assert np.isfinite(renewed.revenue(later)).all(), "years: next year's terms pay nothing finite"
    marginal = marginal_receipts(model, year, year.scaled(0.5), 0.5)
    for name in Activity.fields():
        assert np.isfinite(getattr(marginal, name)).all(), f"incentives: {name} is not finite"
    return Held(tuple(laws), slopes, corners)


def _same(law: str, found: Array, expected: Array, tolerance: float = _ROUNDING) -> None:
    scale = max(float(np.abs(expected).max(initial=0.0)), 1e-12)
    worst = float(np.abs(found - expected).max(initial=0.0)) / scale
    assert worst <= tolerance, f"{law}: off by {worst:.2g} of the largest amount"


def _slopes(
    model: PaymentModel, year: Activity, paid: Array, rng: np.random.Generator
) -> tuple[int, int]:
    """Compare the gradient with differences in a random direction of every field.

    A random direction sees a wrong slope of any cell. Two steps and both sides tell where the rule
    bends or jumps: there a slope is a matter of definition, and the exam of single models looks.
    """
    n = year.n_providers
    stated = gradient_of(model, year)
    movers = np.eye(n, dtype=bool) if shares_money(model) else np.ones((1, n), dtype=bool)
    compared = corners = 0
    for name in sorted(model.reads):
        array: Array = getattr(year, name)
        along = array * rng.uniform(0.5, 1.5, array.shape) * rng.choice((-1.0, 1.0), array.shape)
        mine = (getattr(stated, name) * along).reshape(n, -1)
        foretold, size = mine.sum(axis=1), np.abs(mine).sum(axis=1)
        if name in MONEY:  # a yuan may be worth a yuan, and rounding shows at that size
            size += 1e-5 * np.abs(along).reshape(n, -1).sum(axis=1)
        for moving in movers:
            move = along * moving.reshape(-1, *(1,) * (array.ndim - 1))

            def at(
                step: float, name: str = name, array: Array = array, move: Array = move
            ) -> Array:
                return np.asarray(model.revenue(year.with_fields(**{name: array + step * move})))

            up, down = (at(_STEP) - paid) / _STEP, (paid - at(-_STEP)) / _STEP
            near = (at(_STEP / 4) - at(-_STEP / 4)) / (_STEP / 2)
            scale = size + np.abs(up) + np.abs(down) + 1e-4 * np.abs(paid) + 1e-9
            bends = (np.abs(up - down) > 1e-3 * scale) | (np.abs(near - up) > 1e-3 * scale)
            off = np.abs(foretold - near) / scale
            seen = moving & ~bends
            compared += int(seen.sum())
            corners += int((moving & bends).sum())
            if (off[seen] > 1e-4).any():
                # Sums far larger than what is paid round off in a short step; a slope that is
                # wrong is so in a longer one too.
                longer = (at(16.0 * _STEP) - at(-16.0 * _STEP)) / (32.0 * _STEP)
                off = np.minimum(off, np.abs(foretold - longer) / scale)
            worst = float(np.where(seen, off, 0.0).max())
            assert worst <= 1e-4, f"slope: gradient of {name} is off by {worst:.2g}"
    for name in set(Activity.fields()) - set(model.reads):
        assert not getattr(stated, name).any(), f"slope: {name}, which is not read, has one"
    return compared, corners


def _in_minor(year: Activity) -> Activity:
    return year.with_fields(
        **{name: _MINOR * getattr(year, name) for name in MONEY},
        episodes=year.episodes * np.array([1.0, _MINOR]),
    )


def _unit(spec: Any, world: _World, year: Activity, paid: Array) -> None:
    context = world.context
    other = replace(
        world,
        context=replace(
            context,
            unit_price=_MINOR * context.unit_price,
            visit_fee=_MINOR * context.visit_fee,
            day_price=_MINOR * context.day_price,
        ),
        base=_in_minor(world.base),
        receipts=_MINOR * world.receipts,
    )
    model = other.resolved(multiplied(spec, _MINOR, of="money"))
    _same("unit", model.revenue(_in_minor(year)), _MINOR * paid)


def _larger(year: Activity) -> Activity:
    return year.scaled(_LARGER).with_fields(experience=year.experience)


def _scale(spec: Any, world: _World, year: Activity, paid: Array) -> None:
    other = replace(world, base=_larger(world.base), receipts=_LARGER * world.receipts)
    model = other.resolved(multiplied(spec, _LARGER, of="sums"))
    _same("scale", model.revenue(_larger(year)), _LARGER * paid)


def _order(spec: Any, world: _World, year: Activity, paid: Array) -> None:
    context = world.context
    order = np.random.default_rng(world.seed).permutation(context.n_providers)
    names: Mapping[str, str] = {name: f"house of {name}" for name in context.provider_ids}
    other = replace(
        world,
        context=replace(
            context,
            provider_ids=tuple(names[context.provider_ids[k]] for k in order),
            kinds=context.kinds[order],
            unit_price=context.unit_price[order],
            visit_fee=context.visit_fee[order],
            day_price=context.day_price[order],
            grade_coefficient=context.grade_coefficient[order],
        ),
        base=world.base.of_rows(order),
        receipts=world.receipts[order],
    )
    model = other.resolved(reordered(spec, order.tolist(), names))
    _same("order", model.revenue(year.of_rows(order)), paid[order])


def _file(model: PaymentModel, world: _World, year: Activity, paid: Array) -> None:
    if not hasattr(model, "to_spec"):
        return  # made in Python only: it never comes from a file
    again = build(spec_from(model), world.context)
    _same("file", again.revenue(year), paid)
