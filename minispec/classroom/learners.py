"""The learner's own functions inside the real package: in a copy of it, as a bug is."""

from types import ModuleType


def with_functions(**functions) -> ModuleType:
    """The package with these functions in place of its own."""
    raise NotImplementedError("to come")
