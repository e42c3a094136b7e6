"""From a contract's gradient to what one more of each activity brings a provider in all.

Knows what a contract covers and what the rest is charged; must not know which contract it was.
"""

from typing import NamedTuple

import numpy as np

from sim.engine.tables import Float, Int
from sim.numerics import compiled


class Slopes(NamedTuple):
    """A contract's gradient, currency per unit; r providers, axes as in :class:`sim.Activity`."""

    visits: Float
    units: Float
    bed_days: Float
    admissions: Float
    cases_side: Float
    charges_side: Float
    episodes: Float


class Listed(NamedTuple):
    """What uncovered care is charged, and how a mean stay is made up; n providers.

    ``share`` (n, 2) is the covered share of outpatient and of inpatient charges; ``level`` (3,)
    what the payer allows over the list by setting; ``opens`` (n, G) whether a stay of a group
    opens an episode; ``follows`` (n,) what is spent in one beyond the stay that opens it.
    """

    share: Float
    setting_of: Int
    price_out: Float
    price_in: Float
    day_price: Float
    level: Float
    share_level: Float
    mode_share: Float
    opens: Int
    follows: Float


class Receipts(NamedTuple):
    """The arrays of :class:`sim.engine.organization.Marginals` that are worked out here."""

    visit: Float
    out: Float
    inside: Float
    day: Float
    case: Float
    step: Float
    split: Float
    mode: Float
    bands: Float
    amounts: Float
    slopes: Float


@compiled
def write_receipts(
    rows: Int, y: int, m: Slopes, has_sides: bool, listed: Listed, to: Receipts
) -> None:
    """Write what payer y's contract brings the providers ``rows``, in place.

    Where no side of a stay brings anything, ``has_sides`` is false and amounts and slopes, nothing
    before either, stay untouched.

    What is uncovered comes at list price. Beyond a contract's last side or band nothing ever
    lands: its numbers are repeated there. On top of ``mode`` at list price comes what the contract
    pays by mode. Whatever is spent on a stay that opens an episode belongs to it, and with the
    episode comes what is spent after the stay in the mean, wherever.
    """
    n_groups = to.day.shape[2]
    n_modes = m.admissions.shape[3]
    last_band = m.bed_days.shape[2] - 1
    last_side = m.cases_side.shape[3] - 1
    n_sides = to.amounts.shape[4] if has_sides else 0
    for r in range(rows.shape[0]):
        p = rows[r]
        outpatient = listed.setting_of[p]
        out = listed.share[p, 0]
        inside = listed.share[p, 1]
        to.visit[p, y] = m.visits[r, outpatient]
        for j in range(4):
            uncovered = (1.0 - out) * listed.price_out[p, j] * listed.level[outpatient]
            to.out[p, y, j] = out * m.units[r, outpatient, j] + uncovered
            uncovered = (1.0 - inside) * listed.price_in[p, j] * listed.level[2]
            to.inside[p, y, j] = inside * m.units[r, 2, j] + uncovered
        day = (1.0 - inside) * listed.day_price[p] * listed.level[2]
        for g in range(n_groups):
            for b in range(to.bands.shape[3]):
                band = min(b, last_band)
                to.bands[p, y, g, b] = inside * m.bed_days[r, g, band] + day
            to.day[p, y, g] = to.bands[p, y, g, 0]
            opens = listed.opens[p, g] > 0
            spent = m.episodes[r, 0, 1] if opens else 0.0
            ended = m.episodes[r, 0, 0] + spent * listed.follows[p] if opens else 0.0
            split = 0.0
            for level in range(3):
                if n_modes == 1:
                    case = m.admissions[r, g, level, 0] + m.visits[r, 2]
                else:
                    case = 0.0
                    for k in range(n_modes):
                        by_mode = m.admissions[r, g, level, k] + m.visits[r, 2]
                        case += by_mode * listed.mode_share[g, k]
                        to.mode[p, y, g, k] += by_mode * listed.share_level[g, level]
                to.case[p, y, g, level] = case
                if level > 0:
                    to.step[p, y, g, level - 1] = case - to.case[p, y, g, level - 1]
                split += case * listed.share_level[g, level]
                for s in range(n_sides):
                    side = min(s, last_side)
                    to.amounts[p, y, g, level, s] = m.cases_side[r, g, level, side] + ended
                    to.slopes[p, y, g, level, s] = m.charges_side[r, g, level, side] + spent
            to.split[p, y, g] = split


def rows_of(span: Int | slice, n: int) -> Int:
    """Return the providers that a span names, as indices."""
    return np.arange(n, dtype=np.int64)[span]
