"""One person's month as scalar stages; both engines call these and nothing else.

Each stage takes one person's values and the month's tables and returns new values; it changes
nothing. Knows the order of a person's decisions and draws; must not know arrays of people, agents
or contracts.
"""

import numpy as np

from sim.behavior.admission import (
    admit_utility,
    defer_utility,
    refuse_utility,
    transfer_utility,
)
from sim.behavior.choice import (
    UNAVAILABLE,
    choice_precision,
    choose4,
    diminished_price,
    felt_payment,
    inclusive_value,
    nest_weight,
    prob_second,
    provider_utility,
)
from sim.behavior.discharge import days_of_aftercare, gain_of_facility, prob_facility
from sim.behavior.income import diminishing
from sim.behavior.intensity import practised_quantity
from sim.behavior.joining import prob_join
from sim.behavior.mode import choose_mode, indicated_mode
from sim.behavior.recovery import prob_send_down, saved_by_sending
from sim.behavior.referral import (
    expected_severity,
    prob_failure,
    prob_refer,
    refer_utility,
    signal,
    treat_utility,
)
from sim.behavior.sides import fill_stay_receipts, side_of, side_receipts
from sim.behavior.stay import draw_stay, draw_stay_schedule
from sim.engine.tables import (
    BED_ARISES,
    LIMIT_RETURNS,
    LISTED,
    NEEDS_BED,
    NEW_EPISODE,
    NO_GROUP,
    ONSET,
    PLANNED,
    READMITTED,
    RESOLVED,
    SEEN,
    SESSIONS,
    WORSE,
    AdmitTable,
    Keys,
    MemberTable,
    NeedTable,
    Observed,
    ReferTable,
    SeekTable,
    Stay,
    StayTable,
    Treatment,
    TreatTable,
)
from sim.health.need import (
    control_gain,
    death_probability,
    is_bed_needed,
    monthly_probability,
    rank_among_bed_cases,
    severity_multiplier,
    worsened_rank,
)
from sim.health.outcome import (
    death_in_stay,
    loss_of_short_days,
    misuse_loss,
    readmission_probability,
    recovery_probability,
)
from sim.numerics import compiled, exp, inlined, log, logistic, normal_quantile
from sim.randomness import Decision, normal, subkey, uniform

# Compiled code reads plain integers, not members of an enumeration.
_DEATH = int(Decision.DEATH)
_ENTRANT = int(Decision.ENTRANT)
_ONSET = int(Decision.CHRONIC_ONSET)
_CONTROL = int(Decision.CONTROL)
_ARRIVAL = int(Decision.EPISODE_ARRIVAL)
_GROUP = int(Decision.EPISODE_GROUP)
_SEVERITY = int(Decision.EPISODE_SEVERITY)
_LEVEL = int(Decision.EPISODE_LEVEL)
_WORSENING = int(Decision.WORSENING)
_SEEK = int(Decision.SEEK_CARE)
_CHOICE = int(Decision.PROVIDER_CHOICE)
_ADHERENCE = int(Decision.ADHERENCE)
_SIGNAL = int(Decision.SIGNAL)
_REFER = int(Decision.TREAT_OR_REFER)
_WHICH_HOSPITAL = int(Decision.REFERRAL_HOSPITAL)
_DRUGS = int(Decision.INTENSITY_DRUGS)
_LOW_VALUE = int(Decision.LOW_VALUE)
_ASK_BACK = int(Decision.ASK_BACK)
_RECOVERY = int(Decision.RECOVERY)
_PREVENTION = int(Decision.PREVENTION)
_JOIN = int(Decision.JOIN_LIST)
_ADMISSION = int(Decision.ADMISSION)
_STAY = int(Decision.STAY)
_MODE = int(Decision.MODE)
_INDICATED = int(Decision.MODE_INDICATED)
_SPLIT = int(Decision.SPLIT)
_SEND_DOWN = int(Decision.SEND_DOWN)
_DISCHARGE = int(Decision.DISCHARGE)
_AFTERCARE_DAYS = int(Decision.AFTERCARE_DAYS)
_UPCODING = int(Decision.UPCODING)
_DOCUMENTATION = int(Decision.DOCUMENTATION)
_STAY_DRUGS = int(Decision.HOSPITAL_DRUGS)
_READMISSION = int(Decision.READMISSION)
_STAY_DEATH = int(Decision.EPISODE_DEATH)
_PROGRESSION = int(Decision.CHRONIC_PROGRESSION)
_COURSE = int(Decision.COURSE)
_COURSE_SESSIONS = int(Decision.COURSE_SESSIONS)

N_DECISIONS = max(int(d) for d in Decision) + 1

# Where a person's counts of months and stays end.
LONGEST_UNTREATED = 60
LONGEST_COUNT = 250

# Answers of :func:`admission`.
NOTHING, ADMIT, DEFER, TRANSFER, REFUSE, OBSERVE = 0, 1, 2, 3, 4, 5

# Ranks are kept in single precision, where the next number would be 1: infinitely severe.
MOST_SEVERE = 0.9999999


@inlined
def need(
    age_months: int,
    sex: int,
    chronic: int,
    control: int,
    frailty: float,
    group: int,
    level: int,
    rank: float,
    untreated: int,
    flags: int,
    course: int,
    prevention: float,
    uid: int,
    keys: Keys,
    table: NeedTable,
) -> tuple[bool, int, int, int, int, float, int, int, int, int, int]:
    """Live one month of need: death, chronic change, illness old and new.

    Parameters
    ----------
    age_months, sex, chronic, control, group, level, untreated, flags, course : int
        The person's columns; ``group`` is ``NO_GROUP`` without an open episode.
    frailty, rank : float
        Log hazard multiplier; severity rank of the open episode.
    prevention : float
        Preventive effect of the person's practice relative to baseline.
    uid : int
        The person.
    keys : uint64, shape (decisions,)
        Keys of this month.
    table : NeedTable

    Returns
    -------
    tuple
        ``(is_alive, chronic, control, group, level, rank, untreated, flags, course, events,
        qaly_micro)`` with ``events`` as bits.
    """
    age = age_months // 12
    if age > 100:
        age = 100
    events = 0
    person = np.uint64(uid)

    severity_ratio = 1.0
    if group != NO_GROUP and (flags & (NEEDS_BED | PLANNED)) == NEEDS_BED:
        severity_ratio = table.untreated_death
    if course >= SESSIONS:
        severity_ratio *= table.sessions_death[course - SESSIONS]
    prob_death = death_probability(
        table.death[age, sex],
        table.death_ratio[chronic] * table.death_control[control & chronic],
        severity_ratio,
    )
    if uniform(keys[_DEATH], person) < prob_death:
        return False, chronic, control, group, level, rank, untreated, flags, course, events, 0

    u = uniform(keys[_ONSET], person)
    cumulative = 0.0
    # Most people are spared whatever they have: the bound tells without adding up.
    n_conditions = table.onset.shape[0] if u < table.onset_bound[age] else 0
    for c in range(n_conditions):
        if (chronic >> c) & 1 == 0:
            hazard = table.onset[c, age]
            if hazard > 0.0:
                for other in range(table.onset.shape[0]):
                    if (control >> other) & 1:
                        hazard *= table.onset_control[other, c]
                cumulative += monthly_probability(hazard / 12.0)
                if u < cumulative:
                    chronic |= 1 << c
                    events |= ONSET
                    break
    if chronic != 0:
        for c in range(table.onset.shape[0]):
            bit = 1 << c
            if chronic & bit:
                u = uniform(np.uint64(subkey(keys[_CONTROL], np.uint64(c))), person)
                if u < table.remission[c]:
                    chronic &= ~bit
                    control &= ~bit
                elif control & bit:
                    # The upper end of the same draw: gaining and losing control stay monotone.
                    if 1.0 - u < table.decay[c]:
                        control &= ~bit
                elif 1.0 - u < control_gain(table.gain[c], prevention):
                    control |= bit
                if course == 0 and chronic & bit and table.sessions_onset[c] > 0.0:
                    u = uniform(np.uint64(subkey(keys[_PROGRESSION], np.uint64(c))), person)
                    if u < table.sessions_onset[c]:
                        course = SESSIONS + c

    lost_year = 0.0
    if group != NO_GROUP:
        u = uniform(keys[_WORSENING], person)
        if untreated > 0 and u < table.self_limiting[group] * (1.0 - rank):
            group, flags, untreated = NO_GROUP, 0, 0
            if course < SESSIONS:
                course = 0
            events |= RESOLVED
        else:
            lost_year = table.utility_loss[group] * 12.0 * rank
            if untreated > 0:
                rank = worsened_rank(rank, table.worsening[group])
                if (flags & NEEDS_BED) == 0 and is_bed_needed(rank, table.prob_bed[group]):
                    flags |= NEEDS_BED
                    events |= WORSE | BED_ARISES
    else:
        hazard = 0.0
        multiplier = exp(frailty)
        controlled = control & chronic
        if chronic == 0:
            hazard = table.total[age, sex] * multiplier
        else:
            for g in range(table.rate.shape[2]):
                hazard += (
                    table.rate[age, sex, g]
                    * table.ratio[chronic, g]
                    * table.control_ratio[controlled, g]
                )
            hazard *= multiplier
        if uniform(keys[_ARRIVAL], person) < monthly_probability(hazard):
            target = uniform(keys[_GROUP], person) * hazard / multiplier
            last = NO_GROUP
            cumulative = 0.0
            for g in range(table.rate.shape[2]):
                weight = table.rate[age, sex, g]
                if chronic != 0:
                    weight *= table.ratio[chronic, g] * table.control_ratio[controlled, g]
                if weight > 0.0:
                    last = g
                    cumulative += weight
                    if target < cumulative:
                        break
            if last != NO_GROUP:
                group = last
                rank = uniform(keys[_SEVERITY], person)
                u = uniform(keys[_LEVEL], person)
                level = 0
                if u >= table.level[group, 0]:
                    level = 1 if u < table.level[group, 1] else 2
                untreated = 0
                flags = 0
                events |= NEW_EPISODE
                if is_bed_needed(rank, table.prob_bed[group]):
                    flags = NEEDS_BED
                    events |= BED_ARISES
                lost_year = table.utility_loss[group] * 12.0 * rank
    if rank > MOST_SEVERE:
        rank = MOST_SEVERE
    year = table.utility[age] - table.decrement[chronic] - lost_year
    if year < 0.0:
        year = 0.0
    micro = int(np.floor(year / 12.0 * 1e6 + 0.5))
    return True, chronic, control, group, level, rank, untreated, flags, course, events, micro


@compiled
def entrant(uid: int, keys: Keys, frailty_sd: float) -> tuple[int, float]:
    """Give the newborn who takes the slot of someone who died a sex and a frailty.

    Returns
    -------
    tuple of int, float
        Sex (0 male, 1 female) and log frailty with mean of its exponential 1.
    """
    person = np.uint64(uid)
    sex = 0 if uniform(keys[_ENTRANT], person) < 0.512 else 1
    z = normal(np.uint64(subkey(keys[_ENTRANT], np.uint64(1))), person)
    return sex, frailty_sd * z - 0.5 * frailty_sd * frailty_sd


@inlined
def seek(
    group: int,
    rank: float,
    cover: int,
    entitled: int,
    is_used_up: int,
    has_contract: int,
    income: float,
    zone: int,
    practice: int,
    experience_practice: float,
    experience_secondary: float,
    experience_tertiary: float,
    account_fen: int,
    sent_by: int,
    uid: int,
    keys: Keys,
    table: SeekTable,
) -> int:
    """Choose whether and where to be seen: nested logit over no care, practices and hospitals.

    Parameters
    ----------
    cover : int
        Row of the person's benefit package.
    account_fen : int
        What is in the person's individual account, felt less than cash.
    sent_by : int
        The practice that has sent the person up, so that only hospitals count and going is
        likelier; -1 for nobody.

    Returns
    -------
    int
        The provider, or -1 for no care this month.
    """
    person = np.uint64(uid)
    is_referred = sent_by >= 0
    care = table.care_class[group]
    width = table.options.shape[1]
    n_options = width + 1
    utilities = table.scratch
    best = UNAVAILABLE
    for j in range(n_options):
        k = practice if j == width else table.options[zone, j]
        utilities[j] = UNAVAILABLE
        if k < 0 or (j < width and k == practice):
            continue
        kind = table.kind[k]
        if not table.serves[k, group] or (is_referred and kind == 0):
            continue
        is_own = 1 if k == practice else 0
        price = felt_payment(
            table.price[cover, entitled, is_used_up, has_contract * is_own, k]
            * table.visit_need[group],
            table.uncovered[cover, k] * table.visit_need[group],
            account_fen * 0.01,
            table.account_weight,
        )
        experience = experience_practice
        if kind == 1:
            experience = experience_secondary
        elif kind == 2:
            experience = experience_tertiary
        constant = table.constant[care, k] + table.slope[kind] * (rank - 0.5)
        if is_own:
            constant += table.own_practice
        v = provider_utility(
            constant,
            diminished_price(price, income / 12.0, table.price_half),
            income / 12.0,
            table.price_weight,
            table.log_minutes[zone, k],
            table.distance_weight * (1.0 - table.distance_relief * rank),
            table.wait[k],
            table.wait_weight,
            experience,
            table.experience_weight,
        )
        utilities[j] = v
        if v > best:
            best = v
    if best == UNAVAILABLE:
        return -1
    sum_practices = 0.0
    sum_hospitals = 0.0
    for j in range(n_options):
        if utilities[j] > UNAVAILABLE:
            k = practice if j == width else table.options[zone, j]
            if table.kind[k] == 0:
                utilities[j] = nest_weight(utilities[j] - best, table.within_practices)
                sum_practices += utilities[j]
            else:
                utilities[j] = nest_weight(utilities[j] - best, table.within_hospitals)
                sum_hospitals += utilities[j]
        else:
            utilities[j] = 0.0
    nest_practices = exp(inclusive_value(sum_practices, table.within_practices))
    nest_hospitals = exp(inclusive_value(sum_hospitals, table.within_hospitals))
    both = nest_practices + nest_hospitals
    care_utility = table.over_care * best + inclusive_value(both, table.over_care)
    care_utility += table.seek[group]
    care_utility += table.seek_slope * (rank - 0.5)
    if is_referred:
        care_utility += table.comply
    key_seek = keys[_ADHERENCE] if is_referred else keys[_SEEK]
    if uniform(key_seek, person) >= logistic(care_utility):
        return -1
    u = uniform(keys[_WHICH_HOSPITAL] if is_referred else keys[_CHOICE], person) * both
    chosen = -1
    if u < nest_practices:
        u = u / nest_practices * sum_practices
        wants_practice = True
    else:
        u = (u - nest_practices) / nest_hospitals * sum_hospitals
        wants_practice = False
    for j in range(n_options):
        if utilities[j] > 0.0:
            k = practice if j == width else table.options[zone, j]
            if (table.kind[k] == 0) == wants_practice:
                chosen = k
                u -= utilities[j]
                if u < 0.0:
                    break
    return chosen


@inlined
def refers(
    p: int, payer: int, group: int, rank: float, uid: int, keys: Keys, table: ReferTable
) -> bool:
    """Decide between treating and referring on a noisy signal of severity.

    Parameters
    ----------
    p, payer, group : int
        The practice, the person's payer, the clinical group.
    rank : float
        True severity rank; the practice sees its normal quantile plus noise.

    Returns
    -------
    bool
        True to refer.
    """
    person = np.uint64(uid)
    skill = table.skill[p]
    seen = signal(normal_quantile(rank), table.noise, skill, normal(keys[_SIGNAL], person))
    severity = expected_severity(seen, 0.0, 1.0, table.noise, skill)
    fails = prob_failure(severity, table.limit[p, group], table.steepness[p], 0.0)
    health = table.health[p, group]
    # A case beyond reach comes back and goes to hospital all the same: keeping it saves nothing of
    # what members spend elsewhere.
    downstream = table.spending[group] * table.elsewhere[p, payer]
    treating = treat_utility(
        table.margin[p, payer, group],
        table.money[p],
        table.altruism[p],
        table.value,
        health - fails * table.failure[p, group],
        table.oop_weight,
        table.own_here[p],
        fails,
        table.return_cost[p] - downstream,
        table.time_price[p],
    )
    referring = refer_utility(
        table.receipts[p, payer],
        table.money[p],
        table.altruism[p],
        table.value,
        health,
        table.oop_weight,
        table.own_there[group],
        table.spending[group],
        table.elsewhere[p, payer],
        table.access[p],
    )
    prob = prob_refer(treating, referring, table.precision[p], table.constant[p, group])
    return uniform(keys[_REFER], person) < prob


@compiled
def draw_count(mean: float, u: float, largest: int) -> int:
    """Return a Poisson count by inversion of its distribution, at most ``largest``."""
    term = exp(-mean)
    cumulative = term
    count = 0
    while u >= cumulative and count < largest:
        count += 1
        term *= mean / count
        cumulative += term
    return count


@inlined
def outpatient_care(
    p: int,
    payer: int,
    group: int,
    needed: float,
    added_to: int,
    added: float,
    uid: int,
    first: int,
    keys: Keys,
    table: TreatTable,
) -> tuple[tuple[int, int, int, int], float, float, float, float]:
    """Give the components of outpatient care as they are practised.

    Parameters
    ----------
    p, payer, group : int
    needed : float
        Appropriate units of each component.
    added_to, added : int, float
        Component to which units of no value are added, -1 for none, and how many.
    uid, first : int
        Person, and the decision whose luck is that of the first component.

    Returns
    -------
    units : tuple of int
        Thousandths by component.
    charge, cost : float
        Thousandths of currency, at the provider's own prices.
    intensity : float
        Worth of what was given over that of what was needed.
    loss : float
        QALYs lost by misuse.
    """
    person = np.uint64(uid)
    charge = 0.0
    cost = 0.0
    worth_given = 0.0
    worth_needed = 0.0
    loss = 0.0
    u0 = u1 = u2 = u3 = 0
    for j in range(4):
        ratio = practised_quantity(
            table.style[p, payer, group, j],
            1.0,
            table.precision,
            table.curvature[p, group, j],
            uniform(keys[first + j], person),
        )
        given = ratio * needed
        worth_given += table.price[p, j] * given
        worth_needed += table.price[p, j] * needed
        loss += misuse_loss(given, needed, table.at_stake[p, group, j])
        if j == added_to:
            given += added
        milli = int(np.floor(given * 1000.0 + 0.5))
        charge += table.price[p, j] * milli
        cost += table.cost[p, j] * milli
        if j == 0:
            u0 = milli
        elif j == 1:
            u1 = milli
        elif j == 2:
            u2 = milli
        else:
            u3 = milli
    intensity = worth_given / worth_needed if worth_needed > 0.0 else 1.0
    return (u0, u1, u2, u3), charge, cost, intensity, loss


@inlined
def treat(
    p: int,
    setting: int,
    payer: int,
    group: int,
    rank: float,
    n_due: int,
    own_price: float,
    income: float,
    uid: int,
    keys: Keys,
    table: TreatTable,
) -> Treatment:
    """Treat a case as an outpatient: components, return visits, low-value service, recovery.

    Parameters
    ----------
    p, setting, payer, group : int
        Provider, 0 primary or 1 hospital outpatient, payer, clinical group.
    rank : float
        True severity rank.
    n_due : int
        Follow-up contacts due this month; 0 for a first contact of an episode.
    own_price, income : float
        Patient's payment per contact and yearly income; a return visit is refused by their ratio.

    Returns
    -------
    Treatment
    """
    person = np.uint64(uid)
    felt = diminished_price(own_price, income / 12.0, table.price_half)
    accept = exp(-table.return_price * felt * 12.0 / income)
    mean = table.returns[p, payer, group] * accept
    u = uniform(keys[_ASK_BACK], person)
    if n_due > 0:
        # The base counts are what the course of care foresees; style and price scale it.
        visits = 1 + draw_count(n_due * mean, u, LIMIT_RETURNS)
        follow = 0
    else:
        visits = 1 + draw_count(mean, u, LIMIT_RETURNS)
        due = table.follow[group]
        follow = int(due + uniform(np.uint64(subkey(keys[_ASK_BACK], np.uint64(1))), person))
    severity = severity_multiplier(rank, table.sd_severity[group])
    needed = table.need[group] * severity * visits
    low = uniform(keys[_LOW_VALUE], person) < table.low_value[p, payer, group]
    low_component = table.low_component[group]
    if low_component < 0:
        low = False
    need_milli = int(np.floor(needed * 1000.0 + 0.5))
    units, charge, cost, intensity, loss = outpatient_care(
        p,
        payer,
        group,
        needed,
        low_component if low else -1,
        table.low_units[group],
        uid,
        _DRUGS,
        keys,
        table,
    )
    if low:
        loss += table.low_harm[group]
    loss += table.haste[p] * visits
    is_capable = rank <= table.reach[p, group]
    chance = recovery_probability(
        table.recovery, is_capable, table.incapable_ratio, intensity, table.recovery_slope
    )
    chance = chance * table.quality[p]
    recovered = uniform(keys[_RECOVERY], person) < chance
    return Treatment(
        visits,
        units,
        (need_milli, need_milli, need_milli, need_milli),
        low,
        int(np.floor(charge * 0.1 * table.price_level[payer, setting] + 0.5)),
        int(np.floor(cost * 0.1 + 0.5)),
        intensity,
        int(np.floor(loss * 1e6 + 0.5)),
        recovered,
        follow,
    )


@compiled
def _expected_sides(
    p: int, payer: int, group: int, level: int, charge: float, table: AdmitTable
) -> float:
    """Return what the side brings on which a case of this charge lands, coding as practised."""
    own: float = side_receipts(
        charge,
        table.bounds[p, payer, group, level],
        table.amounts[p, payer, group, level],
        table.slopes[p, payer, group, level],
    )
    up = table.up_share[p, payer, group, level]
    if level == 2 or up == 0.0:
        return own
    above: float = side_receipts(
        charge,
        table.bounds[p, payer, group, level + 1],
        table.amounts[p, payer, group, level + 1],
        table.slopes[p, payer, group, level + 1],
    )
    both: float = own + up * (above - own)
    return both


@inlined
def admission(
    p: int,
    payer: int,
    group: int,
    level: int,
    rank: float,
    is_needed: bool,
    months_waited: int,
    uid: int,
    keys: Keys,
    table: AdmitTable,
) -> int:
    """Decide on a bed: admit, observe, defer, transfer, refuse or (where none is needed) nothing.

    Parameters
    ----------
    p, payer, group, level : int
        Provider with beds, payer, clinical group, true level.
    rank : float
        True severity rank, which a hospital sees.
    is_needed : bool
        Whether the case truly needs a bed.
    months_waited : int
        Months on the provider's list.

    Returns
    -------
    int
        ``NOTHING``, ``ADMIT``, ``DEFER``, ``TRANSFER``, ``REFUSE`` or ``OBSERVE``.

    Notes
    -----
    Utilities are those of :mod:`sim.behavior.admission`; margins enter through diminishing
    sensitivity around the margin at list price. Where a contract pays by the side of a threshold on
    which a case lands, the hospital foresees the side from severity and its own practice. Deferring
    brings what such a stay has earned over the last year, a month later; refusing and deferring
    lose a month's health, more for severe cases and for those who have waited. Where a hospital has
    beds for it, an urgent case may be observed: the bed then is needed for fewer days than the case
    needs, and the health that the missing days would bring is lost.
    """
    inside = rank_among_bed_cases(rank, table.prob_bed[group])
    if not is_needed:
        inside = 0.02 + 0.1 * inside
    severity = severity_multiplier(inside, table.sd_severity[group])
    price = table.price[p, group, level]
    reference = table.list_fixed[p, payer, group, level]
    reference += table.list_rising[p, payer, group, level] * severity
    margin = table.fixed[p, payer, group, level]
    margin += table.rising[p, payer, group, level] * severity
    by_side = 0.0
    if table.has_sides:
        by_side = _expected_sides(
            p, payer, group, level, table.charge[p, payer, group, level] * severity, table
        )
        margin += by_side
    scale = table.sensitivity[group] * price
    bed = table.bed[p] * table.days[group, level]
    own = table.own[p, payer] * price * severity
    health = 0.0
    if is_needed:
        health = table.health[p, group] * (0.5 + inside) * (1.0 + table.urgency * months_waited)
    admitting = admit_utility(
        diminishing(margin, reference, scale),
        table.money[p],
        table.altruism[p],
        table.value,
        health,
        table.oop_weight,
        own,
        bed,
    )
    u = uniform(keys[_ADMISSION], np.uint64(uid))
    precise = choice_precision(table.tau_admit, price)
    observing = UNAVAILABLE
    if table.observes[p] and not table.elective[group]:
        usual = table.observe_list[p, payer, group] * severity
        money = table.observe_fixed[p, payer]
        money += table.observe_rising[p, payer, group] * severity
        missed = 0.0
        if is_needed:
            needed = table.days[group, level] * np.sqrt(severity)
            missed = loss_of_short_days(table.observe_loss[p, group], needed, table.observe_days)
        observing = choice_precision(table.tau_observe, price) * admit_utility(
            diminishing(money, usual, scale),
            table.money[p],
            table.altruism[p],
            table.value,
            health - missed,
            table.oop_weight,
            table.observe_own[p, payer, group] * severity,
            0.0,
        )
        if not is_needed:
            answer = choose4(
                0.0,
                table.idle[p, group] + precise * admitting,
                table.observe_light[p, group] + observing,
                UNAVAILABLE,
                1.0,
                u,
            )
            return OBSERVE if answer == 2 else answer
        # Both are utilities of treating the case here, so their difference is what counts.
        observing -= choice_precision(table.tau_observe, price) * admitting
        observing += table.observe[p, group]
    if not is_needed:
        return ADMIT if u < prob_second(0.0, admitting, precise, table.idle[p, group]) else NOTHING
    # Turning away somebody who can wait is deferring; anybody else is refused.
    refuse = UNAVAILABLE
    # Only who can wait is deferred and only who cannot is observed: the second option is either.
    defer = observing
    if not table.elective[group]:
        refusing = refuse_utility(table.altruism[p], table.value, 0.0, table.penalty * price)
        refuse = table.refuse[p, group] + precise * (refusing - admitting)
    else:
        later = table.later_fixed[p, payer, group, level]
        later += table.later_rising[p, payer, group, level] * severity
        # The side on which this case lands is known; only the rest has to be guessed.
        later += by_side
        deferring = defer_utility(
            diminishing(later, reference, scale),
            table.money[p],
            table.altruism[p],
            table.value,
            health,
            health,
            table.oop_weight,
            own,
            table.delay_discount,
        )
        defer = table.defer[p, group] + precise * (deferring - admitting)
    transfer = UNAVAILABLE
    up = table.up[p]
    if up >= 0 and table.serves[up, group]:
        gain = table.beyond_loss * health if inside > table.reach[p, group] else 0.0
        transferring = transfer_utility(
            0.0,
            table.money[p],
            table.altruism[p],
            table.value,
            health + gain,
            table.oop_weight,
            own,
            0.0,
            0.0,
            table.effort_transfer * price,
        )
        transfer = table.transfer[p, group]
        transfer += choice_precision(table.tau_transfer, price) * (transferring - admitting)
    answer = ADMIT + choose4(0.0, defer, transfer, refuse, 1.0, u)
    return OBSERVE if answer == DEFER and not table.elective[group] else answer


@compiled
def observe(
    p: int,
    payer: int,
    group: int,
    level: int,
    rank: float,
    is_needed: bool,
    uid: int,
    keys: Keys,
    treating: TreatTable,
    table: StayTable,
) -> Observed:
    """Keep a case under observation: outpatient care in a bed, and how it ends.

    The luck is that of the stay it stands for. A case leaves after the days of observation whatever
    it needs; what is missing lowers health and raises the chance of a return, as in a short stay.

    Parameters
    ----------
    p, payer, group, level : int
    rank : float
        True severity rank of the episode.
    is_needed : bool
        Whether the case truly needs a bed.

    Returns
    -------
    Observed
    """
    person = np.uint64(uid)
    inside = rank_among_bed_cases(rank, table.prob_bed[group])
    if not is_needed:
        inside = 0.02 + 0.1 * inside
    severity = severity_multiplier(inside, table.sd_severity[group])
    needed = table.observe_units * severity
    needed_days = table.observe_days
    loss = 0.0
    if is_needed:
        needed_days = max(table.needed_days[group, level] * np.sqrt(severity), table.observe_days)
        loss = loss_of_short_days(table.day_loss[p, group], needed_days, table.observe_days)
    need_milli = int(np.floor(needed * 1000.0 + 0.5))
    units, charge, cost, intensity, misused = outpatient_care(
        p, payer, group, needed, -1, 0.0, uid, _STAY_DRUGS, keys, treating
    )
    loss += misused
    fatality = 0.0
    if is_needed:
        fatality = table.fatality[group, level] * severity
    died = uniform(keys[_STAY_DEATH], person) < death_in_stay(
        fatality, intensity, table.death_slope, table.quality[p]
    )
    readmitted = False
    if not died:
        chance = readmission_probability(
            table.readmission[group],
            table.observe_days,
            needed_days,
            table.day_slope,
            intensity,
            table.unit_slope,
            table.quality[p],
        )
        readmitted = uniform(keys[_READMISSION], person) < chance
    care = Treatment(
        1,
        units,
        (need_milli, need_milli, need_milli, need_milli),
        False,
        int(np.floor(charge * 0.1 * treating.price_level[payer, 1] + 0.5)),
        int(np.floor(cost * 0.1 + 0.5)),
        intensity,
        int(np.floor(loss * 1e6 + 0.5)),
        not readmitted,
        0,
    )
    return Observed(care, died, readmitted, int(np.floor(table.observe_days * 1000.0 + 0.5)))


@compiled
def lacking_part(days: float, whole_days: float) -> float:
    """Return what a stay lacks of a whole case when it goes on in another bed.

    Parameters
    ----------
    days : float
        Days of the stay.
    whole_days : float
        Days over which its payment is spread, the first counted twice; 0: it is paid whole.

    Returns
    -------
    float
        ``max(0, 1 - (days + 1) / whole_days)``.
    """
    if whole_days <= 0.0:
        return 0.0
    return max(0.0, 1.0 - (days + 1.0) / whole_days)


@inlined
def stay(
    p: int,
    payer: int,
    group: int,
    level: int,
    rank: float,
    is_needed: bool,
    has_bed_below: bool,
    is_senior: bool,
    uid: int,
    keys: Keys,
    table: StayTable,
) -> Stay:
    """Treat a stay: days, components, what is billed, and how it ends.

    Parameters
    ----------
    p, payer, group, level : int
        Provider, payer, clinical group and true level.
    rank : float
        True severity rank of the episode.
    is_needed : bool
        Whether the case truly needed the bed.
    has_bed_below : bool
        Whether the practice at home has beds, so that the last days may be spent there.
    is_senior : bool
        Whether the person is 65 or older, for where patients usually go after a stay.

    Returns
    -------
    Stay
    """
    person = np.uint64(uid)
    inside = rank_among_bed_cases(rank, table.prob_bed[group])
    if not is_needed:
        inside = 0.02 + 0.1 * inside
    severity = severity_multiplier(inside, table.sd_severity[group])
    billed = level
    if level > 0 and uniform(keys[_DOCUMENTATION], person) >= table.document[p]:
        billed = level - 1
    elif level < 2 and uniform(keys[_UPCODING], person) < table.up_share[p, payer, group, level]:
        billed = level + 1
    mode = 0
    indicated = 0
    if table.mode_share.shape[1] > 1:
        indicated = indicated_mode(
            table.mode_share[group, 0],
            table.mode_share[group, 1],
            uniform(keys[_INDICATED], person),
        )
        mode = choose_mode(
            indicated,
            table.mode_firmness[p, group],
            table.mode_pull[p, payer, group, 0],
            table.mode_pull[p, payer, group, 1],
            table.mode_pull[p, payer, group, 2],
            uniform(keys[_MODE], person),
        )
    needed_days = table.needed_days[group, level] * np.sqrt(severity) * table.mode_days[group, mode]
    if needed_days < 1.0:
        needed_days = 1.0
    # The side on which the case is expected to land, severity known and practice as usual.
    side = side_of(
        table.charge[p, payer, group, level] * severity,
        table.style_bounds[p, payer, group, billed],
    )
    # As with components, nobody is given more than twice what is appropriate.
    longest = min(table.longest, int(2.0 * needed_days))
    if table.has_schedule:
        covered = table.covered[p, 1]
        worth = 0.0
        for j in range(4):
            usual = table.style[side, p, payer, group, j] * table.need[group, level, j]
            worth += table.price[p, j] * usual * table.mode_need[group, mode, j]
        receipts = table.scratch[:longest]
        fill_stay_receipts(
            table.bands[p, payer, group],
            table.last_day[p, payer],
            covered * worth * severity * table.price_level[payer],
            covered * table.day_price[p] * table.price_level[payer],
            table.bounds[p, payer, group, billed],
            table.amounts[p, payer, group, billed],
            table.slopes[p, payer, group, billed],
            receipts,
        )
        days = draw_stay_schedule(
            receipts,
            table.day_cost[p],
            table.money[p],
            table.day_stake[p, group],
            needed_days,
            table.precision,
            uniform(keys[_STAY], person),
        )
    else:
        days = draw_stay(
            table.bands[p, payer, group, 0],
            table.day_cost[p],
            table.money[p],
            table.day_stake[p, group],
            needed_days,
            table.precision,
            longest,
            uniform(keys[_STAY], person),
        )
    charge = table.day_price[p] * days * 1000.0
    cost = table.day_cost[p] * days * 1000.0
    worth_given = 0.0
    worth_needed = 0.0
    share = days / needed_days - 1.0
    loss = table.day_loss[p, group] * needed_days * share * share
    loss += table.mode_loss[p, group] * abs(mode - indicated)
    u0 = u1 = u2 = u3 = 0
    n0 = n1 = n2 = n3 = 0
    for j in range(4):
        needed = table.need[group, level, j] * severity * table.mode_need[group, mode, j]
        ratio = practised_quantity(
            table.style[side, p, payer, group, j],
            1.0,
            table.precision,
            table.curvature[p, group, j],
            uniform(keys[_STAY_DRUGS + j], person),
        )
        given = ratio * needed
        worth_given += table.price[p, j] * given
        worth_needed += table.price[p, j] * needed
        if needed > 0.0:
            loss += misuse_loss(given, needed, table.at_stake[p, group, j] * needed)
        milli = int(np.floor(given * 1000.0 + 0.5))
        need_milli = int(np.floor(needed * 1000.0 + 0.5))
        charge += table.price[p, j] * milli
        cost += table.cost[p, j] * milli
        if j == 0:
            u0, n0 = milli, need_milli
        elif j == 1:
            u1, n1 = milli, need_milli
        elif j == 2:
            u2, n2 = milli, need_milli
        else:
            u3, n3 = milli, need_milli
    intensity = worth_given / worth_needed if worth_needed > 0.0 else 1.0
    fatality = 0.0
    if is_needed:
        fatality = table.fatality[group, level] * severity * table.mode_risk[group, mode]
    died = uniform(keys[_STAY_DEATH], person) < death_in_stay(
        fatality, intensity, table.death_slope, table.quality[p]
    )
    after = 0
    moved = 0
    averted = 0.0
    if table.after_at >= 0 and is_needed and not died and table.after_days[group] > 0.0:
        needed_after = table.after_days[group]
        days_moved = int(table.after_moved * days)
        lacking = lacking_part(days - days_moved, table.whole_days[p, payer, group])
        gain = gain_of_facility(
            needed_after,
            table.after_receipt[p, payer, group],
            float(days_moved),
            table.after_saved[p, payer, group],
            table.after_saved_list[p, payer],
            lacking * table.after_cut[p, payer, group, billed],
            table.money[p],
        )
        prob = prob_facility(
            table.after_odds[p, group, 1 if is_senior else 0],
            gain,
            table.after_value[p, group] * (inside - 0.5),
            table.after_precision[p, group],
        )
        # The light lose in a facility what the severe lose without one.
        wrong = inside - 0.5
        if uniform(keys[_DISCHARGE], person) < prob:
            wrong = -wrong
            moved = days_moved
            after = days_of_aftercare(
                table.after_receipt[p, payer, group],
                table.money[p],
                table.after_stake[p, group],
                needed_after,
                table.precision,
                int(2.0 * needed_after),
                uniform(keys[_AFTERCARE_DAYS], person),
            )
            share = after / needed_after - 1.0
            loss += table.after_loss[group] * needed_after * share * share
            averted = table.after_return * min(after / needed_after, 1.0)
        if wrong > 0.0:
            loss += table.after_gain[group] * wrong
    readmitted = False
    if not died:
        chance = readmission_probability(
            table.readmission[group],
            float(days),
            needed_days,
            table.day_slope,
            intensity,
            table.unit_slope,
            table.quality[p],
        )
        if averted > 0.0:
            chance = chance * (1.0 - averted)
        readmitted = uniform(keys[_READMISSION], person) < chance
    if moved > 0:
        charge -= table.day_price[p] * moved * 1000.0
        cost -= table.day_cost[p] * moved * 1000.0
        # What is left of the need is met in the facility.
        needed_days = max(needed_days - moved, 0.0)
        days -= moved
        after += moved
    rest = 0
    if has_bed_below and not died and table.send_base > 0.0:
        rest = int(table.recovery * days)
        if rest > 0:
            whole_days = table.whole_days[p, payer, group]
            # One who goes on to a facility lacks a part of the case already.
            lacking = lacking_part(days - rest, whole_days)
            if after > 0:
                lacking -= lacking_part(days, whole_days)
            saved = saved_by_sending(
                float(rest),
                table.day_cost[p],
                table.send_receipt[p, payer, group],
                table.send_referral[p, payer],
                lacking * table.send_cut[p, payer, group, billed],
                table.money[p],
            )
            prob = prob_send_down(
                table.send_base,
                saved,
                rest * table.send_list[p, payer],
                table.send_precision[p, group],
            )
            if uniform(keys[_SEND_DOWN], person) >= prob:
                rest = 0
            charge -= table.day_price[p] * rest * 1000.0
            cost -= table.day_cost[p] * rest * 1000.0
            # What is left of the need is met below.
            needed_days = max(needed_days - rest, 0.0)
            days -= rest
    bills = 1
    chance = table.split[p, payer, group]
    if chance > 0.0 and days > 1 and not died and uniform(keys[_SPLIT], person) < chance:
        bills = 2
    return Stay(
        billed,
        days,
        int(np.floor(needed_days * 1000.0 + 0.5)),
        (u0, u1, u2, u3),
        (n0, n1, n2, n3),
        int(np.floor(charge * 0.1 * table.price_level[payer] + 0.5)),
        int(np.floor(cost * 0.1 + 0.5)),
        intensity,
        int(np.floor(loss * 1e6 + 0.5)),
        died,
        readmitted,
        int(np.floor(table.weight[group, level] * severity * 1000.0 + 0.5)),
        mode,
        indicated,
        bills,
        rest,
        after,
    )


@compiled
def rest_of_stay(days: int, day_price: float, day_cost: float, price_level: float) -> Stay:
    """Return days in a bed elsewhere after a stay, at home or in a facility: days and no units."""
    return Stay(
        0,
        days,
        days * 1000,
        (0, 0, 0, 0),
        (0, 0, 0, 0),
        int(np.floor(day_price * price_level * days * 100.0 + 0.5)),
        int(np.floor(day_cost * days * 100.0 + 0.5)),
        1.0,
        0,
        False,
        False,
        0,
        0,
        0,
        1,
        0,
        0,
    )


@compiled
def after_treatment(
    group: int,
    flags: int,
    follow_group: int,
    follow_left: int,
    is_follow_up: bool,
    recovered: bool,
    visits: int,
    follow: int,
) -> tuple[int, int, int, int, int]:
    """Return a person's episode and follow-up after an outpatient contact.

    Returns
    -------
    tuple of int
        ``(group, flags, untreated, follow_group, follow_left)``. A case that needs a bed stays
        open whatever the outpatient care; what is not cured may worsen next month.
    """
    if is_follow_up:
        left = follow_left - visits
        if left <= 0:
            return group, flags, 0, NO_GROUP, 0
        return group, flags, 0, follow_group, left
    if recovered and (flags & NEEDS_BED) == 0:
        if follow > 0:
            return NO_GROUP, 0, 0, group, min(follow, LONGEST_COUNT)
        return NO_GROUP, 0, 0, follow_group, follow_left
    return group, flags | SEEN, 1, follow_group, follow_left


@compiled
def course_after_stay(
    group: int, needed: bool, flags: int, course: int, uid: int, keys: Keys, table: MemberTable
) -> int:
    """Return a person's course of care after a stay survived: begun, one stay further, or as it is.

    Some care comes in cycles, each a stay planned when the one before ends (chemotherapy). How
    many is drawn once, by the chance that chose the person.

    Parameters
    ----------
    group : int
    needed : bool
        The bed was truly needed.
    flags : int
        The episode's flags at admission: an unplanned return is none of the planned stays.
    course : int
        As in the person's column.

    Returns
    -------
    int
        Planned stays to come, or the sessions for life as they were.
    """
    if course >= SESSIONS:
        return course
    if course > 0:
        return course if (flags & READMITTED) != 0 else course - 1
    chance = table.planned_start[group]
    if not needed or chance <= 0.0:
        return 0
    u = uniform(keys[_COURSE], np.uint64(uid))
    if u >= chance:
        return 0
    fewest = table.planned_fewest[group]
    return int(fewest + int(u / chance * (table.planned_most[group] - fewest + 1)))


@compiled
def after_stay(
    group: int,
    needed: bool,
    readmitted: bool,
    due: int,
    follow_group: int,
    follow_left: int,
    course: int,
) -> tuple[int, int, int, int]:
    """Return a person's episode and follow-up after a stay survived.

    Parameters
    ----------
    group : int
    needed, readmitted : bool
        The bed was needed; the person must return within 30 days.
    due : int
        Contacts due after a stay of this group.
    follow_group, follow_left : int
        Follow-up that was due already.
    course : int
        What is planned after this stay; a stay to come keeps the episode open, on the list of the
        hospital that gave this one.

    Returns
    -------
    tuple of int
        ``(group, flags, follow_group, follow_left)``.
    """
    if readmitted:
        return group, NEEDS_BED | READMITTED, follow_group, follow_left
    if 0 < course < SESSIONS:
        return group, NEEDS_BED | SEEN | LISTED | PLANNED, follow_group, follow_left
    if due > 0 and needed:
        return NO_GROUP, 0, group, due
    return NO_GROUP, 0, follow_group, follow_left


@compiled
def goes_back_down(
    kind: int,
    is_follow_up: bool,
    follow_left: int,
    group: int,
    has_contract: int,
    rank: float,
    reach: float,
) -> bool:
    """Tell whether a hospital sends its outpatient back down for the rest of the care.

    Aftercare within a practice's reach goes back to it when the patient is on its list.

    Parameters
    ----------
    kind : int
        Kind of the provider that treated.
    is_follow_up : bool
    follow_left, group : int
        Contacts due and episode after the treatment.
    has_contract : int
    rank, reach : float
        Severity, and the severest rank within reach of the person's practice.
    """
    is_aftercare = kind > 0 and not is_follow_up and follow_left > 0 and group == NO_GROUP
    return is_aftercare and has_contract == 1 and rank <= reach


@compiled
def is_first_contact(is_follow_up: bool, flags: int, origin: int) -> bool:
    """Tell whether this is the first contact of an episode with anyone."""
    return not is_follow_up and (flags & (SEEN | READMITTED)) == 0 and origin < 0


@compiled
def months_on_list(flags: int, wait_provider: int, wait_months: int, provider: int) -> int:
    """Return the months waited with which a person is on a provider's list: a new list starts."""
    if (flags & LISTED) == 0 or wait_provider != provider:
        return 0
    return wait_months


@compiled
def one_more(count: int) -> int:
    """Return a person's count of stays or of months on a list, one later."""
    return min(count + 1, LONGEST_COUNT)


@compiled
def untreated_longer(months: int) -> int:
    """Return the months an illness has gone untreated, a month later."""
    return min(months + 1, LONGEST_UNTREATED)


@compiled
def without_bed(group: int, flags: int) -> int:
    """Return the episode of a person who needs no bed, was offered one, and found all taken.

    What outpatient care has settled is over; any other illness goes on.

    Returns
    -------
    int
        Clinical group, or ``NO_GROUP``.
    """
    return group if (flags & SEEN) != 0 else NO_GROUP


@compiled
def is_unmet(group: int, flags: int) -> bool:
    """Tell whether a person needs a bed now that nobody has given: neither planned nor a return."""
    return group != NO_GROUP and (flags & (NEEDS_BED | READMITTED | PLANNED)) == NEEDS_BED


@compiled
def sessions(
    p: int, payer: int, course: int, uid: int, keys: Keys, table: TreatTable, member: MemberTable
) -> Treatment:
    """Give a month's sessions of a course for life (dialysis): how many is need, not choice.

    The hospital chooses what each holds, by its practised intensity, as for any outpatient.

    Parameters
    ----------
    p, payer : int
    course : int
        At least ``SESSIONS``.

    Returns
    -------
    Treatment
        One contact with as many visits as sessions.
    """
    person = np.uint64(uid)
    c = course - SESSIONS
    group = member.sessions_group[c]
    visits = member.sessions_month[c]
    needed = table.need[group] * member.sessions_need[c] * visits
    charge = 0.0
    cost = 0.0
    worth_given = 0.0
    worth_needed = 0.0
    loss = 0.0
    u0 = u1 = u2 = u3 = 0
    need_milli = int(np.floor(needed * 1000.0 + 0.5))
    for j in range(4):
        ratio = practised_quantity(
            table.style[p, payer, group, j],
            1.0,
            table.precision,
            table.curvature[p, group, j],
            uniform(np.uint64(subkey(keys[_COURSE_SESSIONS], np.uint64(j))), person),
        )
        given = ratio * needed
        worth_given += table.price[p, j] * given
        worth_needed += table.price[p, j] * needed
        if needed > 0.0:
            loss += misuse_loss(given, needed, table.at_stake[p, group, j] * needed)
        milli = int(np.floor(given * 1000.0 + 0.5))
        charge += table.price[p, j] * milli
        cost += table.cost[p, j] * milli
        if j == 0:
            u0 = milli
        elif j == 1:
            u1 = milli
        elif j == 2:
            u2 = milli
        else:
            u3 = milli
    return Treatment(
        visits,
        (u0, u1, u2, u3),
        (need_milli, need_milli, need_milli, need_milli),
        False,
        # sessions are given in hospitals' outpatient departments
        int(np.floor(charge * 0.1 * table.price_level[payer, 1] + 0.5)),
        int(np.floor(cost * 0.1 + 0.5)),
        worth_given / worth_needed if worth_needed > 0.0 else 1.0,
        int(np.floor(loss * 1e6 + 0.5)),
        True,
        0,
    )


@compiled
def contact_outcome(recovered: bool, waited: int, own_share: float) -> float:
    """Return what a contact feels like, in about [-1, 1]: true outcome, wait and surprise bill.

    Parameters
    ----------
    recovered : bool
    waited : int
        Months between need and this care.
    own_share : float
        Patient's payment over the charge.
    """
    outcome = 1.0 if recovered else 0.0
    return outcome - 0.1 * waited - 0.5 * own_share


@compiled
def bed_priority(is_elective: bool, rank: float, waited: int) -> float:
    """Return the order in which requests get a bed: urgency, severity, months waited."""
    return (0.0 if is_elective else 1.0) + rank + 0.2 * waited


@compiled
def payer_at_age(payer: int, age_months: int, senior_payer: int, senior_months: int) -> int:
    """Return the payer at an age: everyone changes to the seniors' on the birthday it starts at.

    Parameters
    ----------
    payer, age_months : int
    senior_payer, senior_months : int
        The payer that everyone of an age belongs to and that age in months; -1 where there is none.
    """
    if senior_payer >= 0 and age_months >= senior_months:
        return senior_payer
    return payer


@compiled
def chronic_count(chronic: int) -> int:
    """Return how many chronic conditions a bit mask holds."""
    count = 0
    while chronic != 0:
        count += chronic & 1
        chronic >>= 1
    return count


@compiled
def referral_contact(charge_fen: int, cost_fen: int) -> Treatment:
    """Return the contact in which a practice refers: one visit, one unit of labor, no cure."""
    return Treatment(
        1, (0, 0, 0, 1000), (0, 0, 0, 1000), False, charge_fen, cost_fen, 1.0, 0, False, 0
    )


@compiled
def preventive_contact(chance: float, uid: int, keys: Keys) -> bool:
    """Tell whether a chronic member has a preventive contact this month."""
    return uniform(keys[_PREVENTION], np.uint64(uid)) < chance


@compiled
def leaves_list(chance: float, waited: int, uid: int, keys: Keys) -> bool:
    """Tell whether a person stops waiting for a provider's bed and looks elsewhere.

    Nobody leaves in the first month on a list.
    """
    return waited > 0 and uniform(keys[_JOIN], np.uint64(uid)) < chance


@compiled
def joins(
    age_months: int,
    chronic: int,
    is_poor: int,
    has_contract: int,
    benefit: float,
    fee: float,
    income: float,
    experience: float,
    price_weight: float,
    experience_weight: float,
    chance: float,
    share: float,
    share_priority: float,
    reference: float,
    uid: int,
    keys: Keys,
) -> int:
    """Decide once a year on the family doctor contract; most people keep what they have.

    The constant gives the baseline share of the person's group at the reference experience and at
    a benefit equal to the fee.

    Returns
    -------
    int
        1 with a contract, else 0.
    """
    person = np.uint64(uid)
    u = uniform(keys[_JOIN], person)
    if u >= chance:
        return has_contract
    age = age_months // 12
    is_priority = age >= 65 or age < 7 or chronic != 0 or is_poor != 0
    base = share_priority if is_priority else share
    # A group of whom all or none sign has no odds that a benefit could move.
    if base <= 0.0 or base >= 1.0:
        return 1 if base >= 1.0 else 0
    constant = log(base / (1.0 - base)) - experience_weight * reference
    prob = prob_join(
        constant, benefit, fee, income / 12.0, price_weight, 0.0, 0.0, experience, experience_weight
    )
    # The draw that chose the person to decide is uniform below the chance.
    return 1 if u / chance < prob else 0
