"""The staged engine: what one person does in one month, and loops over blocks of people.

``tables`` holds what a person meets, ``person`` the stages of one person's month as scalar
functions, ``tallies_of`` how they are counted, ``kernels`` the loops, ``organization`` what
providers decide, ``world`` the state that a month changes.
"""
