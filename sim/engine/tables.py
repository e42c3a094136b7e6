"""What a person meets in a month, as flat tables for compiled code.

Knows the shapes that the stages of a month read; must not know how a contract is written, nor
which engine reads the tables. Shapes use n providers, Y payers, G groups, C conditions, A ages,
Z zones; money is in currency units (CNY) unless a name ends in ``fen``.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.benefits import BenefitTable

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

NO_GROUP = 255
LIMIT_RETURNS = 6  # return visits within one month, at most
SENIOR = 65  # years, from which a region's scales and shares of the old hold

# Bits of ``ep_flags``.
NEEDS_BED = 1
READMITTED = 2  # the open episode is a return within 30 days of a discharge
LISTED = 4  # waits for a bed on the list of ``wait_provider``
SEEN = 8  # has had a contact for this episode
PLANNED = 16  # the next stay of a course of care, not due before next month

# What ``course`` says: 0 nothing; below SESSIONS, planned stays to come; from it on, sessions for
# life for condition ``course - SESSIONS``.
SESSIONS = 200

# What the need stage reports of a person's month, as bits.
NEW_EPISODE = 1
ONSET = 2
WORSE = 4
BED_ARISES = 8
RESOLVED = 16


class NeedTable(NamedTuple):
    """Hazards of one month.

    death (A, 2) per year without conditions; death_ratio (2^C,) by conditions and death_control
    (2^C,) by controlled ones; onset (C, A) per year; onset_control (C, C) ratio on the column's
    onset when the row is controlled; onset_bound (A,) chance of any onset at most; remission and
    decay (C,) chances per month, gain (C,) per year; rate (A, 2, G) episodes
    per person-month without conditions, season included; total (A, 2) its sum; ratio (2^C, G) and
    control_ratio (2^C, G); level (G, 3) cumulative shares; prob_bed, self_limiting, worsening,
    utility_loss (G,); utility (A,) and decrement (2^C,) QALYs per year; untreated_death ratio;
    sessions_onset (C,) chance per month that a case comes to need regular sessions for life, and
    sessions_death (C,) ratio on deaths while on them.
    """

    death: Float
    death_ratio: Float
    death_control: Float
    onset: Float
    onset_control: Float
    onset_bound: Float
    remission: Float
    gain: Float
    decay: Float
    rate: Float
    total: Float
    ratio: Float
    control_ratio: Float
    level: Float
    prob_bed: Float
    self_limiting: Float
    worsening: Float
    utility_loss: Float
    utility: Float
    decrement: Float
    untreated_death: float
    sessions_onset: Float
    sessions_death: Float


class SeekTable(NamedTuple):
    """What choosing a provider turns on.

    options (Z, K) providers to choose from besides the own practice, -1 where none; kind (n,);
    log_minutes (Z, n); serves (n, G); wait (n,) months; constant (3, n)
    by class of care; slope (3,) per unit of severity rank by kind of provider; seek (G,) and
    seek_slope; sensitivities per unit; price_half the payment that weighs half of
    the most any can, months of income, 0 where every unit weighs the same;
    dissimilarity of practices, of hospitals, of seeking.
    price has shape (R, 6, 2, 2, n): benefit package, entitlement, cover used up, contract there,
    provider; uncovered (R, n) the part of it that no account pays, account_weight what a unit of
    currency in an account weighs against cash.
    """

    options: Int
    kind: Int
    log_minutes: Float
    serves: npt.NDArray[np.bool_]
    price: Float
    uncovered: Float
    account_weight: float
    wait: Float
    constant: Float
    slope: Float
    care_class: Int
    visit_need: Float
    seek: Float
    seek_slope: float
    price_weight: float
    price_half: float
    distance_weight: float
    distance_relief: float
    wait_weight: float
    experience_weight: float
    own_practice: float
    within_practices: float
    within_hospitals: float
    over_care: float
    comply: float
    scratch: Float  # (K + 1,) room for the options' utilities


class ReferTable(NamedTuple):
    """Treat or refer: what enters the utilities of a practice.

    margin (n, Y, G) of treating and receipts (n, Y) of referring, net of cost; elsewhere (n, Y)
    receipts per unit of members' spending elsewhere; spending (G,) expected there; health and
    failure (n, G) QALYs kept by treatment and lost when treatment fails; own_here (n,) and
    own_there (G,) patient's cost; access (n,) loss of access; return_cost, time_price (n,);
    money, altruism (n,) weights; precision (n,) per currency; constant (n, G) log-odds; limit
    (n, G) normal quantile of the severest rank within reach; skill (n,); steepness (n,).
    """

    margin: Float
    receipts: Float
    elsewhere: Float
    spending: Float
    health: Float
    failure: Float
    own_here: Float
    own_there: Float
    access: Float
    return_cost: Float
    time_price: Float
    money: Float
    altruism: Float
    precision: Float
    constant: Float
    limit: Float
    skill: Float
    steepness: Float
    noise: float
    value: float
    oop_weight: float


class TreatTable(NamedTuple):
    """Outpatient treatment.

    style (n, Y, G, 4) practised over appropriate units; curvature (n, G, 4) of utility in that
    ratio; need (G,) appropriate units of each component for a case of mean severity; price and
    cost (n, 4) per unit; at_stake (n, G, 4) QALYs; sd_severity (G,); reach (n, G) severest
    rank within reach; returns (n, Y, G) mean
    contacts asked back this month, follow (G,) contacts due in later months; low_value (n, Y, G)
    chance; low_component (G,), low_units (G,), low_harm (G,); covered (n, 2) share of charges;
    recovery base, ratio beyond capability, slope; accept_price sensitivity of return visits;
    haste (n,) QALYs lost a visit for its length.
    """

    style: Float
    curvature: Float
    need: Float
    price: Float
    price_level: Float
    cost: Float
    at_stake: Float
    sd_severity: Float
    reach: Float
    returns: Float
    follow: Float
    low_value: Float
    low_component: Int
    low_units: Float
    low_harm: Float
    covered: Float
    quality: Float
    recovery: float
    incapable_ratio: float
    recovery_slope: float
    return_price: float
    price_half: float
    precision: float
    haste: Float


class AdmitTable(NamedTuple):
    """Admit, defer, transfer or refuse, by provider, payer, group, level (n, Y, G, 3) unless said.

    fixed and rising: margin of a stay, the second times severity; list_fixed, list_rising the same
    at list price; later_fixed, later_rising what such a stay has earned over the last year; price
    (n, G, 3) list price of a mean stay; sensitivity (G,) share of it within which money is felt in
    full; refuse, defer, transfer, idle (n, G) log-odds constants of the baseline; health (n, G)
    QALYs lost by a month without the bed; money, altruism (n,) weights; bed (n,) shadow price of a
    bed-day; days (G, 3) needed; elective (G,); reach (n, G) severest rank among bed cases within
    reach; up (n,) provider to transfer to or -1; own (n, Y) patient's share of the price. charge
    is the covered charge expected of a stay of severity 1; amounts and slopes (n, Y, G, 3, S) what
    a case and a yuan charged bring on the side where it lands, parted by bounds (n, Y, G, 3,
    S - 1); up_share the share billed one level up. Of observation: observes (n,) whether there are
    beds for it; observe_fixed (n, Y) and observe_rising (n, Y, G) margin of a case, the second
    times severity, observe_list (n, Y, G) the latter at list price; observe (n, G) log-odds against
    admitting a case that needs a bed, observe_light (n, G) against sending home one that does not;
    observe_loss (n, G) QALYs a needed day; observe_own (n, Y, G) patient's payment.
    """

    fixed: Float
    rising: Float
    list_fixed: Float
    list_rising: Float
    later_fixed: Float
    later_rising: Float
    price: Float
    sensitivity: Float
    refuse: Float
    defer: Float
    transfer: Float
    idle: Float
    health: Float
    money: Float
    altruism: Float
    bed: Float
    days: Float
    elective: npt.NDArray[np.bool_]
    reach: Float
    up: Int
    serves: npt.NDArray[np.bool_]
    prob_bed: Float
    sd_severity: Float
    own: Float
    value: float
    oop_weight: float
    tau_admit: float
    tau_transfer: float
    penalty: float
    effort_transfer: float
    delay_discount: float
    beyond_loss: float
    urgency: float
    charge: Float
    bounds: Float
    amounts: Float
    slopes: Float
    up_share: Float
    has_sides: bool
    observes: npt.NDArray[np.bool_]
    observe_fixed: Float
    observe_rising: Float
    observe_list: Float
    observe: Float
    observe_light: Float
    observe_loss: Float
    observe_own: Float
    observe_days: float
    tau_observe: float


class StayTable(NamedTuple):
    """Inpatient treatment.

    style (S, n, Y, G, 4) by the side on which the case is expected to land, told by charge (n, Y,
    G, 3) per severity and style_bounds (n, Y, G, 3, S - 1); curvature (n, G, 4), need (G, 3, 4)
    units of a stay by level and component; price, cost (n, 4); at_stake (n, G, 4) QALYs a unit;
    money (n,); bands (n, Y, G, B) practised receipts of one more day in each band, parted by
    last_day (n, Y, B - 1); amounts, slopes (n, Y, G, 3, S) and bounds of the sides that days may
    carry the case over; has_schedule whether any of that bends; day_stake (n, G); day_price,
    day_cost (n,); day_loss (n, G) QALYs per needed day; needed_days (G, 3); up_share (n, Y, G, 3)
    chance of billing the next level; document (n,) chance that true complexity reaches the claim;
    fatality (G, 3), readmission (G,); quality (n,) relative quality; slopes of outcomes. Of modes:
    mode_share (G, M) indicated, mode_pull (n, Y, G, M) log-odds, mode_firmness (n, G) log-odds a
    step from what is indicated, mode_need (G, M, 4), mode_days and mode_risk (G, M) ratios,
    mode_loss (n, G) QALYs a step. split (n, Y, G) chance of billing one stay as two. Of sending
    down: recovery share of days, send_base probability at list price, send_precision (n, G) per
    currency, send_receipt (n, Y, G) of a late day and send_referral (n, Y), send_list (n, Y) saved
    by a day at list price, send_cut (n, Y, G, 3) receipts of a whole case that a stay lacks which
    ends elsewhere, whole over whole_days (n, Y, G). Of observation: observe_units of a mean visit
    that a case of mean severity has, observe_days in bed. Of aftercare: after_at the facilities'
    row, -1 for none; after_odds (n, G, 2) log-odds at list price below and from 65; after_days (G,)
    needed, 0 for none; after_receipt (n, Y, G) of a day there; after_saved (n, Y, G) by a last day
    of the stay that is moved there, after_saved_list (n, Y) at list price, after_cut (n, Y, G, 3)
    as send_cut; after_stake (n, G) and after_value (n, G) currency of health at stake in a day and
    per severity rank; after_precision (n, G);
    after_loss (G,) QALYs a needed day and after_gain (G,) per severity rank; after_moved share of
    the stay's days; after_return share of readmissions that needed aftercare averts.
    """

    style: Float
    curvature: Float
    need: Float
    price: Float
    price_level: Float
    cost: Float
    at_stake: Float
    money: Float
    charge: Float
    style_bounds: Float
    bands: Float
    last_day: Float
    bounds: Float
    amounts: Float
    slopes: Float
    has_schedule: bool
    mode_share: Float
    mode_pull: Float
    mode_firmness: Float
    mode_need: Float
    mode_days: Float
    mode_risk: Float
    mode_loss: Float
    split: Float
    recovery: float
    send_base: float
    send_precision: Float
    send_receipt: Float
    send_referral: Float
    send_list: Float
    send_cut: Float
    whole_days: Float
    observe_units: float
    observe_days: float
    after_at: int
    after_odds: Float
    after_days: Float
    after_receipt: Float
    after_saved: Float
    after_saved_list: Float
    after_cut: Float
    after_stake: Float
    after_value: Float
    after_precision: Float
    after_loss: Float
    after_gain: Float
    after_moved: float
    after_return: float
    scratch: Float  # (longest,) room for the receipts of stays of every length
    day_stake: Float
    day_price: Float
    day_cost: Float
    day_loss: Float
    needed_days: Float
    up_share: Float
    document: Float
    fatality: Float
    readmission: Float
    covered: Float
    quality: Float
    sd_severity: Float
    prob_bed: Float
    weight: Float
    avoidable: Float
    precision: float
    day_slope: float
    unit_slope: float
    death_slope: float
    longest: int


class MemberTable(NamedTuple):
    """What belonging to a place and a practice means this month.

    kind, beds, is_town; outside (n,) of the region; minutes (Z, n) one-way; home_practice (Z,);
    serves (n, G); prevention (n,) preventive effect and contact (n,) chance of a preventive contact
    of a chronic member;
    risk_milli (A, 2) risk weight; avoidable_milli (G,); elective (G,); follow_after_stay (G,)
    contacts due after a stay; used_up (R, 6) fen of outpatient payments that use up the cover;
    leave_list chance per month; frailty_sd; experience_step; follow_per_month; listed_from (Y, C)
    log frailty from which a case has a stage that the special list accepts; planned_start (G,)
    share of needed stays that start a course of planned_fewest to planned_most (G,) further ones;
    sessions_month (C,) sessions a month of a course for life, of sessions_group (C,), each needing
    sessions_need (C,) of a visit's units; sessions_at (Z, C) where, -1 nowhere;
    deductible_met (R,) fen of own payments that meet an annual deductible; newborn_payer (Y,) whom
    a newborn in a member's place belongs to; senior_payer from senior_months of age on, -1 if
    none.
    """

    kind: Int
    beds: Float
    is_town: Int
    minutes: Float
    home_practice: Int
    serves: npt.NDArray[np.bool_]
    prevention: Float
    contact: Float
    risk_milli: Int
    avoidable_milli: Int
    elective: npt.NDArray[np.bool_]
    follow_after_stay: Int
    used_up: Int
    deductible_met: Int
    newborn_payer: Int
    senior_payer: int
    senior_months: int
    leave_list: float
    frailty_sd: float
    experience_step: float
    follow_per_month: int
    listed_from: Float
    opens: Int
    planned_start: Float
    planned_fewest: Int
    planned_most: Int
    sessions_month: Int
    sessions_group: Int
    sessions_need: Float
    sessions_at: Int
    outside: npt.NDArray[np.bool_]


class Treatment(NamedTuple):
    """What one outpatient contact, with its return visits, came to (integers as tallied)."""

    visits: int
    units: tuple[int, int, int, int]
    needs: tuple[int, int, int, int]
    low_value: bool
    charge_fen: int
    cost_fen: int
    intensity: float
    loss_micro: int
    recovered: bool
    follow: int


class Stay(NamedTuple):
    """What one stay came to (integers as tallied)."""

    billed: int
    days: int
    needed_days: int
    units: tuple[int, int, int, int]
    needs: tuple[int, int, int, int]
    charge_fen: int
    cost_fen: int
    intensity: float
    loss_micro: int
    died: bool
    readmitted: bool
    weight: int
    mode: int
    indicated: int
    bills: int  # stays billed, 1 or 2
    rest: int  # days left to a bed nearer home
    after: int  # days of aftercare in a facility


class Observed(NamedTuple):
    """What a case under observation came to: outpatient care, and how it ended."""

    care: Treatment
    died: bool
    readmitted: bool
    days_milli: int


class PriceTable(NamedTuple):
    """What a contact costs whom: cost sharing, expected own payment, the referring contact.

    visit (R, 6, 2, 2, n) own payment expected for a contact of mean need, uncovered (R, n) the
    part of it outside the catalogue; account_weight as in :class:`SeekTable`; consult (Y, n) the
    referring contact as a treatment, its cost (n,).
    """

    benefits: BenefitTable
    visit: Float
    uncovered: Float
    account_weight: float
    covered: Float
    consult_fen: Int
    consult_cost_fen: Int
