"""The learner's side: a case becomes arguments, the learner's function runs, its answer becomes plain data.

Invariant: nothing here knows what is right.  Imports the core and the standard library only, so that it can be shipped
with the hand-out edition.  What a learner returns is converted strictly: NumPy integers and 0-d arrays are fine,
anything else that is not what was asked for is reported as a wrong kind.
"""

import math

import numpy as np


class WrongKind(Exception):
    """What was returned cannot be read as what was asked for."""


def described(value) -> str:
    """A value for a message, on one line and not too long."""
    line = " ".join(repr(value).split())
    return f"{line if len(line) <= 60 else line[:59] + '…'} ({type(value).__name__})"


def whole(value) -> int:
    """A Python int from an int, Python's or NumPy's."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise WrongKind(f"{described(value)} where a whole number belongs")
    return int(value)


def number(value) -> float | str:
    """A Python float from any real number; "nan", "inf" and "-inf" as text, which JSON can carry."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise WrongKind(f"{described(value)} where a number belongs")
    value = float(value)
    return value if math.isfinite(value) else str(value)


def listed(value) -> list:
    """A list from a list, a tuple or an array of one axis or more."""
    if isinstance(value, np.ndarray) and value.ndim > 0 or isinstance(value, (list, tuple)):
        return list(value)
    raise WrongKind(f"{described(value)} where a list belongs")


def wholes(value) -> list[int]:
    """A list of whole numbers."""
    return [whole(each) for each in listed(value)]


def call_next_token(functions: dict, case: dict):
    """The id of the likeliest token."""
    return whole(functions["next_token"](list(case["logits"])))


def call_draft_context(functions: dict, case: dict):
    """The tokens that one draft is conditioned on."""
    return wholes(functions["draft_context"](list(case["prompt"]), list(case["verified"]), list(case["drafts"]),
                                             case["t"]))


def call_count_accepted(functions: dict, case: dict):
    """The length of the accepted prefix."""
    return whole(functions["count_accepted"](list(case["proposed"]), list(case["choices"])))


CALLS = {"next_token": call_next_token, "draft_context": call_draft_context, "count_accepted": call_count_accepted}


def call(name: str, functions: dict, case: dict):
    """The learner's answer to a case as plain data.  What the learner's function raises is raised.

    functions: name -> function; the one called `name` must be among them.
    """
    try:
        return CALLS[name](functions, case)
    except WrongKind as problem:
        return {"wrong kind": str(problem)}


def attempt(name: str, functions: dict, case: dict):
    """`call`, with an error of the learner's function as an answer too."""
    try:
        return call(name, functions, case)
    except Exception as problem:         # whatever a learner's code may raise
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}
