"""One month of the same mathematics in several tools, timed in turn.

`month.py` states the mathematics; `in_*.py` write it once for each tool, as its users would;
`python -m tests.bench.peers` makes an environment for each peer and prints the ratios. None of the
peers is a dependency of the package.
"""
