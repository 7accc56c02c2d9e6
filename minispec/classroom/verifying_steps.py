"""Exercises 2: what the target's one pass says of the drafts, and what is kept."""

from random import Random

from .drafting_steps import texts_read, work_problem
from .exercise import RIGHT, Exercise, some_text, some_tokens
from .recorded_run import rule_of

# the course's own, [A, A, R, A, A] and its brothers (C15, C20, C22): A is a draft that is the target's choice
VERDICTS = ("", "R", "A", "RA", "AR", "AA", "RRR", "AAR", "AARA", "AARAA", "AARAAA", "ARAAAA", "AAAAAA")


def make_blocks(random: Random) -> list[dict]:
    """Texts and drafts of all lengths."""
    sizes = ((1, 0), (1, 1), (1, 2), (2, 1), (3, 3), (2, 5), (6, 2), (9, 8))
    return [{"tokens": some_tokens(random, length), "proposed": some_tokens(random, tau)} for length, tau in sizes]


def row_contexts(case: dict) -> dict:
    """Row j reads the text and the first j drafts; or no drafts at all."""
    rows = range(len(case["proposed"]) + 1)
    return {RIGHT: [case["tokens"] + case["proposed"][:j] for j in rows],
            "rows-blind-to-drafts": [case["tokens"] for _ in rows]}


def make_masks(random: Random) -> list[dict]:
    """Blocks at all places of a context."""
    sizes = [(0, 1, 1), (0, 2, 2), (1, 1, 3), (1, 2, 4), (0, 3, 5), (3, 1, 4), (2, 3, 6)]
    sizes.append((3 + random.randrange(4), 4, 12))
    return [{"start": start, "rows": rows, "positions": positions} for start, rows, positions in sizes]


def masks(case: dict) -> dict:
    """Row t sees the positions up to start + t; or with no offset, no mask inside the block, stale cells in sight."""
    start, rows, columns = case["start"], range(case["rows"]), range(case["positions"])
    end = start + case["rows"]
    return {RIGHT: [[place <= start + row for place in columns] for row in rows],
            "mask-without-offset": [[place <= row for place in columns] for row in rows],
            "no-mask-inside-the-block": [[place < end for place in columns] for row in rows],
            "stale-cells-attended": [[place <= start + row or place >= end for place in columns] for row in rows]}


def make_verifications(random: Random) -> list[dict]:
    """Blocks for a scripted target; the cache has read all but one token of the text, or fewer."""
    return [some_text(random, length, proposed=some_tokens(random, tau), cached=length - gap) for length, tau, gap in (
        (1, 0, 1), (1, 1, 1), (2, 1, 1), (2, 2, 2), (3, 2, 1), (3, 3, 3), (5, 4, 1), (4, 0, 2), (8, 6, 1), (7, 5, 4),
        (6, 9, 1))]


def row_choices(case: dict) -> list[int]:
    """The target's choice after the text and 0, 1, 2 … of the drafts."""
    rule = rule_of(case, "target")
    return [rule(case["tokens"] + case["proposed"][:j]) for j in range(len(case["proposed"]) + 1)]


def verifications(case: dict) -> dict:
    """One pass over what the cache lacks; or several, rows that read nothing or everything, the text twice."""
    rule, tokens, proposed, cached = rule_of(case, "target"), case["tokens"], case["proposed"], case["cached"]
    right, twice = row_choices(case), tokens[:cached] + tokens
    unread = tokens[cached:] + proposed
    singly = [[cached + place, [token]] for place, token in enumerate(unread)]
    return {RIGHT: {"returned": right, "target": {"passes": [[cached, unread]]}},
            "verified-one-by-one": {"returned": right, "target": {"passes": singly}},
            "rows-blind-to-drafts": {"returned": right[:1] * len(right)},
            "whole-text-fed-again": {"returned": [rule(twice + proposed[:j]) for j in range(len(right))]}}


def judge_verify(case: dict, answer) -> str | None:
    """tau + 1 choices, each after its own drafts, from one pass over what the cache lacks."""
    right = verifications(case)[RIGHT]
    if answer["returned"] == right["returned"]:
        return work_problem(answer, right)
    reads, context = texts_read(answer["target"]["passes"], case["tokens"]), case["tokens"] + case["proposed"]
    why = f"; the target had read {reads[-1]}, and not {context}" if reads and reads[-1] != context else ""
    return f"your choices are {answer['returned']}; row by row they are {right['returned']}{why}"


def make_verdicts(random: Random) -> list[dict]:
    """Drafts and choices that agree where the verdict says A."""
    patterns = list(VERDICTS)
    patterns += ["".join(["AAAR"[random.randrange(4)] for _ in range(length)]) for length in (7, 8, 9, 12)]
    found = []
    for pattern in patterns:
        choices = some_tokens(random, len(pattern) + 1)
        proposed = [choice if letter == "A" else choice + 100 for letter, choice in zip(pattern, choices)]
        if pattern.startswith("RA") or pattern == "AR":
            proposed[pattern.index("R")] = choices[pattern.index("R") + 1]       # right, but for the next place
        found.append({"proposed": proposed, "choices": choices})
    return found


def prefix_length(proposed: list[int], choices: list[int]) -> int:
    """The largest n for which the first n drafts are the first n choices."""
    return max([n for n in range(len(proposed) + 1) if proposed[:n] == choices[:n]])


def wrong_counts(proposed: list[int], choices: list[int]) -> dict:
    """Matches counted behind a mismatch, the rows shifted, the first draft never judged."""
    same = [guess == choice for guess, choice in zip(proposed, choices)]
    shifted = [guess == choice for guess, choice in zip(proposed, choices[1:])]
    return {"matches-after-a-mismatch": sum(same), "rows-shifted": [*shifted, False].index(False),
            "first-draft-unjudged": min(1, len(same)) + [*same[1:], False].index(False)}


def counts(case: dict) -> dict:
    """The length of the longest prefix on which drafts and choices agree; or those."""
    return {RIGHT: prefix_length(**case), **wrong_counts(**case)}


def make_commits(random: Random) -> list[dict]:
    """What was proposed and chosen, and how many drafts were accepted."""
    return [{"tokens": some_tokens(random, 1 + number % 4), **case, "n_accepted": prefix_length(**case)}
            for number, case in enumerate(make_verdicts(random))]


def wrong_blocks(proposed: list[int], choices: list[int], n: int) -> dict:
    """What the gallery's bugs commit, where the right block is proposed[:n] and choices[n]."""
    own = choices[n:n + 1]
    agreeing = [guess for guess, choice in zip(proposed, choices) if guess == choice]
    return {"accepted-drafts-forgotten": own, "rejected-token-committed": proposed[:n + 1] + own,
            "correction-from-the-draft": (proposed + choices[-1:])[:n + 1],
            "bonus-lost": proposed[:n] + (own if n < len(proposed) or not proposed else []),
            "correction-lost": proposed[:n] + (own if n == len(proposed) else []),
            "every-a-kept": agreeing + choices[-1:]}


def commits(case: dict) -> dict:
    """The text, the accepted drafts, the target's own token after them; or the gallery's blocks."""
    block = [case["proposed"][place] for place in range(case["n_accepted"])] + [case["choices"][case["n_accepted"]]]
    blocks = {RIGHT: block, **wrong_blocks(case["proposed"], case["choices"], case["n_accepted"])}
    return {name: case["tokens"] + block for name, block in blocks.items()}


VERIFYING_STEPS = (
    Exercise("row_contexts", 2, "What each row of the target reads", 5, make_blocks, row_contexts,
             "row {row} reads {answer} with you; it must read {right}, the text and all drafts before its own"),
    Exercise("causal_mask", 2, "Who may look at what", 5, make_masks, masks,
             "row {row} is {answer} with you; it stands at {start} + {row} and looks at 0 to its own: {right}"),
    Exercise("verify", 2, "Judge all drafts in one pass", 15, make_verifications, verifications, judge_verify),
    Exercise("count_accepted", 2, "Count the accepted drafts", 10, make_verdicts, counts,
             "you counted {answer}, it is {right}: what follows the first mismatch is not judged"),
    Exercise("commit", 2, "The text after a round", 10, make_commits, commits,
             "your text is {answer}; it must be {right}: X and y, the accepted drafts ({n_accepted}), and one token of "
             "the target's own"),
)
