"""Studies: one file, one question, answered over what is not known, in one sentence.

Knows questions and the plans that answer them; must not know pages. Run by ``payshift study``.
"""

from experiments.studies._plan import REAL, SMALL, Arm, Lived, Plan, Size, live
from experiments.studies._question import Answer, Question, load_question, questions, summary, write

__all__ = [
    "REAL",
    "SMALL",
    "Answer",
    "Arm",
    "Lived",
    "Plan",
    "Question",
    "Size",
    "live",
    "load_question",
    "questions",
    "summary",
    "write",
]
