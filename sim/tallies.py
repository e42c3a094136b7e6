"""What a month leaves behind: the names of every integer tally and the history of a run.

Knows the vocabulary that engines fill and outcomes read: one enumeration per table, one
container per run. Must not know how a tally came about, nor what it is used for.

Every tally is an int64 in the unit its comment states, so that no sum depends on the order
of people, blocks or threads. Money is in minor units of the region's currency (fen).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, auto, unique
from functools import cache

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]


class _FromZero(IntEnum):
    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[int]) -> int:
        return count


@unique
class ProviderTally(_FromZero):
    """Columns of ``History.provider``: what one provider did for one payer in one month."""

    VISITS = auto()  # outpatient contacts, return visits included
    FIRST_VISITS = auto()  # contacts that opened an episode here
    RETURN_VISITS = auto()  # contacts that the provider asked for
    UNITS_OUT_0 = auto()  # outpatient units given, thousandths, by component 0-3
    UNITS_OUT_1 = auto()
    UNITS_OUT_2 = auto()
    UNITS_OUT_3 = auto()
    UNITS_IN_0 = auto()  # inpatient units given besides bed-days, thousandths
    UNITS_IN_1 = auto()
    UNITS_IN_2 = auto()
    UNITS_IN_3 = auto()
    NEED_OUT_0 = auto()  # units that were appropriate, thousandths
    NEED_OUT_1 = auto()
    NEED_OUT_2 = auto()
    NEED_OUT_3 = auto()
    NEED_IN_0 = auto()
    NEED_IN_1 = auto()
    NEED_IN_2 = auto()
    NEED_IN_3 = auto()
    ADMISSIONS = auto()
    BED_DAYS = auto()
    NEED_DAYS = auto()  # appropriate bed-days, thousandths
    CHARGE_OUT = auto()  # fen at list price, covered and uncovered
    CHARGE_IN = auto()
    COVERED_OUT = auto()  # fen of charges inside the benefit catalogue
    COVERED_IN = auto()
    PATIENT_OUT = auto()  # fen of covered charges that the patient owes
    PATIENT_IN = auto()
    UNCOVERED_OUT = auto()  # fen of charges outside the catalogue, all paid by the patient
    UNCOVERED_IN = auto()
    COST_OUT = auto()  # fen of short-run variable resource cost
    COST_IN = auto()
    LOW_VALUE = auto()  # contacts with a low-value service
    OVER_TREATED = auto()  # contacts and stays above 1.1 of appropriate intensity
    UNDER_TREATED = auto()  # contacts and stays below 0.9 of appropriate intensity
    REFERRED_UP = auto()  # patients this provider sent to a hospital (practice) or higher tier
    REFERRED_DOWN = auto()  # patients this provider sent back to their practice
    RECEIVED = auto()  # referred patients who arrived here
    TRANSFERRED = auto()  # patients needing a bed passed on to another hospital
    REFUSED = auto()  # patients presented for a bed and turned away by choice
    DEFERRED = auto()  # elective patients put on the list by choice
    NO_BED = auto()  # admissions agreed that found no free bed
    WAITING = auto()  # patients on this provider's list at the end of the month
    WAITED = auto()  # months waited by those admitted this month
    TURNED_AWAY = auto()  # outpatient contacts beyond capacity
    READMISSIONS = auto()  # stays within 30 days of a discharge
    DEATHS = auto()  # deaths during a stay
    DISCHARGES = auto()
    UPCODED = auto()  # stays billed above their true level
    UNDERCODED = auto()  # stays billed below their true level
    INAPPROPRIATE = auto()  # admissions of people who did not need a bed
    ELECTIVE = auto()  # elective admissions
    AVOIDABLE = auto()  # ambulatory-care-sensitive admissions, thousandths
    SEVERITY = auto()  # sum over stays of true relative weight, thousandths
    EXPERIENCE = auto()  # sum over contacts and stays of patient experience, thousandths
    CONTACTS_RATED = auto()  # contacts and stays that gave an experience
    HEALTH_LOSS = auto()  # millionths of a QALY lost to over- and under-treatment
    MEMBERS = auto()  # member-months on this practice's list
    RISK_MONTHS = auto()  # risk-weighted member-months, thousandths
    SPENT_ELSEWHERE = auto()  # fen of covered charges of members at other providers
    SPENT_HERE = auto()  # fen of covered charges of members at this practice
    PREVENTIVE = auto()  # preventive contacts with chronic members
    CHRONIC_MEMBERS = auto()  # member-months with at least one chronic condition
    CONTROLLED = auto()  # controlled condition-months of members
    CONDITIONS = auto()  # condition-months of members
    AID = auto()  # fen of covered charges that medical assistance pays

    MINOR = auto()  # stays treated with a minor procedure
    MAJOR = auto()  # stays treated with a major procedure
    MODE_ABOVE = auto()  # stays treated in a heavier mode than indicated
    MODE_BELOW = auto()  # stays treated in a lighter mode than indicated
    SPLIT = auto()  # stays billed as two
    SENT_DOWN = auto()  # stays whose last days were spent in a bed at the home practice
    POST_ACUTE_DAYS = auto()  # those days, and days of aftercare in facilities
    SPENT_OUTSIDE = auto()  # fen of covered charges of members outside the region
    JOINED = auto()  # people who came onto this practice's list by choice
    JOINED_RISK = auto()  # their predicted cost over the mean, thousandths
    LEFT = auto()  # people who left this practice's list by choice
    LEFT_RISK = auto()  # their predicted cost over the mean, thousandths
    DIAGNOSED_MONTHS = auto()  # member-months by true conditions, thousandths; where contracts ask
    RECORDED_MONTHS = auto()  # member-months by recorded conditions, thousandths
    OBSERVED = auto()  # cases kept under observation without being admitted
    RELEASED = auto()  # urgent cases treated and sent home where they could have been observed
    TO_FACILITY = auto()  # stays discharged to a facility for aftercare
    OBSERVED_DAYS = auto()  # thousandths of days in observation beds
    MINUTES = auto()  # hundredths of minutes of outpatient contacts, where they are timed
    SESSIONS = auto()  # thousandths of sessions worked in these minutes
    PHYSICIANS = auto()  # thousandths of physicians who work them, under the first payer


@unique
class PersonTally(_FromZero):
    """Columns of ``History.person``: what happened to one cell of people in one month."""

    PERSON_MONTHS = auto()
    SPENDING = auto()  # fen of list charges at providers (covered and uncovered)
    COVERED = auto()  # fen of covered charges
    PATIENT = auto()  # fen owed by patients: shares of covered charges plus uncovered ones
    VISITS_PRACTICE = auto()
    VISITS_SECONDARY = auto()
    VISITS_TERTIARY = auto()
    FIRST_CONTACTS = auto()  # episodes' first contacts anywhere
    FIRST_AT_PRACTICE = auto()
    BYPASS = auto()  # first contacts in a hospital for a case treatable in primary care
    ADMISSIONS_PRACTICE = auto()
    ADMISSIONS_SECONDARY = auto()
    ADMISSIONS_TERTIARY = auto()
    BED_DAYS = auto()
    NEED_BED = auto()  # episodes that came to need a bed this month
    NEED_BED_AVOIDABLE = auto()  # the ambulatory-care-sensitive ones, thousandths
    GIVEN_AVOIDABLE = auto()  # needed and given avoidable admissions, thousandths
    UNMET_BED = auto()  # people in need of a bed at month's end without one
    EPISODES = auto()  # new acute episodes
    FOREGONE = auto()  # ill people who sought no care this month
    DEFERRED = auto()
    REFUSED = auto()
    REFERRED_UP = auto()
    REFERRED_DOWN = auto()
    READMISSIONS = auto()
    DISCHARGES = auto()
    DEATHS = auto()
    QALY = auto()  # millionths of a QALY lived this month
    CONTROLLED = auto()  # controlled condition-months
    CONDITIONS = auto()  # condition-months
    ONSETS = auto()  # new chronic conditions
    COMPLICATIONS = auto()  # episodes that worsened
    WAITED = auto()  # months waited by those admitted
    TRAVEL = auto()  # minutes travelled to contacts, both ways
    EXPERIENCE = auto()  # sum of experience over contacts, thousandths
    CONTACTS_RATED = auto()
    ACCOUNT_HOLDERS = auto()  # person-months with an individual account that is filled
    ACCOUNT_CREDIT = auto()  # fen credited to individual accounts
    ACCOUNT_DRUGS = auto()  # fen drawn for drugs bought without a visit
    ACCOUNT_PAID = auto()  # fen of own payments that accounts paid
    ACCOUNT_LEFT = auto()  # fen left behind by those who died
    ACCOUNT_BALANCE = auto()  # fen in accounts at the month's end
    LIST_APPLIED = auto()  # people who asked to join another practice's list
    LIST_REFUSED = auto()  # of them, put off by that practice
    LIST_APPLIED_RISK = auto()  # predicted cost of those who asked over the mean, thousandths
    LIST_REFUSED_RISK = auto()  # of those put off
    COVER_MONTHS = auto()  # person-months with a cover option that was chosen
    COVER_PREMIUM = auto()  # fen of premiums for it
    COVER_RISK = auto()  # holders' predicted cost over the scheme's mean, thousandths of months


@unique
class Lever(_FromZero):
    """Columns of ``History.levers``: what an organization has decided, by month."""

    CODING = auto()  # share of eligible stays billed one level up
    DOCUMENTATION = auto()  # share of true complexity that reaches the claim
    PREVENTION = auto()  # preventive effort, 0 = none
    QUALITY_EFFORT = auto()  # effort that raises true quality
    COST_EFFORT = auto()  # effort that lowers resource cost per unit
    STAY = auto()  # practised over appropriate length of stay
    INTENSITY = auto()  # practised over appropriate units, list-price weighted
    RETURN_VISITS = auto()  # asked-back over appropriate return visits
    BED_PRICE = auto()  # shadow price of a bed-day, currency
    OCCUPANCY = auto()  # bed-days used over bed-days available
    WAIT = auto()  # months that an elective patient waits
    INCOME_WEIGHT = auto()  # weight on money after the income effect
    SPLITTING = auto()  # share of stays billed as two
    UNCOVERED = auto()  # share of covered charges of stays moved outside the catalogue
    DOCUMENTED = auto()  # share of missed quality items that the record shows as done


N_FIFTHS = 5
N_HEALTH = 3  # chronic conditions: none, one, two or more


def person_cell(payer: int, fifth: int, health: int, is_town: int) -> int:
    """Index of the cell of people with these traits in ``History.person``."""
    return ((payer * N_FIFTHS + fifth) * N_HEALTH + health) * 2 + is_town


def cell_traits(n_payers: int) -> dict[str, Int64]:
    """Traits of every cell: arrays ``payer``, ``fifth``, ``health``, ``is_town``."""
    return dict(_cell_traits(n_payers))


@cache
def _cell_traits(n_payers: int) -> dict[str, Int64]:
    index = np.arange(n_payers * N_FIFTHS * N_HEALTH * 2, dtype=np.int64)
    return {
        "payer": index // (N_FIFTHS * N_HEALTH * 2),
        "fifth": index // (N_HEALTH * 2) % N_FIFTHS,
        "health": index // 2 % N_HEALTH,
        "is_town": index % 2,
    }


@dataclass
class History:
    """Everything a run reports, month by month; the only hand-over from engine to outcomes.

    Attributes
    ----------
    provider : int64, shape (months, providers, payers, len(ProviderTally))
    person : int64, shape (months, cells, len(PersonTally)); cells as in :func:`cell_traits`
    billed, true_level : int64, shape (months, providers, payers, groups, 3)
        Stays by clinical group and level, as billed and as they truly were.
    days : int64, shape (months, providers, payers, groups); bed-days
    visits_by_group : int64, shape (months, 3, groups); contacts by kind of provider
    receipts : int64 fen, shape (months, providers, payers)
        Earned under the contracts in the month, settlements included: gross allowed amounts.
    fund_paid : int64 fen, shape (months, providers, payers); what the payer transferred
    grants : int64 fen, shape (months, providers); subsidies from the budget
    fixed_cost : int64 fen, shape (months, providers)
    clawback, fine, undetected : int64 fen, shape (months, providers, payers)
    fund_balance, premiums : int64 fen, shape (months, payers)
    levers : float64, shape (months, providers, len(Lever))
    marginal : mapping of incentive id to float64, shape (years, providers, payers)
        What one more of each activity brought, mean over the months of each accounting year, CNY.
    people : list of mappings of column to array, one per completed accounting year
        ``income, fifth, payer, health, is_town, spent, patient_paid, spent_last`` and
        ``alive_all_year``; fen for money, currency per year for income.
    ledger, accounts : mappings of column to array, as exported
    claims : mapping of column to array, or None when not asked for
    """

    provider: Int64
    person: Int64
    billed: Int64
    true_level: Int64
    days: Int64
    visits_by_group: Int64
    receipts: Int64
    fund_paid: Int64
    grants: Int64
    fixed_cost: Int64
    clawback: Int64
    fine: Int64
    undetected: Int64
    fund_balance: Int64
    premiums: Int64
    levers: Float64
    marginal: dict[str, Float64] = field(default_factory=dict)
    people: list[dict[str, npt.NDArray[np.generic]]] = field(default_factory=list)
    ledger: dict[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    accounts: dict[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    claims: dict[str, npt.NDArray[np.generic]] | None = None
