"""The second half of byte-level BPE: learned merges join neighbouring symbols of a word, and what is left are tokens.

Invariant: at every step, of all neighbours that have a merge, those whose merge was learned first are joined, of
several the leftmost.  n symbols cost n log n: neighbours wait in a heap, and only a new symbol's are looked at again.
"""

from heapq import heappop, heappush


def merge_word(symbols: list[str], ranks: dict[tuple[str, str], int]) -> list[str]:
    """The tokens of one word.  ranks: each pair that is merged, and how early it was learned."""
    joined = list(symbols)
    right_of = list(range(1, len(joined) + 1))       # the neighbours, by position; joined symbols leave gaps
    left_of = list(range(-1, len(joined) - 1))
    waiting = []
    for left in range(len(joined) - 1):
        add_pair(waiting, joined, left, left + 1, ranks)
    while waiting:
        rank, left, right = heappop(waiting)
        if right_of[left] != right or ranks.get((joined[left], joined[right])) != rank:
            continue                     # subtle: one of the two has been joined with something else since
        joined[left] += joined[right]
        joined[right] = ""
        after = right_of[right]
        right_of[left] = after
        if after < len(joined):
            left_of[after] = left
            add_pair(waiting, joined, left, after, ranks)
        if left_of[left] >= 0:
            add_pair(waiting, joined, left_of[left], left, ranks)
    return [symbol for symbol in joined if symbol]


def add_pair(waiting: list, joined: list[str], left: int, right: int, ranks: dict[tuple[str, str], int]) -> None:
    """Put two neighbours into the heap, if there is a merge for them."""
    rank = ranks.get((joined[left], joined[right]))
    if rank is not None:
        heappush(waiting, (rank, left, right))
