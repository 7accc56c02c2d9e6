"""Exercises 7: sampling as argmax with noise, test and correction of speculative sampling, a draft by lookup."""

import math
from random import Random

from .drafting_steps import likeliest
from .exercise import RIGHT, Exercise

CLEAR = 0.2                              # by which the best beats the second best: no rounding can swap them


def make_noisy(random: Random) -> list[dict]:
    """Rows of logits in quarters, one with a token outside the nucleus, and noise that often decides; one tie."""
    found = [{"logits_V": [1.0, 1.0, 0.0], "noise_V": [0.5, 0.5, -0.5], "temperature": 0.5}]
    while len(found) < 24:
        size = 2 + len(found) // 3
        case = {"logits_V": [random.randrange(-12, 13) / 4 for _ in range(size)],
                "noise_V": [random.randrange(-6, 17) / 4 for _ in range(size)],
                "temperature": (1.0, 0.5, 2.0, 0.25)[random.randrange(4)]}
        if len(found) % 8 == 7:
            case["logits_V"][random.randrange(size)] = -math.inf
        best, second = sorted(noisy(case), reverse=True)[:2]
        if best - second > CLEAR:
            found.append(case)
    return found


def noisy(case: dict) -> list[float]:
    """What the argmax is taken of."""
    return [logit / case["temperature"] + noise for logit, noise in zip(case["logits_V"], case["noise_V"])]


def noisy_choices(case: dict) -> dict:
    """The argmax of logits over temperature plus noise; or with the noise forgotten or divided too, or a factor."""
    pairs, temperature = list(zip(case["logits_V"], case["noise_V"])), case["temperature"]
    scores = {RIGHT: noisy(case), "the noise left out": case["logits_V"],
              "the noise divided by the temperature too": [logit + noise for logit, noise in pairs],
              "times the temperature": [logit * temperature + noise for logit, noise in pairs]}
    return {name: likeliest(row)[0] for name, row in scores.items()}


def some_shares(random: Random, size: int) -> list[float]:
    """A distribution in sixteenths, whose sums and differences are exact; some shares are 0."""
    cuts = sorted([random.randrange(17) for _ in range(size - 1)])
    return [(high - low) / 16 for low, high in zip([0, *cuts], [*cuts, 16])]


def make_tests(random: Random) -> list[dict]:
    """Drafts with a uniform number on either side of the share kept; one of share 0 that meets the number 0."""
    found = [{"target_V": [0.75, 0.25], "draft_V": [0.25, 0.75], "token": 1, "uniform": 0.625},
             {"target_V": [0.75, 0.25], "draft_V": [0.25, 0.75], "token": 0, "uniform": 0.96875},
             {"target_V": [0.75, 0.25], "draft_V": [0.25, 0.75], "token": 1, "uniform": 0.3125},
             {"target_V": [1.0, 0.0], "draft_V": [0.5, 0.5], "token": 1, "uniform": 0.0},
             {"target_V": [0.5, 0.25, 0.25], "draft_V": [0.0, 0.5, 0.5], "token": 2, "uniform": 0.4375}]
    while len(found) < 30:
        size = 2 + len(found) // 8
        target_V, draft_V = some_shares(random, size), some_shares(random, size)
        token = random.randrange(size)
        if draft_V[token]:
            kept = min(1.0, target_V[token] / draft_V[token])
            for uniform in (kept - 0.03, kept + 0.03):
                if 0 <= uniform < 1:
                    found.append({"target_V": target_V, "draft_V": draft_V, "token": token, "uniform": uniform})
    return found


def ratio_tests(case: dict) -> dict:
    """Kept with the chance min(1, target / draft); or upside down, by one share alone, by the greedy rule, <= for <."""
    target, draft, uniform = case["target_V"][case["token"]], case["draft_V"][case["token"]], case["uniform"]
    return {RIGHT: uniform < (target / draft if target < draft else 1.0),
            "the fraction upside down": uniform * target < draft, "the target's share alone": uniform < target,
            "the target's argmax only": case["token"] == likeliest(case["target_V"])[0],
            "a token of share 0 kept": uniform * draft <= target}


def make_pairs(random: Random) -> list[dict]:
    """Target and draft: different, without a common token, and equal, where no residual is left."""
    found = [{"target_V": [0.75, 0.25], "draft_V": [0.25, 0.75]}, {"target_V": [0.5, 0.5], "draft_V": [0.5, 0.5]},
             {"target_V": [0.5, 0.25, 0.25], "draft_V": [0.25, 0.25, 0.5]}, {"target_V": [1.0], "draft_V": [1.0]},
             {"target_V": [0.0, 1.0], "draft_V": [1.0, 0.0]}]
    for size in (2, 3, 3, 4, 5, 7, 12):
        found.append({"target_V": some_shares(random, size), "draft_V": some_shares(random, size)})
    return found


def left_over(case: dict) -> list[float] | None:
    """What the target gives beyond the draft, over the sum of it; None where that is nothing."""
    beyond = [target - draft if target > draft else 0.0 for target, draft in zip(case["target_V"], case["draft_V"])]
    return [share / math.fsum(beyond) for share in beyond] if any(beyond) else None


def residuals(case: dict) -> dict:
    """norm(max(0, target - draft)), None for a ValueError; or turned round, its size, its sum not 1, the target."""
    target_V, draft_V = case["target_V"], case["draft_V"]
    sizes = [abs(target - draft) for target, draft in zip(target_V, draft_V)]
    return {RIGHT: left_over(case), "draft minus target": left_over({"target_V": draft_V, "draft_V": target_V}),
            "sizes instead of a clip": [size / math.fsum(sizes) for size in sizes] if any(sizes) else None,
            "not made to sum to 1": [max(target - draft, 0.0) for target, draft in zip(target_V, draft_V)],
            "the target itself": target_V}


def make_searches(random: Random) -> list[dict]:
    """Texts of few different tokens: nothing before, a match that overlaps, the last of several, fewer than n."""
    few = [([5], 1), ([5, 7], 1), ([5, 7, 5], 1), ([5, 7, 5], 2), ([5, 7, 5, 8, 5], 1), ([4, 4, 9, 4, 4, 4], 2),
           ([1, 5, 21, 3, 1], 1), ([5, 6, 7, 3, 6, 8, 5, 6], 2), ([1, 2, 3, 9, 3, 8, 1, 2, 3], 3), ([2, 3], 5)]
    found = [{"tokens": tokens, "n": n} for tokens, n in few]
    for length in (6, 8, 10, 12, 16, 20, 24, 40):
        for n in (1, 2, 3, 4):
            found.append({"tokens": [random.randrange(2 + n // 2) for _ in range(length)], "n": n})
    return found


def best_match(case: dict, last: bool = True, overlap: bool = True, least: int = 1) -> tuple[int, int]:
    """(how many of the last n tokens stand before a place, that place), the most and then the last; (0, 0) if none."""
    tokens, found = case["tokens"], []
    for place in range(1, len(tokens)):
        for length in range(least, min(case["n"], place) + 1):
            if tokens[place - length:place] == tokens[-length:] and (overlap or place + length <= len(tokens)):
                found.append((length, place if last else -place))
    length, place = max(found, default=(0, 0))
    return length, abs(place)


def follower(case: dict, match: tuple[int, int]) -> int:
    """The token at that place; the newest one again if there is no match."""
    return case["tokens"][match[1] if match[0] else -1]


def lookups(case: dict) -> dict:
    """What followed the longest match that came last; or the first, one token only, no fewer than n, no overlap."""
    matches = {RIGHT: best_match(case), "the first occurrence": best_match(case, last=False),
               "the newest token alone": best_match({**case, "n": 1}),
               "no fewer than n tokens": best_match(case, least=case["n"]),
               "no occurrence that overlaps": best_match(case, overlap=False)}
    return {name: follower(case, match) for name, match in matches.items()}


def judge_lookup(case: dict, answer) -> str | None:
    """The right token, and where it stands."""
    (length, place), expected = best_match(case), lookups(case)[RIGHT]
    if answer == expected:
        return None
    where = (f"the last {length} of the text stood before place {place} already, and it followed them there" if length
             else "the newest token never stood there before, so it is repeated")
    return f"you say {answer}, it is {expected}: {where}"


SAMPLING_STEPS = (
    Exercise("gumbel_choice", 7, "Sampling is an argmax with noise", 5, make_noisy, noisy_choices,
             "you chose {answer}; logits over temperature, plus noise, are largest at {right}"),
    Exercise("ratio_test", 7, "Keep a draft, or not", 10, make_tests, ratio_tests,
             "you say {answer}, it is {right}: kept where uniform is below the target's share of the token over the "
             "draft's"),
    Exercise("residual", 7, "What a correction is sampled from", 10, make_pairs, residuals,
             "you gave {answer}, it is {right}: what the target gives beyond the draft, made to sum to 1; of equal "
             "distributions nothing is left: raise ValueError (None here)"),
    Exercise("lookup", 7, "A draft without a network", 10, make_searches, lookups, judge_lookup),
)
