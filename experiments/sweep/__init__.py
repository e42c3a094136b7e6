"""Parameter sweeps: a design, its runs over processes or machines, a store that survives.

Knows designs, executors and the store; must not know what an outcome means nor how it is analyzed.
Nothing is imported here, so that a worker process loads only what its model needs.
"""
