"""A health system between two months: people, organizations, contracts and books.

Knows the state that a month changes, how it is built from a region and a policy, and how what was
done becomes the activity that a contract counts; must not know what happens in a month.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sim import payment
from sim.activity import Activity
from sim.benefits import Benefits, BenefitTable
from sim.engine.kernels import Columns, Tallies
from sim.engine.organization import (
    CHANNELS,
    Marginals,
    Organizations,
    curvature_in,
    curvature_out,
    lag_weights,
    list_price_marginals,
    new_organizations,
)
from sim.engine.person import N_DECISIONS
from sim.engine.setting import (
    Setting,
    build_setting,
)
from sim.engine.tables import (
    Float,
    Int,
    Keys,
    NeedTable,
)
from sim.errors import RunError
from sim.ledger import Ledger, chart_of_accounts
from sim.numerics import normal_quantile
from sim.oversight import (
    AuditPolicy,
)
from sim.population import People, synthesize
from sim.randomness import Decision, key
from sim.region import ListChange, Region
from sim.tallies import ProviderTally

MEASURES = 5
MONTHS = 12
_T = ProviderTally


class Policy(Protocol):
    """What a policy must offer: contracts by payer and provider, benefits and audits."""

    @property
    def benefits(self) -> Mapping[str, Any]:
        """What patients pay, as :meth:`sim.benefits.Benefits.from_spec` reads it."""

    @property
    def audit(self) -> Mapping[str, float]:
        """How claims are audited, as :meth:`sim.oversight.AuditPolicy.from_spec` reads it."""

    def lists(self, region: Region) -> ListChange:
        """Return what changes in price lists, unit costs and the catalog."""

    def groups(self, region: Region) -> Sequence[Any]:
        """Return contract groups with ``payer``, ``providers`` and ``assignment``."""


@dataclass
class Agreement:
    """One contract in force between one payer and a group of providers.

    ``model`` is the contract with every term a number; in the first year, before there is a
    history to be neutral to, it is the tariff inside the contract and ``promised`` the contract.
    """

    payer: int
    rows: Int
    spec: Mapping[str, Any]
    model: Any
    promised: Any

    @cached_property
    def span(self) -> Int | slice:
        """Rows as a slice where they are neighbors, which spares a copy of every array."""
        first, n = int(self.rows[0]), len(self.rows)
        if np.array_equal(self.rows, np.arange(first, first + n)):
            return slice(first, first + n)
        return self.rows


@dataclass
class Year:
    """Sums since the accounting year began, or of one year: tallies by provider and payer."""

    provider: Int
    billed: Int
    days: Int
    months: int

    @staticmethod
    def empty(n: int, n_payers: int, n_groups: int) -> Year:
        """Return a year in which nothing has happened yet."""
        return Year(
            np.zeros((n, n_payers, len(_T)), dtype=np.int64),
            np.zeros((n, n_payers, n_groups, 3), dtype=np.int64),
            np.zeros((n, n_payers, n_groups), dtype=np.int64),
            0,
        )

    def plus(self, tallies: Tallies) -> Year:
        """Return this with one more month."""
        return Year(
            self.provider + tallies.provider,
            self.billed + tallies.billed,
            self.days + tallies.days,
            self.months + 1,
        )

    def minus(self, tallies: Tallies) -> Year:
        """Return this without one of its months."""
        return Year(
            self.provider - tallies.provider,
            self.billed - tallies.billed,
            self.days - tallies.days,
            self.months - 1,
        )


@dataclass
class World:
    """A health system between two months: people, organizations, contracts and books."""

    setting: Setting
    seed: int
    month: int
    months: int
    reform_month: int
    warm_up: int
    before: Policy
    after: Policy
    people: People
    columns: Columns
    organizations: Organizations
    agreements: list[Agreement]
    benefits: Benefits
    benefit_table: BenefitTable
    audits: AuditPolicy
    ledger: Ledger
    year: Year
    past: list[Year]
    rolling: list[Tallies]
    recent: Year
    recent_before: Year
    year_seen: dict[int, Activity]
    recent_seen: dict[int, Activity]
    receipts_year: Int
    patient_year: Int
    fund_year: Int
    advanced_year: Int  # (n, Y) fen the fund has moved for this year
    fixed_month: Int
    grant_month: Int
    fixed_seen: list[tuple[Int, Int]]
    income_target: Float
    reference: Marginals
    marginals: Marginals
    frozen_at: Marginals | None
    later: tuple[Float, Float] | None
    frozen: frozenset[str]
    wait: Float
    load: Float
    contacts_per_first: Float
    lag: Float
    curvature_out: Float
    curvature_in: Float
    limits: Float
    with_claims: bool
    unsettled: dict[int, Int] = field(default_factory=dict)  # month of settlement to (n, Y) fen
    history: list[dict[str, Any]] = field(default_factory=list)
    yearly_people: list[dict[str, npt.NDArray[np.generic]]] = field(default_factory=list)
    yearly_marginals: list[Marginals] = field(default_factory=list)
    claims: list[dict[str, npt.NDArray[np.generic]]] = field(default_factory=list)
    price_cache: dict[int, Float] = field(default_factory=dict)
    straight_seen: tuple[list[Agreement], Benefits, Marginals] | None = None
    need_seen: dict[int, NeedTable] = field(default_factory=dict)

    @property
    def region(self) -> Region:
        """The region."""
        return self.setting.region

    @property
    def n_payers(self) -> int:
        """Number of payers."""
        return len(self.region.payers)

    @property
    def technology(self) -> float:
        """Need for units relative to the first year."""
        growth = self.region.drift.price_growth * self.setting.values["drift_scale"]
        return float((1.0 + growth) ** (self.month // MONTHS))

    @property
    def income_growth(self) -> float:
        """Income relative to the first year."""
        growth = self.region.drift.income_growth * self.setting.values["drift_scale"]
        return float((1.0 + growth) ** (self.month // MONTHS))


def build_world(
    region: Region,
    before: Policy,
    after: Policy,
    *,
    months_before: int,
    months: int,
    warm_up: int,
    seed: int,
    population: int,
    parameters: Mapping[str, float] | None = None,
    freeze: frozenset[str] = frozenset(),
    claims: bool = False,
) -> World:
    """Bring a region, its policy and a reform to the state before the first month.

    Parameters
    ----------
    region : Region
    before, after : Policy
        In force before and from month ``months_before``, which starts an accounting year.
    months_before, months, warm_up : int
        Months before the reform, of the whole run, and of them not reported.
    seed : int
    population : int
        People simulated.
    parameters : mapping of parameter id to value, optional
        Overrides of the region's scalar parameters.
    freeze : frozenset of str
        Channels held at what they were when the reform started; see
        :data:`sim.engine.organization.CHANNELS`.
    claims : bool
        Whether to keep every claim.

    Returns
    -------
    World

    Raises
    ------
    RunError
        If a parameter or channel is unknown or the reform does not start an accounting year.
    """
    values = {name: row.value for name, row in region.parameters.items()}
    for name, value in (parameters or {}).items():
        if name not in values:
            raise RunError(
                "no such parameter",
                where="parameters",
                value=name,
                allowed="see `payshift list parameters`",
            )
        values[name] = float(value)
    unknown = sorted(freeze - set(CHANNELS))
    if unknown:
        raise RunError(
            "no such channel", where="freeze", value=unknown[0], allowed=", ".join(CHANNELS)
        )
    if months_before % MONTHS:
        raise RunError(
            "a reform starts with an accounting year",
            where="horizon",
            value=f"{months_before} months before it",
            allowed="a multiple of 12",
        )
    setting = build_setting(region, values, population, seed)
    people = synthesize(region, population, seed)
    columns = Columns(**{name: getattr(people, name) for name in Columns._fields})
    n, n_payers = len(setting.beds), len(region.payers)
    reference = list_price_marginals(setting, n_payers, MEASURES)
    organizations = new_organizations(setting, n_payers)
    benefits = Benefits.from_spec(before.benefits, region.payers)
    world = World(
        setting=setting,
        seed=seed,
        month=0,
        months=months,
        reform_month=months_before,
        warm_up=warm_up,
        before=before,
        after=after,
        people=people,
        columns=columns,
        organizations=organizations,
        agreements=[],
        benefits=benefits,
        benefit_table=benefits.table(),
        audits=AuditPolicy.from_spec(before.audit),
        ledger=Ledger(
            chart_of_accounts(region.providers.ids, region.payers), schemes=region.payers
        ),
        year=Year.empty(n, n_payers, len(setting.need_out)),
        past=[],
        rolling=[],
        recent=Year.empty(n, n_payers, len(setting.need_out)),
        recent_before=Year.empty(n, n_payers, len(setting.need_out)),
        year_seen={},
        recent_seen={},
        receipts_year=np.zeros((n, n_payers), dtype=np.int64),
        patient_year=np.zeros((n, n_payers), dtype=np.int64),
        fund_year=np.zeros((n, n_payers), dtype=np.int64),
        advanced_year=np.zeros((n, n_payers), dtype=np.int64),
        fixed_month=np.zeros(n, dtype=np.int64),
        grant_month=np.zeros(n, dtype=np.int64),
        fixed_seen=[],
        income_target=np.zeros(n),
        reference=reference,
        marginals=reference.copy(),
        frozen_at=None,
        later=None,
        frozen=freeze,
        wait=np.zeros(n),
        load=np.zeros(n),
        contacts_per_first=np.full(n, 1.6),
        lag=lag_weights(values["prevention_lag_mean"], values["prevention_lag_shape"]),
        curvature_out=curvature_out(setting),
        curvature_in=curvature_in(setting),
        limits=quantiles(setting.reach_out),
        with_claims=claims,
    )
    world.agreements = [_first_agreement(group, world) for group in before.groups(region)]
    return world


def contract_context(setting: Setting, payer: int, rows: Int) -> payment.PaymentContext:
    """Return what a contract of a payer with these providers may refer to.

    The list prices are the payer's own: what it allows over the region's list, by setting.
    """
    region = setting.region
    level = region.people.price_level[payer]
    providers, groups = region.providers, region.groups
    n = len(rows)
    unit_price = np.zeros((n, 3, 4))
    unit_price[np.arange(n), setting.setting_of[rows]] = (
        setting.price_out[rows] * level[setting.setting_of[rows]][:, None]
    )
    unit_price[:, 2] = setting.price_in[rows] * level[2]
    day_price = setting.day_price[rows] * level[2]
    return payment.PaymentContext(
        provider_ids=tuple(providers.ids[i] for i in rows),
        kinds=providers.kind[rows],
        groups=groups.ids,
        unit_price=unit_price,
        visit_fee=np.zeros((n, 3)),
        day_price=np.repeat(day_price[:, None], len(groups.ids), axis=1),
        weights=groups.weight[:, None] * groups.weight_level,
        grade_coefficient=providers.grade_coefficient[rows],
    )


def built_contract(group: Any, setting: Setting) -> tuple[Int, Any]:
    """Return a contract group's provider rows and its contract, built for their prices."""
    rows = np.array(group.providers, dtype=np.int64)
    return rows, group.assignment.build(contract_context(setting, group.payer, rows))


def _first_agreement(group: Any, world: World) -> Agreement:
    rows, model = built_contract(group, world.setting)
    first = payment.tariff_of(model) if payment.has_neutral(model) else model
    return Agreement(group.payer, rows, group.assignment.contract, first, model)


def activity_of(setting: Setting, year: Year, payer: int, rows: Int) -> Activity:
    """Return the covered activity of some providers for one payer, as a contract counts it.

    Parameters
    ----------
    setting : Setting
    year : Year
        Sums of any number of months.
    payer : int
    rows : int64, shape (n,)
        Providers.
    """
    tally = year.provider[rows, payer].astype(np.float64)
    here = np.arange(len(rows))
    outpatient = setting.setting_of[rows]
    covered = setting.region.providers.covered_share[rows]

    def by_setting(out: Float, inside: Float | float) -> Float:
        found = np.zeros((len(rows), 3, *out.shape[1:]))
        found[here, outpatient] = out
        found[:, 2] = inside
        return found

    def units() -> Float:
        out = tally[:, _T.UNITS_OUT_0 : _T.UNITS_OUT_0 + 4]
        inside = tally[:, _T.UNITS_IN_0 : _T.UNITS_IN_0 + 4]
        return by_setting(out * covered[:, :1] / 1000.0, inside * covered[:, 1:] / 1000.0)

    def quality_num() -> Float:
        discharges = tally[:, _T.DISCHARGES]
        contacts = tally[:, _T.VISITS] - tally[:, _T.RETURN_VISITS]
        return np.stack(
            (
                tally[:, _T.CONTROLLED],
                tally[:, _T.PREVENTIVE],
                discharges - tally[:, _T.READMISSIONS],
                contacts - tally[:, _T.LOW_VALUE],
                discharges - tally[:, _T.DEATHS],
            ),
            axis=1,
        )

    def quality_den() -> Float:
        discharges = tally[:, _T.DISCHARGES]
        contacts = tally[:, _T.VISITS] - tally[:, _T.RETURN_VISITS]
        counted = (tally[:, _T.CONDITIONS], tally[:, _T.CHRONIC_MEMBERS])
        return np.stack((*counted, discharges, contacts, discharges), axis=1)

    def experience() -> Float:
        count = tally[:, _T.CONTACTS_RATED]
        rated = tally[:, _T.EXPERIENCE] / 1000.0 / np.maximum(count, 1.0)
        mean = np.where(count > 0.0, rated, 0.0)
        return np.asarray(np.clip((1.0 + mean) / 2.0, 0.0, 1.0) * year.months / MONTHS)

    counted: dict[str, Callable[[], Float]] = {
        "visits": lambda: by_setting(tally[:, _T.VISITS], 0.0),
        "units": units,
        "admissions": lambda: year.billed[rows, payer].astype(np.float64)[..., None],
        "bed_days": lambda: (year.days[rows, payer] * covered[:, 1:])[..., None],
        "resource_cost": lambda: (tally[:, _T.COST_OUT] + tally[:, _T.COST_IN]) / 100.0,
        "patient_covered": lambda: by_setting(
            tally[:, _T.PATIENT_OUT] / 100.0, tally[:, _T.PATIENT_IN] / 100.0
        ),
        "patient_uncovered": lambda: by_setting(
            tally[:, _T.UNCOVERED_OUT] / 100.0, tally[:, _T.UNCOVERED_IN] / 100.0
        ),
        "member_months": lambda: tally[:, _T.MEMBERS],
        "risk_months": lambda: tally[:, _T.RISK_MONTHS] / 1000.0,
        "spent_elsewhere": lambda: tally[:, _T.SPENT_ELSEWHERE] / 100.0,
        "quality_num": quality_num,
        "quality_den": quality_den,
        "referrals": lambda: np.stack(
            (tally[:, _T.REFERRED_UP], tally[:, _T.REFERRED_DOWN]), axis=1
        ),
        "experience": experience,
    }
    nothing = _nothing_done(len(rows), len(setting.need_out))

    def field_of(name: str) -> Float:
        array: Float = counted[name]() if name in counted else getattr(nothing, name)
        return array

    return Activity.deferred(field_of, nothing)


@cache
def _nothing_done(n: int, groups: int) -> Activity:
    """Return a year without activity, for its shapes and for what no engine counts."""
    nothing = Activity.zeros(n, groups=groups, measures=MEASURES)
    for name in Activity.fields():
        getattr(nothing, name).flags.writeable = False
    return nothing


def trended(activity: Activity, growth: float) -> Activity:
    """Return a year of activity as it would be a year later: units and costs grow, people not."""
    step = 1.0 + growth
    return activity.with_fields(
        units=activity.units * step,
        resource_cost=activity.resource_cost * step,
        spent_elsewhere=activity.spent_elsewhere * step,
        patient_covered=activity.patient_covered * step,
        patient_uncovered=activity.patient_uncovered * step,
    )


def remember(world: World, tallies: Tallies) -> None:
    """Add a month to the accounting year and to the last twelve months."""
    world.year = world.year.plus(tallies)
    world.recent_before = world.recent
    world.recent = world.recent.plus(tallies)
    if len(world.rolling) == MONTHS:
        world.recent = world.recent.minus(world.rolling[0])
    world.rolling = [*world.rolling[-(MONTHS - 1) :], tallies]
    world.year_seen, world.recent_seen = {}, {}


def year_so_far(world: World, payer: int, rows: Int | slice) -> Activity:
    """Return what some providers have done for a payer since the accounting year began."""
    if payer not in world.year_seen:
        everyone = np.arange(len(world.setting.beds))
        world.year_seen[payer] = activity_of(world.setting, world.year, payer, everyone)
    return world.year_seen[payer].of_rows(rows)


def monthly_run_rate(world: World, payer: int, rows: Int | slice) -> Activity:
    """Return a month's mean activity of some providers over the last twelve months."""
    if payer not in world.recent_seen:
        everyone = np.arange(len(world.setting.beds))
        recent = activity_of(world.setting, world.recent, payer, everyone)
        world.recent_seen[payer] = recent.scaled(1.0 / world.recent.months)
    return world.recent_seen[payer].of_rows(rows)


def month_keys(seed: int, month: int) -> Keys:
    """Return this month's keys by decision."""
    keys = np.zeros(N_DECISIONS, dtype=np.uint64)
    for decision in Decision:
        keys[int(decision)] = key(seed, month, decision)
    return keys


def quantiles(ranks: Float) -> Float:
    """Return the normal quantile of every rank, same shape."""
    flat = np.array([normal_quantile(float(r)) for r in ranks.ravel()])
    return flat.reshape(ranks.shape)
