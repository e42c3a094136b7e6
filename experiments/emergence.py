"""What must emerge from the incentives, and what must not: claims, their conditions, placebo twins.

Run as ``python -m experiments.emergence`` (``make emergence``): lives the county through several
contracts with the same people and luck, asks of every claim whether its sign came out in nearly all
seeds and over the ranges of what is assumed, and writes the record into ``records/emergence``.

Theory signs an effect only under a condition (a fee above marginal cost, a budget that binds, room
in the beds ...). Each claim states its condition and checks it on the runs themselves, through the
contracts' marginal receipts and what providers' units cost. Each has a placebo twin: the same arms
where the stake is nil, which theory says must differ by nothing. Arms are forks of one world at the
start of the reform, so every difference is paired by person, month and draw. A draw of parameters
that does not meet a claim's condition says nothing of its sign: the sign is asked of the draws that
meet it, which must be at least half.

Effects that are large are lived by few people; a faint one is lived by the larger crowd of its
ground, and the record gives the paired standard error of each. What prevention averts is lived for
eight years: effort moves by half in four months, works with a lag of nine, and then fills a stock
of people under control that takes years, so that theory signs the late effect and not the first.

No number in this file is fitted. Claims and their conditions come from theory, but three choices
were made after first looks at effects, for power and not for sign, and should be read so: eight
years for what prevention averts, responsibility for all and not half of downstream spending, and
asking signs of the draws that meet a condition (the share over all draws stands beside it).
Knows scenarios and outcomes of runs; must not know how an effect comes about.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc, t

from sim.month import World, build_world, finished_history, run_month
from sim.record import code_version
from sim.region import Region
from sim.runner import seed_of
from sim.scenario import Scenario, library_root, load
from sim.tallies import History, Lever
from sim.tallies import PersonTally as P
from sim.tallies import ProviderTally as V

__all__ = [
    "CLAIMS",
    "PLACEBOS",
    "Claim",
    "Life",
    "Placebo",
    "Study",
    "judged",
    "lives",
    "parameter_draws",
    "study",
    "verdicts",
]

Float = npt.NDArray[np.float64]
Text: TypeAlias = Mapping[str, str]
Measure: TypeAlias = Callable[["Life"], float]

COUNTY: Final = "china-county"
COMPONENTS: Final = ("drugs", "diagnostics", "procedures", "labor")
PRACTICE, SECONDARY, TERTIARY = 0, 1, 2
SEEDS_NEEDED: Final = 0.9
DRAWS_NEEDED: Final = 0.8
MET_NEEDED: Final = 0.5  # share of draws that must meet the condition
CLEAR_MARGIN: Final = 0.01  # share of list price below which a margin counts as none
UNIDENTIFIED: Final = (
    "income_elasticity",
    "sensitivity_share",
    "myopia",
    "selection_cost",
    "retention",
    "trust",
    "authority",
)
"""What no data identify, by the model's own account; swept whatever their grade."""


# --- arms: what is paid, and on which ground ------------------------------------------------------

_LIST: Final[Mapping[str, Any]] = {"fee_for_service": {"schedule": "list"}}
_INSURED: Final = ("resident-scheme", "employee-scheme")


def _pay(providers: Mapping[str, Any], contract: Mapping[str, Any]) -> dict[str, Any]:
    return {"payer": list(_INSURED), "providers": dict(providers), "contract": dict(contract)}


def _budget(kept: float, borne: float, growth: float = 0.0) -> dict[str, Any]:
    return {
        "global_budget": {
            "budget": "neutral",
            "surplus": [{"kept": kept}],
            "overrun": [{"borne": borne}],
            "rebasing": {"weight_on_history": 0.0, "growth": {"value": growth, "unit": "1/year"}},
            "of": dict(_LIST),
        }
    }


def _members(share: float, stop_loss: float = 1.0) -> dict[str, Any]:
    return {
        "capitation": {
            "rate": "neutral",
            "risk": "age-sex",
            "share_elsewhere": {"value": share, "unit": "share"},
            "stop_loss": {"value": stop_loss, "unit": "share"},
        }
    }


_PRACTICES: Final = {"kind": "practice", "inside": True}
_HOSPITALS: Final = {"kind": "secondary", "inside": True}
_INSIDE: Final = {"inside": True}

ARMS: Final[Mapping[str, str | Sequence[Mapping[str, Any]] | None]] = {
    # None is doing nothing; a name is a scenario of the library.
    "status-quo": None,
    "item-fees": "china-county-fee-for-service",
    "per-member": "china-county-capitation-primary-only",
    # Responsibility as such: all of it, against none.
    "per-member-downstream": [_pay(_PRACTICES, _members(1.0))],
    "per-case": "china-county-drg",
    # Without growth the budgets bind as soon as need drifts up; little of a surplus is kept.
    "binding-budget": [
        _pay(_HOSPITALS, _budget(0.3, 1.0)),
        _pay(_PRACTICES, _budget(0.3, 1.0)),
    ],
    "by-score": "china-county-value-based",
    # Placebo twins: the same contracts with nothing at stake.
    "budget-without-stake": [_pay(_INSIDE, _budget(0.0, 0.0))],
    "per-member-without-weight": [
        _pay(
            _PRACTICES,
            {
                "blend": [
                    {"weight": 1.0, "contract": dict(_LIST)},
                    {"weight": 0.0, "contract": {"capitation": {"rate": 100.0}}},
                ]
            },
        )
    ],
    "per-member-without-share": [_pay(_PRACTICES, _members(0.0, 0.25))],
    "per-case-without-weight": [
        _pay(
            _INSIDE,
            {
                "blend": [
                    {"weight": 1.0, "contract": dict(_LIST)},
                    {"weight": 0.0, "contract": {"drg": {"base_rate": 5000.0}}},
                ]
            },
        )
    ],
    "by-score-without-stake": [
        _pay(_INSIDE, {"value_based": {"at_risk": {"value": 0.0, "unit": "share"}, "of": _LIST}})
    ],
}


def _bare(region: Region) -> Region:
    """Take away what moves components besides money: habits and low-value services."""
    none = np.full_like(region.groups.low_value_component, -1)
    flat = np.zeros_like(region.providers.style_dispersion)
    return dataclasses.replace(
        region,
        groups=dataclasses.replace(region.groups, low_value_component=none),
        providers=dataclasses.replace(region.providers, style_dispersion=flat),
    )


def _at_cost(region: Region) -> Region:
    """Let every unit and day cost its list price."""
    providers = region.providers
    return dataclasses.replace(
        _bare(region),
        providers=dataclasses.replace(
            _bare(region).providers,
            cost_ratio=np.ones_like(providers.cost_ratio),
            day_cost_ratio=np.ones_like(providers.day_cost_ratio),
        ),
    )


def _roomy(region: Region) -> Region:
    """Double the beds, so that money and not room decides who is put off."""
    providers = dataclasses.replace(region.providers, beds=2.0 * region.providers.beds)
    return dataclasses.replace(region, providers=providers)


def _one_level(region: Region) -> Region:
    """Let the levels of a group need and pay the same."""
    same = np.ones_like(region.groups.weight_level)
    groups = dataclasses.replace(region.groups, weight_level=same, los_level=same)
    return dataclasses.replace(region, groups=groups)


def _one_severity(region: Region) -> Region:
    """Let the cases of a group and level be alike."""
    none = np.zeros_like(region.groups.severity_sd)
    return dataclasses.replace(region, groups=dataclasses.replace(region.groups, severity_sd=none))


@dataclass(frozen=True)
class Ground:
    """What both arms of a comparison stand on: the county, or the county with one thing aside.

    ``before`` is the arm in force before the reform. Where a level and not a change is judged it is
    the arm itself, for styles need years to leave what they were before. ``crowded`` grounds are
    lived by more people, for effects that few cannot show; ``years`` are lived under the reform.
    """

    region: Callable[[Region], Region] = lambda region: region
    parameters: Mapping[str, float] = field(default_factory=dict)
    before: str = "status-quo"
    crowded: bool = False
    years: int = 3


GROUNDS: Final[Mapping[str, Ground]] = {
    "county": Ground(),
    "bare": Ground(_bare, before="item-fees"),
    "roomy": Ground(_roomy),
    "at-cost": Ground(_at_cost, {"effort_ratio": 0.0}, before="item-fees"),
    "crowd": Ground(crowded=True),
    "long": Ground(crowded=True, years=8),
    "one-level": Ground(_one_level),
    "one-severity": Ground(_one_severity),
}


# --- lives: runs that share the months before -----------------------------------------------------


@dataclass(frozen=True)
class Life:
    """One arm lived to the end.

    Attributes
    ----------
    history : History
    world : World
        At the end; its setting holds prices and costs.
    """

    history: History
    world: World

    @property
    def reform(self) -> slice:
        """Months since the reform."""
        return slice(self.world.reform_month, self.world.months)

    @property
    def late(self) -> slice:
        """Months of the second half of the reform."""
        return slice((self.world.reform_month + self.world.months) // 2, self.world.months)

    def rows(self, *kinds: int, inside: bool = False) -> npt.NDArray[np.intp]:
        """Give the providers of some kinds."""
        providers = self.world.region.providers
        chosen = np.isin(providers.kind, kinds)
        if inside:
            chosen &= ~np.asarray(providers.outside, dtype=bool)
        return np.flatnonzero(chosen)

    def total(self, column: V, rows: npt.NDArray[np.intp], months: slice | None = None) -> float:
        """Sum one tally over providers, payers and the months of the reform, or others."""
        table = self.history.provider[months or self.reform]
        return float(table[:, rows, :, column].sum())

    def people(self, column: P, months: slice | None = None) -> float:
        """Sum one tally over everybody and the months of the reform, or others."""
        return float(self.history.person[months or self.reform, :, column].sum())

    def marginal(self, name: str, rows: npt.NDArray[np.intp]) -> Float:
        """Average what one more brought at the start of the reform's years, by charges (...)."""
        table = self.history.marginal[name][self.world.reform_month // 12 :]
        done = self.history.provider[self.reform]
        weight = (done[..., V.CHARGE_OUT] + done[..., V.CHARGE_IN]).sum(axis=0)[rows]
        weight = weight / max(float(weight.sum()), 1.0)
        mean = table.mean(axis=0)[rows]
        return np.asarray(np.tensordot(weight, mean, axes=([0, 1], [0, 1])), dtype=np.float64)

    def over_rows(self, table: Float, rows: npt.NDArray[np.intp]) -> Float:
        """Average a table by provider, weighted by charges (...)."""
        done = self.history.provider[self.reform]
        weight = (done[..., V.CHARGE_OUT] + done[..., V.CHARGE_IN]).sum(axis=(0, 2))[rows]
        return np.asarray(weight @ table[rows] / max(float(weight.sum()), 1.0), dtype=np.float64)


@cache
def _scenario(arm: str) -> Scenario:
    payment = ARMS[arm]
    if payment is None:
        return load(COUNTY)
    return load(payment) if isinstance(payment, str) else load(COUNTY).with_payment(payment)


def world_at_reform(ground: str, seed: int, people: int, parameters: Mapping[str, float]) -> World:
    """Live the months before the reform once for all arms."""
    scenario = _scenario("status-quo")
    horizon = scenario.horizon
    made = GROUNDS[ground]
    before: Any = _scenario(made.before).after
    world = build_world(
        made.region(scenario.region()),
        before,
        before,
        months_before=horizon.start,
        months=horizon.start + 12 * made.years,
        warm_up=horizon.warm_up,
        seed=seed,
        population=people,
        parameters={**scenario.parameters, **parameters, **made.parameters},
    )
    while world.month < world.reform_month:
        run_month(world)
    return world


def continued(world: World, after: Any) -> Life:
    """Live on from the start of the reform under other contracts, leaving the world as it was."""
    shared = (world.setting, world.before, world.reference)
    twin = copy.deepcopy(world, {id(thing): thing for thing in shared})
    twin.after = after
    while twin.month < twin.months:
        run_month(twin)
    return Life(finished_history(twin), twin)


def lives(
    arms: Iterable[str],
    seed: int,
    people: int,
    parameters: Mapping[str, float] | None = None,
    ground: str = "county",
) -> dict[str, Life]:
    """Live several arms with the same people and luck.

    Parameters
    ----------
    arms : iterable of str
        Of :data:`ARMS`.
    seed, people : int
    parameters : mapping of parameter id to value, optional
    ground : str
        Of :data:`GROUNDS`.

    Returns
    -------
    dict of arm to Life
    """
    world = world_at_reform(ground, seed, people, parameters or {})
    return {arm: continued(world, _scenario(arm).after) for arm in arms}


# --- measures -------------------------------------------------------------------------------------


def _ratio(above: float, below: float) -> float:
    return above / below if below else math.nan


def _given(life: Life, rows: npt.NDArray[np.intp], first: V, need: V) -> float:
    """Form units given over units appropriate, at list price."""
    price = life.world.setting.price_in if first is V.UNITS_IN_0 else life.world.setting.price_out
    done = life.history.provider[life.reform][:, rows].sum(axis=(0, 2))
    given = (price[rows] * done[:, first : first + 4]).sum()
    needed = (price[rows] * done[:, need : need + 4]).sum()
    return _ratio(float(given), float(needed))


def _intensity_out(*kinds: int) -> Measure:
    return lambda x: _given(x, x.rows(*kinds, inside=True), V.UNITS_OUT_0, V.NEED_OUT_0)


def _intensity_in(*kinds: int) -> Measure:
    return lambda x: _given(x, x.rows(*kinds, inside=True), V.UNITS_IN_0, V.NEED_IN_0)


def _per_visit(column: V, *kinds: int) -> Measure:
    def measure(life: Life) -> float:
        rows = life.rows(*kinds, inside=True)
        return 100.0 * _ratio(life.total(column, rows), life.total(V.VISITS, rows))

    return measure


def _stay_over_need(life: Life) -> float:
    rows = life.rows(SECONDARY, inside=True)
    return _ratio(life.total(V.BED_DAYS, rows), life.total(V.NEED_DAYS, rows) / 1000.0)


def _length_of_stay(life: Life) -> float:
    rows = life.rows(SECONDARY, inside=True)
    return _ratio(life.total(V.BED_DAYS, rows), life.total(V.ADMISSIONS, rows))


def _weights(life: Life) -> Float:
    groups = life.world.region.groups
    return np.asarray(groups.weight[:, None] * groups.weight_level, dtype=np.float64)


def _billed_over_true(life: Life) -> float:
    """Form billed over true relative weight in the county's hospitals."""
    rows, weights = life.rows(SECONDARY, inside=True), _weights(life)
    billed = life.history.billed[life.reform][:, rows].sum(axis=(0, 1, 2))
    true = life.history.true_level[life.reform][:, rows].sum(axis=(0, 1, 2))
    return _ratio(float((billed * weights).sum()), float((true * weights).sum()))


def _upcoded(life: Life) -> float:
    rows = life.rows(SECONDARY, inside=True)
    return _ratio(life.total(V.UPCODED, rows), life.total(V.ADMISSIONS, rows))


def _severity_within(life: Life) -> float:
    """Form the mean severity of admitted cases over that of their group and level."""
    rows = life.rows(SECONDARY, inside=True)
    true = life.history.true_level[life.reform][:, rows].sum(axis=(0, 1, 2))
    expected = float((true * np.floor(_weights(life) * 1000.0 + 0.5)).sum())
    return _ratio(life.total(V.SEVERITY, rows), expected)


def _prevention(life: Life) -> float:
    rows = life.rows(PRACTICE)
    return 12.0 * _ratio(life.total(V.PREVENTIVE, rows), life.total(V.CHRONIC_MEMBERS, rows))


def _admissions(life: Life, months: slice | None = None) -> float:
    columns = (P.ADMISSIONS_PRACTICE, P.ADMISSIONS_SECONDARY, P.ADMISSIONS_TERTIARY)
    lived = life.people(P.PERSON_MONTHS, months)
    return 1200.0 * _ratio(sum(life.people(c, months) for c in columns), lived)


def _late_admissions(life: Life) -> float:
    return _admissions(life, life.late)


def _hospital_admissions(life: Life) -> float:
    columns = (P.ADMISSIONS_SECONDARY, P.ADMISSIONS_TERTIARY)
    return 1200.0 * _ratio(sum(life.people(c) for c in columns), life.people(P.PERSON_MONTHS))


def _avoidable_need(life: Life, months: slice | None = None) -> float:
    lived = life.people(P.PERSON_MONTHS, months)
    return 12.0 * _ratio(life.people(P.NEED_BED_AVOIDABLE, months), lived)


def _late_avoidable_need(life: Life) -> float:
    return _avoidable_need(life, life.late)


def _avoidable_not_given(life: Life) -> float:
    lacking = life.people(P.NEED_BED_AVOIDABLE) - life.people(P.GIVEN_AVOIDABLE)
    return 12.0 * _ratio(lacking, life.people(P.PERSON_MONTHS))


def _control(life: Life) -> float:
    return _ratio(life.people(P.CONTROLLED), life.people(P.CONDITIONS))


def _volume_in(months: slice) -> Measure:
    """List charges of the county's providers in some months, CNY per person-month."""

    def measure(life: Life) -> float:
        rows = life.rows(PRACTICE, SECONDARY, inside=True)
        charges = life.total(V.CHARGE_OUT, rows, months) + life.total(V.CHARGE_IN, rows, months)
        return 0.01 * _ratio(charges, float(life.history.person[months, :, P.PERSON_MONTHS].sum()))

    return measure


def _volume(life: Life) -> float:
    return 12.0 * _volume_in(life.reform)(life)


def _deferral(life: Life) -> float:
    """Share of planned cases that, on being considered for a bed, are put off."""
    rows = life.rows(SECONDARY, inside=True)
    put_off = life.total(V.DEFERRED, rows)
    return _ratio(put_off, put_off + life.total(V.ELECTIVE, rows))


def _deferral_at_the_turn(life: Life) -> float:
    """Form the share of planned cases put off, Decembers less Januaries of the reform.

    To put off is decided within the month, whereas practised styles follow incentives with a
    half-life of months; a share of those considered, because cases put off come again.
    """
    rows = life.rows(SECONDARY, inside=True)

    def share(month: int) -> float:
        at = range(life.world.reform_month + month, life.world.months, 12)
        put_off = sum(life.total(V.DEFERRED, rows, slice(m, m + 1)) for m in at)
        given = sum(life.total(V.ELECTIVE, rows, slice(m, m + 1)) for m in at)
        return _ratio(put_off, put_off + given)

    return share(11) - share(0)


def _outpatients_in(life: Life, month: int) -> float:
    """Sum outpatient list charges of the county's providers in one month of the reform."""
    at = life.world.reform_month + month
    rows = life.rows(PRACTICE, SECONDARY, inside=True)
    return life.total(V.CHARGE_OUT, rows, slice(at, at + 1))


def _december_over_january(life: Life) -> float:
    """Form December over January of the same year, years after the first, log.

    Outpatients, because the charges of one month's stays hang on a few dear ones; without the first
    year, because practice is still moving from one contract to the other.
    """
    ends = [(_outpatients_in(life, y + 11), _outpatients_in(life, y)) for y in (12, 24)]
    return sum(math.log(december / january) for december, january in ends) / len(ends)


def _december_over_next_january(life: Life) -> float:
    """Form December over the January that follows, log: what a squeeze at year's end would lower.

    Unlike the January before, the next one is no earlier in a tightening budget's life.
    """
    ends = [(_outpatients_in(life, y + 11), _outpatients_in(life, y + 12)) for y in (0, 12)]
    return sum(math.log(december / january) for december, january in ends) / len(ends)


OPEN: Final[Mapping[str, tuple[Text, Measure]]] = {
    "spending": (
        {"en": "list charges, CNY per person-year", "zh": "人均年费用(元)"},
        lambda x: 0.12 * _ratio(x.people(P.SPENDING), x.people(P.PERSON_MONTHS)),
    ),
    "readmissions": (
        {"en": "readmissions within 30 days, share", "zh": "30天再入院率"},
        lambda x: _ratio(x.people(P.READMISSIONS), x.people(P.DISCHARGES)),
    ),
    "waiting": (
        {"en": "months waited per admission", "zh": "每次住院等待月数"},
        lambda x: _ratio(x.people(P.WAITED), _admissions(x) * x.people(P.PERSON_MONTHS) / 1200.0),
    ),
    "refusals": (
        {"en": "refusals per 100 needs of a bed", "zh": "每百例住院需要的拒收数"},
        lambda x: 100.0 * _ratio(x.people(P.REFUSED), x.people(P.NEED_BED)),
    ),
    "deaths": (
        {"en": "deaths per 1,000 person-years", "zh": "每千人年死亡数"},
        lambda x: 12000.0 * _ratio(x.people(P.DEATHS), x.people(P.PERSON_MONTHS)),
    ),
    "avoidable-need": (
        {"en": "avoidable needs of a bed per 1,000 person-years", "zh": "每千人年可避免住院需要"},
        _avoidable_need,
    ),
    "avoidable-not-given": (
        {"en": "of these needed but not given", "zh": "其中需要而未得"},
        _avoidable_not_given,
    ),
    "qaly": (
        {"en": "QALYs per person-year", "zh": "人均质量调整生命年"},
        lambda x: 12e-6 * _ratio(x.people(P.QALY), x.people(P.PERSON_MONTHS)),
    ),
}
"""What theory leaves open: reported for every arm, required of none."""


# --- conditions -----------------------------------------------------------------------------------


class Found(NamedTuple):
    """Whether a condition is met on these runs, and the number it was judged by."""

    met: bool
    number: float


Check: TypeAlias = Callable[[Life, Life], Found]


def _margin_falls(name: str, price: Callable[[Life], Float], *kinds: int) -> Check:
    """Check that one more brings less in the arm than in the comparator, in shares of price."""

    def check(arm: Life, base: Life) -> Found:
        rows = arm.rows(*kinds, inside=True)
        listed = arm.over_rows(price(arm), rows).sum()
        change = (arm.marginal(name, rows).sum() - base.marginal(name, rows).sum()) / listed
        return Found(bool(change < -CLEAR_MARGIN), float(change))

    return check


def _margin_rises(name: str, price: Callable[[Life], Float], *kinds: int) -> Check:
    """Check that one more brings more in the arm than in the comparator, in shares of price."""
    fall = _margin_falls(name, price, *kinds)

    def check(arm: Life, base: Life) -> Found:
        found = fall(arm, base)
        return Found(found.number > CLEAR_MARGIN, found.number)

    return check


def _out(life: Life) -> Float:
    return life.world.setting.price_out


def _inside(life: Life) -> Float:
    return life.world.setting.price_in


def _all_days(life: Life) -> Float:
    n_groups = len(life.world.region.groups.ids)
    return np.repeat(life.world.setting.day_price[:, None], n_groups, axis=1)


def _treating_loses(arm: Life, base: Life) -> Found:
    """Check that treating loses against referring, and that spending elsewhere is nobody's loss."""
    rows = arm.rows(PRACTICE, inside=True)
    labor = len(COMPONENTS) - 1

    def gap(life: Life) -> float:
        # A contact treated keeps all its units; referring keeps one of labor.
        kept = float(np.delete(life.marginal("out", rows), labor).sum())
        return kept - float(life.marginal("refer", rows))

    listed = float(arm.over_rows(_out(arm), rows).sum())
    change = (gap(arm) - gap(base)) / listed
    free = float(arm.marginal("elsewhere", rows)) > -CLEAR_MARGIN
    return Found(change < -CLEAR_MARGIN and free, change)


def _answers_downstream(arm: Life, base: Life) -> Found:
    """Check that members' spending elsewhere costs the practice, and that control lowers it."""
    rows = arm.rows(PRACTICE, inside=True)
    slope = float(arm.marginal("elsewhere", rows)) - float(base.marginal("elsewhere", rows))
    avoided = arm.world.setting.avoided_elsewhere > 0.0
    return Found(slope < -CLEAR_MARGIN and avoided, slope)


def _next_level_pays(arm: Life, base: Life) -> Found:
    rows = arm.rows(SECONDARY, inside=True)

    def step(life: Life) -> float:
        return float(np.diff(life.marginal("case", rows), axis=1).mean())

    return Found(step(arm) - step(base) > 1.0, step(arm) - step(base))


def _severity_loses(arm: Life, base: Life) -> Found:
    """Check that cases differ, that a severer one loses money, and that beds are not what sorts."""
    rows = arm.rows(SECONDARY, inside=True)
    setting = arm.world.setting
    spread = float(arm.world.region.groups.severity_sd.max())

    def slope(life: Life) -> float:
        units = life.marginal("inside", rows).sum() - life.over_rows(setting.cost_in, rows).sum()
        return float(units / life.over_rows(setting.price_in, rows).sum())

    loses = spread > 0.0 and slope(arm) < min(0.0, slope(base))
    free = _load(base) < float(base.world.setting.values["bed_threshold"])
    return Found(loses and free, slope(arm))


def _load(life: Life) -> float:
    rows = life.rows(SECONDARY, inside=True)
    load = life.history.levers[life.reform][:, rows, Lever.OCCUPANCY].mean(axis=0)
    beds = life.world.setting.beds[rows]
    return float(load @ beds / beds.sum())


def _budget_binds(arm: Life, base: Life) -> Found:
    """Check that what the comparator's providers claim in the last year exceeds the budgets."""
    year = slice(base.world.months - 12, base.world.months)
    claims = budgets = 0.0
    for agreement in arm.world.agreements:
        budget = getattr(agreement.model, "budget", None)
        if budget is not None:
            done = base.history.provider[year][:, agreement.rows, agreement.payer]
            claims += 0.01 * float(done[..., [V.COVERED_OUT, V.COVERED_IN]].sum())
            budgets += float(np.sum(budget))
    over = _ratio(claims, budgets)
    return Found(over > 1.0, over)


def _squeezes_at_the_end(arm: Life, base: Life) -> Found:
    """Check that the budget binds at the year's end but looks out of reach at its start.

    Providers see ``(1 - myopia) projection + myopia (year to date)``. In January only the first
    part counts: it has to lie below the budget by two forecast errors. With unbiased forecasts
    they would see the overrun in January and theory gives no squeeze at the end.
    """
    values = base.world.setting.values
    over = _budget_binds(arm, base).number
    january = (1.0 - values["myopia"]) * over
    return Found(over > 1.0 and january < 1.0 - 2.0 * values["forecast_sd"], january)


def _budget_binds_with_room(arm: Life, base: Life) -> Found:
    """Check that the budget binds and that beds are not what puts cases off."""
    free = _load(base) < float(base.world.setting.values["bed_threshold"])
    return Found(_budget_binds(arm, base).met and free, _load(base))


def _control_pays(arm: Life, base: Life) -> Found:
    rows = arm.rows(PRACTICE, inside=True)
    worth = float(arm.marginal("quality", rows)[0] - base.marginal("quality", rows)[0])
    return Found(worth > 0.0, worth)


# --- claims ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Placebo:
    """A pair of arms between which theory allows no difference.

    Attributes
    ----------
    id : str
    text : mapping of 'en' and 'zh' to text
    arm, comparator, ground : str
    exact : bool
        Whether nothing at all may differ, or only nothing beyond chance.
    """

    id: str
    text: Text
    arm: str
    comparator: str
    exact: bool
    ground: str = "county"


@dataclass(frozen=True)
class Claim:
    """A sign that theory gives under a condition.

    Attributes
    ----------
    id : str
    text : mapping of 'en' and 'zh' to text
    arm, comparator : str
        Of :data:`ARMS`.
    outcome, group : str
        What is measured, in which unit, and of whom.
    sign : int
        +1 or -1.
    condition : mapping of 'en' and 'zh' to text
    measure : function of a Life to a number
    check : function of both lives to Found
    placebo : str
        Id of its placebo twin.
    placebo_measure : function of a Life to a number, optional
        Where the twin takes away what the measure needs.
    required : bool
        Whether the sign must hold; the others are reported.
    ground : str
    comparator_ground : str, optional
        Where the comparator lives, if elsewhere.
    side : function of the arm's Life to -1.0 or 1.0, optional
        Which direction the margins of the run point to: the effect is counted positive there.
    """

    id: str
    text: Text
    arm: str
    comparator: str
    outcome: str
    group: str
    sign: int
    condition: Text
    measure: Measure = field(repr=False)
    check: Check = field(repr=False)
    placebo: str
    placebo_measure: Measure | None = field(default=None, repr=False)
    required: bool = True
    ground: str = "county"
    comparator_ground: str | None = None
    side: Measure | None = field(default=None, repr=False)


PLACEBOS: Final[Mapping[str, Placebo]] = {
    p.id: p
    for p in (
        Placebo(
            "at-cost",
            {
                "en": "every unit costs its list price and takes no effort: m = k",
                "zh": "每项服务成本等于价格且不费力:m = k",
            },
            "item-fees",
            "appropriate",
            exact=False,
            ground="at-cost",
        ),
        Placebo(
            "no-total",
            {
                "en": "a total of which nothing is kept and nothing borne, against none",
                "zh": "既不留用也不分担的总额,与无总额相比",
            },
            "budget-without-stake",
            "item-fees",
            exact=True,
        ),
        Placebo(
            "no-weight-per-member",
            {"en": "a payment per member of weight 0", "zh": "权重为0的按人头付费"},
            "per-member-without-weight",
            "status-quo",
            exact=True,
        ),
        Placebo(
            "no-share",
            {"en": "a downstream share of 0", "zh": "外流费用分担比例为0"},
            "per-member-without-share",
            "per-member",
            exact=True,
        ),
        Placebo(
            "no-weight-per-case",
            {"en": "a payment per case of weight 0", "zh": "权重为0的按病例付费"},
            "per-case-without-weight",
            "item-fees",
            exact=True,
        ),
        Placebo(
            "one-level",
            {"en": "equal case prices of all levels", "zh": "各等级病例价格相同"},
            "per-case",
            "status-quo",
            exact=True,
            ground="one-level",
        ),
        Placebo(
            "one-severity",
            {"en": "no spread of severity in a group and level", "zh": "组内无病情差异"},
            "per-case",
            "status-quo",
            exact=False,
            ground="one-severity",
        ),
        Placebo(
            "nothing-at-risk",
            {"en": "a score with nothing at risk", "zh": "评分不挂钩任何收入"},
            "by-score-without-stake",
            "item-fees",
            exact=True,
        ),
    )
}

_SETTINGS: Final = {
    "practices": ({"en": "practices", "zh": "基层门诊"}, (PRACTICE,), False),
    "outpatients": ({"en": "hospital outpatients", "zh": "医院门诊"}, (SECONDARY, TERTIARY), False),
    "inpatients": ({"en": "inpatients", "zh": "住院"}, (PRACTICE, SECONDARY, TERTIARY), True),
}
_COMPONENT_ZH: Final = {
    "drugs": "药品",
    "diagnostics": "检查",
    "procedures": "治疗与耗材",
    "labor": "劳务",
}


def _margins_of_component(
    life: Life, kinds: Sequence[int], inpatient: bool, j: int
) -> tuple[float, float]:
    """Return receipts less marginal cost, and net of effort and patients' payments too.

    In shares of list price. The net margin is that of the component formula, whose sign decides on
    which side of appropriate care comes: ``m - k - a w c p - e q*``, with the parameters of this
    life, so that the side follows each draw.
    """
    rows = life.rows(*kinds)
    setting, values = life.world.setting, life.world.setting.values
    price = setting.price_in if inpatient else setting.price_out
    cost = setting.cost_in if inpatient else setting.cost_out
    listed = float(life.over_rows(price, rows)[j])
    receipts = float(life.marginal("inside" if inpatient else "out", rows)[j])
    gap = (receipts - float(life.over_rows(cost, rows)[j])) / listed
    charge, own = (V.CHARGE_IN, V.PATIENT_IN) if inpatient else (V.CHARGE_OUT, V.PATIENT_OUT)
    borne = _ratio(life.total(own, rows), life.total(charge, rows))
    temper = float(life.over_rows(setting.altruism[:, None], rows)[0])
    return gap, gap - values["effort_ratio"] - temper * values["oop_weight"] * borne


def _component_claims() -> Iterator[Claim]:
    """Declare, for every component and setting, on which side of appropriate item fees put it.

    The side is read off the margins of the run: the effect is the distance from appropriate,
    counted positive on the side that receipts less marginal cost (effort and patients' payments
    included, which cost too) point to. Appropriate is what the same people with the same draws are
    given where every unit costs its list price and takes no effort, m = k: theory puts that world
    at appropriate (Ellis and McGuire 1986), which its placebo checks against need, and practised
    quantities spread around their optimum by draws that both worlds share, so that the difference
    has a quarter of the noise that the distance from need has in one world. The record gives the
    distance from need too.
    """
    for name, (label, kinds, inpatient) in _SETTINGS.items():
        for j, component in enumerate(COMPONENTS):

            def given(
                life: Life, kinds: Sequence[int] = kinds, inpatient: bool = inpatient, j: int = j
            ) -> float:
                first, need = (
                    (V.UNITS_IN_0, V.NEED_IN_0) if inpatient else (V.UNITS_OUT_0, V.NEED_OUT_0)
                )
                rows = life.rows(*kinds)
                return _ratio(life.total(V(first + j), rows), life.total(V(need + j), rows))

            def side(
                life: Life, kinds: Sequence[int] = kinds, inpatient: bool = inpatient, j: int = j
            ) -> float:
                return math.copysign(1.0, _margins_of_component(life, kinds, inpatient, j)[1])

            def clear(
                arm: Life,
                base: Life,
                kinds: Sequence[int] = kinds,
                inpatient: bool = inpatient,
                j: int = j,
            ) -> Found:
                _ = base
                _, net = _margins_of_component(arm, kinds, inpatient, j)
                return Found(abs(net) > CLEAR_MARGIN, net)

            yield Claim(
                id=f"items-{name}-{component}",
                text={
                    "en": f"Item fees: {component} of {label['en']} above appropriate exactly "
                    "where receipts exceed marginal cost",
                    "zh": f"按项目付费:{label['zh']}的{_COMPONENT_ZH[component]}"
                    "当且仅当收入高于边际成本时超过适宜量",
                },
                arm="item-fees",
                comparator="item-fees",
                outcome=f"{component} given over needed, against the same people where m = k, on "
                "the side of the margin",
                group=label["en"],
                sign=1,
                condition={
                    "en": "|receipts - cost - effort - weight on patients' payment| above 1 % of "
                    "the price; number: that net margin over price",
                    "zh": "|收入-成本-努力-患者自付权重|超过价格的1%;数值为净边际收益占价格比例",
                },
                measure=given,
                check=clear,
                placebo="at-cost",
                # Drugs are sold at cost: theory puts them at appropriate, effort a trace below.
                required=component != "drugs",
                ground="bare",
                comparator_ground="at-cost",
                side=side,
            )


_MARGIN_FALLS: Final = {
    "en": "one more brings less than in the comparator; number: change over list price",
    "zh": "多做一项的收入低于对照;数值为变化占价格比例",
}
_MARGIN_RISES: Final = {
    "en": "one more brings more than in the comparator; number: change over list price",
    "zh": "多做一项的收入高于对照;数值为变化占价格比例",
}
_DOWNSTREAM: Final = {
    "en": "spending elsewhere costs the practice and control lowers it; number: receipts per yuan",
    "zh": "外流费用由机构分担且控制可降低外流;数值为每元外流的收入变化",
}
_SQUEEZE: Final = {
    "en": "the budget binds at the year's end and looks out of reach in January by two forecast "
    "errors; number: claims over budget as perceived in January",
    "zh": "预算年末约束而1月看来尚有两个预测误差的余地;数值为1月所感知的费用与预算之比",
}
_BINDS: Final = {
    "en": "the comparator's claims of the last year exceed the budgets; number: claims over budget",
    "zh": "对照末年费用超过预算;数值为二者之比",
}

CLAIMS: Final[Mapping[str, Claim]] = {
    claim.id: claim
    for claim in (
        *_component_claims(),
        Claim(
            "items-lift-outpatients",
            {
                "en": "Lifting the hospitals' total raises what outpatients are given",
                "zh": "取消医院总额使门诊强度上升",
            },
            "item-fees",
            "status-quo",
            "units given over appropriate",
            "county hospitals",
            1,
            _MARGIN_RISES,
            _intensity_out(SECONDARY),
            _margin_rises("out", _out, SECONDARY),
            "no-total",
        ),
        Claim(
            "items-lift-inpatients",
            {
                "en": "Lifting the hospitals' total raises what inpatients are given",
                "zh": "取消医院总额使住院强度上升",
            },
            "item-fees",
            "status-quo",
            "units given over appropriate",
            "county hospitals",
            1,
            _MARGIN_RISES,
            _intensity_in(SECONDARY),
            _margin_rises("inside", _inside, SECONDARY),
            "no-total",
        ),
        Claim(
            "member-intensity",
            {
                "en": "A payment per member for primary care alone: less intensity",
                "zh": "仅基层按人头付费:服务强度下降",
            },
            "per-member",
            "status-quo",
            "units given over appropriate",
            "practices",
            -1,
            _MARGIN_FALLS,
            _intensity_out(PRACTICE),
            _margin_falls("out", _out, PRACTICE),
            "no-weight-per-member",
        ),
        Claim(
            "member-referrals",
            {
                "en": "A payment per member for primary care alone: more referrals up",
                "zh": "仅基层按人头付费:上转增加",
            },
            "per-member",
            "status-quo",
            "referrals up per 100 visits",
            "practices",
            1,
            {
                "en": "treating loses receipts that referring does not, and spending elsewhere is "
                "free; number: change over list price",
                "zh": "诊治比转诊损失更多收入且外流免责;数值为变化占价格比例",
            },
            _per_visit(V.REFERRED_UP, PRACTICE),
            _treating_loses,
            "no-weight-per-member",
        ),
        Claim(
            "downstream-prevention",
            {
                "en": "Responsibility for downstream spending: more prevention",
                "zh": "承担外流费用责任:预防增加",
            },
            "per-member-downstream",
            "per-member",
            "preventive contacts per chronic member-year",
            "practices",
            1,
            _DOWNSTREAM,
            _prevention,
            _answers_downstream,
            "no-share",
        ),
        Claim(
            "downstream-admissions",
            {
                "en": "Responsibility for downstream spending: fewer admissions",
                "zh": "承担外流费用责任:住院减少",
            },
            "per-member-downstream",
            "per-member",
            "admissions per 100 person-years",
            "everybody",
            -1,
            _DOWNSTREAM,
            _admissions,
            _answers_downstream,
            "no-share",
            ground="long",
        ),
        Claim(
            # Stays in a township center's own beds are no spending elsewhere, and may replace some
            # of those that are.
            "downstream-hospital-admissions",
            {
                "en": "Responsibility for downstream spending: fewer admissions to hospitals",
                "zh": "承担外流费用责任:医院住院减少",
            },
            "per-member-downstream",
            "per-member",
            "admissions to hospitals per 100 person-years",
            "everybody",
            -1,
            _DOWNSTREAM,
            _hospital_admissions,
            _answers_downstream,
            "no-share",
            ground="long",
            required=False,
        ),
        Claim(
            "downstream-prevented",
            {
                "en": "Responsibility for downstream spending: avoidable needs do not arise",
                "zh": "承担外流费用责任:可避免住院需要减少(真正预防)",
            },
            "per-member-downstream",
            "per-member",
            "avoidable needs of a bed per 1,000 person-years, years 5 to 8",
            "everybody",
            -1,
            _DOWNSTREAM,
            _late_avoidable_need,
            _answers_downstream,
            "no-share",
            ground="long",
        ),
        Claim(
            "downstream-averted",
            {
                "en": "Responsibility for downstream spending: fewer admissions, late",
                "zh": "承担外流费用责任:后期住院减少",
            },
            "per-member-downstream",
            "per-member",
            "admissions per 100 person-years, years 5 to 8",
            "everybody",
            -1,
            _DOWNSTREAM,
            _late_admissions,
            _answers_downstream,
            "no-share",
            required=False,
            ground="long",
        ),
        Claim(
            "downstream-control",
            {
                "en": "Responsibility for downstream spending: better chronic control",
                "zh": "承担外流费用责任:慢病控制改善",
            },
            "per-member-downstream",
            "per-member",
            "share of condition-months under control",
            "everybody",
            1,
            _DOWNSTREAM,
            _control,
            _answers_downstream,
            "no-share",
            required=False,
        ),
        Claim(
            "case-stay",
            {"en": "A payment per case: shorter stays", "zh": "按病例付费:住院日缩短"},
            "per-case",
            "status-quo",
            "bed-days over appropriate",
            "county hospitals",
            -1,
            _MARGIN_FALLS,
            _stay_over_need,
            _margin_falls("day", _all_days, SECONDARY),
            "no-weight-per-case",
        ),
        Claim(
            "case-days",
            {"en": "A payment per case: fewer days per stay", "zh": "按病例付费:平均住院日下降"},
            "per-case",
            "status-quo",
            "days per stay",
            "county hospitals",
            -1,
            _MARGIN_FALLS,
            _length_of_stay,
            _margin_falls("day", _all_days, SECONDARY),
            "no-weight-per-case",
        ),
        Claim(
            "case-level",
            {"en": "A payment per case: higher coded level", "zh": "按病例付费:编码等级升高"},
            "per-case",
            "status-quo",
            "billed over true relative weight",
            "county hospitals",
            1,
            {
                "en": "the next level pays more; number: CNY per stay",
                "zh": "高一等级支付更多;数值为每次住院元",
            },
            _billed_over_true,
            _next_level_pays,
            "one-level",
            placebo_measure=_upcoded,
        ),
        Claim(
            "case-components",
            {"en": "A payment per case: fewer components", "zh": "按病例付费:住院服务项目减少"},
            "per-case",
            "status-quo",
            "units given over appropriate",
            "county hospitals",
            -1,
            _MARGIN_FALLS,
            _intensity_in(SECONDARY),
            _margin_falls("inside", _inside, SECONDARY),
            "no-weight-per-case",
        ),
        Claim(
            "case-sorting",
            {
                "en": "A payment per case: admitted cases lighter within their group and level",
                "zh": "按病例付费:组内收治病例变轻",
            },
            "per-case",
            "status-quo",
            "severity of admitted over that of their group and level",
            "county hospitals",
            -1,
            {
                "en": "severity spreads within a group, a severer case loses money, beds do not "
                "sort; number: margin of severity over list price",
                "zh": "组内病情有差异、重症亏损且床位不约束;数值为病情的边际收益占价格比例",
            },
            _severity_within,
            _severity_loses,
            "one-severity",
            ground="roomy",
        ),
        Claim(
            "budget-volume",
            {"en": "A binding budget: lower volume", "zh": "刚性预算:服务量下降"},
            "binding-budget",
            "status-quo",
            "list charges, CNY per person-year",
            "providers inside the county",
            -1,
            _BINDS,
            _volume,
            _budget_binds,
            "no-total",
        ),
        Claim(
            "budget-deferral",
            {"en": "A binding budget: planned care put off", "zh": "刚性预算:择期住院延迟"},
            "binding-budget",
            "status-quo",
            "share of planned cases put off when considered",
            "county hospitals",
            1,
            {
                "en": "the budget binds and beds do not; number: load of beds in the comparator",
                "zh": "预算约束而床位不约束;数值为对照的床位负荷",
            },
            _deferral,
            _budget_binds_with_room,
            "no-total",
            ground="roomy",
        ),
        Claim(
            "budget-december",
            {"en": "A binding budget: December below January", "zh": "刚性预算:12月低于1月"},
            "binding-budget",
            "status-quo",
            "log outpatient list charges, December over January of the year, from the second",
            "providers inside the county",
            -1,
            _SQUEEZE,
            _december_over_january,
            _squeezes_at_the_end,
            "no-total",
            ground="crowd",
        ),
        Claim(
            "budget-december-next-january",
            {
                "en": "A binding budget: December below the January that follows",
                "zh": "刚性预算:12月低于次年1月",
            },
            "binding-budget",
            "status-quo",
            "log outpatient list charges, December over the next January",
            "providers inside the county",
            -1,
            _SQUEEZE,
            _december_over_next_january,
            _squeezes_at_the_end,
            "no-total",
            required=False,
            ground="crowd",
        ),
        Claim(
            "budget-december-planned",
            {
                "en": "A binding budget: more planned care put off in December than in January",
                "zh": "刚性预算:12月择期住院延迟多于1月",
            },
            "binding-budget",
            "status-quo",
            "share of planned cases put off when considered, December less January",
            "county hospitals",
            1,
            _SQUEEZE,
            _deferral_at_the_turn,
            _squeezes_at_the_end,
            "no-total",
            required=False,
            ground="crowd",
        ),
        Claim(
            "score-control",
            {"en": "Payment by score: better chronic control", "zh": "按价值付费:慢病控制改善"},
            "by-score",
            "status-quo",
            "share of condition-months under control",
            "everybody",
            1,
            {
                "en": "one more person under control pays; number: CNY per month under control",
                "zh": "多控制一人有收入;数值为每控制人月元",
            },
            _control,
            _control_pays,
            "nothing-at-risk",
        ),
    )
}


# --- what is drawn --------------------------------------------------------------------------------


def swept_parameters() -> list[str]:
    """Name the county's assumed and unidentified parameters, in the order of its table."""
    return [
        name
        for name, row in load(COUNTY).region().parameters.items()
        if row.distribution != "fixed"
        and row.low < row.high
        and ((row.evidence == "assumed" and row.role == "uncertainty") or name in UNIDENTIFIED)
    ]


def parameter_draws(n: int, seed: int) -> list[dict[str, float]]:
    """Draw the assumed and unidentified parameters over their ranges: a Latin hypercube.

    Parameters
    ----------
    n : int
        Draws.
    seed : int

    Returns
    -------
    list of mapping of parameter id to value
    """
    names = swept_parameters()
    rows = load(COUNTY).region().parameters
    cube = qmc.LatinHypercube(d=len(names), rng=np.random.default_rng(seed)).random(n)
    found: list[dict[str, float]] = []
    for point in cube:
        values = {}
        for name, u in zip(names, point, strict=True):
            low, mode, high = rows[name].low, rows[name].default, rows[name].high
            if rows[name].distribution == "loguniform":
                value = low * (high / low) ** u
            elif rows[name].distribution == "triangular":
                corner = (mode - low) / (high - low)
                left = low + math.sqrt(u * (high - low) * (mode - low))
                right = high - math.sqrt((1.0 - u) * (high - low) * (high - mode))
                value = left if u < corner else right
            else:
                value = low + (high - low) * u
            values[name] = float(min(max(value, low), high))
        found.append(values)
    return found


# --- the study ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """One seed: which arms to live on which ground, and what to read off them."""

    series: str  # seeds or draws
    index: int
    seed: int
    people: int
    crowd: int
    parameters: Mapping[str, float]
    claims: tuple[str, ...]
    placebos: tuple[str, ...]


class Judgment(NamedTuple):
    """What a claim came to on two lives.

    ``effect`` is counted on the claim's side where it has one, ``level`` and ``base`` are what was
    measured in the arm and in the comparator.
    """

    effect: float
    base: float
    met: bool
    number: float
    level: float


@dataclass(frozen=True)
class Read:
    """What one job found.

    Attributes
    ----------
    claims : mapping of claim id to Judgment
    placebos : mapping of (claim id) to effect in the twin
    levels : mapping of arm to mapping of open outcome to value, on the county as it is
    """

    series: str
    index: int
    seed: int
    seconds: float
    claims: Mapping[str, Judgment]
    placebos: Mapping[str, float]
    levels: Mapping[str, Mapping[str, float]]


def judged(claim: Claim, arm: Life, base: Life) -> Judgment:
    """Return a claim's effect on two lives, and whether and how its condition is met."""
    level, of_base = claim.measure(arm), claim.measure(base)
    found = claim.check(arm, base)
    side = claim.side(arm) if claim.side else 1.0
    return Judgment(side * (level - of_base), of_base, found.met, found.number, level)


def _arms_by_ground(job: Job) -> dict[str, list[str]]:
    needed: dict[str, list[str]] = {}
    pairs: list[tuple[str, str]] = []
    for name in job.claims:
        c = CLAIMS[name]
        pairs += [(c.comparator_ground or c.ground, c.comparator), (c.ground, c.arm)]
    for name in job.placebos:
        p = PLACEBOS[name]
        pairs += [(p.ground, p.comparator), (p.ground, p.arm)]
    for ground, arm in pairs:
        arms = needed.setdefault(ground, [])
        if arm != "appropriate" and arm not in arms:
            arms.append(arm)
    return needed


def work(job: Job) -> Read:
    """Live everything a job asks for and read off it."""
    started = time.perf_counter()
    lived = {
        ground: lives(
            arms,
            job.seed,
            job.crowd if GROUNDS[ground].crowded else job.people,
            job.parameters,
            ground,
        )
        for ground, arms in _arms_by_ground(job).items()
    }
    claims: dict[str, Judgment] = {}
    for name in job.claims:
        claim = CLAIMS[name]
        base = lived[claim.comparator_ground or claim.ground][claim.comparator]
        claims[name] = judged(claim, lived[claim.ground][claim.arm], base)
    twins: dict[str, float] = {}
    for name, claim in CLAIMS.items():
        if claim.placebo in job.placebos:
            placebo = PLACEBOS[claim.placebo]
            measure = claim.placebo_measure or claim.measure
            of = lived[placebo.ground]
            level = 1.0
            if placebo.comparator != "appropriate":
                level = measure(of[placebo.comparator])
            twins[name] = measure(of[placebo.arm]) - level
    levels = {
        arm: {o: measure(life) for o, (_, measure) in OPEN.items()}
        for arm, life in lived.get("county", {}).items()
    }
    seconds = time.perf_counter() - started
    return Read(job.series, job.index, job.seed, seconds, claims, twins, levels)


@dataclass(frozen=True)
class Study:
    """What was lived, and what it was asked with."""

    people: int
    crowd: int
    seeds: int
    draws: int
    master: int
    reads: tuple[Read, ...]
    parameters: tuple[str, ...]
    seconds: float

    def of(self, series: str) -> list[Read]:
        """Give the reads of one series in order."""
        return sorted((r for r in self.reads if r.series == series), key=lambda r: r.index)


def _jobs(
    seeds: int,
    draws: int,
    people: int,
    crowd: int,
    master: int,
    exact: int,
    claims: Sequence[str],
) -> Iterator[Job]:
    ids = tuple(claims)
    wanted = {CLAIMS[c].placebo for c in ids}
    for r in range(seeds):
        # A twin that may not differ at all needs no crowd of seeds to show it.
        placebos = tuple(p for p in wanted if r < exact or not PLACEBOS[p].exact)
        yield Job("seeds", r, seed_of(master, r), people, crowd, {}, ids, placebos)
    for i, values in enumerate(parameter_draws(draws, master) if draws else []):
        yield Job("draws", i, seed_of(master, 1000 + i), people, crowd, values, ids, ())


def study(
    *,
    seeds: int,
    draws: int,
    people: int,
    crowd: int | None = None,
    processes: int = 2,
    exact: int = 3,
    claims: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Study:
    """Live the claims' arms in many seeds and over the ranges of what is assumed.

    Parameters
    ----------
    seeds, draws : int
        Replicates at the county's own parameters, and draws of the assumed ones, each draw with a
        seed of its own.
    people : int
    crowd : int, optional
        People of crowded grounds, where effects are faint; as many by default.
    processes : int
    exact : int
        Seeds in which the twins that may not differ at all are lived.
    claims : sequence of str, optional
        Which; all by default.
    progress : callable, optional
        Told how many jobs of how many are done.
    """
    started = time.perf_counter()
    scenario = load(COUNTY)
    crowd = crowd or people
    jobs = list(_jobs(seeds, draws, people, crowd, scenario.seed, exact, claims or tuple(CLAIMS)))
    reads: list[Read] = []
    if processes == 1:
        for job in jobs:
            reads.append(work(job))
            if progress:
                progress(len(reads), len(jobs))
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            for done in as_completed([pool.submit(work, job) for job in jobs]):
                reads.append(done.result())
                if progress:
                    progress(len(reads), len(jobs))
    return Study(
        people,
        crowd,
        seeds,
        draws,
        scenario.seed,
        tuple(reads),
        tuple(swept_parameters()),
        time.perf_counter() - started,
    )


def _error(values: Float) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def _mean_interval(values: Float) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval."""
    n = len(values)
    mean = float(values.mean())
    if n < 2:
        return mean, math.nan, math.nan
    half = float(t.ppf(0.975, n - 1)) * _error(values)
    return mean, mean - half, mean + half


@dataclass(frozen=True)
class Verdict:
    """What became of one claim.

    Attributes
    ----------
    claim : Claim
    seeds, draws : share with the sign
    met_seeds, met_draws : share in which the condition is met
    draws_where_met : share with the sign among draws that meet the condition; NaN if none does
    number : mean of the number the condition is judged by, over seeds
    mean, low, high : mean effect over seeds and its 95 % interval
    error : standard error of that mean, paired by seed
    base, level : means of the comparator and of the arm
    draws_low, draws_high : 5th and 95th percentile of the effect over draws
    placebo : mean effect in the twin; placebo_half : half-width of its 95 % interval, 0 if exact
    placebo_zero : bool
    """

    claim: Claim
    seeds: float
    draws: float
    met_seeds: float
    met_draws: float
    draws_where_met: float
    number: float
    mean: float
    low: float
    high: float
    error: float
    base: float
    level: float
    draws_low: float
    draws_high: float
    placebo: float
    placebo_half: float
    placebo_zero: bool

    @property
    def holds(self) -> bool:
        """Say whether sign, condition and placebo are all as theory says."""
        return (
            self.seeds >= SEEDS_NEEDED
            and (math.isnan(self.draws) or self._draws_hold)
            and self.met_seeds >= SEEDS_NEEDED
            and self.placebo_zero
        )

    @property
    def _draws_hold(self) -> bool:
        return self.met_draws >= MET_NEEDED and self.draws_where_met >= DRAWS_NEEDED


def verdicts(found: Study) -> list[Verdict]:
    """Judge every claim of a study."""
    out = []
    seeds, draws = found.of("seeds"), found.of("draws")
    for name, claim in CLAIMS.items():
        by_seed = [r.claims[name] for r in seeds if name in r.claims]
        by_draw = [r.claims[name] for r in draws if name in r.claims]
        if not by_seed:
            continue
        effects = np.array([x.effect for x in by_seed])
        drawn = np.array([x.effect for x in by_draw]) if by_draw else np.array([math.nan])
        met = np.array([x.met for x in by_draw], dtype=bool)
        signed = np.sign(drawn) == claim.sign
        mean, low, high = _mean_interval(effects)
        twin = np.array([r.placebos[name] for r in seeds if name in r.placebos])
        exact = PLACEBOS[claim.placebo].exact
        twin_mean, twin_low, twin_high = _mean_interval(twin) if len(twin) else (math.nan,) * 3
        if exact:
            zero, half = bool(np.all(twin == 0.0)), 0.0
        else:
            # One twin in four hundred fails by chance.
            half = 0.5 * (twin_high - twin_low)
            n = len(twin)
            error = _error(twin)
            bound = float(t.ppf(1.0 - 0.00125, max(n - 1, 1)))
            zero = bool(abs(twin_mean) <= bound * error + 1e-9)
        out.append(
            Verdict(
                claim=claim,
                seeds=float((np.sign(effects) == claim.sign).mean()),
                draws=float(signed.mean()) if by_draw else math.nan,
                met_seeds=float(np.mean([x.met for x in by_seed])),
                met_draws=float(met.mean()) if by_draw else math.nan,
                draws_where_met=float(signed[met].mean()) if by_draw and met.any() else math.nan,
                number=float(np.mean([x.number for x in by_seed])),
                mean=mean,
                low=low,
                high=high,
                error=_error(effects),
                level=float(np.mean([x.level for x in by_seed])),
                base=float(np.mean([x.base for x in by_seed])),
                draws_low=float(np.quantile(drawn, 0.05)),
                draws_high=float(np.quantile(drawn, 0.95)),
                placebo=twin_mean,
                placebo_half=half,
                placebo_zero=zero,
            )
        )
    return out


def standard_errors(found: Study, outcome: str = "spending") -> dict[str, tuple[float, float]]:
    """Return, by arm, the standard error of a mean effect when paired by seed and when not."""
    reads = found.of("seeds")
    base = np.array([r.levels["status-quo"][outcome] for r in reads])
    errors = {}
    for arm in ARMS:
        if arm == "status-quo" or any(arm not in r.levels for r in reads):
            continue
        values = np.array([r.levels[arm][outcome] for r in reads])
        n = math.sqrt(len(reads))
        paired = float((values - base).std(ddof=1)) / n
        unpaired = math.sqrt(float(values.var(ddof=1) + base.var(ddof=1))) / n
        errors[arm] = (paired, unpaired)
    return errors


def open_effects(found: Study) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Return, by arm and open outcome, the mean effect against the status quo and its interval."""
    reads = found.of("seeds")
    effects: dict[str, dict[str, tuple[float, float, float]]] = {}
    for arm in ARMS:
        if arm == "status-quo" or any(arm not in r.levels for r in reads):
            continue
        effects[arm] = {
            o: _mean_interval(
                np.array([r.levels[arm][o] - r.levels["status-quo"][o] for r in reads])
            )
            for o in OPEN
        }
    return effects


# --- the record -----------------------------------------------------------------------------------


def _number(x: float) -> float | None:
    return None if math.isnan(x) else float(f"{x:.6g}")


def as_data(found: Study) -> dict[str, Any]:
    """Turn a study into plain data for its record: nothing in it depends on the day."""
    judgments = []
    for v in verdicts(found):
        row: dict[str, Any] = {
            "id": v.claim.id,
            "text": dict(v.claim.text),
            "arm": v.claim.arm,
            "comparator": v.claim.comparator,
            "ground": v.claim.ground,
            "people": found.crowd if GROUNDS[v.claim.ground].crowded else found.people,
            "years": GROUNDS[v.claim.ground].years,
            "outcome": v.claim.outcome,
            "group": v.claim.group,
            "sign": v.claim.sign,
            "required": v.claim.required,
            "condition": dict(v.claim.condition),
            "placebo_twin": v.claim.placebo,
            "holds": v.holds,
        }
        for item in dataclasses.fields(v):
            if item.name != "claim":
                value = getattr(v, item.name)
                row[item.name] = value if isinstance(value, bool) else _number(value)
        judgments.append(row)
    return {
        "code_version": code_version(library_root()),
        "scenario_sha256": load(COUNTY).sha256(),
        "people": found.people,
        "crowd": found.crowd,
        "seeds": [r.seed for r in found.of("seeds")],
        "draw_seeds": [r.seed for r in found.of("draws")],
        "swept_parameters": list(found.parameters),
        "needed": {"seeds": SEEDS_NEEDED, "draws": DRAWS_NEEDED, "met": MET_NEEDED},
        "claims": judgments,
        "open": {
            arm: {o: [_number(x) for x in triple] for o, triple in outcomes.items()}
            for arm, outcomes in open_effects(found).items()
        },
        "standard_errors_of_spending": {
            arm: {"paired": _number(p), "unpaired": _number(u), "ratio": _number(_ratio(p, u))}
            for arm, (p, u) in standard_errors(found).items()
        },
        "effects": {
            series: {
                name: [_number(r.claims[name].effect) for r in found.of(series)]
                for name in CLAIMS
                if all(name in r.claims for r in found.of(series))
            }
            for series in ("seeds", "draws")
        },
    }


def _share(x: float | None) -> str:
    return "-" if x is None else f"{100.0 * x:.0f} %"


def _plain(x: float | None) -> str:
    return "-" if x is None else f"{x:.3g}"


def _level(x: float | None) -> str:
    return "-" if x is None else f"{x:.5g}"


def as_text(data: Mapping[str, Any]) -> str:
    """Write a record for readers."""
    lines = [
        "# What emerges in the county, and what must not",
        "",
        f"{len(data['seeds'])} seeds, {len(data['draw_seeds'])} draws of "
        f"{len(data['swept_parameters'])} assumed and unidentified parameters, "
        f"{data['people']:,} people, {data['crowd']:,} where effects are faint, 12 + 12 + 36 "
        "months. Arms are paired by seed. A required sign holds in "
        f"{_share(data['needed']['seeds'])} of seeds and in {_share(data['needed']['draws'])} of "
        f"the draws that meet its condition, {_share(data['needed']['met'])} of all at least, with "
        "the condition met in the seeds and its placebo twin at zero. Three choices were made "
        "after first looks at effects, for power: eight years for what prevention averts, all of "
        "downstream spending and not half, and signs asked of the draws that meet a condition; the "
        "share over all draws stands beside it. Written by "
        f"`make emergence`; code `{data['code_version']}`, "
        f"county `{data['scenario_sha256'][:12]}`.",
        "",
        "## Claims",
        "",
        "| claim | of whom, outcome | people, years | seeds | draws where met | all draws | "
        "mean effect (95 %) | paired standard error | arm | comparator | draws 5-95 % | placebo | "
        "holds |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for c in data["claims"]:
        verdict = ("yes" if c["holds"] else "**no**") if c["required"] else "(reported)"
        arrow = "up" if c["sign"] > 0 else "down"
        lines.append(
            f"| {c['text']['en']} (`{c['id']}`) | {c['group']}: {c['outcome']}, {arrow} | "
            f"{c['people']:,}, {c['years']} | {_share(c['seeds'])} | "
            f"{_share(c['draws_where_met'])} | {_share(c['draws'])} | {_plain(c['mean'])} "
            f"({_plain(c['low'])} to {_plain(c['high'])}) | {_plain(c['error'])} | "
            f"{_level(c['level'])} | {_level(c['base'])} | "
            f"{_plain(c['draws_low'])} to {_plain(c['draws_high'])} | "
            f"{_plain(c['placebo'])}{'' if c['placebo_zero'] else ' (not zero)'} | {verdict} |"
        )
    lines += [
        "",
        "## Conditions",
        "",
        "| claim | condition | mean of the number | met in seeds | met in draws | placebo twin |",
        "|---|---|---|---|---|---|",
    ]
    for c in data["claims"]:
        twin = PLACEBOS[c["placebo_twin"]]
        kind = "exactly 0" if twin.exact else f"0 within {_plain(c['placebo_half'])}"
        lines.append(
            f"| `{c['id']}` | {c['condition']['en']} | {_plain(c['number'])} | "
            f"{_share(c['met_seeds'])} | {_share(c['met_draws'])} | "
            f"{twin.text['en']}: {kind} |"
        )
    outcomes = list(OPEN)
    lines += [
        "",
        "## Left open by theory: effects against the status quo (mean, 95 % interval)",
        "",
        "Avoidable admissions prevented are the fall of avoidable needs; those needed but not "
        "given are a lack of care, never an improvement.",
        "",
        "| arm | " + " | ".join(OPEN[o][0]["en"] for o in outcomes) + " |",
        "|---|" + "---|" * len(outcomes),
    ]
    for arm, effects in data["open"].items():
        if "without" in arm:
            continue
        cells = [
            f"{_plain(effects[o][0])} ({_plain(effects[o][1])} to {_plain(effects[o][2])})"
            for o in outcomes
        ]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "## Standard error of the effect on spending: paired over unpaired",
        "",
        "| arm | paired | unpaired | ratio |",
        "|---|---|---|---|",
    ]
    for arm, row in data["standard_errors_of_spending"].items():
        lines.append(
            f"| {arm} | {_plain(row['paired'])} | {_plain(row['unpaired'])} | "
            f"{_plain(row['ratio'])} |"
        )
    lines += [
        "",
        "Budgets inherit the noise of their own base year; the others should be at most a third.",
        "",
        "## Parameters swept",
        "",
        ", ".join(f"`{name}`" for name in data["swept_parameters"]),
        "",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study and write its record; exit 1 where a required sign does not hold."""
    parser = argparse.ArgumentParser(prog="python -m experiments.emergence", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--crowd", type=int, default=16_000, help="people where effects are faint")
    parser.add_argument("--processes", type=int, default=2)
    default = Path(__file__).parent / "records" / "emergence"
    parser.add_argument("--out", type=Path, default=default)
    given = parser.parse_args(arguments)
    started = time.perf_counter()

    def show(done: int, of: int) -> None:
        passed = time.perf_counter() - started
        left = passed / done * (of - done)
        end = "\n" if done == of else "\r"
        text = f"emergence: {done} of {of} seeds lived, about {left / 60:.0f} min left   "
        sys.stderr.write(text + end)
        sys.stderr.flush()

    found = study(
        seeds=given.seeds,
        draws=given.draws,
        people=given.people,
        crowd=given.crowd,
        processes=given.processes,
        progress=show,
    )
    data = as_data(found)
    given.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True)
    (given.out / "record.json").write_text(text + "\n", encoding="utf-8")
    (given.out / "record.md").write_text(as_text(data), encoding="utf-8")
    missed = [c["id"] for c in data["claims"] if c["required"] and not c["holds"]]
    summary = f"{given.out / 'record.md'}: {len(data['claims'])} claims, missed: {missed or 'none'}"
    sys.stdout.write(summary + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
