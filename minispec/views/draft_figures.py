"""Distributions: one step from logits to a token, and all drafts of a round beside what the target thought of them.

Invariant: every bar is the softmax of recorded logits, drawn on a track whose length is written beside it; nothing is
computed by a model here.  Sampling is not shown: a token is chosen by argmax.
"""

import numpy as np

from ..arguments import check_count
from ..layers import softmax
from ..trace import Round, Trace
from .figure import Figure, drawing
from .palette import DRAFT, DRAFT_TINT, FADED, GLYPHS, INK, NAMES, TARGET, TARGET_TINT, VERDICT_INK, Style
from .pieces import (context_states, context_words, counted, draft_name, highest, percent, recorded, round_at,
                     tail_of_context, top_gap)
from .slide import MARGIN, SMALL, TOKEN_SIZE, WIDTH, Slide
from .text import label, draft_state

TRACK = "#EFEFEF"                        # what a bar could fill
MOST_DRAFTS = 6                          # panels on one slide
SMALLEST = 13                            # points; names of columns
PERCENT, MARK = 76, 24                   # pixels of a column of per cents, and of the target's mark behind them
CHOICE, JUDGE = Style(DRAFT, DRAFT, "none"), Style(TARGET, TARGET)


@drawing
def next_token(trace: Trace, number: int = 1, step: int = 1, model: str = "target", top: int = 6) -> Figure:
    """One choice of a token: logits, their softmax, its argmax.

    number: the round.  step: 1 for the token behind the text, 2 for the one behind the first draft, and so on.
    model: "target" or "draft".  top: how many tokens to show, 5 to 8; the rest are one bar.
    """
    r = round_at(trace, number)
    check_count("step", step, least=1)
    logits_TV = recorded(r, model)
    if step > len(logits_TV):
        raise ValueError(f"step is {step}; the {model} took {counted(len(logits_TV), 'step')} in round {number}")
    if not 5 <= top <= 8:
        raise ValueError(f"top is {top}; it must be 5 to 8")
    logits_V = logits_TV[step - 1]
    probabilities_V = softmax(logits_V)
    tokens = highest(logits_V, top)
    name = trace.target if model == "target" else trace.draft
    slide = Slide(226 + 48 * top, f"One step of {name}: logits → softmax → argmax")
    states = context_states(trace, r, step - 1)
    slide.text(MARGIN, 92, "reads", SMALL, FADED)
    tail_of_context(slide, trace, states, 110, 92, WIDTH - 110 - MARGIN)
    slide.text(575, 150, "logit", SMALL, FADED)
    slide.text(690, 150, "→ softmax: probability", SMALL, FADED)
    slide.text(1090, 150, "→ argmax", SMALL, FADED)
    colours = (TARGET, TARGET_TINT) if model == "target" else (DRAFT, DRAFT_TINT)
    for rank, token in enumerate(tokens):
        draw_choice(slide, 190 + 48 * rank, label(trace, token), logits_V, token, probabilities_V, colours, rank == 0)
    rest = max(len(logits_V) - len(tokens), 0)
    left = max(1 - float(probabilities_V[tokens].sum()), 0.0) if rest else 0.0
    y = 190 + 48 * top
    slide.text(300, y, f"{rest} others", SMALL, FADED, "right")
    probability_bar(slide, 690, y, 300, 24, left, colours[1], "bar rest")
    slide.text(1002, y, percent(left), SMALL, FADED)
    first = label(trace, tokens[0])
    return slide.finish(
        f"Next-token bars of {name}, the {model}, after “{context_words(trace, states)}”: “{first}” has the highest "
        f"logit, {logits_V[tokens[0]]:.2f}, probability {percent(probabilities_V[tokens[0]])}, and is chosen; then "
        + ", ".join(f"“{label(trace, token)}” {percent(probabilities_V[token])}" for token in tokens[1:])
        + f"; the other {rest} tokens share {percent(left)}.")


def draw_choice(slide: Slide, y: float, text: str, logits_V: np.ndarray, token: int, probabilities_V: np.ndarray,
                colours: tuple[str, str], chosen: bool) -> None:
    """One row of next_token: name, logit, probability, and the mark of the chosen one."""
    weight = "bold" if chosen else "normal"
    slide.text(300, y, slide.fitted(text, 260, weight=weight), align="right", weight=weight)
    low, high = min(float(logits_V.min()), 0.0), max(float(logits_V.max()), 0.0)
    scale = 240 / ((high - low) or 1)
    zero = 320 - low * scale
    length = float(logits_V[token]) * scale
    slide.box(min(zero, zero + length), y - 12, abs(length), 24, colours[0] if chosen else colours[1],
              name=f"logit {token}")
    slide.line([zero, zero], [y - 20, y + 20], FADED, 1.5)
    slide.text(575, y, f"{logits_V[token]:.2f}", SMALL)
    share = float(probabilities_V[token])
    probability_bar(slide, 690, y, 300, 24, share, colours[0] if chosen else colours[1], f"bar {token}")
    slide.text(1002, y, percent(share), SMALL, weight=weight)
    if chosen:
        slide.arrow(1090, y, 1126, INK)
        slide.text(1136, y, "chosen", SMALL, weight="bold")


def probability_bar(slide: Slide, x: float, y: float, width: float, height: float, share: float, colour: str,
                    name: str) -> None:
    """A bar on its track; a share of 1 fills it."""
    slide.box(x, y - height / 2, width, height, TRACK)
    slide.box(x, y - height / 2, width * share, height, colour, name=name)
    slide.line([x, x], [y - height / 2 - 3, y + height / 2 + 3], FADED, 1.5)


@drawing
def draft_steps(trace: Trace, number: int = 1, judged: bool = True, first: int = 1) -> Figure:
    """The drafts of a round one by one: the draft model's five likeliest tokens, and the context that it read.

    judged: with the target's probabilities and verdicts, as after verification.  first: the first draft to show; a
    slide has room for six.
    """
    r = round_at(trace, number)
    draft_TV = recorded(r, "draft")
    check_count("first", first, least=1)
    steps = list(range(first, min(len(r.proposed), first + MOST_DRAFTS - 1) + 1))
    if r.proposed and not steps:
        raise ValueError(f"first is {first}; round {number} has {counted(len(r.proposed), 'draft')}")
    columns = 1 if not steps else {1: 1, 2: 2, 4: 2}.get(len(steps), 3)
    rows = max(-(-len(steps) // columns), 1)
    title = f"Round {number}: {trace.draft} drafts {counted(len(r.proposed), 'token')}"
    if len(steps) < len(r.proposed):
        title += f"; here {steps[0]} to {steps[-1]}"
    slide = Slide(110 + 306 * rows, title)
    sentences = []
    if not steps:
        slide.text(WIDTH / 2, 200, "no drafts in this round: the target decodes alone", align="center")
        sentences.append("nothing was drafted")
    width = (WIDTH - 2 * MARGIN + 20) / columns
    for place, t in enumerate(steps):
        x = MARGIN + width * (place % columns)
        y = 66 + 306 * (place // columns)
        sentences.append(draw_step(slide, trace, r, t, draft_TV[t - 1], judged, (x, y, width - 20)))
    entries = [("prompt", "prompt"), ("committed", "committed"), ("pending", "own drafts"), (CHOICE, "choice")]
    if judged:
        entries += [(JUDGE, "target"), ("", "◀ its choice")]
    entries.append(("", "gap: 1st to 2nd logit"))
    if steps:
        slide.legend(slide.height - 22, entries)
    opening = f"Round {number}, drafts of {trace.draft} with the context of each. "
    return slide.finish(opening + "; ".join(sentences) + ".")


def draw_step(slide: Slide, trace: Trace, r: Round, t: int, logits_V: np.ndarray, judged: bool,
              area: tuple[float, float, float]) -> str:
    """One panel: the draft's name and verdict, its context, five bars; returns the same in words."""
    x, y, width = area
    chosen = r.proposed[t - 1]
    slide.line([x, x + width], [y - 4, y - 4], TRACK, 2.5)
    slide.text(x, y + 18, f"draft {t}", weight="bold")
    slide.text(x + slide.measured(f"draft {t}", weight="bold") + 10, y + 19, draft_name(t), 16)
    target_V = None
    if judged:
        target_V = recorded(r, "target")[t - 1]
        state = draft_state(r, t - 1)
        slide.text(x + width, y + 18, f"{GLYPHS[state]} {state}", TOKEN_SIZE, VERDICT_INK[state], "right", "bold",
                   name=f"verdict {t}")
    states = context_states(trace, r, t - 1)
    slide.text(x, y + 58, "reads", SMALL, FADED)
    tail_of_context(slide, trace, states, x + 62, y + 58, width - 62)
    draw_candidates(slide, trace, r, t, (logits_V, target_V), area)
    gap = f"gap: draft {top_gap(logits_V):.2f}"
    if judged:
        gap += f", target {top_gap(target_V):.2f}"
    slide.text(x, y + 287, slide.fitted(gap, width, SMALL), SMALL, FADED, name=f"gap {t}")
    said = f"draft {t} “{label(trace, chosen)}” ({percent(softmax(logits_V)[chosen])}) after “" \
           f"{context_words(trace, states, 5)}”"
    if judged:
        said += f": {NAMES[draft_state(r, t - 1)]}, the target's own choice is “{label(trace, r.choices[t - 1])}”"
    return said


def draw_candidates(slide: Slide, trace: Trace, r: Round, t: int, logits: tuple,
                    area: tuple[float, float, float]) -> None:
    """The bars of a panel: the draft's five likeliest tokens, and the target's choice where it is none of them.

    logits: the draft's row and the target's, or None before it has verified.  area: left, top and width of the panel.
    """
    x, y, width = area
    draft_V, target_V = logits
    tokens = highest(draft_V, 5)
    if target_V is not None:
        if r.choices[t - 1] not in tokens:
            tokens.append(r.choices[t - 1])
        slide.text(x + width - MARK, y + 87, "target", SMALLEST, TARGET, "right")
        slide.text(x + width - MARK - PERCENT, y + 87, "draft", SMALLEST, INK, "right")
    shares = [softmax(row_V)[tokens] for row_V in logits if row_V is not None]
    scale = min(full for full in (1, 0.5, 0.25) if full == 1 or full >= np.max(shares))
    slide.text(x, y + 87, f"bars to {100 * scale:g}%", SMALLEST, FADED, name=f"scale {t}")
    for rank, token in enumerate(tokens):
        draw_candidate(slide, trace, r, t, token, logits, (x, y + 110 + 29 * rank, width, scale))


def draw_candidate(slide: Slide, trace: Trace, r: Round, t: int, token: int, logits: tuple,
                   area: tuple[float, float, float, float]) -> None:
    """One row of a panel: the token, a bar of each model, one over the other, both per cents and the target's mark.

    area: left, middle and width of the row, and the share that fills a bar.
    """
    x, y, width, scale = area
    draft_V, target_V = logits
    chosen = token == r.proposed[t - 1]
    weight = "bold" if chosen else "normal"
    names = min(width * 0.36, 170)
    right = x + width - MARK - (0 if target_V is None else PERCENT)      # where the draft's per cent ends
    track = right - PERCENT - (x + names)
    text = slide.fitted(label(trace, token), names - 10, weight=weight)
    slide.text(x + names - 8, y, text, align="right", weight=weight)
    share = float(softmax(draft_V)[token])
    high = 20 if target_V is None else 11
    probability_bar(slide, x + names, y - (0 if target_V is None else 6), track, high, share / scale,
                    DRAFT if chosen else DRAFT_TINT, f"draft {t} {token}")
    slide.text(right, y, percent(share), SMALL, INK, "right")
    if target_V is None:
        return
    share, unheard = float(softmax(target_V)[token]), draft_state(r, t - 1) == "discarded"
    probability_bar(slide, x + names, y + 6, track, high, share / scale, TARGET_TINT if unheard else TARGET,
                    f"target {t} {token}")
    slide.text(x + width - MARK, y, percent(share), SMALL, FADED if unheard else TARGET, "right")
    if token == r.choices[t - 1]:
        slide.text(x + width - MARK + 4, y, "◀", SMALL, TARGET, name=f"choice {t} {token}")
