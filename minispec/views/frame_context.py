"""What a draft had really read, laid beside what the formula asks for.

Invariant: tokens keep their order on both sides; a token that was asked for and not read is `missing`, one that was
read and not asked for is read `besides`.  Where both are the same, the context stays as it is.
"""

from dataclasses import replace

from ..trace import Trace
from .frame_data import Cell, Frame
from .frame_record import named

Read = tuple[tuple[tuple[int, ...], ...], ...]   # round by round, draft by draft: the whole text that was read


def read_context(trace: Trace, context: tuple[Cell, ...], read: tuple[int, ...]) -> tuple[Cell, ...]:
    """The context with its missing tokens marked, and what was read besides where it was read.

    A cell read besides has the position at which the draft read it.
    """
    shared = agreement([cell.token for cell in context], read)
    if shared is None and len(read) == len(context):
        return context
    shared = len(read) if shared is None else shared
    cells, at = list(context[:shared]), shared
    for cell, token in aligned(context[shared:], read[shared:]):
        if token is None:
            cells.append(replace(cell, state="missing"))
            continue
        cells.append(cell if cell is not None else Cell(at, token, named(trace, token), "besides"))
        at += 1
    return tuple(cells)


def agreement(text: list[int], read: tuple[int, ...]) -> int | None:
    """The first place where what was read is not the text; None if it is a beginning of it."""
    for place, token in enumerate(read):
        if place >= len(text) or text[place] != token:
            return place
    return None


def aligned(context: tuple[Cell, ...], read: tuple[int, ...]) -> list[tuple[Cell | None, int | None]]:
    """Pairs (asked for, read) with as many tokens in common as there can be; None where one side has nothing."""
    common = in_common([cell.token for cell in context], read)
    pairs, left, right = [], 0, 0
    while left < len(context) or right < len(read):
        here = common[left][right]
        if left < len(context) and right < len(read) and context[left].token == read[right]:
            pairs.append((context[left], read[right]))
            left, right = left + 1, right + 1
        elif left < len(context) and common[left + 1][right] == here:
            pairs.append((context[left], None))
            left += 1
        else:
            pairs.append((None, read[right]))
            right += 1
    return pairs


def in_common(text: list[int], read: tuple[int, ...]) -> list[list[int]]:
    """[left][right] -> how many tokens text[left:] and read[right:] have in common, in order."""
    common = [[0] * (len(read) + 1) for _ in range(len(text) + 1)]
    for left in reversed(range(len(text))):
        for right in reversed(range(len(read))):
            if text[left] == read[right]:
                common[left][right] = common[left + 1][right + 1] + 1
            else:
                common[left][right] = max(common[left + 1][right], common[left][right + 1])
    return common


def asked(frame: Frame, kind: str) -> list[Cell]:
    """The cells that the formula asks for of a kind, "prompt", "committed" or "pending", the missing ones too."""
    states = [cell.state for cell in frame.cells]
    return [cell for cell in frame.context if cell.state != "besides" and states[cell.position] == kind]


def of_state(context: tuple[Cell, ...] | list[Cell], state: str) -> list[Cell]:
    """The context's cells in that state."""
    return [cell for cell in context if cell.state == state]
