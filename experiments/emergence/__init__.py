"""What must emerge from the incentives, and what must not: claims, their conditions, placebo twins.

Run as ``python -m experiments.emergence`` (``make emergence``): lives the county through several
contracts with the same people and luck, asks of every claim whether its sign came out in nearly all
seeds and over the ranges of what is assumed, and writes the record into ``records/emergence``.
``--only downstream points`` lives those claims alone and leaves the other rows as they are.

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

No number here is fitted. Claims and their conditions come from theory; what was chosen or restated
after a first look at effects is told at the head of the record and in :mod:`.five_models`.

Rooms, from the ground up: ``arms`` (what is paid, and where), ``lives`` (runs), ``measures`` and
``conditions`` (what is read off them), ``claim``, ``five_models`` and ``language`` (the claims),
``study`` (what is drawn and judged), ``record``.
"""

from __future__ import annotations

from experiments.emergence.arms import ARMS, GROUNDS
from experiments.emergence.claim import Claim, Placebo
from experiments.emergence.claims import CLAIMS, PLACEBOS
from experiments.emergence.lives import Life, lives
from experiments.emergence.measures import OPEN
from experiments.emergence.record import as_data, as_text, merged
from experiments.emergence.study import (
    Job,
    Journal,
    Judgment,
    Read,
    Study,
    judged,
    parameter_draws,
    study,
    swept_parameters,
    verdicts,
)

__all__ = [
    "ARMS",
    "CLAIMS",
    "GROUNDS",
    "OPEN",
    "PLACEBOS",
    "Claim",
    "Job",
    "Journal",
    "Judgment",
    "Life",
    "Placebo",
    "Read",
    "Study",
    "as_data",
    "as_text",
    "judged",
    "lives",
    "merged",
    "parameter_draws",
    "study",
    "swept_parameters",
    "verdicts",
]
