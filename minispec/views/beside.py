"""What a draft had really read, laid beside what the formula asks for: one algorithm for text, figures and the page.

Invariant: tokens keep their order on both sides, and as many as can be are in common.  A token that was asked for and
not read is "missing"; one that was read and not asked for is read "besides".
"""

from ..trace import parting


def laid_beside(asked: tuple[int, ...], read: tuple[int, ...]) -> list[tuple[int | None, int | None]]:
    """Pairs (place in `asked`, place in `read`) in order; None where one side has nothing: missing, or read besides."""
    shared = first_disagreement(asked, read)
    if shared is None:
        shared = min(len(asked), len(read))
    pairs = [(place, place) for place in range(shared)]
    common = in_common(asked[shared:], read[shared:])
    left, right = shared, shared
    while left < len(asked) or right < len(read):
        here = common[left - shared][right - shared]
        if left < len(asked) and right < len(read) and asked[left] == read[right]:
            pairs.append((left, right))
            left, right = left + 1, right + 1
        elif left < len(asked) and common[left + 1 - shared][right - shared] == here:
            pairs.append((left, None))
            left += 1
        else:
            pairs.append((None, right))
            right += 1
    return pairs


def first_disagreement(text: tuple[int, ...], read: tuple[int, ...]) -> int | None:
    """The first place where what was read is not the text; None if it is a beginning of it."""
    place = parting(text, read)
    return None if place == len(read) else place


def in_common(text: tuple[int, ...], read: tuple[int, ...]) -> list[list[int]]:
    """[left][right] -> how many tokens text[left:] and read[right:] have in common, in order."""
    common = [[0] * (len(read) + 1) for _ in range(len(text) + 1)]
    for left in reversed(range(len(text))):
        for right in reversed(range(len(read))):
            if text[left] == read[right]:
                common[left][right] = common[left + 1][right + 1] + 1
            else:
                common[left][right] = max(common[left + 1][right], common[left][right + 1])
    return common
