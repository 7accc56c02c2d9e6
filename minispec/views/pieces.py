"""What several figures share: the asked-for round, distributions, the tail of a context, numbers as words.

Invariant: functions of a Trace that draw at most a row of tokens; a question that the trace cannot answer is a
ValueError of one sentence.
"""

import numpy as np

from ..arguments import check_count
from ..trace import Round, Trace
from .slide import Slide
from .text import label

CHIP = 16                                # pixels of a token's box beside its text, where several stand in a row


def round_at(trace: Trace, number: int) -> Round:
    """Round `number`, counted from 1 as in the table of rounds."""
    if not isinstance(trace, Trace):
        raise TypeError(f"trace is {type(trace).__name__}; it must be a Trace, as speculative(…) returns")
    check_count("number", number, least=1)
    if number > len(trace.rounds):
        raise ValueError(f"number is {number}; the trace has {len(trace.rounds)} rounds")
    return trace.rounds[number - 1]


def recorded(r: Round, model: str) -> np.ndarray:
    """The round's logits_TV of `model`, "target" or "draft"."""
    if model not in ("target", "draft"):
        raise ValueError(f'model is {model!r}; it must be "target" or "draft"')
    logits_TV = r.target_logits_TV if model == "target" else r.draft_logits_TV
    if logits_TV is None:
        raise ValueError("this trace was saved without logits, and distributions are made of them: decode again")
    return logits_TV


def highest(logits_V: np.ndarray, count: int) -> list[int]:
    """The `count` tokens of the highest logits, best first; of equal ones the lower number first, as argmax does."""
    return np.argsort(-logits_V, kind="stable")[:count].tolist()


def top_gap(logits_V: np.ndarray) -> float:
    """How far the highest logit is above the second highest."""
    if len(logits_V) < 2:
        return float("inf")
    first, second = np.sort(logits_V)[::-1][:2]
    return float(first - second)


def draft_name(t: int) -> str:
    """ŷ with its place behind i: the formula's own name for draft t, counted from 1."""
    return f"ŷ_{{i+{t}}}"


def percent(share: float) -> str:
    """A probability as a whole per cent; never 0 or 100 where it is not."""
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{100 * share:.0f}%"


def counted(count: int, noun: str) -> str:
    """1 draft, 2 drafts."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}{'es' if noun.endswith('s') else 's'}"


def context_states(trace: Trace, r: Round, n_drafts: int) -> list[tuple[int, str]]:
    """The tokens before a step, each with its state: prompt, committed, or a draft of this round."""
    states = [(token, "prompt" if place < len(trace.prompt) else "committed")
              for place, token in enumerate(r.tokens)]
    return states + [(token, "pending") for token in r.proposed[:n_drafts]]


def tail_of_context(slide: Slide, trace: Trace, states: list[tuple[int, str]], x: float, y: float, width: float,
                    most: int = 12, height: float = 36) -> list[str]:
    """The last tokens as boxes in a row, as many as fit; returns the texts shown, "…" first if some are left off."""
    dots = slide.measured("…") + 6
    shown, used = [], 0.0
    for place, (token, state) in enumerate(reversed(states), start=1):
        text = slide.fitted(label(trace, token), max(width - dots - 26, 40))
        needed = slide.measured(text) + CHIP + 4
        room = width + 4 if place == len(states) else width - dots       # "…" is not needed before the first token
        if len(shown) == most or used + needed > room:
            break
        shown.insert(0, (text, state))
        used += needed
    left_off = len(shown) < len(states)
    if left_off:
        slide.text(x, y, "…")
        x += dots
    for text, state in shown:
        x += slide.chip(x, y, text, state, slide.measured(text) + CHIP, height, name=f"context {state}") + 4
    return ["…"] * left_off + [text for text, _ in shown]


def context_words(trace: Trace, states: list[tuple[int, str]], most: int = 8) -> str:
    """The same tail as words, for alternative texts."""
    words = [label(trace, token) for token, _ in states[-most:]]
    return " ".join(["…"] * (len(states) > most) + words)
