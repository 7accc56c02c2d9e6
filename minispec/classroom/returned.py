"""What a learner's function returned as plain data, converted strictly.

Invariant: a NumPy number or a 0-d array is a number, a tuple or an array is a list; anything else that is not what was
asked for raises WrongKind.  Imports no other file of the package.
"""

import math

import numpy as np

# kind -> (what is taken for one, what to call it); np.tril makes truths of 1.0 and 0.0
KINDS = {int: ((int, np.integer), "a whole number"), float: ((int, float, np.integer, np.floating), "a number"),
         bool: ((bool, int, float, np.bool_, np.integer, np.floating), "True or False")}


class WrongKind(Exception):
    """What was returned cannot be read as what was asked for."""


def described(value) -> str:
    """A value for a message, on one line and not too long."""
    line = " ".join(repr(value).split())
    return f"{line if len(line) <= 60 else line[:59] + '…'} ({type(value).__name__})"


def converted(value, kind):
    """The value as int, float or bool; [kind] is a list of them, (kind, None) one of them or None.

    "nan", "inf" and "-inf" come as text, which JSON can carry.
    """
    if isinstance(kind, tuple):
        return None if value is None else converted(value, kind[0])
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(kind, list):
        if not isinstance(value, (list, tuple, np.ndarray)):
            raise WrongKind(f"{described(value)} where a list belongs")
        try:
            return [converted(member, kind[0]) for member in value]
        except WrongKind as problem:
            raise WrongKind(f"{described(value)}, in it {problem}") from None
    taken, wanted = KINDS[kind]
    is_truth = isinstance(value, (bool, np.bool_))
    if not isinstance(value, taken) or (value not in (0, 1) if kind is bool else is_truth):
        raise WrongKind(f"{described(value)} where {wanted} belongs")
    value = kind(value)
    return str(value) if kind is float and not math.isfinite(value) else value
