"""What a learner's function returned as plain data, converted strictly.

Invariant: a NumPy number or a 0-d array is a number, a tuple or an array is a list; anything else that is not what was
asked for raises WrongKind.  Imports no other file of the package.
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


def real(value) -> float | str:
    """A Python float from any real number; "nan", "inf" and "-inf" as text, which JSON can carry."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise WrongKind(f"{described(value)} where a number belongs")
    value = float(value)
    return value if math.isfinite(value) else str(value)


def truth(value) -> bool:
    """True or False, or 1 or 0, Python's or NumPy's; np.tril makes 1.0 and 0.0."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)) or value not in (0, 1):
        raise WrongKind(f"{described(value)} where True or False belongs")
    return bool(value)


def listed(value, kind) -> list:
    """A list from a list, a tuple or an array of one axis or more, each member converted by `kind`."""
    if isinstance(value, np.ndarray) and value.ndim > 0 or isinstance(value, (list, tuple)):
        try:
            return [kind(member) for member in value]
        except WrongKind as problem:
            raise WrongKind(f"{described(value)}, in it {problem}") from None
    raise WrongKind(f"{described(value)} where a list belongs")


def wholes(value) -> list[int]:
    """A list of whole numbers."""
    return listed(value, whole)


def reals(value) -> list:
    """A list of numbers."""
    return listed(value, real)


def optional_real(value) -> float | str | None:
    """A number, or None."""
    return None if value is None else real(value)


def whole_lists(value) -> list[list[int]]:
    """A list of lists of whole numbers."""
    return listed(value, wholes)


def truths(value) -> list[bool]:
    """A list of truths."""
    return listed(value, truth)


def truth_table(value) -> list[list[bool]]:
    """A list of lists of truths."""
    return listed(value, truths)
