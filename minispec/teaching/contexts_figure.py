"""A round of the correct code over the same round with a bug: what each draft read, and what it made of it.

Invariant: the context of a panel is what the model had really read, and a token that it should have read besides is
drawn as an empty box where it belongs; the bars are recorded logits.
"""

from ..arguments import check_count
from ..trace import Round, Trace
from ..views.draft_figures import JUDGE, draw_candidates
from ..views.figure import Figure, drawing
from ..views.palette import FADED, GLYPHS, INK, NAMES, PAPER, REJECTED, VERDICT_INK, Style
from ..views.pieces import CHIP, counted, draft_name, recorded, round_at
from ..views.beside import laid_beside
from ..views.slide import MARGIN, SMALL, TOKEN_SIZE, WIDTH, Slide
from ..views.text import label, draft_state
from .runs import Run, SideBySide

MISSING = Style(PAPER, REJECTED, "solid", 3, crossed=True)
RUN_HEIGHT = 330                               # pixels from one run to the next
BESIDES = Style(PAPER, FADED, "dotted", 3)
MOST = 3                                 # panels side by side


@drawing
def draft_contexts(run: SideBySide, number: int = 1, first: int = 1, panels: int = MOST) -> Figure:
    """Round `number` of both runs, `panels` drafts (1 to 3) from draft `first` on; fewer show more of what was read."""
    check_count("first", first, least=1)
    check_count("panels", panels, least=1)
    if panels > MOST:
        raise ValueError(f"panels is {panels}; it must be 1 to {MOST}")
    runs = run.with_rounds()
    made = max(len(round_at(one.trace, number).proposed) for one in runs)
    last = min(first + panels - 1, made)
    which = "" if (first, last) == (1, made) else f" ({first} to {last} of {made})"
    slide = Slide(106 + RUN_HEIGHT * len(runs), f"Round {number}: what each draft{which} read, and what it became")
    sentences = []
    for row, one in enumerate(runs):
        y = 56 + RUN_HEIGHT * row
        slide.line([MARGIN, WIDTH - MARGIN], [y, y], INK, 2.5)
        slide.text(MARGIN, y + 22, one.name, TOKEN_SIZE, INK, weight="bold")
        sentences.append(f"{one.name}: " + draw_run(slide, one, number, (first, panels), y + 46))
    slide.legend(slide.height - 18, [("prompt", "prompt"), ("committed", "committed"), ("pending", "own drafts"),
                                     (MISSING, "should be read, is not"), (JUDGE, "target"),
                                     ("", "◀ its choice")])
    return slide.finish(f"Round {number}, drafts with the context that each really read. {' '.join(sentences)}")


def draw_run(slide: Slide, one: Run, number: int, shown: tuple[int, int], y: float) -> str:
    """The panels of one run, shown: the first draft and how many; returns the same in words."""
    r = round_at(one.trace, number)
    first, panels = shown
    steps = range(first, min(len(r.proposed), first + panels - 1) + 1)
    if not steps:
        raise ValueError(f"first is {first}; round {number} of {one.name} has {counted(len(r.proposed), 'draft')}")
    width = (WIDTH - 2 * MARGIN + 20) / panels
    words = [draw_panel(slide, one, number, t, (MARGIN + width * place, y, width - 20))
             for place, t in enumerate(steps)]
    return "; ".join(words) + "."


def draw_panel(slide: Slide, one: Run, number: int, t: int, area: tuple[float, float, float]) -> str:
    """One draft: its name and verdict, the context it read, the five likeliest tokens."""
    x, y, width = area
    trace, r = one.trace, one.trace.rounds[number - 1]
    state = draft_state(r, t - 1)
    slide.text(x, y + 18, f"draft {t}", weight="bold")
    slide.text(x + slide.measured(f"draft {t}", weight="bold") + 10, y + 19, draft_name(t), 16)
    slide.text(x + width, y + 18, f"{GLYPHS[state]} {state}", TOKEN_SIZE, VERDICT_INK[state], "right", "bold")
    context = read_states(trace, r, t - 1, one.read[number - 1][t - 1])
    slide.text(x, y + 58, "reads", SMALL, FADED)
    draw_context(slide, trace, context, (x + 62, y + 58, width - 62))
    draft_V, target_V = recorded(r, "draft")[t - 1], recorded(r, "target")[t - 1]
    draw_candidates(slide, trace, r, t, (draft_V, target_V), area)
    missing = " ".join(label(trace, token) for token, kind in context if kind == "missing")
    read = " ".join(label(trace, token) for token, kind in context[-6:] if kind != "missing")
    without = f" without “{missing}”" if missing else ""
    return f"draft {t} reads “… {read}”{without} and becomes “{label(trace, r.proposed[t - 1])}”, {NAMES[state]}"


def read_states(trace: Trace, r: Round, n_drafts: int, read: tuple[int, ...]) -> list[tuple[int, str]]:
    """The text before a draft, each token with its state; "missing" for what was not read, "besides" for what was
    read and should not have been."""
    states = ["prompt"] * len(trace.prompt) + ["committed"] * (len(r.tokens) - len(trace.prompt))
    states += ["pending"] * n_drafts
    asked = r.tokens + r.proposed[:n_drafts]
    context = []
    for place, at in laid_beside(asked, read):
        if place is None:
            context.append((read[at], "besides"))
        else:
            context.append((asked[place], "missing" if at is None else states[place]))
    return context


def draw_context(slide: Slide, trace: Trace, context: list[tuple[int, str]], area: tuple[float, float, float]) -> None:
    """The last tokens as boxes in a row, as many as fit, "…" before them if some are left off."""
    x, y, width = area
    dots = slide.measured("…") + 6
    shown, used = [], 0.0
    for place, (token, state) in enumerate(reversed(context), start=1):
        text = slide.fitted(label(trace, token), width - dots - 26)
        needed = slide.measured(text) + CHIP + 4
        room = width + 4 if place == len(context) else width - dots      # "…" is not needed before the first token
        if used + needed > room:
            break
        shown.insert(0, (text, state))
        used += needed
    if len(shown) < len(context):
        slide.text(x, y, "…")
        x += dots
    for text, state in shown:
        chip = slide.measured(text) + CHIP
        if state in ("missing", "besides"):
            slide.token_box(x, y - 18, chip, 36, MISSING if state == "missing" else BESIDES, state)
            slide.text(x + chip / 2, y, text, align="center", colour=INK)
        else:
            slide.chip(x, y, text, state, chip, 36, f"context {state}")
        x += chip + 4
