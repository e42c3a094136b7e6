"""A health system between two months: people, organizations, contracts and books.

Knows the state that a month changes, how it is built from a region and a policy, and how what was
done becomes the activity that a contract counts; must not know what happens in a month.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from sim import payment
from sim.activity import Activity
from sim.benefits import Benefits, BenefitTable
from sim.engine.adjusting import Memory
from sim.engine.counting import trimmed
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
from sim.randomness import Decision, fill_keys
from sim.region import BEST_RESPONSE, AdjustmentRule, Alliance, ListChange, Region
from sim.sorting import (
    Counted,
    Sorted,
    Sorting,
    counted_by,
    days_by_band,
    no_sorting,
    sort_stays,
    sorting_of,
)
from sim.tallies import ProviderTally
from sim.working_time import missing as missing_times
from sim.working_time import timed

MEASURES = 5
# Measures that a provider's own record states: control, follow-up and appropriate care. Deaths and
# readmissions are counted from claims.
ON_RECORD = (True, True, False, True, False)
MONTHS = 12
DISCHARGING = (
    "aftercare_stake",
    "aftercare_benefit",
    "aftercare_moved",
    "aftercare_readmission",
    "tau_aftercare",
)
OBSERVING = (
    "observation_share",
    "observation_light_share",
    "observation_units",
    "observation_days",
    "tau_observe",
)
_T = ProviderTally


class Policy(Protocol):
    """What a policy must offer: contracts by payer and provider, benefits and audits."""

    @property
    def benefits(self) -> Mapping[str, Any]:
        """What patients pay, as :meth:`sim.benefits.Benefits.from_spec` reads it."""

    @property
    def audit(self) -> Mapping[str, float]:
        """How claims are audited, as :meth:`sim.oversight.AuditPolicy.from_spec` reads it."""

    @property
    def enrolment(self) -> Mapping[str, float]:
        """Who may change lists and be put off: ``reconsider, discouragement, complaint``."""

    @property
    def from_reform(self) -> Mapping[str, float]:
        """Parameters that this policy changes, read once it comes into force."""

    def lists(self, region: Region) -> ListChange:
        """Return what changes in price lists, unit costs and the catalog."""

    def alliances(self, region: Region) -> Sequence[Alliance]:
        """Return the providers that are led by one of them."""

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

    @cached_property
    def is_straight(self) -> bool:
        """Whether every further item brings the same, whatever is done."""
        return payment.is_straight(self.model)

    @cached_property
    def timetable(self) -> payment.Timetable:
        """When the contract's money moves."""
        return payment.timetable_of(self.model)


@dataclass
class Month:
    """What one month adds to a year: its tallies, and what follows from them, worked out once.

    ``days`` (n, Y, G, B), ``outside``, ``outside_days`` and ``documented`` as in :class:`Year`;
    None where no lever moved anything.
    """

    tallies: Tallies
    days: Int
    outside: Int | None = None
    outside_days: Int | None = None
    documented: Int | None = None

    @staticmethod
    def of(setting: Setting, tallies: Tallies, sorting: Sorting) -> Month:
        """Return a month, what the levers moved worked out."""
        month = Month(tallies, days_by_band(tallies.stays, sorting))
        share, documented = tallies.uncovered, tallies.documented
        if share.any():
            units = tallies.provider[:, :, _T.UNITS_IN_0 : _T.UNITS_IN_0 + 4]
            moved = (setting.region.providers.covered_share[:, 1] * share)[:, None, None]
            month.outside = np.floor(units * moved).astype(np.int64)
            shifted = np.floor(1000.0 * month.days * moved[..., None])
            month.outside_days = shifted.astype(np.int64)
        if documented.any():
            missed = missed_items(tallies.provider.astype(np.float64))
            shown = np.floor(1000.0 * missed * documented[:, None, None])
            month.documented = shown.astype(np.int64)
        return month


@dataclass
class Year:
    """Sums since the accounting year began, or of one year: tallies by provider and payer.

    ``stays`` are sorted as the contracts in force at the time asked for; ``episodes`` (n, Y, 2)
    those that ended, with spending in fen; ``outside`` and ``outside_days`` what the lever on
    uncovered billing moved outside the catalogue, thousandths of units (n, Y, 4) and of days
    (n, Y, G, B); ``documented`` (n, Y, measures) missed items that the record shows as done,
    thousandths.
    """

    provider: Int
    billed: Int
    stays: Sorted
    episodes: Int
    outside: Int
    outside_days: Int
    documented: Int
    months: int

    @staticmethod
    def empty(sorting: Sorting) -> Year:
        """Return a year in which nothing has happened yet."""
        n, n_payers, n_groups = sorting.opens.shape
        return Year(
            np.zeros((n, n_payers, len(_T)), dtype=np.int64),
            np.zeros((n, n_payers, n_groups, 3), dtype=np.int64),
            Sorted.nothing(
                n, n_payers, n_groups, sorting.n_sides, sorting.n_bands, sorting.n_modes
            ),
            np.zeros((n, n_payers, 2), dtype=np.int64),
            np.zeros((n, n_payers, 4), dtype=np.int64),
            np.zeros((n, n_payers, n_groups, sorting.n_bands), dtype=np.int64),
            np.zeros((n, n_payers, MEASURES), dtype=np.int64),
            0,
        )

    def count(self, month: Month, sorting: Sorting, growth: float = 0.0, sign: int = 1) -> None:
        """Add a month, its stays sorted, in place; or take it away again.

        ``growth`` and ``sign`` as in :func:`sim.sorting.sort_stays`.
        """
        move = np.add if sign > 0 else np.subtract
        for mine, its in (
            (self.provider, month.tallies.provider),
            (self.billed, month.tallies.billed),
            (self.episodes, month.tallies.episodes),
            (self.stays.days, month.days),
            (self.outside, month.outside),
            (self.outside_days, month.outside_days),
            (self.documented, month.documented),
        ):
            if its is not None:
                move(mine, its, out=mine)
        sort_stays(month.tallies.stays, sorting, self.stays, growth, sign)
        self.months += sign


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
    sorting: Sorting
    benefits: Benefits
    benefit_table: BenefitTable
    audits: AuditPolicy
    ledger: Ledger
    year: Year
    past: list[Year]
    rolling: list[Tallies]
    rolling_months: list[Month]  # the same as the contracts in force part their days
    recent: Year
    recent_before: Int  # (n, T) what its tallies came to by provider a month ago
    year_seen: Activity | None  # of every provider for every payer, payer by payer
    recent_seen: Activity | None
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
    adjustment: AdjustmentRule = BEST_RESPONSE
    memory: Memory = field(default_factory=Memory)
    alliances: tuple[Alliance, ...] = ()
    unsettled: dict[int, Int] = field(default_factory=dict)  # month of settlement to (n, Y) fen
    history: list[dict[str, Any]] = field(default_factory=list)
    yearly_people: list[dict[str, npt.NDArray[np.generic]]] = field(default_factory=list)
    yearly_marginals: list[dict[str, Float]] = field(default_factory=list)  # plain ones, means
    claims: list[dict[str, npt.NDArray[np.generic]]] = field(default_factory=list)
    price_cache: dict[int, Float] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    straight_seen: Any = None  # what contracts without a bend bring, as `sim.outlook` keeps it
    need_seen: dict[int, NeedTable] = field(default_factory=dict)
    mode_seen: dict[str, Float] = field(default_factory=dict)
    enrolment: Mapping[str, float] = field(default_factory=dict)
    counts_diagnoses: bool = False  # some contract, before the reform or after, reads them
    recorded: Float | None = None  # (n,) share of members' conditions on record, above 1 invented
    counted_ahead: Counted | None = None  # what contracts to come will have counted
    has_accounts: bool = False  # somebody has an individual account, before the reform or after

    @property
    def region(self) -> Region:
        """The region."""
        return self.setting.region

    @property
    def n_payers(self) -> int:
        """Number of payers."""
        return len(self.setting.region.payers)

    @property
    def technology(self) -> float:
        """Need for units relative to the first year."""
        growth = self.setting.region.drift.price_growth * self.setting.values["drift_scale"]
        return float((1.0 + growth) ** (self.month // MONTHS))

    @property
    def income_growth(self) -> float:
        """Income relative to the first year."""
        growth = self.setting.region.drift.income_growth * self.setting.values["drift_scale"]
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
    adjustment: AdjustmentRule = BEST_RESPONSE,
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
    adjustment : AdjustmentRule
        How levers and styles move from month to month.

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
    missing = [name for name in ("mode_stake", "tau_mode") if name not in values]
    if region.modes.n > 1 and missing:
        raise RunError(
            "a region that tells modes of treatment apart says what their choice turns on",
            where="parameters",
            value=missing[0],
            remedy="Add the parameter to the region's parameters.csv.",
        )
    missing = [name for name in OBSERVING if name not in values]
    if region.observation_beds.any() and missing:
        raise RunError(
            "a region with observation beds says what their use turns on",
            where="parameters",
            value=missing[0],
            remedy="Add the parameter to the region's parameters.csv.",
        )
    missing = [name for name in DISCHARGING if name not in values]
    if region.aftercare.provider >= 0 and missing:
        raise RunError(
            "a region with facilities for aftercare says what their use turns on",
            where="parameters",
            value=missing[0],
            remedy="Add the parameter to the region's parameters.csv.",
        )
    lacking = missing_times(values)
    if lacking:
        raise RunError(
            "a region that times visits says what their length turns on",
            where="parameters",
            value=lacking[0],
            remedy="Add the parameter to the region's parameters.csv.",
        )
    setting = timed(build_setting(region, values, population, seed))
    people = synthesize(region, population, seed)
    columns = Columns(**{name: getattr(people, name) for name in Columns._fields})
    n, n_payers, n_groups = len(setting.beds), len(region.payers), len(setting.need_out)
    unsorted = no_sorting(n, n_payers, n_groups, region.modes.n)
    reference = list_price_marginals(setting, n_payers, MEASURES)
    organizations = new_organizations(setting, n_payers)
    benefits = benefits_of(before, region)
    later = benefits if after.benefits == before.benefits else benefits_of(after, region)
    has_accounts = bool((benefits.has_account | later.has_account).any())
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
        sorting=unsorted,
        benefits=benefits,
        benefit_table=benefits.table(),
        audits=AuditPolicy.from_spec(before.audit),
        ledger=Ledger(
            chart_of_accounts(region.providers.ids, region.payers, has_accounts),
            schemes=region.payers,
        ),
        year=Year.empty(unsorted),
        past=[],
        rolling=[],
        rolling_months=[],
        recent=Year.empty(unsorted),
        recent_before=np.zeros((n, len(_T)), dtype=np.int64),
        year_seen=None,
        recent_seen=None,
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
        adjustment=adjustment,
        alliances=tuple(before.alliances(region)),
        has_accounts=has_accounts,
        enrolment=before.enrolment,
    )
    world.agreements = [_first_agreement(group, world) for group in before.groups(region)]
    to_come = contracts_of(after, setting, world.agreements)
    models = (*(a.promised for a in world.agreements), *(model for _, _, model in to_come))
    world.counts_diagnoses = any("diagnosis_months" in model.reads for model in models)
    world.counted_ahead = counted_by(to_come, n, n_payers, n_groups)
    world.fixed["to_come"] = (after, setting, to_come)
    sort_by_contracts(world)
    world.year = Year.empty(world.sorting)
    return world


_Fixed = TypeVar("_Fixed")


def once(world: World, name: str, make: Callable[[World], _Fixed]) -> _Fixed:
    """Return what a region and its parameters fix, worked out in the first month that asks."""
    if name not in world.fixed:
        world.fixed[name] = make(world)
    found: _Fixed = world.fixed[name]
    return found


def benefits_of(policy: Policy, region: Region) -> Benefits:
    """Return what a policy's patients pay, read once of a policy: a sweep asks a thousand times."""
    known: dict[Any, Benefits] = policy.__dict__.setdefault("_benefits", {})
    if region.payers not in known:
        known[region.payers] = Benefits.from_spec(policy.benefits, region.payers)
    return known[region.payers]


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
        mode_weight=mode_weight(region) if region.modes.n > 1 else None,
    )


def mode_weight(region: Region) -> Float:
    """Return each mode's relative weight over its group's (G, M), at hospitals' mean prices."""
    modes, providers = region.modes, region.providers
    hospitals = providers.beds > 0.0
    days = float(providers.day_share[hospitals].mean())
    units = providers.share_charge[hospitals, 1].mean(axis=0)
    weight = (1.0 - days) * (modes.need @ units) + days * modes.days
    return np.asarray(weight / (weight * modes.share).sum(axis=1, keepdims=True))


def built_contract(group: Any, setting: Setting) -> tuple[Int, Any]:
    """Return a contract group's provider rows and its contract, built for their prices."""
    rows = np.array(group.providers, dtype=np.int64)
    return rows, group.assignment.build(contract_context(setting, group.payer, rows))


def contracts_of(
    policy: Policy, setting: Setting, standing: Iterable[Agreement] = ()
) -> list[tuple[int, Int, payment.PaymentModel]]:
    """Return a policy's contracts, built for the prices of a setting: payer, rows and model.

    Those that stand already, at the same prices for the same providers, are not built again.
    """
    built = {(a.payer, tuple(a.rows.tolist())): a for a in standing}
    found: list[tuple[int, Int, payment.PaymentModel]] = []
    for group in policy.groups(setting.region):
        same = built.get((group.payer, tuple(group.providers)))
        if same is not None and same.spec == group.assignment.contract:
            found.append((same.payer, same.rows, same.promised))
        else:
            found.append((group.payer, *built_contract(group, setting)))
    return found


def _first_agreement(group: Any, world: World) -> Agreement:
    rows, model = built_contract(group, world.setting)
    first = payment.tariff_of(model) if payment.has_neutral(model) else model
    return Agreement(group.payer, rows, group.assignment.contract, first, model)


def sort_by_contracts(world: World) -> None:
    """Sort stays as the contracts in force ask: those to come and those of the last year.

    Before a reform the episodes and transfers of its contracts are counted already wherever no
    contract in force counts any, as payers work out prices from the claims of years before. Nobody
    is paid or acts by these counts until then.
    """
    world.sorting = sorting_of(
        [(a.payer, a.rows, a.model) for a in world.agreements],
        len(world.setting.beds),
        world.n_payers,
        len(world.setting.need_out),
        world.region.modes.n,
    )
    if world.month < world.reform_month and world.counted_ahead is not None:
        world.sorting = world.sorting.with_more(world.counted_ahead)
    world.rolling_months = [
        Month.of(world.setting, tallies, world.sorting) for tallies in world.rolling
    ]
    world.recent = _together(world.rolling_months, world.sorting)
    world.year_seen = world.recent_seen = None


def sorted_again(
    world: World, sorting: Sorting, growth: float = 0.0, setting: Setting | None = None
) -> Year:
    """Return the last twelve months with their stays sorted by another rule."""
    setting = world.setting if setting is None else setting
    months = [Month.of(setting, tallies, sorting) for tallies in world.rolling]
    return _together(months, sorting, growth)


def _together(months: Iterable[Month], sorting: Sorting, growth: float = 0.0) -> Year:
    """Return months together, their stays sorted."""
    found = Year.empty(sorting)
    for month in months:
        found.count(month, sorting, growth)
    return found


def activity_of(
    setting: Setting,
    year: Year,
    payer: int,
    rows: Int | slice,
    sides: int | None = None,
    bands: int | None = None,
) -> Activity:
    """Return the covered activity of some providers for one payer, as a contract counts it.

    Parameters
    ----------
    setting : Setting
    year : Year
        Sums of any number of months.
    payer : int
    rows : int64, shape (n,), or slice
        Providers.
    sides, bands : int, optional
        How many the contract has; as many as the year was sorted by when left out. Where the year
        was sorted by more, those beyond the last are counted with the last.
    """
    return _counted(setting, year, rows, lambda counts: counts[rows, payer], sides, bands)


def activity_by_payer(setting: Setting, year: Year) -> Activity:
    """Return the covered activity of every provider for every payer, payer by payer (Y * n rows).

    Worked out for all at once: a month asks for every payer's.
    """

    def each(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return counts.swapaxes(0, 1).reshape(-1, *counts.shape[2:])

    n, n_payers = year.provider.shape[:2]
    return _counted(setting, year, np.arange(n * n_payers) % n, each)


def _counted(
    setting: Setting,
    year: Year,
    rows: Int | slice,
    of: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
    sides: int | None = None,
    bands: int | None = None,
) -> Activity:
    """Return activity of providers; ``of`` takes theirs out of counts (n, Y, ...)."""
    stays = year.stays
    sides = stays.cases.shape[-1] if sides is None else sides
    bands = stays.days.shape[-1] if bands is None else bands
    tally = of(year.provider).astype(np.float64)
    here = np.arange(len(tally))
    outpatient = setting.setting_of[rows]
    covered = setting.region.providers.covered_share[rows]

    def by_setting(out: Float, inside: Float | float) -> Float:
        found = np.zeros((len(tally), 3, *out.shape[1:]))
        found[here, outpatient] = out
        found[:, 2] = inside
        return found

    def units() -> Float:
        out = tally[:, _T.UNITS_OUT_0 : _T.UNITS_OUT_0 + 4]
        inside = tally[:, _T.UNITS_IN_0 : _T.UNITS_IN_0 + 4]
        inside = inside * covered[:, 1:] - of(year.outside)
        return by_setting(out * covered[:, :1] / 1000.0, inside / 1000.0)

    def bed_days() -> Float:
        moved = _folded(of(year.outside_days), bands) / 1000.0
        return _folded(of(stays.days), bands) * covered[:, 1:, None] - moved

    def admissions() -> Float:
        by_mode = stays.modes if stays.modes.shape[-1] > 1 else year.billed[..., None]
        return np.asarray(of(by_mode), dtype=np.float64)

    def experience() -> Float:
        count = tally[:, _T.CONTACTS_RATED]
        rated = tally[:, _T.EXPERIENCE] / 1000.0 / np.maximum(count, 1.0)
        mean = np.where(count > 0.0, rated, 0.0)
        return np.asarray(np.clip((1.0 + mean) / 2.0, 0.0, 1.0) * year.months / MONTHS)

    counted: dict[str, Callable[[], Float]] = {
        "visits": lambda: by_setting(tally[:, _T.VISITS], 0.0),
        "units": units,
        "admissions": admissions,
        "bed_days": bed_days,
        "cases_side": lambda: _folded(of(stays.cases), sides).astype(np.float64),
        "charges_side": lambda: _folded(of(stays.charges), sides) / 100.0,
        "resource_cost": lambda: (tally[:, _T.COST_OUT] + tally[:, _T.COST_IN]) / 100.0,
        "patient_covered": lambda: by_setting(
            tally[:, _T.PATIENT_OUT] / 100.0, tally[:, _T.PATIENT_IN] / 100.0
        ),
        "patient_uncovered": lambda: by_setting(
            tally[:, _T.UNCOVERED_OUT] / 100.0, tally[:, _T.UNCOVERED_IN] / 100.0
        ),
        "member_months": lambda: tally[:, _T.MEMBERS],
        "risk_months": lambda: tally[:, _T.RISK_MONTHS] / 1000.0,
        "diagnosis_months": lambda: tally[:, _T.RECORDED_MONTHS] / 1000.0,
        "spent_elsewhere": lambda: tally[:, _T.SPENT_ELSEWHERE] / 100.0,
        "spent_outside": lambda: tally[:, _T.SPENT_OUTSIDE] / 100.0,
        "quality_num": lambda: _quality_num(tally) + of(year.documented) / 1000.0,
        "quality_den": lambda: _quality_den(tally),
        "post_acute_days": lambda: tally[:, _T.POST_ACUTE_DAYS],
        "observations": lambda: tally[:, _T.OBSERVED],
        "cut_short": lambda: of(stays.cut) / 1000.0,
        "sessions": lambda: tally[:, _T.SESSIONS] / 1000.0,
        "episodes": lambda: (of(year.episodes) / np.array([1.0, 100.0]))[:, None, :],
        "referrals": lambda: np.stack(
            (tally[:, _T.REFERRED_UP], tally[:, _T.REFERRED_DOWN]), axis=1
        ),
        "experience": experience,
    }
    modes = setting.region.modes.n
    nothing = _nothing_done(len(tally), len(setting.need_out), sides, bands, modes)

    def field_of(name: str) -> Float:
        array: Float = counted[name]() if name in counted else getattr(nothing, name)
        return array

    return Activity.deferred(field_of, nothing)


def _quality_num(tally: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the true numerators of the measures, on a new last axis."""
    return np.stack([measure(tally)[0] for measure in _MEASURED], axis=-1)


def _quality_den(tally: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the denominators of the measures, on a new last axis."""
    return np.stack([measure(tally)[1] for measure in _MEASURED], axis=-1)


_Measured = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def _appropriate(tally: npt.NDArray[Any]) -> _Measured:
    contacts = tally[..., _T.VISITS] - tally[..., _T.RETURN_VISITS]
    return contacts - tally[..., _T.LOW_VALUE], contacts


def _discharged_without(event: _T) -> Callable[[npt.NDArray[Any]], _Measured]:
    def measure(tally: npt.NDArray[Any]) -> _Measured:
        discharges = tally[..., _T.DISCHARGES]
        return discharges - tally[..., event], discharges

    return measure


# The true numerator and the denominator of each measure.
_MEASURED: tuple[Callable[[npt.NDArray[Any]], _Measured], ...] = (
    lambda tally: (tally[..., _T.CONTROLLED], tally[..., _T.CONDITIONS]),
    lambda tally: (tally[..., _T.PREVENTIVE], tally[..., _T.CHRONIC_MEMBERS]),
    _discharged_without(_T.READMISSIONS),
    _appropriate,
    _discharged_without(_T.DEATHS),
)


def missed_items(tally: Float) -> Float:
    """Return the items of each measure that were missed and that a record could show as done."""
    missed = np.zeros((*tally.shape[:-1], MEASURES))
    for m, measure in enumerate(_MEASURED):
        if ON_RECORD[m]:
            done, counted = measure(tally)
            np.subtract(counted, done, out=missed[..., m])
    return missed


def _folded(counts: Int, length: int) -> Int:
    """Return counts whose last axis is as long as asked; what lies beyond joins the last."""
    size = counts.shape[-1]
    if size == length:
        return counts
    if size < length:
        return np.concatenate(
            (counts, np.zeros((*counts.shape[:-1], length - size), dtype=counts.dtype)), axis=-1
        )
    folded = counts[..., :length].copy()
    folded[..., -1] += counts[..., length:].sum(axis=-1)
    return folded


@cache
def _nothing_done(n: int, groups: int, sides: int, bands: int, modes: int) -> Activity:
    """Return a year without activity, for its shapes and for what no engine counts."""
    nothing = Activity.zeros(
        n, groups=groups, measures=MEASURES, sides=sides, bands=bands, modes=modes
    )
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
        spent_outside=activity.spent_outside * step,
        patient_covered=activity.patient_covered * step,
        patient_uncovered=activity.patient_uncovered * step,
        charges_side=activity.charges_side * step,
        episodes=activity.episodes * np.array([1.0, step]),
    )


def remember(world: World, tallies: Tallies) -> None:
    """Add a month to the accounting year and to the last twelve months."""
    kept = tallies._replace(stays=trimmed(tallies.stays))
    month = Month.of(world.setting, kept, world.sorting)
    world.year.count(month, world.sorting)
    world.recent_before = world.recent.provider.sum(axis=1)
    world.recent.count(month, world.sorting)
    if len(world.rolling) == MONTHS:
        world.recent.count(world.rolling_months[0], world.sorting, sign=-1)
    world.rolling = [*world.rolling[-(MONTHS - 1) :], kept]
    world.rolling_months = [*world.rolling_months[-(MONTHS - 1) :], month]
    world.year_seen = world.recent_seen = None


def all_so_far(world: World) -> Activity:
    """Return what all providers have done since the accounting year began, payer by payer.

    As all contracts sort stays; :func:`done_for` gives what some have done for one payer.
    """
    if world.year_seen is None:
        world.year_seen = activity_by_payer(world.setting, world.year)
    return world.year_seen


def done_for(world: World, whole: Activity, payer: int, rows: Int | slice) -> Activity:
    """Return what some providers have done for a payer, as their contract sorts stays.

    Parameters
    ----------
    world : World
    whole : Activity
        Of all providers for all payers, payer by payer.
    payer : int
    rows : int64, shape (n,), or slice
        Providers.
    """
    first = payer * len(world.setting.beds)
    if isinstance(rows, slice):
        here: Int | slice = slice(first + rows.start, first + rows.stop)
    else:
        here = first + rows
    return as_contracted(world, whole.of_rows(here), payer, rows)


def year_so_far(world: World, payer: int, rows: Int | slice) -> Activity:
    """Return what some providers have done for a payer since the accounting year began."""
    return done_for(world, all_so_far(world), payer, rows)


def monthly_run_rate(world: World, payer: int, rows: Int | slice) -> Activity:
    """Return a month's mean activity of some providers over the last twelve months."""
    if world.recent_seen is None:
        recent = activity_by_payer(world.setting, world.recent)
        world.recent_seen = recent.scaled(1.0 / world.recent.months)
    return done_for(world, world.recent_seen, payer, rows)


def as_contracted(world: World, activity: Activity, payer: int, rows: Int | slice) -> Activity:
    """Return activity with as many sides and bands as the contract of these providers has."""
    sorting = world.sorting
    if sorting.n_sides == 1 and sorting.n_bands == 1:
        return activity
    sides = int(sorting.sides[rows, payer].max(initial=1))
    bands = int(sorting.bands[rows, payer].max(initial=1))
    if sides == sorting.n_sides and bands == sorting.n_bands:
        return activity
    length = {"cases_side": sides, "charges_side": sides, "bed_days": bands}
    n, n_groups = activity.n_providers, len(world.setting.need_out)
    like = _nothing_done(n, n_groups, sides, bands, sorting.n_modes)

    def make(name: str) -> Float:
        array: Float = getattr(activity, name)
        # No case of theirs lies on the sides that other contracts have beyond.
        return array[..., : length[name]] if name in length else array

    return Activity.deferred(make, like)


ONCE_A_LIFE = (Decision.COURSE,)
"""Decisions whose luck is a person's and no month's: an illness that takes a course of care takes
it whenever a bed is found, or worlds that differ by a month's wait would differ by a course."""

_ONCE = np.array([int(d) for d in ONCE_A_LIFE])
_MONTHLY = np.array([int(d) for d in Decision if d not in ONCE_A_LIFE])


def month_keys(seed: int, month: int) -> Keys:
    """Return this month's keys by decision."""
    keys = np.zeros(N_DECISIONS, dtype=np.uint64)
    fill_keys(seed, month, _MONTHLY, keys)
    fill_keys(seed, 0, _ONCE, keys)
    return keys


def quantiles(ranks: Float) -> Float:
    """Return the normal quantile of every rank, same shape."""
    flat = np.array([normal_quantile(float(r)) for r in ranks.ravel()])
    return flat.reshape(ranks.shape)
