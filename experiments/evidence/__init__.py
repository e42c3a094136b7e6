"""Evidence: published findings as data, what the model gives for each, hit or miss.

Knows studies and how each is replayed; must not know any rule of behavior, and nothing here is read
by a run.
"""
