"""Whether a dataclass that came from a file has in each field what its class declares."""

from dataclasses import fields

from ..arguments import is_whole, short_repr


def is_count(value) -> bool:
    """Whether `value` is a whole number of at least 0, and of a size that arithmetic with floats can take."""
    return is_whole(value) and 0 <= value < 2 ** 63


def is_real(value) -> bool:
    """Whether `value` is a number, whole or not."""
    return is_whole(value) and abs(value) < 2 ** 63 or isinstance(value, float)


def is_text(value) -> bool:
    return isinstance(value, str)


ONE = {int: is_count, float: is_real, str: is_text}
SEVERAL = {tuple[int, ...]: is_count, tuple[int, int]: is_count, tuple[float, ...]: is_real}


def checked_fields(record):
    """The dataclass `record` itself.  Raises TypeError for a field of another kind; kinds not listed above pass."""
    for field in fields(record):
        value = getattr(record, field.name)
        good = True
        if field.type in ONE:
            good = ONE[field.type](value)
        elif field.type in SEVERAL:
            good = isinstance(value, tuple) and all(map(SEVERAL[field.type], value))
        if not good:
            raise TypeError(f"{field.name} is {short_repr(value)}; it must be {field.type}")
    return record
