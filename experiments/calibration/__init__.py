"""Calibration: parameters held to published numbers, and what those numbers cannot tell.

Knows searches, profiles and their tables; must not know behavior or pages.
"""

from experiments.calibration._forms import CalibrationForm, read_problem
from experiments.calibration.fit import Calibration, calibrate
from experiments.calibration.problem import Journal, Problem, Range, Search, Target

__all__ = [
    "Calibration",
    "CalibrationForm",
    "Journal",
    "Problem",
    "Range",
    "Search",
    "Target",
    "calibrate",
    "read_problem",
]
