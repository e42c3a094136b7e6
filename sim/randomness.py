"""Keyed draws: chance that belongs to a person, a month and a decision, never to an order.

A draw is a pure function of (seed, month, decision, person). Two scenarios with one seed give the
same person the same luck in the same decision, so their difference is the policy's; adding a
person, an observer or another decision changes nobody else's draws.

It knows numbers; it must not know what a draw is used for, beyond the list of decisions.

Notes
-----
All arithmetic is modulo 2^64. With ``G = 0x9E3779B97F4A7C15``::

    mix(z):  z ^= z >> 30;  z *= 0xBF58476D1CE4E5B9
             z ^= z >> 27;  z *= 0x94D049BB133111EB
             return z ^ (z >> 31)

    key(seed, month, decision):
             s = mix(seed + G)
             s = mix((s ^ month) + G)
             s = mix((s ^ decision) + G)
             return mix(s + G)

    bits(key, uid):     mix(mix(key + G * uid) + key + G)
    uniform(key, uid):  ((bits >> 12) + 0.5) / 2^52        strictly between 0 and 1
    subkey(key, index): mix(mix(key ^ G) + G * (index + 1))

``mix`` is the output function of splitmix64. The key is hashed because keys in arithmetic
progression would give shifted copies of one stream, and it enters ``bits`` twice, so that two keys
that happen to meet in the first round part again in the second. Test vectors::

    key(0, 0, 0)              = 0x2130748AAAC80268
    key(7, 24, 3)             = 0xA504D75AAE43D951
    bits(key(7, 24, 3), 5)    = 0x0633DCC5300A32D4
    uniform(key(7, 24, 3), 5) = 0.024228857175366936
    subkey(key(7, 24, 3), 1)  = 0x712176DE7154F8F2

References
----------
Steele, G. L., Lea, D., Flood, C. H. (2014). Fast splittable pseudorandom number generators.
OOPSLA '14, 453-472. https://doi.org/10.1145/2660193.2660195
"""

from enum import IntEnum, unique
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.numerics import compiled, compiled_with_memory, normal_quantile

__all__ = [
    "Decision",
    "bits_plain",
    "fill_keys",
    "key",
    "key_plain",
    "normal",
    "normal_plain",
    "subkey",
    "subkey_plain",
    "uniform",
    "uniform_plain",
    "uniforms",
]


@unique
class Decision(IntEnum):
    """What a draw decides; a number once given is never changed or given again.

    Changing a number changes everybody's luck in that decision and so all published results. The
    four components of care have consecutive numbers, so that loops may add the component's index.
    """

    # What people and providers are, drawn once.
    SYNTHESIS = 1
    INCOME = 2
    FRAILTY = 3
    PLACE = 4
    ALTRUISM_TYPE = 5
    ALTRUISM_SIZE = 6
    SKILL = 7
    COST = 8
    STYLE = 9
    # Need.
    CHRONIC_ONSET = 20
    CHRONIC_PROGRESSION = 21
    EPISODE_ARRIVAL = 22
    EPISODE_GROUP = 23
    EPISODE_SEVERITY = 24
    EPISODE_LEVEL = 25
    WORSENING = 26
    DEATH = 27
    ENTRANT = 28
    # Seeking care.
    SEEK_CARE = 40
    PROVIDER_CHOICE = 41
    JOIN_LIST = 42
    ADHERENCE = 43
    ACCEPT_RETURN = 44
    ACCEPT_PROCEDURE = 45
    COVER = 46
    # Primary care.
    SIGNAL = 60
    TREAT_OR_REFER = 61
    REFERRAL_HOSPITAL = 62
    INTENSITY_DRUGS = 63
    INTENSITY_DIAGNOSTICS = 64
    INTENSITY_PROCEDURES = 65
    INTENSITY_LABOR = 66
    LOW_VALUE = 67
    ASK_BACK = 68
    PREVENTION = 69
    CONTROL = 70
    COURSE_SESSIONS = 71
    # Hospital.
    ADMISSION = 80
    QUEUE = 81
    STAY = 82
    UPCODING = 83
    DOCUMENTATION = 84
    TRANSFER_HOSPITAL = 85
    HOSPITAL_DRUGS = 86
    HOSPITAL_DIAGNOSTICS = 87
    HOSPITAL_PROCEDURES = 88
    HOSPITAL_LABOR = 89
    MODE_INDICATED = 90
    MODE = 91
    SPLIT = 92
    SEND_DOWN = 93
    DISCHARGE = 94
    AFTERCARE_DAYS = 95
    # Outcome and oversight.
    RECOVERY = 100
    COMPLICATION = 101
    READMISSION = 102
    EPISODE_DEATH = 103
    AUDIT_SAMPLE = 104
    DETECTION = 105
    COURSE = 106
    INSPECTION = 107
    # Organizations.
    STYLE_TRIED = 120


_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
_FIRST: Final = 0xBF58476D1CE4E5B9
_SECOND: Final = 0x94D049BB133111EB
_ULP: Final = 2.0**-52

# Numba turns uint64 (+) int64 into float64, so every constant of the compiled twin is a uint64.
_U_GOLDEN: Final = np.uint64(_GOLDEN)
_U_FIRST: Final = np.uint64(_FIRST)
_U_SECOND: Final = np.uint64(_SECOND)
_U1: Final = np.uint64(1)
_U12: Final = np.uint64(12)
_U27: Final = np.uint64(27)
_U30: Final = np.uint64(30)
_U31: Final = np.uint64(31)


def _mix_plain(z: int) -> int:
    """Return the output function of splitmix64 of an integer taken modulo 2^64."""
    z &= _MASK
    z = ((z ^ (z >> 30)) * _FIRST) & _MASK
    z = ((z ^ (z >> 27)) * _SECOND) & _MASK
    return z ^ (z >> 31)


def key_plain(seed: int, month: int, decision: int) -> int:
    """Return the key of one decision in one month as a Python integer.

    Parameters
    ----------
    seed : int
        The run's seed, 0 <= seed < 2^64.
    month : int
        Month since the start of the run; negative months (before the start) are allowed.
    decision : int
        A member of :class:`Decision`.

    Returns
    -------
    int
        In [0, 2^64).

    Raises
    ------
    ValueError
        If the seed is outside its range.
    """
    if not 0 <= seed <= _MASK:
        message = f"seed is {seed}; allowed are 0 to 2^64 - 1: choose a non-negative seed"
        raise ValueError(message)
    state = _mix_plain((_of_month(seed, month) ^ (int(decision) & _MASK)) + _GOLDEN)
    return _mix_plain(state + _GOLDEN)


@lru_cache(maxsize=64)
def _of_month(seed: int, month: int) -> int:
    """Return what the keys of one month have in common; a month asks for fifty of them."""
    return _mix_plain((_mix_plain(seed + _GOLDEN) ^ (month & _MASK)) + _GOLDEN)


def key(seed: int, month: int, decision: int) -> np.uint64:
    """Return the key of one decision in one month for compiled code.

    Parameters
    ----------
    seed, month, decision : int
        As in :func:`key_plain`.

    Returns
    -------
    numpy.uint64
        The same number as :func:`key_plain`.
    """
    return np.uint64(key_plain(int(seed), int(month), int(decision)))


@lru_cache(maxsize=64)
def _of_month_bits(seed: int, month: int) -> np.uint64:
    return np.uint64(_of_month(seed, month))


def fill_keys(
    seed: int, month: int, decisions: NDArray[np.int64], keys: NDArray[np.uint64]
) -> None:
    """Write the keys of many decisions in one month to their places, in place.

    Parameters
    ----------
    seed, month : int
        As in :func:`key_plain`.
    decisions : ndarray of int64
        Members of :class:`Decision`.
    keys : ndarray of uint64, indexed by decision
    """
    _fill_keys(_of_month_bits(seed, month), decisions, keys)


def bits_plain(key: int, uid: int) -> int:
    """Return the 64 random bits of one person under one key, as a Python integer."""
    return _mix_plain(_mix_plain(key + _GOLDEN * (uid & _MASK)) + key + _GOLDEN)


def uniform_plain(key: int, uid: int) -> float:
    """Return one person's uniform draw; the plain-integer twin of :func:`uniform`.

    Parameters
    ----------
    key : int
        From :func:`key_plain`.
    uid : int
        The person: generation << 32 | slot.

    Returns
    -------
    float
        Strictly between 0 and 1, equal to the bit to the compiled draw.
    """
    return ((bits_plain(int(key), int(uid)) >> 12) + 0.5) * _ULP


def subkey_plain(key: int, index: int) -> int:
    """Return the key of a further draw of the same decision; the twin of :func:`subkey`."""
    return _mix_plain(_mix_plain(int(key) ^ _GOLDEN) + _GOLDEN * ((int(index) + 1) & _MASK))


def normal_plain(key: int, uid: int) -> float:
    """Return one person's standard normal draw; the plain-integer twin of :func:`normal`."""
    return float(normal_quantile(uniform_plain(key, uid)))


@compiled
def _mix(z: np.uint64) -> np.uint64:
    """Return the output function of splitmix64."""
    z = (z ^ (z >> _U30)) * _U_FIRST
    z = (z ^ (z >> _U27)) * _U_SECOND
    return z ^ (z >> _U31)


@compiled
def _fill_keys(month: np.uint64, decisions: NDArray[np.int64], keys: NDArray[np.uint64]) -> None:
    """Write the keys of decisions, given what the keys of their month have in common."""
    for decision in decisions:
        state = _mix((month ^ np.uint64(decision)) + _U_GOLDEN)
        keys[decision] = _mix(state + _U_GOLDEN)


@compiled
def uniform(key: np.uint64, uid: np.uint64) -> float:
    """Return one person's uniform draw under one key.

    Parameters
    ----------
    key : numpy.uint64
        From :func:`key` or :func:`subkey`.
    uid : numpy.uint64
        The person: generation << 32 | slot (any integer type of 64 bits).

    Returns
    -------
    float
        Strictly between 0 and 1, on a grid of 2^-52 with offset 2^-53.
    """
    k = np.uint64(key)
    first = _mix(k + _U_GOLDEN * np.uint64(uid))
    bits = _mix(first + k + _U_GOLDEN)
    return (np.float64(np.int64(bits >> _U12)) + 0.5) * _ULP


@compiled
def subkey(key: np.uint64, index: np.uint64) -> np.uint64:
    """Return the key of a further draw of the same decision (the second visit, the third unit).

    Parameters
    ----------
    key : numpy.uint64
        From :func:`key`.
    index : numpy.uint64
        Which of the draws; 0 is allowed and differs from the key itself.

    Returns
    -------
    numpy.uint64
        A hashed key.
    """
    return _mix(_mix(np.uint64(key) ^ _U_GOLDEN) + _U_GOLDEN * (np.uint64(index) + _U1))


@compiled
def normal(key: np.uint64, uid: np.uint64) -> float:
    """Return one person's standard normal draw: the normal quantile of the uniform draw.

    Parameters
    ----------
    key, uid : numpy.uint64
        As in :func:`uniform`.

    Returns
    -------
    float
        Finite, within about ±8.2.
    """
    return normal_quantile(uniform(key, uid))


@compiled_with_memory
def uniforms(key: np.uint64, uids: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return the uniform draws of many people under one key.

    Parameters
    ----------
    key : numpy.uint64
        From :func:`key`.
    uids : ndarray of uint64, shape (n,)
        The people.

    Returns
    -------
    ndarray of float64, shape (n,)
        Each equal to ``uniform(key, uid)``.
    """
    draws = np.empty(uids.shape[0], dtype=np.float64)
    for i in range(uids.shape[0]):
        draws[i] = uniform(key, uids[i])
    return draws
