"""A region's tables: the people, places, providers, illnesses and prices a scenario starts from.

Knows how the files of a region folder are laid out and checks them; must not know any payment
model, any behavior rule, or where the library of scenarios lives.

A region folder holds CSV tables only. ``region.csv`` names the region and may say ``extends`` with
the name of a sibling folder: every table this folder lacks is then read from that sibling, and in
``parameters.csv`` and ``constants.csv`` every row it lacks. Each number's unit, range,
source and grade stand in the row itself (long tables) or in ``columns.csv`` (wide tables; one row
for each column). Grades: measured, estimated, calibrated, assumed.

Array axes: n providers, Z zones, G clinical groups, A = 101 single ages (the last is open),
C chronic conditions, Y payers; sexes are male, female; components are drugs, diagnostics,
procedures (with supplies), labor; outpatient comes before inpatient.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from sim.errors import RunError, ScenarioError
from sim.parameters import Parameter, read_parameters

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]

AGES = 101
LEVELS = 3
COMPONENTS = ("drugs", "diagnostics", "procedures", "labor")
KINDS = ("practice", "secondary", "tertiary")
SEXES = ("male", "female")
CARE_CLASSES = ("necessary", "ordinary", "discretionary")
MONTHS_PER_YEAR = 12
MOST_PLANNED = 100  # stays of a course, at most


@dataclass(frozen=True)
class Text:
    """A label in the two languages of the project."""

    en: str
    zh: str


@dataclass(frozen=True)
class Provenance:
    """Where a number comes from: unit, plausible range, sources and grade."""

    unit: str
    low: str
    high: str
    source: str
    evidence: str
    note: str


@dataclass(frozen=True)
class Zones:
    """Where people live and how far every provider is (Z zones).

    The county's map is made up (assumed) such that mean distances, times and the share of town
    residents are those of the pack.

    Attributes
    ----------
    share : (Z,) share of residents, sum 1.
    is_town : (Z,) bool, a town rather than villages.
    home_practice : (Z,) index of the provider that is the zone's own practice.
    travel_minutes : (Z, n) one-way travel time, minutes.
    hospital_km : (Z, n) distance in kilometers where the region has a table of it: hospitals are
        then chosen by the published utility of distance; None where time alone is known.
    """

    ids: tuple[str, ...]
    names_en: tuple[str, ...]
    names_zh: tuple[str, ...]
    share: Floats
    is_town: Flags
    home_practice: Indices
    travel_minutes: Floats
    hospital_km: Floats | None


@dataclass(frozen=True)
class Providers:
    """Practices and hospitals at full scale: capacity, list prices and costs (n providers).

    In the county, beds, charges and activity are estimated; assumed are visits_capacity,
    physicians, the shares of a charge, day_share, cost_ratio, day_cost_ratio, skill, scope,
    style_dispersion and most margins.

    Attributes
    ----------
    kind : (n,) 0 practice, 1 secondary hospital, 2 tertiary hospital.
    type : institution type, for labels and benefit tiers.
    is_private, outside : (n,) bool; outside means outside the county.
    beds : (n,) beds; for providers outside, the beds that serve this region.
    visits_capacity : (n,) outpatient visits per month.
    physicians : (n,) persons.
    grade_coefficient : (n,) case price relative to a tertiary hospital.
    visit_charge : (n,) CNY per visit at baseline.
    charge_per_weight : (n,) CNY per stay of weight 1.
    share_charge : (n, 2, 4) shares of a charge by setting and component, sum 1.
    day_share : (n,) share of a stay's charge that scales with days, taken proportionally from
        the four inpatient components.
    cost_ratio : (n, 2, 4) short-run marginal cost over list price.
    day_cost_ratio : (n,) the same for a bed-day.
    covered_share : (n, 2) share of charges inside the benefit catalog.
    budget_share_of_income, operating_margin : (n,) shares of income.
    skill : (n,) 1 = reference practice.
    scope : (n, G) bool, the groups it serves.
    style_dispersion : (n,) coefficient of variation of practice style.
    visits_baseline, admissions_baseline : (n,) per year at full scale, the activity the pack
        reports; targets of calibration, never read by a rule.
    stay_baseline : (n,) days.
    case_mix_baseline : (n,) mean weight of its stays.
    """

    ids: tuple[str, ...]
    names_en: tuple[str, ...]
    names_zh: tuple[str, ...]
    type: tuple[str, ...]
    kind: Indices
    is_private: Flags
    outside: Flags
    beds: Floats
    visits_capacity: Floats
    physicians: Floats
    grade_coefficient: Floats
    visit_charge: Floats
    charge_per_weight: Floats
    share_charge: Floats
    day_share: Floats
    cost_ratio: Floats
    day_cost_ratio: Floats
    covered_share: Floats
    budget_share_of_income: Floats
    operating_margin: Floats
    skill: Floats
    scope: Flags
    style_dispersion: Floats
    visits_baseline: Floats
    admissions_baseline: Floats
    stay_baseline: Floats
    case_mix_baseline: Floats


@dataclass(frozen=True)
class Alliance:
    """Providers led by one of them: how far it decides for all, and whether it posts doctors.

    Attributes
    ----------
    lead : int
        Row of the hospital that leads.
    members : tuple of int
        Rows of all members, the lead included, ascending.
    authority : float
        Weight of what all receive together in what each member looks at, 0 to 1; the rest is what
        the member itself receives. 0 is a loose alliance.
    posting_most : float
        Largest share of its doctors that the lead could post down, 0 to 1; 0: no posting.
    posting_effect : float
        Share of what members' practices cannot treat that comes within their reach when all of
        those are there, 0 to 1.
    posting_allowance : float
        What a doctor posted costs the lead, currency a year.
    """

    lead: int
    members: tuple[int, ...]
    authority: float
    posting_most: float
    posting_effect: float
    posting_allowance: float


ADJUSTMENTS = ("best_response", "pid", "bandit")


@dataclass(frozen=True)
class AdjustmentRule:
    """How levers and styles move from month to month. All defaults are assumed.

    Parameters
    ----------
    rule : {'best_response', 'pid', 'bandit'}
        Best response closes part of the gap to the optimum each month (parameter
        ``style_half_life``). A controller (PID) moves by the gap, its change and its sum. By trial
        (bandit), a provider practises one of five styles a month, of less to more care than it was
        used to at list prices, and keeps to the one that has brought most: it knows nothing of its
        contract but what came of it. Its other levers are best responses.
    proportional, integral, derivative : float
        Gains of the controller, per month; scenario files may hold only such as let a gap die out.
    spread : float
        Step between neighboring styles, share of the customary one.
    explore : float
        Share of months in which any style is tried.
    memory : float
        Least weight of the newest month in what a style is held to be worth.
    """

    rule: str = "best_response"
    proportional: float = 0.3
    integral: float = 0.16
    derivative: float = 0.05
    spread: float = 0.1
    explore: float = 0.1
    memory: float = 0.05

    def __post_init__(self) -> None:
        """Refuse an unknown rule."""
        if self.rule not in ADJUSTMENTS:
            raise RunError(
                "no such rule of adjustment",
                where="adjustment.rule",
                value=self.rule,
                allowed=", ".join(ADJUSTMENTS),
            )


BEST_RESPONSE = AdjustmentRule()


@dataclass(frozen=True, eq=False)
class ListChange:
    """What a policy changes in price lists and in what is covered, by provider (n).

    Attributes
    ----------
    price_out, price_in : (n, 4) list price of a unit over the region's, by component.
    cost_out, cost_in : (n, 4) short-run marginal cost of a unit over the region's.
    day_price, day_cost : (n,) the same for a bed-day.
    covered : (n, 2) share of charges inside the benefit catalog, outpatient and inpatient.
    """

    price_out: Floats
    price_in: Floats
    cost_out: Floats
    cost_in: Floats
    day_price: Floats
    day_cost: Floats
    covered: Floats

    @classmethod
    def none(cls, providers: Providers) -> ListChange:
        """Give the change that leaves everything as the region's tables have it."""
        n = len(providers.ids)
        return cls(
            price_out=np.ones((n, 4)),
            price_in=np.ones((n, 4)),
            cost_out=np.ones((n, 4)),
            cost_in=np.ones((n, 4)),
            day_price=np.ones(n),
            day_cost=np.ones(n),
            covered=providers.covered_share.copy(),
        )

    def is_none(self, providers: Providers) -> bool:
        """Tell whether nothing changes."""
        factors = (
            self.price_out,
            self.price_in,
            self.cost_out,
            self.cost_in,
            self.day_price,
            self.day_cost,
        )
        same = np.array_equal(self.covered, providers.covered_share)
        return same and all(bool((f == 1.0).all()) for f in factors)


@dataclass(frozen=True)
class Groups:
    """Clinical groups: how often, how severe, how treatable, how costly (G groups).

    In the county, levels of use, weights and stays are estimated; assumed are season, is_elective,
    visit_weight, severity_sd, care_class, stake_in, curvature, admission_health, every low_value
    field, fatality, worsening, self_limiting and utility_loss; stake_out and stake_day are
    starting values of the calibration. Sex differs for births and gynecology only.

    Attributes
    ----------
    rate : (G, A, 2) episodes per person-month for the average person of an age and sex.
    base_rate : (G, A, 2) the same for a person without any chronic condition, such that the
        population mean is ``rate`` (conditions independent given age).
    condition : (G,) index of the condition the group belongs to, or -1.
    condition_ratio : (G, C) multiplier on the hazard of a person who has the condition and does
        not have it under control.
    control_ratio : (G, C) further multiplier when that condition is controlled.
    season : (G, 12) multiplier by calendar month, mean 1.
    prob_bed : (G,) share of episodes that truly need a bed.
    share_primary : (G,) share of visits treatable in primary care.
    share_township : (G,) share of admissions treatable in a township center.
    is_avoidable : (G,) share on the OECD list of avoidable admissions.
    is_elective : (G,) bool, can wait.
    visits_per_episode : (G,) visits.
    weight : (G,) relative cost of a stay, mean stay 1.
    weight_level, los_level : (G, 3) ratios by level, mean over ``share_level`` 1.
    los_days : (G,) days.
    share_level : (G, 3) sum 1.
    readmission, inappropriate, unmet : (G,) shares of discharges, admissions, needed admissions.
    visit_weight : (G,) relative cost of a visit, visit-weighted mean 1.
    severity_sd : (G,) sd of ln cost within group and level.
    care_class : (G,) 0 necessary, 1 ordinary, 2 discretionary.
    stake_out : (G, 4, 2) health stake over list price at altruism 1, by component, in a practice
        and in a hospital's outpatient department.
    stake_in : (G, 4) the same for inpatient components.
    stake_day : (G,) the same for a bed-day.
    curvature : (G, 4) share of the health at stake lost at zero care, in (0, 1].
    admission_health : (G,) QALYs lost if a needed admission never happens.
    low_value_component : (G,) component of the group's low-value service, or -1.
    low_value_units : (G,) units of it in a contact that has it.
    low_value_base : (G,) share of contacts with it at baseline.
    low_value_harm : (G,) QALYs lost each time.
    fatality : (G, 3) in-hospital death probability if treated well.
    worsening, self_limiting : (G,) probability per month untreated.
    utility_loss : (G,) QALYs per month ill.
    """

    ids: tuple[str, ...]
    names_en: tuple[str, ...]
    names_zh: tuple[str, ...]
    rate: Floats
    base_rate: Floats
    condition: Indices
    condition_ratio: Floats
    control_ratio: Floats
    season: Floats
    prob_bed: Floats
    share_primary: Floats
    share_township: Floats
    is_avoidable: Floats
    is_elective: Flags
    visits_per_episode: Floats
    weight: Floats
    weight_level: Floats
    los_days: Floats
    los_level: Floats
    share_level: Floats
    readmission: Floats
    inappropriate: Floats
    unmet: Floats
    visit_weight: Floats
    severity_sd: Floats
    care_class: Indices
    stake_out: Floats
    stake_in: Floats
    stake_day: Floats
    curvature: Floats
    admission_health: Floats
    low_value_component: Indices
    low_value_units: Floats
    low_value_base: Floats
    low_value_harm: Floats
    fatality: Floats
    worsening: Floats
    self_limiting: Floats
    utility_loss: Floats


MODES = ("conservative", "minor", "major")


@dataclass(frozen=True)
class Modes:
    """Modes of treatment of a stay: conservative, minor or major procedure (M modes).

    ``modes.csv`` has one row a group; a region without the file has one mode. All ratios have mean
    1 over the group's stays, so that groups keep their weight, days and risk.

    Attributes
    ----------
    share : (G, M) share of stays in each mode at baseline, sum 1; also the share for which it is
        indicated.
    need : (G, M, 4) appropriate units by component over the group's.
    days : (G, M) appropriate days over the group's.
    risk : (G, M) in-hospital deaths over the group's.
    """

    share: Floats
    need: Floats
    days: Floats
    risk: Floats

    @staticmethod
    def one(n_groups: int) -> Modes:
        """Give the one mode of a region that tells none apart."""
        one = np.ones((n_groups, 1))
        return Modes(share=one, need=np.ones((n_groups, 1, len(COMPONENTS))), days=one, risk=one)

    @property
    def n(self) -> int:
        """Give the number of modes."""
        return int(self.share.shape[1])


@dataclass(frozen=True)
class Chronic:
    """Chronic conditions: who has them, who gets them, what control does (C conditions).

    Assumed in the county: control_death, control_decay, utility_decrement, remission, and the
    share controlled of all but hypertension and diabetes.

    Attributes
    ----------
    prevalence : (C, A) share of people of an age.
    incidence : (C, A) per person-year at risk; the county's is scaled, within each condition, so
        that prevalence by age stays put.
    remission : (C,) per year: the condition ends, or is no longer counted.
    share_controlled : (C,) share of all cases.
    rr_death : (C,) ratio for a case not under control; with the baseline share under control the
        average case has the published ratio.
    utility_decrement : (C,) QALY per year.
    control_event : (C, C) multiplier on the onset of the column condition when the row condition
        is controlled.
    control_death : (C,) multiplier on the death ratio when controlled.
    control_decay, control_gain : (C,) per year; loss of control, and its gain at baseline effort,
        such that ``share_controlled`` is stationary although new cases start uncontrolled:
        ``gain (1 - s) = s (decay + new cases per case)``.
    """

    ids: tuple[str, ...]
    names_en: tuple[str, ...]
    names_zh: tuple[str, ...]
    prevalence: Floats
    incidence: Floats
    remission: Floats
    share_controlled: Floats
    rr_death: Floats
    utility_decrement: Floats
    control_event: Floats
    control_death: Floats
    control_decay: Floats
    control_gain: Floats


@dataclass(frozen=True)
class PeopleTables:
    """Who lives in the region: age, sex, mortality, income, insurance.

    Attributes
    ----------
    age_sex_share : (A, 2) sum 1.
    mortality : (A, 2) deaths of any cause per person-year. The county's rows give a crude rate
        about .8 per 1000 above the reported 8.6: an unresolved gap of the sources, kept.
    acute_mortality : (A, 2) the part of it that dies in hospital of an acute episode at baseline
        (needed admissions x fatality), which the episodes themselves produce.
    base_mortality : (A, 2) per person-year outside acute stays for a person without chronic
        conditions: (mortality - acute_mortality) over the mean of the death ratios.
    income_fifth : (5,) mean disposable income, CNY per person-year.
    scheme_share : (Y,) by payer, sum 1.
    scheme_from_age : (Y,) years; from this age on everyone belongs to the payer; 0 is a payer of
        any age. At most one payer has an age.
    price_level : (Y, 3) what a payer allows over the list price, by setting (practice, hospital
        outpatient, inpatient); 1 unless the region's payers buy at prices of their own.
    share_retired : share of the employee scheme's members who are retired.
    contract_share, contract_share_priority : share of people, and of priority groups (65+,
        under 7, chronic, poor), with a family-doctor contract.
    poor_share : share entitled to medical assistance.
    birth_rate : per 1000 person-years.
    frailty_sd : sd of the log frailty multiplier.
    base_utility : (A,) health-related quality of life without illness, 0 to 1.
    """

    age_sex_share: Floats
    mortality: Floats
    acute_mortality: Floats
    base_mortality: Floats
    income_fifth: Floats
    scheme_share: Floats
    scheme_from_age: Indices
    price_level: Floats
    share_retired: float
    contract_share: float
    contract_share_priority: float
    poor_share: float
    birth_rate: float
    frailty_sd: float
    base_utility: Floats


@dataclass(frozen=True)
class Drift:
    """Yearly growth of list prices, incomes and the regional budget (shares per year)."""

    price_growth: float
    income_growth: float
    budget_growth: float


@dataclass(frozen=True)
class Aftercare:
    """Facilities where patients go after a stay (G groups).

    ``aftercare.csv`` has a row for each group whose patients may go; without rows, none do.
    All facilities of a region are one provider, which nobody is treated at but after a stay.

    Attributes
    ----------
    provider : row of the facilities among providers; -1 where there are none.
    share : (G, 2) share of stays discharged there at baseline, below and from the age of 65.
    days : (G,) days that such a patient needs there.
    """

    provider: int
    share: Floats
    days: Floats

    @staticmethod
    def none(n_groups: int) -> Aftercare:
        """Give a region in which everyone goes home."""
        return Aftercare(-1, np.zeros((n_groups, 2)), np.zeros(n_groups))


@dataclass(frozen=True)
class Courses:
    """Courses of care that go on after their start (G groups, C conditions).

    ``courses.csv`` has one row a course; a region without the file has none. A course of stays
    follows a needed stay of its group, one a month; a course of sessions is for life, as an
    outpatient, and comes upon people with its condition.

    Attributes
    ----------
    start : (G,) share of needed stays that start a course of stays.
    fewest, most : (G,) further stays of it, each number in between as likely.
    share_sessions : (C,) share of the condition's cases on sessions at the start.
    onset_sessions : (C,) per year and case not on sessions, chance of coming to need them.
    sessions_month : (C,) sessions a month.
    sessions_need : (C,) units of a session over those of a mean visit of the group.
    sessions_death : (C,) ratio on the deaths of the condition's cases.
    sessions_group : (C,) clinical group that sessions count in; -1 where there are none.
    """

    start: Floats
    fewest: Indices
    most: Indices
    share_sessions: Floats
    onset_sessions: Floats
    sessions_month: Indices
    sessions_need: Floats
    sessions_death: Floats
    sessions_group: Indices

    @property
    def stays_per_first(self) -> Floats:
        """(G,) stays of a group over those that are not planned by a course."""
        return np.asarray(1.0 + self.start * (self.fewest + self.most) / 2.0, dtype=np.float64)


@dataclass(frozen=True)
class Region:
    """Everything a scenario knows about its place before any policy is chosen."""

    id: str
    title: Text
    currency: str
    residents: int
    payers: tuple[str, ...]
    payer_names: tuple[Text, ...]
    zones: Zones
    providers: Providers
    groups: Groups
    chronic: Chronic
    courses: Courses
    modes: Modes
    aftercare: Aftercare
    observation_beds: Floats  # (n,) of ``observation.csv``; none in a region without the file
    people: PeopleTables
    drift: Drift
    parameters: Mapping[str, Parameter]
    constants: Mapping[str, Parameter]
    columns: Mapping[tuple[str, str], Provenance]
    sources: tuple[str, ...]

    @staticmethod
    def read(folder: Path) -> Region:
        """Read and check one region folder.

        Parameters
        ----------
        folder : path of the region; ``extends`` in its ``region.csv`` names a sibling folder.

        Raises
        ------
        ScenarioError
            With file and line, the value found, what is allowed, and the remedy.
        """
        return _read(Path(folder))


# --- reading -------------------------------------------------------------------------------------


@dataclass
class _Table:
    """One CSV file: rows as dictionaries, with the line each came from."""

    name: str
    header: tuple[str, ...]
    rows: list[dict[str, str]]
    lines: list[int]

    def where(self, row: int) -> str:
        return f"{self.name}:{self.lines[row]}"

    def need(self, columns: Sequence[str]) -> None:
        for column in columns:
            if column not in self.header:
                raise ScenarioError(
                    where=f"{self.name}:1",
                    value=f"no column {column}",
                    allowed=", ".join(columns),
                    remedy=f"add the column {column}",
                )

    def texts(self, column: str) -> tuple[str, ...]:
        self.need([column])
        return tuple(row[column] for row in self.rows)

    def number(self, row: int, column: str, low: float = -np.inf, high: float = np.inf) -> float:
        text = self.rows[row].get(column, "")
        try:
            value = float(text)
        except (TypeError, ValueError):
            value = float("nan")
        if not low <= value <= high or np.isinf(value):
            raise ScenarioError(
                where=self.where(row),
                value=f"{column} = {text!r}",
                allowed=f"a number from {low:g} to {high:g}",
                remedy=f"correct {column}",
            )
        return value

    def floats(self, column: str, low: float = -np.inf, high: float = np.inf) -> Floats:
        self.need([column])
        return np.array(
            [self.number(i, column, low, high) for i in range(len(self.rows))], dtype=np.float64
        )

    def block(self, columns: Sequence[str], low: float = -np.inf, high: float = np.inf) -> Floats:
        self.need(columns)
        return np.array(
            [[self.number(i, c, low, high) for c in columns] for i in range(len(self.rows))],
            dtype=np.float64,
        )

    def flags(self, column: str) -> Flags:
        return self.floats(column, 0, 1) > 0

    def choices(self, column: str, allowed: Sequence[str], none: bool = False) -> Indices:
        """Index of each row's word in ``allowed``; an empty cell is -1 where ``none`` is set."""
        index = {word: i for i, word in enumerate(allowed)}
        found = np.empty(len(self.rows), dtype=np.int64)
        for i, word in enumerate(self.texts(column)):
            if word == "" and none:
                found[i] = -1
            elif word in index:
                found[i] = index[word]
            else:
                raise ScenarioError(
                    where=self.where(i),
                    value=f"{column} = {word!r}",
                    allowed=", ".join(allowed),
                    remedy="use one of the allowed words",
                )
        return found

    def once(self, column: str) -> None:
        """Refuse a second row with the same word in a column."""
        words = self.texts(column)
        for i, word in enumerate(words):
            if word in words[:i]:
                raise ScenarioError(
                    where=self.where(i),
                    value=f"{column} = {word!r} for the second time",
                    allowed=f"one row for each {column}",
                    remedy="leave one of the rows out",
                )

    def keyed(self, column: str, keys: Sequence[str], **same: str) -> list[int]:
        """Row number of each key in order, among rows whose other cells equal ``same``."""
        found = {
            row[column]: i
            for i, row in enumerate(self.rows)
            if all(row.get(k) == v for k, v in same.items())
        }
        missing = [key for key in keys if key not in found]
        if missing:
            kind = "".join(f", {k} = {v}" for k, v in same.items())
            raise ScenarioError(
                where=f"{self.name}:1",
                value=f"no row with {column} = {missing[0]!r}{kind}",
                allowed="one row for each of: " + ", ".join(keys),
                remedy="add the row",
            )
        return [found[key] for key in keys]

    def sums_to_one(self, values: Floats, what: str) -> Floats:
        """Check that shares sum to 1 within rounding of the file, and remove the rounding."""
        total = float(values.sum())
        if not abs(total - 1) < 2e-3 or bool((values < 0).any()):
            raise ScenarioError(
                where=f"{self.name}:1",
                value=f"{what} sums to {total:.6g}",
                allowed="shares at least 0 with sum 1",
                remedy=f"correct the rows of {what}",
            )
        return np.asarray(values / total, dtype=np.float64)


@dataclass
class _Folder:
    """A region folder with those it extends."""

    path: Path
    parents: tuple[Path, ...] = field(default_factory=tuple)

    def table(self, name: str) -> _Table:
        return _open(self.path_of(name))

    def has(self, name: str) -> bool:
        """Tell whether the nearest folder with places of its own has the table.

        Distances belong to a map: those of a farther folder are of other zones and providers.
        """
        return (self.path_of("travel.csv").parent / name).is_file()

    def from_farthest(self) -> tuple[Path, ...]:
        """The folders, the one everything rests on first."""
        return (*reversed(self.parents), self.path)

    def path_of(self, name: str) -> Path:
        """The nearest file of that name along the chain of extended folders."""
        for folder in (self.path, *self.parents):
            if (folder / name).is_file():
                return folder / name
        raise ScenarioError(
            where=str(self.path.name),
            value=f"no file {name}",
            allowed="a region folder with every table, or one that extends such a folder",
            remedy=f"add {name}, or name a folder to extend in region.csv",
        )


def _open(file: Path) -> _Table:
    name = f"{file.parent.name}/{file.name}"
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        try:
            header = tuple(next(reader))
        except StopIteration:
            raise ScenarioError(
                where=f"{name}:1",
                value="an empty file",
                allowed="a header and rows",
                remedy="restore the table",
            ) from None
        rows: list[dict[str, str]] = []
        lines: list[int] = []
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise ScenarioError(
                    where=f"{name}:{reader.line_num}",
                    value=f"{len(cells)} cells",
                    allowed=f"{len(header)} cells as in the header",
                    remedy="put commas inside text between quotes",
                )
            rows.append(dict(zip(header, cells, strict=True)))
            lines.append(reader.line_num)
    return _Table(name, header, rows, lines)


def _age_columns() -> list[str]:
    return [f"age_{age}" for age in range(AGES)]


def _header(folder: Path) -> tuple[_Folder, dict[str, str]]:
    """Resolve ``extends`` and merge the name cards, the nearest folder winning."""
    card: dict[str, str] = {}
    chain: list[Path] = []
    here = folder
    while True:
        if here in chain:
            raise ScenarioError(
                where=f"{here.name}/region.csv:1",
                value="extends goes around in a circle",
                allowed="a folder that ends at one with every table",
                remedy="correct extends",
            )
        chain.append(here)
        file = here / "region.csv"
        if not file.is_file():
            raise ScenarioError(
                where=str(here.name),
                value="no region.csv",
                allowed="the folder of a region",
                remedy="name an existing region, or add region.csv",
            )
        own = {row["key"]: row["value"] for row in _open(file).rows}
        extends = own.pop("extends", "")
        card = {**own, **card}
        if not extends:
            return _Folder(folder, tuple(chain[1:])), card
        if "/" in extends or "\\" in extends or extends.startswith("."):
            raise ScenarioError(
                where=f"{here.name}/region.csv:1",
                value=f"extends = {extends!r}",
                allowed="the name of a sibling folder",
                remedy="write the bare name of a region",
            )
        here = here.parent / extends


def _read(folder: Path) -> Region:
    files, card = _header(folder)
    for key in ("id", "title_en", "title_zh", "currency", "residents"):
        if not card.get(key):
            raise ScenarioError(
                where=f"{folder.name}/region.csv:1",
                value=f"no row {key}",
                allowed="id, title_en, title_zh, currency, residents",
                remedy=f"add the row {key}",
            )
    if card["id"] != folder.name:
        raise ScenarioError(
            where=f"{folder.name}/region.csv:1",
            value=f"id = {card['id']!r}",
            allowed=f"the folder's name, {folder.name}",
            remedy="give the region the name of its folder, in a row of its own",
        )
    if not card["residents"].isdigit() or int(card["residents"]) < 1:
        raise ScenarioError(
            where=f"{folder.name}/region.csv:1",
            value=f"residents = {card['residents']!r}",
            allowed="a whole number of persons, at least 1",
            remedy="correct residents",
        )

    payers = files.table("payers.csv")
    constants = _parameters(files, "constants.csv")
    chronic = _chronic(files)
    groups = _groups(files, chronic)
    providers = _providers(files, groups.ids)
    zones = _zones(files, providers.ids)
    people = _people(files, payers, constants, groups, chronic)
    chronic = _with_gain(chronic, people)
    columns = _columns(files)
    parameters = _parameters(files, "parameters.csv")
    cited = [row.source for row in (*parameters.values(), *constants.values())]
    cited += [entry.source for entry in columns.values()]
    sources = sorted({s.strip() for text in cited for s in text.split(";") if s.strip()})
    return Region(
        id=card["id"],
        title=Text(card["title_en"], card["title_zh"]),
        currency=card["currency"],
        residents=int(card["residents"]),
        payers=payers.texts("id"),
        payer_names=tuple(
            Text(en, zh)
            for en, zh in zip(payers.texts("name_en"), payers.texts("name_zh"), strict=True)
        ),
        zones=zones,
        providers=providers,
        groups=groups,
        chronic=chronic,
        courses=_courses(files, groups, chronic),
        modes=_modes(files, groups),
        aftercare=_aftercare(files, groups, providers),
        observation_beds=_observation_beds(files, providers),
        people=people,
        drift=Drift(
            price_growth=_constant(constants, "price_growth"),
            income_growth=_constant(constants, "income_growth"),
            budget_growth=_constant(constants, "budget_growth"),
        ),
        parameters=MappingProxyType(parameters),
        constants=MappingProxyType(constants),
        columns=MappingProxyType(columns),
        sources=tuple(sources),
    )


def _parameters(files: _Folder, name: str) -> dict[str, Parameter]:
    """Rows of a parameter table, the nearer folder's row standing for the farther one's."""
    files.path_of(name)
    merged: dict[str, Parameter] = {}
    for folder in files.from_farthest():
        if (folder / name).is_file():
            merged.update(read_parameters(folder / name))
    return merged


def _columns(files: _Folder) -> dict[tuple[str, str], Provenance]:
    """What each column of a wide table is, from the folder the table itself is read from."""
    files.path_of("columns.csv")
    merged: dict[tuple[str, str], Provenance] = {}
    for folder in files.from_farthest():
        if not (folder / "columns.csv").is_file():
            continue
        rows = _open(folder / "columns.csv").rows
        own = {row["table"] for row in rows}
        merged = {name: entry for name, entry in merged.items() if name[0] not in own}
        for row in rows:
            merged[row["table"], row["column"]] = Provenance(
                row["unit"], row["low"], row["high"], row["source"], row["evidence"], row["note"]
            )
    return merged


def _constant(constants: Mapping[str, Parameter], name: str) -> float:
    if name not in constants:
        raise ScenarioError(
            where="constants.csv:1",
            value=f"no row {name}",
            allowed="every constant of the region",
            remedy=f"add the row {name}",
        )
    return constants[name].value


def _chronic(files: _Folder) -> Chronic:
    table = files.table("chronic.csv")
    ids = table.texts("id")
    by_age = files.table("chronic_age.csv")
    ages = _age_columns()
    block = by_age.block(ages, 0)
    controlled = table.floats("share_controlled", 0, 1)
    control_death = table.floats("control_death", 0, 2)
    return Chronic(
        ids=ids,
        names_en=table.texts("name_en"),
        names_zh=table.texts("name_zh"),
        prevalence=block[by_age.keyed("condition", ids, measure="prevalence")],
        incidence=block[by_age.keyed("condition", ids, measure="incidence")],
        remission=table.floats("remission", 0),
        share_controlled=controlled,
        # the published ratio is that of the average case: undo the effect of those controlled
        rr_death=table.floats("rr_death_average", 0)
        / (1 - controlled + controlled * control_death),
        utility_decrement=table.floats("utility_decrement", 0, 1),
        control_event=table.block([f"control_event_{c}" for c in ids], 0, 2),
        control_death=control_death,
        control_decay=table.floats("control_decay", 0),
        control_gain=np.zeros(len(ids)),
    )


def _with_gain(chronic: Chronic, people: PeopleTables) -> Chronic:
    """Set the gain of control that keeps the share under control where the data have it."""
    share = people.age_sex_share.sum(axis=1)
    cases = (chronic.prevalence * share).sum(axis=1)
    onset = (chronic.incidence * (1 - chronic.prevalence) * share).sum(axis=1)
    entering = np.divide(onset, cases, out=np.zeros_like(cases), where=cases > 0)
    controlled = np.minimum(chronic.share_controlled, 0.999)
    gain = controlled * (chronic.control_decay + entering) / (1 - controlled)
    return Chronic(**{**vars(chronic), "control_gain": gain})


def average_multiplier(
    prevalence: Floats, ratio: Floats, controlled: Floats, control_ratio: Floats
) -> Floats:
    """Mean hazard multiplier of the people of each age, conditions being independent.

    Parameters
    ----------
    prevalence : (C, A); ratio, control_ratio : (G, C); controlled : (C,).

    Returns
    -------
    (G, A) mean multiplier: ``prod_c (1 - p + p r (1 - s + s k))``.
    """
    case = ratio * (1 - controlled + controlled * control_ratio)
    terms = 1 + prevalence[None] * (case[:, :, None] - 1)
    return np.asarray(terms.prod(axis=1), dtype=np.float64)


def _groups(files: _Folder, chronic: Chronic) -> Groups:
    table = files.table("groups.csv")
    ids = table.texts("id")
    rates = files.table("rates.csv")
    block = rates.block(_age_columns(), 0)
    rate = np.stack([block[rates.keyed("group", ids, sex=sex)] for sex in SEXES], axis=2)

    ratios = files.table("condition_ratio.csv")
    by_condition = ratios.block(list(chronic.ids), 0)
    average_ratio = by_condition[ratios.keyed("group", ids, measure="average_case")]
    control_ratio = by_condition[ratios.keyed("group", ids, measure="controlled")]
    controlled = chronic.share_controlled
    condition_ratio = average_ratio / (1 - controlled + controlled * control_ratio)
    mean = average_multiplier(chronic.prevalence, condition_ratio, controlled, control_ratio)

    seasons = files.table("season.csv")
    months = seasons.block([f"month_{m}" for m in range(1, MONTHS_PER_YEAR + 1)], 0)
    season = months[seasons.keyed("group", ids)]
    season = season / season.mean(axis=1, keepdims=True)

    share_level = table.block([f"share_level{k}" for k in (1, 2, 3)], 0, 1)
    for i, row in enumerate(share_level):
        if abs(row.sum() - 1) > 2e-3:
            raise ScenarioError(
                where=table.where(i),
                value=f"share_level sums to {row.sum():.6g}",
                allowed="shares with sum 1",
                remedy="correct share_level1 to share_level3",
            )
    share_level = share_level / share_level.sum(axis=1, keepdims=True)

    def by_level(stem: str) -> Floats:
        """Ratios by level with mean 1 over the group's stays."""
        values = table.block([f"{stem}{k}" for k in (1, 2, 3)], 0)
        return np.asarray(
            values / (values * share_level).sum(axis=1, keepdims=True), dtype=np.float64
        )

    return Groups(
        ids=ids,
        names_en=table.texts("name_en"),
        names_zh=table.texts("name_zh"),
        rate=rate,
        base_rate=rate / mean[:, :, None],
        condition=table.choices("condition", chronic.ids, none=True),
        condition_ratio=condition_ratio,
        control_ratio=control_ratio,
        season=season,
        prob_bed=table.floats("prob_bed", 0, 1),
        share_primary=table.floats("share_primary", 0, 1),
        share_township=table.floats("share_township", 0, 1),
        is_avoidable=table.floats("is_avoidable", 0, 1),
        is_elective=table.flags("is_elective"),
        visits_per_episode=table.floats("visits_per_episode", 0),
        weight=table.floats("weight", 0),
        weight_level=by_level("weight_level"),
        los_days=table.floats("los_days", 1),
        los_level=by_level("los_level"),
        share_level=share_level,
        readmission=table.floats("readmission", 0, 1),
        inappropriate=table.floats("inappropriate", 0, 1),
        unmet=table.floats("unmet", 0, 1),
        visit_weight=table.floats("visit_weight", 0),
        severity_sd=table.floats("severity_sd", 0, 2),
        care_class=table.choices("care_class", CARE_CLASSES),
        stake_out=np.stack(
            [
                table.block([f"stake_{place}_{c}" for c in COMPONENTS], 0)
                for place in ("practice", "hospital")
            ],
            axis=2,
        ),
        stake_in=table.block([f"stake_inpatient_{c}" for c in COMPONENTS], 0),
        stake_day=table.floats("stake_day", 0),
        curvature=table.block([f"curvature_{c}" for c in COMPONENTS], 0, 1),
        admission_health=table.floats("admission_health", 0),
        low_value_component=table.choices("low_value_component", COMPONENTS, none=True),
        low_value_units=table.floats("low_value_units", 0),
        low_value_base=table.floats("low_value_base", 0, 1),
        low_value_harm=table.floats("low_value_harm", 0),
        fatality=table.block([f"fatality_level{k}" for k in (1, 2, 3)], 0, 1),
        worsening=table.floats("worsening", 0, 1),
        self_limiting=table.floats("self_limiting", 0, 1),
        utility_loss=table.floats("utility_loss", 0, 1 / MONTHS_PER_YEAR),
    )


def _modes(files: _Folder, groups: Groups) -> Modes:
    n_groups = len(groups.ids)
    if not any((folder / "modes.csv").is_file() for folder in files.from_farthest()):
        return Modes.one(n_groups)
    table = files.table("modes.csv")
    row_of = table.keyed("id", groups.ids)
    share = table.block([f"share_{m}" for m in MODES], 0, 1)[row_of]
    share = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-12)

    def ratio(stem: str) -> Floats:
        """Ratios by mode with mean 1 over the group's stays."""
        values = table.block([f"{stem}_{m}" for m in MODES], 0)[row_of]
        mean = (values * share).sum(axis=1, keepdims=True)
        return np.asarray(values / np.where(mean > 0.0, mean, 1.0), dtype=np.float64)

    other = ratio("units")
    need = np.repeat(other[:, :, None], len(COMPONENTS), axis=2)
    need[:, :, COMPONENTS.index("procedures")] = ratio("procedures")
    return Modes(share=share, need=need, days=ratio("days"), risk=ratio("risk"))


def _aftercare(files: _Folder, groups: Groups, providers: Providers) -> Aftercare:
    found = Aftercare.none(len(groups.ids))
    if not any((folder / "aftercare.csv").is_file() for folder in files.from_farthest()):
        return found
    table = files.table("aftercare.csv")
    if not table.rows:
        return found
    table.once("group")
    provider = table.choices("provider", providers.ids)
    group = table.choices("group", groups.ids)
    for row, (p, g) in enumerate(zip(provider, group, strict=True)):
        if p != provider[0] or providers.scope[p].any() or providers.kind[p] != 0:
            raise ScenarioError(
                where=table.where(row),
                value=f"provider = {providers.ids[p]!r}",
                allowed="one provider of kind practice for all rows, all groups excluded",
                remedy="name the facilities' row of providers.csv",
            )
        found.share[g, 0] = table.number(row, "share_below_65", 0, 0.95)
        found.share[g, 1] = table.number(row, "share_from_65", 0, 0.95)
        found.days[g] = table.number(row, "days", 1, 100)
    return Aftercare(int(provider[0]), found.share, found.days)


def _observation_beds(files: _Folder, providers: Providers) -> Floats:
    """Read beds in which hospitals observe without admitting, full scale (n,)."""
    beds = np.zeros(len(providers.ids))
    if not any((folder / "observation.csv").is_file() for folder in files.from_farthest()):
        return beds
    table = files.table("observation.csv")
    table.once("provider")
    named = table.choices("provider", providers.ids)
    for row, p in enumerate(named):
        if not (providers.beds[p] > 0.0 and providers.kind[p] > 0):
            raise ScenarioError(
                where=table.where(row),
                value=f"provider = {providers.ids[p]!r}",
                allowed="hospitals with beds",
                remedy="leave the row out",
            )
        beds[p] = table.number(row, "beds", 0)
    return beds


def _courses(files: _Folder, groups: Groups, chronic: Chronic) -> Courses:
    n_groups, n_conditions = len(groups.ids), len(chronic.ids)
    found = Courses(
        start=np.zeros(n_groups),
        fewest=np.zeros(n_groups, dtype=np.int64),
        most=np.zeros(n_groups, dtype=np.int64),
        share_sessions=np.zeros(n_conditions),
        onset_sessions=np.zeros(n_conditions),
        sessions_month=np.zeros(n_conditions, dtype=np.int64),
        sessions_need=np.zeros(n_conditions),
        sessions_death=np.ones(n_conditions),
        sessions_group=np.full(n_conditions, -1, dtype=np.int64),
    )
    if not any((folder / "courses.csv").is_file() for folder in files.from_farthest()):
        return found
    table = files.table("courses.csv")
    group = table.choices("group", groups.ids)
    condition = table.choices("condition", chronic.ids)
    kind = table.choices("kind", ("stays", "sessions"))
    for row in range(len(table.rows)):
        g, c = int(group[row]), int(condition[row])
        if kind[row] == 0:
            found.start[g] = table.number(row, "start", 0, 1)
            found.fewest[g] = table.number(row, "fewest", 1, MOST_PLANNED)
            found.most[g] = table.number(row, "most", found.fewest[g], MOST_PLANNED)
        else:
            found.share_sessions[c] = table.number(row, "share", 0, 1)
            found.onset_sessions[c] = table.number(row, "start", 0, 1)
            found.sessions_month[c] = table.number(row, "per_month", 1, 31)
            found.sessions_need[c] = table.number(row, "need", 0)
            found.sessions_death[c] = table.number(row, "death_ratio", 0)
            found.sessions_group[c] = g
    return found


def _providers(files: _Folder, groups: tuple[str, ...]) -> Providers:
    table = files.table("providers.csv")
    settings = ("outpatient", "inpatient")
    shares = np.stack(
        [table.block([f"share_{s}_{c}" for c in COMPONENTS], 0, 1) for s in settings], axis=1
    )
    totals = shares.sum(axis=2)
    wrong = np.argwhere(np.abs(totals - 1) > 2e-3)
    if len(wrong):
        row, setting = (int(x) for x in wrong[0])
        raise ScenarioError(
            where=table.where(row),
            value=f"{settings[setting]} shares sum to {totals[row, setting]:.6g}",
            allowed="four shares of the charge with sum 1",
            remedy="correct the share columns",
        )
    excluded = table.texts("groups_excluded")
    only = table.texts("groups_only")
    scope = np.ones((len(table.rows), len(groups)), dtype=np.bool_)
    for i in range(len(table.rows)):
        for words, serves in ((only[i], True), (excluded[i], False)):
            named = words.split()
            unknown = [w for w in named if w not in groups]
            if unknown and serves:
                raise ScenarioError(
                    where=table.where(i),
                    value=f"group {unknown[0]!r}",
                    allowed=", ".join(groups),
                    remedy="use the id of a clinical group",
                )
            if named:
                listed = np.array([g in named for g in groups])
                scope[i] &= listed if serves else ~listed
    return Providers(
        ids=table.texts("id"),
        names_en=table.texts("name_en"),
        names_zh=table.texts("name_zh"),
        type=table.texts("type"),
        kind=table.choices("kind", KINDS),
        is_private=table.flags("is_private"),
        outside=table.flags("outside"),
        beds=table.floats("beds", 0),
        visits_capacity=table.floats("visits_capacity", 0),
        physicians=table.floats("physicians", 0),
        grade_coefficient=table.floats("grade_coefficient", 0),
        visit_charge=table.floats("visit_charge", 0),
        charge_per_weight=table.floats("charge_per_weight", 0),
        share_charge=shares / totals[:, :, None],
        day_share=table.floats("day_share", 0, 1),
        cost_ratio=np.stack(
            [table.block([f"cost_ratio_{s}_{c}" for c in COMPONENTS], 0) for s in settings], axis=1
        ),
        day_cost_ratio=table.floats("day_cost_ratio", 0),
        covered_share=table.block(["covered_share_outpatient", "covered_share_inpatient"], 0, 1),
        budget_share_of_income=table.floats("budget_share_of_income", 0, 1),
        operating_margin=table.floats("operating_margin", -1, 1),
        skill=table.floats("skill", 0),
        scope=scope,
        style_dispersion=table.floats("style_dispersion", 0, 1),
        visits_baseline=table.floats("visits_baseline", 0),
        admissions_baseline=table.floats("admissions_baseline", 0),
        stay_baseline=table.floats("stay_baseline", 0),
        case_mix_baseline=table.floats("case_mix_baseline", 0),
    )


def _zones(files: _Folder, providers: tuple[str, ...]) -> Zones:
    table = files.table("zones.csv")
    ids = table.texts("id")
    travel = files.table("travel.csv")
    minutes = travel.block(list(providers), 0)
    kilometers: Floats | None = None
    if files.has("distance.csv"):
        distance = files.table("distance.csv")
        kilometers = distance.block(list(providers), 0)[distance.keyed("zone", ids)]
    return Zones(
        ids=ids,
        names_en=table.texts("name_en"),
        names_zh=table.texts("name_zh"),
        share=table.sums_to_one(table.floats("share", 0, 1), "share"),
        is_town=table.flags("is_town"),
        home_practice=table.choices("home_practice", providers),
        travel_minutes=minutes[travel.keyed("zone", ids)],
        hospital_km=kilometers,
    )


def _scheme_from_age(payers: _Table) -> Indices:
    """Read the age from which everyone belongs to a payer; without the column there is none."""
    if "from_age" not in payers.header:
        return np.zeros(len(payers.rows), dtype=np.int64)
    ages = payers.floats("from_age", 0, AGES - 1)
    if np.count_nonzero(ages) > 1:
        raise ScenarioError(
            where=f"{payers.name}:1",
            value="two payers with an age",
            allowed="one payer that everyone of an age belongs to",
            remedy="leave from_age at 0 for the other payers",
        )
    return ages.astype(np.int64)


def _price_level(payers: _Table) -> Floats:
    """Read what each payer allows over the list price; without the columns it is the list price."""
    names = [f"price_level_{setting}" for setting in ("practice", "outpatient", "inpatient")]
    if names[0] not in payers.header:
        return np.ones((len(payers.rows), len(names)))
    return payers.block(names, 0, 10)


def _people(
    files: _Folder,
    payers: _Table,
    constants: Mapping[str, Parameter],
    groups: Groups,
    chronic: Chronic,
) -> PeopleTables:
    table = files.table("people.csv")
    if [row["age"] for row in table.rows] != [str(age) for age in range(AGES)]:
        raise ScenarioError(
            where=f"{table.name}:1",
            value=f"{len(table.rows)} rows",
            allowed=f"ages 0 to {AGES - 1} in order, one row each",
            remedy="restore the rows of the table",
        )
    mortality = table.block([f"mortality_{sex}" for sex in SEXES], 0)
    lethal = groups.prob_bed * (groups.share_level * groups.fatality).sum(axis=1)
    acute = MONTHS_PER_YEAR * np.einsum("g,gas->as", lethal, groups.rate)
    # a thin age must not be left without other causes of death by an estimate of acute ones
    acute = np.minimum(acute, 0.7 * mortality)
    mean_ratio = average_multiplier(
        chronic.prevalence,
        chronic.rr_death[None],
        chronic.share_controlled,
        chronic.control_death[None],
    )[0]
    return PeopleTables(
        age_sex_share=table.sums_to_one(
            table.block([f"share_{sex}" for sex in SEXES], 0, 1), "share_male and share_female"
        ),
        mortality=mortality,
        acute_mortality=acute,
        base_mortality=(mortality - acute) / mean_ratio[:, None],
        income_fifth=np.array([_constant(constants, f"income_fifth_{k}") for k in range(1, 6)]),
        scheme_share=payers.sums_to_one(payers.floats("share", 0, 1), "share"),
        scheme_from_age=_scheme_from_age(payers),
        price_level=_price_level(payers),
        share_retired=_constant(constants, "share_retired"),
        contract_share=_constant(constants, "contract_share"),
        contract_share_priority=_constant(constants, "contract_share_priority"),
        poor_share=_constant(constants, "poor_share"),
        birth_rate=_constant(constants, "birth_rate"),
        frailty_sd=_constant(constants, "frailty_sd"),
        base_utility=table.floats("base_utility", 0, 1),
    )
