"""Exercises 1: what a draft is conditioned on, and how the drafts of a round are made."""

import math
from random import Random

from .exercise import Exercise, some_tokens
from .recorded_run import rule_of


def make_logits(random: Random) -> list[dict]:
    """Rows of logits in quarters, among them ties, negative ones, and the likeliest at either end."""
    rows = [[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [-2.0, -1.0, -3.0], [0.5, 0.25, 0.5], [-9.0, 1.0, 2.0], [0.0, -5.0]]
    for size in (4, 7, 12, 30):
        row = [random.randrange(-20, 20) / 4 for _ in range(size)]
        row[random.randrange(size // 2)] = row[size // 2 + random.randrange(size - size // 2)] = 6.0
        rows.append(row)
    return [{"logits": row} for row in rows]


def likeliest(logits: list[float]) -> int:
    """The lowest id whose logit no other exceeds."""
    return min([token for token in range(len(logits)) if all([other <= logits[token] for other in logits])])


def judge_next_token(case: dict, answer) -> str | None:
    """The argmax, and of equals the lowest id."""
    expected = likeliest(case["logits"])
    tie = "; of equal logits the lowest id wins" if case["logits"].count(max(case["logits"])) > 1 else ""
    return None if answer == expected else f"you chose {answer}, the likeliest token is {expected}{tie}"


def known_next_token(case: dict) -> dict:
    """Ties broken the other way."""
    logits = case["logits"]
    return {"ties-to-the-last": max([token for token in range(len(logits)) if logits[token] == max(logits)])}


def make_scores(random: Random) -> list[dict]:
    """Rows of scores: equal ones, huge ones, tiny ones, and one that a mask has hidden."""
    rows = [[0.0], [0.0, 0.0], [1.0, 0.0], [-1.0, 1.0, 0.5], [1000.0, 999.0], [-1000.0, -1001.0], [0.0, -1e30, 1.0]]
    rows += [[random.randrange(-16, 16) / 4 for _ in range(size)] for size in (4, 9)]
    return [{"scores": row} for row in rows]


def shares(scores: list[float]) -> list[float]:
    """The definition with every exponent a difference, so that nothing can overflow: 1 / sum of exp(other - score)."""
    differences = [[min(other - score, 700.0) for other in scores] for score in scores]
    return [1 / math.fsum([math.exp(difference) for difference in row]) for row in differences]


def differs(answer: list, expected: list, tolerance: float = 1e-4) -> bool:
    """Whether two lists of numbers differ in length or by more than float32 could; "nan" differs from everything."""
    if not isinstance(answer, list) or len(answer) != len(expected) or any([isinstance(x, str) for x in answer]):
        return True
    return any([not abs(got - right) <= tolerance * (1 + abs(right)) for got, right in zip(answer, expected)])


def rounded(numbers) -> str:
    """Numbers as a sentence shows them."""
    members = numbers if isinstance(numbers, list) else [numbers]
    texts = [x if isinstance(x, str) else f"{x:.6g}" for x in members]
    return f"[{', '.join(texts)}]" if isinstance(numbers, list) else texts[0]


def judge_softmax(case: dict, answer) -> str | None:
    """exp(score) over the sum of all of them."""
    expected = shares(case["scores"])
    if not differs(answer, expected):
        return None
    overflow = "; take the largest score off first, exp(1000) is too large" if "nan" in answer else ""
    return f"you gave {rounded(answer)}, the probabilities are {rounded(expected)}{overflow}"


def make_contexts(random: Random) -> list[dict]:
    """Prompts, verified tokens and drafts of all lengths, with every draft asked for."""
    found = []
    for prompt, verified, tau in ((1, 0, 1), (1, 1, 2), (1, 1, 3), (2, 0, 3), (2, 3, 4), (3, 2, 6)):
        tokens = some_tokens(random, prompt + verified + tau)
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
    return (f"you gave {answer}, draft {case['t']} is conditioned on {expected}: X, y and all earlier drafts, and no "
            f"later one")


def known_draft_context(case: dict) -> dict:
    """Earlier drafts left out, in three ways."""
    text, earlier = case["prompt"] + case["verified"], case["drafts"][:case["t"] - 1]
    return {"first-draft-only": text + earlier[:1], "no-earlier-drafts": text, "last-draft-only": text + earlier[-1:]}


def make_drafts(random: Random) -> list[dict]:
    """Texts and taus of all sizes for a scripted draft; the cache has read all but one token, or fewer."""
    found = []
    for length, tau, gap in ((1, 1, 1), (1, 2, 1), (2, 2, 1), (1, 0, 1), (2, 3, 2), (3, 3, 1), (4, 4, 2), (5, 1, 5),
                             (6, 5, 1), (3, 7, 3), (9, 3, 4), (8, 12, 1)):
        found.append({"vocab": 60 + random.randrange(40), "seed": random.randrange(1000),
                      "tokens": some_tokens(random, length), "tau": tau, "cached": length - gap})
    return found


def chain(case: dict, kept: slice = slice(None)) -> list[int]:
    """Draft after draft by the formula, each conditioned on the text and on `kept` of the earlier drafts."""
    rule, drafts = rule_of(case, "draft"), []
    for _ in range(case["tau"]):
        drafts.append(rule(case["tokens"] + drafts[kept]))
    return drafts


def judge_literal(case: dict, answer) -> str | None:
    """Every draft by the formula."""
    return None if answer == chain(case) else drafts_sentence(answer, chain(case))


def drafts_sentence(answer: list, expected: list) -> str:
    """The first draft that is not the formula's, and why."""
    if len(answer) != len(expected):
        return f"you drafted {answer}, {len(answer)} tokens; the formula gives {len(expected)}, {expected}"
    first = [got == right for got, right in zip(answer, expected)].index(False)
    before = f"the text and draft{'s 1 to' if first > 1 else ''} {first}" if first else "the whole text"
    return f"you drafted {answer}, the formula gives {expected}; draft {first + 1} is not the argmax after {before}"


def texts_read(passes: list, text: list[int]) -> list[list[int]]:
    """For every pass: all that the cache, which held `text` at first, and the rows held together."""
    found = []
    for start, tokens in passes:
        text = text[:start] + tokens
        found.append(text)
    return found


def reading(case: dict, passes: list, answer: list) -> str:
    """What the draft had really read for the first wrong draft, where that is what is wrong."""
    expected = chain(case)
    wrong = [got == right for got, right in zip(answer, expected)].index(False) if len(answer) == len(expected) else 0
    reads, right = texts_read(passes, case["tokens"]), case["tokens"] + expected[:wrong]
    if wrong < len(reads) and reads[wrong] != right:
        return f": it had read {reads[wrong]}, and not {right}"
    return ""


def known_literal(case: dict) -> dict:
    """Earlier drafts left out, in three ways."""
    return {"first-draft-only": chain(case, slice(1)), "no-earlier-drafts": chain(case, slice(0)),
            "last-draft-only": chain(case, slice(-1, None))}


def judge_propose(case: dict, answer) -> str | None:
    """The drafts of the formula, and no token read twice, none left out, the last draft not read."""
    expected, tokens, cached = chain(case), case["tokens"], case["cached"]
    if answer["proposed"] != expected:
        return drafts_sentence(answer["proposed"], expected) + reading(case, answer["passes"], answer["proposed"])
    fed = [tokens[cached:]] + [[draft] for draft in expected[:-1]] if expected else []
    if [rows for _, rows in answer["passes"]] != fed:
        return (f"the drafts are right, but the draft was fed {[rows for _, rows in answer['passes']]}; {fed} is "
                f"enough: first what the cache lacks, then one draft a pass, and the last draft never")
    right = tokens + expected[:-1] if expected else tokens[:cached]
    if answer["cached"] != right:
        return f"afterwards the cache holds {answer['cached']}; it should hold {right}"
    return None


def known_propose(case: dict) -> dict:
    """Earlier drafts left out, the wrong row, a token that the cache never read."""
    rule, tokens, cached = rule_of(case, "draft"), case["tokens"], case["cached"]
    read, gap, row = tokens[:cached], [], []
    last = tokens[-1]
    for t in range(case["tau"]):
        read = read + [last]
        last = rule(read)
        gap.append(last)
        row.append(rule(tokens[:cached + 1] if t == 0 else tokens + row))
    found = {**known_literal(case), "gaps-after-full-acceptance": gap, "first-row-guessed": row}
    return {bug: {"proposed": drafts} for bug, drafts in found.items()}


DRAFTING_STEPS = (
    Exercise("next_token", 1, "Pick the likeliest token", ("logits",), 1, 3, ("C1",), 5,
             ("You want the position of the largest number, not the number itself.",
              "`max(logits)` finds the number. At which index does it stand first?",
              "`logits.index(max(logits))`, or `int(np.argmax(logits))`."),
             make_logits, judge_next_token, known_next_token),
    Exercise("softmax", 1, "From scores to probabilities", ("scores",), 4, 8, ("C1", "C8"), 5,
             ("`exp` makes every score positive; what must you divide by so that they sum to 1?",
              "`exp(1000)` overflows. Taking the same number off every score changes no share.",
              "Take `max(scores)` off first, then `exp`, then divide each by the sum."),
             make_scores, judge_softmax),
    Exercise("draft_context", 1, "What a draft is conditioned on", ("prompt", "verified", "drafts", "t"), 1, 5,
             ("C7", "C8", "C13"), 5,
             ("The formula has three parts behind the bar. Write them down in order.",
              "Draft 1 has no earlier drafts, draft 3 has two.",
              "`prompt + verified`, and then the first `t - 1` of `drafts`."),
             make_contexts, judge_draft_context, known_draft_context),
    Exercise("propose_literal", 1, "The formula as it reads", ("draft", "tokens", "tau"), 5, 10, ("C7", "C14"), 10,
             ("One draft a turn, tau turns. What does turn 2 know that turn 1 did not?",
              "`draft(context)` gives one row of logits for each token; the last row scores the next token.",
              "In each turn: `context = tokens + proposed`, argmax of `draft(context)[-1]`, append it."),
             make_drafts, judge_literal, known_literal),
    Exercise("propose", 1, "The same drafts with a cache", ("draft", "tokens", "tau", "cache"), 6, 15, ("C6", "C7"), 15,
             ("Begin with your `propose_literal`. Which tokens of the context has the cache not read yet?",
              "After a pass `cache.length` has grown by the tokens that were fed.",
              "Feed `context[cache.length:]` with the cache, and take the last row as before."),
             make_drafts, judge_propose, known_propose),
)
