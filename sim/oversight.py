"""Whether cheating pays: which claims are reviewed, what is found, what is clawed back and fined.

Knows billed against true level as counts and sums by provider and payer, and an audit policy; must
not know why providers upcode, how they are paid, or who decides.

A scenario states the policy as ``audit:`` with plain numbers or mappings with ``value`` (county
status quo; rows ins0200-ins0203 of the data pack, screening assumed)::

    audit: {screening: 1.0, sample: 0.02, detection: 0.35, fine: 1.5, cost_per_review: 60}

``screening`` is the probability of review per unit by which a provider's upcoding share exceeds its
peers' (rules run over all claims); ``sample`` the probability that any claim is drawn at random;
``detection`` the probability that a review finds an upcoded claim; ``fine`` a multiple of the
claw-back; ``cost_per_review`` CNY. ``audit: none`` reviews nothing.

Four more fields make a programme of it, each nothing unless stated: ``inspection``, the probability
that a provider is visited in a year, and then every claim of that month reviewed; ``reports``, the
probability that a patient who was billed too high a level says so, which brings that claim to
review; ``publish``, the share of what is found that patients get to know and hold against the
provider when they choose; ``budget``, the most that a year's reviews may cost in the whole region,
CNY: beyond it, rules and sample reach fewer claims in proportion.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ScenarioError
from sim.numerics import compiled_with_memory
from sim.randomness import subkey_plain, uniform, uniforms
from sim.units import convert, to_minor

__all__ = [
    "COUNTY_2022",
    "AuditPolicy",
    "AuditResult",
    "affordable_share",
    "audit",
    "binomial_quantile",
    "expected_penalty_factor",
    "peer_share",
    "review_probability",
    "scrutiny",
]

COUNTY_2022: Mapping[str, float] = {
    "screening": 1.0,
    "sample": 0.02,
    "detection": 0.35,
    "fine": 1.5,
    "cost_per_review": 60.0,
}
"""The county's status quo: the data pack's rows of 2022; screening is assumed."""

_RANGES: Mapping[str, tuple[float, float, str]] = {
    "screening": (0.0, 100.0, "ratio"),
    "sample": (0.0, 1.0, "share"),
    "detection": (0.0, 1.0, "share"),
    "fine": (0.0, 100.0, "multiple"),
    "cost_per_review": (0.0, 1e6, "CNY"),
    "inspection": (0.0, 1.0, "share"),
    "reports": (0.0, 1.0, "share"),
    "publish": (0.0, 1.0, "share"),
    "budget": (0.0, 1e12, "CNY"),
}
_OPTIONAL: Mapping[str, float] = {
    "inspection": 0.0,
    "reports": 0.0,
    "publish": 0.0,
    "budget": math.inf,
}
_PAYER_BITS = np.uint64(16)
_FEW = 200  # claims up to which the distribution is summed from its lower end


@dataclass(frozen=True)
class AuditPolicy:
    """How hard a payer looks at claims, and what being found out costs.

    Attributes
    ----------
    screening : float
        Probability of review per unit of excess upcoding share over peers, 0 or more.
    sample : float
        Probability that a claim is drawn at random, 0 to 1.
    detection : float
        Probability that a review finds an upcoded claim, 0 to 1. Honest claims are never faulted.
    fine : float
        Multiple of the claw-back, 0 or more (law of 2021: 1-2 for breaches, 2-5 for fraud).
    cost_per_review : float
        Cost of reviewing one claim, CNY.
    inspection : float
        Probability that a provider is inspected in a year, all claims of a month at once, 0 to 1.
    reports : float
        Probability that a patient reports a claim billed too high, 0 to 1.
    publish : float
        Share of detected upcoding that patients learn of, 0 to 1.
    budget : float
        Most that reviews by rule and sample may cost in the region, CNY per year; infinity: all.
    """

    screening: float
    sample: float
    detection: float
    fine: float
    cost_per_review: float
    inspection: float = 0.0
    reports: float = 0.0
    publish: float = 0.0
    budget: float = math.inf

    @property
    def inspection_month(self) -> float:
        """Give the probability that a provider is inspected in a month."""
        return float(1.0 - (1.0 - self.inspection) ** (1.0 / 12.0))

    @classmethod
    def from_spec(
        cls, spec: Mapping[str, object] | str | None, where: str = "audit"
    ) -> AuditPolicy:
        """Read the policy from a scenario's block; see the module docstring for its form.

        Raises
        ------
        ScenarioError
            Naming the field that is unknown, missing or out of range.
        """
        if spec is None or spec == "none":
            return cls(0.0, 0.0, 0.0, 0.0, 0.0)
        if not isinstance(spec, Mapping):
            raise ScenarioError(where=where, value=spec, allowed="a mapping of fields, or none")
        for key in spec:
            if key not in _RANGES:
                near = difflib.get_close_matches(str(key), _RANGES, n=1)
                raise ScenarioError(
                    "unknown field",
                    where=where,
                    value=key,
                    allowed=", ".join(_RANGES),
                    remedy=f"Did you mean `{near[0]}`?" if near else "",
                )
        values: dict[str, float] = {}
        for field, (low, high, unit) in _RANGES.items():
            path = f"{where}.{field}"
            if spec.get(field) is None and field in _OPTIONAL:
                values[field] = _OPTIONAL[field]
                continue
            if field not in spec:
                raise ScenarioError(
                    "a field is missing", where=path, allowed=f"{low:g} to {high:g}"
                )
            values[field] = _number(spec[field], low, high, unit, path)
        return cls(**values)


@dataclass(frozen=True)
class AuditResult:
    """What one month's audits found and what they did not, by provider and payer.

    Attributes
    ----------
    reviewed, detected, undetected : array of int64, shape (n, Y)
        Claims reviewed; upcoded claims found; upcoded claims not found.
    claw_back_fen, fine_fen : array of int64, shape (n, Y)
        Receipts above the true level that detected claims return, and the fine on them, fen.
    undetected_fen : array of int64, shape (n, Y)
        Receipts above the true level that providers keep, fen.
    cost_fen : array of int64, shape (n, Y)
        Cost of the reviews, fen.
    """

    reviewed: NDArray[np.int64]
    detected: NDArray[np.int64]
    undetected: NDArray[np.int64]
    claw_back_fen: NDArray[np.int64]
    fine_fen: NDArray[np.int64]
    undetected_fen: NDArray[np.int64]
    cost_fen: NDArray[np.int64]


def peer_share(upcoded: ArrayLike, claims: ArrayLike, kinds: ArrayLike) -> NDArray[np.float64]:
    """Give the upcoding share of each provider's peers, the provider itself left out.

    Parameters
    ----------
    upcoded, claims : array_like, shape (n,)
        Claims billed above their true level, and all claims, of the last twelve months.
    kinds : array_like of int, shape (n,)
        Peers are the providers of one kind.

    Returns
    -------
    array of float64, shape (n,)
        0 to 1; a provider without peers or whose peers have no claims is its own peer.
    """
    found = np.asarray(upcoded, dtype=np.float64)
    total = np.asarray(claims, dtype=np.float64)
    same = _peers(tuple(np.asarray(kinds).tolist()))
    peers_found = same @ found
    peers_total = same @ total
    own = found / np.maximum(total, 1.0)
    return np.where(peers_total > 0.0, peers_found / np.maximum(peers_total, 1.0), own)


@cache
def _peers(kinds: tuple[int, ...]) -> NDArray[np.float64]:
    """Give 1 where two providers are peers, shape (n, n); none is its own."""
    kind = np.array(kinds)
    same: NDArray[np.float64] = (kind[:, None] == kind[None, :]).astype(np.float64)
    np.fill_diagonal(same, 0.0)
    same.flags.writeable = False
    return same


def review_probability(
    policy: AuditPolicy, share: ArrayLike, peers: ArrayLike
) -> NDArray[np.float64]:
    """Give the probability that a provider's claim is reviewed: rules or random sample.

    Parameters
    ----------
    policy : AuditPolicy
        The payer's policy.
    share, peers : array_like, any common shape
        Upcoding share of the provider and of its peers, 0 to 1.

    Returns
    -------
    array of float64
        ``1 - (1 - sample) (1 - min(1, screening max(0, share - peers)))``, 0 to 1. Where all
        upcode alike the rules see nothing and only the sample is left.
    """
    excess = np.maximum(
        np.asarray(share, dtype=np.float64) - np.asarray(peers, dtype=np.float64), 0.0
    )
    screened = np.minimum(policy.screening * excess, 1.0)
    return np.asarray(1.0 - (1.0 - policy.sample) * (1.0 - screened), dtype=np.float64)


def affordable_share(
    policy: AuditPolicy, prob_review: ArrayLike, claims_year: ArrayLike, scale: float
) -> float:
    """Give the share of the reviews that rules and sample ask for which the budget pays for.

    Parameters
    ----------
    policy : AuditPolicy
        The payer's policy.
    prob_review : array_like, shape (n,)
        Probability that a provider's claim is reviewed if there were no budget, 0 to 1.
    claims_year : array_like, shape (n,)
        Claims of a year.
    scale : float
        People simulated over residents: the budget is the whole region's.

    Returns
    -------
    float
        ``min(1, budget x scale / (cost x expected reviews))``.
    """
    expected = float(np.asarray(prob_review, dtype=np.float64) @ np.asarray(claims_year))
    cost = policy.cost_per_review * expected
    if not math.isfinite(policy.budget) or cost <= 0.0:
        return 1.0
    return min(policy.budget * scale / cost, 1.0)


def scrutiny(policy: AuditPolicy, prob_review: ArrayLike) -> NDArray[np.float64]:
    """Give the probability that a claim billed too high is looked at, as its provider expects it.

    Parameters
    ----------
    policy : AuditPolicy
        The payer's policy.
    prob_review : array_like, any shape
        Probability of review by rule or sample, 0 to 1.

    Returns
    -------
    array of float64
        ``1 - (1 - prob_review) (1 - inspection in the month) (1 - reports)``.
    """
    spared = 1.0 - np.asarray(prob_review, dtype=np.float64)
    return np.asarray(
        1.0 - spared * (1.0 - policy.inspection_month) * (1.0 - policy.reports), dtype=np.float64
    )


def expected_penalty_factor(policy: AuditPolicy, prob_review: ArrayLike) -> NDArray[np.float64]:
    """Give what a provider expects to lose of a yuan gained by upcoding.

    Parameters
    ----------
    policy : AuditPolicy
        The payer's policy.
    prob_review : array_like, any shape
        Probability of review, 0 to 1.

    Returns
    -------
    array of float64
        ``prob_review x detection x (1 + fine)``; at 1 or more upcoding does not pay.
    """
    return np.asarray(
        np.asarray(prob_review, dtype=np.float64) * policy.detection * (1.0 + policy.fine),
        dtype=np.float64,
    )


@compiled_with_memory
def binomial_quantile(u: float, trials: int, probability: float) -> int:
    """Give the number of successes at one uniform draw (inverse distribution function).

    Parameters
    ----------
    u : float
        Uniform draw, above 0 and below 1.
    trials : int
        0 or more.
    probability : float
        0 to 1.

    Returns
    -------
    int
        The smallest k with ``P(X <= k) >= u``; it does not fall as `u`, `trials` or
        `probability` rise.

    Notes
    -----
    The mass function is built outwards from its mode by ratios, to nine standard deviations, so
    that neither the factorials nor the tails of large numbers of claims overflow.
    """
    if trials <= 0 or probability <= 0.0:
        return 0
    if probability >= 1.0:
        return trials
    if trials <= _FEW:
        # A provider's month: the distribution function from its lower end is soonest there.
        chance = math.pow(1.0 - probability, float(trials))
        if chance > 1e-300:
            ratio = probability / (1.0 - probability)
            summed, count = chance, 0
            while summed < u and count < trials:
                chance *= (trials - count) / (count + 1.0) * ratio
                count += 1
                summed += chance
            return count
    mode = min(int((trials + 1) * probability), trials)
    width = math.ceil(9.0 * math.sqrt(trials * probability * (1.0 - probability))) + 30
    low, high = max(0, mode - width), min(trials, mode + width)
    odds = probability / (1.0 - probability)
    up = np.arange(mode, high, dtype=np.float64)
    down = np.arange(mode, low, -1, dtype=np.float64)
    above = np.cumprod((trials - up) / (up + 1.0) * odds)
    below = np.cumprod(down / ((trials - down + 1.0) * odds))
    mass = np.concatenate((below[::-1], np.ones(1), above))
    distribution = np.cumsum(mass)
    place = int(np.searchsorted(distribution, u * distribution[-1], side="left"))
    return low + min(place, high - low)


def audit(
    policy: AuditPolicy,
    prob_review: ArrayLike,
    claims: NDArray[np.int64],
    upcoded: NDArray[np.int64],
    excess_fen: NDArray[np.int64],
    key_review: int,
    key_detection: int,
    key_inspection: int = 0,
) -> AuditResult:
    """Draw one month's reviews and detections, and what they return to the payers.

    Parameters
    ----------
    policy : AuditPolicy
        The policy all payers share.
    prob_review : array_like, shape (n,) or (n, Y)
        Probability that a claim of the provider is reviewed, 0 to 1.
    claims, upcoded : array of int64, shape (n, Y)
        Claims of the month, and those billed above their true level.
    excess_fen : array of int64, shape (n, Y)
        Receipts for the upcoded claims less what their true level would have brought, fen, 0 or
        more (0 where receipts do not depend on the level).
    key_review, key_detection, key_inspection : int
        Keys of the month's draws (``sim.randomness.key_plain`` with ``Decision.AUDIT_SAMPLE``,
        ``Decision.DETECTION`` and ``Decision.INSPECTION``). A cell's draw belongs to its provider
        and payer, not to the number of providers; an inspection to the provider.

    Returns
    -------
    AuditResult
        Claw-back and undetected sums add to `excess_fen` exactly.

    Raises
    ------
    ScenarioError
        If shapes differ, counts are negative or more claims are upcoded than there are.

    Notes
    -----
    Reviews are binomial over claims, detections binomial over reviewed upcoded claims. A provider
    that is inspected has every claim of the month reviewed; a patient's report brings only claims
    billed too high to review. Each
    detected claim returns the cell's mean excess; the fine is a multiple of the sum, rounded to
    the fen, halves up.
    """
    shape = claims.shape
    if len(shape) != 2 or upcoded.shape != shape or excess_fen.shape != shape:
        raise ScenarioError("shapes differ", where="audit", allowed="(providers, payers) for all")
    chance = np.asarray(prob_review, dtype=np.float64)
    if chance.ndim == 1:
        chance = np.repeat(chance[:, None], shape[1], axis=1)
    reviewed = np.zeros(shape, dtype=np.int64)
    detected = np.zeros(shape, dtype=np.int64)
    if policy.inspection > 0.0:
        rows = np.arange(shape[0], dtype=np.uint64)
        visited = uniforms(np.uint64(key_inspection), rows) < policy.inspection_month
        chance = np.where(visited[:, None], 1.0, chance)
    can_be = _draw_reviews(
        np.ascontiguousarray(claims),
        np.ascontiguousarray(upcoded),
        np.ascontiguousarray(excess_fen),
        chance,
        1.0 - policy.reports,
        policy.detection,
        np.uint64(key_review),
        np.uint64(key_detection),
        np.uint64(subkey_plain(key_review, 1)),
        reviewed,
        detected,
    )
    if not can_be:
        raise ScenarioError(
            "counts of claims cannot be",
            where="audit",
            allowed="0 <= upcoded <= claims, excess >= 0",
        )
    claw_back = np.zeros(shape, dtype=np.int64)
    for cell in zip(*np.nonzero(detected), strict=True):
        found, falsely = int(detected[cell]), int(upcoded[cell])
        # Python's whole numbers: sums times counts can pass 2^63.
        claw_back[cell] = (2 * int(excess_fen[cell]) * found + falsely) // (2 * falsely)
    return AuditResult(
        reviewed=reviewed,
        detected=detected,
        undetected=upcoded - detected,
        claw_back_fen=claw_back,
        fine_fen=np.floor(claw_back * policy.fine + 0.5).astype(np.int64),
        undetected_fen=excess_fen - claw_back,
        cost_fen=reviewed * to_minor(policy.cost_per_review),
    )


@compiled_with_memory
def _draw_reviews(
    claims: NDArray[np.int64],
    upcoded: NDArray[np.int64],
    excess_fen: NDArray[np.int64],
    chance: NDArray[np.float64],
    told_anyway: float,
    detection: float,
    key_review: np.uint64,
    key_detection: np.uint64,
    key_honest: np.uint64,
    reviewed: NDArray[np.int64],
    detected: NDArray[np.int64],
) -> bool:
    """Draw reviews of false and of honest claims, and what is found, cell by cell, in place.

    Tells whether the counts can be: no more false claims than claims, nothing below 0.
    """
    for provider in range(claims.shape[0]):
        for payer in range(claims.shape[1]):
            false_claims = upcoded[provider, payer]
            is_whole = 0 <= false_claims <= claims[provider, payer]
            if not is_whole or excess_fen[provider, payer] < 0:
                return False
            if claims[provider, payer] <= 0:
                continue
            uid = (np.uint64(provider) << _PAYER_BITS) | np.uint64(payer)
            honest_claims = claims[provider, payer] - false_claims
            prob = chance[provider, payer]
            seen = 0
            if false_claims > 0:
                told = 1.0 - (1.0 - prob) * told_anyway
                seen = binomial_quantile(uniform(key_review, uid), false_claims, told)
                luck = uniform(key_detection, uid)
                detected[provider, payer] = binomial_quantile(luck, seen, detection)
            honest = 0
            if honest_claims > 0:
                honest = binomial_quantile(uniform(key_honest, uid), honest_claims, prob)
            reviewed[provider, payer] = seen + honest
    return True


def _number(node: object, low: float, high: float, unit: str, where: str) -> float:
    """Read a number, plain or with value and unit, within its range."""
    written = ""
    if isinstance(node, Mapping):
        written = str(node.get("unit", ""))
        if "value" not in node:
            raise ScenarioError("a field is missing", where=f"{where}.value", allowed="a number")
        node = node["value"]
    if isinstance(node, bool) or not isinstance(node, int | float | np.integer | np.floating):
        raise ScenarioError(where=where, value=node, allowed="a number")
    value = float(node)
    if written:
        value = convert(value, written, unit, where)
    if not low <= value <= high:
        raise ScenarioError(where=where, value=value, allowed=f"{low:g} to {high:g} {unit}")
    return value
