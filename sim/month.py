"""One month of a health system, and the months of a run.

What happens, in this order:

1. **New accounting year** (every twelfth month): contracts renew their terms, a reform takes
   effect, lists reopen, year-to-date columns start again, technology moves need.
2. **Incentives**: every contract is differentiated at the providers' projected year-end activity;
   levers and styles move part of the way.
3. **Need**: ageing, chronic change, episodes, worsening, deaths and newborns.
4. **Seeking care**: none, a practice or a hospital; least severe contacts beyond capacity wait.
5. **Primary care** treats, asks back, or refers.
6. **Hospitals** see outpatients and decide on beds; beds go by severity and months waited.
7. **Outcome** of stays and contacts: recovery, readmission, death, experience.
8. **Claims and money**: cost sharing, interim payments, subsidies, the ledger, closed at zero.
9. **Oversight**: reviews, claw-back and fines.
10. **Record**. Nothing is drawn here.

Within a month everyone acts on the providers' state at its start; requests for capacity are
collected first and granted in an order that no thread or row number can change.

Knows the world's state and who acts when; must not know Mesa, files, or any payment model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sim import payment
from sim.activity import Activity
from sim.behavior.income import income_weight
from sim.benefits import Benefits, BenefitTable, expected_coinsurance
from sim.engine import kernels
from sim.engine.counting import Claims, new_claims
from sim.engine.kernels import Columns, Requests, Tallies
from sim.engine.organization import (
    CHANNELS,
    Marginals,
    Organizations,
    Position,
    bed_capacity,
    curvature_in,
    curvature_out,
    decide,
    foreseen_returns,
    lag_weights,
    list_price_marginals,
    new_organizations,
    prevention_multiplier,
)
from sim.engine.person import N_DECISIONS
from sim.engine.setting import (
    LIGHT,
    NECESSARY,
    PRACTICE,
    SECONDARY,
    TERTIARY,
    Setting,
    build_setting,
    products_over_bits,
)
from sim.engine.tables import (
    AdmitTable,
    Float,
    Int,
    Keys,
    MemberTable,
    NeedTable,
    PriceTable,
    ReferTable,
    SeekTable,
    StayTable,
    TreatTable,
)
from sim.errors import RunError
from sim.health.need import severity_multiplier
from sim.incentives import IncentiveTerms, marginal_receipts
from sim.ledger import FISCAL, OUTSIDE, PATIENTS, Ledger, chart_of_accounts
from sim.numerics import normal_quantile
from sim.oversight import (
    AuditPolicy,
    AuditResult,
    audit,
    peer_share,
    review_probability,
)
from sim.population import People, synthesize
from sim.randomness import Decision, key, key_plain
from sim.region import Region
from sim.tallies import History, Lever, PersonTally, ProviderTally, cell_traits
from sim.units import to_minor

MEASURES = 5
MONTHS = 12
_T = ProviderTally
LOAD_STEP = 0.15  # weight of the last month in the load that a bed's shadow price answers to
SERIOUS_RATIO = 1.702  # a logistic curve with this slope is close to the normal distribution


class Policy(Protocol):
    """What a policy must offer: contracts by payer and provider, benefits and audits."""

    benefits: Mapping[str, Any]
    audit: Mapping[str, float]

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
    receipts_year: Int
    patient_year: Int
    fund_year: Int
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
    history: list[dict[str, Any]] = field(default_factory=list)
    yearly_people: list[dict[str, npt.NDArray[np.generic]]] = field(default_factory=list)
    yearly_marginals: list[Marginals] = field(default_factory=list)
    claims: list[dict[str, npt.NDArray[np.generic]]] = field(default_factory=list)
    price_cache: dict[int, Float] = field(default_factory=dict)

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


# --- building ------------------------------------------------------------------------------------


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
        receipts_year=np.zeros((n, n_payers), dtype=np.int64),
        patient_year=np.zeros((n, n_payers), dtype=np.int64),
        fund_year=np.zeros((n, n_payers), dtype=np.int64),
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
        limits=_quantiles(setting.reach_out),
        with_claims=claims,
    )
    world.agreements = [_first_agreement(group, world) for group in before.groups(region)]
    # Providers begin at the styles that list prices ask for, or the first months would be a
    # transition from nothing.
    settled = _position(world)
    for _ in range(36):
        decide(
            setting,
            organizations,
            dict.fromkeys(CHANNELS, reference),
            reference,
            settled,
            frozenset(),
        )
    return world


def _context(setting: Setting, rows: Int) -> payment.PaymentContext:
    """Return what a contract with these providers may refer to: their price lists and weights."""
    region = setting.region
    providers, groups = region.providers, region.groups
    n = len(rows)
    unit_price = np.zeros((n, 3, 4))
    unit_price[np.arange(n), setting.setting_of[rows]] = setting.price_out[rows]
    unit_price[:, 2] = setting.price_in[rows]
    return payment.PaymentContext(
        provider_ids=tuple(providers.ids[i] for i in rows),
        kinds=providers.kind[rows],
        groups=groups.ids,
        unit_price=unit_price,
        visit_fee=np.zeros((n, 3)),
        day_price=np.repeat(setting.day_price[rows][:, None], len(groups.ids), axis=1),
        weights=groups.weight[:, None] * groups.weight_level,
        grade_coefficient=providers.grade_coefficient[rows],
    )


def _built(group: Any, setting: Setting) -> tuple[Int, Any]:
    rows = np.array(group.providers, dtype=np.int64)
    return rows, group.assignment.build(_context(setting, rows))


def _first_agreement(group: Any, world: World) -> Agreement:
    rows, model = _built(group, world.setting)
    first = payment.tariff_of(model) if payment.has_neutral(model) else model
    return Agreement(group.payer, rows, group.assignment.contract, first, model)


# --- activity ------------------------------------------------------------------------------------


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
    n = len(rows)
    here = np.arange(n)
    outpatient = setting.setting_of[rows]
    covered = setting.region.providers.covered_share[rows]
    activity = Activity.zeros(n, groups=len(setting.need_out), measures=MEASURES)
    visits = np.zeros((n, 3))
    visits[here, outpatient] = tally[:, _T.VISITS]
    units = np.zeros((n, 3, 4))
    out = tally[:, _T.UNITS_OUT_0 : _T.UNITS_OUT_0 + 4]
    units[here, outpatient] = out * covered[:, :1] / 1000.0
    units[:, 2] = tally[:, _T.UNITS_IN_0 : _T.UNITS_IN_0 + 4] * covered[:, 1:] / 1000.0
    patient = np.zeros((n, 3))
    patient[here, outpatient] = tally[:, _T.PATIENT_OUT] / 100.0
    patient[:, 2] = tally[:, _T.PATIENT_IN] / 100.0
    uncovered = np.zeros((n, 3))
    uncovered[here, outpatient] = tally[:, _T.UNCOVERED_OUT] / 100.0
    uncovered[:, 2] = tally[:, _T.UNCOVERED_IN] / 100.0
    contacts = tally[:, _T.VISITS] - tally[:, _T.RETURN_VISITS]
    discharges = tally[:, _T.DISCHARGES]
    rated = np.maximum(tally[:, _T.CONTACTS_RATED], 1.0)
    mean_outcome = np.where(
        tally[:, _T.CONTACTS_RATED] > 0.0, tally[:, _T.EXPERIENCE] / 1000.0 / rated, 0.0
    )
    numerators = np.stack(
        (
            tally[:, _T.CONTROLLED],
            tally[:, _T.PREVENTIVE],
            discharges - tally[:, _T.READMISSIONS],
            contacts - tally[:, _T.LOW_VALUE],
            discharges - tally[:, _T.DEATHS],
        ),
        axis=1,
    )
    denominators = np.stack(
        (
            tally[:, _T.CONDITIONS],
            tally[:, _T.CHRONIC_MEMBERS],
            discharges,
            contacts,
            discharges,
        ),
        axis=1,
    )
    return activity.with_fields(
        visits=visits,
        units=units,
        admissions=year.billed[rows, payer].astype(np.float64)[..., None],
        bed_days=(year.days[rows, payer] * covered[:, 1:])[..., None],
        resource_cost=(tally[:, _T.COST_OUT] + tally[:, _T.COST_IN]) / 100.0,
        patient_covered=patient,
        patient_uncovered=uncovered,
        member_months=tally[:, _T.MEMBERS],
        risk_months=tally[:, _T.RISK_MONTHS] / 1000.0,
        spent_elsewhere=tally[:, _T.SPENT_ELSEWHERE] / 100.0,
        quality_num=numerators,
        quality_den=denominators,
        referrals=np.stack((tally[:, _T.REFERRED_UP], tally[:, _T.REFERRED_DOWN]), axis=1),
        experience=np.clip((1.0 + mean_outcome) / 2.0, 0.0, 1.0) * year.months / MONTHS,
    )


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


def rolling_year(world: World) -> Year | None:
    """Return the last twelve months as a year, scaled up where fewer have passed; None at first."""
    if not world.rolling:
        return None
    months = world.rolling[-MONTHS:]
    return Year(
        np.sum([t.provider for t in months], axis=0),
        np.sum([t.billed for t in months], axis=0),
        np.sum([t.days for t in months], axis=0),
        len(months),
    )


# --- 1. new accounting year ----------------------------------------------------------------------


def open_year(world: World) -> None:
    """Renew contracts, bring in a reform that is due, and start the year's columns again."""
    c = world.columns
    if world.month == 0:
        return
    world.past.append(world.year)
    drift = world.region.drift.price_growth * world.setting.values["drift_scale"]
    if world.month == MONTHS:
        world.fixed_month, world.grant_month = _mean_fixed(world)
        world.income_target = (
            world.receipts_year.sum(axis=1) / 100.0 * world.setting.values["income_target_ratio"]
        )
    renewed = []
    for agreement in world.agreements:
        base = activity_of(world.setting, world.year, agreement.payer, agreement.rows)
        model = agreement.model
        if payment.has_neutral(agreement.promised):
            grown = trended(base, drift)
            model = payment.resolve_neutral(agreement.promised, grown, model.revenue(grown), model)
        else:
            past = [
                activity_of(world.setting, year, agreement.payer, agreement.rows)
                for year in world.past
            ]
            model = payment.next_year(model, past)
        renewed.append(Agreement(agreement.payer, agreement.rows, agreement.spec, model, model))
    world.agreements = renewed
    if world.month == world.reform_month:
        _start_reform(world, drift)
    _start_columns(world)
    world.year = Year.empty(*world.year.days.shape)
    for name in ("receipts_year", "patient_year", "fund_year"):
        setattr(world, name, np.zeros_like(getattr(world, name)))
    c.spent_last_year[:] = c.spent_year
    for column in (
        c.spent_year,
        c.oop_year,
        c.paid_out_year,
        c.own_covered_year,
        c.stays_year,
    ):
        column[:] = 0


def _start_columns(world: World) -> None:
    """Reopen the family doctor lists: some members think again about their contract."""
    if "joining" in world.frozen and world.month >= world.reform_month:
        return
    join_lists(world)


def _mean_fixed(world: World) -> tuple[Int, Int]:
    """Return mean monthly fixed cost and grants of the first year, in fen."""
    fixed = np.mean([row[0] for row in world.fixed_seen], axis=0)
    grants = np.mean([row[1] for row in world.fixed_seen], axis=0)
    return (
        np.floor(np.maximum(fixed, 0.0) + 0.5).astype(np.int64),
        np.floor(np.maximum(grants, 0.0) + 0.5).astype(np.int64),
    )


def _start_reform(world: World, drift: float) -> None:
    """Put the reform's contracts, benefits and audits in force; what is unchanged goes on."""
    standing = {(a.payer, tuple(a.rows.tolist())): a for a in world.agreements}
    by_row = {(a.payer, int(row)): a for a in world.agreements for row in a.rows}
    agreements = []
    for group in world.after.groups(world.region):
        same = standing.get((group.payer, tuple(group.providers)))
        if same is not None and same.spec == group.assignment.contract:
            agreements.append(same)
            continue
        rows, model = _built(group, world.setting)
        if payment.has_neutral(model):
            base = trended(activity_of(world.setting, world.year, group.payer, rows), drift)
            receipts = np.zeros(len(rows))
            for position, row in enumerate(rows):
                old = by_row[group.payer, int(row)]
                grown = trended(
                    activity_of(world.setting, world.year, group.payer, old.rows), drift
                )
                receipts[position] = old.model.revenue(grown)[list(old.rows).index(row)]
            previous = same.model if same is not None else None
            model = payment.resolve_neutral(model, base, receipts, previous)
        agreements.append(Agreement(group.payer, rows, group.assignment.contract, model, model))
    world.agreements = agreements
    world.frozen_at = world.marginals.copy()
    if world.after.benefits != world.before.benefits:
        world.benefits = Benefits.from_spec(world.after.benefits, world.region.payers)
        world.benefit_table = world.benefits.table()
        world.price_cache = {}
    world.audits = AuditPolicy.from_spec(world.after.audit)


def join_lists(world: World) -> None:
    """Let members whose year is up decide again on the family doctor contract."""
    values = world.setting.values
    c = world.columns
    region = world.region
    bonus = world.benefits.contract_bonus
    rate = values["contract_value_visits"] * float(region.providers.visit_charge[0])
    benefit = np.array([float(bonus[y]) * rate for y in range(world.n_payers)])
    kernels.join_stage(
        c,
        month_keys(world.seed, world.month),
        benefit,
        values["contract_fee"],
        values["price_weight"],
        values["experience_weight"],
        1.0 - values["retention"],
        region.people.contract_share,
        region.people.contract_share_priority,
        values["experience_reference"],
    )


# --- 2. incentives -------------------------------------------------------------------------------


def incentive_terms(values: Mapping[str, float]) -> IncentiveTerms:
    """Return how providers look ahead, from the parameters in force."""
    return IncentiveTerms(
        error=values["forecast_sd"],
        weight_to_date=values["myopia"],
        discount=values["discount"],
        retention=values["retention"],
    )


def see_incentives(world: World) -> Marginals:
    """Differentiate every contract at the projected year-end activity of its providers."""
    recent = rolling_year(world)
    if recent is None:
        return world.reference.copy()
    elapsed = world.month % MONTHS
    terms = incentive_terms(world.setting.values)
    seen = world.reference.copy()
    for agreement in world.agreements:
        payer, rows = agreement.payer, agreement.rows
        if not world.benefits.covers[payer]:
            continue
        run_rate = activity_of(world.setting, recent, payer, rows).scaled(1.0 / recent.months)
        projection = run_rate.scaled(float(MONTHS - elapsed))
        to_date = None
        if elapsed:
            to_date = activity_of(world.setting, world.year, payer, rows)
            projection = projection + to_date
        slope = marginal_receipts(
            agreement.model, projection, to_date, (MONTHS - elapsed) / MONTHS, terms
        )
        _write_marginals(seen, slope, payer, rows, world.setting)
    return seen


def _write_marginals(
    seen: Marginals, slope: Activity, payer: int, rows: Int, setting: Setting
) -> None:
    """Turn a contract's gradient into total receipts: what is uncovered comes at list price."""
    here = np.arange(len(rows))
    outpatient = setting.setting_of[rows]
    share = setting.region.providers.covered_share[rows]
    out, inside = share[:, :1], share[:, 1:]
    seen.visit[rows, payer] = slope.visits[here, outpatient]
    seen.out[rows, payer] = (
        out * slope.units[here, outpatient] + (1.0 - out) * setting.price_out[rows]
    )
    seen.inside[rows, payer] = inside * slope.units[:, 2] + (1.0 - inside) * setting.price_in[rows]
    seen.day[rows, payer] = (
        inside * slope.bed_days[:, :, 0] + (1.0 - inside) * setting.day_price[rows][:, None]
    )
    seen.case[rows, payer] = slope.admissions[..., 0] + slope.visits[:, 2][:, None, None]
    seen.cost[rows, payer] = slope.resource_cost
    seen.elsewhere[rows, payer] = slope.spent_elsewhere
    seen.quality[rows, payer] = slope.quality_num
    seen.refer[rows, payer] = slope.referrals[:, 0]
    seen.experience[rows, payer] = slope.experience
    seen.member[rows, payer] = slope.member_months + slope.risk_months


def channel_marginals(world: World) -> dict[str, Marginals]:
    """Return what each channel sees: frozen ones what was seen when the reform started."""
    frozen = world.frozen if world.month >= world.reform_month else frozenset()
    held = world.frozen_at if world.frozen_at is not None else world.marginals
    return {name: held if name in frozen else world.marginals for name in CHANNELS}


def _position(world: World) -> Position:
    """Return where providers stand: sums of the last twelve months."""
    setting = world.setting
    n, n_payers, n_groups = len(setting.beds), world.n_payers, len(setting.need_out)
    recent = rolling_year(world)
    if recent is None:
        even = np.tile(np.asarray(world.region.people.scheme_share, dtype=np.float64), (n, 1))
        return Position(
            weights=even,
            revenue=np.zeros(n),
            target=np.zeros(n),
            cost_base=np.zeros(n),
            contacts=np.zeros(n),
            stays=np.zeros(n),
            stays_by_group=np.zeros((n, n_payers, n_groups)),
            uncontrolled=np.zeros((n, n_payers)),
            conditions=np.zeros((n, n_payers)),
            chronic_members=np.zeros((n, n_payers)),
            load=np.zeros(n),
            bed_margin=np.zeros(n),
            prob_review=np.zeros((n, n_payers)),
            detection=np.zeros(n_payers),
            fine=np.zeros(n_payers),
        )
    year = MONTHS / recent.months
    tally = recent.provider.astype(np.float64) * year
    charges = tally[:, :, _T.CHARGE_OUT] + tally[:, :, _T.CHARGE_IN]
    total = charges.sum(axis=1, keepdims=True)
    share = np.asarray(world.region.people.scheme_share, dtype=np.float64)
    weights = np.where(total > 0.0, charges / np.maximum(total, 1.0), share[None])
    stays = tally[:, :, _T.ADMISSIONS].sum(axis=1)
    cost = (tally[:, :, _T.COST_OUT] + tally[:, :, _T.COST_IN]).sum(axis=1) / 100.0
    charge_in = tally[:, :, _T.CHARGE_IN].sum(axis=1) / 100.0
    days = np.maximum(tally[:, :, _T.BED_DAYS].sum(axis=1), 1.0)
    margin = (charge_in - tally[:, :, _T.COST_IN].sum(axis=1) / 100.0) / days
    stake_day = setting.altruism * setting.values["value_of_health"]
    health = np.einsum("ng,ng->n", setting.delay_health, recent.days.sum(axis=1))
    health = health / np.maximum(recent.days.sum(axis=(1, 2)), 1.0)
    mean_days = days / np.maximum(stays, 1.0)
    displaced = margin + stake_day * health / np.maximum(mean_days, 1.0)
    upcoded = tally[:, :, _T.UPCODED].sum(axis=1)
    peers = peer_share(upcoded, stays, world.region.providers.kind)
    own = upcoded / np.maximum(stays, 1.0)
    review = review_probability(world.audits, own, peers)
    revenue = sum((h["receipts"] + h["uncovered"]).sum(axis=1) for h in world.history[-MONTHS:])
    return Position(
        weights=weights,
        revenue=np.asarray(revenue, dtype=np.float64) / 100.0 * year,
        target=world.income_target,
        cost_base=cost,
        contacts=tally[:, :, _T.VISITS].sum(axis=1),
        stays=stays,
        stays_by_group=recent.billed.sum(axis=3).astype(np.float64) * year,
        uncontrolled=(tally[:, :, _T.CONDITIONS] - tally[:, :, _T.CONTROLLED]) / MONTHS,
        conditions=tally[:, :, _T.CONDITIONS] / MONTHS,
        chronic_members=tally[:, :, _T.CHRONIC_MEMBERS] / MONTHS,
        load=world.load,
        bed_margin=displaced,
        prob_review=np.repeat(review[:, None], n_payers, axis=1),
        detection=np.full(n_payers, world.audits.detection),
        fine=np.full(n_payers, world.audits.fine),
    )


def move_levers(world: World) -> None:
    """Let providers see this month's incentives and move styles and levers."""
    world.marginals = see_incentives(world)
    if world.month % MONTHS == 0:
        world.yearly_marginals.append(world.marginals.copy())
    position = _position(world)
    eta = world.setting.values["income_elasticity"]
    money = [
        income_weight(float(revenue), float(target), eta)
        for revenue, target in zip(position.revenue, position.target, strict=True)
    ]
    world.organizations.money[:] = money
    frozen = world.frozen if world.month >= world.reform_month else frozenset()
    decide(
        world.setting,
        world.organizations,
        channel_marginals(world),
        world.reference,
        position,
        frozen,
    )


# --- tables of the month -------------------------------------------------------------------------


@dataclass
class Tables:
    """What the stages of this month read."""

    keys: Keys
    need: NeedTable
    seek: SeekTable
    refer: ReferTable
    treat: TreatTable
    admit: AdmitTable
    stay: StayTable
    member: MemberTable
    price: PriceTable


def month_keys(seed: int, month: int) -> Keys:
    """Return this month's keys by decision."""
    keys = np.zeros(N_DECISIONS, dtype=np.uint64)
    for decision in Decision:
        keys[int(decision)] = key(seed, month, decision)
    return keys


def month_tables(world: World) -> Tables:
    """Bring the state of providers and payers at the start of the month into tables."""
    member = _member_table(world)
    price = _price_table(world)
    admit = _admit_table(world)
    return Tables(
        keys=month_keys(world.seed, world.month),
        need=_need_table(world),
        seek=_seek_table(world, price),
        refer=_refer_table(world),
        treat=_treat_table(world),
        admit=admit,
        stay=_stay_table(world),
        member=member,
        price=price,
    )


def _need_table(world: World) -> NeedTable:
    region, values = world.region, world.setting.values
    groups, chronic, people = region.groups, region.chronic, region.people
    rate = groups.base_rate * groups.season[:, world.month % MONTHS][:, None, None]
    rate = np.ascontiguousarray(rate.transpose(1, 2, 0)) * values["need_scale"]
    return NeedTable(
        death=people.base_mortality,
        death_ratio=products_over_bits(chronic.rr_death),
        death_control=products_over_bits(chronic.control_death),
        onset=chronic.incidence,
        onset_control=chronic.control_event,
        remission=chronic.remission,
        gain=chronic.control_gain,
        decay=chronic.control_decay,
        rate=rate,
        total=rate.sum(axis=2),
        ratio=products_over_bits(groups.condition_ratio),
        control_ratio=products_over_bits(groups.control_ratio),
        level=np.cumsum(groups.share_level, axis=1),
        prob_bed=groups.prob_bed * values["bed_need_scale"],
        self_limiting=groups.self_limiting,
        worsening=groups.worsening,
        utility_loss=groups.utility_loss,
        utility=people.base_utility,
        decrement=_sums_over_bits(chronic.utility_decrement),
        untreated_death=values["untreated_death"],
    )


def _sums_over_bits(amounts: Float) -> Float:
    masks = np.arange(256)
    total = np.zeros(256)
    for c, amount in enumerate(amounts):
        total += ((masks >> c) & 1) * amount
    return total


def _seek_table(world: World, price: PriceTable) -> SeekTable:
    setting, values, region = world.setting, world.setting.values, world.region
    kind = region.providers.kind.astype(np.int64)
    size = np.log(np.maximum(region.providers.visits_capacity, 1.0))
    constant = np.zeros((3, len(kind)))
    for k, name in ((PRACTICE, "practice"), (SECONDARY, "secondary"), (TERTIARY, "tertiary")):
        rows = kind == k
        if not rows.any():
            continue
        constant[:, rows] = values[f"attraction_{name}"]
        if k != PRACTICE:
            spread = size[rows] - np.log(np.exp(size[rows]).mean())
            constant[:, rows] += values["attraction_size"] * spread
    slope = np.array([0.0, values["severity_weight"], values["severity_weight_tertiary"]])
    within = 1.0 - values["nest_correlation"]
    affordable = world.technology / world.income_growth
    return SeekTable(
        options=setting.options,
        kind=kind,
        log_minutes=np.log1p(region.zones.travel_minutes),
        serves=region.providers.scope,
        price=price.visit,
        wait=world.wait,
        constant=constant,
        slope=slope,
        care_class=region.groups.care_class.astype(np.int64),
        visit_need=setting.need_out,
        seek=np.full(len(setting.need_out), values["seek_constant"])
        + np.where(region.groups.care_class == NECESSARY, values["seek_necessary"], 0.0),
        seek_slope=values["seek_severity"],
        price_weight=values["price_weight"] * affordable,
        distance_weight=values["distance_weight"],
        distance_relief=values["distance_relief"],
        wait_weight=values["waiting_weight"],
        experience_weight=values["experience_weight"],
        own_practice=values["own_practice"],
        within_practices=within,
        within_hospitals=within,
        over_care=within,
        comply=values["referral_compliance"],
    )


def _refer_table(world: World) -> ReferTable:
    setting, values = world.setting, world.setting.values
    org = world.organizations
    m = channel_marginals(world)["referral"]
    tech = world.technology
    n = len(setting.beds)
    list_price = setting.contact_price.mean(axis=1) * tech
    precision = 1.0 / (values["tau_refer"] * np.maximum(list_price, 1e-9))
    cost = setting.cost_out[:, None, :] * (1.0 - m.cost[:, :, None])
    per_contact = np.einsum("nyj,nygj->nyg", m.out - cost, org.style_out)
    margin = (m.visit[:, :, None] + per_contact * setting.need_out[None, None]) * tech
    # Referring takes one contact with one unit of labor.
    receipts = m.visit + m.out[:, :, 3] - cost[:, :, 3] + m.refer
    limit = world.limits
    noise = max(values["signal_sd"] * 4.0, 1e-6)
    skill = np.where(world.region.providers.skill > 0.0, world.region.providers.skill, 1.0)
    spread = np.sqrt((noise / skill) ** 2 / (1.0 + (noise / skill) ** 2))
    steepness = SERIOUS_RATIO / np.maximum(spread, 1e-3)
    # The constant that gives the baseline rate for a case of median severity at list price.
    list_margin = (setting.price_out - setting.cost_out).sum(axis=1)[:, None] * setting.need_out
    list_refer = (setting.price_out - setting.cost_out)[:, 3]
    # Beyond 700 the chance is nothing, and its inverse no longer a number.
    fails = 1.0 / (1.0 + np.exp(np.minimum(steepness[:, None] * limit, 700.0)))
    value = values["value_of_health"]
    lost = values["altruism_scale"] * value * setting.failure_health * fails
    base = values["refer_base"]
    gap = list_refer[:, None] - (list_margin - lost)
    constant = np.log(base / (1.0 - base)) - precision[:, None] * gap
    return ReferTable(
        margin=margin,
        receipts=receipts * tech,
        elsewhere=m.elsewhere,
        spending=setting.elsewhere * tech,
        health=np.zeros_like(limit),
        failure=setting.failure_health,
        own_here=np.zeros(n),
        own_there=np.zeros(len(setting.need_out)),
        access=np.zeros(n),
        return_cost=np.zeros(n),
        time_price=np.zeros(n),
        money=org.money,
        altruism=setting.altruism,
        precision=precision,
        constant=constant,
        limit=limit,
        skill=skill,
        steepness=steepness,
        noise=noise,
        value=value,
        oop_weight=values["oop_weight"],
    )


def _quantiles(ranks: Float) -> Float:
    flat = np.array([normal_quantile(float(r)) for r in ranks.ravel()])
    return flat.reshape(ranks.shape)


def _cost_factor(world: World) -> Float:
    """Return unit costs relative to baseline after cost-cutting effort (n,)."""
    values = world.setting.values
    theta = values["cost_effect"]
    base = 1.0 - theta * (1.0 - np.exp(-values["effort_base"]))
    return np.asarray(
        (1.0 - theta * (1.0 - np.exp(-world.organizations.cost))) / base, dtype=np.float64
    )


def _quality(world: World) -> Float:
    """Return relative quality after quality effort (n,)."""
    values = world.setting.values
    theta = values["quality_effect"]
    base = 1.0 + theta * (1.0 - np.exp(-values["effort_base"]))
    return np.asarray(
        (1.0 + theta * (1.0 - np.exp(-world.organizations.quality))) / base, dtype=np.float64
    )


def _treat_table(world: World) -> TreatTable:
    setting, values, org = world.setting, world.setting.values, world.organizations
    groups = world.region.groups
    first, rest = foreseen_returns(setting)
    return TreatTable(
        style=org.style_out,
        curvature=world.curvature_out,
        need=setting.need_out * world.technology,
        price=setting.price_out,
        cost=setting.cost_out * _cost_factor(world)[:, None],
        at_stake=setting.health_out,
        sd_severity=groups.severity_sd * values["contact_severity_ratio"],
        reach=setting.reach_out,
        returns=org.returns * first,
        follow=rest,
        low_value=org.low_value,
        low_component=groups.low_value_component.astype(np.int64),
        low_units=groups.low_value_units,
        low_harm=groups.low_value_harm,
        covered=world.region.providers.covered_share,
        quality=_quality(world),
        recovery=values["recovery_probability"],
        incapable_ratio=values["incapable_ratio"],
        recovery_slope=values["recovery_slope"],
        return_price=values["price_weight"] * values["return_price_ratio"],
        precision=values["quantity_precision"],
    )


def _admit_table(world: World) -> AdmitTable:
    setting, values, org = world.setting, world.setting.values, world.organizations
    region = world.region
    groups = region.groups
    kind = region.providers.kind.astype(np.int64)
    m = channel_marginals(world)["admission"]
    tech = world.technology
    cost_factor = _cost_factor(world)
    cost_in = setting.cost_in * cost_factor[:, None]
    day_cost = setting.day_cost * cost_factor
    share = 1.0 - m.cost
    per_unit = m.inside - cost_in[:, None, :] * share[:, :, None]
    units = np.einsum("nyj,nygj->nyg", per_unit, org.style_in)
    level = setting.need_in[:, :, 0] * tech
    ratio = _practised_stay(world)
    per_day = (m.day - (day_cost[:, None] * share)[:, :, None]) * ratio
    days = setting.needed_days
    rising = units[..., None] * level[None, None] + per_day[..., None] * days[None, None]
    up = org.up_share
    step = np.diff(m.case, axis=3, append=m.case[..., -1:])
    fixed = m.case + up * step
    margin_unit = (setting.price_in - setting.cost_in).sum(axis=1)
    margin_day = setting.day_price - setting.day_cost
    flat = margin_unit[:, None, None] * level[None] + margin_day[:, None, None] * days[None]
    list_rising = np.repeat(flat[:, None], world.n_payers, axis=1)
    weight = 1.0 / MONTHS
    if world.later is None:
        world.later = (np.zeros_like(fixed), list_rising.copy())
    later_fixed, later_rising = world.later
    world.later = (
        later_fixed + weight * (fixed - later_fixed),
        later_rising + weight * (rising - later_rising),
    )
    price = setting.stay_price * tech
    value = values["value_of_health"]
    altruism = setting.altruism
    tau_a, tau_t = values["tau_admit"], values["tau_transfer"]
    penalty, effort = values["refuse_penalty"], values["transfer_effort"]
    mean_price = setting.stay_price.mean(axis=2)
    gain = (margin_unit[:, None] * setting.need_in[:, :, 0].mean(axis=1)) + margin_day[
        :, None
    ] * days.mean(axis=1)[None]
    stake = (altruism * value)[:, None] * setting.delay_health
    admitted = gain + stake
    refuse_base = values["refuse_base"]
    defer_base = values["defer_base"]
    transfer_base = np.array(
        [values["transfer_base_practice"], values["transfer_base_secondary"], 1e-6]
    )[kind][:, None]
    admit_base = 1.0 - transfer_base - np.where(groups.is_elective, defer_base, refuse_base)
    refuse = np.log(refuse_base / admit_base) + (admitted + penalty * mean_price) / (
        tau_a * mean_price
    )
    # A patient who waits may go elsewhere before next month.
    delay = (1.0 - values["leave_list"]) * values["discount"] ** (1.0 / MONTHS)
    deferring = delay * (gain + stake) - stake
    defer = np.log(defer_base / admit_base) + (admitted - deferring) / (tau_a * mean_price)
    transferring = stake - effort * mean_price
    transfer = np.log(transfer_base / admit_base) + (admitted - transferring) / (tau_t * mean_price)
    idle_base = _idle_rate(world)
    light = severity_multiplier(LIGHT, 0.5)
    idle = np.log(idle_base / (1.0 - idle_base))[None] - gain * light / (tau_a * mean_price)
    own = 1.0 - region.providers.covered_share[:, 1]
    rate = np.asarray(world.benefits.rate, dtype=np.float64)[:, region.providers.kind].T
    own_share = own[:, None] + (1.0 - own[:, None]) * (1.0 - rate)
    return AdmitTable(
        fixed=fixed,
        rising=rising,
        list_fixed=np.zeros_like(fixed),
        list_rising=list_rising,
        later_fixed=world.later[0],
        later_rising=world.later[1],
        price=price,
        sensitivity=np.full(len(groups.ids), values["sensitivity_share"]),
        refuse=refuse,
        defer=defer,
        transfer=transfer,
        idle=idle,
        health=setting.delay_health,
        money=org.money,
        altruism=altruism,
        bed=org.bed,
        days=days,
        elective=groups.is_elective,
        reach=setting.reach_in,
        up=setting.up,
        serves=region.providers.scope,
        prob_bed=groups.prob_bed * values["bed_need_scale"],
        sd_severity=groups.severity_sd,
        own=own_share,
        value=value,
        oop_weight=values["oop_weight"],
        tau_admit=tau_a,
        tau_transfer=tau_t,
        penalty=penalty,
        effort_transfer=effort,
        delay_discount=delay,
        beyond_loss=values["beyond_loss"],
        urgency=values["wait_urgency"],
    )


def _idle_rate(world: World) -> Float:
    """Return the chance of an unneeded admission per contact that needs no bed, at baseline (G,).

    From each group's share of inappropriate admissions, by the flow of cases that need a bed and
    of those that do not.
    """
    groups, values = world.region.groups, world.setting.values
    given = groups.prob_bed * (1.0 - groups.unmet)
    unneeded = given * groups.inappropriate / (1.0 - groups.inappropriate)
    contacts = np.maximum(1.0 - groups.prob_bed, 0.02) * values["idle_contacts"]
    return np.asarray(
        np.clip(unneeded / contacts * values["idle_scale"], 1e-5, 0.6), dtype=np.float64
    )


def _practised_stay(world: World) -> Float:
    """Return the practised over the needed stay by margin of a day (n, Y, G)."""
    setting, org = world.setting, world.organizations
    value = setting.values["value_of_health"]
    stake = 2.0 * (setting.altruism * value)[:, None] * setting.health_day
    gap = org.day - setting.day_cost[:, None, None]
    gap = np.where(gap > 0.0, gap * org.money[:, None, None], gap)
    ratio = 1.0 + gap / np.maximum(stake, 1e-9)[:, None, :]
    return np.clip(ratio, 0.1, 2.0)


def _stay_table(world: World) -> StayTable:
    setting, values, org = world.setting, world.setting.values, world.organizations
    groups = world.region.groups
    cost_factor = _cost_factor(world)
    value = values["value_of_health"]
    return StayTable(
        style=org.style_in,
        curvature=world.curvature_in,
        need=setting.need_in * world.technology,
        price=setting.price_in,
        cost=setting.cost_in * cost_factor[:, None],
        at_stake=setting.health_in,
        money=org.money,
        day_receipt=org.day,
        day_stake=2.0 * (setting.altruism * value)[:, None] * setting.health_day,
        day_price=setting.day_price,
        day_cost=setting.day_cost * cost_factor + org.bed,
        day_loss=setting.health_day,
        needed_days=setting.needed_days,
        up_share=org.up_share,
        document=org.document,
        fatality=groups.fatality,
        readmission=groups.readmission * values["readmission_scale"],
        covered=world.region.providers.covered_share,
        quality=_quality(world),
        sd_severity=groups.severity_sd,
        prob_bed=groups.prob_bed * values["bed_need_scale"],
        weight=groups.weight[:, None] * groups.weight_level,
        avoidable=groups.is_avoidable,
        precision=values["stay_precision"],
        day_slope=values["readmission_day_slope"],
        unit_slope=values["readmission_unit_slope"],
        death_slope=values["death_slope"],
        longest=int(values["longest_stay"]),
    )


def _member_table(world: World) -> MemberTable:
    setting, values, region = world.setting, world.setting.values, world.region
    org = world.organizations
    follow = np.minimum(np.maximum(region.groups.visits_per_episode - 1.0, 0.0), 12.0)
    return MemberTable(
        kind=region.providers.kind.astype(np.int64),
        beds=setting.beds,
        is_town=region.zones.is_town.astype(np.int64),
        minutes=region.zones.travel_minutes,
        home_practice=region.zones.home_practice.astype(np.int64),
        serves=region.providers.scope,
        prevention=prevention_multiplier(setting, org, world.lag),
        contact=values["contact_share"] * (1.0 - np.exp(-org.prevention)),
        risk_milli=np.floor(setting.risk * 1000.0 + 0.5).astype(np.int64),
        avoidable_milli=np.floor(region.groups.is_avoidable * 1000.0 + 0.5).astype(np.int64),
        elective=region.groups.is_elective,
        follow_after_stay=np.floor(follow * values["follow_after_stay"] + 0.5).astype(np.int64),
        used_up=world.benefit_table.outpatient_cap.astype(np.int64),
        leave_list=values["leave_list"],
        frailty_sd=region.people.frailty_sd,
        experience_step=values["experience_step"],
        follow_per_month=int(values["follow_per_month"]),
    )


def _price_table(world: World) -> PriceTable:
    """Return cost sharing and what a contact of mean need is expected to cost the patient."""
    setting = world.setting
    month = world.month % MONTHS
    if month not in world.price_cache:
        world.price_cache[month] = _own_prices(world, month)
    consult = setting.price_out[:, 3] * 100.0
    cost = setting.cost_out[:, 3] * _cost_factor(world) * 100.0
    return PriceTable(
        benefits=world.benefit_table,
        visit=world.price_cache[month] * world.technology,
        covered=world.region.providers.covered_share,
        consult_fen=np.floor(consult + 0.5).astype(np.int64),
        consult_cost_fen=np.floor(cost + 0.5).astype(np.int64),
    )


def _own_prices(world: World, month: int) -> Float:
    """Return the expected own payment of a contact (Y, 3, 2, 2, n), currency."""
    setting, region = world.setting, world.region
    table = world.benefit_table
    n = len(setting.beds)
    covered = region.providers.covered_share[:, 0]
    charge = setting.price_out.sum(axis=1)
    mix = 1.0 - setting.values["price_mix"]
    visits_left = 6.0 * (MONTHS - month) / MONTHS
    out = np.zeros((world.n_payers, 3, 2, 2, n))
    first_visit = 100.0 * float(np.mean(charge)) * visits_left
    for y in range(world.n_payers):
        for entitled in range(3):
            for used in range(2):
                position = int(table.outpatient_cap[y, entitled]) if used else 0
                for contract in range(2):
                    by_tier = [
                        expected_coinsurance(
                            y,
                            tier,
                            0 if tier == PRACTICE else 1,
                            contract,
                            contract,
                            0,
                            entitled,
                            position,
                            0,
                            0,
                            first_visit,
                            mix,
                            table,
                        )
                        for tier in range(3)
                    ]
                    share = np.array(by_tier)[region.providers.kind]
                    out[y, entitled, used, contract] = charge * (1.0 - covered * (1.0 - share))
    return out


# --- 8. money ------------------------------------------------------------------------------------


@dataclass
class Flows:
    """Money of one month in fen: what was earned, paid and cost."""

    receipts: Int  # (n, Y)
    fund_paid: Int  # (n, Y)
    grants: Int  # (n,)
    fixed: Int  # (n,)
    premiums: Int  # (Y,)
    audit: AuditResult
    levers: Int  # (n,)


def pay(world: World, tallies: Tallies) -> Flows:
    """Price the month, pay everyone, and close the books at a residual of zero.

    Parameters
    ----------
    world : World
        ``year`` already includes this month.
    tallies : Tallies
        Of this month.
    """
    setting, region = world.setting, world.region
    month_of_year = world.month % MONTHS + 1
    patient = tallies.provider[:, :, _T.PATIENT_OUT] + tallies.provider[:, :, _T.PATIENT_IN]
    aid = tallies.provider[:, :, _T.AID]
    uncovered = tallies.provider[:, :, _T.UNCOVERED_OUT] + tallies.provider[:, :, _T.UNCOVERED_IN]
    due = np.zeros_like(world.receipts_year)
    for agreement in world.agreements:
        payer, rows = agreement.payer, agreement.rows
        so_far = activity_of(setting, world.year, payer, rows)
        yearly = agreement.model.revenue(so_far.scaled(MONTHS / month_of_year))
        fen = np.floor(np.maximum(yearly, 0.0) * 100.0 + 0.5).astype(np.int64)
        due[rows, payer] = (fen * month_of_year + 6) // MONTHS
    own = world.patient_year + patient + aid
    covers = np.asarray(world.benefits.covers, dtype=bool)
    # A payer that covers nothing has no contract to owe under: patients pay list price.
    due = np.where(covers[None], due, own)
    fund_due = np.maximum(due - own, 0)
    receipts = np.maximum(due, own) - world.receipts_year
    fund_paid = fund_due - world.fund_year
    world.receipts_year = np.maximum(due, own)
    world.patient_year = own
    world.fund_year = fund_due

    cost = (tallies.provider[:, :, _T.COST_OUT] + tallies.provider[:, :, _T.COST_IN]).sum(axis=1)
    preventive = tallies.provider[:, :, _T.PREVENTIVE].sum(axis=1)
    lever = preventive * np.floor(setting.cost_out[:, 3] * 100.0 + 0.5).astype(np.int64)
    income = receipts.sum(axis=1) + uncovered.sum(axis=1)
    if world.month < MONTHS:
        share = region.providers.budget_share_of_income
        grants = np.floor(np.maximum(income, 0) * share / (1.0 - share) + 0.5).astype(np.int64)
        margin = np.floor((income + grants) * region.providers.operating_margin + 0.5)
        fixed = np.maximum(income + grants - cost - lever - margin.astype(np.int64), 0)
        world.fixed_seen.append((fixed, grants))
    else:
        fixed, grants = world.fixed_month, world.grant_month
    audited = _review(world, tallies)
    premiums = _premiums(world, tallies)
    _post(world, tallies, fund_paid, aid, grants, fixed, cost, lever, premiums, audited)
    return Flows(receipts, fund_paid, grants, fixed, premiums, audited, lever)


def _premiums(world: World, tallies: Tallies) -> Int:
    """Return what each fund takes in this month, by its members."""
    region = world.region
    traits = cell_traits(world.n_payers)
    months = tallies.person[:, PersonTally.PERSON_MONTHS]
    out = np.zeros(world.n_payers, dtype=np.int64)
    for y, name in enumerate(region.payers):
        members = int(months[traits["payer"] == y].sum())
        row = region.constants.get(f"fund_income_{name.split('-')[0]}")
        if row is not None:
            out[y] = members * to_minor(row.value) // MONTHS
    return out


def _review(world: World, tallies: Tallies) -> AuditResult:
    """Review this month's stays: rules on all, a sample of the rest."""
    m = world.marginals
    step = np.diff(m.case, axis=3)
    true = tallies.true_level[..., :2].astype(np.float64) * world.organizations.up_share[..., :2]
    weight = true.sum(axis=(2, 3))
    gain = (true * np.maximum(step, 0.0)).sum(axis=(2, 3))
    mean = np.where(weight > 0.0, gain / np.maximum(weight, 1e-12), 0.0)
    upcoded = tallies.provider[:, :, _T.UPCODED]
    stays = tallies.provider[:, :, _T.ADMISSIONS]
    excess = np.floor(mean * upcoded * 100.0 + 0.5).astype(np.int64)
    position = world.history[-MONTHS:]
    seen = sum((h["provider"][:, :, _T.UPCODED].sum(axis=1) for h in position), start=0)
    total = sum((h["provider"][:, :, _T.ADMISSIONS].sum(axis=1) for h in position), start=0)
    n = len(stays)
    seen_array = np.zeros(n) + seen
    total_array = np.zeros(n) + total
    peers = peer_share(seen_array, total_array, world.region.providers.kind)
    prob = review_probability(world.audits, seen_array / np.maximum(total_array, 1.0), peers)
    return audit(
        world.audits,
        prob,
        stays,
        upcoded,
        excess,
        key_plain(world.seed, world.month, Decision.AUDIT_SAMPLE),
        key_plain(world.seed, world.month, Decision.DETECTION),
    )


def _post(
    world: World,
    tallies: Tallies,
    fund_paid: Int,
    aid: Int,
    grants: Int,
    fixed: Int,
    cost: Int,
    lever: Int,
    premiums: Int,
    audited: AuditResult,
) -> None:
    """Enter every flow of the month in the ledger and close it."""
    book, month = world.ledger, world.month
    providers, payers = world.region.providers.ids, world.region.payers
    cells = tallies.patient_money.transpose(1, 2, 0, 3)
    book.post_patients(month, providers, "patient_covered", np.ascontiguousarray(cells[..., 0]))
    book.post_patients(month, providers, "patient_uncovered", np.ascontiguousarray(cells[..., 1]))
    book.post(month, OUTSIDE, PATIENTS, "household_income", int(tallies.patient_money.sum()))
    closing = month % MONTHS == MONTHS - 1
    for y, payer in enumerate(payers):
        kind = "settlement" if closing else "care_payment"
        book.post_net(month, payer, providers, kind, f"{kind}_returned", fund_paid[:, y])
        book.post_many(month, FISCAL, providers, "medical_assistance", aid[:, y])
        row = world.region.constants.get(f"premium_individual_{payer.split('-')[0]}")
        total = int(premiums[y])
        from_budget = 0
        if row is not None:
            whole = world.region.constants[f"fund_income_{payer.split('-')[0]}"].value
            from_budget = int(total * max(1.0 - row.value / whole, 0.0))
        book.post(month, OUTSIDE, payer, "premium", total - from_budget)
        book.post(month, FISCAL, payer, "premium_subsidy", from_budget)
        book.post_many(month, providers, payer, "audit_recovery", audited.claw_back_fen[:, y])
        book.post_many(month, providers, FISCAL, "audit_fine", audited.fine_fen[:, y])
        book.post(month, payer, OUTSIDE, "audit_cost", int(audited.cost_fen[:, y].sum()))
        share = world.region.constants.get("administration_share")
        if share is not None:
            paid = int(np.maximum(fund_paid[:, y], 0).sum() * share.value)
            book.post(month, FISCAL, OUTSIDE, "administration", paid)
    book.post_many(month, FISCAL, providers, "operating_subsidy", grants)
    book.post_many(month, providers, OUTSIDE, "supplies", cost)
    book.post_many(month, providers, OUTSIDE, "fixed_cost", fixed)
    book.post_many(month, providers, OUTSIDE, "lever_cost", lever)
    spent = -book.balance(FISCAL)
    if spent > 0:
        book.post(month, OUTSIDE, FISCAL, "tax", spent)
    book.close(month)


# --- the month -----------------------------------------------------------------------------------


def new_tallies(world: World) -> Tallies:
    """Return empty tallies of one month."""
    n, n_payers, n_groups = len(world.setting.beds), world.n_payers, len(world.setting.need_out)
    n_cells = len(cell_traits(n_payers)["payer"])

    def zeros(*shape: int) -> Int:
        return np.zeros(shape, dtype=np.int64)

    return Tallies(
        provider=zeros(n, n_payers, len(_T)),
        person=zeros(n_cells, len(PersonTally)),
        billed=zeros(n, n_payers, n_groups, 3),
        true_level=zeros(n, n_payers, n_groups, 3),
        days=zeros(n, n_payers, n_groups),
        visits_by_group=zeros(3, n_groups),
        patient_money=zeros(n, n_payers, 5, 2),
    )


def new_requests(size: int) -> Requests:
    """Return room for ``size`` requests for a bed."""
    return Requests(
        used=np.zeros(1, dtype=np.int64),
        person=np.zeros(size, dtype=np.int32),
        provider=np.zeros(size, dtype=np.int16),
        origin=np.zeros(size, dtype=np.int16),
        days=np.zeros(size),
        priority=np.zeros(size),
    )


def live(world: World, tables: Tables, tallies: Tallies) -> Claims:
    """Run steps 3 to 7 of the month for everyone, on columns."""
    c, t = world.columns, tallies
    size = len(c.age_months)
    active = np.empty(size, dtype=np.int32)
    n_active = kernels.need_stage(c, tables.keys, tables.need, tables.member, t, active)
    active = active[:n_active].copy()
    chosen = np.full(n_active, kernels.NO_CARE, dtype=np.int16)
    origin = np.full(n_active, -1, dtype=np.int16)
    kernels.seek_stage(
        c, tables.keys, tables.seek, tables.member, t, active, n_active, chosen, origin
    )
    for position in kernels.served_within_capacity(
        chosen, active, c.ep_rank[active], contact_capacity(world)
    ):
        provider = int(chosen[position])
        kernels.turn_away(c, tables.member, t, int(active[position]), provider)
        chosen[position] = kernels.TURNED_AWAY
    requests = new_requests(n_active)
    # A person may be referred by a practice, seen at a hospital and admitted in one month.
    claims = new_claims(3 * n_active if world.with_claims else 0)
    kernels.practice_stage(
        c,
        tables.keys,
        tables.seek,
        tables.refer,
        tables.treat,
        tables.admit,
        tables.price,
        tables.member,
        t,
        active,
        n_active,
        chosen,
        origin,
        requests,
        claims,
    )
    kernels.hospital_stage(
        c,
        tables.keys,
        tables.treat,
        tables.admit,
        tables.price,
        tables.member,
        t,
        active,
        n_active,
        chosen,
        origin,
        requests,
        claims,
    )
    order, granted = grant(world, requests)
    kernels.stay_stage(
        c,
        tables.keys,
        tables.stay,
        tables.price,
        tables.member,
        t,
        requests,
        order,
        granted,
        claims,
    )
    kernels.closing_stage(c, tables.member, t, active, n_active)
    return claims


def contact_capacity(world: World) -> Float:
    """Return first contacts that each provider can see in a month (n,)."""
    return np.asarray(world.setting.visits_capacity / world.contacts_per_first, dtype=np.float64)


def grant(world: World, requests: Requests) -> tuple[Int, npt.NDArray[np.bool_]]:
    """Give beds by severity and months waited."""
    used = int(requests.used[0])
    return kernels.grant_beds(
        requests.provider[:used],
        requests.person[:used],
        requests.days[:used],
        requests.priority[:used],
        bed_capacity(world.setting),
    )


Live = Callable[[World, Tables, Tallies], Claims]


def run_month(world: World, act: Live = live) -> None:
    """Take a world one month on.

    Parameters
    ----------
    world : World
        Changed in place.
    act : callable
        What runs steps 3 to 7: :func:`live` on columns, or agents doing the same.
    """
    if world.month % MONTHS == 0:
        open_year(world)
    move_levers(world)
    tables = month_tables(world)
    tallies = new_tallies(world)
    claims = act(world, tables, tallies)
    world.year = world.year.plus(tallies)
    world.rolling = [*world.rolling[-(MONTHS - 1) :], tallies]
    flows = pay(world, tallies)
    _observe_capacity(world, tallies)
    record_month(world, tallies, flows, claims)
    world.month += 1


def _observe_capacity(world: World, tallies: Tallies) -> None:
    """Note occupancy, waits and contacts per first contact for next month's decisions."""
    total = tallies.provider.sum(axis=1)
    capacity = bed_capacity(world.setting)
    days = total[:, _T.BED_DAYS].astype(np.float64)
    mean_days = days / np.maximum(total[:, _T.ADMISSIONS], 1)
    wanted = days + total[:, _T.NO_BED] * mean_days
    load = np.where(capacity > 0.0, wanted / np.maximum(capacity, 1e-9), 0.0)
    # Managers price a bed by the load of recent months: by the last month alone, a full month
    # would empty the next and every hospital near its capacity would swing between the two.
    step = LOAD_STEP if world.month else 1.0
    world.load = world.load + step * (load - world.load)
    visits = total[:, _T.VISITS].astype(np.float64)
    contacts = visits - total[:, _T.RETURN_VISITS]
    ratio = np.where(contacts > 0.0, visits / np.maximum(contacts, 1.0), 1.6)
    world.contacts_per_first = 0.8 * world.contacts_per_first + 0.2 * ratio
    away = total[:, _T.TURNED_AWAY] / np.maximum(contacts + total[:, _T.TURNED_AWAY], 1.0)
    list_wait = total[:, _T.WAITED] / np.maximum(total[:, _T.ADMISSIONS], 1)
    world.wait = 0.8 * world.wait + 0.2 * (away + 0.25 * list_wait)


def record_month(world: World, tallies: Tallies, flows: Flows, claims: Claims) -> None:
    """Keep what a run reports; draws nothing and changes nobody."""
    org, setting = world.organizations, world.setting
    levers = np.zeros((len(setting.beds), len(Lever)))
    weights = world.rolling[-1].provider[:, :, _T.ADMISSIONS].sum(axis=1)
    for column, value in (
        (Lever.CODING, org.up_share[..., :2].mean(axis=(1, 2, 3))),
        (Lever.DOCUMENTATION, org.document),
        (Lever.PREVENTION, org.prevention),
        (Lever.QUALITY_EFFORT, org.quality),
        (Lever.COST_EFFORT, org.cost),
        (Lever.STAY, _practised_stay(world).mean(axis=(1, 2))),
        (Lever.INTENSITY, org.style_out.mean(axis=(1, 2, 3))),
        (Lever.RETURN_VISITS, org.returns.mean(axis=(1, 2))),
        (Lever.BED_PRICE, org.bed),
        (Lever.OCCUPANCY, np.where(weights > 0, world.load, 0.0)),
        (Lever.WAIT, world.wait),
        (Lever.INCOME_WEIGHT, org.money),
    ):
        levers[:, column] = value
    uncovered = tallies.provider[:, :, _T.UNCOVERED_OUT] + tallies.provider[:, :, _T.UNCOVERED_IN]
    balances = np.array([world.ledger.balance(p) for p in world.region.payers], dtype=np.int64)
    world.history.append(
        {
            "provider": tallies.provider,
            "person": tallies.person,
            "billed": tallies.billed,
            "true_level": tallies.true_level,
            "days": tallies.days,
            "visits_by_group": tallies.visits_by_group,
            "receipts": flows.receipts,
            "uncovered": uncovered,
            "fund_paid": flows.fund_paid,
            "grants": flows.grants,
            "fixed_cost": flows.fixed + flows.levers,
            "clawback": flows.audit.claw_back_fen,
            "fine": flows.audit.fine_fen,
            "undetected": flows.audit.undetected_fen,
            "fund_balance": balances,
            "premiums": flows.premiums,
            "levers": levers,
        }
    )
    if world.with_claims:
        used = int(claims.used[0])
        table: dict[str, npt.NDArray[np.generic]] = {
            name: getattr(claims, name)[:used].copy() for name in Claims._fields if name != "used"
        }
        table["month"] = np.full(used, world.month, dtype=np.int16)
        world.claims.append(table)
    if world.month % MONTHS == MONTHS - 1:
        world.yearly_people.append(people_of_year(world))


def people_of_year(world: World) -> dict[str, npt.NDArray[np.generic]]:
    """Return what each person spent in the accounting year that ends, with the person's traits."""
    c = world.columns
    health = np.minimum(np.bitwise_count(c.chronic), 2)
    return {
        "income": c.income * np.float32(world.income_growth),
        "fifth": c.fifth.copy(),
        "payer": c.scheme.copy(),
        "health": health.astype(np.uint8),
        "is_town": world.region.zones.is_town[c.zone].astype(np.uint8),
        "spent": c.spent_year.copy(),
        "patient_paid": c.oop_year.copy(),
        "spent_last": c.spent_last_year.copy(),
        "alive_all_year": (c.age_months >= MONTHS).astype(np.uint8),
    }


def finished_history(world: World) -> History:
    """Return the run's history in the form that outcomes read."""

    def stacked(name: str) -> npt.NDArray[Any]:
        return np.stack([month[name] for month in world.history])

    names = [f.name for f in fields(Marginals)]
    marginal = {
        name: np.stack([getattr(m, name) for m in world.yearly_marginals]) for name in names
    }
    claims = None
    if world.with_claims:
        claims = {
            name: np.concatenate([part[name] for part in world.claims]) for name in world.claims[0]
        }
    plain = [
        f.name
        for f in fields(History)
        if f.name not in ("marginal", "people", "ledger", "accounts", "claims")
    ]
    return History(
        **{name: stacked(name) for name in plain},
        marginal=marginal,
        people=world.yearly_people,
        ledger=world.ledger.entries(),
        accounts=world.ledger.accounts(),
        claims=claims,
    )


def simulate(world: World, on_month: Callable[[int], None] | None = None) -> History:
    """Run a world to its end on columns.

    Parameters
    ----------
    world : World
        From :func:`build_world`; changed.
    on_month : callable, optional
        Told the number of months done, after each.

    Returns
    -------
    History
    """
    while world.month < world.months:
        run_month(world)
        if on_month is not None:
            on_month(world.month)
    return finished_history(world)
