"""Exercises 7: sampling as argmax with noise, test and correction of speculative sampling, a draft by lookup."""

import math
from random import Random

from .drafting_steps import differs, likeliest, rounded
from .exercise import Exercise

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


def judge_gumbel_choice(case: dict, answer) -> str | None:
    """The argmax of logits over temperature plus noise, and of equals the lowest id."""
    expected = likeliest(noisy(case))
    return None if answer == expected else f"you chose {answer}; of {rounded(noisy(case))} the largest is at {expected}"


def known_gumbel_choice(case: dict) -> dict:
    """Noise forgotten, or divided too; the temperature as a factor."""
    pairs = list(zip(case["logits_V"], case["noise_V"]))
    return {"the noise left out": likeliest(case["logits_V"]),
            "the noise divided by the temperature too": likeliest([logit + noise for logit, noise in pairs]),
            "times the temperature": likeliest([logit * case["temperature"] + noise for logit, noise in pairs])}


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


def judge_ratio_test(case: dict, answer) -> str | None:
    """Kept with the chance min(1, target / draft)."""
    target, draft = [case[name][case["token"]] for name in ("target_V", "draft_V")]
    kept = target / draft if target < draft else 1.0
    if answer is (case["uniform"] < kept):
        return None
    return (f"you {'keep' if answer is True else 'reject'} the draft; the target gives it {target:g}, the draft "
            f"{draft:g}, so it is kept where uniform is below {rounded(kept)}")


def known_ratio_test(case: dict) -> dict:
    """The fraction upside down, the target's share alone, the rule of greedy decoding, <= for <."""
    target, draft, uniform = case["target_V"][case["token"]], case["draft_V"][case["token"]], case["uniform"]
    return {"the fraction upside down": uniform * target < draft, "the target's share alone": uniform < target,
            "the target's argmax only": case["token"] == likeliest(case["target_V"]),
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


def judge_residual(case: dict, answer) -> str | None:
    """norm(max(0, target - draft)); None stands for a ValueError."""
    expected = left_over(case)
    if expected is None:
        what = rounded(answer) if isinstance(answer, list) else answer
        return None if answer is None else f"you gave {what}; they are equal, nothing is left: raise ValueError"
    if answer is not None and not differs(answer, expected):
        return None
    got = "raised ValueError" if answer is None else f"gave {rounded(answer)}"
    return f"you {got}; what the target gives beyond the draft, made to sum to 1, is {rounded(expected)}"


def known_residual(case: dict) -> dict:
    """The difference turned round, its size, its sum not made 1, and the target drawn from again."""
    target_V, draft_V, some = case["target_V"], case["draft_V"], case["target_V"] != case["draft_V"]
    sizes = [abs(target - draft) for target, draft in zip(target_V, draft_V)]
    return {"draft minus target": left_over({"target_V": draft_V, "draft_V": target_V}),
            "sizes instead of a clip": [size / math.fsum(sizes) for size in sizes] if some else None,
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


def judge_lookup(case: dict, answer) -> str | None:
    """What followed the longest match that came last."""
    match = best_match(case)
    expected = follower(case, match)
    if answer == expected:
        return None
    where = (f"{case['tokens'][-match[0]:]}, the longest end of the text that stood there before, was last followed "
             f"by it, at place {match[1]}" if match[0] else "the newest token never stood there before: repeat it")
    return f"you say {answer}, it is {expected}: {where}"


def known_lookup(case: dict) -> dict:
    """The first occurrence, one token whatever n is, no fewer than n, no overlap."""
    matches = {"the first occurrence": best_match(case, last=False),
               "the newest token alone": best_match({**case, "n": 1}),
               "no fewer than n tokens": best_match(case, least=case["n"]),
               "no occurrence that overlaps": best_match(case, overlap=False)}
    return {name: follower(case, match) for name, match in matches.items()}


SAMPLING_STEPS = (
    Exercise("gumbel_choice", 7, "Sampling is an argmax with noise", ("logits_V", "noise_V", "temperature"), 2, 5,
             ("C24",), 5,
             ("A temperature below 1 makes the likely tokens likelier. Which of the two does it act on?",
              "Divide the logits by the temperature first. The noise is added as it is.",
              "The argmax of `logits_V[token] / temperature + noise_V[token]`."),
             make_noisy, judge_gumbel_choice, known_gumbel_choice),
    Exercise("ratio_test", 7, "Keep a draft, or not", ("target_V", "draft_V", "token", "uniform"), 2, 8, ("C24",), 10,
             ("A draft that the target likes better than the draft model does is always kept.",
              "One that the target gives half of the draft's share is kept in half of all cases. Who divides whom?",
              "`uniform < min(1, target_V[token] / draft_V[token])`."),
             make_tests, judge_ratio_test, known_ratio_test),
    Exercise("residual", 7, "What a correction is sampled from", ("target_V", "draft_V"), 5, 10, ("C24",), 10,
             ("The drafts cover a part of the target's share. What is left of it, token by token?",
              "No share is below 0: `max(0, target - draft)`. Then all of them must sum to 1.",
              "If the sum is 0, `raise ValueError`; else divide each difference by the sum."),
             make_pairs, judge_residual, known_residual),
    Exercise("lookup", 7, "A draft without a network", ("tokens", "n"), 6, 15, ("C7",), 10,
             ("Where did the last n tokens stand before? What followed them there is a good guess.",
              "Search from the end, but not at the end itself: nothing follows there. Then with n - 1 tokens.",
              "For length n to 1, for `end` from `len(tokens) - 1` down: compare `tokens[end - length:end]`."),
             make_searches, judge_lookup, known_lookup),
)
