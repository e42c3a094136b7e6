"""What holds of every payment model, this house's and strangers' alike.

`examine` is the exam of one model; `random_contract` draws contract trees from what registered
models declare of their terms; `hold_laws` asks of any tree what theory says of all of them.

Knows the payment protocol and made-up years of activity; must not know any payment model by name.
"""

from sim.testing._exam import examine, sample_context, sample_year
from sim.testing._laws import Held, hold_laws
from sim.testing._trees import multiplied, random_contract, reordered

__all__ = [
    "Held",
    "examine",
    "hold_laws",
    "multiplied",
    "random_contract",
    "reordered",
    "sample_context",
    "sample_year",
]
