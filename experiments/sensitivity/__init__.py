"""Sensitivity: which number decides which outcome, how sure that is, and whether runs suffice.

Knows SALib's methods and what they need of a sample; reads results of sweeps as tables. Must not
know how runs are made or how figures are drawn.

In a notebook::

    from experiments import sensitivity

    found = sensitivity.analyze(results, "spending_per_person", second_order=True)
    found.table, found.pairs, found.verdicts
    sensitivity.converge(results, "spending_per_person").is_enough
    sensitivity.seed_share(results, "spending_per_person")
    sensitivity.over_months(results, "spending_per_person")
"""

from experiments.sensitivity.convergence import Convergence, converge
from experiments.sensitivity.indices import Indices, analyze
from experiments.sensitivity.methods import METHODS, Method
from experiments.sensitivity.months import over_months
from experiments.sensitivity.sample import Results, Sample, sample_of
from experiments.sensitivity.seeds import seed_share, shares_of_variance

__all__ = [
    "METHODS",
    "Convergence",
    "Indices",
    "Method",
    "Results",
    "Sample",
    "analyze",
    "converge",
    "over_months",
    "sample_of",
    "seed_share",
    "shares_of_variance",
]
