"""Exercises 1: what a draft is conditioned on, and how the drafts of a round are made."""

from random import Random

from .exercise import Exercise


def make_logits(random: Random) -> list[dict]:
    """Rows of logits in quarters, among them ties, negative ones, and the likeliest at either end."""
    found = [{"logits": row} for row in ([1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [-2.0, -1.0, -3.0], [0.5, 0.25, 0.5])]
    for size in (4, 7, 12, 30):
        row = [random.randrange(-20, 20) / 4 for _ in range(size)]
        first, second = random.randrange(size // 2), size // 2 + random.randrange(size - size // 2)
        row[first] = row[second] = 6.0
        found.append({"logits": row})
    return found


def likeliest(logits: list[float]) -> int:
    """The lowest id whose logit no other exceeds."""
    return min([token for token in range(len(logits)) if all([other <= logits[token] for other in logits])])


def judge_next_token(case: dict, answer) -> str | None:
    """The argmax, and of equals the lowest id."""
    expected = likeliest(case["logits"])
    if answer == expected:
        return None
    tie = "; of equal logits the lowest id wins" if case["logits"].count(max(case["logits"])) > 1 else ""
    return f"logits={case['logits']}: you chose {answer}, the likeliest token is {expected}{tie}"


def known_next_token(case: dict) -> dict:
    """What the gallery's bugs of the argmax answer."""
    logits = case["logits"]
    return {"ties-to-the-last": max([token for token in range(len(logits)) if logits[token] == max(logits)])}


def make_contexts(random: Random) -> list[dict]:
    """Prompts, verified tokens and drafts of all lengths, with every draft asked for."""
    found = []
    for prompt, verified, tau in ((1, 0, 1), (1, 1, 2), (1, 1, 3), (2, 0, 3), (2, 3, 4), (3, 2, 6)):
        tokens = [random.randrange(10, 99) for _ in range(prompt + verified + tau)]
        for t in range(1, tau + 1):
            found.append({"prompt": tokens[:prompt], "verified": tokens[prompt:prompt + verified],
                          "drafts": tokens[prompt + verified:], "t": t})
    return found


def judge_draft_context(case: dict, answer) -> str | None:
    """X, the verified tokens, and every earlier draft of the round."""
    expected = case["prompt"] + case["verified"]
    for number, draft in enumerate(case["drafts"], start=1):
        if number < case["t"]:
            expected = expected + [draft]
    if answer == expected:
        return None
    return (f"prompt={case['prompt']}, verified={case['verified']}, drafts={case['drafts']}, t={case['t']}: you gave "
            f"{answer}, draft {case['t']} is conditioned on {expected}: X, y and all earlier drafts, and no later one")


def known_draft_context(case: dict) -> dict:
    """What the gallery's bugs of the context answer."""
    text, earlier = case["prompt"] + case["verified"], case["drafts"][:case["t"] - 1]
    return {"first-draft-only": text + earlier[:1], "no-earlier-drafts": text, "last-draft-only": text + earlier[-1:]}


DRAFTING_STEPS = (
    Exercise("next_token", 1, "Pick the likeliest token", ("logits",), 1, 5, ("C1",), 5,
             ("You want the position of the largest number, not the number.",
              "max(logits) finds the number; at which index does it first stand?",
              "logits.index(max(logits)), or int(np.argmax(logits))."),
             make_logits, judge_next_token, known_next_token),
    Exercise("draft_context", 1, "What a draft is conditioned on", ("prompt", "verified", "drafts", "t"), 1, 5,
             ("C7", "C8", "C13"), 5,
             ("The formula has three parts before the bar; write them down in order.",
              "Draft 1 has no earlier drafts, draft 3 has two.",
              "prompt + verified + the first t - 1 drafts."),
             make_contexts, judge_draft_context, known_draft_context),
)
