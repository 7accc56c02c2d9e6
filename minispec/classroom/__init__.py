"""The classroom: exercises with cases and judges, and `check`, which tries a learner's function on them."""

from .checking import caught_bugs, check
from .learners import with_functions
