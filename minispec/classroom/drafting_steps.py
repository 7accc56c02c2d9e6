"""Exercises 1: what a draft is conditioned on, and how the drafts of a round are made."""

import math
from random import Random

from .exercise import RIGHT, Exercise, first_difference, some_text, some_tokens
from .recorded_run import rule_of


def make_logits(random: Random) -> list[dict]:
    """Rows of logits in quarters, among them ties, negative ones, and the likeliest at either end."""
    rows = [[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [-2.0, -1.0, -3.0], [0.5, 0.25, 0.5], [-9.0, 1.0, 2.0], [0.0, -5.0]]
    for size in (4, 7, 12, 30):
        row = [random.randrange(-20, 20) / 4 for _ in range(size)]
        row[random.randrange(size // 2)] = row[size // 2 + random.randrange(size - size // 2)] = 6.0
        rows.append(row)
    return [{"logits": row} for row in rows]


def likeliest(logits: list[float]) -> list[int]:
    """The ids whose logits no other exceeds."""
    return [token for token in range(len(logits)) if all([other <= logits[token] for other in logits])]


def next_tokens(case: dict) -> dict:
    """The argmax, and of equals the lowest id; or the highest."""
    return {RIGHT: likeliest(case["logits"])[0], "ties-to-the-last": likeliest(case["logits"])[-1]}


def make_scores(random: Random) -> list[dict]:
    """Rows of scores: equal ones, huge ones, tiny ones, and one that a mask has hidden."""
    rows = [[0.0], [0.0, 0.0], [1.0, 0.0], [-1.0, 1.0, 0.5], [1000.0, 999.0], [-1000.0, -1001.0], [0.0, -1e30, 1.0]]
    rows += [[random.randrange(-16, 16) / 4 for _ in range(size)] for size in (4, 9)]
    return [{"scores": row} for row in rows]


def shares(scores: list[float]) -> list[float]:
    """The definition with every exponent a difference, so that nothing can overflow: 1 / sum of exp(other - score)."""
    differences = [[min(other - score, 700.0) for other in scores] for score in scores]
    return [1 / math.fsum([math.exp(difference) for difference in row]) for row in differences]


def softmaxes(case: dict) -> dict:
    """exp(score) over the sum of all of them."""
    return {RIGHT: shares(case["scores"])}


def make_contexts(random: Random) -> list[dict]:
    """Prompts, verified tokens and drafts of all lengths, with every draft asked for."""
    found = []
    for prompt, verified, tau in ((1, 0, 1), (1, 1, 2), (1, 1, 3), (2, 0, 3), (2, 3, 4), (3, 2, 6)):
        tokens = some_tokens(random, prompt + verified + tau)
        parts = {"prompt": tokens[:prompt], "verified": tokens[prompt:prompt + verified],
                 "drafts": tokens[prompt + verified:]}
        found += [{**parts, "t": t} for t in range(1, tau + 1)]
    return found


def draft_contexts(case: dict) -> dict:
    """X, the verified tokens, and every earlier draft of the round; or some of those drafts left out."""
    text = case["prompt"] + case["verified"]
    earlier = [draft for number, draft in enumerate(case["drafts"], start=1) if number < case["t"]]
    return {RIGHT: text + earlier, "first-draft-only": text + earlier[:1], "no-earlier-drafts": text,
            "last-draft-only": text + earlier[-1:]}


def make_drafts(random: Random) -> list[dict]:
    """Texts and taus of all sizes for a scripted draft; the cache has read all but one token, or fewer."""
    return [some_text(random, length, tau=tau, cached=length - gap) for length, tau, gap in (
        (1, 1, 1), (1, 2, 1), (2, 2, 1), (1, 0, 1), (2, 3, 2), (3, 3, 1), (4, 4, 2), (5, 1, 5), (6, 5, 1), (3, 7, 3),
        (9, 3, 4), (8, 12, 1))]


def chain(case: dict, kept: slice = slice(None)) -> list[int]:
    """Draft after draft by the formula, each conditioned on the text and on `kept` of the earlier drafts."""
    rule, drafts = rule_of(case, "draft"), []
    for _ in range(case["tau"]):
        drafts.append(rule(case["tokens"] + drafts[kept]))
    return drafts


def literal_drafts(case: dict) -> dict:
    """By the formula; or with earlier drafts left out, in three ways."""
    kept = {RIGHT: slice(None), "first-draft-only": slice(1), "no-earlier-drafts": slice(0),
            "last-draft-only": slice(-1, None)}
    return {name: {"returned": chain(case, part)} for name, part in kept.items()}


def judge_drafts(case: dict, answer) -> str | None:
    """The first draft that is not the formula's, and what was read for it, if a cache shows it."""
    drafts, right = answer["returned"], chain(case)
    if drafts == right:
        return None
    if len(drafts) != len(right):
        return f"you drafted {drafts}, {len(drafts)} tokens; the formula gives {len(right)}, {right}"
    wrong = first_difference(drafts, right)
    before = f"the text and draft{'s 1 to' if wrong > 1 else ''} {wrong}" if wrong else "the whole text"
    sentence = f"you drafted {drafts}, the formula gives {right}; draft {wrong + 1} is not the argmax after {before}"
    reads, context = texts_read(answer["draft"]["passes"], case["tokens"]), case["tokens"] + right[:wrong]
    if "cached" in answer["draft"] and wrong < len(reads) and reads[wrong] != context:
        sentence += f": it had read {reads[wrong]}, and not {context}"
    return sentence


def texts_read(passes: list, text: list[int]) -> list[list[int]]:
    """For every pass: all that the cache, which held `text` at first, and the rows held together."""
    found = []
    for start, tokens in passes:
        text = text[:start] + tokens
        found.append(text)
    return found


def drafting_work(case: dict, drafts: list[int]) -> dict:
    """The passes that these drafts need, and what the cache has read afterwards: all but the last draft."""
    tokens, cached = case["tokens"], case["cached"]
    fed = [tokens[cached:]] + [[draft] for draft in drafts[:-1]] if drafts else []
    starts = [cached] + [len(tokens) + t for t in range(len(drafts) - 1)]
    return {"passes": [[start, rows] for start, rows in zip(starts, fed)],
            "cached": tokens + drafts[:-1] if drafts else tokens[:cached]}


def cached_drafts(case: dict) -> dict:
    """By the formula, with no token read twice; or earlier drafts left out, the wrong row, a token never read."""
    rule, tokens, cached = rule_of(case, "draft"), case["tokens"], case["cached"]
    read, gap, row = tokens[:cached], [], []
    for t in range(case["tau"]):
        read = read + [gap[-1] if gap else tokens[-1]]
        gap.append(rule(read))
        row.append(rule(tokens[:cached + 1] if t == 0 else tokens + row))
    right = literal_drafts(case)
    return {**right, RIGHT: {**right[RIGHT], "draft": drafting_work(case, right[RIGHT]["returned"])},
            "gaps-after-full-acceptance": {"returned": gap}, "first-row-guessed": {"returned": row}}


def judge_propose(case: dict, answer) -> str | None:
    """The drafts of the formula, and no token read twice, none left out, the last draft not read."""
    return judge_drafts(case, answer) or work_problem(answer, cached_drafts(case)[RIGHT])


def work_problem(answer: dict, right: dict) -> str | None:
    """What a model was fed, or what its cache holds afterwards, where that is not right."""
    for name in ("target", "draft"):
        for part, value in right.get(name, {}).items():
            got = answer[name][part]
            if got != value and part == "passes":
                got, value = [rows for _, rows in got], [rows for _, rows in value]
                return f"the {name} was fed {got}; right is {value}, {len(value)} passes and no token twice"
            if got != value:
                return f"afterwards the {name}'s cache holds {got}; it should hold {value}"
    return None


DRAFTING_STEPS = (
    Exercise("next_token", 1, "Pick the likeliest token", 5, make_logits, next_tokens,
             "you chose {answer}, the likeliest token is {right}; of equal logits the lowest id wins"),
    Exercise("softmax", 1, "From scores to probabilities", 5, make_scores, softmaxes,
             "you gave {answer}, the probabilities are {right}; exp(1000) is too large, take the largest score off"),
    Exercise("draft_context", 1, "What a draft is conditioned on", 5, make_contexts, draft_contexts,
             "you gave {answer}, draft {t} is conditioned on {right}: X, y and all earlier drafts, and no later one"),
    Exercise("propose_literal", 1, "The formula as it reads", 10, make_drafts, literal_drafts, judge_drafts),
    Exercise("propose", 1, "The same drafts with a cache", 15, make_drafts, cached_drafts, judge_propose),
)
