"""Ask which payment model is robust, and for whom.

Knows the systems and the concerns of stakeholders; must not know what a payment model does.
"""

from __future__ import annotations

from experiments.robustness import CONCERNS, robustness, summary_by_stakeholder, verdict
from experiments.studies import _systems
from experiments.studies._plan import Lived
from experiments.studies._question import Answer, Question


def _read(lived: Lived) -> Answer:
    # a small region may lack a tier: nobody there has that stake
    minded = [concern for concern in CONCERNS if concern.outcome in lived.values]
    table = robustness(lived.means(), lived.arms, minded, _systems.YARDSTICK)
    titles = {arm.id: arm.title for arm in lived.plan.arms}
    about = {"yardstick": _systems.YARDSTICK}
    said = verdict(table, titles, _systems.YARDSTICK)
    return Answer(said, summary_by_stakeholder(table), "regret", about, {"concerns": table})


QUESTION = Question(
    "who-is-served-by-which-model",
    {
        "en": "Which payment model is robust, and for whom?",
        "zh": "哪种支付方式最稳健，对谁而言？",
    },
    {
        "en": "Regret: what a stakeholder loses in a draw against the payment model that is best "
        "for it there; the worse end of nine tenths of the draws, over the spread between models. "
        "Good enough: no worse than today within a margin that the table of concerns states.",
        "zh": "遗憾：在每组参数下，某一方相对于对其最有利的支付方式所失去的部分；取九成情形中较差的"
        "一端，并除以各方式间的平均差距。满意：在规定的容差内不比现状差。",
    },
    _systems.plan,
    _read,
    draws=_systems.DRAWS,
)
