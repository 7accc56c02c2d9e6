"""Exercises 4: one round, and the loop around it; also the broken file of exercises 6, which is such a loop."""

from random import Random

from .drafting_steps import chain, texts_read
from .exercise import Exercise, some_tokens
from .recorded_run import rule_of
from .verifying_steps import known_blocks, known_counts, prefix_length, row_choices


def make_rounds(random: Random) -> list[dict]:
    """Rounds with no, some and full acceptance; the draft's cache lacks one token, or two as after full acceptance."""
    found = []
    for length, tau, gap, miss in ((1, 1, 1, 1), (1, 1, 1, 0), (2, 2, 2, 0), (2, 0, 1, 0), (3, 2, 1, 1), (3, 4, 1, 2),
                                   (4, 4, 2, 2), (5, 6, 1, 3), (6, 3, 2, 3), (8, 8, 1, 4), (4, 5, 2, 5), (9, 7, 1, 3)):
        found.append({"vocab": 60 + random.randrange(40), "seed": random.randrange(1000), "miss": miss,
                      "tokens": some_tokens(random, length), "tau": tau, "cached": length - gap})
    return found


def right_round(case: dict) -> dict:
    """What one round drafts, chooses and commits, by the rules of the two models."""
    proposed = chain(case)
    choices = row_choices({**case, "proposed": proposed})
    n_accepted = prefix_length(proposed, choices)
    return {"proposed": proposed, "choices": choices, "n_accepted": n_accepted,
            "committed": proposed[:n_accepted] + [choices[n_accepted]]}


def judge_round(case: dict, answer) -> str | None:
    """What is committed, what both models read, what both caches hold."""
    right = right_round(case)
    tokens, proposed, committed = case["tokens"], right["proposed"], right["committed"]
    drafted = f"drafts {proposed}, choices {right['choices']}"
    if answer["committed"] != committed:
        return f"you committed {answer['committed']}; with {drafted} it is {committed}"
    if answer["target_passes"] != [[len(tokens) - 1, tokens[-1:] + proposed]]:
        fed = [rows for _, rows in answer["target_passes"]]
        return f"the target was fed {fed}; one pass over {tokens[-1:] + proposed} judges all drafts"
    lacking = [tokens[case["cached"]:]] + [[draft] for draft in proposed[:-1]] if proposed else []
    fed = [rows for _, rows in answer["draft_passes"]]
    if fed != lacking:
        return f"the draft was fed {fed}; {lacking} is enough"
    text = tokens + committed
    read = {"target": tokens + proposed, "draft": tokens + proposed[:-1] if proposed else tokens[:case["cached"]]}
    for name in read:
        kept = read[name][:len(text) - 1]
        if answer[f"{name}_cached"] != kept:
            return f"afterwards the {name}'s cache holds {answer[name + '_cached']}; of the text {text} it keeps {kept}"
    return None


def known_round(case: dict) -> dict:
    """The gallery's bugs of what is committed and of how far the caches are rolled back."""
    right = right_round(case)
    tokens, proposed, choices, n = case["tokens"], right["proposed"], right["choices"], right["n_accepted"]
    found = {bug: {"committed": block} for bug, block in known_blocks(proposed, choices, n).items()}
    for bug, count in known_counts(proposed, choices).items():
        found[bug] = {"committed": proposed[:count] + choices[count:count + 1]}
    text = tokens + right["committed"]
    target, draft = tokens + proposed, tokens + proposed[:-1] if proposed else tokens[:case["cached"]]
    good = {"committed": right["committed"]}
    keep = len(text) - 1
    minus_zero = target[:-(len(target) - keep)]
    found["target-not-rolled-back"] = {**good, "target_cached": target, "draft_cached": draft[:keep]}
    found["draft-not-rolled-back"] = {**good, "target_cached": target[:keep], "draft_cached": draft}
    found["reset-instead-of-rollback"] = {**good, "target_cached": [], "draft_cached": draft[:keep]}
    found["rolled-back-too-far"] = {**good, "target_cached": target[:keep - 1], "draft_cached": draft[:keep - 1]}
    found["minus-zero"] = {**good, "target_cached": minus_zero, "draft_cached": draft[:keep]}
    found["verified-one-by-one"] = {**good, "target_passes": [[len(tokens) - 1 + j, [token]] for j, token
                                                              in enumerate(tokens[-1:] + proposed)]}
    return found


def make_decodes(random: Random) -> list[dict]:
    """Whole decodes of all sizes; in half of them the text ends early, inside a block or at its end."""
    found = []
    for length, new, tau, miss, ends in ((1, 1, 1, 0, None), (1, 3, 2, 0, None), (2, 4, 2, 1, None), (1, 5, 0, 0, None),
                                         (2, 0, 3, 0, None), (2, 8, 4, 0, 2), (2, 9, 4, 0, 5), (3, 8, 3, 1, 4),
                                         (3, 12, 3, 3, None), (4, 16, 5, 4, None), (2, 14, 4, 4, 7), (5, 11, 6, 3, 9),
                                         (3, 20, 12, 0, None), (4, 15, 1, 2, None)):
        case = {"vocab": 60 + random.randrange(40), "seed": random.randrange(1000), "miss": miss,
                "tokens": some_tokens(random, length), "new_tokens": new, "tau": tau, "end_token": None,
                "positions": length + new if miss else 64}
        if ends is not None:
            case["end_token"] = greedy_text(case)[length + ends]
        found.append(case)
    return found


def greedy_text(case: dict) -> list[int]:
    """What the target writes on its own, one token at a time."""
    rule, text = rule_of(case, "target"), list(case["tokens"])
    for _ in range(case["new_tokens"]):
        text = text + [rule(text)]
        if text[-1] == case["end_token"]:
            break
    return text


def walked(case: dict, cut: bool = True, cap: bool = True) -> tuple[list[int], int]:
    """The text and the number of rounds of a decode; without `cut` and `cap`, what two bugs of the gallery make."""
    text, rounds = list(case["tokens"]), 0
    end = len(text) + case["new_tokens"]
    while len(text) < end and not (rounds and text[-1] == case["end_token"]):
        tau = min(case["tau"], end - len(text) - 1) if cap else case["tau"]
        block = right_round({**case, "tokens": text, "tau": tau})["committed"]
        if cut and case["end_token"] in block:
            block = block[:block.index(case["end_token"]) + 1]
        text, rounds = text + block, rounds + 1
    return text, rounds


def judge_decode(case: dict, answer) -> str | None:
    """The target's own text; drafts by the formula; one pass of the target a round, no token read twice."""
    expected = greedy_text(case)
    if answer["text"] != expected:
        return f"your text is {answer['text']}; the target on its own writes {expected}"
    _, rounds = walked(case)
    if len(answer["target_passes"]) > rounds + 1:
        return f"the target was run {len(answer['target_passes'])} times; {rounds} rounds need no more passes than that"
    stray = stray_read(case, texts_read(answer["draft_passes"], []), expected)
    if stray:
        return f"the text is right, but the draft read {stray}, which is not the text and drafts of its own"
    most = len(case["tokens"]) + rounds * (case["tau"] + 1)
    for name in ("target", "draft"):
        rows = sum([len(fed) for _, fed in answer[f"{name}_passes"]])
        if rows > most:
            return f"the text is right, but the {name} read {rows} tokens; {most} are enough if none is read twice"
    return None


def stray_read(case: dict, reads: list, text: list[int]) -> list[int] | None:
    """The first reading that is no beginning of the text with drafts by the formula behind it."""
    rule = rule_of(case, "draft")
    for read in reads:
        true = 0
        while true < min(len(read), len(text)) and read[true] == text[true]:
            true += 1
        if any([place < len(case["tokens"]) or read[place] != rule(read[:place]) for place in range(true, len(read))]):
            return read
    return None


def known_decode(case: dict) -> dict:
    """The two ends missed."""
    return {"end-inside-the-block-missed": {"text": walked(case, cut=False)[0]},
            "budget-overshot": {"text": walked(case, cap=False)[0]}}


DECODE = ("target", "draft", "tokens", "new_tokens", "tau", "end_token")
LOOP_STEPS = (
    Exercise("speculative_round", 4, "One whole round",
             ("target", "draft", "tokens", "tau", "target_cache", "draft_cache"), 12, 20, ("C12", "C15"), 20,
             ("Draft, verify, count, commit, roll back: five steps, all but the last of which you have written.",
              "After the round both caches may hold all of the new text but its last token.",
              "`keep = len(tokens) + len(committed) - 1`; `truncate(keep)` on both caches."),
             make_rounds, judge_round, known_round),
    Exercise("speculative", 4, "The loop, the budget, the end", DECODE, 14, 20, ("C12", "C11", "C26"), 20,
             ("Two new caches, then rounds until the text is long enough or has ended.",
              "A round adds up to tau + 1 tokens. How many drafts may the last round make?",
              "`min(tau, end - len(tokens) - 1)` drafts; cut the block after the first end token, and stop."),
             make_decodes, judge_decode, known_decode),
)
