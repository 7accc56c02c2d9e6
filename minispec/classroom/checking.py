"""`check`: the learner's function is tried on the cases of its exercise, in the notebook, for learning.

Invariant: returns None and writes nothing to stderr; what is wrong is one AssertionError with one sentence.  Marks do
not come from here: the function runs in this process and could do anything to it.
"""

import warnings
from collections.abc import Callable

import numpy as np

from .calls import attempt, call
from .exercise import for_learner
from .registry import cases, find_exercise, verdict

NOTEBOOK_SEED = 0


def check(name: str, function: Callable, seed: int = NOTEBOOK_SEED, graded: bool = False) -> None:
    """Try a function on the exercise of that name; print one line if it is right or not written yet.

    graded: what is not written yet is wrong, as in a test cell.
    Raises AssertionError with the smallest case that fails, ValueError for an unknown exercise.
    """
    find_exercise(name)
    functions = {name: function}
    tried = cases(name, seed)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if not is_written(name, function, seed):
            if graded:
                raise AssertionError(f"{name}: not written yet")
            print(f"{name}: not written yet")
            return
        answers = [attempt(name, functions, for_learner(case)) for case in tried]
    problem = verdict(name, tried, answers)
    if problem is not None:
        raise AssertionError(f"{name}: {problem}")
    print(f"{name}: right in all {len(tried)} cases")


def is_written(name: str, function: Callable, seed: int = NOTEBOOK_SEED) -> bool:
    """Whether a stub has been replaced: it does not raise NotImplementedError any more."""
    try:
        call(name, {name: function}, for_learner(cases(name, seed)[0]))
    except NotImplementedError:
        return False
    except Exception:                    # any other error is of code that somebody wrote
        return True
    return True
