"""Exercises 4: one round, and the loop around it; also the broken file of exercises 6, which is such a loop."""

from random import Random

from .drafting_steps import chain, drafting_work, texts_read, work_problem
from .exercise import RIGHT, Exercise, some_text
from .recorded_run import rule_of
from .verifying_steps import prefix_length, row_choices, wrong_blocks, wrong_counts


def make_rounds(random: Random) -> list[dict]:
    """Rounds with no, some and full acceptance; the draft's cache lacks one token, or two as after full acceptance."""
    return [some_text(random, length, miss=miss, tau=tau, cached=length - gap) for length, tau, gap, miss in (
        (1, 1, 1, 1), (1, 1, 1, 0), (2, 2, 2, 0), (2, 0, 1, 0), (3, 2, 1, 1), (3, 4, 1, 2), (4, 4, 2, 2), (5, 6, 1, 3),
        (6, 3, 2, 3), (8, 8, 1, 4), (4, 5, 2, 5), (9, 7, 1, 3))]


def drafts_and_choices(case: dict) -> tuple[list[int], list[int], int]:
    """What one round drafts and chooses, and how many drafts are accepted, by the rules of the two models."""
    proposed = chain(case)
    choices = row_choices({**case, "proposed": proposed})
    return proposed, choices, prefix_length(proposed, choices)


def round_answers(case: dict) -> dict:
    """What is committed, fed and kept; or the gallery's bugs in what is committed and how far is rolled back."""
    tokens, (proposed, choices, n) = case["tokens"], drafts_and_choices(case)
    committed, keep = proposed[:n] + [choices[n]], len(tokens) + n
    work, target = drafting_work(case, proposed), tokens + proposed
    draft = work["cached"]

    def kept(target_cached, draft_cached):
        """The right block, with these caches."""
        return {"returned": committed, "target": {"cached": target_cached}, "draft": {"cached": draft_cached}}

    blocks = wrong_blocks(proposed, choices, n)
    blocks.update({bug: proposed[:count] + choices[count:count + 1]
                   for bug, count in wrong_counts(proposed, choices).items()})
    singly = [[len(tokens) - 1 + j, [token]] for j, token in enumerate(tokens[-1:] + proposed)]
    return {RIGHT: {"returned": committed,
                    "target": {"passes": [[len(tokens) - 1, tokens[-1:] + proposed]], "cached": target[:keep]},
                    "draft": {"passes": work["passes"], "cached": draft[:keep]}},
            **{bug: {"returned": block} for bug, block in blocks.items()},
            "target-not-rolled-back": kept(target, draft[:keep]), "draft-not-rolled-back": kept(target[:keep], draft),
            "reset-instead-of-rollback": kept([], draft[:keep]),
            "rolled-back-too-far": kept(target[:keep - 1], draft[:keep - 1]),
            "minus-zero": kept(target[:-(len(target) - keep)], draft[:keep]),
            "verified-one-by-one": {"returned": committed, "target": {"passes": singly}}}


def judge_round(case: dict, answer) -> str | None:
    """What is committed, what both models read, what both caches hold."""
    right = round_answers(case)[RIGHT]
    if answer["returned"] == right["returned"]:
        return work_problem(answer, right)
    proposed, choices, _ = drafts_and_choices(case)
    return (f"you committed {answer['returned']}; with drafts {proposed}, choices {choices} it is "
            f"{right['returned']}")


def make_decodes(random: Random) -> list[dict]:
    """Whole decodes of all sizes; in half of them the text ends early, inside a block or at its end."""
    found = []
    for length, new, tau, miss, ends in ((1, 1, 1, 0, None), (1, 3, 2, 0, None), (2, 4, 2, 1, None), (1, 5, 0, 0, None),
                                         (2, 0, 3, 0, None), (2, 8, 4, 0, 2), (2, 9, 4, 0, 5), (3, 8, 3, 1, 4),
                                         (3, 12, 3, 3, None), (4, 16, 5, 4, None), (2, 14, 4, 4, 7), (5, 11, 6, 3, 9),
                                         (3, 20, 12, 0, None), (4, 15, 1, 2, None)):
        case = some_text(random, length, miss=miss, new_tokens=new, tau=tau, end_token=None,
                         positions=length + new if miss else 64)
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
        proposed, choices, n = drafts_and_choices({**case, "tokens": text, "tau": tau})
        block = proposed[:n] + [choices[n]]
        if cut and case["end_token"] in block:
            block = block[:block.index(case["end_token"]) + 1]
        text, rounds = text + block, rounds + 1
    return text, rounds


def decodes(case: dict) -> dict:
    """The target's own text; or one of the two ends missed."""
    return {RIGHT: {"returned": greedy_text(case)},
            "end-inside-the-block-missed": {"returned": walked(case, cut=False)[0]},
            "budget-overshot": {"returned": walked(case, cap=False)[0]}}


def judge_decode(case: dict, answer) -> str | None:
    """The target's own text; drafts by the formula; one pass of the target a round, no token read twice."""
    expected, (_, rounds) = greedy_text(case), walked(case)
    if answer["returned"] != expected:
        return f"your text is {answer['returned']}; the target on its own writes {expected}"
    passes = len(answer["target"]["passes"])
    if passes > rounds + 1:
        return f"the target was run {passes} times; {rounds} rounds need no more passes than that"
    stray = stray_read(case, texts_read(answer["draft"]["passes"], []), expected)
    if stray:
        return f"the text is right, but the draft read {stray}, which is not the text and drafts of its own"
    most = len(case["tokens"]) + rounds * (case["tau"] + 1)
    for name in ("target", "draft"):
        rows = sum([len(fed) for _, fed in answer[name]["passes"]])
        if rows > most:
            return f"the text is right, but the {name} read {rows} tokens; {most} are enough if none is read twice"
    return None


def stray_read(case: dict, reads: list, text: list[int]) -> list[int] | None:
    """The first reading that is no beginning of the text with drafts by the formula behind it."""
    rule = rule_of(case, "draft")
    for read in reads:
        true = max([length for length in range(len(read) + 1) if read[:length] == text[:length]])
        if any([place < len(case["tokens"]) or read[place] != rule(read[:place]) for place in range(true, len(read))]):
            return read
    return None


LOOP_STEPS = (
    Exercise("speculative_round", 4, "One whole round", 20, make_rounds, round_answers, judge_round),
    Exercise("speculative", 4, "The loop, the budget, the end", 20, make_decodes, decodes, judge_decode),
)
