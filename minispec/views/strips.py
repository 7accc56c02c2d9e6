"""One model's cache over positions: which of the cache's states each position is in.

Invariant: all of it follows from recorded lengths and, where somebody watched, from what was read; no cache is looked
into.
"""

from dataclasses import dataclass

from .palette import CELLS


@dataclass(frozen=True)
class Strip:
    """A cache at one moment."""

    length: int
    valid: int                           # positions whose token is known to be in the text
    written: int                         # the furthest position that was ever written
    gap_end: int = 0                     # it lacks the positions length … gap_end - 1, which the other model has read
    foreign: int | None = None           # from here on it holds other tokens than the text; None: nowhere, or unknown

    def state(self, position: int) -> str:
        """A key of palette.CACHE_STATES."""
        if position < self.length:
            if self.foreign is not None and position >= self.foreign:
                return "foreign"
            return "cached" if position < self.valid else "tentative"
        if position < self.gap_end:
            return "unread gap"
        return "stale" if position < self.written else "free"

    def cells(self, first: int, end: int) -> str:
        """One sign a position, from `first` to before `end`."""
        return "".join(CELLS[self.state(position)] for position in range(first, end))
