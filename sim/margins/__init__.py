"""The incentive X-ray: what a contract pays for at the margin, where it turns, and where it leaks.

``rows`` says what one more of everything brings and costs; ``view`` puts providers on the eve of a
policy; ``break_even`` finds where margins and the agents' own rules turn; ``weak_spots`` ranks what
is paid wrongly by money; ``direction`` says which way each channel of behavior should move.

Knows marginal receipts, costs, what was done, and the rules of behavior; must not know any payment
model, nor live a month of the policy it looks at.
"""
