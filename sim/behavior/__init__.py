"""What agents do: one small scalar rule per choice, written like its equation.

Rules see marginal receipts, costs and patients; they must not know which payment model the
receipts come from. Money is in units of the region's currency (CNY in the county), time in months
unless a name says otherwise, chance comes in as uniform draws in (0, 1). Every rule is a pure
function, compiled, and reachable as plain Python under ``.py_func`` with results equal to the bit.
"""
