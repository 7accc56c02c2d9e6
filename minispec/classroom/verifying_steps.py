"""Exercises 2: what the target's one pass says of the drafts, and what is kept."""

from random import Random

from .exercise import Exercise

# the course's own: [A, A, R, A, A] and its brothers (C15, C20, C22), where A is a draft that is the target's choice
VERDICTS = ("", "R", "A", "AR", "RA", "AARAA", "AARAAA", "ARAAAA", "AAAAAA", "RRR", "AAR")


def make_verdicts(random: Random) -> list[dict]:
    """Drafts and choices that agree where the verdict says A."""
    found = []
    patterns = list(VERDICTS) + ["".join(["AR"[random.randrange(4) == 0] for _ in range(length)])
                                 for length in (7, 8, 9, 12)]
    for pattern in patterns:
        choices = [random.randrange(10, 99) for _ in range(len(pattern) + 1)]
        proposed = [choice if letter == "A" else (choice + 1 + random.randrange(5)) % 99
                    for letter, choice in zip(pattern, choices)]
        found.append({"proposed": proposed, "choices": choices})
    return found


def judge_count_accepted(case: dict, answer) -> str | None:
    """The length of the longest prefix on which drafts and choices agree."""
    proposed, choices = case["proposed"], case["choices"]
    expected = max([n for n in range(len(proposed) + 1) if proposed[:n] == choices[:n]])
    if answer == expected:
        return None
    letters = [" A" if guess == choice else " R" for guess, choice in zip(proposed, choices)]
    return (f"proposed={proposed}, choices={choices}: you counted {answer}, it is {expected}; verdicts"
            f"{''.join(letters)}, and what follows the first R is not judged")


def known_count_accepted(case: dict) -> dict:
    """What the gallery's bugs of judging answer."""
    proposed, choices = case["proposed"], case["choices"]
    same = [guess == choice for guess, choice in zip(proposed, choices)]
    shifted = [guess == choice for guess, choice in zip(proposed, choices[1:])]
    return {"matches-after-a-mismatch": sum(same), "rows-shifted": (shifted + [False]).index(False),
            "first-draft-unjudged": min(1, len(same)) + (same[1:] + [False]).index(False)}


VERIFYING_STEPS = (
    Exercise("count_accepted", 2, "Count the accepted drafts", ("proposed", "choices"), 4, 10, ("C9", "C15", "C20"), 10,
             ("Not how many agree: how many agree before the first that does not.",
              "Walk along both lists together and stop at the first difference.",
              "n = 0; while n < len(proposed) and proposed[n] == choices[n]: n += 1."),
             make_verdicts, judge_count_accepted, known_count_accepted),
)
