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
        cause = error_of(name, functions, tried, answers)
    if problem is not None:
        raise AssertionError(f"{name}: {problem}") from cause
    print(f"{name}: right in all {len(tried)} cases")


def error_of(name: str, functions: dict, tried: list, answers: list) -> Exception | None:
    """The error with which the first wrong case stopped, so that the notebook shows where; None if it did not."""
    for case, answer in zip(tried, answers):
        if verdict(name, [case], [answer]) is not None:
            try:
                call(name, functions, for_learner(case))
            except Exception as problem:         # the learner's own, and not ours to mend
                return problem
            return None
    return None


def is_written(name: str, function: Callable, seed: int = NOTEBOOK_SEED) -> bool:
    """Whether a stub has been replaced: it does not raise NotImplementedError any more."""
    try:
        call(name, {name: function}, for_learner(cases(name, seed)[0]))
    except NotImplementedError:
        return False
    except Exception:                    # any other error is of code that somebody wrote
        return True
    return True


def caught_bugs(**tests: Callable) -> str:
    """A table of the gallery's bugs and the learner's tests of exercises 6, each under its exercise's name.

    ✓ the test refuses every run in which the bug breaks its promise, ✗ it passes one; tests not written yet are left
    out.
    """
    written = {name: test for name, test in tests.items() if is_written(name, test)}
    refused = {}
    for name, test in written.items():
        for case in cases(name, NOTEBOOK_SEED):
            if case["_bug"] and find_exercise(name).problem(case, False) is None:
                answer = attempt(name, {name: test}, for_learner(case))
                refused.setdefault(case["_bug"], {}).setdefault(name, []).append(answer is False)
    lines = [" " * 30 + "  ".join([name.removeprefix("check_") for name in written])] if written else []
    for bug, found in refused.items():
        line = f"{bug:<30}"
        for name in written:
            mark = "" if name not in found else "✓" if all(found[name]) else "✗"
            line += f"{mark:<{len(name) - len('check_')}}  "
        lines.append(line.rstrip())
    missing = [name for name in tests if name not in written]
    return "\n".join(lines + [f"not written yet: {', '.join(missing)}"] * bool(missing))
