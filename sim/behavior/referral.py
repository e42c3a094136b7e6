"""Treat or refer: the family doctor's choice under a noisy signal of severity.

Knows what treating and referring bring and cost; must not know why a referral costs the practice
money.
"""

from sim.behavior.choice import prob_second
from sim.behavior.income import weighted_margin
from sim.numerics import compiled, logistic

__all__ = [
    "expected_severity",
    "prob_failure",
    "prob_refer",
    "refer_utility",
    "signal",
    "treat_utility",
]


@compiled
def signal(rank: float, sigma: float, skill: float, z: float) -> float:
    """Return the severity the doctor sees.

    Parameters
    ----------
    rank : float
        True severity s.
    sigma : float
        Noise of a doctor with skill 1, in units of severity.
    skill : float
        Skill, > 0; doubling it halves the noise.
    z : float
        Standard normal draw.

    Returns
    -------
    float
        ``x = s + (σ / skill) z``.
    """
    return rank + sigma / skill * z


@compiled
def expected_severity(
    signal: float, mean: float, spread: float, sigma: float, skill: float
) -> float:
    """Return the severity a doctor expects after seeing the signal.

    Parameters
    ----------
    signal : float
        x from :func:`signal`.
    mean, spread : float
        Mean and standard deviation of severity in this group.
    sigma, skill : float
        As in :func:`signal`.

    Returns
    -------
    float
        ``E[s | x] = mean + (x - mean) spread^2 / (spread^2 + (σ / skill)^2)`` (normal updating).
    """
    noise = sigma / skill
    variance = spread * spread
    total = variance + noise * noise
    if total <= 0.0:
        return signal
    return mean + (signal - mean) * variance / total


@compiled
def prob_failure(severity: float, skill: float, steepness: float, at_par: float) -> float:
    """Return the probability that treatment in primary care fails.

    Parameters
    ----------
    severity : float
        Severity, expected or true.
    skill : float
        Skill in units of severity.
    steepness : float
        Log-odds per unit by which severity exceeds skill, >= 0.
    at_par : float
        Log-odds of failure where severity equals skill.

    Returns
    -------
    float
        ``logistic(at_par + steepness (s - skill))``.
    """
    return logistic(at_par + steepness * (severity - skill))


@compiled
def treat_utility(
    margin: float,
    omega: float,
    altruism: float,
    value_of_health: float,
    health: float,
    oop_weight: float,
    patient_cost: float,
    prob_fail: float,
    return_cost: float,
    time_price: float,
) -> float:
    """Return the family doctor's utility from treating.

    Parameters
    ----------
    margin : float
        Expected receipts less cost at the quantities that would be chosen, currency.
    omega : float
        Weight on money, on margins above cost.
    altruism : float
        Weight a on the patient.
    value_of_health : float
        V, currency per QALY.
    health : float
        E[H | x] if treated here, QALYs.
    oop_weight : float
        Weight w on the patient's cost.
    patient_cost : float
        Out-of-pocket payment and travel, currency.
    prob_fail : float
        P(fail | x).
    return_cost : float
        Cost to the practice of a patient who comes back worse, currency.
    time_price : float
        Shadow price of the practice's time (:func:`sim.behavior.capacity.shadow_price`), currency.

    Returns
    -------
    float
        ``ω margin + a (V H - w cost) - P(fail) return cost - time price``, currency.

    References
    ----------
    Allard, M., Jelovac, I., Léger, P.-T. (2011). Treatment and referral decisions under different
    physician payment mechanisms. Journal of Health Economics 30, 880-893.
    https://doi.org/10.1016/j.jhealeco.2011.05.016
    """
    patient = altruism * (value_of_health * health - oop_weight * patient_cost)
    return weighted_margin(margin, omega) + patient - prob_fail * return_cost - time_price


@compiled
def refer_utility(
    receipts: float,
    omega: float,
    altruism: float,
    value_of_health: float,
    health: float,
    oop_weight: float,
    patient_cost: float,
    spending: float,
    receipts_per_elsewhere: float,
    loss_of_access: float,
) -> float:
    """Return the family doctor's utility from referring.

    Parameters
    ----------
    receipts : float
        What the act of referring brings, currency.
    omega, altruism, value_of_health, oop_weight : float
        As in :func:`treat_utility`.
    health : float
        E[H | x] in the hospital, QALYs.
    patient_cost : float
        Patient's payment and travel there, currency.
    spending : float
        E[cost | x]: expected spending the referral causes elsewhere, currency.
    receipts_per_elsewhere : float
        ∂ receipts / ∂ members' spending elsewhere, usually in [-1, 0].
    loss_of_access : float
        What waiting and travel take from the patient beyond money, currency.

    Returns
    -------
    float
        ``ω (receipts) + E[cost] ∂receipts/∂elsewhere + a (V H - w cost - loss)``, currency.
    """
    money = weighted_margin(receipts + spending * receipts_per_elsewhere, omega)
    patient = value_of_health * health - oop_weight * patient_cost - loss_of_access
    return money + altruism * patient


@compiled
def prob_refer(u_treat: float, u_refer: float, precision: float, constant: float) -> float:
    """Return the probability of referral.

    Parameters
    ----------
    u_treat, u_refer : float
        Utilities, currency.
    precision : float
        ``1 / (τ list price)``, per currency.
    constant : float
        Calibrated constant of this group, log-odds.

    Returns
    -------
    float
        In [0, 1].
    """
    return prob_second(u_treat, u_refer, precision, constant)
