"""Exercises 3: what a cache is for, what is still to be read, and how far to roll back."""

import math
from random import Random

from .drafting_steps import differs, rounded, shares
from .exercise import Exercise, some_tokens


def make_heads(random: Random) -> list[dict]:
    """One query of one head, and a cache whose cells behind `length` still hold what was rolled back."""
    found = []
    for channels, length, capacity in ((1, 1, 1), (1, 2, 2), (1, 1, 3), (4, 2, 2), (4, 3, 5), (2, 4, 7), (9, 6, 8)):
        rows = [[random.randrange(-8, 9) / 4 for _ in range(channels)] for _ in range(2 * capacity + 1)]
        rows[0] = [(1 + random.randrange(6)) / 4 for _ in range(channels)]
        found.append({"query": rows[0], "keys": rows[1:capacity + 1], "values": rows[capacity + 1:], "length": length})
    return found


def attended(case: dict, cells: int, divisor: float) -> list[float]:
    """The mean of the first `cells` values, weighted by the softmax of query times key over `divisor`."""
    scores = [math.fsum([a * b for a, b in zip(case["query"], key)]) / divisor for key in case["keys"][:cells]]
    weights = shares(scores)
    return [math.fsum([weight * value[channel] for weight, value in zip(weights, case["values"])])
            for channel in range(len(case["query"]))]


def judge_attend(case: dict, answer) -> str | None:
    """Scaled dot products with the cached keys, softmax, weighted mean of the cached values."""
    expected = attended(case, case["length"], math.sqrt(len(case["query"])))
    return None if not differs(answer, expected) else f"you gave {rounded(answer)}, it is {rounded(expected)}"


def known_attend(case: dict) -> dict:
    """Stale cells in sight, and the scale forgotten."""
    return {"stale-cells-attended": attended(case, len(case["keys"]), math.sqrt(len(case["query"]))),
            "scores not divided by the root of the channels": attended(case, case["length"], 1.0)}


def make_tails(random: Random) -> list[dict]:
    """Texts, and how much of them a cache has read: nothing, all but two, all but one, all."""
    sizes = ((1, 0), (1, 1), (2, 1), (2, 0), (3, 1), (4, 4), (5, 3), (9, 8), (12, 5))
    return [{"tokens": some_tokens(random, length), "cached": cached} for length, cached in sizes]


def judge_unseen(case: dict, answer) -> str | None:
    """The text from the first token on that the cache has not read."""
    expected = [token for place, token in enumerate(case["tokens"]) if place >= case["cached"]]
    if answer == expected:
        return None
    return f"you gave {answer}; the cache has read the first {case['cached']} tokens, {expected} is left"


def known_unseen(case: dict) -> dict:
    """The last token only, the whole text, a slice by a count."""
    tokens = case["tokens"]
    return {"gaps-after-full-acceptance": tokens[-1:], "whole-text-fed-again": tokens,
            "minus-zero": tokens[-(len(tokens) - case["cached"]):]}


def make_lengths(random: Random) -> list[dict]:
    """Rounds of all kinds, as (tokens, tau, accepted); both caches as they are after reading."""
    kinds = [(1, 1, 0), (1, 1, 1), (2, 2, 0), (3, 0, 0), (2, 4, 2), (5, 3, 3), (20, 8, 5), (9, 6, 6)]
    kinds.append((30 + random.randrange(30), 7, 3))
    found = []
    for length, tau, accepted in kinds:
        draft = length + tau - 1 if tau else length - 2
        found.append({"n_tokens": length, "n_committed": accepted + 1, "target_length": length + tau,
                      "draft_length": draft})
    return found


def judge_lengths(case: dict, answer) -> str | None:
    """All of the new text but its last token; a cache that has read less keeps what it has."""
    text = case["n_tokens"] + case["n_committed"]
    expected = [len(range(min(read, text - 1))) for read in (case["target_length"], case["draft_length"])]
    if answer == expected:
        return None
    return (f"you keep {answer}, it is {expected}: the new text has {text} tokens, its last one was never fed, and "
            f"truncating cannot lengthen a cache")


def known_lengths(case: dict) -> dict:
    """Too little, too much, in one cache only, or by a count."""
    keep, target, draft = case["n_tokens"] + case["n_committed"] - 1, case["target_length"], case["draft_length"]
    return {"truncate-lengthens": [keep, keep], "draft-not-rolled-back": [min(target, keep), draft],
            "target-not-rolled-back": [target, min(draft, keep)], "reset-instead-of-rollback": [0, min(draft, keep)],
            "rolled-back-too-far": [min(target, keep - 1), min(draft, keep - 1)],
            "minus-zero": [len(range(target)[:-(target - keep)]), min(draft, keep)]}


CACHE_STEPS = (
    Exercise("attend", 3, "One head looks back", ("query", "keys", "values", "length"), 6, 15, ("C6",), 15,
             ("How well does the query fit each cached key? What lies behind `length` is stale and must not count.",
              "Score: dot product over the square root of the number of channels. Then softmax.",
              "Weights from the first `length` keys; the answer is the sum of weight times value, channel by channel."),
             make_heads, judge_attend, known_attend),
    Exercise("unseen", 3, "What is still to be read", ("tokens", "cached"), 1, 3, ("C6",), 5,
             ("The cache has read the first `cached` tokens.",
              "After a full acceptance two tokens are left, not one; and sometimes none.",
              "A slice that begins at `cached`."),
             make_tails, judge_unseen, known_unseen),
    Exercise("lengths_to_keep", 3, "Roll back to a length",
             ("n_tokens", "n_committed", "target_length", "draft_length"), 3, 12, ("C6", "C12"), 10,
             ("How long is the text after the round, and which of its tokens has no model read?",
              "Both keep all of the new text but its last token, if they have read as much.",
              "`keep = n_tokens + n_committed - 1`, and `min` with each length."),
             make_lengths, judge_lengths, known_lengths),
)
