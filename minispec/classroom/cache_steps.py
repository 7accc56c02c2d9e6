"""Exercises 3: what a cache is for, what is still to be read, and how far to roll back."""

import math
from random import Random

from .drafting_steps import shares
from .exercise import RIGHT, Exercise, some_tokens


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


def heads(case: dict) -> dict:
    """Scaled dot products with the cached keys; or with stale cells in sight, or the scale forgotten."""
    root = math.sqrt(len(case["query"]))
    return {RIGHT: attended(case, case["length"], root),
            "stale-cells-attended": attended(case, len(case["keys"]), root),
            "scores not divided by the root of the channels": attended(case, case["length"], 1.0)}


def make_tails(random: Random) -> list[dict]:
    """Texts, and how much of them a cache has read: nothing, all but two, all but one, all."""
    sizes = ((1, 0), (1, 1), (2, 1), (2, 0), (3, 1), (4, 4), (5, 3), (9, 8), (12, 5))
    return [{"tokens": some_tokens(random, length), "cached": cached} for length, cached in sizes]


def tails(case: dict) -> dict:
    """The text from the first token on that the cache has not read; or the last only, all of it, a slice by a count."""
    tokens = case["tokens"]
    return {RIGHT: [token for place, token in enumerate(tokens) if place >= case["cached"]],
            "gaps-after-full-acceptance": tokens[-1:], "whole-text-fed-again": tokens,
            "minus-zero": tokens[-(len(tokens) - case["cached"]):]}


def make_lengths(random: Random) -> list[dict]:
    """Rounds of all kinds, as (tokens, tau, accepted); both caches as they are after reading."""
    kinds = [(1, 1, 0), (1, 1, 1), (2, 2, 0), (3, 0, 0), (2, 4, 2), (5, 3, 3), (20, 8, 5), (9, 6, 6)]
    kinds.append((30 + random.randrange(30), 7, 3))
    return [{"n_tokens": length, "n_committed": accepted + 1, "target_length": length + tau,
             "draft_length": length + tau - 1 if tau else length - 2} for length, tau, accepted in kinds]


def lengths(case: dict) -> dict:
    """All of the new text but its last token, or what was read; or too little, too much, in one only, by a count."""
    keep, target, draft = case["n_tokens"] + case["n_committed"] - 1, case["target_length"], case["draft_length"]
    return {RIGHT: [min(target, keep), min(draft, keep)],
            "truncate-lengthens": [keep, keep], "draft-not-rolled-back": [min(target, keep), draft],
            "target-not-rolled-back": [target, min(draft, keep)], "reset-instead-of-rollback": [0, min(draft, keep)],
            "rolled-back-too-far": [min(target, keep - 1), min(draft, keep - 1)],
            "minus-zero": [len(range(target)[:-(target - keep)]), min(draft, keep)]}


CACHE_STEPS = (
    Exercise("attend", 3, "One head looks back", 15, make_heads, heads, "you gave {answer}, it is {right}"),
    Exercise("unseen", 3, "What is still to be read", 5, make_tails, tails,
             "you gave {answer}; the cache has read the first {cached} tokens, {right} is left"),
    Exercise("lengths_to_keep", 3, "Roll back to a length", 10, make_lengths, lengths,
             "you keep {answer}, it is {right}: the last token of the new text was never fed, and truncating cannot "
             "lengthen a cache"),
)
