"""Need, progression and outcome on the true side: scalar rules of health.

Knows bodies and care; must not know money, contracts or who decides.
"""
