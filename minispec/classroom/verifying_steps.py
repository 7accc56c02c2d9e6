"""Exercises 2: what the target's one pass says of the drafts, and what is kept."""

from random import Random

from .drafting_steps import texts_read
from .exercise import Exercise, some_tokens
from .recorded_run import rule_of

# the course's own, [A, A, R, A, A] and its brothers (C15, C20, C22): A is a draft that is the target's choice
VERDICTS = ("", "R", "A", "RA", "AR", "AA", "RRR", "AAR", "AARA", "AARAA", "AARAAA", "ARAAAA", "AAAAAA")


def make_blocks(random: Random) -> list[dict]:
    """Texts and drafts of all lengths."""
    sizes = ((1, 0), (1, 1), (1, 2), (2, 1), (3, 3), (2, 5), (6, 2), (9, 8))
    return [{"tokens": some_tokens(random, length), "proposed": some_tokens(random, tau)} for length, tau in sizes]


def judge_row_contexts(case: dict, answer) -> str | None:
    """Row j reads the text and the first j drafts."""
    tokens, proposed = case["tokens"], case["proposed"]
    expected = [tokens]
    for draft in proposed:
        expected = expected + [expected[-1] + [draft]]
    if answer == expected:
        return None
    if len(answer) != len(expected):
        return f"you gave {len(answer)} rows; {len(proposed)} drafts need {len(expected)}, the last one for the bonus"
    row = [got == right for got, right in zip(answer, expected)].index(False)
    return (f"row {row} reads {answer[row]} with you; it must read {expected[row]}, the text and all drafts before the "
            f"place it judges")


def known_row_contexts(case: dict) -> dict:
    """Rows that do not read the drafts."""
    return {"rows-blind-to-drafts": [case["tokens"]] * (len(case["proposed"]) + 1)}


def make_masks(random: Random) -> list[dict]:
    """Blocks at all places of a context."""
    sizes = [(0, 1, 1), (0, 2, 2), (1, 1, 3), (1, 2, 4), (0, 3, 5), (3, 1, 4), (2, 3, 6)]
    sizes.append((3 + random.randrange(4), 4, 12))
    return [{"start": start, "rows": rows, "positions": positions} for start, rows, positions in sizes]


def judge_causal_mask(case: dict, answer) -> str | None:
    """Row t stands at position start + t, and looks at the positions up to its own."""
    for t in range(case["rows"]):
        own = case["start"] + t
        expected = [True] * (own + 1) + [False] * (case["positions"] - own - 1)
        got = answer[t] if t < len(answer) else "missing"
        if got != expected:
            return f"row {t} is {got} with you; it stands at position {own} and looks at 0 to {own}: {expected}"
    extra = len(answer) - case["rows"]
    return f"you gave {len(answer)} rows, {extra} too many" if extra else None


def known_causal_mask(case: dict) -> dict:
    """No offset, no mask inside the block, stale cells in sight."""
    start, rows, columns = case["start"], range(case["rows"]), range(case["positions"])
    end = start + case["rows"]
    return {"mask-without-offset": [[place <= row for place in columns] for row in rows],
            "no-mask-inside-the-block": [[place < end for place in columns] for row in rows],
            "stale-cells-attended": [[place <= start + row or place >= end for place in columns] for row in rows]}


def make_verifications(random: Random) -> list[dict]:
    """Blocks for a scripted target; the cache has read all but one token of the text, or fewer."""
    found = []
    for length, tau, gap in ((1, 0, 1), (1, 1, 1), (2, 1, 1), (2, 2, 2), (3, 2, 1), (3, 3, 3), (5, 4, 1), (4, 0, 2),
                             (8, 6, 1), (7, 5, 4), (6, 9, 1)):
        found.append({"vocab": 60 + random.randrange(40), "seed": random.randrange(1000),
                      "tokens": some_tokens(random, length), "proposed": some_tokens(random, tau),
                      "cached": length - gap})
    return found


def row_choices(case: dict) -> list[int]:
    """The target's choice after the text and 0, 1, 2 … of the drafts."""
    rule = rule_of(case, "target")
    return [rule(case["tokens"] + case["proposed"][:j]) for j in range(len(case["proposed"]) + 1)]


def judge_verify(case: dict, answer) -> str | None:
    """tau + 1 choices, each after its own drafts, from one pass over what the cache lacks."""
    expected, unread = row_choices(case), case["tokens"][case["cached"]:] + case["proposed"]
    reads = texts_read(answer["passes"], case["tokens"])
    if answer["choices"] != expected:
        right = case["tokens"] + case["proposed"]
        why = f"; the target had read {reads[-1]}, and not {right}" if reads and reads[-1] != right else ""
        return f"you gave {len(answer['choices'])} choices, {answer['choices']}; row by row they are {expected}{why}"
    if answer["passes"] != [[case["cached"], unread]]:
        fed = [rows for _, rows in answer["passes"]]
        return f"the choices are right, but the target was fed {fed}; ONE pass over {unread} is what verification is"
    return None


def known_verify(case: dict) -> dict:
    """Several passes, rows that read nothing or everything, the text twice."""
    rule, tokens, proposed, cached = rule_of(case, "target"), case["tokens"], case["proposed"], case["cached"]
    right, twice = row_choices(case), tokens[:cached] + tokens
    unread = tokens[cached:] + proposed
    singly = [[cached + place, [token]] for place, token in enumerate(unread)]
    return {"verified-one-by-one": {"choices": right, "passes": singly},
            "rows-blind-to-drafts": {"choices": right[:1] * len(right)},
            "whole-text-fed-again": {"choices": [rule(twice + proposed[:j]) for j in range(len(right))]}}


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


def judge_count_accepted(case: dict, answer) -> str | None:
    """The length of the longest prefix on which drafts and choices agree."""
    proposed, choices = case["proposed"], case["choices"]
    expected = prefix_length(proposed, choices)
    if answer == expected:
        return None
    letters = ["A" if guess == choice else "R" for guess, choice in zip(proposed, choices)]
    return f"you counted {answer}, it is {expected}: [{', '.join(letters)}], and what follows an R is not judged"


def known_counts(proposed: list[int], choices: list[int]) -> dict:
    """Matches counted behind a mismatch, the rows shifted, the first draft never judged."""
    same = [guess == choice for guess, choice in zip(proposed, choices)]
    shifted = [guess == choice for guess, choice in zip(proposed, choices[1:])]
    return {"matches-after-a-mismatch": sum(same), "rows-shifted": [*shifted, False].index(False),
            "first-draft-unjudged": min(1, len(same)) + [*same[1:], False].index(False)}


def known_count_accepted(case: dict) -> dict:
    """The same, of a case."""
    return known_counts(case["proposed"], case["choices"])


def make_commits(random: Random) -> list[dict]:
    """What was proposed and chosen, and how many drafts were accepted."""
    found = []
    for case in make_verdicts(random):
        tokens = some_tokens(random, 1 + len(found) % 4)
        found.append({"tokens": tokens, **case, "n_accepted": prefix_length(**case)})
    return found


def judge_commit(case: dict, answer) -> str | None:
    """The text, the accepted drafts, the target's own token after them."""
    expected = list(case["tokens"])
    for place in range(case["n_accepted"]):
        expected.append(case["proposed"][place])
    expected.append(case["choices"][case["n_accepted"]])
    if answer == expected:
        return None
    return (f"your text is {answer}; it must be {expected}: X and y, the accepted drafts ({case['n_accepted']}), and "
            f"one token of the target's own")


def known_blocks(proposed: list[int], choices: list[int], n: int) -> dict:
    """What the gallery's bugs commit, where the right block is proposed[:n] and choices[n]."""
    own = choices[n:n + 1]
    agreeing = [guess for guess, choice in zip(proposed, choices) if guess == choice]
    return {"accepted-drafts-forgotten": own, "rejected-token-committed": proposed[:n + 1] + own,
            "correction-from-the-draft": (proposed + choices[-1:])[:n + 1],
            "bonus-lost": proposed[:n] + (own if n < len(proposed) or not proposed else []),
            "correction-lost": proposed[:n] + (own if n == len(proposed) else []),
            "every-a-kept": agreeing + choices[-1:]}


def known_commit(case: dict) -> dict:
    """The text with the blocks that the gallery's bugs commit."""
    blocks = known_blocks(case["proposed"], case["choices"], case["n_accepted"])
    return {bug: case["tokens"] + block for bug, block in blocks.items()}


VERIFYING_STEPS = (
    Exercise("row_contexts", 2, "What each row of the target reads", ("tokens", "proposed"), 2, 5, ("C9", "C25"), 5,
             ("How many rows does one pass over tau drafts have, and what is the last one for?",
              "Row 0 reads the text and no draft. Row 1 reads one draft more.",
              "One list for each j from 0 to tau: `tokens + proposed[:j]`."),
             make_blocks, judge_row_contexts, known_row_contexts),
    Exercise("causal_mask", 2, "Who may look at what", ("start", "rows", "positions"), 2, 8, ("C9", "C6"), 5,
             ("Row t of the block stands at which position of the text?",
              "It looks at every position up to its own: earlier tokens in the cache, and itself.",
              "Row t has True at `place` where `place <= start + t`."),
             make_masks, judge_causal_mask, known_causal_mask),
    Exercise("verify", 2, "Judge all drafts in one pass", ("target", "tokens", "proposed", "cache"), 4, 12,
             ("C9", "C10", "C25"), 15,
             ("The target reads the drafts too, although it has not accepted them yet.",
              "Feed what the cache has not read of `tokens + proposed`, in one call; each row scores the next token.",
              "The last `len(proposed) + 1` rows are yours; the argmax of each is a choice."),
             make_verifications, judge_verify, known_verify),
    Exercise("count_accepted", 2, "Count the accepted drafts", ("proposed", "choices"), 4, 8, ("C9", "C15", "C20"), 10,
             ("Not how many agree: how many agree before the first that does not.",
              "Walk along both lists together and stop at the first difference.",
              "Start at 0 and add 1 while `proposed[n] == choices[n]` and there is a draft left."),
             make_verdicts, judge_count_accepted, known_count_accepted),
    Exercise("commit", 2, "The text after a round", ("tokens", "proposed", "choices", "n_accepted"), 1, 5,
             ("C11", "C15", "C26"), 10,
             ("Three parts: what was there, what was accepted, and one token more.",
              "The last token is the target's own, for the place after the accepted drafts. Which choice is that?",
              "`tokens + proposed[:n_accepted]`, and then `choices[n_accepted]`."),
             make_commits, judge_commit, known_commit),
)
