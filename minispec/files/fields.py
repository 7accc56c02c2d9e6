"""A dataclass from what JSON gives: every field there, of the kind that its class declares, and none over."""

from dataclasses import fields
from types import UnionType
from typing import get_args, get_origin

from ..arguments import is_whole, short_repr


def fits(value, kind) -> bool:
    """Whether a value is of a declared kind: a class, a tuple of one kind, or one of several kinds.

    A whole number is at least 0, and every number of a size that arithmetic with floats can take.
    """
    if kind is int:
        return is_whole(value) and 0 <= value < 2 ** 63
    if kind is float:
        return isinstance(value, float) or is_whole(value) and abs(value) < 2 ** 63
    if isinstance(kind, UnionType):
        return any([fits(value, one) for one in get_args(kind)])
    if get_origin(kind) is tuple:
        first, second = get_args(kind)
        right_length = isinstance(value, tuple) and (second is ... or len(value) == 2)
        return right_length and all([fits(each, first) for each in value])
    return isinstance(value, kind)


def filled(kind: type, record: dict):
    """The dataclass `kind` with the values of `record`, its lists as tuples.

    Raises TypeError for a field that is missing, over, or of another kind.
    """
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}
    for field in fields(kind):
        value = values.get(field.name)
        if not fits(value, field.type):
            raise TypeError(f"{field.name} is {short_repr(value)}; it must be {field.type}")
    if len(values) != len(fields(kind)):
        raise TypeError(f"{short_repr(sorted(values))} are not the fields of a {kind.__name__}")
    return kind(**values)
