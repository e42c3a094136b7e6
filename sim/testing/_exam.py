"""The exam every payment model sits, this house's and strangers' alike.

Knows the payment protocol and made-up years of activity; must not know any payment model by name.

Examples
--------
>>> from sim.testing import examine
>>> class Visits:
...     reads = frozenset({"visits"})
...     def revenue(self, activity):
...         return 50.0 * activity.visits.sum(axis=1)
>>> examine(lambda context: Visits(), has_fixed_prices=True)
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from sim.activity import Activity, Array, CaseRule, EpisodeRule, TransferRule
from sim.incentives import marginal_receipts
from sim.ledger import Ledger, interim
from sim.payment import (
    PaymentContext,
    PaymentModel,
    build,
    gradient_of,
    next_year,
    numerical_partials,
    resolve_neutral,
    rules_of,
    spec_from,
)
from sim.payment import is_pooled as shares_money
from sim.units import to_minor

__all__ = ["examine", "sample_context", "sample_year"]

Factory = Callable[[PaymentContext], PaymentModel]
_N_PROVIDERS, _N_GROUPS = 5, 4
_MONTHS = 12
MONEY = (
    "charges_side",
    "resource_cost",
    "patient_covered",
    "patient_uncovered",
    "spent_elsewhere",
    "spent_outside",
)


def sample_context(
    n: int = _N_PROVIDERS, groups: int = _N_GROUPS, seed: int = 0, modes: int = 1
) -> PaymentContext:
    """Give made-up providers with made-up price lists, CNY of a county's order of size.

    Parameters
    ----------
    n, groups : int
        Number of providers and clinical groups.
    seed : int
        Seed of the numbers.
    modes : int
        Number of modes of treatment; with more than one they have weights.
    """
    rng = np.random.default_rng(seed)
    context = PaymentContext(
        provider_ids=tuple(f"provider-{j + 1}" for j in range(n)),
        kinds=np.arange(n) % 3,
        groups=tuple(f"group-{g + 1}" for g in range(groups)),
        unit_price=rng.uniform(5.0, 80.0, (n, 3, 4)),
        visit_fee=rng.uniform(10.0, 30.0, (n, 3)),
        day_price=rng.uniform(200.0, 600.0, (n, groups)),
        weights=np.sort(rng.uniform(0.3, 3.0, (groups, 3)), axis=1),
        grade_coefficient=rng.uniform(0.6, 1.0, n),
    )
    if modes == 1:
        return context
    return replace(context, mode_weight=np.sort(rng.uniform(0.6, 2.5, (groups, modes)), axis=1))


def sample_year(
    n: int = _N_PROVIDERS,
    groups: int = _N_GROUPS,
    seed: int = 1,
    size: float = 1.0,
    *,
    modes: int = 1,
    rules: Sequence[CaseRule | EpisodeRule | TransferRule] = (),
) -> Activity:
    """Give a made-up year with something in every field.

    Parameters
    ----------
    n, groups : int
        Number of providers and clinical groups.
    seed : int
        Seed of the numbers.
    size : float
        Factor on the amount of care.
    modes : int
        Number of modes of treatment.
    rules : sequence of CaseRule, EpisodeRule or TransferRule
        How a contract wants stays counted: every side of a threshold then has cases that lie on it,
        every band days, every bundle episodes; less than a third of cases is cut short.
    """
    rng = np.random.default_rng(seed)
    cases = [rule for rule in rules if isinstance(rule, CaseRule)]
    empty = Activity.zeros(
        n,
        groups,
        modes=modes,
        bands=max((rule.n_bands for rule in cases), default=1),
        sides=max((rule.n_sides for rule in cases), default=1),
        bundles=1 + max((r.bundle for r in rules if isinstance(r, EpisodeRule)), default=0),
    )
    year = empty.with_fields(
        **{
            name: size * rng.uniform(50.0, 500.0, getattr(empty, name).shape)
            for name in Activity.fields()
        }
    )
    money = {name: 1e3 * getattr(year, name) for name in MONEY}
    weighted = ("member_months", "risk_months", "diagnosis_months")
    members = {name: 1e2 * getattr(year, name) for name in weighted}
    year = year.with_fields(
        **money,
        **members,
        quality_num=year.quality_den * rng.uniform(0.4, 0.9, year.quality_den.shape),
        experience=rng.uniform(0.6, 0.9, n),
    )
    spending = year.episodes[:, :, 0] * rng.uniform(5e3, 15e3, year.episodes.shape[:2])
    year = year.with_fields(episodes=np.stack([year.episodes[:, :, 0], spending], axis=2))
    for rule in cases:
        if rule.n_sides > 1:
            year = _on_its_sides(year, rule.thresholds, rng)
    cases_of = (year.admissions.sum(axis=3), year.cases_side.sum(axis=3))
    lacking = rng.uniform(0.0, 0.3, year.cut_short.shape) * np.minimum(*cases_of)
    return year.with_fields(cut_short=lacking)


def _on_its_sides(year: Activity, thresholds: Array, rng: np.random.Generator) -> Activity:
    """Put every stay on a side of the thresholds, with a charge that lies there."""
    first, last = np.zeros_like(thresholds[..., :1]), 2.0 * thresholds[..., -1:]
    edges = np.concatenate([first, thresholds, last], axis=3)
    charge = edges[..., :-1] + np.diff(edges, axis=3) * rng.uniform(0.1, 0.9, year.cases_side.shape)
    share = rng.uniform(0.2, 1.0, year.cases_side.shape)
    share /= share.sum(axis=3, keepdims=True)
    stays = year.admissions.sum(axis=3)[..., None] * share
    return year.with_fields(cases_side=stays, charges_side=stays * charge)


def _same(a: Array, b: Array, message: str, tolerance: float = 1e-9) -> None:
    scale = max(float(np.abs(b).max(initial=0.0)), 1e-12)
    worst = float(np.abs(a - b).max(initial=0.0)) / scale
    assert worst <= tolerance, f"{message}: off by {worst:.2g} of the largest value"


def _resolved(make: Factory, context: PaymentContext, base: Activity, money: float) -> PaymentModel:
    receipts = money * base.sessions * 100.0
    lists = np.asarray(
        np.einsum("nsc,nsc->n", context.unit_price, base.units)
        + np.einsum("ns,ns->n", context.visit_fee, base.visits)
    )
    return resolve_neutral(make(context), base, receipts + lists, ListPrices(context))


class ListPrices:
    """Units and visits at list price: made-up receipts before the reform."""

    reads = frozenset({"units", "visits", "bed_days"})

    def __init__(self, context: PaymentContext) -> None:
        self.context = context

    def revenue(self, activity: Activity) -> Array:
        """Give units, visits and days at list price, CNY per year, shape (n,)."""
        return np.asarray(
            np.einsum("nsc,nsc->n", self.context.unit_price, activity.units)
            + np.einsum("ns,ns->n", self.context.visit_fee, activity.visits)
            + np.einsum("ng,ngb->n", self.context.day_price, activity.bed_days)
        )


def examine(
    make: Factory,
    *,
    has_fixed_prices: bool = False,
    has_fixed_sums: bool = False,
    is_pooled: bool = False,
    modes: int = 1,
) -> None:
    """Sit a payment model the common exam; the first failure is an AssertionError in plain words.

    Parameters
    ----------
    make : callable
        Makes the model for a `PaymentContext`. Terms may be left neutral.
    has_fixed_prices : bool
        The factory writes prices or rates as numbers, so that revenue does not follow the price
        lists of the context.
    has_fixed_sums : bool
        The factory writes sums of money (a budget) as numbers, so that revenue follows neither the
        price lists nor the size of the region.
    is_pooled : bool
        Providers share money, so that one's revenue may depend on another's activity. The model
        then says so itself (``is_pooled``), and its gradient is held to differences in which one
        provider moves at a time.
    modes : int
        Number of modes of treatment that the made-up year has and the context weighs.

    Notes
    -----
    Pure: arguments are left alone. Repeatable: twice the same, also after pickling. Units: one
    amount per provider, finite, in money: prices a hundred times higher bring a hundred times as
    much. Scale: twice the region, twice the money. No negative claim is paid. It reads what it says
    it reads. Paid month by month it keeps the books to the fen. Its gradient equals differences of
    its revenue, and its incentives are finite. What it writes to a file builds the same model. Next
    year's terms are a payment model again.
    """
    context, year = sample_context(modes=modes), sample_year(modes=modes)
    model = _resolved(make, context, year, 1.0)
    # The year before was counted by another contract; this one is sorted as the model asks.
    other = sample_year(seed=2, size=1.1, modes=modes, rules=rules_of(model))

    _is_pure(model, other)
    _is_repeatable(model, other)
    _pays_no_negative_claim(model, other)
    _reads_what_it_says(model, other)
    if is_pooled:
        assert shares_money(model), "pools providers without saying is_pooled"
    else:
        _minds_its_own_row(model, other)
    if not has_fixed_sums:
        _grows_with_the_region(make, context, year, other, model)
    if not (has_fixed_prices or has_fixed_sums):
        _counts_in_money(make, context, year, other, model)
    _keeps_the_books(model, other)
    _has_its_own_slopes(model, other)
    _has_finite_incentives(model, other)
    _survives_a_file(model, context, other)
    renewed = next_year(model, [year, other])
    assert isinstance(renewed, PaymentModel), "next year's terms are not a payment model"
    assert np.isfinite(renewed.revenue(other)).all(), "next year's terms pay no finite amount"


def _is_pure(model: PaymentModel, year: Activity) -> None:
    before = {name: getattr(year, name).copy() for name in Activity.fields()}
    model.revenue(year)
    gradient_of(model, year)
    for name, array in before.items():
        assert np.array_equal(getattr(year, name), array), f"revenue changes activity.{name}"


def _is_repeatable(model: PaymentModel, year: Activity) -> None:
    first = model.revenue(year)
    assert isinstance(first, np.ndarray), "revenue is not an array"
    assert first.dtype == np.float64, "revenue is not float64"
    assert first.shape == (year.n_providers,), f"revenue has shape {first.shape}, not (n,)"
    assert np.isfinite(first).all(), "revenue is not finite"
    assert np.array_equal(first, model.revenue(year)), "revenue differs when asked twice"
    try:
        copy = pickle.loads(pickle.dumps(model))
    except (pickle.PicklingError, AttributeError, TypeError):
        return  # a class made inside a function cannot travel; runs in one process do not need it
    assert np.array_equal(first, copy.revenue(year)), "revenue differs after pickling"


def _pays_no_negative_claim(model: PaymentModel, year: Activity) -> None:
    idle = year.scaled(0.0)
    for activity, name in (
        (year, "a usual year"),
        (year.scaled(50.0), "fifty times the year"),
        (year.scaled(0.01), "a hundredth of the year"),
        (idle, "an idle year"),
    ):
        paid = model.revenue(activity)
        assert np.isfinite(paid).all(), f"revenue of {name} is not finite"
        assert (paid >= -1e-6).all(), f"revenue of {name} is negative"


def _reads_what_it_says(model: PaymentModel, year: Activity) -> None:
    unknown = set(model.reads) - set(Activity.fields())
    assert not unknown, f"reads unknown fields: {sorted(unknown)}"
    paid = model.revenue(year)
    for name in set(Activity.fields()) - set(model.reads):
        moved = year.with_fields(**{name: getattr(year, name) * 1.5 + 1.0})
        assert np.array_equal(model.revenue(moved), paid), f"depends on {name} without saying so"


def _minds_its_own_row(model: PaymentModel, year: Activity) -> None:
    paid = model.revenue(year)
    factor = np.ones(year.n_providers)
    factor[0] = 1.3
    _same(
        model.revenue(year.scaled(factor))[1:],
        paid[1:],
        "one provider's activity moves another's revenue (a pool says is_pooled)",
    )


def _grows_with_the_region(
    make: Factory, context: PaymentContext, base: Activity, year: Activity, model: PaymentModel
) -> None:
    def twice(activity: Activity) -> Activity:
        return activity.scaled(2.0).with_fields(experience=activity.experience)

    larger = _resolved(make, context, twice(base), 1.0)
    _same(
        larger.revenue(twice(year)),
        2.0 * model.revenue(year),
        "twice the region is not twice the money",
    )


def _counts_in_money(
    make: Factory, context: PaymentContext, base: Activity, year: Activity, model: PaymentModel
) -> None:
    def in_fen(activity: Activity) -> Activity:
        return activity.with_fields(
            **{n: 100.0 * getattr(activity, n) for n in MONEY},
            episodes=activity.episodes * np.array([1.0, 100.0]),
        )

    priced = replace(
        context,
        unit_price=100.0 * context.unit_price,
        visit_fee=100.0 * context.visit_fee,
        day_price=100.0 * context.day_price,
    )
    smaller_unit = _resolved(make, priced, in_fen(base), 100.0)
    _same(
        smaller_unit.revenue(in_fen(year)),
        100.0 * model.revenue(year),
        "the amount depends on the unit of money",
    )


def _keeps_the_books(model: PaymentModel, year: Activity) -> None:
    """Pay twelve uneven months in the interim; the year is exact and no fen appears."""
    providers = [f"provider-{j + 1}" for j in range(year.n_providers)]
    books = Ledger(["payer", *providers])
    paid = np.zeros(year.n_providers, dtype=np.int64)
    done = 0.0
    for month in range(1, _MONTHS + 1):
        done += month / 78.0  # one part in January, twelve in December
        annual = to_minor(model.revenue(year.scaled(done * _MONTHS / month)))
        due = interim(month, annual, paid)
        books.post_net(month - 1, "payer", providers, "care_payment", "care_payment_returned", due)
        paid += due
        assert books.residual(month - 1) == 0, "money appeared or vanished"
        books.close(month - 1)
    exact = to_minor(model.revenue(year.scaled(done)))
    assert np.array_equal(paid, exact), "twelve months do not add up to the year"
    held = [books.balance(name) for name in providers]
    assert held == exact.tolist(), "the books hold something else than was paid"


def _has_its_own_slopes(model: PaymentModel, year: Activity) -> None:
    stated = gradient_of(model, year)
    paid = float(np.abs(model.revenue(year)).max())
    for name, differences in numerical_partials(model, year).items():
        size = max(float(np.abs(getattr(year, name)).max()), 1e-12)
        # Differences carry the rounding of the whole revenue, all there is of a slope of 0.
        scale = max(float(np.abs(differences).max()), 1e-3 * paid / size)
        worst = float(np.abs(getattr(stated, name) - differences).max()) / scale
        assert worst <= 1e-4, f"gradient of {name} is not its difference: off by {worst:.2g}"
    for name in set(Activity.fields()) - set(model.reads):
        assert not getattr(stated, name).any(), f"gradient of {name}, which is not read"


def _has_finite_incentives(model: PaymentModel, year: Activity) -> None:
    for left, done in ((1.0, None), (0.25, year.scaled(0.75))):
        marginal = marginal_receipts(model, year, done, left)
        for name in Activity.fields():
            assert np.isfinite(getattr(marginal, name)).all(), f"incentive of {name} not finite"


def _survives_a_file(model: PaymentModel, context: PaymentContext, year: Activity) -> None:
    if not hasattr(model, "to_spec"):
        return  # made in Python only: it never comes from a file
    spec = spec_from(model)
    again = build(spec, context)
    assert spec_from(again) == spec, "what it writes reads back as something else"
    _same(again.revenue(year), model.revenue(year), "what it writes pays something else", 1e-12)
